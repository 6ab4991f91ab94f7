// What a day would cost with other readings: by the packs the account holds that day, from where its month stood before
// it. Nothing is stored; a charge is made by Rater alone.
import Access
import Accounts
import CivilTime
import Meters
import Packs
import SQL
import Tariffs

public enum TrialPrice {
    /// - Parameter readings: Wh a slot of the day, once for each answer.
    /// - Returns: paise; nil when nobody is supplied by the meter that day, or no pack prices it.
    public static func paise(
        meterID: Int64, day: CivilDay, readings: [[Int32]], zone: Zone, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [Int64]? {
        guard let installation = try Installation.of(meterID: meterID, on: day, scope, in: transaction) else {
            return nil
        }
        let account = try SupplyAccount.find(installation.accountID, scope, in: transaction)
        do {
            guard let plan = try Packs.plan(for: account, on: day, scope, in: transaction) else { return nil }
            let before = try Charge.current(
                accountID: account.accountID, from: day.month.first, to: day, scope, in: transaction)
            let opening = before.last { $0.day < day }?.closing ?? .zero
            return try readings.map { values in
                try DaySchedule(plan: plan, day: day, slots: values.count, zone: zone)
                    .price(values, opening: opening).totalPaise
            }
        } catch is TariffError {
            return nil
        }
    }
}
