// The company's money by month: what is owed for recharges, what was earned as energy was charged, what a unit brought
// in beside what it cost, and how peaked the load was. Worked out anew from the book and the sums of days.
import Access
import Accounts
import Aggregation
import CivilTime
import Journal
import Payments
import Rating
import SQL

public struct MoneyReport: Sendable {
    public struct Month: Sendable, Equatable {
        public var month: CivilMonth
        /// Came into the bank for wallets and debts within the month.
        public var takenPaise: Int64
        /// Earned: posted to income within the month, also for days before it.
        public var revenuePaise: Int64
        /// Of it what does not depend on use.
        public var fixedRevenuePaise: Int64
        /// Charged for the state.
        public var dutyPaise: Int64
        /// Energy of the month's own days, as it counts now.
        public var energyWh: Int64
        /// Earned on a unit of 1,000 Wh; nil where nothing was charged.
        public var realisedMilliPaisePerKWh: Int64?
        /// What a unit costs on average, as set for the month's end; nil where the company has set nothing.
        public var costMilliPaisePerKWh: Int64?
        public var peakW: Int64?
        public var averageW: Int64?

        public var peakToAveragePpm: Int64? {
            guard let peakW, let averageW, averageW > 0 else { return nil }
            return Int64(Int128(peakW) * 1_000_000 / Int128(averageW))
        }
    }

    /// What consumers have paid ahead and not used: a liability of the company.
    public var aheadPaise: Int64
    /// What consumers owe in their wallets, and from before.
    public var owedPaise: Int64
    public var arrearsPaise: Int64
    /// Oldest first.
    public var months: [Month]
    public var madeAtMs: Int64
    /// Instalments that wait for a person, at most ``waitingMax``.
    public var waiting: [Waiting]

    public struct Waiting: Sendable, Equatable {
        public var account: SupplyAccount
        /// The day it stands at, and why it could not be taken.
        public var day: CivilDay
        public var why: String
    }

    public static let waitingMax = 200
    public static let monthsMax = 24
    public static let costSetting = "reports.average-cost-paise-per-kwh"
    /// What a unit costs the company on average, bought and delivered; 0: not known.
    public static let averageCost = SettingKind.wholeNumber(
        costSetting, 0...100_000, initial: 0,
        hint: "Paise that a kWh costs the company on average, bought and delivered, for reports; 0: not known.")

    /// - Throws: ``Refusal`` `forbidden` for who does not see the whole company, `invalid` for a span that is none.
    public static func of(
        _ site: Site, from: CivilMonth?, to: CivilMonth?, _ scope: Scope
    ) async throws -> MoneyReport {
        guard scope.isWholeCompany else {
            throw Refusal(.forbidden, "Balances are a matter of the whole company.")
        }
        let moment = try await site.money.read { try Moment.of(site, scope, in: $0) }
        let last = min(to ?? moment.today.month, moment.today.month)
        let first = from ?? CivilMonth(index: last.index - 5)
        guard first <= last, last.index - first.index < monthsMax else {
            throw Refusal(
                .invalid, "The report is made for 1 to \(monthsMax) months that have begun.",
                hint: "Give the earlier month first.", at: "from")
        }
        var months: [Month] = []
        for index in first.index...last.index {
            let month = CivilMonth(index: index)
            var row = try await site.money.read { try money(of: month, moment, scope, in: $0) }
            (row.peakW, row.averageW) = try await load(of: month, site, moment)
            months.append(row)
        }
        let (stand, waiting) = try await site.money.read { transaction in
            (
                try Arrears.liability(scope, in: transaction),
                try Arrears.troubled(limit: waitingMax, scope, in: transaction).map { plan in
                    Waiting(
                        account: try SupplyAccount.find(plan.accountID, scope, in: transaction), day: plan.nextDay,
                        why: plan.problem ?? "")
                }
            )
        }
        return MoneyReport(
            aheadPaise: stand.aheadPaise, owedPaise: stand.owedPaise, arrearsPaise: stand.arrearsPaise,
            months: months, madeAtMs: moment.nowMs, waiting: waiting)
    }

    private static func money(
        of month: CivilMonth, _ moment: Moment, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Month {
        let (fromMs, untilMs) = (moment.startMs(of: month.first), moment.startMs(of: month.next.first))
        let income = ChartAccount.allCases.filter { $0.bookName.hasPrefix("income:") }
        let sums = try Journal.sums(
            of: income + [.dutyPayable, .paymentClearing], fromMs: fromMs, untilMs: untilMs, scope, in: transaction)
        let revenue = income.reduce(Int64(0)) { $0 - (sums[$1] ?? 0) }
        let energyWh = try Charge.sums(from: month.first, to: month.last, scope, in: transaction).energyWh
        let cost = try SettingRegistry([averageCost]).value(costSetting, on: month.last, scope, in: transaction)
        return Month(
            month: month, takenPaise: sums[.paymentClearing] ?? 0, revenuePaise: revenue,
            fixedRevenuePaise: -(sums[.fixedRevenue] ?? 0), dutyPaise: -(sums[.dutyPayable] ?? 0), energyWh: energyWh,
            realisedMilliPaisePerKWh: energyWh > 0 ? Int64(Int128(revenue) * 1_000_000 / Int128(energyWh)) : nil,
            costMilliPaisePerKWh: Int64(cost).flatMap { $0 > 0 ? $0 * 1_000 : nil })
    }

    /// The highest mean over one interval, and the mean over the days that are summed up.
    private static func load(
        of month: CivilMonth, _ site: Site, _ moment: Moment
    ) async throws -> (peakW: Int64?, averageW: Int64?) {
        let reader = try await SetReader(site: site, org: moment.org)
        let to = min(month.last, moment.lineDay)
        guard month.first <= to else { return (nil, nil) }
        let series = try await reader.series(.all, from: month.first, to: to, .quarterHour)
        let wholeS = Set(series.buckets.map(\.day)).reduce(Int64(0)) { $0 + moment.zone.lengthS(of: $1) }
        guard let peak = series.buckets.map(\.meterWh).max(), wholeS > 0 else { return (nil, nil) }
        let lengthS = series.resolution.seconds ?? 86_400
        return (peak * 3_600 / lengthS, series.totalWh * 3_600 / wholeS)
    }
}

extension MoneyReport {
    /// As a table for other programs, RFC 4180; empty where nothing is known.
    public func csv() -> String {
        let rows = months.map { row in
            [
                row.month.description, PlainAmount.text(row.takenPaise, places: 2),
                PlainAmount.text(row.revenuePaise, places: 2), PlainAmount.text(row.fixedRevenuePaise, places: 2),
                PlainAmount.text(row.dutyPaise, places: 2), PlainAmount.text(row.energyWh, places: 3),
                row.realisedMilliPaisePerKWh.map { PlainAmount.text($0, places: 5) } ?? "",
                row.costMilliPaisePerKWh.map { PlainAmount.text($0, places: 5) } ?? "",
                row.peakW.map { PlainAmount.text($0, places: 3) } ?? "",
                row.peakToAveragePpm.map { PlainAmount.text($0, places: 6) } ?? "",
            ].joined(separator: ",")
        }
        let head = "month,taken,revenue,fixed_revenue,duty,energy_kWh,realised_a_kWh,cost_a_kWh,peak_kW,peak_to_average"
        return ([head] + rows).map { $0 + "\r\n" }.joined()
    }
}
