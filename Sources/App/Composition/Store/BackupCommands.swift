// `busbar db backup`, `restore` and `check BACKUP`: what they say and how they leave. The work is in Backup and
// BackupCheck.
import Clocks
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter

public struct BackupOptions: Sendable {
    /// The folder backups are kept in, each in a folder of its own.
    public var to: String
    /// How many are kept; nil keeps all.
    public var keep: Int?
    public var verifies: Bool
    /// Writes the key file into the backup.
    public var withKey: Bool
    public var json: Bool
    public init(to: String, keep: Int? = nil, verifies: Bool = true, withKey: Bool = false, json: Bool = false) {
        self.to = to
        self.keep = keep
        self.verifies = verifies
        self.withKey = withKey
        self.json = json
    }
}

private struct BackupReport: Encodable {
    var place: String
    var engine: String
    var schema: Int
    var files: Int
    var bytes: Int64
    var verified: Bool
    var removed: [String]
}

/// Makes a backup beside a running server, tries it, and removes those that are more than wanted.
public func backUpDatabase(
    _ site: SiteOptions, _ options: BackupOptions, clocks: Clocks = .live, _ console: Console
) async throws -> CommandStatus {
    guard options.keep.map({ $0 > 0 }) != false else { throw UsageError("--keep takes a number from 1 on") }
    let progress = ProgressLine(console)
    let backup = Backup(
        site: site, clocks: clocks, verifies: options.verifies, withKey: options.withKey,
        onStep: { progress.at($0) })
    let parent = URL(fileURLWithPath: options.to).path
    let made = try await backup.make(in: parent, named: "busbar-\(stamp(clocks.systemNowMs()))")
    try LastBackup(
        atMs: made.manifest.madeAtMs, place: made.place, bytes: made.manifest.bytes, isVerified: made.isVerified
    ).write(folder: site.folder)
    let leftOut = made.manifest.monthsLeftOut ?? []
    // An older backup may be the only one that has what was left out now.
    let removed = leftOut.isEmpty ? try options.keep.map { try prune(options.to, keep: $0) } ?? [] : []
    let took = progress.end()
    let report = BackupReport(
        place: made.place, engine: made.manifest.engine, schema: made.manifest.schema, files: made.manifest.files.count,
        bytes: made.manifest.bytes, verified: made.isVerified, removed: removed)
    if options.json { try console.say(json: report) } else { console.say(made.place) }
    console.note(
        "\(report.files) files, \(report.bytes) bytes, "
            + (made.isVerified ? "verified by restoring" : "NOT verified") + ", \(took)")
    if let note = made.note { console.note(note) }
    if !leftOut.isEmpty {
        console.note(
            "NOT in it: the readings of \(leftOut.joined(separator: ", ")), whose archive is out of reach. "
                + "No older backup was removed.")
    }
    if options.withKey {
        console.note(
            "The backup holds the master key: whoever has both can open the meters' keys. Keep it locked away.")
    } else {
        console.note("The master key (\(MasterKey.place(site))) is not in it: keep a copy of it apart, once.")
    }
    return leftOut.isEmpty && (made.isVerified || !options.verifies) ? .done : .partly
}

/// Removes the oldest finished backups; folders that are none are left alone.
private func prune(_ parent: String, keep: Int) throws -> [String] {
    let files = FileManager.default
    let backups = try files.contentsOfDirectory(atPath: parent).filter { name in
        name.hasPrefix("busbar-") && files.fileExists(atPath: "\(parent)/\(name)/\(BackupManifest.name)")
    }.sorted()
    return try backups.dropLast(keep).map { name in
        try files.removeItem(atPath: "\(parent)/\(name)")
        return name
    }
}

/// Checks a backup by restoring it into a scratch. `problems` when anything is wrong, `partly` when it could not be
/// restored here.
public func checkBackup(
    _ folder: String, _ site: SiteOptions, json: Bool, _ console: Console
) async throws -> CommandStatus {
    let progress = ProgressLine(console)
    progress.at("restoring \(folder) into a scratch")
    let checked = try await BackupCheck(folder: folder, databaseURL: site.databaseURL, allowsPending: true).run()
    let took = progress.end()
    try say(checked.rows, json: json, console)
    if let note = checked.note { console.note(note) }
    let wrong = checked.rows.count { !$0.ok }
    console.note(wrong == 0 ? "all well, \(took)" : "\(wrong) of \(checked.rows.count) checks failed, \(took)")
    guard wrong == 0 else {
        console.note("Do not rely on this backup: make a new one, and check the disk it lay on.")
        return .problems
    }
    return checked.isRestored ? .done : .partly
}

