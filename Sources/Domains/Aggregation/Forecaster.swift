// Issues the forecasts of the next day, set by set and meter by meter, and judges those of days that have passed. What
// is issued is written once; nothing of the day before the forecast day or later is looked at for it. Stops anywhere
// and goes on: what is stored is passed over.
import Access
import CivilTime
import Clocks
import IntervalData
import MeterData
import SQL
import VEE

public struct Forecaster: Sendable {
    public static let issueSetting = "forecast.issue-at-minute"
    public static let settings: [SettingKind] = [
        .wholeNumber(
            issueSetting, 0...1_439, initial: 540,
            hint: "Minute of the day before from which the forecasts of a day are issued; 540 is 09:00."),
        Holidays.kind,
    ]
    /// The forecast of a day rests on the days that had ended when the day before it began.
    static let leadDays = 2
    /// Days looked at: the reach of the method, and a week before for the level.
    static let reachDays = ForecastMethod.sum.reachDays + 8
    /// Sets and meters stored in one transaction.
    static let setChunk = 40
    static let meterChunk = 200
    /// How far back it is looked whether a day has to be judged anew.
    static let judgeDays = 62
    /// Meters the error by number of meters is taken from, and the numbers.
    static let sampleMeters = 500
    static let sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500]

    let site: Site
    let org: Org
    /// At first and after a stop forecasts are issued for so many days at most, the next one included.
    let catchUpDays: Int

    public init(site: Site, org: Org, catchUpDays: Int = 7) {
        self.site = site
        self.org = org
        self.catchUpDays = catchUpDays
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Issues what is due and judges what has changed.
    public func run(
        progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> (issued: [CivilDay], made: Int, judged: Int) {
        var issued: [CivilDay] = []
        var made = 0
        for day in try await due() {
            let count = try await issue(day) { [made] in await progress(made + $0) }
            made += count.made
            if count.isIssued { issued.append(day) }
        }
        let judged = try await judge { [made] in await progress(made + $0) }
        return (issued, made, judged)
    }

    // MARK: issuing

    /// Days whose forecasts are due and not issued, the earliest first.
    private func due() async throws -> [CivilDay] {
        let nowMs = site.clocks.businessNowMs()
        let today = org.zone.day(atS: nowMs / 1000)
        let (minute, last) = try await site.money.read { [scope] transaction in
            (
                Int64(
                    try SettingRegistry(Self.settings).value(Self.issueSetting, on: today, scope, in: transaction)),
                try ForecastIssue.last(scope, in: transaction)
            )
        }
        let isDue = nowMs >= org.zone.startS(of: today) * 1000 + (minute ?? 540) * 60_000
        let latest = isDue ? today.advanced(by: 1) : today
        let floor = latest.advanced(by: 1 - catchUpDays)
        let earliest = max(last?.advanced(by: 1) ?? floor, floor)
        guard earliest <= latest else { return [] }
        return (earliest.number...latest.number).map { CivilDay(number: $0) }
    }

    /// Makes and stores the forecasts of a day that are not there yet, and says that they are issued. Not issued while
    /// there is not one forecast.
    func issue(
        _ day: CivilDay, progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> (made: Int, isIssued: Bool) {
        let known = day.advanced(by: -Self.leadDays)
        let first = known.advanced(by: 1 - Self.reachDays)
        let (members, holidays) = try await site.money.read { [scope, org] transaction in
            let master = try SetMasterData(scope, in: transaction)
            return (
                try Membership(on: day, master, zone: org.zone, scope, in: transaction),
                try Holidays.among(first, through: day, knownOn: day, scope, in: transaction)
            )
        }
        guard !members.members.isEmpty else { return (0, false) }
        let shard = try await site.readings.shard(day.month)
        let done = try await shard.read { [org] in try SetForecast.keys(day, orgID: org.orgID, in: $0) }
        var round = ForecastRound(
            day: day, known: known, nowMs: site.clocks.businessNowMs(),
            maker: SeriesMaker(from: first, through: day, zone: org.zone, holidays: holidays))
        var made = 0
        func store(_ forecasts: [SetForecast]) async throws {
            try await shard.write { [org] in try SetForecast.store(forecasts, orgID: org.orgID, in: $0) }
            made += forecasts.count
            await progress(made)
        }
        let reader = try await SetReader(site: site, org: org)
        let sets = Self.sets(members).filter { !done.contains($0.key.description) }
        for start in stride(from: 0, to: sets.count, by: Self.setChunk) {
            var forecasts: [SetForecast] = []
            for set in sets[start..<min(start + Self.setChunk, sets.count)] {
                try Task.checkCancellation()
                let days = try await reader.days(set.key, .importWh, from: first, to: known)
                if let made = round.forecast(set.key, days, meters: set.meters) { forecasts.append(made) }
            }
            try await store(forecasts)
        }
        let meters = members.members.map(\.meterID).filter { !done.contains(SetKey.meter($0).description) }
        for start in stride(from: 0, to: meters.count, by: Self.meterChunk) {
            try Task.checkCancellation()
            let part = Array(meters[start..<min(start + Self.meterChunk, meters.count)])
            let days = try await reader.daysByMeter(part, from: first, to: known)
            var forecasts: [SetForecast] = []
            for meterID in part {
                if let made = round.forecast(.meter(meterID), days[meterID] ?? [:], meters: 1) {
                    forecasts.append(made)
                }
                await Task.yield()
            }
            try await store(forecasts)
        }
        return (made, try await publish(day, known, shard))
    }

    /// Every set of which sums are kept, with how many meters it has.
    private static func sets(_ members: Membership) -> [(key: SetKey, meters: Int)] {
        var perLeaf = [Int](repeating: 0, count: members.leaves.count)
        for member in members.members { perLeaf[member.leaf] += 1 }
        var counts: [String: Int] = [:]
        for (leaf, count) in zip(members.leaves, perLeaf) {
            for key in leaf.keys { counts[key, default: 0] += count }
        }
        return counts.sorted { $0.key < $1.key }.compactMap { text, meters in
            SetKey(text).map { (key: $0, meters: meters) }
        }
    }

    private func publish(_ day: CivilDay, _ known: CivilDay, _ shard: any Database) async throws -> Bool {
        let (keys, total) = try await shard.read { [org] transaction in
            (
                try SetForecast.keys(day, orgID: org.orgID, in: transaction),
                try SetForecast.of(.all, days: [day], orgID: org.orgID, in: transaction).first?.total
            )
        }
        guard !keys.isEmpty else { return false }
        let meters = Int64(keys.count { $0.hasPrefix("meter:") })
        let issue = ForecastIssue(
            day: day, issuedAtMs: site.clocks.businessNowMs(), knownDay: known, sets: Int64(keys.count) - meters,
            meters: meters, totalWh: total)
        try await site.money.write { [scope, site] in
            try issue.publish(eventID: site.ids.next(), scope, in: $0)
        }
        return true
    }

    // MARK: judging

    /// Judges the days that were forecast and whose sums have changed since they were judged. Returns how many.
    private func judge(progress: @Sendable (Int) async -> Void) async throws -> Int {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        let earliest = today.advanced(by: -Self.judgeDays)
        let issues = try await site.money.read { [scope] in
            try ForecastIssue.after(earliest.advanced(by: -1), limit: Self.judgeDays + 2, scope, in: $0)
        }
        var judged = 0
        let months = try await site.readings.months()
        for (month, days) in Dictionary(grouping: issues.map(\.day).filter { $0 < today }, by: \.month)
            .sorted(by: { $0.key < $1.key }) where months.contains(month)
        {
            let shard = try await site.readings.shard(month)
            let (states, versions) = try await shard.read { [org] transaction in
                (
                    try SetDayState.of(days: days, orgID: org.orgID, in: transaction),
                    try GroupError.versions(days: days, orgID: org.orgID, in: transaction)
                )
            }
            for state in states where state.channel == .importWh && versions[state.day] != state.version {
                try Task.checkCancellation()
                let errors = try await errors(of: state.day)
                try await shard.write { [org] in
                    try GroupError.replace(
                        errors, of: state.day, version: state.version, orgID: org.orgID, in: $0)
                }
                judged += 1
                await progress(judged)
            }
        }
        return judged
    }

    /// The errors of groups of a sample of the meters of a day, each group forecast as a sum, from the days that were
    /// known when the forecasts were issued, as they stand now. A remainder smaller than the group is left out.
    private func errors(of day: CivilDay) async throws -> [GroupError] {
        let first = day.advanced(by: 1 - Self.leadDays - Self.reachDays)
        let (members, holidays) = try await site.money.read { [scope, org] transaction in
            let master = try SetMasterData(scope, in: transaction)
            return (
                try Membership(on: day, master, zone: org.zone, scope, in: transaction),
                try Holidays.among(first, through: day, knownOn: day, scope, in: transaction)
            )
        }
        let sample = Array(members.sample.prefix(Self.sampleMeters))
        let reader = try await SetReader(site: site, org: org)
        var homes: [[CivilDay: DaySums]] = []
        for start in stride(from: 0, to: sample.count, by: Self.meterChunk) {
            let part = Array(sample[start..<min(start + Self.meterChunk, sample.count)])
            let days = try await reader.daysByMeter(part, from: first, to: day)
            homes += part.map { days[$0] ?? [:] }
        }
        var maker = SeriesMaker(from: first, through: day, zone: org.zone, holidays: holidays)
        var found: [GroupError] = []
        for size in Self.sizes where size <= homes.count {
            var tally = ForecastTally()
            let groups = homes.count / size
            for group in 0..<groups {
                try Task.checkCancellation()
                var days: [CivilDay: DaySums] = [:]
                for home in homes[group * size..<(group + 1) * size] { days.add(home) }
                days.fillUp(to: size)
                if let periodS = maker.periodS(days) {
                    // The day between what was known and what is forecast is taken out before anything is made.
                    days[day.advanced(by: -1)] = nil
                    let series = maker.series(days, periodS: periodS)
                    tally.add(
                        forecast(series, day: day, method: size == 1 ? .meter : .sum), of: day, in: series)
                }
                await Task.yield()
            }
            found += tally.groupErrors(day: day, meters: size, groups: groups)
        }
        return found
    }
}

/// Makes the forecasts of one day.
private struct ForecastRound {
    let day: CivilDay
    let known: CivilDay
    let nowMs: Int64
    var maker: SeriesMaker

    /// Nil when the days before hold too little for any slot.
    mutating func forecast(_ key: SetKey, _ days: [CivilDay: DaySums], meters: Int) -> SetForecast? {
        let days = days.filter { $0.key <= known }
        guard let periodS = maker.periodS(days) else { return nil }
        var method = ForecastMethod.sum
        if case .meter = key { method = .meter }
        let series = maker.series(days, periodS: periodS, meters: meters)
        let values = VEE.forecast(series, day: day, method: method)
        guard values.contains(where: { $0 != nil }) else { return nil }
        return SetForecast(day: day, key: key, values: values, meters: meters, knownDay: known, madeAtMs: nowMs)
    }
}

extension [CivilDay: DaySums] {
    fileprivate mutating func add(_ other: Self) {
        for (day, sums) in other {
            for (slots, sum) in sums {
                self[day, default: [:]][slots, default: SlotSums(slots: slots)].add(sum)
            }
        }
    }

    /// Meters without a day count as missing on it.
    fileprivate mutating func fillUp(to meters: Int) {
        for (day, sums) in self {
            guard let slots = sums.keys.max() else { continue }
            let present = sums.values.reduce(0) { $0 + $1.meters }
            self[day]?[slots]?.addUnknown(meters: Swift.max(0, meters - present))
        }
    }
}

extension Membership {
    /// The meters in an order without meaning that is the same from day to day.
    fileprivate var sample: [Int64] {
        members.map { (Self.mix(UInt64(bitPattern: $0.meterID)), $0.meterID) }.sorted { $0 < $1 }.map(\.1)
    }
}

/// Errors of a forecast and of those that anyone can make.
struct ForecastTally {
    private(set) var ours = ForecastError()
    private(set) var baselines: [ForecastBaseline: ForecastError] = [:]

    mutating func add(_ values: [Int64?], of day: CivilDay, in series: LoadSeries) {
        ours.add(values, of: day, in: series)
        for baseline in ForecastBaseline.allCases {
            let simple = forecast(
                series, day: day, baseline: baseline, unknownDays: Forecaster.leadDays - 1)
            baselines[baseline, default: ForecastError()].add(simple, of: day, in: series)
        }
    }

    func groupErrors(day: CivilDay, meters: Int, groups: Int) -> [GroupError] {
        let makers = [(GroupError.ours, ours)] + baselines.map { ($0.key.rawValue, $0.value) }
        return makers.sorted { $0.0 < $1.0 }.map { maker, error in
            GroupError(
                day: day, meters: meters, maker: maker, groups: groups, intervals: error.count,
                leftOut: error.leftOut, absoluteWh: error.absolute, signedWh: error.signed, truthWh: error.truth)
        }
    }
}
