// From what came (a read, a file) to the next version of a day: validated, merged by quality, exceptions raised and
// resolved.
// Held values stay in the raw store; nothing here changes an earlier version.
import CivilTime
import IntervalData
import SQL
import VEE

/// Values of one meter for one civil day, as they came.
public struct IncomingDay: Sendable, Equatable {
    public var day: CivilDay
    public var meterID: Int64
    /// Where they came from: id of the raw read or of the import.
    public var batchID: Int64
    /// Wh of each slot; nil where nothing came.
    public var values: [Int32?]
    public var registerStartWh: Int64?
    public var registerEndWh: Int64?
    public var clockDriftS: Int64?
    /// Stamps that fit no slot of the day.
    public var strayStamps: Int

    public init(
        day: CivilDay, meterID: Int64, batchID: Int64, values: [Int32?], registerStartWh: Int64? = nil,
        registerEndWh: Int64? = nil, clockDriftS: Int64? = nil, strayStamps: Int = 0
    ) {
        self.day = day
        self.meterID = meterID
        self.batchID = batchID
        self.values = values
        self.registerStartWh = registerStartWh
        self.registerEndWh = registerEndWh
        self.clockDriftS = clockDriftS
        self.strayStamps = strayStamps
    }
}

/// What is known of the meter beside its values.
public struct IngestContext: Sendable {
    public var sanctionedW: Int64
    public var periodS: Int64
    /// Earlier days, newest first.
    public var history: [DayBlock]
    public var rules: ValidationRules
    public var madeBy: String
    public var nowMs: Int64
    public init(
        sanctionedW: Int64, periodS: Int64, history: [DayBlock], rules: ValidationRules = .standard, madeBy: String,
        nowMs: Int64
    ) {
        self.sanctionedW = sanctionedW
        self.periodS = periodS
        self.history = history
        self.rules = rules
        self.madeBy = madeBy
        self.nowMs = nowMs
    }
}

public enum Ingest {
    /// Validates and merges one day in the shard of its month. Returns the new version, or nil when nothing is new.
    @discardableResult
    public static func apply(
        _ incoming: IncomingDay, _ context: IngestContext, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int64? {
        let current = try DayBlocks.current(
            meterID: incoming.meterID, from: incoming.day, to: incoming.day, orgID: orgID, in: transaction
        ).first
        let slots = incoming.values.count
        let known = current.map(\.block).flatMap { $0.slotCount == slots ? $0 : nil } ?? .empty(slots: slots)
        let settled = try settledSlots(known, incoming, orgID: orgID, in: transaction)
        // The checks see the whole day as it would be: what is trusted already and what came now.
        let whole = incoming.values.indices.map { slot in
            settled[slot] || (incoming.values[slot] == nil && known.qualities[slot] == .edited)
                ? known.values[slot] : incoming.values[slot]
        }
        let findings = validate(
            DayInput(
                values: whole, registerStartWh: incoming.registerStartWh, registerEndWh: incoming.registerEndWh,
                clockDriftS: incoming.clockDriftS.map { Int($0) }, sanctionedW: context.sanctionedW,
                periodS: Int(context.periodS), history: context.history), rules: context.rules)
        let held = heldSlots(findings, slotCount: slots)
        var taken: [(slot: Int, value: Int32)] = []
        var conflicts: [Int] = []
        for (slot, value) in incoming.values.enumerated() {
            guard let value else { continue }
            if settled[slot] {
                if known.values[slot] != value, known.qualities[slot] == .actual { conflicts.append(slot) }
            } else if !held[slot] {
                taken.append((slot, value))
            }
        }
        let block = known.replacing(taken, quality: .actual, batch: incoming.batchID)
        let replacedEdits = taken.map(\.slot).filter { known.qualities[$0] == .edited }
        try raise(
            findings, conflicts: conflicts, replacedEdits: replacedEdits, isWhole: block.lowestQuality > .missing,
            incoming, context, orgID,
            transaction)
        return try DayBlocks.store(
            block, after: current, day: incoming.day,
            meterID: incoming.meterID, madeBy: context.madeBy, madeAtMs: context.nowMs, orgID: orgID, in: transaction)
    }

    /// Slots whose value stays whatever came: an actual one, and one that a person wrote over just this actual value.
    /// A reading that was overruled does not come back by being sent again; another one does, for actual wins.
    private static func settledSlots(
        _ known: DayBlock, _ incoming: IncomingDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [Bool] {
        var settled = known.qualities.map { $0 == .actual }
        let edited = known.qualities.indices.filter { known.qualities[$0] == .edited && incoming.values[$0] != nil }
        guard !edited.isEmpty else { return settled }
        let versions = try DayBlocks.versions(
            meterID: incoming.meterID, day: incoming.day, orgID: orgID, in: transaction)
        for slot in edited {
            settled[slot] = versions.contains { version in
                version.block.qualities.indices.contains(slot) && version.block.qualities[slot] == .actual
                    && version.block.values[slot] == incoming.values[slot]
            }
        }
        return settled
    }

    static func exception(_ finding: Finding, _ incoming: IncomingDay, nowMs: Int64) -> VEEException {
        VEEException(
            day: incoming.day, meterID: incoming.meterID, rule: finding.rule.rawValue, slots: finding.slots,
            severity: finding.severity.rawValue, message: finding.message,
            rawValues: finding.severity == .hard
                ? finding.slots.map { incoming.values[$0].map(String.init) ?? "" }.joined(separator: " ") : "",
            raisedAtMs: nowMs)
    }

    private static func raise(
        _ findings: [Finding], conflicts: [Int], replacedEdits: [Int], isWhole: Bool, _ incoming: IncomingDay,
        _ context: IngestContext,
        _ orgID: Int64,
        _ transaction: any SQLTransaction
    ) throws {
        var raised = findings.map { exception($0, incoming, nowMs: context.nowMs) }
        if let first = conflicts.first, let last = conflicts.last {
            raised.append(
                VEEException(
                    day: incoming.day, meterID: incoming.meterID, rule: "conflict", slots: first..<last + 1,
                    severity: Severity.warning.rawValue,
                    message: "\(conflicts.count) values differ from actual values stored before; the first are kept",
                    rawValues: conflicts.map { incoming.values[$0].map(String.init) ?? "" }.joined(separator: " "),
                    raisedAtMs: context.nowMs))
        }
        if let first = replacedEdits.first, let last = replacedEdits.last {
            raised.append(
                VEEException(
                    day: incoming.day, meterID: incoming.meterID, rule: VEEException.editReplaced,
                    slots: first..<last + 1, severity: Severity.warning.rawValue,
                    message: "\(replacedEdits.count) values that a person had written were replaced by the meter's own",
                    rawValues: "", raisedAtMs: context.nowMs))
        }
        if incoming.strayStamps > 0 {
            raised.append(
                VEEException(
                    day: incoming.day, meterID: incoming.meterID, rule: "stamps", slots: 0..<0,
                    severity: Severity.warning.rawValue,
                    message: "\(incoming.strayStamps) stamps fit no interval of the day", rawValues: "",
                    raisedAtMs: context.nowMs))
        }
        try VEEException.replaceOpen(
            meterID: incoming.meterID, day: incoming.day, keeping: isWhole ? [] : [VEEException.notEstimable],
            with: raised,
            nowMs: context.nowMs, resolution: "a later read is good", orgID: orgID, in: transaction)
    }
}
