// Storing and removing calendars of the company. A version may touch only days that no charge was made for yet; which
// those are is known here.
import Access
import CivilTime
import Clocks
import Cryptography
import Packs
import SQL
import Tariffs

/// Stores a version of a calendar. All but the first take a second person, as does one a published tariff looks at:
/// whoever approves a draft has read it with the calendars of that moment.
public struct StoreCalendar: ConfirmedCommand, Codable {
    public static let name = "packs.store-calendar"
    public static let permissions: [Permission] = [.draftPacks]
    public static let checkPermission = Permission.approvePacks
    /// A calendar file, YAML or JSON.
    public var text: String
    /// The name that errors carry.
    public var file: String

    public init(text: String, file: String = "calendar") {
        self.text = text
        self.file = file
    }
    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String {
        "file=\(file) bytes=\(text.utf8.count) sha256=\(Secret.hex(Hash.sha256(Array(text.utf8))))"
    }

    public func isSensitive(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Bool {
        let calendar = try Calendars.read(text, file: file)
        let known = try Calendars.list(named: calendar.name, context.actor.scope, in: transaction)
        if known.contains(where: { $0.text == text }) { return false }
        return try !known.isEmpty || !Calendars.users(of: calendar.name, context.actor.scope, in: transaction).isEmpty
    }

    /// - Returns: `NAME@VERSION`.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> String {
        let scope = context.actor.scope
        guard scope.isWholeCompany else { throw Refusal(.forbidden, "Calendars belong to the whole company.") }
        let calendar = try Calendars.read(text, file: file)
        let packs = Set(try Calendars.users(of: calendar.name, scope, in: transaction).map(\.packID)).sorted()
        let chargedTo = try Charge.lastDay(chargedBy: packs, scope, in: transaction)
        let isNew = try Calendars.store(calendar, text: text, chargedTo: chargedTo, context, in: transaction)
        // A day ahead of any zone: what begins later has no day that could be charged meanwhile.
        if isNew, Int64(calendar.validFrom.number) <= context.businessNowMs / 86_400_000 + 1 {
            for packID in packs {
                try RateAgain.from(calendar.validFrom, holdersOf: packID, scope, in: transaction)
            }
        }
        return "\(calendar.name)@\(calendar.version)"
    }
}

/// Removes a calendar that no published tariff looks at.
public struct RemoveCalendar: Command {
    public static let name = "packs.remove-calendar"
    public static let permissions: [Permission] = [.draftPacks]
    public var calendar: String
    public init(calendar: String) { self.calendar = calendar }
    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "calendar=\(calendar)" }

    /// - Returns: how many versions it had.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        guard context.actor.scope.isWholeCompany else {
            throw Refusal(.forbidden, "Calendars belong to the whole company.")
        }
        return try Calendars.remove(calendar, context, in: transaction)
    }
}

extension Charge {
    /// The last day charged to an account that held one of these base packs on it.
    static func lastDay(
        chargedBy packs: [String], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CivilDay? {
        guard !packs.isEmpty else { return nil }
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = packs.map { pack in
            parameters.append(.text(pack))
            return "$\(parameters.count)"
        }.joined(separator: ", ")
        // Without anybody who ever held one, the search would walk through all charges.
        let first =
            try transaction.first(
                """
                SELECT MIN(from_day) FROM subscription WHERE org_id = $1 AND kind = 'base' AND pack_id IN (\(marks))
                  AND state NOT IN ('draft', 'rejected')
                """, parameters
            ) { try $0.optionalDay(0) } ?? nil
        guard let first else { return nil }
        parameters.append(.day(first))
        return try transaction.first(
            """
            SELECT c.day FROM charge c WHERE c.org_id = $1 AND c.day >= $\(parameters.count) AND EXISTS (
              SELECT 1 FROM subscription s WHERE s.org_id = c.org_id AND s.account_id = c.account_id
                AND s.kind = 'base' AND s.pack_id IN (\(marks)) AND s.state NOT IN ('draft', 'rejected')
                AND s.from_day <= c.day AND (s.to_day IS NULL OR s.to_day >= c.day))
            ORDER BY c.day DESC LIMIT 1
            """, parameters
        ) { try $0.day(0) }
    }
}
