// The WRAPPER of DLMS over TCP (IEC 62056-47): eight octets of head, then an APDU. Bytes in, frames out.

/// One APDU with its addresses.
public struct WrapperFrame: Hashable, Sendable {
    public var source: UInt16
    public var destination: UInt16
    public var apdu: [UInt8]
    public init(source: UInt16, destination: UInt16, apdu: [UInt8]) {
        self.source = source
        self.destination = destination
        self.apdu = apdu
    }

    /// Version 1, source, destination, length, APDU. Throws when the APDU is empty or does not fit 16 bits.
    public func encoded() throws(DLMSError) -> [UInt8] {
        guard !apdu.isEmpty, apdu.count <= 0xFFFF else { throw .tooLarge("APDU of \(apdu.count) octets") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + apdu.count)
        for word in [1, source, destination, UInt16(apdu.count)] {
            bytes.append(UInt8(word >> 8))
            bytes.append(UInt8(word & 0xFF))
        }
        return bytes + apdu
    }
}

/// Cuts a TCP stream into frames. After an error the stream has lost its frame: drop the connection.
public struct WrapperDecoder: Sendable {
    /// Largest APDU accepted, octets.
    public let maxAPDUBytes: Int
    private var buffer: [UInt8] = []
    private var start = 0

    public init(maxAPDUBytes: Int = 0xFFFF) { self.maxAPDUBytes = maxAPDUBytes }

    /// Octets have come that are no whole frame yet.
    public var isMidFrame: Bool { buffer.count > start }

    /// Adds octets as they came. Then call `next` until it gives nil.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole frame; nil when more octets are needed.
    public mutating func next() throws(DLMSError) -> WrapperFrame? {
        guard buffer.count - start >= 8 else { return nil }
        func word(_ index: Int) -> UInt16 { UInt16(buffer[start + index]) << 8 | UInt16(buffer[start + index + 1]) }
        guard word(0) == 1 else { throw .malformed("wrapper version \(word(0)), 1 expected", offset: 0) }
        let length = Int(word(6))
        guard length > 0 else { throw .malformed("wrapper length 0", offset: 6) }
        guard length <= maxAPDUBytes else { throw .tooLarge("APDU of \(length) octets, \(maxAPDUBytes) allowed") }
        guard buffer.count - start >= 8 + length else { return nil }
        let frame = WrapperFrame(
            source: word(2), destination: word(4), apdu: Array(buffer[(start + 8)..<(start + 8 + length)]))
        start += 8 + length
        return frame
    }
}
