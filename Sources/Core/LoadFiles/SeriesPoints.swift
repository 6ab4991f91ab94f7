// Values at stamps of many series until the interval of each day is known, packed tightly. Finds the interval of every
// day from its stamps, so that a meter may change it from one day to the next.
import CivilTime

struct SeriesPoints {
    private struct Series {
        var number: Int
        var isRegister: Bool
        /// Values are mean power in µW.
        var isPower: Bool
        /// The length of its intervals where it is known before.
        var periodS: Int?
        var stamps: [UInt32] = []
        var values: [Int64] = []
        var rows: [UInt32] = []
        var codes: [UInt8] = []
        /// Values that lost something when they were read; of power what counts is the energy made of it.
        var rounded: [Bool] = []
    }
    private let file: String
    private let limits: LoadFileLimits
    private var series: [Series] = []
    private var valueCount = 0

    init(file: String, limits: LoadFileLimits) { (self.file, self.limits) = (file, limits) }

    var count: Int { series.count }

    mutating func addSeries(_ number: Int, isRegister: Bool, isPower: Bool, periodS: Int? = nil) -> Int {
        series.append(Series(number: number, isRegister: isRegister, isPower: isPower, periodS: periodS))
        return series.count - 1
    }

    func last(_ index: Int) -> Int64? { series[index].stamps.last.map(Int64.init) }

    mutating func add(
        _ index: Int, atS: Int64, value: Int64, isRounded: Bool, code: UInt8, row: Int
    ) throws {
        guard let stamp = UInt32(exactly: atS) else {
            throw RowRefusal(what: "the stamp lies before 1970 or after 2105", hint: "mend the year")
        }
        // Each will need a slot at least.
        guard valueCount < limits.slots else {
            throw LoadFileError(
                place: "\(file):\(row)", what: "more than \(limits.slots) slots", hint: "split the file")
        }
        valueCount += 1
        series[index].stamps.append(stamp)
        series[index].values.append(value)
        series[index].rows.append(UInt32(truncatingIfNeeded: row))
        series[index].codes.append(code)
        if series[index].isPower { series[index].rounded.append(isRounded) }
    }

    /// Hands everything to the builder and forgets it.
    mutating func settle(
        into builder: inout ReadingSetBuilder, side: LoadFileParser.StampSide, periodS: Int?
    ) throws {
        let usualS = usualPeriodS
        for index in series.indices {
            let one = series[index]
            series[index] = Series(number: one.number, isRegister: one.isRegister, isPower: one.isPower)
            try Self.settle(one, into: &builder, side: side, periodS: periodS ?? one.periodS, usualS: usualS)
        }
        valueCount = 0
    }

    /// The most frequent step of all series, for days and series with too few stamps to tell.
    private var usualPeriodS: Int? {
        var counts: [Int: Int] = [:]
        for one in series where !one.isRegister {
            for (a, b) in zip(one.stamps, one.stamps.dropFirst()) where b > a && DayPeriods.isPeriod(Int(b - a)) {
                counts[Int(b - a), default: 0] += 1
            }
        }
        return DayPeriods.most(counts)
    }

    private static func settle(
        _ one: Series, into builder: inout ReadingSetBuilder, side: LoadFileParser.StampSide, periodS: Int?,
        usualS: Int?
    ) throws {
        let isSorted = zip(one.stamps, one.stamps.dropFirst()).allSatisfy { $0 <= $1 }
        var order = Array(one.stamps.indices)
        // By row where stamps are equal, so that the first of two counts.
        if !isSorted { order.sort { (one.stamps[$0], $0) < (one.stamps[$1], $1) } }
        if one.isRegister {
            for at in order {
                try refusing(&builder, row: Int(one.rows[at])) { builder throws in
                    try builder.takeRegister(
                        one.number, atS: Int64(one.stamps[at]), value: one.values[at], code: one.codes[at],
                        row: Int(one.rows[at]))
                }
            }
            return
        }
        var periods = DayPeriods(
            stamps: order.map { Int64(one.stamps[$0]) }, zone: builder.zone, side: side, fixedS: periodS,
            usualS: usualS)
        for (place, at) in order.enumerated() {
            let row = Int(one.rows[at])
            try refusing(&builder, row: row) { builder throws in
                guard let period = try periods.next(place) else { return }
                let startS = Int64(one.stamps[at]) - (side == .end ? Int64(period) : 0)
                let (value, isRounded) =
                    one.isPower ? energy(one.values[at], period) : (one.values[at], false)
                try builder.take(
                    one.number, startS: startS, periodS: period, value: value, code: one.codes[at], row: row)
                if one.isPower, isRounded || one.rounded[at] { builder.roundedCount += 1 }
            }
        }
        for (place, count, refusal) in periods.refused {
            builder.refuse(row: Int(one.rows[order[place]]), refusal, text: "\(count) values")
            builder.unsureDays.see(row: Int(one.rows[order[place]]), count: count)
        }
    }

