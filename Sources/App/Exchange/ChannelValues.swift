// Interval values of other channels, and values the sender itself calls estimated or edited: straight into the day
// blocks
// with their quality, for no meter of ours answered them. Import energy as the meter said it stays with DataTaker.
import Access
import CivilTime
import Clocks
import HeadEnd
import IEC61968
import IntervalData
import MeterData
import Meters
import SQL

struct ChannelValues {
    struct Key: Hashable, Sendable {
        var meterID: Int64
        var channel: Channel
        var day: CivilDay
        var periodS: Int64
    }
    struct Grid: Sendable {
        var serial: String
        var lines: ClosedRange<Int>
        var values: [Int32?]
        var qualities: [Quality]
        var codes: [String]
    }
    private(set) var grids: [Key: Grid] = [:]
    var count: Int { grids.count }

    /// The channel an interval's type stands for, and the power of ten of what is stored. Nil when there is none.
    static func channel(_ type: ReadingTypeCode) -> (channel: Channel, power: Int)? {
        guard type[.commodity] <= 2, type[.macroPeriod] == 0, type[.touZone] == 0, type[.criticalPeakPeriod] == 0
        else { return nil }
        let isWhole = [0, 224, 225].contains(type[.phases])
        switch (type[.unit], type[.accumulation], type[.flow]) {
        case (72, 4, 1) where isWhole: return (.importWh, 0)
        case (72, 4, 19) where isWhole: return (.exportWh, 0)
        case (71, 4, 0), (71, 4, 1): return isWhole ? (.importVAh, 0) : nil
        case (71, 4, 19) where isWhole: return (.exportVAh, 0)
        case (73, 4, 1) where isWhole: return (.importVarh, 0)
        case (73, 4, 19) where isWhole: return (.exportVarh, 0)
        case (73, 4, 15...18) where isWhole:
            return ([.varhQ1, .varhQ2, .varhQ3, .varhQ4][Int(type[.flow]) - 15], 0)
        case (29, _, _): return phase(type, [.voltagePhaseA, .voltagePhaseB, .voltagePhaseC]).map { ($0, -3) }
        case (5, _, _): return phase(type, [.currentPhaseA, .currentPhaseB, .currentPhaseC]).map { ($0, -3) }
        case (38, _, _) where type[.aggregate] == 8 && isWhole: return (.maximumW, 0)
        case (33, _, _): return (.frequency, -3)
        default: return nil
        }
    }

    private static func phase(_ type: ReadingTypeCode, _ channels: [Channel]) -> Channel? {
        // A mean over the interval; a lowest or highest of it is something else.
        guard type[.aggregate] == 0 || type[.aggregate] == 2 else { return nil }
        switch type[.phases] {
        case 0, 128, 129: return channels[0]
        case 64, 65: return channels[1]
        case 32, 33: return channels[2]
        default: return nil
        }
    }

    static func quality(_ standing: ReadingStanding) -> Quality? {
        switch standing {
        case .actual: .actual
        case .edited: .edited
        case .estimated: .estimated
        case .doubtful, .missing: nil
        }
    }

    /// Keeps one value until it is stored. Returns what is wrong with it, if anything.
    mutating func add(
        _ one: Reading, _ channel: Channel, value: Int32, quality: Quality, meter: Meter, periodS: Int64, zone: Zone
    ) -> String? {
        let endS = one.atMs / 1_000
        let day = zone.day(atS: endS - 1)
        let startS = zone.startS(of: day)
        let slots = zone.slotCount(of: day, periodS: periodS)
        let slot = Int((endS - startS) / periodS) - 1
        guard one.atMs % 1_000 == 0, (endS - startS) % periodS == 0, (0..<slots).contains(slot) else {
            return "\(Stamp.text(one.atMs)) is no end of an interval of \(periodS / 60) minutes"
        }
        let key = Key(meterID: meter.meterID, channel: channel, day: day, periodS: periodS)
        var grid =
            grids[key]
            ?? Grid(
                serial: meter.serial, lines: one.line...one.line, values: Array(repeating: nil, count: slots),
                qualities: Array(repeating: .missing, count: slots), codes: Array(repeating: "-", count: slots))
        if let held = grid.values[slot] {
            return held == value
                ? nil
                : "the interval to \(Stamp.text(one.atMs)) stands twice: \(held) was taken, \(value) was not"
        }
        grid.values[slot] = value
        grid.qualities[slot] = quality
        grid.codes[slot] = one.qualities.map(\.description).joined(separator: "+")
        grid.lines = min(grid.lines.lowerBound, one.line)...max(grid.lines.upperBound, one.line)
        grids[key] = grid
        return nil
    }

    /// Stores everything, a transaction for each month, and forgets it.
    mutating func store(_ site: Site, _ org: Org, nowMs: Int64, _ report: inout TakeReport) async throws {
        let byMonth = Dictionary(grouping: grids, by: { $0.key.day.month }).sorted { $0.key < $1.key }
        grids = [:]
        let batchID = site.ids.next()
        for (month, items) in byMonth {
            try Task.checkCancellation()
            let sorted = items.sorted { ($0.key.day, $0.key.meterID) < ($1.key.day, $1.key.meterID) }
            let outages = try await RecordedOutages.of(sorted.map(\.key.meterID), in: month, site: site, org: org)
            let outcomes = try await site.readings.shard(month).write { transaction in
                try sorted.map {
                    try Self.store(
                        $0.key, $0.value, outages[$0.key.meterID], batchID, org, nowMs, transaction)
                }
            }
            try await Revalidation(site: site, org: org).afterStoring(outages, in: month)
            for (item, outcome) in zip(sorted, outcomes) {
                let count = item.value.values.count { $0 != nil }
                if outcome.isNew {
                    report.counts.newReadings += count - outcome.conflicts.count
                } else {
                    report.counts.knownReadings += count - outcome.conflicts.count
                }
                let what =
                    outcome.refusal
                    ?? outcome.conflicts.first.map {
                        "\(outcome.conflicts.count) values differ from stored ones, the first \($0.came) from "
                            + "\($0.held); they do not count"
                    }
                guard let what else { continue }
                report.refuse(
                    ExchangeRefusal(
                        line: item.value.lines.lowerBound, what: "\(item.key.channel) on \(item.key.day): \(what)",
                        subject: item.value.serial))
            }
        }
    }

    private static func store(
        _ key: Key, _ grid: Grid, _ outages: RecordedOutages?, _ batchID: Int64, _ org: Org, _ nowMs: Int64,
        _ transaction: any SQLTransaction
    ) throws -> ChannelDayOutcome {
        let outcome = try ChannelDays.take(
            ChannelDay(
                meterID: key.meterID, channel: key.channel, day: key.day, values: grid.values,
                qualities: grid.qualities, batchID: batchID),
            IngestContext(
                sanctionedW: 0, periodS: key.periodS, history: [], outages: outages, madeBy: "exchange", nowMs: nowMs),
            orgID: org.orgID, in: transaction)
        guard outcome.isNew else { return outcome }
        var runs: [(code: String, count: Int)] = []
        for code in grid.codes {
            if runs.last?.code == code { runs[runs.count - 1].count += 1 } else { runs.append((code, 1)) }
        }
        try ReadingSource(
            day: key.day, meterID: key.meterID, channel: key.channel, batchID: batchID, rows: grid.lines,
            codes: runs.map { "\($0.code)*\($0.count)" }.joined(separator: " "), receivedAtMs: nowMs
        ).store(orgID: org.orgID, in: transaction)
        return outcome
    }
}
