// The connections that are open, so that a stop can close them.
import NIOCore
import Synchronization

final class OpenChannels: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var hasEnded = false
    }
    private let state = Mutex(State())

    /// False after the end.
    func add(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        let isTaken = state.withLock { state in
            guard !state.hasEnded else { return false }
            state.channels[key] = channel
            return true
        }
        if isTaken {
            channel.closeFuture.whenComplete { [self] _ in state.withLock { _ = $0.channels.removeValue(forKey: key) } }
        }
        return isTaken
    }

    /// Gives those that are open and takes no more.
    func end() -> [any Channel] {
        state.withLock { state in
            state.hasEnded = true
            return Array(state.channels.values)
        }
    }
}
