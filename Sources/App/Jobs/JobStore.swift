// Jobs as leased rows: what is due, who runs it until when, how it ended. Handlers read their work from the database,
// so a row holds no input but its key, and running a job twice changes nothing.
import Access
import CivilTime
import SQL

public enum JobsSchema {
    public static let migrations = [
        Migration(
            13, .money, "jobs",
            [
                """
                CREATE TABLE job (org_id {id} NOT NULL, job_id {id} NOT NULL, kind {text} NOT NULL,
                  job_key {text} NOT NULL,
                  place {int} NOT NULL, state {text} NOT NULL, run_at_ms {int} NOT NULL, not_before_ms {int} NOT NULL,
                  lease_until_ms {int} NOT NULL, holder {text}, attempt {int} NOT NULL, started_at_ms {int},
                  ended_at_ms {int}, done_count {int} NOT NULL, result {text}, last_error {text},
                  PRIMARY KEY (org_id, job_id)) {table}
                """,
                "CREATE UNIQUE INDEX job_key_unique ON job (org_id, kind, job_key)",
                "CREATE INDEX job_due ON job (org_id, state, run_at_ms)",
            ]), JobRun.migration,
    ]
}

/// What runs by itself, in the order in which it runs when due at the same time: from the meter to the money.
public enum JobKind: String, Sendable, Codable, CaseIterable {
    case collect, validate, estimate, rate, supply, command
    /// New keys for meters, and counters that were lost.
    case keys
    case ping, tidy
    /// What people changed, and hours later what still lacks of days whose estimate has run.
    case fill
    /// Outages and tamper cases: joins, tells, judges.
    case outages
    /// Sums of sets brought up to what has changed; and counted anew where meters belong to other sets than they did.
    case aggregate, regroup
    /// Forecasts of the next day, and the errors of those that have passed.
    case forecast
    /// Payments through a gateway that stayed open: webhooks that were lost or left behind.
    case payments
    /// The day's part of old debts, out of the wallets.
    case arrears
    /// Packs priced over past loads, for who asked.
    case whatIf = "what-if"
    /// Who comes near a limit where all units become dearer is told, once a bill.
    case slabWarnings = "slab-warnings"
    /// Runs of rating that somebody asked for: trials, and days, accounts or packs priced again.
    case rerun
    /// Projected balances brought up to the readings.
    case project
    /// Sums handed on, every 15 minutes and every 6 hours.
    case publish
    /// Months that are over: every account complete, or listed with why not.
    case close
    /// What time brings about for packs: terms that renew or end, reminders, penalties.
    case subscriptions

    var place: Int64 { Int64(Self.allCases.firstIndex(of: self) ?? 0) }
    /// `estimate` has a row a day and catches up day by day; the others have one row that comes round again.
    public var isDaily: Bool { self == .estimate }
    /// Whether a person may have a day of it run again.
    public var runsByDay: Bool { self == .estimate || self == .rate }
    /// Jobs of one lane run one after the other.
    public var lane: JobLane { [.supply, .command, .ping, .outages, .payments].contains(self) ? .supply : .data }
}

/// Two lanes a company: what is read, completed and priced in the one; deciding on supply and telling the meters in the
/// other, so that nobody waits for a collection to end to get light.
public enum JobLane: String, Sendable, CaseIterable {
    case data, supply

    /// The kinds of the lane as SQL texts.
    fileprivate var kinds: String {
        JobKind.allCases.filter { $0.lane == self }.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    }
}

/// A job as stored. `runAtMs` is business time; leases and retries are system time.
public struct Job: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable { case waiting, running, done, failed }
    /// Key of the one row of a job that comes round.
    public static let roundKey = "every"

    public var jobID: Int64
    public var kind: JobKind
    /// `every`, or the day it is for.
    public var key: String
    public var state: State
    public var runAtMs: Int64
    public var attempt: Int64
    public var startedAtMs: Int64?
    public var endedAtMs: Int64?
    public var doneCount: Int64
    public var result: String?
    public var lastError: String?
    /// The login that asked for the run; nil when it is due by itself, 0 for the command line.
    public var askedBy: Int64?
    /// The run that the row was claimed for; 0 when it was only read.
    var runID: Int64 = 0

    /// Comes round again; the others are for one day.
    public var comesRound: Bool { key == Self.roundKey }
}

