// What others ask of a wallet besides its balance: the last recharge, what corrections took, how far it is charged.
// Reads only; each looks at one wallet.
import Access
import CivilTime
import SQL

extension Journal {
    /// Nil for a wallet that was never recharged.
    public static func lastRechargePaise(
        ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        try transaction.first(
            """
            SELECT -amount_paise FROM posting WHERE org_id = $1 AND journal_account_id = $2 AND kind = 'recharge'
              AND amount_paise < 0 ORDER BY entry_id DESC LIMIT 1
            """, [.int(scope.orgID), .int(accountID)]
        ) { try $0.int(0) }
    }

    /// An entry that took charges back and made them anew: what it took from the wallet in all; negative, what it gave.
    public struct Correction: Sendable, Equatable {
        public var entryID: Int64
        public var atMs: Int64
        public var debitPaise: Int64
    }

    private static let isCorrection = "(p.kind = 'reversal' OR (p.kind = 'charge' AND p.revision > 1))"

    /// The corrections of a wallet since a business time, newest first; at most 400.
    public static func corrections(
        ofAccount accountID: Int64, sinceMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Correction] {
        try transaction.query(
            """
            SELECT p.entry_id, e.business_at_ms, CAST(SUM(p.amount_paise) AS BIGINT) FROM posting p
            JOIN journal_entry e ON e.org_id = p.org_id AND e.entry_id = p.entry_id
            WHERE p.org_id = $1 AND p.journal_account_id = $2 AND \(isCorrection) AND e.business_at_ms >= $3
            GROUP BY p.entry_id, e.business_at_ms ORDER BY p.entry_id DESC LIMIT 400
            """, [.int(scope.orgID), .int(accountID), .int(sinceMs)]
        ) { Correction(entryID: try $0.int(0), atMs: try $0.int(1), debitPaise: try $0.int(2)) }
    }

    /// What the latest correction took, when nothing was charged for use since; nil otherwise.
    public static func uncoveredCorrectionPaise(
        ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        let wallet: [SQLValue] = [.int(scope.orgID), .int(accountID)]
        let latest = try transaction.first(
            """
            SELECT p.entry_id FROM posting p WHERE p.org_id = $1 AND p.journal_account_id = $2 AND \(isCorrection)
            ORDER BY p.entry_id DESC LIMIT 1
            """, wallet
        ) { try $0.int(0) }
        guard let latest else { return nil }
        let sums = try transaction.first(
            """
            SELECT CAST(SUM(CASE WHEN p.entry_id = $3 AND \(isCorrection) THEN p.amount_paise ELSE 0 END) AS BIGINT),
              COUNT(*) FILTER (WHERE p.kind = 'charge' AND p.amount_paise > 0
                AND (p.revision IS NULL OR p.revision = 1))
            FROM posting p WHERE p.org_id = $1 AND p.journal_account_id = $2 AND p.entry_id >= $3
            """, wallet + [.int(latest)]
        ) { (paise: try $0.int(0), charges: try $0.int(1)) }
        guard let sums, sums.paise > 0, sums.charges == 0 else { return nil }
        return sums.paise
    }

    /// The last day that is charged, among the latest lines of the wallet; nil when none is.
    public static func lastChargedDay(
        ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilDay? {
        // A correction of a whole month comes in one entry of up to 62 lines.
        try transaction.query(
            """
            SELECT supply_day FROM posting WHERE org_id = $1 AND journal_account_id = $2 AND kind = 'charge'
              AND supply_day IS NOT NULL ORDER BY entry_id DESC, line DESC LIMIT 70
            """, [.int(scope.orgID), .int(accountID)]
        ) { try $0.day(0) }.max()
    }
}
