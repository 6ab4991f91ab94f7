// One prepared statement: binding, stepping, strict decoding. Error messages never hold bound values.
import CSQLite
import Foundation
import SQL

final class SQLiteStatement: SQLRow {
    private let handle: OpaquePointer
    private let database: OpaquePointer
    private let sql: String
    /// Where `$1`, `$2` … stand: SQLite numbers `$n` by first appearance, so the position comes from the name.
    private let positions: [Int32]

    init(_ sql: String, on database: OpaquePointer) throws {
        self.sql = sql
        self.database = database
        // Only a text with a mark goes through the renderer ({skip_locked} in queries, types in migrations).
        let text = sql.utf8.contains(UInt8(ascii: "{")) ? Migration.render(sql, for: .sqlite) : sql
        var prepared: OpaquePointer?
        var rest: UnsafePointer<CChar>?
        var isSingle = true
        let code = text.withCString { start in
            let code = sqlite3_prepare_v3(database, start, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, &rest)
            if let rest { isSingle = String(cString: rest).allSatisfy { $0.isWhitespace || $0 == ";" } }
            return code
        }
        guard code == SQLITE_OK else { throw SQLError(sqlite: database, preparing: sql) }
        guard let prepared else { throw SQLError(.syntax, "an empty statement") }
        handle = prepared
        let count = Int(sqlite3_bind_parameter_count(prepared))
        positions = (0..<count).map { sqlite3_bind_parameter_index(prepared, "$\($0 + 1)") }
        guard isSingle else { throw SQLError(.syntax, "more than one statement in: \(shortened(sql))") }
        guard !positions.contains(0) else {
            throw SQLError(.syntax, "placeholders must be $1 to $\(count) without a gap in: \(shortened(sql))")
        }
    }

    deinit { sqlite3_finalize(handle) }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    func bind(_ parameters: [SQLValue]) throws {
        guard parameters.count == positions.count else {
            throw SQLError(
                .syntax, "\(parameters.count) values for \(positions.count) placeholders in: \(shortened(sql))")
        }
        for (number, (value, position)) in zip(parameters, positions).enumerated() {
            let code: Int32
            switch value {
            case .null: code = sqlite3_bind_null(handle, position)
            case .int(let int): code = sqlite3_bind_int64(handle, position, int)
            case .text(var text):
                code = try text.withUTF8 { utf8 in
                    guard !utf8.contains(0) else {
                        throw SQLError(.other, "the text for $\(number + 1) holds a zero byte")
                    }
                    return utf8.withMemoryRebound(to: CChar.self) {
                        // The address of an empty text is of no matter, but nil would bind NULL.
                        guard let start = $0.baseAddress else {
                            return busbar_sqlite_bind_text(handle, position, "", 0)
                        }
                        return busbar_sqlite_bind_text(handle, position, start, UInt64($0.count))
                    }
                }
            case .bytes(let bytes):
                code = bytes.withUnsafeBytes {
                    busbar_sqlite_bind_bytes(handle, position, $0.baseAddress, UInt64($0.count))
                }
            }
            guard code == SQLITE_OK else { throw SQLError(sqlite: database, doing: "binding $\(number + 1)") }
        }
    }

