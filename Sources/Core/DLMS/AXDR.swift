// A-XDR coding of COSEM data (IEC 61334-6 as used by IEC 62056-5-3). Hostile bytes give a DLMSError, never a trap.

extension DLMSData {
    /// Reads exactly one value that fills all octets.
    public init(axdr bytes: [UInt8]) throws(DLMSError) {
        var reader = ByteReader(bytes)
        self = try reader.data()
        try reader.end()
    }

    /// The value with its type tag.
    public var axdr: [UInt8] {
        var writer = ByteWriter()
        writer.data(self)
        return writer.bytes
    }
}

/// Type tags of COSEM data.
private enum Tag {
    static let array: UInt8 = 1
    static let structure: UInt8 = 2
    static let compactArray: UInt8 = 19
}

/// The type description of a compact array.
private indirect enum TypeDescription {
    case simple(UInt8)
    case array(UInt16, TypeDescription)
    case structure([TypeDescription])
}

extension ByteReader {
    mutating func data() throws(DLMSError) -> DLMSData {
        // One budget for all values of an APDU: a list of short compact arrays could else grow without bound.
        var left = budget
        defer { budget = left }
        return try data(depth: 0, budget: &left)
    }

    /// `budget` is what is left of the elements one tree may have.
    mutating func data(depth: Int, budget: inout Int) throws(DLMSError) -> DLMSData {
        try spend(depth, &budget)
        let tag = try u8()
        switch tag {
        case Tag.array, Tag.structure:
            let count = try length()
            // An element takes an octet at least.
            guard count <= remaining else { throw .malformed("\(count) elements announced", offset: offset) }
            var list: [DLMSData] = []
            list.reserveCapacity(min(count, budget, 4096))
            for _ in 0..<count { list.append(try data(depth: depth + 1, budget: &budget)) }
            return tag == Tag.array ? .array(list) : .structure(list)
        case Tag.compactArray:
            let type = try typeDescription(depth: depth + 1, budget: &budget)
            var content = ByteReader(try string())
            var list: [DLMSData] = []
            while content.remaining > 0 {
                let before = content.remaining
                list.append(try content.value(of: type, depth: depth + 1, budget: &budget))
                guard content.remaining < before else {
                    throw .malformed("compact array of empty elements", offset: offset)
                }
            }
            return .array(list)
        default:
            return try simple(tag)
        }
    }

    private func spend(_ depth: Int, _ budget: inout Int) throws(DLMSError) {
        guard depth <= DLMSLimits.maxDepth else { throw .tooLarge("data nested deeper than \(DLMSLimits.maxDepth)") }
        guard budget > 0 else { throw .tooLarge("more than \(DLMSLimits.maxElements) values in one tree") }
        budget -= 1
    }

    private mutating func typeDescription(depth: Int, budget: inout Int) throws(DLMSError) -> TypeDescription {
        try spend(depth, &budget)
        let tag = try u8()
        switch tag {
        case Tag.array:
            let count = try u16()
            return .array(count, try typeDescription(depth: depth + 1, budget: &budget))
        case Tag.structure:
            let count = try length()
            guard count <= remaining else { throw .malformed("\(count) types announced", offset: offset) }
            var list: [TypeDescription] = []
            for _ in 0..<count { list.append(try typeDescription(depth: depth + 1, budget: &budget)) }
            return .structure(list)
        default:
            return .simple(tag)
        }
    }

    private mutating func value(
        of type: TypeDescription, depth: Int, budget: inout Int
    ) throws(DLMSError) -> DLMSData {
        try spend(depth, &budget)
        switch type {
        case .simple(let tag): return try simple(tag)
        case .array(let count, let element):
            var list: [DLMSData] = []
            for _ in 0..<count { list.append(try value(of: element, depth: depth + 1, budget: &budget)) }
            return .array(list)
        case .structure(let types):
            var list: [DLMSData] = []
            for element in types { list.append(try value(of: element, depth: depth + 1, budget: &budget)) }
            return .structure(list)
        }
    }

