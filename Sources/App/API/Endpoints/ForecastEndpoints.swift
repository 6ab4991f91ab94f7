// Forecasts of sets as programs read them, and the list of those that were issued, for dispatch.
import Access
import Aggregation
import CivilTime
import SQL

struct ForecastQuery: APIModel {
    var set: String
    var from: Day
    var to: Day
    static let notes: [String: Note] = [
        "set": Note("The set, as for its sums; virtual meters and poles have no forecasts.", length: 3...420),
        "from": Note("First day."), "to": Note("Last day, at most 39 days later."),
    ]
}

struct ForecastSlotView: APIModel {
    var startS: Int64
    var forecastWh: Int64?
    var actualWh: Int64?
    static let notes: [String: Note] = [
        "startS": Note("When it begins, seconds since 1970."),
        "forecastWh": Note("Active energy taken; absent where the days before hold too little."),
        "actualWh": Note("What came, as far as it is known well enough to judge by."),
    ]
}

struct ForecastDayView: APIModel {
    var day: Day
    var periodS: Int64
    var meters: Int
    var totalWh: Int64
    var knownDay: Day
    var madeAtMs: Int64
    var isLate: Bool
    var slots: [ForecastSlotView]
    static let notes: [String: Note] = [
        "day": Note("The civil day that was forecast."), "periodS": Note("Length of an interval, seconds."),
        "meters": Note("Meters of the set, as known when it was made."), "totalWh": Note("The day in all."),
        "knownDay": Note("The last day that was looked at."), "madeAtMs": Note("When it was made, business time."),
        "isLate": Note("Made when the day had begun, after a stop."), "slots": Note("In order of time."),
    ]
    init(_ found: ForecastDay) {
        (day, periodS, meters, totalWh) = (Day(found.day), found.periodS, found.meters, found.totalWh)
        (knownDay, madeAtMs, isLate) = (Day(found.knownDay), found.madeAtMs, found.isLate)
        slots = zip(found.values, found.actual).enumerated().map { slot, pair in
            ForecastSlotView(
                startS: found.startS + Int64(slot) * found.periodS, forecastWh: pair.0, actualWh: pair.1)
        }
    }
}

struct ForecastsView: APIModel {
    var set: String
    var title: String
    var days: [ForecastDayView]
    static let notes: [String: Note] = [
        "set": Note("The set."), "title": Note("Its name; empty for the company."),
        "days": Note("In order; days without a forecast are left out."),
    ]
}

struct ForecastIssuesQuery: APIModel {
    var after: Day?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before, or the last day that was taken over."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct ForecastIssueView: APIModel {
    var day: Day
    var issuedAtMs: Int64
    var knownDay: Day
    var sets: Int64
    var meters: Int64
    var totalWh: Int64?
    static let notes: [String: Note] = [
        "day": Note("The civil day that was forecast."), "issuedAtMs": Note("When, business time."),
        "knownDay": Note("The last day that was looked at."), "sets": Note("Forecasts of sets."),
        "meters": Note("Forecasts of single meters."),
        "totalWh": Note("The company's total; absent where its days before hold too little."),
    ]
    init(_ issue: ForecastIssue) {
        (day, issuedAtMs, knownDay) = (Day(issue.day), issue.issuedAtMs, Day(issue.knownDay))
        (sets, meters, totalWh) = (issue.sets, issue.meters, issue.totalWh)
    }
}

struct ForecastIssueList: APIModel {
    var items: [ForecastIssueView]
    var next: Day?
    static let notes: [String: Note] = [
        "items": Note("In order of day; what is issued is never changed."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

extension Endpoints {
    private static let day = CivilDay(number: 20_573)
    private static let forecastExample = ForecastsView(
        set: "res:7", title: "Ujjwal Energy",
        days: [
            ForecastDayView(
                ForecastDay(
                    day: day, values: [1_250], actual: [1_190], meters: 42, knownDay: day.advanced(by: -2),
                    madeAtMs: 1_777_433_400_000, isLate: false, startS: 1_777_487_400, periodS: 1_800))
        ])
    private static let issueExample = ForecastIssue(
        day: day, issuedAtMs: 1_777_433_400_000, knownDay: day.advanced(by: -2), sets: 31, meters: 4_200,
        totalWh: 31_250_000)

    static let forecasts: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<ForecastQuery, ForecastsView>(
                "forecasts.read", "GET", "/api/v1/forecasts", access: .permission([.readMeters]),
                EndpointText(
                    "Read forecasts of a set",
                    "Day by day with their intervals, as they were issued the day before, and what came."),
                example: ForecastQuery(set: "res:7", from: Day(day), to: Day(day)), outputExample: forecastExample,
                rate: .heavy, problems: [.notFound, .forbidden],
                run: { input, context in
                    let key = try SetKey.read(input.set)
                    let title = try await context.read { transaction, scope in
                        try key.prove(scope, in: transaction)
                        return try key.title(Scope(orgID: scope.orgID), in: transaction)
                    }
                    let days = try await SetReader(site: context.services.site, org: context.org)
                        .forecasts(key, from: input.from.value, to: input.to.value)
                    return ForecastsView(
                        set: key.description, title: title, days: days.map { ForecastDayView($0) })
                })),
        AnyEndpoint(
            Endpoint<ForecastIssuesQuery, ForecastIssueList>(
                "forecasts.issues", "GET", "/api/v1/forecast-issues", access: .permission([.readMeters]),
                EndpointText(
                    "List issued forecasts",
                    "A row for each day once all its forecasts are there: what dispatch asks for."),
                example: ForecastIssuesQuery(after: Day(day.advanced(by: -1)), limit: 50),
                outputExample: ForecastIssueList(items: [ForecastIssueView(issueExample)], next: nil),
                problems: [.forbidden],
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await context.read { transaction, scope in
                        try SetKey.all.prove(scope, in: transaction)
                        return try ForecastIssue.after(
                            input.after?.value ?? CivilDay(number: 0), limit: limit + 1, scope, in: transaction)
                    }
                    return ForecastIssueList(
                        items: found.prefix(limit).map { ForecastIssueView($0) },
                        next: found.count > limit ? Day(found[limit - 1].day) : nil)
                })),
    ]
}
