// What the collection board, the service clocks and the page of a raw answer show: read models over the head-end.
import Access
import Accounts
import CivilTime
import Grid
import HeadEnd
import MeterPort
import Meters
import SQL

/// Who is late and why.
public struct CollectionReport: Sendable {
    public struct Feeder: Sendable {
        /// The feeder, or the plant where no feeder lies above; nil for accounts that lie nowhere.
        public var placeID: Int64?
        public var name: String
        public var meters: Int64
        public var meterDays: Int64
        public var oldest: CivilDay
    }

    public var nowMs: Int64
    public var causes: [LateCause]
    /// Most late meters first.
    public var feeders: [Feeder]
    public var lost: [(item: CollectionItem, serial: String)]
    public var rawOpen: RawKeeping
    public var clocks: ServiceReport

    public var lateMeters: Int64 { causes.reduce(0) { $0 + $1.meters } }

    static let lostMax = 50
    static let lostDays: Int64 = 35

    static func floor(_ moment: Moment) -> CivilDay { moment.today.advanced(by: -CollectionRules().backDays) }

    public static func of(_ site: Site, _ scope: Scope) async throws -> CollectionReport {
        let open = scope.isWholeCompany ? try await CompanyFigures.rawOpen(site, scope.orgID) : nil
        return try await site.money.read { transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            let floor = floor(moment)
            let lost = try CollectionBoard.lost(
                sinceMs: moment.nowMs - lostDays * 86_400_000, limit: lostMax, scope, in: transaction)
            let serials = try MeterListing.serials(Array(Set(lost.map(\.meterID))), scope, in: transaction)
            return CollectionReport(
                nowMs: moment.nowMs, causes: try CollectionBoard.causes(from: floor, scope, in: transaction),
                feeders: feeders(
                    try CollectionBoard.places(from: floor, scope, in: transaction),
                    try Place.all(scope, in: transaction)),
                lost: lost.map { ($0, serials[$0.meterID] ?? "") },
                rawOpen: open ?? RawKeeping(waiting: 0, oldestAtMs: nil),
                clocks: try ServiceReport.of(moment, scope, in: transaction))
        }
    }

    private static func feeders(_ late: [LatePlace], _ all: [Place]) -> [Feeder] {
        let places = Dictionary(uniqueKeysWithValues: all.map { ($0.placeID, $0) })
        var found: [Int64: Feeder] = [:]
        for row in late {
            var place = places[row.placeID]
            var best = place
            while let at = place {
                if at.kind == .feeder || at.kind == .plant { best = at }
                if at.kind == .feeder { break }
                place = at.parentID.flatMap { places[$0] }
            }
            var feeder =
                found[best?.placeID ?? 0]
                ?? Feeder(placeID: best?.placeID, name: best?.name ?? "–", meters: 0, meterDays: 0, oldest: row.oldest)
            feeder.meters += row.meters
            feeder.meterDays += row.meterDays
            feeder.oldest = min(feeder.oldest, row.oldest)
            found[best?.placeID ?? 0] = feeder
        }
        return found.values.sorted { ($0.meters, $1.name) > ($1.meters, $0.name) }
    }
}

/// Late meters one by one.
public struct LateList: Sendable {
    public var part: ListPart<(late: LateMeter, serial: String)>
    public var nowMs: Int64

    public static func of(
        _ site: Site, cause: CollectionCause?, placeID: Int64?, after: Int64, limit: Int, _ scope: Scope
    ) async throws -> LateList {
        try await site.money.read { transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            if let placeID { _ = try Place.find(placeID, scope, in: transaction) }
            let found = try CollectionBoard.meters(
                from: CollectionReport.floor(moment), cause: cause, placeID: placeID, after: after, limit: limit + 1,
                scope, in: transaction)
            let serials = try MeterListing.serials(found.map(\.meterID), scope, in: transaction)
            return LateList(
                part: .of(found.map { ($0, serials[$0.meterID] ?? "") }, limit: limit) { "\($0.0.meterID)" },
                nowMs: moment.nowMs)
        }
    }
}

/// The service clocks of the last days, with their targets and where these come from.
public struct ServiceReport: Sendable {
    public struct Clock: Sendable {
        public var clock: ServiceClock
        /// In force today.
        public var target: ServiceTarget
        /// In order of day; only days on which there was something to do.
        public var days: [ServiceDay]
        /// Of the calendar month of the last day.
        public var monthTotal: Int64
        public var monthInTime: Int64
        public var monthSharePpm: Int? {
            monthTotal > 0 ? Int(monthInTime * 1_000_000 / monthTotal) : nil
        }
    }
    public var from: CivilDay
    public var to: CivilDay
    public var clocks: [Clock]

