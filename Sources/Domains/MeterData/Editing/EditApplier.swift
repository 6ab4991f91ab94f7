// Carries edits into the readings: what was agreed becomes a version, what is taken back another one. A stop between
// the two stores loses nothing: the edit stays `approved` or `undoing`, and the next run goes on from there.
import Access
import CivilTime
import Clocks
import IntervalData
import Meters
import SQL

public struct EditApplier: Sendable {
    public static let editMadeBy = "edit"
    public static let undoMadeBy = "undo"

    let site: Site
    let org: Org
    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Everything that waits to be carried out, oldest first. Returns how many edits moved on.
    public func run(limit: Int = 500) async throws -> Int {
        let waiting = try await site.money.read { [scope] in
            try ReadingEdit.page(before: nil, states: [.approved, .undoing], limit: limit, scope, in: $0)
        }
        for edit in waiting.reversed() {
            try Task.checkCancellation()
            _ = try await carryOut(edit.editID)
        }
        return waiting.count
    }

    /// One edit as far as it goes; an edit that waits for nothing is given back as it is.
    public func carryOut(_ editID: Int64) async throws -> ReadingEdit {
        let (edit, periodS) = try await site.money.read { [scope] transaction in
            let edit = try ReadingEdit.find(editID, scope, in: transaction)
            return (edit, try Meter.find(edit.meterID, scope, in: transaction).capturePeriodS)
        }
        switch edit.state {
        case .approved: try await apply(edit, periodS: periodS)
        case .undoing: try await undo(edit)
        case .proposed, .applied, .rejected, .stale, .undone: return edit
        }
        return try await site.money.read { [scope] in try ReadingEdit.find(editID, scope, in: $0) }
    }

    private typealias Outcome = (day: CivilDay, version: Int64)

    // MARK: applying

    private func apply(_ edit: ReadingEdit, periodS: Int64) async throws {
        // All days are looked at before the first is written: an edit of several days counts wholly or not at all.
        var stale: [String] = []
        for day in edit.days {
            let history = try await versions(edit, day.day)
            if !history.contains(where: { $0.holds(edit) }), let why = Self.stale(day, history) { stale.append(why) }
        }
        var applied: [Outcome] = []
        if stale.isEmpty {
            for day in edit.days {
                let (version, why) = try await write(edit, day, periodS: periodS)
                if let version { applied.append((day.day, version)) }
                if let why { stale.append(why) }
            }
        }
        try await end(edit, applied.isEmpty ? .stale : .applied, stale, "applied_version", applied)
    }

    private func versions(_ edit: ReadingEdit, _ day: CivilDay) async throws -> [StoredBlock] {
        try await site.readings.shard(day.month).read { [org] in
            try DayBlocks.versions(
                meterID: edit.meterID, channel: edit.channel, day: day, orgID: org.orgID, in: $0)
        }
    }

    /// Nil when the slots of the edit are still as the person saw them; else what came, in words.
    private static func stale(_ change: ReadingEdit.Day, _ versions: [StoredBlock]) -> String? {
        let current = versions.last
        let base = versions.last { $0.version == change.baseVersion }
        let differing = change.slots.count { !isSame(base?.block, current?.block, slot: $0) }
        guard differing > 0, let current else { return nil }
        return """
            \(change.day): \(differing) of \(change.slots.count) intervals have newer values \
            (version \(current.version), made by \(current.madeBy))
            """
    }

    private static func isSame(_ a: DayBlock?, _ b: DayBlock?, slot: Int) -> Bool {
        func value(_ block: DayBlock?) -> (Int32, Quality) {
            guard let block, block.values.indices.contains(slot) else { return (0, .missing) }
            return (block.values[slot], block.qualities[slot])
        }
        return value(a) == value(b)
    }

    /// The version that holds the edit of a day, made when it is not there yet; or why it cannot be.
    private func write(
        _ edit: ReadingEdit, _ change: ReadingEdit.Day, periodS: Int64
    ) async throws -> (version: Int64?, stale: String?) {
        let nowMs = site.clocks.businessNowMs()
        return try await site.readings.shard(change.day.month).write { [org] transaction in
            let versions = try DayBlocks.versions(
                meterID: edit.meterID, channel: edit.channel, day: change.day, orgID: org.orgID, in: transaction)
            if let mine = versions.first(where: { $0.holds(edit) }) { return (mine.version, nil) }
            if let why = Self.stale(change, versions) { return (nil, why) }
            let current = versions.last
            let block = current?.block ?? .empty(slots: org.zone.slotCount(of: change.day, periodS: periodS))
            guard let last = change.slots.last, last < block.slotCount else {
                return (nil, "\(change.day): the day has \(block.slotCount) intervals by now")
            }
            let edited = block.replacing(
                zip(change.slots, change.values).map { (slot: $0, value: $1) }, quality: .edited, batch: edit.editID)
            let version = try DayBlocks.store(
                edited, after: current, day: change.day, meterID: edit.meterID, channel: edit.channel,
                madeBy: Self.editMadeBy, madeAtMs: nowMs, orgID: org.orgID, in: transaction)
            if edit.channel == .importWh {
                try VEEException.resolve(
                    within: change.slots, meterID: edit.meterID, day: change.day, nowMs: nowMs,
                    resolution: Self.resolution(edit), orgID: org.orgID, in: transaction)
            }
            return (version, nil)
        }
    }

    private static func resolution(_ edit: ReadingEdit) -> String { "edited by hand (\(edit.editID))" }

