// Exceptions of validation and estimation: raised once, resolved by better data or by a person, never deleted.
import CivilTime
import SQL

public struct VEEException: Sendable, Equatable {
    /// Rule name of a day that estimation could not fill.
    public static let notEstimable = "notEstimable"
    /// Rule name of values by a person that the meter's own replaced.
    public static let editReplaced = "editReplaced"

    public var day: CivilDay
    public var meterID: Int64
    /// Raw value of `Rule`, or `conflict`, `stamps`, `notEstimable`.
    public var rule: String
    public var slots: Range<Int>
    public var severity: String
    public var message: String
    /// The values held back, space between, empty where nothing came.
    public var rawValues: String
    public var raisedAtMs: Int64
    public var resolvedAtMs: Int64?
    public var resolution: String?

    public init(
        day: CivilDay, meterID: Int64, rule: String, slots: Range<Int>, severity: String, message: String,
        rawValues: String, raisedAtMs: Int64, resolvedAtMs: Int64? = nil, resolution: String? = nil
    ) {
        self.day = day
        self.meterID = meterID
        self.rule = rule
        self.slots = slots
        self.severity = severity
        self.message = message
        self.rawValues = rawValues
        self.raisedAtMs = raisedAtMs
        self.resolvedAtMs = resolvedAtMs
        self.resolution = resolution
    }

    private static let columns =
        """
        day, meter_id, rule, from_slot, to_slot, severity, message, raw_values, raised_at_ms, resolved_at_ms,
        resolution
        """

    private static func decode(_ row: any SQLRow) throws -> VEEException {
        VEEException(
            day: try row.day(0), meterID: try row.int(1), rule: try row.text(2),
            slots: Int(try row.int(3))..<Int(try row.int(4)), severity: try row.text(5), message: try row.text(6),
            rawValues: try row.text(7), raisedAtMs: try row.int(8), resolvedAtMs: try row.optionalInt(9),
            resolution: try row.optionalText(10))
    }

    /// Raises what is found now and resolves open ones of the day that are not found any more, except rules in
    /// `keeping`.
    static func replaceOpen(
        meterID: Int64, day: CivilDay, keeping: Set<String>, with raised: [VEEException], nowMs: Int64,
        resolution: String,
        orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        let open = try of(meterID: meterID, from: day, to: day, orgID: orgID, in: transaction).filter {
            $0.resolvedAtMs == nil
        }
        for old in open where !keeping.contains(old.rule) {
            guard !raised.contains(where: { $0.rule == old.rule && $0.slots.lowerBound == old.slots.lowerBound }) else {
                continue
            }
            try transaction.run(
                """
                UPDATE vee_exception SET resolved_at_ms = $6, resolution = $7
                WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5
                """,
                [
                    .int(orgID), .day(day), .int(meterID), .text(old.rule), .int(old.slots.lowerBound), .int(nowMs),
                    .text(resolution),
                ])
        }
        try raise(raised, orgID: orgID, in: transaction)
    }

    static func raise(_ raised: [VEEException], orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.runMany(
            """
            INSERT INTO vee_exception (org_id, day, meter_id, rule, from_slot, to_slot, severity, message, raw_values,
              raised_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (org_id, day, meter_id, rule, from_slot) DO UPDATE SET to_slot = excluded.to_slot,
              severity = excluded.severity, message = excluded.message, resolved_at_ms = NULL, resolution = NULL
            """,
            raised.map { item in
                [
                    .int(orgID), .day(item.day), .int(item.meterID), .text(item.rule), .int(item.slots.lowerBound),
                    .int(item.slots.upperBound), .text(item.severity), .text(item.message), .text(item.rawValues),
                    .int(item.raisedAtMs),
                ]
            })
    }

    /// Open ones of a day that lie wholly within some slots are resolved by who wrote these.
    static func resolve(
        within slots: [Int], meterID: Int64, day: CivilDay, nowMs: Int64, resolution: String, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws {
        let written = Set(slots)
        let met = try of(meterID: meterID, from: day, to: day, orgID: orgID, in: transaction).filter { found in
            found.resolvedAtMs == nil && !found.slots.isEmpty && found.slots.allSatisfy(written.contains)
        }
        try transaction.runMany(
            """
            UPDATE vee_exception SET resolved_at_ms = $6, resolution = $7
            WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5
            """,
            met.map { found in
                [
                    .int(orgID), .day(day), .int(meterID), .text(found.rule), .int(found.slots.lowerBound),
                    .int(nowMs), .text(resolution),
                ]
            })
    }

    /// What a resolution had closed is open again.
    static func reopen(
        resolution: String, meterID: Int64, day: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE vee_exception SET resolved_at_ms = NULL, resolution = NULL
            WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND resolution = $4
            """, [.int(orgID), .day(day), .int(meterID), .text(resolution)])
    }

    /// All exceptions of a meter from day to day (one month), latest day first.
    public static func of(
        meterID: Int64, from: CivilDay, to: CivilDay, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [VEEException] {
        try transaction.query(
            """
            SELECT \(columns) FROM vee_exception WHERE org_id = $1 AND day >= $2 AND day <= $3 AND meter_id = $4
            ORDER BY day DESC, rule, from_slot LIMIT 500
            """, [.int(orgID), .day(from), .day(to), .int(meterID)], decode)
    }

    /// Open ones from day to day (one month), latest day first; hard ones only.
    /// - Parameter meterIDs: only of these meters, at most a few hundred at once; nil for all of the company.
    public static func open(
        from: CivilDay, to: CivilDay, meterIDs: [Int64]? = nil, limit: Int, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws -> [VEEException] {
        var parameters: [SQLValue] = [.int(orgID), .day(from), .day(to), .int(limit)]
        let mine = meterIDs.map { " AND meter_id IN (\(parameters.bind($0)))" } ?? ""
        return try transaction.query(
            """
            SELECT \(columns) FROM vee_exception WHERE org_id = $1 AND day >= $2 AND day <= $3\(mine)
              AND resolved_at_ms IS NULL AND severity = 'hard' ORDER BY day DESC, meter_id, rule LIMIT $4
            """, parameters, decode)
    }
}
