// Time-of-use calendar: which named band every minute of the wall clock belongs to. It knows no dates, prices or zones.

/// Minutes of the wall clock, from inclusive to exclusive: 1080...1320 is 18:00 to 22:00.
public struct MinuteRange: Sendable, Hashable {
    public var fromMinute: Int
    public var toMinute: Int
    public init(fromMinute: Int, toMinute: Int) {
        self.fromMinute = fromMinute
        self.toMinute = toMinute
    }

    func validate() throws(TariffError) {
        guard fromMinute >= 0, toMinute <= minutesPerDay, fromMinute < toMinute else {
            throw TariffError(
                "", "minutes \(fromMinute) to \(toMinute) are not a part of a day",
                remedy: "give 0 <= fromMinute < toMinute <= 1440")
        }
    }
}

let minutesPerDay = 1440

/// A named band of the day, such as peak, normal or solar, and the minutes it covers.
public struct TOUBand: Sendable, Equatable {
    public var name: String
    public var ranges: [MinuteRange]
    public init(name: String, ranges: [MinuteRange]) {
        self.name = name
        self.ranges = ranges
    }
}

/// The bands of a day. Valid when their ranges tile 0 to 1440 without gap or overlap.
public struct TOUCalendar: Sendable, Equatable {
    /// At most 24 bands and 96 ranges in all.
    public var bands: [TOUBand]
    public init(bands: [TOUBand]) { self.bands = bands }

    /// One band for the whole day.
    public static func flat(_ name: String = "all day") -> TOUCalendar {
        TOUCalendar(bands: [TOUBand(name: name, ranges: [MinuteRange(fromMinute: 0, toMinute: minutesPerDay)])])
    }

    /// Throws with the place of the first gap, overlap, doubled or empty name.
    public func validate() throws(TariffError) {
        _ = try bandAndEndOfMinutes()
    }

    /// For each of the 1,440 minutes: the index of its band and the minute at which its range ends.
    func bandAndEndOfMinutes() throws(TariffError) -> [(band: Int, endMinute: Int)] {
        guard (1...24).contains(bands.count), bands.reduce(0, { $0 + $1.ranges.count }) <= 96 else {
            throw TariffError(
                "bands", "\(bands.count) bands are too few or too many",
                remedy: "give 1 to 24 bands with at most 96 ranges in all")
        }
        var minutes = [(band: Int, endMinute: Int)](repeating: (-1, 0), count: minutesPerDay)
        for (index, band) in bands.enumerated() {
            try within("bands[\(index)]") { () throws(TariffError) in
                try checkName(band.name, "name")
                if bands[..<index].contains(where: { $0.name == band.name }) {
                    throw TariffError(
                        "name", "band \(band.name) stands twice", remedy: "put all its ranges in one band")
                }
                for (number, range) in band.ranges.enumerated() {
                    try within("ranges[\(number)]", range.validate)
                    for minute in range.fromMinute..<range.toMinute {
                        guard minutes[minute].band < 0 else {
                            let other = minutes[minute].band
                            let end = (minute..<range.toMinute).first { minutes[$0].band != other } ?? range.toMinute
                            throw TariffError(
                                "ranges[\(number)]",
                                "\(clock(minute))-\(clock(end)) is also in band \(bands[other].name)",
                                remedy: "let every minute of the day be in exactly one band")
                        }
                        minutes[minute] = (index, range.toMinute)
                    }
                }
            }
        }
        let bare = minutes.indices.filter { minutes[$0].band < 0 }
        if !bare.isEmpty {
            let starts = bare.filter { $0 == 0 || minutes[$0 - 1].band >= 0 }
            let gaps = starts.map { start in
                "\(clock(start))-\(clock((start..<minutesPerDay).first { minutes[$0].band >= 0 } ?? minutesPerDay))"
            }
            throw TariffError(
                "bands", "no band covers \(gaps.joined(separator: ", "))",
                remedy: "let the ranges of the bands tile 0 to 1440")
        }
        return minutes
    }
}

/// `HH:MM` of a minute of the day.
func clock(_ minute: Int) -> String {
    let hours = minute / 60
    let rest = minute % 60
    return "\(hours < 10 ? "0" : "")\(hours):\(rest < 10 ? "0" : "")\(rest)"
}

/// Names and ids: 1 to 80 bytes, no control characters.
package func checkName(_ text: String, _ place: String) throws(TariffError) {
    guard (1...80).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        throw TariffError(
            place, "the text is empty, too long or holds control characters", remedy: "give 1 to 80 plain characters")
    }
}
