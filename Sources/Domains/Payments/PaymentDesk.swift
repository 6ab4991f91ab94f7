// Where gateways and wallets meet: opens orders, takes webhooks, asks about what stayed open. Three ways, one settling.
// Secrets of webhooks lie sealed in the database; they stand in no log, no address and no answer.
import Access
import Accounts
import CivilTime
import Clocks
import Cryptography
import PaymentPort
import SQL

public struct PaymentDesk: Sendable {
    /// Bytes of a webhook's body at most.
    public static let webhookBytesMax = 65_536
    /// Orders and events a run of the job takes up at once, and in all.
    static let chunk = 100
    static let runMax = 2_000
    /// A gateway that did not answer so often in a row is asked again by the next run.
    static let silencesMax = 5

    let site: Site
    let ring: KeyRing
    let gateways: [any PaymentGateway]

    public init(site: Site, ring: KeyRing, gateways: [any PaymentGateway]) {
        self.site = site
        self.ring = ring
        self.gateways = gateways
    }

    // MARK: gateways and their secrets

    /// The gateway the company has set, for new orders; nil: none. What is known already is served whatever is set.
    private func inForce(_ scope: Scope, in transaction: any SQLTransaction) throws -> (any PaymentGateway)? {
        let zone = try Org.find(scope.orgID, in: transaction).zone
        let day = zone.day(atS: site.clocks.businessNowMs() / 1000)
        let name = try Setting.value(Recharge.portalSetting, on: day, scope, in: transaction)
        return gateways.first { $0.name == name }
    }

    private func gatewayInForce(_ orgID: Int64) async throws -> any PaymentGateway {
        let found = try await site.money.read { try inForce(Scope(orgID: orgID), in: $0) }
        guard let found else {
            throw Refusal(
                .conflict, "Your company has no payment gateway.", hint: "Pay at the counter of your company.")
        }
        return found
    }

    /// Whether the company has set a gateway that takes no money.
    public func isTest(_ orgID: Int64) async throws -> Bool {
        try await site.money.read { try inForce(Scope(orgID: orgID), in: $0) } is any TestPaymentGateway
    }

    private static func binding(_ gatewayID: Int64) -> String { "webhook secret of gateway \(gatewayID)" }

    /// The secrets of all gateways, for a change of the master key.
    public static let sealedColumn = SealedColumn(
        name: "webhook secrets of gateways", binding: { binding($0.id) },
        page: { after, limit, transaction in
            try transaction.query(
                """
                SELECT org_id, gateway_id, sealed_secret FROM payment_gateway
                WHERE org_id > $1 OR (org_id = $1 AND gateway_id > $2) ORDER BY org_id, gateway_id LIMIT $3
                """, [.int(after.orgID), .int(after.id), .int(limit)]
            ) { SealedValue(orgID: try $0.int(0), id: try $0.int(1), sealed: try $0.bytes(2)) }
        },
        replace: { old, sealed, transaction in
            try transaction.run(
                """
                UPDATE payment_gateway SET sealed_secret = $4
                WHERE org_id = $1 AND gateway_id = $2 AND sealed_secret = $3
                """, [.int(old.orgID), .int(old.id), .bytes(old.sealed), .bytes(sealed)])
        })

