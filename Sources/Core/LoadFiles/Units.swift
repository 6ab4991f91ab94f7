// Decimal numbers and units of readings: exact numbers as they are written, and what a column's unit makes of them in
// the unit its channel is stored in. Knows no file.
import IntervalData

/// A decimal number as it was written: mantissa · 10^exponent.
struct DecimalNumber: Equatable {
    var mantissa: Int128
    var exponent: Int

    enum Read: Equatable {
        case absent
        case number(DecimalNumber)
        case bad
    }

    private static let maximumDigits = 25

    /// `0.125`, `-3`, `1.2e-05`, `1E+003`: the one meaning of a number in every file. Empty, `NA`, `NaN`, `null` and
    /// `-` are absent; more than 25 digits before the point, more than 60 behind it, `inf` and all else are bad. Digits
    /// behind the 25th are dropped, and show in the last one kept, so that no half is made of them.
    static func read(_ line: [UInt8], _ cell: Range<Int>) -> Read {
        guard !cell.isEmpty else { return .absent }
        var at = cell.lowerBound
        let isNegative = line[at] == 0x2D
        if isNegative || line[at] == 0x2B { at += 1 }
        var mantissa: Int128 = 0
        var digits = 0
        var decimals = -1
        // Digits read in all, and before the point.
        var (read, whole) = (0, 0)
        scan: while at < cell.upperBound {
            let byte = line[at]
            switch byte {
            case 0x2E where decimals < 0: (decimals, whole) = (0, read)
            case 0x30...0x39:
                read += 1
                guard read <= 80, !(decimals >= 0 && read - whole > 60) else { return .bad }
                if digits == maximumDigits {
                    guard decimals >= 0 else { return .bad }
                    if byte != 0x30, mantissa % 5 == 0 { mantissa += 1 }
                    break
                }
                mantissa = mantissa * 10 + Int128(byte - 0x30)
                if mantissa != 0 { digits += 1 }
                if decimals >= 0 { decimals += 1 }
            default: break scan
            }
            at += 1
        }
        let isNumber = at > cell.lowerBound && line[cell].contains { (0x30...0x39).contains($0) }
        guard isNumber, let power = exponent(line, at..<cell.upperBound) else { return word(line, cell) }
        return .number(
            DecimalNumber(mantissa: isNegative ? -mantissa : mantissa, exponent: power - max(decimals, 0)))
    }

    static func read(_ text: some StringProtocol) -> DecimalNumber? {
        let bytes = Array(text.utf8)
        guard case .number(let number) = read(bytes, bytes.indices) else { return nil }
        return number
    }

    /// The power of ten of `e-05`; 0 for nothing, nil for anything else.
    private static func exponent(_ line: [UInt8], _ rest: Range<Int>) -> Int? {
        guard let first = rest.first else { return 0 }
        guard line[first] | 0x20 == 0x65, (2...5).contains(rest.count) else { return nil }
        return Int(String(decoding: line[rest.dropFirst()], as: UTF8.self)).flatMap { abs($0) <= 40 ? $0 : nil }
    }

    private static func word(_ line: [UInt8], _ cell: Range<Int>) -> Read {
        guard cell.count <= 4 else { return .bad }
        return noValueWords.contains(String(decoding: line[cell], as: UTF8.self).lowercased()) ? .absent : .bad
    }

    private static let noValueWords: Set<String> = ["na", "n/a", "nan", "null", "-"]
}

/// Numerator over denominator that turns what is written into what is stored.
struct ReadingScale: Equatable {
    var numerator: Int128
    var denominator: Int128

    /// The value in whole units, half away from zero, and whether it had to be rounded. Nil beyond 64 bits.
    func whole(_ number: DecimalNumber) -> (value: Int64, isRounded: Bool)? {
        var (top, bottom) = (number.mantissa, denominator)
        var overflow = false
        func times(_ a: Int128, _ b: Int128) -> Int128 {
            let (product, isOver) = a.multipliedReportingOverflow(by: b)
            overflow = overflow || isOver
            return product
        }
        top = times(top, numerator)
        if top == 0, !overflow { return (0, false) }
        for _ in 0..<max(0, number.exponent) where !overflow { top = times(top, 10) }
        for _ in 0..<max(0, -number.exponent) where !overflow {
            if top % 10 == 0 { top /= 10 } else { bottom = times(bottom, 10) }
        }
        guard !overflow else {
            // A number so small that its denominator does not fit is nothing; a large one is refused.
            return number.exponent < -30 && abs(number.mantissa) < 1_000_000_000 ? (0, true) : nil
        }
        let (quotient, rest) = top.quotientAndRemainder(dividingBy: bottom)
        guard rest != 0 else { return Int64(exactly: quotient).map { ($0, false) } }
        // |2·rest| ≥ bottom without doubling what may be large.
        let isUp = abs(rest) >= bottom - abs(rest)
        return Int64(exactly: isUp ? quotient + (top < 0 ? -1 : 1) : quotient).map { ($0, true) }
    }
}

