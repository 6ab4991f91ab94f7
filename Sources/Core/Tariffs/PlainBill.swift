// Tariffs of plain shape as flat numbers: what prices a day without a value for each line. Compiled once for a bill;
// the engine that explains stays the rule, and a test holds the two against each other. It prices nothing itself.
import CivilTime
import Synchronization

/// The words of a bill's state that a day of a plain tariff changes.
enum PlainWord {
    static let importWh = 0
    static let addOnWh = 1
    static let days = 2
    static let monthParts = 3
    static let count = 4
}

/// What a component does, by number, so that the run needs no object.
enum PlainOperation {
    static let addOns: Int64 = 1
    /// Telescopic slabs without bands.
    static let slabs: Int64 = 2
    static let chronological: Int64 = 3
    static let proportional: Int64 = 4
    static let uplift: Int64 = 5
    static let standing: Int64 = 6
    static let share: Int64 = 7
    static let exactShare: Int64 = 8
    static let rounding: Int64 = 9
}

/// A version of a tariff in numbers: one operation after another, each with its length, the place of its amount, the
/// place of its state and what it needs.
struct PlainBill: Sendable {
    /// With the version it was made from; an object, so that no call copies what it holds.
    final class Box: Sendable {
        let version: ReadyTariff
        let plain: PlainBill
        let days: ClosedRange<CivilDay>
        /// Layouts with add-on packs, for the accounts that hold the same: days of one chunk ask for few.
        private let made = Mutex<[(day: CivilDay, periodS: Int, addOns: [AddOnPack], layout: [Int64])]>([])
        private static let madeMax = 16

        init(_ version: ReadyTariff, _ plain: PlainBill, _ period: BillPeriod) {
            self.version = version
            self.plain = plain
            days = period.first...min(period.last, version.tariff.validTo ?? period.last)
        }

        /// The layout of a day of even intervals; nil where it is left to the engine that explains.
        func layout(_ load: TariffLoadDay, addOns: [AddOnPack]) -> [Int64]? {
            guard !addOns.isEmpty else { return plain.layout(load.day, periodS: load.periodS) }
            let known = made.withLock { made in
                made.first { $0.day == load.day && $0.periodS == load.periodS && $0.addOns == addOns }?.layout
            }
            if let known { return known }
            let layout = try? plain.layout(
                load.day, slotStartMinutes: load.slotStartMinutes, periodS: load.periodS, addOns: addOns)
            guard let layout else { return nil }
            made.withLock { made in
                if made.count == Self.madeMax { made.removeFirst() }
                made.append((load.day, load.periodS, addOns, layout))
            }
            return layout
        }
    }

    static let periods = [900, 1800, 3600]
    /// Longest bill for which days are laid out.
    private static let maximumDays = 400

    let tariff: Tariff
    /// Of each component, and the order in which a bill lists them.
    let names: [(id: String, kind: String)]
    let listed: [Int]
    private(set) var operations: [Int64] = []
    /// Where the state of each component begins.
    private(set) var places: [Int] = []
    private(set) var stateCount = PlainWord.count
    /// Calendars that components name.
    private(set) var calendars: [DatedCalendar] = []
    private var calendarNames: [String] = []
    /// Layouts without add-on packs, by day of the bill and period; nil where a band changes inside an interval.
    private var layouts: [[Int64]] = []
    private var layoutOfDay: [Int] = []
    private let first: CivilDay
    private var shapes: [Shape] = []

    /// What of a component's run is in the words.
    private enum Shape {
        case addOns
        case energy(bands: Int, cells: Int)
        case share(parts: Int)
        case other
    }

    /// Nil when a component is of another shape, or the version begins within the bill.
    init?(_ ready: ReadyTariff, period: BillPeriod, keepsMonths: Bool) {
        tariff = ready.tariff
        names = tariff.components.map { ($0.id, $0.kind) }
        listed = tariff.listed
        first = period.first
        guard !keepsMonths, tariff.metering == .importOnly, tariff.validFrom <= period.first,
            !tariff.addOnsCountTowardSlabs, period.dayCount <= Self.maximumDays
        else { return nil }
        places = Array(repeating: 0, count: tariff.components.count)
        for (index, component) in tariff.components.enumerated() {
            places[index] = stateCount
            switch component.charge {
            case .addOns:
                shapes.append(.addOns)
                stateCount += 2
            case .energy(let charge):
                let bands = charge.calendar == nil ? 0 : charge.bands.count
                let isByCell = charge.pricesBands && charge.rule == .chronological
                let cells = isByCell ? bands * ready.tables[index][0].limitsWh.count : 0
                shapes.append(.energy(bands: bands, cells: cells))
                stateCount += 2 + bands + cells
            case .share(let charge):
                shapes.append(.share(parts: charge.bases.count))
                stateCount += 1 + charge.bases.count
            default:
                shapes.append(.other)
                stateCount += 1
            }
        }
        for index in tariff.order {
            guard let numbers = operation(index, ready) else { return nil }
            operations += [Int64(numbers.count + 1), numbers[0], Int64(index)] + numbers.dropFirst()
        }
        layOut(period)
    }

