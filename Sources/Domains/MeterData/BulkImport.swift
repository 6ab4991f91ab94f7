// Meters of which nothing of a month is stored yet, taken from a load file many at a time: what comes out is what
// `Ingest` makes of a first reading. Months past keeping as written are stored compacted at once. Meters that have
// anything of the month, or were dark in it, are left to the caller.
import Access
import CivilTime
import Clocks
import IntervalData
import LoadFiles
import Outbox
import SQL
import VEE

struct BulkImport: Sendable {
    /// Meter-months prepared and stored at once.
    static let chunkSize = 1_024
    /// Meter-days of a month after which the engine is asked to look at what it holds.
    private static let manyDays = 10_000

    let site: Site
    let org: Org
    let file: LoadFile
    let month: CivilMonth
    let importID: Int64
    /// Quality and source of an ordinary day without a gap, shared by all of them.
    private let allActual: [Quality]
    private let oneSource: [SourceRun]

    init(site: Site, org: Org, file: LoadFile, month: CivilMonth, importID: Int64) {
        (self.site, self.org, self.file, self.month, self.importID) = (site, org, file, month, importID)
        allActual = Array(repeating: .actual, count: 86400 / max(1, file.periodS))
        oneSource = [SourceRun(batch: importID, count: allActual.count)]
    }

    /// A meter's month, ready to be stored.
    private struct Ready: Sendable {
        var meterID: Int64
        /// Change numbers are those expected; others may be given when stored.
        var days: [DayVersion]
        var exceptions: [VEEException]
        var heldValues: Int
        var heldBy: [String: Int] = [:]
        /// The days compacted, where the month is stored so.
        var row: MeterMonth?
    }

    /// Takes what it can. Returns what was done and the targets that are left.
    func run(
        _ targets: [ImportTarget], progress: (Int) async -> Void
    ) async throws -> (taken: ImportCounts, left: [ImportTarget]) {
        let nowMs = site.clocks.businessNowMs()
        let isHot = try await month >= MonthKeeper(site: site, org: org).firstHot()
        let shard = try await site.readings.shard(month)
        let dark = try await site.money.read { [org, month] in
            try Outages.metersTold(of: month, zone: org.zone, orgID: org.orgID, in: $0)
        }
        var left = targets.filter { dark.contains($0.meterID) }
        let targets = targets.filter { !dark.contains($0.meterID) }
        let chunks = stride(from: 0, to: targets.count, by: Self.chunkSize).map { start in
            targets[start..<min(targets.count, start + Self.chunkSize)]
                .filter { !file.rawDays($0.column, in: month).isEmpty }
        }
        // What the change counter will give, unless another one takes from it meanwhile.
        var expected = try await shard.read { [org, month] transaction in
            try ChangeStream.dayBlock.last(orgID: org.orgID, month: month, in: transaction) + 1
        }
        var taken = ImportCounts()
        var ready = try await prepare(chunks.first ?? [], isHot: isHot, from: expected, nowMs: nowMs)
        for (index, chunk) in chunks.enumerated() {
            try Task.checkCancellation()
            expected += Int64(ready.reduce(0) { $0 + $1.days.count })
            let from = expected
            // The next ones are made ready while these are stored.
            async let following = prepare(
                index + 1 < chunks.count ? chunks[index + 1] : [], isHot: isHot, from: from, nowMs: nowMs)
            let (done, known) = try await shard.write { [ready] transaction -> ([Ready], Set<Int64>) in
                let known = try metersKnown(ready.map(\.meterID), in: transaction)
                let fresh = ready.filter { !known.contains($0.meterID) }
                try store(fresh, isHot: isHot, nowMs: nowMs, in: transaction)
                return (fresh, known)
            }
            for item in done {
                taken.meterDays += item.days.count
                taken.newVersions += item.days.count
                taken.heldValues += item.heldValues
                taken.heldBy.merge(item.heldBy, uniquingKeysWith: +)
            }
            left += chunk.filter { known.contains($0.meterID) }
            await progress(taken.meterDays)
            ready = try await following
        }
        try await judgeAgain(targets.map(\.meterID))
        if taken.newVersions >= Self.manyDays { try await site.readings.gatherFigures(month) }
        return (taken, left)
    }

