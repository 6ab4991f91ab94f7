// What rules want of meters without anybody ordering it: the calendar of the pack and the sanctioned load, told to
// simulated meters and read back. Both engines.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import HeadEnd
import Jobs
import MeterFleet
import MeterPort
import Meters
import Packs
import SQL
import Tariffs
import TestSupport
import Testing

@Suite(.serialized)
struct MeterRuleTests {
    private static let base = LineFixture.basePack

    private func pack(_ id: String, version: Int = 1, _ calendar: TOUCalendar, price: Int64 = 500_000) -> BasePack {
        BasePack(
            id: id, version: version, name: id, calendar: calendar,
            milliPaisePerKWh: Dictionary(uniqueKeysWithValues: calendar.bands.map { ($0.name, price) }),
            fixedPaisePerMonth: 0, fixedPaisePerKWPerMonth: 0, dutyPPM: 0)
    }

    private func hours(_ count: Int) -> TOUCalendar {
        TOUCalendar(
            bands: (0..<count).map { index in
                let end = index == count - 1 ? 1440 : (index + 1) * 60
                return TOUBand(name: "b\(index)", ranges: [MinuteRange(fromMinute: index * 60, toMinute: end)])
            })
    }

    private func wish(_ fixture: LineFixture, _ meterID: Int64, _ matter: String = "calendar") async throws
        -> MeterWish?
    {
        try await fixture.site.money.read { [scope = fixture.scope] in
            try MeterWish.find(meterID, matter, scope, in: $0)
        }
    }

    private func commands(_ fixture: LineFixture, _ meterID: Int64) async throws -> [MeterCommand] {
        try await fixture.site.money.read { [scope = fixture.scope] in
            try MeterCommand.of(meterID: meterID, limit: 50, scope, in: $0)
        }
    }

    private func run(_ fixture: LineFixture, minutes: Int64 = 5) async throws {
        fixture.clock.nowMs += minutes * 60_000
        try await fixture.line.tick(.supply)
    }

    /// The account changes to a pack from a day.
    private func change(
        _ fixture: LineFixture, _ accountID: Int64, to pack: BasePack, from day: CivilDay, number: Int64
    ) async throws {
        try await fixture.site.money.write { [scope = fixture.scope] transaction in
            try Packs.store(pack, from: day, scope, in: transaction)
            try transaction.run(
                "UPDATE subscription SET to_day = $2 WHERE account_id = $1 AND kind = 'base' AND to_day IS NULL",
                [.int(accountID), .day(day.advanced(by: -1))])
            try Subscription(
                subscriptionID: 9_000 + number, accountID: accountID, packID: pack.id, kind: .base, fromDay: day
            ).create(scope, in: transaction)
        }
    }

    @Test(
        "the meter counts by the bands of the pack in force, and is told anew only when they change",
        arguments: TestEngine.available)
    func calendars(_ engine: TestEngine) async throws {
        try await CollectionTests.with(engine, houses: 3, startMs: CollectionTests.at(1, 12)) { fixture in
            try await run(fixture)
            #expect(try await wish(fixture, 1001) == nil, "off unless set")
            // A person's order stands before the rule.
            let own = MeterCalendar(
                name: "OWN", seasons: [.init(name: "ALL", fromMonth: 1, fromDay: 1, week: "W1")],
                weeks: [.init(name: "W1", days: [1, 1, 1, 1, 1, 1, 1])],
                days: [.init(id: 1, zones: [.init(fromMinute: 0, zone: 5)])])
            _ = try await fixture.site.perform(
                OrderMeters(
                    matter: "calendar", value: WishText.encoded(own), group: .meters([1002]), reason: "trial",
                    reference: "own"), as: Actor(loginID: 11, role: .operator, scope: fixture.scope), source: "test")
            try await CollectionTests.set(fixture, MeterRules.calendarSetting, "pack")
            try await run(fixture)
            try await run(fixture)
            let first = try #require(try await wish(fixture, 1001))
            #expect(first.state == .met && first.actual == first.desired, "\(first)")
            #expect(first.authority.by == "rule pack-calendar")
            let zones = [(0, 3), (540, 1), (1020, 3), (1080, 2), (1320, 3)]
            let told = MeterCalendar(
                name: "DOM-TOU", seasons: [.init(name: "ALL", fromMonth: 1, fromDay: 1, week: "WEEK")],
                weeks: [.init(name: "WEEK", days: [1, 1, 1, 1, 1, 1, 1])],
                days: [.init(id: 1, zones: zones.map { .init(fromMinute: $0.0, zone: $0.1) })])
            #expect(first.actual == (try WishText.encoded(told)), "read back from the meter")
            #expect(try await wish(fixture, 1002)?.actual == (try WishText.encoded(own)))
            // The same bands at other prices: nothing is sent.
            let today = fixture.org.zone.day(atS: fixture.clock.nowMs / 1000)
            try await fixture.site.money.write { [scope = fixture.scope] in
                var dearer = Self.base
                dearer.version = 2
                dearer.fixedPaisePerMonth += 100
                try Packs.store(dearer, from: today, scope, in: $0)
            }
            try await run(fixture)
            #expect(try await wish(fixture, 1001)?.revision == first.revision)
            #expect(try await commands(fixture, 1001).count { $0.kind == "calendar" } == 1)
            // Another pack from tomorrow: not before.
            let tomorrow = today.advanced(by: 1)
            try await change(fixture, 101, to: pack("FLAT", .flat()), from: tomorrow, number: 1)
            try await run(fixture)
            #expect(try await wish(fixture, 1001)?.revision == first.revision)
            try await run(fixture, minutes: 1440)
            let flat = try #require(try await wish(fixture, 1001))
            #expect(flat.state == .met && flat.actual?.contains("\"name\":\"FLAT\"") == true, "\(flat)")
            #expect(try await wish(fixture, 1003)?.desired == first.desired)
        }
    }

