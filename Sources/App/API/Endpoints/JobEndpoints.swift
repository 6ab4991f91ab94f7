// Jobs: what runs by itself, its runs, and what a person may do with it; what was given up, tried again or set aside.
import Access
import CivilTime
import HeadEnd
import Jobs

struct JobStandingView: APIModel {
    var kind: JobKind
    var state: JobStanding.State
    var everyMinutes: Int64?
    var atMinute: Int64?
    var nextRunMs: Int64?
    var pausedFor: String?
    var waitingDays: Int
    var failedDays: Int
    var lastError: String?
    var lastRun: JobRunView?
    static let notes: [String: Note] = [
        "kind": Note("Which job."), "state": Note("Where it stands; failing jobs are tried again or need a person."),
        "everyMinutes": Note("Minutes between two runs."),
        "atMinute": Note("For the daily job: minute of the day after."),
        "nextRunMs": Note("Due at, business time; absent while it runs."),
        "pausedFor": Note("Why somebody paused it."), "waitingDays": Note("Days that wait for their turn."),
        "failedDays": Note("Days that were given up."), "lastError": Note("What went wrong, until it goes well again."),
        "lastRun": Note("The latest run that is over."),
    ]

    init(_ standing: JobStanding) {
        (kind, state, nextRunMs) = (standing.kind, standing.state, standing.nextRunMs)
        everyMinutes = standing.kind.isDaily ? nil : standing.minutes
        atMinute = standing.kind.isDaily ? standing.minutes : nil
        pausedFor = standing.pause?.reason
        (waitingDays, failedDays) = (standing.waitingDays, standing.failedDays)
        lastError = standing.lastError
        lastRun = standing.lastRun.map { JobRunView($0) }
    }

    private init() {
        (kind, state, everyMinutes, nextRunMs) = (.rate, .waiting, 30, 1_795_249_800_000)
        (waitingDays, failedDays, lastRun) = (0, 0, .example)
    }
    static let example = JobStandingView()
}

struct JobListView: APIModel {
    var items: [JobView]
    var standings: [JobStandingView]
    static let notes: [String: Note] = [
        "items": Note("What is planned: rows that come round, and days that wait, run or failed."),
        "standings": Note("Every job with its schedule, state and last run, in the order of the line."),
    ]
}

struct JobRunView: APIModel {
    var runID: ID
    var kind: JobKind
    var key: String
    var state: JobRun.State
    var startedAtMs: Int64
    var endedAtMs: Int64?
    var durationMs: Int64?
    var doneCount: Int64
    var result: String?
    var error: String?
    var holder: String
    var askedBy: ID?
    static let notes: [String: Note] = [
        "runID": Note("The run."), "kind": Note("Which job."), "key": Note("`every`, or the day it was for."),
        "state": Note("lost: its process is gone; stopped: its process was asked to end."),
        "startedAtMs": Note("Business time."), "endedAtMs": Note("Business time."),
        "durationMs": Note("What really passed, system time."), "doneCount": Note("How far it came."),
        "result": Note("What it did."), "error": Note("Why it failed."), "holder": Note("The process that ran it."),
        "askedBy": Note("The login that asked for it; absent when it was due or asked for on the command line."),
    ]

    init(_ run: JobRun) {
        (runID, kind, key, state) = (ID(run.runID), run.kind, run.key, run.state)
        (startedAtMs, endedAtMs, durationMs, doneCount) = (
            run.startedAtMs, run.endedAtMs, run.durationMs, run.doneCount
        )
        (result, error, holder) = (run.result, run.error, run.holder)
        askedBy = run.askedBy.flatMap { $0 > 0 ? ID($0) : nil }
    }

    private init() {
        (runID, kind, key, state) = (ID(4711), .rate, "every", .done)
        (startedAtMs, endedAtMs, durationMs, doneCount) = (1_795_248_000_000, 1_795_248_001_250, 1250, 50)
        (result, holder) = ("50 charges", "server-1")
    }
    static let example = JobRunView()
}

