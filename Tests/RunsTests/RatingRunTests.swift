// Trials change nothing and tell what the run then does; a run asked for twice changes nothing; what changed since a
// trial is told instead of carried out; a stopped run goes on.
import Access
import Accounts
import CivilTime
import Clocks
import IntervalData
import Jobs
import Journal
import MeterData
import Rating
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct RatingRunTests {
    @Test(arguments: TestEngine.available)
    func aTrialTellsWhatTheRunDoes(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            try await bench.change(bench.first, slot: 40, to: 900)
            let (before, book) = (try await bench.balance(), try await bench.book())
            let trial = try await bench.run(trial: true)
            #expect(trial.run.state == .done && trial.run.doneCount == trial.run.totalCount)
            #expect(trial.sums.accounts == 1 && trial.sums.changes >= 1)
            let difference = trial.sums.afterPaise - trial.sums.beforePaise
            #expect(difference > 0)
            #expect(trial.sums.parts.reduce(0) { $0 + $1.afterPaise - $1.beforePaise } == difference)
            #expect(try await bench.book() == book)
            #expect(try await bench.balance() == before)

            // Carried out it does just that; carried out again it changes nothing.
            let asked = try await bench.site.perform(
                CarryOutTrial(trialID: trial.run.runID, reason: "looks right"), as: bench.actor, source: "test")
            let real = try await bench.carryOut(asked.runID)
            #expect(real.run.state == .done, "\(real.run.error ?? "")")
            #expect(real.sums == trial.sums)
            #expect(try await bench.balance() == before - difference)
            let (again, still) = (try await bench.rate(), try await bench.book())
            #expect(again == 0)
            let second = try await bench.run(trial: false, from: bench.first, to: bench.retailer.lastDay)
            #expect(second.run.state == .done && second.sums.changes == 0)
            #expect(try await bench.book() == still)
        }
    }

    @Test(arguments: TestEngine.available)
    func whatChangedSinceTheTrialIsTold(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            try await bench.change(bench.first, slot: 40, to: 900)
            let trial = try await bench.run(trial: true, from: bench.first, to: bench.retailer.lastDay)
            try await bench.change(bench.first, slot: 41, to: 950)
            let book = try await bench.book()
            let asked = try await bench.site.perform(
                CarryOutTrial(trialID: trial.run.runID, reason: "looks right"), as: bench.actor, source: "test")
            let real = try await bench.carryOut(asked.runID)
            #expect(real.run.state == .changed && real.sums.changes == 0)
            #expect(real.run.error?.contains("account \(bench.account) on \(bench.first)") == true)
            #expect(try await bench.book() == book)
            // What the trial was of has been charged meanwhile: also that is told.
            _ = try await bench.rate()
            let late = try await bench.site.perform(
                CarryOutTrial(trialID: trial.run.runID, reason: "once more"), as: bench.actor, source: "test")
            #expect(try await bench.carryOut(late.runID).run.state == .changed)
        }
    }

    @Test(arguments: TestEngine.available)
    func aStoppedRunGoesOnWhereItWas(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            try await bench.change(bench.first, slot: 40, to: 900)
            let asked = try await bench.site.perform(
                AskRatingRun(
                    isTrial: false,
                    selection: RatingRun.Selection(from: bench.first, to: bench.retailer.lastDay),
                    reason: "for a test"),
                as: bench.actor, source: "test")
            // One meter a chunk: stopped after the first.
            let stop = SteerRatingRun(runID: asked.runID, .stop)
            _ = try await RatingRuns(site: bench.site, org: bench.org, chunk: 1).run { done in
                if done == 1 { _ = try? await bench.site.perform(stop, as: bench.actor, source: "test") }
            }
            let stopped = try await bench.carryOut(asked.runID)
            #expect(stopped.run.state == .stopped)
            #expect(stopped.run.doneCount < stopped.run.totalCount ?? 0)
            _ = try await bench.site.perform(
                SteerRatingRun(runID: asked.runID, .resume), as: bench.actor, source: "test")
            let done = try await bench.carryOut(asked.runID)
            #expect(done.run.state == .done && done.run.doneCount == done.run.totalCount)
            #expect(done.sums.accounts == 1)
            #expect(try await bench.rate() == 0)
        }
    }

    @Test(arguments: TestEngine.available)
    func onlyTheAccountOrThePackAskedFor(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            try await bench.change(bench.first, slot: 40, to: 900)
            let days = (bench.first, bench.retailer.lastDay)
            let other = try await bench.run(
                trial: true, from: days.0, to: days.1, account: bench.retailer.otherAccount)
            #expect(other.sums.changes == 0 && other.run.totalCount == 1)
            let pack = try await bench.run(trial: true, from: days.0, to: days.1, pack: "DOM-TOU")
            #expect(pack.sums.accounts == 1 && pack.run.totalCount == 2)
            let none = try await bench.run(trial: true, from: days.0, to: days.1, pack: "NONE")
            #expect(none.run.state == .done && none.run.totalCount == 0)
            await #expect(throws: Refusal.self) { try await bench.run(trial: false) }
            await #expect(throws: Refusal.self) {
                try await bench.run(trial: false, from: days.0, to: days.1, reason: "")
            }
            await #expect(throws: Refusal.self) { try await bench.run(trial: true, from: days.1, to: days.0) }
            await #expect(throws: Refusal.self) { try await bench.run(trial: true, from: days.0, to: bench.today) }
        }
    }

    /// What ten days of running every day come to, ten days of standing still and one run come to as well.
    @Test(arguments: TestEngine.available)
    func afterAStopEverythingIsCaughtUp(_ engine: TestEngine) async throws {
        let dayMs: Int64 = 86_400_000
        func values(_ day: Int) -> [Int32?] { (0..<48).map { 30 + Int32(($0 * 7 + day * 13) % 90) } }
        func charges(_ bench: RunBench) async throws -> [String] {
            try await bench.site.money.read { [scope = bench.scope, account = bench.account] in
                try Charge.current(
                    accountID: account, from: bench.first, to: bench.first.advanced(by: 40), scope, in: $0)
            }.map { "\($0.day) \($0.revision) \($0.totalPaise) \($0.inputsHash)" }
        }
        var daily: [String] = []
        try await RunBench.with(engine) { bench in
            for day in 0..<10 {
                try await bench.arrive(bench.today, values(day))
                bench.clock.nowMs += dayMs
                try await bench.rate()
                _ = try await Projector(site: bench.site, org: bench.org).run()
            }
            daily = try await charges(bench)
        }
        try await RunBench.with(engine) { bench in
            let begin = bench.today
            bench.clock.nowMs += 10 * dayMs
            for day in 0..<10 { try await bench.arrive(begin.advanced(by: day), values(day)) }
            #expect(try await bench.rate() == 10)
            let caughtUp = try await charges(bench)
            #expect(caughtUp == daily && caughtUp.count == 15)
            #expect(try await bench.rate() == 0)
        }
    }
}
