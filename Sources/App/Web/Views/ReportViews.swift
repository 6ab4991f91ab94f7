// ReportsView: the index of reports; ReportPageView: any report as a table whose rows lead to what is behind them.
import Access
import Aggregation
import CivilTime

public struct ReportsView: Page {
    public static let template = "reports"
    var scope: ReportScope
    /// - Parameter asked: days and set to go on with: from, to, set.
    public init(_ asked: [String: String] = [:], seesMoney: Bool = false) {
        scope = ReportScope(asked)
        self.seesMoney = seesMoney
    }
    let seesMoney: Bool
}

/// What one report was asked for, as it goes on to the next: days and set.
struct ReportScope {
    let from: CivilDay?
    let to: CivilDay?
    let set: SetKey?

    init(_ asked: [String: String]) {
        (from, to) = (asked["from"].flatMap { CivilDay($0) }, asked["to"].flatMap { CivilDay($0) })
        set = asked["set"].flatMap { SetKey($0) }
    }
    init(place: Int64?, from: CivilDay, to: CivilDay) {
        (self.from, self.to, set) = (from, to, place.map { .place($0) })
    }

    var placeID: Int64? { if case .place(let id) = set { id } else { nil } }

    /// Its fields in an address; of a longer period than a report is made for, the last days.
    func asked(daysMax: Int = .max) -> [String: String] {
        var begin = from
        if let from, let to, from.days(to: to) >= daysMax { begin = to.advanced(by: 1 - daysMax) }
        return ["from": begin?.description ?? "", "to": to?.description ?? "", "set": set?.description ?? ""]
    }

    /// The same for a report that is not made of every set.
    private func asked(_ name: ReportName) -> [String: String] {
        var asked = asked(daysMax: name.daysMax)
        if name == .energyBalance, placeID == nil { asked["set"] = nil }
        if name == .exceptions, case .virtual = set { asked["set"] = nil }
        return asked
    }

    var index: String { Paths.reports(asked()) }

    /// All reports for the same days and set, with what each answers.
    func all(_ w: Wording) -> [(base: String, link: Markup, answers: Markup)] {
        let sums = Paths.aggregation(asked(daysMax: Resolution.day.daysMax))
        let reliability = Paths.reliability(place: placeID, from: from, to: to)
        return [
            (Paths.aggregation, w.link(sums, w.say("agg.title")), w.say("agg.answers")),
            (
                Paths.reliability, w.link(reliability, w.say("reliability.title")),
                w.say("reports.reliability.answers")
            ),
        ]
            + ReportName.allCases.map { name in
                (
                    name.rawValue,
                    w.link(Paths.report(name.rawValue, asked(name)), name.words(w)), name.answers(w)
                )
            }
    }

    /// - Parameter current: path of the explorer or of reliability, or the name of a report.
    func links(except current: String, _ w: Wording) -> [Fields] {
        all(w).filter { $0.base != current }.map { Fields(["link": $0.link]) }
    }
}

public struct ReportPageView: Page {
    public static let template = "report"
    /// Rows of a page.
    public static let pageSize = 200

    public var name: ReportName
    /// Nil when what was asked cannot be answered.
    public var report: Report?
    public var refusal: Refusal?
    public var after: Int
    /// As it was asked: from, to, set, by.
    public var typed: [String: String]
    /// Sets to choose from, by their keys.
    public var sets: [(key: String, name: String)]
    /// Above the table.
    public var picture: ReportPicture?
    public init(
        name: ReportName, report: Report?, refusal: Refusal?, after: Int, typed: [String: String],
        sets: [(key: String, name: String)]
    ) {
        self.name = name
        self.report = report
        self.refusal = refusal
        self.after = after
        self.typed = typed
        self.sets = sets
    }
}

