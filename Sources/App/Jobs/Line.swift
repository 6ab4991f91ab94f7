// The line from the meter to the money as jobs: when each is due, what it does, in order, one company at a time.
// Holds no rule of a domain; it only calls them.
import Access
import Accounts
import Aggregation
import CivilTime
import Clocks
import HeadEnd
import IntervalData
import Logging
import MeterData
import MeterPort
import Meters
import Outbox
import Payments
import Rating
import SQL
import Supply
import VEE

public struct Line: Sendable {
    /// Raw reads taken into blocks in one transaction.
    static let rawChunk = 200
    public static let rawConsumer = "meter-data"
    /// System milliseconds between two looks at how far a job has come.
    static let lookMs: Int64 = 5_000
    /// How far back the first estimates reach in a company whose meters were installed long ago.
    static let firstEstimateDays = 60
    /// How far back it is looked whether meters still belong to the sets they were counted in.
    static let regroupDays = 62

    public let site: Site
    public let org: Org
    let transport: any MeterTransport
    let vault: KeyVault
    let schedule: LineSchedule
    let collection: CollectionRules
    let holder: String
    let log: Logger
    /// Shared by the lanes: they talk with the same meters.
    let gates: MeterGates
    /// Nil: no gateway takes payments here.
    let payments: PaymentDesk?

    /// - Parameter schedule: holds where the company has set nothing.
    public init(
        site: Site, org: Org, transport: any MeterTransport, vault: KeyVault, schedule: LineSchedule = .init(),
        collection: CollectionRules = .init(), payments: PaymentDesk? = nil, holder: String, log: Logger
    ) {
        self.site = site
        self.org = org
        self.transport = MeasuredTransport(inner: transport)
        self.vault = vault
        self.schedule = schedule
        self.collection = collection
        self.payments = payments
        self.holder = holder
        self.log = log
        gates = MeterGates(lease: MeterLease(site: site, orgID: org.orgID, holder: holder))
    }

    var scope: Scope { Scope(orgID: org.orgID) }

    /// Plans what is due and runs it, one job after the other, until nothing is due. Returns how many jobs ran.
    /// - Parameter lane: runs the jobs of this lane, beside somebody who runs the other; nil runs all in one order.
    @discardableResult
    public func tick(_ lane: JobLane? = nil) async throws -> Int {
        try await plan()
        var ran = 0
        _ = try await OutboxDispatcher(site: site, orgs: [org]).run()
        while !Task.isCancelled, let job = try await claim(lane) {
            await JobWatch.run(job, orgID: org.orgID, log: log) { await run(job) }
            _ = try await OutboxDispatcher(site: site, orgs: [org]).run()
            ran += 1
        }
        return ran
    }

    private func claim(_ lane: JobLane?) async throws -> Job? {
        let (business, system) = (site.clocks.businessNowMs(), site.clocks.systemNowMs())
        return try await site.money.write { [holder, scope, site] transaction in
            try JobStore.claim(
                lane, runID: site.ids.next(), businessNowMs: business, systemNowMs: system, holder: holder, scope,
                in: transaction)
        }
    }

    /// One row for each job that comes round; a row a day for daily ones, none left out after downtime.
    func plan() async throws {
        let nowMs = site.clocks.businessNowMs()
        try await site.money.write { [scope, schedule, site, org] transaction in
            let today = org.zone.day(atS: nowMs / 1000)
            let schedule = try schedule.asSet(on: today, scope, in: transaction)
            // The first estimate may be of a day long past; what is read must come before it also then.
            let earliest = today.advanced(by: -Self.firstEstimateDays)
            for kind in JobKind.allCases where !kind.isDaily {
                try JobStore.add(
                    kind, key: Job.roundKey, runAtMs: org.zone.startS(of: earliest) * 1000, jobID: site.ids.next(),
                    scope,
                    in: transaction)
            }
            try JobStore.bringForward(schedule, org.zone, scope, in: transaction)
            if try !WhatIf.isAnyOpen(scope, in: transaction) { try passOver(.whatIf) }
            if try !RatingRun.isAnyOpen(scope, in: transaction) { try passOver(.rerun) }
            func passOver(_ kind: JobKind) throws {
                try JobStore.passOver(
                    kind, nowMs: nowMs, nextRunAtMs: schedule.nextRunMs(kind, afterMs: nowMs, org.zone), scope,
                    in: transaction)
            }
            let last = try JobStore.lastKey(.estimate, scope, in: transaction).flatMap { CivilDay($0) }
            guard let opened = try Installation.firstCalledDay(scope, in: transaction) else { return }
            var day = max(last?.advanced(by: 1) ?? earliest, opened)
            while day < today {
                let dueMs = schedule.estimateMs(of: day, org.zone)
                guard dueMs <= nowMs else { break }
                try JobStore.add(
                    .estimate, key: day.description, runAtMs: dueMs, jobID: site.ids.next(), scope, in: transaction)
                day = day.advanced(by: 1)
            }
            for kind in JobKind.allCases where kind.runsByDay {
                try JobStore.prune(kind, before: today.advanced(by: -60).description, scope, in: transaction)
            }
        }
    }

