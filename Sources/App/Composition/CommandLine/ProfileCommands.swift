// `busbar meter profiles|set-profile`: which kinds of meter are known, and of which kind a meter is.
import Access
import Clocks
import HeadEnd
import IS15959
import Meters
import Quantities
import SQL

/// - Throws: ``Complaint`` `usage` with the names that there are.
func knownProfile(_ name: String, in book: ProfileBook) throws {
    guard !book.names.contains(name) else { return }
    let near = Resemblance.nearest(to: name, among: book.names).map { "Did you mean \($0)? " } ?? ""
    throw Complaint(
        "there is no meter profile \(name.prefix(64))",
        hint: "\(near)Known are \(book.names.joined(separator: ", ")).", .usage)
}

/// Every profile with maker, base, origin and how many meters are entered with it; names no profile has come last.
public func listProfiles(_ site: SiteOptions, orgID: Int64?, _ console: Console) async throws -> CommandStatus {
    try await withSite(site) { open in
        let book = try open.profiles()
        let org = try await open.org(orgID)
        let used = try await open.site.money.read { transaction in
            try Meter.profileNames(Scope(orgID: org.orgID), in: transaction).values
                .reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
        }
        var rows = book.profiles.map { profile in
            let origin = book.origin(of: profile.name)
            return [
                profile.name, profile.maker ?? "–", origin?.base ?? "–", String(used[profile.name] ?? 0),
                origin?.file ?? "program", profile.title,
            ]
        }
        rows.append([
            ProfileBook.auto, "–", "–", String(used[ProfileBook.auto] ?? 0), "program",
            "the meter is asked what it has",
        ])
        let strange = used.keys.filter { !book.names.contains($0) }.sorted()
        for name in strange {
            rows.append([name, "–", "–", String(used[name] ?? 0), "no file", "the meter is asked what it has"])
        }
        for line in table([["name", "maker", "base", "meters", "from", "title"]] + rows) { console.say(line) }
        return strange.isEmpty ? .done : .partly
    }
}

/// Enters of which kind a meter is; it is read so from the next conversation on.
public func setProfile(
    _ site: SiteOptions, orgID: Int64?, serial: String, name: String, why: String, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let book = try open.profiles()
        try knownProfile(name, in: book)
        let org = try await open.org(orgID)
        let meter = try await open.site.money.read {
            try Meter.find(serial: serial, Scope(orgID: org.orgID), in: $0)
        }
        guard let meter else {
            throw Refusal(.notFound, "There is no meter \(serial).", hint: "`busbar meter list` shows them.")
        }
        _ = try await open.site.perform(
            SetMeterProfile(meterID: meter.meterID, profileName: name, among: book.names, why: why),
            as: .system(orgID: org.orgID), source: "cli", why: why)
        console.note("Meter \(serial) is of the kind \(name).")
        return .done
    }
}
