// Writes the JSON form of a message, record by record; the caller takes the bytes away whenever it likes. One record is
// what a meter said at one time, as a row of its profile.

public struct JSONMessageWriter {
    private let header: MessageHeader
    private let offsetS: Int64
    private var bytes: [UInt8] = []
    private var isListOpen = false
    private var isFirst = true

    /// - Parameter offsetS: stamps show the wall clock so far ahead of UTC; the instant is the same.
    public init(_ header: MessageHeader, offsetS: Int64 = 0) {
        self.header = header
        self.offsetS = offsetS
        put("{\"header\":{\"envelope\":\"\(header.envelope.rawValue)\",\"verb\":\"\(header.verb.rawValue)\",")
        put("\"noun\":\"\(header.noun.rawValue)\"")
        more("timestamp", header.timestampMs.map { Stamp.text($0, offsetS: offsetS) })
        more("source", header.source)
        more("messageId", header.messageID)
        more("correlationId", header.correlationID)
        put("}")
    }

    /// The bytes written since the last call.
    public mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }
    public var pendingBytes: Int { bytes.count }

    /// How the request went; before any record.
    public mutating func reply(_ reply: MessageReply) {
        put(",\n\"reply\":{\"result\":\"\(reply.result.rawValue)\",\"errors\":[")
        for (index, fault) in reply.faults.enumerated() {
            put((index == 0 ? "" : ",") + "\n{\"code\":")
            quote(fault.code)
            more("level", fault.level.rawValue)
            more("reason", fault.reason)
            more("details", fault.details)
            more("id", fault.subject)
            put("}")
        }
        put("]}")
    }

    public mutating func openPayload() {
        guard !isListOpen else { return }
        isListOpen = true
        put(",\n\"records\":[")
    }

    private mutating func begin() {
        openPayload()
        put(isFirst ? "\n{" : ",\n{")
        isFirst = false
    }

    public mutating func write(_ reading: MeterReading) {
        write(reading.intervals, of: reading, profile: ReadingTypeCode.blockLoadOBIS)
        for series in reading.registers { write([series], of: reading, profile: series.type.profileOBIS) }
    }

    private mutating func write(_ all: [ReadingSeries], of reading: MeterReading, profile: String) {
        var next = Array(repeating: 0, count: all.count)
        while true {
            // The earliest time that any series has next; series that have the same stand in one record.
            var atMs: Int64?
            for (index, series) in all.enumerated() where next[index] < series.readings.count {
                let stamp = series.readings[next[index]].atMs
                if atMs.map({ stamp < $0 }) ?? true { atMs = stamp }
            }
            guard let atMs else { return }
            begin()
            more("deviceId", reading.meter.name)
            more("mRID", reading.meter.mRID)
            more("nodeId", reading.usagePoint?.name)
            more("nodeMRID", reading.usagePoint?.mRID)
            more("meterSampleId", "\(reading.meter.label ?? "")-\(profile)-\(atMs)")
            more("formattedProfileObisCode", profile)
            more("timestamp", Stamp.text(atMs, offsetS: offsetS))
            put(",\"registerValues\":[")
            var count = 0
            for (index, series) in all.enumerated()
            where next[index] < series.readings.count && series.readings[next[index]].atMs == atMs {
                if count > 0 { put(",") }
                value(series.readings[next[index]], series.type)
                next[index] += 1
                count += 1
            }
            put("]}")
        }
    }

    private mutating func value(_ one: Reading, _ type: ReadingTypeCode) {
        put("{\"formattedRegisterObisCode\":\"\(type.obis)\",\"attributeId\":2")
        more("formattedValue", one.value.description)
        more("unit", type.withoutMultiplier.unitName)
        put(",\"scalar\":\(type[.multiplier])")
        more("readingType", type.description)
        if !one.qualities.isEmpty {
            put(",\"qualities\":[" + one.qualities.map { "\"\($0)\"" }.joined(separator: ",") + "]")
        }
        more("source", one.source)
        put("}")
    }

    public mutating func write(_ event: EndDeviceEvent) {
        begin()
        more("deviceId", event.device.name)
        more("mRID", event.device.mRID)
        more("meterSampleId", event.mRID)
        more("timestamp", Stamp.text(event.createdMs, offsetS: offsetS))
        var details = event.details[...]
        if let first = details.first, first.name == EndDeviceEventCodes.detailName, let id = Int(first.value),
            String(id) == first.value
        {
            put(",\"eventCode\":\(id)")
            details = details.dropFirst()
        }
        more("eventType", event.code.description)
        more("reason", event.reason)
        more("severity", event.severity)
        if !details.isEmpty {
            put(",\"details\":[")
            for (index, detail) in details.enumerated() {
                put((index == 0 ? "" : ",") + "{\"name\":")
                quote(detail.name)
                more("value", detail.value)
                put("}")
            }
            put("]")
        }
        put("}")
    }

    public mutating func write(_ control: EndDeviceControl) {
        begin()
        put("\"controlType\":\"\(control.code)\"")
        more("action", EndDeviceAction(control.code)?.rawValue)
        more("controlId", control.mRID)
        more("issuerId", control.issuerID)
        more("issuerTrackingId", control.issuerTrackingID)
        more("reason", control.reason)
        more("start", control.startMs.map { Stamp.text($0, offsetS: offsetS) })
        more("end", control.endMs.map { Stamp.text($0, offsetS: offsetS) })
        more("value", control.value)
        more("duration", control.duration)
        put(",\"devices\":[")
        devices(control.devices)
        put("]}")
    }

    public mutating func write(_ request: ReadingsRequest) {
        put(",\n\"request\":{\"devices\":[")
        devices(request.devices)
        put("],\"readingTypes\":[" + request.types.map { "\"\($0)\"" }.joined(separator: ",") + "]}")
    }

    private mutating func devices(_ devices: [NamedThing]) {
        for (index, device) in devices.enumerated() {
            put(index == 0 ? "{" : ",{")
            more("deviceId", device.name)
            more("mRID", device.mRID)
            put("}")
        }
    }

    /// Ends the document. Call it once.
    public mutating func finish() {
        if isListOpen { put("\n]") }
        put("}\n")
    }

    private mutating func more(_ name: String, _ text: String?) {
        guard let text else { return }
        put(bytes.last == UInt8(ascii: "{") ? "\"\(name)\":" : ",\"\(name)\":")
        quote(text)
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): put("\\\"")
            case UInt8(ascii: "\\"): put("\\\\")
            case 10: put("\\n")
            case 13: put("\\r")
            case 9: put("\\t")
            // What XML cannot hold is left out of JSON too, so that both forms say the same.
            case 0..<0x20: put("?")
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
