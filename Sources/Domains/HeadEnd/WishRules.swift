// Which meters the rules of the company would tell something now: found in one look, so that a million meters of whom
// nothing is wanted cost nothing.
import Access
import Meters
import SQL

public enum WishRules {
    /// Prepaid meters that were not told their balance since a time: meter, account, what it was told last.
    public static func balancesDue(
        beforeMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(meterID: Int64, accountID: Int64, shown: String?)] {
        try transaction.query(
            """
            SELECT p.meter_id, i.account_id, b.desired FROM meter_wish p
            JOIN installation i ON i.org_id = p.org_id AND i.meter_id = p.meter_id AND i.to_day IS NULL
            LEFT JOIN meter_wish b ON b.org_id = p.org_id AND b.meter_id = p.meter_id AND b.matter = 'balance'
            WHERE p.org_id = $1 AND p.matter = 'payment-mode' AND p.desired = 'prepaid' AND p.state = 'met'
              AND (b.wanted_at_ms IS NULL OR b.wanted_at_ms <= $2) ORDER BY b.wanted_at_ms, p.meter_id LIMIT $3
            """, [.int(scope.orgID), .int(beforeMs), .int(limit)]
        ) { (meterID: try $0.int(0), accountID: try $0.int(1), shown: try $0.optionalText(2)) }
    }

    /// Meters whose limit is not the sanctioned load of the account they serve, unless a person or a pack wants it so.
    public static func limitsDue(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [(
        meterID: Int64, watts: Int64
    )] {
        try transaction.query(
            """
            SELECT m.meter_id, a.sanctioned_w FROM meter m
            JOIN installation i ON i.org_id = m.org_id AND i.meter_id = m.meter_id AND i.to_day IS NULL
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            LEFT JOIN meter_wish w ON w.org_id = m.org_id AND w.meter_id = m.meter_id AND w.matter = 'load-limit'
            WHERE m.org_id = $1 AND m.port > 0 AND a.sanctioned_w BETWEEN 1 AND 1000000
              AND (w.desired IS NULL OR w.state = 'unwanted'
                OR (w.authority >= 'rule ' AND w.authority < 'rule!' AND w.authority <> 'rule pack-limit'
                  AND w.desired <> CAST(a.sanctioned_w AS TEXT)))
            ORDER BY m.meter_id LIMIT $2
            """, [.int(scope.orgID), .int(limit)]
        ) { (meterID: try $0.int(0), watts: try $0.int(1)) }
    }
}

extension MeterOrder {
    /// Running orders that are about to cut a meter, with the meter's place in them.
    public static func cutting(_ meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [(
        order: MeterOrder, target: OrderTarget
    )] {
        let ids = try transaction.query(
            """
            SELECT o.order_id FROM meter_order_target t JOIN meter_order o ON o.org_id = t.org_id
              AND o.order_id = t.order_id
            WHERE t.org_id = $1 AND t.meter_id = $2 AND t.state = 'released' AND o.matter = 'relay'
              AND o.desired = 'open' ORDER BY o.order_id
            """, [.int(scope.orgID), .int(meterID)]
        ) { try $0.int(0) }
        return try ids.compactMap { orderID in
            let order = try find(orderID, scope, in: transaction)
            let target = try OrderTarget.page(
                orderID, after: meterID - 1, state: .released, limit: 1, scope, in: transaction
            ).first
            guard let target, target.meterID == meterID else { return nil }
            return (order, target)
        }
    }
}
