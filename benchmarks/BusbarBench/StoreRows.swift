// The usual way: a row an interval, straight into the C libraries, without any of the product between. Peers only.
import CPQ
import CSQLite
import Foundation

enum StoreRows {
    // MARK: SQLite

    /// Prepared statements, a transaction per 10,000 rows, with the pragmas of the product.
    static func sqlite(_ load: BenchLoad, folder: String) throws -> BenchResult {
        let transactionRows = 10_000
        let file = try SQLiteFile("\(folder)/rows.db")
        for pragma in ["journal_mode = WAL", "synchronous = NORMAL", "cache_size = -8000", "temp_store = MEMORY"] {
            try file.run("PRAGMA \(pragma)")
        }
        try file.run(
            """
            CREATE TABLE interval_reading (day INTEGER NOT NULL, meter_id INTEGER NOT NULL, slot INTEGER NOT NULL,
              wh INTEGER NOT NULL, quality INTEGER NOT NULL, source INTEGER NOT NULL,
              PRIMARY KEY (day, meter_id, slot)) STRICT, WITHOUT ROWID
            """)
        let insert = try file.prepare("INSERT INTO interval_reading VALUES (?, ?, ?, ?, ?, ?)")
        var seconds = Seconds()
        var open = 0
        for batch in load.batches {
            let values = FlatBatch(load, batch)
            let watch = Stopwatch()
            for (row, index) in batch.enumerated() {
                for slot in 0..<load.slots {
                    let at = row * load.slots + slot
                    if open == 0 { try file.run("BEGIN") }
                    sqlite3_bind_int64(insert, 1, Int64(load.day(index)))
                    sqlite3_bind_int64(insert, 2, load.meterID(index))
                    sqlite3_bind_int64(insert, 3, Int64(slot))
                    sqlite3_bind_int64(insert, 4, Int64(values.wh[at]))
                    sqlite3_bind_int64(insert, 5, Int64(values.qualities[at]))
                    sqlite3_bind_int64(insert, 6, values.sources[at])
                    guard sqlite3_step(insert) == SQLITE_DONE else { throw file.error() }
                    sqlite3_reset(insert)
                    open += 1
                    if open == transactionRows {
                        try file.run("COMMIT")
                        open = 0
                    }
                }
            }
            seconds += watch.used()
        }
        let end = Stopwatch()
        if open > 0 { try file.run("COMMIT") }
        try file.run("PRAGMA wal_checkpoint(TRUNCATE)")
        seconds += end.used()
        sqlite3_finalize(insert)
        let select = try file.prepare(totalsSQL)
        defer { sqlite3_finalize(select) }
        guard sqlite3_step(select) == SQLITE_ROW else { throw file.error() }
        let totals = (0..<6).map { sqlite3_column_int64(select, $0) }
        return BenchResult(
            load: load, seconds: seconds,
            bytes: Int64(try FileManager.default.attributesOfItem(atPath: "\(folder)/rows.db")[.size] as? Int ?? 0),
            totals: BenchTotals(totals))
    }

    static let totalsSQL = """
        SELECT COUNT(*), SUM(wh), SUM(CAST(wh AS BIGINT) * (slot + 1)), SUM(CASE quality WHEN 1 THEN 1 ELSE 0 END),
          SUM(source), SUM(meter_id) FROM interval_reading
        """

    // MARK: PostgreSQL

    /// COPY as text, one for each batch of 10,000 meter-days, into a table with a key.
    static func postgres(_ load: BenchLoad, url: String, serverPID: Int) throws -> BenchResult {
        let server = try PostgresSession(url)
        try server.run(
            """
            CREATE TABLE interval_reading (day INTEGER NOT NULL, meter_id BIGINT NOT NULL, slot SMALLINT NOT NULL,
              wh INTEGER NOT NULL, quality SMALLINT NOT NULL, source BIGINT NOT NULL,
              PRIMARY KEY (day, meter_id, slot))
            """)
        let before = try serverCoreS(serverPID)
        var seconds = Seconds()
        for batch in load.batches {
            let values = FlatBatch(load, batch)
            let watch = Stopwatch()
            try server.run("COPY interval_reading FROM STDIN", expecting: PGRES_COPY_IN)
            var text: [UInt8] = []
            text.reserveCapacity(1 << 17)
            for (row, index) in batch.enumerated() {
                for slot in 0..<load.slots {
                    let at = row * load.slots + slot
                    append(Int64(load.day(index)), 9, &text)
                    append(load.meterID(index), 9, &text)
                    append(Int64(slot), 9, &text)
                    append(Int64(values.wh[at]), 9, &text)
                    append(Int64(values.qualities[at]), 9, &text)
                    append(values.sources[at], 10, &text)
                }
                if text.count > 1 << 16 { try server.copy(&text) }
            }
            try server.copy(&text)
            try server.endCopy()
            seconds += watch.used()
        }
        let end = Stopwatch()
        try server.run("CHECKPOINT")
        seconds += end.used()
        let used = try serverCoreS(serverPID) - before
        let bytes = try server.row("SELECT pg_total_relation_size('interval_reading')")
        let totals = try server.row(totalsSQL)
        return BenchResult(
            load: load, seconds: seconds, serverCoreS: used, bytes: bytes[0], totals: BenchTotals(totals))
    }

