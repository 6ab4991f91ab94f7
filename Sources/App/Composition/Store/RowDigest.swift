// Rows as bytes that are the same whatever engine they came from, and their digest in order of key. Reads no database.
import Cryptography
import SQL

/// A value: a tag (0 NULL, 1 integer, 2 text, 3 bytes), then 8 bytes of the integer, or 4 of the length and the content.
/// Big endian. So no two different rows have the same bytes.
enum RowBytes {
    static func encode(_ values: [SQLValue]) -> [UInt8] {
        var bytes: [UInt8] = []
        append(values, to: &bytes)
        return bytes
    }

    static func append(_ values: some Sequence<SQLValue>, to bytes: inout [UInt8]) {
        for value in values {
            switch value {
            case .null: bytes.append(0)
            case .int(let int):
                bytes.append(1)
                withUnsafeBytes(of: int.bigEndian) { bytes.append(contentsOf: $0) }
            case .text(var text):
                bytes.append(2)
                text.withUTF8 { utf8 in
                    withUnsafeBytes(of: UInt32(utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
                    bytes.append(contentsOf: utf8)
                }
            case .bytes(let octets):
                bytes.append(3)
                withUnsafeBytes(of: UInt32(octets.count).bigEndian) { bytes.append(contentsOf: $0) }
                bytes.append(contentsOf: octets)
            }
        }
    }

    static func decode(_ bytes: [UInt8]) throws -> [SQLValue] {
        var values: [SQLValue] = []
        var rest = bytes[...]
        func take(_ count: Int) throws -> ArraySlice<UInt8> {
            guard rest.count >= count else { throw SQLError(.decode, "a stored place of a copy is cut short") }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        func number(_ count: Int) throws -> UInt64 { try take(count).reduce(0) { $0 << 8 | UInt64($1) } }
        while let tag = rest.popFirst() {
            switch tag {
            case 0: values.append(.null)
            case 1: values.append(.int(Int64(bitPattern: try number(8))))
            case 2: values.append(.text(String(decoding: try take(Int(try number(4))), as: UTF8.self)))
            case 3: values.append(.bytes([UInt8](try take(Int(try number(4))))))
            default: throw SQLError(.decode, "a stored place of a copy has an unknown tag \(tag)")
            }
        }
        return values
    }
}

/// How many rows, and a digest chained over pages of a fixed size: the same rows in the same order give the same.
struct RowDigest: Sendable, Equatable {
    var rows: Int64 = 0
    var sha256: [UInt8] = []

    mutating func add(page: [[SQLValue]]) {
        guard !page.isEmpty else { return }
        var bytes = sha256
        for row in page { RowBytes.append(row, to: &bytes) }
        sha256 = Hash.sha256(bytes)
        rows += Int64(page.count)
    }

    /// Twelve digits, enough to be told apart by eye.
    var short: String { sha256.isEmpty ? "-" : sha256.prefix(6).map { hex($0) }.joined() }
}

func hex(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
