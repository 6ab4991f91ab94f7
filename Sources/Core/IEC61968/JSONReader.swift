// Reads the JSON form of a message, pushed in pieces: {"header": …, "reply": …, "request": …, "records": […]}. One
// record is held at a time; fields that are not known are counted and left aside. Shape of the records:
// docs/iec61968.md.

public struct JSONMessageReader {
    private enum State { case start, nameOrEnd, name, colon, value, listStart, item, itemEnd, memberEnd, done }

    private let limits: DocumentLimits
    public private(set) var skippedCount = 0
    private var state = State.start
    private var member = ""
    private var pending: [UInt8] = []
    /// How far `pending` was looked through for the end of a value, and what was open there.
    private var looked = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var line = 1
    private var items: [MessageItem] = []
    private var collector: ReadingCollector

    public init(limits: DocumentLimits = DocumentLimits()) {
        self.limits = limits
        collector = ReadingCollector(limits: limits)
    }

    /// Takes the next bytes and returns what became whole with them, in order.
    public mutating func feed(_ bytes: [UInt8]) throws -> [MessageItem] {
        pending += bytes
        var at = 0
        while try step(&at) {}
        pending.removeFirst(at)
        looked = max(0, looked - at)
        guard pending.count <= limits.recordBytes else {
            throw DocumentError(
                .limit, line: line, "a record is longer than \(limits.recordBytes) bytes", hint: "split it")
        }
        defer { items = [] }
        return items
    }

    /// - Throws: ``DocumentError`` `truncated` unless the document is whole.
    public mutating func finish() throws {
        guard state == .done else {
            throw DocumentError(
                .truncated, line: line, "the document ends inside a value",
                hint: "send or copy it again; nothing of it was taken")
        }
    }

    /// One token of the frame around the records, or one record. False when more bytes are needed.
    private mutating func step(_ at: inout Int) throws -> Bool {
        if state == .start, at == 0, pending.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
        while at < pending.count, isSpace(pending[at]) {
            if pending[at] == 10 { line += 1 }
            at += 1
        }
        guard at < pending.count else { return false }
        let byte = pending[at]
        switch state {
        case .start: try expect(byte, "{", .nameOrEnd, "the document is no JSON object")
        case .colon: try expect(byte, ":", .value, "a field has no value")
        case .memberEnd where byte == UInt8(ascii: "}"), .nameOrEnd where byte == UInt8(ascii: "}"):
            if let last = collector.take() { items.append(last) }
            state = .done
        case .memberEnd: try expect(byte, ",", .name, "a comma or a closing bracket is missing")
        case .itemEnd where byte == UInt8(ascii: "]"), .listStart where byte == UInt8(ascii: "]"): state = .memberEnd
        case .itemEnd: try expect(byte, ",", .item, "a comma or a closing bracket is missing")
        case .value where member == "records" && byte == UInt8(ascii: "["): state = .listStart
        case .done: throw malformed("there is something behind the document")
        case .name, .nameOrEnd, .value, .listStart, .item: return try cut(&at)
        }
        at += 1
        return true
    }

    private mutating func expect(_ byte: UInt8, _ wanted: Unicode.Scalar, _ next: State, _ what: String) throws {
        guard byte == UInt8(ascii: wanted) else { throw malformed(what) }
        state = next
    }

    /// A whole value at `at`: a name, a member or a record.
    private mutating func cut(_ at: inout Int) throws -> Bool {
        if looked <= at { (looked, depth, isInString, isEscaped) = (at, 0, false, false) }
        guard let end = valueEnd(from: at) else { return false }
        var parser = JSONTreeParser(limits: limits, line: line)
        let startLine = line
        let tree = try parser.parse(pending.span.extracting(at..<end))
        line = parser.line
        at = end
        switch state {
        case .name, .nameOrEnd:
            guard case .string(let name) = tree else { throw malformed("a field has no name") }
            (member, state) = (name, .colon)
        case .value:
            try takeMember(tree, line: startLine)
            state = .memberEnd
        default:
            try takeRecord(tree, line: startLine)
            state = .itemEnd
        }
        return true
    }

