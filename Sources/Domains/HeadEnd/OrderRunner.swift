// Carries orders to groups out in waves: so many meters on their way at once, none after a stop, each looked at again
// when its turn comes. Every step is one transaction, so it may be killed anywhere and goes on.
import Access
import Clocks
import Meters
import SQL

/// What became of one meter of an order to relays, which Supply decides on.
public enum RelayTurn: Sendable, Equatable {
    /// Wanted now; the command follows.
    case wanted
    /// The meter has confirmed it before.
    case already
    /// Not wanted: paid meanwhile, moved away, or refused; in words.
    case skipped(String)
}

public struct OrderRunner: Sendable {
    /// Orders looked at in one run, and meters told of each.
    static let ordersMax = 100

    let site: Site
    let org: Org
    /// Makes Supply want the relay of a meter open or closed for an order, or says why not. Safe to repeat.
    let order: @Sendable (MeterOrder, OrderTarget) async throws -> RelayTurn
    /// Takes back what an order made Supply want of a meter that is not cut yet. Safe to repeat.
    let takeBack: @Sendable (MeterOrder, OrderTarget) async throws -> Void

    public init(
        site: Site, org: Org, order: @escaping @Sendable (MeterOrder, OrderTarget) async throws -> RelayTurn,
        takeBack: @escaping @Sendable (MeterOrder, OrderTarget) async throws -> Void
    ) {
        (self.site, self.org, self.order, self.takeBack) = (site, org, order, takeBack)
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Gives the next waves. Returns how many meters were told.
    public func run() async throws -> Int {
        let nowMs = site.clocks.businessNowMs()
        // Mostly nothing is ordered: then nothing is written.
        let isIdle = try await site.money.read { [scope] transaction in
            try transaction.first(
                """
                SELECT 1 FROM meter_order o WHERE o.org_id = $1 AND (o.state IN ('awaiting', 'running')
                  OR (o.state = 'stopped' AND o.matter = 'relay' AND EXISTS (SELECT 1 FROM meter_order_target t
                    WHERE t.org_id = $1 AND t.order_id = o.order_id AND t.state = 'withdrawing'))) LIMIT 1
                """, [.int(scope.orgID)]
            ) { try $0.int(0) } == nil
        }
        guard !isIdle else { return 0 }
        try await site.money.write { [scope] transaction in
            try transaction.run(
                """
                UPDATE meter_order SET state = 'expired', ended_at_ms = $2 WHERE org_id = $1 AND state = 'awaiting'
                  AND expires_at_ms <= $2
                """, [.int(scope.orgID), .int(nowMs)])
        }
        try await withdraw(nowMs)
        let orders = try await site.money.read { [scope] transaction in
            try transaction.query(
                """
                SELECT \(MeterOrder.columns) FROM meter_order WHERE org_id = $1 AND state = 'running'
                ORDER BY order_id LIMIT \(Self.ordersMax)
                """, [.int(scope.orgID)], MeterOrder.decode)
        }
        var told = 0
        for order in orders {
            try Task.checkCancellation()
            if order.nextWaveMs <= nowMs { told += try await wave(order, nowMs) }
            try await finish(order, nowMs)
        }
        return told
    }

    /// Meters whose first try is still to come are on their way.
    private func wave(_ order: MeterOrder, _ nowMs: Int64) async throws -> Int {
        let targets = try await site.money.read { [scope] transaction -> [OrderTarget] in
            let onTheWay =
                try transaction.first(
                    """
                    SELECT COUNT(*) FROM meter_order_target WHERE org_id = $1 AND order_id = $2
                      AND state = 'released' AND is_tried = 0
                    """, [.int(scope.orgID), .int(order.orderID)]
                ) { try $0.int(0) } ?? 0
            guard onTheWay < order.waveSize else { return [] }
            return try OrderTarget.page(
                order.orderID, after: .min, state: .waiting, limit: Int(order.waveSize - onTheWay), scope,
                in: transaction)
        }
        for target in targets {
            try Task.checkCancellation()
            if order.isRelay {
                try await tellSupply(order, target, nowMs)
            } else {
                try await want(order, target, nowMs)
            }
        }
        guard !targets.isEmpty, order.pauseMs > 0 else { return targets.count }
        try await site.money.write { [scope] transaction in
            try transaction.run(
                "UPDATE meter_order SET next_wave_ms = $3 WHERE org_id = $1 AND order_id = $2",
                [.int(scope.orgID), .int(order.orderID), .int(nowMs + order.pauseMs)])
        }
        return targets.count
    }

    /// In one transaction with the look at whether the order still runs: a stop in between wins.
    private func want(_ order: MeterOrder, _ target: OrderTarget, _ nowMs: Int64) async throws {
        try await site.money.write { [scope, site] transaction in
            guard try Self.isWaiting(order, target, scope, in: transaction) else { return }
            _ = try WishCommander.want(
                order.desired, order.matter, meterID: target.meterID,
                MeterWish.Authority(
                    reason: order.reason, by: "login \(order.loginID)", orderID: order.orderID), always: true,
                nowMs: nowMs, ids: site.ids, scope, in: transaction)
            try OrderTarget.set(
                .released, orderID: order.orderID, meterID: target.meterID, answer: nil, atMs: nil, scope,
                in: transaction)
        }
    }

    /// Marked before Supply is told: whoever stops the order in between has it taken back.
    private func tellSupply(_ order: MeterOrder, _ target: OrderTarget, _ nowMs: Int64) async throws {
        let isOurs = try await site.money.write { [scope] transaction in
            guard try Self.isWaiting(order, target, scope, in: transaction) else { return false }
            try OrderTarget.set(
                .released, orderID: order.orderID, meterID: target.meterID, answer: nil, atMs: nil, scope,
                in: transaction)
            return true
        }
        guard isOurs else { return }
        try await tell(order, target, nowMs)
    }

    private func tell(_ order: MeterOrder, _ target: OrderTarget, _ nowMs: Int64) async throws {
        let end: (OrderTarget.State, String)
        switch try await self.order(order, target) {
        case .wanted: return
        case .already: end = (.done, "it was so already")
        case .skipped(let why): end = (.skipped, why)
        }
        try await site.money.write { [scope] transaction in
            try transaction.run(
                """
                UPDATE meter_order_target SET state = $4, answer = $5, ended_at_ms = $6
                WHERE org_id = $1 AND order_id = $2 AND meter_id = $3 AND state = 'released'
                """,
                [
                    .int(scope.orgID), .int(order.orderID), .int(target.meterID), .text(end.0.rawValue), .text(end.1),
                    .int(nowMs),
                ])
        }
    }

    private static func isWaiting(
        _ order: MeterOrder, _ target: OrderTarget, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        try transaction.first(
            """
            SELECT 1 FROM meter_order o JOIN meter_order_target t ON t.org_id = o.org_id AND t.order_id = o.order_id
            WHERE o.org_id = $1 AND o.order_id = $2 AND t.meter_id = $3 AND o.state = 'running'
              AND t.state = 'waiting'
            """, [.int(scope.orgID), .int(order.orderID), .int(target.meterID)]
        ) { try $0.int(0) } != nil
    }

    /// What a stop left to be taken back, and relays that were marked before a process died without telling Supply.
    private func withdraw(_ nowMs: Int64) async throws {
        let rows = try await site.money.read { [scope] transaction in
            try transaction.query(
                """
                SELECT DISTINCT o.order_id FROM meter_order o JOIN meter_order_target t ON t.org_id = o.org_id
                  AND t.order_id = o.order_id
                WHERE o.org_id = $1 AND o.matter = 'relay' AND (t.state = 'withdrawing'
                  OR (o.state = 'running' AND t.state = 'released' AND t.is_tried = 0)) ORDER BY o.order_id
                """, [.int(scope.orgID)]
            ) { try $0.int(0) }
        }
        for orderID in rows {
            let (order, back, untold) = try await site.money.read { [scope] transaction in
                (
                    try MeterOrder.find(orderID, scope, in: transaction),
                    try OrderTarget.page(
                        orderID, after: .min, state: .withdrawing, limit: OrderMeters.metersMax, scope, in: transaction
                    ),
                    try OrderTarget.page(
                        orderID, after: .min, state: .released, limit: OrderMeters.metersMax, scope, in: transaction)
                )
            }
            for target in back {
                try Task.checkCancellation()
                try await takeBack(order, target)
                try await site.money.write { [scope] transaction in
                    try OrderTarget.set(
                        .withdrawn, orderID: orderID, meterID: target.meterID, answer: nil, atMs: nowMs, scope,
                        in: transaction)
                }
            }
            if order.state == .running { for target in untold { try await tell(order, target, nowMs) } }
        }
    }

    private func finish(_ order: MeterOrder, _ nowMs: Int64) async throws {
        try await site.money.write { [scope] transaction in
            try transaction.run(
                """
                UPDATE meter_order SET state = 'done', ended_at_ms = $3 WHERE org_id = $1 AND order_id = $2
                  AND state = 'running' AND NOT EXISTS (SELECT 1 FROM meter_order_target t
                    WHERE t.org_id = $1 AND t.order_id = $2 AND t.state IN ('waiting', 'released', 'withdrawing'))
                """, [.int(scope.orgID), .int(order.orderID), .int(nowMs)])
        }
    }
}
