// GuardView: the disconnection guard. Each account that is low or cut with its reasons, the earliest possible cut, its
// notices and what proves them, and how far it is charged. Shows, decides nothing.
import API
import Access
import CivilTime
import Supply

public struct GuardView: Page {
    public static let template = "guard"
    public var report: GuardReport
    public var filter: SupplyGuard.Filter
    public var isFirstPage: Bool
    public var places: [(id: Int64, name: String)]
    /// Names of the weekdays, Monday first.
    public var weekdays: [String]
    public var mayHold = false
    public var mayRelease = false
    /// What was wrong with a form, and what was typed in it.
    public var refusal: Refusal?
    public var typed: [String: String] = [:]

    public init(
        report: GuardReport, filter: SupplyGuard.Filter, isFirstPage: Bool, places: [(id: Int64, name: String)],
        weekdays: [String]
    ) {
        (self.report, self.filter, self.isFirstPage) = (report, filter, isFirstPage)
        (self.places, self.weekdays) = (places, weekdays)
    }

    private func address(
        standing: GuardStanding?, after: String? = nil, csv: Bool = false
    ) -> String {
        Paths.supply(
            csv: csv,
            [
                "standing": standing?.rawValue ?? "", "reason": filter.reason?.rawValue ?? "",
                "place": filter.placeID.map { String($0) } ?? "", "after": after ?? "",
            ])
    }
}

extension GuardView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("guard.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let all = report.counts.standings.values.reduce(0, +)
        var row = Fields()
        row.set("title", title(w))
        row.set("lede", all == 0 ? w.say("guard.ledeGood") : w.count("guard.lede", all))
        row.set("banner", report.hold.map { banner($0, w) })
        let form = typed["until"] == nil ? "release" : "hold"
        row.set("errors", w.errors(refusal, otherwise: "\(form)-reason") { "\(form)-\($0)" })
        row.set(
            "tabs",
            ([nil] + GuardStanding.allCases.map { $0 }).map { (one: GuardStanding?) in
                let count = one.map { report.counts.standings[$0] ?? 0 } ?? all
                var tab = Fields([
                    "href": "\(address(standing: one))",
                    "name": w.say(
                        "guard.tab", ["name": one?.words(w) ?? w.say("guard.all"), "n": "\(w.number(count))"]),
                ])
                tab.set("current", one == filter.standing)
                return tab
            })
        row.set("standing", filter.standing?.rawValue)
        row.set("reasons", SupplyReasonCode.allCases.filter { isOffered($0) }.map { option($0, w) })
        row.set(
            "places",
            places.map { place in
                var option = Fields(["id": "\(place.id)", "name": "\(place.name)"])
                option.set("chosen", place.id == filter.placeID)
                return option
            })
        row.set("action", Paths.supply)
        row.set("csvHref", address(standing: filter.standing, csv: true))
        row.set("rows", report.rows.map { line($0, w) })
        row.set("hasRows", !report.rows.isEmpty)
        let isFiltered = filter != SupplyGuard.Filter()
        row.set("empty", isFiltered ? w.say("list.nothingFits") : w.say("guard.empty"))
        row.set("firstHref", isFirstPage ? nil : address(standing: filter.standing))
        row.set("nextHref", report.next.map { address(standing: filter.standing, after: $0) })
        row.set("hasPaging", !isFirstPage || report.next != nil)
        row.set("hold", mayHold && report.hold?.isAsking != false ? holdForm(w) : nil)
        row.set("release", mayRelease && report.hold != nil ? releaseForm() : nil)
        return row
    }

    private func holdForm(_ w: Wording) -> Fields {
        var row = Fields(["action": "\(Paths.supplyHold)"])
        row.set("typedReason", typed["until"] == nil ? "" : typed["reason"] ?? "")
        row.set("typedUntil", typed["until"] ?? "")
        row.set("zone", w.say("guard.zone", ["zone": "\(w.zone.identifier)"]))
        return row
    }

    private func releaseForm() -> Fields {
        var row = Fields(["action": "\(Paths.supplyRelease)"])
        row.set("typedReason", typed["until"] == nil ? typed["reason"] ?? "" : "")
        return row
    }

    private func banner(_ hold: SupplyHold, _ w: Wording) -> Markup {
        if hold.isAsking { return w.say("guard.asks", ["count": "\(hold.reason)"]) }
        guard let untilMs = hold.untilMs else { return w.say("guard.stands", ["reason": "\(hold.reason)"]) }
        return w.say(
            "guard.standsUntil",
            ["time": w.timeTag(untilMs, w.moment(untilMs)), "reason": "\(hold.reason)"])
    }

    /// Reasons that occur, and the one that was asked for.
    private func isOffered(_ code: SupplyReasonCode) -> Bool {
        (report.counts.reasons[code] ?? 0) > 0 || code == filter.reason
    }

    private func option(_ code: SupplyReasonCode, _ w: Wording) -> Fields {
        var row = Fields(["code": "\(code.rawValue)"])
        row.set(
            "name",
            w.say(
                "guard.tab",
                ["name": code.short(w), "n": "\(w.number(report.counts.reasons[code] ?? 0))"]))
        row.set("chosen", code == filter.reason)
        return row
    }

    private func line(_ item: GuardRow, _ w: Wording) -> Fields {
        var row = Fields([
            "account": w.link(Paths.account(item.accountID), "\(item.name)"), "number": "\(item.accountNumber)",
            "place": "\(item.placeName)", "balance": "\(w.money(item.balancePaise))",
        ])
        row.set(
            "estimated",
            item.estimatedChargesPaise == 0
                ? nil : w.say("guard.estimated", ["money": "\(w.money(item.estimatedChargesPaise))"]))
        row.set("since", item.lowSinceMs.map { w.timeTag($0, w.moment($0)) } ?? "–")
        row.set("notBefore", notBefore(item, w))
        row.set(
            "why",
            item.reasons.map { reason in
                let words = SupplyReason(code: reason.code.rawValue, detail: reason.detail, weekdays: weekdays)
                return Fields(["words": words.words(w)])
            })
        row.set("notice", notice(item, w))
        row.set(
            "proofs",
            (item.lastNotice?.evidence ?? []).suffix(3).map { Fields(["words": proof($0, w)]) })
        row.set("charged", item.chargedThrough.map { w.shortDay($0) } ?? w.say("guard.neverCharged"))
        return row
    }

    private func notBefore(_ item: GuardRow, _ w: Wording) -> Markup {
        switch item.standing {
        case .off: w.chip(.bad, w.say("guard.cutSince", ["time": w.moment(item.sinceMs)]))
        case .held: w.chip(.info, w.say("guard.nobodyKnows"))
        case .next: item.notBeforeMs.map { w.timeTag($0, w.moment($0)) } ?? ""
        }
    }

    private func notice(_ item: GuardRow, _ w: Wording) -> Markup {
        guard let notice = item.lastNotice else { return w.say("guard.noNotice") }
        return w.say("guard.sentAt", ["time": w.timeTag(notice.sentAtMs, w.moment(notice.sentAtMs))])
    }

    private func proof(_ evidence: Evidence, _ w: Wording) -> Markup {
        let state: Markup =
            switch evidence.state {
            case "delivered": w.say("guard.state.delivered")
            case "shown": w.say("guard.state.shown")
            case "failed": w.say("guard.state.failed")
            default: w.say("guard.state.sent")
            }
        let channel: Markup = evidence.channel == "portal" ? w.say("guard.portal") : "\(evidence.channel)"
        return w.say("guard.evidence", ["channel": channel, "state": state, "time": w.moment(evidence.atMs)])
    }
}

