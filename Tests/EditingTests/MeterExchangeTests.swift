// A meter exchanged within a month: two meters on one account-day are one day of energy, and the month costs what it
// costs
// with one meter, to the paisa, in whatever order the days come.
import Access
import Accounts
import CivilTime
import Clocks
import IntervalData
import Journal
import Packs
import SQL
import Tariffs
import TestRetailer
import TestSupport
import Testing

@testable import MeterData
@testable import Meters
@testable import Rating

@Suite struct MeterExchangeTests {
    /// Account and meters beside those of the retailer: 300 with meter 301 for the whole time, 400 with 401, then 402.
    private static func prepare(_ bench: Bench, first: CivilDay, old periodS: Int64) async throws {
        let scope = bench.scope
        // One of its own, for the retailer's begins later.
        var made = TestRetailer.pack
        made.id = "DOM-X"
        let pack = made
        try await bench.site.money.write { transaction in
            try Packs.store(pack, from: first, scope, in: transaction)
            for (accountID, meters) in [(Int64(300), [Int64(301)]), (400, [401, 402])] {
                try SupplyAccount(
                    accountID: accountID, accountNumber: "X-\(accountID)", name: "X", category: "domestic",
                    placeID: bench.retailer.place, sanctionedW: 3_000, language: "en", openedDay: first
                ).create(scope, in: transaction)
                for meterID in meters {
                    try Meter(
                        meterID: meterID, serial: "X\(meterID)", host: "", port: 0, clientAddress: 16,
                        authentication: "none", sealedKeys: nil, capturePeriodS: meterID == 401 ? periodS : 1800
                    ).create(scope, atMs: 0, in: transaction)
                }
                try Installation(meterID: meters[0], accountID: accountID, fromDay: first).create(
                    scope, in: transaction)
                try Subscription(
                    subscriptionID: accountID, accountID: accountID, packID: pack.id, kind: .base,
                    fromDay: first
                ).create(scope, in: transaction)
            }
        }
    }

    private static func store(_ bench: Bench, _ meterID: Int64, _ day: CivilDay, _ values: [Int32?]) async throws {
        let (nowMs, batchID) = (bench.clock.nowMs, bench.site.ids.next())
        try await bench.site.readings.shard(day.month).write { transaction in
            _ = try Ingest.apply(
                IncomingDay(day: day, meterID: meterID, batchID: batchID, values: values),
                IngestContext(
                    sanctionedW: 3_000, periodS: Int64(86_400 / values.count), history: [], madeBy: "import",
                    nowMs: nowMs), orgID: 1, in: transaction)
        }
    }

    private static func charges(_ bench: Bench, _ accountID: Int64, _ month: CivilMonth) async throws -> [Charge] {
        try await bench.site.money.read { [scope = bench.scope] in
            try Charge.current(accountID: accountID, from: month.first, to: month.last, scope, in: $0)
        }
    }

    @Test(arguments: TestEngine.available, [Int64(1800), 900])
    func monthWithExchangeCostsTheSame(_ engine: TestEngine, _ oldPeriodS: Int64) async throws {
        try await Bench.with(engine) { bench in
            // The day before the bench's own today, so that the exchange may still be entered.
            let today = bench.org.zone.day(atS: bench.clock.nowMs / 1000)
            let exchangeDay = today.advanced(by: -10)
            let month = exchangeDay.month
            try await Self.prepare(bench, first: month.first, old: oldPeriodS)
            // 21 intervals of half an hour and ten minutes.
            let exchangeMs = (bench.org.zone.startS(of: exchangeDay) + 21 * 1800 + 600) * 1000
            _ = try await bench.site.perform(
                ReplaceMeter(oldMeterID: 401, newMeterID: 402, atMs: exchangeMs), as: Bench.chief, source: "test")
            let parts = Int(1800 / oldPeriodS)
            var work: [(meterID: Int64, day: CivilDay, values: [Int32?])] = []
            for day in 0..<month.dayCount {
                let day = month.first.advanced(by: day)
                guard day < today else { break }
                let whole = (0..<48).map { slot -> Int32 in
                    let seed: Int = Int(day.number) * 31 + slot * 17
                    return 60 + Int32(seed % 97) * 2
                }
                // The same in the old meter's intervals, what does not divide in the first.
                var old: [Int32] = []
                for value in whole {
                    for part in 0..<parts {
                        let share = value / Int32(parts)
                        old.append(part == 0 ? value - share * Int32(parts - 1) : share)
                    }
                }
                work.append((301, day, whole.map { $0 }))
                if day < exchangeDay { work.append((401, day, old.map { $0 })) }
                if day > exchangeDay { work.append((402, day, whole.map { $0 })) }
                guard day == exchangeDay else { continue }
                // The old one stops within interval 21, having counted 25 Wh of it; the new one counts the rest.
                var before = [Int32?](repeating: nil, count: 48 * parts)
                for slot in 0..<21 * parts { before[slot] = old[slot] }
                before[21 * parts] = 25
                var after = [Int32?](repeating: nil, count: 48)
                for slot in 21..<48 { after[slot] = whole[slot] - (slot == 21 ? 25 : 0) }
                work.append((401, day, before))
                work.append((402, day, after))
            }
            var generator = SplitMix(state: UInt64(oldPeriodS))
            work.shuffle(using: &generator)
            for (index, item) in work.enumerated() {
                try await Self.store(bench, item.meterID, item.day, item.values)
                if index % 9 == 0 { try await bench.rate() }
            }
            try await bench.rate()
            let (one, two) = (
                try await Self.charges(bench, 300, month), try await Self.charges(bench, 400, month)
            )
            #expect(one.count == work.count { $0.meterID == 301 } && one.map(\.day) == two.map(\.day))
            #expect(one.map(\.energyWh) == two.map(\.energyWh))
            #expect(one.map(\.totalPaise) == two.map(\.totalPaise))
            let sums = try await bench.site.money.read { [scope = bench.scope] transaction in
                try [Int64(300), 400].map {
                    try Journal.balance(ofAccount: $0, scope, in: transaction).balancePaise
                }
            }
            #expect(sums[0] == sums[1] && sums[0] < 0)
            // Again: nothing is charged twice.
            let again = try await Rater(site: bench.site, org: bench.org).run(day: exchangeDay)
            #expect(again == 0)
        }
    }

    @Test func whatIsEstimatedForTheMeterThatLeftDoesNotCount() {
        let day = CivilDay(number: 20_000)
        func block(_ meterID: Int64, _ value: Int32, _ actual: Range<Int>) -> StoredBlock {
            StoredBlock(
                day: day, meterID: meterID, channel: .importWh, version: 2,
                block: DayBlock(
                    values: Array(repeating: value, count: 48),
                    qualities: (0..<48).map { actual.contains($0) ? .actual : .estimated },
                    sources: [SourceRun(batch: meterID, count: 48)]), madeAtMs: 0, madeBy: "x")
        }
        let exchange = MeterReplacement(oldMeterID: 1, newMeterID: 2, day: day, atMs: 10 * 1_800_000 + 1)
        let made = MeterChain.combined(
            [block(1, 100, 0..<10), block(2, 7, 10..<48)], [exchange], startMs: 0, lengthMs: 86_400_000)
        #expect(made?.block.values == Array(repeating: 100, count: 10) + Array(repeating: 7, count: 38))
        #expect(made?.block.lowestQuality == .actual && made?.version == 4)
    }
}
