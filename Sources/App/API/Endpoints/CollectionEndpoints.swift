// Collection: who is late and why, calling now, and the service clocks.
import Access
import CivilTime
import HeadEnd
import Jobs
import MeterPort
import Meters

struct LateCauseView: APIModel {
    var cause: CollectionCause
    var meters: Int64
    var meterDays: Int64
    var oldestDay: Day
    var nextAtMs: Int64
    static let notes: [String: Note] = [
        "cause": Note("What the last try found; waiting: none was made yet."),
        "meters": Note("How many meters."), "meterDays": Note("How many of their days."),
        "oldestDay": Note("The oldest of them."), "nextAtMs": Note("The next try of any of them, business time."),
    ]
}

struct LateFeederView: APIModel {
    var placeID: ID?
    var name: String
    var meters: Int64
    var meterDays: Int64
    static let notes: [String: Note] = [
        "placeID": Note("The feeder, or the plant where no feeder lies above."), "name": Note("Its name."),
        "meters": Note("Late meters that lie there."), "meterDays": Note("How many of their days."),
    ]
}

struct CollectionView: APIModel {
    var countedAtMs: Int64
    var causes: [LateCauseView]
    var feeders: [LateFeederView]
    var lostMeterDays: Int
    var rawUntaken: Int64
    var rawOldestAtMs: Int64?
    static let notes: [String: Note] = [
        "countedAtMs": Note("Business time of the count."), "causes": Note("Most meters first."),
        "feeders": Note("Most late meters first."),
        "lostMeterDays": Note("Ended in the last 35 days with intervals that are not to be had; at most 50 counted."),
        "rawUntaken": Note("Answers that meter data has not taken over; 0 for who is confined to a place."),
        "rawOldestAtMs": Note("When the oldest of them was read."),
    ]
    init(_ report: CollectionReport) {
        countedAtMs = report.nowMs
        causes = report.causes.map {
            LateCauseView(
                cause: $0.cause, meters: $0.meters, meterDays: $0.meterDays, oldestDay: Day($0.oldest),
                nextAtMs: $0.nextAtMs)
        }
        feeders = report.feeders.map {
            LateFeederView(
                placeID: $0.placeID.map { ID($0) }, name: $0.name, meters: $0.meters, meterDays: $0.meterDays)
        }
        (lostMeterDays, rawUntaken) = (report.lost.count, report.rawOpen.waiting)
        rawOldestAtMs = report.rawOpen.oldestAtMs
    }
    private init() {
        (countedAtMs, lostMeterDays, rawUntaken) = (1_795_248_000_000, 0, 12)
        causes = [
            LateCauseView(
                cause: .unreachable, meters: 2, meterDays: 3, oldestDay: Day(CivilDay(number: 20_770)),
                nextAtMs: 1_795_249_800_000)
        ]
        feeders = [LateFeederView(placeID: ID(31), name: "Feeder 4, Alambagh", meters: 2, meterDays: 3)]
    }
    static let example = CollectionView()
}

struct LateQuery: APIModel {
    var cause: CollectionCause?
    var placeID: ID?
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "cause": Note("Only meters that are late for this."), "placeID": Note("Only meters under this place."),
        "after": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct LateMeterView: APIModel {
    var meterID: ID
    var serial: String
    var cause: CollectionCause
    var oldestDay: Day
    var days: Int64
    var intervals: Int64
    var tries: Int64
    var nextAtMs: Int64
    var lastTryMs: Int64?
    var lastError: String?
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "serial": Note("Its serial number."), "cause": Note("Why it is late."),
        "oldestDay": Note("The oldest day that is asked for."), "days": Note("How many days are."),
        "intervals": Note("Intervals that are missing."), "tries": Note("Tries so far."),
        "nextAtMs": Note("The next try, business time."), "lastTryMs": Note("The last one."),
        "lastError": Note("What went wrong."),
    ]
    init(_ late: LateMeter, _ serial: String) {
        (meterID, self.serial, cause, oldestDay) = (ID(late.meterID), serial, late.cause, Day(late.oldest))
        (days, intervals, tries, nextAtMs) = (late.days, late.wantedSlots, late.attempt, late.nextAtMs)
        (lastTryMs, lastError) = (late.lastAttemptAtMs, late.lastError)
    }
    private init() {
        (meterID, serial, cause, oldestDay) = (ID(1001), "BB100001", .unreachable, Day(CivilDay(number: 20_770)))
        (days, intervals, tries, nextAtMs) = (1, 48, 3, 1_795_249_800_000)
    }
    static let example = LateMeterView()
}

