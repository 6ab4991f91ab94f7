// The settings of the checks beyond the five: each may be left out (off). What they weigh stands in `severities`;
// without a word there they are soft. Values only.

extension ValidationRules {
    /// The energy of a whole day against the mean of the meter's own days.
    public struct HighLow: Sendable, Equatable, Codable {
        /// Below this share of the mean a day is low, above the other it is high; percent.
        public var minimumPercent: Int64
        public var maximumPercent: Int64
        /// Days back that the mean is taken over, and how many whole ones it needs.
        public var days: Int
        public var minimumDays: Int
        /// A day that differs from the mean by less is ordinary, Wh.
        public var floorWh: Int64
        public init(
            minimumPercent: Int64 = 20, maximumPercent: Int64 = 300, days: Int = 28, minimumDays: Int = 7,
            floorWh: Int64 = 2000
        ) {
            self.minimumPercent = minimumPercent
            self.maximumPercent = maximumPercent
            self.days = days
            self.minimumDays = minimumDays
            self.floorWh = floorWh
        }
    }
    /// Intervals against the difference of the registers, over a day or over the span between two midnights read.
    public struct SumCheck: Sendable, Equatable, Codable {
        /// One unit of the register as it is read, after its multiplier, Wh: two readings may be off by as much.
        public var unitWh: Int64
        public init(unitWh: Int64 = 10) { self.unitWh = unitWh }
    }
    /// Export where none is expected. Set it off for the group that may feed in.
    public struct ReverseEnergy: Sendable, Equatable, Codable {
        /// Export of a slot up to this is noise of the meter, Wh.
        public var toleranceWh: Int64
        public init(toleranceWh: Int64 = 5) { self.toleranceWh = toleranceWh }
    }
    public struct Missing: Sendable, Equatable, Codable {
        /// Gaps shorter than this are left to estimation without a word.
        public var minutes: Int
        public init(minutes: Int = 60) { self.minutes = minutes }
    }
    /// The same values again: as the day before at the same time, or as the stretch just before.
    public struct Duplicate: Sendable, Equatable, Codable {
        /// A shorter stretch may repeat by chance.
        public var minutes: Int
        /// A stretch of fewer different values (an empty house) repeats by nature.
        public var minimumDistinct: Int
        public init(minutes: Int = 360, minimumDistinct: Int = 8) {
            self.minutes = minutes
            self.minimumDistinct = minimumDistinct
        }
    }
    /// The soft threshold below `timeTolerance`.
    public struct ClockDrift: Sendable, Equatable, Codable {
        public var softDriftS: Int
        public init(softDriftS: Int = 120) { self.softDriftS = softDriftS }
    }
    public struct Voltage: Sendable, Equatable, Codable {
        public var nominalMV: Int64
        /// Outside these shares of the nominal voltage a phase that is on cannot be; percent.
        public var minimumPercent: Int64
        public var maximumPercent: Int64
        public init(nominalMV: Int64 = 230_000, minimumPercent: Int64 = 60, maximumPercent: Int64 = 130) {
            self.nominalMV = nominalMV
            self.minimumPercent = minimumPercent
            self.maximumPercent = maximumPercent
        }
    }
    public struct Current: Sendable, Equatable, Codable {
        /// More than the meter can carry, mA.
        public var maximumMA: Int64
        public init(maximumMA: Int64 = 100_000) { self.maximumMA = maximumMA }
    }
    /// Mean load of a day against its highest slot.
    public struct LoadFactor: Sendable, Equatable, Codable {
        public var minimumPercent: Int64
        public var maximumPercent: Int64
        /// A day whose highest slot is below this says nothing, W.
        public var floorW: Int64
        public init(minimumPercent: Int64 = 1, maximumPercent: Int64 = 98, floorW: Int64 = 500) {
            self.minimumPercent = minimumPercent
            self.maximumPercent = maximumPercent
            self.floorW = floorW
        }
    }
    public struct DemandAboveSanctioned: Sendable, Equatable, Codable {
        /// Average load of a slot above this share of the sanctioned load, percent.
        public var percent: Int64
        public init(percent: Int64 = 120) { self.percent = percent }
    }
    public struct UnchangedMeter: Sendable, Equatable, Codable {
        /// So many days in a row, this one too, without consumption while supply was on.
        public var days: Int
        public init(days: Int = 7) { self.days = days }
    }
    /// Zeros that an outage explains are no exception; consumption during one is.
    public struct OutageContext: Sendable, Equatable, Codable {
        /// Consumption of a slot without supply up to this is left alone, Wh.
        public var toleranceWh: Int64
        public init(toleranceWh: Int64 = 0) { self.toleranceWh = toleranceWh }
    }
    /// A day in which the meter told of tampering.
    public struct TamperContext: Sendable, Equatable, Codable {
        public var minimumEvents: Int
        public init(minimumEvents: Int = 1) { self.minimumEvents = minimumEvents }
    }

