// Which validation rules hold for which meter on which day: dated rows by meter group. Of the groups a meter is in, the
// most specific one with rules on the day wins whole: the nearest place of the network, then the meter's profile (its
// kind), then the consumer's category, then all; where nobody set anything, the standard rules.
import Access
import CivilTime
import Meters
import SQL
import VEE

/// A group of meters that rules are set for. As text `all`, `place:10`, `profile:three-phase`, `category:domestic`.
public struct RuleGroup: Sendable, Hashable, CustomStringConvertible {
    /// In order of precedence; raw values are stored.
    public enum Kind: String, Sendable, CaseIterable, Codable { case place, profile, category, all }
    public var kind: Kind
    /// Id of the place, name of the profile or of the category; empty for all.
    public var value: String

    public static let all = RuleGroup(kind: .all, value: "")
    public static func place(_ placeID: Int64) -> RuleGroup { RuleGroup(kind: .place, value: String(placeID)) }

    init(kind: Kind, value: String) {
        self.kind = kind
        self.value = value
    }

    /// - Throws: ``Refusal`` `invalid` for text that names no group.
    public init(_ text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let kind = Kind(rawValue: parts[0]), (kind == .all) == (parts.count == 1) else { throw Self.refusal }
        let value = parts.count == 2 ? parts[1] : ""
        guard kind == .all || (1...64).contains(value.utf8.count) else { throw Self.refusal }
        guard kind != .place || Int64(value).map({ $0 > 0 && String($0) == value }) == true else { throw Self.refusal }
        self.init(kind: kind, value: value)
    }

    private static var refusal: Refusal {
        Refusal(
            .invalid, "This names no group of meters.",
            hint: "Write all, place:ID, profile:NAME or category:NAME.", at: "group")
    }

    public var description: String { kind == .all ? kind.rawValue : "\(kind.rawValue):\(value)" }
}

/// What decides which groups a meter is in, and what the checks want to know of its consumer.
public struct MeterTraits: Sendable, Equatable {
    public var meterID: Int64
    public var placeID: Int64
    public var profile: String
    public var category: String
    public var sanctionedW: Int64
    public init(meterID: Int64, placeID: Int64, profile: String, category: String, sanctionedW: Int64) {
        self.meterID = meterID
        self.placeID = placeID
        self.profile = profile
        self.category = category
        self.sanctionedW = sanctionedW
    }

    /// The meters installed on a day, all within the scope or some of them, by number.
    public static func of(
        _ meterIDs: [Int64]? = nil, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: MeterTraits] {
        var found: [Int64: MeterTraits] = [:]
        let parts: [[Int64]?] =
            meterIDs.map { ids in
                stride(from: 0, to: ids.count, by: 400).map { Array(ids[$0..<min($0 + 400, ids.count)]) }
            } ?? [nil]
        for part in parts {
            var parameters: [SQLValue] = [.int(scope.orgID), .day(day)]
            var only = part.map { " AND meter.meter_id IN (\(parameters.bind($0)))" } ?? ""
            only += try Meter.reachFilter(scope, &parameters)
            let rows = try transaction.query(
                """
                SELECT meter.meter_id, a.place_id, meter.profile_name, a.category, a.sanctioned_w
                FROM meter JOIN installation i ON i.org_id = meter.org_id AND i.meter_id = meter.meter_id
                JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
                WHERE meter.org_id = $1 AND i.from_day <= $2 AND (i.to_day IS NULL OR i.to_day >= $2)\(only)
                """, parameters
            ) {
                MeterTraits(
                    meterID: try $0.int(0), placeID: try $0.int(1), profile: try $0.text(2), category: try $0.text(3),
                    sanctionedW: try $0.int(4))
            }
            for row in rows { found[row.meterID] = row }
        }
        return found
    }
}

