// Day blocks as bytes, for storage. Every part starts with its format number; old decoders stay when a format is added.
// Format 1, values: Int32 little endian. Qualities: two bits a slot, slot 0 in the lowest bits. Sources: runs of
// (batch, count) as LEB128 numbers.

/// The three stored parts of a day block.
public struct EncodedDay: Sendable, Equatable {
    public var values: [UInt8]
    public var qualities: [UInt8]
    public var sources: [UInt8]
    public init(values: [UInt8], qualities: [UInt8], sources: [UInt8]) {
        self.values = values
        self.qualities = qualities
        self.sources = sources
    }
}

/// Stored bytes that are no day block.
public struct DayBlockError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Part: String, Sendable { case values, qualities, sources }
    public enum Code: Sendable, Equatable {
        /// The format number, or nil when there is no byte at all.
        case format(UInt8?)
        /// A length that does not fit the other parts.
        case length(Int)
        /// More slots than a day can have.
        case tooManySlots(Int)
        /// Bits or numbers that an encoder never writes, at that byte.
        case malformed(Int)
    }
    public var part: Part
    public var code: Code

    public var description: String {
        switch code {
        case .format(let format): "\(part): format \(format.map(String.init) ?? "absent") is not known to this release"
        case .length(let count): "\(part): \(count) bytes do not fit the day"
        case .tooManySlots(let count): "\(part): \(count) slots are more than a day has"
        case .malformed(let byte): "\(part): not canonical at byte \(byte)"
        }
    }
}

extension DayBlock {
    /// A slot a minute, on the longest day.
    public static let maximumSlots = 1500
    private static let format: UInt8 = 1

    public func encode() -> EncodedDay {
        EncodedDay(values: encodedValues, qualities: encodedQualities, sources: encodedSources)
    }

    private var encodedValues: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 + values.count * 4)
        bytes[0] = Self.format
        bytes.withUnsafeMutableBytes { room in
            for slot in values.indices {
                room.storeBytes(of: values[slot].littleEndian, toByteOffset: 1 + slot * 4, as: Int32.self)
            }
        }
        return bytes
    }

    private var encodedQualities: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 + (qualities.count + 3) / 4)
        bytes[0] = Self.format
        for (slot, quality) in qualities.enumerated() {
            bytes[1 + slot / 4] |= quality.rawValue << UInt8(slot % 4 * 2)
        }
        return bytes
    }

    /// The source runs, neighbours of one batch joined.
    var canonicalSources: [SourceRun] {
        var joined: [SourceRun] = []
        for run in sources where run.count > 0 {
            if joined.last?.batch == run.batch {
                joined[joined.count - 1].count += run.count
            } else {
                joined.append(run)
            }
        }
        return joined
    }

    private var encodedSources: [UInt8] {
        var bytes: [UInt8] = [Self.format]
        // Joined anew, so that equal blocks give equal bytes however their runs were cut.
        for run in canonicalSources {
            appendLEB128(UInt64(bitPattern: run.batch), to: &bytes)
            appendLEB128(UInt64(run.count), to: &bytes)
        }
        return bytes
    }

    /// Strict: what no encoder writes is an error, never a guess and never a trap.
    public init(decoding day: EncodedDay) throws(DayBlockError) {
        let values = try Self.decodeValues(day.values)
        let qualities = try Self.decodeQualities(day.qualities, count: values.count)
        let sources = try Self.decodeSources(day.sources, count: values.count)
        self.init(values: values, qualities: qualities, sources: sources)
    }

    private static func checkFormat(_ bytes: [UInt8], _ part: DayBlockError.Part) throws(DayBlockError) {
        guard bytes.first == format else { throw DayBlockError(part: part, code: .format(bytes.first)) }
    }

    /// The values alone, for sums that need nothing else.
    public static func decodeValues(_ bytes: [UInt8]) throws(DayBlockError) -> [Int32] {
        try checkFormat(bytes, .values)
        guard bytes.count % 4 == 1 else { throw DayBlockError(part: .values, code: .length(bytes.count)) }
        let count = bytes.count / 4
        guard count <= maximumSlots else { throw DayBlockError(part: .values, code: .tooManySlots(count)) }
        return bytes.withUnsafeBytes { raw in
            (0..<count).map {
                Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 1 + $0 * 4, as: Int32.self))
            }
        }
    }

    private static func decodeQualities(_ bytes: [UInt8], count: Int) throws(DayBlockError) -> [Quality] {
        try checkFormat(bytes, .qualities)
        guard bytes.count == 1 + (count + 3) / 4 else {
            throw DayBlockError(part: .qualities, code: .length(bytes.count))
        }
        if count % 4 != 0, bytes[bytes.count - 1] >> UInt8(count % 4 * 2) != 0 {
            throw DayBlockError(part: .qualities, code: .malformed(bytes.count - 1))
        }
        // Two bits always name one of the four qualities.
        return (0..<count).map { Quality(rawValue: bytes[1 + $0 / 4] >> UInt8($0 % 4 * 2) & 3) ?? .missing }
    }

    private static func decodeSources(_ bytes: [UInt8], count: Int) throws(DayBlockError) -> [SourceRun] {
        try checkFormat(bytes, .sources)
        var runs: [SourceRun] = []
        var covered = 0
        var at = 1
        while at < bytes.count {
            let start = at
            guard let batch = readLEB128(bytes, &at), let length = readLEB128(bytes, &at), length > 0,
                length <= UInt64(count - covered), runs.last?.batch != Int64(bitPattern: batch)
            else { throw DayBlockError(part: .sources, code: .malformed(start)) }
            runs.append(SourceRun(batch: Int64(bitPattern: batch), count: Int(length)))
            covered += Int(length)
        }
        guard covered == count else { throw DayBlockError(part: .sources, code: .length(bytes.count)) }
        return runs
    }
}

func appendLEB128(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
    }
    bytes.append(UInt8(rest))
}

/// Nil at the end of the bytes, beyond 64 bits, and for a number written longer than needed.
func readLEB128(_ bytes: [UInt8], _ at: inout Int) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
        guard at < bytes.count else { return nil }
        let byte = bytes[at]
        at += 1
        if shift == 63, byte > 1 { return nil }
        value |= UInt64(byte & 0x7F) << UInt64(shift)
        if byte < 0x80 { return byte == 0 && shift > 0 ? nil : value }
    }
    return nil
}
