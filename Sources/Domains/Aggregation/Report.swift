// One form for all reports: a table with typed columns, each row of which says where its numbers come from. Pages, CSV
// and JSON are made from it elsewhere.
import Access
import CivilTime

/// The reports there are. The raw value stands in addresses.
public enum ReportName: String, Sendable, CaseIterable, Codable {
    case dataAvailability = "data-availability"
    case exceptions
    case consumption
    case maximumDemand = "maximum-demand"
    case energyBalance = "energy-balance"
    case peakToAverage = "peak-to-average"
    /// A set's forecasts, interval by interval.
    case forecast
    case forecastAccuracy = "forecast-accuracy"
    case forecastBySize = "forecast-by-size"

    /// The longest period it is made for.
    public var daysMax: Int {
        switch self {
        case .peakToAverage: Resolution.hour.daysMax
        case .forecast: SetReader.forecastDaysMax
        case .forecastAccuracy, .forecastBySize: SetReader.accuracyDaysMax
        case .dataAvailability, .exceptions, .consumption, .maximumDemand, .energyBalance: 400
        }
    }

    /// Its numbers are read from sums.
    fileprivate var isOfSums: Bool {
        switch self {
        case .dataAvailability, .consumption, .energyBalance, .peakToAverage: true
        case .exceptions, .maximumDemand, .forecast, .forecastAccuracy, .forecastBySize: false
        }
    }
}

/// What the numbers of a column are.
public enum ReportUnit: String, Sendable, CaseIterable, Codable {
    case text, day
    /// Civil time with its zone's offset left out: `2026-04-10 18:30`.
    case time
    case count
    case wh = "Wh"
    case watt = "W"
    /// Millionths.
    case ppm
}

public struct ReportColumn: Sendable, Equatable {
    /// Stable; the unit is the last word where there is one.
    public var name: String
    public var unit: ReportUnit
    public init(_ name: String, _ unit: ReportUnit) {
        self.name = name
        self.unit = unit
    }
}

public enum ReportCell: Sendable, Equatable {
    case text(String)
    case number(Int64)
    /// Not known, or without a meaning.
    case none

    static func optional(_ value: Int64?) -> ReportCell { value.map { .number($0) } ?? .none }
    static func count(_ value: Int) -> ReportCell { .number(Int64(value)) }
    /// As files hold it.
    public var plain: String {
        switch self {
        case .text(let text): text
        case .number(let number): String(number)
        case .none: ""
        }
    }
}

/// Where the rows behind a number are.
public enum ReportTarget: Sendable, Equatable {
    case set(SetKey, from: CivilDay, to: CivilDay)
    case meter(Int64, CivilDay)
    case exceptions(rule: String)
    case forecast(SetKey, from: CivilDay, to: CivilDay)
}

public struct ReportRow: Sendable, Equatable {
    public var cells: [ReportCell]
    public var opens: ReportTarget?
    public init(cells: [ReportCell], opens: ReportTarget?) {
        self.cells = cells
        self.opens = opens
    }
}

public struct Report: Sendable, Equatable {
    public var name: ReportName
    public var from: CivilDay
    public var to: CivilDay
    public var columns: [ReportColumn]
    public var rows: [ReportRow]
    /// Business time at which it was made.
    public var madeAtMs: Int64
    /// Days of the period that are not summed up yet: nothing of them is in a row, or their cells are empty.
    public var unsummed: [CivilDay]

    public init(
        name: ReportName, from: CivilDay, to: CivilDay, columns: [ReportColumn], rows: [ReportRow], madeAtMs: Int64,
        unsummed: [CivilDay] = []
    ) {
        (self.name, self.from, self.to) = (name, from, to)
        (self.columns, self.rows, self.madeAtMs) = (columns, rows, madeAtMs)
        self.unsummed = unsummed
    }

    public static let rowsMax = 20_000

    /// RFC 4180, with a header line; text that a spreadsheet would take for a formula is led by an apostrophe.
    public func csv() -> String {
        func field(_ text: String) -> String {
            let isFormula = text.first.map { "=+-@\t\r".contains($0) } == true && Int64(text) == nil
            let safe = isFormula ? "'" + text : text
            guard safe.contains(where: { ",\"\r\n".contains($0) }) else { return safe }
            return "\"" + safe.replacing("\"", with: "\"\"") + "\""
        }
        let lines = [columns.map(\.name)] + rows.map { $0.cells.map(\.plain) }
        return lines.map { $0.map(field).joined(separator: ",") + "\r\n" }.joined()
    }
}

/// What a report is made of.
public struct ReportQuery: Sendable {
    public var name: ReportName
    public var from: CivilDay
    public var to: CivilDay
    /// The set it is about; by itself the whole company or the places of who asks.
    public var set: SetKey?
    public var by: BreakUpKind
    public init(_ name: ReportName, from: CivilDay, to: CivilDay, set: SetKey? = nil, by: BreakUpKind = .meter) {
        (self.name, self.from, self.to, self.set, self.by) = (name, from, to, set, by)
    }

    /// Of one meter its days are read, except to break it up.
    var readsSums: Bool {
        if case .meter = set { name == .consumption } else { name.isOfSums }
    }
}
