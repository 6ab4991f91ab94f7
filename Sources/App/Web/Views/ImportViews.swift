// ImportsView: imports of files of readings and the form that brings one; ImportPage: one with its report and what it
// refused. Shows what the report says; reads no file.
import API
import Access
import CivilTime
import LoadFiles
import MeterData
import Quantities

public struct ImportsView: Page {
    public static let template = "imports"

    public struct Row: Sendable {
        public var id: Int64
        public var file: String
        /// A word of the store; nil for old imports.
        public var kind: String?
        public var source: String?
        public var rows: Int64
        public var values: Int64
        public var refused: Int64
        public var startedAtMs: Int64
        /// Nil while it runs, or when it was interrupted.
        public var finishedAtMs: Int64?
    }

    /// A file that was looked at and is not stored yet.
    public struct Looked: Sendable {
        public var file: String
        public var byteCount: Int
        /// Under which the file is held.
        public var held: String
        public var report: ReadingReport
        /// The first ones.
        public var refusals: [ImportPage.Refused]
        public var refusedCount: Int
        /// Meters of the file that are known.
        public var meters: Int
    }

    public var rows: [Row] = []
    public var nextBefore: Int64?
    public var isFirstPage = true
    /// Imports are listed to who sees the whole company.
    public var isListed = true
    public var typed: [String: String] = [:]
    public var refusal: Refusal?
    public var looked: Looked?
    public init() {}
}

public struct ImportPage: Page {
    public static let template = "import"

    public struct Refused: Sendable {
        /// Line in the file; 0 for the file as a whole.
        public var row: Int
        public var what: String
        public var hint: String
        public var text: String
    }

    public var row: ImportsView.Row
    public var report: ReadingReport?
    public var refusals: [Refused]
    /// How many lines of the list of refusals stand before.
    public var after: Int64
    public var next: Int64?
}

extension ImportsView.Row {
    init(_ run: ImportRun) {
        self.init(
            id: run.importID, file: run.file, kind: run.kind, source: run.source, rows: run.rowCount,
            values: run.valueCount, refused: run.refusedCount, startedAtMs: run.startedAtMs,
            finishedAtMs: run.finishedAtMs)
    }
}

extension ImportPage.Refused {
    init(_ refusal: ImportRefusal) {
        self.init(row: refusal.row, what: refusal.what, hint: refusal.hint, text: refusal.text)
    }
}

private func kindWords(_ kind: String?, _ w: Wording) -> Markup {
    switch kind.flatMap({ ReadingFileKind(rawValue: $0) }) {
    case .loadCSV: "CSV"
    case .mappedCSV: w.say("imports.mapped")
    case .nem12: "NEM12"
    case .greenButton: "Green Button"
    case .manual: w.say("imports.manual")
    case nil: kind.map { "\($0)" } ?? "–"
    }
}

/// Through which door it came: the command line, a browser or a program.
private func sourceWords(_ source: String?, _ w: Wording) -> Markup {
    guard let source else { return "–" }
    return source == "cli" ? w.say("imports.commandLine") : "\(source)"
}

extension ImportsView: PageContent {
    /// A field of the form for the place a refusal names.
    private static let fields: Set<String> = ["unit", "channel", "multiplier", "meter", "stamps", "zone"]

    func title(_ w: Wording) -> Markup {
        refusal == nil ? w.say("imports.title") : w.say("title.error", ["title": w.say("imports.title")])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("title", w.say("imports.title"))
        row.set("lede", looked.map { lookedLede($0, w) } ?? w.say("imports.lede"))
        row.set("uploadScript", Asset.upload.path)
        row.set("action", Paths.imports)
        row.set("rows", rows.map { line($0, w) })
        row.set("hasRows", !rows.isEmpty)
        row.set("empty", isListed ? w.say("imports.empty") : w.say("imports.notListed"))
        row.set("nextHref", nextBefore.map { Paths.imports(before: $0) })
        row.set("firstHref", isFirstPage ? nil : Paths.imports)
        row.set("hasPaging", nextBefore != nil || !isFirstPage)
        setForm(&row, w)
        row.set(
            "looked",
            looked.map { one in
                var part = reportValues(one.report, w)
                part.set("held", one.held)
                part.set("known", w.say("imports.known", ["n": "\(w.number(one.meters))"]))
                part.set("refusals", one.refusals.map { refusedRow($0, file: one.file, w) })
                part.set("hasRefusals", !one.refusals.isEmpty)
                part.set(
                    "refusedNote",
                    one.refusedCount > one.refusals.count
                        ? w.say(
                            "imports.firstRefused",
                            ["n": "\(w.number(one.refusals.count))", "all": "\(w.number(one.refusedCount))"]) : nil)
                return part
            })
        return row
    }

    private func lookedLede(_ one: Looked, _ w: Wording) -> Markup {
        w.say(
            "imports.lookedLede",
            [
                "file": "\(one.file)", "values": "\(w.number(one.report.values + one.report.registers))",
                "refused": "\(w.number(one.refusedCount))",
            ])
    }

