// The worked cases of the indices, and what they do at borders, with nothing, and with what is not known exactly.
import CivilTime
import Reliability
import Testing

private func event(_ seconds: Int64, _ customers: Int64, from startS: Int64 = 1_000) -> Interruption {
    Interruption(startS: startS, endS: startS + seconds, customers: customers)
}

private let year = Int64(365 * 86_400)

struct IndicesTests {
    /// IEEE 1366, annex: a circuit of 2,000 customers. Minutes times 100, so that 8.17 minutes are whole seconds.
    @Test func `the circuit of the standard`() throws {
        let rows: [(Int64, Int64)] = [
            (81_700, 200), (713_000, 600), (303_000, 25), (2_672_000, 90), (1_200_000, 700), (100_000, 1500),
            (400_000, 100),
        ]
        // A minute is 10,000 units here and 60 in the library: units × 60 are seconds × 10,000.
        let events = rows.map { event($0.0 * 60, $0.1) }
        let period = ReliabilityPeriod(fromS: 0, toS: year * 10_000, customers: 2_000)
        let found = ReliabilityIndices(
            events, period, ReliabilityRules(momentaryMaxS: 300 * 10_000), customersInterrupted: 1_800)
        #expect(found.interruptions == Bounded(3_215))
        #expect(found.customerSeconds == Bounded(1_722_195_000 * 60))
        #expect(found.saifi.likely == 1_607_500)
        #expect(found.saidi.likely == Int64(861_097_500_000))
        #expect(found.caidi.likely == 535_674_961_120)
        #expect(found.caifi.likely == 1_786_111)
        #expect(found.ctaidi.likely == Int64(956_775_000_000))
        #expect(found.asai.likely == 999_836)
        #expect(found.maifi.likely == 0)
        #expect(found.sustainedEvents == 7)
    }

    private static let six = [
        event(45 * 60, 120), event(130 * 60, 60), event(7 * 60, 300), event(150, 500), event(400 * 60, 15),
        event(240, 80),
    ]

    @Test func `the momentary threshold of five minutes and of three`() {
        let period = ReliabilityPeriod(fromS: 0, toS: year, customers: 1_000)
        let five = ReliabilityIndices(Self.six, period)
        #expect(five.saidi.likely == 21_300_000)
        #expect(five.saifi.likely == 495_000)
        #expect(five.caidi.likely == 43_030_303)
        #expect(five.maifi.likely == 580_000)
        let three = ReliabilityIndices(Self.six, period, ReliabilityRules(momentaryMaxS: 180))
        #expect(three.saidi.likely == 21_620_000)
        #expect(three.saifi.likely == 575_000)
        #expect(three.caidi.likely == 37_600_000)
        #expect(three.maifi.likely == 500_000)
    }

    @Test func `exactly five minutes are momentary, a second more is sustained`() {
        let period = ReliabilityPeriod(fromS: 0, toS: year, customers: 10)
        let exact = ReliabilityIndices([event(300, 10)], period)
        #expect(exact.saidi.likely == 0 && exact.maifi.likely == 1_000_000 && exact.caidi.likely == nil)
        let longer = ReliabilityIndices([event(301, 10)], period)
        #expect(longer.saidi.likely == 5_016_667 && longer.maifi.likely == 0)
    }

    /// PGVCL (Gujarat), urban, April 2010: sums of customers as filed.
    @Test func `a filing of a real month`() {
        let period = ReliabilityPeriod(fromS: 0, toS: 30 * 86_400, customers: 1_322_770)
        // 1,110,549.10 customer-hours on 2,175,290 interruptions: whole seconds for all but one, the rest in that one.
        let seconds = Int64(3_997_976_760)
        let each = seconds / 2_175_290
        let rest = seconds - each * 2_175_289
        let found = ReliabilityIndices(
            [event(each, 2_175_289), event(rest, 1), event(60, 9_194_540)], period)
        #expect(found.customerSeconds == Bounded(seconds))
        #expect(found.saifi.likely == 1_644_496)
        // 0.84 hours.
        #expect(found.saidi.likely == 50_373_796)
        #expect(found.maifi.likely == 6_950_974)
    }

