// Helpers of these tests: hex, JSON values of the vector file, a seeded generator.
import DLMS
import Foundation

func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { $0 != " " }.compactMap(\.hexDigitValue)
    precondition(digits.count % 2 == 0, "odd hex: \(text)")
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02X", $0) }.joined() }

/// A failed check of a vector: what was got and what was wanted.
struct Mismatch: Error, CustomStringConvertible { let description: String }

func check<T: Equatable>(_ got: T, _ wanted: T, _ what: String = "") throws {
    if got != wanted { throw Mismatch(description: "\(what): got \(got), wanted \(wanted)") }
}

func refused(_ what: String, _ body: () throws -> Void) throws {
    do { try body() } catch { return }
    throw Mismatch(description: "\(what) was accepted")
}

enum JSON: Decodable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case real(Double)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let int = try? value.decode(Int64.self) {
            self = .int(int)
        } else if let uint = try? value.decode(UInt64.self) {
            self = .uint(uint)
        } else if let real = try? value.decode(Double.self) {
            self = .real(real)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    subscript(key: String) -> JSON? {
        guard case .object(let members) = self, let value = members[key], value != .null else { return nil }
        return value
    }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var int: Int? { if case .int(let int) = self { Int(int) } else { nil } }
    var list: [JSON]? { if case .list(let list) = self { list } else { nil } }
    var bytes: [UInt8]? { text.map { hex($0) } }
}

/// The value tree of the vector file for data, with the same type names.
func tree(_ data: DLMSData) -> JSON {
    func node(_ type: String, _ value: JSON) -> JSON { .object(["type": .text(type), "value": value]) }
    func number(_ type: String) -> JSON { node(type, data.integer.map { .int($0) } ?? .null) }
    func octets(_ type: String, _ bytes: [UInt8]) -> JSON { node(type, .text(hex(bytes))) }
    func plain(_ type: String, _ bytes: [UInt8]) -> JSON { node(type, .text(String(decoding: bytes, as: UTF8.self))) }
    switch data {
    case .null: return node("null-data", .null)
    case .boolean(let flag): return node("boolean", .bool(flag))
    case .bitString(let bits, let count):
        let digits = (0..<count).map { bits[$0 / 8] & (0x80 >> UInt8($0 % 8)) == 0 ? "0" : "1" }
        return node("bit-string", .text(digits.joined()))
    case .integer: return number("integer")
    case .long: return number("long")
    case .doubleLong: return number("double-long")
    case .long64: return number("long64")
    case .unsigned: return number("unsigned")
    case .longUnsigned: return number("long-unsigned")
    case .doubleLongUnsigned: return number("double-long-unsigned")
    case .long64Unsigned(let value):
        return node("long64-unsigned", value > UInt64(Int64.max) ? .uint(value) : .int(Int64(value)))
    case .enumeration: return number("enum")
    case .bcd(let value): return node("bcd", .int(Int64(value)))
    case .float32(let bits): return node("float32", .real(Double(Float(bitPattern: bits))))
    case .float64(let bits): return node("float64", .real(Double(bitPattern: bits)))
    case .octetString(let bytes): return octets("octet-string", bytes)
    case .visibleString(let bytes): return plain("visible-string", bytes)
    case .utf8String(let bytes): return plain("utf8-string", bytes)
    case .dateTime(let value): return octets("date-time", value.bytes)
    case .date(let bytes): return octets("date", bytes)
    case .time(let bytes): return octets("time", bytes)
    case .deltaInteger: return number("delta-integer")
    case .deltaLong: return number("delta-long")
    case .deltaDoubleLong: return number("delta-double-long")
    case .deltaUnsigned: return number("delta-unsigned")
    case .deltaLongUnsigned: return number("delta-long-unsigned")
    case .deltaDoubleLongUnsigned: return number("delta-double-long-unsigned")
    case .array(let list): return node("array", .list(list.map(tree)))
    case .structure(let list): return node("structure", .list(list.map(tree)))
    case .dontCare: return node("dont-care", .null)
    }
}

/// SplitMix64: one seed gives the same run everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
