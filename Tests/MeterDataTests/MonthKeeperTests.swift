// Compacted, archived and restored months answer as before; late readings lie on top; broken off anywhere it goes on;
// damage is found; holds are kept.
import Access
import CivilTime
import Clocks
import Foundation
import IntervalData
import MeterData
import Outbox
import PostgresAdapter
import SQL
import SQLiteAdapter
import TestSupport
import Testing

/// Where a test keeps its databases, for any process that opens them.
struct KeptPlace: Sendable, Codable {
    var folder: String
    var url: String?

    static let month = CivilMonth(year: 2026, month: 2)
    static let meters: [Int64] = [1001, 1002, 1100]
    static let offsets = [0, 1, 2, 4, 5, 6, 9, 13, 20, 27]
    static let nowMs: Int64 = 1_798_000_000_000

    static let migrations =
        AccessSchema.migrations + ChangeStream.migrations + MeterDataSchema.migrations

    func with<Value>(_ watch: WriteWatch? = nil, _ body: (Site, MonthKeeper) async throws -> Value) async throws
        -> Value
    {
        let money: any Database
        let readings: any ReadingsStore
        if let url {
            let database = try await PostgresDatabase.open(url: url, connections: 3)
            for store in SchemaStore.allCases {
                try await Migrator.migrate(Self.migrations, store: store, in: database)
            }
            (money, readings) = (database, PostgresReadings(database))
        } else {
            money = try await SQLiteDatabase.open(path: folder + "/money.db", durability: .normal)
            try await Migrator.migrate(Self.migrations, store: .money, in: money)
            readings = SQLiteReadings(folder: folder, migrations: Self.migrations)
        }
        let clocks = Clocks(businessNowMs: { Self.nowMs }, systemNowMs: { Self.nowMs }, businessRate: 0)
        let site = Site(
            money: money, readings: watch.map { WatchedReadings(readings, $0) } ?? readings, clocks: clocks,
            ids: IDGenerator(processNumber: 1, clocks: clocks))
        do {
            let value = try await body(
                site, MonthKeeper(site: site, org: Org(orgID: 1, name: "One", zone: .india)))
            await readings.close()
            await money.close()
            return value
        } catch {
            await readings.close()
            await money.close()
            throw error
        }
    }

    static func on<Value>(_ engine: TestEngine, _ body: (KeptPlace) async throws -> Value) async throws -> Value {
        try await withFolder { folder in
            guard engine == .postgres else { return try await body(KeptPlace(folder: folder)) }
            let server = try PrivatePostgres.shared.get()
            let url = try await server.freshDatabase()
            do {
                let value = try await body(KeptPlace(folder: folder, url: url))
                try await server.drop(url)
                return value
            } catch {
                try? await server.drop(url)
                throw error
            }
        }
    }

    /// Days with estimates, gaps, later versions of several makers, another channel, and a day of another length.
    static func fill(_ site: Site) async throws {
        try await site.readings.shard(month).write { transaction in
            for (index, meterID) in meters.enumerated() {
                for offset in offsets where (offset + index) % 9 != 4 {
                    let day = month.first.advanced(by: offset)
                    let slots = offset == 20 ? 96 : 48
                    var block = DayBlock(
                        values: (0..<slots).map { Int32(($0 * 37 + offset * 11 + index * 101) % 1900 - 20) },
                        qualities: (0..<slots).map { $0 % 48 == offset ? .missing : .actual },
                        sources: DayBlock.runs((0..<slots).map { $0 % 48 == offset ? 0 : 9_000 + Int64(offset) }))
                    for version in 0..<(1 + (offset + index) % 3) {
                        try store(block, day, meterID, .importWh, "read", version, transaction)
                        block = block.replacing(
                            [(offset, Int32(77 + version))], quality: version == 0 ? .estimated : .edited,
                            batch: Int64(50 + version))
                    }
                    if index == 1 { try store(block, day, meterID, .exportWh, "import", 0, transaction) }
                }
            }
        }
    }

    static func store(
        _ block: DayBlock, _ day: CivilDay, _ meterID: Int64, _ channel: Channel, _ maker: String, _ version: Int,
        _ transaction: any SQLTransaction
    ) throws {
        let current = try DayBlocks.current(
            meterID: meterID, channel: channel, from: day, to: day, orgID: 1, in: transaction
        ).first
        try DayBlocks.store(
            block, after: current, day: day, meterID: meterID, channel: channel, madeBy: maker,
            madeAtMs: 1_770_000_000_000 + Int64(version), orgID: 1, in: transaction)
    }

