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

    public let seasons: [Season]
    public let holidays: Set<CivilDay>
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
        var bands: [String] = []
        for band in rows.flatMap(\.calendar.bands) where !bands.contains(band.name) { bands.append(band.name) }
        self.seasons = seasons
        self.holidays = holidays
        self.rows = rows
        self.bands = bands
        var minutes: [[Minute]] = []
        for row in rows {
            let places = row.calendar.bands.map { bands.firstIndex(of: $0.name) ?? 0 }
            minutes.append(
                try row.calendar.bandAndEndOfMinutes().map { Minute(band: places[$0.band], end: $0.endMinute) })
        }
        self.minutes = minutes
        try Self.checkYear(seasons)
        for season in seasons.isEmpty ? [nil] : seasons.map(\.name) {
            for day in 1...(holidays.isEmpty ? 7 : 8) {
                let holding = rows.indices.filter { row in
                    rows[row].days.contains(day) && (rows[row].season == nil || rows[row].season == season)
                }
                guard holding.count != 1 else { continue }
                let place = Self.dayNames[day - 1] + (season.map { " of season \($0)" } ?? "")
                throw TariffError(
                    "", holding.isEmpty ? "no row holds for \(place)" : "\(holding.count) rows hold for \(place)",
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

    func row(of day: CivilDay) -> Int {
        let kind = holidays.contains(day) ? Self.holiday : day.weekday
        let monthDay = day.parts.month * 100 + day.parts.day
        let season = seasons.first { $0.holds(monthDay) }?.name
        let found = rows.firstIndex { $0.days.contains(kind) && ($0.season == nil || $0.season == season) }
        guard let found else { preconditionFailure("rows tile seasons and kinds of day") }
        return found
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
