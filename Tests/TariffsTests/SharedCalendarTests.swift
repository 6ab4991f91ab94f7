// Calendars of the company in tariff files: resolved by day, refused with their line, part of the hashed inputs.
import CivilTime
import Testing

@testable import Tariffs

@Suite struct SharedCalendarTests {
    static let first = """
        format: 1
        calendar: tod
        version: 1
        label: Before the order
        validFrom: 2018-01-01
        rows:
          - days: [weekday, weekend]
            bands: {peak: 18:00-22:00, rest: [00:00-18:00, 22:00-24:00]}
          - days: holiday
            bands: {rest: 00:00-24:00}
        holidays: [2024-04-10]

        """
    static let second = first.replacing("version: 1", with: "version: 2").replacing("2018-01-01", with: "2024-04-16")
        .replacing("18:00-22:00", with: "18:00-23:00").replacing("22:00-24:00", with: "23:00-24:00")

    static func calendar(_ text: String) throws -> SharedCalendar {
        try SharedCalendar.read(Array(text.utf8), file: "c.yaml")
    }

    static func named(_ calendars: [SharedCalendar], head: String = "", _ components: String? = nil) throws -> Tariff {
        let usual = "  - {id: energy, kind: energy, calendar: tod, perKWh: {peak: 8, rest: 5}}\n"
        let text =
            "format: 1\nid: T\nversion: 7\nname: Test\nvalidFrom: 2018-01-01\n\(head)components:\n"
            + (components ?? usual)
        return try TariffReader.read(Array(text.utf8), file: "t.yaml", calendars: try SharedCalendars(calendars))
    }

    /// One kWh an hour: 4 peak hours a day, none on the holiday, 5 from the 16th on.
    @Test func eachDayHasItsVersion() throws {
        let april = period("2024-04-01", "2024-04-30")
        let load = loads(april) { _ in 1000 }
        let both = try Self.named([Self.calendar(Self.second), Self.calendar(Self.first)])
        #expect(both.sharedCalendars == ["tod"])
        let days = try both.bill(load, april).days.map { $0.amountsMinor["energy"] ?? 0 }
        #expect(days[8] == 4 * 800 + 20 * 500)
        // In version 2 the list of holidays is the same; the 10th lies before it.
        #expect(days[9] == 24 * 500)
        #expect(days[14] == 4 * 800 + 20 * 500 && days[15] == 5 * 800 + 19 * 500)
        #expect(both.sheet.contains { $0.contains("from 2024-04-16, of the company: tod 2") })
        // The compiled way gives the same.
        let bill = try ReadyBill(TariffBook([both]), period: april)
        #expect(bill.plain != nil)
        var state = BillState.start
        for (load, amount) in zip(load, days) {
            let priced = try bill.price(DayInput(load: load), opening: state)
            #expect(priced.totalMinor == amount)
            state = priced.closing
        }
    }

    @Test func theVersionIsInTheInputs() throws {
        let april = period("2024-04-01", "2024-04-30")
        let load = loads(april) { _ in 1000 }
        let one = try ReadyBill(TariffBook([Self.named([Self.calendar(Self.first)])]), period: april)
        let two = try ReadyBill(
            TariffBook([Self.named([Self.calendar(Self.first), Self.calendar(Self.second)])]), period: april)
        func bytes(_ bill: ReadyBill, _ day: Int) -> [UInt8] {
            bill.inputBytes(DayInput(load: load[day]), opening: .start)
        }
        #expect(bytes(one, 14) == bytes(two, 14))
        #expect(bytes(one, 15) != bytes(two, 15))
    }

    /// A version that begins earlier than a former one puts it out of force.
    @Test func theLaterVersionWins() throws {
        let third = Self.second.replacing("version: 2", with: "version: 3").replacing("04-16", with: "04-05")
        let all = try SharedCalendars([Self.first, Self.second, third].map(Self.calendar))
        #expect(all["tod"].map(\.version) == [1, 3])
        #expect(throws: TariffError.self) { try SharedCalendars([Self.first, Self.first].map(Self.calendar)) }
    }

    /// The file's own bands with the company's holidays.
    @Test func holidaysAloneAreShared() throws {
        let days = { (version: Int, from: String, days: String) in
            try Self.calendar(
                "format: 1\ncalendar: india\nversion: \(version)\nvalidFrom: \(from)\nholidays: [\(days)]\n")
        }
        let head = """
            holidays: india
            calendars:
              tod:
                - {days: [weekday, weekend], bands: {peak: 18:00-22:00, rest: [00:00-18:00, 22:00-24:00]}}
                - {days: holiday, bands: {rest: 00:00-24:00}}

            """
        let tariff = try Self.named(
            [days(1, "2018-01-01", "2024-04-10, 2024-04-12"), days(2, "2024-04-11", "2024-04-13")], head: head)
        #expect(tariff.sharedCalendars == ["india"])
        let april = period("2024-04-01", "2024-04-30")
        let bill = try tariff.bill(loads(april) { _ in 1000 }, april)
        let quiet = bill.days.filter { $0.amountsMinor["energy"] == 24 * 500 }.map(\.day)
        #expect(quiet == [day("2024-04-10"), day("2024-04-13")])
    }

