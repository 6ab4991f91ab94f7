// A small fault run: the line reads meters over a network that loses, damages, doubles and shuffles, with meters that
// start again amid a block. Nothing is lost, nothing is doubled, no counter is used twice. The large one is
// benchmarks/hes.fault_run.bench.
import Access
import CivilTime
import Clocks
import Composition
import IntervalData
import MeterData
import MeterFleet
import MeterPort
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct FaultRunTests {
    /// A Monday.
    static let first = CivilDay(year: 2009, month: 3, day: 2)!
    static let days = 3
    static let scenario = """
        {"format": 1, "name": "fault run", "seed": 20, "steps": [
          {"do": "drop", "chance": 20}, {"do": "garble", "chance": 2}, {"do": "repeat", "chance": 2},
          {"do": "reboot", "chance": 5, "awayMs": 20}, {"do": "shuffle", "on": {"share": 30}}
        ]}
        """

    @Test func nothingIsLostOrDoubled() async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: LineFixture.ms(Self.first.advanced(by: Self.days), hours: 1))
            let configurations = (0..<12).map { index in
                MeterConfiguration(
                    serial: "FR\(100 + index)", load: .household(HouseholdModel(seed: UInt64(index + 51))),
                    installed: Self.first, baseWh: 5, secrets: LineFixture.secrets, seed: UInt64(index))
            }
            let fixture = try await LineFixture.make(
                site: site(stores, clock: clock), clock: clock, configurations: configurations,
                openingPaise: { _ in 500_000 }, from: Self.first)
            let director = FleetDirector(fixture.fleet, clocks: fixture.site.clocks)
            _ = try await director.start(Scenario(Array(Self.scenario.utf8)))
            var open = fixture.houses.count * Self.days
            for _ in 0..<96 where open > 0 {
                try await fixture.run(untilMs: clock.nowMs + 1_800_000)
                open = try await Self.unread(fixture)
            }
            #expect(open == 0, "\(open) meter-days are not whole after two days of trying")
            for house in fixture.houses {
                let blocks = try await Self.blocks(fixture, house)
                #expect(blocks.map(\.day) == (0..<Self.days).map { Self.first.advanced(by: $0) })
                for block in blocks { #expect(block.block.values == house.meter.servedWh(day: block.day)) }
            }
            let figures = await director.status().figures
            #expect((figures["dropped"] ?? 0) > 20 && (figures["refusedCounters"] ?? 1) == 0, "\(figures)")
            await fixture.fleet.stop()
        }
    }

    private static func blocks(_ fixture: LineFixture, _ house: House) async throws -> [StoredBlock] {
        try await History.blocks(
            meterID: house.meterID, from: first, to: first.advanced(by: days - 1), site: fixture.site,
            orgID: fixture.org.orgID
        ).filter { $0.channel == .importWh }
    }

    private static func unread(_ fixture: LineFixture) async throws -> Int {
        var open = 0
        for house in fixture.houses {
            let whole = try await blocks(fixture, house).count { $0.block.lowestQuality == .actual }
            open += days - whole
        }
        return open
    }
}
