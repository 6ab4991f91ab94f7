// Bills that were worked out in public, to the paisa: slabs of every kind, proration, percentages of parts.
import CivilTime
import Quantities
import Testing

@testable import Tariffs

@Suite struct WorkedBills {
    /// 545 kWh from 25 June to 24 July, 3 kW: slabs and fixed charge by days of their months; a percentage's last part
    /// takes the rest of the whole (30.24, where 146.13 × 20.69 % alone is 30.23); tax on parts.
    @Test func fuelInPercentAndTaxOnParts() throws {
        let june = period("2022-06-25", "2022-07-24")
        var facts = AccountFacts()
        facts.contractedW = 3000
        let bill = try example("fuel-percent-and-duty").bill(even(june, totalWh: 545_000), june, facts)
        #expect(bill.minor("fixed") == 14_613)
        #expect(bill.lines("energy").map(\.quantity) == [195_000, 195_000, 155_000])
        #expect(bill.lines("energy").map(\.amountMinor) == [58_500, 87_750, 100_750])
        #expect(bill.lines("ppac").map(\.amountMinor) == [51_104, 3_024])
        #expect(bill.minor("surcharge") == 20_929)
        #expect(bill.minor("pension") == 18_313)
        #expect(bill.minor("tax") == 15_893)
        #expect(bill.totalMinor == 370_876)
    }

    /// Two months; above 500 units another table holds for all of them.
    @Test(
        arguments: [
            (100, 0), (200, 22_500), (400, 112_500), (500, 172_500), (501, 195_800), (800, 455_000), (900, 555_000),
        ] as [(Int, Int64)])
    func tableChosenByTheTotal(units: Int, paise: Int64) throws {
        let autumn = period("2022-09-01", "2022-10-31")
        let bill = try example("table-by-total").bill(even(autumn, totalWh: units * 1000), autumn)
        #expect(bill.totalMinor == paise)
    }

    /// Up to 250 units slab by slab, above that one price for all.
    @Test(
        arguments: [
            (50, 16_250), (100, 36_500), (250, 137_750), (251, 160_640), (300, 192_000), (301, 218_225), (501, 440_880),
        ] as [(Int, Int64)])
    func onePriceForAllUnits(units: Int, paise: Int64) throws {
        let april = period("2023-04-01", "2023-04-30")
        let bill = try example("non-telescopic").bill(even(april, totalWh: units * 1000), april)
        #expect(bill.minor("energy") == paise)
        #expect(bill.minor("duty") == (paise + 5) / 10)
        #expect(bill.minor("fuel") == Int64(units) * 19)
    }

    /// The 251st unit costs 228.90, of which all but its own price is told as a jump.
    @Test func theCliffIsTold() throws {
        let april = period("2023-04-01", "2023-04-30")
        // 250 units in 29 days, one more on the last.
        var days = even(period("2023-04-01", "2023-04-29"), totalWh: 250_000)
        days.append(even(period("2023-04-30", "2023-04-30"), totalWh: 1000)[0])
        let bill = try example("non-telescopic").bill(days, april)
        let last = try #require(bill.days.last)
        #expect(last.amountsMinor["energy"] == 22_890)
        #expect(last.jumpsMinor["energy"] == 22_250)
        #expect(bill.days.filter { !$0.jumpsMinor.isEmpty }.count == 1)
    }

    /// 36 days by 30: 60, 120, 180. 31 days as 1.03 months: 103, and 206 more. 29 of 31 days, cut: 187.
    @Test func slabLimits() {
        func limits(_ rule: ProrationRule, _ limits: [Int64], _ first: String, _ last: String) -> [Int64] {
            rule.limits(limits.map { $0 * 1000 }, period(first, last), billMonths: 1).map { $0 / 1000 }
        }
        #expect(limits(.days30, [50, 100, 150], "2023-05-01", "2023-06-05") == [60, 120, 180])
        #expect(limits(.months2dp, [100, 300], "2023-05-01", "2023-05-31") == [103, 309])
        #expect(limits(.floorDays, [200], "2023-05-01", "2023-05-29") == [187])
        #expect(limits(.calendarFraction, [200, 400], "2022-06-25", "2022-07-24") == [195, 390])
        #expect(limits(.calendarFraction, [200, 400], "2022-06-01", "2022-06-30") == [200, 400])
        #expect(limits(.none, [200], "2022-06-25", "2022-07-24") == [200])
    }

    /// 500 units in 29 of 31 days at 5.00 and then 7.20, the first 187 of them at the first price.
    @Test func slabsCutByDays() throws {
        let slabs = try tariff(
            components: """
                  - id: energy
                    kind: energy
                    slabs: {proration: floorDays, steps: [{upTo: 200, perKWh: 5}, {perKWh: 7.20}]}

                """)
        let part = period("2023-05-01", "2023-05-29")
        #expect(try slabs.bill(even(part, totalWh: 500_000), part).totalMinor == 318_860)
    }

    /// Energy and fuel by slab, 31 days as 1.03 months, duty on everything.
    @Test func fuelBySlab() throws {
        let may = period("2023-05-01", "2023-05-31")
        let bill = try example("fuel-per-slab").bill(even(may, totalWh: 310_000), may)
        let fuel: Int64 = 22_561
        #expect(bill.minor("fuel") == fuel)
        // A third of the hours are solar hours with a fifth off; 310 kWh are spread evenly over the hours.
        let energy: Int128 = 245_368
        let solarWh = even(may, totalWh: 310_000).reduce(0) { $0 + Int($1.importWh[9..<17].reduce(0, +)) }
        let off = (energy * 2000 * Int128(solarWh) + 1_550_000_000) / 3_100_000_000
        #expect(bill.minor("energy") == Int64(energy - off))
        #expect(bill.minor("fixed") == 11_600)
        let all = energy - off + Int128(fuel) + 11_600
        #expect(bill.minor("duty") == roundedHalfAway(all * 16, dividedBy: 100))
    }
}
