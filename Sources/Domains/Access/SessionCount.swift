// How many sessions of a company are open. A number for the watch, nobody's name.
import SQL

extension Sessions {
    public static func openCount(
        systemNowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        try transaction.first(
            "SELECT COUNT(*) FROM session WHERE org_id = $1 AND revoked_at_ms IS NULL AND expires_at_ms > $2",
            [.int(scope.orgID), .int(systemNowMs)]
        ) { try $0.int(0) } ?? 0
    }
}
