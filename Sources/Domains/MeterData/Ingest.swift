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
    /// Other channels of the day that came along; those stored already are looked up where a rule asks for them.
    public var channels: [Channel: [Int32?]] = [:]
    /// Supply and tampering as the meter told of them; what the records say: ``IngestContext/outages``.
    public var outages: [Range<Int>] = []
    public var tamperEvents = 0
    public var isDisconnected = false

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
    /// Nil: the records are not asked, and what the day was judged with before stands.
    public var outages: RecordedOutages?
    public var madeBy: String
    public var nowMs: Int64
    public init(
        sanctionedW: Int64, periodS: Int64, history: [DayBlock], rules: ValidationRules = .standard,
        outages: RecordedOutages? = nil, madeBy: String, nowMs: Int64
    ) {
        self.sanctionedW = sanctionedW
        self.periodS = periodS
        self.history = history
        self.rules = rules
        self.outages = outages
        self.madeBy = madeBy
        self.nowMs = nowMs
    }
}

extension IncomingDay {
    var context: DayContext {
        DayContext(
            registerStartWh: registerStartWh, registerEndWh: registerEndWh, clockDriftS: clockDriftS, outages: outages,
            tamperEvents: tamperEvents, isDisconnected: isDisconnected)
    }
}

public enum Ingest {
    /// Validates and merges one day in the shard of its month. Returns the new version, or nil when nothing is new.
    @discardableResult
    public static func apply(
        _ incoming: IncomingDay, _ context: IngestContext, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int64? {
        try apply(incoming, context, holdsBack: false, orgID: orgID, in: transaction)
    }

    /// - Parameter holdsBack: actual values that fail become missing, held with the exception; for validation that runs
    ///   again. Otherwise what was trusted once stays.
    @discardableResult
    static func apply(
        _ incoming: IncomingDay, _ context: IngestContext, holdsBack: Bool, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> Int64? {
        let judged = try judge(incoming, context, orgID: orgID, in: transaction)
        let (known, held) = (judged.known, judged.held)
        var taken: [(slot: Int, value: Int32)] = []
        var conflicts: [Int] = []
        for (slot, value) in incoming.values.enumerated() {
            guard let value else { continue }
            if judged.settled[slot] {
                if known.values[slot] != value, known.qualities[slot] == .actual { conflicts.append(slot) }
            } else if !held[slot] {
                taken.append((slot, value))
            }
        }
        var block = known.replacing(taken, quality: .actual, batch: incoming.batchID)
        let replacedEdits = taken.map(\.slot).filter { known.qualities[$0] == .edited }
        for (slot, value, batchID) in judged.past.held(slots: known.slotCount)
        where block.qualities[slot] < .edited && !held[slot] {
            block.set(slot, value: value, quality: .actual, batch: batchID)
        }
        let back = known.values.indices.filter { holdsBack && held[$0] && known.qualities[$0] == .actual }
        block = block.replacing(back.map { ($0, 0) }, quality: .missing, batch: 0)
        // What the checks do not say themselves stands until a read or an estimate answers it.
        var keeping = holdsBack ? Set(judged.past.exceptions.map(\.rule).filter { Rule(rawValue: $0) == nil }) : []
        if block.lowestQuality > .missing {
            keeping.remove(VEEException.notEstimable)
        } else {
            keeping.insert(VEEException.notEstimable)
        }
        try raise(
            judged, conflicts: conflicts, replacedEdits: replacedEdits, keeping: keeping, incoming, context, orgID,
            transaction)
        return try DayBlocks.store(
            block, after: judged.current, day: incoming.day,
            meterID: incoming.meterID, madeBy: context.madeBy, madeAtMs: context.nowMs, orgID: orgID, in: transaction)
    }

    /// A day as the checks see it, and what they say.
    struct Judged {
        var current: StoredBlock?
        var known: DayBlock
        var past: DayPast
        /// Slots whose value stays whatever came.
        var settled: [Bool]
        /// What is trusted already, what came now, and what was held back before.
        var whole: [Int32?]
        var findings: [Finding]
        /// Slots that a hard finding holds back and that nobody has accepted.
        var held: [Bool]
    }

    static func judge(
        _ incoming: IncomingDay, _ context: IngestContext, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Judged {
        let current = try DayBlocks.current(
            meterID: incoming.meterID, from: incoming.day, to: incoming.day, orgID: orgID, in: transaction
        ).first
        let slots = incoming.values.count
        let known = current.map(\.block).flatMap { $0.slotCount == slots ? $0 : nil } ?? .empty(slots: slots)
        var past = try DayPast.of(incoming, isFirst: current == nil, orgID: orgID, in: transaction)
        if let outages = context.outages {
            past.context.recordedOutages = outages.slots(of: incoming.day, count: slots)
        }
        let raw = Dictionary(past.held(slots: slots).map { ($0.slot, $0.value) }, uniquingKeysWith: { _, last in last })
        let settled = try settledSlots(known, incoming, orgID: orgID, in: transaction)
        let whole = incoming.values.indices.map { slot in
            settled[slot] || (incoming.values[slot] == nil && known.qualities[slot] == .edited)
                ? known.values[slot] : incoming.values[slot] ?? raw[slot]
        }
        let around = past.context
        var input = DayInput(
            values: whole, registerStartWh: around.registerStartWh, registerEndWh: around.registerEndWh,
            clockDriftS: around.clockDriftS.map { Int($0) }, sanctionedW: context.sanctionedW,
            periodS: Int(context.periodS), history: context.history)
        (input.outages, input.tamperEvents) = (around.darkSlots, around.tamperEvents)
        input.isDisconnected = around.isDisconnected
        if context.rules.sumCheck != nil {
            input.span = try around.span(
                meterID: incoming.meterID, day: incoming.day, orgID: orgID, in: transaction)
        }
        input.channels = try channels(incoming, context.rules, slots: slots, orgID: orgID, in: transaction)
        let findings = validate(input, rules: context.rules)
        let weighed = past.withoutAccepted(findings, whole)
        return Judged(
            current: current, known: known, past: past, settled: settled, whole: whole, findings: findings,
            held: heldSlots(weighed, slotCount: slots))
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

    /// The channels the rules look at: as they came, else as they are stored.
    private static func channels(
        _ incoming: IncomingDay, _ rules: ValidationRules, slots: Int, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [Channel: [Int32?]] {
        var wanted: [Channel] = rules.reverseEnergy == nil ? [] : [.exportWh]
        if rules.voltage != nil { wanted += [.voltagePhaseA, .voltagePhaseB, .voltagePhaseC] }
        if rules.current != nil { wanted += [.currentPhaseA, .currentPhaseB, .currentPhaseC] }
        var found: [Channel: [Int32?]] = [:]
        for channel in wanted {
            let values =
                try incoming.channels[channel]
                ?? DayBlocks.current(
                    meterID: incoming.meterID, channel: channel, from: incoming.day, to: incoming.day, orgID: orgID,
                    in: transaction
                ).first.map { stored in
                    stored.block.values.indices.map {
                        stored.block.qualities[$0] == .missing ? nil : stored.block.values[$0]
                    }
                }
            if let values, values.count == slots { found[channel] = values }
        }
        return found
    }

    /// What a check found in a day of which nothing was known before.
    static func exception(_ finding: Finding, _ incoming: IncomingDay, nowMs: Int64) -> VEEException {
        VEEException(
            day: incoming.day, meterID: incoming.meterID, rule: finding.rule.rawValue, slots: finding.slots,
            severity: finding.severity.rawValue, message: finding.message,
            rawValues: finding.severity == .hard
                ? finding.slots.map { incoming.values[$0].map(String.init) ?? "" }.joined(separator: " ") : "",
            raisedAtMs: nowMs, batchID: finding.severity == .hard ? incoming.batchID : nil)
    }

    private static func raise(
        _ judged: Judged, conflicts: [Int], replacedEdits: [Int], keeping: Set<String>, _ incoming: IncomingDay,
        _ context: IngestContext,
        _ orgID: Int64, _ transaction: any SQLTransaction
    ) throws {
        let batches = judged.known.batches
        var raised: [VEEException] = judged.findings.map { finding in
            let isHard = finding.severity == .hard
            // Held values of this read, or of the batch the day's own came from.
            let fromNow = finding.slots.contains { incoming.values[$0] != nil }
            return VEEException(
                day: incoming.day, meterID: incoming.meterID, rule: finding.rule.rawValue, slots: finding.slots,
                severity: finding.severity.rawValue, message: finding.message,
                rawValues: isHard
                    ? finding.slots.map { judged.whole[$0].map(String.init) ?? "" }.joined(separator: " ") : "",
                raisedAtMs: context.nowMs,
                batchID: isHard
                    ? fromNow
                        ? incoming.batchID
                        : judged.past.batch(of: finding.slots) ?? finding.slots.first.map { batches[$0] } : nil)
        }
        if let first = conflicts.first, let last = conflicts.last {
            raised.append(
                VEEException(
                    day: incoming.day, meterID: incoming.meterID, rule: VEEException.conflict, slots: first..<last + 1,
                    severity: Severity.warning.rawValue,
                    message: "\(conflicts.count) values differ from actual values stored before; the first are kept",
                    rawValues: judged.past.conflicting(
                        conflicts.map { incoming.values[$0].map(String.init) ?? "" }.joined(separator: " "),
                        fromSlot: first), raisedAtMs: context.nowMs))
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
                    day: incoming.day, meterID: incoming.meterID, rule: VEEException.stamps, slots: 0..<0,
                    severity: Severity.warning.rawValue,
                    message: "\(incoming.strayStamps) stamps fit no interval of the day", rawValues: "",
                    raisedAtMs: context.nowMs))
        }
        if judged.past.context != judged.past.storedContext {
            try judged.past.context.store(
                day: incoming.day, meterID: incoming.meterID, orgID: orgID, in: transaction)
        }
        try VEEException.replaceOpen(
            meterID: incoming.meterID, day: incoming.day, known: judged.past.exceptions, keeping: keeping,
            with: raised, nowMs: context.nowMs, resolution: VEEException.laterRead, orgID: orgID, in: transaction)
    }
}

/// What is stored of a day beside its block: exceptions with the values they hold, and its context.
struct DayPast {
    var exceptions: [VEEException] = []
    var storedContext: DayContext = .none
    /// With what came now.
    var context: DayContext

    static func of(
        _ incoming: IncomingDay, isFirst: Bool, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> DayPast {
        var past = DayPast(context: incoming.context)
        past.exceptions = try VEEException.of(
            meterID: incoming.meterID, from: incoming.day, to: incoming.day, orgID: orgID, in: transaction)
        // The first of a day has no past: bulk loads do not ask for one.
        if !isFirst {
            past.storedContext = try DayContext.of(
                meterID: incoming.meterID, day: incoming.day, orgID: orgID, in: transaction)
            past.context = past.context.over(past.storedContext)
        }
        return past
    }

    /// Values that differ from the stored ones, with those that came before them; lists are parted by `;`.
    func conflicting(_ values: String, fromSlot: Int) -> String {
        let known =
            exceptions.first { $0.rule == VEEException.conflict && $0.slots.lowerBound == fromSlot }?.rawValues ?? ""
        let lists = known.split(separator: ";").map { String($0.drop { $0 == " " }) }
        // Twenty different tellings of one interval are enough to see that something is wrong.
        return lists.contains(values) || lists.count >= 20 ? known : (lists + [values]).joined(separator: "; ")
    }

    /// Values that were held back and that nothing better has come for; of two in a slot the later.
    func held(slots: Int) -> [(slot: Int, value: Int32, batchID: Int64)] {
        exceptions.filter { Rule(rawValue: $0.rule) != nil && $0.resolution != VEEException.laterRead }
            .sorted { $0.raisedAtMs < $1.raisedAtMs }
            .flatMap { item in item.held.map { ($0.slot, $0.value, item.batchID ?? 0) } }
            .filter { $0.0 < slots }
    }

    func batch(of slots: Range<Int>) -> Int64? {
        exceptions.last { !$0.held.isEmpty && $0.slots.overlaps(slots) }?.batchID
    }

    /// Findings without those that a person has accepted on these very values.
    func withoutAccepted(_ findings: [Finding], _ whole: [Int32?]) -> [Finding] {
        let accepted = exceptions.filter { $0.resolution == ExceptionResolution.accepted.rawValue }
        guard !accepted.isEmpty else { return findings }
        return findings.filter { finding in
            !accepted.contains { item in
                item.rule == finding.rule.rawValue && item.slots == finding.slots
                    && item.held.allSatisfy { whole.indices.contains($0.slot) && whole[$0.slot] == $0.value }
            }
        }
    }
}
