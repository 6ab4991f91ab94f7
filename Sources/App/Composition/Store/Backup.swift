// Makes a backup beside a running server: money first, then readings, under a name that says "unfinished" until all of
// it is there and was tried. Writes nothing to the database.
import CivilTime
import Clocks
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter

/// A finished backup.
struct MadeBackup {
    var place: String
    var manifest: BackupManifest
    var isVerified: Bool
    /// Why it was not verified by restoring, if it was to be.
    var note: String?
}

struct Backup: Sendable {
    let site: SiteOptions
    let clocks: Clocks
    var verifies = true
    var withKey = false
    /// Told what is done now.
    var onStep: @Sendable (String) -> Void = { _ in }

    /// - Parameters:
    ///   - parent: the folder the backup's own folder is made in.
    ///   - name: of that folder; must not be there.
    func make(in parent: String, named name: String) async throws -> MadeBackup {
        let files = FileManager.default
        let (place, partial) = ("\(parent)/\(name)", "\(parent)/.\(name).partial")
        guard !files.fileExists(atPath: place) else {
            throw Complaint("\(place) is there already", hint: "Wait a second, or name another folder.", .problems)
        }
        let key = withKey ? try MasterKey.file(toCopy: site) : nil
        // What an earlier attempt of this very name left behind.
        try? files.removeItem(atPath: partial)
        do {
            try files.createDirectory(
                atPath: partial, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Complaint(
                "\(parent) cannot be written: \(error.localizedDescription)", hint: "Name a folder of this user.",
                .problems)
        }
        do {
            var manifest: BackupManifest
            if let url = site.databaseURL {
                manifest = try await postgres(url, partial)
            } else {
                manifest = try await sqlite(partial)
            }
            if let key { try copyKey(from: key, to: partial + "/master.key") }
            try manifest.write(partial)
            let tried = verifies ? try await verify(partial, &manifest) : (false, nil)
            guard rename(partial, place) == 0 else {
                throw SQLError(.connection, "\(partial) cannot be renamed: \(String(cString: strerror(errno)))")
            }
            return MadeBackup(place: place, manifest: manifest, isVerified: tried.0, note: tried.1)
        } catch {
            try? files.removeItem(atPath: partial)
            throw error
        }
    }

    /// Restores into a scratch and looks as `db check` does. Fails when anything is wrong.
    private func verify(_ folder: String, _ manifest: inout BackupManifest) async throws -> (Bool, String?) {
        onStep("verifying by restoring")
        let checked = try await BackupCheck(folder: folder, databaseURL: site.databaseURL, allowsPending: true).run()
        let wrong = checked.rows.filter { !$0.ok }
        guard wrong.isEmpty else {
            throw Complaint(
                "the backup is not sound: \(wrong.map { "\($0.name): \($0.found)" }.joined(separator: "; "))",
                hint: "The database itself may be damaged: stop the server and run `busbar db check`.", .problems)
        }
        if manifest.rows.isEmpty, !checked.counts.isEmpty {
            manifest.rows = checked.counts
            try manifest.write(folder)
        }
        return (checked.isRestored, checked.note)
    }

    // MARK: SQLite

    private func sqlite(_ folder: String) async throws -> BackupManifest {
        guard FileManager.default.fileExists(atPath: site.folder + "/money.db") else {
            throw Complaint("\(site.folder) holds no database", hint: "Check --data.", .problems)
        }
        // Money first: readings that are newer than it are simply priced again; the other way round a charge would
        // name readings that are not there.
        try await copyFile("money.db", to: folder)
        let readings = SQLiteReadings(folder: site.folder, migrations: [])
        let months = try await readings.monthsInReach()
        let leftOut = try await readings.months().filter { !months.contains($0) }
        for month in months { try await copyFile("readings-\(month).db", to: folder) }
        var rows: [String: Int64] = [:]
        var (schema, version) = (0, "?")
        for name in ["money.db"] + months.map({ "readings-\($0).db" }) {
            let database = try await SQLiteDatabase.openForReading(path: "\(folder)/\(name)")
            do {
                for (table, count) in try await rowCounts(database) {
                    rows["\(BackupManifest.readingsMonth(name).map { "\($0)" } ?? "money")/\(table)"] = count
                }
                schema = max(schema, try await database.read(highestMigration))
                version = try await database.engineVersion()
                await database.close()
            } catch {
                await database.close()
                throw error
            }
        }
        onStep("writing the manifest")
        return BackupManifest(
            program: Release.version, schema: schema, engine: SQLEngine.sqlite.rawValue, engineVersion: version,
            madeAtMs: clocks.systemNowMs(), files: try Self.describe(folder), rows: rows,
            monthsLeftOut: leftOut.isEmpty ? nil : leftOut.map(\.description))
    }

    private func copyFile(_ name: String, to folder: String) async throws {
        let database = try await SQLiteDatabase.openForReading(path: "\(site.folder)/\(name)")
        do {
            try await database.copyPages(to: "\(folder)/\(name)") { [onStep] done, all in
                onStep("copying \(name): \(all == 0 ? 100 : done * 100 / all) %")
            }
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }

    // MARK: PostgreSQL

    private func postgres(_ url: String, _ folder: String) async throws -> BackupManifest {
        let tools = try PostgresTools.found(url: url)
        let database = try await PostgresDatabase.open(url: url, connections: 1)
        let (schema, version): (Int, String)
        do {
            (schema, version) = (try await database.read(highestMigration), try await database.engineVersion())
            await database.close()
        } catch {
            await database.close()
            throw error
        }
        onStep("dumping the database")
        try await tools.dump(to: "\(folder)/\(BackupManifest.dump)")
        return BackupManifest(
            program: Release.version, schema: schema, engine: SQLEngine.postgres.rawValue, engineVersion: version,
            madeAtMs: clocks.systemNowMs(), files: try Self.describe(folder), rows: [:])
    }

    private static func describe(_ folder: String) throws -> [BackupManifest.File] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .filter { $0 == "money.db" || $0 == BackupManifest.dump || BackupManifest.readingsMonth($0) != nil }
            .map { try BackupManifest.describe("\(folder)/\($0)", $0) }
    }
}

/// The highest number in `schema_migration`.
@Sendable private func highestMigration(_ transaction: any SQLTransaction) throws -> Int {
    guard try CopyProgress.isThere("schema_migration", transaction) else { return 0 }
    return Int(
        try transaction.first("SELECT COALESCE(MAX(number), 0) FROM schema_migration", []) { try $0.int(0) } ?? 0)
}

/// Rows of every table of a database, whatever its schema; partitions count with their table.
func rowCounts(_ database: any Database) async throws -> [String: Int64] {
    try await database.read { transaction in
        let sql =
            switch transaction.engine {
            case .sqlite: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('sqlite_sequence')"
            case .postgres:
                """
                SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(current_schema())
                  AND relkind IN ('r', 'p') AND NOT relispartition
                """
            }
        let names = try transaction.query(sql, []) { try $0.text(0) }
        return try names.reduce(into: [:]) { counts, name in
            // Who works here now is no part of what is kept.
            guard name != "process_lease" else { return }
            counts[name] = try transaction.first("SELECT COUNT(*) FROM \"\(name)\"", []) { try $0.int(0) }
        }
    }
}
