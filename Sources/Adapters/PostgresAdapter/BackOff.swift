// Leaves a server that is out of reach alone for a while, for all connections together: requests are refused at once
// instead of queueing behind time-outs, and a server that comes back is not stormed. Knows no libpq.
import Synchronization

/// Pauses between attempts to connect: a quarter of a second, doubling up to four seconds.
final class BackOff: Sendable {
    private struct State {
        var failures = 0
        var untilMs: Int64 = 0
        var reason = ""
    }
    static let firstMs: Int64 = 250
    static let longestMs: Int64 = 4_000
    private let state = Mutex(State())

    /// Why no attempt is made now; nil when one may be.
    func reason(nowMs: Int64) -> String? {
        state.withLock { state in
            // An end farther off than any pause was set by a clock that was ahead.
            guard nowMs < state.untilMs, state.untilMs <= nowMs + 2 * Self.longestMs else { return nil }
            return state.reason
        }
    }

    /// Several connections that fail in one pause count once.
    func failed(_ reason: String, nowMs: Int64) {
        state.withLock { state in
            guard nowMs >= state.untilMs || state.failures == 0 else { return }
            let pauseMs = min(Self.longestMs, Self.firstMs << Int64(min(state.failures, 8)))
            state.failures += 1
            // Never the same for two processes that lost the server together.
            state.untilMs = nowMs + pauseMs + Int64.random(in: 0...pauseMs / 4)
            state.reason = reason
        }
    }

    func reached() { state.withLock { $0 = State() } }
}
