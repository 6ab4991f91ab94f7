// Events that point upwards in the domain graph: written in the transaction of their cause, delivered at least once,
// in order, to idempotent handlers. Payloads hold ids and numbers only, never personal data.
import SQL

/// The closed list of what domains tell each other this way.
public enum OutboxKind: String, Sendable, CaseIterable {
    case balanceChanged = "balance-changed"
    case relayWanted = "relay-wanted"
    case relayConfirmed = "relay-confirmed"
    case notice = "notice"
}

/// One event. `subjectID` is the account or meter it is about; `detail` is small JSON or empty.
public struct OutboxEvent: Sendable, Equatable {
    public var orgID: Int64
    public var eventID: Int64
    public var kind: OutboxKind
    public var subjectID: Int64
    public var detail: String
    public var businessAtMs: Int64

    public init(orgID: Int64, eventID: Int64, kind: OutboxKind, subjectID: Int64, detail: String, businessAtMs: Int64) {
        self.orgID = orgID
        self.eventID = eventID
        self.kind = kind
        self.subjectID = subjectID
        self.detail = detail
        self.businessAtMs = businessAtMs
    }
}

public enum Outbox {
    public static let migrations = [
        Migration(
            11, .money, "outbox",
            [
                """
                CREATE TABLE outbox (org_id {id} NOT NULL, event_id {id} NOT NULL, kind {text} NOT NULL,
                  subject_id {id} NOT NULL,
                  detail {text} NOT NULL, business_at_ms {int} NOT NULL, attempt {int} NOT NULL, last_error {text},
                  PRIMARY KEY (event_id)) {table}
                """
            ])
    ]

    /// After this many failures an event waits for a person.
    public static let attemptLimit = 20

    public static func append(_ event: OutboxEvent, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO outbox (org_id, event_id, kind, subject_id, detail, business_at_ms, attempt)
            VALUES ($1, $2, $3, $4, $5, $6, 0)
            """,
            [
                .int(event.orgID), .int(event.eventID), .text(event.kind.rawValue), .int(event.subjectID),
                .text(event.detail), .int(event.businessAtMs),
            ])
    }

    /// The oldest events first after one, at most `limit`. Kinds this release does not know wait for one that does.
    /// - Parameter orgIDs: only events of these companies; nil for all.
    public static func pending(
        of orgIDs: [Int64]? = nil, after eventID: Int64 = 0, limit: Int, in transaction: any SQLTransaction
    ) throws -> [OutboxEvent] {
        var parameters: [SQLValue] = [.int(limit), .int(eventID)]
        let mine = orgIDs.map { "org_id IN (\(parameters.bind($0))) AND " } ?? ""
        let kinds = OutboxKind.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return try transaction.query(
            """
            SELECT org_id, event_id, kind, subject_id, detail, business_at_ms FROM outbox
            WHERE \(mine)attempt < \(attemptLimit) AND event_id > $2 AND kind IN (\(kinds)) ORDER BY event_id LIMIT $1
            """, parameters
        ) { row in
            guard let kind = OutboxKind(rawValue: try row.text(2)) else {
                throw SQLError(.decode, "outbox event \(try row.int(1)) is of unknown kind \(try row.text(2))")
            }
            return OutboxEvent(
                orgID: try row.int(0), eventID: try row.int(1), kind: kind, subjectID: try row.int(3),
                detail: try row.text(4), businessAtMs: try row.int(5))
        }
    }

    /// Called first in the transaction that does what the event asks for. False when another worker has done it.
    public static func take(_ eventID: Int64, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.run("DELETE FROM outbox WHERE event_id = $1", [.int(eventID)]) == 1
    }

    public static func failed(_ eventID: Int64, error: String, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "UPDATE outbox SET attempt = attempt + 1, last_error = $2 WHERE event_id = $1",
            [.int(eventID), .text(String(error.prefix(500)))])
    }
}
