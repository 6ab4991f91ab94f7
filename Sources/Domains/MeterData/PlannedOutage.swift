// Shutdowns that were announced: dated rows of a place. An outage that begins in one, under its place, is planned.
import Access
import CivilTime
import Clocks
import Grid
import SQL

/// A shutdown of everything under a place.
public struct PlannedOutage: Sendable, Equatable, Codable {
    public var plannedID: Int64
    public var placeID: Int64
    public var fromMs: Int64
    public var toMs: Int64
    public var why: String
    public var calledOffAtMs: Int64?

    public init(
        plannedID: Int64, placeID: Int64, fromMs: Int64, toMs: Int64, why: String, calledOffAtMs: Int64? = nil
    ) {
        self.plannedID = plannedID
        self.placeID = placeID
        self.fromMs = fromMs
        self.toMs = toMs
        self.why = why
        self.calledOffAtMs = calledOffAtMs
    }

    private static let columns = "planned_id, place_id, from_ms, to_ms, why, called_off_at_ms"
    private static func decode(_ row: any SQLRow) throws -> PlannedOutage {
        PlannedOutage(
            plannedID: try row.int(0), placeID: try row.int(1), fromMs: try row.int(2), toMs: try row.int(3),
            why: try row.text(4), calledOffAtMs: try row.optionalInt(5))
    }

    /// The shutdown that holds at a time at a place or above it.
    static func covering(
        placeID: Int64, atMs: Int64, earlyMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        try transaction.first(
            """
            SELECT l.planned_id FROM planned_outage l
            JOIN place_path p ON p.org_id = l.org_id AND p.ancestor_id = l.place_id
            WHERE l.org_id = $1 AND p.place_id = $2 AND l.from_ms <= $4 AND l.from_ms >= $5 AND l.to_ms >= $3
              AND l.called_off_at_ms IS NULL ORDER BY l.from_ms, l.planned_id LIMIT 1
            """,
            [
                .int(scope.orgID), .int(placeID), .int(atMs), .int(atMs + earlyMs),
                .int(atMs - PlanOutage.longestMs),
            ]
        ) { try $0.int(0) }
    }

    /// Those that begin from a time on, of the places of the scope and what lies above them, soonest first.
    public static func from(
        _ fromMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [PlannedOutage] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(fromMs), .int(limit)]
        let filter = Place.filter("planned_outage.place_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns) FROM planned_outage WHERE org_id = $1 AND to_ms >= $2\(filter)
            ORDER BY from_ms, planned_id LIMIT $3
            """, parameters, decode)
    }

    static func find(
        _ plannedID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> PlannedOutage {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(plannedID)]
        let filter = Place.filter("planned_outage.place_id", scope, &parameters)
        let found = try transaction.first(
            "SELECT \(columns) FROM planned_outage WHERE org_id = $1 AND planned_id = $2\(filter)", parameters, decode)
        guard let found else { throw Refusal(.notFound, "There is no such planned outage.", at: "plannedID") }
        return found
    }

    /// Outages that may be planned, or not any more, are looked at again.
    static func lookAgain(_ planned: PlannedOutage, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            UPDATE meter_outage SET grouped = 0 WHERE org_id = $1 AND start_ms >= $2 AND start_ms <= $3
              AND superseded_at_ms IS NULL
            """, [.int(scope.orgID), .int(planned.fromMs - OutageJoiner.earlyMs), .int(planned.toMs)])
    }
}

/// Enters a shutdown. The same again changes nothing; one that was called off holds again.
public struct PlanOutage: Command {
    public static let name = "meter-data.plan-outage"
    public static let permissions: [Permission] = [.commandMeters]
    static let longestMs: Int64 = 31 * 86_400_000
    public let placeID: Int64
    public let fromMs: Int64
    public let toMs: Int64
    public let reason: String

    /// - Throws: ``Refusal``.
    public init(placeID: Int64, fromMs: Int64, toMs: Int64, reason: String) throws {
        guard fromMs > 0, fromMs < toMs, toMs - fromMs <= Self.longestMs, toMs < 32_503_680_000_000 else {
            throw Refusal(
                .invalid, "A planned outage ends after it begins, at most 31 days later.", hint: "Check both times.",
                at: "toMs")
        }
        (self.placeID, self.fromMs, self.toMs) = (placeID, fromMs, toMs)
        self.reason = try Reason.checked(reason)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { placeID }
    public var content: String { "place=\(placeID) from=\(fromMs) to=\(toMs) reason=\(reason)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> PlannedOutage {
        let scope = context.actor.scope
        let place = try Place.find(placeID, scope, in: transaction)
        let plannedID = try transaction.first(
            """
            INSERT INTO planned_outage (org_id, planned_id, place_id, from_ms, to_ms, why, login_id, made_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (org_id, place_id, from_ms, to_ms) DO UPDATE SET why = excluded.why, called_off_at_ms = NULL
            RETURNING planned_id
            """,
            [
                .int(scope.orgID), .int(context.ids.next()), .int(placeID), .int(fromMs), .int(toMs), .text(reason),
                .int(context.actor.loginID), .int(context.businessNowMs),
            ]
        ) { try $0.int(0) }
        guard let plannedID else { throw SQLError(.decode, "the planned outage just written is not there") }
        let planned = PlannedOutage(
            plannedID: plannedID, placeID: placeID, fromMs: fromMs, toMs: toMs, why: reason, calledOffAtMs: nil)
        try PlannedOutage.lookAgain(planned, scope, in: transaction)
        context.changed(.company, "planned outage of \(place.name)", from: nil, to: "\(fromMs)-\(toMs)")
        return planned
    }
}

/// Calls a shutdown off. Again changes nothing.
public struct CallOffOutage: Command {
    public static let name = "meter-data.call-off-outage"
    public static let permissions: [Permission] = [.commandMeters]
    public let plannedID: Int64
    public let reason: String

    public init(plannedID: Int64, reason: String) throws {
        self.plannedID = plannedID
        self.reason = try Reason.checked(reason)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { plannedID }
    public var content: String { "planned=\(plannedID) reason=\(reason)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> PlannedOutage {
        let scope = context.actor.scope
        var planned = try PlannedOutage.find(plannedID, scope, in: transaction)
        guard planned.calledOffAtMs == nil else { return planned }
        planned.calledOffAtMs = context.businessNowMs
        try transaction.run(
            "UPDATE planned_outage SET called_off_at_ms = $3 WHERE org_id = $1 AND planned_id = $2",
            [.int(scope.orgID), .int(plannedID), .int(context.businessNowMs)])
        try PlannedOutage.lookAgain(planned, scope, in: transaction)
        context.changed(.company, "planned outage \(plannedID)", from: "planned", to: "called off")
        return planned
    }
}
