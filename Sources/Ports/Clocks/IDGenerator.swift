// Ids made by the application: 63 bits, time ordered, unique across processes that hold different process numbers.
import Synchronization

/// Makes ids of 41 bits of milliseconds since 2024, 10 bits of process number and 12 bits of sequence.
/// Time never runs backwards here: when the clock does, the last millisecond is used on.
public final class IDGenerator: Sendable {
    private struct State { var lastMs: Int64; var sequence: Int64 = 0 }
    private let state: Mutex<State>
    private let processNumber: Int64
    private let systemNowMs: @Sendable () -> Int64
    /// 2024-01-01T00:00:00Z
    private static let epochMs: Int64 = 1_704_067_200_000

    /// - Parameters:
    ///   - processNumber: 0 to 1023, leased from the database so that no two processes share one.
    ///   - notBeforeMs: ids go on from here when the clock is behind it: it was set back since others were made.
    public init(processNumber: Int64, clocks: Clocks, notBeforeMs: Int64 = 0) {
        precondition((0..<1024).contains(processNumber), "process number must be 0 to 1023")
        state = Mutex(State(lastMs: max(0, notBeforeMs - Self.epochMs)))
        self.processNumber = processNumber
        self.systemNowMs = clocks.systemNowMs
    }

    /// The time of the latest id, in system milliseconds; ahead of the clock where that was set back.
    public var latestMs: Int64 { state.withLock { $0.lastMs } + Self.epochMs }

    public func next() -> Int64 {
        let nowMs = systemNowMs() - Self.epochMs
        return state.withLock { state in
            if nowMs > state.lastMs {
                state.lastMs = nowMs
                state.sequence = 0
            } else {
                state.sequence += 1
                if state.sequence == 4096 {
                    state.lastMs += 1
                    state.sequence = 0
                }
            }
            return state.lastMs << 22 | processNumber << 12 | state.sequence
        }
    }
}
