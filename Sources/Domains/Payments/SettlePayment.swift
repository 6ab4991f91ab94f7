// Takes what a gateway says of a payment: by webhook, by fetch, again, out of order. Each payment is one row and at
// most one entry of the book. What does not fit its order is kept aside for a person, never credited.
import Access
import Accounts
import Clocks
import Journal
import PaymentPort
import SQL

/// A payment of a gateway as it is known here.
public struct KnownPayment: Sendable, Equatable {
    /// Why a payment is not credited. Stored by name.
    public enum Aside: String, Sendable, Codable, CaseIterable {
        case unknownOrder = "unknown-order"
        case otherAmount = "other-amount"
        case otherCurrency = "other-currency"
        /// The order was paid by another payment.
        case paidTwice = "paid-twice"
        case refunded
    }
    /// Ours, in the order in which payments became known.
    public var knownID: Int64
    public var payment: GatewayPayment
    public var firstAtMs: Int64
    /// The entry that credited it.
    public var entryID: Int64?
    public var aside: Aside?

    public init(
        knownID: Int64, payment: GatewayPayment, firstAtMs: Int64, entryID: Int64?, aside: Aside? = nil
    ) {
        self.knownID = knownID
        self.payment = payment
        self.firstAtMs = firstAtMs
        self.entryID = entryID
        self.aside = aside
    }

    static let columns =
        "payment_id, gateway_order_id, amount_paise, currency, state, first_at_ms, entry_id, aside, known_id"

    static func decode(_ row: any SQLRow) throws -> KnownPayment {
        guard let state = GatewayPayment.State(rawValue: try row.text(4)) else {
            throw SQLError(.decode, "unknown state of a payment: \(try row.text(4))")
        }
        return KnownPayment(
            knownID: try row.int(8),
            payment: GatewayPayment(
                paymentID: try row.text(0), gatewayOrderID: try row.text(1), amountPaise: try row.int(2),
                currency: try row.text(3), state: state),
            firstAtMs: try row.int(5), entryID: try row.optionalInt(6),
            aside: try row.optionalText(7).flatMap { Aside(rawValue: $0) })
    }

