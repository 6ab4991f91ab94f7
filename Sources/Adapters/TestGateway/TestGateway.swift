// The built-in test gateway: takes no money and opens no connection. The same orders and attempts give the same ids,
// webhooks and answers. What it was told is kept in memory and is gone with the process, as with a gateway's sandbox.
import Cryptography
import PaymentPort
import Synchronization

public final class TestGateway: TestPaymentGateway {
    /// Orders whose payments are remembered; the oldest is forgotten beyond it.
    static let ordersMax = 10_000

    private struct Book {
        var payments: [String: [GatewayPayment]] = [:]
        var order: [String] = []
        var isSilent = false
    }
    private let book = Mutex(Book())

    public let name = "test"
    public init() {}

    /// A gateway that is out of reach, for trying what happens then.
    public func fallSilent(_ isSilent: Bool) { book.withLock { $0.isSilent = isSilent } }

    public func createOrder(_ order: GatewayOrder) async throws(GatewayError) -> String {
        guard !book.withLock({ $0.isSilent }) else { throw .silent }
        return Self.orderID(order)
    }

    private static func orderID(_ order: GatewayOrder) -> String { "order_test_\(order.receipt)" }

    public func payments(ofOrder gatewayOrderID: String) async throws(GatewayError) -> [GatewayPayment] {
        let (payments, isSilent) = book.withLock { ($0.payments[gatewayOrderID] ?? [], $0.isSilent) }
        guard !isSilent else { throw .silent }
        return payments
    }

    public func isSigned(_ webhook: GatewayWebhook, secret: [UInt8]) -> Bool {
        SignedForm.isSigned(webhook, secret: secret)
    }

    public func notice(_ webhook: GatewayWebhook) throws(GatewayError) -> GatewayNotice {
        try SignedForm.notice(webhook.body)
    }

    public func pay(
        _ order: GatewayOrder, _ outcome: TestOutcome, attempt: String, secret: [UInt8], atS: Int64
    ) -> [GatewayWebhook] {
        let digest = Hash.sha256(Array("\(order.receipt)\n\(attempt)".utf8))
        let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        var payment = GatewayPayment(
            paymentID: "pay_test_\(String(number, radix: 36))", gatewayOrderID: Self.orderID(order),
            amountPaise: order.amountPaise, currency: order.currency, state: .created)
        let states: [GatewayPayment.State] =
            switch outcome {
            case .succeed: [.authorized, .captured]
            case .fail, .later: [.failed]
            case .hold: [.authorized]
            }
        let webhooks = states.map { state in
            payment.state = state
            return webhook(payment, secret: secret, atS: atS)
        }
        if outcome == .later || outcome == .hold { payment.state = .captured }
        keep(payment)
        return webhooks
    }

    /// A signed webhook about a payment as it is said to be.
    public func webhook(_ payment: GatewayPayment, secret: [UInt8], atS: Int64) -> GatewayWebhook {
        let event = "payment.\(payment.state.rawValue)"
        let body = SignedForm.body(event, payment, atS: atS)
        return GatewayWebhook(
            body: body, signature: SignedForm.signature(body, secret: secret),
            eventID: "evt_\(payment.state.rawValue)_\(payment.paymentID)")
    }

    /// What the gateway answers about a payment from now on.
    public func keep(_ payment: GatewayPayment) {
        book.withLock { book in
            let orderID = payment.gatewayOrderID
            if book.payments[orderID] == nil { book.order.append(orderID) }
            var payments = book.payments[orderID, default: []].filter { $0.paymentID != payment.paymentID }
            payments.append(payment)
            book.payments[orderID] = payments
            if book.order.count > Self.ordersMax { book.payments[book.order.removeFirst()] = nil }
        }
    }
}
