// EditsView and EditCardView: edits as a list, with those that wait for a second person first, and one of them before
// and after. EstimatesView: what was estimated, and how good each method proved to be.
import API
import Access
import CivilTime
import IntervalData
import MeterData
import VEE

public struct EditsView: Page {
    public static let template = "list"
    public var items: [EditStanding]
    /// Nil: all.
    public var state: ReadingEdit.State?
    public var waiting: Int
    public var nextBefore: Int64?
    public var isFirstPage: Bool
    public init(
        items: [EditStanding], state: ReadingEdit.State?, waiting: Int, nextBefore: Int64?, isFirstPage: Bool
    ) {
        (self.items, self.state, self.waiting) = (items, state, waiting)
        (self.nextBefore, self.isFirstPage) = (nextBefore, isFirstPage)
    }
}

extension EditsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("edits.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", waiting == 0 ? w.say("edits.ledeNone") : w.count("edits.lede", waiting))
        row.set("title", title(w))
        row.set("hasTabs", true)
        let shown: [ReadingEdit.State?] = [nil, .proposed, .applied, .undone, .rejected, .stale]
        row.set(
            "tabs",
            shown.map { state in
                var tab = Fields([
                    "href": "\(address(state, before: nil))", "name": state?.words(w) ?? w.say("list.all"),
                ])
                tab.set("current", state == self.state)
                return tab
            } + [
                {
                    var tab = Fields(["href": "\(Paths.estimates)", "name": w.say("estimates.title")])
                    tab.set("current", false)
                    return tab
                }()
            ])
        row.set(
            "columns",
            [
                ("meters.meter", ""), ("exceptions.day", ""), ("job.state", ""), ("edit.changed", "n"),
                ("commands.reason", "w2"), ("commands.by", "w2"), ("commands.given", "n w2"),
            ].map { Fields(["name": w.say($0.0), "cls": "\($0.1)"]) })
        row.set("rows", items.map { self.row($0, w) })
        row.set("hasRows", !items.isEmpty)
        row.set("shown", w.count("edits.shown", items.count))
        row.set("empty", w.say("edits.none"))
        row.set("firstHref", isFirstPage ? nil : address(state, before: nil))
        row.set("nextHref", nextBefore.map { address(state, before: $0) })
        row.set("hasPaging", !isFirstPage || nextBefore != nil)
        return row
    }

    private func address(_ state: ReadingEdit.State?, before: Int64?) -> String {
        let parts = [state.map { "state=\($0.rawValue)" }, before.map { "before=\($0)" }].compactMap { $0 }
        return Paths.edits + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
    }

    private func row(_ item: EditStanding, _ w: Wording) -> Fields {
        let edit = item.edit
        let days =
            edit.firstDay == edit.lastDay
            ? w.fullDay(edit.firstDay)
            : w.say("chart.span", ["from": w.fullDay(edit.firstDay), "to": w.fullDay(edit.lastDay)])
        let cells: [(Markup, String)] = [
            (days, ""), (edit.state.chip(w), ""), ("\(w.number(edit.changed))", "n"),
            (edit.reasonCode.words(w) + ": \(edit.reason)", "w2"),
            (item.name(edit.loginID).map { "\($0)" } ?? w.say("audit.machine"), "w2"),
            (w.timeTag(edit.madeAtMs, w.moment(edit.madeAtMs)), "n w2"),
        ]
        var row = Fields(["head": w.link(Paths.edit(edit.editID), "\(item.serial)", cls: "id")])
        row.set("cells", cells.map { Fields(["cell": $0.0, "cls": "\($0.1)"]) })
        return row
    }
}

public struct EditCardView: Page {
    /// One day with what the edit writes beside what stood before.
    public struct Day: Sendable {
        public var before: DayBlock
        public var change: ReadingEdit.Day
        public var periodS: Int
        public init(before: DayBlock, change: ReadingEdit.Day, periodS: Int) {
            (self.before, self.change, self.periodS) = (before, change, periodS)
        }
    }
    public static let template = "editcard"
    public var standing: EditStanding
    public var days: [Day]
    public var mayApprove: Bool
    public var mayReject: Bool
    public var isOwn: Bool
    public var mayUndo: Bool
    public var typedReason: String
    public var refusal: Refusal?
    public init(
        standing: EditStanding, days: [Day], mayApprove: Bool, mayReject: Bool, isOwn: Bool, mayUndo: Bool,
        typedReason: String = "", refusal: Refusal? = nil
    ) {
        (self.standing, self.days, self.mayApprove, self.mayReject) = (standing, days, mayApprove, mayReject)
        (self.isOwn, self.mayUndo, self.typedReason, self.refusal) = (isOwn, mayUndo, typedReason, refusal)
    }
}

