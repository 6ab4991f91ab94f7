// Rows of a profile (class 7) by the columns and scalers READ from the meter: stamps, energies, events. Nothing about
// columns is assumed. No I/O; the caller fetched attributes 2 and 3 and the scaler profile.
import CivilTime
import DLMS

/// A buffer that does not fit its columns; the text says which row and column.
public struct ProfileError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// One interval of the load profile. `endS` is the stamp of the meter: the END of the interval (IS 15959).
public struct BlockLoadReading: Hashable, Sendable {
    public var endS: Int64
    public var importWh: Int32
    public var exportWh: Int32?
    public var averageVoltageMilliV: Int32?
}

/// The import register at a stamp.
public struct RegisterReading: Hashable, Sendable {
    public var atS: Int64
    public var importWh: Int64
}

/// An entry of an event log.
public struct EventReading: Hashable, Sendable {
    public var atS: Int64
    public var code: Int
    /// The count of the log at this entry (0.0.96.15.n): tells entries that rolled over. Nil when not captured.
    public var sequence: Int64?
}

/// What has to be known to read a profile's buffer.
public struct ProfileLayout: Hashable, Sendable {
    /// Attribute 3, in order.
    public var columns: [CaptureObject]
    /// By the logical name of a column that is a register.
    public var scalers: [OBIS: ScalerUnit]
    /// Attribute 4, seconds; 0 when rows are captured by events. Completes stamps sent as null.
    public var periodS: Int64

    public init(columns: [CaptureObject], scalers: [OBIS: ScalerUnit], periodS: Int64) {
        self.columns = columns
        self.scalers = scalers
        self.periodS = periodS
    }

    /// Reads attribute 3.
    public static func columns(_ data: DLMSData) throws(ProfileError) -> [CaptureObject] {
        guard let list = data.elements, !list.isEmpty, list.count <= 128 else {
            throw ProfileError("capture objects: a list of 1 to 128 expected")
        }
        let columns = list.compactMap { CaptureObject($0) }
        guard columns.count == list.count else { throw ProfileError("capture objects: one is not a capture object") }
        return columns
    }

    /// Pairs the columns of a scaler profile (attribute 3 of registers) with its only row.
    public static func scalers(columns: [CaptureObject], buffer: DLMSData) throws(ProfileError) -> [OBIS: ScalerUnit] {
        guard let row = buffer.elements?.last?.elements, row.count == columns.count else {
            throw ProfileError("scaler profile: one row of \(columns.count) values expected")
        }
        var scalers: [OBIS: ScalerUnit] = [:]
        for (column, value) in zip(columns, row) where column.attribute == 3 {
            guard let scaler = ScalerUnit(value) else {
                throw ProfileError("scaler profile: \(column.obis.shortText) is not a scaler and unit")
            }
            scalers[column.obis] = scaler
        }
        return scalers
    }

    /// Registers whose scaler is still missing: ask the objects themselves (attribute 3).
    public var columnsWithoutScaler: [CaptureObject] {
        columns.filter { [3, 4].contains($0.classID) && $0.attribute == 2 && scalers[$0.obis] == nil }
    }
}

extension ProfileLayout {
    /// The rows with null data and deltas filled in (a null repeats the value above; a null stamp is one period later).
    /// - Parameter zone: zone of the meter, for stamps without a usable deviation.
    public func rows(_ buffer: DLMSData, zone: Zone) throws(ProfileError) -> [[DLMSData]] {
        guard let list = buffer.elements else { throw ProfileError("the buffer is not an array") }
        var rows: [[DLMSData]] = []
        rows.reserveCapacity(list.count)
        for (index, item) in list.enumerated() {
            guard let row = item.elements, row.count == columns.count else {
                throw ProfileError("row \(index + 1): \(columns.count) values expected as the capture objects say")
            }
            rows.append(try filled(row, above: rows.last, index: index, zone: zone))
        }
        return rows
    }

