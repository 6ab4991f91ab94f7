// Small questions about bytes that both tokenizers ask. No state.

@inline(__always) func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 9 || byte == 13 }

/// Bytes that may stand in a name of XML; beyond ASCII all of them, which is a little more than the standard lets in.
@inline(__always) func isNameByte(_ byte: UInt8) -> Bool {
    let lower = byte | 0x20
    return (lower >= 0x61 && lower <= 0x7A) || (byte >= 0x2D && byte <= 0x3A && byte != 0x2F) || byte == 0x5F
        || byte >= 0x80
}

func isDigitLike(_ byte: UInt8) -> Bool {
    (byte >= 0x30 && byte <= 0x39) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
}

func isAllSpace(_ bytes: Span<UInt8>) -> Bool {
    for index in 0..<bytes.count where !isSpace(bytes[index]) { return false }
    return true
}

func isUTF8(_ bytes: Span<UInt8>) -> Bool {
    var seen: UInt8 = 0
    for index in 0..<bytes.count { seen |= bytes[index] }
    return seen < 0x80 || String(validating: bytesOf(bytes), as: UTF8.self) != nil
}

func bytesOf(_ bytes: Span<UInt8>) -> [UInt8] { bytes.withUnsafeBufferPointer { Array($0) } }

/// The text of bytes that are known to be UTF-8.
func string(_ bytes: Span<UInt8>) -> String {
    bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
}

func isSame(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    for index in 0..<a.count where a[index] != b[index] { return false }
    return true
}

func isSame(_ a: Span<UInt8>, _ b: StaticString) -> Bool {
    guard a.count == b.utf8CodeUnitCount else { return false }
    return b.withUTF8Buffer { text in
        for index in 0..<a.count where a[index] != text[index] { return false }
        return true
    }
}

/// Nil when the bytes end before it is known.
func starts(_ bytes: Span<UInt8>, _ at: Int, _ text: StaticString) -> Bool? {
    text.withUTF8Buffer { text in
        for index in 0..<text.count {
            guard at + index < bytes.count else { return nil }
            if bytes[at + index] != text[index] { return false }
        }
        return true
    }
}

/// The place behind the first such text.
func find(_ text: StaticString, _ bytes: Span<UInt8>, _ start: Int) -> Int? {
    var at = start
    while at + text.utf8CodeUnitCount <= bytes.count {
        if starts(bytes, at, text) == true { return at + text.utf8CodeUnitCount }
        at += 1
    }
    return nil
}

func lineCount(_ bytes: Span<UInt8>) -> Int {
    var count = 0
    for index in 0..<bytes.count where bytes[index] == 10 { count += 1 }
    return count
}