    private static func refusing(
        _ builder: inout ReadingSetBuilder, row: Int, _ body: (inout ReadingSetBuilder) throws -> Void
    ) throws {
        do { try body(&builder) } catch let refusal as RowRefusal { builder.refuse(row: row, refusal, text: "") }
    }

    /// Mean power in µW over an interval as Wh, half away from zero, and whether that was needed.
    private static func energy(_ microW: Int64, _ periodS: Int) -> (wh: Int64, isRounded: Bool) {
        let top = Int128(microW) * Int128(periodS)
        let bottom: Int128 = 3_600_000_000
        let (whole, rest) = top.quotientAndRemainder(dividingBy: bottom)
        let isUp = abs(rest) * 2 >= bottom
        return (Int64(clamping: isUp ? whole + (top < 0 ? -1 : 1) : whole), rest != 0)
    }
}

/// The interval of each day of one series, from its stamps in order.
struct DayPeriods {
    private struct Day {
        var places: Range<Int>
        var periodS: Int?
        /// Its own stamps tell its interval without a doubt.
        var isSure = false
        /// From this place on the day has another interval.
        var changeAt: Int?
        var laterS = 0
    }
    private let stamps: [Int64]
    private var days: [Day] = []
    private var at = 0
    private(set) var refused: [(place: Int, count: Int, refusal: RowRefusal)] = []

    init(stamps: [Int64], zone: Zone, side: LoadFileParser.StampSide, fixedS: Int?, usualS: Int? = nil) {
        self.stamps = stamps
        guard !stamps.isEmpty else { return }
        // A stamp at the end belongs to the day before it.
        let shift: Int64 = side == .end ? 1 : 0
        var first = 0
        while first < stamps.count {
            let endS = zone.startS(of: zone.day(atS: stamps[first] - shift).advanced(by: 1)) + shift
            var end = first + 1
            while end < stamps.count, stamps[end] < endS { end += 1 }
            days.append(Day(places: first..<end))
            first = end
        }
        if let fixedS {
            for index in days.indices { days[index].periodS = fixedS }
        } else {
            findPeriods(usualS)
            findChanges(side)
        }
    }

    /// A day has the step that is most frequent in it. Few steps longer than those of the days around may come by
    /// gaps: then the shorter interval is taken, which shows the gaps.
    private mutating func findPeriods(_ usualS: Int?) {
        var all: [Int: Int] = [:]
        for index in days.indices {
            let steps = steps(days[index].places)
            guard let own = Self.most(steps) else { continue }
            days[index].periodS = own
            let hasFiner = steps.keys.contains { $0 < own }
            days[index].isSure =
                Self.isSure(steps[own] ?? 0, hasFiner: hasFiner)
                || (hasFiner && runs(days[index].places, besides: 0).contains { $0.stepS == own })
            for (step, count) in steps { all[step, default: 0] += count }
        }
        var usual = Self.most(all)
        if let usualS, (usual.map { all[$0] ?? 0 } ?? 0) < Self.longRun, usual.map({ $0 % usualS == 0 }) ?? true {
            usual = usualS
        }
        // The nearest sure day behind each, then before.
        var after = [Int?](repeating: nil, count: days.count)
        for index in days.indices.dropLast().reversed() {
            after[index] = days[index + 1].isSure ? days[index + 1].periodS : after[index + 1]
        }
        var before: Int?
        for index in days.indices {
            if days[index].isSure {
                before = days[index].periodS
                continue
            }
            let around = [before, after[index]].compactMap { $0 }.min() ?? usual
            guard let own = days[index].periodS, let around, own > around, own % around == 0 else {
                days[index].periodS = days[index].periodS ?? around
                continue
            }
            let isOfNeighbour = [index - 1, index + 1].contains {
                days.indices.contains($0) && days[$0].isSure && days[$0].periodS == own
            }
            if !isOfNeighbour { days[index].periodS = around }
        }
    }

    /// Whether so many equal steps tell an interval, where shorter steps stand among them or none.
    static func isSure(_ count: Int, hasFiner: Bool) -> Bool { count >= longRun && !hasFiner }

