// One libpq connection with its prepared statements: connects, runs, forgets what is stale. Lives on one thread.
// Decides nothing about running a transaction again; that is PostgresRetry.
import CPQ
import SQL

final class PostgresConnection {
    private struct Prepared {
        var name: String
        var types: [Oid]
    }
    let target: PostgresTarget
    /// As in `SQLTransaction`.
    let lane: Int
    private var handle: OpaquePointer?
    /// By the text as the caller wrote it; one entry for each combination of types it was called with.
    private var prepared: [String: [Prepared]] = [:]
    private var preparedCount = 0
    /// By the text as the caller wrote it; nil for one that only runs row by row.
    private var inserts: [String: RowsInsert?] = [:]
    private var nextName = 1
    private static let preparedLimit = 512
    /// Rows in flight before their answers are read.
    private static let pipelineRows = 512

    init(_ target: PostgresTarget, lane: Int = 0) { (self.target, self.lane) = (target, lane) }

    /// Connects when there is no connection, and drops prepared statements when there are too many.
    func makeReady() throws {
        if handle == nil {
            handle = try target.connect()
            // A lock that does not come is an error after a while, as on SQLite.
            try execute("SET lock_timeout = '30s'")
            try execute("SET client_min_messages = 'warning'")
        }
        if preparedCount > Self.preparedLimit { try forgetPrepared() }
    }

    func forgetPrepared() throws {
        try execute("DEALLOCATE ALL")
        prepared = [:]
        inserts = [:]
        preparedCount = 0
    }

    func disconnect() {
        if let handle { PQfinish(handle) }
        handle = nil
        prepared = [:]
        preparedCount = 0
    }

    private func connected() throws -> OpaquePointer {
        guard let handle else {
            throw PostgresFailure(error: SQLError(.connection, "not connected to PostgreSQL"), remedy: .lost)
        }
        return handle
    }

