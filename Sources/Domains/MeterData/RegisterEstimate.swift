// Registers at the end of billing: what the register stood at when the month ended and nobody read it, worked out from
// the last one that was read and the intervals since. Reads only; a register that is read later stands above it.
import Access
import CivilTime
import IntervalData
import Meters
import SQL
import VEE

/// A register that was not read, and how sure it is.
public struct RegisterEstimate: Sendable, Equatable {
    public var meterID: Int64
    /// The register at the end of this day.
    public var day: CivilDay
    public var registerWh: Int64
    /// The last register that was read: at the end of which day, and what it showed.
    public var fromDay: CivilDay
    public var fromWh: Int64
    /// What the intervals since come to, and how much of that is estimated or edited.
    public var intervalsWh: Int64
    public var estimatedWh: Int64
    public var confidence: Confidence
}

/// What is known of a register at the end of a day.
public enum BillingRegister: Sendable, Equatable {
    case read(registerWh: Int64)
    case estimated(RegisterEstimate)
    /// No register was read in the days before, or an interval since is missing: how many.
    case unknown(missingSlots: Int)
}

extension Estimator {
    /// Most days between the last register and the one asked for.
    static let registerDays = 62

    /// The register of a meter at the end of a day: as read, else estimated.
    public func register(of meterID: Int64, endOf day: CivilDay) async throws -> BillingRegister {
        let endS = org.zone.startS(of: day.advanced(by: 1))
        let readings = try await sources.registers(meterID, day.advanced(by: -Self.registerDays), day)
            .filter { $0.atS <= endS }.sorted { $0.atS < $1.atS }
        guard let last = readings.last else { return .unknown(missingSlots: 0) }
        if last.atS == endS { return .read(registerWh: last.registerWh) }
        let first = org.zone.day(atS: last.atS)
        // Registers are of midnights; another would cut a day in two.
        guard org.zone.startS(of: first) == last.atS else { return .unknown(missingSlots: 0) }
        let blocks = try await History.blocks(
            meterID: meterID, from: first, to: day, site: site, orgID: org.orgID)
        let dayCount = first.days(to: day) + 1
        let missing = blocks.reduce(0) { $0 + $1.block.count(of: .missing) }
        guard blocks.count == dayCount, missing == 0 else {
            return .unknown(missingSlots: missing + (blocks.count == dayCount ? 0 : 1))
        }
        let intervalsWh = blocks.reduce(Int64(0)) { $0 + $1.block.totalValue }
        var (estimatedWh, expectedError): (Int64, Int64) = (0, 0)
        for stored in blocks where stored.block.lowestQuality < .actual {
            for slot in stored.block.values.indices where stored.block.qualities[slot] < .actual {
                estimatedWh += Int64(stored.block.values[slot])
            }
            let log = try await site.readings.shard(stored.day.month).read { [org] in
                try EstimationLog.of(meterID: meterID, day: stored.day, orgID: org.orgID, in: $0)
            }
            for record in log {
                let open = record.slots.count { stored.block.qualities[$0] == .estimated }
                expectedError += record.expectedError * Int64(open) / Int64(max(1, record.slots.count))
            }
        }
        return .estimated(
            RegisterEstimate(
                meterID: meterID, day: day, registerWh: last.registerWh + intervalsWh,
                fromDay: first.advanced(by: -1), fromWh: last.registerWh, intervalsWh: intervalsWh,
                estimatedWh: estimatedWh, confidence: Confidence(expectedError: expectedError, value: intervalsWh)))
    }
}
