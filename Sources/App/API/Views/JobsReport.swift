// What runs by itself, as pages and the API show it: schedule, state, last run, what waits, and the runs before.
import Access
import CivilTime
import Clocks
import Jobs
import SQL

/// One kind of job.
public struct JobStanding: Sendable {
    public enum State: String, Sendable, Codable, CaseIterable { case waiting, running, late, failing, paused }
    public var kind: JobKind
    /// Minutes between two runs, or for a daily job the minute of the day after.
    public var minutes: Int64
    public var nextRunMs: Int64?
    /// Its rows: the one that comes round, and days that wait, run or failed.
    public var rows: [Job]
    public var pause: JobPause?
    /// Newest first.
    public var runs: [JobRun]
    var nowMs: Int64

    /// An hour past its time a job is late.
    static let lateMs: Int64 = 3_600_000

    public var running: Job? { rows.first { $0.state == .running } }
    /// The latest run that is over.
    public var lastRun: JobRun? { runs.first { $0.state != .running } }
    public var waitingDays: Int { rows.count { !$0.comesRound && $0.state == .waiting } }
    public var failedDays: Int { rows.count { $0.state == .failed } }
    public var lastError: String? { rows.compactMap { $0.state == .done ? nil : $0.lastError }.first }

    public var state: State {
        if running != nil { return .running }
        if pause != nil { return .paused }
        if failedDays > 0 || lastError != nil { return .failing }
        return nextRunMs.map { $0 < nowMs - Self.lateMs } == true ? .late : .waiting
    }
}

public struct JobsReport: Sendable {
    public var standings: [JobStanding]
    public var nowMs: Int64
    public var zone: Zone
    /// Names of those who asked for runs or paused jobs.
    public var people: [Int64: String]

    /// - Parameter runs: how many runs of each kind, at most ``JobRun/keptMax``.
    /// - Throws: ``Refusal`` `forbidden` for who is confined to a place: jobs are the company's.
    public static func of(_ site: Site, runs: Int, _ scope: Scope) async throws -> JobsReport {
        guard scope.isWholeCompany else {
            throw Refusal(
                .forbidden, "Jobs are a matter of the whole company.",
                hint: "Ask an administrator who is not confined to a place.")
        }
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            let zone = try Org.find(scope.orgID, in: transaction).zone
            let schedule = try LineSchedule.inForce(atMs: nowMs, zone, scope, in: transaction)
            let rows = Dictionary(grouping: try JobStore.overview(scope, in: transaction), by: \.kind)
            let pauses = try JobPause.all(scope, in: transaction)
            let standings = try JobKind.allCases.map { kind in
                let mine = rows[kind] ?? []
                let waiting = mine.filter { $0.state == .waiting }.map(\.runAtMs).min()
                return JobStanding(
                    kind: kind,
                    minutes: kind.isDaily ? schedule.estimateAtMinute : schedule.everyMinutes[kind] ?? 0,
                    nextRunMs: waiting ?? (kind.isDaily ? schedule.nextRunMs(kind, afterMs: nowMs, zone) : nil),
                    rows: mine, pause: pauses.first { $0.kind == kind },
                    runs: try JobRun.latest(kind, limit: runs, scope, in: transaction), nowMs: nowMs)
            }
            let known = standings.flatMap(\.runs).compactMap(\.askedBy) + pauses.map(\.loginID)
            var people: [Int64: String] = [:]
            for loginID in Set(known) where loginID > 0 {
                people[loginID] = (try? Logins.find(loginID, scope, in: transaction))?.username
            }
            return JobsReport(standings: standings, nowMs: nowMs, zone: zone, people: people)
        }
    }
}
