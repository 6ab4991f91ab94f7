// ConfirmView: the step between a dangerous button and its deed: what it does to whom, what holds it back, then a
// reason and the meter's number typed by hand.
import CivilTime

public struct ConfirmView: Page {
    public enum Action: Sendable { case disconnect, reconnect }
    public enum Problem: Sendable, Equatable { case reasonMissing, serialDiffers, expired }

    public static let template = "confirm"
    public var action: Action
    public var meter: Int64
    public var serial: String
    public var account: (id: Int64, code: String, name: String)?
    public var balancePaise: Int64?
    /// Whether the balance rests on estimated readings; then a cut is refused.
    public var isBalanceEstimated: Bool
    /// What holds a cut back now.
    public var heldBy: [SupplyReason]
    public var idempotencyKey: String
    public var typedReason: String
    public var typedSerial: String
    public var problems: [Problem]

    public init(
        action: Action, meter: Int64, serial: String, account: (id: Int64, code: String, name: String)?,
        balancePaise: Int64?, isBalanceEstimated: Bool, heldBy: [SupplyReason], idempotencyKey: String,
        typedReason: String = "", typedSerial: String = "", problems: [Problem] = []
    ) {
        self.action = action
        self.meter = meter
        self.serial = serial
        self.account = account
        self.balancePaise = balancePaise
        self.isBalanceEstimated = isBalanceEstimated
        self.heldBy = heldBy
        self.idempotencyKey = idempotencyKey
        self.typedReason = typedReason
        self.typedSerial = typedSerial
        self.problems = problems
    }
}

extension ConfirmView: PageContent {
    func title(_ w: Wording) -> Markup {
        let title =
            action == .disconnect
            ? w.say("confirm.disconnect.title", ["serial": "\(serial)"])
            : w.say("confirm.reconnect.title", ["serial": "\(serial)"])
        return problems.isEmpty ? title : w.say("title.error", ["title": title])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let isCut = action == .disconnect
        let who = account.map { w.link(Paths.account($0.id), "\($0.name), \($0.code)") } ?? w.say("meters.noAccount")
        var row = Fields()
        row.set("meterHref", Paths.meter(meter))
        row.set("serial", serial)
        row.set("action", isCut ? Paths.meterDisconnect(meter) : Paths.meterReconnect(meter))
        row.set("lede", w.say(isCut ? "confirm.disconnect.lede" : "confirm.reconnect.lede", ["who": who]))
        row.set("effect", w.say(isCut ? "confirm.disconnect.effect" : "confirm.reconnect.effect"))
        row.set("balance", balancePaise.map { w.say("confirm.balance", ["money": "\(w.money($0))"]) })
        row.set("estimated", isCut && isBalanceEstimated ? w.say("confirm.estimated") : nil)
        row.set("held", isCut ? heldBy.map { Fields(["reason": $0.words(w)]) } : [])
        row.set("hasHeld", isCut && !heldBy.isEmpty)
        row.set("key", idempotencyKey)
        row.set("typedReason", typedReason)
        row.set("typedSerial", typedSerial)
        row.set("button", w.say(isCut ? "confirm.disconnect.button" : "confirm.reconnect.button"))
        row.set("isCut", isCut)
        row.set("errors", problems.isEmpty ? [] : [errorSummary(problems.map { ($0.field, $0.words(w)) })])
        row.set("reasonError", problems.first { $0.field == "reason" }.map { $0.words(w) })
        row.set("serialError", problems.first { $0.field == "serial" }.map { $0.words(w) })
        return row
    }
}

extension ConfirmView.Problem {
    var field: String {
        switch self {
        case .reasonMissing, .expired: "reason"
        case .serialDiffers: "serial"
        }
    }

    func words(_ w: Wording) -> Markup {
        switch self {
        case .reasonMissing: w.say("confirm.reasonMissing")
        case .serialDiffers: w.say("confirm.serialDiffers")
        case .expired: w.say("form.expired")
        }
    }
}
