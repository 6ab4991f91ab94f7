// The migration runner on both engines, the shards of readings, the folder lock, the schema dump.
import CivilTime
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter
import TestSupport
import Testing

@Suite struct MigrationTests {
    static let readings = Migration(
        20, .readings, "blocks",
        [
            """
            CREATE TABLE block (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL, data {bytes} NOT NULL,
              PRIMARY KEY (org_id, day, meter_id)) {by_month}
            """,
            "CREATE TABLE batch (batch_id {id} NOT NULL PRIMARY KEY, name {text} NOT NULL) {table}",
        ])
    static let more = Migration(30, .money, "more", ["CREATE INDEX meter_note ON meter (note) WHERE phases = 3"])
    static let all = Fixture.migrations + [readings, more]

    @Test(arguments: TestEngine.available)
    func aFreshDatabaseGetsAllAndASecondRunNothing(_ engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            for store in SchemaStore.allCases {
                let numbers = Self.all.filter { $0.store == store }.map(\.number)
                let before = try await Migrator.pending(Self.all.reversed(), store: store, in: database)
                #expect(before.map(\.number) == numbers)
                let applied = try await Migrator.migrate(Self.all.reversed(), store: store, in: database)
                #expect(applied.map(\.number) == numbers)
            }
            let schema = try await SchemaDump.text(database)
            for store in SchemaStore.allCases {
                #expect(try await Migrator.pending(Self.all, store: store, in: database).isEmpty)
                #expect(try await Migrator.migrate(Self.all, store: store, in: database).isEmpty)
            }
            #expect(try await SchemaDump.text(database) == schema)
            for word in ["meter_serial", "reading", "energy_wh >= 0", "meter_note", "batch"] {
                #expect(schema.contains(word), "\(word)")
            }
            #expect(!schema.contains("schema_migration"))
            let rows = try await database.read {
                try $0.values("itt", "SELECT number, store, name FROM schema_migration ORDER BY number")
            }
            #expect(rows == [[1, "money", "meters"], [20, "readings", "blocks"], [30, "money", "more"]])
        }
    }

    @Test(arguments: TestEngine.available)
    func aDryRunLeavesNoTrace(_ engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            let pending = try await Migrator.pending(Self.all, store: .money, in: database)
            #expect(pending.map(\.number) == [1, 30])
            let failed = await failure {
                _ = try await database.read { try $0.values("i", "SELECT number FROM schema_migration") }
            }
            #expect(failed?.code == .syntax)
        }
    }

    @Test(arguments: TestEngine.available)
    func whatDoesNotFitIsRefused(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Self.all) { database in
            let schema = try await SchemaDump.text(database)
            let changed = Migration(1, .money, "meters", Fixture.migrations[0].statements + ["SELECT 1"])
            let cases: [([Migration], String)] = [
                ([changed, Self.readings, Self.more], "migration 1 (meters) was applied with another text"),
                (Fixture.migrations, "migration 30 (more), which this program does not know"),
                (Self.all + [Self.more], "two migrations have the number 30"),
            ]
            for (migrations, message) in cases {
                let refused = await failure { try await Migrator.migrate(migrations, store: .money, in: database) }
                #expect(refused?.message.contains(message) == true, "\(refused?.message ?? "no error")")
                let dry = await failure { _ = try await Migrator.pending(migrations, store: .money, in: database) }
                #expect(dry?.message == refused?.message)
            }
            #expect(try await SchemaDump.text(database) == schema)
        }
    }

    @Test(arguments: TestEngine.available)
    func aMigrationIsWholeOrNotThere(_ engine: TestEngine) async throws {
        let broken = Migration(
            40, .money, "broken",
            [
                "CREATE TABLE half (id {id} NOT NULL PRIMARY KEY) {table}", "INSERT INTO half (id) VALUES (1), (1)",
            ])
        let last = Migration(41, .money, "last", ["CREATE TABLE last (id {id} NOT NULL PRIMARY KEY) {table}"])
        try await withDatabase(engine, migrations: Fixture.migrations) { database in
            let failed = await failure {
                try await Migrator.migrate(Fixture.migrations + [Self.more, broken, last], store: .money, in: database)
            }
            #expect(failed?.code == .unique)
            #expect(failed?.message.hasPrefix("migration 40 (broken): ") == true)
            let schema = try await SchemaDump.text(database)
            #expect(schema.contains("meter_note") && !schema.contains("half") && !schema.contains("last"))
            let mended = Fixture.migrations + [Self.more, last]
            #expect(try await Migrator.migrate(mended, store: .money, in: database).map(\.number) == [41])
        }
    }

    @Test(arguments: TestEngine.available)
    func manyProcessesMayMigrateAtOnce(_ engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 1...4 {
                    group.addTask {
                        try await Migrator.migrate(Self.all, store: .money, in: database).map(\.number)
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == [1, 30])
        }
    }

    @Test(arguments: TestEngine.available)
    func readingsHaveAShardAMonth(_ engine: TestEngine) async throws {
        let months = (0..<9).map { CivilMonth(index: CivilMonth(year: 2026, month: 6).index + $0) }
        let insert = "INSERT INTO block (org_id, day, meter_id, data) VALUES (1, $1, 7, $2)"
        let count = "SELECT COUNT(*) FROM block WHERE day BETWEEN $1 AND $2"
        try await withSite(engine, migrations: Self.all) { site in
            #expect(try await site.readings.months().isEmpty)
            try await withThrowingTaskGroup(of: Void.self) { group in
                // Each month twice at once: made once. Nine months, six files may be open.
                for month in months + months {
                    group.addTask {
                        let shard = try await site.readings.shard(month)
                        try await shard.write { transaction in
                            for day in [month.first, month.last] {
                                try transaction.run(insert + " ON CONFLICT DO NOTHING", [.day(day), .bytes([1])])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await site.readings.months() == months)
            for month in months {
                let rows = try await site.readings.shard(month).read {
                    try $0.values("i", count, [.day(month.first), .day(month.last)])
                }
                #expect(rows == [[2]])
            }
            for year in [1970, 2200, 9999] {
                let refused = await failure { _ = try await site.readings.shard(CivilMonth(year: year, month: 1)) }
                #expect(refused?.message.contains("no month to keep readings of") == true)
            }
            #expect(try await site.readings.months() == months)
            if engine == .postgres {
                // A day without a partition is refused, not lost.
                let stray = CivilDay(number: months[8].last.number + 1)
                let refused = await failure {
                    try await site.money.write { _ = try $0.run(insert, [.day(stray), .bytes([1])]) }
                }
                #expect(refused?.code == .check)
            }
        }
    }

    @Test func anEvictedFileIsNotOpenedTwiceAndClosesWhenUnused() async throws {
        let months = (1...3).map { CivilMonth(year: 2026, month: $0) }
        try await withFolder { folder in
            let readings = SQLiteReadings(folder: folder, migrations: [Self.readings], openLimit: 1)
            let first = try await readings.shard(months[0]) as? SQLiteDatabase
            for month in months.dropFirst() { _ = try await readings.shard(month) }
            // Evicted, yet held here: the same one comes back.
            #expect(try await readings.shard(months[0]) as? SQLiteDatabase === first)
            weak let second = try await readings.shard(months[1]) as? SQLiteDatabase
            _ = try await readings.shard(months[2])
            #expect(second == nil)
            await readings.close()
            let closed = await failure { try await first?.write { _ in } }
            #expect(closed?.code == .connection)
            #expect(await failure { _ = try await readings.shard(months[0]) }?.code == .connection)
            // The one that nobody held closes on its own thread.
            #expect(try await logs(folder).isEmpty)
        }
    }

    /// Logs that are left in a folder after a while.
    private func logs(_ folder: String) async throws -> [String] {
        for _ in 0..<500 {
            let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix("-wal") }
            if left.isEmpty { return [] }
            try await Task.sleep(for: .milliseconds(10))
        }
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix("-wal") }
    }

    /// Connections that go at the same time each take another for the last and leave the log behind.
    @Test func aDroppedFileLeavesNoLog() async throws {
        try await withFolder { folder in
            for number in 0..<100 {
                var database: SQLiteDatabase? = try await SQLiteDatabase.open(
                    path: "\(folder)/\(number).db", durability: .normal)
                // Every reader has its connection.
                await withThrowingTaskGroup(of: Void.self) { [database] group in
                    for _ in 0..<6 { group.addTask { try await database?.read { _ in usleep(200) } } }
                }
                database = nil
            }
            #expect(try await logs(folder).isEmpty)
        }
    }

    @Test func oneProcessAFolder() async throws {
        try await withFolder { folder in
            var lock: SQLiteSiteLock? = try SQLiteSite.lock(folder + "/site")
            let refused = await failure { _ = try SQLiteSite.lock(folder + "/site") }
            #expect(refused?.code == .busy)
            #expect(refused?.message.contains("(number \(getpid()))") == true)
            #expect(lock != nil)
            lock = nil
            lock = try SQLiteSite.lock(folder + "/site")
            #expect(await failure { _ = try SQLiteSite.lock("/proc/nowhere") }?.code == .connection)
        }
    }

    @Test func aFileThatIsNoDatabase() async throws {
        try await withFolder { folder in
            let path = folder + "/money.db"
            try Data(repeating: 65, count: 5000).write(to: URL(fileURLWithPath: path))
            let refused = await failure { _ = try await SQLiteDatabase.open(path: path, durability: .full) }
            #expect(refused?.code == .corrupt)
            let missing = await failure {
                _ = try await SQLiteDatabase.open(path: folder + "/no/a.db", durability: .full)
            }
            #expect(missing?.code == .connection)
        }
    }

    @Test func aBackupIsWholeWhileWritesGoOn() async throws {
        try await withFolder { folder in
            let database = try await SQLiteDatabase.open(path: folder + "/money.db", durability: .full)
            try await database.write { try $0.run("CREATE TABLE t (x INTEGER NOT NULL) STRICT") }
            let writes = Task { [database] in
                for _ in 1...50 { try await database.write { try $0.run("INSERT INTO t (x) VALUES (1), (1)") } }
            }
            try await database.backUp(to: folder + "/copy.db")
            try await writes.value
            let copy = try await SQLiteDatabase.open(path: folder + "/copy.db", durability: .full)
            let count = try await copy.read { try $0.first("SELECT COUNT(*) % 2 FROM t", []) { try $0.int(0) } }
            #expect(count == 0)
            let exists = await failure { try await database.backUp(to: folder + "/copy.db") }
            #expect(exists != nil)
            // The reader that made the copy still cannot write.
            for _ in 1...6 {
                let failed = await failure { _ = try await database.read { try $0.run("DELETE FROM t") } }
                #expect(failed?.code == .readOnly)
            }
            await copy.close()
            await database.close()
        }
    }

    @Test func aPasswordIsInNoError() async throws {
        let urls = [
            "postgres://me:s3cret@127.0.0.1:1/x", "postgres://me:s3@cret@127.0.0.1:1/x",
            "postgres://me:s3cret@host:no/x",
            "postgres://me:s3cret@/x?host=/nowhere", "mysql://me:s3cret@host/x", "postgres://me:s3cret%zz@host/x",
        ]
        for url in urls {
            let refused = await failure { _ = try await PostgresDatabase.open(url: url) }
            #expect(refused?.code == .connection)
            #expect(refused?.message.contains("cret") == false, "\(refused?.message ?? "")")
        }
    }
}
