// A request and its answer without a server: what the dispatcher and the pages work with, and what tests call directly.

/// Header fields in order. Names are compared without case. Values never carry line breaks or control characters to
/// the wire: they are dropped here, so that no value can add a header or a body.
public struct Headers: Sendable, Equatable {
    public private(set) var fields: [(name: String, value: String)] = []
    public init() {}

    public subscript(name: String) -> String? {
        get { fields.first { Self.isSame($0.name, name) }?.value }
        set {
            fields.removeAll { Self.isSame($0.name, name) }
            if let newValue { add(name, newValue) }
        }
    }

    /// Compared byte by byte without making strings: a request asks for dozens of names.
    private static func isSame(_ a: String, _ b: String) -> Bool {
        func lower(_ byte: UInt8) -> UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 32 : byte }
        return a.utf8.count == b.utf8.count && a.utf8.elementsEqual(b.utf8) { lower($0) == lower($1) }
    }

    public mutating func add(_ name: String, _ value: String) {
        // Nearly every value is clean already.
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) { return fields.append((name, value)) }
        let clean = value.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F || $0 == "\t" }
        fields.append((name, String(String.UnicodeScalarView(clean))))
    }

    public func all(_ name: String) -> [String] {
        fields.filter { Self.isSame($0.name, name) }.map(\.value)
    }

    public static func == (a: Headers, b: Headers) -> Bool { a.fields.elementsEqual(b.fields, by: ==) }
}

/// One request.
public struct Call: Sendable {
    public var method: String
    /// Without the query, still percent-encoded.
    public var path: String
    /// What stands behind the question mark, still encoded.
    public var query: String
    public var headers: Headers
    /// The peer's address: in the log of commands, and what rates are counted by.
    public var remoteAddress: String
    public var requestID: String
    /// Reads the body, at most so many bytes. Throws a ``Problem`` when there are more or they come too slowly.
    public var readBody: @Sendable (_ limitBytes: Int) async throws -> [UInt8]

    public init(
        method: String, path: String, query: String = "", headers: Headers = Headers(), remoteAddress: String,
        requestID: String, readBody: @escaping @Sendable (Int) async throws -> [UInt8]
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.remoteAddress = remoteAddress
        self.requestID = requestID
        self.readBody = readBody
    }

    /// A request whose body is in memory already.
    public init(
        method: String, path: String, query: String = "", headers: Headers = Headers(), body: [UInt8],
        remoteAddress: String, requestID: String
    ) {
        self.init(
            method: method, path: path, query: query, headers: headers, remoteAddress: remoteAddress,
            requestID: requestID
        ) { limitBytes in
            guard body.count <= limitBytes else { throw Problem.bodyTooLarge(limitBytes) }
            return body
        }
    }
}

/// One answer, whole in memory: pages and API answers are small.
public struct Answer: Sendable {
    public var status: Int
    public var headers: Headers
    public var body: [UInt8]

    public init(status: Int, headers: Headers = Headers(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public init(status: Int = 200, _ contentType: String, _ text: String) {
        self.init(status: status, body: Array(text.utf8))
        headers["Content-Type"] = contentType
    }

    /// 303: after a form was taken, the browser gets the next page.
    public static func seeOther(_ path: String) -> Answer {
        var answer = Answer(status: 303)
        answer.headers["Location"] = path
        return answer
    }
}

/// Percent-decoding and `application/x-www-form-urlencoded` (WHATWG URL §5.1), strict and bounded.
public enum FormEncoding {
    public static let fieldsMax = 200

    /// Nil when an escape is broken, the bytes are no UTF-8 or hold NUL.
    public static func decode(_ text: Substring, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(hex), let low = rest.next().flatMap(hex) else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Pairs by name. Nil when it is malformed, a name comes twice, or there are more than ``fieldsMax``.
    public static func pairs(_ text: String) -> [String: String]? {
        var pairs: [String: String] = [:]
        let parts = text.split(separator: "&", omittingEmptySubsequences: true)
        guard parts.count <= fieldsMax else { return nil }
        for part in parts {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(sides[0], plusIsSpace: true),
                let value = sides.count == 2 ? decode(sides[1], plusIsSpace: true) : "",
                pairs.updateValue(value, forKey: name) == nil
            else { return nil }
        }
        return pairs
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
