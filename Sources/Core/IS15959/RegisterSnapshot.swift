// Registers and maximum demands at a stamp: rows of the daily, billing and instantaneous profiles, by time-of-use
// zone where the meter has them. By the columns and scalers read from the meter.
import CivilTime
import DLMS

/// A cumulative register: what it counts, and in which zone.
public struct RegisterKey: Hashable, Sendable {
    /// Raw value = group C of the OBIS code.
    public enum Quantity: UInt8, Hashable, Sendable, CaseIterable {
        case importWh = 1, exportWh = 2
        case varhQ1 = 5, varhQ2 = 6, varhQ3 = 7, varhQ4 = 8
        case importVAh = 9, exportVAh = 10

        var unit: UInt8 {
            switch self {
            case .importWh, .exportWh: ObjectNames.wattHour
            case .importVAh, .exportVAh: ObjectNames.voltAmpereHour
            case .varhQ1, .varhQ2, .varhQ3, .varhQ4: ObjectNames.reactiveHour
            }
        }
    }
    public var quantity: Quantity
    /// 0 for the whole, 1...8 by zone of the activity calendar.
    public var zone: UInt8
    public init(_ quantity: Quantity, zone: UInt8 = 0) {
        self.quantity = quantity
        self.zone = zone
    }
}

/// A maximum demand: of what, and in which zone.
public struct DemandKey: Hashable, Sendable {
    /// Raw value = group C of the OBIS code.
    public enum Quantity: UInt8, Hashable, Sendable, CaseIterable {
        case importW = 1, exportW = 2, importVA = 9, exportVA = 10
        var unit: UInt8 { self == .importW || self == .exportW ? ObjectNames.watt : ObjectNames.voltAmpere }
    }
    public var quantity: Quantity
    public var zone: UInt8
    public init(_ quantity: Quantity, zone: UInt8 = 0) {
        self.quantity = quantity
        self.zone = zone
    }
}

/// A maximum demand in W or VA and when its interval ended; nil when the meter had none or gave no full time.
public struct DemandReading: Hashable, Sendable {
    public var value: Int64
    public var atS: Int64?
    public init(value: Int64, atS: Int64?) {
        self.value = value
        self.atS = atS
    }
}

/// One row of registers.
public struct RegisterSnapshot: Hashable, Sendable {
    /// Midnight, the billing date, or the moment of the reading.
    public var atS: Int64
    /// Wh, VAh or varh.
    public var registers: [RegisterKey: Int64] = [:]
    public var demands: [DemandKey: DemandReading] = [:]
    /// Average of the billing period, thousandths.
    public var powerFactorThousandths: Int64?
    /// Time with power in the billing period, minutes.
    public var powerOnMinutes: Int64?

    public init(atS: Int64) { self.atS = atS }
}

extension ProfileLayout {
    /// Rows of the daily, billing or instantaneous profile. Columns that are neither register nor demand are passed
    /// over.
    public func snapshots(
        _ buffer: DLMSData, zone: Zone, multiplier: MeterMultiplier = .one
    ) throws(ProfileError) -> [RegisterSnapshot] {
        let stampAt = try stampColumn()
        var snapshots: [RegisterSnapshot] = []
        for (index, row) in try rows(buffer, zone: zone).enumerated() {
            var snapshot = RegisterSnapshot(atS: try stamp(row, stampAt, index, zone))
            for (position, column) in columns.enumerated() {
                try add(column, position, row, index, zone, multiplier, to: &snapshot)
            }
            snapshots.append(snapshot)
        }
        return snapshots
    }

    private func add(
        _ column: CaptureObject, _ position: Int, _ row: [DLMSData], _ index: Int, _ zone: Zone,
        _ multiplier: MeterMultiplier, to snapshot: inout RegisterSnapshot
    ) throws(ProfileError) {
        let obis = column.obis
        switch (column.classID, column.attribute) {
        case (3, 2) where obis == ObjectNames.find("billing-power-factor")?.obis:
            snapshot.powerFactorThousandths = try number(row, position, column, 255, -3, index)
        case (3, 2) where obis == ObjectNames.find("billing-power-on-duration")?.obis:
            snapshot.powerOnMinutes = try number(row, position, column, ObjectNames.minute, 0, index)
        case (3, 2):
            guard obis.a == 1, obis.b == 0, obis.d == 8, obis.e <= 8, obis.f == 255,
                let quantity = RegisterKey.Quantity(rawValue: obis.c),
                let raw = try number(row, position, column, quantity.unit, 0, index)
            else { return }
            snapshot.registers[RegisterKey(quantity, zone: obis.e)] = try multiplied(raw, multiplier, column, index)
        case (4, 2):
            guard let key = demandKey(obis),
                let raw = try number(row, position, column, key.quantity.unit, 0, index)
            else { return }
            let value = try multiplied(raw, multiplier, column, index)
            snapshot.demands[key] = DemandReading(value: value, atS: try demandTime(obis, row, zone))
        default: break
        }
    }

    private func demandKey(_ obis: OBIS) -> DemandKey? {
        guard obis.a == 1, obis.b == 0, obis.d == 6, obis.e <= 8, obis.f == 255,
            let quantity = DemandKey.Quantity(rawValue: obis.c)
        else { return nil }
        return DemandKey(quantity, zone: obis.e)
    }

    /// The capture time stands in a column of its own: attribute 5 of the same object.
    private func demandTime(_ obis: OBIS, _ row: [DLMSData], _ zone: Zone) throws(ProfileError) -> Int64? {
        guard let column = columns.firstIndex(where: { $0.obis == obis && $0.classID == 4 && $0.attribute == 5 })
        else { return nil }
        return try Self.instantS(row[column], zone: zone)
    }

    private func number(
        _ row: [DLMSData], _ position: Int, _ column: CaptureObject, _ unit: UInt8, _ exponent: Int8, _ index: Int
    ) throws(ProfileError) -> Int64? {
        let scaler = try scaler(column.obis)
        try check(scaler, unit: unit, column.obis)
        return try value(row, position, scaler, exponent: exponent, index, as: Int64.self)
    }

    private func multiplied(
        _ value: Int64, _ multiplier: MeterMultiplier, _ column: CaptureObject, _ index: Int
    ) throws(ProfileError) -> Int64 {
        guard let primary = multiplier.primary(value, .energy) else {
            throw ProfileError("row \(index + 1), \(column.obis.shortText): does not fit")
        }
        return primary
    }
}
