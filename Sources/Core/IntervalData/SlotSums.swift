// Sums of many meters, slot by slot, with how many values behind each are estimated, edited or missing. Exact integers,
// so that a part can be taken out again as it was put in. Values are read from the stored bytes, without making day
// blocks.

/// Slots of one day of one length, summed over meters.
public struct SlotSums: Sendable, Equatable {
    public private(set) var values: [Int64]
    /// Values behind each slot that are estimates, that a person gave, and that are not there.
    public private(set) var estimated: [Int32]
    public private(set) var edited: [Int32]
    public private(set) var missing: [Int32]
    /// Meters summed, those included of which nothing is known.
    public private(set) var meters: Int

    public init(slots: Int) {
        values = Array(repeating: 0, count: slots)
        estimated = Array(repeating: 0, count: slots)
        edited = Array(repeating: 0, count: slots)
        missing = Array(repeating: 0, count: slots)
        meters = 0
    }

    public var slotCount: Int { values.count }
    public var total: Int64 { values.reduce(0, +) }
    public var estimatedCount: Int { estimated.reduce(0) { $0 + Int($1) } }
    public var editedCount: Int { edited.reduce(0) { $0 + Int($1) } }
    public var missingCount: Int { missing.reduce(0) { $0 + Int($1) } }
    /// Nobody is in it.
    public var isEmpty: Bool {
        meters == 0 && values.allSatisfy { $0 == 0 } && estimatedCount == 0 && editedCount == 0 && missingCount == 0
    }

    /// Adds the stored parts of a day block, or takes them out.
    /// - Parameters:
    ///   - qualities: nil when every value is as measured.
    ///   - sign: 1 or −1.
    /// - Throws: ``DayBlockError`` for bytes that are no day of this many slots.
    public mutating func add(values bytes: [UInt8], qualities: [UInt8]?, sign: Int = 1) throws(DayBlockError) {
        guard bytes.first == 1 else { return try add(decoded: bytes, qualities, sign) }
        guard bytes.count == 1 + slotCount * 4 else {
            throw DayBlockError(part: .values, code: .length(bytes.count))
        }
        let factor = Int64(sign)
        bytes.withUnsafeBytes { raw in
            values.withUnsafeMutableBufferPointer { sums in
                for slot in 0..<sums.count {
                    let bits = raw.loadUnaligned(fromByteOffset: 1 + slot * 4, as: UInt32.self)
                    sums[slot] &+= factor &* Int64(Int32(bitPattern: UInt32(littleEndian: bits)))
                }
            }
        }
        meters += sign
        if let qualities { try count(qualities, sign) }
    }

    /// Bytes of another format go the long way.
    private mutating func add(decoded bytes: [UInt8], _ qualities: [UInt8]?, _ sign: Int) throws(DayBlockError) {
        let decoded = try DayBlock.decodeValues(bytes)
        guard decoded.count == slotCount else { throw DayBlockError(part: .values, code: .length(bytes.count)) }
        for slot in decoded.indices { values[slot] += Int64(sign) * Int64(decoded[slot]) }
        meters += sign
        if let qualities { try count(qualities, sign) }
    }

    private mutating func count(_ qualities: [UInt8], _ sign: Int) throws(DayBlockError) {
        guard qualities.count == 1 + (slotCount + 3) / 4, qualities[0] == 1 else {
            throw DayBlockError(part: .qualities, code: .length(qualities.count))
        }
        for slot in 0..<slotCount {
            switch qualities[1 + slot / 4] >> UInt8(slot % 4 * 2) & 3 {
            case Quality.missing.rawValue: missing[slot] += Int32(sign)
            case Quality.estimated.rawValue: estimated[slot] += Int32(sign)
            case Quality.edited.rawValue: edited[slot] += Int32(sign)
            default: break
            }
        }
    }

    /// Adds so many meters of which nothing is known, or takes them out.
    public mutating func addUnknown(meters count: Int) {
        guard count != 0 else { return }
        meters += count
        for slot in missing.indices { missing[slot] += Int32(count) }
    }

    /// Adds what another sum holds, `sign` times. Both have the same slots.
    public mutating func add(_ other: SlotSums, sign: Int = 1) {
        precondition(other.slotCount == slotCount, "sums of the same slots")
        for slot in values.indices {
            values[slot] += Int64(sign) * other.values[slot]
            // A part that is subtracted is as doubtful as one that is added: counts only grow.
            estimated[slot] += other.estimated[slot]
            edited[slot] += other.edited[slot]
            missing[slot] += other.missing[slot]
        }
        meters += other.meters
    }

    /// With fewer, longer slots; nil when they do not divide.
    public func coarsened(to slots: Int) -> SlotSums? {
        guard slots > 0, slotCount % slots == 0 else { return nil }
        let width = slotCount / slots
        var result = SlotSums(slots: slots)
        for slot in values.indices {
            result.values[slot / width] += values[slot]
            result.estimated[slot / width] += estimated[slot]
            result.edited[slot / width] += edited[slot]
            result.missing[slot / width] += missing[slot]
        }
        result.meters = meters
        return result
    }

    // MARK: bytes

    private static let format: UInt8 = 1

    /// Format 1: values as Int64, then the counts as Int32, little endian; empty counts are left out.
    public func encode() -> (values: [UInt8], estimated: [UInt8], edited: [UInt8], missing: [UInt8]) {
        func bytes<Number: FixedWidthInteger>(_ numbers: [Number]) -> [UInt8] {
            if Number.self == Int32.self, numbers.allSatisfy({ $0 == 0 }) { return [Self.format] }
            var bytes = [Self.format]
            bytes.reserveCapacity(1 + numbers.count * MemoryLayout<Number>.size)
            for number in numbers { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
            return bytes
        }
        return (bytes(values), bytes(estimated), bytes(edited), bytes(missing))
    }

    /// - Throws: ``DayBlockError`` for bytes that ``encode()`` does not make.
    public init(
        decoding values: [UInt8], estimated: [UInt8], edited: [UInt8], missing: [UInt8], meters: Int
    ) throws(DayBlockError) {
        self.values = try Self.numbers(values)
        let slots = self.values.count
        guard slots <= DayBlock.maximumSlots else { throw DayBlockError(part: .values, code: .tooManySlots(slots)) }
        self.estimated = try Self.numbers(estimated, orZeros: slots)
        self.edited = try Self.numbers(edited, orZeros: slots)
        self.missing = try Self.numbers(missing, orZeros: slots)
        self.meters = meters
        guard self.estimated.count == slots, self.edited.count == slots, self.missing.count == slots else {
            throw DayBlockError(part: .qualities, code: .length(estimated.count))
        }
    }

    private static func numbers<Number: FixedWidthInteger>(
        _ bytes: [UInt8], orZeros slots: Int = 0
    ) throws(DayBlockError) -> [Number] {
        guard bytes.first == format else { throw DayBlockError(part: .values, code: .format(bytes.first)) }
        if bytes.count == 1 { return Array(repeating: 0, count: slots) }
        let width = MemoryLayout<Number>.size
        guard (bytes.count - 1) % width == 0 else {
            throw DayBlockError(part: .values, code: .length(bytes.count))
        }
        return bytes.withUnsafeBytes { raw in
            (0..<(bytes.count - 1) / width).map {
                Number(littleEndian: raw.loadUnaligned(fromByteOffset: 1 + $0 * width, as: Number.self))
            }
        }
    }
}
