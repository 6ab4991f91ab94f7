// Carries out the runs of rating that somebody asked for, one after the other, a chunk of meters a transaction, by the
// same code that rates every night. A trial is taken back and leaves its report; a stop goes on where it was.
import Access
import CivilTime
import Clocks
import MeterData
import Meters
import Outbox
import SQL

public struct RatingRuns: Sendable {
    /// Meters a transaction.
    let chunk: Int
    /// Meter-days that wait, of one month: what a trial of them can hold at once.
    static let pendingMax = 2_000_000

    let site: Site
    let org: Org

    public init(site: Site, org: Org, chunk: Int = 500) {
        self.site = site
        self.org = org
        self.chunk = chunk
    }

    private var scope: Scope { Scope(orgID: org.orgID) }
    private var actor: Actor { .system(orgID: org.orgID) }

    /// Carries out what waits. Returns how many runs ended.
    /// - Parameter budgetMs: system milliseconds after which a run of days makes room for others and goes on next time;
    ///   a trial of what is new is not cut, for what is new changes meanwhile.
    public func run(
        budgetMs: Int64? = nil, progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> Int {
        var ended = 0
        let untilMs = budgetMs.map { site.clocks.systemNowMs() + $0 }
        while let next = try await site.money.read({ [scope] in try RatingRun.open(scope, in: $0) }) {
            try Task.checkCancellation()
            guard let (state, error) = try await carryOut(next, untilMs: untilMs, progress) else { return ended }
            let nowMs = site.clocks.businessNowMs()
            try await site.money.write { [scope] in
                try RatingRun.end(next.runID, state, error: error, atMs: nowMs, scope, in: $0)
            }
            ended += 1
        }
        return ended
    }

    /// - Returns: how it ended; nil when it goes on next time.
    private func carryOut(
        _ run: RatingRun, untilMs: Int64?, _ progress: @Sendable (Int) async -> Void
    ) async throws -> (RatingRun.State, error: String?)? {
        guard run.state != .stopping else { return (.stopped, nil) }
        do {
            let work = try await work(run)
            let nowMs = site.clocks.businessNowMs()
            let total = Int64(work.reduce(0) { $0 + $1.count })
            try await site.money.write { [scope] in try run.begin(total: total, atMs: nowMs, scope, in: $0) }
            if let trialID = run.trialID, run.placeMonth == 0, let changed = try await verify(trialID, work) {
                return (.changed, changed)
            }
            var done = Int(run.doneCount)
            for part in work {
                var after = part.month.index == run.placeMonth ? run.placeMeter : 0
                if Int64(part.month.index) < run.placeMonth { continue }
                while let meters = try await next(part, after: after), let last = meters.last {
                    try Task.checkCancellation()
                    let isWanted = try await site.money.read { [scope] in
                        try RatingRun.find(run.runID, scope, in: $0).state == .running
                    }
                    guard isWanted else { return (.stopped, nil) }
                    try await carryOut(run, part, meters)
                    (after, done) = (last.meterID, done + meters.count)
                    await progress(done)
                    if let untilMs, run.selection.from != nil, site.clocks.systemNowMs() > untilMs { return nil }
                }
            }
            return (.done, nil)
        } catch let changed as InputsChanged {
            return (.changed, changed.words)
        } catch let refusal as Refusal {
            return (.failed, refusal.description)
        }
    }

    // MARK: what there is to do

    /// The meters of one month.
    private struct Part: Sendable {
        var month: CivilMonth
        var count: Int
        /// The first changed day of each; nil: whoever the selection names.
        var pending: [(meterID: Int64, day: CivilDay)]?
        var selection: RatingRun.Selection
    }

    private func work(_ run: RatingRun) async throws -> [Part] {
        let there = try await site.readings.monthsInReach()
        guard let from = run.selection.from, let to = run.selection.to else {
            var parts: [Part] = []
            for month in there {
                let pending = try await pending(month)
                guard !pending.isEmpty else { continue }
                parts.append(
                    Part(
                        month: month, count: pending.count,
                        pending: pending.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }, selection: run.selection))
            }
            return parts
        }
        return try await site.money.read { [scope] transaction in
            try there.filter { $0 >= from.month && $0 <= to.month }.map { month in
                Part(
                    month: month, count: try Self.count(run.selection, month, scope, in: transaction),
                    selection: run.selection)
            }
        }
    }

