// What packs there are: published versions with what they say of themselves, who holds them, and the rule of how long
// before its first day a change must be published. Publishes nothing.
import Access
import CivilTime
import SQL
import Tariffs

/// A published version as lists show it.
public struct PackVersion: Sendable, Equatable {
    public enum Standing: String, Sendable, Codable, CaseIterable { case coming, inForce = "in-force", past }
    public var packID: String
    public var version: Int64
    public var kind: PackKind
    /// Whether it is a tariff file; else a pack of the simple form.
    public var isTariff: Bool
    public var name: String
    public var categories: [String]
    public var fromDay: CivilDay
    /// Last day, where it says one or a later version begins.
    public var toDay: CivilDay?
    public var standing: Standing
    /// Subscriptions to the pack that bill today or later, whatever its version.
    public var holders: Int64
}

/// What a list of packs is narrowed to; nil is everything.
public struct PackFilter: Sendable, Equatable {
    /// Part of the id or the name, without regard to case.
    public var text: String?
    public var packID: String?
    public var version: Int64?
    public var kind: PackKind?
    public var standing: PackVersion.Standing?
    /// A consumer category: packs for it, and packs for all.
    public var category: String?
    /// In force on that day.
    public var on: CivilDay?
    /// With holders, or without.
    public var isHeld: Bool?
    public init() {}

    func takes(_ pack: PackVersion) -> Bool {
        let words = text?.lowercased()
        return packID.map { $0 == pack.packID } != false && version.map { $0 == pack.version } != false
            && kind.map { $0 == pack.kind } != false && standing.map { $0 == pack.standing } != false
            && category.map { pack.categories.isEmpty || pack.categories.contains($0) } != false
            && on.map { day in pack.fromDay <= day && pack.toDay.map { day <= $0 } != false } != false
            && isHeld.map { $0 == (pack.holders > 0) } != false
            && words.map { pack.packID.lowercased().contains($0) || pack.name.lowercased().contains($0) } != false
    }
}

/// Where a part of the list of versions ends, as `3.DOM-TOU`: the next begins behind it.
public struct PackPlace: Sendable, Equatable, CustomStringConvertible {
    public var packID: String
    public var version: Int64

    public init(_ pack: PackVersion) { (packID, version) = (pack.packID, pack.version) }

    /// Nil for what is none.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...10).contains(parts[0].utf8.count), (1...64).contains(parts[1].utf8.count),
            parts[0].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            parts[1].utf8.allSatisfy({ (UInt8(ascii: " ")...UInt8(ascii: "~")).contains($0) }),
            let version = Int64(parts[0])
        else { return nil }
        (self.packID, self.version) = (String(parts[1]), version)
    }

    public var description: String { "\(version).\(packID)" }
}

public enum PackShelf {
    /// Versions read at a time.
    private static let chunk = 200

    /// Days before its first day at which a change of a pack that somebody holds must be published.
    public static let noticeDays = SettingKind.wholeNumber(
        "packs.notice-days", 0...365, initial: 30,
        hint: "Days between publishing a changed version of a pack that somebody holds and its first day.")
    /// How near to a limit a month is likely to end for a warning.
    public static let nearPercent = SettingKind.wholeNumber(
        "packs.slab-warning-percent", 0...50, initial: 5,
        hint: "Percent of a limit within which a consumer is warned that all units become dearer above it; 0 is never.")
    public static let settings = [noticeDays, nearPercent]