    @Test(
        "a pack that no meter can keep is said at the meter, once, and the next pack is told",
        arguments: TestEngine.available)
    func impossible(_ engine: TestEngine) async throws {
        try await CollectionTests.with(engine, startMs: CollectionTests.at(1, 12)) { fixture in
            let today = fixture.org.zone.day(atS: fixture.clock.nowMs / 1000)
            try await change(fixture, 101, to: pack("NINE", hours(9)), from: today, number: 1)
            try await CollectionTests.set(fixture, MeterRules.calendarSetting, "pack")
            try await run(fixture)
            try await run(fixture)
            let given = try await commands(fixture, 1001).filter { $0.kind == "calendar" }
            #expect(given.map(\.state) == [.failed])
            #expect(given.first?.answer == "pack NINE has 9 bands; a meter has 8 zones")
            #expect(try await wish(fixture, 1001)?.state == .failed)
            try await change(fixture, 101, to: pack("EIGHT", hours(8)), from: today, number: 2)
            try await run(fixture)
            #expect(try await wish(fixture, 1001)?.state == .met)
        }
    }

    @Test("a meter without time bands is told no calendar", arguments: TestEngine.available)
    func flat(_ engine: TestEngine) async throws {
        try await CollectionTests.with(engine, startMs: CollectionTests.at(1, 12)) { fixture in
            let today = fixture.org.zone.day(atS: fixture.clock.nowMs / 1000)
            try await change(fixture, 101, to: pack("FLAT", .flat()), from: today, number: 1)
            try await CollectionTests.set(fixture, MeterRules.calendarSetting, "pack")
            try await run(fixture)
            #expect(try await wish(fixture, 1001) == nil)
        }
    }

    @Test(
        "the load limit follows the sanctioned load, unless a person ordered another", arguments: TestEngine.available)
    func limits(_ engine: TestEngine) async throws {
        try await CollectionTests.with(engine, houses: 2, startMs: CollectionTests.at(1, 12)) { fixture in
            _ = try await fixture.site.perform(
                OrderMeters(
                    matter: "load-limit", value: "900", group: .meters([1002]), reason: "trial", reference: "own"),
                as: Actor(loginID: 11, role: .operator, scope: fixture.scope), source: "test")
            try await CollectionTests.set(fixture, MeterRules.limitSetting, "sanctioned")
            try await run(fixture)
            #expect(fixture.houses.map(\.meter.loadLimitW) == [15_000, 900])
            try await fixture.site.money.write {
                try $0.run("UPDATE supply_account SET sanctioned_w = 4000 WHERE account_id IN (101, 102)")
            }
            try await run(fixture)
            try await run(fixture)
            #expect(fixture.houses.map(\.meter.loadLimitW) == [4_000, 900])
            #expect(try await wish(fixture, 1001, "load-limit")?.actual == "4000")
            #expect(try await commands(fixture, 1001).count { $0.kind == "load-limit" } == 2)
        }
    }
}
