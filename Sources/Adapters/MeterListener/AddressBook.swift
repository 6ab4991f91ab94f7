// Who is connected and how much came from where, so that no address takes it all. Bounded, forgets by itself.
import Synchronization

final class AddressBook: Sendable {
    private struct Entry {
        var connections = 0
        var windowStartMs: Int64 = 0
        var frames = 0
    }
    private struct State {
        var entries: [String: Entry] = [:]
        var connections = 0

        /// When the book is full, everybody who is not connected is forgotten.
        mutating func makeRoom(_ limit: Int) {
            guard entries.count >= limit else { return }
            entries = entries.filter { $0.value.connections > 0 }
        }
    }
    private static let entriesMax = 50_000
    private static let windowMs: Int64 = 60_000

    private let state = Mutex(State())
    private let options: MeterListenerOptions
    private let nowMs: @Sendable () -> Int64

    init(_ options: MeterListenerOptions, nowMs: @escaping @Sendable () -> Int64) {
        self.options = options
        self.nowMs = nowMs
    }

    /// Counts a connection in; false when there are too many in all or from this address.
    func connect(_ address: String) -> Bool {
        state.withLock { state in
            let mine = state.entries[address]?.connections ?? 0
            guard state.connections < options.connectionsMax, mine < options.connectionsPerAddress else { return false }
            state.makeRoom(Self.entriesMax)
            state.connections += 1
            state.entries[address, default: Entry()].connections += 1
            return true
        }
    }

    func disconnect(_ address: String) {
        state.withLock { state in
            state.connections -= 1
            state.entries[address]?.connections -= 1
        }
    }

    /// Counts a frame; false when the address has sent enough for this minute.
    func takeFrame(_ address: String) -> Bool {
        let now = nowMs()
        return state.withLock { state in
            if state.entries[address] == nil { state.makeRoom(Self.entriesMax) }
            var entry = state.entries[address] ?? Entry()
            // A clock that was set back begins a new minute, too.
            if now - entry.windowStartMs >= Self.windowMs || now < entry.windowStartMs {
                (entry.windowStartMs, entry.frames) = (now, 0)
            }
            entry.frames += 1
            state.entries[address] = entry
            return entry.frames <= options.framesPerMinute
        }
    }
}
