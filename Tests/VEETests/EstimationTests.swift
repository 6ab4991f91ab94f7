// Methods and plans of estimation on small series: what each gives, what it leaves, and what must always hold.
import CivilTime
import IntervalData
import Testing

@testable import VEE

/// Days from 2009-03-01 (a Sunday) on, each with the same value in every slot; nil is a day without values.
func series(_ values: [Int64?], zone: Zone = .utc, from: String = "2009-03-01", periodS: Int = 1800) -> LoadSeries {
    let first = CivilDay(from)!
    var series = LoadSeries(
        from: first, through: first.advanced(by: values.count - 1), zone: zone, periodS: periodS)
    for (index, value) in values.enumerated() {
        guard let value else { continue }
        for slot in series.days[index].slots { series.set(slot, value, .actual) }
    }
    return series
}

/// A small generator with a fixed seed.
struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

private func plan(_ rules: EstimationRule...) -> EstimationPlan { EstimationPlan(rules: rules) }

@Suite struct EstimationMethods {
    @Test func meanOfThreeDaysAsBefore() {
        let some = series([7, 100, 1, 2, 5, nil])
        let found = estimate(some, plan: .standard)
        #expect(found.filled.count == 48 && found.unfilled.isEmpty)
        // 1 + 2 + 5 thirds, rounded.
        #expect(found.filled.allSatisfy { $0.value == 3 && $0.method == .threeDayMean })
        // The old door gives the same.
        let days = [5, 2, 1, 100].map { oneDay($0) }
        #expect(VEE.estimate(.empty(slots: 48), history: days, batch: 1).block.values.allSatisfy { $0 == 3 })
        let young = series([1, 2, nil])
        #expect(estimate(young, plan: .standard).unfilled == Array(96..<144))
        #expect(
            estimate(young, plan: .best).filled.allSatisfy { $0.method == .sameDayType || $0.method == .threeDayMean })
    }

    @Test func estimatesAreNotMadeFromEstimates() {
        var some = series([1, 2, 3, nil])
        for slot in some.days[1].slots { some.set(slot, 900, .estimated) }
        #expect(estimate(some, plan: .standard).filled.isEmpty)
        for method in EstimationMethod.allCases {
            guard let plan = EstimationPlan(named: method.rawValue) else { Issue.record("no \(method)"); continue }
            var none = some
            for slot in 0..<144 { none.set(slot, 900, .estimated) }
            #expect(estimate(none, plan: plan).filled.isEmpty, "\(method)")
        }
    }

    @Test func line() {
        var some = series([nil])
        (0..<48).forEach { some.set($0, Int64($0) * 10, .actual) }
        for slot in 10..<13 { some.set(slot, 0, .missing) }
        some.set(47, 0, .missing)
        let found = estimate(some, plan: plan(EstimationRule(.linear, maximumGapMinutes: 90)))
        #expect(found.filled.map(\.value) == [100, 110, 120] && found.unfilled == [47])
        #expect(estimate(some, plan: plan(EstimationRule(.linear, maximumGapMinutes: 89))).filled.isEmpty)
    }

    /// Sunday the 8th from the Sundays around it, not from the days between.
    @Test func sameKindOfDay() {
        let some = series([10, 1, 1, 1, 1, 1, 5, nil, 1, 1, 1, 1, 1, 5, 20])
        let found = estimate(some, plan: plan(EstimationRule(.sameDayType, minimumDays: 2, days: 4)))
        #expect(found.filled.count == 48 && found.filled.allSatisfy { $0.value == 15 })
        // A holiday is lived like a Sunday.
        let first = CivilDay("2009-03-02")!
        #expect(DayType(first, holidays: [first]) == .rest && DayType(first, holidays: []) == .working)
    }

    @Test func gapOverMidnightIsOne() {
        var some = series([4, 4, 4, 4, 4])
        for slot in 48 * 3 + 46..<48 * 4 + 2 { some.set(slot, 0, .missing) }
        let two = plan(EstimationRule(.linear, maximumGapMinutes: 60))
        #expect(estimate(some, plan: two).filled.isEmpty)
        // Neither when only one of the days is asked for; and only its slots come back.
        let wanted = some.slots(of: CivilDay("2009-03-05")!)
        #expect(estimate(some, wanted: wanted, plan: two).filled.isEmpty)
        #expect(estimate(some, wanted: wanted, plan: .standard).filled.map(\.slot) == [192, 193])
    }

    /// Days on which the clock is moved have neighbours: the same minute on the wall.
    @Test(arguments: [("2012-03-20", "2012-03-25", 46), ("2012-10-23", "2012-10-28", 50)])
    func daysOfChange(from: String, day: String, count: Int) throws {
        let zone = try #require(Zone("Europe/London"))
        let change = try #require(CivilDay(day))
        var some = series([1, 1, 1, 1, 1, nil, 1], zone: zone, from: from)
        for slot in 0..<some.count where some.minuteOfSlot[slot] >= 600 && some.qualities[slot] == .actual {
            some.set(slot, 8, .actual)
        }
        let slots = try #require(some.slots(of: change))
        #expect(slots.count == count)
        for plan in [EstimationPlan.standard, .best] {
            let found = estimate(some, plan: plan)
            #expect(found.filled.map(\.slot) == Array(slots) && found.unfilled.isEmpty)
            #expect(found.filled.filter { $0.value == 8 }.count == 28 || plan == .best)
        }
        // And they serve as history of the ordinary day after.
        var after = series([1, 1, 1, 1, 1, 1, nil], zone: zone, from: from)
        for slot in after.slots(of: change)! { after.set(slot, 4, .actual) }
        let filled = estimate(after, plan: .standard).filled
        #expect(filled.count == 48 && filled.filter { $0.value == 1 }.count == (count == 46 ? 2 : 0))
    }

    @Test func outage() throws {
        var some = series([4, 4, 4, 4])
        for slot in 144 + 10..<144 + 16 { some.set(slot, 0, .missing) }
        let at = some.startS(ofSlot: 154)
        // From the middle of the first missing slot to a third of the fifth; told in two overlapping pieces.
        let outages = [at + 5000..<at + 4 * 1800 + 600, at + 900..<at + 6000]
        let found = estimate(some, outages: outages, plan: .standard)
        #expect(found.filled.map(\.value) == [2, 0, 0, 0, 3, 4])
        #expect(found.filled.map(\.method).filter { $0 == .outageZero }.count == 3)
        #expect(estimate(some, outages: outages.reversed(), plan: .standard) == found)
        // With the register: what it moved, and only where supply was.
        let registers = [
            RegisterReading(atS: some.startS(ofSlot: 144), registerWh: 5000),
            RegisterReading(atS: some.startS(ofSlot: 192), registerWh: 5000 + 42 * 4 + 30),
        ]
        let exact = estimate(some, registers: registers, outages: outages, plan: .standard)
        #expect(exact.filled.map(\.value).reduce(0, +) == 30 && exact.filled[1...3].allSatisfy { $0.value == 0 })
        // Energy during an outage that covers the whole gap: the register is believed.
        let all = estimate(some, registers: registers, outages: [at..<at + 6 * 1800], plan: .standard)
        #expect(all.filled.map(\.value) == [5, 5, 5, 5, 5, 5] && all.filled[0].method == .registerConstrained)
    }
}