    /// In order of id and version, behind a place; at most so many that the filter leaves.
    public static func list(
        _ filter: PackFilter, after: PackPlace? = nil, limit: Int, today: CivilDay, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [PackVersion] {
        guard scope.accountID == nil else { return [] }
        let holders = try holders(today: today, scope, in: transaction)
        let calendars = try Calendars.all(scope, in: transaction)
        var (found, after) = ([PackVersion](), after)
        while found.count < limit {
            let rows = try part(
                filter.packID, after: after, holders, calendars, today: today, scope, in: transaction)
            found += rows.filter(filter.takes)
            guard rows.count == chunk, let last = rows.last else { break }
            after = PackPlace(last)
        }
        return Array(found.prefix(limit))
    }

    /// How many packs are published, whatever their versions.
    public static func count(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int {
        guard scope.accountID == nil else { return 0 }
        return try transaction.first(
            "SELECT COUNT(DISTINCT pack_id) FROM pack WHERE org_id = $1", [.int(scope.orgID)]
        ) { Int(try $0.int(0)) } ?? 0
    }

    private static func part(
        _ packID: String?, after: PackPlace?, _ holders: [String: Int64], _ calendars: SharedCalendars,
        today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [PackVersion] {
        try transaction.query(
            """
            SELECT pack_id, version, kind, format, definition, from_day, (SELECT MIN(l.from_day) FROM pack l
              WHERE l.org_id = p.org_id AND l.pack_id = p.pack_id AND l.version > p.version) FROM pack p
            WHERE org_id = $1 AND ($2 = '' OR pack_id = $2) AND (pack_id > $3 OR (pack_id = $3 AND version > $4))
            ORDER BY pack_id, version LIMIT $5
            """,
            [
                .int(scope.orgID), .text(packID ?? ""), .text(after?.packID ?? ""), .int(after?.version ?? 0),
                .int(chunk),
            ]
        ) { row in
            let (id, fromDay) = (try row.text(0), try row.day(5))
            let form = try PackForm(
                kind: row.text(2), isTariff: row.int(3) != 0, definition: row.text(4), named: id, calendars)
            let later = try row.optionalDay(6)?.advanced(by: -1)
            let toDay = [form.toDay, later].compactMap { $0 }.min()
            return PackVersion(
                packID: id, version: try row.int(1), kind: form.kind, isTariff: try row.int(3) != 0,
                name: form.name, categories: form.categories, fromDay: fromDay, toDay: toDay,
                standing: fromDay > today ? .coming : toDay.map { $0 < today } == true ? .past : .inForce,
                holders: holders[id] ?? 0)
        }
    }

    private struct PackForm {
        var kind: PackKind
        var name: String
        var categories: [String] = []
        var toDay: CivilDay?

        init(
            kind: String, isTariff: Bool, definition: String, named packID: String, _ calendars: SharedCalendars
        ) throws {
            self.kind = PackKind(rawValue: kind) ?? .base
            if isTariff {
                let tariff = try TariffReader.read(
                    Array(definition.utf8), file: packID, calendars: calendars)
                (name, categories, toDay) = (tariff.name, tariff.categories, tariff.validTo)
            } else if self.kind == .base {
                name = try BasePack(json: definition).name
            } else {
                name = try AddOnPack(json: definition).name
            }
        }
    }

    /// The name of the latest version of each pack; one that is not there, or does not read, is left out.
    public static func names(
        _ packIDs: Set<String>, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [String: String] {
        guard !packIDs.isEmpty else { return [:] }
        let calendars = try Calendars.all(scope, in: transaction)
        var names: [String: String] = [:]
        for packID in packIDs {
            names[packID] =
                try transaction.query(
                    """
                    SELECT kind, format, definition FROM pack WHERE org_id = $1 AND pack_id = $2
                    ORDER BY version DESC LIMIT 1
                    """, [.int(scope.orgID), .text(packID)]
                ) { row in
                    try? PackForm(
                        kind: row.text(0), isTariff: row.int(1) != 0, definition: row.text(2), named: packID,
                        calendars
                    ).name
                }.first ?? nil
        }
        return names
    }

    /// Subscriptions by pack that bill on a day or later.
    public static func holders(
        today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [String: Int64] {
        let rows = try transaction.query(
            """
            SELECT pack_id, COUNT(*) FROM subscription WHERE org_id = $1 AND state NOT IN ('draft', 'rejected')
              AND (to_day IS NULL OR to_day >= $2) GROUP BY pack_id
            """, [.int(scope.orgID), .day(today)]
        ) { (try $0.text(0), try $0.int(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    static func isAddOn(_ packID: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.first(
            "SELECT 1 FROM pack WHERE org_id = $1 AND pack_id = $2 AND kind = 'add-on' LIMIT 1",
            [.int(scope.orgID), .text(packID)]
        ) { try $0.int(0) } != nil
    }

    /// The text of a published version as it was given; nil for a pack of the simple form.
    public static func text(
        of packID: String, version: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> String? {
        try transaction.first(
            "SELECT definition FROM pack WHERE org_id = $1 AND pack_id = $2 AND version = $3 AND format <> 0",
            [.int(scope.orgID), .text(packID), .int(version)]
        ) { try $0.text(0) }
    }

    /// The first day on which a tariff published today may begin; nil when it may begin on any day: nobody holds it.
    public static func earliest(
        _ packID: String, today: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilDay? {
        guard try holders(today: today, scope, in: transaction)[packID] ?? 0 > 0 else { return nil }
        let text = try SettingRegistry(settings).value(noticeDays.name, on: today, scope, in: transaction)
        return today.advanced(by: Int(text) ?? 0)
    }
}