    /// The five checks alone.
    public static let five = ValidationRules()

    /// What holds where nobody set anything: the five, and soft beside them what needs neither a long history nor
    /// other channels and rarely speaks without cause.
    public static let standard: ValidationRules = {
        var rules = ValidationRules.five
        rules.sumCheck = SumCheck()
        rules.duplicate = Duplicate()
        rules.clockDrift = ClockDrift()
        rules.outageContext = OutageContext()
        rules.tamperContext = TamperContext()
        return rules
    }()

    /// Every check on, as a text to begin from.
    public static let all: ValidationRules = {
        var rules = ValidationRules.standard
        rules.highLow = HighLow()
        rules.reverseEnergy = ReverseEnergy()
        rules.missing = Missing()
        rules.voltage = Voltage()
        rules.current = Current()
        rules.loadFactor = LoadFactor()
        rules.demandAboveSanctioned = DemandAboveSanctioned()
        rules.unchangedMeter = UnchangedMeter()
        return rules
    }()

    /// Days before the one that is checked that the rules want to see.
    public var historyDays: Int { max(3, highLow?.days ?? 0, (unchangedMeter?.days ?? 1) - 1) }

    /// Whether a check that is on looks at when the meter had no supply.
    public var looksAtSupply: Bool { outageContext != nil || voltage != nil || unchangedMeter != nil }

    /// What a finding weighs after `severities`. A zero that the register confirms stays soft whatever is set: hard
    /// there would hold back what is proven.
    func weighed(_ finding: Finding) -> Finding {
        guard let set = severities?[finding.rule.rawValue] else { return finding }
        if finding.rule == .zeroConsumption || finding.rule == .consecutiveZeroes, set == .hard { return finding }
        var finding = finding
        finding.severity = set
        return finding
    }

    /// Only format 2 knows these.
    var usesFormat2: Bool {
        var five = self
        five.dropFormat2()
        return five != self
    }

    private mutating func dropFormat2() {
        severities = nil
        (highLow, sumCheck, reverseEnergy, missing, duplicate, clockDrift) = (nil, nil, nil, nil, nil, nil)
        (voltage, current, loadFactor, demandAboveSanctioned, unchangedMeter) = (nil, nil, nil, nil, nil)
        (outageContext, tamperContext) = (nil, nil)
    }

    /// Name and range of every number of format 2.
    func checkFormat2() throws(RulesError) {
        try check(highLow?.minimumPercent, 0...100, "highLow.minimumPercent")
        try check(highLow?.maximumPercent, 100...100_000, "highLow.maximumPercent")
        try check(highLow.map { Int64($0.days) }, 1...62, "highLow.days")
        try check(highLow.map { Int64($0.minimumDays) }, 1...Int64(highLow?.days ?? 1), "highLow.minimumDays")
        try check(highLow?.floorWh, 0...1_000_000_000, "highLow.floorWh")
        try check(sumCheck?.unitWh, 0...1_000_000_000, "sumCheck.unitWh")
        try check(reverseEnergy?.toleranceWh, 0...1_000_000, "reverseEnergy.toleranceWh")
        try check(missing.map { Int64($0.minutes) }, 1...1500, "missing.minutes")
        try check(duplicate.map { Int64($0.minutes) }, 30...1500, "duplicate.minutes")
        try check(duplicate.map { Int64($0.minimumDistinct) }, 2...100, "duplicate.minimumDistinct")
        try check(clockDrift.map { Int64($0.softDriftS) }, 0...86400, "clockDrift.softDriftS")
        try check(voltage?.nominalMV, 1000...1_000_000_000, "voltage.nominalMV")
        try check(voltage?.minimumPercent, 0...100, "voltage.minimumPercent")
        try check(voltage?.maximumPercent, 100...1000, "voltage.maximumPercent")
        try check(current?.maximumMA, 1...10_000_000, "current.maximumMA")
        try check(loadFactor?.minimumPercent, 0...100, "loadFactor.minimumPercent")
        try check(loadFactor?.maximumPercent, 0...100, "loadFactor.maximumPercent")
        try check(loadFactor?.floorW, 0...10_000_000_000, "loadFactor.floorW")
        try check(demandAboveSanctioned?.percent, 1...100_000, "demandAboveSanctioned.percent")
        try check(unchangedMeter.map { Int64($0.days) }, 2...62, "unchangedMeter.days")
        try check(outageContext?.toleranceWh, 0...1_000_000, "outageContext.toleranceWh")
        try check(tamperContext.map { Int64($0.minimumEvents) }, 1...1000, "tamperContext.minimumEvents")
        for name in (severities ?? [:]).keys.sorted() where Rule(rawValue: name) == nil {
            throw RulesError(description: "severities.\(name): no such rule; remove it or mend its spelling")
        }
    }
}
