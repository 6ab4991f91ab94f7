// Orders that were tried often, gateways that fall silent, rows that make no sense: one credit, and the rest goes on.
import Access
import CivilTime
import PaymentPort
import SQL
import TestGateway
import TestSupport
import Testing

@testable import Payments

@Suite struct ManyPaymentsTests {
    @Test(arguments: TestEngine.available)
    func afterAHundredAttemptsAnOrderIsStillCreditedOnce(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            let order = try await shop.open()
            for number in 1...100 { try await shop.take(shop.payment(order, .failed, id: "pay_no_\(number)")) }
            #expect(try await shop.count("gateway_payment") == KnownPayment.attemptsMax)
            // What took money is kept, however much it is.
            for number in 1...100 {
                try await shop.take(shop.payment(order, .captured, id: "pay_less_\(number)", paise: 100))
            }
            #expect(try await shop.count("gateway_payment") == KnownPayment.attemptsMax + 100)
            try await shop.take(shop.payment(order, .captured, id: "pay_101"))
            #expect(try await shop.state(order) == .paid)
            // Even where the order does not say so.
            try await shop.site.money.write { _ = try $0.run("UPDATE payment_order SET state = 'failed'", []) }
            try await shop.take(shop.payment(order, .captured, id: "pay_102"))
            #expect(try await RechargeTests.state(shop.site) == [50_000, 1, 2, 2])
            #expect(try await shop.state(order) == .paid)
            let aside = try await shop.site.money.read {
                try KnownPayment.aside(limit: 1, Scope(orgID: 1), in: $0)
            }
            #expect(aside.map(\.payment.paymentID) == ["pay_102"] && aside.map(\.aside) == [.paidTwice])
            let second = try await shop.open(20_000, "order-key-2")
            for number in 1...KnownPayment.attemptsMax {
                _ = try await shop.desk.payAtTest(
                    orderID: second.orderID, .fail, attempt: "attempt-\(number)", as: GatewayTests.consumer,
                    source: "test")
            }
            let more = await GatewayTests.refusal {
                _ = try await shop.desk.payAtTest(
                    orderID: second.orderID, .succeed, attempt: "attempt-x", as: GatewayTests.consumer, source: "test")
            }
            #expect(more?.code == .conflict)
        }
    }

    @Test(arguments: TestEngine.available)
    func whoPaidAtTheTestGatewayStandsInTheTrail(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            let order = try await shop.open()
            _ = try await shop.desk.payAtTest(
                orderID: order.orderID, .succeed, attempt: "attempt-1", as: GatewayTests.consumer, source: "test")
            let logins = try await shop.site.money.read {
                try $0.query("SELECT login_id FROM audit WHERE command = 'payments.pay-at-test'", []) { try $0.int(0) }
            }
            #expect(logins == [GatewayTests.consumer.loginID])
        }
    }

    @Test(arguments: TestEngine.available)
    func oneBadRowHoldsUpNoOther(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            let bad = try await shop.open()
            let good = try await shop.open(20_000, "order-key-2")
            let broken = try await shop.open(30_000, "order-key-3")
            for (order, id) in [(bad, "pay_bad"), (good, "pay_good")] {
                _ = try await shop.desk.store(shop.webhook(shop.payment(order, .captured, id: id)), at: "test-1")
            }
            shop.gateway.keep(shop.payment(broken, .captured, id: "pay_broken"))
            let brokenID = broken.orderID
            try await shop.site.money.write { transaction in
                try transaction.run(
                    "UPDATE payment_event SET payment_state = 'odd' WHERE payment_id = 'pay_bad'", [])
                try transaction.run("UPDATE payment_order SET state = 'odd' WHERE order_id = $1", [.int(brokenID)])
                // An event whose payment's row makes no sense: an error of the store, and no refusal.
                try transaction.run(
                    """
                    INSERT INTO payment_event (org_id, gateway, event_id, body_hash, event, received_at_ms, payment_id,
                      gateway_order_id, amount_paise, currency, payment_state)
                    SELECT org_id, gateway, 'evt_a', body_hash, event, 0, 'pay_odd', gateway_order_id, amount_paise,
                      currency, payment_state FROM payment_event WHERE payment_id = 'pay_good'
                    """, [])
                try transaction.run(
                    """
                    INSERT INTO gateway_payment (org_id, gateway, payment_id, gateway_order_id, amount_paise, currency,
                      state, first_at_ms, known_id) VALUES (1, 'test', 'pay_odd', 'order_other', 1, 'INR', 'odd', 0, 1)
                    """, [])
            }
            let found = try await shop.reconcile(afterMinutes: 10)
            #expect(found.mended == 1 && found.refused == 3 && found.looked == 2)
            #expect(try await shop.balance() == 20_000)
            // The broken order is looked at again later, not at once.
            #expect(try await shop.reconcile(afterMinutes: 1).looked == 0)
        }
    }

    @Test(arguments: TestEngine.available)
    func ofManyPaymentsTheCapturedOneIsSettled(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            let order = try await shop.open()
            for number in 1...150 { shop.gateway.keep(shop.payment(order, .failed, id: "pay_\(number)")) }
            shop.gateway.keep(shop.payment(order, .captured, id: "pay_151"))
            #expect(try await shop.reconcile(afterMinutes: 10).paid == 1)
            #expect(try await shop.balance() == 50_000)
        }
    }

    @Test(arguments: TestEngine.available)
    func aSilentGatewayEndsNoOrderAndIsNotAskedOnAndOn(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            var orders: [PaymentOrder] = []
            for number in 1...7 { orders.append(try await shop.open(10_000, "order-key-\(number)")) }
            shop.gateway.fallSilent(true)
            let silent = try await shop.reconcile(afterMinutes: 6 * 1_440)
            #expect(silent.looked == 5 && silent.silent == 5)
            for order in orders { #expect(try await shop.state(order) == .created) }
            shop.gateway.fallSilent(false)
            shop.gateway.keep(shop.payment(orders[0], .captured))
            // Those that were not reached are due, and end after an answer; the first is asked a day later.
            let rest = try await shop.reconcile(afterMinutes: 1)
            #expect(rest.looked == 2 && rest.silent == 0)
            #expect(try await shop.state(orders[6]) == .expired)
            #expect(try await shop.reconcile(afterMinutes: 1_440).paid == 1)
            #expect(try await shop.state(orders[0]) == .paid)
            #expect(try await shop.state(orders[1]) == .expired)
        }
    }

    @Test(arguments: TestEngine.available)
    func aGatewayThatIsSwitchedOffIsStillAskedAboutItsOrders(_ engine: TestEngine) async throws {
        try await GatewayTests.with(engine) { shop in
            let order = try await shop.open()
            #expect(try await shop.desk.isTest(1))
            shop.gateway.keep(shop.payment(order, .captured))
            try await shop.site.money.write {
                try Setting.set(Recharge.portalSetting, "off", from: CivilDay(number: 0), Scope(orgID: 1), in: $0)
            }
            #expect(try await !shop.desk.isTest(1))
            #expect(try await shop.reconcile(afterMinutes: 10).paid == 1)
            #expect(try await shop.balance() == 50_000)
        }
    }
}
