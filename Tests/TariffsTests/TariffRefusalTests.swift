// What a tariff may not say, what an account may not ask, and totals that must be those that are billed.
import CivilTime
import Testing

@testable import Tariffs

@Suite struct TariffRefusals {
    static let energy = "  - {id: energy, kind: energy, perKWh: 5}\n"
    static let rates = "{supplyMonth: 2024-01, perKWh: 1}"

    @Test(
        arguments: [
            (
                "",
                energy
                    + "  - {id: duty, kind: duty, percent: 5, of: [energy, r]}\n  - {id: r, kind: rounding, to: 1}\n",
                "of names r", "not the rounding"
            ),
            (
                "",
                """
                  - {id: fixed, kind: fixed, perMonth: 9}
                  - {id: penalty, kind: contractBreak, percent: 50, of: [fixed], atMostMonths: 6}
                  - {id: duty, kind: duty, percent: 5, of: [penalty.fixed]}

                """, "penalty has no part fixed", "a part is"
            ),
            ("", energy + "  - {id: d, kind: duty, percent: 5, of: [energy, energy]}\n", "counts it twice", "once"),
            (
                "",
                energy + "  - {id: p, kind: levy, percent: 5, of: [energy]}\n"
                    + "  - {id: d, kind: duty, percent: 5, of: [p, p.energy]}\n", "counts it twice", "once"
            ),
            (
                "", "  - {id: f, kind: supplySurcharge, lagMonths: 2, rates: [\(rates), \(rates)]}\n", "has two rates",
                "one"
            ),
            (
                "metering: netMetering\n",
                """
                  - {id: a, kind: bank, settleMonth: 3, perKWh: 2}
                  - {id: b, kind: bank, settleMonth: 3, perKWh: 2}

                """, "paid out twice", "keep one"
            ),
            (
                "",
                """
                  - {id: a, kind: indexed, exchange: IEX, product: DAM, percent: 80}
                  - {id: b, kind: indexed, exchange: IEX, product: RTM, percent: 80}

                """, "more than 100 %", "100 or less"
            ),
            (
                "", energy + "  - {id: s, kind: subsidy, percent: 150, of: [energy]}\n", "more than 100 %",
                "100 or less"
            ),
            ("", "  - {id: x, kind: export, perKWh: 1}\n", "export of a tariff", "netBilling"),
            ("", "  - {id: x, kind: duty, quantity: consumption, perKWh: 1}\n", "consumption of a tariff", "metering"),
            (
                "metering: gross\ncalendars:\n  c: [{bands: {a: 00:00-12:00, b: 12:00-24:00}}]\n",
                "  - {id: x, kind: duty, quantity: consumption, calendar: c, perKWh: {a: 1, b: 2}}\n", "by bands",
                "leave calendar out"
            ),
            (
                "metering: gross\n",
                "  - {id: x, kind: indexed, quantity: consumption, exchange: I, product: D}\n", "consumption", "import"
            ),
            ("", "  - {id: x, kind: criticalPeak, days: [], hours: 18:00-22:00, perKWh: 6}\n", "no days", "leave"),
            ("", "  - {id: x, kind: criticalPeak, days: [2024-01-01], hours: [], perKWh: 6}\n", "no hours", "leave"),
            ("", "  - {id: x, kind: fixed, perMonth: 5, roundUpKW: true}\n", "roundUpKW beside", "perKW"),
            ("", "  - {id: x, kind: energy, perKWh: 5, freeKWh: 0}\n", "freeKWh is 0", "leave"),
            (
                "", "  - {id: x, kind: energy, slabs: {steps: [{upTo: 0, perKWh: 5}, {perKWh: 6}]}}\n", "upTo is 0",
                "more than 0"
            ),
            ("", "  - {id: x, kind: energy, perKWh: 99999999}\n", "out of range", "or less"),
        ] as [(String, String, String, String)])
    func isRefused(head: String, components: String, what: String, remedy: String) {
        let error = refusal { try tariff(head: head, components: components) }
        #expect(error?.place.hasPrefix("t.yaml:") == true, "\(String(describing: error))")
        #expect(error?.what.contains(what) == true, "\(String(describing: error))")
        #expect(error?.remedy.contains(remedy) == true, "\(String(describing: error))")
    }