public enum JobStore {
    /// System milliseconds a worker keeps a job without renewing.
    static let leaseMs: Int64 = 60_000
    /// After this many failures the job of a day waits for a person, and one that comes round is shown to one.
    public static let attemptLimit: Int64 = 6

    private static let columns =
        """
        job_id, kind, job_key, state, run_at_ms, attempt, started_at_ms, ended_at_ms, done_count, result, last_error,
        asked_by
        """

    private static func decode(_ row: any SQLRow) throws -> Job {
        guard let kind = JobKind(rawValue: try row.text(1)) else {
            throw SQLError(.decode, "unknown job \(try row.text(1))")
        }
        return Job(
            jobID: try row.int(0), kind: kind, key: try row.text(2),
            state: Job.State(rawValue: try row.text(3)) ?? .failed,
            runAtMs: try row.int(4), attempt: try row.int(5), startedAtMs: try row.optionalInt(6),
            endedAtMs: try row.optionalInt(7), doneCount: try row.int(8), result: try row.optionalText(9),
            lastError: try row.optionalText(10), askedBy: try row.optionalInt(11))
    }

    /// Adds a job unless its key is there.
    static func add(
        _ kind: JobKind, key: String, runAtMs: Int64, jobID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO job (org_id, job_id, kind, job_key, place, state, run_at_ms, not_before_ms, lease_until_ms,
              attempt,
              done_count) VALUES ($1, $2, $3, $4, $5, 'waiting', $6, 0, 0, 0, 0) ON CONFLICT DO NOTHING
            """,
            [.int(scope.orgID), .int(jobID), .text(kind.rawValue), .text(key), .int(kind.place), .int(runAtMs)])
    }

    /// Due earlier than planned, because the company wants it more often now. What is overdue stays so.
    static func bringForward(
        _ schedule: LineSchedule, _ zone: Zone, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let rows = try transaction.query(
            """
            SELECT \(columns) FROM job WHERE org_id = $1 AND job_key = $2 AND state = 'waiting'
              AND ended_at_ms IS NOT NULL
            """, [.int(scope.orgID), .text(Job.roundKey)], decode)
        for job in rows {
            guard let endedAtMs = job.endedAtMs else { continue }
            let nextMs = schedule.nextRunMs(job.kind, afterMs: endedAtMs, zone)
            guard nextMs < job.runAtMs else { continue }
            try transaction.run(
                """
                UPDATE job SET run_at_ms = $3 WHERE org_id = $1 AND job_id = $2 AND state = 'waiting' AND run_at_ms > $3
                """, [.int(scope.orgID), .int(job.jobID), .int(nextMs)])
        }
    }

    /// Puts off a job that is due by itself and has nothing to do. No run of it is written.
    static func passOver(
        _ kind: JobKind, nowMs: Int64, nextRunAtMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE job SET run_at_ms = $4, started_at_ms = $5, ended_at_ms = $5, done_count = 0,
              result = 'nothing asked for' WHERE org_id = $1 AND kind = $2 AND job_key = $3 AND state = 'waiting'
              AND run_at_ms <= $5 AND attempt = 0 AND asked_by IS NULL
            """,
            [.int(scope.orgID), .text(kind.rawValue), .text(Job.roundKey), .int(nextRunAtMs), .int(nowMs)])
    }

    /// Makes a job that comes round due now, where it waits for its time. One that runs looks for more work itself.
    static func wake(
        _ kind: JobKind, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE job SET run_at_ms = $4 WHERE org_id = $1 AND kind = $2 AND job_key = $3 AND state = 'waiting'
              AND run_at_ms > $4
            """, [.int(scope.orgID), .text(kind.rawValue), .text(Job.roundKey), .int(nowMs)])
    }

    /// The latest daily key of a kind, for planning the next.
    static func lastKey(_ kind: JobKind, _ scope: Scope, in transaction: any SQLTransaction) throws -> String? {
        try transaction.first(
            "SELECT MAX(job_key) FROM job WHERE org_id = $1 AND kind = $2", [.int(scope.orgID), .text(kind.rawValue)]
        ) { try $0.optionalText(0) } ?? nil
    }

    /// The latest day whose estimate has run.
    static func lastEstimated(_ scope: Scope, in transaction: any SQLTransaction) throws -> CivilDay? {
        let key = try transaction.first(
            "SELECT MAX(job_key) FROM job WHERE org_id = $1 AND kind = 'estimate' AND state = 'done'",
            [.int(scope.orgID)]
        ) { try $0.optionalText(0) }
        return (key ?? nil).flatMap { CivilDay($0) }
    }

    /// Takes the earliest due job, unless another one is being run: the line goes in order.
    /// Nothing is priced while a day waits for its estimate, also one whose process died, so that days are priced in
    /// order also after a long stop.
    /// - Parameters:
    ///   - lane: only jobs of this lane, beside what runs in the other; nil: any job, when nothing runs at all.
    ///   - runID: the id of the run that begins.
    static func claim(
        _ lane: JobLane?, runID: Int64, businessNowMs: Int64, systemNowMs: Int64, holder: String, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Job? {
        try Self.mendTimes(businessNowMs: businessNowMs, systemNowMs: systemNowMs, scope, in: transaction)
        func within(_ row: String) -> String { lane.map { " AND \(row).kind IN (\($0.kinds))" } ?? "" }
        // Who asks for the next job runs none in the lane. One that still bears the name is of a claim or an end that
        // the database lost: it is due again now, not when its lease runs out. An UPDATE would find the same rows in
        // this transaction; to look first only spares the write where nothing was lost, which is nearly always.
        let own = "org_id = $1 AND state = 'running' AND holder = $2 AND lease_until_ms > 0\(within("job"))"
        let mine: [SQLValue] = [.int(scope.orgID), .text(holder)]
        if try transaction.first("SELECT 1 FROM job WHERE \(own) LIMIT 1", mine, { try $0.int(0) }) != nil {
            try transaction.run("UPDATE job SET lease_until_ms = 0 WHERE \(own)", mine)
        }
        let due = """
            d.org_id = $1 AND d.run_at_ms <= $2 AND d.not_before_ms <= $3
              AND (d.state = 'waiting' OR (d.state = 'running' AND d.lease_until_ms < $3))\(within("d"))
              AND NOT EXISTS (SELECT 1 FROM job_pause p WHERE p.org_id = $1 AND p.kind = d.kind)
            """
        let isDue =
            try transaction.first(
                "SELECT 1 FROM job d WHERE \(due) LIMIT 1",
                [.int(scope.orgID), .int(businessNowMs), .int(systemNowMs)]
            ) { try $0.int(0) } != nil
        guard isDue else { return nil }
        // The one row that every claim of the company writes: of two workers that look at the same time one looks again
        // and then sees what the other runs.
        try transaction.run(
            "UPDATE job SET place = $3 WHERE org_id = $1 AND kind = $2",
            [.int(scope.orgID), .text(JobKind.collect.rawValue), .int(JobKind.collect.place)])
        let claimed = try transaction.first(
            """
            UPDATE job SET state = 'running', holder = $4, lease_until_ms = $5, started_at_ms = $2, ended_at_ms = NULL,
              done_count = 0
            WHERE org_id = $1 AND job_id = (
              SELECT d.job_id FROM job d WHERE \(due)
                AND NOT (d.kind = 'rate' AND EXISTS (SELECT 1 FROM job e WHERE e.org_id = $1 AND e.kind = 'estimate'
                  AND (e.state = 'waiting' OR (e.state = 'running' AND e.lease_until_ms < $3))
                  AND e.run_at_ms <= $2 AND e.not_before_ms <= $3
                  AND NOT EXISTS (SELECT 1 FROM job_pause q WHERE q.org_id = $1 AND q.kind = 'estimate')))
                AND NOT EXISTS (SELECT 1 FROM job r WHERE r.org_id = $1 AND r.state = 'running'
                  AND r.lease_until_ms >= $3\(within("r")))
              ORDER BY d.run_at_ms, d.place, d.job_key LIMIT 1 {skip_locked})
            RETURNING \(columns)
            """,
            [
                .int(scope.orgID), .int(businessNowMs), .int(systemNowMs), .text(holder), .int(systemNowMs + leaseMs),
            ], decode)
        guard var job = claimed else { return nil }
        job.runID = runID
        try JobRun.begin(
            job, holder: holder, businessNowMs: businessNowMs, systemNowMs: systemNowMs, scope, in: transaction)
        return job
    }

    /// Farther ahead than any lease or pause can be: the clock that set it was ahead and has been set back. Larger
    /// than clocks of two machines differ.
    private static let aheadMs: Int64 = 3 * 3_600_000
    /// The same for the next time of a job, which comes round at least once a day, be it one of 25 hours.
    private static let roundAheadMs: Int64 = 26 * 3_600_000

    /// Makes due again what a wrong clock has put off, so that nothing waits for a year.
    private static func mendTimes(
        businessNowMs: Int64, systemNowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let parameters: [SQLValue] = [
            .int(scope.orgID), .int(systemNowMs + aheadMs), .int(businessNowMs + roundAheadMs), .int(businessNowMs),
        ]
        let wrong = try transaction.first(
            """
            SELECT 1 FROM job WHERE org_id = $1 AND (lease_until_ms > $2 OR not_before_ms > $2
              OR (run_at_ms > $3 AND state = 'waiting' AND kind <> 'estimate')) LIMIT 1
            """, Array(parameters.prefix(3))
        ) { try $0.int(0) }
        guard wrong != nil else { return }
        try transaction.run(
            "UPDATE job SET lease_until_ms = 0 WHERE org_id = $1 AND lease_until_ms > $2", Array(parameters.prefix(2)))
        try transaction.run(
            "UPDATE job SET not_before_ms = 0 WHERE org_id = $1 AND not_before_ms > $2", Array(parameters.prefix(2)))
        try transaction.run(
            """
            UPDATE job SET run_at_ms = $2 WHERE org_id = $1 AND run_at_ms > $3 AND state = 'waiting'
              AND kind <> 'estimate'
            """, [parameters[0], parameters[3], parameters[2]])
    }

    /// Keeps the lease and notes progress. False when the lease was lost to another worker.
    static func renew(
        _ job: Job, doneCount: Int, holder: String, systemNowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Bool {
        try transaction.run(
            """
            UPDATE job SET lease_until_ms = $4, done_count = $5
            WHERE org_id = $1 AND job_id = $2 AND holder = $3 AND state = 'running'
            """,
            [.int(scope.orgID), .int(job.jobID), .text(holder), .int(systemNowMs + leaseMs), .int(doneCount)]) == 1
    }

    /// Gives back every job, for a process that is known to be the only one.
    public static func releaseAll(in transaction: any SQLTransaction) throws {
        try transaction.run("UPDATE job SET state = 'waiting', lease_until_ms = 0 WHERE state = 'running'")
        try transaction.run("UPDATE job_run SET state = 'lost' WHERE state = 'running'")
    }

    /// Ends a run: the job of a day is done, another waits for its next time. Who has lost the lease changes nothing.
    static func finish(
        _ job: Job, holder: String, _ end: JobRun.End, nextRunAtMs: Int64?, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        let isMine = try transaction.run(
            """
            UPDATE job SET state = $3, run_at_ms = $4, ended_at_ms = $5, result = $6, done_count = $7, attempt = 0,
              not_before_ms = 0, lease_until_ms = 0, last_error = NULL, asked_by = NULL
            WHERE org_id = $1 AND job_id = $2 AND holder = $8 AND state = 'running'
            """,
            [
                .int(scope.orgID), .int(job.jobID), .text(nextRunAtMs == nil ? "done" : "waiting"),
                .int(nextRunAtMs ?? job.runAtMs), .int(end.businessNowMs), .text(end.result ?? ""),
                .int(end.doneCount), .text(holder),
            ])
        if isMine == 1 { try JobRun.end(job, end, scope, in: transaction) }
    }

    /// Notes a failure and waits longer each time; the job of a day gives up in the end and asks for a person.
    /// A run that was `stopped` is no failure: the process ends, and the job goes on after the next start.
    static func fail(
        _ job: Job, holder: String, _ end: JobRun.End, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let isStop = end.state == .stopped
        let givesUp = !isStop && !job.comesRound && job.attempt + 1 >= attemptLimit
        let pauseMs = Int64(1_000) << min(job.attempt, 8)
        let jitterMs = Int64.random(in: 0...(pauseMs / 2))
        let isMine = try transaction.run(
            """
            UPDATE job SET state = $3, attempt = attempt + $8, not_before_ms = $4, lease_until_ms = 0, ended_at_ms = $5,
              last_error = $6 WHERE org_id = $1 AND job_id = $2 AND holder = $7 AND state = 'running'
            """,
            [
                .int(scope.orgID), .int(job.jobID), .text(givesUp ? "failed" : "waiting"),
                .int(isStop ? end.systemNowMs : end.systemNowMs + pauseMs + jitterMs), .int(end.businessNowMs),
                .text(String((end.error ?? "").prefix(500))), .text(holder), .int(isStop ? 0 : 1),
            ])
        if isMine == 1 { try JobRun.end(job, end, scope, in: transaction) }
    }

    /// Daily rows that are done and older than the key are dropped; the result stands in what they made.
    static func prune(_ kind: JobKind, before key: String, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "DELETE FROM job WHERE org_id = $1 AND kind = $2 AND state = 'done' AND job_key < $3",
            [.int(scope.orgID), .text(kind.rawValue), .text(key)])
    }

    /// The rows a page shows: those that come round, and those of a day that are not done or are the latest estimate.
    /// They are the company's: who is confined to a place sees none.
    public static func overview(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Job] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT \(columns) FROM job j WHERE org_id = $1 AND (job_key = 'every' OR state <> 'done'
              OR (kind = 'estimate' AND job_key = (
                SELECT MAX(job_key) FROM job l WHERE l.org_id = $1 AND l.kind = 'estimate')))
            ORDER BY place, job_key LIMIT 200
            """, [.int(scope.orgID)], decode)
    }

    /// Jobs that need a person: days given up, and what comes round and has failed many times in a row.
    public static func troubles(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [Job] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT \(columns) FROM job WHERE org_id = $1 AND (state = 'failed' OR attempt >= $2)
            ORDER BY place, job_key LIMIT $3
            """, [.int(scope.orgID), .int(attemptLimit), .int(limit)], decode)
    }

    static func find(_ jobID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Job {
        let found =
            scope.isWholeCompany
            ? try transaction.first(
                "SELECT \(columns) FROM job WHERE org_id = $1 AND job_id = $2", [.int(scope.orgID), .int(jobID)],
                decode) : nil
        guard let found else { throw Refusal(.notFound, "There is no such job.") }
        return found
    }

    /// Makes the row of a job due now, whatever its state, unless it is running. Adds it for a day that has none.
    /// Returns false while it is running.
    static func askFor(
        _ kind: JobKind, key: String, jobID: Int64, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws -> Bool {
        try transaction.run(
            """
            INSERT INTO job (org_id, job_id, kind, job_key, place, state, run_at_ms, not_before_ms, lease_until_ms,
              attempt, done_count, asked_by) VALUES ($1, $2, $3, $4, $5, 'waiting', $6, 0, 0, 0, 0, $7)
            ON CONFLICT (org_id, kind, job_key) DO UPDATE SET state = 'waiting', run_at_ms = excluded.run_at_ms,
              not_before_ms = 0, attempt = 0, asked_by = excluded.asked_by WHERE job.state <> 'running'
            """,
            [
                .int(context.orgID), .int(jobID), .text(kind.rawValue), .text(key), .int(kind.place),
                .int(context.businessNowMs), .int(context.actor.loginID),
            ]) == 1
    }
}
