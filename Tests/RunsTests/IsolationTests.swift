// One account whose stored state does not read stops nobody: it is kept aside with the reason, the others are charged,
// and it is charged once it is mended.
import Access
import CivilTime
import Clocks
import Rating
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct IsolationTests {
    @Test(arguments: TestEngine.available)
    func oneBadAccountStopsNobody(_ engine: TestEngine) async throws {
        try await RunBench.with(engine) { bench in
            let other = bench.retailer.otherAccount
            func components(_ text: String) async throws {
                try await bench.site.money.write { transaction in
                    try transaction.run(
                        """
                        UPDATE charge SET components = $1 WHERE account_id = $2
                          AND day = (SELECT MAX(day) FROM charge WHERE account_id = $2)
                        """, [.text(text), .int(other)])
                }
            }
            func charged() async throws -> (own: Int64, other: Int64) {
                try await bench.site.money.read { transaction in
                    func count(_ accountID: Int64) throws -> Int64 {
                        try transaction.first(
                            "SELECT COUNT(*) FROM charge WHERE account_id = $1", [.int(accountID)]
                        ) { try $0.int(0) } ?? 0
                    }
                    return (try count(bench.account), try count(other))
                }
            }
            let before = try await charged()
            let good = try await bench.site.money.read { transaction in
                try transaction.first(
                    "SELECT components FROM charge WHERE account_id = $1 ORDER BY day DESC LIMIT 1", [.int(other)]
                ) { try $0.text(0) } ?? ""
            }
            try await components("not a component")
            let day: [Int32?] = (0..<48).map { _ in 70 }
            try await bench.arrive(bench.today, day)
            try await bench.arrive(bench.today, day, meter: bench.retailer.otherMeter)
            #expect(try await bench.rate() == 1)
            let aside = try await charged()
            #expect(aside.own == before.own + 1 && aside.other == before.other)
            let refusals = try await bench.site.money.read { [scope = bench.scope] in
                try RatingRefusal.latest(limit: 10, scope, in: $0)
            }
            let refusal = try #require(refusals.first)
            #expect(refusal.accountID == other && refusal.reason.contains("not a component"))
            // Mended, the next run takes it up by itself and the list is empty.
            try await components(good)
            try await bench.rate()
            #expect(try await charged().other == before.other + 1)
            let left = try await bench.site.money.read { [scope = bench.scope] in
                try RatingRefusal.latest(limit: 10, scope, in: $0)
            }
            #expect(left.isEmpty)
        }
    }
}
