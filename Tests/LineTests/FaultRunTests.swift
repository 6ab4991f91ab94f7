// A small fault run: meters are read over lines of which every fifth answer breaks off, by meters that start again amid
// a block, answer twice or out of order. Nothing is lost, nothing doubled, no counter used twice. The large one is
// benchmarks/hes.fault_run.bench.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import IntervalData
import Jobs
import MeterData
import MeterFleet
import MeterLink
import MeterPort
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct FaultRunTests {
    private typealias Engine = CollectionTests
    private static let days = 2

    /// What goes wrong: every fifth answer breaks off with its connection; or few do, and much else happens.
    enum Trouble: String, CaseIterable {
        case everyFifthAnswer, everyFifthConversation

        var scenario: String {
            let dropPercent = self == .everyFifthAnswer ? 20 : 1
            return """
                {"format": 1, "name": "fault run", "seed": 20, "steps": [
                  {"do": "drop", "chance": \(dropPercent)}, {"do": "garble", "chance": 1},
                  {"do": "repeat", "chance": 1}, {"do": "reboot", "chance": 20, "awayMs": 20},
                  {"do": "shuffle", "on": {"share": 30}}
                ]}
                """
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: Trouble.allCases)
    func nothingIsLostOrDoubled(_ trouble: Trouble) async throws {
        let first = Engine.first
        try await Engine.with(.sqlite, houses: 8, startMs: Engine.at(Self.days, 0)) { fixture in
            try await Engine.set(fixture, "collection.schedules", "all spread=0 retry=1 tries=1000 parallel=16")
            let director = FleetDirector(fixture.fleet, clocks: fixture.site.clocks)
            _ = try await director.start(Scenario(Array(trouble.scenario.utf8)))
            let collector = Collector(
                site: fixture.site, org: fixture.org, transport: TCPMeterTransport(zone: fixture.org.zone),
                vault: try LineFixture.vault(), rules: LineFixture.collection)
            var runs = 0
            while try await Self.open(fixture) != 0, runs < 3_000 {
                _ = try await collector.run()
                fixture.clock.nowMs += 120_000
                runs += 1
            }
            try await fixture.line.tick()
            let states = try await Self.states(fixture)
            #expect(states == ["complete": 8 * Self.days], "after \(runs) runs")
            for house in fixture.houses {
                let blocks = try await History.blocks(
                    meterID: house.meterID, from: first, to: first.advanced(by: Self.days - 1), site: fixture.site,
                    orgID: 1
                ).filter { $0.channel == .importWh }
                #expect(blocks.map(\.day) == (0..<Self.days).map { first.advanced(by: $0) })
                for block in blocks {
                    #expect(block.block.values == house.meter.servedWh(day: block.day))
                    #expect(block.block.lowestQuality == .actual)
                }
                for day in 0..<Self.days {
                    let reads = try await Engine.reads(fixture, house.meterID, day: day)
                    let stamps = reads.flatMap(\.rows).map(\.endS)
                    #expect(stamps.count == 48 && Set(stamps).count == 48, "each interval was kept once")
                    #expect(reads.count { $0.registerEndWh != nil } == 1)
                }
            }
            let status = await director.status().figures
            let (dropped, connections) = (status["dropped"] ?? 0, status["connections"] ?? 0)
            print("fault run, \(trouble): \(runs) runs, \(status)")
            #expect(dropped > (trouble == .everyFifthAnswer ? connections / 2 : 0))
            #expect((status["reboots"] ?? 0) > 0 && (status["answers"] ?? 0) > 0)
            #expect(status["refusedCounters"] == 0 && status["reusedCounters"] == 0)
        }
    }

    /// The guard of the run above: a meter that is given a used counter again says so.
    @Test func aCounterUsedAgainIsCounted() async throws {
        try await Engine.with(.sqlite) { fixture in
            var endpoint = MeterEndpoint(
                host: fixture.fleet.host(0), port: fixture.fleet.port, clientAddress: MeterClient.utility,
                authentication: .hls2, secret: LineFixture.secrets.hls,
                encryptionKey: LineFixture.secrets.encryptionKey,
                authenticationKey: LineFixture.secrets.authenticationKey, clientSystemTitle: Array("BUSBAR01".utf8),
                invocationCounter: 500)
            let transport = TCPMeterTransport(zone: fixture.org.zone)
            let fleet = fixture.fleet
            // The second association begins amid the first, which then goes on with counters the other has used.
            endpoint.timeoutMs = 5_000
            let given = endpoint
            var behind = endpoint
            behind.invocationCounter = 502
            let later = behind
            try await transport.converse(with: given) { one in
                try await transport.converse(with: later) { two in
                    for _ in 0..<5 { _ = try await two.clockS() }
                }
                _ = try? await one.clockS()
            }
            #expect(fleet.figures(.reusedCounters) > 0)
            _ = try? await transport.converse(with: given) { _ = try await $0.clockS() }
            #expect(fleet.figures(.refusedCounters) > 0)
        }
    }

    private static func states(_ fixture: LineFixture) async throws -> [String: Int] {
        let states = try await fixture.site.money.read {
            try $0.query("SELECT state FROM collection WHERE org_id = 1 AND day < $1", [.day(last)]) { try $0.text(0) }
        }
        return Dictionary(grouping: states) { $0 }.mapValues(\.count)
    }

    private static var last: CivilDay { Engine.first.advanced(by: days) }

    /// Meter-days that are not over; -1 before anything is planned.
    private static func open(_ fixture: LineFixture) async throws -> Int {
        let states = try await states(fixture)
        return states.isEmpty ? -1 : states.filter { $0.key != "complete" && $0.key != "lost" }.values.reduce(0, +)
    }
}

/// A line that breaks keeps what came.
@Suite(.serialized)
struct BrokenLineTests {
    private typealias Engine = CollectionTests

    @Test(arguments: TestEngine.available)
    func whatCameBeforeTheLineBrokeStays(_ engine: TestEngine) async throws {
        // Of three days the connection carries somewhat more than one.
        try await Engine.with(engine, startMs: Engine.at(3, 0)) { _, configuration in
            configuration.faults.drops = [
                (TimeSpan(fromS: 0, untilS: Engine.at(3, 6) / 1000), 5_500)
            ]
        } _: { fixture in
            try await Engine.set(fixture, "collection.schedules", "all spread=0 retry=30 tries=2")
            try await fixture.line.tick()
            let states = try await Self.states(fixture)
            #expect(states.first == "complete" && states.last == "pending", "\(states)")
            let called = try await Engine.item(fixture, day: 2)
            #expect(called.cause == .unreachable && called.attempt == 1)
            // The next calls ask part by part, so each brings something; tries on which the line broke lose nothing.
            for _ in 0..<11 {
                fixture.clock.nowMs += 40 * 60_000
                try await fixture.line.tick()
                #expect(try await !Self.states(fixture).contains("lost"))
            }
            #expect(try await Self.states(fixture) == ["complete", "complete", "complete"])
            let reads = try await (0..<3).asyncMap { try await Engine.reads(fixture, day: $0) }
            for day in 0..<3 {
                let rows = reads[day].flatMap(\.rows)
                #expect(rows.count == 48 && Set(rows.map(\.endS)).count == 48)
            }
        }
    }

    private static func states(_ fixture: LineFixture) async throws -> [String] {
        try await (0..<3).asyncMap { try await Engine.item(fixture, day: $0).state }
    }
}

extension Range<Int> {
    fileprivate func asyncMap<Value>(_ body: (Int) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for number in self { values.append(try await body(number)) }
        return values
    }
}
