// Reads messages of IEC 61968-9 from XML, pushed in pieces: typed items come out as soon as they are whole. Elements
// of other namespaces and elements not known here are skipped and counted. Keeps at most one meter's values in memory.

public struct XMLMessageReader {
    private var tokenizer: XMLTokenizer
    private var builder: XMLMessageBuilder

    public init(limits: DocumentLimits = DocumentLimits()) {
        tokenizer = XMLTokenizer(limits: limits)
        builder = XMLMessageBuilder(limits: limits)
    }

    /// Elements that were skipped with all they held.
    public var skippedCount: Int { builder.skippedCount }

    /// Takes the next bytes and returns what became whole with them, in order.
    public mutating func feed(_ bytes: [UInt8]) throws -> [MessageItem] {
        try tokenizer.feed(bytes, &builder)
        return builder.take()
    }

    /// Says that no more bytes come.
    /// - Throws: ``DocumentError`` `truncated` unless the document is whole.
    public mutating func finish() throws { try tokenizer.finish() }
}

/// The elements that are known, named as in the standard.
private enum Element: Int, CaseIterable {
    case RequestMessage, ResponseMessage, EventMessage, FaultMessage
    case Header, Verb, Noun, Timestamp, Source, MessageID, CorrelationID
    case Request, Payload, Reply, Result, Error, code, level, reason, details, ID
    case MeterReadings, MeterReading, IntervalBlocks, IntervalReadings, Readings
    case timeStamp, value, source, ReadingQualities, ReadingQualityType, ReadingType
    case Meter, UsagePoint, mRID, Names, name
    case EndDeviceEvents, EndDeviceEvent, createdDateTime, severity, Assets
    case EndDeviceEventDetails, EndDeviceEventType
    case EndDeviceControls, EndDeviceControl, EndDeviceControlType, EndDevices, EndDevice
    case issuerID, issuerTrackingID, scheduledInterval, start, end
    case EndDeviceAction, command, duration
    case GetMeterReadings

    static let number: [String: Int] = Dictionary(uniqueKeysWithValues: allCases.map { ("\($0)", $0.rawValue) })
    static let count = allCases.count

    /// Elements with text of interest.
    var isLeaf: Bool {
        switch self {
        case .Verb, .Noun, .Timestamp, .Source, .MessageID, .CorrelationID, .Result, .code, .level, .reason, .details,
            .ID, .timeStamp, .value, .source, .mRID, .name, .createdDateTime, .severity, .issuerID, .issuerTrackingID,
            .start, .end, .command, .duration:
            true
        default: false
        }
    }

    static let envelopes: Set<Element> = [.RequestMessage, .ResponseMessage, .EventMessage, .FaultMessage]
    static let payloads: Set<Element> = [.MeterReadings, .EndDeviceEvents, .EndDeviceControls, .GetMeterReadings]

    /// What may stand in it.
    var children: Set<Element> {
        switch self {
        case .RequestMessage, .ResponseMessage, .EventMessage, .FaultMessage: [.Header, .Request, .Reply, .Payload]
        case .Header: [.Verb, .Noun, .Timestamp, .Source, .MessageID, .CorrelationID]
        case .Request, .Payload: Self.payloads
        case .Reply: [.Result, .Error]
        case .Error: [.code, .level, .reason, .details, .ID]
        case .MeterReadings: [.MeterReading]
        case .MeterReading: [.IntervalBlocks, .Readings, .Meter, .UsagePoint]
        case .IntervalBlocks: [.IntervalReadings, .ReadingType]
        case .IntervalReadings: [.timeStamp, .value, .source, .ReadingQualities]
        case .Readings: [.timeStamp, .value, .source, .ReadingQualities, .ReadingType]
        case .ReadingQualities: [.ReadingQualityType]
        case .Meter, .UsagePoint, .Assets, .EndDevices, .EndDevice: [.mRID, .Names]
        case .Names: [.name]
        case .ReadingType: [.mRID, .Names]
        case .EndDeviceEvents: [.EndDeviceEvent]
        case .EndDeviceEvent:
            [.mRID, .createdDateTime, .reason, .severity, .Assets, .EndDeviceEventDetails, .EndDeviceEventType]
        case .EndDeviceEventDetails: [.name, .value]
        case .EndDeviceControls: [.EndDeviceControl]
        case .EndDeviceControl:
            [
                .mRID, .reason, .issuerID, .issuerTrackingID, .scheduledInterval, .EndDeviceControlType, .EndDevices,
                .EndDeviceAction,
            ]
        case .EndDeviceAction: [.command, .duration]
        case .scheduledInterval: [.start, .end]
        case .GetMeterReadings: [.EndDevice, .ReadingType]
        default: []
        }
    }
}