    /// The place behind the value, as far as brackets and quotes tell; the parser looks closer.
    private mutating func valueEnd(from start: Int) -> Int? {
        while looked < pending.count {
            let byte = pending[looked]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                    if depth == 0 {
                        looked += 1
                        return looked
                    }
                }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return looked }
                    depth -= 1
                    if depth == 0 {
                        looked += 1
                        return looked
                    }
                case UInt8(ascii: ","), UInt8(ascii: ":"): if depth == 0 { return looked }
                default: if depth == 0, isSpace(byte) { return looked }
                }
            }
            looked += 1
        }
        return nil
    }

    private func malformed(_ what: String) -> DocumentError {
        DocumentError(.malformed, line: line, what, hint: "the document is not well-formed JSON; nothing was taken")
    }

    // MARK: members

    private mutating func takeMember(_ tree: JSONTree, line: Int) throws {
        switch member {
        case "header":
            var parts = HeaderParts(line: line)
            for (name, element) in [
                ("verb", "Verb"), ("noun", "Noun"), ("timestamp", "Timestamp"), ("source", "Source"),
                ("messageId", "MessageID"), ("correlationId", "CorrelationID"),
            ] {
                if let text = tree[name]?.text { parts.take(element, field(text)) }
            }
            guard let envelope = tree["envelope"].map({ $0.text.flatMap(Envelope.init) }) ?? .event else {
                throw DocumentError(.content, line: line, "the header has no envelope that is known")
            }
            items.append(.header(try parts.whole(envelope)))
        case "reply": items.append(reply(tree, line: line))
        case "request":
            items.append(
                .request(
                    ReadingsRequest(
                        devices: tree["devices"]?.items.map(thing) ?? [],
                        types: tree["readingTypes"]?.items.compactMap { $0.text.flatMap { ReadingTypeCode($0) } } ?? [],
                        line: line)))
        case "records": throw malformed("the records are no list")
        default: skippedCount += 1
        }
    }

    private func field(_ text: String) -> String { String(text.prefix(limits.fieldCharacters)) }

    private func thing(_ tree: JSONTree) -> NamedThing {
        NamedThing(mRID: tree["mRID"]?.text.map(field), name: tree["deviceId"]?.text.map(field))
    }

    private func reply(_ tree: JSONTree, line: Int) -> MessageItem {
        guard let result = tree["result"]?.text.flatMap({ MessageReply.Result(rawValue: $0) }) else {
            return .unreadable(line: line, what: "the reply has no result of OK, PARTIAL or FAILED")
        }
        let faults = tree["errors"]?.items.prefix(10_000).map { fault in
            MessageReply.Fault(
                code: field(fault["code"]?.text ?? ""),
                level: fault["level"]?.text.flatMap { MessageReply.Level(rawValue: $0) } ?? .fatal,
                reason: fault["reason"]?.text.map(field), details: fault["details"]?.text.map(field),
                subject: fault["id"]?.text.map(field))
        }
        return .reply(MessageReply(result, faults ?? []))
    }

    // MARK: records

    private mutating func takeRecord(_ tree: JSONTree, line: Int) throws {
        let known: Set<String>
        if tree["registerValues"] != nil {
            known = Self.readingFields
            if let whole = try collector.add(tree, line: line, &items) { items.append(whole) }
        } else if tree["eventType"] != nil || tree["eventCode"] != nil {
            known = Self.eventFields
            items.append(event(tree, line: line))
        } else if tree["controlType"] != nil || tree["action"] != nil {
            known = Self.controlFields
            items.append(control(tree, line: line))
        } else {
            known = []
            items.append(
                .unreadable(line: line, what: "the record has neither registerValues, eventType nor controlType"))
        }
        skippedCount += tree.names.count { !known.contains($0) }
    }

    private static let readingFields: Set<String> = [
        "deviceId", "mRID", "nodeId", "nodeMRID", "meterSampleId", "formattedProfileObisCode", "timestamp",
        "registerValues",
    ]
    private static let eventFields: Set<String> = [
        "deviceId", "mRID", "meterSampleId", "formattedProfileObisCode", "timestamp", "eventCode", "eventType",
        "reason", "severity", "details",
    ]
    private static let controlFields: Set<String> = [
        "controlId", "controlType", "action", "issuerId", "issuerTrackingId", "reason", "start", "end", "value",
        "duration", "devices",
    ]

    private func event(_ tree: JSONTree, line: Int) -> MessageItem {
        let id = tree["eventCode"]?.text
        let listed = id.flatMap { Int($0) }.map { EndDeviceEventCodes.code(of: $0) }
        guard let code = tree["eventType"].map({ $0.text.flatMap { EndDeviceCode($0) } }) ?? listed else {
            return .unreadable(line: line, what: "the event has no eventType of four numbers and no eventCode")
        }
        guard let createdMs = tree["timestamp"]?.text.flatMap({ Stamp.ms($0) }) else {
            return .unreadable(line: line, what: "the event has no timestamp with an offset")
        }
        var details = id.map { [EndDeviceEvent.Detail(EndDeviceEventCodes.detailName, field($0))] } ?? []
        for detail in tree["details"]?.items.prefix(100) ?? [] {
            details.append(.init(field(detail["name"]?.text ?? ""), field(detail["value"]?.text ?? "")))
        }
        return .event(
            EndDeviceEvent(
                mRID: tree["meterSampleId"]?.text.map(field), code: code, createdMs: createdMs,
                reason: tree["reason"]?.text.map(field), severity: tree["severity"]?.text.map(field),
                device: thing(tree), details: details, line: line))
    }

    private func control(_ tree: JSONTree, line: Int) -> MessageItem {
        let asked = tree["action"]?.text.flatMap { EndDeviceAction(rawValue: $0) }?.code
        guard let code = tree["controlType"].map({ $0.text.flatMap { EndDeviceCode($0) } }) ?? asked else {
            return .unreadable(line: line, what: "the order has no controlType of four numbers and no action")
        }
        let (start, end) = (
            tree["start"].map { $0.text.flatMap { Stamp.ms($0) } }, tree["end"].map { $0.text.flatMap { Stamp.ms($0) } }
        )
        guard start != .some(nil), end != .some(nil) else {
            return .unreadable(line: line, what: "the order has a start or end without an offset")
        }
        return .control(
            EndDeviceControl(
                mRID: tree["controlId"]?.text.map(field), code: code, issuerID: tree["issuerId"]?.text.map(field),
                issuerTrackingID: tree["issuerTrackingId"]?.text.map(field), reason: tree["reason"]?.text.map(field),
                startMs: start ?? nil, endMs: end ?? nil, value: tree["value"]?.text.map(field),
                duration: tree["duration"]?.text.map(field), devices: tree["devices"]?.items.map(thing) ?? [],
                line: line))
    }
}

