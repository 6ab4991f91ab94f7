// Versions that begin within a bill, and what a bill of several months makes of what is given by month.
import CivilTime
import Testing

@testable import Tariffs

/// What was refused, or nil.
func refusal<Value>(_ body: () throws -> Value) -> TariffError? {
    do {
        _ = try body()
        return nil
    } catch { return error as? TariffError }
}

@Suite struct VersionChanges {
    static let april = period("2024-04-01", "2024-04-30")

    /// Two versions, the second from 11 April.
    static func book(_ first: String, _ second: String, head: (String, String) = ("", "")) throws -> TariffBook {
        func version(_ number: Int, _ days: String, _ head: String, _ components: String) throws -> Tariff {
            try tariff(
                "format: 1\nid: T\nversion: \(number)\nname: Test\n\(days)\n\(head)components:\n"
                    + components.split(separator: "\n").map { "  - \($0)\n" }.joined())
        }
        return try TariffBook([
            version(1, "validFrom: 2024-01-01\nvalidTo: 2024-04-10", head.0, first),
            version(2, "validFrom: 2024-04-11", head.1, second),
        ])
    }

    static func facts() -> AccountFacts {
        var facts = AccountFacts()
        facts.contractedW = 5000
        facts.usualPowerFactor = 80
        return facts
    }

    static let energy = "{id: energy, kind: energy, perKWh: 5}"

    @Test(arguments: [
        (energy, energy + "\n{id: help, kind: subsidy, percent: 50, of: [energy], whenTotalUpTo: 500}", "help"),
        (
            energy + "\n{id: help, kind: subsidy, percent: 10, of: [energy], whenTotalUpTo: 500}",
            energy + "\n{id: help, kind: subsidy, percent: 50, of: [energy], whenTotalUpTo: 500}", "help"
        ),
        (energy, energy + "\n{id: help, kind: subsidy, percent: 50, of: [energy], atMost: 8}", "help"),
        (energy + "\n{id: help, kind: subsidy, percent: 50, of: [energy], atMost: 8}", energy, "help"),
        (energy, energy + "\n{id: demand, kind: demand, perKW: 100, atLeastPercent: 75}", "demand"),
        (energy + "\n{id: d, kind: demand, perKW: 9}", energy + "\n{id: d, kind: demand, perKW: 10}", "d"),
        (energy, energy + "\n{id: once, kind: fixed, perMonth: 100, proration: none}", "once"),
        (
            "{id: fixed, kind: fixed, byTotal: [{upTo: 100, perMonth: 100}, {perMonth: 200}]}",
            "{id: fixed, kind: fixed, byTotal: [{upTo: 100, perMonth: 200}, {perMonth: 300}]}", "fixed"
        ),
        (energy, energy + "\n{id: least, kind: minimum, perMonth: 3000, of: [energy]}", "least"),
        (
            "{id: energy, kind: energy, slabs: {kind: nonTelescopic, steps: [{upTo: 90, perKWh: 1}, {perKWh: 2}]}}",
            "{id: energy, kind: energy, slabs: {kind: nonTelescopic, steps: [{upTo: 90, perKWh: 1}, {perKWh: 3}]}}",
            "energy"
        ),
        (
            energy + "\n{id: help, kind: subsidy, percent: 1, of: [energy], atMost: 8}\n"
                + "{id: tax, kind: tax, percent: 5, of: [help]}",
            energy + "\n{id: help, kind: subsidy, percent: 1, of: [energy], atMost: 8}\n"
                + "{id: tax, kind: tax, percent: 6, of: [help]}", "tax"
        ),
    ])
    func whatIsNotExactIsRefused(first: String, second: String, id: String) throws {
        let book = try Self.book(first, second)
        let load = even(Self.april, totalWh: 600_000)
        let error = refusal { try book.price(load, periods: [Self.april], facts: Self.facts()) }
        #expect(error?.place == "2024-04-11")
        #expect(error?.what.contains(" \(id) is not the same in both") == true)
        #expect(error?.remedy.contains("--to") == true)
        // Bills that end where the version ends are priced.
        let cut = [period("2024-04-01", "2024-04-10"), period("2024-04-11", "2024-04-30")]
        #expect(try book.price(load, periods: cut, facts: Self.facts()).count == 2)
    }

