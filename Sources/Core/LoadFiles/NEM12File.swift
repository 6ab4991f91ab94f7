// NEM12 of AEMO's meter data file format: 100 header, 200 stream, 300 a day, 400 qualities of its parts, 500 register,
// 900 end. Days are those of Australian Eastern Standard Time whatever the season; they become slots of the company's
// days.
import CivilTime
import IntervalData

/// Feed it the bytes of a NEM12 file in order, then `finish`.
public struct NEM12Parser {
    /// Whether a file that begins so is one; the header record is missing from many exports.
    public static func looksLike(_ start: [UInt8]) -> Bool {
        let line = start.split(separator: 0x0A).first { !$0.allSatisfy { $0 <= 0x20 } } ?? []
        let text = String(decoding: line.prefix(12), as: UTF8.self).replacing("\"", with: "")
        return text.hasPrefix("100,NEM12") || text.hasPrefix("200,")
    }

    private struct Stream {
        var number: Int
        var scale: ReadingScale
        var periodS: Int
        var slots: Int
    }
    /// A 300 record until all its 400 records are there.
    private struct Day {
        var row: Int
        var line: [UInt8]
        var startS: Int64
        var values: [DecimalNumber?]
        var codes: [String]
        var isVariable: Bool
    }

    private let file: String
    private let options: ReadingOptions
    private var cutter: LineCutter
    private var builder: ReadingSetBuilder
    private var cells: [Range<Int>] = []
    private var stream: Stream?
    /// Why the records of a stream are not taken.
    private var streamRefusal: RowRefusal?
    private var day: Day?
    private var suffixes: [String: String] = [:]
    private var isEnded = false
    private var hasHeader = false
    /// Standard time of the market, +10:00.
    private let offsetS: Int64

    public init(
        file: String, zone: Zone, options: ReadingOptions = ReadingOptions(), limits: LoadFileLimits = .standard
    ) {
        self.file = file
        self.options = options
        cutter = LineCutter(file: file, limits: limits)
        builder = ReadingSetBuilder(file: file, zone: zone, limits: limits)
        offsetS = 36_000
    }

    public mutating func feed(_ bytes: [UInt8]) throws(LoadFileError) {
        do {
            var lines: [(Int, [UInt8])] = []
            try cutter.feed(bytes) { lines.append(($0, $1)) }
            for (row, line) in lines { try take(row, line) }
        } catch { throw told(error) }
    }

    public mutating func finish() throws(LoadFileError) -> ReadingSet {
        do {
            var lines: [(Int, [UInt8])] = []
            try cutter.finish { lines.append(($0, $1)) }
            for (row, line) in lines { try take(row, line) }
            try settleDay()
            if hasHeader, !isEnded {
                throw LoadFileError(
                    place: file, what: "the file has a 100 record and no 900 record: its end is missing",
                    hint: "copy it again; nothing was taken")
            }
            return try builder.finish(.nem12, differences: nil)
        } catch { throw told(error) }
    }

    private func told(_ error: any Error) -> LoadFileError {
        (error as? LoadFileError) ?? LoadFileError(place: file, what: "cannot be read", hint: "\(error)")
    }

    private mutating func take(_ row: Int, _ line: [UInt8]) throws {
        Fields.split(line, separator: 0x2C, into: &cells)
        builder.rowCount += 1
        guard builder.rowCount <= builder.limits.rows else {
            throw LoadFileError(place: file, what: "more than \(builder.limits.rows) rows", hint: "split the file")
        }
        do {
            let kind = Fields.text(line, cells[0])
            if kind != "400" { try settleDay() }
            switch kind {
            case "100":
                hasHeader = true
                isEnded = false
            case "200": try takeStream(line)
            case "300": try takeDay(row, line)
            case "400": try takeQuality(line)
            case "500": try takeRegister(row, line)
            case "900": isEnded = true
            default:
                throw RowRefusal(
                    what: "\"\(kind.prefix(20))\" is no record of NEM12", hint: "records are 100 to 500 and 900")
            }
        } catch let refusal as RowRefusal {
            builder.refuse(row: row, refusal, text: String(decoding: line, as: UTF8.self))
        }
    }

