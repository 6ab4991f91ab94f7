// Many meters behind one listener, scenario files, what they do to a running fleet, and the control socket.
import CivilTime
import Clocks
import Foundation
import MeterFleet
import MeterLink
import MeterPort
import NIOCore
import NIOPosix
import Testing

/// A scenario of these steps.
private func scenario(_ steps: String, seed: Int = 3) throws -> Scenario {
    try Scenario(Array(#"{"format": 1, "name": "test", "seed": \#(seed), "steps": [\#(steps)]}"#.utf8))
}

private func feeders(_ count: Int, of feeders: Int = 2) -> [MeterConfiguration] {
    (0..<count).map { index in
        var meter = configuration("BB\(100_000 + index)", load: .constant(watts: 1000 + Int64(index)))
        meter.feeder = "F\(index % feeders + 1)"
        return meter
    }
}

@Suite("One listener for many meters")
struct ManyMetersTests {
    @Test("a meter is chosen by its address, or by its server address", arguments: MeterAddressing.allCases)
    func chosen(_ addressing: MeterAddressing) async throws {
        let bench = try await Bench(feeders(300)) { $0.addressing = addressing }
        #expect(bench.fleet.host(299) == (addressing == .address ? "127.0.1.44" : "127.0.0.1"))
        #expect(bench.fleet.serverAddress(299) == (addressing == .address ? 1 : 300))
        for index in [0, 1, 255, 299] {
            let register = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2, meter: index)) {
                try await $0.importRegisterWh()
            }
            #expect(register == bench.fleet.meters[index].registerWh)
        }
        var nobody = bench.endpoint(.lls, meter: 0)
        nobody.timeoutMs = 300
        if addressing == .address { nobody.host = "127.0.9.9" } else { nobody.serverAddress = 301 }
        let given = nobody
        let failed = await code { _ = try await TCPMeterTransport().converse(with: given) { try await $0.clockS() } }
        #expect(failed == (addressing == .address ? .closed : .timeout))
        await bench.fleet.stop()
    }

    @Test("more meters than addresses are refused")
    func tooMany() async throws {
        await #expect(throws: MeterFleetError.self) {
            _ = try await Bench(feeders(3), host: "127.255.255.253")
        }
        await #expect(throws: MeterFleetError.self) {
            _ = try await Bench(feeders(3), host: "::1") { $0.addressing = .address }
        }
    }

    @Test("six weeks of history are the same however they are asked for")
    func history() throws {
        let clock = ManualClock(startMs: at(40, 7, 20) * 1000)
        let late = try VirtualMeter(configuration(), clocks: .manual(clock))
        let early = try VirtualMeter(configuration(), clocks: .manual(clock))
        for day in 0...40 {
            clock.nowMs = at(day, 7, 20) * 1000
            _ = early.registerWh
        }
        let midnights = late.midnights()
        #expect(midnights.map(\.importWh) == early.midnights().map(\.importWh) && midnights.count == 41)
        for (day, midnight) in midnights.dropLast().enumerated() {
            let served = late.servedWh(day: firstDay.advanced(by: day)).reduce(0) { $0 + Int64($1) }
            #expect(midnights[day + 1].importWh - midnight.importWh == served)
            #expect(late.registerWh(atS: midnight.atS) == midnight.importWh)
        }
    }
}

@Suite("Scenarios")
struct ScenarioTests {
    @Test("what cannot be read says its line")
    func errors() {
        func error(_ text: String) -> ScenarioError? {
            do {
                _ = try Scenario(Array(text.utf8))
                return nil
            } catch { return error }
        }
        #expect(error("{\n\"format\": 1,\n\"name\": \"a\",\n\"steps\": [\n{\"do\": \"dance\"}]}")?.line == 5)
        #expect(error("{\n\"format\": 2}")?.line == 2)
        #expect(error("{\"format\": 1, \"name\": \"a\",\n\n \"steps\": []}")?.line == 3)
        #expect(error("{\"format\": 1, \"name\": \"a\"}")?.message.contains("steps") == true)
        #expect(error("")?.message.contains("early") == true)
        #expect(error("{\"format\": 1, \"format\": 1}")?.message.contains("twice") == true)
        #expect(error(String(repeating: "[", count: 10_000))?.message.contains("deep") == true)
        let step = { (text: String) in error("{\"format\":1,\"name\":\"a\",\"steps\":[\n\(text)]}") }
        #expect(step(#"{"do": "drop"}"#)?.message.contains("chance") == true)
        #expect(step(#"{"do": "drop", "chance": 101}"#)?.line == 2)
        #expect(step(#"{"do": "drop", "chance": 5, "chanse": 6}"#)?.message.contains("chanse") == true)
        #expect(step(#"{"do": "event", "code": 201, "for": "1m"}"#)?.message.contains("once") == true)
        #expect(step(#"{"do": "outage", "at": "5 min"}"#)?.message.contains("15m") == true)
        #expect(step(#"{"do": "outage", "at": "99999999999d"}"#)?.line == 2)
        #expect(step(#"{"do": "outage", "on": {"share": 0}}"#)?.line == 2)
        #expect(step(#"{"do": "clock", "seconds": 1.5}"#)?.message.contains("whole") == true)
        #expect(step(#"{"do": "outage", "on": {"feeder": "F1", "share": 5}, "for": "1h"}"#) == nil)
    }

