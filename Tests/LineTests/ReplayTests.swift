// The whole line on real load: 50 households, 14 days, over the wire, on both engines. Energy served = stored = billed
// to
// the watt-hour, every wallet to the paisa, and a second run of every job changes nothing.
import Access
import CivilTime
import Clocks
import Composition
import Compression
import Foundation
import IntervalData
import Jobs
import Journal
import LoadFiles
import MeterData
import MeterFleet
import Meters
import Rating
import SQL
import Supply
import Tariffs
import TestSupport
import Testing

/// Loads of households by half hour: the real set when it is there, otherwise seeded models, said aloud.
enum Loads {
    static let first = CivilDay(year: 2009, month: 3, day: 2)!

    static let folder =
        ProcessInfo.processInfo.environment["BUSBAR_DATA"]
        ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared").standardized.path

    static func sources(count: Int) throws -> [LoadSource] {
        let path = folder + "/data/edrp-households-a/edrp_a_30min_kwh_wide.csv.gz"
        guard let data = FileManager.default.contents(atPath: path) else {
            print("replay: \(path) is not there; 50 seeded household models take its place")
            return (0..<count).map { .household(HouseholdModel(seed: UInt64($0 + 1))) }
        }
        let text = try Gzip.decompress(Array(data), limit: 100_000_000)
        let file = try LoadFileParser.parse(text, file: "edrp.csv", zone: .utc)
        let firstS = Zone.utc.startS(of: CivilDay(year: 2009, month: 3, day: 1)!)
        return (0..<count).map { index in
            let days = file.days(index)
            return .recorded(
                RecordedLoad(firstStartS: firstS, periodS: 1800, valuesWh: days.flatMap(\.values), repeats: false))
        }
    }
}

@Suite(.serialized)
struct ReplayTests {
    @Test(arguments: TestEngine.available)
    func fourteenDaysOfFiftyHouseholds(_ engine: TestEngine) async throws {
        let first = Loads.first
        let days = 14
        let sources = try Loads.sources(count: 50)
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: LineFixture.ms(first))
            let site = site(stores, clock: clock)
            let configurations = sources.enumerated().map { index, load in
                MeterConfiguration(
                    serial: "RP\(100_000 + index)", periodS: 1800, load: load, installed: first,
                    baseWh: Int64(index) * 1000,
                    secrets: LineFixture.secrets, seed: UInt64(index))
            }
            // Rich and poor wallets: some are cut and stay cut, so that "served" is not simply "asked for".
            let fixture = try await LineFixture.make(
                site: site, clock: clock, configurations: configurations,
                openingPaise: { $0 % 5 == 0 ? 20_000 : 500_000 }, from: first)
            try await fixture.run(untilMs: LineFixture.ms(first.advanced(by: days), hours: 7))
            try await check(fixture, first: first, days: days)
            let before = try await Snapshot.of(fixture)
            clock.nowMs += 1_800_000
            for _ in 0..<2 { try await fixture.line.tick() }
            try await site.money.write { try $0.run("UPDATE job SET state = 'waiting', run_at_ms = 0") }
            try await fixture.line.tick()
            #expect(try await Snapshot.of(fixture) == before, "a second run of every job changed something")
            await fixture.fleet.stop()
        }
    }

    private func check(_ fixture: LineFixture, first: CivilDay, days: Int) async throws {
        var cut = 0
        for (index, house) in fixture.houses.enumerated() {
            var served: [CivilDay: [Int32]] = [:]
            for offset in 0..<days {
                let day = first.advanced(by: offset)
                let values = house.meter.servedWh(day: day)
                served[day] = values
                let stored = try await History.blocks(
                    meterID: house.meterID, from: day, to: day, site: fixture.site, orgID: 1)
                let block = try #require(stored.first?.block, "house \(index) has no block on \(day)")
                #expect(block.values == values, "house \(index) \(day): stored is not served")
                #expect(block.lowestQuality == .actual)
                let charge = try #require(
                    try await fixture.site.money.read {
                        try Charge.current(accountID: house.accountID, from: day, to: day, fixture.scope, in: $0)
                    }.first)
                #expect(charge.energyWh == values.reduce(0) { $0 + Int64($1) }, "billed is not served")
            }
            let bill = try billPaise(house: index, from: first, days: days) { served[$0] ?? [] }
            let expected = (index % 5 == 0 ? 20_000 : 500_000) - bill
            #expect(try await fixture.balance(house.accountID).balancePaise == expected, "wallet of house \(index)")
            if house.meter.relayOpen { cut += 1 }
        }
        #expect(cut > 0, "no wallet ran dry: the replay shows no cut")
        let trial = try await fixture.site.money.read { try Journal.trialBalance(fixture.scope, in: $0) }
        #expect(trial.sumPaise == 0 && trial.wrongAccounts.isEmpty)
        // The meter has the last word: what is wanted is what each relay is.
        for house in fixture.houses {
            let relay = try await fixture.site.money.read { try RelayRecord.find(house.meterID, fixture.scope, in: $0) }
            #expect(relay?.agrees == true)
            #expect((relay?.wanted == .open) == house.meter.relayOpen)
        }
    }
}

/// Everything that must not move when nothing happened.
struct Snapshot: Equatable {
    var counts: [String: Int64] = [:]
    var balances: [Int64] = []

    static func of(_ fixture: LineFixture) async throws -> Snapshot {
        var snapshot = Snapshot()
        let tables = ["charge", "journal_entry", "posting", "message", "supply_decision", "meter_command", "outbox"]
        snapshot.counts = try await fixture.site.money.read { transaction in
            var counts: [String: Int64] = [:]
            for table in tables {
                counts[table] = try transaction.first("SELECT COUNT(*) FROM \(table)", []) { try $0.int(0) }
            }
            return counts
        }
        for month in try await fixture.site.readings.months() {
            let blocks = try await fixture.site.readings.shard(month).read { transaction in
                try transaction.first(
                    "SELECT COUNT(*) FROM day_block WHERE day >= $1 AND day <= $2",
                    [.day(month.first), .day(month.last)]
                ) { try $0.int(0) }
            }
            snapshot.counts["day_block \(month)"] = blocks
        }
        for house in fixture.houses {
            snapshot.balances.append(try await fixture.balance(house.accountID).balancePaise)
        }
        return snapshot
    }
}
