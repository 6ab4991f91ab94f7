// Meters of the network itself: what goes into a feeder or a transformer. And virtual meters, which are sums and
// differences of others, as dated text. Evaluates nothing.
import Access
import CivilTime
import Grid
import SQL

extension MetersSchema {
    /// Statements of migration 45 on tables of this domain.
    public static let delivery = [
        """
        CREATE TABLE grid_meter (org_id {id} NOT NULL, meter_id {id} NOT NULL, from_day {int} NOT NULL, to_day {int},
          place_id {id} NOT NULL, PRIMARY KEY (org_id, meter_id, from_day)) {keyed_table}
        """,
        "CREATE INDEX grid_meter_place ON grid_meter (org_id, place_id, from_day)",
        """
        CREATE TABLE virtual_meter (org_id {id} NOT NULL, virtual_id {id} NOT NULL, name {text} NOT NULL,
          PRIMARY KEY (org_id, virtual_id)) {keyed_table}
        """,
        "CREATE UNIQUE INDEX virtual_meter_name ON virtual_meter (org_id, name)",
        """
        CREATE TABLE virtual_formula (org_id {id} NOT NULL, virtual_id {id} NOT NULL, from_day {int} NOT NULL,
          revision {int} NOT NULL, formula {text} NOT NULL, made_at_ms {int} NOT NULL,
          PRIMARY KEY (org_id, virtual_id, from_day, revision)) {keyed_table}
        """,
    ]
}

/// A meter at the head of a place: its import is what goes in, its export what comes back. Days are inclusive.
public struct GridMeter: Sendable, Equatable {
    public var meterID: Int64
    public var placeID: Int64
    public var fromDay: CivilDay
    public var toDay: CivilDay?

    /// Those that stand on any day of a period, in places of the scope, in order of place and meter.
    public static func standing(
        from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [GridMeter] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(from), .day(to)]
        let reach = Place.filter("grid_meter.place_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT meter_id, place_id, from_day, to_day FROM grid_meter
            WHERE org_id = $1 AND from_day <= $3 AND (to_day IS NULL OR to_day >= $2)\(reach)
            ORDER BY place_id, meter_id, from_day
            """, parameters
        ) { row in
            GridMeter(
                meterID: try row.int(0), placeID: try row.int(1), fromDay: try row.day(2),
                toDay: try row.optionalDay(3))
        }
    }
}

/// Says that a meter measures what goes into a place, from a day on; it stood elsewhere until the day before.
public struct SetGridMeter: Command {
    public static let name = "meters.set-grid-meter"
    public static let permissions: [Permission] = [.manageSettings]
    public var serial: String
    public var placeID: Int64
    public var fromDay: CivilDay
    public init(serial: String, placeID: Int64, fromDay: CivilDay) {
        self.serial = serial
        self.placeID = placeID
        self.fromDay = fromDay
    }
    public var key: String? { nil }
    public var subjectID: Int64 { placeID }
    public var content: String { "serial=\(serial) place=\(placeID) from=\(fromDay)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        guard try Place.find(placeID, scope, in: transaction).kind != .pole else {
            throw Refusal(.invalid, "Sums are not kept for poles.", hint: "Give the transformer.", at: "placeID")
        }
        // It serves no account, so it lies in no place yet: it is looked for in the company.
        guard let meter = try Meter.find(serial: serial, Scope(orgID: scope.orgID), in: transaction) else {
            throw Refusal(.notFound, "There is no meter of this number.", at: "serial")
        }
        let isInstalled = try transaction.first(
            """
            SELECT 1 FROM installation WHERE org_id = $1 AND meter_id = $2 AND (to_day IS NULL OR to_day >= $3) LIMIT 1
            """,
            [.int(scope.orgID), .int(meter.meterID), .day(fromDay)]
        ) { try $0.int(0) }
        guard isInstalled == nil else {
            throw Refusal(
                .conflict, "This meter serves an account.", hint: "Give a meter of the network.", at: "serial")
        }
        let last = try transaction.first(
            """
            SELECT from_day, place_id FROM grid_meter WHERE org_id = $1 AND meter_id = $2
            ORDER BY from_day DESC LIMIT 1
            """, [.int(scope.orgID), .int(meter.meterID)]
        ) { (try $0.day(0), try $0.int(1)) }
        if let last {
            _ = try Place.find(last.1, scope, in: transaction)
            guard fromDay >= last.0 else {
                throw Refusal(
                    .invalid, "It stands elsewhere from \(last.0) on.", hint: "Give that day or a later one.",
                    at: "fromDay")
            }
            if last.1 == placeID { return meter.meterID }
            try transaction.run(
                "UPDATE grid_meter SET to_day = $4 WHERE org_id = $1 AND meter_id = $2 AND from_day = $3",
                [.int(scope.orgID), .int(meter.meterID), .day(last.0), .day(fromDay.advanced(by: -1))])
        }
        try transaction.run(
            """
            INSERT INTO grid_meter (org_id, meter_id, from_day, place_id) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, meter_id, from_day) DO UPDATE SET place_id = excluded.place_id, to_day = NULL
            """, [.int(scope.orgID), .int(meter.meterID), .day(fromDay), .int(placeID)])
        context.changed(
            .meter(meter.meterID), "measures place", from: last.map { "\($0.1)" }, to: "\(placeID) from \(fromDay)")
        return meter.meterID
    }
}

/// A virtual meter's formula from a day on.
public struct VirtualFormula: Sendable, Equatable {
    public var virtualID: Int64
    public var name: String
    public var fromDay: CivilDay
    public var revision: Int64
    public var formula: String

    public init(virtualID: Int64, name: String, fromDay: CivilDay, revision: Int64, formula: String) {
        self.virtualID = virtualID
        self.name = name
        self.fromDay = fromDay
        self.revision = revision
        self.formula = formula
    }

    /// The current revision of every formula of the company, in order of meter and day.
    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [VirtualFormula] {
        let rows = try transaction.query(
            """
            SELECT v.virtual_id, v.name, f.from_day, f.revision, f.formula FROM virtual_meter v JOIN virtual_formula f
              ON f.org_id = v.org_id AND f.virtual_id = v.virtual_id WHERE v.org_id = $1
            ORDER BY v.virtual_id, f.from_day, f.revision
            """, [.int(scope.orgID)]
        ) { row in
            VirtualFormula(
                virtualID: try row.int(0), name: try row.text(1), fromDay: try row.day(2), revision: try row.int(3),
                formula: try row.text(4))
        }
        return rows.reduce(into: []) { kept, row in
            if let last = kept.last, last.virtualID == row.virtualID, last.fromDay == row.fromDay { kept.removeLast() }
            kept.append(row)
        }
    }

    /// Stores a formula that was checked; the meter is added with its first one.
    public static func store(
        name: String, virtualID: Int64, fromDay: CivilDay, formula: String, revision: Int64, atMs: Int64,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            "INSERT INTO virtual_meter (org_id, virtual_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            [.int(scope.orgID), .int(virtualID), .text(name)])
        try transaction.run(
            """
            INSERT INTO virtual_formula (org_id, virtual_id, from_day, revision, formula, made_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [.int(scope.orgID), .int(virtualID), .day(fromDay), .int(revision), .text(formula), .int(atMs)])
    }
}
