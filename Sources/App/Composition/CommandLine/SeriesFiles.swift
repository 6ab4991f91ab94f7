// What `busbar vee fill` and `busbar forecast` share: load files as series, result files, days of holidays. No
// database.
import CivilTime
import Compression
import Dispatch
import Foundation
import IntervalData
import LoadFiles
import VEE

/// The meters of a load file as series over the same days, in one length of interval.
struct SeriesFile {
    var meters: [String]
    var series: [LoadSeries]
    /// From the first to the last slot of which any meter has a value; gaps are inside.
    var range: Range<Int>
    /// The same with rows at the edges that have a stamp and no value.
    private(set) var rowRange: Range<Int>
    private var refused: [RefusedRow]
    private var refusedCount: Int
    /// What is to be known of the values, a line each.
    private var notes: [String]
    private var heldCount: Int

    /// Whether every row and every value was taken.
    var isWhole: Bool { refusedCount == 0 && heldCount == 0 }

    /// - Parameters:
    ///   - periodMinutes: of all intervals, where stamps do not tell.
    ///   - daysAhead: days of nothing that follow the last one.
    init(
        _ path: String, zone: Zone, periodMinutes: Int?, holidays: Set<CivilDay>, daysAhead: Int = 0,
        progress: ProgressLine
    ) throws {
        let load = try MeterDays(path, zone: zone, periodMinutes: periodMinutes, progress: progress)
        let blanks = load.blanks.range
        guard let first = (load.days.map { $0.first?.day } + [blanks?.lowerBound.day]).compactMap({ $0 }).min(),
            let last = (load.days.map { $0.last?.day } + [blanks?.upperBound.day]).compactMap({ $0 }).max()
        else { throw Complaint("\(path): no values", hint: "Give a load file with values.", .problems) }
        // Slots are held for every meter and day; a stamp far away from the others would fill the memory.
        let slots = (first.days(to: last) + 1 + daysAhead) * (86400 / load.periodS)
        guard slots * load.meters.count <= 100_000_000 else {
            throw Complaint(
                "\(path): \(load.meters.count) meters over \(first.days(to: last) + 1) days are too many",
                hint: "Split the file, or mend stamps that lie far from the others.", .usage)
        }
        let empty = LoadSeries(
            from: first, through: last.advanced(by: daysAhead), zone: zone, periodS: load.periodS, holidays: holidays)
        var series: [LoadSeries] = []
        var range: Range<Int>?
        var parts = SeenParts()
        for (meter, days) in load.days.enumerated() {
            var one = empty
            for day in days {
                let values = day.values(every: load.periodS, &parts)
                guard !values.isEmpty, !one.put(DayBlock(values), on: day.day) else { continue }
                parts.see(day, values.count { $0 != nil })
            }
            if let from = one.qualities.firstIndex(of: .actual), let to = one.qualities.lastIndex(of: .actual) {
                range = min(range?.lowerBound ?? from, from)..<max(range?.upperBound ?? 0, to + 1)
            }
            series.append(one)
            progress.at("\(meter + 1) of \(load.meters.count) meters read")
        }
        guard let range else {
            throw Complaint(
                "\(path): no value can be taken as a reading", hint: "\(load.notes.first ?? "Give values of energy").",
                .problems)
        }
        (meters, self.series, self.range, rowRange) = (load.meters, series, range, range)
        if let blanks {
            func slot(_ blank: SeenSlots.Slot) -> Int {
                (empty.slots(of: blank.day)?.lowerBound ?? 0) + blank.slot * load.blankS / load.periodS
            }
            rowRange =
                min(range.lowerBound, slot(blanks.lowerBound))..<max(range.upperBound, slot(blanks.upperBound) + 1)
        }
        (refused, refusedCount) = (load.refused, load.refusedCount)
        notes = load.notes
        heldCount = load.negativeCount + parts.count
        if parts.count > 0 {
            notes.append(
                "\(shownName(path)):\(parts.firstRow): \(parts.count) values of shorter intervals make no whole one of "
                    + "\(load.periodS / 60) minutes and are held aside; give all parts")
        }
    }

