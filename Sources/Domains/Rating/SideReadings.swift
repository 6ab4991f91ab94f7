// What a tariff may look at beside the energy drawn: channels of the same meter, for some meters only. Says which
// meters those are and how their days are read; prices nothing.
import Access
import CivilTime
import IntervalData
import MeterData
import Packs
import SQL

/// Days of one meter, or of meters that followed each other.
struct SideReadings {
    var exports: [CivilDay: StoredBlock] = [:]
    var apparents: [CivilDay: StoredBlock] = [:]

    /// What is there of a day, to be priced.
    func readings(_ item: StoredBlock) -> DayReadings {
        DayReadings(
            day: item.day, meterID: item.meterID, importWh: item.block.values,
            exportWh: export(item.day)?.block.values, importVAh: item.block.apparent(apparents[item.day]?.block))
    }

    func export(_ day: CivilDay) -> StoredBlock? {
        exports[day].flatMap { $0.block.lowestQuality > .missing ? $0 : nil }
    }
}

extension DayBlock {
    /// Apparent energy in the intervals in which it and this energy were measured, −1 in the others; nil where there is
    /// no such interval.
    func apparent(_ apparent: DayBlock?) -> [Int32]? {
        guard let apparent, apparent.slotCount == slotCount else { return nil }
        let values = (0..<slotCount).map { slot in
            min(qualities[slot], apparent.qualities[slot]) >= .edited ? max(0, apparent.values[slot]) : -1
        }
        return values.contains { $0 >= 0 } ? values : nil
    }
}

/// Meters of accounts that ever held a tariff which looks at a channel beside the energy drawn.
struct SideMeters {
    static let channels: [Channel] = [.exportWh, .importVAh]
    private(set) var byChannel: [Channel: Set<Int64>] = [:]

    init(_ scope: Scope, in transaction: any SQLTransaction) throws {
        for channel in Self.channels {
            let packs =
                channel == .exportWh
                ? try Packs.lookingAtExport(scope, in: transaction)
                : try Packs.lookingAtApparent(scope, in: transaction)
            byChannel[channel] = try packs.reduce(into: []) { found, packID in
                found.formUnion(try Subscription.meters(holding: packID, scope, in: transaction))
            }
        }
    }

    subscript(channel: Channel) -> Set<Int64> { byChannel[channel] ?? [] }

    /// By the first meter of a chain, of chains that have any.
    /// - Parameter read: the days of a channel of some chains, by their first meters.
    func readings(
        _ chains: [MeterChain], _ read: ([MeterChain], Channel) throws -> [Int64: [StoredBlock]]
    ) rethrows -> [Int64: SideReadings] {
        var found: [Int64: SideReadings] = [:]
        for channel in Self.channels where !self[channel].isEmpty {
            let looking = chains.filter { $0.meters.contains(where: self[channel].contains) }
            guard !looking.isEmpty else { continue }
            for (first, blocks) in try read(looking, channel) {
                let days = Dictionary(blocks.map { ($0.day, $0) }, uniquingKeysWith: { $1 })
                if channel == .exportWh {
                    found[first, default: SideReadings()].exports = days
                } else {
                    found[first, default: SideReadings()].apparents = days
                }
            }
        }
        return found
    }
}
