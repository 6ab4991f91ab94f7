// EventsView: the stream of events, newest first, live on its first page; AsideView: pushes that were not taken.
import CivilTime
import IS15959

public struct EventsView: Page {
    public static let template = "events"
    public struct Item: Sendable {
        public var meter: Int64
        public var serial: String
        public var code: Int
        public var atMs: Int64
        /// The time as the meter said it, when its clock is so wrong that the event stands elsewhere.
        public var saidMs: Int64?
        public var receivedAtMs: Int64
        public var isPushed: Bool
        public var isRead: Bool
        public init(
            meter: Int64, serial: String, code: Int, atMs: Int64, saidMs: Int64?, receivedAtMs: Int64, isPushed: Bool,
            isRead: Bool
        ) {
            self.meter = meter
            self.serial = serial
            self.code = code
            self.atMs = atMs
            self.saidMs = saidMs
            self.receivedAtMs = receivedAtMs
            self.isPushed = isPushed
            self.isRead = isRead
        }
    }

    public var items: [Item]
    /// Alarms of the last 24 hours.
    public var alarms: Int
    /// Pushes kept aside; nil for who does not see the whole company.
    public var aside: Int64?
    /// The filter as it was chosen, by field: kind, severity, place, meter.
    public var typed: [String: String]
    public var places: [(id: Int64, name: String)]
    public var nextAfter: String?
    public var isFirstPage: Bool
    public init(
        items: [Item], alarms: Int, aside: Int64?, typed: [String: String], places: [(id: Int64, name: String)],
        nextAfter: String?, isFirstPage: Bool
    ) {
        self.items = items
        self.alarms = alarms
        self.aside = aside
        self.typed = typed
        self.places = places
        self.nextAfter = nextAfter
        self.isFirstPage = isFirstPage
    }
}

public struct AsideView: Page {
    public static let template = "aside"
    public struct Item: Sendable {
        /// Raw value of the reason.
        public var reason: String
        public var meter: (id: Int64, serial: String)?
        public var sender: String
        public var remote: String
        public var times: Int64
        public var firstAtMs: Int64
        public var lastAtMs: Int64
        public var apduHex: String
        public init(
            reason: String, meter: (id: Int64, serial: String)?, sender: String, remote: String, times: Int64,
            firstAtMs: Int64, lastAtMs: Int64, apduHex: String
        ) {
            self.reason = reason
            self.meter = meter
            self.sender = sender
            self.remote = remote
            self.times = times
            self.firstAtMs = firstAtMs
            self.lastAtMs = lastAtMs
            self.apduHex = apduHex
        }
    }
    public var items: [Item]
    public var total: Int64
    public var nextAfter: String?
    public var isFirstPage: Bool
    public init(items: [Item], total: Int64, nextAfter: String?, isFirstPage: Bool) {
        self.items = items
        self.total = total
        self.nextAfter = nextAfter
        self.isFirstPage = isFirstPage
    }
}

extension EventKind {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .lastGasp: w.say("event.lastGasp")
        case .firstBreath: w.say("event.firstBreath")
        case .tamper: w.say("event.tamper")
        case .load: w.say("event.load")
        case .supply: w.say("event.supply")
        case .voltage: w.say("event.voltage")
        case .change: w.say("event.change")
        case .other: w.say("event.other")
        }
    }
}

extension EventSeverity {
    func words(_ w: Wording) -> Markup {
        switch self {
        case .information: w.say("event.information")
        case .warning: w.say("event.warning")
        case .alarm: w.say("event.alarm")
        }
    }

    var tone: Wording.Tone {
        switch self {
        case .information: .info
        case .warning: .warn
        case .alarm: .bad
        }
    }
}