struct JobRunQuery: APIModel {
    var kind: JobKind
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "kind": Note("Which job."), "before": Note("Only older runs than this one; the `next` of the part before."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct JobRunListView: APIModel {
    var items: [JobRunView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first."), "next": Note("Send it as `before` to go on; absent at the end."),
    ]
}

struct JobPath: APIModel {
    var kind: JobKind
    static let notes: [String: Note] = ["kind": Note("Which job.")]
}

struct JobPauseInput: APIModel {
    var kind: JobKind
    var reason: String
    static let notes: [String: Note] = [
        "kind": Note("Which job."), "reason": Note("Why; shown with the job.", length: 3...200),
    ]
}

struct JobDays: APIModel {
    var kind: JobKind
    var from: Day
    var to: Day
    static let notes: [String: Note] = [
        "kind": Note("estimate or rate; no other job is for a day."), "from": Note("The first day."),
        "to": Note("The last day; it must be over. At most 62 days."),
    ]
}

struct JobsAskedView: APIModel {
    var jobs: Int
    static let notes: [String: Note] = ["jobs": Note("How many were touched.")]
}

struct MendPath: APIModel {
    var kind: MendableKind
    var itemID: ID
    static let notes: [String: Note] = [
        "kind": Note("As in the list of exceptions."), "itemID": Note("The `itemID` of the exception."),
    ]
}

struct AsideInput: APIModel {
    var kind: MendableKind
    var itemID: ID
    var reason: String
    static let notes: [String: Note] = [
        "kind": Note("As in the list of exceptions."), "itemID": Note("The `itemID` of the exception."),
        "reason": Note("Why nothing more is to be done.", length: 3...200),
    ]
}

extension Mend {
    fileprivate func perform(_ context: EndpointContext) async throws {
        try await perform(
            context.services.site, as: context.actor, source: "http \(context.call.remoteAddress)")
    }
}

extension EndpointContext {
    fileprivate func asked<C: Command>(_ command: C, why: String = "") async throws -> JobsAskedView
    where C.Output == JobsAsked {
        JobsAskedView(jobs: try await perform(command, why: why).jobs)
    }
}

extension Endpoints {
    static let jobs: [AnyEndpoint] = jobLists + jobActions + mending

    private static let jobLists: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, JobListView>(
                "jobs.list", "GET", "/api/v1/jobs", access: .permission([.readMeters, .runJobs]),
                EndpointText(
                    "List jobs",
                    "What runs by itself: schedule, state, last run. Refused to who is confined to a place."),
                outputExample: JobListView(items: [.example], standings: [.example]),
                run: { _, context in
                    let report = try await JobsReport.of(context.services.site, runs: 2, context.actor.scope)
                    return JobListView(
                        items: report.standings.flatMap(\.rows).map { JobView($0) },
                        standings: report.standings.map { JobStandingView($0) })
                })),
        AnyEndpoint(
            Endpoint<JobRunQuery, JobRunListView>(
                "jobs.runs", "GET", "/api/v1/jobs/{kind}/runs", access: .permission([.readMeters, .runJobs]),
                EndpointText("Runs of a job", "The last 500 of at most 60 days. Empty for who is confined to a place."),
                example: JobRunQuery(kind: .rate, limit: 50), outputExample: JobRunListView(items: [.example]),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let runs = try await context.read { transaction, scope in
                        try JobRun.latest(
                            input.kind, before: input.before?.value, limit: limit + 1, scope, in: transaction)
                    }
                    let items = runs.prefix(limit).map { JobRunView($0) }
                    return JobRunListView(items: items, next: runs.count > limit ? items.last?.runID : nil)
                })),
    ]

    private static let jobActions: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<JobPath, JobsAskedView>(
                "jobs.run", "POST", "/api/v1/jobs/{kind}/run", access: .permission([.runJobs]),
                EndpointText("Run a job now", "Makes it due; a serving process starts it within seconds."),
                example: JobPath(kind: .collect), outputExample: JobsAskedView(jobs: 1), problems: [.conflict],
                run: { input, context in try await context.asked(RunJob(kind: input.kind)) })),
        AnyEndpoint(
            Endpoint<JobPauseInput, JobsAskedView>(
                "jobs.pause", "POST", "/api/v1/jobs/{kind}/pause", access: .permission([.runJobs]),
                EndpointText(
                    "Pause a job",
                    "It does not start until it is resumed, also after a restart. A run that goes on ends."),
                example: JobPauseInput(kind: .collect, reason: "The network is being moved"),
                outputExample: JobsAskedView(jobs: 1),
                run: { input, context in
                    try await context.asked(PauseJob(kind: input.kind, reason: input.reason), why: input.reason)
                })),
        AnyEndpoint(
            Endpoint<JobPath, JobsAskedView>(
                "jobs.resume", "POST", "/api/v1/jobs/{kind}/resume", access: .permission([.runJobs]),
                EndpointText("Resume a job", "What is overdue starts at once."),
                example: JobPath(kind: .collect), outputExample: JobsAskedView(jobs: 1),
                run: { input, context in try await context.asked(ResumeJob(kind: input.kind)) })),
        AnyEndpoint(
            Endpoint<JobDays, JobsAskedView>(
                "jobs.rerun-days", "POST", "/api/v1/jobs/{kind}/days", access: .permission([.runJobs]),
                EndpointText(
                    "Run days again", "Estimates or prices days once more; what comes out the same changes nothing."),
                example: JobDays(
                    kind: .rate, from: Day(CivilDay(number: 20_770)), to: Day(CivilDay(number: 20_772))),
                outputExample: JobsAskedView(jobs: 3), problems: [.conflict],
                run: { input, context in
                    try await context.asked(RerunDays(kind: input.kind, from: input.from.value, to: input.to.value))
                })),
        AnyEndpoint(
            Endpoint<Nothing, JobsAskedView>(
                "jobs.catch-up", "POST", "/api/v1/jobs-catch-up", access: .permission([.runJobs]),
                EndpointText("Catch up", "Runs all that waits or was given up, in the order of the line, now."),
                outputExample: JobsAskedView(jobs: 9),
                run: { _, context in try await context.asked(CatchUp()) })),
    ]

    private static let mending: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<MendPath, JobsAskedView>(
                "exceptions.retry", "POST", "/api/v1/exceptions/{kind}/{itemID}/retry",
                access: .permission([.runJobs, .commandMeters]),
                EndpointText("Try again", "Tries again a job, an event or an order to a meter that was given up."),
                example: MendPath(kind: .jobFailed, itemID: ID(4711)), outputExample: JobsAskedView(jobs: 1),
                problems: [.notFound, .conflict],
                run: { input, context in
                    try await Mend(kind: input.kind, itemID: input.itemID.value).perform(context)
                    return JobsAskedView(jobs: 1)
                })),
        AnyEndpoint(
            Endpoint<AsideInput, JobsAskedView>(
                "exceptions.set-aside", "POST", "/api/v1/exceptions/{kind}/{itemID}/set-aside",
                access: .permission([.runJobs, .commandMeters]),
                EndpointText("Set aside", "Takes it off the list with a reason. Nothing is deleted."),
                example: AsideInput(kind: .eventFailed, itemID: ID(4711), reason: "Told the consumer by telephone"),
                outputExample: JobsAskedView(jobs: 1), problems: [.notFound, .conflict],
                run: { input, context in
                    try await Mend(kind: input.kind, itemID: input.itemID.value, aside: input.reason).perform(context)
                    return JobsAskedView(jobs: 1)
                })),
    ]
}