extension EditCardView: PageContent {
    func title(_ w: Wording) -> Markup {
        w.say("edit.title", ["day": w.shortDay(standing.edit.firstDay), "serial": "\(standing.serial)"])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let edit = standing.edit
        var row = Fields()
        let at = { (loginID: Int64?, ms: Int64?) -> Markup in
            let who = standing.name(loginID).map { "\($0)" as Markup } ?? w.say("audit.machine")
            return ms.map { who + ", " + w.timeTag($0, w.moment($0)) } ?? who
        }
        row.set("editsHref", Paths.edits)
        row.set("meterHref", Paths.meter(edit.meterID, day: edit.lastDay, days: 1))
        row.set("serial", standing.serial)
        row.set("lede", title(w))
        row.set("state", edit.state.chip(w))
        row.set(
            "sum",
            changesWords(
                edit.days.reduce(0) { $0 + $1.slots.count }, changed: edit.changed, net: edit.net, edit.channel, w))
        row.set("refusal", refusal.map { w.refusal($0) })
        row.set("tool", edit.detail.isEmpty ? edit.tool.words(w) : edit.tool.words(w) + " (\(edit.detail))")
        row.set("reason", edit.reasonCode.words(w) + ": \(edit.reason)")
        row.set("by", at(edit.loginID, edit.madeAtMs))
        row.set(
            "decided",
            edit.decidedAtMs.map { ms in
                let said = edit.decision.flatMap { $0.isEmpty ? nil : $0 }
                return said.map { at(edit.decidedBy, ms) + ": \($0)" } ?? at(edit.decidedBy, ms)
            })
        row.set("undone", edit.undoneAtMs.map { at(edit.undoneBy, $0) + ": \(edit.undoReason ?? "")" })
        row.set("note", edit.note.isEmpty ? nil : edit.note)
        row.set("days", days.map { dayRow($0, edit, w) })
        row.set("mayApprove", mayApprove)
        row.set("mayReject", mayReject)
        row.set("mayUndo", mayUndo)
        row.set("approveAction", Paths.edit(edit.editID) + "/approve")
        row.set("rejectAction", Paths.edit(edit.editID) + "/reject")
        row.set("undoAction", Paths.edit(edit.editID) + "/undo")
        row.set("rejectWords", isOwn ? w.say("edit.withdraw") : w.say("edit.reject"))
        row.set("typedReason", typedReason)
        return row
    }

    private func dayRow(_ day: Day, _ edit: ReadingEdit, _ w: Wording) -> Fields {
        let change = day.change
        var row = Fields([
            "href": "\(Paths.edit(edit.meterID, change.day, edit.channel))", "name": w.longDay(change.day),
            "versions": w.say(
                "edit.versions",
                [
                    "base": "\(change.baseVersion)", "made": change.appliedVersion.map { "\($0)" } ?? "–",
                    "undone": change.undoneVersion.map { "\($0)" } ?? "–",
                ]),
        ])
        let fits = change.slots.allSatisfy { $0 < day.before.slotCount }
        let after =
            fits
            ? day.before.replacing(
                zip(change.slots, change.values).map { (slot: $0, value: $1) }, quality: .edited, batch: edit.editID)
            : day.before
        if edit.channel.isEnergy, fits, after.slotCount > 0 {
            let shown = MeterDay(
                day: change.day, slotCount: after.slotCount, valuesWh: after.values, qualities: after.qualities)
            row.set(
                "chart",
                LoadPicture(day: shown, periodS: day.periodS, bands: [], compared: day.before.values, w).svg)
        } else {
            row.set("chart", nil as Markup?)
        }
        row.set(
            "slots",
            zip(change.slots, change.values).map { slot, value in
                let was = fits && day.before.qualities[slot] != .missing ? w.number(day.before.values[slot]) : "–"
                return Fields([
                    "time": slotTime(slot, of: change.day, periodS: day.periodS, w), "before": "\(was)",
                    "after": "\(w.number(value))",
                ])
            })
        return row
    }
}

