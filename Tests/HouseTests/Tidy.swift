// What may not stand in a file, and what to write instead. Every rule is a value; TidyTests plants an offence for each.
import Foundation

/// A banned word: where it is looked for, where it is allowed, and what to use.
struct Ban {
    enum View { case code, strings }
    let rule: String
    let words: [String]
    let view: View
    /// Path prefixes the rule looks at.
    let within: [String]
    /// Path prefixes, each with its reason, that may use the word.
    let except: [String: String]
    let use: String

    init(
        _ rule: String, _ words: [String], in view: View = .code, within: [String] = ["Sources/"],
        except: [String: String] = [:], use: String
    ) {
        self.rule = rule
        self.words = words
        self.view = view
        self.within = within
        self.except = except
        self.use = use
    }

    func looks(at path: String) -> Bool {
        within.contains { path.hasPrefix($0) } && !except.keys.contains { path.hasPrefix($0) }
    }
}

let bans: [Ban] = [
    Ban(
        "clock",
        [
            "Date()", "Date.now", "Date(timeIntervalSinceNow", ".timeIntervalSinceNow", "clock_gettime", "gettimeofday",
            "time(nil)", "ContinuousClock", "SuspendingClock", "DispatchTime.now", "NIODeadline.now", "systemUptime",
            "CFAbsoluteTimeGetCurrent",
        ],
        except: ["Sources/Ports/Clocks/": "the one place that reads the time"], use: "Clocks, given by the caller"),
    Ban(
        "sql-clock", ["NOW()", "now()", "CURRENT_TIMESTAMP", "CURRENT_DATE", "unixepoch"], in: .strings,
        within: ["Sources/Ports/", "Sources/Adapters/", "Sources/Domains/", "Sources/App/Jobs/"],
        use: "a bound time of Clocks"),
    Ban("decimal", ["Decimal", "NSDecimalNumber"], use: "integers with the unit in the name"),
    Ban(
        "calendar",
        [
            "DateFormatter", "ISO8601DateFormatter", "DateComponents", "Calendar.current", "Calendar(identifier",
            "NumberFormatter",
        ], use: "CivilTime and Quantities"),
    Ban(
        "date", ["Date(", ": Date", "-> Date", "[Date]"],
        within: ["Sources/Core/", "Sources/Domains/", "Sources/Ports/"],
        except: ["Sources/Core/CivilTime/Zone.swift": "asks Foundation for the tz database"],
        use: "CivilDay, or seconds and milliseconds as Int64"),
    Ban(
        "double", ["Double", "Float", "CGFloat"], within: ["Sources/Core/", "Sources/Domains/", "Sources/Ports/"],
        except: [
            "Sources/Core/Charts/": "coordinates on a screen",
            "Sources/Core/DLMS/": "float32 and float64 are types of the standard",
            "Sources/Core/CivilTime/Zone.swift": "Foundation's instants",
        ], use: "integers with the unit in the name"),
    Ban("try", ["try!", "as!"], use: "do and catch, or a guard with an error"),
    Ban("trap", ["fatalError("], use: "a thrown error, or a precondition that says why"),
    Ban("unsafe-nonisolated", ["nonisolated(unsafe)"], use: "Mutex"),
    Ban(
        "core-io",
        [
            "FileManager", "FileHandle", "ProcessInfo", "URLSession", "String(contentsOf", "Data(contentsOf",
            "contentsOfFile", "fopen(",
        ],
        within: ["Sources/Core/"], use: "a value handed in by the caller: Core does no input or output"),
    Ban("sql-like", ["LIKE", "ILIKE", "GLOB"], in: .strings, use: "equality, or a range over the prefix"),
    Ban(
        "sql-dialect", ["INSERT OR", "AUTOINCREMENT", "BIGSERIAL", "DOUBLE PRECISION"], in: .strings,
        except: ["Sources/Adapters/": "speaks to one engine"], use: "what both engines understand: see docs/decisions"),
    Ban("xctest", ["XCTest"], within: ["Tests/"], use: "Swift Testing"),
    Ban("silent-skip", [".disabled()"], within: ["Tests/"], use: ".disabled(\"the reason\")"),
]

/// Files that may say `@unchecked Sendable`, each use with a comment that says why.
let mayBeUnchecked = [
    "Sources/Adapters/SQLiteAdapter/": "a connection is used by its own thread only",
    "Sources/Adapters/PostgresAdapter/": "a connection is used by its own thread only",
    "Tests/": "helpers of tests",
]

enum Limits {
    static let lineColumns = 120
    static let functionLines = 70
    static let fileLines = 600
    static let fileBytes = 500_000
}

