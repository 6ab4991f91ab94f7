// Corrections: the days of one account that one run charged anew, from the reading or the plan that changed to the
// postings that follow from it. One id ties them. Reads what rating wrote; changes nothing.
import Access
import Accounts
import CivilTime
import IntervalData
import Journal
import MeterData
import SQL

/// One correction, in sum.
public struct Correction: Sendable, Equatable {
    public var correctionID: Int64
    public var accountID: Int64
    /// When it was made; the charges of the correction bear the same moment.
    public var atMs: Int64
    public var firstDay: CivilDay
    public var lastDay: CivilDay
    /// Days whose amount moved.
    public var days: Int64
    /// What the charges grew by.
    public var differencePaise: Int64

    public init(
        correctionID: Int64, accountID: Int64, atMs: Int64, firstDay: CivilDay, lastDay: CivilDay, days: Int64,
        differencePaise: Int64
    ) {
        (self.correctionID, self.accountID, self.atMs) = (correctionID, accountID, atMs)
        (self.firstDay, self.lastDay, self.days) = (firstDay, lastDay, days)
        self.differencePaise = differencePaise
    }

    static let columns = "correction_id, account_id, at_ms, first_day, last_day, days, difference_paise"

    static func decode(_ row: any SQLRow) throws -> Correction {
        Correction(
            correctionID: try row.int(0), accountID: try row.int(1), atMs: try row.int(2), firstDay: try row.day(3),
            lastDay: try row.day(4), days: try row.int(5), differencePaise: try row.int(6))
    }

