// The short way for rows of long files: a plain row is read byte by byte, with what the row before told about its meter
// and its day. It takes a row only when `LoadFileParser` would take it just so, and leaves every other one to it.
import CivilTime

/// Reads plain rows; remembers ids and the last date.
struct LongRows: Sendable {
    /// What a plain row says. The stamp's day and slot are those of the civil day in the zone.
    struct Row {
        var day: Int32
        var slot: Int
        var slotCount: Int
        var wh: Int32
        /// The id's bytes, from and to.
        var id: Range<Int>
        /// The meter that was remembered for the id.
        var meter: Int?
    }

    private let zone: Zone
    private let separator: UInt8
    private let columnCount: Int
    private let idColumn: Int
    private let stampColumn: Int
    private let valueColumn: Int
    private let periodS: UInt32
    /// Of a day without a change of the clock.
    private let slotCount: UInt32
    /// Taken from a stamp to get the start of its slot.
    private let shiftS: Int64

    private var ids = MeterIDs()
    /// Dates met before, each at the place of its low bits: year × 512 + month × 32 + day, and its midnight.
    private var dates = [(key: Int32, localS: Int64)](repeating: (-1, 0), count: 128)
    /// Days met before, likewise; the zone's offset throughout, or nil when the clock is changed about then.
    private var days = [(day: Int32, offsetS: Int64?)](repeating: (-1, nil), count: 128)
    private var lastOffsetS: Int64?
    /// The slot of each minute of a plain day's clock; -1 off the grid, and where a stamp at the end of a slot names
    /// the day behind.
    private let slotOfMinute: [Int16]

    /// Nil when the file is not long.
    init?(header: Header, zone: Zone, periodS: Int, side: LoadFileParser.StampSide?) {
        guard let idColumn = header.idColumn, let valueColumn = header.valueColumn, (1...86400).contains(periodS)
        else { return nil }
        self.zone = zone
        separator = header.separator
        columnCount = header.names.count
        self.idColumn = idColumn
        self.valueColumn = valueColumn
        stampColumn = header.stampColumn
        self.periodS = UInt32(periodS)
        slotCount = 86400 / self.periodS
        shiftS = side == .end ? Int64(periodS) : 0
        slotOfMinute = (0..<1440).map { [shiftS] minute in
            let startS = minute * 60 - Int(shiftS)
            return startS >= 0 && startS % periodS == 0 ? Int16(startS / periodS) : -1
        }
    }

    mutating func remember(_ meter: Int, id: Range<Int>, in bytes: UnsafeBufferPointer<UInt8>) {
        ids.add(UnsafeBufferPointer(rebasing: bytes[id]), meter)
    }

