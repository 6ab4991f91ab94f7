// Packs of the simple form on the engine of tariffs: add-ons slot by slot, whole paise that sum to the month.
import CivilTime
import Quantities
import Testing

@testable import Tariffs

@Suite struct SeedCases {
    /// Cases 5, 5b, 5c: base all day; weekend T1 and T3; festival T4 and T1, cheaper in T1.
    @Test(arguments: [
        ("2021-11-08", ["", "", "", ""], [500, 500, 500, 450]),
        ("2021-11-06", ["WEEKEND", "", "WEEKEND", ""], [300, 500, 300, 450]),
        ("2021-11-07", ["FESTIVAL", "", "WEEKEND", "FESTIVAL"], [200, 500, 300, 150]),
    ])
    func cheapestAddOnPerSlot(date: String, packs: [String], paise: [Int64]) throws {
        let values = (0..<96).map { Int32([1000, 2000, 3000, 4000][$0 / 24]) }
        let priced = try [[weekend, festival], [festival, weekend]].map { addOns in
            let month = try PackMonth(fourBandBase, day(date).month, addOns)
            return try month.bill.explain(month.input(day(date), values), opening: .start)
        }
        #expect(priced[0] == priced[1], "the order in which packs are held changes nothing")
        let taken = packs.indices.filter { packs[$0] != "" }
        let lines = priced[0].addOnLines
        #expect(lines.map(\.packID) == taken.map { packs[$0] })
        #expect(lines.map(\.milliPerKWh) == taken.map { paise[$0] * 1000 })
        #expect(lines.map(\.energyWh) == taken.map { [24_000, 48_000, 72_000, 96_000][$0] })
        #expect(lines.map { [$0.fromSlot, $0.toSlot] } == taken.map { [$0 * 24, ($0 + 1) * 24] })
        #expect(priced[0].amounts.totalMinor == zip(paise, [24, 48, 72, 96] as [Int64]).reduce(0) { $0 + $1.0 * $1.1 })
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
        // 24 slots of half an hour by day with 250 Wh, 12 + 12 by night with 166 or 167 Wh, 4,000 in all.
        let values = (0..<48).map { slot -> Int32 in
            (12..<36).contains(slot) ? 250 : slot % 3 == 0 ? 166 : 167
        }
        #expect(values.reduce(0, +) == 10_000)
        let month = try PackMonth(base, day(date).month, [week, diwali])
        #expect(
            try month.bill.price(month.input(day(date), values, periodS: 1800), opening: .start).totalMinor == paise)
    }

    /// An add-on with a maximum load does not apply in a slot above it; exactly at it, it does.
    @Test func maximumLoadFallsToTheNext() throws {
        let limited = AddOnPack(
            id: "A", version: 1, name: "Small",
            prices: [AddOnPrice(.minutes(.init(fromMinute: 0, toMinute: 1440)), milliPaisePerKWh: 100_000)],
            maximumLoadW: 2000)
        var second = limited
        (second.id, second.maximumLoadW) = ("B", 3000)
        second.prices[0].milliPaisePerKWh = 200_000
        let month = try PackMonth(fourBandBase, CivilMonth(year: 2021, month: 11), [second, limited])
        // 500 Wh in a quarter of an hour are 2,000 W on average.
        var values = [Int32](repeating: 500, count: 96)
        (values[1], values[2], values[3]) = (501, 750, 751)
        let input = month.input(day("2021-11-08"), values)
        let priced = try month.bill.explain(input, opening: .start)
        #expect(priced.addOnLines.map(\.packID) == ["A", "B", "A"])
        #expect(priced.addOnLines.map { $0.fromSlot..<$0.toSlot } == [0..<1, 1..<3, 4..<96])
        #expect(try month.bill.price(input, opening: .start) == priced.amounts)
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
        let pack = try PackMonth(Self.base, month, contractedW: 3700)
        var state = BillState.start
        var sums: [String: Int64] = [:]
        var loads: [[Int32]] = []
        for number in 0..<month.dayCount {
            let values = load(UInt64(number) &+ 17)
            loads.append(values)
            let priced = try pack.bill.price(pack.input(month.first.advanced(by: number), values), opening: state)
            for amount in priced.amountsMinor { sums[amount.id, default: 0] += amount.minor }
            #expect(priced.totalMinor == priced.amountsMinor.reduce(0) { $0 + $1.minor })
            // The state survives storage between the days.
            state = try BillState(decoding: priced.closing.encode())
        }
        let want = Self.month(loads, sanctionedW: 3700)
        #expect(sums == ["energy": want.energy, "fixed": want.fixed, "duty": want.duty])
        #expect(want.fixed == 18_920)
        #expect(state.totalMinor == want.energy + want.fixed + want.duty)
    }

    /// Whichever day is corrected when, re-rating the chain from there ends at the same month.
    @Test func anyOrderOfCorrectionEndsAlike() throws {
        let month = CivilMonth(year: 2026, month: 1)
        let pack = try PackMonth(Self.base, month, contractedW: 3700)
        let actual = (0..<31).map { load(UInt64($0) &+ 900) }
        func charges(_ loads: [[Int32]], from: Int, _ states: inout [BillState]) throws -> [Int64] {
            try (from..<31).map { number in
                let priced = try pack.bill.price(
                    pack.input(month.first.advanced(by: number), loads[number]), opening: states[number])
                states[number + 1] = priced.closing
                return priced.totalMinor
            }
        }
        for order in [Array(0..<31), (0..<31).reversed(), (0..<31).map { $0 * 7 % 31 }] {
            var loads = (0..<31).map { load(UInt64($0) &+ 5000) }
            var states = [BillState](repeating: .start, count: 32)
            var days = try charges(loads, from: 0, &states)
            for corrected in order {
                loads[corrected] = actual[corrected]
                days.replaceSubrange(corrected..<31, with: try charges(loads, from: corrected, &states))
            }
            let want = Self.month(actual, sanctionedW: 3700)
            #expect(days.reduce(0, +) == want.energy + want.fixed + want.duty)
        }
    }

    /// Days of 23 and 25 hours: the wall clock decides, the skipped hour is not priced and the repeated one twice.
    @Test(arguments: [("2026-03-29", 46), ("2026-10-25", 50)])
    func daysOfChange(date: String, slots: Int) throws {
        let zone = try #require(Zone("Europe/London"))
        let starts = (0..<slots).map { zone.minuteOfDay(slot: $0, of: day(date), periodS: 1800) }
        #expect(zone.slotCount(of: day(date), periodS: 1800) == slots)
        let month = try PackMonth(fourBandBase, day(date).month)
        let values = [Int32](repeating: 1000, count: slots)
        let priced = try month.bill.price(
            month.input(day(date), values, starts: starts, periodS: 1800), opening: .start)
        // A kWh a slot: 5.00 by day, twelve of 4.50 in the last quarter.
        #expect(priced.totalMinor == Int64(slots - 12) * 500 + 12 * 450)
    }
}
