// Orders to pay a recharge through a gateway: what is to be paid, for which account, and how far it has come.
// Credits nothing: that is SettlePayment's.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import PaymentPort
import SQL

extension PaymentsSchema {
    static let gateways = Migration(
        54, .money, "payments through gateways",
        [
            """
            CREATE TABLE payment_gateway (org_id {id} NOT NULL, gateway_id {id} NOT NULL, gateway {text} NOT NULL,
              sealed_secret {bytes} NOT NULL, PRIMARY KEY (org_id, gateway_id)) {table}
            """,
            "CREATE UNIQUE INDEX payment_gateway_name ON payment_gateway (org_id, gateway)",
            """
            CREATE TABLE payment_order (org_id {id} NOT NULL, order_id {id} NOT NULL, account_id {id} NOT NULL,
              gateway {text} NOT NULL, gateway_order_id {text}, amount_paise {int} NOT NULL, currency {text} NOT NULL,
              state {text} NOT NULL, created_at_ms {int} NOT NULL, changed_at_ms {int} NOT NULL,
              look_at_ms {int}, PRIMARY KEY (org_id, order_id)) {table}
            """,
            """
            CREATE UNIQUE INDEX payment_order_gateway ON payment_order (org_id, gateway, gateway_order_id)
            """,
            "CREATE INDEX payment_order_look ON payment_order (org_id, look_at_ms)",
            "CREATE INDEX payment_order_account ON payment_order (org_id, account_id, order_id)",
            """
            CREATE TABLE gateway_payment (org_id {id} NOT NULL, gateway {text} NOT NULL, payment_id {text} NOT NULL,
              gateway_order_id {text} NOT NULL, amount_paise {int} NOT NULL, currency {text} NOT NULL,
              state {text} NOT NULL, known_id {id} NOT NULL, first_at_ms {int} NOT NULL, entry_id {id},
              aside {text}, PRIMARY KEY (org_id, gateway, payment_id)) {keyed_table}
            """,
            "CREATE INDEX gateway_payment_order ON gateway_payment (org_id, gateway, gateway_order_id)",
            "CREATE INDEX gateway_payment_aside ON gateway_payment (org_id, aside, known_id)",
            """
            CREATE TABLE payment_event (org_id {id} NOT NULL, gateway {text} NOT NULL, event_id {text} NOT NULL,
              body_hash {bytes} NOT NULL, event {text} NOT NULL, received_at_ms {int} NOT NULL, payment_id {text},
              gateway_order_id {text}, amount_paise {int}, currency {text}, payment_state {text}, done_at_ms {int},
              PRIMARY KEY (org_id, gateway, event_id, body_hash)) {keyed_table}
            """,
            "CREATE INDEX payment_event_received ON payment_event (org_id, received_at_ms)",
        ])
}

/// A recharge that is to be paid through a gateway.
public struct PaymentOrder: Sendable, Equatable {
    /// Never back from paid. From failed and expired to paid: a bank may agree late, and the money has come then.
    public enum State: String, Sendable, Codable, CaseIterable { case created, attempted, paid, failed, expired }
    public var orderID: Int64
    public var accountID: Int64
    public var gateway: String
    /// Nil until the gateway has made it.
    public var gatewayOrderID: String?
    public var amountPaise: Int64
    public var currency: String
    public var state: State
    public var createdAtMs: Int64
    public var changedAtMs: Int64

    /// What the gateway is asked to take.
    public var wish: GatewayOrder {
        GatewayOrder(receipt: String(orderID), amountPaise: amountPaise, currency: currency)
    }

    static let columns =
        """
        order_id, account_id, gateway, gateway_order_id, amount_paise, currency, state, created_at_ms, changed_at_ms
        """

    static func decode(_ row: any SQLRow) throws -> PaymentOrder {
        guard let state = State(rawValue: try row.text(6)) else {
            throw SQLError(.decode, "unknown state of a payment order: \(try row.text(6))")
        }
        return PaymentOrder(
            orderID: try row.int(0), accountID: try row.int(1), gateway: try row.text(2),
            gatewayOrderID: try row.optionalText(3), amountPaise: try row.int(4), currency: try row.text(5),
            state: state, createdAtMs: try row.int(7), changedAtMs: try row.int(8))
    }

