// DayEditView: the day editor: the day as it stands, a form that changes it, and what it would be beside what it is.
// Shows what a plan says; decides nothing.
import API
import Access
import CivilTime
import IntervalData
import LoadFiles
import MeterData
import Meters
import Quantities
import VEE

/// What somebody entered to change a day, and what was wrong with it.
public struct EditForm: Sendable {
    public var key: String
    public var typed: [String: String]
    /// The versions the person saw, with commas.
    public var base: String
    public var refusal: Refusal?
    public init(key: String, typed: [String: String], base: String, refusal: Refusal? = nil) {
        (self.key, self.typed, self.base, self.refusal) = (key, typed, base, refusal)
    }
}

public struct DayEditView: Page {
    public static let template = "edit"
    /// A form holds a few hundred fields: days of more slots are edited by tools only.
    public static let typedSlotsMax = 150
    public var report: EditDayReport
    public var form: EditForm
    public var plan: EditPlan?
    /// A second person would have to agree to the plan.
    public var needsApproval: Bool
    public var mayEdit: Bool
    public init(
        report: EditDayReport, form: EditForm, plan: EditPlan?, needsApproval: Bool = false, mayEdit: Bool
    ) {
        (self.report, self.form, self.plan, self.mayEdit) = (report, form, plan, mayEdit)
        self.needsApproval = needsApproval
    }
}

extension DayEditView: PageContent {
    func title(_ w: Wording) -> Markup {
        w.say("edit.title", ["day": w.shortDay(report.day), "serial": "\(report.meter.serial)"])
    }

    private static let fields = ["tool", "fromSlot", "toSlot", "toDay", "copyFrom", "total", "method", "reason"]

    /// The field of the form for the place a refusal names.
    private func field(_ place: String) -> String? {
        let isValue = report.block.values.indices.contains { place == "v\($0)" }
        return mayEdit && (isValue || Self.fields.contains(place)) ? place : nil
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let meterID = report.meter.meterID
        var row = Fields()
        row.set("errors", w.errors(form.refusal, otherwise: "edit-refusal") { field($0) })
        row.set("refusal", form.refusal.map { w.refusal($0) })
        row.set("meterHref", Paths.meter(meterID, day: report.day, days: 1))
        row.set("serial", report.meter.serial)
        row.set("dayName", w.fullDay(report.day))
        row.set("editsHref", Paths.edits)
        row.set("estimatesHref", Paths.estimates)
        row.set("lede", w.say("edit.lede", ["day": w.longDay(report.day), "serial": "\(report.meter.serial)"]))
        let block = report.block
        row.set(
            "sub",
            w.say(
                "edit.sub",
                [
                    "sum": "\(sum(block.totalValue, w))", "version": "\(report.current?.version ?? 0)",
                    "estimated": "\(block.count(of: .estimated))", "edited": "\(block.count(of: .edited))",
                    "missing": "\(block.count(of: .missing))",
                ]))
        row.set("previousHref", Paths.edit(meterID, report.day.advanced(by: -1), report.channel))
        row.set("previous", w.shortDay(report.day.advanced(by: -1)))
        row.set(
            "nextHref",
            report.day < report.today ? Paths.edit(meterID, report.day.advanced(by: 1), report.channel) : nil)
        row.set("next", w.shortDay(report.day.advanced(by: 1)))
        row.set("chart", chart(of: block, nil, on: report.day, w))
        row.set("preview", plan.map { [previewRow($0, w)] } ?? [])
        let mayEdit = mayEdit && report.day < report.today
        row.set("mayEdit", mayEdit)
        row.set("whyNot", report.day < report.today ? w.say("edit.notYours") : w.say("edit.notOver"))
        row.set("action", "\(Paths.meter(meterID))/edit")
        row.set("key", form.key)
        row.set("day", report.day.description)
        row.set("base", form.base)
        row.set("channel", "\(report.channel)")
        row.set("unit", w.say("edit.unit"))
        setForm(&row, w)
        let typed = block.slotCount <= Self.typedSlotsMax
        row.set("rows", typed || !mayEdit ? block.values.indices.map { slotRow($0, w) } : [])
        row.set("versions", report.versions.reversed().map { versionRow($0, w) })
        row.set("hasVersions", !report.versions.isEmpty)
        let pending = report.edits.filter { [.proposed, .approved, .undoing].contains($0.state) }
        row.set(
            "pending",
            pending.map { edit in
                Fields([
                    "words": w.link(Paths.edit(edit.editID), w.say("edit.by", ["who": name(edit.loginID, w)]))
                        + " " + edit.state.chip(w)
                ])
            })
        row.set("hasPending", !pending.isEmpty)
        return row
    }

