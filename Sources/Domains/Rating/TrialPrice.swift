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
    /// - Parameters:
    ///   - readings: Wh a slot of the day, once for each answer.
    ///   - exportWh: energy fed in, where a tariff looks at it.
    /// - Returns: paise; nil when nobody is supplied by the meter that day, or no pack prices it.
    public static func paise(
        meterID: Int64, day: CivilDay, readings: [[Int32]], exportWh: [Int32]? = nil, zone: Zone, nowMs: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64]? {
        guard let installation = try Installation.of(meterID: meterID, on: day, scope, in: transaction) else {
            return nil
        }
        let account = try SupplyAccount.find(installation.accountID, scope, in: transaction)
        let held = try HeldPacks.of([account.accountID], scope, in: transaction)[account.accountID]
        guard let held else { return nil }
        let before = try Charge.last(accountID: account.accountID, before: day, scope, in: transaction)
        var shelf = RatingShelf(zone: zone, nowMs: nowMs, scope)
        do {
            return try readings.map { values in
                let readings = DayReadings(day: day, meterID: meterID, importWh: values, exportWh: exportWh)
                guard let priced = try shelf.input(readings, SupplyTerms(account), held, transaction) else {
                    throw NotPriced()
                }
                let opening = priced.opening(after: before?.closingState ?? .start, of: before?.baseID)
                return try priced.bill.price(priced.input, opening: opening).totalMinor
            }
        } catch is TariffError {
            return nil
        } catch is NotPriced {
            return nil
        }
    }

    private struct NotPriced: Error {}
}
