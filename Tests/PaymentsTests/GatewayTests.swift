// Payments through a gateway: however its words arrive, lost, twice, altered or out of order, a payment is one credit.
import Access
import Accounts
import CivilTime
import Clocks
import Cryptography
import Grid
import Journal
import Outbox
import PaymentPort
import SQL
import TestGateway
import TestSupport
import Testing

@testable import Payments

@Suite struct GatewayTests {
    static let system = Actor.system(orgID: 1)
    static let consumer = Actor(loginID: 9, role: .consumer, scope: Scope(orgID: 1, accountID: 101))

    /// A company whose setting is the test gateway, with its desk and a clock to move.
    struct Shop: Sendable {
        let site: Site
        let desk: PaymentDesk
        let gateway: TestGateway
        let clock: ManualClock
        let secret: [UInt8]

        func open(_ amountPaise: Int64 = 50_000, _ reference: String = "order-key-1") async throws -> PaymentOrder {
            try await desk.open(
                accountID: 101, amountPaise: amountPaise, reference: reference, as: GatewayTests.consumer,
                source: "test")
        }

        func payment(
            _ order: PaymentOrder, _ state: GatewayPayment.State, id: String = "pay_1", paise: Int64? = nil,
            currency: String = "INR"
        ) -> GatewayPayment {
            GatewayPayment(
                paymentID: id, gatewayOrderID: order.gatewayOrderID ?? "", amountPaise: paise ?? order.amountPaise,
                currency: currency, state: state)
        }

        func webhook(_ payment: GatewayPayment) -> GatewayWebhook {
            gateway.webhook(payment, secret: secret, atS: clock.nowMs / 1000)
        }

        func take(_ payment: GatewayPayment) async throws {
            try await desk.take(webhook(payment), at: "test-1", source: "test")
        }

        func state(_ order: PaymentOrder) async throws -> PaymentOrder.State {
            try await site.money.read { try PaymentOrder.find(order.orderID, Scope(orgID: 1), in: $0).state }
        }

        func payments(_ order: PaymentOrder) async throws -> [KnownPayment] {
            try await site.money.read { try KnownPayment.ofOrder(order, Scope(orgID: 1), in: $0) }
        }

        func count(_ table: String) async throws -> Int64 {
            try await site.money.read { try $0.first("SELECT COUNT(*) FROM \(table)", []) { try $0.int(0) } ?? -1 }
        }

        func balance() async throws -> Int64 { try await RechargeTests.state(site)[0] }

        /// Runs the job as far after the order as minutes say.
        func reconcile(afterMinutes minutes: Int64) async throws -> PaymentDesk.Reconciled {
            clock.nowMs += minutes * 60_000
            return try await desk.reconcile(orgID: 1)
        }
    }

    static func with(_ engine: TestEngine, _ body: (Shop) async throws -> Void) async throws {
        try await RechargeTests.withClock(engine) { site, clock in
            try await site.money.write { transaction in
                try Setting.set(
                    Recharge.portalSetting, "test", from: CivilDay(number: 0), Scope(orgID: 1), in: transaction)
                try Org(orgID: 2, name: "Two").create(in: transaction)
            }
            let gateway = TestGateway()
            let ring = try KeyRing(current: [UInt8](repeating: 7, count: 32))
            let desk = PaymentDesk(site: site, ring: ring, gateways: [gateway])
            let secret = try await desk.madeSecret("test", Scope(orgID: 1))
            try await body(Shop(site: site, desk: desk, gateway: gateway, clock: clock, secret: secret))
        }
    }

    static func refusal(_ body: () async throws -> Void) async -> Refusal? {
        do {
            try await body()
            return nil
        } catch {
            return error as? Refusal
        }
    }