    // MARK: taking back

    private func undo(_ edit: ReadingEdit) async throws {
        var undone: [Outcome] = []
        var kept: [String] = []
        for change in edit.days where change.appliedVersion != nil {
            let gone = try await site.money.read { [scope] transaction in
                try ReadingEdit.of(meterID: edit.meterID, days: change.day...change.day, scope, in: transaction)
                    .filter { [.undoing, .undone].contains($0.state) }.map(\.editID)
            }
            let (version, keptCount) = try await takeBack(edit, change, gone: Set(gone))
            if let version { undone.append((change.day, version)) }
            if keptCount > 0 {
                kept.append("\(change.day): \(keptCount) of \(change.slots.count) intervals keep newer values")
            }
        }
        try await end(edit, .undone, kept, "undone_version", undone)
    }

    /// The version that took a day back, made when it is not there yet, and how many slots had newer values.
    /// - Parameter gone: edits that were taken back; what they wrote does not come back with another's undoing.
    private func takeBack(
        _ edit: ReadingEdit, _ change: ReadingEdit.Day, gone: Set<Int64>
    ) async throws -> (version: Int64?, kept: Int) {
        let nowMs = site.clocks.businessNowMs()
        return try await site.readings.shard(change.day.month).write { [org] transaction in
            let versions = try DayBlocks.versions(
                meterID: edit.meterID, channel: edit.channel, day: change.day, orgID: org.orgID, in: transaction)
            // Done before a stop: an undo after which the day no longer holds what it held.
            for (earlier, later) in zip(versions, versions.dropFirst())
            where later.madeBy == Self.undoMadeBy && earlier.holds(edit) && !later.holds(edit) {
                return (later.version, change.slots.count - earlier.slots(of: edit).count)
            }
            guard let current = versions.last else { return (nil, change.slots.count) }
            let own = current.slots(of: edit)
            guard !own.isEmpty else { return (nil, change.slots.count) }
            var block = current.block
            for (source, slots) in Dictionary(grouping: own, by: { Self.source(of: $0, edit.editID, versions, gone) }) {
                block = block.taking(slots, from: versions.last { $0.version == source }?.block)
            }
            let version = try DayBlocks.store(
                block, after: current, day: change.day, meterID: edit.meterID, channel: edit.channel,
                madeBy: Self.undoMadeBy, madeAtMs: nowMs, orgID: org.orgID, in: transaction)
            if edit.channel == .importWh {
                try VEEException.reopen(
                    resolution: Self.resolution(edit), meterID: edit.meterID, day: change.day, orgID: org.orgID,
                    in: transaction)
            }
            return (version, change.slots.count - own.count)
        }
    }

    /// The version whose value of a slot counts again: before the edit, and before every other that was taken back.
    private static func source(
        of slot: Int, _ editID: Int64, _ versions: [StoredBlock], _ gone: Set<Int64>
    ) -> Int64 {
        var batch = editID
        while let first = versions.firstIndex(where: { $0.block.sources.contains { $0.batch == batch } }), first > 0 {
            let before = versions[first - 1]
            let batches = before.block.batches
            guard batches.indices.contains(slot), gone.contains(batches[slot]), batches[slot] != batch else {
                return before.version
            }
            batch = batches[slot]
        }
        return 0
    }

    // MARK: the end

    private func end(
        _ edit: ReadingEdit, _ state: ReadingEdit.State, _ notes: [String], _ column: String, _ days: [Outcome]
    ) async throws {
        let nowMs = site.clocks.businessNowMs()
        try await site.money.write { [org] transaction in
            try transaction.run(
                """
                UPDATE reading_edit SET state = $3, note = $4, applied_at_ms = COALESCE(applied_at_ms, $5)
                WHERE org_id = $1 AND edit_id = $2
                """,
                [
                    .int(org.orgID), .int(edit.editID), .text(state.rawValue),
                    .text(String(notes.joined(separator: "; ").prefix(1000))),
                    state == .applied ? .int(nowMs) : .null,
                ])
            try transaction.runMany(
                "UPDATE reading_edit_day SET \(column) = $4 WHERE org_id = $1 AND edit_id = $2 AND day = $3",
                days.map { [.int(org.orgID), .int(edit.editID), .day($0.day), .int($0.version)] })
        }
    }
}

extension StoredBlock {
    /// The slots whose value came from an edit.
    func slots(of edit: ReadingEdit) -> [Int] {
        guard holds(edit) else { return [] }
        return block.batches.enumerated().filter { $0.element == edit.editID }.map(\.offset)
    }

    func holds(_ edit: ReadingEdit) -> Bool { block.sources.contains { $0.batch == edit.editID } }
}

extension EditRequest {
    /// The whole way of an edit: the answer of an earlier one, or worked out, stored and, when nobody has to agree,
    /// carried out.
    /// - Parameter perform: sends the command through the door the caller came in by.
    public func submit(
        site: Site, org: Org, _ scope: Scope, sources: EstimationSources = EstimationSources(),
        perform: (ProposeEdit) async throws -> EditPlaced
    ) async throws -> ReadingEdit {
        if let earlier = try await EditPlaced.earlier(self, site: site, scope) {
            return try await EditApplier(site: site, org: org).carryOut(earlier.editID)
        }
        let placed = try await perform(ProposeEdit(try await EditPlan.of(self, site: site, scope, sources: sources)))
        return try await EditApplier(site: site, org: org).carryOut(placed.editID)
    }
}
