// Invocation counters after a loss: the meter's own value read through the public association, and the rule of what
// to use next. A state machine: APDUs in, APDUs out. Storing is the caller's: keep the new value on disk before
// using it.

/// What the meter's counter says about ours.
public enum CounterVerdict: Hashable, Sendable {
    /// Ours is above what the meter has seen: nothing to do.
    case ahead
    /// The meter has seen more than we have stored (a restored copy, a second head-end): go on from `next`.
    case raised(next: UInt32)
    /// No counter is left below the highest one: the meter needs a new key.
    case exhausted

    /// - Parameters:
    ///   - next: the next counter that we would use, as stored.
    ///   - meterLast: the last one the meter has accepted.
    ///   - reserve: how many are to be left for one association.
    public init(next: UInt32, meterLast: UInt32, reserve: UInt32 = 1) {
        let wanted = max(UInt64(next), UInt64(meterLast) + 1)
        // The highest counter is never used.
        if wanted + UInt64(reserve) > UInt64(UInt32.max) {
            self = .exhausted
        } else {
            self = next > meterLast ? .ahead : .raised(next: UInt32(wanted))
        }
    }
}

/// Reads the counter of another association through the public client (address 16, no security).
public struct CounterRecovery: Sendable {
    public enum Event: Hashable, Sendable {
        case send([UInt8])
        /// The last counter the meter has accepted. Close the connection.
        case finished(meterLast: UInt32)
    }
    private enum State { case associating, reading, releasing(UInt32), finished }

    private var client: DLMSClient
    private let reference: AttributeReference
    private var state = State.associating

    /// - Parameter counter: class 1, attribute 2 of 0.0.43.1.x; in India by association.
    public init(counter: AttributeReference, maxPDU: UInt16 = 0xFFFF) {
        reference = counter
        client = DLMSClient(
            ClientConfiguration(mechanism: .none, maxPDU: maxPDU, conformance: [.get, .blockTransferWithGet]))
    }

    /// AARQ of the public client.
    public mutating func start() throws(DLMSError) -> [UInt8] { try client.associate() }

    /// Takes one APDU of the meter. Any error ends it.
    public mutating func receive(_ apdu: [UInt8]) throws(DLMSError) -> Event {
        let event = try client.receive(apdu)
        switch (state, event) {
        case (_, .send(let next)): return .send(next)
        case (.associating, .associated):
            state = .reading
            return .send(try client.get(reference))
        case (.reading, .value(let value)):
            guard let number = value.integer, let counter = UInt32(exactly: number) else {
                throw .unexpected("\(reference) is not an invocation counter")
            }
            state = .releasing(counter)
            return .send(try client.release())
        case (.reading, .failed(let result)): throw .unexpected("\(reference): \(result)")
        case (.releasing(let counter), .released):
            state = .finished
            return .finished(meterLast: counter)
        default: throw .unexpected("counter recovery: \(event)")
        }
    }
}
