// The report of a what-if out of what came of each consumer: who gains, who loses, how much, by use and by component.
// Integers throughout; it reads and stores nothing.
import Packs
import Quantities
import Tariffs

public struct WhatIfReport: Sendable, Equatable {
    public struct Row: Sendable, Equatable {
        public var accountID: Int64
        public var number: String
        public var outcome: WhatIfOutcome
        public init(accountID: Int64, number: String, outcome: WhatIfOutcome) {
            (self.accountID, self.number, self.outcome) = (accountID, number, outcome)
        }
    }
    /// Consumers of one use, or of one size of change.
    public struct Group: Sendable, Equatable {
        /// In Wh a month, or hundredths of a percent; nil is without end.
        public var from: Int64?
        public var upTo: Int64?
        public var count = 0
        public var gainers = 0
        public var losers = 0
        public var before: Int64 = 0
        public var after: Int64 = 0
        public var change: Int64 { after - before }

        mutating func add(_ outcome: WhatIfOutcome) {
            count += 1
            if outcome.change < 0 { gainers += 1 }
            if outcome.change > 0 { losers += 1 }
            before += outcome.before
            after += outcome.after
        }
    }
    public struct Component: Sendable, Equatable {
        public var name: String
        public var before: Int64
        public var after: Int64
    }

    /// All consumers that could be compared.
    public var total = Group()
    public var gainedMinor: Int64 = 0
    public var lostMinor: Int64 = 0
    /// By use a month, in the slabs of the tariff that was tried.
    public var byUse: [Group] = []
    /// By change in hundredths of a percent: a gain is below zero.
    public var byChange: [Group] = []
    public var components: [Component] = []
    /// Why others could not be compared, the most frequent first.
    public var aside: [(reason: String, count: Int)] = []
    public var days = 0
    public var missingDays = 0
    public var leftMonths = 0
    /// Those who gain and lose most, the largest first.
    public var gainers: [Row] = []
    public var losers: [Row] = []

    public static let shownRows = 10
    private static let usualLimitsWh: [Int64] = [50_000, 100_000, 200_000, 300_000, 500_000, 1_000_000]
    private static let changeLimits: [Int64] = [-2000, -1000, -500, -100, 100, 500, 1000, 2000]

    public static func == (one: WhatIfReport, two: WhatIfReport) -> Bool {
        one.total == two.total && one.byUse == two.byUse && one.byChange == two.byChange
            && one.components == two.components && one.missingDays == two.missingDays
    }

    /// - Parameter slabLimitsWh: of a month; empty takes usual ones.
    public init(_ rows: [Row], slabLimitsWh: [Int64]) {
        let limits = slabLimitsWh.isEmpty ? Self.usualLimitsWh : slabLimitsWh
        byUse = Self.groups(limits)
        byChange = Self.groups(Self.changeLimits)
        var parts: [String: Component] = [:]
        var reasons: [String: Int] = [:]
        for row in rows {
            let outcome = row.outcome
            days += outcome.days
            missingDays += outcome.missingDays
            leftMonths += outcome.leftMonths
            if let reason = outcome.reason {
                reasons[reason, default: 0] += 1
                continue
            }
            total.add(outcome)
            if outcome.change < 0 { gainedMinor -= outcome.change } else { lostMinor += outcome.change }
            byUse[Self.place(outcome.monthlyWh, limits)].add(outcome)
            byChange[Self.place(Self.hundredths(outcome.change, of: outcome.before), Self.changeLimits)].add(outcome)
            for (name, part) in outcome.parts {
                parts[name, default: Component(name: name, before: 0, after: 0)].before += part.before
                parts[name, default: Component(name: name, before: 0, after: 0)].after += part.after
            }
        }
        components = parts.values.sorted { ($1.before + $1.after, $0.name) < ($0.before + $0.after, $1.name) }
        aside = reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
        let compared = rows.filter { $0.outcome.reason == nil }
        gainers = Array(
            compared.filter { $0.outcome.change < 0 }.sorted {
                ($0.outcome.change, $0.number) < ($1.outcome.change, $1.number)
            }
            .prefix(Self.shownRows))
        losers = Array(
            compared.filter { $0.outcome.change > 0 }.sorted {
                ($1.outcome.change, $0.number) < ($0.outcome.change, $1.number)
            }
            .prefix(Self.shownRows))
    }

    /// Hundredths of a percent; a change from nothing is told as a hundred percent.
    public static func hundredths(_ change: Int64, of before: Int64) -> Int64 {
        guard before != 0 else { return change == 0 ? 0 : change > 0 ? 10_000 : -10_000 }
        return roundedHalfAway(Int128(change) * 10_000, dividedBy: Int128(abs(before)))
    }

    private static func groups(_ limits: [Int64]) -> [Group] {
        (0...limits.count).map { index in
            Group(from: index > 0 ? limits[index - 1] : nil, upTo: index < limits.count ? limits[index] : nil)
        }
    }

    /// A limit belongs to the group below it.
    private static func place(_ value: Int64, _ limits: [Int64]) -> Int {
        limits.firstIndex { value <= $0 } ?? limits.count
    }

    /// Digits for machines: no groups, an ASCII sign.
    private static func plain(_ value: Int64, places: Int) -> String {
        let digits = String(value.magnitude)
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        return (value < 0 ? "-" : "") + padded.dropLast(places) + (places > 0 ? "." + padded.suffix(places) : "")
    }

    /// A line a consumer, money with so many decimals; what could not be compared has its reason.
    public static func csv(_ rows: [Row], minorDigits: Int) -> String {
        let head = "account,kwh,days,days_with_gaps,months_left_out,before,after,change,percent,reason\r\n"
        return head
            + rows.map { row in
                let outcome = row.outcome
                func money(_ minor: Int64) -> String { plain(minor, places: minorDigits) }
                let reason = (outcome.reason ?? "").replacing("\"", with: "\"\"")
                let number = row.number.replacing("\"", with: "\"\"")
                let figures = [
                    plain(outcome.energyWh, places: 3), "\(outcome.days)", "\(outcome.missingDays)",
                    "\(outcome.leftMonths)", money(outcome.before), money(outcome.after), money(outcome.change),
                    plain(hundredths(outcome.change, of: outcome.before), places: 2),
                ]
                let cells = outcome.reason == nil ? figures : figures.map { _ in "" }
                return "\"\(number)\",\(cells.joined(separator: ",")),\"\(reason)\"\r\n"
            }.joined()
    }
}

extension WhatIf {
    /// The report so far, in the slabs of what was priced.
    /// - Parameter tariff: that; nil where it cannot be read any more.
    public func report(_ rows: [WhatIfReport.Row], _ tariff: Tariff?) -> WhatIfReport {
        WhatIfReport(rows, slabLimitsWh: tariff?.monthlySlabLimitsWh ?? [])
    }
}
