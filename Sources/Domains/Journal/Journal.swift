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
            ]),
        // Entries of before keep none: it is worked out from their legs when their key comes again.
        Migration(52, .money, "digests of entries", ["ALTER TABLE journal_entry ADD COLUMN input_digest {bytes}"]),
        Migration(
            53, .money, "pending entries",
            [
                """
                CREATE TABLE journal_pending (org_id {id} NOT NULL, pending_id {id} NOT NULL,
                  pending_key {text} NOT NULL, kind {text} NOT NULL, business_at_ms {int} NOT NULL,
                  lapses_at_ms {int} NOT NULL, input_digest {bytes} NOT NULL, PRIMARY KEY (org_id, pending_id)) {table}
                """,
                "CREATE UNIQUE INDEX journal_pending_key ON journal_pending (org_id, pending_key)",
                "CREATE INDEX journal_pending_lapse ON journal_pending (org_id, lapses_at_ms)",
                """
                CREATE TABLE journal_pending_leg (org_id {id} NOT NULL, pending_id {id} NOT NULL, line {int} NOT NULL,
                  journal_account_id {id} NOT NULL, amount_paise {int} NOT NULL, kind {text} NOT NULL, supply_day {int},
                  revision {int}, estimated {flag} NOT NULL, PRIMARY KEY (org_id, pending_id, line),
                  FOREIGN KEY (org_id, pending_id) REFERENCES journal_pending (org_id, pending_id)) {table}
                """,
                """
                CREATE INDEX journal_pending_leg_account
                  ON journal_pending_leg (org_id, journal_account_id, pending_id)
                """,
                """
                CREATE TABLE journal_settlement (org_id {id} NOT NULL, pending_id {id} NOT NULL,
                  settlement_key {text} NOT NULL, entry_id {id}, business_at_ms {int} NOT NULL,
                  input_digest {bytes} NOT NULL, PRIMARY KEY (org_id, pending_id),
                  FOREIGN KEY (org_id, pending_id) REFERENCES journal_pending (org_id, pending_id)) {keyed_table}
                """,
                "CREATE UNIQUE INDEX journal_settlement_key ON journal_settlement (org_id, settlement_key)",
            ]),
        periods, chartLanes, bundles,
    ]
}

/// The company's own accounts of the chart; a wallet has the id of its supply account.
public enum ChartAccount: Int64, Sendable, CaseIterable {
    case energyRevenue = 1
    case fixedRevenue = 2
    case dutyPayable = 3
    case paymentClearing = 4
    case adjustments = 5
    case subsidyReceivable = 6
    case exportPayable = 7
    /// What the books of before say a consumer owed or was owed.
    case takenOver = 21
    case deposits = 22
    case arrearsWrittenOff = 23

    public var name: String {
        switch self {
        case .energyRevenue: "energy revenue"
        case .fixedRevenue: "fixed charge revenue"
        case .dutyPayable: "electricity duty payable"
        case .paymentClearing: "payment clearing"
        case .adjustments: "adjustments"
        case .subsidyReceivable: "subsidy receivable"
        case .exportPayable: "payable for energy fed in"
        case .takenOver: "taken over from the books of before"
        case .deposits: "security deposits"
        case .arrearsWrittenOff: "arrears written off"
        }
    }

    /// Its name in exports and lists of balances: kind of account first. Never changes.
    public var bookName: String {
        switch self {
        case .energyRevenue: "income:energy"
        case .fixedRevenue: "income:fixed-charges"
        case .dutyPayable: "liabilities:electricity-duty"
        case .paymentClearing: "assets:payment-clearing"
        case .adjustments: "expenses:adjustments"
        case .subsidyReceivable: "assets:subsidy-receivable"
        case .exportPayable: "liabilities:energy-fed-in"
        case .takenOver: "equity:taken-over"
        case .deposits: "liabilities:deposits"
        case .arrearsWrittenOff: "expenses:arrears-written-off"
        }
    }
}

/// What a posting is, for the statement. Stored by name.
public enum PostingKind: String, Sendable, CaseIterable {
    case charge, reversal, recharge, adjustment, revenue, clearing
    /// An old debt: put on the account, paid off or given up.
    case arrears
    /// From postpaid to prepaid.
    case conversion
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

