// Closed months as stored: one row a meter, channel and month with all its days and all their versions, and a checksum.
// What comes later lies on top as a day block of a higher version. Decides nothing; MonthKeeper does.
import CivilTime
import Cryptography
import IntervalData
import SQL

/// One compacted row.
struct MeterMonth: Sendable, Equatable {
    var month: CivilMonth
    var meterID: Int64
    var channel: Channel
    /// The highest change number of its versions.
    var lastChange: Int64
    /// The version in force of each day, and all that came before them.
    var currentDays: [UInt8]
    var earlierVersions: [UInt8]
    var checksum: [UInt8]

    static let migration = Migration(
        109, .readings, "compacted months",
        [
            """
            CREATE TABLE meter_month (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
              channel {int} NOT NULL, last_change {int} NOT NULL, current_days {bytes} NOT NULL,
              earlier_versions {bytes} NOT NULL, checksum {bytes} NOT NULL,
              PRIMARY KEY (org_id, day, meter_id, channel)) {by_month}
            """,
            "CREATE INDEX meter_month_change ON meter_month (org_id, last_change)",
            """
            CREATE TABLE month_keeping (org_id {id} NOT NULL, day {int} NOT NULL, state {text} NOT NULL,
              row_count {int} NOT NULL, checksum {bytes} NOT NULL, changed_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, day)) {by_month}
            """,
        ])

    static let columns = "meter_id, channel, last_change, current_days, earlier_versions, checksum"

    static func decode(_ row: any SQLRow, _ month: CivilMonth) throws -> MeterMonth {
        MeterMonth(
            month: month, meterID: try row.int(0), channel: try DayBlocks.channel(row.int(1)),
            lastChange: try row.int(2), currentDays: try row.bytes(3), earlierVersions: try row.bytes(4),
            checksum: try row.bytes(5))
    }

    init(
        month: CivilMonth, meterID: Int64, channel: Channel, lastChange: Int64, currentDays: [UInt8],
        earlierVersions: [UInt8], checksum: [UInt8]
    ) {
        self.month = month
        self.meterID = meterID
        self.channel = channel
        self.lastChange = lastChange
        self.currentDays = currentDays
        self.earlierVersions = earlierVersions
        self.checksum = checksum
    }

    /// - Parameter versions: at least one, in order of (day, version).
    init(month: CivilMonth, meterID: Int64, channel: Channel, versions: [DayVersion], orgID: Int64) {
        var current: [DayVersion] = []
        var earlier: [DayVersion] = []
        for version in versions {
            if let last = current.last, last.dayOfMonth == version.dayOfMonth {
                earlier.append(last)
                current.removeLast()
            }
            current.append(version)
        }
        self.init(
            month: month, meterID: meterID, channel: channel, lastChange: versions.map(\.change).max() ?? 0,
            currentDays: MonthCodec.encode(current),
            earlierVersions: earlier.isEmpty ? [] : MonthCodec.encode(earlier), checksum: [])
        checksum = computedChecksum(orgID)
    }

    /// SHA-256 over the key and both parts: a row that was changed, or put in another's place, does not fit it.
    func computedChecksum(_ orgID: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(48 + currentDays.count + earlierVersions.count)
        for number in [
            orgID, Int64(month.index), meterID, channel.rawValue, lastChange, Int64(currentDays.count),
        ] {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes += currentDays
        bytes += earlierVersions
        return Hash.sha256(bytes)
    }

    private func broken(_ why: String) -> SQLError {
        SQLError(
            .corrupt, "the compacted readings of meter \(meterID) in \(month) do not hold (\(why)): restore a backup")
    }

    func check(_ orgID: Int64) throws {
        guard computedChecksum(orgID) == checksum else { throw broken("another checksum") }
    }

    private func versions(_ bytes: [UInt8]) throws -> [DayVersion] {
        do { return try MonthCodec.decode(bytes) } catch { throw broken(error.description) }
    }

    /// The version in force of each day, the checksum compared first.
    func current(_ orgID: Int64) throws -> [DayVersion] {
        try check(orgID)
        return try versions(currentDays)
    }

    /// Every version, in order of (day, version).
    func all(_ orgID: Int64) throws -> [DayVersion] {
        let current = try current(orgID)
        guard !earlierVersions.isEmpty else { return current }
        return (current + (try versions(earlierVersions))).sorted {
            ($0.dayOfMonth, $0.version) < ($1.dayOfMonth, $1.version)
        }
    }

    func stored(_ version: DayVersion) -> StoredBlock {
        StoredBlock(
            day: month.first.advanced(by: version.dayOfMonth - 1), meterID: meterID, channel: channel,
            version: version.version, block: version.block, madeAtMs: version.madeAtMs, madeBy: version.madeBy)
    }

    /// Compacted rows of one day's month and channel, in order of meter, a page of them.
    static func page(
        month: CivilMonth, channel: Channel, meters: ClosedRange<Int64>, limit: Int, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [MeterMonth] {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_month
            WHERE org_id = $1 AND day = $2 AND meter_id >= $3 AND meter_id <= $4 AND channel = $5
            ORDER BY meter_id LIMIT $6
            """,
            [
                .int(orgID), .day(month.first), .int(meters.lowerBound), .int(meters.upperBound),
                .int(channel.rawValue), .int(limit),
            ]
        ) { try decode($0, month) }
    }

    /// Compacted rows that hold a version of a later change.
    static func changed(
        after change: Int64, month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [MeterMonth] {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_month
            WHERE org_id = $1 AND last_change > $2 AND day >= $3 AND day <= $4 ORDER BY last_change
            """, [.int(orgID), .int(change), .day(month.first), .day(month.last)]
        ) { try decode($0, month) }
    }

    static func store(_ rows: [MeterMonth], orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.runMany(
            """
            INSERT INTO meter_month (org_id, day, meter_id, channel, last_change, current_days, earlier_versions,
              checksum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (org_id, day, meter_id, channel) DO UPDATE SET last_change = excluded.last_change,
              current_days = excluded.current_days, earlier_versions = excluded.earlier_versions,
              checksum = excluded.checksum
            """,
            rows.map { row in
                [
                    .int(orgID), .day(row.month.first), .int(row.meterID), .int(row.channel.rawValue),
                    .int(row.lastChange), .bytes(row.currentDays), .bytes(row.earlierVersions), .bytes(row.checksum),
                ]
            })
    }
}
