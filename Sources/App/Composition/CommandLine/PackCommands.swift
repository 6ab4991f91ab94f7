// `busbar packs list|show|drafts|draft|submit|withdraw|approve|reject`: packs and their drafts on the command line.
// The rules are those of Packs.
import Access
import CivilTime
import Clocks
import Packs
import SQL
import Tariffs

let packOptions = [
    "text": "the file", "note": "--note", "reason": "--reason", "evenWithoutNotice": "--without-notice",
    "revision": "the draft", "version": "--version", "against": "--against", "from": "--from", "to": "--to",
    "sample": "--sample", "category": "--category", "account": "--account", "placeID": "--place", "pack": "--pack",
    "months": "--months",
]

public struct PackListOptions: Sendable {
    public var orgID: Int64?
    public var query: String?
    public var kind: String?
    public var standing: String?
    public var category: String?
    public var on: String?
    public var json: Bool
    public init(
        orgID: Int64?, query: String?, kind: String?, standing: String?, category: String?, on: String?, json: Bool
    ) {
        (self.orgID, self.query, self.kind, self.standing) = (orgID, query, kind, standing)
        (self.category, self.on, self.json) = (category, on, json)
    }

    fileprivate func filter() throws -> PackFilter {
        var filter = PackFilter()
        (filter.text, filter.category) = (query, category)
        filter.kind = try kind.map { try word($0, "--kind") { PackKind(rawValue: $0) } }
        filter.standing = try standing.map { try word($0, "--standing") { PackVersion.Standing(rawValue: $0) } }
        filter.on = try on.map { try word($0, "--on") { CivilDay($0) } }
        return filter
    }

    private func word<Value>(_ text: String, _ option: String, _ read: (String) -> Value?) throws -> Value {
        guard let value = read(text) else {
            throw Complaint(
                "\(option) \(text)",
                hint: "Kinds are base, add-on; standings coming, in-force, past; days YYYY-MM-DD.", .usage)
        }
        return value
    }
}

private struct PackRow: Encodable {
    var pack: String
    var version: Int64
    var kind: String
    var name: String
    var standing: String
    var from: String
    var to: String?
    var categories: [String]
    var holders: Int64
}

/// Every published version that the filters leave.
public func listPacks(
    _ site: SiteOptions, _ options: PackListOptions, _ console: Console
) async throws -> CommandStatus {
    let filter = try options.filter()
    return try await withSite(site) { open in
        let org = try await open.org(options.orgID)
        let today = org.zone.day(atS: open.site.clocks.businessNowMs() / 1000)
        let rows = try await open.site.money.read { transaction in
            try PackShelf.list(
                filter, limit: .max, today: today, Scope(orgID: org.orgID), in: transaction
            ).map {
                PackRow(
                    pack: $0.packID, version: $0.version, kind: $0.kind.rawValue, name: $0.name,
                    standing: $0.standing.rawValue, from: $0.fromDay.description, to: $0.toDay?.description,
                    categories: $0.categories, holders: $0.holders)
            }
        }
        if options.json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        let head = ["pack", "version", "kind", "name", "stands", "from", "to", "for", "held by"]
        let cells = rows.map {
            [
                $0.pack, "\($0.version)", $0.kind, $0.name, $0.standing, $0.from, $0.to ?? "-",
                $0.categories.isEmpty ? "all" : $0.categories.joined(separator: ", "), "\($0.holders)",
            ]
        }
        for line in table([head] + cells) { console.say(line) }
        return .done
    }
}

/// The price sheet of a version, or its file as it was published.
public func showPack(
    _ site: SiteOptions, orgID: Int64?, packID: String, version: Int64?, text: Bool, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let today = org.zone.day(atS: open.site.clocks.businessNowMs() / 1000)
        let (tariff, file) = try await open.site.money.read { transaction in
            let book = try Packs.book(packID, scope, in: transaction)
            let usual = book.tariff(on: today) ?? book.tariffs[book.tariffs.count - 1]
            let number = version ?? Int64(usual.version)
            guard let found = try Packs.version(number, of: packID, scope, in: transaction) else {
                throw Refusal(.notFound, "There is no such version of a pack.", at: "--version")
            }
            return (found, try PackShelf.text(of: packID, version: number, scope, in: transaction))
        }
        guard text else {
            tariff.sheet.forEach(console.say)
            return .done
        }
        guard let file else {
            throw Refusal(.notFound, "A pack of the simple form has no tariff file.", at: packID)
        }
        console.say(file)
        return .done
    }
}

