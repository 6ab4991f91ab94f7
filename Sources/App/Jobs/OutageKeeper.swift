// Keeps outages and tamper cases up to date: brings what HeadEnd hears to MeterData, sends the notices that are due,
// looks at silent meters again when their readings are there. Holds no rule of a domain; it only joins them.
import Access
import CivilTime
import Clocks
import HeadEnd
import IntervalData
import Messaging
import MeterData
import Outbox
import Reliability
import SQL

public struct OutageKeeper: Sendable {
    /// How far back the signs of a meter are looked at again when a new one comes: its log holds about so much.
    static let backMs: Int64 = 35 * 86_400_000
    /// Open outages looked at for signs of life in one run.
    static let openMax = 2_000

    let site: Site
    let org: Org
    private var scope: Scope { Scope(orgID: org.orgID) }

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    /// Delivers `meter-event`: outages of the meter are derived anew from all its signs, so that order and repetition
    /// change nothing; a sign of tampering opens a case.
    static func deliver(
        _ event: OutboxEvent, zone: Zone, nowMs: Int64, ids: IDGenerator, in transaction: any SQLTransaction
    ) throws {
        let parts = event.detail.split(separator: " ").compactMap { Int64($0) }
        guard parts.count == 2 else {
            throw SQLError(.decode, "meter event \(event.eventID) is not understood")
        }
        let scope = Scope(orgID: event.orgID)
        if parts[0] == 101 || parts[0] == 102 {
            try derive(
                meterID: event.subjectID, sinceMs: parts[1], zone: zone, nowMs: nowMs, ids: ids, scope,
                in: transaction)
        }
        try TamperCases.note(
            TamperSign(code: Int(parts[0]), atMs: parts[1]), meterID: event.subjectID, ids: ids, scope,
            in: transaction)
    }

    private static func derive(
        meterID: Int64, sinceMs: Int64, zone: Zone, nowMs: Int64, ids: IDGenerator, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        let signs = try PowerSigns.of(meterID: meterID, fromMs: sinceMs - backMs, scope, in: transaction)
        let events = signs.map { sign in
            let kind: PowerEvent.Kind =
                switch sign.kind {
                case .failed: .failed
                case .restored: .restored
                case .alive: .alive
                }
            return PowerEvent(kind, meterAtMs: sign.atMs, pushedAtMs: sign.pushedAtMs, isLogged: sign.isLogged)
        }
        let fromMs = signs.filter { $0.kind == .failed }.map(\.atMs).min()
        try MeterOutages.derive(
            meterID: meterID, signs: events, fromMs: min(sinceMs - backMs, fromMs ?? .max), zone: zone, nowMs: nowMs,
            ids: ids, scope, in: transaction)
    }

    /// One run of the job. Returns how many outages changed, and how many notices went out.
    func run(_ done: @escaping @Sendable (Int) async -> Void) async throws -> (changed: Int, told: Int, cases: Int) {
        try await closeByLife()
        try await Self.lookAtSilent(site, org)
        let changed = try await join(done)
        let told = try await tell()
        let cases = try await TamperKeeper(site: site, org: org).run()
        return (changed, told, cases)
    }

    /// Meters that are dark by their last word and answered since.
    private func closeByLife() async throws {
        let open = try await site.money.read { [scope] in
            try MeterOutages.open(limit: Self.openMax, scope, in: $0)
        }
        let nowMs = site.clocks.businessNowMs()
        for outage in open {
            try Task.checkCancellation()
            try await site.money.write { [scope, org, site] transaction in
                // A second later: the gasp itself is no sign of life.
                let alive = try PowerSigns.alive(
                    [outage.meterID], fromMs: outage.span.startMs.high + 1_000, toMs: nowMs + 1, scope,
                    in: transaction)
                guard !alive.isEmpty else { return }
                try Self.derive(
                    meterID: outage.meterID, sinceMs: outage.span.startMs.low, zone: org.zone, nowMs: nowMs,
                    ids: site.ids, scope, in: transaction)
            }
        }
        try await site.money.write { [scope] in try Outages.lookAgainAtOpen(scope, in: $0) }
    }

