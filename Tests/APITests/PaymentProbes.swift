// Probes of the endpoints of payments through a gateway, and what of them only HTTP shows.
import Access
import CivilTime
import Clocks
import PaymentPort
import SQL
import Testing

@testable import API
@testable import Payments

private let everybody: Set<Role> = [.consumer, .operator, .administrator]

let paymentProbes: [String: Probe] = gatewayProbes.merging(arrearsProbes) { $1 }

private let gatewayProbes: [String: Probe] = [
    "payment-orders.open": on(
        "accountID", 70, everybody, ["amountPaise": .number("20000")], prepare: { try await $0.takePayments() }),
    "payment-orders.read": on("orderID", 9_400, everybody, prepare: { try await $0.takePayments() }),
    "payment-orders.pay-at-test": on(
        "orderID", 9_400, everybody, ["outcome": .string("succeed")], prepare: { try await $0.takePayments() }),
    "payments.aside": Probe(
        roles: [.administrator], own: { _, _ in ["limit": .number("2")] },
        harmless: ["before": "a place in the caller's own list, whatever it names"]),
    "payments.close-aside": on(
        "knownID", 9_600, [.administrator], ["reason": .string("Paid back at the gateway")],
        prepare: { try await $0.takePayments() }),
    "payments.webhook": Probe(
        own: { _, _ in ["gateway": .string("test-1")] }, prepare: { try await $0.takePayments() }),
]

extension Fixture {
    /// Both companies take payments by the test gateway; the orders 9401 and 9402 are open.
    func takePayments() async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                try Setting.set(
                    Recharge.portalSetting, "test", from: CivilDay(number: 0), Scope(orgID: org), in: transaction)
                try transaction.run(
                    """
                    INSERT INTO payment_order (org_id, order_id, account_id, gateway, gateway_order_id, amount_paise,
                      currency, state, created_at_ms, changed_at_ms, look_at_ms)
                    VALUES ($1, $2, $3, 'test', $4, 20000, 'INR', 'created', $5, $5, $5)
                    """,
                    [
                        .int(org), .int(9_400 + org), .int(70 + org), .text("order_test_\(9_400 + org)"),
                        .int(clock.nowMs),
                    ])
                try transaction.run(
                    """
                    INSERT INTO gateway_payment (org_id, gateway, payment_id, gateway_order_id, amount_paise, currency,
                      state, known_id, first_at_ms, aside)
                    VALUES ($1, 'test', 'pay_aside', 'order_nobody', 20000, 'INR', 'captured', $2, 0, 'unknown-order')
                    """, [.int(org), .int(9_600 + org)])
            }
        }
        for org in Int64(1)...2 { _ = try await services.payments?.madeSecret("test", Scope(orgID: org)) }
    }

    /// The headers with which the test gateway of company 1 would send a body.
    func signature(_ body: String, event: String = "evt_probe") async -> [(String, String)] {
        let secret = try? await services.payments?.madeSecret("test", Scope(orgID: 1))
        return [
            ("X-Razorpay-Signature", SignedForm.signature(Array(body.utf8), secret: secret ?? [])),
            ("X-Razorpay-Event-Id", event),
        ]
    }
}

@Suite struct WebhookEndpointTests {
    static func body(_ status: String, paise: Int64 = 20_000) -> String {
        #"{"event":"payment.\#(status)", "entity":"event", "account_id":"acc_1", "contains":["payment"], "#
            + #""payload":{"payment":{"entity":{"id":"pay_7","entity":"payment","amount":\#(paise),"currency":"INR","#
            + #""status":"\#(status)","order_id":"order_test_9401","method":"upi","fee":null}}},"#
            + #""created_at":1767225600}"#
    }

    static func paid(_ fixture: Fixture) async throws -> [Int64] {
        [
            try await fixture.count("SELECT COUNT(*) FROM recharge WHERE method = 'gateway'"),
            try await fixture.count("SELECT COUNT(*) FROM payment_event"),
        ]
    }

