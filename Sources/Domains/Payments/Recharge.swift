// Money in: recharges of a wallet and adjustments, keyed by the payment's own reference so that none counts twice.
import Access
import Accounts
import CivilTime
import Clocks
import Journal
import Outbox
import SQL

public enum PaymentsSchema {
    public static let migrations = [
        Migration(
            7, .money, "payments",
            [
                """
                CREATE TABLE recharge (org_id {id} NOT NULL, recharge_id {id} NOT NULL, account_id {id} NOT NULL,
                  amount_paise {int} NOT NULL, method {text} NOT NULL, reference {text} NOT NULL,
                  business_at_ms {int} NOT NULL, entry_id {id} NOT NULL, PRIMARY KEY (org_id, recharge_id)) {table}
                """,
                "CREATE UNIQUE INDEX recharge_reference ON recharge (org_id, method, reference)",
            ]),
        gateways, arrears,
        Migration(
            20, .money, "reasons of adjustments",
            [
                """
                CREATE TABLE adjustment (org_id {id} NOT NULL, entry_id {id} NOT NULL, account_id {id} NOT NULL,
                  reason {text} NOT NULL, login_id {id} NOT NULL, PRIMARY KEY (org_id, entry_id)) {keyed_table}
                """
            ]),
    ]
}

/// How the money came. Stored by name.
public enum PaymentMethod: String, Sendable, CaseIterable, Codable { case cash, upi, portal, opening, gateway }

/// A reference that stands for something else in the book is refused: it comes from outside.
private func post(
    key: String, kind: String, legs: [Leg], _ context: CommandContext, in transaction: any SQLTransaction
) throws -> Int64 {
    do {
        return try Journal.post(
            key: key, kind: kind, legs: legs, businessAtMs: context.businessNowMs, entryID: context.ids.next(),
            context.actor.scope, in: transaction)
    } catch JournalError.otherInput {
        throw Refusal.referenceUsed
    }
}

/// Puts money into a wallet. A recharge is a liability until it is used.
public struct Recharge: Command {
    public static let name = "payments.recharge"
    public static let permissions: [Permission] = [.rechargeAccounts, .rechargeOwnAccount]
    /// ₹1 to ₹1,00,000 a time.
    public static let amountLimitsPaise: ClosedRange<Int64> = 100...10_000_000

    static let wrongAmount = Refusal(
        .invalid, "A recharge is between ₹1 and ₹1,00,000.", hint: "Choose another amount.", at: "amountPaise")

    public var accountID: Int64
    public var amountPaise: Int64
    public var method: PaymentMethod
    /// The payment's own id: gateway payment id, receipt number, or the form's key.
    public var reference: String

    public init(accountID: Int64, amountPaise: Int64, method: PaymentMethod, reference: String) {
        self.accountID = accountID
        self.amountPaise = amountPaise
        self.method = method
        self.reference = reference
    }

    /// Name of the setting that says how consumers pay by themselves: `off`, `demo` where no money is real and a click
    /// credits, or the name of a gateway, through which they pay an order.
    public static let portalSetting = "payments.portal"

    /// Whether a consumer may recharge the own wallet: only where the company has said how it is paid.
    public static func isOpenToConsumers(
        on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        try Setting.value(portalSetting, on: day, scope, in: transaction) == "demo"
    }

