// Midnight registers as the meters gave them, without the intervals they came with.
import CivilTime
import SQL

/// The registers of one civil day of a meter, of the newest answer that had any.
public struct RawRegister: Sendable, Equatable {
    public var day: CivilDay
    public var startWh: Int64?
    public var endWh: Int64?
    /// What one turn is worth, when the register turned over within the day.
    public var wrapWh: Int64?

    /// From day to day, both in one month, in order.
    public static func of(
        meterID: Int64, from: CivilDay, to: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [RawRegister] {
        guard from <= to else { return [] }
        var parameters: [SQLValue] = [.int(orgID), .int(meterID)]
        let days = parameters.bind((from.number...to.number).map { Int64($0) })
        let all = try transaction.query(
            """
            SELECT day, register_start_wh, register_end_wh, register_wrap_wh FROM raw_read
            WHERE org_id = $1 AND day IN (\(days)) AND meter_id = $2
              AND (register_start_wh IS NOT NULL OR register_end_wh IS NOT NULL) ORDER BY day, batch_id
            """, parameters
        ) { row in
            RawRegister(
                day: try row.day(0), startWh: try row.optionalInt(1), endWh: try row.optionalInt(2),
                wrapWh: try row.optionalInt(3))
        }
        return all.reduce(into: []) { newest, item in
            if newest.last?.day == item.day { newest.removeLast() }
            newest.append(item)
        }
    }
}
