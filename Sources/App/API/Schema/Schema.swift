// What a value must look like: one description checks the input, documents it and makes the OpenAPI document.
// Knows no endpoint.
import Access
import CivilTime

/// A remark on one field of an ``APIModel``: what it means, an example, limits. Limits are enforced.
public struct Note: Sendable {
    public var text: String
    public var example: JSONValue?
    public var length: ClosedRange<Int>?
    public var range: ClosedRange<Int64>?
    public var among: [Int64]?
    public var itemsMax: Int?

    public init(
        _ text: String, example: JSONValue? = nil, length: ClosedRange<Int>? = nil, range: ClosedRange<Int64>? = nil,
        among: [Int64]? = nil, itemsMax: Int? = nil
    ) {
        self.text = text
        self.example = example
        self.length = length
        self.range = range
        self.among = among
        self.itemsMax = itemsMax
    }
}

/// Input or output of an endpoint, or a part of one. Its schema is read off its own `init(from:)`.
/// Fields are `Bool`, `Int`, `Int32`, `Int64`, `String`, a string enum, ``ID``, ``Day``, another model, an array of
/// these, or an optional of these.
public protocol APIModel: Codable, Sendable {
    /// One note a field, by its coded name; a field without one is a programming error found at start.
    static var notes: [String: Note] { get }
}

/// A type that is one JSON value and says itself how it looks.
public protocol SchemaValue: Codable, Sendable {
    static var schema: Schema { get }
    static var sample: Self { get }
}

/// A text of a form of its own: it is carried as it came, what it must look like is in its schema.
protocol TextValue: SchemaValue {
    var text: String { get }
    init(_ text: String)
}

extension TextValue {
    init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

public struct Schema: Sendable {
    public struct Field: Sendable {
        public var name: String
        public var schema: Schema
        public var isRequired: Bool
        public var note: Note
    }
    public indirect enum Kind: Sendable {
        /// `words`: the only texts allowed. `pattern`, `format`: as JSON Schema writes them.
        case string(length: ClosedRange<Int>?, words: [String]?, pattern: String?, format: String?)
        /// `among`: the only numbers allowed.
        case integer(range: ClosedRange<Int64>, bits: Int, among: [Int64]? = nil)
        case boolean
        case array(of: Schema, itemsMax: Int)
        /// `name` is the name of the Swift type; unique among models.
        case object(name: String, fields: [Field])
    }
    public var kind: Kind
    /// A further check of a string, where `pattern` needs help.
    public var accepts: (@Sendable (String) -> Bool)?

    public init(_ kind: Kind, accepts: (@Sendable (String) -> Bool)? = nil) {
        self.kind = kind
        self.accepts = accepts
    }

    public static let itemsMax = 1000
    public static let textLengthMax = 1000

    public var fields: [Field] { if case .object(_, let fields) = kind { fields } else { [] } }

    /// With the limits of a note.
    func limited(by note: Note) -> Schema {
        switch kind {
        case .string(let length, let words, let pattern, let format):
            Schema(
                .string(length: note.length ?? length, words: words, pattern: pattern, format: format), accepts: accepts
            )
        case .integer(let range, let bits, let among):
            Schema(.integer(range: note.range ?? range, bits: bits, among: note.among ?? among))
        case .array(let of, let itemsMax): Schema(.array(of: of, itemsMax: note.itemsMax ?? itemsMax))
        case .boolean, .object: self
        }
    }

