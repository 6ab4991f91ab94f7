// Meters that followed each other at an account within a month: their days in one row, and one day of energy out of two
// meters on the day of the exchange. Reads nothing; the rater hands in what is stored.
import CivilTime
import IntervalData
import MeterData
import Meters

/// The meters of one account in order, from the first changed day on.
struct MeterChain: Sendable, Equatable {
    /// In the order in which they served; most have one.
    var meters: [Int64]
    /// Between each two of them.
    var exchanges: [MeterReplacement]
    var firstDay: CivilDay

    /// The changed meters with those that came before and after them in the month.
    static func all(_ firstDay: [Int64: CivilDay], _ exchanges: [MeterReplacement]) -> [MeterChain] {
        let next = Dictionary(exchanges.map { ($0.oldMeterID, $0) }, uniquingKeysWith: { first, _ in first })
        let before = Dictionary(exchanges.map { ($0.newMeterID, $0) }, uniquingKeysWith: { first, _ in first })
        var chains: [Int64: MeterChain] = [:]
        for (meterID, day) in firstDay {
            var head = meterID
            // No longer than there are exchanges, should they ever go round.
            for _ in exchanges { head = before[head]?.oldMeterID ?? head }
            if let known = chains[head] {
                chains[head]?.firstDay = min(known.firstDay, day)
                continue
            }
            var chain = MeterChain(meters: [head], exchanges: [], firstDay: day)
            while chain.exchanges.count < exchanges.count, let last = chain.meters.last, let exchange = next[last] {
                chain.meters.append(exchange.newMeterID)
                chain.exchanges.append(exchange)
            }
            chains[head] = chain
        }
        return chains.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The days each meter is asked for, up to the last of the month.
    func days(to last: CivilDay) -> [(meterID: Int64, from: CivilDay, to: CivilDay)] {
        meters.enumerated().compactMap { index, meterID in
            let from = index > 0 ? max(firstDay, exchanges[index - 1].day) : firstDay
            let to = index < exchanges.count ? min(last, exchanges[index].day) : last
            return from <= to ? (meterID, from, to) : nil
        }
    }

    /// One row of days out of those of all meters: on a day of exchange the energy of both, where both are there.
    func joined(_ blocks: [Int64: [StoredBlock]], zone: Zone) -> [StoredBlock] {
        guard !exchanges.isEmpty else { return blocks[meters[0]] ?? [] }
        var byDay: [CivilDay: [StoredBlock]] = [:]
        for meterID in meters { for block in blocks[meterID] ?? [] { byDay[block.day, default: []].append(block) } }
        return byDay.sorted { $0.key < $1.key }.compactMap { day, parts in
            let here = exchanges.filter { $0.day == day }
            guard !here.isEmpty else { return parts.last }
            guard parts.count == here.count + 1 else { return nil }
            let startMs = zone.startS(of: day) * 1_000
            return Self.combined(parts, here, startMs: startMs, lengthMs: zone.lengthS(of: day) * 1_000)
        }
    }

    /// The day of several meters: each gives the intervals in which it measured. The interval of the exchange is what
    /// both counted in it; the older one's share may be missing, for its last stamp may never have come.
    /// - Returns: nil when the intervals of one cannot be brought to those of the other.
    static func combined(
        _ parts: [StoredBlock], _ exchanges: [MeterReplacement], startMs: Int64, lengthMs: Int64
    ) -> StoredBlock? {
        guard var result = parts.last, let slots = parts.map(\.block.slotCount).min(), slots > 0,
            parts.allSatisfy({ $0.block.slotCount % slots == 0 })
        else { return nil }
        var sums = [Int64](repeating: 0, count: slots)
        var qualities = [Quality](repeating: .actual, count: slots)
        var batches = [Int64](repeating: 0, count: slots)
        for (index, part) in parts.enumerated() {
            let count = part.block.slotCount
            let fromMs = index > 0 ? exchanges[index - 1].atMs : startMs
            let toMs = index < exchanges.count ? exchanges[index].atMs : startMs + lengthMs
            let own = part.block.batches
            for slot in 0..<count {
                let slotStartMs = startMs + lengthMs * Int64(slot) / Int64(count)
                let slotEndMs = startMs + lengthMs * Int64(slot + 1) / Int64(count)
                guard slotEndMs > fromMs, slotStartMs < toMs else { continue }
                let quality = part.block.qualities[slot]
                let isLastShare = slotEndMs > toMs
                // What was estimated for the meter that left would count what the new one measured.
                if isLastShare, quality < .edited { continue }
                let into = slot * slots / count
                sums[into] += Int64(part.block.values[slot])
                qualities[into] = min(qualities[into], quality)
                batches[into] = own[slot]
            }
        }
        let values = sums.compactMap { Int32(exactly: $0) }
        guard values.count == slots else { return nil }
        result.block = DayBlock(values: values, qualities: qualities, sources: DayBlock.runs(batches))
        // Grows whenever one of them does.
        result.version = parts.reduce(0) { $0 + $1.version }
        return result
    }
}