    /// Says what was not taken, and what is to be known of the rest.
    func tell(_ console: Console) {
        noteRefused(refused, count: refusedCount, console)
        for note in notes { console.note(note) }
    }
}

/// Values of shorter intervals that make no whole one.
private struct SeenParts {
    var count = 0
    var firstRow = 0

    mutating func see(_ day: MeterDays.Day, _ count: Int) {
        guard count > 0 else { return }
        if self.count == 0 || day.row < firstRow { firstRow = day.row }
        self.count += count
    }
}

/// What a load file holds, the days each in its own interval, and what is to be told of it.
private struct MeterDays {
    struct Day {
        var day: CivilDay
        var periodS: Int
        /// Nil where the file has nothing that could be a reading.
        var values: [Int32?]
        /// The first line of the day; 0 where it does not matter.
        var row: Int

        /// The same energy in longer intervals: sums, where all parts are known.
        func values(every longS: Int, _ parts: inout SeenParts) -> [Int32?] {
            let count = longS / periodS
            guard count > 1 else { return values }
            return stride(from: 0, to: values.count, by: count).map { from in
                let known = values[from..<min(from + count, values.count)].compactMap { $0 }
                if known.count == count, let sum = Int32(exactly: known.reduce(Int64(0)) { $0 + Int64($1) }) {
                    return sum
                }
                parts.see(self, known.count)
                return nil
            }
        }
    }
    var meters: [String]
    /// Of each meter, in order.
    var days: [[Day]]
    /// The shortest interval that all days can be brought to by sums.
    var periodS: Int
    var refused: [RefusedRow]
    var refusedCount: Int
    var negativeCount: Int
    /// Rows without a value, in slots of so many seconds.
    var blanks: SeenSlots
    var blankS: Int
    var notes: [String] = []

    init(_ path: String, zone: Zone, periodMinutes: Int?, progress: ProgressLine) throws {
        if let periodMinutes, !(1...60).contains(periodMinutes) || 60 % periodMinutes != 0 {
            throw Complaint("--period \(periodMinutes)", hint: "Give minutes that divide an hour.", .usage)
        }
        let (text, name) = (try readLoadText(path), shownName(path))
        func read(_ periodS: Int?) throws -> LoadFile {
            try LoadFileParser.parseLoosely(
                text, file: name, zone: zone, periodS: periodS,
                parts: min(8, ProcessInfo.processInfo.activeProcessorCount),
                sideBySide: { count, read in DispatchQueue.concurrentPerform(iterations: count, execute: read) },
                progress: { progress.at("reading \(name): \($0 / 1_000_000) of \(text.count / 1_000_000) MB") })
        }
        if let periodMinutes { try Self.proveUntold(try? read(nil), periodMinutes, name) }
        let load = try read(periodMinutes.map { $0 * 60 })
        (blanks, blankS) = (load.blanks, load.periodS)
        let (words, negatives): (SeenValues, SeenValues)
        if let mapping = load.dayByDay {
            var reader = MappedFileParser(file: name, zone: zone, mapping: mapping)
            try reader.feed(text)
            let set = try reader.finish()
            meters = set.meters
            days = Array(repeating: [], count: meters.count)
            for one in set.series {
                days[one.meter] = one.days.map {
                    Day(day: $0.day, periodS: $0.periodS, values: $0.values, row: $0.rows.lowerBound)
                }
            }
            (refused, refusedCount, words, negatives) = (set.refused, set.refusedCount, set.words, set.negatives)
        } else {
            meters = load.meters
            days = load.meters.indices.map { meter in
                load.days(meter).map { Day(day: $0.day, periodS: load.periodS, values: $0.values, row: 0) }
            }
            (refused, refusedCount, words, negatives) = (load.refused, load.refusedCount, load.words, load.negatives)
        }
        let periods = Set(days.joined().map(\.periodS)).sorted()
        // All divide an hour, so that the least common multiple does.
        periodS = (1...60).map { $0 * 60 }.first { long in periods.allSatisfy { long % $0 == 0 } } ?? 3600
        negativeCount = negatives.count
        if periods.count > 1 {
            let minutes = periods.map { "\($0 / 60)" }
            notes.append(
                "\(name): intervals of \(minutes.joined(separator: " and ")) minutes; all are brought to "
                    + "\(periodS / 60) minutes by exact sums")
        }
        if words.count > 0 { notes.append(words.wordsNote(name)) }
        guard negativeCount > 0 else { return }
        notes.append(
            "\(name):\(negatives.firstRow): \(negativeCount) values less than nought are held aside and count as "
                + "missing; mend them in the file")
        for meter in days.indices {
            for day in days[meter].indices {
                let values = days[meter][day].values
                if values.contains(where: { $0.map { $0 < 0 } ?? false }) {
                    days[meter][day].values = values.map { $0.flatMap { $0 < 0 ? nil : $0 } }
                }
            }
        }
    }

