// Orders to many meters at once: what is wanted, of which meters, why, by whom, who approved it, and how far it has
// come. Holds the rows; OrderMeters gives orders, OrderRunner carries them out.
import Access
import Meters
import SQL

/// What is wanted of a group of meters.
public struct MeterOrder: Sendable, Equatable {
    /// `awaiting`: a second person must approve it. `expired`: nobody did in time.
    public enum State: String, Sendable, Codable, CaseIterable {
        case awaiting, running, done, stopped, expired
    }
    /// The relay is a matter of its own: what is wanted of it is Supply's to decide.
    public static let relay = "relay"

    public var orderID: Int64
    /// `relay`, or a ``MeterPort/MeterMatter``.
    public var matter: String
    /// `open`, `closed`, or as ``WishText`` has it.
    public var desired: String
    public var reason: String
    /// What the meters were chosen by, in words.
    public var group: String
    public var state: State
    public var loginID: Int64
    public var createdAtMs: Int64
    /// Until when it can be approved.
    public var expiresAtMs: Int64
    public var approvedBy: Int64?
    public var approvedAtMs: Int64?
    /// Meters told at once, and business milliseconds between two such waves.
    public var waveSize: Int64
    public var pauseMs: Int64
    public var nextWaveMs: Int64
    /// A cut only while the balance is below this; nil: whatever it is.
    public var belowPaise: Int64?
    public var endedAtMs: Int64?
    public var endedWhy: String?

    public var isRelay: Bool { matter == Self.relay }
    /// Takes the supply away, or may.
    public static func isCut(_ matter: String, _ desired: String) -> Bool {
        matter == relay ? desired == RelayWish.open.rawValue : ["load-limit", "firmware"].contains(matter)
    }

    static let migration = Migration(
        36, .money, "orders to groups of meters",
        [
            """
            CREATE TABLE meter_order (org_id {id} NOT NULL, order_id {id} NOT NULL, matter {text} NOT NULL,
              desired {text} NOT NULL, reason {text} NOT NULL, meter_group {text} NOT NULL, state {text} NOT NULL,
              login_id {id} NOT NULL, created_at_ms {int} NOT NULL, expires_at_ms {int} NOT NULL, approved_by {id},
              approved_at_ms {int}, wave_size {int} NOT NULL, pause_ms {int} NOT NULL, next_wave_ms {int} NOT NULL,
              below_paise {int}, ended_at_ms {int}, ended_why {text}, PRIMARY KEY (org_id, order_id)) {table}
            """,
            "CREATE INDEX meter_order_state ON meter_order (org_id, state, order_id)",
            """
            CREATE TABLE meter_order_target (org_id {id} NOT NULL, order_id {id} NOT NULL, meter_id {id} NOT NULL,
              account_id {id}, state {text} NOT NULL, is_tried {flag} NOT NULL, answer {text}, ended_at_ms {int},
              PRIMARY KEY (org_id, order_id, meter_id)) {keyed_table}
            """,
            "CREATE INDEX meter_order_target_state ON meter_order_target (org_id, order_id, state, meter_id)",
            "CREATE INDEX meter_order_target_meter ON meter_order_target (org_id, meter_id, state)",
            "ALTER TABLE meter_command ADD COLUMN revision {int}",
            "ALTER TABLE meter_command ADD COLUMN progress_done {int}",
            "ALTER TABLE meter_command ADD COLUMN progress_count {int}",
        ])

    static let columns = """
        order_id, matter, desired, reason, meter_group, state, login_id, created_at_ms, expires_at_ms, approved_by,
        approved_at_ms, wave_size, pause_ms, next_wave_ms, below_paise, ended_at_ms, ended_why
        """

