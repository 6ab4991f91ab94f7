// From the stream of events to outages, notices, tamper cases and orders: what the job and the outbox do together, on
// both engines, also when it breaks off anywhere.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import IntervalData
import Journal
import Messaging
import MeterData
import MeterPort
import Meters
import Outbox
import SQL
import Supply
import TestSupport
import Testing

@testable import HeadEnd
@testable import Jobs

/// Transformer 21 under feeder 2 with five meters, 2001 to 2005, of accounts 101 to 105.
struct JobHouse: Sendable {
    static let migrations =
        AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + MeterKeysSchema.migrations + EventStreamSchema.migrations + HeadEndSchema.migrations
        + JournalSchema.migrations + MessagingSchema.migrations + Outbox.migrations + SupplySchema.migrations
        + JobsSchema.migrations + ChangeStream.migrations + MeterDataSchema.migrations
    static let org = Org(orgID: 1, name: "One")
    static let scope = Scope(orgID: 1)
    static let day = CivilDay(number: 20_500)
    static let startMs = Zone.india.startS(of: day) * 1000 + 36_000_000
    static let meters = Array(Int64(2_001)...2_005)

    let stores: TestSite
    let clock = ManualClock(startMs: startMs)
    let site: Site

    init(_ stores: TestSite, money: (any Database)? = nil, clock: ManualClock? = nil) {
        self.stores = stores
        let clock = clock ?? self.clock
        site = Site(
            money: money ?? stores.money, readings: stores.readings, clocks: .manual(clock),
            ids: IDGenerator(processNumber: 1, clocks: .manual(clock)))
    }

    static func at(_ seconds: Int64) -> Int64 { startMs + seconds * 1000 }

    func make() async throws {
        try await stores.money.write { transaction in
            try Self.org.create(in: transaction)
            try Place(placeID: 2, parentID: nil, kind: .feeder, name: "F").create(Self.scope, in: transaction)
            try Place(placeID: 21, parentID: 2, kind: .transformer, name: "T").create(Self.scope, in: transaction)
            for meterID in Self.meters {
                try SupplyAccount(
                    accountID: meterID - 1_900, accountNumber: "A\(meterID)", name: "House", category: "domestic",
                    placeID: 21, sanctionedW: 4_000, language: "en", openedDay: Self.day.advanced(by: -100)
                ).create(Self.scope, in: transaction)
                try Meter(
                    meterID: meterID, serial: "M\(meterID)", host: "h", port: 1, clientAddress: 48,
                    authentication: "none", sealedKeys: nil, capturePeriodS: 1_800
                ).create(Self.scope, atMs: 0, in: transaction)
                try Installation(
                    meterID: meterID, accountID: meterID - 1_900, fromDay: Self.day.advanced(by: -100)
                ).create(Self.scope, in: transaction)
            }
        }
    }

    /// Pushes as they arrive, a second after they were sent, in the stores themselves: nothing breaks here.
    func push(_ meterID: Int64, _ code: Int, _ atS: Int64) async throws {
        let event = NewEvent(
            meterID: meterID, code: code, meterAtMs: Self.at(atS), receivedAtMs: Self.at(atS + 1), isPushed: true)
        try await stores.money.write { [site] in
            _ = try EventStream.record([event], ids: site.ids, Self.scope, in: $0)
        }
    }

    func log(_ meterID: Int64, _ entries: [(Int64, Int)], readAtS: Int64) async throws {
        let read = entries.map { MeterEventEntry(atS: Self.at($0.0) / 1000, code: $0.1) }
        try await stores.money.write { [site] in
            try EventStream.record(
                read: read, meterID: meterID, readAtMs: Self.at(readAtS), ids: site.ids, Self.scope, in: $0)
        }
    }

    @discardableResult
    func run(atS: Int64) async throws -> (changed: Int, told: Int, cases: Int) {
        clock.nowMs = Self.at(atS)
        _ = try await OutboxDispatcher(site: site, orgs: [Self.org]).run()
        return try await OutageKeeper(site: site, org: Self.org).run { _ in }
    }

    func outages() async throws -> [OutageRow] {
        try await stores.money.read { try Outages.list(limit: 50, Self.scope, in: $0) }
    }

    func messages() async throws -> [String] {
        try await stores.money.read { try Message.after(0, limit: 100, Self.scope, in: $0) }.map {
            "\($0.accountID) \($0.template.rawValue)"
        }.sorted()
    }

    func cases(_ state: TamperCase.State? = nil) async throws -> [TamperCase] {
        try await stores.money.read { try TamperCases.list(state: state, limit: 50, Self.scope, in: $0).map(\.item) }
    }
}

@Suite struct OutageJobTests {
    private func house(_ engine: TestEngine, _ body: (JobHouse) async throws -> Void) async throws {
        try await withSite(engine, migrations: JobHouse.migrations) { stores in
            let house = JobHouse(stores)
            try await house.make()
            try await body(house)
        }
    }

