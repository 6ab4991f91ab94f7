// PackDraftPageView: the designer of tariffs: text on one side, on the other what it means: the price sheet, and the
// bill of a test load; what is wrong stands at its line. Shows; Packs checks and Tariffs prices.
import Access
import CivilTime
import Packs
import Quantities
import Rating
import Tariffs

/// What somebody typed in the designer, and what was wrong with it.
public struct DraftForm: Sendable {
    var typed: [String: String]
    var refusal: Refusal?
    /// Of the test load alone.
    var testRefusal: Refusal?

    init(typed: [String: String] = [:]) { self.typed = typed }
    init(_ draft: PackDraft) {
        typed = ["text": draft.text, "note": draft.note, "revision": "\(draft.revision)"]
    }

    /// - Throws: ``Refusal`` for an amount that is none.
    func testLoad() throws -> TestLoad {
        let load = typed["load"] ?? TestLoad.Shape.household.rawValue
        let watts = try whole("kw", or: "5", places: 3, 0...10_000_000_000)
        guard load != "account" else {
            return TestLoad(.account(String((typed["account"] ?? "").prefix(64))), contractedW: watts)
        }
        let daily = try whole("daily", or: "8", places: 3, 1...TestLoad.dailyWhMax)
        return TestLoad(
            .shape(TestLoad.Shape(rawValue: load) ?? .household, dailyWh: daily), contractedW: watts)
    }

    private func whole(_ name: String, or usual: String, places: Int, _ range: ClosedRange<Int64>) throws -> Int64 {
        let text = typed[name].flatMap { $0.isEmpty ? nil : $0 } ?? usual
        guard let value = decimalNumber(text, places: places), range.contains(value) else {
            throw Refusal(.invalid, "This is no amount.", hint: "Write it like 8 or 8.5.", at: name)
        }
        return value
    }

    /// A small tariff to begin with.
    static func example(_ today: CivilDay) -> String {
        """
        format: 1
        id: LT-NEW
        version: 1
        name: New tariff
        validFrom: \(today.month.next.next.first)
        calendars:
          tod:
            - bands: {peak: 18:00-22:00, solar: 09:00-17:00, normal: [00:00-09:00, 17:00-18:00, 22:00-24:00]}
        components:
          - {id: fixed, kind: fixed, label: Fixed charge, perKW: 50}
          - {id: energy, kind: energy, label: Energy, calendar: tod, perKWh: {peak: 7.20, solar: 4.80, normal: 6}}
          - {id: duty, kind: duty, label: Electricity duty, percent: 5, of: [energy]}

        """
    }
}

public struct PackDraftPageView: Page {
    public static let template = "packdraft"
    var draft: PackDraft?
    var form: DraftForm
    var tariff: Tariff?
    var tried: TestLoad.Tried?
    var people: [Int64: String]
    var whatIfs: [WhatIf]
    var others: [String]
    /// The first day on which it may begin if it is published today; nil is any.
    var earliest: CivilDay?
    var today: CivilDay
    var mayWrite: Bool
    var mayWithdraw: Bool
    var mayDecide: Bool
    var isWriter: Bool
    var key: String
}

extension PackDraftPageView: PageContent {
    func title(_ w: Wording) -> Markup {
        let title: Markup = draft.map { "\($0.name)" } ?? w.say("draft.new")
        return form.refusal == nil ? title : w.say("title.error", ["title": title])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("packsHref", Paths.packs)
        row.set("designerScript", Asset.designer.path)
        row.set("lede", draft.map { "\($0.name)" } ?? w.say("draft.new"))
        row.set("chip", draft.map { draftChip($0.state, w) })
        row.set("action", draft.map { Paths.packDraft($0.draftID) } ?? Paths.packDrafts)
        row.set("history", draft.map { history($0, w) })
        row.set("mayWrite", mayWrite)
        row.set("readOnly", !mayWrite)
        row.set("isStored", draft != nil)
        row.set("revision", "\(form.typed["revision"] ?? draft.map { "\($0.revision)" } ?? "0")" as Markup)
        row.set("formKey", form.typed["key"] ?? key)
        for field in ["text", "note", "reason"] { row.set("in_\(field)", form.typed[field] ?? "") }
        row.set("copyHref", draft.map { mayWrite ? nil : Paths.packDraft(fromDraft: $0.draftID) } ?? nil)
        setFaults(&row, w)
        row.set("sheet", tariff.map { PackSheet(tariff: $0, w: w).values })
        setTest(&row, w)
        row.set("mayWithdraw", mayWithdraw)
        row.set("decides", mayDecide)
        row.set("ownDraft", mayDecide && isWriter)
        row.set("approveLabel", isWriter ? w.say("draft.askSecond") : w.say("draft.approve"))
        if let earliest, let tariff, tariff.validFrom < earliest {
            row.set(
                "notice",
                w.say("draft.notice", ["day": w.fullDay(earliest), "from": w.fullDay(tariff.validFrom)]))
        }
        row.set("evenWithoutNotice", form.typed["evenWithoutNotice"] == "1")
        row.set("mayTry", draft != nil)
        WhatIfForm(draftID: draft?.draftID, others: others, today: today, key: key).set(&row, w)
        row.set("whatIfs", whatIfs.map { whatIfRow($0, w) })
        row.set("hasWhatIfs", !whatIfs.isEmpty)
        return row
    }

