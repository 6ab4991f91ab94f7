// Charges: one account-day with all its components, in revisions. A charge is a pure function of a block version, a
// plan and an
// opening state, and keeps the hash of those inputs, so that any bill replays.
import Access
import Accounts
import CivilTime
import Grid
import Meters
import Packs
import SQL
import Tariffs

public enum RatingSchema {
    public static let migrations = [
        Migration(
            10, .money, "rating",
            [
                """
                CREATE TABLE charge (org_id {id} NOT NULL, day {int} NOT NULL, account_id {id} NOT NULL,
                  revision {int} NOT NULL,
                  meter_id {id} NOT NULL, block_version {int} NOT NULL, packs {text} NOT NULL,
                  sanctioned_w {int} NOT NULL,
                  inputs_hash {bytes} NOT NULL, energy_wh {int} NOT NULL, base_energy_paise {int} NOT NULL,
                  add_on_energy_paise {int} NOT NULL, fixed_paise {int} NOT NULL, duty_paise {int} NOT NULL,
                  total_paise {int} NOT NULL, estimated_slots {int} NOT NULL, opening_state {bytes} NOT NULL,
                  closing_state {bytes} NOT NULL, entry_id {id}, rated_at_ms {int} NOT NULL,
                  PRIMARY KEY (org_id, day, account_id, revision)) {keyed_table}
                """,
                "CREATE INDEX charge_account ON charge (org_id, account_id, day, revision)",
            ]),
        RatingRefusal.migration, runs,
        // One number, tables of several domains: each gives the statements of its own.
        Migration(
            45, .money, "delivery",
            GridSchema.delivery + AccountsSchema.delivery + MetersSchema.delivery + PacksSchema.delivery
                + ["ALTER TABLE charge ADD COLUMN corridor {text} NOT NULL DEFAULT ''"]),
        Migration(
            56, .money, "components of charges",
            [
                "ALTER TABLE charge ADD COLUMN other_paise {int} NOT NULL DEFAULT 0",
                "ALTER TABLE charge ADD COLUMN components {text} NOT NULL DEFAULT ''",
                "ALTER TABLE charge ADD COLUMN export_version {int} NOT NULL DEFAULT 0",
            ]),
        WhatIf.migration, RatingTurn.migration,
    ]
}

public struct Charge: Sendable, Equatable {
    public var day: CivilDay
    public var accountID: Int64
    public var revision: Int64
    public var meterID: Int64
    public var blockVersion: Int64
    /// Pack ids and versions, a line each.
    public var packs: String
    public var sanctionedW: Int64
    /// SHA-256 of the canonical inputs.
    public var inputsHash: [UInt8]
    public var energyWh: Int64
    public var baseEnergyPaise: Int64 = 0
    public var addOnEnergyPaise: Int64 = 0
    /// Standing charges and demand.
    public var fixedPaise: Int64 = 0
    /// Levies, duties and taxes.
    public var dutyPaise: Int64 = 0
    /// Subsidies, rebates, credits for energy fed in and the rest: mostly below zero.
    public var otherPaise: Int64 = 0
    /// The sum of the five before.
    public var totalPaise: Int64 = 0
    public var estimatedSlots: Int64
    /// ``BillState`` before and after it, encoded; of releases before, another format.
    public var opening: [UInt8]
    public var closing: [UInt8] = []
    /// Nil when this revision changed no amount: only an earlier day of the month moved.
    public var entryID: Int64?
    public var ratedAtMs: Int64
    /// By which way it was delivered: ``DeliveryPath/stored``, of the master data when the day was priced.
    public var corridor: String = ""
    /// What each component came to, those that are not zero; empty for charges of before components.
    public var components: [ChargePart] = []
    /// Of the energy fed in; 0 when the tariff does not look at it.
    public var exportVersion: Int64 = 0

    /// What the next day begins from; nil when it was stored by a release that priced otherwise.
    public var closingState: BillState? { try? BillState(decoding: closing) }
    /// The base pack it was priced by.
    var baseID: String { end.baseID }

    /// What of a charge the days after it go on from.
    struct End {
        var day: CivilDay
        /// The base pack and its version.
        var baseLine: Substring
        var closing: [UInt8]

        var baseID: String {
            String(baseLine.utf8.lastIndex(of: UInt8(ascii: "@")).map { baseLine[..<$0] } ?? baseLine)
        }
        var position: ChunkRating.Position {
            ChunkRating.Position(state: try? BillState(decoding: closing), bytes: closing, packID: baseID)
        }

        init(day: CivilDay, packs: String, closing: [UInt8]) {
            (self.day, self.closing) = (day, closing)
            baseLine = packs.utf8.firstIndex(of: UInt8(ascii: "\n")).map { packs[..<$0] } ?? packs[...]
        }
    }
    var end: End { End(day: day, packs: packs, closing: closing) }

    private static let columns = """
        day, account_id, revision, meter_id, block_version, packs, sanctioned_w, inputs_hash, energy_wh,
        base_energy_paise, add_on_energy_paise, fixed_paise, duty_paise, total_paise, estimated_slots, opening_state,
        closing_state, entry_id, rated_at_ms, corridor, other_paise, components, export_version
        """

