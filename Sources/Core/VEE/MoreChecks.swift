// The checks beyond the five, each a pure function of the day, what is known beside it, and its numbers.
import IntervalData

/// Intervals against the register between two midnights that were read, however many days lie between.
public struct RegisterSpan: Sendable, Equatable {
    /// Days of the span; the last one is the day that is checked.
    public var days: Int
    /// What the register moved, Wh.
    public var movedWh: Int64
    /// What the slots of the days before the checked one hold together, Wh.
    public var earlierWh: Int64
    /// Slots of those days are missing: energy may have flowed in them.
    public var hasGaps: Bool
    public init(days: Int, movedWh: Int64, earlierWh: Int64, hasGaps: Bool) {
        self.days = days
        self.movedWh = movedWh
        self.earlierWh = earlierWh
        self.hasGaps = hasGaps
    }
}

/// In the order of `Rule`.
func moreFindings(_ input: DayInput, _ rules: ValidationRules) -> [Finding] {
    var found: [Finding] = []
    if let limits = rules.highLow { found += highLow(input, limits) }
    if let limits = rules.sumCheck { found += sumCheck(input, limits) }
    if let limits = rules.reverseEnergy { found += reverseEnergy(input, limits) }
    if let limits = rules.missing { found += missing(input, limits) }
    if let limits = rules.duplicate { found += duplicates(input, limits) }
    if let limits = rules.clockDrift { found += clockDrift(input, limits, hard: rules.timeTolerance) }
    if let limits = rules.voltage { found += voltages(input, limits) }
    if let limits = rules.current { found += currents(input, limits) }
    if let limits = rules.loadFactor { found += loadFactor(input, limits) }
    if let limits = rules.demandAboveSanctioned { found += demandAboveSanctioned(input, limits) }
    if let limits = rules.unchangedMeter { found += unchangedMeter(input, limits) }
    if let limits = rules.outageContext { found += consumptionInOutage(input, limits) }
    if let limits = rules.tamperContext, input.tamperEvents >= limits.minimumEvents {
        found.append(
            soft(
                .tamper, 0..<input.values.count, "the meter told of tampering \(input.tamperEvents) times in the day",
                Int64(input.tamperEvents), Int64(limits.minimumEvents), "events"))
    }
    return found
}

private func soft(
    _ rule: Rule, _ slots: Range<Int>, _ message: String, _ measured: Int64, _ limit: Int64, _ unit: String
) -> Finding {
    Finding(
        rule: rule, severity: .warning, slots: slots, message: message, measured: measured, limit: limit, unit: unit)
}

private func total(_ values: [Int32?]) -> Int64 { values.reduce(0) { $0 + Int64($1 ?? 0) } }

/// Only whole days on both sides: half a day is low by nature.
private func highLow(_ input: DayInput, _ limits: ValidationRules.HighLow) -> [Finding] {
    guard !input.values.contains(nil) else { return [] }
    let earlier = input.history.prefix(limits.days).filter { $0.lowestQuality >= .edited }.map(\.totalValue)
    guard earlier.count >= limits.minimumDays, !earlier.isEmpty else { return [] }
    let mean = earlier.reduce(0, +) / Int64(earlier.count)
    let day = total(input.values)
    guard mean > 0, (day - mean).magnitude >= UInt64(limits.floorWh) else { return [] }
    let percent = Int64(clamping: Int128(day) * 100 / Int128(mean))
    let isHigh = percent > limits.maximumPercent
    guard isHigh || percent < limits.minimumPercent else { return [] }
    let limit = isHigh ? limits.maximumPercent : limits.minimumPercent
    return [
        soft(
            .highLow, 0..<input.values.count,
            "\(day) Wh is \(percent) % of the mean of \(earlier.count) days, \(mean) Wh; \(limit) % is the limit",
            percent, limit, "%")
    ]
}

