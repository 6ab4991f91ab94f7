// What the outage records say of the days of a meter, as the checks ask it; and which days are to be judged again
// because a record came, changed or was withdrawn after they were judged. Derives no outage and judges no value.
import Access
import CivilTime
import Clocks
import Reliability
import SQL
import VEE

/// The outages of a meter, asked day by day. Made once for a span of days.
public struct RecordedOutages: Sendable {
    let intervals: [OutageInterval]
    let zone: Zone
    let nowMs: Int64

    /// - Parameters:
    ///   - intervals: those that touch the days which will be asked for.
    ///   - nowMs: up to which one that lasts is certain.
    public init(_ intervals: [OutageInterval], zone: Zone, nowMs: Int64) {
        self.intervals = intervals
        self.zone = zone
        self.nowMs = nowMs
    }

    public static func of(
        meterID: Int64, from: CivilDay, to: CivilDay, zone: Zone, nowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> RecordedOutages {
        RecordedOutages(
            try Outages.of(
                meterID: meterID, fromMs: zone.startS(of: from) * 1000,
                toMs: zone.startS(of: to.advanced(by: 1)) * 1000, scope, in: transaction), zone: zone, nowMs: nowMs)
    }

    /// The same for the meters of a chunk and a month: what files are judged with.
    public static func of(
        _ meterIDs: [Int64], in month: CivilMonth, site: Site, org: Org
    ) async throws -> [Int64: RecordedOutages] {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { transaction in
            var found: [Int64: RecordedOutages] = [:]
            for meterID in meterIDs where found[meterID] == nil {
                found[meterID] = try of(
                    meterID: meterID, from: month.first, to: month.last, zone: org.zone, nowMs: nowMs,
                    Scope(orgID: org.orgID), in: transaction)
            }
            return found
        }
    }

    /// The slots of a day that were dark for certain, in order.
    func slots(of day: CivilDay, count: Int) -> [Range<Int>] {
        joinedSlots(
            Outages.darkSlots(
                intervals, startS: zone.startS(of: day), periodS: zone.lengthS(of: day) / Int64(max(1, count)),
                slots: count, nowMs: nowMs))
    }
}

extension Outages {
    /// Meters of which an outage that is more than silence touches a month. How uncertain a start may be is bounded as
    /// how long an outage may last.
    static func metersTold(
        of month: CivilMonth, zone: Zone, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Set<Int64> {
        let (fromMs, toMs) = (
            zone.startS(of: month.first) * 1000, zone.startS(of: month.last.advanced(by: 1)) * 1000
        )
        return Set(
            try transaction.query(
                """
                SELECT DISTINCT meter_id FROM meter_outage WHERE org_id = $1 AND start_ms >= $4 AND start_ms < $5
                  AND start_low_ms < $3
                  AND (end_high_ms IS NULL OR end_high_ms > $2) AND superseded_at_ms IS NULL AND is_withdrawn = 0
                  AND start_evidence <> 'silent'
                """,
                [.int(orgID), .int(fromMs), .int(toMs), .int(fromMs - longestMs), .int(toMs + longestMs)]
            ) { try $0.int(0) })
    }
}

extension MeterOutages {
    /// Versions whose days were not looked at since they were written, superseded or given another start: newest first.
    /// - Parameter last: the one after which to go on; nil from the newest.
    static func unjudged(
        after last: MeterOutage?, limit: Int, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [MeterOutage] {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_outage o WHERE o.org_id = $1 AND o.days_judged = 0 AND o.start_ms <= $2
              AND (o.start_ms, o.span_id, o.version) < ($2, $3, $4)
            ORDER BY o.start_ms DESC, o.span_id DESC, o.version DESC LIMIT $5
            """,
            [
                .int(orgID), .int(last?.span.startMs.likely ?? .max), .int(last?.spanID ?? .max),
                .int(last?.version ?? .max), .int(limit),
            ], decode)
    }

    /// A version that changed while its days were judged stays to be looked at.
    static func markJudged(_ seen: [MeterOutage], orgID: Int64, in transaction: any SQLTransaction) throws {
        for item in seen {
            try transaction.run(
                """
                UPDATE meter_outage SET days_judged = 1 WHERE org_id = $1 AND span_id = $2 AND version = $3
                  AND COALESCE(superseded_at_ms, 0) = $4 AND COALESCE(attributed_start_ms, 0) = $5
                """,
                [
                    .int(orgID), .int(item.spanID), .int(item.version), .int(item.supersededAtMs ?? 0),
                    .int(item.attributedStartMs ?? 0),
                ])
        }
    }
}

extension MeterOutage {
    /// The days this version may have darkened, or may have been taken to; none when only silence speaks for it, which
    /// explains nothing.
    func days(_ zone: Zone, nowMs: Int64) -> ClosedRange<CivilDay>? {
        guard span.startEvidence != .silent else { return nil }
        let toMs = min(span.endMs?.high ?? nowMs, supersededAtMs ?? nowMs, nowMs)
        let fromMs = max(span.startMs.low, toMs - Outages.longestMs)
        return fromMs <= toMs ? zone.day(atS: fromMs / 1000)...zone.day(atS: toMs / 1000) : nil
    }
}

/// What judging again after outages brought.
public struct JudgedAgain: Sendable {
    /// Meter-days with a new version.
    public var changed = 0
    /// Meters that could not be judged; their outages stay to be looked at.
    public var metersAside = 0
    /// What stood in the way of the first of them.
    public var trouble: String?
}

extension Revalidation {
    /// Versions of outages looked at in one step.
    static let outagesAtOnce = 500
    /// Meters set aside after which a run ends: what is wrong is wrong everywhere.
    static let asideMax = 10_000
    /// How long one run goes on, in system time: what is more waits for the next.
    public static let afterOutagesMs: Int64 = 600_000

    /// Judges the days again of outages that were told, changed or withdrawn since: those that are stored, where the
    /// rules look at supply, the newest outages first. Broken off anywhere it goes on; when nothing came it asks once
    /// and writes nothing. What stands in the way of one meter stops no other.
    /// - Parameter forMs: a meter is begun only before so much system time has passed.
    public func afterOutages(forMs: Int64 = afterOutagesMs) async throws -> JudgedAgain {
        let endMs = site.clocks.systemNowMs() + forMs
        var (again, aside) = (JudgedAgain(), [Int64: any Error]())
        var last: MeterOutage?
        pages: while site.clocks.systemNowMs() < endMs, aside.count < Self.asideMax {
            try Task.checkCancellation()
            let page = try await site.money.read { [org, last] in
                try MeterOutages.unjudged(after: last, limit: Self.outagesAtOnce, orgID: org.orgID, in: $0)
            }
            guard !page.isEmpty else { break }
            last = page.last
            let days = try await stored(page, &aside)
            // Most are told before their day is read.
            try await mark(page.filter { days[$0.meterID] == nil && aside[$0.meterID] == nil })
            for meterID in page.map(\.meterID).distinct() where aside[meterID] == nil {
                guard let days = days[meterID]?.sorted() else { continue }
                guard site.clocks.systemNowMs() < endMs else { break pages }
                try Task.checkCancellation()
                do {
                    for run in runs(of: days) {
                        again.changed += try await self.run(
                            meterID: meterID, from: run.lowerBound, to: run.upperBound, where: \.looksAtSupply
                        ).changed
                    }
                } catch {
                    aside[meterID] = try ofOneMeter(error)
                    again.trouble = again.trouble ?? "meter \(meterID): \(error)"
                    continue
                }
                try await mark(page.filter { $0.meterID == meterID })
            }
        }
        again.metersAside = aside.count
        if again.trouble == nil, let (meterID, error) = aside.min(by: { $0.key < $1.key }) {
            again.trouble = "meter \(meterID): \(error)"
        }
        return again
    }

    /// Outages that were told while a file's days were stored: whoever looks for days to judge again may have passed
    /// before they were there, so they are judged again at once.
    /// - Parameter used: the outages the days were judged with.
    public func afterStoring(_ used: [Int64: RecordedOutages], in month: CivilMonth) async throws {
        let now = try await RecordedOutages.of(Array(used.keys), in: month, site: site, org: org)
        for meterID in used.keys.sorted() where now[meterID]?.intervals != used[meterID]?.intervals {
            _ = try await run(meterID: meterID, from: month.first, to: month.last, where: \.looksAtSupply)
        }
    }

    private func mark(_ seen: [MeterOutage]) async throws {
        guard !seen.isEmpty else { return }
        try await site.money.write { [org] in try MeterOutages.markJudged(seen, orgID: org.orgID, in: $0) }
    }

    /// What lies in the data of one meter or month; where the engine itself cannot go on, nobody else can either.
    private func ofOneMeter(_ error: any Error) throws -> any Error {
        if error is CancellationError { throw error }
        if let code = (error as? SQLError)?.code, [.busy, .full, .readOnly, .connection].contains(code) { throw error }
        return error
    }

    /// The days of these outages of which something is stored, by meter. Months out of reach stand as they were judged.
    private func stored(
        _ outages: [MeterOutage], _ aside: inout [Int64: any Error]
    ) async throws -> [Int64: Set<CivilDay>] {
        let nowMs = site.clocks.businessNowMs()
        var told: [CivilMonth: [Int64: Set<CivilDay>]] = [:]
        for outage in outages where aside[outage.meterID] == nil {
            guard let days = outage.days(org.zone, nowMs: nowMs) else { continue }
            for number in days.lowerBound.number...days.upperBound.number {
                let day = CivilDay(number: number)
                told[day.month, default: [:]][outage.meterID, default: []].insert(day)
            }
        }
        let months = Set(try await site.readings.monthsInReach())
        var found: [Int64: Set<CivilDay>] = [:]
        for (month, meters) in told.sorted(by: { $0.key < $1.key }) where months.contains(month) {
            let days = Set(meters.values.joined()).sorted()
            do {
                let known = try await site.readings.shard(month).read { [org] in
                    try DayBlocks.stored(
                        meterIDs: meters.keys.sorted(), days: days, orgID: org.orgID, in: $0)
                }
                for (meterID, days) in meters {
                    let both = days.intersection(known[meterID] ?? [])
                    if !both.isEmpty { found[meterID, default: []].formUnion(both) }
                }
            } catch {
                let error = try ofOneMeter(error)
                for meterID in meters.keys { aside[meterID] = error }
            }
        }
        return found
    }

    /// Days in order, as runs without a gap.
    private func runs(of days: [CivilDay]) -> [ClosedRange<CivilDay>] {
        days.reduce(into: []) { runs, day in
            if let last = runs.last, last.upperBound.advanced(by: 1) == day {
                runs[runs.count - 1] = last.lowerBound...day
            } else {
                runs.append(day...day)
            }
        }
    }
}

extension [Int64] {
    /// Each once, where it stands first.
    fileprivate func distinct() -> [Int64] {
        var seen: Set<Int64> = []
        return filter { seen.insert($0).inserted }
    }
}
