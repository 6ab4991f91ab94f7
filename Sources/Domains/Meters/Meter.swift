// Meter assets, where they are installed, their sealed keys and the relay state that is wanted and known.
import Access
import Accounts
import CivilTime
import SQL

public enum MetersSchema {
    public static let migrations = [
        Migration(
            4, .money, "meters",
            [
                """
                CREATE TABLE meter (org_id {id} NOT NULL, meter_id {id} NOT NULL, serial {text} NOT NULL,
                  profile_name {text} NOT NULL, host {text} NOT NULL, port {int} NOT NULL,
                  client_address {int} NOT NULL,
                  authentication {text} NOT NULL, sealed_keys {bytes}, capture_period_s {int} NOT NULL,
                  PRIMARY KEY (org_id, meter_id)) {table}
                """,
                "CREATE UNIQUE INDEX meter_serial ON meter (org_id, serial)",
                """
                CREATE TABLE installation (org_id {id} NOT NULL, meter_id {id} NOT NULL, from_day {int} NOT NULL,
                  to_day {int}, account_id {id} NOT NULL, PRIMARY KEY (org_id, meter_id, from_day)) {keyed_table}
                """,
                "CREATE INDEX installation_account ON installation (org_id, account_id, from_day)",
                """
                CREATE TABLE relay (org_id {id} NOT NULL, meter_id {id} NOT NULL, wanted {text} NOT NULL,
                  wanted_at_ms {int} NOT NULL, wanted_reason {text} NOT NULL, actual {text}, actual_at_ms {int},
                  PRIMARY KEY (org_id, meter_id)) {keyed_table}
                """,
                """
                CREATE TABLE relay_change (org_id {id} NOT NULL, meter_id {id} NOT NULL, change_id {id} NOT NULL,
                  at_ms {int} NOT NULL, side {text} NOT NULL, state {text} NOT NULL,
                  PRIMARY KEY (org_id, meter_id, change_id)) {keyed_table}
                """,
            ]), MeterReplacement.migration, MeterWish.migration,
    ]
}

/// A meter as an asset with the address the head-end calls.
public struct Meter: Sendable, Equatable {
    public var meterID: Int64
    public var serial: String
    public var profileName: String
    public var host: String
    public var port: Int64
    public var clientAddress: Int64
    /// Raw value of `MeterAuthentication`.
    public var authentication: String
    /// Secret, encryption and authentication key under the master key; nil for a meter without security.
    public var sealedKeys: [UInt8]?
    public var capturePeriodS: Int64

    public init(
        meterID: Int64, serial: String, profileName: String = "single-phase", host: String, port: Int64,
        clientAddress: Int64, authentication: String, sealedKeys: [UInt8]?, capturePeriodS: Int64
    ) {
        self.meterID = meterID
        self.serial = serial
        self.profileName = profileName
        self.host = host
        self.port = port
        self.clientAddress = clientAddress
        self.authentication = authentication
        self.sealedKeys = sealedKeys
        self.capturePeriodS = capturePeriodS
    }

    /// Called over the network; the data of others comes by file.
    public var isCalled: Bool { port > 0 }

    static let columns =
        """
        meter.meter_id, serial, profile_name, host, port, client_address, authentication, sealed_keys,
        capture_period_s
        """

    static func decode(_ row: any SQLRow) throws -> Meter {
        Meter(
            meterID: try row.int(0), serial: try row.text(1), profileName: try row.text(2), host: try row.text(3),
            port: try row.int(4), clientAddress: try row.int(5), authentication: try row.text(6),
            sealedKeys: try row.optionalBytes(7), capturePeriodS: try row.int(8))
    }

    /// Adds the meter with its relay taken as wanted closed. Adding it again moves its address only.
    public func create(_ scope: Scope, atMs: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO meter (org_id, meter_id, serial, profile_name, host, port, client_address, authentication,
              sealed_keys, capture_period_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (org_id, meter_id) DO UPDATE SET host = excluded.host, port = excluded.port
            """,
            [
                .int(scope.orgID), .int(meterID), .text(serial), .text(profileName), .text(host), .int(port),
                .int(clientAddress), .text(authentication), sealedKeys.map { .bytes($0) } ?? .null,
                .int(capturePeriodS),
            ])
        try transaction.run(
            """
            INSERT INTO relay (org_id, meter_id, wanted, wanted_at_ms, wanted_reason) VALUES ($1, $2, 'closed', $3,
              'installed')
            ON CONFLICT DO NOTHING
            """, [.int(scope.orgID), .int(meterID), .int(atMs)])
    }

    public static func find(_ meterID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Meter {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(meterID)]
        let reach = try reachFilter(scope, &parameters)
        let found = try transaction.first(
            "SELECT \(columns) FROM meter WHERE meter.org_id = $1 AND meter.meter_id = $2\(reach)", parameters, decode)
        guard let found else {
            throw Refusal(.notFound, "There is no such meter.", hint: "Check the number, or ask who may see it.")
        }
        return found
    }

    /// Of which kind the meter is, from now on.
    public static func setProfile(
        _ meterID: Int64, _ profileName: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            "UPDATE meter SET profile_name = $3 WHERE org_id = $1 AND meter_id = $2",
            [.int(scope.orgID), .int(meterID), .text(profileName)])
    }

    /// The profile of every meter of the company.
    public static func profileNames(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64: String] {
        let rows = try transaction.query(
            "SELECT meter_id, profile_name FROM meter WHERE org_id = $1", [.int(scope.orgID)]
        ) { (try $0.int(0), try $0.text(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    public static func find(serial: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> Meter? {
        try transaction.first(
            "SELECT \(columns) FROM meter WHERE org_id = $1 AND serial = $2", [.int(scope.orgID), .text(serial)], decode
        )
    }

    /// Meters after a serial number, in order; `prefix` of the serial or nothing.
    public static func page(
        after: String, prefix: String, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Meter] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .text(after), .text(prefix), .text(prefix + "\u{10FFFF}"), .int(limit),
        ]
        let reach = try reachFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns) FROM meter WHERE meter.org_id = $1 AND serial > $2 AND serial >= $3 AND serial <
              $4\(reach)
            ORDER BY serial LIMIT $5
            """, parameters, decode)
    }

