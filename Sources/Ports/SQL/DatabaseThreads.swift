// Threads that own one connection each and take work from one bounded queue, so that no blocking database call
// ever runs on the cooperative pool. Knows no engine; both adapters use it.
import Dispatch
import Foundation
import Synchronization

/// A fixed number of threads with a connection each. A connection never leaves its thread.
///
/// It is opened by the first job of its thread; when opening fails, that job fails and the next one tries again.
public final class DatabaseThreads<Connection>: Sendable {
    private let queue: JobQueue<Connection>

    /// - Parameters:
    ///   - queueLimit: jobs that may wait; one more is refused with ``SQLError/Code/busy``.
    ///   - open: makes the connection, on its thread.
    ///   - close: ends the connection, on its thread.
    public init(
        name: String, count: Int, queueLimit: Int, open: @escaping @Sendable () throws -> Connection,
        close: @escaping @Sendable (Connection) -> Void
    ) {
        precondition(count > 0 && queueLimit > 0, "a database needs at least one thread and room for one job")
        let queue = JobQueue<Connection>(name: name, limit: queueLimit, threads: count)
        self.queue = queue
        for number in 1...count {
            // The thread holds the queue, not this object: dropping the object ends the threads.
            let thread = Thread { queue.work(open: open, close: close) }
            thread.name = count == 1 ? name : "\(name)-\(number)"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    deinit { queue.stop() }

    /// Runs `body` on one of the threads. Jobs start in the order they came.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let refusal = queue.add { connection in
                continuation.resume(with: Result { try body(connection.get()) })
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    /// The same for who does not wait: nil, or why the job was not taken.
    public func start(_ job: @escaping @Sendable (Result<Connection, any Error>) -> Void) -> SQLError? {
        queue.add(job)
    }

    /// Takes no new job, finishes those that wait, closes the connections and returns when the last thread has ended.
    public func close() async {
        await withCheckedContinuation { continuation in
            close { continuation.resume() }
        }
    }

    /// The same for who cannot wait: `whenEnded` is called on the last of the threads.
    public func close(_ whenEnded: @escaping @Sendable () -> Void) { queue.stop(whenEnded) }
}

private final class JobQueue<Connection>: Sendable {
    typealias Job = @Sendable (Result<Connection, any Error>) -> Void
    private struct State {
        var jobs: [Job] = []
        var isStopped = false
        var threads: Int
        var whenEnded: [@Sendable () -> Void] = []
    }
    private let name: String
    private let limit: Int
    private let state: Mutex<State>
    /// Counts jobs that wait, and one more for each thread once stopped.
    private let signal = DispatchSemaphore(value: 0)
    private let threads: Int

    init(name: String, limit: Int, threads: Int) {
        self.name = name
        self.limit = limit
        self.threads = threads
        state = Mutex(State(threads: threads))
    }

    /// Nil, or why the job was not taken.
    func add(_ job: @escaping Job) -> SQLError? {
        let refusal: SQLError? = state.withLock { state in
            if state.isStopped { return SQLError(.connection, "\(name) is closed") }
            if state.jobs.count >= limit {
                return SQLError(.busy, "\(name) has \(limit) jobs waiting; try again later")
            }
            state.jobs.append(job)
            return nil
        }
        if refusal == nil { signal.signal() }
        return refusal
    }

    func stop(_ whenEnded: (@Sendable () -> Void)? = nil) {
        let (first, ended) = state.withLock { state in
            let first = !state.isStopped
            state.isStopped = true
            if let whenEnded, state.threads > 0 { state.whenEnded.append(whenEnded) }
            return (first, state.threads == 0)
        }
        if first { for _ in 0..<threads { signal.signal() } }
        if ended { whenEnded?() }
    }

    func work(open: () throws -> Connection, close: (Connection) -> Void) {
        var connection: Connection?
        while true {
            signal.wait()
            let job: Job? = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
            guard let job else { break }
            if let connection {
                job(.success(connection))
            } else {
                do {
                    let opened = try open()
                    connection = opened
                    job(.success(opened))
                } catch {
                    job(.failure(error))
                }
            }
        }
        if let connection { close(connection) }
        let whenEnded = state.withLock { state in
            state.threads -= 1
            return state.threads == 0 ? state.whenEnded : []
        }
        for call in whenEnded { call() }
    }
}
