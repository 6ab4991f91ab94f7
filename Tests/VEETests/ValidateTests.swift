// The five checks: each with a planted fault it must find, and the ordinary day it must leave alone.
import CivilTime
import IntervalData
import Testing

@testable import VEE

/// A quiet half-hourly day with an evening peak, Wh.
func ordinaryDay() -> [Int32?] {
    (0..<48).map { slot in
        switch slot {
        case 0..<12: Int32(40 + slot % 3)
        case 34..<42: Int32(700 + slot * 5)
        default: Int32(150 + slot)
        }
    }
}

func input(
    _ values: [Int32?], registers: (Int64, Int64)? = nil, driftS: Int? = nil, sanctionedW: Int64 = 3000,
    history: [DayBlock] = []
) -> DayInput {
    DayInput(
        values: values, registerStartWh: registers?.0, registerEndWh: registers?.1, clockDriftS: driftS,
        sanctionedW: sanctionedW, periodS: 1800, history: history)
}

func block(_ values: [Int32?], quality: Quality = .actual, batch: Int64 = 1) -> DayBlock {
    DayBlock(
        values: values.map { $0 ?? 0 }, qualities: values.map { $0 == nil ? .missing : quality },
        sources: [SourceRun(batch: batch, count: values.count)])
}

@Suite struct FiveChecks {
    /// The five alone, so that no other check answers in their place.
    private func validate(_ input: DayInput, rules: ValidationRules = .five) -> [Finding] {
        VEE.validate(input, rules: rules)
    }

    @Test func ordinaryDayPasses() {
        let values = ordinaryDay()
        let sum = values.reduce(Int64(0)) { $0 + Int64($1 ?? 0) }
        #expect(validate(input(values, registers: (1000, 1000 + sum), driftS: -20)) == [])
        #expect(validate(input(values)) == [])
        #expect(validate(input([])) == [])
    }

