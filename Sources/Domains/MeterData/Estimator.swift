// Estimation runs: days whose deadline has passed get a version without gaps, marked as estimated, until the actual
// comes.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import SQL
import VEE

public struct Estimator: Sendable {
    /// How far back days are looked for that can be averaged.
    static let historyDays = 10

    let site: Site
    let org: Org
    let rules: EstimationRules

    public init(site: Site, org: Org, rules: EstimationRules = .standard) {
        self.site = site
        self.org = org
        self.rules = rules
    }

    /// Fills one finished day for every installed meter that is not complete. Returns (filled, not estimable).
    /// - Parameter onlyCalled: leaves out meters whose data comes by file: nobody knows yet what the next file brings.
    public func run(day: CivilDay, onlyCalled: Bool = true) async throws -> (filled: Int, notEstimable: Int) {
        let nowMs = site.clocks.businessNowMs()
        let shard = try await site.readings.shard(day.month)
        let qualities = try await shard.read { [org] in
            try DayBlocks.lowestQualities(day: day, orgID: org.orgID, in: $0)
        }
        // Two questions for the whole day; a meter is looked at by itself only when it lacks something.
        let meters = try await site.money.read { [org] transaction in
            let scope = Scope(orgID: org.orgID)
            return try Installation.all(on: day, scope, in: transaction)
                .filter { qualities[$0.meterID, default: .missing] == .missing }
                .map { try Meter.find($0.meterID, scope, in: transaction) }.filter { $0.isCalled || !onlyCalled }
        }
        var filled = 0
        var notEstimable = 0
        for meter in meters {
            try Task.checkCancellation()
            let history = try await History.of(
                meterID: meter.meterID, before: day, days: Self.historyDays, site: site, orgID: org.orgID)
            if try await fill(meter, day, history: history, shard: shard, nowMs: nowMs) {
                filled += 1
            } else {
                notEstimable += 1
            }
        }
        return (filled, notEstimable)
    }

    /// Looks again at the days before one whose turn has passed: meters that were entered late lack them. Cheap when
    /// nothing is missing, and idempotent. Returns the meter-days filled.
    public func lookBack(before day: CivilDay, days: Int) async throws -> Int {
        var filled = 0
        let months = Set(try await site.readings.months())
        for offset in stride(from: days, through: 1, by: -1) {
            let earlier = day.advanced(by: -offset)
            let isCalledThen = try await site.money.read { [org] in
                try Installation.firstCalledDay(Scope(orgID: org.orgID), in: $0).map { $0 <= earlier } ?? false
            }
            // A month of which nobody has anything is not made for the sake of estimates that cannot be.
            guard isCalledThen, months.contains(earlier.month) else { continue }
            filled += try await run(day: earlier).filled
        }
        return filled
    }

    /// True when the day has no gap left.
    private func fill(_ meter: Meter, _ day: CivilDay, history: [DayBlock], shard: any Database, nowMs: Int64)
        async throws -> Bool
    {
        let batchID = site.ids.next()
        return try await shard.write { [org, rules] transaction in
            // Read again inside the transaction: an actual may have come in between.
            let stored = try DayBlocks.current(
                meterID: meter.meterID, from: day, to: day, orgID: org.orgID, in: transaction
            ).first
            let slots = org.zone.slotCount(of: day, periodS: meter.capturePeriodS)
            let (block, unfilled) = estimate(
                stored?.block ?? .empty(slots: slots), history: history, rules: rules, batch: batchID)
            try DayBlocks.store(
                block, after: stored, day: day, meterID: meter.meterID, madeBy: "estimate", madeAtMs: nowMs,
                orgID: org.orgID, in: transaction)
            let known = try VEEException.of(
                meterID: meter.meterID, from: day, to: day, orgID: org.orgID, in: transaction)
            let isOpen = known.contains { $0.rule == VEEException.notEstimable && $0.resolvedAtMs == nil }
            if let first = unfilled.first, let last = unfilled.last {
                guard !isOpen else { return false }
                try VEEException.raise(
                    [
                        VEEException(
                            day: day, meterID: meter.meterID, rule: VEEException.notEstimable, slots: first..<last + 1,
                            severity: Severity.hard.rawValue,
                            message: "\(unfilled.count) intervals have too few days to take a mean from", rawValues: "",
                            raisedAtMs: nowMs)
                    ], orgID: org.orgID, in: transaction)
                return false
            }
            return true
        }
    }
}

/// Earlier days of a meter across months.
public enum History {
    /// Current blocks of the days before `day`, newest first.
    public static func of(
        meterID: Int64, channel: Channel = .importWh, before day: CivilDay, days: Int, site: Site, orgID: Int64
    ) async throws -> [DayBlock] {
        try await blocks(
            meterID: meterID, channel: channel, from: day.advanced(by: -days), to: day.advanced(by: -1), site: site,
            orgID: orgID
        ).reversed().map(\.block)
    }

    /// Current blocks from day to day across months, in order of day. Months without data are skipped, not created.
    public static func blocks(
        meterID: Int64, channel: Channel = .importWh, from: CivilDay, to: CivilDay, site: Site, orgID: Int64
    ) async throws -> [StoredBlock] {
        var found: [StoredBlock] = []
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            found += try await site.readings.shard(month).read { transaction in
                try DayBlocks.current(
                    meterID: meterID, channel: channel, from: max(from, month.first), to: min(to, month.last),
                    orgID: orgID,
                    in: transaction)
            }
        }
        return found
    }
}