    /// The contents of any type that holds no other value.
    private mutating func simple(_ tag: UInt8) throws(DLMSError) -> DLMSData {
        switch tag {
        case 0: return .null
        case 3: return .boolean(try u8() != 0)
        case 4:
            let count = try length()
            return .bitString(try take((count + 7) / 8), count: count)
        case 5: return .doubleLong(Int32(bitPattern: try u32()))
        case 6: return .doubleLongUnsigned(try u32())
        case 9: return .octetString(try string())
        case 10: return .visibleString(try string())
        case 12: return .utf8String(try string())
        case 13: return .bcd(try u8())
        case 15: return .integer(Int8(bitPattern: try u8()))
        case 16: return .long(Int16(bitPattern: try u16()))
        case 17: return .unsigned(try u8())
        case 18: return .longUnsigned(try u16())
        case 20: return .long64(Int64(bitPattern: try u64()))
        case 21: return .long64Unsigned(try u64())
        case 22: return .enumeration(try u8())
        case 23: return .float32(bits: try u32())
        case 24: return .float64(bits: try u64())
        case 25:
            guard let value = COSEMDateTime(bytes: try take(12)) else {
                throw .malformed("date-time", offset: offset)
            }
            return .dateTime(value)
        case 26: return .date(try take(5))
        case 27: return .time(try take(4))
        case 28: return .deltaInteger(Int8(bitPattern: try u8()))
        case 29: return .deltaLong(Int16(bitPattern: try u16()))
        case 30: return .deltaDoubleLong(Int32(bitPattern: try u32()))
        case 31: return .deltaUnsigned(try u8())
        case 32: return .deltaLongUnsigned(try u16())
        case 33: return .deltaDoubleLongUnsigned(try u32())
        case 255: return .dontCare
        default: throw .malformed("unknown data type \(tag)", offset: offset - 1)
        }
    }
}

extension ByteWriter {
    mutating func data(_ value: DLMSData) {
        switch value {
        case .null: u8(0)
        case .array(let list): elements(Tag.array, list)
        case .structure(let list): elements(Tag.structure, list)
        case .boolean(let flag): put([3, flag ? 1 : 0])
        case .bitString(let bits, let count):
            u8(4)
            length(max(0, count))
            put(fixed(bits, (max(0, count) + 7) / 8, 0))
        case .octetString(let octets): field(9, octets)
        case .visibleString(let octets): field(10, octets)
        case .utf8String(let octets): field(12, octets)
        case .dateTime(let value): put([25] + value.bytes)
        case .date(let octets): put([26] + fixed(octets, 5, 0xFF))
        case .time(let octets): put([27] + fixed(octets, 4, 0xFF))
        case .dontCare: u8(255)
        default: number(value)
        }
    }

    private mutating func elements(_ tag: UInt8, _ list: [DLMSData]) {
        u8(tag)
        length(list.count)
        for element in list { data(element) }
    }

    private mutating func number(_ value: DLMSData) {
        func one(_ tag: UInt8, _ value: UInt8) { put([tag, value]) }
        func two(_ tag: UInt8, _ value: UInt16) {
            u8(tag)
            u16(value)
        }
        func four(_ tag: UInt8, _ value: UInt32) {
            u8(tag)
            u32(value)
        }
        func eight(_ tag: UInt8, _ value: UInt64) {
            u8(tag)
            u64(value)
        }
        switch value {
        case .doubleLong(let value): four(5, UInt32(bitPattern: value))
        case .doubleLongUnsigned(let value): four(6, value)
        case .bcd(let value): one(13, value)
        case .integer(let value): one(15, UInt8(bitPattern: value))
        case .long(let value): two(16, UInt16(bitPattern: value))
        case .unsigned(let value): one(17, value)
        case .longUnsigned(let value): two(18, value)
        case .long64(let value): eight(20, UInt64(bitPattern: value))
        case .long64Unsigned(let value): eight(21, value)
        case .enumeration(let value): one(22, value)
        case .float32(let bits): four(23, bits)
        case .float64(let bits): eight(24, bits)
        case .deltaInteger(let value): one(28, UInt8(bitPattern: value))
        case .deltaLong(let value): two(29, UInt16(bitPattern: value))
        case .deltaDoubleLong(let value): four(30, UInt32(bitPattern: value))
        case .deltaUnsigned(let value): one(31, value)
        case .deltaLongUnsigned(let value): two(32, value)
        case .deltaDoubleLongUnsigned(let value): four(33, value)
        default: break
        }
    }

    private func fixed(_ octets: [UInt8], _ count: Int, _ filler: UInt8) -> [UInt8] {
        octets.count == count
            ? octets : Array(octets.prefix(count)) + [UInt8](repeating: filler, count: max(0, count - octets.count))
    }
}
