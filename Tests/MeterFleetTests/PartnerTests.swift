// A second third party reads our meters (dlms-cosem from PyPI), and our client reads a meter of somebody else's when
// one is named.
import CivilTime
import Clocks
import DLMS
import Foundation
import IS15959
import MeterFleet
import MeterLink
import MeterPort
import Testing

@Suite("dlms-cosem reads the fleet")
struct DLMSCosemTests {
    struct Seen: Decodable, Sendable {
        var serial: String
        var register: Int64
        var rows: [Int32]
        var objects: Int
        var relay: [Int]?
        var clockChanged: Bool?
    }

    /// HLS 2 is left out: that library sends the secret itself in the clear.
    @Test(
        "GET, blocks, a range; ciphered with GMAC also ACTION and SET",
        arguments: [
            MeterAuthentication.none, .lls, .hlsGMAC,
        ])
    func reads(_ authentication: MeterAuthentication) async throws {
        let bench = try await Bench()
        let endpoint = bench.endpoint(authentication)
        let seen: Seen = try await partner(
            "dlms_cosem_read.py",
            [
                "host": endpoint.host, "port": endpoint.port, "client": endpoint.clientAddress,
                "secret": hex(endpoint.secret), "encryptionKey": hex(endpoint.encryptionKey ?? []),
                "authenticationKey": hex(endpoint.authenticationKey ?? []), "systemTitle": hex(clientTitle),
                "invocationCounter": 1, "from": "2026-03-02T00:00:00", "to": "2026-03-03T00:00:00",
                "offsetMinutes": 330, "clock": "07EA0304FF0C1E0000FEB600",
            ])
        let meter = bench.meter
        #expect(seen.serial == "BB000001" && seen.register == meter.registerWh(atS: at(3, 12, 10)) && seen.objects > 80)
        #expect(seen.rows.dropFirst().map { $0 } == meter.servedWh(day: firstDay.advanced(by: 1)))
        guard authentication == .hlsGMAC else { return await bench.fleet.stop() }
        #expect(seen.relay == [1, 0, 1] && seen.clockChanged == true)
        #expect(Set(meter.events.map(\.code)) == [151, 301, 302])
        await bench.fleet.stop()
    }
}

/// `host:port,client=48,auth=hls-2,secret=HEX,ek=HEX,ak=HEX,title=TEXT,counter=N,server=1`; IPv6 hosts in brackets.
private struct ForeignMeter {
    var endpoint: MeterEndpoint

    init?(_ text: String) {
        let parts = text.split(separator: ",").map(String.init)
        guard let place = parts.first, let colon = place.lastIndex(of: ":"),
            let port = Int(place[place.index(after: colon)...])
        else { return nil }
        var values: [String: String] = [:]
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            values[String(part[..<equals])] = String(part[part.index(after: equals)...])
        }
        func octets(_ key: String) -> [UInt8]? {
            guard let text = values[key] else { return nil }
            let digits = Array(text.utf8)
            guard digits.count % 2 == 0 else { return nil }
            let pairs = stride(from: 0, to: digits.count, by: 2).map { index in
                UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
            }
            return pairs.contains(nil) ? nil : pairs.compactMap { $0 }
        }
        guard let authentication = MeterAuthentication(rawValue: values["auth"] ?? "none") else { return nil }
        endpoint = MeterEndpoint(
            host: String(place[..<colon]), port: port, clientAddress: UInt16(values["client"] ?? "16") ?? 16,
            serverAddress: UInt16(values["server"] ?? "1") ?? 1, authentication: authentication,
            secret: octets("secret") ?? [], encryptionKey: octets("ek"), authenticationKey: octets("ak"),
            clientSystemTitle: Array((values["title"] ?? "BBRTEST1").utf8),
            invocationCounter: UInt32(values["counter"] ?? "1") ?? 1)
    }
}

@Suite("A meter of somebody else's")
struct ForeignMeterTests {
    static let named = ProcessInfo.processInfo.environment["BUSBAR_FOREIGN_METER"]

    @Test(
        "our client reads clock, object list and load profile of the meter that BUSBAR_FOREIGN_METER names",
        .enabled(if: named != nil, "BUSBAR_FOREIGN_METER=host:port,client=48,auth=hls-2,secret=…,ek=…,ak=… is not set"))
    func reads() async throws {
        let meter = try #require(
            ForeignMeter(Self.named ?? ""), "host:port,client=48,auth=hls-2,secret=HEX,ek=HEX,ak=HEX")
        let (clock, objects, rows) = try await TCPMeterTransport(strictCounters: false).associate(with: meter.endpoint)
        {
            let clock = try await $0.clockS()
            let objects = try await $0.get(AttributeReference(15, OBIS(0, 0, 40, 0, 0), 2))
            return (clock, objects.elements?.count ?? 0, try await $0.blockLoad(fromS: clock - 86_400, toS: clock))
        }
        #expect(clock > 946_684_800 && objects > 0)
        #expect(rows.allSatisfy { $0.endS <= clock })
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.endS < $1.endS })
    }

    @Test("what names a foreign meter is read, or refused")
    func naming() {
        let meter = ForeignMeter("[::1]:4059,client=48,auth=hls-2,secret=0102,ek=00,ak=ff,counter=9")
        #expect(meter?.endpoint.host == "[::1]" && meter?.endpoint.port == 4059 && meter?.endpoint.secret == [1, 2])
        #expect(meter?.endpoint.invocationCounter == 9 && meter?.endpoint.authentication == .hls2)
        #expect(
            ForeignMeter("nobody") == nil && ForeignMeter("a:1,auth=sha") == nil && ForeignMeter("a:1,client") == nil)
    }
}
