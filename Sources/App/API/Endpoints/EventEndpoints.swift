// Events that meters pushed or logged, pushes kept aside, and the keys of meters: their age, their change, their
// counters.
import Access
import HeadEnd
import IS15959
import Meters

struct EventQuery: APIModel {
    var after: String?
    var kind: EventKind?
    var severity: EventSeverity?
    var placeID: ID?
    var meterID: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the newest come.", length: 0...64),
        "kind": Note("Only events of this kind."), "severity": Note("Only of this severity or a higher one."),
        "placeID": Note("Only of meters under this place."), "meterID": Note("Only of this meter."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]

    var filter: EventFilter {
        EventFilter(kind: kind, severity: severity, placeID: placeID?.value, meterID: meterID?.value)
    }
}

struct EventView: APIModel {
    var eventID: ID
    var meterID: ID
    var serial: String
    var code: Int
    var kind: EventKind
    var severity: EventSeverity
    var words: String
    var atMs: Int64
    var meterAtMs: Int64
    var pushedAtMs: Int64?
    var readAtMs: Int64?
    static let notes: [String: Note] = [
        "eventID": Note("The event."), "meterID": Note("The meter."), "serial": Note("Its serial number."),
        "code": Note("Event id of IS 15959; 1000 + bit for a bit of the status word that no id stands for."),
        "kind": Note("What kind of event it is."), "severity": Note("How urgent it is."),
        "words": Note("What the code says, in English."),
        "atMs": Note("The place in the stream: the meter's time, unless its clock is plainly wrong."),
        "meterAtMs": Note("The time as the meter said it."),
        "pushedAtMs": Note("When the meter's push was received; absent when it pushed none."),
        "readAtMs": Note("When it was read from the meter's log; absent while it was not."),
    ]

    init(_ item: EventItem) {
        let event = item.event
        (eventID, meterID, serial) = (ID(event.eventID), ID(event.meterID), item.serial)
        (code, kind, severity, words) = (event.code, event.kind, event.severity, EventIDs.words(event.code))
        (atMs, meterAtMs, pushedAtMs, readAtMs) = (event.atMs, event.meterAtMs, event.pushedAtMs, event.readAtMs)
    }
    static let example = EventView(
        EventItem(
            event: SeenEvent(
                eventID: 9001, meterID: 1001, code: 101, atMs: 1_795_248_000_000, meterAtMs: 1_795_248_000_000,
                pushedAtMs: 1_795_248_001_200, readAtMs: nil), serial: "BB100001"))
}

