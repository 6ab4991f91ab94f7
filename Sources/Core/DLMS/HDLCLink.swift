// Both ends of an HDLC link in normal response mode (IEC 62056-46) as state machines: octets in, octets and events out.
// The client has the first word; each end answers only when polled. Time is the caller's.

/// What comes out of a link.
public enum HDLCEvent: Hashable, Sendable {
    /// Send these octets: frames of the link itself.
    case send([UInt8])
    /// The link stands; the sizes are those of this end.
    case connected(HDLCParameters)
    /// A whole APDU, its LLC head taken off.
    case received([UInt8])
    /// An APDU outside the link (UI frame), such as a push.
    case unnumbered([UInt8])
    /// The other end has heard and needs time: call `poll` after a while.
    case notReady
    case disconnected
}

/// LLC heads: E6 E6 00 of a command, E6 E7 00 of an answer.
private enum LLC {
    static let command: [UInt8] = [0xE6, 0xE6, 0x00]
    static let answer: [UInt8] = [0xE6, 0xE7, 0x00]

    static func stripped(_ message: [UInt8]) throws(DLMSError) -> [UInt8] {
        guard message.count > 3, message.starts(with: command) || message.starts(with: answer) else {
            throw .malformed("no LLC head", offset: 0)
        }
        return Array(message.dropFirst(3))
    }
}

/// The client's end (primary station). After an error call `connect` again or drop the line.
public struct HDLCClient: Sendable {
    private enum State { case disconnected, connecting, idle, waiting, disconnecting }

    public let address: HDLCAddress
    public let server: HDLCAddress
    /// What this end can; after `.connected` see `agreed`.
    public let parameters: HDLCParameters
    public let maxAPDUBytes: Int
    /// Times the same thing is sent again before `timedOut` throws.
    public let maxRetries: Int
    public private(set) var agreed = HDLCParameters()
    private var state = State.disconnected
    private var sequence = HDLCSequence()
    private var decoder = HDLCDecoder()
    private var retries = 0

    public init(
        address: HDLCAddress, server: HDLCAddress, parameters: HDLCParameters = HDLCParameters(),
        maxAPDUBytes: Int = 0xFFFF, maxRetries: Int = 3
    ) {
        self.address = address
        self.server = server
        self.parameters = parameters
        self.maxAPDUBytes = maxAPDUBytes
        self.maxRetries = maxRetries
    }

    public var isConnected: Bool { state == .idle || state == .waiting }
    /// Frames that came damaged so far.
    public var damagedCount: Int { decoder.damagedCount }

    /// SNRM. Then `receive` gives `.connected`.
    public mutating func connect() throws(DLMSError) -> [UInt8] {
        state = .connecting
        retries = 0
        decoder.reset()
        sequence = HDLCSequence()
        return try setMode()
    }

    /// The default sizes are not written out: some meters know no parameters.
    private func setMode() throws(DLMSError) -> [UInt8] {
        try frame(
            .setNormalResponseMode(poll: true), parameters == HDLCParameters() ? [] : parameters.bytes)
    }

    /// DISC. Then `receive` gives `.disconnected`.
    public mutating func disconnect() throws(DLMSError) -> [UInt8] {
        state = .disconnecting
        retries = 0
        return try frame(.disconnect(poll: true))
    }

    /// One APDU, cut into frames of the agreed size; the first window of them. The answer comes by `receive`.
    public mutating func send(_ apdu: [UInt8]) throws(DLMSError) -> [UInt8] {
        guard state == .idle else { throw .unexpected("HDLC: not connected, or amid another exchange") }
        sequence.load(LLC.command + apdu, size: agreed.maxInformationTransmit)
        state = .waiting
        retries = 0
        return try transmit()
    }

    /// Asks the other end to go on: after `.notReady`.
    public func poll() throws(DLMSError) -> [UInt8] {
        try frame(.receiveReady(receive: sequence.expected, poll: true))
    }

    /// Nothing came in time: what to send again. Throws after `maxRetries`.
    public mutating func timedOut() throws(DLMSError) -> [UInt8] {
        decoder.reset()
        guard state != .disconnected, state != .idle else { throw .unexpected("HDLC: nothing is awaited") }
        guard retries < maxRetries else {
            state = .disconnected
            throw .unexpected("HDLC: no answer after \(maxRetries) repetitions")
        }
        retries += 1
        switch state {
        case .connecting: return try setMode()
        case .disconnecting: return try frame(.disconnect(poll: true))
        default:
            guard sequence.hasOutgoing else { return try poll() }
            sequence.rewind()
            return try transmit()
        }
    }

    private func frame(
        _ control: HDLCControl, _ information: [UInt8] = [], isSegmented: Bool = false
    ) throws(DLMSError) -> [UInt8] {
        try HDLCFrame(
            destination: server, source: address, control: control, isSegmented: isSegmented, information: information
        ).encoded()
    }

