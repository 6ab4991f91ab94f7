// A load to try a tariff with while it is written: an example shape with so much energy a day, or a past month of a
// consumer; and the bill of a month with it. Nothing is stored or posted.
import Access
import Accounts
import CivilTime
import Clocks
import Packs
import SQL
import Tariffs

/// What a tariff is tried with.
public struct TestLoad: Sendable, Equatable {
    public enum Shape: String, Sendable, CaseIterable {
        case household, shop, flat

        /// Shares of an hour of the day.
        var hours: [Int32] {
            switch self {
            case .household: [3, 2, 2, 2, 2, 3, 6, 7, 6, 4, 3, 3, 3, 3, 3, 3, 4, 6, 9, 11, 11, 9, 6, 4]
            case .shop: [1, 1, 1, 1, 1, 1, 1, 2, 5, 9, 10, 10, 10, 9, 9, 10, 10, 10, 10, 9, 7, 3, 1, 1]
            case .flat: [Int32](repeating: 1, count: 24)
            }
        }
    }
    public enum Source: Sendable, Equatable {
        case shape(Shape, dailyWh: Int64)
        /// By number.
        case account(String)
    }
    public static let dailyWhMax: Int64 = 1_000_000_000

    public var source: Source
    public var contractedW: Int64
    public init(_ source: Source, contractedW: Int64) {
        self.source = source
        self.contractedW = contractedW
    }

    /// A bill, and what should be known of its load.
    public struct Tried: Sendable, Equatable {
        public var bill: AccountBill
        public var missingDays: Int
        /// Whether the days lie before the tariff holds.
        public var isRedated: Bool
    }

    /// The bill of a month, or of as many as the tariff has in one.
    /// - Throws: ``Refusal`` `invalid` where it cannot be priced: with what the load lacks.
    public func bill(_ tariff: Tariff, site: Site, org: Org, _ scope: Scope) async throws -> Tried {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        var facts = AccountFacts()
        facts.contractedW = contractedW
        let period: BillPeriod
        var loads: [TariffLoadDay]
        var missing = 0
        switch source {
        case .shape(let shape, let dailyWh):
            period = Self.firstWhole(tariff)
            loads = Self.days(shape, period, dailyWh: dailyWh, zone: org.zone)
        case .account(let number):
            let account = try await site.money.read { try SupplyAccount.find(number: number, scope, in: $0) }
            guard let account else {
                throw Refusal(.notFound, "There is no account of this number.", at: "account")
            }
            let months = tariff.billMonths
            let end = (account.openedDay > today.month.previous.first ? today.month : today.month.previous).index
            let first = max(CivilMonth(index: end / months * months).first, account.openedDay)
            let last = min(CivilMonth(index: end).last, today.advanced(by: -1))
            guard first <= last else {
                throw Refusal(.invalid, "There are no readings of this account yet.", at: "account")
            }
            period = BillPeriod(first: first, last: last)
            let found = try await AccountLoads.of(
                [account], from: first, to: last, needsExport: tariff.metering != .importOnly,
                needsApparent: tariff.looksAtApparent, site: site, org: org)[0]
            loads = (first.number...last.number).map { found.load(CivilDay(number: $0)) }
            missing = found.missingDays(first, last)
            facts = AccountFacts(account)
        }
        let isRedated = !tariff.holds(on: period.first) || !tariff.holds(on: period.last)
        let prices = try await site.money.read { [orgID = org.orgID, period] in
            try MarketPriceStore.prices(
                for: [tariff], from: period.first, to: period.last, Scope(orgID: orgID), in: $0)
        }
        do throws(TariffError) {
            let book = try TariffBook([isRedated ? tariff.redated(from: period.first) : tariff])
            if !book.needsExport { loads = loads.map(\.withoutExport) }
            let bills = try book.price(loads, periods: [period], facts: facts, prices: prices)
            return Tried(bill: bills[0], missingDays: missing, isRedated: isRedated)
        } catch {
            throw Refusal(error)
        }
    }

    /// The first whole bill in which the tariff holds.
    static func firstWhole(_ tariff: Tariff) -> BillPeriod {
        let months = tariff.billMonths
        let isFirst = tariff.validFrom == tariff.validFrom.month.first
        let start = isFirst ? tariff.validFrom.month.index : tariff.validFrom.month.index + 1
        let index = (start + months - 1) / months * months
        return BillPeriod(first: CivilMonth(index: index).first, last: CivilMonth(index: index + months - 1).last)
    }

    /// Days of quarters of an hour; fed in is nothing.
    static func days(_ shape: Shape, _ period: BillPeriod, dailyWh: Int64, zone: Zone) -> [TariffLoadDay] {
        let days = (period.first.number...period.last.number).map { number -> TariffLoadDay in
            let day = CivilDay(number: number)
            let starts = (0..<zone.slotCount(of: day, periodS: 900)).map {
                zone.minuteOfDay(slot: $0, of: day, periodS: 900)
            }
            return TariffLoadDay(
                day: day, slotStartMinutes: starts, periodS: 900, importWh: starts.map { shape.hours[$0 / 60 % 24] })
        }
        return TariffLoadDay.scaled(days, toWh: dailyWh * Int64(days.count))
    }
}