/// One dated row.
public struct RuleSet: Sendable, Equatable {
    public var group: RuleGroup
    public var fromDay: CivilDay
    /// Nil: from this day on the group has no rules of its own.
    public var rules: ValidationRules?
    public var setAtMs: Int64
    public var setBy: Int64

    public init(group: RuleGroup, fromDay: CivilDay, rules: ValidationRules?, setAtMs: Int64, setBy: Int64) {
        self.group = group
        self.fromDay = fromDay
        self.rules = rules
        self.setAtMs = setAtMs
        self.setBy = setBy
    }
}

/// All rows of a company, looked up without the database: loaded once for a run over many meters.
public struct RuleBook: Sendable {
    static let migration = Migration(
        41, .money, "validation rules by group, work on exceptions",
        [
            """
            CREATE TABLE vee_rule_set (org_id {id} NOT NULL, group_kind {text} NOT NULL, group_value {text} NOT NULL,
              from_day {int} NOT NULL, rules {text} NOT NULL, set_at_ms {int} NOT NULL, set_by {id} NOT NULL,
              PRIMARY KEY (org_id, group_kind, group_value, from_day)) {keyed_table}
            """,
            """
            CREATE TABLE vee_task (org_id {id} NOT NULL, task_id {id} NOT NULL, what {text} NOT NULL,
              reason {text} NOT NULL, login_id {id} NOT NULL, asked_at_ms {int} NOT NULL, items {text} NOT NULL,
              item_count {int} NOT NULL, looked_count {int} NOT NULL, done_count {int} NOT NULL, done_at_ms {int},
              PRIMARY KEY (org_id, task_id)) {table}
            """,
            "CREATE INDEX vee_task_open ON vee_task (org_id, task_id) WHERE done_at_ms IS NULL",
        ])

    /// In order of group and day.
    public private(set) var sets: [RuleSet] = []
    private var byGroup: [RuleGroup: [RuleSet]] = [:]
    /// Parents of places; empty when no place has rules of its own.
    private var parents: [Int64: Int64] = [:]
    /// Days of history the most demanding rules want.
    public private(set) var historyDays = ValidationRules.standard.historyDays

    public var isEmpty: Bool { sets.isEmpty }

    public init(_ sets: [RuleSet] = [], parents: [Int64: Int64] = [:]) {
        self.sets = sets.sorted { ($0.group.description, $0.fromDay) < ($1.group.description, $1.fromDay) }
        self.parents = parents
        byGroup = Dictionary(grouping: self.sets, by: \.group)
        historyDays = sets.compactMap { $0.rules?.historyDays }.max().map { max($0, historyDays) } ?? historyDays
    }

    public static func load(orgID: Int64, in transaction: any SQLTransaction) throws -> RuleBook {
        let sets = try transaction.query(
            "SELECT group_kind, group_value, from_day, rules, set_at_ms, set_by FROM vee_rule_set WHERE org_id = $1",
            [.int(orgID)]
        ) { row in
            guard let kind = RuleGroup.Kind(rawValue: try row.text(0)) else {
                throw SQLError(.decode, "validation rules of an unknown kind of group")
            }
            let text = try row.text(3)
            do {
                return RuleSet(
                    group: RuleGroup(kind: kind, value: try row.text(1)), fromDay: try row.day(2),
                    rules: text.isEmpty ? nil : try ValidationRules(json: text), setAtMs: try row.int(4),
                    setBy: try row.int(5))
            } catch let error as RulesError {
                throw SQLError(.decode, "validation rules as stored: \(error)")
            }
        }
        guard sets.contains(where: { $0.group.kind == .place }) else { return RuleBook(sets) }
        return RuleBook(sets, parents: try parents(orgID: orgID, in: transaction))
    }

    static func parents(orgID: Int64, in transaction: any SQLTransaction) throws -> [Int64: Int64] {
        let parents = try transaction.query(
            "SELECT place_id, parent_id FROM place WHERE org_id = $1 AND parent_id IS NOT NULL", [.int(orgID)]
        ) { (try $0.int(0), try $0.int(1)) }
        return Dictionary(parents, uniquingKeysWith: { first, _ in first })
    }

