// Sites to be copied, saved and upgraded: on both engines, with every kind of value, and their rows to compare.
import Access
import CivilTime
import Clocks
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter
import TestRetailer
import TestSupport
import Testing

@testable import Composition

/// A place for an installation: an empty folder, on PostgreSQL with an empty database. Gone afterwards.
func withPlace<Value>(_ engine: TestEngine, _ body: (SiteOptions) async throws -> Value) async throws -> Value {
    try await withFolder { folder in
        switch engine {
        case .sqlite: return try await body(SiteOptions(folder: folder + "/data"))
        case .postgres:
            let server = try PrivatePostgres.shared.get()
            let url = try await server.freshDatabase()
            do {
                let value = try await body(SiteOptions(folder: folder + "/data", databaseURL: url))
                try await server.drop(url)
                return value
            } catch {
                try? await server.drop(url)
                throw error
            }
        }
    }
}

/// Two companies with readings and a book, and rows that hold what is hard to carry.
func fill(_ site: SiteOptions) async throws {
    try await withSite(site) { open in
        let retailers = try await TestRetailer.make(open.site)
        let session = try #require(try await StoredTable.all().first { $0.name == "session" })
        try await open.site.money.write { try addOddRows($0, session) }
        guard let retailer = retailers.first else { return }
        let month = retailer.first.month
        try await open.site.readings.shard(month).write { transaction in
            try transaction.runMany(
                """
                INSERT INTO raw_read (org_id, day, meter_id, batch_id, change, read_at_ms, rows, register_start_wh,
                  acknowledged) VALUES (9, $1, $2, $3, $4, $5, $6, $7, 0)
                """,
                [
                    [.day(month.first), .int(Int64.max), 1, 1, .int(Int64.min), .bytes([]), nil],
                    [
                        .day(month.last), .int(Int64.min), 2, 2, -1, .bytes((0...255).map { UInt8($0) }),
                        .int(Int64.max),
                    ],
                ])
        }
    }
}

/// Extremes of integers, texts that sort or encode oddly, empty and NULL apart, bytes of every value.
private func addOddRows(_ transaction: any SQLTransaction, _ session: StoredTable) throws {
    let texts = ["", " ", "a", "A", "ä", "z\u{0308}", "नमस्ते", "😀", "\t\n\\N'\"", "\u{10FFFF}"]
    try transaction.runMany(
        "INSERT INTO setting (org_id, name, from_day, value) VALUES (9, $1, $2, $3)",
        texts.enumerated().map { index, text in [.text(text), .int(index - 5), .text(text + text)] })
    try transaction.runMany(
        """
        INSERT INTO meter (org_id, meter_id, serial, profile_name, host, port, client_address, authentication,
          sealed_keys, capture_period_s) VALUES (9, $1, $2, '', '', 0, -16, 'none', $3, 1800)
        """,
        [
            [.int(Int64.min), "no keys", nil], [-1, "empty keys", .bytes([])], [0, "zero", .bytes([0])],
            [.int(Int64.max), "all bytes", .bytes((0...255).map { UInt8($0) })],
        ])
    try transaction.run(
        """
        INSERT INTO login (org_id, login_id, username, name, role, password_hash, language)
        VALUES ($1, $1, $2, $2, $2, $2, $2)
        """, [9, "odd"])
    let hashes: [[UInt8]] = [[0], [0, 0], [127], [128], [255, 1]]
    let sessions = hashes.enumerated().map { number, hash in
        session.row(number + 1, ["token_hash": .bytes(hash), "org_id": 9, "login_id": 9])
    }
    try session.store(sessions, in: transaction)
}

extension StoredTable {
    /// A row with what is given; every other column, whatever a later migration adds, holds the number.
    fileprivate func row(_ number: Int, _ given: [String: SQLValue]) -> [SQLValue] {
        columns.map { column in
            if let value = given[column.name] { return value }
            switch column.kind {
            case .int: return .int(Int64(number))
            case .text: return .text("\(number)")
            case .bytes: return .bytes([UInt8(number)])
            }
        }
    }
}

/// All rows of all tables, in order of key, by part and table: read by SQL of their own, not by the copy's.
func allRows(_ site: SiteOptions) async throws -> [String: [[SQLValue]]] {
    let tables = try await StoredTable.all()
    var found: [String: [[SQLValue]]] = [:]
    func read(_ database: any Database, _ store: SchemaStore, _ part: String, _ condition: (StoredTable) -> String)
        async throws
    {
        for table in tables where table.store == store {
            let names = table.columns.map(\.name).joined(separator: ", ")
            let sql = "SELECT \(names) FROM \(table.name)\(condition(table))"
            let rows = try await database.read { try $0.query(sql, [], table.decode) }
            found["\(part) \(table.name)"] = rows.sorted { "\($0)" < "\($1)" }
        }
    }
    if let url = site.databaseURL {
        let database = try await PostgresDatabase.open(url: url)
        try await read(database, .money, "money") { _ in "" }
        for month in try await PostgresReadings(database).months() {
            try await read(database, .readings, "\(month)") { table in
                table.columns.contains { $0.name == "day" }
                    ? " WHERE day BETWEEN \(month.first.number) AND \(month.last.number)"
                    : " WHERE month_index = \(month.index)"
            }
        }
        await database.close()
    } else {
        let money = try await SQLiteDatabase.openForReading(path: site.folder + "/money.db")
        try await read(money, .money, "money") { _ in "" }
        await money.close()
        for month in try await SQLiteReadings(folder: site.folder, migrations: []).months() {
            let shard = try await SQLiteDatabase.openForReading(path: "\(site.folder)/readings-\(month).db")
            try await read(shard, .readings, "\(month)") { _ in "" }
            await shard.close()
        }
    }
    return found
}

extension TestEngine {
    var other: TestEngine { self == .sqlite ? .postgres : .sqlite }
}

/// What a kill looks like from inside: the copy stops after a page.
struct Killed: Error {}

extension FileManager {
    func sizes(_ folder: String) throws -> [String: Int] {
        try contentsOfDirectory(atPath: folder).reduce(into: [:]) { sizes, name in
            sizes[name] = try attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int
        }
    }
}
