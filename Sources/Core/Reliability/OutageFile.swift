// Lists of outages as files of others give them: a plain layout (id, start, end, customers, planned) and the layout of
// a watched outage map, whose ends lie between two sightings. Text in, interruptions out; reads no file.
import CivilTime

/// An outage of a file.
public struct FileOutage: Sendable, Equatable {
    public var id: String
    public var interruption: Interruption
    /// The file gives no end: it lasted until the end of what is judged at the latest.
    public var isOpen: Bool
}

/// A line that was not taken.
public struct RefusedOutage: Sendable, Equatable {
    /// The header is line 1.
    public var line: Int
    public var what: String
    public var hint: String
}

public struct OutageFile: Sendable, Equatable {
    public enum Layout: String, Sendable { case plain, watchedMap = "watched-map" }
    public static let rowsMax = 1_000_000
    public static let lineLengthMax = 20_000

    public var layout: Layout
    public var outages: [FileOutage] = []
    public var refused: [RefusedOutage] = []
    /// Outages whose end, or number of customers, is not known exactly.
    public var censoredEnds = 0
    public var vagueCustomers = 0
    /// Local times that the clock change made to happen twice.
    public var ambiguousStarts = 0
    public var open = 0

    /// Why nothing of a file can be read.
    public struct Unreadable: Error, Equatable {
        public var what: String
        public var hint: String
    }

    /// - Parameters:
    ///   - text: the file, UTF-8 (RFC 4180).
    ///   - zone: of times without an offset.
    ///   - openUntilS: until when an outage without an end may have lasted.
    public init(_ text: [UInt8], zone: Zone, openUntilS: Int64?) throws(Unreadable) {
        var rows = CSVRows(text)
        guard let header = rows.next() else {
            throw Unreadable(what: "the file is empty", hint: "The first line names the columns.")
        }
        let names = header.cells.map { $0.lowercased() }
        var columns: [String: Int] = [:]
        for (index, name) in names.enumerated() where columns[name] == nil { columns[name] = index }
        if columns["gone_by_utc"] != nil, columns["last_seen_utc"] != nil, columns["first_startdatetime"] != nil {
            layout = .watchedMap
        } else if columns["id"] != nil, columns["start"] != nil, columns["end"] != nil, columns["customers"] != nil {
            layout = .plain
        } else {
            throw Unreadable(
                what: "line 1 names none of the known layouts",
                hint: "Give the columns id,start,end,customers and, if known, planned.")
        }
        var reader = RowReader(columns: columns, zone: zone, openUntilS: openUntilS)
        var seen: Set<String> = []
        while let row = rows.next() {
            if row.cells.allSatisfy(\.isEmpty) { continue }
            guard outages.count + refused.count < Self.rowsMax else {
                throw Unreadable(what: "more than \(Self.rowsMax) rows", hint: "Split the file.")
            }
            do throws(RowTrouble) {
                guard row.isWhole else {
                    throw RowTrouble(what: "a quote is not closed, or the line is too long", hint: "See RFC 4180.")
                }
                let outage = try layout == .plain ? reader.plain(row.cells) : reader.watched(row.cells)
                guard seen.insert(outage.id).inserted else {
                    throw RowTrouble(what: "outage \(outage.id) stands in the file twice", hint: "Keep one of them.")
                }
                outages.append(outage)
            } catch {
                refused.append(RefusedOutage(line: row.line, what: error.what, hint: error.hint))
            }
        }
        for outage in outages {
            let step = outage.interruption.steps[0]
            censoredEnds += step.endS.isExact || outage.isOpen ? 0 : 1
            vagueCustomers += step.customers.isExact ? 0 : 1
            ambiguousStarts += step.startS.isExact ? 0 : 1
            open += outage.isOpen ? 1 : 0
        }
    }
}

private struct RowTrouble: Error {
    var what: String
    var hint: String
}

/// Reads the cells of one row.
private struct RowReader {
    let columns: [String: Int]
    let zone: Zone
    let openUntilS: Int64?
    /// Hundred million: more than any company serves.
    static let customersMax: Int64 = 100_000_000

    private func cell(_ name: String, _ cells: [String]) -> String {
        guard let index = columns[name], index < cells.count else { return "" }
        return cells[index]
    }

