// Reads a CSV of cumulative registers: a header line, then meter, time and kWh of each reading. Strict: a row that
// cannot be read refuses the file, because sums depend on it.
import CivilTime

/// A reading of a cumulative register.
public struct RegisterRow: Sendable, Equatable {
    public var meter: String
    public var atS: Int64
    public var wh: Int64
}

public enum RegisterFile {
    /// The rows in their order.
    /// - Parameter zone: of stamps that name no offset.
    /// - Throws: with the place, for anything but rows of `meter,time,register_kwh`.
    public static func parse(
        _ bytes: [UInt8], file: String, zone: Zone, rows limit: Int = 5_000_000
    ) throws(LoadFileError) -> [RegisterRow] {
        var found: [RegisterRow] = []
        var cells: [Range<Int>] = []
        var separator: UInt8 = 0x2C
        var number = 0
        var isHeader = true
        for piece in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            var line = [UInt8](piece)
            if line.last == 0x0D { line.removeLast() }
            guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { continue }
            if isHeader {
                separator = [0x2C, 0x3B, 0x09].first { line.contains($0) } ?? 0x2C
                isHeader = false
                continue
            }
            Fields.split(line, separator: separator, into: &cells)
            let place = "\(file):\(number)"
            guard cells.count == 3, !cells[0].isEmpty else {
                throw LoadFileError(
                    place: place, what: "\(cells.count) cells", hint: "give meter,time,register_kwh in each row")
            }
            guard let stamp = Fields.stamp(line, cells[1]), let atS = Fields.instantS(stamp, zone: zone) else {
                throw LoadFileError(
                    place: place, what: "\"\(Fields.text(line, cells[1]).prefix(40))\" is not a stamp",
                    hint: "write 2009-03-01T00:30:00Z or 2012-02-10 08:00:00")
            }
            guard let wh = registerWh(line, cells[2]) else {
                throw LoadFileError(
                    place: place, what: "\"\(Fields.text(line, cells[2]).prefix(40))\" is not a register in kWh",
                    hint: "write kWh such as 12345.678, with at most three decimals")
            }
            guard found.count < limit else {
                throw LoadFileError(place: place, what: "more than \(limit) rows", hint: "split the file")
            }
            found.append(RegisterRow(meter: Fields.text(line, cells[0]), atS: atS, wh: wh))
        }
        return found
    }

    /// Exact to the Wh; nil for anything else, also for what is less than nought.
    private static func registerWh(_ line: [UInt8], _ cell: Range<Int>) -> Int64? {
        guard case .number(let number) = DecimalNumber.read(line, cell), number.mantissa >= 0,
            let (wh, isRounded) = ReadingUnit.kWh.scale().whole(number), !isRounded
        else { return nil }
        return wh
    }
}
