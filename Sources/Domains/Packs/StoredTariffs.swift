// Tariff files as stored versions of base packs: kept as given, never changed, and read together as a book. Prices
// nothing: Tariffs does.
import Access
import CivilTime
import Quantities
import SQL
import Tariffs

extension PacksSchema {
    /// Tariff files beside the packs of before, prices of exchanges, and accounts that must be rated again.
    static let tariffs = Migration(
        55, .money, "tariffs and market prices",
        [
            "ALTER TABLE pack ADD COLUMN format {int} NOT NULL DEFAULT 0",
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
    /// The same text again changes nothing; a stored version never changes. Together with the versions that are there it
    /// must make a ``TariffBook``.
    /// - Parameter file: the name that errors carry.
    /// - Throws: `Refusal` with `file:line` for what is wrong in the text, or with the name of the pack.
    @discardableResult
    public static func store(
        tariff text: String, file: String = "tariff", _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Tariff {
        do {
            let tariff = try TariffReader.read(Array(text.utf8), file: file)
            let isNew = try store(
                tariff.id, tariff.version, .base, tariff.validFrom, text, .tariff, scope, transaction)
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
        try transaction.first(
            """
            SELECT format, definition, from_day FROM pack
            WHERE org_id = $1 AND pack_id = $2 AND kind = 'base' AND version = $3
            """, [.int(scope.orgID), .text(packID), .int(version)], read(packID))
    }

    /// All versions of a base pack as they were stored, in order; at most 1,000.
    public static func versions(
        of packID: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Tariff] {
        try transaction.query(
            """
            SELECT format, definition, from_day FROM pack WHERE org_id = $1 AND pack_id = $2 AND kind = 'base'
            ORDER BY version LIMIT 1000
            """, [.int(scope.orgID), .text(packID)], read(packID))
    }

    private static func read(_ packID: String) -> (any SQLRow) throws -> Tariff {
        { row in
            switch PackFormat(rawValue: try row.int(0)) {
            case .pack: try tariff(of: BasePack(json: row.text(1)), from: row.day(2))
            case .tariff: try TariffReader.read(Array(row.text(1).utf8), file: packID)
            case nil: throw SQLError(.decode, "pack \(packID) is of a format this release does not know")
            }
        }
    }

    /// A pack of before as a tariff: its bands, its fixed charges, its duty.
    private static func tariff(of pack: BasePack, from day: CivilDay) throws -> Tariff {
        func money(_ thousandths: Int64) -> String { fixedPoint(thousandths, places: 5) }
        func quoted(_ text: String) -> String { "\"\(text)\"" }
        let bands = pack.calendar.bands.map { band in
            let ranges = band.ranges.map { quoted("\(clock($0.fromMinute))-\(clock($0.toMinute))") }
            return "\(quoted(band.name)): [\(ranges.joined(separator: ", "))]"
        }
        let prices = pack.calendar.bands.map { band in
            "\(quoted(band.name)): \(money(pack.milliPaisePerKWh[band.name] ?? 0))"
        }
        var components = [
            "{id: energy, kind: energy, calendar: bands, perKWh: {\(prices.joined(separator: ", "))}}"
        ]
        if pack.fixedPaisePerMonth > 0 {
            components.append("{id: fixed, kind: fixed, perMonth: \(money(pack.fixedPaisePerMonth * 1000))}")
        }
        if pack.fixedPaisePerKWPerMonth > 0 {
            components.append("{id: fixedKW, kind: fixed, perKW: \(money(pack.fixedPaisePerKWPerMonth * 1000))}")
        }
        if pack.dutyPPM > 0 {
            components.append(
                "{id: duty, kind: duty, percent: \(fixedPoint(pack.dutyPPM, places: 4)), of: [energy]}")
        }
        let text = """
            format: 1
            id: \(quoted(pack.id))
            version: \(pack.version)
            name: \(quoted(pack.name))
            validFrom: \(day)
            calendars: {bands: [{bands: {\(bands.joined(separator: ", "))}}]}
            components: [\(components.joined(separator: ", "))]
            """
        return try TariffReader.read(Array(text.utf8), file: pack.id)
    }

    private static func clock(_ minute: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minute / 60)):\(two(minute % 60))"
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
        let tariff = try Packs.store(tariff: text, file: file, scope, in: transaction)
        context.changed(
            .company, "tariff \(tariff.id)", from: nil, to: "version \(tariff.version) from \(tariff.validFrom)")
        return "\(tariff.id)@\(tariff.version)"
    }
}

/// Accounts whose days must be rated again from a day on, because who holds what or what it costs was changed for days
/// past. The next rating run takes them up.
public enum RateAgain {
    /// The earlier of two days counts.
    public static func from(
        _ day: CivilDay, accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO rate_again (org_id, account_id, from_day) VALUES ($1, $2, $3)
            ON CONFLICT (org_id, account_id) DO UPDATE SET from_day = excluded.from_day
            WHERE excluded.from_day < rate_again.from_day
            """, [.int(scope.orgID), .int(accountID), .day(day)])
    }

    /// What waits, in order of account, after one.
    public static func waiting(
        after accountID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(accountID: Int64, fromDay: CivilDay)] {
        try transaction.query(
            """
            SELECT account_id, from_day FROM rate_again WHERE org_id = $1 AND account_id > $2
            ORDER BY account_id LIMIT $3
            """, [.int(scope.orgID), .int(accountID), .int(limit)]
        ) { (try $0.int(0), try $0.day(1)) }
    }

    /// Done, unless an earlier day was asked for meanwhile.
    public static func done(
        _ day: CivilDay, accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            "DELETE FROM rate_again WHERE org_id = $1 AND account_id = $2 AND from_day >= $3",
            [.int(scope.orgID), .int(accountID), .day(day)])
    }
}
