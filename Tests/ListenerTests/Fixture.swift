// A company with virtual meters that push, and a receiver on a database of the test's own. No sockets here.
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import HeadEnd
import IS15959
import MeterFleet
import MeterPort
import Meters
import SQL
import TestSupport

struct PushFixture {
    static let org = Org(orgID: 1, name: "Ujjwal")
    /// 21 November 2026, 12:00 in India.
    static let startMs: Int64 = 1_795_242_600_000
    static var startS: Int64 { startMs / 1000 }

    let site: Site
    let clock: ManualClock
    let vault: KeyVault
    let receiver: PushReceiver
    let meters: [VirtualMeter]
    let pushers: [MeterPusher]
    var scope: Scope { Scope(orgID: Self.org.orgID) }

    static func secrets(_ index: Int) -> MeterSecrets {
        func key(_ tag: String) -> [UInt8] { Array("\(tag)-\(100_000 + index)-KEYS".utf8.prefix(16)) }
        return MeterSecrets(
            lls: Array("12345678".utf8), hls: key("HLSS"), encryptionKey: key("EKEY"), authenticationKey: key("AKEY"))
    }

    static func meterID(_ index: Int) -> Int64 { Int64(1001 + index) }

    /// - Parameters:
    ///   - knowsTitles: the titles are entered; otherwise they have to be learned.
    ///   - bare: meters of these indices have no keys.
    static func make(
        _ stores: TestSite, meters count: Int, knowsTitles: Bool = true, bare: Set<Int> = [], host: String = "10.0.0.9",
        clocks: Clocks? = nil
    ) async throws -> PushFixture {
        let clock = ManualClock(startMs: startMs)
        let clocks = clocks ?? .manual(clock)
        let site = Site(
            money: stores.money, readings: stores.readings, clocks: clocks,
            ids: IDGenerator(processNumber: 1, clocks: clocks))
        let vault = try KeyVault(masterKey: Array(repeating: 7, count: 32))
        let day = org.zone.day(atS: startS).advanced(by: -2)
        let meters = try (0..<count).map { index in
            try VirtualMeter(
                MeterConfiguration(
                    serial: "PU\(10_000 + index)", load: .constant(watts: 500), installed: day,
                    secrets: secrets(index), seed: UInt64(index)),
                clocks: clocks, stateFolder: stores.folder + "/fleet")
        }
        let scope = Scope(orgID: org.orgID)
        let made = meters
        try await site.money.write { transaction in
            try org.create(in: transaction)
            for (index, meter) in made.enumerated() {
                let secrets = meter.configuration.secrets
                let isBare = bare.contains(index)
                let keys = MeterKeys(
                    secret: secrets.hls, encryptionKey: isBare ? nil : secrets.encryptionKey,
                    authenticationKey: isBare ? nil : secrets.authenticationKey,
                    clientSystemTitle: Array("BUSBAR01".utf8), masterKey: Array("MASTER-KEY-00000".utf8))
                try Meter(
                    meterID: meterID(index), serial: meter.configuration.serial, host: host, port: 4059,
                    clientAddress: 48, authentication: "hls-2",
                    sealedKeys: try vault.seal(keys, meterID: meterID(index)), capturePeriodS: 1800
                ).create(scope, atMs: startMs, in: transaction)
                if knowsTitles && !isBare {
                    try MeterTitles.learn(
                        meter.systemTitle, meterID: meterID(index), atMs: startMs, scope, in: transaction)
                }
            }
        }
        return PushFixture(
            site: site, clock: clock, vault: vault,
            receiver: PushReceiver(site: site, vault: vault) { [org] }, meters: meters,
            pushers: meters.map { MeterPusher($0) })
    }

    /// A frame as the listener gives it: without the wrapper's head.
    static func frame(_ wrapped: [UInt8], from remote: String = "10.0.0.9") -> PushedFrame {
        PushedFrame(remote: remote, apdu: Array(wrapped.dropFirst(8)))
    }

    func take(_ wrapped: [[UInt8]], from remote: String = "10.0.0.9") async throws -> PushReceiver.Taken {
        try await receiver.take(wrapped.map { Self.frame($0, from: remote) })
    }

    func events(_ filter: EventFilter = EventFilter(), limit: Int = 20_000) async throws -> [SeenEvent] {
        try await site.money.read { [scope] in try EventStream.list(filter, limit: limit, scope, in: $0) }
    }

    func aside() async throws -> [AsidePush] {
        try await site.money.read { [scope] in try AsidePush.list(limit: 5_000, scope, in: $0) }
    }

    func outboxCount() async throws -> Int64 {
        try await site.money.read {
            try $0.first("SELECT COUNT(*) FROM outbox WHERE kind = 'meter-event'", []) { try $0.int(0) } ?? 0
        }
    }
}

/// Numbers of a seed, the same on every machine.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
