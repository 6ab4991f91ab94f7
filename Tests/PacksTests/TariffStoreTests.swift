// Tariff files and prices of exchanges as stored: kept as given, never changed, refused with their place.
import Access
import CivilTime
import Clocks
import Packs
import SQL
import Tariffs
import TestSupport
import Testing

@Suite struct TariffStoreTests {
    static let scope = Scope(orgID: 1)
    static let day = CivilDay(year: 2026, month: 4, day: 1)!

    static func text(_ version: Int, from: String, price: String = "6.50", extra: String = "") -> String {
        """
        format: 1
        id: DOM
        version: \(version)
        name: Domestic
        validFrom: \(from)
        \(extra)
        components:
          - {id: energy, kind: energy, perKWh: \(price)}
        """
    }

    private func refused(_ body: () async throws -> Void) async -> Refusal? {
        do {
            try await body()
            return nil
        } catch { return error as? Refusal }
    }

    @Test(arguments: TestEngine.available)
    func versionsMakeABookAndNeverChange(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: PacksSchema.migrations) { database in
            try await database.write { transaction in
                for _ in 1...2 {
                    try Packs.store(tariff: Self.text(2, from: "2026-04-01"), Self.scope, in: transaction)
                    try Packs.store(tariff: Self.text(3, from: "2026-06-15"), Self.scope, in: transaction)
                }
            }
            let book = try await database.read { try Packs.book("DOM", Self.scope, in: $0) }
            #expect(book.tariffs.map(\.version) == [2, 3])
            #expect(book.tariffs.map(\.validTo) == [CivilDay("2026-06-14"), nil])
            #expect(book.tariff(on: Self.day)?.version == 2 && book.tariff(on: Self.day.advanced(by: -1)) == nil)
            let wrong = [
                (Self.text(3, from: "2026-06-15", price: "7"), "DOM", Refusal.Code.conflict),
                (Self.text(4, from: "2026-07-01", price: "dear"), "tariff:8", .invalid),
                (Self.text(4, from: "2026-07-01", extra: "billMonths: 2"), "DOM version 4", .invalid),
            ]
            for (text, place, code) in wrong {
                let refusal = await refused {
                    _ = try await database.write { try Packs.store(tariff: text, Self.scope, in: $0) }
                }
                #expect(refusal?.code == code && refusal?.at == place, "\(text) \(refusal.debugDescription)")
            }
            let missing = await refused { _ = try await database.read { try Packs.book("X", Self.scope, in: $0) } }
            #expect(missing?.code == .notFound)
            // What was refused is not there, and a version that ends by itself is not cut short.
            let after = try await database.read { try Packs.book("DOM", Self.scope, in: $0) }
            #expect(after == book)
        }
    }

    /// More than is read at a time: parts are the whole, and a version ends where the next begins.
    @Test(arguments: TestEngine.available)
    func theListIsWhole(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: PacksSchema.migrations) { database in
            try await database.write { transaction in
                for number in 100..<320 {
                    var pack = PacksTests.base(1)
                    pack.id = "P\(number)"
                    try Packs.store(pack, from: Self.day, Self.scope, in: transaction)
                }
                try Packs.store(tariff: Self.text(2, from: "2026-04-01"), Self.scope, in: transaction)
                try Packs.store(tariff: Self.text(3, from: "2026-06-15"), Self.scope, in: transaction)
            }
            func list(_ filter: PackFilter = PackFilter(), after: PackPlace? = nil, limit: Int) async throws
                -> [PackVersion]
            {
                try await database.read {
                    try PackShelf.list(filter, after: after, limit: limit, today: Self.day, Self.scope, in: $0)
                }
            }
            let whole = try await list(limit: .max)
            #expect(whole.count == 222 && whole.first?.toDay == CivilDay("2026-06-14") && whole[1].toDay == nil)
            var (parts, after) = ([PackVersion](), PackPlace?.none)
            repeat {
                let part = try await list(after: after, limit: 100)
                parts += part
                after = part.count == 100 ? part.last.flatMap { PackPlace("\(PackPlace($0))") } : nil
            } while after != nil
            #expect(parts == whole)
            var late = PackFilter()
            late.text = "p31"
            #expect(try await list(late, limit: 4).map(\.packID) == ["P310", "P311", "P312", "P313"])
        }
    }

    /// Without a draft only what nobody holds is published; the same file again changes nothing.
    @Test func whatConsumersHoldTakesADraft() async throws {
        try await PackShop.with(.sqlite) { shop in
            func store(_ packID: String, version: Int) async throws -> String {
                let text = Self.text(version, from: "2026-0\(version + 2)-01").replacing(
                    "id: DOM", with: "id: \(packID)")
                return try await shop.site.perform(StoreTariff(text: text), as: PackShop.system, source: "test")
            }
            #expect(try await store("UP0001", version: 2) == "UP0001@2")
            try await shop.ask(.apply, "UP0001", on: "2022-01-01")
            #expect(try await store("UP0001", version: 2) == "UP0001@2")
            let packs = try await shop.count("pack")
            let refusal = await refused { _ = try await store("UP0001", version: 3) }
            #expect(refusal?.code == .conflict && refusal?.at == "tariff", "\(refusal.debugDescription)")
            #expect(try await shop.count("pack") == packs)
            #expect(try await store("SHOP", version: 3) == "SHOP@3")
        }
    }

    /// A pack of before and a tariff file are versions of one another.
    @Test func aPackOfBeforeIsAVersionOfTheBook() async throws {
        try await withDatabase(.sqlite, migrations: PacksSchema.migrations) { database in
            let book = try await database.write { transaction in
                try Packs.store(PacksTests.base(1), from: Self.day, Self.scope, in: transaction)
                try Packs.store(tariff: Self.text(2, from: "2026-05-01"), Self.scope, in: transaction)
                return try Packs.book("DOM", Self.scope, in: transaction)
            }
            #expect(book.tariffs.map(\.version) == [1, 2])
            #expect(book.tariffs.first?.validTo == CivilDay("2026-04-30"))
        }
    }

    @Test(arguments: TestEngine.available)
    func pricesComeOnceAndOthersOnlyWhenRevised(_ engine: TestEngine) async throws {
        func quarters(_ price: String) throws -> [MarketQuarter] {
            let text =
                "date,exchange,product,slot,price_per_mwh\n2026-04-01,IEX,DAM,1,\(price)\n"
                + "2026-04-01,IEX,DAM,2,3000\n"
            return try MarketPrices.quarters(csv: Array(text.utf8), file: "iex.csv")
        }
        try await withSite(engine, migrations: AccessSchema.migrations + PacksSchema.migrations) { stores in
            let clock = ManualClock(startMs: 1_000)
            let clocks = Clocks.manual(clock)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 1, clocks: clocks))
            func store(_ price: String, revises: Bool = false) async throws -> StoreMarketPrices.Stored {
                try await site.perform(
                    StoreMarketPrices(try quarters(price), file: "iex.csv", revises: revises),
                    as: .system(orgID: 1), source: "test")
            }
            let first = try await store("2500.50")
            let again = try await store("2500.50")
            #expect(first == .init(new: 2) && again == .init(known: 2))
            let other = await refused { _ = try await store("2600") }
            #expect(other?.code == .conflict && other?.at == "iex.csv:2")
            clock.nowMs += 1_000
            let revised = try await store("2600", revises: true)
            #expect(revised == .init(revised: 1, known: 1))
            func known(_ asOfMs: Int64?) async throws -> [Int64] {
                let rows = try await site.money.read {
                    try MarketPriceStore.quarters(
                        exchange: "IEX", product: "DAM", from: Self.day, to: Self.day, asOfMs: asOfMs, Self.scope,
                        in: $0)
                }
                return rows.map(\.milliPerKWh)
            }
            let then = try await known(1_000)
            let now = try await known(nil)
            #expect(then == [250_050, 300_000] && now == [250_050, 260_000, 300_000])
        }
    }
}
