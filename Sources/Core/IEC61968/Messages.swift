// The typed messages of IEC 61968-9 and their envelope of IEC 61968-100: values only. Reading and writing them is done
// elsewhere, in XML and in JSON.

/// The four envelopes of IEC 61968-100.
public enum Envelope: String, Sendable, CaseIterable {
    case request = "RequestMessage", response = "ResponseMessage", event = "EventMessage", fault = "FaultMessage"
}

/// What the sender wants or did.
public enum Verb: String, Sendable, CaseIterable {
    case get, create, change, cancel, close, delete, execute, reply
    case created, changed, canceled, closed, deleted, executed
}

public enum Noun: String, Sendable, CaseIterable {
    case meterReadings = "MeterReadings", endDeviceEvents = "EndDeviceEvents"
    case endDeviceControls = "EndDeviceControls", getMeterReadings = "GetMeterReadings"
}

/// Header of a message. Texts are as long as ``DocumentLimits/fieldCharacters`` at most.
public struct MessageHeader: Sendable, Equatable {
    public var envelope: Envelope
    public var verb: Verb
    public var noun: Noun
    public var timestampMs: Int64?
    public var source: String?
    /// Made by the sender of this message.
    public var messageID: String?
    /// Of the request this answers; a request's own, to be sent back with its answer.
    public var correlationID: String?
    public init(
        _ envelope: Envelope, _ verb: Verb, _ noun: Noun, timestampMs: Int64? = nil, source: String? = nil,
        messageID: String? = nil, correlationID: String? = nil
    ) {
        (self.envelope, self.verb, self.noun, self.timestampMs) = (envelope, verb, noun, timestampMs)
        (self.source, self.messageID, self.correlationID) = (source, messageID, correlationID)
    }
}

/// A thing by its id or its name; a meter's name is its serial number.
public struct NamedThing: Sendable, Hashable {
    public var mRID: String?
    public var name: String?
    public init(mRID: String? = nil, name: String? = nil) {
        self.mRID = mRID
        self.name = name
    }
    /// The serial number to look for.
    public var label: String? { name ?? mRID }
}

/// One value at one time.
public struct Reading: Sendable, Equatable {
    /// End of the interval, or the instant of a register.
    public var atMs: Int64
    public var value: ExactNumber
    public var qualities: [QualityCode]
    /// Where the value came from, in the sender's words.
    public var source: String?
    /// Where it stood in the document; 0 for what was made here.
    public var line: Int
    public init(atMs: Int64, value: ExactNumber, qualities: [QualityCode] = [], source: String? = nil, line: Int = 0) {
        (self.atMs, self.value, self.qualities, self.source, self.line) = (atMs, value, qualities, source, line)
    }
    /// Equal wherever it stood.
    public static func == (a: Reading, b: Reading) -> Bool {
        a.atMs == b.atMs && a.value == b.value && a.qualities == b.qualities && a.source == b.source
    }
}

/// Values of one type: an IntervalBlock, or the Readings of a type.
public struct ReadingSeries: Sendable, Equatable {
    public var type: ReadingTypeCode
    public var readings: [Reading]
    public init(_ type: ReadingTypeCode, _ readings: [Reading]) {
        self.type = type
        self.readings = readings
    }
}

/// What one meter said.
public struct MeterReading: Sendable, Equatable {
    public var meter: NamedThing
    public var usagePoint: NamedThing?
    /// One for each IntervalBlock.
    public var intervals: [ReadingSeries]
    /// One for each run of Readings of the same type.
    public var registers: [ReadingSeries]
    public var line: Int
    public init(
        meter: NamedThing, usagePoint: NamedThing? = nil, intervals: [ReadingSeries] = [],
        registers: [ReadingSeries] = [], line: Int = 0
    ) {
        (self.meter, self.usagePoint, self.intervals) = (meter, usagePoint, intervals)
        (self.registers, self.line) = (registers, line)
    }
    public static func == (a: MeterReading, b: MeterReading) -> Bool {
        a.meter == b.meter && a.usagePoint == b.usagePoint && a.intervals == b.intervals && a.registers == b.registers
    }
}

/// Something a meter, or somebody about it, has noticed.
public struct EndDeviceEvent: Sendable, Equatable {
    public struct Detail: Sendable, Equatable {
        public var name: String
        public var value: String
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }
    public var mRID: String?
    public var code: EndDeviceCode
    public var createdMs: Int64
    public var reason: String?
    public var severity: String?
    public var device: NamedThing
    public var details: [Detail]
    public var line: Int
    public init(
        mRID: String? = nil, code: EndDeviceCode, createdMs: Int64, reason: String? = nil, severity: String? = nil,
        device: NamedThing, details: [Detail] = [], line: Int = 0
    ) {
        (self.mRID, self.code, self.createdMs, self.reason) = (mRID, code, createdMs, reason)
        (self.severity, self.device, self.details, self.line) = (severity, device, details, line)
    }
    public static func == (a: EndDeviceEvent, b: EndDeviceEvent) -> Bool {
        a.mRID == b.mRID && a.code == b.code && a.createdMs == b.createdMs && a.reason == b.reason
            && a.severity == b.severity && a.device == b.device && a.details == b.details
    }
    /// The IS 15959 id: that of the detail, or the only one its code stands for.
    public var eventID: Int? {
        details.first { $0.name == EndDeviceEventCodes.detailName }.map { Int($0.value) }
            ?? EndDeviceEventCodes.eventID(of: code)
    }
}

