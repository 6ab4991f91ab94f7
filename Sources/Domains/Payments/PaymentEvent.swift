// Webhooks that were proven, kept by the gateway's id of the event until they are old. Holds what they say of a payment
// and a digest of the body; no body, no signature.
import Access
import PaymentPort
import SQL

public enum PaymentEvent {
    /// The event's id is not signed. Another body under an id that is known is therefore an event of its own.
    public struct Key: Sendable, Equatable {
        public var eventID: String
        public var bodyHash: [UInt8]

        func markDone(gateway: String, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
            try transaction.run(
                """
                UPDATE payment_event SET done_at_ms = $5 WHERE org_id = $1 AND gateway = $2 AND event_id = $3
                  AND body_hash = $4 AND done_at_ms IS NULL
                """, [.int(scope.orgID), .text(gateway), .text(eventID), .bytes(bodyHash), .int(nowMs)])
        }
    }

    /// Kept so long after they were done; a gateway repeats for a day.
    static let keptMs: Int64 = 90 * PaymentOrder.dayMs
    /// And at most so many of a company.
    static let keptMax = 200_000

    /// Stores an event that is not known yet. Returns whether it has been done.
    static func store(
        _ key: Key, _ notice: GatewayNotice, gateway: String, nowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Bool {
        let id: [SQLValue] = [.int(scope.orgID), .text(gateway), .text(key.eventID), .bytes(key.bodyHash)]
        let payment = notice.payment
        try transaction.run(
            """
            INSERT INTO payment_event (org_id, gateway, event_id, body_hash, event, received_at_ms, payment_id,
              gateway_order_id, amount_paise, currency, payment_state, done_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (org_id, gateway, event_id, body_hash) DO NOTHING
            """,
            id + [
                .text(notice.event), .int(nowMs), .optional(payment?.paymentID), .optional(payment?.gatewayOrderID),
                .optional(payment?.amountPaise), .optional(payment?.currency), .optional(payment?.state.rawValue),
                payment == nil ? .int(nowMs) : .null,
            ])
        let doneAtMs = try transaction.first(
            """
            SELECT done_at_ms FROM payment_event
            WHERE org_id = $1 AND gateway = $2 AND event_id = $3 AND body_hash = $4
            """, id
        ) { try $0.optionalInt(0) }
        return (doneAtMs ?? nil) != nil
    }

    /// Events that a stop left behind between storing and settling, the oldest first. Nil: a row that cannot be read.
    static func open(
        gateway: String, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(key: Key, payment: GatewayPayment)?] {
        try transaction.query(
            """
            SELECT event_id, body_hash, payment_id, gateway_order_id, amount_paise, currency, payment_state
            FROM payment_event WHERE org_id = $1 AND gateway = $2 AND done_at_ms IS NULL
            ORDER BY received_at_ms, event_id LIMIT $3
            """, [.int(scope.orgID), .text(gateway), .int(limit)]
        ) { row in try? decode(row) }
    }

    private static func decode(_ row: any SQLRow) throws -> (key: Key, payment: GatewayPayment) {
        guard let state = GatewayPayment.State(rawValue: try row.text(6)) else {
            throw SQLError(.decode, "unknown state of a payment: \(try row.text(6))")
        }
        return (
            Key(eventID: try row.text(0), bodyHash: try row.bytes(1)),
            GatewayPayment(
                paymentID: try row.text(2), gatewayOrderID: try row.text(3), amountPaise: try row.int(4),
                currency: try row.text(5), state: state)
        )
    }

    /// Drops what is done and old, or too much. A repetition of a dropped event still credits nothing again.
    static func prune(nowMs: Int64, keptMax: Int = keptMax, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            DELETE FROM payment_event WHERE org_id = $1 AND done_at_ms IS NOT NULL AND (received_at_ms < $2
              OR received_at_ms <= (SELECT received_at_ms FROM payment_event WHERE org_id = $1
                ORDER BY received_at_ms DESC LIMIT 1 OFFSET $3))
            """, [.int(scope.orgID), .int(nowMs - keptMs), .int(keptMax)])
    }
}
