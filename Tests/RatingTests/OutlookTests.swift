// Until when a wallet is likely to last: kinds of days, forecasts, instalments, and a reason where nothing can be said.
import CivilTime
import Rating
import Testing

@Suite struct OutlookTests {
    static let dayMs: Int64 = 86_400_000
    static let monday = CivilDay("2026-11-23") ?? CivilDay(number: 0)

    static func startMs(_ day: CivilDay) -> Int64 { Int64(monday.days(to: day)) * dayMs }

    /// Charged days up to the Sunday before, oldest first; the half of each does not depend on use.
    static func outlook(
        _ balance: Int64, _ paise: [Int64], today: CivilDay = monday, holidays: Set<CivilDay> = [],
        forecast: [CivilDay: Int64] = [:], instalment: Int64 = 0, arrears: Int64 = 0
    ) -> Outlook {
        let first = monday.advanced(by: -paise.count)
        let days = paise.enumerated().map { index, paise in
            OutlookFacts.Day(
                day: first.advanced(by: index), totalPaise: paise, fixedPaise: paise / 2, energyWh: paise)
        }
        return Outlook(
            OutlookFacts(
                balancePaise: balance, days: days, today: today, holidays: holidays, forecastWh: forecast,
                instalmentPaise: instalment, arrearsPaise: arrears), startMs: startMs)
    }

    static func days(_ outlook: Outlook) -> [Int64?]? {
        guard case .until(let atMs, let earliestMs, let latestMs) = outlook.answer else { return nil }
        return [atMs, earliestMs, latestMs].map { $0.map { $0 * 4 / dayMs } }
    }

    @Test func whatIsNotKnownIsSaidWithItsReason() {
        #expect(Self.outlook(1_000, []).answer == .unknown(.neverCharged))
        #expect(Self.outlook(1_000, [100, 100]).answer == .unknown(.tooFewDays))
        let late = Self.outlook(1_000, [100, 100, 100], today: Self.monday.advanced(by: 7))
        #expect(late.answer == .unknown(.chargesTooOld))
        #expect(Self.outlook(0, [100, 100, 100]).answer == .empty)
        #expect(Self.outlook(5, [0, 0, 0]).answer == .notFalling)
        #expect(Self.outlook(1_000_000, [100, 100, 100]).answer == .beyond)
    }

    @Test func sundaysAndHolidaysCostWhatSundaysDid() {
        // Mon to Sun: ₹4 a working day, ₹8 on Sunday.
        let week: [Int64] = [400, 400, 400, 400, 400, 400, 800]
        // Six working days and a quarter of Sunday.
        #expect(Self.days(Self.outlook(2_600, week)) == [25, 25, 25])
        // Tuesday is a holiday: 400 + 800 + 400 × 3 and half of the sixth day.
        let holiday: Set<CivilDay> = [Self.monday.advanced(by: 1)]
        #expect(Self.days(Self.outlook(2_600, week, holidays: holiday)) == [22, 22, 22])
    }

    @Test func theRangeIsTheDearestAndTheCheapestOfTheKind() {
        // Working days of 200 and 600: mean 400.
        let found = Self.outlook(1_200, [200, 600, 200, 600, 200, 600, 400])
        #expect(found.meanPaise == 400)
        #expect(Self.days(found) == [12, 8, 24])
    }

    @Test func aForecastPricesItsDay() {
        // Half is fixed (200), the rest 50 paise a Wh: 800 Wh cost 200 + 400.
        let found = Self.outlook(600, [400, 400, 400], forecast: [Self.monday: 800])
        #expect(found.usesForecast && found.nextDayPaise == 600)
        #expect(Self.days(found)?[0] == 4)
    }

    @Test func instalmentsComeOnTopAndEndWithTheDebt() {
        #expect(Self.days(Self.outlook(1_000, [400, 400, 400], instalment: 100))?[0] == 10)
        #expect(Self.days(Self.outlook(1_000, [400, 400, 400], instalment: 100, arrears: 100_000))?[0] == 8)
        #expect(Self.days(Self.outlook(1_000, [400, 400, 400], instalment: 100, arrears: 100))?[0] == 9)
    }
}
