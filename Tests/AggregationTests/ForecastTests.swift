// Forecasts of sets: issued once from the days before, told once, the same after a stop; holidays; errors beside simple
// forecasts, also after late readings; what is shown in reports.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import MeterData
import Meters
import Outbox
import SQL
import Synchronization
import TestSupport
import Testing
import VEE

@testable import Aggregation

/// A clock that a test moves.
private final class MovedClock: Sendable {
    private let held: Mutex<Int64>
    init(_ nowMs: Int64) { held = Mutex(nowMs) }
    var nowMs: Int64 { held.withLock { $0 } }
    func move(to nowMs: Int64) { held.withLock { $0 = nowMs } }
}

private struct Lab {
    var town: Town
    let clock: MovedClock
    /// A Tuesday.
    static let today = CivilDay(year: 2026, month: 4, day: 7) ?? CivilDay(number: 0)
    static let hour: Int64 = 3_600_000

    var site: Site { town.site }
    /// Only the latest day, where a test is not about those before.
    var forecaster: Forecaster { Forecaster(site: site, org: town.org, catchUpDays: 1) }
    func midnightMs(_ day: CivilDay) -> Int64 { town.org.zone.startS(of: day) * 1000 }

    static func make(_ databases: TestSite) async throws -> Lab {
        let town = try await Town.make(databases, first: today)
        try await town.addNetwork(from: today.advanced(by: -40))
        let clock = MovedClock(town.org.zone.startS(of: today) * 1000 + 10 * hour)
        let clocks = Clocks(businessNowMs: { clock.nowMs }, systemNowMs: { clock.nowMs }, businessRate: 0)
        let site = Site(
            money: town.site.money, readings: town.site.readings, clocks: clocks,
            ids: IDGenerator(processNumber: 2, clocks: clocks))
        return Lab(town: Town(site: site, org: town.org, first: today), clock: clock)
    }

    /// What a house uses in a slot of a day: more by evening, half of it on days of rest, a little of its own.
    static func load(_ meterID: Int64, _ day: CivilDay, _ slot: Int, of slots: Int, isRest: Bool) -> Int32 {
        let hour = slot * 24 / slots
        let level = Int32(meterID % 7 + 3) * (hour >= 18 ? 3 : 1) * Int32(1_920 / slots)
        return isRest ? level / 2 : level
    }

    func fill(
        _ days: ClosedRange<Int>, meters: [Int64] = Array(1_001...1_012), holidays: Set<CivilDay> = [], times: Int32 = 1
    ) async throws {
        for back in days {
            let day = Self.today.advanced(by: back)
            let isRest = day.weekday == 7 || holidays.contains(day)
            let shard = try await site.readings.shard(day.month)
            try await shard.write { [town] transaction in
                for meterID in meters {
                    let slots = town.org.zone.slotCount(of: day, periodS: town.periodS(meterID))
                    let current = try DayBlocks.current(
                        meterID: meterID, channel: .importWh, from: day, to: day, orgID: 1, in: transaction
                    ).first
                    try DayBlocks.store(
                        DayBlock(
                            values: (0..<slots).map {
                                Self.load(meterID, day, $0, of: slots, isRest: isRest) * times
                            },
                            qualities: Array(repeating: .actual, count: slots),
                            sources: [SourceRun(batch: 7, count: slots)]),
                        after: current, day: day, meterID: meterID, channel: .importWh, madeBy: "read", madeAtMs: 5,
                        orgID: 1, in: transaction)
                }
            }
        }
        try await Aggregator(site: site, org: town.org).run()
    }

    /// Everything that is stored of forecasts, as text.
    func stored(_ day: CivilDay) async throws -> [String] {
        try await site.readings.shard(day.month).read { transaction in
            try transaction.query(
                """
                SELECT set_key, slots, meters, known_day, total_value, slot_values FROM set_forecast
                WHERE org_id = 1 AND day = $1 ORDER BY set_key
                """, [.day(day)]
            ) { row in
                "\(try row.text(0)) \(try row.int(1)) \(try row.int(2)) \(try row.int(3)) \(try row.int(4)) "
                    + "\(try row.bytes(5))"
            }
        }
    }

