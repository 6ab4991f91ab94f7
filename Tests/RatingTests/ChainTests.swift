// What leans on what: bills that lean on the month before, packs that change within a month, charges of an earlier
// release, prices and readings that come late.
import Access
import CivilTime
import Clocks
import IntervalData
import Journal
import Packs
import Rating
import SQL
import Tariffs
import TestSupport
import Testing

@Suite struct ChainTests {
    static let april = CivilDay(year: 2026, month: 4, day: 1)!

    private static func tariff(_ id: String, head: String = "", _ components: String) -> String {
        "format: 1\nid: \(id)\nversion: 1\nname: \(id)\nvalidFrom: 2026-01-01\n\(head)\ncomponents:\n\(components)\n"
    }

    static let flat = tariff(
        "FLAT", "  - {id: energy, kind: energy, perKWh: 5}\n  - {id: fixed, kind: fixed, perMonth: 90}")
    static let slabs = tariff(
        "SLAB",
        """
          - id: energy
            kind: energy
            slabs: {kind: telescopic, proration: calendarFraction, steps: [{upTo: 30, perKWh: 3}, {perKWh: 8}]}
        """)
    static let net = tariff(
        "NET", head: "metering: netMetering",
        "  - {id: energy, kind: energy, perKWh: 6}\n  - {id: help, kind: subsidy, percent: 10, of: [energy]}")
    static let indexed = tariff(
        "DAM", "  - {id: energy, kind: indexed, exchange: IEX, product: DAM, percent: 100, adder: 0.50}")

    private static func flatDay(_ wh: Int32, _ day: CivilDay, channel: Channel = .importWh) -> RatedTown.Reading {
        RatedTown.Reading(
            accountID: 101, day: day, values: Array(repeating: wh, count: 24), channel: channel)
    }

    private static func days(_ count: Int, from day: CivilDay = april) -> [CivilDay] {
        (0..<count).map { day.advanced(by: $0) }
    }

