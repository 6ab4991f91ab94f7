// Reads a load file piece by piece: lines to rows, rows to slots of civil days. Layout and capture period are found
// from the file itself. A bad row is set aside with its place, reason and hint; a bad file throws. It opens no file.
import CivilTime

/// Feed it the bytes of a load file in order, then `finish`. Memory is bounded by `LoadFileLimits`.
public struct LoadFileParser: Sendable {
    /// Whether a stamp names the start or the end of its slot.
    public enum StampSide: Sendable { case start, end }

    private let file: String
    private let zone: Zone
    private let limits: LoadFileLimits
    private var side: StampSide?
    private let isPeriodSaid: Bool
    private var periodS: Int?
    private var header: Header?
    private var pending: [UInt8] = []
    private var byteCount = 0
    private var lineNumber = 0
    /// Rows read before the capture period is known.
    private var waiting: [(row: Int, line: [UInt8])] = []
    private var survey = PeriodSurvey()

    private var meters: [String] = []
    private var meterIndex: [String: Int] = [:]
    private var loads: [MeterLoad] = []
    private var slotTotal = 0
    private var refused: [RefusedRow] = []
    private var refusedCount = 0
    private var rowCount = 0
    private var valueCount = 0
    private var roundedCount = 0
    private var negatives = SeenValues()
    private var words = SeenValues()
    private var blanks = SeenSlots()
    private var finer = FinerRows()
    private var cells: [Range<Int>] = []
    private var rowValues: [Int32] = []
    /// Once the header and the capture period of a long file are known.
    private var longRows: LongRows?
    /// Whether rows may be placed later than they came. Then a conflict shows only as `needsOrder`.
    private let waitsForOthers: Bool
    private let takesShortWay: Bool
    private var laterRows: [LaterRow]
    private var laterCounts = [Int](repeating: 0, count: LoadFileParser.laterBuckets)
    private var lastMeter = -1
    /// Something was met that only reading row by row tells of rightly: read the file anew so.
    private(set) var needsOrder = false

    /// - Parameters:
    ///   - file: the name to report places with.
    ///   - zone: the zone whose days are built, and of stamps that name no offset.
    ///   - periodS: the capture period when known; nil finds the most frequent step of the stamps.
    ///   - stamps: nil takes the start of the slot unless the head of the stamp column says `end`.
    public init(
        file: String, zone: Zone, periodS: Int? = nil, stamps: StampSide? = nil, limits: LoadFileLimits = .standard
    ) {
        self.init(file: file, zone: zone, periodS: periodS, stamps: stamps, limits: limits, way: .short)
    }

    /// How rows of long files are read. `long` is what the others are measured by.
    enum Way { case long, short, shortAndLater }

    init(file: String, zone: Zone, periodS: Int?, stamps: StampSide?, limits: LoadFileLimits, way: Way) {
        waitsForOthers = way == .shortAndLater
        takesShortWay = way != .long
        laterRows = Self.laterRows(way == .shortAndLater)
        self.file = file
        self.zone = zone
        self.periodS = periodS
        isPeriodSaid = periodS != nil
        self.limits = limits
        side = stamps
    }

    /// Takes the next bytes of the file, cut anywhere.
    public mutating func feed(_ bytes: [UInt8]) throws(LoadFileError) { try feed(bytes[...]) }

    /// Takes the next bytes of the file, cut anywhere.
    public mutating func feed(_ bytes: ArraySlice<UInt8>) throws(LoadFileError) {
        // The closure of the library takes no typed error.
        let outcome = bytes.withUnsafeBufferPointer { (piece) -> Result<Void, LoadFileError> in
            do throws(LoadFileError) { return .success(try feed(piece)) } catch { return .failure(error) }
        }
        try outcome.get()
    }

    mutating func feed(_ piece: UnsafeBufferPointer<UInt8>) throws(LoadFileError) {
        byteCount += piece.count
        guard byteCount <= limits.bytes else { throw tooMuch("bytes", limits.bytes) }
        var start = 0
        while let end = endOfLine(piece, from: start) {
            if pending.isEmpty, let next = takePlain(piece, start..<end) {
                start = next
                continue
            }
            pending += piece[start..<end]
            try takePending()
            start = end + 1
        }
        pending += piece[start...]
        try checkLength()
    }

