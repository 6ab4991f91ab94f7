// Validation of a raw day before it is billed: each check with numbers and plain words; the five stand here, the others
// in MoreChecks.swift. It changes nothing; the raw values are kept elsewhere and stay.
import IntervalData

/// A raw day as the meter gave it and what is known beside it.
public struct DayInput: Sendable {
    /// Wh of each slot of the day; nil where nothing came.
    public var values: [Int32?]
    /// Cumulative register at the first and at the last midnight, Wh; nil when not read.
    public var registerStartWh: Int64?
    public var registerEndWh: Int64?
    /// Meter clock minus true time at the reading; nil when not known.
    public var clockDriftS: Int?
    /// Zero when not known; then only the floor and the shape of the day speak about spikes.
    public var sanctionedW: Int64
    public var periodS: Int
    /// Earlier days, newest first; a height reached there before is no spike.
    public var history: [DayBlock]
    /// When the midnight before was not read: the register against the intervals since the last one that was.
    public var span: RegisterSpan?
    /// Other channels of the day, slot by slot.
    public var channels: [Channel: [Int32?]] = [:]
    /// Slots wholly without supply.
    public var outages: [Range<Int>] = []
    /// Tamper events the meter told of in the day.
    public var tamperEvents = 0
    /// Its supply was switched off: no consumption is as it should be.
    public var isDisconnected = false

    public init(
        values: [Int32?], registerStartWh: Int64? = nil, registerEndWh: Int64? = nil, clockDriftS: Int? = nil,
        sanctionedW: Int64, periodS: Int, history: [DayBlock] = [], span: RegisterSpan? = nil
    ) {
        self.span = span
        self.values = values
        self.registerStartWh = registerStartWh
        self.registerEndWh = registerEndWh
        self.clockDriftS = clockDriftS
        self.sanctionedW = sanctionedW
        self.periodS = periodS
        self.history = history
    }
}

/// What a check found in some slots of a day.
public struct Finding: Sendable, Equatable, Codable {
    public var rule: Rule
    public var severity: Severity
    public var slots: Range<Int>
    /// Plain words with the measured number and the limit.
    public var message: String
    public var measured: Int64
    public var limit: Int64
    /// Unit of `measured` and `limit`: `Wh`, `W`, `s`, `min`, `%`, `mV`, `mA`, `days`, `events` or `values`.
    public var unit: String

    public init(
        rule: Rule, severity: Severity, slots: Range<Int>, message: String, measured: Int64, limit: Int64,
        unit: String
    ) {
        self.rule = rule
        self.severity = severity
        self.slots = slots
        self.message = message
        self.measured = measured
        self.limit = limit
        self.unit = unit
    }
}

/// Runs the checks that the rules switch on. Findings come in the order of `Rule` and of slots.
public func validate(_ input: DayInput, rules: ValidationRules = .standard) -> [Finding] {
    guard !input.values.isEmpty, input.periodS > 0 else { return [] }
    var findings: [Finding] = []
    let explained = rules.outageContext == nil ? [] : input.outages
    if let zero = rules.zero { findings += zeroConsumption(input, zero, explained) }
    if rules.negative { findings += negatives(input) }
    if let spike = rules.spike { findings += spikes(input, spike) }
    if let run = rules.consecutiveZeroes { findings += zeroRuns(input, run, rules.zero ?? .init(), explained) }
    if let tolerance = rules.timeTolerance { findings += timeTolerance(input, tolerance) }
    findings += moreFindings(input, rules)
    if rules.severities != nil { findings = findings.map(rules.weighed) }
    // Of a day that is empty as a whole a soft run of zeros says the same again.
    if findings.contains(where: { $0.rule == .zeroConsumption }) {
        findings.removeAll { $0.rule == .consecutiveZeroes && $0.severity == .warning }
    }
    return findings
}

