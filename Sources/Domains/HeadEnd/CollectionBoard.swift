// The collection board: who is late and why, by cause and by place, with the next try; and what is asked for again when
// somebody wants it now. Reads the index of what is open, so the cost grows with what is late.
import Access
import Accounts
import CivilTime
import Grid
import Meters
import SQL

/// One meter that is late.
public struct LateMeter: Sendable, Equatable {
    public var meterID: Int64
    public var oldest: CivilDay
    /// Meter-days that are open.
    public var days: Int64
    /// Intervals that are still wanted.
    public var wantedSlots: Int64
    public var cause: CollectionCause
    public var lastError: String?
    public var attempt: Int64
    /// Business time.
    public var nextAtMs: Int64
    public var lastAttemptAtMs: Int64?
}

public struct LateCause: Sendable, Equatable {
    public var cause: CollectionCause
    public var meters: Int64
    public var meterDays: Int64
    public var oldest: CivilDay
    public var nextAtMs: Int64
}

public struct LatePlace: Sendable, Equatable {
    /// Where the accounts lie.
    public var placeID: Int64
    public var meters: Int64
    public var meterDays: Int64
    public var oldest: CivilDay
}

public enum CollectionBoard {
    private static let open = "c.org_id = $1 AND c.state IN ('pending', 'partial') AND c.day >= $2"
    /// Why it is late: what the last try found, or that none was made yet.
    private static let cause = "COALESCE(cause, CASE WHEN attempt = 0 THEN 'waiting' ELSE 'other' END)"

    /// - Parameter floor: the oldest day that is still asked for.
    public static func causes(
        from floor: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [LateCause] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(floor)]
        let reach = try Meter.reachFilter(of: "c.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(cause), COUNT(DISTINCT c.meter_id), COUNT(*), MIN(c.day), MIN(c.next_at_ms) FROM collection c
            WHERE \(open)\(reach) GROUP BY \(cause) ORDER BY 2 DESC, 1
            """, parameters
        ) { row in
            LateCause(
                cause: CollectionCause(rawValue: try row.text(0)) ?? .other, meters: try row.int(1),
                meterDays: try row.int(2), oldest: try row.day(3), nextAtMs: try row.int(4))
        }
    }

    public static func places(
        from floor: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [LatePlace] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(floor)]
        let reach = try Meter.reachFilter(of: "c.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT a.place_id, COUNT(DISTINCT c.meter_id), COUNT(*), MIN(c.day) FROM collection c
            JOIN installation i ON i.org_id = c.org_id AND i.meter_id = c.meter_id AND i.to_day IS NULL
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            WHERE \(open)\(reach) GROUP BY a.place_id ORDER BY a.place_id
            """, parameters
        ) { row in
            LatePlace(
                placeID: try row.int(0), meters: try row.int(1), meterDays: try row.int(2), oldest: try row.day(3))
        }
    }

    /// Meters that are late, in order of their numbers, those after `after`.
    /// - Parameters:
    ///   - cause: only these; nil for all.
    ///   - placeID: only what lies under the place, which must lie in the scope.
    public static func meters(
        from floor: CivilDay, cause only: CollectionCause? = nil, placeID: Int64? = nil, after meterID: Int64 = 0,
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [LateMeter] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(floor), .int(meterID), .int(limit)]
        var filter = try Meter.reachFilter(of: "c.meter_id", scope, &parameters)
        if let placeID {
            let branch = Scope(orgID: scope.orgID, placeIDs: [placeID])
            filter += try Meter.reachFilter(of: "c.meter_id", branch, &parameters)
        }
        if let only {
            parameters.append(.text(only.rawValue))
            filter += " AND \(cause) = $\(parameters.count)"
        }
        return try transaction.query(
            """
            SELECT c.meter_id, MIN(c.day), COUNT(*), CAST(SUM(c.expected_slots - c.have_slots) AS BIGINT),
              MIN(\(cause)), MAX(c.last_error), MAX(c.attempt), MIN(c.next_at_ms), MAX(c.last_attempt_at_ms)
            FROM collection c WHERE \(open) AND c.meter_id > $3\(filter)
            GROUP BY c.meter_id ORDER BY c.meter_id LIMIT $4
            """, parameters
        ) { row in
            LateMeter(
                meterID: try row.int(0), oldest: try row.day(1), days: try row.int(2), wantedSlots: try row.int(3),
                cause: CollectionCause(rawValue: try row.text(4)) ?? .other, lastError: try row.optionalText(5),
                attempt: try row.int(6), nextAtMs: try row.int(7), lastAttemptAtMs: try row.optionalInt(8))
        }
    }

    /// Meter-days that were ended with intervals that are not to be had, latest first.
    public static func lost(
        sinceMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [CollectionItem] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(sinceMs), .int(limit)]
        let reach = try Meter.reachFilter(of: "collection.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(CollectionItem.columns) FROM collection WHERE org_id = $1 AND state = 'lost'
              AND next_at_ms >= $2\(reach) ORDER BY last_attempt_at_ms DESC, day DESC, meter_id LIMIT $3
            """, parameters, CollectionItem.decode)
    }

    /// Makes what is open of these meters due at once. Returns meter-days touched.
    /// - Parameters:
    ///   - meterID: one meter, whose lost days are asked for again too; nil for all that fit cause and place.
    public static func callNow(
        meterID: Int64?, cause only: CollectionCause?, placeID: Int64?, from floor: CivilDay, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws -> Int {
        let scope = context.actor.scope
        if let meterID { _ = try Meter.find(meterID, scope, in: transaction) }
        if let placeID { _ = try Place.find(placeID, scope, in: transaction) }
        var parameters: [SQLValue] = [.int(scope.orgID), .day(floor), .int(context.businessNowMs)]
        var filter = try Meter.reachFilter(of: "collection.meter_id", scope, &parameters)
        if let placeID {
            let branch = Scope(orgID: scope.orgID, placeIDs: [placeID])
            filter += try Meter.reachFilter(of: "collection.meter_id", branch, &parameters)
        }
        if let only {
            parameters.append(.text(only.rawValue))
            filter += " AND \(cause) = $\(parameters.count)"
        }
        if let meterID {
            parameters.append(.int(meterID))
            filter += " AND meter_id = $\(parameters.count)"
        }
        var touched = try transaction.run(
            """
            UPDATE collection SET next_at_ms = $3 WHERE org_id = $1 AND day >= $2
              AND state IN ('pending', 'partial')\(filter)
            """, parameters)
        if meterID != nil {
            touched += try transaction.run(
                """
                UPDATE collection SET state = 'partial', attempt = 0, next_at_ms = $3,
                  slots = REPLACE(REPLACE(slots, 'x', '0'), 'p', '0')
                WHERE org_id = $1 AND day >= $2 AND state = 'lost'\(filter)
                """, parameters)
        }
        return touched
    }
}
