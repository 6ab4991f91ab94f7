// Collection: a plan of what is missing per meter and day, read over the wire, retried with back-off, stored raw.
// Talks to meters only through MeterPort; decides nothing about money or supply.
import Access
import CivilTime
import Clocks
import MeterPort
import Meters
import SQL

public struct CollectionRules: Sendable {
    /// How long a day is asked for before it is given up, in days: as long as a meter surely keeps its
    /// load profile (about 40 days), so that nothing is lost when the line itself was down.
    public var backDays = 35
    /// Meters read at the same time, where the company has set no schedules.
    public var parallel = 8
    /// System milliseconds a meter has for each answer.
    public var timeoutMs: Int64 = 10_000
    /// First pause after a failure; doubles up to 16 times as long. Where the company has set no schedules.
    public var retryMs: Int64 = 30 * 60_000
    /// Minutes over which first calls are spread, where the company has set no schedules.
    public var spreadMinutes = CollectionSchedule().spreadMinutes
    /// Meter-days a run takes at most.
    public var limit = 4_000
    public init() {}

    var schedules: CollectionSchedules {
        var all = CollectionSchedule()
        all.parallel = parallel
        all.retryMinutes = max(1, retryMs / 60_000)
        all.spreadMinutes = spreadMinutes
        return CollectionSchedules(all)
    }
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

    /// The due days of one meter, and how it is called.
    struct Call: Sendable {
        var meterID: Int64
        var items: [CollectionItem]
        var schedule: CollectionSchedule
    }

