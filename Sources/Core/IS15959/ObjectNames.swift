// OBIS codes of IS 15959 by the names a person types. Names of profiles are in MeterProfile.swift; which meter has
// which object stands in the profile files.
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
    /// The attribute that holds what the name says: mostly 2; 5 for the time of a maximum demand.
    public var attribute: Int8

    public init(
        _ name: String, _ classID: UInt16, _ obis: OBIS, _ title: String, unit: UInt8 = 255, attribute: Int8 = 2
    ) {
        self.name = name
        self.classID = classID
        self.obis = obis
        self.title = title
        self.unit = unit
        self.attribute = attribute
    }

    public var value: AttributeReference { AttributeReference(classID, obis, attribute) }
    public var capture: CaptureObject { CaptureObject(classID, obis, attribute) }
}

/// Objects that are not profiles.
public enum ObjectNames {
    /// Nil when there is no such name.
    public static func find(_ name: String) -> NamedObject? { byName[name] }
    public static func find(_ obis: OBIS) -> NamedObject? { byOBIS[obis] }
    /// By logical name and attribute: the value of a maximum demand and its time are two.
    public static func find(_ obis: OBIS, attribute: Int8) -> NamedObject? {
        byCapture[Key(obis: obis, attribute: attribute)]
    }

    public static let clock = NamedObject("clock", 8, OBIS(0, 0, 1, 0, 0), "clock")
    public static let importEnergy = NamedObject(
        "import-energy", 3, OBIS(1, 0, 1, 8, 0), "cumulative active energy, import", unit: wattHour)
    public static let blockImportEnergy = NamedObject(
        "block-import-energy", 3, OBIS(1, 0, 1, 29, 0), "active energy of the block, import", unit: wattHour)
    public static let blockExportEnergy = NamedObject(
        "block-export-energy", 3, OBIS(1, 0, 2, 29, 0), "active energy of the block, export", unit: wattHour)
    public static let averageVoltage = NamedObject(
        "average-voltage", 3, OBIS(1, 0, 12, 27, 0), "average voltage of the block", unit: volt)
    public static let serial = NamedObject("serial", 1, OBIS(0, 0, 96, 1, 0), "meter serial number")
    public static let firmware = NamedObject("firmware", 1, OBIS(1, 0, 0, 2, 0), "firmware version")
    public static let logicalDeviceName = NamedObject(
        "logical-device-name", 1, OBIS(0, 0, 42, 0, 0), "logical device name")
    public static let relay = NamedObject("relay", 70, OBIS(0, 0, 96, 3, 10), "disconnect control: output state")
    public static let billingDate = NamedObject("billing-date", 3, OBIS(0, 0, 0, 1, 2), "end of the billing period")
    /// Current transformer ratio, primary over secondary.
    public static let currentRatio = NamedObject("ct-ratio", 1, OBIS(1, 0, 0, 4, 2), "current transformer ratio")
    public static let voltageRatio = NamedObject("vt-ratio", 1, OBIS(1, 0, 0, 4, 3), "voltage transformer ratio")
    public static let eventStatusWord = NamedObject(
        "event-status-word", 1, OBIS(0, 0, 94, 91, 18), "event status word, 128 bits")

    static let watt: UInt8 = 27, voltAmpere: UInt8 = 28, reactive: UInt8 = 29, wattHour: UInt8 = 30
    static let voltAmpereHour: UInt8 = 31, reactiveHour: UInt8 = 32
    static let ampere: UInt8 = 33, volt: UInt8 = 35, hertz: UInt8 = 44, minute: UInt8 = 6, second: UInt8 = 7

    public static let all: [NamedObject] = named + energies + demands + phases + data + setUp + prepaid

    private static let named = [
        clock, importEnergy, blockImportEnergy, blockExportEnergy, averageVoltage, serial, firmware,
        logicalDeviceName, relay, billingDate, currentRatio, voltageRatio, eventStatusWord,
    ]

