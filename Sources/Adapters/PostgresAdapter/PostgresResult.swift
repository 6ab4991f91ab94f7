// One result of libpq in binary format: status, error and strict decoding. Messages never hold data of rows.
import CPQ
import SQL

/// Object identifiers of the types in use (pg_type.dat of PostgreSQL; they never change).
enum PostgresType {
    static let inferred: Oid = 0
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let name: Oid = 19
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let bpchar: Oid = 1042
    static let varchar: Oid = 1043
    static let numeric: Oid = 1700

    /// How a value is sent; ``inferred`` for NULL, which says nothing of its type.
    static func of(_ value: SQLValue) -> Oid {
        switch value {
        case .null: inferred
        case .int: int8
        case .text: text
        case .bytes: bytea
        }
    }
}

/// Why a statement failed, with what the retry loop must know.
struct PostgresFailure: Error {
    enum Remedy {
        /// Nothing to be done about it here.
        case none
        /// Another transaction was in the way: run it again.
        case conflict
        /// The schema has changed under a prepared statement: prepare anew and run it again.
        case stale
        /// The connection is gone.
        case lost
    }
    var error: SQLError
    var remedy: Remedy
}

final class PostgresResult: SQLRow {
    private let handle: OpaquePointer
    /// The row that is being decoded.
    var row: Int32 = 0

    init(_ handle: OpaquePointer) { self.handle = handle }
    deinit { PQclear(handle) }

    var status: ExecStatusType { PQresultStatus(handle) }
    var rowCount: Int32 { PQntuples(handle) }
    var changedCount: Int { PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0 }
    /// The command tag, such as COMMIT.
    var command: String { PQcmdStatus(handle).map { String(cString: $0) } ?? "" }

    private func field(_ letter: Unicode.Scalar) -> String? {
        PQresultErrorField(handle, Int32(letter.value)).map { String(cString: $0) }
    }

    /// The error of a failed result. `C` and `M` are the codes of SQLSTATE and the primary message; the detail line
    /// is left out because it quotes rows.
    func failure(_ sql: String) -> PostgresFailure {
        guard let state = field("C") else {
            return PostgresFailure(
                error: SQLError(.connection, "the connection to PostgreSQL was lost: \(shortened(sql))"), remedy: .lost)
        }
        // Messages of class 22 (data exception) quote the value.
        var text = state.hasPrefix("22") ? "a value does not fit" : field("M") ?? "unknown error"
        if state == "42P08" || state == "42P18" {
            text += "; a NULL has no type: write column = $1 OR $1 IS NULL in this order, or CAST($1 AS BIGINT)"
        }
        return PostgresFailure(
            error: SQLError(Self.code(state), "\(text) (SQLSTATE \(state)): \(shortened(sql))"),
            remedy: Self.remedy(state))
    }

    private static func remedy(_ state: String) -> PostgresFailure.Remedy {
        switch state {
        case "40001", "40P01": .conflict
        // "cached plan must not change result type", and a prepared statement that somebody dropped.
        case "0A000", "26000": .stale
        case "57P01", "57P02", "57P03": .lost
        // Protocol violation is what a wrong number of values gives; the connection lives.
        case "08P01": .none
        default: state.hasPrefix("08") ? .lost : .none
        }
    }

    private static func code(_ state: String) -> SQLError.Code {
        switch state {
        case "23505", "23P01": .unique
        case "23503": .foreignKey
        case "23514": .check
        case "23502": .notNull
        case "40001", "40P01", "55P03", "57014", "53300": .busy
        case "53100", "53200": .full
        case "25006": .readOnly
        case "57P01", "57P02", "57P03": .connection
        case "08P01": .syntax
        default:
            switch state.prefix(2) {
            case "42": .syntax
            case "08": .connection
            default: .other
            }
        }
    }

    // MARK: Decoding

    private func mismatch(_ column: Int, _ wanted: String) -> SQLError {
        guard column >= 0, column < Int(PQnfields(handle)) else {
            return SQLError(.decode, "the row has no column \(column)")
        }
        let type = PQftype(handle, Int32(column))
        let found =
            if PQgetisnull(handle, row, Int32(column)) == 1 {
                "NULL"
            } else {
                switch type {
                case PostgresType.int8, PostgresType.int4, PostgresType.int2, PostgresType.bool: "an integer"
                case PostgresType.text, PostgresType.varchar, PostgresType.bpchar, PostgresType.name: "a text"
                case PostgresType.bytea: "bytes"
                case PostgresType.numeric: "a NUMERIC (write CAST(SUM(x) AS BIGINT))"
                default: "type \(type)"
                }
            }
        let name = PQfname(handle, Int32(column)).map { String(cString: $0) } ?? "?"
        return SQLError(.decode, "column \(column) (\(name)) holds \(found), not \(wanted)")
    }

    /// The bytes of a column that is not NULL and of one of the types.
    private func data(_ column: Int, _ wanted: String, _ types: Oid...) throws -> UnsafeRawBufferPointer {
        guard column >= 0, column < Int(PQnfields(handle)), PQgetisnull(handle, row, Int32(column)) == 0,
            types.contains(PQftype(handle, Int32(column))), let start = PQgetvalue(handle, row, Int32(column))
        else { throw mismatch(column, wanted) }
        return UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(handle, row, Int32(column))))
    }

    private func isNull(_ column: Int) -> Bool {
        column >= 0 && column < Int(PQnfields(handle)) && PQgetisnull(handle, row, Int32(column)) == 1
    }

    func int(_ column: Int) throws -> Int64 {
        let bytes = try data(
            column, "an integer", PostgresType.int8, PostgresType.int4, PostgresType.int2, PostgresType.bool)
        switch bytes.count {
        case 8: return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4: return Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: return Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 1: return Int64(bytes[0])
        default: throw mismatch(column, "an integer of 1, 2, 4 or 8 bytes")
        }
    }

    func text(_ column: Int) throws -> String {
        let bytes = try data(
            column, "a text", PostgresType.text, PostgresType.varchar, PostgresType.bpchar, PostgresType.name)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw mismatch(column, "valid UTF-8") }
        return text
    }

    func bytes(_ column: Int) throws -> [UInt8] { [UInt8](try data(column, "bytes", PostgresType.bytea)) }

    func optionalInt(_ column: Int) throws -> Int64? { isNull(column) ? nil : try int(column) }
    func optionalText(_ column: Int) throws -> String? { isNull(column) ? nil : try text(column) }
    func optionalBytes(_ column: Int) throws -> [UInt8]? { isNull(column) ? nil : try bytes(column) }
}

/// The beginning of a statement, for messages.
func shortened(_ sql: String) -> String {
    let line = oneLine(sql)
    return line.count <= 120 ? line : line.prefix(120) + "…"
}
