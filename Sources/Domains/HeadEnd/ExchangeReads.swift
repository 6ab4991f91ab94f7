// What the head-end has of a meter, as an exchange of messages asks for it: raw reads, events and orders by day. Only
// reads; the doors that store are those of the collector.
import Access
import CivilTime
import MeterPort
import Meters
import SQL

extension RawRead {
    /// All answers of a meter about these days, which lie in one month, as they came.
    public static func of(
        meterID: Int64, from: CivilDay, to: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [RawRead] {
        guard from <= to else { return [] }
        var parameters: [SQLValue] = [.int(orgID), .int(meterID)]
        // Each day by name: a range of days would walk through all meters of all of them.
        let days = parameters.bind((from.number...to.number).map { Int64($0) })
        return try transaction.query(
            """
            SELECT day, meter_id, batch_id, change, read_at_ms, rows, register_start_wh, register_end_wh, clock_drift_s
            FROM raw_read WHERE org_id = $1 AND day IN (\(days)) AND meter_id = $2 ORDER BY day, change
            """, parameters
        ) { row in
            RawRead(
                day: try row.day(0), meterID: try row.int(1), batchID: try row.int(2), change: try row.int(3),
                readAtMs: try row.int(4), rows: try decode(row.bytes(5)), registerStartWh: try row.optionalInt(6),
                registerEndWh: try row.optionalInt(7), clockDriftS: try row.optionalInt(8))
        }
    }
}

extension MeterEvents {
    /// Events of a meter on these days, which lie in one month, oldest first.
    public static func all(
        meterID: Int64, from: CivilDay, to: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [MeterEventEntry] {
        guard from <= to else { return [] }
        var parameters: [SQLValue] = [.int(orgID), .int(meterID)]
        let days = parameters.bind((from.number...to.number).map { Int64($0) })
        return try transaction.query(
            """
            SELECT at_ms, code FROM meter_event WHERE org_id = $1 AND day IN (\(days)) AND meter_id = $2
            ORDER BY at_ms, code
            """, parameters
        ) { MeterEventEntry(atS: try $0.int(0) / 1000, code: Int(try $0.int(1))) }
    }
}

extension MeterCommand {
    /// Orders to a meter given in a time, oldest first, after an id.
    public static func given(
        meterID: Int64, fromMs: Int64, toMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MeterCommand] {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_command WHERE org_id = $1 AND meter_id = $2 AND created_at_ms >= $3
              AND created_at_ms < $4 ORDER BY command_id LIMIT $5
            """, [.int(scope.orgID), .int(meterID), .int(fromMs), .int(toMs), .int(limit)], decode)
    }

    /// The order with this key.
    public static func find(key: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> MeterCommand? {
        try transaction.first(
            "SELECT \(columns) FROM meter_command WHERE org_id = $1 AND command_key = $2",
            [.int(scope.orgID), .text(key)], decode)
    }
}
