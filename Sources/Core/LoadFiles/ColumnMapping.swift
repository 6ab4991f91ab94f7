// Which column of a CSV is what: declared in a small JSON file, or read off the header. Says nothing about values and
// opens no file.
import IntervalData

/// A declared mapping (format 1). Names of columns are those of the header, in any case.
public struct ColumnMapping: Codable, Sendable, Equatable {
    public struct Stamp: Codable, Sendable, Equatable {
        /// Holds day and time, or the day when `hour` is given.
        public var column: String
        /// Holds the hour of the day as a number: 1…24 with `label` end, 0…23 with start.
        public var hour: String?
        /// `ymd` (usual), `dmy`, `mdy` or `epoch` (seconds).
        public var order: String?
        /// `start` or `end` of the interval; usual is start, or what the column's name says.
        public var label: String?
        /// Zone of stamps that name no offset, such as `Asia/Kolkata`.
        public var zone: String?
    }
    public struct Value: Codable, Sendable, Equatable {
        public var column: String
        /// `importWh` (usual for energy), `exportWh`, `varhQ1`, `voltagePhaseA` …
        public var channel: String?
        /// `kWh`, `kW`, `V` … Power is the mean over the interval and becomes energy, or stays power in `maximumW`.
        public var unit: String
        /// A positive decimal number, such as the ratio of current transformers.
        public var multiplier: String?
        /// A cumulative register instead of an amount of an interval.
        public var register: Bool?
        /// Whole digits the register shows before it begins again.
        public var digits: Int?
        /// Put behind the meter's name, for a column that is a meter of its own.
        public var suffix: String?
    }
    public struct QualityColumn: Codable, Sendable, Equatable {
        public var column: String
        /// What is written for a value somebody made up; anything else not named here counts as actual.
        public var estimated: [String]?
        public var edited: [String]?
        /// Rows to leave out.
        public var missing: [String]?
    }

    public var format: Int
    /// `,` `;` or a tab; nil takes what the header has.
    public var separator: String?
    /// The column of the meter's name; nil with `meterName`.
    public var meter: String?
    /// The only meter of the file.
    public var meterName: String?
    public var stamp: Stamp
    public var periodMinutes: Int?
    public var values: [Value]
    /// A column that names the channel of the row, and what its words mean where they are not channels.
    public var channelColumn: String?
    public var channels: [String: String]?
    /// A column that names the unit of the row.
    public var unitColumn: String?
    public var quality: QualityColumn?

    /// Of which meters the stamps are asked for the interval of each day; all others have one that is known.
    struct Guess: Sendable, Equatable {
        /// Nil for all.
        var meters: Set<String>?
        var elseS: Int

        func periodS(of meter: String) -> Int? { meters?.contains(meter) == false ? elseS : nil }
    }
    /// Set by the plain reader and never declared; nil asks the stamps of all meters.
    var guess: Guess?

    private enum CodingKeys: String, CodingKey {
        case format, separator, meter, meterName, stamp, periodMinutes, values, channelColumn, channels, unitColumn
        case quality
    }
}

extension ColumnMapping {
    /// What the plain reader of wide and long files of kWh makes of a header.
    init(_ header: Header, isAtEnd: Bool, guess: Guess) {
        let values =
            header.valueColumn.map { [Value(column: header.names[$0], unit: ReadingUnit.kWh.rawValue)] }
            ?? header.names.dropFirst().map { Value(column: $0, unit: ReadingUnit.kWh.rawValue, suffix: $0) }
        self.init(
            format: 1, separator: String(UnicodeScalar(header.separator)),
            meter: header.idColumn.map { header.names[$0] }, meterName: "",
            stamp: Stamp(column: header.names[header.stampColumn], label: isAtEnd ? "end" : nil), values: values,
            guess: guess)
    }

