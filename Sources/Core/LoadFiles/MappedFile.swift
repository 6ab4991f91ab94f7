// CSV by a column mapping: rows to points of meters and channels in any order; intervals are found from the stamps
// day by day when the file ends. The plain reader (LoadFileParser) stays for wide and long files of kWh.
import CivilTime
import IntervalData

/// Feed it the bytes of a CSV in order, then `finish`.
public struct MappedFileParser {
    private let file: String
    private let limits: LoadFileLimits
    private let options: ReadingOptions
    private let declared: ColumnMapping?
    private var cutter: LineCutter
    private var builder: ReadingSetBuilder
    private var points: SeriesPoints
    private var columns: MappedColumns?
    private var cells: [Range<Int>] = []
    /// The last row's meter, so that a name is made into text once for many rows.
    private var lastName: [UInt8] = []
    private var lastMeter = ""
    private var seriesOf: [SeriesKey: Int] = [:]

    private struct SeriesKey: Hashable {
        var meter: String
        var channel: Int64
        var isRegister: Bool
    }

    /// - Parameters:
    ///   - zone: of the company's days.
    ///   - mapping: nil reads it off the header.
    public init(
        file: String, zone: Zone, mapping: ColumnMapping?, options: ReadingOptions = ReadingOptions(),
        limits: LoadFileLimits = .standard
    ) {
        (self.file, self.declared, self.options, self.limits) = (file, mapping, options, limits)
        cutter = LineCutter(file: file, limits: limits)
        builder = ReadingSetBuilder(file: file, zone: zone, limits: limits)
        points = SeriesPoints(file: file, limits: limits)
    }

    /// Whether a header needs this reader and no plain one.
    public static func isWanted(_ start: [UInt8], options: ReadingOptions, zone: Zone) -> Bool {
        // The clock of a zone with summer time shows an hour twice; the plain reader takes the first of both.
        if !options.isPlain || zone.hasChanges { return true }
        guard let line = start.split(separator: 0x0A).first else { return false }
        guard let names = try? MappedColumns.names(Array(line), separator: nil) else { return false }
        return ColumnMapping.inferred(names.names, options: options, isForced: false) != nil
    }

