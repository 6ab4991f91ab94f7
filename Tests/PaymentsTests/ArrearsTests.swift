// Old debts: beside the wallet, paid off a day at a time within bounds, in order, once; a conversion sums to zero.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import SQL
import TestSupport
import Testing

@testable import Payments

@Suite struct InstalmentCapTests {
    static func facts(
        agreed: Int64 = 2_000, claimable: Int64 = 90_000, balance: Int64 = 50_000, cutBelow: Int64 = 0,
        recharged: Int64 = 0
    ) -> InstalmentFacts {
        InstalmentFacts(
            agreedPaise: agreed, claimablePaise: claimable, balancePaise: balance, cutBelowPaise: cutBelow,
            rechargedPaise: recharged)
    }

    @Test func everyBoundHolds() {
        let cap = InstalmentCap(rule: .perDay, dailyPaise: 5_000, percent: 25)
        #expect(cap.instalmentPaise(Self.facts()) == 2_000)
        #expect(cap.instalmentPaise(Self.facts(agreed: 9_000)) == 5_000)
        #expect(cap.instalmentPaise(Self.facts(claimable: 700)) == 700)
        #expect(cap.instalmentPaise(Self.facts(balance: 1_500)) == 1_500)
        #expect(cap.instalmentPaise(Self.facts(balance: 1_500, cutBelow: 1_000)) == 500)
        // Below zero is no room, even where supply is cut far below it.
        #expect(cap.instalmentPaise(Self.facts(balance: 300, cutBelow: -10_000)) == 300)
        #expect(cap.instalmentPaise(Self.facts(balance: -1, cutBelow: -10_000)) == 0)
    }

    @Test func sharesAreOfTheDaysRechargeOrOfTheBalance() {
        let ofRecharge = InstalmentCap(rule: .ofRecharge, dailyPaise: 5_000, percent: 25)
        #expect(ofRecharge.instalmentPaise(Self.facts(recharged: 0)) == 0)
        #expect(ofRecharge.instalmentPaise(Self.facts(recharged: 4_003)) == 1_000)
        #expect(ofRecharge.instalmentPaise(Self.facts(recharged: 800_000)) == 2_000)
        let ofBalance = InstalmentCap(rule: .ofBalance, dailyPaise: 5_000, percent: 10)
        #expect(ofBalance.instalmentPaise(Self.facts(balance: 1_999)) == 199)
    }

    @Test func paymentsSettleTheOldestDebt() {
        let item = { (amount: Int64) in
            ArrearsItem(
                entryID: amount, amountPaise: amount, since: CivilDay(number: 20_000), claimUntil: nil,
                disconnectUntil: nil, reason: "old", remainingPaise: 0)
        }
        let spread = { (left: Int64) in
            ArrearsItem.spread(left, over: [item(300), item(500)]).map(\.remainingPaise)
        }
        #expect(spread(800) == [300, 500])
        #expect(spread(600) == [100, 500])
        #expect(spread(120) == [0, 120])
        #expect(spread(0) == [0, 0])
    }
}

@Suite struct ArrearsTests {
    static let scope = Scope(orgID: 1)
    static let dayMs: Int64 = 86_400_000
    /// 2026-01-01 in India, the day of the clock.
    static let today = CivilDay(number: 20_454)

    static func put(
        _ site: Site, _ paise: Int64, account: Int64 = 101, claimUntil: CivilDay? = nil, reference: String = "p1"
    ) async throws {
        _ = try await site.perform(
            PutArrears(
                accountID: account, amountPaise: paise, since: today.advanced(by: -400), claimUntil: claimUntil,
                disconnectUntil: today.advanced(by: 30), reason: "bills of 2024", reference: reference),
            as: RechargeTests.system, source: "test")
    }

    static func agree(_ site: Site, _ size: AgreeInstalments.Size, account: Int64 = 101) async throws {
        _ = try await site.perform(
            AgreeInstalments(accountID: account, size: size, from: nil, reason: "as agreed"),
            as: RechargeTests.system, source: "test")
    }

    static func run(_ site: Site, cutBelow: Int64 = 0) async throws -> InstalmentTaker.Result {
        let org = try await site.money.read { try Org.find(1, in: $0) }
        return try await InstalmentTaker(site: site, org: org) { _, _, _ in cutBelow }.run()
    }

    /// Wallet, arrears; the book is proven on the way.
    static func stand(_ site: Site, account: Int64 = 101) async throws -> [Int64] {
        try await site.money.read { transaction in
            let trial = try Journal.trialBalance(scope, in: transaction)
            #expect(trial.sumPaise == 0 && trial.unbalancedEntries == 0 && trial.wrongAccounts == [])
            return [
                try Journal.balance(ofAccount: account, scope, in: transaction).balancePaise,
                try Arrears.of(accountID: account, scope, in: transaction)?.outstandingPaise ?? -1,
            ]
        }
    }

