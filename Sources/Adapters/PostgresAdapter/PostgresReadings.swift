// Readings in one PostgreSQL database, a partition a civil month. Knows tables only as "partitioned by day".
import CivilTime
import SQL

/// Hands out the same database for every month, after making that month's partitions.
///
/// Readings migrations are applied to the database by whoever opened it. Closing is up to that one too.
public actor PostgresReadings: ReadingsStore {
    private let database: PostgresDatabase
    private var ready: Set<CivilMonth> = []
    /// Any fixed number: two processes that make the same partition wait for each other.
    private static let lockNumber: Int64 = 0x6275_7362_7061

    public init(_ database: PostgresDatabase) { self.database = database }

    private static let partitions = """
        SELECT parent.relname, child.relname FROM pg_partitioned_table AS split
        JOIN pg_class AS parent ON parent.oid = split.partrelid
        LEFT JOIN pg_inherits AS link ON link.inhparent = parent.oid
        LEFT JOIN pg_class AS child ON child.oid = link.inhrelid
        WHERE parent.relnamespace = to_regnamespace(current_schema()) ORDER BY parent.relname, child.relname
        """

    public func months() async throws -> [CivilMonth] {
        let names = try await database.read { transaction in
            try transaction.query(Self.partitions, []) { (try $0.text(0), try $0.optionalText(1)) }
        }
        return Set(names.compactMap { Self.month(of: $0.1, parent: $0.0) }).sorted()
    }

    private static func month(of partition: String?, parent: String) -> CivilMonth? {
        guard let partition, partition.hasPrefix(parent + "_") else { return nil }
        let parts = partition.dropFirst(parent.count + 1).split(separator: "_", omittingEmptySubsequences: false)
        return parts.count == 2 ? CivilMonth("\(parts[0])-\(parts[1])") : nil
    }

    public func shard(_ month: CivilMonth) async throws -> any Database {
        if ready.contains(month) { return database }
        try month.refuseUnlikely()
        // Making a partition locks its table, so first look whether there is anything to make.
        let missing = try await database.read { try Self.parents(without: month, $0) }
        if !missing.isEmpty {
            try await database.write { transaction in
                _ = try transaction.query("SELECT 1 FROM pg_advisory_xact_lock($1)", [.int(Self.lockNumber)]) { _ in }
                for parent in missing { try Self.makePartition(of: parent, month, transaction) }
            }
        }
        ready.insert(month)
        return database
    }

    /// Until the server has looked by itself, which may take a minute, it takes every value for a rare one and reads a
    /// meter's month by walking through all meters. A role that does not own the tables cannot ask; then it waits.
    public func gatherFigures(_ month: CivilMonth) async throws {
        try await database.write { transaction in
            let names = try transaction.query(
                Self.partitions, []
            ) { (try $0.text(0), try $0.optionalText(1)) }.compactMap { parent, partition in
                Self.month(of: partition, parent: parent) == month ? partition : nil
            }
            for name in names { try transaction.run("ANALYZE \(Self.quoted(name))") }
        }
    }

    private static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    private static func parents(without month: CivilMonth, _ transaction: any SQLTransaction) throws -> [String] {
        let rows = try transaction.query(partitions, []) { (try $0.text(0), try $0.optionalText(1)) }
        let have = Set(rows.filter { Self.month(of: $0.1, parent: $0.0) == month }.map(\.0))
        return Set(rows.map(\.0)).subtracting(have).sorted()
    }

    private static func makePartition(
        of parent: String, _ month: CivilMonth, _ transaction: any SQLTransaction
    ) throws {
        let suffix = month.description.split(separator: "-").joined(separator: "_")
        // A role that only works with rows may not make a table; the owner has left it a function (`busbar db roles`).
        let hasHelper = try transaction.first(
            """
            SELECT COUNT(*) FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()) AND relname = $1
              AND NOT pg_has_role(relowner, 'USAGE')
              AND to_regprocedure('busbar_make_partition(text,text,bigint,bigint)') IS NOT NULL
            """, [.text(parent)]
        ) { try $0.int(0) }
        if hasHelper == 1 {
            _ = try transaction.query(
                "SELECT busbar_make_partition($1, $2, $3, $4)",
                [.text(parent), .text(suffix), .int(month.first.number), .int(month.next.first.number)]
            ) { _ in }
            return
        }
        try transaction.run(
            """
            CREATE TABLE IF NOT EXISTS \(quoted(parent + "_" + suffix)) PARTITION OF \(quoted(parent))
            FOR VALUES FROM (\(month.first.number)) TO (\(month.next.first.number))
            """)
    }

    public nonisolated var files: any MonthFiles { NoFiles() }

    /// Does nothing: the database belongs to whoever opened it.
    public func close() async {}
}

/// The server keeps its own files: a month stays in its partition, and autovacuum uses the room of deleted rows again.
private struct NoFiles: MonthFiles {
    func giveBackRoom(_ month: CivilMonth) async throws {}
    func putAway(_ month: CivilMonth) async throws {}
    func bringBack(_ month: CivilMonth) async throws {}
}