    /// Throws a ``Refusal`` that names the field. Unknown fields and `null` are refused.
    public func check(_ value: JSONValue, at place: String = "") throws {
        func refuse(_ message: String, _ hint: String = "") -> Refusal {
            Refusal(.invalid, message, hint: hint, at: place.isEmpty ? nil : place)
        }
        switch (kind, value) {
        case (.boolean, .bool): return
        case (.integer(let range, _, let among), .number):
            guard let integer = value.integer else {
                throw refuse("This must be a whole number.", "Write it without point, exponent or quotes.")
            }
            guard range.contains(integer) else {
                throw refuse("This number must be from \(range.lowerBound) to \(range.upperBound).")
            }
            if let among, !among.contains(integer) {
                throw refuse("This must be one of: \(among.map(String.init).joined(separator: ", ")).")
            }
        case (.string(let length, let words, let pattern, let format), .string(let text)):
            if let words {
                guard words.contains(text) else {
                    throw refuse("This must be one of: \(words.joined(separator: ", ")).")
                }
                return
            }
            let allowed = length ?? 0...Self.textLengthMax
            guard allowed.contains(text.unicodeScalars.count) else {
                throw refuse("This must have \(allowed.lowerBound) to \(allowed.upperBound) characters.")
            }
            guard !text.unicodeScalars.contains("\0") else {
                throw refuse("This holds a character that is not allowed.")
            }
            guard accepts?(text) ?? true else {
                throw refuse("This must look like \(format ?? pattern ?? "described").")
            }
        case (.array(let schema, let itemsMax), .array(let items)):
            guard items.count <= itemsMax else { throw refuse("At most \(itemsMax) items are taken at once.") }
            for (index, item) in items.enumerated() { try schema.check(item, at: "\(place)[\(index)]") }
        case (.object(_, let fields), .object(let given)):
            try Self.check(given, fields, at: place.isEmpty ? "" : place + ".")
        default: throw refuse("This must be \(noun).")
        }
    }

    private static func check(_ given: [String: JSONValue], _ fields: [Field], at prefix: String) throws {
        if let stranger = given.keys.filter({ name in !fields.contains { $0.name == name } }).min() {
            let known = fields.map(\.name).sorted().joined(separator: ", ")
            throw Refusal(
                .invalid, "There is no field of this name.",
                hint: known.isEmpty ? "No fields are taken." : "Known: \(known).",
                at: prefix + String(stranger.prefix(64)))
        }
        for field in fields {
            guard let value = given[field.name] else {
                guard !field.isRequired else {
                    throw Refusal(.invalid, "This field is missing.", hint: field.note.text, at: prefix + field.name)
                }
                continue
            }
            try field.schema.check(value, at: prefix + field.name)
        }
    }

    private var noun: String {
        switch kind {
        case .string: "a text in quotes"
        case .integer: "a whole number"
        case .boolean: "true or false"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// An id in JSON: a text, because 63 bits do not fit a JavaScript number.
public struct ID: SchemaValue, Equatable, Hashable {
    public var value: Int64
    public init(_ value: Int64) { self.value = value }

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        // Nineteen digits may exceed 63 bits: no such id was ever made.
        guard let value = Int64(text) else { throw Refusal(.notFound, "There is nothing with this id.") }
        self.value = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(value))
    }

    public static let sample = ID(1)
    public static let schema = Schema(
        .string(length: 1...19, words: nil, pattern: "^[1-9][0-9]{0,18}$", format: nil),
        accepts: { text in
            text.utf8.first != UInt8(ascii: "0")
                && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        })
}

/// A civil day in JSON: `YYYY-MM-DD`, years 1970 to 2199.
public struct Day: SchemaValue, Equatable, Hashable {
    public var value: CivilDay
    public init(_ value: CivilDay) { self.value = value }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self.read(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no day")
        }
        self.value = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value.description)
    }

    private static func read(_ text: String) -> CivilDay? {
        guard let day = CivilDay(text), (1970...2199).contains(day.parts.year) else { return nil }
        return day
    }

    public static let sample = Day(CivilDay(number: 0))
    public static let schema = Schema(
        .string(
            length: 10...10, words: nil,
            pattern: "^(19[7-9][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", format: "date"),
        accepts: { read($0) != nil })
}

/// No input, or nothing to answer.
public struct Nothing: APIModel {
    public init() {}
    public static let notes: [String: Note] = [:]
}
