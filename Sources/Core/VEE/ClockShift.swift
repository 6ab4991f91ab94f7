// Whether many meters at once are off by the same time: the shape of a day, all meters together, against the shape of
// earlier days. A single meter's day is too irregular to tell; a collector or a file with a wrong clock moves them all.
import CivilTime

/// What the check of a group's clock compares.
public struct ClockShiftRules: Sendable, Equatable {
    /// Shifts that are tried, either way, minutes.
    public var maximumShiftMinutes: Int
    /// How far back like days (working day, or not) are looked for, and how many are needed.
    public var days: Int
    public var minimumDays: Int
    /// The shifted day must fit at least so much better than the day as it came: its error in percent of that.
    public var maximumErrorPercent: Int64
    /// Fewer meters than this make no shape, and so many of them must fit better themselves, percent: when some change
    /// their habits the shape blurs towards them.
    public var minimumMeters: Int
    public var minimumFittingPercent: Int
    public init(
        maximumShiftMinutes: Int = 180, days: Int = 28, minimumDays: Int = 2, maximumErrorPercent: Int64 = 70,
        minimumMeters: Int = 20, minimumFittingPercent: Int = 55
    ) {
        self.minimumFittingPercent = minimumFittingPercent
        self.maximumShiftMinutes = maximumShiftMinutes
        self.days = days
        self.minimumDays = minimumDays
        self.maximumErrorPercent = maximumErrorPercent
        self.minimumMeters = minimumMeters
    }
    public static let standard = ClockShiftRules()
}

/// A day on which a group of meters is off by the same time.
public struct ClockShift: Sendable, Equatable {
    public var day: CivilDay
    /// Positive: the meters are late, what happened at noon stands later.
    public var shiftMinutes: Int
    /// Meters that were compared, and those of them whose own day fits better with the shift than without.
    public var meters: Int
    public var fittingMeters: Int
    /// Error of the group with the shift, percent of the error without.
    public var errorPercent: Int64
}

/// One meter's values of a day in civil order.
public struct ShapeDay: Sendable {
    public var day: CivilDay
    public var values: [Int32?]
    public init(day: CivilDay, values: [Int32?]) {
        self.day = day
        self.values = values
    }
}

/// Days on which the meters together are shifted against their own earlier days, in order. A day that is shifted is
/// no history for the next one. A few hundred meters are plenty: give a sample of more.
/// - Parameters:
///   - meters: for each meter its days, earlier ones first, those of other slot counts (change of summer time) and
///     those with gaps are passed over. In the meters' own civil time: in UTC the change to summer time is a shift.
///   - from: the first day to judge; the ones before are history only. Nil judges all.
public func clockShifts(
    _ meters: [[ShapeDay]], periodS: Int, from: CivilDay? = nil, rules: ClockShiftRules = .standard
) -> [ClockShift] {
    guard periodS > 0, 86_400 % periodS == 0 else { return [] }
    let slots = 86_400 / periodS
    let reach = min(rules.maximumShiftMinutes * 60 / periodS, slots / 4)
    var byDay: [CivilDay: [(meter: Int, values: [Int32])]] = [:]
    for (meter, days) in meters.enumerated() {
        for item in days where item.values.count == slots && !item.values.contains(nil) {
            byDay[item.day, default: []].append((meter, item.values.map { $0 ?? 0 }))
        }
    }
    var shapes: [(day: CivilDay, own: [Int: [Int32]], group: [Int64])] = []
    var found: [ClockShift] = []
    for day in byDay.keys.sorted() {
        let own = Dictionary((byDay[day] ?? []).map { ($0.meter, $0.values) }, uniquingKeysWith: { first, _ in first })
        guard own.count >= rules.minimumMeters else { continue }
        let group = groupShape(Array(own.values), slots: slots)
        shapes.removeAll { $0.day < day.advanced(by: -rules.days) }
        let like = shapes.filter { isWorkingDay($0.day) == isWorkingDay(day) }
        if day >= from ?? day, like.count >= rules.minimumDays,
            let shift = judge(group, own, like.map(\.group), like.map(\.own), reach, rules)
        {
            found.append(
                ClockShift(
                    day: day, shiftMinutes: shift.slots * periodS / 60, meters: own.count,
                    fittingMeters: shift.fitting, errorPercent: shift.errorPercent))
        } else {
            shapes.append((day, own, group))
        }
    }
    return found
}

private func isWorkingDay(_ day: CivilDay) -> Bool { day.weekday <= 5 }

/// Each meter weighs the same: values as parts per million of its day. Meters that used nothing add nothing.
private func groupShape(_ days: [[Int32]], slots: Int) -> [Int64] {
    var sum = [Int64](repeating: 0, count: slots)
    for values in days {
        let total = values.reduce(Int64(0)) { $0 + Int64($1) }
        guard total > 0 else { continue }
        for (slot, value) in values.enumerated() { sum[slot] += Int64(value) * 1_000_000 / total }
    }
    return sum.map { $0 / Int64(max(1, days.count)) }
}

private func mean(_ shapes: [[Int64]]) -> [Int64] {
    guard let first = shapes.first else { return [] }
    return first.indices.map { slot in shapes.reduce(Int64(0)) { $0 + $1[slot] } / Int64(shapes.count) }
}

/// How far a day that is late by `shift` slots lies from the usual one, over the slots that both have.
private func error(_ day: [Int64], _ usual: [Int64], shift: Int, reach: Int) -> Int64 {
    (reach..<usual.count - reach).reduce(0) { $0 + abs(day[$1 + shift] - usual[$1]) }
}

private func judge(
    _ group: [Int64], _ own: [Int: [Int32]], _ usualGroups: [[Int64]], _ usualOwn: [[Int: [Int32]]],
    _ reach: Int, _ rules: ClockShiftRules
) -> (slots: Int, fitting: Int, errorPercent: Int64)? {
    guard reach > 0 else { return nil }
    let usual = mean(usualGroups)
    let still = error(group, usual, shift: 0, reach: reach)
    let best = (-reach...reach).map { (shift: $0, error: error(group, usual, shift: $0, reach: reach)) }
        .min { ($0.error, abs($0.shift)) < ($1.error, abs($1.shift)) }
    guard let best, best.shift != 0, still > 0 else { return nil }
    let percent = best.error * 100 / still
    guard percent <= rules.maximumErrorPercent else { return nil }
    let fitting = own.count { meter, values in
        let earlier = usualOwn.compactMap { $0[meter] }
        guard !earlier.isEmpty else { return false }
        let usual = mean(earlier.map { $0.map(Int64.init) })
        let values = values.map(Int64.init)
        return error(values, usual, shift: best.shift, reach: reach) < error(values, usual, shift: 0, reach: reach)
    }
    guard fitting * 100 >= own.count * rules.minimumFittingPercent else { return nil }
    return (best.shift, fitting, percent)
}
