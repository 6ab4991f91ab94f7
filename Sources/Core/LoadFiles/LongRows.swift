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

/// Ids as bytes to numbers of meters: found without making text of them. The id of the row before is tried first.
struct MeterIDs: Sendable {
    private struct Entry: Sendable {
        var hash: UInt64
        var start: Int
        var count: Int
        var meter: Int
    }
    private var entries: [Entry] = []
    private var bytes: [UInt8] = []
    /// Places of entries, or -1, by the low bits of the hash; at most half full.
    private var places = [Int32](repeating: -1, count: 64)
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
        guard find(id, hash) == nil else { return }
        last = entries.count
        entries.append(Entry(hash: hash, start: bytes.count, count: id.count, meter: meter))
        bytes.append(contentsOf: id)
        if entries.count * 2 > places.count {
            places = [Int32](repeating: -1, count: places.count * 4)
            for index in entries.indices { place(index) }
        } else {
            place(last)
        }
    }

    private mutating func place(_ index: Int) {
        var at = Int(truncatingIfNeeded: entries[index].hash) & (places.count - 1)
        while places[at] >= 0 { at = (at + 1) & (places.count - 1) }
        places[at] = Int32(index)
    }

    private func find(_ id: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int? {
        var at = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[at] >= 0 {
            let entry = entries[Int(places[at])]
            if entry.hash == hash, isSame(entry, id) { return Int(places[at]) }
            at = (at + 1) & (places.count - 1)
        }
        return nil
    }

    private func isSame(_ entry: Entry, _ id: UnsafeBufferPointer<UInt8>) -> Bool {
        guard entry.count == id.count else { return false }
        return bytes.withUnsafeBufferPointer { held in
            for index in 0..<id.count where held[entry.start + index] != id[index] { return false }
            return true
        }
    }

    private func hash(_ id: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = seed
        for byte in id { hash = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15 }
        hash ^= hash >> 32
        return hash
    }
}
