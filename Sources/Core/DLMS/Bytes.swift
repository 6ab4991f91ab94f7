// Reading and writing octets with bounds: the base of every coder here. Never traps on what it reads.

/// Limits on what a peer may make us build.
public enum DLMSLimits {
    /// Nesting of arrays and structures in one value.
    public static let maxDepth = 16
    /// Values in one APDU or value, at all levels.
    public static let maxElements = 262_144
    /// Items of one request or response with list.
    public static let maxListItems = 1_024
}

struct ByteReader {
    private let bytes: [UInt8]
    private(set) var offset = 0
    /// Values that may still be read from these octets.
    var budget = DLMSLimits.maxElements

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }
    var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func u8() throws(DLMSError) -> UInt8 {
        guard offset < bytes.count else { throw .malformed("ends early", offset: offset) }
        offset += 1
        return bytes[offset - 1]
    }
    mutating func u16() throws(DLMSError) -> UInt16 { UInt16(truncatingIfNeeded: try unsigned(2)) }
    mutating func u32() throws(DLMSError) -> UInt32 { UInt32(truncatingIfNeeded: try unsigned(4)) }
    mutating func u64() throws(DLMSError) -> UInt64 { try unsigned(8) }

    private mutating func unsigned(_ count: Int) throws(DLMSError) -> UInt64 {
        guard remaining >= count else { throw .malformed("ends early", offset: offset) }
        var value: UInt64 = 0
        for index in offset..<(offset + count) { value = value << 8 | UInt64(bytes[index]) }
        offset += count
        return value
    }

    mutating func take(_ count: Int) throws(DLMSError) -> [UInt8] {
        guard count >= 0, remaining >= count else {
            throw .malformed("\(count) octets announced, \(remaining) left", offset: offset)
        }
        offset += count
        return Array(bytes[(offset - count)..<offset])
    }

    mutating func rest() -> [UInt8] {
        defer { offset = bytes.count }
        return Array(bytes[offset...])
    }

    /// A length or count: one octet below 80, else 80+n and n octets (n up to 4).
    mutating func length() throws(DLMSError) -> Int {
        let first = try u8()
        if first < 0x80 { return Int(first) }
        let count = Int(first & 0x7F)
        guard (1...4).contains(count) else { throw .malformed("length of \(count) octets", offset: offset - 1) }
        return Int(try unsigned(count))
    }

    /// Octets with their length in front.
    mutating func string() throws(DLMSError) -> [UInt8] { try take(try length()) }

    mutating func expect(_ octet: UInt8, _ what: String) throws(DLMSError) {
        let got = try u8()
        guard got == octet else { throw .malformed("\(what): \(got) in place of \(octet)", offset: offset - 1) }
    }

    func end() throws(DLMSError) {
        guard remaining == 0 else { throw .malformed("\(remaining) octets too many", offset: offset) }
    }
}

struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func u8(_ value: UInt8) { bytes.append(value) }
    mutating func u16(_ value: UInt16) { unsigned(UInt64(value), 2) }
    mutating func u32(_ value: UInt32) { unsigned(UInt64(value), 4) }
    mutating func u64(_ value: UInt64) { unsigned(value, 8) }
    mutating func put(_ octets: [UInt8]) { bytes.append(contentsOf: octets) }

    private mutating func unsigned(_ value: UInt64, _ count: Int) {
        for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    /// Shortest of one, two, three and five octets: common stacks do not read the four-octet form (83).
    mutating func length(_ count: Int) {
        switch count {
        case ..<0x80: u8(UInt8(count))
        case ..<0x100:
            u8(0x81)
            u8(UInt8(count))
        case ..<0x1_0000:
            u8(0x82)
            u16(UInt16(count))
        default:
            u8(0x84)
            u32(UInt32(count))
        }
    }

    mutating func string(_ octets: [UInt8]) {
        length(octets.count)
        put(octets)
    }

    /// Tag, length, octets (BER).
    mutating func field(_ tag: UInt8, _ octets: [UInt8]) {
        u8(tag)
        string(octets)
    }
}

/// How many octets `ByteWriter.length` takes.
func lengthSize(_ count: Int) -> Int { count < 0x80 ? 1 : count < 0x100 ? 2 : count < 0x1_0000 ? 3 : 5 }
