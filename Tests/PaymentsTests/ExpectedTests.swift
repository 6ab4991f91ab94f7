// Money that is authorised and not captured: expected beside the balance, posted at capture, given up or lapsed; in
// whatever order the gateway's words come, the end is the same.
import Access
import Clocks
import Journal
import PaymentPort
import SQL
import TestGateway
import TestSupport
import Testing

@testable import Payments

@Suite struct ExpectedTests {
    /// The balance and what is expected beside it.
    private static func wallet(_ shop: GatewayTests.Shop) async throws -> [Int64] {
        let nowMs = shop.clock.nowMs
        return try await shop.site.money.read { transaction in
            let found = try Journal.balance(ofAccount: 101, atMs: nowMs, Scope(orgID: 1), in: transaction)
            let trial = try Journal.trialBalance(Scope(orgID: 1), in: transaction)
            #expect(trial.sumPaise == 0 && trial.unbalancedEntries == 0 && trial.wrongAccounts == [])
            return [found.balancePaise, found.expectedPaise ?? -1]
        }
    }

    @Test(arguments: TestEngine.available)
    func anAuthorisedPaymentIsExpectedAndPostedAtCapture(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            let order = try await shop.open()
            try await shop.take(shop.payment(order, .authorized))
            try await shop.take(shop.payment(order, .authorized))
            #expect(try await Self.wallet(shop) == [0, 50_000])
            #expect(try await shop.state(order) == .attempted)
            try await shop.take(shop.payment(order, .captured))
            try await shop.take(shop.payment(order, .authorized))
            try await shop.take(shop.payment(order, .captured))
            #expect(try await Self.wallet(shop) == [50_000, 0])
            #expect(try await shop.count("journal_entry") == 1)
            #expect(try await shop.count("journal_settlement") == 1)
            // The entry bears the key of every recharge of a gateway.
            let line = try await shop.site.money.read {
                try Journal.statement(ofAccount: 101, limit: 1, Scope(orgID: 1), in: $0)
            }
            #expect(line.map(\.entryKey) == ["recharge:gateway:test.pay_1"] && line[0].kind == .recharge)
        }
    }

    @Test(arguments: TestEngine.available)
    func everyOrderOfTheSameWordsEndsTheSame(_ engine: TestEngine) async throws {
        let words: [(id: String, state: GatewayPayment.State)] = [
            ("pay_1", .failed), ("pay_1", .authorized), ("pay_2", .authorized), ("pay_2", .captured),
        ]
        func orders(_ left: [Int]) -> [[Int]] {
            left.isEmpty ? [[]] : left.flatMap { one in orders(left.filter { $0 != one }).map { [one] + $0 } }
        }
        try await GatewayTests.with(engine) { shop in
            var paise: Int64 = 0
            for (number, sequence) in orders(Array(words.indices)).enumerated() {
                let order = try await shop.open(10_000, "order-key-\(number)")
                for index in sequence + sequence.reversed() {
                    let word = words[index]
                    try await shop.take(shop.payment(order, word.state, id: "\(word.id)_\(number)"))
                }
                paise += 10_000
                #expect(try await Self.wallet(shop) == [paise, 0], "\(sequence)")
                #expect(try await shop.state(order) == .paid)
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func whatIsGivenUpOrLapsesIsExpectedNoMoreAndALateCaptureStillCredits(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            // Held, then given back without capture.
            let first = try await shop.open()
            try await shop.take(shop.payment(first, .authorized))
            try await shop.take(shop.payment(first, .refunded))
            #expect(try await Self.wallet(shop) == [0, 0])
            // The gateway's own answer of now counts more than a webhook that was late.
            let second = try await shop.open(20_000, "order-key-2")
            let held = shop.payment(second, .authorized, id: "pay_2")
            try await shop.take(held)
            #expect(try await Self.wallet(shop) == [0, 20_000])
            shop.gateway.keep(shop.payment(second, .failed, id: "pay_2"))
            _ = try await shop.reconcile(afterMinutes: 10)
            #expect(try await Self.wallet(shop) == [0, 0])
            try await shop.take(shop.payment(second, .captured, id: "pay_2"))
            #expect(try await Self.wallet(shop) == [20_000, 0])
            // Nobody says anything more: it lapses by itself.
            let third = try await shop.open(30_000, "order-key-3")
            try await shop.take(shop.payment(third, .authorized, id: "pay_3"))
            #expect(try await Self.wallet(shop) == [20_000, 30_000])
            shop.clock.nowMs += PaymentOrder.lookedForMs
            #expect(try await Self.wallet(shop) == [20_000, 0])
            try await shop.take(shop.payment(third, .captured, id: "pay_3"))
            #expect(try await Self.wallet(shop) == [50_000, 0])
            // What does not fit its order is not expected either.
            let fourth = try await shop.open(40_000, "order-key-4")
            try await shop.take(shop.payment(fourth, .authorized, id: "pay_4", paise: 39_999))
            #expect(try await Self.wallet(shop) == [50_000, 0])
        }
    }

    @Test func theTestGatewayHoldsTheMoneyUntilItIsAsked() async throws {
        try await GatewayTests.with(.sqlite) { shop in
            let order = try await shop.open()
            let held = try await shop.desk.payAtTest(
                orderID: order.orderID, .hold, attempt: "attempt-1", as: GatewayTests.consumer, source: "test")
            #expect(held.state == .attempted)
            #expect(try await Self.wallet(shop) == [0, 50_000])
            #expect(try await shop.reconcile(afterMinutes: 10).paid == 1)
            #expect(try await Self.wallet(shop) == [50_000, 0])
        }
    }
}
