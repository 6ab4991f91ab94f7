// The whole schema of a database as text, to compare with a golden file of that engine. Holds no data. Only for tests.
import SQL

public enum SchemaDump {
    /// One line a table, column, constraint and index, in order of name, white space made single. Partitions and
    /// `schema_migration` are left out: they are no part of what the migrations say.
    public static func text(_ database: any Database) async throws -> String {
        let lines = try await database.read { transaction in
            switch transaction.engine {
            case .sqlite: try sqlite(transaction)
            case .postgres: try postgres(transaction)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func sqlite(_ transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            """
            SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name <> 'schema_migration'
            ORDER BY tbl_name, type DESC, name
            """, []
        ) { try $0.text(0).split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    }

    private static func postgres(_ transaction: any SQLTransaction) throws -> [String] {
        let tables = try transaction.query(
            """
            SELECT CAST(c.oid AS BIGINT), c.relname, COALESCE(pg_get_partkeydef(c.oid), '') FROM pg_class AS c
            WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind IN ('r', 'p')
              AND NOT c.relispartition AND c.relname <> 'schema_migration'
            ORDER BY c.relname COLLATE "C"
            """, []
        ) { (oid: try $0.int(0), name: try $0.text(1), key: try $0.text(2)) }
        return try tables.flatMap { table in
            let head = "table \(table.name)" + (table.key.isEmpty ? "" : " partition by \(table.key)")
            let columns = try transaction.query(
                """
                SELECT a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attcollation <> t.typcollation THEN ' collate ' || l.collname ELSE '' END,
                  CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
                  COALESCE(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
                FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
                LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
                LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = CAST($1 AS oid) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
                """, [.int(table.oid)]
            ) { row in
                let details = try (2...4).map { try row.text($0) }.joined()
                return "  column \(try row.text(0)) \(try row.text(1))\(details)"
            }
            let constraints = try transaction.query(
                """
                SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = CAST($1 AS oid)
                ORDER BY conname COLLATE "C"
                """, [.int(table.oid)]
            ) { "  constraint \(try $0.text(0)) \(try $0.text(1))" }
            let indexes = try transaction.query(
                """
                SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                WHERE i.indrelid = CAST($1 AS oid)
                  AND NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
                ORDER BY c.relname COLLATE "C"
                """, [.int(table.oid)]
            ) { "  " + (try $0.text(0)) }
            return [head] + columns + constraints + indexes
        }
    }
}
