// What changes an account: money in, a correction by hand, an order to cut supply or to take it back.
import Access
import Meters
import Payments
import SQL
import Supply

struct RechargeInput: APIModel {
    enum Method: String, Codable, CaseIterable { case cash, upi, portal }
    var accountID: ID
    var amountPaise: Int64
    var method: Method?
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "amountPaise": Note(
            "₹1 to ₹1,00,000.", range: Recharge.amountLimitsPaise),
        "method": Note("How the money came: cash when not given. A consumer's own recharge is always by portal."),
    ]
}

struct RechargeReceipt: APIModel {
    var rechargeID: ID
    var entry: String
    var amountPaise: Int64
    var balancePaise: Int64
    static let notes: [String: Note] = [
        "rechargeID": Note("The recharge."), "entry": Note("Its line in the statement."),
        "amountPaise": Note("What came in."), "balancePaise": Note("Balance after it."),
    ]
}

struct AdjustmentInput: APIModel {
    var accountID: ID
    var amountPaise: Int64
    var reason: String
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "amountPaise": Note("Positive credits the consumer; not zero.", range: -10_000_000...10_000_000),
        "reason": Note("Stands in the consumer's statement.", length: 3...200),
    ]
}

struct AdjustmentReceipt: APIModel {
    var entry: String
    static let notes: [String: Note] = ["entry": Note("The line of the statement.")]
}

struct SupplyOrderInput: APIModel {
    enum Order: String, Codable, CaseIterable { case cut, release }
    var accountID: ID
    var order: Order
    var reason: String
    static let notes: [String: Note] = [
        "accountID": Note("The account."),
        "order": Note(
            "cut: supply is off until the order is taken back; release: take it back, the rules decide again."),
        "reason": Note("Stands in the record of decisions.", length: 3...200),
    ]
}

struct SupplyOrderResult: APIModel {
    var wanted: RelayWish
    static let notes: [String: Note] = ["wanted": Note("What is wanted of the relay now: closed or open.")]
}

extension Endpoints {
    static let money: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<RechargeInput, RechargeReceipt>(
                "accounts.recharge", "POST", "/api/v1/accounts/{accountID}/recharges",
                access: .permission([.rechargeAccounts, .rechargeOwnAccount]),
                EndpointText("Recharge an account", "The Idempotency-Key is the payment's reference: it counts once."),
                example: RechargeInput(accountID: ID(101), amountPaise: 50_000, method: .cash),
                outputExample: RechargeReceipt(
                    rechargeID: ID(7001), entry: "J-1XK9", amountPaise: 50_000, balancePaise: 61_860),
                status: 201, idempotency: .keyed, problems: [.notFound, .conflict],
                run: { input, context in
                    let isOwn = try context.actor.role == .consumer
                    let method = isOwn ? .portal : PaymentMethod(rawValue: (input.method ?? .cash).rawValue) ?? .cash
                    let receipt = try await context.perform(
                        Recharge(
                            accountID: input.accountID.value, amountPaise: input.amountPaise, method: method,
                            reference: context.idempotencyKey ?? ""))
                    return RechargeReceipt(
                        rechargeID: ID(receipt.rechargeID), entry: StatementReport.entryName(receipt.entryID),
                        amountPaise: receipt.amountPaise, balancePaise: receipt.balancePaise)
                })),
        AnyEndpoint(
            Endpoint<AdjustmentInput, AdjustmentReceipt>(
                "accounts.adjust", "POST", "/api/v1/accounts/{accountID}/adjustments",
                access: .permission([.adjustAccounts]),
                EndpointText(
                    "Adjust a balance",
                    "Corrects a balance by hand, with a reason; never changes what was posted. Above the company's "
                        + "limit it waits for a second person: 202, and with the same key 201 once it is confirmed."),
                example: AdjustmentInput(accountID: ID(101), amountPaise: 2_000, reason: "Meter exchanged late"),
                outputExample: AdjustmentReceipt(entry: "J-1XKA"), status: 201, idempotency: .keyed,
                problems: [.notFound, .conflict],
                run: { input, context in
                    let entryID = try await context.ask(
                        AdjustBalance(
                            accountID: input.accountID.value, amountPaise: input.amountPaise, reason: input.reason,
                            reference: context.idempotencyKey ?? ""), why: input.reason)
                    return AdjustmentReceipt(entry: StatementReport.entryName(entryID))
                }
            ).forTwo),
        AnyEndpoint(
            Endpoint<SupplyOrderInput, SupplyOrderResult>(
                "accounts.order-supply", "POST", "/api/v1/accounts/{accountID}/supply-orders",
                access: .permission([.commandMeters]),
                EndpointText(
                    "Order a cut, or take the order back",
                    "An order to cut stands above balance and no-cut hours. The meter is told by a job and read back."),
                example: SupplyOrderInput(accountID: ID(101), order: .cut, reason: "Tampering found on site"),
                outputExample: SupplyOrderResult(wanted: .open), problems: [.notFound, .conflict],
                run: { input, context in
                    let zone = try await context.read { transaction, scope in
                        try Org.find(scope.orgID, in: transaction).zone
                    }
                    let order = OrderSupply(
                        accountID: input.accountID.value, cut: input.order == .cut, reason: input.reason, zone: zone)
                    return SupplyOrderResult(wanted: try await context.perform(order, why: input.reason))
                })),
    ]
}
