// Estimates that are put right by late actuals, in any order of arrival, and a line that stood still for a week.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import IntervalData
import Jobs
import Journal
import Messaging
import MeterData
import MeterFleet
import Meters
import Rating
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct CorrectionTests {
    /// A Monday.
    static let first = CivilDay(year: 2009, month: 3, day: 2)!

    private static func at(_ offset: Int, _ hour: Int64) -> Int64 {
        LineFixture.ms(first.advanced(by: offset), hours: hour)
    }

    private static func configurations(_ count: Int, _ change: (Int, inout MeterFaults) -> Void = { _, _ in })
        -> [MeterConfiguration]
    {
        (0..<count).map { index in
            var configuration = MeterConfiguration(
                serial: "CR\(100 + index)", load: .household(HouseholdModel(seed: UInt64(index + 31))),
                installed: first,
                baseWh: 5, secrets: LineFixture.secrets, seed: UInt64(index))
            change(index, &configuration.faults)
            return configuration
        }
    }

    private static func fixture(_ stores: TestSite, startMs: Int64, _ configurations: [MeterConfiguration]) async throws
        -> LineFixture
    {
        let clock = ManualClock(startMs: startMs)
        return try await LineFixture.make(
            site: site(stores, clock: clock), clock: clock, configurations: configurations,
            openingPaise: { _ in 500_000 }, from: first)
    }

    private struct Ledger: Sendable {
        var revisions: [Charge]
        var lines: [StatementLine]
        var balance: WalletBalance
        var corrections: Int
        var current: [Charge]

        static func of(_ fixture: LineFixture, _ house: House, day: CivilDay) async throws -> Ledger {
            try await fixture.site.money.read { [scope = fixture.scope] transaction in
                Ledger(
                    revisions: try Charge.revisions(accountID: house.accountID, day: day, scope, in: transaction),
                    lines: try Journal.statement(ofAccount: house.accountID, limit: 1000, scope, in: transaction)
                        .filter { $0.supplyDay == day }.reversed(),
                    balance: try Journal.balance(ofAccount: house.accountID, scope, in: transaction),
                    corrections: try Message.of(accountID: house.accountID, limit: 1000, scope, in: transaction)
                        .count { $0.template == .chargeCorrected },
                    current: try Charge.current(
                        accountID: house.accountID, from: day.month.first, to: day.month.last, scope, in: transaction))
            }
        }
    }

    /// What a charge comes to, without its history.
    private static func money(_ charges: [Charge]) -> [String] {
        charges.map { charge in
            let parts = [charge.baseEnergyPaise, charge.addOnEnergyPaise, charge.fixedPaise, charge.dutyPaise]
            return
                "\(charge.day) \(charge.energyWh) \(parts) \(charge.totalPaise) \(charge.inputsHash) \(charge.closing)"
        }
    }

    @Test(arguments: TestEngine.available)
    func aLateActualReplacesTheEstimate(_ engine: TestEngine) async throws {
        let thursday = Self.first.advanced(by: 3)
        let undisturbed = try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let fixture = try await Self.fixture(stores, startMs: Self.at(3, 0), Self.configurations(2))
            try await fixture.run(untilMs: Self.at(6, 7), stepMs: 3_600_000)
            try await checkTruth(fixture, from: Self.first, days: 6, rechargedPaise: { _ in 500_000 }, "undisturbed")
            await fixture.fleet.stop()
            return try await Ledger.of(fixture, fixture.houses[0], day: thursday)
        }
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let configurations = Self.configurations(2) { index, faults in
                guard index == 0 else { return }
                faults.lateRows = [
                    .init(fromS: Self.at(3, 0) / 1000, untilS: Self.at(4, 0) / 1000, visibleAtS: Self.at(5, 12) / 1000)
                ]
            }
            let fixture = try await Self.fixture(stores, startMs: Self.at(3, 0), configurations)
            let house = fixture.houses[0]
            try await fixture.run(untilMs: Self.at(4, 5), stepMs: 3_600_000)
            let unread = try await Ledger.of(fixture, house, day: thursday)
            #expect(unread.revisions.isEmpty, "charged before the deadline of the estimate")
            try await fixture.run(untilMs: Self.at(5, 8), stepMs: 3_600_000)
            let guessed = try await Ledger.of(fixture, house, day: thursday)
            let guess = try #require(guessed.revisions.first)
            #expect(guessed.revisions.count == 1 && guess.estimatedSlots == 48)
            #expect(guessed.lines.map(\.kind) == [.charge] && guessed.lines.allSatisfy(\.estimated))
            #expect(guessed.balance.estimatedChargesPaise == guess.totalPaise)
            #expect(guessed.corrections == 0)
            #expect(guessed.current.map(\.day).contains(thursday.advanced(by: 1)), "Friday waits for Thursday")

            try await fixture.run(untilMs: Self.at(6, 7), stepMs: 3_600_000)
            try await checkTruth(fixture, from: Self.first, days: 6, rechargedPaise: { _ in 500_000 }, "corrected")
            let right = try await Ledger.of(fixture, house, day: thursday)
            #expect(right.revisions.map(\.estimatedSlots) == [48, 0])
            let truth = try #require(right.revisions.last)
            #expect(truth.totalPaise != guess.totalPaise, "the estimate was right by chance; choose another seed")
            #expect(right.lines.map(\.kind) == [.charge, .reversal, .charge])
            #expect(right.lines.map(\.amountPaise) == [-guess.totalPaise, guess.totalPaise, -truth.totalPaise])
            #expect(right.lines.map(\.estimated) == [true, true, false])
            #expect(right.lines.map(\.revision) == [1, 1, 2])
            #expect(right.corrections == 1)
            // The rounding of every later day starts from the new total of the month.
            let friday = try await Ledger.of(fixture, house, day: thursday.advanced(by: 1))
            #expect(friday.revisions.count == 2 && friday.revisions.last?.opening == truth.closing)
            #expect(Self.money(right.current) == Self.money(undisturbed.current))
            #expect(right.balance == undisturbed.balance)
            await fixture.fleet.stop()
        }
    }

    /// Halves of days, estimates and rating runs in an order drawn from a seed: the same bills in the end.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func anyOrderOfArrivalComesToTheSame(_ seed: UInt64) async throws {
        let days = 6
        // Across the end of a month, which starts its totals anew.
        let first = CivilDay(year: 2009, month: 3, day: 29)!
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: LineFixture.ms(first.advanced(by: days), hours: 1))
            let configurations = Self.configurations(3)
            let fixture = try await LineFixture.make(
                site: site(stores, clock: clock), clock: clock, configurations: configurations,
                openingPaise: { _ in 500_000 }, from: first)
            var random = SplitMix(state: seed)
            var steps: [Step] = []
            for house in fixture.houses {
                for day in 0..<days {
                    steps += [.arrive(house.meterID, day, 0..<29), .arrive(house.meterID, day, 29..<48)]
                }
            }
            steps += (0..<days).flatMap { [Step.estimate($0), .estimate($0)] } + (0..<12).map { _ in Step.rate }
            steps.shuffle(using: &random)
            for step in steps + [.rate, .rate] {
                try await perform(step, first: first, fixture, configurations)
            }
            for (index, house) in fixture.houses.enumerated() {
                let expectedPaise =
                    500_000
                    - (try billPaise(house: index, from: first, days: days) { Self.values(configurations[index], $0) })
                let balance = try await fixture.balance(house.accountID)
                #expect(balance == WalletBalance(balancePaise: expectedPaise, estimatedChargesPaise: 0), "seed \(seed)")
            }
            let (trial, corrected) = try await fixture.site.money.read { [scope = fixture.scope] transaction in
                (
                    try Journal.trialBalance(scope, in: transaction),
                    try transaction.first("SELECT COUNT(*) FROM charge WHERE revision > 1", []) { try $0.int(0) } ?? 0
                )
            }
            #expect(trial.sumPaise == 0 && trial.wrongAccounts.isEmpty)
            #expect(corrected > 0, "seed \(seed) corrects nothing and shows nothing")
            await fixture.fleet.stop()
        }
    }

    private enum Step: Sendable { case arrive(Int64, Int, Range<Int>), estimate(Int), rate }

    private static func values(_ configuration: MeterConfiguration, _ day: CivilDay) -> [Int32] {
        let startS = Zone.india.startS(of: day)
        return (0..<48).map { Int32(configuration.load.energyWh(startS: startS + Int64($0) * 1800, durationS: 1800)) }
    }

    private func perform(
        _ step: Step, first: CivilDay, _ fixture: LineFixture, _ configurations: [MeterConfiguration]
    ) async throws {
        let site = fixture.site
        switch step {
        case .arrive(let meterID, let offset, let slots):
            let day = first.advanced(by: offset)
            let all = Self.values(configurations[Int(meterID - 1001)], day)
            let incoming = IncomingDay(
                day: day, meterID: meterID, batchID: site.ids.next(),
                values: all.indices.map { slots.contains($0) ? all[$0] : nil })
            let nowMs = fixture.clock.nowMs
            try await site.readings.shard(day.month).write { transaction in
                try Ingest.apply(
                    incoming,
                    IngestContext(sanctionedW: 15_000, periodS: 1800, history: [], madeBy: "read", nowMs: nowMs),
                    orgID: 1, in: transaction)
            }
        case .estimate(let offset):
            _ = try await Estimator(site: site, org: fixture.org).run(day: first.advanced(by: offset))
        case .rate:
            _ = try await Rater(site: site, org: fixture.org).run()
        }
    }

    /// Five business days without the line. What it does afterwards is late (times of charges, messages and decisions
    /// differ, and two warnings may have become one); what it comes to is the same.
    @Test(arguments: TestEngine.available)
    func aLineThatStoodStillCatchesUpInOrder(_ engine: TestEngine) async throws {
        func result(stopping: Bool) async throws -> RunResult {
            try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
                let configurations = Self.configurations(3) { index, faults in
                    guard index == 1 else { return }
                    // Hours of two days that never come: their estimates stay.
                    faults.lateRows = [4, 6].map {
                        .init(fromS: Self.at($0, 3) / 1000, untilS: Self.at($0, 5) / 1000, visibleAtS: nil)
                    }
                }
                let fixture = try await Self.fixture(stores, startMs: Self.at(3, 0), configurations)
                try await fixture.run(untilMs: Self.at(3, 13), stepMs: 3_600_000)
                if stopping {
                    fixture.clock.nowMs = Self.at(8, 13)
                    try await fixture.line.tick()
                    try await self.checkCatchUp(fixture)
                }
                try await fixture.run(untilMs: Self.at(10, 8), stepMs: 3_600_000)
                let trial = try await fixture.site.money.read { [scope = fixture.scope] in
                    try Journal.trialBalance(scope, in: $0)
                }
                #expect(trial.sumPaise == 0 && trial.wrongAccounts.isEmpty)
                await fixture.fleet.stop()
                return try await RunResult.of(fixture)
            }
        }
        let stopped = try await result(stopping: true)
        let running = try await result(stopping: false)
        #expect(stopped.charges == running.charges, "\(stopped.differences(from: running))")
        #expect(stopped.blocks == running.blocks)
        #expect(stopped.balances == running.balances)
        #expect(stopped.relays == running.relays)
        #expect(running.charges.count >= 3 * 10)
    }

    private func checkCatchUp(_ fixture: LineFixture) async throws {
        let jobs = try await fixture.site.money.read { transaction in
            try transaction.query(
                "SELECT job_key, state FROM job WHERE kind = 'estimate' ORDER BY started_at_ms, job_id", []
            ) { (try $0.text(0), try $0.text(1)) }
        }
        let days = (0...7).map { Self.first.advanced(by: $0).description }
        #expect(jobs.map(\.0) == days && jobs.allSatisfy { $0.1 == "done" }, "\(jobs)")
        let estimated = try await fixture.site.readings.shard(Self.first.month).read { transaction in
            try transaction.query("SELECT day FROM day_block WHERE made_by = 'estimate' ORDER BY change", []) {
                try $0.day(0)
            }
        }
        #expect(estimated == [4, 6].map { Self.first.advanced(by: $0) }, "estimates are made in the order of the days")
        let planned = try await fixture.site.money.read { transaction in
            try transaction.query("SELECT COUNT(*) FROM collection", []) { try $0.int(0) }.first ?? -1
        }
        #expect(planned == 24)
    }
}

/// The same numbers from the same seed on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
