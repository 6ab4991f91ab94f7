// Sayings: sentences of the domains, written in English with numbers and names in them, said in another language. The
// English message of a key `said.…` is the pattern a sentence is known by; what has none is shown as it came.
import Access

struct Sayings: Sendable {
    private struct Pattern: Sendable {
        var key: String
        /// Text before, between and after the placeholders.
        var fixed: [String]
        var names: [String]
        var length: Int
    }
    private var patterns: [Pattern] = []

    static let none = Sayings()
    private init() {}

    /// - Parameter english: all messages of the language the domains speak.
    init(english: [String: String]) {
        for (key, text) in english where key.hasPrefix("said.") {
            var (fixed, names): ([String], [String]) = ([], [])
            var rest = text[...]
            while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
                fixed.append(String(rest[..<open]))
                names.append(String(rest[rest.index(after: open)..<close]))
                rest = rest[rest.index(after: close)...]
            }
            fixed.append(String(rest))
            patterns.append(
                Pattern(key: key, fixed: fixed, names: names, length: fixed.reduce(0) { $0 + $1.utf8.count }))
        }
        // The most exact first.
        patterns.sort { ($1.length, $0.key) < ($0.length, $1.key) }
    }

    /// The key a sentence is known by, and what stands at its placeholders.
    func find(_ sentence: String) -> (key: String, values: [(key: String, value: Markup)])? {
        for pattern in patterns {
            if let parts = Self.parts(sentence, pattern.fixed) {
                return (pattern.key, zip(pattern.names, parts).map { ($0, Markup(text: $1)) })
            }
        }
        return nil
    }

    /// What stands between the fixed parts; nil when the sentence is another one.
    private static func parts(_ sentence: String, _ fixed: [String]) -> [String]? {
        guard let first = fixed.first, sentence.hasPrefix(first) else { return nil }
        var parts: [String] = []
        var rest = sentence.dropFirst(first.count)
        for (index, text) in fixed.dropFirst().enumerated() {
            let isLast = index == fixed.count - 2
            if isLast {
                guard rest.hasSuffix(text), !rest.isEmpty else { return nil }
                parts.append(String(rest.dropLast(text.count)))
                rest = ""
            } else {
                guard let range = rest.firstRange(of: text) else { return nil }
                parts.append(String(rest[..<range.lowerBound]))
                rest = rest[range.upperBound...]
            }
        }
        return rest.isEmpty ? parts : nil
    }
}

extension Wording {
    /// A sentence of a domain in the language of the page; as it came where there are no words for it.
    func said(_ sentence: String) -> Markup {
        guard messages.language != .english, let found = messages.sayings.find(sentence) else { return "\(sentence)" }
        return messages.fill(found.key, found.values)
    }

    /// What was refused and how to mend it, without the name of the field: the page marks the field itself.
    func refusal(_ refusal: Refusal) -> Markup {
        let parts = [refusal.message, refusal.hint].filter { !$0.isEmpty }
        return parts.map { said($0) }.joined(" ")
    }
}