    /// Wraps what libpq returned; throws ``PostgresFailure`` for an error.
    private func result(_ pointer: OpaquePointer?, _ sql: String) throws -> PostgresResult {
        let handle = try connected()
        guard let pointer else {
            throw PostgresFailure(
                error: SQLError(.connection, "the connection to PostgreSQL was lost: \(shortened(sql))"), remedy: .lost)
        }
        let result = PostgresResult(pointer)
        switch result.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return result
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE:
            var failure = result.failure(sql)
            if PQstatus(handle) == CONNECTION_BAD {
                failure.remedy = .lost
                failure.error.code = .connection
            }
            throw failure
        default:
            throw PostgresFailure(
                error: SQLError(.syntax, "a statement of an unexpected kind: \(shortened(sql))"), remedy: .none)
        }
    }

    /// Starts a COPY; the rows go to the handle.
    func beginCopy(_ sql: String) throws -> OpaquePointer {
        let handle = try connected()
        let pointer = PQexec(handle, sql)
        if PQresultStatus(pointer) == PGRES_COPY_IN {
            PQclear(pointer)
            return handle
        }
        _ = try result(pointer, sql)
        throw PostgresFailure(error: SQLError(.syntax, "no COPY: \(shortened(sql))"), remedy: .none)
    }

    /// Reads the answers to a COPY, all of them.
    func endCopy(_ sql: String) throws {
        let handle = try connected()
        var failure: (any Error)?
        while let pointer = PQgetResult(handle) {
            do { _ = try result(pointer, sql) } catch { failure = failure ?? error }
            if PQstatus(handle) == CONNECTION_BAD { break }
        }
        if let failure { throw failure }
        guard PQstatus(handle) == CONNECTION_OK else {
            throw PostgresFailure(
                error: SQLError(.connection, "the connection to PostgreSQL was lost: \(shortened(sql))"), remedy: .lost)
        }
    }

    /// Runs text of our own without parameters: settings and transaction control. Returns the command tag.
    @discardableResult
    func execute(_ sql: String) throws -> String {
        try result(PQexec(try connected(), sql), sql).command
    }

    func execute(_ sql: String, _ values: [SQLValue]) throws -> PostgresResult {
        let handle = try connected()
        let parameters = try PostgresParameters(values)
        let name = try prepare(sql, parameters.types)
        return try result(
            parameters.withPointers { PQexecPrepared(handle, name, $0, $1, $2, $3, 1) }, sql)
    }

    /// The name of a statement prepared for these types. A NULL fits whatever type was prepared before.
    private func prepare(_ sql: String, _ types: [Oid]) throws -> String {
        let handle = try connected()
        let fits = prepared[sql]?.first { entry in
            entry.types.count == types.count
                && zip(types, entry.types).allSatisfy { $0 == PostgresType.inferred || $0 == $1 }
        }
        if let fits { return fits.name }
        let text = sql.utf8.contains(UInt8(ascii: "{")) ? Migration.render(sql, for: .postgres) : sql
        let name = "s\(nextName)"
        let pointer = types.withUnsafeBufferPointer {
            PQprepare(handle, name, text, Int32(types.count), $0.baseAddress)
        }
        _ = try result(pointer, sql)
        nextName += 1
        preparedCount += 1
        prepared[sql, default: []].append(Prepared(name: name, types: types))
        return name
    }

    private func insert(_ sql: String) -> RowsInsert? {
        if let known = inserts[sql] { return known }
        let insert = RowsInsert(sql)
        inserts[sql] = .some(insert)
        return insert
    }

    /// The statement for each row, several hundred rows to a round trip; rows to be inserted go several to a statement.
    func executeMany(_ sql: String, _ rows: [[SQLValue]]) throws {
        let handle = try connected()
        let insert = rows.count < RowsInsert.smallest ? nil : insert(sql)
        var start = 0
        while start < rows.count {
            let end = min(start + Self.pipelineRows, rows.count)
            var batch: [(String, PostgresParameters)] = []
            batch.reserveCapacity(end - start)
            // Preparing is a round trip of its own and not possible inside the pipeline.
            while start < end {
                if let insert, let part = insert.take(rows[start..<end]) {
                    let parameters = try PostgresParameters(part.values, types: part.types)
                    batch.append((try prepare(part.sql, parameters.types), parameters))
                    start += part.count
                } else {
                    let parameters = try PostgresParameters(rows[start])
                    batch.append((try prepare(sql, parameters.types), parameters))
                    start += 1
                }
            }
            guard PQenterPipelineMode(handle) == 1 else {
                throw PostgresFailure(
                    error: SQLError(.connection, "the connection to PostgreSQL was lost"), remedy: .lost)
            }
            defer { PQexitPipelineMode(handle) }
            try pipeline(handle, sql, batch)
        }
    }

    private func pipeline(
        _ handle: OpaquePointer, _ sql: String, _ batch: [(String, PostgresParameters)]
    ) throws {
        var sent = true
        for (name, parameters) in batch where sent {
            sent = parameters.withPointers { PQsendQueryPrepared(handle, name, $0, $1, $2, $3, 1) } == 1
        }
        // Even after a failure the answers up to the sync must be read, or the connection stays out of step.
        let synced = PQpipelineSync(handle) == 1
        var failure: (any Error)?
        reading: while synced {
            guard let pointer = PQgetResult(handle) else {
                // nil ends the answer to one row; on a dead connection it would come for ever.
                if PQstatus(handle) == CONNECTION_BAD { break }
                continue
            }
            switch PQresultStatus(pointer) {
            case PGRES_PIPELINE_SYNC:
                PQclear(pointer)
                break reading
            case PGRES_PIPELINE_ABORTED: PQclear(pointer)
            default:
                do {
                    let answer = try result(pointer, sql)
                    if answer.status == PGRES_TUPLES_OK { failure = failure ?? Self.returnsRows(sql) }
                } catch {
                    failure = failure ?? error
                }
            }
        }
        if let failure { throw failure }
        guard sent, synced, PQstatus(handle) == CONNECTION_OK else {
            throw PostgresFailure(
                error: SQLError(.connection, "the connection to PostgreSQL was lost: \(shortened(sql))"), remedy: .lost)
        }
    }

    static func returnsRows(_ sql: String) -> SQLError {
        SQLError(.syntax, "the statement returns rows; use query: \(shortened(sql))")
    }
}
