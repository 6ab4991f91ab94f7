// Accounting months that are closed: what is posted belongs to the next open one, whatever day of supply it is for.
// Moves no entry and changes none.
import Access
import CivilTime
import SQL

extension JournalSchema {
    static let periods = Migration(
        57, .money, "accounting periods",
        [
            """
            CREATE TABLE journal_period (org_id {id} NOT NULL, entry_id {id} NOT NULL, month_index {int} NOT NULL,
              PRIMARY KEY (org_id, entry_id),
              FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry (org_id, entry_id)) {keyed_table}
            """
        ])
}

/// An entry belongs to the month in which it was posted, unless that was closed by then; then it carries its month.
public enum AccountingPeriods {
    public static let closedSetting = "journal.closed-to"
    /// Before any month is closed.
    static let none = "none"

    public static let settings: [SettingKind] = [
        SettingKind(
            closedSetting, initial: none,
            hint: "The last accounting month that is closed, as 2026-03, or none. Corrections go to the next open one."
        ) { text in
            text == none ? text : CivilMonth(text).map { "\($0)" }
        }
    ]

    /// The open month for what is posted on a business day.
    public static func open(
        on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilMonth {
        let value = try Setting.value(closedSetting, on: day, scope, in: transaction) ?? none
        guard let closed = CivilMonth(value) else { return day.month }
        return max(day.month, closed.next)
    }

    /// Lets an entry posted on a business day carry its month, where that is another than the day's.
    public static func carry(
        entryID: Int64, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let month = try open(on: day, scope, in: transaction)
        guard month != day.month else { return }
        try transaction.run(
            "INSERT INTO journal_period (org_id, entry_id, month_index) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            [.int(scope.orgID), .int(entryID), .int(month.index)])
    }

    /// The month an entry carries; nil when it is that of its business time.
    public static func carried(
        by entryID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilMonth? {
        try transaction.first(
            "SELECT month_index FROM journal_period WHERE org_id = $1 AND entry_id = $2",
            [.int(scope.orgID), .int(entryID)]
        ) { CivilMonth(index: Int(try $0.int(0))) }
    }
}
