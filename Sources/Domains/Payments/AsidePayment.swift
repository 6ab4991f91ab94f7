// What a gateway took and no wallet was credited with, until a person has said what became of it. Books nothing itself:
// an adjustment or a refund at the gateway does.
import Access
import Accounts
import PaymentPort
import SQL

extension PaymentsSchema {
    static let aside = Migration(
        69, .money, "payments kept aside are closed",
        [
            """
            CREATE TABLE aside_closed (org_id {id} NOT NULL, known_id {id} NOT NULL, aside {text} NOT NULL,
              reason {text} NOT NULL, login_id {id} NOT NULL, at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, known_id, aside)) {keyed_table}
            """
        ])
}

extension KnownPayment {
    /// What is kept aside and not closed, the newest first: for who sees the whole company, as some has no account.
    /// - Parameter knownID: only what became known before this one; nil from the newest.
    public static func aside(
        before knownID: Int64? = nil, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [KnownPayment] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT \(columns) FROM gateway_payment p WHERE org_id = $1 AND aside IS NOT NULL AND known_id < $2
              AND NOT EXISTS (SELECT 1 FROM aside_closed c
                WHERE c.org_id = p.org_id AND c.known_id = p.known_id AND c.aside = p.aside)
            ORDER BY known_id DESC LIMIT $3
            """, [.int(scope.orgID), .int(knownID ?? .max), .int(limit)], decode)
    }
}

/// Says what became of a payment that was kept aside. Should the gateway tell something else of it later, it is there
/// again.
public struct CloseAsidePayment: Command {
    public static let name = "payments.close-aside"
    public static let permissions: [Permission] = [.adjustAccounts]

    public var knownID: Int64
    public var reason: String

    public init(knownID: Int64, reason: String) {
        self.knownID = knownID
        self.reason = reason
    }

    public var key: String? { nil }
    public var content: String { "payment=\(knownID) reason=\(reason)" }
    public var subjectID: Int64 { knownID }

    /// What it had been kept aside for.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> KnownPayment.Aside {
        let scope = context.actor.scope
        let reason = try Reason.checked(reason)
        let found = try transaction.first(
            "SELECT aside FROM gateway_payment WHERE org_id = $1 AND known_id = $2",
            [.int(scope.orgID), .int(knownID)]
        ) { try $0.optionalText(0) }
        guard scope.isWholeCompany, let name = found ?? nil, let aside = KnownPayment.Aside(rawValue: name) else {
            throw Refusal(.notFound, "No such payment is kept aside.", at: "knownID")
        }
        let added = try transaction.run(
            """
            INSERT INTO aside_closed (org_id, known_id, aside, reason, login_id, at_ms) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (org_id, known_id, aside) DO NOTHING
            """,
            [
                .int(scope.orgID), .int(knownID), .text(name), .text(reason), .int(context.actor.loginID),
                .int(context.businessNowMs),
            ])
        if added == 1 { context.changed(.company, "payment \(knownID)", from: name, to: "closed") }
        return aside
    }
}

extension PaymentOrder {
    /// Orders nobody paid are kept so long after they ended.
    static let keptMs: Int64 = 400 * dayMs
    /// Orders dropped in one go.
    static let pruneMax = 2_000

    /// Drops orders that ended long ago without money, and the attempts to pay them.
    static func prune(nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        let old: [SQLValue] = [.int(scope.orgID), .int(nowMs - keptMs), .int(pruneMax)]
        let ended = """
            SELECT order_id FROM payment_order o WHERE o.org_id = $1 AND o.changed_at_ms < $2 AND o.look_at_ms IS NULL
              AND o.state IN ('failed', 'expired') AND NOT EXISTS (SELECT 1 FROM gateway_payment p
                WHERE p.org_id = o.org_id AND p.gateway = o.gateway AND p.gateway_order_id = o.gateway_order_id
                  AND (p.entry_id IS NOT NULL OR p.aside IS NOT NULL))
            ORDER BY order_id LIMIT $3
            """
        try transaction.run(
            """
            DELETE FROM gateway_payment WHERE org_id = $1 AND (gateway, gateway_order_id) IN (
              SELECT gateway, gateway_order_id FROM payment_order WHERE org_id = $1 AND order_id IN (\(ended)))
            """, old)
        try transaction.run("DELETE FROM payment_order WHERE org_id = $1 AND order_id IN (\(ended))", old)
    }
}
