// What a meter of some kind holds (IS 15959-1, -2, -3): objects by name and the profiles they form, read from
// profile files. A table to speak and to simulate by; a client never trusts it for columns or scalers, it reads them
// from the meter.
import DLMS

/// A profile generic (class 7) and the one that holds the scalers of its columns.
public struct NamedProfile: Hashable, Sendable {
    public var name: String
    public var obis: OBIS
    public var title: String
    /// Nil when no column has a scaler.
    public var scalerProfile: OBIS?
    /// Names of the columns that every meter of the kind has, first the stamp.
    public var columns: [String]
    /// Names of columns that some of them have besides.
    public var more: [String]

    public init(
        _ name: String, _ obis: OBIS, _ title: String, scalerProfile: OBIS? = nil, columns: [String],
        more: [String] = []
    ) {
        self.name = name
        self.obis = obis
        self.title = title
        self.scalerProfile = scalerProfile
        self.columns = columns
        self.more = more
    }
}

/// The objects and profiles of a kind of meter, or of one maker's meters.
public struct MeterProfile: Sendable {
    public var name: String
    public var title = ""
    /// Nil for a kind of meter of the standard.
    public var maker: String?
    /// Meter categories of IS 15959 (A...D4) that this profile is for.
    public var categories: [String] = []
    public var profiles: [NamedProfile]
    /// Names of objects beside the columns: relay, settings, prepaid objects.
    public var others: [String] = []
    /// Objects that are not, or not so, in `ObjectNames`.
    public var objects: [NamedObject] = []
    /// Names of objects by which an unknown meter is told to be of this kind: all of these, none of those.
    public var signs: (has: [String], lacks: [String]) = ([], [])
    /// Events that this maker numbers otherwise.
    public var events: [Int: String] = [:]
    public var eventLogs: [Int: EventLog] = [:]
    /// Bits of the event status word that are the maker's.
    public var statusBits: [Int: StatusBit] = [:]
    /// True when the registers already hold primary values: no transformer ratio applies.
    public var isPrimary = false

    public init(name: String, profiles: [NamedProfile]) {
        self.name = name
        self.profiles = profiles
    }

    public func profile(_ name: String) -> NamedProfile? { profiles.first { $0.name == name } }
    public func profile(_ obis: OBIS) -> NamedProfile? { profiles.first { $0.obis == obis } }

    /// The object of that name, as this maker has it.
    public func object(_ name: String) -> NamedObject? {
        objects.first { $0.name == name } ?? ObjectNames.find(name)
    }

    /// The object of that logical name, as this maker has it.
    public func object(_ obis: OBIS, attribute: Int8 = 2) -> NamedObject? {
        objects.first { $0.obis == obis && $0.attribute == attribute }
            ?? ObjectNames.find(obis, attribute: attribute).flatMap { known in
                // A name that the maker has moved no longer stands at its old place.
                objects.contains { $0.name == known.name } ? nil : known
            }
    }

    /// Words for an event, the maker's before the standard's.
    public func eventName(_ id: Int) -> String? { events[id] ?? EventIDs.name(id) }
    public func eventLog(_ id: Int) -> EventLog? { eventLogs[id] ?? EventIDs.log(id) }

    public static func named(_ name: String) -> MeterProfile? { all.first { $0.name == name } }

    /// The profiles that come with the program.
    public static let all: [MeterProfile] = [singlePhase, threePhase, ltCT, htCT, singlePhaseWired]
    /// Category D1: one phase, relay.
    public static let singlePhase = embedded(PackageResources.single_phase_json)
    /// Category D2: three phases, whole current, relay.
    public static let threePhase = embedded(PackageResources.three_phase_json)
    /// Category D3: by current transformers; no relay.
    public static let ltCT = embedded(PackageResources.lt_ct_json)
    /// Category D4 and feeders: by current and voltage transformers; no relay.
    public static let htCT = embedded(PackageResources.ht_ct_json)
    public static let singlePhaseWired = embedded(PackageResources.single_phase_wired_json) { _ in singlePhase }

    private static func embedded(
        _ bytes: [UInt8], base: (String) -> MeterProfile? = { _ in nil }
    ) -> MeterProfile {
        do {
            return try MeterProfile(json: String(decoding: bytes, as: UTF8.self), base: base)
        } catch {
            // The files are part of the program, and the tests read each of them.
            preconditionFailure("an embedded profile: \(error)")
        }
    }
}

/// The event logs (0.0.99.98.n) with their event code objects (0.0.96.11.n).
public enum EventLog: String, Sendable, CaseIterable {
    case voltage, current, power, transaction, others, nonRollover = "non-rollover", control
    public var index: UInt8 { UInt8(Self.allCases.firstIndex(of: self) ?? 0) }
    public var obis: OBIS { OBIS(0, 0, 99, 98, index) }
    public var code: CaptureObject { CaptureObject(1, OBIS(0, 0, 96, 11, index)) }
    /// Counts the entries of the log for ever, also those that rolled over.
    public var sequence: CaptureObject { CaptureObject(1, OBIS(0, 0, 96, 15, index)) }
    /// `events-control`
    public var profileName: String { "events-\(rawValue)" }
}

/// The associations of IS 15959-2 by client address.
public enum Associations {
    private static let groups: [UInt16: UInt8] = [16: 1, 32: 2, 48: 3, 64: 4, 80: 5, 96: 6]

    /// The object that shows the last invocation counter a client address used (0.0.43.1.x); readable without security.
    /// Nil for an address outside the standard, apart from 49: the GMAC client of our simulated meters.
    public static func invocationCounter(client: UInt16) -> AttributeReference? {
        let group = client == 49 ? 7 : groups[client]
        return group.map { AttributeReference(1, OBIS(0, 0, 43, 1, $0)) }
    }

    /// The security setup (class 64, 0.0.43.0.x) that a client address changes its keys with; nil for the public
    /// client and outside the standard.
    public static func securitySetup(client: UInt16) -> OBIS? {
        groups[client].flatMap { (2...5).contains($0) ? OBIS(0, 0, 43, 0, $0) : nil }
    }
}
