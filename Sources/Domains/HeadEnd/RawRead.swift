// The raw store: what a meter answered, as it answered, until the meter-data domain has acknowledged it. Never changed.
import CivilTime
import MeterPort
import Outbox
import SQL

/// One answer of a meter about one civil day.
public struct RawRead: Sendable, Equatable {
    public var day: CivilDay
    public var meterID: Int64
    public var batchID: Int64
    public var change: Int64
    public var readAtMs: Int64
    public var rows: [BlockLoadRow]
    /// Midnight registers at the start and the end of the day, when the meter gave them.
    public var registerStartWh: Int64?
    public var registerEndWh: Int64?
    public var clockDriftS: Int64?
    /// Set when the register rolled over within the day: what one turn is worth, to be added to the end.
    public var registerWrapWh: Int64?

    public init(
        day: CivilDay, meterID: Int64, batchID: Int64, change: Int64 = 0, readAtMs: Int64, rows: [BlockLoadRow],
        registerStartWh: Int64?, registerEndWh: Int64?, clockDriftS: Int64?, registerWrapWh: Int64? = nil
    ) {
        self.registerWrapWh = registerWrapWh
        self.day = day
        self.meterID = meterID
        self.batchID = batchID
        self.change = change
        self.readAtMs = readAtMs
        self.rows = rows
        self.registerStartWh = registerStartWh
        self.registerEndWh = registerEndWh
        self.clockDriftS = clockDriftS
    }

