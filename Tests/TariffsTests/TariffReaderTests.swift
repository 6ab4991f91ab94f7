// Reading tariff files: what is taken, and errors that name line and remedy.
import CivilTime
import Testing

@testable import Tariffs

@Suite struct TariffReading {
    static let good = """
        format: 1
        id: GOOD
        version: 3
        name: A good tariff
        validFrom: 2024-04-01
        holidays: [2024-08-15]
        seasons:
          summer: {from: 04-01, to: 09-30}
          winter: {from: 10-01, to: 03-31}
        calendars:
          tod:
            - season: summer
              bands: {day: 06:00-18:00, night: [00:00-06:00, 18:00-24:00]}
            - season: winter
              days: [weekday, weekend]
              bands: {day: 07:00-17:00, night: [00:00-07:00, 17:00-24:00]}
            - season: winter
              days: holiday
              bands: {night: 00:00-24:00}
        components:
          - id: energy
            kind: energy
            calendar: tod
            perKWh: {day: 5.5, night: 4}
          - id: fixed
            kind: fixed
            perKW: 50
          - id: duty
            kind: duty
            percent: 7.5
            of: [energy, fixed]

        """

    static func changed(_ old: String, _ new: String) -> String {
        precondition(good.contains(old), "\(old) is not in the text")
        return good.replacing(old, with: new, maxReplacements: 1)
    }

    @Test func takesAGoodOne() throws {
        let read = try tariff(Self.good)
        #expect(read.id == "GOOD" && read.version == 3 && read.components.map(\.id) == ["energy", "fixed", "duty"])
        guard case .energy(let energy) = read.components[0].charge else {
            Issue.record("no energy")
            return
        }
        #expect(energy.bands == ["day", "night"])
        #expect(energy.tables[0].steps[0].milliPerKWh == [550_000, 400_000])
        let calendar = try #require(read.calendars["tod"])
        let starts = (0..<24).map { $0 * 60 }
        func bands(_ date: String) throws -> Int {
            try calendar.bands(on: day(date), slotStartMinutes: starts, slotMinutes: 60).count { $0 == 0 }
        }
        // 12 hours of day in summer, also on the holiday; 10 in winter.
        #expect(try bands("2024-08-14") == 12)
        #expect(try bands("2024-08-15") == 12)
        #expect(try bands("2024-11-02") == 10)
    }