    private func filled(
        _ row: [DLMSData], above: [DLMSData]?, index: Int, zone: Zone
    ) throws(ProfileError) -> [DLMSData] {
        var result = row
        for (column, value) in row.enumerated() {
            switch value {
            case .null:
                guard let above else { continue }
                result[column] =
                    isStamp(columns[column])
                    ? try stampAfter(above[column], row: index, zone: zone) : above[column]
            case .deltaInteger, .deltaLong, .deltaDoubleLong, .deltaUnsigned, .deltaLongUnsigned,
                .deltaDoubleLongUnsigned:
                guard let base = above?[column].integer, let step = value.integer else {
                    throw ProfileError("row \(index + 1): a difference without a value above it")
                }
                let (sum, over) = base.addingReportingOverflow(step)
                guard !over else { throw ProfileError("row \(index + 1): a difference out of range") }
                result[column] = .long64(sum)
            default: continue
            }
        }
        return result
    }

    private func stampAfter(_ previous: DLMSData, row: Int, zone: Zone) throws(ProfileError) -> DLMSData {
        guard periodS > 0, let before = try Self.instantS(previous, zone: zone) else {
            throw ProfileError("row \(row + 1): no stamp, and none can be derived from the row above")
        }
        return .dateTime(COSEMDateTime(instantS: before + periodS, offsetS: zone.offsetS(atS: before + periodS)))
    }

    private func isStamp(_ column: CaptureObject) -> Bool { column.classID == 8 }

    /// Position of the stamp: the clock's time, or the billing date, wherever it stands among the columns.
    public func stampColumn() throws(ProfileError) -> Int {
        let index =
            columns.firstIndex { isStamp($0) && $0.attribute == 2 } ?? position(ObjectNames.billingDate.obis)
        guard let index else { throw ProfileError("the profile has no clock among its columns") }
        return index
    }

    /// A stamp as UTC seconds. Without deviation (8000), or with its sign turned round, the meter's zone counts.
    /// Nil when a field is left open.
    public static func instantS(_ data: DLMSData, zone: Zone) throws(ProfileError) -> Int64? {
        guard let stamp = data.dateTime else { return nil }
        do {
            guard let wall = try stamp.wallClock() else { return nil }
            let local = Int64(wall.day.number) * 86400 + Int64(wall.secondOfDay)
            let guess = local - zone.offsetS(atS: local)
            let offsetS = zone.offsetS(atS: guess)
            guard let deviation = stamp.deviationMinutes, Int64(deviation) * 60 != offsetS else {
                return local - offsetS
            }
            return local + Int64(deviation) * 60
        } catch {
            throw ProfileError("a stamp: \(error)")
        }
    }

    // MARK: Readings

    func position(_ obis: OBIS) -> Int? {
        columns.firstIndex { $0.obis == obis && $0.attribute == 2 }
    }

    func scaler(_ obis: OBIS) throws(ProfileError) -> ScalerUnit {
        guard let scaler = scalers[obis] else { throw ProfileError("no scaler known for \(obis.shortText)") }
        return scaler
    }

    func stamp(_ row: [DLMSData], _ column: Int, _ index: Int, _ zone: Zone) throws(ProfileError) -> Int64 {
        guard let atS = try Self.instantS(row[column], zone: zone) else {
            throw ProfileError("row \(index + 1): the stamp is not a full date and time")
        }
        return atS
    }

    /// A value in steps of 10^exponent of its unit; nil when the meter left it out.
    func value<Number: FixedWidthInteger>(
        _ row: [DLMSData], _ column: Int, _ scaler: ScalerUnit, exponent: Int8, _ index: Int, as type: Number.Type
    ) throws(ProfileError) -> Number? {
        if case .null = row[column] { return nil }
        guard let raw = row[column].integer, let scaled = scaler.value(raw, exponent: exponent),
            let number = Number(exactly: scaled)
        else { throw ProfileError("row \(index + 1), \(columns[column].obis.shortText): not a number that fits") }
        return number
    }

    func check(_ scaler: ScalerUnit, unit: UInt8, _ obis: OBIS) throws(ProfileError) {
        guard scaler.unit == unit else {
            throw ProfileError("\(obis.shortText) is in \(scaler.unitName), \(ScalerUnit(0, unit).unitName) expected")
        }
    }