    // MARK: Components

    private mutating func operation(_ index: Int, _ ready: ReadyTariff) -> [Int64]? {
        let place = Int64(places[index])
        switch tariff.components[index].charge {
        case .addOns: return [PlainOperation.addOns, place]
        case .energy(let charge): return energy(index, charge, ready.tables[index])
        case .standing(let charge):
            guard charge.proration == .calendarFraction, charge.choice == .contractedLoad || charge.steps.count == 1
            else { return nil }
            let steps = charge.steps.flatMap { [$0.upTo ?? .max, $0.milliPerMonth, $0.milliPerKW] }
            return [PlainOperation.standing, place, charge.roundsUpToKW ? 1 : 0, Int64(charge.steps.count)] + steps
        case .share(let charge):
            guard charge.whenTotalUpToWh == nil, charge.atMostMinor == nil else { return nil }
            if charge.isOfExact {
                return [PlainOperation.exactShare, place, charge.ppm, Int64(charge.bases.count)]
                    + charge.bases.map { Int64($0.component) }
            }
            let bases = charge.bases.map { base in Int64(places[base.component] + (base.part.map { $0 + 1 } ?? 0)) }
            return [PlainOperation.share, place, charge.ppm, Int64(bases.count)] + bases
        case .rounding(let toMinor):
            return [PlainOperation.rounding, place, toMinor, Int64(places.count)]
                + tariff.components.indices.filter { $0 != index }.map { Int64(places[$0]) }
        default: return nil
        }
    }

    private mutating func energy(_ index: Int, _ charge: EnergyCharge, _ tables: [ResolvedTable]) -> [Int64]? {
        guard charge.quantity == .drawn, charge.kind == .telescopic || charge.kind == .perDay else { return nil }
        let table = tables[0]
        let prices = table.steps.flatMap(\.milliPerKWh).map { $0 * charge.sign }
        let dearest = max(1, prices.map(\.magnitude).max() ?? 1)
        var calendar: Int64 = -1
        if let name = charge.calendar, let dated = tariff.calendars[name] {
            if !calendarNames.contains(name) {
                calendarNames.append(name)
                calendars.append(dated)
            }
            calendar = Int64(calendarNames.firstIndex(of: name) ?? 0)
        }
        let kind: Int64
        // Up to where 64 bits hold what is divided.
        var safeWh = Int64(UInt64(1) << 61 / dearest)
        if charge.pricesBands {
            kind = charge.rule == .chronological ? PlainOperation.chronological : PlainOperation.proportional
            if kind == PlainOperation.proportional {
                var root: Int64 = 1
                while root * 2 <= safeWh / (root * 2) { root *= 2 }
                safeWh = root
            }
        } else {
            kind = charge.bands.count > 1 ? PlainOperation.uplift : PlainOperation.slabs
        }
        return [
            kind, Int64(places[index]), tariff.components[index].yieldsToAddOns ? 1 : 0, calendar,
            Int64(charge.bands.count), Int64(table.limitsWh.count), safeWh,
        ] + table.limitsWh + prices + (kind == PlainOperation.uplift ? charge.upliftHundredths : [])
    }

    // MARK: Days

    private mutating func layOut(_ period: BillPeriod) {
        var known: [[Int]: Int] = [:]
        for offset in 0..<period.dayCount {
            let day = period.first.advanced(by: offset)
            let rows = calendars.map { $0.row(of: day) }
            for (length, periodS) in Self.periods.enumerated() {
                if known[rows + [length]] == nil {
                    let starts = Self.starts(periodS)
                    let layout = try? self.layout(day, slotStartMinutes: starts, periodS: periodS, addOns: [])
                    known[rows + [length]] = layout == nil ? -1 : layouts.count
                    if let layout { layouts.append(layout) }
                }
                layoutOfDay.append(known[rows + [length]] ?? -1)
            }
        }
    }

    static func starts(_ periodS: Int) -> [Int] { (0..<86_400 / periodS).map { $0 * periodS / 60 } }

    /// Whether slots follow each other from midnight to midnight of a day without a change of clock.
    static func isUniform(_ load: TariffLoadDay) -> Bool {
        let minutes = load.periodS / 60
        guard periods.contains(load.periodS), load.slotStartMinutes.count == 86_400 / load.periodS else { return false }
        var expected = 0
        for start in load.slotStartMinutes {
            if start != expected { return false }
            expected += minutes
        }
        return true
    }