/// An order to end devices.
public struct EndDeviceControl: Sendable, Equatable {
    public var mRID: String?
    public var code: EndDeviceCode
    /// Who asks, and the number it has there.
    public var issuerID: String?
    public var issuerTrackingID: String?
    public var reason: String?
    /// When it is to be done; nil is now.
    public var startMs: Int64?
    public var endMs: Int64?
    /// What is wanted, where the code alone does not say it: `EndDeviceAction/command`, watts of a load limit.
    public var value: String?
    /// How long it is to hold, as the sender writes it: `EndDeviceAction/duration`; nil is for good.
    public var duration: String?
    public var devices: [NamedThing]
    public var line: Int
    public init(
        mRID: String? = nil, code: EndDeviceCode, issuerID: String? = nil, issuerTrackingID: String? = nil,
        reason: String? = nil, startMs: Int64? = nil, endMs: Int64? = nil, value: String? = nil,
        duration: String? = nil, devices: [NamedThing], line: Int = 0
    ) {
        (self.value, self.duration) = (value, duration)
        (self.mRID, self.code, self.issuerID, self.issuerTrackingID) = (mRID, code, issuerID, issuerTrackingID)
        (self.reason, self.startMs, self.endMs) = (reason, startMs, endMs)
        (self.devices, self.line) = (devices, line)
    }
    public static func == (a: EndDeviceControl, b: EndDeviceControl) -> Bool {
        a.mRID == b.mRID && a.code == b.code && a.issuerID == b.issuerID && a.issuerTrackingID == b.issuerTrackingID
            && a.reason == b.reason && a.startMs == b.startMs && a.endMs == b.endMs && a.devices == b.devices
            && a.value == b.value && a.duration == b.duration
    }
}

/// A request for readings of these devices, now.
public struct ReadingsRequest: Sendable, Equatable {
    public var devices: [NamedThing]
    public var types: [ReadingTypeCode]
    public var line: Int
    public init(devices: [NamedThing], types: [ReadingTypeCode] = [], line: Int = 0) {
        (self.devices, self.types, self.line) = (devices, types, line)
    }
    public static func == (a: ReadingsRequest, b: ReadingsRequest) -> Bool {
        a.devices == b.devices && a.types == b.types
    }
}

/// How a request went (IEC 61968-100, Reply).
public struct MessageReply: Sendable, Equatable {
    public enum Result: String, Sendable, CaseIterable { case ok = "OK", partial = "PARTIAL", failed = "FAILED" }
    public enum Level: String, Sendable, CaseIterable {
        case inform = "INFORM", warning = "WARNING", fatal = "FATAL", catastrophic = "CATASTROPHIC"
    }
    public struct Fault: Sendable, Equatable {
        /// `2.4`: see ``ReplyCode``.
        public var code: String
        public var level: Level
        public var reason: String?
        public var details: String?
        /// The meter or order it is about.
        public var subject: String?
        public init(
            code: String, level: Level = .fatal, reason: String? = nil, details: String? = nil, subject: String? = nil
        ) {
            (self.code, self.level, self.reason) = (code, level, reason)
            (self.details, self.subject) = (details, subject)
        }
    }
    public var result: Result
    public var faults: [Fault]
    public init(_ result: Result, _ faults: [Fault] = []) {
        self.result = result
        self.faults = faults
    }
}

/// Reply codes (IEC 61968-9 annex B) as far as this program gives them; 0.x, 2.1 and 2.4 are used so by others, the
/// rest is from memory of the standard: a receiver should go by result and reason.
public enum ReplyCode: String, Sendable, CaseIterable {
    case ok = "0.0"
    /// Taken, not done yet.
    case pending = "0.3"
    case partial = "0.2"
    case invalidMeter = "2.4"
    case tooMany = "2.1"
    case wrongMessage = "1.5"
    case unknownCode = "2.9"
    case refused = "4.1"
    case communication = "5.1"
    case other = "5.0"
}

/// One thing found in a document, in its order.
public enum MessageItem: Sendable, Equatable {
    case header(MessageHeader)
    case reading(MeterReading)
    case event(EndDeviceEvent)
    case control(EndDeviceControl)
    case request(ReadingsRequest)
    case reply(MessageReply)
    /// Something of the document that no sense could be made of; the rest goes on.
    case unreadable(line: Int, what: String)
}
