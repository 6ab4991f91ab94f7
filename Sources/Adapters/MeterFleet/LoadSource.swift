// What a simulated household draws: energy per span of time, as a pure function of the instant. Says nothing about
// supply: an open relay or an outage is the business of SupplyHistory.
import CivilTime

/// Where the load of a virtual meter comes from. Energy is in Wh, instants are UTC seconds.
public enum LoadSource: Sendable {
    /// A recorded series, replayed.
    case recorded(RecordedLoad)
    /// A household of base load, morning and evening peak and seeded noise, on the wall clock of `zone`.
    case household(HouseholdModel)
    /// The same power always.
    case constant(watts: Int64)

    /// Energy asked for in [startS, startS + durationS). Additive over adjacent spans of a recorded or modelled load.
    public func energyWh(startS: Int64, durationS: Int64) -> Int64 {
        switch self {
        case .recorded(let load): load.energyWh(startS: startS, durationS: durationS)
        case .household(let model): model.energyWh(startS: startS, durationS: durationS)
        case .constant(let watts):
            // Cumulative since the epoch, so that parts of a span add up to the span.
            floorDivided(watts * (startS + durationS), 3600) - floorDivided(watts * startS, 3600)
        }
    }
}

/// A load series with a fixed period. Slot i covers [firstStartS + i·periodS, + periodS). Outside the series it repeats
/// in whole weeks (or whole days when shorter than a week) or is zero.
public struct RecordedLoad: Sendable {
    public let firstStartS: Int64
    public let periodS: Int64
    public let repeats: Bool
    /// Slots that had no value in the source; they count as no load.
    public let missingSlots: Int
    /// Energy before slot i; one entry more than slots.
    private let cumulativeWh: [Int64]

    /// - Parameters:
    ///   - valuesWh: nil where the source has no value.
    ///   - shiftS: moves the whole series in time (a recorded winter replayed now); give whole weeks to keep weekdays.
    public init(firstStartS: Int64, periodS: Int64, valuesWh: [Int32?], shiftS: Int64 = 0, repeats: Bool = false) {
        precondition(periodS > 0, "a period has a length")
        self.firstStartS = firstStartS + shiftS
        self.periodS = periodS
        self.repeats = repeats
        missingSlots = valuesWh.count { $0 == nil }
        var sum: Int64 = 0
        var cumulative: [Int64] = [0]
        cumulative.reserveCapacity(valuesWh.count + 1)
        for value in valuesWh {
            sum += max(0, Int64(value ?? 0))
            cumulative.append(sum)
        }
        cumulativeWh = cumulative
    }

    /// Length of the part that repeats.
    var cycleS: Int64 {
        let lengthS = Int64(cumulativeWh.count - 1) * periodS
        guard repeats else { return lengthS }
        return lengthS >= 604_800
            ? lengthS / 604_800 * 604_800 : lengthS >= 86_400 ? lengthS / 86_400 * 86_400 : lengthS
    }

    func energyWh(startS: Int64, durationS: Int64) -> Int64 {
        let cycle = cycleS
        guard cycle > 0, durationS > 0 else { return 0 }
        let from = startS - firstStartS
        guard repeats else { return cumulative(atS: from + durationS) - cumulative(atS: from) }
        let wrapped = floorModulo(from, cycle)
        let end = wrapped + durationS
        let rounds = end / cycle
        return rounds * cumulative(atS: cycle) + cumulative(atS: end % cycle) - cumulative(atS: wrapped)
    }

    private func cumulative(atS offsetS: Int64) -> Int64 {
        guard offsetS > 0 else { return 0 }
        let slot = Int(offsetS / periodS)
        guard slot < cumulativeWh.count - 1 else { return cumulativeWh[cumulativeWh.count - 1] }
        let energy = cumulativeWh[slot + 1] - cumulativeWh[slot]
        return cumulativeWh[slot] + energy * (offsetS % periodS) / periodS
    }
}

/// A household drawn with integers only, so that a seed gives the same load on every machine.
public struct HouseholdModel: Sendable {
    public var seed: UInt64
    public var zone: Zone
    /// Size of the household in per cent of the ordinary one.
    public var sizePercent: Int64

    public init(seed: UInt64, zone: Zone = .india, sizePercent: Int64 = 100) {
        self.seed = seed
        self.zone = zone
        self.sizePercent = sizePercent
    }

    private static let quarterS: Int64 = 900

    func energyWh(startS: Int64, durationS: Int64) -> Int64 {
        var sum: Int64 = 0
        var atS = startS
        let endS = startS + durationS
        while atS < endS {
            let quarter = floorDivided(atS, Self.quarterS)
            let quarterStartS = quarter * Self.quarterS
            let untilS = min(endS, quarterStartS + Self.quarterS)
            let wh = powerW(quarterStartS: quarterStartS) / 4
            sum += wh * (untilS - quarterStartS) / Self.quarterS - wh * (atS - quarterStartS) / Self.quarterS
            atS = untilS
        }
        return sum
    }

    /// Mean power of the quarter of an hour that starts at that instant.
    func powerW(quarterStartS: Int64) -> Int64 {
        let (day, second) = zone.civil(atS: quarterStartS)
        let minute = Int64(second / 60)
        let dayNumber = UInt64(bitPattern: Int64(day.number))
        func house(_ index: UInt64, _ span: Int64) -> Int64 { mixed(seed, index, 0, span: span) }
        func today(_ index: UInt64, _ span: Int64) -> Int64 { mixed(seed, index, dayNumber, span: span) }

        let base = 60 + house(1, 120)
        let lieIn: Int64 = day.weekday >= 6 ? 90 : 0
        let morning = peak(
            minute, centre: 420 + lieIn + today(2, 60), halfWidth: 90, height: 200 + house(3, 900))
        let evening = peak(
            minute, centre: 1170 + today(4, 90), halfWidth: 170, height: 400 + house(5, 1600))
        let quarter = UInt64(bitPattern: floorDivided(quarterStartS, Self.quarterS))
        let fridge: Int64 = mixed(seed, 6, quarter, span: 3) == 0 ? 90 : 0
        let noise = mixed(seed, 7, quarter, span: 40)
        return (base + (morning + evening) * (80 + today(8, 41)) / 100 + fridge + noise) * sizePercent / 100
    }

    /// A triangle.
    private func peak(_ minute: Int64, centre: Int64, halfWidth: Int64, height: Int64) -> Int64 {
        let distance = min(abs(minute - centre), 1440 - abs(minute - centre))
        return distance >= halfWidth ? 0 : height * (halfWidth - distance) / halfWidth
    }
}

/// A number in 0..<span from three keys (SplitMix64 finaliser): the same keys always give the same number.
func mixed(_ seed: UInt64, _ key: UInt64, _ index: UInt64, span: Int64) -> Int64 {
    var z = seed &+ key &* 0x9E37_79B9_7F4A_7C15 &+ index &* 0xD1B5_4A32_D192_ED03
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Int64(z % UInt64(max(1, span)))
}

func floorDivided(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((-a + b - 1) / b) }
func floorModulo(_ a: Int64, _ b: Int64) -> Int64 { a - floorDivided(a, b) * b }
