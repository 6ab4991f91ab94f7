// The days of a meter across months: whatever form a month has, in order, a year read at once and no more, and of
// several that fail the earliest told.
import Access
import CivilTime
import IntervalData
import SQL
import Synchronization
import TestSupport
import Testing

@testable import MeterData

@Suite struct HistoryTests {
    static let meters: [Int64] = [1001, 1002]
    static let all = (0..<16).map { CivilMonth(index: CivilMonth(year: 2025, month: 1).index + $0) }
    /// Of two months nothing is there.
    static let months = all.filter { ![3, 8].contains($0.index - all[0].index) }

    /// Three days of each month, some of them in two versions.
    private static func fill(_ site: Site, _ months: [CivilMonth] = months) async throws {
        for (index, month) in months.enumerated() {
            try await site.readings.shard(month).write { transaction in
                for meterID in meters {
                    for offset in [0, 13, 27] {
                        let block = DayBlock(
                            values: (0..<48).map { Int32($0 * 7 + index * 31 + offset) + Int32(meterID % 10) },
                            qualities: .init(repeating: .actual, count: 48),
                            sources: [SourceRun(batch: Int64(900 + index), count: 48)])
                        let day = month.first.advanced(by: offset)
                        try KeptPlace.store(block, day, meterID, .importWh, "read", 0, transaction)
                        guard (offset + index) % 2 == 0 else { continue }
                        let later = block.replacing([(5, 4_711)], quality: .edited, batch: 77)
                        try KeptPlace.store(later, day, meterID, .importWh, "edit", 1, transaction)
                    }
                }
            }
        }
    }

    /// Month by month, one after the other.
    private static func slowly(
        _ meterID: Int64, _ from: CivilDay, _ to: CivilDay, _ site: Site
    ) async throws -> [StoredBlock] {
        var found: [StoredBlock] = []
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            found += try await site.readings.shard(month).read { transaction in
                try DayBlocks.current(
                    meterID: meterID, from: max(from, month.first), to: min(to, month.last), orgID: 1, in: transaction)
            }
        }
        return found
    }

    @Test(arguments: TestEngine.available)
    func everyFormOfAMonthInOrder(_ engine: TestEngine) async throws {
        try await KeptPlace.on(engine) { place in
            try await place.with { site, keeper in
                try await Self.fill(site)
                let (first, last) = (Self.all[0].first, Self.all[15].last)
                let before = try await Self.slowly(1001, first, last, site)
                #expect(before.count == Self.months.count * 3 && before.map(\.day) == before.map(\.day).sorted())
                for month in Self.months[0..<5] { try await keeper.compact(month) }
                for month in Self.months[5..<9] { try await keeper.archive(month) }
                // One day more on top of a compacted month and of an archived one.
                let late = [Self.months[1], Self.months[6]].map { $0.first.advanced(by: 20) }
                for day in late {
                    try await site.readings.shard(day.month).write { transaction in
                        try KeptPlace.store(
                            .empty(slots: 48).replacing([(1, 5)], quality: .actual, batch: 9), day, 1001,
                            .importWh, "read", 0, transaction)
                    }
                }
                let year = try await History.blocks(meterID: 1001, from: first, to: last, site: site, orgID: 1)
                #expect(year.filter { !late.contains($0.day) } == before)
                #expect(year.count == before.count + 2)
                #expect(year.map(\.day) == year.map(\.day).sorted())
                for (meterID, from, to) in [
                    (Int64(1001), 0, 480), (1002, 13, 365), (1002, 40, 58), (1001, 100, 110), (1001, 300, 299),
                    (1003, 0, 480),
                ] {
                    let (from, to) = (first.advanced(by: from), first.advanced(by: to))
                    let found = try await History.blocks(meterID: meterID, from: from, to: to, site: site, orgID: 1)
                    #expect(try await found == Self.slowly(meterID, from, to, site))
                }
                let newestFirst = try await History.of(meterID: 1001, before: last, days: 480, site: site, orgID: 1)
                #expect(
                    newestFirst
                        == year.filter { $0.day < last && $0.day >= last.advanced(by: -480) }
                        .reversed().map(\.block))
            }
        }
    }

    /// Twelve months are asked for side by side, a thirteenth waits; of two that fail the earlier one is told, though
    /// it fails later.
    @Test func aYearAtOnceAndNoMore() async throws {
        try await KeptPlace.on(.sqlite) { place in
            try await place.with { site, _ in
                try await Self.fill(site)
                let (first, last) = (Self.all[0].first, Self.all[15].last)
                let expected = try await Self.slowly(1001, first, last, site)
                let gate = Gate(opensAt: 12)
                let gated = Site(
                    money: site.money, readings: GatedReadings(inner: site.readings, gate: gate), clocks: site.clocks,
                    ids: site.ids)
                let found = try await History.blocks(meterID: 1001, from: first, to: last, site: gated, orgID: 1)
                #expect(found == expected)
                #expect(await gate.peak == 12)

                let broken = Site(
                    money: site.money,
                    readings: GatedReadings(
                        inner: site.readings, gate: Gate(opensAt: 1), slowToFail: Self.months[2],
                        quickToFail: Self.months[7]), clocks: site.clocks, ids: site.ids)
                let error = await #expect(throws: SQLError.self) {
                    _ = try await History.blocks(meterID: 1001, from: first, to: last, site: broken, orgID: 1)
                }
                #expect(error?.message == "\(Self.months[2])")
            }
        }
    }
}

/// Holds everybody until so many are there, or until it is clear that they will not come.
private actor Gate {
    private let opensAt: Int
    private var inside = 0
    private var isOpen = false
    private(set) var peak = 0

    init(opensAt: Int) { self.opensAt = opensAt }

    func pass() async throws {
        inside += 1
        peak = max(peak, inside)
        for _ in 0..<500 where !isOpen && inside < opensAt { try await Task.sleep(for: .milliseconds(10)) }
        // One more than allowed would come now.
        if !isOpen { try await Task.sleep(for: .milliseconds(100)) }
        isOpen = true
        inside -= 1
    }
}

private struct GatedReadings: ReadingsStore {
    let inner: any ReadingsStore
    let gate: Gate
    var slowToFail: CivilMonth?
    var quickToFail: CivilMonth?

    func months() async throws -> [CivilMonth] { try await inner.months() }
    var files: any MonthFiles { inner.files }
    func shard(_ month: CivilMonth) async throws -> any Database {
        if month == quickToFail { throw SQLError(.connection, "\(month)") }
        if month == slowToFail {
            try await Task.sleep(for: .milliseconds(300))
            throw SQLError(.connection, "\(month)")
        }
        try await gate.pass()
        return try await inner.shard(month)
    }
    func close() async { await inner.close() }
}
