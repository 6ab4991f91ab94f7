// What an account holds on which day, and which days make its bill: from its subscriptions, by dates alone. Prices
// nothing.
import Access
import CivilTime
import SQL
import Tariffs

/// The subscriptions of one account, asked day by day.
public struct HeldPacks: Sendable, Equatable {
    /// Latest first: of two on a day the first counts.
    private let bases: [Subscription]
    private let addOns: [Subscription]

    /// - Parameter held: of one account, in any order.
    public init(_ held: [Subscription]) {
        let counting = held.filter { $0.state != .draft && $0.state != .rejected }
        bases = counting.filter { $0.kind == .base }.sorted {
            ($0.fromDay, $0.subscriptionID) > ($1.fromDay, $1.subscriptionID)
        }
        addOns = counting.filter { $0.kind == .addOn }
    }

    /// Of many accounts; at most some thousands. One that holds nothing is left out.
    public static func of(
        _ accountIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: HeldPacks] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(accountIDs)
        let rows = try transaction.query(
            """
            SELECT subscription_id, account_id, pack_id, kind, from_day, to_day, state FROM subscription
            WHERE org_id = $1 AND account_id IN (\(marks)) AND state NOT IN ('draft', 'rejected')
            """, parameters
        ) { row in
            Subscription(
                subscriptionID: try row.int(0), accountID: try row.int(1), packID: try row.text(2),
                kind: PackKind(rawValue: try row.text(3)) ?? .base, fromDay: try row.day(4),
                toDay: try row.optionalDay(5), state: Subscription.State(rawValue: try row.text(6)) ?? .rejected)
        }
        return Dictionary(grouping: rows, by: \.accountID).mapValues(HeldPacks.init)
    }

    /// Accounts that ever held one of these packs, in order of id.
    public static func holders(
        of packIDs: [String], after accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        guard !packIDs.isEmpty else { return [] }
        let marks = packIDs.indices.map { "$\($0 + 4)" }.joined(separator: ", ")
        return try transaction.query(
            """
            SELECT DISTINCT account_id FROM subscription WHERE org_id = $1 AND account_id > $2 AND pack_id IN (\(marks))
            ORDER BY account_id LIMIT $3
            """, [.int(scope.orgID), .int(accountID), .int(limit)] + packIDs.map { .text($0) }
        ) { try $0.int(0) }
    }

    /// The base pack of a day; nil when none is held.
    public func base(on day: CivilDay) -> String? { bases.first { $0.bills(on: day) }?.packID }

    /// Add-on packs of a day, by name.
    public func addOns(on day: CivilDay) -> [String] {
        addOns.isEmpty ? [] : Set(addOns.filter { $0.bills(on: day) }.map(\.packID)).sorted()
    }

    /// The days of the bill that a day belongs to: of the calendar's so many months those around the day on which its
    /// base pack is held without a gap.
    /// - Parameter last: the account's last day, where it is closed.
    /// - Returns: nil when no base pack is held that day.
    public func bill(on day: CivilDay, months: Int, closing last: CivilDay? = nil) -> BillPeriod? {
        guard let holding = bases.first(where: { $0.bills(on: day) }) else { return nil }
        let start = day.month.index / months * months
        let first = CivilMonth(index: start).first
        var end = CivilMonth(index: start + months - 1).last
        if let last, last >= day { end = min(end, last) }
        let others = bases.contains { other in
            other.subscriptionID != holding.subscriptionID && other.fromDay <= end
                && other.toDay.map { first <= $0 } != false
        }
        if !others {
            return BillPeriod(
                first: max(first, holding.fromDay), last: holding.toDay.map { min(end, $0) } ?? end)
        }
        var (from, to) = (day, day)
        while from > first, base(on: from.advanced(by: -1)) == holding.packID { from = from.advanced(by: -1) }
        while to < end, base(on: to.advanced(by: 1)) == holding.packID { to = to.advanced(by: 1) }
        return BillPeriod(first: from, last: to)
    }
}

extension Packs {
    /// The versions of an add-on pack with the day from which each is in force, in order of version.
    public static func addOnVersions(
        of packID: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(fromDay: CivilDay, pack: AddOnPack)] {
        try transaction.query(
            """
            SELECT from_day, definition FROM pack WHERE org_id = $1 AND pack_id = $2 AND kind = 'add-on'
            ORDER BY version LIMIT 1000
            """, [.int(scope.orgID), .text(packID)]
        ) { (try $0.day(0), try AddOnPack(json: $0.text(1))) }
    }
}
