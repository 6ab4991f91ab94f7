// Writes messages of IEC 61968-9 as XML, item by item: the caller takes the bytes away whenever it likes, so a document
// of any size needs the memory of one meter. Stamps are written with one offset.

public struct XMLMessageWriter {
    private let header: MessageHeader
    private let offsetS: Int64
    private var bytes: [UInt8] = []
    private var state = State.start
    private enum State { case start, reply, payload(Noun), done }

    /// - Parameter offsetS: stamps show the wall clock so far ahead of UTC; the instant is the same.
    public init(_ header: MessageHeader, offsetS: Int64 = 0) {
        self.header = header
        self.offsetS = offsetS
        bytes.reserveCapacity(65_536)
        begin()
    }

    /// The bytes written since the last call.
    public mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }
    public var pendingBytes: Int { bytes.count }

    private mutating func begin() {
        put("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<")
        put(header.envelope.rawValue)
        put(" xmlns=\"\(MessageNamespace.message)\">\n<Header><Verb>\(header.verb.rawValue)</Verb>")
        put("<Noun>\(header.noun.rawValue)</Noun>")
        if let stamp = header.timestampMs { leaf("Timestamp", Stamp.text(stamp, offsetS: offsetS)) }
        leaf("Source", header.source)
        leaf("MessageID", header.messageID)
        leaf("CorrelationID", header.correlationID)
        put("</Header>\n")
    }

    /// How the request went; before any payload.
    public mutating func reply(_ reply: MessageReply) {
        put("<Reply><Result>\(reply.result.rawValue)</Result>")
        for fault in reply.faults {
            put("<Error>")
            leaf("code", fault.code)
            leaf("level", fault.level.rawValue)
            leaf("reason", fault.reason)
            leaf("details", fault.details)
            leaf("ID", fault.subject)
            put("</Error>")
        }
        put("</Reply>\n")
    }

    /// Opens the payload of the header's noun, also when nothing comes into it.
    public mutating func openPayload() { open(header.noun) }

    private mutating func open(_ noun: Noun) {
        if case .payload = state { return }
        put("<\(noun == .getMeterReadings ? "Request" : "Payload")><m:\(noun.rawValue) xmlns:m=\"")
        put(MessageNamespace.payload(noun.rawValue))
        put("\">\n")
        state = .payload(noun)
    }

    public mutating func write(_ reading: MeterReading) {
        open(.meterReadings)
        put("<m:MeterReading>\n")
        for series in reading.intervals {
            put("<m:IntervalBlocks>\n")
            for one in series.readings {
                put("<m:IntervalReadings>")
                value(one)
                put("</m:IntervalReadings>\n")
            }
            put("<m:ReadingType ref=\"\(series.type)\"/></m:IntervalBlocks>\n")
        }
        thing("Meter", reading.meter)
        for series in reading.registers {
            for one in series.readings {
                put("<m:Readings>")
                value(one)
                put("<m:ReadingType ref=\"\(series.type)\"/></m:Readings>\n")
            }
        }
        if let point = reading.usagePoint { thing("UsagePoint", point) }
        put("</m:MeterReading>\n")
    }

    private mutating func value(_ one: Reading) {
        inner("source", one.source)
        put("<m:timeStamp>")
        put(Stamp.text(one.atMs, offsetS: offsetS))
        put("</m:timeStamp><m:value>")
        put(one.value.description)
        put("</m:value>")
        for quality in one.qualities {
            put("<m:ReadingQualities><m:ReadingQualityType ref=\"\(quality)\"/></m:ReadingQualities>")
        }
    }

    public mutating func write(_ event: EndDeviceEvent) {
        open(.endDeviceEvents)
        put("<m:EndDeviceEvent>")
        inner("mRID", event.mRID)
        inner("createdDateTime", Stamp.text(event.createdMs, offsetS: offsetS))
        inner("reason", event.reason)
        inner("severity", event.severity)
        thing("Assets", event.device)
        for detail in event.details {
            put("<m:EndDeviceEventDetails>")
            inner("name", detail.name)
            inner("value", detail.value)
            put("</m:EndDeviceEventDetails>")
        }
        put("<m:EndDeviceEventType ref=\"\(event.code)\"/></m:EndDeviceEvent>\n")
    }

    public mutating func write(_ control: EndDeviceControl) {
        open(.endDeviceControls)
        put("<m:EndDeviceControl>")
        inner("mRID", control.mRID)
        inner("issuerID", control.issuerID)
        inner("issuerTrackingID", control.issuerTrackingID)
        inner("reason", control.reason)
        if control.value != nil || control.duration != nil {
            put("<m:EndDeviceAction>")
            inner("command", control.value)
            inner("duration", control.duration)
            put("</m:EndDeviceAction>")
        }
        put("<m:EndDeviceControlType ref=\"\(control.code)\"/>")
        for device in control.devices { thing("EndDevices", device) }
        if control.startMs != nil || control.endMs != nil {
            put("<m:scheduledInterval>")
            inner("end", control.endMs.map { Stamp.text($0, offsetS: offsetS) })
            inner("start", control.startMs.map { Stamp.text($0, offsetS: offsetS) })
            put("</m:scheduledInterval>")
        }
        put("</m:EndDeviceControl>\n")
    }

    public mutating func write(_ request: ReadingsRequest) {
        open(.getMeterReadings)
        for device in request.devices { thing("EndDevice", device) }
        for type in request.types { put("<m:ReadingType><m:Names><m:name>\(type)</m:name></m:Names></m:ReadingType>") }
        finishPayload()
    }

    /// Ends the document. Call it once.
    public mutating func finish() {
        finishPayload()
        put("</\(header.envelope.rawValue)>\n")
        state = .done
    }

    private mutating func finishPayload() {
        guard case .payload(let noun) = state else { return }
        put("</m:\(noun.rawValue)></\(noun == .getMeterReadings ? "Request" : "Payload")>\n")
        state = .reply
    }

    private mutating func thing(_ name: String, _ thing: NamedThing) {
        put("<m:\(name)>")
        inner("mRID", thing.mRID)
        if let name = thing.name {
            put("<m:Names>")
            inner("name", name)
            put("</m:Names>")
        }
        put("</m:\(name)>\n")
    }

    private mutating func leaf(_ name: String, _ text: String?) {
        guard let text else { return }
        put("<\(name)>")
        escape(text)
        put("</\(name)>")
    }

    private mutating func inner(_ name: String, _ text: String?) {
        guard let text else { return }
        put("<m:\(name)>")
        escape(text)
        put("</m:\(name)>")
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Characters that XML cannot hold at all become a question mark.
    private mutating func escape(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): put("&lt;")
            case UInt8(ascii: ">"): put("&gt;")
            case UInt8(ascii: "&"): put("&amp;")
            case UInt8(ascii: "\""): put("&quot;")
            case 13: put("&#13;")
            case 9, 10: bytes.append(byte)
            case 0..<0x20: put("?")
            // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
            case 0xBE,
                0xBF where bytes.suffix(2) == [0xEF, 0xBF]:
                bytes.removeLast(2)
                put("?")
            default: bytes.append(byte)
            }
        }
    }
}
