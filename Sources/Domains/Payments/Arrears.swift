// Old debts as accounts of their own in the book, beside the wallet: what was put on them, what is left, how they are
// paid off. Nothing here is ever set off against a recharge.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import SQL

extension PaymentsSchema {
    static let arrears = Migration(
        62, .money, "arrears",
        [
            """
            CREATE TABLE arrears_account (org_id {id} NOT NULL, account_id {id} NOT NULL,
              journal_account_id {id} NOT NULL, PRIMARY KEY (org_id, account_id)) {keyed_table}
            """,
            "CREATE UNIQUE INDEX arrears_account_journal ON arrears_account (org_id, journal_account_id)",
            """
            CREATE TABLE arrears_item (org_id {id} NOT NULL, entry_id {id} NOT NULL, account_id {id} NOT NULL,
              amount_paise {int} NOT NULL, since_day {int} NOT NULL, claim_until_day {int}, disconnect_until_day {int},
              reason {text} NOT NULL, login_id {id} NOT NULL, PRIMARY KEY (org_id, entry_id)) {keyed_table}
            """,
            "CREATE INDEX arrears_item_account ON arrears_item (org_id, account_id, since_day)",
            """
            CREATE TABLE arrears_plan (org_id {id} NOT NULL, account_id {id} NOT NULL, daily_paise {int} NOT NULL,
              next_day {int} NOT NULL, state {text} NOT NULL, reason {text} NOT NULL, login_id {id} NOT NULL,
              agreed_at_ms {int} NOT NULL, problem {text}, PRIMARY KEY (org_id, account_id)) {keyed_table}
            """,
            "CREATE INDEX arrears_plan_due ON arrears_plan (org_id, state, next_day)",
        ])
}

/// One debt that was put on an account. The entry in the book holds the amount; this says what it is.
public struct ArrearsItem: Sendable, Equatable {
    public var entryID: Int64
    public var amountPaise: Int64
    /// Since when it is owed.
    public var since: CivilDay
    /// The last day it may be claimed on; nil: without end.
    public var claimUntil: CivilDay?
    /// The last day supply may be cut for it; nil: never for this debt.
    public var disconnectUntil: CivilDay?
    public var reason: String
    /// What is left of it; payments settle the oldest debt first.
    public var remainingPaise: Int64

    /// Spreads what is left over debts in the order in which they are settled: the last ones are left.
    /// - Parameter outstandingPaise: not below zero.
    public static func spread(_ outstandingPaise: Int64, over items: [ArrearsItem]) -> [ArrearsItem] {
        var left = max(0, outstandingPaise)
        var spread = items
        for index in spread.indices.reversed() {
            spread[index].remainingPaise = min(left, spread[index].amountPaise)
            left -= spread[index].remainingPaise
        }
        return spread
    }
}

/// How an old debt is paid off, a part each day.
public struct InstalmentPlan: Sendable, Equatable {
    public enum State: String, Sendable, Codable, CaseIterable { case active, paused, done }
    public var accountID: Int64
    public var dailyPaise: Int64
    /// The first day that is not taken yet.
    public var nextDay: CivilDay
    public var state: State
    public var reason: String
    public var agreedAtMs: Int64
    /// Why the last try failed; the account waits for a person and holds up no other.
    public var problem: String?

    static let columns = "account_id, daily_paise, next_day, state, reason, agreed_at_ms, problem"

    static func decode(_ row: any SQLRow) throws -> InstalmentPlan {
        guard let state = State(rawValue: try row.text(3)) else {
            throw SQLError(.decode, "unknown state of an instalment plan: \(try row.text(3))")
        }
        return InstalmentPlan(
            accountID: try row.int(0), dailyPaise: try row.int(1), nextDay: try row.day(2), state: state,
            reason: try row.text(4), agreedAtMs: try row.int(5), problem: try row.optionalText(6))
    }
}

/// What an account owes from before, with its debts and its plan.
public struct Arrears: Sendable, Equatable {
    public var accountID: Int64
    /// The account of the book that holds the debt.
    public var journalAccountID: Int64
    public var outstandingPaise: Int64
    /// Oldest first.
    public var items: [ArrearsItem]
    public var plan: InstalmentPlan?

    /// What may still be claimed on a day.
    public func claimablePaise(on day: CivilDay) -> Int64 {
        items.filter { $0.claimUntil.map { day <= $0 } ?? true }.reduce(0) { $0 + $1.remainingPaise }
    }

