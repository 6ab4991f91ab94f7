// AggregationView: the explorer of sums: which set, when, in which steps; a chart, its table, and the break-up by
// member, each part a way further down to the meter. Sums nothing: what is shown was summed.
import Access
import Aggregation
import Charts
import CivilTime
import IntervalData

public struct AggregationView: Page {
    public static let template = "aggregation"
    /// Rows of the table shown on the page; the whole is in the file.
    static let rowsMax = 200

    public struct Found: Sendable {
        public var series: SetSeries
        public var parts: BreakUp
        /// A name for each part.
        public var titles: [String]
        /// Names of the nodes that declared no loss.
        public var undeclared: [String]
        public init(series: SetSeries, parts: BreakUp, titles: [String], undeclared: [String]) {
            self.series = series
            self.parts = parts
            self.titles = titles
            self.undeclared = undeclared
        }
    }

    /// Sets to choose from, by their keys.
    public var sets: [(key: String, name: String)]
    /// The name of the set; empty for the company.
    public var setName: String
    /// As it was asked: set, from, to, resolution, channel, by.
    public var typed: [String: String]
    /// Nil when what was asked cannot be answered.
    public var found: Found?
    public var refusal: Refusal?
    public init(
        sets: [(key: String, name: String)], setName: String, typed: [String: String], found: Found?, refusal: Refusal?
    ) {
        self.sets = sets
        self.setName = setName
        self.typed = typed
        self.found = found
        self.refusal = refusal
    }
}