    /// The first day of each meter that the next run by itself would rate again.
    private func pending(_ month: CivilMonth) async throws -> [Int64: CivilDay] {
        let shard = try await site.readings.shard(month)
        var found: [Int64: CivilDay] = [:]
        var cursor = try await shard.read { [org] transaction in
            try ChangeStream.dayBlock.cursor(of: Rater.consumer, orgID: org.orgID, month: month, in: transaction)
        }
        while true {
            try Task.checkCancellation()
            let changes = try await shard.read { [org, cursor] transaction in
                try DayBlocks.changes(
                    after: cursor, month: month, limit: 10_000, orgID: org.orgID, in: transaction)
            }
            guard let last = changes.last else { break }
            for change in changes { found[change.meterID] = min(found[change.meterID] ?? change.day, change.day) }
            cursor = last.change
            guard found.count <= Self.pendingMax else {
                throw Refusal(
                    .invalid, "More than \(Self.pendingMax) meters of \(month) wait to be rated.",
                    hint: "Run the job rate first, or ask for days.")
            }
        }
        let nowMs = site.clocks.businessNowMs()
        var last: RatingRefusal?
        while true {
            let page = try await site.money.read { [scope, last] in
                try RatingRefusal.withBase(after: last, limit: Rater.chunkSize, scope, in: $0)
            }
            guard let end = page.last else { return found }
            last = end
            let ready = try await site.money.read { [scope, org] transaction in
                try page.filter { $0.day.month == month }
                    .filter { try $0.canBePriced(zone: org.zone, nowMs: nowMs, scope, in: transaction) }
            }
            for item in ready { found[item.meterID] = min(found[item.meterID] ?? item.day, item.day) }
        }
    }

    /// Installations of a selection in a month, as an end of a statement; `$1` is the company.
    private static func selected(
        _ selection: RatingRun.Selection, _ month: CivilMonth
    ) -> (sql: String, parameters: [SQLValue]) {
        let (from, to) = (max(selection.from ?? month.first, month.first), min(selection.to ?? month.last, month.last))
        var sql =
            " FROM installation i WHERE i.org_id = $1 AND i.from_day <= $2 AND (i.to_day IS NULL OR i.to_day >= $3)"
        var parameters: [SQLValue] = [.day(to), .day(from)]
        if let accountID = selection.accountID {
            parameters.append(.int(accountID))
            sql += " AND i.account_id = $\(parameters.count + 1)"
        }
        if let packID = selection.packID {
            parameters.append(.text(packID))
            sql += """
                 AND EXISTS (SELECT 1 FROM subscription s WHERE s.org_id = i.org_id AND s.account_id = i.account_id
                  AND s.pack_id = $\(parameters.count + 1) AND s.from_day <= $2
                  AND (s.to_day IS NULL OR s.to_day >= $3))
                """
        }
        return (sql, parameters)
    }

