// What collection does beside reading: clocks of meters, registers that roll over, meters that are replaced in mid-day,
// and asking who is alive. Both engines.
import API
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import IntervalData
import Jobs
import Logging
import MeterData
import MeterFleet
import MeterLink
import MeterPort
import Meters
import SQL
import Synchronization
import TestSupport
import Testing

@Suite(.serialized)
struct CollectionCareTests {
    private typealias Engine = CollectionTests

    // MARK: clocks

    @Test(arguments: TestEngine.available)
    func aClockIsSetWithinLimitsAndBeyondThemShown(_ engine: TestEngine) async throws {
        try await Engine.with(engine, houses: 3) { index, configuration in
            configuration.clockAheadS = [10, -90, 4_000][index]
        } _: { fixture in
            try await fixture.run(untilMs: Engine.at(1, 1))
            func entries(_ meterID: Int64) async throws -> [MeterClockEntry] {
                try await fixture.site.money.read { [scope = fixture.scope] in
                    try MeterClockEntry.of(meterID: meterID, limit: 10, scope, in: $0)
                }
            }
            #expect(try await entries(1001).isEmpty, "ten seconds are left alone")
            let set = try await entries(1002)
            #expect(set.map(\.action) == ["set"] && set.first?.beforeS == -90 && set.first?.thresholdS == 30)
            #expect(abs(set.first?.afterS ?? 99) <= 1)
            #expect(abs(fixture.houses[1].meter.nowS - fixture.clock.nowMs / 1000) <= 1, "the meter shows it")
            #expect(abs(fixture.houses[0].meter.nowS - fixture.clock.nowMs / 1000) == 10)
            let refused = try await entries(1003)
            #expect(refused.map(\.action) == ["refused"] && refused.first?.beforeS == 4_000)
            #expect(fixture.houses[2].meter.nowS - fixture.clock.nowMs / 1000 == 4_000, "it is not touched")
            func shown() async throws -> [Int64?] {
                try await NeedList.of(fixture.site, fixture.scope).items.filter { $0.kind == .clockOff }.map(\.meterID)
            }
            #expect(try await shown() == [1003])
            // A wider limit, and the next conversation sets it.
            try await Engine.set(fixture, "meter-clock.set-at-most-s", "7200")
            try await fixture.run(untilMs: Engine.at(2, 1))
            #expect(try await entries(1003).first?.action == "set")
            #expect(try await shown().isEmpty)
        }
    }

    // MARK: registers

    @Test func aRegisterThatRolledOverIsTold() {
        #expect(RegisterWrap.find(startWh: 999_990, endWh: 40, energyWh: 50) == 1_000_000)
        #expect(RegisterWrap.find(startWh: 99_999_000, endWh: 9_000, energyWh: 10_000) == 100_000_000)
        #expect(RegisterWrap.find(startWh: 999_990, endWh: 40, energyWh: 500) == nil, "the intervals say otherwise")
        #expect(RegisterWrap.find(startWh: 10, endWh: 60, energyWh: 50) == nil, "nothing fell")
        #expect(RegisterWrap.find(startWh: 5_000, endWh: 40, energyWh: 50) == nil, "a register of that size is none")
        #expect(RegisterWrap.find(startWh: nil, endWh: 40, energyWh: 50) == nil)
        #expect(RegisterWrap.find(startWh: .max, endWh: 0, energyWh: .max) == nil)
    }

    /// Half hours of 100 Wh and a register of six digits that turns over at noon of the first day.
    private struct WrappingMeter: MeterTransport, MeterConversation {
        let clock: any TestClock
        let firstS: Int64
        /// The line breaks so often when the registers are asked for.
        let breaks: Countdown