    private func steps(_ places: Range<Int>) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for (a, b) in zip(places, places.dropFirst()) where stamps[b] > stamps[a] {
            let step = Int(min(stamps[b] - stamps[a], 1 << 30))
            if Self.isPeriod(step) { counts[step, default: 0] += 1 }
        }
        return counts
    }

    static func isPeriod(_ step: Int) -> Bool { step >= 60 && step % 60 == 0 && 3600 % step == 0 }

    static func most(_ counts: [Int: Int]) -> Int? {
        counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// So many equal steps in a row of another length than the day's do not come by gaps.
    static let longRun = 8

    /// Days with two lengths of interval: either one clean switch inside the day, or set aside whole.
    private mutating func findChanges(_ side: LoadFileParser.StampSide) {
        for index in days.indices {
            guard let own = days[index].periodS else { continue }
            let places = days[index].places
            let runs = runs(places, besides: own)
            // At the ends of a series no other day tells what came before or after.
            let before =
                index > 0
                ? lastPeriod(days[index - 1]) ?? own : runs.first.flatMap { $0.isHead ? $0.stepS : nil } ?? own
            let after =
                index + 1 < days.count
                ? firstPeriod(days[index + 1], behind: own) : runs.last.flatMap { $0.isTail ? $0.stepS : nil } ?? own
            let known = steps(places).keys.filter { $0 == before || $0 == after }
            guard (before != after && known.count > 1) || !runs.isEmpty else { continue }
            if before != after, let change = cleanChange(places, before, after) {
                days[index].periodS = before
                // The stamp at the switch ends an interval of the old length, or begins one of the new.
                days[index].changeAt = side == .end && change > places.lowerBound ? change + 1 : change
                days[index].laterS = after
                continue
            }
            let (from, to) = before != after ? (before, after) : (own, runs.first?.stepS ?? own)
            days[index].periodS = nil
            refused.append(
                (
                    places.lowerBound, places.count,
                    RowRefusal(
                        what: "the interval changes from \(from / 60) to \(to / 60) minutes within the day, "
                            + "with gaps; its \(places.count) values were not taken",
                        hint: "give the day in one interval, or say its length (--period)")
                ))
        }
    }

    /// The interval a day ends with whose changes are found.
    private func lastPeriod(_ day: Day) -> Int? { day.changeAt == nil ? day.periodS : day.laterS }

    /// The interval a day begins with. It changes within itself when it begins with steps of the day before that do not
    /// come by gaps: shorter ones than its own, or a long row.
    private func firstPeriod(_ day: Day, behind before: Int) -> Int {
        guard let own = day.periodS, own != before else { return before }
        let count = zip(day.places, day.places.dropFirst()).prefix { stamps[$1] - stamps[$0] == Int64(before) }.count
        return count >= (before < own ? 1 : Self.longRun) ? before : own
    }

    /// The place from which on every step is the later one, when all before it are the earlier.
    private func cleanChange(_ places: Range<Int>, _ before: Int, _ after: Int) -> Int? {
        var change = places.upperBound - 1
        while change > places.lowerBound, stamps[change] - stamps[change - 1] == Int64(after) { change -= 1 }
        let head = places.lowerBound..<change
        let isClean = zip(head, head.dropFirst()).allSatisfy { stamps[$1] - stamps[$0] == Int64(before) }
        let joins = change == places.lowerBound || stamps[change] - stamps[change - 1] == Int64(before)
        return isClean && joins ? change : nil
    }

    /// Long rows of equal steps that are not the day's own.
    private func runs(_ places: Range<Int>, besides own: Int) -> [(stepS: Int, isHead: Bool, isTail: Bool)] {
        var found: [(stepS: Int, isHead: Bool, isTail: Bool)] = []
        var first = places.lowerBound
        while first + 1 < places.upperBound {
            let step = Int(min(stamps[first + 1] - stamps[first], 1 << 30))
            var last = first + 1
            while last + 1 < places.upperBound, stamps[last + 1] - stamps[last] == Int64(step) { last += 1 }
            if step != own, Self.isPeriod(step), last - first >= Self.longRun {
                found.append((step, first == places.lowerBound, last + 1 == places.upperBound))
            }
            first = last
        }
        return found
    }

    /// The interval of the stamp at a place; asked in order. Nil when its day was set aside.
    mutating func next(_ place: Int) throws -> Int? {
        while at < days.count, place >= days[at].places.upperBound { at += 1 }
        guard at < days.count else { return nil }
        if let change = days[at].changeAt, place >= change { return days[at].laterS }
        if let period = days[at].periodS { return period }
        if refused.contains(where: { days[at].places.contains($0.place) }) { return nil }
        throw RowRefusal(
            what: "no two stamps tell the length of its interval", hint: "say it with periodMinutes or --period")
    }
}
