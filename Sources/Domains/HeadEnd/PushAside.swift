// Pushes that changed nothing, with the reason: bounded, equal ones counted in one row. And which system title belongs
// to which meter.
import Access
import Clocks
import MeterPort
import Meters
import SQL

/// Why a push was not taken.
public enum AsideReason: String, Sendable, Codable, CaseIterable {
    /// Neither the title nor the device name is known.
    case unknownSender = "unknown-sender"
    /// The meter has keys, or the company takes no push without security.
    case unsecured
    /// A push without security came from another address than the meter's.
    case otherAddress = "other-address"
    /// The keys of the meter do not open it.
    case wrongKey = "wrong-key"
    /// Its counter was used before, or lies too far back.
    case replayed
    /// The octets are no notification.
    case unreadable
    /// It says nothing that is an event.
    case nothingToTell = "nothing-to-tell"
}

/// A push kept aside.
public struct AsidePush: Sendable, Equatable {
    public var asideID: Int64
    public var reason: AsideReason
    public var meterID: Int64?
    /// The title or the device name it gave; empty when it gave none.
    public var sender: String
    public var remote: String
    /// The first 512 octets of the last one.
    public var apdu: [UInt8]
    public var times: Int64
    public var firstAtMs: Int64
    public var lastAtMs: Int64

    public init(
        asideID: Int64, reason: AsideReason, meterID: Int64?, sender: String, remote: String, apdu: [UInt8],
        times: Int64, firstAtMs: Int64, lastAtMs: Int64
    ) {
        self.asideID = asideID
        self.reason = reason
        self.meterID = meterID
        self.sender = sender
        self.remote = remote
        self.apdu = apdu
        self.times = times
        self.firstAtMs = firstAtMs
        self.lastAtMs = lastAtMs
    }

    /// Rows kept for each company; the oldest go.
    public static let limit = 1_000
    public static let octetsMax = 512

    /// Newest first, those before a place in the list, at most `limit`. For who sees the whole company: senders nobody
    /// knows belong to no place.
    public static func list(
        before: (lastAtMs: Int64, asideID: Int64)? = nil, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [AsidePush] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT aside_id, reason, meter_id, sender, remote, apdu, times, first_at_ms, last_at_ms FROM push_aside
            WHERE org_id = $1 AND last_at_ms <= $2 AND (last_at_ms < $2 OR aside_id < $3)
            ORDER BY last_at_ms DESC, aside_id DESC LIMIT $4
            """,
            [.int(scope.orgID), .int(before?.lastAtMs ?? .max), .int(before?.asideID ?? .max), .int(limit)]
        ) { row in
            AsidePush(
                asideID: try row.int(0), reason: AsideReason(rawValue: try row.text(1)) ?? .unreadable,
                meterID: try row.optionalInt(2), sender: try row.text(3), remote: try row.text(4),
                apdu: try row.bytes(5), times: try row.int(6), firstAtMs: try row.int(7), lastAtMs: try row.int(8))
        }
    }

    /// How many rows there are.
    public static func count(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        guard scope.isWholeCompany else { return 0 }
        return try transaction.first(
            "SELECT COUNT(*) FROM push_aside WHERE org_id = $1", [.int(scope.orgID)]
        ) { try $0.int(0) } ?? 0
    }

    /// Keeps pushes of one company aside. Equal ones (reason, sender, address) are one row.
    static func keep(
        _ pushes: [(reason: AsideReason, meterID: Int64?, sender: String, remote: String, apdu: [UInt8])], atMs: Int64,
        ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        guard !pushes.isEmpty else { return }
        let groups = Dictionary(grouping: pushes) { push in
            "\(push.reason.rawValue) \(push.meterID.map(String.init) ?? push.sender) \(push.remote)"
        }
        try transaction.runMany(
            """
            INSERT INTO push_aside (org_id, aside_key, aside_id, reason, meter_id, sender, remote, apdu, times,
              first_at_ms, last_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
            ON CONFLICT (org_id, aside_key) DO UPDATE SET times = push_aside.times + excluded.times,
              apdu = excluded.apdu, last_at_ms = excluded.last_at_ms
            """,
            groups.sorted { $0.key < $1.key }.compactMap { key, group in
                group.last.map { push in
                    [
                        .int(scope.orgID), .text(key), .int(ids.next()), .text(push.reason.rawValue),
                        .optional(push.meterID), .text(push.sender), .text(push.remote),
                        .bytes(Array(push.apdu.prefix(octetsMax))), .int(group.count), .int(atMs),
                    ]
                }
            })
        try transaction.run(
            """
            DELETE FROM push_aside WHERE org_id = $1 AND EXISTS (
              SELECT 1 FROM (SELECT last_at_ms, aside_id FROM push_aside WHERE org_id = $1
                ORDER BY last_at_ms DESC, aside_id DESC LIMIT 1 OFFSET \(limit)) edge
              WHERE push_aside.last_at_ms < edge.last_at_ms
                OR (push_aside.last_at_ms = edge.last_at_ms AND push_aside.aside_id <= edge.aside_id))
            """, [.int(scope.orgID)])
    }
}

/// System titles (8 octets, as 16 hexadecimal digits) and whose they are.
public enum MeterTitles {
    /// Notes the title of a meter that has proven itself by its keys, or that a person entered. A title has one meter:
    /// one that moved has the newer.
    public static func learn(
        _ title: [UInt8], meterID: Int64, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        guard title.count == 8 else { return }
        try transaction.run(
            """
            INSERT INTO meter_title (org_id, title, meter_id, learned_at_ms) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, title) DO UPDATE SET meter_id = excluded.meter_id,
              learned_at_ms = excluded.learned_at_ms WHERE meter_title.meter_id <> excluded.meter_id
            """, [.int(scope.orgID), .text(Secret.hex(title)), .int(meterID), .int(atMs)])
    }

    /// Notes the title that a conversation has proven, unless it is known already.
    static func learn(
        from conversation: any MeterConversation, meterID: Int64, nowMs: Int64, _ site: Site, _ scope: Scope
    ) async throws {
        guard let title = await conversation.systemTitle else { return }
        let known = try await site.money.read { try of(meterID, scope, in: $0) }
        guard !known.contains(Secret.hex(title)) else { return }
        try await site.money.write { try learn(title, meterID: meterID, atMs: nowMs, scope, in: $0) }
    }

    /// Titles of a meter, in order.
    public static func of(_ meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            "SELECT title FROM meter_title WHERE org_id = $1 AND meter_id = $2 ORDER BY title",
            [.int(scope.orgID), .int(meterID)]
        ) { try $0.text(0) }
    }
}
