// What is wrong with a document, and the bounds every document is held to. Nothing here reads anything.

/// A document that cannot be read further. What was decoded before it must not be used by anybody who promised
/// all or nothing.
public struct DocumentError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// Not well-formed: a tag, a quote, a bracket is missing or wrong.
        case malformed
        /// The document ends before its last element or brace is closed.
        case truncated
        /// Bytes that are no UTF-8, or another encoding.
        case encoding
        /// DTD, entities of its own: never read.
        case refused
        /// Deeper, longer or more than ``DocumentLimits`` allow.
        case limit
        /// Well-formed, but no message of this kind: a strange root or namespace, a field that must be there.
        case content
    }
    public var code: Code
    /// From 1.
    public var line: Int
    public var what: String
    public var hint: String

    public init(_ code: Code, line: Int, _ what: String, hint: String = "") {
        self.code = code
        self.line = line
        self.what = what
        self.hint = hint
    }

    public var description: String { "line \(line): \(what)" }
}

/// What a document may hold. The memory a decoder needs follows from these, not from the size of the document.
public struct DocumentLimits: Sendable {
    /// Elements or brackets inside each other.
    public var depth = 32
    /// Bytes of one tag, one text, one string.
    public var tokenBytes = 65_536
    /// Bytes of one record of the JSON form.
    public var recordBytes = 4 << 20
    /// Attributes of one element; fields of one JSON object.
    public var attributes = 32
    /// Different names in a document.
    public var names = 2_000
    /// Values held for one meter at a time; a sender splits what is longer.
    public var valuesPerMeter = 200_000
    /// Characters of a name, id or reason that is kept.
    public var fieldCharacters = 300
    public init() {}
}
