// What follows from subscriptions, as rows that others work through: facts with a due day, days to be rated again.
// Posts, sends and commands nothing itself.
import Access
import Accounts
import CivilTime
import Clocks
import SQL
import Subscriptions

/// A fact as stored; its key is known for good, so it follows once.
public struct PackFactRow: Sendable, Equatable {
    /// `void`: withdrawn, or nothing to do. `failed`: a person is needed.
    public enum State: String, Sendable, CaseIterable { case open, done, void, failed }

    public var key: String
    public var accountID: Int64
    public var kind: PackFact.Kind
    public var packID: String?
    public var dueDay: CivilDay
    public var loadW: Int64?
    public var amountPaise: Int64?
    public var state: State
    public var trouble: String

    private static let columns =
        "fact_key, account_id, kind, pack_id, due_day, load_w, amount_paise, state, trouble"

    private static func decode(_ row: any SQLRow) throws -> PackFactRow {
        guard let kind = PackFact.Kind(rawValue: try row.text(2)) else {
            throw SQLError(.decode, "fact \(try row.text(0)) is \(try row.text(2)), which no fact is")
        }
        return PackFactRow(
            key: try row.text(0), accountID: try row.int(1), kind: kind, packID: try row.optionalText(3),
            dueDay: try row.day(4), loadW: try row.optionalInt(5), amountPaise: try row.optionalInt(6),
            state: State(rawValue: try row.text(7)) ?? .failed, trouble: try row.text(8))
    }

    /// Stores a key with its fact; without one it is only remembered. A withdrawal makes void what it withdraws.
    static func add(
        _ key: String, _ fact: PackFact?, _ amountPaise: Int64, _ accountID: Int64, _ today: CivilDay,
        _ context: CommandContext, in transaction: any SQLTransaction
    ) throws {
        let isOpen = fact.map { $0.kind != .awaitsApproval && $0.kind != .withdrawn } ?? false
        // A warning is said at once; that a pack has ended, when its last day is over.
        let due =
            switch fact?.kind {
            case .reminder, .penaltyNotice, nil: today
            case .ends: fact?.day.advanced(by: 1) ?? today
            default: fact?.day ?? today
            }
        try transaction.run(
            """
            INSERT INTO pack_fact (org_id, fact_key, account_id, kind, pack_id, due_day, load_w, amount_paise, wallet,
              state, made_at_ms, trouble) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '')
            """,
            [
                .int(context.orgID), .text(key), .int(accountID), .text((fact?.kind ?? .penalty).rawValue),
                .optional(fact?.pack), .day(due), .optional(fact?.loadW), .int(amountPaise),
                .optional(fact?.wallet), .text((isOpen ? State.open : .void).rawValue), .int(context.businessNowMs),
            ])
        guard fact?.kind == .withdrawn, key.hasPrefix("withdrawn:") else { return }
        try transaction.run(
            "UPDATE pack_fact SET state = 'void' WHERE org_id = $1 AND fact_key = $2 AND state = 'open'",
            [.int(context.orgID), .text(String(key.dropFirst("withdrawn:".count)))])
    }

    /// Facts that are to be carried out by a day, earliest first.
    /// - Parameter limits: those for meters, or the others.
    public static func due(
        by day: CivilDay, limits: Bool, after: PackFactRow?, limit: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [PackFactRow] {
        try transaction.query(
            """
            SELECT \(columns) FROM pack_fact WHERE org_id = $1 AND state = 'open' AND due_day <= $2
              AND kind \(limits ? "=" : "<>") '\(PackFact.Kind.loadLimit.rawValue)'
              AND (due_day > $3 OR (due_day = $3 AND fact_key > $4)) ORDER BY due_day, fact_key LIMIT $5
            """,
            [
                .int(scope.orgID), .day(day), .int(after.map { Int64($0.dueDay.number) } ?? -1_000_000),
                .text(after?.key ?? ""), .int(limit),
            ], decode)
    }

    /// What was carried out, made void or given up with its reason. What is no longer open stays as it is.
    public func settle(
        _ state: State, trouble: String = "", atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE pack_fact SET state = $3, trouble = $4, done_at_ms = $5
            WHERE org_id = $1 AND fact_key = $2 AND state = 'open'
            """,
            [
                .int(scope.orgID), .text(key), .text(state.rawValue), .text(String(trouble.prefix(500))), .int(atMs),
            ])
    }

    /// All that followed for an account, earliest due first; at most 1,000.
    public static func of(accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [PackFactRow]
    {
        try transaction.query(
            """
            SELECT \(columns) FROM pack_fact WHERE org_id = $1 AND account_id = $2 ORDER BY due_day, fact_key LIMIT 1000
            """, [.int(scope.orgID), .int(accountID)], decode)
    }

    /// Facts that nobody could carry out.
    public static func failed(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [PackFactRow] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let reach =
            scope.isWholeCompany
            ? ""
            : """
             AND EXISTS (SELECT 1 FROM supply_account WHERE supply_account.org_id = $1
              AND supply_account.account_id = pack_fact.account_id\(SupplyAccount.scopeFilter(scope, &parameters)))
            """
        return try transaction.query(
            """
            SELECT \(columns) FROM pack_fact WHERE org_id = $1 AND state = 'failed'\(reach)
            ORDER BY due_day, fact_key LIMIT $2
            """, parameters, decode)
    }
}
