// Many at once: lists in parts across months, counts, a thousand settled by one wish, and a wish that was interrupted.
import Access
import CivilTime
import Clocks
import IntervalData
import MeterData
import SQL
import TestSupport
import Testing
import VEE

@Suite struct Bulk {
    @Test(arguments: TestEngine.available)
    func aThousandAtOnce(_ engine: TestEngine) async throws {
        try await Street.with(engine, meters: 1000) { street in
            for meterID in Int64(1001)...2000 {
                try await street.ingest(meterID, Street.values(Int(meterID), spikeAt: 20), rules: .standard)
            }
            let counted = try await street.list().counts(.init())
            #expect(counted.counts == [ExceptionCount(rule: "spike", severity: .hard, count: 1000)])
            #expect(counted.oldestMs == street.site.clocks.businessNowMs())
            // More than four hundred meters within reach are picked out, not asked for by name.
            let half = try await street.list(Street.confined).counts(.init())
            #expect(half.counts.map(\.count) == [500])
            var ids: [ExceptionID] = []
            var after: ExceptionPlace?
            repeat {
                let part = try await street.list().page(.init(), after: after, limit: 300)
                ids += part.items.map(\.id)
                after = part.next
            } while after != nil
            #expect(ids.count == 1000 && Set(ids).count == 1000)
            // The wish is written; then the power fails half-way.
            let command = WorkExceptions(.accepted, ids, reason: "the feeder was tested", reference: "bulk-1")
            let taskID = try await street.site.perform(command, as: Street.operator_, source: "test")
            #expect(try await street.work.finishAll() == 1)
            let task = try await street.work.find(taskID)
            #expect(task.doneCount == 1000 && task.itemCount == 1000)
            // Sent again it is the same wish, and nothing happens twice.
            let twice = try await street.site.perform(command, as: Street.operator_, source: "test")
            #expect(twice == taskID)
            #expect(try await street.work.finish(twice) == task)
            let left = try await street.list().counts(.init())
            #expect(left.counts.isEmpty && left.oldestMs == nil)
            #expect(try await street.block(1500)?.block.values[20] == 45_000)
            let changes = try await street.changes()
            #expect(changes == 2000)
            await #expect(throws: Refusal.self) {
                let more = ids + [ExceptionID(day: Street.day, meterID: 1001, rule: "spike", fromSlot: 1)]
                try await street.act(.aside, more)
            }
        }
    }

    /// Each exception has its own mark of the task, so a part that is done twice counts once.
    @Test(arguments: TestEngine.available)
    func interruptedWorkGoesOn(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            for meterID in Int64(1001)...1004 { try await street.ingest(meterID, Street.values(3, spikeAt: 20)) }
            let ids = (Int64(1001)...1004).map {
                ExceptionID(day: Street.day, meterID: $0, rule: "spike", fromSlot: 20)
            }
            let taskID = try await street.site.perform(
                WorkExceptions(.accepted, ids, reason: "tested"), as: Street.operator_, source: "test")
            _ = try await street.work.finish(taskID)
            // As after a kill between the readings and the count of the task.
            try await street.site.money.write { transaction in
                try transaction.run(
                    "UPDATE vee_task SET looked_count = 0, done_count = 0, done_at_ms = NULL WHERE task_id = $1",
                    [.int(taskID)])
            }
            let changes = try await street.changes()
            #expect(try await street.work.finish(taskID).doneCount == 4)
            #expect(try await street.changes() == changes)
            #expect(try await street.list().detail(ids[0]).steps.count == 1)
        }
    }

    /// However the list is cut into parts, also between hard and soft ones.
    private func everyCutHoldsTheSame(_ street: Street, _ seen: [ExceptionID]) async throws {
        for (limit, sizes) in [(8, [8, 4]), (4, [4, 4, 4]), (12, [12]), (3, [3, 3, 3, 3])] {
            var (parts, all): ([Int], [ExceptionID]) = ([], [])
            var place: ExceptionPlace?
            repeat {
                let part = try await street.list().page(.init(), after: place, limit: limit)
                parts.append(part.items.count)
                all += part.items.map(\.id)
                place = part.next.flatMap { ExceptionPlace($0.description) }
            } while place != nil && parts.count < 9
            #expect(parts == sizes && all == seen, "by \(limit)")
        }
    }

    @Test(arguments: TestEngine.available)
    func filtersAndPartsAcrossMonths(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            let january = Street.day.advanced(by: -10)
            for meterID in Int64(1001)...1004 {
                try await street.ingest(meterID, on: january, Street.values(1, spikeAt: 30))
                var values = Street.values(2)
                values[3] = -9
                try await street.ingest(meterID, on: Street.day, values)
                try await street.ingest(
                    meterID, on: Street.day.advanced(by: 1), Street.values(4), registers: (0, 1), rules: .standard)
            }
            var seen: [ExceptionID] = []
            var after: ExceptionPlace?
            repeat {
                let part = try await street.list().page(.init(), after: after, limit: 5)
                #expect(part.items.count <= 5)
                seen += part.items.map(\.id)
                after = part.next
            } while after != nil
            #expect(seen.count == 12)
            // The soft ones come last, though they are of the latest day.
            let rules = [String](repeating: "negative", count: 4) + .init(repeating: "spike", count: 4)
            #expect(seen.map(\.rule) == rules + .init(repeating: "sumCheck", count: 4))
            try await everyCutHoldsTheSame(street, seen)
            var soft = ExceptionFilter()
            soft.severity = .warning
            let one = try await street.list().page(soft, limit: 3)
            #expect(one.next?.severity == .warning)
            #expect(try await street.list().page(soft, after: one.next, limit: 3).items.map(\.id) == [seen[11]])
            #expect(ExceptionPlace("2026-11-20.1001.spike.20") == nil && ExceptionPlace("soft.x") == nil)
            #expect(seen.map(\.meterID) == [1001, 1002, 1003, 1004, 1001, 1002, 1003, 1004, 1001, 1002, 1003, 1004])
            let count = { (change: (inout ExceptionFilter) -> Void) in
                var filter = ExceptionFilter()
                change(&filter)
                let asked = filter
                return try await street.list().page(asked, limit: 50).items.count
            }
            #expect(try await count { $0.rule = "negative" } == 4)
            #expect(try await count { $0.severity = .warning } == 4)
            #expect(try await count { $0.placeID = 12 } == 6)
            #expect(try await count { $0.placeID = 10 } == 12)
            #expect(
                try await count {
                    $0.meterID = 1002; $0.placeID = 11
                } == 0)
            #expect(try await count { $0.meterID = 1002 } == 3)
            #expect(try await count { $0.raisedBeforeMs = 0 } == 0)
            #expect(try await count { $0.to = january } == 4)
            #expect(try await count { $0.from = Street.day } == 8)
            try await street.act(.visit, [seen[0]])
            #expect(try await count { $0.resolution = .visit } == 1)
            #expect(try await count { $0.state = .resolved } == 1)
            #expect(try await count { _ in } == 11)
            let mine = try await street.list(Street.confined).page(.init(), limit: 50).items
            #expect(Set(mine.map(\.meterID)) == [1002, 1004])
            await #expect(throws: Refusal.self) { try await count { $0.placeID = 999 } }
            await #expect(throws: Refusal.self) { try await count { $0.meterID = 999 } }
            await #expect(throws: Refusal.self) { try await count { $0.rule = "spike\0" } }
        }
    }
}

