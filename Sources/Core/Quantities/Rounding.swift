// Integer arithmetic for energy and money. Units stand last in every name: Wh, W, paise, milliPaisePerKWh, ppm.
// Money is paise, prices are milli-paise per kWh; Wh times such a price is micro-paise (1e-6 paise), no division.

/// Rounds to the nearest integer, half away from zero.
public func roundedHalfAway(_ numerator: Int128, dividedBy denominator: Int128) -> Int64 {
    precondition(denominator > 0, "denominator must be positive")
    let half = denominator / 2
    let quotient = numerator >= 0 ? (numerator + half) / denominator : -((-numerator + half) / denominator)
    precondition(quotient >= Int128(Int64.min) && quotient <= Int128(Int64.max), "money out of range")
    return Int64(quotient)
}
