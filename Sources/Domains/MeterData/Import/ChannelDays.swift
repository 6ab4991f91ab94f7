// A day of any channel with the sender's qualities into the store: actual import energy through the checks, everything
// else merged by quality. The first actual value stays; another one is told of and kept aside by the caller.
import CivilTime
import IntervalData
import LoadFiles
import SQL

/// Values of one channel of a meter's day, each with its quality, as a sender gave them.
public struct ChannelDay: Sendable, Equatable {
    public var meterID: Int64
    public var channel: Channel
    public var day: CivilDay
    /// Nil where nothing came.
    public var values: [Int32?]
    /// Of every slot; what stands where nothing came means nothing.
    public var qualities: [Quality]
    public var batchID: Int64
    public init(
        meterID: Int64, channel: Channel, day: CivilDay, values: [Int32?], qualities: [Quality], batchID: Int64
    ) {
        precondition(values.count == qualities.count, "a quality for every value")
        (self.meterID, self.channel, self.day) = (meterID, channel, day)
        (self.values, self.qualities, self.batchID) = (values, qualities, batchID)
    }
}

/// What became of a day.
public struct ChannelDayOutcome: Sendable, Equatable {
    public var isNew = false
    public var heldValues = 0
    /// The same by the rule that held them.
    public var heldBy: [String: Int] = [:]
    /// Slots that hold another actual or edited value.
    public var conflicts: [(slot: Int, held: Int32, came: Int32)] = []
    /// Why nothing of the day was taken.
    public var refusal: String?

    public static func == (a: ChannelDayOutcome, b: ChannelDayOutcome) -> Bool {
        a.isNew == b.isNew && a.heldValues == b.heldValues && a.refusal == b.refusal
            && a.conflicts.map(\.slot) == b.conflicts.map(\.slot)
    }
}

public enum ChannelDays {
    /// Takes one day. Idempotent: the same again changes nothing.
    /// - Parameter context: for the checks of import energy; `periodS` is set from the day.
    public static func take(
        _ day: ChannelDay, registerStartWh: Int64? = nil, registerEndWh: Int64? = nil, _ context: IngestContext,
        orgID: Int64, in transaction: any SQLTransaction
    ) throws -> ChannelDayOutcome {
        var outcome = ChannelDayOutcome()
        let stored = try current(day, orgID, transaction)
        guard let day = fitted(day, to: stored?.block.slotCount) else {
            outcome.refusal =
                "the day is stored in \(stored?.block.slotCount ?? 0) intervals, the file has \(day.values.count)"
            return outcome
        }
        let known = stored?.block ?? .empty(slots: day.values.count)
        for (slot, value) in day.values.enumerated() {
            guard let value, known.qualities[slot] >= .edited, day.qualities[slot] >= .edited else { continue }
            if known.values[slot] != value { outcome.conflicts.append((slot, known.values[slot], value)) }
        }
        if day.channel == .importWh {
            try takeActual(day, (registerStartWh, registerEndWh), context, orgID, transaction)
        }
        try merge(day, madeBy: context.madeBy, nowMs: context.nowMs, orgID, transaction)
        let after = try current(day, orgID, transaction)
        outcome.isNew = after?.version != stored?.version
        if day.channel == .importWh, let block = after?.block {
            let held = day.values.indices.filter { slot in
                day.values[slot] != nil && day.qualities[slot] == .actual && block.qualities[slot] < .edited
            }
            outcome.heldValues = held.count
            outcome.heldBy = try HeldReasons.counts(
                held, meterID: day.meterID, day: day.day, orgID: orgID, in: transaction)
        }
        return outcome
    }

    private static func current(
        _ day: ChannelDay, _ orgID: Int64, _ transaction: any SQLTransaction
    ) throws -> StoredBlock? {
        try DayBlocks.current(
            meterID: day.meterID, channel: day.channel, from: day.day, to: day.day, orgID: orgID, in: transaction
        ).first
    }

    /// The day in as many intervals as are stored: shorter ones of amounts add up where all of them are there. Nil when
    /// it cannot be brought to them exactly.
    private static func fitted(_ day: ChannelDay, to slots: Int?) -> ChannelDay? {
        guard let slots, slots != day.values.count else { return day }
        guard slots > 0, day.values.count % slots == 0, day.channel.isAmount else { return nil }
        let parts = day.values.count / slots
        var fitted = day
        fitted.values = []
        fitted.qualities = []
        for slot in 0..<slots {
            let range = slot * parts..<(slot + 1) * parts
            let present = range.compactMap { day.values[$0] }
            guard present.count == parts || present.isEmpty else { return nil }
            let sum = present.reduce(Int64(0)) { $0 + Int64($1) }
            guard let value = Int32(exactly: sum) else { return nil }
            fitted.values.append(present.isEmpty ? nil : value)
            fitted.qualities.append(range.map { day.qualities[$0] }.min() ?? .missing)
        }
        return fitted
    }

    /// Actual energy goes through the checks; held values become exceptions there.
    private static func takeActual(
        _ day: ChannelDay, _ registers: (startWh: Int64?, endWh: Int64?), _ context: IngestContext, _ orgID: Int64,
        _ transaction: any SQLTransaction
    ) throws {
        let actual = day.values.indices.map { day.qualities[$0] == .actual ? day.values[$0] : nil }
        guard actual.contains(where: { $0 != nil }) else { return }
        try Ingest.apply(
            IncomingDay(
                day: day.day, meterID: day.meterID, batchID: day.batchID, values: actual,
                registerStartWh: registers.startWh, registerEndWh: registers.endWh), context, orgID: orgID,
            in: transaction)
    }

    /// What the checks do not see: values the sender made up, and other channels. A better quality wins; of two
    /// estimates the newer, of two others the first.
    private static func merge(
        _ day: ChannelDay, madeBy: String, nowMs: Int64, _ orgID: Int64, _ transaction: any SQLTransaction
    ) throws {
        let stored = try current(day, orgID, transaction)
        var block = stored?.block ?? .empty(slots: day.values.count)
        for quality in [Quality.estimated, .edited, .actual] where day.channel != .importWh || quality != .actual {
            let taken = day.values.indices.compactMap { slot -> (slot: Int, value: Int32)? in
                guard let value = day.values[slot], day.qualities[slot] == quality else { return nil }
                let known = block.qualities[slot]
                let wins =
                    known < quality || (known == .estimated && quality == .estimated && block.values[slot] != value)
                return wins ? (slot, value) : nil
            }
            block = block.replacing(taken, quality: quality, batch: day.batchID)
        }
        guard block.lowestQuality > .missing || block.qualities.contains(where: { $0 > .missing }) else { return }
        try DayBlocks.store(
            block, after: stored, day: day.day, meterID: day.meterID, channel: day.channel, madeBy: madeBy,
            madeAtMs: nowMs, orgID: orgID, in: transaction)
    }
}
