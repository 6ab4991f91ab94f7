// What every run of a job did: when, how long, how far, by whom, with what result. Kept for a while; decides nothing.
import Access
import SQL

/// One run of a job. Start and end are business time; the duration is system time, what really passed.
public struct JobRun: Sendable, Equatable {
    /// `lost`: the process that ran it is gone. `stopped`: the process was asked to end.
    public enum State: String, Sendable, Codable, CaseIterable { case running, done, failed, stopped, lost }
    public var runID: Int64
    public var kind: JobKind
    /// `every`, or the day it was for.
    public var key: String
    public var state: State
    public var startedAtMs: Int64
    public var endedAtMs: Int64?
    public var durationMs: Int64?
    public var doneCount: Int64
    public var result: String?
    public var error: String?
    /// The process that ran it.
    public var holder: String
    /// The login that asked for it; nil when it was due, 0 for the command line.
    public var askedBy: Int64?

    /// Kept at most, for each kind and company.
    public static let keptMax = 500
    /// And not longer than this.
    static let keptMs: Int64 = 60 * 86_400_000

    static let migration = Migration(
        27, .money, "job runs",
        [
            """
            CREATE TABLE job_run (org_id {id} NOT NULL, run_id {id} NOT NULL, kind {text} NOT NULL,
              job_key {text} NOT NULL, state {text} NOT NULL, started_at_ms {int} NOT NULL,
              started_system_ms {int} NOT NULL, ended_at_ms {int}, duration_ms {int}, done_count {int} NOT NULL,
              result {text}, error {text}, holder {text} NOT NULL, asked_by {id}, PRIMARY KEY (org_id, run_id)) {table}
            """,
            "CREATE INDEX job_run_kind ON job_run (org_id, kind, run_id)",
            "ALTER TABLE job ADD COLUMN asked_by {id}",
            """
            CREATE TABLE job_pause (org_id {id} NOT NULL, kind {text} NOT NULL, reason {text} NOT NULL,
              login_id {id} NOT NULL, at_ms {int} NOT NULL, PRIMARY KEY (org_id, kind)) {keyed_table}
            """,
        ])

    private static let columns =
        """
        run_id, kind, job_key, state, started_at_ms, ended_at_ms, duration_ms, done_count, result, error,
        holder, asked_by
        """

    private static func decode(_ row: any SQLRow) throws -> JobRun {
        guard let kind = JobKind(rawValue: try row.text(1)) else {
            throw SQLError(.decode, "unknown job \(try row.text(1))")
        }
        return JobRun(
            runID: try row.int(0), kind: kind, key: try row.text(2), state: State(rawValue: try row.text(3)) ?? .failed,
            startedAtMs: try row.int(4), endedAtMs: try row.optionalInt(5), durationMs: try row.optionalInt(6),
            doneCount: try row.int(7), result: try row.optionalText(8), error: try row.optionalText(9),
            holder: try row.text(10), askedBy: try row.optionalInt(11))
    }

    /// Begins a run. An earlier one of the same job that never ended was lost with its process.
    static func begin(
        _ job: Job, holder: String, businessNowMs: Int64, systemNowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE job_run SET state = 'lost', ended_at_ms = $4
            WHERE org_id = $1 AND kind = $2 AND job_key = $3 AND state = 'running'
            """, [.int(scope.orgID), .text(job.kind.rawValue), .text(job.key), .int(businessNowMs)])
        try transaction.run(
            """
            INSERT INTO job_run (org_id, run_id, kind, job_key, state, started_at_ms, started_system_ms, done_count,
              holder, asked_by) VALUES ($1, $2, $3, $4, 'running', $5, $6, 0, $7, $8)
            """,
            [
                .int(scope.orgID), .int(job.runID), .text(job.kind.rawValue), .text(job.key), .int(businessNowMs),
                .int(systemNowMs), .text(holder), job.askedBy.map { .int($0) } ?? .null,
            ])
    }

    /// How a run ended.
    struct End {
        var state: State
        var doneCount: Int
        var result: String?
        var error: String?
        var businessNowMs: Int64
        var systemNowMs: Int64
    }

    /// Ends a run and drops what is old. One that was taken for lost stays lost.
    static func end(_ job: Job, _ end: End, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            UPDATE job_run SET state = $3, ended_at_ms = $4, duration_ms = $5 - started_system_ms, done_count = $6,
              result = $7, error = $8 WHERE org_id = $1 AND run_id = $2 AND state = 'running'
            """,
            [
                .int(scope.orgID), .int(job.runID), .text(end.state.rawValue), .int(end.businessNowMs),
                .int(end.systemNowMs), .int(end.doneCount), end.result.map { .text($0) } ?? .null,
                end.error.map { .text(String($0.prefix(500))) } ?? .null,
            ])
        try transaction.run(
            """
            DELETE FROM job_run WHERE org_id = $1 AND kind = $2 AND (started_at_ms < $3 OR run_id <= (
              SELECT run_id FROM job_run WHERE org_id = $1 AND kind = $2 ORDER BY run_id DESC LIMIT 1 OFFSET $4))
            """,
            [
                .int(scope.orgID), .text(job.kind.rawValue), .int(end.businessNowMs - keptMs), .int(keptMax),
            ])
    }

    /// The latest runs of a kind, newest first.
    /// - Parameter runID: only older ones than this; nil from the newest.
    public static func latest(
        _ kind: JobKind, before runID: Int64? = nil, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [JobRun] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT \(columns) FROM job_run WHERE org_id = $1 AND kind = $2 AND run_id < $3
            ORDER BY run_id DESC LIMIT $4
            """, [.int(scope.orgID), .text(kind.rawValue), .int(runID ?? .max), .int(limit)], decode)
    }
}
