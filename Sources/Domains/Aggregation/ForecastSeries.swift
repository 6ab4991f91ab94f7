// Sums of days as a series that forecasts are made of: which of their slots count as known, in one length of interval.
// Pure; reads nothing and stores nothing.
import CivilTime
import IntervalData
import Quantities
import VEE

/// Series over the same days, empty, one a capture period: copied for each set.
struct SeriesMaker {
    let first: CivilDay
    let last: CivilDay
    let zone: Zone
    let holidays: Set<CivilDay>
    private var empty: [Int: LoadSeries] = [:]

    init(from first: CivilDay, through last: CivilDay, zone: Zone, holidays: Set<CivilDay> = []) {
        (self.first, self.last, self.zone, self.holidays) = (first, last, zone, holidays)
    }

    /// The longest interval of some days' sums, s: finer ones are added up to it. Intervals that do not divide an hour
    /// are no load curve and are left out. Nil when nothing is left.
    func periodS(_ days: some Sequence<(key: CivilDay, value: DaySums)>) -> Int? {
        var longest: Int64 = 0
        for (day, sums) in days {
            for slots in sums.keys where slots > 0 {
                let periodS = zone.lengthS(of: day) / Int64(slots)
                if periodS >= 60, 3600 % periodS == 0 { longest = max(longest, periodS) }
            }
        }
        return longest > 0 ? Int(longest) : nil
    }

    /// The series of a set.
    /// - Parameter meters: days are brought to the level of so many meters; nil: as they are.
    mutating func series(_ days: [CivilDay: DaySums], periodS: Int, meters: Int? = nil) -> LoadSeries {
        if empty[periodS] == nil {
            empty[periodS] = LoadSeries(
                from: first, through: last, zone: zone, periodS: periodS, holidays: holidays)
        }
        guard var series = empty[periodS] else { preconditionFailure("it was just made") }
        for (day, sums) in days { series.put(sums, on: day, meters: meters) }
        return series
    }
}

extension LoadSeries {
    /// Slots of which at most a twentieth of the meters are missing, and a fifth missing or estimated, count as known;
    /// what is missing is then taken to be like the rest. Of one meter that is: measured or edited.
    fileprivate mutating func put(_ sums: DaySums, on day: CivilDay, meters: Int?) {
        guard let slots = slots(of: day) else { return }
        var present: Int64 = 0
        var values = [Int128](repeating: 0, count: slots.count)
        var missing = [Int64](repeating: 0, count: slots.count)
        var doubtful = missing
        for part in sums.values {
            guard let same = part.coarsened(to: slots.count) else { return }
            // Of shorter intervals added up, two missing of one meter are one.
            let width = Int64(part.slotCount / slots.count)
            present += Int64(part.meters)
            for index in values.indices {
                values[index] += Int128(same.values[index])
                missing[index] += (Int64(same.missing[index]) + width - 1) / width
                doubtful[index] += (Int64(same.missing[index]) + Int64(same.estimated[index]) + width - 1) / width
            }
        }
        for (index, slot) in slots.enumerated() {
            guard missing[index] < present, missing[index] * 20 <= present, doubtful[index] * 5 <= present else {
                continue
            }
            let level = Int128(meters ?? Int(present)) * (missing[index] == 0 ? 1 : Int128(present))
            let divisor = Int128(present) * (missing[index] == 0 ? 1 : Int128(present - missing[index]))
            let value = values[index] * level
            // What a series can hold; more than that is no load.
            guard value.magnitude / divisor.magnitude < 1 << 39 else { continue }
            set(slot, roundedHalfAway(value, dividedBy: divisor), .actual)
        }
    }
}
