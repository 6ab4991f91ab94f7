// What an account of the book did within a span of time, in the order of the book. Writes nothing.
import Access
import CivilTime
import SQL

/// The postings of one account within a span, with what it held before.
public struct AccountSpan: Sendable, Equatable {
    /// As its owner reads it: positive is to the good of a wallet.
    public var openingPaise: Int64
    /// Oldest first; each with the balance after it, counted from the opening.
    public var lines: [StatementLine]

    /// By construction the opening and all the lines.
    public var closingPaise: Int64 { lines.last?.balanceAfterPaise ?? openingPaise }
}

extension Journal {
    /// At most so many lines in a span; a month of a wallet with every day corrected ten times stays below.
    public static let spanLinesMax = 2_000

    /// - Parameters:
    ///   - fromMs: business time, included.
    ///   - untilMs: not included.
    /// - Throws: ``Refusal`` `tooLarge` for more lines than ``spanLinesMax``.
    public static func span(
        ofAccount accountID: Int64, fromMs: Int64, untilMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> AccountSpan {
        let values: [SQLValue] = [.int(scope.orgID), .int(accountID), .int(fromMs)]
        let opening =
            try transaction.first(
                """
                SELECT CAST(COALESCE(SUM(-p.amount_paise), 0) AS BIGINT)
                FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
                WHERE p.org_id = $1 AND p.journal_account_id = $2 AND e.business_at_ms < $3
                """, values
            ) { try $0.int(0) } ?? 0
        var balance = opening
        let lines = try transaction.query(
            """
            SELECT p.entry_id, p.line, p.kind, e.business_at_ms, p.supply_day, p.revision, p.estimated, -p.amount_paise,
              e.entry_key
            FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            WHERE p.org_id = $1 AND p.journal_account_id = $2 AND e.business_at_ms >= $3 AND e.business_at_ms < $4
            ORDER BY e.business_at_ms, p.entry_id, p.line LIMIT $5
            """, values + [.int(untilMs), .int(spanLinesMax + 1)]
        ) { row in
            let amount = try row.int(7)
            balance += amount
            return StatementLine(
                entryID: try row.int(0), line: try row.int(1),
                kind: PostingKind(rawValue: try row.text(2)) ?? .adjustment, businessAtMs: try row.int(3),
                supplyDay: try row.optionalDay(4), revision: try row.optionalInt(5), estimated: try row.flag(6),
                amountPaise: amount, balanceAfterPaise: balance, entryKey: try row.text(8))
        }
        guard lines.count <= spanLinesMax else {
            throw Refusal(
                .tooLarge, "There are more than \(spanLinesMax) entries in this span.",
                hint: "Ask for the ledger, a part at a time.")
        }
        return AccountSpan(openingPaise: opening, lines: lines)
    }

    /// The last day of supply that postings of a kind to an account are for; nil: there are none.
    public static func lastSupplyDay(
        ofAccount accountID: Int64, _ kind: PostingKind, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilDay? {
        try transaction.first(
            "SELECT MAX(supply_day) FROM posting WHERE org_id = $1 AND journal_account_id = $2 AND kind = $3",
            [.int(scope.orgID), .int(accountID), .text(kind.rawValue)]
        ) { try $0.optionalDay(0) } ?? nil
    }

    /// Whether an entry of this key is in the book.
    public static func holds(_ key: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.first(
            "SELECT entry_id FROM journal_entry WHERE org_id = $1 AND entry_key = $2",
            [.int(scope.orgID), .text(key)]
        ) { try $0.int(0) } != nil
    }
}

extension Journal {
    /// What was posted to accounts of the chart within a span, debits positive; those without postings are left out.
    public static func sums(
        of accounts: [ChartAccount], fromMs: Int64, untilMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [ChartAccount: Int64] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(fromMs), .int(untilMs)]
        let marks = parameters.bind(accounts.map(\.rawValue))
        let rows = try transaction.query(
            """
            SELECT p.journal_account_id, CAST(SUM(p.amount_paise) AS BIGINT)
            FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            WHERE p.org_id = $1 AND e.business_at_ms >= $2 AND e.business_at_ms < $3
              AND p.journal_account_id IN (\(marks))
            GROUP BY p.journal_account_id
            """, parameters
        ) { (ChartAccount(rawValue: try $0.int(0)), try $0.int(1)) }
        return Dictionary(
            rows.compactMap { account, paise in account.map { ($0, paise) } }, uniquingKeysWith: { $0 + $1 })
    }
}
