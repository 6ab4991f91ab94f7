// The rules of cutting and restoring as a table of facts and verdicts.
import Access
import CivilTime
import Meters
import Supply
import Testing

@Suite struct SupplyRulesTests {
    /// Thursday, 5 March 2009.
    static let thursday = CivilDay(year: 2009, month: 3, day: 5)!
    static let rules = SupplyRules()

    /// Noon on a working day, long warned, below the threshold: the plain case for a cut.
    static func facts(_ change: (inout SupplyFacts) -> Void = { _ in }) -> SupplyFacts {
        let nowMs = (Zone.india.startS(of: thursday) + 12 * 3600) * 1000
        var facts = SupplyFacts(
            balancePaise: -1, estimatedChargesPaise: 0, wanted: .closed, day: thursday, minuteOfDay: 720, nowMs: nowMs,
            warnedAtMs: nowMs - 3_600_000, order: nil)
        change(&facts)
        return facts
    }

    @Test func aWarnedConsumerBelowTheThresholdIsCut() {
        let verdict = Self.rules.decide(Self.facts())
        #expect(verdict.wanted == .open && !verdict.warn)
        #expect(verdict.reasons == [SupplyReason(.balanceBelowThreshold, "0")])
    }

    @Test(arguments: [(-1, .open), (0, .closed), (1, .closed)] as [(Int64, RelayWish)])
    func theThresholdItselfIsNotBelow(_ balancePaise: Int64, _ wanted: RelayWish) {
        #expect(Self.rules.decide(Self.facts { $0.balancePaise = balancePaise }).wanted == wanted)
    }

    @Test(
        arguments: [(-500, .open), (0, .open), (999, .open), (1_000, .closed), (50_000, .closed)]
            as [(Int64, RelayWish)]
    )
    func restoringTakesTheHigherThreshold(_ balancePaise: Int64, _ wanted: RelayWish) {
        let verdict = Self.rules.decide(
            Self.facts {
                $0.wanted = .open
                $0.balancePaise = balancePaise
            })
        #expect(verdict.wanted == wanted)
        #expect(verdict.reasons.map(\.code) == (wanted == .open ? [.notYetRestored] : [.balanceGood]))
        #expect(!verdict.warn, "who is cut is not warned")
    }

    @Test(arguments: [
        (659, true), (660, false), (1_049, false), (1_050, true), (1_439, true), (0, true),
    ])
    func noCutHoursGoOverMidnight(_ minute: Int, _ isHeld: Bool) {
        let verdict = Self.rules.decide(Self.facts { $0.minuteOfDay = minute })
        #expect((verdict.wanted == .closed) == isHeld)
        #expect(verdict.reasons.contains { $0.code == .noCutHours } == isHeld)
        #expect(verdict.reasons.contains { $0.code == .balanceBelowThreshold })
    }

