// What was forecast beside what came, and how far simple forecasts were off. Errors are reckoned from what is stored
// now, so that late and corrected readings count as soon as they are summed.
import Access
import CivilTime
import Corridor
import Grid
import IntervalData
import MeterData
import Packs
import SQL
import VEE

/// A day of a set as it was forecast, and as it was.
public struct ForecastDay: Sendable, Equatable {
    public var day: CivilDay
    /// Wh of each slot; nil where the days before held too little.
    public var values: [Int64?]
    /// What came; nil where it is not known well enough to judge by.
    public var actual: [Int64?]
    public var meters: Int
    /// The last day that was looked at.
    public var knownDay: CivilDay
    public var madeAtMs: Int64
    /// Made when the day had begun, after a stop: it rests on the same days before, but nobody could go by it in time.
    public var isLate: Bool
    public var startS: Int64
    public var periodS: Int64

    public init(
        day: CivilDay, values: [Int64?], actual: [Int64?], meters: Int, knownDay: CivilDay, madeAtMs: Int64,
        isLate: Bool, startS: Int64, periodS: Int64
    ) {
        (self.day, self.values, self.actual, self.meters) = (day, values, actual, meters)
        (self.knownDay, self.madeAtMs, self.isLate) = (knownDay, madeAtMs, isLate)
        (self.startS, self.periodS) = (startS, periodS)
    }

    public var totalWh: Int64 { values.reduce(0) { $0 + ($1 ?? 0) } }
}

/// How far forecasts of groups of so many meters were off, millionths of the energy.
public struct GroupAccuracy: Sendable, Equatable {
    public var meters: Int
    /// Groups summed over days.
    public var groups: Int
    public var intervals: Int
    public var leftOut: Int
    public var wapePpm: Int64?
    public var biasPpm: Int64?
    public var baselinesPpm: [ForecastBaseline: Int64]

    public init(
        meters: Int, groups: Int, intervals: Int, leftOut: Int, wapePpm: Int64?, biasPpm: Int64?,
        baselinesPpm: [ForecastBaseline: Int64]
    ) {
        (self.meters, self.groups, self.intervals, self.leftOut) = (meters, groups, intervals, leftOut)
        (self.wapePpm, self.biasPpm, self.baselinesPpm) = (wapePpm, biasPpm, baselinesPpm)
    }
}

extension SetReader {
    /// Longest period of forecasts with their slots, and of their errors, days.
    public static let forecastDaysMax = 40
    static let accuracyDaysMax = 100

    /// The current days of some meters, each for itself.
    func daysByMeter(
        _ meters: [Int64], from: CivilDay, to: CivilDay
    ) async throws -> [Int64: [CivilDay: DaySums]] {
        guard let first = meters.min(), let last = meters.max() else { return [:] }
        let wanted = Set(meters)
        // Meters that lie close together are swept, others are asked for one by one.
        let isDense = last - first < Int64(meters.count) * 4
        var found: [Int64: [CivilDay: DaySums]] = [:]
        for (shard, days) in try await months(from, to) {
            let part = try await shard.read { [org] transaction in
                var part: [(Int64, CivilDay, SlotSums)] = []
                func take(_ raw: RawDay, _ day: CivilDay) throws {
                    var sums = SlotSums(slots: raw.slotCount)
                    try sums.add(values: raw.values, qualities: raw.qualities)
                    part.append((raw.meterID, day, sums))
                }
                for day in days {
                    if isDense {
                        try DayBlocks.sweep(
                            day: day, channel: .importWh, meters: first...last, through: .max, orgID: org.orgID,
                            in: transaction
                        ) { if wanted.contains($0.meterID) { try take($0, day) } }
                    } else {
                        for pair in try DayBlocks.pair(
                            day: day, channel: .importWh, meters: meters, before: 0, through: .max, orgID: org.orgID,
                            in: transaction)
                        {
                            if let new = pair.value.new { try take(new, day) }
                        }
                    }
                }
                return part
            }
            for (meterID, day, sums) in part { found[meterID, default: [:]][day] = [sums.slotCount: sums] }
        }
        return found
    }

    /// Forecasts of a set with what came, in order of day; days without a forecast are left out.
    public func forecasts(_ key: SetKey, from: CivilDay, to: CivilDay) async throws -> [ForecastDay] {
        try Self.refuseBadPeriod(from, to, daysMax: Self.forecastDaysMax)
        return try await judged(key, from: from, to: to).map(\.day)
    }

