// Two companies with a login of each role, behind a dispatcher without a socket; a clock moved by hand.
import API
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import Payments
import SQL
import SQLiteAdapter
import Synchronization
import TestGateway
import TestRetailer
import Testing

final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

/// A database with the logins in it, made once: hashing their passwords for each test would take minutes.
struct Template: Sendable {
    var file: URL
    var grants: [Int64: [Role: SessionGrant]] = [:]
    var targets: [Int64: LoginSummary] = [:]
    var keys: [Int64: APIKeySummary] = [:]

    static let made = Task { try await make() }
    static let startMs: Int64 = 1_767_225_600_000

    static func site(_ file: URL, _ clock: ManualClock) async throws -> Site {
        let money = try await SQLiteDatabase.open(path: file.path, durability: .normal)
        let clocks = Clocks(businessNowMs: { clock.nowMs }, systemNowMs: { clock.nowMs }, businessRate: 0)
        // All tests read the same months; only the money store is their own.
        let folder = file.deletingLastPathComponent().path
        return Site(
            money: money, readings: SQLiteReadings(folder: folder, migrations: BusbarSchema.migrations), clocks: clocks,
            ids: IDGenerator(processNumber: 0, clocks: clocks))
    }

    private static func make() async throws -> Template {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-api-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var template = Template(file: folder.appendingPathComponent("template.db"))
        let site = try await site(template.file, ManualClock(startMs: startMs))
        try await Migrator.migrate(BusbarSchema.migrations, store: .money, in: site.money)
        _ = try await TestRetailer.make(site)
        // An order to read that was given up, in each company.
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO meter_command (org_id, command_id, command_key, meter_id, kind, state, why,
                      created_at_ms, next_at_ms, attempt) VALUES ($1, $2, 'given-up', $3, 'read', 'failed', '', 0, 0, 3)
                    """, [.int(org), .int(5000 + org), .int(1070 + org)])
            }
        }
        let passwords = PasswordHasher()
        let sessions = Sessions(site: site, passwords: passwords)
        func add(_ username: String, _ role: Role, _ org: Int64) async throws -> LoginSummary {
            let login = NewLogin(
                username: username, name: "Name of \(username)", role: role,
                accountID: role == .consumer ? 70 + org : nil)
            let command = try await AddLogin(login, password: Fixture.password, hasher: passwords)
            return try await site.perform(command, as: .system(orgID: org), source: "test")
        }
        for org in Int64(1)...2 {
            for role in Fixture.roles {
                _ = try await add("\(role.rawValue)-of-\(org)", role, org)
                template.grants[org, default: [:]][role] = try await sessions.signIn(
                    username: "\(role.rawValue)-of-\(org)", password: Fixture.password, from: "192.0.2.\(org)")
            }
            template.targets[org] = try await add("target-of-\(org)", .operator, org)
            let key = try AddAPIKey(
                name: "key-of-\(org)", permissions: [.readMeters], placeID: nil, until: CivilDay(number: 20_600))
            template.keys[org] = try await site.perform(key, as: .system(orgID: org), source: "test")
        }
        await site.readings.close()
        await site.money.close()
        return template
    }
}

struct Fixture {
    static let password = "seven green tigers"
    static func ring() throws -> KeyRing { try KeyRing(current: [UInt8](repeating: 7, count: 32)) }
    static let roles: [Role] = [.consumer, .operator, .administrator]
    let site: Site
    var services: Services
    var dispatcher: Dispatcher
    /// A second after the template was made, so that no id comes twice.
    let clock = ManualClock(startMs: Template.startMs + 1000)
    let file: URL
    let lines = Lines()
    /// By company (1 and 2) and role.
    let grants: [Int64: [Role: SessionGrant]]
    /// A login of each company that tests act upon.
    let targets: [Int64: LoginSummary]
    /// A key of each company.
    let keys: [Int64: APIKeySummary]

    init(_ adjust: (inout Services) -> Void = { _ in }, limits: HTTPLimits = HTTPLimits(), pages: Pages = .none)
        async throws
    {
        let template = try await Template.made.value
        grants = template.grants
        targets = template.targets
        keys = template.keys
        file = template.file.deletingLastPathComponent().appendingPathComponent("\(UUID().uuidString).db")
        try FileManager.default.copyItem(at: template.file, to: file)
        site = try await Template.site(file, clock)
        let lines = lines
        services = Services(
            site: site, ring: try Self.ring(),
            settings: SettingRegistry([
                .wholeNumber("supply.warn-below-paise", 0...1_000_000, initial: 5000, hint: "Warned below this.")
            ]),
            limits: limits, log: { lines.add($0.text) })
        services.payments = PaymentDesk(site: site, ring: try Self.ring(), gateways: [TestGateway()])
        adjust(&services)
        dispatcher = Dispatcher(services, pages: pages)
    }

    static func with(
        _ adjust: (inout Services) -> Void = { _ in }, limits: HTTPLimits = HTTPLimits(), pages: Pages = .none,
        _ body: (Fixture) async throws -> Void
    ) async throws {
        let fixture = try await Fixture(adjust, limits: limits, pages: pages)
        do {
            try await body(fixture)
        } catch {
            await fixture.close()
            throw error
        }
        await fixture.close()
    }

    func close() async {
        await site.readings.close()
        await site.money.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file.path + suffix) }
    }

    func grant(_ role: Role, _ org: Int64 = 1) throws -> SessionGrant { try #require(grants[org]?[role]) }

    func bearer(_ role: Role, _ org: Int64 = 1) throws -> [(String, String)] {
        [("Authorization", "Bearer \(try grant(role, org).token)")]
    }

    func cookie(_ role: Role, _ org: Int64 = 1) throws -> [(String, String)] {
        [("Cookie", "other=1; busbar_session=\(try grant(role, org).token)")]
    }

    /// A new key of company 1, made by its administrator.
    func newKey(
        _ permissions: [Permission], placeID: Int64? = nil, until: CivilDay = CivilDay(number: 20_600)
    ) async throws -> (made: APIKeySummary, token: String) {
        let command = try AddAPIKey(
            name: "key \(site.ids.next())", permissions: permissions, placeID: placeID, until: until)
        let made = try await site.perform(
            command, as: try grant(.administrator).session.actor, source: "test")
        return (made, command.token(made))
    }

    func keyHeaders(_ permissions: [Permission], placeID: Int64? = nil) async throws -> [(String, String)] {
        [("Authorization", "Bearer \(try await newKey(permissions, placeID: placeID).token)")]
    }

    /// Sends a request; a text body gets the content type of JSON unless the headers name another.
    func send(
        _ method: String, _ path: String, _ query: String = "", headers: [(String, String)] = [], body: String? = nil
    ) async -> Answer {
        var all = Headers()
        for (name, value) in headers { all.add(name, value) }
        if body != nil, all["Content-Type"] == nil { all.add("Content-Type", "application/json") }
        return await dispatcher.answer(
            Call(
                method: method, path: path, query: query, headers: all, body: Array((body ?? "").utf8),
                remoteAddress: "203.0.113.7", requestID: "test-request"))
    }

    func count(_ sql: String) async throws -> Int64 {
        try await site.money.read { try $0.first(sql, []) { try $0.int(0) } ?? -1 }
    }
}

extension Answer {
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { get throws { try JSONValue(parsing: body) } }
    /// The end of the problem's type, or nil.
    var problem: String? { (try? json)?["type"]?.text.map { String($0.dropFirst("/problems/".count)) } }
    var at: String? { (try? json)?["at"]?.text }
    var detail: String? { (try? json)?["detail"]?.text }
}
