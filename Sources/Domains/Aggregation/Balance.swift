// Energy balance of places with a meter of the network at their head: what went in against what the meters below say.
// What is not accounted for is shown as it is and never spread over anybody.
import Access
import CivilTime
import Grid
import IntervalData
import MeterData
import Meters
import SQL

/// The balance of one place over a period. What goes in is the head's import and what comes from below; what goes out
/// is the import of the meters below and the head's export.
public struct EnergyBalance: Sendable, Equatable {
    public var placeID: Int64
    public var headMeters: [Int64]
    public var headImportWh: Int64 = 0
    public var headExportWh: Int64 = 0
    public var belowImportWh: Int64 = 0
    public var belowExportWh: Int64 = 0
    /// Intervals of the head's meters that are estimated, that a person gave, and that are missing.
    public var headEstimated = 0
    public var headEdited = 0
    public var headMissing = 0
    /// The same of the meters below.
    public var belowEstimated = 0
    public var belowEdited = 0
    public var belowMissing = 0
    /// Intervals that all meters should have.
    public var expected = 0
    /// Intervals for which the head's import is known.
    public var headKnown = 0
    /// Days of which the meters below are summed up. The others count on neither side.
    public var summedDays = 0

    /// Nil where nothing is known of it: the head said nothing, the days are not summed up yet.
    public var knownHeadImportWh: Int64? { headKnown > 0 ? headImportWh : nil }
    public var knownHeadExportWh: Int64? { headKnown > 0 ? headExportWh : nil }
    public var knownBelowImportWh: Int64? { summedDays > 0 ? belowImportWh : nil }
    public var knownBelowExportWh: Int64? { summedDays > 0 ? belowExportWh : nil }
    public var knownLossWh: Int64? { headKnown > 0 && summedDays > 0 ? lossWh : nil }

    public var inWh: Int64 { headImportWh + belowExportWh }
    /// Negative when more came out than went in: a wrong ratio, a meter in the wrong place.
    public var lossWh: Int64 { inWh - belowImportWh - headExportWh }
    /// Loss in millionths of what went in; nil when nothing did.
    public var lossPPM: Int64? {
        knownLossWh != nil && inWh > 0 ? Int64(Int128(lossWh) * 1_000_000 / Int128(inWh)) : nil
    }
    /// Share of intervals that are neither missing nor estimated, in millionths; nil when there are none.
    public var completePPM: Int64? {
        guard expected > 0 else { return nil }
        let doubtful = headEstimated + headMissing + belowEstimated + belowMissing
        return Int64(Int128(expected - doubtful) * 1_000_000 / Int128(expected))
    }
}

extension SetReader {
    /// Balances of the places of a scope that have a meter at their head, the largest loss first.
    public func balances(from: CivilDay, to: CivilDay, _ scope: Scope) async throws -> [EnergyBalance] {
        try Self.refuseBadPeriod(from, to, daysMax: 400)
        let heads = try await site.money.read { try GridMeter.standing(from: from, to: to, scope, in: $0) }
        let periods = try await site.money.read { transaction in
            try Set(heads.map(\.meterID)).reduce(into: [Int64: Int64]()) { found, meterID in
                found[meterID] = try Meter.find(meterID, Scope(orgID: scope.orgID), in: transaction).capturePeriodS
            }
        }
        let unsummed = Set(try await unsummed(.importWh, from: from, to: to))
        var balances: [EnergyBalance] = []
        for (placeID, meters) in Dictionary(grouping: heads, by: \.placeID) {
            var balance = EnergyBalance(placeID: placeID, headMeters: Set(meters.map(\.meterID)).sorted())
            for (shard, all) in try await months(from, to) {
                let days = all.filter { !unsummed.contains($0) }
                guard !days.isEmpty else { continue }
                balance.summedDays += days.count
                for channel in [Channel.importWh, .exportWh] {
                    try await add(meters, periods, channel, shard, days, to: &balance)
                }
            }
            balances.append(balance)
        }
        return balances.sorted { ($1.knownLossWh ?? .min, $0.placeID) < ($0.knownLossWh ?? .min, $1.placeID) }
    }

    private func add(
        _ heads: [GridMeter], _ periods: [Int64: Int64], _ channel: Channel, _ shard: any Database, _ days: [CivilDay],
        to balance: inout EnergyBalance
    ) async throws {
        let placeKey = SetKey.place(balance.placeID).description
        let (below, standing) = try await shard.read { [org] transaction in
            let below = try SetDays.of(
                placeKey, days: days, channel: channel, orgID: org.orgID, in: transaction)
            var standing: [CivilDay: [Int64: RawDay]] = [:]
            for day in days {
                let present = heads.filter { $0.fromDay <= day && $0.toDay.map { day <= $0 } != false }
                guard !present.isEmpty else { continue }
                standing[day] = try DayBlocks.pair(
                    day: day, channel: channel, meters: present.map(\.meterID), before: 0, through: .max,
                    orgID: org.orgID, in: transaction
                ).compactMapValues(\.new)
                for head in present where channel == .importWh && standing[day]?[head.meterID] == nil {
                    let periodS = max(60, periods[head.meterID] ?? 900)
                    standing[day]?[head.meterID] = RawDay.unknown(
                        head.meterID, slots: org.zone.slotCount(of: day, periodS: periodS))
                }
            }
            return (below, standing)
        }
        for (day, meters) in standing {
            let doubtful = meters.values.map(\.doubtful)
            let head = meters.values.reduce(0) { $0 + $1.total }
            balance.headEstimated += doubtful.reduce(0) { $0 + $1.estimated }
            balance.headEdited += doubtful.reduce(0) { $0 + $1.edited }
            balance.headMissing += doubtful.reduce(0) { $0 + $1.missing }
            balance.expected += meters.values.reduce(0) { $0 + $1.slotCount }
            let sums = below[day].map { Array($0.values) } ?? []
            let total = sums.reduce(0) { $0 + $1.total }
            balance.belowEstimated += sums.reduce(0) { $0 + $1.estimatedCount }
            balance.belowEdited += sums.reduce(0) { $0 + $1.editedCount }
            balance.belowMissing += sums.reduce(0) { $0 + $1.missingCount }
            balance.expected += sums.reduce(0) { $0 + $1.meters * $1.slotCount }
            if channel == .importWh {
                balance.headImportWh += head
                balance.headKnown +=
                    meters.values.reduce(0) { $0 + $1.slotCount } - doubtful.reduce(0) { $0 + $1.missing }
                balance.belowImportWh += total
            } else {
                balance.headExportWh += head
                balance.belowExportWh += total
            }
        }
        // What comes from below counts also on days on which the head exported nothing and so has no such block.
        guard channel == .exportWh else { return }
        for (day, sums) in below where standing[day] == nil {
            let isMeasured = heads.contains { $0.fromDay <= day && $0.toDay.map { day <= $0 } != false }
            if isMeasured { balance.belowExportWh += sums.values.reduce(0) { $0 + $1.total } }
        }
    }
}
