// What a run could not do for one account: kept with its reason until a later run can, so that nobody else is stopped.
// An item goes by itself once it is mended; nothing here mends it.
import Access
import Accounts
import SQL

/// One account that one kind of run left aside.
public struct WorkItem: Sendable, Equatable {
    /// Which run left it; stands in the table and in addresses.
    public enum Run: String, Sendable, Codable, CaseIterable {
        /// Projected balances.
        case project
        /// Rating.
        case rate
        /// The close of a month.
        case close
        /// Instalments of arrears.
        case arrears
        /// Packs that begin, renew and end.
        case subscriptions
    }

    /// Who can mend it.
    public enum Mender: String, Sendable, Codable, CaseIterable {
        /// Who keeps tariffs and packs.
        case tariffs
        /// Who keeps readings.
        case readings
        /// Who keeps the account.
        case account
        /// Who keeps the installation.
        case site
    }

    public var run: Run
    public var accountID: Int64
    /// What of the account: a month, a day, or nothing.
    public var item: String
    public var mender: Mender
    /// What is wrong, where, and how to mend it.
    public var reason: String
    /// When it was left aside first, and last.
    public var sinceMs: Int64
    public var latestMs: Int64
    public var attempts: Int64

    public init(
        run: Run, accountID: Int64, item: String = "", mender: Mender, reason: String, atMs: Int64
    ) {
        (self.run, self.accountID, self.item, self.mender) = (run, accountID, item, mender)
        (self.reason, sinceMs, latestMs, attempts) = (reason, atMs, atMs, 1)
    }

    private static let columns = "run, account_id, item, mender, reason, since_ms, latest_ms, attempts"

    private static func decode(_ row: any SQLRow) throws -> WorkItem {
        guard let run = Run(rawValue: try row.text(0)) else {
            throw SQLError(.decode, "a work item of an unknown run \(try row.text(0))")
        }
        var item = WorkItem(
            run: run, accountID: try row.int(1), item: try row.text(2),
            mender: Mender(rawValue: try row.text(3)) ?? .site, reason: try row.text(4), atMs: try row.int(5))
        (item.latestMs, item.attempts) = (try row.int(6), try row.int(7))
        return item
    }

    /// Keeps it; what is known already counts one more attempt.
    public func store(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO work_item (org_id, \(Self.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (org_id, run, account_id, item) DO UPDATE SET mender = excluded.mender,
              reason = excluded.reason, latest_ms = excluded.latest_ms, attempts = work_item.attempts + 1
            """,
            [
                .int(scope.orgID), .text(run.rawValue), .int(accountID), .text(String(item.prefix(40))),
                .text(mender.rawValue), .text(String(reason.prefix(500))), .int(sinceMs), .int(latestMs),
                .int(attempts),
            ])
    }

    /// Takes what went well off the list; nil: whatever of the account the run left aside.
    public static func clear(
        _ run: Run, accountIDs: [Int64], item: String? = nil, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        for start in stride(from: 0, to: accountIDs.count, by: 500) {
            var parameters: [SQLValue] = [.int(scope.orgID), .text(run.rawValue)]
            let marks = parameters.bind(Array(accountIDs[start..<min(start + 500, accountIDs.count)]))
            var only = ""
            if let item {
                parameters.append(.text(item))
                only = " AND item = $\(parameters.count)"
            }
            try transaction.run(
                "DELETE FROM work_item WHERE org_id = $1 AND run = $2 AND account_id IN (\(marks))\(only)", parameters)
        }
    }

    /// Oldest first, behind a place.
    /// - Parameter after: run, account and item of the last one that is known.
    public static func list(
        run: Run? = nil, after: (sinceMs: Int64, accountID: Int64)? = nil, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [WorkItem] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .text(run?.rawValue ?? ""), .int(after?.sinceMs ?? .min),
            .int(after?.accountID ?? .min), .int(limit),
        ]
        let reach =
            scope.placeIDs == nil && scope.accountID == nil
            ? ""
            : """
             AND EXISTS (SELECT 1 FROM supply_account WHERE supply_account.org_id = $1
              AND supply_account.account_id = work_item.account_id\(
                SupplyAccount.scopeFilter(scope, &parameters)))
            """
        return try transaction.query(
            """
            SELECT \(columns) FROM work_item WHERE org_id = $1 AND ($2 = '' OR run = $2)
              AND (since_ms > $3 OR (since_ms = $3 AND account_id > $4))\(reach)
            ORDER BY since_ms, account_id, run, item LIMIT $5
            """, parameters, decode)
    }

    /// The accounts that a run left aside, in order.
    static func accounts(
        _ run: Run, after accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT DISTINCT account_id FROM work_item WHERE org_id = $1 AND run = $2 AND account_id > $3
            ORDER BY account_id LIMIT $4
            """, [.int(scope.orgID), .text(run.rawValue), .int(accountID), .int(limit)]
        ) { try $0.int(0) }
    }

    /// How many there are of each run.
    public static func counts(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Run: Int64] {
        guard scope.isWholeCompany else { return [:] }
        let rows = try transaction.query(
            "SELECT run, COUNT(*) FROM work_item WHERE org_id = $1 GROUP BY run", [.int(scope.orgID)]
        ) { (Run(rawValue: try $0.text(0)), try $0.int(1)) }
        return rows.reduce(into: [:]) { if let run = $1.0 { $0[run] = $1.1 } }
    }
}
