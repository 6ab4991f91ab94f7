// The collection engine: spread and back-off, gaps asked for again, what is not to be had, two collectors and one
// meter, raw answers with their frames, the alarm for what nobody takes over, and the service clocks. Both engines.
import API
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import Jobs
import MeterFleet
import MeterLink
import MeterPort
import Meters
import SQL
import Synchronization
import TestSupport
import Testing

/// Counts how many talk with one meter at the same time, and holds each conversation for a moment.
private final class WatchedTransport: MeterTransport {
    private struct State {
        var inside: [String: Int] = [:]
        var most = 0
        var conversations = 0
    }
    private let state = Mutex(State())
    let inner: any MeterTransport
    let holdMs: Int

    init(_ inner: any MeterTransport, holdMs: Int) {
        self.inner = inner
        self.holdMs = holdMs
    }

    var most: Int { state.withLock { $0.most } }
    var conversations: Int { state.withLock { $0.conversations } }

    func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value {
        let name = "\(endpoint.host):\(endpoint.port)"
        state.withLock { state in
            state.conversations += 1
            state.inside[name, default: 0] += 1
            state.most = max(state.most, state.inside[name] ?? 0)
        }
        defer { state.withLock { $0.inside[name, default: 1] -= 1 } }
        try await Task.sleep(for: .milliseconds(holdMs))
        return try await inner.converse(with: endpoint, body)
    }
}

@Suite(.serialized)
struct CollectionTests {
    /// A Monday.
    static let first = CivilDay(year: 2009, month: 3, day: 2)!

    static func at(_ offset: Int, _ hour: Int64) -> Int64 {
        LineFixture.ms(first.advanced(by: offset), hours: hour)
    }