    private func judged(
        _ key: SetKey, from: CivilDay, to: CivilDay
    ) async throws -> [(day: ForecastDay, tally: ForecastTally)] {
        var stored: [SetForecast] = []
        for (shard, days) in try await months(from, to) {
            stored += try await shard.read { [org] in
                try SetForecast.of(key, days: days, orgID: org.orgID, in: $0)
            }
        }
        guard let first = stored.first?.day, let last = stored.last?.day else { return [] }
        let sums = try await days(key, .importWh, from: first.advanced(by: -7), to: last)
        var result: [(ForecastDay, ForecastTally)] = []
        for made in stored where !made.values.isEmpty {
            let (startS, lengthS) = (org.zone.startS(of: made.day), org.zone.lengthS(of: made.day))
            let periodS = lengthS / Int64(made.values.count)
            var maker = SeriesMaker(from: made.day.advanced(by: -7), through: made.day, zone: org.zone)
            let near = sums.filter { made.day.advanced(by: -7) <= $0.key && $0.key <= made.day }
            let series = maker.series(near, periodS: Int(periodS))
            var tally = ForecastTally()
            tally.add(made.values, of: made.day, in: series)
            let slots = series.slots(of: made.day) ?? 0..<0
            result.append(
                (
                    ForecastDay(
                        day: made.day, values: made.values,
                        actual: slots.map { series.qualities[$0] >= .edited ? series.values[$0] : nil },
                        meters: made.meters, knownDay: made.knownDay, madeAtMs: made.madeAtMs,
                        isLate: made.madeAtMs >= startS * 1000, startS: startS, periodS: periodS), tally
                ))
        }
        return result
    }

    /// The error by number of meters over a period, the smallest group first; the last one is the whole company, by the
    /// forecasts that were issued for it.
    public func accuracyBySize(from: CivilDay, to: CivilDay) async throws -> [GroupAccuracy] {
        try Self.refuseBadPeriod(from, to, daysMax: Self.accuracyDaysMax)
        var sums: [Int: [String: GroupError]] = [:]
        for (shard, days) in try await months(from, to) {
            for error in try await shard.read({ [org] in try GroupError.of(days: days, orgID: org.orgID, in: $0) }) {
                sums[error.meters, default: [:]][error.maker, default: error.nothing].add(error)
            }
        }
        let all = try await judged(.all, from: from, to: to)
        if let meters = all.map(\.day.meters).max() {
            var whole: [String: GroupError] = [:]
            for (day, tally) in all {
                for error in tally.groupErrors(day: day.day, meters: meters, groups: 1) {
                    whole[error.maker, default: error.nothing].add(error)
                }
            }
            // A day without any reading yet is no day that was forecast wrongly.
            if whole[GroupError.ours].map({ $0.intervals > 0 }) == true { sums[meters] = whole }
        }
        return sums.sorted { $0.key < $1.key }.compactMap { meters, makers in
            guard let ours = makers[GroupError.ours] else { return nil }
            let simple = ForecastBaseline.allCases.compactMap { baseline in
                makers[baseline.rawValue]?.wapePpm(beside: ours).map { (baseline, $0) }
            }
            return GroupAccuracy(
                meters: meters, groups: ours.groups, intervals: ours.intervals, leftOut: ours.leftOut,
                wapePpm: ours.wapePpm, biasPpm: ours.biasPpm,
                baselinesPpm: Dictionary(uniqueKeysWithValues: simple))
        }
    }

    // MARK: reports

    /// The slots of a set's forecasts: what dispatch takes over.
    func forecastRows(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        let key = try await set(query, scope)
        let days = try await forecasts(key, from: query.from, to: query.to)
        let rows = days.flatMap { found in
            zip(found.values, found.actual).enumerated().map { slot, pair in
                let startS = found.startS + Int64(slot) * found.periodS
                return ReportRow(
                    cells: [
                        .text(time(startS)), .number(found.periodS / 60), .optional(pair.0), .optional(pair.1),
                        .optional(pair.0.flatMap { value in pair.1.map { value - $0 } }),
                    ], opens: nil)
            }
        }
        return (
            [
                ReportColumn("starts", .time), ReportColumn("minutes", .count), ReportColumn("forecast_Wh", .wh),
                ReportColumn("actual_Wh", .wh), ReportColumn("error_Wh", .wh),
            ], rows
        )
    }

    private static let accuracyColumns = [
        ReportColumn("forecast_Wh", .wh), ReportColumn("actual_Wh", .wh), ReportColumn("wape_ppm", .ppm),
        ReportColumn("bias_ppm", .ppm), ReportColumn("yesterday_ppm", .ppm), ReportColumn("last_week_ppm", .ppm),
        ReportColumn("three_day_mean_ppm", .ppm), ReportColumn("intervals", .count),
        ReportColumn("left_out", .count), ReportColumn("late_days", .count),
    ]

    /// Of every set that has forecasts, over the period; of one set day by day.
    func forecastAccuracy(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        try Self.refuseBadPeriod(query.from, query.to, daysMax: Self.accuracyDaysMax)
        if let key = query.set {
            let rows = try await judged(key, from: query.from, to: query.to).map { day, tally in
                ReportRow(
                    cells: [.text(day.day.description), .count(day.meters)] + Self.cells([(day, tally)]),
                    opens: .forecast(key, from: day.day, to: day.day))
            }
            return ([ReportColumn("day", .day), ReportColumn("meters", .count)] + Self.accuracyColumns, rows)
        }
        var rows: [ReportRow] = []
        for key in try await forecastSets(query, scope) {
            let days = try await judged(key, from: query.from, to: query.to)
            guard !days.isEmpty else { continue }
            let title = try await site.money.read { try key.title(Scope(orgID: scope.orgID), in: $0) }
            rows.append(
                ReportRow(
                    cells: [
                        .text(key.description), .text(title), .count(days.map(\.day.meters).max() ?? 0),
                        .count(days.count),
                    ] + Self.cells(days), opens: .forecast(key, from: query.from, to: query.to)))
        }
        let columns = [
            ReportColumn("set", .text), ReportColumn("name", .text), ReportColumn("meters", .count),
            ReportColumn("days", .count),
        ]
        return (columns + Self.accuracyColumns, rows)
    }