struct EventList: APIModel {
    var items: [EventView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("Newest first, by the meter's time."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct AsideQuery: APIModel {
    var after: String?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the newest come.", length: 0...64),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct AsideView: APIModel {
    var asideID: ID
    var reason: AsideReason
    var meterID: ID?
    var sender: String
    var remote: String
    var times: Int
    var firstAtMs: Int64
    var lastAtMs: Int64
    var apduHex: String
    static let notes: [String: Note] = [
        "asideID": Note("The row."), "reason": Note("Why it was not taken."),
        "meterID": Note("The meter it claims to come from, when known."),
        "sender": Note("System title or device name it gave; empty when it gave none."),
        "remote": Note("The address it came from."), "times": Note("How many such pushes came."),
        "firstAtMs": Note("The first of them."), "lastAtMs": Note("The last of them."),
        "apduHex": Note("The first 512 octets of the last one."),
    ]

    init(_ item: AsideItem) {
        let push = item.push
        (asideID, reason, meterID) = (ID(push.asideID), push.reason, push.meterID.map { ID($0) })
        (sender, remote, times) = (push.sender, push.remote, Int(push.times))
        (firstAtMs, lastAtMs, apduHex) = (push.firstAtMs, push.lastAtMs, Secret.hex(push.apdu))
    }
    static let example = AsideView(
        AsideItem(
            push: AsidePush(
                asideID: 9002, reason: .unknownSender, meterID: nil, sender: "4242520000000001", remote: "10.1.2.3",
                apdu: [0x0F, 0xC0, 0, 0, 1], times: 3, firstAtMs: 1_795_248_000_000, lastAtMs: 1_795_248_060_000),
            serial: nil))
}

struct AsideList: APIModel {
    var items: [AsideView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("Newest first; for who sees the whole company."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct MeterKeysView: APIModel {
    var hasKeys: Bool
    var keyNumber: Int
    var changeState: String?
    var changedAtMs: Int64?
    var askedAtMs: Int64?
    var lastError: String?
    var nextCounter: Int64?
    var titles: [String]
    static let notes: [String: Note] = [
        "hasKeys": Note("Whether the meter has secrets here; they are never shown."),
        "keyNumber": Note("How often its keys were changed."),
        "changeState": Note("settled, asked or sent; absent when no change was ever ordered."),
        "changedAtMs": Note("When the keys in use were proven; absent for those it was entered with."),
        "askedAtMs": Note("When the last change was ordered."), "lastError": Note("Why the last try failed."),
        "nextCounter": Note("The invocation counter that is used next."),
        "titles": Note("Its system titles, as hexadecimal digits.", itemsMax: 100),
    ]

    init(_ report: MeterKeyReport) {
        (hasKeys, keyNumber) = (report.hasKeys, Int(report.change?.keyNumber ?? 0))
        (changeState, changedAtMs) = (report.change?.state.rawValue, report.change?.changedAtMs)
        (askedAtMs, lastError) = (report.change?.askedAtMs, report.change?.lastError)
        (nextCounter, titles) = (report.nextCounter, report.titles)
    }
    static let example = MeterKeysView(
        MeterKeyReport(
            hasKeys: true, change: nil, nextCounter: 20_001, titles: ["4242520000000001"], recoveries: []))
}

struct KeyRotationOrder: APIModel {
    var placeID: ID?
    var meterID: ID?
    static let notes: [String: Note] = [
        "placeID": Note("Meters under this place; without place and meter all of the company."),
        "meterID": Note("Only this meter."),
    ]
}

struct KeyRotationView: APIModel {
    var ordered: Int?
    var asked: Int
    var sent: Int
    var failing: Int
    var changed: Int
    static let notes: [String: Note] = [
        "ordered": Note("How many meters this order added; absent when only asked."),
        "asked": Note("Meters whose change waits to be begun."),
        "sent": Note("Meters that were sent new keys that are not proven yet."),
        "failing": Note("Of these, how many failed at least once."),
        "changed": Note("Meters whose keys were changed from here."),
    ]
    static let example = KeyRotationView(ordered: 12, asked: 12, sent: 0, failing: 0, changed: 3)
}

struct CounterRecoveryOrder: APIModel {
    var meterID: ID
    var lowers: Bool
    var why: String
    static let notes: [String: Note] = [
        "meterID": Note("The meter."),
        "lowers": Note("Also down to the meter's own counter: only when none above it was used under these keys."),
        "why": Note("The reason; at least 10 characters for a lowering.", length: 3...300),
    ]
}

struct CounterRecoveryView: APIModel {
    var changeID: ID
    static let notes: [String: Note] = ["changeID": Note("The recovery; the job for keys does it.")]
}

extension Endpoints {
    static let events: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<EventQuery, EventList>(
                "events.list", "GET", "/api/v1/events", access: .permission([.readMeters]),
                EndpointText("List events", "What meters pushed, and what their logs said, each event once."),
                example: EventQuery(severity: .warning, limit: 50),
                outputExample: EventList(items: [.example], next: nil), problems: [.notFound],
                run: { input, context in
                    let part = try await EventReport.list(
                        context.services.site, input.filter, after: input.after ?? "", limit: input.limit ?? 50,
                        try context.actor.scope)
                    return EventList(items: part.items.map { EventView($0) }, next: part.next)
                })),
        AnyEndpoint(
            Endpoint<AsideQuery, AsideList>(
                "events.aside", "GET", "/api/v1/events/aside", access: .permission([.readMeters]),
                EndpointText("List pushes kept aside", "Pushes that changed nothing, with the reason."),
                example: AsideQuery(limit: 50), outputExample: AsideList(items: [.example], next: nil),
                run: { input, context in
                    let part = try await EventReport.aside(
                        context.services.site, after: input.after ?? "", limit: input.limit ?? 50,
                        try context.actor.scope)
                    return AsideList(items: part.items.map { AsideView($0) }, next: part.next)
                })),
        AnyEndpoint(
            Endpoint<MeterPath, MeterKeysView>(
                "meters.keys", "GET", "/api/v1/meters/{meterID}/keys", access: .permission([.readMeters]),
                EndpointText("Keys of a meter", "Their age and the counter; never a key."),
                example: MeterPath(meterID: ID(1001)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    MeterKeysView(
                        try await context.read { transaction, scope in
                            try MeterKeyReport.of(input.meterID.value, scope, in: transaction)
                        })
                })),
        AnyEndpoint(
            Endpoint<KeyRotationOrder, KeyRotationView>(
                "meter-keys.rotate", "POST", "/api/v1/meter-keys/rotation", access: .permission([.manageSettings]),
                EndpointText("Give meters new keys", "One, those under a place, or all. A change on its way goes on."),
                example: KeyRotationOrder(placeID: ID(31)), outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let meters: RotateKeys.Meters
                    switch (input.meterID, input.placeID) {
                    case (let meterID?, nil): meters = .one(meterID.value)
                    case (nil, let placeID?): meters = .under(place: placeID.value)
                    case (nil, nil): meters = .all
                    default: throw Refusal(.invalid, "Give a meter or a place, not both.", at: "meterID")
                    }
                    let ordered = try await context.perform(RotateKeys(meters))
                    return try await rotation(context, ordered: ordered)
                })),
        AnyEndpoint(
            Endpoint<Nothing, KeyRotationView>(
                "meter-keys.progress", "GET", "/api/v1/meter-keys/rotation", access: .permission([.readMeters]),
                EndpointText("Progress of the change of keys", "How many meters stand where."),
                outputExample: .example, run: { _, context in try await rotation(context, ordered: nil) })),
        AnyEndpoint(
            Endpoint<CounterRecoveryOrder, CounterRecoveryView>(
                "meters.recover-counter", "POST", "/api/v1/meters/{meterID}/counter-recovery",
                access: .permission([.manageSettings]),
                EndpointText(
                    "Recover a lost counter", "The meter's own counter is read through its public client."),
                example: CounterRecoveryOrder(meterID: ID(1001), lowers: false, why: "restored an older copy"),
                outputExample: CounterRecoveryView(changeID: ID(9003)), status: 202, problems: [.notFound, .conflict],
                run: { input, context in
                    let command = try RecoverCounter(
                        meterID: input.meterID.value, lowers: input.lowers, why: input.why)
                    return CounterRecoveryView(
                        changeID: ID(try await context.perform(command, why: input.why)))
                })),
    ]

    private static func rotation(_ context: EndpointContext, ordered: Int?) async throws -> KeyRotationView {
        let now = try await context.read { transaction, scope in
            try MeterKeyChange.progress(scope, in: transaction)
        }
        return KeyRotationView(
            ordered: ordered, asked: Int(now.asked), sent: Int(now.sent), failing: Int(now.failing),
            changed: Int(now.changed))
    }
}
