// Many alarms at once to the push listener of a site of its own: how long until each stands among the events, once. No
// part of the product.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import Jobs
import Logging
import MeterFleet
import MeterListener
import MeterPort
import Meters
import SQL
import SQLiteAdapter

enum HeadEndAlarms {
    private static let org = Org(orgID: 1, name: "Bench Power")
    private static let scope = Scope(orgID: org.orgID)
    /// 21 November 2026, 12:00 in India.
    private static let nowMs: Int64 = 1_795_242_600_000
    private static let codes: [UInt16] = [67, 201, 203, 205, 215]

    /// A frame of a meter; and what is to stand among the events.
    private struct Load {
        var frames: [(meter: Int, bytes: [UInt8])] = []
        var wanted: Set<String> = []
    }

    static func run(meters count: Int, alarms: Int, folder: String) async throws -> String {
        let clock = ManualClock(startMs: nowMs)
        let clocks = Clocks.manual(clock)
        let money = try await SQLiteDatabase.open(path: folder + "/money.db", durability: .full)
        try await Migrator.migrate(BusbarSchema.migrations, store: .money, in: money)
        let site = Site(
            money: money, readings: SQLiteReadings(folder: folder, migrations: BusbarSchema.migrations),
            clocks: clocks, ids: IDGenerator(processNumber: 0, clocks: clocks))
        let vault = try KeyVault(masterKey: Array(repeating: 7, count: 32))
        let meters = try (0..<count).map { try meter($0, clocks) }
        try await enter(meters, vault, site)
        let load = try load(meters, alarms)

        var options = MeterListenerOptions(port: 0)
        options.queueMax = 2_000
        let listener = try await MeterListener.start(options, clocks: .live)
        let pump = PushPump(
            source: listener, receiver: PushReceiver(site: site, vault: vault) { [org] },
            log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { await pump.run() }
        let port = listener.port
        let watch = Stopwatch()
        // A meter keeps to one of four connections, as behind a concentrator.
        let parts = (0..<4).map { part in load.frames.filter { $0.meter % 4 == part }.map(\.bytes) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in parts {
                group.addTask { try await FleetPusher.send(part, host: "127.0.0.1", port: port) }
            }
            try await group.waitForAll()
        }
        while listener.figures.frames < load.frames.count, watch.used().wallS < 600 {
            try await Task.sleep(for: .milliseconds(5))
        }
        // The pump ends once everything that was heard is stored.
        await listener.stop()
        await running.value
        let used = watch.used()
        let events = try await site.money.read {
            try EventStream.list(EventFilter(), limit: 20_000, scope, in: $0)
        }
        let stored = events.map { "\($0.meterID) \($0.code) \($0.atMs / 1000)" }
        let distinct = Set(stored)
        return """
            {"meters": \(count), "alarms": \(load.frames.count), "distinct": \(load.wanted.count), \
            "lost": \(load.wanted.subtracting(distinct).count), "doubled": \(stored.count - distinct.count), \
            "wrong": \(distinct.subtracting(load.wanted).count), "senders_waited": \(listener.figures.stops), \
            "wall_s": \(used.wallS), "core_s": \(used.coreS)}
            """
    }

    private static func meter(_ index: Int, _ clocks: Clocks) throws -> VirtualMeter {
        func key(_ tag: String) -> [UInt8] { Array("\(tag)-\(100_000 + index)-KEYS".utf8.prefix(16)) }
        let secrets = MeterSecrets(
            lls: Array("12345678".utf8), hls: key("HLSS"), encryptionKey: key("EKEY"), authenticationKey: key("AKEY"))
        return try VirtualMeter(
            MeterConfiguration(
                serial: "PU\(10_000 + index)", load: .constant(watts: 500),
                installed: org.zone.day(atS: nowMs / 1000).advanced(by: -2), secrets: secrets, seed: UInt64(index)),
            clocks: clocks)
    }

    private static func meterID(_ index: Int) -> Int64 { Int64(2_000_001 + index) }

    private static func enter(_ meters: [VirtualMeter], _ vault: KeyVault, _ site: Site) async throws {
        try await site.money.write { transaction in
            try org.create(in: transaction)
            for (index, meter) in meters.enumerated() {
                let secrets = meter.configuration.secrets
                let keys = MeterKeys(
                    secret: secrets.hls, encryptionKey: secrets.encryptionKey,
                    authenticationKey: secrets.authenticationKey, clientSystemTitle: Array("BUSBAR01".utf8))
                try Meter(
                    meterID: meterID(index), serial: meter.configuration.serial, host: "10.0.0.9", port: 4059,
                    clientAddress: 48, authentication: "hls-2",
                    sealedKeys: try vault.seal(keys, meterID: meterID(index)), capturePeriodS: 1800
                ).create(scope, atMs: nowMs, in: transaction)
                try MeterTitles.learn(
                    meter.systemTitle, meterID: meterID(index), atMs: nowMs, scope, in: transaction)
            }
        }
    }

    /// Nine tenths are distinct alarms; of the rest one half are frames that come twice, the other alarms told anew
    /// under another counter. Shuffled, no farther than the replay window of a meter reaches.
    private static func load(_ meters: [VirtualMeter], _ alarms: Int) throws -> Load {
        let pushers = meters.map { MeterPusher($0) }
        var load = Load()
        func alarm(_ number: Int) -> (meter: Int, code: UInt16, atS: Int64) {
            let round = number / meters.count
            return (number % meters.count, codes[round % codes.count], nowMs / 1000 - 3_600 + Int64(round * 13))
        }
        let distinct = alarms * 9 / 10
        for number in 0..<distinct {
            let (meter, code, atS) = alarm(number)
            load.frames.append((meter, try pushers[meter].alert(code: code, atS: atS)))
            load.wanted.insert("\(meterID(meter)) \(code) \(atS)")
        }
        for number in 0..<(alarms - distinct) {
            let place = number * 17 % distinct
            if number % 2 == 0 {
                load.frames.append(load.frames[place])
            } else {
                let (meter, code, atS) = alarm(place)
                load.frames.append((meter, try pushers[meter].alert(code: code, atS: atS)))
            }
        }
        var order = SplitMix(state: 7)
        for start in stride(from: 0, to: load.frames.count, by: 500) {
            load.frames[start..<min(start + 500, load.frames.count)].shuffle(using: &order)
        }
        return load
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
