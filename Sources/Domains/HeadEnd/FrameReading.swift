// What is in the frames of an answer, for a person: each attribute that was read, its frames, and its rows by time,
// OBIS code, value, scaler and unit. Reads what was stored; asks no meter and needs no key.
import CivilTime
import DLMS
import IS15959
import MeterPort

/// One value of a row.
public struct FrameValue: Sendable, Equatable {
    /// `1.0.1.29.0`, and its attribute.
    public var obis: String
    public var attribute: Int8
    /// Plain words of IS 15959; empty for an object nobody knows.
    public var title: String
    /// As it stood in the answer.
    public var raw: String
    /// Power of ten and unit as the meter said; nil for what has none.
    public var scaler: Int8?
    public var unit: String
    /// The raw value in its unit, exactly.
    public var value: String
}

public struct FrameRow: Sendable, Equatable {
    /// The stamp of the row, UTC seconds; nil when it has none.
    public var atS: Int64?
    public var values: [FrameValue]
}

/// One attribute that was read.
public struct FrameReading: Sendable, Equatable {
    public var classID: UInt16
    public var obis: String
    public var attribute: Int8
    public var title: String
    public var frames: [MeterFrame]
    public var rows: [FrameRow]
    /// Why there are no rows: the meter refused, or what came is not what its columns say.
    public var trouble: String?

    /// The attributes read for an answer, in order.
    public static func of(_ record: MeterRecord, zone: Zone) -> [FrameReading] {
        record.exchanges.map { FrameReading($0, zone) }
    }

    private init(_ exchange: MeterExchange, _ zone: Zone) {
        let name = OBIS(bytes: exchange.obis)
        classID = exchange.classID
        obis = name?.shortText ?? hexadecimal(exchange.obis)
        attribute = exchange.attribute
        title = name.flatMap { Self.title($0, exchange.attribute) } ?? ""
        frames = exchange.frames
        rows = []
        guard let octets = exchange.value else {
            trouble = "the meter gave no value"
            return
        }
        do {
            let value = try DLMSData(axdr: octets)
            rows =
                exchange.columns.isEmpty
                ? [FrameRow(atS: nil, values: [Self.value(value, obis, exchange.attribute, title, nil)])]
                : try Self.rows(value, exchange.columns, zone)
        } catch {
            trouble = "\(error)"
        }
    }

    private static func title(_ obis: OBIS, _ attribute: Int8) -> String? {
        ObjectNames.find(obis, attribute: attribute)?.title ?? ObjectNames.find(obis)?.title
            ?? MeterProfile.all.flatMap(\.profiles).first { $0.obis == obis }?.name
    }

    private static func rows(_ value: DLMSData, _ columns: [MeterColumn], _ zone: Zone) throws -> [FrameRow] {
        let names = columns.compactMap { OBIS(bytes: $0.obis) }
        guard names.count == columns.count else { throw ProfileError("a column without an OBIS code") }
        var scalers: [OBIS: ScalerUnit] = [:]
        for (name, column) in zip(names, columns) {
            if let scaler = column.scaler, let unit = column.unit { scalers[name] = ScalerUnit(scaler, unit) }
        }
        let layout = ProfileLayout(
            columns: zip(names, columns).map { CaptureObject($1.classID, $0, $1.attribute) }, scalers: scalers,
            periodS: 0)
        let stampAt = try? layout.stampColumn()
        return try layout.rows(value, zone: zone).map { row in
            FrameRow(
                atS: try stampAt.flatMap { try ProfileLayout.instantS(row[$0], zone: zone) },
                values: zip(row, zip(names, columns)).map { item, column in
                    let scaler = column.1.scaler.flatMap { scaler in column.1.unit.map { ScalerUnit(scaler, $0) } }
                    return Self.value(
                        item, column.0.shortText, column.1.attribute, title(column.0, column.1.attribute) ?? "", scaler)
                })
        }
    }

    private static func value(
        _ data: DLMSData, _ obis: String, _ attribute: Int8, _ title: String, _ scaler: ScalerUnit?
    ) -> FrameValue {
        let raw = plain(data)
        let scaled = scaler.flatMap { scaler in data.integer.map { decimal($0, scaler.scaler) } }
        return FrameValue(
            obis: obis, attribute: attribute, title: title, raw: raw, scaler: scaler?.scaler,
            unit: scaler?.unitName ?? "", value: scaled ?? raw)
    }

    private static let textMax = 200

    /// A value in words: numbers as numbers, stamps and printable octets as text, other octets as hexadecimal.
    private static func plain(_ data: DLMSData) -> String {
        if let number = data.integer { return "\(number)" }
        if let stamp = data.dateTime { return "\(stamp)" }
        if let octets = data.octets {
            let isText = !octets.isEmpty && octets.allSatisfy { (0x20...0x7E).contains($0) }
            return String((isText ? String(decoding: octets, as: UTF8.self) : hexadecimal(octets)).prefix(textMax))
        }
        if case .null = data { return "–" }
        if case .boolean(let value) = data { return value ? "true" : "false" }
        if let list = data.elements { return "\(list.count) elements" }
        return String("\(data)".prefix(textMax))
    }

    /// raw × 10^scaler without rounding.
    static func decimal(_ raw: Int64, _ scaler: Int8) -> String {
        guard scaler < 0 else { return raw == 0 ? "0" : "\(raw)" + String(repeating: "0", count: min(18, Int(scaler))) }
        let digits = String(raw.magnitude)
        let places = min(18, -Int(scaler))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        return (raw < 0 ? "-" : "") + padded.dropLast(places) + "." + padded.suffix(places)
    }
}

/// Upper case, without spaces.
public func hexadecimal(_ octets: [UInt8]) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    return String(decoding: octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
