// What a person may do with the jobs: run now, pause and resume, run days again, catch up, mend what failed. Audited
// like every command; they only write rows, which the line then finds.
import Access
import CivilTime
import Clocks
import Outbox
import SQL

/// How many rows a command made due.
public struct JobsAsked: Sendable, Codable, Equatable {
    public var jobs: Int
}

extension CommandContext {
    /// Jobs are the company's: who is confined to a place neither sees nor moves them.
    func requireWholeCompany() throws {
        guard actor.scope.isWholeCompany else {
            throw Refusal(
                .forbidden, "Jobs are a matter of the whole company.",
                hint: "Ask an administrator who is not confined to a place.")
        }
    }

    /// The latest day that is over.
    func yesterday(in transaction: any SQLTransaction) throws -> CivilDay {
        try Org.find(orgID, in: transaction).zone.day(atS: businessNowMs / 1000).advanced(by: -1)
    }
}

/// Runs a job now instead of at its time; the estimate of the day that is over last.
public struct RunJob: Command {
    public static let name = "jobs.run"
    public static let permissions: [Permission] = [.runJobs]
    public var kind: JobKind
    public init(kind: JobKind) { self.kind = kind }
    public var key: String? { nil }
    public var content: String { "job=\(kind.rawValue)" }
    public var subjectID: Int64 { 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        try context.requireWholeCompany()
        try JobPause.refusePaused([kind], context.actor.scope, in: transaction)
        let key = kind.isDaily ? try context.yesterday(in: transaction).description : Job.roundKey
        guard try JobStore.askFor(kind, key: key, jobID: context.ids.next(), context, in: transaction) else {
            throw Refusal(.conflict, "This job is running now.", hint: "Wait until it has ended.")
        }
        context.changed(.company, "job \(kind.rawValue)", from: nil, to: "due now")
        return JobsAsked(jobs: 1)
    }
}

/// Runs estimates or the pricing of some days again. What comes out the same changes nothing.
public struct RerunDays: Command {
    public static let name = "jobs.rerun-days"
    public static let permissions: [Permission] = [.runJobs]
    /// Days at once.
    public static let daysMax = 62
    public var kind: JobKind
    public var from: CivilDay
    public var to: CivilDay
    public init(kind: JobKind, from: CivilDay, to: CivilDay) {
        self.kind = kind
        self.from = from
        self.to = to
    }
    public var key: String? { nil }
    public var content: String { "job=\(kind.rawValue) from=\(from) to=\(to)" }
    public var subjectID: Int64 { 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        try context.requireWholeCompany()
        guard kind.runsByDay else {
            throw Refusal(
                .invalid, "Only estimate and rate run for a day.", hint: "Run \(kind.rawValue) now instead.",
                at: "kind")
        }
        let yesterday = try context.yesterday(in: transaction)
        guard from <= to else {
            throw Refusal(.invalid, "The days end before they begin.", hint: "Exchange the two.", at: "from")
        }
        guard to <= yesterday else {
            throw Refusal(
                .invalid, "Only days that are over can run again.", hint: "The latest is \(yesterday).", at: "to")
        }
        guard from.days(to: to) < Self.daysMax, from.days(to: yesterday) <= 3660 else {
            throw Refusal(
                .invalid, "Too many days, or too long ago.",
                hint: "At most \(Self.daysMax) days at once, of the last ten years.", at: "from")
        }
        try JobPause.refusePaused([kind], context.actor.scope, in: transaction)
        var asked = 0
        var day = from
        while day <= to {
            if try JobStore.askFor(
                kind, key: day.description, jobID: context.ids.next(), context, in: transaction)
            {
                asked += 1
            }
            day = day.advanced(by: 1)
        }
        if asked > 0 {
            context.changed(.company, "job \(kind.rawValue)", from: nil, to: "\(from) to \(to) due now")
        }
        return JobsAsked(jobs: asked)
    }
}

/// Runs all that was missed, in order, now: what comes round in the line, days that wait and days that were given up.
/// Days that have no row yet are planned by the line itself, none left out.
public struct CatchUp: Command {
    public static let name = "jobs.catch-up"
    public static let permissions: [Permission] = [.runJobs]
    public init() {}
    public var key: String? { nil }
    public var content: String { "all" }
    public var subjectID: Int64 { 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        try context.requireWholeCompany()
        let asked = try transaction.run(
            """
            UPDATE job SET state = 'waiting', attempt = 0, not_before_ms = 0, asked_by = $3,
              run_at_ms = CASE WHEN run_at_ms < $2 THEN run_at_ms ELSE $2 END
            WHERE org_id = $1 AND state IN ('waiting', 'failed')
              AND NOT EXISTS (SELECT 1 FROM job_pause p WHERE p.org_id = $1 AND p.kind = job.kind)
            """, [.int(context.orgID), .int(context.businessNowMs), .int(context.actor.loginID)])
        if asked > 0 { context.changed(.company, "jobs", from: nil, to: "\(asked) due now") }
        return JobsAsked(jobs: asked)
    }
}

/// Somebody's wish that a job does not start. Stands in the database, so it outlives every process.
public struct JobPause: Sendable, Equatable {
    public var kind: JobKind
    public var reason: String
    public var loginID: Int64
    public var atMs: Int64

    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [JobPause] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            "SELECT kind, reason, login_id, at_ms FROM job_pause WHERE org_id = $1 ORDER BY kind", [.int(scope.orgID)]
        ) { row -> JobPause? in
            guard let kind = JobKind(rawValue: try row.text(0)) else { return nil }
            return JobPause(kind: kind, reason: try row.text(1), loginID: try row.int(2), atMs: try row.int(3))
        }.compactMap { $0 }
    }

    static func refusePaused(
        _ kinds: Set<JobKind>, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        guard let pause = try all(scope, in: transaction).first(where: { kinds.contains($0.kind) }) else { return }
        throw Refusal(
            .conflict, "This job is paused: \(pause.reason)", hint: "Resume \(pause.kind.rawValue) first.")
    }
}