    /// Puts a value into a free slot. False when nothing was done: the slot holds another one, or too many are there.
    private mutating func place(_ meter: Int, _ day: Int32, _ slot: Int, _ wh: Int32) -> Bool {
        guard let index = self.day(meter, day) else { return false }
        let held = loads[meter].value(index, slot)
        guard held == MeterLoad.absent else { return held == wh }
        loads[meter].set(index, slot, wh)
        valueCount += 1
        return true
    }

    /// The index of a plain day, added when the meter has nothing of it. Nil when there are too many slots.
    private mutating func day(_ meter: Int, _ day: Int32) -> Int? {
        if let index = loads[meter].find(day) { return index }
        let slots = 86400 / (periodS ?? 86400)
        guard slotTotal + slots <= limits.slots else { return nil }
        slotTotal += slots
        return loads[meter].add(day, slots: slots)
    }

    /// Places the rows that waited, meters that lie together at once.
    private mutating func takeLaterRows(_ bucket: Int) {
        let first = bucket * Self.laterRoom
        for index in first..<first + laterCounts[bucket] {
            let row = laterRows[index]
            if !place(Int(row.meter), row.day, Int(row.slot), row.wh) { needsOrder = true }
        }
        laterCounts[bucket] = 0
    }

    private mutating func takeLaterRows() {
        for bucket in laterCounts.indices { takeLaterRows(bucket) }
    }

    private static let laterBuckets = 256
    /// Rows that wait in each.
    private static let laterRoom = 4_096

    private static func laterRows(_ isWanted: Bool) -> [LaterRow] {
        isWanted
            ? Array(repeating: LaterRow(meter: 0, day: 0, slot: 0, wh: 0), count: laterBuckets * laterRoom) : []
    }

