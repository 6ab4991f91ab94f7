// Samples of the pages of imports, rules, planned outages and reliability.
import Access
import CivilTime
import Foundation
import LoadFiles
import MeterData
import VEE

@testable import Web

extension Samples {
    static func meterData(_ word: String) throws -> [Sample] {
        imports(word, try report(word)) + rules(word) + outages(word)
    }

    /// A report with something in every part of it.
    static func report(_ word: String) throws -> ReadingReport {
        let csv =
            "meter,time,kWh\n\(word.filter { $0.isLetter })x,2026-11-01 00:00,0.125\nB,2026-11-01 00:30,x\n"
            + "B,2026-11-01 01:00,1\n"
        var parser = ReadingFileParser(file: word, zone: .india)
        try parser.feed(Array(csv.utf8))
        var report = try parser.finish().report
        report.notes = [word]
        report.senderCodes = [word: 4, "E52": 9]
        report.clockShifts = [
            .init(day: "2026-11-01", minutes: 60, meters: 40), .init(day: "x", minutes: -30, meters: 20),
        ]
        report.stored = .init()
        (report.duplicates, report.conflicts, report.rounded, report.mergedDays) = (1, 2, 3, 4)
        return report
    }

    private static func imports(_ word: String, _ report: ReadingReport) -> [Sample] {
        let kinds: [String?] = ["csv", "mapped-csv", "nem12", "green-button", "manual", word, nil]
        let rows = kinds.enumerated().map { index, kind in
            ImportsView.Row(
                id: Int64(index + 1), file: word, kind: kind, source: index == 0 ? "cli" : index == 1 ? nil : word,
                rows: 96, values: 90, refused: Int64(index % 2) * 20_001, startedAtMs: nowMs,
                finishedAtMs: index == 2 ? nil : nowMs)
        }
        let refused = [
            ImportPage.Refused(row: 7, what: word, hint: word, text: word),
            ImportPage.Refused(row: 0, what: "the file is empty", hint: "", text: ""),
        ]
        var list = ImportsView()
        (list.rows, list.nextBefore, list.isFirstPage) = (rows, 9, false)
        var looked = list
        looked.typed = ["stamps": "end", "unit": word]
        looked.looked = .init(
            file: word, byteCount: 1_200, held: "aa", report: report, refusals: refused, refusedCount: 60, meters: 1)
        var wrong = ImportsView()
        (wrong.typed, wrong.isListed) = (["channel": word, "zone": word], false)
        wrong.refusal = Refusal(.invalid, "There is no channel \(word).", hint: word, at: "channel")
        let page = ImportPage(row: rows[1], report: report, refusals: refused, after: 50, next: 100)
        var bare = ImportPage(row: rows[2], report: nil, refusals: [], after: 0, next: nil)
        bare.row.refused = 0
        return [("imports", list), ("imports-looked", looked), ("imports-wrong", wrong)].map {
            Sample(name: $0.0, look: .console, place: .imports, page: $0.1)
        }
            + [("import", page), ("import-bare", bare)].map {
                Sample(name: $0.0, look: .console, place: .imports, page: $0.1)
            }
    }

    private static func rules(_ word: String) -> [Sample] {
        let json = #"{"format":2,"spike":{"floorW":1000},"voltage":{"a":"b"}}"#
        let sets = [
            GroupSets.Row(group: "all", fromDay: day.advanced(by: -90), rules: json, setAtMs: nowMs, by: word),
            GroupSets.Row(group: "all", fromDay: day.advanced(by: -3), rules: json, setAtMs: nowMs, by: word),
            GroupSets.Row(group: "category:\(word)", fromDay: day.advanced(by: 3), rules: nil, setAtMs: 0, by: word),
            GroupSets.Row(group: "place:31", fromDay: day, rules: "no json", setAtMs: nowMs, by: word),
        ]
        var tried = RulesForm(typed: ["group": "all", "rules": json, "reason": word])
        tried.tried = "ab"
        tried.preview = .init(
            metersInGroup: 400, metersLooked: 200, meterDays: 1_400, heldMeterDays: 3,
            counts: [("spike", true, 3), (word, false, 1)],
            examples: [(3, word, day, "spike", "nothing came for 90 minutes")])
        var wrong = RulesForm(typed: ["group": word, "rules": word, "none": "1", "evenPast": "1"])
        wrong.refusal = Refusal(.invalid, "Line 3: \(word): 1 is out of range; give 2 to 4.", hint: word, at: "rules")
        var nothing = RulesForm(typed: ["rules": "{}"])
        nothing.preview = .init(
            metersInGroup: 0, metersLooked: 0, meterDays: 0, heldMeterDays: 0, counts: [], examples: [])
        let groups = [("all", ""), ("place:31", word)]
        let plans = [
            GroupSets.Row(
                group: "place:31", fromDay: day.advanced(by: -9), rules: EstimationPlan.best.json(), setAtMs: nowMs,
                by: word),
            GroupSets.Row(group: "all", fromDay: day.advanced(by: 3), rules: nil, setAtMs: nowMs, by: word),
        ]
        var plan = PlansForm(typed: ["group": word, "plan": word, "none": "1", "evenPast": "1", "reason": word])
        plan.refusal = Refusal(.invalid, "The rules cannot be used: \(word).", hint: word, at: "plan")
        let pages: [(String, any Page)] = [
            ("rules", RulesView(sets: GroupSets(today: day, sets: sets, groups: groups), form: tried)),
            ("rules-wrong", RulesView(sets: GroupSets(today: day, sets: sets, groups: groups), form: wrong)),
            ("rules-none", RulesView(sets: GroupSets(today: day, sets: [], groups: [("all", word)]), form: nothing)),
            ("plans", PlansView(sets: GroupSets(today: day, sets: plans, groups: groups), company: "best", form: plan)),
            (
                "plans-none",
                PlansView(sets: GroupSets(today: day, sets: [], groups: []), company: "no plan", form: PlansForm())
            ),
        ]
        return pages.map { Sample(name: $0.0, look: .console, place: .rules, page: $0.1) }
    }

    private static func outages(_ word: String) -> [Sample] {
        func planned(_ id: Int64, _ calledOff: Int64?) -> PlannedOutage {
            PlannedOutage(
                plannedID: id, placeID: 31, fromMs: nowMs, toMs: nowMs + 7_200_000, why: word, calledOffAtMs: calledOff)
        }
        var view = OutagesView(
            items: [], openCount: 0, show: nil, placeID: 31,
            planned: [(planned(1, nil), word), (planned(2, nowMs), word)], nextAfter: nil, isFirstPage: true)
        let seen = view
        view.places = [(31, word)]
        view.form = PlanForm(
            typed: ["place": "31", "from": word, "reason": word],
            refusal: Refusal(.invalid, "This is no day and time.", hint: word, at: "fromMs"))
        var late = view
        late.form = PlanForm(refusal: Refusal(.invalid, word, at: "reason"), plannedID: 1)
        return [("outages", seen), ("outages-plan", view), ("outages-call-off", late)].map {
            Sample(name: $0.0, look: .console, place: .outages, page: $0.1)
        }
    }
}