struct LateListView: APIModel {
    var items: [LateMeterView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of the meters' ids."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct CollectNowInput: APIModel {
    var meterID: ID?
    var cause: CollectionCause?
    var placeID: ID?
    static let notes: [String: Note] = [
        "meterID": Note("One meter; days that were given up are asked for again too."),
        "cause": Note("All that are late for this."), "placeID": Note("All that are late under this place."),
    ]
}

struct ServiceDayView: APIModel {
    var day: Day
    var total: Int64
    var inTime: Int64
    var sharePpm: Int?
    var targetMinutes: Int64
    var goalPermille: Int64
    static let notes: [String: Note] = [
        "day": Note("The day it is about."), "total": Note("How much was to be done."),
        "inTime": Note("How much was done in time."), "sharePpm": Note("The share, parts per million."),
        "targetMinutes": Note("The target the day was judged by."), "goalPermille": Note("The share to be reached."),
    ]
}

struct ServiceClockView: APIModel {
    var clock: ServiceClock
    var targetMinutes: Int64
    var goalPermille: Int64
    var origin: ServiceClock.Origin
    var monthTotal: Int64
    var monthInTime: Int64
    var days: [ServiceDayView]
    static let notes: [String: Note] = [
        "clock": Note("What is measured."), "targetMinutes": Note("In force today."),
        "goalPermille": Note("The share to be reached, parts per thousand."),
        "origin": Note("Where the target comes from; memory: not confirmed in a document."),
        "monthTotal": Note("Of the month of the last day."), "monthInTime": Note("Of these, done in time."),
        "days": Note("Days that are judged.", itemsMax: ServiceReport.daysMax),
    ]
    init(_ clock: ServiceReport.Clock) {
        (self.clock, targetMinutes, goalPermille) = (clock.clock, clock.target.minutes, clock.target.permille)
        (origin, monthTotal, monthInTime) = (clock.target.origin, clock.monthTotal, clock.monthInTime)
        days = clock.days.map {
            ServiceDayView(
                day: Day($0.day), total: $0.total, inTime: $0.inTime, sharePpm: $0.sharePpm,
                targetMinutes: $0.targetMs / 60_000, goalPermille: $0.goalPermille)
        }
    }
    private init() {
        (clock, targetMinutes, goalPermille, origin) = (.intervalsEarly, 480, 950, .memory)
        (monthTotal, monthInTime) = (48_000, 47_500)
        days = [
            ServiceDayView(
                day: Day(CivilDay(number: 20_770)), total: 2400, inTime: 2390, sharePpm: 995_833, targetMinutes: 480,
                goalPermille: 950)
        ]
    }
    static let example = ServiceClockView()
}

struct ServiceClocksView: APIModel {
    var clocks: [ServiceClockView]
    static let notes: [String: Note] = ["clocks": Note("Every clock; days only for who sees the whole company.")]
}

struct ServiceQuery: APIModel {
    var from: Day?
    var to: Day?
    static let notes: [String: Note] = [
        "from": Note("The first day; 30 days before the last when not given."),
        "to": Note("The last day, today when not given; at most 92 days in all."),
    ]
}

extension Endpoints {
    static let collection: [AnyEndpoint] = board + rawAnswers + liveness

    private static let board: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, CollectionView>(
                "collection.read", "GET", "/api/v1/collection", access: .permission([.readMeters]),
                EndpointText("Who is late and why", "Open meter-days by cause and by feeder; what is not taken over."),
                outputExample: .example,
                run: { _, context in
                    CollectionView(try await CollectionReport.of(context.services.site, context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<LateQuery, LateListView>(
                "collection.late", "GET", "/api/v1/collection/late", access: .permission([.readMeters]),
                EndpointText("Late meters", "One by one, with the reason and the next try."),
                example: LateQuery(cause: .unreachable, limit: 50),
                outputExample: LateListView(items: [.example], next: ID(1001)), problems: [.notFound],
                run: { input, context in
                    let list = try await LateList.of(
                        context.services.site, cause: input.cause, placeID: input.placeID?.value,
                        after: input.after?.value ?? 0, limit: input.limit ?? 50, context.actor.scope)
                    return LateListView(
                        items: list.part.items.map { LateMeterView($0.late, $0.serial) },
                        next: list.part.next.flatMap { Int64($0) }.map { ID($0) })
                })),
        AnyEndpoint(
            Endpoint<CollectNowInput, JobsAskedView>(
                "collection.run", "POST", "/api/v1/collection/run", access: .permission([.commandMeters]),
                EndpointText("Call late meters now", "One, or all of a cause or a place; a serving process does it."),
                example: CollectNowInput(meterID: ID(1001)), outputExample: JobsAskedView(jobs: 2),
                problems: [.notFound, .conflict],
                run: { input, context in
                    let asked = try await context.perform(
                        CollectNow(
                            meterID: input.meterID?.value, cause: input.cause, placeID: input.placeID?.value))
                    return JobsAskedView(jobs: asked.jobs)
                })),
        AnyEndpoint(
            Endpoint<ServiceQuery, ServiceClocksView>(
                "service-clocks.read", "GET", "/api/v1/service-clocks", access: .permission([.readMeters]),
                EndpointText(
                    "Service clocks", "For each profile and class of order the share done within its target, by day."),
                example: ServiceQuery(), outputExample: ServiceClocksView(clocks: [.example]),
                run: { input, context in
                    let report = try await ServiceReport.of(
                        context.services.site, from: input.from?.value, to: input.to?.value, context.actor.scope)
                    return ServiceClocksView(clocks: report.clocks.map { ServiceClockView($0) })
                })),
    ]
}