    private func setForm(_ row: inout Fields, _ w: Wording) {
        for field in Self.fields { row.set("in_\(field)", typed[field] ?? "") }
        row.set(
            "stamps",
            [("", w.say("imports.stampsFile")), ("start", w.say("imports.start")), ("end", w.say("imports.end"))].map {
                (word: String, name: Markup) in
                var option = Fields(["word": "\(word)", "name": name])
                option.set("chosen", word == typed["stamps"] ?? "")
                return option
            })
        row.set("zoneHint", w.zone.identifier)
        row.set("sizeHint", w.say("imports.sizeHint", ["n": "\(ImportDesk.bytesMax >> 20)"]))
        row.set("refusal", refusal.map { w.refusal($0) })
        row.set("errors", w.errors(refusal, otherwise: "file") { Self.fields.contains($0) ? "import-\($0)" : nil })
    }

    private func line(_ one: Row, _ w: Wording) -> Fields {
        Fields([
            "file": w.link(Paths.importPage(one.id, after: nil), "\(one.file)"), "kind": kindWords(one.kind, w),
            "when": w.timeTag(one.startedAtMs, w.moment(one.startedAtMs)), "source": sourceWords(one.source, w),
            "values": "\(w.number(one.values))", "refused": "\(w.number(one.refused))",
            "state": stateChip(one, w),
        ])
    }
}

private func stateChip(_ one: ImportsView.Row, _ w: Wording) -> Markup {
    if one.finishedAtMs == nil { return w.chip(.warn, w.say("imports.unfinished")) }
    return one.refused == 0
        ? w.chip(.ok, w.say("imports.whole")) : w.chip(.warn, w.say("imports.partly"))
}