    /// Plans every finished day up to now for every installed meter, then reads what is due. Returns (read, failed)
    /// meter-days. A meter that another process talks with is left for the next run.
    /// - Parameter progress: told how many meter-days were read so far.
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> (read: Int, failed: Int) {
        let nowMs = site.clocks.businessNowMs()
        let care = try await site.money.read { [org, scope] in
            try ClockCare.inForce(on: org.zone.day(atS: nowMs / 1000), scope, in: $0)
        }
        let lanes = try await lanes(nowMs: nowMs).map { CallLine($0) }
        let result = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for lane in lanes {
                for _ in 0..<lane.callers {
                    group.addTask { try await callAll(lane, care, nowMs: nowMs) }
                }
            }
            var (read, failed) = (0, 0)
            for try await (done, lost) in group {
                read += done
                failed += lost
                await progress(read)
            }
            return (read, failed)
        }
        try await site.money.write { [org] in try ServiceDays.refresh(org, nowMs: nowMs, in: $0) }
        return result
    }

    /// What is due, by group; in each group in an order that mixes the feeders.
    private func lanes(nowMs: Int64) async throws -> [[Call]] {
        try await site.money.write { [org, rules, scope] transaction in
            let today = org.zone.day(atS: nowMs / 1000)
            let schedules = try CollectionSchedules.inForce(
                on: today, else: rules.schedules, scope, in: transaction)
            let plan = CollectionPlan(org: org, rules: rules, schedules: schedules)
            try plan.extend(nowMs: nowMs, in: transaction)
            let due = try CollectionItem.due(
                nowMs: nowMs, floor: today.advanced(by: -rules.backDays), limit: rules.limit, scope, in: transaction)
            guard !due.isEmpty else { return [] }
            let places = try plan.places(in: transaction)
            let profiles = schedules.list.count == 1 ? [:] : try Meter.profileNames(scope, in: transaction)
            var lanes = Array(repeating: [Call](), count: schedules.list.count)
            for (meterID, items) in Dictionary(grouping: due, by: \.meterID) {
                let lane = schedules.index(profile: profiles[meterID] ?? "", places: places[meterID] ?? [])
                lanes[lane].append(Call(meterID: meterID, items: items, schedule: schedules.list[lane]))
            }
            return lanes.filter { !$0.isEmpty }.map { calls in
                calls.map { ($0, Jitter.hash(meterID: $0.meterID, day: today, attempt: 0)) }
                    .sorted { ($0.1, $0.0.meterID) < ($1.1, $1.0.meterID) }.map(\.0)
            }
        }
    }

    /// One caller of a group: takes the next meter until none is left.
    private func callAll(_ lane: CallLine, _ care: ClockCare, nowMs: Int64) async throws -> (Int, Int) {
        var (read, failed) = (0, 0)
        while let call = await lane.next() {
            try Task.checkCancellation()
            let result = try await gates.aloneUnlessBusy(with: call.meterID) {
                try await collect(call, care, nowMs: nowMs)
            }
            read += result?.0 ?? 0
            failed += result?.1 ?? 0
            if call.schedule.pauseMs > 0, await lane.hasMore {
                try await Task.sleep(for: .milliseconds(call.schedule.pauseMs))
            }
        }
        return (read, failed)
    }

    /// Reads all due days of one meter in one association. A failure is noted, never thrown, unless the database
    /// failed.
    private func collect(_ call: Call, _ care: ClockCare, nowMs: Int64) async throws -> (Int, Int) {
        try Task.checkCancellation()
        // Somebody else may have read some of it while this run was under way.
        let (meter, items) = try await site.money.read { [scope] transaction in
            (
                try Meter.find(call.meterID, scope, in: transaction),
                try call.items.compactMap { item in
                    try CollectionItem.find(meterID: item.meterID, day: item.day, scope, in: transaction)
                }.filter { $0.isOpen && $0.nextAtMs <= nowMs }
            )
        }
        guard !items.isEmpty else { return (0, 0) }
        let heard: Heard
        do {
            let endpoint = try await MeterDoor(
                site: site, org: org, vault: vault, timeoutMs: rules.timeoutMs
            ).endpoint(of: meter)
            heard = try await transport.converse(with: endpoint) { conversation in
                try await MeterTitles.learn(from: conversation, meterID: meter.meterID, nowMs: nowMs, site, scope)
                return try await ask(conversation, meter: meter, items: items, care, nowMs: nowMs)
            }
        } catch let error as MeterError {
            // A conversation that was cut off because the process stops is not the meter's failure.
            try Task.checkCancellation()
            let againMs = nowMs + pauseMs(call.schedule, items, brought: false)
            try await note(items: items, error: error, againMs: againMs, nowMs: nowMs)
            return (0, items.count)
        }
        if heard.trouble != nil { try Task.checkCancellation() }
        let open = items.filter { item in !heard.answers.contains { $0.item.day == item.day && $0.trouble == nil } }
        let againMs = nowMs + pauseMs(call.schedule, open, brought: !heard.answers.isEmpty)
        for answer in heard.answers {
            try await store(answer, meter: meter, call.schedule, againMs: againMs, nowMs: nowMs)
        }
        if let clock = heard.clock {
            try await site.money.write { [org, site] transaction in
                try clock.record(
                    meterID: meter.meterID, atMs: nowMs, care, entryID: site.ids.next(), orgID: org.orgID,
                    in: transaction)
            }
        }
        if let trouble = heard.trouble {
            let silent = open.filter { item in !heard.answers.contains { $0.item.day == item.day } }
            try await note(items: silent, error: trouble, againMs: againMs, nowMs: nowMs)
        }
        let whole = heard.answers.count { !$0.isPartial }
        return (whole, items.count - whole)
    }

    /// What a conversation gave, also one that broke off.
    private struct Heard: Sendable {
        var answers: [Answer] = []
        var clock: ClockCare.Outcome?
        /// Why it broke off. What came before stays.
        var trouble: MeterError?
    }

    private struct Answer: Sendable {
        var item: CollectionItem
        var raw: RawRead
        var relay: RelayState?
        var slots: String
        var frames = MeterRecord()
        var events: [MeterEventEntry] = []
        /// The line broke amid this day: some of its intervals are there, and neither registers nor events.
        var trouble: MeterError?
        var isPartial: Bool { trouble != nil || slots.utf8.contains(SlotMark.wanted.rawValue) }
    }

    /// Nil for what a meter does not have: one behind transformers has no relay, some keep no registers of midnight.
    private func ifThere<Value: Sendable>(_ read: @Sendable () async throws -> Value) async throws -> Value? {
        do { return try await read() } catch let error as MeterError where error.code == .objectUndefined { return nil }
    }

    /// All days in order, the clock last, so that nothing is read by a clock that has just been moved.
    private func ask(
        _ conversation: any MeterConversation, meter: Meter, items: [CollectionItem], _ care: ClockCare, nowMs: Int64
    ) async throws -> Heard {
        var heard = Heard()
        do {
            let drift = try await clockDriftS(conversation, site.clocks)
            let relay = try await ifThere { try await conversation.relay() }
            for item in items {
                let raw = RawRead(
                    day: item.day, meterID: meter.meterID, batchID: site.ids.next(), readAtMs: nowMs, rows: [],
                    registerStartWh: nil, registerEndWh: nil, clockDriftS: drift)
                var answer = Answer(item: item, raw: raw, relay: relay, slots: item.slots)
                try await read(&answer, from: conversation, meter)
                if answer.trouble == nil || !answer.raw.rows.isEmpty { heard.answers.append(answer) }
                if let trouble = answer.trouble { throw trouble }
            }
            heard.clock = try await care.tend(conversation, driftS: drift, site.clocks)
        } catch let error as MeterError {
            heard.trouble = error
        }
        return heard
    }

    /// Reads what is missing of a day: intervals, then registers and events, which make it whole.
    private func read(_ answer: inout Answer, from conversation: any MeterConversation, _ meter: Meter) async throws {
        let item = answer.item
        let startS = org.zone.startS(of: item.day)
        let endS = org.zone.startS(of: item.day.advanced(by: 1))
        _ = await conversation.takeRecord()
        do {
            for range in item.wantedRangesS(startS: startS, endS: endS, periodS: meter.capturePeriodS) {
                answer.raw.rows += try await conversation.blockLoad(fromS: range.lowerBound, toS: range.upperBound)
                    .filter { $0.endS > startS && $0.endS <= endS }
            }
            let registers = try await ifThere { try await conversation.dailyRegisters(fromS: startS, toS: endS) } ?? []
            // What is stamped with the next midnight belongs to the next day, maybe of a month that has no shard yet.
            answer.events = try await conversation.events(fromS: startS, toS: endS).filter {
                $0.atS >= startS && $0.atS < endS
            }
            answer.raw.registerStartWh = registers.first { $0.atS == startS }?.importWh
            answer.raw.registerEndWh = registers.first { $0.atS == endS }?.importWh
        } catch let error as MeterError {
            answer.trouble = error
        }
        answer.slots = CollectionItem.marked(
            item.slots, with: answer.raw.rows, startS: startS, periodS: meter.capturePeriodS)
        answer.frames = await conversation.takeRecord()
    }

    /// What a turn of the register is worth, when it fell on a day whose intervals are all there: those of earlier
    /// answers count as well.
    private func registerWrapWh(_ answer: Answer, in shard: any Database) async throws -> Int64? {
        let raw = answer.raw
        guard let start = raw.registerStartWh, let end = raw.registerEndWh, end < start, !answer.isPartial else {
            return nil
        }
        let earlier = try await shard.read { [org] transaction in
            try RawRead.of(meterID: raw.meterID, day: raw.day, orgID: org.orgID, in: transaction)
        }
        let rows = Dictionary((earlier.flatMap(\.rows) + raw.rows).map { ($0.endS, $0) }) { first, _ in first }
        guard rows.count == answer.slots.utf8.count else { return nil }
        return RegisterWrap.find(
            startWh: start, endWh: end, energyWh: rows.values.reduce(0) { $0 + Int64($1.importWh) })
    }

    /// First the raw store, then the plan: a crash between the two reads the day once more, which changes nothing.
    private func store(
        _ answer: Answer, meter: Meter, _ schedule: CollectionSchedule, againMs: Int64, nowMs: Int64
    ) async throws {
        let item = answer.item
        let shard = try await site.readings.shard(item.day.month)
        var raw = answer.raw
        raw.registerWrapWh = try await registerWrapWh(answer, in: shard)
        let isNews = answer.slots != item.slots || item.attempt == 0 || item.wantedSlots == 0
        if isNews {
            let kept = raw
            try await shard.write { [org] transaction in
                try kept.store(orgID: org.orgID, frames: answer.frames, in: transaction)
                try MeterEvents.store(
                    answer.events, meterID: meter.meterID, zone: org.zone, orgID: org.orgID, in: transaction)
            }
        }
        let verdict = verdict(answer, meter, tries: schedule.tries, nowMs: nowMs)
        let endMs = org.zone.startS(of: item.day.advanced(by: 1)) * 1000
        let nextAtMs =
            answer.trouble == nil
            ? nowMs + schedule.pauseMs(attempt: item.attempt + 1, meterID: meter.meterID, day: item.day) : againMs
        let registerAtMs: SQLValue = raw.registerEndWh == nil ? .null : .int(nowMs)
        try await site.money.write { [org, scope, site] transaction in
            let targets = try ServiceTargets.inForce(on: item.day, scope, in: transaction)
            let have = verdict.slots.utf8.count { $0 == SlotMark.have.rawValue }
            try transaction.run(
                """
                UPDATE collection SET state = $4, slots = $5, have_slots = $6, attempt = attempt + 1, next_at_ms = $7,
                  last_error = $8, last_attempt_at_ms = $9, cause = $10,
                  early_slots = CASE WHEN $11 = 1 THEN $6 ELSE early_slots END,
                  day_slots = CASE WHEN $12 = 1 THEN $6 ELSE day_slots END,
                  register_at_ms = COALESCE(register_at_ms, $13)
                WHERE org_id = $1 AND day = $2 AND meter_id = $3
                """,
                [
                    .int(org.orgID), .day(item.day), .int(meter.meterID), .text(verdict.state), .text(verdict.slots),
                    .int(have), .int(nextAtMs), .optional(verdict.error), .int(nowMs),
                    .optional(verdict.cause?.rawValue), .flag(nowMs <= endMs + targets[.intervalsEarly].ms),
                    .flag(nowMs <= endMs + targets[.intervalsDay].ms),
                    registerAtMs,
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

    private struct Verdict: Sendable {
        var state: String
        var slots: String
        var cause: CollectionCause?
        var error: String?
    }

    /// How a meter-day stands after an answer. After the last try what the meter does not have is marked so; tries on
    /// which the line broke say nothing of what it has, so the try before must have ended alike.
    private func verdict(_ answer: Answer, _ meter: Meter, tries: Int64, nowMs: Int64) -> Verdict {
        if let trouble = answer.trouble {
            return Verdict(
                state: "partial", slots: answer.slots, cause: CollectionCause(trouble),
                error: String(trouble.description.prefix(300)))
        }
        let missing = answer.slots.utf8.count { $0 == SlotMark.wanted.rawValue }
        guard missing > 0 else { return Verdict(state: "complete", slots: answer.slots) }
        let day = answer.item.day
        let hasAnswered = answer.item.attempt == 0 || answer.item.cause == .partial
        guard hasAnswered, answer.item.attempt + 1 >= tries else {
            return Verdict(
                state: "partial", slots: answer.slots, cause: .partial,
                error: day >= org.zone.day(atS: nowMs / 1000) ? nil : "\(missing) intervals are not in the meter")
        }
        let slots = CollectionItem.givenUp(
            answer.slots, events: answer.events, startS: org.zone.startS(of: day),
            endS: org.zone.startS(of: day.advanced(by: 1)), periodS: meter.capturePeriodS)
        let dark = slots.utf8.count { $0 == SlotMark.powerless.rawValue }
        return Verdict(
            state: "lost", slots: slots, cause: .lost,
            error: """
                not to be had: \(dark) intervals without power by the meter's log, \(missing - dark) not in the meter
                """)
    }

    /// All days of the conversation are tried again together: one call, not one for each. A call that brought
    /// something is followed by the next after the first pause.
    private func pauseMs(_ schedule: CollectionSchedule, _ items: [CollectionItem], brought: Bool) -> Int64 {
        guard let first = items.first, let attempt = items.map(\.attempt).max() else { return 0 }
        return schedule.pauseMs(attempt: brought ? 1 : attempt + 1, meterID: first.meterID, day: first.day)
    }

    private func note(items: [CollectionItem], error: MeterError, againMs: Int64, nowMs: Int64) async throws {
        guard !items.isEmpty else { return }
        let rows: [[SQLValue]] = items.map { item in
            [
                .int(org.orgID), .day(item.day), .int(item.meterID), .int(againMs),
                .text(String(error.description.prefix(300))), .int(nowMs), .text(CollectionCause(error).rawValue),
            ]
        }
        try await site.money.write { transaction in
            try transaction.runMany(
                """
                UPDATE collection SET attempt = attempt + 1, next_at_ms = $4, last_error = $5, last_attempt_at_ms = $6,
                  cause = $7 WHERE org_id = $1 AND day = $2 AND meter_id = $3
                """, rows)
        }
    }
}

/// The meters of one group that are still to be called in this run.
private actor CallLine {
    private var rest: ArraySlice<Collector.Call>
    let callers: Int

    init(_ calls: [Collector.Call]) {
        rest = calls[...]
        callers = min(calls.count, calls.first?.schedule.parallel ?? 1)
    }

    func next() -> Collector.Call? { rest.popFirst() }
    var hasMore: Bool { !rest.isEmpty }
}
