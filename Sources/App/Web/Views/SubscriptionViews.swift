// PacksPanel: the packs of an account; PackConfirmView: what comes of a request before it is made; SubscriptionsView:
// the list of the company. They show, and decide nothing.
import Access
import CivilTime
import Packs
import Tariffs

/// The price of a unit in a band or some hours.
public struct PackPrice: Sendable {
    public var cover: AddOnPrice.Cover
    public var milliPaisePerKWh: Int64

    fileprivate func row(_ w: Wording) -> Fields {
        let name: Markup =
            switch cover {
            case .band(let band): w.band(band)
            case .minutes(let range): "\(w.minute(range.fromMinute))–\(w.minute(range.toMinute))"
            }
        return Fields(["name": name, "price": w.say("pack.perUnit", ["price": "\(w.price(milliPaisePerKWh))"])])
    }
}

extension Subscription.State {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .draft: w.say("pack.draft")
        case .active: w.say("pack.active")
        case .unsubscribed: w.say("pack.unsubscribed")
        case .expired: w.say("pack.expired")
        case .rejected: w.say("pack.rejected")
        }
    }

    func chip(_ w: Wording) -> Markup {
        switch self {
        case .draft: w.chip(.warn, words(w))
        case .active: w.chip(.ok, words(w))
        case .unsubscribed, .expired: w.chip(.idle, words(w))
        case .rejected: w.chip(.bad, words(w))
        }
    }
}

extension ListedSubscription {
    /// The days it bills: `from 2 Jan 2027`, `2 Jan 2027 to 1 Feb 2027`.
    fileprivate func days(_ w: Wording) -> Markup {
        guard let fromDay else { return appliedDay.map { w.say("pack.appliedOn", ["day": w.fullDay($0)]) } ?? "" }
        guard let toDay else { return w.say("pack.from", ["from": w.fullDay(fromDay)]) }
        return toDay < fromDay
            ? w.say("pack.neverBegan") : w.say("pack.fromTo", ["from": w.fullDay(fromDay), "to": w.fullDay(toDay)])
    }

    /// What comes next, by dates alone.
    fileprivate func next(_ w: Wording, _ today: CivilDay) -> Markup? {
        switch state {
        case .draft: return w.say("pack.waits")
        case .rejected: return why.isEmpty ? nil : "\(why)"
        case .expired: return nil
        case .unsubscribed:
            guard let toDay, toDay >= today else { return nil }
            return w.say("pack.endsWith", ["day": w.fullDay(toDay)])
        case .active:
            if let fromDay, fromDay > today { return w.say("pack.begins", ["day": w.fullDay(fromDay)]) }
            guard let termToDay else { return nil }
            return w.say(renews ? "pack.renewsAfter" : "pack.endsWith", ["day": w.fullDay(termToDay)])
        }
    }
}

public struct PacksPanel: Sendable {
    public var account: Int64
    public var today: CivilDay
    public var held: [ListedSubscription]
    public var offers: [OfferedPack]
    public var mayAsk: Bool
    public var mayDecide: Bool
    public var mayLeave: Bool
    /// Names of packs by id; the id itself where one has none.
    public var names: [String: String] = [:]

    func values(_ w: Wording) -> Fields {
        var row = Fields()
        row.set("held", held.map { line($0, w) })
        row.set("hasHeld", !held.isEmpty)
        row.set("offers", offers.map { offer($0, w) })
        row.set("hasOffers", !offers.isEmpty)
        row.set("mayAsk", mayAsk)
        let holdsBase = held.contains { $0.kind == .base && $0.state == .active }
        row.set("leaveHref", mayLeave && holdsBase ? Paths.askPack(account, act: PackAct.portOut.rawValue) : nil)
        return row
    }

    private func line(_ item: ListedSubscription, _ w: Wording) -> Fields {
        var acts: [(PackAct, Markup)] = []
        if mayAsk, item.state == .active {
            if item.kind == .addOn { acts.append((.unsubscribe, w.say("pack.unsubscribe"))) }
            if item.termToDay != nil { acts.append((.renew, w.say("pack.renew"))) }
        }
        if mayDecide, item.state == .draft {
            acts += [(.approve, w.say("pack.approve")), (.reject, w.say("pack.reject"))]
        }
        let links = acts.map { w.link(Paths.askPack(account, act: $0.0.rawValue, pack: item.packID), $0.1) }
        return Fields([
            "pack": "\(names[item.packID] ?? item.packID)",
            "kind": item.kind == .base ? w.say("pack.base") : w.say("pack.addOn"), "days": item.days(w),
            "chip": item.state.chip(w), "next": item.next(w, today) ?? "",
            "acts": links.joined(" · "),
        ])
    }