/// Drafts, newest first, 200 at most.
public func listPackDrafts(
    _ site: SiteOptions, orgID: Int64?, state: String?, _ console: Console
) async throws -> CommandStatus {
    let wanted = try state.map { text in
        guard let state = PackDraft.State(rawValue: text) else {
            let known = PackDraft.State.allCases.map(\.rawValue).joined(separator: ", ")
            throw Complaint("--state \(text)", hint: "One of: \(known).", .usage)
        }
        return [state]
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let drafts = try await open.site.money.read {
            try PackDraft.page(states: wanted ?? [], limit: 200, Scope(orgID: org.orgID), in: $0)
        }
        let rows = drafts.map {
            [
                "\($0.draftID)", $0.packID, "\($0.version)", $0.name, $0.fromDay.description, $0.state.rawValue,
                "\($0.revision)",
            ]
        }
        for line in table([["draft", "pack", "version", "name", "from", "state", "revision"]] + rows) {
            console.say(line)
        }
        return .done
    }
}

/// Begins a draft from a file, or changes one.
public func savePackDraft(
    _ site: SiteOptions, orgID: Int64?, file: String, draftID: Int64?, note: String?, _ person: OrderingPerson,
    _ console: Console
) async throws -> CommandStatus {
    let bytes = try readFile(file, limit: PackDraft.textMax)
    let text = String(decoding: bytes, as: UTF8.self)
    return try await withSite(site) { open in
        try await naming(packOptions) {
            let org = try await open.org(orgID)
            let actor = try await person.actor(open, orgID: org.orgID)
            let known = try await open.site.money.read { transaction in
                // What is wrong in the file is told with its own name.
                let calendars = try Calendars.all(actor.scope, in: transaction)
                _ = try TariffReader.read(bytes, file: shownName(file), calendars: calendars)
                return try draftID.map { try PackDraft.find($0, actor.scope, in: transaction) }
            }
            let placed = try await open.site.perform(
                SavePackDraft(
                    draftID: draftID, revision: known?.revision ?? 0, text: text, note: note ?? known?.note ?? ""),
                as: actor, source: "cli")
            say(placed, console)
            return .done
        }
    }
}

/// What can be done with a draft.
public enum PackDraftAction: Sendable {
    case submit, withdraw
    case approve(reason: String, withoutNotice: Bool)
    case reject(reason: String)
}

public func movePackDraft(
    _ site: SiteOptions, orgID: Int64?, draftID: Int64, _ action: PackDraftAction, _ person: OrderingPerson,
    _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        try await naming(packOptions) {
            let org = try await open.org(orgID)
            let actor = try await person.actor(open, orgID: org.orgID)
            let revision = try await open.site.money.read {
                try PackDraft.find(draftID, actor.scope, in: $0).revision
            }
            func decide(_ agrees: Bool, _ reason: String, _ withoutNotice: Bool) async throws -> PackDraftPlaced? {
                let asked = try await open.site.ask(
                    try DecidePackDraft(
                        draftID: draftID, revision: revision, agrees: agrees, reason: reason,
                        evenWithoutNotice: withoutNotice), as: actor, source: "cli", why: reason)
                return asked.done(console)
            }
            let placed: PackDraftPlaced?
            switch action {
            case .submit:
                placed = try await open.site.perform(
                    MovePackDraft(draftID: draftID, revision: revision, .submit), as: actor, source: "cli")
            case .withdraw:
                placed = try await open.site.perform(
                    MovePackDraft(draftID: draftID, revision: revision, .withdraw), as: actor, source: "cli")
            case .approve(let reason, let withoutNotice): placed = try await decide(true, reason, withoutNotice)
            case .reject(let reason): placed = try await decide(false, reason, false)
            }
            if let placed { say(placed, console) }
            return .done
        }
    }
}

private func say(_ placed: PackDraftPlaced, _ console: Console) {
    console.say("draft \(placed.draftID) is \(placed.state.rawValue), revision \(placed.revision)")
}