    private func secret(_ gateway: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> [UInt8]? {
        let stored = try transaction.first(
            "SELECT gateway_id, sealed_secret FROM payment_gateway WHERE org_id = $1 AND gateway = $2",
            [.int(scope.orgID), .text(gateway)]
        ) { (try $0.int(0), try $0.bytes(1)) }
        guard let (gatewayID, sealed) = stored else { return nil }
        guard let secret = ring.open(sealed, binding: Self.binding(gatewayID)) else {
            throw Refusal(
                .unavailable, "The webhook secret of the gateway does not open under this master key.",
                hint: "Start with the key file that belongs to this database.")
        }
        return secret
    }

    /// The secret of a gateway; made when there is none yet. Also for tests that sign what the gateway would not send.
    func madeSecret(_ gateway: String, _ scope: Scope) async throws -> [UInt8] {
        let fresh = Secret.bytes(32)
        return try await site.money.write { transaction in
            if let known = try secret(gateway, scope, in: transaction) { return known }
            let gatewayID = site.ids.next()
            try transaction.run(
                """
                INSERT INTO payment_gateway (org_id, gateway_id, gateway, sealed_secret) VALUES ($1, $2, $3, $4)
                ON CONFLICT (org_id, gateway) DO NOTHING
                """,
                [
                    .int(scope.orgID), .int(gatewayID), .text(gateway),
                    .bytes(try ring.seal(fresh, binding: Self.binding(gatewayID))),
                ])
            return try secret(gateway, scope, in: transaction) ?? fresh
        }
    }

    // MARK: orders

    /// Opens an order here and with the gateway. The same reference is the same order; one that the gateway did not
    /// take is offered to it again.
    public func open(
        accountID: Int64, amountPaise: Int64, reference: String, as actor: Actor, source: String
    ) async throws -> PaymentOrder {
        let scope = actor.scope
        _ = try await site.money.read { try SupplyAccount.find(accountID, scope, in: $0) }
        let gateway = try await gatewayInForce(scope.orgID)
        _ = try await madeSecret(gateway.name, Scope(orgID: scope.orgID))
        let orderID = try await site.perform(
            OpenPaymentOrder(
                accountID: accountID, amountPaise: amountPaise, gateway: gateway.name, reference: reference),
            as: actor, source: source)
        let order = try await site.money.read { try PaymentOrder.find(orderID, scope, in: $0) }
        guard order.gatewayOrderID == nil else { return order }
        let gatewayOrderID: String
        do {
            gatewayOrderID = try await gateway.createOrder(order.wish)
        } catch {
            throw Self.silent
        }
        return try await site.money.write { transaction in
            try order.attach(gatewayOrderID, scope, in: transaction)
            return try PaymentOrder.find(orderID, scope, in: transaction)
        }
    }

    static let silent = Refusal(
        .unavailable, "The payment gateway does not answer.", hint: "Try again in a moment; nothing was taken.",
        retryAfterS: 30)

    /// Pays an order at the test gateway and hands its webhooks in, as they would come from outside.
    public func payAtTest(
        orderID: Int64, _ outcome: TestOutcome, attempt: String, as actor: Actor, source: String
    ) async throws -> PaymentOrder {
        let scope = actor.scope
        let order = try await site.money.read { try PaymentOrder.find(orderID, scope, in: $0) }
        guard let gateway = try await gatewayInForce(scope.orgID) as? any TestPaymentGateway else {
            throw Refusal(
                .conflict, "Only the built-in test gateway is paid so.", hint: "Pay at the gateway of your company.")
        }
        guard order.gateway == gateway.name, order.gatewayOrderID != nil else {
            throw Refusal(.conflict, "The order is not with the test gateway.", hint: "Open a new one.", at: "orderID")
        }
        // Paid is paid: the gateway takes no second payment for an order.
        guard order.state != .paid else { return order }
        _ = try await site.perform(
            PayAtTest(orderID: orderID, accountID: order.accountID, outcome: outcome, attempt: attempt), as: actor,
            source: source)
        let secret = try await madeSecret(gateway.name, Scope(orgID: scope.orgID))
        let webhooks = gateway.pay(
            order.wish, outcome, attempt: attempt, secret: secret, atS: site.clocks.businessNowMs() / 1000)
        for webhook in webhooks {
            try await take(webhook, at: Self.address(gateway.name, scope.orgID), source: "gateway \(gateway.name)")
        }
        return try await site.money.read { try PaymentOrder.find(orderID, scope, in: $0) }
    }

    // MARK: webhooks

    /// What gateways send their webhooks to: `test-1` for company 1.
    public static func address(_ gateway: String, _ orgID: Int64) -> String { "\(gateway)-\(orgID)" }

    /// One sentence for a wrong signature, an unknown address and a gateway that is off: it tells nobody which.
    public static let notAccepted = Refusal(.unauthenticated, "The webhook is not accepted.")

    /// Takes a webhook: proves it, stores it, settles it. Throws before anything is stored unless it is proven.
    public func take(_ webhook: GatewayWebhook, at address: String, source: String) async throws {
        let (gateway, scope, key) = try await store(webhook, at: address)
        guard let gateway, let payment = gateway.payment else { return }
        _ = try await site.perform(
            SettlePayment(gateway: gateway.name, payment: payment, event: key), as: .system(orgID: scope.orgID),
            source: source)
    }

    /// Proves and stores. The payment is nil when there is nothing (more) to settle.
    func store(
        _ webhook: GatewayWebhook, at address: String
    ) async throws -> (gateway: (name: String, payment: GatewayPayment?)?, scope: Scope, key: PaymentEvent.Key) {
        guard let dash = address.lastIndex(of: "-"), let orgID = Int64(address[address.index(after: dash)...]) else {
            throw Self.notAccepted
        }
        let scope = Scope(orgID: orgID)
        let found = try await site.money.read { transaction -> ((any PaymentGateway), [UInt8])? in
            guard try Org.all(in: transaction).contains(where: { $0.orgID == orgID }),
                let gateway = gateways.first(where: { Self.address($0.name, orgID) == address }),
                let secret = try secret(gateway.name, scope, in: transaction)
            else { return nil }
            return (gateway, secret)
        }
        guard let (gateway, secret) = found, gateway.isSigned(webhook, secret: secret) else {
            throw Self.notAccepted
        }
        guard SignedForm.isName(webhook.eventID, dots: true) || webhook.eventID.isEmpty,
            let notice = try? gateway.notice(webhook)
        else {
            throw Refusal(.invalid, "The webhook cannot be read.", at: "body")
        }
        let key = PaymentEvent.Key(eventID: webhook.eventID, bodyHash: Hash.sha256(webhook.body))
        let nowMs = site.clocks.businessNowMs()
        let isDone = try await site.money.write { transaction in
            try PaymentEvent.store(key, notice, gateway: gateway.name, nowMs: nowMs, scope, in: transaction)
        }
        return (isDone ? nil : (gateway.name, notice.payment), scope, key)
    }

    // MARK: what stayed open

    /// What a run of the job did.
    public struct Reconciled: Sendable, Equatable {
        public var looked = 0
        public var paid = 0
        /// Orders the gateway did not answer about.
        public var silent = 0
        /// Webhooks that a stop had left behind.
        public var mended = 0
        /// What could not be settled; it is tried again.
        public var refused = 0
        public var isNothing: Bool { self == Reconciled() }
    }

    /// Settles webhooks that were left behind, then asks the gateway about orders that are open for long. Each order is
    /// a piece of work of its own: whatever ends a run, the next one goes on.
    public func reconcile(orgID: Int64, progress: @Sendable (Int) async -> Void = { _ in }) async throws
        -> Reconciled
    {
        let scope = Scope(orgID: orgID)
        var result = Reconciled()
        let nowMs = site.clocks.businessNowMs()
        for gateway in gateways {
            try await mend(gateway, scope, &result)
            try await ask(gateway, scope, nowMs: nowMs, &result, progress)
        }
        try await site.money.write { transaction in
            try PaymentEvent.prune(nowMs: nowMs, scope, in: transaction)
            try PaymentOrder.prune(nowMs: nowMs, scope, in: transaction)
        }
        return result
    }

    private func mend(_ gateway: any PaymentGateway, _ scope: Scope, _ result: inout Reconciled) async throws {
        let left = try await site.money.read {
            try PaymentEvent.open(gateway: gateway.name, limit: Self.runMax, scope, in: $0)
        }
        for event in left {
            try Task.checkCancellation()
            guard let event else {
                result.refused += 1
                continue
            }
            let command = SettlePayment(gateway: gateway.name, payment: event.payment, event: event.key)
            if try await settle(command, scope, &result) != nil { result.mended += 1 }
        }
    }

    /// Asks about the orders that are due, until the gateway has been silent too often in a row.
    private func ask(
        _ gateway: any PaymentGateway, _ scope: Scope, nowMs: Int64, _ result: inout Reconciled,
        _ progress: @Sendable (Int) async -> Void
    ) async throws {
        var silences = 0
        var looked = 0
        while looked < Self.runMax {
            let due = try await site.money.read {
                try PaymentOrder.due(nowMs: nowMs, gateway: gateway.name, limit: Self.chunk, scope, in: $0)
            }
            for orderID in due {
                try Task.checkCancellation()
                looked += 1
                result.looked += 1
                let silentBefore = result.silent
                do {
                    try await look(at: orderID, gateway, scope, nowMs: nowMs, &result)
                } catch {
                    try Self.goOn(after: error)
                    result.refused += 1
                    try await site.money.write { try PaymentOrder.postpone(orderID, nowMs: nowMs, scope, in: $0) }
                }
                await progress(result.mended + result.looked)
                silences = result.silent > silentBefore ? silences + 1 : 0
                if silences == Self.silencesMax { return }
            }
            guard due.count == Self.chunk else { return }
        }
    }

    private func look(
        at orderID: Int64, _ gateway: any PaymentGateway, _ scope: Scope, nowMs: Int64, _ result: inout Reconciled
    ) async throws {
        let order = try await site.money.read { try PaymentOrder.find(orderID, scope, in: $0) }
        var payments: [GatewayPayment] = []
        var isSettled = true
        do throws(GatewayError) {
            if let gatewayOrderID = order.gatewayOrderID {
                payments = try await gateway.payments(ofOrder: gatewayOrderID)
            }
        } catch {
            result.silent += 1
            isSettled = false
        }
        // What took money comes first and is never too much; of the rest no more than anybody tries.
        let captured = payments.filter { $0.state == .captured }
        let others = payments.filter { $0.state != .captured }.prefix(Self.chunk)
        for payment in captured + others {
            try Task.checkCancellation()
            let outcome = try await settle(SettlePayment(gateway: gateway.name, payment: payment), scope, &result)
            if outcome?.entryID != nil { result.paid += 1 }
            if outcome == nil { isSettled = false }
        }
        try await site.money.write { [isSettled] transaction in
            if isSettled {
                try PaymentOrder.lookedAt(orderID, nowMs: nowMs, scope, in: transaction)
            } else {
                try PaymentOrder.postpone(orderID, nowMs: nowMs, scope, in: transaction)
            }
        }
    }

    /// Nil: it could not be settled, which holds up no other.
    private func settle(
        _ command: SettlePayment, _ scope: Scope, _ result: inout Reconciled
    ) async throws -> SettlePayment.Outcome? {
        do {
            return try await site.perform(command, as: .system(orgID: scope.orgID), source: "job payments")
        } catch {
            try Self.goOn(after: error)
            result.refused += 1
            return nil
        }
    }

    /// Throws when the error is that of a stop, or of a database that fails: that is no payment's fault, and what was
    /// due stays due.
    private static func goOn(after error: any Error) throws {
        if error is CancellationError { throw error }
        if let error = error as? SQLError, [.busy, .full, .readOnly, .connection, .corrupt].contains(error.code) {
            throw error
        }
        try Task.checkCancellation()
    }
}
