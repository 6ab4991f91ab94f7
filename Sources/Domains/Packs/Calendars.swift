// Calendars of the company as stored: dated versions that never change, and which published tariffs look at them. Whose
// days are charged is Rating's to know; its commands write here.
import Access
import CivilTime
import SQL
import Tariffs

extension PacksSchema {
    /// Calendars beside the tariffs, and in each tariff the names of those it looks at.
    static let calendars = Migration(
        80, .money, "calendars of the company",
        [
            """
            CREATE TABLE company_calendar (org_id {id} NOT NULL, name {text} NOT NULL, version {int} NOT NULL,
              from_day {int} NOT NULL, definition {text} NOT NULL, stored_by {id} NOT NULL, stored_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, name, version)) {keyed_table}
            """,
            "ALTER TABLE pack ADD COLUMN calendars {text} NOT NULL DEFAULT ''",
        ])

    /// Which tariffs look at apparent energy. Of those that are stored: all that have the word, were it in a label.
    static let apparent = Migration(
        81, .money, "tariffs with power factors",
        [
            "ALTER TABLE pack ADD COLUMN looks_at_apparent {flag} NOT NULL DEFAULT 0",
            """
            UPDATE pack
            SET looks_at_apparent = 1 WHERE format = 1 AND definition <> REPLACE(definition, 'powerFactor', '')
            """,
        ])
}

/// A version as it was stored.
public struct StoredCalendar: Sendable {
    public var calendar: SharedCalendar
    /// The file as it was given.
    public var text: String
    public var storedBy: Int64
    public var storedAtMs: Int64
    /// The last day on which it can hold, where a later version begins; before the first day when it is out of force.
    public var toDay: CivilDay?
    public var isInForce: Bool { toDay.map { calendar.validFrom <= $0 } ?? true }
}

public enum Calendars {
    /// Versions of all calendars of a company.
    public static let limit = 1_000
    /// What waits for a second person has a bound of its own.
    public static let bytesMax = 60_000

    /// All that tariffs may name.
    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> SharedCalendars {
        let stored = try list(scope, in: transaction)
        return stored.isEmpty ? SharedCalendars() : try SharedCalendars(stored.map(\.calendar))
    }

    /// In order of name and version.
    public static func list(
        named name: String? = nil, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [StoredCalendar] {
        var found = try transaction.query(
            """
            SELECT name, definition, stored_by, stored_at_ms FROM company_calendar WHERE org_id = $1
              AND (name = $2 OR $2 = '') ORDER BY name, version LIMIT $3
            """, [.int(scope.orgID), .text(name ?? ""), .int(limit)]
        ) { row in
            StoredCalendar(
                calendar: try SharedCalendar.read(Array(row.text(1).utf8), file: row.text(0)), text: try row.text(1),
                storedBy: try row.int(2), storedAtMs: try row.int(3))
        }
        for index in found.indices {
            let name = found[index].calendar.name
            found[index].toDay = found[(index + 1)...].prefix { $0.calendar.name == name }
                .map(\.calendar.validFrom).min()?.advanced(by: -1)
        }
        return found
    }

    /// Published tariffs that look at a calendar, in order of id and version.
    public static func users(
        of name: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [(packID: String, version: Int64)] {
        try transaction.query(
            """
            SELECT pack_id, version, calendars FROM pack WHERE org_id = $1 AND calendars <> ''
            ORDER BY pack_id, version LIMIT 1000
            """, [.int(scope.orgID)]
        ) { (packID: try $0.text(0), version: try $0.int(1), names: try $0.text(2)) }
        .filter { $0.names.split(separator: " ").contains(Substring(name)) }.map { ($0.packID, $0.version) }
    }

    /// Reads a calendar from outside.
    /// - Throws: `Refusal` with `file:line`.
    public static func read(_ text: String, file: String) throws -> SharedCalendar {
        guard text.utf8.count <= bytesMax else {
            throw Refusal(.tooLarge, "A calendar is at most \(bytesMax) bytes.", hint: "Shorten it.", at: file)
        }
        do throws(TariffError) {
            return try SharedCalendar.read(Array(text.utf8), file: file)
        } catch {
            throw Refusal(error)
        }
    }

    /// Adds a version. The same text again changes nothing.
    /// - Parameter chargedTo: the last day that was charged by a tariff that looks at it: it begins later.
    /// - Returns: whether it is new.
    /// - Throws: `Refusal` for a version that does not grow, a day that is charged, a tariff that it does not fit.
    public static func store(
        _ calendar: SharedCalendar, text: String, chargedTo: CivilDay?, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws -> Bool {
        let scope = context.actor.scope
        let known = try list(named: calendar.name, scope, in: transaction)
        if known.contains(where: { $0.text == text }) { return false }
        if let last = known.last?.calendar.version, calendar.version <= last {
            throw Refusal(
                .conflict, "Calendar \(calendar.name) has a version \(last) already.",
                hint: "Stored versions never change: give this one version \(last + 1).", at: "version")
        }
        guard known.count < SharedCalendar.versionsMax else {
            throw Refusal(
                .conflict, "Calendar \(calendar.name) has \(known.count) versions.", hint: "Begin another calendar.")
        }
        guard try list(scope, in: transaction).count < limit else {
            throw Refusal(.conflict, "There are \(limit) versions of calendars.", hint: "Remove calendars nobody uses.")
        }
        if let chargedTo, calendar.validFrom <= chargedTo {
            throw Refusal(
                .conflict, "Days up to \(chargedTo) are charged by calendar \(calendar.name).",
                hint: "Let the new version begin on \(chargedTo.advanced(by: 1)) or later.", at: "validFrom")
        }
        try transaction.run(
            """
            INSERT INTO company_calendar (org_id, name, version, from_day, definition, stored_by, stored_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .int(scope.orgID), .text(calendar.name), .int(calendar.version), .day(calendar.validFrom),
                .text(text), .int(context.actor.loginID), .int(context.businessNowMs),
            ])
        for packID in Set(try users(of: calendar.name, scope, in: transaction).map(\.packID)).sorted() {
            do {
                _ = try Packs.book(packID, scope, in: transaction)
            } catch let error as TariffError {
                throw Refusal(
                    .conflict, "\(packID) cannot be priced by it: \(error.what).",
                    hint: PackCheck.sentence(error.remedy), at: "calendar")
            }
        }
        let before = known.last?.calendar
        context.changed(
            .company, "calendar \(calendar.name)", from: before?.sheet.joined(separator: "\n"),
            to: calendar.sheet.joined(separator: "\n"))
        return true
    }

    /// Removes all versions of a calendar that no published tariff looks at.
    /// - Returns: how many versions it had.
    public static func remove(
        _ name: String, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws -> Int {
        let scope = context.actor.scope
        let users = try users(of: name, scope, in: transaction)
        guard users.isEmpty else {
            throw Refusal(
                .conflict, "Published packs look at calendar \(name): \(Self.words(users)).",
                hint: "Store a new version that begins on a coming day instead.", at: "name")
        }
        let removed = try transaction.run(
            "DELETE FROM company_calendar WHERE org_id = $1 AND name = $2", [.int(scope.orgID), .text(name)])
        guard removed > 0 else { throw Refusal(.notFound, "There is no calendar \(name).", at: "name") }
        context.changed(.company, "calendar \(name)", from: "\(removed) versions", to: nil)
        return Int(removed)
    }

    private static func words(_ users: [(packID: String, version: Int64)]) -> String {
        users.prefix(5).map { "\($0.packID)@\($0.version)" }.joined(separator: ", ") + (users.count > 5 ? ", …" : "")
    }
}
