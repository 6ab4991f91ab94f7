// Edits of stored values by people: who changed which slots to what and why, who agreed, and what became of it.
// Holds the rows; EditRequest works the values out, EditCommands decide, EditApplier writes versions.
import Access
import CivilTime
import IntervalData
import Meters
import SQL
import VEE

/// Why a person changed values. Stored; never rename.
public enum EditReason: String, Sendable, Codable, CaseIterable {
    case meterFault = "meter-fault"
    case clockFault = "clock-fault"
    case communication
    case meterExchange = "meter-exchange"
    case fieldReading = "field-reading"
    case tamper
    case complaint
    case other
}

/// One edit of one channel of a meter, over one day or a run of days.
public struct ReadingEdit: Sendable, Equatable {
    /// `approved` and `undoing` are on their way into the readings; `stale`: other values came first.
    public enum State: String, Sendable, Codable, CaseIterable {
        case proposed, approved, applied, rejected, stale, undoing, undone
    }

    /// What one day gets.
    public struct Day: Sendable, Equatable {
        public var day: CivilDay
        /// The version the person saw; 0 when there was none.
        public var baseVersion: Int64
        public var slots: [Int]
        public var values: [Int32]
        /// Sum of what the slots differ from before, without signs.
        public var changed: Int64
        public var appliedVersion: Int64?
        public var undoneVersion: Int64?

        public init(day: CivilDay, baseVersion: Int64, slots: [Int], values: [Int32], changed: Int64) {
            self.day = day
            self.baseVersion = baseVersion
            self.slots = slots
            self.values = values
            self.changed = changed
        }
    }

    public var editID: Int64
    public var meterID: Int64
    public var channel: Channel
    public var tool: EditTool
    /// What the tool was told: a day, a total, a method; empty for those told nothing.
    public var detail: String
    public var reasonCode: EditReason
    public var reason: String
    public var state: State
    /// A second person had, or has, to agree.
    public var needsApproval: Bool
    /// Of all its days, without signs, and with them.
    public var changed: Int64
    public var net: Int64
    public var firstDay: CivilDay
    public var lastDay: CivilDay
    public var loginID: Int64
    public var madeAtMs: Int64
    public var decidedBy: Int64?
    public var decidedAtMs: Int64?
    public var decision: String?
    public var appliedAtMs: Int64?
    public var undoneBy: Int64?
    public var undoneAtMs: Int64?
    public var undoReason: String?
    /// What a person should know of how it ended.
    public var note: String
    public var days: [Day]

    static let migration = Migration(
        42, .money, "edits of readings",
        [
            """
            CREATE TABLE reading_edit (org_id {id} NOT NULL, edit_id {id} NOT NULL, request_key {text} NOT NULL,
              request_hash {bytes} NOT NULL, meter_id {id} NOT NULL, channel {int} NOT NULL, tool {text} NOT NULL,
              detail {text} NOT NULL, reason_code {text} NOT NULL, reason {text} NOT NULL, state {text} NOT NULL,
              needs_approval {flag} NOT NULL, changed {int} NOT NULL, net {int} NOT NULL, first_day {int} NOT NULL,
              last_day {int} NOT NULL, login_id {id} NOT NULL, made_at_ms {int} NOT NULL, decided_by {id},
              decided_at_ms {int}, decision {text}, applied_at_ms {int}, undone_by {id}, undone_at_ms {int},
              undo_reason {text}, note {text} NOT NULL, PRIMARY KEY (org_id, edit_id)) {table}
            """,
            "CREATE UNIQUE INDEX reading_edit_request ON reading_edit (org_id, request_key)",
            "CREATE INDEX reading_edit_state ON reading_edit (org_id, state, edit_id)",
            "CREATE INDEX reading_edit_meter ON reading_edit (org_id, meter_id, edit_id)",
            """
            CREATE TABLE reading_edit_day (org_id {id} NOT NULL, edit_id {id} NOT NULL, day {int} NOT NULL,
              base_version {int} NOT NULL, slot_values {text} NOT NULL, changed {int} NOT NULL, applied_version {int},
              undone_version {int}, PRIMARY KEY (org_id, edit_id, day)) {keyed_table}
            """,
        ])

