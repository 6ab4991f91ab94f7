// The postings of one account, newest first, whether they stand in a row each or in bundles. Reads only.
import Access
import CivilTime
import SQL

/// A posting to an account with its entry.
struct AccountLine {
    var entryID: Int64
    var line: Int64
    var leg: Leg
    var businessAtMs: Int64
    var entryKey: String

    func statementLine(balanceAfterPaise: Int64) -> StatementLine {
        StatementLine(
            entryID: entryID, line: line, kind: leg.kind, businessAtMs: businessAtMs, supplyDay: leg.supplyDay,
            revision: leg.revision, estimated: leg.estimated, amountPaise: -leg.amountPaise,
            balanceAfterPaise: balanceAfterPaise, entryKey: entryKey)
    }

    static func isAfter(_ one: AccountLine, _ other: AccountLine) -> Bool {
        (one.entryID, one.line) > (other.entryID, other.line)
    }
}

extension Journal {
    /// Rows of either kind that are read at once.
    private static let pageRows = 128

    /// Postings to an account, newest entry first.
    /// - Parameters:
    ///   - condition: SQL over `p` (entry_id, kind, supply_day, revision, estimated) and its entry `e`; its values
    ///     begin at `$3`.
    ///   - limit: the newest so many; nil: all.
    ///   - only: what SQL cannot ask of a bundle.
    static func lines(
        ofAccount accountID: Int64, where condition: String = "1 = 1", _ values: [SQLValue] = [], limit: Int? = nil,
        only: (AccountLine) -> Bool = { _ in true }, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [AccountLine] {
        let sources = [
            Source(
                columns: "p.line, \(Leg.columns(of: "p"))", table: "posting p", key: "p.line",
                condition: "p.journal_account_id = $2 AND (\(condition))", values: [.int(accountID)] + values,
                bundleOf: nil),
            Source(
                columns: "p.part, \(Bundles.columns)", table: "posting_bundle p", key: "p.part",
                condition: """
                    p.account_range = $2 AND p.first_account_id <= $\(values.count + 3)
                    AND p.last_account_id >= $\(values.count + 3) AND (\(condition))
                    """,
                values: [.int(Bundles.range(of: accountID))] + values + [.int(accountID)], bundleOf: accountID),
        ]
        var lines: [AccountLine] = []
        for source in sources {
            lines += try source.lines(limit: limit, pageRows: pageRows, only: only, scope, transaction)
        }
        lines.sort(by: AccountLine.isAfter)
        return limit.map { Array(lines.prefix($0)) } ?? lines
    }

    /// A table that holds postings.
    private struct Source {
        var columns: String
        var table: String
        /// Orders the rows of an entry.
        var key: String
        var condition: String
        var values: [SQLValue]
        /// The account whose legs are looked for in the row's bundle; nil: the row is a leg.
        var bundleOf: Int64?

        func lines(
            limit: Int?, pageRows: Int, only: (AccountLine) -> Bool, _ scope: Scope,
            _ transaction: any SQLTransaction
        ) throws -> [AccountLine] {
            var kept: [AccountLine] = []
            var before: (entryID: Int64, key: Int64) = (.max, .max)
            let mark = values.count + 2
            while true {
                let rows = try transaction.query(
                    """
                    SELECT p.entry_id, e.business_at_ms, e.entry_key, \(columns) FROM \(table)
                    JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
                    WHERE p.org_id = $1 AND \(condition) AND (p.entry_id, \(key)) < ($\(mark), $\(mark + 1))
                    ORDER BY p.entry_id DESC, \(key) DESC LIMIT $\(mark + 2)
                    """,
                    [.int(scope.orgID)] + values + [.int(before.entryID), .int(before.key), .int(pageRows)], decode)
                for row in rows {
                    // Only between entries: the rows of one are not in order of line.
                    if let limit, kept.count >= limit, kept.last?.entryID != row.entryID { return kept }
                    kept += row.lines.filter(only)
                    before = (row.entryID, row.key)
                }
                if rows.count < pageRows { return kept }
            }
        }

        private func decode(_ row: any SQLRow) throws -> (entryID: Int64, key: Int64, lines: [AccountLine]) {
            let (entryID, key) = (try row.int(0), try row.int(3))
            let (businessAtMs, entryKey) = (try row.int(1), try row.text(2))
            let legs =
                try bundleOf.map { try Bundles.legs(row, from: 4, ofAccount: $0) } ?? [(key, try Leg(row, from: 4))]
            return (
                entryID, key,
                legs.map { line, leg in
                    AccountLine(
                        entryID: entryID, line: line, leg: leg, businessAtMs: businessAtMs, entryKey: entryKey)
                }
            )
        }
    }

    /// The balance of an account, as its owner reads it, right after a posting to it.
    static func balancePaise(
        after line: AccountLine, ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        let later = try lines(
            ofAccount: accountID, where: "p.entry_id >= $3", [.int(line.entryID)],
            only: { AccountLine.isAfter($0, line) }, scope, in: transaction)
        let now = try balance(ofAccount: accountID, scope, in: transaction).balancePaise
        return later.reduce(now) { $0 + $1.leg.amountPaise }
    }
}
