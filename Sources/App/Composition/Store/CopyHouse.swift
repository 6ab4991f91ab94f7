// The two houses of a copy: where tables are read from and written to, part by part. Moves no rows itself.
import Access
import CivilTime
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter

/// The money store, or the readings of a month.
struct CopyPart: Sendable, Hashable {
    var month: CivilMonth?
    var name: String { month.map { "\($0)" } ?? "money" }
    func holds(_ table: StoredTable) -> Bool { (table.store == .money) == (month == nil) }
}

/// One side of a copy: opened, locked, and handing out the database of each part.
struct CopyHouse: Sendable {
    let money: any Database
    let months: [CivilMonth]
    private let folder: String?
    private let readings: (any ReadingsStore)?
    private let lock: SQLiteSiteLock?

    var parts: [CopyPart] { [CopyPart(month: nil)] + months.map { CopyPart(month: $0) } }
    var engine: SQLEngine { money.engine }

    /// A house that is there, of this program's schema, which nobody writes meanwhile.
    static func source(_ site: SiteOptions, systemNowMs: Int64) async throws -> CopyHouse {
        let (pending, months, away) = try await withInspection(site) { ($0.pending, $0.months, $0.monthsOutOfReach) }
        guard away.isEmpty else {
            throw Complaint(
                "the archive of \(away.map(\.description).joined(separator: ", ")) is out of reach",
                hint: "Mount it at \(site.folder)/archive: a copy is of everything.", .problems)
        }
        guard pending.isEmpty else {
            throw Complaint(
                "the source lacks \(pending.count) migrations of this program",
                hint: "Run `busbar db migrate` on it first.", .problems)
        }
        let house: CopyHouse
        if let url = site.databaseURL {
            let database = try await PostgresDatabase.open(url: url, connections: 2)
            house = CopyHouse(money: database, months: months, folder: nil, readings: nil, lock: nil)
        } else {
            let lock = try SQLiteSite.lock(site.folder)
            let database = try await SQLiteDatabase.open(
                path: site.folder + "/money.db", durability: .full, readers: 1)
            house = CopyHouse(money: database, months: months, folder: site.folder, readings: nil, lock: lock)
        }
        do {
            try await house.refuseLiveProcesses(systemNowMs)
        } catch {
            await house.close()
            throw error
        }
        return house
    }

    /// A house to copy into: made when it is not there, marked as unfinished before anything else is in it.
    static func destination(_ site: SiteOptions, tables: [StoredTable], source: [UInt8]) async throws -> CopyHouse {
        let house: CopyHouse
        if let url = site.databaseURL {
            let database = try await PostgresDatabase.open(url: url, connections: 2)
            house = CopyHouse(
                money: database, months: [], folder: nil, readings: PostgresReadings(database), lock: nil)
        } else {
            let lock = try SQLiteSite.lock(site.folder)
            let months = try await SQLiteReadings(folder: site.folder, migrations: []).months()
            let isThere = FileManager.default.fileExists(atPath: site.folder + "/money.db")
            guard months.isEmpty || isThere else {
                throw Complaint("\(site.folder) holds readings", hint: "Choose an empty folder.", .problems)
            }
            // Not as durable as in service: what a loss of power takes is copied again, with its place.
            let database = try await SQLiteDatabase.open(
                path: site.folder + "/money.db", durability: .normal, readers: 1)
            house = CopyHouse(money: database, months: months, folder: site.folder, readings: nil, lock: lock)
        }
        do {
            try await house.begin(tables, source)
        } catch {
            await house.close()
            throw error
        }
        return house
    }

    private func begin(_ tables: [StoredTable], _ source: [UInt8]) async throws {
        if let earlier = try await CopyProgress.source(in: money) {
            guard earlier == source else {
                throw Complaint(
                    "the destination holds an unfinished copy of something else, or the source has changed since",
                    hint: "Empty the destination (drop and create the database, or remove the folder) and copy anew.",
                    .problems)
            }
        } else {
            try await refuseData(tables)
            try await CopyProgress.begin(source: source, in: money)
        }
        let stores: [SchemaStore] = engine == .postgres ? [.money, .readings] : [.money]
        for store in stores { try await Migrator.migrate(BusbarSchema.migrations, store: store, in: money) }
    }

    /// A schema without a row may be there; a row may not.
    private func refuseData(_ tables: [StoredTable]) async throws {
        guard months.isEmpty else { throw Self.notEmpty("readings of \(months[0])") }
        let found = try await money.read { transaction in
            try tables.first { table in
                guard engine == .postgres || table.store == .money,
                    try CopyProgress.isThere(table.name, transaction)
                else { return false }
                return try transaction.first("SELECT 1 FROM \(table.name) LIMIT 1", []) { try $0.int(0) } != nil
            }
        }
        if let found { throw Self.notEmpty("rows in \(found.name)") }
    }

    private static func notEmpty(_ what: String) -> Complaint {
        Complaint(
            "the destination is not empty: it holds \(what)",
            hint: "A copy needs an empty database or folder; nothing was changed.", .problems)
    }

    /// Rows must not move under the copy. SQLite's lock sees to it; a PostgreSQL house is asked.
    func refuseLiveProcesses(_ systemNowMs: Int64) async throws {
        guard engine == .postgres else { return }
        let holders = try await money.read { try ProcessNumber.holders(systemNowMs: systemNowMs, in: $0) }
        guard holders.isEmpty else {
            throw Complaint(
                "\(holders.count) processes work on the source: \(holders.prefix(5).joined(separator: ", "))",
                hint: "Stop them and run this again. One that died counts for a minute.", .partly)
        }
    }

    /// Runs `body` on the database of a part; a file of SQLite is open only meanwhile.
    func with<Value: Sendable>(
        _ part: CopyPart, makes: Bool = false, _ body: (any Database) async throws -> Value
    ) async throws -> Value {
        guard let month = part.month else { return try await body(money) }
        guard let folder else {
            if makes { _ = try await readings?.shard(month) }
            return try await body(money)
        }
        let path = "\(folder)/readings-\(month).db"
        let shard = try await SQLiteDatabase.open(path: path, durability: .normal, readers: 1)
        do {
            if makes { try await Migrator.migrate(BusbarSchema.migrations, store: .readings, in: shard) }
            let value = try await body(shard)
            await shard.close()
            return value
        } catch {
            await shard.close()
            throw error
        }
    }

    func close() async {
        await readings?.close()
        await money.close()
        lock?.release()
    }
}
