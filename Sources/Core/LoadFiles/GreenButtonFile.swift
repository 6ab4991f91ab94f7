// Green Button feeds as readings: unit, direction and quality of ESPI to channels and slots. The XML is IEC61968's.
import CivilTime
import IEC61968
import IntervalData

/// Feed it the bytes of a Green Button file in order, then `finish`.
public struct GreenButtonParser {
    private let file: String
    private let zone: Zone
    private let limits: LoadFileLimits
    private let options: ReadingOptions
    private var reader: ESPIReader
    private var byteCount = 0

    /// - Parameter options: `unit` for feeds that do not hold their reading types, `meter` for feeds without a usage
    ///   point.
    public init(
        file: String, zone: Zone, options: ReadingOptions = ReadingOptions(), limits: LoadFileLimits = .standard
    ) {
        (self.file, self.zone, self.options, self.limits) = (file, zone, options, limits)
        reader = ESPIReader(readings: min(limits.rows, 5_000_000))
    }

    public mutating func feed(_ bytes: [UInt8]) throws(LoadFileError) {
        byteCount += bytes.count
        guard byteCount <= limits.bytes else {
            throw LoadFileError(place: file, what: "more than \(limits.bytes) bytes", hint: "split the file")
        }
        do { try reader.feed(bytes) } catch { throw told(error) }
    }

    private func told(_ error: any Error) -> LoadFileError {
        guard let error = error as? DocumentError else {
            return LoadFileError(place: file, what: "cannot be read", hint: "\(error)")
        }
        return LoadFileError(place: "\(file):\(error.line)", what: error.what, hint: error.hint)
    }

    public mutating func finish() throws(LoadFileError) -> ReadingSet {
        do {
            return try build(reader.finish())
        } catch let error as LoadFileError {
            throw error
        } catch { throw told(error) }
    }

    private func build(_ document: ESPIDocument) throws -> ReadingSet {
        var builder = ReadingSetBuilder(file: file, zone: zone, limits: limits)
        for item in document.unreadable {
            builder.refuse(
                row: item.line, RowRefusal(what: item.what, hint: "every reading needs start and value"), text: "")
        }
        for series in document.series {
            builder.rowCount += series.readings.count
            do {
                try take(series, &builder)
            } catch let refusal as RowRefusal {
                builder.refuse(row: series.readings.first?.line ?? 0, refusal, text: "")
            }
        }
        builder.rowCount += document.unreadable.count
        if document.series.isEmpty {
            builder.notes.append(
                "the file holds no readings: \(document.readingTypeCount) reading types, "
                    + "\(document.summaryCount) usage summaries")
        }
        return try builder.finish(.greenButton, differences: RegisterDifferences())
    }

    private func take(_ series: ESPISeries, _ builder: inout ReadingSetBuilder) throws {
        let (channel, fileScale, isRegister) = try meaning(series)
        let name = options.meter ?? series.usagePoint ?? "usage-point"
        let scale = options.scale(fileScale, ofMeter: name)
        let number = try builder.series(name, channel)
        for one in series.readings {
            do {
                let quality = one.quality ?? series.type?.defaultQuality
                let code = try builder.code(
                    quality.map { SenderCode(String($0), Self.quality($0)) } ?? SenderCode("", .actual))
                guard let (value, isRounded) = scale.whole(DecimalNumber(mantissa: Int128(one.value), exponent: 0))
                else { throw RowRefusal(what: "\(one.value) is too large", hint: "look at the multiplier") }
                if isRounded { builder.roundedCount += 1 }
                if isRegister {
                    try builder.takeRegister(number, atS: one.startS, value: value, code: code, row: one.line)
                    continue
                }
                let length = one.durationS > 0 ? one.durationS : series.type?.intervalS ?? 0
                try builder.take(
                    number, startS: one.startS, periodS: Int(length), value: value, code: code, row: one.line)
            } catch let refusal as RowRefusal {
                builder.refuse(row: one.line, refusal, text: "\(one.startS) \(one.value)")
            }
        }
    }

    private func meaning(_ series: ESPISeries) throws -> (Channel, ReadingScale, isRegister: Bool) {
        let lost = "its \(series.readings.count) values were not taken"
        guard let type = series.type else {
            guard let unit = options.unit else {
                throw RowRefusal(
                    what: "the file does not hold the reading type of its readings; \(lost)",
                    hint: "say what the values are in with --unit, such as Wh")
            }
            let channel = options.channel ?? unit.usualChannel
            guard unit.fits(channel), unit.quantity != .power else {
                throw RowRefusal(
                    what: "\(unit.rawValue) is no unit of \(channel.name)", hint: "mend --unit or --channel")
            }
            return (channel, unit.scale(options.multiplier), options.isRegister)
        }
        guard type.commodity <= 2, let (unit, channel) = Self.channel(type), abs(type.powerOfTenMultiplier) <= 12 else {
            throw RowRefusal(
                what: "there is no channel for commodity \(type.commodity), unit \(type.unit) and flow direction "
                    + "\(type.flowDirection); \(lost)",
                hint: "energy, voltage, current and frequency of electricity are taken")
        }
        let multiplier = DecimalNumber(
            mantissa: options.multiplier.mantissa,
            exponent: options.multiplier.exponent + Int(type.powerOfTenMultiplier))
        return (channel, unit.scale(multiplier), [1, 3, 9].contains(type.accumulation))
    }

    private static func channel(_ type: ESPIReadingType) -> (ReadingUnit, Channel)? {
        switch (type.unit, type.flowDirection) {
        case (72, 0), (72, 1): (.Wh, .importWh)
        case (72, 19): (.Wh, .exportWh)
        case (71, 0), (71, 1): (.VAh, .importVAh)
        case (71, 19): (.VAh, .exportVAh)
        case (73, 0), (73, 1): (.varh, .importVarh)
        case (73, 19): (.varh, .exportVarh)
        case (73, 15): (.varh, .varhQ1)
        case (73, 16): (.varh, .varhQ2)
        case (73, 17): (.varh, .varhQ3)
        case (73, 18): (.varh, .varhQ4)
        case (29, _): (.V, [64: Channel.voltagePhaseB, 32: .voltagePhaseC][type.phase] ?? .voltagePhaseA)
        case (5, _): (.A, [64: Channel.currentPhaseB, 32: .currentPhaseC][type.phase] ?? .currentPhaseA)
        case (33, _): (.Hz, .frequency)
        default: nil
        }
    }

    /// Quality codes of ESPI: 7 edited, 8 and 9 estimated, 10 questionable, 12 projected, 13 mixed, 15 normalised; the
    /// rest is what the meter said.
    static func quality(_ code: Int64) -> Quality {
        switch code {
        case 7: .edited
        case 8, 9, 10, 12, 13, 15: .estimated
        default: .actual
        }
    }
}