    private static func count(
        _ selection: RatingRun.Selection, _ month: CivilMonth, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int {
        let (sql, parameters) = selected(selection, month)
        return Int(
            try transaction.first("SELECT COUNT(DISTINCT i.meter_id)\(sql)", [.int(scope.orgID)] + parameters) {
                try $0.int(0)
            } ?? 0)
    }

    /// The next meters with their first days; nil at the end.
    private func next(_ part: Part, after meterID: Int64) async throws -> [(meterID: Int64, day: CivilDay)]? {
        if let pending = part.pending {
            let rest = pending.drop { $0.meterID <= meterID }.prefix(chunk)
            return rest.isEmpty ? nil : Array(rest)
        }
        let (sql, parameters) = Self.selected(part.selection, part.month)
        let meters = try await site.money.read { [scope] transaction in
            try transaction.query(
                """
                SELECT DISTINCT i.meter_id\(sql) AND i.meter_id > $\(parameters.count + 2)
                ORDER BY i.meter_id LIMIT \(chunk)
                """, [.int(scope.orgID)] + parameters + [.int(meterID)]
            ) { try $0.int(0) }
        }
        let day = max(part.selection.from ?? part.month.first, part.month.first)
        return meters.isEmpty ? nil : meters.map { ($0, day) }
    }

    // MARK: a part of the work

    /// Everything that the days of some meters lead to, read: their month, and those that lean on it.
    private struct Found: Sendable {
        var chunks: [RateChunk]
        /// The accounts whose charges may move, and on which days.
        var accounts: [Int64]
        var days: ClosedRange<CivilDay>
        /// What moves.
        var changes: [RatingChange]
    }

    private func carryOut(_ run: RatingRun, _ part: Part, _ meters: [(meterID: Int64, day: CivilDay)]) async throws {
        let found = try await look(part, meters)
        let (month, last, count) = (part.month, meters.last?.meterID ?? 0, meters.count)
        guard run.isTrial else {
            _ = try await site.perform(
                RerunChunk(
                    run: run, month: month, chunks: found.chunks, accounts: found.accounts, days: found.days,
                    lastMeterID: last, count: count),
                as: actor, source: "job rerun", why: run.reason)
            return
        }
        try await site.money.write { [scope] transaction in
            try RatingChange.store(found.changes, runID: run.runID, scope, in: transaction)
            try RatingRun.advance(
                run.runID, month: month, meterID: last, by: count, scope, in: transaction)
        }
    }

    /// Rehearses month after month until nothing leans on them any more.
    private func look(_ part: Part, _ meters: [(meterID: Int64, day: CivilDay)]) async throws -> Found {
        let rater = Rater(site: site, org: org)
        var rounds = RatingRounds(meters.map { (day: $0.day, meterID: $0.meterID) })
        var found = Found(chunks: [], accounts: [], days: part.month.first...part.month.last, changes: [])
        while let (month, first) = rounds.next() {
            let chunk = try await rater.chunk(
                first, month: month, shard: try await site.readings.shard(month), begun: rounds.begun,
                acceptsOlder: false)
            found.chunks.append(chunk)
            let all = Set(first.keys).union(chunk.blocks.values.flatMap { $0.map(\.meterID) })
            found.accounts = Set(found.accounts).union(try await accounts(all.sorted(), month)).sorted()
            found.days = min(found.days.lowerBound, month.first)...max(found.days.upperBound, month.last)
            let (outcome, changes) = try await rehearse(found)
            found.changes = changes
            rounds.take(outcome, of: month, starts: try await rater.starts(after: outcome, of: month))
        }
        return found
    }

    /// The accounts that some meters serve in a month.
    private func accounts(_ meterIDs: [Int64], _ month: CivilMonth) async throws -> Set<Int64> {
        try await site.money.read { [scope] transaction in
            var found: Set<Int64> = []
            for start in stride(from: 0, to: meterIDs.count, by: 500) {
                var parameters: [SQLValue] = [.int(scope.orgID), .day(month.first), .day(month.last)]
                let marks = parameters.bind(Array(meterIDs[start..<min(start + 500, meterIDs.count)]))
                found.formUnion(
                    try transaction.query(
                        """
                        SELECT DISTINCT account_id FROM installation WHERE org_id = $1 AND from_day <= $3
                          AND (to_day IS NULL OR to_day >= $2) AND meter_id IN (\(marks))
                        """, parameters
                    ) { try $0.int(0) })
            }
            return found
        }
    }

    private func rehearse(_ found: Found) async throws -> (RateChunk.Outcome, [RatingChange]) {
        try await site.rehearse(RateChunks(chunks: found.chunks), as: actor, source: "job rerun") {
            [scope] transaction, run in
            let before = try RatingChange.charges(found.accounts, found.days, scope, in: transaction)
            let outcome = try run()
            let after = try RatingChange.charges(found.accounts, found.days, scope, in: transaction)
            return (outcome, RatingChange.between(before, after))
        }
    }

    /// Looks whether everything would still come out as the trial found it.
    /// - Returns: what does not; nil when all does.
    private func verify(_ trialID: Int64, _ work: [Part]) async throws -> String? {
        var accounts: Set<Int64> = []
        var seen: Set<RatingChange.Place> = []
        for part in work {
            var after: Int64 = 0
            while let meters = try await next(part, after: after), let last = meters.last {
                try Task.checkCancellation()
                after = last.meterID
                let found = try await look(part, meters)
                let expected = try await site.money.read { [scope] in
                    try RatingChange.stored(
                        runID: trialID, accounts: found.accounts, found.days, scope, in: $0)
                }
                // What an earlier part led to is seen; alone it would come out otherwise here.
                let words = InputsChanged.words(
                    expected: expected.filter { !seen.contains($0.place) },
                    found: found.changes.filter { !seen.contains($0.place) })
                if let words { return words }
                accounts.formUnion(found.changes.map(\.accountID))
                seen.formUnion(found.changes.map(\.place))
            }
        }
        let known = try await site.money.read { [scope] in
            Int(try RatingRunSums.of(runID: trialID, scope, in: $0).accounts)
        }
        return accounts.count == known
            ? nil : "The trial moved \(known) accounts, it would move \(accounts.count) now. Make a new trial."
    }
}

/// A chunk does not come out as its trial said.
struct InputsChanged: Error {
    var words: String

