// The line from meter to money in numbers, for one business day: yesterday, because a day is collected once it is over.
// Every station is counted from the place that owns it; the stations foot by how they are defined, see `count`.
import Access
import Accounts
import CivilTime
import Grid
import HeadEnd
import IntervalData
import Jobs
import MeterData
import Meters
import Packs
import Rating
import SQL
import Supply

/// What fell out of the line at a station, or was put back.
public enum LineDrop: String, Sendable, Codable, CaseIterable {
    case silent
    case readFailing = "read-failing"
    case held
    case notEstimable = "not-estimable"
    case estimated
    case waitingPrice = "waiting-price"
    case withoutTariff = "without-tariff"
    case corrected
    case commandFailed = "command-failed"
    case failedButDone = "failed-but-done"
    case cutHeld = "cut-held"
    case warned
}

public struct LineReport: Sendable {
    public struct HeatRow: Sendable {
        public var name: String
        /// Share collected by hour of the day, parts per million; nil: nothing.
        public var sharesPpm: [Int?]
    }

    public var day: CivilDay
    public var countedAtMs: Int64
    /// Meters installed on the day.
    public var expected = 0
    /// Of these, not completely read.
    public var silent = 0
    /// Read, but not all intervals passed the checks yet.
    public var held = 0
    /// Of the silent and the held, those whose day was filled with estimates.
    public var estimated = 0
    /// Pricing and posting are one transaction, so these two are equal.
    public var priced = 0
    public var charged = 0
    /// Since midnight.
    public var cut = 0
    public var restored = 0
    public var drops: [(kind: LineDrop, count: Int)] = []
    /// Median business time from the wish to restore to the relay read back, since midnight.
    public var restoreMedianMs: Int64?
    public var heat: [HeatRow] = []
    public var needs: [(kind: NeedKind, count: Int)] = []
    public var intervalsChecked = 0
    public var jobs: [Job] = []

    public static func of(_ site: Site, _ scope: Scope) async throws -> LineReport {
        let facts = try await site.money.read { try Facts.read(site, scope, in: $0) }
        let moment = facts.moment
        var qualities: [Int64: Quality] = [:]
        if try await site.readings.months().contains(moment.lineDay.month) {
            qualities = try await site.readings.shard(moment.lineDay.month).read { transaction in
                try DayBlocks.lowestQualities(day: moment.lineDay, orgID: scope.orgID, in: transaction)
            }
        }
        let needs = try await NeedList.of(site, scope)
        var report = LineReport(day: moment.lineDay, countedAtMs: moment.nowMs)
        report.count(facts, qualities)
        report.drop(facts, needs)
        report.heat = heat(facts)
        report.needs = needs.counts.filter { $0.kind != .readFailing }
        report.intervalsChecked = needs.intervalsChecked
        report.jobs = facts.jobs
        return report
    }

    /// What the money store knows.
    private struct Facts: Sendable {
        var moment: Moment
        var installed: [Installation]
        var plan: [Int64: CollectionItem]
        var chargedRevisions: [Int64: Int64]
        var placeOfAccount: [Int64: Int64]
        var places: [Place]
        var supply: (cut: Int64, restored: Int64, held: Int64, warned: Int64)
        var orders: [MeterCommand]
        var jobs: [Job]

        static func read(_ site: Site, _ scope: Scope, in transaction: any SQLTransaction) throws -> Facts {
            let moment = try Moment.of(site, scope, in: transaction)
            let day = moment.lineDay
            let midnightMs = moment.startMs(of: moment.today)
            let plan = try CollectionItem.of(day: day, scope, in: transaction)
            return Facts(
                moment: moment, installed: try Installation.all(on: day, scope, in: transaction),
                plan: Dictionary(uniqueKeysWithValues: plan.map { ($0.meterID, $0) }),
                chargedRevisions: try Charge.chargedAccounts(day: day, scope, in: transaction),
                placeOfAccount: try SupplyAccount.places(scope, in: transaction),
                places: try Place.all(scope, in: transaction),
                supply: try Supply.counts(sinceMs: midnightMs, scope, in: transaction),
                orders: try MeterCommand.confirmed(sinceMs: midnightMs, scope, in: transaction),
                jobs: try JobStore.overview(scope, in: transaction))
        }
    }

