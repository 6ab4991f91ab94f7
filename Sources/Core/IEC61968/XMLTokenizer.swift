// A push tokenizer for XML 1.0 with namespaces: bytes in, elements and texts out, memory bounded by DocumentLimits.
// Reads UTF-8 only; refuses DTDs and with them every entity but the five of XML. Knows no message.

/// Takes what ``XMLTokenizer`` finds. Calls come in document order; every start has its end.
protocol XMLHandler {
    /// A small number for an expanded name, asked once for each way a name is written while the prefixes stand.
    mutating func classify(namespace: String, local: String) -> Int
    mutating func start(_ name: Int, line: Int) throws
    /// An attribute of the element just started, not a namespace declaration. The value is decoded.
    mutating func attribute(_ name: Span<UInt8>, _ value: Span<UInt8>, line: Int) throws
    /// Text, decoded; may come in several pieces for one element.
    mutating func text(_ bytes: Span<UInt8>, line: Int) throws
    mutating func end(_ name: Int, line: Int) throws
}

struct XMLTokenizer {
    private struct Symbol {
        /// Into `pool`.
        var start: Int
        var count: Int
        /// Bytes before the colon; 0 without a prefix.
        var prefixCount: Int
        var hash: UInt32
        /// `handler.classify` while `generation` is that of the bindings.
        var code = 0
        var generation = -1
    }
    private struct Binding {
        var prefix: [UInt8]
        var namespace: String
        var depth: Int
    }
    private struct Attribute {
        var nameStart: Int
        var nameEnd: Int
        var valueStart: Int
        var valueEnd: Int
        var hasReference: Bool
    }

    private let limits: DocumentLimits
    /// Line of the byte after the last whole token.
    private(set) var line = 1
    private var carry: [UInt8] = []
    private var isAtStart = true
    private var hasRoot = false
    private var open: [Int] = []
    private var symbols: [Symbol] = []
    private var pool: [UInt8] = []
    /// Open addressing over `symbols`; -1 is free. A power of two, at least twice `limits.names`.
    private var table: [Int32]
    private var bindings: [Binding] = []
    private var generation = 0
    private var attributes: [Attribute] = []
    private var scratch: [UInt8] = []

    init(limits: DocumentLimits = DocumentLimits()) {
        self.limits = limits
        var size = 256
        while size < limits.names * 2 { size *= 2 }
        table = Array(repeating: -1, count: size)
    }

    /// Takes the next bytes of the document, cut anywhere.
    mutating func feed<Handler: XMLHandler>(_ chunk: [UInt8], _ handler: inout Handler) throws {
        guard !chunk.isEmpty else { return }
        if carry.isEmpty {
            let used = try scan(chunk.span, &handler)
            if used < chunk.count { carry = Array(chunk[used...]) }
        } else {
            var bytes = carry
            carry = []
            bytes += chunk
            let used = try scan(bytes.span, &handler)
            if used < bytes.count { carry = Array(bytes[used...]) }
        }
        guard carry.count <= limits.tokenBytes else {
            throw DocumentError(
                .limit, line: line, "a tag or text is longer than \(limits.tokenBytes) bytes",
                hint: "no value of a meter is that long; look at what stands there")
        }
    }

    /// Says that no more bytes come.
    /// - Throws: `truncated` unless the root element is closed.
    mutating func finish() throws {
        guard hasRoot, open.isEmpty, carry.allSatisfy(isSpace) else {
            // What is not a whole token yet has lines too.
            throw DocumentError(
                .truncated, line: line + lineCount(carry.span),
                hasRoot ? "the document ends inside an element" : "the document holds no element",
                hint: "send or copy it again; nothing of it was taken")
        }
    }

    // MARK: tokens

    /// Reads whole tokens. Returns where the first one that is not whole yet begins.
    private mutating func scan<Handler: XMLHandler>(_ bytes: Span<UInt8>, _ handler: inout Handler) throws -> Int {
        var at = 0
        if isAtStart {
            guard bytes.count >= 4 else { return 0 }
            at = try begin(bytes)
            isAtStart = false
        }
        while at < bytes.count {
            let next: Int?
            if bytes[at] == UInt8(ascii: "<") {
                guard at + 1 < bytes.count else { return at }
                switch bytes[at + 1] {
                case UInt8(ascii: "/"): next = try endTag(bytes, at, &handler)
                case UInt8(ascii: "!"): next = try declaration(bytes, at, &handler)
                case UInt8(ascii: "?"): next = try instruction(bytes, at)
                default: next = try startTag(bytes, at, &handler)
                }
            } else {
                next = try text(bytes, at, &handler)
            }
            guard let next else { return at }
            at = next
        }
        return at
    }