/// Namespaces as they are on the wire: 2011 is written, 2009 still comes from some bridges.
enum MessageNamespace {
    static let base = "http://iec.ch/TC57/2011/"
    static let message = base + "schema/message"

    static func payload(_ noun: String) -> String { base + noun + "#" }

    /// The part after the year when it is a namespace of these schemas: `schema/message`, `MeterReadings#`.
    static func tail(_ namespace: String) -> Substring? {
        for year in ["2011", "2009", "2010"] {
            let start = "http://iec.ch/TC57/\(year)/"
            if namespace.hasPrefix(start) { return namespace.dropFirst(start.count) }
        }
        return nil
    }
}

/// Puts elements together to items. The stack holds numbers of elements; what is not known is skipped whole.
private struct XMLMessageBuilder: XMLHandler {
    private static let unknown = -1
    /// `allowed[parent * count + child]`.
    private let allowed: [Bool] = Element.allCases.flatMap { parent in
        Element.allCases.map { parent.children.contains($0) }
    }
    private let leaves: [Bool] = Element.allCases.map(\.isLeaf)
    private let elementCount = Element.count

    let limits: DocumentLimits
    var skippedCount = 0
    private var items: [MessageItem] = []
    private var stack: [Element] = []
    private var skipDepth = 0
    private var text: [UInt8] = []
    private var textLine = 0
    private var keepsText = false

    // What is being put together.
    private var header: HeaderParts?
    private var reply = MessageReply(.ok)
    private var replyResult: String?
    private var fault: MessageReply.Fault?
    private var faultLevel = ""
    private var reading = MeterReading(meter: NamedThing())
    private var valueCount = 0
    private var series: [Reading] = []
    private var seriesType: ReadingTypeCode?
    private var seriesTypeText: String?
    private var thing = NamedThing()
    private var one = OneReading()
    private var event = EventParts()
    private var control = ControlParts()
    private var request = ReadingsRequest(devices: [])
    private var types: [String: ReadingTypeCode?] = [:]
    private var lastReference: [UInt8] = []
    private var lastType: ReadingTypeCode?
    private var lastQuality: [UInt8] = []
    private var lastQualities: [QualityCode] = []

    init(limits: DocumentLimits) { self.limits = limits }

    mutating func take() -> [MessageItem] {
        defer { items = [] }
        return items
    }

    // MARK: names

    /// An element's number, or -1 for one that is not known or stands in a namespace of its own.
    mutating func classify(namespace: String, local: String) -> Int {
        guard let tail = MessageNamespace.tail(namespace), let number = Element.number[local] else {
            return Self.unknown
        }
        let isMessage = tail == "schema/message"
        guard let element = Element(rawValue: number) else { return Self.unknown }
        // `reason`, `source` and the like stand in both.
        let isKnown =
            isMessage
            ? Self.messageElements.contains(element)
            : tail.hasSuffix("#") && Self.payloadElements.contains(element)
        return isKnown ? number : Self.unknown
    }

