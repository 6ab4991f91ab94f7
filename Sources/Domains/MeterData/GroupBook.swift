// What is set by group of meters and day: which row holds for which meter. Of the groups a meter is in, the most
// specific one with something set on the day wins whole: the nearest place of the network, then the meter's profile
// (its kind), then the consumer's category, then all. Knows nothing of what is set.
import Access
import Accounts
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

/// Something that is set by group and day, stored as JSON text in a table of its own.
public protocol GroupSetting: Sendable, Equatable {
    /// With the columns of ``GroupBook``, the text in `column`.
    static var table: String { get }
    static var column: String { get }
    /// `Validation rules`, as a sentence begins.
    static var title: String { get }
    /// How the trail of changes calls it: `validation`.
    static var trail: String { get }
    /// Of the command that sets it.
    static var commandName: String { get }
    /// Days before the one it is used for that it wants to see.
    var historyDays: Int { get }
    init(json: String) throws(RulesError)
    func json() -> String
}

/// One dated row.
public struct GroupRow<Value: GroupSetting>: Sendable, Equatable {
    public var group: RuleGroup
    public var fromDay: CivilDay
    /// Nil: from this day on the group has nothing of its own.
    public var value: Value?
    public var setAtMs: Int64
    public var setBy: Int64

    public init(group: RuleGroup, fromDay: CivilDay, value: Value?, setAtMs: Int64, setBy: Int64) {
        self.group = group
        self.fromDay = fromDay
        self.value = value
        self.setAtMs = setAtMs
        self.setBy = setBy
    }
}

/// All rows of a company, looked up without the database: loaded once for a run over many meters.
public struct GroupBook<Value: GroupSetting>: Sendable {
    /// In order of group and day.
    public let sets: [GroupRow<Value>]
    private let byGroup: [RuleGroup: [GroupRow<Value>]]
    /// Parents of places; empty when nothing is set for a place.
    private let parents: [Int64: Int64]
    /// What the most demanding row wants, reckoned once: loads ask for it again and again.
    let historyDaysMax: Int

    public var isEmpty: Bool { sets.isEmpty }

    public init(_ sets: [GroupRow<Value>] = [], parents: [Int64: Int64] = [:]) {
        self.sets = sets.sorted { ($0.group.description, $0.fromDay) < ($1.group.description, $1.fromDay) }
        self.parents = parents
        byGroup = Dictionary(grouping: self.sets, by: \.group)
        historyDaysMax = sets.compactMap { $0.value?.historyDays }.max() ?? 0
    }

    public static func load(orgID: Int64, in transaction: any SQLTransaction) throws -> GroupBook {
        let sets = try transaction.query(
            """
            SELECT group_kind, group_value, from_day, \(Value.column), set_at_ms, set_by FROM \(Value.table)
            WHERE org_id = $1
            """, [.int(orgID)]
        ) { row in
            guard let kind = RuleGroup.Kind(rawValue: try row.text(0)) else {
                throw SQLError(.decode, "\(Value.title) of an unknown kind of group")
            }
            let text = try row.text(3)
            do {
                return GroupRow(
                    group: RuleGroup(kind: kind, value: try row.text(1)), fromDay: try row.day(2),
                    value: text.isEmpty ? nil : try Value(json: text), setAtMs: try row.int(4),
                    setBy: try row.int(5))
            } catch let error as RulesError {
                throw SQLError(.decode, "\(Value.title) as stored: \(error)")
            }
        }
        guard sets.contains(where: { $0.group.kind == .place }) else { return GroupBook(sets) }
        return GroupBook(sets, parents: try RuleGroup.parents(orgID: orgID, in: transaction))
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

    /// The row that holds for a meter on a day; nil: nothing is set. A meter without traits (not installed) has what is
    /// set for `all`.
    public func set(for traits: MeterTraits?, on day: CivilDay) -> GroupRow<Value>? {
        guard !isEmpty else { return nil }
        for group in traits.map(groups) ?? [.all] {
            if let found = byGroup[group]?.last(where: { $0.fromDay <= day }), found.value != nil { return found }
        }
        return nil
    }
}

/// Sets something for a group from a day on, or takes away what the group has of its own.
public struct SetForGroup<Value: GroupSetting>: Command {
    public static var name: String { Value.commandName }
    public static var permissions: [Permission] { [.manageSettings] }
    public var group: RuleGroup
    /// Nil: the group has nothing of its own from then on.
    public var value: Value?
    /// Nil: from the business day of the call.
    public var from: CivilDay?
    /// Days that are over have been worked out by what held then, and may be billed: whoever means them says so. What
    /// is stored changes only when it is worked out again.
    public var evenPast: Bool

