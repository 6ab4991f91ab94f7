// Readings as one SQLite file a civil month in a folder; only a few are open at a time. Knows no table.
import CivilTime
import Foundation
import SQL

/// `readings-YYYY-MM.db` files, opened when asked for and brought to the newest schema then.
public actor SQLiteReadings: ReadingsStore {
    private struct Shard {
        /// The store's own hold, given up when others are wanted more.
        var held: SQLiteDatabase?
        /// Still there while somebody uses it, so that a month is never open twice.
        weak var alive: SQLiteDatabase?
        var lastUse: Int
    }
    private let folder: String
    private let migrations: [Migration]
    private let openLimit: Int
    private let readers: Int
    private var shards: [CivilMonth: Shard] = [:]
    private var opening: [CivilMonth: Task<SQLiteDatabase, any Error>] = [:]
    /// Months whose file is being moved: nobody opens it meanwhile.
    private var moving: [CivilMonth: Task<Void, Never>] = [:]
    private var uses = 0
    private var isClosed = false

    /// - Parameters:
    ///   - migrations: those of the readings store are applied; others are passed over.
    ///   - openLimit: files the store itself keeps open: those of a year and a little more. A file in use is closed
    ///     when its last user lets go.
    ///   - readers: reader threads of each file.
    public init(folder: String, migrations: [Migration], openLimit: Int = 14, readers: Int = 2) {
        precondition(openLimit > 0, "at least one file must be open")
        self.folder = folder
        self.migrations = migrations
        self.openLimit = openLimit
        self.readers = readers
    }

    public func months() async throws -> [CivilMonth] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap(Self.month).sorted()
        } catch {
            throw SQLError(.connection, "cannot list the folder \(folder): \(error.localizedDescription)")
        }
    }

    public func monthsInReach() async throws -> [CivilMonth] {
        try await months().filter { Self.archive(outOfReach: "\(folder)/readings-\($0).db") == nil }
    }

    /// Where the link of a month points when nothing is there: its archive is not mounted, or its file is lost.
    static func archive(outOfReach path: String) -> String? {
        guard !FileManager.default.fileExists(atPath: path) else { return nil }
        return try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    static func month(of file: String) -> CivilMonth? {
        guard file.hasPrefix("readings-"), file.hasSuffix(".db"), file.utf8.count == 19 else { return nil }
        return CivilMonth(file.dropFirst(9).prefix(7))
    }

    public nonisolated var files: any MonthFiles { SQLiteMonthFiles(readings: self) }

    public func shard(_ month: CivilMonth) async throws -> any Database { try await file(month) }

    func file(_ month: CivilMonth) async throws -> SQLiteDatabase {
        while let moving = moving[month] { await moving.value }
        guard !isClosed else { throw SQLError(.connection, "the readings in \(folder) are closed") }
        try month.refuseUnlikely()
        uses += 1
        if let database = shards[month]?.held ?? shards[month]?.alive {
            keep(database, month)
            return database
        }
        let task = opening[month] ?? open(month)
        opening[month] = task
        defer { opening[month] = nil }
        let database = try await task.value
        guard !isClosed else { throw SQLError(.connection, "the readings in \(folder) are closed") }
        keep(database, month)
        return database
    }

    private func open(_ month: CivilMonth) -> Task<SQLiteDatabase, any Error> {
        let path = "\(folder)/readings-\(month).db"
        return Task { [migrations, readers] in
            if !FileManager.default.fileExists(atPath: path) {
                // The link to an archive that is not there must not be written over by an empty month.
                if let archive = Self.archive(outOfReach: path) {
                    throw SQLError(.connection, "\(path) lies in the archive at \(archive), which is out of reach")
                }
                try await Self.make(path, migrations)
            }
            let database = try await SQLiteDatabase.open(path: path, durability: .normal, readers: readers)
            try await Migrator.migrate(migrations, store: .readings, in: database)
            return database
        }
    }

    /// The file gets its name when it is whole, so that an empty one of that name is known to be damage.
    private static func make(_ path: String, _ migrations: [Migration]) async throws {
        let new = path + ".new"
        for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: new + end) }
        let database = try await SQLiteDatabase.open(path: new, durability: .full, readers: 1)
        do {
            try await Migrator.migrate(migrations, store: .readings, in: database)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
        guard rename(new, path) == 0 else {
            throw SQLError(.connection, "cannot make \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Closes a month, does something to its file and lets it be opened again. Whoever still holds it is told that it
    /// is closed, and asks again.
    func move(_ month: CivilMonth, _ body: @escaping @Sendable (_ folder: String, _ file: String) throws -> Void)
        async throws
    {
        while let moving = moving[month] { await moving.value }
        guard !isClosed else { throw SQLError(.connection, "the readings in \(folder) are closed") }
        _ = try? await opening[month]?.value
        let open = shards.removeValue(forKey: month)
        let task = Task { [folder] () -> (any Error)? in
            await (open?.held ?? open?.alive)?.close()
            do {
                try body(folder, "readings-\(month).db")
                return nil
            } catch {
                return error
            }
        }
        moving[month] = Task { _ = await task.value }
        let error = await task.value
        moving[month] = nil
        if let error { throw error }
    }

    private func keep(_ database: SQLiteDatabase, _ month: CivilMonth) {
        shards[month] = Shard(held: database, alive: database, lastUse: uses)
        let held = shards.filter { $0.value.held != nil }
        if held.count > openLimit, let oldest = held.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            shards[oldest.key]?.held = nil
        }
        shards = shards.filter { $0.value.alive != nil }
    }

    /// Closes every file, also those that others still hold.
    public func close() async {
        isClosed = true
        for task in opening.values { await (try? task.value)?.close() }
        let alive = shards.values.compactMap(\.alive)
        shards = [:]
        for database in alive { await database.close() }
    }
}