    /// Format 1: a byte 1, then 12 bytes a row: end stamp (Int64) and import Wh (Int32), little endian.
    public static func encode(_ rows: [BlockLoadRow]) -> [UInt8] {
        var bytes: [UInt8] = [1]
        bytes.reserveCapacity(1 + rows.count * 12)
        for row in rows {
            withUnsafeBytes(of: row.endS.littleEndian) { bytes.append(contentsOf: $0) }
            withUnsafeBytes(of: row.importWh.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    public static func decode(_ bytes: [UInt8]) throws -> [BlockLoadRow] {
        guard bytes.first == 1, (bytes.count - 1) % 12 == 0 else {
            throw SQLError(.decode, "a raw read of \(bytes.count) bytes is not of format 1")
        }
        return stride(from: 1, to: bytes.count, by: 12).map { at in
            let stamp = bytes[at..<at + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let value = bytes[at + 8..<at + 12].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return BlockLoadRow(endS: Int64(bitPattern: stamp), importWh: Int32(bitPattern: value))
        }
    }

    /// Stores the answer in the month of its day, with the frames it came in, and numbers it in the change stream.
    public func store(
        orgID: Int64, frames: MeterRecord = MeterRecord(), in transaction: any SQLTransaction
    ) throws {
        let change = try ChangeStream.rawRead.take(1, orgID: orgID, month: day.month, in: transaction)
        try transaction.run(
            """
            INSERT INTO raw_read (org_id, day, meter_id, batch_id, change, read_at_ms, rows, register_start_wh,
              register_end_wh, clock_drift_s, acknowledged, register_wrap_wh)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11) ON CONFLICT DO NOTHING
            """,
            [
                .int(orgID), .day(day), .int(meterID), .int(batchID), .int(change), .int(readAtMs),
                .bytes(Self.encode(rows)), .optional(registerStartWh), .optional(registerEndWh), .optional(clockDriftS),
                .optional(registerWrapWh),
            ])
        try RawFrames.store(frames, of: self, orgID: orgID, in: transaction)
    }

    private static let columns =
        """
        day, meter_id, batch_id, change, read_at_ms, rows, register_start_wh, register_end_wh, clock_drift_s,
        register_wrap_wh
        """

    private static func decode(row: any SQLRow) throws -> RawRead {
        RawRead(
            day: try row.day(0), meterID: try row.int(1), batchID: try row.int(2), change: try row.int(3),
            readAtMs: try row.int(4), rows: try decode(row.bytes(5)), registerStartWh: try row.optionalInt(6),
            registerEndWh: try row.optionalInt(7), clockDriftS: try row.optionalInt(8),
            registerWrapWh: try row.optionalInt(9))
    }

    /// The answers of a meter about a day, newest first; or the one of a batch.
    public static func of(
        meterID: Int64, day: CivilDay, batchID: Int64? = nil, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [RawRead] {
        try transaction.query(
            """
            SELECT \(columns) FROM raw_read WHERE org_id = $1 AND day = $2 AND meter_id = $3
              AND batch_id >= $4 AND batch_id <= $5 ORDER BY batch_id DESC LIMIT 200
            """, [.int(orgID), .day(day), .int(meterID), .int(batchID ?? 0), .int(batchID ?? .max)],
            { try decode(row: $0) })
    }

    /// Numbers of the answers of a meter about these days of one month.
    public static func batches(
        meterID: Int64, days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        var parameters: [SQLValue] = [.int(orgID), .int(meterID)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            "SELECT batch_id FROM raw_read WHERE org_id = $1 AND day IN (\(marks)) AND meter_id = $2", parameters
        ) { try $0.int(0) }
    }

    /// Answers after a change number, in order.
    public static func after(
        change: Int64, month: CivilMonth, limit: Int, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [RawRead] {
        try transaction.query(
            """
            SELECT \(columns) FROM raw_read
            WHERE org_id = $1 AND change > $2 AND day >= $3 AND day <= $4 ORDER BY change LIMIT $5
            """, [.int(orgID), .int(change), .day(month.first), .day(month.last), .int(limit)],
            { try decode(row: $0) })
    }

    /// What the meter said last in a month: its midnight register and how far its clock was off.
    public static func latest(
        meterID: Int64, month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> (day: CivilDay, registerEndWh: Int64?, clockDriftS: Int64?)? {
        try transaction.first(
            """
            SELECT day, register_end_wh, clock_drift_s FROM raw_read
            WHERE org_id = $1 AND day >= $2 AND day <= $3 AND meter_id = $4 AND register_end_wh IS NOT NULL
            ORDER BY day DESC, batch_id DESC LIMIT 1
            """, [.int(orgID), .day(month.first), .day(month.last), .int(meterID)]
        ) { (day: try $0.day(0), registerEndWh: try $0.optionalInt(1), clockDriftS: try $0.optionalInt(2)) }
    }

    /// The meter-data domain has taken everything up to this change.
    public static func acknowledge(
        throughChange change: Int64, month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE raw_read SET acknowledged = 1
            WHERE org_id = $1 AND change <= $2 AND day >= $3 AND day <= $4 AND acknowledged = 0
            """, [.int(orgID), .int(change), .day(month.first), .day(month.last)])
    }
}

/// An event the meter logged.
public enum MeterEvents {
    public static func store(
        _ events: [MeterEventEntry], meterID: Int64, zone: Zone, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        try transaction.runMany(
            """
            INSERT INTO meter_event (org_id, day, meter_id, at_ms, code) VALUES ($1, $2, $3, $4,
              $5) ON CONFLICT DO NOTHING
            """,
            events.map {
                [.int(orgID), .day(zone.day(atS: $0.atS)), .int(meterID), .int($0.atS * 1000), .int($0.code)]
            })
    }

    /// Events of a meter on the days given (one month), newest first.
    public static func of(
        meterID: Int64, from: CivilDay, to: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [(atMs: Int64, code: Int)] {
        try transaction.query(
            """
            SELECT at_ms, code FROM meter_event WHERE org_id = $1 AND day >= $2 AND day <= $3 AND meter_id = $4
            ORDER BY at_ms DESC LIMIT 500
            """, [.int(orgID), .day(from), .day(to), .int(meterID)]
        ) { (atMs: try $0.int(0), code: Int(try $0.int(1))) }
    }
}