    public mutating func feed(_ bytes: [UInt8]) throws(LoadFileError) {
        do {
            // In pieces, as the lines of each are held at once.
            for start in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
                var lines: [(Int, [UInt8])] = []
                let piece = bytes[start..<min(bytes.count, start + Self.pieceBytes)]
                try cutter.feed(Array(piece)) { lines.append(($0, $1)) }
                for (row, line) in lines { try take(row, line) }
            }
        } catch { throw told(error) }
    }
    private static let pieceBytes = 1 << 20

    public mutating func finish() throws(LoadFileError) -> ReadingSet {
        do {
            var lines: [(Int, [UInt8])] = []
            try cutter.finish { lines.append(($0, $1)) }
            for (row, line) in lines { try take(row, line) }
            guard let columns else {
                throw LoadFileError(place: file, what: "the file is empty", hint: "give a header line and rows")
            }
            guard builder.rowCount > 0 else { throw LoadFileError.noRows(file) }
            try points.settle(into: &builder, side: columns.side, periodS: columns.periodS ?? options.periodS)
            var rules = RegisterDifferences()
            rules.periodS = columns.periodS ?? options.periodS
            if let digits = columns.digits ?? options.registerDigits, (1...15).contains(digits) {
                rules.modulus = (0..<digits).reduce(1_000) { whole, _ in whole * 10 }
            }
            return try builder.finish(.mappedCSV, differences: rules)
        } catch { throw told(error) }
    }

    private func told(_ error: any Error) -> LoadFileError {
        if let refusal = error as? RowRefusal {
            return LoadFileError(place: "\(file):1", what: refusal.what, hint: refusal.hint)
        }
        return (error as? LoadFileError) ?? LoadFileError(place: file, what: "cannot be read", hint: "\(error)")
    }

    private mutating func take(_ row: Int, _ line: [UInt8]) throws {
        guard let columns else {
            self.columns = try MappedColumns(
                line, mapping: declared, options: options, zone: builder.zone, limits: limits)
            return
        }
        builder.rowCount += 1
        guard builder.rowCount <= limits.rows else {
            throw LoadFileError(place: "\(file):\(row)", what: "more than \(limits.rows) rows", hint: "split the file")
        }
        do {
            Fields.split(line, separator: columns.separator, into: &cells)
            guard cells.count == columns.names.count else {
                throw RowRefusal(
                    what: "\(cells.count) cells under a header of \(columns.names.count)",
                    hint: "add or remove separators")
            }
            try takeRow(row, line, columns)
        } catch let refusal as RowRefusal {
            builder.refuse(row: row, refusal, text: String(decoding: line, as: UTF8.self))
        }
    }

    private mutating func takeRow(_ row: Int, _ line: [UInt8], _ columns: MappedColumns) throws {
        let moment = try columns.stamp.moment(line, cells)
        let code = try quality(line, columns)
        guard let code else { return }
        // The row is read whole before anything of it is kept.
        var found: [(series: Int, value: Int64, isRounded: Bool)] = []
        var rounded = 0
        for value in columns.values {
            let number: DecimalNumber
            switch DecimalNumber.read(line, cells[value.column]) {
            case .absent:
                if !cells[value.column].isEmpty { builder.words.see(row: row) }
                continue
            case .number(let read): number = read
            case .bad:
                throw RowRefusal(
                    what: "\"\(Fields.text(line, cells[value.column]).prefix(40))\" under "
                        + "\(columns.names[value.column].prefix(40)) is not a decimal number",
                    hint: "write a number such as 0.125")
            }
            let name = try meterName(line, columns) + value.suffix
            let (channel, fileScale, isPower) = try columns.meaning(of: value, line, cells)
            let scale = options.scale(fileScale, ofMeter: name)
            guard let (whole, isRounded) = scale.whole(number) else {
                throw RowRefusal(
                    what: "\"\(Fields.text(line, cells[value.column]).prefix(40))\" under "
                        + "\(columns.names[value.column].prefix(40)) is too large",
                    hint: "look at the unit and the multiplier")
            }
            // Of power the energy that is made of it later is what is rounded.
            if isRounded, !isPower { rounded += 1 }
            found.append(
                (try series(name, channel, isRegister: value.isRegister, isPower: isPower), whole, isRounded))
        }
        for item in found {
            let atS = try instant(moment, item.series, builder.zone, columns)
            try points.add(item.series, atS: atS, value: item.value, isRounded: item.isRounded, code: code, row: row)
        }
        builder.roundedCount += rounded
    }

    private mutating func quality(_ line: [UInt8], _ columns: MappedColumns) throws -> UInt8? {
        guard let quality = columns.quality else { return 0 }
        let text = Fields.text(line, cells[quality.column])
        let lower = text.lowercased()
        if quality.missing.contains(lower) {
            if builder.codesWithoutValue.count < 100 || builder.codesWithoutValue[text] != nil {
                builder.codesWithoutValue[text, default: 0] += 1
            }
            return nil
        }
        let meaning: Quality =
            quality.estimated.contains(lower) ? .estimated : quality.edited.contains(lower) ? .edited : .actual
        return try builder.code(SenderCode(text, meaning))
    }

    private mutating func meterName(_ line: [UInt8], _ columns: MappedColumns) throws -> String {
        guard let column = columns.meter else { return columns.meterName }
        let cell = cells[column]
        if lastName.count != cell.count || !lastName.elementsEqual(line[cell]) {
            lastName = Array(line[cell])
            guard !cell.isEmpty, cell.count <= 100, let text = String(validating: line[cell], as: UTF8.self) else {
                lastName = []
                throw RowRefusal(
                    what: "the meter's id is empty, long or no UTF-8", hint: "give 1 to 100 characters of UTF-8")
            }
            lastMeter = text
        }
        return lastMeter
    }

    private mutating func series(_ name: String, _ channel: Channel, isRegister: Bool, isPower: Bool) throws -> Int {
        let key = SeriesKey(meter: name, channel: channel.rawValue, isRegister: isRegister)
        if let known = seriesOf[key] { return known }
        let number = try builder.series(name, channel)
        seriesOf[key] = points.addSeries(
            number, isRegister: isRegister, isPower: isPower, periodS: declared?.guess?.periodS(of: name))
        return points.count - 1
    }

    /// The instant of a wall clock. What the clock shows twice is the later one once the series has passed the first.
    private mutating func instant(
        _ moment: StampColumns.Moment, _ series: Int, _ zone: Zone, _ columns: MappedColumns
    ) throws -> Int64 {
        let stampZone = columns.stamp.zone
        if let offsetS = moment.offsetS { return moment.localS - offsetS }
        guard let first = Fields.instantS(Fields.Stamp(localS: moment.localS, offsetS: nil), zone: stampZone) else {
            throw RowRefusal(
                what: "the clock of \(stampZone.identifier) never showed that time", hint: "it was set forward there")
        }
        guard stampZone.hasChanges else { return first }
        let second = moment.localS - stampZone.offsetS(atS: first + 10_800)
        guard second > first, second + stampZone.offsetS(atS: second) == moment.localS,
            let last = points.last(series), first <= last, second > last
        else { return first }
        return second
    }
}

extension Zone {
    /// Whether its clocks are ever changed, as far as the years around now tell.
    var hasChanges: Bool {
        (0..<25).contains { year in
            let january = Int64(946_684_800) + Int64(year) * 31_557_600
            return offsetS(atS: january) != offsetS(atS: january + 15_778_800)
        }
    }
}
