// Which validation rules hold for which meter on which day: set by group (GroupBook); where nobody set anything, the
// standard rules. Judges nothing.
import CivilTime
import SQL
import VEE

extension ValidationRules: GroupSetting {
    public static var table: String { "vee_rule_set" }
    public static var column: String { "rules" }
    public static var title: String { "Validation rules" }
    public static var trail: String { "validation" }
    public static var commandName: String { "meter-data.set-validation-rules" }
}

public typealias RuleBook = GroupBook<ValidationRules>
public typealias SetValidationRules = SetForGroup<ValidationRules>

enum RuleSchema {
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
}

extension RuleBook {
    /// Days of history the most demanding rules want.
    public var historyDays: Int { max(historyDaysMax, ValidationRules.standard.historyDays) }

    /// The rules of a meter on a day.
    public func rules(for traits: MeterTraits?, on day: CivilDay) -> ValidationRules {
        set(for: traits, on: day)?.value ?? .standard
    }
}
