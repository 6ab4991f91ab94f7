// What a meter's own events say about a day that validation wants to know: when it had no supply, and tampering.
import CivilTime
import IS15959
import SQL

extension MeterEvents {
    /// Power failures and restorations from the day before to the day after (as far as they lie in its month), in order
    /// of time, and how many times the meter told of tampering on the day itself.
    public static func around(
        meterID: Int64, day: CivilDay, zone: Zone, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> (supply: [(atS: Int64, isOn: Bool)], tampers: Int) {
        let events = try of(
            meterID: meterID, from: max(day.advanced(by: -1), day.month.first),
            to: min(day.advanced(by: 1), day.month.last), orgID: orgID, in: transaction
        ).reversed()
        let supply = events.compactMap { event -> (atS: Int64, isOn: Bool)? in
            switch EventIDs.kind(event.code) {
            case .lastGasp: (event.atMs / 1000, false)
            case .firstBreath: (event.atMs / 1000, true)
            default: nil
            }
        }
        let tampers = events.count { event in
            zone.day(atS: event.atMs / 1000) == day && EventIDs.kind(event.code) == .tamper
                && EventIDs.occurrence(of: event.code) == nil
        }
        return (supply, tampers)
    }
}
