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

/// Who we are to the server, and how we reach it.
public struct PostgresRole: Sendable, Equatable {
    public var name: String
    /// What it may do beyond its own tables: superuser, create roles, …
    public var powers: [String]
    public var isEncrypted: Bool
    /// By a socket of this machine or the loopback address.
    public var isLocal: Bool
}

extension PostgresDatabase {
    public func role() async throws -> PostgresRole {
        try await read { transaction in
            let answer = try transaction.first(
                """
                SELECT rolname, CASE WHEN rolsuper THEN 1 ELSE 0 END, CASE WHEN rolcreaterole THEN 1 ELSE 0 END,
                  CASE WHEN rolcreatedb THEN 1 ELSE 0 END, CASE WHEN rolreplication THEN 1 ELSE 0 END,
                  CASE WHEN rolbypassrls THEN 1 ELSE 0 END,
                  (SELECT COUNT(*) FROM pg_stat_ssl WHERE pid = PG_BACKEND_PID() AND ssl),
                  COALESCE(HOST(INET_CLIENT_ADDR()), 'socket'), COALESCE(HOST(INET_SERVER_ADDR()), 'socket')
                FROM pg_roles WHERE rolname = CURRENT_USER
                """, []
            ) { row in
                let names = ["superuser", "create roles", "create databases", "replicate", "pass by row security"]
                let powers = try names.enumerated().filter { try row.flag($0.offset + 1) }.map(\.element)
                let (client, server) = (try row.text(7), try row.text(8))
                return PostgresRole(
                    name: try row.text(0), powers: powers, isEncrypted: try row.flag(6),
                    isLocal: server == "socket" || client == server || server.hasPrefix("127.") || server == "::1")
            }
            guard let answer else { throw SQLError(.other, "the server does not know its own user") }
            return answer
        }
    }
}
