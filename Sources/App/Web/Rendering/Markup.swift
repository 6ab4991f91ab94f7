// Markup: text that is safe to stand in an HTML page, and the values a template may see.
// Nothing reaches a template but Markup, so no template can forget to escape: plain text is escaped on the way in.
import Mustache

/// Safe HTML. Built by interpolation: a plain value is escaped, a `Markup` stays as it is.
struct Markup: Sendable, Equatable, ExpressibleByStringInterpolation {
    let html: String

    init(stringLiteral html: String) { self.html = html }
    init(stringInterpolation: Interpolation) { html = stringInterpolation.html }

    /// Takes text as it is; only for what was escaped elsewhere (charts, rendered templates, message files).
    init(trusted html: String) { self.html = html }

    /// Plain text, escaped for a place between tags or in a quoted attribute.
    init(text: String) {
        var out = ""
        out.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        html = out
    }

    static func + (a: Markup, b: Markup) -> Markup { Markup(trusted: a.html + b.html) }
    var isEmpty: Bool { html.isEmpty }

    /// The plain text again, for charts, which escape for themselves. Only for words without tags.
    var plain: String {
        let entities = ["&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#39;": "'"]
        return entities.reduce(html) { $0.replacing($1.key, with: $1.value) }.replacing("&amp;", with: "&")
    }

    struct Interpolation: StringInterpolationProtocol {
        var html = ""
        init(literalCapacity: Int, interpolationCount: Int) { html.reserveCapacity(literalCapacity * 2) }
        mutating func appendLiteral(_ literal: String) { html += literal }
        mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
        mutating func appendInterpolation(_ text: String) { html += Markup(text: text).html }
        mutating func appendInterpolation(_ number: some BinaryInteger) { html += String(number) }
    }
}

extension [Markup] {
    func joined(_ separator: Markup = "") -> Markup {
        Markup(trusted: map(\.html).joined(separator: separator.html))
    }
}

/// What a template may see of a page.
enum Field: Sendable {
    case markup(Markup)
    case flag(Bool)
    case list([Fields])
    case row(Fields)
    case messages(Messages)
}

/// Named values of a page or of a line of a table; what is not there is looked up in the row around it.
struct Fields: MustacheParent, Sendable {
    private var values: [String: Field] = [:]

    subscript(_ name: String) -> Field? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// Sets text, escaped. Nil hides what a wider row has under this name.
    mutating func set(_ name: String, _ text: String?) { set(name, text.map { Markup(text: $0) }) }
    mutating func set(_ name: String, _ markup: Markup?) {
        values[name] = markup.map { .markup($0) } ?? .flag(false)
    }
    mutating func set(_ name: String, _ flag: Bool) { values[name] = .flag(flag) }
    mutating func set(_ name: String, _ rows: [Fields]) { values[name] = .list(rows) }
    mutating func set(_ name: String, _ row: Fields?) { values[name] = row.map { .row($0) } ?? .flag(false) }

    /// A row of the given markup values.
    init(_ pairs: KeyValuePairs<String, Markup?> = [:]) {
        for (name, markup) in pairs { set(name, markup) }
    }

    func child(named name: String) -> Any? {
        switch values[name] {
        case .markup(let markup): markup.html
        case .flag(let flag): flag
        case .list(let rows): rows
        case .row(let row): row
        case .messages(let messages): messages
        case nil: nil
        }
    }
}
