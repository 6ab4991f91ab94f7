// Money and quantities as text, by own rules on the server (browsers and Foundation disagree): Indian grouping,
// U+2212 before the sign of the currency. See the look's page on money.

/// Groups digits the Indian way: last three, then twos. `12345678` → `1,23,45,678`.
public func indianGrouped(_ value: UInt64) -> String {
    let digits = Array(String(value))
    guard digits.count > 3 else { return String(digits) }
    var groups = [String(digits.suffix(3))]
    var rest = digits.dropLast(3)
    while !rest.isEmpty {
        groups.append(String(rest.suffix(2)))
        rest = rest.dropLast(2)
    }
    return groups.reversed().joined(separator: ",")
}

/// `₹1,23,45,678.90`; negative with U+2212: `−₹39.30`. `signed` puts `+` before a credit.
public func rupees(paise: Int64, signed: Bool = false) -> String {
    let sign = paise < 0 ? "\u{2212}" : signed && paise > 0 ? "+" : ""
    let whole = paise.magnitude / 100
    let rest = paise.magnitude % 100
    return "\(sign)₹\(indianGrouped(whole)).\(rest < 10 ? "0" : "")\(rest)"
}

/// A fixed-point number with `places` digits after the point: `fixed(4218306, thousandths: 3)` is `4,218.306`.
public func fixedPoint(_ value: Int64, places: Int) -> String {
    var scale: UInt64 = 1
    for _ in 0..<places { scale *= 10 }
    let sign = value < 0 ? "\u{2212}" : ""
    guard places > 0 else { return sign + indianGrouped(value.magnitude) }
    let rest = String(value.magnitude % scale)
    return sign + indianGrouped(value.magnitude / scale) + "."
        + String(repeating: "0", count: places - rest.count) + rest
}

/// Watt-hours as kWh with two decimals by default, rounded half away from zero: `5,260 Wh` is `5.26`.
public func kilowattHours(wh: Int64, places: Int = 2) -> String {
    var divisor: Int128 = 1000
    for _ in 0..<places { divisor /= 10 }
    return fixedPoint(divisor > 1 ? roundedHalfAway(Int128(wh), dividedBy: divisor) : wh, places: places)
}
