// Validation of a raw day before it is billed: five checks, each with numbers and plain words. It changes nothing;
// the raw values are kept elsewhere and stay.
import IntervalData

/// A raw day as the meter gave it and what is known beside it.
public struct DayInput: Sendable {
    /// Wh of each slot of the day; nil where nothing came.
    public var values: [Int32?]
    /// Cumulative register at the first and at the last midnight, Wh; nil when not read.
    public var registerStartWh: Int64?
    public var registerEndWh: Int64?
    /// Meter clock minus true time at the reading; nil when not known.
    public var clockDriftS: Int?
    /// Zero when not known; then only the floor and the shape of the day speak about spikes.
    public var sanctionedW: Int64
    public var periodS: Int
    /// Earlier days, newest first; a height reached there before is no spike.
    public var history: [DayBlock]

    public init(
        values: [Int32?], registerStartWh: Int64? = nil, registerEndWh: Int64? = nil, clockDriftS: Int? = nil,
        sanctionedW: Int64, periodS: Int, history: [DayBlock] = []
    ) {
        self.values = values
        self.registerStartWh = registerStartWh
        self.registerEndWh = registerEndWh
        self.clockDriftS = clockDriftS
        self.sanctionedW = sanctionedW
        self.periodS = periodS
        self.history = history
    }
}

/// What a check found in some slots of a day.
public struct Finding: Sendable, Equatable, Codable {
    public var rule: Rule
    public var severity: Severity
    public var slots: Range<Int>
    /// Plain words with the measured number and the limit.
    public var message: String
    public var measured: Int64
    public var limit: Int64
    /// Unit of `measured` and `limit`: `Wh`, `W`, `s` or `min`.
    public var unit: String
}
