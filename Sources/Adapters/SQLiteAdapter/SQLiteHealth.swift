// What the engine itself says about a database file. Changes nothing.
import SQL

extension SQLiteDatabase {
    /// What `integrity_check` and `foreign_key_check` find, at most a hundred lines each; empty when the file is sound.
    /// Reads the whole file.
    public func integrityProblems() async throws -> [String] {
        try await read { transaction in
            let found = try transaction.query("PRAGMA integrity_check", []) { try $0.text(0) }.filter { $0 != "ok" }
            let strays = try transaction.query(
                "SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 100", []
            ) { "a row of \(try $0.text(0)) refers to one of \(try $0.text(1)) that is not there" }
            return found + strays
        }
    }

    /// The version of the library: `3.40.1`.
    public func engineVersion() async throws -> String {
        try await read { try $0.first("SELECT sqlite_version()", []) { try $0.text(0) } ?? "?" }
    }
}
