// The engine-neutral door to a database: one SQL text, `$1` placeholders, four value kinds.
// Holds no SQL of its own and knows no table. SQLiteAdapter and PostgresAdapter stand behind it.
import CivilTime

/// Which engine is behind a ``Database``. Only adapters, migrations and tests may branch on it.
public enum SQLEngine: String, Sendable { case sqlite, postgres }

/// A value bound to a `$n` placeholder. Booleans are 0 and 1; times are integers; JSON is text.
public enum SQLValue: Sendable, Equatable {
    case null
    case int(Int64)
    case text(String)
    case bytes([UInt8])

    public static func int(_ value: Int) -> SQLValue { .int(Int64(value)) }
    public static func int(_ value: Int32) -> SQLValue { .int(Int64(value)) }
    public static func flag(_ value: Bool) -> SQLValue { .int(value ? 1 : 0) }
    public static func day(_ value: CivilDay) -> SQLValue { .int(Int64(value.number)) }
    public static func optional(_ value: Int64?) -> SQLValue { value.map { .int($0) } ?? .null }
    public static func optional(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
}

extension SQLValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(stringLiteral value: String) { self = .text(value) }
    public init(nilLiteral: ()) { self = .null }
}

extension [SQLValue] {
    /// Binds ids and returns their marks for `column IN (…)`. No id at all gives `NULL`, which is in nothing.
    public mutating func bind(_ ids: [Int64]) -> String {
        guard !ids.isEmpty else { return "NULL" }
        var marks = ""
        marks.reserveCapacity(ids.count * 7)
        reserveCapacity(count + ids.count)
        for id in ids {
            append(.int(id))
            marks += marks.isEmpty ? "$" : ", $"
            marks += String(count)
        }
        return marks
    }

    /// Binds ids and returns the condition that a column is one of them. Their ends are told as well: PostgreSQL would
    /// read all rows that the other conditions leave, and go through the list for each.
    public mutating func bind(_ ids: [Int64], of column: String) -> String {
        guard let least = ids.min(), let greatest = ids.max() else { return "\(column) IN (NULL)" }
        let marks = bind(ids)
        append(.int(least))
        append(.int(greatest))
        return "\(column) IN (\(marks)) AND \(column) >= $\(count - 1) AND \(column) <= $\(count)"
    }
}

/// One row of a result, columns by position from 0. Valid only inside the decode closure.
public protocol SQLRow {
    func int(_ column: Int) throws -> Int64
    func optionalInt(_ column: Int) throws -> Int64?
    func text(_ column: Int) throws -> String
    func optionalText(_ column: Int) throws -> String?
    func bytes(_ column: Int) throws -> [UInt8]
    func optionalBytes(_ column: Int) throws -> [UInt8]?
}

extension SQLRow {
    public func flag(_ column: Int) throws -> Bool { try int(column) != 0 }
    public func day(_ column: Int) throws -> CivilDay {
        let number = try int(column)
        guard let small = Int32(exactly: number) else {
            throw SQLError(.decode, "column \(column) holds \(number), which is no day number")
        }
        return CivilDay(number: small)
    }
    public func optionalDay(_ column: Int) throws -> CivilDay? {
        try optionalInt(column) == nil ? nil : day(column)
    }
}

/// An open transaction, used synchronously on a database thread. It must not leave the closure it was given to.
///
/// SQL text may hold `{skip_locked}` at the end of a sub-select that claims one row
/// (`FOR UPDATE SKIP LOCKED` on PostgreSQL, nothing on SQLite). Write `CAST(SUM(x) AS BIGINT)`, `NULLS FIRST/LAST`,
/// never LIKE, never a literal of bytes or a boolean, `column = $1 OR $1 IS NULL` in this order.
/// DialectCases in Tests/SQLTests is the list of what may be used.
///
/// After a statement has failed nothing more runs in the transaction and it is rolled back, on both engines, also when
/// the closure swallows the error: use `ON CONFLICT` rather than catching ``SQLError/Code/unique``.
public protocol SQLTransaction {
    var engine: SQLEngine { get }
    /// From 0 and below ``SQLLane/count``: transactions that run at the same time are seldom in the same. For sums that
    /// many writers add to, kept in a row a lane.
    var lane: Int { get }
    /// No other transaction writes meanwhile, so that a long one undoes nobody's work.
    var isOnlyWriter: Bool { get }
    /// Runs a statement and returns the number of rows it changed. `INSERT … RETURNING` belongs to ``query(_:_:_:)``.
    @discardableResult
    func run(_ sql: String, _ parameters: [SQLValue]) throws -> Int
    func query<Value>(_ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value) throws -> [Value]
    /// The same statement for many rows, sent in bulk.
    func runMany(_ sql: String, _ rows: [[SQLValue]]) throws
    /// The same for rows of integers, one row after the other.
    func runMany(_ sql: String, integers: [Int64], columns: Int) throws
}

