// How long a wallet lasts: integer arithmetic by hand.
import Rating
import Testing

@Suite struct ProjectionTests {
    static let day: Int64 = 86_400_000
    static let charged: Int64 = 1_767_225_600_000

    func projection(_ balancePaise: Int64, _ daily: [Int64], hours: Int64 = 0) -> Projection? {
        Projection(
            balancePaise: balancePaise, dailyPaise: daily, chargedUntilMs: Self.charged,
            nowMs: Self.charged + hours * 3_600_000)
    }

    @Test func withoutHistoryThereIsNoGuess() { #expect(projection(1000, []) == nil) }

    @Test func meanLowestAndHighestGiveTheDates() throws {
        let found = try #require(projection(12_000, [2000, 6000, 4000]))
        #expect(found.meanPaise == 4000 && found.lowestPaise == 2000 && found.highestPaise == 6000)
        #expect(found.dayCount == 3 && found.projectedPaise == 12_000)
        #expect(found.lastsUntilMs == Self.charged + 3 * Self.day)
        #expect(found.earliestMs == Self.charged + 2 * Self.day)
        #expect(found.latestMs == Self.charged + 6 * Self.day)
    }

    @Test func useSinceTheLastChargedDayIsTakenOff() throws {
        // 18 hours at 4,000 a day; the dates do not move with the clock.
        let found = try #require(projection(12_000, [4000], hours: 18))
        #expect(found.projectedPaise == 9000)
        #expect(found.lastsUntilMs == Self.charged + 3 * Self.day)
        // A clock before the end of the charged day takes nothing off, a long silence at most three days.
        #expect(projection(12_000, [4000], hours: -5)?.projectedPaise == 12_000)
        #expect(projection(12_000, [4000], hours: 500)?.projectedPaise == 0)
    }

    @Test func anEmptyWalletIsEmptyNow() throws {
        for balance: Int64 in [0, -1, -500_000] {
            let found = try #require(projection(balance, [4000, 5000]))
            #expect(found.lastsUntilMs == Self.charged && found.earliestMs == Self.charged)
        }
    }

    @Test func ninetyDaysIsTheHorizon() throws {
        #expect(projection(90 * 4000, [4000])?.lastsUntilMs == Self.charged + 90 * Self.day)
        #expect(projection(90 * 4000 + 1, [4000])?.lastsUntilMs == nil)
        // Nothing used, or refunds only: no end in sight, and the guess says so.
        let idle = try #require(projection(1, [0, -10]))
        #expect(idle.lastsUntilMs == nil && idle.earliestMs == nil && idle.latestMs == nil && idle.lowestPaise == -10)
    }

    @Test func partsOfADayAndLargeSumsAreExact() throws {
        #expect(projection(1, [3])?.lastsUntilMs == Self.charged + Self.day / 3)
        // 10^13 paise: the product with milliseconds does not fit 64 bits.
        let rich = try #require(projection(1_000_000_000_000_000, [100_000_000_000_000], hours: 24))
        #expect(rich.lastsUntilMs == Self.charged + 10 * Self.day)
        #expect(rich.projectedPaise == 900_000_000_000_000)
    }
}
