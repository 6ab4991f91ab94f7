// The pictures of the reports on forecasts: the error by number of meters, and a day as forecast against what came.
import Aggregation
import Charts
import CivilTime
import IntervalData
import VEE

/// What a report shows above its table.
public enum ReportPicture: Sendable {
    case bySize([GroupAccuracy])
    case day(ForecastDay)
}

extension ReportPicture {
    func title(_ w: Wording) -> Markup {
        switch self {
        case .bySize: w.say("forecast.bySize")
        case .day(let found): w.say("forecast.ofDay", ["day": w.shortDay(found.day)])
        }
    }

    func note(_ w: Wording) -> Markup {
        switch self {
        case .bySize: w.say("forecast.bySizeNote")
        case .day(let found):
            w.say(
                found.isLate ? "forecast.noteLate" : "forecast.note",
                ["known": w.shortDay(found.knownDay), "made": w.moment(found.madeAtMs)])
        }
    }

    func svg(_ w: Wording) -> String {
        switch self {
        case .bySize(let groups): Self.curve(groups, w)
        case .day(let found): Self.curve(found, w)
        }
    }

    private static func curve(_ groups: [GroupAccuracy], _ w: Wording) -> String {
        let points = groups.map { group in
            ErrorCurve.Point(
                label: w.number(group.meters),
                title: w.say(
                    "forecast.point",
                    [
                        "meters": "\(w.number(group.meters))",
                        "wape": group.wapePpm.map { "\(w.share(Int(clamping: $0)))" } ?? "–",
                    ]
                ).plain, ppm: group.wapePpm, comparedPpm: group.baselinesPpm[.threeDayMean])
        }
        return ErrorCurve(
            points: points,
            alt: w.say("forecast.curveAlt", ["points": "\(points.map(\.title).joined(separator: "; "))"]).plain
        ).svg()
    }

    private static func curve(_ found: ForecastDay, _ w: Wording) -> String {
        let hasActual = found.actual.contains { $0 != nil }
        let actualWh = found.actual.reduce(Int64(0)) { $0 + ($1 ?? 0) }
        let alt = w.say(
            "forecast.dayAlt",
            [
                "day": w.shortDay(found.day), "forecast": "\(w.units(found.totalWh))",
                "actual": hasActual ? "\(w.units(actualWh))" : "–",
            ]
        ).plain
        var picture = LoadCurve(
            slotCount: found.values.count, values: hasActual ? found.actual.map { Int32(clamping: $0 ?? 0) } : [],
            qualities: hasActual ? found.actual.map { $0 == nil ? .missing : .actual } : [],
            slotsPerHour: max(1, Int(3_600 / max(1, found.periodS))), noData: w.say("chart.noData").plain, alt: alt)
        picture.compared = found.values.map { Int32(clamping: $0 ?? 0) }
        let step = max(1, found.values.count / 8)
        picture.axis = stride(from: 0, to: found.values.count, by: step).map { slot in
            AxisLabel(
                slot: slot, text: w.time((found.startS + Int64(slot) * found.periodS) * 1000),
                isMinor: slot / step % 2 == 1)
        }
        return picture.svg()
    }
}
