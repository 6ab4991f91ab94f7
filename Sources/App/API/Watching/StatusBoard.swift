// What /status, /line and the figures for Prometheus share: samples of each company, taken by a service every half
// minute, or by the first who asks when nobody takes them. No page makes the company be counted anew.
import Access
import CivilTime
import Clocks
import HeadEnd
import Jobs
import SQL
import Synchronization
import Watch

public final class StatusBoard: Sendable {
    /// A sample older than this is taken anew by who asks.
    static let ageMaxNs: Int64 = 90_000_000_000

    let site: Site
    private let setFacts = Mutex(SiteFacts())
    private let lines = ReportCache<LineReport>()
    private let companies = CompanySamples()

    init(site: Site) { self.site = site }

    public var facts: SiteFacts {
        get { setFacts.withLock { $0 } }
        set { setFacts.withLock { $0 = newValue } }
    }

    /// The line of the scope, a moment old where counting it takes long.
    public func line(_ scope: Scope) async throws -> LineReport {
        let places = scope.placeIDs.map { $0.map(String.init).joined(separator: ",") } ?? "*"
        return try await lines.value("\(scope.orgID)|\(places)") { [site] in try await LineReport.of(site, scope) }
    }

    /// What is known of the company, at most a minute and a half old.
    public func company(_ orgID: Int64) async throws -> CompanyFigures {
        try await companies.figures(orgID, ageMaxNs: Self.ageMaxNs, site)
    }

    /// Takes a sample of the company and publishes its figures. Called by the sampling service.
    public func sample(_ orgID: Int64) async throws {
        let startNs = Stopwatch.nowNs()
        let figures = try await companies.figures(orgID, ageMaxNs: 0, site)
        let line = try await self.line(Scope(orgID: orgID))
        publish(figures, line, orgID)
        let report = try await StatusReport.of(self, Actor.system(orgID: orgID))
        let company = "\(orgID)"
        for state in StatusState.allCases {
            Metric.statusRows.set(Int64(report.rows.count { $0.state == state }), [company, state.rawValue])
        }
        Metric.sampleTime.set(Double(site.clocks.systemNowMs()) / 1000, [company])
        Metric.sampleDuration.set(Double(Stopwatch.nowNs() - startNs) / 1e9, [company])
    }

    /// Figures of the installation. Called by the sampling service.
    public func sampleSite() async {
        let facts = facts
        Metric.databaseInfo.set(Int64(1), [site.money.engine.rawValue])
        for (store, bytes) in await facts.sizes() { Metric.databaseSize.set(bytes, [store]) }
        if let free = facts.freeBytes() { Metric.diskFree.set(free) }
        let nowMs = site.clocks.systemNowMs()
        let backupMs = await facts.lastBackupAtMs()
        Metric.backupAge.set(backupMs.map { max(0, nowMs - $0) / 1000 } ?? -1)
    }

    private func publish(_ figures: CompanyFigures, _ line: LineReport, _ orgID: Int64) {
        let company = "\(orgID)"
        let nowMs = figures.takenAtMs
        for kind in JobKind.allCases {
            let jobs = figures.jobs.filter { $0.kind == kind }
            for state in [Job.State.waiting, .running, .failed] {
                Metric.jobs.set(
                    Int64(jobs.count { $0.state == state }), [company, kind.rawValue, state.rawValue])
            }
            let late = jobs.map { $0.lateMs(nowMs: nowMs) }.max() ?? 0
            Metric.jobLate.set(late / 1000, [company, kind.rawValue])
            let good = jobs.filter { $0.lastError == nil }.compactMap(\.endedAtMs).max()
            if let good { Metric.jobSuccessAge.set(max(0, nowMs - good) / 1000, [company, kind.rawValue]) }
        }
        Metric.outboxWaiting.set(figures.outbox.waiting, [company])
        Metric.outboxAge.set(figures.outbox.oldestAtMs.map { max(0, nowMs - $0) / 1000 } ?? 0, [company])
        Metric.outboxGivenUp.set(figures.outbox.givenUp, [company])
        Metric.rawWaiting.set(figures.rawWaiting, [company])
        Metric.rawOpenAge.set(figures.rawOpen.oldestAtMs.map { max(0, nowMs - $0) / 1000 } ?? 0, [company])
        for (clock, day) in figures.latestServiceDays {
            Metric.serviceShare.set(Double(day.sharePpm ?? 0) / 1e6, [company, clock.rawValue])
            Metric.serviceGoal.set(Double(day.goalPermille) / 1000, [company, clock.rawValue])
            Metric.serviceTotal.set(day.total, [company, clock.rawValue])
        }
        Metric.sessions.set(figures.sessions, [company])
        Metric.collectionLate.set(figures.lateness.lateMeterDays, [company])
        let oldestMs = figures.lateness.oldest.map { figures.zone.startS(of: $0.advanced(by: 1)) * 1000 }
        Metric.collectionOldest.set(oldestMs.map { max(0, nowMs - $0) / 1000 } ?? 0, [company])
        Metric.trialBalanceSum.set(figures.books.sumPaise, [company])
        Metric.trialBalanceUnbalanced.set(figures.books.unbalancedEntries, [company])
        Metric.trialBalanceMismatches.set(figures.books.mismatches, [company])
        let read = line.expected - line.silent
        for (station, count) in [
            ("expected", line.expected), ("read", read), ("validated", read - line.held),
            ("completed", read - line.held + line.estimated), ("priced", line.priced), ("charged", line.charged),
        ] {
            Metric.lineMeterDays.set(Int64(count), [company, station])
        }
        for kind in NeedKind.allCases {
            let count = line.needs.first { $0.kind == kind }?.count ?? 0
            Metric.needs.set(Int64(count), [company, kind.rawValue])
        }
    }
}

extension Job {
    /// Business milliseconds by which it is past its due time and has not begun; 0 when it is not. What comes round and
    /// never ran is not late: its due time only puts it before the rest (``Line``).
    func lateMs(nowMs: Int64) -> Int64 {
        state == .waiting && !(comesRound && endedAtMs == nil) ? max(0, nowMs - runAtMs) : 0
    }
}

/// The newest sample of each company; one is taken at a time.
private actor CompanySamples {
    private var samples: [Int64: (figures: CompanyFigures, takenNs: Int64)] = [:]
    private var taking: [Int64: Task<CompanyFigures, any Error>] = [:]

    func figures(_ orgID: Int64, ageMaxNs: Int64, _ site: Site) async throws -> CompanyFigures {
        if let sample = samples[orgID], Stopwatch.nowNs() - sample.takenNs < ageMaxNs { return sample.figures }
        if let task = taking[orgID] { return try await task.value }
        let before = samples[orgID]?.figures
        let task = Task { try await CompanyFigures.take(site, orgID: orgID, before: before) }
        taking[orgID] = task
        defer { taking[orgID] = nil }
        let figures = try await task.value
        samples[orgID] = (figures, Stopwatch.nowNs())
        return figures
    }
}