    public var key: String? { "recharge:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise) method=\(method.rawValue) reference=\(reference)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    public struct Receipt: Sendable, Codable, Equatable {
        public var rechargeID: Int64
        public var entryID: Int64
        public var amountPaise: Int64
        public var balancePaise: Int64
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Receipt {
        guard Self.amountLimitsPaise.contains(amountPaise) else {
            throw Self.wrongAmount
        }
        guard (1...64).contains(reference.utf8.count), reference.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw Refusal(
                .invalid, "The reference must be 1 to 64 printable characters without spaces.",
                hint: "Use the payment id of the gateway or the receipt number.", at: "reference")
        }
        let scope = context.actor.scope
        let zone = try Org.find(scope.orgID, in: transaction).zone
        let today = zone.day(atS: context.businessNowMs / 1000)
        if context.actor.role == .consumer, try !Self.isOpenToConsumers(on: today, scope, in: transaction) {
            throw Refusal(
                .forbidden, "Payments on this page are not set up.", hint: "Pay at the counter of your company.")
        }
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        let rechargeID = context.ids.next()
        let entryID = try post(
            key: "recharge:\(method.rawValue):\(reference)", kind: "recharge",
            legs: [
                Leg(ChartAccount.paymentClearing.rawValue, amountPaise, .clearing),
                Leg(account.accountID, -amountPaise, .recharge),
            ], context, in: transaction)
        try transaction.run(
            """
            INSERT INTO recharge (org_id, recharge_id, account_id, amount_paise, method, reference, business_at_ms,
              entry_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .int(scope.orgID), .int(rechargeID), .int(accountID), .int(amountPaise), .text(method.rawValue),
                .text(reference), .int(context.businessNowMs), .int(entryID),
            ])
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                detail: "recharge", businessAtMs: context.businessNowMs), in: transaction)
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: context.ids.next(), kind: .notice, subjectID: accountID,
                detail: "recharge-received \(amountPaise) \(entryID)", businessAtMs: context.businessNowMs),
            in: transaction)
        let balancePaise = try Journal.balance(ofAccount: accountID, scope, in: transaction).balancePaise
        context.changed(
            .account(accountID), "balance_paise", from: String(balancePaise - amountPaise), to: String(balancePaise))
        return Receipt(
            rechargeID: rechargeID, entryID: entryID, amountPaise: amountPaise, balancePaise: balancePaise)
    }
}

/// Corrects a balance by hand, with a reason. Positive credits the consumer.
public struct AdjustBalance: Command {
    public static let name = "payments.adjust"
    public static let permissions: [Permission] = [.adjustAccounts]

    public var accountID: Int64
    public var amountPaise: Int64
    public var reason: String
    public var reference: String

    public init(accountID: Int64, amountPaise: Int64, reason: String, reference: String) {
        self.accountID = accountID
        self.amountPaise = amountPaise
        self.reason = reason
        self.reference = reference
    }

    public var key: String? { "adjust:\(reference)" }
    public var content: String {
        "account=\(accountID) amount_paise=\(amountPaise) reference=\(reference) reason=\(reason)"
    }
    public var subjectID: Int64 { accountID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        guard amountPaise != 0, amountPaise.magnitude <= 10_000_000 else {
            throw Refusal(.invalid, "An adjustment is not zero and at most ₹1,00,000.", at: "amountPaise")
        }
        _ = try Reason.checked(reason)
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        let entryID = try post(
            key: key ?? "", kind: "adjustment",
            legs: [
                Leg(ChartAccount.adjustments.rawValue, amountPaise, .adjustment),
                Leg(accountID, -amountPaise, .adjustment),
            ], context, in: transaction)
        try transaction.run(
            """
            INSERT INTO adjustment (org_id, entry_id, account_id, reason, login_id) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            [.int(scope.orgID), .int(entryID), .int(accountID), .text(reason), .int(context.actor.loginID)])
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: accountID,
                detail: "adjustment", businessAtMs: context.businessNowMs), in: transaction)
        let balancePaise = try Journal.balance(ofAccount: accountID, scope, in: transaction).balancePaise
        context.changed(
            .account(accountID), "balance_paise", from: String(balancePaise - amountPaise), to: String(balancePaise))
        return entryID
    }

    /// Why an account was adjusted, by entry.
    public static func reasons(
        accountID: Int64, entryIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: String] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(accountID)]
        let marks = parameters.bind(entryIDs)
        let rows = try transaction.query(
            "SELECT entry_id, reason FROM adjustment WHERE org_id = $1 AND account_id = $2 AND entry_id IN (\(marks))",
            parameters
        ) { (try $0.int(0), try $0.text(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
