// A form with one file in it: `multipart/form-data` (RFC 7578), read strictly and within limits. Keeps the file's bytes
// as they came and trusts nothing of its name but its text.

/// A file of a form.
public struct FormFile: Sendable, Equatable {
    /// As the browser gave it, without folders; for showing and noting only.
    public var name: String
    public var bytes: [UInt8]
    public init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }
}

enum Multipart {
    static let partsMax = 40
    static let headBytesMax = 2_048
    static let fieldBytesMax = 16_384
    static let boundaryMax = 70

    /// The boundary of a media type; nil where there is none, or one that RFC 2046 §5.1.1 does not allow.
    static func boundary(_ contentType: String?) -> String? {
        for part in (contentType ?? "").split(separator: ";").dropFirst() {
            let sides = part.split(separator: "=", maxSplits: 1).map { String($0.trimming { $0 == " " }) }
            guard sides.count == 2, sides[0].lowercased() == "boundary" else { continue }
            let text = String(sides[1].trimming { $0 == "\"" })
            let isKnown = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            return (1...boundaryMax).contains(text.utf8.count) && isKnown ? text : nil
        }
        return nil
    }

    /// Fields by name, and the file, if there is one with a name or bytes. Nil when the body is malformed, a name comes
    /// twice, there is more than one file, or a limit is passed.
    static func read(_ body: [UInt8], boundary: String) -> (fields: [String: String], file: FormFile?)? {
        let mark = Array("\r\n--\(boundary)".utf8)
        // The first delimiter has no line break of its own before it.
        guard body.starts(with: mark.dropFirst(2)) else { return nil }
        var fields: [String: String] = [:]
        var file: FormFile?
        var at = mark.count - 2
        for _ in 0...partsMax {
            if body.hasBytes("--", at: at) {
                return at + 2 == body.count || body.hasBytes("\r\n", at: at + 2) ? (fields, file) : nil
            }
            guard body.hasBytes("\r\n", at: at) else { return nil }
            guard let headEnd = body.first(Array("\r\n\r\n".utf8), from: at, within: headBytesMax) else { return nil }
            guard let end = body.first(mark, from: headEnd + 4, within: body.count) else { return nil }
            let start = headEnd + 4
            guard let head = String(validating: body[at..<headEnd], as: UTF8.self),
                let (name, fileName) = names(head)
            else { return nil }
            if let fileName {
                guard file == nil else { return nil }
                if !fileName.isEmpty || end > start {
                    file = FormFile(name: fileName, bytes: Array(body[start..<end]))
                }
            } else {
                guard end - start <= fieldBytesMax, !body[start..<end].contains(0),
                    let text = String(validating: body[start..<end], as: UTF8.self),
                    fields.updateValue(text, forKey: name) == nil
                else { return nil }
            }
            at = end + mark.count
        }
        return nil
    }

    /// `name` and `filename` of the head's Content-Disposition.
    private static func names(_ head: String) -> (name: String, file: String?)? {
        for line in head.split(separator: "\r\n") {
            guard line.lowercased().hasPrefix("content-disposition:") else { continue }
            guard let name = quoted("name", in: line), !name.isEmpty else { return nil }
            let file = quoted("filename", in: line).map { text in
                String(text.split { $0 == "/" || $0 == "\\" }.last ?? "").prefix(200)
            }
            return (name, file.map(String.init))
        }
        return nil
    }

    /// Browsers write a quote within a name as `%22` (WHATWG HTML, multipart/form-data encoding).
    private static func quoted(_ key: String, in line: Substring) -> String? {
        guard let open = line.firstRange(of: "; \(key)=\"") ?? line.firstRange(of: ";\(key)=\"") else { return nil }
        let rest = line[open.upperBound...]
        guard let close = rest.firstIndex(of: "\"") else { return nil }
        return String(rest[..<close]).replacing("%22", with: "\"")
    }
}

extension [UInt8] {
    fileprivate func hasBytes(_ text: StaticString, at index: Int) -> Bool {
        index + text.utf8CodeUnitCount <= count
            && text.withUTF8Buffer { $0.elementsEqual(self[index..<index + $0.count]) }
    }

    /// Where `what` begins, looked for from `start` on, no further than `reach` bytes.
    fileprivate func first(_ what: [UInt8], from start: Int, within reach: Int) -> Int? {
        withUnsafeBufferPointer { bytes in
            let last = Swift.min(bytes.count - what.count, start + reach)
            var at = start
            while at <= last {
                if bytes[at] == what[0] {
                    var length = 1
                    while length < what.count, bytes[at + length] == what[length] { length += 1 }
                    if length == what.count { return at }
                }
                at += 1
            }
            return nil
        }
    }
}

extension StringProtocol {
    fileprivate func trimming(_ isLeftOut: (Character) -> Bool) -> SubSequence {
        guard let first = firstIndex(where: { !isLeftOut($0) }), let last = lastIndex(where: { !isLeftOut($0) }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }
}
