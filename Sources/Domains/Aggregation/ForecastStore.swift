// Forecasts as stored: a compact row a set and day, written once and never changed; a row a day in the money store that
// says it was issued; and errors by number of meters. Forecasts nothing.
import Access
import CivilTime
import Outbox
import SQL

public enum ForecastSchema {
    public static let migrations = [
        Migration(
            47, .money, "forecasts issued",
            [
                """
                CREATE TABLE forecast_issue (org_id {id} NOT NULL, day {int} NOT NULL, issued_at_ms {int} NOT NULL,
                  known_day {int} NOT NULL, sets {int} NOT NULL, meters {int} NOT NULL, total_value {int},
                  PRIMARY KEY (org_id, day)) {keyed_table}
                """
            ]),
        Migration(
            110, .readings, "forecasts",
            [
                """
                CREATE TABLE set_forecast (org_id {id} NOT NULL, day {int} NOT NULL, set_key {text} NOT NULL,
                  slots {int} NOT NULL, meters {int} NOT NULL, known_day {int} NOT NULL, made_at_ms {int} NOT NULL,
                  total_value {int} NOT NULL, slot_values {bytes} NOT NULL, PRIMARY KEY (org_id, day, set_key))
                  {by_month}
                """,
                """
                CREATE TABLE forecast_error (org_id {id} NOT NULL, day {int} NOT NULL, meters {int} NOT NULL,
                  maker {text} NOT NULL, version {int} NOT NULL, groups {int} NOT NULL, intervals {int} NOT NULL,
                  left_out {int} NOT NULL, absolute_value {int} NOT NULL, signed_value {int} NOT NULL,
                  truth_value {int} NOT NULL, PRIMARY KEY (org_id, day, meters, maker)) {by_month}
                """,
            ]),
    ]
}

/// The forecast of one set and day.
struct SetForecast: Sendable, Equatable {
    var day: CivilDay
    var key: SetKey
    /// Wh of each slot; nil where the days before hold too little.
    var values: [Int64?]
    /// Meters of the set on the day, as known when it was made.
    var meters: Int
    /// The last day that was looked at.
    var knownDay: CivilDay
    var madeAtMs: Int64

    var total: Int64 { values.reduce(0) { $0 + ($1 ?? 0) } }

    // MARK: bytes

    private static let format: UInt8 = 1

