// Day blocks as stored: versions are immutable, the highest is current, a change sequence orders all writes of a month.
import CivilTime
import IntervalData
import Outbox
import SQL

public enum MeterDataSchema {
    public static let migrations =
        ImportSchema.migrations + OutageSchema.migrations + [
            ReadingSourceSchema.migration, ReadingEdit.migration, EstimationLog.migration, RuleBook.migration,
            DayContext.migration,
            Migration(
                102, .readings, "meter data",
                [
                    """
                    CREATE TABLE day_block (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
                      channel {int} NOT NULL,
                      version {int} NOT NULL, change {int} NOT NULL, lowest_quality {int} NOT NULL,
                      total_value {int} NOT NULL,
                      interval_values {bytes} NOT NULL, qualities {bytes} NOT NULL, sources {bytes} NOT NULL,
                      made_at_ms {int} NOT NULL, made_by {text} NOT NULL,
                      PRIMARY KEY (org_id, day, meter_id, channel, version)) {by_month}
                    """,
                    "CREATE INDEX day_block_change ON day_block (org_id, change)",
                    """
                    CREATE TABLE vee_exception (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
                      rule {text} NOT NULL,
                      from_slot {int} NOT NULL, to_slot {int} NOT NULL, severity {text} NOT NULL,
                      message {text} NOT NULL,
                      raw_values {text} NOT NULL, raised_at_ms {int} NOT NULL, resolved_at_ms {int}, resolution {text},
                      PRIMARY KEY (org_id, day, meter_id, rule, from_slot)) {by_month}
                    """,
                ]),
        ]
}

/// One stored version of a day block.
public struct StoredBlock: Sendable, Equatable {
    public var day: CivilDay
    public var meterID: Int64
    public var channel: Channel
    public var version: Int64
    public var block: DayBlock
    public var madeAtMs: Int64
    /// `read`, `import`, `estimate`, `edit`, `undo`: what made this version.
    public var madeBy: String
}

public enum DayBlocks {
    private static let columns =
        "day, meter_id, channel, version, interval_values, qualities, sources, made_at_ms, made_by"

    private static func decode(_ row: any SQLRow) throws -> StoredBlock {
        guard let channel = Channel(rawValue: try row.int(2)) else {
            throw SQLError(.decode, "day block of unknown channel \(try row.int(2))")
        }
        return StoredBlock(
            day: try row.day(0), meterID: try row.int(1), channel: channel, version: try row.int(3),
            block: try DayBlock(
                decoding: EncodedDay(values: row.bytes(4), qualities: row.bytes(5), sources: row.bytes(6))),
            madeAtMs: try row.int(7), madeBy: try row.text(8))
    }

