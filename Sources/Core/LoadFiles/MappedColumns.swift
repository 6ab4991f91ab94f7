// The header of a mapped CSV: where each thing of the mapping stands, and what its stamps and units mean.
import CivilTime
import IntervalData

struct MappedColumns {
    struct Value {
        var column: Int
        var unit: ReadingUnit
        var channel: Channel
        var isRegister: Bool
        var multiplier: DecimalNumber
        var suffix: String
    }
    struct QualityWords {
        var column: Int
        var estimated: Set<String>
        var edited: Set<String>
        var missing: Set<String>
    }

    var separator: UInt8
    var names: [String]
    var meter: Int?
    var meterName: String
    var stamp: StampColumns
    var side: LoadFileParser.StampSide
    var values: [Value]
    var quality: QualityWords?
    var periodS: Int?
    var digits: Int?
    private var channelColumn: Int?
    private var channels: [String: Channel]
    private var unitColumn: Int?
    private var isChannelForced: Bool

    /// Names of a header's columns.
    static func names(_ line: [UInt8], separator: String?) throws -> (names: [String], separator: UInt8) {
        var line = line
        if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        if line.last == 0x0D { line.removeLast() }
        let separator = separator?.utf8.first ?? [0x2C, 0x3B, 0x09].first { line.contains($0) } ?? 0x2C
        var cells: [Range<Int>] = []
        Fields.split(line, separator: separator, into: &cells)
        return (cells.map { Fields.text(line, $0) }, separator)
    }

    init(
        _ line: [UInt8], mapping declared: ColumnMapping?, options: ReadingOptions, zone: Zone, limits: LoadFileLimits
    ) throws {
        let (names, separator) = try Self.names(line, separator: declared?.separator)
        guard (2...limits.columns).contains(names.count) else {
            throw RowRefusal(
                what: "\(names.count) columns", hint: "give 2 to \(limits.columns) columns with a header line")
        }
        let inferred = declared ?? ColumnMapping.inferred(names, options: options, isForced: true)
        let mapping = inferred ?? Self.wide(names, options)
        guard mapping.format == 1 else {
            throw RowRefusal(what: "the mapping has format \(mapping.format)", hint: "this release knows format 1")
        }
        let places = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
        func index(_ name: String) throws -> Int {
            guard let found = places[name] ?? names.firstIndex(where: { $0.lowercased() == name.lowercased() }) else {
                throw RowRefusal(
                    what: "there is no column \(name.prefix(40))",
                    hint: "the header has \(names.prefix(12).joined(separator: ", ").prefix(200))")
            }
            return found
        }
        (self.names, self.separator) = (names, separator)
        meter = try mapping.meter.map(index)
        meterName = options.meter ?? mapping.meterName ?? ""
        let isEachOne = inferred == nil || mapping.values.allSatisfy { $0.suffix?.isEmpty == false }
        guard meter != nil || !meterName.isEmpty || isEachOne else {
            throw RowRefusal(what: "the mapping names no meter", hint: "give meter (a column) or meterName")
        }
        stamp = try StampColumns(mapping.stamp, options: options, zone: zone, index: index)
        switch mapping.stamp.label {
        case "end": side = options.stamps ?? .end
        case nil, "start": side = options.stamps ?? .start
        case let other?: throw RowRefusal(what: "label \(other.prefix(20))", hint: "write start or end")
        }
        values = try mapping.values.map { try Self.value($0, options, index) }
        guard !values.isEmpty, values.count <= 20_000 else {
            throw RowRefusal(what: "no column holds values", hint: "name them in the mapping, or give --unit")
        }
        quality = try mapping.quality.map { quality in
            func set(_ words: [String]?) -> Set<String> { Set((words ?? []).map { $0.lowercased() }) }
            return QualityWords(
                column: try index(quality.column), estimated: set(quality.estimated), edited: set(quality.edited),
                missing: set(quality.missing))
        }
        periodS = try mapping.periodMinutes.map { minutes in
            guard (1...60).contains(minutes), 60 % minutes == 0 else {
                throw RowRefusal(what: "periodMinutes \(minutes)", hint: "give minutes that divide an hour")
            }
            return minutes * 60
        }
        digits = mapping.values.compactMap(\.digits).first
        channelColumn = try mapping.channelColumn.map(index)
        channels = try (mapping.channels ?? [:]).reduce(into: [:]) { known, pair in
            guard let channel = Channel(name: pair.value) else { throw Self.noChannel(pair.value) }
            known[pair.key.lowercased()] = channel
        }
        unitColumn = try mapping.unitColumn.map(index)
        isChannelForced = options.channel != nil
    }

