// Bulk data moves by cursor, not by events: writers number their rows from a change sequence a month, readers keep how
// far
// they have come. Both live in the store of the rows, so a reader's work and its cursor are one transaction.
import CivilTime
import SQL

/// A sequence of changes to one kind of rows of the readings store, counted per company and month.
public enum ChangeStream: String, Sendable, CaseIterable {
    case rawRead = "raw-read"
    case dayBlock = "day-block"

    public static let migrations = [
        Migration(
            100, .readings, "change streams",
            [
                """
                CREATE TABLE change_counter (org_id {id} NOT NULL, stream {text} NOT NULL, month_index {int} NOT NULL,
                  last_change {int} NOT NULL, PRIMARY KEY (org_id, stream, month_index)) {keyed_table}
                """,
                """
                CREATE TABLE change_cursor (org_id {id} NOT NULL, stream {text} NOT NULL, consumer {text} NOT NULL,
                  month_index {int} NOT NULL, change {int} NOT NULL,
                  PRIMARY KEY (org_id, stream, consumer, month_index)) {keyed_table}
                """,
            ])
    ]

    /// Takes `count` numbers and returns the first. The counter's row stays locked until commit, so changes appear in
    /// order.
    public func take(_ count: Int, orgID: Int64, month: CivilMonth, in transaction: any SQLTransaction) throws -> Int64
    {
        let last = try transaction.first(
            """
            INSERT INTO change_counter (org_id, stream, month_index, last_change) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, stream,
            month_index) DO UPDATE SET last_change = change_counter.last_change + excluded.last_change
            RETURNING last_change
            """, [.int(orgID), .text(rawValue), .int(month.index), .int(count)]
        ) { try $0.int(0) }
        guard let last else { throw SQLError(.other, "the change counter of \(rawValue) gave no number") }
        return last - Int64(count) + 1
    }

    /// The last number taken; 0 at first.
    public func last(orgID: Int64, month: CivilMonth, in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.first(
            "SELECT last_change FROM change_counter WHERE org_id = $1 AND stream = $2 AND month_index = $3",
            [.int(orgID), .text(rawValue), .int(month.index)]
        ) { try $0.int(0) } ?? 0
    }

    /// How far a consumer has come; 0 at first.
    public func cursor(of consumer: String, orgID: Int64, month: CivilMonth, in transaction: any SQLTransaction) throws
        -> Int64
    {
        try transaction.first(
            """
            SELECT change FROM change_cursor WHERE org_id = $1 AND stream = $2 AND consumer = $3 AND month_index = $4
            """, [.int(orgID), .text(rawValue), .text(consumer), .int(month.index)]
        ) { try $0.int(0) } ?? 0
    }

    /// Moves a consumer forward, never back.
    public func advance(
        _ consumer: String, to change: Int64, orgID: Int64, month: CivilMonth, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO change_cursor (org_id, stream, consumer, month_index, change) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (org_id, stream, consumer, month_index) DO UPDATE SET change = excluded.change
            WHERE change_cursor.change < excluded.change
            """, [.int(orgID), .text(rawValue), .text(consumer), .int(month.index), .int(change)])
    }
}
