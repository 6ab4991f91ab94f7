// Where the bill of an account stands after a day, and what one more day would cost from there. Stores nothing.
import Access
import Accounts
import CivilTime
import Meters
import Packs
import SQL
import Tariffs

/// Where the running totals of an account stand, and of which base pack they are.
struct DayPosition: Sendable {
    static let none = DayPosition(state: .start, packID: nil)

    var state: BillState
    var packID: String?

    /// After the last charge of an account.
    static func last(
        accountID: Int64, before day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> DayPosition {
        let charge = try Charge.last(accountID: accountID, before: day, scope, in: transaction)
        return DayPosition(state: charge?.closingState ?? .start, packID: charge?.baseID)
    }
}

extension RatingShelf {
    /// What a day costs after a position, and the position after it.
    /// - Returns: nil when the account holds no base pack that day.
    /// - Throws: `TariffError` when no plan can price it.
    mutating func price(
        _ readings: DayReadings, _ account: SupplyTerms, _ held: HeldPacks, after position: DayPosition,
        _ transaction: any SQLTransaction
    ) throws -> (paise: Int64, position: DayPosition)? {
        guard let priced = try input(readings, account, held, transaction) else { return nil }
        let amounts = try priced.bill.price(
            priced.input, opening: priced.opening(after: position.state, of: position.packID))
        return (amounts.totalMinor, DayPosition(state: amounts.closing, packID: priced.tariff.id))
    }
}

extension Installation {
    /// The meters of an account in a period, each with the days of the period on which it served, in order of day.
    static func of(
        accountID: Int64, from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(meterID: Int64, from: CivilDay, to: CivilDay)] {
        try transaction.query(
            """
            SELECT meter_id, from_day, to_day FROM installation
            WHERE org_id = $1 AND account_id = $2 AND from_day <= $4 AND (to_day IS NULL OR to_day >= $3)
            ORDER BY from_day, meter_id
            """, [.int(scope.orgID), .int(accountID), .day(from), .day(to)]
        ) { row in
            (
                meterID: try row.int(0), from: max(from, try row.day(1)),
                to: min(to, try row.optionalDay(2) ?? to)
            )
        }
    }
}
