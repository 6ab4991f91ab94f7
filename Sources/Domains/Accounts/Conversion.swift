// From postpaid to prepaid: an account that has begun to convert and is not posted yet. Whoever decides on supply asks
// here first. Moves no money: the entry is Payments'.
import Access
import SQL

extension AccountsSchema {
    static let conversions = Migration(
        61, .money, "conversions to prepaid",
        [
            """
            CREATE TABLE account_conversion (org_id {id} NOT NULL, account_id {id} NOT NULL, begun_at_ms {int} NOT NULL,
              reason {text} NOT NULL, entry_id {id}, posted_at_ms {int}, PRIMARY KEY (org_id, account_id)) {keyed_table}
            """,
            "CREATE INDEX account_conversion_open ON account_conversion (org_id, entry_id)",
        ])
}

/// The conversion of a supply account from postpaid to prepaid: once in its life.
public struct Conversion: Sendable, Equatable {
    public var accountID: Int64
    public var begunAtMs: Int64
    public var reason: String
    /// The one entry that carried everything over; nil as long as it is not posted.
    public var entryID: Int64?
    public var postedAtMs: Int64?

    /// While this is so, nobody is cut for a balance that does not hold yet what is the consumer's.
    public var isOpen: Bool { entryID == nil }

    private static func decode(_ row: any SQLRow) throws -> Conversion {
        Conversion(
            accountID: try row.int(0), begunAtMs: try row.int(1), reason: try row.text(2),
            entryID: try row.optionalInt(3), postedAtMs: try row.optionalInt(4))
    }

    private static let columns = "account_id, begun_at_ms, reason, entry_id, posted_at_ms"

    /// Nil for an account that was never postpaid here.
    public static func find(
        accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Conversion? {
        try transaction.first(
            "SELECT \(columns) FROM account_conversion WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID)], decode)
    }

    /// Conversions that are begun and not posted, at most `limit`.
    public static func open(
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Conversion] {
        try transaction.query(
            """
            SELECT \(columns) FROM account_conversion WHERE org_id = $1 AND entry_id IS NULL
            ORDER BY account_id LIMIT $2
            """, [.int(scope.orgID), .int(limit)], decode)
    }

    /// Begins it. Begun again, it stays as it is.
    public static func begin(
        accountID: Int64, reason: String, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO account_conversion (org_id, account_id, begun_at_ms, reason) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, account_id) DO NOTHING
            """, [.int(scope.orgID), .int(accountID), .int(nowMs), .text(reason)])
    }

    /// Notes the entry, in the transaction that posts it.
    public static func post(
        accountID: Int64, entryID: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let changed = try transaction.run(
            """
            UPDATE account_conversion SET entry_id = $3, posted_at_ms = $4
            WHERE org_id = $1 AND account_id = $2 AND entry_id IS NULL
            """, [.int(scope.orgID), .int(accountID), .int(entryID), .int(nowMs)])
        precondition(changed == 1, "a conversion is posted once, after it was begun")
    }
}
