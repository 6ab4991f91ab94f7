// What the method `profile` looks at around a gap: the same slots of the fourteen days either side, the hours beside
// the gap, and other days that resemble them. Integers only; oracles/fit_profile.py computes the same clues, in the
// same
// order, to fit their weights.
import CivilTime
import IntervalData

/// A gap and what is known around it: positions run from `wide` slots before the gap to `wide` after it.
struct GapView {
    /// Marks an unknown value.
    static let absent = Int64.min
    static let reachDays = 14

    let length: Int
    let wide: Int
    /// Slots in half an hour, at least one.
    let halfHour: Int
    /// Days beside the gap, from the earliest to the latest; how far away each is, and whether it is of the same kind.
    let offsets: [Int]
    let isAlike: [[Bool]]
    let now: [Int64]
    /// By position, then by offset.
    let then: [Int64]

    init(_ series: LoadSeries, _ gap: Range<Int>) {
        halfHour = max(1, 1800 / series.periodS)
        wide = 8 * halfHour
        length = gap.count
        offsets = (-Self.reachDays...Self.reachDays).filter { $0 != 0 }
        var now: [Int64] = []
        var then: [Int64] = []
        var isAlike: [[Bool]] = []
        for slot in gap.lowerBound - wide..<gap.upperBound + wide {
            // Beyond the ends of the series the grid goes on as on an ordinary day.
            let inside = min(max(slot, 0), series.count - 1)
            let beyond = slot - inside
            var minute = Int(series.minuteOfSlot[inside]) + beyond * series.periodS / 60
            var day = series.dayIndex(ofSlot: inside)
            while minute < 0 { (minute, day) = (minute + 1440, day - 1) }
            while minute >= 1440 { (minute, day) = (minute - 1440, day + 1) }
            now.append(beyond == 0 && series.isTrusted(slot) ? series.values[slot] : Self.absent)
            for offset in offsets {
                let other = day + offset
                guard series.days.indices.contains(other), let found = series.slot(inDay: other, minute: minute),
                    series.isTrusted(found)
                else {
                    then.append(Self.absent)
                    continue
                }
                then.append(series.values[found])
            }
            guard gap.contains(slot) else { continue }
            let type = series.days[day].type
            isAlike.append(
                offsets.map { series.days.indices.contains(day + $0) && series.days[day + $0].type == type })
        }
        self.now = now
        self.then = then
        self.isAlike = isAlike
    }

    var dayCounts: [Int] {
        (wide..<wide + length).map { place in offsets.indices.count { at(place, $0) != Self.absent } }
    }

    func at(_ place: Int, _ day: Int) -> Int64 { then[place * offsets.count + day] }

    /// Weighted mean of a slot over the days that hold it, thousandths; 0 when none does.
    func mean(_ place: Int, _ weights: [Int64]) -> Int64 {
        var sum: Int128 = 0
        var total: Int128 = 0
        for day in offsets.indices {
            let value = at(place, day)
            guard value != Self.absent else { continue }
            sum += Int128(value) * Int128(weights[day])
            total += Int128(weights[day])
        }
        return total == 0 ? 0 : rounded(sum * 1000, by: total)
    }

    /// Classes of distance: up to 1, 2, 4, 8, 16 and more half hours.
    func cell(_ index: Int) -> Int {
        func part(_ slots: Int) -> Int {
            let halfHours = (slots * 2 / halfHour + 1) / 2
            return [1, 2, 4, 8, 16].firstIndex { halfHours <= $0 } ?? 5
        }
        return part(index + 1) * 6 + part(length - index)
    }
}

/// 2 to the minus (distance above the least ÷ mean distance × `perOctave`), of 2^20; 0 for unknown distances.
func kernel(_ distances: [Int64], perOctave: Int64) -> [Int64] {
    let known = distances.filter { $0 != GapView.absent }
    guard let least = known.min() else { return distances.map { _ in 0 } }
    let level = max(1, rounded(known.reduce(Int128(0)) { $0 + Int128($1) }, by: Int128(known.count)))
    return distances.map { distance in
        guard distance != GapView.absent else { return 0 }
        let sixteenths = Int128(distance - least) * 16 * Int128(perOctave) / Int128(level)
        guard sixteenths < 320 else { return 0 }
        return sixteenthsOfOctave[Int(sixteenths % 16)] >> Int64(sixteenths / 16)
    }
}

/// 2^20 · 2^(−i/16).
private let sixteenthsOfOctave: [Int64] = [
    1_048_576, 1_004_120, 961_548, 920_782, 881_744, 844_361, 808_563, 774_282, 741_455, 710_020, 679_917, 651_091,
    623_487, 597_053, 571_740, 547_500,
]

/// The clues to each slot of a gap, thousandths of the unit.
struct ProfileClues {
    let view: GapView
    /// In the order of `ProfileWeights.free`: alike, beside, low, middle, high, nearest, nearer, edge, line, lower,
    /// upper, lowest, highest, level.
    private(set) var free: [[Int64]] = []