    private static let messageElements: Set<Element> = [
        .RequestMessage, .ResponseMessage, .EventMessage, .FaultMessage, .Header, .Verb, .Noun, .Timestamp, .Source,
        .MessageID, .CorrelationID, .Request, .Payload, .Reply, .Result, .Error, .code, .level, .reason, .details, .ID,
    ]
    private static let payloadElements: Set<Element> = Set(Element.allCases).subtracting([
        .RequestMessage, .ResponseMessage, .EventMessage, .FaultMessage, .Header, .Verb, .Noun, .Timestamp, .Source,
        .MessageID, .CorrelationID, .Request, .Payload, .Reply, .Result, .Error, .code, .level, .details, .ID,
    ])

    // MARK: elements

    mutating func start(_ name: Int, line: Int) throws {
        keepsText = false
        guard skipDepth == 0 else {
            skipDepth += 1
            return
        }
        guard let parent = stack.last else { return try startRoot(name, line: line) }
        guard name >= 0, allowed[parent.rawValue * elementCount + name], let element = Element(rawValue: name) else {
            skippedCount += 1
            skipDepth = 1
            return
        }
        stack.append(element)
        if leaves[name] {
            keepsText = true
            text.removeAll(keepingCapacity: true)
            textLine = line
        } else {
            begin(element, line: line)
        }
    }

    private mutating func startRoot(_ name: Int, line: Int) throws {
        guard let element = Element(rawValue: name), Element.envelopes.union(Element.payloads).contains(element) else {
            throw DocumentError(
                .content, line: line, "the root is no message of IEC 61968-9, or stands in another namespace",
                hint: "expected RequestMessage, ResponseMessage, EventMessage of \(MessageNamespace.message), or "
                    + "MeterReadings of \(MessageNamespace.payload("MeterReadings"))")
        }
        stack.append(element)
        begin(element, line: line)
    }

    private mutating func begin(_ element: Element, line: Int) {
        switch element {
        case .Header: header = HeaderParts(line: line)
        case .Reply:
            reply = MessageReply(.ok)
            replyResult = nil
        case .Error:
            fault = MessageReply.Fault(code: "")
            faultLevel = ""
        case .MeterReading:
            reading = MeterReading(meter: NamedThing(), line: line)
            valueCount = 0
        case .IntervalBlocks:
            series.removeAll(keepingCapacity: true)
            seriesType = nil
            seriesTypeText = nil
        case .IntervalReadings: one = OneReading(line: line)
        case .Readings:
            one = OneReading(line: line)
            seriesType = nil
            seriesTypeText = nil
        case .Meter, .UsagePoint, .Assets, .EndDevices, .EndDevice: thing = NamedThing()
        case .EndDeviceEvent: event = EventParts(line: line)
        case .EndDeviceEventDetails: event.detail = ("", "")
        case .EndDeviceControl: control = ControlParts(line: line)
        case .GetMeterReadings: request = ReadingsRequest(devices: [], line: line)
        default: break
        }
    }

    mutating func attribute(_ name: Span<UInt8>, _ value: Span<UInt8>, line: Int) throws {
        guard skipDepth == 0, isSame(name, "ref"), let element = stack.last else { return }
        switch element {
        case .ReadingType: takeType(value)
        case .ReadingQualityType: takeQuality(value)
        case .EndDeviceEventType: event.code = string(value)
        case .EndDeviceControlType: control.code = string(value)
        default: break
        }
    }

    mutating func text(_ bytes: Span<UInt8>, line: Int) throws {
        guard keepsText, skipDepth == 0 else { return }
        guard text.count + bytes.count <= limits.tokenBytes else {
            throw DocumentError(.limit, line: line, "a text is longer than \(limits.tokenBytes) bytes")
        }
        bytes.withUnsafeBufferPointer { text.append(contentsOf: $0) }
    }

