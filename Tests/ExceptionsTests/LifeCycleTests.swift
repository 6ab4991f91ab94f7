// An exception from its finding to its end: taken, given back, settled in each way, never twice, never by the wrong one.
import Access
import CivilTime
import IntervalData
import MeterData
import SQL
import TestSupport
import Testing
import VEE

@Suite struct LifeCycle {
    static let spike = ExceptionID(day: Street.day, meterID: 1001, rule: "spike", fromSlot: 20)

    /// Accepting ends in the same day block as if nothing had ever been held.
    @Test(arguments: TestEngine.available)
    func acceptedIsAsIfNeverHeld(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            let values = Street.values(1, spikeAt: 20)
            try await street.ingest(1001, values, batch: 55)
            try await street.ingest(1002, values, batch: 55, rules: ValidationRules(spike: nil))
            let held = try await street.block(1001)
            #expect(held?.block.qualities[20] == .missing && held?.block.values[20] == 0)
            let task = try await street.act(.accepted, [Self.spike])
            #expect(task.doneCount == 1 && task.doneAtMs != nil)
            let (now, never) = (try await street.block(1001), try await street.block(1002))
            #expect(now?.block == never?.block && now?.version == 2 && now?.madeBy == "accept")
            let item = try await street.exceptions(1001).first { $0.rule == "spike" }
            #expect(item?.resolution == "accepted" && item?.resolvedBy == 7 && item?.isOpen == false)
            // The same read again, and validation again, change nothing and raise nothing.
            #expect(try await street.ingest(1001, values, batch: 56) == nil)
            let again = try await street.again.run(meterID: 1001, from: Street.day, to: Street.day)
            #expect(again.days == 1 && again.changed == 0)
            #expect(try await street.exceptions(1001).allSatisfy { !$0.isOpen })
        }
    }

    /// A slot that two findings hold comes free with the second.
    @Test(arguments: TestEngine.available)
    func twoFindingsHoldOneSlot(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            var rules = ValidationRules.standard
            rules.demandAboveSanctioned = .init(percent: 150)
            rules.severities = ["demandAboveSanctioned": .hard]
            try await street.ingest(1001, Street.values(1, spikeAt: 20), rules: rules)
            let ids = try await street.exceptions(1001).map(\.id)
            #expect(ids.map(\.rule).sorted() == ["demandAboveSanctioned", "spike"])
            try await street.act(.accepted, [ids[0]])
            #expect(try await street.block(1001)?.block.qualities[20] == .missing)
            try await street.act(.accepted, [ids[1]])
            #expect(try await street.block(1001)?.block.values[20] == 45_000)
        }
    }

    @Test(arguments: TestEngine.available)
    func takenGivenBackSettled(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await street.ingest(1001, Street.values(1, spikeAt: 20))
            let open = try await street.list().page(.init(), limit: 10)
            #expect(open.items.map(\.id) == [Self.spike] && open.next == nil)
            var taken = ExceptionFilter()
            taken.state = .taken
            #expect(try await street.list().page(taken, limit: 10).items.isEmpty)
            #expect(try await street.act(.take, [Self.spike], reason: "").doneCount == 1)
            #expect(try await street.list().page(taken, limit: 10).items.map(\.ownerID) == [7])
            // Taken twice by the same person is nothing new; by somebody else it goes over.
            #expect(try await street.act(.take, [Self.spike], reason: "").doneCount == 0)
            #expect(try await street.act(.take, [Self.spike], reason: "", as: Street.administrator).doneCount == 1)
            #expect(try await street.act(.giveBack, [Self.spike], reason: "").doneCount == 1)
            #expect(try await street.list().page(taken, limit: 10).items.isEmpty)
            // Nothing stands in for the held value yet, so neither word is true.
            #expect(try await street.act(.estimated, [Self.spike]).doneCount == 0)
            #expect(try await street.act(.edited, [Self.spike]).doneCount == 0)
            try await street.fill(1001, .estimated)
            #expect(try await street.act(.edited, [Self.spike]).doneCount == 0)
            #expect(try await street.act(.estimated, [Self.spike], reason: "a cable fault").doneCount == 1)
            // It is settled: nobody settles it again.
            #expect(try await street.act(.accepted, [Self.spike]).doneCount == 0)
            #expect(try await street.block(1001)?.block.qualities[20] == .estimated)
            let detail = try await street.list().detail(Self.spike)
            #expect(detail.steps.map(\.what) == ["take", "take", "give-back", "estimated"])
            #expect(detail.steps.map(\.loginID) == [7, 8, 7, 7] && detail.steps.last?.reason == "a cable fault")
            #expect(detail.block?.block.slotCount == 48 && detail.exception.held.map(\.value) == [45_000])
        }
    }

    @Test(arguments: TestEngine.available)
    func refusals(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await street.ingest(1001, Street.values(1, spikeAt: 20))
            await #expect(throws: Refusal.self) { try await street.act(.aside, [Self.spike], reason: " ") }
            await #expect(throws: Refusal.self) { try await street.act(.aside, []) }
            await #expect(throws: Refusal.self) { try await street.act(.aside, [Self.spike, Self.spike]) }
            // Meter 1001 is on the other feeder; a consumer has no such right; a key may hold less.
            let far = await #expect(throws: Refusal.self) {
                try await street.act(.aside, [Self.spike], as: Street.confined)
            }
            #expect(far?.code == .notFound)
            let consumer = Actor(loginID: 3, role: .consumer, scope: Scope(orgID: 1, accountID: 101))
            let stranger = await #expect(throws: Refusal.self) {
                try await street.act(.aside, [Self.spike], as: consumer)
            }
            #expect(stranger?.code == .forbidden)
            await #expect(throws: Refusal.self) { try await street.list(Street.confined).detail(Self.spike) }
            #expect(try await street.exceptions(1001).allSatisfy(\.isOpen))
            // One that is not there is passed over and counted.
            let gone = ExceptionID(day: Street.day, meterID: 1001, rule: "spike", fromSlot: 21)
            let far2 = ExceptionID(day: Street.day.advanced(by: -300), meterID: 1001, rule: "spike", fromSlot: 20)
            let task = try await street.act(.aside, [gone, far2, Self.spike])
            #expect(task.itemCount == 3 && task.doneCount == 1)
            for text in ["", "x", "2026-02-03.1001.spike", "2026-02-30.1001.spike.1", "2026-02-03.0.spike.1"] {
                #expect(ExceptionID(text) == nil)
            }
            #expect(ExceptionID(Self.spike.description) == Self.spike)
        }
    }

    /// Set aside: the same reading does not bring it back, another one does.
    @Test(arguments: TestEngine.available)
    func settledStaysSettledForTheSameValues(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            try await street.ingest(1001, Street.values(1, spikeAt: 20))
            try await street.act(.aside, [Self.spike])
            try await street.ingest(1001, Street.values(1, spikeAt: 20), batch: 6)
            #expect(try await street.exceptions(1001).map(\.isOpen) == [false])
            var other = Street.values(1, spikeAt: 20)
            other[20] = 46_000
            try await street.ingest(1001, other, batch: 7)
            let found = try await street.exceptions(1001)
            #expect(found.map(\.isOpen) == [true] && found[0].held.map(\.value) == [46_000])
            #expect(found[0].batchID == 7 && found[0].ownerID == nil && found[0].resolvedBy == nil)
        }
    }

    /// A read that comes in parts: the part without the spike does not make it good.
    @Test(arguments: TestEngine.available)
    func partsOfADayKeepWhatIsHeld(_ engine: TestEngine) async throws {
        try await Street.with(engine) { street in
            let values = Street.values(1, spikeAt: 20)
            try await street.ingest(1001, (0..<48).map { $0 < 24 ? values[$0] : nil })
            try await street.ingest(1001, (0..<48).map { $0 >= 24 ? values[$0] : nil }, batch: 6)
            #expect(try await street.exceptions(1001).map(\.isOpen) == [true])
            #expect(try await street.block(1001)?.block.count(of: .actual) == 47)
            // A good value for the slot does.
            var good = [Int32?](repeating: nil, count: 48)
            good[20] = 150
            try await street.ingest(1001, good, batch: 7)
            #expect(try await street.exceptions(1001).map(\.resolution) == ["a later read is good"])
            #expect(try await street.block(1001)?.block.values[20] == 150)
        }
    }
}

extension Street {
    /// Puts a value of some quality where something is missing, as estimation or a person would.
    func fill(_ meterID: Int64, _ quality: Quality) async throws {
        try await site.readings.shard(Self.day.month).write { transaction in
            guard
                let stored = try DayBlocks.current(
                    meterID: meterID, from: Self.day, to: Self.day, orgID: 1, in: transaction
                ).first
            else { return }
            let gaps = stored.block.qualities.indices.filter { stored.block.qualities[$0] == .missing }
            try DayBlocks.store(
                stored.block.replacing(gaps.map { ($0, 111) }, quality: quality, batch: 99), after: stored,
                day: Self.day, meterID: meterID, madeBy: "test", madeAtMs: 1, orgID: 1, in: transaction)
        }
    }
}
