// What else people do about supply: take the emergency credit, note that an account became prepaid, report that a
// message has arrived. The rules decide what follows.
import Access
import Accounts
import CivilTime
import Clocks
import Messaging
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

/// Notes what a channel says of a message. It may prove a notice, and so allow a cut.
public struct ReportDelivery: Command {
    public static let name = "messages.report-delivery"
    public static let permissions: [Permission] = [.commandMeters]
    public var delivery: MessageDelivery

    public init(_ delivery: MessageDelivery) { self.delivery = delivery }
    public var key: String? { nil }
    public var subjectID: Int64 { delivery.messageID }
    public var content: String {
        "message=\(delivery.messageID) channel=\(delivery.channel) state=\(delivery.state.rawValue) "
            + "at_ms=\(delivery.atMs) evidence=\(delivery.evidence)"
    }

    /// Whether it was news.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        let scope = context.actor.scope
        let accountID = try Message.accountID(of: delivery.messageID, scope, in: transaction)
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        guard (1...20).contains(delivery.channel.utf8.count),
            delivery.channel.utf8.allSatisfy({ (97...122).contains($0) }), delivery.channel != Message.portalChannel
        else {
            throw Refusal(
                .invalid, "This is no channel of messages.", hint: "Lower-case letters, such as sms or email.",
                at: "channel")
        }
        guard delivery.evidence.utf8.count <= 200, delivery.atMs > 0, delivery.atMs <= context.businessNowMs else {
            throw Refusal(
                .invalid, "A delivery is in the past, and its evidence has at most 200 bytes.",
                hint: "Give the time and the receipt of the carrier.", at: "atMs")
        }
        let isNews = try Message.noteDelivery(delivery, scope, in: transaction)
        if isNews {
            context.changed(
                .account(accountID), "message \(delivery.messageID) \(delivery.channel)", from: nil,
                to: delivery.state.rawValue)
        }
        return isNews
    }
}
