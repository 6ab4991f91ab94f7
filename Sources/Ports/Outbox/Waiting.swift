// How much waits in the two ways in which domains tell each other things. Counts only; the watch asks, nobody else.
import CivilTime
import SQL

extension Outbox {
    /// What is not delivered yet, how old the oldest of it is (business time), and what was given up.
    public static func figures(
        orgID: Int64, in transaction: any SQLTransaction
    ) throws -> (waiting: Int64, oldestAtMs: Int64?, givenUp: Int64) {
        try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(CASE WHEN attempt < \(attemptLimit) THEN 1 ELSE 0 END), 0) AS BIGINT),
              MIN(CASE WHEN attempt < \(attemptLimit) THEN business_at_ms END),
              CAST(COALESCE(SUM(CASE WHEN attempt >= \(attemptLimit) THEN 1 ELSE 0 END), 0) AS BIGINT)
            FROM outbox WHERE org_id = $1
            """, [.int(orgID)]
        ) { (waiting: try $0.int(0), oldestAtMs: try $0.optionalInt(1), givenUp: try $0.int(2)) } ?? (0, nil, 0)
    }
}

extension ChangeStream {
    /// How many changes of these months a consumer has not seen yet: the distance between counter and cursor.
    public func waiting(
        for consumer: String, orgID: Int64, months: [CivilMonth], in transaction: any SQLTransaction
    ) throws -> Int64 {
        var parameters: [SQLValue] = [.int(orgID), .text(rawValue), .text(consumer)]
        let marks = parameters.bind(months.map { Int64($0.index) })
        return try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(n.last_change - COALESCE(c.change, 0)), 0) AS BIGINT) FROM change_counter n
            LEFT JOIN change_cursor c ON c.org_id = n.org_id AND c.stream = n.stream AND c.consumer = $3
              AND c.month_index = n.month_index
            WHERE n.org_id = $1 AND n.stream = $2 AND n.month_index IN (\(marks))
            """, parameters
        ) { try $0.int(0) } ?? 0
    }
}
