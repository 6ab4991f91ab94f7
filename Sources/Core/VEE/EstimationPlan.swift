// The rules of estimation as data: which method fills which gap, tried in order. Stored as JSON text with a format
// number; a meter group has a plan from a date on, as it has validation rules. Values only.

/// A way to fill a gap. Raw values are stored and typed by people.
public enum EstimationMethod: String, Sendable, Codable, CaseIterable {
    /// Mean of the same slot over the last days that hold it; the required default.
    case threeDayMean
    /// Straight line between the slots before and after; for short gaps.
    case linear
    /// Mean of the same slot over the nearest days of the same kind (working, Saturday, rest), before and after.
    case sameDayType
    /// The meter's usual course over the days around, levelled to the hours before and after the gap.
    case profile
    /// The course of another method, scaled so that the slots add exactly to what the register moved.
    case registerConstrained
    /// Zero where the meter was without supply.
    case outageZero
}

/// One rule of a plan. Nil in a setting that the method does not use.
public struct EstimationRule: Sendable, Equatable, Codable {
    public var method: EstimationMethod
    /// Longer gaps are left to later rules; nil takes any. A gap over midnight counts as one.
    public var maximumGapMinutes: Int?
    /// With fewer days that hold the slot it is left to later rules. Of means and `profile`.
    public var minimumDays: Int?
    /// How many days the mean is taken over. Of means.
    public var days: Int?
    /// The method whose course is scaled. Of `registerConstrained`.
    public var shape: EstimationMethod?
    /// How much the known slots may exceed the register and the gap still be zero, Wh. Of `registerConstrained`.
    public var registerToleranceWh: Int64?

    public init(
        _ method: EstimationMethod, maximumGapMinutes: Int? = nil, minimumDays: Int? = nil, days: Int? = nil,
        shape: EstimationMethod? = nil, registerToleranceWh: Int64? = nil
    ) {
        self.method = method
        self.maximumGapMinutes = maximumGapMinutes
        self.minimumDays = minimumDays
        self.days = days
        self.shape = shape
        self.registerToleranceWh = registerToleranceWh
    }
}

/// Ordered rules: for each slot the first rule that can fill it wins; a slot that none can fill stays missing.
public struct EstimationPlan: Sendable, Equatable, Codable {
    /// Number of this layout in stored text. Format 1 was `EstimationRules`.
    public var format = 2
    public var rules: [EstimationRule]
    public init(rules: [EstimationRule]) { self.rules = rules }

    /// As required: the mean of the last three days, unless an outage or the register tells more.
    public static let standard = EstimationPlan(rules: [
        EstimationRule(.outageZero), EstimationRule(.registerConstrained, shape: .threeDayMean),
        EstimationRule(.threeDayMean, minimumDays: 3, days: 3),
    ])

    /// The smallest errors on households (docs/vee.md, Accuracy), and means for meters that are new.
    public static let best = EstimationPlan(rules: [
        EstimationRule(.outageZero), EstimationRule(.registerConstrained, shape: .profile),
        EstimationRule(.profile, minimumDays: 3), EstimationRule(.registerConstrained, shape: .linear),
        EstimationRule(.linear, maximumGapMinutes: 120), EstimationRule(.sameDayType, minimumDays: 1, days: 4),
        EstimationRule(.threeDayMean, minimumDays: 1, days: 3),
    ])

    /// `standard`, `best`, or one method by its name for every gap. Nil for any other name.
    public init?(named name: String) {
        switch (name, EstimationMethod(rawValue: name)) {
        case ("standard", _): self = .standard
        case ("best", _): self = .best
        case (_, .registerConstrained): self.init(rules: [EstimationRule(.registerConstrained, shape: .profile)])
        case (_, let method?): self.init(rules: [EstimationRule(method)])
        default: return nil
        }
    }

    public static let names = ["standard", "best"] + EstimationMethod.allCases.map(\.rawValue)
}

extension EstimationPlan {
    /// Reads format 2, and format 1, which knew only the mean of the last days.
    /// - Throws: text that is not such JSON, or a number out of range.
    public init(json: String) throws(RulesError) {
        if let old = try? EstimationRules(json: json) {
            self.init(rules: [EstimationRule(.threeDayMean, minimumDays: old.minimumDays, days: old.days)])
            return
        }
        self = try decodeRules(json)
        guard format == 2 else { throw RulesError(description: "format \(format) is not known; write format 2") }
        guard (1...20).contains(rules.count) else {
            throw RulesError(description: "rules: \(rules.count) of them; give 1 to 20")
        }
        for (index, rule) in rules.enumerated() { try rule.checkNumbers("rules[\(index)]") }
    }

    /// Keys sorted: equal settings give equal text.
    public func json() -> String { encodeRules(self) }
}

extension EstimationRule {
    fileprivate func checkNumbers(_ place: String) throws(RulesError) {
        try check(maximumGapMinutes.map(Int64.init), 1...100_000, "\(place).maximumGapMinutes")
        try check(days.map(Int64.init), 1...60, "\(place).days")
        try check(minimumDays.map(Int64.init), 1...Int64(days ?? 60), "\(place).minimumDays")
        try check(registerToleranceWh, 0...1_000_000, "\(place).registerToleranceWh")
        if method == .registerConstrained {
            guard let shape, shape != .registerConstrained, shape != .outageZero else {
                throw RulesError(
                    description: "\(place).shape: \(shape?.rawValue ?? "missing"); give threeDayMean, linear, "
                        + "sameDayType or profile")
            }
        } else if shape != nil {
            throw RulesError(description: "\(place).shape: only registerConstrained takes one; remove it")
        }
    }
}