    /// JSON is YAML: the same reader, the same lines.
    @Test func readsJSON() throws {
        let text = """
            {"format": 1, "id": "J", "version": 1, "name": "JSON", "validFrom": "2024-01-01",
             "components": [
               {"id": "energy", "kind": "energy", "perKWh": 6.5}]}
            """
        #expect(try tariff(text).components.count == 1)
        #expect(
            throws: TariffError(
                "t.yaml:3", "perKWh -x is no number with at most 5 decimals",
                remedy: "write it like 6.50, without a unit or a thousands sign")
        ) {
            try tariff(text.replacing("6.5", with: "\"-x\""))
        }
    }

    @Test(
        arguments: [
            ("version: 3", "vresion: 3", 3, "the tariff has no version", "write version for vresion"),
            ("version: 3", "", 1, "the tariff has no version", "add version"),
            ("name: A good tariff", "name: A good tariff\nvalidfrom: 2024-01-01", 5, "no key validfrom", "validFrom"),
            ("validFrom: 2024-04-01", "validFrom: 2024-04-31", 5, "2024-04-31 is no day", "2026-04-01"),
            ("to: 09-30", "to: 09-29", 8, "no season holds on 09-30", "tile the year"),
            ("from: 10-01", "from: 09-30", 8, "09-30 is in the seasons summer and winter", "tile the year"),
            ("18:00-24:00", "18:30-24:00", 13, "no band covers 18:00", "00:00 to 24:00"),
            ("day: 06:00-18:00", "day: 06:00-19:00", 13, "18:00-19:00 is also in band", "00:00 to 24:00"),
            ("00:00-06:00", "22:00-06:00", 13, "22:00-06:00 is no part of a day", "midnight"),
            ("days: holiday", "days: sunday", 11, "2 rows hold for sunday of season winter", "exactly one row"),
            ("days: [weekday, weekend]", "days: [weekday]", 11, "no row holds for saturday", "exactly one row"),
            ("days: holiday", "days: holidays", 18, "days holidays is not known", "holiday"),
            (
                "season: winter\n      days: holiday", "season: wintr\n      days: holiday", 17, "no season wintr",
                "winter"
            ),
            ("calendar: tod", "calendar: todd", 23, "no calendar todd", "did you mean tod?"),
            ("night: 4", "nihgt: 4", 24, "no band nihgt", "did you mean night?"),
            ("{day: 5.5, night: 4}", "{day: 5.5}", 24, "no value for band night", "every band"),
            ("{day: 5.5, night: 4}", "5.5", 24, "one value for the bands day, night", "each band"),
            ("5.5", "Rs 5.5", 24, "is no number", "without a unit"),
            ("5.5", "5.123456", 24, "at most 5 decimals", "6.50"),
            ("kind: fixed", "kind: fixd", 26, "kind fixd is not known", "did you mean fixed?"),
            ("perKW: 50", "perKw: 50", 25, "needs one of perMonth, perKW", "exactly one"),
            ("id: fixed", "id: energy", 25, "id energy stands twice", "its own id"),
            ("of: [energy, fixed]", "of: [energy, fixd]", 31, "no component fixd", "did you mean fixed?"),
            ("of: [energy, fixed]", "of: [energy.day]", 31, "energy has no part day", "a part is"),
            ("of: [energy, fixed]", "of: [duty]", 28, "in a ring: duty of duty", "take one"),
            ("percent: 7.5", "percent: -7.5", 30, "percent is below zero", "rebate"),
            ("percent: 7.5", "percent: 7.5\n    percent: 8", 30, "percent stands twice", "keep one"),
            ("kind: duty", "kind: duty\n    whenTotalUpto: 3", 30, "no key whenTotalUpto", "whenTotalUpTo"),
            ("perKW: 50", "perKW: &a 50", 27, "anchors and aliases", "write the part out"),
            ("kind: energy", "kind: energy\n\tx: 1", 23, "tab", "indent with spaces"),
        ] as [(String, String, Int, String, String)])
    func errorsNameTheLine(old: String, new: String, line: Int, what: String, remedy: String) {
        do {
            _ = try tariff(Self.changed(old, new))
            Issue.record("was taken: \(new)")
        } catch let error as TariffError {
            #expect(error.place == "t.yaml:\(line)", "\(error)")
            #expect(error.what.contains(what), "\(error)")
            #expect(error.remedy.contains(remedy), "\(error)")
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test(arguments: [
        ("slabs: {steps: [{upTo: 100, perKWh: 1}, {upTo: 90, perKWh: 2}, {perKWh: 3}]}", "do not rise"),
        ("slabs: {steps: [{upTo: 100, perKWh: 1}]}", "do not rise"),
        ("slabs: {kind: perDay, proration: days30, steps: [{perKWh: 3}]}", "per day are not prorated"),
        ("slabs: {steps: [{perKWh: 3}]}\n    freeKWh: 5", "freeKWh beside slabs"),
        ("calendar: c\n    slabs: {steps: [{perKWh: {a: 1, b: 2}}]}", "no one meaning"),
        (
            "calendar: c\n    slabs: {kind: nonTelescopic, rule: chronological, steps: [{perKWh: {a: 1, b: 2}}]}",
            "cannot be chronological"
        ),
        ("calendar: c\n    slabs: {rule: uplift, steps: [{perKWh: 1}], uplift: {a: 5}}", "no value for band b"),
        ("quantity: exprt\n    perKWh: 1", "quantity exprt is not known"),
    ])
    func badSlabs(body: String, what: String) {
        do {
            _ = try tariff(
                head: "calendars:\n  c:\n    - bands: {a: 00:00-12:00, b: 12:00-24:00}\n",
                components: "  - id: energy\n    kind: energy\n    \(body)\n")
            Issue.record("was taken: \(body)")
        } catch let error as TariffError {
            #expect(error.what.contains(what), "\(error)")
        } catch {
            Issue.record("\(error)")
        }
    }

    /// Whatever a file holds, reading ends, and with an error of ours: here texts with bytes changed.
    @Test func neverCrashes() {
        var chance = FixedChance(seed: 20_260)
        let bytes = Array(Self.good.utf8)
        for _ in 0..<400 {
            var text = bytes
            for _ in 0...chance.next(3) {
                let at = chance.next(text.count)
                switch chance.next(3) {
                case 0: text[at] = UInt8(chance.next(256))
                case 1: text.removeSubrange(at..<min(text.count, at + chance.next(20)))
                default: text.insert(contentsOf: Array("[{:-\n 9,}]*&".utf8).shuffled(using: &chance), at: at)
                }
            }
            do { _ = try TariffReader.read(text, file: "t") } catch {
                #expect(error.place.hasPrefix("t") && !error.remedy.isEmpty, "\(error)")
            }
        }
    }

    @Test func limits() {
        let deep = "a: " + String(repeating: "[", count: 5000)
        #expect(throws: TariffError.self) { try tariff(deep) }
        let nested = "a: " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect(throws: TariffError.self) { try tariff(nested) }
        #expect(throws: TariffError.self) { try tariff(String(repeating: "# long\n", count: 80_000)) }
        #expect(throws: TariffError.self) { try tariff("") }
        #expect(throws: TariffError.self) { try TariffReader.read([0xFF, 0xFE, 0x00], file: "t") }
        let bomb = "a: &a [1]\nb: &b [*a, *a]\nc: {? *b : 1}\n"
        #expect(throws: TariffError.self) { try tariff(bomb) }
    }

    @Test(arguments: [
        "flat", "time-of-day", "slab", "slab-per-day", "slab-by-band-proportional", "slab-by-band-chronological",
        "demand", "demand-by-band", "net-billing", "net-metering", "fuel-percent-and-duty", "table-by-total",
        "non-telescopic", "fuel-per-slab", "market-price", "high-tension",
    ])
    func sheetsShowEveryComponent(name: String) throws {
        let read = try example(name)
        let sheet = read.sheet.joined(separator: "\n")
        for component in read.components { #expect(sheet.contains("\(component.label) (\(component.id)")) }
        for calendar in read.calendars.values {
            for band in calendar.bands { #expect(sheet.contains(" \(band)")) }
        }
        #expect(read.sheet.allSatisfy { !$0.hasSuffix(": ") && $0 != "  " })
    }

    @Test func versionsDoNotOverlap() throws {
        let first = try tariff(Self.changed("validFrom: 2024-04-01", "validFrom: 2024-04-01\nvalidTo: 2024-04-10"))
        let later = try tariff(
            Self.changed("validFrom: 2024-04-01", "validFrom: 2024-04-11").replacing("version: 3", with: "version: 4"))
        #expect(try TariffBook([later, first]).tariffs == [first, later])
        #expect(throws: TariffError.self) { try TariffBook([first, first]) }
        let open = try tariff(Self.good)
        #expect(throws: TariffError.self) { try TariffBook([open, later]) }
    }
}

/// Chance that is the same in every run.
struct FixedChance: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func next(_ below: Int) -> Int { Int(next() % UInt64(below)) }
}
