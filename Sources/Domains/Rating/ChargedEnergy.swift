// How much energy was charged over days, for the whole company. Reads charges, changes nothing.
import Access
import CivilTime
import SQL

extension Charge {
    /// Energy and money of the charges that count, from day to day.
    public static func sums(
        from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (energyWh: Int64, totalPaise: Int64, accountDays: Int64) {
        try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(energy_wh), 0) AS BIGINT), CAST(COALESCE(SUM(total_paise), 0) AS BIGINT), COUNT(*)
            FROM charge c WHERE org_id = $1 AND day >= $2 AND day <= $3 AND revision = (
              SELECT MAX(revision) FROM charge l WHERE l.org_id = c.org_id AND l.account_id = c.account_id AND l.day =
                c.day)
            """, [.int(scope.orgID), .day(from), .day(to)]
        ) { (energyWh: try $0.int(0), totalPaise: try $0.int(1), accountDays: try $0.int(2)) } ?? (0, 0, 0)
    }
}
