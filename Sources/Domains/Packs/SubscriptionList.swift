// Lists of subscriptions as people look at them: of an account, of the company, those that wait. Reads only.
import Access
import Accounts
import CivilTime
import Grid
import SQL
import Subscriptions
import Tariffs

/// A subscription with whose it is.
public struct ListedSubscription: Sendable, Equatable {
    public var subscriptionID: Int64
    public var accountID: Int64
    public var accountNumber: String
    public var accountName: String
    public var number: Int64
    public var packID: String
    public var kind: PackKind
    public var seller: String
    public var state: Subscription.State
    public var appliedDay: CivilDay?
    public var fromDay: CivilDay?
    /// Last day that is billed; nil while it is open.
    public var toDay: CivilDay?
    /// End of the term that runs, also of one that renews itself.
    public var termToDay: CivilDay?
    public var renews: Bool
    public var why: String

    /// `BB-000123-2`, as keys of facts name it.
    public var name: String { "\(accountNumber)-\(number)" }

    public struct Filter: Sendable, Equatable {
        public var state: Subscription.State?
        public var packID: String?
        public var placeID: Int64?
        public var accountID: Int64?
        public init(
            state: Subscription.State? = nil, packID: String? = nil, placeID: Int64? = nil, accountID: Int64? = nil
        ) {
            (self.state, self.packID, self.placeID, self.accountID) = (state, packID, placeID, accountID)
        }
    }

    private static func condition(_ filter: Filter, _ scope: Scope, _ parameters: inout [SQLValue]) -> String {
        var text = SupplyAccount.scopeFilter(scope, &parameters)
        func add(_ column: String, _ value: SQLValue?) {
            guard let value else { return }
            parameters.append(value)
            text += " AND \(column) = $\(parameters.count)"
        }
        add("subscription.state", filter.state.map { .text($0.rawValue) })
        add("subscription.pack_id", filter.packID.map { .text($0) })
        add("subscription.account_id", filter.accountID.map { .int($0) })
        if let placeID = filter.placeID {
            text += Place.filter(
                "supply_account.place_id", Scope(orgID: scope.orgID, placeIDs: [placeID]), &parameters)
        }
        return text
    }

    private static let joined = """
        FROM subscription JOIN supply_account ON supply_account.org_id = subscription.org_id
          AND supply_account.account_id = subscription.account_id WHERE subscription.org_id = $1
        """

    /// Latest first.
    /// - Parameter before: the id of the last one of the part before.
    public static func page(
        _ filter: Filter, before: Int64?, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [ListedSubscription] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(before ?? Int64.max), .int(limit)]
        let condition = condition(filter, scope, &parameters)
        return try transaction.query(
            """
            SELECT subscription.subscription_id, subscription.account_id, supply_account.account_number,
              supply_account.name, subscription.number, subscription.pack_id, subscription.kind, subscription.seller,
              subscription.state, subscription.applied_day, subscription.from_day, subscription.to_day,
              subscription.term_to_day, subscription.renews, subscription.why
            \(joined) AND subscription.subscription_id < $2\(condition)
            ORDER BY subscription.subscription_id DESC LIMIT $3
            """, parameters
        ) { row in
            let state = Subscription.State(rawValue: try row.text(8)) ?? .rejected
            let isHeld = state != .draft && state != .rejected
            return ListedSubscription(
                subscriptionID: try row.int(0), accountID: try row.int(1), accountNumber: try row.text(2),
                accountName: try row.text(3), number: try row.int(4), packID: try row.text(5),
                kind: PackKind(rawValue: try row.text(6)) ?? .base, seller: try row.text(7), state: state,
                appliedDay: try row.optionalDay(9), fromDay: isHeld ? try row.day(10) : nil,
                toDay: try row.optionalDay(11), termToDay: try row.optionalDay(12), renews: try row.flag(13),
                why: try row.text(14))
        }
    }

    /// How many there are in each state, of those in reach.
    public static func counts(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Subscription.State: Int64]
    {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let condition = condition(Filter(), scope, &parameters)
        let rows = try transaction.query(
            "SELECT subscription.state, COUNT(*) \(joined)\(condition) GROUP BY subscription.state", parameters
        ) { (Subscription.State(rawValue: try $0.text(0)) ?? .rejected, try $0.int(1)) }
        return Dictionary(rows, uniquingKeysWith: +)
    }
}

/// A pack that an account may apply for.
public struct OfferedPack: Sendable, Equatable {
    public var packID: String
    public var kind: PackKind
    public var seller: String
    public var firstDay: CivilDay
    public var months: Int?
    public var renews: Bool
    public var loadLimitW: Int64?
    public var exportMilliPaisePerKWh: Int64?
    /// Another seller's: it waits for an approval.
    public var waits: Bool

    /// What is sold to the account today and not held or applied for, in order of name.
    public static func of(
        accountID: Int64, today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [OfferedPack] {
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        let stored = try StoredHistory.of(account, today: today, scope, in: transaction)
        let held = stored.history.rows.filter { $0.state == .active || $0.state == .draft }
        let bases = held.filter { $0.kind == .base && $0.state == .active }
        return try PackOffers(scope, in: transaction).offered(to: stored, on: today).compactMap { terms in
            guard !held.contains(where: { $0.pack == terms.id }), terms.kind == .base || !bases.isEmpty else {
                return nil
            }
            return OfferedPack(
                packID: terms.id, kind: terms.kind == .base ? .base : .addOn, seller: terms.res,
                firstDay: today.advanced(by: terms.leadDays), months: terms.months, renews: terms.renewsItself,
                loadLimitW: terms.loadLimitW, exportMilliPaisePerKWh: terms.exportMilliPaisePerKWh,
                waits: terms.kind == .base && !bases.isEmpty && !bases.contains { $0.res == terms.res })
        }
    }
}

extension Packs {
    /// What a pack asks for a unit in each of its bands or hours on a day, as far as that is one figure; empty for a
    /// pack that says it in another way.
    public static func unitPrices(
        of packID: String, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(cover: AddOnPrice.Cover, milliPaisePerKWh: Int64)] {
        guard let text = try definition(packID, on: day, scope, in: transaction) else { return [] }
        if let base = try? BasePack(json: text) {
            return base.calendar.bands.compactMap { band in
                base.milliPaisePerKWh[band.name].map { (.band(band.name), $0) }
            }
        }
        return (try? AddOnPack(json: text))?.prices.map { ($0.cover, $0.milliPaisePerKWh) } ?? []
    }
}