    mutating func end(_ name: Int, line: Int) throws {
        keepsText = false
        guard skipDepth == 0 else {
            skipDepth -= 1
            return
        }
        let element = stack.removeLast()
        if leaves[name] { return leaf(element) }
        switch element {
        case .IntervalReadings: try endInterval()
        case .IntervalBlocks: endBlock()
        case .Readings: try endReading()
        case .Meter: reading.meter = thing
        case .UsagePoint: reading.usagePoint = thing
        case .MeterReading:
            items.append(.reading(reading))
            reading = MeterReading(meter: NamedThing())
        case .Assets: event.device = thing
        case .EndDevices: control.devices.append(thing)
        case .EndDevice: request.devices.append(thing)
        case .EndDeviceEventDetails:
            if event.details.count < 100 { event.details.append(.init(event.detail.name, event.detail.value)) }
        case .EndDeviceEvent: endEvent()
        case .EndDeviceControl: try endControl(line: line)
        case .GetMeterReadings: items.append(.request(request))
        case .ReadingType where stack.last == .GetMeterReadings:
            if let type = seriesType, request.types.count < 1_000 { request.types.append(type) }
            seriesType = nil
        case .Header: try endHeader()
        case .Error:
            if var fault, reply.faults.count < 10_000 {
                fault.level = MessageReply.Level(rawValue: faultLevel) ?? .fatal
                reply.faults.append(fault)
            }
            fault = nil
        case .Reply: endReply(line: line)
        default: break
        }
    }

    // MARK: texts

    private var kept: String {
        let text = String(decoding: text, as: UTF8.self)
        guard
            text.utf8.first.map(isSpace) == true || text.utf8.last.map(isSpace) == true
                || text.utf8.count > limits.fieldCharacters
        else { return text }
        let trimmed = text.utf8.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return String(String(decoding: Array(trimmed), as: UTF8.self).prefix(limits.fieldCharacters))
    }

    private mutating func leaf(_ element: Element) {
        guard let parent = stack.last else { return }
        if parent == .Header || parent == .Error || parent == .Reply { return envelopeLeaf(element, in: parent) }
        switch (parent, element) {
        case (.IntervalReadings, .timeStamp), (.Readings, .timeStamp):
            one.atMs = Stamp.parse(text.span)
            if one.atMs == nil { one.trouble = "the time \"\(shown)\" is none with an offset" }
        case (.IntervalReadings, .value), (.Readings, .value):
            one.value = ExactNumber.parse(text.span)
            if one.value == nil { one.trouble = "the value \"\(shown)\" is no number of at most 18 digits" }
        case (.IntervalReadings, .source), (.Readings, .source): one.source = kept
        case (.Names, .name):
            if stack.count >= 2, stack[stack.count - 2] == .ReadingType {
                takeType(Array(text).span)
            } else if thing.name == nil {
                thing.name = kept
            }
        case (.ReadingType, .mRID): takeType(Array(text).span)
        case (.EndDeviceEvent, .mRID): event.mRID = kept
        case (.EndDeviceControl, .mRID): control.mRID = kept
        case (_, .mRID): thing.mRID = kept
        case (.EndDeviceEvent, .createdDateTime): event.createdMs = Stamp.parse(text.span)
        case (.EndDeviceEvent, .reason): event.reason = kept
        case (.EndDeviceEvent, .severity): event.severity = kept
        case (.EndDeviceEventDetails, .name): event.detail.name = kept
        case (.EndDeviceEventDetails, .value): event.detail.value = kept
        case (.EndDeviceControl, .reason): control.reason = kept
        case (.EndDeviceControl, .issuerID): control.issuerID = kept
        case (.EndDeviceControl, .issuerTrackingID): control.issuerTrackingID = kept
        case (.EndDeviceAction, .command): control.value = kept
        case (.EndDeviceAction, .duration): control.duration = kept
        case (.scheduledInterval, .start): control.start = kept
        case (.scheduledInterval, .end): control.end = kept
        default: break
        }
    }

    private mutating func envelopeLeaf(_ element: Element, in parent: Element) {
        let kept = kept
        switch (parent, element) {
        case (.Header, _): header?.take("\(element)", kept)
        case (.Reply, _): replyResult = kept
        case (_, .code): fault?.code = kept
        case (_, .level): faultLevel = kept
        case (_, .reason): fault?.reason = kept
        case (_, .details): fault?.details = kept
        default: fault?.subject = kept
        }
    }

