// What the server says about itself and the database. Changes nothing.
import SQL

extension PostgresDatabase {
    /// The version of the server: `15.8`.
    public func engineVersion() async throws -> String {
        try await read { try $0.first("SELECT CURRENT_SETTING('server_version')", []) { try $0.text(0) } ?? "?" }
    }

    /// A connection service file with one section, `busbar`, for programs of PostgreSQL. Holds the password.
    public static func serviceFile(url: String, database: String? = nil) throws -> String {
        try PostgresTarget.service(url, database: database)
    }

    /// All tables, indices and partitions on the server's disk.
    public func sizeBytes() async throws -> Int64 {
        try await read { try $0.first("SELECT PG_DATABASE_SIZE(CURRENT_DATABASE())", []) { try $0.int(0) } ?? 0 }
    }
}