    @Test func `nothing happened`() {
        let found = ReliabilityIndices([], ReliabilityPeriod(fromS: 0, toS: year, customers: 100))
        #expect(found.saifi.likely == 0 && found.saidi.likely == 0 && found.asai.likely == 1_000_000)
        #expect(found.caidi.likely == nil && found.caifi.likely == nil && found.ctaidi.likely == nil)
        #expect(found.caidi.low == nil && found.caidi.high == nil)
        let nobody = ReliabilityIndices([event(600, 5)], ReliabilityPeriod(fromS: 0, toS: year, customers: 0))
        #expect(nobody.saifi.likely == nil && nobody.saidi.likely == nil && nobody.asai.likely == nil)
        #expect(nobody.caidi.likely == 10_000_000)
    }

    @Test func `over the border of a period minutes are split and the count stays where it began`() {
        let crossing = [event(3_600, 10, from: 86_400 - 600)]
        let first = ReliabilityIndices(crossing, ReliabilityPeriod(fromS: 0, toS: 86_400, customers: 100))
        let second = ReliabilityIndices(crossing, ReliabilityPeriod(fromS: 86_400, toS: 172_800, customers: 100))
        #expect(first.customerSeconds == Bounded(6_000) && second.customerSeconds == Bounded(30_000))
        #expect(first.interruptions == Bounded(10) && second.interruptions == Bounded(0))
        #expect(second.saidi.likely == 5_000_000 && second.caidi.likely == nil)
        // A momentary interruption counts nothing in the period it only ends in.
        let short = [event(120, 10, from: 86_400 - 60)]
        #expect(
            ReliabilityIndices(short, ReliabilityPeriod(fromS: 86_400, toS: 172_800, customers: 1)).maifi.likely == 0)
    }

    @Test func `restored in steps, each customer counts once`() {
        func step(_ endS: Int64, _ customers: Int64, _ who: Int64? = nil, from: Int64 = 0) -> Interruption.Step {
            Interruption.Step(
                startS: Bounded(from), endS: Bounded(endS), customers: Bounded(customers), customerID: who)
        }
        let period = ReliabilityPeriod(fromS: 0, toS: year, customers: 100)
        let found = ReliabilityIndices(
            [Interruption(steps: [step(3_600, 60), step(600, 30), step(120, 10)])], period)
        #expect(found.customerSeconds == Bounded(3_600 * 60 + 600 * 30))
        #expect(found.interruptions == Bounded(90))
        #expect(found.momentaryInterruptions == Bounded(10))
        #expect(found.sustainedEvents == 1 && found.momentaryEvents == 0)
        // Customer 7 came back and fell dark again within the event: both spans count, the interruption once.
        let again = ReliabilityIndices(
            [Interruption(steps: [step(600, 1, 7), step(2_000, 1, 7, from: 1_000), step(900, 1, 8)])], period)
        #expect(again.customerSeconds == Bounded(600 + 1_000 + 900))
        #expect(again.interruptions == Bounded(2))
        #expect(again.customersInterrupted == 2)
        #expect(again.caifi.likely == 1_000_000)
    }

    @Test func `operations of one place close together are one momentary event`() {
        func short(_ startS: Int64, _ seconds: Int64, place: Int64) -> Interruption {
            Interruption(startS: startS, endS: startS + seconds, customers: 10, placeID: place)
        }
        let period = ReliabilityPeriod(fromS: 0, toS: year, customers: 100)
        let reclosed = [short(100, 20, place: 1), short(200, 20, place: 1), short(390, 20, place: 1)]
        let found = ReliabilityIndices(reclosed + [short(120, 20, place: 2)], period)
        #expect(found.maifi.likely == 400_000)
        #expect(found.maifiE.likely == 200_000)
        // The fourth begins more than five minutes after the first.
        let later = ReliabilityIndices(reclosed + [short(401, 20, place: 1)], period)
        #expect(later.maifiE.likely == 200_000)
        // Reclosing that ends in a lockout is no momentary event.
        let lockout = ReliabilityIndices([short(100, 20, place: 1), short(200, 4_000, place: 1)], period)
        #expect(lockout.maifi.likely == 100_000 && lockout.maifiE.likely == 0)
        // Of no known place: each stands for itself.
        #expect(ReliabilityIndices(reclosed.map { short($0.startS, 20, place: 0) }, period).maifiE.likely == 300_000)
    }
}

struct BoundsTests {
    private static let period = ReliabilityPeriod(fromS: 0, toS: year, customers: 1_000)

