// CommandsView, OrderView and WishesView: the command centre, one order, and what is wanted of one meter. Shows orders
// as they come along; decides nothing.
import Access
import CivilTime

/// An order as the pages show it.
public struct OrderCard: Sendable {
    public enum State: Sendable { case awaiting, running, done, stopped, expired }
    public var id: Int64
    public var matter: String
    public var value: String
    public var reason: String
    public var group: String
    public var state: State
    public var by: String
    public var createdAtMs: Int64
    public var expiresAtMs: Int64
    public var approvedBy: String?
    public var endedWhy: String?
    public var waiting: Int64
    public var onTheWay: Int64
    public var done: Int64
    public var failed: Int64
    public var leftOut: Int64
    public var count: Int64 { waiting + onTheWay + done + failed + leftOut }

    public init(
        id: Int64, matter: String, value: String, reason: String, group: String, state: State, by: String,
        createdAtMs: Int64, expiresAtMs: Int64, approvedBy: String?, endedWhy: String?,
        counts: (waiting: Int64, onTheWay: Int64, done: Int64, failed: Int64, leftOut: Int64)
    ) {
        (self.id, self.matter, self.value, self.reason, self.group) = (id, matter, value, reason, group)
        (self.state, self.by, self.createdAtMs, self.expiresAtMs) = (state, by, createdAtMs, expiresAtMs)
        (self.approvedBy, self.endedWhy) = (approvedBy, endedWhy)
        (waiting, onTheWay, done, failed, leftOut) = counts
    }
}

/// What somebody entered to give an order, and what was wrong with it.
public struct OrderForm: Sendable {
    /// Names of matters that can be ordered.
    public var matters: [String]
    /// Places one may order for: id, name.
    public var places: [(id: Int64, name: String)]
    public var key: String
    public var typed: [String: String]
    public var refusal: Refusal?
    /// Set on the page of a meter: the order is for it alone.
    public var onlyMeter: Int64?
    public init(
        matters: [String], places: [(id: Int64, name: String)], key: String, typed: [String: String] = [:],
        refusal: Refusal? = nil
    ) {
        (self.matters, self.places, self.key, self.typed, self.refusal) = (matters, places, key, typed, refusal)
    }
}

public struct CommandsView: Page {
    public struct Trouble: Sendable {
        public var meter: Int64
        public var serial: String
        public var matter: String
        public var words: String
        public var sinceMs: Int64
        /// Where it is mended; nil: it is being told again.
        public var href: String?
        public init(meter: Int64, serial: String, matter: String, words: String, sinceMs: Int64, href: String?) {
            (self.meter, self.serial, self.matter) = (meter, serial, matter)
            (self.words, self.sinceMs, self.href) = (words, sinceMs, href)
        }
    }
    public static let template = "commands"
    public var orders: [OrderCard]
    public var awaiting: [OrderCard]
    public var failed: [Trouble]
    public var drifted: [Trouble]
    public var nowMs: Int64
    public var nextHref: String?
    /// Nil for who may not order.
    public var form: OrderForm?
    public init(
        orders: [OrderCard], awaiting: [OrderCard], failed: [Trouble], drifted: [Trouble], nowMs: Int64,
        nextHref: String?, form: OrderForm?
    ) {
        (self.orders, self.awaiting, self.failed, self.drifted) = (orders, awaiting, failed, drifted)
        (self.nowMs, self.nextHref, self.form) = (nowMs, nextHref, form)
    }
}

