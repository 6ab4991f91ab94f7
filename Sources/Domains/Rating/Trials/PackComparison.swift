// What a consumer's own past would have cost under every pack open to him, and whether this month comes near a limit
// where all units become dearer. By the packs as they stand today; nothing is stored, posted or promised.
import Access
import Accounts
import CivilTime
import Clocks
import Packs
import SQL
import Tariffs

/// Packs priced over an account's own past, cheapest first.
public struct PackComparison: Sendable, Equatable {
    public struct Offer: Sendable, Equatable {
        public var packID: String
        public var name: String
        public var version: Int
        /// The pack the account holds today.
        public var isHeld: Bool
        /// Money of all days; nil when it cannot be told, and why.
        public var totalMinor: Int64?
        public var reason: String?
    }
    public static let monthsAllowed = [1, 3, 12]

    public var offers: [Offer] = []
    /// First and last day that were priced; nil without enough readings.
    public var from: CivilDay?
    public var to: CivilDay?
    public var energyWh: Int64 = 0
    public var days = 0
    public var missingDays = 0
    /// Calendar months that were asked for.
    public var months: Int

    public var held: Offer? { offers.first { $0.isHeld } }

    /// Over the last whole months; where the account has none, over the days of this one.
    /// - Throws: ``Refusal`` for another number of months than 1, 3 or 12.
    public static func of(
        accountID: Int64, months count: Int, site: Site, org: Org, _ scope: Scope
    ) async throws -> PackComparison {
        guard monthsAllowed.contains(count) else {
            throw Refusal(
                .invalid, "Packs are compared over 1, 3 or 12 months.", hint: "Take one of them.", at: "months")
        }
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let account = try await site.money.read { try SupplyAccount.find(accountID, scope, in: $0) }
        let isNew = account.openedDay > today.month.previous.first
        let last = isNew ? today.month : today.month.previous
        let first = CivilMonth(index: isNew ? last.index : last.index - count + 1)
        let (held, books) = try await site.money.read { [orgID = org.orgID] transaction in
            let whole = Scope(orgID: orgID)
            let held = HeldBases(try Subscription.of(accountID: accountID, whole, in: transaction))
            let books = try TrialBooks.of(
                Packs.baseIDs(whole, in: transaction), and: nil, from: first.first, to: last.last, whole,
                in: transaction)
            return (held.packID(on: today), books)
        }
        let open = books.byPack.compactMap { packID, book -> Tariff? in
            guard let tariff = book.tariff(on: today) else { return nil }
            let isFor = tariff.categories.isEmpty || tariff.categories.contains(account.category)
            return isFor || packID == held ? tariff : nil
        }.sorted { $0.id < $1.id }
        let loads = try await AccountLoads.of(
            [account], from: first.first, to: min(last.last, today.advanced(by: -1)),
            needsExport: open.contains { $0.metering != .importOnly },
            needsApparent: open.contains(where: \.looksAtApparent), site: site, org: org)
        return PackComparison(loads[0], open, held: held, first...last, today, books.prices, months: count)
    }

    private init(
        _ loads: AccountLoads, _ open: [Tariff], held: String?, _ span: ClosedRange<CivilMonth>, _ today: CivilDay,
        _ prices: MarketPrices?, months: Int
    ) {
        self.months = months
        let found = TrialSpan(loads, from: span.lowerBound, to: span.upperBound, today: today)
        let runs = found.loads(loads)
        (from, to) = (found.runs.first?.lowerBound, found.runs.last?.upperBound)
        (days, missingDays) = (found.days, found.missingDays)
        energyWh = runs.joined().reduce(0) { $0 + $1.importTotalWh }
        guard !runs.isEmpty else { return }
        let facts = AccountFacts(loads.account)
        offers = open.map { (tariff: Tariff) -> Offer in
            var offer = Offer(
                packID: tariff.id, name: tariff.name, version: tariff.version, isHeld: tariff.id == held)
            do throws(TariffError) {
                var bill = TrialBill()
                for run in runs {
                    let book = try TariffBook([tariff.redated(from: run[0].day)])
                    bill.add(try book.trial(run, facts, prices))
                }
                offer.totalMinor = bill.totalMinor
            } catch {
                offer.reason = error.description
            }
            return offer
        }
        offers.sort { one, two in
            let (first, second) = (one.totalMinor ?? Int64.max, two.totalMinor ?? Int64.max)
            return first == second ? one.packID < two.packID : first < second
        }
    }
}

/// The bill an account is in, as it is likely to end, near a limit where all units change their price.
public struct SlabWarning: Sendable, Equatable {
    public var cliff: SlabCliff
    /// First and last day of the bill.
    public var period: BillPeriod
    public var tariff: Tariff

    /// Days before today whose mean stands for the days to come.
    static let meanDays = 28