    @Test func partsOfOneShareMayStandSideBySide() throws {
        let read = try tariff(
            components: """
                  - {id: a, kind: energy, perKWh: 5}
                  - {id: b, kind: fixed, perMonth: 5}
                  - {id: p, kind: levy, percent: 5, of: [a, b]}
                  - {id: d, kind: duty, percent: 5, of: [p.a, p.b]}

                """)
        #expect(read.components.count == 4)
    }

    @Test func aQuotedNullIsAName() throws {
        #expect(
            try tariff(
                "format: 1\nid: T\nversion: 1\nname: \"null\"\nvalidFrom: 2024-01-01\ncomponents:\n" + Self.energy
            )
            .name == "null")
        let plain = refusal {
            try tariff("format: 1\nid: T\nversion: 1\nname: null\nvalidFrom: 2024-01-01\ncomponents:\n" + Self.energy)
        }
        #expect(plain?.what.contains("has no name") == true)
    }

    @Test func pricesMayBeginWithAByteOrderMark() throws {
        let csv = "\u{FEFF}date,exchange,product,slot,price_per_mwh\n2024-01-03,IEX,DAM,1,10\n"
        let prices = try MarketPrices(csv: Array(csv.utf8), file: "p.csv")
        #expect(prices.price(exchange: "IEX", product: "DAM", day: day("2024-01-03"), slot: 0) == 1000)
    }
}

@Suite struct BilledTotals {
    static let april = period("2024-04-01", "2024-04-30")

    /// Twenty levies, each ten times the one before: no trap, an error that names the component.
    @Test func amountsHaveALimit() throws {
        let levies = (1..<20).map { "  - {id: c\($0), kind: levy, percent: 1000, of: [c\($0 - 1)]}\n" }.joined()
        let priced = try tariff(components: "  - {id: c0, kind: energy, perKWh: 10000}\n" + levies)
        let load = even(Self.april, totalWh: 720_000)
        let error = refusal { try priced.bill(load, Self.april) }
        #expect(error?.what.contains("comes to more than") == true && error?.remedy.contains("percents") == true)
        let steep = try tariff(
            components: """
                  - {id: c0, kind: energy, perKWh: 10000}
                  - {id: c1, kind: levy, percent: 1000, of: [c0]}
                  - {id: c2, kind: levy, percent: 1000, of: [c1]}
                  - {id: c3, kind: levy, percent: 1000, of: [c2]}
                  - {id: pf, kind: powerFactor, of: [c3], steps: [{below: 1, percentPerHundredth: 1000}]}

                """)
        var facts = AccountFacts()
        facts.usualPowerFactor = 10
        #expect(refusal { try steep.bill(load, Self.april, facts) }?.what.contains("pf comes to more") == true)
    }

    @Test func aBandInsideAnIntervalIsRefused() throws {
        let priced = try tariff(
            head: "calendars:\n  c: [{bands: {normal: [00:00-18:15, 18:45-24:00], peak: 18:15-18:45}}]\n",
            components: "  - {id: e, kind: energy, calendar: c, perKWh: {normal: 1, peak: 100}}\n")
        let one = period("2024-04-01", "2024-04-01")
        let error = refusal { try priced.bill(even(one, totalWh: 24_000), one) }
        #expect(error?.what == "band normal ends at 18:15, inside the interval from 18:00")
        #expect(try priced.bill(even(one, totalWh: 96_000, perHour: 4), one).totalMinor == 9400 + 20_000)
    }

