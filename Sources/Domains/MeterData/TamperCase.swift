// Cases of tampering: one open case for each meter and kind, judged again as signs and readings come, closed by a
// person. Says what should follow; orders are given elsewhere.
import Access
import CivilTime
import Clocks
import Meters
import SQL

public struct TamperCase: Sendable, Equatable, Codable {
    /// `seen`: signs that do not suffice. `valid`: somebody should go there. `resolved`, `dismissed`: closed by a
    /// person.
    public enum State: String, Sendable, Codable, CaseIterable { case seen, valid, resolved, dismissed }
    public var caseID: Int64
    public var meterID: Int64
    public var kind: TamperKind
    public var state: State
    public var firstAtMs: Int64
    public var lastAtMs: Int64
    public var isOver: Bool
    public var times: Int
    public var lastedMs: Int64
    public var dropPPM: Int64?
    public var reasons: [TamperReason]
    /// The order to cut that followed, and the one to restore.
    public var orderID: Int64?
    public var restoreOrderID: Int64?
    public var closedAtMs: Int64?
    public var closedWhy: String?

    public init(
        caseID: Int64, meterID: Int64, kind: TamperKind, state: State, firstAtMs: Int64, lastAtMs: Int64, isOver: Bool,
        times: Int, lastedMs: Int64, dropPPM: Int64? = nil, reasons: [TamperReason], orderID: Int64? = nil,
        restoreOrderID: Int64? = nil, closedAtMs: Int64? = nil, closedWhy: String? = nil
    ) {
        self.caseID = caseID
        self.meterID = meterID
        self.kind = kind
        self.state = state
        self.firstAtMs = firstAtMs
        self.lastAtMs = lastAtMs
        self.isOver = isOver
        self.times = times
        self.lastedMs = lastedMs
        self.dropPPM = dropPPM
        self.reasons = reasons
        self.orderID = orderID
        self.restoreOrderID = restoreOrderID
        self.closedAtMs = closedAtMs
        self.closedWhy = closedWhy
    }
    public var isOpen: Bool { state == .seen || state == .valid }
}

public enum TamperCases {
    private static let columns = """
        c.case_id, c.meter_id, c.kind, c.state, c.first_at_ms, c.last_at_ms, c.is_over, c.times, c.lasted_ms,
        c.drop_ppm, c.reasons, c.order_id, c.restore_order_id, c.closed_at_ms, c.closed_why
        """

    private static func decode(_ row: any SQLRow) throws -> TamperCase {
        guard let kind = TamperKind(rawValue: try row.text(2)), let state = TamperCase.State(rawValue: try row.text(3))
        else { throw SQLError(.decode, "tamper case \(try row.int(0)) is of an unknown kind or state") }
        return TamperCase(
            caseID: try row.int(0), meterID: try row.int(1), kind: kind, state: state, firstAtMs: try row.int(4),
            lastAtMs: try row.int(5), isOver: try row.flag(6), times: Int(try row.int(7)), lastedMs: try row.int(8),
            dropPPM: try row.optionalInt(9),
            reasons: try row.text(10).split(separator: " ").compactMap { TamperReason(rawValue: String($0)) },
            orderID: try row.optionalInt(11), restoreOrderID: try row.optionalInt(12),
            closedAtMs: try row.optionalInt(13), closedWhy: try row.optionalText(14))
    }

    /// Opens a case for a sign, unless one is open or the sign belongs to one that was closed. Again changes nothing.
    public static func note(
        _ sign: TamperSign, meterID: Int64, ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        guard let meaning = TamperKind.of(sign.code), meaning.begins else { return }
        let known =
            try transaction.first(
                """
                SELECT COUNT(*) FROM tamper_case WHERE org_id = $1 AND meter_id = $2 AND kind = $3
                  AND (closed_at_ms IS NULL OR last_at_ms >= $4)
                """, [.int(scope.orgID), .int(meterID), .text(meaning.kind.rawValue), .int(sign.atMs)]
            ) { try $0.int(0) } ?? 0
        guard known == 0 else { return }
        try MeterOutages.takeTurn(meterID: meterID, scope, in: transaction)
        try transaction.run(
            """
            INSERT INTO tamper_case (org_id, case_id, meter_id, kind, state, first_at_ms, last_at_ms, is_over, times,
              lasted_ms, is_valid, reasons, looked_at_ms) VALUES ($1, $2, $3, $4, 'seen', $5, $5, 0, 1, 0, 0, '', 0)
            """,
            [
                .int(scope.orgID), .int(ids.next()), .int(meterID), .text(meaning.kind.rawValue), .int(sign.atMs),
            ])
    }

