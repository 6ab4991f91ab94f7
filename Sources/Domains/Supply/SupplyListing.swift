// Accounts as lists show them: on, low or off, found by number or name.
import Access
import Accounts
import CivilTime
import Meters
import SQL

/// How the supply of an account stands, by what is wanted of its relay.
public enum SupplyStanding: String, Sendable, CaseIterable, Codable {
    /// `low`: on, but the consumer was warned.
    case on, low, off
}

public struct SupplyListing: Sendable, Equatable {
    public var accountID: Int64
    public var standing: SupplyStanding
    /// Since when supply is wanted as it is; nil before the first decision.
    public var sinceMs: Int64?

    private static let standingSQL = """
        CASE WHEN supply_state.wanted = 'open' THEN 'off' WHEN supply_state.warned_at_ms IS NOT NULL THEN 'low'
          ELSE 'on' END
        """
    private static let tables = """
        supply_account LEFT JOIN supply_state ON supply_state.org_id = supply_account.org_id
          AND supply_state.account_id = supply_account.account_id
        """

    /// Accounts after a number, in order of number; `prefix` of the number or the name, or nothing; `standing` or all.
    public static func page(
        after: String, prefix: String, standing: SupplyStanding?, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [SupplyListing] {
        // U+10FFFF closes the range of everything that begins with the prefix.
        var parameters: [SQLValue] = [
            .int(scope.orgID), .text(after), .text(prefix), .text(prefix + "\u{10FFFF}"), .int(limit),
        ]
        var only = ""
        if let standing {
            parameters.append(.text(standing.rawValue))
            only = " AND \(standingSQL) = $\(parameters.count)"
        }
        let filter = SupplyAccount.scopeFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT supply_account.account_id, \(standingSQL), supply_state.since_ms FROM \(tables)
            WHERE supply_account.org_id = $1 AND account_number > $2
              AND ((account_number >= $3 AND account_number < $4) OR (name >= $3 AND name < $4))\(only)\(filter)
            ORDER BY account_number LIMIT $5
            """, parameters
        ) { row in
            SupplyListing(
                accountID: try row.int(0), standing: SupplyStanding(rawValue: try row.text(1)) ?? .on,
                sinceMs: try row.optionalInt(2))
        }
    }

    /// How many accounts of the scope stand how.
    public static func counts(_ scope: Scope, in transaction: any SQLTransaction) throws -> [SupplyStanding: Int] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let filter = SupplyAccount.scopeFilter(scope, &parameters)
        let rows = try transaction.query(
            "SELECT \(standingSQL), COUNT(*) FROM \(tables) WHERE supply_account.org_id = $1\(filter) GROUP BY 1",
            parameters
        ) { (SupplyStanding(rawValue: try $0.text(0)) ?? .on, Int(try $0.int(1))) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