    static func decode(_ row: any SQLRow) throws -> MeterOrder {
        MeterOrder(
            orderID: try row.int(0), matter: try row.text(1), desired: try row.text(2), reason: try row.text(3),
            group: try row.text(4), state: State(rawValue: try row.text(5)) ?? .stopped, loginID: try row.int(6),
            createdAtMs: try row.int(7), expiresAtMs: try row.int(8), approvedBy: try row.optionalInt(9),
            approvedAtMs: try row.optionalInt(10), waveSize: try row.int(11), pauseMs: try row.int(12),
            nextWaveMs: try row.int(13), belowPaise: try row.optionalInt(14), endedAtMs: try row.optionalInt(15),
            endedWhy: try row.optionalText(16))
    }

    /// Orders a scope may see: who is confined sees those that touch a meter of his places.
    private static func reach(_ scope: Scope, _ parameters: inout [SQLValue]) throws -> String {
        guard !scope.isWholeCompany else { return "" }
        let meters = try Meter.reachFilter(of: "t.meter_id", scope, &parameters)
        return """
             AND EXISTS (SELECT 1 FROM meter_order_target t WHERE t.org_id = meter_order.org_id
              AND t.order_id = meter_order.order_id\(meters))
            """
    }

    /// - Throws: ``Refusal`` `notFound`.
    public static func find(_ orderID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> MeterOrder {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(orderID)]
        let filter = try reach(scope, &parameters)
        let found = try transaction.first(
            "SELECT \(columns) FROM meter_order WHERE org_id = $1 AND order_id = $2\(filter)", parameters, decode)
        guard let found else { throw Refusal(.notFound, "There is no such order.", at: "orderID") }
        return found
    }

    /// Newest first, older than `before`; nil from the newest.
    /// - Parameter state: only these; nil: all.
    public static func page(
        before orderID: Int64?, state: State?, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [MeterOrder] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(orderID ?? .max), .int(limit)]
        let filter = try reach(scope, &parameters)
        var chosen = ""
        if let state {
            parameters.append(.text(state.rawValue))
            chosen = " AND state = $\(parameters.count)"
        }
        return try transaction.query(
            """
            SELECT \(columns) FROM meter_order WHERE org_id = $1 AND order_id < $2\(chosen)\(filter)
            ORDER BY order_id DESC LIMIT $3
            """, parameters, decode)
    }

    /// How many of its meters stand where.
    public func counts(_ scope: Scope, in transaction: any SQLTransaction) throws -> [OrderTarget.State: Int64] {
        let rows = try transaction.query(
            "SELECT state, COUNT(*) FROM meter_order_target WHERE org_id = $1 AND order_id = $2 GROUP BY state",
            [.int(scope.orgID), .int(orderID)]
        ) { (OrderTarget.State(rawValue: try $0.text(0)) ?? .failed, try $0.int(1)) }
        return Dictionary(rows) { $0 + $1 }
    }
}

/// One meter of an order.
public struct OrderTarget: Sendable, Equatable {
    /// `released`: a command is on its way. `skipped`: not wanted any more when its turn came. `withdrawing`: stopped,
    /// and what was wanted is being taken back.
    public enum State: String, Sendable, Codable, CaseIterable {
        case waiting, released, done, failed, skipped, withdrawing, withdrawn
    }
    public var meterID: Int64
    public var serial: String
    /// Served when the order was given.
    public var accountID: Int64?
    public var state: State
    public var answer: String?
    public var endedAtMs: Int64?