@Suite struct RegisterConstrained {
    /// Any course, gap and movement: the slots add exactly to the register, none below zero, whatever the order of the
    /// readings.
    @Test func sumsAreExact() {
        var dice = Dice(state: 5)
        for round in 0..<300 {
            var some = series(Array(repeating: 0, count: 6))
            for slot in 0..<some.count { some.set(slot, Int64.random(in: 0...900, using: &dice), .actual) }
            for _ in 0..<Int.random(in: 1...4, using: &dice) {
                let start = Int.random(in: 150..<280, using: &dice)
                for slot in start..<min(288, start + Int.random(in: 1...40, using: &dice)) {
                    some.set(slot, 0, .missing)
                }
            }
            // Readings at some slots, each with the true sum since the one before.
            let marks = Set(
                (0..<Int.random(in: 2...6, using: &dice)).map { _ in Int.random(in: 0...288, using: &dice) }
            )
            .union([140, 288]).sorted()
            var registers = [RegisterReading(atS: some.startS(ofSlot: marks[0]), registerWh: 12345)]
            for (from, to) in zip(marks, marks.dropFirst()) {
                let known = some.values[from..<to].reduce(0, +)
                let extra = some.qualities[from..<to].contains(.missing) ? Int64.random(in: 0...9000, using: &dice) : 0
                registers.append(
                    RegisterReading(
                        atS: some.startS(ofSlot: to),
                        registerWh: registers[registers.count - 1].registerWh + known + extra))
            }
            for shape in [EstimationMethod.threeDayMean, .sameDayType, .profile] {
                let rules = plan(EstimationRule(.registerConstrained, minimumDays: 1, shape: shape))
                let found = estimate(some, registers: registers.shuffled(using: &dice), plan: rules)
                #expect(found.unfilled.isEmpty && found.filled.allSatisfy { $0.value >= 0 }, "\(round) \(shape)")
                var whole = some
                for one in found.filled { whole.set(one.slot, one.value, .estimated) }
                for (index, (from, to)) in zip(marks, marks.dropFirst()).enumerated() {
                    #expect(
                        whole.values[from..<to].reduce(0, +)
                            == registers[index + 1].registerWh - registers[index].registerWh)
                }
                #expect(estimate(some, registers: registers, plan: rules) == found)
            }
        }
    }

    @Test func registerThatHelpsNot() {
        var some = series([4, 4, 4, 4])
        for slot in 150..<152 { some.set(slot, 0, .missing) }
        func methods(_ registers: [(slot: Int, wh: Int64)]) -> [EstimationMethod] {
            estimate(
                some,
                registers: registers.map {
                    RegisterReading(atS: some.startS + Int64($0.slot) * 1800, registerWh: $0.wh)
                },
                plan: .standard
            ).filled.map(\.method)
        }
        // One reading, one beside the gap, one that ran backwards, one that moved less than the known slots.
        #expect(methods([(144, 0)]) == [.threeDayMean, .threeDayMean])
        #expect(methods([(144, 0), (148, 16)]) == [.threeDayMean, .threeDayMean])
        #expect(methods([(144, 900), (192, 0)]) == [.threeDayMean, .threeDayMean])
        #expect(methods([(144, 0), (192, 46 * 4 - 11)]) == [.threeDayMean, .threeDayMean])
        // Within the last digit of the register: nothing was used.
        #expect(methods([(144, 0), (192, 46 * 4 - 10)]) == [.registerConstrained, .registerConstrained])
        #expect(methods([(144, .min), (192, .max)]) == [.threeDayMean, .threeDayMean])
    }
}

