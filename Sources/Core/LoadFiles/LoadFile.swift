// What a load file holds once read: for each meter the slots of its days in Wh, and aside the rows that were refused.
// Reading is `LoadFileParser`'s; files, gzip and databases are somebody else's.
import CivilTime

/// A file that cannot be read at all: what, where, how to mend it.
public struct LoadFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `file` or `file:row`.
    public var place: String
    public var what: String
    public var hint: String
    public var description: String { "\(place): \(what); \(hint)" }

    static func noRows(_ file: String) -> LoadFileError {
        LoadFileError(place: file, what: "the file has a header line and no rows", hint: "give a row for each interval")
    }
}

/// A row set aside: nothing of it was taken. It can be mended and imported again.
public struct RefusedRow: Sendable, Equatable, CustomStringConvertible {
    public var file: String
    /// Line number in the file; the header is line 1.
    public var row: Int
    public var what: String
    public var hint: String
    /// The row as it stood, bytes that are no UTF-8 replaced.
    public var text: String
    public var description: String { "\(file):\(row): \(what), \(hint)" }
}

/// Values of a file that somebody has to know of: how many, and the line of the first.
public struct SeenValues: Sendable, Equatable {
    public private(set) var count = 0
    /// 0 while there is none.
    public private(set) var firstRow = 0
    public init() {}

    mutating func see(row: Int, count: Int = 1) {
        guard count > 0 else { return }
        if self.count == 0 || row < firstRow { firstRow = row }
        self.count += count
    }
}

/// The first and the last slot of those met.
public struct SeenSlots: Sendable, Equatable {
    public struct Slot: Sendable, Comparable {
        public var day: CivilDay
        public var slot: Int
        public static func < (left: Slot, right: Slot) -> Bool { (left.day, left.slot) < (right.day, right.slot) }
    }
    /// Nil while there is none.
    public private(set) var range: ClosedRange<Slot>?

    mutating func see(_ day: Int32, _ slot: Int) {
        let one = Slot(day: CivilDay(number: day), slot: slot)
        range = min(range?.lowerBound ?? one, one)...max(range?.upperBound ?? one, one)
    }

    mutating func see(_ other: SeenSlots) {
        for slot in [other.range?.lowerBound, other.range?.upperBound] { slot.map { see($0.day.number, $0.slot) } }
    }
}

/// How the file is laid out.
public enum LoadFileLayout: String, Sendable {
    /// A stamp, then a column for each meter.
    case wide
    /// A row for each meter and stamp.
    case long
}

/// Bounds on what is read; beyond them the file is refused as a whole.
public struct LoadFileLimits: Sendable, Equatable {
    public var bytes = 2_000_000_000
    public var lineBytes = 1_000_000
    public var rows = 20_000_000
    public var columns = 20_001
    public var meters = 200_000
    /// Slots of all days of all meters, present or not (4 bytes each).
    public var slots = 200_000_000
    /// Refused rows kept with their text; later ones are only counted.
    public var refusedRows = 10_000
    public init() {}
    public static let standard = LoadFileLimits()
}

/// The content of a load file.
public struct LoadFile: Sendable {
    public let file: String
    public let layout: LoadFileLayout
    public let zone: Zone
    public let periodS: Int
    /// Names in order of first appearance.
    public let meters: [String]
    /// At most `LoadFileLimits.refusedRows` of them.
    public let refused: [RefusedRow]
    public let refusedCount: Int
    /// Data rows read, refused ones included.
    public let rowCount: Int
    /// Values taken; the same value twice counts once.
    public let valueCount: Int
    /// Values with more than three decimals, rounded half away from zero to whole Wh.
    public let roundedCount: Int
    /// Values less than nought; they are among the values.
    public let negatives: SeenValues
    /// Words instead of a value, `NaN` or `NA`: they count as missing, as an empty cell does.
    public let words: SeenValues
    /// Slots whose rows have a stamp and no value; those within the days of values are gaps there anyhow.
    public let blanks: SeenSlots
    /// Set when some rows seem to lie further apart, or closer together, than the others: then the file is to be read
    /// by this mapping, which finds the interval of each day. What is here took every value for one of `periodS`.
    public let dayByDay: ColumnMapping?
    let loads: [MeterLoad]

    /// The days of one meter in order, each with a value or nil for every slot of the civil day in the zone.
    public func days(_ meter: Int) -> [(day: CivilDay, values: [Int32?])] { open(loads[meter].days) }

    /// The same for one month.
    public func days(_ meter: Int, in month: CivilMonth) -> [(day: CivilDay, values: [Int32?])] {
        let range = month.first.number...month.last.number
        return open(loads[meter].days.filter { range.contains($0.day) })
    }

    /// Marks a slot without a value in `rawDays`.
    public static let absent = MeterLoad.absent