/// A unit as headers and files write it.
public enum ReadingUnit: String, Sendable, CaseIterable, Codable {
    case mWh, Wh, kWh, MWh, GWh
    case VAh, kVAh, MVAh
    case varh, kvarh, Mvarh
    case W, kW, MW
    case V, mV, kV
    case A, mA, kA
    case Hz, mHz
    /// A power factor, 0…1.
    case pf

    /// What it measures.
    enum Quantity { case energy, apparent, reactive, power, voltage, current, frequency, factor }

    var quantity: Quantity {
        switch self {
        case .mWh, .Wh, .kWh, .MWh, .GWh: .energy
        case .VAh, .kVAh, .MVAh: .apparent
        case .varh, .kvarh, .Mvarh: .reactive
        case .W, .kW, .MW: .power
        case .V, .mV, .kV: .voltage
        case .A, .mA, .kA: .current
        case .Hz, .mHz: .frequency
        case .pf: .factor
        }
    }

    /// Power of ten to the stored unit: Wh, VAh, varh, W, mV, mA, mHz, thousandths.
    var power: Int {
        switch self {
        case .mWh: -3
        case .Wh, .VAh, .varh, .W, .mV, .mA, .mHz: 0
        case .kWh, .kVAh, .kvarh, .kW, .V, .A, .Hz, .pf: 3
        case .MWh, .MVAh, .Mvarh, .MW, .kV, .kA: 6
        case .GWh: 9
        }
    }

    /// `kWh`, `KWH`, `kvarh` … in any case; `M` and `m` before Wh and V are told apart as written.
    public init?(text: some StringProtocol) {
        let text = String(text)
        if let exact = ReadingUnit(rawValue: text) {
            self = exact
            return
        }
        let found = Self.allCases.filter {
            $0.rawValue.lowercased() == text.lowercased() && ![.mWh, .mV, .mA, .mHz].contains($0)
        }
        guard let first = found.first else { return nil }
        self = first
    }

    /// The channel a column of this unit is when nothing else is said; power is energy of the interval.
    var usualChannel: Channel {
        switch quantity {
        case .energy, .power: .importWh
        case .apparent: .importVAh
        case .reactive: .importVarh
        case .voltage: .voltagePhaseA
        case .current: .currentPhaseA
        case .frequency: .frequency
        case .factor: .powerFactor
        }
    }

    /// Whether values of this unit can be stored in a channel.
    func fits(_ channel: Channel) -> Bool {
        switch channel {
        case .importWh, .exportWh: quantity == .energy || quantity == .power
        case .importVAh, .exportVAh: quantity == .apparent
        case .varhQ1, .varhQ2, .varhQ3, .varhQ4, .importVarh, .exportVarh: quantity == .reactive
        case .voltagePhaseA, .voltagePhaseB, .voltagePhaseC: quantity == .voltage
        case .currentPhaseA, .currentPhaseB, .currentPhaseC, .currentNeutral: quantity == .current
        case .maximumW: quantity == .power
        case .frequency: quantity == .frequency
        case .powerFactor, .powerFactorPhaseA, .powerFactorPhaseB, .powerFactorPhaseC: quantity == .factor
        }
    }

    /// From what is written to the stored unit, times a multiplier such as that of current transformers.
    func scale(_ multiplier: DecimalNumber = DecimalNumber(mantissa: 1, exponent: 0)) -> ReadingScale {
        let power = power + multiplier.exponent
        var ten: Int128 = 1
        for _ in 0..<min(30, abs(power)) { ten *= 10 }
        return power >= 0
            ? ReadingScale(numerator: multiplier.mantissa * ten, denominator: 1)
            : ReadingScale(numerator: multiplier.mantissa, denominator: ten)
    }
}

extension Channel {
    /// `importWh`: the name in files, mappings and reports.
    public init?(name: String) {
        guard let found = Channel.allCases.first(where: { "\($0)".lowercased() == name.lowercased() }) else {
            return nil
        }
        self = found
    }
    public var name: String { "\(self)" }

    /// Amounts of an interval, which add up over time; the others are means or maxima.
    public var isAmount: Bool { rawValue < 11 }

    /// What its values are in.
    public var unitName: String {
        switch rawValue {
        case 1, 2: "Wh"
        case 3, 4: "VAh"
        case 5...10: "varh"
        case 11...13: "mV"
        case 21...24: "mA"
        case 31: "W"
        case 41: "mHz"
        default: "‰"
        }
    }
}
