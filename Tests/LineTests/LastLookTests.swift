// The last look before a cut, a recharge that overtakes the order, and the limits of a run.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Grid
import HeadEnd
import Journal
import Logging
import MeterFleet
import MeterLink
import Meters
import Payments
import SQL
import Supply
import Synchronization
import TestSupport
import Testing

@testable import Jobs

@Suite(.serialized)
struct LastLookTests {
    /// A Monday; the line starts on Thursday with three days to fetch.
    static let first = CivilDay(year: 2009, month: 3, day: 2)!
    private static func at(_ offset: Int, _ hour: Int64) -> Int64 {
        LineFixture.ms(first.advanced(by: offset), hours: hour)
    }

    /// One house whose cut is decided at eleven on Thursday and waits to be sent.
    private func withPendingCut(
        _ engine: TestEngine, _ body: (LineFixture, TamperingTransport) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: Self.at(3, 0))
            let configuration = MeterConfiguration(
                serial: "LL100", load: .household(HouseholdModel(seed: 53)), installed: Self.first,
                secrets: LineFixture.secrets, seed: 2)
            var fixture = try await LineFixture.make(
                site: site(stores, clock: clock), clock: clock, configurations: [configuration],
                openingPaise: { _ in 3_000 }, from: Self.first)
            let transport = TamperingTransport(TCPMeterTransport(zone: LineFixture.org.zone))
            fixture.line = Line(
                site: fixture.site, org: fixture.org, transport: transport, vault: try LineFixture.vault(),
                collection: LineFixture.collection, holder: "test",
                log: Logger(label: "line-test") { _ in SwiftLogNoOpLogHandler() })
            try await fixture.run(untilMs: Self.at(3, 11), stepMs: 3_600_000)
            #expect(try await orders(fixture) == ["disconnect waiting"])
            fixture.clock.nowMs += 300_000
            try await body(fixture, transport)
            try await checkBooks(fixture, "last look")
            await fixture.fleet.stop()
        }
    }

    private func orders(_ fixture: LineFixture) async throws -> [String] {
        try await fixture.site.money.read { [scope = fixture.scope, houses = fixture.houses] in
            try MeterCommand.of(meterID: houses[0].meterID, limit: 100, scope, in: $0).reversed().map {
                "\($0.kind) \($0.state.rawValue)"
            }
        }
    }

    private static func recharge(_ fixture: LineFixture) async throws {
        _ = try await fixture.site.perform(
            Recharge(
                accountID: fixture.houses[0].accountID, amountPaise: 100_000, method: .upi, reference: "PAY-1"),
            as: fixture.actor, source: "test")
    }

    /// Committed after the cut was looked at for the last time in its turn, and before the order is taken out. No event
    /// of it was delivered.
    @Test(arguments: TestEngine.available)
    func aRechargeJustBeforeTheOrderIsTakenOutStopsIt(_ engine: TestEngine) async throws {
        try await withPendingCut(engine) { fixture, transport in
            let line = fixture.line
            let relays = RelayCommander(
                site: fixture.site, org: fixture.org, transport: transport, vault: try LineFixture.vault(),
                beforeCut: { _ in try await Self.recharge(fixture) },
                lastLook: { try line.decideAgain(meterID: $0, in: $1) },
                afterCut: { try await line.restoreAfterCut() })
            let done = try await relays.run()
            #expect(done.confirmed == 0)
            #expect(try await orders(fixture) == ["disconnect superseded"])
            try await fixture.line.tick()
            #expect(try await orders(fixture) == ["disconnect superseded", "reconnect confirmed"])
            #expect(!fixture.houses[0].meter.events.contains { $0.code == 301 }, "the relay has moved")
        }
    }

    /// Committed while the meter opens its relay: the order to close follows in the same run, and before any other.
    @Test(arguments: TestEngine.available)
    func aRechargeWhileTheOrderIsOnItsWayIsFollowedByTheClose(_ engine: TestEngine) async throws {
        try await withPendingCut(engine) { fixture, transport in
            transport.rules.withLock { rules in
                rules.afterDisconnect = { try await Self.recharge(fixture) }
            }
            try await fixture.line.tick()
            let meter = fixture.houses[0].meter
            #expect(!meter.relayOpen)
            #expect(meter.events.filter { [301, 302].contains($0.code) }.map(\.code) == [301, 302])
            #expect(try await orders(fixture) == ["disconnect confirmed", "reconnect confirmed"])
            let relay = try await fixture.site.money.read { [scope = fixture.scope, houses = fixture.houses] in
                try RelayRecord.find(houses[0].meterID, scope, in: $0)
            }
            #expect(relay?.wanted == .closed && relay?.actual == "closed")
        }
    }

    /// Thirty accounts of a wrong tariff, all low and warned.
    @Test(arguments: TestEngine.available)
    func aTownIsNotCutAtOnce(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: Self.at(3, 11))
            let site = site(stores, clock: clock)
            let scope = Scope(orgID: 1)
            try await site.money.write { transaction in
                try LineFixture.org.create(in: transaction)
                try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
                try Setting.set(CutBrake.perRun, "12", from: Self.first, scope, in: transaction)
                for id in Int64(101)...130 {
                    try SupplyAccount(
                        accountID: id, accountNumber: "A-\(id)", name: "House", category: "domestic", placeID: 10,
                        sanctionedW: 4_000, language: "en", openedDay: Self.first
                    ).create(scope, in: transaction)
                    try Meter(
                        meterID: id + 900, serial: "S\(id)", host: "127.0.0.1", port: 1, clientAddress: 48,
                        authentication: "hls-2", sealedKeys: nil, capturePeriodS: 1800
                    ).create(scope, atMs: clock.nowMs, in: transaction)
                    try Installation(meterID: id + 900, accountID: id, fromDay: Self.first).create(
                        scope, in: transaction)
                    _ = try Journal.post(
                        key: "charge-\(id)", kind: "test",
                        legs: [
                            Leg(id, 100, .charge, supplyDay: Self.first.advanced(by: 2), revision: 1),
                            Leg(ChartAccount.energyRevenue.rawValue, -100, .revenue),
                        ], businessAtMs: clock.nowMs, entryID: site.ids.next(), scope, in: transaction)
                    try Supply.decide(
                        accountID: id, zone: .india, nowMs: clock.nowMs - 3_600_000, ids: site.ids, scope,
                        in: transaction)
                }
            }
            let line = try LineFixture.line(site: site)
            func standings() async throws -> [GuardStanding: Int] {
                try await site.money.read { try SupplyGuard.counts(scope, in: $0).standings }
            }
            let asked = try await line.lookAgain(Progress())
            #expect(asked.contains("a person is asked"), "\(asked)")
            let hold = try await site.money.read { try SupplyHold.standing(atMs: clock.nowMs, scope, in: $0) }
            #expect(hold?.isAsking == true && hold?.reason == "30 of 30 accounts")
            #expect(try await standings() == [.next: 0, .held: 30, .off: 0])
            _ = try await line.lookAgain(Progress())
            _ = try await site.perform(
                ReleaseCuts(reason: "the tariff is right"), as: .system(orgID: 1), source: "test")
            let first = try await line.lookAgain(Progress())
            #expect(first.contains("12 to be cut, 18 wait"), "\(first)")
            #expect(try await standings() == [.next: 18, .held: 0, .off: 12])
            _ = try await line.lookAgain(Progress())
            _ = try await line.lookAgain(Progress())
            #expect(try await standings() == [.next: 0, .held: 0, .off: 30])
            let holds = try await site.money.read { try SupplyHold.latest(limit: 10, scope, in: $0) }
            #expect(holds.count == 1 && holds[0].endReason == "the tariff is right")
        }
    }
}
