// Sums of sets as stored: a row a set, day, channel and length of slots, and a row a day and channel that says up to
// which change of the month and for which membership they hold. Reckons nothing.
import CivilTime
import IntervalData
import SQL

public enum AggregationSchema {
    public static let migrations = sums + ForecastSchema.migrations + [Publication.migration]

    private static let sums = [
        Migration(
            108, .readings, "aggregates",
            [
                """
                CREATE TABLE set_day (org_id {id} NOT NULL, day {int} NOT NULL, set_key {text} NOT NULL,
                  channel {int} NOT NULL, slots {int} NOT NULL, meters {int} NOT NULL, total_value {int} NOT NULL,
                  slot_values {bytes} NOT NULL, estimated {bytes} NOT NULL, missing {bytes} NOT NULL,
                  PRIMARY KEY (org_id, day, set_key, channel, slots)) {by_month}
                """,
                """
                CREATE TABLE set_day_state (org_id {id} NOT NULL, day {int} NOT NULL, channel {int} NOT NULL,
                  change {int} NOT NULL, membership {int} NOT NULL, version {int} NOT NULL, made_at_ms {int} NOT NULL,
                  PRIMARY KEY (org_id, day, channel)) {by_month}
                """,
            ]),
        Migration(
            113, .readings, "edited values in aggregates",
            [
                // Empty in sums that were made before; those are counted again (`Aggregator.consumer`).
                "ALTER TABLE set_day ADD COLUMN edited {bytes}",
                "DELETE FROM set_day_state",
            ]),
    ]
}

/// Up to where the sums of a day hold.
public struct SetDayState: Sendable, Equatable {
    public var day: CivilDay
    public var channel: Channel
    /// The last change of the month that is in them.
    public var change: Int64
    /// ``Membership/fingerprint`` they were made for.
    public var membership: Int64
    /// Grows with every change of the sums.
    public var version: Int64
    public var madeAtMs: Int64

    /// States of some days, in order of day and channel.
    public static func of(
        days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [SetDayState] {
        var parameters: [SQLValue] = [.int(orgID)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            """
            SELECT day, channel, change, membership, version, made_at_ms FROM set_day_state
            WHERE org_id = $1 AND day IN (\(marks)) ORDER BY day, channel
            """, parameters, decode)
    }

    static func find(_ day: CivilDay, _ channel: Channel, orgID: Int64, in transaction: any SQLTransaction) throws
        -> SetDayState?
    {
        try transaction.first(
            """
            SELECT day, channel, change, membership, version, made_at_ms FROM set_day_state
            WHERE org_id = $1 AND day = $2 AND channel = $3
            """, [.int(orgID), .day(day), .int(channel.rawValue)], decode)
    }

    private static func decode(_ row: any SQLRow) throws -> SetDayState {
        SetDayState(
            day: try row.day(0), channel: Channel(rawValue: try row.int(1)) ?? .importWh, change: try row.int(2),
            membership: try row.int(3), version: try row.int(4), madeAtMs: try row.int(5))
    }

    func store(orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO set_day_state (org_id, day, channel, change, membership, version, made_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, day, channel) DO UPDATE SET
              change = excluded.change, membership = excluded.membership, version = excluded.version,
              made_at_ms = excluded.made_at_ms
            """,
            [
                .int(orgID), .day(day), .int(channel.rawValue), .int(change), .int(membership), .int(version),
                .int(madeAtMs),
            ])
    }
}

/// The sums of one set and day: by number of slots, as meters measure in different lengths.
public typealias DaySums = [Int: SlotSums]

enum SetDays {
    static let insert = """
        INSERT INTO set_day (org_id, day, set_key, channel, slots, meters, total_value, slot_values, estimated, missing,
          edited)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (org_id, day, set_key, channel, slots) DO UPDATE SET meters = excluded.meters,
          total_value = excluded.total_value, slot_values = excluded.slot_values, estimated = excluded.estimated,
          missing = excluded.missing, edited = excluded.edited
        """

    static func row(_ sums: SlotSums, _ key: String, _ day: CivilDay, _ channel: Channel, orgID: Int64) -> [SQLValue] {
        let bytes = sums.encode()
        return [
            .int(orgID), .day(day), .text(key), .int(channel.rawValue), .int(sums.slotCount), .int(sums.meters),
            .int(sums.total), .bytes(bytes.values), .bytes(bytes.estimated), .bytes(bytes.missing),
            .bytes(bytes.edited),
        ]
    }

    /// Meters, values, estimated, missing and edited of a row, in this order.
    private static func sums(_ row: any SQLRow, from first: Int) throws -> SlotSums {
        try SlotSums(
            decoding: row.bytes(first + 1), estimated: row.bytes(first + 2),
            edited: row.optionalBytes(first + 4) ?? [1],
            missing: row.bytes(first + 3), meters: Int(row.int(first)))
    }

    static func clear(_ day: CivilDay, _ channel: Channel, orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "DELETE FROM set_day WHERE org_id = $1 AND day = $2 AND channel = $3",
            [.int(orgID), .day(day), .int(channel.rawValue)])
    }

    /// The sums of a set on some days of one month.
    static func of(
        _ key: String, days: [CivilDay], channel: Channel, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [CivilDay: DaySums] {
        var parameters: [SQLValue] = [.int(orgID), .text(key), .int(channel.rawValue)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            """
            SELECT day, meters, slot_values, estimated, missing, edited FROM set_day
            WHERE org_id = $1 AND day IN (\(marks)) AND set_key = $2 AND channel = $3
            """, parameters
        ) { row in
            (
                try row.day(0),
                try sums(row, from: 1)
            )
        }.reduce(into: [:]) { $0[$1.0, default: [:]][$1.1.slotCount] = $1.1 }
    }

    /// Every set of a kind on some days of one month, by its key: `place:`, `corridor:`.
    static func beginning(
        _ prefix: String, days: [CivilDay], channel: Channel, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [String: [CivilDay: DaySums]] {
        // U+10FFFF closes the range of everything that begins with the prefix.
        var parameters: [SQLValue] = [
            .int(orgID), .text(prefix), .text(prefix + "\u{10FFFF}"), .int(channel.rawValue),
        ]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            """
            SELECT day, set_key, meters, slot_values, estimated, missing, edited FROM set_day
            WHERE org_id = $1 AND day IN (\(marks)) AND set_key >= $2 AND set_key < $3 AND channel = $4
            """, parameters
        ) { row in
            (
                try row.day(0), try row.text(1),
                try sums(row, from: 2)
            )
        }.reduce(into: [:]) { $0[$1.1, default: [:]][$1.0, default: [:]][$1.2.slotCount] = $1.2 }
    }

    static func find(
        _ key: String, _ day: CivilDay, _ channel: Channel, slots: Int, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> SlotSums? {
        try transaction.first(
            """
            SELECT meters, slot_values, estimated, missing, edited FROM set_day
            WHERE org_id = $1 AND day = $2 AND set_key = $3 AND channel = $4 AND slots = $5
            """, [.int(orgID), .day(day), .text(key), .int(channel.rawValue), .int(slots)]
        ) { row in
            try sums(row, from: 0)
        }
    }

    static func delete(
        _ key: String, _ day: CivilDay, _ channel: Channel, slots: Int, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            DELETE FROM set_day WHERE org_id = $1 AND day = $2 AND set_key = $3 AND channel = $4 AND slots = $5
            """, [.int(orgID), .day(day), .text(key), .int(channel.rawValue), .int(slots)])
    }
}