    @Test(arguments: TestEngine.available)
    func aBankOfEnergyMovesTheMonthAfterIt(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.april)
            try await town.build([Self.net], accounts: 1, holding: "NET", from: Self.april)
            let may = Self.april.month.last.advanced(by: 1)
            try await town.read(Self.days(30).map { Self.flatDay(100, $0) })
            // What is drawn alone prices nothing: the day waits for what is fed in.
            try await town.rate()
            let waiting = try await town.site.money.read { try RatingRefusal.count(town.scope, in: $0) }
            #expect(waiting == 30)
            try await town.read(Self.days(30).map { Self.flatDay(150, $0, channel: .exportWh) })
            try await town.rate()
            try await town.read(Self.days(10, from: may).map { Self.flatDay(200, $0) })
            try await town.read(Self.days(10, from: may).map { Self.flatDay(0, $0, channel: .exportWh) })
            try await town.rate()
            // April fed in 36 kWh more than it drew; May drew 48: 12 kWh at 6, less a tenth.
            #expect(try await town.balance(101).balancePaise == -6_480)
            // Half of what April fed in on one day was wrong: 1.8 kWh less in the bank.
            try await town.read([Self.flatDay(75, Self.april.advanced(by: 3), channel: .exportWh)])
            try await town.rate()
            #expect(try await town.balance(101).balancePaise == -7_452)
            let subsidy = try await town.site.money.read {
                try Journal.debitBalancePaise(.subsidyReceivable, town.scope, in: $0)
            }
            #expect(subsidy == 828)
            let again = try await town.rate()
            #expect(again == 0)
        }
    }

    @Test func aPackThatEndsWithinTheMonthShortensItsBill() async throws {
        try await withSite(.sqlite, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.april)
            try await town.build([Self.slabs, Self.flat], accounts: 1, holding: "SLAB", from: Self.april)
            try await town.read(Self.days(10).map { Self.flatDay(125, $0) })
            try await town.rate()
            // 30 kWh, all in the first slab of a whole month.
            #expect(try await town.balance(101).balancePaise == -9_000)
            try await town.site.money.write { transaction in
                try transaction.run(
                    "UPDATE subscription SET to_day = $1 WHERE subscription_id = 101",
                    [.day(Self.april.advanced(by: 9))])
                try town.hold("FLAT", 101, 2, from: Self.april.advanced(by: 10), to: nil, in: transaction)
            }
            // The next day shows that the bill before it was shorter: a third of a month has 10 kWh at the low price.
            try await town.read([Self.flatDay(125, Self.april.advanced(by: 10))])
            try await town.rate()
            #expect(try await town.balance(101).balancePaise == -(3_000 + 16_000) - (1_500 + 300))
            // Back again, for days past: asked for, nothing new having come.
            try await town.site.money.write { transaction in
                try transaction.run("UPDATE subscription SET to_day = NULL WHERE subscription_id = 101")
                try transaction.run("UPDATE subscription SET state = 'rejected' WHERE subscription_id = 2")
                try RateAgain.from(Self.april.advanced(by: 10), accountID: 101, town.scope, in: transaction)
            }
            try await town.rate()
            #expect(try await town.balance(101).balancePaise == -(9_000 + 2_400))
            let again = try await town.rate()
            #expect(again == 0)
        }
    }

    @Test func aChargeOfAnEarlierReleaseIsPricedAgainForTheSameMoney() async throws {
        try await withSite(.sqlite, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.april)
            try await town.build([Self.flat], accounts: 1, holding: "FLAT", from: Self.april)
            try await town.read(Self.days(5).map { Self.flatDay(125, $0) })
            try await town.rate()
            // As releases stored it that knew no components.
            try await town.site.money.write { transaction in
                try transaction.run(
                    """
                    UPDATE charge SET components = '', opening_state = $1, closing_state = $1, inputs_hash = $1
                    """, [.bytes([1] + Array(repeating: 0, count: 80))])
            }
            let old = try await Explanation.of(
                accountID: 101, day: Self.april, revision: nil, zone: town.org.zone, site: town.site, town.scope)
            #expect(old.explained == nil && !old.agrees)
            let before = try await town.entries()
            try await town.read([Self.flatDay(125, Self.april.advanced(by: 5))])
            let made = try await town.rate()
            #expect(made == 6)
            // One charge more, of one account to two of the company's: the other five moved nothing.
            let after = try await town.entries()
            #expect(after == before + 3)
            #expect(try await town.balance(101).balancePaise == -6 * 1_800)
            let revisions = try await town.charges(101, Self.april, Self.april.advanced(by: 5)).map(\.revision)
            #expect(revisions == [2, 2, 2, 2, 2, 1])
        }
    }

    @Test func aCorrectionOfAClosedMonthGoesToTheOpenOne() async throws {
        try await withSite(.sqlite, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.april)
            try await town.build([Self.flat], accounts: 1, holding: "FLAT", from: Self.april)
            func close(_ month: String) async throws {
                try await town.site.money.write {
                    try Setting.set(AccountingPeriods.closedSetting, month, from: Self.april, town.scope, in: $0)
                }
            }
            func read(_ wh: Int32) async throws -> CivilMonth? {
                try await town.read([Self.flatDay(wh, Self.april)])
                try await town.rate()
                return try await town.site.money.read { transaction in
                    let entryID = try #require(
                        try Charge.revisions(accountID: 101, day: Self.april, town.scope, in: transaction).last?.entryID
                    )
                    return try AccountingPeriods.carried(by: entryID, town.scope, in: transaction)
                }
            }
            // It is June. May is closed: nothing need be said. June is closed too: July is.
            try await close("2026-05")
            let inJune = try await read(100)
            try await close("2026-06")
            let inJuly = try await read(200)
            #expect(inJune == nil && inJuly == CivilMonth(year: 2026, month: 7))
        }
    }

    @Test func aMarketPriceThatComesLateIsTakenUp() async throws {
        try await withSite(.sqlite, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.april)
            try await town.build([Self.indexed], accounts: 1, holding: "DAM", from: Self.april)
            try await town.read([Self.flatDay(1_000, Self.april)])
            try await town.rate()
            let refused = try await town.site.money.read { try RatingRefusal.latest(limit: 5, town.scope, in: $0) }
            #expect(refused.map(\.reason).first?.contains("no price of IEX DAM") == true)
            func store(_ milli: Int64, revises: Bool) async throws {
                let quarters = (0..<96).map {
                    MarketQuarter(
                        exchange: "IEX", product: "DAM", day: Self.april, slot: $0, milliPerKWh: milli, line: $0 + 2)
                }
                _ = try await town.site.perform(
                    StoreMarketPrices(quarters, file: "iex.csv", revises: revises), as: .system(orgID: 1),
                    source: "test")
            }
            try await store(350_000, revises: false)
            try await town.rate()
            #expect(try await town.balance(101).balancePaise == -24 * 400)
            // A price that is revised after the day was charged: asked for, the day is rated by it, and the former
            // charge still explains itself by the former price.
            town.clock.nowMs += 60_000
            try await store(400_000, revises: true)
            _ = try await Rater(site: town.site, org: town.org).run(day: Self.april)
            #expect(try await town.balance(101).balancePaise == -24 * 450)
            for revision in [1, 2] as [Int64] {
                let explanation = try await Explanation.of(
                    accountID: 101, day: Self.april, revision: revision, zone: town.org.zone, site: town.site,
                    town.scope)
                #expect(explanation.agrees, "revision \(revision)")
            }
        }
    }
}
