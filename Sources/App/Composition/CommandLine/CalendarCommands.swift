// `busbar calendars list|show|store|remove`: calendars of the company on the command line. The rules are those of Packs
// and Rating.
import Access
import Clocks
import Packs
import Rating
import SQL
import Tariffs

/// All versions, in order of name.
public func listCalendars(_ site: SiteOptions, orgID: Int64?, _ console: Console) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let rows = try await open.site.money.read { transaction in
            try Calendars.list(scope, in: transaction).map { stored -> [String] in
                let calendar = stored.calendar
                let users = try Calendars.users(of: calendar.name, scope, in: transaction)
                return [
                    calendar.name, "\(calendar.version)", "\(calendar.validFrom)",
                    stored.isInForce ? stored.toDay.map { "\($0)" } ?? "-" : "never", calendar.parts,
                    Set(users.map(\.packID)).sorted().joined(separator: ", "), calendar.label,
                ]
            }
        }
        for line in table([["calendar", "version", "from", "to", "has", "used by", "label"]] + rows) {
            console.say(line)
        }
        return .done
    }
}

extension SharedCalendar {
    /// What it gives to tariffs, in words.
    fileprivate var parts: String {
        [rows.isEmpty ? nil : "bands", holidays == nil ? nil : "holidays", seasons.isEmpty ? nil : "seasons"]
            .compactMap(\.self).joined(separator: ", ")
    }
}

/// The versions of a calendar drawn, or the file of the latest.
public func showCalendar(
    _ site: SiteOptions, orgID: Int64?, name: String, text: Bool, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let found = try await open.site.money.read {
            try Calendars.list(named: name, Scope(orgID: org.orgID), in: $0)
        }
        guard let last = found.last else { throw Refusal(.notFound, "There is no calendar \(name).", at: "calendar") }
        if text {
            console.say(last.text)
        } else {
            for stored in found where stored.isInForce { stored.calendar.sheet.forEach(console.say) }
        }
        return .done
    }
}

/// Stores versions from files. The same file again changes nothing.
public func storeCalendars(
    _ site: SiteOptions, orgID: Int64?, files: [String], _ console: Console
) async throws -> CommandStatus {
    let commands = try files.map { path in
        StoreCalendar(
            text: String(decoding: try readFile(path, limit: Calendars.bytesMax), as: UTF8.self),
            file: shownName(path))
    }
    // Before anything is stored: all files can be read.
    for command in commands { _ = try SharedCalendar.read(Array(command.text.utf8), file: command.file) }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        for command in commands {
            console.say(try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli"))
        }
        return .done
    }
}

public func removeCalendar(
    _ site: SiteOptions, orgID: Int64?, name: String, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let count = try await open.site.perform(
            RemoveCalendar(calendar: name), as: .system(orgID: org.orgID), source: "cli")
        console.say("\(name) is removed with \(count) versions")
        return .done
    }
}
