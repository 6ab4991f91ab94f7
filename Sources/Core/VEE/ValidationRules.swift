// The settings of validation and estimation of a meter group. Stored as JSON text with a format number; values only.
import Foundation

/// How much a finding weighs: a hard one makes its slots missing (held, to be estimated), a warning only tells.
public enum Severity: String, Sendable, Codable, CaseIterable {
    case warning, hard
}

/// The checks of a day: the five, then the others. Raw values are stored.
public enum Rule: String, Sendable, Codable, CaseIterable {
    case zeroConsumption, negative, spike, consecutiveZeroes, timeTolerance
    case highLow, sumCheck, reverseEnergy, missing, duplicate, clockDrift, voltage, current, loadFactor
    case demandAboveSanctioned, unchangedMeter, consumptionInOutage, tamper
}

/// Settings of the checks. A nil part switches its check off. The parts beyond the five: MoreRules.swift.
public struct ValidationRules: Sendable, Equatable, Codable {
    public struct Zero: Sendable, Equatable, Codable {
        /// What a zero is worth when the registers do not tell whether energy flowed. Zeros that the registers
        /// contradict are always hard, zeros that they confirm always a warning.
        public var withoutRegister: Severity
        /// Register movement up to this much still counts as not moved, Wh.
        public var registerToleranceWh: Int64
        public init(withoutRegister: Severity = .warning, registerToleranceWh: Int64 = 10) {
            self.withoutRegister = withoutRegister
            self.registerToleranceWh = registerToleranceWh
        }
    }
    public struct ConsecutiveZeroes: Sendable, Equatable, Codable {
        /// A run of zeros shorter than this is ordinary.
        public var minutes: Int
        public init(minutes: Int = 720) { self.minutes = minutes }
    }
    public struct Spike: Sendable, Equatable, Codable {
        /// Average load of a slot from which it may be a spike, percent of the sanctioned load.
        public var percentOfSanctioned: Int64
        /// Such a slot is one when it also stands out: (value − third highest) ÷ third highest above this percentage.
        public var percentAboveThird: Int64
        /// Average load no installation of that sanctioned load can draw, percent; a spike whatever the other slots
        /// say.
        public var impossiblePercentOfSanctioned: Int64
        /// Below this average load nothing is a spike, W.
        public var floorW: Int64
        public init(
            percentOfSanctioned: Int64 = 150, percentAboveThird: Int64 = 180,
            impossiblePercentOfSanctioned: Int64 = 1000, floorW: Int64 = 3000
        ) {
            self.percentOfSanctioned = percentOfSanctioned
            self.percentAboveThird = percentAboveThird
            self.impossiblePercentOfSanctioned = impossiblePercentOfSanctioned
            self.floorW = floorW
        }
    }
    public struct TimeTolerance: Sendable, Equatable, Codable {
        /// Drift of the meter's clock, either way, up to which its slots are trusted, s.
        public var maximumDriftS: Int
        public init(maximumDriftS: Int = 300) { self.maximumDriftS = maximumDriftS }
    }

    /// Number of this layout in stored text. Format 1 knew the five alone; it is read as what it meant.
    public var format = 2
    public var zero: Zero?
    public var negative: Bool
    public var spike: Spike?
    public var consecutiveZeroes: ConsecutiveZeroes?
    public var timeTolerance: TimeTolerance?
    public var highLow: HighLow?
    public var sumCheck: SumCheck?
    public var reverseEnergy: ReverseEnergy?
    public var missing: Missing?
    public var duplicate: Duplicate?
    public var clockDrift: ClockDrift?
    public var voltage: Voltage?
    public var current: Current?
    public var loadFactor: LoadFactor?
    public var demandAboveSanctioned: DemandAboveSanctioned?
    public var unchangedMeter: UnchangedMeter?
    public var outageContext: OutageContext?
    public var tamperContext: TamperContext?
    /// Raw values of rules with what their findings weigh, where it is not what the check says itself.
    public var severities: [String: Severity]?

    public init(
        zero: Zero? = Zero(), negative: Bool = true, spike: Spike? = Spike(),
        consecutiveZeroes: ConsecutiveZeroes? = ConsecutiveZeroes(), timeTolerance: TimeTolerance? = TimeTolerance()
    ) {
        self.zero = zero
        self.negative = negative
        self.spike = spike
        self.consecutiveZeroes = consecutiveZeroes
        self.timeTolerance = timeTolerance
    }
}

/// Settings of estimation: the mean of the same slot over the last days.
public struct EstimationRules: Sendable, Equatable, Codable {
    /// Number of this layout in stored text.
    public var format = 1
    /// How many days the mean is taken over.
    public var days: Int
    /// With fewer days that hold the slot it stays unfilled.
    public var minimumDays: Int
    public init(days: Int = 3, minimumDays: Int = 3) {
        self.days = days
        self.minimumDays = minimumDays
    }

    public static let standard = EstimationRules()
}

/// Settings that cannot be used: which, why, and what is taken.
public struct RulesError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
}

