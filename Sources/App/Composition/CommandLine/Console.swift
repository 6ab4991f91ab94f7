// The terminal as commands see it: results apart from notes, and progress that shows only when it is worth showing.
// Prints nothing itself; the executable and the tests hand in the closures.
import Clocks
import Foundation
import Synchronization

/// Where a command puts its words.
public struct Console: Sendable {
    /// A line of the result, for standard output.
    public var say: @Sendable (String) -> Void
    /// A line beside the result, for standard error.
    public var note: @Sendable (String) -> Void
    /// Shows a passing line in place of the one before; an empty one removes it. Nil when nobody watches.
    public var show: (@Sendable (String) -> Void)?

    public init(
        say: @escaping @Sendable (String) -> Void, note: @escaping @Sendable (String) -> Void,
        show: (@Sendable (String) -> Void)? = nil
    ) {
        self.say = say
        self.note = note
        self.show = show
    }

    /// A value as one line of JSON, keys in order.
    func say(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        say(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// Progress of a command that may take long: nothing for two seconds, then four times a second where somebody watches,
/// and a note every 30 seconds where nobody does.
final class ProgressLine: Sendable {
    private struct State {
        var shownAtMs: Int64
        var isShown = false
    }
    private let console: Console
    private let startMs: Int64
    private let nowMs: @Sendable () -> Int64
    private let state: Mutex<State>

    init(_ console: Console, nowMs: @escaping @Sendable () -> Int64 = Clocks.live.systemNowMs) {
        self.console = console
        self.nowMs = nowMs
        startMs = nowMs()
        state = Mutex(State(shownAtMs: startMs))
    }

    func at(_ text: @autoclosure () -> String) {
        let now = nowMs()
        let isDue = state.withLock { state in
            let pauseMs: Int64 = console.show == nil ? 30_000 : state.isShown ? 250 : 2_000
            guard now - state.shownAtMs >= pauseMs else { return false }
            state.shownAtMs = now
            state.isShown = true
            return true
        }
        guard isDue else { return }
        (console.show ?? console.note)(text())
    }

    /// Removes the line. Returns how long it all took: `0.4 s`.
    func end() -> String {
        if state.withLock({ $0.isShown }) { console.show?("") }
        let tenths = (nowMs() - startMs + 50) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
