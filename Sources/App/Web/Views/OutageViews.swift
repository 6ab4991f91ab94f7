// OutagesView: the list of outages; OutageView: one with its meters; TamperView: cases of tampering. Shows, decides
// nothing.
import API
import Access
import CivilTime
import MeterData
import Reliability

/// What somebody typed to plan an outage or to call one off, and what was wrong with it.
public struct PlanForm: Sendable {
    public var typed: [String: String] = [:]
    public var refusal: Refusal?
    /// The planned outage that was to be called off.
    public var plannedID: Int64?
}

public struct OutagesView: Page {
    public static let template = "outages"
    public var items: [OutageRow]
    public var openCount: Int
    /// `open`, `planned`, or nothing for all.
    public var show: String?
    public var placeID: Int64?
    public var planned: [(planned: PlannedOutage, place: String)]
    public var nextAfter: String?
    public var isFirstPage: Bool
    /// Nil for who may not plan outages.
    public var form: PlanForm?
    public var places: [(id: Int64, name: String)] = []
    /// Only those that began on these days.
    public var from: CivilDay?
    public var to: CivilDay?

    fileprivate func address(_ show: String?, after: String?) -> String {
        Paths.outages(show: show, place: placeID, after: after, from: from, to: to)
    }
}

public struct OutagePage: Page {
    public static let template = "outage"
    public var detail: OutageDetail
    public var mayAct: Bool
    public var idempotencyKey: String
    public var isFirstPage: Bool
}

public struct TamperView: Page {
    public static let template = "tamper"
    public var items: [(item: TamperCase, serial: String)]
    public var state: TamperCase.State?
    public var mayAct: Bool
    public var nextAfter: String?
    public var isFirstPage: Bool
}

extension OutageConfidence {
    func chip(_ w: Wording) -> Markup {
        switch self {
        case .high: w.chip(.ok, w.say("outage.high"))
        case .medium: w.chip(.info, w.say("outage.medium"))
        case .low: w.chip(.warn, w.say("outage.low"))
        }
    }
}

extension OutageEvidence {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .log: w.say("outage.byLog")
        case .push: w.say("outage.byPush")
        case .inferred: w.say("outage.inferred")
        case .silent: w.say("outage.bySilence")
        case .readings: w.say("outage.byReadings")
        }
    }
}

extension TamperKind {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .magnet: w.say("tamper.magnet")
        case .neutral: w.say("tamper.neutral")
        case .coverOpen: w.say("tamper.coverOpen")
        case .currentCircuit: w.say("tamper.currentCircuit")
        case .earthLoading: w.say("tamper.earthLoading")
        case .moduleRemoved: w.say("tamper.moduleRemoved")
        case .lowPowerFactor: w.say("tamper.lowPowerFactor")
        case .overload: w.say("tamper.overload")
        }
    }
}

extension TamperCase.State {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .seen: w.say("tamper.seen")
        case .valid: w.say("tamper.valid")
        case .resolved: w.say("tamper.resolved")
        case .dismissed: w.say("tamper.dismissed")
        }
    }

    func chip(_ w: Wording) -> Markup {
        switch self {
        case .seen: w.chip(.info, words(w))
        case .valid: w.chip(.bad, words(w))
        case .resolved: w.chip(.ok, words(w))
        case .dismissed: w.chip(.idle, words(w))
        }
    }
}

/// How long an outage lasted, or lasts: with a chip where it is not over.
private func lasted(_ fromMs: Int64, _ toMs: Int64?, _ w: Wording) -> Markup {
    guard let toMs else {
        return "\(w.chip(.bad, w.say("outage.lasts"))) \(w.duration(max(0, w.nowMs - fromMs)))"
    }
    return w.duration(max(0, toMs - fromMs))
}

private func placeLink(_ row: OutageRow, _ w: Wording) -> Markup {
    guard let placeID = row.outage.placeID, let name = row.placeName else { return w.say("outage.noPlace") }
    return w.link(Paths.reliability(place: placeID), "\(name)")
}