public struct OrderView: Page {
    public struct Meter: Sendable {
        public var id: Int64
        public var serial: String
        public var state: String
        public var answer: String
        public var endedAtMs: Int64?
        public init(id: Int64, serial: String, state: String, answer: String, endedAtMs: Int64?) {
            (self.id, self.serial, self.state, self.answer, self.endedAtMs) = (id, serial, state, answer, endedAtMs)
        }
    }
    public static let template = "order"
    public var order: OrderCard
    public var meters: [Meter]
    public var nextHref: String?
    public var nowMs: Int64
    public var mayApprove: Bool
    public var mayStop: Bool
    public var typedReason: String
    public var refusal: Refusal?
    public init(
        order: OrderCard, meters: [Meter], nextHref: String?, nowMs: Int64, mayApprove: Bool, mayStop: Bool,
        typedReason: String = "", refusal: Refusal? = nil
    ) {
        (self.order, self.meters, self.nextHref, self.nowMs) = (order, meters, nextHref, nowMs)
        (self.mayApprove, self.mayStop) = (mayApprove, mayStop)
        (self.typedReason, self.refusal) = (typedReason, refusal)
    }
}

public struct WishesView: Page {
    public struct Wish: Sendable {
        public enum State: Sendable { case waiting, met, failed, unwanted }
        public var matter: String
        public var desired: String
        public var actual: String?
        public var actualAtMs: Int64?
        public var state: State
        public var reason: String
        public var by: String
        /// Blocks of an image that are there, and in all.
        public var progress: (done: Int64, count: Int64)?
        public var answer: String?
        public init(
            matter: String, desired: String, actual: String?, actualAtMs: Int64?, state: State, reason: String,
            by: String, progress: (done: Int64, count: Int64)?, answer: String?
        ) {
            (self.matter, self.desired, self.actual, self.actualAtMs) = (matter, desired, actual, actualAtMs)
            (self.state, self.reason, self.by) = (state, reason, by)
            (self.progress, self.answer) = (progress, answer)
        }
    }
    public static let template = "wishes"
    public var meter: Int64
    public var serial: String
    public var wishes: [Wish]
    public var nowMs: Int64
    public var form: OrderForm?
    public init(meter: Int64, serial: String, wishes: [Wish], nowMs: Int64, form: OrderForm?) {
        (self.meter, self.serial, self.wishes, self.nowMs, self.form) = (meter, serial, wishes, nowMs, form)
    }
}

// MARK: Words

extension Wording {
    /// The name of a matter; those of makers and settings carry their own.
    func matter(_ name: String) -> Markup {
        switch name {
        case "relay": say("matter.relay")
        case "load-limit": say("matter.loadLimit")
        case "calendar": say("matter.calendar")
        case "balance": say("matter.balance")
        case "payment-mode": say("matter.paymentMode")
        case "clock": say("matter.clock")
        case "firmware": say("matter.firmware")
        case "reset.maximum-demand": say("matter.resetDemand")
        case "reset.tamper": say("matter.resetTamper")
        case "reset.status": say("matter.resetStatus")
        case "setting.capture-period": say("matter.capturePeriod")
        case "setting.demand-period": say("matter.demandPeriod")
        case "setting.push-instant": say("matter.pushInstant")
        case "setting.push-alert": say("matter.pushAlert")
        default: "\(name)"
        }
    }

    /// A value in the words of the field.
    func wanted(_ matter: String, _ value: String) -> Markup {
        switch (matter, value) {
        case ("relay", "open"): say("wanted.cut")
        case ("relay", "closed"): say("wanted.restored")
        case ("load-limit", _): "\(value) W"
        case ("balance", _): Int64(value).map { "\(money($0))" } ?? "\(value)"
        case ("payment-mode", "prepaid"): say("wanted.prepaid")
        case ("payment-mode", "postpaid"): say("wanted.postpaid")
        case ("calendar", _): "\(calendarName(value))"
        case ("clock", _): Int64(value).map { say("wanted.ahead", ["n": "\(number($0))"]) } ?? say("wanted.now")
        case ("reset.maximum-demand", "next"), ("reset.tamper", "next"), ("reset.status", "next"): say("wanted.once")
        case ("setting.capture-period", _), ("setting.demand-period", _): "\(value) s"
        default: "\(String(value.prefix(80)))"
        }
    }