    /// The book of the pack an account holds, where it has such a limit; nil asks for no readings.
    static func bookWithJumps(
        accountID: Int64, on day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> TariffBook? {
        let scope = Scope(orgID: orgID)
        let held = HeldBases(try Subscription.of(accountID: accountID, scope, in: transaction))
        guard let packID = held.packID(on: day) else { return nil }
        let book = try Packs.book(packID, scope, in: transaction)
        return book.tariff(on: day)?.hasJumps == true ? book : nil
    }

    /// Nil when the pack has no such limit, when the bill stays away from it, or when too little is known.
    public static func of(
        _ account: SupplyAccount, site: Site, org: Org
    ) async throws -> SlabWarning? {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let (book, percent) = try await site.money.read { transaction in
            let scope = Scope(orgID: org.orgID)
            let text = try SettingRegistry(PackShelf.settings).value(
                PackShelf.nearPercent.name, on: today, scope, in: transaction)
            return (
                try Self.bookWithJumps(accountID: account.accountID, on: today, orgID: org.orgID, in: transaction),
                Int64(text) ?? 0
            )
        }
        guard let book, percent > 0, let tariff = book.tariff(on: today) else { return nil }
        let month = today.month.index / tariff.billMonths * tariff.billMonths
        let period = BillPeriod(
            first: max(CivilMonth(index: month).first, account.openedDay),
            last: CivilMonth(index: month + tariff.billMonths - 1).last)
        let yesterday = today.advanced(by: -1)
        let start = min(period.first, today.advanced(by: -meanDays))
        let loads = try await AccountLoads.of(
            [account], from: start, to: yesterday, needsExport: tariff.metering != .importOnly,
            needsApparent: tariff.looksAtApparent, site: site, org: org)
        guard let expected = expected(loads[0], period, from: start, today: today) else { return nil }
        let prices = try await site.money.read { [orgID = org.orgID] in
            try MarketPriceStore.prices(
                for: book.tariffs, from: period.first, to: period.last, Scope(orgID: orgID), in: $0)
        }
        let facts = AccountFacts(account)
        let days = book.needsExport ? expected : expected.map(\.withoutExport)
        // What cannot be priced cannot be warned of.
        let cliff = try? book.cliff(of: period, days, percent: percent, facts: facts, prices: prices)
        return cliff.map { SlabWarning(cliff: $0, period: period, tariff: tariff) }
    }

    /// The days that were, as read; the others as the mean of the latest whole days. Nil with fewer than seven.
    static func expected(
        _ loads: AccountLoads, _ period: BillPeriod, from start: CivilDay, today: CivilDay
    ) -> [TariffLoadDay]? {
        let whole = (start.number..<today.number).compactMap { number -> TariffLoadDay? in
            let day = CivilDay(number: number)
            return loads.missingSlots[day] == nil ? loads.days[day] : nil
        }
        guard let last = whole.last else { return nil }
        let alike = whole.filter { $0.importWh.count == last.importWh.count }.suffix(meanDays)
        guard alike.count >= 7 else { return nil }
        let sums = alike.reduce(into: [Int64](repeating: 0, count: last.importWh.count)) { sums, day in
            for slot in day.importWh.indices { sums[slot] += Int64(day.importWh[slot]) }
        }
        var mean = last
        mean.exportWh = []
        mean.importWh = sums.map { Int32(clamping: $0 / Int64(alike.count)) }
        return (period.first.number...period.last.number).map { number in
            let day = CivilDay(number: number)
            if day < today, loads.missingSlots[day] == nil, let read = loads.days[day] { return read }
            var guessed = mean
            guessed.day = day
            return guessed
        }
    }

    /// Accounts open on a day whose base pack has such a limit, after one, in order of id.
    public static func candidates(
        after accountID: Int64, limit: Int, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [SupplyAccount] {
        let packs = try Packs.baseIDs(scope, in: transaction).filter { packID in
            try Packs.book(packID, scope, in: transaction).tariff(on: day)?.hasJumps == true
        }
        guard !packs.isEmpty else { return [] }
        var parameters: [SQLValue] = [.int(scope.orgID), .day(day), .int(accountID), .int(limit)]
        let marks = packs.map { packID in
            parameters.append(.text(packID))
            return "$\(parameters.count)"
        }.joined(separator: ", ")
        let ids = try transaction.query(
            """
            SELECT DISTINCT account_id FROM subscription WHERE org_id = $1 AND account_id > $3 AND kind = 'base'
              AND pack_id IN (\(marks)) AND state NOT IN ('draft', 'rejected') AND from_day <= $2
              AND (to_day IS NULL OR to_day >= $2) ORDER BY account_id LIMIT $4
            """, parameters
        ) { try $0.int(0) }
        return try SupplyAccount.of(ids, scope, in: transaction).sorted { $0.accountID < $1.accountID }
    }
}