        func converse<Value: Sendable>(
            with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
        ) async throws -> Value { try await body(self) }
        func clockS() async throws -> Int64 { clock.nowMs / 1000 }
        func blockLoad(fromS: Int64, toS: Int64) async throws -> [BlockLoadRow] {
            stride(from: fromS, through: toS, by: 1800).map { BlockLoadRow(endS: $0, importWh: 100) }
        }
        func importRegisterWh() async throws -> Int64 { 0 }
        func dailyRegisters(fromS: Int64, toS: Int64) async throws -> [RegisterRow] {
            guard !breaks.next() else { throw MeterError(.closed, "the meter closed the connection") }
            return [fromS, toS].map {
                RegisterRow(atS: $0, importWh: (997_600 + ($0 - firstS) / 1800 * 100) % 1_000_000)
            }
        }
        func relay() async throws -> RelayState { .closed }
        func disconnect() async throws {}
        func reconnect() async throws {}
        func events(fromS: Int64, toS: Int64) async throws -> [MeterEventEntry] { [] }
    }

    private final class Countdown: Sendable {
        private let left: Mutex<Int>
        init(_ count: Int) { left = Mutex(count) }
        func next() -> Bool {
            left.withLock {
                $0 -= 1
                return $0 >= 0
            }
        }
    }

