// Bounds the time of work that does not look at cancellation (a database job, a meter).
import Synchronization

enum Deadline {
    /// The work's result, or `late()` thrown after the limit; the work is cancelled then and its result dropped.
    static func run<Value: Sendable>(
        limitMs: Int64, _ work: @escaping @Sendable () async throws -> Value, late: @escaping @Sendable () -> any Error
    ) async throws -> Value {
        let race = Race<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                race.start(continuation)
                let worker = Task {
                    do { race.finish(.success(try await work())) } catch { race.finish(.failure(error)) }
                }
                let timer = Task {
                    do { try await Task.sleep(for: .milliseconds(limitMs)) } catch { return }
                    // Decided first, so that the worker's own end does not win; cancelled before the caller goes on, so
                    // that nobody else reads from what the worker was reading.
                    race.finish(.failure(late())) { worker.cancel() }
                }
                race.whenFinished { timer.cancel() }
            }
        } onCancel: {
            race.finish(.failure(CancellationError()))
        }
    }

    /// Resumes the waiting caller once, with whatever comes first.
    private final class Race<Value: Sendable>: Sendable {
        private struct State {
            var continuation: CheckedContinuation<Value, any Error>?
            var early: Result<Value, any Error>?
            var isFinished = false
            var after: (@Sendable () -> Void)?
        }
        private let state = Mutex(State())

        func start(_ continuation: CheckedContinuation<Value, any Error>) {
            let early = state.withLock { state -> Result<Value, any Error>? in
                if state.early == nil { state.continuation = continuation }
                return state.early
            }
            if let early { continuation.resume(with: early) }
        }

        func finish(_ result: Result<Value, any Error>, beforeResuming cancel: () -> Void = {}) {
            var isFirst = false
            let (continuation, after) = state.withLock { state in
                guard !state.isFinished else {
                    return (nil as CheckedContinuation<Value, any Error>?, nil as (@Sendable () -> Void)?)
                }
                state.isFinished = true
                isFirst = true
                if state.continuation == nil { state.early = result }
                defer { state.continuation = nil }
                return (state.continuation, state.after)
            }
            if isFirst { cancel() }
            continuation?.resume(with: result)
            after?()
        }

        func whenFinished(_ action: @escaping @Sendable () -> Void) {
            let isFinished = state.withLock { state in
                state.after = action
                return state.isFinished
            }
            if isFinished { action() }
        }
    }
}
