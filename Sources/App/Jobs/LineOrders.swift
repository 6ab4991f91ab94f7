// The part of the line that tells meters: what Supply wants of relays, what people ordered, what the rules want shown.
// Holds no rule of a domain; it joins Supply's decisions with HeadEnd's orders, which must not know each other.
import Access
import Accounts
import CivilTime
import Clocks
import HeadEnd
import Journal
import MeterPort
import Meters
import SQL
import Supply

extension Line {
    /// System milliseconds a run of the command job goes on while there is something to do, and those of one round of
    /// it: whoever has paid waits no longer than a round for a transfer of firmware.
    static let ordersMs: Int64 = 240_000
    static let roundMs: Int64 = 15_000

    /// Relays first, then the other matters, round by round until nothing is due.
    func carryOutOrders(_ done: Progress) async throws -> String {
        let relays = RelayCommander(
            site: site, org: org, transport: transport, vault: vault, rules: collection, gates: gates,
            beforeCut: { try await paidSince(meterID: $0) },
            lastLook: { try decideAgain(meterID: $0, in: $1) }, afterCut: { try await restoreAfterCut() })
        let wishes = WishCommander(
            site: site, org: org, transport: transport, vault: vault, rules: collection, gates: gates)
        let runner = OrderRunner(
            site: site, org: org, order: { try await tellSupply($0, $1) }, takeBack: { try await takeBack($0, $1) })
        try await MeterRules(site: site, org: org).run()
        let endMs = site.clocks.systemNowMs() + Self.ordersMs
        var (confirmed, open) = (0, 0)
        while true {
            try Task.checkCancellation()
            let told = try await runner.run()
            try await decide(
                try await site.money.read { [scope] in try Supply.pendingCuts(limit: 10_000, scope, in: $0) })
            _ = try await OutboxDispatcher(site: site, orgs: [org]).run()
            let relay = try await relays.run()
            let wish = try await wishes.run(untilMs: min(endMs, site.clocks.systemNowMs() + Self.roundMs))
            confirmed += relay.confirmed + wish.confirmed
            open = relay.open + wish.open
            await done.set(confirmed)
            guard site.clocks.systemNowMs() < endMs else { break }
            let isMore = try await wishes.hasDue()
            let isWaiting = try await relays.hasNew()
            guard isMore || isWaiting || told > 0 else { break }
        }
        let (_, drifted) = try await Reconciler(wishes).run()
        return "\(confirmed) confirmed, \(open) open" + (drifted > 0 ? ", \(drifted) had drifted" : "")
    }

    /// A meter's turn in an order to relays. The list is looked at again here: who moved, closed the account or paid
    /// meanwhile is left out.
    private func tellSupply(_ order: MeterOrder, _ target: OrderTarget) async throws -> RelayTurn {
        let nowMs = site.clocks.businessNowMs()
        let isCut = order.desired == RelayWish.open.rawValue
        let facts = try await site.money.read { [scope, org] transaction -> TurnFacts in
            let day = org.zone.day(atS: nowMs / 1000)
            let accountID = try Installation.of(meterID: target.meterID, on: day, scope, in: transaction)?.accountID
            guard let accountID, accountID == target.accountID else { return TurnFacts(skip: "it serves another now") }
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            if let closed = account.closedDay, closed <= day { return TurnFacts(skip: "the account is closed") }
            if let why = try Self.paid(order, accountID, scope, in: transaction) { return TurnFacts(skip: why) }
            let state = try Supply.state(accountID: accountID, scope, in: transaction)
            return TurnFacts(
                accountID: accountID, relay: try RelayRecord.find(target.meterID, scope, in: transaction),
                isOrdered: state?.reasons.contains { $0.code == .ordered } == true)
        }
        if let skip = facts.skip { return .skipped(skip) }
        // Done once: a second run after a crash finds it so.
        if isCut != facts.isOrdered {
            do {
                _ = try await site.perform(
                    OrderSupply(accountID: facts.accountID, cut: isCut, reason: order.reason, zone: org.zone),
                    as: .system(orgID: org.orgID), source: "order \(order.orderID)", why: order.reason)
            } catch let refusal as Refusal where refusal.code == .conflict || refusal.code == .notFound {
                return .skipped(refusal.message)
            }
        }
        let relay = try await site.money.read { [scope] in
            try RelayRecord.find(target.meterID, scope, in: $0)
        }
        guard let relay, relay.wanted.rawValue == order.desired else { return .skipped("another rule holds it") }
        return facts.relay?.wanted == relay.wanted && relay.agrees ? .already : .wanted
    }

    private struct TurnFacts: Sendable {
        var skip: String?
        var accountID: Int64 = 0
        var relay: RelayRecord?
        var isOrdered = false
    }

    /// Why an order that cuts for debt no longer cuts this account; nil when it does.
    private static func paid(
        _ order: MeterOrder, _ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> String? {
        guard let belowPaise = order.belowPaise else { return nil }
        let balance = try Journal.balance(ofAccount: accountID, scope, in: transaction).balancePaise
        return balance < belowPaise ? nil : "the balance is \(balance) paise by now"
    }

    /// A stopped order leaves nobody to be cut. Who is dark already stays so: that is another decision.
    private func takeBack(_ order: MeterOrder, _ target: OrderTarget) async throws {
        guard order.desired == RelayWish.open.rawValue, let accountID = target.accountID else { return }
        let isPending = try await site.money.read { [scope] transaction in
            let relay = try RelayRecord.find(target.meterID, scope, in: transaction)
            return relay?.wanted == .open && (relay?.actual == nil || relay?.actual == "closed")
        }
        guard isPending else { return }
        do {
            _ = try await site.perform(
                OrderSupply(accountID: accountID, cut: false, reason: "order stopped", zone: org.zone),
                as: .system(orgID: org.orgID), source: "order \(order.orderID)", why: "order stopped")
        } catch let refusal as Refusal where refusal.code == .conflict || refusal.code == .notFound {
            return
        }
    }

    /// Just before a cut goes out: one that was ordered for debt, of somebody who has paid since, is taken back.
    func paidSince(meterID: Int64) async throws {
        let found = try await site.money.read { try paidOrder(meterID: meterID, in: $0) }
        if let (order, target) = found { try await takeBack(order, target) }
    }

    /// Whether an order for debt would cut somebody who has paid since.
    func isPaid(meterID: Int64, in transaction: any SQLTransaction) throws -> Bool {
        try paidOrder(meterID: meterID, in: transaction) != nil
    }

    private func paidOrder(meterID: Int64, in transaction: any SQLTransaction) throws -> (MeterOrder, OrderTarget)? {
        for (order, target) in try MeterOrder.cutting(meterID, scope, in: transaction) {
            guard let accountID = target.accountID, try Self.paid(order, accountID, scope, in: transaction) != nil
            else { continue }
            return (order, target)
        }
        return nil
    }
}