    func told() async throws -> [String] {
        try await site.money.read { transaction in
            try Outbox.pending(limit: 100, in: transaction).filter { $0.kind == .notice }.map(\.detail)
        }
    }

    func row(_ report: Report, _ first: String) throws -> [String: String] {
        let row = try #require(report.rows.first { $0.cells.first?.plain == first }, "\(first)")
        return Dictionary(uniqueKeysWithValues: zip(report.columns.map(\.name), row.cells.map(\.plain)))
    }
}

@Suite struct ForecastTests {
    @Test(
        arguments: [
            [1, 2, 3], [nil, 5, nil, -5, nil], [], [Int64.max >> 24, 0, -(Int64.max >> 24), nil, 7],
            Array(repeating: nil, count: 96),
        ] as [[Int64?]])
    func bytesKeepEveryValue(_ values: [Int64?]) throws {
        let bytes = SetForecast.encode(values)
        #expect(try SetForecast.decode(bytes, slots: values.count) == values)
        #expect(throws: SQLError.self) { try SetForecast.decode(bytes, slots: values.count + 1) }
        #expect(throws: SQLError.self) { try SetForecast.decode([2] + bytes.dropFirst(), slots: values.count) }
        #expect(throws: SQLError.self) { try SetForecast.decode(bytes + [0], slots: values.count) }
    }

