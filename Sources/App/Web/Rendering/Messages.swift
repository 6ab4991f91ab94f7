// Messages: the words of a language from its message file, whole sentences with `{placeholders}`.
// A message is trusted HTML written by us; what is put into it is escaped.
import Mustache

/// The languages of the pages.
public enum Language: String, Sendable, CaseIterable {
    case english = "en"
    case hindi = "hi"

    /// The name of the language in the language itself.
    public var ownName: String {
        switch self {
        case .english: "English"
        case .hindi: "हिन्दी"
        }
    }
}

/// One language's messages by key. In a template `{{{t.a.b}}}` is the message `a.b`.
struct Messages: MustacheParent, MustacheCustomRenderable, Sendable {
    let language: Language
    let texts: [String: String]
    /// Patterns of the sentences of the domains.
    var sayings = Sayings.none
    private var prefix = ""

    /// What is wrong with a message file: the line and why.
    struct Fault: Error, Equatable {
        var line: Int
        var reason: String
    }

    /// Reads `key = text` lines. Empty lines and lines that open with `#` are skipped; a key stands once.
    init(language: Language, file: String) throws(Fault) {
        var texts: [String: String] = [:]
        for (index, line) in file.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let split = line.firstRange(of: " = "), split.lowerBound > line.startIndex else {
                throw Fault(line: index + 1, reason: "expected `key = text`")
            }
            let key = String(line[..<split.lowerBound])
            guard texts.updateValue(String(line[split.upperBound...]), forKey: key) == nil else {
                throw Fault(line: index + 1, reason: "the key \(key) stands twice")
            }
        }
        self.language = language
        self.texts = texts
    }

    /// A message with its placeholders filled. A missing key or value shows as ⟦key⟧, which a test looks for.
    func say(_ key: String, _ values: KeyValuePairs<String, Markup> = [:]) -> Markup {
        fill(key, values.map { ($0.key, $0.value) })
    }

    /// A message that depends on a number: `key.one` or `key.other`, with `{n}` filled in.
    func count(_ key: String, _ n: Int, _ shown: String, _ values: KeyValuePairs<String, Markup> = [:]) -> Markup {
        let isOne = language == .hindi ? n == 0 || n == 1 : n == 1
        return fill(isOne ? key + ".one" : key + ".other", [("n", "\(shown)")] + values.map { ($0.key, $0.value) })
    }

    func fill(_ key: String, _ values: [(key: String, value: Markup)]) -> Markup {
        guard let text = texts[key] else { return "⟦\(key)⟧" }
        var out = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            out += rest[..<open]
            let name = rest[rest.index(after: open)..<close]
            out += values.first { $0.key == name }?.value.html ?? "⟦\(name)⟧"
            rest = rest[rest.index(after: close)...]
        }
        return Markup(trusted: out + rest)
    }

    /// The parts of a list message, such as the names of months: `a|b|c`.
    func list(_ key: String) -> [String] { (texts[key] ?? "").split(separator: "|").map(String.init) }

    func child(named name: String) -> Any? {
        let key = prefix + name
        if let text = texts[key] { return text }
        var inner = self
        inner.prefix = key + "."
        return inner
    }

    var renderText: String { "⟦\(prefix)⟧" }
    var isNull: Bool { false }
}
