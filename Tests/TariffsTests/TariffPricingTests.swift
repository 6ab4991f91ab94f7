// The engine: what holds for every tariff, and each kind of component against figures worked out by hand.
import CivilTime
import Quantities
import Testing

@testable import Tariffs

@Suite struct TariffProperties {
    static let january = period("2018-01-01", "2018-01-31")

    /// Hourly loads of chance, some of them zero.
    static func chance(_ seed: UInt64, _ period: BillPeriod) -> [TariffLoadDay] {
        var chance = FixedChance(seed: seed)
        return loads(period) { _ in chance.next(5) == 0 ? 0 : Int32(chance.next(2500)) }
    }

    /// Whole exact amounts of a month worked out at once, rounded once.
    @Test(arguments: 0..<20)
    func daysSumToTheMonthPricedAtOnce(seed: Int) throws {
        let days = Self.chance(UInt64(seed), Self.january)
        let total = days.reduce(Int128(0)) { $0 + $1.importWh.reduce(0) { $0 + Int128($1) } }
        let flat = try example("flat").bill(days, Self.january)
        #expect(flat.totalMinor == roundedHalfAway(total * 650, dividedBy: 1000))
        let slab = try example("slab").bill(days, Self.january)
        var exact: Int128 = 0
        for (from, to, price) in [(0, 100, 305), (100, 300, 695), (300, 500, 990), (500, 1 << 40, 1150)]
            as [(
                Int128, Int128, Int128
            )]
        { exact += max(0, min(total, to * 1000) - from * 1000) * price }
        #expect(slab.minor("energy") == roundedHalfAway(exact, dividedBy: 1000))
        #expect(slab.minor("fixed") == 11_000)
        // By band and slab with one price for all bands, the two rules are one.
        let same = try [SlabBandRule.chronological, .proportional].map { rule in
            try tariff(
                head: "calendars:\n  c:\n    - bands: {a: 00:00-11:00, b: 11:00-24:00}\n",
                components: """
                      - id: energy
                        kind: energy
                        calendar: c
                        slabs:
                          rule: \(rule.rawValue)
                          steps: [{upTo: 400, perKWh: {a: 3.05, b: 3.05}}, {perKWh: {a: 7.1, b: 7.1}}]

                    """
            ).bill(days, Self.january).totalMinor
        }
        #expect(same[0] == same[1])
        let plain = max(0, total - 400_000) * 710 + min(total, 400_000) * 305
        #expect(same[0] == roundedHalfAway(plain, dividedBy: 1000))
    }

    /// What does not look at the order of days does not feel it.
    @Test(arguments: ["flat", "slab", "slab-per-day", "demand", "non-telescopic"], 0..<4)
    func orderOfDaysDoesNotMatter(name: String, seed: Int) throws {
        let priced = try example(name)
        let first = priced.validFrom.month.first
        let month = BillPeriod(first: first, last: first.month.last)
        let days = Self.chance(UInt64(seed + 100), month)
        var chance = FixedChance(seed: UInt64(seed))
        let values = days.map(\.importWh).shuffled(using: &chance)
        let shuffled = zip(days, values).map { day, values in
            TariffLoadDay(
                day: day.day, slotStartMinutes: day.slotStartMinutes, periodS: day.periodS, importWh: values)
        }
        #expect(days != shuffled)
        let one = try priced.bill(days, month)
        let two = try priced.bill(shuffled, month)
        #expect(one.components.map(\.amountMinor) == two.components.map(\.amountMinor))
    }

    /// Chronological slabs feel the order, and still sum; more energy never costs less there.
    @Test(arguments: 0..<6)
    func dearerWhenMore(seed: Int) throws {
        let priced = try example("slab-by-band-chronological")
        let days = Self.chance(UInt64(seed + 50), Self.january)
        var more = days
        more[seed].importWh[20] += 700
        let one = try priced.bill(days, Self.january)
        let two = try priced.bill(more, Self.january)
        #expect(two.totalMinor > one.totalMinor)
        // Days before the change are the same to the paisa.
        #expect(one.days.prefix(seed) == two.days.prefix(seed))
    }

