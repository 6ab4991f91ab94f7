// A Database whose n-th writing statement fails: to show that a run leaves all or nothing behind. Only for tests.
import SQL
import Synchronization

/// Passes everything on and counts the statements of `write`; the chosen one throws ``SQLError`` `full` instead.
public final class FailingDatabase: Database {
    private let inner: any Database
    private let counter: StatementCounter

    /// - Parameter failAt: which statement fails, from 1; nil to count only.
    public init(_ inner: any Database, failAt: Int? = nil) {
        self.inner = inner
        counter = StatementCounter(failAt: failAt)
    }

    public var engine: SQLEngine { inner.engine }
    /// Statements run in `write` so far; the rows of a runMany count one each.
    public var statementCount: Int { counter.count.withLock { $0 } }

    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value { try await inner.read(body) }

    @discardableResult
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await inner.write { [counter] transaction in
            let failing = FailingTransaction(transaction, counter)
            let value = try body(failing)
            if let failure = failing.failure { throw failure }
            return value
        }
    }

    public func close() async { await inner.close() }
}

private final class StatementCounter: Sendable {
    let count = Mutex(0)
    let failAt: Int?
    init(failAt: Int?) { self.failAt = failAt }

    func next() throws {
        let number = count.withLock { count in
            count += 1
            return count
        }
        if number == failAt { throw SQLError(.full, "statement \(number) was made to fail") }
    }
}

private final class FailingTransaction: SQLTransaction {
    private let inner: any SQLTransaction
    private let counter: StatementCounter
    private(set) var failure: (any Error)?

    init(_ inner: any SQLTransaction, _ counter: StatementCounter) {
        self.inner = inner
        self.counter = counter
    }

    var engine: SQLEngine { inner.engine }

    private func count() throws {
        if let failure { throw failure }
        do { try counter.next() } catch {
            failure = error
            throw error
        }
    }

    func run(_ sql: String, _ parameters: [SQLValue]) throws -> Int {
        try count()
        return try inner.run(sql, parameters)
    }

    func query<Value>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value
    ) throws -> [Value] {
        try count()
        return try inner.query(sql, parameters, decode)
    }

    func runMany(_ sql: String, _ rows: [[SQLValue]]) throws {
        for row in rows {
            try count()
            try inner.run(sql, row)
        }
    }
}
