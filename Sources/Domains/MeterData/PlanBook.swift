// Which rules of estimation hold for which meter on which day: dated rows by meter group, looked up as those of
// validation are (RuleBook). Where no group of a meter has any, the company's own setting holds. Estimates nothing.
import Access
import CivilTime
import Meters
import SQL
import VEE

/// One dated row.
public struct PlanSet: Sendable, Equatable {
    public var group: RuleGroup
    public var fromDay: CivilDay
    /// Nil: from this day on the group has no plan of its own.
    public var plan: EstimationPlan?
    public var setAtMs: Int64
    public var setBy: Int64

    public init(group: RuleGroup, fromDay: CivilDay, plan: EstimationPlan?, setAtMs: Int64, setBy: Int64) {
        self.group = group
        self.fromDay = fromDay
        self.plan = plan
        self.setAtMs = setAtMs
        self.setBy = setBy
    }
}

/// All rows of a company, looked up without the database.
public struct PlanBook: Sendable {
    static let migration = Migration(
        50, .money, "estimation rules by group",
        [
            """
            CREATE TABLE estimation_plan (org_id {id} NOT NULL, group_kind {text} NOT NULL, group_value {text} NOT NULL,
              from_day {int} NOT NULL, plan {text} NOT NULL, set_at_ms {int} NOT NULL, set_by {id} NOT NULL,
              PRIMARY KEY (org_id, group_kind, group_value, from_day)) {keyed_table}
            """
        ])

    /// In order of group and day.
    public let sets: [PlanSet]
    private let byGroup: [RuleGroup: [PlanSet]]
    private let groups: RuleBook

    public init(_ sets: [PlanSet] = [], parents: [Int64: Int64] = [:]) {
        self.sets = sets.sorted { ($0.group.description, $0.fromDay) < ($1.group.description, $1.fromDay) }
        byGroup = Dictionary(grouping: self.sets, by: \.group)
        groups = RuleBook(parents: parents)
    }

    public static func load(orgID: Int64, in transaction: any SQLTransaction) throws -> PlanBook {
        let sets = try transaction.query(
            "SELECT group_kind, group_value, from_day, plan, set_at_ms, set_by FROM estimation_plan WHERE org_id = $1",
            [.int(orgID)]
        ) { row in
            guard let kind = RuleGroup.Kind(rawValue: try row.text(0)) else {
                throw SQLError(.decode, "estimation rules of an unknown kind of group")
            }
            let text = try row.text(3)
            do {
                return PlanSet(
                    group: RuleGroup(kind: kind, value: try row.text(1)), fromDay: try row.day(2),
                    plan: text.isEmpty ? nil : try EstimationPlan(json: text), setAtMs: try row.int(4),
                    setBy: try row.int(5))
            } catch let error as RulesError {
                throw SQLError(.decode, "estimation rules as stored: \(error)")
            }
        }
        guard sets.contains(where: { $0.group.kind == .place }) else { return PlanBook(sets) }
        return PlanBook(sets, parents: try RuleBook.parents(orgID: orgID, in: transaction))
    }

    /// The plan of the most specific group that has one on a day; nil: the company's setting holds.
    public func plan(for traits: MeterTraits?, on day: CivilDay) -> EstimationPlan? {
        guard !sets.isEmpty else { return nil }
        for group in traits.map(groups.groups) ?? [.all] {
            if let plan = byGroup[group]?.last(where: { $0.fromDay <= day })?.plan { return plan }
        }
        return nil
    }
}

/// Sets the plan of a group from a day on, or takes the group's own plan away.
public struct SetEstimationPlan: Command {
    public static let name = "meter-data.set-estimation-plan"
    public static let permissions: [Permission] = [.manageSettings]
    public var group: RuleGroup
    /// Nil: the group has none of its own from then on.
    public var plan: EstimationPlan?
    /// Nil: from the business day of the call.
    public var from: CivilDay?
    /// Days that are over keep the estimates they have; what is filled of them later follows the plan.
    public var evenPast: Bool

    public init(group: RuleGroup, plan: EstimationPlan?, from: CivilDay?, evenPast: Bool = false) {
        self.group = group
        self.plan = plan
        self.from = from
        self.evenPast = evenPast
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String {
        let day = (from?.description ?? "today") + (evenPast ? " even-past" : "")
        return "group=\(group) from=\(day) plan=\(plan?.json() ?? "none")"
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int32 {
        let day = try GroupSettings.firstDay(from, evenPast: evenPast, "Estimation rules", context, in: transaction)
        let before = try PlanBook.load(orgID: context.orgID, in: transaction).sets.filter { $0.group == group }
        if before.isEmpty { try group.proveKnown(orgID: context.orgID, in: transaction) }
        try transaction.run(
            """
            INSERT INTO estimation_plan (org_id, group_kind, group_value, from_day, plan, set_at_ms, set_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (org_id, group_kind, group_value, from_day) DO UPDATE SET plan = excluded.plan,
              set_at_ms = excluded.set_at_ms, set_by = excluded.set_by
            """,
            [
                .int(context.orgID), .text(group.kind.rawValue), .text(group.value), .day(day),
                .text(plan?.json() ?? ""), .int(context.businessNowMs), .int(context.actor.loginID),
            ])
        context.changed(
            .setting, "estimation \(group) from \(day)",
            from: before.last { $0.fromDay <= day }?.plan?.json() ?? "none", to: plan?.json() ?? "none")
        return day.number
    }
}

/// What holds for all settings by group: who may set them, and from when.
enum GroupSettings {
    /// - Throws: ``Refusal`` for who is confined to places, a day out of reach, and a day that is over unless it is
    ///   meant.
    static func firstDay(
        _ from: CivilDay?, evenPast: Bool, _ what: String, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws -> CivilDay {
        guard context.actor.scope.isWholeCompany else {
            throw Refusal(
                .forbidden, "\(what) are a matter of the whole company.",
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
            known = try transaction.query(
                "SELECT DISTINCT category FROM supply_account WHERE org_id = $1 ORDER BY category", [.int(orgID)]
            ) { try $0.text(0) }
        case .profile:
            known = try transaction.query(
                "SELECT DISTINCT profile_name FROM meter WHERE org_id = $1 ORDER BY profile_name", [.int(orgID)]
            ) { try $0.text(0) }
        }
        guard !known.contains(value) else { return }
        throw Refusal(
            .notFound, "No \(kind == .category ? "consumer" : "meter") is of the \(kind.rawValue) \(value).",
            hint: known.isEmpty ? "There are none yet." : "There are: \(known.prefix(20).joined(separator: ", ")).",
            at: "group")
    }
}
