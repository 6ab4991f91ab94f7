// Writes that wait for the one writer, carried out together: one commit for all that wait, each in a savepoint of its
// own, and nobody is told before the commit. Knows no table.
import CSQLite
import SQL
import Synchronization

/// A write with who waits for it. Runs on the writer's thread only; may run more than once, as ``Database`` says.
private protocol WaitingWrite: Sendable {
    /// Runs in a savepoint of the open transaction.
    /// - Throws: when the whole transaction is gone.
    func runTogether(on connection: SQLiteConnection) throws
    /// Runs in a transaction of its own.
    func runAlone(on connection: SQLiteConnection)
    func refuse(_ error: any Error)
    /// Tells how the last run ended.
    func tell()
}

private final class Write<Value: Sendable>: WaitingWrite {
    private let body: @Sendable (any SQLTransaction) throws -> Value
    private let continuation: CheckedContinuation<Value, any Error>
    private let result = Mutex<Result<Value, any Error>?>(nil)

    init(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value,
        _ continuation: CheckedContinuation<Value, any Error>
    ) { (self.body, self.continuation) = (body, continuation) }

    func runTogether(on connection: SQLiteConnection) throws {
        let found = try connection.savepoint(body)
        result.withLock { $0 = found }
    }

    func runAlone(on connection: SQLiteConnection) {
        let found = Result { try connection.transaction("BEGIN IMMEDIATE", body) }
        result.withLock { $0 = found }
    }

    func refuse(_ error: any Error) { continuation.resume(throwing: error) }

    func tell() {
        guard let found = result.withLock({ $0 }) else { preconditionFailure("a write is told before it ran") }
        continuation.resume(with: found)
    }
}

/// The queue before the writer of one file.
final class WriteGroup: Sendable {
    private struct State {
        var waiting: [any WaitingWrite] = []
        /// Taken by the writer and not told yet.
        var running = 0
        /// The writer has been asked to look, or is at work.
        var isCalled = false
    }
    /// More in one commit would keep the first of them waiting for long.
    private static let togetherMax = 64
    private let writer: DatabaseThreads<SQLiteConnection>
    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: writes that may wait; one more is refused with ``SQLError/Code/busy``.
    init(_ writer: DatabaseThreads<SQLiteConnection>, limit: Int) { (self.writer, self.limit) = (writer, limit) }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in add(Write(body, continuation)) }
    }

    private func add(_ write: any WaitingWrite) {
        let (isFull, mustCall) = state.withLock { state in
            // One runs; the others of its group still wait.
            if state.waiting.count + max(0, state.running - 1) >= limit { return (true, false) }
            state.waiting.append(write)
            defer { state.isCalled = true }
            return (false, !state.isCalled)
        }
        if isFull { write.refuse(SQLError(.busy, "sqlite-writer has \(limit) jobs waiting; try again later")) }
        guard mustCall, let refusal = call() else { return }
        for write in take(.max) { write.refuse(refusal) }
    }

    /// Asks the writer to look. Nil, or why it will not.
    private func call() -> SQLError? {
        writer.start { [self] connection in
            do {
                let connection = try connection.get()
                repeat { carryOut(take(Self.togetherMax), on: connection) } while isOnItsOwn()
            } catch {
                for write in take(.max) { write.refuse(error) }
            }
        }
    }

    /// After a group: others of the writer's jobs come between it and the next. A writer that closes takes no more
    /// jobs; what waits is finished here then.
    private func isOnItsOwn() -> Bool {
        let waits = state.withLock { state in
            state.running = 0
            state.isCalled = !state.waiting.isEmpty
            return state.isCalled
        }
        return waits && call() != nil
    }

    private func take(_ most: Int) -> [any WaitingWrite] {
        state.withLock { state in
            let taken = Array(state.waiting.prefix(most))
            state.waiting.removeFirst(taken.count)
            state.running = taken.count
            if most == .max { (state.isCalled, state.running) = (false, 0) }
            return taken
        }
    }

    private func carryOut(_ writes: [any WaitingWrite], on connection: SQLiteConnection) {
        if writes.count > 1 {
            do {
                try connection.together { for write in writes { try write.runTogether(on: connection) } }
            } catch {
                // One of them took the transaction along, or the commit failed: each for itself.
                for write in writes { write.runAlone(on: connection) }
            }
        } else {
            for write in writes { write.runAlone(on: connection) }
        }
        for write in writes { write.tell() }
    }
}

extension SQLiteConnection {
    /// One commit around several savepoints.
    fileprivate func together(_ body: () throws -> Void) throws {
        try execute("BEGIN IMMEDIATE")
        do {
            try body()
            try execute("COMMIT")
        } catch {
            if sqlite3_get_autocommit(handle) == 0 { try execute("ROLLBACK") }
            throw error
        }
    }

    /// Runs `body` between SAVEPOINT and RELEASE; what it did is undone when it throws or a statement in it failed.
    /// - Throws: when the transaction around it is gone.
    fileprivate func savepoint<Value>(
        _ body: (any SQLTransaction) throws -> Value
    ) throws -> Result<Value, any Error> {
        try execute("SAVEPOINT one")
        let transaction = SQLiteTransaction(self)
        let result = Result {
            let value = try body(transaction)
            try transaction.check()
            return value
        }
        transaction.end()
        if case .failure(let error) = result {
            // SQLite rolls the whole transaction back by itself after some errors (disk full, I/O).
            guard sqlite3_get_autocommit(handle) == 0 else { throw error }
            try execute("ROLLBACK TO one")
        }
        try execute("RELEASE one")
        return result
    }
}