extension ImportPage: PageContent {
    func title(_ w: Wording) -> Markup { w.say("import.title", ["file": "\(row.file)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var out = report.map { reportValues($0, w) } ?? Fields()
        out.set("hasReport", report != nil)
        out.set("importsHref", Paths.imports)
        out.set("lede", title(w))
        out.set("state", stateChip(row, w))
        out.set(
            "sub",
            w.say(
                "import.sub",
                [
                    "kind": kindWords(row.kind, w), "source": sourceWords(row.source, w),
                    "time": w.timeTag(row.startedAtMs, w.moment(row.startedAtMs)),
                    "values": "\(w.number(row.values))", "rows": "\(w.number(row.rows))",
                    "refused": "\(w.number(row.refused))",
                ]))
        out.set("unfinished", row.finishedAtMs == nil ? w.say("import.unfinished") : nil)
        out.set("refusals", refusals.map { refusedRow($0, file: row.file, w) })
        out.set("hasRefusals", !refusals.isEmpty)
        let files = stride(from: 0, to: row.refused, by: ImportDesk.refusedMax)
        out.set(
            "files",
            files.prefix(100).map { first in
                Fields([
                    "href": "\(Paths.importRefusedCSV(row.id, after: first))",
                    "name": w.say(
                        "import.csv",
                        [
                            "from": "\(w.number(first + 1))",
                            "to": "\(w.number(min(row.refused, first + Int64(ImportDesk.refusedMax))))",
                        ]),
                ])
            })
        out.set("firstHref", after == 0 ? nil : Paths.importPage(row.id, after: nil))
        out.set("nextHref", next.map { Paths.importPage(row.id, after: $0) })
        out.set("hasPaging", after > 0 || next != nil)
        return out
    }
}

private func refusedRow(_ one: ImportPage.Refused, file: String, _ w: Wording) -> Fields {
    Fields([
        "place": one.row == 0 ? "\(file)" : "\(file):\(one.row)", "what": w.said(one.what), "hint": w.said(one.hint),
        "text": "\(String(one.text.prefix(200)))",
    ])
}

// MARK: The report

/// What the partial `importreport` shows.
private func reportValues(_ report: ReadingReport, _ w: Wording) -> Fields {
    var row = Fields()
    row.set("figures", figures(report, w))
    row.set("stored", report.stored.map { stored($0, w) } ?? [])
    row.set("hasStored", report.stored != nil)
    row.set("qualities", qualities(report, w))
    row.set("hasQualities", !report.quality.isEmpty || !report.senderCodes.isEmpty)
    row.set("channels", channels(report, w))
    row.set("hasChannels", !report.series.isEmpty)
    row.set(
        "clocks",
        report.clockShifts.map { one in
            Fields([
                "words": w.say(
                    one.minutes < 0 ? "import.clockEarly" : "import.clockLate",
                    [
                        "day": CivilDay(one.day).map { w.fullDay($0) } ?? "\(one.day)",
                        "minutes": "\(w.number(abs(one.minutes)))", "n": "\(w.number(one.meters))",
                    ])
            ])
        })
    row.set("hasClocks", !report.clockShifts.isEmpty)
    row.set(
        "reasons",
        report.reasons.map { one in
            Fields([
                "what": w.said(one.what), "hint": w.said(one.hint), "count": "\(w.number(one.count))",
                "place": "\(report.file):\(one.firstRow)",
            ])
        })
    row.set("hasReasons", !report.reasons.isEmpty)
    row.set("notes", report.notes.map { Fields(["words": w.said($0)]) })
    row.set("hasNotes", !report.notes.isEmpty)
    row.set("series", report.series.prefix(100).map { seriesRow($0, w) })
    row.set(
        "seriesNote",
        report.seriesCount > 100
            ? w.say("import.firstSeries", ["n": "100", "all": "\(w.number(report.seriesCount))"]) : nil)
    return row
}

private func pairs(_ pairs: [(Markup, Markup)]) -> [Fields] {
    pairs.map { Fields(["name": $0.0, "value": $0.1]) }
}

private func dayWords(_ text: String?, _ w: Wording) -> Markup {
    text.flatMap { CivilDay($0) }.map { w.fullDay($0) } ?? "–"
}

private func figures(_ report: ReadingReport, _ w: Wording) -> [Fields] {
    func number(_ n: Int) -> Markup { "\(w.number(n))" }
    return pairs(
        [
            (w.say("import.range"), "\(dayWords(report.from, w)) – \(dayWords(report.to, w))"),
            (w.say("import.zone"), "\(report.zone)"), (w.say("import.meters"), number(report.meters)),
            (w.say("import.rows"), number(report.rows)), (w.say("import.values"), number(report.values)),
            (w.say("import.registers"), number(report.registers)),
            (w.say("import.refused"), number(report.refused)),
        ]
            + [
                (w.say("import.duplicates"), report.duplicates), (w.say("import.conflicts"), report.conflicts),
                (w.say("import.rounded"), report.rounded), (w.say("import.merged"), report.mergedDays),
            ].filter { $0.1 > 0 }.map { ($0.0, number($0.1)) })
}

private func stored(_ stored: ReadingReport.Stored, _ w: Wording) -> [Fields] {
    pairs([
        (w.say("import.meterDays"), "\(w.number(stored.meterDays))"),
        (w.say("import.newVersions"), "\(w.number(stored.newVersions))"),
        (w.say("import.held"), "\(w.number(stored.heldValues))"),
        (w.say("import.otherValues"), "\(w.number(stored.conflicts))"),
        (w.say("import.newRegisters"), "\(w.number(stored.newRegisters))"),
    ])
}

private func qualities(_ report: ReadingReport, _ w: Wording) -> [Fields] {
    let known = ["actual", "edited", "estimated", "missing"].compactMap { word -> (Markup, Markup)? in
        guard let count = report.quality[word] else { return nil }
        let name: Markup =
            switch word {
            case "actual": w.say("quality.actual")
            case "edited": w.say("quality.edited")
            case "estimated": w.say("quality.estimated")
            default: w.say("quality.missing")
            }
        return (name, "\(w.number(count))")
    }
    let codes = report.senderCodes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(20).map {
        (w.say("import.code", ["code": "\($0.key)"]), Markup("\(w.number($0.value))"))
    }
    return pairs(known + codes)
}

private func channels(_ report: ReadingReport, _ w: Wording) -> [Fields] {
    Dictionary(grouping: report.series, by: \.channel).sorted { $0.key < $1.key }.map { channel, series in
        Fields([
            "name": "\(channel)", "series": "\(w.number(series.count))",
            "intervals": "\(w.number(series.reduce(0) { $0 + $1.intervals }))",
            "missing": "\(w.number(series.reduce(0) { $0 + $1.missing }))",
            "registers": "\(w.number(series.reduce(0) { $0 + $1.registers }))",
        ])
    }
}

private func seriesRow(_ one: ReadingReport.Series, _ w: Wording) -> Fields {
    Fields([
        "meter": "\(one.meter)", "channel": "\(one.channel)",
        "period": "\(one.periodMinutes.map { "\($0)" }.joined(separator: ", "))",
        "range": one.from == nil ? "–" : "\(dayWords(one.from, w)) – \(dayWords(one.to, w))",
        "intervals": "\(w.number(one.intervals))", "missing": "\(w.number(one.missing))",
        "gap": one.longestGapMinutes == 0 ? "–" : w.duration(Int64(one.longestGapMinutes) * 60_000),
        "total": "\(w.number(one.total)) \(one.unit)",
        "contradictions": one.registerDays == 0
            ? "–" : "\(w.number(one.registerContradictions)) / \(w.number(one.registerDays))",
    ])
}

extension Paths {
    static let imports = "/imports"
    static func imports(before: Int64) -> String { "/imports?before=\(before)" }
    static func importPage(_ id: Int64, after: Int64?) -> String {
        "/imports/\(id)" + (after.map { "?after=\($0)" } ?? "")
    }
    static func importRefusedCSV(_ id: Int64, after: Int64) -> String {
        "/imports/\(id)/refused.csv" + (after == 0 ? "" : "?after=\(after)")
    }
}