    /// A month in two bills, or a bill from many meters' files: bills do not lean on each other but for the bank.
    @Test func billsStandAlone() throws {
        let priced = try example("slab")
        let year = BillPeriod.calendar(from: day("2018-01-01"), to: day("2018-12-31"), months: 1)
        #expect(year.count == 12 && year[1] == period("2018-02-01", "2018-02-28"))
        let days = year.flatMap { Self.chance(7, $0) }
        let bills = try TariffBook([priced]).price(days, periods: year)
        for (index, bill) in bills.enumerated() {
            let own = days.filter { year[index].first <= $0.day && $0.day <= year[index].last }
            let alone = try priced.bill(own, year[index])
            #expect(alone == bill)
            #expect(bill.minor("fixed") == 11_000)
        }
    }
}

@Suite struct TariffComponents {
    static let april = period("2024-04-01", "2024-04-30")

    static func facts(_ kW: Int64) -> AccountFacts {
        var facts = AccountFacts()
        facts.contractedW = kW * 1000
        return facts
    }

    @Test func fixedChargesAccrueToTheMonth() throws {
        let priced = try tariff(
            components: """
                  - {id: a, kind: fixed, perKW: 50, roundUpKW: true}
                  - {id: b, kind: meterRent, perMonth: 100.01}
                  - {id: c, kind: universal, perMonth: 10, proration: none}
                  - {id: d, kind: fixed, perMonth: 30, proration: days30}

                """)
        var facts = Self.facts(2)
        facts.contractedW = 2001
        let whole = try priced.bill(even(Self.april, totalWh: 0), Self.april, facts)
        #expect(whole.components.map(\.amountMinor) == [15_000, 10_001, 1000, 3000])
        #expect(whole.days.count == 30 && whole.days[0].amountsMinor["c"] == 1000)
        let march = period("2024-03-01", "2024-03-31")
        #expect(try priced.bill(even(march, totalWh: 0), march, facts).minor("d") == 3100)
        let part = period("2024-04-21", "2024-05-10")
        // 10 of 30 and 10 of 31 days.
        #expect(try priced.bill(even(part, totalWh: 0), part, facts).minor("a") == 9839)
    }

    @Test func whatIsNotGivenIsAskedFor() throws {
        let perKW = try tariff(components: "  - {id: a, kind: fixed, perKW: 50}\n")
        let load = even(Self.april, totalWh: 1000, perHour: 4)
        func remedy(_ priced: Tariff, _ facts: AccountFacts = AccountFacts()) -> String {
            do {
                _ = try TariffBook([priced]).price(load, periods: [Self.april], facts: facts)
                return "was priced"
            } catch { return error.remedy }
        }
        #expect(remedy(perKW).contains("--contracted-load"))
        #expect(remedy(try example("market-price")).contains("--prices"))
        #expect(remedy(try example("high-tension")).contains("--contracted-load"))
        #expect(remedy(try example("high-tension"), Self.facts(50)).contains("--power-factor"))
        let consumption = try tariff(components: "  - {id: a, kind: duty, quantity: generation, perKWh: 0.15}\n")
        #expect(remedy(consumption).contains("--generation"))
        let later = try tariff(head: "validTo: 2024-04-10\n", components: "  - {id: a, kind: fixed, perMonth: 5}\n")
        #expect(remedy(later).contains("version"))
    }

    @Test func freeUnitsComeFirst() throws {
        let priced = try tariff(
            head: "calendars:\n  c:\n    - bands: {a: 00:00-12:00, b: 12:00-24:00}\n",
            components: """
                  - id: energy
                    kind: energy
                    calendar: c
                    freeKWh: 6
                    perKWh: {a: 5, b: 8}

                """)
        // 1 kWh an hour: the first six hours are free, six more at 5, all others by their band.
        let first = period("2024-04-01", "2024-04-01")
        let bill = try priced.bill(even(first, totalWh: 24_000), first)
        #expect(bill.totalMinor == 12_600)
        #expect(bill.lines("energy").map(\.quantity) == [6000, 6000, 12_000])
    }

