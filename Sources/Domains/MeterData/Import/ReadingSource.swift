// Where stored values came from, beyond the batch of each slot: lines of the file and the sender's own quality codes;
// and registers as they were read. Reads no file.
import CivilTime
import IntervalData
import SQL

enum ReadingSourceSchema {
    static let migration = Migration(
        106, .readings, "sources of readings, registers",
        [
            """
            CREATE TABLE reading_source (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
              channel {int} NOT NULL, batch_id {id} NOT NULL, first_row {int} NOT NULL, last_row {int} NOT NULL,
              codes {text} NOT NULL, received_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, day, meter_id, channel, batch_id)) {by_month}
            """,
            """
            CREATE TABLE register_reading (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
              channel {int} NOT NULL, at_s {int} NOT NULL, value {int} NOT NULL, quality {int} NOT NULL,
              code {text} NOT NULL, batch_id {id} NOT NULL, received_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, day, meter_id, channel, at_s)) {by_month}
            """,
        ])
}

/// What one batch brought for one day of a channel.
public struct ReadingSource: Sendable, Equatable {
    public var day: CivilDay
    public var meterID: Int64
    public var channel: Channel
    /// The import run.
    public var batchID: Int64
    /// Lines of its file; `0...0` where only the file is known: plain files of kWh are read too fast to keep lines.
    public var rows: ClosedRange<Int>
    /// The sender's quality codes as runs over the slots, `A*44 E52/89*4`; empty where the sender said nothing.
    public var codes: String
    public var receivedAtMs: Int64

    public init(
        day: CivilDay, meterID: Int64, channel: Channel, batchID: Int64, rows: ClosedRange<Int>, codes: String,
        receivedAtMs: Int64
    ) {
        (self.day, self.meterID, self.channel, self.batchID) = (day, meterID, channel, batchID)
        (self.rows, self.codes, self.receivedAtMs) = (rows, codes, receivedAtMs)
    }

    /// Notes it once; a batch that comes again changes nothing.
    public func store(orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO reading_source (org_id, day, meter_id, channel, batch_id, first_row, last_row, codes,
              received_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
            """,
            [
                .int(orgID), .day(day), .int(meterID), .int(channel.rawValue), .int(batchID), .int(rows.lowerBound),
                .int(rows.upperBound), .text(codes), .int(receivedAtMs),
            ])
    }

    /// The sources of a day of a channel in order of receipt, also those of imports that kept nothing but the batch.
    public static func of(
        meterID: Int64, channel: Channel, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [ReadingSource] {
        let noted = try transaction.query(
            """
            SELECT batch_id, first_row, last_row, codes, received_at_ms FROM reading_source
            WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND channel = $4 ORDER BY received_at_ms, batch_id
            """, [.int(orgID), .day(day), .int(meterID), .int(channel.rawValue)]
        ) { row in
            let first = Int(try row.int(1))
            return ReadingSource(
                day: day, meterID: meterID, channel: channel, batchID: try row.int(0),
                rows: first...max(first, Int(try row.int(2))), codes: try row.text(3), receivedAtMs: try row.int(4))
        }
        var known = Set(noted.map(\.batchID))
        var found = noted
        for version in try DayBlocks.versions(
            meterID: meterID, channel: channel, day: day, orgID: orgID, in: transaction)
        {
            for run in version.block.sources where run.batch > 0 && known.insert(run.batch).inserted {
                guard version.madeBy == "import" else { continue }
                found.append(
                    ReadingSource(
                        day: day, meterID: meterID, channel: channel, batchID: run.batch, rows: 0...0, codes: "",
                        receivedAtMs: version.madeAtMs))
            }
        }
        return found.sorted { ($0.receivedAtMs, $0.batchID) < ($1.receivedAtMs, $1.batchID) }
    }
}

/// A cumulative register at an instant, as a file or a person gave it.
public struct StoredRegister: Sendable, Equatable {
    public var meterID: Int64
    public var channel: Channel
    public var atS: Int64
    /// In the unit of the channel.
    public var value: Int64
    public var quality: Quality
    /// The sender's own word for the quality.
    public var code: String
    public var batchID: Int64
    public var receivedAtMs: Int64

    public init(
        meterID: Int64, channel: Channel, atS: Int64, value: Int64, quality: Quality, code: String, batchID: Int64,
        receivedAtMs: Int64
    ) {
        (self.meterID, self.channel, self.atS, self.value) = (meterID, channel, atS, value)
        (self.quality, self.code, self.batchID, self.receivedAtMs) = (quality, code, batchID, receivedAtMs)
    }

    public enum Outcome: Sendable, Equatable {
        case new, known
        /// The first stays.
        case conflict(held: Int64)
    }

    /// Stores it in the month of its civil day; a register that stands already stays as it is.
    @discardableResult
    public func store(day: CivilDay, orgID: Int64, in transaction: any SQLTransaction) throws -> Outcome {
        let added = try transaction.run(
            """
            INSERT INTO register_reading (org_id, day, meter_id, channel, at_s, value, quality, code, batch_id,
              received_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
            """,
            [
                .int(orgID), .day(day), .int(meterID), .int(channel.rawValue), .int(atS), .int(value),
                .int(Int64(quality.rawValue)), .text(code), .int(batchID), .int(receivedAtMs),
            ])
        if added > 0 { return .new }
        let held = try transaction.first(
            """
            SELECT value FROM register_reading
            WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND channel = $4 AND at_s = $5
            """, [.int(orgID), .day(day), .int(meterID), .int(channel.rawValue), .int(atS)]
        ) { try $0.int(0) }
        return held == value ? .known : .conflict(held: held ?? 0)
    }

    /// Registers of a meter from day to day, both in one month, in order of time.
    public static func of(
        meterID: Int64, channel: Channel = .importWh, from: CivilDay, to: CivilDay, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [StoredRegister] {
        try transaction.query(
            """
            SELECT at_s, value, quality, code, batch_id, received_at_ms FROM register_reading
            WHERE org_id = $1 AND day >= $2 AND day <= $3 AND meter_id = $4 AND channel = $5 ORDER BY at_s
            """, [.int(orgID), .day(from), .day(to), .int(meterID), .int(channel.rawValue)]
        ) { row in
            StoredRegister(
                meterID: meterID, channel: channel, atS: try row.int(0), value: try row.int(1),
                quality: UInt8(exactly: try row.int(2)).flatMap(Quality.init) ?? .missing, code: try row.text(3),
                batchID: try row.int(4), receivedAtMs: try row.int(5))
        }
    }
}
