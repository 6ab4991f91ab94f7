// A command that waits for a second person, as a row: what it would change, who asked, how it ended. Decides nothing.
import Clocks
import Foundation
import SQL

extension AccessSchema {
    static let changeRequests = Migration(
        60, .money, "requests for a second person",
        [
            """
            CREATE TABLE change_request (org_id {id} NOT NULL, request_id {id} NOT NULL, command {text} NOT NULL,
              payload {text} NOT NULL, content {text} NOT NULL, content_hash {bytes} NOT NULL, request_key {text},
              subject_id {id} NOT NULL, changes {text} NOT NULL, login_id {id} NOT NULL, key_id {id},
              source {text} NOT NULL, why {text} NOT NULL, made_at_ms {int} NOT NULL, lapses_at_ms {int} NOT NULL,
              state {text} NOT NULL, checked_by {id}, checked_at_ms {int}, note {text} NOT NULL, output {text},
              PRIMARY KEY (org_id, request_id)) {table}
            """,
            "CREATE UNIQUE INDEX change_request_key ON change_request (org_id, request_key)",
            "CREATE INDEX change_request_state ON change_request (org_id, state, request_id)",
            "CREATE INDEX change_request_login ON change_request (org_id, login_id, request_id)",
        ])
}

/// A request for a second person.
public struct ChangeRequest: Sendable, Equatable, Codable {
    public enum State: String, Sendable, Codable, CaseIterable {
        case pending, confirmed, rejected, withdrawn, lapsed
        /// It was confirmed, and was refused when it was to run; nothing changed.
        case failed
    }

    /// One field before and after, as it stood when it was asked.
    public struct Change: Sendable, Equatable, Codable {
        public var kind: String
        public var subjectID: Int64
        public var field: String
        public var old: String?
        public var new: String?
        public init(kind: String, subjectID: Int64, field: String, old: String?, new: String?) {
            (self.kind, self.subjectID, self.field, self.old, self.new) = (kind, subjectID, field, old, new)
        }
    }

    public var requestID: Int64
    /// The command's name: `payments.adjust`.
    public var command: String
    public var content: String
    public var subjectID: Int64
    public var changes: [Change]
    public var madeBy: Int64
    /// The key the maker came with; nil for a person.
    public var keyID: Int64?
    /// Nil for the machine.
    public var madeByName: String?
    public var why: String
    /// Business time.
    public var madeAtMs: Int64
    public var lapsesAtMs: Int64
    public var state: State
    public var checkedBy: Int64?
    public var checkedByName: String?
    public var checkedAtMs: Int64?
    /// What the second person said, or why it failed.
    public var note: String

    public init(
        requestID: Int64, command: String, content: String, subjectID: Int64, changes: [Change], madeBy: Int64,
        madeByName: String?, why: String, madeAtMs: Int64, lapsesAtMs: Int64, state: State, note: String = ""
    ) {
        (self.requestID, self.command, self.content, self.subjectID) = (requestID, command, content, subjectID)
        (self.changes, self.madeBy, self.madeByName, self.why) = (changes, madeBy, madeByName, why)
        (self.madeAtMs, self.lapsesAtMs, self.state, self.note) = (madeAtMs, lapsesAtMs, state, note)
    }
}

extension ChangeRequest {
    /// Which requests a list shows.
    public enum Filter: String, Sendable, Codable, CaseIterable {
        /// Those that somebody else asked for and nobody decided.
        case waiting
        case mine, decided
    }

    static let notFound = Refusal(.notFound, "There is no such request.", at: "requestID")
}

/// A row with what only the mechanism itself needs.
struct StoredRequest: Sendable {
    var request: ChangeRequest
    var payload: String
    var contentHash: [UInt8]
    var source: String
    /// Sent twice it is one row: the command's own key, else what is asked, for as long as it waits.
    var requestKey: String?

    private static let columns = """
        r.request_id, r.command, r.payload, r.content, r.content_hash, r.subject_id, r.changes, r.login_id, r.key_id,
        r.source, r.why, r.made_at_ms, r.lapses_at_ms, r.state, r.checked_by, r.checked_at_ms, r.note, m.username,
        c.username, r.request_key
        """
    private static let tables = """
        change_request r LEFT JOIN login m ON m.org_id = r.org_id AND m.login_id = r.login_id
          LEFT JOIN login c ON c.org_id = r.org_id AND c.login_id = r.checked_by
        """

    /// - Parameter nowMs: business time: what was not confirmed in time is lapsed, whether or not the row says so.
    private init(_ row: any SQLRow, nowMs: Int64) throws {
        let changes = try JSONDecoder().decode([ChangeRequest.Change].self, from: Data(try row.text(6).utf8))
        guard let state = ChangeRequest.State(rawValue: try row.text(13)) else {
            throw SQLError(.decode, "unknown state in table change_request")
        }
        let lapsesAtMs = try row.int(12)
        request = ChangeRequest(
            requestID: try row.int(0), command: try row.text(1), content: try row.text(3), subjectID: try row.int(5),
            changes: changes, madeBy: try row.int(7), madeByName: try row.optionalText(17), why: try row.text(10),
            madeAtMs: try row.int(11), lapsesAtMs: lapsesAtMs,
            state: state == .pending && lapsesAtMs <= nowMs ? .lapsed : state, note: try row.text(16))
        request.keyID = try row.optionalInt(8)
        request.checkedBy = try row.optionalInt(14)
        request.checkedAtMs = try row.optionalInt(15)
        request.checkedByName = try row.optionalText(18)
        (payload, contentHash, source) = (try row.text(2), try row.bytes(4), try row.text(9))
        requestKey = try row.optionalText(19)
    }