    /// A condition that is the same in both versions: what is taken back is what was given.
    @Test func whatIsTakenBackIsWhatWasGiven() throws {
        let help = "\n{id: help, kind: subsidy, percent: 10, of: [energy], whenTotalUpTo: 300}"
        let book = try Self.book(
            Self.energy + help + "\n{id: duty, kind: duty, percent: 10, of: [energy]}",
            "{id: energy, kind: energy, perKWh: 6}" + help + "\n{id: duty, kind: duty, percent: 20, of: [energy]}"
                + "\n{id: fuel, kind: levy, perKWh: 0.1}")
        let bill = try #require(try book.price(even(Self.april, totalWh: 600_000), periods: [Self.april]).first)
        expectSums(bill)
        // 20 kWh a day: 200 at 5, 400 at 6; the levy on the last 400 only.
        #expect(bill.minor("energy") == 340_000)
        #expect(bill.minor("duty") == 58_000)
        #expect(bill.minor("fuel") == 4000)
        #expect(bill.minor("help") == 0)
        #expect(bill.days[15].amountsMinor["help"] == 16_000)
    }

    /// Largest loads go over by the name of their band, whatever its place.
    @Test func maximaAreOfTheirBand() throws {
        let demand = "{id: demand, kind: demand, calendar: c, perKW: {normal: 100, peak: 300}}"
        let normal = "normal: [00:00-18:00, 22:00-24:00]"
        let heads = (
            "calendars:\n  c: [{bands: {\(normal), peak: 18:00-22:00}}]\n",
            "calendars:\n  c: [{bands: {peak: 18:00-22:00, \(normal)}}]\n"
        )
        var load = even(Self.april, totalWh: 720_000)
        load[0].importWh[19] = 10_000
        let bill = try #require(
            try Self.book(demand, demand, head: heads).price(load, periods: [Self.april]).first)
        expectSums(bill)
        #expect(bill.totalMinor == 300_000 + 10_000)
        let other = try Self.book(demand, "{id: demand, kind: demand, perKW: 300}", head: heads)
        #expect(
            refusal { try other.price(load, periods: [Self.april]) }?.what.contains("demand is not the same") == true)
    }

    /// A version that begins after the 1st charges its surcharge on its first day, once.
    @Test func surchargesOfALateVersion() throws {
        func fuel(_ rates: String) -> String {
            Self.energy + "\n{id: fuel, kind: supplySurcharge, lagMonths: 2, rates: [\(rates)]}"
        }
        let january = "{supplyMonth: 2024-01, perKWh: 0.1}"
        let book = try Self.book(fuel(january), fuel("{supplyMonth: 2024-02, perKWh: 0.37}"))
        let periods = BillPeriod.calendar(from: day("2024-01-01"), to: day("2024-04-30"), months: 1)
        let load = periods.flatMap { even($0, totalWh: 100_000) }
        let bills = try book.price(load, periods: periods)
        #expect(bills.map { $0.minor("fuel") } == [0, 0, 1000, 3700])
        #expect(bills[3].days[10].amountsMinor["fuel"] == 3700)
        let same = try Self.book(
            fuel("{supplyMonth: 2024-02, perKWh: 0.37}"), fuel("{supplyMonth: 2024-02, perKWh: 9}"))
        let charged = try same.price(load, periods: periods)
        #expect(charged[3].minor("fuel") == 3700 && charged[3].days[0].amountsMinor["fuel"] == 3700)
    }

    @Test func versionsAreOfOneTariff() throws {
        let first = try tariff(
            "format: 1\nid: A\nversion: 2\nname: N\nvalidFrom: 2024-01-01\nvalidTo: 2024-01-31\ncomponents:\n"
                + "  - {id: a, kind: levy, perKWh: 1}\n")
        func next(_ id: String, _ version: Int, _ component: String) -> TariffError? {
            refusal {
                try TariffBook([
                    first,
                    tariff(
                        "format: 1\nid: \(id)\nversion: \(version)\nname: N\nvalidFrom: 2024-02-01\ncomponents:\n"
                            + "  - {id: e, kind: energy, perKWh: 1}\n  - \(component)\n"),
                ])
            }
        }
        #expect(next("A", 3, "{id: a, kind: levy, perKWh: 2}") == nil)
        #expect(next("B", 3, "{id: a, kind: levy, perKWh: 2}")?.what.contains("no later version") == true)
        #expect(next("A", 2, "{id: a, kind: levy, perKWh: 2}")?.what.contains("no later version") == true)
        #expect(next("A", 3, "{id: a, kind: demand, perKW: 2}")?.what.contains("of kind demand") == true)
        #expect(next("A", 3, "{id: a, kind: levy, percent: 2, of: [e]}")?.what.contains("of kind levy") == true)
    }
}

