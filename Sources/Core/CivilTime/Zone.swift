// Civil time of a place: which day and second of day an instant is, how many slots a day has.
// A fixed offset is plain arithmetic; other zones go through the tz database (Foundation reads it; no Calendar, no
// formatter).
import Foundation

/// A time zone by its tz database name. All instants are seconds since 1970-01-01T00:00:00Z.
public struct Zone: Sendable, Hashable {
    public let identifier: String
    private let fixedOffsetS: Int64?
    private let zone: TimeZone

    /// Nil when the tz database has no such zone.
    public init?(_ identifier: String) {
        guard let zone = TimeZone(identifier: identifier) else { return nil }
        self.identifier = identifier
        self.zone = zone
        // A zone without any change from 2000 to 2100 is taken as fixed; India is one.
        let start = Date(timeIntervalSince1970: 946_684_800)
        let next = zone.nextDaylightSavingTimeTransition(after: start)
        let constant =
            next == nil
            && zone.secondsFromGMT(for: start) == zone.secondsFromGMT(for: Date(timeIntervalSince1970: 4_102_444_800))
        fixedOffsetS = constant ? Int64(zone.secondsFromGMT(for: start)) : nil
    }

    public static let india = Zone("Asia/Kolkata")!
    public static let utc = Zone("UTC")!

    /// Seconds east of Greenwich at that instant.
    public func offsetS(atS instantS: Int64) -> Int64 {
        fixedOffsetS ?? Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instantS))))
    }

    public func day(atS instantS: Int64) -> CivilDay { civil(atS: instantS).day }

    /// The civil day and the second of the clock on the wall (0...86399; not elapsed seconds on a day of change).
    public func civil(atS instantS: Int64) -> (day: CivilDay, secondOfDay: Int) {
        let local = instantS + offsetS(atS: instantS)
        let day = local >= 0 ? local / 86400 : (local - 86399) / 86400
        return (CivilDay(number: Int32(day)), Int(local - day * 86400))
    }

    /// The first instant of a civil day.
    public func startS(of day: CivilDay) -> Int64 {
        let local = Int64(day.number) * 86400
        if let fixedOffsetS { return local - fixedOffsetS }
        // Guess with the offset of that time read as UTC, then correct once; enough for all changes of an hour or two.
        let guess = local - offsetS(atS: local)
        return local - offsetS(atS: guess)
    }

    /// How long the civil day is: 86400, or 82800 and 90000 on days of change.
    public func lengthS(of day: CivilDay) -> Int64 { startS(of: day.advanced(by: 1)) - startS(of: day) }

    /// How many capture periods the day has: 24, 48, 96; 46/50 or 92/100 on days of change.
    public func slotCount(of day: CivilDay, periodS: Int64) -> Int { Int(lengthS(of: day) / periodS) }

    /// Minute of the wall clock (0...1439) at which a slot starts.
    public func minuteOfDay(slot: Int, of day: CivilDay, periodS: Int64) -> Int {
        if fixedOffsetS != nil { return slot * Int(periodS) / 60 }
        return civil(atS: startS(of: day) + Int64(slot) * periodS).secondOfDay / 60
    }

    public static func == (a: Zone, b: Zone) -> Bool { a.identifier == b.identifier }
    public func hash(into hasher: inout Hasher) { hasher.combine(identifier) }
}