    /// A plain row of a long file, the short way, and those behind it that are written alike. Where the next line
    /// begins, or nil when nothing was done.
    private mutating func takePlain(_ piece: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Int? {
        guard takesShortWay, longRows != nil, rowCount < limits.rows, line.count <= limits.lineBytes, !line.isEmpty
        else { return nil }
        let end = piece[line.upperBound - 1] == 0x0D ? line.upperBound - 1 : line.upperBound
        guard let row = longRows?.read(piece, line.lowerBound..<end) else { return nil }
        let meter: Int
        if let known = row.meter {
            meter = known
        } else {
            let name = String(decoding: piece[row.id], as: UTF8.self)
            guard name.utf8.count <= 100, let found = try? self.meter(name) else { return nil }
            longRows?.remember(found, id: row.id, in: piece)
            meter = found
        }
        guard take(meter, row.day, row.slot, row.wh) else { return nil }
        lineNumber += 1
        rowCount += 1
        return takeAlike(piece, line.lowerBound..<end, row, meter, from: line.upperBound + 1)
    }

    /// Puts a value into its place now or later. False when nothing was done.
    private mutating func take(_ meter: Int, _ day: Int32, _ slot: Int, _ wh: Int32) -> Bool {
        defer { lastMeter = meter }
        guard waitsForOthers, meter != lastMeter else { return place(meter, day, slot, wh) }
        // Rows of many meters in turn wait for others of theirs, or each would fetch its day from far memory.
        let bucket = meter & (Self.laterBuckets - 1)
        laterRows[bucket * Self.laterRoom + laterCounts[bucket]] =
            LaterRow(meter: UInt32(meter), day: day, slot: UInt32(slot), wh: wh)
        laterCounts[bucket] += 1
        if laterCounts[bucket] == Self.laterRoom { takeLaterRows(bucket) }
        return true
    }

    /// Rows behind a plain one that are written as it is. Where the first other line begins.
    private mutating func takeAlike(
        _ piece: UnsafeBufferPointer<UInt8>, _ line: Range<Int>, _ row: LongRows.Row, _ meter: Int, from start: Int
    ) -> Int {
        guard line.count + 12 <= limits.lineBytes, var shape = longRows?.shape(piece, line, row),
            var rows = longRows.take()
        else { return start }
        var (meter, day, next) = (meter, row.day, start)
        while next <= shape.last, rowCount < limits.rows {
            let before = next
            if shape.isContinued(piece, at: next) {
                next = takeRun(piece, shape, rows, meter, day, from: next)
            } else if let known = rows.meterAndDay(piece, at: next, of: shape),
                let found = rows.next(piece, at: next, of: shape), take(known.meter, known.day, found.slot, found.wh)
            {
                shape.head = next
                (meter, day, next) = (known.meter, known.day, found.next)
                lineNumber += 1
                rowCount += 1
            }
            if next == before { break }
        }
        longRows = rows
        return next
    }

    /// Rows of one meter and day.
    private mutating func takeRun(
        _ piece: UnsafeBufferPointer<UInt8>, _ shape: LongRows.Shape, _ rows: borrowing LongRows, _ meter: Int,
        _ day: Int32, from start: Int
    ) -> Int {
        guard let index = self.day(meter, day) else { return start }
        lastMeter = meter
        var next = start
        var taken = 0
        var placed = 0
        let most = limits.rows - rowCount
        loads[meter].withValues(of: index) { values in
            while taken < most, next <= shape.last, shape.isContinued(piece, at: next),
                let found = rows.next(piece, at: next, of: shape)
            {
                let held = values[found.slot]
                if held == MeterLoad.absent {
                    values[found.slot] = found.wh
                    placed += 1
                } else if held != found.wh {
                    break
                }
                next = found.next
                taken += 1
            }
        }
        valueCount += placed
        lineNumber += taken
        rowCount += taken
        return next
    }

    /// Ends the file and hands over what it held.
    public mutating func finish() throws(LoadFileError) -> LoadFile {
        if !pending.isEmpty { try takePending() }
        takeLaterRows()
        guard let header else {
            throw LoadFileError(place: file, what: "the file is empty", hint: "give a header line and rows")
        }
        guard rowCount > 0 else { throw LoadFileError.noRows(file) }
        if periodS == nil { try settlePeriod() }
        guard let periodS, valueCount > 0 else {
            let first = refused.first.map { "no row could be taken; the first refusal: \($0.description)" }
            throw LoadFileError(
                place: file, what: first ?? "no row could be taken",
                hint: "give a stamp and a column per meter (wide), or id, stamp and kWh (long)")
        }
        let guess =
            isPeriodSaid
            ? nil : ColumnMapping.Guess(finer, loads, meters, periodS: periodS, hasGaps: valueCount < slotTotal)
        return LoadFile(
            file: file, layout: header.layout, zone: zone, periodS: periodS, meters: meters, refused: refused,
            refusedCount: refusedCount, rowCount: rowCount, valueCount: valueCount, roundedCount: roundedCount,
            negatives: negatives, words: words, blanks: blanks,
            dayByDay: guess.map { ColumnMapping(header, isAtEnd: side == .end, guess: $0) }, loads: loads)
    }

    private func tooMuch(_ what: String, _ limit: Int) -> LoadFileError {
        LoadFileError(
            place: lineNumber > 0 ? "\(file):\(lineNumber)" : file, what: "more than \(limit) \(what)",
            hint: "split the file")
    }

    private func checkLength() throws(LoadFileError) {
        guard pending.count <= limits.lineBytes else { throw tooMuch("bytes in a line", limits.lineBytes) }
    }

    private mutating func takePending() throws(LoadFileError) {
        lineNumber += 1
        try checkLength()
        var line: [UInt8] = []
        swap(&line, &pending)
        defer {
            line.removeAll(keepingCapacity: true)
            if pending.isEmpty { swap(&line, &pending) }
        }
        if line.last == 0x0D { line.removeLast() }
        if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return }
        guard header != nil else { return try takeHeader(line) }
        rowCount += 1
        guard rowCount <= limits.rows else { throw tooMuch("rows", limits.rows) }
        if periodS != nil { return try take(line, row: lineNumber) }
        waiting.append((lineNumber, line))
        look(line)
        // Enough steps seen, or so many rows that waiting longer would only cost memory.
        if survey.stepCount >= 200 || waiting.count >= 250_000 { try settlePeriod() }
    }

