// Raw answers of meters with their frames, what was done about clocks, replacing a meter, and liveness.
import Access
import CivilTime
import HeadEnd
import Jobs
import MeterPort
import Meters

struct RawReadsQuery: APIModel {
    var meterID: ID
    var day: Day
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "day": Note("The day the answers are about."),
    ]
}

struct RawReadView: APIModel {
    var batchID: ID
    var readAtMs: Int64
    var intervals: Int
    var registerStartWh: Int64?
    var registerEndWh: Int64?
    var registerWrapWh: Int64?
    var clockDriftS: Int64?
    static let notes: [String: Note] = [
        "batchID": Note("The answer."), "readAtMs": Note("Business time."), "intervals": Note("How many it holds."),
        "registerStartWh": Note("Register at the day's start."), "registerEndWh": Note("And at its end."),
        "registerWrapWh": Note("Set when the register rolled over: what one turn is worth."),
        "clockDriftS": Note("Seconds the meter's clock was ahead."),
    ]
    init(_ read: RawRead) {
        (batchID, readAtMs, intervals) = (ID(read.batchID), read.readAtMs, read.rows.count)
        (registerStartWh, registerEndWh) = (read.registerStartWh, read.registerEndWh)
        (registerWrapWh, clockDriftS) = (read.registerWrapWh, read.clockDriftS)
    }
    static let example = RawReadView(
        RawRead(
            day: CivilDay(number: 20_770), meterID: 1001, batchID: 7001, readAtMs: 1_795_248_000_000, rows: [],
            registerStartWh: 4_218_306, registerEndWh: 4_224_120, clockDriftS: 2))
}

struct RawReadsView: APIModel {
    var reads: [RawReadView]
    static let notes: [String: Note] = ["reads": Note("Newest first.", itemsMax: 200)]
}

struct FramesQuery: APIModel {
    var meterID: ID
    var batchID: ID
    var day: Day?
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "batchID": Note("The answer."),
        "day": Note("The day it is about; found without it, in longer time."),
    ]
}

struct FrameView: APIModel {
    var fromMeter: Bool
    var hex: String
    static let notes: [String: Note] = [
        "fromMeter": Note("False: what was asked."),
        "hex": Note("The frame as it went over the wire, hexadecimal."),
    ]
}

struct FrameValueView: APIModel {
    var obis: String
    var attribute: Int
    var title: String
    var raw: String
    var scaler: Int?
    var unit: String
    var value: String
    static let notes: [String: Note] = [
        "obis": Note("The object."), "attribute": Note("Its attribute."), "title": Note("Plain words of IS 15959."),
        "raw": Note("As it stood in the frame."), "scaler": Note("Power of ten, as the meter said."),
        "unit": Note("As the meter said."), "value": Note("The raw value in its unit."),
    ]
}

struct FrameRowView: APIModel {
    var atS: Int64?
    var values: [FrameValueView]
    static let notes: [String: Note] = [
        "atS": Note("The meter's stamp, seconds since 1970."), "values": Note("One a column.", itemsMax: 128),
    ]
}

struct ExchangeView: APIModel {
    var classID: Int
    var obis: String
    var attribute: Int
    var title: String
    var trouble: String?
    var frames: [FrameView]
    var rows: [FrameRowView]
    static let notes: [String: Note] = [
        "classID": Note("Class of the object."), "obis": Note("The object."), "attribute": Note("What was read of it."),
        "title": Note("Plain words."), "trouble": Note("Why there is nothing in it."),
        "frames": Note("In the order of the wire."), "rows": Note("What was in them."),
    ]
    init(_ reading: FrameReading) {
        (classID, obis, attribute) = (Int(reading.classID), reading.obis, Int(reading.attribute))
        (title, trouble) = (reading.title, reading.trouble)
        frames = reading.frames.map { FrameView(fromMeter: $0.isFromMeter, hex: hexadecimal($0.bytes)) }
        rows = reading.rows.map { row in
            FrameRowView(
                atS: row.atS,
                values: row.values.map {
                    FrameValueView(
                        obis: $0.obis, attribute: Int($0.attribute), title: $0.title, raw: $0.raw,
                        scaler: $0.scaler.map { Int($0) }, unit: $0.unit, value: $0.value)
                })
        }
    }
    private init() {
        (classID, obis, attribute, title) = (7, "1.0.99.1.0", 2, "block-load")
        frames = [FrameView(fromMeter: true, hex: "0001000100300004C401C100")]
        rows = [
            FrameRowView(
                atS: 1_795_248_000,
                values: [
                    FrameValueView(
                        obis: "1.0.1.29.0", attribute: 2, title: "active energy of the block, import", raw: "74",
                        scaler: 0, unit: "Wh", value: "74")
                ])
        ]
    }
    static let example = ExchangeView()
}

struct FramesView: APIModel {
    var read: RawReadView
    var hasFrames: Bool
    var isCut: Bool
    var exchanges: [ExchangeView]
    static let notes: [String: Note] = [
        "read": Note("The answer."), "hasFrames": Note("False: it was stored without frames."),
        "isCut": Note("More was read than is kept."), "exchanges": Note("What was read for it, in order."),
    ]
}

