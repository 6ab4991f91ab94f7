// Indices of reliability (IEEE 1366; India: Rights of Consumers Rules): sums are integers of customers and
// customer-seconds, ratios are rounded once, half away from zero, to millionths. Knows no database and no clock.

/// The settings of a calculation.
public struct ReliabilityRules: Sendable, Equatable {
    /// An interruption up to and including this long is momentary; longer ones are sustained. IEEE 1366: 300 s; some
    /// Indian rules: 180 s.
    public var momentaryMaxS: Int64
    public init(momentaryMaxS: Int64 = 300) { self.momentaryMaxS = momentaryMaxS }
}

/// The span that is judged and whom it serves. Half open, seconds since 1970.
public struct ReliabilityPeriod: Sendable, Equatable {
    public var fromS: Int64
    public var toS: Int64
    /// Customers served, the average of the period; 0 makes every index by customer unknown.
    public var customers: Int64
    public init(fromS: Int64, toS: Int64, customers: Int64) {
        self.fromS = fromS
        self.toS = toS
        self.customers = customers
    }
}

/// An index in millionths of its unit, with the bounds that follow from what is not known exactly. Nil: undefined, as
/// CAIDI is where nobody was interrupted.
public struct Figure: Sendable, Equatable {
    public var low: Int64?
    public var likely: Int64?
    public var high: Int64?
    public init(low: Int64?, likely: Int64?, high: Int64?) {
        self.low = low
        self.likely = likely
        self.high = high
    }

    init(_ sum: Bounded, over divisor: Int64, unit: Int64 = 1) {
        low = millionths(Int128(sum.low), Int128(divisor) * Int128(unit))
        likely = millionths(Int128(sum.likely), Int128(divisor) * Int128(unit))
        high = millionths(Int128(sum.high), Int128(divisor) * Int128(unit))
    }
}

/// Nil for a divisor of zero. Half away from zero.
func millionths(_ sum: Int128, _ divisor: Int128) -> Int64? {
    guard divisor > 0 else { return nil }
    let scaled = sum * 1_000_000
    let half = divisor / 2
    return Int64(clamping: scaled >= 0 ? (scaled + half) / divisor : (scaled - half) / divisor)
}

/// What a period's interruptions come to.
public struct ReliabilityIndices: Sendable, Equatable {
    /// Interruptions that began in the period: events, not customers.
    public var sustainedEvents = 0
    public var momentaryEvents = 0
    /// Customers interrupted for longer than the threshold, once for each event that began in the period.
    public var interruptions = Bounded(0)
    /// Seconds × customers within the period, of sustained interruptions.
    public var customerSeconds = Bounded(0)
    public var momentaryInterruptions = Bounded(0)
    /// Customers × momentary events; operations close together are one.
    public var momentaryEventInterruptions = Bounded(0)
    /// Distinct customers with a sustained interruption that began in the period; nil when they are not known by name.
    public var customersInterrupted: Int64?

    /// Minutes for each customer served, in millionths of a minute.
    public var saidi = Figure(low: nil, likely: nil, high: nil)
    /// Interruptions for each customer served.
    public var saifi = Figure(low: nil, likely: nil, high: nil)
    /// Minutes for each interruption.
    public var caidi = Figure(low: nil, likely: nil, high: nil)
    /// Interruptions for each customer interrupted.
    public var caifi = Figure(low: nil, likely: nil, high: nil)
    /// Minutes for each customer interrupted.
    public var ctaidi = Figure(low: nil, likely: nil, high: nil)
    /// Momentary interruptions for each customer served.
    public var maifi = Figure(low: nil, likely: nil, high: nil)
    /// Momentary events for each customer served.
    public var maifiE = Figure(low: nil, likely: nil, high: nil)
    /// The part of the time that service was there, in millionths.
    public var asai = Figure(low: nil, likely: nil, high: nil)