    private static func step(_ end: Bounded, _ customers: Bounded) -> Interruption {
        Interruption(steps: [Interruption.Step(startS: Bounded(0), endS: end, customers: customers)])
    }

    @Test func `an end between two sightings bounds the minutes`() {
        let found = ReliabilityIndices(
            [Self.step(Bounded(low: 3_600, likely: 4_500, high: 5_400), Bounded(100))], Self.period)
        #expect(found.saidi == Figure(low: 6_000_000, likely: 7_500_000, high: 9_000_000))
        #expect(found.saifi == Figure(low: 100_000, likely: 100_000, high: 100_000))
        #expect(found.caidi == Figure(low: 60_000_000, likely: 75_000_000, high: 90_000_000))
        #expect(found.asai.low.map { $0 < found.asai.high ?? 0 } == true)
    }

    @Test func `what may be momentary is in neither lower bound and in both upper ones`() {
        let found = ReliabilityIndices(
            [Self.step(Bounded(low: 200, likely: 290, high: 400), Bounded(100))], Self.period)
        #expect(found.saifi == Figure(low: 0, likely: 0, high: 100_000))
        #expect(found.maifi == Figure(low: 0, likely: 100_000, high: 100_000))
        #expect(found.saidi.low == 0)
        #expect(found.caidi.likely == nil && found.caidi.high == 6_666_667 && found.caidi.low == 5_016_667)
    }

    /// The bounds of CAIDI against every corner of a small case.
    @Test func `the mean takes its extremes where no corner is beyond`() {
        let cases: [(Bounded, Bounded)] = [
            (Bounded(low: 600, likely: 700, high: 900), Bounded(low: 1, likely: 5, high: 9)),
            (Bounded(low: 4_000, likely: 4_000, high: 5_000), Bounded(low: 1, likely: 5, high: 9)),
            (Bounded(low: 9_000, likely: 9_500, high: 9_900), Bounded(low: 2, likely: 2, high: 3)),
            (Bounded(low: 1_000, likely: 1_000, high: 1_000), Bounded(50)),
        ]
        let found = ReliabilityIndices(cases.map(Self.step), Self.period)
        var corners: [Int64] = []
        for mask in 0..<256 {
            var (top, bottom) = (Int64(0), Int64(0))
            for (index, item) in cases.enumerated() {
                let customers = mask >> index & 1 == 0 ? item.1.low : item.1.high
                top += customers * (mask >> (index + 4) & 1 == 0 ? item.0.low : item.0.high)
                bottom += customers
            }
            corners.append((top * 1_000_000 + bottom * 30) / (bottom * 60))
        }
        #expect(found.caidi.low == corners.min())
        #expect(found.caidi.high == corners.max())
    }

    @Test func `less than ten is one to nine`() {
        let found = ReliabilityIndices(
            [Self.step(Bounded(600), Bounded(low: 1, likely: 5, high: 9))], Self.period)
        #expect(found.saifi == Figure(low: 1_000, likely: 5_000, high: 9_000))
        #expect(found.caidi == Figure(low: 10_000_000, likely: 10_000_000, high: 10_000_000))
    }
}

struct BeginningTests {
    /// The network begins on the 10th with 100 customers; a day later it has 200.
    private static let first = CivilDay(number: 20_758)
    private static let begin = first.advanced(by: 9)

    private static func report(to last: CivilDay) -> ReliabilityReport {
        let startS = Zone.india.startS(of: begin) + 7_200
        return ReliabilityReport(
            [Interruption(startS: startS, endS: startS + 3_600, customers: 100)], from: first.advanced(by: -40),
            to: last, zone: .india
        ) { day in day < begin ? 0 : day == begin ? 100 : 200 }
    }

    @Test func `the figures begin with the first customer and say so`() throws {
        let found = Self.report(to: Self.begin.advanced(by: 1))
        #expect(found.whole.servedFrom == Self.begin && found.whole.customers == 150)
        // 100 customers without supply for an hour, over 150 of them; supply was there in 1.39 % less than two days.
        #expect(found.whole.all.saidi.likely == 40_000_000)
        #expect(found.whole.all.asai.likely == 986_111)
        #expect(found.months.map(\.servedFrom) == [nil, nil, Self.begin])
        #expect(found.months.map(\.customers) == [0, 0, 150])
        #expect(found.months[0].all.saidi.likely == nil && found.months[2].all.saidi.likely == 40_000_000)
    }
}