/// Everything the rules have to say about one file.
func tidyFindings(_ file: HouseFile) -> [Finding] {
    var findings = textFindings(file)
    guard file.path.hasSuffix(".swift") else { return findings }
    findings += banFindings(file) + printFindings(file) + uncheckedFindings(file) + forceUnwrapFindings(file)
    findings += sumFindings(file) + functionFindings(file)
    if !file.text.hasPrefix("//") || file.text.hasPrefix("///") {
        findings.append(
            Finding(
                path: file.path, line: 1, rule: "opening",
                message: "a file opens with a comment line: what it is for and what it must not do"))
    }
    return findings
}

// MARK: Any text

/// Words are put together here from pieces, so that this file passes its own rules.
private let markers = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
private let machinePaths = ["/wo" + "rk/", "/ro" + "ot/"]
private let codeSuffixes = [".swift", ".py", ".sh", ".js", "Makefile", ".ci/run", ".bench"]

private func isCode(_ path: String) -> Bool {
    codeSuffixes.contains { path.hasSuffix($0) } || path.hasPrefix("scripts/") || path == "benchmarks/run"
}

private func textFindings(_ file: HouseFile) -> [Finding] {
    var findings: [Finding] = []
    func add(_ line: Int, _ rule: String, _ message: String) {
        findings.append(Finding(path: file.path, line: line, rule: rule, message: message))
    }
    // The description of the API is generated and grows with each endpoint.
    let fileBytes = file.path == "openapi/busbar.json" ? 2 * Limits.fileBytes : Limits.fileBytes
    if file.byteCount > fileBytes { add(1, "file-size", "\(file.byteCount) bytes; at most \(Limits.fileBytes)") }
    let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
    let count = file.text.hasSuffix("\n") ? lines.count - 1 : lines.count
    if isCode(file.path), count > Limits.fileLines {
        add(Limits.fileLines, "file-lines", "\(count) lines; at most \(Limits.fileLines): split it by concept")
    }
    for (index, line) in lines.enumerated() {
        let bytes = Array(line.utf8)
        if isCode(file.path), bytes.count > Limits.lineColumns, line.count > Limits.lineColumns {
            add(index + 1, "line-length", "\(line.count) columns; at most \(Limits.lineColumns)")
        }
        for word in markers where !occurrences(of: word, in: bytes).isEmpty {
            add(index + 1, "marker", "\(word): do it, or write an issue")
        }
        for path in machinePaths where standsAlone(path, in: bytes) {
            add(index + 1, "machine-path", "\(path) exists on one machine only: use a setting or a relative path")
        }
    }
    return findings
}

/// A path that begins here, not the tail of a web address or of a relative path.
private func standsAlone(_ path: String, in bytes: [UInt8]) -> Bool {
    occurrences(of: path, in: bytes).contains { at in
        at == 0
            || !(isWordByte(bytes[at - 1])
                || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "}")].contains(bytes[at - 1]))
    }
}

// MARK: Swift

private func banFindings(_ file: HouseFile) -> [Finding] {
    bans.filter { $0.looks(at: file.path) }.flatMap { ban in
        file.lines.flatMap { line in
            let text = ban.view == .code ? line.code : line.strings
            return ban.words.filter { !occurrences(of: $0, in: text).isEmpty }.map {
                Finding(path: file.path, line: line.number, rule: ban.rule, message: "no \($0) here: use \(ban.use)")
            }
        }
    }
}

/// `print(` belongs to the command line; a method of that name (`output.print(`) is its owner's business.
private func printFindings(_ file: HouseFile) -> [Finding] {
    guard file.path.hasPrefix("Sources/"), !file.path.hasPrefix("Sources/Executable/") else { return [] }
    return file.lines.filter { line in
        ["print(", "debugPrint("].contains { word in
            occurrences(of: word, in: line.code).contains { at in
                at == 0 || line.code[at - 1] != UInt8(ascii: ".") && !line.codeText.contains("func \(word)")
            }
        }
    }.map {
        Finding(
            path: file.path, line: $0.number, rule: "print",
            message: "only Sources/Executable prints: return the text, or log it")
    }
}

private func uncheckedFindings(_ file: HouseFile) -> [Finding] {
    file.lines.enumerated().compactMap { index, line in
        guard !occurrences(of: "@unchecked Sendable", in: line.code).isEmpty else { return nil }
        let explained = !line.comment.isEmpty || index > 0 && !file.lines[index - 1].comment.isEmpty
        if mayBeUnchecked.keys.contains(where: { file.path.hasPrefix($0) }), explained { return nil }
        return Finding(
            path: file.path, line: line.number, rule: "unchecked",
            message:
                "@unchecked Sendable only in the files HouseTests lists, with a comment above that says why; use Mutex")
    }
}

