// Meter-days that could not be priced: kept aside with the reason, so that the others go on, and rated once they can.
import Access
import Accounts
import CivilTime
import Packs
import SQL
import Tariffs

/// A complete day of a meter that no plan could price.
public struct RatingRefusal: Sendable, Equatable {
    /// Reason of an account that held no base pack that day; the list of accounts without a tariff shows those.
    static let withoutBase = "no base pack"
    /// What the readings lack, not the tariff: tried again when they come.
    static let withoutExport = TariffError(
        "readings", "the tariff looks at energy fed in, and that of the day is not there or has gaps",
        remedy: "let the meter's channel of export be read, imported or estimated")
    static let withoutApparent = TariffError(
        "readings", "the tariff has a power factor, and no apparent energy of the day was measured",
        remedy: "let the meter's channel of kVAh drawn be read or imported")
    static let withoutVoltage = TariffError(
        "tariff", "minutes of bad voltage are credited, and the server does not know them",
        remedy: "store a version without that credit")

    static let migration = Migration(
        22, .money, "days that cannot be priced",
        [
            """
            CREATE TABLE rating_refusal (org_id {id} NOT NULL, meter_id {id} NOT NULL, day {int} NOT NULL,
              account_id {id} NOT NULL, slots {int} NOT NULL, reason {text} NOT NULL, at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, meter_id, day)) {keyed_table}
            """
        ])

    public var meterID: Int64
    public var day: CivilDay
    public var accountID: Int64
    var slots: Int
    /// In words: what is wrong with the plan, where, and how to mend it.
    public var reason: String
    /// When it was refused first.
    public var atMs: Int64

    private static let columns = "meter_id, day, account_id, slots, reason, at_ms"

    private static func decode(_ row: any SQLRow) throws -> RatingRefusal {
        RatingRefusal(
            meterID: try row.int(0), day: try row.day(1), accountID: try row.int(2), slots: Int(try row.int(3)),
            reason: try row.text(4), atMs: try row.int(5))
    }

    func store(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO rating_refusal (org_id, meter_id, day, account_id, slots, reason, at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, meter_id, day) DO UPDATE SET
              account_id = excluded.account_id, slots = excluded.slots, reason = excluded.reason
            """,
            [
                .int(scope.orgID), .int(meterID), .day(day), .int(accountID), .int(slots),
                .text(String(reason.prefix(500))), .int(atMs),
            ])
    }

    static func clear(meterID: Int64, day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            "DELETE FROM rating_refusal WHERE org_id = $1 AND meter_id = $2 AND day = $3",
            [.int(scope.orgID), .int(meterID), .day(day)])
    }

    /// The days of some meters that are kept aside.
    static func days(
        meterIDs: [Int64], from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: Set<CivilDay>] {
        guard let least = meterIDs.min(), let most = meterIDs.max() else { return [:] }
        // There is seldom one.
        let any = try transaction.first(
            "SELECT 1 FROM rating_refusal WHERE org_id = $1 AND meter_id >= $2 AND meter_id <= $3 LIMIT 1",
            [.int(scope.orgID), .int(least), .int(most)]
        ) { try $0.int(0) }
        guard any != nil else { return [:] }
        var parameters: [SQLValue] = [.int(scope.orgID), .day(from), .day(to)]
        let marks = parameters.bind(meterIDs)
        let rows = try transaction.query(
            """
            SELECT meter_id, day FROM rating_refusal
            WHERE org_id = $1 AND meter_id IN (\(marks)) AND day >= $2 AND day <= $3
            """, parameters
        ) { (try $0.int(0), try $0.day(1)) }
        return rows.reduce(into: [:]) { $0[$1.0, default: []].insert($1.1) }
    }

    /// How many meter-days have a plan that cannot price them.
    public static func count(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.first(
            "SELECT COUNT(*) FROM rating_refusal WHERE org_id = $1 AND reason <> $2",
            [.int(scope.orgID), .text(withoutBase)]
        ) { try $0.int(0) } ?? 0
    }

    /// Meter-days with a plan that cannot price them, latest day first. Each needs a person.
    public static func latest(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [RatingRefusal]
    {
        var parameters: [SQLValue] = [.int(scope.orgID), .text(withoutBase), .int(limit)]
        let reach =
            scope.placeIDs == nil && scope.accountID == nil
            ? ""
            : """
             AND EXISTS (SELECT 1 FROM supply_account WHERE supply_account.org_id = $1
              AND supply_account.account_id = rating_refusal.account_id\(
                SupplyAccount.scopeFilter(scope, &parameters)))
            """
        return try transaction.query(
            """
            SELECT \(columns) FROM rating_refusal WHERE org_id = $1 AND reason <> $2\(reach)
            ORDER BY day DESC, meter_id LIMIT $3
            """, parameters, decode)
    }

    /// What is kept aside of accounts that hold a base pack on the day, in order of meter and day, after one.
    static func withBase(
        after last: RatingRefusal?, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [RatingRefusal] {
        try transaction.query(
            """
            SELECT \(columns) FROM rating_refusal WHERE org_id = $1 AND (meter_id > $2 OR (meter_id = $2 AND day > $3))
              AND EXISTS (SELECT 1 FROM subscription s JOIN pack p ON p.org_id = s.org_id AND p.pack_id = s.pack_id
                WHERE s.org_id = rating_refusal.org_id AND s.account_id = rating_refusal.account_id
                AND s.kind = 'base' AND s.state NOT IN ('draft', 'rejected') AND s.from_day <= rating_refusal.day
                AND (s.to_day IS NULL OR s.to_day >= rating_refusal.day) AND p.from_day <= rating_refusal.day)
            ORDER BY meter_id, day LIMIT $4
            """,
            [
                .int(scope.orgID), .int(last?.meterID ?? -1), .int(last.map { Int64($0.day.number) } ?? 0), .int(limit),
            ], decode)
    }

    /// Whether today's packs, subscriptions and prices of exchanges fit the day. Readings of nothing stand for its own.
    func canBePriced(zone: Zone, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        guard ![Self.withoutExport, Self.withoutApparent].map(\.description).contains(reason) else { return false }
        let account = try SupplyAccount.find(accountID, scope, in: transaction)
        let held = try HeldPacks.of([accountID], scope, in: transaction)
        var shelf = RatingShelf(zone: zone, nowMs: nowMs, scope)
        let none = Array(repeating: Int32(0), count: slots)
        let readings = DayReadings(day: day, meterID: meterID, importWh: none, exportWh: none, importVAh: none)
        do {
            guard let held = held[accountID],
                let priced = try shelf.input(readings, SupplyTerms(account), held, transaction)
            else {
                return false
            }
            _ = try priced.bill.price(priced.input, opening: .start)
            return true
        } catch is TariffError {
            return false
        }
    }
}
