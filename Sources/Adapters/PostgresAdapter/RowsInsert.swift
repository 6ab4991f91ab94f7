// An INSERT of one row, written for several: the server parses, plans and answers once for all of them. Text only.
import CPQ
import SQL

/// An INSERT whose rows do not look at each other.
struct RowsInsert {
    /// Few lengths, so that few texts are prepared; what is left goes row by row.
    private static let lengths = [32, 8]
    static let smallest = 8
    private let parameterCount: Int
    private let texts: [(count: Int, sql: String)]

    /// Nil for a statement that can only be run row by row: none may change a row that another of them has made.
    init?(_ sql: String) {
        guard let open = sql.firstRange(of: "VALUES ("), let close = sql[open.upperBound...].firstIndex(of: ")")
        else { return nil }
        let (head, tail) = (sql[..<open.lowerBound], sql[sql.index(after: close)...])
        let values = sql[open.upperBound..<close].split(separator: ",").map { $0.drop { $0.isWhitespace } }
        let isPlain = values.allSatisfy { $0.dropFirst($0.hasPrefix("$") ? 1 : 0).allSatisfy(\.isNumber) }
        guard isPlain, head.hasPrefix("INSERT"),
            !["$", "DO UPDATE", "RETURNING"].contains(where: { head.contains($0) || tail.contains($0) })
        else { return nil }
        let parameterCount = values.count { $0.hasPrefix("$") }
        self.parameterCount = parameterCount
        texts = Self.lengths.map { count in
            let rows = (0..<count).map { row in
                values.map { value in
                    guard value.hasPrefix("$"), let number = Int(value.dropFirst()) else { return String(value) }
                    return "$\(row * parameterCount + number)"
                }.joined(separator: ", ")
            }
            return (count, "\(head)VALUES (\(rows.joined(separator: "), (")))\(tail)")
        }
    }

    /// As many of the next rows as one statement takes; nil where it takes none.
    func take(_ rows: ArraySlice<[SQLValue]>) -> (sql: String, values: [SQLValue], types: [Oid], count: Int)? {
        guard let (count, sql) = texts.first(where: { $0.count <= rows.count }) else { return nil }
        // NULL takes the type that its column has in other rows, or every pattern of them would be prepared.
        var types = [Oid](repeating: PostgresType.inferred, count: parameterCount)
        for row in rows.prefix(count) {
            guard row.count == parameterCount else { return nil }
            for (column, value) in row.enumerated() {
                let type = PostgresType.of(value)
                guard type != PostgresType.inferred, types[column] != type else { continue }
                guard types[column] == PostgresType.inferred else { return nil }
                types[column] = type
            }
        }
        return (sql, rows.prefix(count).flatMap { $0 }, Array(repeatElement(types, count: count).joined()), count)
    }
}