    func plain(_ cells: [String]) throws(RowTrouble) -> FileOutage {
        let start = try instants(cell("start", cells), "start")
        let endText = cell("end", cells)
        let end = endText.isEmpty ? try openEnd(after: start) : try instants(endText, "end")
        let planned = cell("planned", cells).lowercased()
        guard ["", "0", "1", "false", "true", "no", "yes"].contains(planned) else {
            throw RowTrouble(what: "planned is \(planned)", hint: "Write 1 or 0.")
        }
        return try outage(
            cell("id", cells), start, end, try customers(cell("customers", cells)),
            isPlanned: ["1", "true", "yes"].contains(planned), isOpen: endText.isEmpty)
    }

    /// Supply came back between the last sighting and the first without it. Customers are the most that were named.
    func watched(_ cells: [String]) throws(RowTrouble) -> FileOutage {
        let start = try instants(cell("first_startdatetime", cells), "first_StartDateTime")
        let seen = try instants(cell("last_seen_utc", cells), "last_seen_utc")
        let goneText = cell("gone_by_utc", cells)
        let gone = goneText.isEmpty ? try openEnd(after: start) : try instants(goneText, "gone_by_utc")
        let first = try customers(cell("first_customers", cells))
        let lastText = cell("last_customers", cells)
        let last = lastText.isEmpty ? first : try customers(lastText)
        let count = Bounded(
            low: min(first.low, last.low), likely: max(first.likely, last.likely), high: max(first.high, last.high))
        let low = max(seen.low, start.low)
        let end = Bounded(low: low, likely: low + (gone.high - low) / 2, high: gone.high)
        return try outage(cell("outage_id", cells), start, end, count, isPlanned: false, isOpen: goneText.isEmpty)
    }

    private func outage(
        _ id: String, _ start: Bounded, _ end: Bounded, _ customers: Bounded, isPlanned: Bool, isOpen: Bool
    ) throws(RowTrouble) -> FileOutage {
        guard !id.isEmpty, id.utf8.count <= 100 else {
            throw RowTrouble(what: "the row has no id", hint: "Give each outage an id of 1 to 100 octets.")
        }
        guard end.high >= start.low else {
            throw RowTrouble(what: "the outage ends before it starts", hint: "Check start and end, and --zone.")
        }
        let step = Interruption.Step(startS: start, endS: end, customers: customers)
        return FileOutage(id: id, interruption: Interruption(steps: [step], isPlanned: isPlanned), isOpen: isOpen)
    }

    private func openEnd(after start: Bounded) throws(RowTrouble) -> Bounded {
        guard let openUntilS else {
            throw RowTrouble(what: "the outage has no end", hint: "Say with --to until when it is counted.")
        }
        let end = max(openUntilS, start.high)
        return Bounded(low: start.low, likely: end, high: end)
    }

    /// `40`, `less than 10`, `<10`, `10-20`.
    private func customers(_ text: String) throws(RowTrouble) -> Bounded {
        let trouble = RowTrouble(
            what: "customers is \(text.isEmpty ? "empty" : String(text.prefix(30)))",
            hint: "Write a number, a range such as 10-20, or less than 10.")
        func number(_ text: some StringProtocol) throws(RowTrouble) -> Int64 {
            guard let value = Int64(text), (0...Self.customersMax).contains(value) else { throw trouble }
            return value
        }
        if let value = Int64(text) {
            guard (0...Self.customersMax).contains(value) else { throw trouble }
            return Bounded(value)
        }
        for prefix in ["less than ", "<"] where text.lowercased().hasPrefix(prefix) {
            let limit = try number(text.dropFirst(prefix.count))
            guard limit >= 2 else { throw trouble }
            return Bounded(low: 1, likely: limit / 2, high: limit - 1)
        }
        let ends = text.split(separator: "-")
        guard ends.count == 2 else { throw trouble }
        let (low, high) = (try number(ends[0]), try number(ends[1]))
        guard low <= high else { throw trouble }
        return Bounded(low: low, likely: low + (high - low) / 2, high: high)
    }

    /// `2023-07-01T12:34:56Z`, with an offset, or without one: then of the zone. A local hour that a clock change makes
    /// happen twice gives both.
    private func instants(_ text: String, _ name: String) throws(RowTrouble) -> Bounded {
        guard let stamp = Stamp(text) else {
            throw RowTrouble(
                what: "\(name) is \(text.isEmpty ? "empty" : String(text.prefix(30)))",
                hint: "Write a time as 2026-07-01T12:34:56, with Z or +05:30 unless it is local time.")
        }
        guard let found = stamp.instantS(zone) else {
            throw RowTrouble(
                what: "\(name) is \(text), a time that the clocks of \(zone.identifier) left out", hint: "Give UTC.")
        }
        return found
    }
}

