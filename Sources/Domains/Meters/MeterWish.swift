// What is wanted of a meter beside its relay and what it says itself: one row for each meter and matter. Who wants it
// and why stands in the row. Deciding and commanding are others'.
import Access
import SQL

/// What is wanted of a meter in one matter. Texts as HeadEnd writes them.
public struct MeterWish: Sendable, Equatable {
    /// `waiting`: a command is on its way. `failed`: it was given up, or the meter drifts again and again; a person is
    /// needed. `unwanted`: taken back; what the meter said last stays known.
    public enum State: String, Sendable, CaseIterable { case waiting, met, failed, unwanted }

    /// Who wants it, and why.
    public struct Authority: Sendable, Equatable {
        public var reason: String
        /// `login 77`, or `rule balance`.
        public var by: String
        /// The order it came with; nil for a rule.
        public var orderID: Int64?
        public init(reason: String, by: String, orderID: Int64? = nil) {
            (self.reason, self.by, self.orderID) = (reason, by, orderID)
        }
    }

    public var meterID: Int64
    public var matter: String
    public var desired: String
    /// Counts the changes of mind: a command of an earlier one is not sent.
    public var revision: Int64
    public var wantedAtMs: Int64
    public var authority: Authority
    public var state: State
    /// As read from the meter; nil until it has been read.
    public var actual: String?
    public var actualAtMs: Int64?
    /// When the meter was last found to differ from what it had confirmed, and how often it was told again since.
    public var driftedAtMs: Int64?
    public var resentCount: Int64
    public var nextCheckMs: Int64

    static let migration = Migration(
        35, .money, "what is wanted of meters",
        [
            """
            CREATE TABLE meter_wish (org_id {id} NOT NULL, meter_id {id} NOT NULL, matter {text} NOT NULL,
              desired {text} NOT NULL, revision {int} NOT NULL, wanted_at_ms {int} NOT NULL, reason {text} NOT NULL,
              authority {text} NOT NULL, order_id {id}, state {text} NOT NULL, actual {text}, actual_at_ms {int},
              drifted_at_ms {int}, resent_count {int} NOT NULL, next_check_ms {int} NOT NULL,
              PRIMARY KEY (org_id, meter_id, matter)) {keyed_table}
            """,
            "CREATE INDEX meter_wish_check ON meter_wish (org_id, state, next_check_ms)",
        ])

    private static let columns = """
        meter_id, matter, desired, revision, wanted_at_ms, reason, authority, order_id, state, actual, actual_at_ms,
        drifted_at_ms, resent_count, next_check_ms
        """

    private static func decode(_ row: any SQLRow) throws -> MeterWish {
        MeterWish(
            meterID: try row.int(0), matter: try row.text(1), desired: try row.text(2), revision: try row.int(3),
            wantedAtMs: try row.int(4),
            authority: Authority(reason: try row.text(5), by: try row.text(6), orderID: try row.optionalInt(7)),
            state: State(rawValue: try row.text(8)) ?? .failed, actual: try row.optionalText(9),
            actualAtMs: try row.optionalInt(10), driftedAtMs: try row.optionalInt(11), resentCount: try row.int(12),
            nextCheckMs: try row.int(13))
    }

