// Reads the calendars of a tariff file: its own, and those of the company that it names. What it gives tiles every day.
// It prices nothing.
import CivilTime
import Quantities

struct CalendarReader {
    private let shared: SharedCalendars
    /// The tariff's first day: a calendar of the company must hold by then.
    private let from: CivilDay
    /// Calendars of the company that were named.
    private(set) var used: Set<String> = []

    init(_ shared: SharedCalendars, from: CivilDay) {
        self.shared = shared
        self.from = from
    }

    /// What stands under `calendars`, with holidays and seasons of the file or of the company.
    mutating func calendars(_ fields: inout TariffFields) throws(TariffError) -> [String: DatedCalendar] {
        var holidays = [SharedCalendar.own]
        if let found = fields.take("holidays") {
            if case .scalar(let name) = found.content {
                holidays = try versions(found, name, "holidays", fields) { $0.holidays != nil }
            } else {
                holidays[0].holidays = Set(try fields.days(found, "holidays"))
            }
        }
        var seasons = [SharedCalendar.own]
        if let found = fields.take("seasons") {
            if case .scalar(let name) = found.content {
                seasons = try versions(found, name, "seasons", fields) { !$0.seasons.isEmpty }
            } else {
                seasons[0].seasons = try Self.seasons(found, fields)
            }
        }
        guard let found = fields.take("calendars") else { return [:] }
        let begins = Set((holidays + seasons).map(\.validFrom)).sorted()
        var calendars: [String: DatedCalendar] = [:]
        for (name, line, value) in try fields.pairs(found, "calendars") {
            var versions: [DatedCalendar.Version] = []
            for day in begins {
                let (holidays, seasons) = (holidays.holding(on: day), seasons.holding(on: day))
                versions.append(
                    DatedCalendar.Version(
                        from: day,
                        sources: [holidays, seasons].map(\.source).filter { !$0.isEmpty }
                            .joined(separator: ", "), seasons: seasons.seasons, holidays: holidays.holidays ?? [],
                        rows: try Self.rows(value, calendar: name, seasons.seasons, fields)))
            }
            calendars[name] = try fields.at(line) { () throws(TariffError) in
                do throws(TariffError) { return try DatedCalendar(versions) } catch {
                    throw error.inside("calendar \(name)")
                }
            }
        }
        return calendars
    }

    /// Bands of the company, for a component that names a calendar which the file does not have.
    mutating func bands(
        _ found: TariffText, _ name: String, own: [String], _ fields: TariffFields
    ) throws(TariffError) -> DatedCalendar {
        let known = own + shared.names(having: { !$0.rows.isEmpty })
        guard known.contains(name) else {
            let near = Resemblance.nearest(to: name, among: known).map { "did you mean \($0)? " } ?? ""
            throw fields.error(
                found.line, "there is no calendar \(name)",
                remedy: known.isEmpty
                    ? "write it under calendars, or store it as a calendar of the company"
                    : "\(near)give one of \(known.joined(separator: ", "))")
        }
        let versions = try versions(found, name, "bands", fields) { !$0.rows.isEmpty }
        return try fields.at(found.line) { () throws(TariffError) in
            do throws(TariffError) {
                return try DatedCalendar(versions.map(\.datedVersion))
            } catch { throw error.inside("calendar \(name)") }
        }
    }

    /// The versions of a calendar of the company.
    private mutating func versions(
        _ found: TariffText, _ name: String, _ what: String, _ fields: TariffFields,
        _ has: (SharedCalendar) -> Bool
    ) throws(TariffError) -> [SharedCalendar] {
        let versions = shared[name]
        guard let first = versions.first, versions.allSatisfy(has) else {
            let known = shared.names(having: has)
            throw fields.error(
                found.line, "the company has no calendar \(name) with \(what)",
                remedy: known.isEmpty
                    ? "store one with busbar calendars store, or write the \(what) out"
                    : "give one of \(known.joined(separator: ", ")), or write the \(what) out")
        }
        guard first.validFrom <= from else {
            throw fields.error(
                found.line, "calendar \(name) begins on \(first.validFrom), after the tariff's validFrom \(from)",
                remedy: "let the tariff begin with it, or use a calendar that holds by then")
        }
        used.insert(name)
        return versions
    }

