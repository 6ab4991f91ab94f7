// `busbar key` and `busbar place`: keys for programs and places of the network, from the server's own command line.
import API
import Access
import CivilTime
import Clocks
import Grid
import SQL

public struct NewKeyOptions: Sendable {
    public var name: String
    /// Names of permissions, `accounts.read`.
    public var permissions: [String]
    /// The place the key is confined to.
    public var placeID: Int64?
    /// The last day on which it works, `YYYY-MM-DD`.
    public var until: String
    public init(name: String, permissions: [String], placeID: Int64? = nil, until: String) {
        (self.name, self.permissions, self.placeID, self.until) = (name, permissions, placeID, until)
    }
}

/// Adds a key and says its token, once.
public func addKey(
    _ site: SiteOptions, orgID: Int64?, _ options: NewKeyOptions, _ console: Console
) async throws -> CommandStatus {
    let known = Permission.forKeys.map(\.rawValue).sorted().joined(separator: ", ")
    let permissions = try options.permissions.map { word in
        guard let permission = Permission(rawValue: word) else {
            throw Complaint("--permission \(word): not known", hint: "Give some of \(known).", .usage)
        }
        return permission
    }
    guard let until = CivilDay(options.until) else {
        throw Complaint("--until \(options.until): no day", hint: "Write it as 2027-03-31.", .usage)
    }
    let command = try AddAPIKey(
        name: options.name, permissions: permissions, placeID: options.placeID, until: until)
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        try await open.site.money.read {
            try proveConfinement(placeID: options.placeID, Scope(orgID: org.orgID), in: $0)
        }
        let made = try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli")
        console.say(command.token(made))
        console.note("Key \(made.keyID) added to \(org.name); it works to the end of \(until). It is shown once.")
        return .done
    }
}

private struct KeyRow: Encodable {
    var keyID: String
    var name: String
    var state: String
    var permissions: [String]
    var placeID: String?
    var expiresAtMs: Int64
    var lastUsedDay: String?
}

public func listKeys(_ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let nowMs = open.site.clocks.systemNowMs()
        let keys = try await all { after, limit in
            try await open.site.money.read {
                try APIKeys.list(after: after?.keyID ?? 0, limit: limit, Scope(orgID: org.orgID), in: $0)
            }
        }
        let rows = keys.map { key in
            KeyRow(
                keyID: String(key.keyID), name: key.name, state: key.state(nowMs: nowMs).rawValue,
                permissions: key.permissions.map(\.rawValue), placeID: key.placeID.map(String.init),
                expiresAtMs: key.expiresAtMs, lastUsedDay: key.lastUsedDay.map { CivilDay(number: $0).description })
        }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        let cells = rows.map { row in
            [
                row.keyID, row.state, org.zone.day(atS: row.expiresAtMs / 1000 - 1).description,
                row.lastUsedDay ?? "never", row.placeID ?? "all", row.permissions.joined(separator: " "), row.name,
            ]
        }
        let head = ["key", "state", "until", "last used", "place", "permissions", "name"]
        for line in table([head] + cells) { console.say(line) }
        if rows.isEmpty { console.note("No key yet: `busbar key add NAME --permission accounts.read --until DAY`.") }
        return .done
    }
}

public func revokeKey(_ site: SiteOptions, orgID: Int64?, keyID: Int64, _ console: Console) async throws
    -> CommandStatus
{
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let key = try await open.site.perform(
            RevokeAPIKey(keyID: keyID), as: .system(orgID: org.orgID), source: "cli")
        console.note("Key \(key.keyID), \(key.name), is refused from now on.")
        return .done
    }
}

// MARK: places

/// Adds a place and says its number.
public func addPlace(
    _ site: SiteOptions, orgID: Int64?, name: String, kind: String, under: Int64?, _ console: Console
) async throws -> CommandStatus {
    guard let known = PlaceKind(rawValue: kind) else {
        let kinds = PlaceKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint("--kind \(kind): not known", hint: "Give one of \(kinds).", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let place = try await open.site.perform(
            AddPlace(name: name, kind: known, parentID: under), as: .system(orgID: org.orgID), source: "cli")
        console.say("\(place.placeID)")
        console.note("\(known.rawValue) \(name) added to \(org.name).")
        return .done
    }
}

private struct PlaceRow: Encodable {
    var placeID: String
    var parentID: String?
    var kind: String
    var name: String
}

public func listPlaces(
    _ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let places = try await all { after, limit in
            try await open.site.money.read {
                try Place.page(
                    after: after?.placeID ?? 0, kind: nil, under: nil, limit: limit, Scope(orgID: org.orgID), in: $0)
            }
        }
        if json {
            for place in places {
                try console.say(
                    json: PlaceRow(
                        placeID: String(place.placeID), parentID: place.parentID.map(String.init),
                        kind: place.kind.rawValue, name: place.name))
            }
            return .done
        }
        let rows = places.map {
            [String($0.placeID), $0.kind.rawValue, $0.parentID.map(String.init) ?? "", $0.name]
        }
        for line in table([["number", "kind", "under", "name"]] + rows) { console.say(line) }
        if rows.isEmpty { console.note("No place yet: `busbar place add NAME --kind plant`.") }
        return .done
    }
}

/// Every item of a list that comes in parts.
private func all<Item>(_ part: (_ after: Item?, _ limit: Int) async throws -> [Item]) async throws -> [Item] {
    var items: [Item] = []
    while true {
        let next = try await part(items.last, 1_000)
        items += next
        if next.count < 1_000 { return items }
    }
}
