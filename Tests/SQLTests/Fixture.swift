// Tables, rows and a generic row reader for the conformance tests.
import SQL
import Synchronization
import TestSupport
import Testing

enum Fixture {
    static let migrations = [
        Migration(
            1, .money, "meters",
            [
                """
                CREATE TABLE meter (meter_id {id} NOT NULL PRIMARY KEY, serial {text} NOT NULL, phases {int},
                  note {text}) {table}
                """,
                "CREATE UNIQUE INDEX meter_serial ON meter (serial)",
                """
                CREATE TABLE reading (meter_id {id} NOT NULL REFERENCES meter (meter_id), day {int} NOT NULL,
                  energy_wh {int} NOT NULL CHECK (energy_wh >= 0), data {bytes}, is_estimated {flag} NOT NULL DEFAULT 0,
                  PRIMARY KEY (meter_id, day)) {keyed_table}
                """,
                """
                CREATE TABLE job (job_id {id} NOT NULL PRIMARY KEY, run_at {int} NOT NULL, holder {text},
                  lease_until {int} NOT NULL DEFAULT 0) {table}
                """,
            ])
    ]

    static func fill(_ transaction: any SQLTransaction) throws {
        try transaction.runMany(
            "INSERT INTO meter (meter_id, serial, phases, note) VALUES ($1, $2, $3, $4)",
            [
                [1, "A", 1, nil], [2, "B", 3, "roof"], [3, "a", nil, "yard"], [4, "Z", 3, nil], [5, "é", 1, ""],
            ])
        try transaction.runMany(
            "INSERT INTO reading (meter_id, day, energy_wh, data) VALUES ($1, $2, $3, $4)",
            [
                [1, 10, 100, .bytes([0, 255])], [1, 11, 250, .bytes([])], [1, 12, 0, nil],
                [2, 10, 7, .bytes([1, 2, 3])],
                [2, 11, 8, nil],
            ])
    }

    /// A database with the tables and rows above.
    static func with<Value>(
        _ engine: TestEngine, _ body: (any Database) async throws -> Value
    ) async throws -> Value {
        try await withDatabase(engine, migrations: migrations) { database in
            try await database.write { try fill($0) }
            return try await body(database)
        }
    }
}

extension SQLTransaction {
    /// Rows as values. `kinds` has a letter a column: i integer, t text, b bytes; each may be NULL.
    func values(_ kinds: String, _ sql: String, _ parameters: [SQLValue] = []) throws -> [[SQLValue]] {
        try query(sql, parameters) { row in
            try kinds.enumerated().map { column, kind in
                switch kind {
                case "i": try row.optionalInt(column).map { .int($0) } ?? .null
                case "t": try row.optionalText(column).map { .text($0) } ?? .null
                default: try row.optionalBytes(column).map { .bytes($0) } ?? .null
                }
            }
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// For a test of PostgreSQL alone.
    static var postgres: Self { .enabled(if: TestEngine.available.contains(.postgres), "PostgreSQL is not installed") }
}

/// Thrown to roll back.
struct Undo: Error {}

/// What went wrong in `body`, or nil.
func failure(_ body: () async throws -> Void) async -> SQLError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? SQLError ?? SQLError(.other, "not an SQLError: \(error)")
    }
}

/// Counts from several tasks and threads.
final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    @discardableResult
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
