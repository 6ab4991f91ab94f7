// Puts readings of any format together: value by value into slots of civil days of the company's zone, in any order,
// the same value twice harmless, another value for the same slot kept aside. Reads no format.
import CivilTime
import IntervalData

/// A row of which nothing is taken: why, and how to mend it.
struct RowRefusal: Error {
    var what: String
    var hint: String
}

struct ReadingSetBuilder {
    let file: String
    let zone: Zone
    let limits: LoadFileLimits

    private struct DayGrid {
        var day: Int32
        var periodS: Int32
        var values: [Int32]
        var codes: [UInt8]
        var rows: ClosedRange<Int>
    }
    private struct Series {
        var meter: Int
        var channel: Channel
        var days: [DayGrid] = []
        /// Day and period to the place in `days`.
        var indexOfDay: [Int64: Int] = [:]
        var last = 0
        /// Day that the last value lay in.
        var span: (day: CivilDay, startS: Int64, endS: Int64)?
        var registers: [RegisterPoint] = []
    }

    private var meters: [String] = []
    private var meterIndex: [String: Int] = [:]
    private var series: [Series] = []
    private var seriesIndex: [Int: Int] = [:]
    private var codes = [SenderCode("", .actual)]
    private var codeIndex: [SenderCode: UInt8] = [:]
    private var slotTotal = 0
    private var refused: [RefusedRow] = []
    private var refusedCount = 0
    private var valueCount = 0
    private var registerCount = 0
    private var duplicateCount = 0
    private var conflictCount = 0
    private var mergedDayCount = 0
    var rowCount = 0
    var roundedCount = 0
    var notes: [String] = []
    var unsureDays = SeenValues()
    var words = SeenValues()
    var codesWithoutValue: [String: Int] = [:]
    private var negatives = SeenValues()

    init(file: String, zone: Zone, limits: LoadFileLimits = .standard) {
        (self.file, self.zone, self.limits) = (file, zone, limits)
    }

    private func tooMuch(_ what: String, _ limit: Int) -> LoadFileError {
        LoadFileError(place: file, what: "more than \(limit) \(what)", hint: "split the file")
    }

    /// The number of a series, made when it is new.
    mutating func series(_ meter: String, _ channel: Channel) throws -> Int {
        guard !meter.isEmpty, meter.utf8.count <= 100 else {
            throw RowRefusal(what: "the meter's id is empty or long", hint: "give 1 to 100 characters")
        }
        let meterNumber: Int
        if let known = meterIndex[meter] {
            meterNumber = known
        } else {
            guard meters.count < limits.meters else { throw tooMuch("meters", limits.meters) }
            meterNumber = meters.count
            meterIndex[meter] = meterNumber
            meters.append(meter)
        }
        let key = meterNumber << 8 | Int(channel.rawValue)
        if let known = seriesIndex[key] { return known }
        seriesIndex[key] = series.count
        series.append(Series(meter: meterNumber, channel: channel))
        return series.count - 1
    }

    func channel(_ number: Int) -> Channel { series[number].channel }

    /// The number of a sender's code.
    mutating func code(_ code: SenderCode) throws -> UInt8 {
        if code.text.isEmpty { return 0 }
        if let known = codeIndex[code] { return known }
        guard codes.count < 255, code.text.utf8.count <= 40 else {
            throw LoadFileError(
                place: file, what: "more than 254 codes of quality, or one of more than 40 characters",
                hint: "name the column that holds the quality")
        }
        codeIndex[code] = UInt8(codes.count)
        codes.append(code)
        return UInt8(codes.count - 1)
    }

    mutating func refuse(row: Int, _ refusal: RowRefusal, text: String) {
        refusedCount += 1
        guard refused.count < limits.refusedRows else { return }
        refused.append(
            RefusedRow(
                file: file, row: row, what: refusal.what, hint: refusal.hint, text: String(text.prefix(2_000))))
    }

