// Fills the gaps of a series by the rules of a plan. A pure function: the same input gives the same estimates, in any
// order of readings and outages. Integers only; estimates are never made from estimates.
import CivilTime
import IntervalData

/// What a cumulative register showed at an instant, Wh. Rolled over and exchanged registers are told apart by the
/// caller: between two readings handed in together it only counted up.
public struct RegisterReading: Sendable, Equatable {
    public var atS: Int64
    public var registerWh: Int64
    public init(atS: Int64, registerWh: Int64) {
        self.atS = atS
        self.registerWh = registerWh
    }
}

/// How far an estimate can be relied on, from its expected absolute error: `high` up to a quarter of the value,
/// `medium` up to three quarters, `low` beyond.
public enum Confidence: String, Sendable, Codable, CaseIterable, Comparable {
    case low, medium, high

    public init(expectedError: Int64, value: Int64) {
        let error = Int128(expectedError)
        let size = Int128(value.magnitude)
        self = error * 4 <= size ? .high : error * 4 <= size * 3 ? .medium : .low
    }

    public static func < (a: Confidence, b: Confidence) -> Bool {
        a != b && (a == .low || b == .high)
    }
}

/// The value of one slot that was missing.
public struct SlotEstimate: Sendable, Equatable {
    /// In the series.
    public var slot: Int
    public var value: Int64
    public var method: EstimationMethod
    /// What gave the course, when the register gave the sum.
    public var shape: EstimationMethod?
    /// In the unit of the value: how far similar estimates of this meter lie from the truth on average.
    public var expectedError: Int64
    public var confidence: Confidence
    /// Plain words for the estimation log.
    public var reason: String
}

/// What a run of estimation found.
public struct Estimation: Sendable, Equatable {
    /// In the order of slots.
    public var filled: [SlotEstimate]
    /// Wanted slots that stay missing, in order.
    public var unfilled: [Int]
}

/// Fills missing slots.
/// - Parameters:
///   - wanted: slots to fill; nil fills all that are missing. A gap that reaches beyond is treated as the one gap it
///     is, and what the register moved is shared with all of it.
///   - registers: of an energy channel; readings beside the grid of slots are not used.
///   - outages: instants from which to which the meter was without supply, seconds since 1970.
public func estimate(
    _ series: LoadSeries, wanted: Range<Int>? = nil, registers: [RegisterReading] = [], outages: [Range<Int64>] = [],
    plan: EstimationPlan = .standard
) -> Estimation {
    let wanted = (wanted ?? 0..<series.count).clamped(to: 0..<series.count)
    guard wanted.contains(where: { series.qualities[$0] == .missing }) else {
        return Estimation(filled: [], unfilled: [])
    }
    var run = EstimationRun(series, wanted: wanted, registers: registers, outages: outages)
    for rule in plan.rules where !run.open.isEmpty { run.apply(rule) }
    return Estimation(
        filled: run.filled.values.filter { wanted.contains($0.slot) }.sorted { $0.slot < $1.slot },
        unfilled: run.open.filter { wanted.contains($0) })
}

/// Slots between two register readings, and what moved between them.
private struct GapSpan {
    var slots: Range<Int>
    var movedWh: Int64
    /// Moved less the known slots: what the missing ones used.
    var missingWh: Int64
    var missing: [Int]
}

private struct EstimationRun {
    let series: LoadSeries
    let courses: LoadCourses
    let gaps: [Range<Int>]
    let spans: [GapSpan]
    let outages: [Range<Int64>]
    /// Missing slots not yet filled, in order.
    private(set) var open: [Int]
    private(set) var filled: [Int: SlotEstimate] = [:]

    init(_ series: LoadSeries, wanted: Range<Int>, registers: [RegisterReading], outages: [Range<Int64>]) {
        self.series = series
        courses = LoadCourses(series)
        self.outages = joined(outages)
        let gaps = series.gaps
        let touched = gaps.filter { $0.overlaps(wanted) }
        let spans = registerSpans(series, registers).filter { span in
            !span.missing.isEmpty && touched.contains { $0.overlaps(span.slots) }
        }
        self.spans = spans
        let scope = gaps.filter { gap in
            gap.overlaps(wanted) || spans.contains { $0.slots.overlaps(gap) }
        }
        self.gaps = scope
        open = scope.flatMap { $0 }
    }

