// What a file of readings held, counted: range, intervals, gaps, zero runs, qualities, refusals by reason, registers
// against intervals. Pure; stored with the import and shown as it is.
import CivilTime
import IntervalData

/// Format 1. Days and reasons as text, so that it can be stored and shown without anything else.
public struct ReadingReport: Codable, Sendable, Equatable {
    public struct Reason: Codable, Sendable, Equatable {
        /// Numbers in it are those of the first row.
        public var what: String
        public var hint: String
        public var count: Int
        public var firstRow: Int
    }
    public struct Series: Codable, Sendable, Equatable {
        public var meter: String
        public var channel: String
        public var unit: String
        /// Each length its days have, in order of appearance.
        public var periodMinutes: [Int] = []
        /// First and last day with a value.
        public var from: String?
        public var to: String?
        public var intervals = 0
        /// Intervals without a value between the first and the last.
        public var missing = 0
        public var gaps = 0
        public var longestGapMinutes = 0
        public var zeros = 0
        public var longestZeroRun = 0
        public var negatives = 0
        public var total: Int64 = 0
        public var registers = 0
        /// Days whose intervals could be held against the register, and those that differ by more than 1 %.
        public var registerDays = 0
        public var registerContradictions = 0
    }
    /// A day on which the meters together seem to have stamped with a wrong clock.
    public struct ClockShiftDay: Codable, Sendable, Equatable {
        public var day: String
        /// Positive: late.
        public var minutes: Int
        public var meters: Int
        public init(day: String, minutes: Int, meters: Int) {
            (self.day, self.minutes, self.meters) = (day, minutes, meters)
        }
    }

    public struct Stored: Codable, Sendable, Equatable {
        public var meterDays = 0
        public var newVersions = 0
        /// Held back by the checks.
        public var heldValues = 0
        /// The same by the rule that held them; reports of older releases do not tell it.
        public var heldBy: [String: Int]?
        /// Other values for what was stored already; the first stay.
        public var conflicts = 0
        public var newRegisters = 0
        public init() {}

        /// Counts values that were held, with the rules that did.
        public mutating func hold(_ count: Int, _ rules: [String: Int]) {
            heldValues += count
            heldBy = (heldBy ?? [:]).merging(rules, uniquingKeysWith: +)
        }
    }

    public var format = 1
    public var file: String
    public var kind: String
    public var zone: String
    public var rows: Int
    public var values: Int
    public var registers = 0
    public var rounded: Int
    public var duplicates = 0
    public var conflicts = 0
    public var refused: Int
    public var mergedDays = 0
    public var meters: Int
    public var from: String?
    public var to: String?
    /// Values by quality: `actual`, `estimated`, `edited`.
    public var quality: [String: Int] = [:]
    /// Values by the sender's own codes; also of those that mean no value.
    public var senderCodes: [String: Int] = [:]
    /// The most frequent first.
    public var reasons: [Reason] = []
    public var notes: [String] = []
    public var clockShifts: [ClockShiftDay] = []
    /// What storing it did; nil while it was only looked at.
    public var stored: Stored?
    public var seriesCount = 0
    /// At most ``seriesMax`` of them.
    public var series: [Series] = []

    public static let seriesMax = 1_000
    private static let reasonsMax = 50

    public init(_ set: ReadingSet) {
        (file, kind, zone) = (set.file, set.kind.rawValue, set.zone.identifier)
        (rows, values, registers, rounded) = (set.rowCount, set.valueCount, set.registerCount, set.roundedCount)
        (duplicates, conflicts, refused) = (set.duplicateCount, set.conflictCount, set.refusedCount)
        (mergedDays, meters, notes) = (set.mergedDayCount, set.meters.count, set.notes)
        for one in set.series {
            var stats = SeriesStats(meter: set.meters[one.meter], channel: one.channel)
            for day in one.days {
                stats.add(day.day, startS: set.zone.startS(of: day.day), periodS: day.periodS, day.values)
                for (value, code) in zip(day.values, day.codes) where value != nil {
                    let code = set.codes[Int(code)]
                    quality["\(code.quality)", default: 0] += 1
                    if !code.text.isEmpty { senderCodes[code.text, default: 0] += 1 }
                }
            }
            stats.series.registers = one.registers.count
            if !one.days.isEmpty, !one.registers.isEmpty { stats.compare(one, set.zone) }
            add(stats.series)
        }
        senderCodes.merge(set.codesWithoutValue, uniquingKeysWith: +)
        group(set.refused)
        note(words: set.words)
    }