    static let columns = """
        edit_id, meter_id, channel, tool, detail, reason_code, reason, state, needs_approval, changed, net, first_day,
        last_day, login_id, made_at_ms, decided_by, decided_at_ms, decision, applied_at_ms, undone_by, undone_at_ms,
        undo_reason, note
        """

    /// Without its days.
    static func decode(_ row: any SQLRow) throws -> ReadingEdit {
        guard let channel = Channel(rawValue: try row.int(2)), let tool = EditTool(rawValue: try row.text(3)),
            let state = State(rawValue: try row.text(7))
        else { throw SQLError(.decode, "edit \(try row.int(0)) is of a kind this release does not know") }
        return ReadingEdit(
            editID: try row.int(0), meterID: try row.int(1), channel: channel, tool: tool, detail: try row.text(4),
            reasonCode: EditReason(rawValue: try row.text(5)) ?? .other, reason: try row.text(6), state: state,
            needsApproval: try row.flag(8), changed: try row.int(9), net: try row.int(10),
            firstDay: try row.day(11), lastDay: try row.day(12), loginID: try row.int(13), madeAtMs: try row.int(14),
            decidedBy: try row.optionalInt(15), decidedAtMs: try row.optionalInt(16),
            decision: try row.optionalText(17), appliedAtMs: try row.optionalInt(18),
            undoneBy: try row.optionalInt(19), undoneAtMs: try row.optionalInt(20),
            undoReason: try row.optionalText(21), note: try row.text(22), days: [])
    }

    /// `slot=value` with space between.
    static func text(_ day: Day) -> String {
        zip(day.slots, day.values).map { "\($0)=\($1)" }.joined(separator: " ")
    }

    private static func pairs(_ text: String) throws -> (slots: [Int], values: [Int32]) {
        var (slots, values): ([Int], [Int32]) = ([], [])
        for pair in text.split(separator: " ") {
            let parts = pair.split(separator: "=")
            guard parts.count == 2, let slot = Int(parts[0]), let value = Int32(parts[1]) else {
                throw SQLError(.decode, "an edit holds \(pair.prefix(40)), which is no slot and value")
            }
            slots.append(slot)
            values.append(value)
        }
        return (slots, values)
    }

    private func withDays(_ scope: Scope, in transaction: any SQLTransaction) throws -> ReadingEdit {
        var edit = self
        edit.days = try transaction.query(
            """
            SELECT day, base_version, slot_values, changed, applied_version, undone_version FROM reading_edit_day
            WHERE org_id = $1 AND edit_id = $2 ORDER BY day
            """, [.int(scope.orgID), .int(editID)]
        ) { row in
            let (slots, values) = try Self.pairs(row.text(2))
            var day = Day(
                day: try row.day(0), baseVersion: try row.int(1), slots: slots, values: values,
                changed: try row.int(3))
            day.appliedVersion = try row.optionalInt(4)
            day.undoneVersion = try row.optionalInt(5)
            return day
        }
        return edit
    }

    /// With its days.
    /// - Throws: ``Refusal`` `notFound`, also when the scope does not reach the meter.
    public static func find(_ editID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> ReadingEdit {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(editID)]
        let reach = try Meter.reachFilter(of: "reading_edit.meter_id", scope, &parameters)
        let found = try transaction.first(
            "SELECT \(columns) FROM reading_edit WHERE org_id = $1 AND edit_id = $2\(reach)", parameters, decode)
        guard let found else { throw Refusal(.notFound, "There is no such edit.", at: "editID") }
        return try found.withDays(scope, in: transaction)
    }

