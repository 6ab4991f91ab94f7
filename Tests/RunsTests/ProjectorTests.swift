// A projected balance is what the charge will make it, looks only at what is new, and goes when the charge is made.
import Access
import Accounts
import CivilTime
import Clocks
import IntervalData
import MeterData
import Packs
import Rating
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct ProjectorTests {
    static func day(_ arrived: Int) -> [Int32?] { (0..<48).map { $0 < arrived ? 60 + Int32($0) : nil } }

    @Test(arguments: TestEngine.available)
    func whatIsProjectedIsWhatIsThenCharged(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            let projector = Projector(site: bench.site, org: bench.org)
            _ = try await projector.run()
            #expect(try await bench.projected() == nil)
            let (before, book) = (try await bench.balance(), try await bench.book())

            // 24 half hours of today, the fourth of them missing.
            var values = Self.day(24)
            values[3] = nil
            try await bench.arrive(bench.today, values)
            let waitedMs: Int64 = 25 * 60_000
            bench.clock.nowMs += waitedMs
            #expect(try await Projector.waitingMs(bench.site, orgID: 1, today: bench.today) == waitedMs)
            #expect(try await projector.run() == 1)
            #expect(try await Projector.waitingMs(bench.site, orgID: 1, today: bench.today) == 0)
            let half = try #require(try await bench.projected())
            #expect(half.usedWh == values.reduce(0) { $0 + Int64($1 ?? 0) })
            #expect(half.missingSlots == 1 && half.estimatedSlots == 0)
            #expect(half.throughMs == (bench.org.zone.startS(of: bench.today) + 12 * 3600) * 1000)
            #expect(half.usedPaise > 0 && half.projected(from: before) == before - half.usedPaise)

            // Nothing new: nothing is looked at again.
            #expect(try await projector.run() == 0)

            // The day is whole: the charge comes to what was projected, to the paisa, and the projection is gone.
            let today = bench.today
            try await bench.arrive(today, Self.day(48))
            #expect(try await projector.run() == 1)
            let whole = try #require(try await bench.projected())
            #expect(whole.usedPaise > half.usedPaise && whole.missingSlots == 0)
            #expect(try await bench.book() == book)
            #expect(try await bench.balance() == before)
            #expect(try await bench.rate() == 1)
            #expect(try await bench.balance() == whole.projected(from: before))
            #expect(try await bench.projected() == nil)
            _ = try await projector.run()
            #expect(try await bench.projected() == nil)
        }
    }

    @Test(arguments: TestEngine.available)
    func aCorrectionMovesTheProjectionsBase(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            let projector = Projector(site: bench.site, org: bench.org)
            try await bench.arrive(bench.today, Self.day(10))
            _ = try await projector.run()
            let before = try #require(try await bench.projected())
            // The last charged day is charged anew: until the next run nothing stale is shown.
            try await bench.change(bench.retailer.lastDay, slot: 40, to: 900)
            #expect(try await bench.rate() == 1)
            #expect(try await bench.projected() == nil)
            #expect(try await projector.run() >= 1)
            let after = try #require(try await bench.projected())
            #expect(after.usedPaise == before.usedPaise && after.throughMs == before.throughMs)
        }
    }
}
