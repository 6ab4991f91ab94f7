// The keys section of a meter's page: how old they are, where a change stands, the counter. Never a key.
import CivilTime

public struct MeterKeysPanel: Sendable {
    public enum State: Sendable, Equatable { case none, settled, asked, sent }
    public struct Recovery: Sendable {
        /// `asked`, `raised`, `lowered`, `unchanged` or `refused`.
        public var state: String
        public var askedAtMs: Int64
        public var from: Int64?
        public var to: Int64?
        public var why: String
        public init(state: String, askedAtMs: Int64, from: Int64?, to: Int64?, why: String) {
            self.state = state
            self.askedAtMs = askedAtMs
            self.from = from
            self.to = to
            self.why = why
        }
    }
    public var hasKeys: Bool
    public var state: State
    public var changes: Int64
    public var changedAtMs: Int64?
    public var lastError: String?
    public var nextCounter: Int64?
    public var titles: [String]
    public var recoveries: [Recovery]
    public var mayManage: Bool
    public init(
        hasKeys: Bool, state: State, changes: Int64, changedAtMs: Int64?, lastError: String?, nextCounter: Int64?,
        titles: [String], recoveries: [Recovery], mayManage: Bool
    ) {
        self.hasKeys = hasKeys
        self.state = state
        self.changes = changes
        self.changedAtMs = changedAtMs
        self.lastError = lastError
        self.nextCounter = nextCounter
        self.titles = titles
        self.recoveries = recoveries
        self.mayManage = mayManage
    }
}

extension MeterKeysPanel {
    func values(meter: Int64, _ w: Wording) -> Fields {
        let chip =
            switch state {
            case _ where !hasKeys: w.chip(.warn, w.say("mkeys.noKeys"))
            case .none, .settled: w.chip(.ok, w.say("mkeys.settled"))
            case .asked: w.chip(.info, w.say("mkeys.asked"))
            case .sent: w.chip(.warn, w.say("mkeys.sent"))
            }
        var facts = [(w.say("mkeys.age"), changedAtMs.map { w.aged($0) } ?? w.say("mkeys.asEntered"))]
        facts.append((w.say("mkeys.changes"), "\(w.number(changes))"))
        facts.append((w.say("mkeys.counter"), nextCounter.map { "\(w.number($0))" } ?? "–"))
        facts.append((w.say("mkeys.titles"), "\(titles.isEmpty ? "–" : titles.joined(separator: ", "))"))
        if let lastError { facts.append((w.say("mkeys.lastError"), "\(lastError)")) }
        var row = Fields(["chip": chip])
        row.set("facts", facts.map { Fields(["name": $0.0, "value": $0.1]) })
        row.set(
            "recoveries",
            recoveries.map { recovery in
                Fields([
                    "when": w.timeTag(recovery.askedAtMs, w.moment(recovery.askedAtMs)),
                    "state": recovery.words(w), "why": "\(recovery.why)",
                    "from": recovery.from.map { "\(w.number($0))" } ?? "–",
                    "to": recovery.to.map { "\(w.number($0))" } ?? "–",
                ])
            })
        row.set("hasRecoveries", !recoveries.isEmpty)
        row.set("mayManage", mayManage && hasKeys)
        row.set("rotateAction", Paths.meter(meter) + "/keys/rotate")
        row.set("recoverAction", Paths.meter(meter) + "/keys/recover")
        return row
    }
}

extension MeterKeysPanel.Recovery {
    fileprivate func words(_ w: Wording) -> Markup {
        switch state {
        case "asked": w.chip(.info, w.say("mkeys.recovery.asked"))
        case "raised": w.chip(.ok, w.say("mkeys.recovery.raised"))
        case "lowered": w.chip(.warn, w.say("mkeys.recovery.lowered"))
        case "unchanged": w.chip(.idle, w.say("mkeys.recovery.unchanged"))
        default: w.chip(.bad, w.say("mkeys.recovery.refused"))
        }
    }
}
