// What a wallet would hold if the intervals that have arrived since its last charge were charged now. A guess that is
// shown: posts nothing, and no decision on supply reads it.
import Access
import Accounts
import CivilTime
import Journal
import SQL

/// The use of one account beyond its last charge, and what it will cost.
public struct ProjectedBalance: Sendable, Equatable {
    public var accountID: Int64
    /// The last charge it goes on from, as one number of day and revision; 0 when nothing was charged yet.
    var base: Int64
    /// Price of what arrived since, fixed charges of the begun days in full.
    public var usedPaise: Int64
    public var usedWh: Int64
    /// End of the last interval that has arrived.
    public var throughMs: Int64
    /// Intervals in it whose values are estimates.
    public var estimatedSlots: Int
    /// Intervals before its end of which nothing has arrived; they count as nothing used.
    public var missingSlots: Int
    public var madeAtMs: Int64

    private static let columns =
        "account_id, base, used_paise, used_wh, through_ms, estimated_slots, missing_slots, made_at_ms"

    private static func decode(_ row: any SQLRow) throws -> ProjectedBalance {
        ProjectedBalance(
            accountID: try row.int(0), base: try row.int(1), usedPaise: try row.int(2), usedWh: try row.int(3),
            throughMs: try row.int(4), estimatedSlots: Int(try row.int(5)), missingSlots: Int(try row.int(6)),
            madeAtMs: try row.int(7))
    }

    /// What the balance comes to with it.
    public func projected(from balancePaise: Int64) -> Int64 {
        let (sum, overflow) = balancePaise.subtractingReportingOverflow(usedPaise)
        return overflow ? .min : sum
    }

    /// The one in force; nil when there is none, or when the account was charged since it was made.
    public static func find(
        accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> ProjectedBalance? {
        let found = try transaction.first(
            "SELECT \(columns) FROM projected_balance WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID)], decode)
        guard let found, try baseNow(accountID, scope, in: transaction) == found.base else { return nil }
        return found
    }

    /// Of several accounts, also those that were charged since.
    static func known(_ accountIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [Int64: ProjectedBalance]
    {
        guard !accountIDs.isEmpty else { return [:] }
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(accountIDs)
        let rows = try transaction.query(
            "SELECT \(columns) FROM projected_balance WHERE org_id = $1 AND account_id IN (\(marks))", parameters,
            decode)
        return Dictionary(rows.map { ($0.accountID, $0) }, uniquingKeysWith: { $1 })
    }

    /// ``base`` as it would be now.
    static func baseNow(_ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.first(
            "SELECT \(Self.baseOf("$2"))", [.int(scope.orgID), .int(accountID)]
        ) { try $0.optionalInt(0) ?? 0 } ?? 0
    }

    /// Day and revision of an account's last charge as a number.
    private static func baseOf(_ account: String) -> String {
        """
        (SELECT c.day * \(revisionsMax) + c.revision FROM charge c WHERE c.org_id = $1 AND c.account_id = \(account)
          ORDER BY c.day DESC, c.revision DESC LIMIT 1)
        """
    }

    private static let revisionsMax: Int64 = 1_000_000

    /// The day of a ``base``.
    static func chargedDay(_ base: Int64) -> CivilDay? {
        base > 0 ? CivilDay(number: Int32(base / revisionsMax)) : nil
    }

    /// Accounts whose projection goes on from a charge that is no longer their last one, in order.
    static func outdated(after accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [Int64]
    {
        try transaction.query(
            """
            SELECT p.account_id FROM projected_balance p WHERE p.org_id = $1 AND p.account_id > $2
              AND COALESCE(\(baseOf("p.account_id")), 0) <> p.base ORDER BY p.account_id LIMIT $3
            """, [.int(scope.orgID), .int(accountID), .int(limit)]
        ) { try $0.int(0) }
    }

    func store(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO projected_balance (org_id, \(Self.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (org_id, account_id) DO UPDATE SET base = excluded.base, used_paise = excluded.used_paise,
              used_wh = excluded.used_wh, through_ms = excluded.through_ms,
              estimated_slots = excluded.estimated_slots, missing_slots = excluded.missing_slots,
              made_at_ms = excluded.made_at_ms
            """,
            [
                .int(scope.orgID), .int(accountID), .int(base), .int(usedPaise), .int(usedWh), .int(throughMs),
                .int(estimatedSlots), .int(missingSlots), .int(madeAtMs),
            ])
    }

    static func remove(_ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "DELETE FROM projected_balance WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID)])
    }
}