/// Puts the records of one meter, which come one after the other, together again.
private struct ReadingCollector {
    let limits: DocumentLimits
    private var reading: MeterReading?
    private var count = 0

    init(limits: DocumentLimits) { self.limits = limits }

    mutating func take() -> MessageItem? {
        defer { (reading, count) = (nil, 0) }
        return reading.map { .reading($0) }
    }

    /// Adds a record; returns the meter before it when another begins.
    mutating func add(_ tree: JSONTree, line: Int, _ items: inout [MessageItem]) throws -> MessageItem? {
        func field(_ name: String) -> String? { tree[name]?.text.map { String($0.prefix(limits.fieldCharacters)) } }
        let meter = NamedThing(mRID: field("mRID"), name: field("deviceId"))
        let node = NamedThing(mRID: field("nodeMRID"), name: field("nodeId"))
        let point = node == NamedThing() ? nil : node
        var before: MessageItem?
        if reading?.meter != meter || reading?.usagePoint != point || count >= limits.valuesPerMeter {
            before = take()
            reading = MeterReading(meter: meter, usagePoint: point, line: line)
        }
        guard let atMs = field("timestamp").flatMap({ Stamp.ms($0) }) else {
            items.append(.unreadable(line: line, what: "the record has no timestamp with an offset"))
            return before
        }
        let isInterval = field("formattedProfileObisCode") == ReadingTypeCode.blockLoadOBIS
        for value in tree["registerValues"]?.items ?? [] {
            take(value, atMs: atMs, isInterval: isInterval, line: line, &items)
        }
        return before
    }