    /// Everything that can be asked of the month, as text.
    static func answers(_ site: Site) async throws -> [String] {
        try await site.readings.shard(month).read { transaction in
            var told: [String] = []
            let days = offsets.map { month.first.advanced(by: $0) }
            for meterID in meters {
                for channel in [Channel.importWh, .exportWh] {
                    for (from, to) in [(month.first, month.last), (days[3], days[7]), (days[5], days[5])] {
                        told += try DayBlocks.current(
                            meterID: meterID, channel: channel, from: from, to: to, orgID: 1, in: transaction
                        ).map { "current \($0)" }
                    }
                    for day in days {
                        told += try DayBlocks.versions(
                            meterID: meterID, channel: channel, day: day, orgID: 1, in: transaction
                        ).map { "version \($0)" }
                    }
                }
            }
            for day in days {
                let lowest = try DayBlocks.lowestQualities(day: day, orgID: 1, in: transaction)
                told.append("lowest \(lowest.sorted { $0.key < $1.key })")
                // Of a compacted month all that are asked for, so never fewer than there are.
                let stored = try DayBlocks.stored(
                    meterIDs: Array(lowest.keys) + [9_999], days: [day], orgID: 1, in: transaction)
                #expect(stored == lowest.mapValues { _ in [day] })
                let counts = try DayBlocks.countsByQuality(day: day, orgID: 1, in: transaction)
                told.append("counts \(counts.sorted { $0.key < $1.key })")
                for channel in [Channel.importWh, .exportWh] {
                    for change in [Int64(9), 30, 1000] {
                        try DayBlocks.sweep(
                            day: day, channel: channel, meters: 1000...1100, through: change, orgID: 1, in: transaction
                        ) { told.append("sweep \(change) \(day) \($0)") }
                        let pairs = try DayBlocks.pair(
                            day: day, channel: channel, meters: [1002, 1100], before: change / 2, through: change,
                            orgID: 1, in: transaction)
                        told += pairs.sorted { $0.key < $1.key }.map { "pair \(change) \(day) \($0)" }
                        let changed = try DayBlocks.changedMeters(
                            day: day, channel: channel, after: change / 2, through: change, limit: 2, orgID: 1,
                            in: transaction)
                        told.append("changed \(change) \(day) \(changed)")
                    }
                }
            }
            for change in [Int64(0), 20, 40] {
                told += try DayBlocks.changedDays(
                    after: change, through: change + 15, month: month, orgID: 1, in: transaction
                ).map { "changed days \(change) \($0)" }
            }
            for limit in [1, 7, 1000] {
                var changed: Set<String> = []
                var after: Int64 = 0
                while true {
                    let some = try DayBlocks.changes(
                        after: after, month: month, limit: limit, orgID: 1, in: transaction)
                    guard let last = some.last else { break }
                    #expect(last.change > after && some.map(\.change) == some.map(\.change).sorted())
                    after = last.change
                    for item in some { changed.insert("changed \(item.day) \(item.meterID)") }
                }
                told += changed.sorted()
            }
            return told
        }
    }

    static func count(_ table: String, _ site: Site) async throws -> Int64? {
        try await site.readings.shard(month).read {
            try $0.first("SELECT COUNT(*) FROM \(table)", []) { try $0.int(0) }
        }
    }

    /// All that is stored, to the change numbers.
    static func rows(_ site: Site) async throws -> [String] {
        try await site.readings.shard(month).read { transaction in
            try transaction.query(
                """
                SELECT day, meter_id, channel, version, change, lowest_quality, total_value, interval_values, qualities,
                  sources, made_at_ms, made_by FROM day_block ORDER BY day, meter_id, channel, version
                """, []
            ) { row in
                let numbers = try [0, 1, 2, 3, 4, 5, 6, 10].map { try row.int($0) }
                return "\(numbers) \(try row.bytes(7)) \(try row.bytes(8)) \(try row.bytes(9)) \(try row.text(11))"
            }
        }
    }
}

@Suite struct MonthKeeperTests {
    static let month = KeptPlace.month

