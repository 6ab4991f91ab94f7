// Upgrades: from the previous release's data, after a backup, rehearsed before; and what only looks changes nothing.
// UPDATE_FIXTURE=1 writes Fixtures/release.jsonl anew: the rows of a site as this program makes it.
import Access
import CivilTime
import Foundation
import Journal
import PostgresAdapter
import SQL
import SQLiteAdapter
import TestSupport
import Testing

@testable import Composition

@Suite struct UpgradeTests {
    /// The schema of the release the fixture is from. Its migrations never change, so they and the rows are its file.
    static let moneyUpTo = 22
    static let readingsUpTo = 102
    static let released = BusbarSchema.migrations.filter {
        $0.number <= ($0.store == .money ? moneyUpTo : readingsUpTo)
    }
    static let fixture = Bench.repository.appendingPathComponent("Tests/CompositionTests/Fixtures/release.jsonl")

    /// A database with these migrations only, and a company when asked.
    static func old(_ site: SiteOptions, _ migrations: [Migration], orgs: [Org] = []) async throws {
        if let url = site.databaseURL {
            let database = try await PostgresDatabase.open(url: url)
            for store in SchemaStore.allCases { try await Migrator.migrate(migrations, store: store, in: database) }
            try await database.write { transaction in for org in orgs { try org.create(in: transaction) } }
            await database.close()
        } else {
            try FileManager.default.createDirectory(atPath: site.folder, withIntermediateDirectories: true)
            let money = try await SQLiteDatabase.open(path: site.folder + "/money.db", durability: .normal)
            try await Migrator.migrate(migrations, store: .money, in: money)
            try await money.write { transaction in for org in orgs { try org.create(in: transaction) } }
            await money.close()
            let readings = SQLiteReadings(folder: site.folder, migrations: migrations)
            _ = try await readings.shard(CivilMonth(year: 2026, month: 1))
            await readings.close()
        }
    }

    @Test(arguments: TestEngine.available) func aBackupComesFirst(_ engine: TestEngine) async throws {
        let all = BusbarSchema.migrations
        for kept in [all.filter { $0.number < 22 }, all.filter { $0.number < 14 || $0.number == 100 }] {
            try await withPlace(engine) { site in
                let org = Org(orgID: 1, name: "Old Power")
                try await Self.old(site, kept, orgs: [org])
                let opened = await run { console in
                    try await withSite(site) { open in
                        let there = try await open.orgs()
                        #expect(there == [org])
                        return .done
                    }
                }
                #expect(opened.status == .done, "\(opened.spoken.all)")
                let backups = site.folder + "/backups"
                let made = try FileManager.default.contentsOfDirectory(atPath: backups)
                #expect(made.count == 1 && made[0].hasPrefix("before-\(Release.version)-"))
                let manifest = try BackupManifest.read("\(backups)/\(made[0])")
                #expect(manifest.schema == kept.map(\.number).max())
                let checked = await run { try await checkBackup("\(backups)/\(made[0])", site, json: false, $0) }
                #expect(checked.status == .done, "\(checked.spoken.all)")
                // Nothing is pending any more, so nothing more is saved.
                let again = await run { try await migrateDatabase(site, $0) }
                #expect(again.status == .done && again.spoken.all.contains("was up to date"), "\(again.spoken.all)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: backups).count == 1)
            }
        }
    }

    @Test(arguments: TestEngine.available) func withoutABackupOnlyWhenSaid(_ engine: TestEngine) async throws {
        try await withPlace(engine) { place in
            var site = place
            site.backsUpBeforeUpgrade = false
            try await Self.old(site, BusbarSchema.migrations.filter { $0.number < 22 })
            let migrated = await run { [site] in try await migrateDatabase(site, $0) }
            #expect(migrated.status == .done && migrated.spoken.all.contains("22 days that cannot be priced"))
            #expect(!FileManager.default.fileExists(atPath: site.folder + "/backups"))
        }
        try await withPlace(engine) { site in
            let fresh = await run { try await migrateDatabase(site, $0) }
            #expect(fresh.status == .done, "a new database needs none")
            #expect(!FileManager.default.fileExists(atPath: site.folder + "/backups"))
        }
    }

