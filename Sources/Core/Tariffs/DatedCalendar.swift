// Bands of the day by season and kind of day. Every minute of every day is in exactly one band; which days are holidays
// is data. It knows no prices.
import CivilTime

/// A part of the year, from a day of the year to another, both inclusive; it may run over New Year.
public struct Season: Sendable, Equatable {
    public let name: String
    /// Month × 100 + day: 401 is 1 April.
    public let from: Int
    public let to: Int

    func holds(_ monthDay: Int) -> Bool {
        from <= to ? (from...to).contains(monthDay) : monthDay >= from || monthDay <= to
    }
}

/// What bands hold on which days.
public struct DatedCalendar: Sendable, Equatable {
    /// 1 = Monday to 7 = Sunday, 8 = holiday.
    static let holiday = 8

    public struct Row: Sendable, Equatable {
        /// Nil: all year.
        public let season: String?
        public let days: Set<Int>
        public let calendar: TOUCalendar
    }

    /// What holds from a day on, until the next begins.
    public struct Version: Sendable, Equatable {
        /// The first also holds on days before it.
        public let from: CivilDay
        /// The company's calendars it came from, with their versions: `tod 2`; empty for one of the tariff's own.
        public let sources: String
        public let seasons: [Season]
        public let holidays: Set<CivilDay>
        public let rows: [Row]
    }

    /// In order of their first day; at least one.
    public let versions: [Version]
    /// Of all versions, one after the other.
    public let rows: [Row]
    /// Names of all bands, in order of first appearance.
    public let bands: [String]
    /// For each row and minute: index of its band in `bands`, and the minute where its range ends.
    private let minutes: [[Minute]]

    struct Minute: Sendable, Equatable {
        var band: Int
        var end: Int
    }

    /// - Throws: without a place, for the caller to put one: seasons or rows that leave a day out or hold it twice.
    init(seasons: [Season], holidays: Set<CivilDay>, rows: [Row]) throws(TariffError) {
        try self.init([
            Version(from: Self.always, sources: "", seasons: seasons, holidays: holidays, rows: rows)
        ])
    }

    /// From the first day there is.
    static let always = CivilDay(number: .min)

    /// - Throws: also versions whose bands differ, since prices are given by band.
    init(_ versions: [Version]) throws(TariffError) {
        precondition(!versions.isEmpty, "a calendar has a version")
        let rows = versions.flatMap(\.rows)
        var bands: [String] = []
        for band in rows.flatMap(\.calendar.bands) where !bands.contains(band.name) { bands.append(band.name) }
        self.versions = versions
        self.rows = rows
        self.bands = bands
        var minutes: [[Minute]] = []
        for row in rows {
            let places = row.calendar.bands.map { bands.firstIndex(of: $0.name) ?? 0 }
            minutes.append(
                try row.calendar.bandAndEndOfMinutes().map { Minute(band: places[$0.band], end: $0.endMinute) })
        }
        self.minutes = minutes
        for version in versions {
            try Self.check(version)
            let own = Set(version.rows.flatMap { $0.calendar.bands.map(\.name) })
            if let lacking = bands.first(where: { !own.contains($0) }) {
                throw TariffError(
                    "", "\(version.sources) has no band \(lacking), which another version of it has",
                    remedy: "keep the bands of a calendar; give another calendar another name")
            }
        }
    }

    private static func check(_ version: Version) throws(TariffError) {
        try checkYear(version.seasons)
        for season in version.seasons.isEmpty ? [nil] : version.seasons.map(\.name) {
            for day in 1...(version.holidays.isEmpty ? 7 : 8) {
                let holding = version.rows.count { row in
                    row.days.contains(day) && (row.season == nil || row.season == season)
                }
                guard holding != 1 else { continue }
                let place = dayNames[day - 1] + (season.map { " of season \($0)" } ?? "")
                throw TariffError(
                    "", holding == 0 ? "no row holds for \(place)" : "\(holding) rows hold for \(place)",
                    remedy: "let every day of every season be in exactly one row")
            }
        }
    }

    static let dayNames = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holiday",
    ]

    /// Seasons tile the year, 29 February included.
    private static func checkYear(_ seasons: [Season]) throws(TariffError) {
        guard !seasons.isEmpty else { return }
        var day = CivilMonth(year: 2024, month: 1).first
        while day.parts.year == 2024 {
            let parts = day.parts
            let holding = seasons.filter { $0.holds(parts.month * 100 + parts.day) }
            guard holding.count == 1 else {
                let date = day.description.dropFirst(5)
                throw TariffError(
                    "",
                    holding.isEmpty
                        ? "no season holds on \(date)"
                        : "\(date) is in the seasons \(holding.map(\.name).joined(separator: " and "))",
                    remedy: "let the seasons tile the year")
            }
            day = day.advanced(by: 1)
        }
    }

    /// The band of each minute, row by row.
    var rowMinutes: [[Int]] { minutes.map { $0.map(\.band) } }

    /// The company's calendars that hold on a day, with their versions; empty for one of the tariff's own.
    func sources(on day: CivilDay) -> String { versions[version(on: day)].sources }

    private func version(on day: CivilDay) -> Int {
        versions.count == 1 ? 0 : versions.lastIndex { $0.from <= day } ?? 0
    }

    func row(of day: CivilDay) -> Int {
        let place = version(on: day)
        let version = versions[place]
        let kind = version.holidays.contains(day) ? Self.holiday : day.weekday
        let monthDay = day.parts.month * 100 + day.parts.day
        let season = version.seasons.first { $0.holds(monthDay) }?.name
        let found = version.rows.firstIndex { $0.days.contains(kind) && ($0.season == nil || $0.season == season) }
        guard let found else { preconditionFailure("rows tile seasons and kinds of day") }
        return found + versions[..<place].reduce(0) { $0 + $1.rows.count }
    }

    /// The band of each slot.
    /// - Throws: a band that changes inside a slot.
    func bands(on day: CivilDay, slotStartMinutes: [Int], slotMinutes: Int) throws(TariffError) -> [Int] {
        let minutes = minutes[row(of: day)]
        var found: [Int] = []
        found.reserveCapacity(slotStartMinutes.count)
        for start in slotStartMinutes {
            let last = min(start + slotMinutes, minutesPerDay) - 1
            var end = minutes[start].end
            while end <= last {
                guard minutes[end].band == minutes[start].band else {
                    throw TariffError(
                        day.description,
                        "band \(bands[minutes[start].band]) ends at \(clock(end)), inside the interval from "
                            + clock(start), remedy: "give a load of shorter intervals")
                }
                end = minutes[end].end
            }
            found.append(minutes[start].band)
        }
        return found
    }
}