    private static func cells(_ days: [(day: ForecastDay, tally: ForecastTally)]) -> [ReportCell] {
        var sums: [String: GroupError] = [:]
        for (day, tally) in days {
            for error in tally.groupErrors(day: day.day, meters: 0, groups: 1) {
                sums[error.maker, default: error.nothing].add(error)
            }
        }
        let ours = sums[GroupError.ours]
        func simple(_ baseline: ForecastBaseline) -> ReportCell {
            .optional(ours.flatMap { sums[baseline.rawValue]?.wapePpm(beside: $0) })
        }
        let isKnown = ours.map { $0.intervals > 0 } ?? false
        return [
            .number(days.reduce(0) { $0 + $1.day.totalWh }), isKnown ? .optional(ours?.truthWh) : .none,
            .optional(ours?.wapePpm), .optional(ours?.biasPpm), simple(.yesterday), simple(.lastWeek),
            simple(.threeDayMean), .count(ours?.intervals ?? 0), .count(ours?.leftOut ?? 0),
            .count(days.count { $0.day.isLate }),
        ]
    }

    /// Sets a report goes through: the company, networks, plants and suppliers, categories; places up to 200.
    private func forecastSets(_ query: ReportQuery, _ scope: Scope) async throws -> [SetKey] {
        let places = try await site.money.read { try Place.all(scope, in: $0) }.filter { $0.kind != .pole }
        let below = places.prefix(200).map { SetKey.place($0.placeID) }
        guard scope.isWholeCompany else { return below }
        let nodes = paths.nodes.values.sorted { ($0.kind.rawValue, $0.nodeID) < ($1.kind.rawValue, $1.nodeID) }
        var categories: Set<String> = []
        for (shard, days) in try await months(query.from, query.to) {
            categories.formUnion(
                try await shard.read { [org] in
                    try SetForecast.categories(days: days, orgID: org.orgID, in: $0)
                })
        }
        return [.all] + nodes.map { .node($0.kind, $0.nodeID) } + categories.sorted().compactMap { SetKey($0) } + below
    }

    func forecastBySize(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        // Groups are made of meters of the whole company.
        try await site.money.read { try SetKey.all.prove(scope, in: $0) }
        let found = try await accuracyBySize(from: query.from, to: query.to)
        let columns = [
            ReportColumn("meters", .count), ReportColumn("groups", .count), ReportColumn("wape_ppm", .ppm),
            ReportColumn("bias_ppm", .ppm), ReportColumn("yesterday_ppm", .ppm), ReportColumn("last_week_ppm", .ppm),
            ReportColumn("three_day_mean_ppm", .ppm), ReportColumn("intervals", .count),
            ReportColumn("left_out", .count),
        ]
        return (
            columns,
            found.map { group in
                func simple(_ baseline: ForecastBaseline) -> ReportCell { .optional(group.baselinesPpm[baseline]) }
                return ReportRow(
                    cells: [
                        .count(group.meters), .count(group.groups), .optional(group.wapePpm),
                        .optional(group.biasPpm), simple(.yesterday), simple(.lastWeek), simple(.threeDayMean),
                        .count(group.intervals), .count(group.leftOut),
                    ], opens: nil)
            }
        )
    }
}

extension GroupError {
    /// The same group and maker without any error.
    fileprivate var nothing: GroupError {
        GroupError(
            day: day, meters: meters, maker: maker, groups: 0, intervals: 0, leftOut: 0, absoluteWh: 0, signedWh: 0,
            truthWh: 0)
    }

    fileprivate mutating func add(_ other: GroupError) {
        groups += other.groups
        intervals += other.intervals
        leftOut += other.leftOut
        absoluteWh += other.absoluteWh
        signedWh += other.signedWh
        truthWh += other.truthWh
    }

    fileprivate var wapePpm: Int64? { share(absoluteWh) }
    /// Nil unless nearly as much could be judged: errors of other days are no comparison.
    fileprivate func wapePpm(beside ours: GroupError) -> Int64? {
        intervals * 10 >= ours.intervals * 9 ? wapePpm : nil
    }
    fileprivate var biasPpm: Int64? { share(signedWh) }
    private func share(_ wh: Int64) -> Int64? {
        truthWh > 0 ? Int64(Int128(wh) * 1_000_000 / Int128(truthWh)) : nil
    }
}
