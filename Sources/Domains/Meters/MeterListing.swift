// Meters as lists show them: the asset, its relay, the account it serves, and whether it answers.
import Access
import Accounts
import CivilTime
import SQL

/// How a meter stands, by what it last said itself.
public enum MeterStanding: String, Sendable, CaseIterable, Codable {
    case answering, silent, disconnected
    case neverRead = "never-read"
}

public struct MeterListing: Sendable, Equatable {
    public var meter: Meter
    /// The account it serves now.
    public var accountID: Int64?
    public var relay: RelayRecord?
    public var standing: MeterStanding

    /// What makes a meter's standing; `$2` is the time before which an answer is too old.
    private static let standingSQL = """
        CASE WHEN relay.actual_at_ms IS NULL THEN 'never-read' WHEN relay.actual <> 'closed' THEN 'disconnected'
          WHEN relay.actual_at_ms < $2 THEN 'silent' ELSE 'answering' END
        """
    private static let tables = """
        meter LEFT JOIN relay ON relay.org_id = meter.org_id AND relay.meter_id = meter.meter_id
        """

    private static func decode(_ row: any SQLRow) throws -> MeterListing {
        let meter = try Meter.decode(row)
        let relay = try row.optionalText(9).map { wanted in
            RelayRecord(
                meterID: meter.meterID, wanted: RelayWish(rawValue: wanted) ?? .closed, wantedAtMs: try row.int(10),
                wantedReason: try row.text(11), actual: try row.optionalText(12), actualAtMs: try row.optionalInt(13))
        }
        return MeterListing(
            meter: meter, accountID: try row.optionalInt(14), relay: relay,
            standing: MeterStanding(rawValue: try row.text(15)) ?? .neverRead)
    }

    private static let selected = """
        \(Meter.columns), relay.wanted, relay.wanted_at_ms, relay.wanted_reason, relay.actual, relay.actual_at_ms,
        (SELECT i.account_id FROM installation i WHERE i.org_id = meter.org_id AND i.meter_id = meter.meter_id
          AND i.to_day IS NULL ORDER BY i.from_day DESC LIMIT 1), \(standingSQL)
        """

    /// Meters after a serial number, in order; `prefix` of the serial (A to Z in either case) or nothing, `standing` or
    /// all.
    /// - Parameter silentBeforeMs: a meter whose last answer is older counts as silent.
    public static func page(
        after: String, prefix: String, standing: MeterStanding?, silentBeforeMs: Int64, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [MeterListing] {
        var parameters: [SQLValue] = [
            .int(scope.orgID), .int(silentBeforeMs), .text(after), .int(limit),
        ]
        var only = ""
        if !prefix.isEmpty {
            // U+10FFFF closes the range of everything that begins with the prefix.
            parameters += [.text(prefix), .text(prefix + "\u{10FFFF}")]
            only += " AND LOWER(serial) >= LOWER($5) AND LOWER(serial) < LOWER($6)"
        }
        if let standing {
            parameters.append(.text(standing.rawValue))
            only += " AND \(standingSQL) = $\(parameters.count)"
        }
        let reach = try Meter.reachFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT \(selected) FROM \(tables)
            WHERE meter.org_id = $1 AND serial > $3\(only)\(reach)
            ORDER BY serial LIMIT $4
            """, parameters, decode)
    }

    public static func find(
        _ meterID: Int64, silentBeforeMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> MeterListing {
        _ = try Meter.find(meterID, scope, in: transaction)
        let found = try transaction.first(
            "SELECT \(selected) FROM \(tables) WHERE meter.org_id = $1 AND meter.meter_id = $3",
            [.int(scope.orgID), .int(silentBeforeMs), .int(meterID)], decode)
        guard let found else { throw Refusal(.notFound, "There is no such meter.") }
        return found
    }

    /// How many meters of the scope, or of these few hundred of them, stand how.
    public static func counts(
        of meterIDs: [Int64]? = nil, silentBeforeMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MeterStanding: Int] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(silentBeforeMs)]
        let only = meterIDs.map { " AND meter.meter_id IN (\(parameters.bind($0)))" } ?? ""
        let reach = try only + Meter.reachFilter(scope, &parameters)
        let rows = try transaction.query(
            "SELECT \(standingSQL), COUNT(*) FROM \(tables) WHERE meter.org_id = $1\(reach) GROUP BY 1", parameters
        ) { (MeterStanding(rawValue: try $0.text(0)) ?? .neverRead, Int(try $0.int(1))) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Serial numbers of these meters, those in the scope only.
    public static func serials(
        _ meterIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: String] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(meterIDs)
        let reach = try Meter.reachFilter(scope, &parameters)
        let rows = try transaction.query(
            "SELECT meter.meter_id, serial FROM meter WHERE meter.org_id = $1 AND meter.meter_id IN (\(marks))\(reach)",
            parameters
        ) { (try $0.int(0), try $0.text(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
