// A transaction on one PostgreSQL connection, and the loop that runs it again when it lost against another one.
import CPQ
import Foundation
import SQL

final class PostgresTransaction: SQLTransaction {
    let engine = SQLEngine.postgres
    let connection: PostgresConnection
    var lane: Int { connection.lane }
    private var failure: (any Error)?
    private(set) var remedy = PostgresFailure.Remedy.none

    init(_ connection: PostgresConnection) { self.connection = connection }

    func end() { failure = SQLError(.other, "a transaction was used after its closure had returned") }

    /// Throws what made the transaction fail, also when the closure swallowed it.
    func check() throws { if let failure { throw failure } }

    func guarded<Value>(_ body: () throws -> Value) throws -> Value {
        try check()
        do {
            return try body()
        } catch let failed as PostgresFailure {
            failure = failed.error
            remedy = failed.remedy
            throw failed.error
        } catch {
            failure = error
            throw error
        }
    }

    func run(_ sql: String, _ parameters: [SQLValue]) throws -> Int {
        try guarded {
            let result = try connection.execute(sql, parameters)
            guard result.status == PGRES_COMMAND_OK else { throw PostgresConnection.returnsRows(sql) }
            return result.changedCount
        }
    }

    func runMany(_ sql: String, _ rows: [[SQLValue]]) throws {
        try guarded { try connection.executeMany(sql, rows) }
    }

    func query<Value>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value
    ) throws -> [Value] {
        let result = try guarded {
            let result = try connection.execute(sql, parameters)
            guard result.status == PGRES_TUPLES_OK else {
                throw SQLError(.syntax, "the statement returns no rows; use run: \(shortened(sql))")
            }
            return result
        }
        return try (0..<result.rowCount).map { row in
            result.row = row
            return try decode(result)
        }
    }
}

extension PostgresConnection {
    enum Kind: String {
        /// A snapshot: an update of a row that changed since fails and is run again, so a closure that reads,
        /// computes and writes the same row is as safe as behind SQLite's one writer. Unlike SERIALIZABLE it does
        /// not make chunks of a thousand accounts collide over pages they only read.
        case write = "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    }

    private enum Outcome<Value> {
        case done(Value)
        case failed(any Error, PostgresFailure.Remedy)
    }

    private static var attemptLimit: Int { 12 }
    /// Transactions that lost once wait for each other here, so that a hot row cannot starve them. Any fixed number.
    private static var laneNumber: Int64 { 0x6275_7362_6c61 }

    /// Runs `body` in a transaction; again, at most ``attemptLimit`` times, when another was in the way or when the
    /// connection broke before COMMIT was sent.
    func transaction<Value>(_ kind: Kind, _ body: (any SQLTransaction) throws -> Value) throws -> Value {
        var isInLane = false
        defer {
            // On a broken connection the server has let go already.
            if isInLane { _ = try? execute("SELECT pg_advisory_unlock(\(Self.laneNumber))") }
        }
        for attempt in 1... {
            let outcome = attemptOnce(kind, body)
            guard case .failed(let error, let remedy) = outcome else {
                if case .done(let value) = outcome { return value }
                break
            }
            if case .lost = remedy {
                disconnect()
                isInLane = false
            }
            if case .none = remedy { throw error }
            guard attempt < Self.attemptLimit else { throw error }
            try prepareRetry(attempt, remedy, &isInLane)
        }
        throw SQLError(.other, "unreachable: the loop above returns or throws")
    }

    private func prepareRetry(_ attempt: Int, _ remedy: PostgresFailure.Remedy, _ isInLane: inout Bool) throws {
        // At most 200 ms, and never the same for two that collided.
        Thread.sleep(forTimeInterval: Double.random(in: 0...min(0.2, 0.002 * Double(1 << attempt))))
        do {
            switch remedy {
            case .conflict where !isInLane:
                try execute("SELECT pg_advisory_lock(\(Self.laneNumber))")
                isInLane = true
            case .stale: try forgetPrepared()
            default: break
            }
        } catch let failure as PostgresFailure {
            // The next attempt finds out about a broken connection by itself.
            guard case .lost = failure.remedy else { throw failure.error }
            disconnect()
        }
    }

    private func attemptOnce<Value>(
        _ kind: Kind, _ body: (any SQLTransaction) throws -> Value
    ) -> Outcome<Value> {
        do {
            try makeReady()
            try execute(kind.rawValue)
        } catch let failure as PostgresFailure {
            return .failed(failure.error, failure.remedy)
        } catch {
            return .failed(error, .none)
        }
        let transaction = PostgresTransaction(self)
        defer { transaction.end() }
        do {
            let value = try body(transaction)
            try transaction.check()
            return try commit(value, kind)
        } catch {
            let remedy = transaction.remedy
            if case .lost = remedy { return .failed(error, .lost) }
            // When even this fails the connection is of no use any more.
            do { try execute("ROLLBACK") } catch { disconnect() }
            return .failed(error, remedy)
        }
    }

    private func commit<Value>(_ value: Value, _ kind: Kind) throws -> Outcome<Value> {
        do {
            // The server answers ROLLBACK when the transaction had failed; check() should have seen that.
            guard try execute("COMMIT") == "COMMIT" else {
                return .failed(SQLError(.other, "PostgreSQL rolled the transaction back"), .none)
            }
            return .done(value)
        } catch let failure as PostgresFailure {
            guard case .lost = failure.remedy else { return .failed(failure.error, failure.remedy) }
            disconnect()
            // A reader has its answer.
            if case .read = kind { return .done(value) }
            // Running it again could do it twice.
            return .failed(
                SQLError(
                    .connection,
                    "the connection was lost during COMMIT; whether it was done is unknown, repeat with the same key"),
                .none)
        }
    }
}
