// HDLC frames (IEC 62056-46, frame format type 3): addresses, control octets, check sequences, and the cutting of a
// byte stream into frames. No link state (HDLCLink.swift), no serial port.

/// A data link address. A client has one octet; a server one, two or four: upper (logical device) and lower (physical
/// device) part.
public struct HDLCAddress: Hashable, Sendable, CustomStringConvertible {
    public let upper: UInt16
    /// Nil in the one-octet form.
    public let lower: UInt16?
    /// 1, 2 or 4 on the wire.
    public let octetCount: Int

    /// - Parameter octetCount: nil takes the shortest form that holds the parts.
    /// Nil when the parts do not fit: 7 bits each in one and two octets, 14 bits each in four.
    public init?(upper: UInt16, lower: UInt16? = nil, octetCount: Int? = nil) {
        let isWide = upper > 0x7F || lower ?? 0 > 0x7F
        let count = octetCount ?? (lower == nil ? 1 : isWide ? 4 : 2)
        let limit: UInt16
        switch count {
        case 1 where lower == nil: limit = 0x7F
        case 2 where lower != nil: limit = 0x7F
        case 4 where lower != nil: limit = 0x3FFF
        default: return nil
        }
        guard upper <= limit, lower ?? 0 <= limit else { return nil }
        (self.upper, self.lower, self.octetCount) = (upper, lower, count)
    }

    /// A client address such as 16 (public), 32 (reader), 48 (utility): 0...127.
    public static func client(_ address: UInt8) -> HDLCAddress? { HDLCAddress(upper: UInt16(address)) }

    /// The lowest bit of the last octet is 1.
    public var bytes: [UInt8] {
        func high(_ value: UInt16) -> UInt8 { UInt8(value >> 7 & 0x7F) << 1 }
        func low(_ value: UInt16) -> UInt8 { UInt8(value & 0x7F) << 1 }
        let lower = lower ?? 0
        switch octetCount {
        case 1: return [low(upper) | 1]
        case 2: return [low(upper), low(lower) | 1]
        default: return [high(upper), low(upper), high(lower), low(lower) | 1]
        }
    }

    /// The address at the start of the octets; nil when it is not one of 1, 2 or 4 octets.
    init?(start octets: ArraySlice<UInt8>) {
        guard let end = octets.prefix(4).firstIndex(where: { $0 & 1 == 1 }) else { return nil }
        let parts = octets[octets.startIndex...end].map { UInt16($0 >> 1) }
        switch parts.count {
        case 1: self.init(upper: parts[0])
        case 2: self.init(upper: parts[0], lower: parts[1], octetCount: 2)
        case 4: self.init(upper: parts[0] << 7 | parts[1], lower: parts[2] << 7 | parts[3], octetCount: 4)
        default: return nil
        }
    }

    public var description: String { lower.map { "\(upper)/\($0)" } ?? "\(upper)" }
}

/// What a frame is for. `poll` is P in a command, F in an answer. Numbers count modulo 8.
public enum HDLCControl: Hashable, Sendable {
    case information(send: UInt8, receive: UInt8, poll: Bool)
    case receiveReady(receive: UInt8, poll: Bool)
    case receiveNotReady(receive: UInt8, poll: Bool)
    case setNormalResponseMode(poll: Bool)
    case disconnect(poll: Bool)
    case unnumberedAcknowledge(poll: Bool)
    case disconnectedMode(poll: Bool)
    case frameReject(poll: Bool)
    case unnumberedInformation(poll: Bool)

    public var octet: UInt8 {
        func flag(_ poll: Bool) -> UInt8 { poll ? 0x10 : 0 }
        switch self {
        case .information(let send, let receive, let poll): return (receive & 7) << 5 | flag(poll) | (send & 7) << 1
        case .receiveReady(let receive, let poll): return (receive & 7) << 5 | flag(poll) | 0x01
        case .receiveNotReady(let receive, let poll): return (receive & 7) << 5 | flag(poll) | 0x05
        case .setNormalResponseMode(let poll): return 0x83 | flag(poll)
        case .disconnect(let poll): return 0x43 | flag(poll)
        case .unnumberedAcknowledge(let poll): return 0x63 | flag(poll)
        case .disconnectedMode(let poll): return 0x0F | flag(poll)
        case .frameReject(let poll): return 0x87 | flag(poll)
        case .unnumberedInformation(let poll): return 0x03 | flag(poll)
        }
    }

    /// Nil for an octet that IEC 62056-46 does not use.
    public init?(octet: UInt8) {
        let poll = octet & 0x10 != 0
        if octet & 1 == 0 {
            self = .information(send: octet >> 1 & 7, receive: octet >> 5, poll: poll)
            return
        }
        switch octet & 0x0F {
        case 0x01:
            self = .receiveReady(receive: octet >> 5, poll: poll)
            return
        case 0x05:
            self = .receiveNotReady(receive: octet >> 5, poll: poll)
            return
        default: break
        }
        switch octet & 0xEF {
        case 0x83: self = .setNormalResponseMode(poll: poll)
        case 0x43: self = .disconnect(poll: poll)
        case 0x63: self = .unnumberedAcknowledge(poll: poll)
        case 0x0F: self = .disconnectedMode(poll: poll)
        case 0x87: self = .frameReject(poll: poll)
        case 0x03: self = .unnumberedInformation(poll: poll)
        default: return nil
        }
    }
}