extension ReportName {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .dataAvailability: w.say("reports.availability")
        case .exceptions: w.say("reports.exceptions")
        case .consumption: w.say("reports.consumption")
        case .maximumDemand: w.say("reports.demand")
        case .energyBalance: w.say("reports.balance")
        case .peakToAverage: w.say("reports.peak")
        case .forecast: w.say("reports.forecast")
        case .forecastAccuracy: w.say("reports.accuracy")
        case .forecastBySize: w.say("reports.bySize")
        }
    }

    /// Which question it answers.
    fileprivate func answers(_ w: Wording) -> Markup {
        switch self {
        case .dataAvailability: w.say("reports.availability.answers")
        case .exceptions: w.say("reports.exceptions.answers")
        case .consumption: w.say("reports.consumption.answers")
        case .maximumDemand: w.say("reports.demand.answers")
        case .energyBalance: w.say("reports.balance.answers")
        case .peakToAverage: w.say("reports.peak.answers")
        case .forecast: w.say("reports.forecast.answers")
        case .forecastAccuracy: w.say("reports.accuracy.answers")
        case .forecastBySize: w.say("reports.bySize.answers")
        }
    }
}

extension ReportsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("reports.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", w.say("reports.lede"))
        let money = Fields(["name": w.link(Paths.money, w.say("money.title")), "answers": w.say("money.answers")])
        row.set(
            "reports",
            scope.all(w).map { Fields(["name": $0.link, "answers": $0.answers]) } + (seesMoney ? [money] : []))
        return row
    }
}

extension ReportPageView: PageContent {
    func title(_ w: Wording) -> Markup { name.words(w) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let rows = report?.rows ?? []
        row.set("title", title(w))
        let scope = ReportScope(typed)
        row.set("indexHref", scope.index)
        row.set("others", scope.links(except: name.rawValue, w))
        row.set("unsummed", report.flatMap { unsummedWords($0.unsummed, w) })
        row.set("headUnknown", isHeadUnknown ? w.say("reports.headUnknown") : nil)
        row.set("lede", report.map { _ in w.count("reports.rows", rows.count, ["report": title(w)]) } ?? title(w))
        row.set("errors", w.errors(refusal, otherwise: "from") { $0 == "to" ? $0 : nil })
        row.set("action", Paths.report(name.rawValue))
        row.set("from", typed["from"])
        row.set("to", typed["to"])
        row.set("takesSet", name != .forecastBySize)
        row.set("keptSet", name == .forecastBySize ? typed["set"] : nil)
        row.set("picture", picture.map { Markup(trusted: $0.svg(w)) })
        row.set("pictureTitle", picture?.title(w))
        row.set("pictureNote", picture?.note(w))
        row.set(
            "sets",
            ([("", "")] + sets.filter { $0.key != "all" && (name != .energyBalance || $0.key.hasPrefix("place:")) }).map
            { key, label in
                var option = Fields(["value": "\(key)", "name": key.isEmpty ? w.say("list.all") : "\(label)"])
                option.set("chosen", key == typed["set"] ?? "")
                return option
            })
        row.set("csvHref", report.map { _ in Paths.report(name.rawValue, csv: true, typed) })
        row.set("columns", (report?.columns ?? []).map { Fields(["name": $0.words(w), "cls": $0.unit.cls]) })
        row.set("hasRows", !rows.isEmpty)
        row.set("empty", name == .energyBalance ? w.say("reports.emptyBalance") : w.say("reports.empty"))
        row.set("rows", rows.dropFirst(after).prefix(Self.pageSize).map { line($0, w) })
        row.set("firstHref", after == 0 ? nil : Paths.report(name.rawValue, typed))
        let next = after + Self.pageSize
        row.set(
            "nextHref",
            next < rows.count
                ? Paths.report(name.rawValue, typed.merging(["after": String(next)]) { $1 }) : nil)
        row.set("hasPaging", after > 0 || next < rows.count)
        return row
    }

    /// A balance of a place whose own meter said nothing.
    private var isHeadUnknown: Bool {
        guard name == .energyBalance, let at = report?.columns.firstIndex(where: { $0.name == "head_import_Wh" })
        else { return false }
        return report?.rows.contains { $0.cells[at] == .none } ?? false
    }

