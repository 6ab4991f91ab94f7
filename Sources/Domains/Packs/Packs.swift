// Packs as stored versions and who holds which from when to when. Prices nothing: Tariffs does.
import Access
import Accounts
import CivilTime
import SQL
import Tariffs

public enum PacksSchema {
    public static let migrations = [
        Migration(
            9, .money, "packs",
            [
                """
                CREATE TABLE pack (org_id {id} NOT NULL, pack_id {text} NOT NULL, version {int} NOT NULL,
                  kind {text} NOT NULL,
                  from_day {int} NOT NULL, definition {text} NOT NULL, PRIMARY KEY (org_id, pack_id,
                  version)) {keyed_table}
                """,
                """
                CREATE TABLE subscription (org_id {id} NOT NULL, subscription_id {id} NOT NULL,
                  account_id {id} NOT NULL,
                  pack_id {text} NOT NULL, kind {text} NOT NULL, from_day {int} NOT NULL, to_day {int},
                  state {text} NOT NULL,
                  PRIMARY KEY (org_id, subscription_id)) {table}
                """,
                "CREATE INDEX subscription_account ON subscription (org_id, account_id, from_day)",
            ]),
        tariffs, PackDraft.migration, terms, holding, calendars, apparent, RateAgain.counted,
    ]
}

/// Base packs price every slot; add-ons come before them in the slots they cover. Stored by name.
public enum PackKind: String, Sendable, Codable, CaseIterable { case base, addOn = "add-on" }

/// What an account holds. Days are inclusive; an open end is nil. DRAFT and REJECTED never bill.
public struct Subscription: Sendable, Equatable {
    public enum State: String, Sendable, Codable, CaseIterable { case draft, active, unsubscribed, expired, rejected }
    public var subscriptionID: Int64
    public var accountID: Int64
    public var packID: String
    public var kind: PackKind
    public var fromDay: CivilDay
    public var toDay: CivilDay?
    public var state: State

    public init(
        subscriptionID: Int64, accountID: Int64, packID: String, kind: PackKind, fromDay: CivilDay,
        toDay: CivilDay? = nil,
        state: State = .active
    ) {
        self.subscriptionID = subscriptionID
        self.accountID = accountID
        self.packID = packID
        self.kind = kind
        self.fromDay = fromDay
        self.toDay = toDay
        self.state = state
    }

    /// Assigns the pack as it is, without application and term. Nobody is asked, no rule is looked at.
    public func create(_ scope: Scope, in transaction: any SQLTransaction) throws {
        if toDay != nil, state == .active {
            try PackHolder.note(accountID, moves: true, scope, in: transaction)
        }
        try transaction.run(
            """
            INSERT INTO subscription (org_id, subscription_id, account_id, pack_id, kind, from_day, to_day, state,
              number, term_to_day)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT COALESCE(MAX(number), 0) + 1 FROM subscription
              WHERE org_id = $1 AND account_id = $3), $7) ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(subscriptionID), .int(accountID), .text(packID), .text(kind.rawValue),
                .day(fromDay), .optional(toDay.map { Int64($0.number) }), .text(state.rawValue),
            ])
    }

    /// All that an account ever held, latest first.
    public static func of(accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [Subscription]
    {
        try transaction.query(
            """
            SELECT subscription_id, account_id, pack_id, kind, from_day, to_day, state FROM subscription
            WHERE org_id = $1 AND account_id = $2 ORDER BY from_day DESC, subscription_id DESC LIMIT 1000
            """, [.int(scope.orgID), .int(accountID)]
        ) { row in
            Subscription(
                subscriptionID: try row.int(0), accountID: try row.int(1), packID: try row.text(2),
                kind: PackKind(rawValue: try row.text(3)) ?? .base, fromDay: try row.day(4),
                toDay: try row.optionalDay(5),
                state: State(rawValue: try row.text(6)) ?? .rejected)
        }
    }

    /// Accounts of the scope, open that day, that hold no base pack: nothing can price them. At most `limit`.
    public static func accountsWithoutBase(
        on day: CivilDay, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(day), .int(limit)]
        let filter = SupplyAccount.scopeFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT account_id FROM supply_account WHERE org_id = $1 AND opened_day <= $2
              AND (closed_day IS NULL OR closed_day >= $2) AND NOT EXISTS (
                SELECT 1 FROM subscription s WHERE s.org_id = supply_account.org_id
                  AND s.account_id = supply_account.account_id AND s.kind = 'base' AND s.from_day <= $2
                  AND (s.to_day IS NULL OR s.to_day >= $2) AND s.state NOT IN ('draft', 'rejected'))\(filter)
            ORDER BY account_id LIMIT $3
            """, parameters
        ) { try $0.int(0) }
    }

    /// Whether it bills that day: by date only, whatever became of it later (annexure I, back-date rule).
    public func bills(on day: CivilDay) -> Bool {
        state != .draft && state != .rejected && fromDay <= day && toDay.map { day <= $0 } != false
    }
}

public enum Packs {
    /// Stores a version of a base pack, in force from a day. The same version with other content is refused.
    public static func store(_ pack: BasePack, from day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction)
        throws
    {
        try pack.validate()
        _ = try store(pack.id, pack.version, .base, day, pack.json(), .pack, scope, transaction)
    }

    public static func store(_ pack: AddOnPack, from day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction)
        throws
    {
        try pack.validate()
        _ = try store(pack.id, pack.version, .addOn, day, pack.json(), .pack, scope, transaction)
    }

    /// - Returns: whether it is new.
    static func store(
        _ packID: String, _ version: Int, _ kind: PackKind, _ day: CivilDay, _ definition: String, _ format: PackFormat,
        tariff: Tariff? = nil, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> Bool {
        let known = try transaction.first(
            "SELECT definition, kind FROM pack WHERE org_id = $1 AND pack_id = $2 AND version = $3",
            [.int(scope.orgID), .text(packID), .int(version)]
        ) { (try $0.text(0), try $0.text(1)) }
        if let known {
            guard known == (definition, kind.rawValue) else {
                throw Refusal(
                    .conflict, "Pack \(packID) version \(version) exists with other content.",
                    hint: "Packs in use never change; give the new one the next version number.", at: packID)
            }
            return false
        }
        try transaction.run(
            """
            INSERT INTO pack (org_id, pack_id, version, kind, from_day, definition, format, looks_at_export, calendars,
              looks_at_apparent)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            [
                .int(scope.orgID), .text(packID), .int(version), .text(kind.rawValue), .day(day), .text(definition),
                .int(format.rawValue), .int(tariff.map { $0.metering != .importOnly } == true ? 1 : 0),
                .text(tariff?.sharedCalendars.sorted().joined(separator: " ") ?? ""),
                .int(tariff?.looksAtApparent == true ? 1 : 0),
            ])
        return true
    }
}
