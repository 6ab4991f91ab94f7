// Packs as JSON text: how they are stored and how `busbar rate` and the independent calculation read them.
// Every object carries a format number; an unknown key is an error, so that a misspelt limit is never silently ignored.
import CivilTime
import Foundation

/// A whole rate file: what prices every meter of a load file. `{"format":1,"base":{…},"addOns":[…],"sanctionedW":5000}`
public struct PackSet: Sendable, Equatable {
    public var base: BasePack
    public var addOns: [AddOnPack]
    public var sanctionedW: Int64
    public init(base: BasePack, addOns: [AddOnPack] = [], sanctionedW: Int64) {
        self.base = base
        self.addOns = addOns
        self.sanctionedW = sanctionedW
    }
    /// Refuses what could not price a day.
    func check() throws(TariffError) {
        try checkRange(sanctionedW, 0...maximumLoadW, "sanctionedW")
        let tariff = try within("base") { () throws(TariffError) in try Tariff(base, validFrom: CivilDay(number: 0)) }
        guard !addOns.isEmpty else { return }
        try tariff.check(addOns)
        for (minute, found) in try base.calendar.bandAndEndOfMinutes().enumerated() {
            let slot = MinuteRange(fromMinute: minute, toMinute: minute + 1)
            for pack in addOns { _ = try pack.price(slot, of: nil, band: base.calendar.bands[found.band].name) }
        }
    }
}

extension PackSet {
    /// - Throws: text that is not JSON, a missing, unknown or wrong field, a pack that is not valid.
    public init(json: String) throws(TariffError) {
        self = try decodeJSON(json, "rate file")
        try check()
    }
    /// Keys sorted: equal values give equal text.
    public func json() -> String { encodeJSON(self) }
}

extension BasePack {
    public init(json: String) throws(TariffError) {
        self = try decodeJSON(json, "base pack")
        try validate()
    }
    public func json() -> String { encodeJSON(self) }
}

extension AddOnPack {
    public init(json: String) throws(TariffError) {
        self = try decodeJSON(json, "add-on pack")
        try validate()
    }
    public func json() -> String { encodeJSON(self) }
}

private let packFormat = 1
/// A pack is a page of text; a megabyte is not a pack.
private let maximumJSONBytes = 1_000_000

private func encodeJSON(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // These types hold integers and text only, which JSON can always write.
    guard let data = try? encoder.encode(value) else { preconditionFailure("integers and text must encode") }
    return String(decoding: data, as: UTF8.self)
}

private func decodeJSON<Value: Decodable>(_ json: String, _ what: String) throws(TariffError) -> Value {
    guard json.utf8.count <= maximumJSONBytes else {
        throw TariffError(what, "more than \(maximumJSONBytes) bytes", remedy: "give one pack")
    }
    do {
        return try JSONDecoder().decode(Value.self, from: Data(json.utf8))
    } catch let error as DecodingError {
        throw tariffError(error, what)
    } catch {
        throw TariffError(what, "cannot be read", remedy: "give JSON in UTF-8")
    }
}

private func tariffError(_ error: DecodingError, _ what: String) -> TariffError {
    func place(_ path: [any CodingKey]) -> String {
        path.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }
    func at(_ path: [any CodingKey]) -> String { path.isEmpty ? what : "\(what) \(place(path))" }
    switch error {
    case .keyNotFound(let key, let context):
        return TariffError(at(context.codingPath), "\(key.stringValue) is missing", remedy: "add \(key.stringValue)")
    case .valueNotFound(_, let context), .typeMismatch(_, let context):
        return TariffError(
            at(context.codingPath), "the value has another type", remedy: "whole numbers, text in quotes, lists in []")
    case .dataCorrupted(let context):
        return TariffError(at(context.codingPath), context.debugDescription, remedy: "mend the text there")
    @unknown default:
        return TariffError(what, "cannot be read", remedy: "compare with the example in the documentation")
    }
}

/// Any key, to see those nobody asked for.
private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// A container of which every key is known.
    fileprivate func strict<Key: CodingKey & CaseIterable>(_ type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let known = Set(Key.allCases.map(\.stringValue))
        let found = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
        if let stray = found.first(where: { !known.contains($0) }) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "unknown key \(stray); known are \(known.sorted().joined(separator: ", "))"))
        }
        return try container(keyedBy: type)
    }
}

extension KeyedDecodingContainer {
    fileprivate func checkFormat(_ key: Key) throws {
        let format = try decode(Int.self, forKey: key)
        guard format == packFormat else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "format \(format) is not known, \(packFormat) is")
        }
    }
    fileprivate func day(_ key: Key) throws -> CivilDay? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let day = CivilDay(text) else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "not a day as YYYY-MM-DD")
        }
        return day
    }
}

extension MinuteRange: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case fromMinute, toMinute }
    public init(from decoder: any Decoder) throws {
        let box = try decoder.strict(CodingKeys.self)
        self.init(
            fromMinute: try box.decode(Int.self, forKey: .fromMinute),
            toMinute: try box.decode(Int.self, forKey: .toMinute))
    }
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(fromMinute, forKey: .fromMinute)
        try box.encode(toMinute, forKey: .toMinute)
    }
}

