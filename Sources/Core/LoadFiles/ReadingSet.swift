// What any file of readings holds once read: for each meter and channel the slots of its days with the sender's
// quality, registers, and aside the rows that were refused. Making it is `ReadingSetBuilder`'s; files are somebody
// else's.
import CivilTime
import IntervalData

/// What kind of file it was.
public enum ReadingFileKind: String, Sendable, Codable {
    case loadCSV = "csv", mappedCSV = "mapped-csv", nem12, greenButton = "green-button", manual
}

/// How the sender marks a value, kept as it was written: `A`, `E52`, `17`. What it means is in `quality`.
public struct SenderCode: Hashable, Sendable {
    public var text: String
    /// `missing` is never stored: such a value is left out.
    public var quality: Quality
    public init(_ text: String, _ quality: Quality) {
        self.text = text
        self.quality = quality
    }
}

/// The slots of one civil day of one series.
public struct SeriesDay: Sendable, Equatable {
    public var day: CivilDay
    public var periodS: Int
    /// Nil where the file has nothing.
    public var values: [Int32?]
    /// Index into `ReadingSet.codes` for each slot; 0 where nothing was said.
    public var codes: [UInt8]
    /// The lines of the file its values stood in.
    public var rows: ClosedRange<Int>
}

/// A cumulative register as it stood.
public struct RegisterPoint: Sendable, Equatable {
    public var atS: Int64
    /// In the unit of the channel.
    public var value: Int64
    public var code: UInt8
    public var row: Int
    public init(atS: Int64, value: Int64, code: UInt8 = 0, row: Int) {
        self.atS = atS
        self.value = value
        self.code = code
        self.row = row
    }
}

/// One channel of one meter.
public struct FileSeries: Sendable {
    /// Index into `ReadingSet.meters`.
    public var meter: Int
    public var channel: Channel
    /// In order of day.
    public var days: [SeriesDay]
    /// In order of time.
    public var registers: [RegisterPoint]
}

public struct ReadingSet: Sendable {
    public var file: String
    public var kind: ReadingFileKind
    public var zone: Zone
    /// Names as the file has them, in order of first appearance.
    public var meters: [String]
    public var series: [FileSeries]
    /// The first stands for "nothing said" and counts as actual.
    public var codes: [SenderCode]
    /// At most `LoadFileLimits.refusedRows`.
    public var refused: [RefusedRow]
    public var refusedCount: Int
    public var rowCount: Int
    public var valueCount: Int
    public var registerCount: Int
    /// The same value again.
    public var duplicateCount: Int
    /// Another value for a slot that has one; each is among the refused too.
    public var conflictCount: Int
    public var roundedCount: Int
    /// Days whose intervals changed length and were brought to the longer one.
    public var mergedDayCount: Int
    /// Values of days that were set aside because their interval is not sure.
    public var unsureDays: SeenValues
    /// Amounts less than nought; they are among the values.
    public var negatives: SeenValues
    /// Words instead of a value, `NaN` or `NA`: they count as missing.
    public var words: SeenValues
    /// Intervals that the sender says have no value, by his code.
    public var codesWithoutValue: [String: Int]
    /// What a reader of the report has to know.
    public var notes: [String]

    /// The most frequent interval of a meter; nil when it has none.
    public func periodS(ofMeter meter: Int) -> Int? {
        var counts: [Int: Int] = [:]
        for one in series where one.meter == meter { for day in one.days { counts[day.periodS, default: 0] += 1 } }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// The first day of which a meter has anything.
    public func firstDay(ofMeter meter: Int) -> CivilDay? {
        series.filter { $0.meter == meter }.compactMap { one in
            [one.days.first?.day, one.registers.first.map { zone.day(atS: $0.atS) }].compactMap { $0 }.min()
        }.min()
    }

    /// The same series with other names of their meters, where there are any.
    public func renamed(_ names: [String: String]) -> ReadingSet {
        var set = self
        set.meters = meters.map { names[$0] ?? $0 }
        return set
    }
}
