// What was exchanged with other head-ends and meter-data systems: documents taken, what of them was set aside, and
// orders from outside with the words to answer them by. Reads no document.
import Access
import Clocks
import SQL

public enum ExchangeSchema {
    public static let migrations = [
        Migration(
            40, .money, "exchange",
            [
                """
                CREATE TABLE exchange_document (org_id {id} NOT NULL, document_id {id} NOT NULL,
                  sha256 {bytes} NOT NULL, name {text} NOT NULL, message_id {text}, correlation_id {text},
                  started_at_ms {int} NOT NULL, finished_at_ms {int}, counts {text} NOT NULL,
                  refused_count {int} NOT NULL, PRIMARY KEY (org_id, document_id)) {table}
                """,
                "CREATE UNIQUE INDEX exchange_document_sha256 ON exchange_document (org_id, sha256)",
                """
                CREATE TABLE exchange_refusal (org_id {id} NOT NULL, document_id {id} NOT NULL, number {int} NOT NULL,
                  line {int} NOT NULL, what {text} NOT NULL, subject {text},
                  PRIMARY KEY (org_id, document_id, number)) {keyed_table}
                """,
                """
                CREATE TABLE exchange_order (org_id {id} NOT NULL, order_id {id} NOT NULL, order_key {text} NOT NULL,
                  correlation_id {text} NOT NULL, subject {text} NOT NULL, meter_id {id}, kind {text} NOT NULL,
                  asked_at_ms {int} NOT NULL, command_key {text}, fault_code {text}, fault {text},
                  PRIMARY KEY (org_id, order_id)) {table}
                """,
                "CREATE UNIQUE INDEX exchange_order_key ON exchange_order (org_id, order_key)",
                "CREATE INDEX exchange_order_correlation ON exchange_order (org_id, correlation_id, order_id)",
            ])
    ]
}

/// Something of a document that was not taken.
public struct ExchangeRefusal: Sendable, Equatable {
    /// In the document, from 1.
    public var line: Int
    public var what: String
    /// The meter it is about, as the document names it.
    public var subject: String?
    /// For the code of the answer; not kept.
    public var isUnknownMeter: Bool
    public init(line: Int, what: String, subject: String? = nil, isUnknownMeter: Bool = false) {
        self.line = line
        self.what = what
        self.subject = subject
        self.isUnknownMeter = isUnknownMeter
    }
}

/// A document that was taken, known by its SHA-256.
public struct ExchangedDocument: Sendable, Equatable {
    public var documentID: Int64
    public var name: String
    public var startedAtMs: Int64
    /// Nil while it is taken, or when that was interrupted: then bring it again.
    public var finishedAtMs: Int64?
    /// JSON of the counts, of whoever took it.
    public var counts: String
    public var refusedCount: Int64

