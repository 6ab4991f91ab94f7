// What the two ends of an HDLC link agree on (IEC 62056-46, 6.4.4.4.3.2), and the numbering of their information
// frames.

/// Sizes from the point of view of one end.
public struct HDLCParameters: Hashable, Sendable {
    /// Octets of information in one frame that this end sends and takes: 1...2030.
    public var maxInformationTransmit: Int
    public var maxInformationReceive: Int
    /// Frames in a row without an answer: 1...7.
    public var windowTransmit: Int
    public var windowReceive: Int

    /// Left out means the defaults of the standard, 128 octets and a window of 1.
    public init(
        maxInformationTransmit: Int = 128, maxInformationReceive: Int = 128, windowTransmit: Int = 1,
        windowReceive: Int = 1
    ) {
        self.maxInformationTransmit = min(max(maxInformationTransmit, 1), 2030)
        self.maxInformationReceive = min(max(maxInformationReceive, 1), 2030)
        self.windowTransmit = min(max(windowTransmit, 1), 7)
        self.windowReceive = min(max(windowReceive, 1), 7)
    }

    /// The information field of SNRM and UA.
    public var bytes: [UInt8] {
        var body: [UInt8] = []
        for (tag, size) in [(UInt8(5), maxInformationTransmit), (6, maxInformationReceive)] {
            body += size < 256 ? [tag, 1, UInt8(size)] : [tag, 2, UInt8(size >> 8), UInt8(size & 0xFF)]
        }
        for (tag, count) in [(UInt8(7), windowTransmit), (8, windowReceive)] {
            body += [tag, 4, 0, 0, 0, UInt8(count)]
        }
        return [0x81, 0x80, UInt8(body.count)] + body
    }

    /// Reads the information field of SNRM and UA; empty means the defaults, and so does a parameter left out.
    public init(bytes: [UInt8]) throws(DLMSError) {
        self.init()
        guard !bytes.isEmpty else { return }
        var reader = ByteReader(bytes)
        try reader.expect(0x81, "format of HDLC parameters")
        try reader.expect(0x80, "group of HDLC parameters")
        var group = ByteReader(try reader.take(Int(try reader.u8())))
        while group.remaining > 0 {
            let tag = try group.u8()
            let octets = try group.take(Int(try group.u8()))
            guard (1...4).contains(octets.count) else {
                throw .malformed("HDLC parameter \(tag)", offset: group.offset)
            }
            let value = octets.reduce(0) { $0 << 8 | Int($1) }
            guard value > 0 else { throw .malformed("HDLC parameter \(tag) is 0", offset: group.offset) }
            switch tag {
            case 5: maxInformationTransmit = min(value, 2030)
            case 6: maxInformationReceive = min(value, 2030)
            case 7: windowTransmit = min(value, 7)
            case 8: windowReceive = min(value, 7)
            default: break
            }
        }
    }

    /// What this end may do after the other end said what it can.
    func agreed(with other: HDLCParameters) -> HDLCParameters {
        HDLCParameters(
            maxInformationTransmit: min(maxInformationTransmit, other.maxInformationReceive),
            maxInformationReceive: min(maxInformationReceive, other.maxInformationTransmit),
            windowTransmit: min(windowTransmit, other.windowReceive),
            windowReceive: min(windowReceive, other.windowTransmit))
    }
}

/// Information frames of one end, both ways: what is sent and not acknowledged, what is being put together.
struct HDLCSequence: Sendable {
    private struct Segment: Sendable {
        var bytes: [UInt8]
        var isSegmented: Bool
    }
    private var outgoing: [Segment] = []
    /// Number of the first segment of `outgoing`.
    private var firstNumber: UInt8 = 0
    /// How many of `outgoing` are on their way.
    private var inFlight = 0
    /// The number of the frame that is expected next, V(R).
    private(set) var expected: UInt8 = 0
    private var incoming: [UInt8] = []

    var hasOutgoing: Bool { !outgoing.isEmpty }

    mutating func load(_ message: [UInt8], size: Int) {
        for start in stride(from: 0, to: message.count, by: size) {
            let end = min(start + size, message.count)
            outgoing.append(Segment(bytes: Array(message[start..<end]), isSegmented: end < message.count))
        }
    }

    /// How many frames are acknowledged by it; nil for frames that were never sent.
    mutating func acknowledge(_ number: UInt8) -> Int? {
        let count = Int((number &- firstNumber) & 7)
        guard count <= inFlight else { return nil }
        outgoing.removeFirst(count)
        inFlight -= count
        firstNumber = number & 7
        return count
    }

    /// What is not acknowledged will be sent again.
    mutating func rewind() { inFlight = 0 }

    /// The frames that the window still allows; the last one gives the turn to the other end.
    mutating func window(_ size: Int) -> [(control: HDLCControl, isSegmented: Bool, bytes: [UInt8])] {
        var frames: [(control: HDLCControl, isSegmented: Bool, bytes: [UInt8])] = []
        let end = min(size, outgoing.count)
        while inFlight < end {
            let segment = outgoing[inFlight]
            let control = HDLCControl.information(
                send: (firstNumber &+ UInt8(inFlight)) & 7, receive: expected, poll: inFlight == end - 1)
            frames.append((control, segment.isSegmented, segment.bytes))
            inFlight += 1
        }
        return frames
    }

    enum Accepted {
        /// Seen before, or one before it is missing: its information is not used.
        case outOfSequence
        case more
        case message([UInt8])
    }

    mutating func accept(
        _ number: UInt8, _ bytes: [UInt8], isSegmented: Bool, limit: Int
    ) throws(DLMSError) -> Accepted {
        guard number == expected else { return .outOfSequence }
        guard incoming.count + bytes.count <= limit else {
            incoming = []
            throw .tooLarge("APDU above \(limit) octets")
        }
        expected = (expected + 1) & 7
        incoming += bytes
        if isSegmented { return .more }
        defer { incoming = [] }
        return .message(incoming)
    }
}