    /// The zero trap: an empty house is a warning, a stopped profile behind a moving register is hard.
    @Test func zeroDay() {
        let zeros = [Int32?](repeating: 0, count: 48)
        let still = validate(input(zeros, registers: (500, 500)))
        // One finding says it; the run of zeros over the whole day would say it again.
        #expect(still.map(\.rule) == [.zeroConsumption])
        #expect(still.allSatisfy { $0.severity == .warning && $0.slots == 0..<48 })
        let moved = validate(input(zeros, registers: (500, 4500)))
        #expect(moved.map(\.severity) == [.hard, .hard])
        #expect(moved[0].measured == 4000 && moved[0].limit == 10 && moved[0].unit == "Wh")
        #expect(
            moved[0].message
                == "every reading of the day is zero, but the register moved 4000 Wh more than the slots show")
        #expect(validate(input(zeros, registers: (500, 510))).allSatisfy { $0.severity == .warning })
        #expect(validate(input(zeros, registers: (500, 511))).allSatisfy { $0.severity == .hard })
        // Unknown: as configured.
        #expect(validate(input(zeros)).allSatisfy { $0.severity == .warning })
        let strict = ValidationRules(zero: .init(withoutRegister: .hard))
        #expect(validate(input(zeros), rules: strict).allSatisfy { $0.severity == .hard })
        #expect(validate(input(zeros, registers: (500, 500)), rules: strict).allSatisfy { $0.severity == .warning })
        // A register that went backwards says nothing; neither does one that overflows the subtraction.
        #expect(validate(input(zeros, registers: (500, 0)), rules: strict).allSatisfy { $0.severity == .hard })
        #expect(validate(input(zeros, registers: (.min, .max))).allSatisfy { $0.severity == .warning })
    }

    /// With slots missing, a register that moved may have moved in those.
    @Test func zeroDayWithGaps() {
        var values = [Int32?](repeating: 0, count: 48)
        values[10] = nil
        #expect(validate(input(values, registers: (0, 900))).map(\.severity) == [.warning])
        #expect(validate(input(values, registers: (0, 0))).allSatisfy { $0.message.contains("register agrees") })
        #expect(validate(input([nil, nil])) == [])
    }

    @Test func zeroRun() {
        var values = ordinaryDay()
        for slot in 5..<29 { values[slot] = 0 }
        let sum = values.reduce(Int64(0)) { $0 + Int64($1 ?? 0) }
        let found = validate(input(values, registers: (0, sum + 2000)))
        #expect(found.map(\.rule) == [.consecutiveZeroes] && found[0].severity == .hard && found[0].slots == 5..<29)
        #expect(validate(input(values, registers: (0, sum))).map(\.severity) == [.warning])
        values[5] = 1
        #expect(validate(input(values, registers: (0, sum + 2000))) == [])
        // A missing slot breaks a run.
        values[5] = 0
        values[15] = nil
        #expect(validate(input(values)) == [])
    }

    @Test func negative() {
        var values = ordinaryDay()
        (values[3], values[4], values[40]) = (-1, -70, .min)
        let found = validate(input(values))
        #expect(found.map(\.slots) == [3..<5, 40..<41])
        #expect(found.allSatisfy { $0.rule == .negative && $0.severity == .hard })
        #expect(found[0].measured == -70)
    }

    @Test func spike() {
        var values = ordinaryDay()
        // 150 % of 3 kW for half an hour are 2,250 Wh; the third highest of the day is 900.
        values[20] = 2600
        let found = validate(input(values))
        #expect(found.map(\.rule) == [.spike] && found[0].slots == 20..<21 && found[0].severity == .hard)
        #expect(found[0].measured == 5200 && found[0].limit == 4500 && found[0].unit == "W")
        #expect(
            found[0].message == "2600 Wh is 5200 W on average; 4500 W is the limit and 900 Wh the third highest value")
        values[20] = 2250
        #expect(validate(input(values)) == [])
        // The same height three times is a way of living.
        (values[20], values[22], values[24]) = (2600, 2600, 2600)
        #expect(validate(input(values)) == [])
        // Also when the other two were on earlier days, if those are trusted.
        (values[22], values[24]) = (300, 300)
        var earlier = ordinaryDay()
        (earlier[20], earlier[21]) = (2600, 2500)
        #expect(validate(input(values, history: [block(earlier)])) == [])
        #expect(validate(input(values, history: [block(earlier, quality: .estimated)])).map(\.rule) == [.spike])
        // Ten times the sanctioned load is impossible however often it comes.
        (values[20], values[22], values[24]) = (15001, 15001, 15001)
        #expect(validate(input(values)).map(\.slots) == [20..<21, 22..<23, 24..<25])
        // Without a sanctioned load the floor and the shape decide.
        values = ordinaryDay()
        values[20] = 2600
        #expect(validate(input(values, sanctionedW: 0)).map(\.rule) == [.spike])
        values[20] = 1500
        #expect(validate(input(values, sanctionedW: 0)) == [])
        // Two values have no third.
        #expect(validate(input([2600, 10, nil])) == [])
        #expect(validate(input([.max, .max, .max], sanctionedW: .max)) == [])
    }

    @Test func clockDrift() {
        #expect(validate(input(ordinaryDay(), driftS: 300)) == [])
        let found = validate(input(ordinaryDay(), driftS: -301))
        #expect(found.map(\.rule) == [.timeTolerance] && found[0].slots == 0..<48 && found[0].severity == .hard)
        #expect(found[0].message == "the meter's clock is 301 s behind; 300 s are allowed")
        #expect(validate(input(ordinaryDay(), driftS: .min)).count == 1)
    }

    @Test func switchedOff() {
        let none = ValidationRules(zero: nil, negative: false, spike: nil, consecutiveZeroes: nil, timeTolerance: nil)
        var values = [Int32?](repeating: 0, count: 48)
        (values[0], values[1]) = (-5, .max)
        #expect(validate(input(values, registers: (0, 9), driftS: 9999), rules: none) == [])
    }

    @Test func hardFindingsHoldTheirSlots() {
        var values = ordinaryDay()
        (values[3], values[9]) = (-1, nil)
        let findings = validate(input(values))
        let day = validatedBlock(values, findings: findings, batch: 77)
        #expect(day.qualities[3] == .missing && day.values[3] == 0 && day.qualities[9] == .missing)
        #expect(day.count(of: .actual) == 46)
        #expect(day.batches[2] == 77 && day.batches[3] == 0)
        let warning = Finding(
            rule: .negative, severity: .warning, slots: 0..<9, message: "", measured: 0, limit: 0, unit: "Wh")
        #expect(!heldSlots([warning], slotCount: 48).contains(true))
    }
}

@Suite struct Settings {
    @Test func textRoundTrip() throws {
        #expect(try ValidationRules(json: ValidationRules.standard.json()) == .standard)
        #expect(try EstimationRules(json: EstimationRules.standard.json()) == .standard)
        let some = ValidationRules(zero: nil, spike: .init(percentOfSanctioned: 200))
        #expect(try ValidationRules(json: some.json()) == some)
        #expect(EstimationRules.standard.json() == #"{"days":3,"format":1,"minimumDays":3}"#)
    }