    /// Meters of which an outage was told while their month was stored: who looks for days to judge again may have
    /// passed before they were there.
    private func judgeAgain(_ meterIDs: [Int64]) async throws {
        let dark = try await site.money.read { [org, month] in
            try Outages.metersTold(of: month, zone: org.zone, orgID: org.orgID, in: $0)
        }
        for meterID in meterIDs where dark.contains(meterID) {
            try Task.checkCancellation()
            _ = try await Revalidation(site: site, org: org).run(
                meterID: meterID, from: month.first, to: month.last, where: \.looksAtSupply)
        }
    }

    /// Notes the month as compacted when rows were stored so.
    func finish() async throws {
        let hasOpenNote = try await site.readings.shard(month).read { [org, month] transaction in
            let rows = try transaction.first(
                "SELECT 1 FROM meter_month WHERE org_id = $1 AND day = $2 LIMIT 1",
                [.int(org.orgID), .day(month.first)]
            ) { _ in true }
            let note = try transaction.first(
                "SELECT 1 FROM month_keeping WHERE org_id = $1 AND day = $2", [.int(org.orgID), .day(month.first)]
            ) { _ in true }
            return rows == true && note == nil
        }
        if hasOpenNote { try await MonthKeeper(site: site, org: org).noteCompacted(month) }
    }

    // MARK: What is there

    /// Meters that have anything of the month, also an exception.
    private func metersKnown(_ meters: [Int64], in transaction: any SQLTransaction) throws -> Set<Int64> {
        let isEmpty = try ["day_block", "vee_exception", "meter_month"].allSatisfy { table in
            try transaction.first(
                "SELECT 1 FROM \(table) WHERE org_id = $1 AND day >= $2 AND day <= $3 LIMIT 1",
                [.int(org.orgID), .day(month.first), .day(month.last)]
            ) { _ in true } == nil
        }
        if isEmpty { return [] }
        var parameters: [SQLValue] = [.int(org.orgID)]
        let days = parameters.bind((month.first.number...month.last.number).map { Int64($0) })
        let ids = parameters.bind(meters)
        let which = "org_id = $1 AND day IN (\(days)) AND meter_id IN (\(ids))"
        return Set(
            try transaction.query(
                """
                SELECT meter_id FROM day_block WHERE \(which) UNION SELECT meter_id FROM vee_exception WHERE \(which)
                UNION SELECT meter_id FROM meter_month WHERE \(which)
                """, parameters
            ) { try $0.int(0) })
    }

    /// Current blocks of the days before each meter's first in the month, in order of day.
    private func history(_ chunk: [ImportTarget]) async throws -> [Int64: [StoredBlock]] {
        var found: [Int64: [StoredBlock]] = [:]
        let months = try await site.readings.months()
        // The first day of a month looks into the month before; later first days into this one, where a meter that is
        // taken here has nothing.
        let before = month.previous
        guard months.contains(before) else { return [:] }
        let wanted = chunk.compactMap { target -> (Int64, CivilDay)? in
            guard let first = file.rawDays(target.column, in: month).first?.day else { return nil }
            let from = CivilDay(number: first).advanced(by: -ValidationRules.standard.historyDays)
            return from <= before.last ? (target.meterID, from) : nil
        }
        let blocks = try await site.readings.shard(before).read { [org] transaction in
            try DayBlocks.current(
                meterIDs: wanted.map(\.0), from: before.last.advanced(by: 1 - ValidationRules.standard.historyDays),
                to: before.last,
                orgID: org.orgID, in: transaction)
        }
        let firsts = Dictionary(wanted, uniquingKeysWith: min)
        for block in blocks where firsts[block.meterID].map({ block.day >= $0 }) ?? false {
            found[block.meterID, default: []].append(block)
        }
        return found
    }

    // MARK: From values to days

    /// In two halves side by side; the work is arithmetic on values in memory.
    private func prepare(
        _ chunk: [ImportTarget], isHot: Bool, from change: Int64, nowMs: Int64
    ) async throws -> [Ready] {
        guard !chunk.isEmpty else { return [] }
        let history = try await history(chunk)
        let middle = chunk.count / 2
        let daysBefore = chunk[..<middle].reduce(0) { $0 + file.rawDays($1.column, in: month).count }
        async let second = prepare(
            chunk[middle...], history, isHot: isHot, from: change + Int64(daysBefore), nowMs: nowMs)
        return prepare(chunk[..<middle], history, isHot: isHot, from: change, nowMs: nowMs) + (await second)
    }

