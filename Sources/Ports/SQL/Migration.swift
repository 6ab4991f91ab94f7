// Numbered, forward-only schema changes. A migration is one SQL text for both engines, in five logical column types.

/// Which store a migration belongs to. On PostgreSQL both live in one database.
public enum SchemaStore: String, Sendable, CaseIterable { case money, readings }

/// One step of the schema. `number` is unique in the whole product and never reused.
///
/// The text may hold: `{id}` and `{int}` (64-bit integers), `{flag}` (0 or 1), `{text}` (bytewise order), `{bytes}`,
/// `{table}` behind the closing bracket of a table, `{keyed_table}` for a table that lives in its primary key,
/// `{by_month}` behind the bracket of a table of the readings store whose key begins with `org_id, day`
/// (PostgreSQL partitions it by `day`; it implies `{keyed_table}` on SQLite). In views also
/// `{json_each}(CAST(x AS {json})) item`: a row a member of an object, with `item.key` and `item.value`.
///
/// SQLite fills in a NULL given for a single `{id}` primary key of a `{table}`, whatever NOT NULL says;
/// PostgreSQL refuses it.
public struct Migration: Sendable {
    public let number: Int
    public let store: SchemaStore
    public let name: String
    public let statements: [String]

    public init(_ number: Int, _ store: SchemaStore, _ name: String, _ statements: [String]) {
        self.number = number
        self.store = store
        self.name = name
        self.statements = statements
    }

    /// The statement as the engine takes it.
    public static func render(_ statement: String, for engine: SQLEngine) -> String {
        let types: [(String, String)] =
            switch engine {
            case .sqlite:
                [
                    ("{id}", "INTEGER"), ("{int}", "INTEGER"), ("{flag}", "INTEGER"), ("{text}", "TEXT"),
                    ("{bytes}", "BLOB"), ("{table}", "STRICT"), ("{keyed_table}", "STRICT, WITHOUT ROWID"),
                    ("{by_month}", "STRICT, WITHOUT ROWID"), ("{skip_locked}", ""),
                    ("{json_each}", "json_each"), ("{json}", "TEXT"),
                ]
            case .postgres:
                [
                    ("{id}", "BIGINT"), ("{int}", "BIGINT"), ("{flag}", "BIGINT"), ("{text}", "TEXT COLLATE \"C\""),
                    ("{bytes}", "BYTEA"), ("{table}", ""), ("{keyed_table}", ""),
                    ("{by_month}", "PARTITION BY RANGE (day)"), ("{skip_locked}", "FOR UPDATE SKIP LOCKED"),
                    ("{json_each}", "jsonb_each"), ("{json}", "JSONB"),
                ]
            }
        var text = statement
        for (mark, rendered) in types where text.contains(mark) {
            text = text.split(separator: mark, omittingEmptySubsequences: false).joined(separator: rendered)
        }
        return text
    }
}