extension OutageFile {
    /// A time as files write it: `2026-07-01T12:34:56`, seconds left out or not, with `Z`, an offset, or of the zone. A
    /// local hour that a clock change repeats gives both. Nil for what is no time, or one that clocks left out.
    public static func instantS(_ text: String, zone: Zone) -> Bounded? { Stamp(text)?.instantS(zone) }
}

/// A time as written.
private struct Stamp {
    var localS: Int64
    var offsetS: Int64?

    func instantS(_ zone: Zone) -> Bounded? {
        if let offsetS { return Bounded(localS - offsetS) }
        let found = Set([-86_400, 86_400].map { zone.offsetS(atS: localS + Int64($0)) })
            .map { localS - $0 }.filter { $0 + zone.offsetS(atS: $0) == localS }
        guard let first = found.min(), let last = found.max() else { return nil }
        return Bounded(low: first, likely: first, high: last)
    }

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 16, [UInt8(ascii: "T"), UInt8(ascii: " ")].contains(bytes[10]),
            let day = CivilDay(String(decoding: bytes[0..<10], as: UTF8.self))
        else { return nil }
        func two(_ index: Int) -> Int64? {
            guard index + 2 <= bytes.count else { return nil }
            let (tens, ones) = (Int64(bytes[index]) - 48, Int64(bytes[index + 1]) - 48)
            guard (0...9).contains(tens), (0...9).contains(ones) else { return nil }
            return tens * 10 + ones
        }
        guard let hour = two(11), let minute = two(14), hour < 24, minute < 60, bytes[13] == UInt8(ascii: ":") else {
            return nil
        }
        var next = 16
        var second: Int64 = 0
        if next < bytes.count, bytes[next] == UInt8(ascii: ":") {
            guard let value = two(17), value < 60 else { return nil }
            (second, next) = (value, 19)
            if next < bytes.count, bytes[next] == UInt8(ascii: ".") {
                next += 1
                while next < bytes.count, (48...57).contains(bytes[next]) { next += 1 }
            }
        }
        localS = Int64(day.number) * 86_400 + hour * 3_600 + minute * 60 + second
        guard next < bytes.count else { return }
        if bytes[next] == UInt8(ascii: "Z"), next + 1 == bytes.count {
            offsetS = 0
            return
        }
        guard bytes.count == next + 6, bytes[next + 3] == UInt8(ascii: ":"), let hours = two(next + 1),
            let minutes = two(next + 4), hours <= 14, minutes < 60
        else { return nil }
        switch bytes[next] {
        case UInt8(ascii: "+"): offsetS = hours * 3_600 + minutes * 60
        case UInt8(ascii: "-"): offsetS = -(hours * 3_600 + minutes * 60)
        default: return nil
        }
    }
}

/// Rows of comma separated values, quotes as RFC 4180 has them.
private struct CSVRows {
    struct Row {
        var line: Int
        var cells: [String]
        var isWhole: Bool
    }
    let text: [UInt8]
    var at: Int
    var line = 0

    init(_ text: [UInt8]) {
        self.text = text
        at = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    mutating func next() -> Row? {
        guard at < text.count else { return nil }
        line += 1
        var row = Row(line: line, cells: [], isWhole: true)
        var cell: [UInt8] = []
        var isQuoted = false
        let beginning = at
        while at < text.count {
            let byte = text[at]
            at += 1
            if at - beginning > OutageFile.lineLengthMax { row.isWhole = false }
            if isQuoted {
                if byte == UInt8(ascii: "\n") { line += 1 }
                guard byte == UInt8(ascii: "\"") else {
                    if row.isWhole { cell.append(byte) }
                    continue
                }
                if at < text.count, text[at] == UInt8(ascii: "\"") {
                    cell.append(byte)
                    at += 1
                } else {
                    isQuoted = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isQuoted = true
            } else if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") {
                row.cells.append(Self.trimmed(cell))
                cell = []
                if byte == UInt8(ascii: "\n") { return row }
            } else if row.isWhole {
                cell.append(byte)
            }
        }
        row.cells.append(Self.trimmed(cell))
        row.isWhole = row.isWhole && !isQuoted
        return row
    }

    private static func trimmed(_ cell: [UInt8]) -> String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        guard let first = cell.firstIndex(where: { !isBlank($0) }), let last = cell.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: cell[first...last], as: UTF8.self)
    }
}
