// How old the oldest change is that a consumer of day blocks has not looked at. Moves no cursor.
import CivilTime
import IntervalData
import SQL

extension DayBlocks {
    /// When the first version of a month behind a change was made, of energy taken; nil when there is none.
    public static func firstMadeAtMs(
        after change: Int64, month: CivilMonth, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int64? {
        try transaction.first(
            """
            SELECT made_at_ms FROM day_block WHERE org_id = $1 AND change > $2 AND day >= $3 AND day <= $4
              AND channel = $5 ORDER BY change LIMIT 1
            """,
            [.int(orgID), .int(change), .day(month.first), .day(month.last), .int(Channel.importWh.rawValue)]
        ) { try $0.int(0) }
    }
}
