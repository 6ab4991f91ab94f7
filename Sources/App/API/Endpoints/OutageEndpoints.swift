// Outages of meters and of the network, planned shutdowns, and cases of tampering.
import Access
import Clocks
import Grid
import MeterData
import Reliability

struct OutageQuery: APIModel {
    var after: String?
    var open: Bool?
    var planned: Bool?
    var placeID: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the newest come.", length: 0...64),
        "open": Note("Only those that last."), "planned": Note("Only planned ones, or only others."),
        "placeID": Note("Only under this place."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct OutageView: APIModel {
    var outageID: ID
    var version: Int64
    var placeID: ID?
    var placeName: String?
    var isNode: Bool
    var startMs: Int64
    var endMs: Int64?
    var members: Int
    var silent: Int
    var ofMeters: Int
    var plannedID: ID?
    var told: Int
    var toldBack: Int
    var operatorToldAtMs: Int64?
    static let notes: [String: Note] = [
        "outageID": Note("The outage."), "version": Note("Grows when more is known; earlier versions stay."),
        "placeID": Note("The node that failed, or the place of the one meter."), "placeName": Note("Its name."),
        "isNode": Note("A node failed, not one meter alone."), "startMs": Note("When the first meter went dark."),
        "endMs": Note("When the last came back; absent while one is dark."),
        "members": Note("Meters that say themselves that they were dark."),
        "silent": Note("Silent meters under the node, counted with low confidence."),
        "ofMeters": Note("Meters in service under the node."), "plannedID": Note("The planned outage it belongs to."),
        "told": Note("Consumers who were told."), "toldBack": Note("Consumers who were told that supply is back."),
        "operatorToldAtMs": Note("When the operator was told; absent when not."),
    ]

    init(_ row: OutageRow) {
        let outage = row.outage
        (outageID, version, placeID) = (ID(outage.outageID), outage.version, outage.placeID.map { ID($0) })
        (placeName, isNode, startMs, endMs) = (row.placeName, outage.isNode, outage.startMs, outage.endMs)
        (members, silent, ofMeters) = (outage.members, outage.silent, outage.ofMeters)
        (plannedID, told, toldBack) = (outage.plannedID.map { ID($0) }, row.told, row.toldBack)
        operatorToldAtMs = row.operatorToldAtMs
    }
    static let example = OutageView(
        OutageRow(
            outage: Outage(
                outageID: 9101, version: 2, placeID: 31, isNode: true, startMs: 1_795_248_000_000, endMs: nil,
                members: 38, silent: 4, ofMeters: 45, plannedID: nil, isWithdrawn: false,
                madeAtMs: 1_795_248_060_000), placeName: "Feeder 4, Alambagh", placeKind: .feeder, plannedWhy: nil,
            told: 38, toldBack: 0, operatorToldAtMs: 1_795_249_860_000))
}

struct OutageList: APIModel {
    var items: [OutageView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("Newest first."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct OutagePath: APIModel {
    var outageID: ID
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "outageID": Note("The outage."), "after": Note("The `next` of the part of meters before."),
        "limit": Note("How many meters at most; 50 when not given.", range: 1...200),
    ]
}

struct MeterOutageView: APIModel {
    var meterID: ID
    var serial: String?
    var outageID: ID?
    var version: Int64
    var startMs: Int64
    var endMs: Int64?
    var earliestEndMs: Int64?
    var latestEndMs: Int64?
    var startEvidence: OutageEvidence
    var endEvidence: OutageEvidence?
    var confidence: OutageConfidence
    var clockOffMs: Int64
    var isWithdrawn: Bool
    var isInForce: Bool
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "serial": Note("Its serial number; absent in the list of one meter."),
        "outageID": Note("The outage of the network it is counted to."), "version": Note("Of this outage."),
        "startMs": Note("When it went dark."), "endMs": Note("When it came back; absent while it is dark."),
        "earliestEndMs": Note("It was dark until then at least."), "latestEndMs": Note("It was back by then."),
        "startEvidence": Note("How the start is known."), "endEvidence": Note("How the end is known."),
        "confidence": Note("low: nothing but silence speaks for it."),
        "clockOffMs": Note("The meter's clock was behind by so much, and the times are corrected."),
        "isWithdrawn": Note("The signs are explained otherwise by now."),
        "isInForce": Note("False for a version that was superseded."),
    ]

    init(_ outage: MeterOutage, serial: String?) {
        (meterID, self.serial, outageID) = (ID(outage.meterID), serial, outage.outageID.map { ID($0) })
        (version, startMs, endMs) = (outage.version, outage.startMs, outage.endMs)
        (earliestEndMs, latestEndMs) = (outage.span.endMs?.low, outage.span.endMs?.high)
        (startEvidence, endEvidence) = (outage.span.startEvidence, outage.span.endEvidence)
        (confidence, clockOffMs) = (outage.confidence, outage.span.clockOffMs)
        (isWithdrawn, isInForce) = (outage.isWithdrawn, outage.supersededAtMs == nil)
    }
    static let example = MeterOutageView(
        MeterOutage(
            spanID: 9201, version: 1, meterID: 1001, accountID: 101, placeID: 31,
            span: MeterOutageSpan(
                startMs: Bounded(1_795_248_000_000), endMs: Bounded(1_795_250_000_000), startEvidence: .push,
                endEvidence: .log), isWithdrawn: false, madeAtMs: 1_795_250_060_000, supersededAtMs: nil,
            outageID: 9101, attributedStartMs: nil), serial: "BB100001")
}

struct OutageDetailView: APIModel {
    var outage: OutageView
    var meters: [MeterOutageView]
    var next: ID?
    static let notes: [String: Note] = [
        "outage": Note("The outage as it stands."), "meters": Note("Its meters, in order of their ids."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct MeterOutageList: APIModel {
    var items: [MeterOutageView]
    static let notes: [String: Note] = [
        "items": Note("Of a year, newest first, each with its earlier versions; at most 200.")
    ]
}

struct PlannedOutageView: APIModel {
    var plannedID: ID
    var placeID: ID
    var fromMs: Int64
    var toMs: Int64
    var reason: String
    var calledOffAtMs: Int64?
    static let notes: [String: Note] = [
        "plannedID": Note("The planned outage."), "placeID": Note("All under this place."),
        "fromMs": Note("It begins."), "toMs": Note("It ends."), "reason": Note("Why."),
        "calledOffAtMs": Note("When it was called off; absent when it holds."),
    ]
    init(_ planned: PlannedOutage) {
        (plannedID, placeID) = (ID(planned.plannedID), ID(planned.placeID))
        (fromMs, toMs, reason) = (planned.fromMs, planned.toMs, planned.why)
        calledOffAtMs = planned.calledOffAtMs
    }
    static let example = PlannedOutageView(
        PlannedOutage(
            plannedID: 9301, placeID: 31, fromMs: 1_795_248_000_000, toMs: 1_795_255_200_000, why: "line work",
            calledOffAtMs: nil))
}

struct PlannedOutageList: APIModel {
    var items: [PlannedOutageView]
    static let notes: [String: Note] = ["items": Note("Not over yet, soonest first; at most 200.")]
}

struct OutagePlanning: APIModel {
    var placeID: ID
    var fromMs: Int64
    var toMs: Int64
    var reason: String
    static let notes: [String: Note] = [
        "placeID": Note("All under this place."), "fromMs": Note("It begins.", range: 1...32_503_679_999_999),
        "toMs": Note("It ends, at most 31 days later.", range: 1...32_503_679_999_999),
        "reason": Note("Why.", length: 3...200),
    ]
}

struct OutageCallOff: APIModel {
    var plannedID: ID
    var reason: String
    static let notes: [String: Note] = [
        "plannedID": Note("The planned outage."), "reason": Note("Why.", length: 3...200),
    ]
}

extension Endpoints {
    static let outages: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<OutageQuery, OutageList>(
                "outages.list", "GET", "/api/v1/outages", access: .permission([.readMeters]),
                EndpointText("List outages", "Of nodes and of single meters, from what meters pushed and logged."),
                example: OutageQuery(open: true, limit: 50), outputExample: OutageList(items: [.example], next: nil),
                problems: [.notFound],
                run: { input, context in
                    let filter = OutageFilter(
                        isOpen: input.open ?? false, placeID: input.placeID?.value, isPlanned: input.planned)
                    let part = try await OutageReport.list(
                        context.services.site, filter, after: input.after ?? "", limit: input.limit ?? 50,
                        try context.actor.scope)
                    return OutageList(items: part.items.map { OutageView($0) }, next: part.next)
                })),
        AnyEndpoint(
            Endpoint<OutagePath, OutageDetailView>(
                "outages.read", "GET", "/api/v1/outages/{outageID}", access: .permission([.readMeters]),
                EndpointText("Read an outage", "With its meters and how each is known."),
                example: OutagePath(outageID: ID(9101), limit: 50),
                outputExample: OutageDetailView(outage: .example, meters: [.example], next: nil),
                problems: [.notFound],
                run: { input, context in
                    let found = try await OutageReport.detail(
                        context.services.site, input.outageID.value, after: input.after?.value ?? 0,
                        limit: input.limit ?? 50, try context.actor.scope)
                    return OutageDetailView(
                        outage: OutageView(found.row),
                        meters: found.members.items.map { MeterOutageView($0.outage, serial: $0.serial) },
                        next: found.members.next.flatMap { Int64($0) }.map { ID($0) })
                })),
        AnyEndpoint(
            Endpoint<MeterPath, MeterOutageList>(
                "meters.outages", "GET", "/api/v1/meters/{meterID}/outages", access: .permission([.readMeters]),
                EndpointText("Outages of a meter", "Of a year; every version, so that nothing changes silently."),
                example: MeterPath(meterID: ID(1001)), outputExample: MeterOutageList(items: [.example]),
                problems: [.notFound],
                run: { input, context in
                    let found = try await OutageReport.ofMeter(
                        context.services.site, input.meterID.value, limit: 200, try context.actor.scope)
                    return MeterOutageList(items: found.map { MeterOutageView($0, serial: nil) })
                })),
        AnyEndpoint(
            Endpoint<Nothing, PlannedOutageList>(
                "planned-outages.list", "GET", "/api/v1/planned-outages", access: .permission([.readMeters]),
                EndpointText("List planned outages", "Those that are not over."),
                outputExample: PlannedOutageList(items: [.example]),
                run: { _, context in
                    let nowMs = context.services.site.clocks.businessNowMs()
                    return PlannedOutageList(
                        items: try await context.read { transaction, scope in
                            try PlannedOutage.from(nowMs, limit: 200, scope, in: transaction)
                        }.map { PlannedOutageView($0) })
                })),
        AnyEndpoint(
            Endpoint<OutagePlanning, PlannedOutageView>(
                "planned-outages.add", "POST", "/api/v1/planned-outages", access: .permission([.commandMeters]),
                EndpointText(
                    "Plan an outage",
                    "Outages that begin in it under the place count as planned. Again changes nothing."
                ),
                example: OutagePlanning(
                    placeID: ID(31), fromMs: 1_795_248_000_000, toMs: 1_795_255_200_000, reason: "line work"),
                outputExample: .example, status: 201, problems: [.notFound],
                run: { input, context in
                    PlannedOutageView(
                        try await context.perform(
                            PlanOutage(
                                placeID: input.placeID.value, fromMs: input.fromMs, toMs: input.toMs,
                                reason: input.reason), why: input.reason))
                })),
        AnyEndpoint(
            Endpoint<OutageCallOff, PlannedOutageView>(
                "planned-outages.call-off", "POST", "/api/v1/planned-outages/{plannedID}/call-off",
                access: .permission([.commandMeters]),
                EndpointText("Call a planned outage off", "Again changes nothing."),
                example: OutageCallOff(plannedID: ID(9301), reason: "rain"), outputExample: .example,
                problems: [.notFound],
                run: { input, context in
                    PlannedOutageView(
                        try await context.perform(
                            CallOffOutage(plannedID: input.plannedID.value, reason: input.reason), why: input.reason))
                })),
    ]
}