    private func cell(_ line: [UInt8], _ index: Int) -> String {
        index < cells.count ? Fields.text(line, cells[index]) : ""
    }

    private mutating func takeStream(_ line: [UInt8]) throws {
        stream = nil
        do {
            let suffix = cell(line, 4)
            guard let period = Int(cell(line, 8)), [1, 5, 15, 30, 60].contains(period) else {
                throw RowRefusal(
                    what: "an interval length of \(cell(line, 8).prefix(10)) minutes", hint: "give 5, 15 or 30")
            }
            guard let unit = ReadingUnit(text: cell(line, 7)) else {
                throw RowRefusal(what: "unit \(cell(line, 7).prefix(10)) is not known", hint: "give kWh, Wh, kVArh …")
            }
            guard let channel = options.channel ?? Self.channel(suffix, unit), unit.fits(channel) else {
                throw RowRefusal(
                    what: "there is no channel for stream \(suffix.prefix(10)) in \(unit.rawValue)",
                    hint: "streams E, B, Q and K of energy are taken")
            }
            let serial = cell(line, 6).isEmpty ? cell(line, 1) : cell(line, 6)
            // Two streams of one kind on one meter are two registers: the second takes a name of its own.
            let key = "\(serial) \(channel)"
            let first = suffixes[key] ?? suffix
            suffixes[key] = first
            let name = options.meter ?? serial
            let own = first == suffix ? name : "\(name)-\(suffix)"
            let number = try builder.series(own, channel)
            stream = Stream(
                number: number, scale: options.scale(unit.scale(options.multiplier), ofMeter: own),
                periodS: period * 60, slots: 1440 / period)
        } catch let refusal as RowRefusal {
            streamRefusal = RowRefusal(what: "its 200 record was refused: \(refusal.what)", hint: refusal.hint)
            throw refusal
        }
    }

    /// E and Q go to the customer, B and K come from it.
    private static func channel(_ suffix: String, _ unit: ReadingUnit) -> Channel? {
        switch (suffix.first, unit.quantity) {
        case ("E", .energy): .importWh
        case ("B", .energy): .exportWh
        case ("Q", .reactive): .importVarh
        case ("K", .reactive): .exportVarh
        case ("T", .apparent): .importVAh
        case ("G", .apparent): .exportVAh
        default: nil
        }
    }

    private func currentStream() throws -> Stream {
        guard let stream else {
            throw streamRefusal
                ?? RowRefusal(what: "there is no 200 record before it", hint: "begin each stream with a 200 record")
        }
        return stream
    }

    private mutating func takeDay(_ row: Int, _ line: [UInt8]) throws {
        let stream = try currentStream()
        let text = cell(line, 1)
        guard text.utf8.count == 8, let number = Int(text),
            let day = CivilDay(year: number / 10_000, month: number / 100 % 100, day: number % 100),
            number >= 19_700_102, number <= 21_001_231
        else { throw RowRefusal(what: "\"\(text.prefix(20))\" is no day", hint: "write 20171124") }
        guard cells.count >= stream.slots + 3 else {
            throw RowRefusal(
                what: "\(max(0, cells.count - 2)) fields after the day, not \(stream.slots) values and a quality",
                hint: "give a value for each interval of \(stream.periodS / 60) minutes")
        }
        var values: [DecimalNumber?] = []
        values.reserveCapacity(stream.slots)
        for index in 0..<stream.slots {
            switch DecimalNumber.read(line, cells[index + 2]) {
            case .absent:
                values.append(nil)
                if !cells[index + 2].isEmpty { builder.words.see(row: row) }
            case .number(let number): values.append(number)
            case .bad:
                throw RowRefusal(
                    what: "value \(index + 1), \"\(cell(line, index + 2).prefix(20))\", is no decimal number",
                    hint: "mend the value; nothing of the day was taken")
            }
        }
        let quality = try Self.checked(cell(line, stream.slots + 2), reason: cell(line, stream.slots + 3))
        self.day = Day(
            row: row, line: line, startS: Int64(day.number) * 86_400 - offsetS, values: values,
            codes: Array(repeating: quality, count: stream.slots), isVariable: quality.hasPrefix("V"))
    }

