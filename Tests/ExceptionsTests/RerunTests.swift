// Validation run again: nothing when nothing changed, a new version when the rules say otherwise, and the way back.
import Access
import CivilTime
import Clocks
import IntervalData
import MeterData
import Meters
import Reliability
import SQL
import TestSupport
import Testing
import VEE

@Suite struct Rerun {
    private func month(_ street: Street) async throws {
        for offset in -4...0 {
            try await street.ingest(
                1001, on: Street.day.advanced(by: offset), Street.values(offset + 9, spikeAt: offset == 0 ? 20 : nil),
                batch: Int64(70 + offset))
        }
    }

    @Test(arguments: TestEngine.available)
    func sameRulesChangeNothing(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await month(street)
            let (changes, before) = (try await street.changes(), try await street.exceptions(1001))
            for _ in 0..<2 {
                let (days, changed) = try await street.again.run(
                    meterID: 1001, from: Street.day.advanced(by: -9), to: Street.day)
                #expect(days == 5 && changed == 0)
            }
            let after = try await street.exceptions(1001)
            #expect(try await street.changes() == changes)
            #expect(after == before)
        }
    }

    /// Looser rules release, as if the value had never been held; stricter ones hold back what was actual; and back.
    @Test(arguments: TestEngine.available)
    func otherRulesMakeVersions(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await month(street)
            let held = try await street.block(1001)
            let changes = try await street.changes()
            try await street.set("all", ValidationRules(spike: nil))
            #expect(try await street.again.run(meterID: 1001, from: Street.day, to: Street.day).changed == 1)
            let released = try await street.block(1001)
            #expect(released?.block.values == Street.values(9, spikeAt: 20).map { $0 ?? 0 })
            #expect(
                released?.block.lowestQuality == .actual && released?.block.batches == .init(repeating: 70, count: 48))
            #expect(released?.madeBy == "validate" && released?.version == 2)
            // What Rating reads: one change more.
            #expect(try await street.changes() == changes + 1)
            #expect(try await street.exceptions(1001).allSatisfy { !$0.isOpen })
            try await street.set("all", .standard)
            #expect(try await street.again.run(meterID: 1001, from: Street.day, to: Street.day).changed == 1)
            let back = try await street.block(1001)
            #expect(back?.block == held?.block && back?.version == 3)
            let open = try await street.exceptions(1001).filter(\.isOpen)
            #expect(open.map(\.rule) == ["spike"] && open[0].held.map(\.value) == [45_000] && open[0].batchID == 70)
        }
    }

    /// What a person wrote or accepted is not taken back by a run of the machine.
    @Test(arguments: TestEngine.available)
    func peopleStandAboveRules(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            var rules = ValidationRules.standard
            rules.missing = .init(minutes: 30)
            rules.severities = ["missing": .hard]
            var values = Street.values(1)
            values[7] = nil
            try await street.ingest(1001, values)
            try await street.fill(1001, .edited)
            try await street.set("all", rules)
            #expect(try await street.again.run(meterID: 1001, from: Street.day, to: Street.day).changed == 0)
            #expect(try await street.block(1001)?.block.qualities[7] == .edited)
        }
    }

    /// Registers that came with one read are known to the next one and to validation that runs again.
    @Test(arguments: TestEngine.available)
    func contextIsKept(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            let zeros = [Int32?](repeating: 0, count: 48)
            try await street.ingest(1001, zeros, registers: (1000, 1000))
            #expect(try await street.exceptions(1001).allSatisfy { $0.severity == "warning" })
            let again = try await street.again.run(meterID: 1001, from: Street.day, to: Street.day)
            #expect(again.changed == 0)
            // The end was read again and tells of energy: now all of it is in doubt.
            try await street.ingest(1001, zeros, batch: 6, registers: (nil, 9000))
            let found = try await street.exceptions(1001)
            #expect(
                Set(found.filter { $0.severity == "hard" }.map(\.rule)) == ["zeroConsumption", "consecutiveZeroes"])
            #expect(found.contains { $0.rule == "sumCheck" && $0.isOpen })
        }
    }

    /// A midnight that was not read: the register of the last one that was speaks for the days between.
    @Test(arguments: TestEngine.available)
    func sumOverASpan(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            let second = Street.day.advanced(by: 1)
            let energy = { (seed: Int) in Street.values(seed).reduce(Int64(0)) { $0 + Int64($1 ?? 0) } }
            try await street.ingest(1001, on: Street.day.advanced(by: -1), Street.values(1), registers: (0, energy(1)))
            try await street.ingest(1001, on: Street.day, Street.values(2))
            try await street.ingest(
                1001, on: second, Street.values(3), registers: (nil, energy(1) + energy(2) + energy(3)))
            #expect(try await street.exceptions(1001, second).isEmpty)
            try await street.ingest(1002, on: Street.day.advanced(by: -1), Street.values(1), registers: (0, energy(1)))
            try await street.ingest(1002, on: Street.day, Street.values(2))
            try await street.ingest(1002, on: second, Street.values(3), registers: (nil, energy(1) + energy(2)))
            let found = try await street.exceptions(1002, second)
            #expect(found.map(\.rule) == ["sumCheck"] && found.first?.message.contains("over 2 days") == true)
        }
    }

    /// Asked for by a person, with the reach of the person.
    @Test(arguments: TestEngine.available)
    func askedByAPerson(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await month(street)
            try await street.set("all", ValidationRules(spike: nil))
            let ask = { (meters: [Int64], actor: Actor) in
                try await street.site.perform(
                    ValidateAgain(
                        meterIDs: meters, from: Street.day.advanced(by: -5), to: Street.day, reason: "new rules"),
                    as: actor, source: "test")
            }
            let far = await #expect(throws: Refusal.self) { _ = try await ask([1001], Street.confined) }
            #expect(far?.code == .notFound)
            await #expect(throws: Refusal.self) { _ = try await ask([], Street.operator_) }
            let taskID = try await ask([1001, 1002], Street.operator_)
            #expect(try await street.work.finishAll() == 1)
            let task = try await street.work.find(taskID)
            #expect(task.lookedCount == 2 && task.doneCount == 1 && task.doneAtMs != nil)
            #expect(try await street.work.finishAll() == 0)
        }
    }

    /// What pushes and the feeder told of an outage explains its zeros when the day is judged again, and only what was
    /// dark for certain.
    @Test(arguments: TestEngine.available)
    func outagesAreKnownToTheChecks(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            var rules = ValidationRules.standard
            rules.zero = .init(withoutRegister: .hard)
            rules.outageContext = .init()
            var values = Street.values(1)
            for slot in 10..<36 { values[slot] = 0 }
            try await street.set("all", rules)
            try await street.ingest(1001, values)
            #expect(try await street.exceptions(1001).contains { $0.rule == "consecutiveZeroes" && $0.isOpen })
            let startMs = Zone.india.startS(of: Street.day) * 1000
            // From the first second of slot 10 to the last of slot 35.
            let signs = [
                PowerEvent(.failed, meterAtMs: startMs + 10 * 1_800_000, pushedAtMs: nil, isLogged: true),
                PowerEvent(.restored, meterAtMs: startMs + 36 * 1_800_000 + 60_000, pushedAtMs: nil, isLogged: true),
            ]
            try await street.site.money.write { transaction in
                try MeterOutages.derive(
                    meterID: 1001, signs: signs, fromMs: startMs - 86_400_000, zone: .india,
                    nowMs: street.site.clocks.businessNowMs(), ids: street.site.ids, Scope(orgID: 1), in: transaction)
            }
            let again = try await street.again.run(meterID: 1001, from: Street.day, to: Street.day)
            #expect(again.changed == 1)
            #expect(try await !street.exceptions(1001).contains { $0.rule == "consecutiveZeroes" && $0.isOpen })
            let block = try #require(try await street.block(1001)?.block)
            #expect(block.lowestQuality == .actual && block.values[10..<36].allSatisfy { $0 == 0 })
        }
    }

    @Test func onlyWhatWasDarkForCertainIsASlot() {
        func dark(_ from: Int64, _ to: Int64) -> [Range<Int>] {
            Outages.darkSlots(
                [
                    OutageInterval(
                        spanID: 1, outageID: nil, startMs: from, endMs: nil, certainFromMs: from, certainToMs: to,
                        confidence: .high, isPlanned: false)
                ], startS: 1_000, periodS: 900, slots: 96, nowMs: 1_000_000 + 50 * 900_000 + 5)
        }
        #expect(dark(1_000_000, 1_900_000) == [0..<1] && dark(1_000_001, 1_900_000).isEmpty)
        #expect(dark(0, 2_799_999) == [0..<1] && dark(1_900_000, .max) == [1..<50])
        #expect(dark(.max, .min).isEmpty && dark(0, 900_000).isEmpty)
        #expect(joinedSlots([4..<6, 1..<3, 3..<4, 9..<9]) == [1..<6])
    }

    /// Rules for a group nobody is of would hold for nobody, unseen.
    @Test(arguments: TestEngine.available)
    func aGroupOfNobodyIsRefused(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            for group in ["category:none", "profile:none", "place:999"] {
                let refused = await #expect(throws: Refusal.self) { try await street.set(group, .standard) }
                #expect(refused?.code == .notFound)
                let preview = await #expect(throws: Refusal.self) {
                    _ = try await RulePreview.of(
                        try RuleGroup(group), .standard, days: 3, site: street.site, org: Street.org, Scope(orgID: 1))
                }
                #expect(preview?.code == .notFound)
                let plan = await #expect(throws: Refusal.self) {
                    _ = try await street.site.perform(
                        SetEstimationPlan(group: try RuleGroup(group), .best, from: nil),
                        as: Street.administrator, source: "test")
                }
                #expect(plan?.code == .notFound)
            }
            try await street.set("category:domestic", .standard)
        }
    }
}