/// Keeps a job from starting until it is resumed. A run that has begun goes on to its end.
public struct PauseJob: Command {
    public static let name = "jobs.pause"
    public static let permissions: [Permission] = [.runJobs]
    public let kind: JobKind
    public let reason: String
    /// - Throws: ``Refusal`` without a reason.
    public init(kind: JobKind, reason: String) throws {
        self.kind = kind
        self.reason = try Reason.checked(reason)
    }
    public var key: String? { nil }
    public var content: String { "job=\(kind.rawValue) reason=\(reason)" }
    public var subjectID: Int64 { 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        try context.requireWholeCompany()
        let isPaused = try JobPause.all(context.actor.scope, in: transaction).contains { $0.kind == kind }
        try transaction.run(
            """
            INSERT INTO job_pause (org_id, kind, reason, login_id, at_ms) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (org_id, kind) DO UPDATE SET reason = excluded.reason
            """,
            [
                .int(context.orgID), .text(kind.rawValue), .text(reason), .int(context.actor.loginID),
                .int(context.businessNowMs),
            ])
        // The reason stands with the command.
        context.changed(.company, "job \(kind.rawValue) state", from: isPaused ? "paused" : "planned", to: "paused")
        return JobsAsked(jobs: 1)
    }
}

/// Lets a paused job start again; what is overdue starts at once. Resuming what is not paused changes nothing.
public struct ResumeJob: Command {
    public static let name = "jobs.resume"
    public static let permissions: [Permission] = [.runJobs]
    public var kind: JobKind
    public init(kind: JobKind) { self.kind = kind }
    public var key: String? { nil }
    public var content: String { "job=\(kind.rawValue)" }
    public var subjectID: Int64 { 0 }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        try context.requireWholeCompany()
        let resumed = try transaction.run(
            "DELETE FROM job_pause WHERE org_id = $1 AND kind = $2", [.int(context.orgID), .text(kind.rawValue)])
        if resumed > 0 {
            context.changed(.company, "job \(kind.rawValue) state", from: "paused", to: "planned")
        }
        return JobsAsked(jobs: resumed)
    }
}

/// Something of the line that failed for good and waits for a person.
public enum Mending: Sendable, Equatable {
    /// A job, by the id of its row.
    case job(Int64)
    /// An event that could not be delivered.
    case event(Int64)

    fileprivate var words: String {
        switch self {
        case .job(let id): "job=\(id)"
        case .event(let id): "event=\(id)"
        }
    }
    /// As a field of the trail.
    fileprivate var field: String {
        switch self {
        case .job(let id): "job \(id)"
        case .event(let id): "event \(id)"
        }
    }
    fileprivate var id: Int64 {
        switch self {
        case .job(let id), .event(let id): id
        }
    }
    fileprivate static let noEvent = Refusal(.notFound, "There is no such event that waits for a person.")
}

/// Tries again what was given up.
public struct RetryFailed: Command {
    public static let name = "jobs.retry-failed"
    public static let permissions: [Permission] = [.runJobs]
    public var what: Mending
    public init(_ what: Mending) { self.what = what }
    public var key: String? { nil }
    public var content: String { what.words }
    public var subjectID: Int64 { what.id }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        try context.requireWholeCompany()
        switch what {
        case .job(let jobID):
            let job = try JobStore.find(jobID, context.actor.scope, in: transaction)
            try JobPause.refusePaused([job.kind], context.actor.scope, in: transaction)
            _ = try JobStore.askFor(job.kind, key: job.key, jobID: context.ids.next(), context, in: transaction)
        case .event(let eventID):
            guard try Outbox.tryAgain(eventID, orgID: context.orgID, in: transaction) else { throw Mending.noEvent }
        }
        context.changed(.company, what.field, from: "failed", to: "due now")
        return JobsAsked(jobs: 1)
    }
}

/// Takes what was given up off the list for good, with a reason. Nothing is deleted.
public struct SetFailedAside: Command {
    public static let name = "jobs.set-aside"
    public static let permissions: [Permission] = [.runJobs]
    public let what: Mending
    public let reason: String
    /// - Throws: ``Refusal`` without a reason.
    public init(_ what: Mending, reason: String) throws {
        self.what = what
        self.reason = try Reason.checked(reason)
    }
    public var key: String? { nil }
    public var content: String { "\(what.words) reason=\(reason)" }
    public var subjectID: Int64 { what.id }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> JobsAsked {
        try context.requireWholeCompany()
        switch what {
        case .job(let jobID):
            let job = try JobStore.find(jobID, context.actor.scope, in: transaction)
            guard job.state == .failed else {
                throw Refusal(
                    .conflict, "This job comes round and will be tried again.",
                    hint: "Pause it, or mend what its error says.")
            }
            try transaction.run(
                "UPDATE job SET state = 'done', attempt = 0, result = $3 WHERE org_id = $1 AND job_id = $2",
                [.int(context.orgID), .int(jobID), .text("set aside: \(reason)")])
        case .event(let eventID):
            guard
                try Outbox.setAside(
                    eventID, why: reason, atMs: context.businessNowMs, orgID: context.orgID, in: transaction)
            else { throw Mending.noEvent }
        }
        context.changed(.company, what.field, from: "failed", to: "set aside")
        return JobsAsked(jobs: 1)
    }
}
