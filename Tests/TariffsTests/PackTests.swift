// Packs as stored text and their checks.
import CivilTime
import Testing

@testable import Tariffs

@Suite struct PackText {
    @Test func goldenText() throws {
        let pack = AddOnPack(
            id: "P50001", version: 2, name: "Weekend/night", weekdays: [6, 7], from: day("2022-01-02"), to: nil,
            prices: [
                AddOnPrice(.band("T1"), milliPaisePerKWh: 300_000),
                AddOnPrice(.minutes(MinuteRange(fromMinute: 0, toMinute: 60)), milliPaisePerKWh: 1),
            ], maximumLoadW: 4000)
        let text =
            #"{"format":1,"from":"2022-01-02","id":"P50001","maximumLoadW":4000,"name":"Weekend/night","#
            + #""prices":[{"band":"T1","milliPaisePerKWh":300000},"#
            + #"{"fromMinute":0,"milliPaisePerKWh":1,"toMinute":60}],"#
            + #""version":2,"weekdays":[6,7]}"#
        #expect(pack.json() == text)
        #expect(try AddOnPack(json: text) == pack)
    }

    @Test func roundTrip() throws {
        let set = PackSet(base: fourBandBase, addOns: [weekend, festival], sanctionedW: 5000)
        #expect(try PackSet(json: set.json()) == set)
        #expect(try BasePack(json: Exactness.base.json()) == Exactness.base)
    }

    /// Every error names the place and a remedy.
    @Test(arguments: [
        ("{", "base pack"),
        ("[]", "base pack"),
        (#"{"format":2}"#, "format 2 is not known"),
        (text(replacing: #""dutyPPM":0"#, #""dutyPMM":0"#), "unknown key dutyPMM"),
        (text(replacing: #""dutyPPM":0"#, #""dutyPPM":1000001"#), "dutyPPM: 1000001 is out of range"),
        (text(replacing: #""version":3"#, #""version":"3""#), "version"),
        (text(replacing: #","version":3"#, ""), "version"),
        (text(replacing: #""version":3"#, #""version":99999999999999999999"#), "base pack"),
        (text(replacing: #""T4":450000"#, #""T5":450000"#), "band T4 has no price"),
        (text(replacing: #""T4":450000"#, #""T4":-1"#), "milliPaisePerKWh.T4"),
        (text(replacing: #""toMinute":360"#, #""toMinute":361"#), "06:00-06:01 is also in band"),
        (text(replacing: #""toMinute":360"#, #""toMinute":359"#), "no band covers 05:59-06:00"),
        (text(replacing: #""toMinute":360"#, #""toMinute":9000000000000"#), "not a part of a day"),
        (text(replacing: #""id":"UP0001""#, #""id":"""#), "id"),
    ])
    func badBasePack(json: String, words: String) {
        do {
            _ = try BasePack(json: json)
            Issue.record("was taken: \(json)")
        } catch {
            #expect(error.description.contains(words), "\(error)")
            #expect(!error.remedy.isEmpty)
        }
    }

    static func text(replacing old: String, _ new: String) -> String {
        let json = fourBandBase.json()
        precondition(json.contains(old), "\(old) is not in \(json)")
        return json.replacing(old, with: new, maxReplacements: 1)
    }

    @Test func badSets() throws {
        func refusal(_ addOns: [AddOnPack], sanctionedW: Int64 = 0) -> String? {
            let text = PackSet(base: fourBandBase, addOns: addOns, sanctionedW: sanctionedW).json()
            do { _ = try PackSet(json: text) } catch { return error.description }
            return nil
        }
        #expect(refusal([weekend, festival]) == nil)
        var stray = weekend
        stray.prices.append(AddOnPrice(.band("T9"), milliPaisePerKWh: 1))
        #expect(refusal([stray])?.contains("no band T9") == true)
        var twice = weekend
        twice.prices.append(AddOnPrice(.minutes(.init(fromMinute: 359, toMinute: 400)), milliPaisePerKWh: 1))
        #expect(refusal([twice])?.contains("05:59 has two prices") == true)
        #expect(refusal([weekend, weekend])?.contains("stands twice") == true)
        #expect(refusal([], sanctionedW: -1)?.contains("sanctionedW") == true)
        var days = weekend
        days.weekdays = [0]
        #expect(refusal([days])?.contains("weekdays") == true)
        var backwards = festival
        backwards.to = day("2021-11-06")
        #expect(refusal([backwards])?.contains("before") == true)
    }

    /// A band that changes at 06:15 cannot price half-hour slots.
    @Test func boundaryInsideSlot() throws {
        let month = CivilMonth(year: 2021, month: 11)
        var base = fourBandBase
        base.calendar.bands[0].ranges[0].toMinute = 375
        base.calendar.bands[1].ranges[0].fromMinute = 375
        let bands = try PackMonth(base, month)
        _ = try bands.bill.price(bands.input(day("2021-11-08"), load(1)), opening: .start)
        let error = #expect(throws: TariffError.self) {
            try bands.bill.price(bands.input(day("2021-11-08"), load(1, slots: 48), periodS: 1800), opening: .start)
        }
        #expect(error?.description.contains("06:15") == true)
        var addOn = weekend
        addOn.prices = [AddOnPrice(.minutes(.init(fromMinute: 45, toMinute: 105)), milliPaisePerKWh: 1)]
        let other = try PackMonth(fourBandBase, month, [addOn])
        #expect(throws: TariffError.self) {
            try other.bill.price(other.input(day("2021-11-06"), load(1, slots: 48), periodS: 1800), opening: .start)
        }
    }

    @Test func wrongLoads() throws {
        let month = try PackMonth(fourBandBase, CivilMonth(year: 2021, month: 11))
        func price(_ values: [Int32], starts: [Int]? = nil) throws {
            _ = try month.bill.price(month.input(day("2021-11-08"), values, starts: starts), opening: .start)
        }
        try price(load(1))
        #expect(throws: TariffError.self) { try price(load(1, slots: 95)) }
        #expect(throws: TariffError.self) { try price([1], starts: [1440]) }
        #expect(throws: TariffError.self) { try price([Int32](repeating: .min, count: 96)) }
        try price([Int32](repeating: .max, count: 96))
    }
}