/// For each slot whether a hard finding holds it back from billing.
public func heldSlots(_ findings: [Finding], slotCount: Int) -> [Bool] {
    var held = [Bool](repeating: false, count: slotCount)
    for finding in findings where finding.severity == .hard {
        for slot in finding.slots.clamped(to: 0..<slotCount) { held[slot] = true }
    }
    return held
}

/// The day as it goes on: what came and is not held is actual, the rest is missing and waits for estimation.
public func validatedBlock(_ values: [Int32?], findings: [Finding], batch: Int64) -> DayBlock {
    let held = heldSlots(findings, slotCount: values.count)
    let kept = values.indices.map { held[$0] ? nil : values[$0] }
    return DayBlock(
        values: kept.map { $0 ?? 0 }, qualities: kept.map { $0 == nil ? .missing : .actual },
        sources: DayBlock.runs(kept.map { $0 == nil ? 0 : batch }))
}

/// What the midnight registers say about energy that the slots do not show.
private enum RegisterWord {
    /// They moved by more than the slots: energy is missing from the slots. Holds that difference.
    case contradict(Int64)
    case confirm
    /// Not read, gone backwards, or slots are missing to which the movement may belong.
    case silent
}

private func registerWord(_ input: DayInput, toleranceWh: Int64) -> RegisterWord {
    guard let start = input.registerStartWh, let end = input.registerEndWh, end >= start else { return .silent }
    let (moved, overflow) = end.subtractingReportingOverflow(start)
    guard !overflow else { return .silent }
    let unexplained = moved - input.values.reduce(Int64(0)) { $0 + Int64($1 ?? 0) }
    // Registers that moved no more than the slots confirm them even when other slots are missing.
    if unexplained <= toleranceWh { return .confirm }
    return input.values.contains(nil) ? .silent : .contradict(unexplained)
}

/// An empty house is not a fault: a zero counts as one only when the register says that energy flowed.
private func zeroFinding(
    _ rule: Rule, _ input: DayInput, _ zero: ValidationRules.Zero, slots: Range<Int>, minutes: Int, limit: Int64
) -> Finding {
    let stretch = rule == .zeroConsumption ? "every reading of the day is zero" : "\(minutes) minutes of zeros"
    switch registerWord(input, toleranceWh: zero.registerToleranceWh) {
    case .contradict(let unexplainedWh):
        return Finding(
            rule: rule, severity: .hard, slots: slots,
            message: "\(stretch), but the register moved \(unexplainedWh) Wh more than the slots show",
            measured: unexplainedWh, limit: zero.registerToleranceWh, unit: "Wh")
    case .confirm:
        return Finding(
            rule: rule, severity: .warning, slots: slots,
            message: "\(stretch) and the register agrees: nothing was used", measured: Int64(minutes), limit: limit,
            unit: "min")
    case .silent:
        return Finding(
            rule: rule, severity: zero.withoutRegister, slots: slots,
            message: "\(stretch) and no register tells whether energy was used", measured: Int64(minutes), limit: limit,
            unit: "min")
    }
}

private func zeroConsumption(
    _ input: DayInput, _ zero: ValidationRules.Zero, _ explained: [Range<Int>]
) -> [Finding] {
    let present = input.values.compactMap { $0 }
    guard !present.isEmpty, present.allSatisfy({ $0 == 0 }) else { return [] }
    if input.values.indices.allSatisfy({ slot in input.values[slot] == nil || explained.contains { $0 ~= slot } }) {
        return []
    }
    return [
        zeroFinding(
            .zeroConsumption, input, zero, slots: 0..<input.values.count,
            minutes: present.count * input.periodS / 60, limit: 0)
    ]
}

private func zeroRuns(
    _ input: DayInput, _ run: ValidationRules.ConsecutiveZeroes, _ zero: ValidationRules.Zero,
    _ explained: [Range<Int>]
) -> [Finding] {
    runs(in: input.values) { $0 == 0 }.compactMap { slots in
        let minutes = slots.count * input.periodS / 60
        guard minutes >= run.minutes else { return nil }
        if !explained.isEmpty {
            let rest = slots.count { slot in !explained.contains { $0 ~= slot } }
            guard rest * input.periodS / 60 >= run.minutes else { return nil }
        }
        return zeroFinding(
            .consecutiveZeroes, input, zero, slots: slots, minutes: minutes, limit: Int64(run.minutes))
    }
}