    /// `A`, `E52`, `F14/89`: quality, method and reason as they are kept.
    private static func checked(_ quality: String, reason: String) throws -> String {
        guard let first = quality.utf8.first, "AEFNSV".utf8.contains(first), quality.utf8.count <= 3 else {
            throw RowRefusal(
                what: "\"\(quality.prefix(10))\" is no quality", hint: "qualities are A, E, F, N, S and V with a method"
            )
        }
        return reason.isEmpty || reason == "0" ? quality : "\(quality)/\(reason.prefix(10))"
    }

    private mutating func takeQuality(_ line: [UInt8]) throws {
        guard var day else {
            throw RowRefusal(what: "there is no 300 record before it", hint: "a 400 record follows its day")
        }
        guard let first = Int(cell(line, 1)), let last = Int(cell(line, 2)), first >= 1, first <= last,
            last <= day.codes.count
        else {
            throw RowRefusal(
                what: "intervals \(cell(line, 1).prefix(6)) to \(cell(line, 2).prefix(6)) of \(day.codes.count)",
                hint: "number the intervals of the day from 1")
        }
        let quality = try Self.checked(cell(line, 3), reason: cell(line, 4))
        for index in first - 1..<last { day.codes[index] = quality }
        self.day = day
    }

    /// Takes the day that waited for its qualities.
    private mutating func settleDay() throws {
        guard let day else { return }
        self.day = nil
        let stream = try currentStream()
        var unsaid = 0
        for (index, number) in day.values.enumerated() {
            guard let first = day.codes[index].first else { continue }
            guard let number, first != "N" else {
                if first == "N" { builder.codesWithoutValue[day.codes[index], default: 0] += 1 }
                continue
            }
            if first == "V" {
                unsaid += 1
                continue
            }
            do {
                guard let (value, isRounded) = stream.scale.whole(number) else {
                    throw RowRefusal(what: "value \(index + 1) is too large", hint: "look at the unit")
                }
                if isRounded { builder.roundedCount += 1 }
                let code = try builder.code(SenderCode(day.codes[index], Self.quality(first)))
                try builder.take(
                    stream.number, startS: day.startS + Int64(index * stream.periodS), periodS: stream.periodS,
                    value: value, code: code, row: day.row)
            } catch let refusal as RowRefusal {
                builder.refuse(row: day.row, refusal, text: String(decoding: day.line, as: UTF8.self))
            }
        }
        if unsaid > 0 {
            builder.refuse(
                row: day.row,
                RowRefusal(
                    what: "\(unsaid) intervals are of varying quality and no 400 record says which",
                    hint: "give 400 records for all intervals of the day"),
                text: String(decoding: day.line, as: UTF8.self))
        }
    }

    /// A was said by the meter. E, S and F (final) were made by the market's data provider: an actual replaces them.
    private static func quality(_ letter: Character) -> Quality { letter == "A" ? .actual : .estimated }

    private mutating func takeRegister(_ row: Int, _ line: [UInt8]) throws {
        let stream = try currentStream()
        let stamp = cell(line, 3)
        let index = cell(line, 4)
        if index.isEmpty { return }
        guard stamp.utf8.count == 14, let number = Int(stamp), let value = DecimalNumber.read(index),
            let day = CivilDay(
                year: number / 10_000_000_000, month: number / 100_000_000 % 100, day: number / 1_000_000 % 100),
            number / 10_000 % 100 < 24, number / 100 % 100 < 60, number % 100 < 60
        else {
            throw RowRefusal(
                what: "\"\(stamp.prefix(20))\" and \"\(index.prefix(20))\" are no time and register",
                hint: "write 20171124093000 and a decimal number")
        }
        guard let (amount, _) = stream.scale.whole(value) else {
            throw RowRefusal(what: "the register is too large", hint: "look at the unit")
        }
        let seconds = number / 10_000 % 100 * 3600 + number / 100 % 100 * 60 + number % 100
        try builder.takeRegister(
            stream.number, atS: Int64(day.number) * 86_400 + Int64(seconds) - offsetS, value: amount, row: row)
    }
}
