// An installation looked at from outside: opened without making or migrating anything.
import Access
import CivilTime
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter

/// One database of an installation and what it lacks.
struct InspectedStore {
    /// `money`, `readings 2026-03`, or `money and readings` on PostgreSQL.
    var name: String
    /// The file; nil on PostgreSQL.
    var path: String?
    var applied: Int
    var pending: [Migration]
    var bytes: Int64
}

/// Databases held open, and for SQLite the lock of the folder.
struct Inspection {
    var engine: SQLEngine
    var engineVersion: String
    var money: any Database
    var stores: [InspectedStore]
    /// Those that can be opened.
    var months: [CivilMonth]
    /// Whose archive is not there; what they hold is neither looked at nor lost by that.
    var monthsOutOfReach: [CivilMonth] = []
    private let lock: SQLiteSiteLock?

    /// - Throws: ``Complaint`` when nothing is there yet; `SQLError` as ``OpenSite/open(_:clocks:)``.
    /// - Parameter takesLock: false looks beside a process that serves, and keeps nobody out.
    static func open(_ site: SiteOptions, takesLock: Bool = true) async throws -> Inspection {
        if let url = site.databaseURL { return try await postgres(url) }
        guard FileManager.default.fileExists(atPath: site.folder + "/money.db") else {
            throw Complaint(
                "\(site.folder) holds no database yet", hint: "`busbar db migrate --data \(site.folder)` makes one.",
                .problems)
        }
        let lock = takesLock ? try SQLiteSite.lock(site.folder) : nil
        try SQLiteSite.checkFiles(site.folder)
        func database(_ path: String, _ durability: SQLiteDurability) async throws -> SQLiteDatabase {
            takesLock
                ? try await SQLiteDatabase.open(path: path, durability: durability, readers: 1)
                : try await SQLiteDatabase.openForReading(path: path)
        }
        let money = try await database(site.folder + "/money.db", .full)
        do {
            try await CopyProgress.refuse(money)
            let readings = SQLiteReadings(folder: site.folder, migrations: [])
            let (all, months) = (try await readings.months(), try await readings.monthsInReach())
            await readings.close()
            var stores = [try await inspect(money, .money, "money")]
            for month in months {
                let shard = try await database("\(site.folder)/readings-\(month).db", .normal)
                do {
                    stores.append(try await inspect(shard, .readings, "readings \(month)"))
                    await shard.close()
                } catch {
                    await shard.close()
                    throw error
                }
            }
            return Inspection(
                engine: .sqlite, engineVersion: try await money.engineVersion(), money: money, stores: stores,
                months: months, monthsOutOfReach: all.filter { !months.contains($0) }, lock: lock)
        } catch {
            await money.close()
            throw error
        }
    }

    private static func inspect(_ database: SQLiteDatabase, _ store: SchemaStore, _ name: String) async throws
        -> InspectedStore
    {
        let pending = try await Migrator.pending(BusbarSchema.migrations, store: store, in: database)
        // A month in the archive is a link.
        let resolved = URL(fileURLWithPath: database.path).resolvingSymlinksInPath().path
        let size = try? FileManager.default.attributesOfItem(atPath: resolved)[.size] as? Int64
        return InspectedStore(
            name: name, path: database.path,
            applied: BusbarSchema.migrations.count { $0.store == store } - pending.count, pending: pending,
            bytes: (size ?? 0) ?? 0)
    }

    private static func postgres(_ url: String) async throws -> Inspection {
        let database = try await PostgresDatabase.open(url: url, connections: 1)
        do {
            try await CopyProgress.refuse(database)
            var pending: [Migration] = []
            for store in SchemaStore.allCases {
                pending += try await Migrator.pending(BusbarSchema.migrations, store: store, in: database)
            }
            let store = InspectedStore(
                name: "money and readings", path: nil, applied: BusbarSchema.migrations.count - pending.count,
                pending: pending, bytes: try await database.sizeBytes())
            return Inspection(
                engine: .postgres, engineVersion: try await database.engineVersion(), money: database, stores: [store],
                months: try await PostgresReadings(database).months(), lock: nil)
        } catch {
            await database.close()
            throw error
        }
    }

    var pending: [Migration] { stores.flatMap(\.pending) }

    /// The money tables can be read.
    var hasMoney: Bool { !pending.contains { $0.store == .money } }

    func close() async {
        await money.close()
        lock?.release()
    }
}

func withInspection<Value>(_ site: SiteOptions, _ body: (Inspection) async throws -> Value) async throws -> Value {
    let inspection = try await Inspection.open(site)
    do {
        let value = try await body(inspection)
        await inspection.close()
        return value
    } catch {
        await inspection.close()
        throw error
    }
}