    /// Nil for an account that never had any.
    public static func of(
        accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Arrears? {
        guard let journalAccountID = try journalAccount(accountID, scope, in: transaction) else { return nil }
        // A debit of the book is owed: the opposite of a wallet.
        let outstanding = -(try Journal.balance(ofAccount: journalAccountID, scope, in: transaction).balancePaise)
        let items = try transaction.query(
            """
            SELECT entry_id, amount_paise, since_day, claim_until_day, disconnect_until_day, reason FROM arrears_item
            WHERE org_id = $1 AND account_id = $2 ORDER BY since_day, entry_id
            """, [.int(scope.orgID), .int(accountID)]
        ) { row in
            ArrearsItem(
                entryID: try row.int(0), amountPaise: try row.int(1), since: try row.day(2),
                claimUntil: try row.optionalDay(3), disconnectUntil: try row.optionalDay(4), reason: try row.text(5),
                remainingPaise: 0)
        }
        return Arrears(
            accountID: accountID, journalAccountID: journalAccountID, outstandingPaise: outstanding,
            items: ArrearsItem.spread(outstanding, over: items), plan: try plan(accountID, scope, in: transaction))
    }

    static func plan(
        _ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> InstalmentPlan? {
        try transaction.first(
            "SELECT \(InstalmentPlan.columns) FROM arrears_plan WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID)], InstalmentPlan.decode)
    }

    /// The supply accounts of these accounts of the book, for those of them that hold arrears.
    public static func owners(
        of journalAccountIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: Int64] {
        guard !journalAccountIDs.isEmpty else { return [:] }
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(journalAccountIDs)
        let rows = try transaction.query(
            """
            SELECT journal_account_id, account_id FROM arrears_account
            WHERE org_id = $1 AND journal_account_id IN (\(marks))
            """, parameters
        ) { (try $0.int(0), try $0.int(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Plans whose last try failed, in order of account, at most `limit`: the work list of a person.
    public static func troubled(
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [InstalmentPlan] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let reach =
            scope.isWholeCompany
            ? ""
            : """
             AND EXISTS (SELECT 1 FROM supply_account WHERE supply_account.org_id = $1
              AND supply_account.account_id = arrears_plan.account_id\(SupplyAccount.scopeFilter(scope, &parameters)))
            """
        return try transaction.query(
            """
            SELECT \(InstalmentPlan.columns) FROM arrears_plan
            WHERE org_id = $1 AND state = 'active' AND problem IS NOT NULL\(reach) ORDER BY account_id LIMIT $2
            """, parameters, InstalmentPlan.decode)
    }

    /// Sums over the company: what consumers have paid ahead, what they owe in their wallets, and from before.
    public static func liability(
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (aheadPaise: Int64, owedPaise: Int64, arrearsPaise: Int64) {
        let org = [SQLValue.int(scope.orgID)]
        let wallets =
            try transaction.first(
                """
                SELECT
                  CAST(COALESCE(SUM(-b.debit_balance_paise) FILTER (WHERE b.debit_balance_paise < 0), 0) AS BIGINT),
                  CAST(COALESCE(SUM(b.debit_balance_paise) FILTER (WHERE b.debit_balance_paise > 0), 0) AS BIGINT)
                FROM book_balance b JOIN supply_account s ON s.org_id = b.org_id
                  AND s.account_id = b.journal_account_id
                WHERE b.org_id = $1
                """, org
            ) { (try $0.int(0), try $0.int(1)) } ?? (0, 0)
        let arrears =
            try transaction.first(
                """
                SELECT CAST(COALESCE(SUM(b.debit_balance_paise), 0) AS BIGINT)
                FROM book_balance b JOIN arrears_account a ON a.org_id = b.org_id
                  AND a.journal_account_id = b.journal_account_id
                WHERE b.org_id = $1
                """, org
            ) { try $0.int(0) } ?? 0
        return (wallets.0, wallets.1, arrears)
    }

    // MARK: the account in the book

    static func journalAccount(
        _ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        try transaction.first(
            "SELECT journal_account_id FROM arrears_account WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID)]
        ) { try $0.int(0) }
    }

    /// The account of the book; made when there is none yet.
    static func opened(
        _ accountID: Int64, ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        if let known = try journalAccount(accountID, scope, in: transaction) { return known }
        let made = ids.next()
        let added = try transaction.run(
            """
            INSERT INTO arrears_account (org_id, account_id, journal_account_id) VALUES ($1, $2, $3)
            ON CONFLICT (org_id, account_id) DO NOTHING
            """, [.int(scope.orgID), .int(accountID), .int(made)])
        guard added == 1 else { throw SQLError(.unique, "another writer has opened the same arrears; try again") }
        return made
    }

    static func note(
        _ item: ArrearsItem, accountID: Int64, loginID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO arrears_item (org_id, entry_id, account_id, amount_paise, since_day, claim_until_day,
              disconnect_until_day, reason, login_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(item.entryID), .int(accountID), .int(item.amountPaise), .day(item.since),
                .optional(item.claimUntil.map { Int64($0.number) }),
                .optional(item.disconnectUntil.map { Int64($0.number) }), .text(item.reason), .int(loginID),
            ])
    }

    /// Ends the plan when nothing is left to pay; a new debt makes a paid plan no active one.
    static func endIfPaid(_ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        guard let arrears = try of(accountID: accountID, scope, in: transaction), arrears.outstandingPaise <= 0 else {
            return
        }
        try transaction.run(
            "UPDATE arrears_plan SET state = 'done', problem = NULL WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID)])
    }
}