    @Test(arguments: TestEngine.available)
    func answersAreTheSameAtEveryStation(_ engine: TestEngine) async throws {
        try await KeptPlace.on(engine) { place in
            try await place.with { site, keeper in
                try await KeptPlace.fill(site)
                let rows = try await KeptPlace.rows(site)
                let before = try await KeptPlace.answers(site)
                #expect(before.count > 200 && rows.count > 40)

                #expect(try await keeper.compact(Self.month) == rows.count)
                let compacted = try await keeper.state(Self.month)
                #expect(compacted.form == .compacted && compacted.rows == 4 && compacted.openVersions == 0)
                #expect(try await KeptPlace.answers(site) == before)
                #expect(try await keeper.compact(Self.month) == 0)

                try await keeper.archive(Self.month)
                try await keeper.archive(Self.month)
                #expect(try await keeper.state(Self.month).form == .archived)
                #expect(try await KeptPlace.answers(site) == before)
                #expect(try await site.readings.months() == [Self.month])
                let file = place.folder + "/archive/readings-2026-02.db"
                #expect(FileManager.default.fileExists(atPath: file) == (engine == .sqlite))
                #expect(try await MonthKeeper.faults(Self.month, in: site.readings.shard(Self.month)).isEmpty)

                #expect(try await keeper.restore(Self.month) == rows.count)
                #expect(try await keeper.state(Self.month).form == .open)
                #expect(!FileManager.default.fileExists(atPath: file))
                #expect(try await KeptPlace.rows(site) == rows)
                #expect(try await keeper.restore(Self.month) == 0)
            }
        }
    }

    /// Late readings go on top of compacted and archived months, and become part of them with the next run.
    @Test(arguments: TestEngine.available)
    func lateReadings(_ engine: TestEngine) async throws {
        try await KeptPlace.on(engine) { place in
            try await place.with { site, keeper in
                try await KeptPlace.fill(site)
                try await keeper.archive(Self.month)
                let shard = try await site.readings.shard(Self.month)
                // A day that had a gap in slot 6, and a day of which there was nothing.
                let gap = Self.month.first.advanced(by: 6)
                let absent = Self.month.first.advanced(by: 4)
                let seen = try await shard.read {
                    try DayBlocks.changes(after: 0, month: Self.month, limit: 10_000, orgID: 1, in: $0).last?.change
                }
                let made = try await shard.write { transaction in
                    try [gap, absent].map { day in
                        try Ingest.apply(
                            IncomingDay(
                                day: day, meterID: 1001, batchID: 4711, values: (0..<48).map { $0 == 6 ? 1234 : 100 }),
                            IngestContext(
                                sanctionedW: 5000, periodS: 1800, history: [], madeBy: "import", nowMs: 1), orgID: 1,
                            in: transaction)
                    }
                }
                #expect(made == [2, 1])
                let late = try await shard.read { transaction in
                    let block = try DayBlocks.current(meterID: 1001, from: gap, to: gap, orgID: 1, in: transaction)
                    #expect(block.first?.block.values[6] == 1234 && block.first?.version == 2)
                    return try DayBlocks.changes(
                        after: seen ?? 0, month: Self.month, limit: 10, orgID: 1, in: transaction)
                }
                #expect(late.map(\.day) == [gap, absent] && Set(late.map(\.meterID)) == [1001])
                let before = try await KeptPlace.answers(site)
                #expect(try await keeper.state(Self.month).openVersions == 2)
                #expect(try await keeper.compact(Self.month) == 2)
                let state = try await keeper.state(Self.month)
                #expect(state.form == .archived && state.openVersions == 0)
                #expect(try await KeptPlace.answers(site) == before)
                #expect(try await MonthKeeper.faults(Self.month, in: site.readings.shard(Self.month)).isEmpty)
            }
        }
    }

