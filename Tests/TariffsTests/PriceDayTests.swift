// Pricing of a day: per-slot add-ons, exact lines, telescoped paise, fixed charge and duty.
import CivilTime
import Quantities
import Testing

@testable import Tariffs

func day(_ text: String) -> CivilDay { CivilDay(text)! }

func minutes(_ count: Int = 96) -> [Int] { (0..<count).map { $0 * 1440 / count } }

/// A reproducible load: splitmix64, 0...599 Wh a slot.
func load(_ seed: UInt64, slots: Int = 96) -> [Int32] {
    var state = seed
    return (0..<slots).map { _ in
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int32((z ^ (z >> 31)) % 600)
    }
}

func quarters(_ names: [String]) -> TOUCalendar {
    TOUCalendar(
        bands: names.enumerated().map {
            TOUBand(name: $1, ranges: [MinuteRange(fromMinute: $0 * 360, toMinute: ($0 + 1) * 360)])
        })
}

let fourBandBase = BasePack(
    id: "UP0001", version: 3, name: "Universal", calendar: quarters(["T1", "T2", "T3", "T4"]),
    milliPaisePerKWh: ["T1": 500_000, "T2": 500_000, "T3": 500_000, "T4": 450_000])
let weekend = AddOnPack(
    id: "WEEKEND", version: 1, name: "Weekend", weekdays: [6, 7],
    prices: [
        AddOnPrice(.band("T1"), milliPaisePerKWh: 300_000), AddOnPrice(.band("T3"), milliPaisePerKWh: 300_000),
    ])
let festival = AddOnPack(
    id: "FESTIVAL", version: 2, name: "Festival", from: day("2021-11-07"), to: day("2021-11-07"),
    prices: [
        AddOnPrice(.band("T4"), milliPaisePerKWh: 150_000), AddOnPrice(.band("T1"), milliPaisePerKWh: 200_000),
    ])

@Suite struct SeedCases {
    /// Cases 5, 5b, 5c: base all day; weekend T1 and T3; festival T4 and T1, cheaper in T1.
    @Test(arguments: [
        ("2021-11-08", ["UP0001", "UP0001", "UP0001", "UP0001"], [500, 500, 500, 450]),
        ("2021-11-06", ["WEEKEND", "UP0001", "WEEKEND", "UP0001"], [300, 500, 300, 450]),
        ("2021-11-07", ["FESTIVAL", "UP0001", "WEEKEND", "FESTIVAL"], [200, 500, 300, 150]),
    ])
    func cheapestAddOnPerSlot(date: String, packs: [String], paise: [Int64]) throws {
        let plan = try PricePlan(base: fourBandBase, addOns: [weekend, festival], sanctionedW: 5000)
        let values = [Int32](repeating: 0, count: 96).enumerated().map { Int32([1000, 2000, 3000, 4000][$0.offset / 24]) }
        let priced = try price(
            day: day(date), slotStartMinutes: minutes(), periodS: 900, valuesWh: values, plan: plan, opening: .zero)
        #expect(priced.lines.map(\.packID) == packs)
        #expect(priced.lines.map(\.priceMilliPaisePerKWh) == paise.map { $0 * 1000 })
        #expect(priced.lines.map(\.energyWh) == [24_000, 48_000, 72_000, 96_000])
        #expect(priced.lines.map { [$0.fromSlot, $0.toSlot] } == [[0, 24], [24, 48], [48, 72], [72, 96]])
        #expect(priced.totalPaise == zip(paise, [24, 48, 72, 96] as [Int64]).reduce(0) { $0 + $1.0 * $1.1 })
        let order = try PricePlan(base: fourBandBase, addOns: [festival, weekend], sanctionedW: 5000)
        let other = try price(
            day: day(date), slotStartMinutes: minutes(), periodS: 900, valuesWh: values, plan: order, opening: .zero)
        #expect(other == priced)
    }

    /// Case 11: Universal 5/4.5, Weekend 3/2.5, Diwali 2/1.5; 6 kWh by day and 4 kWh by night: 48.00, 28.00, 18.00.
    @Test(arguments: [("2021-11-03", 4800), ("2021-11-06", 2800), ("2021-11-04", 1800)] as [(String, Int64)])
    func threePacks(date: String, paise: Int64) throws {
        let calendar = TOUCalendar(bands: [
            TOUBand(name: "day", ranges: [MinuteRange(fromMinute: 360, toMinute: 1080)]),
            TOUBand(
                name: "night",
                ranges: [MinuteRange(fromMinute: 0, toMinute: 360), MinuteRange(fromMinute: 1080, toMinute: 1440)]),
        ])
        let base = BasePack(
            id: "U", version: 1, name: "Universal", calendar: calendar,
            milliPaisePerKWh: ["day": 500_000, "night": 450_000])
        func addOn(_ id: String, _ prices: (Int64, Int64)) -> AddOnPack {
            AddOnPack(
                id: id, version: 1, name: id,
                prices: [
                    AddOnPrice(.band("day"), milliPaisePerKWh: prices.0),
                    AddOnPrice(.band("night"), milliPaisePerKWh: prices.1),
                ])
        }
        var week = addOn("W", (300_000, 250_000))
        week.weekdays = [6, 7]
        var diwali = addOn("D", (200_000, 150_000))
        (diwali.from, diwali.to) = (day("2021-11-04"), day("2021-11-04"))
        let plan = try PricePlan(base: base, addOns: [week, diwali], sanctionedW: 1000)
        // 24 slots of half an hour by day with 250 Wh, 12 + 12 by night with 166 or 167 Wh, 4,000 in all.
        let values = (0..<48).map { slot -> Int32 in
            (12..<36).contains(slot) ? 250 : slot % 3 == 0 ? 166 : 167
        }
        #expect(values.reduce(0, +) == 10_000)
        let priced = try price(
            day: day(date), slotStartMinutes: minutes(48), periodS: 1800, valuesWh: values, plan: plan, opening: .zero)
        #expect(priced.totalPaise == paise)
    }

