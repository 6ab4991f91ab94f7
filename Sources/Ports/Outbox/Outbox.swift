// Events that point upwards in the domain graph: written in the transaction of their cause, delivered at least once,
// in order, to idempotent handlers. Payloads hold ids and numbers only, never personal data.
import SQL

/// The closed list of what domains tell each other this way.
public enum OutboxKind: String, Sendable, CaseIterable {
    case balanceChanged = "balance-changed"
    case relayWanted = "relay-wanted"
    case relayConfirmed = "relay-confirmed"
    case notice = "notice"
    /// A meter reported an event: `code atMs`.
    case meterEvent = "meter-event"
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
            ]),
        Migration(
            28, .money, "outbox retries",
            [
                "ALTER TABLE outbox ADD COLUMN next_at_ms {int} NOT NULL DEFAULT 0",
                "ALTER TABLE outbox ADD COLUMN aside_at_ms {int}",
                "ALTER TABLE outbox ADD COLUMN aside_why {text}",
            ]),
    ]

    /// After this many failures an event waits for a person.
    public static let attemptLimit = 20

    public static func append(_ event: OutboxEvent, in transaction: any SQLTransaction) throws {
        try append([event], in: transaction)
    }

    /// Many at once.
    public static func append(_ events: [OutboxEvent], in transaction: any SQLTransaction) throws {
        try transaction.insert(
            into: "outbox", columns: "org_id, event_id, kind, subject_id, detail, business_at_ms, attempt",
            events.map { event in
                [
                    .int(event.orgID), .int(event.eventID), .text(event.kind.rawValue), .int(event.subjectID),
                    .text(event.detail), .int(event.businessAtMs), 0,
                ]
            })
    }

    /// The oldest events first after one, at most `limit`. Kinds this release does not know wait for one that does.
    /// - Parameters:
    ///   - orgIDs: only events of these companies; nil for all.
    ///   - dueAtMs: system time; events that failed and wait for their next try until later are left out.
    public static func pending(
        of orgIDs: [Int64]? = nil, after eventID: Int64 = 0, dueAtMs: Int64 = .max, limit: Int,
        in transaction: any SQLTransaction
    ) throws -> [OutboxEvent] {
        var parameters: [SQLValue] = [.int(limit), .int(eventID), .int(dueAtMs)]
        let mine = orgIDs.map { "org_id IN (\(parameters.bind($0))) AND " } ?? ""
        return try transaction.query(
            """
            SELECT org_id, event_id, kind, subject_id, detail, business_at_ms FROM outbox
            WHERE \(mine)attempt < \(attemptLimit) AND event_id > $2 AND next_at_ms <= $3 AND aside_at_ms IS NULL
              AND kind IN (\(knownKinds)) ORDER BY event_id LIMIT $1
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

    /// Notes a failure: the next try comes later each time, from two seconds to a quarter of an hour, with jitter.
    /// - Parameter nowMs: system time.
    public static func failed(_ eventID: Int64, error: String, nowMs: Int64, in transaction: any SQLTransaction) throws
    {
        let tries =
            try transaction.first("SELECT attempt FROM outbox WHERE event_id = $1", [.int(eventID)]) {
                try $0.int(0)
            } ?? 0
        let pauseMs = min(2_000 << min(tries, 9), retryMaxMs)
        try transaction.run(
            "UPDATE outbox SET attempt = attempt + 1, last_error = $2, next_at_ms = $3 WHERE event_id = $1",
            [
                .int(eventID), .text(String(error.prefix(500))),
                .int(nowMs + pauseMs + Int64.random(in: 0...(pauseMs / 4))),
            ])
    }

    private static let retryMaxMs: Int64 = 900_000
    private static let knownKinds = OutboxKind.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
}

/// An event that nobody will deliver without a person: it failed too often, or is of a kind this release does not know.
public struct OutboxTrouble: Sendable, Equatable {
    public var eventID: Int64
    /// As stored; maybe of no known kind.
    public var kind: String
    public var subjectID: Int64
    public var attempt: Int64
    public var lastError: String?
    public var businessAtMs: Int64
    public var isKnown: Bool { OutboxKind(rawValue: kind) != nil }
}

extension Outbox {
    /// What needs a person in a company, newest first.
    public static func troubles(orgID: Int64, limit: Int, in transaction: any SQLTransaction) throws -> [OutboxTrouble]
    {
        try transaction.query(
            """
            SELECT event_id, kind, subject_id, attempt, last_error, business_at_ms FROM outbox
            WHERE org_id = $1 AND aside_at_ms IS NULL AND (attempt >= $2 OR kind NOT IN (\(knownKinds)))
            ORDER BY event_id DESC LIMIT $3
            """, [.int(orgID), .int(attemptLimit), .int(limit)]
        ) { row in
            OutboxTrouble(
                eventID: try row.int(0), kind: try row.text(1), subjectID: try row.int(2), attempt: try row.int(3),
                lastError: try row.optionalText(4), businessAtMs: try row.int(5))
        }
    }

    /// Lets an event that was given up, or set aside, be delivered again. False when there is none of that number
    /// that this release could deliver.
    public static func tryAgain(_ eventID: Int64, orgID: Int64, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.run(
            """
            UPDATE outbox SET attempt = 0, next_at_ms = 0, aside_at_ms = NULL, aside_why = NULL
            WHERE org_id = $1 AND event_id = $2 AND kind IN (\(knownKinds))
            """, [.int(orgID), .int(eventID)]) == 1
    }

    /// Takes an event that needs a person out of the way for good; it stays stored with the reason. False when there is
    /// none of that number that needs one.
    public static func setAside(
        _ eventID: Int64, why: String, atMs: Int64, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Bool {
        try transaction.run(
            """
            UPDATE outbox SET aside_at_ms = $3, aside_why = $4 WHERE org_id = $1 AND event_id = $2
              AND aside_at_ms IS NULL AND (attempt >= $5 OR kind NOT IN (\(knownKinds)))
            """, [.int(orgID), .int(eventID), .int(atMs), .text(why), .int(attemptLimit)]) == 1
    }
}
