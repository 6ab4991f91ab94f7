// The relay of a meter: what the rules want and what the meter says. Deciding is Supply's, commanding is HeadEnd's.
import Access
import SQL

/// What Supply wants of the relay. Stored by name.
public enum RelayWish: String, Sendable, Codable, CaseIterable { case closed, open }

public struct RelayRecord: Sendable, Equatable {
    public var meterID: Int64
    public var wanted: RelayWish
    public var wantedAtMs: Int64
    public var wantedReason: String
    /// `closed`, `open` or `readyForReconnection`, as read from the meter; nil until it has been read.
    public var actual: String?
    public var actualAtMs: Int64?

    public var agrees: Bool { actual.map { ($0 == "closed") == (wanted == .closed) } ?? false }

    public static func find(_ meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> RelayRecord?
    {
        try transaction.first(
            """
            SELECT meter_id, wanted, wanted_at_ms, wanted_reason, actual, actual_at_ms FROM relay
            WHERE org_id = $1 AND meter_id = $2
            """, [.int(scope.orgID), .int(meterID)], decode)
    }

    private static func decode(_ row: any SQLRow) throws -> RelayRecord {
        RelayRecord(
            meterID: try row.int(0), wanted: RelayWish(rawValue: try row.text(1)) ?? .closed,
            wantedAtMs: try row.int(2),
            wantedReason: try row.text(3), actual: try row.optionalText(4), actualAtMs: try row.optionalInt(5))
    }

    /// Records a new wish. Returns false when it was wanted already.
    public static func want(
        _ wish: RelayWish, meterID: Int64, reason: String, atMs: Int64, changeID: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Bool {
        let changed = try transaction.run(
            """
            UPDATE relay SET wanted = $3, wanted_at_ms = $4, wanted_reason = $5
            WHERE org_id = $1 AND meter_id = $2 AND wanted <> $3
            """, [.int(scope.orgID), .int(meterID), .text(wish.rawValue), .int(atMs), .text(reason)])
        guard changed == 1 else { return false }
        try note(meterID, "wanted", wish.rawValue, atMs, changeID, scope, transaction)
        return true
    }

    /// Records what the meter said. Returns true when that is news.
    public static func confirm(
        _ state: String, meterID: Int64, atMs: Int64, changeID: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Bool {
        let known = try find(meterID, scope, in: transaction)
        try transaction.run(
            """
            UPDATE relay SET actual = $3, actual_at_ms = $4
            WHERE org_id = $1 AND meter_id = $2 AND (actual_at_ms IS NULL OR actual_at_ms <= $4)
            """, [.int(scope.orgID), .int(meterID), .text(state), .int(atMs)])
        guard known?.actual != state else { return false }
        try note(meterID, "actual", state, atMs, changeID, scope, transaction)
        return true
    }

    private static func note(
        _ meterID: Int64, _ side: String, _ state: String, _ atMs: Int64, _ changeID: Int64, _ scope: Scope,
        _ transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO relay_change (org_id, meter_id, change_id, at_ms, side, state)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [.int(scope.orgID), .int(meterID), .int(changeID), .int(atMs), .text(side), .text(state)])
    }

    /// Changes of the wish (`wanted`) and of the state (`actual`) since a time, oldest first; the last one of each side
    /// before it leads.
    public static func changes(
        meterID: Int64, sinceMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(atMs: Int64, side: String, state: String)] {
        let known: [SQLValue] = [.int(scope.orgID), .int(meterID), .int(sinceMs)]
        var found: [(atMs: Int64, side: String, state: String)] = []
        for side in ["wanted", "actual"] {
            found += try transaction.query(
                """
                SELECT at_ms, side, state FROM relay_change
                WHERE org_id = $1 AND meter_id = $2 AND at_ms < $3 AND side = $4
                ORDER BY at_ms DESC, change_id DESC LIMIT 1
                """, known + [.text(side)]
            ) { (atMs: try $0.int(0), side: try $0.text(1), state: try $0.text(2)) }
        }
        return try found
            + transaction.query(
                """
                SELECT at_ms, side, state FROM relay_change WHERE org_id = $1 AND meter_id = $2 AND at_ms >= $3
                ORDER BY at_ms, change_id LIMIT 1000
                """, known
            ) { (atMs: try $0.int(0), side: try $0.text(1), state: try $0.text(2)) }
    }

    /// How many meters are in each (wanted, actual) pair.
    public static func counts(_ scope: Scope, in transaction: any SQLTransaction) throws -> [(
        wanted: String, actual: String, count: Int64
    )] {
        try transaction.query(
            """
            SELECT wanted, COALESCE(actual, 'unknown'), COUNT(*) FROM relay WHERE org_id = $1
            GROUP BY 1, 2 ORDER BY 1, 2
            """,
            [.int(scope.orgID)]
        ) { (wanted: try $0.text(0), actual: try $0.text(1), count: try $0.int(2)) }
    }
}
