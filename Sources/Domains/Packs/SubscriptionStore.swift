// The history of an account's subscriptions between its tables and the rules: read whole, written where it changed.
// Decides nothing: Subscriptions does.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import SQL
import Subscriptions

/// A history as it is stored, with the ids of its rows.
public struct StoredHistory: Sendable {
    public var history: PackHistory
    /// Of each row, in order.
    public private(set) var ids: [Int64]
    public let account: SupplyAccount
    /// The place of the account and all above it.
    public let places: Set<Int64>
    /// Reasons that were given for a row, by its number.
    public private(set) var reasons: [Int: String] = [:]

    /// - Parameter today: rows that were assigned without an application count as decided the day before.
    public static func of(
        _ account: SupplyAccount, today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> StoredHistory {
        let place = try Place.find(account.placeID, Scope(orgID: scope.orgID), in: transaction)
        var history = PackHistory(consumer: account.accountNumber, nma: place.name)
        var ids: [Int64] = []
        var reasons: [Int: String] = [:]
        let rows = try transaction.query(
            """
            SELECT subscription_id, pack_id, kind, from_day, to_day, state, number, seller, applied_day, wanted_day,
              approved_day, ended_day, term_to_day, agreed_to_day, term_months, renews, renewed_days, why
            FROM subscription WHERE org_id = $1 AND account_id = $2 ORDER BY number, subscription_id LIMIT $3
            """, [.int(scope.orgID), .int(account.accountID), .int(PackHistory.maximumRows + 1)]
        ) { (try $0.int(0), try held($0, today: today), try $0.text(17)) }
        for (id, row, why) in rows {
            ids.append(id)
            history.rows.append(row)
            if !why.isEmpty { reasons[row.number] = why }
        }
        let facts = try transaction.query(
            "SELECT fact_key, amount_paise FROM pack_fact WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(account.accountID)]
        ) { (try $0.text(0), try $0.optionalInt(1) ?? 0) }
        history.told = Dictionary(facts, uniquingKeysWith: { first, _ in first })
        history.sweptTo =
            try transaction.first(
                "SELECT swept_day FROM pack_holder WHERE org_id = $1 AND account_id = $2",
                [.int(scope.orgID), .int(account.accountID)]
            ) { try $0.optionalDay(0) } ?? nil
        return StoredHistory(
            history: history, ids: ids, account: account,
            places: try PackOffers.places(above: account.placeID, scope, in: transaction), reasons: reasons)
    }

    private static func held(_ row: any SQLRow, today: CivilDay) throws -> HeldPack {
        let kind = PackKind(rawValue: try row.text(2)) ?? .base
        let from = try row.day(3)
        let before = min(from, today).advanced(by: -1)
        var held = HeldPack(
            number: Int(try row.int(6)), pack: try row.text(1), kind: kind == .base ? .base : .addOn,
            res: try row.text(7), appliedOn: try row.optionalDay(8) ?? before)
        guard let state = HeldPack.State(rawValue: try row.text(5).uppercased()) else {
            throw SQLError(.decode, "subscription \(try row.int(0)) is \(try row.text(5)), which no subscription is")
        }
        held.state = state
        held.wantedFrom = try row.optionalDay(9)
        held.endedOn = try row.optionalDay(11)
        guard state != .draft, state != .rejected else { return held }
        held.approvedOn = try row.optionalDay(10) ?? held.appliedOn
        held.from = from
        held.to = try row.optionalDay(12) ?? row.optionalDay(4)
        held.agreedTo = try row.optionalDay(13)
        held.termMonths = try row.optionalInt(14).map { Int($0) }
        held.renewsItself = try row.flag(15)
        held.renewedOn = try row.text(16).split(separator: " ").compactMap { CivilDay(String($0)) }
        return held
    }

    /// Writes what differs from what was read: rows, facts that follow, how far it was swept, days to be rated again.
    /// - Parameter why: the reason of who decided, kept with rows that a person ended.
    mutating func keep(
        _ outcome: PackOutcome, today: CivilDay, why: String, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws {
        let after = outcome.history
        for (index, row) in after.rows.enumerated() {
            if history.rows.indices.contains(index), history.rows[index] == row { continue }
            if !ids.indices.contains(index) { ids.append(context.ids.next()) }
            try write(row, ids[index], why: row.state == .rejected ? why : "", context.orgID, transaction)
            let before = history.rows.indices.contains(index) ? history.rows[index] : nil
            context.changed(
                .account(account.accountID), "subscription \(after.name(row))", from: before?.words, to: row.words)
        }
        let facts = Dictionary(outcome.facts.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        for (key, amount) in after.told.sorted(by: { $0.key < $1.key }) where history.told[key] == nil {
            try PackFactRow.add(key, facts[key], amount, account.accountID, today, context, in: transaction)
        }
        if let first = after.firstDifference(from: history), first < today {
            try RateAgain.from(first, accountID: account.accountID, context.actor.scope, in: transaction)
        }
        try PackHolder.note(
            account.accountID, moves: after.moves, sweptDay: after.sweptTo, context.actor.scope, in: transaction)
        history = after
    }

    private func write(
        _ row: HeldPack, _ id: Int64, why: String, _ orgID: Int64, _ transaction: any SQLTransaction
    ) throws {
        func day(_ day: CivilDay?) -> SQLValue { .optional(day.map { Int64($0.number) }) }
        try transaction.run(
            """
            INSERT INTO subscription (org_id, subscription_id, account_id, pack_id, kind, from_day, to_day, state,
              number, seller, applied_day, wanted_day, approved_day, ended_day, term_to_day, agreed_to_day,
              term_months, renews, renewed_days, why)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
            ON CONFLICT (org_id, subscription_id) DO UPDATE SET from_day = excluded.from_day,
              to_day = excluded.to_day, state = excluded.state, approved_day = excluded.approved_day,
              ended_day = excluded.ended_day, term_to_day = excluded.term_to_day,
              agreed_to_day = excluded.agreed_to_day, term_months = excluded.term_months, renews = excluded.renews,
              renewed_days = excluded.renewed_days, why = excluded.why
            """,
            [
                .int(orgID), .int(id), .int(account.accountID), .text(row.pack),
                .text((row.kind == .base ? PackKind.base : .addOn).rawValue),
                .day(row.from ?? row.wantedFrom ?? row.appliedOn), day(row.end), .text(row.state.rawValue.lowercased()),
                .int(row.number), .text(row.res), .day(row.appliedOn), day(row.wantedFrom), day(row.approvedOn),
                day(row.endedOn), day(row.to), day(row.agreedTo), .optional(row.termMonths.map { Int64($0) }),
                .flag(row.renewsItself), .text(row.renewedOn.map(\.description).joined(separator: " ")), .text(why),
            ])
    }
}

extension HeldPack {
    /// As the trail says it: `UP0001 ACTIVE 2026-01-02..`.
    fileprivate var words: String {
        "\(pack) \(state.rawValue)" + (from.map { " \($0)..\(end?.description ?? "")" } ?? "")
    }
}

/// The one row of an account that every change of its subscriptions writes: of two at once one looks again.
public struct PackHolder: Sendable, Equatable {
    public var accountID: Int64
    /// Why its sweep failed, and on which day.
    public var asideWhy: String
    public var asideDay: CivilDay?

    static func note(
        _ accountID: Int64, moves: Bool, sweptDay: CivilDay? = nil, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO pack_holder (org_id, account_id, revision, moves, swept_day, aside_why)
            VALUES ($1, $2, 1, $3, $4, '')
            ON CONFLICT (org_id, account_id) DO UPDATE SET revision = pack_holder.revision + 1, moves = excluded.moves,
              swept_day = COALESCE(excluded.swept_day, pack_holder.swept_day), aside_day = NULL, aside_why = ''
            """,
            [.int(scope.orgID), .int(accountID), .flag(moves), .optional(sweptDay.map { Int64($0.number) })])
    }

    /// Accounts of which time may change something and that were not looked at today, in order.
    public static func due(
        on today: CivilDay, after: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT account_id FROM pack_holder WHERE org_id = $1 AND account_id > $2 AND moves = 1
              AND (swept_day IS NULL OR swept_day < $3) AND (aside_day IS NULL OR aside_day < $3)
            ORDER BY account_id LIMIT $4
            """, [.int(scope.orgID), .int(after), .day(today), .int(limit)]
        ) { try $0.int(0) }
    }

    /// Keeps an account aside until tomorrow, with the reason.
    public static func setAside(
        _ accountID: Int64, why: String, on today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            "UPDATE pack_holder SET aside_day = $3, aside_why = $4 WHERE org_id = $1 AND account_id = $2",
            [.int(scope.orgID), .int(accountID), .day(today), .text(String(why.prefix(500)))])
    }

    /// Accounts that were kept aside, in order; each needs a person.
    public static func aside(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [PackHolder] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let filter = SupplyAccount.scopeFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT pack_holder.account_id, aside_why, aside_day FROM pack_holder
            JOIN supply_account ON supply_account.org_id = pack_holder.org_id
              AND supply_account.account_id = pack_holder.account_id
            WHERE pack_holder.org_id = $1 AND aside_day IS NOT NULL\(filter)
            ORDER BY pack_holder.account_id LIMIT $2
            """, parameters
        ) { PackHolder(accountID: try $0.int(0), asideWhy: try $0.text(1), asideDay: try $0.optionalDay(2)) }
    }
}