    private mutating func transmit() throws(DLMSError) -> [UInt8] {
        var octets: [UInt8] = []
        for item in sequence.window(agreed.windowTransmit) {
            octets += try frame(item.control, item.bytes, isSegmented: item.isSegmented)
        }
        return octets
    }

    /// Takes octets as they came.
    public mutating func receive(_ octets: some Sequence<UInt8>) throws(DLMSError) -> [HDLCEvent] {
        decoder.append(octets)
        var events: [HDLCEvent] = []
        while let next = decoder.next() {
            guard next.destination == address, next.source.isSameStation(as: server) else { continue }
            events += try handle(next)
        }
        return events
    }

    private mutating func handle(_ frame: HDLCFrame) throws(DLMSError) -> [HDLCEvent] {
        switch (state, frame.control) {
        case (.connecting, .unnumberedAcknowledge):
            agreed = parameters.agreed(with: try HDLCParameters(bytes: frame.information))
            state = .idle
            return [.connected(agreed)]
        case (.disconnecting, .unnumberedAcknowledge), (.disconnecting, .disconnectedMode):
            state = .disconnected
            return [.disconnected]
        case (.connecting, .disconnectedMode), (.idle, .disconnectedMode), (.waiting, .disconnectedMode):
            state = .disconnected
            return [.disconnected]
        case (_, .frameReject):
            state = .disconnected
            throw .unexpected("HDLC: frame rejected")
        case (_, .unnumberedInformation): return [.unnumbered(try LLC.stripped(frame.information))]
        case (.waiting, .receiveReady(let number, let final)):
            try acknowledge(number)
            guard final else { return [] }
            return try goOn()
        case (.waiting, .receiveNotReady(let number, let final)):
            try acknowledge(number)
            sequence.rewind()
            return final ? [.notReady] : []
        case (.waiting, .information(let number, let acknowledged, let final)):
            try acknowledge(acknowledged)
            return try information(number, frame, final)
        default: return []
        }
    }

    private mutating func acknowledge(_ number: UInt8) throws(DLMSError) {
        guard let count = sequence.acknowledge(number) else {
            state = .disconnected
            throw .unexpected("HDLC: frame \(number) acknowledged that was not sent")
        }
        if count > 0 { retries = 0 }
    }

    /// The turn came back without an answer: send the rest, or what was lost.
    private mutating func goOn() throws(DLMSError) -> [HDLCEvent] {
        guard sequence.hasOutgoing else { return [.notReady] }
        try countRetry()
        sequence.rewind()
        return [.send(try transmit())]
    }

    /// Progress sets the count back: two ends that agree on nothing must not talk for ever.
    private mutating func countRetry() throws(DLMSError) {
        guard retries <= maxRetries else {
            state = .disconnected
            throw .unexpected("HDLC: no progress after \(maxRetries) repetitions")
        }
        retries += 1
    }

    private mutating func information(
        _ number: UInt8, _ frame: HDLCFrame, _ final: Bool
    ) throws(DLMSError) -> [HDLCEvent] {
        let accepted: HDLCSequence.Accepted
        do {
            accepted = try sequence.accept(
                number, frame.information, isSegmented: frame.isSegmented, limit: maxAPDUBytes + 3)
        } catch {
            state = .disconnected
            throw error
        }
        switch accepted {
        case .message(let message):
            state = .idle
            return [.received(try LLC.stripped(message))]
        case .more: retries = 0
        case .outOfSequence: if final { try countRetry() }
        }
        if sequence.hasOutgoing { return final ? try goOn() : [] }
        return final ? [.send(try poll())] : []
    }
}

extension HDLCAddress {
    /// The same station, whatever the number of octets it is written with.
    func isSameStation(as other: HDLCAddress) -> Bool { upper == other.upper && lower ?? 0 == other.lower ?? 0 }
}

/// The meter's end (secondary station): one client at a time.
public struct HDLCServer: Sendable {
    public let address: HDLCAddress
    public let parameters: HDLCParameters
    public let maxAPDUBytes: Int
    /// The client of the standing link.
    public private(set) var client: HDLCAddress?
    public private(set) var agreed = HDLCParameters()
    private var sequence = HDLCSequence()
    private var decoder = HDLCDecoder()
    /// An APDU was given out and its answer has not come.
    private var isAnswerAwaited = false

    public init(
        address: HDLCAddress, parameters: HDLCParameters = HDLCParameters(), maxAPDUBytes: Int = 0xFFFF
    ) {
        self.address = address
        self.parameters = parameters
        self.maxAPDUBytes = maxAPDUBytes
    }

    /// The line was dropped or silent for the inactivity time-out: the link is gone.
    public mutating func reset() {
        client = nil
        sequence = HDLCSequence()
        decoder.reset()
        isAnswerAwaited = false
    }

