// The load of the days ahead from the days before: same slots of similar days, the recent ones weighing most. Pure,
// integers only. A meter's forecast leaves out its rarest highs and lows; that of a sum is a mean, so that it adds up.
import CivilTime
import IntervalData

/// How a forecast is made. Weights are relative.
public struct ForecastMethod: Sendable, Equatable {
    /// How far back days are looked at.
    public var reachDays: Int
    /// After so many days a day counts half.
    public var halvingDays: Int
    /// Weight of days of another kind, per mille of one of the same: working against Saturday or rest, and Saturday
    /// against rest.
    public var otherKindPermille: Int64
    public var otherFreeDayPermille: Int64
    /// Weight of the slots half an hour earlier and later, per mille.
    public var besidePermille: Int64
    /// The part of the ordered values that is averaged, per mille; 0...1000 is the mean.
    public var orderedPermille: ClosedRange<Int64>
    /// How far the level follows the last days, per mille.
    public var levelPermille: Int64

    /// For a meter: the middle of what its days showed.
    public static let meter = ForecastMethod(
        reachDays: 42, halvingDays: 7, otherKindPermille: 200, otherFreeDayPermille: 500, besidePermille: 500,
        orderedPermille: 300...900, levelPermille: 0)
    /// For a sum of meters: the mean.
    public static let sum = ForecastMethod(
        reachDays: 42, halvingDays: 4, otherKindPermille: 20, otherFreeDayPermille: 200, besidePermille: 0,
        orderedPermille: 0...1000, levelPermille: 400)
}

/// Forecasts that anyone can make, to be better than.
public enum ForecastBaseline: String, Sendable, CaseIterable {
    case yesterday, lastWeek, threeDayMean
}

/// The values of one day ahead; nil where the days before hold too little. Days from `day` on are not looked at.
/// - Parameter day: within the series, which gives its slots and its kind.
public func forecast(_ series: LoadSeries, day: CivilDay, method: ForecastMethod = .meter) -> [Int64?] {
    guard let slots = series.slots(of: day) else { return [] }
    let course = forecastMilli(series, dayIndex: series.dayIndex(ofSlot: slots.lowerBound), method)
    guard method.levelPermille > 0 else { return course.map { $0.map { rounded(Int128($0), by: 1000) } } }
    let level = levelOfLastDays(series, before: series.dayIndex(ofSlot: slots.lowerBound), method)
    return course.map { milli in
        milli.map { rounded(Int128($0) * Int128(level), by: 1_000_000_000) }
    }
}

/// A baseline's values of one day.
/// - Parameter unknownDays: so many days just before were not known when the forecast was made: yesterday and the three
///   days are then those before them. Below 7.
public func forecast(
    _ series: LoadSeries, day: CivilDay, baseline: ForecastBaseline, unknownDays: Int = 0
) -> [Int64?] {
    guard let slots = series.slots(of: day) else { return [] }
    let index = series.dayIndex(ofSlot: slots.lowerBound)
    let back =
        switch baseline {
        case .yesterday: [1 + unknownDays]
        case .lastWeek: [7]
        case .threeDayMean: [1 + unknownDays, 2 + unknownDays, 3 + unknownDays]
        }
    return slots.map { slot in
        let values = back.compactMap { trustedValue(series, index - $0, Int(series.minuteOfSlot[slot])) }
        guard values.count == back.count else { return nil }
        return rounded(values.reduce(Int128(0)) { $0 + Int128($1) }, by: Int128(values.count))
    }
}

private func trustedValue(_ series: LoadSeries, _ day: Int, _ minute: Int) -> Int64? {
    guard series.days.indices.contains(day), let slot = series.slot(inDay: day, minute: minute),
        series.isTrusted(slot)
    else { return nil }
    return series.values[slot]
}

/// Days before and their weights, of 2^20.
private func weighedDays(_ series: LoadSeries, before day: Int, _ method: ForecastMethod) -> [(day: Int, weight: Int64)]
{
    let type = series.days[day].type
    return (max(0, day - method.reachDays)..<max(0, day)).compactMap { other in
        let otherType = series.days[other].type
        let kind: Int64 =
            otherType == type
            ? 1000
            : otherType == .working || type == .working ? method.otherKindPermille : method.otherFreeDayPermille
        let sixteenths = (day - other) * 16 / max(1, method.halvingDays)
        let weight = (sixteenthsOfHalving[sixteenths % 16] >> Int64(sixteenths / 16)) * kind / 1000
        return weight > 0 ? (other, weight) : nil
    }
}

/// So many days of one value are a rule, not chance.
private let sameDays = 7

/// 2^20 · 2^(−i/16).
private let sixteenthsOfHalving: [Int64] = [
    1_048_576, 1_004_120, 961_548, 920_782, 881_744, 844_361, 808_563, 774_282, 741_455, 710_020, 679_917, 651_091,
    623_487, 597_053, 571_740, 547_500,
]

