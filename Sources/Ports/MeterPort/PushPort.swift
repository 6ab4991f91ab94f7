// What meters send unasked, as it reaches the head-end: frames in batches, from whatever listens. MeterListener stands
// behind it on the network.

/// One frame of a meter, not looked at beyond its envelope.
public struct PushedFrame: Sendable, Equatable {
    /// The sender's address without port, as text: `10.1.2.3`, `2001:db8::7`.
    public var remote: String
    /// Wrapper addresses as sent.
    public var source: UInt16
    public var destination: UInt16
    public var apdu: [UInt8]
    public init(remote: String, source: UInt16 = 1, destination: UInt16 = 64, apdu: [UInt8]) {
        self.remote = remote
        self.source = source
        self.destination = destination
        self.apdu = apdu
    }
}

/// A frame and the way back to its sender.
public struct ReceivedPush: Sendable {
    public var frame: PushedFrame
    /// Sends an APDU back; does nothing when the sender has gone.
    public var answer: @Sendable ([UInt8]) -> Void
    public init(_ frame: PushedFrame, answer: @escaping @Sendable ([UInt8]) -> Void) {
        self.frame = frame
        self.answer = answer
    }
}

/// Where pushes come from.
public protocol PushSource: Sendable {
    /// Waits for frames and gives those that are there, at least one, at most `limit`, in the order of arrival.
    /// Nil when the source has ended, or the task was cancelled.
    func next(limit: Int) async -> [ReceivedPush]?
}