    /// Takes one value that begins at an instant.
    mutating func take(
        _ number: Int, startS: Int64, periodS: Int, value: Int64, code: UInt8 = 0, row: Int
    ) throws {
        guard periodS >= 60, periodS % 60 == 0, 3600 % periodS == 0 else {
            throw RowRefusal(
                what: "an interval of \(periodS) s", hint: "intervals are whole minutes that divide an hour")
        }
        guard let small = Int32(exactly: value), small != MeterLoad.absent else {
            throw RowRefusal(
                what: "\(value) \(series[number].channel.unitName) is more than one interval can hold",
                hint: "look at the unit and the multiplier")
        }
        if series[number].span.map({ startS < $0.startS || startS >= $0.endS }) ?? true {
            let day = zone.day(atS: startS)
            series[number].span = (day, zone.startS(of: day), zone.startS(of: day.advanced(by: 1)))
        }
        guard let span = series[number].span else { return }
        let slot = Int(startS - span.startS) / periodS
        let count = Int(span.endS - span.startS) / periodS
        guard Int(startS - span.startS) % periodS == 0, slot < count else {
            throw RowRefusal(
                what: "a value beginning \(startS - span.startS) s after midnight is not on the grid of "
                    + "\(periodS / 60) minutes in \(zone.identifier)", hint: "look at the stamp and at the zone")
        }
        let day = try grid(number, span.day.number, periodS, slots: count, row: row)
        let held = series[number].days[day].values[slot]
        guard held == MeterLoad.absent else {
            if held == small {
                duplicateCount += 1
                return
            }
            conflictCount += 1
            throw RowRefusal(
                what: "meter \(meters[series[number].meter].prefix(40)) already has \(held) "
                    + "\(series[number].channel.unitName) there, not \(small)",
                hint: "keep one row for a meter and stamp")
        }
        series[number].days[day].values[slot] = small
        series[number].days[day].codes[slot] = code
        let rows = series[number].days[day].rows
        series[number].days[day].rows = min(rows.lowerBound, row)...max(rows.upperBound, row)
        valueCount += 1
        if small < 0, series[number].channel.isAmount { negatives.see(row: row) }
    }

    private mutating func grid(
        _ number: Int, _ day: Int32, _ periodS: Int, slots: Int, row: Int
    ) throws -> Int {
        let last = series[number].last
        if last < series[number].days.count, series[number].days[last].day == day,
            series[number].days[last].periodS == Int32(periodS)
        {
            return last
        }
        let key = Int64(day) << 16 | Int64(periodS)
        if let known = series[number].indexOfDay[key] {
            series[number].last = known
            return known
        }
        slotTotal += slots
        guard slotTotal <= limits.slots else { throw tooMuch("slots", limits.slots) }
        let index = series[number].days.count
        series[number].indexOfDay[key] = index
        series[number].last = index
        series[number].days.append(
            DayGrid(
                day: day, periodS: Int32(periodS), values: Array(repeating: MeterLoad.absent, count: slots),
                codes: Array(repeating: 0, count: slots), rows: row...row))
        return index
    }

    /// Takes a register's reading. Two readings of one instant that differ are sorted out at the end.
    mutating func takeRegister(_ number: Int, atS: Int64, value: Int64, code: UInt8 = 0, row: Int) throws {
        guard value >= 0 else {
            throw RowRefusal(what: "a register of \(value)", hint: "registers count up from nought")
        }
        guard registerCount < limits.rows else { throw tooMuch("registers", limits.rows) }
        registerCount += 1
        series[number].registers.append(RegisterPoint(atS: atS, value: value, code: code, row: row))
    }

    // MARK: The end

    /// - Parameter differences: how registers of series without intervals become intervals; nil leaves them.
    mutating func finish(
        _ kind: ReadingFileKind, differences: RegisterDifferences? = nil
    ) throws -> ReadingSet {
        for number in series.indices where !series[number].registers.isEmpty {
            settleRegisters(number)
            if let differences, series[number].days.isEmpty { try difference(number, differences) }
        }
        let done = series.indices.map { number in
            FileSeries(
                meter: series[number].meter, channel: series[number].channel, days: settledDays(number),
                registers: series[number].registers)
        }
        return ReadingSet(
            file: file, kind: kind, zone: zone, meters: meters, series: done, codes: codes, refused: refused,
            refusedCount: refusedCount, rowCount: rowCount, valueCount: valueCount, registerCount: registerCount,
            duplicateCount: duplicateCount, conflictCount: conflictCount, roundedCount: roundedCount,
            mergedDayCount: mergedDayCount, unsureDays: unsureDays, negatives: negatives, words: words,
            codesWithoutValue: codesWithoutValue, notes: notes)
    }

