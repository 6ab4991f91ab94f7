// A run of interruptions judged month by month: with and without major event days, planned ones apart.
// Pure: the caller knows whom the company served.
import CivilTime

public struct ReliabilityReport: Sendable, Equatable {
    public struct Part: Sendable, Equatable {
        /// First and last day of the part that is judged.
        public var from: CivilDay
        public var to: CivilDay
        /// Customers served on the average day from ``servedFrom`` on.
        public var customers: Int64
        /// The first day on which anybody was served; nil when nobody was. What is judged begins with it.
        public var servedFrom: CivilDay?
        /// Unplanned interruptions, all days.
        public var all: ReliabilityIndices
        /// The same without those that began on a major event day.
        public var withoutMajor: ReliabilityIndices
        /// Planned interruptions.
        public var planned: ReliabilityIndices
    }
    public var months: [Part] = []
    public var whole: Part
    public var threshold: MajorEventThreshold?
    /// Days the threshold was taken from.
    public var baseFrom: CivilDay
    public var baseTo: CivilDay
    public var majorDays: [InterruptedDay]

    /// Years of daily SAIDI that the threshold of a year rests on (IEEE 1366).
    public static let baseYears = 5

    /// - Parameters:
    ///   - interruptions: planned ones too.
    ///   - base: days before `from` for the threshold of major event days, at most five years; empty when there are
    ///     none: then the threshold is taken from the days judged, which the caller should say.
    ///   - customers: served on a day.
    public init(
        _ interruptions: [Interruption], from: CivilDay, to: CivilDay, zone: Zone, base: [InterruptedDay] = [],
        rules: ReliabilityRules = ReliabilityRules(), customers: (CivilDay) -> Int64
    ) {
        let unplanned = interruptions.filter { !$0.isPlanned }
        let planned = interruptions.filter(\.isPlanned)
        let days = InterruptedDay.of(unplanned, customers: 0, zone: zone, rules)
            .filter { from <= $0.day && $0.day <= to }
            .map {
                InterruptedDay(day: $0.day, customerSeconds: $0.customerSeconds, customers: customers($0.day))
            }
        let threshold = MajorEventThreshold(base.isEmpty ? days : base)
        self.threshold = threshold
        baseFrom = base.first?.day ?? from
        baseTo = base.last?.day ?? to
        majorDays = threshold.map { known in days.filter(known.isMajor) } ?? []
        let major = Set(majorDays.map(\.day))
        let ordinary =
            major.isEmpty ? unplanned : unplanned.filter { !major.contains(zone.day(atS: $0.startS)) }

        func part(_ first: CivilDay, _ last: CivilDay) -> Part {
            let (served, servedFrom) = Self.served(first, last, customers)
            let period = ReliabilityPeriod(
                fromS: zone.startS(of: servedFrom ?? first), toS: zone.startS(of: last.advanced(by: 1)),
                customers: served)
            func near(_ all: [Interruption]) -> [Interruption] {
                all.filter { interruption in
                    interruption.startS < period.toS
                        && interruption.steps.contains {
                            $0.endS.high > period.fromS || $0.startS.likely >= period.fromS
                        }
                }
            }
            return Part(
                from: first, to: last, customers: served, servedFrom: servedFrom,
                all: ReliabilityIndices(near(unplanned), period, rules),
                withoutMajor: ReliabilityIndices(near(ordinary), period, rules),
                planned: ReliabilityIndices(near(planned), period, rules))
        }
        whole = part(from, to)
        var month = from.month
        while month <= to.month {
            months.append(part(max(from, month.first), min(to, month.last)))
            month = month.next
        }
    }

    /// Customers served on the average day; days before the network had any do not count. And its first day.
    private static func served(
        _ first: CivilDay, _ last: CivilDay, _ customers: (CivilDay) -> Int64
    ) -> (customers: Int64, from: CivilDay?) {
        var (sum, days): (Int64, Int64) = (0, 0)
        var from: CivilDay?
        for number in first.number...last.number {
            let count = customers(CivilDay(number: number))
            guard count > 0 else { continue }
            from = from ?? CivilDay(number: number)
            sum += count
            days += 1
        }
        return (days == 0 ? 0 : (sum + days / 2) / days, from)
    }
}