struct ClockEntryView: APIModel {
    var atMs: Int64
    var action: String
    var beforeS: Int64
    var afterS: Int64?
    var thresholdS: Int64
    var why: String
    static let notes: [String: Note] = [
        "atMs": Note("Business time."), "action": Note("set, refused (too far off) or failed."),
        "beforeS": Note("Seconds it was ahead."), "afterS": Note("Measured again after it was set."),
        "thresholdS": Note("The limit that counted."), "why": Note("In words."),
    ]
    init(_ entry: MeterClockEntry) {
        (atMs, action, beforeS, afterS) = (entry.atMs, entry.action, entry.beforeS, entry.afterS)
        (thresholdS, why) = (entry.thresholdS, entry.why)
    }
    static let example = ClockEntryView(
        MeterClockEntry(
            meterID: 1001, atMs: 1_795_248_000_000, action: "set", beforeS: 45, afterS: 0, thresholdS: 30,
            why: "off by 45 s, more than 30 s"))
}

struct ClockEntriesView: APIModel {
    var entries: [ClockEntryView]
    static let notes: [String: Note] = ["entries": Note("Newest first.", itemsMax: 100)]
}

struct ReplacementInput: APIModel {
    var meterID: ID
    var newMeterID: ID
    var atMs: Int64
    static let notes: [String: Note] = [
        "meterID": Note("The meter that was taken away."), "newMeterID": Note("The one in its place."),
        "atMs": Note("When, business time; at most 35 days ago.", range: 0...4_102_444_800_000),
    ]
}

struct ReplacementView: APIModel {
    var accountID: ID
    static let notes: [String: Note] = ["accountID": Note("The account it serves.")]
}

struct LivenessInput: APIModel {
    var meterID: ID?
    var placeID: ID?
    static let notes: [String: Note] = [
        "meterID": Note("One meter …"), "placeID": Note("… or all that are called and lie under this place."),
    ]
}

struct PollReceipt: APIModel {
    var pollID: ID
    static let notes: [String: Note] = ["pollID": Note("The question; its answers come one by one.")]
}

struct PollView: APIModel {
    var pollID: ID
    var title: String
    var askedAtMs: Int64
    var endedAtMs: Int64?
    var meters: Int64
    var waiting: Int64
    var alive: Int64
    var refuses: Int64
    var silent: Int64
    static let notes: [String: Note] = [
        "pollID": Note("The question."), "title": Note("What was asked about."), "askedAtMs": Note("Business time."),
        "endedAtMs": Note("When all had answered or were given up."), "meters": Note("How many were asked."),
        "waiting": Note("Still to be asked."), "alive": Note("Answered."),
        "refuses": Note("Answered and refused the public association: alive too."), "silent": Note("Did not answer."),
    ]
    init(_ poll: LivenessPoll) {
        (pollID, title, askedAtMs, endedAtMs) = (ID(poll.pollID), poll.title, poll.askedAtMs, poll.endedAtMs)
        meters = poll.meters
        (waiting, alive) = (poll.counts[.waiting] ?? 0, poll.counts[.alive] ?? 0)
        (refuses, silent) = (poll.counts[.refuses] ?? 0, poll.counts[.silent] ?? 0)
    }
    static let example = PollView(
        LivenessPoll(
            pollID: 9101, title: "Feeder 4", why: "", loginID: 0, askedAtMs: 1_795_248_000_000, meters: 2,
            counts: [.alive: 1, .silent: 1]))
}

struct PollsView: APIModel {
    var polls: [PollView]
    static let notes: [String: Note] = ["polls": Note("Newest first; the last 50.", itemsMax: 50)]
}

struct PollQuery: APIModel {
    var pollID: ID
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "pollID": Note("The question."), "after": Note("The `next` of the part before."),
        "limit": Note("How many at most; 200 when not given.", range: 1...200),
    ]
}

struct AliveView: APIModel {
    var meterID: ID
    var state: LivenessAnswer.State
    var askedAtMs: Int64?
    var tookMs: Int64?
    var detail: String?
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "state": Note("alive and refuses both answered."),
        "askedAtMs": Note("Business time."), "tookMs": Note("Until it answered or was given up."),
        "detail": Note("What was heard."),
    ]
}

