// pg_dump, pg_restore and their like as processes. Connection and password go by a service file that only this user
// can read, never by arguments.
import Foundation
import PostgresAdapter
import SQL

/// The programs of PostgreSQL, where they are installed.
struct PostgresTools: Sendable {
    private let folder: String
    let url: String

    /// Nil when they are not installed.
    init?(url: String) {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        // The newest first: pg_dump refuses a server newer than itself.
        let folders = versions.sorted(by: >).map { "\(root)/\($0)/bin" } + path.split(separator: ":").map(String.init)
        let found = folders.first { folder in
            ["pg_dump", "pg_restore", "createdb", "dropdb"].allSatisfy {
                FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
            }
        }
        guard let found else { return nil }
        folder = found
        self.url = url
    }

    static let missing = Complaint(
        "pg_dump and pg_restore are not installed here",
        hint: "Install them (Debian: apt install postgresql-client), or use your own backup of the server.", .problems)

    static func found(url: String) throws -> PostgresTools {
        guard let tools = PostgresTools(url: url) else { throw missing }
        return tools
    }

    /// One consistent snapshot of the database in PostgreSQL's own format.
    func dump(to file: String) async throws {
        try await run(
            "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", "--file", file, "--dbname=service=busbar"])
    }

    /// Into an empty database, whole or not at all.
    func restore(_ file: String, database: String? = nil) async throws {
        try await run(
            "pg_restore",
            [
                "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", "--dbname=service=busbar",
                file,
            ], database: database)
    }

    /// Reads the dump's list of contents: what is cut short fails.
    func list(_ file: String) async throws { try await run("pg_restore", ["--list", "--file=/dev/null", file]) }

    func create(_ database: String) async throws {
        try await run(
            "createdb", ["--maintenance-db=service=busbar", "--template=template0", "--encoding=UTF8", database])
    }

    func drop(_ database: String) async throws {
        try await run("dropdb", ["--maintenance-db=service=busbar", "--if-exists", "--force", database])
    }

    /// The URL of another database of the same server; nil when the URL has a form that cannot be taken apart.
    func url(of database: String) -> String? {
        guard var parts = URLComponents(string: url) else { return nil }
        parts.percentEncodedPath = "/" + database
        return parts.string
    }

    private func run(_ program: String, _ arguments: [String], database: String? = nil) async throws {
        try await withScratchFolder("pg") { scratch in
            let service = scratch + "/service"
            let made = FileManager.default.createFile(
                atPath: service,
                contents: Data(try PostgresDatabase.serviceFile(url: url, database: database).utf8),
                attributes: [.posixPermissions: 0o600])
            let errors = scratch + "/errors"
            guard made, FileManager.default.createFile(atPath: errors, contents: nil),
                let output = FileHandle(forWritingAtPath: errors)
            else { throw SQLError(.full, "\(scratch) cannot be written") }
            defer { try? output.close() }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "\(folder)/\(program)")
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(
                ["PGSERVICEFILE": service, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"]) { _, new in new }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = output
            let code: Int32 = try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do { try process.run() } catch { continuation.resume(throwing: error) }
            }
            guard code == 0 else {
                let text = FileManager.default.contents(atPath: errors).map { String(decoding: $0, as: UTF8.self) }
                let line = (text ?? "").split(separator: "\n").first.map(String.init) ?? "exit code \(code)"
                throw Complaint("\(line)", hint: "\(program) ended with \(code).", .problems)
            }
        }
    }
}