    private static func decode(_ row: any SQLRow) throws -> Charge {
        Charge(
            day: try row.day(0), accountID: try row.int(1), revision: try row.int(2), meterID: try row.int(3),
            blockVersion: try row.int(4), packs: try row.text(5), sanctionedW: try row.int(6),
            inputsHash: try row.bytes(7), energyWh: try row.int(8), baseEnergyPaise: try row.int(9),
            addOnEnergyPaise: try row.int(10), fixedPaise: try row.int(11), dutyPaise: try row.int(12),
            otherPaise: try row.int(20), totalPaise: try row.int(13), estimatedSlots: try row.int(14),
            opening: try row.bytes(15), closing: try row.bytes(16), entryID: try row.optionalInt(17),
            ratedAtMs: try row.int(18), corridor: try row.text(19),
            components: try ChargePart.read(row.text(21)), exportVersion: try row.int(22))
    }

    /// The current revision of every charged day of an account from day to day, in order of day, at most `limit`.
    public static func current(
        accountID: Int64, from: CivilDay, to: CivilDay, limit: Int = 100_000, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [Charge] {
        try transaction.query(
            """
            SELECT \(columns) FROM charge c
            WHERE org_id = $1 AND account_id = $2 AND day >= $3 AND day <= $4 AND revision = (
              SELECT MAX(revision) FROM charge l WHERE l.org_id = c.org_id AND l.account_id = c.account_id AND l.day =
                c.day)
            ORDER BY day LIMIT $5
            """, [.int(scope.orgID), .int(accountID), .day(from), .day(to), .int(limit)], decode)
    }

    /// The current revisions of many accounts from day to day; at most some thousands of accounts.
    static func current(
        accountIDs: [Int64], from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: [CivilDay: Charge]] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(from), .day(to)]
        let those = parameters.bind(accountIDs, of: "account_id")
        let rows = try transaction.query(
            """
            SELECT \(columns) FROM charge WHERE org_id = $1 AND \(those) AND day >= $2 AND day <= $3
            ORDER BY account_id, day, revision
            """, parameters, decode)
        // The latest revision comes last.
        return rows.reduce(into: [:]) { $0[$1.accountID, default: [:]][$1.day] = $1 }
    }

    /// How a day ended for many accounts; at most some thousands.
    static func ends(
        accountIDs: [Int64], on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: End] {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(day)]
        let those = parameters.bind(accountIDs, of: "account_id")
        let rows = try transaction.query(
            """
            SELECT account_id, packs, closing_state FROM charge
            WHERE org_id = $1 AND day = $2 AND \(those) ORDER BY account_id, revision
            """, parameters
        ) { (try $0.int(0), End(day: day, packs: try $0.text(1), closing: try $0.bytes(2))) }
        // The latest revision comes last.
        return Dictionary(rows, uniquingKeysWith: { $1 })
    }

    /// The current revision of the last charged day before a day.
    static func last(
        accountID: Int64, before day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Charge? {
        try transaction.first(
            """
            SELECT \(columns) FROM charge WHERE org_id = $1 AND account_id = $2 AND day < $3
            ORDER BY day DESC, revision DESC LIMIT 1
            """, [.int(scope.orgID), .int(accountID), .day(day)], decode)
    }

    /// Every revision of one account-day, oldest first.
    public static func revisions(
        accountID: Int64, day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Charge] {
        try transaction.query(
            "SELECT \(columns) FROM charge WHERE org_id = $1 AND account_id = $2 AND day = $3 ORDER BY revision",
            [.int(scope.orgID), .int(accountID), .day(day)], decode)
    }

    /// Every revision of the days from day to day, in order of day and revision.
    public static func revisions(
        accountID: Int64, from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Charge] {
        try transaction.query(
            """
            SELECT \(columns) FROM charge WHERE org_id = $1 AND account_id = $2 AND day >= $3 AND day <= $4
            ORDER BY day, revision LIMIT 10000
            """, [.int(scope.orgID), .int(accountID), .day(from), .day(to)], decode)
    }

    /// The current revision of every account charged for a day.
    public static func chargedAccounts(
        day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: Int64] {
        let rows = try transaction.query(
            "SELECT account_id, MAX(revision) FROM charge WHERE org_id = $1 AND day = $2 GROUP BY account_id",
            [.int(scope.orgID), .day(day)]
        ) { (try $0.int(0), try $0.int(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// How many accounts are charged for a day, and on estimates.
    public static func counts(day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> (
        charged: Int64, estimated: Int64, corrected: Int64
    ) {
        try transaction.first(
            """
            SELECT COUNT(*), COUNT(*) FILTER (WHERE estimated_slots > 0), COUNT(*) FILTER (WHERE revision > 1)
            FROM charge c WHERE org_id = $1 AND day = $2 AND revision = (
              SELECT MAX(revision) FROM charge l WHERE l.org_id = c.org_id AND l.account_id = c.account_id AND l.day =
                c.day)
            """, [.int(scope.orgID), .day(day)]
        ) { (charged: try $0.int(0), estimated: try $0.int(1), corrected: try $0.int(2)) }
            ?? (0, 0, 0)
    }

    /// Stores new revisions, each as its ``row(_:)``.
    static func insert(_ rows: [[SQLValue]], in transaction: any SQLTransaction) throws {
        try transaction.insert(into: "charge", columns: "org_id, \(columns)", rows)
    }

    func row(_ scope: Scope) -> [SQLValue] {
        [
            .int(scope.orgID), .day(day), .int(accountID), .int(revision), .int(meterID), .int(blockVersion),
            .text(packs), .int(sanctionedW), .bytes(inputsHash), .int(energyWh), .int(baseEnergyPaise),
            .int(addOnEnergyPaise), .int(fixedPaise), .int(dutyPaise), .int(totalPaise), .int(estimatedSlots),
            .bytes(opening), .bytes(closing), .optional(entryID), .int(ratedAtMs), .text(corridor),
            .int(otherPaise), .text(ChargePart.text(components)), .int(exportVersion),
        ]
    }
}
