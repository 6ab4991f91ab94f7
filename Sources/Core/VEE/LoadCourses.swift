// The courses a gap may have taken, by method: for each slot a value and how far such values lie from the truth.
// Fixed point: thousandths of the channel's unit. Only trusted slots are looked at.
import CivilTime
import IntervalData

/// A guess at one slot, thousandths of the unit.
struct CoursePoint {
    var milli: Int64
    /// Expected absolute error.
    var errorMilli: Int64
    var reason: String
}

struct LoadCourses {
    let series: LoadSeries

    init(_ series: LoadSeries) { self.series = series }

    /// A point for each slot of the gap; nil where the method has too little to go by.
    /// - Parameter energyWh: what the whole gap used, where the register tells; only `profile` makes something of it.
    func course(
        _ method: EstimationMethod, _ rule: EstimationRule, gap: Range<Int>, energyWh: Int64? = nil
    ) -> [CoursePoint?] {
        switch method {
        case .threeDayMean: gap.map { mean($0, earlierDays: rule.days ?? 3, minimum: rule.minimumDays) }
        case .sameDayType: gap.map { mean($0, similarDays: rule.days ?? 4, minimum: rule.minimumDays ?? 1) }
        case .linear: line(gap)
        case .profile: profile(gap, minimumDays: rule.minimumDays ?? 3, energyWh: energyWh)
        case .registerConstrained, .outageZero: gap.map { _ in nil }
        }
    }

    // MARK: Means

    /// Same slot of the last days that hold it.
    private func mean(_ slot: Int, earlierDays count: Int, minimum: Int?) -> CoursePoint? {
        let minute = Int(series.minuteOfSlot[slot])
        var values: [Int64] = []
        for day in stride(from: series.dayIndex(ofSlot: slot) - 1, through: 0, by: -1) where values.count < count {
            if let other = trusted(day, minute) { values.append(series.values[other]) }
        }
        guard values.count >= max(1, minimum ?? count) else { return nil }
        return point(values, "mean of the same interval on \(values.count) days before")
    }

    /// Same slot of the nearest days of the same kind, before and after; of equally near ones the earlier.
    private func mean(_ slot: Int, similarDays count: Int, minimum: Int) -> CoursePoint? {
        let minute = Int(series.minuteOfSlot[slot])
        let day = series.dayIndex(ofSlot: slot)
        let type = series.days[day].type
        var values: [Int64] = []
        for distance in 1..<max(2, series.days.count) where values.count < count {
            for other in [day - distance, day + distance] where values.count < count {
                guard series.days.indices.contains(other), series.days[other].type == type,
                    let found = trusted(other, minute)
                else { continue }
                values.append(series.values[found])
            }
        }
        guard values.count >= max(1, minimum) else { return nil }
        return point(values, "mean of the same interval on \(values.count) days of the kind \(type.rawValue)")
    }

    private func trusted(_ day: Int, _ minute: Int) -> Int? {
        series.slot(inDay: day, minute: minute).flatMap { series.isTrusted($0) ? $0 : nil }
    }

    /// Mean, and the mean distance of a further value from it.
    private func point(_ values: [Int64], _ reason: String) -> CoursePoint {
        let count = Int128(values.count)
        let milli = rounded(values.reduce(Int128(0)) { $0 + Int128($1) } * 1000, by: count)
        let distance = values.reduce(Int128(0)) { $0 + Int128(($1 * 1000 - milli).magnitude) }
        // One value tells nothing of its spread: as much as itself.
        let error = values.count == 1 ? Int64(clamping: milli.magnitude) : rounded(distance, by: count - 1)
        return CoursePoint(milli: milli, errorMilli: error, reason: reason)
    }

    // MARK: Line

    /// Straight between the slots on both sides; none at the ends of the series.
    private func line(_ gap: Range<Int>) -> [CoursePoint?] {
        let (before, after) = (gap.lowerBound - 1, gap.upperBound)
        guard before >= 0, after < series.count, series.isTrusted(before), series.isTrusted(after) else {
            return gap.map { _ in nil }
        }
        let (from, to) = (series.values[before] * 1000, series.values[after] * 1000)
        let steps = Int64(gap.count + 1)
        return gap.map { slot in
            let step = Int64(slot - before)
            let milli = rounded(Int128(from) * Int128(steps - step) + Int128(to) * Int128(step), by: Int128(steps))
            return CoursePoint(
                milli: milli, errorMilli: movement(over: Int(min(step, steps - step)), around: slot),
                reason: "straight line over \(gap.count) intervals")
        }
    }

    /// How much the load moves on average over so many slots, on the day before and after.
    private func movement(over distance: Int, around slot: Int) -> Int64 {
        let around = max(0, slot - series.ordinaryCount)..<min(series.count - distance, slot + series.ordinaryCount)
        var sum: Int64 = 0
        var count: Int64 = 0
        for slot in around where series.isTrusted(slot) && series.isTrusted(slot + distance) {
            sum += Int64((series.values[slot] - series.values[slot + distance]).magnitude)
            count += 1
        }
        // Half: both ends of the line hold it.
        return count == 0 ? Int64.max / 4096 : sum * 1000 / count * 3 / 4
    }

    // MARK: Profile

    /// A weighted sum of clues: usual courses of the days around, and the slots beside the gap. Weights depend on the
    /// distance to both ends of the gap.
    private func profile(_ gap: Range<Int>, minimumDays: Int, energyWh: Int64?) -> [CoursePoint?] {
        let view = GapView(series, gap)
        let counts = view.dayCounts
        guard counts.contains(where: { $0 >= minimumDays }) else { return gap.map { _ in nil } }
        let clues = ProfileClues(view)
        let rows = energyWh.map { clues.register(energyWh: $0) } ?? clues.free
        let reason = "usual course of up to \(counts.max() ?? 0) days around, levelled to the hours beside the gap"
        return gap.indices.map { slot in
            let index = slot - gap.lowerBound
            guard counts[index] >= minimumDays else { return nil }
            let cell = view.cell(index)
            let weights = energyWh == nil ? ProfileWeights.free[cell] : ProfileWeights.register[cell]
            let sum = zip(rows[index], weights).reduce(Int128(0)) { $0 + Int128($1.0) * Int128($1.1) }
            let milli = max(0, rounded(sum, by: 4096))
            let spread = max(0, clues.free[index][4] - clues.free[index][2]) + milli / 4
            let error = (energyWh == nil ? ProfileWeights.freeError : ProfileWeights.registerError)[cell]
            return CoursePoint(
                milli: milli, errorMilli: rounded(Int128(spread) * Int128(error), by: 1000), reason: reason)
        }
    }
}