    /// 60 kW for an hour against 50 kW: 20 % more are 10 kW; the least demand and windows of half an hour beside it.
    @Test func demandAndExcess() throws {
        let priced = try tariff(
            components: """
                  - {id: demand, kind: demand, perKW: 290, atLeastPercent: 75}
                  - {id: excess, kind: excessDemand, steps: [{upToPercent: 10, perKW: 290}, {perKW: 580}]}

                """)
        var load = even(Self.april, totalWh: 720_000)
        let small = try priced.bill(load, Self.april, Self.facts(50))
        let least: Int64 = 37_500 * 29
        #expect(small.components.map(\.amountMinor) == [least, 0])
        load[10].importWh[4] = 60_000
        load[12].importWh[4] = 30_000
        let large = try priced.bill(load, Self.april, Self.facts(50))
        let most: Int64 = 60 * 29_000
        #expect(large.components.map(\.amountMinor) == [most, 435_000])
        #expect(large.lines("excess").map(\.quantity) == [5000, 5000])
        #expect(large.days[9].amountsMinor["demand"] == nil)
        #expect(large.days[10].amountsMinor["demand"] == most - least)
        let windows = try tariff(components: "  - {id: d, kind: demand, perKW: 100, windowMinutes: 60}\n")
        let quarter = TariffLoadDay(
            day: day("2024-04-01"), slotStartMinutes: (0..<96).map { $0 * 15 }, periodS: 900,
            importWh: (0..<96).map { $0 == 41 ? 3000 : 250 })
        let one = period("2024-04-01", "2024-04-01")
        #expect(try windows.bill([quarter], one).lines("d").map(\.quantity) == [3750])
    }

    @Test(arguments: [
        (900, 0), (850, 0), (840, 15_000), (750, 150_000), (740, 180_000), (970, -10_000), (1000, -25_000), (847, 4500),
    ])
    func powerFactor(thousandths: Int64, ppm: Int64) throws {
        let charge = PowerFactorCharge(
            steps: [
                .init(isBelow: true, hundredths: 85, ppmPerHundredth: 15_000),
                .init(isBelow: true, hundredths: 75, ppmPerHundredth: 30_000),
                .init(isBelow: false, hundredths: 95, ppmPerHundredth: -5000),
            ], bases: [])
        #expect(charge.ppm(thousandths) == ppm)
    }

    /// Shares of shares, conditions and caps; the least bill; whole rupees.
    @Test func sharesMinimumAndRounding() throws {
        let priced = try tariff(
            components: """
                  - {id: rounding, kind: rounding, to: 1}
                  - {id: duty, kind: duty, percent: 10, of: [energy, rebate]}
                  - {id: energy, kind: energy, perKWh: 5}
                  - {id: rebate, kind: rebate, percent: 2, of: [energy], atMost: 3}
                  - {id: subsidy, kind: subsidy, percent: 50, of: [energy], whenTotalUpTo: 50}
                  - {id: least, kind: minimum, perMonth: 200, of: [energy, duty, rebate, subsidy]}

                """)
        func minors(_ kWh: Int) throws -> [Int64] {
            try priced.bill(even(Self.april, totalWh: kWh * 1000), Self.april).components.map(\.amountMinor)
        }
        #expect(try minors(30) == [0, 1470, 15_000, -300, -7500, 11_330])
        #expect(try minors(50) == [0, 2470, 25_000, -300, -12_500, 5330])
        // Above 50 units no subsidy: what was given is taken back.
        #expect(try minors(51) == [-20, 2520, 25_500, -300, 0, 0])
    }

    @Test func surchargeForAnEarlierMonth() throws {
        let priced = try tariff(
            components: """
                  - {id: energy, kind: energy, perKWh: 5}
                  - id: fuel
                    kind: supplySurcharge
                    lagMonths: 2
                    of: [energy]
                    rates:
                      - {supplyMonth: 2024-04, perKWh: 0.37}
                      - {supplyMonth: 2024-05, percent: 3.5, lapses: 2024-06-30}
                      - {supplyMonth: 2024-06, percent: 2, lapses: 2024-08-01}

                """)
        let periods = BillPeriod.calendar(from: day("2024-04-01"), to: day("2024-08-31"), months: 1)
        let days = periods.flatMap { even($0, totalWh: 100_000) }
        let bills = try TariffBook([priced]).price(days, periods: periods)
        bills.forEach { expectSums($0) }
        #expect(bills.map { $0.minor("fuel") } == [0, 0, 3700, 0, 1000])
        #expect(bills[2].days[0].amountsMinor["fuel"] == 3700)
        #expect(bills[3].notes == ["fuel: the surcharge for 2024-05 lapsed on 2024-06-30"])
        // Without the month of supply nothing is charged, and that is said.
        let june = try priced.bill(even(periods[2], totalWh: 1000), periods[2])
        #expect(june.minor("fuel") == 0 && june.notes.count == 1)
    }

