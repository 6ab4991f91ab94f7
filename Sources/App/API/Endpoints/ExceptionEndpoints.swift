// Exceptions of readings: listed, counted, looked at, taken and settled, one or many.
import Access
import CivilTime
import MeterData
import SQL
import VEE

struct ReadingExceptionView: APIModel {
    var id: String
    var day: Day
    var meterID: ID
    var rule: String
    var severity: Severity
    var state: ExceptionState
    var fromSlot: Int
    var toSlot: Int
    var message: String
    var raisedAtMs: Int64
    var ownerID: ID?
    var takenAtMs: Int64?
    var resolution: String?
    var resolvedAtMs: Int64?
    var resolvedBy: ID?

    static let notes: [String: Note] = [
        "id": Note("Names it: day, meter, rule and first slot."), "day": Note("The civil day it is about."),
        "meterID": Note("The meter."), "rule": Note("What found it, a stable word such as `spike` or `sumCheck`."),
        "severity": Note("`hard`: its slots are held back and not billed. `warning`: soft, shown only."),
        "state": Note("`open`: nobody is at work on it."), "fromSlot": Note("First slot of the day."),
        "toSlot": Note("The slot after the last one."), "message": Note("What was found, with number and limit."),
        "raisedAtMs": Note("Since when, business time."), "ownerID": Note("The login that has taken it."),
        "takenAtMs": Note("When it was taken."),
        "resolution": Note("How it was settled: accepted, estimated, edited, visit, aside, or words of the machine."),
        "resolvedAtMs": Note("When it was settled."), "resolvedBy": Note("By which login; absent for the machine."),
    ]

    init(_ item: VEEException) {
        (id, day, meterID, rule) = (item.id.description, Day(item.day), ID(item.meterID), item.rule)
        severity = Severity(rawValue: item.severity) ?? .hard
        state = item.isOpen ? (item.ownerID == nil ? .open : .taken) : .resolved
        (fromSlot, toSlot, message) = (item.slots.lowerBound, item.slots.upperBound, item.message)
        (raisedAtMs, ownerID, takenAtMs) = (item.raisedAtMs, item.ownerID.map { ID($0) }, item.takenAtMs)
        (resolution, resolvedAtMs) = (item.resolution, item.resolvedAtMs)
        resolvedBy = item.resolvedBy.map { ID($0) }
    }

    static let example = ReadingExceptionView(
        VEEException(
            day: CivilDay(number: 20_777), meterID: 1001, rule: "spike", slots: 20..<21, severity: "hard",
            message: "45000 Wh is 90000 W on average; 4500 W is the limit", rawValues: "45000",
            raisedAtMs: 1_795_248_000_000))
}

/// The parts of a filter, shared by list, counts and work.
struct ReadingExceptionQuery: APIModel {
    var rule: String?
    var severity: Severity?
    var state: ExceptionState?
    var resolution: ExceptionResolution?
    var placeID: ID?
    var meterID: ID?
    var ownerID: ID?
    var raisedBeforeMs: Int64?
    var fromDay: Day?
    var toDay: Day?
    var after: String?
    var limit: Int?

    static let notes: [String: Note] = [
        "rule": Note("Only of this rule.", length: 1...40), "severity": Note("Only of this weight."),
        "state": Note("Without it what waits: open and taken."), "resolution": Note("Only settled like this."),
        "placeID": Note("Only meters at this place or below."), "meterID": Note("Only of this meter."),
        "ownerID": Note("Only those this login has taken."),
        "raisedBeforeMs": Note("Only older ones: raised before this business time."),
        "fromDay": Note("First day; 92 days back when not given."), "toDay": Note("Last day."),
        "after": Note("The `next` of the part before; without it the list begins.", length: 0...80),
        "limit": Note("How many at most; 100 when not given.", range: 1...500),
    ]

    func filter() throws -> ExceptionFilter {
        if let fromDay, let toDay, toDay.value < fromDay.value {
            throw Refusal(.invalid, "`to` is before `from`.", hint: "Give the earlier day first.", at: "toDay")
        }
        var filter = ExceptionFilter()
        (filter.rule, filter.severity, filter.state, filter.resolution) = (rule, severity, state, resolution)
        (filter.placeID, filter.meterID, filter.ownerID) = (placeID?.value, meterID?.value, ownerID?.value)
        (filter.raisedBeforeMs, filter.from, filter.to) = (raisedBeforeMs, fromDay?.value, toDay?.value)
        return filter
    }

    func place() throws -> ExceptionPlace? {
        guard let after, !after.isEmpty else { return nil }
        guard let place = ExceptionPlace(after) else {
            throw Refusal(
                .invalid, "This is no place in the list.", hint: "Send the `next` of the part before.", at: "after")
        }
        return place
    }
}

struct ReadingExceptionList: APIModel {
    var items: [ReadingExceptionView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("Hard ones first; of each weight the latest day first, then by meter, rule and slot."),
        "next": Note("Send it as `after` to go on; absent at the end. A part may be shorter than its limit."),
    ]
}

