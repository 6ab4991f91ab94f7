// Days of a meter across months: current versions, read month by month.
import Access
import CivilTime
import IntervalData
import SQL

/// Earlier days of a meter across months.
public enum History {
    /// Current blocks of the days before `day`, newest first.
    public static func of(
        meterID: Int64, channel: Channel = .importWh, before day: CivilDay, days: Int, site: Site, orgID: Int64
    ) async throws -> [DayBlock] {
        try await blocks(
            meterID: meterID, channel: channel, from: day.advanced(by: -days), to: day.advanced(by: -1), site: site,
            orgID: orgID
        ).reversed().map(\.block)
    }

    /// Current blocks from day to day across months, in order of day. Months without data are skipped, not created.
    public static func blocks(
        meterID: Int64, channel: Channel = .importWh, from: CivilDay, to: CivilDay, site: Site, orgID: Int64
    ) async throws -> [StoredBlock] {
        let months = try await site.readings.months().filter { $0 >= from.month && $0 <= to.month }
        @Sendable func read(_ month: CivilMonth) async throws -> [StoredBlock] {
            try await site.readings.shard(month).read { transaction in
                try DayBlocks.current(
                    meterID: meterID, channel: channel, from: max(from, month.first), to: min(to, month.last),
                    orgID: orgID, in: transaction)
            }
        }
        return try await withThrowingTaskGroup(of: (Int, Result<[StoredBlock], any Error>).self) { group in
            // Each month is a file that may have to be opened, or a table.
            var found = [Result<[StoredBlock], any Error>](repeating: .success([]), count: months.count)
            for (index, month) in months.enumerated() {
                if index >= monthsAtOnce, let (done, result) = try await group.next() { found[done] = result }
                group.addTask {
                    do { return (index, .success(try await read(month))) } catch { return (index, .failure(error)) }
                }
            }
            for try await (done, result) in group { found[done] = result }
            // Of several that fail the earliest is told, as if they had been read one after the other.
            return try found.flatMap { try $0.get() }
        }
    }

    /// A year of whole months; what is longer is read as the first ones come back.
    static let monthsAtOnce = 12
}
