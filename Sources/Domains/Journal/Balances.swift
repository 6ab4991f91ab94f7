// Where each account of the book stands: a row a wallet, and a row a lane for the company's own accounts, which every
// entry touches. Adds what an entry moves and reads the sums; holds no balance that the postings do not give.
import Access
import SQL

extension JournalSchema {
    /// Many writers at once would wait for the one row of payment clearing, or be run again for it.
    static let chartLanes = Migration(
        70, .money, "balances of the chart by lane",
        [
            """
            CREATE TABLE journal_chart_balance (org_id {id} NOT NULL, journal_account_id {id} NOT NULL,
              lane {int} NOT NULL, debit_balance_paise {int} NOT NULL, estimated_paise {int} NOT NULL,
              PRIMARY KEY (org_id, journal_account_id, lane)) {keyed_table}
            """,
            """
            INSERT INTO journal_chart_balance (org_id, journal_account_id, lane, debit_balance_paise, estimated_paise)
            SELECT org_id, journal_account_id, 0, debit_balance_paise, estimated_paise FROM journal_balance
            WHERE journal_account_id IN (1, 2, 3, 4, 5, 6, 7, 21, 22, 23)
            """,
            "DELETE FROM journal_balance WHERE journal_account_id IN (1, 2, 3, 4, 5, 6, 7, 21, 22, 23)",
        ])
}

/// What an account gains: debits positive.
struct BalanceStep {
    var debitPaise: Int64 = 0
    var estimatedPaise: Int64 = 0

    mutating func add(_ leg: Leg) {
        debitPaise += leg.amountPaise
        if leg.estimated { estimatedPaise += leg.amountPaise }
    }

    mutating func add(_ step: BalanceStep) {
        debitPaise += step.debitPaise
        estimatedPaise += step.estimatedPaise
    }
}

extension Journal {
    /// Adds what an entry moves. An account that has no row yet gets one, also for a step of nothing.
    static func add(_ steps: [Int64: BalanceStep], _ scope: Scope, in transaction: any SQLTransaction) throws {
        let ordered = steps.sorted { $0.key < $1.key }
        // In order of id, so that two writers never wait for each other in a circle.
        var wallets: [Int64] = []
        wallets.reserveCapacity(4 * ordered.count)
        var chart: [Int64] = []
        for (account, step) in ordered {
            if ChartAccount(rawValue: account) == nil {
                wallets.append(scope.orgID)
                wallets.append(account)
                wallets.append(step.debitPaise)
                wallets.append(step.estimatedPaise)
            } else {
                chart += [scope.orgID, account, Int64(transaction.lane), step.debitPaise, step.estimatedPaise]
            }
        }
        try transaction.runMany(
            """
            INSERT INTO journal_balance (org_id, journal_account_id, debit_balance_paise, estimated_paise)
            VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, journal_account_id) DO UPDATE SET
              debit_balance_paise = journal_balance.debit_balance_paise + excluded.debit_balance_paise,
              estimated_paise = journal_balance.estimated_paise + excluded.estimated_paise
            """, integers: wallets, columns: 4)
        try transaction.runMany(
            """
            INSERT INTO journal_chart_balance
              (org_id, journal_account_id, lane, debit_balance_paise, estimated_paise)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, journal_account_id, lane) DO UPDATE SET
              debit_balance_paise = journal_chart_balance.debit_balance_paise + excluded.debit_balance_paise,
              estimated_paise = journal_chart_balance.estimated_paise + excluded.estimated_paise
            """, integers: chart, columns: 5)
    }

    /// Nil for an account nothing was posted to.
    static func kept(
        _ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> BalanceStep? {
        let table = ChartAccount(rawValue: accountID) == nil ? "journal_balance" : "journal_chart_balance"
        let settled = try transaction.query(
            """
            SELECT debit_balance_paise, estimated_paise FROM \(table) WHERE org_id = $1 AND journal_account_id = $2
            """, [.int(scope.orgID), .int(accountID)]
        ) { BalanceStep(debitPaise: try $0.int(0), estimatedPaise: try $0.int(1)) }
        let steps = settled + [try unsettled(ofAccount: accountID, scope, in: transaction)].compactMap { $0 }
        return steps.isEmpty ? nil : steps.reduce(into: BalanceStep()) { $0.add($1) }
    }

    /// Of the company's own accounts, each summed over its lanes, in order of id; what waits is not counted.
    static func chartBalances(
        after: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [AccountBalance] {
        try transaction.query(
            """
            SELECT journal_account_id, CAST(SUM(debit_balance_paise) AS BIGINT),
              CAST(SUM(estimated_paise) AS BIGINT) FROM journal_chart_balance
            WHERE org_id = $1 AND journal_account_id > $2
            GROUP BY journal_account_id ORDER BY journal_account_id
            """, [.int(scope.orgID), .int(after)]
        ) { row in
            AccountBalance(
                journalAccountID: try row.int(0), debitBalancePaise: try row.int(1), estimatedPaise: try row.int(2))
        }
    }
}
