// COSEM data (IEC 62056-6-2, 4.1.5): the tree that every attribute is. Encoding is in AXDR.swift.

/// One value. Floats are kept as their IEEE 754 bits: nothing here calculates with them.
public enum DLMSData: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// `bits` are packed, first bit in 0x80 of the first octet; `count` says how many count.
    case bitString([UInt8], count: Int)
    case integer(Int8)
    case long(Int16)
    case doubleLong(Int32)
    case long64(Int64)
    case unsigned(UInt8)
    case longUnsigned(UInt16)
    case doubleLongUnsigned(UInt32)
    case long64Unsigned(UInt64)
    case enumeration(UInt8)
    case bcd(UInt8)
    case float32(bits: UInt32)
    case float64(bits: UInt64)
    case octetString([UInt8])
    case visibleString([UInt8])
    case utf8String([UInt8])
    case dateTime(COSEMDateTime)
    /// Five octets: year (2), month, day, weekday.
    case date([UInt8])
    /// Four octets: hour, minute, second, hundredths.
    case time([UInt8])
    case deltaInteger(Int8)
    case deltaLong(Int16)
    case deltaDoubleLong(Int32)
    case deltaUnsigned(UInt8)
    case deltaLongUnsigned(UInt16)
    case deltaDoubleLongUnsigned(UInt32)
    /// A compact array is read as an array too.
    case array([DLMSData])
    case structure([DLMSData])
    case dontCare

    /// Any whole number that fits Int64 (also enum); nil for every other type.
    public var integer: Int64? {
        switch self {
        case .integer(let value), .deltaInteger(let value): Int64(value)
        case .long(let value), .deltaLong(let value): Int64(value)
        case .doubleLong(let value), .deltaDoubleLong(let value): Int64(value)
        case .long64(let value): value
        case .unsigned(let value), .enumeration(let value), .deltaUnsigned(let value): Int64(value)
        case .longUnsigned(let value), .deltaLongUnsigned(let value): Int64(value)
        case .doubleLongUnsigned(let value), .deltaDoubleLongUnsigned(let value): Int64(value)
        case .long64Unsigned(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// Elements of an array or a structure; nil for every other type.
    public var elements: [DLMSData]? {
        switch self {
        case .array(let list), .structure(let list): list
        default: nil
        }
    }

    /// Octets of an octet, visible or UTF-8 string; nil for every other type.
    public var octets: [UInt8]? {
        switch self {
        case .octetString(let bytes), .visibleString(let bytes), .utf8String(let bytes): bytes
        default: nil
        }
    }

    /// A date-time, also when it comes as an octet string of 12, as meters mostly send it.
    public var dateTime: COSEMDateTime? {
        switch self {
        case .dateTime(let value): value
        case .octetString(let bytes): COSEMDateTime(bytes: bytes)
        default: nil
        }
    }

    public static func text(_ text: String) -> DLMSData { .octetString(Array(text.utf8)) }
    public static func obis(_ obis: OBIS) -> DLMSData { .octetString(obis.bytes) }
    /// Structure of scaler and unit code (class 3 attribute 3).
    public static func scalerUnit(_ scaler: Int8, _ unit: UInt8) -> DLMSData {
        .structure([.integer(scaler), .enumeration(unit)])
    }
}