    static let columns = "journal_account_id, amount_paise, kind, supply_day, revision, estimated"

    /// The same with the name of their table in front.
    static func columns(of table: String) -> String {
        "\(table)." + columns.split(separator: ", ").joined(separator: ", \(table).")
    }

    /// In the order of ``columns``.
    var values: [SQLValue] {
        [
            .int(journalAccountID), .int(amountPaise), .text(kind.rawValue),
            .optional(supplyDay.map { Int64($0.number) }), .optional(revision), .flag(estimated),
        ]
    }

    /// From ``columns``, the first of which is this one.
    init(_ row: any SQLRow, from column: Int = 0) throws {
        self.init(
            try row.int(column), try row.int(column + 1),
            PostingKind(rawValue: try row.text(column + 2)) ?? .adjustment,
            supplyDay: try row.optionalDay(column + 3), revision: try row.optionalInt(column + 4),
            estimated: try row.flag(column + 5))
    }
}

/// Balance of a wallet as its owner sees it, and how much of what was taken rests on estimates.
public struct WalletBalance: Sendable, Equatable {
    public var balancePaise: Int64
    public var estimatedChargesPaise: Int64
    /// What pending entries would take from the balance; it is in the balance still. Nil where no time was given.
    public var reservedPaise: Int64?
    /// What pending entries would add to the balance; it is not in the balance yet. Nil where no time was given.
    public var expectedPaise: Int64?
    public init(
        balancePaise: Int64, estimatedChargesPaise: Int64, reservedPaise: Int64? = nil, expectedPaise: Int64? = nil
    ) {
        self.balancePaise = balancePaise
        self.estimatedChargesPaise = estimatedChargesPaise
        self.reservedPaise = reservedPaise
        self.expectedPaise = expectedPaise
    }
}

