// Indices of reliability by place and month, and cases of tampering.
import Access
import CivilTime
import Grid
import MeterData
import Reliability

struct ReliabilityQuery: APIModel {
    var from: Day
    var to: Day
    var placeID: ID?
    static let notes: [String: Note] = [
        "from": Note("First day."), "to": Note("Last day, at most five years later."),
        "placeID": Note("Only customers under this place."),
    ]
}

struct FigureView: APIModel {
    var low: Int64?
    var likely: Int64?
    var high: Int64?
    static let notes: [String: Note] = [
        "low": Note("At least, in millionths of the unit."),
        "likely": Note("What is counted, in millionths; absent where it is undefined."),
        "high": Note("At most, in millionths."),
    ]
    init(_ figure: Figure) { (low, likely, high) = (figure.low, figure.likely, figure.high) }
}

struct IndicesView: APIModel {
    var sustainedEvents: Int
    var momentaryEvents: Int
    var customersInterrupted: Int64?
    var saidiMinutes: FigureView
    var saifi: FigureView
    var caidiMinutes: FigureView
    var caifi: FigureView
    var ctaidiMinutes: FigureView
    var maifi: FigureView
    var maifiE: FigureView
    var asai: FigureView
    static let notes: [String: Note] = [
        "sustainedEvents": Note("Interruptions longer than the threshold that began in the span."),
        "momentaryEvents": Note("Shorter ones."), "customersInterrupted": Note("Different customers interrupted."),
        "saidiMinutes": Note("Minutes for each customer served."),
        "saifi": Note("Interruptions for each customer served."),
        "caidiMinutes": Note("Minutes for each interruption."),
        "caifi": Note("Interruptions for each customer interrupted."),
        "ctaidiMinutes": Note("Minutes for each customer interrupted."),
        "maifi": Note("Momentary interruptions for each customer served."),
        "maifiE": Note("Momentary events for each customer served."),
        "asai": Note("The part of the time with service."),
    ]
    init(_ indices: ReliabilityIndices) {
        (sustainedEvents, momentaryEvents) = (indices.sustainedEvents, indices.momentaryEvents)
        customersInterrupted = indices.customersInterrupted
        (saidiMinutes, saifi) = (FigureView(indices.saidi), FigureView(indices.saifi))
        (caidiMinutes, caifi) = (FigureView(indices.caidi), FigureView(indices.caifi))
        (ctaidiMinutes, maifi) = (FigureView(indices.ctaidi), FigureView(indices.maifi))
        (maifiE, asai) = (FigureView(indices.maifiE), FigureView(indices.asai))
    }
}

struct ReliabilityPartView: APIModel {
    var from: Day
    var to: Day
    var placeID: ID?
    var placeName: String?
    var customers: Int64
    var servedFrom: Day?
    var all: IndicesView
    var withoutMajor: IndicesView
    var planned: IndicesView
    static let notes: [String: Note] = [
        "from": Note("First day."), "to": Note("Last day."), "placeID": Note("The place; absent for all."),
        "placeName": Note("Its name."),
        "customers": Note("Customers served, on average of the days from `servedFrom` on."),
        "servedFrom": Note("First day on which anybody was served: the figures begin with it. Absent: nobody was."),
        "all": Note("Unplanned interruptions."), "withoutMajor": Note("Those that did not begin on a major event day."),
        "planned": Note("Planned interruptions."),
    ]
    init(_ part: ReliabilityReport.Part, _ place: Place?) {
        (from, to, customers) = (Day(part.from), Day(part.to), part.customers)
        servedFrom = part.servedFrom.map { Day($0) }
        (placeID, placeName) = (place.map { ID($0.placeID) }, place?.name)
        (all, withoutMajor) = (IndicesView(part.all), IndicesView(part.withoutMajor))
        planned = IndicesView(part.planned)
    }
}

struct ReliabilityView: APIModel {
    var momentaryMaxMinutes: Int64
    var thresholdMicroMinutes: Int64?
    var thresholdDays: Int?
    var isOwnBase: Bool
    var majorDays: [Day]
    var whole: ReliabilityPartView
    var months: [ReliabilityPartView]
    var below: [ReliabilityPartView]
    static let notes: [String: Note] = [
        "momentaryMaxMinutes": Note("Interruptions up to so long are momentary."),
        "thresholdMicroMinutes": Note(
            "A day above this SAIDI is a major event day (2.5 beta); absent with too few days."),
        "thresholdDays": Note("Days with interruptions that the threshold rests on."),
        "isOwnBase": Note("True when the threshold is of the days judged, there being none of the five years before."),
        "majorDays": Note("Days above the threshold."), "whole": Note("The whole span."),
        "months": Note("By month."), "below": Note("The places below, the whole span each."),
    ]
    init(_ found: ReliabilityOverview) {
        momentaryMaxMinutes = found.rules.momentaryMaxMinutes
        thresholdMicroMinutes = found.report.threshold?.minutesMillionths
        (thresholdDays, isOwnBase) = (found.report.threshold?.days, found.isOwnBase)
        majorDays = found.report.majorDays.map { Day($0.day) }
        whole = ReliabilityPartView(found.report.whole, found.place)
        months = found.report.months.map { ReliabilityPartView($0, found.place) }
        below = found.below.map { ReliabilityPartView($0.part, $0.place) }
    }
    static let example: ReliabilityView = {
        let day = CivilDay(number: 20_777)
        let startS = Zone.india.startS(of: day)
        return ReliabilityView(
            ReliabilityOverview(
                place: nil, above: [],
                report: ReliabilityReport(
                    [Interruption(startS: startS + 3_600, endS: startS + 7_200, customers: 40)], from: day, to: day,
                    zone: .india
                ) { _ in 1_000 },
                below: [], rules: OutageRules(), isOwnBase: true, nowMs: (startS + 86_400) * 1000))
    }()
}

