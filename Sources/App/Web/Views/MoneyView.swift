// MoneyView: the company's money by month: the liability for recharges, revenue as earned, a unit's revenue and cost.
import Access
import CivilTime
import Quantities

public struct MoneyView: Page {
    public struct Month: Sendable {
        public var month: CivilMonth
        public var takenPaise: Int64
        public var revenuePaise: Int64
        public var dutyPaise: Int64
        public var energyWh: Int64
        public var realisedMilliPaisePerKWh: Int64?
        public var costMilliPaisePerKWh: Int64?
        public var peakW: Int64?
        public var peakToAveragePpm: Int64?
        public init(
            month: CivilMonth, takenPaise: Int64, revenuePaise: Int64, dutyPaise: Int64, energyWh: Int64,
            realisedMilliPaisePerKWh: Int64?, costMilliPaisePerKWh: Int64?, peakW: Int64?, peakToAveragePpm: Int64?
        ) {
            (self.month, self.takenPaise, self.revenuePaise) = (month, takenPaise, revenuePaise)
            (self.dutyPaise, self.energyWh) = (dutyPaise, energyWh)
            self.realisedMilliPaisePerKWh = realisedMilliPaisePerKWh
            self.costMilliPaisePerKWh = costMilliPaisePerKWh
            (self.peakW, self.peakToAveragePpm) = (peakW, peakToAveragePpm)
        }
    }

    public static let template = "money"
    public var aheadPaise: Int64
    public var owedPaise: Int64
    public var arrearsPaise: Int64
    /// Oldest first.
    public var months: [Month]

    public struct Waiting: Sendable {
        public var account: Int64
        public var code: String
        public var day: CivilDay
        public var why: String
        public init(account: Int64, code: String, day: CivilDay, why: String) {
            (self.account, self.code, self.day, self.why) = (account, code, day, why)
        }
    }
    /// Instalments that wait for a person.
    public var waiting: [Waiting]

    public init(
        aheadPaise: Int64, owedPaise: Int64, arrearsPaise: Int64, months: [Month], waiting: [Waiting]
    ) {
        self.waiting = waiting
        (self.aheadPaise, self.owedPaise) = (aheadPaise, owedPaise)
        (self.arrearsPaise, self.months) = (arrearsPaise, months)
    }
}

extension MoneyView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("money.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("indexHref", Paths.reports)
        row.set("csvHref", Paths.moneyCSV)
        row.set("lede", w.say("money.lede", ["money": "\(w.money(aheadPaise))"]))
        row.set(
            "figures",
            [
                (w.say("money.ahead"), aheadPaise, w.say("money.aheadNote")),
                (w.say("money.owed"), owedPaise, w.say("money.owedNote")),
                (w.say("money.arrears"), arrearsPaise, w.say("money.arrearsNote")),
            ].map { Fields(["name": $0.0, "figure": "\(w.money($0.1))", "note": $0.2]) })
        row.set("months", months.map { monthRow($0, w) })
        row.set("hasWaiting", !waiting.isEmpty)
        row.set(
            "waiting",
            waiting.map { item in
                Fields([
                    "account": w.link(Paths.arrears(item.account), "\(item.code)"), "day": w.fullDay(item.day),
                    "why": "\(item.why)",
                ])
            })
        return row
    }

    private func monthRow(_ row: Month, _ w: Wording) -> Fields {
        let unknown: Markup = w.say("money.unknown")
        return Fields([
            "month": w.say("month.name", ["month": w.monthName(row.month.first), "year": "\(row.month.year)"]),
            "taken": "\(w.money(row.takenPaise))", "revenue": "\(w.money(row.revenuePaise))",
            "duty": "\(w.money(row.dutyPaise))", "units": "\(w.units(row.energyWh))",
            "realised": row.realisedMilliPaisePerKWh.map { "\(w.price($0))" } ?? unknown,
            "cost": row.costMilliPaisePerKWh.map { "\(w.price($0))" } ?? unknown,
            "peak": row.peakW.map { w.kilowatts($0) } ?? unknown,
            "ratio": row.peakToAveragePpm.map { "\(fixedPoint(($0 + 5_000) / 10_000, places: 2))" } ?? unknown,
        ])
    }
}