@Suite struct BillsOfSeveralMonths {
    static let twoMonths = period("2024-03-01", "2024-04-30")
    static let march = CivilMonth(year: 2024, month: 3)
    static let april = CivilMonth(year: 2024, month: 4)

    @Test func powerFactorsMustAgree() throws {
        let priced = try tariff(
            head: "billMonths: 2\n",
            components: """
                  - {id: energy, kind: energy, perKWh: 5}
                  - {id: pf, kind: powerFactor, of: [energy], steps: [{below: 0.85, percentPerHundredth: 1}]}

                """)
        let load = even(Self.twoMonths, totalWh: 100_000)
        var facts = AccountFacts()
        facts.powerFactor = [Self.april: 840]
        #expect(refusal { try priced.bill(load, Self.twoMonths, facts) }?.what.contains("2024-03") == true)
        facts.powerFactor[Self.march] = 800
        #expect(refusal { try priced.bill(load, Self.twoMonths, facts) }?.what.contains("not the same") == true)
        facts.powerFactor[Self.march] = 840
        #expect(try priced.bill(load, Self.twoMonths, facts).minor("pf") == 500)
    }

    @Test func minutesAndWholeChargesAreByMonth() throws {
        let priced = try tariff(
            head: "billMonths: 2\n",
            components: """
                  - {id: out, kind: qualityCredit, measure: outage, freeMinutes: 60, perHour: 100, atMost: 120}
                  - {id: once, kind: fixed, perMonth: 300, proration: none}

                """)
        let load = even(Self.twoMonths, totalWh: 100_000)
        var facts = AccountFacts()
        facts.outageMinutes = [Self.march: 600, Self.april: 90]
        let bill = try priced.bill(load, Self.twoMonths, facts)
        #expect(bill.minor("out") == -12_000 - 5000)
        #expect(bill.minor("once") == 60_000 && bill.notes.isEmpty)
        facts.outageMinutes[Self.march] = nil
        #expect(try priced.bill(load, Self.twoMonths, facts).notes.map { $0.contains("2024-03") } == [true])
        let long = period("2024-03-01", "2024-06-30")
        let error = refusal { try priced.bill(even(long, totalWh: 0), long) }
        #expect(error?.what.contains("once is due once") == true && error?.remedy.contains("--one-bill") == true)
    }

    @Test func theBankIsDueAtTheEndOfABill() throws {
        func head(_ months: Int) -> String { "billMonths: \(months)\nmetering: netMetering\n" }
        let bank = "  - {id: energy, kind: energy, perKWh: 5}\n  - {id: bank, kind: bank, settleMonth: 3, perKWh: 2}\n"
        let error = refusal { try tariff(head: head(2), components: bank) }
        #expect(error?.place == "t.yaml:10" && error?.remedy.contains("multiple of 2") == true)
        let priced = try tariff(head: head(1), components: bank)
        let whole = refusal { try priced.bill(even(Self.twoMonths, totalWh: 1000), Self.twoMonths) }
        #expect(whole?.what.contains("not at its end") == true)
    }
}
