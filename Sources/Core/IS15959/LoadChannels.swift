// Every channel of the block load profile, by the columns and scalers read from the meter, and primary values by the
// ratios of its transformers. Nothing about columns is assumed.
import CivilTime
import DLMS

/// A column of the block load. The numbers are the storage codes of the interval data; never renumber.
public enum LoadChannel: Int64, Sendable, CaseIterable {
    /// Wh and VAh of the interval.
    case importWh = 1, exportWh = 2, importVAh = 3, exportVAh = 4
    /// varh of the interval by quadrant: Q1 import lagging, Q2 export leading, Q3 export lagging, Q4 import leading.
    case varhQ1 = 5, varhQ2 = 6, varhQ3 = 7, varhQ4 = 8
    /// Averages of the interval, in mV and mA; a single-phase meter has the first of each.
    case voltageR = 11, voltageY = 12, voltageB = 13
    case currentR = 21, currentY = 22, currentB = 23, neutralCurrent = 24
    /// mHz.
    case frequency = 41
    /// Thousandths.
    case powerFactor = 42, powerFactorR = 43, powerFactorY = 44, powerFactorB = 45

    /// The objects that may hold it, by name; the first that is among the columns counts.
    public var objectNames: [String] {
        switch self {
        case .importWh: ["block-import-energy"]
        case .exportWh: ["block-export-energy"]
        case .importVAh: ["block-import-apparent-energy"]
        case .exportVAh: ["block-export-apparent-energy"]
        case .varhQ1: ["block-reactive-energy-q1"]
        case .varhQ2: ["block-reactive-energy-q2"]
        case .varhQ3: ["block-reactive-energy-q3"]
        case .varhQ4: ["block-reactive-energy-q4"]
        case .voltageR: ["average-voltage-r", "average-voltage"]
        case .voltageY: ["average-voltage-y"]
        case .voltageB: ["average-voltage-b"]
        case .currentR: ["average-current-r", "average-current"]
        case .currentY: ["average-current-y"]
        case .currentB: ["average-current-b"]
        case .neutralCurrent: ["average-neutral-current"]
        case .frequency: ["average-frequency"]
        case .powerFactor: ["average-power-factor"]
        case .powerFactorR: ["average-power-factor-r"]
        case .powerFactorY: ["average-power-factor-y"]
        case .powerFactorB: ["average-power-factor-b"]
        }
    }

    /// Unit code that the meter must say, and the power of ten of what is given out.
    public var unit: (code: UInt8, exponent: Int8) {
        switch self {
        case .importWh, .exportWh: (ObjectNames.wattHour, 0)
        case .importVAh, .exportVAh: (ObjectNames.voltAmpereHour, 0)
        case .varhQ1, .varhQ2, .varhQ3, .varhQ4: (ObjectNames.reactiveHour, 0)
        case .voltageR, .voltageY, .voltageB: (ObjectNames.volt, -3)
        case .currentR, .currentY, .currentB, .neutralCurrent: (ObjectNames.ampere, -3)
        case .frequency: (ObjectNames.hertz, -3)
        case .powerFactor, .powerFactorR, .powerFactorY, .powerFactorB: (255, -3)
        }
    }
}

/// One interval with all that the meter captured of it. `endS` is the stamp of the meter: the END of the interval.
public struct IntervalReading: Hashable, Sendable {
    public var endS: Int64
    /// In the units of `LoadChannel`. A channel the meter left out of this row is not there.
    public var values: [LoadChannel: Int32]
    public init(endS: Int64, values: [LoadChannel: Int32]) {
        self.endS = endS
        self.values = values
    }
}

extension ProfileLayout {
    /// Where each channel stands among the columns, with its scaler.
    /// - Throws: a channel without a scaler, or in another unit than its own.
    public func channelColumns(
        _ profile: MeterProfile? = nil
    ) throws(ProfileError) -> [LoadChannel: (column: Int, scaler: ScalerUnit)] {
        var found: [LoadChannel: (column: Int, scaler: ScalerUnit)] = [:]
        for channel in LoadChannel.allCases {
            for name in channel.objectNames {
                guard let object = profile?.object(name) ?? ObjectNames.find(name), let column = position(object.obis)
                else { continue }
                let scaler = try scaler(object.obis)
                try check(scaler, unit: channel.unit.code, object.obis)
                found[channel] = (column, scaler)
                break
            }
        }
        return found
    }

    /// Rows of the block load profile with every channel that is among the columns. A value out of the range of a
    /// meter is given as the largest, for validation to catch.
    /// - Parameters:
    ///   - profile: the maker's names, when they differ.
    ///   - multiplier: of the transformers; pass `.one` when the meter's values are primary already.
    public func intervals(
        _ buffer: DLMSData, zone: Zone, profile: MeterProfile? = nil, multiplier: MeterMultiplier = .one
    ) throws(ProfileError) -> [IntervalReading] {
        let channels = try channelColumns(profile)
        guard channels[.importWh] != nil || channels[.exportWh] != nil else {
            throw ProfileError("the load profile has no column of active energy")
        }
        let stampAt = try stampColumn()
        var readings: [IntervalReading] = []
        for (index, row) in try rows(buffer, zone: zone).enumerated() {
            var values: [LoadChannel: Int32] = [:]
            values.reserveCapacity(channels.count)
            for (channel, at) in channels {
                let exponent = channel.unit.exponent
                guard
                    let raw = try value(row, at.column, at.scaler, exponent: exponent, index, as: Int64.self)
                else { continue }
                let kind = MeterMultiplier.Kind(unit: at.scaler.unit)
                guard let primary = multiplier.primary(raw, kind) else {
                    throw ProfileError("row \(index + 1), \(columns[at.column].obis.shortText): does not fit")
                }
                values[channel] = Int32(clamping: primary)
            }
            readings.append(IntervalReading(endS: try stamp(row, stampAt, index, zone), values: values))
        }
        return readings
    }
}
