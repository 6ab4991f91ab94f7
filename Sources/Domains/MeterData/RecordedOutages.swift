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
    /// Meters of which an outage that is more than silence touches a month.
    static func metersTold(
        of month: CivilMonth, zone: Zone, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Set<Int64> {
        let fromMs = zone.startS(of: month.first) * 1000
        return Set(
            try transaction.query(
                """
                SELECT DISTINCT meter_id FROM meter_outage WHERE org_id = $1 AND start_ms >= $4 AND start_low_ms < $3
                  AND (end_high_ms IS NULL OR end_high_ms > $2) AND superseded_at_ms IS NULL AND is_withdrawn = 0
                  AND start_evidence <> 'silent'
                """,
                [
                    .int(orgID), .int(fromMs), .int(zone.startS(of: month.last.advanced(by: 1)) * 1000),
                    .int(fromMs - longestMs),
                ]
            ) { try $0.int(0) })
    }
}

extension MeterOutages {
    /// Versions whose days were not looked at since they were written, superseded or given another start.
    static func unjudged(limit: Int, orgID: Int64, in transaction: any SQLTransaction) throws -> [MeterOutage] {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_outage o WHERE o.org_id = $1 AND o.days_judged = 0
            ORDER BY o.start_ms, o.span_id, o.version LIMIT $2
            """, [.int(orgID), .int(limit)], decode)
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

extension Revalidation {
    /// Versions of outages looked at in one step, and in one run: what is more waits for the next.
    static let outagesAtOnce = 500
    static let outagesMax = 5_000

    /// Judges the days again of outages that were told, changed or withdrawn since: those that are stored, where the
    /// rules look at supply. Broken off anywhere it goes on; when nothing came it asks once and writes nothing.
    /// - Returns: meter-days with a new version.
    public func afterOutages() async throws -> Int {
        var (looked, changed) = (0, 0)
        while looked < Self.outagesMax {
            try Task.checkCancellation()
            let seen = try await site.money.read { [org] in
                try MeterOutages.unjudged(limit: Self.outagesAtOnce, orgID: org.orgID, in: $0)
            }
            guard !seen.isEmpty else { break }
            for (meterID, days) in try await stored(seen).sorted(by: { $0.key < $1.key }) {
                try Task.checkCancellation()
                for run in runs(of: days) {
                    changed += try await self.run(
                        meterID: meterID, from: run.lowerBound, to: run.upperBound, where: \.looksAtSupply
                    ).changed
                }
            }
            try await site.money.write { [org] in try MeterOutages.markJudged(seen, orgID: org.orgID, in: $0) }
            looked += seen.count
        }
        return changed
    }

    /// The days of these outages of which something is stored, by meter: most are told before the day is read.
    private func stored(_ outages: [MeterOutage]) async throws -> [Int64: [CivilDay]] {
        let nowMs = site.clocks.businessNowMs()
        var meters: [CivilDay: Set<Int64>] = [:]
        for outage in outages {
            guard let days = outage.days(org.zone, nowMs: nowMs) else { continue }
            for number in days.lowerBound.number...days.upperBound.number {
                meters[CivilDay(number: number), default: []].insert(outage.meterID)
            }
        }
        let months = Set(try await site.readings.monthsInReach())
        var found: [Int64: [CivilDay]] = [:]
        for (day, told) in meters.sorted(by: { $0.key < $1.key }) where months.contains(day.month) {
            let known = try await site.readings.shard(day.month).read { [org] in
                try DayBlocks.lowestQualities(day: day, orgID: org.orgID, in: $0)
            }
            for meterID in told where known[meterID] != nil { found[meterID, default: []].append(day) }
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
