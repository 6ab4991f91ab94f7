// What went over the wire while something was read, kept beside what it meant. Holds no association and no secret:
// only reads of attributes are recorded.

/// One frame as it went over the wire, with its head, ciphered when it was ciphered.
public struct MeterFrame: Sendable, Equatable {
    public var isFromMeter: Bool
    public var bytes: [UInt8]
    public init(isFromMeter: Bool, bytes: [UInt8]) {
        self.isFromMeter = isFromMeter
        self.bytes = bytes
    }
}

/// A column of a profile as the meter described it.
public struct MeterColumn: Sendable, Equatable {
    public var classID: UInt16
    /// Six octets.
    public var obis: [UInt8]
    public var attribute: Int8
    /// The meter's own power of ten and unit (IEC 62056-6-2, 4.3.2); nil for what has none.
    public var scaler: Int8?
    public var unit: UInt8?
    public init(classID: UInt16, obis: [UInt8], attribute: Int8, scaler: Int8?, unit: UInt8?) {
        self.classID = classID
        self.obis = obis
        self.attribute = attribute
        self.scaler = scaler
        self.unit = unit
    }
}

/// One attribute that was read: the frames, and what was in them.
public struct MeterExchange: Sendable, Equatable {
    public var classID: UInt16
    /// Six octets.
    public var obis: [UInt8]
    public var attribute: Int8
    public var frames: [MeterFrame]
    /// The value deciphered and put together, A-XDR (IEC 62056-5-3); nil when the meter refused or broke off.
    public var value: [UInt8]?
    /// For the buffer of a profile: how its rows are to be read.
    public var columns: [MeterColumn]
    public init(
        classID: UInt16, obis: [UInt8], attribute: Int8, frames: [MeterFrame], value: [UInt8]?,
        columns: [MeterColumn] = []
    ) {
        self.classID = classID
        self.obis = obis
        self.attribute = attribute
        self.frames = frames
        self.value = value
        self.columns = columns
    }
}

/// What was read since the record was last taken.
public struct MeterRecord: Sendable, Equatable {
    /// Octets of frames and values kept at most until the record is taken; what comes then is read, and not recorded.
    public static let limitBytes = 512 * 1024

    public var exchanges: [MeterExchange]
    /// More was read than is kept.
    public var isCut: Bool
    public init(exchanges: [MeterExchange] = [], isCut: Bool = false) {
        self.exchanges = exchanges
        self.isCut = isCut
    }
}