    private static func noChannel(_ name: String) -> RowRefusal {
        RowRefusal(
            what: "there is no channel \"\(name.prefix(40))\"",
            hint: "channels are \(Channel.allCases.prefix(11).map(\.name).joined(separator: ", ")) …")
    }

    /// A stamp and a column for each meter, all in one unit.
    private static func wide(_ names: [String], _ options: ReadingOptions) -> ColumnMapping {
        ColumnMapping(
            format: 1, meterName: "",
            stamp: ColumnMapping.Stamp(
                column: names[0], label: names[0].lowercased().contains("end") ? "end" : nil),
            values: names.dropFirst().map {
                ColumnMapping.Value(column: $0, unit: (options.unit ?? .kWh).rawValue, suffix: $0)
            })
    }

    private static func value(
        _ value: ColumnMapping.Value, _ options: ReadingOptions, _ index: (String) throws -> Int
    ) throws -> Value {
        guard let unit = ReadingUnit(text: value.unit) else {
            throw RowRefusal(
                what: "unit \(value.unit.prefix(20)) of \(value.column.prefix(40)) is not known",
                hint: "units are \(ReadingUnit.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let named = try value.channel.map { name in
            guard let channel = Channel(name: name) else { throw noChannel(name) }
            return channel
        }
        let channel = options.channel ?? named ?? unit.usualChannel
        guard unit.fits(channel) else {
            throw RowRefusal(
                what: "\(unit.rawValue) is no unit of \(channel.name)", hint: "mend the unit or the channel")
        }
        var multiplier = options.multiplier
        if let text = value.multiplier {
            var own = ReadingOptions()
            guard own.setMultiplier(text) else {
                throw RowRefusal(what: "multiplier \(text.prefix(20))", hint: "write a positive decimal number")
            }
            multiplier = DecimalNumber(
                mantissa: multiplier.mantissa * own.multiplier.mantissa,
                exponent: multiplier.exponent + own.multiplier.exponent)
        }
        return Value(
            column: try index(value.column), unit: unit, channel: channel,
            isRegister: value.register ?? options.isRegister, multiplier: multiplier, suffix: value.suffix ?? "")
    }

    /// Channel and scale of a value, by its row where the row says. Power that becomes energy is in µW.
    func meaning(
        of value: Value, _ line: [UInt8], _ cells: [Range<Int>]
    ) throws -> (Channel, ReadingScale, isPower: Bool) {
        var unit = value.unit
        var channel = value.channel
        if let unitColumn {
            let text = Fields.text(line, cells[unitColumn])
            guard let found = ReadingUnit(text: text) else {
                throw RowRefusal(what: "unit \"\(text.prefix(20))\" is not known", hint: "write kWh, kvarh, V …")
            }
            unit = found
            if !isChannelForced, channelColumn == nil { channel = unit.usualChannel }
        }
        if let channelColumn, !isChannelForced {
            let text = Fields.text(line, cells[channelColumn])
            guard let found = channels[text.lowercased()] ?? Channel(name: text) ?? Self.usualWords[text.lowercased()]
            else { throw Self.noChannel(text) }
            channel = found
            // A file without units has those that are usual in a channel.
            if unitColumn == nil, !unit.fits(channel) { unit = Self.usualUnit(channel) }
        }
        guard unit.fits(channel) else {
            throw RowRefusal(
                what: "\(unit.rawValue) is no unit of \(channel.name)", hint: "mend the unit or the channel")
        }
        let isPower = unit.quantity == .power && channel != .maximumW
        let multiplier =
            isPower
            ? DecimalNumber(mantissa: value.multiplier.mantissa, exponent: value.multiplier.exponent + 6)
            : value.multiplier
        return (channel, unit.scale(multiplier), isPower)
    }

    private static let usualWords: [String: Channel] = [
        "import": .importWh, "export": .exportWh, "reactive": .importVarh, "apparent": .importVAh,
        "voltage": .voltagePhaseA, "current": .currentPhaseA, "demand": .maximumW, "e1": .importWh, "b1": .exportWh,
        "q1": .varhQ1, "q2": .varhQ2, "q3": .varhQ3, "q4": .varhQ4,
    ]

    private static func usualUnit(_ channel: Channel) -> ReadingUnit {
        [.kWh, .kVAh, .kvarh, .kW, .V, .A, .Hz, .pf].first {
            $0.fits(channel) && !($0 == .kW && channel != .maximumW)
        } ?? .kWh
    }
}

/// Where stamps stand and how they are written.
struct StampColumns {
    enum Order: String { case ymd, dmy, mdy, epoch }
    struct Moment {
        var localS: Int64
        var offsetS: Int64?
    }