    /// An add-on with a maximum load does not apply in a slot above it; exactly at it, it does.
    @Test func maximumLoadFallsToTheNext() throws {
        let limited = AddOnPack(
            id: "A", version: 1, name: "Small", prices: [AddOnPrice(.minutes(.init(fromMinute: 0, toMinute: 1440)), milliPaisePerKWh: 100_000)],
            maximumLoadW: 2000)
        var second = limited
        (second.id, second.maximumLoadW) = ("B", 3000)
        second.prices[0].milliPaisePerKWh = 200_000
        let plan = try PricePlan(base: fourBandBase, addOns: [second, limited], sanctionedW: 5000)
        // 500 Wh in a quarter of an hour are 2,000 W on average.
        var values = [Int32](repeating: 500, count: 96)
        (values[1], values[2], values[3]) = (501, 750, 751)
        let priced = try price(
            day: day("2021-11-08"), slotStartMinutes: minutes(), periodS: 900, valuesWh: values, plan: plan, opening: .zero)
        #expect(priced.lines[..<4].map(\.packID) == ["A", "B", "UP0001", "A"])
        #expect(priced.lines[..<4].map { $0.fromSlot..<$0.toSlot } == [0..<1, 1..<3, 3..<4, 4..<24])
        let charges = try DaySchedule(plan: plan, day: day("2021-11-08"), slotStartMinutes: minutes(), periodS: 900)
            .priceMany(values, openings: [.zero])
        #expect(charges[0].closing == priced.closing)
    }
}

@Suite struct Exactness {
    static let base: BasePack = BasePack(
        id: "R", version: 7, name: "Residential", calendar: quarters(["a", "b", "c", "d"]),
        milliPaisePerKWh: ["a": 543_217, "b": 611_113, "c": 729_001, "d": 498_765], fixedPaisePerMonth: 12_345,
        fixedPaisePerKWPerMonth: 1777, dutyPPM: 51_237)

    /// The rounded month, worked out at once from its whole load.
    static func month(_ loads: [[Int32]], sanctionedW: Int128) -> (energy: Int64, fixed: Int64, duty: Int64) {
        let prices: [Int128] = [543_217, 611_113, 729_001, 498_765]
        let micro = loads.reduce(Int128(0)) { sum, values in
            values.enumerated().reduce(sum) { $0 + Int128($1.element) * prices[$1.offset / 24] }
        }
        return (
            roundedHalfAway(micro, dividedBy: 1_000_000),
            roundedHalfAway(12_345_000_000 + 1777 * sanctionedW * 1000, dividedBy: 1_000_000),
            roundedHalfAway(micro * 51_237, dividedBy: 1_000_000_000_000)
        )
    }

    @Test(arguments: ["2023-02", "2024-02", "2026-11", "2026-12"])
    func daysSumToTheRoundedMonth(name: String) throws {
        let month = try #require(CivilMonth(name))
        let plan = try PricePlan(base: Self.base, sanctionedW: 3700)
        var state = MonthState.zero
        var sums: [ComponentKind: Int64] = [:]
        var loads: [[Int32]] = []
        for number in 0..<month.dayCount {
            let values = load(UInt64(number) &+ 17)
            loads.append(values)
            let priced = try price(
                day: month.first.advanced(by: number), slotStartMinutes: minutes(), periodS: 900, valuesWh: values,
                plan: plan, opening: state)
            for component in priced.components { sums[component.kind, default: 0] += component.paise }
            #expect(priced.totalPaise == priced.components.reduce(0) { $0 + $1.paise })
            // The state survives storage between the days.
            state = try MonthState(decoding: priced.closing.encode())
        }
        let want = Self.month(loads, sanctionedW: 3700)
        #expect(sums == [.baseEnergy: want.energy, .fixed: want.fixed, .duty: want.duty])
        #expect(want.fixed == 18_920)
        #expect(state.totalPaise == want.energy + want.fixed + want.duty)
    }