    @Test func creditsPenaltyAndBank() throws {
        let priced = try tariff(
            head: "metering: netMetering\n",
            components: """
                  - {id: fixed, kind: fixed, perMonth: 90}
                  - {id: energy, kind: energy, perKWh: 6}
                  - {id: out, kind: qualityCredit, measure: outage, freeMinutes: 60, perHour: 100, atMost: 150}
                  - {id: left, kind: contractBreak, percent: 50, of: [fixed], atMostMonths: 2}
                  - {id: surplus, kind: bank, settleMonth: 3, perKWh: 2}

                """)
        var facts = AccountFacts()
        (facts.contractTo, facts.leavesOn) = (day("2024-04-30"), day("2024-04-10"))
        facts.outageMinutes = [
            CivilMonth(year: 2024, month: 2): 90, CivilMonth(year: 2024, month: 3): 600,
            CivilMonth(year: 2024, month: 4): 60,
        ]
        let periods = BillPeriod.calendar(from: day("2024-02-01"), to: day("2024-04-10"), months: 1)
        let days = periods.enumerated().flatMap { index, period -> [TariffLoadDay] in
            var days = even(period, totalWh: 100_000)
            let fedIn = even(period, totalWh: [130_000, 110_000, 20_000][index])
            for index in days.indices { days[index].exportWh = fedIn[index].importWh }
            return days
        }
        let bills = try TariffBook([priced]).price(days, periods: periods, facts: facts)
        bills.forEach { expectSums($0) }
        #expect(bills.map(\.bankWh) == [30_000, 0, 0])
        #expect(bills.map { $0.minor("energy") } == [0, 0, 48_000])
        #expect(bills.map { $0.minor("surplus") } == [0, -8000, 0])
        #expect(bills.map { $0.minor("out") } == [-5000, -15_000, 0])
        // 20 of 30 days of half of 90.
        #expect(bills.map { $0.minor("left") } == [0, 0, 3000])
    }

    @Test func netBillingAndGross() throws {
        func priced(_ metering: String) throws -> Tariff {
            try tariff(
                head: "metering: \(metering)\n",
                components: "  - {id: energy, kind: energy, perKWh: 6}\n  - {id: export, kind: export, perKWh: 2}\n")
        }
        let one = period("2024-04-01", "2024-04-01")
        var days = even(one, totalWh: 24_000)
        days[0].exportWh = (0..<24).map { $0 == 12 ? 5000 : 500 }
        // In 23 hours 0.5 kWh are drawn, in one 4 kWh fed in.
        #expect(try priced("netBilling").bill(days, one).components.map(\.amountMinor) == [6900, -800])
        #expect(try priced("gross").bill(days, one).components.map(\.amountMinor) == [14_400, -3300])
        #expect(throws: TariffError.self) { try priced("importOnly").bill(days, one) }
    }

