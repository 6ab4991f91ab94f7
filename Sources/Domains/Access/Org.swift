// Companies and their dated settings.
import CivilTime
import SQL

public struct Org: Sendable, Equatable {
    public var orgID: Int64
    public var name: String
    public var zone: Zone
    public var currency: String
    public init(orgID: Int64, name: String, zone: Zone = .india, currency: String = "INR") {
        self.orgID = orgID
        self.name = name
        self.zone = zone
        self.currency = currency
    }

    public func create(in transaction: any SQLTransaction) throws {
        try transaction.run(
            "INSERT INTO org (org_id, name, zone, currency) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            [.int(orgID), .text(name), .text(zone.identifier), .text(currency)])
    }

    public static func all(in transaction: any SQLTransaction) throws -> [Org] {
        try transaction.query("SELECT org_id, name, zone, currency FROM org ORDER BY org_id", [], decode)
    }

    public static func find(_ orgID: Int64, in transaction: any SQLTransaction) throws -> Org {
        let found = try transaction.first(
            "SELECT org_id, name, zone, currency FROM org WHERE org_id = $1", [.int(orgID)], decode)
        guard let found else { throw Refusal(.notFound, "There is no company \(orgID).") }
        return found
    }

    private static func decode(_ row: any SQLRow) throws -> Org {
        let name = try row.text(2)
        guard let zone = Zone(name) else {
            throw SQLError(.decode, "company \(try row.int(0)): unknown zone \(name)")
        }
        return Org(orgID: try row.int(0), name: try row.text(1), zone: zone, currency: try row.text(3))
    }
}

/// Business rules as dated rows: the row with the latest `from_day` not after the day is in force.
public enum Setting {
    public static func value(_ name: String, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction)
        throws -> String?
    {
        try transaction.first(
            """
            SELECT value FROM setting WHERE org_id = $1 AND name = $2 AND from_day <= $3 ORDER BY from_day DESC LIMIT 1
            """, [.int(scope.orgID), .text(name), .day(day)]
        ) { try $0.text(0) }
    }

    /// Every row of a name, in order of day.
    public static func rows(_ name: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> [(
        fromDay: CivilDay, value: String
    )] {
        try transaction.query(
            "SELECT from_day, value FROM setting WHERE org_id = $1 AND name = $2 ORDER BY from_day",
            [.int(scope.orgID), .text(name)]
        ) { (fromDay: try $0.day(0), value: try $0.text(1)) }
    }

    public static func set(
        _ name: String, _ value: String, from day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO setting (org_id, name, from_day, value) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, name, from_day) DO UPDATE SET value = excluded.value
            """, [.int(scope.orgID), .text(name), .day(day), .text(value)])
    }
}