extension OutagesView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("outages.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("title", title(w))
        row.set("lede", openCount == 0 ? w.say("outages.ledeGood") : w.count("outages.lede", openCount))
        row.set("reliabilityHref", Paths.reliability(place: placeID, from: from, to: to))
        row.set("tamperHref", Paths.tamper)
        row.set(
            "days",
            from.map { from in
                w.say("outages.days", ["from": w.fullDay(from), "to": w.fullDay(to ?? w.day(ofMs: w.nowMs))])
            })
        row.set(
            "tabs",
            [(nil, w.say("list.all")), ("open", w.say("outages.open")), ("planned", w.say("outages.planned"))].map {
                (name: String?, words: Markup) in
                var tab = Fields(["href": "\(address(name, after: nil))", "name": words])
                tab.set("current", name == show)
                return tab
            })
        row.set("outages", items.map { line($0, w) })
        row.set("hasOutages", !items.isEmpty)
        row.set(
            "empty", show == nil && placeID == nil && from == nil ? w.say("outages.empty") : w.say("list.nothingFits"))
        row.set(
            "planned",
            planned.map { item in
                Fields([
                    "place": "\(item.place)", "from": w.timeTag(item.planned.fromMs, w.moment(item.planned.fromMs)),
                    "to": w.timeTag(item.planned.toMs, w.moment(item.planned.toMs)), "why": "\(item.planned.why)",
                    "state": item.planned.calledOffAtMs == nil
                        ? w.chip(.info, w.say("outages.holds")) : w.chip(.idle, w.say("outages.calledOff")),
                    "callOff": form != nil && item.planned.calledOffAtMs == nil
                        ? "\(Paths.callOff(item.planned.plannedID))" : nil,
                    "fieldID": "why-\(item.planned.plannedID)",
                ])
            })
        row.set("form", form.map { formValues($0, w) })
        row.set("errors", form.map { errors($0, w) } ?? [])
        row.set("hasPlanned", !planned.isEmpty)
        row.set("firstHref", isFirstPage ? nil : address(show, after: nil))
        row.set("nextHref", nextAfter.map { address(show, after: $0) })
        row.set("hasPaging", !isFirstPage || nextAfter != nil)
        return row
    }

    private func errors(_ form: PlanForm, _ w: Wording) -> [Fields] {
        if let plannedID = form.plannedID { return w.errors(form.refusal, otherwise: "why-\(plannedID)") }
        let names = ["placeID": "place", "fromMs": "from", "toMs": "to"]
        return w.errors(form.refusal, otherwise: "plan-place") { "plan-" + (names[$0] ?? $0) }
    }

    private func formValues(_ form: PlanForm, _ w: Wording) -> Fields {
        var row = Fields()
        row.set("action", Paths.plannedOutages)
        row.set(
            "places",
            places.map { place in
                var option = Fields(["id": "\(place.id)", "name": "\(place.name)"])
                option.set("chosen", "\(place.id)" == form.typed["place"] ?? placeID.map(String.init))
                return option
            })
        for field in ["from", "to", "reason"] { row.set("typed_\(field)", form.typed[field] ?? "") }
        row.set("zone", w.say("outages.zoneHint", ["zone": "\(w.zone.identifier)"]))
        return row
    }

    private func line(_ item: OutageRow, _ w: Wording) -> Fields {
        let outage = item.outage
        let cause: Markup =
            if outage.plannedID != nil {
                w.chip(.info, w.say("outages.planned"))
            } else if outage.isNode {
                w.chip(.warn, w.say("outages.node"))
            } else {
                w.chip(.idle, w.say("outages.single"))
            }
        return Fields([
            "when": w.link(Paths.outage(outage.outageID), w.timeTag(outage.startMs, w.moment(outage.startMs))),
            "place": placeLink(item, w), "lasted": lasted(outage.startMs, outage.endMs, w), "cause": cause,
            "customers": w.say(
                "outages.customers",
                ["n": "\(w.number(outage.members + outage.silent))", "total": "\(w.number(outage.ofMeters))"]),
            "told": item.operatorToldAtMs == nil
                ? w.say("outages.notTold") : w.say("outages.told", ["n": "\(w.number(item.told))"]),
        ])
    }
}

