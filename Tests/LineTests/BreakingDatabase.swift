// A database that breaks once, at the n-th place of its kind, in money and readings counted together; or that is gone
// from there on, as it is for a process that dies. Only for tests.
import CivilTime
import SQL
import Synchronization

/// Where a run breaks.
enum Break: Sendable, Hashable {
    /// A writing or reading statement inside a write fails; nothing of its transaction stays.
    case statement(Int)
    /// The connection dies when COMMIT is sent; nothing stays.
    case commit(Int)
    /// COMMIT was done, but its answer is lost.
    case answer(Int)
}

/// Counts the places and breaks at one of them.
final class Breaker: Sendable {
    private struct State {
        var statements = 0
        var commits = 0
        var hasActed = false
    }
    private let state = Mutex(State())
    private let target: Break?
    private let isFatal: Bool

    /// - Parameter isFatal: nothing goes through any more once it has broken, not even a read.
    init(at target: Break? = nil, isFatal: Bool = false) {
        self.target = target
        self.isFatal = isFatal
    }

    var statements: Int { state.withLock { $0.statements } }
    var commits: Int { state.withLock { $0.commits } }
    /// What breaks: `statement`, `commit` or `answer`.
    var kind: String {
        switch target {
        case .statement: "statement"
        case .commit: "commit"
        case .answer: "answer"
        case nil: "none"
        }
    }
    var hasActed: Bool { state.withLock { $0.hasActed } }

    fileprivate func statement() throws {
        try pass { state in
            state.statements += 1
            return .statement(state.statements)
        }
    }

    /// Counts many at once. False, and none is counted, where one of them may be the one: then each goes by itself.
    fileprivate func statements(_ count: Int) throws -> Bool {
        try proveAlive()
        return state.withLock { state in
            if case .statement(let number) = target, (state.statements...state.statements + count).contains(number) {
                return false
            }
            state.statements += count
            return true
        }
    }

    fileprivate func proveAlive() throws {
        guard isFatal, hasActed else { return }
        throw SQLError(.connection, "the process is dead")
    }

    /// The number of the commit. Another one may come between this and its answer.
    fileprivate func beforeCommit() throws -> Int {
        var number = 0
        try pass { state in
            state.commits += 1
            number = state.commits
            return .commit(state.commits)
        }
        return number
    }

    fileprivate func afterCommit(_ number: Int) throws { try pass { _ in .answer(number) } }

    private func pass(_ place: (inout State) -> Break) throws {
        try proveAlive()
        let isHere = state.withLock { state in
            let isHere = place(&state) == target && !state.hasActed
            if isHere { state.hasActed = true }
            return isHere
        }
        guard isHere, let target else { return }
        // What a full disk, and what a lost connection looks like.
        if case .statement(let number) = target, number % 2 == 0 { throw SQLError(.full, "made to break at \(target)") }
        throw SQLError(.connection, "made to break at \(target)")
    }
}

struct BreakingDatabase: Database {
    let inner: any Database
    let breaker: Breaker
    var engine: SQLEngine { inner.engine }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try breaker.proveAlive()
        return try await inner.read(body)
    }

    @discardableResult
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        let (value, number) = try await inner.write { [breaker] transaction in
            let breaking = BreakingTransaction(transaction, breaker)
            let value = try body(breaking)
            if let failure = breaking.failure { throw failure }
            return (value, try breaker.beforeCommit())
        }
        try breaker.afterCommit(number)
        return value
    }

    func close() async { await inner.close() }
}

private final class BreakingTransaction: SQLTransaction {
    private let inner: any SQLTransaction
    private let breaker: Breaker
    private(set) var failure: (any Error)?

    init(_ inner: any SQLTransaction, _ breaker: Breaker) {
        self.inner = inner
        self.breaker = breaker
    }

    var engine: SQLEngine { inner.engine }

    private func pass() throws {
        if let failure { throw failure }
        do { try breaker.statement() } catch {
            failure = error
            throw error
        }
    }

    func run(_ sql: String, _ parameters: [SQLValue]) throws -> Int {
        try pass()
        return try inner.run(sql, parameters)
    }

    func query<Value>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value
    ) throws -> [Value] {
        try pass()
        return try inner.query(sql, parameters, decode)
    }

    func runMany(_ sql: String, _ rows: [[SQLValue]]) throws {
        if failure == nil, try breaker.statements(rows.count) { return try inner.runMany(sql, rows) }
        for row in rows {
            try pass()
            try inner.run(sql, row)
        }
    }
}

struct BreakingReadings: ReadingsStore {
    let inner: any ReadingsStore
    let breaker: Breaker
    func months() async throws -> [CivilMonth] { try await inner.months() }
    var files: any MonthFiles { inner.files }
    func shard(_ month: CivilMonth) async throws -> any Database {
        BreakingDatabase(inner: try await inner.shard(month), breaker: breaker)
    }
    func close() async { await inner.close() }
}