    private func line(_ row: ReportRow, _ w: Wording) -> Fields {
        let columns = report?.columns ?? []
        let cells = zip(row.cells, columns).map { cell, column -> (Markup, Markup) in
            if case .text(let name) = cell {
                switch column.name {
                case "band": return (w.band(name), column.unit.cls)
                case "rule" where self.name == .exceptions: return (ruleWords(name, w), column.unit.cls)
                case "severity" where self.name == .exceptions:
                    return (w.say(name == "hard" ? "queue.hard" : "queue.soft"), column.unit.cls)
                default: break
                }
            }
            return (cell.words(column.unit, w), column.unit.cls)
        }
        var fields = Fields()
        let head = cells.first?.0 ?? ""
        fields.set("head", address(row.opens).map { w.link($0, head.isEmpty ? "…" : head) } ?? head)
        fields.set("cells", cells.dropFirst().map { Fields(["cell": $0, "cls": $1]) })
        return fields
    }

    private func address(_ target: ReportTarget?) -> String? {
        switch target {
        case .set(.meter(let meterID), _, let to): Paths.meter(meterID, day: to, days: 1)
        case .set(let key, let from, let to):
            Paths.aggregation(["set": key.description, "from": from.description, "to": to.description])
        case .meter(let meterID, let day): Paths.meter(meterID, day: day, days: 1)
        case .exceptions(let rule): queue(rule)
        case .forecast(let key, let from, let to):
            // A day leads to its intervals, a period to its days.
            Paths.report(
                from == to && typed["set"] != nil ? ReportName.forecast.rawValue : name.rawValue,
                ["set": key.description, "from": from.description, "to": to.description])
        case nil: nil
        }
    }
}

extension ReportPageView {
    /// The exceptions of a rule that wait, of the same days and place.
    private func queue(_ rule: String) -> String {
        let scope = ReportScope(typed)
        var filter = QueueView.Filter()
        (filter.rule, filter.from, filter.to) = (rule, scope.from, scope.to)
        filter.placeID = scope.placeID
        if case .meter(let meterID) = scope.set { filter.meterID = meterID }
        return Paths.queue(filter)
    }
}

extension ReportUnit {
    fileprivate var cls: Markup {
        switch self {
        case .text: ""
        case .day, .time: "nb"
        case .count, .wh, .watt, .ppm: "n"
        }
    }
}

extension ReportColumn {
    /// Keys are named by hand, so that none can be missing.
    fileprivate func words(_ w: Wording) -> Markup {
        let known: Set<String> = [
            "report.col.place", "report.col.kind", "report.col.day", "report.col.meters", "report.col.expected",
            "report.col.actual", "report.col.estimated", "report.col.edited", "report.col.missing",
            "report.col.available_ppm",
            "report.col.rule", "report.col.severity", "report.col.raised", "report.col.open", "report.col.part",
            "report.col.name", "report.col.import_Wh", "report.col.head_import_Wh", "report.col.head_export_Wh",
            "report.col.below_import_Wh", "report.col.below_export_Wh", "report.col.loss_Wh", "report.col.loss_ppm",
            "report.col.complete_ppm", "report.col.account", "report.col.band", "report.col.contracted_W",
            "report.col.highest_W", "report.col.of_contracted_ppm", "report.col.at", "report.col.quality",
            "report.col.set", "report.col.average_W", "report.col.peak_W", "report.col.peak_at",
            "report.col.peak_to_average_ppm", "report.col.starts", "report.col.minutes", "report.col.forecast_Wh",
            "report.col.actual_Wh", "report.col.error_Wh", "report.col.wape_ppm", "report.col.bias_ppm",
            "report.col.yesterday_ppm", "report.col.last_week_ppm", "report.col.three_day_mean_ppm",
            "report.col.intervals", "report.col.left_out", "report.col.late_days", "report.col.days",
            "report.col.groups",
        ]
        let key = "report.col.\(name)"
        return known.contains(key) ? w.say(key) : "\(name)"
    }
}

extension ReportCell {
    fileprivate func words(_ unit: ReportUnit, _ w: Wording) -> Markup {
        switch (self, unit) {
        case (.text(let text), _): "\(text)"
        case (.none, _): "–"
        case (.number(let number), .wh): "\(w.units(number))"
        case (.number(let number), .watt): w.kilowatts(number)
        case (.number(let number), .ppm): "\(w.share(Int(clamping: number)))"
        case (.number(let number), _): "\(w.number(number))"
        }
    }
}
