// Civil days and months as integers; no zone, no clock, no Foundation calendar.

/// A day of the proleptic Gregorian calendar, as days since 1970-01-01.
public struct CivilDay: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var number: Int32
    public init(number: Int32) { self.number = number }

    /// Nil when the date does not exist.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= CivilMonth(year: year, month: month).dayCount
        else { return nil }
        self.init(number: Self.number(year: year, month: month, day: day))
    }

    /// Reads `YYYY-MM-DD`. Nil when it is anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 4, parts[1].count == 2, parts[2].count == 2,
            parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    static func number(year: Int, month: Int, day: Int) -> Int32 {
        // Days from civil: March-based years, 400-year eras.
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int32(era * 146_097 + dayOfEra - 719_468)
    }

    /// Year, month 1...12, day 1...31.
    public var parts: (year: Int, month: Int, day: Int) {
        let z = Int(number) + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted + (shifted < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    /// 1 = Monday ... 7 = Sunday (ISO 8601).
    public var weekday: Int { (Int(number) % 7 + 7 + 3) % 7 + 1 }
    public var month: CivilMonth { CivilMonth(year: parts.year, month: parts.month) }
    public func advanced(by days: Int) -> CivilDay { CivilDay(number: number + Int32(days)) }
    public func days(to other: CivilDay) -> Int { Int(other.number) - Int(number) }
    public static func < (a: CivilDay, b: CivilDay) -> Bool { a.number < b.number }

    /// `YYYY-MM-DD`
    public var description: String {
        let p = parts
        return "\(pad(p.year, 4))-\(pad(p.month, 2))-\(pad(p.day, 2))"
    }
}

/// A civil month. `index` counts months since year 0 and orders them.
public struct CivilMonth: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var year: Int
    public var month: Int
    public init(year: Int, month: Int) {
        self.year = year
        self.month = month
    }
    /// Reads `YYYY-MM`.
    public init?(_ text: some StringProtocol) {
        guard let day = CivilDay("\(text)-01") else { return nil }
        self = day.month
    }
    public var index: Int { year * 12 + month - 1 }
    public init(index: Int) { self.init(year: index / 12, month: index % 12 + 1) }
    public var first: CivilDay { CivilDay(number: CivilDay.number(year: year, month: month, day: 1)) }
    public var last: CivilDay { next.first.advanced(by: -1) }
    public var next: CivilMonth { CivilMonth(index: index + 1) }
    public var previous: CivilMonth { CivilMonth(index: index - 1) }
    public var dayCount: Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
    public static func < (a: CivilMonth, b: CivilMonth) -> Bool { a.index < b.index }
    /// `YYYY-MM`
    public var description: String { "\(pad(year, 4))-\(pad(month, 2))" }
}

/// Decimal digits with leading zeros.
func pad(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