/// A transaction that takes many rows of one table in a faster way than an INSERT each.
public protocol BulkTransaction: SQLTransaction {
    /// Adds the rows. Every row has a value for every column, of the column's kind or NULL.
    func load(table: String, columns: [String], _ rows: [[SQLValue]]) throws
}

public enum SQLLane {
    public static let count = 64
}

extension SQLTransaction {
    /// Where there is one writer there is one lane.
    public var lane: Int { 0 }
    public var isOnlyWriter: Bool { false }

    public func runMany(_ sql: String, integers: [Int64], columns: Int) throws {
        let starts = stride(from: 0, to: integers.count, by: columns)
        try runMany(sql, starts.map { start in integers[start..<start + columns].map { .int($0) } })
    }

    @discardableResult
    public func run(_ sql: String) throws -> Int { try run(sql, []) }

    /// Adds rows to a table, in bulk where the engine has a way.
    /// - Parameter columns: their names with commas between them, one for each value of a row; of their kinds.
    public func insert(into table: String, columns: String, _ rows: [[SQLValue]]) throws {
        guard let count = rows.first?.count else { return }
        if rows.count > 8, let bulk = self as? any BulkTransaction {
            let names = columns.split { $0 == "," || $0.isWhitespace }.map(String.init)
            return try bulk.load(table: table, columns: names, rows)
        }
        let marks = (1...max(1, count)).map { "$\($0)" }.joined(separator: ", ")
        try runMany("INSERT INTO \(table) (\(columns)) VALUES (\(marks))", rows)
    }

    /// The first row, or nil. The statement should carry its own LIMIT 1.
    public func first<Value>(
        _ sql: String, _ parameters: [SQLValue], _ decode: (any SQLRow) throws -> Value
    ) throws -> Value? {
        try query(sql, parameters, decode).first
    }
}

/// A database: short transactions, whole or not at all.
///
/// The closures run synchronously on threads of the adapter, never on the cooperative pool.
/// `write` commits when the closure returns and rolls back when it throws. `read` sees one snapshot.
///
/// A closure may run more than once (PostgreSQL runs it again when it lost against another transaction), so it has no
/// effect outside the database. SQLite has one writer at a time. PostgreSQL has several, each on a snapshot:
/// two that change the same row are told apart and one is run again; two that read the same rows and change different
/// ones are not, so a rule over several rows needs one common row that all who rely on it write, or a unique key.
public protocol Database: Sendable {
    var engine: SQLEngine { get }
    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Value) async throws -> Value
    @discardableResult
    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Value) async throws -> Value
    func close() async
}

/// Where readings live: one shard a civil month. SQLite keeps a file a month (`readings-YYYY-MM.db`);
/// PostgreSQL keeps one database with a partition a month and hands out the same database for all.
public protocol ReadingsStore: Sendable {
    /// Months that hold data, in order; also those whose file lies in an archive that is out of reach.
    func months() async throws -> [CivilMonth]
    /// Those of them that can be opened now: for work that goes over everything and takes up the rest later.
    func monthsInReach() async throws -> [CivilMonth]
    /// The database of one month, created and migrated when it is not there yet.
    func shard(_ month: CivilMonth) async throws -> any Database
    /// Lets the engine count a month's rows after many came at once, where its choice of plans rests on such counts.
    func gatherFigures(_ month: CivilMonth) async throws
    /// Where the months lie, as far as the engine has files for them.
    var files: any MonthFiles { get }
    func close() async
}

extension ReadingsStore {
    public func monthsInReach() async throws -> [CivilMonth] { try await months() }
    public func gatherFigures(_ month: CivilMonth) async throws {}
}

/// The files of months. Each step may be broken off and run again anywhere; doing it again changes nothing.
public protocol MonthFiles: Sendable {
    /// Gives the room of deleted rows back to the disk.
    func giveBackRoom(_ month: CivilMonth) async throws
    /// Moves a month into the archive, where it is read and written in place.
    func putAway(_ month: CivilMonth) async throws
    /// Moves a month out of the archive.
    func bringBack(_ month: CivilMonth) async throws
}

/// What went wrong in the database. Never holds bound values.
public struct SQLError: Error, Sendable, CustomStringConvertible {
    /// A closed set, so that callers can decide; new codes are a breaking change.
    public enum Code: String, Sendable {
        case unique, foreignKey, check, notNull, busy, full, readOnly, syntax, connection, decode, other
        /// What is stored cannot be read any more.
        case corrupt
    }
    public var code: Code
    public var message: String
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
    public var description: String { "database \(code.rawValue): \(message)" }
}

extension CivilMonth {
    /// Readings are kept by month; a month far off is a meter with a wrong clock and must not make a file.
    public func refuseUnlikely() throws {
        guard (2000...2199).contains(year), (1...12).contains(month) else {
            throw SQLError(.other, "\(year)-\(month) is no month to keep readings of (2000-01 to 2199-12)")
        }
    }
}