    private static let energies: [NamedObject] = {
        var list = [
            register("export-energy", 2, 8, "cumulative active energy, export", wattHour),
            register("import-apparent-energy", 9, 8, "cumulative apparent energy, import", voltAmpereHour),
            register("export-apparent-energy", 10, 8, "cumulative apparent energy, export", voltAmpereHour),
            register("block-import-apparent-energy", 9, 29, "apparent energy of the block, import", voltAmpereHour),
            register("block-export-apparent-energy", 10, 29, "apparent energy of the block, export", voltAmpereHour),
            register("active-power", 1, 7, "active power", watt),
            register("reactive-power", 3, 7, "reactive power", reactive),
            register("apparent-power", 9, 7, "apparent power", voltAmpere),
            register("power-factor", 13, 7, "power factor", 255),
            register("average-power-factor", 13, 27, "average power factor of the block", 255),
            register("billing-power-factor", 13, 0, "average power factor of the billing period", 255),
            register("frequency", 14, 7, "frequency", hertz),
            register("average-frequency", 14, 27, "average frequency of the block", hertz),
        ]
        for quadrant in UInt8(1)...4 {
            list.append(
                register(
                    "reactive-energy-q\(quadrant)", 4 + quadrant, 8, "cumulative reactive energy, Q\(quadrant)",
                    reactiveHour))
            list.append(
                register(
                    "block-reactive-energy-q\(quadrant)", 4 + quadrant, 29,
                    "reactive energy of the block, Q\(quadrant)", reactiveHour))
        }
        // Time-of-use registers: group E is the zone.
        for (name, c, title, unit) in [
            ("import-energy", UInt8(1), "active energy, import", wattHour),
            ("export-energy", 2, "active energy, export", wattHour),
            ("import-apparent-energy", 9, "apparent energy, import", voltAmpereHour),
            ("export-apparent-energy", 10, "apparent energy, export", voltAmpereHour),
        ] {
            for zone in UInt8(1)...8 {
                list.append(
                    NamedObject(
                        "\(name)-tz\(zone)", 3, OBIS(1, 0, c, 8, zone), "cumulative \(title), zone \(zone)",
                        unit: unit))
            }
        }
        return list
    }()

    /// Maximum demands (class 4): the value in attribute 2, its time in attribute 5; group E is the zone, 0 for all.
    private static let demands: [NamedObject] = {
        var list: [NamedObject] = []
        for (name, c, title, unit) in [
            ("max-demand", UInt8(1), "active, import", watt), ("max-demand-export", 2, "active, export", watt),
            ("max-demand-apparent", 9, "apparent, import", voltAmpere),
            ("max-demand-export-apparent", 10, "apparent, export", voltAmpere),
        ] {
            for zone in UInt8(0)...8 {
                let full = zone == 0 ? name : "\(name)-tz\(zone)"
                let words = zone == 0 ? title : "\(title), zone \(zone)"
                let obis = OBIS(1, 0, c, 6, zone)
                list.append(NamedObject(full, 4, obis, "maximum demand, \(words)", unit: unit))
                list.append(NamedObject(full + "-time", 4, obis, "time of maximum demand, \(words)", attribute: 5))
            }
        }
        return list
    }()

    /// Single phase (values 11, 12, 91) and the phases R, Y, B (31/51/71 current, 32/52/72 voltage, 33/53/73 factor).
    private static let phases: [NamedObject] = {
        var list = [
            register("voltage", 12, 7, "voltage", volt), register("current", 11, 7, "phase current", ampere),
            register("neutral-current", 91, 7, "neutral current", ampere),
            register("average-current", 11, 27, "average current of the block", ampere),
            register("average-neutral-current", 91, 27, "average neutral current of the block", ampere),
            // Single-phase logs keep the current under a name of their own.
            NamedObject("event-current", 3, OBIS(1, 0, 94, 91, 14), "current at the event", unit: ampere),
        ]
        for (phase, base) in [("r", UInt8(31)), ("y", 51), ("b", 71)] {
            let name = phase.uppercased()
            list.append(register("current-\(phase)", base, 7, "current, phase \(name)", ampere))
            list.append(register("voltage-\(phase)", base + 1, 7, "voltage, phase \(name)", volt))
            list.append(register("power-factor-\(phase)", base + 2, 7, "power factor, phase \(name)", 255))
            list.append(register("average-current-\(phase)", base, 27, "average current, phase \(name)", ampere))
            list.append(register("average-voltage-\(phase)", base + 1, 27, "average voltage, phase \(name)", volt))
            list.append(
                register("average-power-factor-\(phase)", base + 2, 27, "average power factor, phase \(name)", 255))
        }
        return list
    }()