    /// The name of a calendar in its JSON: the one at the outermost level.
    private func calendarName(_ json: String) -> String {
        var depth = 0
        var rest = json[...]
        while let first = rest.first {
            if first == "{" || first == "[" { depth += 1 }
            if first == "}" || first == "]" { depth -= 1 }
            if depth == 1, rest.hasPrefix("\"name\":\"") {
                return String(rest.dropFirst(8).prefix { $0 != "\"" })
            }
            rest = rest.dropFirst()
        }
        return String(json.prefix(80))
    }
}

extension OrderCard {
    func chip(_ w: Wording) -> Markup {
        switch state {
        case .awaiting: w.chip(.warn, w.say("order.awaiting"))
        case .running: w.chip(.info, w.say("order.running"))
        case .done: failed > 0 ? w.chip(.bad, w.say("order.doneFailed")) : w.chip(.ok, w.say("order.done"))
        case .stopped: w.chip(.idle, w.say("order.stopped"))
        case .expired: w.chip(.idle, w.say("order.expired"))
        }
    }

    func what(_ w: Wording) -> Markup { "\(w.matter(matter)): \(w.wanted(matter, value))" }

    func values(_ w: Wording) -> Fields {
        var row = Fields([
            "what": w.link(Paths.order(id), what(w)), "group": "\(group)", "chip": chip(w), "reason": "\(reason)",
            "by": "\(by)", "created": w.timeTag(createdAtMs, w.moment(createdAtMs)),
            "ended": "\(w.number(done + failed + leftOut))", "count": "\(w.number(count))",
            "progress": w.say(
                "order.progress",
                [
                    "done": "\(w.number(done))", "count": "\(w.number(count))", "way": "\(w.number(onTheWay))",
                    "failed": "\(w.number(failed))",
                ]), "expires": w.timeTag(expiresAtMs, w.moment(expiresAtMs)),
        ])
        row.set("href", Paths.order(id))
        return row
    }
}

extension OrderForm {
    /// The field of the form for the place a refusal names.
    private func field(_ place: String) -> String? {
        switch place {
        case "matter", "value", "reason": place
        case "serials", "meterIDs": onlyMeter == nil ? "serials" : nil
        case "placeID": onlyMeter == nil ? "place" : nil
        case "waveSize": onlyMeter == nil ? "wave" : nil
        case "pauseMinutes": onlyMeter == nil ? "pause" : nil
        case "belowPaise": onlyMeter == nil ? "below" : nil
        default: nil
        }
    }

    func set(_ row: inout Fields, _ w: Wording) {
        row.set("formKey", key)
        row.set("errors", w.errors(refusal, otherwise: "matter") { field($0) })
        row.set("onlyMeter", onlyMeter.map { String($0) })
        row.set("orderAction", Paths.commands)
        row.set(
            "matters",
            matters.map { name in
                var item = Fields(["code": "\(name)", "name": w.matter(name)])
                item.set("selected", typed["matter"] == name)
                return item
            })
        row.set(
            "places",
            places.map { place in
                var item = Fields(["code": "\(place.id)", "name": "\(place.name)"])
                item.set("selected", typed["place"] == String(place.id))
                return item
            })
        for field in ["value", "serials", "reason", "wave", "pause", "below"] {
            row.set("typed_\(field)", typed[field] ?? (field == "wave" ? "50" : field == "pause" ? "0" : ""))
        }
    }
}

extension CommandsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("commands.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let running = orders.filter { $0.state == .running }
        row.set("lede", running.isEmpty ? w.say("commands.ledeNone") : w.count("commands.lede", running.count))
        row.set("sub", w.timeTag(nowMs, w.moment(nowMs)))
        row.set("staleWords", w.say("line.stale"))
        row.set("orders", orders.map { $0.values(w) })
        row.set("hasOrders", !orders.isEmpty)
        row.set("awaiting", awaiting.map { $0.values(w) })
        row.set("hasAwaiting", !awaiting.isEmpty)
        for (name, list) in [("failed", failed), ("drifted", drifted)] {
            row.set(name, list.map { trouble($0, w) })
            row.set("has\(name)", !list.isEmpty)
        }
        row.set("nextHref", nextHref)
        row.set("mayOrder", form != nil)
        // A page that answers a form has no address to ask again.
        row.set("isLive", form?.refusal == nil)
        form?.set(&row, w)
        return row
    }

    private func trouble(_ trouble: Trouble, _ w: Wording) -> Fields {
        var row = Fields([
            "meter": w.link(Paths.wishes(trouble.meter), "\(trouble.serial)"), "matter": w.matter(trouble.matter),
            "words": "\(trouble.words)", "since": w.timeTag(trouble.sinceMs, w.moment(trouble.sinceMs)),
        ])
        row.set("href", trouble.href)
        return row
    }
}