    private func offer(_ offer: OfferedPack, _ w: Wording) -> Fields {
        let term: Markup =
            offer.months.map { w.count("pack.months", $0) } ?? w.say("pack.open")
        var notes: [Markup] = [term]
        if let watts = offer.loadLimitW { notes.append(w.say("pack.limit", ["kw": w.kilowatts(watts)])) }
        if let price = offer.exportMilliPaisePerKWh {
            notes.append(w.say("pack.buys", ["price": "\(w.price(price))"]))
        }
        if offer.waits { notes.append(w.say("pack.needsApproval")) }
        return Fields([
            "pack": "\(names[offer.packID] ?? offer.packID)",
            "kind": offer.kind == .base ? w.say("pack.base") : w.say("pack.addOn"),
            "seller": offer.seller == "own" ? w.say("pack.ownSeller") : "\(offer.seller)",
            "notes": notes.joined(" · "), "first": w.fullDay(offer.firstDay),
            "apply": w.link(
                Paths.askPack(account, act: PackAct.apply.rawValue, pack: offer.packID),
                w.say("pack.applyFor", ["pack": "\(names[offer.packID] ?? offer.packID)"])),
        ])
    }
}

/// A request with everything that comes of it, before it is made.
public struct PackConfirmView: Page {
    public static let template = "packconfirm"
    public var account: Int64
    public var code: String
    public var name: String
    public var act: PackAct
    public var packID: String
    public var prices: [PackPrice]
    public var typed: [String: String]
    public var answer: PackAnswer?
    public var refusal: Refusal?
    public var names: [String: String] = [:]

    public init(
        account: Int64, code: String, name: String, act: PackAct, packID: String, prices: [PackPrice],
        typed: [String: String]
    ) {
        (self.account, self.code, self.name, self.act) = (account, code, name, act)
        (self.packID, self.prices, self.typed) = (packID, prices, typed)
    }
}

extension PackAct {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .apply: w.say("pack.apply")
        case .approve: w.say("pack.approve")
        case .reject: w.say("pack.reject")
        case .unsubscribe: w.say("pack.unsubscribe")
        case .renew: w.say("pack.renew")
        case .portOut: w.say("pack.portOut")
        }
    }
}

extension PackConfirmView: PageContent {
    func title(_ w: Wording) -> Markup {
        let title = act == .portOut ? act.words(w) : w.say("pack.title", ["act": act.words(w), "pack": named(packID)])
        return refusal == nil ? title : w.say("title.error", ["title": title])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set(
            "lede", act == .portOut ? act.words(w) : w.say("pack.title", ["act": act.words(w), "pack": named(packID)]))
        row.set("who", w.link(Paths.account(account), "\(name), \(code)"))
        row.set("backHref", Paths.account(account) + "#packs")
        row.set("action", Paths.askPack(account))
        row.set("act", act.rawValue)
        row.set("pack", packID)
        row.set("prices", prices.map { $0.row(w) })
        row.set("hasPrices", act == .apply && !prices.isEmpty)
        row.set("effects", answer.map { effects($0, w).map { Fields(["words": $0]) } } ?? [])
        row.set("hasEffects", answer != nil)
        row.set(
            "penalty",
            answer.flatMap {
                $0.penaltyPaise > 0 ? w.say("pack.penalty", ["money": "\(w.money($0.penaltyPaise))"]) : nil
            }
        )
        row.set("asksDay", act == .apply || act == .portOut)
        row.set("dayLabel", act == .portOut ? w.say("pack.lastDay") : w.say("pack.firstDay"))
        row.set("dayHint", act == .portOut ? w.say("pack.lastDayHint") : w.say("pack.firstDayHint"))
        row.set("asksReason", act == .approve || act == .reject || act == .portOut)
        row.set("typedDay", typed["day"] ?? "")
        row.set("typedReason", typed["reason"] ?? "")
        row.set("button", act.words(w))
        row.set("isStop", act == .reject || act == .portOut)
        row.set("errors", w.errors(refusal, otherwise: "confirm") { ["day": "day", "reason": "reason"][$0] })
        return row
    }

    private func named(_ packID: String) -> Markup { "\(names[packID] ?? packID)" }