public struct EstimatesView: Page {
    public struct Item: Sendable {
        public var record: EstimateRecord
        public var serial: String
        public var periodS: Int
        public init(record: EstimateRecord, serial: String, periodS: Int) {
            (self.record, self.serial, self.periodS) = (record, serial, periodS)
        }
    }
    public static let template = "estimates"
    public var items: [Item]
    public var accuracy: [MethodAccuracy]
    public var filter: EstimationFilter
    public var places: [(id: Int64, name: String)]
    public var next: String?
    public var isFirstPage: Bool
    public var refusal: Refusal?
    public init(
        items: [Item], accuracy: [MethodAccuracy], filter: EstimationFilter, places: [(id: Int64, name: String)],
        next: String?, isFirstPage: Bool, refusal: Refusal? = nil
    ) {
        (self.items, self.accuracy, self.filter, self.places) = (items, accuracy, filter, places)
        (self.next, self.isFirstPage, self.refusal) = (next, isFirstPage, refusal)
    }
}

extension EstimatesView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("estimates.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set(
            "lede", w.say("estimates.lede", ["from": w.fullDay(filter.from), "to": w.fullDay(filter.to)]))
        row.set("estimatesHref", Paths.estimates)
        row.set("editsHref", Paths.edits)
        row.set("refusal", refusal.map { w.refusal($0) })
        row.set("from", filter.from.description)
        row.set("to", filter.to.description)
        row.set(
            "methods",
            EstimationMethod.allCases.map { method in
                var option = Fields(["code": "\(method.rawValue)", "name": method.words(w)])
                option.set("selected", filter.method == method)
                return option
            })
        row.set(
            "places",
            places.map { place in
                var option = Fields(["code": "\(place.id)", "name": "\(place.name)"])
                option.set("selected", filter.placeID == place.id)
                return option
            })
        row.set("accuracy", accuracy.map { accuracyRow($0, w) })
        row.set("hasAccuracy", !accuracy.isEmpty)
        row.set("rows", items.map { self.row($0, w) })
        row.set("hasRows", !items.isEmpty)
        row.set("firstHref", isFirstPage ? nil : address(after: nil))
        row.set("nextHref", next.map { address(after: $0) })
        row.set("hasPaging", !isFirstPage || next != nil)
        return row
    }

    private func address(after: String?) -> String {
        let parts = [
            "from=\(filter.from)", "to=\(filter.to)", filter.method.map { "method=\($0.rawValue)" },
            filter.placeID.map { "place=\($0)" }, after.map { "after=\(Paths.encoded($0))" },
        ].compactMap { $0 }
        return Paths.estimates + "?" + parts.joined(separator: "&")
    }

    private func accuracyRow(_ item: MethodAccuracy, _ w: Wording) -> Fields {
        Fields([
            "method": item.method.words(w), "slots": "\(w.number(item.slots))",
            "replaced": "\(w.number(item.replacedSlots))",
            "wape": item.wapePPM.map { "\(w.share(Int($0)))" } ?? "–",
            "bias": item.biasPPM.map { "\(w.share(Int($0)))" } ?? "–",
        ])
    }

    private func row(_ item: Item, _ w: Wording) -> Fields {
        let record = item.record
        let time = { (slot: Int) in slotStart(slot, of: record.day, periodS: item.periodS, w) }
        let method = record.shape.map { record.method.words(w) + " (" + $0.words(w) + ")" } ?? record.method.words(w)
        let later: Markup =
            record.replacedSlots == 0
            ? w.say("estimates.notYet")
            : w.count(
                "estimates.cameTo", Int(clamping: record.replacedSlots),
                [
                    "actual": "\(w.number(record.replacedActual))",
                    "estimate": "\(w.number(record.replacedEstimate))", "error": "\(w.number(record.absoluteError))",
                ])
        return Fields([
            "meter": w.link(Paths.edit(record.meterID, record.day, record.channel), "\(item.serial)", cls: "id"),
            "day": w.fullDay(record.day),
            "time": "\(time(record.slots.lowerBound))–\(time(record.slots.upperBound))", "method": method,
            "reason": reasonWords(record.reason, w), "energy": "\(w.number(record.energy))",
            "confidence": record.confidence.chip(w) + " ±\(w.number(record.expectedError))",
            "register": record.registerWh.map { "\(w.number($0))" } ?? "–", "later": later,
        ])
    }
}

/// Why something was estimated as it was: sentences of the domain, put together with semicolons.
func reasonWords(_ reason: String, _ w: Wording) -> Markup {
    let course = "course: "
    return reason.split(separator: "; ").map { part in
        part.hasPrefix(course)
            ? w.say("estimates.course", ["what": w.said(String(part.dropFirst(course.count)))]) : w.said(String(part))
    }.joined("; ")
}