    var column: Int
    var hour: Int?
    var order: Order
    var zone: Zone

    init(
        _ stamp: ColumnMapping.Stamp, options: ReadingOptions, zone: Zone, index: (String) throws -> Int
    ) throws {
        column = try index(stamp.column)
        hour = try stamp.hour.map(index)
        guard let order = Order(rawValue: stamp.order ?? "ymd") else {
            throw RowRefusal(what: "order \((stamp.order ?? "").prefix(20))", hint: "write ymd, dmy, mdy or epoch")
        }
        self.order = order
        let named = try stamp.zone.map { name in
            guard let zone = Zone(name) else {
                throw RowRefusal(what: "zone \(name.prefix(40))", hint: "write a name such as Asia/Kolkata or UTC")
            }
            return zone
        }
        self.zone = options.stampZone ?? named ?? zone
    }

    func moment(_ line: [UInt8], _ cells: [Range<Int>]) throws -> Moment {
        guard let stamp = stamp(line, cells[column]) else {
            throw RowRefusal(
                what: "\"\(Fields.text(line, cells[column]).prefix(40))\" is not a stamp",
                hint: order == .ymd ? "write 2009-03-01T00:30:00Z or 2012-02-10 08:00:00" : "it is read as \(order)")
        }
        guard let hour else { return Moment(localS: stamp.localS, offsetS: stamp.offsetS) }
        guard let number = Int64(Fields.text(line, cells[hour])), (0...24).contains(number) else {
            throw RowRefusal(
                what: "\"\(Fields.text(line, cells[hour]).prefix(20))\" is no hour", hint: "write 0 to 24")
        }
        return Moment(localS: stamp.localS + number * 3600, offsetS: stamp.offsetS)
    }

    private func stamp(_ line: [UInt8], _ cell: Range<Int>) -> Fields.Stamp? {
        switch order {
        case .epoch:
            guard let seconds = Int64(Fields.text(line, cell)), (0...4_102_444_800).contains(seconds) else {
                return nil
            }
            return Fields.Stamp(localS: seconds, offsetS: 0)
        case .ymd where hour == nil && cell.count > 10: return Fields.stamp(line, cell)
        default: break
        }
        // A date in its order, then a time unless there is none: brought into the one form that is read.
        let parts = line[cell].split(maxSplits: 1) { $0 == 0x20 || $0 == 0x54 }
        guard let date = parts.first, hour == nil || parts.count == 1 else { return nil }
        let numbers = date.split(omittingEmptySubsequences: false) { [0x2D, 0x2F, 0x2E].contains($0) }
            .map { String(decoding: $0, as: UTF8.self) }
        guard numbers.count == 3 else { return nil }
        let places: [Int] = order == .dmy ? [2, 1, 0] : order == .mdy ? [2, 0, 1] : [0, 1, 2]
        func two(_ text: String) -> String { text.utf8.count == 1 ? "0" + text : text }
        var time = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : "00:00"
        // 24:00 is the end of the day.
        let isLast = time.hasPrefix("24:00")
        if isLast { time = "00:00" }
        let digits = time.prefix { $0 != ":" }
        if digits.utf8.count == 1 { time = "0" + time }
        let text = Array("\(numbers[places[0]])-\(two(numbers[places[1]]))-\(two(numbers[places[2]])) \(time)".utf8)
        guard var stamp = Fields.stamp(text, text.indices) else { return nil }
        if isLast { stamp.localS += 86_400 }
        return stamp
    }
}
