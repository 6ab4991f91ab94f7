// How long raw answers are kept: until the meter-data domain has taken them, and then as long as the company wants.
// What is not taken is never deleted, and is shown when it waits for long.
import Access
import CivilTime
import Clocks
import SQL

public struct RawKeeping: Sendable, Equatable {
    /// Answers that nobody has taken.
    public var waiting: Int64
    /// Business time at which the oldest of them was read.
    public var oldestAtMs: Int64?

    public init(waiting: Int64, oldestAtMs: Int64?) {
        self.waiting = waiting
        self.oldestAtMs = oldestAtMs
    }

    /// Waiting longer than this is alarmed (HES-14), business milliseconds.
    public static let alarmMs: Int64 = 3 * 86_400_000

    public static let settingName = "raw.keep-days"
    static let initialKeepDays: Int64 = 400
    static let setting = SettingKind.wholeNumber(
        settingName, 3...3_660, initial: initialKeepDays,
        hint: "Days for which answers of meters and their frames are kept after they were taken over.")

    /// Answers of a month that were not taken over. Reads an index of these alone.
    public static func open(
        month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> RawKeeping {
        try transaction.first(
            """
            SELECT COUNT(*), MIN(read_at_ms) FROM raw_read
            WHERE org_id = $1 AND acknowledged = 0 AND day >= $2 AND day <= $3
            """, [.int(orgID), .day(month.first), .day(month.last)]
        ) { RawKeeping(waiting: try $0.int(0), oldestAtMs: try $0.optionalInt(1)) }
            ?? RawKeeping(waiting: 0, oldestAtMs: nil)
    }

    public mutating func add(_ other: RawKeeping) {
        waiting += other.waiting
        oldestAtMs = [oldestAtMs, other.oldestAtMs].compactMap { $0 }.min()
    }

    public func isAlarmed(nowMs: Int64) -> Bool { oldestAtMs.map { nowMs - $0 > Self.alarmMs } ?? false }

    /// Meter-days deleted in one transaction.
    private static let chunk = 500

    /// Deletes what was taken over and is older than the company keeps, month by month. Returns answers deleted.
    /// - Parameter progress: told how many were deleted so far.
    public static func tidy(
        _ site: Site, _ org: Org, progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> Int {
        let scope = Scope(orgID: org.orgID)
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let keepDays = try await site.money.read { transaction in
            try Setting.value(settingName, on: today, scope, in: transaction).flatMap { Int($0) }
                ?? Int(initialKeepDays)
        }
        let before = today.advanced(by: -keepDays)
        var deleted = 0
        for month in try await site.readings.monthsInReach() where month.first < before {
            let shard = try await site.readings.shard(month)
            while true {
                try Task.checkCancellation()
                let count = try await shard.write { transaction in
                    try deleteSome(month: month, before: before, orgID: org.orgID, in: transaction)
                }
                guard count > 0 else { break }
                deleted += count
                await progress(deleted)
            }
        }
        return deleted
    }

    /// What is not acknowledged stays, however old it is.
    static func deleteSome(
        month: CivilMonth, before: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int {
        let rows = try transaction.query(
            """
            SELECT day, meter_id, batch_id FROM raw_read
            WHERE org_id = $1 AND day >= $2 AND day <= $3 AND day < $4 AND acknowledged = 1
            ORDER BY day, meter_id, batch_id LIMIT $5
            """, [.int(orgID), .day(month.first), .day(month.last), .day(before), .int(chunk)]
        ) { [SQLValue.int(orgID), .int(try $0.int(0)), .int(try $0.int(1)), .int(try $0.int(2))] }
        let which = "org_id = $1 AND day = $2 AND meter_id = $3 AND batch_id = $4"
        try transaction.runMany("DELETE FROM raw_frames WHERE \(which)", rows)
        try transaction.runMany("DELETE FROM raw_read WHERE \(which) AND acknowledged = 1", rows)
        return rows.count
    }
}

/// A register that began again at zero. Pure.
public enum RegisterWrap {
    /// What one turn of the register is worth in Wh when it rolled over within the day: the turn for which the
    /// difference of the registers is what the intervals add up to, give or take a thousandth and 2 Wh. Nil when the
    /// register did not fall, or no turn explains it: then it is no roll-over but something for a person.
    /// - Parameter energyWh: of all intervals of the day.
    public static func find(startWh: Int64?, endWh: Int64?, energyWh: Int64) -> Int64? {
        guard let startWh, let endWh, endWh < startWh, energyWh >= 0, endWh >= 0 else { return nil }
        let toleranceWh = energyWh / 1000 + 2
        // Five to twelve digits of Wh, kWh with decimals included.
        var turnWh: Int64 = 100_000
        while turnWh <= 1_000_000_000_000_000 {
            if startWh < turnWh, abs(endWh + turnWh - startWh - energyWh) <= toleranceWh { return turnWh }
            turnWh *= 10
        }
        return nil
    }
}