    /// Runs one job under its lease. A failure is noted in the row and in the log; it never stops the line.
    private func run(_ job: Job) async {
        let done = Progress()
        do {
            let result = try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask { try await handle(job, done) }
                group.addTask { try await keep(job, done) }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            let end = ending(.done, doneCount: await done.count, result: result)
            try await site.money.write { [scope, holder, schedule, org] transaction in
                let today = org.zone.day(atS: end.businessNowMs / 1000)
                let schedule = try schedule.asSet(on: today, scope, in: transaction)
                let nextMs = schedule.nextRunMs(job.kind, afterMs: end.businessNowMs, org.zone)
                try JobStore.finish(
                    job, holder: holder, end, nextRunAtMs: job.comesRound ? nextMs : nil, scope, in: transaction)
            }
        } catch {
            JobWatch.failed(error)
            log.error(
                "job failed", metadata: ["job": "\(job.kind.rawValue)", "key": "\(job.key)", "error": "\(error)"])
            let end = ending(
                error is CancellationError ? .stopped : .failed, doneCount: await done.count,
                error: String(describing: error))
            do {
                try await site.money.write { [scope, holder] transaction in
                    try JobStore.fail(job, holder: holder, end, scope, in: transaction)
                }
            } catch {
                log.error("job failure could not be noted; its lease will run out", metadata: ["error": "\(error)"])
            }
        }
    }

    private func ending(
        _ state: JobRun.State, doneCount: Int, result: String? = nil, error: String? = nil
    ) -> JobRun.End {
        JobRun.End(
            state: state, doneCount: doneCount, result: result, error: error,
            businessNowMs: site.clocks.businessNowMs(), systemNowMs: site.clocks.systemNowMs())
    }

    /// Keeps the lease, and shows how far the job has come when it has come further. Ends by being cancelled, or by
    /// throwing when the lease was lost.
    private func keep(_ job: Job, _ done: Progress) async throws -> String? {
        var shown = 0
        var looks = 0
        while true {
            try await Task.sleep(for: .milliseconds(Self.lookMs))
            looks += 1
            let count = await done.count
            guard count != shown || Int64(looks) * Self.lookMs >= JobStore.leaseMs / 3 else { continue }
            (shown, looks) = (count, 0)
            let systemNowMs = site.clocks.systemNowMs()
            let kept = try await site.money.write { [holder, scope] transaction in
                try JobStore.renew(
                    job, doneCount: count, holder: holder, systemNowMs: systemNowMs, scope, in: transaction)
            }
            guard kept else { throw SQLError(.busy, "the lease of job \(job.kind.rawValue) was taken over") }
        }
    }