    /// Since when signs of a kind count: those of a case that was closed are done with.
    public static func countsFromMs(
        _ item: TamperCase, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64 {
        let closed =
            try transaction.first(
                """
                SELECT MAX(last_at_ms) FROM tamper_case WHERE org_id = $1 AND meter_id = $2 AND kind = $3
                  AND closed_at_ms IS NOT NULL
                """, [.int(scope.orgID), .int(item.meterID), .text(item.kind.rawValue)]
            ) { try $0.optionalInt(0) } ?? nil
        return closed.map { $0 + 1 } ?? 0
    }

    /// What was found of an open case, as of now. A case that was valid stays so: only a person takes that back.
    public static func judge(
        _ item: TamperCase, _ finding: TamperFinding, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE tamper_case SET state = CASE WHEN state = 'seen' AND $10 = 1 THEN 'valid' ELSE state END,
              first_at_ms = $3, last_at_ms = $4, is_over = $5, times = $6, lasted_ms = $7, drop_ppm = $8, reasons = $9,
              is_valid = $10, looked_at_ms = $11
            WHERE org_id = $1 AND case_id = $2 AND closed_at_ms IS NULL
            """,
            [
                .int(scope.orgID), .int(item.caseID), .int(finding.firstAtMs), .int(finding.lastAtMs),
                .flag(finding.isOver), .int(finding.times), .int(finding.lastedMs), .optional(finding.dropPPM),
                .text(finding.reasons.map(\.rawValue).joined(separator: " ")), .flag(finding.isValid), .int(nowMs),
            ])
    }

    /// Open cases longest not looked at.
    public static func toLookAt(
        beforeMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [TamperCase] {
        try transaction.query(
            """
            SELECT \(columns) FROM tamper_case c WHERE c.org_id = $1 AND c.closed_at_ms IS NULL AND c.looked_at_ms < $2
            ORDER BY c.looked_at_ms, c.case_id LIMIT $3
            """, [.int(scope.orgID), .int(beforeMs), .int(limit)], decode)
    }

    /// Cases that were resolved, whose cut was not undone yet.
    public static func toRestore(_ scope: Scope, in transaction: any SQLTransaction) throws -> [TamperCase] {
        try transaction.query(
            """
            SELECT \(columns) FROM tamper_case c WHERE c.org_id = $1 AND c.state IN ('resolved', 'dismissed')
              AND c.order_id IS NOT NULL AND c.restore_order_id IS NULL ORDER BY c.case_id LIMIT 500
            """, [.int(scope.orgID)], decode)
    }

    /// Notes the order that followed. False when there was one already.
    public static func setOrder(
        _ caseID: Int64, _ orderID: Int64, restores: Bool, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        let column = restores ? "restore_order_id" : "order_id"
        return try transaction.run(
            "UPDATE tamper_case SET \(column) = $3 WHERE org_id = $1 AND case_id = $2 AND \(column) IS NULL",
            [.int(scope.orgID), .int(caseID), .int(orderID)]) == 1
    }

    /// Cases with the serial of their meter, latest sign first, those before a place in the list.
    public static func list(
        state: TamperCase.State? = nil, meterID: Int64? = nil, before: (lastAtMs: Int64, caseID: Int64)? = nil,
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(item: TamperCase, serial: String)] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        func bound(_ value: SQLValue) -> String {
            parameters.append(value)
            return "$\(parameters.count)"
        }
        var conditions = ""
        if let state { conditions += " AND c.state = \(bound(.text(state.rawValue)))" }
        if let meterID { conditions += " AND c.meter_id = \(bound(.int(meterID)))" }
        if let before {
            let lastAtMs = bound(.int(before.lastAtMs))
            conditions +=
                " AND c.last_at_ms <= \(lastAtMs) AND (c.last_at_ms < \(lastAtMs) OR c.case_id < "
                + "\(bound(.int(before.caseID))))"
        }
        conditions += try Meter.reachFilter(of: "c.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns), m.serial FROM tamper_case c
            JOIN meter m ON m.org_id = c.org_id AND m.meter_id = c.meter_id
            WHERE c.org_id = $1\(conditions) ORDER BY c.last_at_ms DESC, c.case_id DESC LIMIT $2
            """, parameters
        ) { (item: try decode($0), serial: try $0.text(15)) }
    }

    public static func find(_ caseID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> TamperCase {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(caseID)]
        let reach = try Meter.reachFilter(of: "c.meter_id", scope, &parameters)
        let found = try transaction.first(
            "SELECT \(columns) FROM tamper_case c WHERE c.org_id = $1 AND c.case_id = $2\(reach)", parameters, decode)
        guard let found else {
            throw Refusal(.notFound, "There is no such case.", hint: "GET /api/v1/tamper-cases lists them.")
        }
        return found
    }

    fileprivate static func close(
        _ item: TamperCase, _ state: TamperCase.State, why: String, by loginID: Int64, nowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE tamper_case SET state = $3, closed_at_ms = $4, closed_why = $5, closed_by = $6
            WHERE org_id = $1 AND case_id = $2 AND closed_at_ms IS NULL
            """,
            [
                .int(scope.orgID), .int(item.caseID), .text(state.rawValue), .int(nowMs), .text(why), .int(loginID),
            ])
    }
}

/// Closes a case: it was mended, or there was nothing to it. What was cut because of it is restored.
public struct CloseTamperCase: Command {
    public static let name = "meter-data.close-tamper-case"
    public static let permissions: [Permission] = [.commandMeters]
    public let caseID: Int64
    /// Mended; otherwise there was nothing to it.
    public let isResolved: Bool
    public let reason: String

    /// - Throws: ``Refusal`` without a reason.
    public init(caseID: Int64, isResolved: Bool, reason: String) throws {
        (self.caseID, self.isResolved) = (caseID, isResolved)
        self.reason = try Reason.checked(reason)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { caseID }
    public var content: String { "case=\(caseID) resolved=\(isResolved) reason=\(reason)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> TamperCase {
        let scope = context.actor.scope
        let item = try TamperCases.find(caseID, scope, in: transaction)
        guard item.isOpen else {
            throw Refusal(.conflict, "This case is closed.", hint: "New signs open a new one.")
        }
        let state: TamperCase.State = isResolved ? .resolved : .dismissed
        try TamperCases.close(
            item, state, why: reason, by: context.actor.loginID, nowMs: context.businessNowMs, scope, in: transaction)
        context.changed(
            .meter(item.meterID), "tamper case \(caseID)", from: item.state.rawValue, to: state.rawValue)
        return try TamperCases.find(caseID, scope, in: transaction)
    }
}
