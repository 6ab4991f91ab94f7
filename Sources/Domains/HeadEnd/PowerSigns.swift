// What meters said of their supply, for those who make outages of it: gasps, breaths and signs of life. Decides
// nothing.
import Access
import IS15959
import SQL

/// A sign of a meter about its supply.
public struct PowerSign: Sendable, Equatable {
    public enum Kind: String, Sendable { case failed, restored, alive }
    public var kind: Kind
    /// By the meter's clock; of the log where it was read there.
    public var atMs: Int64
    public var pushedAtMs: Int64?
    public var isLogged: Bool
}

public enum PowerSigns {
    /// Signs of one meter at most; more in a month than any meter gives in order.
    static let signsMax = 20_000

    /// The signs of a meter from a time on, and the last gasp or breath before; any order.
    public static func of(
        meterID: Int64, fromMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [PowerSign] {
        let before =
            try transaction.first(
                """
                SELECT MAX(at_ms) FROM seen_event WHERE org_id = $1 AND meter_id = $2 AND at_ms < $3
                  AND code IN (101, 102)
                """, [.int(scope.orgID), .int(meterID), .int(fromMs)]
            ) { try $0.optionalInt(0) } ?? nil
        let which: [SQLValue] = [.int(scope.orgID), .int(meterID), .int(before ?? fromMs)]
        // A setting that was changed, or a relay that moved, was done by a meter that had supply.
        var signs = try transaction.query(
            """
            SELECT code, at_ms, meter_at_ms, pushed_at_ms, logged_at_ms FROM seen_event
            WHERE org_id = $1 AND meter_id = $2 AND at_ms >= $3
              AND kind IN ('last-gasp', 'first-breath', 'change', 'supply')
            ORDER BY at_ms, event_id LIMIT \(signsMax)
            """, which
        ) { row -> PowerSign in
            let (atMs, meterAtMs) = (try row.int(1), try row.int(2))
            let loggedAtMs = try row.optionalInt(4)
            let kind: PowerSign.Kind =
                switch try row.int(0) {
                case 101: .failed
                case 102: .restored
                default: .alive
                }
            // With a clock that is plainly wrong only the time of receipt is left.
            return PowerSign(
                kind: kind, atMs: atMs == meterAtMs ? loggedAtMs ?? atMs : atMs,
                pushedAtMs: atMs == meterAtMs ? try row.optionalInt(3) : nil, isLogged: loggedAtMs != nil)
        }
        signs += try transaction.query(
            """
            SELECT asked_at_ms FROM liveness WHERE org_id = $1 AND meter_id = $2 AND asked_at_ms >= $3
              AND state IN ('alive', 'refuses')
            UNION SELECT measured_at_ms FROM meter_clock WHERE org_id = $1 AND meter_id = $2 AND measured_at_ms >= $3
            """, which
        ) { PowerSign(kind: .alive, atMs: try $0.int(0), pushedAtMs: nil, isLogged: false) }
        return signs
    }

    /// Of these meters, those that gave a sign of life from a time on until another: a push that is no gasp, an answer,
    /// a clock that was read.
    public static func alive(
        _ meterIDs: [Int64], fromMs: Int64, toMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Set<Int64> {
        guard fromMs < toMs else { return [] }
        var found: Set<Int64> = []
        for start in stride(from: 0, to: meterIDs.count, by: 500) {
            var parameters: [SQLValue] = [.int(scope.orgID), .int(fromMs), .int(toMs)]
            let marks = parameters.bind(Array(meterIDs[start..<min(start + 500, meterIDs.count)]))
            found.formUnion(
                try transaction.query(
                    """
                    SELECT meter_id FROM seen_event WHERE org_id = $1 AND meter_id IN (\(marks)) AND at_ms >= $2
                      AND at_ms < $3 AND kind IN ('first-breath', 'change', 'supply', 'load', 'voltage')
                    UNION SELECT meter_id FROM liveness WHERE org_id = $1 AND meter_id IN (\(marks))
                      AND asked_at_ms >= $2 AND asked_at_ms < $3 AND state IN ('alive', 'refuses')
                    UNION SELECT meter_id FROM meter_clock WHERE org_id = $1 AND meter_id IN (\(marks))
                      AND measured_at_ms >= $2 AND measured_at_ms < $3
                    """, parameters
                ) { try $0.int(0) })
        }
        return found
    }
}
