// What one priced day hands to the next within a month: exact running totals, so that rounding never drifts.
import Quantities

/// Exact totals of a supply account since the 1st of the month. Every month opens with `zero`.
public struct MonthState: Sendable, Hashable {
    /// Energy priced by the base pack, and by add-on packs; a slab tariff reads its position from these.
    public var baseEnergyWh: Int64
    public var addOnEnergyWh: Int64
    public var baseEnergyMicroPaise: Int128
    public var addOnEnergyMicroPaise: Int128
    public var fixedMicroPaise: Int128
    /// Duty is exact only one scale deeper: micro-paise times parts per million are 1e-12 paise.
    public var dutyPicoPaise: Int128

    public static let zero = MonthState(
        baseEnergyWh: 0, addOnEnergyWh: 0, baseEnergyMicroPaise: 0, addOnEnergyMicroPaise: 0, fixedMicroPaise: 0,
        dutyPicoPaise: 0)

    public init(
        baseEnergyWh: Int64, addOnEnergyWh: Int64, baseEnergyMicroPaise: Int128, addOnEnergyMicroPaise: Int128,
        fixedMicroPaise: Int128, dutyPicoPaise: Int128
    ) {
        self.baseEnergyWh = baseEnergyWh
        self.addOnEnergyWh = addOnEnergyWh
        self.baseEnergyMicroPaise = baseEnergyMicroPaise
        self.addOnEnergyMicroPaise = addOnEnergyMicroPaise
        self.fixedMicroPaise = fixedMicroPaise
        self.dutyPicoPaise = dutyPicoPaise
    }

    /// The rounded total of the month so far: the sum of all days charged from `zero` on, to the paisa.
    public var totalPaise: Int64 {
        wholePaise(baseEnergyMicroPaise) + wholePaise(addOnEnergyMicroPaise) + wholePaise(fixedMicroPaise)
            + wholePaiseOfPico(dutyPicoPaise)
    }

    /// Format 1: the byte 1, two Int64 (Wh), four Int128 (money), all little endian; 81 bytes.
    static let format: UInt8 = 1
    static let encodedCount = 1 + 2 * 8 + 4 * 16

    public func encode() -> [UInt8] {
        var bytes: [UInt8] = [Self.format]
        bytes.reserveCapacity(Self.encodedCount)
        append(baseEnergyWh, to: &bytes)
        append(addOnEnergyWh, to: &bytes)
        append(baseEnergyMicroPaise, to: &bytes)
        append(addOnEnergyMicroPaise, to: &bytes)
        append(fixedMicroPaise, to: &bytes)
        append(dutyPicoPaise, to: &bytes)
        return bytes
    }

    /// Strict: another format, length or a total beyond 1e16 paise is an error.
    public init(decoding bytes: [UInt8]) throws(TariffError) {
        guard bytes.first == Self.format, bytes.count == Self.encodedCount else {
            throw TariffError(
                "month state", "\(bytes.count) bytes of format \(bytes.first.map(String.init) ?? "none")",
                remedy: "re-rate the month from its first day with this release or a newer one")
        }
        func int128(_ offset: Int) -> Int128 {
            (0..<16).reversed().reduce(into: Int128(0)) { $0 = $0 << 8 | Int128(bytes[offset + $1]) }
        }
        func int64(_ offset: Int) -> Int64 {
            (0..<8).reversed().reduce(into: Int64(0)) { $0 = $0 << 8 | Int64(bytes[offset + $1]) }
        }
        self.init(
            baseEnergyWh: int64(1), addOnEnergyWh: int64(9), baseEnergyMicroPaise: int128(17),
            addOnEnergyMicroPaise: int128(33), fixedMicroPaise: int128(49), dutyPicoPaise: int128(65))
        let limitMicroPaise: UInt128 = 10_000_000_000_000_000_000_000
        let sane =
            [baseEnergyMicroPaise, addOnEnergyMicroPaise, fixedMicroPaise].allSatisfy {
                $0.magnitude <= limitMicroPaise
            } && dutyPicoPaise.magnitude <= limitMicroPaise * 1_000_000
            && [baseEnergyWh, addOnEnergyWh].allSatisfy { $0.magnitude <= 1_000_000_000_000_000_000 }
        guard sane else {
            throw TariffError("month state", "a total is out of range", remedy: "re-rate the month from its first day")
        }
    }
}

/// Micro-paise to paise, half away from zero; the rule of `Quantities.roundedHalfAway`, with a short way for 64 bits.
@inline(__always)
func wholePaise(_ microPaise: Int128) -> Int64 { rounded(microPaise, 1_000_000) }

@inline(__always)
func wholePaiseOfPico(_ picoPaise: Int128) -> Int64 { rounded(picoPaise, 1_000_000_000_000) }

func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
}

/// Most totals fit 63 bits, where the division is several times cheaper; the result is the same.
@inline(__always)
private func rounded(_ value: Int128, _ unit: Int64) -> Int64 {
    guard let short = Int64(exactly: value), short.magnitude < 1 << 62 else {
        return roundedHalfAway(value, dividedBy: Int128(unit))
    }
    return short >= 0 ? (short + unit / 2) / unit : (short - unit / 2) / unit
}