    /// RFC 4231, cases 1, 2 and 6.
    @Test func theKeyedHashIsThatOfTheStandard() {
        func hex(_ message: String, _ key: [UInt8]) -> String {
            Secret.hex(Hash.hmacSHA256(Array(message.utf8), key: key))
        }
        #expect(
            hex("Hi There", [UInt8](repeating: 0x0B, count: 20))
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(
            hex("what do ya want for nothing?", Array("Jefe".utf8))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            hex(
                "Test Using Larger Than Block-Size Key - Hash Key First", [UInt8](repeating: 0xAA, count: 131))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test(arguments: TestEngine.available)
    func aCapturedPaymentIsCreditedOnceHoweverOftenItIsTold(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            #expect(order.state == .created && order.gatewayOrderID == "order_test_\(order.orderID)")
            #expect(try await shop.open() == order)
            try await shop.take(shop.payment(order, .authorized))
            #expect(try await shop.state(order) == .attempted)
            #expect(try await shop.balance() == 0)
            for _ in 1...3 { try await shop.take(shop.payment(order, .captured)) }
            #expect(try await shop.state(order) == .paid)
            #expect(try await RechargeTests.state(shop.site) == [50_000, 1, 2, 2])
            // An event of another id about the same payment, and a fetch: one entry all the same.
            var again = shop.webhook(shop.payment(order, .captured))
            again.eventID = "evt_other"
            try await shop.desk.take(again, at: "test-1", source: "test")
            shop.gateway.keep(shop.payment(order, .captured))
            _ = try await shop.reconcile(afterMinutes: 60)
            #expect(try await RechargeTests.state(shop.site) == [50_000, 1, 2, 2])
            #expect(try await shop.count("payment_event") == 3)
            let key = try await shop.site.money.read {
                try $0.first("SELECT entry_key FROM journal_entry", []) { try $0.text(0) }
            }
            #expect(key == "recharge:gateway:test.pay_1")
        }
    }

    @Test(arguments: TestEngine.available)
    func webhooksAndFetchesAtOnceAreOneCredit(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            shop.gateway.keep(shop.payment(order, .captured))
            shop.clock.nowMs += 3_600_000
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...6 {
                    group.addTask {
                        var webhook = shop.webhook(shop.payment(order, .captured))
                        webhook.eventID += number > 3 ? "_\(number)" : ""
                        try await shop.desk.take(webhook, at: "test-1", source: "test")
                    }
                }
                group.addTask { _ = try await shop.desk.reconcile(orgID: 1) }
                try await group.waitForAll()
            }
            #expect(try await RechargeTests.state(shop.site) == [50_000, 1, 2, 2])
            #expect(try await shop.state(order) == .paid)
        }
    }

    @Test(arguments: TestEngine.available)
    func whatComesLateNeverMovesBack(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            try await shop.take(shop.payment(order, .captured))
            try await shop.take(shop.payment(order, .authorized))
            try await shop.take(shop.payment(order, .failed))
            #expect(try await shop.state(order) == .paid)
            #expect(try await shop.payments(order).map(\.payment.state) == [.captured])
            #expect(try await shop.balance() == 50_000)
        }
    }

    @Test(arguments: TestEngine.available)
    func aBankMayAgreeAfterItHadRefused(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            try await shop.take(shop.payment(order, .failed))
            #expect(try await shop.state(order) == .failed)
            try await shop.take(shop.payment(order, .authorized))
            #expect(try await shop.state(order) == .attempted)
            try await shop.take(shop.payment(order, .captured))
            #expect(try await shop.state(order) == .paid)
            #expect(try await shop.balance() == 50_000)
        }
    }

    @Test(arguments: TestEngine.available)
    func whatIsNotSignedIsRefusedAndNothingOfItIsKept(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            let good = shop.webhook(shop.payment(order, .captured))
            var altered = good
            altered.body = Array(String(decoding: good.body, as: UTF8.self).replacing("50000", with: "60000").utf8)
            #expect(altered.body != good.body)
            var spaced = good
            spaced.body.append(UInt8(ascii: " "))
            var unsigned = good
            unsigned.signature = ""
            var short = good
            short.signature = String(good.signature.dropLast(2))
            let foreign = shop.gateway.webhook(
                shop.payment(order, .captured), secret: [UInt8](repeating: 1, count: 32), atS: 0)
            for wrong in [altered, spaced, unsigned, short, foreign] {
                let refusal = await Self.refusal { try await shop.desk.take(wrong, at: "test-1", source: "test") }
                #expect(refusal == PaymentDesk.notAccepted)
            }
            // Of another company, of nobody, or of no form: the same answer.
            for address in ["test-2", "test-99", "real-1", "test", "test-01", "-1", "test--1", ""] {
                let refusal = await Self.refusal { try await shop.desk.take(good, at: address, source: "test") }
                #expect(refusal == PaymentDesk.notAccepted, "\(address)")
            }
            #expect(try await shop.count("payment_event") == 0)
            #expect(try await shop.balance() == 0)
            // Signed, and no sense in it.
            for text in ["", "{}", "[1]", #"{"event":"payment.captured","payload":{"payment":7},"created_at":1}"#] {
                let body = Array(text.utf8)
                let webhook = GatewayWebhook(
                    body: body, signature: SignedForm.signature(body, secret: shop.secret), eventID: "evt_1")
                let refusal = await Self.refusal { try await shop.desk.take(webhook, at: "test-1", source: "test") }
                #expect(refusal?.code == .invalid, "\(text)")
            }
            #expect(try await shop.count("payment_event") == 0)
            // Switched off, it opens nothing new, and what was opened is still served.
            try await shop.site.money.write {
                try Setting.set(Recharge.portalSetting, "off", from: CivilDay(number: 0), Scope(orgID: 1), in: $0)
            }
            let closed = await Self.refusal { _ = try await shop.open(10_000, "order-key-9") }
            #expect(closed?.code == .conflict)
            try await shop.desk.take(good, at: "test-1", source: "test")
            #expect(try await shop.balance() == 50_000)
            // A gateway that this process does not have is not there, whatever is stored.
            let without = PaymentDesk(site: shop.site, ring: shop.desk.ring, gateways: [])
            let unknown = await Self.refusal { try await without.take(good, at: "test-1", source: "test") }
            #expect(unknown == PaymentDesk.notAccepted)
        }
    }

    @Test(arguments: TestEngine.available)
    func whatDoesNotFitItsOrderIsKeptAside(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            try await shop.take(shop.payment(order, .captured, id: "pay_less", paise: 49_999))
            try await shop.take(shop.payment(order, .captured, id: "pay_dollar", currency: "USD"))
            var stranger = shop.payment(order, .captured, id: "pay_nobody")
            stranger.gatewayOrderID = "order_nobody"
            try await shop.take(stranger)
            #expect(try await shop.balance() == 0)
            #expect(try await shop.state(order) == .attempted)
            try await shop.take(shop.payment(order, .captured, id: "pay_right"))
            try await shop.take(shop.payment(order, .captured, id: "pay_second"))
            #expect(try await RechargeTests.state(shop.site) == [50_000, 1, 2, 2])
            try await shop.take(shop.payment(order, .refunded, id: "pay_right"))
            #expect(try await RechargeTests.state(shop.site) == [50_000, 1, 2, 2])
            let aside = try await shop.site.money.read {
                try KnownPayment.aside(limit: 10, Scope(orgID: 1), in: $0)
            }
            let why = Dictionary(uniqueKeysWithValues: aside.map { ($0.payment.paymentID, $0.aside) })
            #expect(
                why == [
                    "pay_less": .otherAmount, "pay_dollar": .otherCurrency, "pay_nobody": .unknownOrder,
                    "pay_second": .paidTwice, "pay_right": .refunded,
                ])
            let second = try await shop.site.money.read {
                try KnownPayment.aside(before: aside[1].knownID, limit: 2, Scope(orgID: 1), in: $0)
            }
            #expect(second == Array(aside[2...3]))
            #expect(aside.first { $0.payment.paymentID == "pay_right" }?.entryID != nil)
            #expect(try await shop.state(order) == .paid)
            // A person says what became of one; told otherwise later, it is there again.
            let twice = try #require(aside.first { $0.aside == .paidTwice })
            func close(_ knownID: Int64) async throws -> KnownPayment.Aside {
                try await shop.site.perform(
                    CloseAsidePayment(knownID: knownID, reason: "Paid back at the gateway"), as: Self.system,
                    source: "test")
            }
            for _ in 0..<2 { #expect(try await close(twice.knownID) == .paidTwice) }
            func open() async throws -> [Int64] {
                try await shop.site.money.read { try KnownPayment.aside(limit: 10, Scope(orgID: 1), in: $0) }
                    .map(\.knownID)
            }
            #expect(try await open() == aside.map(\.knownID).filter { $0 != twice.knownID })
            try await shop.take(shop.payment(order, .refunded, id: "pay_second"))
            #expect(try await open() == aside.map(\.knownID))
            let unknown = await Self.refusal { _ = try await close(1) }
            #expect(unknown?.code == .notFound)
            // Who is confined sees none of them, and no other company.
            for scope in [Scope(orgID: 1, placeIDs: [10]), Scope(orgID: 1, accountID: 101), Scope(orgID: 2)] {
                let seen = try await shop.site.money.read { try KnownPayment.aside(limit: 10, scope, in: $0) }
                #expect(seen == [])
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func aLostWebhookIsFoundByAsking(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            shop.gateway.keep(shop.payment(order, .captured))
            #expect(try await shop.reconcile(afterMinutes: 9) == .init())
            shop.gateway.fallSilent(true)
            let silent = try await shop.reconcile(afterMinutes: 1)
            #expect(silent.looked == 1 && silent.silent == 1 && silent.paid == 0)
            shop.gateway.fallSilent(false)
            #expect(try await shop.reconcile(afterMinutes: 1) == .init())
            let found = try await shop.reconcile(afterMinutes: 10)
            #expect(found.looked == 1 && found.paid == 1)
            #expect(try await shop.state(order) == .paid)
            #expect(try await shop.balance() == 50_000)
            #expect(try await shop.reconcile(afterMinutes: 1_440) == .init())
            #expect(try await RechargeTests.state(shop.site) == [50_000, 1, 2, 2])
        }
    }

    @Test(arguments: TestEngine.available)
    func anOrderNobodyPaysExpiresAndStillTakesLateMoney(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            _ = try await shop.reconcile(afterMinutes: 1_439)
            #expect(try await shop.state(order) == .created)
            _ = try await shop.reconcile(afterMinutes: 1_440)
            #expect(try await shop.state(order) == .expired)
            try await shop.take(shop.payment(order, .failed))
            #expect(try await shop.state(order) == .expired)
            shop.gateway.keep(shop.payment(order, .captured))
            _ = try await shop.reconcile(afterMinutes: 1_440)
            #expect(try await shop.state(order) == .paid)
            #expect(try await shop.balance() == 50_000)
        }
    }

    /// The process ends between storing a webhook and crediting: the repetition mends it, or the job does.
    @Test(arguments: TestEngine.available)
    func aStopBetweenStoringAndCreditingIsMended(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let first = try await shop.open()
            _ = try await shop.desk.store(shop.webhook(shop.payment(first, .captured)), at: "test-1")
            #expect(try await shop.balance() == 0)
            try await shop.take(shop.payment(first, .captured))
            #expect(try await shop.balance() == 50_000)
            let second = try await shop.open(20_000, "order-key-2")
            _ = try await shop.desk.store(shop.webhook(shop.payment(second, .captured, id: "pay_2")), at: "test-1")
            #expect(try await shop.balance() == 50_000)
            #expect(try await shop.desk.reconcile(orgID: 1).mended == 1)
            #expect(try await shop.balance() == 70_000)
            #expect(try await shop.desk.reconcile(orgID: 1) == .init())
            #expect(try await RechargeTests.state(shop.site) == [70_000, 2, 4, 4])
        }
    }

    /// The gateway took the order and the answer was lost: the same key offers the same order again.
    @Test(arguments: TestEngine.available)
    func anOrderTheGatewayDidNotAnswerIsOfferedAgain(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            shop.gateway.fallSilent(true)
            let silent = await Self.refusal { _ = try await shop.open() }
            #expect(silent?.code == .unavailable)
            shop.gateway.fallSilent(false)
            let order = try await shop.open()
            #expect(order.gatewayOrderID != nil)
            #expect(try await shop.count("payment_order") == 1)
            let other = await Self.refusal { _ = try await shop.open(60_000) }
            #expect(other == .referenceUsed)
            for amount in [Int64(99), 10_000_001, -1] {
                let wrong = await Self.refusal { _ = try await shop.open(amount, "key-\(amount)") }
                #expect(wrong?.code == .invalid)
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func ordersAreOfThoseWhoMaySeeTheAccount(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            let strangers = [
                Actor(loginID: 8, role: .consumer, scope: Scope(orgID: 1, accountID: 102)),
                Actor(loginID: 7, role: .operator, scope: Scope(orgID: 1, placeIDs: [99])),
                Actor(loginID: 6, role: .administrator, scope: Scope(orgID: 2)),
            ]
            for stranger in strangers {
                let opened = await Self.refusal {
                    _ = try await shop.desk.open(
                        accountID: 101, amountPaise: 5_000, reference: "order-key-7", as: stranger, source: "test")
                }
                #expect(opened?.code == .notFound)
                let read = await Self.refusal {
                    _ = try await shop.site.money.read {
                        try PaymentOrder.find(order.orderID, stranger.scope, in: $0)
                    }
                }
                #expect(read?.code == .notFound)
                let paid = await Self.refusal {
                    _ = try await shop.desk.payAtTest(
                        orderID: order.orderID, .succeed, attempt: "attempt-1", as: stranger, source: "test")
                }
                #expect(paid?.code == .notFound)
            }
            #expect(try await shop.count("payment_order") == 1)
            // What a gateway says can be said by the machine alone, whoever may recharge.
            let administrator = Actor(loginID: 5, role: .administrator, scope: Scope(orgID: 1))
            let settled = await Self.refusal {
                _ = try await shop.site.perform(
                    SettlePayment(gateway: "test", payment: shop.payment(order, .captured)), as: administrator,
                    source: "test")
            }
            #expect(settled?.code == .forbidden)
            #expect(try await shop.balance() == 0)
        }
    }

    @Test(arguments: TestEngine.available)
    func theTestGatewayPaysFailsAndAgreesLate(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            func pay(_ order: PaymentOrder, _ outcome: TestOutcome, _ attempt: String) async throws -> PaymentOrder {
                try await shop.desk.payAtTest(
                    orderID: order.orderID, outcome, attempt: attempt, as: Self.consumer, source: "test")
            }
            let first = try await shop.open()
            #expect(try await pay(first, .fail, "attempt-1").state == .failed)
            #expect(try await pay(first, .succeed, "attempt-2").state == .paid)
            #expect(try await pay(first, .succeed, "attempt-3").state == .paid)
            #expect(try await shop.payments(first).map(\.payment.state).sorted() == [.failed, .captured])
            #expect(try await shop.balance() == 50_000)
            let second = try await shop.open(30_000, "order-key-2")
            #expect(try await pay(second, .later, "attempt-1").state == .failed)
            #expect(try await shop.balance() == 50_000)
            #expect(try await shop.reconcile(afterMinutes: 10).paid == 1)
            #expect(try await shop.state(second) == .paid)
            #expect(try await shop.balance() == 80_000)
        }
    }

    @Test(arguments: TestEngine.available)
    func ordersNobodyPaidAreDroppedInTheEnd(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let paid = try await shop.open(20_000, "order-key-1")
            try await shop.take(shop.payment(paid, .captured))
            let failed = try await shop.open(30_000, "order-key-2")
            try await shop.take(shop.payment(failed, .failed, id: "pay_2"))
            for _ in 0..<7 { _ = try await shop.reconcile(afterMinutes: 1_440) }
            _ = try await shop.reconcile(afterMinutes: 1_440 * 390)
            #expect(try await (shop.count("payment_order"), shop.count("gateway_payment")) == (2, 2))
            _ = try await shop.reconcile(afterMinutes: 1_440 * 10)
            #expect(try await (shop.count("payment_order"), shop.count("gateway_payment")) == (1, 1))
            #expect(try await shop.state(paid) == .paid)
        }
    }

    @Test(arguments: TestEngine.available)
    func eventsAndOpenOrdersAreBounded(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            for number in 1...20 { _ = try await shop.open(10_000, "order-key-\(number)") }
            let more = await Self.refusal { _ = try await shop.open(10_000, "order-key-21") }
            #expect(more?.code == .conflict)
            let order = try await shop.open(10_000)
            for number in 1...5 {
                shop.clock.nowMs += 1_000
                try await shop.take(shop.payment(order, .failed, id: "pay_\(number)"))
            }
            let nowMs = shop.clock.nowMs
            try await shop.site.money.write {
                try PaymentEvent.prune(nowMs: nowMs, keptMax: 2, Scope(orgID: 1), in: $0)
            }
            #expect(try await shop.count("payment_event") == 2)
            _ = try await shop.reconcile(afterMinutes: 91 * 1_440)
            #expect(try await shop.count("payment_event") == 0)
        }
    }

    /// The secret lies sealed; what is kept of a webhook holds neither it nor a signature.
    @Test(arguments: TestEngine.available)
    func secretsStandNowhereInTheOpen(_ engine: TestEngine) async throws {
        try await Self.with(engine) { shop in
            let order = try await shop.open()
            let webhook = shop.webhook(shop.payment(order, .captured))
            try await shop.desk.take(webhook, at: "test-1", source: "test")
            let (sealed, trail) = try await shop.site.money.read { transaction in
                (
                    try transaction.query("SELECT sealed_secret FROM payment_gateway", []) { try $0.bytes(0) },
                    try transaction.query("SELECT content FROM audit", []) { try $0.text(0) }
                )
            }
            #expect(sealed.count == 1 && sealed[0].count > 32)
            #expect(!Secret.hex(sealed[0]).contains(Secret.hex(shop.secret)))
            #expect(!trail.isEmpty)
            for text in trail {
                #expect(!text.contains(webhook.signature) && !text.contains(Secret.hex(shop.secret)))
            }
            #expect(try await shop.desk.madeSecret("test", Scope(orgID: 1)) == shop.secret)
        }
    }
}
