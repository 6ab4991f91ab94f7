// Rows 5, 5b, 5c, 8b and 11 of annexure I from request to charge: packs, terms and subscriptions through the product's
// commands, readings through the day blocks, money by the rating run, on both engines.
import Access
import CivilTime
import Clocks
import Packs
import Rating
import SQL
import Tariffs
import TestSupport
import Testing

@Suite struct AnnexureTests {
    static let opened = CivilDay(year: 2026, month: 3, day: 1)!
    static func day(_ number: Int) -> CivilDay { CivilDay(year: 2026, month: 4, day: number)! }
    static let monday = day(6)
    static let saturday = day(11)
    /// The festival is on this Sunday.
    static let sunday = day(12)
    static let system = Actor.system(orgID: 1)

    static func band(_ name: String, _ hours: ClosedRange<Int>...) -> TOUBand {
        TOUBand(
            name: name,
            ranges: hours.map { MinuteRange(fromMinute: $0.lowerBound * 60, toMinute: $0.upperBound * 60) })
    }

    static func base(_ id: String, _ bands: [TOUBand], _ prices: [String: Int64]) -> BasePack {
        BasePack(id: id, version: 1, name: id, calendar: TOUCalendar(bands: bands), milliPaisePerKWh: prices)
    }

    static func addOn(_ id: String, _ prices: [String: Int64], weekdays: [Int]? = nil, on day: CivilDay? = nil)
        -> AddOnPack
    {
        AddOnPack(
            id: id, version: 1, name: id, weekdays: weekdays ?? Array(1...7), from: day, to: day,
            prices: prices.sorted { $0.key < $1.key }.map { AddOnPrice(.band($0.key), milliPaisePerKWh: $0.value) })
    }

