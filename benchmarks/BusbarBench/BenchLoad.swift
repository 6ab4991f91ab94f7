// The meter-days every contestant of `mdm.store_meter_days` stores, and the totals each must read back. The same
// numbers are made by store_duckdb.py.
import IntervalData

/// Days one after the other, all meters of a day together, in order of meter.
struct BenchLoad {
    /// 2026-01-01; all days lie in January.
    static let firstDay: Int32 = 20_454
    static let days = 10
    /// Meter-days made at once; making them is not measured.
    static let batchSize = 10_000

    let meterDays: Int
    let slots: Int

    var metersADay: Int { (meterDays + Self.days - 1) / Self.days }
    var batches: [Range<Int>] {
        stride(from: 0, to: meterDays, by: Self.batchSize).map { $0..<min($0 + Self.batchSize, meterDays) }
    }

    func day(_ index: Int) -> Int32 { Self.firstDay + Int32(index / metersADay) }
    func meterID(_ index: Int) -> Int64 { Int64(1_000_000 + index % metersADay) }

    /// 10 to 399 Wh an interval.
    func value(_ index: Int, _ slot: Int) -> Int32 {
        let hash = UInt32(truncatingIfNeeded: index * slots + slot) &* 2_654_435_761 &+ 12_345
        return Int32((hash >> 16) % 390 + 10)
    }

    /// In every 16th meter-day four intervals are estimated, by another batch.
    func isEstimated(_ index: Int, _ slot: Int) -> Bool { index % 16 == 5 && (10..<14).contains(slot) }
    func source(_ index: Int, _ slot: Int) -> Int64 { isEstimated(index, slot) ? 7 : 1000 + Int64(day(index)) }

    func block(_ index: Int) -> DayBlock {
        DayBlock(
            values: (0..<slots).map { value(index, $0) },
            qualities: (0..<slots).map { isEstimated(index, $0) ? .estimated : .actual },
            sources: DayBlock.runs((0..<slots).map { source(index, $0) }))
    }
}

/// What was read back. Equal for all, or nothing counts.
struct BenchTotals {
    var intervals: Int64 = 0
    var wh: Int64 = 0
    /// Each value times its slot's number from 1, so that intervals in another order would show.
    var whBySlot: Int64 = 0
    var estimated: Int64 = 0
    var sources: Int64 = 0
    var meterIDs: Int64 = 0

    var json: String {
        "[\(intervals), \(wh), \(whBySlot), \(estimated), \(sources), \(meterIDs)]"
    }
}

struct BenchResult {
    var load: BenchLoad
    var seconds: Seconds
    /// Core seconds of the database server, 0 without one.
    var serverCoreS = 0.0
    var bytes: Int64
    var totals: BenchTotals

    var json: String {
        #"{"meter_days": \#(load.meterDays), "slots": \#(load.slots), "wall_s": \#(seconds.wallS), "#
            + #""client_core_s": \#(seconds.coreS), "server_core_s": \#(serverCoreS), "bytes": \#(bytes), "#
            + #""totals": \#(totals.json)}"#
    }
}