    /// Nil when the row is not plain. `line` lies within `bytes` and holds no end of line.
    mutating func read(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Row? {
        var id = 0..<0
        var stamp = 0..<0
        var value = 0..<0
        var column = 0
        var start = line.lowerBound
        while true {
            // The stamp has no separator within; a file that has one there is not plain.
            var end = start
            while end < line.upperBound, bytes[end] != separator { end += 1 }
            if column == idColumn {
                id = start..<end
            } else if column == stampColumn {
                stamp = start..<end
            } else if column == valueColumn {
                value = start..<end
            }
            column += 1
            if end >= line.upperBound { break }
            start = end + 1
        }
        guard column == columnCount, let wh = Self.wh(bytes, value), let place = place(bytes, stamp),
            !id.isEmpty, id.count <= 100
        else { return nil }
        let meter = ids.find(UnsafeBufferPointer(rebasing: bytes[id]))
        // Blanks and quotes around an id are cut off by the long way.
        guard meter != nil || (Self.isPlain(bytes[id.lowerBound]) && Self.isPlain(bytes[id.upperBound - 1])) else {
            return nil
        }
        return Row(
            day: place.day, slot: place.slot, slotCount: place.slotCount, wh: wh, id: id,
            meter: meter)
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte > 0x22 && byte < 0x7F }

    /// Digits, a point and up to three digits; nothing else.
    private static func wh(_ bytes: UnsafeBufferPointer<UInt8>, _ cell: Range<Int>) -> Int32? {
        guard cell.count >= 1, cell.count <= 10 else { return nil }
        var number: Int64 = 0
        var decimals = -1
        for index in cell {
            let digit = bytes[index] &- 0x30
            if digit <= 9 {
                number = number &* 10 &+ Int64(digit)
                if decimals >= 0 { decimals += 1 }
            } else if bytes[index] == 0x2E, decimals < 0, index > cell.lowerBound {
                decimals = 0
            } else {
                return nil
            }
        }
        switch decimals {
        case 3: break
        case 2: number *= 10
        case 1: number *= 100
        case -1: number *= 1000
        default: return nil
        }
        return number <= 2_147_483_647 ? Int32(number) : nil
    }

    private static func two(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, below limit: Int64) -> Int64? {
        let tens = bytes[at] &- 0x30
        let ones = bytes[at + 1] &- 0x30
        guard tens <= 9, ones <= 9 else { return nil }
        let number = Int64(tens) * 10 + Int64(ones)
        return number < limit ? number : nil
    }

    /// `YYYY-MM-DD HH:MM[:SS[.000]]`, with `T` or a blank between and nothing, `Z` or a whole offset behind.
    private mutating func place(
        _ bytes: UnsafeBufferPointer<UInt8>, _ cell: Range<Int>
    ) -> (day: Int32, slot: Int, slotCount: Int)? {
        let at = cell.lowerBound
        guard cell.count >= 16, bytes[at + 10] == 0x20 || bytes[at + 10] == 0x54, bytes[at + 13] == 0x3A,
            let hour = Self.two(bytes, at + 11, below: 24), let minute = Self.two(bytes, at + 14, below: 60)
        else { return nil }
        var second: Int64 = 0
        var rest = at + 16
        if rest + 3 <= cell.upperBound, bytes[rest] == 0x3A {
            guard let found = Self.two(bytes, rest + 1, below: 60) else { return nil }
            second = found
            rest += 3
        }
        var isUTC = false
        if rest < cell.upperBound {
            guard rest + 1 == cell.upperBound, bytes[rest] == 0x5A else { return nil }
            isUTC = true
        }
        guard let dateS = date(bytes, at) else { return nil }
        var localS = dateS + hour * 3600 + minute * 60 + second - shiftS
        if isUTC {
            // The zone's clock at that instant, as long as it is that of a plain day.
            guard let near = lastOffsetS ?? plainOffsetS(Int32(localS / 86400)) else { return nil }
            localS += near
            lastOffsetS = near
        }
        let dayNumber = Int32(localS / 86400)
        guard let offsetS = plainOffsetS(dayNumber) else { return nil }
        if isUTC, lastOffsetS != offsetS {
            lastOffsetS = offsetS
            return nil
        }
        let sinceMidnight = UInt32(truncatingIfNeeded: localS - Int64(dayNumber) * 86400)
        let (slot, off) = sinceMidnight.quotientAndRemainder(dividingBy: periodS)
        guard off == 0, slot < slotCount else { return nil }
        return (dayNumber, Int(slot), Int(slotCount))
    }

    /// Midnight of the date in the calendar's seconds. Nil when it is no date from 1971 to 2100.
    private mutating func date(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int64? {
        guard bytes[at + 4] == 0x2D, bytes[at + 7] == 0x2D, let century = Self.two(bytes, at, below: 22),
            let year = Self.two(bytes, at + 2, below: 100), let month = Self.two(bytes, at + 5, below: 13),
            let day = Self.two(bytes, at + 8, below: 32)
        else { return nil }
        let key = Int32((century * 100 + year) * 512 + month * 32 + day)
        let place = Int(key & 127)
        if dates[place].key == key { return dates[place].localS }
        guard (1971...2100).contains(century * 100 + year),
            let civil = CivilDay(year: Int(century * 100 + year), month: Int(month), day: Int(day))
        else { return nil }
        dates[place] = (key, Int64(civil.number) * 86400)
        return dates[place].localS
    }

    /// The zone's offset on a day through which, a day before and a day behind, its clock is not changed.
    private mutating func plainOffsetS(_ day: Int32) -> Int64? {
        let place = Int(day & 127)
        if days[place].day == day { return days[place].offsetS }
        let civil = CivilDay(number: day)
        let startS = zone.startS(of: civil)
        let offsetS = zone.offsetS(atS: startS)
        let isPlain =
            zone.lengthS(of: civil) == 86400
            && [-86400, -43200, 43200, 86399, 129_600, 172_800].allSatisfy { zone.offsetS(atS: startS + $0) == offsetS }
        days[place] = (day, isPlain ? offsetS : nil)
        return days[place].offsetS
    }
}

extension LongRows {
    /// What rows of a file in its usual form have in common when they are written alike: id, stamp and value, nothing
    /// else, each part of as many bytes as in a row before, the value aside.
    struct Shape {
        /// Where a row of the meter and day that are known begins.
        var head: Int
        let idBytes: Int
        /// 5 (`HH:MM`) or 8 (`HH:MM:SS`).
        let clockBytes: Int
        /// From there on a line may reach beyond the piece.
        let last: Int

        /// Of the id, the separator, the date and what stands behind it; at least 13.
        var prefixBytes: Int { idBytes + 12 }

        /// Whether the line there is of the same meter and day. Never of one behind `last`.
        func isContinued(_ bytes: UnsafeBufferPointer<UInt8>, at line: Int) -> Bool {
            let raw = UnsafeRawBufferPointer(bytes)
            func isSame(_ at: Int) -> Bool {
                raw.loadUnaligned(fromByteOffset: head + at, as: UInt64.self)
                    == raw.loadUnaligned(fromByteOffset: line + at, as: UInt64.self)
            }
            var at = 0
            while at + 8 <= prefixBytes {
                guard isSame(at) else { return false }
                at += 8
            }
            return isSame(prefixBytes - 8)
        }
    }

    /// Nil when rows like this one are read one by one: other columns, a zone behind the clock, a stamp that names the
    /// day behind its slot.
    func shape(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>, _ row: Row) -> Shape? {
        let date = row.id.upperBound + 1
        guard columnCount == 3, idColumn == 0, stampColumn == 1, valueColumn == 2,
            let end = (16...20).first(where: { date + $0 < line.upperBound && bytes[date + $0] == separator }),
            end == 16 || end == 19, let hour = Self.two(bytes, date + 11, below: 24),
            let minute = Self.two(bytes, date + 14, below: 60), Int(slotOfMinute[Int(hour * 60 + minute)]) == row.slot
        else { return nil }
        return Shape(
            head: line.lowerBound, idBytes: row.id.count, clockBytes: end - 11,
            last: bytes.count - (row.id.count + 12 + end - 11 + 13))
    }

    /// What a line's clock and value say, when it is plain and of the shape, and where the line behind it begins.
    func next(
        _ bytes: UnsafeBufferPointer<UInt8>, at line: Int, of shape: Shape
    ) -> (slot: Int, wh: Int32, next: Int)? {
        let clock = line + shape.prefixBytes
        guard bytes[clock + 2] == 0x3A, let hour = Self.two(bytes, clock, below: 24),
            let minute = Self.two(bytes, clock + 3, below: 60)
        else { return nil }
        if shape.clockBytes == 8 {
            guard bytes[clock + 5] == 0x3A, bytes[clock + 6] == 0x30, bytes[clock + 7] == 0x30 else { return nil }
        }
        let slot = Int(slotOfMinute[Int(hour * 60 + minute)])
        var at = clock + shape.clockBytes
        guard slot >= 0, bytes[at] == separator else { return nil }
        at += 1
        // A number of at most ten characters and an end of line fit: no line behind `last` comes here.
        if bytes[at + 1] == 0x2E, bytes[at + 5] == 0x0A {
            let digits = (bytes[at] &- 0x30, bytes[at + 2] &- 0x30, bytes[at + 3] &- 0x30, bytes[at + 4] &- 0x30)
            guard digits.0 <= 9, digits.1 <= 9, digits.2 <= 9, digits.3 <= 9 else { return nil }
            let wh = Int32(digits.0) &* 1000 &+ Int32(digits.1) &* 100 &+ Int32(digits.2) &* 10 &+ Int32(digits.3)
            return (slot, wh, at + 6)
        }
        let value = at
        while at < value + 11, bytes[at] != 0x0A, bytes[at] != 0x0D { at += 1 }
        guard let wh = Self.wh(bytes, value..<at) else { return nil }
        if bytes[at] == 0x0D { at += 1 }
        return bytes[at] == 0x0A ? (slot, wh, at + 1) : nil
    }

    /// The meter and the day of a line of the shape, when both are known from rows before and the day is a plain one.
    mutating func meterAndDay(
        _ bytes: UnsafeBufferPointer<UInt8>, at line: Int, of shape: Shape
    ) -> (meter: Int, day: Int32)? {
        let date = line + shape.idBytes + 1
        guard bytes[date - 1] == separator, bytes[date + 10] == 0x20 || bytes[date + 10] == 0x54,
            let midnightS = self.date(bytes, date)
        else { return nil }
        let day = Int32(truncatingIfNeeded: midnightS / 86400)
        let known = days[Int(day & 127)]
        let id = UnsafeBufferPointer(rebasing: bytes[line..<line + shape.idBytes])
        guard known.day == day, known.offsetS != nil, !id.contains(separator), let meter = ids.find(id) else {
            return nil
        }
        return (meter, day)
    }
}

/// Ids as bytes to numbers of meters: found without making text of them. The id of the row before is tried first.
struct MeterIDs: Sendable {
    private struct Entry: Sendable {
        var start: UInt32
        var count: UInt32
        var meter: Int
    }
    private var entries: [Entry] = []
    private var bytes: [UInt8] = []
    /// Each place holds 0, or the high half of a hash and the number of its entry from 1 on; at most half are taken.
    private var places = [UInt64](repeating: 0, count: 64)
    private var last = 0
    /// Of this table's own, so that no file can be made whose ids all fall on one place.
    private let seed = UInt64.random(in: 0...UInt64.max)

    mutating func find(_ id: UnsafeBufferPointer<UInt8>) -> Int? {
        if last < entries.count, isSame(entries[last], id) { return entries[last].meter }
        guard let found = find(id, hash(id)) else { return nil }
        last = found
        return entries[found].meter
    }

    mutating func add(_ id: UnsafeBufferPointer<UInt8>, _ meter: Int) {
        let hash = hash(id)
        guard find(id, hash) == nil, let start = UInt32(exactly: bytes.count) else { return }
        last = entries.count
        entries.append(Entry(start: start, count: UInt32(id.count), meter: meter))
        bytes.append(contentsOf: id)
        if entries.count * 2 > places.count {
            places = [UInt64](repeating: 0, count: places.count * 4)
            for (index, entry) in entries.enumerated() {
                let hash = bytes.withUnsafeBufferPointer {
                    self.hash(UnsafeBufferPointer(rebasing: $0[Int(entry.start)..<Int(entry.start + entry.count)]))
                }
                place(index, hash)
            }
        } else {
            place(last, hash)
        }
    }

    private mutating func place(_ index: Int, _ hash: UInt64) {
        var at = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[at] != 0 { at = (at + 1) & (places.count - 1) }
        places[at] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(index + 1)
    }

    private func find(_ id: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int? {
        var at = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[at] != 0 {
            let index = Int(places[at] & 0xFFFF_FFFF) - 1
            if places[at] >> 32 == hash >> 32, isSame(entries[index], id) { return index }
            at = (at + 1) & (places.count - 1)
        }
        return nil
    }

    private func isSame(_ entry: Entry, _ id: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(entry.count) == id.count else { return false }
        let start = Int(entry.start)
        return bytes.withUnsafeBytes { held in
            let id = UnsafeRawBufferPointer(id)
            var at = 0
            while at + 8 <= id.count {
                guard
                    held.loadUnaligned(fromByteOffset: start + at, as: UInt64.self)
                        == id.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                else { return false }
                at += 8
            }
            while at < id.count {
                guard held[start + at] == id[at] else { return false }
                at += 1
            }
            return true
        }
    }

    private func hash(_ id: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = seed
        let raw = UnsafeRawBufferPointer(id)
        var at = 0
        while at + 8 <= id.count {
            hash = (hash ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
            at += 8
        }
        while at < id.count {
            hash = (hash ^ UInt64(id[at])) &* 0x9E37_79B9_7F4A_7C15
            at += 1
        }
        // The low bits choose the place, and every bit of the id must tell in them.
        hash = (hash ^ (hash >> 29)) &* 0xBF58_476D_1CE4_E5B9
        return hash ^ (hash >> 32)
    }
}
