// The text of a tariff or case file as a tree that knows its lines: YAML, and JSON because JSON is YAML. It knows no
// tariff. Anchors and aliases are not read: with them a page of text can stand for more than any memory holds.
import Yams

/// A value of the file and the line it begins on.
package struct TariffText {
    package enum Content {
        case scalar(String)
        case list([TariffText])
        case map([(key: String, line: Int, value: TariffText)])
    }
    package var content: Content
    package var line: Int

    static let maximumBytes = 500_000
    static let maximumDepth = 16
    static let maximumValues = 50_000

    /// - Throws: text that is no YAML, is too long, too deep or has too many values.
    package static func read(_ bytes: [UInt8], file: String) throws(TariffError) -> TariffText {
        guard bytes.count <= maximumBytes else {
            throw TariffError(file, "more than \(maximumBytes) bytes", remedy: "give one tariff, or one case")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TariffError(file, "it is not UTF-8", remedy: "save it as UTF-8")
        }
        try refuseAliases(bytes, file)
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw tariffError(error, file)
        }
        guard let node else {
            throw TariffError(
                file, "it is empty",
                remedy: "give keys with values; docs/tariffs.md shows a tariff, docs/subscriptions.md a case")
        }
        var count = 0
        return try convert(node, file: file, depth: 0, count: &count)
    }

    /// Any `&x` or `*x` where a value may begin, in quotes and comments too: a scan that cannot be led astray.
    private static func refuseAliases(_ bytes: [UInt8], _ file: String) throws(TariffError) {
        var line = 1
        var before = UInt8(ascii: "\n")
        for (index, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "\n") { line += 1 }
            if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") {
                let isBegin = " \t\r\n[{,:-?(\"'".utf8.contains(before) || before >= 0x80
                let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: " ")
                if isBegin, !" \t\r\n".utf8.contains(next) {
                    throw TariffError(
                        "\(file):\(line)", "anchors and aliases (& and *) are not read",
                        remedy: "write the part out; in a text leave a space behind the sign")
                }
            }
            before = byte
        }
    }

    private static func convert(
        _ node: Node, file: String, depth: Int, count: inout Int
    ) throws(TariffError) -> TariffText {
        let line = node.mark?.line ?? 1
        count += 1
        guard depth <= maximumDepth, count <= maximumValues else {
            throw TariffError(
                "\(file):\(line)", depth > maximumDepth ? "it is nested too deep" : "it has too many values",
                remedy: "at most \(maximumDepth) levels and \(maximumValues) values are read")
        }
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["~", "null"].contains(scalar.string)
            return TariffText(content: .scalar(isNull ? "" : scalar.string), line: line)
        case .sequence(let nodes):
            var list: [TariffText] = []
            for node in nodes { list.append(try convert(node, file: file, depth: depth + 1, count: &count)) }
            return TariffText(content: .list(list), line: line)
        case .mapping(let mapping):
            var pairs: [(key: String, line: Int, value: TariffText)] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw TariffError(
                        "\(file):\(key.mark?.line ?? line)", "a key is a list or a map", remedy: "give keys as words")
                }
                pairs.append(
                    (
                        name.string, key.mark?.line ?? line,
                        try convert(value, file: file, depth: depth + 1, count: &count)
                    ))
            }
            return TariffText(content: .map(pairs), line: line)
        case .alias:
            throw TariffError("\(file):\(line)", "aliases are not read", remedy: "write the part out")
        }
    }

    private static func tariffError(_ error: any Error, _ file: String) -> TariffError {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            return TariffError("\(file):\(mark.line)", problem, remedy: "mend the YAML there; indent with spaces")
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            return TariffError(
                "\(file):\(context.mark.line)", "\(keys.first ?? "a key") stands twice", remedy: "keep one of them")
        case YamlError.reader(let problem, _, _, _):
            return TariffError(file, problem, remedy: "save it as UTF-8 without control characters")
        default:
            return TariffError(file, "it cannot be read", remedy: "give YAML or JSON")
        }
    }
}
