// Which rules hold for an account on a day: set by group and date, the most specific group wins whole. Where no group
// has any, the setting `supply.rules` of the company holds. Knows nothing of what the rules say.
import Access
import Accounts
import CivilTime
import Grid
import SQL

/// Whom rules are set for: `all`, `category:domestic`, `place:10`, `place:10 category:domestic`. A state or a circle
/// is a place high up in the network.
public struct SupplyGroup: Sendable, Hashable, CustomStringConvertible {
    public var placeID: Int64?
    public var category: String?

    public init(placeID: Int64? = nil, category: String? = nil) {
        self.placeID = placeID
        self.category = category
    }

    /// - Throws: ``Refusal`` `invalid` for text that names no group.
    public init(_ text: String) throws {
        self.init()
        guard text != "all" else { return }
        for part in text.split(separator: " ", omittingEmptySubsequences: false).map(String.init) {
            if part.hasPrefix("place:"), placeID == nil, category == nil, let id = Int64(part.dropFirst(6)), id > 0 {
                placeID = id
            } else if part.hasPrefix("category:"), category == nil, (1...64).contains(part.utf8.count - 9) {
                category = String(part.dropFirst(9))
            } else {
                throw Refusal(
                    .invalid, "This names no group of consumers.",
                    hint: "Write all, category:NAME, place:ID or place:ID category:NAME.", at: "group")
            }
        }
        guard description == text else {
            throw Refusal(
                .invalid, "This names no group of consumers.",
                hint: "Write all, category:NAME, place:ID or place:ID category:NAME.", at: "group")
        }
    }

    public var description: String {
        let parts = [placeID.map { "place:\($0)" }, category.map { "category:\($0)" }].compactMap { $0 }
        return parts.isEmpty ? "all" : parts.joined(separator: " ")
    }
}

/// One dated row.
public struct SupplyRuleRow: Sendable, Equatable {
    public var group: SupplyGroup
    public var fromDay: CivilDay
    /// Nil: from this day on the group has none of its own.
    public var rules: SupplyRules?
    public var setAtMs: Int64
    public var setBy: Int64
    public init(group: SupplyGroup, fromDay: CivilDay, rules: SupplyRules?, setAtMs: Int64, setBy: Int64) {
        (self.group, self.fromDay, self.rules) = (group, fromDay, rules)
        (self.setAtMs, self.setBy) = (setAtMs, setBy)
    }
}

/// The rules that hold, and where they come from.
public struct RulesInForce: Sendable, Equatable {
    public var rules: SupplyRules
    /// Nil: the company's setting, or what holds where nothing is set.
    public var group: SupplyGroup?
    /// Since when; nil where nothing is set.
    public var fromDay: CivilDay?
}

/// All rules of a company for one day, looked up without the database.
public struct SupplyRuleBook: Sendable {
    private var rows: [SupplyGroup: SupplyRuleRow] = [:]
    private var parents: [Int64: Int64] = [:]
    private let common: RulesInForce