extension EventsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("events.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("title", title(w))
        row.set("lede", alarms == 0 ? w.say("events.none24") : w.count("events.alarmsOfDay", alarms))
        row.set("staleWords", w.say("events.stale"))
        row.set("action", Paths.events)
        row.set("asideHref", aside.map { _ in Paths.eventsAside })
        row.set("asideWords", aside.map { w.count("events.asideCount", Int(clamping: $0)) })
        row.set("meter", typed["meter"] ?? "")
        row.set("kinds", options("kind", EventKind.allCases.map { ($0.rawValue, $0.words(w)) }, w))
        row.set("severities", options("severity", EventSeverity.allCases.map { ($0.rawValue, $0.words(w)) }, w))
        row.set("places", options("place", places.map { (String($0.id), "\($0.name)") }, w))
        row.set("isLive", isFirstPage)
        row.set("events", items.map { line($0, w) })
        row.set("hasEvents", !items.isEmpty)
        row.set("empty", typed.values.contains { !$0.isEmpty } ? w.say("list.nothingFits") : w.say("events.empty"))
        row.set("firstHref", isFirstPage ? nil : address(after: nil))
        row.set("nextHref", nextAfter.map { address(after: $0) })
        row.set("hasPaging", !isFirstPage || nextAfter != nil)
        return row
    }

    private func options(_ field: String, _ values: [(String, Markup)], _ w: Wording) -> [Fields] {
        ([("", w.say("list.all"))] + values).map { value, name in
            var row = Fields(["value": "\(value)", "name": name])
            row.set("chosen", value == typed[field] ?? "")
            return row
        }
    }

    private func line(_ item: Item, _ w: Wording) -> Fields {
        let severity = EventIDs.severity(item.code)
        var row = Fields([
            "when": w.timeTag(item.atMs, "\(w.moment(item.atMs)):\(String(w.timeWithSeconds(item.atMs).suffix(2)))"),
            "meter": w.link(Paths.meter(item.meter), "\(item.serial)"),
            "kind": EventIDs.kind(item.code).words(w), "words": w.event(item.code),
            "chip": w.chip(severity.tone, severity.words(w)),
            "delay": item.receivedAtMs >= item.atMs ? w.duration(item.receivedAtMs - item.atMs) : w.say("events.early"),
            "source": item.isPushed
                ? (item.isRead ? w.say("events.both") : w.say("events.pushed")) : w.say("events.read"),
        ])
        row.set("clock", item.saidMs.map { w.say("events.clockWrong", ["time": w.moment($0)]) })
        return row
    }

    private func address(after: String?) -> String {
        let parts =
            typed.merging(["after": after ?? ""]) { $1 }.sorted { $0.key < $1.key }
            .filter { !$0.value.isEmpty }.map { "\($0.key)=\(Paths.encoded($0.value))" }
        return parts.isEmpty ? Paths.events : Paths.events + "?" + parts.joined(separator: "&")
    }
}

extension AsideView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("aside.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("title", title(w))
        row.set("eventsHref", Paths.events)
        row.set("lede", total == 0 ? w.say("aside.none") : w.count("aside.lede", Int(clamping: total)))
        row.set("sub", w.say("aside.sub"))
        row.set(
            "pushes",
            items.map { item in
                Fields([
                    "when": w.timeTag(item.lastAtMs, w.moment(item.lastAtMs)), "reason": reason(item.reason, w),
                    "meter": item.meter.map { w.link(Paths.meter($0.id), "\($0.serial)") } ?? "–",
                    "sender": "\(item.sender.isEmpty ? "–" : item.sender)", "remote": "\(item.remote)",
                    "times": "\(w.number(item.times))", "apdu": "\(item.apduHex)",
                    "since": w.say("aside.since", ["time": w.moment(item.firstAtMs)]),
                ])
            })
        row.set("hasPushes", !items.isEmpty)
        row.set("firstHref", isFirstPage ? nil : Paths.eventsAside)
        row.set("nextHref", nextAfter.map { "\(Paths.eventsAside)?after=\(Paths.encoded($0))" })
        row.set("hasPaging", !isFirstPage || nextAfter != nil)
        return row
    }

    private func reason(_ raw: String, _ w: Wording) -> Markup {
        switch raw {
        case "unknown-sender": w.say("aside.unknownSender")
        case "unsecured": w.say("aside.unsecured")
        case "other-address": w.say("aside.otherAddress")
        case "wrong-key": w.say("aside.wrongKey")
        case "replayed": w.say("aside.replayed")
        case "nothing-to-tell": w.say("aside.nothingToTell")
        default: w.say("aside.unreadable")
        }
    }
}
