// Accounts as lists show them: on, low or off, found by number or name.
import Access
import Accounts
import CivilTime
import Journal
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

    /// What a list of accounts is narrowed to; nothing set: all.
    public struct Filter: Sendable {
        /// How the number or the name begins; A to Z in either case.
        public var prefix: String
        public var standing: SupplyStanding?
        /// Only accounts that lie at this place or under it.
        public var placeID: Int64?
        /// Only accounts whose balance is below this.
        public var balanceBelowPaise: Int64?
        public init(
            prefix: String = "", standing: SupplyStanding? = nil, placeID: Int64? = nil,
            balanceBelowPaise: Int64? = nil
        ) {
            (self.prefix, self.standing) = (prefix, standing)
            (self.placeID, self.balanceBelowPaise) = (placeID, balanceBelowPaise)
        }
    }

    /// Accounts after a number, in order of number.
    public static func page(
        after: String, _ filter: Filter, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [SupplyListing] {
        var parameters: [SQLValue] = [.int(scope.orgID), .text(after), .int(limit)]
        func mark(_ value: SQLValue) -> String {
            parameters.append(value)
            return "$\(parameters.count)"
        }
        var only = ""
        if !filter.prefix.isEmpty {
            // U+10FFFF closes the range of everything that begins with the prefix.
            let (low, high) = (mark(.text(filter.prefix)), mark(.text(filter.prefix + "\u{10FFFF}")))
            let ranges = ["account_number", "name"].map { column in
                "(LOWER(\(column)) >= LOWER(\(low)) AND LOWER(\(column)) < LOWER(\(high)))"
            }
            only += " AND (\(ranges.joined(separator: " OR ")))"
        }
        if let standing = filter.standing { only += " AND \(standingSQL) = \(mark(.text(standing.rawValue)))" }
        if let balanceBelowPaise = filter.balanceBelowPaise {
            let most = mark(.int(balanceBelowPaise))
            // Sets, which SQLite makes once; a join with what waits would go over all of it for every account.
            only += """
                 AND (COALESCE((SELECT -debit_balance_paise FROM journal_balance WHERE journal_balance.org_id = $1
                  AND journal_account_id = supply_account.account_id), 0) < \(most)
                  AND supply_account.account_id NOT IN (
                    SELECT journal_account_id FROM book_unsettled WHERE org_id = $1)
                  OR supply_account.account_id IN (SELECT w.journal_account_id FROM \(Journal.waitingSQL) w
                    LEFT JOIN journal_balance b ON b.org_id = $1 AND b.journal_account_id = w.journal_account_id
                    WHERE -COALESCE(b.debit_balance_paise, 0) - w.paise < \(most)))
                """
        }
        if let placeID = filter.placeID {
            let branch = Scope(orgID: scope.orgID, placeIDs: [placeID])
            only += SupplyAccount.scopeFilter(branch, &parameters)
        }
        let reach = SupplyAccount.scopeFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT supply_account.account_id, \(standingSQL), supply_state.since_ms FROM \(tables)
            WHERE supply_account.org_id = $1 AND account_number > $2\(only)\(reach)
            ORDER BY account_number LIMIT $3
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
