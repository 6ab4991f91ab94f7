// Decisions on both engines: stored with all they rest on and judged again; rules by group; notices and their proof;
// corrections; the emergency credit; the hold of all cuts; the guard's list.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import Journal
import Messaging
import Meters
import Outbox
import SQL
import Supply
import TestSupport
import Testing

@Suite struct SupplyStoreTests {
    static let migrations =
        (AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + JournalSchema.migrations + MessagingSchema.migrations + SupplySchema.migrations + Outbox.migrations)
        .sorted { $0.number < $1.number }
    static let scope = Scope(orgID: 1)
    static let first = CivilDay(year: 2009, month: 3, day: 2)!
    static let account: Int64 = 101

    /// A company with two places and two accounts; Thursday, 5 March 2009, noon.
    struct Bench: Sendable {
        var site: Site
        var clock: ManualClock

        func post(_ paise: Int64, _ kind: PostingKind, day: CivilDay? = nil, revision: Int64? = nil, _ key: String)
            async throws
        {
            try await site.money.write { [site, clock] transaction in
                _ = try Journal.post(
                    key: key, kind: "test",
                    legs: [
                        Leg(account, -paise, kind, supplyDay: day, revision: revision),
                        Leg(ChartAccount.energyRevenue.rawValue, paise, .revenue),
                    ], businessAtMs: clock.nowMs, entryID: site.ids.next(), scope, in: transaction)
            }
        }

        func decide(_ turn: CutTurn = .now) async throws -> SupplyVerdict {
            try await site.money.write { [site, clock] transaction in
                try #require(
                    try Supply.decide(
                        accountID: account, turn: turn, zone: .india, nowMs: clock.nowMs, ids: site.ids, scope,
                        in: transaction))
            }
        }

        func decisions() async throws -> [SupplyDecision] {
            try await site.money.read { try Supply.decisions(accountID: account, limit: 100, scope, in: $0) }
        }

        func perform<C: Command>(_ command: C) async throws -> C.Output {
            try await site.perform(command, as: .system(orgID: 1), source: "test")
        }

