// What estimation would put into some slots of a day, whatever stands there now. Reads only.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import SQL
import VEE

public struct EstimateProposal: Sendable, Equatable {
    /// The day as it is stored.
    public var before: DayBlock
    /// With the estimates in it; nil when not all of the slots can be estimated.
    public var after: DayBlock?

    /// By the rules the estimation run follows that day, as if the slots were missing.
    /// - Throws: ``Refusal`` `notFound` when the scope does not reach the meter.
    public static func of(
        meterID: Int64, day: CivilDay, slots: Range<Int>, site: Site, org: Org, _ scope: Scope,
        sources: EstimationSources
    ) async throws -> EstimateProposal {
        let meter = try await site.money.read { try Meter.find(meterID, scope, in: $0) }
        let stored = try await History.blocks(meterID: meterID, from: day, to: day, site: site, orgID: org.orgID)
        let before =
            stored.first?.block ?? .empty(slots: org.zone.slotCount(of: day, periodS: meter.capturePeriodS))
        let wanted = slots.filter { before.values.indices.contains($0) }
        guard !wanted.isEmpty else { return EstimateProposal(before: before, after: nil) }
        let plans = try await Estimator(site: site, org: org, sources: sources).plans(of: [meterID], on: day)
        let bench = try await EstimationBench.of(
            meter, day, holidays: plans.holidays, site: site, org: org, sources: sources)
        let filled = bench.estimates(before.taking(wanted, from: nil), plans.plan(of: meterID)).filled
        let values = wanted.compactMap { slot in
            filled.first { $0.slot == slot }.map { (slot: slot, value: Int32(clamping: $0.estimate.value)) }
        }
        let isWhole = values.count == wanted.count
        return EstimateProposal(
            before: before, after: isWhole ? before.replacing(values, quality: .estimated, batch: 0) : nil)
    }
}
