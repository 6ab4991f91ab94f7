// Packs as stored text, their checks, the stored state and the bytes that are hashed.
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
        let plan = try PricePlan(base: fourBandBase, addOns: [weekend, festival], sanctionedW: 5000)
        let set = PackSet(base: fourBandBase, addOns: [weekend, festival], sanctionedW: 5000)
        #expect(try PackSet(json: set.json()) == set)
        #expect(try PackSet(json: set.json()).plan() == plan)
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

    @Test func badPlans() {
        var stray = weekend
        stray.prices.append(AddOnPrice(.band("T9"), milliPaisePerKWh: 1))
        #expect(throws: TariffError.self) { try PricePlan(base: fourBandBase, addOns: [stray], sanctionedW: 0) }
        var twice = weekend
        twice.prices.append(AddOnPrice(.minutes(.init(fromMinute: 359, toMinute: 400)), milliPaisePerKWh: 1))
        #expect(throws: TariffError.self) { try PricePlan(base: fourBandBase, addOns: [twice], sanctionedW: 0) }
        #expect(throws: TariffError.self) {
            try PricePlan(base: fourBandBase, addOns: [weekend, weekend], sanctionedW: 0)
        }
        #expect(throws: TariffError.self) { try PricePlan(base: fourBandBase, sanctionedW: -1) }
        var days = weekend
        days.weekdays = [0]
        #expect(throws: TariffError.self) { try PricePlan(base: fourBandBase, addOns: [days], sanctionedW: 0) }
        var backwards = festival
        backwards.to = day("2021-11-06")
        #expect(throws: TariffError.self) { try backwards.validate() }
    }

    /// A band that changes at 06:15 cannot price half-hour slots.
    @Test func boundaryInsideSlot() throws {
        var base = fourBandBase
        base.calendar.bands[0].ranges[0].toMinute = 375
        base.calendar.bands[1].ranges[0].fromMinute = 375
        let plan = try PricePlan(base: base, sanctionedW: 0)
        _ = try DaySchedule(plan: plan, day: day("2021-11-08"), slotStartMinutes: minutes(), periodS: 900)
        let error = #expect(throws: TariffError.self) {
            try DaySchedule(plan: plan, day: day("2021-11-08"), slotStartMinutes: minutes(48), periodS: 1800)
        }
        #expect(error?.what.contains("06:15") == true)
        var addOn = weekend
        addOn.prices = [AddOnPrice(.minutes(.init(fromMinute: 45, toMinute: 105)), milliPaisePerKWh: 1)]
        let other = try PricePlan(base: fourBandBase, addOns: [addOn], sanctionedW: 0)
        #expect(throws: TariffError.self) {
            try DaySchedule(plan: other, day: day("2021-11-06"), slotStartMinutes: minutes(48), periodS: 1800)
        }
    }

    @Test func wrongCounts() throws {
        let plan = try PricePlan(base: fourBandBase, sanctionedW: 0)
        let schedule = try DaySchedule(plan: plan, day: day("2021-11-08"), slotStartMinutes: minutes(), periodS: 900)
        #expect(throws: TariffError.self) { try schedule.price(load(1, slots: 95), opening: .zero) }
        #expect(throws: TariffError.self) { try schedule.priceMany(load(1), openings: [.zero, .zero]) }
        #expect(throws: TariffError.self) {
            try DaySchedule(plan: plan, day: day("2021-11-08"), slotStartMinutes: [1440], periodS: 900)
        }
    }
}

@Suite struct StoredState {
    @Test func goldenBytes() throws {
        let state = MonthState(
            baseEnergyWh: 258, addOnEnergyWh: -1, baseEnergyMicroPaise: 1, addOnEnergyMicroPaise: -2,
            fixedMicroPaise: 0,
            dutyPicoPaise: 1 << 70)
        let bytes = state.encode()
        let want: [UInt8] =
            [1, 2, 1, 0, 0, 0, 0, 0, 0] + Array(repeating: 0xFF, count: 8) + [1] + Array(repeating: 0, count: 15)
            + [0xFE] + Array(repeating: 0xFF, count: 15) + Array(repeating: 0, count: 16)
            + Array(repeating: 0, count: 8) + [64] + Array(repeating: 0, count: 7)
        #expect(bytes == want)
        #expect(try MonthState(decoding: bytes) == state)
    }

    @Test func hostileBytes() {
        #expect(throws: TariffError.self) { try MonthState(decoding: []) }
        #expect(throws: TariffError.self) { try MonthState(decoding: [2] + Array(repeating: 0, count: 80)) }
        #expect(throws: TariffError.self) { try MonthState(decoding: [1] + Array(repeating: 0, count: 79)) }
        #expect(throws: TariffError.self) { try MonthState(decoding: [1] + Array(repeating: 0x7F, count: 80)) }
        #expect(throws: TariffError.self) {
            try MonthState(decoding: [1] + Array(repeating: 0, count: 79) + [0x80])
        }
    }

    /// Everything that could change the charge changes the bytes; the order of the add-ons does not.
    @Test func inputBytesTellInputsApart() throws {
        let values = load(3)
        func bytes(
            _ values: [Int32], date: String = "2021-11-06", base: BasePack = fourBandBase,
            addOns: [AddOnPack] = [weekend, festival], sanctionedW: Int64 = 5000, opening: MonthState = .zero
        ) throws -> [UInt8] {
            try inputBytes(
                day: day(date), slotStartMinutes: minutes(), periodS: 900, valuesWh: values,
                plan: PricePlan(base: base, addOns: addOns, sanctionedW: sanctionedW), opening: opening)
        }
        var changed = values
        changed[95] += 1
        var newer = fourBandBase
        newer.version += 1
        var opening = MonthState.zero
        opening.dutyPicoPaise = 1
        let all = [
            try bytes(values), try bytes(changed), try bytes(values, date: "2021-11-07"),
            try bytes(values, base: newer),
            try bytes(values, addOns: [weekend]), try bytes(values, sanctionedW: 5001),
            try bytes(values, opening: opening),
        ]
        #expect(Set(all).count == all.count)
        #expect(try bytes(values, addOns: [festival, weekend]) == all[0])
        #expect(all[0].starts(with: [1]))
    }
}