/// One frame without its flags.
public struct HDLCFrame: Hashable, Sendable {
    public var destination: HDLCAddress
    public var source: HDLCAddress
    public var control: HDLCControl
    /// More segments of the same APDU follow.
    public var isSegmented: Bool
    public var information: [UInt8]

    public init(
        destination: HDLCAddress, source: HDLCAddress, control: HDLCControl, isSegmented: Bool = false,
        information: [UInt8] = []
    ) {
        self.destination = destination
        self.source = source
        self.control = control
        self.isSegmented = isSegmented
        self.information = information
    }

    /// Flag, format, addresses, control, HCS, information, FCS, flag. Throws when it is above 2,047 octets.
    public func encoded() throws(DLMSError) -> [UInt8] {
        let addresses = destination.bytes + source.bytes
        let length = 2 + addresses.count + 1 + (information.isEmpty ? 0 : 2 + information.count) + 2
        guard length <= 0x7FF else { throw .tooLarge("HDLC frame of \(length) octets, 2047 fit") }
        var bytes: [UInt8] = [0xA0 | (isSegmented ? 0x08 : 0) | UInt8(length >> 8), UInt8(length & 0xFF)]
        bytes += addresses
        bytes.append(control.octet)
        if !information.isEmpty {
            bytes += Self.checkSequence(bytes)
            bytes += information
        }
        return [0x7E] + bytes + Self.checkSequence(bytes) + [0x7E]
    }

    /// Reads what stands between two flags, all of it.
    public init(unflagged octets: [UInt8]) throws(DLMSError) {
        guard octets.count >= 7, octets[0] & 0xF0 == 0xA0 else {
            throw .malformed("no HDLC frame of type 3", offset: 0)
        }
        let length = Int(octets[0] & 7) << 8 | Int(octets[1])
        guard length == octets.count else {
            throw .malformed("frame length \(length), \(octets.count) octets there", offset: 0)
        }
        guard Self.checkSequence(octets.dropLast(2)) == Array(octets.suffix(2)) else {
            throw .malformed("frame check sequence", offset: octets.count - 2)
        }
        guard let destination = HDLCAddress(start: octets[2...]),
            let source = HDLCAddress(start: octets[(2 + destination.octetCount)...])
        else { throw .malformed("HDLC address", offset: 2) }
        let at = 2 + destination.octetCount + source.octetCount
        guard at + 3 <= length, let control = HDLCControl(octet: octets[at]) else {
            throw .malformed("control octet", offset: at)
        }
        self.init(
            destination: destination, source: source, control: control, isSegmented: octets[0] & 0x08 != 0)
        // Without information there is no header check sequence: the frame's own covers the header.
        guard at + 3 < length else { return }
        guard at + 5 < length, Self.checkSequence(octets[...at]) == Array(octets[(at + 1)...(at + 2)]) else {
            throw .malformed("header check sequence", offset: at + 1)
        }
        information = Array(octets[(at + 3)..<(length - 2)])
    }

    /// CRC-16/X.25 (ISO/IEC 13239), low octet first as on the wire: `123456789` gives 6E 90.
    public static func checkSequence(_ octets: some Sequence<UInt8>) -> [UInt8] {
        var crc: UInt16 = 0xFFFF
        for octet in octets { crc = crc >> 8 ^ table[Int(UInt8(crc & 0xFF) ^ octet)] }
        crc ^= 0xFFFF
        return [UInt8(crc & 0xFF), UInt8(crc >> 8)]
    }

    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x8408 : crc >> 1 }
    }
}

/// Cuts a stream into frames by their length field, for 7E may stand inside. Damaged frames and noise are passed over,
/// as the standard wants: whoever waits for an answer asks again.
public struct HDLCDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    /// Frames with a wrong check sequence or header so far.
    public private(set) var damagedCount = 0

    public init() {}

    /// Adds octets as they came. Then call `next` until it gives nil.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Forgets half a frame. Call it when the line has been silent for the inter-octet time-out.
    public mutating func reset() {
        buffer = []
        start = 0
    }

    /// The next whole and undamaged frame; nil when more octets are needed.
    public mutating func next() -> HDLCFrame? {
        while let flag = buffer[start...].firstIndex(of: 0x7E) {
            start = flag
            guard flag + 2 < buffer.count else { return nil }
            let length = Int(buffer[flag + 1] & 7) << 8 | Int(buffer[flag + 2])
            // A flag that closed the frame before, a fill, or noise.
            guard buffer[flag + 1] & 0xF0 == 0xA0, length >= 7 else {
                start += 1
                continue
            }
            let end = flag + 1 + length
            guard end < buffer.count else { return nil }
            guard buffer[end] == 0x7E, let frame = try? HDLCFrame(unflagged: Array(buffer[(flag + 1)..<end])) else {
                damagedCount += 1
                start += 1
                continue
            }
            // The closing flag may open the next frame.
            start = end
            return frame
        }
        start = buffer.count
        return nil
    }
}
