// Scaler and unit of a register (IEC 62056-6-2, class 3 attribute 3), with integers only: value = raw × 10^scaler unit.
import DLMS

/// Power of ten and unit code of a register.
public struct ScalerUnit: Hashable, Sendable {
    public var scaler: Int8
    /// Unit code of IEC 62056-6-2, table 4: 30 is Wh. 255 is a count.
    public var unit: UInt8

    public init(_ scaler: Int8, _ unit: UInt8) {
        self.scaler = scaler
        self.unit = unit
    }

    public static let count = ScalerUnit(0, 255)

    /// Nil when the data is not a structure of scaler and unit.
    public init?(_ data: DLMSData) {
        guard case .structure(let fields) = data, fields.count == 2, let scaler = fields[0].integer,
            let scaler = Int8(exactly: scaler), let unit = fields[1].integer, let unit = UInt8(exactly: unit)
        else { return nil }
        self.init(scaler, unit)
    }

    public var data: DLMSData { .scalerUnit(scaler, unit) }

    private static let unitNames: [UInt8: String] = [
        5: "h", 6: "min", 7: "s", 27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 35: "V",
        44: "Hz", 56: "%",
    ]
    /// The code of `Wh`, `V`, ...; 255 for an empty text. Nil for a unit without a name here.
    public static func unitCode(_ name: String) -> UInt8? {
        name.isEmpty ? 255 : unitNames.first { $0.value == name }?.key
    }
    /// `Wh`, `V`, ...; empty for a count.
    public var unitName: String { unit == 255 ? "" : Self.unitNames[unit] ?? "unit \(unit)" }

    /// The value in steps of 10^exponent of the unit, rounded half away from zero: raw 2305, scaler -1 (V), exponent -3
    /// gives 230,500 mV. Nil when the result does not fit.
    public func value(_ raw: Int64, exponent: Int8 = 0) -> Int64? {
        let power = Int(scaler) - Int(exponent)
        guard abs(power) <= 18 else { return raw == 0 ? 0 : nil }
        var factor: Int128 = 1
        for _ in 0..<abs(power) { factor *= 10 }
        if power >= 0 { return Int64(exactly: Int128(raw) * factor) }
        let half = raw >= 0 ? factor / 2 : -factor / 2
        return Int64(exactly: (Int128(raw) + half) / factor)
    }

    /// Exact decimal text: raw 2305, scaler -1 is `230.5`. Plain ASCII, for tables and JSON.
    public func text(_ raw: Int64) -> String {
        guard scaler != 0, abs(Int(scaler)) <= 18 else { return scaler == 0 ? "\(raw)" : "\(raw)e\(scaler)" }
        if scaler > 0 { return raw == 0 ? "0" : "\(raw)" + String(repeating: "0", count: Int(scaler)) }
        let places = -Int(scaler)
        var digits = String(raw.magnitude)
        if digits.count <= places { digits = String(repeating: "0", count: places - digits.count + 1) + digits }
        return (raw < 0 ? "-" : "") + digits.dropLast(places) + "." + digits.suffix(places)
    }
}
