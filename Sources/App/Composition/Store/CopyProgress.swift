// How far a copy has come, kept in the destination itself, in the transactions that bring the rows. The table is there
// only while a copy is unfinished; as long as it is, nothing else opens that database.
import SQL

/// One row a table and part: rows so far, the key of the last, the digest of what the source gave.
struct CopyProgress: Sendable, Equatable {
    static let table = "copy_progress"

    var digest = RowDigest()
    /// Key of the last row; nil before the first.
    var lastKey: [SQLValue]?
    var isDone = false

    static func isThere(_ name: String, _ transaction: any SQLTransaction) throws -> Bool {
        let sql =
            switch transaction.engine {
            case .sqlite: "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1"
            case .postgres: "SELECT COUNT(to_regclass($1))"
            }
        return try transaction.first(sql, [.text(name)]) { try $0.int(0) } == 1
    }

    /// The fingerprint of the source a copy here was begun from; nil where none was.
    static func source(in database: any Database) async throws -> [UInt8]? {
        try await database.read { transaction in
            guard try isThere(table, transaction) else { return nil }
            return try transaction.first(
                "SELECT sha256 FROM copy_progress WHERE part = '' AND table_name = ''", []
            ) { try $0.bytes(0) } ?? []
        }
    }

    /// All was compared and equal: only the marks are still to be removed.
    static func isVerified(in database: any Database) async throws -> Bool {
        try await database.read { transaction in
            try transaction.first(
                "SELECT done FROM copy_progress WHERE part = '' AND table_name = ''", []
            ) { try $0.flag(0) } ?? false
        }
    }

    static func markVerified(in database: any Database) async throws {
        try await database.write { transaction in
            try transaction.run("UPDATE copy_progress SET done = 1 WHERE part = '' AND table_name = ''")
        }
    }

    /// Makes the table; in the money store with the fingerprint of the source.
    static func begin(source: [UInt8]?, in database: any Database) async throws {
        try await database.write { transaction in
            guard try !isThere(table, transaction) else { return }
            try transaction.run(
                """
                CREATE TABLE copy_progress (part {text} NOT NULL, table_name {text} NOT NULL, row_count {int} NOT NULL,
                  last_key {bytes} NOT NULL, sha256 {bytes} NOT NULL, done {flag} NOT NULL,
                  PRIMARY KEY (part, table_name)) {keyed_table}
                """)
            guard let source else { return }
            try insert("", "", CopyProgress(digest: RowDigest(rows: 0, sha256: source)), transaction)
        }
    }

    private static func insert(
        _ part: String, _ table: String, _ progress: CopyProgress, _ transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO copy_progress (part, table_name, row_count, last_key, sha256, done)
            VALUES ($1, $2, $3, $4, $5, $6)
            """, [.text(part), .text(table)] + progress.values)
    }

    private var values: [SQLValue] {
        [
            .int(digest.rows), .bytes(RowBytes.encode(lastKey ?? [])), .bytes(digest.sha256), .flag(isDone),
        ]
    }

    static func of(_ part: CopyPart, _ table: StoredTable, in transaction: any SQLTransaction) throws -> CopyProgress {
        let found = try transaction.first(
            "SELECT row_count, last_key, sha256, done FROM copy_progress WHERE part = $1 AND table_name = $2",
            [.text(part.name), .text(table.name)]
        ) { row in
            let key = try row.bytes(1)
            return CopyProgress(
                digest: RowDigest(rows: try row.int(0), sha256: try row.bytes(2)),
                lastKey: key.isEmpty ? nil : try RowBytes.decode(key), isDone: try row.flag(3))
        }
        return found ?? CopyProgress()
    }

    /// Moves on from `earlier`. Two copies at once find each other out here.
    func store(
        after earlier: CopyProgress, _ part: CopyPart, _ table: StoredTable, in transaction: any SQLTransaction
    ) throws {
        let known = try Self.of(part, table, in: transaction)
        guard known == earlier else {
            throw SQLError(.busy, "another copy writes to the same destination; stop one of them")
        }
        if earlier == CopyProgress() { return try Self.insert(part.name, table.name, self, transaction) }
        try transaction.run(
            """
            UPDATE copy_progress SET row_count = $3, last_key = $4, sha256 = $5, done = $6
            WHERE part = $1 AND table_name = $2
            """, [.text(part.name), .text(table.name)] + values)
    }

    /// Opens the destination to everybody.
    static func end(in database: any Database) async throws {
        try await database.write { transaction in
            guard try isThere(table, transaction) else { return }
            try transaction.run("DROP TABLE copy_progress")
        }
    }

    /// Refuses a database that is half a copy.
    static func refuse(_ database: any Database) async throws {
        guard try await database.read({ try isThere(table, $0) }) else { return }
        throw Complaint(
            "this database is a copy that is not finished or was found to differ",
            hint: "Run the same `busbar db copy` again: it goes on where it stopped, and compares.", .problems)
    }
}
