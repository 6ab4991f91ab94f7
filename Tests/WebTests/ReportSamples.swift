// Samples of the explorer of sums and of the reports.
import Access
import Aggregation
import CivilTime
import Corridor
import IntervalData
import VEE

@testable import Web

extension Samples {
    private static let first = CivilDay(number: 20_770)

    private static func series(
        _ resolution: Resolution, _ count: Int, _ grossed: Grossed, unsummed: [CivilDay] = []
    ) -> SetSeries {
        let stepS: Int64 = resolution == .day ? 86_400 : 1_800
        let buckets = (0..<count).map { index in
            SetBucket(
                startS: 1_794_508_200 + Int64(index) * stepS, day: first.advanced(by: index * Int(stepS) / 86_400),
                meterWh: Int64(index % 7) * 1_250 - (index == 3 ? 9_000 : 0),
                grossedMilliWh: [.notOfThisSet, .withoutPath].contains(grossed) ? nil : Int64(index) * 1_400_000,
                estimatedIntervals: index % 5, editedIntervals: 0, missingIntervals: index % 11 == 0 ? 2 : 0)
        }
        return SetSeries(
            key: .all, channel: .importWh, resolution: resolution, asked: .quarterHour, buckets: buckets,
            grossed: grossed, meters: 42, madeAtMs: 0, unsummed: unsummed)
    }

    private static let groups = [1, 2, 5, 10, 20, 50, 100, 200, 500, 4_200].enumerated().map { index, meters in
        GroupAccuracy(
            meters: meters, groups: 500 / meters, intervals: 48, leftOut: 3,
            wapePpm: index == 3 ? nil : Int64(514_000 / (index + 1)), biasPpm: -1_200,
            baselinesPpm: [.threeDayMean: Int64(650_000 / (index + 1))])
    }

    private static func day(late: Bool, actual: Int) -> ReportPicture {
        .day(
            ForecastDay(
                day: first, values: (0..<48).map { $0 == 5 ? nil : 300 + Int64($0 % 24) * 20 },
                actual: (0..<48).map { $0 < actual ? 280 + Int64($0 % 24) * 22 : nil }, meters: 42,
                knownDay: first.advanced(by: -2), madeAtMs: 1_794_421_800_000, isLate: late,
                startS: 1_794_508_200, periodS: 1_800))
    }

    private static func cells(_ word: String) -> [(ReportColumn, ReportCell)] {
        [
            (ReportColumn("place", .text), .text(word)), (ReportColumn("day", .day), .text("2026-11-12")),
            (ReportColumn("import_Wh", .wh), .number(-1_234)), (ReportColumn("peak_W", .watt), .number(5_600)),
            (ReportColumn("loss_ppm", .ppm), .none), (ReportColumn("missing", .count), .number(0)),
            (ReportColumn("peak_at", .time), .text("2026-11-12 18:30")), (ReportColumn(word, .text), .text(word)),
        ]
    }

    static func reports(_ word: String) -> [Sample] {
        let keys: [SetKey?] = [.place(31), .meter(1001), .node(.stu, 7), nil]
        let parts = BreakUp(
            rows: keys.enumerated().map { index, key in
                BreakUpRow(
                    key: key, wh: Int64(9_000 - index * 1_000), estimatedIntervals: index, editedIntervals: 0,
                    missingIntervals: 0)
            }, rest: BreakUpRow(key: nil, wh: 12, estimatedIntervals: 0, editedIntervals: 0, missingIntervals: 1),
            restCount: 3)
        let typed = ["set": "place:31", "from": "2026-11-12", "to": "2026-11-18", "by": "meter", "resolution": "day"]
        func explorer(_ name: String, _ series: SetSeries) -> Sample {
            Sample(
                name: name, look: .console, place: .reports,
                page: AggregationView(
                    sets: [("all", ""), ("place:31", word)], setName: word, typed: typed,
                    found: .init(
                        series: series, parts: parts, titles: [word, word, word, ""], undeclared: [word, "GETCO"]),
                    refusal: nil))
        }
        let cells = cells(word)
        let targets: [ReportTarget?] = [
            .set(.place(31), from: first, to: first), .set(.meter(1001), from: first, to: first), .meter(1001, first),
            .exceptions(rule: "spike"), nil, .forecast(.place(31), from: first, to: first),
        ]
        let rows = (0..<ReportPageView.pageSize + 5).map { index in
            ReportRow(cells: cells.map(\.1), opens: targets[index % targets.count])
        }
        func page(
            _ name: ReportName, _ rows: [ReportRow], after: Int = 0, _ picture: ReportPicture? = nil,
            of kind: String = ""
        ) -> Sample {
            var view = ReportPageView(
                name: name,
                report: Report(
                    name: name, from: first, to: first, columns: cells.map(\.0), rows: rows, madeAtMs: 0),
                refusal: nil, after: after, typed: typed, sets: [("place:31", word)])
            view.picture = picture
            return Sample(name: "report-\(name.rawValue)\(kind)", look: .console, place: .reports, page: view)
        }
        return [
            Sample(name: "reports", look: .console, place: .reports, page: ReportsView()),
            explorer("aggregation", series(.day, 7, .known(withoutPathWh: 500))),
            explorer("aggregation-fine", series(.halfHour, 336, .undeclared([7, 8]))),
            explorer("aggregation-place", series(.month, 2, .notOfThisSet)),
            explorer("aggregation-empty", series(.hour, 0, .known(withoutPathWh: 0))),
            explorer(
                "aggregation-unsummed", series(.day, 0, .withoutPath, unsummed: [first, first.advanced(by: 1)])),
            explorer(
                "aggregation-partly",
                series(.day, 2, .withoutPath, unsummed: [2, 4, 5].map { first.advanced(by: $0) })),
            Sample(
                name: "aggregation-refused", look: .console, place: .reports,
                page: AggregationView(
                    sets: [("place:31", word)], setName: "", typed: typed, found: nil, refusal: Refusal(.invalid, word))
            ),
            Sample(
                name: "report-refused", look: .console, place: .reports,
                page: ReportPageView(
                    name: .maximumDemand, report: nil, refusal: Refusal(.invalid, word), after: 0, typed: [:], sets: [])
            ),
            page(.dataAvailability, rows), page(.energyBalance, Array(rows.prefix(3))), page(.exceptions, []),
            page(.forecastBySize, Array(rows.suffix(4)), .bySize(groups)),
            page(.forecastAccuracy, Array(rows.prefix(9)), .bySize(groups)),
            page(.forecastAccuracy, Array(rows.prefix(9)), day(late: true, actual: 40), of: "-day"),
            page(.forecast, Array(rows.prefix(9)), day(late: false, actual: 0)),
            page(.peakToAverage, rows, after: ReportPageView.pageSize), page(.consumption, Array(rows.prefix(1))),
        ]
    }
}
