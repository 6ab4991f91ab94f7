// Exceptions of validation and estimation: raised once, resolved by better data or by a person, never deleted. What a
// person does with them: ExceptionWork.swift; lists: ExceptionList.swift.
import CivilTime
import SQL
import VEE

/// How a person settled an exception. Raw values are stored.
public enum ExceptionResolution: String, Sendable, CaseIterable, Codable {
    /// The held values are right: they are released as actual.
    case accepted
    /// The estimate stands.
    case estimated
    /// A person has written values over it.
    case edited
    /// Somebody must go to the meter.
    case visit
    /// Seen, nothing is to be done.
    case aside
}

public struct VEEException: Sendable, Equatable {
    /// Rule name of a day that estimation could not fill.
    public static let notEstimable = "notEstimable"
    /// Rule name of values by a person that the meter's own replaced.
    public static let editReplaced = "editReplaced"
    /// Rule name of values that differ from stored ones.
    static let conflict = "conflict"
    /// Rule name of stamps that fit no interval.
    static let stamps = "stamps"
    /// Every name of a rule: of the checks, and of what is found without one.
    public static let ruleNames = Rule.allCases.map(\.rawValue) + [notEstimable, editReplaced, conflict, stamps]
    /// Resolution by the machine.
    static let laterRead = "a later read is good"

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
    /// Raw value of ``ExceptionResolution``, or words of the machine.
    public var resolution: String?
    /// Where the held values came from; nil for those of earlier releases.
    public var batchID: Int64?
    /// Who has taken it.
    public var ownerID: Int64?
    public var takenAtMs: Int64?
    /// Nil for the machine.
    public var resolvedBy: Int64?

    public init(
        day: CivilDay, meterID: Int64, rule: String, slots: Range<Int>, severity: String, message: String,
        rawValues: String, raisedAtMs: Int64, resolvedAtMs: Int64? = nil, resolution: String? = nil,
        batchID: Int64? = nil
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
        self.batchID = batchID
    }

    public var id: ExceptionID { ExceptionID(day: day, meterID: meterID, rule: rule, fromSlot: slots.lowerBound) }

    public var isOpen: Bool { resolvedAtMs == nil }

    /// Settled by a person, here or by an edit; the same finding on the same values does not come back then.
    var isAnswered: Bool { resolution.map { $0 != Self.laterRead } ?? false }

    /// The values held back, slot by slot; a slot where nothing came is left out.
    public var held: [(slot: Int, value: Int32)] {
        guard !rawValues.isEmpty else { return [] }
        return zip(slots, rawValues.split(separator: " ", omittingEmptySubsequences: false)).compactMap { slot, text in
            Int32(text).map { (slot, $0) }
        }
    }

    /// The same finding on the same values. A hard one is known by its values: its words may name the days before.
    func says(what other: VEEException) -> Bool {
        rule == other.rule && slots == other.slots && severity == other.severity
            && (rawValues.isEmpty ? message == other.message : rawValues == other.rawValues)
    }

    static let columns =
        """
        day, meter_id, rule, from_slot, to_slot, severity, message, raw_values, raised_at_ms, resolved_at_ms,
        resolution, batch_id, owner_id, taken_at_ms, resolved_by
        """

    static func decode(_ row: any SQLRow) throws -> VEEException {
        var found = VEEException(
            day: try row.day(0), meterID: try row.int(1), rule: try row.text(2),
            slots: Int(try row.int(3))..<Int(try row.int(4)), severity: try row.text(5), message: try row.text(6),
            rawValues: try row.text(7), raisedAtMs: try row.int(8), resolvedAtMs: try row.optionalInt(9),
            resolution: try row.optionalText(10), batchID: try row.optionalInt(11))
        (found.ownerID, found.takenAtMs) = (try row.optionalInt(12), try row.optionalInt(13))
        found.resolvedBy = try row.optionalInt(14)
        return found
    }

