// Day blocks of many meters at a time as stored bytes, for sums. Makes no day block and keeps nothing.
import CivilTime
import IntervalData
import Outbox
import SQL

/// One meter's day as it is stored.
public struct RawDay: Sendable {
    public var meterID: Int64
    public var version: Int64
    public var total: Int64
    public var lowestQuality: Quality
    public var values: [UInt8]
    /// Nil when every value is as measured.
    public var qualities: [UInt8]?
    public var slotCount: Int

    /// How many values are estimates, how many a person gave, and how many are not there.
    public var doubtful: (estimated: Int, edited: Int, missing: Int) {
        var counts = (estimated: 0, edited: 0, missing: 0)
        guard qualities != nil else { return counts }
        for slot in 0..<slotCount {
            switch quality(slot) {
            case .missing: counts.missing += 1
            case .estimated: counts.estimated += 1
            case .edited: counts.edited += 1
            case .actual: break
            }
        }
        return counts
    }

    /// Of a slot of the day.
    public func quality(_ slot: Int) -> Quality {
        guard let qualities, 1 + slot / 4 < qualities.count else { return .actual }
        return Quality(rawValue: qualities[1 + slot / 4] >> UInt8(slot % 4 * 2) & 3) ?? .missing
    }
}

extension VEEException {
    /// How many exceptions of a rule each meter has in days of one month, and how many of them are open.
    public static func counts(
        from: CivilDay, to: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [(meterID: Int64, rule: String, severity: String, raised: Int, open: Int)] {
        try transaction.query(
            """
            SELECT meter_id, rule, severity, COUNT(*), COUNT(*) FILTER (WHERE resolved_at_ms IS NULL)
            FROM vee_exception WHERE org_id = $1 AND day >= $2 AND day <= $3 GROUP BY meter_id, rule, severity
            ORDER BY meter_id, rule, severity
            """, [.int(orgID), .day(from), .day(to)]
        ) { row in
            (
                meterID: try row.int(0), rule: try row.text(1), severity: try row.text(2), raised: Int(try row.int(3)),
                open: Int(try row.int(4))
            )
        }
    }
}

extension DayBlocks {
    /// The newest change of a month that is committed.
    public static func lastChange(month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.first(
            """
            SELECT last_change FROM change_counter WHERE org_id = $1 AND stream = $2 AND month_index = $3
            """, [.int(orgID), .text(ChangeStream.dayBlock.rawValue), .int(month.index)]
        ) { try $0.int(0) } ?? 0
    }

    /// The versions of a day that were current at a change, meter by meter in order, without a question per meter: the
    /// key is walked once.
    /// - Parameters:
    ///   - meters: the range of ids.
    ///   - body: gets each meter once.
    public static func sweep(
        day: CivilDay, channel: Channel, meters: ClosedRange<Int64>, through change: Int64, orgID: Int64,
        in transaction: any SQLTransaction, _ body: (RawDay) throws -> Void
    ) throws {
        var held: RawDay?
        var compacted: [RawDay] = []
        try forEachCompacted(day: day, channel: channel, meters: meters, orgID: orgID, in: transaction) {
            row, versions in
            if let last = versions.last(where: { $0.change <= change }) { compacted.append(raw(row, last)) }
        }
        var rest = compacted[...]
        // What lies open is later than what is compacted of the same meter.
        func pass(_ next: RawDay?) throws {
            while let first = rest.first, next.map({ first.meterID <= $0.meterID }) ?? true {
                if first.meterID != next?.meterID { try body(first) }
                rest.removeFirst()
            }
            if let next { try body(next) }
        }
        _ = try transaction.query(
            """
            SELECT meter_id, change, version, total_value, lowest_quality, interval_values, qualities FROM day_block
            WHERE org_id = $1 AND day = $2 AND meter_id >= $3 AND meter_id <= $4 AND channel = $5
            ORDER BY meter_id, version
            """,
            [
                .int(orgID), .day(day), .int(meters.lowerBound), .int(meters.upperBound), .int(channel.rawValue),
            ]
        ) { row in
            guard try row.int(1) <= change else { return }
            let next = try raw(row)
            // Versions come in order, so the last one of a meter counts.
            if let done = held, done.meterID != next.meterID { try pass(done) }
            held = next
        }
        if let held { try pass(held) }
        try pass(nil)
    }

    private static func raw(_ row: MeterMonth, _ version: DayVersion) -> RawDay {
        let bytes = version.block.encode()
        let lowest = version.block.lowestQuality
        return RawDay(
            meterID: row.meterID, version: version.version, total: version.block.totalValue, lowestQuality: lowest,
            values: bytes.values, qualities: lowest < .actual ? bytes.qualities : nil,
            slotCount: version.block.slotCount)
    }

