// What an Indian smart meter holds (IS 15959-1 and -2): objects by name and the profiles they form. A table to speak
// and to simulate by; a client never trusts it for columns or scalers, it reads them from the meter.
import DLMS

/// An object with a name people type.
public struct NamedObject: Hashable, Sendable {
    /// `import-energy`
    public var name: String
    public var classID: UInt16
    public var obis: OBIS
    /// Plain words: `cumulative active energy, import`.
    public var title: String
    /// The unit of IS 15959; the meter's own scaler-unit rules.
    public var unit: UInt8

    public init(_ name: String, _ classID: UInt16, _ obis: OBIS, _ title: String, unit: UInt8 = 255) {
        self.name = name
        self.classID = classID
        self.obis = obis
        self.title = title
        self.unit = unit
    }

    public var value: AttributeReference { AttributeReference(classID, obis, 2) }
    public var capture: CaptureObject { CaptureObject(classID, obis, 2) }
}

/// A profile generic (class 7) and the one that holds the scalers of its columns.
public struct NamedProfile: Hashable, Sendable {
    public var name: String
    public var obis: OBIS
    public var title: String
    /// Nil when no column has a scaler.
    public var scalerProfile: OBIS?
    /// Names of its usual columns, first the stamp.
    public var columns: [String]

    public init(_ name: String, _ obis: OBIS, _ title: String, scalerProfile: OBIS? = nil, columns: [String]) {
        self.name = name
        self.obis = obis
        self.title = title
        self.scalerProfile = scalerProfile
        self.columns = columns
    }
}

/// The objects and profiles of a kind of meter.
public struct MeterProfile: Sendable {
    public var name: String
    public var profiles: [NamedProfile]

    public func profile(_ name: String) -> NamedProfile? { profiles.first { $0.name == name } }
    public static func named(_ name: String) -> MeterProfile? { all.first { $0.name == name } }
    public static let all = [singlePhase, threePhase]

    /// Category D1: one phase, relay.
    public static let singlePhase = MeterProfile(
        name: "single-phase",
        profiles: [
            instantaneous([
                "clock", "voltage", "current", "neutral-current", "power-factor", "frequency", "apparent-power",
                "active-power", "import-energy", "import-apparent-energy", "power-on-duration", "tamper-count",
                "billing-count", "programming-count", "export-energy", "export-apparent-energy",
            ]),
            blockLoad([
                "clock", "average-voltage", "block-import-energy", "block-import-apparent-energy",
                "block-export-energy", "block-export-apparent-energy", "average-current",
            ]),
        ] + common)

    /// Categories D2 and D3: three phases.
    public static let threePhase = MeterProfile(
        name: "three-phase",
        profiles: [
            instantaneous([
                "clock", "current-r", "current-y", "current-b", "voltage-r", "voltage-y", "voltage-b", "power-factor",
                "frequency", "apparent-power", "active-power", "import-energy", "export-energy",
                "import-apparent-energy", "export-apparent-energy", "tamper-count", "billing-count",
                "programming-count",
            ]),
            blockLoad([
                "clock", "average-current-r", "average-current-y", "average-current-b", "average-voltage-r",
                "average-voltage-y", "average-voltage-b", "block-import-energy", "block-import-apparent-energy",
                "block-export-energy", "block-export-apparent-energy",
            ]),
        ] + common)

    private static func instantaneous(_ columns: [String]) -> NamedProfile {
        NamedProfile(
            "instantaneous", OBIS(1, 0, 94, 91, 0), "instantaneous values", scalerProfile: OBIS(1, 0, 94, 91, 3),
            columns: columns)
    }

    private static func blockLoad(_ columns: [String]) -> NamedProfile {
        NamedProfile(
            "block-load", OBIS(1, 0, 99, 1, 0), "load by capture period, stamped at its end",
            scalerProfile: OBIS(1, 0, 94, 91, 4), columns: columns)
    }

    private static let common: [NamedProfile] =
        [
            NamedProfile(
                "daily", OBIS(1, 0, 99, 2, 0), "registers at midnight", scalerProfile: OBIS(1, 0, 94, 91, 5),
                columns: [
                    "clock", "import-energy", "import-apparent-energy", "export-energy", "export-apparent-energy",
                ]),
            NamedProfile(
                "name-plate", OBIS(0, 0, 94, 91, 10), "name plate",
                columns: [
                    "serial", "device-id", "maker", "firmware", "meter-type", "meter-category", "current-rating",
                    "year",
                ]),
        ]
        + EventLog.allCases.map { log in
            NamedProfile(
                log.profileName, log.obis, "event log: \(log.rawValue)",
                columns: ["clock", "event-code-\(log.rawValue)"])
        }
}

/// The event logs (0.0.99.98.n) with their event code objects (0.0.96.11.n).
public enum EventLog: String, Sendable, CaseIterable {
    case voltage, current, power, transaction, others, nonRollover = "non-rollover", control
    public var index: UInt8 { UInt8(Self.allCases.firstIndex(of: self) ?? 0) }
    public var obis: OBIS { OBIS(0, 0, 99, 98, index) }
    public var code: CaptureObject { CaptureObject(1, OBIS(0, 0, 96, 11, index)) }
    /// `events-control`
    public var profileName: String { "events-\(rawValue)" }
}

/// The associations of IS 15959-2 by client address.
public enum Associations {
    /// The object that shows the last invocation counter a client address used (0.0.43.1.x); readable without security.
    /// Nil for an address outside the standard, apart from 49: the GMAC client of our simulated meters.
    public static func invocationCounter(client: UInt16) -> AttributeReference? {
        let groups: [UInt16: UInt8] = [16: 1, 32: 2, 48: 3, 64: 4, 80: 5, 96: 6, 49: 7]
        return groups[client].map { AttributeReference(1, OBIS(0, 0, 43, 1, $0)) }
    }
}