    /// The first differences in words; nil when there is none.
    static func words(expected: [RatingChange], found: [RatingChange]) -> String? {
        func byPlace(_ changes: [RatingChange]) -> [RatingChange.Place: RatingChange] {
            Dictionary(changes.map { ($0.place, $0) }, uniquingKeysWith: { $1 })
        }
        let (was, now) = (byPlace(expected), byPlace(found))
        let different = Set(was.keys).union(now.keys).filter {
            was[$0]?.inputsHash != now[$0]?.inputsHash || was[$0]?.afterPaise != now[$0]?.afterPaise
                || was[$0]?.beforePaise != now[$0]?.beforePaise
        }.sorted()
        guard !different.isEmpty else { return nil }
        let named = different.prefix(5).map { place in
            let (old, new) = (was[place]?.afterPaise, now[place]?.afterPaise)
            func paise(_ value: Int64?) -> String { value.map { "\($0) paise" } ?? "no change" }
            return "account \(place.accountID) on \(place.day): \(paise(old)) then, \(paise(new)) now"
        }
        let more = different.count > 5 ? " and \(different.count - 5) more" : ""
        return "Not as the trial found it: " + named.joined(separator: "; ") + more + ". Make a new trial."
    }
}

/// Months of some accounts one after the other, as the rater runs them.
struct RateChunks: Command {
    static let name = "rating.chunks"
    static let permissions: [Permission] = [.runJobs]

    var chunks: [RateChunk]

    var key: String? { nil }
    var content: String { chunks.map(\.content).joined(separator: " ") }
    var subjectID: Int64 { 0 }

    /// - Returns: what the last of them leaves to do.
    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> RateChunk.Outcome {
        var outcome = RateChunk.Outcome()
        for chunk in chunks { outcome = try chunk.run(in: transaction, context) }
        return outcome
    }
}

/// One part of a run that changes something: rated, compared with its trial, and written down, all or nothing.
struct RerunChunk: Command {
    static let name = "rating.rerun-chunk"
    static let permissions: [Permission] = [.runJobs]

    var run: RatingRun
    var month: CivilMonth
    var chunks: [RateChunk]
    var accounts: [Int64]
    var days: ClosedRange<CivilDay>
    var lastMeterID: Int64
    var count: Int

    var key: String? { nil }
    var content: String { "run=\(run.runID) \(RateChunks(chunks: chunks).content)" }
    var subjectID: Int64 { run.runID }

    /// - Returns: how many account-days are charged otherwise.
    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        let before = try RatingChange.charges(accounts, days, scope, in: transaction)
        _ = try RateChunks(chunks: chunks).run(in: transaction, context)
        let changes = RatingChange.between(
            before, try RatingChange.charges(accounts, days, scope, in: transaction))
        if let trialID = run.trialID {
            // Of a meter that followed another one, or of a month that leans on another, days may be charged already.
            let charged = Set(
                try RatingChange.stored(runID: run.runID, accounts: accounts, days, scope, in: transaction)
                    .map(\.place))
            let expected = try RatingChange.stored(runID: trialID, accounts: accounts, days, scope, in: transaction)
                .filter { !charged.contains($0.place) }
            if let words = InputsChanged.words(expected: expected, found: changes) {
                throw InputsChanged(words: words)
            }
        }
        try RatingChange.store(changes, runID: run.runID, scope, in: transaction)
        try RatingRun.advance(
            run.runID, month: month, meterID: lastMeterID, by: count, scope, in: transaction)
        return changes.count
    }
}
