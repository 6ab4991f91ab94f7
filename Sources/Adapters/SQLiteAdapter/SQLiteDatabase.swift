// A SQLite file as a Database: one writer thread, a few reader threads, write-ahead log. Knows no table.
import SQL

/// How safe a commit is against loss of power.
public enum SQLiteDurability: String, Sendable {
    /// A commit is on the disk when `write` returns. For money.
    case full = "FULL"
    /// The last commits may be lost, the file stays whole. For readings, which can be collected again.
    case normal = "NORMAL"
}

/// One database file. Dropping the last reference closes it; ``close()`` also waits for the end.
public final class SQLiteDatabase: Database {
    public let engine = SQLEngine.sqlite
    public let path: String
    private let writer: DatabaseThreads<SQLiteConnection>
    private let writes: WriteGroup
    private let readers: DatabaseThreads<SQLiteConnection>

    private init(path: String, durability: SQLiteDurability, readers: Int, queueLimit: Int, busyTimeoutMs: Int32) {
        self.path = path
        let open: @Sendable (SQLiteConnection.Role) throws -> SQLiteConnection = { role in
            try SQLiteConnection(
                path: path, role: role, synchronous: durability.rawValue, busyTimeoutMs: busyTimeoutMs)
        }
        writer = DatabaseThreads(
            name: "sqlite-writer", count: 1, queueLimit: queueLimit, open: { try open(.writer) },
            close: { $0.close(checkpoint: true) })
        writes = WriteGroup(writer, limit: queueLimit)
        self.readers = DatabaseThreads(
            name: "sqlite-reader", count: readers, queueLimit: queueLimit, open: { try open(.reader) },
            close: { $0.close(checkpoint: false) })
    }

    /// The readers go first, as in ``close()``: the last connection to go removes the log, and were all to go at the
    /// same time, each might see another and leave it.
    deinit { readers.close { [writer] in writer.close {} } }

    /// Opens a file and makes it when it is not there.
    /// - Parameters:
    ///   - readers: threads that read at once, 1 or more.
    ///   - queueLimit: jobs that may wait for the writer, and as many for the readers; more get ``SQLError/Code/busy``.
    ///   - busyTimeoutMs: how long to wait for a lock another process holds.
    /// - Throws: ``SQLError`` with code `connection` when the file cannot be opened or is no database.
    public static func open(
        path: String, durability: SQLiteDurability, readers: Int = 3, queueLimit: Int = 1024,
        busyTimeoutMs: Int32 = 10_000
    ) async throws -> SQLiteDatabase {
        let database = SQLiteDatabase(
            path: path, durability: durability, readers: readers, queueLimit: queueLimit, busyTimeoutMs: busyTimeoutMs)
        // The writer makes the file and its log before any reader looks for them.
        try await database.write { _ in }
        return database
    }

    /// Opens a file that is there, for reading only, also beside a process that writes it.
    public static func openForReading(path: String, readers: Int = 1) async throws -> SQLiteDatabase {
        let database = SQLiteDatabase(
            path: path, durability: .normal, readers: readers, queueLimit: 64, busyTimeoutMs: 10_000)
        _ = try await database.read { try $0.query("SELECT 1 FROM sqlite_schema LIMIT 1", []) { _ in } }
        return database
    }

    /// Copies the file page by page, as one snapshot, to a new file. Writers go on meanwhile, here and in other
    /// processes. Faster than ``backUp(to:)``, and keeps the pages as they lie.
    /// - Parameter progress: pages done and pages in all, on the database's thread.
    public func copyPages(
        to copy: String, progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws {
        try await readers.run { try $0.copyPages(to: copy, progress: progress) }
    }

    /// One snapshot, taken by the first statement. Writing in it fails with ``SQLError/Code/readOnly``.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await readers.run { try $0.transaction("BEGIN DEFERRED", body) }
    }

    /// Writes that wait at the same time share one commit, each in a savepoint of its own: one that throws undoes
    /// itself alone. Who is answered can rely on the disk. Where the commit fails, each is run again by itself.
    @discardableResult
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await writes.write(body)
    }

    /// Copies the database as one snapshot to a new file, which must not exist. Writers go on meanwhile.
    public func backUp(to copy: String) async throws {
        try await readers.run { connection in
            // query_only forbids VACUUM INTO as well, though it only reads this file.
            try connection.execute("PRAGMA query_only = OFF")
            defer { try? connection.execute("PRAGMA query_only = ON") }
            try connection.withStatement("VACUUM INTO $1") { statement in
                try statement.bind([.text(copy)])
                _ = try statement.step()
            }
        }
    }

    /// Writes the file anew without the room of deleted rows. Readers go on meanwhile, writers wait.
    public func vacuum() async throws {
        try await writer.run { connection in
            try connection.execute("VACUUM")
            try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        }
    }

    /// Finishes what waits, empties the log into the file and closes it.
    public func close() async {
        await readers.close()
        await writer.close()
    }
}