/// `value!` in Sources, except in the value of a constant (`static let`, or `let` at the outermost level).
private func forceUnwrapFindings(_ file: HouseFile) -> [Finding] {
    guard file.path.hasPrefix("Sources/") else { return [] }
    return file.lines.filter { line in
        let text = line.codeText
        if text.contains("static let ") || text.hasPrefix("let ") || text.hasPrefix("public let ")
            || text.hasPrefix("private let ")
        {
            return false
        }
        return line.code.indices.contains { index in
            guard line.code[index] == UInt8(ascii: "!"), index > 0 else { return false }
            let before = line.code[index - 1]
            let closes =
                isWordByte(before) || [UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(before)
            let comparison = index + 1 < line.code.count && line.code[index + 1] == UInt8(ascii: "=")
            let keyword =
                text.utf8.prefix(index).suffix(3).elementsEqual("try".utf8)
                || text.utf8.prefix(index).suffix(3).elementsEqual(" as".utf8)
            return closes && !comparison && !keyword
        }
    }.map {
        Finding(
            path: file.path, line: $0.number, rule: "force-unwrap",
            message: "no force unwrap: guard, and say what was wrong")
    }
}

/// The type of SUM differs between the engines.
private func sumFindings(_ file: HouseFile) -> [Finding] {
    guard file.path.hasPrefix("Sources/") else { return [] }
    return file.lines.filter { line in
        occurrences(of: "SUM(", in: line.strings).contains { at in
            let before = String(decoding: line.strings[..<at], as: UTF8.self)
            return !before.hasSuffix("CAST(") && !before.hasSuffix("CAST(COALESCE(")
        }
    }.map {
        Finding(path: file.path, line: $0.number, rule: "sql-sum", message: "write CAST(SUM(x) AS BIGINT)")
    }
}

/// Functions, initialisers and computed properties that are too long.
private func functionFindings(_ file: HouseFile) -> [Finding] {
    functionLengths(file.lines).filter { $0.lines > Limits.functionLines }.map {
        Finding(
            path: file.path, line: $0.line, rule: "function-length",
            message: "\($0.lines) lines; at most \(Limits.functionLines)")
    }
}

/// Where each function with a body begins and how many lines it takes, its signature included.
func functionLengths(_ lines: [SourceLine]) -> [(line: Int, lines: Int)] {
    lines.indices.compactMap { index in
        guard let start = declarationStart(lines[index].code) else { return nil }
        return bodyEnd(lines, from: index, column: start).map { (lines[index].number, $0 - index + 1) }
    }
}

private func declarationStart(_ code: [UInt8]) -> Int? {
    if let at = occurrences(of: "func", in: code).first { return at }
    for at in occurrences(of: "init", in: code) where at + 4 < code.count {
        let called = at > 0 && code[at - 1] == UInt8(ascii: ".")
        if !called, "(<?".utf8.contains(code[at + 4]) { return at }
    }
    guard let at = occurrences(of: "var", in: code).first, code.last == UInt8(ascii: "{"),
        !code.contains(UInt8(ascii: "="))
    else {
        return nil
    }
    return at
}

/// The index of the line with the closing brace; nil for a requirement without a body.
private func bodyEnd(_ lines: [SourceLine], from first: Int, column: Int) -> Int? {
    var brackets = 0
    var braces = 0
    for index in lines[first...].indices {
        let code = index == first ? lines[index].code[column...] : lines[index].code[...]
        if index > first, brackets == 0, braces == 0, !continuesSignature(code) { return nil }
        for byte in code {
            switch byte {
            case UInt8(ascii: "("), UInt8(ascii: "["): brackets += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): brackets -= 1
            case UInt8(ascii: "{"): braces += 1
            case UInt8(ascii: "}"):
                // A brace of the enclosing protocol or type: there was no body.
                if braces == 0, brackets == 0 { return nil }
                braces -= 1
                if braces == 0, brackets == 0 { return index }
            default: break
            }
        }
    }
    return nil
}

private func continuesSignature(_ code: ArraySlice<UInt8>) -> Bool {
    let text = String(decoding: code, as: UTF8.self).drop { $0 == " " }
    return text.isEmpty || ["{", ")", "->", "where", "throws", "async", "rethrows"].contains { text.hasPrefix($0) }
}
