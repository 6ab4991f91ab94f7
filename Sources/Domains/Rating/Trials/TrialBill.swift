// The past of an account priced by a tariff it may never have had, and by the packs it held: bills of the same days
// from the same readings, by one engine. Nothing is stored or posted.
import Access
import Accounts
import CivilTime
import Packs
import SQL
import Tariffs

/// Money of some bills, by component.
struct TrialBill: Sendable, Equatable {
    var totalMinor: Int64 = 0
    /// By what the bill calls it.
    var parts: [String: Int64] = [:]

    mutating func add(_ bills: [AccountBill]) {
        for bill in bills {
            totalMinor += bill.totalMinor
            for component in bill.components { parts[component.label, default: 0] += component.amountMinor }
        }
    }
}

/// Tariffs and market prices that a trial needs, read once.
struct TrialBooks: Sendable {
    var byPack: [String: TariffBook] = [:]
    var prices: MarketPrices?

    /// - Parameter tariff: priced too, though it may stand in no book.
    static func of(
        _ packIDs: [String], and tariff: Tariff?, from: CivilDay, to: CivilDay, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> TrialBooks {
        var books = TrialBooks()
        for packID in packIDs {
            // A pack that is not there leaves its holders out, not everybody.
            do { books.byPack[packID] = try Packs.book(packID, scope, in: transaction) } catch is Refusal {}
        }
        let tariffs = books.byPack.values.flatMap(\.tariffs) + [tariff].compactMap { $0 }
        books.prices = try MarketPriceStore.prices(for: tariffs, from: from, to: to, scope, in: transaction)
        return books
    }
}

extension TariffBook {
    /// Bills of days in order, cut at the ends of its bills.
    func trial(_ days: [TariffLoadDay], _ facts: AccountFacts, _ prices: MarketPrices?) throws(TariffError)
        -> [AccountBill]
    {
        guard let first = days.first?.day, let last = days.last?.day else { return [] }
        let loads = needsExport ? days : days.map(\.withoutExport)
        return try price(
            loads, periods: BillPeriod.calendar(from: first, to: last, months: tariffs[0].billMonths), facts: facts,
            prices: prices)
    }
}

extension AccountFacts {
    /// What the office knows of an account besides its load.
    init(_ account: SupplyAccount) {
        self.init()
        contractedW = account.sanctionedW
    }
}

/// Days of an account that can be compared: of each month asked for those on which it was supplied.
struct TrialSpan: Sendable, Equatable {
    /// Runs of whole bills, each from its first to its last day.
    var runs: [ClosedRange<CivilDay>] = []
    var days = 0
    var missingDays = 0
    /// Months with too many gaps.
    var leftMonths = 0

    init(_ loads: AccountLoads, from: CivilMonth, to: CivilMonth, today: CivilDay) {
        let account = loads.account
        for index in from.index...to.index {
            let month = CivilMonth(index: index)
            let first = max(month.first, account.openedDay)
            let last = min(min(month.last, account.closedDay ?? month.last), today.advanced(by: -1))
            guard first <= last else { continue }
            guard loads.isEnough(first, last) else {
                leftMonths += 1
                continue
            }
            days += first.days(to: last) + 1
            missingDays += loads.missingDays(first, last)
            if let before = runs.last, before.upperBound.advanced(by: 1) == first {
                runs[runs.count - 1] = before.lowerBound...last
            } else {
                runs.append(first...last)
            }
        }
    }

    func loads(_ loads: AccountLoads) -> [[TariffLoadDay]] {
        runs.map { run in
            (run.lowerBound.number...run.upperBound.number).map { loads.load(CivilDay(number: $0)) }
        }
    }
}

/// The base packs an account held, as runs of days.
struct HeldBases: Sendable {
    var rows: [Subscription]

    init(_ subscriptions: [Subscription]) { rows = subscriptions.filter { $0.kind == .base } }

    func packID(on day: CivilDay) -> String? { rows.first { $0.bills(on: day) }?.packID }

    /// Days in order, cut where the pack changes; nil where a day has none.
    func cut(_ days: [TariffLoadDay]) -> [(packID: String, days: [TariffLoadDay])]? {
        var parts: [(packID: String, days: [TariffLoadDay])] = []
        for load in days {
            guard let packID = packID(on: load.day) else { return nil }
            if parts.last?.packID == packID {
                parts[parts.count - 1].days.append(load)
            } else {
                parts.append((packID, [load]))
            }
        }
        return parts
    }
}