    @Test(arguments: TestEngine.available)
    func `from the gasp to the message that it is back`(_ engine: TestEngine) async throws {
        try await house(engine) { house in
            for meterID in JobHouse.meters.dropLast() { try await house.push(meterID, 101, meterID - 2_001) }
            #expect(try await house.run(atS: 60).told == 0)
            let open = try #require(try await house.outages().first)
            #expect(open.outage.placeID == 21 && open.outage.members == 4 && open.outage.silent == 1)
            #expect(try await house.run(atS: 1_900).told == 5)
            #expect(try await house.run(atS: 2_000).told == 0)
            for meterID in JobHouse.meters.dropLast() { try await house.push(meterID, 102, 3_000) }
            #expect(try await house.run(atS: 3_100).told == 5)
            #expect(
                try await house.messages()
                    == (["0 supply-back", "0 supply-failed"]
                    + (101...104).flatMap { ["\($0) supply-back", "\($0) supply-failed"] }).sorted())
            let over = try #require(try await house.outages().first)
            #expect(over.outage.outageID == open.outage.outageID && over.outage.endMs == JobHouse.at(3_000))
            // The log is read in the night: exact times, and the silent one was dark for longer.
            try await house.log(2_001, [(-10, 101), (2_990, 102)], readAtS: 50_000)
            try await house.log(2_005, [(2, 101), (4_000, 102)], readAtS: 50_000)
            try await house.run(atS: 50_100)
            let corrected = try #require(try await house.outages().first)
            #expect(corrected.outage.outageID == open.outage.outageID)
            #expect(corrected.outage.members == 5 && corrected.outage.silent == 0)
            #expect(corrected.outage.startMs == JobHouse.at(-10) && corrected.outage.endMs == JobHouse.at(4_000))
            #expect(try await house.messages().count == 10)
        }
    }

    @Test(arguments: TestEngine.available)
    func `an answer ends an outage whose breath was lost`(_ engine: TestEngine) async throws {
        try await house(engine) { house in
            try await house.push(2_001, 101, 0)
            try await house.run(atS: 60)
            #expect(try await house.outages().map(\.outage.endMs) == [nil])
            try await house.stores.money.write { transaction in
                try transaction.run(
                    """
                    INSERT INTO liveness_poll (org_id, poll_id, poll_key, title, why, login_id, asked_at_ms, meters)
                    VALUES (1, 7, 'k', 't', '', 0, 0, 1)
                    """)
                try transaction.run(
                    """
                    INSERT INTO liveness (org_id, poll_id, meter_id, state, asked_at_ms)
                    VALUES (1, 7, 2001, 'alive', $1)
                    """, [.int(JobHouse.at(4_000))])
            }
            try await house.run(atS: 4_100)
            let ended = try await house.stores.money.read {
                try Outages.of(
                    meterID: 2_001, fromMs: 0, toMs: .max / 4, JobHouse.scope, in: $0)
            }
            #expect(ended.map(\.endMs) == [JobHouse.at(2_000)] && ended[0].confidence == .medium)
        }
    }

    @Test(arguments: TestEngine.available)
    func `readings decide on the silent`(_ engine: TestEngine) async throws {
        try await house(engine) { house in
            for meterID in JobHouse.meters.prefix(3) {
                try await house.push(meterID, 101, 0)
                try await house.push(meterID, 102, 7_200)
            }
            try await house.run(atS: 8_000)
            #expect(try await house.outages().map(\.outage.silent) == [2])
            // The outage lasts from 10:00 to 12:00: slots 20 to 23 lie in it.
            let shard = try await house.stores.readings.shard(JobHouse.day.month)
            try await shard.write { transaction in
                for (meterID, wh) in [(Int64(2_004), Int32(0)), (2_005, 55)] {
                    try DayBlocks.store(
                        DayBlock(
                            values: (0..<48).map { (20..<24).contains($0) ? wh : 100 },
                            qualities: Array(repeating: .actual, count: 48), sources: [SourceRun(batch: 1, count: 48)]),
                        after: nil, day: JobHouse.day, meterID: meterID, madeBy: "read", madeAtMs: 5, orgID: 1,
                        in: transaction)
                }
            }
            try await house.run(atS: 9_000)
            let row = try #require(try await house.outages().first)
            #expect(row.outage.silent == 1)
            let (dark, fed) = try await house.stores.money.read { transaction in
                (
                    try Outages.of(meterID: 2_004, fromMs: 0, toMs: .max / 4, JobHouse.scope, in: transaction),
                    try Outages.of(meterID: 2_005, fromMs: 0, toMs: .max / 4, JobHouse.scope, in: transaction)
                )
            }
            #expect(dark.map(\.confidence) == [.medium] && fed.isEmpty)
            try await house.run(atS: 9_300)
            #expect(try await house.outages().map(\.outage.version) == [row.outage.version])
        }
    }

    /// Every statement in turn breaks the run off; the next run goes on, and the end is as if nothing had happened.
    @Test(arguments: TestEngine.available)
    func `broken off anywhere, it goes on and tells nobody twice`(_ engine: TestEngine) async throws {
        try await house(engine) { house in
            for meterID in JobHouse.meters.prefix(4) {
                try await house.push(meterID, 101, 0)
                if meterID == 2_001 { try await house.push(meterID, 102, 2_500) }
            }
            house.clock.nowMs = JobHouse.at(2_600)
            for failAt in 1..<200 {
                let failing = FailingDatabase(house.stores.money, failAt: failAt)
                let broken = JobHouse(house.stores, money: failing, clock: house.clock)
                do {
                    _ = try await OutboxDispatcher(site: broken.site, orgs: [JobHouse.org]).run()
                    _ = try await OutageKeeper(site: broken.site, org: JobHouse.org).run { _ in }
                    if failing.statementCount < failAt { break }
                } catch is SQLError { continue }
            }
            try await house.run(atS: 2_700)
            let rows = try await house.outages()
            #expect(rows.count == 1 && rows[0].outage.members == 4)
            let messages = try await house.messages()
            #expect(messages.count == Set(messages).count && messages.contains("102 supply-failed"))
        }
    }
}

