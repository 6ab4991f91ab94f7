// Words for reading types: what each of the 18 numbers means, as far as electricity meters use it. A number without a
// word is shown as it is, never guessed.

extension ReadingTypeCode {
    /// `energy, 15 minutes, delta, forward, kWh`; different codes have different names.
    public var name: String {
        var words: [String] = []
        for field in [
            Field.kind, .macroPeriod, .aggregate, .measuringPeriod, .accumulation, .flow, .touZone,
            .criticalPeakPeriod, .tier, .phases,
        ] where self[field] != 0 {
            words.append(Self.word(field, self[field]))
        }
        for field in [
            Field.interharmonicNumerator, .interharmonicDenominator, .argumentNumerator, .argumentDenominator,
            .currency,
        ] where self[field] != 0 {
            words.append(Self.word(field, self[field]))
        }
        if self[.commodity] != 1 { words.append(Self.word(.commodity, self[.commodity])) }
        words.append(unitName)
        return words.joined(separator: ", ")
    }

    /// `kWh`, `V`; the numbers when they have no word.
    public var unitName: String {
        let unit = Self.words[.unit]?[self[.unit]] ?? "unit \(self[.unit])"
        let prefix = Self.words[.multiplier]?[self[.multiplier]] ?? "10^\(self[.multiplier]) "
        return self[.multiplier] == 0 ? unit : prefix + unit
    }

    /// The word for one number of the code; nil when it has none here.
    public static func known(_ field: Field, _ value: Int16) -> String? {
        field == .measuringPeriod ? measuringPeriods[value]?.name : words[field]?[value]
    }

    private static func word(_ field: Field, _ value: Int16) -> String {
        switch field {
        case .touZone: "zone \(value)"
        case .criticalPeakPeriod: "critical peak \(value)"
        default: known(field, value) ?? "\(field) \(value)"
        }
    }

    private static let words: [Field: [Int16: String]] = [
        .macroPeriod: [
            8: "billing period", 11: "daily", 13: "monthly", 22: "seasonal", 24: "weekly", 32: "a period told beside",
        ],
        .aggregate: [
            2: "average", 4: "excess", 5: "high threshold", 7: "low threshold", 8: "maximum", 9: "minimum",
            11: "nominal", 12: "normal", 26: "sum",
        ],
        .accumulation: [
            1: "bulk", 2: "continuous cumulative", 3: "cumulative", 4: "delta", 6: "indicating", 9: "summation",
            10: "time delay", 12: "instantaneous", 13: "latching", 14: "bounded",
        ],
        .flow: [
            1: "forward", 2: "lagging", 3: "leading", 4: "net", 5: "Q1 and Q2", 7: "Q1 and Q3", 8: "Q1 and Q4",
            9: "Q1 minus Q4", 10: "Q2 and Q3", 11: "Q2 and Q4", 12: "Q2 minus Q3", 13: "Q3 and Q4", 14: "Q3 minus Q2",
            15: "quadrant 1", 16: "quadrant 2", 17: "quadrant 3", 18: "quadrant 4", 19: "reverse", 20: "total",
            21: "total by phase",
        ],
        .commodity: [0: "no commodity told", 1: "electricity", 2: "electricity, primary metered"],
        .kind: [
            4: "current", 8: "demand", 12: "energy", 15: "frequency", 37: "power", 38: "power factor", 54: "voltage",
            46: "relay", 3: "balance",
        ],
        .phases: [
            16: "neutral", 32: "phase C", 64: "phase B", 128: "phase A", 224: "phases A B C",
            225: "phases A B C and neutral",
        ],
        .multiplier: [-3: "m", -6: "µ", 0: "", 3: "k", 6: "M", 9: "G"],
        .unit: [
            5: "A", 29: "V", 33: "Hz", 38: "W", 61: "VA", 63: "var", 65: "cos φ", 71: "VAh", 72: "Wh", 73: "varh",
        ],
    ]
}
