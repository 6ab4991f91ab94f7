// Terms of sale: read with their lines, all or nothing, and never changed once they hold.
import Access
import CivilTime
import SQL
import Subscriptions
import TestSupport
import Testing

@testable import Packs

@Suite struct PackTermsTests {
    private func refusal(_ text: String, _ shop: PackShop) async -> Refusal? {
        do {
            _ = try await shop.site.perform(
                try SetPackTerms(Array(text.utf8), name: "t.yaml"), as: PackShop.system, source: "test")
            return nil
        } catch {
            return error as? Refusal
        }
    }

    @Test("each error names its line, and nothing of the file is kept")
    func errors() async throws {
        try await PackShop.with(.sqlite) { shop in
            let before = try await shop.count("pack_terms")
            let cases: [(text: String, at: String)] = [
                ("format: 1\npacks:\n  - {pack: NONE, from: 2026-01-01}\n", "t.yaml:3"),
                ("format: 1\npacks:\n  - {pack: SHOP, from: 2026-01-01, leadDays: 0}\n", "t.yaml:3"),
                ("format: 1\npacks:\n  - {pack: SHOP, from: 2026-01-01, breakPercent: 5}\n", "t.yaml:3"),
                ("format: 1\npacks:\n  - {pack: SHOP, from: 2026-01-01, seler: A}\n", "t.yaml:3"),
                ("format: 1\npacks:\n  - {pack: SHOP, from: 2026-01-01, seller: RES1}\n", "t.yaml:3"),
                ("format: 1\nsellers:\n  - {name: R9, from: 2026-01-01, places: [Nowhere]}\n", "t.yaml:3"),
                ("format: 1\nsellers:\n  - {name: R9, from: 2026-01-01, places: some}\n", "t.yaml:3"),
                (
                    "format: 1\npacks:\n  - {pack: SHOP, from: 2026-01-01}\n  - {pack: SHOP, from: 2026-01-01}\n",
                    "t.yaml:4"
                ),
                // What holds already stays.
                ("format: 1\npacks:\n  - {pack: SHOP, from: 2020-01-01, leadDays: 3}\n", "t.yaml:3"),
                ("format: 1\npacks:\n  - {pack: SHOP, from: 2020-02-01, leadDays: 3}\n", "t.yaml:3"),
                (
                    "format: 1\npacks:\n  - {pack: SHOP, from: 2026-01-01, leadDays: 3}\n"
                        + "  - {pack: NONE, from: 2026-01-01}\n", "t.yaml:4"
                ),
            ]
            for (text, at) in cases {
                let found = await refusal(text, shop)
                #expect(found?.at == at, "\(text): \(found.map { "\($0)" } ?? "taken")")
            }
            #expect(try await shop.count("pack_terms") == before)
        }
    }

    @Test(
        "terms of the approval's day count, and a pack without terms is the company's own",
        arguments: TestEngine.available)
    func dated(_ engine: TestEngine) async throws {
        try await PackShop.with(engine) { shop in
            try await shop.site.money.write {
                try Packs.store(PackShop.base("OWN"), from: day("2020-01-01"), PackShop.scope, in: $0)
            }
            let text = "format: 1\npacks:\n  - {pack: UP0002, from: 2022-01-05, seller: RES1, leadDays: 10}\n"
            #expect(await refusal(text, shop) == nil)
            let again = try await shop.site.perform(
                try SetPackTerms(Array(text.utf8), name: "t.yaml"), as: PackShop.system, source: "test")
            #expect(again == 0)
            try await shop.ask(.apply, "OWN", on: "2021-12-01")
            #expect(try await shop.lines() == ["OWN 2021-12-01 2021-12-01 2021-12-02 - ACTIVE"])
            // Another seller's: it waits, and begins by the terms of the day on which it is approved.
            try await shop.ask(.apply, "UP0002", on: "2022-01-04")
            try await shop.ask(.approve, "UP0002", on: "2022-01-06")
            #expect(try await shop.lines().last == "UP0002 2022-01-04 2022-01-06 2022-01-16 - ACTIVE")
            let books = try await shop.site.money.read { try PackOffers(PackShop.scope, in: $0) }
            #expect(books.serves("RES2", [14], on: day("2022-01-01")))
            #expect(!books.serves("RES2", [12], on: day("2022-01-01")))
            #expect(!books.serves("RES2", [11], on: day("2019-01-01")))
        }
    }
}
