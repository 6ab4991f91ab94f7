// Money in: a payment counts once whatever the network does, within limits, and only where the payer may pay.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import Journal
import Outbox
import Payments
import SQL
import TestSupport
import Testing

@Suite struct RechargeTests {
    static let migrations =
        AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + JournalSchema.migrations
        + PaymentsSchema.migrations + Outbox.migrations
    static let system = Actor.system(orgID: 1)

    /// A company with the accounts 101 and 102.
    static func with(_ engine: TestEngine, _ body: (Site) async throws -> Void) async throws {
        try await withClock(engine) { site, _ in try await body(site) }
    }

    static func withClock(_ engine: TestEngine, _ body: (Site, ManualClock) async throws -> Void) async throws {
        try await withSite(engine, migrations: migrations) { stores in
            let clock = ManualClock(startMs: 1_767_225_600_000)
            let clocks = Clocks.manual(clock)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 3, clocks: clocks))
            try await site.money.write { transaction in
                try Org(orgID: 1, name: "One").create(in: transaction)
                let scope = Scope(orgID: 1)
                try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
                for accountID in Int64(101)...102 {
                    try SupplyAccount(
                        accountID: accountID, accountNumber: "A-\(accountID)", name: "House", category: "domestic",
                        placeID: 10, sanctionedW: 4000, language: "en", openedDay: CivilDay(number: 20_454)
                    ).create(scope, in: transaction)
                }
            }
            try await body(site, clock)
        }
    }

    static func pay(
        _ site: Site, _ amountPaise: Int64, _ reference: String, account: Int64 = 101, method: PaymentMethod = .upi,
        as actor: Actor = system
    ) async throws -> Recharge.Receipt {
        try await site.perform(
            Recharge(accountID: account, amountPaise: amountPaise, method: method, reference: reference), as: actor,
            source: "test")
    }

    static func refusal(_ body: () async throws -> Recharge.Receipt) async -> Refusal? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? Refusal
        }
    }

    /// Balance, recharges, events waiting and postings.
    static func state(_ site: Site, account: Int64 = 101) async throws -> [Int64] {
        try await site.money.read { transaction in
            let scope = Scope(orgID: 1)
            let trial = try Journal.trialBalance(scope, in: transaction)
            #expect(trial.sumPaise == 0 && trial.wrongAccounts == [])
            return [
                try Journal.balance(ofAccount: account, scope, in: transaction).balancePaise,
                try transaction.first("SELECT COUNT(*) FROM recharge", []) { try $0.int(0) } ?? -1,
                Int64(try Outbox.pending(limit: 100, in: transaction).count), trial.postings,
            ]
        }
    }

    @Test(arguments: TestEngine.available)
    func theSameReferenceTwiceIsOneCredit(_ engine: TestEngine) async throws {
        try await Self.with(engine) { site in
            let first = try await Self.pay(site, 50_000, "pay-1")
            #expect(first.balancePaise == 50_000)
            #expect(try await Self.pay(site, 50_000, "pay-1") == first)
            #expect(try await Self.state(site) == [50_000, 1, 2, 2])
            // Another reference is another payment; the same one said to have come otherwise is refused, not doubled.
            #expect(try await Self.pay(site, 50_000, "pay-2").balancePaise == 100_000)
            let other = await Self.refusal { try await Self.pay(site, 50_000, "pay-1", method: .cash) }
            #expect(other?.code == .conflict)
            #expect(try await Self.state(site) == [100_000, 2, 4, 4])
        }
    }

    @Test(arguments: TestEngine.available)
    func manyAtOnceWithOneReferenceAreOneCredit(_ engine: TestEngine) async throws {
        try await Self.with(engine) { site in
            let receipts = try await withThrowingTaskGroup(of: Recharge.Receipt.self) { group in
                for _ in 1...8 { group.addTask { try await Self.pay(site, 700, "pay-1") } }
                return try await group.reduce(into: [Recharge.Receipt]()) { $0.append($1) }
            }
            #expect(receipts.count == 8 && receipts.allSatisfy { $0 == receipts[0] })
            let state = try await Self.state(site)
            #expect(state == [700, 1, 2, 2])
        }
    }

    @Test(arguments: TestEngine.available)
    func theSameReferenceForSomethingElseIsAConflict(_ engine: TestEngine) async throws {
        try await Self.with(engine) { site in
            _ = try await Self.pay(site, 50_000, "pay-1")
            let before = try await Self.state(site)
            let other = await Self.refusal { try await Self.pay(site, 50_001, "pay-1") }
            let foreign = await Self.refusal { try await Self.pay(site, 50_000, "pay-1", account: 102) }
            #expect(other?.code == .conflict && foreign?.code == .conflict)
            #expect(try await Self.state(site) == before)
            #expect(try await Self.state(site, account: 102)[0] == 0)
        }
    }

    /// The book keeps a reference by itself: also where the log of commands knows nothing of it, nothing is posted.
    @Test(arguments: TestEngine.available)
    func theBookRefusesAReferenceUsedForSomethingElse(_ engine: TestEngine) async throws {
        try await Self.with(engine) { site in
            _ = try await Self.pay(site, 50_000, "pay-1")
            _ = try await site.perform(
                AdjustBalance(accountID: 101, amountPaise: -200, reason: "meter swapped", reference: "adj-1"),
                as: Self.system, source: "test")
            try await site.money.write { try $0.run("DELETE FROM command_log") }
            let before = try await Self.state(site)
            let other = await Self.refusal { try await Self.pay(site, 50_001, "pay-1") }
            #expect(other == .referenceUsed && other?.code == .conflict)
            await #expect(throws: Refusal.referenceUsed) {
                _ = try await site.perform(
                    AdjustBalance(accountID: 101, amountPaise: -201, reason: "meter swapped", reference: "adj-1"),
                    as: Self.system, source: "test")
            }
            #expect(try await Self.state(site) == before)
        }
    }

    @Test func amountsAndReferencesHaveLimits() async throws {
        try await Self.with(.sqlite) { site in
            for amount: Int64 in [.min, -100, 0, 99, 10_000_001, .max] {
                let refusal = await Self.refusal { try await Self.pay(site, amount, "r\(amount)") }
                #expect(refusal?.code == .invalid && refusal?.at == "amountPaise", "\(amount)")
            }
            let references = ["", " ", "a b", "tab\t", "é", String(repeating: "x", count: 65)]
            for reference in references {
                let refusal = await Self.refusal { try await Self.pay(site, 100, reference) }
                #expect(refusal?.code == .invalid && refusal?.at == "reference", "\(reference)")
            }
            let zero = await Self.refusal { try await Self.pay(site, 100, "zero\0byte") }
            #expect(zero?.code == .invalid)
            let state = try await Self.state(site)
            #expect(state == [0, 0, 0, 0])
            #expect(try await Self.pay(site, 100, String(repeating: "x", count: 64)).balancePaise == 100)
            #expect(try await Self.pay(site, 10_000_000, "!~").balancePaise == 10_000_100)
        }
    }

    @Test func aConsumerPaysIntoTheOwnAccountOnly() async throws {
        try await Self.with(.sqlite) { site in
            let consumer = Actor(loginID: 5, role: .consumer, scope: Scope(orgID: 1, accountID: 101))
            let closed = await Self.refusal { try await Self.pay(site, 100, "a", as: consumer) }
            #expect(closed?.code == .forbidden, "nobody recharges without payment unless the company says so")
            try await site.money.write {
                try Setting.set(Recharge.portalSetting, "demo", from: CivilDay(number: 0), Scope(orgID: 1), in: $0)
            }
            let paid = try await Self.pay(site, 100, "a", as: consumer)
            #expect(paid.balancePaise == 100)
            let foreign = await Self.refusal { try await Self.pay(site, 100, "b", account: 102, as: consumer) }
            let missing = await Self.refusal { try await Self.pay(site, 100, "c", account: 999, as: consumer) }
            #expect(foreign?.code == .notFound && foreign == missing)
            let company = await Self.refusal { try await Self.pay(site, 100, "d", as: .system(orgID: 2)) }
            #expect(company?.code == .notFound)
            #expect(try await Self.state(site) == [100, 1, 2, 2])
        }
    }

    @Test(arguments: TestEngine.available)
    func anAdjustmentNeedsAReasonAndCountsOnce(_ engine: TestEngine) async throws {
        try await Self.with(engine) { site in
            func adjust(_ paise: Int64, _ reason: String, _ reference: String, as actor: Actor = Self.system)
                async throws -> Int64
            {
                try await site.perform(
                    AdjustBalance(accountID: 101, amountPaise: paise, reason: reason, reference: reference), as: actor,
                    source: "test")
            }
            let entry = try await adjust(-250, "meter swapped", "adj-1")
            #expect(try await adjust(-250, "meter swapped", "adj-1") == entry)
            #expect(try await Self.state(site) == [-250, 0, 1, 2])
            let outsider = Actor(loginID: 6, role: .operator, scope: Scope(orgID: 1))
            for (paise, reason, actor, code) in [
                (0, "nothing", Self.system, Refusal.Code.invalid), (10_000_001, "too much", Self.system, .invalid),
                (.min, "far too much", Self.system, .invalid), (5, "no", Self.system, .invalid),
                (5, "not allowed", outsider, .forbidden),
            ] as [(Int64, String, Actor, Refusal.Code)] {
                let refusal = await #expect(throws: Refusal.self) {
                    _ = try await adjust(paise, reason, "x\(paise)", as: actor)
                }
                #expect(refusal?.code == code, "\(paise) \(reason)")
            }
            #expect(try await Self.state(site) == [-250, 0, 1, 2])
        }
    }
}