    init(_ view: GapView) {
        self.view = view
        let steps = view.offsets.map { Int64($0.magnitude) }
        let fading = steps.map { 1_048_576 / ($0 + 3) }
        let usual = view.now.indices.map { view.mean($0, fading) }
        let near = Self.likeness(view, perOctave: 8).map { $0 + 1 }
        let nearer = zip(Self.likeness(view, perOctave: 4), steps).map { $0 / ($1 + 10) + 1 }
        let (wide, length, half) = (view.wide, view.length, view.halfHour)
        func edge(_ place: Int) -> Int64 {
            view.now[place] == GapView.absent ? usual[place] : view.now[place] * 1000
        }
        let (before, after) = (edge(wide - 1), edge(wide + length))
        let ends = view.mean(wide - 1, near) + view.mean(wide + length, near)
        let level = Self.level(view, usual)
        for index in 0..<length {
            let place = wide + index
            let values = view.offsets.indices.map { view.at(place, $0) }.filter { $0 != GapView.absent }.sorted()
            func order(_ quarter: Int) -> Int64 {
                values.isEmpty ? 0 : values[min(values.count * quarter / 4, values.count - 1)] * 1000
            }
            let (low, middle, high) = (order(1), order(2), order(3))
            let alike = view.mean(place, zip(fading, view.isAlike[index]).map { $0 * ($1 ? 10 : 1) })
            let (lower, upper) = (min(before, after), max(before, after))
            let line = rounded(
                Int128(before) * Int128(length - index) + Int128(after) * Int128(index + 1), by: Int128(length + 1))
            free.append([
                alike, (usual[place - half] + usual[place + half]) / 2, low, middle, high, view.mean(place, near),
                view.mean(place, nearer), (before + after - ends) / 2, line, lower, upper, min(lower, middle),
                max(upper, middle), rounded(Int128(usual[place]) * Int128(level), by: 4096),
            ])
        }
    }

    /// How much the two hours before and after resemble those of each day.
    private static func likeness(_ view: GapView, perOctave: Int64) -> [Int64] {
        let reach = 4 * view.halfHour
        let places = [view.wide - reach..<view.wide, view.wide + view.length..<view.wide + view.length + reach]
        let distances = view.offsets.indices.map { day in
            var sum: Int64 = 0
            var count: Int64 = 0
            for place in places.joined() where view.now[place] != GapView.absent {
                guard view.at(place, day) != GapView.absent else { continue }
                sum += Int64((view.now[place] - view.at(place, day)).magnitude)
                count += 1
            }
            return count == 0 ? GapView.absent : sum * 1000 / count
        }
        return kernel(distances, perOctave: perOctave)
    }

    /// The hours beside the gap over their usual course, 1/4096, between a quarter and four times.
    private static func level(_ view: GapView, _ usual: [Int64]) -> Int64 {
        var known: Int128 = 0
        var expected: Int128 = 0
        for place in view.now.indices where view.now[place] != GapView.absent {
            known += Int128(view.now[place]) * 1000
            expected += Int128(usual[place])
        }
        return min(max(rounded(known * 4096, by: max(1000, expected)), 1024), 4 * 4096)
    }

    // MARK: With the register

    /// The clues when the sum is known, in the order of `ProfileWeights.register`: twelve courses scaled to the sum,
    /// the
    /// even one, and ten as they are.
    func register(energyWh: Int64) -> [[Int64]] {
        let analogs = analogs(energyWh: energyWh)
        let shapes = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10].map { clue in free.map { $0[clue] } } + analogs
        let scaled = shapes.map { shape in
            let positive = shape.map { max(0, $0) + 1000 }
            let sum = positive.reduce(Int128(0)) { $0 + Int128($1) }
            return positive.map { rounded(Int128($0) * Int128(energyWh) * 1000, by: sum) }
        }
        let even = rounded(Int128(energyWh) * 1000, by: Int128(view.length))
        return (0..<view.length).map { index in
            let plain = [0, 3, 6, 8, 9, 10, 11, 12].map { free[index][$0] }
            return scaled.map { $0[index] } + [even] + plain + analogs.map { $0[index] }
        }
    }

    /// Windows of other days, up to two hours earlier or later, weighed by how their ends and their sum are alike.
    private func analogs(energyWh: Int64) -> [[Int64]] {
        let (wide, length, half) = (view.wide, view.length, view.halfHour)
        let around = [wide - 2 * half..<wide, wide + length..<wide + length + 2 * half]
        var windows: [(start: Int, day: Int)] = []
        var distances: [Int64] = []
        for step in -4...4 {
            let shift = step * half
            for day in view.offsets.indices {
                let window = wide + shift..<wide + shift + length
                windows.append((window.lowerBound, day))
                guard window.allSatisfy({ view.at($0, day) != GapView.absent }) else {
                    distances.append(GapView.absent)
                    continue
                }
                var apart: Int64 = 0
                for place in around.joined() {
                    // Shifted ends may lie beyond what is looked at.
                    let other = place + shift
                    guard view.now.indices.contains(other), view.now[place] != GapView.absent,
                        view.at(other, day) != GapView.absent
                    else { continue }
                    apart += Int64((view.now[place] - view.at(other, day)).magnitude)
                }
                let sum = window.reduce(Int64(0)) { $0 + view.at($1, day) }
                let all = apart / Int64(half) * 2 + Int64((sum - energyWh).magnitude) * 3 / Int64(half)
                distances.append(all * 50 * Int64(20 + step.magnitude))
            }
        }
        return [16, 8].map { perOctave in
            let weights = kernel(distances, perOctave: Int64(perOctave))
            let total = weights.reduce(Int128(0)) { $0 + Int128($1) }
            return (0..<length).map { index in
                guard total > 0 else { return free[index][5] }
                var sum: Int128 = 0
                for (window, weight) in zip(windows, weights) where weight > 0 {
                    sum += Int128(view.at(window.start + index, window.day)) * Int128(weight)
                }
                return rounded(sum * 1000, by: total)
            }
        }
    }
}
