// `busbar vee fill` and `busbar forecast`, which know files only: arguments; the work is in Composition.
import ArgumentParser
import Composition

struct VEEFill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill", abstract: "Fills the gaps of a load file; no database is touched.",
        discussion: """
            An empty cell or an absent row between the first and the last stamp of the file is a gap; so are words such
            as NaN and values less than nought, which are told. Intervals of several lengths are summed to one. Writes
            meter,start,value_kwh,quality,method,confidence with a row for every meter and interval.
            Try it: busbar vee fill --in load.csv --out filled.csv --zone Europe/London
            Exit codes: 0 done, 1 the input is refused, 2 wrong call, 3 rows or values were refused or intervals stay
            missing.
            """)

    @Option(name: .customLong("in"), help: "Wide or long CSV, plain or gzip.") var input: String
    @Option(name: .customLong("out"), help: "CSV to write; gzip when it ends in .gz.") var output: String
    @Option(help: "CSV of meter,time,register_kwh: gaps between readings add exactly to what they moved.")
    var registers: String?
    @Option(
        help: """
            best (smallest errors), standard (as companies start: mean of the last three days), threeDayMean, \
            linear, sameDayType, profile, registerConstrained or outageZero; best when neither it nor a plan is given.
            """)
    var method: String?
    @Option(help: "A plan of estimation as JSON, instead of a method.") var plan: String?
    @Option(help: "Days that are lived like Sundays: one a line, 2009-04-10.") var holidays: String?
    @Option(name: .customLong("period"), help: "Minutes of all intervals, where stamps do not tell.")
    var periodMinutes: Int?
    @Option(help: "Zone of the meters' days.") var zone = "UTC"

    func run() async throws {
        try await leaving { console in
            try await fillFile(
                FillFileOptions(
                    input: input, output: output, registers: registers, method: method, plan: plan,
                    holidays: holidays, periodMinutes: periodMinutes, zone: zone), console)
        }
    }
}

struct ForecastCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forecast", abstract: "Forecasts the days after a load file; no database is touched.",
        discussion: """
            Writes meter,start,value_kwh. With --from each day is made from the days before it, and where the file holds
            the day too, the errors are printed beside those of simple forecasts.
            Try it: busbar forecast --in load.csv --days 7 --out ahead.csv --sum
            Exit codes: 0 done, 1 the input is refused, 2 wrong call, 3 rows or values were refused or history is too
            short.
            """)

    @Option(name: .customLong("in"), help: "Wide or long CSV, plain or gzip.") var input: String
    @Option(name: .customLong("out"), help: "CSV to write; gzip when it ends in .gz.") var output: String
    @Option(parsing: .unconditional, help: "How many days.") var days = 1
    @Option(help: "First day, 2009-04-13; else the day after the last whole one of the file.") var from: String?
    @Option(help: "Days that are lived like Sundays: one a line, 2009-04-10.") var holidays: String?
    @Flag(help: "Also the sum of all meters, as a series of its own named (sum).") var sum = false
    @Option(name: .customLong("period"), help: "Minutes of all intervals, where stamps do not tell.")
    var periodMinutes: Int?
    @Option(help: "Zone of the meters' days.") var zone = "UTC"

    func run() async throws {
        try await leaving { console in
            try await forecastFile(
                ForecastFileOptions(
                    input: input, output: output, days: days, from: from, holidays: holidays, sum: sum,
                    periodMinutes: periodMinutes, zone: zone), console)
        }
    }
}