extension ValidationRules {
    /// A part that is left out is off; a setting that is left out of a part is the usual one.
    /// - Throws: text that is not JSON of format 1 or 2, or a number out of range.
    public init(json: String) throws(RulesError) {
        self = try decodeRules(Self.completed(json))
        guard format == 1 || format == 2 else {
            throw RulesError(description: "format \(format) is not known; write format 2")
        }
        guard format == 2 || !usesFormat2 else {
            throw RulesError(description: "format: these checks came with format 2; write 2")
        }
        format = 2
        try checkFormat2()
        try check(zero?.registerToleranceWh, 0...1_000_000, "zero.registerToleranceWh")
        try check(consecutiveZeroes.map { Int64($0.minutes) }, 1...1500, "consecutiveZeroes.minutes")
        try check(spike?.percentOfSanctioned, 1...100_000, "spike.percentOfSanctioned")
        try check(spike?.percentAboveThird, 0...1_000_000, "spike.percentAboveThird")
        try check(spike?.impossiblePercentOfSanctioned, 1...1_000_000, "spike.impossiblePercentOfSanctioned")
        try check(spike?.floorW, 0...10_000_000_000, "spike.floorW")
        try check(timeTolerance.map { Int64($0.maximumDriftS) }, 0...86400, "timeTolerance.maximumDriftS")
    }
    /// The text with what it leaves to what is usual; text that is no object of settings as it is.
    private static func completed(_ json: String) -> String {
        guard json.utf8.count <= rulesBytesMax, let usual = parts(encodeRules(Self.all)), var given = parts(json) else {
            return json
        }
        if given["negative"] == nil { given["negative"] = false }
        for (name, value) in given {
            guard let part = value as? [String: Any], let whole = usual[name] as? [String: Any] else { continue }
            given[name] = whole.merging(part) { $1 }
        }
        return (try? JSONSerialization.data(withJSONObject: given)).map { String(decoding: $0, as: UTF8.self) } ?? json
    }

    private static func parts(_ json: String) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(json.utf8))) as? [String: Any]
    }

    /// Keys sorted: equal settings give equal text.
    public func json() -> String { encodeRules(self) }
}

extension EstimationRules {
    /// - Throws: text that is not JSON of format 1, or a number out of range.
    public init(json: String) throws(RulesError) {
        self = try decodeRules(json)
        guard format == 1 else { throw RulesError(description: "format \(format) is not known; write format 1") }
        try check(Int64(days), 1...60, "days")
        try check(Int64(minimumDays), 1...Int64(days), "minimumDays")
    }
    /// Keys sorted: equal settings give equal text.
    public func json() -> String { encodeRules(self) }
}

func check(_ value: Int64?, _ range: ClosedRange<Int64>, _ name: String) throws(RulesError) {
    guard let value, !range.contains(value) else { return }
    throw RulesError(description: "\(name): \(value) is out of range; give \(range.lowerBound) to \(range.upperBound)")
}

/// The first key in `given` that is not in `known`, as a path. A misspelt key must not switch a check off unseen.
private func strayKey(_ given: Any, _ known: Any, _ path: String = "") -> String? {
    if let list = given as? [Any] {
        let known = known as? [Any] ?? []
        for (index, item) in list.enumerated() where index < known.count {
            if let stray = strayKey(item, known[index], "\(path)[\(index)]") { return stray }
        }
    }
    guard let given = given as? [String: Any] else { return nil }
    let known = known as? [String: Any] ?? [:]
    for key in given.keys.sorted() {
        guard let value = given[key], !(value is NSNull) else { continue }
        let place = path.isEmpty ? key : "\(path).\(key)"
        guard let other = known[key] else { return place }
        if let stray = strayKey(value, other, place) { return stray }
    }
    return nil
}

private let rulesBytesMax = 100_000

func decodeRules<Value: Codable>(_ json: String) throws(RulesError) -> Value {
    guard json.utf8.count <= rulesBytesMax else {
        throw RulesError(description: "more than 100,000 bytes; give one rule set")
    }
    do {
        let value = try JSONDecoder().decode(Value.self, from: Data(json.utf8))
        let given = try JSONSerialization.jsonObject(with: Data(json.utf8))
        let known = try JSONSerialization.jsonObject(with: Data(encodeRules(value).utf8))
        if let stray = strayKey(given, known) {
            throw RulesError(description: "\(stray): no such setting; remove it or mend its spelling")
        }
        return value
    } catch let error as RulesError {
        throw error
    } catch let error as DecodingError {
        let path =
            switch error {
            case .keyNotFound(let key, let context): context.codingPath + [key]
            case .valueNotFound(_, let context), .typeMismatch(_, let context), .dataCorrupted(let context):
                context.codingPath
            @unknown default: [any CodingKey]()
            }
        let place = path.reduce("") { place, key in
            key.intValue.map { "\(place)[\($0)]" } ?? (place.isEmpty ? "" : place + ".") + key.stringValue
        }
        throw RulesError(
            description: "\(place.isEmpty ? "the settings" : place): missing or of another type; compare with the "
                + "standard settings")
    } catch {
        throw RulesError(description: "the settings are not JSON; compare with the standard settings")
    }
}

func encodeRules(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    // Integers and text only, which JSON can always write.
    guard let data = try? encoder.encode(value) else { preconditionFailure("integers and text must encode") }
    return String(decoding: data, as: UTF8.self)
}
