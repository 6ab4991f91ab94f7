// What a person may do with the jobs, and what the jobs do for themselves: schedules, pauses, runs, retries, lanes.
import Access
import Aggregation
import CivilTime
import Clocks
import Composition
import HeadEnd
import Logging
import Messaging
import MeterData
import MeterFleet
import MeterLink
import Meters
import Outbox
import Rating
import SQL
import TestSupport
import Testing

@testable import Jobs

/// Counts who is inside.
private actor Inside {
    private(set) var now = 0
    private(set) var most = 0
    func enter() {
        now += 1
        most = max(most, now)
    }
    func leave() { now -= 1 }
}

@Suite(.serialized)
struct JobsTests {
    /// A Monday.
    static let first = CivilDay(year: 2009, month: 3, day: 2)!

    private static func at(_ offset: Int, _ hour: Int64) -> Int64 {
        LineFixture.ms(first.advanced(by: offset), hours: hour)
    }

    /// Rich houses; the first ones behave as given.
    private func with(
        _ engine: TestEngine = .sqlite, houses: Int = 1, faults: [MeterFaults] = [],
        ahead: ManualClock = ManualClock(startMs: 0), _ body: (LineFixture) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: Self.at(1, 0))
            let configurations = (0..<houses).map { index in
                var configuration = MeterConfiguration(
                    serial: "JB\(100 + index)", load: .household(HouseholdModel(seed: UInt64(index + 7))),
                    installed: Self.first, secrets: LineFixture.secrets, seed: UInt64(index))
                if faults.indices.contains(index) { configuration.faults = faults[index] }
                return configuration
            }
            let fixture = try await LineFixture.make(
                site: site(stores, clock: clock, ahead: ahead), clock: clock, configurations: configurations,
                openingPaise: { _ in 500_000 }, from: Self.first)
            try await body(fixture)
            await fixture.fleet.stop()
        }
    }

    private static let silent: MeterFaults = {
        var faults = MeterFaults()
        faults.silences = [(TimeSpan(fromS: 0, untilS: .max), .hangUp)]
        return faults
    }()

    private func row(_ fixture: LineFixture, _ kind: JobKind) async throws -> Job {
        let rows = try await fixture.site.money.read { try JobStore.overview(fixture.scope, in: $0) }
        return try #require(rows.first { $0.kind == kind && $0.comesRound })
    }

    private func runs(_ fixture: LineFixture, _ kind: JobKind) async throws -> [JobRun] {
        try await fixture.site.money.read { try JobRun.latest(kind, limit: 600, fixture.scope, in: $0) }
    }

    private func refusal(_ fixture: LineFixture, _ command: some Command) async -> Refusal.Code? {
        do {
            _ = try await fixture.site.perform(command, as: fixture.actor, source: "test")
            return nil
        } catch { return (error as? Refusal)?.code }
    }

    /// From the days that were collected; the operator is told once, however often the job runs.
    @Test func theNextDayIsForecastAndTold() async throws {
        try await with(houses: 2) { fixture in
            fixture.clock.nowMs = Self.at(4, 9)
            try await fixture.line.tick()
            fixture.clock.nowMs = Self.at(4, 11)
            try await fixture.line.tick()
            let (issues, told) = try await fixture.site.money.read { transaction in
                (
                    try ForecastIssue.after(CivilDay(number: 0), limit: 20, fixture.scope, in: transaction),
                    try Message.after(0, limit: 200, fixture.scope, in: transaction)
                )
            }
            // The first day that has one to rest on is two days after the first.
            #expect(issues.map(\.day) == (2...5).map { Self.first.advanced(by: $0) })
            #expect(issues.allSatisfy { $0.meters == 2 && $0.knownDay == $0.day.advanced(by: -2) })
            #expect(told.count { $0.template == .forecastIssued && $0.accountID == 0 } == 4)
            let runs = try await runs(fixture, .forecast)
            #expect(runs.count == 2 && runs.allSatisfy { $0.state == .done })
            #expect(runs.first?.result?.hasPrefix("nothing due") == true, "\(runs.map(\.result))")
        }
    }

    // MARK: schedules

    @Test(arguments: TestEngine.available)
    func aScheduleThatIsSetHoldsFromTheNextPlanning(_ engine: TestEngine) async throws {
        try await with(engine) { fixture in
            try await fixture.line.tick()
            #expect(try await row(fixture, .collect).runAtMs == Self.at(1, 0) + 1_800_000)
            func set(_ minutes: Int) async throws {
                _ = try await fixture.site.perform(
                    SetSetting(
                        "jobs.collect.every-minutes", to: "\(minutes)", from: nil,
                        in: SettingRegistry(LineSchedule.settings)), as: fixture.actor, source: "test")
            }
            try await set(10)
            fixture.clock.nowMs += 60_000
            try await fixture.line.tick()
            #expect(try await row(fixture, .collect).runAtMs == Self.at(1, 0) + 600_000, "brought forward")
            try await set(90)
            try await fixture.run(untilMs: Self.at(1, 0) + 600_000, stepMs: 600_000)
            // Counted from midnight of the company, whose hours begin at half past of UTC.
            #expect(try await row(fixture, .collect).runAtMs == Self.at(1, 0) + 5_400_000)
            fixture.clock.nowMs = Self.at(1, 23) + 1_800_000
            try await fixture.line.tick()
            #expect(try await row(fixture, .collect).runAtMs == Self.at(2, 0), "a day begins anew")
        }
        #expect(throws: Refusal.self) {
            try SetSetting(
                "jobs.collect.every-minutes", to: "0", from: nil, in: SettingRegistry(LineSchedule.settings))
        }
    }

    // MARK: pausing

    @Test(arguments: TestEngine.available)
    func aPausedJobDoesNotStartAlsoAfterARestart(_ engine: TestEngine) async throws {
        try await with(engine) { fixture in
            #expect(await refusal(fixture, try PauseJob(kind: .collect, reason: "the network is moved")) == nil)
            try await fixture.run(untilMs: Self.at(1, 3))
            let restarted = try fixture.restarted(on: fixture.site, holder: "second")
            try await fixture.site.money.write { try JobStore.releaseAll(in: $0) }
            try await restarted.run(untilMs: Self.at(1, 6))
            #expect(try await runs(fixture, .collect).isEmpty)
            #expect(try await runs(fixture, .validate).count == 12, "the others go on")
            #expect(await refusal(fixture, RunJob(kind: .collect)) == .conflict)
            #expect(await refusal(fixture, ResumeJob(kind: .collect)) == nil)
            try await restarted.line.tick()
            #expect(try await runs(fixture, .collect).map(\.result) == ["1 read, 0 not"])
        }
        #expect(throws: Refusal.self) { try PauseJob(kind: .collect, reason: "  x ") }
    }

    /// A day that waits for its paused estimate does not hold up the pricing of what was read.
    @Test func aPausedEstimateHoldsUpNoPricing() async throws {
        try await with(houses: 2, faults: [Self.silent]) { fixture in
            #expect(await refusal(fixture, try PauseJob(kind: .estimate, reason: "looking into it")) == nil)
            try await fixture.run(untilMs: Self.at(2, 8), stepMs: 3_600_000)
            let charged = try await fixture.site.money.read {
                try Charge.current(accountID: 102, from: Self.first, to: Self.first, fixture.scope, in: $0).count
            }
            #expect(charged == 1)
            #expect(await refusal(fixture, ResumeJob(kind: .estimate)) == nil)
            try await fixture.line.tick()
            #expect(try await runs(fixture, .estimate).map(\.key) == ["2009-03-03", "2009-03-02"], "in order")
        }
    }

    /// The process that estimated a day was killed: what it ran is due again, and comes before the pricing.
    @Test(arguments: TestEngine.available)
    func pricingWaitsForAnEstimateWhoseProcessDied(_ engine: TestEngine) async throws {
        try await with(engine) { fixture in
            try await fixture.run(untilMs: Self.at(2, 5), stepMs: 3_600_000)
            fixture.clock.nowMs = Self.at(2, 6)
            try await fixture.line.plan()
            let (scope, nowMs, systemNowMs) = (fixture.scope, Self.at(2, 6), fixture.site.clocks.systemNowMs())
            try await fixture.site.money.write { transaction in
                try transaction.run("UPDATE job SET run_at_ms = $1 WHERE kind <> 'estimate'", [.int(nowMs + 1)])
                let killed = try JobStore.claim(
                    nil, runID: 700, businessNowMs: nowMs, systemNowMs: systemNowMs, holder: "killed", scope,
                    in: transaction)
                #expect(killed?.kind == .estimate)
                // The pricing was due before the estimate began.
                try transaction.run("UPDATE job SET run_at_ms = $1 WHERE kind = 'rate'", [.int(nowMs - 1)])
                let next = try JobStore.claim(
                    nil, runID: 701, businessNowMs: nowMs, systemNowMs: systemNowMs + 120_000, holder: "next", scope,
                    in: transaction)
                #expect(next?.kind == .estimate)
            }
        }
    }

    /// The database was away when a run ended, so that its row still says that it runs.
    @Test(arguments: TestEngine.available)
    func aRunWhoseEndWasLostHoldsUpOnlyOthers(_ engine: TestEngine) async throws {
        try await with(engine) { fixture in
            let (holder, scope, clocks) = (fixture.line.holder, fixture.scope, fixture.site.clocks)
            // A look where nothing is due and nothing was lost writes nothing.
            let watch = WriteWatch()
            let none = try await WatchedDatabase(fixture.site.money, watch).write { transaction in
                try JobStore.claim(
                    .data, runID: 6, businessNowMs: clocks.businessNowMs(), systemNowMs: clocks.systemNowMs(),
                    holder: holder, scope, in: transaction)
            }
            #expect(none == nil && watch.seen(.statement).isEmpty)
            try await fixture.line.plan()
            let lost = try await fixture.site.money.write { transaction in
                try JobStore.claim(
                    .data, runID: 7, businessNowMs: clocks.businessNowMs(), systemNowMs: clocks.systemNowMs(),
                    holder: holder, scope, in: transaction)
            }
            #expect(lost?.kind == .collect)
            let other = try fixture.restarted(on: fixture.site, holder: "other")
            #expect(try await other.line.tick(.data) == 0, "the lease of another is taken")
            #expect(try await fixture.line.tick(.data) > 0)
            #expect(try await runs(fixture, .collect).map(\.state) == [.done, .lost])
        }
    }

    // MARK: by hand

    @Test(arguments: TestEngine.available)
    func daysRunAgainAndChangeNothing(_ engine: TestEngine) async throws {
        try await with(engine, houses: 2) { fixture in
            try await fixture.run(untilMs: Self.at(3, 8), stepMs: 3_600_000)
            let before = try await RunResult.of(fixture)
            func ask(_ kind: JobKind, _ from: Int, _ to: Int) -> RerunDays {
                RerunDays(kind: kind, from: Self.first.advanced(by: from), to: Self.first.advanced(by: to))
            }
            #expect(await refusal(fixture, ask(.rate, 0, 2)) == nil)
            #expect(await refusal(fixture, ask(.estimate, 1, 1)) == nil)
            try await fixture.line.tick()
            let rated = try await runs(fixture, .rate).filter { $0.key != Job.roundKey }
            #expect(
                rated.map(\.key) == ["2009-03-04", "2009-03-03", "2009-03-02"] && rated.allSatisfy { $0.state == .done }
            )
            #expect(rated.allSatisfy { $0.askedBy == 0 && $0.doneCount == 0 })
            #expect(try await RunResult.of(fixture) == before)
            for wrong in [ask(.collect, 0, 0), ask(.rate, 2, 1), ask(.rate, 0, 3), ask(.rate, -90, 0)] {
                #expect(await refusal(fixture, wrong) == .invalid, "\(wrong)")
            }
        }
    }

    @Test func runNowAndCatchUp() async throws {
        try await with { fixture in
            try await fixture.run(untilMs: Self.at(1, 1))
            // Two jobs look every minute whether somebody asked: with nothing asked they neither run nor leave a row.
            fixture.clock.nowMs += 60_000
            #expect(try await fixture.line.tick() == 0)
            for kind in [JobKind.whatIf, .rerun] {
                #expect(try await runs(fixture, kind).isEmpty)
                #expect(try await row(fixture, kind).runAtMs == Self.at(1, 1) + 120_000)
            }
            #expect(await refusal(fixture, RunJob(kind: .collect)) == nil)
            #expect(try await fixture.line.tick() == 1)
            #expect(try await runs(fixture, .collect).first?.askedBy == 0)
            #expect(try await row(fixture, .collect).runAtMs == Self.at(1, 1) + 1_800_000, "then as planned")
            #expect(await refusal(fixture, CatchUp()) == nil)
            // Estimates have a row a day, and none is missing here.
            #expect(try await fixture.line.tick() == JobKind.allCases.count { !$0.isDaily })
            // Somebody who is confined to a place neither sees nor moves the company's jobs.
            let confined = Actor(loginID: 5, role: .administrator, scope: Scope(orgID: 1, placeIDs: [10]))
            await #expect(throws: Refusal.self) {
                try await fixture.site.perform(CatchUp(), as: confined, source: "test")
            }
            let seen = try await fixture.site.money.read { try JobStore.overview(confined.scope, in: $0) }
            #expect(seen.isEmpty)
        }
    }

    // MARK: runs and failures

    @Test(arguments: TestEngine.available)
    func whatFailsIsKeptAndGivenUpAndMended(_ engine: TestEngine) async throws {
        let ahead = ManualClock(startMs: 0)
        try await with(engine, ahead: ahead) { fixture in
            try await fixture.site.money.write { transaction in
                try JobStore.add(.estimate, key: "2009-13-99", runAtMs: 0, jobID: 77, fixture.scope, in: transaction)
            }
            var pauses: [Int64] = []
            for _ in 0..<JobStore.attemptLimit {
                try await fixture.line.tick()
                pauses += try await fixture.site.money.read {
                    try $0.query("SELECT not_before_ms FROM job WHERE job_id = 77", []) { try $0.int(0) }
                }.map { $0 - ahead.nowMs - Clocks.live.systemNowMs() }
                ahead.nowMs += 600_000
            }
            #expect(zip(pauses, pauses.dropFirst().dropLast()).allSatisfy { $0 < $1 }, "\(pauses)")
            let failed = try await runs(fixture, .estimate)
            #expect(failed.count == Int(JobStore.attemptLimit) && failed.allSatisfy { $0.state == .failed })
            #expect(failed.allSatisfy { $0.error?.contains("2009-13-99") == true && $0.durationMs != nil })
            func troubles() async throws -> [Int64] {
                try await fixture.site.money.read {
                    try JobStore.troubles(limit: 9, fixture.scope, in: $0).map(\.jobID)
                }
            }
            #expect(try await troubles() == [77])
            #expect(await refusal(fixture, RetryFailed(.job(77))) == nil)
            #expect(try await troubles().isEmpty)
            for _ in 0..<JobStore.attemptLimit {
                try await fixture.line.tick()
                ahead.nowMs += 600_000
            }
            #expect(try await troubles() == [77])
            #expect(await refusal(fixture, try SetFailedAside(.job(77), reason: "there is no such day")) == nil)
            #expect(try await troubles().isEmpty)
            #expect(await refusal(fixture, RetryFailed(.job(78))) == .notFound)
        }
    }

    @Test func runsAreKeptForAWhileOnly() async throws {
        try await with { fixture in
            try await fixture.run(untilMs: Self.at(4, 0), stepMs: 300_000)
            let kept = try await runs(fixture, .command)
            #expect(kept.count == JobRun.keptMax && kept.first?.startedAtMs == Self.at(4, 0))
            #expect(kept.allSatisfy { $0.state == .done && $0.holder == "test" && $0.askedBy == nil })
        }
    }

    @Test func eventsAreTriedLessOftenAndThenShown() async throws {
        let ahead = ManualClock(startMs: 0)
        try await with(ahead: ahead) { fixture in
            try await fixture.site.money.write { transaction in
                try Outbox.append(
                    OutboxEvent(
                        orgID: 1, eventID: 3, kind: .notice, subjectID: 101, detail: "nonsense", businessAtMs: 0),
                    in: transaction)
                try transaction.run(
                    """
                    INSERT INTO outbox (org_id, event_id, kind, subject_id, detail, business_at_ms, attempt)
                    VALUES (1, 4, 'from-a-later-release', 101, '', 0, 0)
                    """)
            }
            func tries() async throws -> Int64? {
                try await fixture.site.money.read {
                    try $0.first("SELECT attempt FROM outbox WHERE event_id = 3", []) { try $0.int(0) }
                }
            }
            func troubles() async throws -> [OutboxTrouble] {
                try await fixture.site.money.read { try Outbox.troubles(orgID: 1, limit: 9, in: $0) }
            }
            for _ in 0..<5 { try await fixture.line.tick() }
            #expect(try await tries() == 1, "not again before its time")
            #expect(try await troubles().map(\.kind) == ["from-a-later-release"], "nobody else would ever show it")
            for _ in 0..<Outbox.attemptLimit {
                ahead.nowMs += 1_200_000
                try await fixture.line.tick()
            }
            #expect(try await tries() == Int64(Outbox.attemptLimit))
            #expect(try await troubles().map(\.eventID) == [4, 3])
            #expect(await refusal(fixture, RetryFailed(.event(3))) == nil)
            try await fixture.line.tick()
            #expect(try await tries() == 1)
            #expect(await refusal(fixture, try SetFailedAside(.event(3), reason: "not yet given up")) == .notFound)
            #expect(await refusal(fixture, try SetFailedAside(.event(4), reason: "of no use any more")) == nil)
            #expect(try await troubles().isEmpty)
        }
    }

    // MARK: lanes

    /// One meter answers nothing while it is collected; the other is told to reconnect at that moment.
    @Test(arguments: TestEngine.available)
    func aReconnectionDoesNotWaitForACollection(_ engine: TestEngine) async throws {
        var mute = MeterFaults()
        mute.silences = [(TimeSpan(fromS: 0, untilS: .max), .noAnswer)]
        try await with(engine, houses: 2, faults: [mute]) { fixture in
            var rules = LineFixture.collection
            rules.timeoutMs = 6_000
            let line = Line(
                site: fixture.site, org: fixture.org, transport: TCPMeterTransport(zone: fixture.org.zone),
                vault: try LineFixture.vault(), collection: rules, holder: "test",
                log: Logger(label: "jobs-test") { _ in SwiftLogNoOpLogHandler() })
            let collecting = Task { try await line.tick(.data) }
            while try await runs(fixture, .collect).first?.state != .running {
                try await Task.sleep(for: .milliseconds(10))
            }
            try await fixture.site.money.write { transaction in
                try Outbox.append(
                    OutboxEvent(
                        orgID: 1, eventID: 9, kind: .relayWanted, subjectID: 1002, detail: "", businessAtMs: 0),
                    in: transaction)
            }
            try await line.tick(.supply)
            let orders = try await fixture.site.money.read {
                try MeterCommand.of(meterID: 1002, limit: 9, fixture.scope, in: $0)
            }
            #expect(orders.map(\.state) == [.confirmed])
            #expect(try await row(fixture, .collect).state == .running, "the collection was over: nothing is shown")
            // Nobody who takes all in one order begins beside them.
            #expect(try await fixture.restarted(on: fixture.site, holder: "other").line.tick() == 0)
            _ = try await collecting.value
            #expect(try await runs(fixture, .collect).map(\.result) == ["1 read, 1 not"])
        }
    }

    @Test func aMeterIsTalkedToByOneAtATime() async throws {
        let gates = MeterGates()
        let inside = Inside()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await gates.alone(with: 7) {
                        await inside.enter()
                        try await Task.sleep(for: .milliseconds(1))
                        await inside.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        let (most, now) = (await inside.most, await inside.now)
        #expect(most == 1 && now == 0)
        await #expect(throws: CancellationError.self) {
            try await gates.alone(with: 7) { throw CancellationError() }
        }
        let isOpen = try await gates.alone(with: 7) { true }
        #expect(isOpen, "a failure leaves the gate open")
    }

    // MARK: orders

    @Test func aReconnectionIsTriedWhileItIsWantedAndShown() async throws {
        try await with(faults: [Self.silent]) { fixture in
            try await fixture.site.money.write { transaction in
                try Outbox.append(
                    OutboxEvent(
                        orgID: 1, eventID: 9, kind: .relayWanted, subjectID: 1001, detail: "", businessAtMs: 0),
                    in: transaction)
            }
            var triedAtMs: [Int64] = []
            for _ in 0..<(12 * 12) {
                fixture.clock.nowMs += 300_000
                try await fixture.line.tick(.supply)
                let order = try await fixture.site.money.read {
                    try MeterCommand.of(meterID: 1001, limit: 1, fixture.scope, in: $0)[0]
                }
                if let sentAtMs = order.sentAtMs, triedAtMs.last != sentAtMs { triedAtMs.append(sentAtMs) }
                #expect(order.state == .waiting)
            }
            #expect(triedAtMs.count > 20, "\(triedAtMs.count) tries in twelve hours")
            let gaps = zip(triedAtMs, triedAtMs.dropFirst()).map { $1 - $0 }
            #expect(gaps.allSatisfy { $0 <= 35 * 60_000 } && gaps.first ?? 0 < gaps.last ?? 0)
            let needing = try await fixture.site.money.read { try MeterCommand.failed(limit: 9, fixture.scope, in: $0) }
            #expect(needing.map(\.kind) == ["reconnect"])
            let order = try #require(needing.first)
            let elsewhere = Scope(orgID: 1, placeIDs: [999])
            #expect(try await fixture.site.money.read { try MeterCommand.failed(limit: 9, elsewhere, in: $0) }.isEmpty)
            #expect(
                await refusal(fixture, try SetOrderAside(commandID: order.commandID, reason: "a fitter is sent")) == nil
            )
            #expect(
                try await fixture.site.money.read { try MeterCommand.failed(limit: 9, fixture.scope, in: $0) }.isEmpty)
            #expect(await refusal(fixture, RetryOrder(commandID: order.commandID)) == nil)
            #expect(await refusal(fixture, RetryOrder(commandID: 1)) == .notFound)
        }
    }

    // MARK: late entries

    /// The estimate of the first days has run when the second meter is entered, and it says nothing.
    @Test(arguments: TestEngine.available)
    func aMeterEnteredLateHasItsDaysLookedAtAgain(_ engine: TestEngine) async throws {
        try await with(engine, houses: 2, faults: [MeterFaults(), Self.silent]) { fixture in
            try await fixture.site.money.write { try $0.run("DELETE FROM installation WHERE meter_id = 1002") }
            try await fixture.run(untilMs: Self.at(3, 8), stepMs: 3_600_000)
            try await fixture.site.money.write {
                try Installation(meterID: 1002, accountID: 102, fromDay: Self.first).create(fixture.scope, in: $0)
            }
            func blocks() async throws -> [CivilDay] {
                try await History.blocks(
                    meterID: 1002, from: Self.first, to: Self.first.advanced(by: 9), site: fixture.site, orgID: 1
                ).map(\.day)
            }
            #expect(try await blocks().isEmpty)
            try await fixture.run(untilMs: Self.at(4, 7), stepMs: 3_600_000)
            let seen = try await blocks()
            #expect(seen == (0..<4).map { Self.first.advanced(by: $0) })
            let raised = try await fixture.site.readings.shard(Self.first.month).read {
                try VEEException.of(
                    meterID: 1002, from: Self.first, to: Self.first.advanced(by: 9), orgID: 1, in: $0)
            }
            #expect(Set(raised.map(\.rule)) == [VEEException.notEstimable] && raised.count == 4)
            // Looking again the next day finds nothing new to write of the days before.
            try await fixture.run(untilMs: Self.at(5, 7), stepMs: 3_600_000)
            let again = try await fixture.site.readings.shard(Self.first.month).read { transaction in
                try transaction.first("SELECT COUNT(*) FROM day_block WHERE meter_id = 1002", []) { try $0.int(0) }
            }
            #expect(again == 5)
        }
    }
}
