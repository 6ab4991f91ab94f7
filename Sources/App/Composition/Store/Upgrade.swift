// Brings a database to the schema of this program, after a backup when it holds anything; and rehearses that.
// `busbar db migrate`.
import Access
import CivilTime
import Clocks
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter

struct Upgrade: Sendable {
    let site: SiteOptions
    let clocks: Clocks
    var onStep: @Sendable (String) -> Void = { _ in }

    /// `backups/before-0.2.0-20261121T093512Z` in the folder of the installation.
    private func backUp() async throws {
        guard site.backsUpBeforeUpgrade else { return }
        let backup = Backup(site: site, clocks: clocks, onStep: onStep)
        do {
            _ = try await backup.make(
                in: site.folder + "/backups", named: "before-\(Release.version)-\(stamp(clocks.systemNowMs()))")
        } catch let complaint as Complaint {
            throw Complaint(
                "the backup before the upgrade failed, so nothing was changed: \(complaint.what)",
                hint: "Mend that; or make a backup yourself, then `busbar db migrate --no-backup`.", complaint.status)
        }
    }

    /// SQLite: a backup when any file lacks a migration. The lock of the folder is held by the caller.
    /// - Returns: whether any does. All files are to be migrated then: one left behind would ask for another backup.
    func backUpFolder() async throws -> Bool {
        guard FileManager.default.fileExists(atPath: site.folder + "/money.db") else { return false }
        guard try await !pendingFiles().isEmpty else { return false }
        try await backUp()
        return true
    }

    /// What each file of a folder lacks, money first. A file without any migration is new and lacks nothing.
    func pendingFiles() async throws -> [(file: String, store: SchemaStore, migrations: [Migration])] {
        let months = try await SQLiteReadings(folder: site.folder, migrations: []).monthsInReach()
        var pending: [(file: String, store: SchemaStore, migrations: [Migration])] = []
        for (file, store) in [("money.db", .money)] + months.map({ ("readings-\($0).db", SchemaStore.readings) }) {
            let database = try await SQLiteDatabase.openForReading(path: "\(site.folder)/\(file)")
            do {
                let missing = try await Self.pending(store, database)
                await database.close()
                if !missing.isEmpty { pending.append((file, store, missing)) }
            } catch {
                await database.close()
                throw error
            }
        }
        return pending
    }

    private static func pending(_ store: SchemaStore, _ database: any Database) async throws -> [Migration] {
        let missing = try await Migrator.pending(BusbarSchema.migrations, store: store, in: database)
        return missing.count == BusbarSchema.migrations.count { $0.store == store } ? [] : missing
    }

    /// PostgreSQL: nothing is asked of the database that a role without rights on the schema may not do, unless
    /// something is pending.
    func run(on database: PostgresDatabase) async throws {
        try await CopyProgress.refuse(database)
        var missing: [Migration] = []
        for store in SchemaStore.allCases {
            missing += try await Migrator.pending(BusbarSchema.migrations, store: store, in: database)
        }
        guard !missing.isEmpty else { return }
        if missing.count < BusbarSchema.migrations.count { try await backUp() }
        for store in SchemaStore.allCases {
            try await Migrator.migrate(BusbarSchema.migrations, store: store, in: database)
        }
    }

    /// Applies what is pending where it does not count: to a copy of the files, or in a transaction taken back.
    func rehearse() async throws {
        if let url = site.databaseURL {
            let database = try await PostgresDatabase.open(url: url, connections: 1)
            do {
                for store in SchemaStore.allCases {
                    try await Migrator.rehearse(BusbarSchema.migrations, store: store, in: database)
                }
                await database.close()
            } catch {
                await database.close()
                throw error
            }
            return
        }
        let pending = try await pendingFiles()
        try await withScratchFolder("rehearsal", in: site.folder) { scratch in
            for (file, store, _) in pending {
                onStep("trying on a copy of \(file)")
                let original = try await SQLiteDatabase.openForReading(path: "\(site.folder)/\(file)")
                do {
                    try await original.copyPages(to: "\(scratch)/\(file)")
                    await original.close()
                } catch {
                    await original.close()
                    throw error
                }
                let copy = try await SQLiteDatabase.open(path: "\(scratch)/\(file)", durability: .normal)
                do {
                    try await Migrator.migrate(BusbarSchema.migrations, store: store, in: copy)
                    let problems = try await copy.integrityProblems()
                    guard problems.isEmpty else { throw SQLError(.other, problems.joined(separator: "; ")) }
                    await copy.close()
                } catch {
                    await copy.close()
                    throw error
                }
            }
        }
    }
}

/// Brings every database to the schema of this program, or shows what that would do.
public func migrateDatabase(
    _ site: SiteOptions, dryRun: Bool = false, clocks: Clocks = .live, _ console: Console
) async throws -> CommandStatus {
    var (pending, isNew) = ([String](), false)
    do {
        pending = try await withInspection(site) { inspection in
            isNew = inspection.pending.count == BusbarSchema.migrations.count
            return inspection.stores.flatMap { store in store.pending.map { "\(store.name): \($0.number) \($0.name)" } }
        }
    } catch let complaint as Complaint where complaint.status == .problems && site.databaseURL == nil {
        guard !FileManager.default.fileExists(atPath: site.folder + "/money.db") else { throw complaint }
        isNew = true
        pending = BusbarSchema.migrations.filter { $0.store == .money }.map { "money: \($0.number) \($0.name)" }
    }
    let progress = ProgressLine(console)
    let upgrade = Upgrade(site: site, clocks: clocks, onStep: { progress.at($0) })
    if dryRun {
        if !isNew, !pending.isEmpty { try await upgrade.rehearse() }
        let took = progress.end()
        for line in pending { console.say(line) }
        console.note(
            pending.isEmpty
                ? "The schema is up to date."
                : "\(pending.count) migrations would be applied"
                    + (isNew
                        ? " to a new database."
                        : "; tried \(site.databaseURL == nil ? "on a copy" : "and taken back")"
                            + " without an error, \(took)."))
        return .done
    }
    if !isNew, !pending.isEmpty, site.backsUpBeforeUpgrade {
        console.note("A backup comes first, into \(site.folder)/backups.")
    }
    try await withSite(site, clocks: clocks) { open in
        for month in try await open.site.readings.monthsInReach() { _ = try await open.site.readings.shard(month) }
    }
    _ = progress.end()
    for line in pending { console.say(line) }
    console.note(pending.isEmpty ? "The schema was up to date." : "\(pending.count) migrations applied.")
    return .done
}