    /// True when a row is there to decode.
    func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw SQLError(sqlite: database, doing: shortened(sql))
        }
    }

    /// Runs a statement that returns no rows; how many rows it changed.
    func change() throws -> Int {
        guard sqlite3_column_count(handle) == 0 else {
            throw SQLError(.syntax, "the statement returns rows; use query: \(shortened(sql))")
        }
        let before = sqlite3_total_changes64(database)
        _ = try step()
        // changes64 keeps the count of an older statement when this one changes no row.
        return sqlite3_total_changes64(database) == before ? 0 : Int(sqlite3_changes64(database))
    }

    /// Runs a statement that returns no rows, once for each row of integers.
    func runMany(_ integers: [Int64], columns: Int) throws {
        guard columns == positions.count, sqlite3_column_count(handle) == 0 else {
            throw SQLError(.syntax, "\(columns) integers do not fit: \(shortened(sql))")
        }
        precondition(integers.count.isMultiple(of: columns), "rows of \(columns) integers")
        for start in stride(from: 0, to: integers.count, by: columns) {
            for column in 0..<columns { sqlite3_bind_int64(handle, positions[column], integers[start + column]) }
            _ = try step()
            sqlite3_reset(handle)
        }
    }

    func expectColumns() throws {
        guard sqlite3_column_count(handle) > 0 else {
            throw SQLError(.syntax, "the statement returns no rows; use run: \(shortened(sql))")
        }
    }

    func rows<Value>(_ decode: (any SQLRow) throws -> Value) throws -> [Value] {
        var values: [Value] = []
        while try step() { values.append(try decode(self)) }
        return values
    }

    // MARK: Decoding

    private func mismatch(_ column: Int, _ wanted: String) -> SQLError {
        guard column >= 0, column < Int(sqlite3_data_count(handle)) else {
            return SQLError(.decode, "the row has no column \(column): \(shortened(sql))")
        }
        let found =
            switch sqlite3_column_type(handle, Int32(column)) {
            case SQLITE_NULL: "NULL"
            case SQLITE_INTEGER: "an integer"
            case SQLITE_FLOAT: "a real"
            case SQLITE_TEXT: "a text"
            default: "bytes"
            }
        let name = sqlite3_column_name(handle, Int32(column)).map { String(cString: $0) } ?? "?"
        return SQLError(.decode, "column \(column) (\(name)) holds \(found), not \(wanted): \(shortened(sql))")
    }

    private func has(_ column: Int, _ type: Int32) -> Bool {
        column >= 0 && column < Int(sqlite3_data_count(handle)) && sqlite3_column_type(handle, Int32(column)) == type
    }

    func int(_ column: Int) throws -> Int64 {
        guard has(column, SQLITE_INTEGER) else { throw mismatch(column, "an integer") }
        return sqlite3_column_int64(handle, Int32(column))
    }

    func text(_ column: Int) throws -> String {
        guard has(column, SQLITE_TEXT) else { throw mismatch(column, "a text") }
        // The text call comes first: it may convert, and the count is the one after that.
        guard let start = sqlite3_column_text(handle, Int32(column)) else {
            throw SQLError(.other, "SQLite found no memory for a text")
        }
        let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
        guard let text = String(validating: bytes, as: UTF8.self) else { throw mismatch(column, "valid UTF-8") }
        return text
    }

    func bytes(_ column: Int) throws -> [UInt8] {
        guard has(column, SQLITE_BLOB) else { throw mismatch(column, "bytes") }
        let start = sqlite3_column_blob(handle, Int32(column))
        let count = Int(sqlite3_column_bytes(handle, Int32(column)))
        return [UInt8](UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    func optionalInt(_ column: Int) throws -> Int64? { has(column, SQLITE_NULL) ? nil : try int(column) }
    func optionalText(_ column: Int) throws -> String? { has(column, SQLITE_NULL) ? nil : try text(column) }
    func optionalBytes(_ column: Int) throws -> [UInt8]? { has(column, SQLITE_NULL) ? nil : try bytes(column) }
}

/// The beginning of a statement, for messages.
func shortened(_ sql: String) -> String {
    let line = sql.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count <= 120 ? line : line.prefix(120) + "…"
}

extension SQLError {
    /// The last error of the connection, by its extended result code.
    init(sqlite handle: OpaquePointer, doing: String) {
        let extended = sqlite3_extended_errcode(handle)
        let text = sqlite3_errmsg(handle).map { String(cString: $0) } ?? "unknown error"
        let isFull = extended & 0xff == SQLITE_IOERR && [ENOSPC, EDQUOT, EFBIG].contains(sqlite3_system_errno(handle))
        self.init(isFull ? .full : SQLError.code(sqlite: extended), "\(text) (SQLite \(extended)): \(doing)")
    }

    init(sqlite handle: OpaquePointer, preparing sql: String) {
        self.init(sqlite: handle, doing: shortened(sql))
        if code == .other { code = .syntax }
    }

    /// Why a file could not be opened, with what to do about it.
    init(sqlite handle: OpaquePointer, opening path: String) {
        let extended = sqlite3_extended_errcode(handle)
        let code = SQLError.code(sqlite: extended)
        let reason = sqlite3_system_errno(handle)
        switch extended & 0xff {
        case SQLITE_NOTADB:
            self.init(code, "\(path) is no SQLite database, or damaged; move it away and restore its backup")
        case SQLITE_CORRUPT:
            self.init(code, "\(path) is damaged; keep a copy of it and restore its backup")
        case SQLITE_FULL: self.init(code, "there is no room on the disk for \(path)")
        case SQLITE_READONLY:
            self.init(code, "\(path), or a file beside it, cannot be written by this user")
        case SQLITE_CANTOPEN:
            let why = reason == 0 ? "it is no file, or its folder is not there" : String(cString: strerror(reason))
            // A month in the archive is a link.
            if reason == ENOENT, let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
                self.init(code, "\(path) is a link to \(target), which is not there; mount that disk or restore it")
            } else {
                self.init(code, "\(path) cannot be opened: \(why)")
            }
        case SQLITE_IOERR:
            let why = reason == 0 ? "SQLite \(extended)" : String(cString: strerror(reason))
            self.init(reason == ENOSPC ? .full : code, "the disk fails under \(path): \(why)")
        default: self.init(sqlite: handle, doing: "opening \(path)")
        }
    }

    private static func code(sqlite extended: Int32) -> Code {
        // The extended constraint codes are macros that Swift does not see: primary code + (n << 8).
        switch extended {
        case SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (6 << 8), SQLITE_CONSTRAINT | (10 << 8):
            return .unique  // UNIQUE, PRIMARYKEY, ROWID
        case SQLITE_CONSTRAINT | (3 << 8): return .foreignKey
        case SQLITE_CONSTRAINT | (1 << 8): return .check
        case SQLITE_CONSTRAINT | (5 << 8): return .notNull
        case SQLITE_CONSTRAINT | (12 << 8): return .syntax  // DATATYPE: a wrong kind for a STRICT column
        default: break
        }
        switch extended & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED: return .busy
        case SQLITE_FULL: return .full
        case SQLITE_READONLY: return .readOnly
        case SQLITE_CANTOPEN, SQLITE_IOERR: return .connection
        case SQLITE_NOTADB, SQLITE_CORRUPT: return .corrupt
        case SQLITE_MISMATCH: return .syntax
        default: return .other
        }
    }
}