    private func join(_ done: @escaping @Sendable (Int) async -> Void) async throws -> Int {
        var changed = 0
        while true {
            try Task.checkCancellation()
            let nowMs = site.clocks.businessNowMs()
            let joined = try await site.money.write { [scope, org, site] transaction in
                let rules = try OutageRules.inForce(
                    on: org.zone.day(atS: nowMs / 1000), scope, in: transaction)
                return try OutageJoiner(rules: rules, zone: org.zone, nowMs: nowMs, ids: site.ids, scope) {
                    try PowerSigns.alive($0, fromMs: $1, toMs: $2, scope, in: $3)
                }.joinNext(in: transaction)
            }
            guard joined > 0 else { return changed }
            changed += joined
            await done(changed)
        }
    }

    /// Notices and the messages they become are one transaction: told once, or not yet.
    private func tell() async throws -> Int {
        var told = 0
        while true {
            try Task.checkCancellation()
            let nowMs = site.clocks.businessNowMs()
            let count = try await site.money.write { [scope, org, site] transaction in
                let rules = try OutageRules.inForce(
                    on: org.zone.day(atS: nowMs / 1000), scope, in: transaction)
                let due = try OutageNotices.take(
                    afterMs: rules.notifyAfterMinutes * 60_000, nowMs: nowMs, scope, in: transaction)
                for notice in due {
                    try Message.send(
                        notice.template == .failed ? .supplyFailed : .supplyBack, key: notice.key,
                        accountID: notice.accountID, businessAtMs: notice.atMs, messageID: site.ids.next(), scope,
                        in: transaction)
                }
                return due.count
            }
            guard count > 0 else { return told }
            told += count
        }
    }

    /// Silent meters whose readings of the time are there: energy shows that they were not dark.
    static func lookAtSilent(_ site: Site, _ org: Org) async throws {
        let scope = Scope(orgID: org.orgID)
        let nowMs = site.clocks.businessNowMs()
        let silent = try await site.money.read {
            try MeterOutages.silentToCheck(sinceMs: nowMs - 7 * 86_400_000, limit: openMax, scope, in: $0)
        }
        for outage in silent {
            try Task.checkCancellation()
            guard let endMs = outage.endMs else { continue }
            let wasFed = try await isFed(outage.meterID, outage.startMs, endMs, site, org)
            guard let wasFed else { continue }
            try await site.money.write {
                try MeterOutages.settleSilent(outage, wasDark: !wasFed, nowMs: nowMs, scope, in: $0)
            }
        }
    }

    /// Whether the meter counted energy in an interval that lies wholly in a span; nil when no actual value does.
    private static func isFed(
        _ meterID: Int64, _ fromMs: Int64, _ toMs: Int64, _ site: Site, _ org: Org
    ) async throws -> Bool? {
        let (first, last) = (org.zone.day(atS: fromMs / 1000), org.zone.day(atS: toMs / 1000))
        var isKnown = false
        var day = first
        while day <= last, first.days(to: day) < 8 {
            defer { day = day.advanced(by: 1) }
            guard try await site.readings.months().contains(day.month) else { continue }
            let dayToRead = day
            let stored = try await site.readings.shard(day.month).read { [org] in
                try DayBlocks.current(
                    meterID: meterID, from: dayToRead, to: dayToRead, orgID: org.orgID, in: $0)
            }
            guard let block = stored.first?.block, !block.values.isEmpty else { continue }
            let startMs = org.zone.startS(of: day) * 1000
            let slotMs = org.zone.lengthS(of: day) * 1000 / Int64(block.values.count)
            for (slot, value) in block.values.enumerated() where block.qualities[slot] == .actual {
                let slotFromMs = startMs + Int64(slot) * slotMs
                guard slotFromMs >= fromMs, slotFromMs + slotMs <= toMs else { continue }
                if value > 0 { return true }
                isKnown = true
            }
        }
        return isKnown ? false : nil
    }
}