    public static func find(
        sha256: [UInt8], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> ExchangedDocument? {
        try transaction.first(
            """
            SELECT document_id, name, started_at_ms, finished_at_ms, counts, refused_count FROM exchange_document
            WHERE org_id = $1 AND sha256 = $2
            """, [.int(scope.orgID), .bytes(sha256)], decode)
    }

    /// The latest documents of a company, newest first.
    public static func latest(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [ExchangedDocument]
    {
        try transaction.query(
            """
            SELECT document_id, name, started_at_ms, finished_at_ms, counts, refused_count FROM exchange_document
            WHERE org_id = $1 ORDER BY document_id DESC LIMIT $2
            """, [.int(scope.orgID), .int(limit)], decode)
    }

    private static func decode(_ row: any SQLRow) throws -> ExchangedDocument {
        ExchangedDocument(
            documentID: try row.int(0), name: try row.text(1), startedAtMs: try row.int(2),
            finishedAtMs: try row.optionalInt(3), counts: try row.text(4), refusedCount: try row.int(5))
    }

    /// What of it was set aside, the first ones.
    public static func refusals(
        of documentID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [ExchangeRefusal] {
        try transaction.query(
            """
            SELECT line, what, subject FROM exchange_refusal WHERE org_id = $1 AND document_id = $2
            ORDER BY number LIMIT $3
            """, [.int(scope.orgID), .int(documentID), .int(limit)]
        ) { ExchangeRefusal(line: Int(try $0.int(0)), what: try $0.text(1), subject: try $0.optionalText(2)) }
    }

    /// Notes how it ended: counts, and what was set aside in place of what an earlier run of the same document noted.
    public static func finish(
        _ documentID: Int64, counts: String, refusals: [ExchangeRefusal], refusedCount: Int, nowMs: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            "DELETE FROM exchange_refusal WHERE org_id = $1 AND document_id = $2",
            [.int(scope.orgID), .int(documentID)])
        try transaction.runMany(
            """
            INSERT INTO exchange_refusal (org_id, document_id, number, line, what, subject)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            refusals.enumerated().map {
                [
                    .int(scope.orgID), .int(documentID), .int($0.offset), .int($0.element.line),
                    .text($0.element.what), .optional($0.element.subject),
                ]
            })
        try transaction.run(
            """
            UPDATE exchange_document SET finished_at_ms = $3, counts = $4, refused_count = $5
            WHERE org_id = $1 AND document_id = $2
            """, [.int(scope.orgID), .int(documentID), .int(nowMs), .text(counts), .int(refusedCount)])
    }
}

/// Notes a document before the first of its values is taken; the same document again is the same row.
public struct BeginExchange: Command {
    public static let name = "exchange.take"
    public static let permissions: [Permission] = [.importReadings, .commandMeters]
    public var document: String
    public var sha256: [UInt8]
    public var messageID: String?
    public var correlationID: String?
    public init(document: String, sha256: [UInt8], messageID: String?, correlationID: String?) {
        self.document = document
        self.sha256 = sha256
        self.messageID = messageID
        self.correlationID = correlationID
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    /// Without the name of the file, which may be a person's.
    public var content: String { "sha256=\(sha256.prefix(16).map { String($0) }.joined(separator: "."))" }

    /// The document's id.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        if let known = try ExchangedDocument.find(sha256: sha256, context.actor.scope, in: transaction) {
            return known.documentID
        }
        let documentID = context.ids.next()
        try transaction.run(
            """
            INSERT INTO exchange_document (org_id, document_id, sha256, name, message_id, correlation_id,
              started_at_ms, counts, refused_count) VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', 0)
            """,
            [
                .int(context.orgID), .int(documentID), .bytes(sha256), .text(document), .optional(messageID),
                .optional(correlationID), .int(context.businessNowMs),
            ])
        context.changed(.company, "exchange_document \(documentID)", from: nil, to: "begun")
        return documentID
    }
}

/// An order that came from another system, and how it stands.
public struct ExchangeOrder: Sendable, Equatable {
    public var orderID: Int64
    public var correlationID: String
    /// The device as the sender named it.
    public var subject: String
    public var meterID: Int64?
    /// `disconnect`, `reconnect`, `read`, or the code of what is not done here.
    public var kind: String
    public var askedAtMs: Int64
    /// The key of the order to the meter, when it has one of its own, or `order:` and the number of one to a group.
    public var commandKey: String?
    /// Set when it was refused.
    public var faultCode: String?
    public var fault: String?

    public init(
        orderID: Int64, correlationID: String, subject: String, meterID: Int64?, kind: String, askedAtMs: Int64,
        commandKey: String? = nil, faultCode: String? = nil, fault: String? = nil
    ) {
        (self.orderID, self.correlationID, self.subject) = (orderID, correlationID, subject)
        (self.meterID, self.kind, self.askedAtMs, self.commandKey) = (meterID, kind, askedAtMs, commandKey)
        (self.faultCode, self.fault) = (faultCode, fault)
    }

    public func store(key: String, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO exchange_order (org_id, order_id, order_key, correlation_id, subject, meter_id, kind,
              asked_at_ms, command_key, fault_code, fault) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .int(scope.orgID), .int(orderID), .text(key), .text(correlationID), .text(subject),
                .optional(meterID), .text(kind), .int(askedAtMs), .optional(commandKey), .optional(faultCode),
                .optional(fault),
            ])
    }

    /// The orders of one request, in order, after an id.
    public static func of(
        correlationID: String, after orderID: Int64 = 0, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [ExchangeOrder] {
        try transaction.query(
            """
            SELECT order_id, correlation_id, subject, meter_id, kind, asked_at_ms, command_key, fault_code, fault
            FROM exchange_order WHERE org_id = $1 AND correlation_id = $2 AND order_id > $3 ORDER BY order_id LIMIT $4
            """, [.int(scope.orgID), .text(correlationID), .int(orderID), .int(limit)]
        ) { row in
            ExchangeOrder(
                orderID: try row.int(0), correlationID: try row.text(1), subject: try row.text(2),
                meterID: try row.optionalInt(3), kind: try row.text(4), askedAtMs: try row.int(5),
                commandKey: try row.optionalText(6), faultCode: try row.optionalText(7), fault: try row.optionalText(8)
            )
        }
    }
}
