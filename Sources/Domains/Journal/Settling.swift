// Large entries move many balances in as many places of the file. Where there is one writer, their steps wait until
// enough are together and are added in one go; until then every reader counts them in. Changes no posting.
import Access
import SQL

extension Journal {
    /// For SQL that joins many balances to `journal_balance`: `(journal_account_id, paise)` of what waits for the
    /// company `$1`, debits positive.
    public static let waitingSQL = """
        (SELECT journal_account_id, CAST(SUM(debit_paise) AS BIGINT) AS paise FROM book_unsettled
          WHERE org_id = $1 GROUP BY journal_account_id)
        """

    /// Steps of so many legs wait at most.
    static let unsettledLegsMax: Int64 = 20_000

    static func steps(of legs: [Leg]) -> [Int64: BalanceStep] {
        var steps: [Int64: BalanceStep] = [:]
        steps.reserveCapacity(legs.count)
        for leg in legs { steps[leg.journalAccountID, default: BalanceStep()].add(leg) }
        return steps
    }

    /// Lets the steps of a large entry wait, or adds them with all that wait.
    static func settle(
        or entryID: Int64, _ legs: [Leg], _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let org = SQLValue.int(scope.orgID)
        let waiting =
            try transaction.first(
                "SELECT CAST(COALESCE(SUM(legs), 0) AS BIGINT) FROM journal_unsettled WHERE org_id = $1", [org]
            ) { try $0.int(0) } ?? 0
        // Several writers would undo each other's long work.
        if transaction.isOnlyWriter, waiting + Int64(legs.count) <= unsettledLegsMax {
            try transaction.run(
                "INSERT INTO journal_unsettled (org_id, entry_id, legs) VALUES ($1, $2, $3)",
                [org, .int(entryID), .int(legs.count)])
            return
        }
        var all = steps(of: legs)
        if waiting > 0 {
            for (account, step) in try unsettled(scope, in: transaction) {
                all[account, default: BalanceStep()].add(step)
            }
            try transaction.run("DELETE FROM journal_unsettled WHERE org_id = $1", [org])
        }
        try add(all, scope, in: transaction)
    }

    /// The steps that wait, by account.
    static func unsettled(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64: BalanceStep] {
        var steps: [Int64: BalanceStep] = [:]
        // CROSS JOIN: SQLite keeps to this order, and the first table is small.
        _ = try transaction.query(
            """
            SELECT \(Bundles.columns) FROM journal_unsettled u CROSS JOIN posting_bundle p
            WHERE u.org_id = $1 AND p.org_id = u.org_id AND p.entry_id = u.entry_id
            """, [.int(scope.orgID)]
        ) { row in
            for (_, leg) in try Bundles.legs(row, from: 0) {
                steps[leg.journalAccountID, default: BalanceStep()].add(leg)
            }
        }
        return steps
    }

    /// The steps of one account that wait; nil: none.
    static func unsettled(
        ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> BalanceStep? {
        let legs = try transaction.query(
            """
            SELECT \(Bundles.columns) FROM journal_unsettled u CROSS JOIN posting_bundle p
            WHERE u.org_id = $1 AND p.org_id = u.org_id AND p.account_range = $2 AND p.entry_id = u.entry_id
              AND p.first_account_id <= $3 AND p.last_account_id >= $3
            """, [.int(scope.orgID), .int(Bundles.range(of: accountID)), .int(accountID)]
        ) { try Bundles.legs($0, from: 0, ofAccount: accountID).map(\.leg) }.joined()
        return legs.isEmpty ? nil : legs.reduce(into: BalanceStep()) { $0.add($1) }
    }
}