    /// Rows of the block load profile. A row whose import energy is out of the range of a meter (more than
    /// 2,147,483,647 Wh, as a wrapped negative value is) is given as that largest value, for validation to catch.
    public func blockLoad(_ buffer: DLMSData, zone: Zone) throws(ProfileError) -> [BlockLoadReading] {
        let importName = ObjectNames.blockImportEnergy.obis
        guard let energy = position(importName) else {
            throw ProfileError("the load profile has no column \(importName.shortText) (active energy, import)")
        }
        let energyScaler = try scaler(importName)
        try check(energyScaler, unit: 30, importName)
        let stampAt = try stampColumn()
        let export = try optional(ObjectNames.blockExportEnergy.obis)
        // Three-phase meters give phase R.
        let voltageName =
            position(ObjectNames.averageVoltage.obis) == nil
            ? OBIS(1, 0, 32, 27, 0) : ObjectNames.averageVoltage.obis
        let voltage = try optional(voltageName)
        var readings: [BlockLoadReading] = []
        for (index, row) in try rows(buffer, zone: zone).enumerated() {
            guard let wh = try value(row, energy, energyScaler, exponent: 0, index, as: Int64.self) else {
                throw ProfileError("row \(index + 1): no import energy")
            }
            readings.append(
                BlockLoadReading(
                    endS: try stamp(row, stampAt, index, zone), importWh: Int32(clamping: wh),
                    exportWh: try narrow(row, export, exponent: 0, index),
                    averageVoltageMilliV: try narrow(row, voltage, exponent: -3, index)))
        }
        return readings
    }

    private func optional(_ obis: OBIS) throws(ProfileError) -> (column: Int, scaler: ScalerUnit)? {
        guard let column = position(obis) else { return nil }
        return (column, try scaler(obis))
    }

    private func narrow(
        _ row: [DLMSData], _ at: (column: Int, scaler: ScalerUnit)?, exponent: Int8, _ index: Int
    ) throws(ProfileError) -> Int32? {
        guard let at else { return nil }
        return try value(row, at.column, at.scaler, exponent: exponent, index, as: Int64.self).map {
            Int32(clamping: $0)
        }
    }

    /// Midnight registers of the daily load profile.
    public func registers(_ buffer: DLMSData, zone: Zone) throws(ProfileError) -> [RegisterReading] {
        let name = ObjectNames.importEnergy.obis
        guard let column = position(name) else { throw ProfileError("the profile has no column \(name.shortText)") }
        let scaler = try scaler(name)
        try check(scaler, unit: 30, name)
        let stampAt = try stampColumn()
        var readings: [RegisterReading] = []
        for (index, row) in try rows(buffer, zone: zone).enumerated() {
            guard let wh = try value(row, column, scaler, exponent: 0, index, as: Int64.self) else { continue }
            readings.append(RegisterReading(atS: try stamp(row, stampAt, index, zone), importWh: wh))
        }
        return readings
    }

    /// Entries of an event log.
    public func events(_ buffer: DLMSData, zone: Zone) throws(ProfileError) -> [EventReading] {
        let codes = Set(EventLog.allCases.map(\.code.obis))
        guard let column = columns.firstIndex(where: { codes.contains($0.obis) }) else {
            throw ProfileError("the event log has no column of event codes (0.0.96.11.x)")
        }
        let stampAt = try stampColumn()
        let sequenceAt = columns.firstIndex { column in EventLog.allCases.contains { $0.sequence == column } }
        var readings: [EventReading] = []
        for (index, row) in try rows(buffer, zone: zone).enumerated() {
            guard let code = row[column].integer, let code = Int(exactly: code) else {
                throw ProfileError("row \(index + 1): the event code is not a number")
            }
            readings.append(
                EventReading(
                    atS: try stamp(row, stampAt, index, zone), code: code,
                    sequence: sequenceAt.flatMap { row[$0].integer }))
        }
        return readings
    }
}
