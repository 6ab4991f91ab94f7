// A Database that says what it is about to write, and lets a test end the process or fail the statement there. Only for
// tests.
import CivilTime
import Foundation
import SQL
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A place in a run: before the n-th statement of a kind, or just after the commit that ended with it.
/// Kinds read `INSERT charge`, `UPDATE job`; they stay the same when meters answer in another order.
public struct WritePoint: Sendable, Hashable, Codable, CustomStringConvertible {
    public enum Moment: String, Sendable, Codable { case statement, commit }
    public var moment: Moment
    public var kind: String
    /// From 1.
    public var number: Int
    public init(_ moment: Moment, _ kind: String, _ number: Int) {
        self.moment = moment
        self.kind = kind
        self.number = number
    }
    public var description: String { "\(moment.rawValue) \(number) of \(kind)" }
}

/// Counts the writes of all databases it is given to, and does something at one of them.
public final class WriteWatch: Sendable {
    public enum Action: String, Sendable, Codable {
        /// SIGKILL to this process: nothing is flushed, nothing is closed.
        case kill
        /// The statement throws ``SQLError`` `full`; at a commit: it has happened, but the caller hears of a failure.
        case fail
    }
    private struct Kind: Hashable {
        var moment: WritePoint.Moment
        var kind: String
    }
    private let counts = Mutex<[Kind: Int]>([:])
    private let acted = Mutex(false)
    private let target: WritePoint?
    private let action: Action

    /// - Parameter target: where; nil to count only.
    public init(_ action: Action = .kill, at target: WritePoint? = nil) {
        self.action = action
        self.target = target
    }

    /// How often each kind was written so far.
    public func seen(_ moment: WritePoint.Moment) -> [String: Int] {
        counts.withLock { counts in
            Dictionary(uniqueKeysWithValues: counts.filter { $0.key.moment == moment }.map { ($0.key.kind, $0.value) })
        }
    }

    public var hasActed: Bool { acted.withLock { $0 } }

    fileprivate func pass(_ moment: WritePoint.Moment, _ kind: String) throws {
        let number = counts.withLock { counts in
            counts[Kind(moment: moment, kind: kind), default: 0] += 1
            return counts[Kind(moment: moment, kind: kind), default: 0]
        }
        guard let target, target == WritePoint(moment, kind, number) else { return }
        acted.withLock { $0 = true }
        switch action {
        case .kill:
            kill(getpid(), SIGKILL)
            while true { sleep(1) }
        case .fail:
            throw SQLError(.full, "made to fail at \(target)")
        }
    }

    /// `INSERT charge` of a statement; nil for one that only reads.
    static func kind(of sql: String) -> String? {
        let words = sql.split(whereSeparator: { $0.isWhitespace || $0 == "(" })
        switch words.first {
        case "INSERT" where words.count > 2, "DELETE" where words.count > 2: return "\(words[0]) \(words[2])"
        case "UPDATE" where words.count > 1: return "UPDATE \(words[1])"
        default: return nil
        }
    }
}

/// Passes everything on; writing statements and commits go by the watch first.
public struct WatchedDatabase: Database {
    private let inner: any Database
    private let watch: WriteWatch

    public init(_ inner: any Database, _ watch: WriteWatch) {
        self.inner = inner
        self.watch = watch
    }

    public var engine: SQLEngine { inner.engine }

    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value { try await inner.read(body) }

    @discardableResult
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        let (value, last) = try await inner.write { [watch] transaction in
            let watched = WatchedTransaction(transaction, watch)
            let value = try body(watched)
            if let failure = watched.failure { throw failure }
            return (value, watched.last)
        }
        if let last { try watch.pass(.commit, last) }
        return value
    }

    public func close() async { await inner.close() }
}

private final class WatchedTransaction: SQLTransaction {
    private let inner: any SQLTransaction
    private let watch: WriteWatch
    private(set) var failure: (any Error)?
    private(set) var last: String?

    init(_ inner: any SQLTransaction, _ watch: WriteWatch) {
        self.inner = inner
        self.watch = watch
    }

    var engine: SQLEngine { inner.engine }

    private func pass(_ sql: String) throws {
        if let failure { throw failure }
        guard let kind = WriteWatch.kind(of: sql) else { return }
        do { try watch.pass(.statement, kind) } catch {
            failure = error
            throw error
        }
        last = kind
    }

    func run(_ sql: String, _ parameters: [SQLValue]) throws -> Int {
        try pass(sql)
        return try inner.run(sql, parameters)
    }

    func query<Value>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value
    ) throws -> [Value] {
        try pass(sql)
        return try inner.query(sql, parameters, decode)
    }

    func runMany(_ sql: String, _ rows: [[SQLValue]]) throws {
        for row in rows {
            try pass(sql)
            try inner.run(sql, row)
        }
    }
}

/// Readings whose shards are all watched.
public struct WatchedReadings: ReadingsStore {
    private let inner: any ReadingsStore
    private let watch: WriteWatch

    public init(_ inner: any ReadingsStore, _ watch: WriteWatch) {
        self.inner = inner
        self.watch = watch
    }

    public func months() async throws -> [CivilMonth] { try await inner.months() }
    public var files: any MonthFiles { inner.files }
    public func shard(_ month: CivilMonth) async throws -> any Database {
        WatchedDatabase(try await inner.shard(month), watch)
    }
    public func close() async { await inner.close() }
}
