// A PostgreSQL database as a Database: a few connections, each on its own thread. Knows no table.
import SQL
import Synchronization

/// A pool of connections to one database.
///
/// Several writers run at once, each on a snapshot (REPEATABLE READ). A closure that lost against another one, or whose
/// connection broke before COMMIT, is **run again**: it must have no effect outside the transaction. Two
/// closures that read the same rows and write different ones do not notice each other; where that matters, both must
/// write one common row. Needs sessions of its own: a pooler in transaction mode cannot stand in between.
public final class PostgresDatabase: Database {
    public let engine = SQLEngine.postgres
    private let threads: DatabaseThreads<PostgresConnection>

    private init(_ target: PostgresTarget, connections: Int, queueLimit: Int) {
        // Lanes follow each other; where they begin is chance, so that several processes are seldom in the same.
        let next = Mutex(Int.random(in: 0..<SQLLane.count))
        threads = DatabaseThreads(
            name: "postgres", count: connections, queueLimit: queueLimit,
            open: {
                let lane = next.withLock { next in
                    defer { next = (next + 1) % SQLLane.count }
                    return next
                }
                return PostgresConnection(target, lane: lane)
            }, close: { $0.disconnect() })
    }

    /// Reaches the server once; the other connections are made when they are needed.
    /// - Parameters:
    ///   - url: `postgres://user:password@host:5432/database`, as libpq reads it. The password is in no error.
    ///   - connections: threads with a connection each, for readers and writers together.
    ///   - queueLimit: jobs that may wait; more get ``SQLError/Code/busy``.
    /// - Throws: ``SQLError`` `connection` when the server cannot be reached or does not suit.
    public static func open(
        url: String, connections: Int = 4, queueLimit: Int = 1024
    ) async throws -> PostgresDatabase {
        let database = PostgresDatabase(try PostgresTarget(url), connections: connections, queueLimit: queueLimit)
        try await database.read { _ in }
        return database
    }

    /// One snapshot. Writing in it fails with ``SQLError/Code/readOnly``.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await threads.run { try $0.transaction(.read, body) }
    }

    @discardableResult
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await threads.run { try $0.transaction(.write, body) }
    }

    /// Finishes what waits and disconnects.
    public func close() async { await threads.close() }
}