    /// Meters of an order after one, by id; those the scope reaches.
    public static func page(
        _ orderID: Int64, after meterID: Int64, state: State?, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [OrderTarget] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(orderID), .int(meterID), .int(limit)]
        let reach = try Meter.reachFilter(of: "t.meter_id", scope, &parameters)
        var chosen = ""
        if let state {
            parameters.append(.text(state.rawValue))
            chosen = " AND t.state = $\(parameters.count)"
        }
        return try transaction.query(
            """
            SELECT t.meter_id, m.serial, t.account_id, t.state, t.answer, t.ended_at_ms FROM meter_order_target t
            JOIN meter m ON m.org_id = t.org_id AND m.meter_id = t.meter_id
            WHERE t.org_id = $1 AND t.order_id = $2 AND t.meter_id > $3\(chosen)\(reach) ORDER BY t.meter_id LIMIT $4
            """, parameters
        ) { row in
            OrderTarget(
                meterID: try row.int(0), serial: try row.text(1), accountID: try row.optionalInt(2),
                state: State(rawValue: try row.text(3)) ?? .failed, answer: try row.optionalText(4),
                endedAtMs: try row.optionalInt(5))
        }
    }

    static func set(
        _ state: State, orderID: Int64, meterID: Int64, answer: String?, atMs: Int64?, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE meter_order_target SET state = $4, answer = COALESCE($5, answer), ended_at_ms = $6
            WHERE org_id = $1 AND order_id = $2 AND meter_id = $3
            """,
            [
                .int(scope.orgID), .int(orderID), .int(meterID), .text(state.rawValue),
                answer.map { .text($0) } ?? .null, .optional(atMs),
            ])
    }

    /// Something else is wanted of the meter before this was done.
    static func replaced(
        orderID: Int64, meterID: Int64, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE meter_order_target SET state = 'skipped', answer = 'something else is wanted by now',
              ended_at_ms = $4 WHERE org_id = $1 AND order_id = $2 AND meter_id = $3 AND state = 'released'
            """, [.int(scope.orgID), .int(orderID), .int(meterID), .int(atMs)])
    }

    /// The relay of the meter is wanted otherwise before it was done.
    static func relayReplaced(
        by wish: RelayWish, meterID: Int64, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE meter_order_target SET state = 'skipped', answer = 'something else is wanted by now',
              ended_at_ms = $3 WHERE org_id = $1 AND meter_id = $2 AND state = 'released' AND order_id IN (
                SELECT o.order_id FROM meter_order o WHERE o.org_id = $1 AND o.matter = 'relay' AND o.desired <> $4)
            """, [.int(scope.orgID), .int(meterID), .int(atMs), .text(wish.rawValue)])
    }

    /// The orders a command is for, as a condition on the target's order.
    private static func orders(_ command: MeterCommand) -> (sql: String, parameters: [SQLValue]) {
        guard command.movesRelay else {
            return (
                """
                order_id IN (SELECT w.order_id FROM meter_wish w WHERE w.org_id = $1 AND w.meter_id = $2
                  AND w.matter = $3 AND w.revision = $4)
                """, [.text(command.kind), .int(command.revision ?? -1)]
            )
        }
        let desired: RelayWish = command.kind == "disconnect" ? .open : .closed
        return (
            """
            order_id IN (SELECT o.order_id FROM meter_order o WHERE o.org_id = $1 AND o.matter = $3 AND o.desired = $4)
            """, [.text(MeterOrder.relay), .text(desired.rawValue)]
        )
    }

    /// A try that did not succeed: the next wave need not wait for this meter.
    static func tried(
        _ command: MeterCommand, answer: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        guard command.kind != "read" else { return }
        let (sql, parameters) = orders(command)
        try transaction.run(
            """
            UPDATE meter_order_target SET is_tried = 1, answer = $5
            WHERE org_id = $1 AND meter_id = $2 AND state = 'released' AND \(sql)
            """, [.int(scope.orgID), .int(command.meterID)] + parameters + [.text(answer)])
    }

    /// The command of a released meter has ended.
    static func ended(
        _ command: MeterCommand, _ state: MeterCommand.State, answer: String, atMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        guard command.kind != "read" else { return }
        let end: State =
            switch state {
            case .confirmed: .done
            case .failed: .failed
            case .waiting, .superseded: .skipped
            }
        let (sql, parameters) = orders(command)
        try transaction.run(
            """
            UPDATE meter_order_target SET state = $5, is_tried = 1, answer = $6, ended_at_ms = $7
            WHERE org_id = $1 AND meter_id = $2 AND state IN ('released', 'failed') AND \(sql)
            """,
            [.int(scope.orgID), .int(command.meterID)] + parameters
                + [.text(end.rawValue), .text(answer), .int(atMs)])
    }
}
