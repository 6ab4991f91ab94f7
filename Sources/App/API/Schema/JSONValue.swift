// JSON as a tree, read strictly (RFC 8259): depth limit, no duplicate names, numbers kept as they were written.
// Reads hostile bytes: never traps. For requests and documents, not for bulk data.

/// One JSON value. A number keeps its spelling, so that `1`, `1.0` and `1e0` stay apart.
public indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    public static func int(_ value: some BinaryInteger) -> JSONValue { .number("\(value)") }

    public subscript(name: String) -> JSONValue? {
        if case .object(let fields) = self { fields[name] } else { nil }
    }
    public var text: String? { if case .string(let text) = self { text } else { nil } }
    public var items: [JSONValue]? { if case .array(let items) = self { items } else { nil } }

    /// The integer, when it is written as one: no point, no exponent, no leading zero, no minus zero.
    public var integer: Int64? {
        guard case .number(let text) = self, let value = Int64(text), String(value) == text else { return nil }
        return value
    }

    public static let depthMax = 16

    /// What is wrong, and at which byte.
    public struct Fault: Error, Sendable, Equatable {
        public var message: String
        public var offset: Int
    }

    public init(parsing bytes: [UInt8]) throws(Fault) {
        var reader = JSONReader(bytes)
        self = try reader.document()
    }

    /// Compact, names in order, so that equal values give equal bytes.
    public var compact: String {
        var text = ""
        write(to: &text, indent: nil, level: 0)
        return text
    }

    /// Two spaces a level, names in order, a newline at the end: for files people read.
    public var pretty: String {
        var text = ""
        write(to: &text, indent: "  ", level: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: String?, level: Int) {
        func newLine(_ level: Int) {
            if let indent { text += "\n" + String(repeating: indent, count: level) }
        }
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let spelling): text += spelling
        case .string(let value): Self.quote(value, to: &text)
        case .array(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += "," }
                newLine(level + 1)
                item.write(to: &text, indent: indent, level: level + 1)
            }
            if !items.isEmpty { newLine(level) }
            text += "]"
        case .object(let fields):
            text += "{"
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { text += "," }
                newLine(level + 1)
                Self.quote(field.key, to: &text)
                text += indent == nil ? ":" : ": "
                field.value.write(to: &text, indent: indent, level: level + 1)
            }
            if !fields.isEmpty { newLine(level) }
            text += "}"
        }
    }

    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if scalar.value < 0x20 {
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }
}

/// A cursor over the bytes of one JSON document.
private struct JSONReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func fault(_ message: String) -> JSONValue.Fault { JSONValue.Fault(message: message, offset: at) }

    mutating func document() throws(JSONValue.Fault) -> JSONValue {
        let value = try value(depth: 1)
        skipSpace()
        guard at == bytes.count else { throw fault("there is something behind the end of the value") }
        return value
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    private mutating func take(_ byte: Character, else message: String) throws(JSONValue.Fault) {
        guard current == byte.asciiValue else { throw fault(message) }
        at += 1
    }

    private mutating func value(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        guard depth <= JSONValue.depthMax else { throw fault("nested deeper than \(JSONValue.depthMax) levels") }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .none: throw fault("the value is missing")
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONValue.Fault) -> JSONValue {
        let length = text.utf8CodeUnitCount
        let expected = text.withUTF8Buffer { Array($0) }
        guard at + length <= bytes.count, Array(bytes[at..<at + length]) == expected else {
            throw fault("this is no JSON value")
        }
        at += length
        return value
    }

    private mutating func object(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        var fields: [String: JSONValue] = [:]
        at += 1
        skipSpace()
        if current == UInt8(ascii: "}") {
            at += 1
            return .object(fields)
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw fault("a name in quotes is expected") }
            let name = try string()
            skipSpace()
            try take(":", else: "a colon is expected")
            let value = try value(depth: depth + 1)
            guard fields.updateValue(value, forKey: name) == nil else { throw fault("a name stands here twice") }
            skipSpace()
            if current == UInt8(ascii: ",") {
                at += 1
                continue
            }
            try take("}", else: "a comma or a closing brace is expected")
            return .object(fields)
        }
    }

    private mutating func array(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        var items: [JSONValue] = []
        at += 1
        skipSpace()
        if current == UInt8(ascii: "]") {
            at += 1
            return .array(items)
        }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if current == UInt8(ascii: ",") {
                at += 1
                continue
            }
            try take("]", else: "a comma or a closing bracket is expected")
            return .array(items)
        }
    }

    private mutating func number() throws(JSONValue.Fault) -> JSONValue {
        let start = at
        if current == UInt8(ascii: "-") { at += 1 }
        let whole = digits()
        guard whole > 0 else { throw fault("this is no JSON value") }
        let first = bytes[start] == UInt8(ascii: "-") ? start + 1 : start
        guard whole == 1 || bytes[first] != UInt8(ascii: "0") else { throw fault("a number has a leading zero") }
        if current == UInt8(ascii: ".") {
            at += 1
            guard digits() > 0 else { throw fault("digits are expected behind the point") }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            at += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { at += 1 }
            guard digits() > 0 else { throw fault("digits are expected in the exponent") }
        }
        return .number(String(decoding: bytes[start..<at], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = at
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { at += 1 }
        return at - start
    }

    private mutating func string() throws(JSONValue.Fault) -> String {
        at += 1
        var text: [UInt8] = []
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                at += 1
                guard let string = String(validating: text, as: UTF8.self) else { throw fault("the text is no UTF-8") }
                return string
            case UInt8(ascii: "\\"):
                at += 1
                text.append(contentsOf: try escaped())
            case 0..<0x20: throw fault("a control character stands in a text")
            default:
                text.append(byte)
                at += 1
            }
        }
        throw fault("the closing quote is missing")
    }

    private mutating func escaped() throws(JSONValue.Fault) -> [UInt8] {
        guard let byte = current else { throw fault("the text ends in a backslash") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var code = try hex4()
            if (0xD800..<0xDC00).contains(code) {
                try take("\\", else: "half a surrogate pair")
                try take("u", else: "half a surrogate pair")
                let low = try hex4()
                guard (0xDC00..<0xE000).contains(low) else { throw fault("half a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            // PostgreSQL stores no NUL in a text.
            guard code != 0, let scalar = Unicode.Scalar(code) else { throw fault("this character is not allowed") }
            return Array(String(Character(scalar)).utf8)
        default: throw fault("unknown escape in a text")
        }
    }

    private mutating func hex4() throws(JSONValue.Fault) -> UInt32 {
        guard at + 4 <= bytes.count else { throw fault("four hexadecimal digits are expected") }
        var code: UInt32 = 0
        for byte in bytes[at..<at + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw fault("four hexadecimal digits are expected")
            }
            code = code << 4 | UInt32(digit)
        }
        at += 4
        return code
    }
}