/// What the book cannot do with what it was given. Nothing was changed.
public enum JournalError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The key was used before, with other input.
    case otherInput(key: String)
    /// No pending entry has this key.
    case noSuchPending(key: String)
    /// The pending entry was posted or voided before, by another key.
    case settled(key: String)
    /// The pending entry lapsed at this time.
    case lapsed(key: String, atMs: Int64)
    /// An amount is more than what is pending, or against it, or nothing, or the amounts do not balance.
    case notAPart(key: String)

    public var description: String {
        switch self {
        case .otherInput(let key): "the key \(key) stands for another entry already"
        case .noSuchPending(let key): "there is no pending entry \(key)"
        case .settled(let key): "the pending entry \(key) was posted or voided before"
        case .lapsed(let key, _): "the pending entry \(key) has lapsed"
        case .notAPart(let key): "the amounts are no part of the pending entry \(key)"
        }
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

    /// Posts a balanced entry. The same key with the same input again changes nothing and returns the first entry's id.
    /// - Parameters:
    ///   - key: derived from the business fact.
    ///   - timeIsFact: the business time belongs to the fact, such as the value date of a bank's statement; otherwise
    ///     it says when the fact was posted, and a repetition may come later.
    /// - Throws: ``JournalError/otherInput(key:)`` when the key was used before with another kind, time or other legs.
    public static func post(
        key: String, kind: String, legs: [Leg], businessAtMs: Int64, timeIsFact: Bool = false, entryID: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        prove(legs)
        let input = EntryInput(what: .entry, kind: kind, factAtMs: timeIsFact ? businessAtMs : nil, legs: legs)
        return try post(input, key: key, businessAtMs: businessAtMs, entryID: entryID, scope, in: transaction)
    }

    /// Balanced by construction: whoever puts legs together that do not sum to zero has made a mistake of ours.
    static func prove(_ legs: [Leg]) {
        precondition(!legs.isEmpty && legs.count <= legLimit, "an entry has 1 to \(legLimit) legs")
        let sum = sumPaise(legs)
        precondition(sum == 0, "an entry must balance; this one is off by \(sum) paise")
    }

    static func sumPaise(_ legs: [Leg]) -> Int128 { legs.reduce(0) { $0 + Int128($1.amountPaise) } }

    /// Posts what is proven to balance.
    static func post(
        _ input: EntryInput, key: String, businessAtMs: Int64, entryID: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Int64 {
        let digest = input.digest
        if let (earlier, known) = try posted(key, input, scope, transaction) {
            guard known == digest else { throw JournalError.otherInput(key: key) }
            return earlier
        }
        let entry = NewEntry(
            key: key, kind: input.kind, legs: input.legs, businessAtMs: businessAtMs, entryID: entryID)
        guard input.legs.count >= Bundles.legsMin else {
            try write([(entry, digest)], scope, in: transaction)
            return entryID
        }
        try insert([(entry, digest)], scope, in: transaction)
        try Bundles.insert(input.legs, entryID: entryID, scope, in: transaction)
        try settle(or: entryID, input.legs, scope, in: transaction)
        return entryID
    }

    /// The entry of a key and the digest of its input. An entry older than digests gets it from what is stored of it.
    private static func posted(
        _ key: String, _ input: EntryInput, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> (entryID: Int64, digest: [UInt8])? {
        let found = try transaction.first(
            """
            SELECT entry_id, input_digest, kind, business_at_ms FROM journal_entry
            WHERE org_id = $1 AND entry_key = $2
            """, [.int(scope.orgID), .text(key)]
        ) { (try $0.int(0), try $0.optionalBytes(1), try $0.text(2), try $0.int(3)) }
        guard let (entryID, digest, kind, businessAtMs) = found else { return nil }
        if let digest { return (entryID, digest) }
        let legs = try transaction.query(
            "SELECT \(Leg.columns) FROM posting WHERE org_id = $1 AND entry_id = $2",
            [.int(scope.orgID), .int(entryID)]
        ) { try Leg($0) }
        let stored = EntryInput(
            what: .entry, kind: kind, factAtMs: input.factAtMs.map { _ in businessAtMs }, legs: legs)
        return (entryID, stored.digest)
    }

    /// - Parameter atMs: business time; with it the balance tells what pending entries would move that have not lapsed.
    public static func balance(
        ofAccount accountID: Int64, atMs: Int64? = nil, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> WalletBalance {
        let kept = try kept(accountID, scope, in: transaction) ?? BalanceStep()
        var balance = WalletBalance(balancePaise: -kept.debitPaise, estimatedChargesPaise: kept.estimatedPaise)
        if let atMs {
            let open = try pendingSums(accountID...accountID, atMs: atMs, scope, in: transaction)[accountID]
            balance.reservedPaise = open?.debitPaise ?? 0
            balance.expectedPaise = -(open?.creditPaise ?? 0)
        }
        return balance
    }

    /// The last `limit` lines of a wallet, newest first, each with the balance after it.
    /// - Parameters:
    ///   - beforeEntryID: only lines before this entry …
    ///   - beforeLine: … or, in it, before this line.
    public static func statement(
        ofAccount accountID: Int64, limit: Int, beforeEntryID: Int64 = .max, beforeLine: Int64 = 0, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [StatementLine] {
        let page = try lines(
            ofAccount: accountID, where: "p.entry_id <= $3", [.int(beforeEntryID)], limit: limit,
            only: { $0.entryID < beforeEntryID || $0.line < beforeLine }, scope, in: transaction)
        guard let newest = page.first else { return [] }
        var balance = try balancePaise(after: newest, ofAccount: accountID, scope, in: transaction)
        return page.map { line in
            defer { balance += line.leg.amountPaise }
            return line.statementLine(balanceAfterPaise: balance)
        }
    }

    /// The line with which a revision of a day was charged; nil when that revision posted nothing.
    public static func chargeLine(
        ofAccount accountID: Int64, supplyDay: CivilDay, revision: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> StatementLine? {
        let found = try lines(
            ofAccount: accountID, where: "p.kind = 'charge' AND p.supply_day = $3 AND p.revision = $4",
            [.day(supplyDay), .int(revision)], limit: 1, scope, in: transaction)
        return try found.first.map { line in
            line.statementLine(
                balanceAfterPaise: try balancePaise(after: line, ofAccount: accountID, scope, in: transaction))
        }
    }

    /// Debit balance of an account of the chart.
    public static func debitBalancePaise(_ account: ChartAccount, _ scope: Scope, in transaction: any SQLTransaction)
        throws -> Int64
    {
        try kept(account.rawValue, scope, in: transaction)?.debitPaise ?? 0
    }
}