    @Test("the scenarios of the program can be read, and every word can be done")
    func shipped() throws {
        #expect(try ShippedScenarios.all().count == 5)
        let more = ["silence", "shuffle", "wrong-key", "ghost", "liar", "missing", "outage", "rollover"]
        for word in more { _ = try scenario(#"{"do": "\#(word)"}"#) }
        for (word, rest) in [
            ("delay", #""ms": 5"#), ("slow", #""bytesPerSecond": 5"#), ("drop", #""chance": 5"#),
            ("garble", #""chance": 5"#), ("repeat", #""chance": 5"#), ("reboot", #""chance": 5"#),
            ("clock", #""seconds": -5"#), ("event", #""code": 201"#),
        ] { _ = try scenario(#"{"do": "\#(word)", \#(rest)}"#) }
        #expect(more.count + 8 == Scenario.kinds.count)
    }

    @Test("an outage takes the load of its feeder alone, with gasps and breaths, and can be ended early")
    func outage() async throws {
        let bench = try await Bench(feeders(20), nowS: at(3, 12))
        let said = Said()
        let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock)) { meter, alarm, atS in
            await said.add(meter.configuration.serial, alarm, atS)
        }
        let run = try await director.start(
            scenario(#"{"at": "30m", "for": "2h", "on": {"feeder": "F1"}, "do": "outage"}"#))
        bench.clock.nowMs = at(3, 12, 45) * 1000
        await director.tick()
        let during = await director.status()
        #expect(during.withoutSupply == 10 && during.runs.map(\.id) == [run] && during.runs[0].steps[0].isActive)
        #expect(await said.all.count { $0.alarm == .lastGasp && $0.atS == at(3, 12, 30) } == 10)
        try await director.stop(run)
        bench.clock.nowMs = at(3, 14) * 1000
        await director.tick()
        #expect(await said.all.count { $0.alarm == .firstBreath } == 10)
        #expect(await director.status().withoutSupply == 0)
        let (dark, light) = (bench.fleet.meters[0], bench.fleet.meters[1])
        let slots = dark.servedWh(day: firstDay.advanced(by: 3))
        // 12:30 to 12:45 is half a slot of 1000 W.
        #expect(slots[24...27] == [500, 250, 500, 500])
        #expect(light.servedWh(day: firstDay.advanced(by: 3)).allSatisfy { $0 == 500 || $0 == 501 })
        #expect(dark.events.map(\.code) == [101, 102] && light.events.isEmpty)
        await #expect(throws: MeterFleetError.self) { try await director.stop(run) }
        await bench.fleet.stop()
    }

    @Test("a share is chosen by the seed, the same each time")
    func share() async throws {
        let bench = try await Bench(feeders(400), nowS: at(3, 12))
        func chosen(_ seed: Int) async throws -> [Bool] {
            let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock))
            let run = try await director.start(scenario(#"{"on": {"share": 25}, "do": "wrong-key"}"#, seed: seed))
            defer { Task { try? await director.stop(run) } }
            let chosen = bench.fleet.meters.map { !$0.faults.wrongKeys.isEmpty }
            try await director.stop(run)
            return chosen
        }
        let (first, again, other) = (try await chosen(3), try await chosen(3), try await chosen(4))
        #expect(first == again && first != other)
        #expect((60...140).contains(first.count { $0 }))
        await #expect(throws: MeterFleetError.self) {
            let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock))
            _ = try await director.start(scenario(#"{"on": {"feeder": "F9"}, "do": "ghost"}"#))
        }
        await bench.fleet.stop()
    }

    @Test("a wrong key, a wrong clock, missing rows, a register that rolls over, a ghost, each seen by a client")
    func faults() async throws {
        let bench = try await Bench(feeders(1), nowS: at(3, 12))
        let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock))
        let transport = TCPMeterTransport(strictCounters: false)
        var counter: UInt32 = 0
        func with<Value: Sendable>(
            _ steps: String, afterMinutes: Int = 1, _ body: @escaping @Sendable (DLMSConversation) async throws -> Value
        ) async throws -> Result<Value, MeterError> {
            let run = try await director.start(scenario(steps))
            bench.clock.nowMs += Int64(afterMinutes) * 60_000
            await director.tick()
            counter += 1000
            let result: Result<Value, MeterError>
            do {
                result = .success(
                    try await transport.associate(with: bench.endpoint(.hls2, counter: counter), body))
            } catch let error as MeterError {
                result = .failure(error)
            }
            try? await director.stop(run)
            return result
        }
        if case .success = try await with(#"{"do": "wrong-key"}"#, { try await $0.clockS() }) {
            Issue.record("a meter with another key let us in")
        }
        let ahead = try await with(#"{"do": "clock", "seconds": 420}"#) { try await $0.clockS() }.get()
        #expect(ahead == bench.clock.nowMs / 1000 + 420)
        let missing = try await with(#"{"for": "2h", "do": "missing"}"#, afterMinutes: 180) {
            try await $0.blockLoad(fromS: at(3, 12), toS: at(3, 15))
        }.get()
        #expect(missing.count == 3)
        let fleet = bench.fleet
        let shuffled = try await with(#"{"do": "shuffle"}"#) { _ in
            fleet.meters[0].loadRows(fromEndS: at(2), toEndS: at(3)).map(\.endS)
        }.get()
        #expect(shuffled.sorted() == (0...48).map { at(2) + $0 * 1800 } && shuffled != shuffled.sorted())
        let before = bench.meter.registerWh
        let rolled = try await with(#"{"do": "rollover", "withinWh": 100}"#, afterMinutes: 20) {
            try await $0.importRegisterWh()
        }.get()
        // 1000 W for 20 minutes are 333 Wh; the director rolls at the first tick after the start.
        #expect(rolled >= 99_999_900 || rolled < 400)
        #expect(bench.meter.registerWh > before)
        let ghost = try await with(#"{"do": "ghost"}"#) { meter in
            try await meter.disconnect()
            return try await meter.relay()
        }.get()
        #expect(ghost == .closed)
        let event = try await with(#"{"do": "event", "code": 201}"#) { _ in true }.get()
        #expect(event && bench.meter.events.contains { $0.code == 201 })
        await bench.fleet.stop()
    }

    @Test("chance spoils answers by the seed: some are lost, some damaged, some doubled; none gives a wrong reading")
    func chances() async throws {
        let bench = try await Bench(feeders(40), nowS: at(3, 12))
        let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock))
        _ = try await director.start(
            scenario(
                """
                {"do": "drop", "chance": 3}, {"do": "garble", "chance": 3}, {"do": "repeat", "chance": 3},
                {"do": "reboot", "chance": 9, "awayMs": 1}
                """))
        let transport = TCPMeterTransport()
        var whole = 0
        for index in 0..<40 {
            var endpoint = bench.endpoint(.hls2, meter: index)
            endpoint.timeoutMs = 500
            let given = endpoint
            let rows = try? await transport.converse(with: given) {
                try await $0.blockLoad(fromS: at(1) + 1, toS: at(2))
            }
            guard let rows else { continue }
            whole += 1
            #expect(rows.map(\.importWh) == bench.fleet.meters[index].servedWh(day: firstDay.advanced(by: 1)))
        }
        #expect(whole > 0 && whole < 40, "\(whole) of 40 were read")
        let figures = await director.status().figures
        #expect((figures["dropped"] ?? 0) > 0 && (figures["garbled"] ?? 0) > 0 && (figures["reboots"] ?? 0) > 0)
        await bench.fleet.stop()
    }

    @Test("what a scenario did to a meter is there after a restart")
    func restart() async throws {
        let folder = NSTemporaryDirectory() + "busbar-fleet-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bench = try await Bench(feeders(1), nowS: at(3, 12), stateFolder: folder)
        let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock))
        _ = try await director.start(scenario(#"{"for": "1h", "do": "outage"}, {"do": "event", "code": 201}"#))
        bench.clock.nowMs = at(3, 14) * 1000
        await director.tick()
        let again = try VirtualMeter(feeders(1)[0], clocks: .manual(bench.clock), stateFolder: folder)
        #expect(again.servedWh(day: firstDay.advanced(by: 3)) == bench.meter.servedWh(day: firstDay.advanced(by: 3)))
        #expect(again.servedWh(day: firstDay.advanced(by: 3)).suffix(4) == [0, 0, 500, 500])
        #expect(again.events.map(\.code) == [101, 201, 102])
        await bench.fleet.stop()
    }

    @Test("mutated scenarios and requests are read or refused, never more")
    func fuzz() async throws {
        let rounds = ProcessInfo.processInfo.environment["BUSBAR_LONG"] == "1" ? 1_000_000 : 10_000
        let bench = try await Bench(feeders(2), nowS: at(3, 12))
        let director = FleetDirector(bench.fleet, clocks: .manual(bench.clock))
        let control = FleetControl(director)
        var random = Seeded(state: 91)
        let texts = [
            #"{"format": 1, "name": "n", "about": "a\"b", "seed": 4, "steps": [{"at": "5m", "for": "1h", "on": "#
                + #"{"feeder": "F1", "share": 90, "meters": ["BB100000"]}, "do": "outage", "lastGasp": 4}]}"#,
            #"{"ask": "start", "scenario": "{\"format\": 1, \"name\": \"n\", \"steps\": [{\"do\": \"ghost\"}]}"}"#,
            #"{"ask": "status"}"#, #"{"ask": "stop", "run": 1}"#,
        ]
        var read = 0
        for round in 0..<rounds {
            var octets = Array(texts[round % texts.count].utf8)
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let place = Int.random(in: 0..<octets.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: octets[place] = UInt8.random(in: 0...255, using: &random)
                case 1 where octets.count > 2: octets.remove(at: place)
                default: octets.insert(Array("\"{}[],:0149e-".utf8).randomElement(using: &random) ?? 0, at: place)
                }
            }
            if (try? Scenario(octets)) != nil { read += 1 }
            if round % 20 == 0 {
                let answer = await control.answer(octets)
                if let run = answer.run { try? await director.stop(run) }
            }
        }
        #expect(read > rounds / 40)
        #expect(await director.status().runs.count <= FleetDirector.maxRuns)
        await bench.fleet.stop()
    }
}

@Suite("Control socket")
struct ControlSocketTests {
    @Test("status, start, stop; owner only; a second simulator is refused; errors say what")
    func socket() async throws {
        let path = NSTemporaryDirectory() + "bb-\(UInt32.random(in: 0 ... .max)).sock"
        let bench = try await Bench(feeders(6), nowS: at(3, 12))
        let control = FleetControl(FleetDirector(bench.fleet, clocks: .manual(bench.clock)))
        let socket = try await FleetControlSocket.open(path, control)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let client = FleetControlClient(path: path)
        #expect(try await client.status().meters == 6)
        #expect(try await client.scenarios().map(\.name).contains("evening-outage"))
        let run = try await client.start(shipped: "evening-outage")
        #expect(try await client.status().runs.map(\.id) == [run])
        #expect(try await client.status().feeders == ["F1", "F2"])
        try await client.stop(run: run)
        #expect(try await client.status().runs.isEmpty)
        await #expect(throws: SimulatorError.self) { try await client.stop(run: run) }
        await #expect(throws: SimulatorError.self) { try await client.start(shipped: "nothing") }
        do {
            _ = try await client.start(text: "{\n\"format\": 3}")
            Issue.record("a wrong scenario was started")
        } catch { #expect("\(error)".contains("line 2")) }
        await #expect(throws: MeterFleetError.self) { try await FleetControlSocket.open(path, control) }
        try await shout(path)
        #expect(try await client.status().meters == 6)
        await socket.close()
        await #expect(throws: SimulatorError.self) { try await client.status() }
        await bench.fleet.stop()
    }

    /// More than a request may be, without an end.
    private func shout(_ path: String) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(unixDomainSocketPath: path).get()
        try? await channel.writeAndFlush(ByteBuffer(repeating: 0x7B, count: FleetControl.maxRequestBytes + 10))
        try? await channel.closeFuture.get()
    }
}

private actor Said {
    var all: [(serial: String, alarm: MeterAlarm, atS: Int64)] = []
    func add(_ serial: String, _ alarm: MeterAlarm, _ atS: Int64) { all.append((serial, alarm, atS)) }
}
