// Jobs as leased rows: what is due, who runs it until when, how it ended. Handlers read their work from the database,
// so a row
// holds no input but its key, and running a job twice changes nothing.
import Access
import Clocks
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
            ])
    ]
}

/// What runs by itself, in the order in which it runs when due at the same time: from the meter to the money.
public enum JobKind: String, Sendable, CaseIterable {
    case collect, validate, estimate, rate, supply, command

    var place: Int64 { Int64(Self.allCases.firstIndex(of: self) ?? 0) }
    /// `estimate` has a row a day and catches up day by day; the others have one row that comes round again.
    var isDaily: Bool { self == .estimate }
}

/// A job as stored. `runAtMs` is business time; leases and retries are system time.
public struct Job: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable { case waiting, running, done, failed }
    public var jobID: Int64
    public var kind: JobKind
    public var key: String
    public var state: State
    public var runAtMs: Int64
    public var attempt: Int64
    public var startedAtMs: Int64?
    public var endedAtMs: Int64?
    public var doneCount: Int64
    public var result: String?
    public var lastError: String?
}

public enum JobStore {
    /// System milliseconds a worker keeps a job without renewing.
    static let leaseMs: Int64 = 60_000
    /// After this many failures a daily job waits for a person.
    static let attemptLimit: Int64 = 6

    private static let columns =
        "job_id, kind, job_key, state, run_at_ms, attempt, started_at_ms, ended_at_ms, done_count, result, last_error"

