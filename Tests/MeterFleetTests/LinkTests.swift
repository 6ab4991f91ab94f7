// MeterLink against MeterFleet over real sockets: every way in, every call of the port, and what happens when it fails.
import CivilTime
import Clocks
import DLMS
import IS15959
import MeterFleet
import MeterLink
import MeterPort
import Testing

@Suite("Link and fleet over loopback")
struct LinkTests {
    @Test("what is read is what was served", arguments: MeterAuthentication.allCases)
    func everyAuthentication(_ authentication: MeterAuthentication) async throws {
        let bench = try await Bench()
        let day = firstDay.advanced(by: 1)
        let (clockS, rows, register, daily, relay) = try await TCPMeterTransport().converse(
            with: bench.endpoint(authentication)
        ) { meter in
            let clockS = try await meter.clockS()
            let rows = try await meter.blockLoad(fromS: at(1), toS: at(2))
            let register = try await meter.importRegisterWh()
            let daily = try await meter.dailyRegisters(fromS: at(0), toS: at(3))
            return (clockS, rows, register, daily, try await meter.relay())
        }
        #expect(clockS == at(3, 12, 10))
        // Both ends are included: the row stamped 00:00 belongs to the day before.
        #expect(rows.map(\.endS) == (0...48).map { at(1) + Int64($0) * 1800 })
        let served = bench.meter.servedWh(day: day)
        #expect(served.count == 48 && served.reduce(0) { $0 + Int64($1) } > 2000)
        #expect(rows.dropFirst().map(\.importWh) == served)
        #expect(rows.allSatisfy { (226_000...234_000).contains($0.averageVoltageMilliV ?? 0) && $0.exportWh == 0 })
        #expect(register == bench.meter.registerWh && register > 1_234_567)
        #expect(daily.map(\.atS) == [at(0), at(1), at(2), at(3)])
        #expect(daily[2].importWh - daily[1].importWh == served.reduce(0) { $0 + Int64($1) })
        #expect(relay == .closed)
        await bench.fleet.stop()
    }

