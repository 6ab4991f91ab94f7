// A consumer opens the page that shows the messages: evidence that they were seen, which the rules may ask for.
import Access
import Accounts
import Messaging
import SQL

/// The consumer has opened the page that shows the messages.
public struct OpenMessages: Command {
    public static let name = "messages.open"
    public static let permissions: [Permission] = [.readOwnAccount]
    public var accountID: Int64
    public init(accountID: Int64) { self.accountID = accountID }
    public var key: String? { nil }
    public var subjectID: Int64 { accountID }
    public var content: String { "account=\(accountID)" }

    /// How many messages were new to the consumer.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
        let unopened = try Message.unopened(accountID: accountID, scope, in: transaction)
        for messageID in unopened {
            _ = try Message.noteDelivery(
                MessageDelivery(
                    messageID: messageID, channel: Message.portalChannel, state: .shown, atMs: context.businessNowMs,
                    evidence: ""), scope, in: transaction)
        }
        return unopened.count
    }
}
