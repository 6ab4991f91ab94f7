// Evidence that a message has reached somebody: by channel and state, kept for ever. What counts as proof is a rule of
// who asks. Sends nothing.
import Access
import SQL

extension MessagingSchema {
    static let deliveries = Migration(
        64, .money, "deliveries of messages",
        [
            """
            CREATE TABLE message_delivery (org_id {id} NOT NULL, message_id {id} NOT NULL, channel {text} NOT NULL,
              state {text} NOT NULL, at_ms {int} NOT NULL, evidence {text} NOT NULL,
              PRIMARY KEY (org_id, message_id, channel, state)) {keyed_table}
            """
        ])
}

/// What is known of a message on its way. Stored by name.
public enum DeliveryState: String, Sendable, CaseIterable, Codable {
    /// Given to who carries it; proves nothing.
    case sent
    case delivered
    /// Opened by the person.
    case shown
    case failed
}

public struct MessageDelivery: Sendable, Equatable {
    public var messageID: Int64
    public var channel: String
    public var state: DeliveryState
    public var atMs: Int64
    /// The receipt of the carrier, or what else shows it.
    public var evidence: String
    public init(messageID: Int64, channel: String, state: DeliveryState, atMs: Int64, evidence: String) {
        self.messageID = messageID
        self.channel = channel
        self.state = state
        self.atMs = atMs
        self.evidence = evidence
    }
}

extension Message {
    public static let portalChannel = "portal"

    /// What is known of some messages, oldest first. A message on the portal is delivered there when it is written.
    public static func deliveries(
        of messageIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MessageDelivery] {
        guard !messageIDs.isEmpty else { return [] }
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(messageIDs)
        return try transaction.query(
            """
            SELECT message_id, delivery, 'delivered', business_at_ms, '' FROM message
            WHERE org_id = $1 AND message_id IN (\(marks)) AND delivery = 'portal'
            UNION ALL SELECT message_id, channel, state, at_ms, evidence FROM message_delivery
            WHERE org_id = $1 AND message_id IN (\(marks)) ORDER BY 1, 4, 2, 3
            """, parameters
        ) { row in
            MessageDelivery(
                messageID: try row.int(0), channel: try row.text(1),
                state: DeliveryState(rawValue: try row.text(2)) ?? .sent, atMs: try row.int(3),
                evidence: try row.text(4))
        }
    }

    /// Notes what a channel says of a message. The first word of a state stands. False when it was known.
    public static func noteDelivery(
        _ delivery: MessageDelivery, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        try transaction.run(
            """
            INSERT INTO message_delivery (org_id, message_id, channel, state, at_ms, evidence)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(delivery.messageID), .text(delivery.channel), .text(delivery.state.rawValue),
                .int(delivery.atMs), .text(delivery.evidence),
            ]) == 1
    }

    /// Messages on the portal that the consumer has not opened yet, of the latest 20.
    public static func unopened(accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64]
    {
        try transaction.query(
            """
            SELECT message_id FROM (SELECT org_id, message_id FROM message WHERE org_id = $1 AND account_id = $2
              AND delivery = 'portal' ORDER BY message_id DESC LIMIT 20) latest
            WHERE NOT EXISTS (SELECT 1 FROM message_delivery d WHERE d.org_id = $1
              AND d.message_id = latest.message_id AND d.channel = 'portal' AND d.state = 'shown')
            ORDER BY message_id
            """, [.int(scope.orgID), .int(accountID)]
        ) { try $0.int(0) }
    }

    /// The account a message was written to.
    /// - Throws: ``Refusal`` `notFound`.
    public static func accountID(of messageID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> Int64
    {
        let found = try transaction.first(
            "SELECT account_id FROM message WHERE org_id = $1 AND message_id = $2",
            [.int(scope.orgID), .int(messageID)]
        ) { try $0.int(0) }
        guard let found else { throw Refusal(.notFound, "There is no such message.") }
        return found
    }
}
