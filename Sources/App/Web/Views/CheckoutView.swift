// CheckoutView: the page of the built-in test gateway at which an order is paid, refused or paid late. No money moves;
// the wallet is credited by the gateway's signed webhook alone.
public struct CheckoutView: Page {
    public enum State: String, Sendable { case created, attempted, paid, failed, expired }

    public static let template = "checkout"
    public var account: Int64
    public var code: String
    public var order: Int64
    public var amountPaise: Int64
    public var state: State
    public var idempotencyKey: String

    public init(
        account: Int64, code: String, order: Int64, amountPaise: Int64, state: State, idempotencyKey: String
    ) {
        (self.account, self.code, self.order) = (account, code, order)
        (self.amountPaise, self.state, self.idempotencyKey) = (amountPaise, state, idempotencyKey)
    }
}

extension CheckoutView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("checkout.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("lede", w.say("checkout.lede", ["money": "\(w.money(amountPaise))", "code": "\(code)"]))
        row.set("action", Paths.checkout(order))
        row.set("key", idempotencyKey)
        row.set("accountHref", Paths.account(account))
        row.set("order", "\(order)")
        row.set("state", state.words(amountPaise, w))
        row.set("isOpen", state != .paid)
        return row
    }
}

extension CheckoutView.State {
    func words(_ amountPaise: Int64, _ w: Wording) -> Markup {
        let money: Markup = "\(w.money(amountPaise))"
        return switch self {
        case .created: w.say("checkout.created", ["money": money])
        case .attempted: w.say("checkout.attempted", ["money": money])
        case .paid: w.say("checkout.paid", ["money": money])
        case .failed: w.say("checkout.failed", ["money": money])
        case .expired: w.say("checkout.expired", ["money": money])
        }
    }
}
