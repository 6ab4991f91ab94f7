// `busbar job`: what runs by itself, from the server's own command line: on a stopped installation, or beside a server
// on PostgreSQL. Writes what the line finds; runs nothing itself.
import API
import Access
import CivilTime
import Clocks
import Jobs

private struct JobRow: Encodable {
    var kind: String
    var state: String
    var schedule: String
    var nextRunMs: Int64?
    var lastRunMs: Int64?
    var lastResult: String?
    var lastError: String?
    var pausedFor: String?
    var waitingDays: Int
    var failedDays: Int
}

public struct JobOptions: Sendable {
    public var orgID: Int64?
    /// `collect`, `validate`, `estimate`, `rate`, `supply` or `command`.
    public var kind: String
    public init(orgID: Int64? = nil, kind: String) {
        self.orgID = orgID
        self.kind = kind
    }

    fileprivate func known() throws -> JobKind {
        guard let known = JobKind(rawValue: kind) else {
            throw Refusal(
                .invalid, "There is no job \(kind).",
                hint: "Known are \(JobKind.allCases.map(\.rawValue).joined(separator: ", ")).", at: "JOB")
        }
        return known
    }
}

public func listJobs(_ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let report = try await JobsReport.of(open.site, runs: 2, Scope(orgID: org.orgID))
        let rows = report.standings.map { standing in
            let minutes = standing.minutes
            let clock = "\(minutes / 60):" + (minutes % 60 < 10 ? "0" : "") + "\(minutes % 60)"
            let run = standing.lastRun
            return JobRow(
                kind: standing.kind.rawValue, state: standing.state.rawValue,
                schedule: standing.kind.isDaily ? "daily at \(clock)" : "every \(minutes) min",
                nextRunMs: standing.nextRunMs, lastRunMs: run?.startedAtMs, lastResult: run?.result,
                lastError: standing.lastError, pausedFor: standing.pause?.reason, waitingDays: standing.waitingDays,
                failedDays: standing.failedDays)
        }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        func stamp(_ ms: Int64?) -> String {
            guard let ms else { return "-" }
            let civil = report.zone.civil(atS: ms / 1000)
            let minute = civil.secondOfDay / 60
            return "\(civil.day) \(minute / 600)\(minute / 60 % 10):\(minute % 60 / 10)\(minute % 10)"
        }
        let head = ["job", "state", "when", "last", "next", "result"]
        let cells = rows.map { row in
            [
                row.kind, row.state, row.schedule, stamp(row.lastRunMs), stamp(row.nextRunMs),
                row.pausedFor.map { "paused: \($0)" } ?? row.lastError ?? row.lastResult ?? "-",
            ]
        }
        for line in table([head] + cells) { console.say(line) }
        return .done
    }
}

/// Makes a job due now, or some days of it.
public func askForJob(
    _ site: SiteOptions, _ options: JobOptions, from: String?, to: String?, _ console: Console
) async throws -> CommandStatus {
    let kind = try options.known()
    return try await perform(site, options, console) { actor, open in
        guard let from = from ?? to else {
            _ = try await open.site.perform(RunJob(kind: kind), as: actor, source: "cli")
            return "\(kind.rawValue) is due now; a serving process runs it, otherwise the next start does."
        }
        let command = RerunDays(kind: kind, from: try day(from, "--from"), to: try day(to ?? from, "--to"))
        let asked = try await open.site.perform(command, as: actor, source: "cli")
        return "\(kind.rawValue) of \(asked.jobs) days is due now; a serving process runs it, otherwise the next start."
    }
}

public func pauseJob(
    _ site: SiteOptions, _ options: JobOptions, reason: String, _ console: Console
) async throws -> CommandStatus {
    let command = try PauseJob(kind: options.known(), reason: reason)
    return try await perform(site, options, console) { actor, open in
        _ = try await open.site.perform(command, as: actor, source: "cli", why: reason)
        return "\(command.kind.rawValue) is paused until `busbar job resume \(command.kind.rawValue)`."
    }
}

public func resumeJob(_ site: SiteOptions, _ options: JobOptions, _ console: Console) async throws -> CommandStatus {
    let kind = try options.known()
    return try await perform(site, options, console) { actor, open in
        let resumed = try await open.site.perform(ResumeJob(kind: kind), as: actor, source: "cli")
        return resumed.jobs > 0 ? "\(kind.rawValue) runs again." : "\(kind.rawValue) was not paused."
    }
}

private func perform(
    _ site: SiteOptions, _ options: JobOptions, _ console: Console,
    _ body: @Sendable (Actor, OpenSite) async throws -> String
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(options.orgID)
        console.note(try await body(.system(orgID: org.orgID), open))
        return .done
    }
}

private func day(_ text: String, _ option: String) throws -> CivilDay {
    guard let day = CivilDay(text) else {
        throw Refusal(.invalid, "\(text) is no day.", hint: "Write it as 2026-11-30.", at: option)
    }
    return day
}
