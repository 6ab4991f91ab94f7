// The checks beyond the five: each with a day it must find, one it must leave alone, and the edge between.
import CivilTime
import IntervalData
import Testing

@testable import VEE

@Suite struct MoreChecks {
    /// One check alone, the five off.
    private func only(_ set: (inout ValidationRules) -> Void) -> ValidationRules {
        var rules = ValidationRules(
            zero: nil, negative: false, spike: nil, consecutiveZeroes: nil, timeTolerance: nil)
        set(&rules)
        return rules
    }

    private func day(_ totalWh: Int32) -> DayBlock { block([Int32?](repeating: totalWh / 48, count: 48)) }

    @Test func standardLeavesAnOrdinaryDayAlone() {
        let values = ordinaryDay()
        let sum = values.reduce(Int64(0)) { $0 + Int64($1 ?? 0) }
        #expect(validate(input(values, registers: (1000, 1000 + sum), driftS: -20)) == [])
        var whole = input(values, registers: (1000, 1000 + sum), driftS: -20)
        whole.history = (0..<30).map { day in block(values.map { ($0 ?? 0) + Int32(day % 5) }) }
        whole.channels = [
            .exportWh: .init(repeating: 0, count: 48), .voltagePhaseA: .init(repeating: 231_000, count: 48),
            .voltagePhaseB: .init(repeating: 0, count: 48), .currentPhaseA: .init(repeating: 4000, count: 48),
        ]
        // The day before at the same time, value by value: that alone speaks.
        #expect(validate(whole, rules: .all).map(\.rule) == [.duplicate])
        whole.history = whole.history.map { $0.replacing([(0, 3), (9, 7)], quality: .actual, batch: 2) }
        whole.history[0] = whole.history[4]
        #expect(validate(whole, rules: .all) == [])
    }

    @Test func highLow() {
        let rules = only { $0.highLow = .init(minimumPercent: 50, maximumPercent: 200, minimumDays: 7, floorWh: 100) }
        var input = input([Int32?](repeating: 200, count: 48))
        input.history = (0..<7).map { _ in day(4800) }
        // 9,600 Wh is 200 % of 4,800.
        #expect(validate(input, rules: rules) == [])
        input.values[0] = 247
        #expect(validate(input, rules: rules) == [])
        input.values[1] = 301
        let high = validate(input, rules: rules)
        #expect(high.map(\.rule) == [.highLow] && high[0].measured == 203 && high[0].limit == 200)
        #expect(high[0].severity == .warning && high[0].slots == 0..<48)
        input.values = [Int32?](repeating: 49, count: 48)
        #expect(validate(input, rules: rules).map(\.measured) == [49])
        // Too few days, a gap, and days of estimates do not speak.
        input.values[3] = nil
        #expect(validate(input, rules: rules) == [])
        input.values[3] = 49
        input.history[2] = block([Int32?](repeating: 100, count: 48), quality: .estimated)
        #expect(validate(input, rules: rules) == [])
    }

