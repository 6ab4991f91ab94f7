// Collection: a plan of what is missing per meter and day, read over the wire, retried with back-off, stored raw.
// Talks to meters only through MeterPort; decides nothing about money or supply.
import Access
import CivilTime
import Clocks
import MeterPort
import Meters
import SQL

/// One meter-day of the collection plan.
public struct CollectionItem: Sendable, Equatable {
    public var day: CivilDay
    public var meterID: Int64
    public var state: String
    public var expectedSlots: Int
    /// A character a slot: `1` collected, `0` not yet.
    public var slots: String
    public var attempt: Int64
    public var lastError: String?

    public var haveSlots: Int { slots.utf8.count { $0 == 49 } }

    /// The plan of one day, by meter, for the meters planned so far.
    public static func of(day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> [CollectionItem]
    {
        try transaction.query(
            """
            SELECT day, meter_id, state, expected_slots, slots, attempt, last_error FROM collection
            WHERE org_id = $1 AND day = $2 ORDER BY meter_id
            """, [.int(scope.orgID), .day(day)], Collector.item)
    }

    /// Slots collected and slots expected of a meter on these days.
    public static func completeness(
        meterID: Int64, days: [CivilDay], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (have: Int, expected: Int) {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(meterID)]
        let marks = parameters.bind(days.map { Int64($0.number) })
        return try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(have_slots), 0) AS BIGINT), CAST(COALESCE(SUM(expected_slots), 0) AS BIGINT)
            FROM collection WHERE org_id = $1 AND meter_id = $2 AND day IN (\(marks))
            """, parameters
        ) { (have: Int(try $0.int(0)), expected: Int(try $0.int(1))) } ?? (0, 0)
    }
}

public struct CollectionRules: Sendable {
    /// How long a day is asked for before it is given up, in days: as long as a meter surely keeps its
    /// load profile (about 40 days), so that nothing is lost when the line itself was down.
    public var backDays = 35
    /// Meters read at the same time.
    public var parallel = 8
    /// System milliseconds a meter has for each answer.
    public var timeoutMs: Int64 = 10_000
    /// First pause after a failure; doubles up to 16 times as long.
    public var retryMs: Int64 = 30 * 60_000
    /// Meter-days a run takes at most.
    public var limit = 4_000
    public init() {}
}

public struct Collector: Sendable {
    let site: Site
    let org: Org
    let transport: any MeterTransport
    let vault: KeyVault
    let rules: CollectionRules
    let gates: MeterGates

    public init(
        site: Site, org: Org, transport: any MeterTransport, vault: KeyVault, rules: CollectionRules = .init(),
        gates: MeterGates = MeterGates()
    ) {
        self.gates = gates
        self.site = site
        self.org = org
        self.transport = transport
        self.vault = vault
        self.rules = rules
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Plans every finished day up to now for every installed meter, then reads what is due. Returns (read, failed)
    /// meter-days.
    /// - Parameter progress: told how many meter-days were read so far.
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> (read: Int, failed: Int) {
        let nowMs = site.clocks.businessNowMs()
        try await plan(nowMs: nowMs)
        let due = try await site.money.read { [org, rules, scope] transaction in
            let floor = org.zone.day(atS: nowMs / 1000).advanced(by: -rules.backDays)
            return try Self.due(nowMs: nowMs, floor: floor, limit: rules.limit, scope, in: transaction)
        }
        let byMeter = Dictionary(grouping: due, by: \.meterID).sorted { $0.key < $1.key }
        return try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            var read = 0
            var failed = 0
            var rest = byMeter[...]
            var running = 0
            while running > 0 || !rest.isEmpty {
                while running < rules.parallel, let (meterID, items) = rest.popFirst() {
                    group.addTask {
                        try await gates.alone(with: meterID) {
                            try await collect(meterID: meterID, items: items, nowMs: nowMs)
                        }
                    }
                    running += 1
                }
                if let (done, lost) = try await group.next() {
                    read += done
                    failed += lost
                    running -= 1
                    await progress(read)
                }
            }
            return (read, failed)
        }
    }

    /// Adds rows for finished days that have none yet.
    private func plan(nowMs: Int64) async throws {
        let yesterday = org.zone.day(atS: nowMs / 1000).advanced(by: -1)
        try await site.money.write { [org, rules, scope] transaction in
            let last =
                try transaction.first(
                    "SELECT MAX(day) FROM collection WHERE org_id = $1", [.int(org.orgID)]
                ) { try $0.optionalDay(0) } ?? nil
            let floor = yesterday.advanced(by: 1 - rules.backDays)
            if let last {
                try Self.planNewcomers(
                    from: floor, to: min(last, yesterday), org, nextAtMs: nowMs, scope, in: transaction)
            }
            var day = max(last?.advanced(by: 1) ?? floor, floor)
            while day <= yesterday {
                let installed = try Installation.all(on: day, scope, in: transaction)
                for installation in installed {
                    let meter = try Meter.find(installation.meterID, scope, in: transaction)
                    try Self.planItem(meter, day, org, nextAtMs: nowMs, in: transaction)
                }
                day = day.advanced(by: 1)
            }
        }
    }

    /// Meters that were entered later but had been installed before: their first days have no rows yet.
    private static func planNewcomers(
        from floor: CivilDay, to last: CivilDay, _ org: Org, nextAtMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        let newcomers = try transaction.query(
            """
            SELECT i.meter_id, i.from_day, i.to_day FROM installation i
            WHERE i.org_id = $1 AND i.from_day <= $3 AND (i.to_day IS NULL OR i.to_day >= $2) AND NOT EXISTS (
              SELECT 1 FROM collection c WHERE c.org_id = i.org_id AND c.meter_id = i.meter_id
                AND c.day = CASE WHEN i.from_day > $2 THEN i.from_day ELSE $2 END)
            ORDER BY i.meter_id
            """, [.int(scope.orgID), .day(floor), .day(last)]
        ) { (meterID: try $0.int(0), from: try $0.day(1), to: try $0.optionalDay(2)) }
        for newcomer in newcomers {
            let meter = try Meter.find(newcomer.meterID, scope, in: transaction)
            var day = max(newcomer.from, floor)
            while day <= min(newcomer.to ?? last, last) {
                try planItem(meter, day, org, nextAtMs: nextAtMs, in: transaction)
                day = day.advanced(by: 1)
            }
        }
    }

    /// Adds the row of a meter-day unless it is there or the meter is not called at all.
    static func planItem(
        _ meter: Meter, _ day: CivilDay, _ org: Org, nextAtMs: Int64, in transaction: any SQLTransaction
    ) throws {
        guard meter.isCalled else { return }
        let slots = org.zone.slotCount(of: day, periodS: meter.capturePeriodS)
        try transaction.run(
            """
            INSERT INTO collection (org_id, day, meter_id, state, expected_slots, have_slots, slots, attempt,
              next_at_ms)
            VALUES ($1, $2, $3, 'pending', $4, 0, $5, 0, $6) ON CONFLICT DO NOTHING
            """,
            [
                .int(org.orgID), .day(day), .int(meter.meterID), .int(slots),
                .text(String(repeating: "0", count: slots)), .int(nextAtMs),
            ])
    }

    private static func due(
        nowMs: Int64, floor: CivilDay, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [CollectionItem] {
        try transaction.query(
            """
            SELECT day, meter_id, state, expected_slots, slots, attempt, last_error FROM collection
            WHERE org_id = $1 AND state IN ('pending', 'partial') AND next_at_ms <= $2 AND day >= $3
            ORDER BY day, meter_id LIMIT $4
            """, [.int(scope.orgID), .int(nowMs), .day(floor), .int(limit)], item)
    }

    static func item(_ row: any SQLRow) throws -> CollectionItem {
        CollectionItem(
            day: try row.day(0), meterID: try row.int(1), state: try row.text(2), expectedSlots: Int(try row.int(3)),
            slots: try row.text(4), attempt: try row.int(5), lastError: try row.optionalText(6))
    }

    /// Reads all due days of one meter in one association. A failure is noted, never thrown, unless the database
    /// failed.
    private func collect(meterID: Int64, items: [CollectionItem], nowMs: Int64) async throws -> (Int, Int) {
        try Task.checkCancellation()
        let meter = try await site.money.read { [scope] in try Meter.find(meterID, scope, in: $0) }
        let answers: [Answer]
        do {
            let endpoint = try await MeterDoor(
                site: site, org: org, vault: vault, timeoutMs: rules.timeoutMs
            ).endpoint(of: meter)
            answers = try await transport.converse(with: endpoint) { conversation in
                try await MeterTitles.learn(from: conversation, meterID: meterID, nowMs: nowMs, site, scope)
                return try await ask(conversation, meter: meter, items: items, nowMs: nowMs)
            }
        } catch let error as MeterError {
            // A conversation that was cut off because the process stops is not the meter's failure.
            try Task.checkCancellation()
            try await note(items: items, error: error.description, nowMs: nowMs)
            return (0, items.count)
        }
        for answer in answers { try await store(answer, meter: meter, nowMs: nowMs) }
        let missing = answers.count { $0.isPartial }
        return (answers.count - missing, missing)
    }

    private struct Answer: Sendable {
        var item: CollectionItem
        var raw: RawRead
        var events: [MeterEventEntry]
        var slots: String
        var relay: RelayState?
        var isPartial: Bool { slots.utf8.contains(48) }
    }

    private func ask(
        _ conversation: any MeterConversation, meter: Meter, items: [CollectionItem], nowMs: Int64
    ) async throws -> [Answer] {
        let drift = try await clockDriftS(conversation, site.clocks)
        let relay = try await conversation.relay()
        var answers: [Answer] = []
        for item in items {
            let startS = org.zone.startS(of: item.day)
            let endS = org.zone.startS(of: item.day.advanced(by: 1))
            // Only what is missing, as one range from the first gap to the last; stamps are interval ends.
            let gaps = item.slots.utf8.enumerated().filter { $0.element == 48 }.map(\.offset)
            guard let first = gaps.first, let last = gaps.last else { continue }
            let rows = try await conversation.blockLoad(
                fromS: startS + Int64(first + 1) * meter.capturePeriodS,
                toS: min(endS, startS + Int64(last + 1) * meter.capturePeriodS)
            ).filter { $0.endS > startS && $0.endS <= endS }
            let registers = try await conversation.dailyRegisters(fromS: startS, toS: endS)
            // What is stamped with the next midnight belongs to the next day, maybe of a month that has no shard yet.
            let events = try await conversation.events(fromS: startS, toS: endS).filter {
                $0.atS >= startS && $0.atS < endS
            }
            var slots = Array(item.slots.utf8)
            for row in rows {
                let offset = row.endS - startS
                guard offset % meter.capturePeriodS == 0 else { continue }
                let slot = Int(offset / meter.capturePeriodS) - 1
                if slots.indices.contains(slot) { slots[slot] = 49 }
            }
            answers.append(
                Answer(
                    item: item,
                    raw: RawRead(
                        day: item.day, meterID: meter.meterID, batchID: site.ids.next(), readAtMs: nowMs, rows: rows,
                        registerStartWh: registers.first { $0.atS == startS }?.importWh,
                        registerEndWh: registers.first { $0.atS == endS }?.importWh, clockDriftS: drift),
                    events: events, slots: String(decoding: slots, as: UTF8.self), relay: relay))
        }
        return answers
    }

    /// First the raw store, then the plan: a crash between the two reads the day once more, which changes nothing.
    private func store(_ answer: Answer, meter: Meter, nowMs: Int64) async throws {
        let shard = try await site.readings.shard(answer.item.day.month)
        let raw = answer.raw
        let known = Array(answer.item.slots.utf8)
        let isNews = zip(answer.slots.utf8, known).contains { $0 != $1 } || answer.item.attempt == 0
        if isNews {
            try await shard.write { [org] transaction in
                try raw.store(orgID: org.orgID, in: transaction)
                try MeterEvents.store(
                    answer.events, meterID: meter.meterID, zone: org.zone, orgID: org.orgID, in: transaction)
            }
        }
        let missing = answer.slots.utf8.count { $0 == 48 }
        let today = org.zone.day(atS: nowMs / 1000)
        let nextAtMs = nowMs + pauseMs(attempt: answer.item.attempt + 1, meterID: meter.meterID)
        try await site.money.write { [org, scope, site] transaction in
            try transaction.run(
                """
                UPDATE collection SET state = $4, slots = $5, have_slots = $6, attempt = attempt + 1, next_at_ms = $7,
                  last_error = $8, last_attempt_at_ms = $9 WHERE org_id = $1 AND day = $2 AND meter_id = $3
                """,
                [
                    .int(org.orgID), .day(answer.item.day), .int(meter.meterID),
                    .text(missing == 0 ? "complete" : "partial"), .text(answer.slots),
                    .int(answer.slots.utf8.count - missing), .int(nextAtMs),
                    missing == 0 || answer.item.day >= today
                        ? .null : .text("\(missing) intervals are not in the meter"),
                    .int(nowMs),
                ])
            try EventStream.record(
                read: answer.events, meterID: meter.meterID, readAtMs: nowMs, ids: site.ids, scope, in: transaction)
            if let relay = answer.relay {
                _ = try RelayRecord.confirm(
                    relay.rawValue, meterID: meter.meterID, atMs: nowMs, changeID: site.ids.next(), scope,
                    in: transaction)
            }
        }
    }

    private func note(items: [CollectionItem], error: String, nowMs: Int64) async throws {
        let rows: [[SQLValue]] = items.map { item in
            [
                .int(org.orgID), .day(item.day), .int(item.meterID),
                .int(nowMs + pauseMs(attempt: item.attempt + 1, meterID: item.meterID)),
                .text(String(error.prefix(300))), .int(nowMs),
            ]
        }
        try await site.money.write { transaction in
            try transaction.runMany(
                """
                UPDATE collection SET attempt = attempt + 1, next_at_ms = $4, last_error = $5, last_attempt_at_ms = $6
                WHERE org_id = $1 AND day = $2 AND meter_id = $3
                """, rows)
        }
    }

    /// Doubling pause with a jitter that depends on the meter, so that a whole street does not call at once.
    private func pauseMs(attempt: Int64, meterID: Int64) -> Int64 {
        let base = rules.retryMs << min(attempt - 1, 4)
        return base + Int64(UInt64(bitPattern: meterID &* 2_654_435_761) % UInt64(max(1, base / 4)))
    }
}

/// How far the meter's clock is off: 0 when its time lies between asking and answer, else the distance to the nearer of
/// the
/// two, so that the time an answer takes is never counted as drift.
func clockDriftS(_ conversation: any MeterConversation, _ clocks: Clocks) async throws -> Int64 {
    let beforeS = clocks.businessNowMs() / 1000
    let meterS = try await conversation.clockS()
    let afterS = clocks.businessNowMs() / 1000
    return meterS < beforeS ? meterS - beforeS : max(0, meterS - afterS)
}