    @Test func noCutHoursWithinADayAndNone() {
        var rules = Self.rules
        rules.noCutFromMinute = 600
        rules.noCutToMinute = 800
        #expect(rules.hold(day: Self.thursday, minuteOfDay: 599) == nil)
        #expect(rules.hold(day: Self.thursday, minuteOfDay: 600)?.code == .noCutHours)
        #expect(rules.hold(day: Self.thursday, minuteOfDay: 799)?.code == .noCutHours)
        #expect(rules.hold(day: Self.thursday, minuteOfDay: 800) == nil)
        rules.noCutToMinute = 600
        for minute in 0..<1_440 { #expect(rules.hold(day: Self.thursday, minuteOfDay: minute) == nil) }
    }

    @Test func weekdaysAndDays() {
        let sunday = Self.thursday.advanced(by: 3)
        #expect(Self.rules.hold(day: sunday, minuteOfDay: 720)?.code == .noCutWeekday)
        #expect(Self.rules.hold(day: sunday.advanced(by: 1), minuteOfDay: 720) == nil)
        var rules = Self.rules
        rules.noCutDays = ["2009-03-05"]
        #expect(rules.hold(day: Self.thursday, minuteOfDay: 720)?.code == .noCutDay)
        #expect(rules.hold(day: Self.thursday.advanced(by: 7), minuteOfDay: 720) == nil)
    }

    @Test(arguments: [(0, true), (99, true), (100, false), (101, false)] as [(Int64, Bool)])
    func nobodyIsCutOnAGuess(_ estimatedPaise: Int64, _ isCut: Bool) {
        // 100 paise below: with charges of 100 paise that are a guess, the threshold might not be passed at all.
        let verdict = Self.rules.decide(
            Self.facts {
                $0.balancePaise = -100
                $0.estimatedChargesPaise = estimatedPaise
            })
        #expect((verdict.wanted == .open) == isCut)
        #expect(verdict.reasons.contains { $0.code == .restsOnEstimate } == !isCut)
    }

    @Test func aWarningComesFirst() {
        let unwarned = Self.rules.decide(Self.facts { $0.warnedAtMs = nil })
        #expect(unwarned.wanted == .closed && unwarned.warn)
        #expect(unwarned.reasons.contains { $0.code == .warningTooFresh })
        let fresh = Self.rules.decide(Self.facts { $0.warnedAtMs = $0.nowMs - 3_599_999 })
        #expect(fresh.wanted == .closed && !fresh.warn, "one warning is enough")
        #expect(Self.rules.decide(Self.facts { $0.warnedAtMs = $0.nowMs - 3_600_000 }).wanted == .open)
    }

    @Test(arguments: [(9_999, true), (10_000, false)] as [(Int64, Bool)])
    func warningsBeginAtTheirOwnThreshold(_ balancePaise: Int64, _ warns: Bool) {
        let verdict = Self.rules.decide(
            Self.facts {
                $0.balancePaise = balancePaise
                $0.warnedAtMs = nil
            })
        #expect(verdict.warn == warns && verdict.wanted == .closed)
    }

    @Test func anOrderStandsAboveBalanceAndHours() {
        let verdict = Self.rules.decide(
            Self.facts {
                $0.order = "tampering"
                $0.balancePaise = 1_000_000
                $0.minuteOfDay = 0
                $0.warnedAtMs = nil
            })
        #expect(verdict.wanted == .open && !verdict.warn)
        #expect(verdict.reasons == [SupplyReason(.ordered, "tampering")])
    }

    @Test func everyReasonThatHoldsIsNamed() {
        let verdict = Self.rules.decide(
            Self.facts {
                $0.day = Self.thursday.advanced(by: 3)
                $0.balancePaise = -100
                $0.estimatedChargesPaise = 100
                $0.warnedAtMs = $0.nowMs
            })
        #expect(
            verdict.reasons.map(\.code)
                == [.balanceBelowThreshold, .noCutWeekday, .restsOnEstimate, .warningTooFresh])
        #expect(verdict.reasons.dropFirst().allSatisfy { $0.code.holdsCut })
    }

    @Test func nobodyIsCutBeforeTheConversionIsPosted() {
        let held = Self.rules.decide(
            Self.facts {
                $0.balancePaise = -100
                $0.isConverting = true
            })
        #expect(held.wanted == .closed && held.reasons.map(\.code) == [.balanceBelowThreshold, .conversionOpen])
        #expect(Self.rules.decide(Self.facts { $0.balancePaise = -100 }).wanted == .open)
    }

    @Test func theNextTimeACutMayBe() throws {
        func ms(_ offset: Int, _ minute: Int64) -> Int64 {
            (Zone.india.startS(of: Self.thursday.advanced(by: offset)) + minute * 60) * 1000
        }
        func next(_ fromMs: Int64, _ rules: SupplyRules = Self.rules) -> Int64? {
            rules.nextCutMs(fromMs: fromMs, zone: .india)
        }
        #expect(next(ms(0, 720)) == ms(0, 720))
        #expect(next(ms(0, 61)) == ms(0, 660))
        #expect(next(ms(0, 1_050)) == ms(1, 660))
        // Saturday evening: Sunday is free, so Monday.
        #expect(next(ms(2, 1_200)) == ms(4, 660))
        var never = Self.rules
        never.noCutWeekdays = [1, 2, 3, 4, 5, 6, 7]
        #expect(next(ms(0, 720), never) == nil)
    }

    @Test func rulesSurviveTheirJSON() throws {
        var rules = Self.rules
        rules.noCutDays = ["2026-11-08"]
        rules.cutBelowPaise = -5_000
        #expect(try SupplyRules(json: rules.json()) == rules)
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"cutBelowPaise\":0}", "not json",
        SupplyRules().json().replacing("\"cutBelowPaise\":0", with: "\"cutBelowPaise\":5000"),
        SupplyRules().json().replacing("\"cutBelowPaise\":0", with: "\"cutBelowPaise\":\"0\""),
        SupplyRules().json().replacing("cutBelowPaise", with: "cutBelowRupees"),
        SupplyRules().json().replacing("\"noCutFromMinute\":1050", with: "\"noCutFromMinute\":1441"),
        SupplyRules().json().replacing("\"noCutWeekdays\":[7]", with: "\"noCutWeekdays\":[0]"),
        SupplyRules().json().replacing("\"noCutDays\":[]", with: "\"noCutDays\":[\"2026-02-30\"]"),
        SupplyRules().json().replacing("\"minutesAfterWarning\":60", with: "\"minutesAfterWarning\":-1"),
    ])
    func badRulesAreRefusedWithARemedy(_ json: String) throws {
        let refusal = #expect(throws: Refusal.self) { try SupplyRules(json: json) }
        #expect(refusal?.hint.isEmpty == false)
    }
}