    @Test("the relay is moved, read back and logged, and nothing is served while it is open")
    func relay() async throws {
        let bench = try await Bench()
        let transport = TCPMeterTransport()
        let open = try await transport.converse(with: bench.endpoint(.hls2)) { meter in
            try await meter.disconnect()
            return try await meter.relay()
        }
        #expect(open == .open)
        bench.clock.nowMs = at(4, 6, 0) * 1000
        let closed = try await transport.converse(with: bench.endpoint(.hlsGMAC, counter: 500)) { meter in
            try await meter.reconnect()
            return try await meter.relay()
        }
        #expect(closed == .closed)
        bench.clock.nowMs = at(5) * 1000
        let (rows, events) = try await transport.converse(with: bench.endpoint(.lls)) { meter in
            (
                try await meter.blockLoad(fromS: at(3, 12, 30), toS: at(4, 7, 0)),
                try await meter.events(fromS: at(0), toS: at(5))
            )
        }
        #expect(
            events == [MeterEventEntry(atS: at(3, 12, 10), code: 301), MeterEventEntry(atS: at(4, 6, 0), code: 302)])
        // Ten of the thirty minutes before the cut were served.
        let whole = HouseholdModel(seed: 7)
        let asked = LoadSource.household(whole).energyWh(startS: at(3, 12, 0), durationS: 1800)
        #expect(rows.first?.endS == at(3, 12, 30) && Int64(rows[0].importWh) == asked * 600 / 1800)
        #expect(rows.filter { $0.endS > at(3, 12, 30) && $0.endS <= at(4, 6, 0) }.allSatisfy { $0.importWh == 0 })
        #expect(rows.filter { $0.endS > at(4, 6, 0) }.allSatisfy { $0.importWh > 0 })
        await bench.fleet.stop()
    }

    @Test("only the utility moves the relay", arguments: [MeterAuthentication.none, .lls])
    func relayDenied(_ authentication: MeterAuthentication) async throws {
        let bench = try await Bench()
        let code = await code {
            try await TCPMeterTransport().converse(with: bench.endpoint(authentication)) { try await $0.disconnect() }
        }
        #expect(code == .accessDenied && !bench.meter.relayOpen)
        await bench.fleet.stop()
    }

    @Test("a value larger than a PDU comes in blocks: forty days of quarter hours")
    func blockTransfer() async throws {
        var meter = configuration(periodS: 900)
        meter.retentionDays = 45
        let bench = try await Bench([meter], nowS: at(41))
        let rows = try await TCPMeterTransport().converse(with: bench.endpoint(.hls2)) {
            try await $0.blockLoad(fromS: at(1) + 1, toS: at(41))
        }
        #expect(rows.count == 40 * 96)
        let served = (1...40).flatMap { bench.meter.servedWh(day: firstDay.advanced(by: $0)) }
        #expect(rows.map(\.importWh) == served)
        await bench.fleet.stop()
    }

    @Test("scalers come from the meter: tenths and thousandths of a Wh read the same", arguments: [Int8(-1), -3])
    func scalers(_ scaler: Int8) async throws {
        var meter = configuration()
        meter.energyScaler = scaler
        let bench = try await Bench([meter])
        let (rows, register) = try await TCPMeterTransport().converse(with: bench.endpoint(.lls)) { meter in
            (try await meter.blockLoad(fromS: at(1) + 1, toS: at(2)), try await meter.importRegisterWh())
        }
        #expect(rows.map(\.importWh) == bench.meter.servedWh(day: firstDay.advanced(by: 1)))
        #expect(register == bench.meter.registerWh)
        await bench.fleet.stop()
    }

    @Test("a wrong secret is refused", arguments: [MeterAuthentication.lls, .hls2])
    func wrongSecret(_ authentication: MeterAuthentication) async throws {
        let bench = try await Bench()
        var endpoint = bench.endpoint(authentication)
        endpoint.secret[0] ^= 1
        let given = endpoint
        let code = await code { _ = try await TCPMeterTransport().converse(with: given) { try await $0.clockS() } }
        #expect(code == .associationRefused || code == .security)
        await bench.fleet.stop()
    }

    @Test("a wrong key is refused", arguments: [MeterAuthentication.hls2, .hlsGMAC])
    func wrongKey(_ authentication: MeterAuthentication) async throws {
        let bench = try await Bench()
        var endpoint = bench.endpoint(authentication)
        endpoint.encryptionKey = Array("another-key-0001".utf8)
        let given = endpoint
        let code = await code { _ = try await TCPMeterTransport().converse(with: given) { try await $0.clockS() } }
        #expect(code == .associationRefused || code == .security)
        await bench.fleet.stop()
    }

    @Test("an invocation counter that was used is refused")
    func usedCounter() async throws {
        let bench = try await Bench()
        let transport = TCPMeterTransport()
        _ = try await transport.converse(with: bench.endpoint(.hls2, counter: 100)) { try await $0.clockS() }
        let replayed = await code {
            _ = try await transport.converse(with: bench.endpoint(.hls2, counter: 100)) { try await $0.clockS() }
        }
        #expect(replayed != nil)
        #expect((bench.meter.clientCounters[MeterClient.utility] ?? 0) >= 101)
        _ = try await transport.converse(with: bench.endpoint(.hls2, counter: 1000)) { try await $0.clockS() }
        await bench.fleet.stop()
    }

    @Test("an object that is not there, an attribute that may not be read, a second request meanwhile")
    func refusals() async throws {
        let bench = try await Bench()
        try await TCPMeterTransport().associate(with: bench.endpoint(.lls)) { meter in
            #expect(
                await code { _ = try await meter.get(AttributeReference(3, OBIS(1, 0, 99, 99, 0))) } == .objectUndefined
            )
            #expect(
                await code { _ = try await meter.get(AttributeReference(15, OBIS(0, 0, 40, 0, 0), 7)) } == .accessDenied
            )
            #expect(await code { try await meter.set(ObjectNames.clock.value, .null) } == .accessDenied)
            // The association still stands.
            let still = try await meter.clockS()
            async let first = code { _ = try await meter.clockS() }
            async let second = code { _ = try await meter.clockS() }
            let both = await [first, second]
            // Both in turn, or one of them refused: never mixed up.
            #expect(both.contains(nil) && both.allSatisfy { $0 == nil || $0 == .other })
            let after = try await meter.clockS()
            #expect(still == at(3, 12, 10) && after == still)
        }
        await bench.fleet.stop()
    }

    @Test("no listener is unreachable")
    func unreachable() async throws {
        let bench = try await Bench()
        let endpoint = bench.endpoint(.none)
        await bench.fleet.stop()
        #expect(
            await code { _ = try await TCPMeterTransport().converse(with: endpoint) { try await $0.clockS() } }
                == .unreachable)
    }

    @Test("IPv6", arguments: ["::1", "[::1]"])
    func overIPv6(_ name: String) async throws {
        let bench = try await Bench(host: "::1")
        let endpoint = Bench.endpoint(.hls2, host: name, port: bench.fleet.port(0))
        #expect(try await TCPMeterTransport().converse(with: endpoint) { try await $0.clockS() } == at(3, 12, 10))
        await bench.fleet.stop()
    }

    @Test("setting the clock moves the meter's time and is logged")
    func setClock() async throws {
        let bench = try await Bench()
        let readS = try await TCPMeterTransport().associate(with: bench.endpoint(.hls2)) { meter in
            let wanted = COSEMDateTime(instantS: at(3, 12, 15), offsetS: 19_800)
            try await meter.set(ObjectNames.clock.value, .octetString(wanted.bytes))
            return try await meter.clockS()
        }
        #expect(readS == at(3, 12, 15))
        #expect(bench.meter.events.contains { $0.code == 151 && $0.atS == at(3, 12, 15) })
        await bench.fleet.stop()
    }
}
