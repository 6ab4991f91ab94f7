// Splits Swift source into code, string literals and comments, line by line, so that a rule looks only where it means
// to look.
// Not a parser: a regex literal is read as code.
import Foundation

/// One line of a file. The views hold only what belongs to them; `code` keeps the quotes of a string, not its text.
struct SourceLine {
    let number: Int
    var code: [UInt8] = []
    var strings: [UInt8] = []
    var comment: [UInt8] = []

    var codeText: String { String(decoding: code, as: UTF8.self) }
    var stringText: String { String(decoding: strings, as: UTF8.self) }
}

/// A file as the rules see it. `path` is relative to the root of the repository, with `/`.
struct HouseFile {
    let path: String
    let text: String
    let byteCount: Int
    let lines: [SourceLine]

    init(_ path: String, _ text: String, byteCount: Int? = nil) {
        self.path = path
        self.text = text
        self.byteCount = byteCount ?? text.utf8.count
        if path.hasSuffix(".swift") {
            var scanner = SourceScanner(Array(text.utf8))
            lines = scanner.scan()
        } else {
            lines = []
        }
    }

    /// `Core` and `VEE` of `Sources/Core/VEE/Rules.swift`; nil for a file that belongs to no target.
    var place: (layer: String, target: String)? {
        let parts = path.split(separator: "/")
        return parts.count >= 4 && parts[0] == "Sources" ? (String(parts[1]), String(parts[2])) : nil
    }
}

/// What a rule has to say about a line.
struct Finding: Equatable, CustomStringConvertible {
    let path: String
    let line: Int
    let rule: String
    let message: String
    var description: String { "\(path):\(line): [\(rule)] \(message)" }
}

struct SourceScanner {
    private enum Mode {
        case code(openBrackets: Int)
        case string(hashes: Int, multiline: Bool)
        case lineComment
        case blockComment
    }

    private let bytes: [UInt8]
    private var index = 0
    private var modes: [Mode] = [.code(openBrackets: 0)]
    private var line = SourceLine(number: 1)
    private var lines: [SourceLine] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func scan() -> [SourceLine] {
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") { endLine() } else { step() }
        }
        lines.append(line)
        return lines
    }

    private mutating func endLine() {
        switch modes[modes.count - 1] {
        case .lineComment, .string(_, multiline: false): modes.removeLast()
        default: break
        }
        lines.append(line)
        line = SourceLine(number: line.number + 1)
        index += 1
    }

    private mutating func step() {
        switch modes[modes.count - 1] {
        case .code(let openBrackets): stepCode(openBrackets)
        case .string(let hashes, let multiline): stepString(hashes, multiline)
        case .lineComment:
            line.comment.append(bytes[index])
            index += 1
        case .blockComment:
            if starts("*/") {
                modes.removeLast()
                index += 2
            } else if starts("/*") {
                modes.append(.blockComment)
                index += 2
            } else {
                line.comment.append(bytes[index])
                index += 1
            }
        }
    }

    private mutating func stepCode(_ openBrackets: Int) {
        if starts("//") {
            modes.append(.lineComment)
            index += 2
            return
        }
        if starts("/*") {
            modes.append(.blockComment)
            index += 2
            return
        }
        var hashes = 0
        while index + hashes < bytes.count, bytes[index + hashes] == UInt8(ascii: "#") { hashes += 1 }
        if index + hashes < bytes.count, bytes[index + hashes] == UInt8(ascii: "\"") {
            index += hashes
            let multiline = starts("\"\"\"")
            index += multiline ? 3 : 1
            line.code.append(UInt8(ascii: "\""))
            modes.append(.string(hashes: hashes, multiline: multiline))
            return
        }
        let byte = bytes[index]
        index += 1
        if byte == UInt8(ascii: "("), modes.count > 1 { modes[modes.count - 1] = .code(openBrackets: openBrackets + 1) }
        if byte == UInt8(ascii: ")"), modes.count > 1 {
            // The bracket that closes an interpolation leads back into the string around it.
            if openBrackets == 0 {
                modes.removeLast()
                return
            }
            modes[modes.count - 1] = .code(openBrackets: openBrackets - 1)
        }
        line.code.append(byte)
    }

    private mutating func stepString(_ hashes: Int, _ multiline: Bool) {
        let marks = String(repeating: "#", count: hashes)
        if starts("\\\(marks)(") {
            index += 2 + hashes
            line.strings.append(UInt8(ascii: " "))
            line.code.append(UInt8(ascii: " "))
            modes.append(.code(openBrackets: 0))
        } else if starts("\\\(marks)") {
            index += 1 + hashes
            if index < bytes.count, bytes[index] != UInt8(ascii: "\n") {
                line.strings.append(bytes[index])
                index += 1
            }
        } else if starts((multiline ? "\"\"\"" : "\"") + marks) {
            index += (multiline ? 3 : 1) + hashes
            line.code.append(UInt8(ascii: "\""))
            line.strings.append(UInt8(ascii: " "))
            modes.removeLast()
        } else {
            line.strings.append(bytes[index])
            index += 1
        }
    }

    private func starts(_ text: String) -> Bool {
        var at = index
        for byte in text.utf8 {
            guard at < bytes.count, bytes[at] == byte else { return false }
            at += 1
        }
        return true
    }
}

func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
        true
    default: false
    }
}

/// Where `needle` starts in `hay`. A needle that begins or ends with a letter must stand as a word of its own there.
func occurrences(of needle: String, in hay: [UInt8]) -> [Int] {
    let wanted = Array(needle.utf8)
    guard let first = wanted.first, let last = wanted.last, hay.count >= wanted.count else { return [] }
    var found: [Int] = []
    var start = 0
    hay.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress else { return }
        while start + wanted.count <= hay.count,
            let hit = memchr(base + start, Int32(first), hay.count - start - wanted.count + 1)
        {
            let at = UnsafeRawPointer(hit) - base
            let end = at + wanted.count
            start = at + 1
            guard memcmp(hit, wanted, wanted.count) == 0 else { continue }
            let opens = !isWordByte(first) || at == 0 || !isWordByte(buffer[at - 1])
            let closes = !isWordByte(last) || end == hay.count || !isWordByte(buffer[end])
            if opens && closes { found.append(at) }
        }
    }
    return found
}