    private func name(_ loginID: Int64?, _ w: Wording) -> Markup {
        loginID.flatMap { report.people[$0] }.map { "\($0)" } ?? w.say("audit.machine")
    }

    private func sum(_ value: Int64, _ w: Wording) -> Markup {
        report.channel.isEnergy
            ? w.say("unit.kwh", ["n": "\(kilowattHours(wh: value, places: 3))"]) : "\(w.number(value))"
    }

    private func chart(of block: DayBlock, _ before: DayBlock?, on day: CivilDay, _ w: Wording) -> Markup? {
        guard report.channel.isEnergy, block.count(of: .missing) < block.slotCount else { return nil }
        let shown = MeterDay(
            day: day, slotCount: block.slotCount, valuesWh: block.values, qualities: block.qualities)
        return LoadPicture(
            day: shown, periodS: report.periodS, bands: [], compared: before?.values ?? [], w
        ).svg
    }

    private func time(_ slot: Int, of day: CivilDay, _ w: Wording) -> Markup {
        slotTime(slot, of: day, periodS: report.periodS, w)
    }

    private func previewRow(_ plan: EditPlan, _ w: Wording) -> Fields {
        var row = Fields()
        row.set("approval", w.chip(.info, w.say("edit.notYet")))
        row.set("second", needsApproval ? w.say("edit.needsSecond") : nil)
        row.set(
            "days",
            plan.days.map { day in
                var item = Fields(["name": w.longDay(day.change.day)])
                item.set("chart", chart(of: day.after, day.before, on: day.change.day, w))
                return item
            })
        row.set(
            "sum",
            changesWords(
                plan.days.reduce(0) { $0 + $1.change.slots.count }, changed: plan.changed, net: plan.net,
                report.channel, w))
        row.set(
            "slots",
            plan.days.flatMap { day in
                zip(day.change.slots, day.change.values).map { slot, value in
                    let was = day.before.qualities[slot] == .missing ? "–" : w.number(day.before.values[slot])
                    return Fields([
                        "time": w.shortDay(day.change.day) + " " + time(slot, of: day.change.day, w),
                        "before": "\(was)", "after": "\(w.number(value))",
                    ])
                }
            })
        return row
    }

    private func option(_ code: String, _ name: Markup, _ field: String, initial: String) -> Fields {
        var row = Fields(["code": "\(code)", "name": name])
        row.set("selected", (form.typed[field] ?? initial) == code)
        return row
    }

    private func setForm(_ row: inout Fields, _ w: Wording) {
        let count = report.block.slotCount
        row.set(
            "tools",
            EditTool.allCases.filter { count <= Self.typedSlotsMax || $0 != .typed }.map {
                option($0.rawValue, $0.words(w), "tool", initial: "typed")
            })
        let moment = { (slot: Int) in slotStart(slot, of: report.day, periodS: report.periodS, w) }
        row.set("starts", (0..<count).map { option("\($0)", "\(moment($0))", "fromSlot", initial: "0") })
        row.set(
            "ends",
            (1...max(1, count)).map {
                option("\($0)", "\(moment($0))", "toSlot", initial: "\(count)")
            })
        row.set(
            "methods",
            [option("", w.say("method.plan"), "method", initial: "")]
                + EstimationMethod.allCases.map { option($0.rawValue, $0.words(w), "method", initial: "") })
        row.set(
            "reasons",
            EditReason.allCases.map { option($0.rawValue, $0.words(w), "reasonCode", initial: "field-reading") })
        for field in ["toDay", "copyFrom", "total", "reason"] { row.set(field, form.typed[field] ?? "") }
    }

    private func slotRow(_ slot: Int, _ w: Wording) -> Fields {
        let block = report.block
        let shown = block.qualities[slot] == .missing ? "" : "\(block.values[slot])"
        var source: Markup = ""
        if let estimate = report.estimate(ofSlot: slot) {
            source = estimate.method.words(w) + ", " + estimate.confidence.words(w)
        } else if block.qualities[slot] == .edited {
            let batch = block.batches[slot]
            if let edit = report.edits.first(where: { $0.editID == batch }) {
                source = w.link(Paths.edit(edit.editID), w.say("edit.by", ["who": name(edit.loginID, w)]))
            }
        }
        var row = Fields([
            "slot": "\(slot)", "time": time(slot, of: report.day, w), "quality": qualityChip(block.qualities[slot], w),
            "source": source,
        ])
        row.set("value", form.typed["v\(slot)"] ?? shown)
        return row
    }