    private static func decode(_ row: any SQLRow) throws -> Job {
        guard let kind = JobKind(rawValue: try row.text(1)) else {
            throw SQLError(.decode, "unknown job \(try row.text(1))")
        }
        return Job(
            jobID: try row.int(0), kind: kind, key: try row.text(2),
            state: Job.State(rawValue: try row.text(3)) ?? .failed,
            runAtMs: try row.int(4), attempt: try row.int(5), startedAtMs: try row.optionalInt(6),
            endedAtMs: try row.optionalInt(7), doneCount: try row.int(8), result: try row.optionalText(9),
            lastError: try row.optionalText(10))
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

    /// The latest daily key of a kind, for planning the next.
    static func lastKey(_ kind: JobKind, _ scope: Scope, in transaction: any SQLTransaction) throws -> String? {
        try transaction.first(
            "SELECT MAX(job_key) FROM job WHERE org_id = $1 AND kind = $2", [.int(scope.orgID), .text(kind.rawValue)]
        ) { try $0.optionalText(0) } ?? nil
    }

    /// Takes the earliest due job of the company, unless another of its jobs is being run: the line goes in order.
    /// Nothing is priced while a day waits for its estimate, so that days are priced in order also after a long stop.
    static func claim(
        businessNowMs: Int64, systemNowMs: Int64, holder: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Job? {
        try Self.mendTimes(businessNowMs: businessNowMs, systemNowMs: systemNowMs, scope, in: transaction)
        let isDue =
            try transaction.first(
                """
                SELECT 1 FROM job WHERE org_id = $1 AND run_at_ms <= $2 AND not_before_ms <= $3
                  AND (state = 'waiting' OR (state = 'running' AND lease_until_ms < $3)) LIMIT 1
                """, [.int(scope.orgID), .int(businessNowMs), .int(systemNowMs)]
            ) { try $0.int(0) } != nil
        guard isDue else { return nil }
        // The one row that every claim of the company writes: of two workers that look at the same time one looks again
        // and then sees what the other runs.
        try transaction.run(
            "UPDATE job SET place = $3 WHERE org_id = $1 AND kind = $2",
            [.int(scope.orgID), .text(JobKind.collect.rawValue), .int(JobKind.collect.place)])
        return try transaction.first(
            """
            UPDATE job SET state = 'running', holder = $4, lease_until_ms = $5, started_at_ms = $2, ended_at_ms = NULL,
              done_count = 0
            WHERE org_id = $1 AND job_id = (
              SELECT d.job_id FROM job d WHERE d.org_id = $1 AND d.run_at_ms <= $2 AND d.not_before_ms <= $3
                AND (d.state = 'waiting' OR (d.state = 'running' AND d.lease_until_ms < $3))
                AND NOT (d.kind = 'rate' AND EXISTS (SELECT 1 FROM job e WHERE e.org_id = $1 AND e.kind = 'estimate'
                  AND e.state = 'waiting' AND e.run_at_ms <= $2 AND e.not_before_ms <= $3))
                AND NOT EXISTS (SELECT 1 FROM job r WHERE r.org_id = $1 AND r.state = 'running' AND r.lease_until_ms >=
                $3)
              ORDER BY d.run_at_ms, d.place, d.job_key LIMIT 1 {skip_locked})
            RETURNING \(columns)
            """,
            [
                .int(scope.orgID), .int(businessNowMs), .int(systemNowMs), .text(holder), .int(systemNowMs + leaseMs),
            ], decode)
    }

    /// Farther ahead than any lease, pause or next time of a job can be: the clock that set it was ahead and has been
    /// set back. Larger than clocks of two machines differ.
    private static let aheadMs: Int64 = 3 * 3_600_000

    /// Makes due again what a wrong clock has put off, so that nothing waits for a year.
    private static func mendTimes(
        businessNowMs: Int64, systemNowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let parameters: [SQLValue] = [
            .int(scope.orgID), .int(systemNowMs + aheadMs), .int(businessNowMs + aheadMs), .int(businessNowMs),
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
    }

    /// Ends a run: a daily job is done, another waits for its next time. Who has lost the lease changes nothing.
    static func finish(
        _ job: Job, holder: String, result: String, doneCount: Int, businessNowMs: Int64, nextRunAtMs: Int64?,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE job SET state = $3, run_at_ms = $4, ended_at_ms = $5, result = $6, done_count = $7, attempt = 0,
              not_before_ms = 0, lease_until_ms = 0, last_error = NULL
            WHERE org_id = $1 AND job_id = $2 AND holder = $8 AND state = 'running'
            """,
            [
                .int(scope.orgID), .int(job.jobID), .text(nextRunAtMs == nil ? "done" : "waiting"),
                .int(nextRunAtMs ?? job.runAtMs), .int(businessNowMs), .text(result), .int(doneCount), .text(holder),
            ])
    }

    /// Notes a failure and waits longer each time; a daily job gives up in the end and asks for a person.
    /// - Parameter isStop: the process is being stopped, which is no failure: the job goes on after the next start.
    static func fail(
        _ job: Job, holder: String, error: String, isStop: Bool, businessNowMs: Int64, systemNowMs: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let givesUp = !isStop && job.kind.isDaily && job.attempt + 1 >= attemptLimit
        let pauseMs = Int64(1_000) << min(job.attempt, 8)
        let jitterMs = Int64.random(in: 0...(pauseMs / 2))
        try transaction.run(
            """
            UPDATE job SET state = $3, attempt = attempt + $8, not_before_ms = $4, lease_until_ms = 0, ended_at_ms = $5,
              last_error = $6 WHERE org_id = $1 AND job_id = $2 AND holder = $7 AND state = 'running'
            """,
            [
                .int(scope.orgID), .int(job.jobID), .text(givesUp ? "failed" : "waiting"),
                .int(isStop ? systemNowMs : systemNowMs + pauseMs + jitterMs), .int(businessNowMs),
                .text(String(error.prefix(500))), .text(holder), .int(isStop ? 0 : 1),
            ])
    }

    /// Daily rows that are done and older than the key are dropped; the result stands in what they made.
    static func prune(_ kind: JobKind, before key: String, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "DELETE FROM job WHERE org_id = $1 AND kind = $2 AND state = 'done' AND job_key < $3",
            [.int(scope.orgID), .text(kind.rawValue), .text(key)])
    }

    /// The rows a page shows: those that come round, and daily ones that are not done or are the latest.
    public static func overview(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Job] {
        try transaction.query(
            """
            SELECT \(columns) FROM job j WHERE org_id = $1 AND (kind <> 'estimate' OR state <> 'done' OR job_key = (
              SELECT MAX(job_key) FROM job l WHERE l.org_id = $1 AND l.kind = j.kind))
            ORDER BY place, job_key LIMIT 200
            """, [.int(scope.orgID)], decode)
    }
}