    /// A condition ` AND …` for a query whose `$1` is the company: a meter is in a scope when the account it serves is.
    /// - Parameter column: holds the meter's id.
    public static func reachFilter(
        of column: String = "meter.meter_id", _ scope: Scope, _ parameters: inout [SQLValue]
    ) throws -> String {
        guard scope.placeIDs != nil || scope.accountID != nil else { return "" }
        let filter = SupplyAccount.scopeFilter(scope, &parameters)
        return """
             AND EXISTS (SELECT 1 FROM installation JOIN supply_account ON supply_account.org_id = installation.org_id
              AND supply_account.account_id = installation.account_id
              WHERE installation.org_id = $1 AND installation.meter_id = \(column)
              AND installation.to_day IS NULL\(filter))
            """
    }
}

/// Which meter serves which account from when to when (days inclusive; open end = nil).
public struct Installation: Sendable, Equatable {
    public var meterID: Int64
    public var accountID: Int64
    public var fromDay: CivilDay
    public var toDay: CivilDay?
    public init(meterID: Int64, accountID: Int64, fromDay: CivilDay, toDay: CivilDay? = nil) {
        self.meterID = meterID
        self.accountID = accountID
        self.fromDay = fromDay
        self.toDay = toDay
    }

    public func create(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO installation (org_id, meter_id, from_day, to_day, account_id) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(meterID), .day(fromDay), .optional(toDay.map { Int64($0.number) }),
                .int(accountID),
            ])
    }

    public static func all(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [Installation]
    {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(day)]
        let filter =
            scope.placeIDs == nil && scope.accountID == nil ? "" : SupplyAccount.scopeFilter(scope, &parameters)
        let reach =
            filter.isEmpty
            ? ""
            : """
             AND EXISTS (SELECT 1 FROM supply_account WHERE supply_account.org_id = installation.org_id
              AND supply_account.account_id = installation.account_id\(filter))
            """
        return try transaction.query(
            """
            SELECT meter_id, account_id, from_day, to_day FROM installation
            WHERE org_id = $1 AND from_day <= $2 AND (to_day IS NULL OR to_day >= $2)\(reach) ORDER BY meter_id
            """, parameters, decode)
    }

    /// Of many meters those that touch the days from day to day, in order of meter and day; at most some thousands.
    public static func of(
        meterIDs: [Int64], from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Installation] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(from), .day(to)]
        let marks = parameters.bind(meterIDs)
        return try transaction.query(
            """
            SELECT meter_id, account_id, from_day, to_day FROM installation
            WHERE org_id = $1 AND meter_id IN (\(marks)) AND from_day <= $3 AND (to_day IS NULL OR to_day >= $2)
            ORDER BY meter_id, from_day
            """, parameters, decode)
    }

    /// The first of an account that reaches a day or a later one.
    public static func first(
        accountID: Int64, from day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Installation? {
        try transaction.first(
            """
            SELECT meter_id, account_id, from_day, to_day FROM installation
            WHERE org_id = $1 AND account_id = $2 AND (to_day IS NULL OR to_day >= $3) ORDER BY from_day LIMIT 1
            """, [.int(scope.orgID), .int(accountID), .day(day)], decode)
    }

    /// The first day of any meter that is called over the network.
    public static func firstCalledDay(_ scope: Scope, in transaction: any SQLTransaction) throws -> CivilDay? {
        try transaction.first(
            """
            SELECT MIN(installation.from_day) FROM installation JOIN meter ON meter.org_id = installation.org_id
              AND meter.meter_id = installation.meter_id WHERE installation.org_id = $1 AND meter.port > 0
            """, [.int(scope.orgID)]
        ) { try $0.optionalDay(0) } ?? nil
    }

    public static func of(meterID: Int64, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> Installation?
    {
        try transaction.first(
            """
            SELECT meter_id, account_id, from_day, to_day FROM installation
            WHERE org_id = $1 AND meter_id = $2 AND from_day <= $3 AND (to_day IS NULL OR to_day >= $3)
            ORDER BY from_day DESC LIMIT 1
            """, [.int(scope.orgID), .int(meterID), .day(day)], decode)
    }

    public static func of(accountID: Int64, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> Installation?
    {
        try transaction.first(
            """
            SELECT meter_id, account_id, from_day, to_day FROM installation
            WHERE org_id = $1 AND account_id = $2 AND from_day <= $3 AND (to_day IS NULL OR to_day >= $3)
            ORDER BY from_day DESC LIMIT 1
            """, [.int(scope.orgID), .int(accountID), .day(day)], decode)
    }

    /// The meters that served an account on any of some days.
    public static func meters(
        of accountID: Int64, from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT DISTINCT meter_id FROM installation WHERE org_id = $1 AND account_id = $2 AND from_day <= $4
              AND (to_day IS NULL OR to_day >= $3) ORDER BY meter_id
            """, [.int(scope.orgID), .int(accountID), .day(from), .day(to)]
        ) { try $0.int(0) }
    }

    private static func decode(_ row: any SQLRow) throws -> Installation {
        Installation(
            meterID: try row.int(0), accountID: try row.int(1), fromDay: try row.day(2), toDay: try row.optionalDay(3))
    }
}
