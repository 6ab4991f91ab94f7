// A third party reads our meters: gurux-dlms (PyPI) against a fleet in this process. Needs a Python with the packages
// of
// requirements-test.txt; without it the test fails and says so.
import CivilTime
import Clocks
import Foundation
import MeterFleet
import MeterPort
import Testing

@Suite("gurux-dlms reads the fleet")
struct GuruxTests {
    struct Seen: Decodable, Sendable {
        struct Register: Decodable, Equatable, Sendable {
            var raw: Int64
            var scaler: Int
            var unit: Int
        }
        struct Stamp: Decodable, Equatable, Sendable {
            var wall: String
            var offsetMinutes: Int64
            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                wall = try list.decode(String.self)
                offsetMinutes = try list.decode(Int64.self)
            }
        }
        struct Row: Decodable, Sendable {
            var stamp: Stamp
            var wh: Int32
            init(from decoder: any Decoder) throws {
                stamp = try Stamp(from: decoder)
                var list = try decoder.unkeyedContainer()
                _ = try list.decode(String.self)
                _ = try list.decode(Int64.self)
                wh = try list.decode(Int32.self)
            }
        }
        struct BlockLoad: Decodable, Sendable {
            var columns: [String]
            var period: Int64
            var rows: [Row]
            var exchanges: Int
        }
        struct RelayState: Decodable, Equatable, Sendable {
            var closed: Bool
            var logical: Int
            init(closed: Bool, logical: Int) { (self.closed, self.logical) = (closed, logical) }
            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                closed = try list.decode(Bool.self)
                logical = try list.decode(Int.self)
            }
        }
        struct Relay: Decodable, Sendable {
            var states: [RelayState]
            var refused: String?
        }
        var clock: Stamp
        var serial: String
        var profiles: [String]
        var registers: [String: Register]
        var blockLoad: BlockLoad
        var firstEntries: [Stamp]
        var relay: Relay
        var list: [String?]
        var events: [Int]
        var clockSet: Bool
    }

    @Test("clock, objects, registers, a day of load in blocks, the relay", arguments: MeterAuthentication.allCases)
    func reads(_ authentication: MeterAuthentication) async throws {
        let bench = try await Bench()
        let endpoint = bench.endpoint(authentication)
        let seen: Seen = try await partner(
            "gurux_read.py",
            [
                "host": "127.0.0.1", "port": endpoint.port, "client": endpoint.clientAddress,
                "authentication": authentication.rawValue, "secret": hex(endpoint.secret),
                "encryptionKey": hex(endpoint.encryptionKey ?? []),
                "authenticationKey": hex(endpoint.authenticationKey ?? []), "systemTitle": hex(clientTitle),
                "invocationCounter": 1, "from": "2026-03-02T00:00:00", "to": "2026-03-03T00:00:00",
                "offsetMinutes": 330,
                "setClock": "2026-03-04T12:20:00", "registers": ["1.0.1.8.0.255", "1.0.12.7.0.255", "1.0.1.7.0.255"],
            ])
        #expect(seen.clock.wall == "2026-03-04T12:10:00" && seen.clock.offsetMinutes == 330)
        #expect(seen.serial == "BB000001")
        #expect(
            Set(["1.0.99.1.0.255", "1.0.99.2.0.255", "1.0.94.91.4.255", "0.0.99.98.6.255"]).isSubset(of: seen.profiles))
        let meter = bench.meter
        #expect(
            seen.registers["1.0.1.8.0.255"] == .init(raw: meter.registerWh(atS: at(3, 12, 10)), scaler: 0, unit: 30))
        #expect(
            seen.registers["1.0.12.7.0.255"] == .init(raw: meter.centiVolts(atS: at(3, 12, 10)), scaler: -2, unit: 35))
        #expect(seen.registers["1.0.1.7.0.255"] == .init(raw: meter.powerW, scaler: 0, unit: 27))

        #expect(seen.blockLoad.period == 1800 && seen.blockLoad.rows.count == 49)
        #expect(seen.blockLoad.exchanges > 1, "a day of load takes more than one block")
        #expect(seen.blockLoad.rows.first?.stamp.wall == "2026-03-02T00:00:00")
        #expect(seen.blockLoad.rows.last?.stamp.wall == "2026-03-03T00:00:00")
        #expect(seen.blockLoad.rows.allSatisfy { $0.stamp.offsetMinutes == 330 })
        #expect(seen.blockLoad.rows.dropFirst().map(\.wh) == meter.servedWh(day: firstDay.advanced(by: 1)))
        #expect(seen.firstEntries.map(\.wall) == ["2026-03-01T00:30:00", "2026-03-01T01:00:00", "2026-03-01T01:30:00"])

        let closed = Seen.RelayState(closed: true, logical: 1)
        if authentication == .none || authentication == .lls {
            #expect(seen.relay.states == [closed] && seen.relay.refused != nil)
        } else {
            #expect(
                seen.relay.states == [closed, .init(closed: false, logical: 0), closed] && seen.relay.refused == nil)
            #expect(meter.events.map(\.code).prefix(2) == [301, 302])
        }
        // With a list, an event log, and the clock set: only who may control may do it.
        let mayControl = authentication == .hls2 || authentication == .hlsGMAC
        #expect(seen.list.count == 2 && seen.list[0] == "BB000001")
        #expect(seen.events == (mayControl ? [301, 302] : []))
        #expect(seen.clockSet == mayControl && meter.events.contains { $0.code == 151 } == mayControl)
        await bench.fleet.stop()
    }
}
