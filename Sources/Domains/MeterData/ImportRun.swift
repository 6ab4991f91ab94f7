// What was imported from which file, and every row that was refused, kept so that it can be mended and brought again.
// Reads no file and knows no layout: Importer and the command line do.
import SQL

enum ImportSchema {
    static let migrations = [
        Migration(
            14, .money, "imports",
            [
                """
                CREATE TABLE import_run (org_id {id} NOT NULL, import_id {id} NOT NULL, file_sha256 {bytes} NOT NULL,
                  file {text} NOT NULL, row_count {int} NOT NULL, value_count {int} NOT NULL,
                  refused_count {int} NOT NULL,
                  started_at_ms {int} NOT NULL, finished_at_ms {int}, PRIMARY KEY (org_id, import_id)) {table}
                """,
                "CREATE UNIQUE INDEX import_run_file ON import_run (org_id, file_sha256)",
                """
                CREATE TABLE import_refusal (org_id {id} NOT NULL, import_id {id} NOT NULL, line {int} NOT NULL,
                  row_number {int} NOT NULL, what {text} NOT NULL, hint {text} NOT NULL, row_text {text} NOT NULL,
                  PRIMARY KEY (org_id, import_id, line)) {keyed_table}
                """,
            ])
    ]
}

/// A row or a meter of a file of which nothing was taken.
public struct ImportRefusal: Sendable, Equatable {
    /// Line in the file; the header is line 1 and stands for a whole column, 0 for the file.
    public var row: Int
    public var what: String
    public var hint: String
    /// The row as it stood; empty when the refusal is about a column or a meter.
    public var text: String
    public init(row: Int, what: String, hint: String, text: String = "") {
        self.row = row
        self.what = what
        self.hint = hint
        self.text = text
    }
}

/// One file that was imported, known by its SHA-256: the same file again is the same run.
public struct ImportRun: Sendable, Equatable {
    public var importID: Int64
    public var file: String
    public var fileSHA256: [UInt8]
    /// Data rows, refused ones included.
    public var rowCount: Int64
    public var valueCount: Int64
    public var refusedCount: Int64
    public var startedAtMs: Int64
    /// Nil while it runs, or when it was interrupted: then import the file again.
    public var finishedAtMs: Int64?

    /// Notes the run and what was refused, in place of what an earlier run of the same file refused. Returns the id of
    /// the first run of this file, or `newID`.
    public static func begin(
        file: String, fileSHA256: [UInt8], rowCount: Int, valueCount: Int, refusals: [ImportRefusal], newID: Int64,
        nowMs: Int64, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int64 {
        try transaction.run(
            """
            INSERT INTO import_run (org_id, import_id, file_sha256, file, row_count, value_count, refused_count,
              started_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (org_id, file_sha256) DO UPDATE SET refused_count = excluded.refused_count
            """,
            [
                .int(orgID), .int(newID), .bytes(fileSHA256), .text(storable(file)), .int(rowCount), .int(valueCount),
                .int(refusals.count), .int(nowMs),
            ])
        let found = try transaction.first(
            "SELECT import_id FROM import_run WHERE org_id = $1 AND file_sha256 = $2",
            [.int(orgID), .bytes(fileSHA256)]
        ) { try $0.int(0) }
        guard let importID = found else { throw SQLError(.decode, "the import just noted is not there") }
        try transaction.run(
            "DELETE FROM import_refusal WHERE org_id = $1 AND import_id = $2", [.int(orgID), .int(importID)])
        try transaction.runMany(
            """
            INSERT INTO import_refusal (org_id, import_id, line, row_number, what, hint, row_text)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            refusals.enumerated().map { line, refusal in
                [
                    .int(orgID), .int(importID), .int(line + 1), .int(refusal.row), .text(storable(refusal.what)),
                    .text(storable(refusal.hint)), .text(storable(refusal.text)),
                ]
            })
        return importID
    }

    /// PostgreSQL holds no NUL in text.
    private static func storable(_ text: String) -> String {
        text.utf8.contains(0) ? String(text.map { $0 == "\0" ? "\u{FFFD}" : $0 }) : text
    }

    /// Notes that every day of the file was looked at. Doing it again changes nothing.
    public static func finish(_ importID: Int64, nowMs: Int64, orgID: Int64, in transaction: any SQLTransaction) throws
    {
        try transaction.run(
            "UPDATE import_run SET finished_at_ms = $3 WHERE org_id = $1 AND import_id = $2 AND finished_at_ms IS NULL",
            [.int(orgID), .int(importID), .int(nowMs)])
    }

    /// The latest imports of a company, newest first.
    public static func latest(limit: Int, orgID: Int64, in transaction: any SQLTransaction) throws -> [ImportRun] {
        try transaction.query(
            """
            SELECT import_id, file, file_sha256, row_count, value_count, refused_count, started_at_ms, finished_at_ms
            FROM import_run WHERE org_id = $1 ORDER BY import_id DESC LIMIT $2
            """, [.int(orgID), .int(limit)]
        ) { row in
            ImportRun(
                importID: try row.int(0), file: try row.text(1), fileSHA256: try row.bytes(2),
                rowCount: try row.int(3), valueCount: try row.int(4), refusedCount: try row.int(5),
                startedAtMs: try row.int(6), finishedAtMs: try row.optionalInt(7))
        }
    }

    /// What an import refused, in order of the file, after a line.
    public static func refusals(
        of importID: Int64, after line: Int64 = 0, limit: Int, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [ImportRefusal] {
        try transaction.query(
            """
            SELECT row_number, what, hint, row_text FROM import_refusal
            WHERE org_id = $1 AND import_id = $2 AND line > $3 ORDER BY line LIMIT $4
            """, [.int(orgID), .int(importID), .int(line), .int(limit)]
        ) { row in
            ImportRefusal(
                row: Int(try row.int(0)), what: try row.text(1), hint: try row.text(2), text: try row.text(3))
        }
    }
}