struct TamperQuery: APIModel {
    var after: String?
    var state: TamperCase.State?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the newest come.", length: 0...64),
        "state": Note("Only cases in this state."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct TamperCaseView: APIModel {
    var caseID: ID
    var meterID: ID
    var serial: String?
    var kind: TamperKind
    var state: TamperCase.State
    var firstAtMs: Int64
    var lastAtMs: Int64
    var isOver: Bool
    var times: Int
    var lastedMs: Int64
    var dropPPM: Int64?
    var reasons: [TamperReason]
    var orderID: ID?
    var restoreOrderID: ID?
    var closedAtMs: Int64?
    static let notes: [String: Note] = [
        "caseID": Note("The case."), "meterID": Note("The meter."), "serial": Note("Its serial number."),
        "kind": Note("What was done."), "state": Note("valid: somebody should go there."),
        "firstAtMs": Note("The first sign."), "lastAtMs": Note("The last sign."),
        "isOver": Note("The last sign was that it is over."), "times": Note("How often it began."),
        "lastedMs": Note("How long in sum."),
        "dropPPM": Note("How much lower the consumption is since then; absent without enough readings."),
        "reasons": Note("What speaks for it."), "orderID": Note("The order to cut that followed."),
        "restoreOrderID": Note("The order to restore that followed."), "closedAtMs": Note("When it was closed."),
    ]
    init(_ item: TamperCase, serial: String?) {
        (caseID, meterID, self.serial) = (ID(item.caseID), ID(item.meterID), serial)
        (kind, state, firstAtMs, lastAtMs) = (item.kind, item.state, item.firstAtMs, item.lastAtMs)
        (isOver, times, lastedMs, dropPPM) = (item.isOver, item.times, item.lastedMs, item.dropPPM)
        (reasons, orderID) = (item.reasons, item.orderID.map { ID($0) })
        (restoreOrderID, closedAtMs) = (item.restoreOrderID.map { ID($0) }, item.closedAtMs)
    }
    static let example = TamperCaseView(
        TamperCase(
            caseID: 9401, meterID: 1001, kind: .magnet, state: .valid, firstAtMs: 1_795_248_000_000,
            lastAtMs: 1_795_250_000_000, isOver: true, times: 4, lastedMs: 7_200_000, dropPPM: 410_000,
            reasons: [.lasted, .repeated, .consumptionFell]), serial: "BB100001")
}

struct TamperList: APIModel {
    var items: [TamperCaseView]
    var next: String?
    static let notes: [String: Note] = [
        "items": Note("Latest sign first."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct TamperClosing: APIModel {
    var caseID: ID
    var isResolved: Bool
    var reason: String
    static let notes: [String: Note] = [
        "caseID": Note("The case."), "isResolved": Note("Mended; false: there was nothing to it."),
        "reason": Note("Why.", length: 3...200),
    ]
}

extension Endpoints {
    static let reliability: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<ReliabilityQuery, ReliabilityView>(
                "reliability.read", "GET", "/api/v1/reliability", access: .permission([.readMeters]),
                EndpointText(
                    "Indices of reliability", "SAIDI, SAIFI and the others by month and place, with bounds (IEEE 1366)."
                ),
                example: ReliabilityQuery(
                    from: Day(CivilDay(number: 20_777)), to: Day(CivilDay(number: 20_806))), outputExample: .example,
                rate: .heavy, problems: [.notFound],
                run: { input, context in
                    ReliabilityView(
                        try await ReliabilityOverview.of(
                            context.services.site, placeID: input.placeID?.value, from: input.from.value,
                            to: input.to.value, try context.actor.scope))
                })),
        AnyEndpoint(
            Endpoint<TamperQuery, TamperList>(
                "tamper-cases.list", "GET", "/api/v1/tamper-cases", access: .permission([.readMeters]),
                EndpointText(
                    "List cases of tampering", "Signs of meters, judged by duration, repetition and consumption."),
                example: TamperQuery(state: .valid, limit: 50), outputExample: TamperList(items: [.example], next: nil),
                run: { input, context in
                    let part = try await OutageReport.cases(
                        context.services.site, state: input.state, after: input.after ?? "", limit: input.limit ?? 50,
                        try context.actor.scope)
                    return TamperList(
                        items: part.items.map { TamperCaseView($0.item, serial: $0.serial) }, next: part.next)
                })),
        AnyEndpoint(
            Endpoint<TamperClosing, TamperCaseView>(
                "tamper-cases.close", "POST", "/api/v1/tamper-cases/{caseID}/close",
                access: .permission([.commandMeters]),
                EndpointText("Close a case of tampering", "What was cut because of it is restored."),
                example: TamperClosing(caseID: ID(9401), isResolved: true, reason: "seal renewed"),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    TamperCaseView(
                        try await context.perform(
                            CloseTamperCase(
                                caseID: input.caseID.value, isResolved: input.isResolved, reason: input.reason),
                            why: input.reason), serial: nil)
                })),
    ]
}