    // MARK: Parts that a calendar of the company has too

    static func seasons(_ found: TariffText, _ fields: TariffFields) throws(TariffError) -> [Season] {
        var seasons: [Season] = []
        for (name, line, value) in try fields.pairs(found, "seasons") {
            var season = try TariffFields(value, file: fields.file, what: "season \(name)")
            try fields.at(line) { () throws(TariffError) in try checkName(name, "season") }
            seasons.append(
                Season(
                    name: name, from: try season.monthDay(try season.need("from"), "from"),
                    to: try season.monthDay(try season.need("to"), "to")))
            try season.finish()
        }
        // Told of where they stand, not where a calendar uses them.
        _ = try fields.at(found.line) { () throws(TariffError) in
            try DatedCalendar(
                seasons: seasons, holidays: [],
                rows: [DatedCalendar.Row(season: nil, days: Set(1...8), calendar: .flat())])
        }
        return seasons
    }

    static func rows(
        _ found: TariffText, calendar: String, _ seasons: [Season], _ fields: TariffFields
    ) throws(TariffError) -> [DatedCalendar.Row] {
        var rows: [DatedCalendar.Row] = []
        for item in try fields.list(found, "calendar \(calendar)", 1...40) {
            rows.append(try row(item, calendar: calendar, seasons, fields.file))
        }
        return rows
    }

    private static func row(
        _ text: TariffText, calendar: String, _ seasons: [Season], _ file: String
    ) throws(TariffError) -> DatedCalendar.Row {
        var fields = try TariffFields(text, file: file, what: "a row of calendar \(calendar)")
        var season: String?
        if let found = fields.take("season") {
            let name = try fields.text(found, "season")
            guard seasons.contains(where: { $0.name == name }) else {
                throw fields.error(
                    found.line, "there is no season \(name)",
                    remedy: "give one of seasons: \(seasons.map(\.name).joined(separator: ", "))")
            }
            season = name
        }
        var days: Set<Int> = Set(1...8)
        if let found = fields.take("days") {
            days = []
            var items = [found]
            if case .list(let list) = found.content { items = list }
            for item in items {
                let word = try fields.text(item, "days")
                guard let some = TariffReader.dayKinds[word] else {
                    throw fields.error(
                        item.line, "days \(word) is not known",
                        remedy: "known are weekday, weekend, \(DatedCalendar.dayNames.joined(separator: ", "))")
                }
                days.formUnion(some)
            }
        }
        let found = try fields.need("bands")
        var bands: [TOUBand] = []
        for (name, _, value) in try fields.pairs(found, "bands") {
            bands.append(TOUBand(name: name, ranges: try fields.hours(value, "band \(name)")))
        }
        try fields.finish()
        let tiling = TOUCalendar(bands: bands)
        try fields.at(found.line) { () throws(TariffError) in
            do throws(TariffError) { try tiling.validate() } catch {
                throw TariffError(
                    "calendar \(calendar)", error.what, remedy: "let the bands tile the day from 00:00 to 24:00")
            }
        }
        return DatedCalendar.Row(season: season, days: days, calendar: tiling)
    }
}

extension TariffReader {
    /// Words of `days`: 1 is Monday, 7 Sunday, 8 a holiday.
    package static let dayKinds: [String: Set<Int>] = {
        var kinds: [String: Set<Int>] = ["weekday": Set(1...5), "weekend": [6, 7]]
        for (index, name) in DatedCalendar.dayNames.enumerated() { kinds[name] = [index + 1] }
        return kinds
    }()
}
