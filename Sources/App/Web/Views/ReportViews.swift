// ReportsView: the index of reports; ReportPageView: any report as a table whose rows lead to what is behind them.
import Access
import Aggregation
import CivilTime

public struct ReportsView: Page {
    public static let template = "reports"
    public init() {}
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
        row.set(
            "reports",
            [
                Fields([
                    "name": w.link(Paths.aggregation, w.say("agg.title")), "answers": w.say("agg.answers"),
                ]),
                Fields([
                    "name": w.link(Paths.reliability, w.say("reliability.title")),
                    "answers": w.say("reports.reliability.answers"),
                ]),
            ]
                + ReportName.allCases.map { name in
                    Fields(["name": w.link(Paths.report(name.rawValue), name.words(w)), "answers": name.answers(w)])
                })
        return row
    }
}

extension ReportPageView: PageContent {
    func title(_ w: Wording) -> Markup { name.words(w) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let rows = report?.rows ?? []
        row.set("title", title(w))
        row.set("indexHref", Paths.reports)
        row.set("lede", report.map { _ in w.count("reports.rows", rows.count, ["report": title(w)]) } ?? title(w))
        row.set("errors", w.errors(refusal, otherwise: "from") { $0 == "to" ? $0 : nil })
        row.set("action", Paths.report(name.rawValue))
        row.set("from", typed["from"])
        row.set("to", typed["to"])
        row.set("takesSet", ![.exceptions, .energyBalance, .forecastBySize].contains(name))
        row.set("picture", picture.map { Markup(trusted: $0.svg(w)) })
        row.set("pictureTitle", picture?.title(w))
        row.set("pictureNote", picture?.note(w))
        row.set(
            "sets",
            ([("", "")] + sets.filter { $0.key != "all" }).map { key, label in
                var option = Fields(["value": "\(key)", "name": key.isEmpty ? w.say("list.all") : "\(label)"])
                option.set("chosen", key == typed["set"] ?? "")
                return option
            })
        row.set("csvHref", report.map { _ in Paths.report(name.rawValue, csv: true, typed) })
        row.set("columns", (report?.columns ?? []).map { Fields(["name": $0.words(w), "cls": $0.unit.cls]) })
        row.set("hasRows", !rows.isEmpty)
        row.set("empty", w.say("reports.empty"))
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

    private func line(_ row: ReportRow, _ w: Wording) -> Fields {
        let columns = report?.columns ?? []
        let cells = zip(row.cells, columns).map { cell, column -> (Markup, Markup) in
            if column.name == "band", case .text(let name) = cell { return (w.band(name), column.unit.cls) }
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
        case .exceptions: Paths.exceptions
        case .forecast(let key, let from, let to):
            // A day leads to its intervals, a period to its days.
            Paths.report(
                from == to && typed["set"] != nil ? ReportName.forecast.rawValue : name.rawValue,
                ["set": key.description, "from": from.description, "to": to.description])
        case nil: nil
        }
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
