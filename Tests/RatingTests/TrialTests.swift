// What a trial counts of a past that has gaps, how a bill is likely to end, and how a report adds up.
import Accounts
import CivilTime
import Tariffs
import Testing

@testable import Rating

@Suite struct TrialTests {
    private static let first = CivilDay("2026-04-01")!
    private static let account = SupplyAccount(
        accountID: 1, accountNumber: "A-1", name: "House", category: "domestic", placeID: 1, sanctionedW: 4000,
        language: "en", openedDay: first)

    /// Days of 24 values; those named have gaps, or are not there.
    private static func loads(
        _ count: Int, wh: Int32 = 100, gaps: [Int: Int] = [:], without: Set<Int> = []
    ) -> AccountLoads {
        var days: [CivilDay: TariffLoadDay] = [:]
        var missing: [CivilDay: Int] = [:]
        for offset in 0..<count where !without.contains(offset) {
            let day = first.advanced(by: offset)
            days[day] = TariffLoadDay(
                day: day, slotStartMinutes: (0..<24).map { $0 * 60 }, periodS: 3600,
                importWh: [Int32](repeating: wh, count: 24))
            missing[day] = gaps[offset]
        }
        return AccountLoads(account: account, days: days, missingSlots: missing, periodS: 3600, zone: .india)
    }

    @Test func aMonthWithMoreThanATenthMissingIsLeftOut() {
        let april = Self.first.month
        func span(_ loads: AccountLoads) -> TrialSpan {
            TrialSpan(loads, from: april, to: april.next, today: CivilDay("2026-05-11")!)
        }
        // April whole but for three days, 1 to 10 May.
        let some = span(Self.loads(40, gaps: [3: 2], without: [5, 6]))
        #expect(some.runs == [Self.first...CivilDay("2026-05-10")!])
        #expect(some.days == 40 && some.missingDays == 3 && some.leftMonths == 0)
        let many = span(Self.loads(40, without: [5, 6, 7, 8]))
        #expect(many.runs == [CivilDay("2026-05-01")!...CivilDay("2026-05-10")!] && many.leftMonths == 1)
        #expect(many.days == 10 && many.missingDays == 0)
        // What is not there counts as nothing.
        let loads = Self.loads(40, without: [5, 6])
        let days = span(loads).loads(loads)
        #expect(days.count == 1 && days[0].count == 40)
        #expect(days[0].reduce(0) { $0 + $1.importTotalWh } == 38 * 2_400)
    }

    @Test func aBillIsExpectedToEndAsTheLastDaysWere() throws {
        let period = BillPeriod(first: Self.first, last: CivilDay("2026-04-30")!)
        let today = Self.first.advanced(by: 10)
        let days = try #require(
            SlabWarning.expected(Self.loads(10, gaps: [4: 1]), period, from: Self.first, today: today))
        #expect(days.count == 30 && days.map(\.day) == (0..<30).map { Self.first.advanced(by: $0) })
        #expect(days.reduce(0) { $0 + $1.importTotalWh } == 30 * 2_400)
        let few = SlabWarning.expected(Self.loads(6), period, from: Self.first, today: Self.first.advanced(by: 6))
        #expect(few == nil, "less than a week says nothing of a month")
    }

    @Test func aReportAddsUp() {
        func row(_ id: Int64, _ before: Int64, _ after: Int64, wh: Int64, reason: String? = nil) -> WhatIfReport.Row {
            WhatIfReport.Row(
                accountID: id, number: "A,\(id)",
                outcome: WhatIfOutcome(energyWh: wh, days: 30, before: before, after: after, reason: reason))
        }
        let rows = [
            row(1, 10_000, 9_000, wh: 100_000), row(2, 10_000, 10_050, wh: 100_001), row(3, 5_000, 5_000, wh: 0),
            row(4, 10_000, 13_000, wh: 900_000), row(5, 0, 0, wh: 0, reason: "no \"readings\""),
        ]
        let report = WhatIfReport(rows, slabLimitsWh: [100_000, 300_000])
        #expect(report.total.count == 4 && report.total.gainers == 1 && report.total.losers == 2)
        #expect(report.gainedMinor == 1_000 && report.lostMinor == 3_050 && report.total.change == 2_050)
        #expect(report.byUse.map(\.count) == [2, 1, 1], "a limit belongs to the slab below it")
        #expect(report.byChange.first { $0.upTo == -1000 }?.count == 1 && report.byChange.last?.count == 1)
        #expect(report.byChange.first { $0.from == -100 }?.count == 2)
        #expect(report.gainers.map(\.accountID) == [1] && report.losers.map(\.accountID) == [4, 2])
        #expect(report.aside.map(\.reason) == ["no \"readings\""])
        let csv = WhatIfReport.csv(rows, minorDigits: 2)
        #expect(csv.contains("\"A,1\",100.000,30,0,0,100.00,90.00,-10.00,-10.00,\"\"\r\n"))
        #expect(csv.contains("\"A,5\",,,,,,,,,\"no \"\"readings\"\"\"\r\n"))
    }
}
