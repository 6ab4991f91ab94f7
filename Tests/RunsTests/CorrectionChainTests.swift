// A correction shows its reading, every later day it moved, both postings of each, and sums to the paisa; a month is
// closed when every account is complete and the book agrees.
import Access
import CivilTime
import Clocks
import IntervalData
import Journal
import Rating
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct CorrectionChainTests {
    @Test(arguments: TestEngine.available)
    func theChainFootsToThePaisa(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            let before = try await bench.balance()
            try await bench.change(bench.first.advanced(by: 1), slot: 40, to: 901)
            try await bench.rate()
            let list = try await bench.site.money.read { [scope = bench.scope, account = bench.account] in
                try Correction.of(accountID: account, limit: 10, scope, in: $0)
            }
            #expect(list.count == 1)
            let correction = try #require(list.first)
            let chain = try await CorrectionChain.of(
                correction.correctionID, accountID: bench.account, site: bench.site, bench.scope)
            let after = try await bench.balance()
            #expect(chain.agrees && chain.postedPaise == before - after)
            let step = try #require(chain.steps.first)
            #expect(step.day == bench.first.advanced(by: 1) && step.cause == .readings)
            #expect(step.readingBefore.version == 1 && step.readingAfter.version == 2)
            #expect(step.readingAfter.madeBy == "edit" && step.readingAfter.editedSlots == 1)
            #expect(step.postings.map(\.isReversal) == [true, false])
            #expect(step.postings.map(\.amountPaise) == [-step.before.totalPaise, step.after.totalPaise])
            #expect(step.postings.allSatisfy { $0.bookedAtMs == correction.atMs })
            // The days behind it were looked at because an earlier one moved.
            #expect(chain.steps.count == 4 && chain.steps.dropFirst().allSatisfy { $0.cause == .earlierDay })
            let sums = try await bench.site.money.read { [scope = bench.scope] in
                try Correction.sums(fromMs: correction.atMs, toMs: correction.atMs + 1, scope, in: $0)
            }
            #expect(sums.count == 1 && sums.paise == correction.differencePaise)
            // Nobody else's.
            await #expect(throws: Refusal.self) {
                try await CorrectionChain.of(
                    correction.correctionID, accountID: bench.retailer.otherAccount, site: bench.site, bench.scope)
            }
            await #expect(throws: Refusal.self) {
                try await CorrectionChain.of(
                    correction.correctionID, accountID: bench.account, site: bench.site, Scope(orgID: 2))
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func aMonthIsClosedOnceNothingLacks(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            let check = MonthCheck(site: bench.site, org: bench.org)
            let open = try #require(try await check.run().first)
            // The other meter's last day is held back.
            #expect(open.month == bench.retailer.lastDay.month && open.accounts == 2 && open.open == 1)
            #expect(open.closedAtMs == nil && open.chargedPaise == open.postedPaise && open.chargedPaise > 0)
            func items() async throws -> [WorkItem] {
                try await bench.site.money.read { [scope = bench.scope] in
                    try WorkItem.list(run: .close, limit: 10, scope, in: $0)
                }
            }
            let item = try #require(try await items().first)
            #expect(item.accountID == bench.retailer.otherAccount && item.mender == .readings)
            #expect(item.item == open.month.description && item.reason.hasPrefix("1 days are not charged"))
            _ = try await check.run()
            #expect(try await items().map(\.attempts) == [2])
            // Mended: the list empties by itself, the month is closed, and stays so.
            try await bench.arrive(
                bench.retailer.lastDay, (0..<48).map { _ in 50 }, meter: bench.retailer.otherMeter)
            try await bench.rate()
            let closed = try #require(try await check.run().first)
            #expect(closed.open == 0 && closed.closedAtMs != nil && closed.chargedPaise == closed.postedPaise)
            #expect(try await items().isEmpty)
            #expect(try await check.run().isEmpty)
        }
    }

    @Test(arguments: TestEngine.available)
    func theSurplusOfAMonthMovesOnceAndDebtsComeFirst(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            let (other, third) = (bench.retailer.otherAccount, 90 + bench.org.orgID)
            func balance(_ accountID: Int64) async throws -> Int64 {
                try await bench.site.money.read { [scope = bench.scope] in
                    try Journal.balance(ofAccount: accountID, scope, in: $0).balancePaise
                }
            }
            _ = try await bench.site.perform(
                DeclareWalletOrder(WalletOrder(accountID: bench.account, toAccountIDs: [third, other])),
                as: bench.actor, source: "test")
            // The other owes 100 rupees.
            let debt: Int64 = 10_000
            try await bench.site.money.write { [scope = bench.scope, site = bench.site] transaction in
                let owed = try Journal.balance(ofAccount: other, scope, in: transaction).balancePaise + debt
                _ = try Journal.post(
                    key: "owes", kind: "test",
                    legs: [Leg(other, owed, .adjustment), Leg(ChartAccount.adjustments.rawValue, -owed, .adjustment)],
                    businessAtMs: 1, entryID: site.ids.next(), scope, in: transaction)
            }
            let surplus = try await balance(bench.account)
            #expect(surplus > debt)
            let check = MonthCheck(site: bench.site, org: bench.org)
            _ = try await check.run()
            #expect(try await balance(bench.account) == 0)
            #expect(try await balance(other) == 0)
            #expect(try await balance(third) == surplus - debt)
            let book = try await bench.book()
            _ = try await check.run()
            #expect(try await bench.book() == book)
            await #expect(throws: Refusal.self) {
                try await bench.site.perform(
                    DeclareWalletOrder(WalletOrder(accountID: other, toAccountIDs: [other])), as: bench.actor,
                    source: "test")
            }
        }
    }
}
