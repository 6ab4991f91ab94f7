// Several entries of the book in few statements. Each is posted as by itself; decides nothing else.
import Access
import SQL

/// An entry to be posted together with others.
public struct NewEntry: Sendable {
    /// Derived from the business fact.
    public var key: String
    public var kind: String
    public var legs: [Leg]
    public var businessAtMs: Int64
    public var entryID: Int64

    public init(key: String, kind: String, legs: [Leg], businessAtMs: Int64, entryID: Int64) {
        self.key = key
        self.kind = kind
        self.legs = legs
        self.businessAtMs = businessAtMs
        self.entryID = entryID
    }
}

extension Journal {
    /// Posts entries with different keys, each as ``post(key:kind:legs:businessAtMs:timeIsFact:entryID:_:in:)`` does.
    /// - Returns: of each the id of the entry that its key stands for, or why it was not posted.
    public static func post(
        _ entries: [NewEntry], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Result<Int64, JournalError>] {
        let known = Set(
            try transaction.queryEach(
                "SELECT entry_key FROM journal_entry WHERE org_id = $1 AND entry_key = $each", [.int(scope.orgID)],
                entries.map { .text($0.key) }
            ) { try $0.text(0) })
        var new: [(entry: NewEntry, digest: [UInt8])] = []
        var results: [Result<Int64, JournalError>] = []
        for entry in entries {
            prove(entry.legs)
            let input = EntryInput(what: .entry, kind: entry.kind, factAtMs: nil, legs: entry.legs)
            guard known.contains(entry.key) || entry.legs.count >= Bundles.legsMin else {
                new.append((entry, input.digest))
                results.append(.success(entry.entryID))
                continue
            }
            do {
                let entryID = try post(
                    input, key: entry.key, businessAtMs: entry.businessAtMs, entryID: entry.entryID, scope,
                    in: transaction)
                results.append(.success(entryID))
            } catch let error as JournalError {
                results.append(.failure(error))
            }
        }
        try write(new, scope, in: transaction)
        return results
    }

    /// Entries whose keys are not used; their postings follow.
    static func insert(
        _ entries: [(entry: NewEntry, digest: [UInt8])], _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        // Where another writer posts the same key at this moment, ON CONFLICT makes PostgreSQL run this transaction
        // again (a plain INSERT would fail it), and then the entry is seen before.
        try transaction.runMany(
            """
            INSERT INTO journal_entry (org_id, entry_id, entry_key, kind, business_at_ms, input_digest)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id, entry_key) DO NOTHING
            """,
            entries.map { entry, digest in
                [
                    .int(scope.orgID), .int(entry.entryID), .text(entry.key), .text(entry.kind),
                    .int(entry.businessAtMs), .bytes(digest),
                ]
            })
    }

    /// Writes entries of few legs, whose keys are not used and whose legs are proven.
    static func write(
        _ entries: [(entry: NewEntry, digest: [UInt8])], _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let org = SQLValue.int(scope.orgID)
        try insert(entries, scope, in: transaction)
        try transaction.runMany(
            """
            INSERT INTO posting (org_id, entry_id, line, \(Leg.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            entries.flatMap { entry, _ in
                entry.legs.enumerated().map { index, leg in
                    [org, SQLValue.int(entry.entryID), SQLValue.int(index + 1)] + leg.values
                }
            })
        try add(steps(of: entries.flatMap(\.entry.legs)), scope, in: transaction)
    }

    /// Balances of wallets as their owners see them; one that nothing was posted to is not there.
    public static func balancesPaise(
        ofAccounts accountIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: Int64] {
        let org = SQLValue.int(scope.orgID)
        let found = try transaction.queryEach(
            """
            SELECT journal_account_id, -debit_balance_paise FROM journal_balance
            WHERE org_id = $1 AND journal_account_id = $each
            """, [org], accountIDs.map { .int($0) }
        ) { (try $0.int(0), try $0.int(1)) }
        var balances = Dictionary(found, uniquingKeysWith: { balance, _ in balance })
        let waits = try transaction.first(
            "SELECT entry_id FROM journal_unsettled WHERE org_id = $1 LIMIT 1", [org]
        ) { try $0.int(0) }
        guard waits != nil else { return balances }
        for accountID in accountIDs {
            guard let step = try unsettled(ofAccount: accountID, scope, in: transaction) else { continue }
            balances[accountID, default: 0] -= step.debitPaise
        }
        return balances
    }
}