    private func name(_ id: Int64) -> Markup { "\(people[id] ?? "busbar")" }

    private func history(_ draft: PackDraft, _ w: Wording) -> Markup {
        var parts = [
            w.say(
                "draft.by",
                [
                    "who": draft.writers.map(name).joined(", "),
                    "when": w.timeTag(draft.changedAtMs, w.moment(draft.changedAtMs)),
                ])
        ]
        if let by = draft.decidedBy, let atMs = draft.decidedAtMs {
            parts.append(
                w.say(
                    draft.state == .approved ? "draft.approvedBy" : "draft.rejectedBy",
                    ["who": name(by), "when": w.timeTag(atMs, w.moment(atMs))]))
            if let why = draft.decision, !why.isEmpty { parts.append("<q>\(why)</q>") }
        }
        return parts.joined(" · ")
    }

    // MARK: What is wrong

    private static let reasonFields = ["reason", "evenWithoutNotice", "note"]

    private func setFaults(_ row: inout Fields, _ w: Wording) {
        let field = form.refusal?.at.flatMap { Self.reasonFields.contains($0) ? $0 : nil } ?? "text"
        let words = form.refusal.map { w.refusal($0) }
        for name in Self.reasonFields + ["text"] { row.set("error_\(name)", name == field ? words : nil) }
        row.set("errors", w.errors(form.refusal, otherwise: field))
        guard let refusal = form.refusal, let line = PackCheck.line(of: refusal) else { return }
        let lines = (form.typed["text"] ?? "").split(separator: "\n", omittingEmptySubsequences: false)
        let shown = max(1, line - 2)...max(line, min(lines.count, line + 1))
        row.set(
            "excerpt",
            shown.filter { $0 <= lines.count }.map { number in
                var one = Fields(["n": "\(number)", "line": "\(String(lines[number - 1].prefix(200)))"])
                one.set("bad", number == line)
                return one
            })
        row.set("hasExcerpt", true)
        row.set("badLine", "\(line)" as Markup)
    }

    // MARK: The test load

    private func setTest(_ row: inout Fields, _ w: Wording) {
        let load = form.typed["load"] ?? TestLoad.Shape.household.rawValue
        row.set(
            "loads",
            (TestLoad.Shape.allCases.map(\.rawValue) + ["account"]).map { word in
                let name =
                    switch word {
                    case "household": w.say("test.household")
                    case "shop": w.say("test.shop")
                    case "flat": w.say("test.flat")
                    default: w.say("test.account")
                    }
                var one = Fields(["value": "\(word)", "name": name])
                one.set("chosen", word == load)
                return one
            })
        row.set("in_daily", form.typed["daily"] ?? "8")
        row.set("in_kw", form.typed["kw"] ?? "5")
        row.set("in_account", form.typed["account"] ?? "")
        row.set("testError", form.testRefusal.map { w.refusal($0) })
        guard let tried, let tariff else { return }
        let bill = tried.bill
        let words = ComponentWords(tariff: tariff, w: w)
        var test = Fields()
        test.set(
            "head",
            w.say(
                "test.head",
                [
                    "from": w.fullDay(bill.period.first), "to": w.fullDay(bill.period.last),
                    "units": "\(w.units(bill.importWh))",
                ]))
        test.set("total", tariff.money(bill.totalMinor))
        if bill.importWh > 0 {
            let each = roundedHalfAway(Int128(bill.totalMinor) * 1000, dividedBy: Int128(bill.importWh))
            test.set("perUnit", w.say("test.perUnit", ["money": "\(tariff.money(each))"]))
        }
        test.set(
            "parts",
            bill.components.map { component in
                Fields([
                    "name": "\(component.label)", "money": "\(tariff.money(component.amountMinor))",
                    "lines": component.lines.map(words.billLine).joined("<br>"),
                ])
            })
        var notes = bill.notes.map { "\($0)" as Markup }
        if tried.isRedated { notes.append(w.say("test.redated")) }
        if tried.missingDays > 0 { notes.append(w.count("test.missing", tried.missingDays)) }
        test.set("notes", notes.map { Fields(["note": $0]) })
        row.set("test", test)
    }
}
