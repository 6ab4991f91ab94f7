// One reader and one writer for both forms of a message, so that whoever exchanges messages names the form once.

public enum MessageFormat: String, Sendable, CaseIterable {
    /// IEC 61968-9 in the envelope of IEC 61968-100.
    case xml
    /// The same as JSON, in the shape head-ends of the Indian market use; docs/iec61968.md lists the fields.
    case json

    public var mediaType: String { self == .xml ? "application/xml" : "application/json" }

    /// The form a document is in, by its first byte that is no space: `<` or `{`. Nil for anything else.
    public static func of(_ start: [UInt8]) -> MessageFormat? {
        let bytes = start.starts(with: [0xEF, 0xBB, 0xBF]) ? start.dropFirst(3) : start[...]
        switch bytes.first(where: { !isSpace($0) }) {
        case UInt8(ascii: "<"): return .xml
        case UInt8(ascii: "{"): return .json
        default: return nil
        }
    }
}

/// Reads a message in pieces; see ``XMLMessageReader``.
public struct MessageReader {
    // One of both; two optionals and not an enum, so that reading changes them in place.
    private var xml: XMLMessageReader?
    private var json: JSONMessageReader?

    public init(_ format: MessageFormat, limits: DocumentLimits = DocumentLimits()) {
        switch format {
        case .xml: xml = XMLMessageReader(limits: limits)
        case .json: json = JSONMessageReader(limits: limits)
        }
    }

    /// Parts of the document that were not known and were skipped.
    public var skippedCount: Int { xml?.skippedCount ?? json?.skippedCount ?? 0 }

    /// Takes the next bytes and returns what became whole with them, in order.
    public mutating func feed(_ bytes: [UInt8]) throws -> [MessageItem] {
        try xml?.feed(bytes) ?? json?.feed(bytes) ?? []
    }

    /// - Throws: ``DocumentError`` `truncated` unless the document is whole.
    public mutating func finish() throws {
        try xml?.finish()
        try json?.finish()
    }
}

/// Writes a message item by item; see ``XMLMessageWriter``.
public struct MessageWriter {
    private var xml: XMLMessageWriter?
    private var json: JSONMessageWriter?

    public init(_ format: MessageFormat, _ header: MessageHeader, offsetS: Int64 = 0) {
        switch format {
        case .xml: xml = XMLMessageWriter(header, offsetS: offsetS)
        case .json: json = JSONMessageWriter(header, offsetS: offsetS)
        }
    }

    /// The bytes written since the last call.
    public mutating func take() -> [UInt8] { xml?.take() ?? json?.take() ?? [] }
    public var pendingBytes: Int { xml?.pendingBytes ?? json?.pendingBytes ?? 0 }

    public mutating func reply(_ reply: MessageReply) {
        xml?.reply(reply)
        json?.reply(reply)
    }
    /// Opens the payload of the header's noun, also when nothing comes into it.
    public mutating func openPayload() {
        xml?.openPayload()
        json?.openPayload()
    }
    public mutating func write(_ reading: MeterReading) {
        xml?.write(reading)
        json?.write(reading)
    }
    public mutating func write(_ event: EndDeviceEvent) {
        xml?.write(event)
        json?.write(event)
    }
    public mutating func write(_ control: EndDeviceControl) {
        xml?.write(control)
        json?.write(control)
    }
    public mutating func write(_ request: ReadingsRequest) {
        xml?.write(request)
        json?.write(request)
    }
    /// Ends the document. Call it once.
    public mutating func finish() {
        xml?.finish()
        json?.finish()
    }
}