    private func effects(_ answer: PackAnswer, _ w: Wording) -> [Markup] {
        var words: [Markup] = []
        if answer.isRepeat { words.append(w.say("pack.repeated")) }
        if answer.state == "DRAFT" { words.append(w.say("pack.willWait")) }
        if let from = answer.fromDay, act == .apply || act == .approve {
            words.append(w.say("pack.willBegin", ["pack": named(packID), "day": w.fullDay(CivilDay(number: from))]))
        }
        if let to = answer.toDay, act == .apply || act == .approve || act == .renew {
            words.append(w.say("pack.willHold", ["day": w.fullDay(CivilDay(number: to))]))
        }
        words += answer.ending.map { ending in
            w.say(
                "pack.willEnd", ["pack": named(ending.packID), "day": w.fullDay(CivilDay(number: ending.lastDay))])
        }
        return words.isEmpty ? [w.say("pack.nothingElse")] : words
    }
}

public struct SubscriptionsView: Page {
    public static let template = "subscriptions"
    public var filter: ListedSubscription.Filter
    public var items: [ListedSubscription]
    public var counts: [Subscription.State: Int64]
    public var nextBefore: Int64?
    public var isFirstPage: Bool
    public var packs: [String]
    public var places: [(id: Int64, name: String)]
    public var aside: [PackHolder]
    public var failed: [PackFactRow]
    public var mayDecide: Bool
    public var names: [String: String] = [:]
}

extension SubscriptionsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("subscriptions.title") }

    private func address(_ state: Subscription.State?, before: Int64?) -> String {
        Paths.subscriptions(
            state: state?.rawValue, pack: filter.packID, place: filter.placeID, before: before)
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let waiting = Int(counts[.draft] ?? 0)
        var row = Fields()
        row.set("title", title(w))
        row.set("lede", waiting == 0 ? w.say("subscriptions.ledeNone") : w.count("subscriptions.lede", waiting))
        row.set(
            "tabs",
            ([nil] + Subscription.State.allCases.map { $0 }).map { (state: Subscription.State?) in
                let count = state.map { counts[$0] ?? 0 } ?? counts.values.reduce(0, +)
                var tab = Fields([
                    "href": "\(address(state, before: nil))",
                    "name": "\(state?.words(w) ?? w.say("list.all")) \(w.number(count))",
                ])
                tab.set("current", state == filter.state)
                return tab
            })
        row.set("action", Paths.subscriptions)
        row.set("state", filter.state?.rawValue)
        row.set("packs", packs.map { choice($0, names[$0] ?? $0, filter.packID == $0) })
        row.set("places", places.map { choice(String($0.id), $0.name, filter.placeID == $0.id) })
        row.set("items", items.map { line($0, w) })
        row.set("hasItems", !items.isEmpty)
        let isAll = filter == ListedSubscription.Filter()
        row.set("empty", isAll ? w.say("subscriptions.empty") : w.say("list.nothingFits"))
        row.set("firstHref", isFirstPage ? nil : address(filter.state, before: nil))
        row.set("nextHref", nextBefore.map { address(filter.state, before: $0) })
        row.set("hasPaging", !isFirstPage || nextBefore != nil)
        let troubles =
            aside.map { trouble($0.accountID, $0.asideWhy, w) }
            + failed.map { trouble($0.accountID, "\($0.key): \($0.trouble)", w) }
        row.set("troubles", troubles)
        row.set("hasTroubles", !troubles.isEmpty)
        return row
    }

    private func choice(_ value: String, _ name: String, _ isChosen: Bool) -> Fields {
        var row = Fields(["value": "\(value)", "name": "\(name)"])
        row.set("chosen", isChosen)
        return row
    }

    private func trouble(_ account: Int64, _ why: String, _ w: Wording) -> Fields {
        Fields(["account": w.link(Paths.account(account), "\(account)"), "why": w.said(why)])
    }

    private func line(_ item: ListedSubscription, _ w: Wording) -> Fields {
        var row = Fields([
            "account": w.link(Paths.account(item.accountID), "\(item.accountNumber)"), "name": "\(item.accountName)",
            "pack": "\(names[item.packID] ?? item.packID)",
            "kind": item.kind == .base ? w.say("pack.base") : w.say("pack.addOn"),
            "seller": item.seller == "own" ? w.say("pack.ownSeller") : "\(item.seller)", "days": item.days(w),
            "chip": item.state.chip(w), "next": item.next(w, w.day(ofMs: w.nowMs)) ?? "",
            "packID": "\(item.packID)", "action": "\(Paths.askPack(item.accountID))",
            "fieldID": "why-\(item.subscriptionID)",
        ])
        row.set("mayDecide", mayDecide && item.state == .draft)
        return row
    }
}
