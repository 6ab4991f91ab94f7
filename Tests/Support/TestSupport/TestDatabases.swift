// Databases for one test each, on both engines, gone when the test is over.
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter

/// The engines a test is run on: `@Test(arguments: TestEngine.available)`.
public enum TestEngine: String, CaseIterable, Sendable {
    case sqlite, postgres

    /// Both; without PostgreSQL only SQLite, and standard error says why.
    public static let available: [TestEngine] =
        switch PrivatePostgres.shared {
        case .success: allCases
        case .failure: [.sqlite]
        }
}

/// What a running product has: money, readings and a folder.
public struct TestSite: Sendable {
    public let engine: TestEngine
    public let money: any Database
    public let readings: any ReadingsStore
    /// An empty folder of the test's own, also on PostgreSQL.
    public let folder: String
}

/// A site with all migrations applied. Closed and removed afterwards.
public func withSite<Value>(
    _ engine: TestEngine, migrations: [Migration] = [], _ body: (TestSite) async throws -> Value
) async throws -> Value {
    try await withFolder { folder in
        switch engine {
        case .sqlite:
            let money = try await SQLiteDatabase.open(path: folder + "/money.db", durability: .full)
            let readings = SQLiteReadings(folder: folder, migrations: migrations)
            return try await closing(money, readings) {
                try await Migrator.migrate(migrations, store: .money, in: money)
                return try await body(TestSite(engine: engine, money: money, readings: readings, folder: folder))
            }
        case .postgres:
            return try await withPostgres { database in
                for store in SchemaStore.allCases { try await Migrator.migrate(migrations, store: store, in: database) }
                return try await body(
                    TestSite(
                        engine: engine, money: database, readings: PostgresReadings(database), folder: folder))
            }
        }
    }
}

/// One database with the migrations of both stores applied; without migrations it is quite empty.
/// Closed and removed afterwards.
public func withDatabase<Value>(
    _ engine: TestEngine, migrations: [Migration] = [], _ body: (any Database) async throws -> Value
) async throws -> Value {
    func migrated(_ database: any Database) async throws -> Value {
        for store in SchemaStore.allCases where !migrations.isEmpty {
            try await Migrator.migrate(migrations, store: store, in: database)
        }
        return try await body(database)
    }
    switch engine {
    case .sqlite:
        return try await withFolder { folder in
            let database = try await SQLiteDatabase.open(path: folder + "/test.db", durability: .normal)
            return try await closing(database, nil) { try await migrated(database) }
        }
    case .postgres:
        return try await withPostgres { try await migrated($0) }
    }
}

/// An empty folder, removed afterwards.
public func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("busbar-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

/// An empty PostgreSQL database, closed and dropped afterwards.
public func withPostgres<Value>(
    connections: Int = 4, _ body: (PostgresDatabase) async throws -> Value
) async throws -> Value {
    let server = try PrivatePostgres.shared.get()
    let url = try await server.freshDatabase()
    do {
        let database = try await PostgresDatabase.open(url: url, connections: connections)
        let value = try await closing(database, nil) { try await body(database) }
        try await server.drop(url)
        return value
    } catch {
        try? await server.drop(url)
        throw error
    }
}

private func closing<Value>(
    _ database: any Database, _ readings: (any ReadingsStore)?, _ body: () async throws -> Value
) async throws -> Value {
    do {
        let value = try await body()
        await readings?.close()
        await database.close()
        return value
    } catch {
        await readings?.close()
        await database.close()
        throw error
    }
}
