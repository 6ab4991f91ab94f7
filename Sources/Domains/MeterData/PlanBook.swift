// Which rules of estimation hold for which meter on which day: set by group (GroupBook). Where no group of a meter has
// any, the company's own setting holds. Estimates nothing.
import CivilTime
import SQL
import VEE

extension EstimationPlan: GroupSetting {
    public static var table: String { "estimation_plan" }
    public static var column: String { "plan" }
    public static var title: String { "Estimation rules" }
    public static var trail: String { "estimation" }
    public static var commandName: String { "meter-data.set-estimation-plan" }
    public var historyDays: Int { Estimator.historyDays }
}

public typealias PlanBook = GroupBook<EstimationPlan>
public typealias SetEstimationPlan = SetForGroup<EstimationPlan>

enum PlanSchema {
    static let migration = Migration(
        50, .money, "estimation rules by group",
        [
            """
            CREATE TABLE estimation_plan (org_id {id} NOT NULL, group_kind {text} NOT NULL, group_value {text} NOT NULL,
              from_day {int} NOT NULL, plan {text} NOT NULL, set_at_ms {int} NOT NULL, set_by {id} NOT NULL,
              PRIMARY KEY (org_id, group_kind, group_value, from_day)) {keyed_table}
            """
        ])
}

extension PlanBook {
    /// The plan of a meter on a day; nil: the company's setting holds.
    public func plan(for traits: MeterTraits?, on day: CivilDay) -> EstimationPlan? {
        set(for: traits, on: day)?.value
    }
}
