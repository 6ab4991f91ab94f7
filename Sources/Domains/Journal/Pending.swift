// Entries in two steps: pending first, counted apart from the balances, then posted whole or in part, or voided.
// A row is written once; how an entry stands follows from its rows and the time asked for. Reads no clock.
import Access
import SQL

/// How a pending entry stands. From `open` it goes to one of the others and stays there.
public enum PendingState: Sendable, Equatable {
    case open
    case posted(entryID: Int64)
    case voided
    /// Its time was over before anybody posted or voided it.
    case lapsed
}

/// An entry that waits to be posted. Nothing of it is in a balance.
public struct PendingEntry: Sendable, Equatable {
    public var pendingID: Int64
    public var key: String
    public var kind: String
    public var businessAtMs: Int64
    /// From this time on it counts no more.
    public var lapsesAtMs: Int64
    public var legs: [Leg]
    public var state: PendingState
}

extension Journal {
    /// Reserves a balanced entry until a time. The same key with the same input again changes nothing and returns the
    /// first id, whatever has become of it.
    /// - Parameter lapsesAtMs: part of the input: derive it from the fact, not from the clock of a repetition.
    /// - Throws: ``JournalError/otherInput(key:)``.
    public static func pend(
        key: String, kind: String, legs: [Leg], businessAtMs: Int64, lapsesAtMs: Int64, pendingID: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        prove(legs)
        precondition(lapsesAtMs > businessAtMs, "a pending entry lapses after it began")
        let org = SQLValue.int(scope.orgID)
        let digest = EntryInput(what: .pending(lapsesAtMs: lapsesAtMs), kind: kind, legs: legs).digest
        let earlier = try transaction.first(
            "SELECT pending_id, input_digest FROM journal_pending WHERE org_id = $1 AND pending_key = $2",
            [org, .text(key)]
        ) { (try $0.int(0), try $0.bytes(1)) }
        if let (earlierID, known) = earlier {
            guard known == digest else { throw JournalError.otherInput(key: key) }
            return earlierID
        }
        let added = try transaction.run(
            """
            INSERT INTO journal_pending (org_id, pending_id, pending_key, kind, business_at_ms, lapses_at_ms,
              input_digest) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, pending_key) DO NOTHING
            """,
            [org, .int(pendingID), .text(key), .text(kind), .int(businessAtMs), .int(lapsesAtMs), .bytes(digest)])
        guard added == 1 else { throw SQLError(.unique, "another writer has made the same pending entry; try again") }
        try transaction.runMany(
            """
            INSERT INTO journal_pending_leg (org_id, pending_id, line, \(Leg.columns))
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            legs.enumerated().map { index, leg in [org, .int(pendingID), .int(index + 1)] + leg.values })
        // Every account that something is pending on stands among the balances.
        let accounts = legs.map { ($0.journalAccountID, BalanceStep()) }
        try add(Dictionary(accounts, uniquingKeysWith: { step, _ in step }), scope, in: transaction)
        return pendingID
    }

    /// Posts a pending entry, whole or in part; what is left of it counts no more.
    /// - Parameters:
    ///   - key: of this act and of the entry it posts; may be the same as the pending entry's own.
    ///   - amountsPaise: one for each leg in their order, none beyond it nor against it; nil posts the whole.
    ///   - atMs: business time; from the lapse on it is too late.
    /// - Returns: the id of the entry. The same again changes nothing and returns the first entry's id.
    /// - Throws: ``JournalError``.
    public static func postPending(
        _ pendingKey: String, key: String, amountsPaise: [Int64]? = nil, atMs: Int64, entryID: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Int64 {
        let pending = try found(pendingKey, atMs: atMs, scope, transaction)
        let legs = try part(of: pending, amountsPaise)
        let input = EntryInput(what: .posting(pendingID: pending.pendingID), kind: pending.kind, legs: legs)
        if try wasDone(key, input, scope, transaction), case .posted(let earlier) = pending.state { return earlier }
        try proveOpen(pending)
        let posted = try post(input, key: key, businessAtMs: atMs, entryID: entryID, scope, in: transaction)
        try settle(pending, key: key, input, entryID: posted, atMs: atMs, scope, transaction)
        return posted
    }

    /// Gives up a pending entry. The same key again changes nothing.
    /// - Throws: ``JournalError``.
    public static func void(
        _ pendingKey: String, key: String, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let pending = try found(pendingKey, atMs: atMs, scope, transaction)
        let input = EntryInput(what: .voiding(pendingID: pending.pendingID), kind: pending.kind, legs: [])
        guard try !wasDone(key, input, scope, transaction) else { return }
        try proveOpen(pending)
        try settle(pending, key: key, input, entryID: nil, atMs: atMs, scope, transaction)
    }

    /// The pending entry of a key and how it stands at a business time; nil when there is none.
    public static func pending(
        _ key: String, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> PendingEntry? {
        let org = SQLValue.int(scope.orgID)
        let head = try transaction.first(
            """
            SELECT p.pending_id, p.kind, p.business_at_ms, p.lapses_at_ms, s.pending_id, s.entry_id
            FROM journal_pending p
            LEFT JOIN journal_settlement s ON s.org_id = p.org_id AND s.pending_id = p.pending_id
            WHERE p.org_id = $1 AND p.pending_key = $2
            """, [org, .text(key)]
        ) { row in
            let lapsesAtMs = try row.int(3)
            let state: PendingState =
                if let entryID = try row.optionalInt(5) {
                    .posted(entryID: entryID)
                } else if try row.optionalInt(4) != nil {
                    .voided
                } else {
                    lapsesAtMs > atMs ? .open : .lapsed
                }
            return PendingEntry(
                pendingID: try row.int(0), key: key, kind: try row.text(1), businessAtMs: try row.int(2),
                lapsesAtMs: lapsesAtMs, legs: [], state: state)
        }
        guard var pending = head else { return nil }
        pending.legs = try transaction.query(
            "SELECT \(Leg.columns) FROM journal_pending_leg WHERE org_id = $1 AND pending_id = $2 ORDER BY line",
            [org, .int(pending.pendingID)]
        ) { try Leg($0) }
        return pending
    }

    /// What is pending and has not lapsed at a business time, by account: debits, and credits (not above zero).
    static func pendingSums(
        _ accounts: ClosedRange<Int64>, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: (debitPaise: Int64, creditPaise: Int64)] {
        let rows = try transaction.query(
            """
            SELECT l.journal_account_id,
              CAST(COALESCE(SUM(l.amount_paise) FILTER (WHERE l.amount_paise > 0), 0) AS BIGINT),
              CAST(COALESCE(SUM(l.amount_paise) FILTER (WHERE l.amount_paise < 0), 0) AS BIGINT)
            FROM journal_pending_leg l
            JOIN journal_pending p ON p.org_id = l.org_id AND p.pending_id = l.pending_id
            WHERE l.org_id = $1 AND l.journal_account_id >= $2 AND l.journal_account_id <= $3 AND p.lapses_at_ms > $4
              AND NOT EXISTS (SELECT 1 FROM journal_settlement s
                WHERE s.org_id = p.org_id AND s.pending_id = p.pending_id)
            GROUP BY l.journal_account_id
            """, [.int(scope.orgID), .int(accounts.lowerBound), .int(accounts.upperBound), .int(atMs)]
        ) { (try $0.int(0), (debitPaise: try $0.int(1), creditPaise: try $0.int(2))) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    private static func found(
        _ key: String, atMs: Int64, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> PendingEntry {
        guard let pending = try pending(key, atMs: atMs, scope, in: transaction) else {
            throw JournalError.noSuchPending(key: key)
        }
        return pending
    }

    private static func proveOpen(_ pending: PendingEntry) throws {
        switch pending.state {
        case .open: return
        case .posted, .voided: throw JournalError.settled(key: pending.key)
        case .lapsed: throw JournalError.lapsed(key: pending.key, atMs: pending.lapsesAtMs)
        }
    }

    /// The legs with these amounts, without those that come to nothing.
    private static func part(of pending: PendingEntry, _ amountsPaise: [Int64]?) throws -> [Leg] {
        guard let amountsPaise else { return pending.legs }
        guard amountsPaise.count == pending.legs.count else { throw JournalError.notAPart(key: pending.key) }
        var legs: [Leg] = []
        for (leg, amountPaise) in zip(pending.legs, amountsPaise) where amountPaise != 0 {
            guard (amountPaise < 0) == (leg.amountPaise < 0), amountPaise.magnitude <= leg.amountPaise.magnitude else {
                throw JournalError.notAPart(key: pending.key)
            }
            var part = leg
            part.amountPaise = amountPaise
            legs.append(part)
        }
        guard !legs.isEmpty, sumPaise(legs) == 0 else { throw JournalError.notAPart(key: pending.key) }
        return legs
    }

    /// Whether this key has done this before. Its input names the pending entry.
    private static func wasDone(
        _ key: String, _ input: EntryInput, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> Bool {
        let known = try transaction.first(
            "SELECT input_digest FROM journal_settlement WHERE org_id = $1 AND settlement_key = $2",
            [.int(scope.orgID), .text(key)]
        ) { try $0.bytes(0) }
        guard let known else { return false }
        guard known == input.digest else { throw JournalError.otherInput(key: key) }
        return true
    }

    private static func settle(
        _ pending: PendingEntry, key: String, _ input: EntryInput, entryID: Int64?, atMs: Int64, _ scope: Scope,
        _ transaction: any SQLTransaction
    ) throws {
        // As in ``post``: on PostgreSQL the later of two at once runs again and sees what the other did.
        let added = try transaction.run(
            """
            INSERT INTO journal_settlement (org_id, pending_id, settlement_key, entry_id, business_at_ms, input_digest)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(pending.pendingID), .text(key), .optional(entryID), .int(atMs),
                .bytes(input.digest),
            ])
        guard added == 1 else { throw SQLError(.unique, "another writer has settled the same entry; try again") }
    }
}