    public init(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws {
        let setting = try Setting.rows(Supply.ruleSetting, scope, in: transaction).last { $0.fromDay <= day }
        common = RulesInForce(
            rules: try setting.map { try SupplyRules(json: $0.value) } ?? SupplyRules(), group: nil,
            fromDay: setting?.fromDay)
        // In order of day: a later row of a group stands instead of the one before.
        for row in try Self.rows(scope, in: transaction) where row.fromDay <= day { rows[row.group] = row }
        rows = rows.filter { $0.value.rules != nil }
        if rows.keys.contains(where: { $0.placeID != nil }) {
            parents = Dictionary(
                try transaction.query(
                    "SELECT place_id, parent_id FROM place WHERE org_id = $1 AND parent_id IS NOT NULL",
                    [.int(scope.orgID)]
                ) { (try $0.int(0), try $0.int(1)) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Every dated row, oldest first.
    public static func rows(_ scope: Scope, in transaction: any SQLTransaction) throws -> [SupplyRuleRow] {
        try transaction.query(
            """
            SELECT group_name, from_day, rules, set_at_ms, set_by FROM supply_rule WHERE org_id = $1
            ORDER BY from_day, group_name
            """, [.int(scope.orgID)]
        ) { row in
            let text = try row.text(2)
            return SupplyRuleRow(
                group: try SupplyGroup(try row.text(0)), fromDay: try row.day(1),
                rules: text.isEmpty ? nil : try SupplyRules(json: text), setAtMs: try row.int(3),
                setBy: try row.int(4))
        }
    }

    /// The nearest place first, in each with the category before without; then the category anywhere, then all.
    public func rules(category: String, placeID: Int64) -> RulesInForce {
        guard !rows.isEmpty else { return common }
        var groups: [SupplyGroup] = []
        var place: Int64? = placeID
        // A tree of places is shallow; a circle in it must not hold this up.
        for _ in 0..<32 {
            guard let at = place else { break }
            groups += [SupplyGroup(placeID: at, category: category), SupplyGroup(placeID: at)]
            place = parents[at]
        }
        groups += [SupplyGroup(category: category), SupplyGroup()]
        for group in groups {
            if let row = rows[group], let rules = row.rules {
                return RulesInForce(rules: rules, group: group, fromDay: row.fromDay)
            }
        }
        return common
    }
}

/// Sets the rules of a group from a day on, or takes them away from that day on. The past stays as it was.
public struct SetSupplyRules: Command {
    public static let name = "supply.set-rules"
    public static let permissions: [Permission] = [.manageSettings]
    public static let rowsMax = 1_000
    public let group: SupplyGroup
    public let rules: SupplyRules?
    /// Nil: from the business day of the call.
    public let from: CivilDay?

    /// - Throws: ``Refusal`` for a group or rules that cannot be read.
    public init(group: String, rules: String?, from: CivilDay?) throws {
        self.group = try SupplyGroup(group)
        self.rules = try rules.map { try SupplyRules(json: $0) }
        self.from = from
    }

    /// Setting the same again changes nothing.
    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String {
        "group=\(group) from=\(from?.description ?? "today") rules=\(rules?.json() ?? "none")"
    }

    /// The day from which they hold, as its number.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int32 {
        let scope = context.actor.scope
        guard scope.isWholeCompany else {
            throw Refusal(
                .forbidden, "Rules of supply are a matter of the whole company.",
                hint: "Ask an administrator who is not confined to a place.")
        }
        let today = try Org.find(context.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let day = from ?? today
        guard day >= today, today.days(to: day) <= 3660 else {
            throw Refusal(
                .invalid, "Rules change from today on, at most ten years ahead.", hint: "Today is \(today).",
                at: "fromDay")
        }
        if let placeID = group.placeID { _ = try Place.find(placeID, scope, in: transaction) }
        if let category = group.category {
            try SupplyAccount.proveCategory(category, at: "group", orgID: scope.orgID, in: transaction)
        }
        let rows = try SupplyRuleBook.rows(scope, in: transaction)
        guard rows.count < Self.rowsMax else {
            throw Refusal(
                .conflict, "There are \(rows.count) dated rules of supply already.", hint: "Use fewer groups.")
        }
        let before = rows.last { $0.group == group && $0.fromDay <= day }?.rules
        try transaction.run(
            """
            INSERT INTO supply_rule (org_id, group_name, from_day, rules, set_at_ms, set_by)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id, group_name, from_day) DO UPDATE SET
              rules = excluded.rules, set_at_ms = excluded.set_at_ms, set_by = excluded.set_by
            """,
            [
                .int(scope.orgID), .text(group.description), .day(day), .text(rules?.json() ?? ""),
                .int(context.businessNowMs), .int(context.actor.loginID),
            ])
        context.changed(.setting, "\(Supply.ruleSetting) \(group)", from: before?.json(), to: rules?.json())
        context.changed(.setting, "\(Supply.ruleSetting) \(group) from", from: nil, to: day.description)
        return day.number
    }
}
