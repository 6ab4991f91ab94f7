// The process number while the process lives: renewed in time, and nothing written once it has run out: ids made
// after that may be somebody else's. A process that was stopped for minutes wakes up here.
import API
import Access
import CivilTime
import Clocks
import Logging
import SQL
import ServiceLifecycle
import Synchronization

/// The number this process makes its ids with, and until when.
final class HeldNumber: Sendable {
    private let number: ProcessNumber
    private let money: any Database
    private let clocks: Clocks
    /// No other process can take the number, so it does not run out.
    private let isAlone: Bool
    private let untilMs: Mutex<Int64>

    /// - Parameter money: not guarded by this number, as renewing it must be possible when it has run out.
    init(_ number: ProcessNumber, in money: any Database, clocks: Clocks, isAlone: Bool) {
        self.number = number
        self.money = money
        self.clocks = clocks
        self.isAlone = isAlone
        untilMs = Mutex(number.untilMs)
    }

    /// - Throws: ``Refusal`` `conflict` when another process has taken the number over.
    func renew() async throws {
        let renewed = try await number.renewed(in: money, systemNowMs: clocks.systemNowMs())
        untilMs.withLock { $0 = renewed.untilMs }
    }

    /// Renews it until cancelled, for work that ends by itself. Once it is lost nothing more is written: ``check()``.
    func keeping(every pause: Duration = .seconds(20)) -> Task<Void, Never>? {
        guard !isAlone else { return nil }
        return Task {
            while (try? await Task.sleep(for: pause)) != nil { try? await renew() }
        }
    }

    /// System time until which the number is held.
    var heldUntilMs: Int64 { untilMs.withLock { $0 } }

    func release(latestIDMs: Int64) async {
        try? await number.release(in: money, systemNowMs: clocks.systemNowMs(), latestIDMs: latestIDMs)
    }

    func undo(lastHeldMs: Int64) async throws { try await number.undo(in: money, lastHeldMs: lastHeldMs) }

    /// Called when a transaction has made its ids and before it is committed. An id holds the time it was made at, so
    /// one made within the lease stays this process's own however late it is stored.
    func check() throws {
        guard !isAlone else { return }
        let lateMs = clocks.systemNowMs() - untilMs.withLock { $0 }
        guard lateMs > 0 else { return }
        throw SQLError(
            .connection, "this process was away for too long and may not write before it has renewed its number")
    }
}

/// Renews the number. Losing it ends the process: its ids would not be its own any more.
struct LeaseKeeper: Service {
    let lease: HeldNumber
    let readiness: Readiness
    let log: Logger

    func run() async throws {
        readiness.leased(untilMs: lease.heldUntilMs)
        try await cancelWhenGracefulShutdown {
            var pauseS = 20
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(pauseS))
                guard !Task.isCancelled else { return }
                do {
                    try await lease.renew()
                    readiness.leased(untilMs: lease.heldUntilMs)
                    pauseS = 20
                } catch let refusal as Refusal {
                    readiness.leased(untilMs: 0)
                    log.critical("process number lost", metadata: ["error": "\(refusal)"])
                    throw refusal
                } catch {
                    // Soon again: once the lease has run out nothing is written until this works.
                    pauseS = 2
                    log.error("process number not renewed, trying again", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}

/// A database into which nothing is committed without a process number.
struct LeasedDatabase: Database {
    let inner: any Database
    private let lease: HeldNumber

    init(_ inner: any Database, _ lease: HeldNumber) {
        self.inner = inner
        self.lease = lease
    }

    var engine: SQLEngine { inner.engine }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value { try await inner.read(body) }

    @discardableResult
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await inner.write { [lease] transaction in
            let value = try body(transaction)
            try lease.check()
            return value
        }
    }

    func close() async { await inner.close() }
}

/// Readings whose shards are all leased.
struct LeasedReadings: ReadingsStore {
    private let inner: any ReadingsStore
    private let lease: HeldNumber

    init(_ inner: any ReadingsStore, _ lease: HeldNumber) {
        self.inner = inner
        self.lease = lease
    }

    func months() async throws -> [CivilMonth] { try await inner.months() }
    func monthsInReach() async throws -> [CivilMonth] { try await inner.monthsInReach() }
    var files: any MonthFiles { inner.files }
    func shard(_ month: CivilMonth) async throws -> any Database {
        LeasedDatabase(try await inner.shard(month), lease)
    }
    func close() async { await inner.close() }
}
