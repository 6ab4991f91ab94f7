// Tariff files as stored versions of base packs: kept as given, never changed, and read together as a book. Prices
// nothing: Tariffs does.
import Access
import CivilTime
import SQL
import Tariffs

extension PacksSchema {
    /// Tariff files beside the packs of before, prices of exchanges, and accounts that must be rated again.
    static let tariffs = Migration(
        55, .money, "tariffs and market prices",
        [
            "ALTER TABLE pack ADD COLUMN format {int} NOT NULL DEFAULT 0",
            "ALTER TABLE pack ADD COLUMN looks_at_export {flag} NOT NULL DEFAULT 0",
            """
            CREATE TABLE market_price (org_id {id} NOT NULL, exchange {text} NOT NULL, product {text} NOT NULL,
              day {int} NOT NULL, slot {int} NOT NULL, revision {int} NOT NULL, milli_per_kwh {int} NOT NULL,
              stored_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, exchange, product, day, slot, revision)) {keyed_table}
            """,
            """
            CREATE TABLE rate_again (org_id {id} NOT NULL, account_id {id} NOT NULL, from_day {int} NOT NULL,
              PRIMARY KEY (org_id, account_id)) {keyed_table}
            """,
        ])
}

/// How the definition of a stored pack is written.
enum PackFormat: Int64 {
    /// JSON of ``BasePack`` or ``AddOnPack``.
    case pack = 0
    /// A tariff file, YAML or JSON, as given.
    case tariff = 1
}

extension Packs {
    /// Stores a version of a base pack as a tariff file; its version and first day stand in it.
    ///
    /// The same text again changes nothing; a stored version never changes. Together with the versions that are there
    /// it must make a ``TariffBook``.
    /// - Parameter file: the name that errors carry.
    /// - Throws: `Refusal` with `file:line` for what is wrong in the text, or with the name of the pack.
    @discardableResult
    public static func store(
        tariff text: String, file: String = "tariff", _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Tariff {
        do {
            let tariff = try TariffReader.read(
                Array(text.utf8), file: file, calendars: Calendars.all(scope, in: transaction))
            let isNew = try store(
                tariff.id, tariff.version, .base, tariff.validFrom, text, .tariff,
                tariff: tariff, scope, transaction)
            if isNew { _ = try TariffBook(stored: versions(of: tariff.id, scope, in: transaction)) }
            return tariff
        } catch let error as TariffError {
            throw Refusal(error)
        }
    }

    /// The versions of a base pack, each ending where the next begins.
    /// - Throws: `Refusal` where there is no base pack of this name.
    public static func book(_ packID: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> TariffBook {
        let all = try versions(of: packID, scope, in: transaction)
        guard !all.isEmpty else { throw Refusal(.notFound, "There is no base pack of this name.", at: packID) }
        return try TariffBook(stored: all)
    }

    /// One version of a base pack, in force or not; nil when it is not stored.
    public static func version(
        _ version: Int64, of packID: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Tariff? {
        let calendars = try Calendars.all(scope, in: transaction)
        return try transaction.first(
            """
            SELECT format, definition, from_day FROM pack
            WHERE org_id = $1 AND pack_id = $2 AND kind = 'base' AND version = $3
            """, [.int(scope.orgID), .text(packID), .int(version)], read(packID, calendars))
    }

    /// All versions of a base pack as they were stored, in order; at most 1,000.
    public static func versions(
        of packID: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Tariff] {
        let calendars = try Calendars.all(scope, in: transaction)
        return try transaction.query(
            """
            SELECT format, definition, from_day FROM pack WHERE org_id = $1 AND pack_id = $2 AND kind = 'base'
            ORDER BY version LIMIT 1000
            """, [.int(scope.orgID), .text(packID)], read(packID, calendars))
    }

    private static func read(_ packID: String, _ calendars: SharedCalendars) -> (any SQLRow) throws -> Tariff {
        { row in
            switch PackFormat(rawValue: try row.int(0)) {
            case .pack: try Tariff(BasePack(json: row.text(1)), validFrom: row.day(2))
            case .tariff: try TariffTexts.read(row.text(1), packID, calendars)
            case nil: throw SQLError(.decode, "pack \(packID) is of a format this release does not know")
            }
        }
    }

    /// Names of base packs of which a version looks at energy fed in.
    public static func lookingAtExport(_ scope: Scope, in transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            """
            SELECT DISTINCT pack_id FROM pack WHERE org_id = $1 AND kind = 'base' AND looks_at_export = 1
            ORDER BY pack_id
            """, [.int(scope.orgID)]
        ) { try $0.text(0) }
    }

    /// Names of base packs of which a version looks at apparent energy, for a power factor.
    public static func lookingAtApparent(_ scope: Scope, in transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            """
            SELECT DISTINCT pack_id FROM pack WHERE org_id = $1 AND kind = 'base' AND looks_at_apparent = 1
            ORDER BY pack_id
            """, [.int(scope.orgID)]
        ) { try $0.text(0) }
    }

    /// Every base pack that was stored, as it is in force on a day. At most 1,000.
    public static func basesInForce(
        on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Tariff] {
        try baseIDs(scope, in: transaction).compactMap {
            try book($0, scope, in: transaction).tariff(on: day)
        }
    }

    /// What prices an account on a day; nil when it holds no base pack that is in force.
    public static func held(
        by accountID: Int64, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (base: Tariff, addOns: [AddOnPack])? {
        let held = try HeldPacks.of([accountID], scope, in: transaction)[accountID]
        guard let held, let packID = held.base(on: day) else { return nil }
        let versions = try versions(of: packID, scope, in: transaction)
        guard !versions.isEmpty, let base = try TariffBook(stored: versions).tariff(on: day) else { return nil }
        let addOns = try held.addOns(on: day).compactMap { packID in
            try addOnVersions(of: packID, scope, in: transaction).last { $0.fromDay <= day }?.pack
        }
        return (base, addOns)
    }

    /// Names of all base packs of the company, at most 1,000.
    public static func baseIDs(_ scope: Scope, in transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            "SELECT DISTINCT pack_id FROM pack WHERE org_id = $1 AND kind = 'base' ORDER BY pack_id LIMIT 1000",
            [.int(scope.orgID)]
        ) { try $0.text(0) }
    }
}

extension Refusal {
    /// What is wrong with a tariff or a load, with its place and how to mend it.
    public init(_ error: TariffError) {
        self.init(.invalid, error.what, hint: error.remedy, at: error.place)
    }
}

/// Stores a version of a base pack from a tariff file.
public struct StoreTariff: Command {
    public static let name = "packs.store-tariff"
    public static let permissions: [Permission] = [.manageSettings]
    public var text: String
    /// The name that errors carry.
    public var file: String
    public init(text: String, file: String = "tariff") {
        self.text = text
        self.file = file
    }
    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    /// What it says is in the table of packs, and never changes there.
    public var content: String { "file=\(file) bytes=\(text.utf8.count)" }

