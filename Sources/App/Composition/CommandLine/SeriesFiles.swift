// What `busbar vee fill` and `busbar forecast` share: load files as series, result files, days of holidays. No
// database.
import CivilTime
import Compression
import Foundation
import IntervalData
import LoadFiles
import VEE

/// The meters of a load file as series over the same days.
struct SeriesFile {
    var meters: [String]
    var series: [LoadSeries]
    /// From the first to the last slot of which any meter has a value; gaps are inside.
    var range: Range<Int>
    var refused: [RefusedRow]
    var refusedCount: Int

    /// - Parameter daysAhead: days of nothing that follow the last one.
    init(
        _ path: String, zone: Zone, holidays: Set<CivilDay>, daysAhead: Int = 0, progress: ProgressLine
    ) throws {
        let load = try readLoadFile(path, zone: zone, progress: progress).load
        let days = load.meters.indices.map { load.days($0) }
        guard let first = days.compactMap({ $0.first?.day }).min(), let last = days.compactMap({ $0.last?.day }).max()
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
        for meter in load.meters.indices {
            var one = empty
            for (day, values) in days[meter] { one.put(DayBlock(values), on: day) }
            if let from = one.qualities.firstIndex(of: .actual), let to = one.qualities.lastIndex(of: .actual) {
                range = min(range?.lowerBound ?? from, from)..<max(range?.upperBound ?? 0, to + 1)
            }
            series.append(one)
            progress.at("\(meter + 1) of \(load.meters.count) meters read")
        }
        meters = load.meters
        self.series = series
        self.range = range ?? 0..<0
        refused = load.refused
        refusedCount = load.refusedCount
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
