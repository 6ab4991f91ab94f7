// The two servers of api.requests in one program: Busbar's own dispatcher and server on a seeded SQLite site, and a
// bare Hummingbird endpoint that answers JSON of the same shape without looking anything up. Each prints where it
// listens.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Foundation
import Grid
import Hummingbird
import Logging
import Payments
import SQL
import SQLiteAdapter
import ServiceLifecycle
import UnixSignals

enum ServeAPI {
    static let accounts: Int64 = 1_000

    private struct Place: Encodable {
        var port: Int
        var path: String
        var token: String
    }

    private static func say(_ port: Int, _ path: String, _ token: String) {
        let line = (try? JSONEncoder().encode(Place(port: port, path: path, token: token))) ?? Data()
        FileHandle.standardOutput.write(line + Data("\n".utf8))
    }

    /// A company with accounts and money on them, an operator signed in by bearer, rates counted but never reached.
    static func busbar(folder: String) async throws {
        let clocks = Clocks.live
        let money = try await SQLiteDatabase.open(path: folder + "/money.db", durability: .full)
        try await Migrator.migrate(BusbarSchema.migrations, store: .money, in: money)
        let site = Site(
            money: money, readings: SQLiteReadings(folder: folder, migrations: BusbarSchema.migrations),
            clocks: clocks, ids: IDGenerator(processNumber: 0, clocks: clocks))
        let scope = Scope(orgID: 1)
        try await money.write { transaction in
            try Org(orgID: 1, name: "Bench").create(in: transaction)
            try Grid.Place(placeID: 1, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
            for number in 1...accounts {
                try SupplyAccount(
                    accountID: number, accountNumber: "BB-\(1_000_000 + number)", name: "House \(number)",
                    category: "domestic", placeID: 1, sanctionedW: 2_000, language: "en",
                    openedDay: CivilDay(number: 20_000)
                ).create(scope, in: transaction)
            }
        }
        for number in 1...accounts {
            _ = try await site.perform(
                Recharge(accountID: number, amountPaise: 10_000 + number, method: .opening, reference: "o-\(number)"),
                as: .system(orgID: 1), source: "bench")
        }
        var limits = HTTPLimits()
        limits.perMinute = [:]
        let services = Services(
            site: site, settings: BusbarSettings.registry, limits: limits, log: { _ in })
        let login = NewLogin(username: "bench", name: "Bench", role: .operator)
        let password = Secret.password()
        let command = try await AddLogin(login, password: password, hasher: services.passwords)
        _ = try await site.perform(command, as: .system(orgID: 1), source: "bench")
        let grant = try await services.sessions.signIn(username: "bench", password: password, from: "127.0.0.1")
        let server = try Server.service(
            Dispatcher(services), services, at: ServerAddress(port: 0), logger: quiet
        ) { port in say(port, "/api/v1/accounts/500/balance", grant.token) }
        try await run(server)
    }

    struct Balance: ResponseCodable {
        var accountID: String
        var balancePaise: Int64
        var estimatedChargesPaise: Int64
    }

    /// The least that Hummingbird can do for the same answer: a route with a parameter and a Codable value.
    static func bare() async throws {
        let router = Router()
        router.get("/api/v1/accounts/:accountID/balance") { _, context in
            let accountID = try context.parameters.require("accountID")
            return Balance(accountID: accountID, balancePaise: 10_500, estimatedChargesPaise: 0)
        }
        let server = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0), serverName: nil),
            onServerRunning: { say($0.localAddress?.port ?? 0, "/api/v1/accounts/500/balance", "none") },
            logger: quiet)
        try await run(server)
    }

    private static var quiet: Logger {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        return logger
    }

    private static func run(_ server: some ApplicationProtocol) async throws {
        try await ServiceGroup(
            configuration: .init(services: [server], gracefulShutdownSignals: [.sigterm], logger: quiet)
        ).run()
    }
}
