// The roles of `busbar db roles` on a real server: the app role serves and rates, and may do no more than that.
// And a try at point-in-time recovery.
import Access
import Clocks
import Foundation
import PostgresAdapter
import SQL
import TestRetailer
import TestSupport
import Testing

@testable import Composition

@Suite(.enabled(if: TestEngine.available.count == 2, "needs PostgreSQL")) struct RolesTests {
    private func apply(_ sql: String, _ url: String) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("roles-\(UUID()).sql")
        try sql.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let ended = try Bench.execute("/usr/bin/psql", [url, "-q", "-v", "ON_ERROR_STOP=1", "-f", file.path])
        try #require(ended.code == 0, "\(ended.errors)")
    }

    private func refused(_ sql: String, _ site: SiteOptions) async throws -> Bool {
        let database = try await PostgresDatabase.open(url: try #require(site.databaseURL))
        do {
            try await database.write { transaction in
                if sql.hasPrefix("SELECT") {
                    _ = try transaction.query(sql, []) { _ in }
                } else {
                    try transaction.run(sql)
                }
            }
            await database.close()
            return false
        } catch let error as SQLError {
            await database.close()
            return error.message.contains("42501")
        }
    }

    @Test func theAppRoleServesAndMayDoNoMore() async throws {
        try await withPlace(.postgres) { admin in
            let url = try #require(admin.databaseURL)
            func site(_ role: String) -> SiteOptions {
                SiteOptions(
                    folder: admin.folder,
                    databaseURL: url.replacingOccurrences(of: "postgres://postgres@", with: "postgres://\(role)@"))
            }
            let (owner, app, reader) = (site("t_owner"), site("t_app"), site("t_reader"))
            let sql = try await databaseRoles(owner: "t_owner", app: "t_app", reader: "t_reader")
            try apply(sql, url)
            let early = await run { try await migrateDatabase(app, $0) }
            #expect(early.status != .done, "the app role makes no tables")
            let migrated = await run { try await migrateDatabase(owner, $0) }
            #expect(migrated.status == .done, "\(migrated.spoken.all)")
            try apply(sql, url)

            try await withSite(app) { open in _ = try await TestRetailer.make(open.site) }
            let rated = await run { try await rateSite(app, RateSiteOptions(orgID: 1, estimate: true), $0) }
            #expect(rated.status == .done, "\(rated.spoken.all)")
            let check = await run { try await checkDatabase(app, json: false, $0) }
            #expect(check.status == .done && !check.spoken.all.contains("over 0 postings"), "\(check.spoken.all)")

            for table in appendOnlyTables {
                #expect(try await refused("UPDATE \(table) SET org_id = 2", app), "\(table)")
                #expect(try await refused("DELETE FROM \(table)", app), "\(table)")
            }
            #expect(try await refused("DELETE FROM schema_migration", app))
            #expect(try await refused("DROP TABLE posting", app))
            #expect(try await refused("CREATE TABLE mine (x BIGINT)", app))
            #expect(try await refused("SELECT password_hash FROM login", reader))
            #expect(try await refused("SELECT sealed_keys FROM meter", reader))
            #expect(try await refused("SELECT token_hash FROM session", reader))
            #expect(try await refused("DELETE FROM job", reader))
            #expect(try await !refused("SELECT username FROM login", reader))
            #expect(try await !refused("SELECT amount_paise FROM posting", reader))
        }
    }

    @Test func namesOfRolesAreNotTakenUnseen() async throws {
        for name in ["", "A", "a;b", "a b", "1a", String(repeating: "a", count: 64)] {
            await #expect(throws: UsageError.self, "\(name)") {
                _ = try await databaseRoles(owner: name, app: "b", reader: "c")
            }
        }
        await #expect(throws: UsageError.self) { _ = try await databaseRoles(owner: "a", app: "a", reader: "c") }
    }

    /// Nothing in the product changes or removes rows of the tables the app role may only add to.
    @Test func nobodyChangesWhatIsWrittenOnce() throws {
        let sources = Bench.repository.appendingPathComponent("Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var looked = 0
        for case let file as URL in files where file.pathExtension == "swift" {
            looked += 1
            let text = try String(contentsOf: file, encoding: .utf8)
            for table in appendOnlyTables {
                #expect(!text.contains("UPDATE \(table) "), "\(file.path)")
                #expect(
                    !text.contains("DELETE FROM \(table)\n") && !text.contains("DELETE FROM \(table) "), "\(file.path)")
            }
        }
        #expect(looked > 100)
    }

    /// A base backup, archived log, a bad command, and the database as it was a moment before.
    @Test func aPointInTimeIsRecovered() throws {
        let script = Bench.repository.appendingPathComponent("Tests/scripts/point_in_time.sh").path
        let ended = try Bench.execute("/bin/bash", [script, try Bench.binary()])
        if ended.code == 77 {
            print("point-in-time recovery is SKIPPED: \(ended.output)")
            return
        }
        #expect(ended.code == 0, "\(ended.output)\n\(ended.errors)")
        #expect(ended.output.contains("recovered"), "\(ended.output)")
    }
}
