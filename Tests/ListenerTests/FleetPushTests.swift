// Virtual meters push by themselves: last gasp when an outage begins, first breath when it ends, over the network into
// the stream of events.
import Access
import Clocks
import Composition
import HeadEnd
import Jobs
import Logging
import MeterFleet
import MeterListener
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct FleetPushTests {
    @Test(arguments: FleetPusher.Transport.allCases)
    func outagesAreToldAsTheyBeginAndEnd(_ transport: FleetPusher.Transport) async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let fixture = try await PushFixture.make(stores, meters: 3, host: "127.0.0.1")
            let fromS = PushFixture.startS + 60
            let meters = try fixture.meters.enumerated().map { index, meter in
                var configuration = meter.configuration
                if index < 2 { configuration.outages = [TimeSpan(fromS: fromS + Int64(index), untilS: fromS + 600)] }
                if index == 2 { configuration.scriptedEvents = [(fromS + 5, 251)] }
                return try VirtualMeter(
                    configuration, clocks: fixture.site.clocks, stateFolder: stores.folder + "/fleet")
            }
            let listener = try await MeterListener.start(MeterListenerOptions(port: 0), clocks: .live)
            let pump = PushPump(
                source: listener, receiver: fixture.receiver,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let running = Task { await pump.run() }
            let fleet = FleetPusher(meters, host: "127.0.0.1", port: listener.port, transport: transport)
            let first = try await fleet.tick()
            fixture.clock.nowMs = (fromS + 30) * 1000
            let begun = try await fleet.tick()
            let idle = try await fleet.tick()
            fixture.clock.nowMs = (fromS + 630) * 1000
            let ended = try await fleet.tick()
            #expect([first, begun, idle, ended] == [0, 3, 0, 2])
            try await eventually { listener.figures.frames == 5 }
            await listener.stop()
            await running.value
            let events = try await fixture.events()
            #expect(events.map(\.code) == [102, 102, 251, 101, 101])
            #expect(events.map { $0.atMs / 1000 - fromS } == [600, 600, 5, 1, 0])
        }
    }

    /// The outage of a feeder, told by its meters from their own addresses; ciphered ones are believed.
    @Test(arguments: MeterPusher.Protection.allCases)
    func aScenarioOfAFeederIsTold(_ protection: MeterPusher.Protection) async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let isPlain = protection == .plain
            let fixture = try await PushFixture.make(
                stores, meters: 4, bare: isPlain ? [0, 1, 2, 3] : [], host: "127.0.0.1")
            let meters = try fixture.meters.enumerated().map { index, meter in
                var configuration = meter.configuration
                configuration.feeder = index < 2 ? "F1" : "F2"
                return try VirtualMeter(
                    configuration, clocks: fixture.site.clocks, stateFolder: stores.folder + "/fleet")
            }
            let fleet = try await MeterFleet.start(meters, options: MeterFleetOptions(host: "127.0.0.1"))
            // In the clear a meter is believed from its own address alone.
            try await fixture.site.money.write { transaction in
                for index in meters.indices {
                    try transaction.run(
                        "UPDATE meter SET host = $1 WHERE meter_id = $2",
                        [.text(fleet.host(index)), .int(PushFixture.meterID(index))])
                }
            }
            let listener = try await MeterListener.start(MeterListenerOptions(port: 0), clocks: .live)
            let pump = PushPump(
                source: listener, receiver: fixture.receiver,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let running = Task { await pump.run() }
            let director = FleetDirector(
                fleet, clocks: fixture.site.clocks,
                send: fleet.alarmSender(host: "127.0.0.1", port: listener.port, protection))
            let text = """
                {"format": 1, "name": "t", "seed": 1, "steps": [
                  {"at": "1m", "for": "10m", "on": {"feeder": "F1"}, "do": "outage"},
                  {"at": "2m", "on": {"meters": ["PU10003"]}, "do": "event", "code": 201}]}
                """
            _ = try await director.start(Scenario(Array(text.utf8)))
            // What the meters themselves would push of it is the same.
            let own = try meters.flatMap {
                try MeterPusher($0).due(afterS: PushFixture.startS, toS: PushFixture.startS + 3_600).map(\.atS)
            }
            #expect(own.sorted().map { $0 - PushFixture.startS } == [60, 60, 660, 660])
            for minute in [3, 12] {
                fixture.clock.nowMs = (PushFixture.startS + Int64(minute) * 60) * 1000
                await director.tick()
            }
            try await eventually { listener.figures.frames == 5 }
            await listener.stop()
            await running.value
            await fleet.stop()
            let events = try await fixture.events()
            #expect(events.map(\.code) == [102, 102, 201, 101, 101])
            #expect(events.map { $0.atMs / 1000 - PushFixture.startS } == [660, 660, 120, 60, 60])
            #expect(Set(events.map(\.meterID)) == [1001, 1002, 1004])
            #expect(try await fixture.aside().isEmpty)
        }
    }

    /// What is due when nobody listens is lost, as with meters; what comes after is not.
    @Test func aListenerThatIsAwayLosesOnlyWhatWasDueThen() async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let fixture = try await PushFixture.make(stores, meters: 1)
            var configuration = fixture.meters[0].configuration
            configuration.outages = [TimeSpan(fromS: PushFixture.startS + 10, untilS: PushFixture.startS + 20)]
            let meter = try VirtualMeter(
                configuration, clocks: fixture.site.clocks, stateFolder: stores.folder + "/fleet")
            let listener = try await MeterListener.start(MeterListenerOptions(port: 0), clocks: .live)
            let port = listener.port
            await listener.stop()
            let fleet = FleetPusher([meter], host: "127.0.0.1", port: port)
            _ = try await fleet.tick()
            fixture.clock.nowMs += 15_000
            await #expect(throws: (any Error).self) { try await fleet.tick() }
            fixture.clock.nowMs += 15_000
            var options = MeterListenerOptions(port: port)
            options.queueMax = 10
            let again = try await MeterListener.start(options, clocks: .live)
            let sent = try await fleet.tick()
            #expect(sent == 1)
            try await eventually { again.figures.frames == 1 }
            await again.stop()
        }
    }
}
