// Who said that a payment at the test gateway goes so or so, in the trail. Moves no money and no order: the webhooks of
// the gateway do.
import Access
import Accounts
import PaymentPort
import SQL

/// Notes that somebody pays an order at the test gateway. The webhooks are taken after it.
public struct PayAtTest: Command {
    public static let name = "payments.pay-at-test"
    public static let permissions: [Permission] = [.rechargeAccounts, .rechargeOwnAccount]

    public var orderID: Int64
    public var accountID: Int64
    public var outcome: TestOutcome
    /// The same attempt is the same payment.
    public var attempt: String

    public init(orderID: Int64, accountID: Int64, outcome: TestOutcome, attempt: String) {
        self.orderID = orderID
        self.accountID = accountID
        self.outcome = outcome
        self.attempt = attempt
    }

    public var key: String? { "pay-at-test:\(orderID):\(attempt)" }
    public var content: String {
        "order=\(orderID) account=\(accountID) outcome=\(outcome.rawValue) attempt=\(attempt)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try PaymentOrder.find(orderID, scope, in: transaction)
    }

    /// Returns the order's id.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let order = try PaymentOrder.find(orderID, scope, in: transaction)
        let tried = try KnownPayment.counts(order, scope, in: transaction).reduce(0) { $0 + $1.count }
        guard tried < KnownPayment.attemptsMax else {
            throw Refusal(
                .conflict, "Too many payments were tried for this order.", hint: "Open a new one.", at: "orderID")
        }
        return orderID
    }
}
