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
        let since = try lines(
            ofAccount: accountID, where: "e.business_at_ms >= $3", [.int(fromMs)], scope, in: transaction)
        let now = try balance(ofAccount: accountID, scope, in: transaction).balancePaise
        let opening = since.reduce(now) { $0 + $1.leg.amountPaise }
        var balance = opening
        let lines = since.filter { $0.businessAtMs < untilMs }
            .sorted { ($0.businessAtMs, $0.entryID, $0.line) < ($1.businessAtMs, $1.entryID, $1.line) }
            .map { line in
                balance -= line.leg.amountPaise
                return line.statementLine(balanceAfterPaise: balance)
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
        let kind = SQLValue.text(kind.rawValue)
        let newest = try lines(
            ofAccount: accountID, where: "p.kind = $3 AND p.supply_day IS NOT NULL", [kind], limit: 1, scope,
            in: transaction)
        guard let last = newest.first?.leg.supplyDay else { return nil }
        // A correction of an earlier day may be newer.
        return try lines(
            ofAccount: accountID, where: "p.kind = $3 AND p.supply_day > $4", [kind, .day(last)], scope, in: transaction
        ).compactMap(\.leg.supplyDay).max() ?? last
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
        let wanted = Set(accounts.map(\.rawValue))
        var sums: [ChartAccount: Int64] = [:]
        let rows = try transaction.query(
            """
            SELECT p.journal_account_id, CAST(SUM(p.amount_paise) AS BIGINT)
            FROM posting p JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            WHERE p.org_id = $1 AND e.business_at_ms >= $2 AND e.business_at_ms < $3
              AND p.journal_account_id IN (\(marks))
            GROUP BY p.journal_account_id
            """, parameters
        ) { (ChartAccount(rawValue: try $0.int(0)), try $0.int(1)) }
        for (account, paise) in rows { if let account { sums[account] = paise } }
        let bundles = try transaction.query(
            """
            SELECT \(Bundles.columns) FROM posting_bundle p
            JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            WHERE p.org_id = $1 AND p.account_range = 0 AND p.first_account_id <= $4 AND e.business_at_ms >= $2
              AND e.business_at_ms < $3
            """, Array(parameters.prefix(3)) + [.int(wanted.max() ?? 0)]
        ) { try Bundles.legs($0, from: 0).map(\.leg).filter { wanted.contains($0.journalAccountID) } }
        for leg in bundles.joined() {
            guard let account = ChartAccount(rawValue: leg.journalAccountID) else { continue }
            sums[account, default: 0] += leg.amountPaise
        }
        return sums
    }

    /// What was charged and taken back of accounts for days of supply, by account; those without are left out.
    public static func suppliedPaise(
        ofAccounts accounts: [Int64], from first: CivilDay, through last: CivilDay, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [Int64: Int64] {
        let days: [SQLValue] = [.int(scope.orgID), .day(first), .day(last)]
        let wanted = Set(accounts)
        let ranges = Set(accounts.map(Bundles.range)).sorted()
        let condition =
            "p.org_id = $1 AND p.supply_day >= $2 AND p.supply_day <= $3 AND p.kind IN ('charge', 'reversal')"
        var (byRow, byBundle) = (days, days)
        let (accountMarks, rangeMarks) = (byRow.bind(accounts), byBundle.bind(ranges))
        let rows = try transaction.query(
            """
            SELECT p.journal_account_id, CAST(SUM(p.amount_paise) AS BIGINT) FROM posting p
            WHERE \(condition) AND p.journal_account_id IN (\(accountMarks)) GROUP BY p.journal_account_id
            """, byRow
        ) { (try $0.int(0), try $0.int(1)) }
        let bundles = try transaction.query(
            """
            SELECT \(Bundles.columns) FROM posting_bundle p
            WHERE \(condition) AND p.account_range IN (\(rangeMarks))
            """, byBundle
        ) { try Bundles.legs($0, from: 0).map(\.leg).filter { wanted.contains($0.journalAccountID) } }
        var sums = Dictionary(rows, uniquingKeysWith: +)
        for leg in bundles.joined() { sums[leg.journalAccountID, default: 0] += leg.amountPaise }
        return sums
    }

    /// The postings to an account by some entries, with their business time, in the order of the book.
    public static func postings(
        toAccount accountID: Int64, by entryIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(entryID: Int64, businessAtMs: Int64, leg: Leg)] {
        guard let first = entryIDs.min(), let last = entryIDs.max() else { return [] }
        let wanted = Set(entryIDs)
        return try lines(
            ofAccount: accountID, where: "p.entry_id >= $3 AND p.entry_id <= $4", [.int(first), .int(last)],
            only: { wanted.contains($0.entryID) }, scope, in: transaction
        ).reversed().map { ($0.entryID, $0.businessAtMs, $0.leg) }
    }
}