    @Test(arguments: TestEngine.available)
    func theNextDayIsIssuedOnceFromTheDaysThatHadEnded(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let lab = try await Lab.make(databases)
            try await lab.fill(-38...(-1))
            let tomorrow = Lab.today.advanced(by: 1)
            // Before nine the day itself is the last one due; it is late, and so are those before it.
            lab.clock.move(to: lab.midnightMs(Lab.today) + 9 * Lab.hour - 1)
            let early = try await Forecaster(site: lab.site, org: lab.town.org, catchUpDays: 3).run()
            #expect(early.issued == (-2...0).map { Lab.today.advanced(by: $0) })
            lab.clock.move(to: lab.midnightMs(Lab.today) + 9 * Lab.hour)
            let found = try await lab.forecaster.run()
            #expect(found.issued == [tomorrow])
            let again = try await lab.forecaster.run()
            #expect(again.issued.isEmpty && again.made == 0)
            let stored = try await lab.stored(tomorrow)
            let keys = Set(stored.compactMap { $0.split(separator: " ").first.map(String.init) })
            #expect(keys.isSuperset(of: (1_001...1_012).map { "meter:\($0)" } + ["all", "place:1", "place:101"]))
            for kind in ["plant:", "res:", "nma:", "stu:", "ctu:", "category:", "corridor:"] {
                #expect(keys.contains { $0.hasPrefix(kind) }, "\(kind)")
            }
            // Wednesday: what the same slots were on other days, as the town is regular; but for those near to where
            // the load changes, as a meter's forecast looks at the slots beside, too.
            let reader = try await SetReader(site: lab.site, org: lab.town.org)
            let one = try #require(try await reader.forecasts(.meter(1_001), from: tomorrow, to: tomorrow).first)
            let load = (0..<96).map { Int64(Lab.load(1_001, tomorrow, $0, of: 96, isRest: false)) }
            #expect(
                one.values[4..<68] == load[4..<68].map { $0 }[...] && one.values[76..<92].allSatisfy { $0 == load[80] })
            #expect(one.knownDay == Lab.today.advanced(by: -1) && !one.isLate && one.actual.allSatisfy { $0 == nil })
            // Meters of half hours among those of quarters: the sum is by the half hour.
            let all = try #require(try await reader.forecasts(.all, from: tomorrow, to: tomorrow).first)
            #expect(all.values.count == 48 && all.meters == 12 && all.periodS == 1_800)
            let whole = (1_001...1_012).reduce(Int64(0)) { sum, meter in
                let slots = meter % 3 == 0 ? 48 : 96
                return (0..<slots).reduce(sum) {
                    $0 + Int64(Lab.load(Int64(meter), tomorrow, $1, of: slots, isRest: false))
                }
            }
            // A sum is a mean in which Sundays weigh a little, too.
            #expect(all.totalWh < whole && all.totalWh > whole * 97 / 100)
            // Told once for each day, and listed.
            let told = try await lab.told()
            #expect(told == (-2...1).map { "forecast-issued - \(Lab.today.advanced(by: $0))" })
            let issues = try await lab.site.money.read {
                try ForecastIssue.after(Lab.today, limit: 10, lab.town.scope, in: $0)
            }
            #expect(issues.map(\.day) == [tomorrow] && issues.first?.meters == 12)
            #expect(issues.first?.totalWh == all.totalWh && issues.first?.sets == Int64(stored.count - 12))
        }
    }

    @Test(arguments: TestEngine.available)
    func nothingOfTheDayBeforeOrLaterIsLookedAt(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let lab = try await Lab.make(databases)
            try await lab.fill(-38...(-1))
            let tomorrow = Lab.today.advanced(by: 1)
            _ = try await lab.forecaster.issue(tomorrow)
            let plain = try await lab.stored(tomorrow)
            try await lab.site.readings.shard(tomorrow.month).write {
                try $0.run("DELETE FROM set_forecast WHERE day = $1", [.day(tomorrow)])
            }
            // The same with days from today on that are quite different.
            try await lab.fill(0...3, times: 50)
            _ = try await lab.forecaster.issue(tomorrow)
            let other = try await lab.stored(tomorrow)
            #expect(!plain.isEmpty && other == plain)
        }
    }

    @Test(arguments: TestEngine.available)
    func aStopAnywhereChangesNothing(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let lab = try await Lab.make(databases)
            try await lab.fill(-38...(-1))
            _ = try await lab.forecaster.run()
            let tomorrow = Lab.today.advanced(by: 1)
            let whole = try await lab.stored(tomorrow)
            // As a kill leaves it: some rows are there, others not, and nobody was told.
            for rest in [0, 1, 5, whole.count - 1] {
                let kept = whole.prefix(rest).compactMap { $0.split(separator: " ").first.map(String.init) }
                try await lab.site.readings.shard(tomorrow.month).write { transaction in
                    for key in try SetForecast.keys(tomorrow, orgID: 1, in: transaction) where !kept.contains(key) {
                        try transaction.run("DELETE FROM set_forecast WHERE set_key = $1", [.text(key)])
                    }
                }
                try await lab.site.money.write {
                    try $0.run("DELETE FROM forecast_issue WHERE day = $1", [.day(tomorrow)])
                    try $0.run("DELETE FROM outbox")
                }
                let found = try await lab.forecaster.run()
                #expect(found.issued == [tomorrow] && found.made == whole.count - rest)
                let made = try await lab.stored(tomorrow)
                #expect(made == whole)
                let told = try await lab.told()
                #expect(told == ["forecast-issued - \(tomorrow)"])
            }
            // Cancelled in the middle.
            try await lab.site.readings.shard(tomorrow.month).write { try $0.run("DELETE FROM set_forecast") }
            let task = Task { try await lab.forecaster.issue(tomorrow) { _ in withUnsafeCurrentTask { $0?.cancel() } } }
            let ended = await task.result
            #expect(throws: CancellationError.self) { try ended.get() }
            let part = try await lab.stored(tomorrow)
            #expect(!part.isEmpty && part.count < whole.count)
            _ = try await lab.forecaster.issue(tomorrow)
            let after = try await lab.stored(tomorrow)
            #expect(after == whole)
        }
    }

    @Test(arguments: TestEngine.available)
    func aHolidayIsForecastLikeASunday(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let lab = try await Lab.make(databases)
            try await lab.fill(-38...(-1))
            // Monday: what Sundays are, when it is a holiday. The list may name days before it was set, too.
            let monday = Lab.today.advanced(by: 6)
            let list = Holidays([monday]).json()
            try await lab.site.money.write {
                try Setting.set(Holidays.setting, list, from: Lab.today, lab.town.scope, in: $0)
            }
            _ = try await lab.forecaster.issue(monday)
            let reader = try await SetReader(site: lab.site, org: lab.town.org)
            let found = try #require(try await reader.forecasts(.meter(1_003), from: monday, to: monday).first)
            let rest = (0..<48).map { Int64(Lab.load(1_003, monday, $0, of: 48, isRest: true)) }
            let work = (0..<48).map { Int64(Lab.load(1_003, monday, $0, of: 48, isRest: false)) }
            let nearRest = zip(found.values, zip(rest, work)).count { value, levels in
                value.map { abs($0 - levels.0) < abs($0 - levels.1) } ?? false
            }
            #expect(nearRest > 40, "\(found.values)")
        }
    }

    @Test func holidaysAreDatedAndReadStrictly() async throws {
        let (one, other) = (CivilDay(number: 20_500), CivilDay(number: 20_600))
        #expect(Holidays(json: Holidays([other, one, one]).json())?.days == [one.description, other.description])
        for bad in [
            "", "[]", "{}", #"{"days":[],"format":2}"#, #"{"days":["2026-13-01"],"format":1}"#,
            #"{"days":["2026-01-01"],"format":1,"more":1}"#, #"{"days":[1],"format":1}"#,
        ] {
            #expect(Holidays(json: bad) == nil, "\(bad)")
        }
        #expect(
            Holidays.kind.parse(Holidays((0..<70).map { one.advanced(by: $0) }).json())?.utf8.count ?? 9_999 <= 1_000)
        #expect(Holidays(json: Holidays((0..<71).map { one.advanced(by: $0) }).json()) == nil)
        try await withSite(.sqlite, migrations: Town.migrations) { databases in
            let town = try await Town.make(databases, first: Lab.today)
            let found = try await databases.money.write { transaction in
                try Setting.set(Holidays.setting, Holidays([one]).json(), from: one, town.scope, in: transaction)
                try Setting.set(
                    Holidays.setting, Holidays([other]).json(), from: one.advanced(by: 10), town.scope,
                    in: transaction)
                return try [one, one.advanced(by: 10), one.advanced(by: -1)].map {
                    try Holidays.among(
                        one.advanced(by: -5), through: other, knownOn: $0, town.scope, in: transaction)
                }
            }
            #expect(found == [[one], [one, other], []])
        }
    }

    @Test(arguments: TestEngine.available)
    func errorsStandBesideSimpleForecastsAndFollowLateReadings(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let lab = try await Lab.make(databases)
            try await lab.fill(-38...(-1))
            let (today, sunday) = (Lab.today, Lab.today.advanced(by: 5))
            for (ahead, since) in [(4, 0), (6, 4)] {
                lab.clock.move(to: lab.midnightMs(today.advanced(by: ahead)) + 10 * Lab.hour)
                try await lab.fill(since...ahead - 1)
                _ = try await lab.forecaster.run()
            }
            func report(_ name: ReportName, set: SetKey? = nil, from: CivilDay, to: CivilDay) async throws -> Report {
                try await SetReader(site: lab.site, org: lab.town.org).report(
                    ReportQuery(name, from: from, to: to, set: set), lab.town.scope)
            }
            // Sunday: the Sunday before is right, Friday is not; ours knows what kind of day it is.
            var found = try lab.row(
                try await report(.forecastAccuracy, from: sunday, to: sunday), "all")
            #expect(found["last_week_ppm"] == "0" && found["yesterday_ppm"] == "1000000" && found["late_days"] == "0")
            let ours = try #require(found["wape_ppm"].flatMap { Int64($0) })
            #expect(ours > 0 && ours < 400_000 && found["bias_ppm"] == found["wape_ppm"])
            #expect(found["intervals"] == "48" && found["left_out"] == "0")
            let tomorrow = try lab.row(
                try await report(.forecastAccuracy, set: .all, from: sunday, to: today.advanced(by: 7)),
                today.advanced(by: 7).description)
            #expect(tomorrow["wape_ppm"] == "" && tomorrow["actual_Wh"] == "" && tomorrow["left_out"] == "48")
            // By number of meters: 1, 2, 5, 10 and the whole.
            let sizes = try await report(.forecastBySize, from: sunday, to: sunday)
            #expect(sizes.rows.map { $0.cells[0].plain } == ["1", "2", "5", "10", "12"])
            #expect(sizes.rows.map { $0.cells[1].plain } == ["12", "6", "2", "1", "1"])
            let single = try lab.row(sizes, "1")
            #expect(single["intervals"] == "\(8 * 96 + 4 * 48)" && single["last_week_ppm"] == "0")
            let judged = try await lab.forecaster.run()
            #expect(judged.judged == 0, "nothing new, nothing to judge")
            // The Sunday is corrected: twice as much was used.
            try await lab.fill(5...5, times: 2)
            let anew = try await lab.forecaster.run()
            #expect(anew.judged == 1 && anew.made == 0)
            found = try lab.row(try await report(.forecastAccuracy, from: sunday, to: sunday), "all")
            #expect(found["last_week_ppm"] == "500000" && found["yesterday_ppm"] == "0")
            let corrected = try lab.row(try await report(.forecastBySize, from: sunday, to: sunday), "1")
            #expect(corrected["last_week_ppm"] == "500000")
            // Interval by interval, for dispatch.
            let slots = try await report(.forecast, set: .all, from: sunday, to: sunday)
            #expect(slots.rows.count == 48 && slots.rows.first?.cells.first?.plain == "\(sunday) 00:00")
            let errors = slots.rows.compactMap { row -> Int64? in
                guard case .number(let error) = row.cells[4] else { return nil }
                return error
            }
            let truth = try #require(found["actual_Wh"].flatMap { Int64($0) })
            let forecast = try #require(found["forecast_Wh"].flatMap { Int64($0) })
            #expect(errors.count == 48 && errors.reduce(0, +) == forecast - truth)
        }
    }

    @Test(arguments: TestEngine.available)
    func whoIsConfinedSeesForecastsOfOwnPlacesOnly(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: Town.migrations) { databases in
            let lab = try await Lab.make(databases)
            try await lab.fill(-38...(-1))
            _ = try await lab.forecaster.run()
            let scope = Scope(orgID: 1, placeIDs: [11, 101, 102])
            let reader = try await SetReader(site: lab.site, org: lab.town.org)
            let query = ReportQuery(.forecastAccuracy, from: Lab.today, to: Lab.today.advanced(by: 1))
            let found = try await reader.report(query, scope)
            #expect(Set(found.rows.map { $0.cells[0].plain }) == ["place:11", "place:101", "place:102"])
            for (name, key) in [
                (ReportName.forecast, SetKey.place(12)), (.forecastAccuracy, .all), (.forecastBySize, .place(11)),
            ] {
                await #expect(throws: Refusal.self, "\(name)") {
                    try await reader.report(
                        ReportQuery(name, from: Lab.today, to: Lab.today, set: key), scope)
                }
            }
        }
    }

    @Test func slotsThatManyMetersLackAreNotKnown() throws {
        let day = CivilDay(number: 20_500)
        var maker = SeriesMaker(from: day, through: day, zone: .india)
        func value(meters: Int, missing: Int, estimated: Int = 0, level: Int? = nil) throws -> Int64? {
            var sums = SlotSums(slots: 24)
            let block = DayBlock(
                values: Array(repeating: 100, count: 24), qualities: Array(repeating: .actual, count: 24),
                sources: [SourceRun(batch: 1, count: 24)])
            let guessed = DayBlock(
                values: Array(repeating: 100, count: 24), qualities: Array(repeating: .estimated, count: 24),
                sources: [SourceRun(batch: 1, count: 24)])
            for index in 0..<meters - missing {
                let bytes = (index < estimated ? guessed : block).encode()
                try sums.add(values: bytes.values, qualities: bytes.qualities)
            }
            sums.addUnknown(meters: missing)
            let series = maker.series([day: [24: sums]], periodS: 3_600, meters: level)
            return series.qualities[5] == .missing ? nil : series.values[5]
        }
        #expect(try value(meters: 20, missing: 0) == 2_000)
        #expect(try value(meters: 20, missing: 1) == 2_000, "one of twenty is taken to be like the others")
        #expect(try value(meters: 20, missing: 2) == nil)
        #expect(try value(meters: 20, missing: 1, estimated: 3) == 2_000)
        #expect(try value(meters: 20, missing: 1, estimated: 4) == nil)
        #expect(try value(meters: 1, missing: 0, estimated: 1) == nil, "an estimate of one meter is no reading")
        #expect(try value(meters: 1, missing: 1) == nil)
        #expect(try value(meters: 20, missing: 0, level: 30) == 3_000)
    }
}
