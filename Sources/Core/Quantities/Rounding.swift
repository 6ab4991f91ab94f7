// Integer arithmetic for energy and money. Units stand last in every name: Wh, W, paise, milliPaisePerKWh, ppm.
// Money is paise, prices are milli-paise per kWh; their product with Wh is micro-paise (1e-6 paise): Wh × mP/kWh ÷ 1000
// ÷ 1000.

/// Micro-paise in a paisa: the exact product of Wh and milli-paise per kWh needs no division.
public let microPaisePerPaisa: Int128 = 1_000_000

/// Rounds to the nearest integer, half away from zero.
public func roundedHalfAway(_ numerator: Int128, dividedBy denominator: Int128) -> Int64 {
    precondition(denominator > 0, "denominator must be positive")
    let half = denominator / 2
    let quotient = numerator >= 0 ? (numerator + half) / denominator : -((-numerator + half) / denominator)
    precondition(quotient >= Int128(Int64.min) && quotient <= Int128(Int64.max), "money out of range")
    return Int64(quotient)
}

/// The whole-paisa step from one exact running total to the next: R(after) − R(before). Any chain of steps sums to
/// the rounded total, so no order of posting drifts.
public func telescopedPaise(beforeMicroPaise: Int128, afterMicroPaise: Int128) -> Int64 {
    roundedHalfAway(afterMicroPaise, dividedBy: microPaisePerPaisa)
        - roundedHalfAway(beforeMicroPaise, dividedBy: microPaisePerPaisa)
}
