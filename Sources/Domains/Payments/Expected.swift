// Money that a gateway has authorised and not taken: a pending entry of the journal, in no balance, until it is
// captured, given up or has lapsed. Decides nothing about a payment: SettlePayment does.
import Access
import Clocks
import Journal
import PaymentPort
import SQL

enum Expected {
    /// Expects a payment of an order. Again, it changes nothing; what was given up stays so.
    static func pend(
        _ known: KnownPayment, _ order: PaymentOrder, gateway: String, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws {
        let (key, scope) = (key(known.payment.paymentID, gateway: gateway), context.actor.scope)
        guard try Journal.pending(key, atMs: context.businessNowMs, scope, in: transaction) == nil else { return }
        _ = try Journal.pend(
            key: key, kind: Recharge.entryKind, legs: Recharge.legs(order.accountID, order.amountPaise),
            businessAtMs: known.firstAtMs, lapsesAtMs: known.firstAtMs + PaymentOrder.lookedForMs,
            pendingID: context.ids.next(), scope, in: transaction)
    }

    /// Gives up what is expected of a payment, where something is.
    static func void(
        _ paymentID: String, gateway: String, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws {
        let (key, scope, nowMs) = (key(paymentID, gateway: gateway), context.actor.scope, context.businessNowMs)
        guard case .open? = try Journal.pending(key, atMs: nowMs, scope, in: transaction)?.state else { return }
        try Journal.void(key, key: "void:\(key)", atMs: nowMs, scope, in: transaction)
    }

    /// Posts what is expected under the key of a recharge.
    /// - Returns: its entry; nil when nothing is expected, or not any more, or something else: that is given up.
    static func post(
        _ key: String, _ legs: [Leg], _ context: CommandContext, in transaction: any SQLTransaction
    ) throws -> Int64? {
        let (scope, nowMs) = (context.actor.scope, context.businessNowMs)
        guard let pending = try Journal.pending(key, atMs: nowMs, scope, in: transaction), pending.state == .open else {
            return nil
        }
        guard pending.legs == legs else {
            try Journal.void(key, key: "void:\(key)", atMs: nowMs, scope, in: transaction)
            return nil
        }
        return try Journal.postPending(
            key, key: key, atMs: nowMs, entryID: context.ids.next(), scope, in: transaction)
    }

    private static func key(_ paymentID: String, gateway: String) -> String {
        Recharge.entryKey(.gateway, "\(gateway).\(paymentID)")
    }
}