    @Test func theBodyIsProvenAsItCame() async throws {
        try await Fixture.with { fixture in
            try await fixture.takePayments()
            let path = "/api/v1/payment-webhooks/test-1"
            let body = Self.body("captured")
            let headers = await fixture.signature(body)
            // Altered by one space, of another amount, without a signature, to another company: one answer for all.
            let wrong = [
                await fixture.send("POST", path, headers: headers, body: body + " "),
                await fixture.send("POST", path, headers: headers, body: Self.body("captured", paise: 30_000)),
                await fixture.send("POST", path, body: body),
                await fixture.send("POST", "/api/v1/payment-webhooks/test-2", headers: headers, body: body),
                await fixture.send("POST", "/api/v1/payment-webhooks/nobody-7", headers: headers, body: body),
            ]
            for answer in wrong {
                #expect(answer.status == 401 && answer.problem == "unauthenticated")
                #expect(answer.text == wrong[0].text)
            }
            #expect(try await Self.paid(fixture) == [0, 0])
            for _ in 1...3 {
                let answer = await fixture.send("POST", path, headers: headers, body: body)
                #expect(answer.status == 200 && answer.text == #"{"taken":true}"#, "\(answer.text)")
            }
            #expect(try await Self.paid(fixture) == [1, 1])
            let order = await fixture.send(
                "GET", "/api/v1/payment-orders/9401", headers: try fixture.bearer(.consumer))
            #expect(try order.json["state"]?.text == "paid")
            // No line of the log holds a secret, a signature or a body.
            let signature = headers[0].1
            for line in fixture.lines.all { #expect(!line.contains(signature) && !line.contains("pay_7")) }
        }
    }

    @Test func aLargeBodyIsRefusedAndAFloodIsSlowed() async throws {
        var limits = HTTPLimits()
        limits.perMinute[.writing] = 5
        try await Fixture.with(limits: limits) { fixture in
            try await fixture.takePayments()
            let path = "/api/v1/payment-webhooks/test-1"
            let large = String(repeating: "x", count: PaymentDesk.webhookBytesMax + 1)
            let answer = await fixture.send("POST", path, headers: await fixture.signature(large), body: large)
            #expect(answer.status == 413)
            var statuses: [Int] = []
            for _ in 1...6 { statuses.append(await fixture.send("POST", path, body: "{}").status) }
            #expect(statuses == [401, 401, 401, 401, 429, 429])
        }
    }

    @Test func ordersArePaidAtTheTestGateway() async throws {
        try await Fixture.with { fixture in
            try await fixture.takePayments()
            let headers = try fixture.bearer(.consumer) + [("Idempotency-Key", "order-key-1")]
            func open() async -> Answer {
                await fixture.send(
                    "POST", "/api/v1/payment-orders", headers: headers,
                    body: #"{"accountID":"71","amountPaise":30000}"#)
            }
            let (first, again) = (await open(), await open())
            #expect(first.status == 201 && first.text == again.text, "\(first.text)")
            let id = try #require(try first.json["orderID"]?.text)
            func pay(_ outcome: String, _ key: String) async throws -> Answer {
                await fixture.send(
                    "POST", "/api/v1/payment-orders/\(id)/test-payments",
                    headers: try fixture.bearer(.consumer) + [("Idempotency-Key", key)],
                    body: #"{"outcome":"\#(outcome)"}"#)
            }
            #expect(try await pay("fail", "attempt-1").json["state"]?.text == "failed")
            #expect(try await pay("succeed", "attempt-2").json["state"]?.text == "paid")
            #expect(try await pay("succeed", "attempt-2").json["state"]?.text == "paid")
            #expect(try await fixture.count("SELECT COUNT(*) FROM recharge WHERE method = 'gateway'") == 1)
            #expect(try await fixture.count("SELECT amount_paise FROM recharge WHERE method = 'gateway'") == 30_000)
        }
    }
}
