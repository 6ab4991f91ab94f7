// ReliabilityPage: the indices of a part of the network, month by month, with their bounds and those of the places
// below.
import API
import Access
import Charts
import CivilTime
import Grid
import MeterData
import Quantities
import Reliability

public struct ReliabilityPage: Page {
    public static let template = "reliability"
    public var overview: ReliabilityOverview
    public var from: CivilDay
    public var to: CivilDay
    /// What was typed, where it was refused.
    public var typed: [String: String] = [:]
    public var refusal: Refusal?

    public init(overview: ReliabilityOverview, from: CivilDay, to: CivilDay) {
        (self.overview, self.from, self.to) = (overview, from, to)
    }
}

extension ReliabilityPage: PageContent {
    func title(_ w: Wording) -> Markup { w.say("reliability.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let report = overview.report
        let whole = report.whole
        var row = Fields()
        row.set("title", title(w))
        row.set(
            "outagesHref", Paths.outages(show: nil, place: overview.place?.placeID, after: nil, from: from, to: to))
        let scope = ReportScope(place: overview.place?.placeID, from: from, to: to)
        row.set("indexHref", scope.index)
        row.set("others", scope.links(except: Paths.reliability, w))
        row.set("csvHref", Paths.reliabilityCSV(place: overview.place?.placeID, from: from, to: to))
        row.set("action", Paths.reliability)
        row.set("place", overview.place.map { String($0.placeID) })
        row.set("from", typed["from"] ?? from.description)
        row.set("to", typed["to"] ?? to.description)
        row.set("errors", w.errors(refusal, otherwise: "from") { $0 == "to" ? $0 : nil })
        let path =
            [w.link(Paths.reliability(place: nil, from: from, to: to), w.say("reliability.all"))]
            + overview.above.map { w.link(Paths.reliability(place: $0.placeID, from: from, to: to), "\($0.name)") }
        row.set("path", overview.place == nil ? nil : path.joined(" / "))
        let name: Markup = overview.place.map { "\($0.name)" } ?? w.say("reliability.all")
        row.set(
            "lede",
            w.say(
                "reliability.lede",
                [
                    "place": name, "minutes": minutes(whole.all.saidi.likely, w),
                    "n": "\(w.number(whole.customers))",
                ]))
        row.set("sub", threshold(w))
        row.set("since", since(w))
        row.set("chart", whole.all.sustainedEvents == 0 ? nil : Markup(trusted: chart(w)))
        row.set(
            "chartNote",
            w.say("reliability.chartNote", ["minutes": "\(w.number(overview.rules.momentaryMaxMinutes))"]))
        row.set("indices", indexRows(w))
        row.set(
            "months",
            report.months.reversed().map { partRow($0, monthWords($0, w), place: overview.place?.placeID, w) })
        row.set(
            "places",
            overview.below.map { item in
                partRow(
                    item.part,
                    w.link(Paths.reliability(place: item.place.placeID, from: from, to: to), "\(item.place.name)"),
                    place: item.place.placeID, w)
            })
        row.set("hasPlaces", !overview.below.isEmpty)
        row.set(
            "majorDays",
            report.majorDays.map { day in
                Fields([
                    "day": w.fullDay(day.day),
                    "minutes": minutes(
                        day.customers > 0 ? roundedMinutes(day.customerSeconds, day.customers) : nil, w),
                ])
            })
        row.set("hasMajor", !report.majorDays.isEmpty)
        return row
    }

    /// From which day on there are customers, where not from the first.
    private func since(_ w: Wording) -> Markup? {
        guard let begin = overview.report.whole.servedFrom else { return w.say("reliability.nobody") }
        return begin > overview.report.whole.from ? w.say("reliability.since", ["day": w.fullDay(begin)]) : nil
    }

    private func roundedMinutes(_ seconds: Int64, _ customers: Int64) -> Int64 {
        Int64(clamping: Int128(seconds) * 1_000_000 / (Int128(customers) * 60))
    }

    private func threshold(_ w: Wording) -> Markup {
        guard let threshold = overview.report.threshold else { return w.say("reliability.noThreshold") }
        let words: KeyValuePairs<String, Markup> = [
            "minutes": minutes(threshold.minutesMillionths, w), "n": "\(w.number(threshold.days))",
        ]
        return overview.isOwnBase ? w.say("reliability.ownThreshold", words) : w.say("reliability.threshold", words)
    }

    /// Minutes with two places; a dash where undefined.
    private func minutes(_ millionths: Int64?, _ w: Wording) -> Markup {
        guard let millionths else { return "–" }
        return w.say("reliability.minutes", ["n": "\(places(millionths, 2))"])
    }

    private func places(_ millionths: Int64, _ places: Int) -> String {
        let divisor: Int128 = places == 2 ? 10_000 : 1_000
        return fixedPoint(roundedHalfAway(Int128(millionths), dividedBy: divisor), places: places)
    }

    private func plain(_ millionths: Int64?) -> Markup { millionths.map { "\(places($0, 3))" } ?? "–" }

    /// `99.9871%`: all that millionths tell. A part of an hour a year is lost in fewer places.
    private func share(_ millionths: Int64?) -> Markup {
        millionths.map { "\(fixedPoint($0, places: 4))%" } ?? "–"
    }

    private func indexRows(_ w: Wording) -> [Fields] {
        let whole = overview.report.whole
        func row(
            _ name: String, _ meaning: Markup, _ pick: (ReliabilityIndices) -> Figure, isMinutes: Bool,
            isShare: Bool = false
        ) -> Fields {
            func say(_ value: Int64?) -> Markup {
                isShare ? share(value) : isMinutes ? minutes(value, w) : plain(value)
            }
            let figure = pick(whole.all)
            let isExact = figure.low == figure.high
            return Fields([
                "name": "\(name)", "meaning": meaning, "all": say(figure.likely),
                "bounds": isExact ? w.say("reliability.exact") : "\(say(figure.low)) – \(say(figure.high))",
                "ordinary": say(pick(whole.withoutMajor).likely), "planned": say(pick(whole.planned).likely),
            ])
        }
        return [
            row("SAIDI", w.say("reliability.saidi"), { $0.saidi }, isMinutes: true),
            row("SAIFI", w.say("reliability.saifi"), { $0.saifi }, isMinutes: false),
            row("CAIDI", w.say("reliability.caidi"), { $0.caidi }, isMinutes: true),
            row("CAIFI", w.say("reliability.caifi"), { $0.caifi }, isMinutes: false),
            row("CTAIDI", w.say("reliability.ctaidi"), { $0.ctaidi }, isMinutes: true),
            row("MAIFI", w.say("reliability.maifi"), { $0.maifi }, isMinutes: false),
            row("MAIFI_E", w.say("reliability.maifiE"), { $0.maifiE }, isMinutes: false),
            row("ASAI", w.say("reliability.asai"), { $0.asai }, isMinutes: false, isShare: true),
        ]
    }

    /// - Parameter place: whose outages the number of them leads to.
    private func partRow(
        _ part: ReliabilityReport.Part, _ name: Markup, place: Int64?, _ w: Wording
    ) -> Fields {
        let outages = Paths.outages(show: nil, place: place, after: nil, from: part.from, to: part.to)
        return Fields([
            "name": name, "saidi": minutes(part.all.saidi.likely, w), "saifi": plain(part.all.saifi.likely),
            "caidi": minutes(part.all.caidi.likely, w), "maifi": plain(part.all.maifi.likely),
            "ordinary": minutes(part.withoutMajor.saidi.likely, w),
            "planned": minutes(part.planned.saidi.likely, w),
            "outages": w.link(outages, "\(w.number(part.all.sustainedEvents))"),
            "customers": "\(w.number(part.customers))",
        ])
    }

    /// The month, with the way to its own page; and from which day on, where its first days had no customers.
    private func monthWords(_ part: ReliabilityReport.Part, _ w: Wording) -> Markup {
        let name = w.link(
            Paths.reliability(place: overview.place?.placeID, from: part.from, to: part.to),
            "\(w.monthName(part.from)) \(part.from.parts.year)")
        guard let servedFrom = part.servedFrom else {
            return name + " <small class=\"q\">\(w.say("reliability.noCustomers"))</small>"
        }
        guard servedFrom > part.from else { return name }
        return name + " <small class=\"q\">\(w.say("reliability.fromDay", ["day": w.dayMonth(servedFrom)]))</small>"
    }

    /// SAIDI by month: all of it, and beside it what is left without major event days. A month without customers, or
    /// that has not come, has no bar.
    private func chart(_ w: Wording) -> String {
        let today = w.day(ofMs: w.nowMs)
        let parts = overview.report.months.filter { $0.servedFrom != nil && $0.from <= today }.suffix(12)
        return Bars(
            bars: parts.map { part in
                let value = part.all.saidi.likely ?? 0
                let label = "\(pad(part.from.parts.month))"
                return Bars.Bar(
                    value: value, compared: part.withoutMajor.saidi.likely, top: places(value, 2), bottom: label,
                    title: "\(part.from.month): \(places(value, 2))",
                    isUnfinished: part.to >= today)
            }, alt: w.say("reliability.chartAlt").plain
        ).svg()
    }

    private func pad(_ month: Int) -> String { month < 10 ? "0\(month)" : "\(month)" }
}
