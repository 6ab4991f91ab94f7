// Between the event loops that read frames and the one that stores them: bounded. When it is full readers stop, and go
// on when half of it is taken. Knows no socket.
import MeterPort
import Synchronization

/// A bounded queue with one consumer.
final class PushQueue: PushSource, Sendable {
    private struct State {
        var frames: [ReceivedPush] = []
        /// Told once there is room again.
        var stopped: [@Sendable () -> Void] = []
        var consumer: CheckedContinuation<Void, Never>?
        var hasEnded = false
    }
    private let state = Mutex(State())
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// False when it is full or has ended.
    func offer(_ push: ReceivedPush) -> Bool {
        let consumer: CheckedContinuation<Void, Never>?? = state.withLock { state in
            guard state.frames.count < limit, !state.hasEnded else { return nil }
            state.frames.append(push)
            let consumer = state.consumer
            state.consumer = nil
            return .some(consumer)
        }
        guard let consumer else { return false }
        consumer?.resume()
        return true
    }

    var isFull: Bool { state.withLock { $0.frames.count >= limit } }

    /// Calls `wake` once when there is room; at once when there is some now. Not at all after the end.
    func whenRoom(_ wake: @escaping @Sendable () -> Void) {
        let isRoom = state.withLock { state in
            guard !state.hasEnded else { return false }
            if state.frames.count > limit / 2 {
                state.stopped.append(wake)
                return false
            }
            return true
        }
        if isRoom { wake() }
    }

    func next(limit: Int) async -> [ReceivedPush]? {
        while !Task.isCancelled {
            if let taken = take(limit) { return taken.isEmpty ? nil : taken }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isNow = state.withLock { state in
                        guard state.frames.isEmpty, !state.hasEnded, !Task.isCancelled else { return true }
                        state.consumer = continuation
                        return false
                    }
                    if isNow { continuation.resume() }
                }
            } onCancel: {
                wakeConsumer()
            }
        }
        return nil
    }

    /// Nil: nothing there yet. Empty: the end.
    private func take(_ count: Int) -> [ReceivedPush]? {
        let (taken, wakes): ([ReceivedPush]?, [@Sendable () -> Void]) = state.withLock { state in
            guard !state.frames.isEmpty else { return (state.hasEnded ? [] : nil, []) }
            let taken = Array(state.frames.prefix(count))
            state.frames.removeFirst(taken.count)
            guard state.frames.count <= limit / 2 else { return (taken, []) }
            let wakes = state.stopped
            state.stopped = []
            return (taken, wakes)
        }
        for wake in wakes { wake() }
        return taken
    }

    private func wakeConsumer() {
        let consumer = state.withLock { state in
            let consumer = state.consumer
            state.consumer = nil
            return consumer
        }
        consumer?.resume()
    }

    /// Nothing comes any more; what is there is still given out.
    func end() {
        state.withLock { state in
            state.hasEnded = true
            state.stopped = []
        }
        wakeConsumer()
    }
}