    /// Whichever day is corrected when, re-rating the chain from there ends at the same month.
    @Test func anyOrderOfCorrectionEndsAlike() throws {
        let month = CivilMonth(year: 2026, month: 1)
        let plan = try PricePlan(base: Self.base, addOns: [], sanctionedW: 3700)
        let actual = (0..<31).map { load(UInt64($0) &+ 900) }
        func charges(_ loads: [[Int32]], from: Int, _ states: inout [MonthState]) throws -> [Int64] {
            try (from..<31).map { number in
                let priced = try price(
                    day: month.first.advanced(by: number), slotStartMinutes: minutes(), periodS: 900,
                    valuesWh: loads[number], plan: plan, opening: states[number])
                states[number + 1] = priced.closing
                return priced.totalPaise
            }
        }
        for order in [Array(0..<31), (0..<31).reversed(), (0..<31).map { $0 * 7 % 31 }] {
            var loads = (0..<31).map { load(UInt64($0) &+ 5000) }
            var states = [MonthState](repeating: .zero, count: 32)
            var days = try charges(loads, from: 0, &states)
            for corrected in order {
                loads[corrected] = actual[corrected]
                days.replaceSubrange(corrected..<31, with: try charges(loads, from: corrected, &states))
            }
            let want = Self.month(actual, sanctionedW: 3700)
            #expect(days.reduce(0, +) == want.energy + want.fixed + want.duty)
        }
    }

    @Test func linesFootToComponents() throws {
        let addOn = AddOnPack(
            id: "N", version: 1, name: "Night", prices: [AddOnPrice(.minutes(.init(fromMinute: 60, toMinute: 300)), milliPaisePerKWh: 123_457)],
            maximumLoadW: 1200)
        let plan = try PricePlan(base: Self.base, addOns: [addOn], sanctionedW: 3700)
        for seed in 0..<50 as Range<UInt64> {
            let values = load(seed)
            let priced = try price(
                day: day("2026-11-21"), slotStartMinutes: minutes(), periodS: 900, valuesWh: values, plan: plan,
                opening: .zero)
            for (kind, isAddOn) in [(ComponentKind.baseEnergy, false), (.addOnEnergy, true)] {
                let lines = priced.lines.filter { $0.isAddOn == isAddOn }
                let component = priced.components.first { $0.kind == kind }
                #expect(lines.reduce(0) { $0 + $1.energyWh } == component?.energyWh ?? 0)
                #expect(lines.reduce(Int128(0)) { $0 + $1.microPaise } == component?.microPaise ?? 0)
            }
            #expect(priced.lines.reduce(Int64(0)) { $0 + $1.energyWh } == values.reduce(0) { $0 + Int64($1) })
            #expect(priced.lines.first?.fromSlot == 0 && priced.lines.last?.toSlot == 96)
            #expect(zip(priced.lines, priced.lines.dropFirst()).allSatisfy { $0.toSlot == $1.fromSlot })
        }
    }

    @Test func bulkEqualsOneByOne() throws {
        let plan = try PricePlan(base: fourBandBase, addOns: [weekend], sanctionedW: 1000)
        let schedule = try DaySchedule(plan: plan, day: day("2021-11-06"), slotStartMinutes: minutes(), periodS: 900)
        let loads = (0..<20).map { load(UInt64($0)) }
        let openings = try loads.map { try schedule.price($0, opening: .zero).closing }
        let charges = try schedule.priceMany(loads.reversed().flatMap { $0 }, openings: openings)
        for index in 0..<20 {
            let one = try schedule.price(loads[19 - index], opening: openings[index])
            #expect(charges[index].totalPaise == one.totalPaise)
            #expect(charges[index].closing == one.closing)
        }
    }

    /// Days of 23 and 25 hours: the wall clock decides, the skipped hour is not priced and the repeated one twice.
    @Test(arguments: [("2026-03-29", 46), ("2026-10-25", 50)])
    func daysOfChange(date: String, slots: Int) throws {
        let zone = try #require(Zone("Europe/London"))
        let starts = (0..<slots).map { zone.minuteOfDay(slot: $0, of: day(date), periodS: 1800) }
        #expect(zone.slotCount(of: day(date), periodS: 1800) == slots)
        let plan = try PricePlan(base: fourBandBase, sanctionedW: 1000)
        let priced = try price(
            day: day(date), slotStartMinutes: starts, periodS: 1800, valuesWh: Array(repeating: 1000, count: slots),
            plan: plan, opening: .zero)
        #expect(priced.lines.map(\.energyWh) == [Int64(slots - 36) * 1000, 12_000, 12_000, 12_000])
    }

    @Test func negativeAndZeroLoadsDoNotTrap() throws {
        let plan = try PricePlan(base: Self.base, sanctionedW: 0)
        let values = (0..<96).map { $0 % 2 == 0 ? Int32.min : Int32.max }
        let priced = try price(
            day: day("2026-11-21"), slotStartMinutes: minutes(), periodS: 900, valuesWh: values, plan: plan, opening: .zero)
        #expect(priced.components.first?.energyWh == -48)
    }
}