/// The course without its level, thousandths.
private func forecastMilli(_ series: LoadSeries, dayIndex: Int, _ method: ForecastMethod) -> [Int64?] {
    let days = weighedDays(series, before: dayIndex, method)
    let besideMinutes = max(1800, series.periodS) / 60
    let end = series.days[dayIndex].slots.lowerBound
    return series.days[dayIndex].slots.map { slot in
        let minute = Int(series.minuteOfSlot[slot])
        var values: [(value: Int64, weight: Int64)] = []
        var same: Int64?
        var sameCount = 0
        for (day, weight) in days {
            if let value = trustedValue(series, day, minute) {
                values.append((value, weight))
                same = same ?? value
                sameCount += value == same ? 1 : -days.count
            }
            guard method.besidePermille > 0, let at = series.slot(inDay: day, minute: minute) else { continue }
            for other in [at - besideMinutes * 60 / series.periodS, at + besideMinutes * 60 / series.periodS]
            where (0..<end).contains(other) && series.isTrusted(other) {
                values.append((series.values[other], weight * method.besidePermille / 1000))
            }
        }
        // What showed one value day by day will show it again, whatever lies beside it.
        if let same, sameCount >= sameDays { return same * 1000 }
        return orderedMean(&values, method.orderedPermille)
    }
}

/// Mean of the values between two places of their order by weight, thousandths.
private func orderedMean(_ values: inout [(value: Int64, weight: Int64)], _ part: ClosedRange<Int64>) -> Int64? {
    let total = values.reduce(Int64(0)) { $0 + $1.weight }
    guard total > 0 else { return nil }
    if part != 0...1000 { values.sort { $0.value < $1.value } }
    let (low, high) = (total * part.lowerBound / 1000, total * part.upperBound / 1000)
    var passed: Int64 = 0
    var sum: Int128 = 0
    var used: Int64 = 0
    for (value, weight) in values {
        let taken = min(passed + weight, high) - max(passed, low)
        passed += weight
        guard taken > 0 else { continue }
        sum += Int128(value) * Int128(taken)
        used += taken
    }
    return used == 0 ? nil : rounded(sum * 1000, by: Int128(used))
}

/// How the last seven days lay against their own forecasts, by `levelPermille`, per million; the last one counts most.
private func levelOfLastDays(_ series: LoadSeries, before day: Int, _ method: ForecastMethod) -> Int64 {
    var known: Int128 = 0
    var expected: Int128 = 0
    for back in 1...7 where day - back > 0 {
        let weight = Int128(1 << (7 - back))
        for (slot, milli) in zip(
            series.days[day - back].slots, forecastMilli(series, dayIndex: day - back, method))
        where series.isTrusted(slot) {
            guard let milli else { continue }
            known += Int128(series.values[slot]) * 1000 * weight
            expected += Int128(milli) * weight
        }
    }
    guard expected > 0, known > 0 else { return 1_000_000 }
    let ratio = min(max(rounded(known * 1_000_000, by: expected), 500_000), 2_000_000)
    return 1_000_000 + (ratio - 1_000_000) * method.levelPermille / 1000
}

/// The slot-wise sum of series of the same days; missing where one of them is.
public func summed(_ members: [LoadSeries]) -> LoadSeries? {
    guard var total = members.first else { return nil }
    for member in members.dropFirst() {
        guard member.days == total.days, member.periodS == total.periodS, member.zone == total.zone else { return nil }
        for slot in 0..<total.count {
            let quality = min(total.qualities[slot], member.qualities[slot])
            total.set(slot, quality == .missing ? 0 : total.values[slot] + member.values[slot], quality)
        }
    }
    return total
}

// MARK: Errors

/// How far values lay from the truth, summed over slots; slots without either are left out and counted.
public struct ForecastError: Sendable, Equatable {
    public private(set) var count = 0
    public private(set) var leftOut = 0
    public private(set) var absolute: Int64 = 0
    public private(set) var signed: Int64 = 0
    public private(set) var truth: Int64 = 0

    public init() {}

    public mutating func add(_ value: Int64?, truth actual: Int64?) {
        guard let value, let actual else {
            leftOut += 1
            return
        }
        count += 1
        absolute += Int64((value - actual).magnitude)
        signed += value - actual
        truth += actual
    }

    public mutating func add(_ values: [Int64?], of day: CivilDay, in series: LoadSeries) {
        guard let slots = series.slots(of: day) else { return }
        for (slot, value) in zip(slots, values) {
            add(value, truth: series.isTrusted(slot) ? series.values[slot] : nil)
        }
    }

    /// Sum of the absolute errors over the sum of the truth, per million; nil without truth.
    public var wapePpm: Int64? { truth > 0 ? rounded(Int128(absolute) * 1_000_000, by: Int128(truth)) : nil }
    /// Sum of the errors over the sum of the truth, per million.
    public var biasPpm: Int64? { truth > 0 ? rounded(Int128(signed) * 1_000_000, by: Int128(truth)) : nil }
    /// Mean absolute error, thousandths of the unit.
    public var meanAbsoluteMilli: Int64? { count > 0 ? rounded(Int128(absolute) * 1000, by: Int128(count)) : nil }
}

/// The error of day-ahead forecasts by size of group: members taken in their order, in groups of each size, each group
/// forecast as a sum; a remainder smaller than the size is left out.
public func aggregationErrors(
    _ members: [LoadSeries], days: [CivilDay], sizes: [Int] = [1, 3, 10, 30, 100, 311]
) -> [(size: Int, error: ForecastError)] {
    sizes.filter { (1...max(1, members.count)).contains($0) && !members.isEmpty }.map { size in
        var error = ForecastError()
        for start in stride(from: 0, through: members.count - size, by: size) {
            guard let group = summed(Array(members[start..<start + size])) else { continue }
            for day in days {
                error.add(forecast(group, day: day, method: size == 1 ? .meter : .sum), of: day, in: group)
            }
        }
        return (size, error)
    }
}