    static func find(
        _ requestID: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> StoredRequest {
        let found = try transaction.first(
            "SELECT \(columns) FROM \(tables) WHERE r.org_id = $1 AND r.request_id = $2",
            [.int(scope.orgID), .int(requestID)]
        ) { try StoredRequest($0, nowMs: nowMs) }
        guard let found else { throw ChangeRequest.notFound }
        return found
    }

    static func find(
        key: String, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> StoredRequest? {
        try transaction.first(
            "SELECT \(columns) FROM \(tables) WHERE r.org_id = $1 AND r.request_key = $2",
            [.int(scope.orgID), .text(key)]
        ) { try StoredRequest($0, nowMs: nowMs) }
    }

    /// Newest first.
    static func page(
        _ filter: ChangeRequest.Filter, loginID: Int64, onlyOwn: Bool, before: Int64?, limit: Int, nowMs: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [StoredRequest] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(before ?? .max), .int(limit)]
        func bound(_ value: Int64) -> String {
            parameters.append(.int(value))
            return "$\(parameters.count)"
        }
        var conditions = ["r.org_id = $1", "r.request_id < $2"]
        switch filter {
        case .waiting:
            conditions += [
                "r.state = 'pending'", "r.lapses_at_ms > \(bound(nowMs))", "r.login_id <> \(bound(loginID))",
            ]
        case .mine: conditions.append("r.login_id = \(bound(loginID))")
        case .decided: conditions.append("(r.state <> 'pending' OR r.lapses_at_ms <= \(bound(nowMs)))")
        }
        if onlyOwn, filter != .mine { conditions.append("r.login_id = \(bound(loginID))") }
        return try transaction.query(
            """
            SELECT \(columns) FROM \(tables) WHERE \(conditions.joined(separator: " AND "))
            ORDER BY r.request_id DESC LIMIT $3
            """, parameters
        ) { try StoredRequest($0, nowMs: nowMs) }
    }

    /// How many wait that a login made.
    static func pendingCount(
        madeBy loginID: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        try transaction.first(
            """
            SELECT COUNT(*) FROM change_request
            WHERE org_id = $1 AND state = 'pending' AND lapses_at_ms > $2 AND login_id = $3
            """, [.int(scope.orgID), .int(nowMs), .int(loginID)]
        ) { try $0.int(0) } ?? 0
    }

    func insert(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let added = try transaction.run(
            """
            INSERT INTO change_request (org_id, request_id, command, payload, content, content_hash, request_key,
              subject_id, changes, login_id, key_id, source, why, made_at_ms, lapses_at_ms, state, note)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'pending', '')
            ON CONFLICT (org_id, request_key) DO NOTHING
            """,
            [
                .int(scope.orgID), .int(request.requestID), .text(request.command), .text(payload),
                .text(request.content), .bytes(contentHash), .optional(requestKey), .int(request.subjectID),
                .text(try request.changes.sortedJSON()), .int(request.madeBy), .optional(request.keyID), .text(source),
                .text(request.why), .int(request.madeAtMs), .int(request.lapsesAtMs),
            ])
        guard added == 1 else { throw SQLError(.unique, "the same request came at this moment; try again") }
    }

    init(request: ChangeRequest, payload: String, contentHash: [UInt8], source: String, requestKey: String) {
        (self.request, self.payload, self.contentHash) = (request, payload, contentHash)
        (self.source, self.requestKey) = (source, requestKey)
    }

    /// - Returns: the key of a command's request. One with a key of its own is that request for ever.
    static func requestKey<C: Command>(_ command: C) -> String {
        command.key.map { keyed + $0 } ?? "sha256 " + Secret.hex(command.contentHash)
    }
    private static let keyed = "key "

    /// Ends a request that is pending. What has no key of its own may be asked again from then on.
    func end(
        _ state: ChangeRequest.State, by actor: Actor, note: String, output: String? = nil, nowMs: Int64,
        in transaction: any SQLTransaction
    ) throws {
        let isKeyed = requestKey?.hasPrefix(Self.keyed) ?? false
        let ended = try transaction.run(
            """
            UPDATE change_request SET state = $3, checked_by = $4, checked_at_ms = $5, note = $6, output = $7,
              request_key = $8
            WHERE org_id = $1 AND request_id = $2 AND state = 'pending'
            """,
            [
                .int(actor.scope.orgID), .int(request.requestID), .text(state.rawValue), .int(actor.loginID),
                .int(nowMs), .text(note), .optional(output), .optional(isKeyed ? requestKey : nil),
            ])
        guard ended == 1 else { throw SQLError(.busy, "the request was decided at this moment; try again") }
    }
}
