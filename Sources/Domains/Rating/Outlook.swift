// How long a wallet is likely to last: the coming days, one after the other, at what they are expected to cost. Pure,
// whole numbers; never exact and never shown as such. Says why when too little is known.
import CivilTime

/// What the outlook of a wallet is worked out from.
public struct OutlookFacts: Sendable, Equatable {
    /// A charged day. `fixedPaise` is the part of it that does not depend on use.
    public struct Day: Sendable, Equatable {
        public var day: CivilDay
        public var totalPaise: Int64
        public var fixedPaise: Int64
        public var energyWh: Int64
        public init(day: CivilDay, totalPaise: Int64, fixedPaise: Int64, energyWh: Int64) {
            self.day = day
            self.totalPaise = totalPaise
            self.fixedPaise = fixedPaise
            self.energyWh = energyWh
        }
    }

    public var balancePaise: Int64
    /// The last charged days, oldest first.
    public var days: [Day]
    public var today: CivilDay
    /// Lived like Sundays.
    public var holidays: Set<CivilDay>
    /// What a forecast says of a day's use, where there is one.
    public var forecastWh: [CivilDay: Int64]
    /// What is taken of an old debt each day, and how much of it is left.
    public var instalmentPaise: Int64
    public var arrearsPaise: Int64

    public init(
        balancePaise: Int64, days: [Day], today: CivilDay, holidays: Set<CivilDay> = [],
        forecastWh: [CivilDay: Int64] = [:], instalmentPaise: Int64 = 0, arrearsPaise: Int64 = 0
    ) {
        self.balancePaise = balancePaise
        self.days = days
        self.today = today
        self.holidays = holidays
        self.forecastWh = forecastWh
        self.instalmentPaise = instalmentPaise
        self.arrearsPaise = arrearsPaise
    }
}

public struct Outlook: Sendable, Equatable {
    /// Why nothing can be said.
    public enum Unknown: String, Sendable, Codable, CaseIterable {
        case neverCharged = "never-charged"
        case tooFewDays = "too-few-days"
        /// The last charged day is too long ago to speak for the coming ones.
        case chargesTooOld = "charges-too-old"
    }
    public enum Answer: Sendable, Equatable {
        /// The balance is used up already.
        case empty
        /// When it reaches zero at what the days are expected to cost, and at the dearest and cheapest of their kind.
        /// Nil: not within ``daysAheadMax`` days.
        case until(atMs: Int64, earliestMs: Int64, latestMs: Int64?)
        /// Not within ``daysAheadMax`` days at what the days are expected to cost.
        case beyond
        /// The days cost nothing.
        case notFalling
        case unknown(Unknown)
    }

    /// Charged days looked at, fewer than which say nothing, and how old they may be.
    public static let daysLooked = 14
    public static let daysMin = 3
    public static let ageDaysMax = 7
    public static let daysAheadMax = 366

    public var answer: Answer
    /// What the first coming day is expected to cost; nil when nothing is known.
    public var nextDayPaise: Int64?
    /// Mean cost of a charged day, without instalments.
    public var meanPaise: Int64?
    /// Charged days it rests on.
    public var dayCount: Int
    /// The first of the coming days is priced by a forecast of its use.
    public var usesForecast: Bool

    /// - Parameter startMs: when a civil day begins.
    public init(_ facts: OutlookFacts, startMs: (CivilDay) -> Int64) {
        let days = Array(facts.days.suffix(Self.daysLooked))
        (answer, dayCount, usesForecast) = (.unknown(.neverCharged), days.count, false)
        guard let last = days.last else { return }
        let costs = Costs(days, facts)
        meanPaise = costs.mean
        guard last.day.days(to: facts.today) <= Self.ageDaysMax else {
            answer = .unknown(.chargesTooOld)
            return
        }
        guard days.count >= Self.daysMin else {
            answer = .unknown(.tooFewDays)
            return
        }
        let first = last.day.advanced(by: 1)
        usesForecast = facts.forecastWh[first] != nil || facts.forecastWh[facts.today] != nil
        nextDayPaise = costs.expected(first) + min(facts.instalmentPaise, facts.arrearsPaise)
        guard facts.balancePaise > 0 else {
            answer = .empty
            return
        }
        guard days.contains(where: { $0.totalPaise > 0 }) || facts.instalmentPaise > 0 else {
            answer = .notFalling
            return
        }
        func walk(_ cost: (CivilDay) -> Int64) -> Int64? { Self.zeroMs(facts, from: first, cost, startMs) }
        guard let atMs = walk(costs.expected) else {
            answer = .beyond
            return
        }
        answer = .until(atMs: atMs, earliestMs: walk(costs.dearest) ?? atMs, latestMs: walk(costs.cheapest))
    }

    /// The moment at which the balance is used up, within the day in proportion to what of its cost is left.
    private static func zeroMs(
        _ facts: OutlookFacts, from first: CivilDay, _ cost: (CivilDay) -> Int64, _ startMs: (CivilDay) -> Int64
    ) -> Int64? {
        var (left, arrears) = (facts.balancePaise, max(0, facts.arrearsPaise))
        for step in 0..<daysAheadMax {
            let day = first.advanced(by: step)
            let instalment = min(max(0, facts.instalmentPaise), arrears)
            let paise = max(0, cost(day)) + instalment
            if paise >= left, paise > 0 {
                let (fromMs, toMs) = (startMs(day), startMs(day.advanced(by: 1)))
                return fromMs + Int64(Int128(toMs - fromMs) * Int128(left) / Int128(paise))
            }
            left -= paise
            arrears -= instalment
        }
        return nil
    }
}

/// What a coming day costs, from the charged ones: by kind of day, or by its forecast.
private struct Costs {
    let mean: Int64
    private let byKind: [Bool: [Int64]]
    private let all: [Int64]
    private let holidays: Set<CivilDay>
    private let forecastWh: [CivilDay: Int64]
    private let fixedMean: Int64
    private let usePaise: Int64
    private let useWh: Int64

    init(_ days: [OutlookFacts.Day], _ facts: OutlookFacts) {
        holidays = facts.holidays
        forecastWh = facts.forecastWh
        all = days.map(\.totalPaise)
        let holidays = facts.holidays
        byKind = Dictionary(grouping: days) { Self.isRest($0.day, holidays) }.mapValues { $0.map(\.totalPaise) }
        mean = Self.mean(all)
        fixedMean = Self.mean(days.map(\.fixedPaise))
        usePaise = days.reduce(0) { $0 + $1.totalPaise - $1.fixedPaise }
        useWh = days.reduce(0) { $0 + $1.energyWh }
    }

    private static func isRest(_ day: CivilDay, _ holidays: Set<CivilDay>) -> Bool {
        day.weekday == 7 || holidays.contains(day)
    }

    private static func mean(_ values: [Int64]) -> Int64 {
        values.isEmpty ? 0 : values.reduce(0, +) / Int64(values.count)
    }

    /// Days of the same kind; all when there is none of it.
    private func alike(_ day: CivilDay) -> [Int64] { byKind[Self.isRest(day, holidays)] ?? all }

    func expected(_ day: CivilDay) -> Int64 {
        if let wh = forecastWh[day], useWh > 0 {
            return fixedMean + Int64(Int128(usePaise) * Int128(wh) / Int128(useWh))
        }
        return Self.mean(alike(day))
    }

    func dearest(_ day: CivilDay) -> Int64 { max(expected(day), alike(day).max() ?? 0) }
    func cheapest(_ day: CivilDay) -> Int64 { min(expected(day), alike(day).min() ?? 0) }
}
