// The double-entry book. Entries are never changed, only reversed by later ones; every entry sums to zero.
// Never reads a meter table. Debits are positive, credits negative; a wallet is a liability, so its balance is −sum.
import Access
import CivilTime
import SQL

public enum JournalSchema {
    public static let migrations = [
        Migration(
            5, .money, "journal",
            [
                """
                CREATE TABLE journal_entry (org_id {id} NOT NULL, entry_id {id} NOT NULL, entry_key {text} NOT NULL,
                  kind {text} NOT NULL, business_at_ms {int} NOT NULL, PRIMARY KEY (org_id, entry_id)) {table}
                """,
                "CREATE UNIQUE INDEX journal_entry_key ON journal_entry (org_id, entry_key)",
                """
                CREATE TABLE posting (org_id {id} NOT NULL, entry_id {id} NOT NULL, line {int} NOT NULL,
                  journal_account_id {id} NOT NULL, amount_paise {int} NOT NULL, kind {text} NOT NULL, supply_day {int},
                  revision {int}, estimated {flag} NOT NULL, PRIMARY KEY (org_id, entry_id, line),
                  FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry (org_id, entry_id)) {table}
                """,
                "CREATE INDEX posting_account ON posting (org_id, journal_account_id, entry_id, line)",
                """
                CREATE TABLE journal_balance (org_id {id} NOT NULL, journal_account_id {id} NOT NULL,
                  debit_balance_paise {int} NOT NULL, estimated_paise {int} NOT NULL,
                  PRIMARY KEY (org_id, journal_account_id)) {keyed_table}
                """,
            ])
    ]
}

/// The company's own accounts of the chart; a wallet has the id of its supply account.
public enum ChartAccount: Int64, Sendable, CaseIterable {
    case energyRevenue = 1
    case fixedRevenue = 2
    case dutyPayable = 3
    case paymentClearing = 4
    case adjustments = 5

    public var name: String {
        switch self {
        case .energyRevenue: "energy revenue"
        case .fixedRevenue: "fixed charge revenue"
        case .dutyPayable: "electricity duty payable"
        case .paymentClearing: "payment clearing"
        case .adjustments: "adjustments"
        }
    }
}

/// What a posting is, for the statement. Stored by name.
public enum PostingKind: String, Sendable, CaseIterable {
    case charge, reversal, recharge, adjustment, revenue, clearing
}

/// One leg of an entry: debit positive, credit negative.
public struct Leg: Sendable, Equatable {
    public var journalAccountID: Int64
    public var amountPaise: Int64
    public var kind: PostingKind
    public var supplyDay: CivilDay?
    public var revision: Int64?
    /// The amount rests on estimated readings; its reversal carries the same mark, so the marks sum to what is still a
    /// guess.
    public var estimated: Bool

    public init(
        _ journalAccountID: Int64, _ amountPaise: Int64, _ kind: PostingKind, supplyDay: CivilDay? = nil,
        revision: Int64? = nil, estimated: Bool = false
    ) {
        self.journalAccountID = journalAccountID
        self.amountPaise = amountPaise
        self.kind = kind
        self.supplyDay = supplyDay
        self.revision = revision
        self.estimated = estimated
    }
}

/// Balance of a wallet as its owner sees it, and how much of what was taken rests on estimates.
public struct WalletBalance: Sendable, Equatable {
    public var balancePaise: Int64
    public var estimatedChargesPaise: Int64
    public init(balancePaise: Int64, estimatedChargesPaise: Int64) {
        self.balancePaise = balancePaise
        self.estimatedChargesPaise = estimatedChargesPaise
    }
}

/// A line of a wallet statement. `amountPaise` is positive for a credit to the consumer.
public struct StatementLine: Sendable, Equatable {
    public var entryID: Int64
    public var line: Int64
    public var kind: PostingKind
    public var businessAtMs: Int64
    public var supplyDay: CivilDay?
    public var revision: Int64?
    public var estimated: Bool
    public var amountPaise: Int64
    public var balanceAfterPaise: Int64
    /// The key the entry was posted with, such as `recharge:upi:<reference>`.
    public var entryKey: String
}

public enum Journal {
    /// At most this many legs an entry; a rating chunk of 1,000 accounts with corrections stays far below.
    public static let legLimit = 50_000

