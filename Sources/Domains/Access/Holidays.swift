// The holidays of a company: days that are lived like Sundays. A dated setting; who forecasts or compares days asks
// here.
import CivilTime
import Foundation
import SQL

/// The setting `calendar.holidays` as JSON text: `{"days":["2026-01-26"],"format":1}`.
public struct Holidays: Sendable, Equatable, Codable {
    public static let setting = "calendar.holidays"
    /// What fits into a setting.
    public static let daysMax = 70
    public var format = 1
    /// `YYYY-MM-DD`, each once, in order.
    public var days: [String] = []

    public init(_ days: [CivilDay] = []) { self.days = Set(days).sorted().map(\.description) }

    public func json() -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Nil for text that is no such list.
    public init?(json: String) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
            Set(object.keys) == ["days", "format"],
            let read = try? JSONDecoder().decode(Holidays.self, from: Data(json.utf8)), read.format == 1,
            read.days.count <= Self.daysMax
        else { return nil }
        let known = read.days.compactMap { CivilDay($0) }
        guard known.count == read.days.count else { return nil }
        self.init(known)
    }

    public static let kind = SettingKind(
        setting, initial: Holidays().json(),
        hint: "Days that are lived like Sundays, as JSON: {\"days\":[\"2026-01-26\"],\"format\":1}; "
            + "at most \(daysMax) in a list."
    ) { text in Holidays(json: text)?.json() }

    /// Which days of a span are holidays as known on a day: those of the list in force then, also for days before it
    /// was set, and those of the list that was in force on the day itself.
    public static func among(
        _ from: CivilDay, through to: CivilDay, knownOn day: CivilDay, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> Set<CivilDay> {
        let rows = try Setting.rows(setting, scope, in: transaction).filter { $0.fromDay <= day }.map { row in
            (row.fromDay, days: Set((Holidays(json: row.value)?.days ?? []).compactMap { CivilDay($0) }))
        }
        guard let present = rows.last, from <= to else { return [] }
        return Set(
            (from.number...to.number).map { CivilDay(number: $0) }.filter { candidate in
                present.days.contains(candidate)
                    || rows.last { $0.0 <= candidate }?.days.contains(candidate) == true
            })
    }
}