struct AliveListView: APIModel {
    var items: [AliveView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of the meters' ids."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

extension Endpoints {
    static let rawAnswers: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<RawReadsQuery, RawReadsView>(
                "meters.reads", "GET", "/api/v1/meters/{meterID}/reads", access: .permission([.readMeters]),
                EndpointText("Raw answers of a day", "What the meter answered about a day, as it answered."),
                example: RawReadsQuery(meterID: ID(1001), day: Day(CivilDay(number: 20_770))),
                outputExample: RawReadsView(reads: [.example]), problems: [.notFound],
                run: { input, context in
                    let reads = try await RawReport.list(
                        context.services.site, meterID: input.meterID.value, day: input.day.value, context.actor.scope)
                    return RawReadsView(reads: reads.map { RawReadView($0) })
                })),
        AnyEndpoint(
            Endpoint<FramesQuery, FramesView>(
                "meters.frames", "GET", "/api/v1/meters/{meterID}/reads/{batchID}", access: .permission([.readMeters]),
                EndpointText("Frames of an answer", "Every frame as it went over the wire, and what was in it."),
                example: FramesQuery(
                    meterID: ID(1001), batchID: ID(7001), day: Day(CivilDay(number: 20_770))),
                outputExample: FramesView(read: .example, hasFrames: true, isCut: false, exchanges: [.example]),
                rate: .heavy, problems: [.notFound],
                run: { input, context in
                    let report = try await RawReport.of(
                        context.services.site, meterID: input.meterID.value, batchID: input.batchID.value,
                        day: input.day?.value, context.actor.scope)
                    return FramesView(
                        read: RawReadView(report.read), hasFrames: report.hasFrames, isCut: report.isCut,
                        exchanges: report.readings.map { ExchangeView($0) })
                })),
        AnyEndpoint(
            Endpoint<MeterPath, ClockEntriesView>(
                "meters.clock", "GET", "/api/v1/meters/{meterID}/clock", access: .permission([.readMeters]),
                EndpointText("Clock of a meter", "When it was set, or should have been and was not."),
                example: MeterPath(meterID: ID(1001)), outputExample: ClockEntriesView(entries: [.example]),
                problems: [.notFound],
                run: { input, context in
                    let entries = try await context.read { transaction, scope in
                        _ = try Meter.find(input.meterID.value, scope, in: transaction)
                        return try MeterClockEntry.of(
                            meterID: input.meterID.value, limit: 100, scope, in: transaction)
                    }
                    return ClockEntriesView(entries: entries.map { ClockEntryView($0) })
                })),
        AnyEndpoint(
            Endpoint<ReplacementInput, ReplacementView>(
                "meters.replace", "POST", "/api/v1/meters/{meterID}/replacement",
                access: .permission([.manageSettings]),
                EndpointText("Replace a meter", "From a moment on another meter measures; the day is read of both."),
                example: ReplacementInput(meterID: ID(1001), newMeterID: ID(1002), atMs: 1_795_248_000_000),
                outputExample: ReplacementView(accountID: ID(101)), problems: [.notFound, .conflict],
                run: { input, context in
                    let accountID = try await context.perform(
                        ReplaceMeter(
                            oldMeterID: input.meterID.value, newMeterID: input.newMeterID.value, atMs: input.atMs))
                    return ReplacementView(accountID: ID(accountID))
                })),
    ]

    static let liveness: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<LivenessInput, PollReceipt>(
                "liveness.ask", "POST", "/api/v1/liveness", access: .permission([.commandMeters]),
                EndpointText("Ask who is alive", "One meter, or all under a place, by the public association alone."),
                example: LivenessInput(meterID: ID(1001)), outputExample: PollReceipt(pollID: ID(9101)), status: 202,
                idempotency: .keyed, problems: [.notFound, .conflict],
                run: { input, context in
                    let target: Liveness.Target
                    switch (input.meterID, input.placeID) {
                    case (let meter?, nil): target = .meter(meter.value)
                    case (nil, let place?): target = .place(place.value)
                    default:
                        throw Refusal(.invalid, "Name a meter or a place, one of the two.", at: "meterID")
                    }
                    return PollReceipt(
                        pollID: ID(
                            try await context.perform(
                                PollLiveness(target, reference: context.idempotencyKey ?? ""))))
                })),
        AnyEndpoint(
            Endpoint<Nothing, PollsView>(
                "liveness.list", "GET", "/api/v1/liveness", access: .permission([.readMeters]),
                EndpointText("Who was asked", "The last questions to meters whether they are alive."),
                outputExample: PollsView(polls: [.example]),
                run: { _, context in
                    let polls = try await context.read { try Liveness.polls(limit: 50, $1, in: $0) }
                    return PollsView(polls: polls.map { PollView($0) })
                })),
        AnyEndpoint(
            Endpoint<PollQuery, AliveListView>(
                "liveness.read", "GET", "/api/v1/liveness/{pollID}", access: .permission([.readMeters]),
                EndpointText("Who is alive", "The meters of a question, one by one."),
                example: PollQuery(pollID: ID(9101), limit: 200),
                outputExample: AliveListView(
                    items: [AliveView(meterID: ID(1001), state: .alive, askedAtMs: 1_795_248_000_000, tookMs: 8)]),
                problems: [.notFound],
                run: { input, context in
                    let limit = input.limit ?? 200
                    let found = try await context.read { transaction, scope in
                        try Liveness.requireReach(input.pollID.value, scope, in: transaction)
                        return try Liveness.answers(
                            pollID: input.pollID.value, after: input.after?.value ?? 0, limit: limit + 1, scope,
                            in: transaction)
                    }
                    let items = found.prefix(limit).map {
                        AliveView(
                            meterID: ID($0.meterID), state: $0.state, askedAtMs: $0.askedAtMs, tookMs: $0.tookMs,
                            detail: $0.detail)
                    }
                    return AliveListView(items: items, next: found.count > limit ? items.last?.meterID : nil)
                })),
    ]
}
