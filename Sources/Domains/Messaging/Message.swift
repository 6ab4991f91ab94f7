// Messages to consumers: written once for a business fact, kept for ever as evidence. Text is made from the template
// when shown.
import Access
import SQL

public enum MessagingSchema {
    public static let migrations = [
        Migration(
            6, .money, "messaging",
            [
                """
                CREATE TABLE message (org_id {id} NOT NULL, message_id {id} NOT NULL, message_key {text} NOT NULL,
                  account_id {id} NOT NULL, template {text} NOT NULL, amount_paise {int}, business_at_ms {int} NOT NULL,
                  delivery {text} NOT NULL, PRIMARY KEY (org_id, message_id)) {table}
                """,
                "CREATE UNIQUE INDEX message_key_unique ON message (org_id, message_key)",
                "CREATE INDEX message_account ON message (org_id, account_id, message_id)",
            ]), deliveries,
    ]
}

/// The closed set of messages; each has its own text in every language.
public enum MessageTemplate: String, Sendable, CaseIterable {
    case lowBalance = "low-balance"
    case supplyCut = "supply-cut"
    case supplyRestored = "supply-restored"
    case rechargeReceived = "recharge-received"
    case chargeCorrected = "charge-corrected"
    /// The life of a pack that was applied for; the subscription stands in the key.
    case packApproved = "pack-approved"
    case packRejected = "pack-rejected"
    case packStarted = "pack-started"
    case packEndsSoon = "pack-ends-soon"
    case packRenewed = "pack-renewed"
    case packEnded = "pack-ended"
    /// What leaving a contract early will cost, and that it was charged.
    case packBreakCost = "pack-break-cost"
    case packBreakCharged = "pack-break-charged"
    /// An outage that lasts, and its end; to account 0: the operator.
    case supplyFailed = "supply-failed"
    case supplyBack = "supply-back"
    /// The forecasts of a day are there to be taken over; to account 0: the operator. The day stands in the key.
    case forecastIssued = "forecast-issued"
    /// The month is likely to end near a limit where all units become dearer; the amount is what passing it costs.
    case slabNear = "slab-near"
}

public struct Message: Sendable, Equatable {
    public var messageID: Int64
    public var accountID: Int64
    public var template: MessageTemplate
    public var amountPaise: Int64?
    public var businessAtMs: Int64
    /// `portal`: shown on the account's page. Other channels come with their adapters.
    public var delivery: String

    /// Writes a message once; the same key again changes nothing.
    public static func send(
        _ template: MessageTemplate, key: String, accountID: Int64, amountPaise: Int64? = nil, businessAtMs: Int64,
        messageID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO message (org_id, message_id, message_key, account_id, template, amount_paise, business_at_ms,
              delivery) VALUES ($1, $2, $3, $4, $5, $6, $7, 'portal') ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(messageID), .text(key), .int(accountID), .text(template.rawValue),
                .optional(amountPaise), .int(businessAtMs),
            ])
    }

    /// The latest message of one of these kinds to an account.
    public static func last(
        of templates: [MessageTemplate], accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Message? {
        let names = templates.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return try transaction.first(
            """
            SELECT \(columns) FROM message WHERE org_id = $1 AND account_id = $2 AND template IN (\(names))
            ORDER BY message_id DESC LIMIT 1
            """, [.int(scope.orgID), .int(accountID)], decode)
    }

    private static let columns = "message_id, account_id, template, amount_paise, business_at_ms, delivery"

    private static func decode(_ row: any SQLRow) throws -> Message {
        Message(
            messageID: try row.int(0), accountID: try row.int(1),
            template: MessageTemplate(rawValue: try row.text(2)) ?? .lowBalance, amountPaise: try row.optionalInt(3),
            businessAtMs: try row.int(4), delivery: try row.text(5))
    }

    public static func of(accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [Message]
    {
        try transaction.query(
            """
            SELECT \(columns) FROM message WHERE org_id = $1 AND account_id = $2 ORDER BY message_id DESC LIMIT $3
            """, [.int(scope.orgID), .int(accountID), .int(limit)], decode)
    }
}

extension Message {
    /// Messages of the whole company after an id, oldest first.
    public static func after(_ messageID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [Message]
    {
        try transaction.query(
            "SELECT \(columns) FROM message WHERE org_id = $1 AND message_id > $2 ORDER BY message_id LIMIT $3",
            [.int(scope.orgID), .int(messageID), .int(limit)], decode)
    }
}