/// Restores a backup into an empty folder or database, after its checksums, and checks what came out.
public func restoreDatabase(_ folder: String, _ site: SiteOptions, _ console: Console) async throws -> CommandStatus {
    let progress = ProgressLine(console)
    let manifest = try BackupManifest.read(folder)
    let highest = BusbarSchema.migrations.map(\.number).max() ?? 0
    guard manifest.schema <= highest else {
        throw Complaint(
            "the backup has schema \(manifest.schema), this program knows \(highest)",
            hint: "Restore it with Busbar \(manifest.program) or a newer one.", .problems)
    }
    progress.at("comparing checksums")
    let damages = try manifest.damages(folder)
    guard damages.isEmpty else {
        throw Complaint(
            "the backup is damaged: \(damages.joined(separator: "; "))", hint: "Use another one; nothing was changed.",
            .problems)
    }
    progress.at("restoring")
    if manifest.engine == SQLEngine.sqlite.rawValue {
        guard site.databaseURL == nil else {
            throw Complaint(
                "this is a backup of SQLite", hint: "Restore it into a folder, then move it with `busbar db copy`.",
                .usage)
        }
        try restoreFiles(manifest, from: folder, to: site.folder)
    } else {
        guard let url = site.databaseURL else {
            throw Complaint("this is a backup of PostgreSQL", hint: "Name an empty database: --database URL.", .usage)
        }
        try await refuseTables(url)
        try await PostgresTools.found(url: url).restore("\(folder)/\(BackupManifest.dump)")
    }
    restoreKey(from: folder, site, console)
    let rows = try await soundness(site, allowsPending: true)
    let took = progress.end()
    try say(rows, json: false, console)
    guard rows.allSatisfy(\.ok) else {
        console.note("What was restored is not sound: use another backup.")
        return .problems
    }
    console.note("restored and sound, \(took); next: `busbar doctor`, then start")
    return .done
}

/// Files come under other names and get their own at the end, money last: without `money.db` it is no installation.
private func restoreFiles(_ manifest: BackupManifest, from: String, to: String) throws {
    let files = FileManager.default
    let lock = try SQLiteSite.lock(to)
    defer { lock.release() }
    let mark = ".restoring-"
    let found = try files.contentsOfDirectory(atPath: to)
    let strangers = found.filter { !$0.hasPrefix("master.key") && $0 != "busbar.lock" && !$0.hasPrefix(mark) }
    guard strangers.isEmpty else {
        throw Complaint(
            "\(to) is not empty: it holds \(strangers.sorted().prefix(3).joined(separator: ", "))",
            hint: "Restore into an empty folder (master.key may be there); nothing was changed.", .problems)
    }
    for name in found where name.hasPrefix(mark) { try files.removeItem(atPath: "\(to)/\(name)") }
    for file in manifest.files {
        try files.copyItem(atPath: "\(from)/\(file.name)", toPath: "\(to)/\(mark)\(file.name)")
    }
    for file in manifest.files.sorted(by: { $0.name > $1.name }) {
        guard rename("\(to)/\(mark)\(file.name)", "\(to)/\(file.name)") == 0 else {
            throw SQLError(.full, "\(to)/\(file.name) cannot be written")
        }
    }
}

private func refuseTables(_ url: String) async throws {
    let database = try await PostgresDatabase.open(url: url, connections: 1)
    let counts: [String: Int64]
    do {
        counts = try await rowCounts(database)
        await database.close()
    } catch {
        await database.close()
        throw error
    }
    guard counts.isEmpty else {
        throw Complaint(
            "the database is not empty: it has \(counts.count) tables",
            hint: "Restore into a new one (createdb); nothing was changed.", .problems)
    }
}

/// Puts the key of the backup where this installation looks for one, unless one is there.
private func restoreKey(from: String, _ site: SiteOptions, _ console: Console) {
    let files = FileManager.default
    guard let key = MasterKey.files(site)?.current, !files.fileExists(atPath: key) else { return }
    let kept = "\(from)/master.key"
    guard files.fileExists(atPath: kept) else {
        return console.note(
            "The master key is not in the backup. Put the copy you kept at \(key) (mode 600) before you start: "
                + "without it the meters' keys cannot be opened.")
    }
    do {
        try copyKey(from: kept, to: key)
        console.note("The master key came with the backup, to \(key).")
    } catch {
        // The rows are there: what is left is a file.
        console.note("\(Complaint(error).what): before you start, `cp -p \(kept) \(key)` as the user who owns it.")
    }
}