    /// The answer to a `.received` APDU: the first window of its frames.
    public mutating func send(_ apdu: [UInt8]) throws(DLMSError) -> [UInt8] {
        guard let client, isAnswerAwaited else { throw .unexpected("HDLC: nobody awaits an answer") }
        isAnswerAwaited = false
        sequence.load(LLC.answer + apdu, size: agreed.maxInformationTransmit)
        return try transmit(to: client)
    }

    /// An APDU outside the link (UI), such as a push.
    public func unnumbered(_ apdu: [UInt8], to client: HDLCAddress) throws(DLMSError) -> [UInt8] {
        try frame(.unnumberedInformation(poll: false), to: client, LLC.answer + apdu)
    }

    /// Takes octets as they came. Frames that do not fit are passed over; the client asks again.
    public mutating func receive(_ octets: some Sequence<UInt8>) throws(DLMSError) -> [HDLCEvent] {
        decoder.append(octets)
        var events: [HDLCEvent] = []
        while let next = decoder.next() {
            guard next.destination.isSameStation(as: address) else { continue }
            events += try handle(next)
        }
        return events
    }

    private mutating func handle(_ frame: HDLCFrame) throws(DLMSError) -> [HDLCEvent] {
        switch frame.control {
        case .setNormalResponseMode:
            let wanted = try HDLCParameters(bytes: frame.information)
            agreed = parameters.agreed(with: wanted)
            sequence = HDLCSequence()
            isAnswerAwaited = false
            client = frame.source
            let answer = try self.frame(
                .unnumberedAcknowledge(poll: true), to: frame.source, frame.information.isEmpty ? [] : agreed.bytes)
            return [.send(answer), .connected(agreed)]
        case .disconnect:
            guard client == frame.source else { return [.send(try disconnectedMode(frame.source))] }
            let answer = try self.frame(.unnumberedAcknowledge(poll: true), to: frame.source)
            client = nil
            isAnswerAwaited = false
            return [.send(answer), .disconnected]
        case .unnumberedInformation: return [.unnumbered(try LLC.stripped(frame.information))]
        case .information(let number, let acknowledged, let poll):
            guard client == frame.source else { return poll ? [.send(try disconnectedMode(frame.source))] : [] }
            guard sequence.acknowledge(acknowledged) != nil else { return try reject(frame.source) }
            return try information(number, frame, poll)
        case .receiveReady(let number, let poll), .receiveNotReady(let number, let poll):
            guard client == frame.source else { return poll ? [.send(try disconnectedMode(frame.source))] : [] }
            guard sequence.acknowledge(number) != nil else { return try reject(frame.source) }
            return poll ? try answerPoll(frame.source) : []
        case .unnumberedAcknowledge, .disconnectedMode, .frameReject: return []
        }
    }

    private mutating func information(
        _ number: UInt8, _ frame: HDLCFrame, _ poll: Bool
    ) throws(DLMSError) -> [HDLCEvent] {
        let accepted: HDLCSequence.Accepted
        do {
            accepted = try sequence.accept(
                number, frame.information, isSegmented: frame.isSegmented, limit: maxAPDUBytes + 3)
        } catch {
            return try reject(frame.source)
        }
        if case .message(let message) = accepted, let apdu = try? LLC.stripped(message) {
            isAnswerAwaited = true
            return [.received(apdu)]
        }
        return poll ? try answerPoll(frame.source) : []
    }

    /// It is our turn: what is not acknowledged is sent again, else we say how far we are.
    private mutating func answerPoll(_ client: HDLCAddress) throws(DLMSError) -> [HDLCEvent] {
        if sequence.hasOutgoing {
            sequence.rewind()
            return [.send(try transmit(to: client))]
        }
        let number = sequence.expected
        let control: HDLCControl =
            isAnswerAwaited
            ? .receiveNotReady(receive: number, poll: true) : .receiveReady(receive: number, poll: true)
        return [.send(try frame(control, to: client))]
    }

    private mutating func reject(_ source: HDLCAddress) throws(DLMSError) -> [HDLCEvent] {
        client = nil
        isAnswerAwaited = false
        return [.send(try frame(.frameReject(poll: true), to: source)), .disconnected]
    }

    private func disconnectedMode(_ source: HDLCAddress) throws(DLMSError) -> [UInt8] {
        try frame(.disconnectedMode(poll: true), to: source)
    }

    private func frame(
        _ control: HDLCControl, to client: HDLCAddress, _ information: [UInt8] = [], isSegmented: Bool = false
    ) throws(DLMSError) -> [UInt8] {
        try HDLCFrame(
            destination: client, source: address, control: control, isSegmented: isSegmented, information: information
        ).encoded()
    }

    private mutating func transmit(to client: HDLCAddress) throws(DLMSError) -> [UInt8] {
        var octets: [UInt8] = []
        for item in sequence.window(agreed.windowTransmit) {
            octets += try frame(item.control, to: client, item.bytes, isSegmented: item.isSegmented)
        }
        return octets
    }
}
