// What was imported from which file, and every row that was refused, kept so that it can be mended and brought again.
// Reads no file and knows no layout: Importer and the command line do.
import Access
import LoadFiles
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
            ]),
        Migration(
            43, .money, "import reports",
            [
                "ALTER TABLE import_run ADD COLUMN kind {text}", "ALTER TABLE import_run ADD COLUMN source {text}",
                "ALTER TABLE import_run ADD COLUMN report {text}",
            ]),
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

    public init(_ row: RefusedRow) { self.init(row: row.row, what: row.what, hint: row.hint, text: row.text) }
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
    /// `csv`, `nem12`, `green-button` …; nil for runs of releases before 43.
    public var kind: String?
    /// `cli`, `http …`: through which door it came.
    public var source: String?
    /// `ReadingReport` as JSON; nil while it runs.
    public var report: String?

    /// Notes the run and what was refused, in place of what an earlier run of the same file refused. Returns the id of
    /// the first run of this file, or `newID`.
    public static func begin(
        file: String, fileSHA256: [UInt8], rowCount: Int, valueCount: Int, refusals: [ImportRefusal],
        kind: String? = nil,
        source: String? = nil, newID: Int64, nowMs: Int64, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> Int64 {
        try transaction.run(
            """
            INSERT INTO import_run (org_id, import_id, file_sha256, file, row_count, value_count, refused_count,
              started_at_ms, kind, source) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (org_id, file_sha256) DO UPDATE SET refused_count = excluded.refused_count
            """,
            [
                .int(orgID), .int(newID), .bytes(fileSHA256), .text(storable(file)), .int(rowCount), .int(valueCount),
                .int(refusals.count), .int(nowMs), kind.map { .text($0) } ?? .null,
                source.map { .text(storable($0)) } ?? .null,
            ])
        let found = try transaction.first(
            "SELECT import_id FROM import_run WHERE org_id = $1 AND file_sha256 = $2",
            [.int(orgID), .bytes(fileSHA256)]
        ) { try $0.int(0) }
        guard let importID = found else { throw SQLError(.decode, "the import just noted is not there") }
        try transaction.run(
            "DELETE FROM import_refusal WHERE org_id = $1 AND import_id = $2", [.int(orgID), .int(importID)])
        try append(refusals, after: 0, to: importID, orgID: orgID, in: transaction)
        return importID
    }

    private static func append(
        _ refusals: [ImportRefusal], after line: Int, to importID: Int64, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.runMany(
            """
            INSERT INTO import_refusal (org_id, import_id, line, row_number, what, hint, row_text)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
            """,
            refusals.enumerated().map { index, refusal in
                [
                    .int(orgID), .int(importID), .int(line + index + 1), .int(refusal.row),
                    .text(storable(refusal.what)), .text(storable(refusal.hint)), .text(storable(refusal.text)),
                ]
            })
    }

    /// PostgreSQL holds no NUL in text.
    private static func storable(_ text: String) -> String {
        text.utf8.contains(0) ? String(text.map { $0 == "\0" ? "\u{FFFD}" : $0 }) : text
    }

    /// Notes that every day of the file was looked at, with the report of it and what storing did not take. Doing it
    /// again changes nothing but the report.
    public static func finish(
        _ importID: Int64, report: String? = nil, refusals: [ImportRefusal] = [], nowMs: Int64, orgID: Int64,
        in transaction: any SQLTransaction
    ) throws {
        if !refusals.isEmpty {
            let known = try transaction.first(
                "SELECT COALESCE(MAX(line), 0) FROM import_refusal WHERE org_id = $1 AND import_id = $2",
                [.int(orgID), .int(importID)]
            ) { try $0.int(0) }
            try append(refusals, after: Int(known ?? 0), to: importID, orgID: orgID, in: transaction)
        }
        try transaction.run(
            """
            UPDATE import_run SET finished_at_ms = COALESCE(finished_at_ms, $3), report = COALESCE($4, report),
              refused_count = refused_count + $5 WHERE org_id = $1 AND import_id = $2
            """,
            [
                .int(orgID), .int(importID), .int(nowMs), report.map { .text(storable($0)) } ?? .null,
                .int(refusals.count),
            ])
    }

    private static let columns =
        """
        import_id, file, file_sha256, row_count, value_count, refused_count, started_at_ms, finished_at_ms, kind, source
        """

    private static func decode(_ row: any SQLRow) throws -> ImportRun {
        ImportRun(
            importID: try row.int(0), file: try row.text(1), fileSHA256: try row.bytes(2), rowCount: try row.int(3),
            valueCount: try row.int(4), refusedCount: try row.int(5), startedAtMs: try row.int(6),
            finishedAtMs: try row.optionalInt(7), kind: try row.optionalText(8), source: try row.optionalText(9))
    }

    /// The latest imports of a company, newest first, without their reports.
    /// - Parameter before: only those with a smaller id.
    public static func latest(
        before: Int64 = .max, limit: Int, orgID: Int64, in transaction: any SQLTransaction
    ) throws -> [ImportRun] {
        try transaction.query(
            """
            SELECT \(columns) FROM import_run WHERE org_id = $1 AND import_id < $2 ORDER BY import_id DESC LIMIT $3
            """, [.int(orgID), .int(before), .int(limit)], decode)
    }

    /// One import with its report.
    /// - Throws: ``Refusal`` `notFound`.
    public static func find(_ importID: Int64, orgID: Int64, in transaction: any SQLTransaction) throws -> ImportRun {
        let found = try transaction.first(
            "SELECT \(columns), report FROM import_run WHERE org_id = $1 AND import_id = $2",
            [.int(orgID), .int(importID)]
        ) { row in
            var run = try decode(row)
            run.report = try row.optionalText(10)
            return run
        }
        guard let found else {
            throw Refusal(.notFound, "There is no such import.", hint: "See the list of imports.")
        }
        return found
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