    private func prepare(
        _ chunk: ArraySlice<ImportTarget>, _ history: [Int64: [StoredBlock]], isHot: Bool, from change: Int64,
        nowMs: Int64
    ) -> [Ready] {
        let plain = PlainRules(.standard, periodS: file.periodS)
        let historyDays = ValidationRules.standard.historyDays
        var change = change
        return chunk.map { target in
            var ready = Ready(meterID: target.meterID, days: [], exceptions: [], heldValues: 0)
            var earlier = (history[target.meterID] ?? []).map { (day: $0.day, block: $0.block) }
            let values = file.rawDays(target.column, in: month)
            ready.days.reserveCapacity(values.count)
            for (number, values) in values {
                let day = CivilDay(number: number)
                earlier.removeAll { $0.day < day.advanced(by: -historyDays) }
                let block = block(values, day, target, earlier, plain, nowMs: nowMs, &ready)
                ready.days.append(
                    DayVersion(
                        dayOfMonth: month.first.days(to: day) + 1, version: 1, change: change, madeAtMs: nowMs,
                        madeBy: "import", block: block))
                change += 1
                earlier.append((day, block))
            }
            if !isHot { ready.row = compacted(ready) }
            return ready
        }
    }

    private func compacted(_ ready: Ready) -> MeterMonth {
        MeterMonth(
            month: month, meterID: ready.meterID, channel: .importWh, versions: ready.days, orgID: org.orgID)
    }

    private func block(
        _ values: [Int32], _ day: CivilDay, _ target: ImportTarget, _ earlier: [(day: CivilDay, block: DayBlock)],
        _ plain: PlainRules?, nowMs: Int64, _ ready: inout Ready
    ) -> DayBlock {
        if let plain, !values.contains(LoadFile.absent),
            plain.findNothing(in: values, before: earlier.last?.block.values)
        {
            if values.count == allActual.count {
                return DayBlock(values: values, qualities: allActual, sources: oneSource)
            }
            return DayBlock(
                values: values, qualities: Array(repeating: .actual, count: values.count),
                sources: values.isEmpty ? [] : [SourceRun(batch: importID, count: values.count)])
        }
        let given = values.map { $0 == LoadFile.absent ? nil : $0 }
        let findings = validate(
            DayInput(
                values: given, sanctionedW: target.sanctionedW, periodS: file.periodS,
                history: earlier.reversed().map(\.block)))
        let incoming = IncomingDay(day: day, meterID: target.meterID, batchID: importID, values: given)
        let found = findings.map { Ingest.exception($0, incoming, nowMs: nowMs) }
        ready.exceptions += found
        let block = validatedBlock(given, findings: findings, batch: importID)
        let held = given.indices.filter { given[$0] != nil && block.qualities[$0] < .edited }
        ready.heldValues += held.count
        ready.heldBy.merge(HeldReasons.counts(held, found), uniquingKeysWith: +)
        return block
    }

    private func store(
        _ ready: [Ready], isHot: Bool, nowMs: Int64, in transaction: any SQLTransaction
    ) throws {
        try VEEException.raise(ready.flatMap(\.exceptions), orgID: org.orgID, in: transaction)
        if isHot {
            // In order of the key, which begins with the day.
            let blocks = ready.flatMap { item in
                item.days.map {
                    (day: month.first.advanced(by: $0.dayOfMonth - 1), meterID: item.meterID, block: $0.block)
                }
            }.sorted { ($0.day, $0.meterID) < ($1.day, $1.meterID) }
            try DayBlocks.storeFirstVersions(
                blocks, month: month, madeBy: "import", madeAtMs: nowMs, orgID: org.orgID, in: transaction)
            return
        }
        guard !ready.isEmpty else { return }
        // The checksum of the month no longer fits; `finish` makes it anew, or the next compaction.
        try transaction.run(
            "DELETE FROM month_keeping WHERE org_id = $1 AND day = $2", [.int(org.orgID), .day(month.first)])
        var change = try ChangeStream.dayBlock.take(
            ready.reduce(0) { $0 + $1.days.count }, orgID: org.orgID, month: month, in: transaction)
        var rows: [MeterMonth] = []
        for item in ready {
            if let row = item.row, item.days.first?.change == change {
                rows.append(row)
                change += Int64(item.days.count)
                continue
            }
            var item = item
            for index in item.days.indices {
                item.days[index].change = change
                change += 1
            }
            rows.append(compacted(item))
        }
        rows.sort { $0.meterID < $1.meterID }
        try MeterMonth.store(rows, orgID: org.orgID, in: transaction)
    }
}
