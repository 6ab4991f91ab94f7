// A private database with two companies for each test, and a system clock moved by hand.
import Access
import CivilTime
import Clocks
import Foundation
import SQL
import SQLiteAdapter

struct NoReadings: ReadingsStore, MonthFiles {
    func months() async throws -> [CivilMonth] { [] }
    func shard(_ month: CivilMonth) async throws -> any Database { throw SQLError(.other, "no readings in this test") }
    var files: any MonthFiles { self }
    func giveBackRoom(_ month: CivilMonth) async throws {}
    func putAway(_ month: CivilMonth) async throws {}
    func bringBack(_ month: CivilMonth) async throws {}
    func close() async {}
}

struct Fixture {
    /// 2026-01-01T00:00:00Z
    static let startMs: Int64 = 1_767_225_600_000
    let site: Site
    let clock = ManualClock(startMs: startMs)
    let passwords = PasswordHasher()
    let sessions: Sessions
    let folder: URL
    static let password = "seven green tigers"

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-access-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let money = try await SQLiteDatabase.open(
            path: folder.appendingPathComponent("money.db").path, durability: .normal)
        try await Migrator.migrate(AccessSchema.migrations, store: .money, in: money)
        let clock = clock
        let clocks = Clocks(businessNowMs: { clock.nowMs }, systemNowMs: { clock.nowMs }, businessRate: 0)
        site = Site(
            money: money, readings: NoReadings(), clocks: clocks, ids: IDGenerator(processNumber: 0, clocks: clocks))
        sessions = Sessions(
            site: site, passwords: passwords, ring: try KeyRing(current: [UInt8](repeating: 7, count: 32)))
        try await money.write { transaction in
            try Org(orgID: 1, name: "Ujjwal").create(in: transaction)
            try Org(orgID: 2, name: "Prakash").create(in: transaction)
        }
    }

    func close() async {
        await site.money.close()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Runs a test body and removes the database after it.
    static func with(_ body: (Fixture) async throws -> Void) async throws {
        let fixture = try await Fixture()
        do {
            try await body(fixture)
        } catch {
            await fixture.close()
            throw error
        }
        await fixture.close()
    }

    @discardableResult
    func add(_ username: String, _ role: Role = .operator, org: Int64 = 1, account: Int64? = nil) async throws
        -> LoginSummary
    {
        let command = try await AddLogin(
            NewLogin(username: username, name: "N. N.", role: role, accountID: account), password: Self.password,
            hasher: passwords)
        return try await site.perform(command, as: .system(orgID: org), source: "test")
    }

    func signIn(_ username: String, _ password: String = password, from address: String = "203.0.113.7") async throws
        -> SessionGrant
    {
        try await sessions.signIn(username: username, password: password, from: address)
    }

    func count(_ sql: String) async throws -> Int64 {
        try await site.money.read { try $0.first(sql, []) { try $0.int(0) } ?? -1 }
    }
}

/// The refusal a call throws, or nil when it throws none.
func refusal(_ body: () async throws -> Void) async throws -> Refusal? {
    do {
        try await body()
        return nil
    } catch let refusal as Refusal {
        return refusal
    }
}