    private func begin(_ bytes: Span<UInt8>) throws -> Int {
        if bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { return 3 }
        if bytes[0] == 0xFE || bytes[0] == 0xFF || bytes[0] == 0 || bytes[1] == 0 {
            throw DocumentError(
                .encoding, line: 1, "the document is not in UTF-8", hint: "write it in UTF-8 and send it again")
        }
        return 0
    }

    /// One text up to the next tag; nil when its end is not here yet.
    private mutating func text<Handler: XMLHandler>(
        _ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler
    ) throws -> Int? {
        var at = start
        var lines = 0
        var seen: UInt8 = 0
        var hasReference = false
        var hasControl = false
        let count = bytes.count
        while at < count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "<") { break }
            seen |= byte
            if byte < 0x20 {
                if byte == 10 { lines += 1 } else if byte != 13, byte != 9 { hasControl = true }
            } else if byte == UInt8(ascii: "&") {
                hasReference = true
            }
            at += 1
        }
        guard at < count else { return nil }
        let part = bytes.extracting(start..<at)
        try check(part, seen: seen, hasControl: hasControl)
        if open.isEmpty {
            guard isAllSpace(part) else {
                throw DocumentError(.malformed, line: line, "there is text outside of the root element")
            }
        } else if hasReference {
            try decode(part)
            try handler.text(scratch.span, line: line)
        } else {
            try handler.text(part, line: line)
        }
        line += lines
        return at
    }

    private func check(_ part: Span<UInt8>, seen: UInt8, hasControl: Bool) throws {
        guard part.count <= limits.tokenBytes else {
            throw DocumentError(.limit, line: line, "a text is longer than \(limits.tokenBytes) bytes")
        }
        guard !hasControl else {
            throw DocumentError(.malformed, line: line, "a text holds a control character")
        }
        guard seen < 0x80 || isUTF8(part) else {
            throw DocumentError(
                .encoding, line: line, "there are bytes that are no UTF-8", hint: "write the document in UTF-8")
        }
    }

    /// `<name a="b">` or `<name/>`; nil when it is not whole yet.
    private mutating func startTag<Handler: XMLHandler>(
        _ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler
    ) throws -> Int? {
        let nameStart = start + 1
        var at = nameStart
        var hash: UInt32 = 2_166_136_261
        let count = bytes.count
        while at < count, isNameByte(bytes[at]) {
            hash = (hash ^ UInt32(bytes[at])) &* 16_777_619
            at += 1
        }
        guard at < count else { return nil }
        let nameEnd = at
        guard nameEnd > nameStart else { throw malformed("a tag has no name") }
        var lines = 0
        var isEmpty = false
        if bytes[at] == UInt8(ascii: ">") {
            attributes.removeAll(keepingCapacity: true)
            at += 1
        } else {
            guard let end = try scanAttributes(bytes, at, &lines) else { return nil }
            isEmpty = bytes[end - 2] == UInt8(ascii: "/")
            at = end
        }
        guard at - start <= limits.tokenBytes else {
            throw DocumentError(.limit, line: line, "a tag is longer than \(limits.tokenBytes) bytes")
        }
        guard !(open.isEmpty && hasRoot) else { throw malformed("there is a second root element") }
        guard open.count < limits.depth else {
            throw DocumentError(.limit, line: line, "elements are nested deeper than \(limits.depth)")
        }
        hasRoot = true
        let symbol = try intern(bytes.extracting(nameStart..<nameEnd), hash)
        open.append(symbol)
        if !attributes.isEmpty { try bind(bytes) }
        let code = try resolve(symbol, &handler)
        try handler.start(code, line: line)
        if !attributes.isEmpty { try hand(bytes, &handler) }
        line += lines
        if isEmpty { try close(code, &handler) }
        return at
    }

    /// Reads attributes up to and with `>`. Returns the place behind it.
    private mutating func scanAttributes(_ bytes: Span<UInt8>, _ start: Int, _ lines: inout Int) throws -> Int? {
        attributes.removeAll(keepingCapacity: true)
        var at = start
        let count = bytes.count
        while true {
            let spaceStart = at
            while at < count, isSpace(bytes[at]) {
                if bytes[at] == 10 { lines += 1 }
                at += 1
            }
            guard at < count else { return nil }
            if bytes[at] == UInt8(ascii: ">") { return at + 1 }
            if bytes[at] == UInt8(ascii: "/") {
                guard at + 1 < count else { return nil }
                guard bytes[at + 1] == UInt8(ascii: ">") else { throw malformed("a tag is not closed") }
                return at + 2
            }
            let nameStart = at
            while at < count, isNameByte(bytes[at]) { at += 1 }
            let nameEnd = at
            guard at < count else { return nil }
            guard nameEnd > nameStart, spaceStart < nameStart else { throw malformed("a tag is malformed") }
            while at < count, isSpace(bytes[at]) { at += 1 }
            guard at < count else { return nil }
            guard bytes[at] == UInt8(ascii: "=") else { throw malformed("an attribute has no value") }
            at += 1
            while at < count, isSpace(bytes[at]) { at += 1 }
            guard at < count else { return nil }
            guard let end = try scanValue(bytes, at, nameStart, nameEnd, &lines) else { return nil }
            at = end
            guard attributes.count <= limits.attributes else {
                throw DocumentError(.limit, line: line, "an element has more than \(limits.attributes) attributes")
            }
        }
    }

    /// A quoted value at `start`. Returns the place behind its quote.
    private mutating func scanValue(
        _ bytes: Span<UInt8>, _ start: Int, _ nameStart: Int, _ nameEnd: Int, _ lines: inout Int
    ) throws -> Int? {
        let quote = bytes[start]
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            throw malformed("the value of an attribute has no quotes")
        }
        var at = start + 1
        var seen: UInt8 = 0
        var hasReference = false
        var hasControl = false
        while at < bytes.count, bytes[at] != quote {
            let byte = bytes[at]
            seen |= byte
            if byte == UInt8(ascii: "<") { throw malformed("the value of an attribute holds <") }
            if byte == UInt8(ascii: "&") { hasReference = true }
            if byte == 10 { lines += 1 } else if byte < 0x20, byte != 9, byte != 13 { hasControl = true }
            at += 1
        }
        guard at < bytes.count else { return nil }
        try check(bytes.extracting(start + 1..<at), seen: seen, hasControl: hasControl)
        for earlier in attributes
        where isSame(
            bytes.extracting(earlier.nameStart..<earlier.nameEnd), bytes.extracting(nameStart..<nameEnd))
        { throw malformed("an attribute stands twice") }
        attributes.append(
            Attribute(
                nameStart: nameStart, nameEnd: nameEnd, valueStart: start + 1, valueEnd: at,
                hasReference: hasReference))
        return at + 1
    }

    private mutating func endTag<Handler: XMLHandler>(
        _ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler
    ) throws -> Int? {
        var at = start + 2
        while at < bytes.count, isNameByte(bytes[at]) { at += 1 }
        let nameEnd = at
        var lines = 0
        while at < bytes.count, isSpace(bytes[at]) {
            if bytes[at] == 10 { lines += 1 }
            at += 1
        }
        guard at < bytes.count else { return nil }
        guard bytes[at] == UInt8(ascii: ">") else { throw malformed("an end tag is malformed") }
        guard let last = open.last else { throw malformed("an end tag closes nothing") }
        let symbol = symbols[last]
        guard symbol.count == nameEnd - start - 2 else { throw wrongEnd(symbol) }
        for index in 0..<symbol.count where pool[symbol.start + index] != bytes[start + 2 + index] {
            throw wrongEnd(symbol)
        }
        try close(symbol.generation == generation ? symbol.code : resolve(last, &handler), &handler)
        line += lines
        return at + 1
    }

    private mutating func close<Handler: XMLHandler>(_ code: Int, _ handler: inout Handler) throws {
        try handler.end(code, line: line)
        if let last = bindings.last, last.depth == open.count {
            bindings.removeAll { $0.depth == open.count }
            generation += 1
        }
        open.removeLast()
    }

    /// `<!-- -->`, `<![CDATA[ ]]>`; anything else of the kind is a DTD and refused.
    private mutating func declaration<Handler: XMLHandler>(
        _ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler
    ) throws -> Int? {
        if let isComment = starts(bytes, start, "<!--") {
            if isComment {
                guard let end = find("-->", bytes, start + 4) else { return nil }
                let body = bytes.extracting(start + 4..<end - 3)
                guard isUTF8(body) else { throw notUTF8 }
                line += lineCount(body)
                return end
            }
        } else {
            return nil
        }
        guard let isData = starts(bytes, start, "<![CDATA[") else { return nil }
        guard isData else {
            throw DocumentError(
                .refused, line: line, "the document brings a document type of its own (<!DOCTYPE …>)",
                hint: "leave it out: it is never read, and entities of a document's own are never expanded")
        }
        guard let end = find("]]>", bytes, start + 9) else { return nil }
        let body = bytes.extracting(start + 9..<end - 3)
        guard !open.isEmpty else { throw malformed("there is text outside of the root element") }
        guard isUTF8(body), body.count <= limits.tokenBytes else { throw notUTF8 }
        try handler.text(body, line: line)
        line += lineCount(body)
        return end
    }

    private mutating func instruction(_ bytes: Span<UInt8>, _ start: Int) throws -> Int? {
        guard let end = find("?>", bytes, start + 2) else { return nil }
        let body = bytes.extracting(start + 2..<end - 2)
        guard isUTF8(body) else { throw notUTF8 }
        let text = string(body)
        if text.hasPrefix("xml "), let at = text.firstRange(of: "encoding") {
            let name = text[at.upperBound...].lowercased().filter { $0 != " " && $0 != "=" }
            guard ["\"utf-8\"", "'utf-8'", "\"us-ascii\"", "'us-ascii'"].contains(where: name.hasPrefix) else {
                throw DocumentError(
                    .encoding, line: line, "the document says it is not in UTF-8",
                    hint: "write it in UTF-8 and send it again")
            }
        }
        line += lineCount(body)
        return end
    }

    // MARK: names

    private mutating func intern(_ name: Span<UInt8>, _ hash: UInt32) throws -> Int {
        let mask = table.count - 1
        var slot = Int(hash) & mask
        while table[slot] >= 0 {
            let index = Int(table[slot])
            if symbols[index].hash == hash, symbols[index].count == name.count {
                let start = symbols[index].start
                var isEqual = true
                for offset in 0..<name.count where pool[start + offset] != name[offset] {
                    isEqual = false
                    break
                }
                if isEqual { return index }
            }
            slot = (slot + 1) & mask
        }
        guard symbols.count < limits.names else {
            throw DocumentError(.limit, line: line, "there are more than \(limits.names) different names")
        }
        guard isUTF8(name) else { throw notUTF8 }
        var prefixCount = 0
        for index in 0..<name.count where name[index] == UInt8(ascii: ":") {
            guard prefixCount == 0, index > 0, index < name.count - 1 else { throw malformed("a name is malformed") }
            prefixCount = index
        }
        guard let first = name.count > 0 ? name[0] : nil, !isDigitLike(first) else {
            throw malformed("a name begins with a digit, a point or a hyphen")
        }
        symbols.append(Symbol(start: pool.count, count: name.count, prefixCount: prefixCount, hash: hash))
        for index in 0..<name.count { pool.append(name[index]) }
        table[slot] = Int32(symbols.count - 1)
        return symbols.count - 1
    }

    /// Notes the namespace declarations of the element just opened.
    private mutating func bind(_ bytes: Span<UInt8>) throws {
        for attribute in attributes {
            let name = bytes.extracting(attribute.nameStart..<attribute.nameEnd)
            guard let prefix = declaredPrefix(name) else { continue }
            let value = bytes.extracting(attribute.valueStart..<attribute.valueEnd)
            if attribute.hasReference { try decode(value) }
            let namespace = attribute.hasReference ? String(decoding: scratch, as: UTF8.self) : string(value)
            guard !(namespace.isEmpty && !prefix.isEmpty) else { throw malformed("a prefix stands for nothing") }
            guard bindings.count < limits.names else {
                throw DocumentError(.limit, line: line, "there are too many namespace declarations")
            }
            bindings.append(Binding(prefix: prefix, namespace: namespace, depth: open.count))
            generation += 1
        }
    }

    /// Hands the attributes that are no declarations to the handler.
    private mutating func hand<Handler: XMLHandler>(_ bytes: Span<UInt8>, _ handler: inout Handler) throws {
        for attribute in attributes {
            let name = bytes.extracting(attribute.nameStart..<attribute.nameEnd)
            guard declaredPrefix(name) == nil else { continue }
            let value = bytes.extracting(attribute.valueStart..<attribute.valueEnd)
            if attribute.hasReference {
                try decode(value)
                try handler.attribute(name, scratch.span, line: line)
            } else {
                try handler.attribute(name, value, line: line)
            }
        }
    }

    /// The prefix an attribute `xmlns` or `xmlns:p` declares; nil for another attribute.
    private func declaredPrefix(_ name: Span<UInt8>) -> [UInt8]? {
        guard name.count >= 5, name[0] == UInt8(ascii: "x"), name[1] == UInt8(ascii: "m"),
            name[2] == UInt8(ascii: "l"), name[3] == UInt8(ascii: "n"), name[4] == UInt8(ascii: "s")
        else { return nil }
        if name.count == 5 { return [] }
        guard name[5] == UInt8(ascii: ":") else { return nil }
        return bytesOf(name.extracting(6..<name.count))
    }

    private mutating func resolve<Handler: XMLHandler>(_ index: Int, _ handler: inout Handler) throws -> Int {
        let symbol = symbols[index]
        if symbol.generation == generation { return symbol.code }
        let prefix = Array(pool[symbol.start..<symbol.start + symbol.prefixCount])
        let found = bindings.last { $0.prefix == prefix }
        guard found != nil || prefix.isEmpty else {
            throw malformed("the prefix \(shown(prefix)) is not declared")
        }
        let localStart = symbol.start + (symbol.prefixCount == 0 ? 0 : symbol.prefixCount + 1)
        let local = String(decoding: pool[localStart..<symbol.start + symbol.count], as: UTF8.self)
        let code = handler.classify(namespace: found?.namespace ?? "", local: local)
        symbols[index].code = code
        symbols[index].generation = generation
        return code
    }

    // MARK: texts

    /// Writes the text with its references resolved into `scratch`: the five of XML and characters by number.
    private mutating func decode(_ part: Span<UInt8>) throws {
        scratch.removeAll(keepingCapacity: true)
        var at = 0
        while at < part.count {
            guard part[at] == UInt8(ascii: "&") else {
                scratch.append(part[at])
                at += 1
                continue
            }
            var end = at + 1
            while end < part.count, end - at < 12, part[end] != UInt8(ascii: ";") { end += 1 }
            guard end < part.count, part[end] == UInt8(ascii: ";"),
                let scalar = scalar(string(part.extracting(at + 1..<end)))
            else {
                throw DocumentError(
                    .refused, line: line, "there is a reference that XML itself does not define",
                    hint: "write the character itself; entities are never expanded")
            }
            scratch.append(contentsOf: Array(String(Character(scalar)).utf8))
            at = end + 1
        }
    }

    private func scalar(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#") else { return nil }
            let isHex = name.hasPrefix("#x")
            guard let number = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10),
                number >= 0x20 || [9, 10, 13].contains(number)
            else { return nil }
            return Unicode.Scalar(number)
        }
    }

    private func malformed(_ what: String) -> DocumentError {
        DocumentError(.malformed, line: line, what, hint: "the document is not well-formed XML; nothing was taken")
    }

    private var notUTF8: DocumentError {
        DocumentError(.encoding, line: line, "there are bytes that are no UTF-8", hint: "write the document in UTF-8")
    }

    private func wrongEnd(_ symbol: Symbol) -> DocumentError {
        malformed("an end tag does not close <\(shown(Array(pool[symbol.start..<symbol.start + symbol.count])))>")
    }

    private func shown(_ name: [UInt8]) -> String { String(decoding: name.prefix(60), as: UTF8.self) }
}