@Suite struct Plans {
    @Test func textRoundTrip() throws {
        for name in EstimationPlan.names {
            let plan = try #require(EstimationPlan(named: name))
            #expect(try EstimationPlan(json: plan.json()) == plan)
        }
        #expect(EstimationPlan(named: "magic") == nil)
        // The settings of before are read.
        let old = try EstimationPlan(json: EstimationRules.standard.json())
        #expect(old.rules == [EstimationRule(.threeDayMean, minimumDays: 3, days: 3)])
    }

    @Test(arguments: [
        ("", "the settings"), (#"{"format":3,"rules":[{"method":"linear"}]}"#, "format 3"),
        (#"{"format":2,"rules":[]}"#, "rules: 0"),
        (#"{"format":2,"rules":[{"method":"magic"}]}"#, "rules"),
        (#"{"format":2,"rules":[{"method":"linear","maxGap":3}]}"#, "rules[0].maxGap: no such setting"),
        (#"{"format":2,"rules":[{"method":"threeDayMean","days":0}]}"#, "rules[0].days: 0 is out of range"),
        (#"{"format":2,"rules":[{"method":"threeDayMean","days":2,"minimumDays":3}]}"#, "rules[0].minimumDays"),
        (#"{"format":2,"rules":[{"method":"registerConstrained"}]}"#, "rules[0].shape: missing"),
        (#"{"format":2,"rules":[{"method":"registerConstrained","shape":"outageZero"}]}"#, "rules[0].shape"),
        (#"{"format":2,"rules":[{"method":"linear","shape":"linear"}]}"#, "rules[0].shape"),
    ])
    func badText(json: String, words: String) {
        let error = #expect(throws: RulesError.self) { try EstimationPlan(json: json) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
}

private func oneDay(_ value: Int32) -> DayBlock { block([Int32?](repeating: value, count: 48)) }

@Suite struct Forecasts {
    @Test func nothingOfTheDayOrLaterIsLookedAt() {
        var dice = Dice(state: 9)
        var some = series(Array(repeating: 0, count: 30))
        for slot in 0..<some.count { some.set(slot, Int64.random(in: 0...900, using: &dice), .actual) }
        let day = CivilDay("2009-03-22")!
        for method in [ForecastMethod.meter, .sum] {
            let before = forecast(some, day: day, method: method)
            var other = some
            for slot in some.slots(of: day)!.lowerBound..<some.count { other.set(slot, 5000, .actual) }
            #expect(before.count == 48 && forecast(other, day: day, method: method) == before)
            // Estimates are not looked at either.
            for slot in 0..<48 { other.set(slot, 99_999, .estimated) }
            #expect(forecast(other, day: day, method: method).allSatisfy { ($0 ?? 0) <= 1000 })
        }
        #expect(forecast(some, day: CivilDay("2009-03-01")!).allSatisfy { $0 == nil })
        #expect(forecast(some, day: CivilDay("2012-03-01")!) == [])
    }

    /// What was the same day by day is forecast as it was, steps and all.
    @Test func aShapeThatNeverChangesIsForecastExactly() {
        let shape = (0..<48).map { Int64($0 < 16 || $0 > 40 ? 100 : 700) }
        var some = series(Array(repeating: 0, count: 15))
        for slot in 0..<14 * 48 { some.set(slot, shape[slot % 48], .actual) }
        #expect(forecast(some, day: CivilDay("2009-03-15")!) == shape)
    }

    /// Holidays like Sundays: the day ahead is called one, and the level is that of Sundays.
    @Test func holidays() {
        let first = CivilDay("2009-03-01")!
        let holiday = first.advanced(by: 24)
        var some = LoadSeries(
            from: first, through: first.advanced(by: 27), zone: .utc, periodS: 1800, holidays: [holiday])
        for slot in 0..<some.count {
            some.set(slot, some.days[some.dayIndex(ofSlot: slot)].type == .rest ? 1000 : 100, .actual)
        }
        let values = forecast(some, day: holiday, method: .sum).compactMap { $0 }
        #expect(values.count == 48 && values.allSatisfy { $0 > 500 })
        #expect(forecast(some, day: holiday.advanced(by: 1), method: .sum).allSatisfy { ($0 ?? 0) < 200 })
    }

    @Test func errorsAndBaselines() {
        let some = series([1, 2, 3, 6, 10, 20, 30, 40])
        let day = CivilDay("2009-03-08")!
        #expect(forecast(some, day: day, baseline: .yesterday).allSatisfy { $0 == 30 })
        #expect(forecast(some, day: day, baseline: .lastWeek).allSatisfy { $0 == 1 })
        #expect(forecast(some, day: day, baseline: .threeDayMean).allSatisfy { $0 == 20 })
        var error = ForecastError()
        error.add(30, truth: 40)
        error.add(30, truth: 20)
        error.add(nil, truth: 20)
        #expect(error.wapePpm == 333_333 && error.biasPpm == 0 && error.meanAbsoluteMilli == 10_000)
        #expect(error.count == 2 && error.leftOut == 1 && ForecastError().wapePpm == nil)
        let both = summed([some, some])
        #expect(both?.values.last == 80 && summed([]) == nil)
        #expect(aggregationErrors([some, some, some], days: [day], sizes: [1, 2, 9]).map(\.size) == [1, 2])
    }
}
