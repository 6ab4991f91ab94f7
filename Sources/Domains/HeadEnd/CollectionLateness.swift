// How far collection is behind: meter-days that are over and not completely read. Counts only, never a list of meters.
import Access
import CivilTime
import SQL

public struct CollectionLateness: Sendable, Equatable {
    /// Meter-days before the line's day that are still asked for.
    public var lateMeterDays: Int64
    /// The oldest of them.
    public var oldest: CivilDay?

    /// - Parameters:
    ///   - floor: the oldest day that is still asked for.
    ///   - day: the line's day, which is being collected and is not late yet.
    /// Reads the index of what is open, so the cost grows with what is late and not with the company.
    public static func of(
        from floor: CivilDay, before day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CollectionLateness {
        try transaction.first(
            """
            SELECT COUNT(*), MIN(day) FROM collection
            WHERE org_id = $1 AND state IN ('pending', 'partial') AND day >= $2 AND day < $3
            """, [.int(scope.orgID), .day(floor), .day(day)]
        ) { CollectionLateness(lateMeterDays: try $0.int(0), oldest: try $0.optionalDay(1)) }
            ?? CollectionLateness(lateMeterDays: 0, oldest: nil)
    }
}