    private var shown: String { String(kept.prefix(40)) }

    /// A reading type by its code; the one seen last is known without looking.
    private mutating func takeType(_ value: Span<UInt8>) {
        if value.count == lastReference.count, isSame(value, lastReference.span) {
            seriesType = lastType
        } else {
            let text = string(value)
            if types[text] == nil, types.count < limits.names { types[text] = .some(ReadingTypeCode(text)) }
            seriesType = (types[text] ?? nil) ?? ReadingTypeCode(text)
            lastReference = bytesOf(value)
            lastType = seriesType
        }
        if seriesType == nil { seriesTypeText = String(string(value).prefix(80)) }
    }

    private mutating func takeQuality(_ value: Span<UInt8>) {
        // Nearly all readings of a document have the same one: its array is shared.
        if one.qualities.isEmpty, value.count == lastQuality.count, isSame(value, lastQuality.span) {
            one.qualities = lastQualities
            return
        }
        guard one.qualities.count < 20 else { return }
        if let quality = QualityCode(string(value)) {
            one.qualities.append(quality)
            if one.qualities.count == 1 {
                lastQuality = bytesOf(value)
                lastQualities = one.qualities
            }
        } else {
            one.trouble = "the quality \"\(String(string(value).prefix(40)))\" is none of three numbers"
        }
    }

    // MARK: whole things

    /// The reading just closed, or nil and a note why it is none.
    private mutating func finished() throws -> Reading? {
        valueCount += 1
        guard valueCount <= limits.valuesPerMeter else {
            throw DocumentError(
                .limit, line: one.line, "one MeterReading holds more than \(limits.valuesPerMeter) values",
                hint: "split it into several of the same meter")
        }
        let isMissing = ReadingStanding(one.qualities) == .missing
        guard one.trouble == nil, let atMs = one.atMs, let value = one.value ?? (isMissing ? ExactNumber(0) : nil)
        else {
            let lacking = one.atMs == nil ? "the reading has no time" : "the reading has no value"
            items.append(.unreadable(line: one.line, what: one.trouble ?? lacking))
            return nil
        }
        return Reading(
            atMs: atMs, value: value, qualities: one.qualities, source: one.source, line: one.line)
    }

    private mutating func endInterval() throws {
        if let found = try finished() { series.append(found) }
    }

    private mutating func endBlock() {
        guard let type = seriesType else {
            let what = seriesTypeText.map { "the reading type \"\($0)\" is none of 18 numbers" }
            items.append(
                .unreadable(
                    line: series.first?.line ?? reading.line,
                    what: "\(what ?? "the IntervalBlocks have no ReadingType"); its \(series.count) values are lost"))
            return
        }
        reading.intervals.append(ReadingSeries(type, series))
    }

    private mutating func endReading() throws {
        guard let found = try finished() else { return }
        guard let type = seriesType else {
            let what = seriesTypeText.map { "the reading type \"\($0)\" is none of 18 numbers" }
            items.append(.unreadable(line: found.line, what: what ?? "the reading has no ReadingType"))
            return
        }
        if let last = reading.registers.indices.last, reading.registers[last].type == type {
            reading.registers[last].readings.append(found)
        } else {
            reading.registers.append(ReadingSeries(type, [found]))
        }
    }

    private mutating func endEvent() {
        guard let code = EndDeviceCode(event.code) else {
            items.append(
                .unreadable(
                    line: event.line,
                    what: "the event type \"\(String(event.code.prefix(40)))\" is none of four numbers"))
            return
        }
        guard let createdMs = event.createdMs else {
            items.append(.unreadable(line: event.line, what: "the event has no time with an offset"))
            return
        }
        items.append(
            .event(
                EndDeviceEvent(
                    mRID: event.mRID, code: code, createdMs: createdMs, reason: event.reason,
                    severity: event.severity, device: event.device, details: event.details, line: event.line)))
    }

