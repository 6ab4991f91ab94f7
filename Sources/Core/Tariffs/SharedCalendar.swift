// Calendars of a company, shared by its tariffs: holidays, seasons and bands of the day, in dated versions. Reads their
// files and says which version holds when; it stores nothing and prices nothing.
import CivilTime

/// A version of a calendar. It may give holidays, seasons, bands of the day, or all of them.
public struct SharedCalendar: Sendable, Equatable {
    public internal(set) var name: String
    /// Grows with every change.
    public internal(set) var version: Int
    /// What people should know of it; may be empty.
    public internal(set) var label = ""
    public internal(set) var validFrom: CivilDay
    /// Nil where it says nothing of holidays.
    public internal(set) var holidays: Set<CivilDay>?
    public internal(set) var seasons: [Season] = []
    /// Empty where it has no bands.
    public internal(set) var rows: [DatedCalendar.Row] = []

    /// Stands for what a tariff file says itself.
    static let own = SharedCalendar(name: "", version: 0, validFrom: DatedCalendar.always)

    /// Most versions of one name.
    public static let versionsMax = 200
    public static let bytesMax = TariffText.maximumBytes

    /// As hashes and sheets name it.
    var source: String { name.isEmpty ? "" : "\(name) \(version)" }

    var datedVersion: DatedCalendar.Version {
        DatedCalendar.Version(
            from: validFrom, sources: source, seasons: seasons, holidays: holidays ?? [], rows: rows)
    }

    /// It alone, to be drawn; nil without bands.
    public var bands: DatedCalendar? { rows.isEmpty ? nil : try? DatedCalendar([datedVersion]) }

    /// - Parameter file: the name that errors carry.
    /// - Throws: with `file:line`, what is wrong and how to mend it.
    public static func read(_ bytes: [UInt8], file: String) throws(TariffError) -> SharedCalendar {
        var fields = try TariffFields(try TariffText.read(bytes, file: file), file: file, what: "the calendar")
        _ = try fields.integer(try fields.need("format"), "format", 1...1)
        let found = try fields.need("calendar")
        var calendar = SharedCalendar.own
        calendar.name = try fields.text(found, "calendar")
        guard calendar.name.utf8.count <= 64, calendar.name.utf8.allSatisfy({ isWord($0) }) else {
            throw fields.error(
                found.line, "calendar \(calendar.name) is no name",
                remedy: "give at most 64 letters, digits, - and _: tod-2026")
        }
        calendar.version = Int(try fields.integer(try fields.need("version"), "version", 1...Int64(Int32.max)))
        if let found = fields.take("label") { calendar.label = try fields.text(found, "label") }
        calendar.validFrom = try fields.day(try fields.need("validFrom"), "validFrom")
        if let found = fields.take("holidays") { calendar.holidays = Set(try fields.days(found, "holidays")) }
        if let found = fields.take("seasons") { calendar.seasons = try CalendarReader.seasons(found, fields) }
        let rows = fields.take("rows")
        if let rows {
            calendar.rows = try CalendarReader.rows(rows, calendar: calendar.name, calendar.seasons, fields)
        }
        try fields.finish()
        guard calendar.holidays != nil || !calendar.seasons.isEmpty || rows != nil else {
            throw fields.error(
                fields.line, "the calendar says nothing", remedy: "give holidays, seasons or rows, or all of them")
        }
        let made = calendar
        if let rows {
            _ = try fields.at(rows.line) { () throws(TariffError) in try DatedCalendar([made.datedVersion]) }
        }
        return calendar
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }

    /// To be read, line by line.
    public var sheet: [String] {
        var lines = ["\(name), version \(version), from \(validFrom)\(label.isEmpty ? "" : ": \(label)")"]
        if let bands { lines += bands.drawn(name) } else { lines += seasons.map(\.words) }
        if let holidays, !holidays.isEmpty {
            lines.append("  holidays: \(holidays.sorted().map(\.description).joined(separator: ", "))")
        }
        return lines
    }
}

extension [SharedCalendar] {
    /// The one that holds on a day; before the first that one. Not empty, in order of the first day.
    func holding(on day: CivilDay) -> SharedCalendar { last { $0.validFrom <= day } ?? self[0] }
}

/// All calendars of a company.
public struct SharedCalendars: Sendable, Equatable {
    private var byName: [String: [SharedCalendar]] = [:]

    public init() {}

    /// A later version takes over on the day it begins, for good: what would begin later and is of an earlier version
    /// is out of force.
    /// - Throws: two of one name and version.
    public init(_ all: [SharedCalendar]) throws(TariffError) {
        for (name, versions) in Dictionary(grouping: all, by: \.name) {
            var inForce: [SharedCalendar] = []
            var last: Int?
            for version in versions.sorted(by: { $0.version > $1.version }) {
                guard version.version != last else {
                    throw TariffError(
                        "calendar \(name)", "version \(version.version) is given twice",
                        remedy: "give a changed calendar a version that grows")
                }
                last = version.version
                if let next = inForce.first?.validFrom, version.validFrom >= next { continue }
                inForce.insert(version, at: 0)
            }
            byName[name] = inForce
        }
    }

    /// The versions of a calendar that are in force on some day, in order of the first; empty when there is none.
    public subscript(name: String) -> [SharedCalendar] { byName[name] ?? [] }

    func names(having part: (SharedCalendar) -> Bool) -> [String] {
        byName.filter { $0.value.allSatisfy(part) }.keys.sorted()
    }
}