    /// Posts a balanced entry. The same key again changes nothing and returns the first entry's id.
    public static func post(
        key: String, kind: String, legs: [Leg], businessAtMs: Int64, entryID: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Int64 {
        precondition(!legs.isEmpty && legs.count <= legLimit, "an entry has 1 to \(legLimit) legs")
        var sum: Int128 = 0
        for leg in legs { sum += Int128(leg.amountPaise) }
        precondition(sum == 0, "an entry must balance; this one is off by \(sum) paise")
        let org = SQLValue.int(scope.orgID)
        if let earlier = try transaction.first(
            "SELECT entry_id FROM journal_entry WHERE org_id = $1 AND entry_key = $2", [org, .text(key)],
            { try $0.int(0) })
        {
            return earlier
        }
        // Where another writer posts the same key at this moment, ON CONFLICT makes PostgreSQL run this transaction
        // again
        // (a plain INSERT would fail it), and then the entry is seen above.
        let added = try transaction.run(
            """
            INSERT INTO journal_entry (org_id, entry_id, entry_key, kind, business_at_ms) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (org_id, entry_key) DO NOTHING
            """, [org, .int(entryID), .text(key), .text(kind), .int(businessAtMs)])
        guard added == 1 else { throw SQLError(.unique, "another writer has posted the same entry; try again") }
        try transaction.runMany(
            """
            INSERT INTO posting (org_id, entry_id, line, journal_account_id, amount_paise, kind, supply_day, revision,
              estimated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            legs.enumerated().map { index, leg in
                [
                    org, .int(entryID), .int(index + 1), .int(leg.journalAccountID), .int(leg.amountPaise),
                    .text(leg.kind.rawValue), .optional(leg.supplyDay.map { Int64($0.number) }),
                    .optional(leg.revision),
                    .flag(leg.estimated),
                ]
            })
        // One update an account, in order of id, so that two writers never wait for each other in a circle.
        var steps: [Int64: (Int64, Int64)] = [:]
        for leg in legs {
            let step = steps[leg.journalAccountID] ?? (0, 0)
            steps[leg.journalAccountID] = (step.0 + leg.amountPaise, step.1 + (leg.estimated ? leg.amountPaise : 0))
        }
        try transaction.runMany(
            """
            INSERT INTO journal_balance (org_id, journal_account_id, debit_balance_paise, estimated_paise)
            VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, journal_account_id) DO UPDATE SET
              debit_balance_paise = journal_balance.debit_balance_paise + excluded.debit_balance_paise,
              estimated_paise = journal_balance.estimated_paise + excluded.estimated_paise
            """,
            steps.sorted { $0.key < $1.key }.map { [org, .int($0.key), .int($0.value.0), .int($0.value.1)] })
        return entryID
    }

    public static func balance(ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> WalletBalance
    {
        try transaction.first(
            """
            SELECT -debit_balance_paise, estimated_paise FROM journal_balance
            WHERE org_id = $1 AND journal_account_id = $2
            """, [.int(scope.orgID), .int(accountID)]
        ) { WalletBalance(balancePaise: try $0.int(0), estimatedChargesPaise: try $0.int(1)) }
            ?? WalletBalance(balancePaise: 0, estimatedChargesPaise: 0)
    }

    /// The last `limit` lines of a wallet, newest first, each with the balance after it.
    /// - Parameters:
    ///   - beforeEntryID: only lines before this entry …
    ///   - beforeLine: … or, in it, before this line.
    public static func statement(
        ofAccount accountID: Int64, limit: Int, beforeEntryID: Int64 = .max, beforeLine: Int64 = 0, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [StatementLine] {
        try lines(
            ofAccount: accountID, where: "entry_id < $3 OR (entry_id = $3 AND line < $4)", limit: limit,
            [.int(beforeEntryID), .int(beforeLine)], scope, transaction)
    }

    /// The line with which a revision of a day was charged; nil when that revision posted nothing.
    public static func chargeLine(
        ofAccount accountID: Int64, supplyDay: CivilDay, revision: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> StatementLine? {
        try lines(
            ofAccount: accountID, where: "kind = 'charge' AND supply_day = $3 AND revision = $4", limit: 1,
            [.day(supplyDay), .int(revision)], scope, transaction
        ).first
    }

    private static func lines(
        ofAccount accountID: Int64, where condition: String, limit: Int, _ values: [SQLValue], _ scope: Scope,
        _ transaction: any SQLTransaction
    ) throws -> [StatementLine] {
        try transaction.query(
            """
            SELECT entry_id, line, kind, business_at_ms, supply_day, revision, estimated, amount, balance,
              entry_key FROM (
              SELECT p.entry_id, p.line, p.kind, e.business_at_ms, p.supply_day, p.revision, p.estimated, e.entry_key,
                -p.amount_paise AS amount,
                CAST(SUM(-p.amount_paise) OVER (ORDER BY p.entry_id, p.line) AS BIGINT) AS balance
              FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
              WHERE p.org_id = $1 AND p.journal_account_id = $2) lines
            WHERE \(condition) ORDER BY entry_id DESC, line DESC LIMIT $5
            """, [.int(scope.orgID), .int(accountID)] + values + [.int(limit)]
        ) { row in
            StatementLine(
                entryID: try row.int(0), line: try row.int(1),
                kind: PostingKind(rawValue: try row.text(2)) ?? .adjustment,
                businessAtMs: try row.int(3), supplyDay: try row.optionalDay(4), revision: try row.optionalInt(5),
                estimated: try row.flag(6), amountPaise: try row.int(7), balanceAfterPaise: try row.int(8),
                entryKey: try row.text(9))
        }
    }

    /// Sum of all postings (must be 0) and accounts whose kept balance differs from the sum of their postings (must be
    /// none).
    public static func trialBalance(
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (sumPaise: Int64, postings: Int64, wrongAccounts: [Int64]) {
        let (sum, count) =
            try transaction.first(
                "SELECT CAST(COALESCE(SUM(amount_paise), 0) AS BIGINT), COUNT(*) FROM posting WHERE org_id = $1",
                [.int(scope.orgID)]
            ) { (try $0.int(0), try $0.int(1)) } ?? (0, 0)
        let wrong = try transaction.query(
            """
            SELECT b.journal_account_id FROM journal_balance b LEFT JOIN (
              SELECT journal_account_id, CAST(SUM(amount_paise) AS BIGINT) AS total FROM posting WHERE org_id = $1
              GROUP BY journal_account_id) s ON s.journal_account_id = b.journal_account_id
            WHERE b.org_id = $1 AND COALESCE(s.total, 0) <> b.debit_balance_paise ORDER BY 1
            """, [.int(scope.orgID)]
        ) { try $0.int(0) }
        return (sum, count, wrong)
    }

    /// Debit balance of an account of the chart.
    public static func debitBalancePaise(_ account: ChartAccount, _ scope: Scope, in transaction: any SQLTransaction)
        throws -> Int64
    {
        try transaction.first(
            "SELECT debit_balance_paise FROM journal_balance WHERE org_id = $1 AND journal_account_id = $2",
            [.int(scope.orgID), .int(account.rawValue)]
        ) { try $0.int(0) } ?? 0
    }
}