    @Test func marketPricesAndCriticalPeaks() throws {
        var csv = "date,exchange,product,slot,price_per_mwh\n"
        for slot in 1...96 {
            csv += "2024-01-03,IEX,DAM,\(slot),\(slot > 72 ? "10000.00" : "2850.38")\n"
            csv += "2024-01-03,IEX,RTM,\(slot),-100\n"
        }
        let prices = try MarketPrices(csv: Array(csv.utf8), file: "p.csv")
        let one = period("2024-01-03", "2024-01-03")
        let bill = try example("market-price").bill(even(one, totalWh: 24_000), one, prices: prices)
        // 80 % of 2.85038 and 0.30, and from 18:00 of 10.00, kept to 9.00 with its margin below it: 8.30.
        let dayAhead = Int128(18) * 258_030 + 6 * 830_000
        #expect(bill.minor("dayAhead") == roundedHalfAway(dayAhead, dividedBy: 1000))
        #expect(bill.minor("realTime") == 0)
        #expect(bill.minor("critical") == 2400)
        let gap = try MarketPrices(
            csv: Array(csv.replacing("2024-01-03,IEX,DAM,50,2850.38\n", with: "").utf8), file: "p")
        #expect(throws: TariffError.self) {
            try TariffBook([example("market-price")]).price(even(one, totalWh: 1), periods: [one], prices: gap)
        }
        #expect(throws: TariffError.self) { try MarketPrices(csv: Array("date,slot\n".utf8), file: "p") }
        #expect(throws: TariffError.self) {
            try MarketPrices(
                csv: Array("date,exchange,product,slot,price_per_mwh\n2024-01-01,I,D,97,1\n".utf8), file: "p")
        }
    }

    /// A new version within the month: each day by its own, slab position and maximum carried on.
    @Test func versionsWithinABill() throws {
        func version(_ number: Int, _ head: String, _ price: String) throws -> Tariff {
            try tariff(
                """
                format: 1
                id: T
                version: \(number)
                name: Test
                \(head)
                components:
                  - {id: energy, kind: energy, slabs: {steps: [{upTo: 100, perKWh: 3}, {perKWh: \(price)}]}}
                  - {id: fixed, kind: fixed, perMonth: \(number * 30)}

                """)
        }
        let book = try TariffBook([
            version(1, "validFrom: 2024-01-01\nvalidTo: 2024-04-10", "7"), version(2, "validFrom: 2024-04-11", "8"),
        ])
        let bill = try #require(
            try book.price(even(Self.april, totalWh: 600_000), periods: [Self.april]).first)
        expectSums(bill)
        // 20 kWh a day: 100 at 3 and 100 at 7 by the 10th, then 400 at 8.
        #expect(bill.minor("energy") == 420_000)
        #expect(bill.minor("fixed") == 5000)
        #expect(bill.lines("energy").map(\.version) == [1, 1, 2])
        let versions = (0..<30).map { $0 < 10 ? 1 : 2 }
        #expect(bill.days.map(\.version) == versions)
    }

    @Test func bandsAreNotGuessed() throws {
        let halves = try tariff(
            head: "calendars:\n  c:\n    - bands: {a: 00:00-10:30, b: 10:30-24:00}\n",
            components: "  - {id: e, kind: energy, calendar: c, perKWh: {a: 1, b: 2}}\n")
        let one = period("2024-04-01", "2024-04-01")
        #expect(throws: TariffError.self) { try halves.bill(even(one, totalWh: 24), one) }
        var negative = even(one, totalWh: 24)
        negative[0].importWh[3] = -1
        #expect(throws: TariffError.self) { try example("flat").bill(negative, one) }
        var short = even(one, totalWh: 24)
        short[0].importWh.removeLast()
        #expect(throws: TariffError.self) { try example("flat").bill(short, one) }
        var large = even(Self.april, totalWh: 0)
        for day in large.indices { large[day].importWh = large[day].importWh.map { _ in 2_000_000_000 } }
        #expect(throws: TariffError.self) { try example("slab").bill(large, Self.april) }
    }

    /// The example of everything at once, line by line to its sum.
    @Test func everythingAtOnce() throws {
        var facts = Self.facts(40)
        facts.usualPowerFactor = 830
        facts.outageMinutes = [CivilMonth(year: 2024, month: 4): 120]
        let bill = try example("high-tension").bill(even(Self.april, totalWh: 7_200_000, perHour: 2), Self.april, facts)
        let energy = Int64((7_200_000 - 50_000) * 71 / 100)
        #expect(bill.minor("energy") == energy)
        #expect(bill.minor("universal") == 50_000 && bill.minor("rent") == 25_000 && bill.minor("fixed") == 200_000)
        #expect(bill.minor("demand") == 870_000)
        #expect(bill.minor("powerFactor") == 152_295)
        #expect(bill.minor("outages") == -10_000)
        #expect(bill.totalMinor % 100 == 0)
    }
}
