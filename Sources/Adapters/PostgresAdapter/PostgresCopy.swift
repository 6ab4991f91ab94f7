// COPY … FROM STDIN in binary format: many rows of one table in one statement. Knows nothing of what they mean.
import CPQ
import SQL

/// Rows in the binary format of COPY (PostgreSQL manual, "COPY", Binary Format).
struct PostgresCopyData {
    private(set) var bytes: [UInt8] = Array("PGCOPY\n\u{FF}\r\n\0".unicodeScalars.map { UInt8($0.value) })

    init() {
        // No flags, no extension of the header.
        add(Int32(0))
        add(Int32(0))
    }

    private mutating func add(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func add(row: [SQLValue]) throws {
        add(Int16(row.count))
        for value in row {
            switch value {
            case .null: add(Int32(-1))
            case .int(let int):
                add(Int32(8))
                add(int)
            case .text(var text):
                text.withUTF8 { utf8 in
                    add(Int32(utf8.count))
                    bytes.append(contentsOf: utf8)
                }
            case .bytes(let octets):
                add(Int32(octets.count))
                bytes.append(contentsOf: octets)
            }
        }
        guard bytes.count < 1 << 30 else { throw SQLError(.full, "more than 1 GiB of rows at once") }
    }

    mutating func end() { add(Int16(-1)) }
}

extension PostgresConnection {
    func copy(table: String, columns: [String], _ rows: [[SQLValue]]) throws {
        let sql = "COPY \(table) (\(columns.joined(separator: ", "))) FROM STDIN (FORMAT binary)"
        guard rows.allSatisfy({ $0.count == columns.count }) else {
            throw SQLError(.syntax, "a row has another number of values than columns: \(shortened(sql))")
        }
        var data = PostgresCopyData()
        for row in rows { try data.add(row: row) }
        data.end()
        let handle = try beginCopy(sql)
        let isSent = data.bytes.withUnsafeBytes { bytes in
            PQputCopyData(handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count)) == 1
        }
        _ = PQputCopyEnd(handle, isSent ? nil : "the rows could not be sent")
        try endCopy(sql)
    }
}

extension PostgresTransaction: BulkTransaction {
    func load(table: String, columns: [String], _ rows: [[SQLValue]]) throws {
        guard !rows.isEmpty else { return }
        try guarded { try connection.copy(table: table, columns: columns, rows) }
    }
}