    /// A town whose account asked for the base and the add-ons on 30 March, a day before they begin.
    static func with(
        _ engine: TestEngine, _ base: BasePack, _ addOns: [AddOnPack], _ body: (RatedTown) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: opened)
            let now = town.clock.nowMs
            try await town.build([], accounts: 1, holding: nil, from: opened)
            try await town.site.money.write { transaction in
                try Packs.store(base, from: opened, town.scope, in: transaction)
                for pack in addOns { try Packs.store(pack, from: opened, town.scope, in: transaction) }
            }
            let terms =
                "format: 1\npacks:\n"
                + ([base.id] + addOns.map(\.id)).map { "  - {pack: \($0), from: 2026-03-01, leadDays: 1}\n" }.joined()
            town.clock.nowMs = (Zone.india.startS(of: CivilDay(year: 2026, month: 3, day: 30)!) + 43_200) * 1000
            _ = try await town.site.perform(
                try SetPackTerms(Array(terms.utf8), name: "terms.yaml"), as: system, source: "test")
            for packID in [base.id] + addOns.map(\.id) {
                _ = try await town.site.perform(
                    AskPack(.apply, accountID: 101, packID: packID, day: nil, agreedOn: nil, reason: "as agreed"),
                    as: system, source: "test")
            }
            town.clock.nowMs = now
            try await body(town)
        }
    }

    /// What a day costs, and by which pack each stretch of it is priced.
    static func priced(_ day: CivilDay, _ town: RatedTown) async throws -> (paise: Int64, addOns: Set<String>) {
        let found = try await Explanation.of(
            accountID: 101, day: day, revision: nil, zone: town.org.zone, site: town.site, town.scope)
        #expect(found.agrees)
        return (
            found.charge.totalPaise, Set(found.explained?.addOnLines.map(\.packID) ?? [])
        )
    }

    static func read(_ town: RatedTown, _ days: [CivilDay], _ wh: (Int) -> Int32) async throws {
        let values = (0..<24).map(wh)
        try await town.read(days.map { RatedTown.Reading(accountID: 101, day: $0, values: values) })
        try await town.rate()
    }

    @Test("5, 5b, 5c: the cheapest add-on of each band, the base where none covers", arguments: TestEngine.available)
    func cheapest(_ engine: TestEngine) async throws {
        let base = Self.base(
            "BASE",
            [Self.band("T1", 0...6), Self.band("T2", 6...12), Self.band("T3", 12...18), Self.band("T4", 18...24)],
            ["T1": 600_000, "T2": 700_000, "T3": 800_000, "T4": 900_000])
        let weekend = Self.addOn("WEEKEND", ["T1": 400_000, "T3": 500_000], weekdays: [6, 7])
        let festival = Self.addOn("FESTIVAL", ["T4": 200_000, "T1": 300_000], on: Self.sunday)
        try await Self.with(engine, base, [weekend, festival]) { town in
            try await Self.read(town, [Self.monday, Self.saturday, Self.sunday, Self.day(19)]) { _ in 1000 }
            // Six kWh in each band.
            let monday = try await Self.priced(Self.monday, town)
            #expect(monday == (6 * (600 + 700 + 800 + 900), []))
            let saturday = try await Self.priced(Self.saturday, town)
            #expect(saturday == (6 * (400 + 700 + 500 + 900), ["WEEKEND"]))
            let sunday = try await Self.priced(Self.sunday, town)
            #expect(sunday == (6 * (300 + 700 + 500 + 200), ["WEEKEND", "FESTIVAL"]))
            let next = try await Self.priced(Self.day(19), town)
            #expect(next == saturday)
        }
    }

    @Test("11: universal, weekend and festival by day and night", arguments: TestEngine.available)
    func dayAndNight(_ engine: TestEngine) async throws {
        let base = Self.base(
            "UNIVERSAL", [Self.band("day", 6...18), Self.band("night", 0...6, 18...24)],
            ["day": 500_000, "night": 450_000])
        let weekend = Self.addOn("WEEKEND", ["day": 300_000, "night": 250_000], weekdays: [6, 7])
        let festival = Self.addOn("DIWALI", ["day": 200_000, "night": 150_000], on: Self.sunday)
        try await Self.with(engine, base, [weekend, festival]) { town in
            // 6 kWh by day, 4 by night.
            try await Self.read(town, [Self.monday, Self.saturday, Self.sunday]) { hour in
                (6..<18).contains(hour) ? 500 : (18..<22).contains(hour) ? 1000 : 0
            }
            let paise = try await [Self.monday, Self.saturday, Self.sunday].asyncMap {
                try await Self.priced($0, town).paise
            }
            #expect(paise == [48_00, 28_00, 18_00])
        }
    }

    @Test("8b: a day that comes late is billed by the version that held on it", arguments: TestEngine.available)
    func formerVersion(_ engine: TestEngine) async throws {
        @Sendable func text(_ version: Int, _ from: String, _ price: Int) -> String {
            "format: 1\nid: FLAT\nversion: \(version)\nname: Flat\nvalidFrom: \(from)\n"
                + "components: [{id: energy, kind: energy, perKWh: \(price)}]\n"
        }
        try await withSite(engine, migrations: RatedTown.migrations) { stores in
            let town = RatedTown(stores, from: Self.opened)
            let now = town.clock.nowMs
            try await town.build([], accounts: 1, holding: nil, from: Self.opened)
            _ = try await town.site.perform(
                StoreTariff(text: text(1, "2026-03-01", 5)), as: Self.system, source: "test")
            town.clock.nowMs = (Zone.india.startS(of: CivilDay(year: 2026, month: 3, day: 30)!) + 43_200) * 1000
            _ = try await town.site.perform(
                AskPack(.apply, accountID: 101, packID: "FLAT", day: nil, agreedOn: nil, reason: "as agreed"),
                as: Self.system, source: "test")
            town.clock.nowMs = now
            try await Self.read(town, [Self.day(2)]) { _ in 1000 }
            // As an approved draft publishes it: what is held is not changed by one person alone.
            try await town.site.money.write { [scope = town.scope] in
                _ = try Packs.store(tariff: text(2, "2026-04-11", 7), file: "FLAT", scope, in: $0)
            }
            // Both days arrive when version 2 is the latest there is.
            try await Self.read(town, [Self.monday, Self.sunday]) { _ in 1000 }
            let charges = try await town.charges(101, Self.day(1), Self.day(30))
            #expect(charges.map(\.packs) == ["FLAT@1", "FLAT@1", "FLAT@2"])
            #expect(charges.map(\.totalPaise) == [12_000, 12_000, 16_800])
            let again = try await town.rate()
            #expect(again == 0)
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
        var found: [Value] = []
        for element in self { found.append(try await body(element)) }
        return found
    }
}