    /// - Returns: `ID@VERSION`.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> String {
        let scope = context.actor.scope
        guard scope.isWholeCompany else { throw Refusal(.forbidden, "Tariffs belong to the whole company.") }
        let before = try versionCount(scope, in: transaction)
        let tariff = try Packs.store(tariff: text, file: file, scope, in: transaction)
        if try versionCount(scope, in: transaction) != before {
            try refuseHeld(tariff.id, scope, context, in: transaction)
        }
        try RateAgain.from(tariff, context, in: transaction)
        context.changed(
            .company, "tariff \(tariff.id)", from: nil, to: "version \(tariff.version) from \(tariff.validFrom)")
        return "\(tariff.id)@\(tariff.version)"
    }

    /// What consumers hold is changed by a draft, which a second person approves and which gives notice. Thrown after
    /// it was stored, it takes that back.
    private func refuseHeld(
        _ packID: String, _ scope: Scope, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws {
        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        guard try PackShelf.holders(today: today, scope, in: transaction)[packID] ?? 0 > 0 else { return }
        throw Refusal(
            .conflict, "Consumers hold \(packID): a new version of it takes a draft and a second person.",
            hint: "Begin a draft of it instead.", at: file)
    }

    private func versionCount(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int64? {
        try transaction.first("SELECT COUNT(*) FROM pack WHERE org_id = $1", [.int(scope.orgID)]) { try $0.int(0) }
    }
}

/// Accounts whose days must be rated again from a day on, because who holds what or what it costs was changed for days
/// past. The next rating run takes them up.
public enum RateAgain {
    /// `asked` counts how often it was asked: what is asked while a run is at it is not done by that run.
    static let counted = Migration(
        83, .money, "how often rating again was asked",
        ["ALTER TABLE rate_again ADD COLUMN asked {int} NOT NULL DEFAULT 0"])

    private static let onceMore = """
        ON CONFLICT (org_id, account_id) DO UPDATE SET asked = rate_again.asked + 1,
          from_day = CASE WHEN excluded.from_day < rate_again.from_day THEN excluded.from_day
            ELSE rate_again.from_day END
        """

    /// One account, as a run finds it.
    public struct Waiting: Sendable {
        public var accountID: Int64
        public var fromDay: CivilDay
        var asked: Int64
    }

    /// The earlier of two days counts.
    public static func from(
        _ day: CivilDay, accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO rate_again (org_id, account_id, from_day) VALUES ($1, $2, $3) \(onceMore)
            """, [.int(scope.orgID), .int(accountID), .day(day)])
    }

    /// All accounts that ever held a base pack on that day or later.
    public static func from(
        _ day: CivilDay, holdersOf packID: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO rate_again (org_id, account_id, from_day)
            SELECT DISTINCT org_id, account_id, CAST($3 AS BIGINT) FROM subscription
            WHERE org_id = $1 AND pack_id = $2 AND kind = 'base' AND state NOT IN ('draft', 'rejected')
              AND (to_day IS NULL OR to_day >= $3) \(onceMore)
            """, [.int(scope.orgID), .text(packID), .day(day)])
    }

    /// All accounts that a new version of a tariff concerns on days that may be charged.
    static func from(_ tariff: Tariff, _ context: CommandContext, in transaction: any SQLTransaction) throws {
        // A day ahead of any zone: what begins later has no day that was charged.
        guard Int64(tariff.validFrom.number) <= context.businessNowMs / 86_400_000 + 1 else { return }
        try from(tariff.validFrom, holdersOf: tariff.id, context.actor.scope, in: transaction)
    }

    /// What waits, in order of account, after one.
    public static func waiting(
        after accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Waiting] {
        try transaction.query(
            """
            SELECT account_id, from_day, asked FROM rate_again WHERE org_id = $1 AND account_id > $2
            ORDER BY account_id LIMIT $3
            """, [.int(scope.orgID), .int(accountID), .int(limit)]
        ) { Waiting(accountID: try $0.int(0), fromDay: try $0.day(1), asked: try $0.int(2)) }
    }

    /// Done, unless it was asked again meanwhile.
    public static func done(_ found: Waiting, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "DELETE FROM rate_again WHERE org_id = $1 AND account_id = $2 AND asked = $3",
            [.int(scope.orgID), .int(found.accountID), .int(found.asked)])
    }
}
