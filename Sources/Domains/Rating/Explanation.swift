// Where a charge came from: recomputed from the stored inputs and checked against the hash it was posted with.
import Access
import Accounts
import CivilTime
import Cryptography
import IntervalData
import MeterData
import Packs
import SQL
import Tariffs

public struct Explanation: Sendable {
    public var charge: Charge
    public var priced: PricedDay
    public var block: StoredBlock
    /// Minute of the wall clock at which each slot starts.
    public var slotStartMinutes: [Int]
    /// The recomputed inputs give the stored hash and the recomputed charge the stored amounts.
    public var agrees: Bool
    public var revisions: [Charge]

    /// Explains a revision of an account-day; nil stands for the current one.
    public static func of(
        accountID: Int64, day: CivilDay, revision: Int64?, zone: Zone, site: Site, _ scope: Scope
    ) async throws -> Explanation {
        let (charge, plan, revisions) = try await site.money.read { transaction in
            _ = try SupplyAccount.find(accountID, scope, in: transaction)
            let revisions = try Charge.revisions(accountID: accountID, day: day, scope, in: transaction)
            guard let charge = revision.map({ wanted in revisions.first { $0.revision == wanted } }) ?? revisions.last
            else {
                throw Refusal(
                    .notFound, "This day is not charged yet.", hint: "Charges follow the night after the day.")
            }
            let plan = try Packs.plan(recorded: charge.packs, sanctionedW: charge.sanctionedW, scope, in: transaction)
            return (charge, plan, revisions)
        }
        let stored = try await site.readings.shard(day.month).read { transaction in
            try DayBlocks.versions(meterID: charge.meterID, day: day, orgID: scope.orgID, in: transaction)
                .first { $0.version == charge.blockVersion }
        }
        guard let stored else { throw Refusal(.notFound, "The readings behind this charge are in the archive.") }
        let schedule = try DaySchedule(plan: plan, day: day, slots: stored.block.slotCount, zone: zone)
        let priced = try schedule.price(stored.block.values, opening: charge.opening)
        let hash = Hash.sha256(schedule.inputBytes(stored.block.values, opening: charge.opening))
        return Explanation(
            charge: charge, priced: priced, block: stored, slotStartMinutes: schedule.slotStartMinutes,
            agrees: hash == charge.inputsHash && priced.totalPaise == charge.totalPaise
                && priced.closing == charge.closing,
            revisions: revisions)
    }
}

/// How long a wallet lasts if the coming days cost what the last ones did. Integer arithmetic; a guess, and shown as
/// one.
public struct Projection: Sendable, Equatable {
    /// Mean, lowest and highest daily charge of the days looked at.
    public var meanPaise: Int64
    public var lowestPaise: Int64
    public var highestPaise: Int64
    public var dayCount: Int
    /// Balance less what has probably been used since the last charged day ended.
    public var projectedPaise: Int64
    /// When the balance reaches zero at the mean, the highest and the lowest daily charge; nil beyond 90 days.
    public var lastsUntilMs: Int64?
    public var earliestMs: Int64?
    public var latestMs: Int64?

    /// - Parameters:
    ///   - dailyPaise: charges of recent days, any order; at least one.
    ///   - chargedUntilMs: end of the last charged day.
    /// - Returns: nil when there is no history.
    public init?(balancePaise: Int64, dailyPaise: [Int64], chargedUntilMs: Int64, nowMs: Int64) {
        guard let lowest = dailyPaise.min(), let highest = dailyPaise.max() else { return nil }
        let mean = dailyPaise.reduce(0, +) / Int64(dailyPaise.count)
        let sinceMs = max(0, min(nowMs - chargedUntilMs, 3 * 86_400_000))
        meanPaise = mean
        lowestPaise = lowest
        highestPaise = highest
        dayCount = dailyPaise.count
        projectedPaise = balancePaise - Int64(Int128(mean) * Int128(sinceMs) / 86_400_000)
        func zero(_ perDay: Int64) -> Int64? {
            guard perDay > 0 else { return nil }
            guard balancePaise > 0 else { return chargedUntilMs }
            let ms = Int128(balancePaise) * 86_400_000 / Int128(perDay)
            return ms <= 90 * 86_400_000 ? chargedUntilMs + Int64(ms) : nil
        }
        lastsUntilMs = zero(mean)
        earliestMs = zero(highest)
        latestMs = zero(lowest)
    }
}