    static func with(
        _ engine: TestEngine, houses: Int = 1, startMs: Int64 = at(1, 0), ahead: ManualClock = ManualClock(startMs: 0),
        change: (Int, inout MeterConfiguration) -> Void = { _, _ in }, _ body: (LineFixture) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: startMs)
            let configurations = (0..<houses).map { index in
                var configuration = MeterConfiguration(
                    serial: "CO\(100 + index)", load: .household(HouseholdModel(seed: UInt64(index + 3))),
                    installed: first, secrets: LineFixture.secrets, seed: UInt64(index))
                change(index, &configuration)
                return configuration
            }
            let fixture = try await LineFixture.make(
                site: site(stores, clock: clock, ahead: ahead), clock: clock, configurations: configurations,
                openingPaise: { _ in 500_000 }, from: first)
            do {
                try await body(fixture)
                await fixture.fleet.stop()
            } catch {
                await fixture.fleet.stop()
                throw error
            }
        }
    }

    static func item(_ fixture: LineFixture, _ meterID: Int64 = 1001, day offset: Int = 0) async throws
        -> CollectionItem
    {
        let day = first.advanced(by: offset)
        let found = try await fixture.site.money.read { [scope = fixture.scope] in
            try CollectionItem.find(meterID: meterID, day: day, scope, in: $0)
        }
        return try #require(found)
    }

    static func reads(_ fixture: LineFixture, _ meterID: Int64 = 1001, day offset: Int = 0) async throws -> [RawRead] {
        let day = first.advanced(by: offset)
        return try await fixture.site.readings.shard(day.month).read {
            try RawRead.of(meterID: meterID, day: day, orgID: 1, in: $0)
        }
    }

    static func set(_ fixture: LineFixture, _ name: String, _ value: String) async throws {
        let today = fixture.org.zone.day(atS: fixture.clock.nowMs / 1000)
        try await fixture.site.money.write { [scope = fixture.scope] in
            try Setting.set(name, value, from: today, scope, in: $0)
        }
    }

    // MARK: spread and back-off

    @Test func firstCallsAreSpreadAndRetriesKeepTheirBounds() {
        var schedule = CollectionSchedule()
        (schedule.startMinutes, schedule.spreadMinutes, schedule.retryMinutes) = (30, 20, 10)
        let endMs = Self.at(1, 0)
        var seconds: [Int64: Int] = [:]
        for meterID in Int64(1000)..<3000 {
            let ms = schedule.firstCallMs(meterID: meterID, day: Self.first, dayEndMs: endMs)
            #expect(ms >= endMs + 30 * 60_000 && ms < endMs + 50 * 60_000)
            #expect(ms == schedule.firstCallMs(meterID: meterID, day: Self.first, dayEndMs: endMs))
            seconds[ms / 1000, default: 0] += 1
            for attempt in Int64(1)...9 {
                let base = Int64(10 * 60_000) << min(attempt - 1, 4)
                let pause = schedule.pauseMs(attempt: attempt, meterID: meterID, day: Self.first)
                #expect(pause >= base && pause < base + base / 4)
            }
        }
        // 2,000 neighbours over 1,200 seconds: some seconds have several, none has a street.
        #expect(seconds.count > 900 && (seconds.values.max() ?? 0) <= 12)
        let pauses = Set((0..<200).map { schedule.pauseMs(attempt: 1, meterID: $0, day: Self.first) })
        #expect(pauses.count > 190, "neighbours that failed together do not call together again")
        let days = Set(
            (0..<50).map {
                schedule.firstCallMs(meterID: 7, day: Self.first.advanced(by: $0), dayEndMs: 0)
            })
        #expect(days.count > 45, "a meter is not called at the same second every day")
    }

    @Test func schedulesReadWhatTheyWrite() throws {
        let text = "all spread=30 parallel=4; profile:lt-ct start=60 tries=3; place:12 parallel=2 pause=500"
        let schedules = try #require(CollectionSchedules(text))
        #expect(CollectionSchedules(schedules.text) == schedules)
        #expect(schedules.list.map(\.parallel) == [4, 4, 2] && schedules.list[1].spreadMinutes == 30)
        #expect(schedules.list[2].pauseMs == 500 && schedules.list[1].tries == 3)
        for wrong in [
            "", "all parallel=0", "all parallel=257", "profile:x", "all; all", "all speed=3", "all start",
            "all start=a",
            "place:1 start=0; all", "all; place:x", "all;", "all start=1440", "all pause=60001", "all x",
        ] {
            #expect(CollectionSchedules(wrong) == nil, "\(wrong)")
        }
        #expect(throws: Refusal.self) {
            try SetSetting("collection.schedules", to: "all parallel=0", from: nil, in: BusbarSettings.registry)
        }
    }

    @Test(arguments: TestEngine.available)
    func theFirstCallWaitsForItsMomentAndAGroupHasItsOwn(_ engine: TestEngine) async throws {
        try await Self.with(engine, houses: 3) { fixture in
            try await Self.set(fixture, "collection.schedules", "all spread=0; place:10 start=120 spread=60")
            try await fixture.line.tick()
            let early = try await Self.item(fixture)
            #expect(early.attempt == 0 && early.nextAtMs >= Self.at(1, 2) && early.nextAtMs < Self.at(1, 3))
            try await fixture.run(untilMs: Self.at(1, 2))
            #expect(try await Self.item(fixture).attempt == 0)
            try await fixture.run(untilMs: Self.at(1, 3))
            for meterID in Int64(1001)...1003 {
                #expect(try await Self.item(fixture, meterID).state == "complete")
            }
        }
    }

    // MARK: gaps

    @Test(arguments: TestEngine.available)
    func aPartialDayIsAskedAgainForItsGapsOnly(_ engine: TestEngine) async throws {
        try await Self.with(engine) { _, configuration in
            configuration.faults.lateRows = [
                .init(
                    fromS: Self.at(0, 6) / 1000, untilS: Self.at(0, 8) / 1000, visibleAtS: Self.at(1, 5) / 1000)
            ]
        } _: { fixture in
            try await fixture.run(untilMs: Self.at(1, 1))
            let partial = try await Self.item(fixture)
            #expect(partial.state == "partial" && partial.haveSlots == 44 && partial.cause == .partial)
            #expect(partial.nextAtMs > fixture.clock.nowMs && partial.lastError?.contains("4 intervals") == true)
            try await fixture.run(untilMs: Self.at(1, 16))
            let whole = try await Self.item(fixture)
            #expect(whole.state == "complete" && whole.haveSlots == 48 && whole.lastError == nil && whole.cause == nil)
            let reads = try await Self.reads(fixture)
            #expect(reads.map(\.rows.count).sorted() == [4, 44], "the second answer holds the gap alone")
        }
    }

    @Test(arguments: TestEngine.available)
    func whatIsNotToBeHadIsMarkedAndCanBeAskedForAgain(_ engine: TestEngine) async throws {
        try await Self.with(engine) { _, configuration in
            configuration.faults.lateRows = [
                .init(fromS: Self.at(0, 6) / 1000, untilS: Self.at(0, 9) / 1000, visibleAtS: Self.at(2, 0) / 1000)
            ]
            configuration.scriptedEvents = [(Self.at(0, 6) / 1000, 101), (Self.at(0, 7) / 1000, 102)]
        } _: { fixture in
            try await Self.set(fixture, "collection.schedules", "all spread=0 tries=3")
            try await fixture.run(untilMs: Self.at(1, 4))
            let lost = try await Self.item(fixture)
            #expect(lost.state == "lost" && lost.cause == .lost && lost.attempt == 3)
            #expect(lost.slots.utf8.count { $0 == SlotMark.powerless.rawValue } == 2)
            #expect(lost.slots.utf8.count { $0 == SlotMark.absent.rawValue } == 4)
            #expect(lost.lastError?.contains("2 intervals without power") == true)
            let needs = try await NeedList.of(fixture.site, fixture.scope)
            #expect(needs.items.contains { $0.kind == .intervalsLost && $0.meterID == 1001 && $0.day == Self.first })
            let before = lost.attempt
            try await fixture.run(untilMs: Self.at(1, 12))
            #expect(try await Self.item(fixture).attempt == before, "it is not asked for again by itself")
            try await fixture.run(untilMs: Self.at(2, 1))
            _ = try await fixture.site.perform(CollectNow(meterID: 1001), as: fixture.actor, source: "test")
            try await fixture.line.tick()
            #expect(try await Self.item(fixture).state == "complete")
            let refused = await #expect(throws: Refusal.self) {
                try await fixture.site.perform(CollectNow(meterID: 1001), as: fixture.actor, source: "test")
            }
            #expect(refused?.code == .conflict)
        }
    }

    @Test func powerFailuresCoverWhatTheyTouch() {
        let none = String(repeating: "0", count: 8)
        func marks(_ events: [(Int64, Int)]) -> String {
            CollectionItem.givenUp(
                none, events: events.map { MeterEventEntry(atS: $0.0, code: $0.1) }, startS: 0, endS: 8 * 1800,
                periodS: 1800)
        }
        #expect(marks([]) == "xxxxxxxx")
        #expect(marks([(1800, 101), (3600, 102)]) == "xpxxxxxx")
        #expect(marks([(1900, 101), (3700, 102)]) == "xppxxxxx")
        #expect(marks([(3600, 102)]) == "ppxxxxxx", "it was dark when the day began")
        #expect(marks([(12_600, 101)]) == "xxxxxxxp", "and is still dark at its end")
        #expect(marks([(0, 101), (100, 101), (1800, 102), (1800, 7)]) == "pxxxxxxx")
    }

    @Test(arguments: TestEngine.available)
    func aMeterOutOfReachForTooLongEndsInTheOpen(_ engine: TestEngine) async throws {
        try await Self.with(engine) { _, configuration in
            configuration.faults.silences = [(TimeSpan(fromS: 0, untilS: .max), .hangUp)]
        } _: { fixture in
            try await fixture.line.tick()
            let late = try await Self.item(fixture)
            #expect(late.state == "pending" && late.cause == .unreachable && late.attempt == 1)
            fixture.clock.nowMs = Self.at(40, 1)
            try await fixture.line.tick()
            let lost = try await Self.item(fixture)
            #expect(lost.state == "lost" && !lost.slots.contains("0") && lost.lastError?.isEmpty == false)
            let late2 = try await fixture.site.money.read { [scope = fixture.scope] in
                try CollectionBoard.causes(from: Self.first.advanced(by: 5), scope, in: $0)
            }
            #expect(late2.map(\.cause) == [.unreachable] && late2.first?.meterDays == 35)
        }
    }

    // MARK: two collectors

    private static func collector(_ fixture: LineFixture, _ transport: any MeterTransport, _ holder: String) throws
        -> Collector
    {
        Collector(
            site: fixture.site, org: fixture.org, transport: transport, vault: try LineFixture.vault(),
            rules: LineFixture.collection,
            gates: MeterGates(lease: MeterLease(site: fixture.site, orgID: fixture.org.orgID, holder: holder)))
    }

    @Test(arguments: TestEngine.available)
    func twoCollectorsNeverCallOneMeterAtOnce(_ engine: TestEngine) async throws {
        try await Self.with(engine, houses: 6, startMs: Self.at(3, 1)) { fixture in
            let transport = WatchedTransport(TCPMeterTransport(zone: fixture.org.zone), holdMs: 60)
            let (one, two) = (
                try Self.collector(fixture, transport, "one"), try Self.collector(fixture, transport, "two")
            )
            async let a = one.run()
            async let b = two.run()
            let (first, second) = try await (a, b)
            #expect(transport.most == 1)
            #expect(first.failed + second.failed == 0 && first.read + second.read == 18)
            for meterID in Int64(1001)...1006 {
                for day in 0..<3 {
                    #expect(try await Self.reads(fixture, meterID, day: day).count == 1, "read twice")
                }
            }
            let left = try await fixture.site.money.read {
                try $0.query("SELECT COUNT(*) FROM meter_lease", []) { try $0.int(0) }
            }
            #expect(left == [0], "leases are given back")
        }
    }

    @Test(arguments: TestEngine.available)
    func theLeaseOfADeadProcessRunsOut(_ engine: TestEngine) async throws {
        let ahead = ManualClock(startMs: 0)
        try await Self.with(engine, ahead: ahead) { fixture in
            let dead = MeterLease(site: fixture.site, orgID: 1, holder: "dead")
            #expect(try await dead.take(1001))
            let transport = WatchedTransport(TCPMeterTransport(zone: fixture.org.zone), holdMs: 0)
            let collector = try Self.collector(fixture, transport, "alive")
            #expect(try await collector.run() == (0, 0))
            #expect(transport.conversations == 0)
            #expect(try await Self.item(fixture).attempt == 0, "being busy is no failure of the meter")
            ahead.nowMs += MeterLease.leaseMs + 1
            #expect(try await collector.run() == (1, 0))
        }
    }

    // MARK: raw answers

    @Test(arguments: TestEngine.available)
    func framesAreTheBytesThatCameOverTheWire(_ engine: TestEngine) async throws {
        try await Self.with(engine) { fixture in
            let proxy = RecordingProxy(meterPort: fixture.fleet.port(0))
            defer { proxy.stop() }
            try await fixture.site.money.write {
                try $0.run("UPDATE meter SET port = $1", [.int(proxy.port)])
            }
            try await fixture.line.tick()
            let read = try #require(try await Self.reads(fixture).first)
            let record = try #require(
                try await fixture.site.readings.shard(Self.first.month).read {
                    try RawFrames.find(batchID: read.batchID, meterID: 1001, day: Self.first, orgID: 1, in: $0)
                })
            #expect(!record.isCut && record.exchanges.count >= 3)
            // Every kept frame stands in what was heard, in order, whole.
            var (sent, heard) = (proxy.toMeter[...], proxy.fromMeter[...])
            for frame in record.exchanges.flatMap(\.frames) {
                let place = frame.isFromMeter ? Self.find(frame.bytes, in: heard) : Self.find(frame.bytes, in: sent)
                let end = try #require(place, "a frame that never went over the wire")
                if frame.isFromMeter { heard = heard[end...] } else { sent = sent[end...] }
            }
            let secrets = [LineFixture.secrets.hls, LineFixture.secrets.encryptionKey]
            for secret in secrets {
                let frames = record.exchanges.flatMap(\.frames)
                #expect(!frames.contains { Self.find(secret, in: $0.bytes[...]) != nil })
            }
            // And they say what was stored.
            let readings = FrameReading.of(record, zone: fixture.org.zone)
            let load = try #require(readings.first { $0.obis == "1.0.99.1.0" && $0.attribute == 2 })
            let energy = load.rows.map { row in
                BlockLoadRow(
                    endS: row.atS ?? 0,
                    importWh: row.values.first { $0.obis == "1.0.1.29.0" }.flatMap { Int32($0.value) } ?? -1)
            }
            #expect(energy == read.rows.map { BlockLoadRow(endS: $0.endS, importWh: $0.importWh) })
            #expect(load.rows.first?.values.first { $0.obis == "1.0.1.29.0" }?.unit == "Wh")
        }
    }

    private static func find(_ needle: [UInt8], in hay: ArraySlice<UInt8>) -> Int? {
        guard let first = needle.first else { return nil }
        var at = hay.startIndex
        while let next = hay[at...].firstIndex(of: first), next + needle.count <= hay.endIndex {
            if hay[next..<next + needle.count].elementsEqual(needle) { return next + needle.count }
            at = next + 1
        }
        return nil
    }

    @Test(arguments: TestEngine.available)
    func whatNobodyTakesOverIsAlarmedAndNeverDeleted(_ engine: TestEngine) async throws {
        try await Self.with(engine) { fixture in
            _ = try await fixture.site.perform(
                PauseJob(kind: .validate, reason: "kept for the test"), as: fixture.actor, source: "test")
            try await Self.set(fixture, "raw.keep-days", "3")
            try await fixture.run(untilMs: Self.at(4, 0), stepMs: 6 * 3_600_000)
            func alarmed() async throws -> Bool {
                try await NeedList.of(fixture.site, fixture.scope).items.contains { $0.kind == .rawUntaken }
            }
            #expect(try await !alarmed(), "three days are not over")
            try await fixture.run(untilMs: Self.at(6, 0), stepMs: 6 * 3_600_000)
            #expect(try await alarmed())
            #expect(try await Self.reads(fixture).count == 1, "kept, though older than is kept")
            _ = try await fixture.site.perform(ResumeJob(kind: .validate), as: fixture.actor, source: "test")
            try await fixture.line.tick()
            #expect(try await !alarmed())
            try await fixture.run(untilMs: Self.at(8, 1), stepMs: 6 * 3_600_000)
            #expect(try await Self.reads(fixture).isEmpty, "taken over and old: deleted")
            #expect(try await Self.reads(fixture, day: 7).count == 1, "taken over and young: kept")
            let frames = try await fixture.site.readings.shard(Self.first.month).read {
                try $0.query("SELECT MIN(day) FROM raw_frames", []) { try $0.day(0) }
            }
            #expect(frames.first == Self.first.advanced(by: 5))
        }
    }

    // MARK: service clocks

    @Test func targetsReadWhatTheyWrite() {
        for clock in ServiceClock.allCases {
            #expect(ServiceTarget(clock.initialTarget.text) == clock.initialTarget)
        }
        #expect(ServiceTarget("95 % in 10 min")?.text == "95.0% in 10 min")
        let all = [
            "", "95", "95%", "101% in 5 min", "0% in 5 min", "95.55% in 5 min", "95% in 0 min", "95% in x min",
        ]
        for wrong in all {
            #expect(ServiceTarget(wrong) == nil, "\(wrong)")
        }
    }

    @Test(arguments: TestEngine.available)
    func serviceClocksCountWhatCameInTime(_ engine: TestEngine) async throws {
        try await Self.with(engine, houses: 4) { index, configuration in
            // One answers after 10 hours, one never.
            if index == 0 {
                configuration.faults.silences = [
                    (TimeSpan(fromS: 0, untilS: Self.at(1, 10) / 1000), .hangUp)
                ]
            }
            if index == 1 { configuration.faults.silences = [(TimeSpan(fromS: 0, untilS: .max), .hangUp)] }
        } _: { fixture in
            try await fixture.run(untilMs: Self.at(1, 1))
            func days() async throws -> [ServiceClock: ServiceDay] {
                let found = try await fixture.site.money.read { [scope = fixture.scope] in
                    try ServiceDays.of(from: Self.first, to: Self.first, scope, in: $0)
                }
                return Dictionary(uniqueKeysWithValues: found.map { ($0.clock, $0) })
            }
            #expect(try await days().isEmpty, "no clock is judged before its time is over")
            try await fixture.run(untilMs: Self.at(2, 1))
            let counted = try await days()
            #expect(counted[.intervalsEarly]?.total == 192 && counted[.intervalsEarly]?.inTime == 96)
            #expect(counted[.intervalsDay]?.inTime == 144 && counted[.intervalsDay]?.isReached == false)
            #expect(counted[.dailyRead]?.total == 4 && counted[.dailyRead]?.inTime == 3)
            // Another target from now on leaves the past as it was.
            try await Self.set(fixture, "service.intervals-early", "50.0% in 480 min")
            try await fixture.run(untilMs: Self.at(2, 12), stepMs: 3_600_000)
            #expect(try await days()[.intervalsEarly]?.goalPermille == 950)
            // A read on demand, in time.
            _ = try await fixture.site.perform(
                OrderRead(meterID: 1003, reference: "r"), as: fixture.actor, source: "test", why: "asked")
            try await fixture.run(untilMs: Self.at(2, 14))
            let read = try await fixture.site.money.read { [scope = fixture.scope] in
                try ServiceDays.of(
                    from: Self.first.advanced(by: 2), to: Self.first.advanced(by: 2), scope, in: $0)
            }.first { $0.clock == .onDemand }
            #expect(read?.total == 1)
            try await fixture.site.money.write { [scope = fixture.scope] in
                try ServiceDays.add(.alarm, day: Self.first, total: 10, inTime: 7, scope, in: $0)
                try ServiceDays.add(.alarm, day: Self.first, total: 5, inTime: 5, scope, in: $0)
            }
            #expect(try await days()[.alarm]?.inTime == 12)
        }
    }
}
