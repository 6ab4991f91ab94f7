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
        try lines(
            ofAccount: accountID, where: "p.kind = 'recharge'", limit: 1, only: { $0.leg.amountPaise < 0 }, scope,
            in: transaction
        ).first.map { -$0.leg.amountPaise }
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
        let found = try lines(
            ofAccount: accountID, where: "\(isCorrection) AND e.business_at_ms >= $3", [.int(sinceMs)], scope,
            in: transaction)
        var corrections: [Correction] = []
        for line in found {
            if corrections.last?.entryID != line.entryID {
                guard corrections.count < 400 else { break }
                corrections.append(Correction(entryID: line.entryID, atMs: line.businessAtMs, debitPaise: 0))
            }
            corrections[corrections.count - 1].debitPaise += line.leg.amountPaise
        }
        return corrections
    }

    /// What the latest correction took, when nothing was charged for use since; nil otherwise.
    public static func uncoveredCorrectionPaise(
        ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        let latest = try lines(ofAccount: accountID, where: isCorrection, limit: 1, scope, in: transaction)
        guard let entryID = latest.first?.entryID else { return nil }
        var paise: Int64 = 0
        for line in try lines(
            ofAccount: accountID, where: "p.entry_id >= $3", [.int(entryID)], scope, in: transaction)
        {
            let isAgain = line.leg.kind == .charge && line.leg.revision ?? 1 > 1
            if line.leg.kind == .charge, !isAgain, line.leg.amountPaise > 0 { return nil }
            if line.entryID == entryID, isAgain || line.leg.kind == .reversal { paise += line.leg.amountPaise }
        }
        return paise > 0 ? paise : nil
    }

    /// The last day that is charged, among the latest lines of the wallet; nil when none is.
    public static func lastChargedDay(
        ofAccount accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilDay? {
        // A correction of a whole month comes in one entry of up to 62 lines.
        try lines(
            ofAccount: accountID, where: "p.kind = 'charge' AND p.supply_day IS NOT NULL", limit: 70, scope,
            in: transaction
        ).compactMap(\.leg.supplyDay).max()
    }
}
