// What concerns one account's supply besides orders: emergency credit; and messages to consumers with
// what carriers report of them.
import Access
import Accounts
import CivilTime
import Messaging
import SQL
import Supply

struct EmergencyResult: APIModel {
    var notBeforeMs: Int64?
    static let notes: [String: Note] = [
        "notBeforeMs": Note("A cut may be then at the earliest; absent when nobody can say.")
    ]
}

struct MessageQuery: APIModel {
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the oldest come."),
        "limit": Note("How many at most; 100 when not given.", range: 1...500),
    ]
}

struct MessageItem: APIModel {
    var messageID: ID
    var accountID: ID
    var template: String
    var amountPaise: Int64?
    var atMs: Int64
    static let notes: [String: Note] = [
        "messageID": Note("The message."), "accountID": Note("To whom; 0 is the operator."),
        "template": Note("What it says: low-balance, supply-cut, …"), "amountPaise": Note("The amount in it."),
        "atMs": Note("When it was written, business time."),
    ]
    init(_ message: Message) {
        (messageID, accountID) = (ID(message.messageID), ID(message.accountID))
        (template, amountPaise, atMs) = (message.template.rawValue, message.amountPaise, message.businessAtMs)
    }
}

struct MessageList: APIModel {
    var items: [MessageItem]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In the order in which they were written."),
        "next": Note("Send it as `after` to go on, now or later; absent when there was none."),
    ]
}

/// By what a message went.
struct MessageChannel: TextValue {
    var text: String
    init(_ text: String) { self.text = text }
    static let sample = MessageChannel("sms")
    static let schema = Schema(
        .string(length: 1...20, words: nil, pattern: "^[a-z]{1,20}$", format: nil),
        accepts: { $0.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } })
}

struct DeliveryInput: APIModel {
    var messageID: ID
    var channel: MessageChannel
    var state: DeliveryState
    var atMs: Int64
    var evidence: String?
    static let notes: [String: Note] = [
        "messageID": Note("The message."), "channel": Note("Lower-case letters: sms, email, …"),
        "state": Note("sent and failed prove nothing; delivered and shown may."),
        "atMs": Note("When, business time; not in the future.", range: 1...32_503_679_999_999),
        "evidence": Note("The receipt of the carrier.", length: 0...200),
    ]
}

struct DeliveryResult: APIModel {
    var isNews: Bool
    static let notes: [String: Note] = ["isNews": Note("False when it was known.")]
}

extension Endpoints {
    static let supplyAccounts: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<AccountPath, EmergencyResult>(
                "accounts.emergency-credit", "POST", "/api/v1/accounts/{accountID}/emergency-credits",
                access: .permission([.rechargeAccounts, .rechargeOwnAccount]),
                EndpointText(
                    "Take the emergency credit", "Where the rules leave it to the consumer; once for each fall."),
                example: AccountPath(accountID: ID(101)),
                outputExample: EmergencyResult(notBeforeMs: 1_795_252_200_000), idempotency: .keyed,
                problems: [.notFound, .conflict],
                run: { input, context in
                    let receipt = try await context.perform(
                        TakeEmergencyCredit(
                            accountID: input.accountID.value, reference: context.idempotencyKey ?? ""))
                    return EmergencyResult(notBeforeMs: receipt.notBeforeMs)
                })),
        AnyEndpoint(
            Endpoint<MessageQuery, MessageList>(
                "messages.list", "GET", "/api/v1/messages", access: .permission([.commandMeters]),
                EndpointText("List messages to consumers", "For who carries them by other channels."),
                example: MessageQuery(limit: 100), outputExample: MessageList(items: [], next: nil),
                run: { input, context in
                    let messages = try await context.read { transaction, scope in
                        guard scope.isWholeCompany else {
                            throw Refusal(
                                .forbidden, "Messages of all are a matter of the whole company.",
                                hint: "Ask with a key that is not confined to a place.")
                        }
                        return try Message.after(
                            input.after?.value ?? 0, limit: input.limit ?? 100, scope, in: transaction)
                    }
                    return MessageList(
                        items: messages.map { MessageItem($0) }, next: messages.last.map { ID($0.messageID) })
                })),
        AnyEndpoint(
            Endpoint<DeliveryInput, DeliveryResult>(
                "messages.report-delivery", "POST", "/api/v1/messages/{messageID}/deliveries",
                access: .permission([.commandMeters]),
                EndpointText(
                    "Report a delivery",
                    "What a carrier says of a message. It may prove a notice. Again changes nothing."),
                example: DeliveryInput(
                    messageID: ID(7_001), channel: MessageChannel("sms"), state: .delivered, atMs: 1_795_248_000_000,
                    evidence: "receipt 4711"), outputExample: DeliveryResult(isNews: true), problems: [.notFound],
                run: { input, context in
                    let delivery = MessageDelivery(
                        messageID: input.messageID.value, channel: input.channel.text, state: input.state,
                        atMs: input.atMs, evidence: input.evidence ?? "")
                    return DeliveryResult(isNews: try await context.perform(ReportDelivery(delivery)))
                })),
    ]
}