    /// Also when the intervals came in one conversation and the registers in another.
    @Test(arguments: TestEngine.available, [0, 1])
    func aDayOnWhichTheRegisterTurnsOverIsValid(_ engine: TestEngine, breaks: Int) async throws {
        try await Engine.with(engine) { fixture in
            let meter = WrappingMeter(
                clock: fixture.clock, firstS: Engine.at(0, 0) / 1000, breaks: Countdown(breaks))
            let line = Line(
                site: fixture.site, org: fixture.org, transport: meter, vault: try LineFixture.vault(),
                collection: LineFixture.collection, holder: "wrap",
                log: Logger(label: "wrap-test") { _ in SwiftLogNoOpLogHandler() })
            try await line.tick()
            if breaks > 0 {
                let item = try await Engine.item(fixture)
                #expect(item.state == "partial" && item.wantedSlots == 0 && item.cause == .unreachable)
                fixture.clock.nowMs += 40 * 60_000
                try await line.tick()
            }
            #expect(try await Engine.item(fixture).state == "complete")
            #expect(try await Engine.reads(fixture).map(\.rows.count) == (breaks > 0 ? [0, 48] : [48]))
            let read = try #require(try await Engine.reads(fixture).first)
            #expect(read.registerStartWh == 997_600 && read.registerEndWh == 2_400 && read.registerWrapWh == 1_000_000)
            let block = try #require(
                try await History.blocks(
                    meterID: 1001, from: Engine.first, to: Engine.first, site: fixture.site, orgID: 1
                ).first?.block)
            #expect(block.lowestQuality == .actual && block.totalValue == 4_800)
            let open = try await fixture.site.readings.shard(Engine.first.month).read {
                try VEEException.of(
                    meterID: 1001, from: Engine.first, to: Engine.first, orgID: 1, in: $0)
            }
            #expect(!open.contains { $0.rule == "sumMismatch" || $0.severity == "hard" }, "\(open)")
        }
    }

    /// What the meter never said is its registers; of its intervals none is lost.
    @Test(arguments: TestEngine.available)
    func aDayWithoutItsRegistersIsNoLostOne(_ engine: TestEngine) async throws {
        try await Engine.with(engine) { fixture in
            let meter = WrappingMeter(
                clock: fixture.clock, firstS: Engine.at(0, 0) / 1000, breaks: Countdown(.max))
            let line = Line(
                site: fixture.site, org: fixture.org, transport: meter, vault: try LineFixture.vault(),
                collection: LineFixture.collection, holder: "wrap",
                log: Logger(label: "wrap-test") { _ in SwiftLogNoOpLogHandler() })
            try await line.tick()
            #expect(try await Engine.item(fixture).state == "partial")
            fixture.clock.nowMs = Engine.at(40, 1)
            try await line.tick()
            let item = try await Engine.item(fixture)
            #expect(item.state == "complete" && item.cause == nil && item.haveSlots == 48)
        }
    }

    // MARK: replacement

    @Test(arguments: TestEngine.available)
    func aMeterReplacedInMidDayIsReadWithTheOther(_ engine: TestEngine) async throws {
        try await Engine.with(engine, houses: 2, startMs: Engine.at(0, 13)) { fixture in
            // The second meter lies in the store: it serves nobody until it takes the place of the first.
            try await fixture.site.money.write {
                try $0.run("DELETE FROM installation WHERE org_id = 1 AND meter_id = 1002")
            }
            let noon = Engine.at(0, 12)
            let account = try await fixture.site.perform(
                ReplaceMeter(oldMeterID: 1001, newMeterID: 1002, atMs: noon), as: fixture.actor, source: "test")
            #expect(account == 101)
            let refused = await #expect(throws: Refusal.self) {
                try await fixture.site.perform(
                    ReplaceMeter(oldMeterID: 1002, newMeterID: 1002, atMs: noon), as: fixture.actor, source: "test")
            }
            #expect(refused?.code == .invalid)
            try await fixture.run(untilMs: Engine.at(1, 1))
            let (old, new) = (try await Engine.item(fixture), try await Engine.item(fixture, 1002))
            #expect(old.state == "complete" && old.expectedSlots == 24 && old.slots.hasSuffix("-"))
            #expect(new.state == "complete" && new.expectedSlots == 24 && new.slots.hasPrefix("-"))
            #expect(try await Engine.reads(fixture).first?.rows.count == 24)
            #expect(try await Engine.reads(fixture, 1002).first?.rows.count == 24)
            try await fixture.run(untilMs: Engine.at(2, 1))
            #expect(try await Engine.item(fixture, 1002, day: 1).state == "complete")
            let late = try await fixture.site.money.read { [scope = fixture.scope] in
                try CollectionItem.find(meterID: 1001, day: Engine.first.advanced(by: 1), scope, in: $0)
            }
            #expect(late == nil, "nobody asks the old meter for later days")
        }
    }

    // MARK: liveness

    @Test(arguments: TestEngine.available)
    func thoseWhoAnswerAreAliveAndAPollGoesOnWhereItWas(_ engine: TestEngine) async throws {
        try await Engine.with(engine, houses: 4) { index, configuration in
            if index == 2 { configuration.faults.silences = [(TimeSpan(fromS: 0, untilS: .max), .hangUp)] }
        } _: { fixture in
            let poll = try await fixture.site.perform(
                PollLiveness(.place(10), reference: "one"), as: fixture.actor, source: "test", why: "an outage?")
            let again = try await fixture.site.perform(
                PollLiveness(.place(10), reference: "one"), as: fixture.actor, source: "test", why: "an outage?")
            #expect(poll == again, "asked twice with one key counts once")
            // A process that died had asked the first meter.
            try await fixture.site.money.write {
                try $0.run("UPDATE liveness SET state = 'alive', took_ms = 77 WHERE org_id = 1 AND meter_id = 1001")
            }
            try await fixture.line.tick(.supply)
            let (answers, polls) = try await fixture.site.money.read { [scope = fixture.scope] in
                (
                    try Liveness.answers(pollID: poll, limit: 10, scope, in: $0),
                    try Liveness.polls(limit: 10, scope, in: $0)
                )
            }
            #expect(answers.map(\.state) == [.alive, .alive, .silent, .alive])
            #expect(answers.first?.tookMs == 77 && answers.last?.askedAtMs == fixture.clock.nowMs)
            #expect(
                polls.count == 1 && polls.first?.endedAtMs != nil && polls.first?.counts == [.alive: 3, .silent: 1])
            for meter in fixture.houses.map(\.meter) {
                #expect(meter.clientCounters[MeterClient.utility] == nil, "no key was used")
            }
            let refused = await #expect(throws: Refusal.self) {
                try await fixture.site.perform(
                    PollLiveness(.meter(4711), reference: "two"), as: fixture.actor, source: "test")
            }
            #expect(refused?.code == .notFound)
        }
    }
}