private func negatives(_ input: DayInput) -> [Finding] {
    runs(in: input.values) { $0 < 0 }.map { slots in
        let lowest = slots.compactMap { input.values[$0] }.min() ?? 0
        return Finding(
            rule: .negative, severity: .hard, slots: slots,
            message: "\(lowest) Wh: energy in a slot cannot be negative",
            measured: Int64(lowest), limit: 0, unit: "Wh")
    }
}

/// A spike is a slot whose average load is above the floor and either impossible for the installation, or above its
/// sanctioned load by some margin and far from the third highest value of the day and of the history. The third highest
/// is the yardstick because one wrong value may have an echo, and an ordinary peak of a household lasts or returns.
private func spikes(_ input: DayInput, _ spike: ValidationRules.Spike) -> [Finding] {
    let heights = input.values.compactMap { $0 } + input.history.flatMap(trustedValues)
    let third = thirdHighest(heights).map(Int64.init)
    return runs(in: input.values) { value in
        let averageW = Int64(value) * 3600 / Int64(input.periodS)
        guard averageW > spike.floorW else { return false }
        let standsOut = third.map { (Int64(value) - $0) * 100 > $0 * spike.percentAboveThird } ?? false
        guard input.sanctionedW > 0 else { return standsOut }
        let percent = Int128(averageW) * 100
        let sanctioned = Int128(input.sanctionedW)
        return percent > sanctioned * Int128(spike.impossiblePercentOfSanctioned)
            || (standsOut && percent > sanctioned * Int128(spike.percentOfSanctioned))
    }.map { slots in
        let peak = Int64(slots.compactMap { input.values[$0] }.max() ?? 0)
        let averageW = peak * 3600 / Int64(input.periodS)
        let limitW = max(spike.floorW, input.sanctionedW * spike.percentOfSanctioned / 100)
        return Finding(
            rule: .spike, severity: .hard, slots: slots,
            message: "\(peak) Wh is \(averageW) W on average; \(limitW) W is the limit"
                + (third.map { " and \($0) Wh the third highest value" } ?? ""),
            measured: averageW, limit: limitW, unit: "W")
    }
}

func trustedValues(_ block: DayBlock) -> [Int32] {
    block.values.indices.filter { block.qualities[$0] >= .edited }.map { block.values[$0] }
}

/// Nil when there are fewer than three values: nothing stands out of two. Never below zero.
private func thirdHighest(_ values: [Int32]) -> Int32? {
    var top: [Int32] = []
    for value in values where top.count < 3 || value > top[2] {
        top.append(value)
        top.sort(by: >)
        if top.count > 3 { top.removeLast() }
    }
    return top.count == 3 ? max(top[2], 0) : nil
}

private func timeTolerance(_ input: DayInput, _ tolerance: ValidationRules.TimeTolerance) -> [Finding] {
    guard let drift = input.clockDriftS, drift.magnitude > UInt(tolerance.maximumDriftS) else { return [] }
    return [
        Finding(
            rule: .timeTolerance, severity: .hard, slots: 0..<input.values.count,
            message: "the meter's clock is \(drift.magnitude) s \(drift > 0 ? "ahead" : "behind"); "
                + "\(tolerance.maximumDriftS) s are allowed",
            measured: Int64(drift), limit: Int64(tolerance.maximumDriftS), unit: "s")
    ]
}

/// Runs of neighbouring present slots that match.
func runs(in values: [Int32?], where matches: (Int32) -> Bool) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for (slot, value) in values.enumerated() {
        guard let value, matches(value) else { continue }
        if let last = result.last, last.upperBound == slot {
            result[result.count - 1] = last.lowerBound..<slot + 1
        } else {
            result.append(slot..<slot + 1)
        }
    }
    return result
}
