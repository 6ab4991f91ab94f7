// Where a PostgreSQL server is, read from a URL. Keeps the password out of every message.
import CPQ
import Clocks
import Foundation
import SQL

struct PostgresTarget: Sendable {
    let url: String
    let backOff = BackOff()
    /// `database "x" on host as user`, for messages.
    let name: String
    private let password: String

    /// - Throws: ``SQLError`` `connection` without a word of the URL: what libpq says may quote the password.
    init(_ url: String) throws {
        let form = "the form is postgres://user:password@host:5432/database, special characters percent-encoded"
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://"), !url.utf8.contains(0) else {
            throw SQLError(.connection, "the database URL does not begin with postgres://; \(form)")
        }
        guard let options = PQconninfoParse(url, nil) else {
            throw SQLError(.connection, "the database URL cannot be read; \(form)")
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        guard !(values["host"] ?? "").contains("@") else {
            throw SQLError(.connection, "the host of the database URL holds an @; in a password write %40; \(form)")
        }
        self.url = url
        password = values["password"] ?? ""
        name = "database \(values["dbname"] ?? "?") on \(values["host"] ?? "this machine") as \(values["user"] ?? "?")"
    }

    /// What the URL says, as a section of a connection service file (libpq manual, "The Connection Service File"), so
    /// that programs of PostgreSQL can be given it without an argument that others can see.
    /// - Parameter database: another database on the same server.
    static func service(_ url: String, database: String? = nil) throws -> String {
        _ = try PostgresTarget(url)
        guard let options = PQconninfoParse(url, nil) else { throw SQLError(.connection, "the URL cannot be read") }
        defer { PQconninfoFree(options) }
        var lines = ["[busbar]"]
        var option = options
        while let keyword = option.pointee.keyword {
            let name = String(cString: keyword)
            if let value = option.pointee.val, name != "dbname" || database == nil {
                lines.append("\(name)=\(String(cString: value))")
            }
            option += 1
        }
        if let database { lines.append("dbname=\(database)") }
        guard lines.allSatisfy({ !$0.contains("\n") }) else {
            throw SQLError(.connection, "a part of the database URL holds a line end")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The text without the password.
    func redact(_ text: String) -> String {
        password.isEmpty ? text : text.replacingOccurrences(of: password, with: "***")
    }

    /// Connects, blocking; fails at once while a server that was out of reach is being left alone.
    func connect() throws -> OpaquePointer {
        if let reason = backOff.reason(nowMs: Clocks.live.systemNowMs()) { throw SQLError(.connection, reason) }
        do {
            let handle = try connectOnce()
            backOff.reached()
            return handle
        } catch let error as SQLError {
            backOff.failed(error.message, nowMs: Clocks.live.systemNowMs())
            throw error
        }
    }

    private func connectOnce() throws -> OpaquePointer {
        // Later keywords win: the URL may set all but the encoding.
        // A server that vanished without a word is noticed within half a minute.
        let keywords = [
            "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
            "fallback_application_name", "dbname", "client_encoding",
        ]
        let values = ["10", "10", "5", "3", "30000", "busbar", url, "UTF8"]
        let handle = withCStrings(keywords) { keywords in
            withCStrings(values) { values in PQconnectdbParams(keywords, values, 1) }
        }
        guard let handle else { throw SQLError(.connection, "libpq found no memory to connect") }
        do {
            guard PQstatus(handle) == CONNECTION_OK else {
                let reason = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
                throw SQLError(.connection, "cannot reach \(name): \(redact(oneLine(reason)))")
            }
            guard let encoding = PQparameterStatus(handle, "server_encoding"), String(cString: encoding) == "UTF8"
            else {
                throw SQLError(.connection, "\(name) is not encoded as UTF8; create it with ENCODING 'UTF8'")
            }
            guard PQserverVersion(handle) >= 130_000 else {
                throw SQLError(.connection, "\(name) is older than PostgreSQL 13; move it to a newer server")
            }
        } catch {
            PQfinish(handle)
            throw error
        }
        // libpq would write notices to standard error.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        return handle
    }
}

/// An array of C strings ending with nil.
private func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Value
) -> Value {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let pointers = copies.map { UnsafePointer<CChar>($0) } + [nil]
    return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}

func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
}
