// Where on the network an account hangs, by date: a house is moved to another transformer, and sums of the past stay.
// The account's own place is the latest; rows are written only once an account has been moved.
import Access
import CivilTime
import Grid
import SQL

extension AccountsSchema {
    /// Statements of migration 45 on tables of this domain.
    public static let delivery = [
        """
        CREATE TABLE account_place (org_id {id} NOT NULL, account_id {id} NOT NULL, from_day {int} NOT NULL,
          place_id {id} NOT NULL, PRIMARY KEY (org_id, account_id, from_day)) {keyed_table}
        """
    ]
}

/// Every move of a company's accounts, to ask by day.
public struct AccountMoves: Sendable {
    private var moves: [Int64: [(fromDay: CivilDay, placeID: Int64)]] = [:]

    public init(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let rows = try transaction.query(
            "SELECT account_id, from_day, place_id FROM account_place WHERE org_id = $1 ORDER BY account_id, from_day",
            [.int(scope.orgID)]
        ) { (try $0.int(0), try $0.day(1), try $0.int(2)) }
        for row in rows { moves[row.0, default: []].append((row.1, row.2)) }
    }

    /// The place of an account on a day.
    /// - Parameter latest: its place now, for one that was never moved.
    public func placeID(of accountID: Int64, latest: Int64, on day: CivilDay) -> Int64 {
        guard let known = moves[accountID] else { return latest }
        return (known.last { $0.fromDay <= day } ?? known[0]).placeID
    }
}

/// Moves an account to another place of the network from a day on.
public struct MoveAccount: Command {
    public static let name = "accounts.move"
    public static let permissions: [Permission] = [.manageSettings]
    public var accountID: Int64
    public var placeID: Int64
    public var fromDay: CivilDay
    public init(accountID: Int64, placeID: Int64, fromDay: CivilDay) {
        self.accountID = accountID
        self.placeID = placeID
        self.fromDay = fromDay
    }
    /// Moving to where it hangs already changes nothing.
    public var key: String? { nil }
    public var subjectID: Int64 { accountID }
    public var content: String { "account=\(accountID) place=\(placeID) from=\(fromDay)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        _ = try Place.find(placeID, scope, in: transaction)
        let today = try Org.find(context.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let last = try transaction.first(
            "SELECT MAX(from_day) FROM account_place WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID)]
        ) { try $0.optionalDay(0) }
        let earliest = (last ?? nil) ?? account.openedDay
        guard fromDay >= earliest, fromDay <= today else {
            throw Refusal(
                .invalid, "An account is moved from its last move on, at the latest today.",
                hint: "Give a day from \(earliest) to \(today).", at: "fromDay")
        }
        guard placeID != account.placeID else { return accountID }
        let rows =
            ((last ?? nil) == nil && fromDay > account.openedDay ? [(account.openedDay, account.placeID)] : [])
            + [(fromDay, placeID)]
        for (day, place) in rows {
            try transaction.run(
                """
                INSERT INTO account_place (org_id, account_id, from_day, place_id) VALUES ($1, $2, $3, $4)
                ON CONFLICT (org_id, account_id, from_day) DO UPDATE SET place_id = excluded.place_id
                """, [.int(scope.orgID), .int(accountID), .day(day), .int(place)])
        }
        try transaction.run(
            "UPDATE supply_account SET place_id = $3 WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID), .int(placeID)])
        context.changed(.account(accountID), "place", from: "\(account.placeID)", to: "\(placeID) from \(fromDay)")
        return accountID
    }
}
