// Where the month of an account stands after a day, and what one more day would cost from there. Stores nothing.
import Access
import Accounts
import CivilTime
import Meters
import Packs
import SQL
import Tariffs

/// Where the running totals of an account stand.
struct DayPosition: Sendable {
    static let none = DayPosition(month: nil, state: .zero)

    /// The month the totals are of; they begin anew with another one.
    var month: CivilMonth?
    var state: MonthState

    func opening(of day: CivilDay) -> MonthState { month == day.month ? state : .zero }

    /// After the last charge of a day.
    static func after(
        accountID: Int64, day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> DayPosition {
        let charge = try Charge.current(accountID: accountID, from: day, to: day, scope, in: transaction).last
        return DayPosition(month: day.month, state: charge?.closing ?? .zero)
    }
}

extension TrialPrice {
    /// What a day costs after a position, and the position after it.
    /// - Returns: nil when the account holds no base pack that day.
    /// - Throws: ``TariffError`` when no plan can price it.
    static func day(
        _ account: SupplyAccount, _ day: CivilDay, _ values: [Int32], after position: DayPosition, zone: Zone,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (paise: Int64, position: DayPosition)? {
        guard let plan = try Packs.plan(for: account, on: day, scope, in: transaction) else { return nil }
        let priced = try DaySchedule(plan: plan, day: day, slots: values.count, zone: zone)
            .price(values, opening: position.opening(of: day))
        return (priced.totalPaise, DayPosition(month: day.month, state: priced.closing))
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