/// Slots that are missing may hold what the register moved more, never what it moved less.
private func sumCheck(_ input: DayInput, _ limits: ValidationRules.SumCheck) -> [Finding] {
    let span: RegisterSpan
    if let start = input.registerStartWh, let end = input.registerEndWh {
        let (moved, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow else { return [] }
        span = RegisterSpan(days: 1, movedWh: moved, earlierWh: 0, hasGaps: false)
    } else if let known = input.span {
        span = known
    } else {
        return []
    }
    // A register that went backwards was changed or rolled over: nothing to compare with.
    guard span.movedWh >= 0 else { return [] }
    let slotsWh = span.earlierWh + total(input.values)
    let (more, overflow) = slotsWh.subtractingReportingOverflow(span.movedWh)
    guard !overflow, more.magnitude > UInt64(limits.unitWh) else { return [] }
    guard more > 0 || !(span.hasGaps || input.values.contains(nil)) else { return [] }
    let days = span.days == 1 ? "" : " over \(span.days) days"
    return [
        soft(
            .sumCheck, 0..<input.values.count,
            "the slots hold \(slotsWh) Wh\(days), the register moved \(span.movedWh) Wh; \(limits.unitWh) Wh apart are "
                + "allowed", more, limits.unitWh, "Wh")
    ]
}

private func reverseEnergy(_ input: DayInput, _ limits: ValidationRules.ReverseEnergy) -> [Finding] {
    guard let exported = input.channels[.exportWh] else { return [] }
    return runs(in: exported) { Int64($0) > limits.toleranceWh }.map { slots in
        let energy = slots.reduce(Int64(0)) { $0 + Int64(exported[$1] ?? 0) }
        return soft(
            .reverseEnergy, slots, "\(energy) Wh went back to the network, where no export is expected", energy,
            limits.toleranceWh, "Wh")
    }
}

private func missing(_ input: DayInput, _ limits: ValidationRules.Missing) -> [Finding] {
    let gaps = input.values.map { $0 == nil ? Int32(1) : nil }
    return runs(in: gaps) { _ in true }.compactMap { slots in
        let minutes = slots.count * input.periodS / 60
        guard minutes >= limits.minutes else { return nil }
        return soft(
            .missing, slots, "nothing came for \(minutes) minutes", Int64(minutes), Int64(limits.minutes), "min")
    }
}

/// The longest stretch that repeats, either the day before at the same time or what stands just before it.
private func duplicates(_ input: DayInput, _ limits: ValidationRules.Duplicate) -> [Finding] {
    let values = input.values
    let length = max(2, (limits.minutes * 60 + input.periodS - 1) / input.periodS)
    guard values.count >= length else { return [] }
    func repeats(_ slots: Range<Int>) -> Bool {
        Set(slots.lazy.compactMap { values[$0] }).count >= limits.minimumDistinct
    }
    if let before = input.history.first, before.slotCount == values.count {
        let same = values.indices.map { slot -> Int32? in
            guard let value = values[slot], before.qualities[slot] >= .edited, before.values[slot] == value else {
                return nil
            }
            return value
        }
        let longest = runs(in: same) { _ in true }.max { $0.count < $1.count }
        if let longest, longest.count >= length, repeats(longest) {
            return [
                soft(
                    .duplicate, longest,
                    "\(longest.count) values in a row are those of the day before at the same time",
                    Int64(longest.count), Int64(length), "values")
            ]
        }
    }
    guard values.count >= 2 * length else { return [] }
    for start in length...(values.count - length) {
        let isSame = (start..<start + length).allSatisfy { values[$0] != nil && values[$0] == values[$0 - length] }
        if isSame, repeats(start..<start + length) {
            return [
                soft(
                    .duplicate, start..<start + length,
                    "\(length) values in a row are the \(length) before them again", Int64(length), Int64(length),
                    "values")
            ]
        }
    }
    return []
}

/// Above the hard limit `timeTolerance` speaks.
private func clockDrift(
    _ input: DayInput, _ limits: ValidationRules.ClockDrift, hard: ValidationRules.TimeTolerance?
) -> [Finding] {
    guard let drift = input.clockDriftS, drift.magnitude > UInt(limits.softDriftS) else { return [] }
    if let hard, drift.magnitude > UInt(hard.maximumDriftS) { return [] }
    return [
        soft(
            .clockDrift, 0..<input.values.count,
            "the meter's clock is \(drift.magnitude) s \(drift > 0 ? "ahead" : "behind"); above "
                + "\(limits.softDriftS) s it should be set", Int64(drift), Int64(limits.softDriftS), "s")
    ]
}

private let phases: [(Channel, Channel, String)] = [
    (.voltagePhaseA, .currentPhaseA, "A"), (.voltagePhaseB, .currentPhaseB, "B"), (.voltagePhaseC, .currentPhaseC, "C"),
]

/// A phase that is off reads 0, which an outage explains and a meter of one phase shows for the others: a phase counts
/// when it was ever on in the day, and slots of an outage do not.
private func voltages(_ input: DayInput, _ limits: ValidationRules.Voltage) -> [Finding] {
    let low = limits.nominalMV * limits.minimumPercent / 100
    let high = limits.nominalMV * limits.maximumPercent / 100
    return phases.flatMap { channel, _, name -> [Finding] in
        guard let readings = input.channels[channel], readings.contains(where: { ($0 ?? 0) > 0 }) else { return [] }
        let on = readings.indices.map { slot in input.outages.contains { $0 ~= slot } ? nil : readings[slot] }
        return runs(in: on) { Int64($0) < low || Int64($0) > high }.map { slots in
            let all = slots.compactMap { on[$0].map(Int64.init) }
            let worst = all.max { abs($0 - limits.nominalMV) < abs($1 - limits.nominalMV) } ?? 0
            return soft(
                .voltage, slots, "phase \(name) reads \(worst) mV; \(low) to \(high) mV can be", worst,
                worst < low ? low : high, "mV")
        }
    }
}

private func currents(_ input: DayInput, _ limits: ValidationRules.Current) -> [Finding] {
    phases.flatMap { _, channel, name -> [Finding] in
        guard let readings = input.channels[channel] else { return [] }
        return runs(in: readings) { Int64($0).magnitude > UInt64(limits.maximumMA) }.map { slots in
            let worst = slots.compactMap { readings[$0].map { Int64($0) } }.max { $0.magnitude < $1.magnitude } ?? 0
            return soft(
                .current, slots,
                "phase \(name) reads \(worst) mA; \(limits.maximumMA) mA is the most the meter carries",
                worst, limits.maximumMA, "mA")
        }
    }
}

private func loadFactor(_ input: DayInput, _ limits: ValidationRules.LoadFactor) -> [Finding] {
    guard !input.values.contains(nil), let top = input.values.compactMap({ $0 }).max(), top > 0,
        Int64(top) * 3600 / Int64(input.periodS) >= limits.floorW
    else { return [] }
    let percent = total(input.values) * 100 / (Int64(top) * Int64(input.values.count))
    guard percent < limits.minimumPercent || percent > limits.maximumPercent else { return [] }
    let limit = percent < limits.minimumPercent ? limits.minimumPercent : limits.maximumPercent
    return [
        soft(
            .loadFactor, 0..<input.values.count,
            "the mean load is \(percent) % of the highest; \(limits.minimumPercent) to \(limits.maximumPercent) % "
                + "can be",
            percent, limit, "%")
    ]
}

private func demandAboveSanctioned(
    _ input: DayInput, _ limits: ValidationRules.DemandAboveSanctioned
) -> [Finding] {
    guard input.sanctionedW > 0 else { return [] }
    let limitW = Int64(clamping: Int128(input.sanctionedW) * Int128(limits.percent) / 100)
    return runs(in: input.values) { Int64($0) * 3600 / Int64(input.periodS) > limitW }.map { slots in
        let peakW = Int64(slots.compactMap { input.values[$0] }.max() ?? 0) * 3600 / Int64(input.periodS)
        return soft(
            .demandAboveSanctioned, slots,
            "\(peakW) W on average; \(limitW) W is \(limits.percent) % of the sanctioned load", peakW, limitW, "W")
    }
}

private func unchangedMeter(_ input: DayInput, _ limits: ValidationRules.UnchangedMeter) -> [Finding] {
    let slots = 0..<input.values.count
    guard !input.isDisconnected, input.values.allSatisfy({ $0 == 0 }),
        !slots.allSatisfy({ slot in input.outages.contains { $0 ~= slot } })
    else { return [] }
    let before = input.history.prefix { day in
        day.lowestQuality >= .edited && day.values.allSatisfy { $0 == 0 }
    }.count
    guard before + 1 >= limits.days else { return [] }
    return [
        soft(
            .unchangedMeter, slots, "no consumption for \(before + 1) days while supply was on", Int64(before + 1),
            Int64(limits.days), "days")
    ]
}

private func consumptionInOutage(_ input: DayInput, _ limits: ValidationRules.OutageContext) -> [Finding] {
    guard !input.outages.isEmpty else { return [] }
    let dark = input.values.indices.map { slot in
        input.outages.contains { $0 ~= slot } ? input.values[slot] : nil
    }
    return runs(in: dark) { Int64($0) > limits.toleranceWh }.map { slots in
        let energy = slots.reduce(Int64(0)) { $0 + Int64(dark[$1] ?? 0) }
        return soft(
            .consumptionInOutage, slots, "\(energy) Wh while the meter had no supply", energy, limits.toleranceWh, "Wh")
    }
}