    private mutating func settleRegisters(_ number: Int) {
        var kept: [RegisterPoint] = []
        let sorted = series[number].registers.sorted { ($0.atS, $0.row) < ($1.atS, $1.row) }
        for point in sorted {
            guard let last = kept.last, last.atS == point.atS else {
                kept.append(point)
                continue
            }
            registerCount -= 1
            if last.value == point.value {
                duplicateCount += 1
            } else {
                conflictCount += 1
                refuse(
                    row: point.row,
                    RowRefusal(
                        what: "the register reads \(last.value) \(series[number].channel.unitName) at that time "
                            + "already, not \(point.value)", hint: "keep one row for a meter and stamp"), text: "")
            }
        }
        series[number].registers = kept
    }

    private mutating func difference(_ number: Int, _ rules: RegisterDifferences) throws {
        let result = rules.intervals(series[number].registers)
        for refusal in result.refused { refuse(row: refusal.row, refusal.refusal, text: "") }
        for item in result.intervals {
            do {
                try take(
                    number, startS: item.startS, periodS: result.periodS, value: item.value, code: item.code,
                    row: item.row)
            } catch let refusal as RowRefusal { refuse(row: item.row, refusal, text: "") }
        }
        notes += result.notes.map { "\(meters[series[number].meter]): \($0)" }
    }

    /// Days in order. A day of two periods takes the longer: amounts of the shorter add up exactly where all their
    /// parts are there, and everything else of the shorter is set aside.
    private mutating func settledDays(_ number: Int) -> [SeriesDay] {
        var grids = series[number].days
        series[number].days = []
        series[number].indexOfDay = [:]
        grids.sort { ($0.day, -$0.periodS) < ($1.day, -$1.periodS) }
        var days: [SeriesDay] = []
        for grid in grids {
            if let last = days.last, last.day.number == grid.day {
                days[days.count - 1] = merge(last, grid, series[number].channel)
            } else {
                days.append(
                    SeriesDay(
                        day: CivilDay(number: grid.day), periodS: Int(grid.periodS),
                        values: grid.values.map { $0 == MeterLoad.absent ? nil : $0 }, codes: grid.codes,
                        rows: grid.rows))
            }
        }
        return days
    }

    private mutating func merge(_ day: SeriesDay, _ finer: DayGrid, _ channel: Channel) -> SeriesDay {
        var merged = day
        let parts = day.periodS / Int(finer.periodS)
        var lost = 0
        for slot in merged.values.indices {
            let range = slot * parts..<(slot + 1) * parts
            let present = range.filter { finer.values.indices.contains($0) && finer.values[$0] != MeterLoad.absent }
            guard !present.isEmpty else { continue }
            let sum = present.reduce(Int64(0)) { $0 + Int64(finer.values[$1]) }
            let worst = present.map { finer.codes[$0] }.min {
                codes[Int($0)].quality < codes[Int($1)].quality
            }
            if present.count == parts, channel.isAmount, day.periodS % Int(finer.periodS) == 0,
                merged.values[slot] == nil, let value = Int32(exactly: sum)
            {
                merged.values[slot] = value
                merged.codes[slot] = worst ?? 0
                valueCount -= parts - 1
            } else if merged.values[slot].map({ Int64($0) }) == sum, present.count == parts, channel.isAmount {
                duplicateCount += present.count
                valueCount -= present.count
            } else {
                lost += present.count
                valueCount -= present.count
            }
        }
        if lost > 0 {
            refuse(
                row: finer.rows.lowerBound,
                RowRefusal(
                    what:
                        "\(lost) values of \(day.day) every \(finer.periodS / 60) minutes do not make whole intervals "
                        + "of \(day.periodS / 60) minutes, which the day has too",
                    hint: "give the whole day in one interval"), text: "")
        }
        mergedDayCount += 1
        merged.rows =
            min(day.rows.lowerBound, finer.rows.lowerBound)...max(day.rows.upperBound, finer.rows.upperBound)
        return merged
    }
}
