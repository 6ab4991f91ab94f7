// What carriers report of messages: that one has arrived may prove a notice. The rules decide what follows.
import Access
import Accounts
import CivilTime
import Clocks
import Messaging
import SQL

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