    @Test(
        arguments: [
            ("18:00-22:00", "18:00-21:00", 8, "no band covers 21:00-22:00"),
            ("18:00-22:00", "17:00-22:00", 8, "17:00-18:00 is also in band peak"),
            ("days: holiday", "days: sunday", 7, "2 rows hold for sunday"),
            ("calendar: tod", "calendar: a b", 2, "a b is no name"),
            ("validFrom: 2018-01-01", "validfrom: 2018-01-01", 5, "no validFrom"),
            ("rows:", "bands:", 6, "no key bands"),
        ])
    func refusedWithItsLine(_ old: String, _ new: String, _ line: Int, _ what: String) throws {
        let found = refusal { try Self.calendar(Self.first.replacing(old, with: new)) }
        #expect(found?.place == "c.yaml:\(line)" && found?.what.contains(what) == true, "\(String(describing: found))")
    }

    @Test func aTariffIsToldWhatItsCalendarLacks() throws {
        let tod = try Self.calendar(Self.first)
        func said(_ calendars: [SharedCalendar], head: String = "", _ components: String? = nil) -> String {
            refusal { try Self.named(calendars, head: head, components) }.map { "\($0)" } ?? "was read"
        }
        #expect(said([]).contains("t.yaml:7: there is no calendar tod"))
        #expect(said([try Self.calendar(Self.second)]).contains("begins on 2024-04-16, after the tariff's validFrom"))
        #expect(said([tod], head: "holidays: nobody\n").contains("no calendar nobody with holidays; give one of tod"))
        #expect(said([tod], head: "seasons: tod\n").contains("no calendar tod with seasons"))
        let flat = "  - {id: energy, kind: energy, calendar: tod, perKWh: {peak: 8}}\n"
        #expect(said([tod], flat).contains("no value for band rest"))
        let other = try Self.calendar(Self.second.replacing("rest:", with: "night:"))
        #expect(said([tod, other]).contains("has no band"))
    }
}

@Suite struct MeasuredPowerFactors {
    static let head = "  - {id: energy, kind: energy, perKWh: 5}\n"
    static func priced(_ over: String) throws -> Tariff {
        try tariff(
            components: head
                + "  - {id: pf, kind: powerFactor, of: [energy], \(over)"
                + "steps: [{below: 0.9, percentPerHundredth: 1}]}\n")
    }
    /// 24 kWh a day; kVAh of each day as given.
    static func days(_ apparent: [Int32]) -> [TariffLoadDay] {
        loads(period("2024-04-01", "2024-04-\(apparent.count < 10 ? "0" : "")\(apparent.count)")) { _ in 1000 }
            .enumerated().map { index, day in
                var day = day
                day.importVAh = Array(repeating: apparent[index], count: 24)
                return day
            }
    }

    @Test func overTheBillItIsTheFactorToDate() throws {
        let days = Self.days([1000, 1500, 1250])
        let bill = try Self.priced("").bill(days, period("2024-04-01", "2024-04-03"))
        // 72 kWh of 90 kVAh: 0.800, ten hundredths below: 10 % of 360.00.
        #expect(bill.minor("pf") == 3600)
        // After two days 48 of 60: 0.800 too, of 240.00; the first day was at 1.
        #expect(bill.days.map { $0.amountsMinor["pf"] ?? 0 } == [0, 2400, 1200])
        #expect(bill.lines("pf").contains { $0.label == "power factor 0.80 (72.000 kWh of 90.000 kVAh)" })
        // From stored states day by day it is the same.
        let ready = try ReadyBill(TariffBook([try Self.priced("")]), period: period("2024-04-01", "2024-04-03"))
        var state = BillState.start
        var sum: Int64 = 0
        for day in days {
            let priced = try ready.price(DayInput(load: day), opening: try BillState(decoding: state.encode()))
            sum += priced.totalMinor
            state = priced.closing
        }
        #expect(sum == bill.totalMinor)
        // An interval that was not measured counts on neither side.
        var holed = days
        holed[1].importVAh[3] = -1
        let less = try Self.priced("").bill(holed, period("2024-04-01", "2024-04-03"))
        #expect(less.lines("pf").contains { $0.label == "power factor 0.802 (71.000 kWh of 88.500 kVAh)" })
        var other = DayInput(load: days[1])
        let bytes = ready.inputBytes(other, opening: .start)
        other.load.importVAh[3] += 1
        #expect(ready.inputBytes(other, opening: .start) != bytes)
    }

    @Test func overADayEachDayHasItsOwn() throws {
        let bill = try Self.priced("over: day, ").bill(
            Self.days([1000, 1500, 1250]), period("2024-04-01", "2024-04-03"))
        // 24 of 36 is 0.667: 23.3 % of 120.00; 24 of 30 is 0.800.
        #expect(bill.days.map { $0.amountsMinor["pf"] ?? 0 } == [0, 2796, 1200])
    }

    @Test(arguments: [(2, 3, 667), (1, 3, 333), (1, 2000, 1), (999, 1000, 999), (11, 10, 1000)])
    func thousandthsAreRoundedHalfAway(wh: Int64, apparentVAh: Int64, thousandths: Int64) {
        #expect(PowerFactorCharge.thousandths(wh: wh, apparentVAh: apparentVAh) == thousandths)
        #expect(PowerFactorCharge.thousandths(wh: wh, apparentVAh: 0) == nil)
    }

    @Test func energyHasNoPriceBelowZero() {
        let found = refusal { try tariff(components: "  - {id: e, kind: energy, perKWh: -5}\n") }
        #expect(found?.place == "t.yaml:7" && found?.what == "perKWh -5 of energy is below zero")
        #expect(refusal { try tariff(components: "  - {id: e, kind: levy, perKWh: -0.5}\n") } == nil)
    }
}
