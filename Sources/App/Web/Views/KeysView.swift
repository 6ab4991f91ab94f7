// KeysView: keys of programs as a list, the form for a new one, and the token of the one just made, shown this once.
import Access
import CivilTime

public struct KeysView: Page {
    public enum State: Sendable { case active, expired, revoked }
    public struct Item: Sendable {
        public var id: Int64
        public var name: String
        public var state: State
        public var permissions: [String]
        public var placeID: Int64?
        /// The last day on which it works.
        public var until: CivilDay
        public var lastUsed: CivilDay?
        public init(
            id: Int64, name: String, state: State, permissions: [String], placeID: Int64?, until: CivilDay,
            lastUsed: CivilDay?
        ) {
            (self.id, self.name, self.state, self.permissions) = (id, name, state, permissions)
            (self.placeID, self.until, self.lastUsed) = (placeID, until, lastUsed)
        }
    }
    public enum Problem: Sendable, Equatable { case name, nameTaken, permissions, until, place, other(Refusal) }

    public static let template = "keys"
    public var items: [Item]
    public var nextHref: String?
    /// Names of permissions that a key may hold.
    public var offered: [String]
    /// Set right after one was made.
    public var token: String?
    public var isRevoked: Bool
    public var typedName: String
    public var typedUntil: String
    public var typedPlace: String
    public var chosen: Set<String>
    public var problems: [Problem]

    public init(
        items: [Item], nextHref: String? = nil, offered: [String], token: String? = nil, isRevoked: Bool = false,
        typedName: String = "", typedUntil: String = "", typedPlace: String = "", chosen: Set<String> = [],
        problems: [Problem] = []
    ) {
        (self.items, self.nextHref, self.offered, self.token) = (items, nextHref, offered, token)
        (self.isRevoked, self.typedName, self.typedUntil) = (isRevoked, typedName, typedUntil)
        (self.typedPlace, self.chosen, self.problems) = (typedPlace, chosen, problems)
    }
}

extension KeysView: PageContent {
    func title(_ w: Wording) -> Markup {
        problems.isEmpty ? w.say("keys.title") : w.say("title.error", ["title": w.say("keys.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", w.count("keys.lede", items.count { $0.state == .active }))
        row.set("token", token)
        row.set("revoked", isRevoked && token == nil && problems.isEmpty)
        row.set("rows", items.map { values($0, w) })
        row.set("hasRows", !items.isEmpty)
        row.set("nextHref", nextHref)
        row.set("addAction", Paths.keys)
        row.set("typedName", typedName)
        row.set("typedUntil", typedUntil)
        row.set("typedPlace", typedPlace)
        row.set(
            "offered",
            offered.map { code in
                var item = Fields(["code": "\(code)"])
                item.set("checked", chosen.contains(code))
                return item
            })
        row.set("errors", problems.isEmpty ? [] : [errorSummary(problems.map { ($0.field, $0.words(w)) })])
        for field in ["name", "permissions", "until", "place"] {
            row.set("\(field)Error", problems.first { $0.field == field }.map { $0.words(w) })
        }
        return row
    }

    private func values(_ item: Item, _ w: Wording) -> Fields {
        let chip =
            switch item.state {
            case .active: w.chip(.ok, w.say("keys.active"))
            case .expired: w.chip(.idle, w.say("keys.expired"))
            case .revoked: w.chip(.bad, w.say("keys.revoked"))
            }
        var row = Fields([
            "name": "\(item.name)", "id": "\(item.id)", "chip": chip,
            "permissions": "\(item.permissions.joined(separator: ", "))",
            "place": item.placeID.map { "\($0)" } ?? w.say("keys.everywhere"), "until": w.fullDay(item.until),
            "lastUsed": item.lastUsed.map(w.fullDay) ?? w.say("keys.never"),
            "revokeLabel": w.say("keys.revokeOne", ["name": "\(item.name)"]),
        ])
        row.set("action", item.state == .active ? Paths.keyRevocation(item.id) : nil)
        return row
    }
}

extension KeysView.Problem {
    var field: String {
        switch self {
        case .name, .nameTaken, .other: "name"
        case .permissions: "permissions"
        case .until: "until"
        case .place: "place"
        }
    }

    func words(_ w: Wording) -> Markup {
        switch self {
        case .name: w.say("keys.nameBad")
        case .nameTaken: w.say("keys.nameTaken")
        case .permissions: w.say("keys.permissionsBad")
        case .until: w.say("keys.untilBad")
        case .place: w.say("keys.placeBad")
        case .other(let refusal): w.refusal(refusal)
        }
    }
}