    @Test func sumCheck() {
        let rules = only { $0.sumCheck = .init(unitWh: 10) }
        let values = [Int32?](repeating: 10, count: 48)
        #expect(validate(input(values, registers: (0, 490)), rules: rules) == [])
        #expect(validate(input(values, registers: (0, 470)), rules: rules) == [])
        #expect(validate(input(values, registers: (0, 491)), rules: rules).map(\.measured) == [-11])
        let over = validate(input(values, registers: (0, 469)), rules: rules)
        #expect(over.map(\.rule) == [.sumCheck] && over[0].severity == .warning)
        #expect(
            over[0].message == "the slots hold 480 Wh, the register moved 469 Wh; 10 Wh apart are allowed")
        // What the register moved more may lie in the gap; what it moved less cannot.
        var gap = values
        gap[7] = nil
        #expect(validate(input(gap, registers: (0, 900)), rules: rules) == [])
        #expect(validate(input(gap, registers: (0, 400)), rules: rules).count == 1)
        // Not read, gone backwards, overflow.
        #expect(validate(input(values), rules: rules) == [])
        #expect(validate(input(values, registers: (500, 0)), rules: rules) == [])
        #expect(validate(input(values, registers: (.min, .max)), rules: rules) == [])
    }

    @Test func sumCheckOverASpan() {
        let rules = only { $0.sumCheck = .init(unitWh: 10) }
        var input = input([Int32?](repeating: 10, count: 48))
        input.span = RegisterSpan(days: 3, movedWh: 1500, earlierWh: 1000, hasGaps: false)
        let found = validate(input, rules: rules)
        #expect(found.map(\.measured) == [-20] && found[0].message.contains("over 3 days"))
        input.span?.movedWh = 1490
        #expect(validate(input, rules: rules) == [])
        input.span = RegisterSpan(days: 3, movedWh: 9000, earlierWh: 1000, hasGaps: true)
        #expect(validate(input, rules: rules) == [])
        input.span?.movedWh = 100
        #expect(validate(input, rules: rules).count == 1)
        // The day's own registers come first.
        (input.registerStartWh, input.registerEndWh) = (0, 480)
        #expect(validate(input, rules: rules) == [])
    }

    @Test func reverseEnergy() {
        let rules = only { $0.reverseEnergy = .init(toleranceWh: 5) }
        var input = input(ordinaryDay())
        #expect(validate(input, rules: rules) == [])
        var exported = [Int32?](repeating: 5, count: 48)
        input.channels = [.exportWh: exported]
        #expect(validate(input, rules: rules) == [])
        (exported[20], exported[21], exported[30]) = (6, 900, nil)
        input.channels = [.exportWh: exported]
        let found = validate(input, rules: rules)
        #expect(found.map(\.slots) == [20..<22] && found[0].measured == 906 && found[0].rule == .reverseEnergy)
    }

    @Test func missing() {
        let rules = only { $0.missing = .init(minutes: 60) }
        var values = ordinaryDay()
        values[5] = nil
        #expect(validate(input(values), rules: rules) == [])
        (values[6], values[47]) = (nil, nil)
        let found = validate(input(values), rules: rules)
        #expect(found.map(\.slots) == [5..<7] && found[0].measured == 60 && found[0].rule == .missing)
        #expect(validate(input([Int32?](repeating: nil, count: 48)), rules: rules).map(\.slots) == [0..<48])
    }

    @Test func duplicateOfTheDayBefore() {
        let rules = only { $0.duplicate = .init(minutes: 360, minimumDistinct: 8) }
        let values = (0..<48).map { Int32(100 + $0 * 7 % 41) as Int32? }
        var other = values.map { ($0 ?? 0) + 1 as Int32? }
        for slot in 10..<22 { other[slot] = values[slot] }
        let found = validate(input(values, history: [block(other)]), rules: rules)
        #expect(found.map(\.slots) == [10..<22] && found[0].rule == .duplicate && found[0].measured == 12)
        other[10] = 0
        #expect(validate(input(values, history: [block(other)]), rules: rules) == [])
        // The day before last, estimates and an empty house repeat by nature.
        #expect(validate(input(values, history: [block(other), block(values)]), rules: rules) == [])
        #expect(validate(input(values, history: [block(values, quality: .estimated)]), rules: rules) == [])
        let flat = [Int32?](repeating: 4, count: 48)
        #expect(validate(input(flat, history: [block(flat)]), rules: rules) == [])
    }

    @Test func duplicateWithinTheDay() {
        let rules = only { $0.duplicate = .init(minutes: 360, minimumDistinct: 8) }
        var values = (0..<48).map { Int32(100 + $0 * $0) as Int32? }
        for slot in 20..<32 { values[slot] = values[slot - 12] }
        #expect(validate(input(values), rules: rules).map(\.slots) == [20..<32])
        values[31] = nil
        #expect(validate(input(values), rules: rules) == [])
        #expect(validate(input(Array(values.prefix(6))), rules: rules) == [])
    }

    @Test func clockDriftBelowTheHardLimit() {
        let rules = ValidationRules.standard
        #expect(validate(input(ordinaryDay(), driftS: 120), rules: rules) == [])
        let soft = validate(input(ordinaryDay(), driftS: -121), rules: rules)
        #expect(soft.map(\.rule) == [.clockDrift] && soft[0].severity == .warning)
        #expect(validate(input(ordinaryDay(), driftS: 300), rules: rules).map(\.rule) == [.clockDrift])
        #expect(validate(input(ordinaryDay(), driftS: 301), rules: rules).map(\.rule) == [.timeTolerance])
        let alone = only { $0.clockDrift = .init() }
        #expect(validate(input(ordinaryDay(), driftS: .min), rules: alone).map(\.rule) == [.clockDrift])
    }

    @Test func voltageAndCurrent() {
        let rules = only {
            $0.voltage = .init(nominalMV: 230_000, minimumPercent: 60, maximumPercent: 130)
            $0.current = .init(maximumMA: 60_000)
        }
        var volts = [Int32?](repeating: 230_000, count: 48)
        (volts[0], volts[1], volts[2]) = (138_000, 299_000, nil)
        var amperes = [Int32?](repeating: 60_000, count: 48)
        amperes[4] = -60_000
        var input = input(ordinaryDay())
        input.channels = [
            .voltagePhaseA: volts, .voltagePhaseB: .init(repeating: 0, count: 48), .currentPhaseA: amperes,
        ]
        #expect(validate(input, rules: rules) == [])
        (volts[0], volts[1]) = (137_999, 299_001)
        amperes[5] = 60_001
        input.channels = [.voltagePhaseA: volts, .currentPhaseC: amperes]
        let found = validate(input, rules: rules)
        #expect(found.map(\.rule) == [.voltage, .current] && found.map(\.slots) == [0..<2, 5..<6])
        #expect(found.map(\.unit) == ["mV", "mA"] && found[1].message.contains("phase C"))
        // Without supply a phase reads nothing.
        (volts[0], volts[1]) = (0, 0)
        input.channels = [.voltagePhaseA: volts]
        input.outages = [0..<2]
        #expect(validate(input, rules: rules) == [])
    }

    @Test func loadFactor() {
        let rules = only { $0.loadFactor = .init(minimumPercent: 5, maximumPercent: 98, floorW: 500) }
        #expect(validate(input(ordinaryDay()), rules: rules) == [])
        let stuck = [Int32?](repeating: 250, count: 48)
        #expect(validate(input(stuck), rules: rules).map(\.measured) == [100])
        // Below the floor, or with a gap, nothing is said.
        #expect(validate(input([Int32?](repeating: 249, count: 48)), rules: rules) == [])
        #expect(validate(input(stuck.dropLast() + [nil]), rules: rules) == [])
        var lone = [Int32?](repeating: 0, count: 48)
        lone[9] = 1000
        #expect(validate(input(lone), rules: rules).map(\.measured) == [2])
        lone[10] = 1000
        lone[11] = 1000
        #expect(validate(input(lone), rules: rules) == [])
    }

    @Test func demandAboveSanctioned() {
        let rules = only { $0.demandAboveSanctioned = .init(percent: 120) }
        var values = ordinaryDay()
        values[20] = 1800
        #expect(validate(input(values), rules: rules) == [])
        values[20] = 1801
        let found = validate(input(values), rules: rules)
        #expect(found.map(\.slots) == [20..<21] && found[0].measured == 3602 && found[0].limit == 3600)
        #expect(validate(input(values, sanctionedW: 0), rules: rules) == [])
    }

    @Test func unchangedMeter() {
        let rules = only { $0.unchangedMeter = .init(days: 4) }
        let zeros = [Int32?](repeating: 0, count: 48)
        var input = input(zeros, history: [block(zeros), block(zeros), block(zeros)])
        #expect(validate(input, rules: rules).map(\.measured) == [4])
        input.isDisconnected = true
        #expect(validate(input, rules: rules) == [])
        input.isDisconnected = false
        input.outages = [0..<48]
        #expect(validate(input, rules: rules) == [])
        input.outages = [0..<47]
        #expect(validate(input, rules: rules).count == 1)
        input.history[1].values[5] = 1
        #expect(validate(input, rules: rules) == [])
        #expect(rules.historyDays == 3 && ValidationRules.all.historyDays == 28)
    }

    @Test func zerosThatAnOutageExplains() {
        var values = ordinaryDay()
        for slot in 5..<33 { values[slot] = 0 }
        var dark = input(values)
        #expect(validate(dark).map(\.rule) == [.consecutiveZeroes])
        dark.outages = [4..<20]
        #expect(validate(dark).map(\.rule) == [.consumptionInOutage])
        dark.outages = [5..<20]
        #expect(validate(dark) == [])
        // What is left is long enough again.
        dark.outages = [5..<9]
        #expect(validate(dark).map(\.rule) == [.consecutiveZeroes])
        dark.values = .init(repeating: 0, count: 48)
        dark.outages = [0..<48]
        #expect(validate(dark) == [])
        #expect(validate(dark, rules: .five).count == 1)
    }

    @Test func consumptionInAnOutage() {
        var dark = input(ordinaryDay())
        dark.outages = [3..<5, 40..<41]
        let found = validate(dark)
        #expect(found.map(\.rule) == [.consumptionInOutage, .consumptionInOutage])
        #expect(found.map(\.slots) == [3..<5, 40..<41])
        dark.values[3] = 0
        dark.values[4] = 0
        dark.values[40] = nil
        #expect(validate(dark) == [])
    }

    @Test func tamperBySetting() {
        var input = input(ordinaryDay())
        #expect(validate(input) == [])
        input.tamperEvents = 2
        #expect(validate(input).map(\.severity) == [.warning])
        var hard = ValidationRules.standard
        hard.severities = ["tamper": .hard]
        let found = validate(input, rules: hard)
        #expect(found.map(\.severity) == [.hard] && found[0].slots == 0..<48)
        hard.tamperContext = .init(minimumEvents: 3)
        #expect(validate(input, rules: hard) == [])
    }

    @Test func severityByRule() {
        var values = ordinaryDay()
        values[3] = -5
        var rules = ValidationRules.standard
        rules.severities = ["negative": .warning, "sumCheck": .hard, "zeroConsumption": .hard]
        #expect(validate(input(values), rules: rules).map(\.severity) == [.warning])
        let zeros = [Int32?](repeating: 0, count: 48)
        // Hard does not hold back a zero that the register confirms; soft lets one through that it contradicts.
        #expect(validate(input(zeros, registers: (5, 5)), rules: rules).allSatisfy { $0.severity == .warning })
        let moved = validate(input(zeros, registers: (5, 4005)), rules: rules)
        #expect(moved.map(\.rule) == [.zeroConsumption, .consecutiveZeroes, .sumCheck])
        #expect(moved.allSatisfy { $0.severity == .hard })
        rules.severities = ["zeroConsumption": .warning]
        #expect(validate(input(zeros, registers: (5, 4005)), rules: rules)[0].severity == .warning)
    }
}

