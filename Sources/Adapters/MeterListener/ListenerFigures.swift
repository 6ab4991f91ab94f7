// What the listener counts: how many, never who.
import Synchronization

/// Counts since the start.
public struct ListenerFigures: Sendable, Equatable {
    public var frames = 0
    public var connections = 0
    /// Connections closed at once: too many in all, or from one address.
    public var refusedConnections = 0
    /// Frames beyond the rate of their address: the connection was closed, or the datagram dropped.
    public var overRate = 0
    public var tooLarge = 0
    /// Octets that are no frames.
    public var malformed = 0
    /// Connections that began a frame and did not end it in time.
    public var tooSlow = 0
    /// How often reading stopped because the queue was full.
    public var stops = 0
    /// Datagrams dropped because the queue was full.
    public var dropped = 0
    public init() {}
}

final class FigureBox: Sendable {
    private let figures = Mutex(ListenerFigures())
    func count(_ figure: any WritableKeyPath<ListenerFigures, Int> & Sendable) {
        figures.withLock { $0[keyPath: figure] += 1 }
    }
    var now: ListenerFigures { figures.withLock { $0 } }
}