        func relay(_ state: String) async throws {
            _ = try await site.money.write { [site, clock] in
                try RelayRecord.confirm(
                    state, meterID: 1001, atMs: clock.nowMs, changeID: site.ids.next(), scope, in: $0)
            }
        }
    }

    static func with(_ engine: TestEngine, _ body: (Bench) async throws -> Void) async throws {
        try await withSite(engine, migrations: migrations) { stores in
            let clock = ManualClock(startMs: SupplyCaseTests.ms(0, 720))
            let clocks = Clocks.manual(clock)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 3, clocks: clocks))
            try await site.money.write { transaction in
                try Org(orgID: 1, name: "One").create(in: transaction)
                try Place(placeID: 10, parentID: nil, kind: .plant, name: "State").create(scope, in: transaction)
                try Place(placeID: 11, parentID: 10, kind: .feeder, name: "Town").create(scope, in: transaction)
                for (id, place, category) in [(Int64(101), Int64(11), "domestic"), (102, 10, "commercial")] {
                    try SupplyAccount(
                        accountID: id, accountNumber: "A-\(id)", name: "House \(id)", category: category,
                        placeID: place, sanctionedW: 4_000, language: "en", openedDay: first
                    ).create(scope, in: transaction)
                    try Meter(
                        meterID: id + 900, serial: "S\(id)", host: "127.0.0.1", port: 1, clientAddress: 48,
                        authentication: "hls-2", sealedKeys: nil, capturePeriodS: 1800
                    ).create(scope, atMs: clock.nowMs, in: transaction)
                    try Installation(meterID: id + 900, accountID: id, fromDay: first).create(scope, in: transaction)
                }
            }
            try await body(Bench(site: site, clock: clock))
        }
    }

    /// Charged up to yesterday, ₹1 short, warned an hour ago.
    static func makeLow(_ bench: Bench) async throws {
        try await bench.post(50_000, .recharge, "recharge")
        try await bench.post(-50_100, .charge, day: SupplyCaseTests.thursday.advanced(by: -1), revision: 1, "charge")
        let verdict = try await bench.decide()
        #expect(
            verdict.notices == ["warn"] && verdict.reasons.map(\.code) == [.balanceBelowThreshold, .warningTooFresh])
        #expect(verdict.notBeforeMs == bench.clock.nowMs + SupplyCaseTests.hourMs)
        bench.clock.nowMs += SupplyCaseTests.hourMs
    }

    @Test(arguments: TestEngine.available)
    func everyDecisionIsStoredAndComesOutTheSameAgain(_ engine: TestEngine) async throws {
        try await Self.with(engine) { bench in
            try await bench.post(50_000, .recharge, "first")
            #expect(try await bench.decide().reasons.map(\.code) == [.balanceGood])
            try await Self.makeLowAgain(bench)
            #expect(try await bench.decide(.awaitsRun).reasons.map(\.code).last == .awaitsRun)
            #expect(try await bench.decide(.isFull).reasons.map(\.code).last == .runIsFull)
            #expect(try await bench.decide().wanted == .open)
            // Decided, not carried out: another look between two runs does not take it back.
            #expect(try await bench.decide(.awaitsRun).wanted == .open)
            try await bench.relay("open")
            try await bench.post(1_050, .recharge, "part")
            #expect(try await bench.decide().reasons.map(\.code) == [.notYetRestored])
            try await bench.post(1_000, .recharge, "rest")
            #expect(try await bench.decide().wanted == .closed)
            let decisions = try await bench.decisions()
            #expect(decisions.count == 7)
            for decision in decisions {
                let again = try #require(decision.replayed())
                #expect(again.wanted == decision.wanted && again.reasons == decision.reasons)
                #expect(again.notBeforeMs == decision.notBeforeMs)
                #expect(decision.ruleGroup == nil && decision.facts?.balancePaise == decision.balancePaise)
            }
            let cut = try #require(decisions.first { $0.wanted == .open && $0.was == .closed })
            #expect(cut.facts?.notices.first?.evidence.first?.channel == "portal")
            #expect(cut.facts?.chargedThrough == "2009-03-04")
        }
    }

    private static func makeLowAgain(_ bench: Bench) async throws {
        try await bench.post(-100_100, .charge, day: SupplyCaseTests.thursday.advanced(by: -1), revision: 1, "charge")
        try await bench.post(50_000, .recharge, "second")
        #expect(try await bench.decide().notices == ["warn"])
        bench.clock.nowMs += SupplyCaseTests.hourMs
    }

    @Test(arguments: TestEngine.available)
    func theNearestGroupWinsAndAnOldDayKeepsItsRules(_ engine: TestEngine) async throws {
        try await Self.with(engine) { bench in
            func cutBelow(_ day: CivilDay, _ category: String, _ place: Int64) async throws -> Int64 {
                try await bench.site.money.read {
                    try SupplyRuleBook(on: day, Self.scope, in: $0).rules(category: category, placeID: place).rules
                        .cutBelowPaise
                }
            }
            func set(_ group: String, _ paise: Int64?, _ offset: Int) async throws {
                var rules = SupplyRules()
                rules.cutBelowPaise = paise ?? 0
                _ = try await bench.perform(
                    try SetSupplyRules(
                        group: group, rules: paise == nil ? nil : rules.json(),
                        from: SupplyCaseTests.thursday.advanced(by: offset)))
            }
            let day = SupplyCaseTests.thursday.advanced(by: 9)
            #expect(try await cutBelow(day, "domestic", 11) == 0)
            try await bench.site.money.write {
                var rules = SupplyRules()
                rules.cutBelowPaise = -1
                try Setting.set(Supply.ruleSetting, rules.json(), from: Self.first, Self.scope, in: $0)
            }
            #expect(try await cutBelow(day, "domestic", 11) == -1)
            for (group, paise) in [
                ("all", Int64(-2)), ("category:domestic", -3), ("place:10", -4), ("place:10 category:domestic", -5),
                ("place:11", -6), ("place:11 category:domestic", -7),
            ] {
                try await set(group, paise, 2)
                #expect(try await cutBelow(day, "domestic", 11) == paise, "\(group)")
            }
            #expect(try await cutBelow(day, "commercial", 11) == -6)
            #expect(try await cutBelow(day, "commercial", 10) == -4)
            #expect(try await cutBelow(SupplyCaseTests.thursday, "domestic", 11) == -1)
            try await set("place:11 category:domestic", nil, 5)
            #expect(try await cutBelow(day, "domestic", 11) == -6)
            await #expect(throws: Refusal.self) { try await set("category:domestik", 0, 2) }
            await #expect(throws: Refusal.self) { try await set("place:77", 0, 2) }
            await #expect(throws: Refusal.self) { try await set("place:11", 0, -1) }
            #expect(throws: Refusal.self) { try SupplyGroup("category:domestic place:10") }
        }
    }

    @Test(arguments: TestEngine.available)
    func onlyAProvenNoticeAllowsTheCut(_ engine: TestEngine) async throws {
        try await Self.with(engine) { bench in
            var rules = SupplyRules()
            rules.noticeProof = ["sms:delivered"]
            _ = try await bench.perform(try SetSupplyRules(group: "all", rules: rules.json(), from: nil))
            try await Self.makeLow(bench)
            #expect(try await bench.decide().reasons.map(\.code) == [.balanceBelowThreshold, .noticeNotProven])
            let messageID = try await bench.site.money.read {
                try #require(try Message.last(of: [.lowBalance], accountID: Self.account, Self.scope, in: $0)).messageID
            }
            func report(_ state: DeliveryState) async throws -> Bool {
                try await bench.perform(
                    ReportDelivery(
                        MessageDelivery(
                            messageID: messageID, channel: "sms", state: state, atMs: bench.clock.nowMs,
                            evidence: "receipt 7")))
            }
            #expect(try await report(.sent))
            #expect(try await bench.decide().reasons.map(\.code).last == .noticeNotProven)
            #expect(try await report(.delivered))
            #expect(try await !report(.delivered))
            let verdict = try await bench.decide()
            #expect(verdict.reasons.map(\.code).last == .warningTooFresh)
            #expect(verdict.notBeforeMs == bench.clock.nowMs + SupplyCaseTests.hourMs)
            bench.clock.nowMs += SupplyCaseTests.hourMs
            #expect(try await bench.decide().wanted == .open)
        }
    }

    @Test(arguments: TestEngine.available)
    func aDebitFromACorrectionNeverCutsByItself(_ engine: TestEngine) async throws {
        try await Self.with(engine) { bench in
            let day = SupplyCaseTests.thursday.advanced(by: -1)
            try await bench.post(50_000, .recharge, "recharge")
            try await bench.post(-49_000, .charge, day: day, revision: 1, "charge")
            #expect(try await bench.decide().notices == ["warn"])
            bench.clock.nowMs += SupplyCaseTests.hourMs
            try await bench.site.money.write { transaction in
                _ = try Journal.post(
                    key: "correction", kind: "rating",
                    legs: [
                        Leg(Self.account, -49_000, .reversal, supplyDay: day, revision: 1),
                        Leg(Self.account, 52_000, .charge, supplyDay: day, revision: 2),
                        Leg(ChartAccount.energyRevenue.rawValue, -3_000, .revenue),
                    ], businessAtMs: bench.clock.nowMs, entryID: bench.site.ids.next(), Self.scope, in: transaction)
            }
            let held = try await bench.decide()
            #expect(held.reasons.map(\.code) == [.balanceBelowThreshold, .correctionGrace])
            // Thursday, 13:00, and seven days.
            #expect(held.notBeforeMs == SupplyCaseTests.ms(7, 780))
            // A week later nothing was charged for use: it is still the correction alone. The lag holds as well.
            bench.clock.nowMs = SupplyCaseTests.ms(7, 780)
            #expect(try await bench.decide().reasons.map(\.code).contains(.correctionAlone))
            try await bench.post(
                -100, .charge, day: SupplyCaseTests.thursday.advanced(by: 6), revision: 1, "another day")
            #expect(try await bench.decide().wanted == .open)
            for decision in try await bench.decisions() { #expect(decision.replayed()?.reasons == decision.reasons) }
        }
    }

    @Test(arguments: TestEngine.available)
    func theConsumerTakesTheEmergencyCreditOnceAFall(_ engine: TestEngine) async throws {
        try await Self.with(engine) { bench in
            var rules = SupplyRules()
            (rules.emergencyDays, rules.emergencyByConsumer) = (1, true)
            _ = try await bench.perform(try SetSupplyRules(group: "all", rules: rules.json(), from: nil))
            func take(_ reference: String) async throws -> EmergencyReceipt {
                try await bench.perform(TakeEmergencyCredit(accountID: 101, reference: reference))
            }
            await #expect(throws: Refusal.self) { try await take("early") }
            try await Self.makeLow(bench)
            #expect(try await take("first").notBeforeMs == SupplyCaseTests.ms(1, 660))
            bench.clock.nowMs += SupplyCaseTests.hourMs
            #expect(try await take("again").notBeforeMs == SupplyCaseTests.ms(1, 660))
            #expect(try await bench.decide().wanted == .closed)
            bench.clock.nowMs = SupplyCaseTests.ms(1, 660)
            #expect(try await bench.decide().wanted == .open)
        }
    }

    @Test(arguments: TestEngine.available)
    func allCutsAreHeldUntilTheyAreReleased(_ engine: TestEngine) async throws {
        try await Self.with(engine) { bench in
            try await Self.makeLow(bench)
            let untilMs = bench.clock.nowMs + 2 * SupplyCaseTests.hourMs
            await #expect(throws: Refusal.self) {
                try await bench.perform(HoldCuts(reason: "Holi", untilMs: bench.clock.nowMs))
            }
            _ = try await bench.perform(HoldCuts(reason: "Holi", untilMs: untilMs))
            _ = try await bench.perform(HoldCuts(reason: "a shorter one", untilMs: untilMs - 1))
            let held = try await bench.decide()
            #expect(held.reasons.map(\.code) == [.balanceBelowThreshold, .companyHold] && held.notBeforeMs == untilMs)
            let (rows, counts) = try await bench.site.money.read { transaction in
                (
                    try SupplyGuard.page(after: nil, .init(), limit: 10, Self.scope, in: transaction),
                    try SupplyGuard.counts(Self.scope, in: transaction)
                )
            }
            #expect(rows.map(\.accountID) == [101] && rows[0].standing == .next && rows[0].notBeforeMs == untilMs)
            #expect(rows[0].balancePaise == -100 && rows[0].lastNotice?.evidence.first?.state == "delivered")
            #expect(counts.standings[.next] == 1 && counts.reasons[.companyHold] == 1)
            let others = try await bench.site.money.read { transaction in
                try SupplyGuard.page(
                    after: rows[0].cursor, .init(), limit: 10, Self.scope, in: transaction)
                    + SupplyGuard.page(
                        after: nil, .init(reason: .noCutDay), limit: 10, Self.scope, in: transaction)
                    + SupplyGuard.page(
                        after: nil, .init(), limit: 10, Scope(orgID: 1, placeIDs: [12]), in: transaction)
            }
            #expect(others.isEmpty)
            _ = try await bench.perform(ReleaseCuts(reason: "the feast is over"))
            await #expect(throws: Refusal.self) { try await bench.perform(ReleaseCuts(reason: "again")) }
            #expect(try await bench.decide().wanted == .open)
            _ = try await bench.perform(HoldCuts(reason: "a fault", untilMs: untilMs))
            #expect(try await bench.decide().wanted == .closed, "what was decided is taken back before it is done")
            bench.clock.nowMs = untilMs
            #expect(try await bench.decide().wanted == .open, "the hold ends by itself")
        }
    }
}
