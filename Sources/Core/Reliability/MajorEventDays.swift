// Major event days (IEEE 1366, 2.5 beta): which days of a storm are told apart from the rest. Logarithm, exponential
// and root are fixed-point integers with 48 bits after the point, so that the same days give the same threshold
// everywhere.
import CivilTime

/// The interruptions that began on one day: their whole minutes belong to it, also those after midnight.
public struct InterruptedDay: Sendable, Equatable {
    public var day: CivilDay
    public var customerSeconds: Int64
    /// Customers served on that day.
    public var customers: Int64
    public init(day: CivilDay, customerSeconds: Int64, customers: Int64) {
        self.day = day
        self.customerSeconds = customerSeconds
        self.customers = customers
    }
}

extension InterruptedDay {
    /// Sustained interruptions by the day they began on, in order of day; days without any are left out.
    public static func of(
        _ interruptions: [Interruption], customers: Int64, zone: Zone, _ rules: ReliabilityRules = ReliabilityRules()
    ) -> [InterruptedDay] {
        var sums: [CivilDay: Int64] = [:]
        for interruption in interruptions {
            let sum = interruption.steps.reduce(Int64(0)) { sum, step in
                let durationS = step.durationS.likely
                return durationS > rules.momentaryMaxS ? sum + durationS * step.customers.likely : sum
            }
            if sum > 0 { sums[zone.day(atS: interruption.startS), default: 0] += sum }
        }
        return sums.sorted { $0.key < $1.key }.map {
            InterruptedDay(day: $0.key, customerSeconds: $0.value, customers: customers)
        }
    }
}

/// `T_MED = exp(alpha + 2.5 beta)` over the daily SAIDI of the years before.
public struct MajorEventThreshold: Sendable, Equatable {
    /// Days with any interruption: those the logarithm is taken of.
    public var days: Int
    /// Mean and sample standard deviation (n − 1) of ln(daily SAIDI in minutes), in millionths.
    public var alphaMillionths: Int64
    public var betaMillionths: Int64
    /// T_MED in millionths of a minute.
    public var minutesMillionths: Int64
    private var minutes: Int128

    /// Nil with fewer than two days that saw an interruption: there is no deviation then.
    public init?(_ days: [InterruptedDay]) {
        let logs = days.compactMap { day -> Int128? in
            guard day.customerSeconds > 0, day.customers > 0 else { return nil }
            return Fixed.ln(Int128(day.customerSeconds), Int128(day.customers) * 60)
        }
        guard logs.count >= 2 else { return nil }
        let count = Int128(logs.count)
        let mean = Fixed.divide(logs.reduce(0, +), count)
        let squares = logs.reduce(Int128(0)) { $0 + ($1 - mean) * ($1 - mean) }
        // The square root of a number with 96 bits after the point has 48.
        let deviation = Fixed.squareRoot(squares / (count - 1))
        guard let minutes = Fixed.exp(mean + Fixed.divide(deviation * 5, 2)) else { return nil }
        self.days = logs.count
        self.minutes = minutes
        alphaMillionths = Fixed.millionths(mean)
        betaMillionths = Fixed.millionths(deviation)
        minutesMillionths = Fixed.millionths(minutes)
    }

    /// Whether the day's SAIDI is above the threshold.
    public func isMajor(_ day: InterruptedDay) -> Bool {
        guard day.customers > 0 else { return false }
        return Int128(day.customerSeconds) << Fixed.bits > minutes * Int128(day.customers) * 60
    }
}

/// Numbers with 48 bits after the point, held in 128: about 14 decimal digits, and no step below depends on a machine's
/// floating point. Each function is wrong by a few units of the last place.
enum Fixed {
    static let bits = 48
    static let one = Int128(1) << bits
    /// ln 2 = 0.693147180559945309417…, times 2⁴⁸.
    static let ln2 = Int128(195_103_586_505_167)

    /// Half away from zero.
    static func divide(_ value: Int128, _ divisor: Int128) -> Int128 {
        value >= 0 ? (value + divisor / 2) / divisor : (value - divisor / 2) / divisor
    }
    static func multiply(_ a: Int128, _ b: Int128) -> Int128 { divide(a * b, one) }

    /// The natural logarithm of `top / bottom`, both above zero.
    static func ln(_ top: Int128, _ bottom: Int128) -> Int128 {
        var (top, bottom, halvings) = (top, bottom, Int128(0))
        while top >= bottom * 2 { (bottom, halvings) = (bottom * 2, halvings + 1) }
        while top < bottom { (top, halvings) = (top * 2, halvings - 1) }
        // 1 <= m < 2: ln m = 2 (z + z³/3 + z⁵/5 + …) with z = (m − 1) / (m + 1) below 1/3.
        let z = divide((top - bottom) << bits, top + bottom)
        let square = multiply(z, z)
        var (power, sum, odd) = (z, z, Int128(3))
        while power != 0, odd < 80 {
            power = multiply(power, square)
            sum += divide(power, odd)
            odd += 2
        }
        return sum * 2 + halvings * ln2
    }

    /// e to the power; nil where it would not fit (above 2⁶⁰).
    static func exp(_ value: Int128) -> Int128? {
        let doublings = Int(divide(value, ln2))
        guard (-60...60).contains(doublings) else { return value < 0 ? 0 : nil }
        let rest = value - Int128(doublings) * ln2
        var (term, sum, index) = (one, one, Int128(1))
        while term != 0, index < 40 {
            term = divide(multiply(term, rest), index)
            sum += term
            index += 1
        }
        return doublings >= 0 ? sum << doublings : sum >> -doublings
    }

    /// The root of `value`, rounded down; Newton's iteration on integers.
    static func squareRoot(_ value: Int128) -> Int128 {
        guard value > 0 else { return 0 }
        var guess = Int128(1) << ((128 - value.leadingZeroBitCount) / 2 + 1)
        while true {
            let next = (guess + value / guess) / 2
            if next >= guess { return guess }
            guess = next
        }
    }

    static func millionths(_ value: Int128) -> Int64 {
        let whole = value >> bits
        let part = value - whole << bits
        return Int64(clamping: whole * 1_000_000 + divide(part * 1_000_000, one))
    }
}