    /// Under net metering limits by total and surcharges look at what is billed.
    @Test func netMeteringBillsTheNet() throws {
        let priced = try tariff(
            head: "metering: netMetering\n",
            components: """
                  - {id: energy, kind: energy, perKWh: 5}
                  - {id: fixed, kind: fixed, byTotal: [{upTo: 100, perMonth: 10}, {perMonth: 99}]}
                  - {id: help, kind: rebate, percent: 50, of: [fixed], whenTotalUpTo: 100}
                  - {id: fuel, kind: supplySurcharge, lagMonths: 1, rates: [{supplyMonth: 2024-03, perKWh: 1}]}

                """)
        let periods = BillPeriod.calendar(from: day("2024-03-01"), to: day("2024-04-30"), months: 1)
        var days = periods.flatMap { even($0, totalWh: 300_000) }
        let fedIn = periods.flatMap { even($0, totalWh: 220_000) }
        // All of a day's feed in one hour, so that intervals do not meet.
        for index in days.indices {
            days[index].exportWh = (0..<24).map { $0 == 12 ? fedIn[index].importWh.reduce(0, +) : 0 }
        }
        let bills = try TariffBook([priced]).price(days, periods: periods)
        bills.forEach { expectSums($0) }
        #expect(bills.map { $0.minor("energy") } == [40_000, 40_000])
        #expect(bills.map { $0.minor("fixed") } == [1000, 1000])
        #expect(bills.map { $0.minor("help") } == [-500, -500])
        #expect(bills.map { $0.minor("fuel") } == [0, 8000])
    }

    /// Meters that differ by an interval: what one lacks the next makes up.
    @Test func consumptionIsKeptFromZeroInAll() throws {
        let priced = try tariff(
            head: "metering: gross\n", components: "  - {id: c, kind: duty, quantity: consumption, perKWh: 1}\n")
        let one = period("2024-04-01", "2024-04-01")
        var days = even(one, totalWh: 24_000)
        days[0].generationWh = (0..<24).map { $0 == 12 ? 5000 : 0 }
        days[0].exportWh = (0..<24).map { $0 == 11 ? 4000 : 0 }
        #expect(try priced.bill(days, one).totalMinor == 2500)
        days[0].exportWh[11] = 40_000
        #expect(try priced.bill(days, one).totalMinor == 0)
    }

    @Test func billsEndOnTheDayOfLeaving() throws {
        let priced = try tariff(
            components: """
                  - {id: fixed, kind: fixed, perMonth: 300}
                  - {id: left, kind: contractBreak, percent: 50, of: [fixed], atMostMonths: 6}

                """)
        var facts = AccountFacts()
        (facts.contractTo, facts.leavesOn) = (day("2024-05-10"), day("2024-04-10"))
        let error = refusal { try priced.bill(even(Self.april, totalWh: 0), Self.april, facts) }
        #expect(error?.place == "2024-04-10" && error?.remedy.contains("--to 2024-04-10") == true)
        let short = period("2024-04-01", "2024-04-10")
        let bill = try priced.bill(even(short, totalWh: 0), short, facts)
        #expect(bill.components.map(\.amountMinor) == [10_000, 15_000])
        facts.leavesOn = day("2024-03-10")
        #expect(refusal { try priced.bill(even(short, totalWh: 0), short, facts) } != nil)
    }

    @Test func whoLooksBack() throws {
        func looksBack(_ head: String, _ component: String) throws -> Bool {
            try TariffBook([tariff(head: head, components: "  - \(component)\n")]).needsHistory
        }
        #expect(try !looksBack("", "{id: e, kind: energy, perKWh: 1}"))
        #expect(try looksBack("metering: netMetering\n", "{id: e, kind: energy, perKWh: 1}"))
        #expect(
            try looksBack(
                "", "{id: f, kind: supplySurcharge, lagMonths: 1, rates: [{supplyMonth: 2024-03, perKWh: 1}]}"))
    }

    @Test func roundingIsToldInMoney() throws {
        let priced = try tariff(
            components: "  - {id: e, kind: energy, perKWh: 1.01}\n  - {id: r, kind: rounding, to: 1}\n")
        let bill = try priced.bill(even(Self.april, totalWh: 1000), Self.april)
        #expect(bill.lines("r").map(\.label) == ["to the nearest \(priced.money(100))"])
        #expect(bill.totalMinor == 100)
    }
}
