// The invocation counters towards a meter: one sequence for everything that is sealed for it, always ahead on disk.
import Access
import SQL

enum InvocationCounters {
    /// Takes `count` counters and gives the first; nil when they are used up.
    static func take(
        _ count: Int64, meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> UInt32? {
        let next = try transaction.first(
            """
            INSERT INTO invocation_counter (org_id, meter_id, next_counter) VALUES ($1, $2, $3)
            ON CONFLICT (org_id, meter_id) DO UPDATE SET next_counter = invocation_counter.next_counter + $4
            RETURNING next_counter
            """, [.int(scope.orgID), .int(meterID), .int(count + 1), .int(count)]
        ) { try $0.int(0) }
        // The highest one is never used.
        guard let next, next < Int64(UInt32.max) else { return nil }
        return UInt32(exactly: next - count)
    }
}
