// The days of a bill, and what part of a month they are by each rule of proration. Integers: a month is 377,580 parts,
// which 28, 29, 30 and 31 days divide.
import CivilTime
import Quantities

/// From the first to the last day, both inclusive.
public struct BillPeriod: Sendable, Hashable {
    public let first: CivilDay
    public let last: CivilDay

    public init(first: CivilDay, last: CivilDay) {
        precondition(first <= last, "a bill has a day")
        self.first = first
        self.last = last
    }

    public var dayCount: Int { first.days(to: last) + 1 }

    /// Calendar months it has days of.
    var months: [CivilMonth] { (first.month.index...last.month.index).map(CivilMonth.init(index:)) }

    /// Bills of so many calendar months, counted from January, cut to the days given.
    public static func calendar(from: CivilDay, to: CivilDay, months: Int) -> [BillPeriod] {
        var periods: [BillPeriod] = []
        var index = from.month.index / months * months
        while CivilMonth(index: index).first <= to {
            let first = CivilMonth(index: index).first
            let last = CivilMonth(index: index + months - 1).last
            periods.append(BillPeriod(first: max(first, from), last: min(last, to)))
            index += months
        }
        return periods
    }

    static let partsPerMonth: Int64 = 377_580

    /// How many parts of its month a day is.
    static func parts(of day: CivilDay) -> Int64 { partsPerMonth / Int64(day.month.dayCount) }

    /// The sum over its days.
    var monthParts: Int64 {
        var sum: Int64 = 0
        var day = first
        while day <= last {
            let end = min(last, day.month.last)
            sum += Self.parts(of: day) * Int64(day.days(to: end) + 1)
            day = end.advanced(by: 1)
        }
        return sum
    }
}

/// An exact fraction.
struct Share: Equatable {
    var numerator: Int128
    var denominator: Int128
}

extension ProrationRule {
    /// The bill as a share of a whole one of so many months.
    func share(of period: BillPeriod, billMonths: Int) -> Share {
        let days = Int128(period.dayCount)
        let months = Int128(billMonths)
        return switch self {
        case .calendarFraction, .floorDays:
            Share(numerator: Int128(period.monthParts), denominator: Int128(BillPeriod.partsPerMonth) * months)
        case .months2dp: Share(numerator: days * 100 / 30, denominator: 100 * months)
        case .days30: Share(numerator: days, denominator: 30 * months)
        case .none: Share(numerator: 1, denominator: 1)
        }
    }

    /// Limits in Wh for the bill: each width between two limits is prorated to whole kWh. Nil is without end.
    func limits(_ limitsWh: [Int64?], _ period: BillPeriod, billMonths: Int) -> [Int64] {
        let share = share(of: period, billMonths: billMonths)
        guard share.numerator != share.denominator else { return limitsWh.map { $0 ?? .max } }
        var before: Int64 = 0
        var sum: Int64 = 0
        return limitsWh.map { limit in
            guard let limit else { return .max }
            let width = Int128(limit - before) * share.numerator
            before = limit
            let wholeKWh =
                self == .floorDays
                ? Int64(width / (share.denominator * 1000))
                : roundedHalfAway(width, dividedBy: share.denominator * 1000)
            sum += wholeKWh * 1000
            return sum
        }
    }
}