    private mutating func takeHeader(_ line: [UInt8]) throws(LoadFileError) {
        let found = try Header.read(line, place: "\(file):\(lineNumber)", limits: limits)
        header = found
        if side == nil { side = found.saysEnd ? .end : .start }
        if let periodS { longRows = LongRows(header: found, zone: zone, periodS: periodS, side: side) }
        if found.layout == .wide {
            for name in found.names.dropFirst() { try _ = meter(name) }
        }
    }

    private mutating func meter(_ name: String) throws(LoadFileError) -> Int {
        if let index = meterIndex[name] { return index }
        guard meters.count < limits.meters else { throw tooMuch("meters", limits.meters) }
        meterIndex[name] = meters.count
        meters.append(name)
        loads.append(MeterLoad())
        return meters.count - 1
    }

    // MARK: Parts of a file

    /// Whether what comes next can be read without knowing what came.
    var canBeContinued: Bool { header != nil && periodS != nil }
    var lineBytesMax: Int { limits.lineBytes }

    /// A reader for a later part of the file, beginning at a line. It knows the meters known by now and nothing of
    /// them.
    func continuation() -> LoadFileParser {
        var next = self
        next.pending = []
        next.byteCount = 0
        next.lineNumber = 0
        next.loads = Array(repeating: MeterLoad(), count: meters.count)
        next.slotTotal = 0
        next.refused = []
        next.refusedCount = 0
        next.rowCount = 0
        next.valueCount = 0
        next.roundedCount = 0
        next.negatives = SeenValues()
        next.words = SeenValues()
        next.blanks = SeenSlots()
        next.finer = FinerRows()
        next.needsOrder = false
        next.laterCounts = Array(repeating: 0, count: Self.laterBuckets)
        next.laterRows = Self.laterRows(waitsForOthers)
        return next
    }

    /// Ends a part: nothing is left over for the next one.
    mutating func endPart() throws(LoadFileError) {
        if !pending.isEmpty { try takePending() }
        takeLaterRows()
    }

    /// Takes over what the reader of the next part has found. False when reading row by row could give something else.
    mutating func append(_ part: LoadFileParser) -> Bool {
        guard !part.needsOrder, refusedCount + part.refusedCount <= limits.refusedRows,
            rowCount + part.rowCount <= limits.rows, byteCount + part.byteCount <= limits.bytes
        else { return false }
        for (index, name) in part.meters.enumerated() {
            guard let meter = try? meter(name) else { return false }
            for (day, values) in part.loads[index].days {
                guard let mine = loads[meter].find(day) else {
                    slotTotal += values.count
                    guard slotTotal <= limits.slots else { return false }
                    _ = loads[meter].add(day, values: values)
                    continue
                }
                var twice = 0
                var isWell = true
                loads[meter].withValues(of: mine) { held in
                    for (slot, wh) in values.enumerated() where wh != MeterLoad.absent {
                        if held[slot] == MeterLoad.absent {
                            held[slot] = wh
                        } else {
                            twice += 1
                            isWell = isWell && held[slot] == wh
                        }
                    }
                }
                valueCount -= twice
                guard isWell else { return false }
            }
        }
        for var row in part.refused {
            row.row += lineNumber
            refused.append(row)
        }
        refusedCount += part.refusedCount
        negatives.see(row: part.negatives.firstRow + lineNumber, count: part.negatives.count)
        words.see(row: part.words.firstRow + lineNumber, count: part.words.count)
        blanks.see(part.blanks)
        lineNumber += part.lineNumber
        byteCount += part.byteCount
        rowCount += part.rowCount
        valueCount += part.valueCount
        roundedCount += part.roundedCount
        return true
    }

    // MARK: Capture period

    /// Notes the stamp of a row that waits.
    private mutating func look(_ line: [UInt8]) {
        guard let header else { return }
        Fields.split(line, separator: header.separator, into: &cells)
        guard cells.count == header.names.count, let stamp = Fields.stamp(line, cells[header.stampColumn]) else {
            return
        }
        let key = header.idColumn.map { Fields.text(line, cells[$0]) } ?? ""
        survey.see(key, instantS: stamp.localS - (stamp.offsetS ?? 0))
    }

