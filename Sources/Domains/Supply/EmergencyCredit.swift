// The emergency credit that a consumer takes, once for each fall of the balance. The rules of supply say whether there
// is one; it moves no money.
import Access
import Accounts
import CivilTime
import Clocks
import SQL

/// Takes the emergency credit of this fall, where the rules leave it to the consumer.
public struct TakeEmergencyCredit: Command {
    public static let name = "supply.emergency-credit"
    public static let permissions: [Permission] = [.rechargeOwnAccount, .rechargeAccounts]
    public var accountID: Int64
    public var reference: String
    public init(accountID: Int64, reference: String) {
        self.accountID = accountID
        self.reference = reference
    }
    public var key: String? { "emergency-credit:\(reference)" }
    public var subjectID: Int64 { accountID }
    public var content: String { "account=\(accountID) reference=\(reference)" }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    }

    /// When a cut may be at the earliest after it; nil when nobody can say.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> EmergencyReceipt {
        let scope = context.actor.scope
        let company = Scope(orgID: context.orgID)
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        let zone = try Org.find(context.orgID, in: transaction).zone
        let rules = try SupplyRuleBook(on: zone.day(atS: context.businessNowMs / 1000), company, in: transaction)
            .rules(category: account.category, placeID: account.placeID).rules
        guard rules.emergencyByConsumer else {
            throw Refusal(
                .conflict, "There is no emergency credit to take.", hint: "A recharge keeps or restores supply.")
        }
        let state = try Supply.state(accountID: accountID, company, in: transaction)
        guard let state, state.lowSinceMs != nil else {
            throw Refusal(
                .conflict, "The balance is not low, so there is no emergency credit to take.",
                hint: "It is there once the balance is below the limit.")
        }
        // Taken again in the same fall it is the same credit and ends when it ended.
        guard state.emergencyAtMs == nil else { return EmergencyReceipt(notBeforeMs: state.notBeforeMs) }
        try transaction.run(
            "UPDATE supply_state SET emergency_at_ms = $3 WHERE org_id = $1 AND account_id = $2",
            [.int(company.orgID), .int(accountID), .int(context.businessNowMs)])
        context.changed(.account(accountID), "emergency_credit", from: nil, to: "taken")
        let verdict = try Supply.decide(
            accountID: accountID, turn: .awaitsRun, zone: zone, nowMs: context.businessNowMs, ids: context.ids, company,
            in: transaction)
        return EmergencyReceipt(notBeforeMs: verdict?.notBeforeMs)
    }
}

public struct EmergencyReceipt: Sendable, Codable, Equatable {
    public var notBeforeMs: Int64?
}