    @Test(arguments: [
        ("", "not"), ("[]", "settings"), (#"{"format":3,"negative":true}"#, "format 3"),
        (#"{"negative":true}"#, "format"),
        (#"{"format":1,"negative":true,"spke":{}}"#, "spke: no such setting"),
        (#"{"format":1,"negative":true,"timeTolerance":{"maximumDriftS":300,"x":1}}"#, "timeTolerance.x"),
        (#"{"format":1,"negative":true,"timeTolerance":{"maximumDriftS":-1}}"#, "maximumDriftS: -1 is out of range"),
        (
            #"{"format":1,"negative":true,"zero":{"registerToleranceWh":1,"withoutRegister":"soft"}}"#,
            "zero.withoutRegister"
        ),
    ])
    func badText(json: String, words: String) {
        let error = #expect(throws: RulesError.self) { try ValidationRules(json: json) }
        #expect(error?.description.contains(words) == true || json.isEmpty, "\(String(describing: error))")
    }

    /// What is left out of a part is as usual, and a part that is left out is off.
    @Test func whatIsLeftOut() throws {
        let rules = try ValidationRules(json: #"{"format":2,"spike":{"floorW":5000},"voltage":{}}"#)
        #expect(!rules.negative && rules.zero == nil && rules.spike == .init(floorW: 5000))
        #expect(rules.voltage == .init() && rules.sumCheck == nil)
        let error = #expect(throws: RulesError.self) {
            try EstimationPlan(json: #"{"format":2,"rules":[{"method":"guess"}]}"#)
        }
        #expect(error?.description.hasPrefix("rules[0].method: ") == true, "\(String(describing: error))")
    }

    @Test func nullSwitchesOff() throws {
        let rules = try ValidationRules(json: #"{"format":1,"negative":true,"spike":null}"#)
        #expect(rules.spike == nil && rules.zero == nil && rules.negative)
        #expect(throws: RulesError.self) { try EstimationRules(json: #"{"days":2,"format":1,"minimumDays":3}"#) }
    }
}

@Suite struct Estimation {
    static func day(_ value: Int32, _ quality: Quality = .actual) -> DayBlock {
        block([Int32?](repeating: value, count: 48), quality: quality)
    }

    @Test func meanOfThreeDays() {
        var gap = ordinaryDay()
        (gap[7], gap[8]) = (nil, nil)
        let (filled, unfilled) = estimate(
            block(gap), history: [Self.day(1), Self.day(2), Self.day(2), Self.day(1000)], batch: 5)
        #expect(unfilled == [])
        #expect(filled.values[7] == 2 && filled.values[8] == 2)
        #expect(filled.qualities[7] == .estimated && filled.batches[7] == 5)
        #expect(filled.values[6] == gap[6] && filled.qualities[6] == .actual && filled.batches[6] == 1)
        let complete = block(ordinaryDay())
        #expect(estimate(complete, history: [], batch: 5).block == complete)
    }

    /// Rounded half away from zero: 1.5 is 2, 1/3 is 0, -1.5 is -2.
    @Test(
        arguments: [([1, 2], 2), ([0, 0, 1], 0), ([0, 1, 1], 1), ([-1, -2], -2), ([.max, .max, .max], .max)]
            as [([Int32], Int32)])
    func rounding(values: [Int32], mean: Int32) {
        let rules = EstimationRules(days: values.count, minimumDays: values.count)
        let (filled, _) = estimate(.empty(slots: 48), history: values.map { Self.day($0) }, rules: rules, batch: 5)
        #expect(filled.values.allSatisfy { $0 == mean })
    }

    /// Missing and estimated values do not count; the next older day does. Other slot counts are skipped.
    @Test func onlyTrustedDays() {
        let history = [
            Self.day(900, .estimated), block([Int32?](repeating: 900, count: 46)), Self.day(10, .edited),
            block([Int32?](repeating: nil, count: 48)), Self.day(20), Self.day(60), Self.day(7000),
        ]
        let (filled, unfilled) = estimate(.empty(slots: 48), history: history, batch: 5)
        #expect(filled.values.allSatisfy { $0 == 30 } && unfilled.isEmpty)
        let (left, open) = estimate(.empty(slots: 48), history: Array(history.prefix(5)), batch: 5)
        #expect(left == .empty(slots: 48) && open == Array(0..<48))
        let two = EstimationRules(days: 3, minimumDays: 2)
        #expect(
            estimate(.empty(slots: 48), history: Array(history.prefix(5)), rules: two, batch: 5).block.values[0] == 15)
    }
}
