// Sayings: sentences of the domains, written in English with numbers and names in them, said in another language. The
// English message of a key `said.…` is the pattern a sentence is known by; what has none is shown as it came.
import Access

struct Sayings: Sendable {
    private struct Pattern: Sendable {
        var key: String
        /// Text before, between and after the placeholders, in UTF-8.
        var fixed: [[UInt8]]
        var names: [String]
        var length: Int
    }
    /// Keys of the sentences without placeholders.
    private var whole: [String: String] = [:]
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
            guard !names.isEmpty else {
                whole[text] = key
                continue
            }
            fixed.append(String(rest))
            patterns.append(
                Pattern(
                    key: key, fixed: fixed.map { Array($0.utf8) }, names: names,
                    length: fixed.reduce(0) { $0 + $1.utf8.count }))
        }
        // The most exact first.
        patterns.sort { ($1.length, $0.key) < ($0.length, $1.key) }
    }

    /// The key a sentence is known by, and what stands at its placeholders.
    func find(_ sentence: String) -> (key: String, values: [(key: String, value: Markup)])? {
        if let key = whole[sentence] { return (key, []) }
        let bytes = Array(sentence.utf8)
        for pattern in patterns where pattern.length < bytes.count {
            if let parts = Self.parts(bytes, pattern.fixed) {
                return (pattern.key, zip(pattern.names, parts).map { ($0, Markup(text: $1)) })
            }
        }
        return nil
    }

    /// What stands between the fixed parts; nil when the sentence is another one.
    private static func parts(_ sentence: [UInt8], _ fixed: [[UInt8]]) -> [String]? {
        let (first, last) = (fixed[0], fixed[fixed.count - 1])
        guard sentence.starts(with: first), sentence.reversed().starts(with: last.reversed()) else { return nil }
        var parts: [String] = []
        var from = first.count
        let end = sentence.count - last.count
        for text in fixed[1..<(fixed.count - 1)] {
            var at = from
            while at + text.count <= end, !sentence[at...].starts(with: text) { at += 1 }
            guard at + text.count <= end else { return nil }
            parts.append(String(decoding: sentence[from..<at], as: UTF8.self))
            from = at + text.count
        }
        guard from < end else { return nil }
        return parts + [String(decoding: sentence[from..<end], as: UTF8.self)]
    }
}

extension Wording {
    /// A sentence of a domain in the language of the page; as it came where there are no words for it. One that is put
    /// together of clauses (`load.csv:7: what; what more`) is said clause by clause where the whole is not known.
    func said(_ sentence: String) -> Markup {
        messages.language == .english ? "\(sentence)" : said(sentence, clauses: 6)
    }

    private func said(_ sentence: String, clauses: Int) -> Markup {
        let known = messages.sayings.find(sentence)
        let split = clauses > 1 ? sentence.firstRange(of: #/[:;] /#) : nil
        let parts = split.map { (String(sentence[..<$0.lowerBound]), String(sentence[$0.upperBound...])) }
        // What stands at a placeholder may be a clause that is known itself.
        let areKnown = parts.map { [$0.0, $0.1].allSatisfy { messages.sayings.find($0) != nil } } ?? false
        if let known, !areKnown { return messages.fill(known.key, known.values) }
        guard let split, let (first, rest) = parts else { return "\(sentence)" }
        return "\(said(first, clauses: 1))\(String(sentence[split]))\(said(rest, clauses: clauses - 1))"
    }

    /// What was refused and how to mend it, without the name of the field: the page marks the field itself.
    func refusal(_ refusal: Refusal) -> Markup {
        let parts = [refusal.message, refusal.hint].filter { !$0.isEmpty }
        return parts.map { said($0) }.joined(" ")
    }

    /// The summary above a form that was refused, with a link to the field.
    /// - Parameters:
    ///   - field: the form's field for the place that a refusal names.
    ///   - otherwise: where the link leads when the refusal is about no field of the form.
    func errors(_ refusal: Refusal?, otherwise: String, at field: (String) -> String? = { _ in nil }) -> [Fields] {
        refusal.map { [errorSummary([($0.at.flatMap(field) ?? otherwise, self.refusal($0))])] } ?? []
    }
}