    /// Current blocks of one channel of a meter from day to day, both in one month, in order of day.
    public static func current(
        meterID: Int64, channel: Channel = .importWh, from: CivilDay, to: CivilDay, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [StoredBlock] {
        guard from <= to else { return [] }
        var parameters: [SQLValue] = [.int(orgID), .int(meterID), .int(channel.rawValue)]
        // Each day by name: a range of days would walk through all meters of all of them.
        let days = parameters.bind((from.number...to.number).map { Int64($0) })
        return try transaction.query(
            """
            SELECT \(columns) FROM day_block b
            WHERE org_id = $1 AND day IN (\(days)) AND meter_id = $2 AND channel = $3 AND version = (
              SELECT MAX(version) FROM day_block l WHERE l.org_id = b.org_id AND l.day = b.day
                AND l.meter_id = b.meter_id AND l.channel = b.channel)
            ORDER BY day
            """, parameters, decode)
    }

    /// Every version of one day of a channel, oldest first.
    public static func versions(
        meterID: Int64, channel: Channel = .importWh, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [StoredBlock] {
        try transaction.query(
            """
            SELECT \(columns) FROM day_block WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND channel = $4
            ORDER BY version
            """, [.int(orgID), .day(day), .int(meterID), .int(channel.rawValue)], decode)
    }

    /// Stores the next version of a day, or nothing when values and qualities are those of the current one.
    /// Returns the new version's number, or nil.
    @discardableResult
    public static func store(
        _ block: DayBlock, after current: StoredBlock?, day: CivilDay, meterID: Int64, channel: Channel = .importWh,
        madeBy: String, madeAtMs: Int64, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int64? {
        if let current, current.block.values == block.values, current.block.qualities == block.qualities { return nil }
        let version = (current?.version ?? 0) + 1
        let change = try ChangeStream.dayBlock.take(1, orgID: orgID, month: day.month, in: transaction)
        let bytes = block.encode()
        try transaction.run(
            insert,
            [
                .int(orgID), .day(day), .int(meterID), .int(channel.rawValue), .int(version), .int(change),
                .int(Int64(block.lowestQuality.rawValue)), .int(block.totalValue), .bytes(bytes.values),
                .bytes(bytes.qualities), .bytes(bytes.sources), .int(madeAtMs), .text(madeBy),
            ])
        try EstimationLog.learn(
            from: block, after: current, day: day, meterID: meterID, channel: channel, atMs: madeAtMs, orgID: orgID,
            in: transaction)
        return version
    }

    /// First versions of many meter-days of one month at once, for bulk loads. Days that have a block already are
    /// refused
    /// by the key.
    public static func storeFirstVersions(
        _ blocks: [(day: CivilDay, meterID: Int64, block: DayBlock)], month: CivilMonth, madeBy: String,
        madeAtMs: Int64,
        orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        guard !blocks.isEmpty else { return }
        let first = try ChangeStream.dayBlock.take(blocks.count, orgID: orgID, month: month, in: transaction)
        let rows = blocks.enumerated().map { index, item -> [SQLValue] in
            let bytes = item.block.encode()
            return [
                .int(orgID), .day(item.day), .int(item.meterID), .int(Channel.importWh.rawValue), 1,
                .int(first + Int64(index)), .int(Int64(item.block.lowestQuality.rawValue)),
                .int(item.block.totalValue), .bytes(bytes.values), .bytes(bytes.qualities), .bytes(bytes.sources),
                .int(madeAtMs), .text(madeBy),
            ]
        }
        let whole = rows.count / bulkRows * bulkRows
        try transaction.runMany(
            insertBulk, stride(from: 0, to: whole, by: bulkRows).map { Array(rows[$0..<$0 + bulkRows].joined()) })
        try transaction.runMany(insert, Array(rows[whole...]))
    }

    private static let insert = insert(rows: 1)
    /// Several rows a statement: PostgreSQL finds the partition and opens its indexes once for all of them.
    private static let bulkRows = 20
    private static let insertBulk = insert(rows: bulkRows)

    private static func insert(rows: Int) -> String {
        let columnCount = 13
        let values = (0..<rows).map { row in
            "(" + (1...columnCount).map { "$\(row * columnCount + $0)" }.joined(separator: ", ") + ")"
        }
        return """
            INSERT INTO day_block (org_id, day, meter_id, channel, version, change, lowest_quality, total_value,
              interval_values, qualities, sources, made_at_ms, made_by)
            VALUES \(values.joined(separator: ", "))
            """
    }

    /// Which meter-days changed after a change number, in order of change.
    public static func changes(
        after change: Int64, month: CivilMonth, limit: Int, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [(change: Int64, day: CivilDay, meterID: Int64)] {
        try transaction.query(
            """
            SELECT change, day, meter_id FROM day_block
            WHERE org_id = $1 AND change > $2 AND day >= $3 AND day <= $4 AND channel = $5 ORDER BY change LIMIT $6
            """,
            [
                .int(orgID), .int(change), .day(month.first), .day(month.last), .int(Channel.importWh.rawValue),
                .int(limit),
            ]
        ) { (change: try $0.int(0), day: try $0.day(1), meterID: try $0.int(2)) }
    }

    /// The lowest quality in the current version of every meter's day.
    public static func lowestQualities(
        day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [Int64: Quality] {
        let rows = try transaction.query(
            """
            SELECT meter_id, lowest_quality FROM day_block
            WHERE org_id = $1 AND day = $2 AND channel = $3 ORDER BY meter_id, version
            """, [.int(orgID), .day(day), .int(Channel.importWh.rawValue)]
        ) { (try $0.int(0), try $0.int(1)) }
        // Versions come in order, so the last one of a meter is its current one.
        return rows.reduce(into: [:]) { found, row in
            found[row.0] = UInt8(exactly: row.1).flatMap(Quality.init) ?? .missing
        }
    }

    /// Meter-days of one civil day by the lowest quality in their current version, for the line.
    public static func countsByQuality(day: CivilDay, orgID: Int64, in transaction: any SQLTransaction) throws
        -> [Quality: Int64]
    {
        let rows = try transaction.query(
            """
            SELECT lowest_quality, COUNT(*) FROM day_block b
            WHERE org_id = $1 AND day = $2 AND channel = $3 AND version = (
              SELECT MAX(version) FROM day_block l WHERE l.org_id = b.org_id AND l.day = b.day
                AND l.meter_id = b.meter_id AND l.channel = b.channel)
            GROUP BY lowest_quality
            """, [.int(orgID), .day(day), .int(Channel.importWh.rawValue)]
        ) { (try $0.int(0), try $0.int(1)) }
        return rows.reduce(into: [:]) { counts, row in
            if let quality = UInt8(exactly: row.0).flatMap(Quality.init) { counts[quality] = row.1 }
        }
    }
}
