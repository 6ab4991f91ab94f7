// Brings a database to the schema this program knows: forward only, each step in a transaction of its own.
// Never repairs and never goes back; when the database does not fit, it says so and changes nothing.

/// Applies ``Migration``s and remembers them in the table `schema_migration`.
public enum Migrator {
    /// Applies what is missing, in order of number, and returns it. A second call changes nothing.
    ///
    /// - Parameter migrations: all that this program knows; those of other stores are passed over.
    /// - Throws: ``SQLError`` `other` when the database holds a migration this program does not know or knows
    ///   otherwise; the error of a statement with the number of its migration in front.
    @discardableResult
    public static func migrate(
        _ migrations: [Migration], store: SchemaStore, in database: any Database
    ) async throws -> [Migration] {
        let known = try ordered(migrations, store)
        try await database.write { transaction in
            // Two processes may start at once, and CREATE TABLE IF NOT EXISTS alone can collide on PostgreSQL.
            if transaction.engine == .postgres {
                _ = try transaction.query("SELECT 1 FROM pg_advisory_xact_lock($1)", [.int(lockNumber)]) { _ in }
            }
            try transaction.run(table)
        }
        var applied: [Migration] = []
        for migration in try await database.read({ try missing(of: known, store, $0) }) {
            let isNew = try await database.write { transaction in
                // LOCK comes before the snapshot of the transaction, so that what another process just did is seen.
                if transaction.engine == .postgres {
                    try transaction.run("LOCK TABLE schema_migration IN EXCLUSIVE MODE")
                }
                guard try missing(of: known, store, transaction).contains(where: { $0.number == migration.number })
                else { return false }
                try apply(migration, transaction)
                return true
            }
            if isNew { applied.append(migration) }
        }
        return applied
    }

    /// What ``migrate(_:store:in:)`` would apply. Changes nothing, and fails where that would fail.
    public static func pending(
        _ migrations: [Migration], store: SchemaStore, in database: any Database
    ) async throws -> [Migration] {
        let known = try ordered(migrations, store)
        return try await database.read { transaction in
            guard try tableExists(transaction) else { return known }
            return try missing(of: known, store, transaction)
        }
    }

    /// Applies what is missing in one transaction and takes it back: shows that it would work, on the real rows. Only
    /// where the database has been migrated before; locks what the migrations lock.
    public static func rehearse(
        _ migrations: [Migration], store: SchemaStore, in database: any Database
    ) async throws {
        let known = try ordered(migrations, store)
        do {
            try await database.write { transaction in
                for migration in try missing(of: known, store, transaction) { try apply(migration, transaction) }
                throw Rehearsed()
            }
        } catch is Rehearsed {}
    }

    private struct Rehearsed: Error {}

    /// Any number, the same in all processes.
    private static let lockNumber: Int64 = 0x6275_7362_6172

    private static let table = """
        CREATE TABLE IF NOT EXISTS schema_migration (number {int} NOT NULL PRIMARY KEY, store {text} NOT NULL,
          name {text} NOT NULL, checksum {int} NOT NULL) {table}
        """

    private static func ordered(_ migrations: [Migration], _ store: SchemaStore) throws -> [Migration] {
        let sorted = migrations.sorted { $0.number < $1.number }
        for (one, next) in zip(sorted, sorted.dropFirst()) where one.number == next.number {
            throw SQLError(.other, "two migrations have the number \(one.number): \(one.name), \(next.name)")
        }
        return sorted.filter { $0.store == store }
    }

    private static func missing(
        of known: [Migration], _ store: SchemaStore, _ transaction: any SQLTransaction
    ) throws -> [Migration] {
        let rows = try transaction.query(
            "SELECT number, name, checksum FROM schema_migration WHERE store = $1 ORDER BY number",
            [.text(store.rawValue)]
        ) { (number: Int(try $0.int(0)), name: try $0.text(1), checksum: try $0.int(2)) }
        var missing = known
        for row in rows {
            guard let place = missing.firstIndex(where: { $0.number == row.number }) else {
                throw SQLError(
                    .other,
                    "the database holds migration \(row.number) (\(row.name)), which this program does not know: "
                        + "it was made by a newer version; start that version, or restore a backup")
            }
            guard missing[place].checksum == row.checksum else {
                throw SQLError(
                    .other,
                    "migration \(row.number) (\(row.name)) was applied with another text than this program has: "
                        + "start the version that made the database, or restore the text and add a new migration")
            }
            missing.remove(at: place)
        }
        return missing
    }

    private static func apply(_ migration: Migration, _ transaction: any SQLTransaction) throws {
        do {
            for statement in migration.statements { try transaction.run(statement) }
            try transaction.run(
                "INSERT INTO schema_migration (number, store, name, checksum) VALUES ($1, $2, $3, $4)",
                [
                    .int(migration.number), .text(migration.store.rawValue), .text(migration.name),
                    .int(migration.checksum),
                ])
        } catch let error as SQLError {
            throw SQLError(error.code, "migration \(migration.number) (\(migration.name)): \(error.message)")
        }
    }

    private static func tableExists(_ transaction: any SQLTransaction) throws -> Bool {
        let sql =
            switch transaction.engine {
            case .sqlite: "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'"
            case .postgres: "SELECT COUNT(to_regclass('schema_migration'))"
            }
        return try transaction.first(sql, []) { try $0.int(0) } == 1
    }
}

extension Migration {
    /// 64-bit FNV-1a over the statements as written, each closed by a zero byte: the same on both engines.
    /// Guards against an edit by mistake, not against an attacker.
    public var checksum: Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for statement in statements {
            for byte in statement.utf8 { add(byte) }
            add(0)
        }
        return Int64(bitPattern: hash)
    }
}
