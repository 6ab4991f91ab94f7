// Opens an installation: its folder or its PostgreSQL database, migrated, locked, with a process number of its own.
import API
import Access
import CivilTime
import Clocks
import Foundation
import Jobs
import Logging
import Meters
import PostgresAdapter
import SQL
import SQLiteAdapter
import ServiceLifecycle

/// Where an installation lives.
public struct SiteOptions: Sendable {
    /// Folder of the databases (SQLite), the key file and simulated meters.
    public var folder: String
    /// `postgres://…`; nil keeps everything in the folder.
    public var databaseURL: String?
    public init(folder: String, databaseURL: String? = nil) {
        self.folder = folder
        self.databaseURL = databaseURL
    }
}

/// An open installation. Close it before the process ends.
public struct OpenSite: Sendable {
    public var site: Site
    public let folder: String
    public let vault: KeyVault
    public let holder: String
    let lease: ProcessNumber
    /// Kept so that the lock of the folder lives as long as the site.
    private let lock: SQLiteSiteLock?

    /// - Throws: `SQLError` `busy` when another process holds the folder, `connection` when the database is out of
    ///   reach.
    public static func open(_ options: SiteOptions, clocks: Clocks = .live) async throws -> OpenSite {
        let money: any Database
        let readings: any ReadingsStore
        let lock: SQLiteSiteLock?
        if let url = options.databaseURL {
            let database = try await PostgresDatabase.open(url: url)
            for store in SchemaStore.allCases {
                try await Migrator.migrate(BusbarSchema.migrations, store: store, in: database)
            }
            money = database
            readings = PostgresReadings(database)
            lock = nil
        } else {
            lock = try SQLiteSite.lock(options.folder)
            let database = try await SQLiteDatabase.open(path: options.folder + "/money.db", durability: .full)
            try await Migrator.migrate(BusbarSchema.migrations, store: .money, in: database)
            money = database
            readings = SQLiteReadings(folder: options.folder, migrations: BusbarSchema.migrations)
        }
        let holder = "\(ProcessInfo.processInfo.hostName)-\(getpid())-\(Secret.hex(Secret.bytes(4)))"
        if lock != nil {
            // The lock proves that whoever held a job is gone: nobody waits for its lease to run out.
            try await money.write { try JobStore.releaseAll(in: $0) }
        }
        let lease = try await ProcessNumber.lease(in: money, holder: holder, systemNowMs: clocks.systemNowMs())
        return OpenSite(
            site: Site(
                money: money, readings: readings, clocks: clocks,
                ids: IDGenerator(processNumber: lease.number, clocks: clocks)),
            folder: options.folder, vault: try KeyVault(masterKey: MasterKey.load(folder: options.folder)),
            holder: holder,
            lease: lease, lock: lock)
    }

    public func close() async {
        try? await lease.release(in: site.money)
        await site.readings.close()
        await site.money.close()
        lock?.release()
    }

    public func orgs() async throws -> [Org] { try await site.money.read { try Org.all(in: $0) } }

    /// The only company, or the one named.
    public func org(_ orgID: Int64?) async throws -> Org {
        let orgs = try await orgs()
        if let orgID {
            guard let org = orgs.first(where: { $0.orgID == orgID }) else {
                throw Refusal(.notFound, "There is no company \(orgID) here.", hint: "`busbar org list` shows them.")
            }
            return org
        }
        guard let only = orgs.first else {
            throw Refusal(.notFound, "There is no company here yet.", hint: "Add one: `busbar org add \"…\"`.")
        }
        guard orgs.count == 1 else {
            throw Refusal(
                .invalid, "There are \(orgs.count) companies here.", hint: "Say which with --org.", at: "--org")
        }
        return only
    }
}

/// Holds the process number while the process serves. Losing it ends the process: its ids would not be its own any
/// more.
struct LeaseKeeper: Service {
    let lease: ProcessNumber
    let site: Site
    let readiness: Readiness
    let log: Logger

    func run() async throws {
        readiness.leased(untilMs: lease.untilMs)
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(20))
                guard !Task.isCancelled else { return }
                do {
                    let renewed = try await lease.renewed(
                        in: site.money, systemNowMs: site.clocks.systemNowMs())
                    readiness.leased(untilMs: renewed.untilMs)
                } catch let refusal as Refusal {
                    readiness.leased(untilMs: 0)
                    log.critical("process number lost", metadata: ["error": "\(refusal)"])
                    throw refusal
                } catch {
                    log.error("process number not renewed, trying again", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}

/// The key under which meter keys are sealed: `BUSBAR_MASTER_KEY` (64 hex digits) or the file `master.key` of the
/// folder.
enum MasterKey {
    static func load(folder: String) throws -> [UInt8] {
        if let text = ProcessInfo.processInfo.environment["BUSBAR_MASTER_KEY"] {
            guard let key = bytes(hex: text) else {
                throw Refusal(.invalid, "BUSBAR_MASTER_KEY is not 64 hexadecimal digits.", at: "BUSBAR_MASTER_KEY")
            }
            return key
        }
        let path = folder + "/master.key"
        if let data = FileManager.default.contents(atPath: path) {
            guard
                let key = bytes(
                    hex: String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
            else {
                throw Refusal(
                    .invalid, "\(path) does not hold 64 hexadecimal digits.", hint: "Restore it from its backup.")
            }
            return key
        }
        // A key that is there and cannot be read is never written over: what it sealed would be lost.
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Refusal(
                .unavailable, "\(path) cannot be read.", hint: "Check who owns it; run this as that user.")
        }
        let key = Secret.bytes(32)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let made = FileManager.default.createFile(
            atPath: path, contents: Data((Secret.hex(key) + "\n").utf8), attributes: [.posixPermissions: 0o600])
        guard made else { throw Refusal(.unavailable, "\(path) cannot be written.", hint: "Check the folder's owner.") }
        return key
    }

    private static func bytes(hex: String) -> [UInt8]? {
        guard hex.utf8.count == 64 else { return nil }
        var result: [UInt8] = []
        var rest = hex[...]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            result.append(byte)
            rest = rest.dropFirst(2)
        }
        return result
    }
}