extension TOUBand: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case name, ranges }
    public init(from decoder: any Decoder) throws {
        let box = try decoder.strict(CodingKeys.self)
        self.init(
            name: try box.decode(String.self, forKey: .name),
            ranges: try box.decode([MinuteRange].self, forKey: .ranges))
    }
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(name, forKey: .name)
        try box.encode(ranges, forKey: .ranges)
    }
}

extension TOUCalendar: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case bands }
    public init(from decoder: any Decoder) throws {
        self.init(bands: try decoder.strict(CodingKeys.self).decode([TOUBand].self, forKey: .bands))
    }
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(bands, forKey: .bands)
    }
}

extension BasePack: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case format, id, version, name, calendar, milliPaisePerKWh, fixedPaisePerMonth, fixedPaisePerKWPerMonth, dutyPPM
    }
    public init(from decoder: any Decoder) throws {
        let box = try decoder.strict(CodingKeys.self)
        try box.checkFormat(.format)
        self.init(
            id: try box.decode(String.self, forKey: .id), version: try box.decode(Int.self, forKey: .version),
            name: try box.decode(String.self, forKey: .name),
            calendar: try box.decode(TOUCalendar.self, forKey: .calendar),
            milliPaisePerKWh: try box.decode([String: Int64].self, forKey: .milliPaisePerKWh),
            fixedPaisePerMonth: try box.decodeIfPresent(Int64.self, forKey: .fixedPaisePerMonth) ?? 0,
            fixedPaisePerKWPerMonth: try box.decodeIfPresent(Int64.self, forKey: .fixedPaisePerKWPerMonth) ?? 0,
            dutyPPM: try box.decodeIfPresent(Int64.self, forKey: .dutyPPM) ?? 0)
    }
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(packFormat, forKey: .format)
        try box.encode(id, forKey: .id)
        try box.encode(version, forKey: .version)
        try box.encode(name, forKey: .name)
        try box.encode(calendar, forKey: .calendar)
        try box.encode(milliPaisePerKWh, forKey: .milliPaisePerKWh)
        try box.encode(fixedPaisePerMonth, forKey: .fixedPaisePerMonth)
        try box.encode(fixedPaisePerKWPerMonth, forKey: .fixedPaisePerKWPerMonth)
        try box.encode(dutyPPM, forKey: .dutyPPM)
    }
}

extension AddOnPrice: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case band, fromMinute, toMinute, milliPaisePerKWh }
    public init(from decoder: any Decoder) throws {
        let box = try decoder.strict(CodingKeys.self)
        let price = try box.decode(Int64.self, forKey: .milliPaisePerKWh)
        if let band = try box.decodeIfPresent(String.self, forKey: .band) {
            guard !box.contains(.fromMinute), !box.contains(.toMinute) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .band, in: box, debugDescription: "give a band or minutes, not both")
            }
            self.init(.band(band), milliPaisePerKWh: price)
            return
        }
        let range = MinuteRange(
            fromMinute: try box.decode(Int.self, forKey: .fromMinute),
            toMinute: try box.decode(Int.self, forKey: .toMinute))
        self.init(.minutes(range), milliPaisePerKWh: price)
    }
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(milliPaisePerKWh, forKey: .milliPaisePerKWh)
        switch cover {
        case .band(let name): try box.encode(name, forKey: .band)
        case .minutes(let range):
            try box.encode(range.fromMinute, forKey: .fromMinute)
            try box.encode(range.toMinute, forKey: .toMinute)
        }
    }
}

extension AddOnPack: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case format, id, version, name, weekdays, from, to, prices, maximumLoadW
    }
    public init(from decoder: any Decoder) throws {
        let box = try decoder.strict(CodingKeys.self)
        try box.checkFormat(.format)
        self.init(
            id: try box.decode(String.self, forKey: .id), version: try box.decode(Int.self, forKey: .version),
            name: try box.decode(String.self, forKey: .name),
            weekdays: try box.decodeIfPresent([Int].self, forKey: .weekdays) ?? [1, 2, 3, 4, 5, 6, 7],
            from: try box.day(.from), to: try box.day(.to),
            prices: try box.decode([AddOnPrice].self, forKey: .prices),
            maximumLoadW: try box.decodeIfPresent(Int64.self, forKey: .maximumLoadW))
    }
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(packFormat, forKey: .format)
        try box.encode(id, forKey: .id)
        try box.encode(version, forKey: .version)
        try box.encode(name, forKey: .name)
        try box.encode(weekdays, forKey: .weekdays)
        try box.encodeIfPresent(from?.description, forKey: .from)
        try box.encodeIfPresent(to?.description, forKey: .to)
        try box.encode(prices, forKey: .prices)
        try box.encodeIfPresent(maximumLoadW, forKey: .maximumLoadW)
    }
}

extension PackSet: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case format, base, addOns, sanctionedW }
    public init(from decoder: any Decoder) throws {
        let box = try decoder.strict(CodingKeys.self)
        try box.checkFormat(.format)
        self.init(
            base: try box.decode(BasePack.self, forKey: .base),
            addOns: try box.decodeIfPresent([AddOnPack].self, forKey: .addOns) ?? [],
            sanctionedW: try box.decode(Int64.self, forKey: .sanctionedW))
    }
    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(packFormat, forKey: .format)
        try box.encode(base, forKey: .base)
        try box.encode(addOns, forKey: .addOns)
        try box.encode(sanctionedW, forKey: .sanctionedW)
    }
}