    mutating func apply(_ rule: EstimationRule) {
        let limit = rule.maximumGapMinutes ?? .max
        let gaps = gaps.filter { $0.count * series.periodS / 60 <= limit }
        switch rule.method {
        case .outageZero: fillOutages(gaps)
        case .registerConstrained: fillFromRegister(rule, gaps)
        default: fillFromCourse(rule, gaps)
        }
        open.removeAll { filled[$0] != nil }
    }

    /// Seconds of the slot with supply.
    private func suppliedS(_ slot: Int) -> Int64 {
        let start = series.startS(ofSlot: slot)
        let slotS = start..<start + Int64(series.periodS)
        return outages.reduce(Int64(series.periodS)) { $0 - Int64($1.clamped(to: slotS).count) }
    }

    private mutating func fillOutages(_ gaps: [Range<Int>]) {
        guard !outages.isEmpty else { return }
        // Energy that the register saw and no other missing slot can hold: then the outage record is wrong.
        var contradicted: Set<Int> = []
        for span in spans where span.missingWh > 0 && span.missing.allSatisfy({ suppliedS($0) == 0 }) {
            contradicted.formUnion(span.missing)
        }
        for slot in open where gaps.contains(where: { $0.contains(slot) }) && !contradicted.contains(slot) {
            guard suppliedS(slot) == 0 else { continue }
            filled[slot] = SlotEstimate(
                slot: slot, value: 0, method: .outageZero, shape: nil, expectedError: 0, confidence: .high,
                reason: "without supply for the whole interval")
        }
    }

    private mutating func fillFromCourse(_ rule: EstimationRule, _ gaps: [Range<Int>]) {
        for gap in gaps where gap.contains(where: { filled[$0] == nil }) {
            let course = courses.course(rule.method, rule, gap: gap)
            for (slot, point) in zip(gap, course) where filled[slot] == nil {
                guard let point else { continue }
                let suppliedS = suppliedS(slot)
                let isWhole = suppliedS == Int64(series.periodS)
                let value = rounded(
                    Int128(point.milli) * Int128(suppliedS), by: 1000 * Int128(series.periodS))
                let error = rounded(
                    Int128(point.errorMilli) * Int128(suppliedS), by: 1000 * Int128(series.periodS))
                filled[slot] = SlotEstimate(
                    slot: slot, value: value, method: rule.method, shape: nil, expectedError: error,
                    confidence: Confidence(expectedError: error, value: value),
                    reason: isWhole ? point.reason : "\(point.reason); \(suppliedS) s with supply")
            }
        }
    }

    private mutating func fillFromRegister(_ rule: EstimationRule, _ gaps: [Range<Int>]) {
        guard let shape = rule.shape else { return }
        for span in spans {
            let slots = span.missing.filter { filled[$0] == nil }
            guard !slots.isEmpty, slots.allSatisfy({ slot in gaps.contains { $0.contains(slot) } }) else { continue }
            let energyWh = span.missingWh - span.missing.reduce(Int64(0)) { $0 + (filled[$1]?.value ?? 0) }
            let toleranceWh = rule.registerToleranceWh ?? EstimationRule.standardRegisterToleranceWh
            guard energyWh >= -toleranceWh else { continue }
            guard energyWh > 0 else {
                for slot in slots {
                    filled[slot] = SlotEstimate(
                        slot: slot, value: 0, method: .registerConstrained, shape: shape, expectedError: 0,
                        confidence: .high, reason: "the register moved no more than the known intervals")
                }
                continue
            }
            spread(energyWh, over: slots, rule, shape, movedWh: span.movedWh)
        }
    }

