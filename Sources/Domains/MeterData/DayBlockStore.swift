// Day blocks as stored: versions are immutable, the highest is current, a change sequence orders all writes of a month.
import CivilTime
import IntervalData
import Outbox
import SQL

public enum MeterDataSchema {
    public static let migrations =
        ImportSchema.migrations + OutageSchema.migrations + [
            RuleSchema.migration, PlanSchema.migration, DayContext.migration, ReadingSourceSchema.migration,
            ReadingEdit.migration,
            EstimationLog.migration,
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
            MeterMonth.migration, ReadingHold.migration,
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

    static func channel(_ rawValue: Int64) throws -> Channel {
        guard let channel = Channel(rawValue: rawValue) else {
            throw SQLError(.decode, "day block of unknown channel \(rawValue)")
        }
        return channel
    }

    private static func decode(_ row: any SQLRow) throws -> StoredBlock {
        StoredBlock(
            day: try row.day(0), meterID: try row.int(1), channel: try channel(row.int(2)), version: try row.int(3),
            block: try DayBlock(
                decoding: EncodedDay(values: row.bytes(4), qualities: row.bytes(5), sources: row.bytes(6))),
            madeAtMs: try row.int(7), madeBy: try row.text(8))
    }

    /// Both forms in one statement: the compacted month stands as a row of version 0.
    private static let orMonth =
        """
        UNION ALL SELECT day, meter_id, channel, 0, current_days, earlier_versions, checksum, last_change, ''
        FROM meter_month WHERE org_id = $1 AND day = $4 AND meter_id = $2 AND channel = $3
        """

    /// What the statement gave: the versions that lie open, and the compacted ones of which `wanted` says yes.
    private static func both(
        _ sql: String, _ parameters: [SQLValue], month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction,
        _ compacted: (MeterMonth) throws -> [DayVersion]
    ) throws -> [StoredBlock] {
        try transaction.query(sql, parameters) { row in
            guard try row.int(3) == 0 else { return [try decode(row)] }
            let found = MeterMonth(
                month: month, meterID: try row.int(1), channel: try channel(row.int(2)), lastChange: try row.int(7),
                currentDays: try row.bytes(4), earlierVersions: try row.bytes(5), checksum: try row.bytes(6))
            return try compacted(found).map(found.stored)
        }.flatMap(\.self)
    }

    /// Current blocks of one channel of a meter from day to day, both in one month, in order of day.
    public static func current(
        meterID: Int64, channel: Channel = .importWh, from: CivilDay, to: CivilDay, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [StoredBlock] {
        guard from <= to else { return [] }
        let month = from.month
        var parameters: [SQLValue] = [.int(orgID), .int(meterID), .int(channel.rawValue), .day(month.first)]
        // Each day by name: a range of days would walk through all meters of all of them.
        let days = parameters.bind((from.number...to.number).map { Int64($0) })
        let found = try both(
            """
            SELECT \(columns) FROM day_block
            WHERE org_id = $1 AND day IN (\(days)) AND meter_id = $2 AND channel = $3 \(orMonth)
            """, parameters, month: month, orgID: orgID, in: transaction
        ) { row in
            let wanted = month.first.days(to: from) + 1...month.first.days(to: to) + 1
            return try row.current(orgID).filter { wanted.contains($0.dayOfMonth) }
        }.sorted { ($0.day, $0.version) < ($1.day, $1.version) }
        // Of a day's versions, in whichever form, the highest is in force; it comes last. Asking the database for it
        // costs PostgreSQL several times what the few earlier versions weigh.
        return found.indices.filter { $0 + 1 == found.count || found[$0 + 1].day != found[$0].day }.map { found[$0] }
    }

    /// The same for some meters, in order of meter and day; at most a few hundred.
    static func current(
        meterIDs: [Int64], channel: Channel = .importWh, from: CivilDay, to: CivilDay, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [StoredBlock] {
        guard from <= to, !meterIDs.isEmpty else { return [] }
        let month = from.month
        var parameters: [SQLValue] = [.int(orgID), .int(channel.rawValue)]
        let those = parameters.bind(meterIDs, of: "meter_id")
        var dated = parameters
        let days = dated.bind(try daysWithBlocks(from: from, to: to, orgID: orgID, in: transaction))
        var found = try transaction.query(
            """
            SELECT \(columns) FROM day_block WHERE org_id = $1 AND day IN (\(days)) AND \(those)
              AND channel = $2
            """, dated, decode)
        parameters.append(.day(month.first))
        let wanted = month.first.days(to: from) + 1...month.first.days(to: to) + 1
        found += try transaction.query(
            """
            SELECT \(MeterMonth.columns) FROM meter_month
            WHERE org_id = $1 AND day = $\(parameters.count) AND \(those) AND channel = $2
            """, parameters
        ) { row in
            let month = try MeterMonth.decode(row, month)
            return try month.current(orgID).filter { wanted.contains($0.dayOfMonth) }.map(month.stored)
        }.flatMap(\.self)
        found.sort { ($0.meterID, $0.day, $0.version) < ($1.meterID, $1.day, $1.version) }
        return found.indices.filter { index in
            index + 1 == found.count || found[index + 1].meterID != found[index].meterID
                || found[index + 1].day != found[index].day
        }.map { found[$0] }
    }

    /// Of days of one month those of which anything lies open, of whatever meter: a step to the next such day each.
    private static func daysWithBlocks(
        from: CivilDay, to: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        var found: [Int64] = []
        var next = Int64(from.number)
        while let day = try transaction.first(
            "SELECT day FROM day_block WHERE org_id = $1 AND day >= $2 AND day <= $3 ORDER BY day LIMIT 1",
            [.int(orgID), .int(next), .day(to)], { try $0.int(0) })
        {
            found.append(day)
            next = day + 1
        }
        return found
    }

    /// The same for any number of meters, each on days of its own, all in one month; by meter, in order of day.
    public static func current(
        of spans: [(meterID: Int64, from: CivilDay, to: CivilDay)], channel: Channel = .importWh, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [Int64: [StoredBlock]] {
        let inOrder = spans.sorted { $0.meterID < $1.meterID }
        var found: [Int64: [StoredBlock]] = [:]
        found.reserveCapacity(spans.count)
        for start in stride(from: 0, to: inOrder.count, by: metersAtOnce) {
            let part = inOrder[start..<min(start + metersAtOnce, inOrder.count)]
            guard let from = part.map({ $0.from }).min(), let to = part.map({ $0.to }).max() else { continue }
            var rest = try current(
                meterIDs: part.map { $0.meterID }, channel: channel, from: from, to: to, orgID: orgID,
                in: transaction)[...]
            for span in part {
                let own = rest.prefix { $0.meterID == span.meterID }
                rest = rest.dropFirst(own.count)
                found[span.meterID] = own.filter { span.from <= $0.day && $0.day <= span.to }
            }
        }
        return found
    }

    private static let metersAtOnce = 500

    /// Every version of one day of a channel, oldest first.
    public static func versions(
        meterID: Int64, channel: Channel = .importWh, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [StoredBlock] {
        let month = day.month
        return try both(
            """
            SELECT \(columns) FROM day_block
            WHERE org_id = $1 AND day = $5 AND meter_id = $2 AND channel = $3 \(orMonth)
            """, [.int(orgID), .int(meterID), .int(channel.rawValue), .day(month.first), .day(day)], month: month,
            orgID: orgID, in: transaction
        ) { row in try row.all(orgID).filter { $0.dayOfMonth == month.first.days(to: day) + 1 } }
        .sorted { $0.version < $1.version }
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

    /// Versions of a compacted month, as they were before.
    static func insertAgain(
        _ versions: [DayVersion], of row: MeterMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        try transaction.runMany(
            insert,
            versions.map { version in
                let bytes = version.block.encode()
                return [
                    .int(orgID), .day(row.stored(version).day), .int(row.meterID), .int(row.channel.rawValue),
                    .int(version.version), .int(version.change), .int(Int64(version.block.lowestQuality.rawValue)),
                    .int(version.block.totalValue), .bytes(bytes.values), .bytes(bytes.qualities),
                    .bytes(bytes.sources), .int(version.madeAtMs), .text(version.madeBy),
                ]
            })
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

    /// Which meter-days changed after a change number, in order of change. All days of a compacted month of a meter are
    /// told together, at the change of the latest of them, and may make the answer longer than `limit`.
    public static func changes(
        after change: Int64, month: CivilMonth, channel: Channel = .importWh, limit: Int, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [(change: Int64, day: CivilDay, meterID: Int64)] {
        let parameters: [SQLValue] = [
            .int(orgID), .int(change), .day(month.first), .day(month.last), .int(channel.rawValue), .int(limit),
        ]
        let open = try transaction.query(
            """
            SELECT change, day, meter_id FROM day_block
            WHERE org_id = $1 AND change > $2 AND day >= $3 AND day <= $4 AND channel = $5 ORDER BY change LIMIT $6
            """, parameters
        ) { (change: try $0.int(0), day: try $0.day(1), meterID: try $0.int(2)) }
        // A month holds up to 31 days: enough of them to fill the answer.
        let compacted = try transaction.query(
            """
            SELECT \(MeterMonth.columns) FROM meter_month
            WHERE org_id = $1 AND last_change > $2 AND day >= $3 AND day <= $4 AND channel = $5
            ORDER BY last_change LIMIT $6
            """, parameters
        ) { try MeterMonth.decode($0, month) }
        guard !compacted.isEmpty else { return open }
        var found: [(change: Int64, day: CivilDay, meterID: Int64)] = []
        var rest = open[...]
        for row in compacted where found.count < limit {
            while let next = rest.first, next.change < row.lastChange { found.append(rest.removeFirst()) }
            guard found.count < limit else { break }
            for version in try row.current(orgID) {
                found.append((row.lastChange, row.stored(version).day, row.meterID))
            }
        }
        return found.count < limit ? found + rest.prefix(limit - found.count) : found
    }

    /// The lowest quality in the current version of every meter's day.
    public static func lowestQualities(
        day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [Int64: Quality] {
        var found: [Int64: Quality] = [:]
        try forEachCompacted(day: day, orgID: orgID, in: transaction) { row, versions in
            found[row.meterID] = versions.last?.block.lowestQuality
        }
        let rows = try transaction.query(
            """
            SELECT meter_id, lowest_quality FROM day_block
            WHERE org_id = $1 AND day = $2 AND channel = $3 ORDER BY meter_id, version
            """, [.int(orgID), .day(day), .int(Channel.importWh.rawValue)]
        ) { (try $0.int(0), try $0.int(1)) }
        // Versions come in order, so the last one of a meter is its current one; those that lie open are the later
        // ones.
        for row in rows { found[row.0] = UInt8(exactly: row.1).flatMap(Quality.init) ?? .missing }
        return found
    }

    /// The days of one month of which something is stored, by meter, told by their keys alone. Of a compacted month all
    /// that are asked for: what it holds is packed.
    public static func stored(
        meterIDs: [Int64], days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [Int64: Set<CivilDay>] {
        guard let month = days.first?.month, !meterIDs.isEmpty else { return [:] }
        var parameters: [SQLValue] = [.int(orgID), .int(Channel.importWh.rawValue), .day(month.first)]
        let ids = parameters.bind(meterIDs)
        let compacted = try transaction.query(
            "SELECT meter_id FROM meter_month WHERE org_id = $1 AND channel = $2 AND day = $3 AND meter_id IN (\(ids))",
            parameters
        ) { try $0.int(0) }
        var found = Dictionary(compacted.map { ($0, Set(days)) }, uniquingKeysWith: { $1 })
        parameters = [.int(orgID), .int(Channel.importWh.rawValue)]
        let (numbers, meters) = (parameters.bind(days.map { Int64($0.number) }), parameters.bind(meterIDs))
        let open = try transaction.query(
            """
            SELECT DISTINCT meter_id, day FROM day_block
            WHERE org_id = $1 AND channel = $2 AND day IN (\(numbers)) AND meter_id IN (\(meters))
            """, parameters
        ) { (try $0.int(0), try $0.day(1)) }
        for (meterID, day) in open { found[meterID, default: []].insert(day) }
        return found
    }

    /// Meter-days of one civil day by the lowest quality in their current version, for the line.
    public static func countsByQuality(day: CivilDay, orgID: Int64, in transaction: any SQLTransaction) throws
        -> [Quality: Int64]
    {
        try lowestQualities(day: day, orgID: orgID, in: transaction).values.reduce(into: [:]) {
            $0[$1, default: 0] += 1
        }
    }

    /// The versions of a day, oldest first, in the compacted months of some meters, in order of meter. Meters that have
    /// nothing of the day are left out.
    static func forEachCompacted(
        day: CivilDay, channel: Channel = .importWh, meters: ClosedRange<Int64> = Int64.min...Int64.max, orgID: Int64,
        in transaction: any SQLTransaction, _ body: (MeterMonth, [DayVersion]) throws -> Void
    ) throws {
        let dayOfMonth = day.month.first.days(to: day) + 1
        var from = meters.lowerBound
        while true {
            let page = try MeterMonth.page(
                month: day.month, channel: channel, meters: from...meters.upperBound, limit: 500, orgID: orgID,
                in: transaction)
            for row in page {
                let versions = try row.all(orgID).filter { $0.dayOfMonth == dayOfMonth }
                if !versions.isEmpty { try body(row, versions) }
            }
            guard let end = page.last, page.count == 500, end.meterID < meters.upperBound else { return }
            from = end.meterID + 1
        }
    }
}