extension AggregationView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("agg.title") }

    private func name(_ w: Wording) -> Markup { setName.isEmpty ? w.say("agg.company") : "\(setName)" }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let total = found?.series.knownTotalWh
        row.set(
            "lede",
            total.map { w.say("agg.lede", ["set": name(w), "kwh": "\(w.units($0))"]) }
                ?? found.map { _ in w.say("agg.ledeUnknown", ["set": name(w)]) } ?? w.say("agg.title"))
        row.set("unsummed", found.flatMap { unsummedWords($0.series.unsummed, w) })
        let scope = ReportScope(typed)
        row.set("others", scope.links(except: Paths.aggregation, w))
        row.set("errors", w.errors(refusal, otherwise: "set") { ["from", "to"].contains($0) ? $0 : nil })
        row.set("action", Paths.aggregation)
        var known = sets.map { ($0.key, Markup(text: $0.name)) }
        if let asked = typed["set"], !known.contains(where: { $0.0 == asked }) { known.append((asked, name(w))) }
        row.set(
            "sets", options("set", known.map { ($0.0, $0.0 == "all" ? w.say("agg.company") : $0.1) }))
        row.set("from", typed["from"])
        row.set("to", typed["to"])
        row.set("resolutions", options("resolution", Resolution.allCases.map { ($0.rawValue, $0.words(w)) }))
        row.set(
            "channels",
            options("channel", [("import-Wh", w.say("agg.import")), ("export-Wh", w.say("agg.export"))]))
        row.set("kinds", options("by", BreakUpKind.allCases.map { ($0.rawValue, $0.words(w)) }))
        row.set("series", found.map { series($0, w) })
        return row
    }

    private func options(_ field: String, _ values: [(String, Markup)]) -> [Fields] {
        values.map { value, name in
            var row = Fields(["value": "\(value)", "name": name])
            row.set("chosen", value == typed[field] ?? "")
            return row
        }
    }

    private func series(_ found: Found, _ w: Wording) -> Fields {
        let series = found.series
        var row = Fields()
        row.set("figures", figures(found, w))
        row.set("heading", w.say("agg.heading", ["set": name(w)]))
        row.set(
            "step",
            series.resolution == series.asked
                ? series.resolution.words(w) : w.say("agg.coarser", ["step": series.resolution.words(w)]))
        row.set("hasRows", !series.buckets.isEmpty)
        row.set("chart", Markup(trusted: SetPicture(series, name(w), w).svg))
        row.set("tableWords", w.count("agg.rows", min(series.buckets.count, Self.rowsMax)))
        row.set(
            "rows",
            lines(series, w).prefix(Self.rowsMax).map(\.row))
        let kind = typed["by"].flatMap { BreakUpKind(rawValue: $0) } ?? .meter
        row.set("partsTitle", w.say("agg.parts", ["by": kind.words(w)]))
        row.set("csvHref", csvHref(kind))
        row.set("hasParts", !found.parts.rows.isEmpty)
        row.set("parts", parts(found, w))
        row.set("sum", "\(w.units(found.parts.totalWh))")
        return row
    }

    /// The rows of the table in order of time; a day that is not summed up yet has one that says so.
    private func lines(_ series: SetSeries, _ w: Wording) -> [(day: CivilDay, row: Fields)] {
        func line(_ when: Markup, _ cells: [Markup]) -> Fields {
            Fields([
                "when": when, "kwh": cells[0], "fedIn": cells[1], "estimated": cells[2], "edited": cells[3],
                "missing": cells[4],
            ])
        }
        let known = series.buckets.map { bucket in
            (
                bucket.day,
                line(
                    SetPicture.when(bucket, series.resolution, w),
                    [
                        "\(w.units(bucket.meterWh))",
                        bucket.grossedMilliWh.map { "\(w.units($0 / 1000))" } ?? "–",
                        "\(w.number(bucket.estimatedIntervals))", "\(w.number(bucket.editedIntervals))",
                        "\(w.number(bucket.missingIntervals))",
                    ])
            )
        }
        guard series.resolution == .day, !series.unsummed.isEmpty else { return known }
        let unknown = series.unsummed.map { day in
            let when: Markup = "\(w.shortDay(day)) <small class=\"q\">\(w.say("agg.notYet"))</small>"
            return (day, line(when, Array(repeating: "–", count: 5)))
        }
        return (known + unknown).sorted { $0.0 < $1.0 }
    }

    private func figures(_ found: Found, _ w: Wording) -> [Fields] {
        let series = found.series
        let isKnown = series.knownTotalWh != nil
        let fedIn: (Markup, Markup) =
            switch series.grossed {
            case _ where !isKnown: ("–", w.say("agg.nothingSummed"))
            case .withoutPath: ("–", w.say("agg.grossWithoutPath"))
            case .notOfThisSet: ("–", w.say("agg.grossNotOfSet"))
            case .undeclared:
                ("–", w.say("agg.grossUndeclared", ["nodes": "\(found.undeclared.joined(separator: ", "))"]))
            case .known(let without):
                (
                    series.grossedTotalMilliWh.map { "\(w.units($0 / 1000))" } ?? "–",
                    without == 0
                        ? w.say("agg.grossAll") : w.say("agg.grossWithout", ["kwh": "\(w.units(without))"])
                )
            }
        func figure(_ key: String, _ value: Markup, _ note: Markup) -> Fields {
            Fields(["name": w.say(key), "figure": value, "note": note])
        }
        func count(_ key: String, _ count: Int) -> Fields {
            figure(key, isKnown ? "\(w.number(count))" : "–", w.say("agg.intervals"))
        }
        return [
            figure(
                "agg.meterSum", isKnown ? "\(w.units(series.totalWh))" : "–",
                isKnown ? w.count("agg.ofMeters", series.meters) : w.say("agg.nothingSummed")),
            figure("agg.fedIn", fedIn.0, fedIn.1), count("agg.estimated", series.estimatedCount),
            count("agg.edited", series.editedCount), count("agg.missing", series.missingCount),
        ]
    }

    private func parts(_ found: Found, _ w: Wording) -> [Fields] {
        let total = found.parts.totalWh
        func part(_ row: BreakUpRow, _ name: Markup) -> Fields {
            Fields([
                "name": name, "kwh": "\(w.units(row.wh))",
                "share": total > 0 ? "\(w.share(Int(Int128(row.wh) * 1_000_000 / Int128(total))))" : "–",
                "estimated": "\(w.number(row.estimatedIntervals))", "edited": "\(w.number(row.editedIntervals))",
                "missing": "\(w.number(row.missingIntervals))",
            ])
        }
        var rows = zip(found.parts.rows, found.titles).map { row, title in
            part(row, link(row, title, w))
        }
        if let rest = found.parts.rest { rows.append(part(rest, w.count("agg.rest", found.parts.restCount))) }
        return rows
    }

    /// A meter leads to its own page, every other part to its sums.
    private func link(_ row: BreakUpRow, _ title: String, _ w: Wording) -> Markup {
        guard let key = row.key else { return w.say("agg.noPart") }
        if case .meter(let meterID) = key, let day = typed["to"].flatMap({ CivilDay($0) }) {
            return w.link(Paths.meter(meterID, day: day, days: 1), "\(title)")
        }
        var asked = typed
        asked["set"] = key.description
        return w.link(Paths.aggregation(asked), "\(title)")
    }

    private func csvHref(_ kind: BreakUpKind) -> String {
        var asked = typed.filter { ["set", "from", "to"].contains($0.key) }
        asked["by"] = kind.rawValue
        return Paths.report("consumption", csv: true, asked)
    }
}