    /// Raises what is found now and resolves open ones of the day that are not found any more, except rules in
    /// `keeping`. What a person has settled stays settled while the finding is the same. Writes nothing when nothing
    /// is new.
    /// - Parameter known: all exceptions of the day, as they stand.
    static func replaceOpen(
        meterID: Int64, day: CivilDay, known: [VEEException], keeping: Set<String>, with raised: [VEEException],
        nowMs: Int64, resolution: String, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        for old in known where old.isOpen && !keeping.contains(old.rule) {
            guard !raised.contains(where: { $0.id == old.id }) else { continue }
            try transaction.run(
                """
                UPDATE vee_exception SET resolved_at_ms = $6, resolution = $7
                WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5
                """, old.id.parameters(orgID) + [.int(nowMs), .text(resolution)])
        }
        let news = raised.filter { item in
            guard let old = known.first(where: { $0.id == item.id }) else { return true }
            return !((old.isOpen || old.isAnswered) && old.says(what: item))
        }
        try raise(news, orgID: orgID, in: transaction)
    }

    /// An exception that was settled is open again, with nobody at work on it; an open one keeps who is.
    static func raise(_ raised: [VEEException], orgID: Int64, in transaction: any SQLTransaction) throws {
        guard !raised.isEmpty else { return }
        try transaction.runMany(
            """
            INSERT INTO vee_exception (org_id, day, meter_id, rule, from_slot, to_slot, severity, message, raw_values,
              raised_at_ms, batch_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (org_id, day, meter_id, rule, from_slot) DO UPDATE SET to_slot = excluded.to_slot,
              severity = excluded.severity, message = excluded.message,
              raw_values = excluded.raw_values,
              batch_id = excluded.batch_id,
              raised_at_ms = CASE WHEN vee_exception.resolved_at_ms IS NULL THEN vee_exception.raised_at_ms
                ELSE excluded.raised_at_ms END,
              owner_id = CASE WHEN vee_exception.resolved_at_ms IS NULL THEN vee_exception.owner_id ELSE NULL END,
              taken_at_ms = CASE WHEN vee_exception.resolved_at_ms IS NULL THEN vee_exception.taken_at_ms
                ELSE NULL END,
              resolved_at_ms = NULL, resolution = NULL, resolved_by = NULL
            """,
            raised.map { item in
                [
                    .int(orgID), .day(item.day), .int(item.meterID), .text(item.rule), .int(item.slots.lowerBound),
                    .int(item.slots.upperBound), .text(item.severity), .text(item.message), .text(item.rawValues),
                    .int(item.raisedAtMs), .optional(item.batchID),
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
            found.isOpen && !found.slots.isEmpty && found.slots.allSatisfy(written.contains)
        }
        try transaction.runMany(
            """
            UPDATE vee_exception SET resolved_at_ms = $6, resolution = $7
            WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5
            """, met.map { $0.id.parameters(orgID) + [.int(nowMs), .text(resolution)] })
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

/// Which exception: there is one of a rule at a slot of a meter's day. As text `2026-11-20.1001.spike.20`.
public struct ExceptionID: Sendable, Hashable, CustomStringConvertible {
    public var day: CivilDay
    public var meterID: Int64
    public var rule: String
    public var fromSlot: Int
    public init(day: CivilDay, meterID: Int64, rule: String, fromSlot: Int) {
        self.day = day
        self.meterID = meterID
        self.rule = rule
        self.fromSlot = fromSlot
    }
    /// Nil when the text is none.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let day = CivilDay(parts[0]), let meterID = Int64(parts[1]), meterID > 0,
            (1...40).contains(parts[2].count), parts[2].allSatisfy({ $0.isASCII && $0.isLetter }),
            let slot = Int(parts[3]), (0..<2000).contains(slot)
        else { return nil }
        self.init(day: day, meterID: meterID, rule: String(parts[2]), fromSlot: slot)
    }
    public var description: String { "\(day).\(meterID).\(rule).\(fromSlot)" }

    /// `$1` to `$5` of a statement on its row.
    func parameters(_ orgID: Int64) -> [SQLValue] {
        [.int(orgID), .day(day), .int(meterID), .text(rule), .int(fromSlot)]
    }
}