extension OrderView: PageContent {
    func title(_ w: Wording) -> Markup { order.what(w) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = order.values(w)
        row.set("lede", order.what(w))
        row.set("commandsHref", Paths.commands)
        row.set("staleWords", w.say("line.stale"))
        row.set("approvedBy", order.approvedBy)
        row.set("isAwaiting", order.state == .awaiting)
        row.set("endedWhy", order.endedWhy)
        row.set("left", "\(w.number(order.leftOut))")
        row.set(
            "meters",
            meters.map { meter in
                Fields([
                    "serial": w.link(Paths.wishes(meter.id), "\(meter.serial)"), "state": targetChip(meter.state, w),
                    "answer": "\(meter.answer)",
                    "ended": meter.endedAtMs.map { w.timeTag($0, w.moment($0)) } ?? "",
                ])
            })
        row.set("nextHref", nextHref)
        row.set("mayApprove", mayApprove)
        row.set("mayStop", mayStop)
        row.set("approveAction", Paths.order(order.id, do: "approve"))
        row.set("stopAction", Paths.order(order.id, do: "stop"))
        row.set("typed_reason", typedReason)
        row.set("refusal", refusal.map { w.refusal($0) })
        row.set("isLive", refusal == nil)
        return row
    }

    private func targetChip(_ state: String, _ w: Wording) -> Markup {
        switch state {
        case "waiting": w.chip(.idle, w.say("target.waiting"))
        case "released": w.chip(.info, w.say("target.released"))
        case "done": w.chip(.ok, w.say("target.done"))
        case "failed": w.chip(.bad, w.say("target.failed"))
        case "skipped": w.chip(.idle, w.say("target.skipped"))
        case "withdrawing": w.chip(.warn, w.say("target.withdrawing"))
        default: w.chip(.idle, w.say("target.withdrawn"))
        }
    }
}

extension WishesView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("wishes.title", ["serial": "\(serial)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", title(w))
        row.set("meterHref", Paths.meter(meter))
        row.set("serial", serial)
        row.set("sub", w.timeTag(nowMs, w.moment(nowMs)))
        row.set("staleWords", w.say("line.stale"))
        row.set("hasWishes", !wishes.isEmpty)
        row.set(
            "wishes",
            wishes.map { wish in
                Fields([
                    "matter": w.matter(wish.matter), "desired": w.wanted(wish.matter, wish.desired),
                    "actual": wish.actual.map { w.wanted(wish.matter, $0) } ?? "–",
                    "read": wish.actualAtMs.map { w.aged($0) } ?? "", "chip": chip(wish, w),
                    "reason": "\(wish.reason)", "by": "\(wish.by)", "answer": wish.answer.map { "\($0)" } ?? "",
                ])
            })
        row.set("mayOrder", form != nil)
        row.set("isLive", form?.refusal == nil)
        form?.set(&row, w)
        return row
    }

    private func chip(_ wish: Wish, _ w: Wording) -> Markup {
        switch wish.state {
        case .waiting:
            if let progress = wish.progress, progress.count > 0 {
                w.chip(
                    .info,
                    w.say(
                        "job.doneOf", ["done": "\(w.number(progress.done))", "total": "\(w.number(progress.count))"]))
            } else {
                w.chip(.info, w.say("target.released"))
            }
        case .met: w.chip(.ok, w.say("target.done"))
        case .failed: w.chip(.bad, w.say("target.failed"))
        case .unwanted: w.chip(.idle, w.say("target.withdrawn"))
        }
    }
}
