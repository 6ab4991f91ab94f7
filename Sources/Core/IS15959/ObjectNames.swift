// OBIS codes of IS 15959 by the names a person types. Names of profiles are in MeterProfile.swift.
import DLMS

/// Objects that are not profiles.
public enum ObjectNames {
    /// Nil when there is no such name.
    public static func find(_ name: String) -> NamedObject? { byName[name] }
    public static func find(_ obis: OBIS) -> NamedObject? { byOBIS[obis] }

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

    static let watt: UInt8 = 27, voltAmpere: UInt8 = 28, wattHour: UInt8 = 30, voltAmpereHour: UInt8 = 31
    static let ampere: UInt8 = 33, volt: UInt8 = 35, hertz: UInt8 = 44, minute: UInt8 = 6

    public static let all: [NamedObject] = named + energies + phases + data

    private static let named = [
        clock, importEnergy, blockImportEnergy, blockExportEnergy, averageVoltage, serial, firmware,
        logicalDeviceName, relay,
    ]

    private static let energies = [
        register("export-energy", 2, 8, "cumulative active energy, export", wattHour),
        register("import-apparent-energy", 9, 8, "cumulative apparent energy, import", voltAmpereHour),
        register("export-apparent-energy", 10, 8, "cumulative apparent energy, export", voltAmpereHour),
        register("block-import-apparent-energy", 9, 29, "apparent energy of the block, import", voltAmpereHour),
        register("block-export-apparent-energy", 10, 29, "apparent energy of the block, export", voltAmpereHour),
        register("active-power", 1, 7, "active power", watt),
        register("apparent-power", 9, 7, "apparent power", voltAmpere),
        register("power-factor", 13, 7, "power factor", 255),
        register("frequency", 14, 7, "frequency", hertz),
    ]

    /// Single phase (values 11, 12, 91) and the phases R, Y, B (31/51/71 current, 32/52/72 voltage).
    private static let phases: [NamedObject] = {
        var list = [
            register("voltage", 12, 7, "voltage", volt), register("current", 11, 7, "phase current", ampere),
            register("neutral-current", 91, 7, "neutral current", ampere),
            register("average-current", 11, 27, "average current of the block", ampere),
        ]
        for (phase, base) in [("r", UInt8(31)), ("y", 51), ("b", 71)] {
            list.append(register("current-\(phase)", base, 7, "current, phase \(phase.uppercased())", ampere))
            list.append(register("voltage-\(phase)", base + 1, 7, "voltage, phase \(phase.uppercased())", volt))
            list.append(
                register("average-current-\(phase)", base, 27, "average current, phase \(phase.uppercased())", ampere))
            list.append(
                register("average-voltage-\(phase)", base + 1, 27, "average voltage, phase \(phase.uppercased())", volt)
            )
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
            NamedObject("capture-period", 1, OBIS(1, 0, 0, 8, 4), "capture period of the block load, s"),
            NamedObject("power-on-duration", 3, OBIS(0, 0, 94, 91, 14), "cumulative time with power", unit: minute),
            NamedObject("tamper-count", 1, OBIS(0, 0, 94, 91, 0), "count of tampers"),
            NamedObject("billing-count", 1, OBIS(0, 0, 0, 1, 0), "count of billing periods"),
            NamedObject("programming-count", 1, OBIS(0, 0, 96, 2, 0), "count of programmings"),
        ]
        + EventLog.allCases.map {
            NamedObject("event-code-\($0.rawValue)", 1, $0.code.obis, "last event code, \($0.rawValue)")
        }

    private static func register(
        _ name: String, _ c: UInt8, _ d: UInt8, _ title: String, _ unit: UInt8
    ) -> NamedObject {
        NamedObject(name, 3, OBIS(1, 0, c, d, 0), title, unit: unit)
    }

    private static let byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
    private static let byOBIS = Dictionary(all.map { ($0.obis, $0) }) { first, _ in first }
}