@Suite struct Rules {
    private func limit(_ wh: Int64) -> ValidationRules {
        var rules = ValidationRules.five
        rules.sumCheck = .init(unitWh: wh)
        return rules
    }

    /// The most specific group wins, whole; of one group the latest day that has come.
    @Test func precedence() throws {
        let day = Street.day
        func set(_ group: String, _ offset: Int, _ rules: ValidationRules?) throws -> GroupRow<ValidationRules> {
            GroupRow(
                group: try RuleGroup(group), fromDay: day.advanced(by: offset), value: rules, setAtMs: 0, setBy: 0)
        }
        let meter = MeterTraits(
            meterID: 1, placeID: 12, profile: "three-phase", category: "domestic", sanctionedW: 3000)
        let other = MeterTraits(meterID: 2, placeID: 11, profile: "x", category: "industry", sanctionedW: 0)
        let book = RuleBook(
            [
                try set("all", 0, limit(1)), try set("all", 5, limit(2)), try set("category:domestic", 1, limit(3)),
                try set("profile:three-phase", 2, limit(4)), try set("place:10", 3, limit(5)),
                try set("place:12", 4, limit(6)), try set("place:12", 6, nil),
            ], parents: [12: 10])
        let found = (-1...6).map { book.rules(for: meter, on: day.advanced(by: $0)).sumCheck?.unitWh }
        #expect(found == [10, 1, 3, 4, 5, 6, 6, 5])
        #expect(
            (-1...6).map { book.rules(for: other, on: day.advanced(by: $0)).sumCheck?.unitWh } == [
                10, 1, 1, 1, 1, 1, 2, 2,
            ])
        #expect(book.rules(for: nil, on: day).sumCheck?.unitWh == 1)
        #expect(book.set(for: meter, on: day.advanced(by: 6))?.group == .place(10))
        #expect(RuleBook().rules(for: meter, on: day) == .standard && RuleBook().isEmpty)
        for text in ["", "everything", "place", "place:", "place:x", "place:01", "category:", "all:1"] {
            #expect(throws: Refusal.self, "\(text)") { try RuleGroup(text) }
        }
    }

    @Test(arguments: TestEngine.available)
    func setFromADay(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            let today = Street.day.advanced(by: 3)
            let set = { (group: String, from: CivilDay?, past: Bool, actor: Actor) in
                try await street.site.perform(
                    SetValidationRules(
                        group: try RuleGroup(group), ValidationRules(spike: nil), from: from, evenPast: past),
                    as: actor, source: "test")
            }
            let past = await #expect(throws: Refusal.self) {
                _ = try await set("all", today.advanced(by: -1), false, Street.administrator)
            }
            #expect(past?.code == .conflict && past?.hint.contains("evenPast") == true)
            #expect(try await set("all", nil, false, Street.administrator) == today.number)
            #expect(try await set("place:12", today.advanced(by: -8), true, Street.administrator) == today.number - 8)
            for group in ["place:99", "place:12"] {
                let actor = group == "place:99" ? Street.administrator : Street.operator_
                await #expect(throws: Refusal.self) { _ = try await set(group, nil, false, actor) }
            }
            // The meters of that feeder are read by them, the others by the standard.
            try await street.ingest(1001, Street.values(1, spikeAt: 20))
            try await street.ingest(1002, Street.values(1, spikeAt: 20))
            #expect(try await street.exceptions(1001).count == 1)
            #expect(try await street.exceptions(1002).isEmpty)
        }
    }

    /// A dry run says what rules would flag, and writes nothing.
    @Test(arguments: TestEngine.available)
    func preview(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            for meterID in Int64(1001)...1004 {
                try await street.ingest(meterID, Street.values(1, spikeAt: 20), rules: ValidationRules(spike: nil))
                try await street.ingest(meterID, on: Street.day.advanced(by: 1), Street.values(2), registers: (0, 5))
            }
            let (changes, open) = (try await street.changes(), try await street.list().counts(.init()).counts)
            let preview = { (group: String, days: Int) in
                try await RulePreview.of(
                    try RuleGroup(group), .standard, days: days, site: street.site, org: Street.org, Scope(orgID: 1))
            }
            let all = try await preview("all", 7)
            #expect(all.metersInGroup == 4 && all.metersLooked == 4 && all.meterDays == 8 && all.heldMeterDays == 4)
            #expect(
                all.counts == [
                    ExceptionCount(rule: "spike", severity: .hard, count: 4),
                    ExceptionCount(rule: "sumCheck", severity: .warning, count: 4),
                ])
            #expect(all.examples.count == 8)
            #expect(try await preview("place:10", 7).metersInGroup == 4)
            #expect(try await preview("place:12", 7).metersInGroup == 2)
            #expect(try await preview("profile:three-phase", 7).metersInGroup == 1)
            #expect(try await preview("all", 1).meterDays == 0)
            await #expect(throws: Refusal.self) { _ = try await preview("all", 32) }
            #expect(try await street.changes() == changes)
            #expect(try await street.list().counts(.init()).counts == open)
        }
    }
}
