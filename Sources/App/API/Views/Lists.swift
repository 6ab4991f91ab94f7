// Meters and accounts as lists: found by number, filtered by how they stand and where they belong, a part at a time.
import Access
import Accounts
import Aggregation
import CivilTime
import Journal
import Meters
import Rating
import SQL
import Supply

public struct MeterItem: Sendable {
    public var listing: MeterListing
    public var account: SupplyAccount?
}

public struct MeterList: Sendable {
    public var part: ListPart<MeterItem>
    public var total: Int
    public var counts: [MeterStanding: Int]

    /// Meters looked through at once for those of a set.
    private static let scanLimit = 500

    /// - Parameters:
    ///   - set: only meters that belong to it today.
    ///   - after: a serial number, not included.
    /// - Throws: ``Refusal`` for a set that reaches beyond the scope, or has no meters of its own.
    public static func of(
        _ site: Site, query: String, standing: MeterStanding?, set: SetKey? = nil, after: String, limit: Int,
        _ asked: Scope
    ) async throws -> MeterList {
        try await site.money.read { transaction in
            let moment = try Moment.of(site, asked, in: transaction)
            let (scope, members) = try narrowed(set, asked, moment, in: transaction)
            var (found, last) = ([MeterListing](), after)
            while found.count <= limit {
                let part = try MeterListing.page(
                    after: last, prefix: query, standing: standing, silentBeforeMs: moment.silentBeforeMs,
                    limit: members == nil ? limit + 1 : scanLimit, scope, in: transaction)
                found += part.filter { members?.contains($0.meter.meterID) ?? true }
                guard members != nil, part.count == scanLimit, let end = part.last else { break }
                last = end.meter.serial
            }
            found = Array(found.prefix(limit + 1))
            let accounts = try SupplyAccount.of(found.compactMap(\.accountID), scope, in: transaction)
            let byID = Dictionary(uniqueKeysWithValues: accounts.map { ($0.accountID, $0) })
            var counts: [MeterStanding: Int] = [:]
            let all = members.map { $0.sorted() }
            let parts: [[Int64]?] =
                all.map { all in
                    stride(from: 0, to: all.count, by: 400).map { Array(all[$0..<min($0 + 400, all.count)]) }
                } ?? [nil]
            for part in parts {
                counts.merge(
                    try MeterListing.counts(
                        of: part, silentBeforeMs: moment.silentBeforeMs, scope, in: transaction), uniquingKeysWith: +)
            }
            return MeterList(
                part: .of(
                    found.map { MeterItem(listing: $0, account: $0.accountID.flatMap { byID[$0] }) }, limit: limit
                ) {
                    $0.listing.meter.serial
                }, total: counts.values.reduce(0, +), counts: counts)
        }
    }

    /// A place narrows what is asked for; any other set is looked up meter by meter.
    private static func narrowed(
        _ set: SetKey?, _ scope: Scope, _ moment: Moment, in transaction: any SQLTransaction
    ) throws -> (Scope, Set<Int64>?) {
        guard let set else { return (scope, nil) }
        try set.prove(scope, in: transaction)
        switch set {
        case .all: return (scope, nil)
        case .place(let placeID): return (Scope(orgID: scope.orgID, placeIDs: [placeID]), nil)
        case .node, .corridor, .category, .meter, .virtual:
            let company = Scope(orgID: scope.orgID)
            let membership = try Membership(
                on: moment.today, SetMasterData(company, in: transaction), zone: moment.zone, company, in: transaction)
            guard let members = membership.members(of: set) else {
                throw Refusal(
                    .invalid, "A virtual meter has no meters of its own.", hint: "Name one of its terms.", at: "set")
            }
            return (scope, Set(members.map(\.meterID)))
        }
    }
}

public struct AccountItem: Sendable {
    public var account: SupplyAccount
    public var standing: SupplyStanding
    public var sinceMs: Int64?
    public var meter: (id: Int64, serial: String)?
    public var balancePaise: Int64
    public var lastsUntilMs: Int64?
}

public struct AccountList: Sendable {
    public var part: ListPart<AccountItem>
    public var total: Int
    public var counts: [SupplyStanding: Int]

    /// - Parameter after: an account number, not included.
    public static func of(
        _ site: Site, _ filter: SupplyListing.Filter, after: String, limit: Int, _ scope: Scope
    ) async throws -> AccountList {
        try await site.money.read { transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            let found = try SupplyListing.page(
                after: after, filter, limit: limit + 1, scope, in: transaction)
            let listings = Dictionary(uniqueKeysWithValues: found.map { ($0.accountID, $0) })
            let accounts = try SupplyAccount.of(found.map(\.accountID), scope, in: transaction)
            let items = try accounts.compactMap { account in
                try listings[account.accountID].map { try item(account, $0, moment, scope, transaction) }
            }
            let counts = try SupplyListing.counts(scope, in: transaction)
            return AccountList(
                part: .of(items, limit: limit) { $0.account.accountNumber }, total: counts.values.reduce(0, +),
                counts: counts)
        }
    }

    private static func item(
        _ account: SupplyAccount, _ listing: SupplyListing, _ moment: Moment, _ scope: Scope,
        _ transaction: any SQLTransaction
    ) throws -> AccountItem {
        let balance = try Journal.balance(ofAccount: account.accountID, scope, in: transaction)
        let recent = try Recent.of(account.accountID, balance, moment, scope, in: transaction)
        let installation = try Installation.of(accountID: account.accountID, on: moment.today, scope, in: transaction)
        let serials = try MeterListing.serials(installation.map { [$0.meterID] } ?? [], scope, in: transaction)
        return AccountItem(
            account: account, standing: listing.standing, sinceMs: listing.sinceMs,
            meter: installation.flatMap { place in serials[place.meterID].map { (place.meterID, $0) } },
            balancePaise: balance.balancePaise, lastsUntilMs: recent.outlook.lastsUntilMs)
    }
}
