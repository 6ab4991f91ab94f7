// What was read, as aligned text or as JSON. Numbers stand as exact decimals in the meter's unit; no arithmetic on
// them.
import CivilTime
import DLMS
import IS15959

/// Columns and rows of an answer.
struct ReadTable: Sendable {
    var title: String
    var obis: OBIS
    var layout: ProfileLayout
    var rows: [[DLMSData]]
    var zone: Zone

    private enum Cell {
        case number(String)
        case text(String)
        case list([Cell])
        case nothing
    }

    // MARK: Text

    var text: String {
        let lines =
            [layout.columns.map(heading)] + rows.map { row in zip(layout.columns, row).map { plain(cell($1, $0)) } }
        let widths = layout.columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        let body = lines.map { line in
            zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
                .trimmingSuffix(" ")
        }
        return body.joined(separator: "\n") + "\n\(rows.count) row\(rows.count == 1 ? "" : "s")\n"
    }

    private func heading(_ column: CaptureObject) -> String {
        let name = ObjectNames.find(column.obis)?.name ?? column.obis.shortText
        let unit = column.attribute == 2 ? layout.scalers[column.obis]?.unitName ?? "" : ""
        return (column.attribute == 2 ? name : "\(name)/\(column.attribute)") + (unit.isEmpty ? "" : " [\(unit)]")
    }

    private func plain(_ cell: Cell) -> String {
        switch cell {
        case .number(let text), .text(let text): text
        case .list(let list): "{" + list.map(plain).joined(separator: " ") + "}"
        case .nothing: "-"
        }
    }

    // MARK: JSON

    var json: String {
        let columns = layout.columns.map { column in
            let name = quoted(ObjectNames.find(column.obis)?.name ?? column.obis.shortText)
            let unit = quoted(layout.scalers[column.obis]?.unitName ?? "")
            return "{\"name\":\(name),\"obis\":\(quoted(column.obis.description)),\"class\":\(column.classID),"
                + "\"attribute\":\(column.attribute),\"unit\":\(unit)}"
        }
        let body = rows.map { row in
            "[" + zip(layout.columns, row).map { jsonText(cell($1, $0)) }.joined(separator: ",") + "]"
        }
        return "{\"title\":\(quoted(title)),\"obis\":\(quoted(obis.description)),\"columns\":["
            + columns.joined(separator: ",") + "],\"rows\":[" + body.joined(separator: ",\n") + "]}\n"
    }

    private func jsonText(_ cell: Cell) -> String {
        switch cell {
        case .number(let text): text
        case .text(let text): quoted(text)
        case .list(let list): "[" + list.map(jsonText).joined(separator: ",") + "]"
        case .nothing: "null"
        }
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    // MARK: Cells

    private func cell(_ value: DLMSData, _ column: CaptureObject) -> Cell {
        if column.classID == 8, column.attribute == 2, let stamp = stamp(value) { return .text(stamp) }
        if let raw = value.integer {
            if column.attribute == 2, let scaler = layout.scalers[column.obis] { return .number(scaler.text(raw)) }
            if column.obis.c == 96, column.obis.d == 11, let name = EventIDs.name(Int(clamping: raw)) {
                return .text("\(raw) \(name)")
            }
            return .number("\(raw)")
        }
        return generic(value)
    }

    private func generic(_ value: DLMSData) -> Cell {
        switch value {
        case .null, .dontCare: .nothing
        case .boolean(let flag): .text(flag ? "true" : "false")
        case .array(let list), .structure(let list): .list(list.map(generic))
        case .dateTime: .text(stamp(value) ?? "not a full date and time")
        case .octetString(let bytes), .visibleString(let bytes), .utf8String(let bytes): .text(string(bytes))
        case .bitString(let bytes, let count): .text("bits(\(count)) " + hex(bytes))
        case .long64Unsigned(let number): .number("\(number)")
        default: value.integer.map { .number("\($0)") } ?? .text("\(value)")
        }
    }

    /// Printable ASCII as it stands, a logical name as such, anything else in hexadecimal.
    private func string(_ bytes: [UInt8]) -> String {
        if !bytes.isEmpty, bytes.allSatisfy({ (32...126).contains($0) }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        if bytes.count == 6, bytes[5] == 255, let obis = OBIS(bytes: bytes) { return obis.description }
        return hex(bytes)
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// `2026-03-02T00:30:00+05:30` in the zone asked for; nil when it is not a full date and time.
    private func stamp(_ value: DLMSData) -> String? {
        guard let atS = try? ProfileLayout.instantS(value, zone: zone) else { return nil }
        return stampText(atS, zone)
    }
}

/// `2026-03-02T00:30:00+05:30`
func stampText(_ atS: Int64, _ zone: Zone) -> String {
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (day, second) = zone.civil(atS: atS)
    let offset = Int(zone.offsetS(atS: atS)) / 60
    return "\(day)T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        + "\(offset < 0 ? "-" : "+")\(two(abs(offset) / 60)):\(two(abs(offset) % 60))"
}

/// Reads `YYYY-MM-DD` (midnight) or `YYYY-MM-DDTHH:MM` on the wall clock of a zone.
public func instantS(_ text: String, zone: Zone) throws(UsageError) -> Int64 {
    let parts = text.split(separator: "T", omittingEmptySubsequences: false)
    let clock = parts.count == 2 ? parts[1].split(separator: ":", omittingEmptySubsequences: false) : ["00", "00"]
    guard parts.count <= 2, let day = CivilDay(parts[0]), clock.count == 2, clock.allSatisfy({ $0.utf8.count == 2 }),
        let hour = UInt8(clock[0]), let minute = UInt8(clock[1]), hour < 24, minute < 60
    else { throw UsageError("'\(text)' is not a time; write 2026-03-02 or 2026-03-02T18:30") }
    let local = Int64(day.number) * 86_400 + Int64(hour) * 3600 + Int64(minute) * 60
    return local - zone.offsetS(atS: local - zone.offsetS(atS: local))
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}
