// What the house asks of whoever takes payments by card, UPI or bank: make an order, tell its payments, and know its
// own webhooks. Knows no table, no account and no way over a network.

/// A payment as the gateway tells it. Amounts are in paise.
public struct GatewayPayment: Sendable, Equatable {
    /// In the order in which a payment moves. Failed before authorised: a bank may agree after it had refused.
    public enum State: String, Sendable, Codable, CaseIterable, Comparable {
        case created, failed, authorized, captured, refunded

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        public static func < (a: State, b: State) -> Bool { a.rank < b.rank }
    }
    public var paymentID: String
    /// The gateway's own id of the order.
    public var gatewayOrderID: String
    public var amountPaise: Int64
    public var currency: String
    public var state: State

    public init(paymentID: String, gatewayOrderID: String, amountPaise: Int64, currency: String, state: State) {
        self.paymentID = paymentID
        self.gatewayOrderID = gatewayOrderID
        self.amountPaise = amountPaise
        self.currency = currency
        self.state = state
    }
}

/// What a gateway is asked to take.
public struct GatewayOrder: Sendable, Equatable {
    /// Ours: the same receipt is the same order.
    public var receipt: String
    public var amountPaise: Int64
    public var currency: String

    public init(receipt: String, amountPaise: Int64, currency: String) {
        self.receipt = receipt
        self.amountPaise = amountPaise
        self.currency = currency
    }
}

/// A webhook as it came: the body byte by byte, because the signature is over these bytes.
public struct GatewayWebhook: Sendable, Equatable {
    public var body: [UInt8]
    /// Hexadecimal digits of the HMAC.
    public var signature: String
    /// Not signed: it tells repetitions, and proves nothing.
    public var eventID: String

    public init(body: [UInt8], signature: String, eventID: String) {
        self.body = body
        self.signature = signature
        self.eventID = eventID
    }
}

/// What a webhook says.
public struct GatewayNotice: Sendable, Equatable {
    /// `payment.captured`
    public var event: String
    /// Nil: it is about something else than a payment of an order.
    public var payment: GatewayPayment?

    public init(event: String, payment: GatewayPayment?) {
        self.event = event
        self.payment = payment
    }
}

/// Why a gateway could not be asked or understood.
public enum GatewayError: Error, Sendable, Equatable {
    /// The gateway did not answer, or not in time.
    case silent
    /// What it sent makes no sense.
    case unreadable
}

/// Who takes payments. One value serves every company; secrets come with each call.
public protocol PaymentGateway: Sendable {
    /// Stands in rows, in the setting and in the address of webhooks: `test`.
    var name: String { get }
    /// Makes an order and returns the gateway's id of it. The same receipt again is the same order.
    func createOrder(_ order: GatewayOrder) async throws(GatewayError) -> String
    /// Every payment that was tried for an order; none for an order it does not know.
    func payments(ofOrder gatewayOrderID: String) async throws(GatewayError) -> [GatewayPayment]
    /// Whether the webhook was signed with the secret. Takes the same time wherever it differs.
    func isSigned(_ webhook: GatewayWebhook, secret: [UInt8]) -> Bool
    /// Reads a webhook that is signed.
    func notice(_ webhook: GatewayWebhook) throws(GatewayError) -> GatewayNotice
}

/// A gateway that is built in and takes no money: whoever tries it says how the payment goes.
public protocol TestPaymentGateway: PaymentGateway {
    /// Pays an order, and returns the webhooks the gateway would send, in order.
    /// - Parameter attempt: the same attempt is the same payment.
    func pay(
        _ order: GatewayOrder, _ outcome: TestOutcome, attempt: String, secret: [UInt8], atS: Int64
    ) -> [GatewayWebhook]
}

/// How a payment at the test gateway goes.
public enum TestOutcome: String, Sendable, Codable, CaseIterable {
    case succeed, fail
    /// It is told as failed; the bank agrees afterwards, and no webhook says so.
    case later
    /// The bank agrees and holds the money; it is taken when the gateway is asked next, and no webhook says so.
    case hold
}
