// Looks at a backup by restoring it into a scratch and asking what `db check` asks. Changes neither backup nor house.
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter

struct BackupCheck: Sendable {
    let folder: String
    /// The server a dump is tried on.
    let databaseURL: String?
    /// A backup made before an upgrade has the old schema; its books are not read then.
    var allowsPending = false

    struct Result: Sendable {
        var rows: [CheckRow]
        var counts: [String: Int64] = [:]
        /// It was restored whole; otherwise `note` says why not.
        var isRestored = false
        var note: String?
    }

    func run() async throws -> Result {
        let manifest = try BackupManifest.read(folder)
        let damages = try manifest.damages(folder)
        let files = CheckRow(
            name: "files of the backup", ok: damages.isEmpty,
            found: damages.isEmpty
                ? "\(manifest.files.count) with the right checksums" : damages.joined(separator: "; "))
        // What is not what was written is not worth restoring.
        guard damages.isEmpty else { return Result(rows: [files]) }
        var result = manifest.engine == SQLEngine.sqlite.rawValue ? try await sqlite(manifest) : try await postgres()
        result.rows.insert(files, at: 0)
        if result.isRestored, !manifest.rows.isEmpty {
            let different = Set(manifest.rows.keys).union(result.counts.keys)
                .filter { manifest.rows[$0] != result.counts[$0] }.sorted()
            result.rows.append(
                CheckRow(
                    name: "rows of the backup", ok: different.isEmpty,
                    found: different.isEmpty
                        ? "\(manifest.rows.values.reduce(0, +)) as counted"
                        : "other counts in \(different.prefix(5).joined(separator: ", "))"))
        }
        return result
    }

    private func sqlite(_ manifest: BackupManifest) async throws -> Result {
        try await withScratchFolder("verify", in: (folder as NSString).deletingLastPathComponent) { scratch in
            for file in manifest.files {
                try FileManager.default.copyItem(atPath: "\(folder)/\(file.name)", toPath: "\(scratch)/\(file.name)")
            }
            var result = Result(rows: [], isRestored: true)
            result.rows = try await soundness(SiteOptions(folder: scratch), allowsPending: allowsPending)
            for file in manifest.files {
                let database = try await SQLiteDatabase.openForReading(path: "\(scratch)/\(file.name)")
                let part = BackupManifest.readingsMonth(file.name).map { "\($0)" } ?? "money"
                do {
                    for (table, count) in try await rowCounts(database) { result.counts["\(part)/\(table)"] = count }
                    await database.close()
                } catch {
                    await database.close()
                    throw error
                }
            }
            return result
        }
    }

    private func postgres() async throws -> Result {
        let dump = "\(folder)/\(BackupManifest.dump)"
        guard let databaseURL, let tools = PostgresTools(url: databaseURL) else {
            return Result(rows: [], note: "not restored: name a server with --database, and install pg_restore")
        }
        try await tools.list(dump)
        let scratch = "busbar_verify_\(UUID().uuidString.prefix(8).lowercased())"
        do {
            try await tools.create(scratch)
        } catch {
            return Result(rows: [], note: "not restored, only read through: \(Complaint(error).what)")
        }
        do {
            try await tools.restore(dump, database: scratch)
            var result = Result(rows: [], isRestored: true)
            guard let url = tools.url(of: scratch) else {
                throw Complaint("the database URL cannot be taken apart", hint: "", .problems)
            }
            result.rows = try await soundness(
                SiteOptions(folder: folder, databaseURL: url), allowsPending: allowsPending)
            let database = try await PostgresDatabase.open(url: url, connections: 1)
            let counts = try? await rowCounts(database)
            await database.close()
            for (table, count) in counts ?? [:] { result.counts["all/\(table)"] = count }
            try await tools.drop(scratch)
            return result
        } catch {
            try? await tools.drop(scratch)
            throw error
        }
    }
}