    /// The layout of a day without add-on packs; nil where there is none.
    func layout(_ day: CivilDay, periodS: Int) -> [Int64]? {
        guard let length = Self.periods.firstIndex(of: periodS) else { return nil }
        let index = layoutOfDay[first.days(to: day) * Self.periods.count + length]
        return index < 0 ? nil : layouts[index]
    }

    /// Stretches of slots with one band in each calendar and one choice of add-on packs: count, slots, then of each its
    /// first slot, the one behind its last, its options, its bands; behind them the options.
    /// - Throws: a band or a pack that changes inside an interval, a pack that cannot be used.
    func layout(
        _ day: CivilDay, slotStartMinutes: [Int], periodS: Int, addOns: [AddOnPack]
    ) throws(TariffError) -> [Int64] {
        let bands = try calendars.map { (calendar) throws(TariffError) in
            try calendar.bands(on: day, slotStartMinutes: slotStartMinutes, slotMinutes: periodS / 60)
        }
        let options = try tariff.options(
            addOns, on: day, slotStartMinutes: slotStartMinutes, periodS: periodS)
        var stretches: [[Int64]] = []
        var choices: [[Int64]] = []
        for slot in slotStartMinutes.indices {
            let choice = options.isEmpty ? [] : options[slot].flatMap { [$0.milliPerKWh, $0.limitWhTimes3600] }
            if choices.last != choice { choices.append(choice) }
            let here = [Int64(choices.count - 1), Int64(choice.count / 2)] + bands.map { Int64($0[slot]) }
            if let last = stretches.last, Array(last[2...]) == here {
                stretches[stretches.count - 1][1] += 1
            } else {
                stretches.append([Int64(slot), Int64(slot + 1)] + here)
            }
        }
        var at = 3 + stretches.count * (4 + calendars.count)
        let begins = choices.map { choice in
            defer { at += choice.count }
            return Int64(at)
        }
        var numbers = [Int64(stretches.count), Int64(4 + calendars.count), Int64(slotStartMinutes.count)]
        for var stretch in stretches {
            stretch[2] = begins[Int(stretch[2])]
            numbers += stretch
        }
        return numbers + choices.flatMap { $0 }
    }

    // MARK: States

    /// The words of a bill of this version that has known no other; false where they do not say all.
    func words(_ totals: PeriodState, into words: UnsafeMutablePointer<Int64>) -> Bool {
        guard totals.runs.count == shapes.count, totals.retired.isEmpty else { return false }
        words[PlainWord.importWh] = totals.importWh
        words[PlainWord.addOnWh] = totals.addOnWh
        words[PlainWord.days] = Int64(totals.days)
        words[PlainWord.monthParts] = totals.monthParts
        for index in shapes.indices {
            let place = words + places[index]
            place[0] = totals.runs[index].chargedMinor
            switch shapes[index] {
            case .addOns:
                guard let micro = Int64(exactly: totals.runs[index].micro), totals.runs[index].wh == totals.addOnWh
                else { return false }
                place[1] = micro
            case .energy(let bands, let cells):
                let run = totals.runs[index]
                guard bands == 0 || run.bandWh.count == bands, run.cells.count == cells, run.addOnWh == 0 else {
                    return false
                }
                place[1] = run.wh
                for band in 0..<bands { place[2 + band] = run.bandWh[band] }
                for cell in 0..<cells { place[2 + bands + cell] = run.cells[cell] }
            case .share(let parts):
                guard totals.runs[index].partsMinor.count == parts else { return false }
                for part in 0..<parts { place[1 + part] = totals.runs[index].partsMinor[part] }
            case .other: break
            }
        }
        return true
    }

    /// Puts words back into the totals they were taken from.
    func put(_ words: UnsafePointer<Int64>, isClosed: Bool, into totals: inout PeriodState) {
        totals.importWh = words[PlainWord.importWh]
        totals.totalWh = totals.importWh
        totals.addOnWh = words[PlainWord.addOnWh]
        totals.days = Int(words[PlainWord.days])
        totals.monthParts = words[PlainWord.monthParts]
        totals.isClosed = isClosed
        for index in shapes.indices {
            let place = words + places[index]
            totals.runs[index].chargedMinor = place[0]
            switch shapes[index] {
            case .addOns:
                totals.runs[index].wh = totals.addOnWh
                totals.runs[index].micro = Int128(place[1])
            case .energy(let bands, let cells):
                totals.runs[index].wh = place[1]
                for band in 0..<bands { totals.runs[index].bandWh[band] = place[2 + band] }
                for cell in 0..<cells { totals.runs[index].cells[cell] = place[2 + bands + cell] }
            case .share(let parts):
                for part in 0..<parts { totals.runs[index].partsMinor[part] = place[1 + part] }
            case .other: break
            }
        }
    }
}
