// Ratios of current and voltage transformers, and values multiplied by them, with integers only.
import DLMS

/// Primary over secondary, such as 200/5.
public struct TransformerRatio: Hashable, Sendable {
    public let primary: Int64
    public let secondary: Int64
    public static let one = TransformerRatio(primary: 1, secondary: 1)

    private init(primary: Int64, secondary: Int64) { (self.primary, self.secondary) = (primary, secondary) }

    /// Nil for what is not a positive ratio up to 1,000,000 both ways.
    public init?(_ primary: Int64, over secondary: Int64) {
        guard (1...1_000_000).contains(primary), (1...1_000_000).contains(secondary) else { return nil }
        self.init(primary: primary, secondary: secondary)
    }

    /// As a meter gives it (1.0.0.4.2, 1.0.0.4.3): a number, a structure of primary and secondary, or a text `200/5`.
    /// - Parameter scaler: of the object, when it is a register.
    public init?(_ data: DLMSData, scaler: Int8 = 0) {
        if let fields = data.elements {
            guard fields.count == 2, let primary = fields[0].integer, let secondary = fields[1].integer else {
                return nil
            }
            self.init(primary, over: secondary)
        } else if let octets = data.octets {
            let parts = String(decoding: octets, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
            let numbers = parts.compactMap { part in Int64(part.filter { $0 != " " && $0 != "A" && $0 != "V" }) }
            guard numbers.count == parts.count, (1...2).contains(numbers.count) else { return nil }
            self.init(numbers[0], over: numbers.count == 2 ? numbers[1] : 1)
        } else {
            guard let number = data.integer, number > 0, abs(Int(scaler)) <= 6 else { return nil }
            let power = (0..<abs(Int(scaler))).reduce(Int64(1)) { product, _ in product * 10 }
            guard scaler < 0 || number <= 1_000_000 else { return nil }
            if scaler >= 0 { self.init(number * power, over: 1) } else { self.init(number, over: power) }
        }
    }
}

/// What a secondary value is multiplied by.
public struct MeterMultiplier: Hashable, Sendable {
    public var current: TransformerRatio
    public var voltage: TransformerRatio
    public init(current: TransformerRatio = .one, voltage: TransformerRatio = .one) {
        self.current = current
        self.voltage = voltage
    }
    public static let one = MeterMultiplier()

    /// What of the ratios a quantity takes.
    public enum Kind: Hashable, Sendable {
        /// Energy and power: both.
        case energy
        case current
        case voltage
        /// Power factor, frequency, counts: none.
        case none

        /// By the unit code of a register.
        public init(unit: UInt8) {
            switch unit {
            case 27...32: self = .energy
            case 33: self = .current
            case 35: self = .voltage
            default: self = .none
            }
        }
    }

    /// The primary value, rounded half away from zero; nil when it does not fit.
    public func primary(_ value: Int64, _ kind: Kind) -> Int64? {
        var product = Int128(value)
        var divisor: Int128 = 1
        if kind == .energy || kind == .current {
            product *= Int128(current.primary)
            divisor *= Int128(current.secondary)
        }
        if kind == .energy || kind == .voltage {
            product *= Int128(voltage.primary)
            divisor *= Int128(voltage.secondary)
        }
        let half = product >= 0 ? divisor / 2 : -divisor / 2
        return Int64(exactly: (product + half) / divisor)
    }
}