extension GuardStanding {
    fileprivate func words(_ w: Wording) -> Markup {
        switch self {
        case .next: w.say("guard.next")
        case .held: w.say("guard.held")
        case .off: w.say("guard.off")
        }
    }
}

extension SupplyReasonCode {
    /// Without what belongs to one account.
    fileprivate func short(_ w: Wording) -> Markup {
        switch self {
        case .balanceBelowThreshold: w.say("guard.short.balance-below-threshold")
        case .ordered: w.say("guard.short.ordered")
        case .notYetRestored: w.say("guard.short.not-yet-restored")
        case .companyHold: w.say("guard.short.company-hold")
        case .tooManyAtOnce: w.say("guard.short.too-many-at-once")
        case .noCutHours: w.say("guard.short.no-cut-hours")
        case .outsideCutHours: w.say("guard.short.outside-cut-hours")
        case .noCutWeekday: w.say("guard.short.no-cut-weekday")
        case .noCutNthWeekday: w.say("guard.short.no-cut-nth-weekday")
        case .noCutDay: w.say("guard.short.no-cut-day")
        case .noCutHoliday: w.say("guard.short.no-cut-holiday")
        case .shieldedLoad: w.say("guard.short.shielded-load")
        case .conversionOpen: w.say("guard.short.conversion-open")
        case .afterConversion: w.say("guard.short.after-conversion")
        case .emergencyCredit: w.say("guard.short.emergency-credit")
        case .correctionGrace: w.say("guard.short.correction-grace")
        case .correctionAlone: w.say("guard.short.correction-alone")
        case .restsOnEstimate: w.say("guard.short.rests-on-estimate")
        case .chargesLag: w.say("guard.short.charges-lag")
        case .noticeNotProven: w.say("guard.short.notice-not-proven")
        case .warningTooFresh: w.say("guard.short.warning-too-fresh")
        case .awaitsRun: w.say("guard.short.awaits-run")
        case .runIsFull: w.say("guard.short.run-is-full")
        case .balanceGood: w.say("guard.short.balance-good")
        }
    }
}