    private func handle(_ job: Job, _ done: Progress) async throws -> String {
        switch job.kind {
        case .collect:
            let (read, failed) = try await Collector(
                site: site, org: org, transport: transport, vault: vault, rules: collection, gates: gates
            ).run { await done.set($0) }
            await done.set(read)
            return "\(read) read, \(failed) not"
        case .validate:
            return try await validate(done)
        case .estimate:
            return try await estimate(job, done)
        case .fill:
            return try await fill(done)
        case .rate:
            let rater = Rater(site: site, org: org)
            let made =
                if let day = CivilDay(job.key) {
                    try await rater.run(day: day) { await done.set($0) }
                } else {
                    try await rater.run { await done.set($0) }
                }
            await done.set(made)
            let aside = try await site.money.read { [scope] in try RatingRefusal.count(scope, in: $0) }
            return aside == 0 ? "\(made) charges" : "\(made) charges, \(aside) days cannot be priced"
        case .supply:
            return try await lookAgain(done)
        case .command:
            return try await carryOutOrders(done)
        case .ping:
            let (alive, silent) = try await LivenessPoller(site: site, org: org, transport: transport, gates: gates)
                .run { await done.set($0) }
            return "\(alive) alive, \(silent) silent"
        case .outages:
            let found = try await OutageKeeper(site: site, org: org).run { await done.set($0) }
            return "\(found.changed) outages looked at, \(found.told) told, \(found.cases) cases judged"
        case .tidy:
            let answers = try await RawKeeping.tidy(site, org) { await done.set($0) }
            let months = try await MonthKeeper(site: site, org: org).run { await done.set(answers + $0) }
            return "\(answers) raw answers deleted" + (months > 0 ? ", \(months) months compacted" : "")
        case .aggregate:
            return "\(try await Aggregator(site: site, org: org).run { await done.set($0) }) sums of days changed"
        case .regroup:
            let made = try await Aggregator(site: site, org: org).regroup(days: Self.regroupDays) { await done.set($0) }
            return "\(made) days counted anew"
        case .forecast:
            let found = try await Forecaster(site: site, org: org).run { await done.set($0) }
            let days = found.issued.map(\.description).joined(separator: ", ")
            return (days.isEmpty ? "nothing due" : "\(days) issued, \(found.made) forecasts")
                + (found.judged > 0 ? ", \(found.judged) days judged" : "")
        case .payments, .arrears, .whatIf, .slabWarnings, .rerun, .project, .publish, .close, .subscriptions:
            return try await handleMoney(job.kind, done)
        case .keys:
            let (changed, open) = try await KeyRotator(
                site: site, org: org, transport: transport, vault: vault, rules: collection, gates: gates,
                holder: holder
            ).run { await done.set($0) }
            await done.set(changed)
            return "\(changed) changed, \(open) open"
        }
    }

    /// What came is checked and stored, and what was stored is judged again where outages were told since.
    private func validate(_ done: Progress) async throws -> String {
        let finished = try await VEEWork(site: site, org: org).finishAll()
        let made = try await takeRaw(done)
        let again = try await Revalidation(site: site, org: org).afterOutages()
        if let trouble = again.trouble {
            log.error(
                "days could not be judged anew after outages; the next run tries again",
                metadata: ["meters": "\(again.metersAside)", "first": "\(trouble)"])
        }
        return "\(made) versions" + (finished > 0 ? ", \(finished) wishes about exceptions finished" : "")
            + (again.changed > 0 ? ", \(again.changed) days judged anew after outages" : "")
            + (again.metersAside > 0 ? ", \(again.metersAside) meters could not be judged anew" : "")
    }

    /// Fills the gaps of a day. The latest day looks also at the days before it: whose meter was entered late has not
    /// had its turn.
    private func estimate(_ job: Job, _ done: Progress) async throws -> String {
        guard let day = CivilDay(job.key) else { throw SQLError(.decode, "job key \(job.key) is no day") }
        let estimator = Estimator(site: site, org: org, sources: .of(site, org))
        let yesterday = org.zone.day(atS: site.clocks.businessNowMs() / 1000).advanced(by: -1)
        let late = day == yesterday ? try await estimator.lookBack(before: day, days: collection.backDays) : 0
        await done.set(late)
        let (filled, open) = try await estimator.run(day: day)
        await done.set(late + filled)
        return "\(filled) filled, \(open) not estimable" + (late > 0 ? ", \(late) of earlier days" : "")
    }

    /// Carries on with edits that a stop left behind, and looks again at the days whose estimate has run: a file or a
    /// meter entered late may have left gaps, or brought what fills them.
    private func fill(_ done: Progress) async throws -> String {
        let edits = try await EditApplier(site: site, org: org).run()
        await done.set(edits)
        let last = try await site.money.read { [scope] in try JobStore.lastEstimated(scope, in: $0) }
        guard let last else { return "\(edits) edits, nothing to fill" }
        let filled = try await Estimator(site: site, org: org, sources: .of(site, org))
            .lookBack(before: last.advanced(by: 1), days: collection.backDays)
        await done.set(edits + filled)
        return "\(edits) edits, \(filled) filled"
    }

    /// HeadEnd → MeterData by cursor: raw reads become versions of day blocks, work and cursor in one transaction.
    private func takeRaw(_ done: Progress) async throws -> Int {
        var made = 0
        for month in try await site.readings.monthsInReach() {
            let shard = try await site.readings.shard(month)
            while true {
                try Task.checkCancellation()
                let reads = try await shard.read { [org] transaction in
                    let cursor = try ChangeStream.rawRead.cursor(
                        of: Self.rawConsumer, orgID: org.orgID, month: month, in: transaction)
                    return try RawRead.after(
                        change: cursor, month: month, limit: Self.rawChunk, orgID: org.orgID, in: transaction)
                }
                guard let last = reads.last else { break }
                let prepared = try await prepare(reads)
                made += try await shard.write { [org] transaction in
                    var count = 0
                    for (incoming, context) in prepared {
                        if try Ingest.apply(incoming, context, orgID: org.orgID, in: transaction) != nil { count += 1 }
                    }
                    try ChangeStream.rawRead.advance(
                        Self.rawConsumer, to: last.change, orgID: org.orgID, month: month, in: transaction)
                    try RawRead.acknowledge(
                        throughChange: last.change, month: month, orgID: org.orgID, in: transaction)
                    return count
                }
                await done.set(made)
            }
        }
        return made
    }

