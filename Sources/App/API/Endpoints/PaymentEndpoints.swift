// Payments through a gateway: open an order, look at it, take the gateway's webhooks, see what is kept aside.
import Access
import PaymentPort
import Payments
import SQL

struct PaymentOrderInput: APIModel {
    var accountID: ID
    var amountPaise: Int64
    static let notes: [String: Note] = [
        "accountID": Note("The account that is to be recharged."),
        "amountPaise": Note("₹1 to ₹1,00,000.", range: Recharge.amountLimitsPaise),
    ]
}

struct PaymentOrderQuery: APIModel {
    var orderID: ID
    static let notes: [String: Note] = ["orderID": Note("The order.")]
}

struct TestPaymentInput: APIModel {
    var orderID: ID
    var outcome: TestOutcome
    static let notes: [String: Note] = [
        "orderID": Note("The order."),
        "outcome": Note(
            "succeed; fail; or later: told as failed, and taken afterwards without a webhook: only asking finds it."),
    ]
}

struct GatewayPaymentView: APIModel {
    var knownID: ID
    var paymentID: String
    var amountPaise: Int64
    var currency: String
    var state: GatewayPayment.State
    var entry: String?
    var aside: KnownPayment.Aside?
    var gatewayOrderID: String
    static let notes: [String: Note] = [
        "knownID": Note("Ours, in the order in which payments became known."),
        "paymentID": Note("The gateway's id of the payment."), "amountPaise": Note("As the gateway tells it."),
        "currency": Note("As the gateway tells it."), "state": Note("The furthest state that was told."),
        "entry": Note("The line of the statement that credited it."),
        "aside": Note("Why it is not credited; a person decides."),
        "gatewayOrderID": Note("The gateway's id of the order."),
    ]

    init(_ known: KnownPayment) {
        let payment = known.payment
        knownID = ID(known.knownID)
        (paymentID, gatewayOrderID, state) = (payment.paymentID, payment.gatewayOrderID, payment.state)
        (amountPaise, currency, aside) = (payment.amountPaise, payment.currency, known.aside)
        entry = known.entryID.map(StatementReport.entryName)
    }

    static let example = GatewayPaymentView(
        KnownPayment(
            knownID: 9_001,
            payment: GatewayPayment(
                paymentID: "pay_test_1k", gatewayOrderID: "order_test_8001", amountPaise: 50_000, currency: "INR",
                state: .captured), firstAtMs: 1_795_248_000_000, entryID: 7_000_000, aside: nil))
}

struct PaymentOrderView: APIModel {
    var orderID: ID
    var accountID: ID
    var amountPaise: Int64
    var currency: String
    var gateway: String
    var gatewayOrderID: String?
    var state: PaymentOrder.State
    var createdAtMs: Int64
    var changedAtMs: Int64
    var payments: [GatewayPaymentView]
    static let notes: [String: Note] = [
        "orderID": Note("The order."), "accountID": Note("The account."), "amountPaise": Note("What is to be paid."),
        "currency": Note("Of the company."), "gateway": Note("Who takes the payment."),
        "gatewayOrderID": Note("The gateway's id of the order, for its checkout."),
        "state": Note("paid is final; failed and expired may still become paid when a bank agrees late."),
        "createdAtMs": Note("Business time."), "changedAtMs": Note("Business time of the last change of state."),
        "payments": Note("What was tried, the first first.", itemsMax: 100),
    ]

    init(_ order: PaymentOrder, _ payments: [KnownPayment]) {
        (orderID, accountID, amountPaise) = (ID(order.orderID), ID(order.accountID), order.amountPaise)
        (currency, gateway, gatewayOrderID) = (order.currency, order.gateway, order.gatewayOrderID)
        (state, createdAtMs, changedAtMs) = (order.state, order.createdAtMs, order.changedAtMs)
        self.payments = payments.map(GatewayPaymentView.init)
    }

