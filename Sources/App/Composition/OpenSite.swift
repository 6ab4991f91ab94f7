// Opens an installation: its folder or its PostgreSQL database, migrated, locked, with a process number of its own.
import API
import Access
import CivilTime
import Clocks
import Foundation
import HeadEnd
import IS15959
import Jobs
import Meters
import PostgresAdapter
import SQL
import SQLiteAdapter

/// Where an installation lives.
public struct SiteOptions: Sendable {
    /// Folder of the databases (SQLite), the key file and simulated meters.
    public var folder: String
    /// `postgres://…`; nil keeps everything in the folder.
    public var databaseURL: String?
    /// Where the key is that seals keys at rest.
    public var masterKey = MasterKeySource.folder
    /// A list of breached passwords; nil: none is refused for that.
    public var passwordsBreached: String?
    /// Folder of makers' meter profiles; nil: `profiles` in the folder, when it is there.
    public var meterProfiles: String?
    /// Makes a backup before the schema of a database with data is changed.
    public var backsUpBeforeUpgrade = true
    public init(folder: String, databaseURL: String? = nil) {
        self.folder = folder
        self.databaseURL = databaseURL
    }
}

/// An open installation. Close it before the process ends.
public struct OpenSite: Sendable {
    public var site: Site
    public let folder: String
    /// What seals secrets at rest.
    public let ring: KeyRing
    public var vault: KeyVault { KeyVault(ring: ring) }
    public let holder: String
    /// See ``SiteOptions/passwordsBreached``.
    let passwordsBreached: String?
    /// See ``SiteOptions/meterProfiles``.
    let meterProfiles: String?
    /// Nil when it is only looked at.
    let lease: HeldNumber?
    /// When anybody had it open before, system time.
    let lastHeldMs: Int64?
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
            try await Upgrade(site: options, clocks: clocks).run(on: database)
            money = database
            readings = PostgresReadings(database)
            lock = nil
        } else {
            lock = try SQLiteSite.lock(options.folder)
            try SQLiteSite.checkFiles(options.folder)
            let isUpgrade = try await Upgrade(site: options, clocks: clocks).backUpFolder()
            let database = try await SQLiteDatabase.open(path: options.folder + "/money.db", durability: .full)
            try await CopyProgress.refuse(database)
            try await Migrator.migrate(BusbarSchema.migrations, store: .money, in: database)
            money = database
            readings = SQLiteReadings(folder: options.folder, migrations: BusbarSchema.migrations)
            if isUpgrade { for month in try await readings.monthsInReach() { _ = try await readings.shard(month) } }
        }
        let hasSecrets = try await money.read { transaction in
            try sealedColumns.contains { !(try $0.page((.min, .min), 1, transaction).isEmpty) }
        }
        let ring = try MasterKey.ring(options, makes: !hasSecrets)
        try await Audit.chainOlderRows(in: money)
        let holder = "\(ProcessInfo.processInfo.hostName)-\(getpid())-\(Secret.hex(Secret.bytes(4)))"
        if lock != nil {
            // The lock proves that whoever held a job is gone: nobody waits for its lease to run out.
            try await money.write { transaction in
                try JobStore.releaseAll(in: transaction)
                try MeterLease.releaseAll(in: transaction)
            }
        }
        let lastHeldMs = try await money.read { try ProcessNumber.lastHeldMs(in: $0) }
        let number = try await ProcessNumber.lease(in: money, holder: holder, systemNowMs: clocks.systemNowMs())
        // Behind the lock of a folder nobody else can take the number.
        let lease = HeldNumber(number, in: money, clocks: clocks, isAlone: lock != nil)
        return OpenSite(
            site: Site(
                money: LeasedDatabase(money, lease), readings: LeasedReadings(readings, lease), clocks: clocks,
                ids: IDGenerator(
                    processNumber: number.number, clocks: clocks, notBeforeMs: number.idsNotBeforeMs)),
            folder: options.folder, ring: ring, holder: holder, passwordsBreached: options.passwordsBreached,
            meterProfiles: options.meterProfiles, lease: lease, lastHeldMs: lastHeldMs, lock: lock)
    }

    /// An installation only looked at: nothing is migrated, leased or made, and no write to the money store succeeds.
    /// - Throws: ``Complaint`` where migrations are pending: what this program asks may not be there yet.
    static func look(_ options: SiteOptions, clocks: Clocks = .live) async throws -> OpenSite {
        guard try await withInspection(options, { $0.pending.isEmpty }) else {
            throw Complaint(
                "migrations are pending, and looking changes nothing", hint: "Run `busbar db migrate` first.", .problems
            )
        }
        let (money, readings, lock): (any Database, any ReadingsStore, SQLiteSiteLock?)
        if let url = options.databaseURL {
            let database = try await PostgresDatabase.open(url: url)
            (money, readings, lock) = (database, PostgresReadings(database), nil)
        } else {
            lock = try SQLiteSite.lock(options.folder)
            money = try await SQLiteDatabase.openForReading(path: options.folder + "/money.db")
            readings = SQLiteReadings(folder: options.folder, migrations: [])
        }
        return OpenSite(
            site: Site(
                money: money, readings: readings, clocks: clocks, ids: IDGenerator(processNumber: 0, clocks: clocks)),
            folder: options.folder, ring: try KeyRing(current: Secret.bytes(32)), holder: "",
            passwordsBreached: options.passwordsBreached, meterProfiles: options.meterProfiles, lease: nil,
            lastHeldMs: nil, lock: lock)
    }

    /// The kinds of meter that are known here, read now.
    /// - Throws: ``Complaint`` as ``MeterProfileFolder/read(named:dataFolder:)``.
    func profiles() throws -> ProfileBook { try MeterProfileFolder.read(named: meterProfiles, dataFolder: folder) }

    public func close() async {
        await lease?.release(latestIDMs: site.ids.latestMs)
        await site.readings.close()
        await site.money.close()
        lock?.release()
    }

    public func orgs() async throws -> [Org] { try await site.money.read { try Org.all(in: $0) } }

    /// The only company, or the one named.
    public func org(_ orgID: Int64?) async throws -> Org { try chosenOrg(orgID, of: try await orgs()) }
}

/// The only company, or the one named.
func chosenOrg(_ orgID: Int64?, of orgs: [Org]) throws -> Org {
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

/// The key under which secrets are sealed, in the file `master.key` of the folder; see ``MasterKey/ring(_:)`` for
/// other places.
enum MasterKey {
    /// - Parameter makes: makes a new key where there is none; never where something is sealed under an older one.
    static func load(folder: String, makes: Bool = false) throws -> [UInt8] {
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
        guard makes else {
            throw Refusal(
                .unavailable, "\(path) is missing, and the meters' keys in the database are sealed with it.",
                hint: "Put the copy you kept there (mode 600), or set BUSBAR_MASTER_KEY.")
        }
        let key = Secret.bytes(32)
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let made = FileManager.default.createFile(
            atPath: path, contents: Data((Secret.hex(key) + "\n").utf8), attributes: [.posixPermissions: 0o600])
        guard made else {
            throw Refusal(.unavailable, "\(path) cannot be written.", hint: "Check the folder and its owner.")
        }
        return key
    }

    static func bytes(hex: String) -> [UInt8]? {
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