    /// Killed before each kind of statement and behind each kind of commit, started again: as if nothing had been.
    @Test(
        arguments: TestEngine.available,
        [
            WritePoint(.statement, "INSERT meter_month", 1), WritePoint(.statement, "DELETE day_block", 1),
            WritePoint(.commit, "DELETE day_block", 1), WritePoint(.statement, "INSERT month_keeping", 1),
            WritePoint(.commit, "INSERT month_keeping", 1), WritePoint(.statement, "INSERT month_keeping", 2),
            WritePoint(.commit, "INSERT month_keeping", 2), WritePoint(.statement, "INSERT day_block", 20),
            WritePoint(.statement, "DELETE meter_month", 2), WritePoint(.commit, "DELETE meter_month", 1),
            WritePoint(.statement, "DELETE month_keeping", 1),
        ])
    func killedAnywhere(_ engine: TestEngine, _ point: WritePoint) async throws {
        try await KeptPlace.on(engine) { place in
            let (before, rows) = try await place.with { site, _ in
                try await KeptPlace.fill(site)
                return (try await KeptPlace.answers(site), try await KeptPlace.rows(site))
            }
            let isDown =
                point.kind.contains("INSERT meter_month") || point.kind == "DELETE day_block"
                || point.kind == "INSERT month_keeping"
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [place = place as KeptPlace, point = point as WritePoint, isDown = isDown as Bool] in
                try await place.with(isDown ? WriteWatch(.kill, at: point) : nil) { _, keeper in
                    try await keeper.archive(KeptPlace.month)
                }
                _ = try await place.with(WriteWatch(.kill, at: point)) { _, keeper in
                    try await keeper.restore(KeptPlace.month)
                }
            }
            try await place.with { site, keeper in
                #expect(try await KeptPlace.answers(site) == before)
                try await keeper.archive(Self.month)
                #expect(try await KeptPlace.answers(site) == before)
                #expect(try await keeper.state(Self.month).form == .archived)
                #expect(try await keeper.restore(Self.month) == rows.count)
                #expect(try await KeptPlace.rows(site) == rows)
            }
        }
    }

    /// The file of a month at every step of its way into the archive and back, as a kill would leave it.
    @Test func filesLeftHalfWay() async throws {
        try await KeptPlace.on(.sqlite) { place in
            let before = try await place.with { site, keeper in
                try await KeptPlace.fill(site)
                try await keeper.compact(Self.month)
                return try await KeptPlace.answers(site)
            }
            let file = place.folder + "/readings-2026-02.db"
            let away = place.folder + "/archive/readings-2026-02.db"
            let files = FileManager.default
            try files.createDirectory(atPath: place.folder + "/archive", withIntermediateDirectories: true)
            // A copy begun, a copy done without its link, a link that was not renamed.
            for left in [away + ".moving", away, file + ".link"] {
                try Data([1, 2, 3]).write(to: URL(fileURLWithPath: left))
                try await place.with { site, keeper in
                    #expect(try await KeptPlace.answers(site) == before)
                    try await keeper.archive(Self.month)
                    #expect(try await KeptPlace.answers(site) == before)
                    #expect((try? files.destinationOfSymbolicLink(atPath: file)) == "archive/readings-2026-02.db")
                    try await keeper.restore(Self.month)
                    #expect((try? files.destinationOfSymbolicLink(atPath: file)) == nil)
                }
            }
            // Brought back, and killed before the archive's copy was deleted: the next time deletes it.
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: away))
            _ = try await place.with { _, keeper in try await keeper.restore(Self.month) }
            #expect(!files.fileExists(atPath: away))
            // An archive out of reach is said, and no empty month is made in its place.
            try await place.with { _, keeper in try await keeper.archive(Self.month) }
            try files.moveItem(atPath: away, toPath: away + "-elsewhere")
            try await place.with { site, keeper in
                let error = await #expect(throws: SQLError.self) { try await KeptPlace.answers(site) }
                #expect(error?.message.contains("out of reach") == true)
                #expect(try await site.readings.months().contains(Self.month))
                #expect(try await !site.readings.monthsInReach().contains(Self.month))
                // Work that goes over everything goes on without it.
                _ = try await keeper.run()
            }
            try files.moveItem(atPath: away + "-elsewhere", toPath: away)
            let again = try await place.with { site, _ in try await KeptPlace.answers(site) }
            #expect(again == before)
        }
    }

    @Test(arguments: TestEngine.available)
    func damageIsFound(_ engine: TestEngine) async throws {
        try await KeptPlace.on(engine) { place in
            try await place.with { site, keeper in
                try await KeptPlace.fill(site)
                try await keeper.compact(Self.month)
                let shard = try await site.readings.shard(Self.month)
                let good = try await shard.read { transaction in
                    try transaction.first(
                        "SELECT current_days FROM meter_month WHERE meter_id = 1002 AND channel = 1", []
                    ) {
                        try $0.bytes(0)
                    }
                }
                let bytes = try #require(good)
                for at in [0, 1, bytes.count / 2, bytes.count - 1] {
                    var bad = bytes
                    bad[at] ^= 4
                    try await set(bad, shard)
                    let faults = try await MonthKeeper.faults(Self.month, in: shard)
                    #expect(faults.count == 1 && faults[0].contains("meter 1002 in 2026-02"), "\(faults)")
                    let error = await #expect(throws: SQLError.self) { try await KeptPlace.answers(site) }
                    #expect(error?.code == .corrupt)
                }
                try await set(bytes, shard)
                #expect(try await MonthKeeper.faults(Self.month, in: shard).isEmpty)
                // A row in another's place holds by itself no more; one that is gone shows in the month's checksum.
                try await shard.write { _ = try $0.run("UPDATE meter_month SET meter_id = 5 WHERE meter_id = 1100") }
                #expect(try await MonthKeeper.faults(Self.month, in: shard).contains { $0.contains("meter 5 in") })
                try await shard.write { _ = try $0.run("DELETE FROM meter_month WHERE meter_id = 5") }
                let faults = try await MonthKeeper.faults(Self.month, in: shard)
                #expect(faults.count == 1 && faults[0].contains("3 compacted rows of company 1 where 4"), "\(faults)")
            }
        }
    }

    private func set(_ bytes: [UInt8], _ shard: any Database) async throws {
        try await shard.write {
            _ = try $0.run(
                "UPDATE meter_month SET current_days = $1 WHERE meter_id = 1002 AND channel = 1", [.bytes(bytes)])
        }
    }

    @Test(arguments: TestEngine.available)
    func keptUntilNothingHolds(_ engine: TestEngine) async throws {
        try await KeptPlace.on(engine) { place in
            try await place.with { site, keeper in
                try await KeptPlace.fill(site)
                func refusal(_ body: () async throws -> Void) async -> String? {
                    do {
                        try await body()
                        return nil
                    } catch {
                        return (error as? Refusal).map { "\($0.code)" } ?? "\(error)"
                    }
                }
                #expect(await refusal { _ = try await keeper.remove(Self.month) } == "conflict")
                let present = try #require(CivilMonth("2026-12"))
                #expect(await refusal { try await keeper.compact(present) } == "invalid")
                #expect(await refusal { try await keeper.compact(CivilMonth(year: 2025, month: 1)) } == "notFound")
                #expect(await refusal { _ = try PlaceReadingHold(meterID: nil, month: nil, reason: "x") } == "invalid")
                #expect(await refusal { _ = try PlaceReadingHold(meterID: 1, month: nil, reason: "") } == "invalid")
                try await site.money.write { transaction in
                    try transaction.run(
                        "INSERT INTO setting (org_id, name, from_day, value) VALUES (1, $1, 0, '6')",
                        [.text(MonthKeeper.keepSetting)])
                }
                let place = try PlaceReadingHold(meterID: nil, month: Self.month, reason: "case 12")
                let hold = try await site.perform(place, as: .system(orgID: 1), source: "test")
                #expect(try await site.perform(place, as: .system(orgID: 1), source: "test") == hold)
                #expect(await refusal { _ = try await keeper.remove(Self.month) } == "conflict")
                #expect(try await KeptPlace.count("day_block", site) ?? 0 > 40)
                _ = try await site.perform(
                    ReleaseReadingHold(holdID: hold.holdID), as: .system(orgID: 1), source: "test")
                try await keeper.compact(Self.month)
                #expect(try await keeper.remove(Self.month) == 4)
                #expect(try await KeptPlace.count("day_block", site) == 0)
                #expect(try await KeptPlace.count("meter_month", site) == 0)
                #expect(try await keeper.remove(Self.month) == 0)
            }
        }
    }

    /// The nightly run takes what its settings say and leaves the rest.
    @Test(arguments: TestEngine.available)
    func runsBySettings(_ engine: TestEngine) async throws {
        try await KeptPlace.on(engine) { place in
            try await place.with { site, keeper in
                try await KeptPlace.fill(site)
                _ = try await site.readings.shard(CivilMonth(year: 2026, month: 12))
                #expect(try await keeper.run() == 1)
                #expect(try await keeper.state(Self.month).form == .compacted)
                #expect(try await keeper.run() == 0)
                try await site.money.write { transaction in
                    try transaction.run(
                        "INSERT INTO setting (org_id, name, from_day, value) VALUES (1, $1, 0, '9')",
                        [.text(MonthKeeper.archiveSetting)])
                }
                #expect(try await keeper.run() == 1)
                #expect(try await keeper.state(Self.month).form == .archived)
                #expect(try await keeper.run() == 0)
            }
        }
    }
}