struct ReadingExceptionCount: APIModel {
    var rule: String
    var severity: Severity
    var count: Int
    static let notes: [String: Note] = [
        "rule": Note("The rule."), "severity": Note("Its weight."), "count": Note("How many."),
    ]
}

struct ReadingExceptionCounts: APIModel {
    var counts: [ReadingExceptionCount]
    var oldestMs: Int64?
    static let notes: [String: Note] = [
        "counts": Note("By rule and weight.", itemsMax: 200), "oldestMs": Note("Since when the oldest waits."),
    ]
}

struct ReadingExceptionPath: APIModel {
    var id: String
    static let notes: [String: Note] = [
        "id": Note("As lists name it.", example: .string("2026-11-20.1001.spike.20"), length: 1...80)
    ]
}

struct ReadingExceptionStep: APIModel {
    var act: ExceptionAct
    var loginID: ID
    var reason: String
    var atMs: Int64
    static let notes: [String: Note] = [
        "act": Note("What was done."), "loginID": Note("By whom."), "reason": Note("Why."),
        "atMs": Note("When, business time."),
    ]
}

struct HeldValue: APIModel {
    var slot: Int
    var wh: Int
    static let notes: [String: Note] = ["slot": Note("The slot."), "wh": Note("What the meter said, Wh.")]
}

struct ReadingExceptionDetail: APIModel {
    var exception: ReadingExceptionView
    var held: [HeldValue]
    var registerStartWh: Int64?
    var registerEndWh: Int64?
    var clockDriftS: Int64?
    var others: [ReadingExceptionView]
    var steps: [ReadingExceptionStep]
    static let notes: [String: Note] = [
        "exception": Note("The exception."), "held": Note("Values held back.", itemsMax: 2000),
        "registerStartWh": Note("Register at the first midnight, when it was read."),
        "registerEndWh": Note("Register at the last midnight."), "clockDriftS": Note("Meter clock minus true time."),
        "others": Note("Other exceptions of the same day, settled ones too.", itemsMax: 500),
        "steps": Note("What people did with it, oldest first.", itemsMax: 200),
    ]
}

struct ReadingExceptionWork: APIModel {
    var act: ExceptionAct
    var ids: [String]?
    var rule: String?
    var severity: Severity?
    var placeID: ID?
    var meterID: ID?
    var ownerID: ID?
    var raisedBeforeMs: Int64?
    var fromDay: Day?
    var toDay: Day?
    var reason: String?
    var reference: String?

    static let notes: [String: Note] = [
        "act": Note(
            "`take`, `give-back`, or how it is settled: `accepted` releases the held values as actual, `estimated` and "
                + "`edited` need such values in place, `visit` sends somebody, `aside` does nothing more."),
        "ids": Note("Which ones, at most 1000. Without them those the filter below names.", itemsMax: 1000),
        "rule": Note("Only of this rule.", length: 1...40), "severity": Note("Only of this weight."),
        "placeID": Note("Only meters at this place or below."), "meterID": Note("Only of this meter."),
        "ownerID": Note("Only those this login has taken."),
        "raisedBeforeMs": Note("Only older ones: raised before this business time."),
        "fromDay": Note("First day; 92 days back when not given."), "toDay": Note("Last day."),
        "reason": Note("Why; needed to settle, 3 to 200 characters.", length: 0...200),
        "reference": Note("Your own name for this wish: sent twice, it counts once.", length: 1...80),
    ]

    static let example: ReadingExceptionWork = {
        var work = ReadingExceptionWork(act: .accepted)
        work.ids = ["2026-11-20.1001.spike.20"]
        work.reason = "the meter was tested"
        return work
    }()
}

struct ReadingTaskView: APIModel {
    var taskID: ID
    var act: String
    var asked: Int
    var looked: Int
    var done: Int
    var finishedAtMs: Int64?
    var more: Bool?
    static let notes: [String: Note] = [
        "taskID": Note("The wish."), "act": Note("What was asked for."), "asked": Note("Exceptions, or meters, named."),
        "looked": Note("Of these, looked at."),
        "done": Note("Exceptions acted on, or meter-days that changed. The others were settled before or do not fit."),
        "finishedAtMs": Note("Absent while it waits for the job `validate`."),
        "more": Note("The filter names more than one wish may hold: send it again."),
    ]

    init(_ task: VEETask, more: Bool? = nil) {
        (taskID, act, asked, looked) = (ID(task.taskID), task.what, task.itemCount, task.lookedCount)
        (done, finishedAtMs, self.more) = (task.doneCount, task.doneAtMs, more)
    }

    private init() {
        (taskID, act, asked, looked, done) = (ID(77), "accepted", 12, 12, 12)
        (finishedAtMs, more) = (1_795_248_000_000, false)
    }
    static let example = ReadingTaskView()
}

extension EndpointContext {
    fileprivate func desk() async throws -> ExceptionDesk { try await .of(services.site, actor) }
}