    public init(group: RuleGroup, _ value: Value?, from: CivilDay?, evenPast: Bool = false) {
        self.group = group
        self.value = value
        self.from = from
        self.evenPast = evenPast
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String {
        let day = (from?.description ?? "today") + (evenPast ? " even-past" : "")
        return "group=\(group) from=\(day) \(Value.column)=\(value?.json() ?? "none")"
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int32 {
        let day = try firstDay(context, in: transaction)
        let own = try GroupBook<Value>.load(orgID: context.orgID, in: transaction).sets.filter { $0.group == group }
        if own.isEmpty { try group.proveKnown(orgID: context.orgID, in: transaction) }
        try transaction.run(
            """
            INSERT INTO \(Value.table) (org_id, group_kind, group_value, from_day, \(Value.column), set_at_ms, set_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (org_id, group_kind, group_value, from_day)
            DO UPDATE SET \(Value.column) = excluded.\(Value.column), set_at_ms = excluded.set_at_ms,
              set_by = excluded.set_by
            """,
            [
                .int(context.orgID), .text(group.kind.rawValue), .text(group.value), .day(day),
                .text(value?.json() ?? ""), .int(context.businessNowMs), .int(context.actor.loginID),
            ])
        context.changed(
            .setting, "\(Value.trail) \(group) from \(day)",
            from: own.last { $0.fromDay <= day }?.value?.json() ?? "none", to: value?.json() ?? "none")
        return day.number
    }

    /// - Throws: ``Refusal`` for who is confined to places, a day out of reach, and a day that is over unless it is
    ///   meant.
    private func firstDay(
        _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws -> CivilDay {
        guard context.actor.scope.isWholeCompany else {
            throw Refusal(
                .forbidden, "\(Value.title) are a matter of the whole company.",
                hint: "Ask an administrator who is not confined to a place.")
        }
        let today = try Org.find(context.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let day = from ?? today
        guard today.days(to: day) <= 3660, day.days(to: today) <= 3660 else {
            throw Refusal(.invalid, "At most ten years from today.", hint: "Today is \(today).", at: "fromDay")
        }
        guard day >= today || evenPast else {
            throw Refusal(
                .conflict, "Days from \(day) on are over and were worked out by other rules.",
                hint: "Choose a day from \(today) on, or say that past days are meant (evenPast) and have what they "
                    + "hold looked at again.", at: "fromDay")
        }
        return day
    }
}

extension RuleGroup {
    static func parents(orgID: Int64, in transaction: any SQLTransaction) throws -> [Int64: Int64] {
        let parents = try transaction.query(
            "SELECT place_id, parent_id FROM place WHERE org_id = $1 AND parent_id IS NOT NULL", [.int(orgID)]
        ) { (try $0.int(0), try $0.int(1)) }
        return Dictionary(parents, uniquingKeysWith: { first, _ in first })
    }

    /// - Throws: ``Refusal`` `notFound` for a place that is not there, or a category or profile that nobody is of: a
    ///   misspelt name would hold for nobody, unseen.
    public func proveKnown(orgID: Int64, in transaction: any SQLTransaction) throws {
        let known: [String]
        switch kind {
        case .all: return
        case .place:
            guard let placeID = Int64(value) else { return }
            let isThere = try transaction.first(
                "SELECT 1 FROM place WHERE org_id = $1 AND place_id = $2", [.int(orgID), .int(placeID)]
            ) { _ in true }
            guard isThere == true else {
                throw Refusal(.notFound, "There is no such place.", hint: "GET /api/v1/places shows them.", at: "group")
            }
            return
        case .category:
            return try SupplyAccount.proveCategory(value, at: "group", orgID: orgID, in: transaction)
        case .profile:
            known = try transaction.query(
                "SELECT DISTINCT profile_name FROM meter WHERE org_id = $1 ORDER BY profile_name", [.int(orgID)]
            ) { try $0.text(0) }
        }
        guard !known.contains(value) else { return }
        throw Refusal(
            .notFound, "No meter is of the profile \(value).",
            hint: known.isEmpty ? "There are none yet." : "There are: \(known.prefix(20).joined(separator: ", ")).",
            at: "group")
    }
}
