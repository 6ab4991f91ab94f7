// Numbers and stamps of messages, exactly: decimals as whole numbers with a power of ten, times as milliseconds.
// No floating point, no clock.
import CivilTime

/// A decimal as it was written: `mantissa` × 10^`exponent`. `0.500` keeps its three places.
public struct ExactNumber: Sendable, Hashable, CustomStringConvertible {
    public var mantissa: Int64
    public var exponent: Int8

    public init(_ mantissa: Int64, exponent: Int = 0) {
        self.mantissa = mantissa
        self.exponent = Int8(clamping: exponent)
    }

    /// xs:decimal and xs:float as digits: `-12.5`, `3E2`; spaces around it are allowed, INF and NaN are no numbers.
    /// Nil beyond 18 digits.
    public init?(_ text: some StringProtocol) {
        var text = String(text)
        let found = text.withUTF8 { Self.parse($0.span) }
        guard let found else { return nil }
        self = found
    }

    static func parse(_ bytes: Span<UInt8>) -> ExactNumber? {
        var at = 0
        var end = bytes.count
        while at < end, isSpace(bytes[at]) { at += 1 }
        while end > at, isSpace(bytes[end - 1]) { end -= 1 }
        var isNegative = false
        if at < end, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") {
            isNegative = bytes[at] == UInt8(ascii: "-")
            at += 1
        }
        var mantissa: Int64 = 0
        var digits = 0
        var places = 0
        var sawDigit = false
        var sawPoint = false
        while at < end {
            let byte = bytes[at]
            if byte >= 0x30, byte <= 0x39 {
                sawDigit = true
                // Leading zeros are no digits of the number.
                if mantissa != 0 || byte != 0x30 { digits += 1 }
                guard digits <= 18 else { return nil }
                mantissa = mantissa &* 10 &+ Int64(byte &- 0x30)
                if sawPoint { places += 1 }
            } else if byte == UInt8(ascii: "."), !sawPoint {
                sawPoint = true
            } else {
                break
            }
            at += 1
        }
        guard sawDigit, places <= 40 else { return nil }
        var exponent = -places
        if at < end {
            guard bytes[at] | 0x20 == UInt8(ascii: "e") else { return nil }
            at += 1
            var isDown = false
            if at < end, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") {
                isDown = bytes[at] == UInt8(ascii: "-")
                at += 1
            }
            guard at < end, end - at <= 2 else { return nil }
            var power = 0
            while at < end {
                guard bytes[at] >= 0x30, bytes[at] <= 0x39 else { return nil }
                power = power * 10 + Int(bytes[at] - 0x30)
                at += 1
            }
            exponent += isDown ? -power : power
        }
        guard abs(exponent) <= 60 else { return nil }
        return ExactNumber(isNegative ? -mantissa : mantissa, exponent: exponent)
    }

    /// The number in units of 10^`power` of what it counts: `0.5` (k) in units of 10^-3 is 500.
    /// - Returns: nil when the number is finer than the unit or leaves 64 bits.
    public func whole(inUnitsOf power: Int) -> Int64? {
        var value = mantissa
        var exponent = Int(exponent) - power
        if value == 0 { return 0 }
        while exponent > 0 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
            exponent -= 1
        }
        while exponent < 0 {
            guard value % 10 == 0 else { return nil }
            value /= 10
            exponent += 1
        }
        return value
    }

    /// As XML and JSON write it: no exponent, no superfluous sign.
    public var description: String {
        var text = String(mantissa.magnitude)
        if exponent > 0 {
            if mantissa != 0 { text += String(repeating: "0", count: Int(exponent)) }
        } else if exponent < 0 {
            let places = -Int(exponent)
            if text.utf8.count <= places { text = String(repeating: "0", count: places - text.utf8.count + 1) + text }
            text.insert(".", at: text.index(text.endIndex, offsetBy: -places))
        }
        return mantissa < 0 ? "-" + text : text
    }
}

/// Stamps as xs:dateTime writes them.
public enum Stamp {
    /// Milliseconds since 1970 (UTC); nil unless it is `YYYY-MM-DDThh:mm:ss[.fff](Z|±hh:mm)`. A stamp without an
    /// offset names no instant and is nil. Hour 24 is the midnight that ends the day.
    public static func ms(_ text: some StringProtocol) -> Int64? {
        var text = String(text)
        return text.withUTF8 { parse($0.span) }
    }