    private mutating func take(
        _ tree: JSONTree, atMs: Int64, isInterval: Bool, line: Int, _ items: inout [MessageItem]
    ) {
        let type: ReadingTypeCode
        switch Self.type(of: tree) {
        case .success(let known): type = known
        case .failure(let fault): return items.append(.unreadable(line: line, what: fault.what))
        }
        var qualities: [QualityCode] = []
        for text in tree["qualities"]?.items.prefix(20) ?? [] {
            guard let quality = text.text.flatMap({ QualityCode($0) }) else {
                items.append(.unreadable(line: line, what: "a quality is none of three numbers"))
                return
            }
            qualities.append(quality)
        }
        let isMissing = ReadingStanding(qualities) == .missing
        guard
            let value = tree["formattedValue"]?.text.flatMap({ ExactNumber($0) }) ?? (isMissing ? ExactNumber(0) : nil)
        else {
            items.append(.unreadable(line: line, what: "a formattedValue is no number of at most 18 digits"))
            return
        }
        count += 1
        let source = tree["source"]?.text.map { String($0.prefix(limits.fieldCharacters)) }
        let one = Reading(atMs: atMs, value: value, qualities: qualities, source: source, line: line)
        if isInterval {
            Self.add(one, type, &reading)
        } else {
            Self.addRegister(one, type, &reading)
        }
    }

    private struct Fault: Error { var what: String }

    /// The type of a value by its 18 numbers, else by OBIS code, unit and scalar. A unit that says otherwise is a
    /// fault: nobody's kWh are read as Wh.
    private static func type(of tree: JSONTree) -> Result<ReadingTypeCode, Fault> {
        let unit = tree["unit"]?.text.map { String($0.prefix(20)) }
        if let code = tree["readingType"] {
            guard let type = code.text.flatMap({ ReadingTypeCode($0) }) else {
                return .failure(Fault(what: "a readingType is none of 18 numbers"))
            }
            guard unit == nil || unit == type.unitName || unit == type.withoutMultiplier.unitName else {
                return .failure(Fault(what: "a value's unit \(unit ?? "") is not that of its readingType \(type)"))
            }
            return .success(type)
        }
        let scalar = tree["scalar"]?.text
        guard let scale = scalar.map({ Int16($0) }) ?? 0, (-9...9).contains(scale) else {
            return .failure(Fault(what: "a scalar is no whole number from -9 to 9"))
        }
        guard let obis = tree["formattedRegisterObisCode"]?.text,
            let plain = ReadingTypeCode(obis: obis, multiplier: 0)
        else {
            return .failure(Fault(what: "a value has no readingType of 18 numbers and no OBIS known here"))
        }
        let prefixes: [(name: String, power: Int16)] = [("", 0), ("k", 3), ("M", 6)]
        guard let prefix = prefixes.first(where: { $0.name + plain.unitName == unit }),
            let type = ReadingTypeCode(obis: obis, multiplier: scale + prefix.power)
        else {
            let said = unit ?? "left out"
            return .failure(
                Fault(what: "the unit of \(obis) is \(plain.unitName), with k or M before it; it is \(said)"))
        }
        return .success(type)
    }

    private static func add(_ one: Reading, _ type: ReadingTypeCode, _ reading: inout MeterReading?) {
        if let index = reading?.intervals.firstIndex(where: { $0.type == type }) {
            reading?.intervals[index].readings.append(one)
        } else {
            reading?.intervals.append(ReadingSeries(type, [one]))
        }
    }

    private static func addRegister(_ one: Reading, _ type: ReadingTypeCode, _ reading: inout MeterReading?) {
        if let index = reading?.registers.firstIndex(where: { $0.type == type }) {
            reading?.registers[index].readings.append(one)
        } else {
            reading?.registers.append(ReadingSeries(type, [one]))
        }
    }
}
