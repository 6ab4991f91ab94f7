// A meter's civil days in one row of slots: gaps run over midnight, and the same slot of another day is found by the
// clock on the wall, so that days of 46 and 50 half hours have neighbours too. It holds values; it decides nothing.
import CivilTime
import IntervalData

/// What kind of day it is for the people at the meter.
public enum DayType: String, Sendable, Codable, CaseIterable {
    case working, saturday
    /// Sundays and holidays.
    case rest

    public init(_ day: CivilDay, holidays: Set<CivilDay>) {
        self = day.weekday == 7 || holidays.contains(day) ? .rest : day.weekday == 6 ? .saturday : .working
    }
}

/// Consecutive civil days of one meter and channel, or of a sum of meters. Slot i covers
/// [startS + i·periodS, startS + (i+1)·periodS).
public struct LoadSeries: Sendable {
    public struct Day: Sendable, Equatable {
        public var day: CivilDay
        public var type: DayType
        public var slots: Range<Int>
    }

    public let zone: Zone
    public let periodS: Int
    /// Instant of slot 0, seconds since 1970-01-01T00:00:00Z.
    public let startS: Int64
    public let days: [Day]
    /// In the channel's unit (Wh for energy); 0 where missing. Below 2^40 either way.
    public private(set) var values: [Int64]
    public private(set) var qualities: [Quality]
    let dayOfSlot: [Int32]
    let minuteOfSlot: [Int16]
    /// Slots of a day without a change of the clock.
    let ordinaryCount: Int

    /// A series in which everything is missing.
    /// - Parameters:
    ///   - periodS: capture period; whole minutes that divide an hour.
    ///   - holidays: days that are lived like Sundays.
    public init(
        from first: CivilDay, through last: CivilDay, zone: Zone, periodS: Int, holidays: Set<CivilDay> = []
    ) {
        precondition(periodS >= 60 && 3600 % periodS == 0, "whole minutes that divide an hour")
        precondition(first <= last, "at least one day")
        var days: [Day] = []
        var dayOfSlot: [Int32] = []
        var minuteOfSlot: [Int16] = []
        let ordinaryCount = 86400 / periodS
        let ordinaryMinutes = (0..<ordinaryCount).map { Int16($0 * periodS / 60) }
        for number in first.number...last.number {
            let day = CivilDay(number: number)
            let count = zone.slotCount(of: day, periodS: Int64(periodS))
            let start = dayOfSlot.count
            dayOfSlot += repeatElement(Int32(days.count), count: count)
            days.append(Day(day: day, type: DayType(day, holidays: holidays), slots: start..<start + count))
            if count == ordinaryCount {
                minuteOfSlot += ordinaryMinutes
            } else {
                minuteOfSlot += (0..<count).map {
                    Int16(zone.minuteOfDay(slot: $0, of: day, periodS: Int64(periodS)))
                }
            }
        }
        self.zone = zone
        self.periodS = periodS
        self.days = days
        self.dayOfSlot = dayOfSlot
        self.minuteOfSlot = minuteOfSlot
        self.ordinaryCount = ordinaryCount
        startS = zone.startS(of: first)
        values = Array(repeating: 0, count: dayOfSlot.count)
        qualities = Array(repeating: .missing, count: dayOfSlot.count)
    }

    /// Takes the values of a day. False, and nothing taken, when the day is not in the series or has another number of
    /// slots: then its slots are not these intervals (another capture period).
    @discardableResult
    public mutating func put(_ block: DayBlock, on day: CivilDay) -> Bool {
        guard let slots = slots(of: day), slots.count == block.slotCount else { return false }
        for (index, slot) in slots.enumerated() {
            values[slot] = block.qualities[index] == .missing ? 0 : Int64(block.values[index])
            qualities[slot] = block.qualities[index]
        }
        return true
    }

    /// Sets one slot.
    public mutating func set(_ slot: Int, _ value: Int64, _ quality: Quality) {
        precondition(value.magnitude < 1 << 40, "values stay below 2^40")
        values[slot] = quality == .missing ? 0 : value
        qualities[slot] = quality
    }

    public var count: Int { values.count }

    /// Nil when the day is not in the series.
    public func slots(of day: CivilDay) -> Range<Int>? {
        let index = Int(day.number) - Int(days[0].day.number)
        return days.indices.contains(index) ? days[index].slots : nil
    }

    public func startS(ofSlot slot: Int) -> Int64 { startS + Int64(slot) * Int64(periodS) }

    /// The slot that starts at an instant; `count` at the end of the series. Nil beside the grid and outside.
    public func slot(startingAtS instantS: Int64) -> Int? {
        let sinceStart = instantS - startS
        guard sinceStart >= 0, sinceStart % Int64(periodS) == 0, sinceStart / Int64(periodS) <= Int64(count) else {
            return nil
        }
        return Int(sinceStart / Int64(periodS))
    }

    func dayIndex(ofSlot slot: Int) -> Int { Int(dayOfSlot[slot]) }

    /// The slot of a day at which the clock on the wall shows that minute: the first of two, nil where it never did.
    func slot(inDay index: Int, minute: Int) -> Int? {
        let slots = days[index].slots
        if slots.count == ordinaryCount {
            let slot = slots.lowerBound + minute * 60 / periodS
            if Int(minuteOfSlot[slot]) == minute { return slot }
        }
        return slots.first { Int(minuteOfSlot[$0]) == minute }
    }

    /// A value that others may be estimated from: measured or edited, never an estimate.
    func isTrusted(_ slot: Int) -> Bool { qualities[slot] >= .edited }

    /// Maximal runs of missing slots, in order.
    public var gaps: [Range<Int>] {
        var found: [Range<Int>] = []
        var start: Int?
        for slot in qualities.indices {
            if qualities[slot] == .missing {
                start = start ?? slot
            } else if let from = start {
                found.append(from..<slot)
                start = nil
            }
        }
        if let from = start { found.append(from..<count) }
        return found
    }
}
