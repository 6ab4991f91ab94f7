// Trouble at one meter, one event or one worker is nobody else's: keys that are wrong, values that are held, events
// that cannot be delivered, two workers on one database, and days of 23 and 25 hours.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import IntervalData
import Jobs
import Journal
import Messaging
import MeterData
import MeterFleet
import MeterPort
import Meters
import Outbox
import Payments
import PostgresAdapter
import Rating
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct HeadEndLineTests {
    /// A Monday.
    static let first = CivilDay(year: 2009, month: 3, day: 2)!

    private static func at(_ offset: Int, _ hour: Int64) -> Int64 {
        LineFixture.ms(first.advanced(by: offset), hours: hour)
    }

    private static func configurations(_ count: Int) -> [MeterConfiguration] {
        (0..<count).map {
            MeterConfiguration(
                serial: "HE\(100 + $0)", load: .household(HouseholdModel(seed: UInt64($0 + 71))), installed: first,
                secrets: LineFixture.secrets, seed: UInt64($0))
        }
    }

    private static func rich(_ stores: TestSite, _ configurations: [MeterConfiguration], startMs: Int64 = at(1, 0))
        async throws -> LineFixture
    {
        let clock = ManualClock(startMs: startMs)
        return try await LineFixture.make(
            site: site(stores, clock: clock), clock: clock, configurations: configurations,
            openingPaise: { _ in 500_000 }, from: first)
    }

    @Test func wrongKeysAreNotedAndStopNobodyElse() async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let fixture = try await Self.rich(stores, Self.configurations(4))
            let wrong = MeterKeys(
                secret: LineFixture.secrets.hls, encryptionKey: Array("ANOTHER-KEY-0001".utf8),
                authenticationKey: LineFixture.secrets.authenticationKey, clientSystemTitle: Array("BUSBAR01".utf8))
            let foreign = try KeyVault(masterKey: Array(repeating: 9, count: 32)).seal(wrong, meterID: 1002)
            let sealed = try LineFixture.vault().seal(wrong, meterID: 1001)
            try await fixture.site.money.write { transaction in
                for (meterID, keys) in [(1001, sealed), (1002, foreign)] {
                    try transaction.run(
                        "UPDATE meter SET sealed_keys = $1 WHERE meter_id = $2", [.bytes(keys), .int(meterID)])
                }
            }
            try await fixture.run(untilMs: Self.at(1, 2))
            let rows = try await fixture.site.money.read { transaction in
                try transaction.query(
                    "SELECT meter_id, state, last_error, attempt FROM collection ORDER BY meter_id", []
                ) {
                    (meterID: try $0.int(0), state: try $0.text(1), error: try $0.optionalText(2), tries: try $0.int(3))
                }
            }
            #expect(rows.map(\.meterID) == [1001, 1002, 1003, 1004])
            #expect(rows.map(\.state) == ["pending", "pending", "complete", "complete"])
            for row in rows.prefix(2) {
                #expect(row.error?.isEmpty == false && row.tries >= 2, "\(row)")
                #expect(row.error?.contains("ANOTHER-KEY") == false)
            }
            let job = try await fixture.site.money.read { [scope = fixture.scope] in
                try JobStore.overview(scope, in: $0).first { $0.kind == .collect }
            }
            #expect(job?.lastError == nil && job?.state == .waiting)
            // The right keys again: everything is fetched.
            let right = try LineFixture.vault().seal(
                MeterKeys(
                    secret: LineFixture.secrets.hls, encryptionKey: LineFixture.secrets.encryptionKey,
                    authenticationKey: LineFixture.secrets.authenticationKey,
                    clientSystemTitle: Array("BUSBAR01".utf8)),
                meterID: 1001)
            try await fixture.site.money.write {
                try $0.run("UPDATE meter SET sealed_keys = $1 WHERE meter_id = 1001", [.bytes(right)])
            }
            try await fixture.run(untilMs: Self.at(2, 12), stepMs: 3_600_000)
            let block = try await History.blocks(
                meterID: 1001, from: Self.first, to: Self.first, site: fixture.site, orgID: 1
            ).first?.block
            #expect(block?.values == fixture.houses[0].meter.servedWh(day: Self.first))
            await fixture.fleet.stop()
        }
    }

    @Test func theRawStoreKeepsWhatWasRefused() async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            var configurations = Self.configurations(1)
            let badEndS = Self.at(0, 12) / 1000
            configurations[0].faults.corruptWh = [badEndS: -5]
            let fixture = try await Self.rich(stores, configurations)
            try await fixture.run(untilMs: Self.at(1, 2))
            let shard = try await fixture.site.readings.shard(Self.first.month)
            let reads = try await shard.read {
                try RawRead.after(change: 0, month: Self.first.month, limit: 100, orgID: 1, in: $0)
            }
            #expect(reads.count == 1 && reads.first?.rows.count == 48)
            // Minus five wraps in the meter's 32 bits; what no interval can hold is kept as the largest value.
            #expect(reads.first?.rows.first { $0.endS == badEndS }?.importWh == .max)
            let block = try #require(
                try await History.blocks(meterID: 1001, from: Self.first, to: Self.first, site: fixture.site, orgID: 1)
                    .first)
            #expect(block.block.qualities[23] == .missing && block.block.qualities.count { $0 == .actual } == 47)
            let exceptions = try await shard.read {
                try VEEException.of(meterID: 1001, from: Self.first, to: Self.first, orgID: 1, in: $0)
            }
            #expect(
                exceptions.contains { $0.severity == "hard" && $0.slots == 23..<24 && $0.rawValues == "\(Int32.max)" })
            // Reading the day again does not lose the first answer.
            try await fixture.site.money.write {
                try $0.run(
                    "UPDATE collection SET state = 'pending', attempt = 0, next_at_ms = 0, slots = $1",
                    [.text(String(repeating: "0", count: 48))])
            }
            try await fixture.run(untilMs: Self.at(1, 4))
            let again = try await shard.read {
                try RawRead.after(change: 0, month: Self.first.month, limit: 100, orgID: 1, in: $0)
            }
            #expect(again.count == 2 && again.first == reads.first)
            await fixture.fleet.stop()
        }
    }

    @Test func anEventThatCannotBeDeliveredHoldsUpNobody() async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let fixture = try await Self.rich(stores, Self.configurations(1))
            try await fixture.site.money.write { transaction in
                // Two hundred and more, so that a page full of them does not hide the rest.
                for number in 1...250 {
                    try Outbox.append(
                        OutboxEvent(
                            orgID: 1, eventID: Int64(number), kind: .notice, subjectID: 101, detail: "nonsense",
                            businessAtMs: 0), in: transaction)
                }
                try transaction.run(
                    """
                    INSERT INTO outbox (org_id, event_id, kind, subject_id, detail, business_at_ms, attempt)
                    VALUES (1, 500, 'from-a-later-release', 101, '', 0, 0)
                    """)
            }
            for _ in 0..<3 { try await fixture.line.tick() }
            let (left, messages) = try await fixture.site.money.read { [scope = fixture.scope] transaction in
                (
                    try transaction.query("SELECT kind, attempt, last_error FROM outbox ORDER BY event_id", []) {
                        (kind: try $0.text(0), tries: try $0.int(1), error: try $0.optionalText(2))
                    }, try Message.of(accountID: 101, limit: 10, scope, in: transaction)
                )
            }
            #expect(messages.map(\.template) == [.rechargeReceived])
            #expect(
                left.count == 251 && left.dropLast().allSatisfy { $0.tries > 0 && $0.error?.contains("notice") == true }
            )
            #expect(left.last?.kind == "from-a-later-release" && left.last?.tries == 0)
            await fixture.fleet.stop()
        }
    }

    /// A meter entered three days after it was installed, and a line that was down for longer than a week.
    @Test func lateEntriesAndLongStopsLoseNoDay() async throws {
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let fixture = try await Self.rich(stores, Self.configurations(2))
            try await fixture.site.money.write { try $0.run("DELETE FROM installation WHERE meter_id = 1002") }
            try await fixture.run(untilMs: Self.at(3, 8), stepMs: 3_600_000)
            try await fixture.site.money.write { [scope = fixture.scope] in
                try Installation(meterID: 1002, accountID: 102, fromDay: Self.first).create(scope, in: $0)
            }
            try await fixture.run(untilMs: Self.at(4, 8), stepMs: 3_600_000)
            fixture.clock.nowMs = Self.at(16, 8)
            try await fixture.line.tick()
            try await fixture.run(untilMs: Self.at(16, 10))
            try await checkTruth(fixture, from: Self.first, days: 16, rechargedPaise: { _ in 500_000 }, "late entry")
            await fixture.fleet.stop()
        }
    }

    /// Spring forward and fall back in a zone that does: days of 46 and 50 half hours, read, stored and billed.
    @Test(arguments: ["2009-03-27", "2009-10-23"])
    func daysOfAChangeOfClock(_ text: String) async throws {
        let london = try #require(Zone("Europe/London"))
        let first = try #require(CivilDay(text))
        let sunday = first.advanced(by: 2)
        #expect(sunday.weekday == 7 && [46, 50].contains(london.slotCount(of: sunday, periodS: 1800)))
        try await withSite(.sqlite, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: london.startS(of: first.advanced(by: 1)) * 1000)
            let configurations = (0..<2).map {
                MeterConfiguration(
                    serial: "UK\($0)", zone: london,
                    load: .household(HouseholdModel(seed: UInt64($0 + 91), zone: london)),
                    installed: first, baseWh: 12, secrets: LineFixture.secrets, seed: UInt64($0))
            }
            let fixture = try await LineFixture.make(
                site: site(stores, clock: clock), clock: clock, configurations: configurations,
                openingPaise: { _ in 500_000 }, from: first,
                org: Org(orgID: 1, name: "Thames", zone: london, currency: "GBP"))
            try await fixture.run(
                untilMs: (london.startS(of: first.advanced(by: 4)) + 8 * 3600) * 1000, stepMs: 3_600_000)
            try await checkTruth(fixture, from: first, days: 4, rechargedPaise: { _ in 500_000 }, text)
            let charges = try await fixture.site.money.read { [scope = fixture.scope] in
                try Charge.current(accountID: 102, from: sunday, to: sunday, scope, in: $0)
            }
            #expect(
                charges.first?.energyWh == fixture.houses[1].meter.servedWh(day: sunday).reduce(0) { $0 + Int64($1) })
            #expect(charges.first?.estimatedSlots == 0)
            await fixture.fleet.stop()
        }
    }

    /// Two workers with connections of their own claim from one database; it comes to what one comes to.
    @Test(.enabled(if: TestEngine.available.contains(.postgres), "PostgreSQL is not here; standard error says why"))
    func twoLinesShareTheWork() async throws {
        let server = try PrivatePostgres.shared.get()
        func run(workers: Int) async throws -> (RunResult, [Int]) {
            let place = StorePlace(folder: "", url: try await server.freshDatabase())
            try await place.migrate()
            let clock = ManualClock(startMs: Survival.startMs)
            let fixture = try await place.with(clock, processNumber: 1) { try await Survival.make($0, clock: clock) }
            let (money, readings) = try await place.open()
            let (money2, readings2) = try await place.open()
            let clocks = Clocks.moved(clock)
            let sites = [(money, readings), (money2, readings2)].prefix(workers).enumerated().map { index, stores in
                Site(
                    money: stores.0, readings: stores.1, clocks: clocks,
                    ids: IDGenerator(processNumber: Int64(index + 2), clocks: clocks))
            }
            let lines = try sites.enumerated().map {
                try LineFixture.line(site: $0.element, holder: "worker-\($0.offset)")
            }
            var ran = Array(repeating: 0, count: workers)
            while true {
                if clock.nowMs == Survival.rechargeMs { try await Survival.moment(sites[0], lines[0]) }
                let counts = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                    for (index, line) in lines.enumerated() { group.addTask { (index, try await line.tick()) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                for (index, count) in counts { ran[index] += count }
                guard clock.nowMs < Survival.endMs else { break }
                clock.nowMs += Survival.stepMs
            }
            let running = try fixture.restarted(on: sites[0], holder: "worker-0")
            try await checkTruth(
                running, from: Survival.installed, days: 6,
                rechargedPaise: { Survival.openingPaise[$0] + ($0 == 1 ? 100_000 : 0) }, "\(workers) workers")
            let result = try await RunResult.of(running)
            for database in [money, money2] { await database.close() }
            await fixture.fleet.stop()
            try await server.drop(place.url ?? "")
            return (result, ran)
        }
        let (one, _) = try await run(workers: 1)
        let (two, shares) = try await run(workers: 2)
        #expect(two.differences(from: one).isEmpty)
        #expect(shares.allSatisfy { $0 > 0 }, "one worker did everything: \(shares)")
    }
}
