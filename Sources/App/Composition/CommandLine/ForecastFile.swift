// `busbar forecast`: the days after a load file, or days within it from the days before each, without a database.
import CivilTime
import Foundation
import IntervalData
import VEE

public struct ForecastFileOptions: Sendable {
    public var input: String
    public var output: String
    public var days: Int
    /// First day to forecast, `2009-04-13`; nil is the day after the last whole one.
    public var from: String?
    public var holidays: String?
    /// Also the sum of all meters, forecast as a series of its own.
    public var sum: Bool
    /// Of all intervals, where stamps do not tell.
    public var periodMinutes: Int?
    public var zone: String
    public init(
        input: String, output: String, days: Int, from: String? = nil, holidays: String? = nil, sum: Bool = false,
        periodMinutes: Int? = nil, zone: String = "UTC"
    ) {
        self.input = input
        self.output = output
        self.days = days
        self.from = from
        self.holidays = holidays
        self.sum = sum
        self.periodMinutes = periodMinutes
        self.zone = zone
    }
}

/// Writes `meter,start,value_kwh`. Each day is made from the days before it that the file holds; where the file holds
/// the day itself too, the errors are said beside those of simple forecasts.
public func forecastFile(_ options: ForecastFileOptions, _ console: Console) async throws -> CommandStatus {
    let progress = ProgressLine(console)
    let zone = try knownZone(options.zone)
    guard (1...366).contains(options.days) else {
        throw Complaint("--days \(options.days): 1 to 366", hint: "Give how many days to forecast.", .usage)
    }
    try keepInputs([options.input, options.holidays], from: options.output)
    let holidays = try readHolidays(options.holidays)
    let file = try SeriesFile(
        options.input, zone: zone, periodMinutes: options.periodMinutes, holidays: holidays, daysAhead: options.days,
        progress: progress)
    guard let shape = file.series.first else { return .problems }
    if file.rowRange.upperBound > file.range.upperBound {
        console.note("\(options.input): its last rows have no value; the forecast follows the last value")
    }
    let from = try firstDay(options, shape, file.range)
    let days = (0..<options.days).map { from.advanced(by: $0) }
    var names = file.meters
    var all = file.series.map { (series: $0, method: ForecastMethod.meter) }
    if options.sum, let total = summed(file.series) {
        names.append("(sum)")
        all.append((total, .sum))
    }
    var stamps: [CivilDay: [String]] = [:]
    for day in days { stamps[day] = shape.slots(of: day).map { utcStamps(shape, $0) } }
    var result = ResultFile(options.output, header: "meter,start,value_kwh")
    var errors = ForecastScore()
    var totals = ForecastScore()
    var open = 0
    for (index, (name, (series, method))) in zip(names, all).enumerated() {
        let isSum = index >= file.meters.count
        for day in days {
            let values = forecast(series, day: day, method: method)
            open += values.count { $0 == nil }
            for (stamp, value) in zip(stamps[day] ?? [], values) {
                result.add("\(csvField(name)),\(stamp),\(value.map(exactKWh) ?? "")")
            }
            if isSum { totals.add(values, of: day, in: series) } else { errors.add(values, of: day, in: series) }
        }
        progress.at("\(index + 1) of \(names.count) series forecast")
    }
    try result.finish()
    let took = progress.end()
    file.tell(console)
    console.say(
        "\(options.output): \(names.count) series, \(options.days) days from \(from)"
            + (open == 0 ? "" : ", \(open) intervals without enough history"))
    if let line = errors.line { console.say("meters: \(line)") }
    if let line = totals.line { console.say("sum: \(line)") }
    console.note("done, \(took)")
    return file.isWhole && open == 0 ? .done : .partly
}

private func firstDay(_ options: ForecastFileOptions, _ series: LoadSeries, _ range: Range<Int>) throws -> CivilDay {
    let known = series.days.filter { $0.slots.overlaps(range) }
    guard let first = known.first, let last = known.last else {
        throw Complaint("\(options.input): no values", hint: "Give a load file with values.", .problems)
    }
    guard let text = options.from else {
        return last.slots.upperBound <= range.upperBound ? last.day.advanced(by: 1) : last.day
    }
    guard let day = CivilDay(text), day > first.day, day <= last.day.advanced(by: 1) else {
        throw Complaint(
            "--from \(text): not a day after \(first.day) and up to \(last.day.advanced(by: 1))",
            hint: "Write 2009-04-13; days before it must be in the file.", .usage)
    }
    return day
}

/// The errors of the forecast and of simple ones, where the truth is known.
private struct ForecastScore {
    private var ours = ForecastError()
    private var theirs: [ForecastBaseline: ForecastError] = [:]

    mutating func add(_ values: [Int64?], of day: CivilDay, in series: LoadSeries) {
        ours.add(values, of: day, in: series)
        for baseline in ForecastBaseline.allCases {
            theirs[baseline, default: ForecastError()].add(
                forecast(series, day: day, baseline: baseline), of: day, in: series)
        }
    }

    /// Nil where no truth is known.
    var line: String? {
        guard let wape = ours.wapePpm, let bias = ours.biasPpm else { return nil }
        let others = ForecastBaseline.allCases.compactMap { baseline in
            theirs[baseline]?.wapePpm.map { "\(baseline.rawValue) \(share($0))" }
        }
        return "WAPE \(share(wape)), bias \(share(bias)) of \(ours.count) known intervals; "
            + others.joined(separator: ", ")
    }
}
