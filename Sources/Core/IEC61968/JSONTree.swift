// A small JSON value (RFC 8259) as the message reader needs it: one record at a time, numbers as they were written, so
// that nothing is rounded. Bounded by DocumentLimits.

enum JSONTree {
    case object([(name: String, value: JSONTree)])
    case array([JSONTree])
    case string(String)
    /// As written.
    case number(String)
    case bool(Bool)
    case null

    subscript(name: String) -> JSONTree? {
        guard case .object(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }

    /// Text of a string or a number.
    var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        default: nil
        }
    }

    var items: [JSONTree] { if case .array(let items) = self { items } else { [] } }
    var names: [String] { if case .object(let fields) = self { fields.map(\.name) } else { [] } }
}

/// Reads one value out of bytes that hold nothing else.
struct JSONTreeParser {
    private let limits: DocumentLimits
    private var at = 0
    private(set) var line: Int

    init(limits: DocumentLimits, line: Int) {
        self.limits = limits
        self.line = line
    }

    mutating func parse(_ bytes: Span<UInt8>) throws -> JSONTree {
        let tree = try value(bytes, depth: 0)
        skipSpace(bytes)
        guard at == bytes.count else { throw malformed("there is something behind the value") }
        return tree
    }

    private mutating func skipSpace(_ bytes: Span<UInt8>) {
        while at < bytes.count, isSpace(bytes[at]) {
            if bytes[at] == 10 { line += 1 }
            at += 1
        }
    }

    private mutating func value(_ bytes: Span<UInt8>, depth: Int) throws -> JSONTree {
        skipSpace(bytes)
        guard depth <= limits.depth else {
            throw DocumentError(.limit, line: line, "brackets are nested deeper than \(limits.depth)")
        }
        guard at < bytes.count else { throw malformed("a value is missing") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object(bytes, depth: depth)
        case UInt8(ascii: "["): return try array(bytes, depth: depth)
        case UInt8(ascii: "\""): return .string(try string(bytes))
        case UInt8(ascii: "t"): return try word(bytes, "true", .bool(true))
        case UInt8(ascii: "f"): return try word(bytes, "false", .bool(false))
        case UInt8(ascii: "n"): return try word(bytes, "null", .null)
        default: return try number(bytes)
        }
    }

    private mutating func word(_ bytes: Span<UInt8>, _ word: StaticString, _ tree: JSONTree) throws -> JSONTree {
        guard starts(bytes, at, word) == true else { throw malformed("a word is neither true, false nor null") }
        at += word.utf8CodeUnitCount
        return tree
    }

    private mutating func object(_ bytes: Span<UInt8>, depth: Int) throws -> JSONTree {
        at += 1
        var fields: [(name: String, value: JSONTree)] = []
        skipSpace(bytes)
        if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
            at += 1
            return .object([])
        }
        while true {
            skipSpace(bytes)
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw malformed("a field has no name") }
            let name = try string(bytes)
            skipSpace(bytes)
            guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw malformed("a field has no value") }
            at += 1
            let found = try value(bytes, depth: depth + 1)
            guard !fields.contains(where: { $0.name == name }) else { throw malformed("a field stands twice") }
            fields.append((name, found))
            guard fields.count <= limits.attributes else {
                throw DocumentError(.limit, line: line, "an object has more than \(limits.attributes) fields")
            }
            if try isLast(bytes, UInt8(ascii: "}")) { return .object(fields) }
        }
    }

    private mutating func array(_ bytes: Span<UInt8>, depth: Int) throws -> JSONTree {
        at += 1
        var items: [JSONTree] = []
        skipSpace(bytes)
        if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
            at += 1
            return .array([])
        }
        while true {
            items.append(try value(bytes, depth: depth + 1))
            guard items.count <= limits.valuesPerMeter else {
                throw DocumentError(.limit, line: line, "an array holds more than \(limits.valuesPerMeter) values")
            }
            if try isLast(bytes, UInt8(ascii: "]")) { return .array(items) }
        }
    }

    /// Steps over a comma (false) or the closing bracket (true).
    private mutating func isLast(_ bytes: Span<UInt8>, _ close: UInt8) throws -> Bool {
        skipSpace(bytes)
        guard at < bytes.count, bytes[at] == close || bytes[at] == UInt8(ascii: ",") else {
            throw malformed("a comma or a closing bracket is missing")
        }
        at += 1
        return bytes[at - 1] == close
    }

    private mutating func number(_ bytes: Span<UInt8>) throws -> JSONTree {
        let start = at
        while at < bytes.count {
            let byte = bytes[at]
            guard byte >= 0x30 && byte <= 0x39 || byte == 0x2B || byte == 0x2D || byte == 0x2E || byte | 0x20 == 0x65
            else { break }
            at += 1
        }
        guard at > start, at - start <= 64 else { throw malformed("a value is none of JSON") }
        return .number(IEC61968.string(bytes.extracting(start..<at)))
    }

    private mutating func string(_ bytes: Span<UInt8>) throws -> String {
        at += 1
        let start = at
        var hasEscape = false
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
            guard bytes[at] >= 0x20 else { throw malformed("a string holds a control character") }
            if bytes[at] == UInt8(ascii: "\\") {
                hasEscape = true
                at += 1
            }
            at += 1
        }
        guard at < bytes.count else { throw malformed("a string is not closed") }
        let part = bytes.extracting(start..<at)
        at += 1
        guard part.count <= limits.tokenBytes else {
            throw DocumentError(.limit, line: line, "a string is longer than \(limits.tokenBytes) bytes")
        }
        guard isUTF8(part) else {
            throw DocumentError(
                .encoding, line: line, "there are bytes that are no UTF-8", hint: "write the document in UTF-8")
        }
        return hasEscape ? try unescaped(part) : IEC61968.string(part)
    }

    private func unescaped(_ part: Span<UInt8>) throws -> String {
        var units: [UInt8] = []
        var index = 0
        while index < part.count {
            guard part[index] == UInt8(ascii: "\\") else {
                units.append(part[index])
                index += 1
                continue
            }
            guard index + 1 < part.count else { throw malformed("an escape is not whole") }
            index += 2
            switch part[index - 1] {
            case UInt8(ascii: "\""): units.append(UInt8(ascii: "\""))
            case UInt8(ascii: "\\"): units.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "/"): units.append(UInt8(ascii: "/"))
            case UInt8(ascii: "b"): units.append(8)
            case UInt8(ascii: "f"): units.append(12)
            case UInt8(ascii: "n"): units.append(10)
            case UInt8(ascii: "r"): units.append(13)
            case UInt8(ascii: "t"): units.append(9)
            case UInt8(ascii: "u"): units += String(Character(try scalar(part, &index))).utf8
            default: throw malformed("an escape is none of JSON")
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    /// The character behind `\u`, of one unit or of a pair of surrogates. Never U+0000, which no database holds.
    private func scalar(_ part: Span<UInt8>, _ index: inout Int) throws -> Unicode.Scalar {
        func unit() -> UInt32? {
            guard index + 4 <= part.count else { return nil }
            let text = IEC61968.string(part.extracting(index..<index + 4))
            index += 4
            return text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) ? UInt32(text, radix: 16) : nil
        }
        guard let first = unit(), first != 0 else { throw malformed("an escape is none of JSON") }
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, starts(part, index, "\\u") == true else { throw malformed("a surrogate stands alone") }
        index += 2
        guard let second = unit(), (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw malformed("a surrogate stands alone") }
        return scalar
    }

    private func malformed(_ what: String) -> DocumentError {
        DocumentError(.malformed, line: line, what, hint: "the document is not well-formed JSON; nothing was taken")
    }
}
