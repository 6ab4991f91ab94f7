// The proof of the book from what is stored: every posting, every entry by itself, every kept balance. Changes nothing.
import Access
import SQL

extension Journal {
    /// Sum of all postings (must be 0), entries that do not sum to zero by themselves (must be 0), and accounts whose
    /// kept balance differs from the sum of their postings (must be none).
    public static func trialBalance(
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (sumPaise: Int64, postings: Int64, unbalancedEntries: Int64, wrongAccounts: [Int64]) {
        let org = [SQLValue.int(scope.orgID)]
        var (sum, count) =
            try transaction.first(
                "SELECT CAST(COALESCE(SUM(amount_paise), 0) AS BIGINT), COUNT(*) FROM posting WHERE org_id = $1", org
            ) { (try $0.int(0), try $0.int(1)) } ?? (0, 0)
        var unbalanced =
            try transaction.first(
                """
                SELECT COUNT(*) FROM (SELECT entry_id FROM posting WHERE org_id = $1 GROUP BY entry_id
                  HAVING CAST(SUM(amount_paise) AS BIGINT) <> 0) entries
                """, org
            ) { try $0.int(0) } ?? 0
        // What is kept of an account less its postings, the bundles not counted yet.
        let rows = try transaction.query(
            """
            SELECT journal_account_id, CAST(SUM(paise) AS BIGINT) FROM (
              SELECT journal_account_id, debit_balance_paise AS paise FROM journal_balance WHERE org_id = $1
              UNION ALL SELECT journal_account_id, debit_balance_paise FROM journal_chart_balance WHERE org_id = $1
              UNION ALL SELECT journal_account_id, -amount_paise FROM posting WHERE org_id = $1) sides
            GROUP BY journal_account_id HAVING CAST(SUM(paise) AS BIGINT) <> 0
            """, org
        ) { (try $0.int(0), try $0.int(1)) }
        var off = Dictionary(uniqueKeysWithValues: rows)
        for (account, step) in try unsettled(scope, in: transaction) { off[account, default: 0] += step.debitPaise }
        var entries: [Int64: Int64] = [:]
        try forEachBundle(scope, in: transaction) { entryID, legs in
            for (_, leg) in legs {
                sum += leg.amountPaise
                entries[entryID, default: 0] += leg.amountPaise
                off[leg.journalAccountID, default: 0] -= leg.amountPaise
            }
            count += Int64(legs.count)
        }
        unbalanced += Int64(entries.count { $0.value != 0 })
        return (sum, count, unbalanced, off.filter { $0.value != 0 }.keys.sorted())
    }

    /// Every bundle, a page at a time.
    private static func forEachBundle(
        _ scope: Scope, in transaction: any SQLTransaction,
        _ body: (_ entryID: Int64, _ legs: [(line: Int64, leg: Leg)]) throws -> Void
    ) throws {
        let pageRows = 512
        var last = [Int64.min, .min, .min]
        while true {
            let rows = try transaction.query(
                """
                SELECT p.entry_id, p.part, \(Bundles.columns) FROM posting_bundle p
                WHERE p.org_id = $1 AND (p.account_range, p.entry_id, p.part) > ($2, $3, $4)
                ORDER BY p.account_range, p.entry_id, p.part LIMIT $5
                """, [.int(scope.orgID)] + last.map { .int($0) } + [.int(pageRows)]
            ) { row in
                let (entryID, part) = (try row.int(0), try row.int(1))
                last = [try row.int(2), entryID, part]
                try body(entryID, try Bundles.legs(row, from: 2))
            }
            if rows.count < pageRows { return }
        }
    }
}
