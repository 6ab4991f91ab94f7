// The whole book a page at a time: balances of all accounts, and every posting in order. For exports and checks.
import Access
import SQL

/// Where an account of the book stands. Debits are positive, credits negative.
public struct AccountBalance: Sendable, Equatable {
    public var journalAccountID: Int64
    public var debitBalancePaise: Int64
    /// Part of the balance that rests on estimated readings.
    public var estimatedPaise: Int64
    /// What pending entries would add on the debit side; not in the balance.
    public var pendingDebitPaise: Int64
    /// What they would add on the credit side, not above zero; not in the balance.
    public var pendingCreditPaise: Int64

    public init(
        journalAccountID: Int64, debitBalancePaise: Int64, estimatedPaise: Int64, pendingDebitPaise: Int64 = 0,
        pendingCreditPaise: Int64 = 0
    ) {
        self.journalAccountID = journalAccountID
        self.debitBalancePaise = debitBalancePaise
        self.estimatedPaise = estimatedPaise
        self.pendingDebitPaise = pendingDebitPaise
        self.pendingCreditPaise = pendingCreditPaise
    }
}

/// A posting with its entry.
public struct BookLine: Sendable, Equatable {
    public var entryID: Int64
    public var line: Int64
    public var entryKey: String
    public var entryKind: String
    public var businessAtMs: Int64
    public var leg: Leg
}

extension Journal {
    /// Balances of all accounts, in order of id: those of the chart first.
    /// - Parameters:
    ///   - after: an account's id, not included.
    ///   - atMs: business time that decides what has lapsed of what is pending.
    public static func balances(
        after: Int64 = 0, limit: Int, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [AccountBalance] {
        let wallets = try transaction.query(
            """
            SELECT journal_account_id, debit_balance_paise, estimated_paise FROM journal_balance
            WHERE org_id = $1 AND journal_account_id > $2 ORDER BY journal_account_id LIMIT $3
            """, [.int(scope.orgID), .int(after), .int(limit)]
        ) { row in
            AccountBalance(
                journalAccountID: try row.int(0), debitBalancePaise: try row.int(1), estimatedPaise: try row.int(2))
        }
        let chart = try chartBalances(after: after, scope, in: transaction)
        var all = Dictionary(uniqueKeysWithValues: (chart + wallets).map { ($0.journalAccountID, $0) })
        for (account, step) in try unsettled(scope, in: transaction) where account > after {
            var balance =
                all[account] ?? AccountBalance(journalAccountID: account, debitBalancePaise: 0, estimatedPaise: 0)
            balance.debitBalancePaise += step.debitPaise
            balance.estimatedPaise += step.estimatedPaise
            all[account] = balance
        }
        var page = Array(all.values.sorted { $0.journalAccountID < $1.journalAccountID }.prefix(limit))
        guard let first = page.first, let last = page.last else { return [] }
        let range = first.journalAccountID...last.journalAccountID
        let open = try pendingSums(range, atMs: atMs, scope, in: transaction)
        for index in page.indices {
            guard let sums = open[page[index].journalAccountID] else { continue }
            (page[index].pendingDebitPaise, page[index].pendingCreditPaise) = sums
        }
        return page
    }

    /// Postings of entries from one business time to another (not included), in order of entry and line.
    /// - Parameter after: an entry and a line of it, not included.
    public static func bookLines(
        after: (entryID: Int64, line: Int64), fromMs: Int64 = .min, untilMs: Int64 = .max, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [BookLine] {
        let rows = try transaction.query(
            """
            SELECT p.entry_id, p.line, e.entry_key, e.kind, e.business_at_ms, \(Leg.columns(of: "p"))
            FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            WHERE p.org_id = $1 AND (p.entry_id, p.line) > ($2, $3) AND e.business_at_ms >= $4
              AND e.business_at_ms < $5
            ORDER BY p.entry_id, p.line LIMIT $6
            """,
            [
                .int(scope.orgID), .int(after.entryID), .int(after.line), .int(fromMs), .int(untilMs), .int(limit),
            ]
        ) { row in
            BookLine(
                entryID: try row.int(0), line: try row.int(1), entryKey: try row.text(2), entryKind: try row.text(3),
                businessAtMs: try row.int(4), leg: try Leg(row, from: 5))
        }
        var lines = rows
        // What lies behind a full page of rows is for the next one.
        let last = rows.count < limit ? Int64.max : rows.last?.entryID ?? .max
        var entryID = after.entryID
        while lines.count - rows.count < limit,
            let bundled = try bundledEntry(from: entryID, through: last, fromMs, untilMs, scope, in: transaction)
        {
            lines += bundled.filter { ($0.entryID, $0.line) > after }
            guard let done = bundled.first?.entryID, done < last else { break }
            entryID = done + 1
        }
        lines.sort { ($0.entryID, $0.line) < ($1.entryID, $1.line) }
        return Array(lines.prefix(limit))
    }

    /// All lines of the first entry in bundles; nil: there is none.
    private static func bundledEntry(
        from firstID: Int64, through lastID: Int64, _ fromMs: Int64, _ untilMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [BookLine]? {
        let found = try transaction.first(
            """
            SELECT e.entry_id, e.entry_key, e.kind, e.business_at_ms FROM posting_bundle p
            JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            WHERE p.org_id = $1 AND p.entry_id >= $2 AND p.entry_id <= $3 AND e.business_at_ms >= $4
              AND e.business_at_ms < $5 ORDER BY p.entry_id LIMIT 1
            """, [.int(scope.orgID), .int(firstID), .int(lastID), .int(fromMs), .int(untilMs)]
        ) { (id: try $0.int(0), key: try $0.text(1), kind: try $0.text(2), atMs: try $0.int(3)) }
        guard let found else { return nil }
        return try transaction.query(
            "SELECT \(Bundles.columns) FROM posting_bundle p WHERE p.org_id = $1 AND p.entry_id = $2",
            [.int(scope.orgID), .int(found.id)]
        ) { row in
            try Bundles.legs(row, from: 0).map { line, leg in
                BookLine(
                    entryID: found.id, line: line, entryKey: found.key, entryKind: found.kind, businessAtMs: found.atMs,
                    leg: leg)
            }
        }.flatMap { $0 }
    }
}