    /// Format 1: for each slot 0 where there is no value, else one more than the difference to the last known value,
    /// folded so that small ones of both signs are small; seven bits a byte, the lowest first.
    static func encode(_ values: [Int64?]) -> [UInt8] {
        var bytes = [format]
        var last: Int64 = 0
        for value in values {
            var rest: UInt64 = 0
            if let value {
                let difference = value - last
                rest = UInt64(bitPattern: (difference << 1) ^ (difference >> 63)) + 1
                last = value
            }
            while rest >= 128 {
                bytes.append(UInt8(rest & 127) | 128)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        return bytes
    }

    /// - Throws: ``SQLError`` for bytes that ``encode(_:)`` does not make of so many slots.
    static func decode(_ bytes: [UInt8], slots: Int) throws -> [Int64?] {
        guard bytes.first == format else { throw SQLError(.decode, "a forecast of an unknown format") }
        var values: [Int64?] = []
        var (at, last) = (1, Int64(0))
        while at < bytes.count, values.count < slots {
            var (rest, shift) = (UInt64(0), 0)
            while at < bytes.count, bytes[at] >= 128, shift < 56 {
                rest |= UInt64(bytes[at] & 127) << shift
                (at, shift) = (at + 1, shift + 7)
            }
            guard at < bytes.count, bytes[at] < 128 else { break }
            rest |= UInt64(bytes[at]) << shift
            at += 1
            if rest == 0 {
                values.append(nil)
            } else {
                let folded = rest - 1
                last &+= Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
                values.append(last)
            }
        }
        guard at == bytes.count, values.count == slots else { throw SQLError(.decode, "a forecast is damaged") }
        return values
    }

    // MARK: rows

    /// What is there already stays: a forecast that was issued is never changed.
    static func store(_ forecasts: [SetForecast], orgID: Int64, in transaction: any SQLTransaction) throws {
        try transaction.runMany(
            """
            INSERT INTO set_forecast (org_id, day, set_key, slots, meters, known_day, made_at_ms, total_value,
              slot_values)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
            """,
            forecasts.map { forecast in
                [
                    .int(orgID), .day(forecast.day), .text(forecast.key.description), .int(forecast.values.count),
                    .int(forecast.meters), .day(forecast.knownDay), .int(forecast.madeAtMs), .int(forecast.total),
                    .bytes(encode(forecast.values)),
                ]
            })
    }

    /// Which sets have a forecast of a day.
    static func keys(_ day: CivilDay, orgID: Int64, in transaction: any SQLTransaction) throws -> Set<String> {
        Set(
            try transaction.query(
                "SELECT set_key FROM set_forecast WHERE org_id = $1 AND day = $2", [.int(orgID), .day(day)]
            ) { try $0.text(0) })
    }

    /// Which categories have a forecast of one of some days, as keys.
    static func categories(days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction) throws -> [String] {
        var parameters: [SQLValue] = [.int(orgID), .text("category:"), .text("category:\u{10FFFF}")]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            """
            SELECT DISTINCT set_key FROM set_forecast
            WHERE org_id = $1 AND day IN (\(marks)) AND set_key >= $2 AND set_key < $3
            """, parameters
        ) { try $0.text(0) }
    }

    /// Forecasts of a set on some days of one month, in order.
    static func of(
        _ key: SetKey, days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [SetForecast] {
        var parameters: [SQLValue] = [.int(orgID), .text(key.description)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            """
            SELECT day, slots, meters, known_day, made_at_ms, slot_values FROM set_forecast
            WHERE org_id = $1 AND day IN (\(marks)) AND set_key = $2 ORDER BY day
            """, parameters
        ) { row in
            SetForecast(
                day: try row.day(0), key: key, values: try decode(row.bytes(5), slots: Int(row.int(1))),
                meters: Int(try row.int(2)), knownDay: try row.day(3), madeAtMs: try row.int(4))
        }
    }
}

/// That the forecasts of a day were issued; what dispatch goes by.
public struct ForecastIssue: Sendable, Equatable {
    /// The day that was forecast.
    public var day: CivilDay
    public var issuedAtMs: Int64
    /// The last day that was looked at.
    public var knownDay: CivilDay
    /// Forecasts of sets, and of single meters.
    public var sets: Int64
    public var meters: Int64
    /// The company's total; nil where its days before hold too little.
    public var totalWh: Int64?

    public init(
        day: CivilDay, issuedAtMs: Int64, knownDay: CivilDay, sets: Int64, meters: Int64, totalWh: Int64?
    ) {
        (self.day, self.issuedAtMs, self.knownDay) = (day, issuedAtMs, knownDay)
        (self.sets, self.meters, self.totalWh) = (sets, meters, totalWh)
    }

    private static let columns = "day, issued_at_ms, known_day, sets, meters, total_value"

    private static func decode(_ row: any SQLRow) throws -> ForecastIssue {
        ForecastIssue(
            day: try row.day(0), issuedAtMs: try row.int(1), knownDay: try row.day(2), sets: try row.int(3),
            meters: try row.int(4), totalWh: try row.optionalInt(5))
    }

    /// Those of days after one, in order.
    public static func after(
        _ day: CivilDay, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [ForecastIssue] {
        try transaction.query(
            "SELECT \(columns) FROM forecast_issue WHERE org_id = $1 AND day > $2 ORDER BY day LIMIT $3",
            [.int(scope.orgID), .day(day), .int(limit)], decode)
    }

    static func last(_ scope: Scope, in transaction: any SQLTransaction) throws -> CivilDay? {
        let found = try transaction.first(
            "SELECT MAX(day) FROM forecast_issue WHERE org_id = $1", [.int(scope.orgID)]
        ) { try $0.optionalInt(0) }
        return (found ?? nil).flatMap { Int32(exactly: $0) }.map { CivilDay(number: $0) }
    }

    /// Notes the issue and tells it, once: the same day again changes nothing.
    func publish(eventID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        let isNew = try transaction.run(
            """
            INSERT INTO forecast_issue (org_id, day, issued_at_ms, known_day, sets, meters, total_value)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .day(day), .int(issuedAtMs), .day(knownDay), .int(sets), .int(meters),
                .optional(totalWh),
            ])
        guard isNew == 1 else { return }
        try Outbox.append(
            OutboxEvent(
                orgID: scope.orgID, eventID: eventID, kind: .notice, subjectID: 0, detail: "forecast-issued - \(day)",
                businessAtMs: issuedAtMs), in: transaction)
    }
}

/// Errors of day-ahead forecasts of groups of so many meters on one day, by who made them.
public struct GroupError: Sendable, Equatable {
    /// `forecast`, or a baseline.
    public static let ours = "forecast"
    public var day: CivilDay
    public var meters: Int
    public var maker: String
    public var groups: Int
    public var intervals: Int
    public var leftOut: Int
    public var absoluteWh: Int64
    public var signedWh: Int64
    public var truthWh: Int64

    /// Which version of the day's sums each day was judged at.
    static func versions(days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction) throws -> [CivilDay: Int64]
    {
        var parameters: [SQLValue] = [.int(orgID)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            "SELECT day, MAX(version) FROM forecast_error WHERE org_id = $1 AND day IN (\(marks)) GROUP BY day",
            parameters
        ) { (try $0.day(0), try $0.int(1)) }.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }

    static func of(days: [CivilDay], orgID: Int64, in transaction: any SQLTransaction) throws -> [GroupError] {
        var parameters: [SQLValue] = [.int(orgID)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.query(
            """
            SELECT day, meters, maker, groups, intervals, left_out, absolute_value, signed_value, truth_value
            FROM forecast_error WHERE org_id = $1 AND day IN (\(marks)) ORDER BY day, meters, maker
            """, parameters
        ) { row in
            GroupError(
                day: try row.day(0), meters: Int(try row.int(1)), maker: try row.text(2), groups: Int(try row.int(3)),
                intervals: Int(try row.int(4)), leftOut: Int(try row.int(5)), absoluteWh: try row.int(6),
                signedWh: try row.int(7), truthWh: try row.int(8))
        }
    }

    /// Puts the errors of a day in the place of those that were there.
    static func replace(
        _ errors: [GroupError], of day: CivilDay, version: Int64, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        try transaction.run("DELETE FROM forecast_error WHERE org_id = $1 AND day = $2", [.int(orgID), .day(day)])
        try transaction.runMany(
            """
            INSERT INTO forecast_error (org_id, day, meters, maker, version, groups, intervals, left_out,
              absolute_value, signed_value, truth_value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            errors.map { error in
                [
                    .int(orgID), .day(day), .int(error.meters), .text(error.maker), .int(version), .int(error.groups),
                    .int(error.intervals), .int(error.leftOut), .int(error.absoluteWh), .int(error.signedWh),
                    .int(error.truthWh),
                ]
            })
    }
}
