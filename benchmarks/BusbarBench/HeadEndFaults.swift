// The whole head-end of the product on a site of its own against a fleet in another process that drops, garbles,
// repeats, shuffles and restarts: what was lost, doubled or wrong afterwards. No part of the product.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Foundation
import Grid
import IntervalData
import Jobs
import Logging
import MeterData
import MeterFleet
import MeterLink
import MeterPort
import Meters
import SQL
import SQLiteAdapter

enum HeadEndFaults {
    static let days = 3
    private static let org = Org(orgID: 1, name: "Bench Power")
    private static let scope = Scope(orgID: org.orgID)
    private static let slots = 96

    /// Wall time after which the run is over, whole or not.
    private static let limitS = 3_600.0
    /// And so long for meter data to take over what was read.
    private static let takeOverS = 300.0

    /// Reads three days of every meter by the product's own jobs until all are whole.
    static func run(
        port: Int, meters: Int, folder: String, now: String, speed: Int, control: String
    ) async throws -> String {
        guard let nowS = try? instantS(now, zone: org.zone) else { throw BenchError("\(now) is no time") }
        let today = org.zone.day(atS: nowS)
        let first = today.advanced(by: -days)
        let clocks = Clocks.accelerated(
            anchorBusinessMs: nowS * 1000, anchorSystemMs: Clocks.live.systemNowMs(), rate: Int64(speed))
        let money = try await SQLiteDatabase.open(path: folder + "/money.db", durability: .full)
        try await Migrator.migrate(BusbarSchema.migrations, store: .money, in: money)
        let site = Site(
            money: money, readings: SQLiteReadings(folder: folder, migrations: BusbarSchema.migrations),
            clocks: clocks, ids: IDGenerator(processNumber: 0, clocks: clocks))
        let vault = try KeyVault(masterKey: Array(repeating: 7, count: 32))
        try await enter(meters, port, first, vault, site)
        try await plan(first, site)
        let line = Line(
            site: site, org: org, transport: TCPMeterTransport(zone: org.zone), vault: vault, holder: "bench",
            log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let watch = Stopwatch()
        var calls = Calls()
        repeat {
            try await line.tick()
            try await Task.sleep(for: .milliseconds(50))
            calls = try await self.calls(site)
        } while calls.open > 0 && watch.used().wallS < limitS
        // What was read is still to be taken over: the collector, which is due all the time here, goes first.
        var result = Result()
        let readS = watch.used().wallS
        repeat {
            try await line.tick()
            try await Task.sleep(for: .milliseconds(50))
            result = try await compare(meters, first, site)
        } while result.lost > 0 && watch.used().wallS < readS + takeOverS
        let used = watch.used()
        let status = try await FleetControlClient(path: control).status()
        let businessHours = (site.clocks.businessNowMs() / 1000 - nowS) / 3600
        return """
            {"meters": \(meters), "days": \(days), "intervals": \(meters * days * slots), "lost": \(result.lost), \
            "doubled": \(result.doubled), "wrong": \(result.wrong), \
            "counters_refused": \(status.figures["refusedCounters"] ?? -1), \
            "counters_reused": \(status.figures["reusedCounters"] ?? -1), "open_days": \(calls.open), \
            "calls_mean": \(Double(calls.total) / Double(meters * days)), "calls_most": \(calls.most), \
            "business_hours": \(businessHours), "answers": \(status.figures["answers"] ?? 0), \
            "dropped": \(status.figures["dropped"] ?? 0), "garbled": \(status.figures["garbled"] ?? 0), \
            "repeated": \(status.figures["repeated"] ?? 0), "reboots": \(status.figures["reboots"] ?? 0), \
            "connections": \(status.figures["connections"] ?? 0), "wall_s": \(used.wallS), "core_s": \(used.coreS)}
            """
    }

    private static func enter(
        _ meters: Int, _ port: Int, _ first: CivilDay, _ vault: KeyVault, _ site: Site
    ) async throws {
        let keys = BenchFleet.keys
        try await site.money.write { transaction in
            try org.create(in: transaction)
            try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
            for index in 0..<meters {
                let (accountID, meterID) = (Int64(1_000_001 + index), Int64(2_000_001 + index))
                try SupplyAccount(
                    accountID: accountID, accountNumber: "A-\(index)", name: "House \(index)", category: "domestic",
                    placeID: 10, sanctionedW: 15_000, language: "en", openedDay: first
                ).create(scope, in: transaction)
                let sealed = try vault.seal(
                    MeterKeys(
                        secret: keys.hls, encryptionKey: keys.encryption, authenticationKey: keys.authentication,
                        clientSystemTitle: Array("BUSBAR01".utf8)), meterID: meterID)
                try Meter(
                    meterID: meterID, serial: serial(index), host: BenchFleet.host(index), port: Int64(port),
                    clientAddress: 48, authentication: "hls-2", sealedKeys: sealed, capturePeriodS: 900
                ).create(scope, atMs: site.clocks.businessNowMs(), in: transaction)
                // These days alone: later ones would be read beside them.
                try Installation(
                    meterID: meterID, accountID: accountID, fromDay: first, toDay: first.advanced(by: days - 1)
                ).create(scope, in: transaction)
            }
        }
    }

    /// Calls go on every few minutes, as often as it takes.
    private static func plan(_ day: CivilDay, _ site: Site) async throws {
        try await site.money.write { transaction in
            try Setting.set(
                "collection.schedules", "all spread=0 parallel=64 retry=5 tries=1000", from: day, scope,
                in: transaction)
        }
    }

    private struct Calls: Sendable { var open = 0, total = 0, most = 0 }

    /// Meter-days that are not over, and how often meters were called for one.
    private static func calls(_ site: Site) async throws -> Calls {
        try await site.money.read { transaction in
            try transaction.first(
                """
                SELECT CAST(COALESCE(SUM(CASE WHEN state IN ('pending', 'partial') THEN 1 ELSE 0 END), 0) AS BIGINT),
                  CAST(COALESCE(SUM(attempt), 0) AS BIGINT), CAST(COALESCE(MAX(attempt), 0) AS BIGINT)
                FROM collection WHERE org_id = $1
                """, [.int(org.orgID)]
            ) { Calls(open: Int(try $0.int(0)), total: Int(try $0.int(1)), most: Int(try $0.int(2))) } ?? Calls()
        }
    }

    /// As `busbar simulate` numbers its meters.
    private static func serial(_ index: Int) -> String {
        let number = String(index + 1)
        return "BB" + String(repeating: "0", count: 6 - number.count) + number
    }

    private struct Result: Sendable { var lost = 0, doubled = 0, wrong = 0 }

    /// What is stored against the load model itself, slot for slot.
    private static func compare(_ meters: Int, _ first: CivilDay, _ site: Site) async throws -> Result {
        var result = Result()
        let startS = org.zone.startS(of: first)
        for index in 0..<meters {
            let load = LoadSource.household(HouseholdModel(seed: 1 &+ UInt64(index), zone: org.zone))
            let blocks = try await History.blocks(
                meterID: Int64(2_000_001 + index), from: first, to: first.advanced(by: days - 1), site: site,
                orgID: org.orgID
            ).filter { $0.channel == .importWh }
            result.doubled += max(0, blocks.count - days) * slots
            for day in 0..<days {
                guard let block = blocks.first(where: { $0.day == first.advanced(by: day) })?.block else {
                    result.lost += slots
                    continue
                }
                for slot in 0..<slots where slot < block.slotCount {
                    let fromS = startS + Int64(day * 86_400 + slot * 900)
                    guard block.qualities[slot] == .actual else {
                        result.lost += 1
                        continue
                    }
                    if Int64(block.values[slot]) != load.energyWh(startS: fromS, durationS: 900) { result.wrong += 1 }
                }
            }
        }
        return result
    }
}