extension OutagePage: PageContent {
    func title(_ w: Wording) -> Markup { w.say("outage.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let outage = detail.row.outage
        var row = Fields()
        row.set("title", title(w))
        row.set("outagesHref", Paths.outages)
        let place = placeLink(detail.row, w)
        row.set(
            "lede",
            outage.isNode
                ? w.say(
                    "outage.ledeNode",
                    [
                        "place": place, "n": "\(w.number(outage.members))", "total": "\(w.number(outage.ofMeters))",
                    ]) : w.say("outage.ledeSingle", ["place": place]))
        row.set("from", w.timeTag(outage.startMs, w.moment(outage.startMs)))
        row.set("to", outage.endMs.map { w.timeTag($0, w.moment($0)) } ?? w.say("outage.lasts"))
        row.set("lasted", lasted(outage.startMs, outage.endMs, w))
        row.set("silent", w.say("outage.silentOf", ["n": "\(w.number(outage.silent))"]))
        row.set("planned", detail.row.plannedWhy)
        row.set(
            "told",
            detail.row.operatorToldAtMs.map {
                w.say(
                    "outage.toldAt",
                    [
                        "time": w.moment($0), "n": "\(w.number(detail.row.told))",
                        "back": "\(w.number(detail.row.toldBack))",
                    ])
            } ?? w.say("outages.notTold"))
        row.set("withdrawn", outage.isWithdrawn)
        row.set("mayAsk", mayAct && outage.isNode && outage.endMs == nil)
        row.set("aliveAction", Paths.alive)
        row.set("place", outage.placeID.map { String($0) })
        row.set("key", idempotencyKey)
        row.set("meters", detail.members.items.map { member($0, w) })
        row.set("hasMeters", !detail.members.items.isEmpty)
        row.set(
            "versions",
            detail.versions.map { version in
                Fields([
                    "version": "\(version.version)", "made": w.timeTag(version.madeAtMs, w.moment(version.madeAtMs)),
                    "from": w.moment(version.startMs),
                    "to": version.endMs.map { w.moment($0) } ?? w.say("outage.lasts"),
                    "meters": "\(w.number(version.members)) + \(w.number(version.silent))",
                    "state": version.isWithdrawn ? w.say("outage.withdrawn") : "",
                ])
            })
        row.set("nextHref", detail.members.next.map { "\(Paths.outage(outage.outageID))?after=\(Paths.encoded($0))" })
        row.set("firstHref", isFirstPage ? nil : Paths.outage(outage.outageID))
        row.set("hasPaging", !isFirstPage || detail.members.next != nil)
        return row
    }

    private func member(_ member: OutageMember, _ w: Wording) -> Fields {
        let outage = member.outage
        return Fields([
            "meter": w.link(Paths.meter(outage.meterID), "\(member.serial)"),
            "from": w.timeTag(outage.startMs, w.moment(outage.startMs)),
            "to": outage.endMs.map { w.timeTag($0, w.moment($0)) } ?? w.say("outage.lasts"),
            "lasted": lasted(outage.startMs, outage.endMs, w), "confidence": outage.confidence.chip(w),
            "evidence": evidence(outage, w),
        ])
    }
}

/// How the two ends of an outage are known, and by what the clock was corrected.
func evidence(_ outage: MeterOutage, _ w: Wording) -> Markup {
    let start = outage.span.startEvidence.words(w)
    let end = outage.span.endEvidence.map { $0.words(w) }
    let ends: Markup = end.map { "\(start) – \($0)" } ?? start
    guard outage.span.clockOffMs != 0 else { return ends }
    let words = w.say("outage.clock", ["t": w.duration(abs(outage.span.clockOffMs))])
    return "\(ends) <small class=\"q\">\(words)</small>"
}

extension TamperView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("tamper.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("title", title(w))
        row.set("outagesHref", Paths.outages)
        row.set("lede", items.isEmpty ? w.say("tamper.none") : w.say("tamper.lede"))
        row.set(
            "tabs",
            ([nil] + TamperCase.State.allCases.map { $0 }).map { (one: TamperCase.State?) in
                var tab = Fields([
                    "href": "\(Paths.tamper(state: one?.rawValue, after: nil))",
                    "name": one?.words(w) ?? w.say("list.all"),
                ])
                tab.set("current", one == state)
                return tab
            })
        row.set("cases", items.map { line($0.item, $0.serial, w) })
        row.set("hasCases", !items.isEmpty)
        row.set("firstHref", isFirstPage ? nil : Paths.tamper(state: state?.rawValue, after: nil))
        row.set("nextHref", nextAfter.map { Paths.tamper(state: state?.rawValue, after: $0) })
        row.set("hasPaging", !isFirstPage || nextAfter != nil)
        return row
    }

    private func line(_ item: TamperCase, _ serial: String, _ w: Wording) -> Fields {
        var row = Fields([
            "meter": w.link(Paths.meter(item.meterID), "\(serial)"), "kind": item.kind.words(w),
            "state": item.state.chip(w), "last": w.timeTag(item.lastAtMs, w.moment(item.lastAtMs)),
            "first": w.timeTag(item.firstAtMs, w.moment(item.firstAtMs)), "times": "\(w.number(item.times))",
            "lasted": w.duration(item.lastedMs),
            "reasons": item.reasons.map { reason -> Markup in
                switch reason {
                case .coverOpened: w.say("tamper.coverOpened")
                case .lasted: w.say("tamper.lastedLong")
                case .repeated: w.say("tamper.repeated")
                case .consumptionFell:
                    w.say("tamper.fell", ["share": "\(w.share(Int(clamping: item.dropPPM ?? 0)))"])
                }
            }.joined(", "),
            "events": w.link("\(Paths.events)?kind=tamper&meter=\(Paths.encoded(serial))", w.say("tamper.events")),
            "action": "\(Paths.tamperClose(item.caseID))", "fieldID": "why-\(item.caseID)",
        ])
        row.set("order", item.orderID.map { w.link(Paths.order($0), w.say("tamper.order")) })
        row.set("restore", item.restoreOrderID.map { w.link(Paths.order($0), w.say("tamper.restore")) })
        row.set("why", item.closedWhy)
        row.set("mayClose", mayAct && item.isOpen)
        return row
    }
}
