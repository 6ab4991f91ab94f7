// A load file read whole, of which every value must be one of the same length: where rows lie further apart or closer
// together on some days, the file is refused by the line. Who can take days of different lengths reads day by day.
import CivilTime

extension LoadFileParser {
    /// Reads a whole file at once.
    /// - Parameters:
    ///   - parts: how many pieces of a large file may be read side by side.
    ///   - sideBySide: runs the pieces, from 0 up to the count, in any order or at once, and returns when all are done.
    ///   - progress: called with the bytes read, when they are read one after the other.
    public static func parse(
        _ bytes: [UInt8], file: String, zone: Zone, periodS: Int? = nil, stamps: StampSide? = nil,
        limits: LoadFileLimits = .standard, parts: Int = 1,
        sideBySide: (Int, @Sendable (Int) -> Void) -> Void = { count, read in (0..<count).forEach(read) },
        progress: (Int) -> Void = { _ in }
    ) throws(LoadFileError) -> LoadFile {
        func read(_ periodS: Int?) throws(LoadFileError) -> LoadFile {
            try parseLoosely(
                bytes, file: file, zone: zone, periodS: periodS, stamps: stamps, limits: limits, parts: parts,
                sideBySide: sideBySide, progress: progress)
        }
        let mapping: ColumnMapping
        let foundS: Int
        // What was read goes before the file is read day by day: both need much memory.
        do {
            let load = try read(periodS)
            guard let dayByDay = load.dayByDay else { return load }
            (mapping, foundS) = (dayByDay, load.periodS)
        }
        try prove(bytes, file: file, zone: zone, mapping, periodS: foundS, stamps: stamps, limits: limits)
        return try read(foundS)
    }

    /// - Throws: unless each interval has one length, read day by day.
    private static func prove(
        _ bytes: [UInt8], file: String, zone: Zone, _ mapping: ColumnMapping, periodS: Int, stamps: StampSide?,
        limits: LoadFileLimits
    ) throws(LoadFileError) {
        var options = ReadingOptions()
        options.stamps = stamps
        var reader = MappedFileParser(file: file, zone: zone, mapping: mapping, options: options, limits: limits)
        try reader.feed(bytes)
        try reader.finish().proveInterval(periodS)
    }

    /// The same for who reads by `LoadFile.dayByDay` where it is set.
    public static func parseLoosely(
        _ bytes: [UInt8], file: String, zone: Zone, periodS: Int? = nil, stamps: StampSide? = nil,
        limits: LoadFileLimits = .standard, parts: Int = 1,
        sideBySide: (Int, @Sendable (Int) -> Void) -> Void = { count, read in (0..<count).forEach(read) },
        progress: (Int) -> Void = { _ in }
    ) throws(LoadFileError) -> LoadFile {
        func parser(_ way: Way) -> LoadFileParser {
            LoadFileParser(file: file, zone: zone, periodS: periodS, stamps: stamps, limits: limits, way: way)
        }
        if bytes.count >= smallestSplit {
            // Any trouble here shows again, in its place, in the reading below.
            let source = LoadFileBytes(bytes)
            if let whole = try? readParts(source, parser(.shortAndLater), parts: parts, sideBySide) { return whole }
        }
        var parser = parser(.short)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 4_000_000)
            try parser.feed(bytes[start..<end])
            start = end
            progress(start)
        }
        return try parser.finish()
    }
}

extension ReadingSet {
    /// - Throws: at the first line of a day that has another interval, or none that is sure.
    fileprivate func proveInterval(_ periodS: Int) throws(LoadFileError) {
        let other = series.flatMap { one in one.days.filter { $0.periodS != periodS }.map { (one.meter, $0) } }
            .min { $0.1.rows.lowerBound < $1.1.rows.lowerBound }
        if let (meter, day) = other {
            throw LoadFileError(
                place: "\(file):\(day.rows.lowerBound)",
                what: "meter \(meters[meter].prefix(40)) has intervals of \(day.periodS / 60) minutes on \(day.day), "
                    + "others are of \(periodS / 60) minutes", hint: Self.oneInterval)
        }
        if unsureDays.count > 0 {
            throw LoadFileError(
                place: "\(file):\(unsureDays.firstRow)",
                what: "the interval changes within the day, beside \(periodS / 60) minutes on others",
                hint: Self.oneInterval)
        }
    }

    private static var oneInterval: String { "give all days in one interval; `busbar vee fill` brings them to one" }
}

/// Rows between the slots of a day that seem to be of a shorter interval, until there are enough to say so.
struct FinerRows: Sendable {
    private var counts: [Int64: Int] = [:]
    private var isFull = false
    private var isOfAny = false
    /// Those with many such rows in a day.
    private(set) var meters: Set<Int> = []

    /// Too many to count, or in a row of many meters: any meter may have them.
    var areOfAny: Bool { isOfAny || (isFull && !meters.isEmpty) }

    /// Counts a row of a day, of one meter or of all, and says whether there are many now.
    mutating func see(meter: Int?, day: Int32) -> Bool {
        if isOfAny || meter.map(meters.contains) == true { return true }
        let key = Int64(meter ?? -1) << 32 | Int64(day)
        if counts[key] != nil || counts.count < 100_000 {
            counts[key, default: 0] += 1
            if counts[key] == DayPeriods.longRun / 2 {
                if let meter { meters.insert(meter) } else { isOfAny = true }
            }
        } else {
            isFull = true
        }
        return isOfAny || !meters.isEmpty
    }

    static func greatestDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestDivisor(b, a % b) }
}

extension ColumnMapping.Guess {
    /// Nil when all meters have intervals of the one length.
    init?(_ finer: FinerRows, _ loads: [MeterLoad], _ names: [String], periodS: Int, hasGaps: Bool) {
        elseS = periodS
        if finer.areOfAny { return }
        var found = finer.meters
        if hasGaps { found.formUnion(loads.indices.filter { loads[$0].looksCoarser(than: periodS) }) }
        guard !found.isEmpty else { return nil }
        meters = Set(found.map { names[$0] })
    }
}