    /// Shares the energy among the slots by the course of `shape`; leaves them open when that has no course.
    private mutating func spread(
        _ energyWh: Int64, over slots: [Int], _ rule: EstimationRule, _ shape: EstimationMethod, movedWh: Int64
    ) {
        let held = gaps.filter { gap in slots.contains { gap.contains($0) } }
        var energyOfGap: [Int64?] = [held.count == 1 && held[0].count == slots.count ? energyWh : nil]
        if shape == .profile, held.count > 1, held.reduce(0, { $0 + $1.count }) == slots.count {
            // Each gap its part of the energy, as the courses without a register have it.
            let sums = held.map { gap in
                courses.course(shape, rule, gap: gap).reduce(Int128(1)) { $0 + Int128(max(0, $1?.milli ?? 0)) }
            }
            energyOfGap = telescoped(energyWh, sums)
        }
        var points: [Int: CoursePoint] = [:]
        for (index, gap) in held.enumerated() {
            let course = courses.course(
                shape, rule, gap: gap, energyWh: energyOfGap.indices.contains(index) ? energyOfGap[index] : nil)
            for (slot, point) in zip(gap, course) { points[slot] = point }
        }
        guard slots.allSatisfy({ points[$0] != nil }) else { return }
        var weights = slots.map { slot in
            Int128(max(0, points[slot]?.milli ?? 0)) * Int128(suppliedS(slot))
        }
        // No course to follow: evenly over the time with supply, and over all of it when there was none.
        if weights.allSatisfy({ $0 == 0 }) { weights = slots.map { Int128(suppliedS($0)) } }
        if weights.allSatisfy({ $0 == 0 }) { weights = slots.map { _ in 1 } }
        let values = telescoped(energyWh, weights)
        for (index, slot) in slots.enumerated() {
            let point = points[slot]
            // The sum is certain, its course is not: the error of the course, scaled as the course was.
            let milli = Int128(max(1, point?.milli ?? 1))
            let scaled = Int128(point?.errorMilli ?? 0) * Int128(values[index]) / milli
            let error = slots.count == 1 ? 0 : Int64(clamping: scaled)
            filled[slot] = SlotEstimate(
                slot: slot, value: values[index], method: .registerConstrained, shape: shape,
                expectedError: error, confidence: Confidence(expectedError: error, value: values[index]),
                reason: "the register moved \(movedWh) Wh, \(energyWh) Wh of them in \(slots.count) missing intervals; "
                    + "course: \(point?.reason ?? "")")
        }
    }
}

extension EstimationRule {
    /// Ten Wh: the last digit of common registers.
    public static let standardRegisterToleranceWh: Int64 = 10
}

/// The whole, shared by weight without a remainder: each share is the rounded sum up to it less the one before.
func telescoped(_ whole: Int64, _ weights: [Int128]) -> [Int64] {
    let total = weights.reduce(0, +)
    guard total > 0 else { return weights.map { _ in 0 } }
    var sum: Int128 = 0
    var before: Int64 = 0
    return weights.map { weight in
        sum += weight
        let upTo = rounded(Int128(whole) * sum, by: total)
        defer { before = upTo }
        return upTo - before
    }
}

/// Quotient rounded half away from zero.
func rounded(_ value: Int128, by divisor: Int128) -> Int64 {
    Int64(clamping: value >= 0 ? (value + divisor / 2) / divisor : -((-value + divisor / 2) / divisor))
}

/// Spans between consecutive readings that stand on the grid, whichever order they came in.
private func registerSpans(_ series: LoadSeries, _ registers: [RegisterReading]) -> [GapSpan] {
    let readings = registers.compactMap { reading in
        series.slot(startingAtS: reading.atS).map { (slot: $0, wh: reading.registerWh) }
    }.sorted { ($0.slot, $0.wh) < ($1.slot, $1.wh) }
    return zip(readings, readings.dropFirst()).compactMap { from, to in
        let (moved, overflow) = to.wh.subtractingReportingOverflow(from.wh)
        guard from.slot < to.slot, !overflow, moved >= 0, moved < 1 << 50 else { return nil }
        let slots = from.slot..<to.slot
        let known = slots.reduce(Int64(0)) { $0 + series.values[$1] }
        return GapSpan(
            slots: slots, movedWh: moved, missingWh: moved - known,
            missing: slots.filter { series.qualities[$0] == .missing })
    }
}

/// Overlapping and touching outages as one, in order.
private func joined(_ outages: [Range<Int64>]) -> [Range<Int64>] {
    outages.filter { !$0.isEmpty }.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        .reduce(into: []) { joined, outage in
            if let last = joined.last, outage.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, outage.upperBound)
            } else {
                joined.append(outage)
            }
        }
}
