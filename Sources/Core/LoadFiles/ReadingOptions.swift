// What is said of a file of readings beside the file: unit, channel, multiplier, side of the stamps, zone. Reads
// nothing.
import CivilTime
import IntervalData

/// Said by whoever imports; what the file itself says comes first, unless noted otherwise.
public struct ReadingOptions: Sendable {
    /// Every value of the file is in it; a unit in a header gives way.
    public var unit: ReadingUnit?
    /// Every value of the file is of this channel; gives way to nothing.
    public var channel: Channel?
    var multiplier = DecimalNumber(mantissa: 1, exponent: 0)
    /// By the meter's name in the file; on top of the multiplier of all.
    var multiplierOf: [String: DecimalNumber] = [:]
    /// Name of the only meter of files that name none.
    public var meter: String?
    /// Values are cumulative registers.
    public var isRegister = false
    /// How many whole digits the registers show before they begin again.
    public var registerDigits: Int?
    /// Whether stamps name the start or the end of their interval; nil goes by the header.
    public var stamps: LoadFileParser.StampSide?
    /// Zone of stamps that name no offset; nil is the zone of the company's days.
    public var stampZone: Zone?
    /// The interval where it cannot be found from the stamps.
    public var periodS: Int?
    public init() {}

    /// Multiplies every value, such as by the ratio of current transformers: `200`, `0.5`. False unless it is a
    /// positive decimal number of at most 9 digits.
    public mutating func setMultiplier(_ text: String) -> Bool {
        guard let number = Self.ratio(text) else { return false }
        multiplier = number
        return true
    }

    /// The same for one meter.
    public mutating func setMultiplier(_ text: String, ofMeter name: String) -> Bool {
        guard let number = Self.ratio(text) else { return false }
        if number != DecimalNumber(mantissa: 1, exponent: 0) { multiplierOf[name] = number }
        return true
    }

    private static func ratio(_ text: String) -> DecimalNumber? {
        guard let number = DecimalNumber.read(text), number.mantissa > 0, number.mantissa < 1_000_000_000,
            abs(number.exponent) <= 9
        else { return nil }
        return number
    }

    /// The scale of one meter's values.
    func scale(_ scale: ReadingScale, ofMeter name: String) -> ReadingScale {
        guard let own = multiplierOf[name] else { return scale }
        var scale = scale
        scale.numerator *= own.mantissa
        for _ in 0..<abs(own.exponent) {
            if own.exponent > 0 { scale.numerator *= 10 } else { scale.denominator *= 10 }
        }
        return scale
    }

    /// Nothing said that the plain reader of wide and long CSV in kWh does not know.
    public var isPlain: Bool {
        unit == nil && channel == nil && multiplier == DecimalNumber(mantissa: 1, exponent: 0)
            && multiplierOf.isEmpty && meter == nil
            && !isRegister && registerDigits == nil && stampZone == nil && periodS == nil
    }
}
