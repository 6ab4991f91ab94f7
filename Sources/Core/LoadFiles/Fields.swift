// Fields of a load file as bytes: cells, stamps and decimal numbers, read exactly and without Foundation.
import CivilTime

enum Fields {
    /// Cuts a line into cells; blanks and quotes around a cell are cut off. A separator inside quotes is not supported
    /// and shows as a wrong number of cells.
    static func split(_ line: [UInt8], separator: UInt8, into cells: inout [Range<Int>]) {
        cells.removeAll(keepingCapacity: true)
        var start = 0
        for index in line.indices where line[index] == separator {
            cells.append(trim(line, start..<index))
            start = index + 1
        }
        cells.append(trim(line, start..<line.count))
    }

    private static func trim(_ line: [UInt8], _ cell: Range<Int>) -> Range<Int> {
        var from = cell.lowerBound
        var to = cell.upperBound
        func blank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x22 || byte == 0x09 }
        while from < to, blank(line[from]) { from += 1 }
        while to > from, blank(line[to - 1]) { to -= 1 }
        return from..<to
    }

    enum Number: Equatable {
        case absent
        case wh(Int32, rounded: Bool)
        case bad(String)
    }

    /// Decimal kWh to Wh, as `DecimalNumber` reads it. Up to three decimals are exact; more, up to 60, are rounded half
    /// away from zero (0.0865 kWh is 87 Wh). Empty, `NA`, `NaN`, `null` and `-` mean no value.
    static func energyWh(_ line: [UInt8], _ cell: Range<Int>) -> Number {
        guard !cell.isEmpty else { return .absent }
        var index = cell.lowerBound
        let negative = line[index] == 0x2D
        if negative || line[index] == 0x2B { index += 1 }
        var whole: Int64 = 0
        var decimals = -1
        var digits = 0
        var isUp = false
        var isRounded = false
        while index < cell.upperBound {
            let byte = line[index]
            index += 1
            if byte == 0x2E, decimals < 0 {
                decimals = 0
                continue
            }
            // What is not a plain number of usual length goes the general way, which is slower.
            guard byte >= 0x30, byte <= 0x39, digits < 20 else { return generalWh(line, cell) }
            digits += 1
            if decimals >= 0 { decimals += 1 }
            if decimals > 3 {
                // The first digit beyond decides, whatever follows it.
                if decimals == 4 { isUp = byte >= 0x35 }
                if byte != 0x30 { isRounded = true }
            } else {
                whole = whole * 10 + Int64(byte - 0x30)
                if whole > 2_147_483_647 { return generalWh(line, cell) }
            }
        }
        guard digits > 0 else { return generalWh(line, cell) }
        for _ in max(decimals, 0)..<max(3, decimals) { whole *= 10 }
        if isUp { whole += 1 }
        guard whole <= 2_147_483_647 else { return tooMuch }
        return .wh(Int32(negative ? -whole : whole), rounded: isRounded)
    }

    private static var tooMuch: Number { .bad("is more than 2,147,483 kWh in one slot") }

    private static func generalWh(_ line: [UInt8], _ cell: Range<Int>) -> Number {
        switch DecimalNumber.read(line, cell) {
        case .absent: return .absent
        case .bad: return .bad("is not a decimal number of kWh")
        case .number(let number):
            guard let (wh, isRounded) = ReadingUnit.kWh.scale().whole(number), let small = Int32(exactly: wh),
                small != MeterLoad.absent
            else { return tooMuch }
            return .wh(small, rounded: isRounded)
        }
    }

    static func text(_ line: [UInt8], _ cell: Range<Int>) -> String { String(decoding: line[cell], as: UTF8.self) }

    /// A stamp as second of the calendar, and the offset it names; nil offset is the wall clock of the file's zone.
    struct Stamp: Equatable {
        var localS: Int64
        var offsetS: Int64?
    }

    /// `2009-03-01T00:00:00Z`, `2012-02-10 08:00:00`, `2012/02/10 08:00`, `…+05:30`; fractions of a second must be
    /// zero.
    static func stamp(_ line: [UInt8], _ cell: Range<Int>) -> Stamp? {
        var reader = DigitReader(line: line, index: cell.lowerBound, end: cell.upperBound)
        guard let year = reader.number(4), let dash = reader.one(of: "-", or: "/"), let month = reader.number(2),
            reader.one(of: "-", or: "/") == dash, let date = reader.number(2), reader.one(of: "T", or: " ") != nil,
            let hour = reader.number(2), reader.one(of: ":", or: ":") != nil, let minute = reader.number(2),
            hour < 24, minute < 60, year >= 1970, year <= 2100,
            let day = CivilDay(year: year, month: month, day: date)
        else { return nil }
        var second = 0
        if reader.one(of: ":", or: ":") != nil {
            guard let found = reader.number(2), found < 60 else { return nil }
            second = found
            if reader.one(of: ".", or: ",") != nil { while reader.one(of: "0", or: "0") != nil {} }
        }
        var offsetS: Int64?
        if reader.one(of: "Z", or: "z") != nil {
            offsetS = 0
        } else if let sign = reader.one(of: "+", or: "-") {
            guard let hours = reader.number(2), hours <= 15 else { return nil }
            _ = reader.one(of: ":", or: ":")
            guard let minutes = reader.number(2), minutes < 60 else { return nil }
            offsetS = Int64(hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
        }
        guard reader.index == reader.end else { return nil }
        return Stamp(localS: Int64(day.number) * 86400 + Int64(hour * 3600 + minute * 60 + second), offsetS: offsetS)
    }

    /// The instant of a stamp; nil when the wall clock of the zone never showed it. Where the clock was set back and
    /// showed it twice, the first of both.
    static func instantS(_ stamp: Stamp, zone: Zone) -> Int64? {
        if let offsetS = stamp.offsetS { return stamp.localS - offsetS }
        // The offset before a change is that of half a day earlier; try it first.
        for probe in [stamp.localS - 43200, stamp.localS + 43200] {
            let instant = stamp.localS - zone.offsetS(atS: probe)
            if instant + zone.offsetS(atS: instant) == stamp.localS { return instant }
        }
        return nil
    }
}

/// Reads fixed-width decimal numbers and single characters.
private struct DigitReader {
    let line: [UInt8]
    var index: Int
    let end: Int

    mutating func number(_ width: Int) -> Int? {
        guard index + width <= end else { return nil }
        var value = 0
        for _ in 0..<width {
            let byte = line[index]
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
            index += 1
        }
        return value
    }

    /// Takes the next character when it is one of the two.
    mutating func one(of first: Unicode.Scalar, or second: Unicode.Scalar) -> UInt8? {
        guard index < end, line[index] == UInt8(ascii: first) || line[index] == UInt8(ascii: second) else { return nil }
        index += 1
        return line[index - 1]
    }
}
