// Which tables there are, with their columns and keys, read from the schema itself: what a copy walks through. A new
// migration is covered without a word here.
import CivilTime
import Foundation
import SQL
import SQLiteAdapter

/// One table of the schema as both engines have it.
struct StoredTable: Sendable, Equatable {
    enum Kind: Sendable { case int, text, bytes }
    struct Column: Sendable, Equatable {
        var name: String
        var kind: Kind
    }
    var store: SchemaStore
    var name: String
    var columns: [Column]
    /// Places of the primary key in `columns`, in order of the key.
    var key: [Int]

    /// What a copy leaves out: the migrations are made anew, and a lease names a process of the old house.
    static let leftOut: Set<String> = ["schema_migration", "process_lease", CopyProgress.table]

    /// All tables of this program's schema that hold data, those first that others refer to.
    static func all(_ migrations: [Migration] = BusbarSchema.migrations) async throws -> [StoredTable] {
        try await withScratchFolder("schema") { folder in
            var tables: [StoredTable] = []
            for store in SchemaStore.allCases {
                let database = try await SQLiteDatabase.open(path: "\(folder)/\(store).db", durability: .normal)
                do {
                    try await Migrator.migrate(migrations, store: store, in: database)
                    tables += try await database.read { try read(store, $0) }
                    await database.close()
                } catch {
                    await database.close()
                    throw error
                }
            }
            return tables
        }
    }

    private static func read(_ store: SchemaStore, _ transaction: any SQLTransaction) throws -> [StoredTable] {
        let names = try transaction.query(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", []
        ) { try $0.text(0) }.filter { !leftOut.contains($0) && !$0.hasPrefix("sqlite_") }
        var parents: [String: Set<String>] = [:]
        let tables = try names.map { name in
            parents[name] = Set(
                try transaction.query("SELECT \"table\" FROM pragma_foreign_key_list($1)", [.text(name)]) {
                    try $0.text(0)
                }
            ).subtracting([name])
            let columns = try transaction.query(
                "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid", [.text(name)]
            ) { (name: try $0.text(0), type: try $0.text(1), key: Int(try $0.int(2))) }
            return StoredTable(
                store: store, name: name,
                columns: try columns.map { Column(name: $0.name, kind: try kind($0.type, of: name)) },
                key: columns.indices.filter { columns[$0].key > 0 }.sorted { columns[$0].key < columns[$1].key })
        }
        return try ordered(tables, parents)
    }

    private static func kind(_ type: String, of table: String) throws -> Kind {
        switch type {
        case "INTEGER": .int
        case "TEXT": .text
        case "BLOB": .bytes
        default: throw SQLError(.other, "table \(table) has a column of type \(type)")
        }
    }

    private static func ordered(_ tables: [StoredTable], _ parents: [String: Set<String>]) throws -> [StoredTable] {
        var rest = tables
        var done: [StoredTable] = []
        while !rest.isEmpty {
            let placed = Set(done.map(\.name))
            guard let next = rest.firstIndex(where: { parents[$0.name, default: []].isSubset(of: placed) }) else {
                throw SQLError(.other, "tables refer to each other in a circle")
            }
            done.append(rest.remove(at: next))
        }
        return done
    }

    /// ` AND …` that keeps the rows of one month in a database that holds all of them.
    /// - Throws: for a table of the readings store that does not say its month.
    func monthFilter(_ month: CivilMonth?) throws -> String {
        guard let month else { return "" }
        if columns.contains(where: { $0.name == "day" }) {
            return " AND day >= \(month.first.number) AND day <= \(month.last.number)"
        }
        if columns.contains(where: { $0.name == "month_index" }) { return " AND month_index = \(month.index)" }
        throw SQLError(.other, "table \(name) of the readings has neither day nor month_index")
    }

    /// Rows of a month (nil: of the money store) in order of the key.
    func page(month: CivilMonth?, isAfter: Bool, limit: Int) throws -> String {
        let keys = key.map { columns[$0].name }.joined(separator: ", ")
        let marks = key.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
        let after = !isAfter ? "" : key.count == 1 ? " AND \(keys) > \(marks)" : " AND (\(keys)) > (\(marks))"
        let names = columns.map(\.name).joined(separator: ", ")
        return
            "SELECT \(names) FROM \(name) WHERE 1 = 1\(try monthFilter(month))\(after) ORDER BY \(keys) LIMIT \(limit)"
    }

    func count(month: CivilMonth?, in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.first("SELECT COUNT(*) FROM \(name) WHERE 1 = 1\(try monthFilter(month))", []) {
            try $0.int(0)
        } ?? 0
    }

    func decode(_ row: any SQLRow) throws -> [SQLValue] {
        try columns.enumerated().map { place, column in
            switch column.kind {
            case .int: .optional(try row.optionalInt(place))
            case .text: .optional(try row.optionalText(place))
            case .bytes: try row.optionalBytes(place).map { .bytes($0) } ?? .null
            }
        }
    }

    func store(_ rows: [[SQLValue]], in transaction: any SQLTransaction) throws {
        let names = columns.map(\.name)
        if let bulk = transaction as? any BulkTransaction { return try bulk.load(table: name, columns: names, rows) }
        let marks = columns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
        try transaction.runMany("INSERT INTO \(name) (\(names.joined(separator: ", "))) VALUES (\(marks))", rows)
    }
}

/// A folder for the length of a closure, closed to others.
func withScratchFolder<Value>(
    _ name: String, in parent: String? = nil, _ body: (String) async throws -> Value
) async throws -> Value {
    let base = parent ?? FileManager.default.temporaryDirectory.path
    let folder = "\(base)/.busbar-\(name)-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