    /// What a header of a long CSV says of itself, when it says more than meter, stamp and kWh: columns for channels,
    /// units or qualities. Nil leaves the file to the plain reader.
    /// - Parameter isForced: also for a header that the plain reader knows.
    static func inferred(
        _ names: [String], options: ReadingOptions, isForced: Bool
    ) -> ColumnMapping? {
        let words = names.map(Self.words)
        guard let stamp = words.firstIndex(where: { !$0.isDisjoint(with: stampWords) }) else { return nil }
        let meter = words.firstIndex { !$0.isDisjoint(with: meterWords) && $0.isDisjoint(with: stampWords) }
        func only(_ named: Set<String>) -> Int? {
            words.indices.first { ![stamp, meter].contains($0) && !words[$0].isDisjoint(with: named) }
        }
        let channel = only(["channel", "register_id", "obis", "quantity", "parameter", "stream"])
        let unit = only(["unit", "uom", "units"])
        let quality = only(["quality", "flag", "status"])
        let taken = Set([stamp, meter, channel, unit, quality].compactMap { $0 })
        var values: [Value] = []
        for (index, name) in names.enumerated() where !taken.contains(index) {
            guard let found = unitOf(words[index], name, options: options) else { continue }
            values.append(
                Value(
                    column: name, channel: channelOf(words[index], found)?.name, unit: found.rawValue,
                    register: words[index].isDisjoint(with: registerWords) ? nil : true))
        }
        if values.isEmpty || channel != nil || unit != nil,
            let plain = names.indices.first(where: { index in
                !taken.contains(index)
                    && !words[index].isDisjoint(with: ["value", "reading", "amount", "usage", "read"])
            })
        {
            values = [Value(column: names[plain], unit: (options.unit ?? .kWh).rawValue)]
        }
        guard !values.isEmpty, meter != nil || options.meter != nil else { return nil }
        let says =
            channel != nil || unit != nil || quality != nil || values.count > 1
            || values.contains {
                $0.unit != ReadingUnit.kWh.rawValue || $0.register == true
                    || ($0.channel ?? Channel.importWh.name) != Channel.importWh.name
            }
        guard says || isForced || meter == nil else { return nil }
        return ColumnMapping(
            format: 1, meter: meter.map { names[$0] }, meterName: options.meter,
            stamp: Stamp(column: names[stamp], label: words[stamp].contains("end") ? "end" : nil),
            values: values, channelColumn: channel.map { names[$0] }, unitColumn: unit.map { names[$0] },
            quality: quality.map {
                QualityColumn(
                    column: names[$0], estimated: ["E", "est", "estimated", "S", "F", "substituted"],
                    edited: ["edited", "manual"], missing: ["N", "missing", "null"])
            })
    }

    private static func unitOf(_ words: Set<String>, _ name: String, options: ReadingOptions) -> ReadingUnit? {
        for word in name.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
            if word.count > 1 || ["V", "A", "W"].contains(word), let unit = ReadingUnit(text: word) { return unit }
        }
        if !words.isDisjoint(with: ["volt", "volts", "voltage"]) { return .V }
        if !words.isDisjoint(with: ["amp", "amps", "ampere", "current"]) { return .A }
        return words.isDisjoint(with: ["energy", "consumption", "import", "export"]) ? nil : options.unit ?? .kWh
    }

    /// The channel a value column's words name; nil for the usual one of its unit.
    private static func channelOf(_ words: Set<String>, _ unit: ReadingUnit) -> Channel? {
        let isExport = !words.isDisjoint(with: ["export", "exported", "exp", "generation", "received"])
        let phase = [["a", "r", "l1", "1"], ["b", "y", "l2", "2"], ["c", "l3", "3"]].firstIndex {
            !words.isDisjoint(with: $0)
        }
        switch unit.quantity {
        case .energy: return isExport ? .exportWh : nil
        case .apparent: return isExport ? .exportVAh : nil
        case .reactive:
            for (word, channel) in [("q1", Channel.varhQ1), ("q2", .varhQ2), ("q3", .varhQ3), ("q4", .varhQ4)]
            where words.contains(word) { return channel }
            return isExport ? .exportVarh : nil
        case .power:
            return words.isDisjoint(with: ["max", "maximum", "md", "demand", "peak"])
                ? (isExport ? .exportWh : nil) : .maximumW
        case .voltage: return [.voltagePhaseA, .voltagePhaseB, .voltagePhaseC][phase ?? 0]
        case .current:
            if words.contains("neutral") { return .currentNeutral }
            return [.currentPhaseA, .currentPhaseB, .currentPhaseC][phase ?? 0]
        case .frequency, .factor: return nil
        }
    }

    private static let meterWords: Set<String> = [
        "id", "meter", "customer", "consumer", "household", "account", "device", "serial", "lclid", "mpan", "nmi",
        "feeder",
    ]
    private static let stampWords: Set<String> = [
        "time", "date", "datetime", "timestamp", "stamp", "start", "end", "interval", "tstp",
    ]
    private static let registerWords: Set<String> = ["register", "cumulative", "index", "cum"]

    private static func words(_ name: String) -> Set<String> {
        Set(name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
    }
}
