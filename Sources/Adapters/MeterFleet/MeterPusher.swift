// What a virtual meter says unasked: alerts with the event status word (IS 15959-2), last gasp and first breath of its
// outages, ciphered as a meter with keys must, or in the clear. Makes frames; FleetPusher and AlarmSender send them.
import CivilTime
import DLMS
import IS15959
import Synchronization

/// Makes the pushes of one meter. Keep one for each meter: it holds counters that are never used twice.
public final class MeterPusher: Sendable {
    public enum Protection: String, Sendable, CaseIterable { case ciphered, plain }

    public let meter: VirtualMeter
    private struct Counters { var next: UInt32 = 0; var limit: UInt32 = 0; var invoke: UInt32 = 0 }
    private let counters = Mutex(Counters())

    public init(_ meter: VirtualMeter) { self.meter = meter }

    /// Client address of pushes (IS 15959-2).
    static let client: UInt16 = 64

    /// An alert with these bits of the status word, as a WRAPPER frame.
    /// - Parameters:
    ///   - atS: the meter's time; its clock when nil.
    ///   - isConfirmed: asks the listener to confirm.
    public func alert(
        _ bits: Set<Int>, atS: Int64? = nil, isConfirmed: Bool = false, _ protection: Protection = .ciphered
    ) throws -> [UInt8] {
        try notification(
            PushMessage.alert(deviceID: meter.configuration.serial, word: EventStatusWord(bits)), atS: atS,
            isConfirmed: isConfirmed, protection)
    }

    /// An alert that names an event id.
    public func alert(
        code: UInt16, atS: Int64? = nil, isConfirmed: Bool = false, _ protection: Protection = .ciphered
    ) throws -> [UInt8] {
        try notification(
            PushMessage.alert(deviceID: meter.configuration.serial, code: code), atS: atS, isConfirmed: isConfirmed,
            protection)
    }

    /// The supply has gone.
    public func lastGasp(atS: Int64, _ protection: Protection = .ciphered) throws -> [UInt8] {
        try alert(state(EventStatusWord.lastGasp), atS: atS, protection)
    }
    /// The supply has come back.
    public func firstBreath(atS: Int64, _ protection: Protection = .ciphered) throws -> [UInt8] {
        try alert(state(EventStatusWord.firstBreath), atS: atS, protection)
    }
    /// What a scenario makes it say. An event that no bit of the status word stands for is named by its id.
    public func frame(_ alarm: MeterAlarm, atS: Int64, _ protection: Protection) throws -> [UInt8] {
        switch alarm {
        case .lastGasp: try lastGasp(atS: atS, protection)
        case .firstBreath: try firstBreath(atS: atS, protection)
        case .event(let code):
            if let bit = Self.bit(code) {
                try alert(state(bit), atS: atS, protection)
            } else {
                try alert(code: UInt16(clamping: code), atS: atS, protection)
            }
        }
    }

    private static func bit(_ code: Int) -> Int? {
        EventStatusWord.standard.values.first { $0.occurrence == code }?.bit
    }

    private func state(_ bit: Int) -> Set<Int> { meter.relayOpen ? [bit, EventStatusWord.relayOpen] : [bit] }

    private func notification(
        _ body: DLMSData, atS: Int64?, isConfirmed: Bool, _ protection: Protection
    ) throws -> [UInt8] {
        let atS = atS ?? meter.nowS
        let (counter, invoke) = try take()
        let push = DataNotification(
            longInvoke: (isConfirmed ? 0x4000_0000 : 0) | invoke & 0x00FF_FFFF,
            dateTime: COSEMDateTime(instantS: atS, offsetS: meter.configuration.zone.offsetS(atS: atS)), body: body)
        let plain = APDU.dataNotification(push).bytes
        var apdu = plain
        if protection == .ciphered {
            let secrets = meter.secretsNow
            apdu =
                APDU.ciphered(
                    try CipheredAPDU.seal(
                        plain, form: .generalGlobal(systemTitle: meter.systemTitle), counter: counter,
                        title: meter.systemTitle,
                        keys: SecurityKeys(
                            encryption: secrets.encryptionKey, authentication: secrets.authenticationKey))
                ).bytes
        }
        return try WrapperFrame(source: 1, destination: Self.client, apdu: apdu).encoded()
    }

    private func take() throws -> (counter: UInt32, invoke: UInt32) {
        try counters.withLock { counters in
            if counters.next >= counters.limit {
                counters.next = try meter.reserveServerCounters()
                counters.limit = counters.next + VirtualMeter.countersPerConnection
            }
            counters.next += 1
            counters.invoke &+= 1
            return (counters.next - 1, counters.invoke)
        }
    }

    /// What the meter pushes by itself of a span of business time (after `fromS`, up to `toS`), in order: a last gasp
    /// where an outage begins, a first breath where it ends, and the events of its script that a status bit stands for;
    /// those of scenarios as well.
    public func due(afterS fromS: Int64, toS: Int64) throws -> [(atS: Int64, frame: [UInt8])] {
        let span = { (atS: Int64) in atS > fromS && atS <= toS }
        var frames: [(atS: Int64, frame: [UInt8])] = []
        for outage in meter.outages {
            if span(outage.fromS) { frames.append((outage.fromS, try lastGasp(atS: outage.fromS))) }
            if span(outage.untilS) { frames.append((outage.untilS, try firstBreath(atS: outage.untilS))) }
        }
        for event in meter.scriptedEvents where span(event.atS) {
            guard let bit = Self.bit(event.code) else { continue }
            frames.append((event.atS, try alert(state(bit), atS: event.atS)))
        }
        return frames.sorted { $0.atS < $1.atS }
    }
}