    /// What Ingest needs beside the raw read: the meter, its sanctioned load and rules, the days before, and what its
    /// events say of supply and tampering.
    private func prepare(_ reads: [RawRead]) async throws -> [(IncomingDay, IngestContext)] {
        let nowMs = site.clocks.businessNowMs()
        let book = try await site.money.read { [org] in try RuleBook.load(orgID: org.orgID, in: $0) }
        var prepared: [(IncomingDay, IngestContext)] = []
        for raw in reads {
            let startS = org.zone.startS(of: raw.day)
            let (meter, traits, outages) = try await site.money.read { [scope, org] transaction in
                (
                    try Meter.find(raw.meterID, scope, in: transaction),
                    try MeterTraits.of([raw.meterID], on: raw.day, scope, in: transaction)[raw.meterID],
                    try RecordedOutages.of(
                        meterID: raw.meterID, from: raw.day, to: raw.day, zone: org.zone, nowMs: nowMs, scope,
                        in: transaction)
                )
            }
            let rules = book.rules(for: traits, on: raw.day)
            let history = try await History.of(
                meterID: raw.meterID, before: raw.day, days: rules.historyDays, site: site, orgID: org.orgID)
            let around = try await site.readings.shard(raw.day.month).read { [org] transaction in
                try MeterEvents.around(
                    meterID: raw.meterID, day: raw.day, zone: org.zone, orgID: org.orgID, in: transaction)
            }
            var incoming = incoming(raw, meter)
            // The meter's own log of the day; what pushes, other days and the feeder told stands in the records.
            incoming.outages = darkSlots(
                around.supply, startS: startS, periodS: meter.capturePeriodS, slots: incoming.values.count)
            incoming.tamperEvents = around.tampers
            incoming.isDisconnected = try await wasOff(raw, rules)
            prepared.append(
                (
                    incoming,
                    IngestContext(
                        sanctionedW: traits?.sanctionedW ?? 0, periodS: meter.capturePeriodS, history: history,
                        rules: rules, outages: outages, madeBy: "read", nowMs: nowMs)
                ))
        }
        return prepared
    }

    /// Whether the relay was open over the whole day; asked only for the rule that wants to know.
    private func wasOff(_ raw: RawRead, _ rules: ValidationRules) async throws -> Bool {
        guard rules.unchangedMeter != nil else { return false }
        let (fromMs, toMs) = (org.zone.startS(of: raw.day) * 1000, org.zone.startS(of: raw.day.advanced(by: 1)) * 1000)
        let changes = try await site.money.read { [scope] in
            try RelayRecord.changes(meterID: raw.meterID, sinceMs: fromMs, scope, in: $0)
        }.filter { $0.side == "actual" }
        let before = changes.last { $0.atMs <= fromMs }
        return before?.state != nil && before?.state != "closed"
            && !changes.contains { $0.atMs > fromMs && $0.atMs < toMs }
    }

    /// End stamps become slots: an interval that ends at 00:00 belongs to the day before.
    private func incoming(_ raw: RawRead, _ meter: Meter) -> IncomingDay {
        let startS = org.zone.startS(of: raw.day)
        var values = [Int32?](repeating: nil, count: org.zone.slotCount(of: raw.day, periodS: meter.capturePeriodS))
        var stray = 0
        for row in raw.rows {
            let offsetS = row.endS - startS
            let slot = Int(offsetS / meter.capturePeriodS) - 1
            if offsetS % meter.capturePeriodS == 0, values.indices.contains(slot) {
                values[slot] = row.importWh
            } else {
                stray += 1
            }
        }
        return IncomingDay(
            day: raw.day, meterID: raw.meterID, batchID: raw.batchID, values: values,
            registerStartWh: raw.registerStartWh,
            registerEndWh: raw.registerEndWh.map { $0 + (raw.registerWrapWh ?? 0) }, clockDriftS: raw.clockDriftS,
            strayStamps: stray)
    }
}

/// How far a running job has come.
actor Progress {
    private(set) var count = 0
    func set(_ value: Int) { count = value }
}