    private static let data =
        [
            NamedObject("device-id", 1, OBIS(0, 0, 96, 1, 2), "device id"),
            NamedObject("maker", 1, OBIS(0, 0, 96, 1, 1), "name of the maker"),
            NamedObject("meter-type", 1, OBIS(0, 0, 94, 91, 9), "meter type"),
            NamedObject("meter-category", 1, OBIS(0, 0, 94, 91, 11), "meter category"),
            NamedObject("current-rating", 1, OBIS(0, 0, 94, 91, 12), "current rating"),
            NamedObject("year", 1, OBIS(0, 0, 96, 1, 4), "year of manufacture"),
            NamedObject("power-on-duration", 3, OBIS(0, 0, 94, 91, 14), "cumulative time with power", unit: minute),
            NamedObject("power-off-duration", 3, OBIS(0, 0, 94, 91, 8), "cumulative time without power", unit: minute),
            NamedObject(
                "billing-power-on-duration", 3, OBIS(0, 0, 94, 91, 13), "time with power in the billing period",
                unit: minute),
            NamedObject("power-failure-count", 1, OBIS(0, 0, 96, 7, 0), "count of power failures"),
            NamedObject("tamper-count", 1, OBIS(0, 0, 94, 91, 0), "count of tampers"),
            NamedObject("billing-count", 1, OBIS(0, 0, 0, 1, 0), "count of billing periods"),
            NamedObject("programming-count", 1, OBIS(0, 0, 96, 2, 0), "count of programmings"),
            NamedObject("meter-health", 1, OBIS(0, 0, 96, 10, 1), "health indicator of the meter"),
        ]
        + EventLog.allCases.map {
            NamedObject("event-code-\($0.rawValue)", 1, $0.code.obis, "last event code, \($0.rawValue)")
        }
        + EventLog.allCases.map {
            NamedObject("event-sequence-\($0.rawValue)", 1, $0.sequence.obis, "event count, \($0.rawValue)")
        }

    /// What is programmed or called.
    private static let setUp = [
        NamedObject("capture-period", 1, OBIS(1, 0, 0, 8, 4), "capture period of the block load, s"),
        NamedObject("demand-period", 1, OBIS(1, 0, 0, 8, 0), "demand integration period, s"),
        NamedObject("billing-dates", 22, OBIS(0, 0, 15, 0, 0), "schedule of billing", attribute: 4),
        NamedObject("activity-calendar", 20, OBIS(0, 0, 13, 0, 0), "name of the active calendar"),
        NamedObject("image-activation", 22, OBIS(0, 0, 15, 0, 2), "schedule of image activation", attribute: 4),
        NamedObject("image-transfer", 18, OBIS(0, 0, 44, 0, 0), "image transfer: block size"),
        NamedObject("push-schedule", 22, OBIS(0, 0, 15, 0, 4), "schedule of pushes", attribute: 4),
        NamedObject("push-instant", 40, OBIS(0, 0, 25, 9, 0), "push of instantaneous values: object list"),
        NamedObject("push-alert", 40, OBIS(0, 4, 25, 9, 0), "push of alerts: object list"),
        NamedObject("event-status-filter", 1, OBIS(0, 0, 94, 91, 26), "status bits that may be pushed"),
        NamedObject("demand-reset", 9, OBIS(0, 0, 10, 0, 1), "maximum demand reset: scripts"),
        NamedObject("disconnect-script", 9, OBIS(0, 0, 10, 0, 106), "disconnect: scripts"),
        NamedObject("load-limit", 71, OBIS(0, 0, 17, 0, 0), "load limit: active threshold", attribute: 3),
        NamedObject("relay-times", 1, OBIS(1, 0, 96, 128, 25), "relay times, active"),
        NamedObject("relay-times-passive", 1, OBIS(1, 0, 96, 128, 30), "relay times, passive"),
    ]

    /// Wired meters of some makers have these at 0.0.94.91.19-25: see the profile file `single-phase-wired`.
    private static let prepaid = [
        NamedObject("metering-mode", 1, OBIS(0, 0, 94, 96, 19), "metering mode: 0 import only, 1 import and export"),
        NamedObject("payment-mode", 1, OBIS(0, 0, 94, 96, 20), "payment mode: 1 prepaid, 0 postpaid"),
        NamedObject("last-recharge-amount", 1, OBIS(0, 0, 94, 96, 21), "amount of the last recharge"),
        NamedObject("last-recharge-time", 1, OBIS(0, 0, 94, 96, 22), "time of the last recharge"),
        NamedObject("total-at-last-recharge", 1, OBIS(0, 0, 94, 96, 23), "total at the last recharge"),
        NamedObject("balance", 1, OBIS(0, 0, 94, 96, 24), "balance"),
        NamedObject("balance-time", 1, OBIS(0, 0, 94, 96, 25), "time of the balance"),
    ]

    private static func register(
        _ name: String, _ c: UInt8, _ d: UInt8, _ title: String, _ unit: UInt8
    ) -> NamedObject {
        NamedObject(name, 3, OBIS(1, 0, c, d, 0), title, unit: unit)
    }

    private struct Key: Hashable {
        var obis: OBIS
        var attribute: Int8
    }
    private static let byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
    private static let byOBIS = Dictionary(all.map { ($0.obis, $0) }) { first, _ in first }
    private static let byCapture = Dictionary(
        all.map { (Key(obis: $0.obis, attribute: $0.attribute), $0) }
    ) { first, _ in first }
}