    /// - Parameters:
    ///   - interruptions: any order; those that do not touch the period count nothing.
    ///   - customersInterrupted: how many different customers, when the interruptions do not name them.
    public init(
        _ interruptions: [Interruption], _ period: ReliabilityPeriod, _ rules: ReliabilityRules = ReliabilityRules(),
        customersInterrupted: Int64? = nil
    ) {
        var tally = Tally(period: period, rules: rules)
        for interruption in interruptions { tally.add(interruption) }
        sustainedEvents = tally.sustainedEvents
        momentaryEvents = tally.momentaryEvents
        self.interruptions = tally.interruptions
        customerSeconds = tally.customerSeconds
        momentaryInterruptions = tally.momentary
        momentaryEventInterruptions = MomentaryEvents.count(interruptions, period, rules)
        self.customersInterrupted =
            customersInterrupted ?? (tally.isNamed ? Int64(tally.named.count) : nil)
        setFigures(period, tally)
    }

    private mutating func setFigures(_ period: ReliabilityPeriod, _ tally: Tally) {
        let served = period.customers
        saidi = Figure(customerSeconds, over: served, unit: 60)
        saifi = Figure(interruptions, over: served)
        maifi = Figure(momentaryInterruptions, over: served)
        maifiE = Figure(momentaryEventInterruptions, over: served)
        caidi = Figure(
            low: tally.extremeMean(highest: false),
            likely: millionths(
                Int128(customerSeconds.likely), Int128(interruptions.likely) * 60),
            high: tally.extremeMean(highest: true))
        let known = customersInterrupted ?? 0
        caifi = Figure(interruptions, over: known)
        ctaidi = Figure(customerSeconds, over: known, unit: 60)
        let whole = Int128(served) * Int128(max(0, period.toS - period.fromS))
        func available(_ lostS: Int64) -> Int64? { millionths(whole - Int128(lostS), whole) }
        asai = Figure(
            low: available(customerSeconds.high), likely: available(customerSeconds.likely),
            high: available(customerSeconds.low))
    }
}

/// The sums of a period.
private struct Tally {
    /// A step as CAIDI sees it: seconds in the period, and whether it counts as an interruption of the period.
    struct Part {
        var lowS: Int64
        var highS: Int64
        var counts: Bool
        var lowCustomers: Int64
        var highCustomers: Int64
    }
    let period: ReliabilityPeriod
    let rules: ReliabilityRules
    var interruptions = Bounded(0)
    var customerSeconds = Bounded(0)
    var momentary = Bounded(0)
    var sustainedEvents = 0
    var momentaryEvents = 0
    var named: Set<Int64> = []
    var isNamed = true
    var parts: [Part] = []

    init(period: ReliabilityPeriod, rules: ReliabilityRules) {
        self.period = period
        self.rules = rules
    }

    private func overlap(_ fromS: Int64, _ toS: Int64) -> Int64 {
        max(0, min(toS, period.toS) - max(fromS, period.fromS))
    }

    mutating func add(_ interruption: Interruption) {
        let begins = period.fromS <= interruption.startS && interruption.startS < period.toS
        var seen: Set<Int64> = []
        var isSustained = false
        for step in interruption.steps {
            let duration = step.durationS
            let isSure = duration.low > rules.momentaryMaxS
            let isPossible = duration.high > rules.momentaryMaxS
            let isLikely = duration.likely > rules.momentaryMaxS
            if isPossible {
                let again = step.customerID.map { !seen.insert($0).inserted } ?? false
                sustained(step, counts: begins && !again, isSure, isLikely)
                isSustained = isSustained || isLikely
            }
            if begins, !isSure {
                momentary.low += isPossible ? 0 : step.customers.low
                momentary.likely += isLikely ? 0 : step.customers.likely
                momentary.high += step.customers.high
            }
        }
        guard begins, !interruption.steps.isEmpty else { return }
        if isSustained { sustainedEvents += 1 } else { momentaryEvents += 1 }
    }

