// Which meters served some accounts in a span of days. Reads; installations are made and ended elsewhere.
import Access
import CivilTime
import SQL

extension Installation {
    /// Every installation at these accounts that has a day of the span, in order of account and first day; ask for a
    /// few hundred accounts at most. The caller has proved that it may see them.
    public static func of(
        accountIDs: [Int64], from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Installation] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(from), .day(to)]
        let marks = parameters.bind(accountIDs)
        return try transaction.query(
            """
            SELECT meter_id, account_id, from_day, to_day FROM installation WHERE org_id = $1 AND from_day <= $3
              AND (to_day IS NULL OR to_day >= $2) AND account_id IN (\(marks)) ORDER BY account_id, from_day, meter_id
            """, parameters
        ) { row in
            Installation(
                meterID: try row.int(0), accountID: try row.int(1), fromDay: try row.day(2),
                toDay: try row.optionalDay(3))
        }
    }
}