@Suite struct RulesText {
    /// What was stored when there were five checks alone still means the same.
    @Test func format1IsRead() throws {
        let stored = """
            {"consecutiveZeroes":{"minutes":600},"format":1,"negative":true,"spike":{"floorW":3000,\
            "impossiblePercentOfSanctioned":1000,"percentAboveThird":180,"percentOfSanctioned":150},\
            "timeTolerance":{"maximumDriftS":300},"zero":{"registerToleranceWh":10,"withoutRegister":"warning"}}
            """
        let rules = try ValidationRules(json: stored)
        #expect(rules == ValidationRules(consecutiveZeroes: .init(minutes: 600)) && rules.format == 2)
        #expect(throws: RulesError.self) {
            try ValidationRules(json: #"{"format":1,"negative":true,"sumCheck":{"unitWh":10}}"#)
        }
    }

    @Test func goldenText() throws {
        #expect(
            ValidationRules.standard.json() == """
                {"clockDrift":{"softDriftS":120},"consecutiveZeroes":{"minutes":720},\
                "duplicate":{"minimumDistinct":8,"minutes":360},"format":2,"negative":true,\
                "outageContext":{"toleranceWh":0},"spike":{"floorW":3000,"impossiblePercentOfSanctioned":1000,\
                "percentAboveThird":180,"percentOfSanctioned":150},"sumCheck":{"unitWh":10},\
                "tamperContext":{"minimumEvents":1},"timeTolerance":{"maximumDriftS":300},\
                "zero":{"registerToleranceWh":10,"withoutRegister":"warning"}}
                """)
        for rules in [ValidationRules.five, .standard, .all] {
            #expect(try ValidationRules(json: rules.json()) == rules)
        }
        var weighed = ValidationRules.all
        weighed.severities = ["highLow": .hard]
        #expect(try ValidationRules(json: weighed.json()) == weighed)
    }

    @Test(arguments: [
        (#"{"format":2,"negative":true,"severities":{"hihgLow":"hard"}}"#, "severities.hihgLow"),
        (#"{"format":2,"negative":true,"severities":{"highLow":"soft"}}"#, "severities.highLow"),
        (#"{"format":2,"negative":true,"duplicate":{"minimumDistinct":8,"minutes":5}}"#, "duplicate.minutes"),
        (#"{"format":2,"negative":true,"highLow":{"days":0}}"#, "highLow.days"),
        (#"{"format":2,"negative":true,"unchangedMeter":{"days":1}}"#, "unchangedMeter.days: 1 is out of range"),
    ])
    func badText(json: String, words: String) {
        let error = #expect(throws: RulesError.self) { try ValidationRules(json: json) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
}