    private mutating func sustained(_ step: Interruption.Step, counts: Bool, _ isSure: Bool, _ isLikely: Bool) {
        let lowS = overlap(step.startS.high, step.endS.low)
        let highS = overlap(step.startS.low, step.endS.high)
        let likelyS = overlap(step.startS.likely, step.endS.likely)
        customerSeconds.low += isSure ? lowS * step.customers.low : 0
        customerSeconds.likely += isLikely ? likelyS * step.customers.likely : 0
        customerSeconds.high += highS * step.customers.high
        if counts {
            interruptions.low += isSure ? step.customers.low : 0
            interruptions.likely += isLikely ? step.customers.likely : 0
            interruptions.high += step.customers.high
            if let customerID = step.customerID { if isLikely { named.insert(customerID) } } else { isNamed = false }
        }
        guard counts || highS > 0 else { return }
        parts.append(
            Part(
                // A step that is only perhaps sustained lasts longer than the threshold when it is.
                lowS: isSure ? lowS : min(highS, max(lowS, counts ? rules.momentaryMaxS + 1 : 0)), highS: highS,
                counts: counts, lowCustomers: isSure ? step.customers.low : 0, highCustomers: step.customers.high))
    }

    /// The lowest or highest mean minutes for each interruption that the bounds allow, in millionths: every step takes
    /// its extreme number of customers, by whether it pulls the mean up or down (Dinkelbach's iteration, exact).
    func extremeMean(highest: Bool) -> Int64? {
        var (top, bottom) = (Int128(0), Int128(0))
        for part in parts {
            let customers = Int128(part.lowCustomers)
            top += customers * Int128(highest ? part.highS : part.lowS)
            bottom += part.counts ? customers : 0
        }
        if bottom == 0 {
            guard let first = parts.first(where: { $0.counts && $0.highCustomers > 0 }) else { return nil }
            (top, bottom) = (Int128(highest ? first.highS : first.lowS), 1)
        }
        for _ in 0..<64 {
            var (newTop, newBottom) = (Int128(0), Int128(0))
            for part in parts {
                let seconds = Int128(highest ? part.highS : part.lowS)
                // Compares seconds with the mean so far, top / bottom, without dividing.
                let pull = seconds * bottom - (part.counts ? top : 0)
                let customers = Int128((pull > 0) == highest ? part.highCustomers : part.lowCustomers)
                newTop += customers * seconds
                newBottom += part.counts ? customers : 0
            }
            guard newBottom > 0 else { break }
            let isBetter = highest ? newTop * bottom > top * newBottom : newTop * bottom < top * newBottom
            guard isBetter else { break }
            (top, bottom) = (newTop, newBottom)
        }
        return millionths(top, bottom * 60)
    }
}

/// Momentary events (MAIFI_E): operations of one place within the threshold of the first are one event, and none that
/// ends in a sustained interruption.
private enum MomentaryEvents {
    static func count(
        _ interruptions: [Interruption], _ period: ReliabilityPeriod, _ rules: ReliabilityRules
    ) -> Bounded {
        var total = Bounded(0)
        // Interruptions of no known place stand for themselves.
        let places = Dictionary(grouping: interruptions.filter { $0.placeID != 0 }, by: \.placeID)
        for interruption in interruptions where interruption.placeID == 0 { add([interruption], to: &total) }
        for (_, all) in places {
            let ordered = all.sorted { $0.startS < $1.startS }
            var index = 0
            while index < ordered.count {
                let windowEndS = ordered[index].startS + rules.momentaryMaxS
                let cluster = ordered[index...].prefix { $0.startS <= windowEndS }
                add(Array(cluster), to: &total)
                index += cluster.count
            }
        }
        return total

        func add(_ cluster: [Interruption], to total: inout Bounded) {
            guard let first = cluster.first, period.fromS <= first.startS, first.startS < period.toS else { return }
            var most = Bounded(0)
            for interruption in cluster {
                var sum = (low: Int64(0), likely: Int64(0), high: Int64(0))
                for step in interruption.steps {
                    let duration = step.durationS
                    sum.low += duration.high <= rules.momentaryMaxS ? step.customers.low : 0
                    sum.likely += duration.likely <= rules.momentaryMaxS ? step.customers.likely : 0
                    sum.high += duration.low <= rules.momentaryMaxS ? step.customers.high : 0
                }
                most = Bounded(
                    low: max(most.low, sum.low), likely: max(most.likely, sum.likely), high: max(most.high, sum.high))
            }
            let lockout = cluster.contains { interruption in
                cluster.count > 1 && interruption.steps.allSatisfy { $0.durationS.likely > rules.momentaryMaxS }
            }
            total.low += lockout ? 0 : most.low
            total.likely += lockout ? 0 : most.likely
            total.high += most.high
        }
    }
}