    public static let daysMax = 92
    static let daysShown = 31

    /// Of the whole company only; who is confined to a place sees targets and no days.
    static func of(_ moment: Moment, _ scope: Scope, in transaction: any SQLTransaction) throws -> ServiceReport {
        try of(
            moment, from: moment.today.advanced(by: 1 - daysShown), to: moment.today, scope, in: transaction)
    }

    static func of(
        _ moment: Moment, from: CivilDay, to: CivilDay, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> ServiceReport {
        let targets = try ServiceTargets.inForce(on: moment.today, scope, in: transaction)
        let first = min(from, to.month.first)
        let all = try ServiceDays.of(from: first, to: to, scope, in: transaction)
        return ServiceReport(
            from: from, to: to,
            clocks: ServiceClock.allCases.map { clock in
                let mine = all.filter { $0.clock == clock }
                let month = mine.filter { $0.day.month == to.month }
                return Clock(
                    clock: clock, target: targets[clock], days: mine.filter { $0.day >= from },
                    monthTotal: month.reduce(0) { $0 + $1.total }, monthInTime: month.reduce(0) { $0 + $1.inTime })
            })
    }

    public static func of(_ site: Site, from: CivilDay?, to: CivilDay?, _ scope: Scope) async throws -> ServiceReport {
        try await site.money.read { transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            let last = to ?? moment.today
            let first = from ?? last.advanced(by: 1 - daysShown)
            guard first <= last, first.days(to: last) < daysMax else {
                throw Refusal(.invalid, "Ask for 1 to \(daysMax) days.", hint: "`to` is not before `from`.", at: "to")
            }
            return try of(moment, from: first, to: last, scope, in: transaction)
        }
    }
}

/// One answer of a meter with the frames it came in, decoded.
public struct RawReport: Sendable {
    public var serial: String
    public var zone: Zone
    public var read: RawRead
    public var readings: [FrameReading]
    /// False: this answer was stored without frames.
    public var hasFrames: Bool
    /// More was read than is kept.
    public var isCut: Bool

    /// - Parameter day: the day the answer is about; nil looks for it among the days that are kept.
    public static func of(
        _ site: Site, meterID: Int64, batchID: Int64, day: CivilDay?, _ scope: Scope
    ) async throws -> RawReport {
        let (serial, zone) = try await site.money.read { transaction in
            (
                try Meter.find(meterID, scope, in: transaction).serial,
                try Org.find(scope.orgID, in: transaction).zone
            )
        }
        let months =
            if let day {
                try await site.readings.months().filter { $0 == day.month }
            } else {
                try await site.readings.monthsInReach()
            }
        for month in months.reversed() {
            let found = try await site.readings.shard(month).read {
                transaction -> (read: RawRead, record: MeterRecord?)? in
                var days = day.map { [$0] } ?? []
                if days.isEmpty { days = (month.first.number...month.last.number).map { CivilDay(number: $0) } }
                for day in days {
                    let reads = try RawRead.of(
                        meterID: meterID, day: day, batchID: batchID, orgID: scope.orgID, in: transaction)
                    guard let read = reads.first else { continue }
                    let record = try RawFrames.find(
                        batchID: batchID, meterID: meterID, day: day, orgID: scope.orgID, in: transaction)
                    return (read: read, record: record)
                }
                return nil
            }
            guard let found else { continue }
            return RawReport(
                serial: serial, zone: zone, read: found.read,
                readings: found.record.map { FrameReading.of($0, zone: zone) } ?? [], hasFrames: found.record != nil,
                isCut: found.record?.isCut ?? false)
        }
        throw Refusal(
            .notFound, "There is no such answer of this meter.",
            hint: "It came by a file or an estimate, or is older than raw answers are kept (raw.keep-days).")
    }

    /// The answers of a meter about a day, newest first.
    public static func list(
        _ site: Site, meterID: Int64, day: CivilDay, _ scope: Scope
    ) async throws -> [RawRead] {
        _ = try await site.money.read { try Meter.find(meterID, scope, in: $0) }
        guard try await site.readings.months().contains(day.month) else { return [] }
        return try await site.readings.shard(day.month).read {
            try RawRead.of(meterID: meterID, day: day, orgID: scope.orgID, in: $0)
        }
    }
}