    /// A length said beside stamps that tell another one would make energy, or lose it: each value is of its interval.
    private static func proveUntold(_ found: LoadFile?, _ periodMinutes: Int, _ name: String) throws {
        guard let found, found.periodS != periodMinutes * 60 else { return }
        var (known, slots) = (0, 0)
        for meter in found.meters.indices {
            for day in found.days(meter) {
                known += day.values.count { $0 != nil }
                slots += day.values.count
            }
        }
        // Where most slots have a value, that is how far the rows lie apart.
        guard known * 2 >= slots else { return }
        throw Complaint(
            "--period \(periodMinutes): the rows of \(name) are \(found.periodS / 60) minutes apart",
            hint: "Leave --period out; it is for files whose stamps do not tell.", .usage)
    }
}

extension DayBlock {
    fileprivate init(_ values: [Int32?]) {
        self.init(
            values: values.map { $0 ?? 0 }, qualities: values.map { $0 == nil ? .missing : .actual },
            sources: DayBlock.runs(values.map { $0 == nil ? 0 : 1 }))
    }
}

/// A CSV that appears under its name only when it is whole; gzip when the name ends in `.gz`.
struct ResultFile {
    private var bytes: [UInt8] = []
    private let path: String

    init(_ path: String, header: String) {
        self.path = path
        add(header)
    }

    mutating func add(_ line: String) {
        bytes += line.utf8
        bytes.append(0x0A)
    }

    func finish() throws {
        let whole = path.hasSuffix(".gz") ? try Gzip.compress(bytes) : bytes
        do {
            try Data(whole).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Complaint("\(path) cannot be written", hint: "Check the folder and who owns it.", .problems)
        }
    }
}

/// Refuses a result that would take the place of a file that is read: what was missing in it could not be told then.
func keepInputs(_ inputs: [String?], from output: String) throws {
    func place(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
    for input in inputs.compactMap({ $0 }) where place(input) == place(output) {
        throw Complaint("--out \(output) is a file that is read", hint: "Give the result another name.", .usage)
    }
}

/// Exact: `0.125`, `-1.000`.
func exactKWh(_ wh: Int64) -> String {
    let digits = String(wh.magnitude % 1000 + 1000).dropFirst()
    return "\(wh < 0 ? "-" : "")\(wh.magnitude / 1000).\(digits)"
}

/// Stamps of slots, `2009-03-01T00:30:00Z`, made once.
func utcStamps(_ series: LoadSeries, _ slots: Range<Int>) -> [String] {
    slots.map { slot in
        let (day, second) = Zone.utc.civil(atS: series.startS(ofSlot: slot))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(day)T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }
}

/// A day a line, `2009-04-10`, with or without a name behind it; a first line that is none is a header.
func readHolidays(_ path: String?) throws -> Set<CivilDay> {
    guard let path else { return [] }
    let text = String(decoding: try readFile(path, limit: 1_000_000), as: UTF8.self)
    var days: Set<CivilDay> = []
    for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() {
        let word = line.prefix { !$0.isWhitespace && $0 != "," && $0 != ";" }
        if let day = CivilDay(word) {
            days.insert(day)
        } else if index > 0, !word.isEmpty {
            throw Complaint("\(path):\(index + 1): \"\(word.prefix(40))\" is no day", hint: "Write 2009-04-10.", .usage)
        }
    }
    return days
}
