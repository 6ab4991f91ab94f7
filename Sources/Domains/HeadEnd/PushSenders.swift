// Who sent a push: meters found by title, device name or address, and what is remembered of each sender. Opens nothing.
import Access
import DLMS
import IS15959
import Meters
import SQL

/// A meter that may have sent a push.
struct PushSender: Sendable {
    var orgID: Int64
    var meterID: Int64
    var serial: String
    var host: String
    var sealedKeys: [UInt8]?
}

/// The meters that a batch of pushes may come from.
struct PushSenders: Sendable {
    /// Meters at one address that are tried for a title nobody knows.
    static let candidatesMax = 64

    private(set) var byTitle: [String: [PushSender]] = [:]
    private(set) var bySerial: [String: [PushSender]] = [:]
    private(set) var byHost: [String: [PushSender]] = [:]

    /// - Parameters:
    ///   - titles, serials: what the batch names.
    ///   - hosts: by title, or by an empty text, the addresses to look at when nobody has that title.
    static func find(
        titles: Set<String>, serials: Set<String>, hosts: [String: Set<String>], orgIDs: [Int64],
        in transaction: any SQLTransaction
    ) throws -> PushSenders {
        var senders = PushSenders()
        for orgID in orgIDs {
            for (title, sender) in try rows(
                "meter_title.title", titles, orgID,
                from: "meter_title JOIN meter ON meter.org_id = meter_title.org_id "
                    + "AND meter.meter_id = meter_title.meter_id", in: transaction)
            { senders.byTitle[title, default: []].append(sender) }
            for (serial, sender) in try rows("meter.serial", serials, orgID, from: "meter", in: transaction) {
                senders.bySerial[serial, default: []].append(sender)
            }
        }
        let unknown = hosts.filter { senders.byTitle[$0.key] == nil }.values.reduce(into: Set()) { $0.formUnion($1) }
        for orgID in orgIDs {
            for (host, sender) in try rows("meter.host", unknown, orgID, from: "meter", in: transaction)
            where (senders.byHost[host]?.count ?? 0) < candidatesMax {
                senders.byHost[host, default: []].append(sender)
            }
        }
        return senders
    }

    private static func rows(
        _ column: String, _ values: Set<String>, _ orgID: Int64, from tables: String,
        in transaction: any SQLTransaction
    ) throws -> [(String, PushSender)] {
        guard !values.isEmpty else { return [] }
        var parameters: [SQLValue] = [.int(orgID)]
        let marks = values.sorted().map { value in
            parameters.append(.text(value))
            return "$\(parameters.count)"
        }.joined(separator: ", ")
        // A concentrator may stand in front of thousands: no more are tried than the limit, so no more are fetched.
        return try transaction.query(
            """
            SELECT \(column), meter.meter_id, meter.serial, meter.host, meter.sealed_keys FROM \(tables)
            WHERE meter.org_id = $1 AND \(column) IN (\(marks)) ORDER BY meter.meter_id LIMIT 5000
            """, parameters
        ) { row in
            (
                try row.text(0),
                PushSender(
                    orgID: orgID, meterID: try row.int(1), serial: try row.text(2), host: try row.text(3),
                    sealedKeys: try row.optionalBytes(4))
            )
        }
    }
}

/// What is kept of a sender: which counters were seen under which keys, and its last status words.
struct SenderState: Sendable {
    struct Key: Hashable, Sendable { var orgID: Int64; var meterID: Int64 }

    /// Counts the changes of the meter's keys; a new key begins a new window.
    var keyNumber: Int64 = 0
    var window = ReplayWindow()
    var words = StatusHistory()

    static func load(_ keys: Set<Key>, in transaction: any SQLTransaction) throws -> [Key: SenderState] {
        var states: [Key: SenderState] = [:]
        for (orgID, group) in Dictionary(grouping: keys, by: \.orgID) {
            var parameters: [SQLValue] = [.int(orgID)]
            let marks = parameters.bind(group.map(\.meterID).sorted())
            let rows = try transaction.query(
                """
                SELECT meter_id, key_number, highest, seen, words FROM push_sender
                WHERE org_id = $1 AND meter_id IN (\(marks))
                """, parameters
            ) { row in
                (
                    try row.int(0),
                    SenderState(
                        keyNumber: try row.int(1),
                        window: ReplayWindow(
                            highest: try row.optionalInt(2).flatMap { UInt32(exactly: $0) },
                            seen: UInt64(bitPattern: try row.int(3))),
                        words: StatusHistory(bytes: try row.bytes(4)) ?? StatusHistory())
                )
            }
            for (meterID, state) in rows { states[Key(orgID: orgID, meterID: meterID)] = state }
        }
        return states
    }

    /// Writes the row of every sender of the batch, also when nothing but the time has changed: two processes that take
    /// pushes of one meter at the same moment meet here.
    static func store(_ states: [Key: SenderState], atMs: Int64, in transaction: any SQLTransaction) throws {
        try transaction.runMany(
            """
            INSERT INTO push_sender (org_id, meter_id, key_number, highest, seen, words, last_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (org_id, meter_id) DO UPDATE SET key_number = excluded.key_number,
              highest = excluded.highest, seen = excluded.seen, words = excluded.words,
              last_at_ms = excluded.last_at_ms
            """,
            states.sorted { ($0.key.orgID, $0.key.meterID) < ($1.key.orgID, $1.key.meterID) }.map { key, state in
                [
                    .int(key.orgID), .int(key.meterID), .int(state.keyNumber),
                    .optional(state.window.highest.map { Int64($0) }), .int(Int64(bitPattern: state.window.seen)),
                    .bytes(state.words.bytes), .int(atMs),
                ]
            })
    }
}

extension PushSenders {
    /// Every meter of a company that was found.
    func meterIDs(orgID: Int64) -> [Int64] {
        let all = [byTitle, bySerial, byHost].flatMap { $0.values.flatMap { $0 } }
        return Set(all.filter { $0.orgID == orgID }.map(\.meterID)).sorted()
    }
}