    /// A number that is not negative, as digits, and the byte behind it.
    private static func append(_ number: Int64, _ end: UInt8, _ text: inout [UInt8]) {
        var digits: (UInt64, Int) = (0, 0)
        var rest = number
        // Eight digits at most here; kept in one word, last digit first.
        repeat {
            digits.0 = digits.0 << 8 | UInt64(48 + rest % 10)
            digits.1 += 1
            rest /= 10
        } while rest > 0
        for _ in 0..<digits.1 {
            text.append(UInt8(truncatingIfNeeded: digits.0))
            digits.0 >>= 8
        }
        text.append(end)
    }
}

/// Flush the server's memory to its files, in a session of its own: a checkpoint cannot run in a transaction.
func checkpoint(_ url: String) throws { try PostgresSession(url).run("CHECKPOINT") }

/// A batch of the load as flat arrays, made before the watch starts.
private struct FlatBatch {
    var wh: [Int32] = []
    var qualities: [UInt8] = []
    var sources: [Int64] = []

    init(_ load: BenchLoad, _ batch: Range<Int>) {
        for index in batch {
            for slot in 0..<load.slots {
                wh.append(load.value(index, slot))
                qualities.append(load.isEstimated(index, slot) ? 1 : 3)
                sources.append(load.source(index, slot))
            }
        }
    }
}

extension BenchTotals {
    /// In the order of the columns of `totalsSQL`.
    init(_ values: [Int64]) {
        self.init(
            intervals: values[0], wh: values[1], whBySlot: values[2], estimated: values[3], sources: values[4],
            meterIDs: values[5])
    }
}

private final class SQLiteFile {
    private var handle: OpaquePointer?
    init(_ path: String) throws {
        guard sqlite3_open(path, &handle) == SQLITE_OK else { throw error() }
    }
    deinit { sqlite3_close(handle) }
    func error() -> BenchError { BenchError("SQLite: \(String(cString: sqlite3_errmsg(handle)))") }
    func run(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw error() }
    }
    func prepare(_ sql: String) throws -> OpaquePointer? {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { throw error() }
        return statement
    }
}

private final class PostgresSession {
    private let handle: OpaquePointer?
    init(_ url: String) throws {
        handle = PQconnectdb(url)
        guard PQstatus(handle) == CONNECTION_OK else { throw error() }
    }
    deinit { PQfinish(handle) }
    func error() -> BenchError { BenchError("PostgreSQL: \(String(cString: PQerrorMessage(handle)))") }

    func run(_ sql: String, expecting status: ExecStatusType = PGRES_COMMAND_OK) throws {
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        guard PQresultStatus(result) == status else { throw error() }
    }
    func copy(_ text: inout [UInt8]) throws {
        let sent = text.withUnsafeBytes { bytes in
            PQputCopyData(handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
        }
        guard sent == 1 else { throw error() }
        text.removeAll(keepingCapacity: true)
    }
    func endCopy() throws {
        guard PQputCopyEnd(handle, nil) == 1 else { throw error() }
        while let result = PQgetResult(handle) {
            defer { PQclear(result) }
            guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw error() }
        }
    }
    /// The integers of the only row.
    func row(_ sql: String) throws -> [Int64] {
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_TUPLES_OK, PQntuples(result) == 1 else { throw error() }
        return try (0..<PQnfields(result)).map { column in
            guard let text = PQgetvalue(result, 0, column), let number = Int64(String(cString: text)) else {
                throw BenchError("PostgreSQL: column \(column) is no integer")
            }
            return number
        }
    }
}