    private mutating func settlePeriod() throws(LoadFileError) {
        guard let step = survey.mostFrequentStepS else {
            let reason =
                survey.stampCount == 0 ? "no row has a stamp that can be read" : "no two rows tell the capture period"
            throw LoadFileError(
                place: file, what: reason,
                hint: "give stamps as 2009-03-01T00:30:00Z or 2012-02-10 08:00:00, or the period")
        }
        guard step >= 60, step % 60 == 0, 3600 % step == 0 else {
            throw LoadFileError(
                place: file, what: "the rows are \(step) s apart",
                hint: "intervals are whole minutes that divide an hour")
        }
        periodS = step
        let rows = waiting
        waiting = []
        for (row, line) in rows { try take(line, row: row) }
        longRows = header.flatMap { LongRows(header: $0, zone: zone, periodS: step, side: side) }
    }

    // MARK: Rows

    private struct Refusal: Error {
        var what: String
        var hint: String
    }

    private mutating func take(_ line: [UInt8], row: Int) throws(LoadFileError) {
        guard let header, let periodS else { return }
        Fields.split(line, separator: header.separator, into: &cells)
        do {
            guard cells.count == header.names.count else {
                throw Refusal(
                    what: "\(cells.count) cells under a header of \(header.names.count)",
                    hint: "add or remove separators")
            }
            let place = try place(line, header, periodS: periodS)
            if let idColumn = header.idColumn, let valueColumn = header.valueColumn {
                try takeLong(
                    line, header: header, id: cells[idColumn], value: cells[valueColumn], place: place, row: row)
            } else {
                try takeWide(line, header: header, place: place, row: row)
            }
        } catch let refusal as Refusal {
            refusedCount += 1
            guard refused.count < limits.refusedRows else { return }
            refused.append(
                RefusedRow(
                    file: file, row: row, what: refusal.what, hint: refusal.hint,
                    text: String(decoding: line, as: UTF8.self)))
        } catch let error as LoadFileError {
            throw error
        } catch {
            throw LoadFileError(place: "\(file):\(row)", what: "cannot be read", hint: "\(error)")
        }
    }

    private struct Place {
        var day: Int32
        var slot: Int
        var slotCount: Int
    }

    private mutating func place(_ line: [UInt8], _ header: Header, periodS: Int) throws -> Place {
        let cell = cells[header.stampColumn]
        guard let stamp = Fields.stamp(line, cell) else {
            throw Refusal(
                what: "\"\(Fields.text(line, cell).prefix(40))\" is not a stamp",
                hint: "write 2009-03-01T00:30:00Z or 2012-02-10 08:00:00")
        }
        guard var instant = Fields.instantS(stamp, zone: zone) else {
            throw Refusal(
                what: "\(Fields.text(line, cell)) does not exist in \(zone.identifier)",
                hint: "the clock was set forward there")
        }
        if side == .end { instant -= Int64(periodS) }
        let day = zone.day(atS: instant)
        let sinceMidnight = instant - zone.startS(of: day)
        let slot = Int(sinceMidnight) / periodS
        let slotCount = zone.slotCount(of: day, periodS: Int64(periodS))
        guard sinceMidnight >= 0, sinceMidnight % Int64(periodS) == 0, slot < slotCount else {
            noteOffGrid(line, header, day: day.number, slot: slot, offsetS: Int(sinceMidnight) % periodS)
            throw Refusal(
                what: "\(Fields.text(line, cell)) is not on the grid of \(periodS / 60) minutes",
                hint: side == .end
                    ? "give one row for each slot, stamped at its end"
                    : "give one row for each slot, stamped at its start")
        }
        return Place(day: day.number, slot: slot, slotCount: slotCount)
    }