    func store(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "INSERT INTO rating_correction (org_id, \(Self.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                .int(scope.orgID), .int(correctionID), .int(accountID), .int(atMs), .day(firstDay), .day(lastDay),
                .int(days), .int(differencePaise),
            ])
    }

    /// Of an account, newest first.
    /// - Parameter before: only older ones than this.
    public static func of(
        accountID: Int64, before correctionID: Int64? = nil, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [Correction] {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        return try transaction.query(
            """
            SELECT \(columns) FROM rating_correction WHERE org_id = $1 AND account_id = $2 AND correction_id < $3
            ORDER BY correction_id DESC LIMIT $4
            """, [.int(scope.orgID), .int(accountID), .int(correctionID ?? .max), .int(limit)], decode)
    }

    static func find(
        _ correctionID: Int64, accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Correction {
        let found = try transaction.first(
            """
            SELECT \(columns) FROM rating_correction WHERE org_id = $1 AND account_id = $2 AND correction_id = $3
            """, [.int(scope.orgID), .int(accountID), .int(correctionID)], decode)
        guard let found else { throw Refusal(.notFound, "There is no such correction.") }
        return found
    }

    /// How many corrections were made from a moment to another, and by what they moved balances in sum.
    public static func sums(
        fromMs: Int64, toMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (count: Int64, accounts: Int64, paise: Int64) {
        guard scope.isWholeCompany else { return (0, 0, 0) }
        return try transaction.first(
            """
            SELECT COUNT(*), COUNT(DISTINCT account_id), CAST(COALESCE(SUM(difference_paise), 0) AS BIGINT)
            FROM rating_correction WHERE org_id = $1 AND at_ms >= $2 AND at_ms < $3
            """, [.int(scope.orgID), .int(fromMs), .int(toMs)]
        ) { (count: try $0.int(0), accounts: try $0.int(1), paise: try $0.int(2)) } ?? (0, 0, 0)
    }

    /// The largest corrections from a moment on, whichever way they go.
    public static func largest(
        fromMs: Int64, toMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Correction] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT \(columns) FROM rating_correction WHERE org_id = $1 AND at_ms >= $2 AND at_ms < $3
            ORDER BY ABS(difference_paise) DESC, correction_id LIMIT $4
            """, [.int(scope.orgID), .int(fromMs), .int(toMs), .int(limit)], decode)
    }
}

/// A correction day by day, each with what caused it and what was posted.
public struct CorrectionChain: Sendable {
    /// Why a day was charged anew.
    public enum Cause: String, Sendable, Codable, CaseIterable {
        /// Its own readings became others.
        case readings
        /// Other packs, other versions of them, or another load apply.
        case plan
        /// An earlier day of the month moved, and with it the place in slabs or totals.
        case earlierDay = "earlier-day"
    }

    /// The readings behind a charge.
    public struct Reading: Sendable, Equatable {
        public var version: Int64
        /// `read`, `import`, `estimate`, `edit`, `undo`; empty where the readings are out of reach.
        public var madeBy: String
        public var madeAtMs: Int64?
        public var energyWh: Int64
        public var estimatedSlots: Int64
        public var editedSlots: Int64
        public var slots: Int64
    }

    public struct Step: Sendable {
        public var day: CivilDay
        public var cause: Cause
        public var before: Charge
        public var after: Charge
        public var readingBefore: Reading
        public var readingAfter: Reading
        /// Postings on the wallet, in the order of the book; none when no amount moved.
        public var postings: [Posting]
    }

    /// One leg on the wallet of the account. A debit takes from the balance.
    public struct Posting: Sendable, Equatable {
        public var entryID: Int64
        /// The day it was booked on, as a moment; the day it is for is that of the step.
        public var bookedAtMs: Int64
        public var isReversal: Bool
        /// Positive: taken from the balance.
        public var amountPaise: Int64
    }

    public var correction: Correction
    public var steps: [Step]
    /// What was posted in sum; equals the difference of the amounts.
    public var postedPaise: Int64
    public var agrees: Bool { postedPaise == correction.differencePaise && stepsPaise == correction.differencePaise }
    private var stepsPaise: Int64 { steps.reduce(0) { $0 + $1.after.totalPaise - $1.before.totalPaise } }

    /// - Throws: ``Refusal`` for an account or a correction that is not there or out of reach.
    public static func of(
        _ correctionID: Int64, accountID: Int64, site: Site, _ scope: Scope
    ) async throws -> CorrectionChain {
        let (correction, pairs, postings) = try await site.money.read { transaction in
            _ = try SupplyAccount.find(accountID, scope, in: transaction)
            let correction = try Correction.find(correctionID, accountID: accountID, scope, in: transaction)
            // Days behind the last one that moved in money may have been charged anew at the same amount.
            let all = try Charge.revisions(
                accountID: accountID, from: correction.firstDay.month.first, to: correction.lastDay.month.last, scope,
                in: transaction)
            var pairs: [(before: Charge, after: Charge)] = []
            for (before, after) in zip(all, all.dropFirst())
            where before.day == after.day && after.ratedAtMs == correction.atMs { pairs.append((before, after)) }
            let entries = Set(pairs.compactMap(\.after.entryID)).sorted()
            return (
                correction, pairs, try Self.postings(accountID, entries, scope, in: transaction)
            )
        }
        var steps: [Step] = []
        for (before, after) in pairs {
            let readings = try await readings(before, after, site, scope)
            steps.append(
                Step(
                    day: after.day, cause: cause(before, after), before: before, after: after,
                    readingBefore: readings.before, readingAfter: readings.after,
                    postings: postings[after.day] ?? []))
        }
        return CorrectionChain(
            correction: correction, steps: steps,
            postedPaise: steps.reduce(0) { $0 + $1.postings.reduce(0) { $0 + $1.amountPaise } })
    }

    private static func cause(_ before: Charge, _ after: Charge) -> Cause {
        if before.blockVersion != after.blockVersion || before.meterID != after.meterID { return .readings }
        if before.packs != after.packs || before.sanctionedW != after.sanctionedW { return .plan }
        return .earlierDay
    }

    private static func postings(
        _ accountID: Int64, _ entries: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [CivilDay: [Posting]] {
        let found = try Journal.postings(toAccount: accountID, by: entries, scope, in: transaction)
        return found.reduce(into: [:]) { days, posting in
            guard let day = posting.leg.supplyDay else { return }
            days[day, default: []].append(
                Posting(
                    entryID: posting.entryID, bookedAtMs: posting.businessAtMs,
                    isReversal: posting.leg.kind == .reversal, amountPaise: posting.leg.amountPaise))
        }
    }

    private static func readings(
        _ before: Charge, _ after: Charge, _ site: Site, _ scope: Scope
    ) async throws -> (before: Reading, after: Reading) {
        var versions: [Int64: [StoredBlock]] = [:]
        if try await site.readings.monthsInReach().contains(after.day.month) {
            let shard = try await site.readings.shard(after.day.month)
            for meterID in Set([before.meterID, after.meterID]) {
                versions[meterID] = try await shard.read { transaction in
                    try DayBlocks.versions(meterID: meterID, day: after.day, orgID: scope.orgID, in: transaction)
                }
            }
        }
        func reading(_ charge: Charge) -> Reading {
            let stored = versions[charge.meterID]?.first { $0.version == charge.blockVersion }
            return Reading(
                version: charge.blockVersion, madeBy: stored?.madeBy ?? "", madeAtMs: stored?.madeAtMs,
                energyWh: charge.energyWh, estimatedSlots: charge.estimatedSlots,
                editedSlots: Int64(stored?.block.count(of: .edited) ?? 0), slots: Int64(stored?.block.slotCount ?? 0))
        }
        return (reading(before), reading(after))
    }
}
