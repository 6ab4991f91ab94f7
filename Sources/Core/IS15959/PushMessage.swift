// What a meter says unasked (IS 15959-2: push setups 0.0.25.9.0 and 0.4.25.9.0, IEC 62056-5-3 notifications), read by
// its shape: makers order the elements of a push differently. No keys, no sockets and no clock here.
import CivilTime
import DLMS

/// One notification, read.
public struct PushMessage: Sendable, Equatable {
    /// The serial number or device name the push itself gives; nil when it gives none.
    public var deviceID: String?
    /// The push setup it comes from, when it says so.
    public var setup: OBIS?
    /// The meter's own time; nil when the push has none, or none that is whole.
    public var stamp: COSEMDateTime?
    /// Event ids it names.
    public var codes: [Int] = []
    public var statusWord: EventStatusWord?
    /// Set when the sender asked to be told that it arrived: what to answer.
    public var confirmation: [UInt8]?

    public init() {}

    /// Elements looked at in one push; the rest is left.
    public static let elementsMax = 256
    private static let depthMax = 3

    /// Reads a plain notification.
    /// - Throws: `DLMSError` when the octets are not one, or are another service.
    public init(apdu bytes: [UInt8]) throws(DLMSError) {
        guard let tag = bytes.first, tag == 0x0F || tag == 0xC2 else {
            throw .unsupported("a push with tag \(bytes.first ?? 0)")
        }
        switch try APDU(bytes: bytes) {
        case .dataNotification(let push): self.init(push)
        case .eventNotification(let push): self.init(push)
        default: throw .unsupported("a push with tag \(tag)")
        }
    }

    public init(_ push: DataNotification) {
        stamp = push.dateTime.flatMap { $0.hasWildcards ? nil : $0 }
        confirmation = push.isConfirmed ? push.confirmation : nil
        var budget = Self.elementsMax
        read(push.body, depth: 0, &budget)
        // Bare numbers are event ids only where the push says that it is the one for alerts: 205 may be volts.
        if setup == Self.alertSetup {
            for element in push.body.elements ?? [] where codes.count < Self.elementsMax {
                if case .longUnsigned(let code) = element { add(code: Int64(code)) }
            }
        }
    }

    public init(_ push: EventNotification) {
        stamp = push.dateTime.flatMap { $0.hasWildcards ? nil : $0 }
        if push.reference.obis == ObjectNames.eventStatusWord.obis {
            statusWord = EventStatusWord(push.value)
        } else if Self.isEventCode(push.reference.obis), let code = push.value.integer {
            add(code: code)
        }
    }

    public static let alertSetup = OBIS(0, 4, 25, 9, 0)
    private static let instantSetup = OBIS(0, 0, 25, 9, 0)

    private static func isEventCode(_ obis: OBIS) -> Bool { EventLog.allCases.contains { $0.code.obis == obis } }

    private mutating func add(code: Int64) {
        // Ids of makers go up to 999.
        guard (1...999).contains(code), !codes.contains(Int(code)) else { return }
        codes.append(Int(code))
    }

    private mutating func read(_ data: DLMSData, depth: Int, _ budget: inout Int) {
        budget -= 1
        guard budget >= 0 else { return }
        if let elements = data.elements {
            guard depth < Self.depthMax else { return }
            if elements.count == 2, let obis = elements[0].octets.flatMap({ OBIS(bytes: $0) }),
                Self.isEventCode(obis), let code = elements[1].integer
            {
                add(code: code)
                return
            }
            for element in elements { read(element, depth: depth + 1, &budget) }
            return
        }
        if case .bitString(_, let count) = data {
            if count >= 64, statusWord == nil { statusWord = EventStatusWord(data) }
            return
        }
        if let octets = data.octets, octets.count == 6, let obis = OBIS(bytes: octets),
            obis == Self.alertSetup || obis == Self.instantSetup
        {
            setup = obis
        } else if let text = Self.name(data) {
            // The first text is the device's name; what follows may be anything.
            if deviceID == nil { deviceID = text }
        } else if let time = data.dateTime {
            if stamp == nil, !time.hasWildcards { stamp = time }
        } else if let octets = data.octets, octets.count == EventStatusWord.bitCount / 8, statusWord == nil {
            statusWord = EventStatusWord(data)
        }
    }

    /// Letters, digits, hyphens and the like, up to 32: a serial number or a device name.
    private static func name(_ data: DLMSData) -> String? {
        guard let octets = data.octets, (1...32).contains(octets.count),
            octets.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return String(decoding: octets, as: UTF8.self)
    }

    /// The meter's time as UTC seconds; nil without one, or when it is no time at all.
    public func atS(zone: Zone) -> Int64? {
        guard let stamp else { return nil }
        return (try? ProfileLayout.instantS(.dateTime(stamp), zone: zone)) ?? nil
    }
}

extension PushMessage {
    /// The body of an alert as IS 15959-2 lists it: device name, push setup, event status word.
    public static func alert(deviceID: String, word: EventStatusWord) -> DLMSData {
        .structure([.text(deviceID), .obis(alertSetup), word.data])
    }

    /// The body of an alert that names its event id, as some makers send it.
    public static func alert(deviceID: String, code: UInt16) -> DLMSData {
        .structure([.text(deviceID), .obis(alertSetup), .longUnsigned(code)])
    }
}
