// The 12-octet date-time of COSEM (IEC 62056-6-2, 4.1.6.1): kept as sent, resolved only when asked. No clock read.
import CivilTime

/// Date and time as a meter sends it; any field may be unspecified (FF, year FFFF, deviation 8000).
public struct COSEMDateTime: Hashable, Sendable, CustomStringConvertible {
    /// FFFF = not specified.
    public var year: UInt16
    /// 1...12; FD daylight saving ends, FE begins, FF not specified.
    public var month: UInt8
    /// 1...31; FD second last, FE last day of the month, FF not specified.
    public var day: UInt8
    /// 1 = Monday ... 7; FF not specified.
    public var weekday: UInt8
    /// 0...23; some meters send 24 for the end of the day.
    public var hour: UInt8
    public var minute: UInt8
    public var second: UInt8
    public var hundredths: UInt8
    /// Minutes to ADD to the local time to get UTC: India is -330. Nil = not specified (8000).
    public var deviationMinutes: Int16?
    /// Bits: 01 invalid, 02 doubtful, 04 other clock base, 08 invalid clock, 80 daylight saving; FF = none given.
    public var status: UInt8

    public init(
        year: UInt16 = 0xFFFF, month: UInt8 = 0xFF, day: UInt8 = 0xFF, weekday: UInt8 = 0xFF, hour: UInt8 = 0xFF,
        minute: UInt8 = 0xFF, second: UInt8 = 0xFF, hundredths: UInt8 = 0xFF, deviationMinutes: Int16? = nil,
        status: UInt8 = 0xFF
    ) {
        (self.year, self.month, self.day, self.weekday) = (year, month, day, weekday)
        (self.hour, self.minute, self.second, self.hundredths) = (hour, minute, second, hundredths)
        (self.deviationMinutes, self.status) = (deviationMinutes, status)
    }

    /// Twelve octets as on the wire; nil for any other count. Whether the date exists is asked later.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 12 else { return nil }
        let b = Array(bytes)
        let deviation = Int16(bitPattern: UInt16(b[9]) << 8 | UInt16(b[10]))
        self.init(
            year: UInt16(b[0]) << 8 | UInt16(b[1]), month: b[2], day: b[3], weekday: b[4], hour: b[5], minute: b[6],
            second: b[7], hundredths: b[8], deviationMinutes: deviation == .min ? nil : deviation, status: b[11])
    }

    /// An instant (seconds since 1970 UTC) as a meter with that offset east of Greenwich writes it.
    public init(instantS: Int64, offsetS: Int64, status: UInt8 = 0) {
        let local = instantS + offsetS
        let day = local >= 0 ? local / 86400 : (local - 86399) / 86400
        let secondOfDay = Int(local - day * 86400)
        let civil = CivilDay(number: Int32(clamping: day))
        let parts = civil.parts
        self.init(
            year: UInt16(clamping: parts.year), month: UInt8(parts.month), day: UInt8(parts.day),
            weekday: UInt8(civil.weekday), hour: UInt8(secondOfDay / 3600), minute: UInt8(secondOfDay / 60 % 60),
            second: UInt8(secondOfDay % 60), hundredths: 0, deviationMinutes: Int16(clamping: -offsetS / 60),
            status: status)
    }

    public var bytes: [UInt8] {
        let deviation = UInt16(bitPattern: deviationMinutes ?? .min)
        return [
            UInt8(year >> 8), UInt8(year & 0xFF), month, day, weekday, hour, minute, second, hundredths,
            UInt8(deviation >> 8), UInt8(deviation & 0xFF), status,
        ]
    }

    /// What the standard calls not specified, plus the schedule patterns of month and day.
    public var hasWildcards: Bool {
        year == 0xFFFF || month >= 0xFD || day >= 0xFD || hour == 0xFF || minute == 0xFF
    }
    /// 01, 08: the meter says the value or its clock is not to be trusted.
    public var isInvalid: Bool { status != 0xFF && status & 0x09 != 0 }
    public var isDaylightSaving: Bool { status != 0xFF && status & 0x80 != 0 }

    /// Day and second of day on the meter's wall clock. An unspecified second counts as 0; hour 24 is the next
    /// midnight.
    /// Nil when a field that is needed is a wildcard; throws when the date does not exist.
    public func wallClock() throws(DLMSError) -> (day: CivilDay, secondOfDay: Int)? {
        if hasWildcards { return nil }
        let second = second == 0xFF ? 0 : Int(second)
        guard let civil = CivilDay(year: Int(year), month: Int(month), day: Int(day)), minute < 60, second < 60,
            hour < 24 || (hour == 24 && minute == 0 && second == 0)
        else { throw .malformed("no such date and time: \(self)", offset: 0) }
        return hour == 24 ? (civil.advanced(by: 1), 0) : (civil, Int(hour) * 3600 + Int(minute) * 60 + second)
    }

    /// Seconds since 1970 UTC by the deviation the meter sent. Nil with wildcards or without a deviation:
    /// then the caller must know the zone of the meter and use `wallClock`.
    public func instantS() throws(DLMSError) -> Int64? {
        guard let deviationMinutes, let clock = try wallClock() else { return nil }
        return Int64(clock.day.number) * 86400 + Int64(clock.secondOfDay) + Int64(deviationMinutes) * 60
    }

    /// `2026-11-21 18:30:15 deviation -330`, `*` for a field that is not specified.
    public var description: String {
        func two(_ value: UInt8) -> String { value == 0xFF ? "*" : value < 10 ? "0\(value)" : "\(value)" }
        let date = "\(year == 0xFFFF ? "*" : "\(year)")-\(two(month))-\(two(day))"
        return
            "\(date) \(two(hour)):\(two(minute)):\(two(second)) deviation \(deviationMinutes.map { "\($0)" } ?? "*")"
    }
}