    /// The same of a plain load file.
    public init(_ load: LoadFile) {
        (file, kind, zone) = (load.file, ReadingFileKind.loadCSV.rawValue, load.zone.identifier)
        (rows, values, rounded) = (load.rowCount, load.valueCount, load.roundedCount)
        (refused, meters) = (load.refusedCount, load.meters.count)
        quality["actual"] = load.valueCount
        for meter in load.meters.indices {
            var stats = SeriesStats(meter: load.meters[meter], channel: .importWh)
            for (day, values) in load.days(meter) {
                stats.add(day, startS: load.zone.startS(of: day), periodS: load.periodS, values)
            }
            add(stats.series)
        }
        conflicts = load.refused.count { $0.what.contains("already has") }
        group(load.refused)
        note(words: load.words)
    }

    private mutating func note(words: SeenValues) {
        guard words.count > 0 else { return }
        notes.append(words.wordsNote(file))
    }

    private mutating func add(_ one: Series) {
        seriesCount += 1
        if let first = one.from { from = min(from ?? first, first) }
        if let last = one.to { to = max(to ?? last, last) }
        if series.count < Self.seriesMax { series.append(one) }
    }

    /// Refusals that say the same but for numbers and names are one reason.
    private mutating func group(_ refused: [RefusedRow]) {
        var index: [String: Int] = [:]
        for row in refused {
            let key = String(row.what.map { $0.isNumber ? "#" : $0 }.prefix(80)) + row.hint
            if let known = index[key] {
                reasons[known].count += 1
            } else if reasons.count < 1_000 {
                index[key] = reasons.count
                reasons.append(Reason(what: row.what, hint: row.hint, count: 1, firstRow: row.row))
            }
        }
        reasons = Array(reasons.sorted { ($1.count, $0.firstRow) < ($0.count, $1.firstRow) }.prefix(Self.reasonsMax))
    }
}

extension SeenValues {
    /// One line on words that stand instead of values.
    public func wordsNote(_ file: String) -> String {
        "\(file):\(firstRow): \(count) \(count == 1 ? "value is a word" : "values are words") such as NaN or NA, "
            + "and \(count == 1 ? "counts" : "count") as missing"
    }
}

/// Counts over the days of one series in order.
private struct SeriesStats {
    var series: ReadingReport.Series
    private var lastEndS: Int64?
    private var zeroRun = 0

    init(meter: String, channel: Channel) {
        series = ReadingReport.Series(meter: meter, channel: channel.name, unit: channel.unitName)
    }

    mutating func add(_ day: CivilDay, startS: Int64, periodS: Int, _ values: [Int32?]) {
        var hasValue = false
        for (slot, value) in values.enumerated() {
            guard let value else { continue }
            hasValue = true
            let atS = startS + Int64(slot * periodS)
            if let lastEndS, atS > lastEndS {
                series.gaps += 1
                series.missing += Int(atS - lastEndS) / periodS
                series.longestGapMinutes = max(series.longestGapMinutes, Int(atS - lastEndS) / 60)
                zeroRun = 0
            }
            lastEndS = atS + Int64(periodS)
            series.intervals += 1
            series.total += Int64(value)
            if value < 0 { series.negatives += 1 }
            zeroRun = value == 0 ? zeroRun + 1 : 0
            if value == 0 { series.zeros += 1 }
            series.longestZeroRun = max(series.longestZeroRun, zeroRun)
        }
        guard hasValue else { return }
        if series.from == nil { series.from = day.description }
        series.to = day.description
        if !series.periodMinutes.contains(periodS / 60) { series.periodMinutes.append(periodS / 60) }
    }

    /// Holds each day's intervals against the register, between its first and last reading of the day.
    mutating func compare(_ one: FileSeries, _ zone: Zone) {
        var at = 0
        for day in one.days {
            let startS = zone.startS(of: day.day)
            let endS = zone.startS(of: day.day.advanced(by: 1))
            while at < one.registers.count, one.registers[at].atS < startS { at += 1 }
            var last = at
            while last + 1 < one.registers.count, one.registers[last + 1].atS <= endS { last += 1 }
            guard last > at, last < one.registers.count, one.registers[at].atS < endS else { continue }
            let (first, end) = (one.registers[at], one.registers[last])
            let period = Int64(day.periodS)
            let slots = Int((first.atS - startS + period - 1) / period)..<Int((end.atS - startS) / period)
            guard (first.atS - startS) % period == 0, (end.atS - startS) % period == 0,
                slots.allSatisfy({ day.values.indices.contains($0) && day.values[$0] != nil })
            else { continue }
            let sum = slots.reduce(Int64(0)) { $0 + Int64(day.values[$1] ?? 0) }
            let difference = end.value - first.value
            series.registerDays += 1
            // A unit of 1000 on either side is what the register cannot show.
            if abs(sum - difference) > max(2_000, abs(difference) / 100) { series.registerContradictions += 1 }
        }
    }
}