@Suite struct TamperJobTests {
    private func house(
        _ engine: TestEngine, cut: String, _ body: (JobHouse) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: JobHouse.migrations) { stores in
            let house = JobHouse(stores)
            try await house.make()
            var rules = TamperRules()
            rules.cut = cut
            let text = rules.json()
            try await stores.money.write {
                try Setting.set(TamperRules.setting, text, from: JobHouse.day, JobHouse.scope, in: $0)
            }
            try await body(house)
        }
    }

    private func magnets(_ house: JobHouse) async throws {
        for start in [Int64(0), 5_000, 10_000] {
            try await house.push(2_001, 201, start)
            try await house.push(2_001, 202, start + 900)
        }
    }

    private func orders(_ house: JobHouse) async throws -> [String] {
        try await house.stores.money.read { transaction in
            try transaction.query(
                "SELECT desired, state FROM meter_order WHERE org_id = 1 ORDER BY order_id", []
            ) { "\(try $0.text(0)) \(try $0.text(1))" }
        }
    }

    @Test(arguments: TestEngine.available)
    func `signs become a case, a valid case a visit, and by rule a proposal`(_ engine: TestEngine) async throws {
        try await house(engine, cut: "propose") { house in
            try await house.push(2_001, 201, 0)
            try await house.run(atS: 100)
            #expect(try await house.cases().map(\.state) == [.seen])
            #expect(try await orders(house).isEmpty)
            try await magnets(house)
            try await house.run(atS: 20_000)
            let found = try await house.cases()
            #expect(found.map(\.state) == [.valid] && found[0].reasons == [.lasted, .repeated])
            #expect(found[0].times == 3 && found[0].lastedMs == 2_700_000 && found[0].isOver)
            #expect(try await orders(house) == ["open awaiting"])
            try await house.run(atS: 25_000)
            #expect(try await orders(house) == ["open awaiting"])
            // A person closes it: the proposal is stopped, nobody was cut, so nothing is restored.
            let caseID = found[0].caseID
            _ = try await house.site.perform(
                CloseTamperCase(caseID: caseID, isResolved: true, reason: "seal renewed"), as: .system(orgID: 1),
                source: "test")
            try await house.run(atS: 30_000)
            #expect(try await orders(house) == ["open stopped"])
            await #expect(throws: Refusal.self) {
                _ = try await house.site.perform(
                    CloseTamperCase(caseID: caseID, isResolved: true, reason: "again"), as: .system(orgID: 1),
                    source: "test")
            }
            // Its signs are done with; a new one opens a new case.
            try await house.log(2_001, [(0, 201), (900, 202)], readAtS: 31_000)
            try await house.run(atS: 35_000)
            #expect(try await house.cases().count == 1)
            try await house.push(2_001, 201, 40_000)
            try await house.run(atS: 41_000)
            #expect(try await house.cases().map(\.state).contains(.seen))
        }
    }

    @Test(arguments: TestEngine.available)
    func `where the rule says so it is cut, and restored when resolved`(_ engine: TestEngine) async throws {
        try await house(engine, cut: "order") { house in
            try await house.push(2_002, 251, 0)
            try await house.push(2_003, 67, 0)
            try await house.push(2_003, 68, 90_000)
            try await house.run(atS: 100_000)
            // The cover speaks for itself; overload is shown and cuts nobody.
            #expect(try await house.cases(.valid).map(\.kind) == [.coverOpen])
            #expect(try await orders(house) == ["open running"])
            let caseID = try #require(try await house.cases(.valid).first?.caseID)
            _ = try await house.site.perform(
                CloseTamperCase(caseID: caseID, isResolved: true, reason: "new cover"), as: .system(orgID: 1),
                source: "test")
            try await house.run(atS: 110_000)
            try await house.run(atS: 120_000)
            #expect(try await orders(house) == ["open running", "closed running"])
        }
    }

    @Test(arguments: TestEngine.available)
    func `the initial rule orders nothing`(_ engine: TestEngine) async throws {
        try await house(engine, cut: "off") { house in
            try await magnets(house)
            try await house.run(atS: 20_000)
            #expect(try await house.cases().map(\.state) == [.valid])
            #expect(try await orders(house).isEmpty)
        }
    }
}