    /// - Throws: ``Refusal`` `notFound`, also for an order of an account that the scope does not reach.
    public static func find(_ orderID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> PaymentOrder
    {
        let found = try transaction.first(
            "SELECT \(columns) FROM payment_order WHERE org_id = $1 AND order_id = $2",
            [.int(scope.orgID), .int(orderID)], decode)
        let missing = Refusal(.notFound, "There is no such payment order.", at: "orderID")
        guard let found else { throw missing }
        do {
            _ = try SupplyAccount.find(found.accountID, scope, in: transaction)
        } catch let refusal as Refusal where refusal.code == .notFound {
            throw missing
        }
        return found
    }

    static func find(
        gateway: String, gatewayOrderID: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> PaymentOrder? {
        try transaction.first(
            "SELECT \(columns) FROM payment_order WHERE org_id = $1 AND gateway = $2 AND gateway_order_id = $3",
            [.int(scope.orgID), .text(gateway), .text(gatewayOrderID)], decode)
    }

    /// Notes the gateway's id of an order; the first one stays.
    func attach(_ gatewayOrderID: String, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            UPDATE payment_order SET gateway_order_id = $3
            WHERE org_id = $1 AND order_id = $2 AND gateway_order_id IS NULL
            """, [.int(scope.orgID), .int(orderID), .text(gatewayOrderID)])
    }

    /// Ids of orders whose time has come to be looked at, at most so many.
    static func due(
        nowMs: Int64, gateway: String, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT order_id FROM payment_order WHERE org_id = $1 AND look_at_ms <= $2 AND gateway = $3
            ORDER BY look_at_ms, order_id LIMIT $4
            """, [.int(scope.orgID), .int(nowMs), .text(gateway), .int(limit)]
        ) { try $0.int(0) }
    }

    static let dayMs: Int64 = 86_400_000
    /// A bank that agrees later than this does not any more.
    static let lookedForMs = 5 * dayMs

    private static func nextLookMs(ageMs: Int64, nowMs: Int64) -> Int64 {
        nowMs + max(10 * 60_000, min(ageMs, dayMs))
    }

    /// Only sets when it is looked at next: nothing was answered, or what was answered could not be settled. Reads no
    /// more of the row than it needs, so that one that makes no sense holds up no other.
    static func postpone(_ orderID: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        let key: [SQLValue] = [.int(scope.orgID), .int(orderID)]
        let createdAtMs = try transaction.first(
            "SELECT created_at_ms FROM payment_order WHERE org_id = $1 AND order_id = $2", key
        ) { try $0.int(0) }
        guard let createdAtMs else { return }
        try transaction.run(
            "UPDATE payment_order SET look_at_ms = $3 WHERE org_id = $1 AND order_id = $2 AND state <> 'paid'",
            key + [.int(nextLookMs(ageMs: nowMs - createdAtMs, nowMs: nowMs))])
    }

    /// After an answer: sets when it is looked at next, ever more seldom, and ends its waiting after a day.
    static func lookedAt(_ orderID: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        let order = try find(orderID, scope, in: transaction)
        guard order.state != .paid else { return }
        let ageMs = nowMs - order.createdAtMs
        let isOver = ageMs >= dayMs && (order.state == .created || order.state == .attempted)
        let nextMs = ageMs >= lookedForMs ? nil : nextLookMs(ageMs: ageMs, nowMs: nowMs)
        try transaction.run(
            """
            UPDATE payment_order SET look_at_ms = $3, state = $4, changed_at_ms = $5
            WHERE org_id = $1 AND order_id = $2 AND state <> 'paid'
            """,
            [
                .int(scope.orgID), .int(orderID), .optional(nextMs),
                .text((isOver ? .expired : order.state).rawValue), .int(isOver ? nowMs : order.changedAtMs),
            ])
    }
}

/// Opens an order to pay. Nothing is credited by it.
public struct OpenPaymentOrder: Command {
    public static let name = "payments.open-order"
    public static let permissions: [Permission] = [.rechargeAccounts, .rechargeOwnAccount]
    /// Orders of one account that wait to be paid.
    static let openMax: Int64 = 20

    public var accountID: Int64
    public var amountPaise: Int64
    public var gateway: String
    /// Of the request: the same one is the same order.
    public var reference: String

    public init(accountID: Int64, amountPaise: Int64, gateway: String, reference: String) {
        self.accountID = accountID
        self.amountPaise = amountPaise
        self.gateway = gateway
        self.reference = reference
    }

    public var key: String? { "payment-order:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise) gateway=\(gateway) reference=\(reference)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    /// Returns the order's id.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        guard Recharge.amountLimitsPaise.contains(amountPaise) else {
            throw Recharge.wrongAmount
        }
        let open =
            try transaction.first(
                """
                SELECT COUNT(*) FROM payment_order
                WHERE org_id = $1 AND account_id = $2 AND state IN ('created', 'attempted')
                """, [.int(scope.orgID), .int(accountID)]
            ) { try $0.int(0) } ?? 0
        guard open < Self.openMax else {
            throw Refusal(
                .conflict, "Too many payments of this account are open.",
                hint: "Pay one of them, or wait until they have expired.", at: "accountID")
        }
        let org = try Org.find(scope.orgID, in: transaction)
        let waitMinutes = try PaymentSettings.reconcileMinutes(
            on: org.zone.day(atS: context.businessNowMs / 1000), scope, in: transaction)
        let orderID = context.ids.next()
        try transaction.run(
            """
            INSERT INTO payment_order (org_id, order_id, account_id, gateway, amount_paise, currency, state,
              created_at_ms, changed_at_ms, look_at_ms) VALUES ($1, $2, $3, $4, $5, $6, 'created', $7, $7, $8)
            """,
            [
                .int(scope.orgID), .int(orderID), .int(accountID), .text(gateway), .int(amountPaise),
                .text(org.currency), .int(context.businessNowMs),
                .int(context.businessNowMs + waitMinutes * 60_000),
            ])
        return orderID
    }
}

/// The dated rules of payments through gateways.
public enum PaymentSettings {
    /// Minutes an order may stay open before the gateway is asked about it.
    public static let reconcile = SettingKind.wholeNumber(
        "payments.reconcile-after-minutes", 1...1_440, initial: 10,
        hint: "Minutes after which the gateway is asked about an order that is still open.")

    static func reconcileMinutes(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        let text = try SettingRegistry([reconcile]).value(reconcile.name, on: day, scope, in: transaction)
        return Int64(text) ?? 10
    }
}