    private static func raw(_ row: any SQLRow) throws -> RawDay {
        let quality = UInt8(exactly: try row.int(4)).flatMap(Quality.init) ?? .missing
        let values = try row.bytes(5)
        return RawDay(
            meterID: try row.int(0), version: try row.int(2), total: try row.int(3), lowestQuality: quality,
            values: values, qualities: quality < .actual ? try row.bytes(6) : nil, slotCount: values.count / 4)
    }

    /// The same for some meters, at two changes: what was current then and what is now. At most a few hundred.
    public static func pair(
        day: CivilDay, channel: Channel, meters: [Int64], before: Int64, through: Int64, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [Int64: (old: RawDay?, new: RawDay?)] {
        var parameters: [SQLValue] = [.int(orgID), .day(day), .int(channel.rawValue)]
        let marks = parameters.bind(meters)
        var found: [Int64: (old: RawDay?, new: RawDay?)] = [:]
        guard let first = meters.min(), let last = meters.max() else { return [:] }
        let wanted = Set(meters)
        try forEachCompacted(
            day: day, channel: channel, meters: first...last, orgID: orgID, in: transaction
        ) { row, versions in
            guard wanted.contains(row.meterID), let new = versions.last(where: { $0.change <= through }) else { return }
            found[row.meterID] = (versions.last { $0.change <= before }.map { raw(row, $0) }, raw(row, new))
        }
        _ = try transaction.query(
            """
            SELECT meter_id, change, version, total_value, lowest_quality, interval_values, qualities FROM day_block
            WHERE org_id = $1 AND day = $2 AND channel = $3 AND meter_id IN (\(marks)) ORDER BY meter_id, version
            """, parameters
        ) { row in
            let change = try row.int(1)
            guard change <= through else { return }
            let day = try raw(row)
            if change <= before { found[day.meterID, default: (nil, nil)].old = day }
            found[day.meterID, default: (nil, nil)].new = day
        }
        return found
    }

    /// Which days and channels changed after a change, up to another.
    public static func changedDays(
        after: Int64, through: Int64, month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [(day: CivilDay, channel: Channel)] {
        let open = try transaction.query(
            """
            SELECT DISTINCT day, channel FROM day_block
            WHERE org_id = $1 AND change > $2 AND change <= $3 AND day >= $4 AND day <= $5 ORDER BY day, channel
            """, [.int(orgID), .int(after), .int(through), .day(month.first), .day(month.last)]
        ) { (try $0.day(0), try $0.int(1)) }.compactMap { day, raw in Channel(rawValue: raw).map { (day, $0) } }
        var known = Set(open.map { [Int64($0.0.number), $0.1.rawValue] })
        var found = open
        for row in try MeterMonth.changed(after: after, month: month, orgID: orgID, in: transaction) {
            for version in try row.all(orgID) where version.change > after && version.change <= through {
                let day = row.stored(version).day
                guard known.insert([Int64(day.number), row.channel.rawValue]).inserted else { continue }
                found.append((day, row.channel))
            }
        }
        return found.sorted { ($0.0, $0.1.rawValue) < ($1.0, $1.1.rawValue) }
    }

    /// Which meters' days changed, in order; at most `limit`.
    public static func changedMeters(
        day: CivilDay, channel: Channel, after: Int64, through: Int64, limit: Int, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [Int64] {
        // The plus keeps SQLite on the index of changes: by the key it would walk through the whole day.
        let open = try transaction.query(
            """
            SELECT DISTINCT meter_id FROM day_block
            WHERE org_id = $1 AND change > $2 AND change <= $3 AND +day = $4 AND +channel = $5
              AND day >= $7 AND day <= $8
            ORDER BY meter_id LIMIT $6
            """,
            [
                .int(orgID), .int(after), .int(through), .day(day), .int(channel.rawValue), .int(limit),
                .day(day.month.first), .day(day.month.last),
            ]
        ) { try $0.int(0) }
        var found = Set(open)
        let dayOfMonth = day.month.first.days(to: day) + 1
        for row in try MeterMonth.changed(after: after, month: day.month, orgID: orgID, in: transaction)
        where row.channel == channel && !found.contains(row.meterID) {
            let isChanged = try row.all(orgID).contains {
                $0.dayOfMonth == dayOfMonth && $0.change > after && $0.change <= through
            }
            if isChanged { found.insert(row.meterID) }
        }
        return Array(found.sorted().prefix(limit))
    }
}

extension RawDay {
    /// A day of which nothing is known.
    public static func unknown(_ meterID: Int64, slots: Int) -> RawDay {
        let bytes = DayBlock.empty(slots: slots).encode()
        return RawDay(
            meterID: meterID, version: 0, total: 0, lowestQuality: .missing, values: bytes.values,
            qualities: bytes.qualities, slotCount: slots)
    }
}
