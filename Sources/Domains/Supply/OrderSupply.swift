// Orders of officers to cut a supply for a reason of their own, and to take that back. The rules decide what follows.
import Access
import Accounts
import CivilTime
import Clocks
import Meters
import SQL

/// An officer's order: cut supply for a reason of its own, or take such an order back.
public struct OrderSupply: Command {
    public static let name = "supply.order"
    public static let permissions: [Permission] = [.commandMeters]

    public var accountID: Int64
    /// True: cut until the order is taken back. False: take it back; the rules decide again.
    public var cut: Bool
    public var reason: String
    public var zone: Zone

    public init(accountID: Int64, cut: Bool, reason: String, zone: Zone) {
        self.accountID = accountID
        self.cut = cut
        self.reason = reason
        self.zone = zone
    }

    public var key: String? { nil }
    public var content: String { "account=\(accountID) cut=\(cut) reason=\(reason)" }
    public var subjectID: Int64 { accountID }

    /// What is wanted of the relay after the order.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> RelayWish {
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        _ = try Reason.checked(reason)
        if cut { try requireAlone(context, in: transaction) }
        let orderBefore = try transaction.first(
            "SELECT kind, why FROM supply_order WHERE org_id = $1 AND account_id = $2 LIMIT 1",
            [.int(scope.orgID), .int(accountID)]
        ) { "\(try $0.text(0)): \(try $0.text(1))" }
        let wantedBefore = try Supply.state(accountID: accountID, scope, in: transaction)?.wanted
        if cut {
            try transaction.run(
                """
                INSERT INTO supply_order (org_id, account_id, kind, why, login_id, at_ms) VALUES ($1, $2, 'cut', $3,
                  $4, $5)
                ON CONFLICT (org_id, account_id) DO UPDATE SET why = excluded.why, login_id = excluded.login_id,
                  at_ms = excluded.at_ms
                """,
                [
                    .int(scope.orgID), .int(accountID), .text(reason), .int(context.actor.loginID),
                    .int(context.businessNowMs),
                ])
        } else {
            let removed = try transaction.run(
                "DELETE FROM supply_order WHERE org_id = $1 AND account_id = $2", [.int(scope.orgID), .int(accountID)])
            guard removed == 1 else {
                throw Refusal(
                    .conflict, "No order cuts this supply.",
                    hint: "When the balance is the reason, a recharge restores it.")
            }
        }
        let verdict = try Supply.decide(
            accountID: accountID, zone: zone, nowMs: context.businessNowMs, ids: context.ids, Scope(orgID: scope.orgID),
            in: transaction)
        let subject = AuditSubject.account(accountID)
        context.changed(subject, "supply_order", from: orderBefore, to: cut ? "cut: \(reason)" : nil)
        context.changed(
            subject, "relay_wanted", from: (wantedBefore ?? .closed).rawValue,
            to: (verdict?.wanted ?? .closed).rawValue)
        return verdict?.wanted ?? .closed
    }

    /// Many single cuts are not a way around the second person. The machine carries out what was approved.
    private func requireAlone(_ context: CommandContext, in transaction: any SQLTransaction) throws {
        guard context.actor.role != .system else { return }
        let scope = Scope(orgID: context.orgID)
        let earlier = try transaction.first(
            """
            SELECT COUNT(*) FROM supply_order WHERE org_id = $1 AND login_id = $2 AND kind = 'cut' AND at_ms > $3
              AND account_id <> $4
            """,
            [
                .int(scope.orgID), .int(context.actor.loginID), .int(context.businessNowMs - CutLimit.spanMs),
                .int(accountID),
            ]
        ) { try $0.int(0) }
        guard (earlier ?? 0) < (try CutLimit.most(atMs: context.businessNowMs, scope, in: transaction)) else {
            throw Refusal(
                .conflict, "This login has ordered \(earlier ?? 0) cuts within a day; more need a second person.",
                hint: "Order them for a group, on the page Commands or by /api/v1/orders: a second person approves.")
        }
    }
}
