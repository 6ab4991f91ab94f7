// One SQLite connection with its prepared statements. Lives and dies on one thread of a `DatabaseThreads`.
// Knows no table. The only other place that calls SQLite is SQLiteStatement.
import CSQLite
import SQL

final class SQLiteConnection {
    let handle: OpaquePointer
    /// Statements not in use, by their text as the caller wrote it, with when they were last used.
    private var idle: [String: (statement: SQLiteStatement, lastUse: Int)] = [:]
    private var uses = 0
    private static let idleLimit = 256

    enum Role { case writer, reader }

    private static let countsNoMemory: Void = busbar_sqlite_count_no_memory()

    init(path: String, role: Role, synchronous: String, busyTimeoutMs: Int32) throws {
        Self.countsNoMemory
        var opened: OpaquePointer?
        // A reader opens the file for writing too: only so can it join a write-ahead log. query_only holds it back.
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (role == .writer ? SQLITE_OPEN_CREATE : 0)
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened else { throw SQLError(.connection, "SQLite found no memory to open \(path)") }
        handle = opened
        guard code == SQLITE_OK else {
            let error = SQLError(sqlite: opened, opening: path)
            sqlite3_close_v2(opened)
            throw error
        }
        do {
            try configure(path: path, role: role, synchronous: synchronous, busyTimeoutMs: busyTimeoutMs)
        } catch {
            let plain = sqlite3_errcode(opened) == SQLITE_OK ? error : SQLError(sqlite: opened, opening: path)
            sqlite3_close_v2(opened)
            throw plain
        }
    }

    private func configure(path: String, role: Role, synchronous: String, busyTimeoutMs: Int32) throws {
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, busyTimeoutMs)
        guard busbar_sqlite_harden(handle) == SQLITE_OK else {
            throw SQLError(.connection, "this SQLite cannot be set to strict use; 3.38 or newer is needed")
        }
        if role == .writer {
            let mode = try statement("PRAGMA journal_mode = WAL").rows { try $0.text(0) }
            guard mode == ["wal"] else {
                throw SQLError(.connection, "\(path) cannot use a write-ahead log; is it on a network file system?")
            }
            // A long reader makes the log grow; give the room back once it is gone.
            try execute("PRAGMA journal_size_limit = 67108864")
            try execute("PRAGMA synchronous = \(synchronous)")
            // A page that many commits change is brought into the file once for all of them.
            try execute("PRAGMA wal_autocheckpoint = 8000")
        } else {
            try execute("PRAGMA query_only = ON")
        }
        try execute("PRAGMA temp_store = MEMORY")
        try execute("PRAGMA cache_size = -8000")
    }

    /// Runs `body` between `begin` and COMMIT; rolls back when it throws or when a statement in it failed.
    func transaction<Value>(_ begin: String, _ body: (any SQLTransaction) throws -> Value) throws -> Value {
        try execute(begin)
        let transaction = SQLiteTransaction(self)
        defer { transaction.end() }
        do {
            let value = try body(transaction)
            try transaction.check()
            try execute("COMMIT")
            return value
        } catch {
            // SQLite has already rolled back by itself after some errors (disk full, I/O).
            if sqlite3_get_autocommit(handle) == 0 { try execute("ROLLBACK") }
            throw error
        }
    }

    /// Runs text of our own without parameters: pragmas and transaction control.
    func execute(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw SQLError(sqlite: handle, doing: sql)
        }
    }

    /// Lends a prepared statement. One that is lent already (a query inside a decode closure) is prepared anew.
    func withStatement<Value>(_ sql: String, _ body: (SQLiteStatement) throws -> Value) throws -> Value {
        let lent = try idle.removeValue(forKey: sql)?.statement ?? statement(sql)
        defer {
            lent.reset()
            uses += 1
            if idle.count >= Self.idleLimit, let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                idle.removeValue(forKey: oldest.key)
            }
            idle[sql] = (lent, uses)
        }
        return try body(lent)
    }

    private func statement(_ sql: String) throws -> SQLiteStatement { try SQLiteStatement(sql, on: handle) }

    /// Copies all pages by SQLite's online backup. The open transaction keeps the snapshot, or a writer in another
    /// process would make it start again from the first page.
    func copyPages(to copy: String, progress: (Int, Int) -> Void) throws {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(
            copy, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
        guard let target = opened else { throw SQLError(.connection, "SQLite found no memory to open \(copy)") }
        defer { sqlite3_close_v2(target) }
        guard code == SQLITE_OK else { throw SQLError(sqlite: target, doing: "opening \(copy)") }
        try execute("BEGIN")
        defer { try? execute("ROLLBACK") }
        try execute("SELECT COUNT(*) FROM sqlite_schema")
        guard let backup = sqlite3_backup_init(target, "main", handle, "main") else {
            throw SQLError(sqlite: target, doing: "copying to \(copy)")
        }
        var step = SQLITE_OK
        while step == SQLITE_OK {
            step = sqlite3_backup_step(backup, 4_096)
            let all = Int(sqlite3_backup_pagecount(backup))
            progress(all - Int(sqlite3_backup_remaining(backup)), all)
        }
        sqlite3_backup_finish(backup)
        guard step == SQLITE_DONE else { throw SQLError(sqlite: target, doing: "copying to \(copy)") }
    }

    /// Ends the connection. The writer first empties the log into the file.
    func close(checkpoint: Bool) {
        idle.removeAll()
        // Another process may hold the log open, so emptying it may fail; nothing is lost then.
        if checkpoint { sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil) }
        sqlite3_close_v2(handle)
    }
}

/// A transaction on a connection. After a failed statement nothing more runs in it, as on PostgreSQL.
final class SQLiteTransaction: SQLTransaction {
    let engine = SQLEngine.sqlite
    let isOnlyWriter = true
    private let connection: SQLiteConnection
    private var failure: (any Error)?

    init(_ connection: SQLiteConnection) { self.connection = connection }

    func end() { failure = SQLError(.other, "a transaction was used after its closure had returned") }

    /// Throws what made the transaction fail, also when the closure swallowed it.
    func check() throws { if let failure { throw failure } }

    private func guarded<Value>(_ body: () throws -> Value) throws -> Value {
        try check()
        do {
            return try body()
        } catch {
            failure = error
            throw error
        }
    }

    func run(_ sql: String, _ parameters: [SQLValue]) throws -> Int {
        try guarded {
            try connection.withStatement(sql) { statement in
                try statement.bind(parameters)
                return try statement.change()
            }
        }
    }

    func runMany(_ sql: String, _ rows: [[SQLValue]]) throws {
        try guarded {
            try connection.withStatement(sql) { statement in
                for row in rows {
                    try statement.bind(row)
                    _ = try statement.change()
                    statement.reset()
                }
            }
        }
    }

    func runMany(_ sql: String, integers: [Int64], columns: Int) throws {
        try guarded {
            try connection.withStatement(sql) { try $0.runMany(integers, columns: columns) }
        }
    }

    func query<Value>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value
    ) throws -> [Value] {
        try check()
        return try connection.withStatement(sql) { statement in
            try guarded {
                try statement.bind(parameters)
                try statement.expectColumns()
            }
            var values: [Value] = []
            while try guarded({ try statement.step() }) { values.append(try decode(statement)) }
            return values
        }
    }
}