    /// Notes a row between two slots: where a value stands at the start of the slot, rows may be closer than that.
    private mutating func noteOffGrid(_ line: [UInt8], _ header: Header, day: Int32, slot: Int, offsetS: Int) {
        guard let periodS, offsetS > 0, DayPeriods.isPeriod(FinerRows.greatestDivisor(offsetS, periodS)) else { return }
        var asked = loads.indices
        if let idColumn = header.idColumn {
            guard let meter = meterIndex[Fields.text(line, cells[idColumn])] else { return }
            asked = meter..<meter + 1
        }
        // Rows that wait for others are not in their places yet: then the file is read anew.
        let isHeld =
            waitsForOthers
            || asked.contains { meter in
                guard let at = loads[meter].find(day) else { return false }
                return slot < loads[meter].days[at].values.count && loads[meter].value(at, slot) != MeterLoad.absent
            }
        if isHeld, finer.see(meter: asked.count == 1 ? asked.lowerBound : nil, day: day), waitsForOthers {
            needsOrder = true
        }
    }

    private mutating func energy(
        _ line: [UInt8], _ cell: Range<Int>, column: String, row: Int
    ) throws -> Fields.Number {
        let number = Fields.energyWh(line, cell)
        if case .absent = number, !cell.isEmpty { words.see(row: row) }
        if case .bad(let what) = number {
            throw Refusal(
                what: "\"\(Fields.text(line, cell).prefix(40))\" under \(column.prefix(40)) \(what)",
                hint: "write kWh such as 0.125")
        }
        return number
    }

    private mutating func takeLong(
        _ line: [UInt8], header: Header, id: Range<Int>, value: Range<Int>, place: Place, row: Int
    ) throws {
        let name = Fields.text(line, id)
        guard !name.isEmpty, name.utf8.count <= 100 else {
            throw Refusal(what: "the meter's id is empty or long", hint: "give 1 to 100 characters")
        }
        guard case .wh(let wh, let rounded) = try energy(line, value, column: header.valueName, row: row) else {
            return blanks.see(place.day, place.slot)
        }
        let meter = try meter(name)
        if try checkFree(meter, place, wh) { try write(meter, place, wh, rounded: rounded, row: row) }
    }

    private mutating func takeWide(_ line: [UInt8], header: Header, place: Place, row: Int) throws {
        // All or nothing: the row is read and checked whole before anything of it is written.
        rowValues.removeAll(keepingCapacity: true)
        var rounded = 0
        for column in 1..<cells.count {
            switch try energy(line, cells[column], column: header.names[column], row: row) {
            case .wh(let wh, let wasRounded):
                rowValues.append(try checkFree(column - 1, place, wh) ? wh : MeterLoad.absent)
                if wasRounded { rounded += 1 }
            default: rowValues.append(MeterLoad.absent)
            }
        }
        if rowValues.allSatisfy({ $0 == MeterLoad.absent }) { blanks.see(place.day, place.slot) }
        for (meter, wh) in rowValues.enumerated() where wh != MeterLoad.absent {
            try write(meter, place, wh, rounded: false, row: row)
        }
        roundedCount += rounded
    }

    /// True when the slot is free, false when it already holds the same value.
    private mutating func checkFree(_ meter: Int, _ place: Place, _ wh: Int32) throws -> Bool {
        guard let day = loads[meter].find(place.day) else { return true }
        let held = loads[meter].value(day, place.slot)
        if held == MeterLoad.absent { return true }
        guard held == wh else {
            throw Refusal(
                what: "meter \(meters[meter].prefix(40)) already has \(held) Wh there, not \(wh)",
                hint: "keep one row for a meter and stamp")
        }
        return false
    }

    private mutating func write(_ meter: Int, _ place: Place, _ wh: Int32, rounded: Bool, row: Int)
        throws(LoadFileError)
    {
        let day: Int
        if let found = loads[meter].find(place.day) {
            day = found
        } else {
            slotTotal += place.slotCount
            guard slotTotal <= limits.slots else { throw tooMuch("slots", limits.slots) }
            day = loads[meter].add(place.day, slots: place.slotCount)
        }
        loads[meter].set(day, place.slot, wh)
        valueCount += 1
        if rounded { roundedCount += 1 }
        if wh < 0 { negatives.see(row: row) }
    }
}