    static func find(
        _ paymentID: String, gateway: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> KnownPayment? {
        try transaction.first(
            "SELECT \(columns) FROM gateway_payment WHERE org_id = $1 AND gateway = $2 AND payment_id = $3",
            [.int(scope.orgID), .text(gateway), .text(paymentID)], decode)
    }

    /// Attempts of one order that are kept; what took money is kept beyond it too.
    static let attemptsMax: Int64 = 50

    /// Whether a payment of the order was credited, however many were tried.
    static func isCredited(_ order: PaymentOrder, _ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        guard let gatewayOrderID = order.gatewayOrderID else { return false }
        return try transaction.first(
            """
            SELECT entry_id FROM gateway_payment
            WHERE org_id = $1 AND gateway = $2 AND gateway_order_id = $3 AND entry_id IS NOT NULL LIMIT 1
            """, [.int(scope.orgID), .text(order.gateway), .text(gatewayOrderID)]
        ) { try $0.int(0) } != nil
    }

    /// Payments of the order that are authorised and were not taken.
    static func authorized(
        _ order: PaymentOrder, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [String] {
        guard let gatewayOrderID = order.gatewayOrderID else { return [] }
        return try transaction.query(
            """
            SELECT payment_id FROM gateway_payment WHERE org_id = $1 AND gateway = $2 AND gateway_order_id = $3
              AND state = 'authorized' AND entry_id IS NULL ORDER BY known_id LIMIT 100
            """, [.int(scope.orgID), .text(order.gateway), .text(gatewayOrderID)]
        ) { try $0.text(0) }
    }

    /// How many payments of the order are known, by state.
    static func counts(_ order: PaymentOrder, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [(state: GatewayPayment.State, count: Int64)]
    {
        guard let gatewayOrderID = order.gatewayOrderID else { return [] }
        return try transaction.query(
            """
            SELECT state, COUNT(*) FROM gateway_payment WHERE org_id = $1 AND gateway = $2 AND gateway_order_id = $3
            GROUP BY state
            """, [.int(scope.orgID), .text(order.gateway), .text(gatewayOrderID)]
        ) { row in
            guard let state = GatewayPayment.State(rawValue: try row.text(0)) else {
                throw SQLError(.decode, "unknown state of a payment: \(try row.text(0))")
            }
            return (state, try row.int(1))
        }
    }

    /// The first payments of an order, as they became known, for a page. Whoever asks has found the order.
    public static func ofOrder(_ order: PaymentOrder, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [KnownPayment]
    {
        guard let gatewayOrderID = order.gatewayOrderID else { return [] }
        return try transaction.query(
            """
            SELECT \(columns) FROM gateway_payment WHERE org_id = $1 AND gateway = $2 AND gateway_order_id = $3
            ORDER BY known_id LIMIT 100
            """, [.int(scope.orgID), .text(order.gateway), .text(gatewayOrderID)], decode)
    }

    fileprivate func store(gateway: String, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO gateway_payment (org_id, gateway, payment_id, gateway_order_id, amount_paise, currency, state,
              first_at_ms, entry_id, aside, known_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (org_id, gateway, payment_id) DO UPDATE SET gateway_order_id = excluded.gateway_order_id,
              amount_paise = excluded.amount_paise, currency = excluded.currency, state = excluded.state,
              entry_id = excluded.entry_id, aside = excluded.aside
            """,
            [
                .int(scope.orgID), .text(gateway), .text(payment.paymentID), .text(payment.gatewayOrderID),
                .int(payment.amountPaise), .text(payment.currency), .text(payment.state.rawValue), .int(firstAtMs),
                .optional(entryID), .optional(aside?.rawValue), .int(knownID),
            ])
    }
}

/// Brings a payment and its order up to what the gateway says. Saying it again changes nothing.
public struct SettlePayment: Command {
    public static let name = "payments.settle"
    /// Of the machine: who calls has proven that the gateway says so.
    public static let permissions: [Permission] = [.rechargeAccounts]

    public var gateway: String
    public var payment: GatewayPayment
    /// The webhook that said it; nil when it was fetched.
    public var event: PaymentEvent.Key?

    public init(gateway: String, payment: GatewayPayment, event: PaymentEvent.Key? = nil) {
        self.gateway = gateway
        self.payment = payment
        self.event = event
    }

    public var key: String? { nil }
    public var content: String {
        """
        gateway=\(gateway) payment=\(payment.paymentID) order=\(payment.gatewayOrderID) \
        amount_paise=\(payment.amountPaise) currency=\(payment.currency) state=\(payment.state.rawValue) \
        by=\(event == nil ? "fetch" : "webhook")
        """
    }
    public var subjectID: Int64 { 0 }

    /// What became of the payment.
    public struct Outcome: Sendable, Codable, Equatable {
        public var entryID: Int64?
        public var aside: KnownPayment.Aside?
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Outcome {
        guard context.actor.role == .system else {
            throw Refusal(.forbidden, "Your role does not allow this.")
        }
        let scope = context.actor.scope
        let stored = try KnownPayment.find(payment.paymentID, gateway: gateway, scope, in: transaction)
        // What comes late says less than what is known: the furthest state stands.
        let facts = stored.map { $0.payment.state > payment.state ? $0.payment : payment } ?? payment
        let order = try PaymentOrder.find(
            gateway: gateway, gatewayOrderID: facts.gatewayOrderID, scope, in: transaction)
        var known = KnownPayment(
            knownID: stored?.knownID ?? context.ids.next(), payment: facts,
            firstAtMs: stored?.firstAtMs ?? context.businessNowMs, entryID: stored?.entryID)
        if let entryID = stored?.entryID, let credited = stored?.payment {
            // It stands in the book as it was credited; that it went back is for a person to book.
            known.payment = credited
            known.payment.state = facts.state
            known.entryID = entryID
            known.aside = facts.state == .refunded ? .refunded : nil
        } else {
            let isPaid = try order.map {
                try $0.state == .paid || KnownPayment.isCredited($0, scope, in: transaction)
            }
            known.aside = misfit(facts, order, isPaid: isPaid ?? false)
            if known.aside == nil, facts.state == .captured, let order {
                known.entryID = try credit(order, in: transaction, context)
            }
        }
        let isKept =
            try stored != nil || facts.state >= .captured
            || order.map { order in
                try KnownPayment.counts(order, scope, in: transaction).reduce(0) { $0 + $1.count }
                    < KnownPayment.attemptsMax
            } ?? true
        if isKept { try known.store(gateway: gateway, scope, in: transaction) }
        if let order, isKept { try expect(known, order, in: transaction, context) }
        if let order { try move(order, in: transaction, context) }
        try event?.markDone(gateway: gateway, nowMs: context.businessNowMs, scope, in: transaction)
        return Outcome(entryID: known.entryID, aside: known.aside)
    }

    private func misfit(_ facts: GatewayPayment, _ order: PaymentOrder?, isPaid: Bool) -> KnownPayment.Aside? {
        guard let order else { return .unknownOrder }
        if facts.currency != order.currency { return .otherCurrency }
        if facts.amountPaise != order.amountPaise { return .otherAmount }
        if facts.state == .refunded { return .refunded }
        return facts.state == .captured && isPaid ? .paidTwice : nil
    }

    /// What is authorised and may still be taken is expected; what cannot be any more is given up. What a webhook says
    /// late counts as little here as elsewhere, but what the gateway answers now is so now.
    private func expect(
        _ known: KnownPayment, _ order: PaymentOrder, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws {
        let scope = context.actor.scope
        if try KnownPayment.isCredited(order, scope, in: transaction) {
            for paymentID in try KnownPayment.authorized(order, scope, in: transaction) {
                try Expected.void(paymentID, gateway: gateway, context, in: transaction)
            }
            try Expected.void(known.payment.paymentID, gateway: gateway, context, in: transaction)
        } else if known.aside == nil, known.payment.state == .authorized, event != nil || payment.state != .failed {
            try Expected.pend(known, order, gateway: gateway, context, in: transaction)
        } else {
            try Expected.void(known.payment.paymentID, gateway: gateway, context, in: transaction)
        }
    }

    /// One way into the wallet for every payment: a recharge whose reference is the gateway's id of the payment.
    private func credit(
        _ order: PaymentOrder, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws -> Int64 {
        let recharge = Recharge(
            accountID: order.accountID, amountPaise: order.amountPaise, method: .gateway,
            reference: "\(gateway).\(payment.paymentID)")
        return try recharge.run(in: transaction, context).entryID
    }

    private func move(
        _ order: PaymentOrder, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws {
        let scope = context.actor.scope
        let furthest = try KnownPayment.counts(order, scope, in: transaction).map(\.state).max() ?? .created
        let isCredited = try KnownPayment.isCredited(order, scope, in: transaction)
        let state: PaymentOrder.State =
            if isCredited {
                .paid
            } else if order.state == .expired {
                .expired
            } else {
                switch furthest {
                case .created: order.state
                case .failed: .failed
                case .authorized, .captured, .refunded: .attempted
                }
            }
        guard state != order.state, order.state != .paid else { return }
        try transaction.run(
            """
            UPDATE payment_order SET state = $3, changed_at_ms = $4,
              look_at_ms = CASE WHEN $3 = 'paid' THEN NULL ELSE look_at_ms END
            WHERE org_id = $1 AND order_id = $2 AND state <> 'paid'
            """,
            [.int(scope.orgID), .int(order.orderID), .text(state.rawValue), .int(context.businessNowMs)])
    }
}