    private func versionRow(_ version: StoredBlock, _ w: Wording) -> Fields {
        var why: Markup
        var who = w.say("audit.machine")
        if let (edit, isUndo) = report.edit(of: version) {
            who = name(isUndo ? edit.undoneBy : edit.loginID, w)
            let words =
                isUndo
                ? w.say("edit.undid", ["reason": "\(edit.undoReason ?? "")"])
                : edit.reasonCode.words(w) + ": \(edit.reason)"
            why = w.link(Paths.edit(edit.editID), words)
        } else {
            switch version.madeBy {
            case "read": why = version.version == 1 ? w.say("version.read") : w.say("version.lateRead")
            case "estimate": why = w.say("version.estimated")
            case "import": why = w.say("version.imported")
            default: why = "\(version.madeBy)"
            }
        }
        var row = Fields([
            "version": "\(version.version)", "made": w.timeTag(version.madeAtMs, w.moment(version.madeAtMs)),
            "who": who, "why": why, "sum": sum(version.block.totalValue, w),
        ])
        row.set("chip", version.version == report.current?.version ? w.chip(.ok, w.say("version.current")) : nil)
        return row
    }
}

/// How many intervals change and by how much, in the unit of the channel.
func changesWords(_ count: Int, changed: Int64, net: Int64, _ channel: Channel, _ w: Wording) -> Markup {
    let unit = channel.unitName
    return w.count(
        "edit.changes", count, ["changed": "\(w.number(changed)) \(unit)", "net": "\(w.number(net)) \(unit)"])
}

/// `17:30–18:00` for a slot of a day.
func slotTime(_ slot: Int, of day: CivilDay, periodS: Int, _ w: Wording) -> Markup {
    "\(slotStart(slot, of: day, periodS: periodS, w))–\(slotStart(slot + 1, of: day, periodS: periodS, w))"
}

/// When a slot begins, `17:30`. Where the one after the last begins the day ends: `24:00`.
func slotStart(_ slot: Int, of day: CivilDay, periodS: Int, _ w: Wording) -> String {
    let passedS = Int64(slot * periodS)
    return passedS >= w.zone.lengthS(of: day) ? "24:00" : w.time((w.zone.startS(of: day) + passedS) * 1000)
}

// MARK: Words

extension EditTool {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .typed: w.say("tool.typed")
        case .zero: w.say("tool.zero")
        case .linear: w.say("tool.linear")
        case .copy: w.say("tool.copy")
        case .total: w.say("tool.total")
        case .estimate: w.say("tool.estimate")
        case .raw: w.say("tool.raw")
        }
    }
}

extension EditReason {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .meterFault: w.say("why.meterFault")
        case .clockFault: w.say("why.clockFault")
        case .communication: w.say("why.communication")
        case .meterExchange: w.say("why.meterExchange")
        case .fieldReading: w.say("why.fieldReading")
        case .tamper: w.say("why.tamper")
        case .complaint: w.say("why.complaint")
        case .other: w.say("why.other")
        }
    }
}

extension ReadingEdit.State {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .proposed: w.say("editState.proposed")
        case .approved: w.say("editState.approved")
        case .applied: w.say("editState.applied")
        case .rejected: w.say("editState.rejected")
        case .stale: w.say("editState.stale")
        case .undoing: w.say("editState.undoing")
        case .undone: w.say("editState.undone")
        }
    }

    func chip(_ w: Wording) -> Markup {
        switch self {
        case .proposed: w.chip(.warn, words(w))
        case .approved, .undoing: w.chip(.info, words(w))
        case .applied: w.chip(.ok, words(w))
        case .rejected, .undone: w.chip(.idle, words(w))
        case .stale: w.chip(.bad, words(w))
        }
    }
}

extension EstimationMethod {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .threeDayMean: w.say("method.threeDayMean")
        case .linear: w.say("method.linear")
        case .sameDayType: w.say("method.sameDayType")
        case .profile: w.say("method.profile")
        case .registerConstrained: w.say("method.registerConstrained")
        case .outageZero: w.say("method.outageZero")
        }
    }
}

extension Confidence {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .low: w.say("confidence.low")
        case .medium: w.say("confidence.medium")
        case .high: w.say("confidence.high")
        }
    }

    func chip(_ w: Wording) -> Markup {
        switch self {
        case .low: w.chip(.warn, words(w))
        case .medium: w.chip(.est, words(w))
        case .high: w.chip(.ok, words(w))
        }
    }
}