    /// The days of one month with `absent` where there is no value, without a copy.
    public func rawDays(_ meter: Int, in month: CivilMonth) -> ArraySlice<(day: Int32, values: [Int32])> {
        let days = loads[meter].days
        let range = month.first.number...month.last.number
        let from = days.firstIndex { range.contains($0.day) } ?? days.endIndex
        let to = days[from...].firstIndex { !range.contains($0.day) } ?? days.endIndex
        return days[from..<to]
    }

    /// Months of which any meter has a day, in order.
    public var months: [CivilMonth] {
        let days = loads.reduce(into: Set<Int32>()) { days, load in for day in load.days { days.insert(day.day) } }
        return Set(days.map { CivilDay(number: $0).month }).sorted()
    }

    private func open(_ days: [(day: Int32, values: [Int32])]) -> [(day: CivilDay, values: [Int32?])] {
        days.map { day in
            (CivilDay(number: day.day), day.values.map { $0 == MeterLoad.absent ? nil : $0 })
        }
    }

    /// The same by name; empty for a meter the file does not have.
    public func days(named name: String) -> [CivilDay: [Int32?]] {
        guard let meter = meters.firstIndex(of: name) else { return [:] }
        return Dictionary(uniqueKeysWithValues: days(meter).map { ($0.day, $0.values) })
    }
}

/// A value that waits for others of its meter.
struct LaterRow {
    var meter: UInt32
    var day: Int32
    var slot: UInt32
    var wh: Int32
}

/// The slots of one meter while and after reading. Days come mostly in order, so the last one is looked at first.
struct MeterLoad: Sendable {
    /// Marks a slot without a value; no accepted value is this one.
    static let absent = Int32.min
    /// In order of day.
    private(set) var days: [(day: Int32, values: [Int32])] = []
    private var last = 0

    /// The index of a day, nil when the meter has nothing of it yet.
    mutating func find(_ day: Int32) -> Int? {
        if last < days.count, days[last].day == day { return last }
        let index = place(day)
        guard index < days.count, days[index].day == day else { return nil }
        last = index
        return index
    }

    /// The first index whose day is not before this one.
    private func place(_ day: Int32) -> Int {
        guard let first = days.first?.day, day > first else { return 0 }
        // Days without a gap are at their distance from the first.
        let guess = Int(day) - Int(first)
        if guess < days.count, days[guess].day == day { return guess }
        var low = 0
        var high = days.count
        while low < high {
            let middle = (low + high) / 2
            if days[middle].day < day { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func add(_ day: Int32, slots: Int) -> Int {
        add(day, values: Array(repeating: Self.absent, count: slots))
    }

    mutating func add(_ day: Int32, values: [Int32]) -> Int {
        last = place(day)
        days.insert((day, values), at: last)
        return last
    }

    func value(_ day: Int, _ slot: Int) -> Int32 { days[day].values[slot] }

    /// Lends a day's values to be written in place.
    mutating func withValues(of day: Int, _ write: (UnsafeMutableBufferPointer<Int32>) -> Void) {
        days[day].values.withUnsafeMutableBufferPointer { write($0) }
    }

    mutating func set(_ day: Int, _ slot: Int, _ wh: Int32) { days[day].values[slot] = wh }

    /// Whether values stand apart as those of a longer interval do: every second or fourth slot has one, so often in a
    /// row, in a day or in all days that it does not come by gaps. `DayPeriods` asks the same of stamps.
    func looksCoarser(than periodS: Int) -> Bool {
        let top = 3600 / periodS
        guard top > 1 else { return false }
        // How often so many slots lie between two values.
        var ofAll = [Int](repeating: 0, count: top + 1)
        var ofDay = ofAll
        func isSure(_ steps: [Int]) -> Bool {
            guard let least = steps.indices.first(where: { steps[$0] > 0 && DayPeriods.isPeriod($0 * periodS) }) else {
                return false
            }
            return least > 1 && DayPeriods.isSure(steps[least], hasFiner: false)
        }
        for day in days {
            guard day.values.contains(Self.absent) else {
                ofAll[1] += day.values.count
                continue
            }
            for step in ofDay.indices { ofDay[step] = 0 }
            var (last, step, run) = (-1, 0, 0)
            for (slot, value) in day.values.enumerated() where value != Self.absent {
                if last >= 0 {
                    run = slot - last == step ? run + 1 : 1
                    step = slot - last
                    if step <= top { ofDay[step] += 1 }
                    if run >= DayPeriods.longRun, step > 1, DayPeriods.isPeriod(step * periodS) { return true }
                }
                last = slot
            }
            if isSure(ofDay) { return true }
            for step in ofDay.indices { ofAll[step] += ofDay[step] }
        }
        return isSure(ofAll)
    }
}