    /// The edit a request made, and the hash of that request.
    static func find(
        requestKey: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (editID: Int64, hash: [UInt8])? {
        try transaction.first(
            "SELECT edit_id, request_hash FROM reading_edit WHERE org_id = $1 AND request_key = $2",
            [.int(scope.orgID), .text(requestKey)]
        ) { (try $0.int(0), try $0.bytes(1)) }
    }

    /// Newest first, older than `before`, without their days.
    /// - Parameters:
    ///   - states: only these; empty: all.
    ///   - days: only edits that touch one of these days.
    public static func page(
        before editID: Int64?, states: [State] = [], meterID: Int64? = nil, days: ClosedRange<CivilDay>? = nil,
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [ReadingEdit] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(editID ?? .max), .int(limit)]
        var filter = try Meter.reachFilter(of: "reading_edit.meter_id", scope, &parameters)
        if !states.isEmpty {
            // Closed set: its own words.
            filter += " AND state IN (\(states.map { "'\($0.rawValue)'" }.joined(separator: ", ")))"
        }
        if let meterID { filter += " AND meter_id = \(parameters.bind([meterID]))" }
        if let days {
            filter += " AND last_day >= \(parameters.bind([Int64(days.lowerBound.number)]))"
            filter += " AND first_day <= \(parameters.bind([Int64(days.upperBound.number)]))"
        }
        return try transaction.query(
            """
            SELECT \(columns) FROM reading_edit WHERE org_id = $1 AND edit_id < $2\(filter)
            ORDER BY edit_id DESC LIMIT $3
            """, parameters, decode)
    }

    /// Edits of some days of a meter with their days, oldest first: what says who made a version.
    public static func of(
        meterID: Int64, days: ClosedRange<CivilDay>, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [ReadingEdit] {
        try page(before: nil, meterID: meterID, days: days, limit: 200, scope, in: transaction).reversed().map {
            try $0.withDays(scope, in: transaction)
        }
    }

    /// How many wait for a second person.
    public static func waitingCount(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let reach = try Meter.reachFilter(of: "reading_edit.meter_id", scope, &parameters)
        return try transaction.first(
            "SELECT COUNT(*) FROM reading_edit WHERE org_id = $1 AND state = 'proposed'\(reach)", parameters
        ) { try $0.int(0) } ?? 0
    }

    func insert(
        requestKey: String, requestHash: [UInt8], _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO reading_edit (org_id, edit_id, request_key, request_hash, meter_id, channel, tool, detail,
              reason_code, reason, state, needs_approval, changed, net, first_day, last_day, login_id, made_at_ms, note)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, '')
            """,
            [
                .int(scope.orgID), .int(editID), .text(requestKey), .bytes(requestHash), .int(meterID),
                .int(channel.rawValue), .text(tool.rawValue), .text(detail), .text(reasonCode.rawValue), .text(reason),
                .text(state.rawValue), .flag(needsApproval), .int(changed), .int(net), .day(firstDay),
                .day(lastDay), .int(loginID), .int(madeAtMs),
            ])
        try transaction.runMany(
            """
            INSERT INTO reading_edit_day (org_id, edit_id, day, base_version, slot_values, changed)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            days.map { day in
                [
                    .int(scope.orgID), .int(editID), .day(day.day), .int(day.baseVersion), .text(Self.text(day)),
                    .int(day.changed),
                ]
            })
    }
}

/// When a second person must agree to an edit: dated settings of the company.
public struct EditLimits: Sendable, Equatable {
    public static let energySetting = "edits.approve-above-wh"
    public static let shareSetting = "edits.approve-above-percent"
    public static let settings: [SettingKind] = [
        .wholeNumber(
            energySetting, 0...1_000_000_000, initial: 10_000,
            hint: """
                An edit that changes more than this, in Wh, VAh or varh, waits for a second person; counted with what \
                the same person changed of the same days before.
                """),
        .wholeNumber(
            shareSetting, 0...1_000_000, initial: 50,
            hint: "An edit that changes more of a day's total than this percentage waits for a second person."),
    ]

    public var energyWh: Int64
    public var sharePercent: Int64

    static func inForce(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> EditLimits {
        let registry = SettingRegistry(settings)
        return EditLimits(
            energyWh: Int64(try registry.value(energySetting, on: day, scope, in: transaction)) ?? 0,
            sharePercent: Int64(try registry.value(shareSetting, on: day, scope, in: transaction)) ?? 0)
    }
}

extension Channel {
    /// Whether its values add up over a day.
    public var isEnergy: Bool { rawValue <= Channel.varhQ4.rawValue }
}