/// `Fri 20 Nov 2026 – Sun 22 Nov 2026`: which days are not summed up yet; nil when all are.
func unsummedWords(_ days: [CivilDay], _ w: Wording) -> Markup? {
    guard !days.isEmpty else { return nil }
    var runs: [ClosedRange<CivilDay>] = []
    for day in days {
        if let last = runs.last, last.upperBound.advanced(by: 1) == day {
            runs[runs.count - 1] = last.lowerBound...day
        } else {
            runs.append(day...day)
        }
    }
    let shown = runs.prefix(5).map { run in
        run.lowerBound == run.upperBound
            ? w.fullDay(run.lowerBound) : "\(w.fullDay(run.lowerBound)) – \(w.fullDay(run.upperBound))"
    }
    let words = shown.joined(", ") + (runs.count > shown.count ? ", …" : "")
    return w.count("agg.unsummed", days.count, ["days": words])
}

extension Resolution {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .quarterHour: w.say("agg.step.15min")
        case .halfHour: w.say("agg.step.30min")
        case .hour: w.say("agg.step.hour")
        case .day: w.say("agg.step.day")
        case .month: w.say("agg.step.month")
        }
    }
}

extension BreakUpKind {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .meter: w.say("agg.by.meter")
        case .place: w.say("agg.by.place")
        case .category: w.say("agg.by.category")
        case .plant: w.say("agg.by.plant")
        case .res: w.say("agg.by.res")
        case .nma: w.say("agg.by.nma")
        case .stu: w.say("agg.by.stu")
        case .ctu: w.say("agg.by.ctu")
        case .corridor: w.say("agg.by.corridor")
        }
    }
}

/// The chart of a sum: bars for days and months, a load curve for shorter steps.
struct SetPicture {
    let svg: String

    init(_ series: SetSeries, _ name: Markup, _ w: Wording) {
        let alt = w.say(
            "agg.alt",
            [
                "set": name, "kwh": "\(w.units(series.totalWh))",
                "estimated": "\(w.number(series.estimatedCount))", "missing": "\(w.number(series.missingCount))",
            ]
        ).plain
        let seconds: Int64? =
            switch series.resolution {
            case .quarterHour: 900
            case .halfHour: 1_800
            case .hour: 3_600
            case .day, .month: nil
            }
        guard let seconds, let first = series.buckets.first, let last = series.buckets.last else {
            svg = Self.bars(series, alt, w)
            return
        }
        // Every step of the span has its slot, also one of which nothing is known.
        let count = Int((last.startS - first.startS) / seconds) + 1
        var values = [Int32](repeating: 0, count: count)
        var qualities = [Quality](repeating: .missing, count: count)
        for bucket in series.buckets {
            let slot = Int((bucket.startS - first.startS) / seconds)
            values[slot] = Int32(clamping: bucket.meterWh)
            qualities[slot] = bucket.estimatedIntervals + bucket.missingIntervals > 0 ? .estimated : .actual
        }
        var curve = LoadCurve(
            slotCount: count, values: values, qualities: qualities, slotsPerHour: Int(3_600 / seconds),
            noData: w.say("chart.noData").plain, alt: alt)
        let step = max(1, count / 8)
        curve.axis = stride(from: 0, to: count, by: step).map { slot in
            let ms = (first.startS + Int64(slot) * seconds) * 1000
            return AxisLabel(
                slot: slot, text: count * Int(seconds) > 172_800 ? w.dayMonth(w.day(ofMs: ms)).plain : w.time(ms),
                isMinor: slot / step % 2 == 1)
        }
        svg = curve.svg()
    }

    private static func bars(_ series: SetSeries, _ alt: String, _ w: Wording) -> String {
        let shown = series.buckets.suffix(62)
        let every = max(1, shown.count / 8)
        return Bars(
            bars: shown.enumerated().map { index, bucket in
                let words = when(bucket, series.resolution, w).plain
                let isDoubtful = bucket.estimatedIntervals + bucket.missingIntervals > 0
                return .init(
                    value: bucket.meterWh, top: shown.count <= 8 ? w.units(bucket.meterWh) : "",
                    bottom: index % every == 0 ? (shown.count <= 8 ? words : w.dayMonth(bucket.day).plain) : "",
                    title: "\(words): \(w.units(bucket.meterWh))", isUnfinished: isDoubtful)
            }, alt: alt
        ).svg()
    }

    static func when(_ bucket: SetBucket, _ resolution: Resolution, _ w: Wording) -> Markup {
        switch resolution {
        case .month: "\(w.monthName(bucket.day)) \(bucket.day.parts.year)"
        case .day: w.shortDay(bucket.day)
        case .quarterHour, .halfHour, .hour: w.moment(bucket.startS * 1000)
        }
    }
}
