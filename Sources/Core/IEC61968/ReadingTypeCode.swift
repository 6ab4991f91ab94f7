// The reading type of IEC 61968-9 annex C: 18 numbers that say what a value is. Built, parsed, named; codes are public,
// which combination a product sends is not, so everything here matches by fields.

/// `0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0`
public struct ReadingTypeCode: Sendable, Hashable, CustomStringConvertible {
    /// What each of the 18 numbers is about, in their order.
    public enum Field: Int, Sendable, CaseIterable {
        case macroPeriod, aggregate, measuringPeriod, accumulation, flow, commodity, kind, interharmonicNumerator
        case interharmonicDenominator, argumentNumerator, argumentDenominator, touZone, criticalPeakPeriod, tier
        case phases, multiplier, unit, currency
    }

    /// Always 18. Only the multiplier may be negative.
    public private(set) var fields: [Int16]

    /// Electricity, everything else as given, nought where nothing is.
    public init(
        macroPeriod: Int16 = 0, aggregate: Int16 = 0, measuringPeriod: Int16 = 0, accumulation: Int16 = 0,
        flow: Int16 = 0, kind: Int16, touZone: Int16 = 0, phases: Int16 = 0, multiplier: Int16 = 0, unit: Int16
    ) {
        fields = Array(repeating: 0, count: 18)
        self[.macroPeriod] = macroPeriod
        self[.aggregate] = aggregate
        self[.measuringPeriod] = measuringPeriod
        self[.accumulation] = accumulation
        self[.flow] = flow
        self[.commodity] = 1
        self[.kind] = kind
        self[.touZone] = touZone
        self[.phases] = phases
        self[.multiplier] = multiplier
        self[.unit] = unit
    }

    /// Nil unless there are 18 whole numbers between points, each of at most 4 digits.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 18 else { return nil }
        fields = []
        fields.reserveCapacity(18)
        for (index, part) in parts.enumerated() {
            let isMultiplier = index == Field.multiplier.rawValue
            let digits = isMultiplier && part.first == "-" ? part.dropFirst() : part[...]
            guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let value = Int16(part)
            else { return nil }
            fields.append(value)
        }
    }

    public subscript(field: Field) -> Int16 {
        get { fields[field.rawValue] }
        set { fields[field.rawValue] = newValue }
    }

    public var description: String { fields.map { String($0) }.joined(separator: ".") }

    /// The same quantity in the unit without kilo or mega.
    public var withoutMultiplier: ReadingTypeCode {
        var code = self
        code[.multiplier] = 0
        return code
    }

    /// Seconds of an interval, by the third number or, when that is nought, by the first; nil for what has no fixed
    /// time.
    public var periodS: Int64? {
        let measuring = Self.measuringPeriods[self[.measuringPeriod]]?.seconds
        return measuring ?? (self[.measuringPeriod] == 0 && self[.macroPeriod] == 11 ? 86_400 : nil)
    }

    /// The third number for an interval of so many seconds.
    public static func measuringPeriod(ofS seconds: Int64) -> Int16? {
        measuringPeriods.first { $0.value.seconds == seconds }?.key
    }

    /// Energy taken in each interval, in kWh: `0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0` for 15 minutes.
    /// - Returns: nil for a period the code list has no number for.
    public static func intervalImport(periodS: Int64) -> ReadingTypeCode? {
        measuringPeriod(ofS: periodS).map {
            ReadingTypeCode(measuringPeriod: $0, accumulation: 4, flow: 1, kind: 12, multiplier: 3, unit: 72)
        }
    }

    /// The cumulative import register at midnight, in kWh.
    public static let dailyImportRegister = ReadingTypeCode(
        macroPeriod: 11, accumulation: 1, flow: 1, kind: 12, multiplier: 3, unit: 72)

    /// Active energy taken, in each interval: what a block load profile holds.
    public var isIntervalImport: Bool {
        isActiveEnergy && self[.flow] == 1 && self[.accumulation] == 4
            && self[.macroPeriod] == 0 && self[.touZone] == 0 && isWhole
    }

    /// Active energy taken since the meter began to count; 9 (summation) is what some products write for 1 (bulk).
    public var isImportRegister: Bool {
        isActiveEnergy && self[.flow] == 1 && [1, 3, 9].contains(self[.accumulation])
            && [0, 11].contains(self[.macroPeriod]) && self[.touZone] == 0 && isWhole
    }

    private var isActiveEnergy: Bool {
        self[.commodity] <= 2 && self[.kind] == 12 && self[.unit] == 72 && self[.aggregate] == 0
    }

    /// All phases together: not told, or A to C with or without neutral.
    private var isWhole: Bool { [0, 224, 225].contains(self[.phases]) && self[.criticalPeakPeriod] == 0 }

    static let measuringPeriods: [Int16: (name: String, seconds: Int64)] = [
        1: ("10 minutes", 600), 2: ("15 minutes", 900), 3: ("1 minute", 60), 4: ("24 hours", 86_400),
        5: ("30 minutes", 1_800), 6: ("5 minutes", 300), 7: ("60 minutes", 3_600), 10: ("2 minutes", 120),
        14: ("3 minutes", 180), 31: ("20 minutes", 1_200),
    ]
}
