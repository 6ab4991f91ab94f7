// A database that counts and times its transactions and gives each a span. Passes everything on unchanged and knows no
// table; text of statements and values are never looked at.
import CivilTime
import Clocks
import SQL
import Synchronization

/// Counts one store's transactions. One for all months of readings.
public final class StoreMeter: Sendable {
    let store: String
    private let waiting = Atomic<Int>(0)

    /// - Parameter store: `money` or `readings`, the label of its figures.
    public init(store: String) { self.store = store }

    /// Transactions that wait for a thread at this moment.
    public var waitingCount: Int { waiting.load(ordering: .relaxed) }

    fileprivate func measure<Value: Sendable>(
        _ mode: String, _ run: (_ begun: @escaping @Sendable () -> Void) async throws -> Value
    ) async throws -> Value {
        let startNs = Stopwatch.nowNs()
        let runs = Runs()
        waiting.wrappingAdd(1, ordering: .relaxed)
        defer {
            let times = runs.count.load(ordering: .relaxed)
            if times == 0 { waiting.wrappingSubtract(1, ordering: .relaxed) }
            if times > 1 { Metric.repeats.increment([store], by: Int64(times - 1)) }
            Metric.transactionDuration.observe(ns: Stopwatch.nowNs() - startNs, [store, mode])
        }
        do {
            let value = try await Watch.span("sql.\(mode)", .client, [("store", store)]) {
                try await run { [self] in
                    let earlier = runs.count.wrappingAdd(1, ordering: .relaxed).oldValue
                    if earlier == 0 { waiting.wrappingSubtract(1, ordering: .relaxed) }
                }
            }
            Metric.transactions.increment([store, mode, "ok"])
            return value
        } catch {
            let outcome =
                switch error {
                case let error as SQLError: error.code == .busy ? "busy" : "failed"
                default: "refused"
                }
            Metric.transactions.increment([store, mode, outcome])
            throw error
        }
    }

    private final class Runs: Sendable { let count = Atomic<Int>(0) }
}

public struct MeasuredDatabase: Database {
    private let inner: any Database
    private let meter: StoreMeter

    public init(_ inner: any Database, _ meter: StoreMeter) {
        self.inner = inner
        self.meter = meter
    }

    public var engine: SQLEngine { inner.engine }

    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await meter.measure("read") { begun in
            try await inner.read { transaction in
                begun()
                return try body(transaction)
            }
        }
    }

    @discardableResult
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await meter.measure("write") { begun in
            try await inner.write { transaction in
                begun()
                return try body(transaction)
            }
        }
    }

    public func close() async { await inner.close() }
}

/// Readings whose months are all measured together.
public struct MeasuredReadings: ReadingsStore {
    private let inner: any ReadingsStore
    private let meter: StoreMeter

    public init(_ inner: any ReadingsStore, _ meter: StoreMeter) {
        self.inner = inner
        self.meter = meter
    }

    public func months() async throws -> [CivilMonth] { try await inner.months() }
    public var files: any MonthFiles { inner.files }
    public func shard(_ month: CivilMonth) async throws -> any Database {
        MeasuredDatabase(try await inner.shard(month), meter)
    }
    public func close() async { await inner.close() }
}