    static func refused(_ body: () async throws -> Void) async -> Refusal.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? Refusal)?.code }
    }

    @Test(arguments: TestEngine.available)
    func aRechargeIsWholeAndTheDebtGoesDayByDay(_ engine: TestEngine) async throws {
        try await RechargeTests.withClock(engine) { site, clock in
            try await Self.put(site, 7_000)
            try await Self.put(site, 7_000)
            _ = try await RechargeTests.pay(site, 10_000, "r1")
            #expect(try await Self.stand(site) == [10_000, 7_000])
            try await Self.agree(site, .days(3))
            // The day is not over.
            #expect(try await Self.run(site).taken == 0)
            clock.nowMs += 3 * Self.dayMs
            // Three days at once after a stop: each its own entry, and the last is what is left.
            let result = try await Self.run(site)
            #expect(result == InstalmentTaker.Result(taken: 3, takenPaise: 7_000, none: 0, failed: 0))
            #expect(try await Self.stand(site) == [3_000, 0])
            #expect(try await Self.run(site).taken == 0)
            let (lines, plan) = try await site.money.read { transaction in
                (
                    try Journal.statement(ofAccount: 101, limit: 10, Self.scope, in: transaction),
                    try Arrears.of(accountID: 101, Self.scope, in: transaction)?.plan
                )
            }
            #expect(lines.map(\.amountPaise) == [-2_332, -2_334, -2_334, 10_000])
            #expect(
                lines.map(\.entryKey).dropLast()
                    == (0...2).reversed().map {
                        "arrears:101:\(Self.today.advanced(by: $0))"
                    }[...])
            #expect(plan?.state == .done)
        }
    }

    @Test(arguments: TestEngine.available)
    func theWalletIsNeverEmptiedByIt(_ engine: TestEngine) async throws {
        try await RechargeTests.withClock(engine) { site, clock in
            try await Self.put(site, 50_000)
            _ = try await RechargeTests.pay(site, 5_500, "r1")
            try await Self.agree(site, .dailyPaise(4_000))
            clock.nowMs += 4 * Self.dayMs
            let result = try await Self.run(site, cutBelow: 1_000)
            #expect(result.taken == 2 && result.none == 2)
            #expect(try await Self.stand(site) == [1_000, 45_500])
        }
    }

    @Test(arguments: TestEngine.available)
    func theChargeOfADayComesBeforeItsInstalment(_ engine: TestEngine) async throws {
        try await RechargeTests.withClock(engine) { site, clock in
            try await Self.put(site, 50_000)
            _ = try await RechargeTests.pay(site, 20_000, "r1")
            try await Self.agree(site, .dailyPaise(1_000))
            func charge(_ day: CivilDay) async throws {
                try await site.money.write { transaction in
                    _ = try Journal.post(
                        key: "charge:\(day)", kind: "rating",
                        legs: [
                            Leg(101, 3_000, .charge, supplyDay: day, revision: 1),
                            Leg(ChartAccount.energyRevenue.rawValue, -3_000, .revenue, supplyDay: day, revision: 1),
                        ], businessAtMs: clock.nowMs, entryID: site.ids.next(), Self.scope, in: transaction)
                }
            }
            try await charge(Self.today.advanced(by: -1))
            clock.nowMs += Self.dayMs
            #expect(try await Self.run(site) == InstalmentTaker.Result())
            try await charge(Self.today)
            #expect(try await Self.run(site).taken == 1)
            // A charge that does not come is waited for a day, not longer.
            clock.nowMs += 2 * Self.dayMs
            #expect(try await Self.run(site).taken == 1)
            #expect(try await Self.stand(site) == [12_000, 48_000])
        }
    }

    @Test(arguments: TestEngine.available)
    func oneBadAccountHoldsUpNoOther(_ engine: TestEngine) async throws {
        try await RechargeTests.withClock(engine) { site, clock in
            for account in Int64(101)...102 {
                try await Self.put(site, 4_000, account: account, reference: "p\(account)")
                _ = try await RechargeTests.pay(site, 10_000, "r\(account)", account: account)
                try await Self.agree(site, .dailyPaise(1_000), account: account)
            }
            // A row no release of ours writes.
            try await site.money.write { transaction in
                try transaction.run(
                    "UPDATE arrears_item SET since_day = 9000000000 WHERE org_id = 1 AND account_id = 101", [])
            }
            clock.nowMs += 2 * Self.dayMs
            let first = try await Self.run(site)
            #expect(first.taken == 2 && first.failed == 1)
            #expect(try await Self.stand(site, account: 102) == [8_000, 2_000])
            let troubled = try await site.money.read { try Arrears.troubled(limit: 10, Self.scope, in: $0) }
            #expect(troubled.map(\.accountID) == [101] && troubled[0].problem?.isEmpty == false)
            // Put right, it catches up from the day it stood at.
            try await site.money.write { transaction in
                try transaction.run(
                    "UPDATE arrears_item SET since_day = 20000 WHERE org_id = 1 AND account_id = 101", [])
            }
            #expect(try await Self.run(site).taken == 2)
            #expect(try await Self.stand(site) == [8_000, 2_000])
        }
    }

    @Test(arguments: TestEngine.available)
    func pausedClaimedUntilSettledAndGivenUp(_ engine: TestEngine) async throws {
        try await RechargeTests.withClock(engine) { site, clock in
            func act(_ command: some Command) async throws {
                _ = try await site.perform(command, as: RechargeTests.system, source: "test")
            }
            try await Self.put(site, 9_000, claimUntil: Self.today.advanced(by: 2))
            _ = try await RechargeTests.pay(site, 20_000, "r1")
            try await Self.agree(site, .dailyPaise(1_000))
            clock.nowMs += Self.dayMs
            try await act(PauseInstalments(accountID: 101, paused: true, reason: "in dispute"))
            clock.nowMs += Self.dayMs
            #expect(try await Self.run(site).taken == 0)
            try await act(PauseInstalments(accountID: 101, paused: false, reason: "decided"))
            clock.nowMs += 3 * Self.dayMs
            // Of the days since only the first may still be claimed for.
            let result = try await Self.run(site)
            #expect(result.taken == 1 && result.none == 2)
            #expect(try await Self.stand(site) == [19_000, 8_000])
            try await act(SettleArrears(accountID: 101, amountPaise: 3_000, source: .counter, reference: "c1"))
            #expect(try await Self.stand(site) == [19_000, 5_000])
            try await act(WriteOffArrears(accountID: 101, amountPaise: 1_000, reason: "too old", reference: "w1"))
            try await act(SettleArrears(accountID: 101, amountPaise: nil, source: .wallet, reference: "s1"))
            try await act(SettleArrears(accountID: 101, amountPaise: nil, source: .wallet, reference: "s1"))
            #expect(try await Self.stand(site) == [15_000, 0])
            #expect(
                await Self.refused {
                    try await act(SettleArrears(accountID: 101, amountPaise: nil, source: .wallet, reference: "s2"))
                } == .conflict)
            let op = Actor(loginID: 5, role: .operator, scope: Self.scope)
            #expect(
                await Self.refused {
                    _ = try await site.perform(
                        WriteOffArrears(accountID: 101, amountPaise: 1, reason: "because", reference: "w2"), as: op,
                        source: "test")
                } == .forbidden)
        }
    }

    @Test(arguments: TestEngine.available)
    func aConversionIsOneEntryThatSumsToZero(_ engine: TestEngine) async throws {
        try await RechargeTests.with(engine) { site in
            func act(_ command: some Command) async throws {
                _ = try await site.perform(command, as: RechargeTests.system, source: "test")
            }
            let post = { (account: Int64, deposit: Int64, postpaid: Int64, setsOff: Bool) in
                PostConversion(
                    accountID: account,
                    sums: ConversionSums(depositPaise: deposit, postpaidPaise: postpaid, setsDepositOff: setsOff),
                    since: Self.today.advanced(by: -60), claimUntil: nil, disconnectUntil: nil)
            }
            #expect(await Self.refused { try await act(post(101, 0, 0, true)) } == .conflict)
            try await act(BeginConversion(accountID: 101, reason: "a smart meter was installed"))
            let isOpen = {
                try await site.money.read { try Conversion.find(accountID: 101, Self.scope, in: $0)?.isOpen }
            }
            #expect(try await isOpen() == true)
            // Owes ₹1,300, deposit ₹700 set off against it: nothing in the wallet, ₹600 left.
            try await act(post(101, 70_000, -130_000, true))
            #expect(try await isOpen() == false)
            #expect(try await Self.stand(site) == [0, 60_000])
            try await act(post(101, 70_000, -130_000, true))
            #expect(try await Self.stand(site) == [0, 60_000])
            #expect(await Self.refused { try await act(post(101, 1, 0, true)) } == .conflict)
            // A credit of ₹11,954 is carried over whole, with the deposit.
            try await act(BeginConversion(accountID: 102, reason: "a smart meter was installed"))
            try await act(post(102, 60_000, 1_195_400, false))
            #expect(try await Self.stand(site, account: 102) == [1_255_400, 0])
            let entries = try await site.money.read {
                try $0.first("SELECT COUNT(*) FROM journal_entry WHERE kind = 'conversion'", []) { try $0.int(0) }
            }
            #expect(entries == 2)
        }
    }

    @Test func whateverIsBroughtAlongTheSumsAgree() {
        for deposit in [0, 1, 70_000] as [Int64] {
            for postpaid in [-130_000, -70_000, -1, 0, 1, 90_000] as [Int64] {
                for setsOff in [true, false] {
                    let sums = ConversionSums(depositPaise: deposit, postpaidPaise: postpaid, setsDepositOff: setsOff)
                    #expect(sums.openingPaise - sums.arrearsPaise == deposit + postpaid)
                    #expect(sums.openingPaise >= 0 && sums.arrearsPaise >= 0)
                    if setsOff { #expect(min(sums.openingPaise, sums.arrearsPaise) == 0) }
                }
            }
        }
    }
}