    private mutating func endControl(line: Int) throws {
        guard control.devices.count <= limits.valuesPerMeter else {
            throw DocumentError(.limit, line: line, "an order names more than \(limits.valuesPerMeter) devices")
        }
        guard let code = EndDeviceCode(control.code) else {
            items.append(
                .unreadable(
                    line: control.line,
                    what: "the control type \"\(String(control.code.prefix(40)))\" is none of four numbers"))
            return
        }
        let (startMs, endMs) = (control.start.map { Stamp.ms($0) }, control.end.map { Stamp.ms($0) })
        guard startMs != .some(nil), endMs != .some(nil) else {
            items.append(.unreadable(line: control.line, what: "the scheduled interval has a time without an offset"))
            return
        }
        items.append(
            .control(
                EndDeviceControl(
                    mRID: control.mRID, code: code, issuerID: control.issuerID,
                    issuerTrackingID: control.issuerTrackingID, reason: control.reason, startMs: startMs ?? nil,
                    endMs: endMs ?? nil, value: control.value, duration: control.duration, devices: control.devices,
                    line: control.line)))
    }

    private mutating func endHeader() throws {
        guard let header, let root = stack.first, let envelope = Envelope(rawValue: "\(root)") else { return }
        items.append(.header(try header.whole(envelope)))
        self.header = nil
    }

    private mutating func endReply(line: Int) {
        guard let result = replyResult.flatMap({ MessageReply.Result(rawValue: $0) }) else {
            items.append(.unreadable(line: line, what: "the Reply has no Result of OK, PARTIAL or FAILED"))
            return
        }
        reply.result = result
        items.append(.reply(reply))
    }
}

/// A reading while its parts come in.
struct OneReading {
    var line = 0
    var atMs: Int64?
    var value: ExactNumber?
    var qualities: [QualityCode] = []
    var source: String?
    var trouble: String?
}

private struct EventParts {
    var line = 0
    var mRID: String?
    var code = ""
    var createdMs: Int64?
    var reason: String?
    var severity: String?
    var device = NamedThing()
    var details: [EndDeviceEvent.Detail] = []
    var detail = (name: "", value: "")
}

private struct ControlParts {
    var line = 0
    var mRID: String?
    var code = ""
    var reason: String?
    var issuerID: String?
    var issuerTrackingID: String?
    var start: String?
    var end: String?
    var value: String?
    var duration: String?
    var devices: [NamedThing] = []
}

/// A header while its parts come in.
struct HeaderParts {
    var line: Int
    private var texts: [String: String] = [:]

    init(line: Int) { self.line = line }

    mutating func take(_ name: String, _ text: String) { texts[name] = text }

    /// - Throws: ``DocumentError`` `content` without a verb and a noun that are known.
    func whole(_ envelope: Envelope) throws -> MessageHeader {
        guard let verb = texts["Verb"].flatMap({ Verb(rawValue: $0) }) else {
            throw DocumentError(
                .content, line: line, "the Header has no Verb that is known: \(texts["Verb"] ?? "none")",
                hint: "known are \(Verb.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard let noun = texts["Noun"].flatMap({ Noun(rawValue: $0) }) else {
            throw DocumentError(
                .content, line: line, "the Header has no Noun that is known: \(texts["Noun"] ?? "none")",
                hint: "known are \(Noun.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let timestampMs = texts["Timestamp"].map { Stamp.ms($0) }
        guard timestampMs != .some(nil) else {
            throw DocumentError(
                .content, line: line, "the Timestamp of the Header is no time with an offset",
                hint: "write it as 2026-11-20T00:30:00+05:30")
        }
        return MessageHeader(
            envelope, verb, noun, timestampMs: timestampMs ?? nil, source: texts["Source"],
            messageID: texts["MessageID"], correlationID: texts["CorrelationID"])
    }
}
