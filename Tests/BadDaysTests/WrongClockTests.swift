// Job times that a wrong clock has put off are due again once it is set right; those that are only planned are not.
import Access
import CivilTime
import Composition
import SQL
import TestSupport
import Testing

@testable import Jobs

@Suite struct WrongClockTests {
    private static let scope = Scope(orgID: 1)
    /// 2026-01-01T00:00:00Z
    private static let nowMs: Int64 = 1_767_225_600_000
    private static let hourMs: Int64 = 3_600_000

    private func with(_ engine: TestEngine, _ body: (any Database) async throws -> Void) async throws {
        try await withDatabase(engine, migrations: BusbarSchema.migrations) { money in
            try await money.write { try Org(orgID: 1, name: "Clock Power").create(in: $0) }
            try await body(money)
        }
    }

    /// Adds a job and gives its row other times.
    private func add(
        _ money: any Database, _ kind: JobKind, key: String = Job.roundKey, state: String = "waiting",
        runAtMs: Int64 = nowMs, notBeforeMs: Int64 = 0, leaseUntilMs: Int64 = 0
    ) async throws {
        try await money.write { transaction in
            try JobStore.add(
                kind, key: key, runAtMs: runAtMs, jobID: 10 + kind.place, Self.scope, in: transaction)
            _ = try transaction.run(
                """
                UPDATE job SET state = $2, not_before_ms = $3, lease_until_ms = $4, holder = 'other'
                WHERE org_id = 1 AND job_id = $1
                """, [.int(10 + kind.place), .text(state), .int(notBeforeMs), .int(leaseUntilMs)])
        }
    }

    private func claim(_ money: any Database) async throws -> Job? {
        try await money.write {
            try JobStore.claim(
                nil, runID: 99, businessNowMs: Self.nowMs, systemNowMs: Self.nowMs, holder: "me", Self.scope, in: $0)
        }
    }

    private func runAtMs(_ money: any Database) async throws -> [Int64] {
        try await money.read { try $0.query("SELECT run_at_ms FROM job ORDER BY job_id", []) { try $0.int(0) } }
    }

    @Test(arguments: TestEngine.available)
    func whatWasPutOffForAYearIsDueAgain(_ engine: TestEngine) async throws {
        let yearMs = Self.nowMs + 365 * 24 * Self.hourMs
        try await with(engine) { money in
            try await add(money, .rate, runAtMs: yearMs)
            #expect(try await claim(money)?.kind == .rate, "planned for next year")
        }
        try await with(engine) { money in
            try await add(money, .rate, notBeforeMs: yearMs)
            #expect(try await claim(money)?.kind == .rate, "paused until next year")
        }
        try await with(engine) { money in
            try await add(money, .rate, state: "running", leaseUntilMs: yearMs)
            #expect(try await claim(money)?.kind == .rate, "held until next year")
        }
    }

    /// The longest interval is a day, and a day may have 25 hours.
    @Test(arguments: TestEngine.available, [1, 24, 25, 26])
    func whatIsPlannedWithinADayIsNotDueEarly(_ engine: TestEngine, _ hours: Int64) async throws {
        try await with(engine) { money in
            let planned = Self.nowMs + hours * Self.hourMs
            try await add(money, .collect, runAtMs: planned)
            try await add(money, .rate, runAtMs: planned)
            #expect(try await claim(money) == nil)
            #expect(try await runAtMs(money) == [planned, planned])
        }
    }

    @Test func theBoundIsSharp() async throws {
        try await with(.sqlite) { money in
            try await add(money, .rate, runAtMs: Self.nowMs + 26 * Self.hourMs + 1)
            #expect(try await claim(money)?.kind == .rate)
        }
    }

    /// The estimate of a day has its own time, however far ahead.
    @Test func theEstimateOfADayToComeWaits() async throws {
        try await with(.sqlite) { money in
            let planned = Self.nowMs + 40 * Self.hourMs
            try await add(money, .estimate, key: "2026-01-02", runAtMs: planned)
            #expect(try await claim(money) == nil)
            #expect(try await runAtMs(money) == [planned])
        }
    }

    /// The longest pause after failures is kept, and so is the lease of a worker whose clock is a little ahead.
    @Test func honestPausesAndLeasesAreKept() async throws {
        try await with(.sqlite) { money in
            try await add(money, .collect, notBeforeMs: Self.nowMs + 384_000)
            try await add(money, .rate, state: "running", leaseUntilMs: Self.nowMs + 660_000)
            #expect(try await claim(money) == nil)
        }
    }
}