extension Endpoints {
    static let readingExceptions: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<ReadingExceptionQuery, ReadingExceptionList>(
                "reading-exceptions.list", "GET", "/api/v1/reading-exceptions", access: .permission([.readMeters]),
                EndpointText(
                    "Exceptions of readings", "What validation and estimation found, soft and hard, by any filter."),
                example: ReadingExceptionQuery(rule: "spike", severity: .hard, limit: 50),
                outputExample: ReadingExceptionList(items: [.example], next: nil), problems: [.notFound],
                run: { input, context in
                    let part = try await context.desk().list.page(
                        try input.filter(), after: try input.place(), limit: input.limit ?? 100)
                    return ReadingExceptionList(
                        items: part.items.map { ReadingExceptionView($0) }, next: part.next?.description)
                })),
        AnyEndpoint(
            Endpoint<ReadingExceptionQuery, ReadingExceptionCounts>(
                "reading-exceptions.counts", "GET", "/api/v1/reading-exception-counts",
                access: .permission([.readMeters]),
                EndpointText("Exceptions counted", "By rule and weight; rule, `after` and `limit` are left aside."),
                example: ReadingExceptionQuery(severity: .hard),
                outputExample: ReadingExceptionCounts(
                    counts: [ReadingExceptionCount(rule: "spike", severity: .hard, count: 14)],
                    oldestMs: 1_795_248_000_000), problems: [.notFound],
                run: { input, context in
                    let found = try await context.desk().list.counts(try input.filter())
                    return ReadingExceptionCounts(
                        counts: found.counts.map {
                            ReadingExceptionCount(rule: $0.rule, severity: $0.severity, count: $0.count)
                        }, oldestMs: found.oldestMs)
                })),
        AnyEndpoint(
            Endpoint<ReadingExceptionPath, ReadingExceptionDetail>(
                "reading-exceptions.read", "GET", "/api/v1/reading-exceptions/{id}",
                access: .permission([.readMeters]),
                EndpointText(
                    "One exception", "With the values held back, what surrounds the day, and what people did."),
                example: ReadingExceptionPath(id: "2026-11-20.1001.spike.20"),
                outputExample: ReadingExceptionDetail(
                    exception: .example, held: [HeldValue(slot: 20, wh: 45_000)], others: [], steps: []),
                problems: [.notFound],
                run: { input, context in
                    guard let id = ExceptionID(input.id) else {
                        throw Refusal(.notFound, "There is no such exception.", at: "id")
                    }
                    let found = try await context.desk().list.detail(id)
                    return ReadingExceptionDetail(
                        exception: ReadingExceptionView(found.exception),
                        held: found.exception.held.map { HeldValue(slot: $0.slot, wh: Int($0.value)) },
                        registerStartWh: found.context.registerStartWh, registerEndWh: found.context.registerEndWh,
                        clockDriftS: found.context.clockDriftS,
                        others: found.others.map { ReadingExceptionView($0) },
                        steps: found.steps.map {
                            ReadingExceptionStep(
                                act: ExceptionAct(rawValue: $0.what) ?? .aside, loginID: ID($0.loginID),
                                reason: $0.reason, atMs: $0.atMs)
                        })
                })),
        AnyEndpoint(
            Endpoint<ReadingExceptionWork, ReadingTaskView>(
                "reading-exceptions.work", "POST", "/api/v1/reading-exceptions/work",
                access: .permission([.editReadings]),
                EndpointText(
                    "Take or settle exceptions",
                    "Named one by one or by a filter, at most 1000 at once. What does not fit is passed over."),
                example: .example, outputExample: .example, bodyLimitBytes: 131_072,
                problems: [.notFound, .conflict], run: { try await work($0, $1) })),
    ]

    private static func work(
        _ input: ReadingExceptionWork, _ context: EndpointContext
    ) async throws -> ReadingTaskView {
        let desk = try await context.desk()
        var more: Bool?
        let ids: [ExceptionID]
        if let named = input.ids {
            ids = try named.map { text in
                guard let id = ExceptionID(text) else {
                    throw Refusal(
                        .invalid, "\(text.prefix(80)) names no exception.", hint: "Send ids of a list.", at: "ids")
                }
                return id
            }
        } else {
            // A forgotten field must not settle all that waits.
            let isNarrowed =
                input.rule != nil || input.severity != nil || input.placeID != nil || input.meterID != nil
                || input.ownerID != nil || input.raisedBeforeMs != nil || input.fromDay != nil || input.toDay != nil
            guard isNarrowed else {
                throw Refusal(
                    .invalid, "Neither exceptions nor a filter are named.",
                    hint: "Send ids, or at least one field to narrow by.", at: "ids")
            }
            let filter = try ReadingExceptionQuery(
                rule: input.rule, severity: input.severity, placeID: input.placeID, meterID: input.meterID,
                ownerID: input.ownerID, raisedBeforeMs: input.raisedBeforeMs, fromDay: input.fromDay,
                toDay: input.toDay
            ).filter()
            let found = try await desk.named(by: filter)
            guard !found.ids.isEmpty else {
                throw Refusal(.conflict, "The filter names no exception that waits.", hint: "Look at the list first.")
            }
            (ids, more) = (found.ids, found.more)
        }
        let task = try await desk.work(
            input.act, ids, reason: input.reason ?? "", reference: input.reference,
            source: context.actor.source(address: context.call.remoteAddress))
        return ReadingTaskView(task, more: more)
    }
}