    /// Each meter-day is in one class at every station: read or silent; of the read, passed or held; of silent and
    /// held, estimated or open. So expected − silent − held + estimated are the complete ones, and only those are priced.
    private mutating func count(_ facts: Facts, _ qualities: [Int64: Quality]) {
        expected = facts.installed.count
        for installation in facts.installed {
            let quality = qualities[installation.meterID] ?? .missing
            let isPassed = quality >= .edited
            let isRead = isPassed || facts.plan[installation.meterID]?.state == "complete"
            if !isRead { silent += 1 }
            if isRead && !isPassed { held += 1 }
            if quality == .estimated { estimated += 1 }
            guard quality > .missing, facts.chargedRevisions[installation.accountID] != nil else { continue }
            priced += 1
            charged += 1
        }
        (cut, restored) = (Int(facts.supply.cut), Int(facts.supply.restored))
        let restoreMs = facts.orders.filter { $0.kind == "reconnect" }.compactMap { order in
            order.endedAtMs.map { $0 - order.createdAtMs }
        }.sorted()
        restoreMedianMs = restoreMs.isEmpty ? nil : restoreMs[restoreMs.count / 2]
    }

    private mutating func drop(_ facts: Facts, _ needs: NeedList) {
        let meters = Set(facts.installed.map(\.meterID))
        let onDay = needs.items.filter { $0.day == day }
        func distinct(_ pick: (Need) -> Bool) -> Int { Set(onDay.filter(pick).compactMap(\.meterID)).count }
        let corrected = facts.installed.count { (facts.chargedRevisions[$0.accountID] ?? 0) > 1 }
        let withoutTariff = onDay.count { $0.kind == .withoutTariff }
        let waiting = max(0, expected - silent - held + estimated - priced)
        drops = [
            (.silent, distinct { $0.kind == .silent }), (.readFailing, distinct { $0.kind == .readFailing }),
            (.held, distinct { $0.kind.isHeld }), (.notEstimable, distinct { $0.kind == .notEstimable }),
            (.estimated, estimated), (.waitingPrice, max(0, waiting - withoutTariff)), (.withoutTariff, withoutTariff),
            (.corrected, corrected), (.commandFailed, needs.items.count { $0.kind == .commandFailed }),
            (.failedButDone, facts.orders.count { $0.isDoneDespiteReport && meters.contains($0.meterID) }),
            (.cutHeld, Int(facts.supply.held)), (.warned, Int(facts.supply.warned)),
        ].filter { $0.1 > 0 }
    }

    // MARK: heat

    /// Rows drawn at most; the rest of the places share the last row.
    static let heatRowsMax = 12

    /// A row a feeder (a plant where there is no feeder above the account), 24 hours each.
    private static func heat(_ facts: Facts) -> [HeatRow] {
        guard !facts.plan.isEmpty else { return [] }
        let places = Dictionary(uniqueKeysWithValues: facts.places.map { ($0.placeID, $0) })
        var names: [Int64: String] = [:]
        func name(of placeID: Int64) -> String {
            if let known = names[placeID] { return known }
            var place = places[placeID]
            var best = place
            while let at = place {
                if at.kind == .feeder || at.kind == .plant { best = at }
                if at.kind == .feeder { break }
                place = at.parentID.flatMap { places[$0] }
            }
            let found = best?.name ?? "–"
            names[placeID] = found
            return found
        }
        var have: [String: [Int]] = [:]
        var expected: [String: [Int]] = [:]
        let none = Array(repeating: 0, count: 24)
        for installation in facts.installed {
            guard let item = facts.plan[installation.meterID], item.expectedSlots > 0 else { continue }
            let row = facts.placeOfAccount[installation.accountID].map(name) ?? "–"
            for (slot, mark) in item.slots.utf8.enumerated() {
                let hour = min(23, slot * 24 / item.expectedSlots)
                expected[row, default: none][hour] += 1
                if mark == UInt8(ascii: "1") { have[row, default: none][hour] += 1 }
            }
        }
        let rows = expected.keys.sorted()
        let shown = rows.prefix(rows.count > heatRowsMax ? heatRowsMax - 1 : heatRowsMax)
        func shares(_ names: some Sequence<String>) -> [Int?] {
            (0..<24).map { hour in
                let (got, wanted) = names.reduce((0, 0)) { sum, name in
                    (sum.0 + (have[name]?[hour] ?? 0), sum.1 + (expected[name]?[hour] ?? 0))
                }
                return got == 0 || wanted == 0 ? nil : got * 1_000_000 / wanted
            }
        }
        let rest = rows.dropFirst(shown.count)
        return shown.map { HeatRow(name: $0, sharesPpm: shares([$0])) }
            + (rest.isEmpty ? [] : [HeatRow(name: "+ \(rest.count)", sharesPpm: shares(rest))])
    }
}