    private init(example payments: [GatewayPaymentView]) {
        (orderID, accountID, amountPaise, currency) = (ID(8001), ID(101), 50_000, "INR")
        (gateway, gatewayOrderID, state) = ("test", "order_test_8001", .paid)
        (createdAtMs, changedAtMs, self.payments) = (1_795_248_000_000, 1_795_248_060_000, payments)
    }
    static let example = PaymentOrderView(example: [.example])
}

struct AsidePaymentsQuery: APIModel {
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "before": Note("Only what became known earlier; the `next` of the part before."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct AsidePaymentsView: APIModel {
    var items: [GatewayPaymentView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first.", itemsMax: 200),
        "next": Note("Send it as `before` to go on; absent at the end."),
    ]
}

struct CloseAsideInput: APIModel {
    var knownID: ID
    var reason: String
    static let notes: [String: Note] = [
        "knownID": Note("The payment, as listed."), "reason": Note("What became of it.", length: 3...200),
    ]
}

struct ClosedAsideView: APIModel {
    var aside: KnownPayment.Aside
    static let notes: [String: Note] = ["aside": Note("What it had been kept aside for.")]
}

struct WebhookInput: APIModel {
    var gateway: String
    static let notes: [String: Note] = [
        "gateway": Note("The gateway and the number of the company: test-1.", length: 3...60)
    ]
}

extension EndpointContext {
    fileprivate func paymentDesk() throws -> PaymentDesk {
        guard let desk = services.payments else {
            throw Refusal(
                .conflict, "Your company has no payment gateway.", hint: "Pay at the counter of your company.")
        }
        return desk
    }

    fileprivate func view(_ orderID: Int64) async throws -> PaymentOrderView {
        try await read { transaction, scope in
            let order = try PaymentOrder.find(orderID, scope, in: transaction)
            return PaymentOrderView(order, try KnownPayment.ofOrder(order, scope, in: transaction))
        }
    }

    /// The body as it came: the signature is over its bytes.
    fileprivate func takeWebhook(at address: String) async throws -> Answer {
        let body = try await call.readBody(PaymentDesk.webhookBytesMax)
        let webhook = GatewayWebhook(
            body: body, signature: call.headers["X-Razorpay-Signature"] ?? "",
            eventID: call.headers["X-Razorpay-Event-Id"] ?? "")
        guard let desk = services.payments else { throw PaymentDesk.notAccepted }
        try await desk.take(webhook, at: address, source: "http \(call.remoteAddress)")
        return Answer("application/json", #"{"taken":true}"#)
    }
}

extension Endpoints {
    static let payments: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<PaymentOrderInput, PaymentOrderView>(
                "payment-orders.open", "POST", "/api/v1/payment-orders",
                access: .permission([.rechargeAccounts, .rechargeOwnAccount]),
                EndpointText(
                    "Open a payment order",
                    "A recharge to be paid through the gateway of the setting payments.portal. Nothing is credited "
                        + "before the gateway says that the money was taken."),
                example: PaymentOrderInput(accountID: ID(101), amountPaise: 50_000), outputExample: .example,
                status: 201, idempotency: .keyed, problems: [.notFound, .conflict],
                run: { input, context in
                    let order = try await context.paymentDesk().open(
                        accountID: input.accountID.value, amountPaise: input.amountPaise,
                        reference: context.idempotencyKey ?? "", as: try context.actor,
                        source: try context.actor.source(address: context.call.remoteAddress))
                    return try await context.view(order.orderID)
                })),
        AnyEndpoint(
            Endpoint<PaymentOrderQuery, PaymentOrderView>(
                "payment-orders.read", "GET", "/api/v1/payment-orders/{orderID}",
                access: .permission([.rechargeAccounts, .rechargeOwnAccount]),
                EndpointText("A payment order", "How far it has come, and the payments that were tried."),
                example: PaymentOrderQuery(orderID: ID(8001)), outputExample: .example, problems: [.notFound],
                run: { input, context in try await context.view(input.orderID.value) })),
        AnyEndpoint(
            Endpoint<TestPaymentInput, PaymentOrderView>(
                "payment-orders.pay-at-test", "POST", "/api/v1/payment-orders/{orderID}/test-payments",
                access: .permission([.rechargeAccounts, .rechargeOwnAccount]),
                EndpointText(
                    "Pay at the test gateway",
                    "Only where the program was started with --test-payments and payments.portal is test: no money "
                        + "is taken. The signed webhooks come in as from outside. The same Idempotency-Key is the "
                        + "same payment; an order that is paid stays as it is."
                ),
                example: TestPaymentInput(orderID: ID(8001), outcome: .succeed), outputExample: .example,
                idempotency: .keyed, problems: [.notFound, .conflict],
                run: { input, context in
                    let order = try await context.paymentDesk().payAtTest(
                        orderID: input.orderID.value, input.outcome, attempt: context.idempotencyKey ?? "",
                        as: try context.actor,
                        source: try context.actor.source(address: context.call.remoteAddress))
                    return try await context.view(order.orderID)
                })),
        AnyEndpoint(
            Endpoint<AsidePaymentsQuery, AsidePaymentsView>(
                "payments.aside", "GET", "/api/v1/aside-payments", access: .permission([.adjustAccounts]),
                EndpointText(
                    "Payments kept aside",
                    "What a gateway took and no wallet was credited with: another amount or currency than the order's, "
                        + "an order nobody knows, an order paid twice, money that went back."),
                example: AsidePaymentsQuery(before: nil, limit: 50),
                outputExample: AsidePaymentsView(items: [.example], next: nil),
                run: { input, context in
                    try await context.read { transaction, scope in
                        let limit = input.limit ?? 50
                        let found = try KnownPayment.aside(
                            before: input.before?.value, limit: limit + 1, scope, in: transaction)
                        let items = found.prefix(limit)
                        return AsidePaymentsView(
                            items: items.map(GatewayPaymentView.init),
                            next: found.count > limit ? items.last.map { ID($0.knownID) } : nil)
                    }
                })),
        AnyEndpoint(
            Endpoint<CloseAsideInput, ClosedAsideView>(
                "payments.close-aside", "POST", "/api/v1/aside-payments/{knownID}/closing",
                access: .permission([.adjustAccounts]),
                EndpointText(
                    "Close a payment kept aside",
                    "After a person has booked or paid back what it was; the reason stands in the trail. Should the "
                        + "gateway tell something else of the payment later, it is listed again."),
                example: CloseAsideInput(knownID: ID(9_001), reason: "Paid back at the gateway on 4 May"),
                outputExample: ClosedAsideView(aside: .paidTwice), idempotency: .keyed, problems: [.notFound],
                run: { input, context in
                    ClosedAsideView(
                        aside: try await context.perform(
                            CloseAsidePayment(knownID: input.knownID.value, reason: input.reason)))
                })),
        AnyEndpoint(
            DocumentEndpoint<WebhookInput>(
                "payments.webhook", "POST", "/api/v1/payment-webhooks/{gateway}", access: .anyone,
                EndpointText(
                    "Take a gateway's webhook",
                    "X-Razorpay-Signature: HMAC-SHA-256 of the raw body under the webhook secret, in hexadecimal "
                        + "digits. X-Razorpay-Event-Id tells repetitions, which are answered as the first time and do "
                        + "nothing again. What does not fit an order is kept aside and answered with 200 as well. What "
                        + "is not signed is refused (401) and nothing of it is kept."),
                example: WebhookInput(gateway: "test-1"),
                documents: Documents(
                    takes: [
                        "application/json": #"{"created_at":1795248000,"event":"payment.captured","payload":"#
                            + #"{"payment":{"entity":{"amount":50000,"currency":"INR","id":"pay_test_1k","#
                            + #""order_id":"order_test_8001","status":"captured"}}}}"#
                    ], gives: ["application/json": #"{"taken":true}"#]),
                rate: .writing, bodyLimitBytes: PaymentDesk.webhookBytesMax, problems: [.unauthenticated],
                run: { input, context in try await context.takeWebhook(at: input.gateway) })),
    ]
}