    public static func find(
        _ meterID: Int64, _ matter: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> MeterWish? {
        try transaction.first(
            "SELECT \(columns) FROM meter_wish WHERE org_id = $1 AND meter_id = $2 AND matter = $3",
            [.int(scope.orgID), .int(meterID), .text(matter)], decode)
    }

    /// All that is or was wanted of a meter, by matter.
    public static func of(meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [MeterWish] {
        _ = try Meter.find(meterID, scope, in: transaction)
        return try transaction.query(
            "SELECT \(columns) FROM meter_wish WHERE org_id = $1 AND meter_id = $2 ORDER BY matter",
            [.int(scope.orgID), .int(meterID)], decode)
    }

    /// Wishes that stand and whose meters are to be asked again, longest overdue first.
    public static func toCheck(nowMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [MeterWish]
    {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_wish WHERE org_id = $1 AND state = 'met' AND next_check_ms <= $2
            ORDER BY next_check_ms, meter_id LIMIT $3
            """, [.int(scope.orgID), .int(nowMs), .int(limit)], decode)
    }

    /// Meters found to differ from what they had confirmed and not yet put right, latest first.
    public static func drifted(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [MeterWish] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let reach = try Meter.reachFilter(of: "meter_wish.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns) FROM meter_wish WHERE org_id = $1 AND drifted_at_ms IS NOT NULL
              AND state IN ('waiting', 'failed')\(reach)
            ORDER BY drifted_at_ms DESC, meter_id LIMIT $2
            """, parameters, decode)
    }

    /// Records a wish and gives its new revision; nil when just that was wanted already and `always` is false.
    public static func want(
        _ desired: String, _ matter: String, meterID: Int64, _ authority: Authority, always: Bool, atMs: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        let known = try find(meterID, matter, scope, in: transaction)
        if let known, known.desired == desired, !always, known.state != .unwanted { return nil }
        let revision = (known?.revision ?? 0) + 1
        try transaction.run(
            """
            INSERT INTO meter_wish (org_id, meter_id, matter, desired, revision, wanted_at_ms, reason, authority,
              order_id, state, resent_count, next_check_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', 0, $6)
            ON CONFLICT (org_id, meter_id, matter) DO UPDATE SET desired = excluded.desired,
              revision = excluded.revision, wanted_at_ms = excluded.wanted_at_ms, reason = excluded.reason,
              authority = excluded.authority, order_id = excluded.order_id, state = 'waiting', resent_count = 0,
              drifted_at_ms = NULL
            """,
            [
                .int(scope.orgID), .int(meterID), .text(matter), .text(desired), .int(revision), .int(atMs),
                .text(authority.reason), .text(authority.by), .optional(authority.orderID),
            ])
        return revision
    }

    /// The same is wanted anew: nothing is sent for it.
    public static func stillWanted(
        _ meterID: Int64, _ matter: String, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            "UPDATE meter_wish SET wanted_at_ms = $4 WHERE org_id = $1 AND meter_id = $2 AND matter = $3",
            [.int(scope.orgID), .int(meterID), .text(matter), .int(atMs)])
    }

    /// The count that a reset is to reach, known only once the meter was asked. False when something else is wanted
    /// by now.
    public func settle(desired: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.run(
            """
            UPDATE meter_wish SET desired = $5 WHERE org_id = $1 AND meter_id = $2 AND matter = $3 AND revision = $4
            """, [.int(scope.orgID), .int(meterID), .text(matter), .int(revision), .text(desired)]) == 1
    }

    /// What the meter says, and where the wish stands by it. Nothing when something else is wanted by now.
    /// - Parameter actual: nil when the meter could not be asked.
    public func note(
        _ state: State, actual: String?, atMs: Int64, nextCheckMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE meter_wish SET state = $5, actual = COALESCE($6, actual),
              actual_at_ms = CASE WHEN $6 IS NULL THEN actual_at_ms ELSE $7 END, next_check_ms = $8,
              drifted_at_ms = CASE WHEN $5 = 'met' THEN NULL ELSE drifted_at_ms END
            WHERE org_id = $1 AND meter_id = $2 AND matter = $3 AND revision = $4 AND state <> 'unwanted'
            """,
            [
                .int(scope.orgID), .int(meterID), .text(matter), .int(revision), .text(state.rawValue),
                actual.map { .text($0) } ?? .null, .int(atMs), .int(nextCheckMs),
            ])
    }

    /// The meter differs from what it had confirmed. True when it is to be told again, false when a person is needed.
    public func drift(
        actual: String, resendMax: Int64, atMs: Int64, nextCheckMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Bool {
        let isAgain = resentCount < resendMax
        try transaction.run(
            """
            UPDATE meter_wish SET state = $5, actual = $6, actual_at_ms = $7, next_check_ms = $8, drifted_at_ms = $7,
              resent_count = resent_count + $9
            WHERE org_id = $1 AND meter_id = $2 AND matter = $3 AND revision = $4 AND state = 'met'
            """,
            [
                .int(scope.orgID), .int(meterID), .text(matter), .int(revision),
                .text((isAgain ? State.waiting : .failed).rawValue), .text(actual), .int(atMs), .int(nextCheckMs),
                .int(isAgain ? 1 : 0),
            ])
        return isAgain
    }

    /// Nobody wants it any more; a command for it that was not sent is not sent.
    public static func withdraw(
        meterID: Int64, _ matter: String, orderID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE meter_wish SET state = 'unwanted', revision = revision + 1
            WHERE org_id = $1 AND meter_id = $2 AND matter = $3 AND order_id = $4 AND state = 'waiting'
            """, [.int(scope.orgID), .int(meterID), .text(matter), .int(orderID)])
    }

    /// How many wishes are in each state, by matter.
    public static func counts(_ scope: Scope, in transaction: any SQLTransaction) throws -> [(
        matter: String, state: State, count: Int64
    )] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let reach = try Meter.reachFilter(of: "meter_wish.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT matter, state, COUNT(*) FROM meter_wish WHERE org_id = $1\(reach)
            GROUP BY matter, state ORDER BY matter, state
            """, parameters
        ) { (matter: try $0.text(0), state: State(rawValue: try $0.text(1)) ?? .failed, count: try $0.int(2)) }
    }
}
