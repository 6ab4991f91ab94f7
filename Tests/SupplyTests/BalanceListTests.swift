// Accounts found by their balance, also while the steps of a large entry wait to be added to the kept balances.
import Access
import CivilTime
import Clocks
import Journal
import SQL
import Supply
import TestSupport
import Testing

@Suite struct BalanceListTests {
    @Test(arguments: TestEngine.available)
    func whatWaitsIsCountedIn(_ engine: TestEngine) async throws {
        try await SupplyStoreTests.with(engine) { bench in
            let account = SupplyStoreTests.account
            func found(below paise: Int64) async throws -> Bool {
                try await bench.site.money.read { transaction in
                    try SupplyListing.page(
                        after: "", SupplyListing.Filter(balanceBelowPaise: paise), limit: 10, SupplyStoreTests.scope,
                        in: transaction
                    ).contains { $0.accountID == account }
                }
            }
            try await bench.post(10_000, .recharge, "recharge")
            #expect(try await !found(below: 10_000))
            #expect(try await found(below: 10_001))
            try await bench.site.money.write { [site = bench.site] transaction in
                let legs = (0..<300).map { Leg(account + $0 * 1_000, 9_500, .charge) }
                _ = try Journal.post(
                    key: "run", kind: "rating", legs: legs + [Leg(1, -300 * 9_500, .revenue)], businessAtMs: 1,
                    entryID: site.ids.next(), SupplyStoreTests.scope, in: transaction)
            }
            #expect(try await found(below: 501))
            #expect(try await !found(below: 500))
            try await bench.post(400, .recharge, "second recharge")
            #expect(try await found(below: 901))
            #expect(try await !found(below: 900))
        }
    }
}