    /// The traits of some meters, for bulk loads: asked for once for a chunk of meters and a month, and only where
    /// somebody has set rules.
    func traits(
        of meterIDs: [Int64], on day: CivilDay, _ site: Site, orgID: Int64
    ) async throws -> [Int64: MeterTraits] {
        guard !isEmpty else { return [:] }
        return try await site.money.read { try MeterTraits.of(meterIDs, on: day, Scope(orgID: orgID), in: $0) }
    }

    /// The groups a meter is in, the most specific first.
    func groups(of traits: MeterTraits) -> [RuleGroup] {
        var groups: [RuleGroup] = []
        var place: Int64? = traits.placeID
        // A tree of places is shallow; a circle in it must not hold this up.
        for _ in 0..<32 {
            guard let at = place else { break }
            groups.append(.place(at))
            place = parents[at]
        }
        return groups + [
            RuleGroup(kind: .profile, value: traits.profile), RuleGroup(kind: .category, value: traits.category), .all,
        ]
    }

    /// The rules of a meter on a day. A meter without traits (not installed) has those of `all`.
    public func rules(for traits: MeterTraits?, on day: CivilDay) -> ValidationRules {
        guard !isEmpty else { return .standard }
        for group in traits.map(groups) ?? [.all] {
            if let rules = byGroup[group]?.last(where: { $0.fromDay <= day })?.rules { return rules }
        }
        return .standard
    }

    /// The row that a meter's rules come from on a day; nil: the standard.
    public func set(for traits: MeterTraits, on day: CivilDay) -> RuleSet? {
        for group in groups(of: traits) {
            if let found = byGroup[group]?.last(where: { $0.fromDay <= day }), found.rules != nil { return found }
        }
        return nil
    }
}

/// Sets the rules of a group from a day on, or takes the group's own rules away.
public struct SetValidationRules: Command {
    public static let name = "meter-data.set-validation-rules"
    public static let permissions: [Permission] = [.manageSettings]
    public var group: RuleGroup
    /// Nil: the group has none of its own from then on.
    public var rules: ValidationRules?
    /// Nil: from the business day of the call.
    public var from: CivilDay?
    /// Days that are over have been judged by other rules and may be billed: whoever means them says so. What is
    /// stored changes only when validation runs again.
    public var evenPast: Bool

    public init(group: RuleGroup, rules: ValidationRules?, from: CivilDay?, evenPast: Bool = false) {
        self.group = group
        self.rules = rules
        self.from = from
        self.evenPast = evenPast
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String {
        let day = (from?.description ?? "today") + (evenPast ? " even-past" : "")
        return "group=\(group) from=\(day) rules=\(rules?.json() ?? "none")"
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int32 {
        let day = try GroupSettings.firstDay(from, evenPast: evenPast, "Validation rules", context, in: transaction)
        let own = try RuleBook.load(orgID: context.orgID, in: transaction).sets.filter { $0.group == group }
        if own.isEmpty { try group.proveKnown(orgID: context.orgID, in: transaction) }
        let before = own.last { $0.fromDay <= day }
        try transaction.run(
            """
            INSERT INTO vee_rule_set (org_id, group_kind, group_value, from_day, rules, set_at_ms, set_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (org_id, group_kind, group_value, from_day) DO UPDATE SET rules = excluded.rules,
              set_at_ms = excluded.set_at_ms, set_by = excluded.set_by
            """,
            [
                .int(context.orgID), .text(group.kind.rawValue), .text(group.value), .day(day),
                .text(rules?.json() ?? ""), .int(context.businessNowMs), .int(context.actor.loginID),
            ])
        context.changed(
            .setting, "validation \(group) from \(day)", from: before?.rules?.json() ?? "none",
            to: rules?.json() ?? "none")
        return day.number
    }
}