    /// A folder that cannot be written, here a file in its place, stops the upgrade before it begins.
    @Test func aFailedBackupStopsTheUpgrade() async throws {
        try await withPlace(.sqlite) { site in
            try await Self.old(site, BusbarSchema.migrations.filter { $0.number < 22 })
            try Bench.write("in the way\n", to: site.folder + "/backups")
            let opened = await run { try await migrateDatabase(site, $0) }
            #expect(opened.status == .problems && opened.spoken.all.contains("--no-backup"))
            let pending = await run { try await migrateDatabase(site, dryRun: true, $0) }
            #expect(pending.spoken.said.contains { $0.contains("22 days") }, "still pending")
        }
    }

    @Test(arguments: TestEngine.available) func aDryRunShowsAndTriesAndChangesNothing(_ engine: TestEngine) async throws
    {
        try await withPlace(engine) { site in
            try await Self.old(site, BusbarSchema.migrations.filter { $0.number < 14 || $0.number == 100 })
            let before = await statusWithoutSizes(site)
            let sizes = engine == .sqlite ? try FileManager.default.sizes(site.folder) : [:]
            let dry = await run { try await migrateDatabase(site, dryRun: true, $0) }
            #expect(dry.status == .done && dry.spoken.all.contains("without an error"), "\(dry.spoken.all)")
            #expect(dry.spoken.said.contains { $0.contains(": 22 ") })
            let after = await statusWithoutSizes(site)
            #expect(after == before)
            if engine == .sqlite { #expect(try FileManager.default.sizes(site.folder) == sizes) }
        }
        // Rows that a migration cannot take are found by trying, and nothing is changed.
        try await withPlace(engine) { site in
            try await Self.old(site, BusbarSchema.migrations.filter { $0.number < 21 })
            try await spoil(site)
            let dry = await run { try await migrateDatabase(site, dryRun: true, $0) }
            #expect(dry.status == .problems && dry.spoken.all.contains("migration 22"), "\(dry.spoken.all)")
        }
    }

    /// What `db status` says, but for bytes: those of a PostgreSQL server move by themselves.
    private func statusWithoutSizes(_ site: SiteOptions) async -> [String] {
        await run { try await databaseStatus(site, json: true, $0) }.spoken.said.map {
            $0.replacing(/"bytes":\d+/, with: "")
        }
    }

    /// A table in the way of migration 22.
    private func spoil(_ site: SiteOptions) async throws {
        let database: any Database =
            if let url = site.databaseURL {
                try await PostgresDatabase.open(url: url)
            } else {
                try await SQLiteDatabase.open(path: site.folder + "/money.db", durability: .normal)
            }
        try await database.write { try $0.run("CREATE TABLE rating_refusal (x {int} NOT NULL) {table}") }
        await database.close()
    }

    @Test func importingDryChangesNothing() async throws {
        try await withPlace(.sqlite) { site in
            try await Self.old(
                site, BusbarSchema.migrations.filter { $0.number < 22 }, orgs: [Org(orgID: 1, name: "Old Power")])
            let load = site.folder + "-load.csv"
            try Bench.write(Bench.wide(meters: 2, days: 1), to: load)
            let sizes = try FileManager.default.sizes(site.folder)
            let refused = await run { try await importLoadFile(site, ImportOptions(file: load, dryRun: true), $0) }
            #expect(refused.status == .problems && refused.spoken.all.contains("busbar db migrate"))
            let after = try FileManager.default.sizes(site.folder).filter { $0.key != "busbar.lock" }
            #expect(after == sizes, "no key, no backup, no migration")
            _ = await run { try await migrateDatabase(site, $0) }
            let rows = try await allRows(site)
            let looked = await run { try await importLoadFile(site, ImportOptions(file: load, dryRun: true), $0) }
            #expect(looked.spoken.all.contains("dry run: nothing was written"), "\(looked.spoken.all)")
            #expect(try await allRows(site) == rows)
        }
    }

    // MARK: The previous release

    private struct Line: Codable {
        var part: String
        var table: String
        var row: [Cell]
    }

    /// NULL, an integer, a text, or bytes as hexadecimal digits.
    private struct Cell: Codable {
        var int: Int64?
        var text: String?
        var hex: String?

        init(_ value: SQLValue) {
            switch value {
            case .null: break
            case .int(let int): self.int = int
            case .text(let text): self.text = text
            case .bytes(let bytes): hex = bytes.map { Composition.hex($0) }.joined()
            }
        }

        var value: SQLValue {
            if let int { return .int(int) }
            if let text { return .text(text) }
            guard let hex else { return .null }
            let digits = Array(hex)
            return .bytes(
                stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) })
        }
    }

    @Test func theFixtureIsThere() async throws {
        guard ProcessInfo.processInfo.environment["UPDATE_FIXTURE"] == "1" else {
            #expect(FileManager.default.fileExists(atPath: Self.fixture.path))
            return
        }
        try await withPlace(.sqlite) { site in
            try await fill(site)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let lines = try await allRows(site).sorted { $0.key < $1.key }.flatMap { key, rows in
                let names = key.split(separator: " ").map(String.init)
                return try rows.map { row in
                    String(
                        decoding: try encoder.encode(Line(part: names[0], table: names[1], row: row.map(Cell.init))),
                        as: UTF8.self)
                }
            }
            try Bench.write(lines.joined(separator: "\n") + "\n", to: Self.fixture.path)
        }
    }

    /// The previous release's file, opened by this program: all rows are there, the book balances, it serves.
    @Test(arguments: TestEngine.available) func thePreviousReleaseUpgrades(_ engine: TestEngine) async throws {
        let text = try String(contentsOf: Self.fixture, encoding: .utf8)
        let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(lines.count > 100)
        try await withPlace(engine) { site in
            try await Self.old(site, Self.released)
            try await load(lines, site)
            let migrated = await run { try await migrateDatabase(site, $0) }
            #expect(migrated.status == .done, "\(migrated.spoken.all)")
            let check = await run { try await checkDatabase(site, json: false, $0) }
            #expect(check.status == .done, "\(check.spoken.all)")
            let rows = try await allRows(site)
            for name in ["posting", "charge", "supply_account", "recharge"] {
                #expect(rows["money \(name)"]?.count == lines.count { $0.table == name }, "\(name)")
            }
            // The key of that release's site is not this folder's: it is refused rather than made anew.
            #expect(lines.contains { $0.table == "meter" && $0.row.contains { $0.hex?.isEmpty == false } })
        }
    }

    private func load(_ lines: [Line], _ site: SiteOptions) async throws {
        func insert(_ own: [Line], _ database: any Database) async throws {
            // Parents before children: the order of the schema.
            let order = try await StoredTable.all(Self.released)
            for table in order {
                let rows = own.filter { $0.table == table.name }.map { $0.row.map(\.value) }
                guard !rows.isEmpty else { continue }
                try await database.write { try table.store(rows, in: $0) }
            }
        }
        if let url = site.databaseURL {
            let database = try await PostgresDatabase.open(url: url)
            let readings = PostgresReadings(database)
            for month in Set(lines.compactMap { CivilMonth($0.part) }) { _ = try await readings.shard(month) }
            try await insert(lines, database)
            await database.close()
        } else {
            let money = try await SQLiteDatabase.open(path: site.folder + "/money.db", durability: .normal)
            try await insert(lines.filter { $0.part == "money" }, money)
            await money.close()
            let readings = SQLiteReadings(folder: site.folder, migrations: Self.released)
            for month in Set(lines.compactMap { CivilMonth($0.part) }) {
                try await insert(lines.filter { $0.part == "\(month)" }, try await readings.shard(month))
            }
            await readings.close()
        }
        // A key of this folder's own, as if it had come with the file.
        try FileManager.default.createDirectory(atPath: site.folder, withIntermediateDirectories: true)
        try Bench.write(String(repeating: "ab", count: 32) + "\n", to: site.folder + "/master.key")
    }
}
