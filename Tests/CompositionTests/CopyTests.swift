// `busbar db copy`: nothing is lost between the engines, a kill anywhere costs a page, and what differs is found.
import Access
import CivilTime
import Clocks
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter
import Synchronization
import TestSupport
import Testing

@testable import Composition

@Suite(.enabled(if: TestEngine.available.count == 2, "needs PostgreSQL")) struct CopyTests {
    static func copy(
        _ from: SiteOptions, _ to: SiteOptions, pageRows: Int = 7,
        onPage: @escaping @Sendable (Int64) throws -> Void = { _ in }
    ) async -> Ran {
        await run {
            try await copyDatabase(
                from, CopyOptions(destination: to, withKey: true), clocks: .live, pageRows: pageRows, onPage: onPage,
                $0)
        }
    }

    @Test(arguments: TestEngine.available) func thereAndBack(_ engine: TestEngine) async throws {
        try await withPlace(engine) { first in
            try await withPlace(engine.other) { second in
                try await withPlace(engine) { third in
                    try await fill(first)
                    let there = await Self.copy(first, second)
                    #expect(there.status == .done, "\(there.spoken.all)")
                    let back = await Self.copy(second, third, pageRows: 4_000)
                    #expect(back.status == .done, "\(back.spoken.all)")
                    let (original, middle, last) = (
                        try await allRows(first), try await allRows(second), try await allRows(third)
                    )
                    #expect(original.values.reduce(0) { $0 + $1.count } > 100)
                    #expect(original == middle)
                    #expect(original == last)
                    let check = await run { try await checkDatabase(third, json: false, $0) }
                    #expect(check.status == .done, "\(check.spoken.all)")
                    let orgs = try await withSite(third) { try await $0.orgs() }
                    #expect(orgs.count == 2)
                    let key = FileManager.default.contents(atPath: first.folder + "/master.key")
                    #expect(key != nil && key == FileManager.default.contents(atPath: third.folder + "/master.key"))
                }
            }
        }
    }

    /// A table that a later migration adds is copied without a word in the copy's code.
    @Test func everyTableOfTheSchemaIsCopied() async throws {
        let text = try String(
            contentsOf: SchemaTests.folder.appendingPathComponent("sqlite.sql"), encoding: .utf8)
        let tables = text.split(separator: "\n").filter { $0.hasPrefix("CREATE TABLE ") }.compactMap {
            $0.dropFirst("CREATE TABLE ".count).split(separator: " ").first.map(String.init)
        }
        let copied = try await StoredTable.all()
        #expect(tables.count > 30)
        #expect(Set(tables) == Set(copied.map(\.name)).union(["process_lease"]))
        #expect(copied.allSatisfy { !$0.key.isEmpty })
        for table in copied where table.store == .readings { _ = try table.monthFilter(.init(index: 24_000)) }
        let posting = try #require(copied.firstIndex { $0.name == "posting" })
        let entry = try #require(copied.firstIndex { $0.name == "journal_entry" })
        #expect(entry < posting, "what is referred to comes first")
    }

    @Test(arguments: TestEngine.available) func killedAnywhereItGoesOn(_ engine: TestEngine) async throws {
        try await withPlace(engine) { from in
            try await fill(from)
            for stopAfter in [1, 2, 9, 23, 40, 77] {
                try await withPlace(engine.other) { to in
                    let pages = Mutex(0)
                    let killed = await Self.copy(from, to) { _ in
                        guard
                            pages.withLock({ pages in
                                pages += 1
                                return pages < stopAfter
                            })
                        else { throw Killed() }
                    }
                    #expect(killed.status == .problems)
                    let opened = await run { console in try await withSite(to) { _ in .done } }
                    #expect(opened.status == .problems && opened.spoken.all.contains("not finished"))
                    let again = await Self.copy(from, to)
                    #expect(again.status == .done, "\(stopAfter): \(again.spoken.all)")
                    let (wanted, found) = (try await allRows(from), try await allRows(to))
                    #expect(wanted == found)
                }
            }
        }
    }

    @Test(arguments: TestEngine.available) func aTamperedRowIsFound(_ engine: TestEngine) async throws {
        try await withPlace(engine) { from in
            try await withPlace(engine.other) { to in
                try await fill(from)
                // All is there once the first page is being compared.
                let rows = try await allRows(from).values.reduce(0) { $0 + $1.count }
                let pages = Mutex(0)
                _ = await Self.copy(from, to, pageRows: 50_000) { done in
                    guard done == Int64(rows) else { return }
                    if pages.withLock({ pages in
                        pages += 1
                        return pages == 1
                    }) {
                        throw Killed()
                    }
                }
                try await tamper(to)
                // Sums are chained over pages, so both runs take pages of one size.
                let found = await Self.copy(from, to, pageRows: 50_000)
                #expect(found.status == .problems, "\(found.spoken.all)")
                #expect(found.spoken.said.contains { $0.hasPrefix("DIFFERS") && $0.contains("posting") })
                #expect(found.spoken.said.count { $0.hasPrefix("DIFFERS") } == 1)
                let opened = await run { console in try await withSite(to) { _ in .done } }
                #expect(opened.status == .problems, "it stays closed")
            }
        }
    }

    /// One paisa of one posting.
    private func tamper(_ site: SiteOptions) async throws {
        let sql = """
            UPDATE posting SET amount_paise = amount_paise + 1
            WHERE line = 1 AND entry_id = (SELECT MIN(entry_id) FROM posting)
            """
        let database: any Database =
            if let url = site.databaseURL {
                try await PostgresDatabase.open(url: url)
            } else {
                try await SQLiteDatabase.open(path: site.folder + "/money.db", durability: .normal)
            }
        let changed = try await database.write { try $0.run(sql) }
        #expect(changed >= 1)
        await database.close()
    }

    @Test func refusesWhatItWouldSpoil() async throws {
        try await withPlace(.postgres) { from in
            try await withPlace(.sqlite) { to in
                try await fill(from)
                let used = try await withSite(from) { _ in await Self.copy(from, to) }
                #expect(used.status == .partly && used.spoken.all.contains("work on the source"))
                #expect(!FileManager.default.fileExists(atPath: to.folder + "/money.db"))
                try await fill(to)
                let before = try await allRows(to)
                let full = await Self.copy(from, to)
                #expect(full.status == .problems && full.spoken.all.contains("not empty"))
                #expect(try await allRows(to) == before)
                let same = await Self.copy(from, from)
                #expect(same.status == .usage)
                let none = await Self.copy(SiteOptions(folder: to.folder + "/none"), from)
                #expect(none.status == .problems)
            }
        }
    }

    @Test func valuesKeepTheirBytes() throws {
        let row: [SQLValue] = [nil, 0, .int(Int64.min), .int(Int64.max), "", "नमस्ते", .bytes([]), .bytes([0, 255])]
        #expect(try RowBytes.decode(RowBytes.encode(row)) == row)
        #expect(throws: SQLError.self) { try RowBytes.decode([1, 2]) }
        #expect(throws: SQLError.self) { try RowBytes.decode([9]) }
        #expect(RowBytes.encode(["a", "b"]) != RowBytes.encode(["ab", ""]))
        #expect(
            RowBytes.encode([nil]) != RowBytes.encode([""]) && RowBytes.encode([""]) != RowBytes.encode([.bytes([])]))
    }
}
