// Every rule that holds a cut back, as a table: facts and rules in, the reasons and the earliest cut out. Each case is
// stored as a record would be and judged again.
import Access
import CivilTime
import Foundation
import Meters
import Supply
import Testing

@Suite struct SupplyCaseTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var rules: @Sendable (inout SupplyRules) -> Void = { _ in }
        var facts: @Sendable (inout SupplyFacts) -> Void = { _ in }
        /// After "the balance is below": what holds. None: cut.
        var holds: [SupplyReason.Code] = []
        /// Days from Thursday, 5 March 2009, and minute of the day; nil: nobody can say.
        var next: (day: Int, minute: Int64)? = (0, 720)
        var testDescription: String { name }
    }

    static let thursday = SupplyRulesTests.thursday
    static let hourMs: Int64 = 3_600_000

    static func ms(_ offset: Int, _ minute: Int64) -> Int64 {
        (Zone.india.startS(of: thursday.advanced(by: offset)) + minute * 60) * 1000
    }

    /// Moves the moment of the decision.
    static func at(_ facts: inout SupplyFacts, _ offset: Int, _ minute: Int) {
        facts.day = thursday.advanced(by: offset)
        facts.minuteOfDay = minute
        facts.nowMs = ms(offset, Int64(minute))
    }

    static func notice(_ threshold: String, _ evidence: [Evidence]) -> [SentNotice] {
        [SentNotice(threshold: threshold, sentAtMs: ms(0, 600), evidence: evidence)]
    }
    static let onPortal = Evidence(channel: "portal", state: "delivered", atMs: ms(0, 600))

    static let windows: [Case] = [
        Case(name: "nothing holds"),
        Case(
            name: "inside the hours of cuts",
            rules: {
                $0.cutFromMinute = 600
                $0.cutToMinute = 780
            }),
        Case(
            name: "the hours of cuts are over",
            rules: {
                $0.cutFromMinute = 600
                $0.cutToMinute = 780
            }, facts: { at(&$0, 0, 780) }, holds: [.outsideCutHours], next: (1, 600)),
        Case(
            name: "the hours of cuts stand instead of the hours without",
            rules: {
                $0.cutFromMinute = 360
                $0.cutToMinute = 420
            },
            facts: {
                at(&$0, 0, 400)
                $0.warnedAtMs = 0
            }, next: (0, 400)),
        Case(
            name: "second Saturday, then Sunday", rules: { $0.noCutNthWeekdays = ["2-6"] }, facts: { at(&$0, 9, 720) },
            holds: [.noCutNthWeekday], next: (11, 660)),
        Case(
            name: "first Saturday", rules: { $0.noCutNthWeekdays = ["2-6"] }, facts: { at(&$0, 2, 720) },
            next: (2, 720)),
        Case(
            name: "a holiday of the company", facts: { $0.holidays = ["2009-03-05", "2009-03-06"] },
            holds: [.noCutHoliday], next: (2, 660)),
        Case(
            name: "holidays do not count", rules: { $0.noCutHolidays = false },
            facts: { $0.holidays = ["2009-03-05"] }),
        Case(
            name: "all cuts are held until the evening",
            facts: {
                $0.hold = StandingHold(reason: "Holi", untilMs: ms(0, 1_080), isAsking: false)
            }, holds: [.companyHold], next: (1, 660)),
        Case(
            name: "a person is asked",
            facts: {
                $0.hold = StandingHold(reason: "300 of 400 accounts", untilMs: nil, isAsking: true)
            }, holds: [.tooManyAtOnce], next: nil),
        Case(name: "between two runs", facts: { $0.turn = .awaitsRun }, holds: [.awaitsRun]),
        Case(name: "the run is full", facts: { $0.turn = .isFull }, holds: [.runIsFull]),
        Case(
            name: "what else holds is named before the run",
            facts: {
                $0.turn = .isFull
                $0.holidays = ["2009-03-05"]
            }, holds: [.noCutHoliday], next: (1, 660)),
    ]

    static let graces: [Case] = [
        Case(
            name: "emergency: three days after the fall, the third is a Sunday", rules: { $0.emergencyDays = 3 },
            facts: { $0.lowSinceMs = $0.nowMs - 2 * hourMs }, holds: [.emergencyCredit], next: (4, 660)),
        Case(
            name: "emergency: a fall that nobody has noted is one of now", rules: { $0.emergencyDays = 1 },
            holds: [.emergencyCredit], next: (1, 660)),
        Case(
            name: "emergency: the days are over", rules: { $0.emergencyDays = 3 },
            facts: {
                $0.lowSinceMs = ms(0, 720)
                at(&$0, 4, 660)
            }, next: (4, 660)),
        Case(
            name: "emergency: the amount to the paisa", rules: { $0.emergencyPaise = 5_000 },
            facts: { $0.balancePaise = -5_000 }, holds: [.emergencyCredit], next: nil),
        Case(
            name: "emergency: the amount is used up",
            rules: {
                $0.emergencyPaise = 5_000
                $0.emergencyDays = 30
            }, facts: { $0.balancePaise = -5_001 }),
        Case(
            name: "emergency: the consumer has not taken it",
            rules: {
                $0.emergencyDays = 3
                $0.emergencyByConsumer = true
            }, facts: { $0.lowSinceMs = $0.nowMs }),
        Case(
            name: "emergency: the consumer took it yesterday",
            rules: {
                $0.emergencyDays = 3
                $0.emergencyByConsumer = true
            }, facts: { $0.emergencyAtMs = ms(-1, 720) }, holds: [.emergencyCredit], next: (2, 660)),
        Case(
            name: "thirty days after conversion", rules: { $0.graceDaysAfterConversion = 30 },
            facts: { $0.convertedOn = "2009-03-01" }, holds: [.afterConversion], next: (26, 660)),
        Case(
            name: "a shielded load", rules: { $0.shieldUpToW = 1_000 }, facts: { $0.sanctionedW = 1_000 },
            holds: [.shieldedLoad], next: nil),
        Case(name: "a load above the shield", rules: { $0.shieldUpToW = 1_000 }, facts: { $0.sanctionedW = 1_001 }),
        Case(
            name: "a debit from a correction alone made the balance low",
            facts: {
                $0.balancePaise = -100
                $0.corrections = [CorrectionDebit(atMs: ms(-1, 720), paise: 500)]
            }, holds: [.correctionGrace], next: (6, 720)),
        Case(
            name: "low without the correction too",
            facts: {
                $0.balancePaise = -501
                $0.corrections = [CorrectionDebit(atMs: ms(-1, 720), paise: 500)]
            }),
        Case(
            name: "a correction that gave as much",
            facts: {
                $0.balancePaise = -100
                $0.corrections = [
                    CorrectionDebit(atMs: ms(-1, 720), paise: 500), CorrectionDebit(atMs: ms(0, 60), paise: -500),
                ]
            }),
        Case(
            name: "of two corrections the older ends first",
            facts: {
                $0.balancePaise = -100
                $0.corrections = [
                    CorrectionDebit(atMs: ms(-1, 720), paise: 50), CorrectionDebit(atMs: ms(-6, 720), paise: 60),
                ]
            }, holds: [.correctionGrace], next: (1, 720)),
        Case(
            name: "the grace is over, but nothing was charged for use since",
            facts: {
                $0.balancePaise = -100
                $0.uncoveredCorrectionPaise = 500
            }, holds: [.correctionAlone], next: nil),
        Case(
            name: "charges lag four days", facts: { $0.chargedThrough = "2009-03-01" }, holds: [.chargesLag],
            next: nil),
        Case(name: "charges lag three days", facts: { $0.chargedThrough = "2009-03-02" }),
        Case(
            name: "lag is not asked", rules: { $0.chargedWithinDays = 0 }, facts: { $0.chargedThrough = "2009-02-01" }),
    ]

    static let noticeCases: [Case] = [
        Case(
            name: "written on the portal two hours ago",
            facts: {
                $0.warnedAtMs = nil
                $0.notices = notice("warn", [onPortal])
            }),
        Case(
            name: "written, but must be opened", rules: { $0.noticeProof = ["portal:shown", "sms:delivered"] },
            facts: {
                $0.warnedAtMs = nil
                $0.notices = notice("warn", [onPortal, Evidence(channel: "sms", state: "sent", atMs: ms(0, 601))])
            }, holds: [.noticeNotProven], next: nil),
        Case(
            name: "the text message came half an hour ago",
            rules: { $0.noticeProof = ["portal:shown", "sms:delivered"] },
            facts: {
                $0.warnedAtMs = nil
                $0.notices = notice("warn", [onPortal, Evidence(channel: "sms", state: "delivered", atMs: ms(0, 690))])
            }, holds: [.warningTooFresh], next: (0, 750)),
        Case(
            name: "never warned: the notice goes out now", facts: { $0.warnedAtMs = nil }, holds: [.warningTooFresh],
            next: (0, 780)),
        Case(
            name: "the notice of the lowest threshold counts",
            rules: { $0.noticesBelow = ["30%", "10%", "0"] },
            facts: {
                $0.warnedAtMs = nil
                $0.lastRechargePaise = 100_000
                $0.notices = notice("30%", [onPortal]) + notice("10%", [onPortal])
            }, holds: [.warningTooFresh], next: (0, 780)),
    ]

    @Test(arguments: windows + graces + noticeCases)
    func whatHoldsAndUntilWhen(_ item: Case) throws {
        var rules = SupplyRules()
        item.rules(&rules)
        let facts = SupplyRulesTests.facts(item.facts)
        let verdict = rules.decide(facts)
        #expect(verdict.reasons.map(\.code) == [.balanceBelowThreshold] + item.holds)
        #expect(verdict.wanted == (item.holds.isEmpty ? .open : .closed))
        #expect(verdict.notBeforeMs == item.next.map { Self.ms($0.day, $0.minute) })
        // As a record: through its texts, and judged again.
        let text = try JSONEncoder().encode(facts)
        let again = try SupplyRules(json: rules.json()).decide(try JSONDecoder().decode(SupplyFacts.self, from: text))
        #expect(again == verdict)
    }

    @Test(
        arguments: [
            (30_000, [], []), (29_999, [], ["30%"]), (29_999, ["30%"], []), (9_999, ["30%"], ["10%"]),
            (-1, ["30%", "10%"], ["0"]), (-1, [], ["30%", "10%", "0"]),
        ] as [(Int64, [String], [String])])
    func noticesGoOutOnceForEachFall(_ balancePaise: Int64, _ sent: [String], _ due: [String]) {
        var rules = SupplyRules()
        rules.noticesBelow = ["30%", "10%", "0"]
        let verdict = rules.decide(
            SupplyRulesTests.facts {
                $0.balancePaise = balancePaise
                $0.warnedAtMs = nil
                $0.lastRechargePaise = 100_000
                $0.notices = sent.map { SentNotice(threshold: $0, sentAtMs: $0.count == 1 ? 1 : 2, evidence: []) }
            })
        #expect(verdict.notices == due)
    }

    @Test func aHoldOfTheCompanyStopsOrdersTooButRestoresNobody() {
        let hold = StandingHold(reason: "Holi", untilMs: Self.ms(1, 0), isAsking: false)
        let ordered = SupplyRules().decide(
            SupplyRulesTests.facts {
                $0.order = "tampering"
                $0.hold = hold
            })
        #expect(ordered.wanted == .closed && ordered.reasons.map(\.code) == [.ordered, .companyHold])
        let dark = SupplyRules().decide(
            SupplyRulesTests.facts {
                $0.wanted = .open
                $0.hold = hold
            })
        #expect(dark.wanted == .open && dark.reasons.map(\.code) == [.notYetRestored])
    }

    @Test(
        arguments: [(999, false, false), (1_000, false, true), (1_000, true, false), (1_001, true, true)]
            as [(Int64, Bool, Bool)])
    func restoringMayHaveToBeExceeded(_ balancePaise: Int64, _ mustExceed: Bool, _ isRestored: Bool) {
        var rules = SupplyRules()
        rules.restoreMustExceed = mustExceed
        let verdict = rules.decide(
            SupplyRulesTests.facts {
                $0.wanted = .open
                $0.balancePaise = balancePaise
            })
        #expect((verdict.wanted == .closed) == isRestored)
    }

    @Test func takingTheEmergencyCreditRestores() {
        var rules = SupplyRules()
        (rules.emergencyDays, rules.emergencyByConsumer) = (2, true)
        let verdict = rules.decide(
            SupplyRulesTests.facts {
                $0.wanted = .open
                $0.emergencyAtMs = $0.nowMs
            })
        #expect(verdict.wanted == .closed && verdict.reasons.map(\.code) == [.balanceBelowThreshold, .emergencyCredit])
    }

    @Test func rulesOfBeforeKeepTheirText() throws {
        let text = SupplyRules().json()
        #expect(!text.contains("emergency") && !text.contains("noticeProof"))
        var rules = SupplyRules()
        rules.noticesBelow = ["30%", "0"]
        rules.noticeProof = ["sms:delivered"]
        (rules.cutFromMinute, rules.cutToMinute) = (600, 780)
        (rules.emergencyPaise, rules.emergencyDays, rules.emergencyByConsumer) = (5_000, 3, true)
        (rules.noCutNthWeekdays, rules.noCutHolidays, rules.restoreMustExceed) = (["2-6"], false, true)
        (rules.graceDaysAfterConversion, rules.shieldUpToW) = (30, 1_000)
        (rules.correctionGraceDays, rules.chargedWithinDays) = (14, 5)
        #expect(try SupplyRules(json: rules.json()) == rules)
    }

    @Test(arguments: [
        "\"cutFromMinute\":600", "\"cutFromMinute\":600,\"cutToMinute\":600", "\"noCutNthWeekdays\":[\"6-6\"]",
        "\"noticesBelow\":[\"101%\"]", "\"noticesBelow\":[\"0.5\"]", "\"noticeProof\":[]",
        "\"noticeProof\":[\"sms:sent\"]", "\"emergencyDays\":0", "\"emergencyByConsumer\":true",
        "\"graceDaysAfterConversion\":-1", "\"shieldUpToW\":\"1\"", "\"chargedWithinDays\":61",
    ])
    func badRulesAreRefusedWithARemedy(_ more: String) throws {
        let text = SupplyRules().json().dropLast() + "," + more + "}"
        let refusal = #expect(throws: Refusal.self) { try SupplyRules(json: String(text)) }
        #expect(refusal?.hint.isEmpty == false)
    }
}