    static func parse(_ bytes: Span<UInt8>) -> Int64? {
        var at = 0
        var end = bytes.count
        while at < end, isSpace(bytes[at]) { at += 1 }
        while end > at, isSpace(bytes[end - 1]) { end -= 1 }
        func number(_ from: Int, _ count: Int) -> Int? {
            guard from + count <= end else { return nil }
            var value = 0
            for index in from..<from + count {
                let byte = bytes[index]
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte &- 0x30)
            }
            return value
        }
        func has(_ byte: UInt8, _ index: Int) -> Bool { index < end && bytes[index] == byte }
        guard let year = number(at, 4), has(0x2D, at + 4), let month = number(at + 5, 2), has(0x2D, at + 7),
            let day = number(at + 8, 2), has(0x54, at + 10), let hour = number(at + 11, 2), has(0x3A, at + 13),
            let minute = number(at + 14, 2), has(0x3A, at + 16), let second = number(at + 17, 2)
        else { return nil }
        at += 19
        var fractionMs = 0
        if has(0x2E, at) {
            at += 1
            var scale = 100
            let first = at
            while at < end, bytes[at] >= 0x30, bytes[at] <= 0x39 {
                fractionMs += Int(bytes[at] - 0x30) * scale
                scale /= 10
                at += 1
            }
            guard at > first, at - first <= 9 else { return nil }
        }
        guard let offsetMinutes = offset(bytes, at, end, number) else { return nil }
        guard year >= 1, let days = dayNumber(year, month, day), minute < 60, second < 60,
            hour < 24 || (hour == 24 && minute == 0 && second == 0 && fractionMs == 0)
        else { return nil }
        let seconds = Int64(days) * 86_400 + Int64(hour * 3_600 + minute * 60 + second) - Int64(offsetMinutes) * 60
        return seconds * 1_000 + Int64(fractionMs)
    }

    /// Minutes of `Z` or `±hh:mm` standing at the end.
    private static func offset(
        _ bytes: Span<UInt8>, _ at: Int, _ end: Int, _ number: (Int, Int) -> Int?
    ) -> Int? {
        guard at < end else { return nil }
        switch bytes[at] {
        case 0x5A: return at + 1 == end ? 0 : nil
        case 0x2B, 0x2D:
            guard at + 6 == end, bytes[at + 3] == 0x3A, let hours = number(at + 1, 2), hours <= 14,
                let minutes = number(at + 4, 2), minutes < 60
            else { return nil }
            let total = hours * 60 + minutes
            return bytes[at] == 0x2D ? -total : total
        default: return nil
        }
    }

    /// Days since 1970-01-01; nil for a day that is not in the calendar (proleptic Gregorian).
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard month >= 1, month <= 12, day >= 1 else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let length =
            switch month {
            case 2: isLeap ? 29 : 28
            case 4, 6, 9, 11: 30
            default: 31
            }
        guard day <= length else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// `2026-11-20T00:30:00+05:30`; a fraction only when there is one.
    public static func text(_ ms: Int64, offsetS: Int64 = 0) -> String {
        // Offsets are whole minutes in xs:dateTime.
        let offsetMinutes = offsetS / 60
        let local = ms + offsetMinutes * 60_000
        let dayMs: Int64 = 86_400_000
        let days = local >= 0 ? local / dayMs : -((-local + dayMs - 1) / dayMs)
        let rest = local - days * dayMs
        let day = CivilDay(number: Int32(clamping: days))
        var text = "\(day)T\(two(rest / 3_600_000)):\(two(rest / 60_000 % 60)):\(two(rest / 1_000 % 60))"
        let fraction = rest % 1_000
        if fraction != 0 { text += "." + (fraction < 100 ? "0" : "") + two(fraction) }
        guard offsetMinutes != 0 else { return text + "Z" }
        let size = abs(offsetMinutes)
        return text + (offsetMinutes < 0 ? "-" : "+") + two(size / 60) + ":" + two(size % 60)
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
