// Major event days: the worked case, the wrong deviation told apart, and the fixed-point functions against the
// machine's.
import CivilTime
import Foundation
import Testing

@testable import Reliability

struct MajorEventTests {
    private static func days(_ tenths: [Int64]) -> [InterruptedDay] {
        tenths.enumerated().map {
            InterruptedDay(
                day: CivilDay(number: 20_000 + Int32($0.offset)), customerSeconds: $0.element * 6 * 1_000,
                customers: 1_000)
        }
    }
    private static let worked = days([5, 12, 8, 30, 0, 22, 9, 150, 11, 7, 40, 16])

    @Test func `the worked case`() throws {
        let found = try #require(MajorEventThreshold(Self.worked))
        #expect(found.days == 11)
        #expect(found.alphaMillionths == 486_429)
        #expect(found.betaMillionths == 970_206)
        // 18.3925; with the deviation of a whole population it would be 16.4293.
        #expect(found.minutesMillionths / 100 == 183_925 || (found.minutesMillionths + 50) / 100 == 183_925)
        #expect(!Self.worked.contains(where: found.isMajor))
        #expect(found.isMajor(Self.days([184])[0]))
        #expect(!found.isMajor(Self.days([183])[0]))
    }

    @Test func `fewer than two days with interruptions give no threshold`() {
        #expect(MajorEventThreshold(Self.days([0, 0, 5])) == nil)
        #expect(MajorEventThreshold([]) == nil)
        #expect(MajorEventThreshold(Self.days([5, 5]))?.minutesMillionths == 500_000)
    }

    @Test func `minutes belong to the day the outage began on`() {
        let midnightS = Int64(20_000) * 86_400
        let night = Interruption(startS: midnightS - 600, endS: midnightS + 6_600, customers: 50)
        let found = InterruptedDay.of([night], customers: 1_000, zone: .utc)
        #expect(
            found == [
                InterruptedDay(day: CivilDay(number: 19_999), customerSeconds: 7_200 * 50, customers: 1_000)
            ])
    }

    @Test func `logarithm and exponential agree with the machine's`() throws {
        let scale = Double(sign: .plus, exponent: Fixed.bits, significand: 1)
        for (top, bottom) in [(1, 1), (2, 1), (1, 3), (999_999, 1_000_000), (7, 5), (123_456_789, 60), (1, 600_000)] {
            let fixed = Double(Fixed.ln(Int128(top), Int128(bottom))) / scale
            #expect(abs(fixed - log(Double(top) / Double(bottom))) < 1e-12)
        }
        for tenths in stride(from: -200, through: 200, by: 7) {
            let value = Double(tenths) / 10
            let fixed = try #require(Fixed.exp(Int128(value * scale)))
            #expect(abs(Double(fixed) / scale - exp(value)) < max(1e-13, exp(value) * 1e-12))
        }
        #expect(Fixed.squareRoot(Int128(1) << 96) == Fixed.one)
        #expect(Fixed.squareRoot(99) == 9 && Fixed.squareRoot(100) == 10 && Fixed.squareRoot(0) == 0)
    }

    @Test func `a storm is judged apart, and the rest stays as it was`() throws {
        let startS = Int64(20_000) * 86_400
        var events = (0..<40).map {
            Interruption(startS: startS + Int64($0) * 86_400, endS: startS + Int64($0) * 86_400 + 1_200, customers: 10)
        }
        events += (0..<40).map {
            Interruption(
                startS: startS + Int64($0) * 86_400 + 7_000, endS: startS + Int64($0) * 86_400 + 7_600 + Int64($0),
                customers: 5)
        }
        let storm = Interruption(startS: startS + 5 * 86_400, endS: startS + 6 * 86_400, customers: 900)
        let report = ReliabilityReport(
            events + [storm], from: CivilDay(number: 20_000), to: CivilDay(number: 20_039), zone: .utc
        ) { _ in 1_000 }
        #expect(report.majorDays.map(\.day) == [CivilDay(number: 20_005)])
        #expect(report.whole.all.sustainedEvents == 81)
        #expect(report.whole.withoutMajor.sustainedEvents == 78)
        let months = report.months.map(\.all.customerSeconds.likely).reduce(0, +)
        #expect(months == report.whole.all.customerSeconds.likely)
    }
}
