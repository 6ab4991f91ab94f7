// Both engines behave alike: rows, counts, errors, rollback.
import SQL
import TestSupport
import Testing

@Suite struct ConformanceTests {
    @Test(arguments: TestEngine.available)
    func everyStatementOfTheDialectGivesItsRows(_ engine: TestEngine) async throws {
        #expect(DialectCase.all.count >= 50)
        try await Fixture.with(engine) { database in
            for item in DialectCase.all {
                let failed = await failure {
                    do {
                        try await database.write { transaction in
                            for sql in item.before { try transaction.run(sql) }
                            let rows = try transaction.values(item.kinds, item.sql, item.parameters)
                            #expect(rows == item.rows, "\(item.name)")
                            throw Undo()
                        }
                    } catch is Undo {}
                }
                #expect(failed == nil, "\(item.name)")
            }
            // Every case was rolled back.
            let rows = try await database.read {
                try $0.values("ii", "SELECT COUNT(*), (SELECT COUNT(*) FROM reading) FROM meter")
            }
            #expect(rows == [[5, 5]])
        }
    }

    @Test(arguments: TestEngine.available)
    func runCountsChangedRows(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            let counts = try await database.write { transaction in
                [
                    try transaction.run("UPDATE meter SET note = 'x' WHERE phases = $1", [3]),
                    try transaction.run("UPDATE meter SET note = 'x' WHERE phases = $1", [99]),
                    try transaction.run("CREATE TABLE extra (id {id} NOT NULL PRIMARY KEY) {table}"),
                    try transaction.run("INSERT INTO meter (meter_id, serial) VALUES (1, 'q') ON CONFLICT DO NOTHING"),
                    try transaction.run("DELETE FROM reading"),
                ]
            }
            #expect(counts == [2, 0, 0, 0, 5])
        }
    }

    @Test(arguments: TestEngine.available)
    func brokenRulesHaveTheirCode(_ engine: TestEngine) async throws {
        let cases: [(SQLError.Code, String, [SQLValue])] = [
            (.unique, "INSERT INTO meter (meter_id, serial) VALUES (1, $1)", ["secret-value"]),
            (.unique, "INSERT INTO meter (meter_id, serial) VALUES (50, $1)", ["A"]),
            (.unique, "INSERT INTO reading (meter_id, day, energy_wh) VALUES (1, 10, 5)", []),
            (.foreignKey, "INSERT INTO reading (meter_id, day, energy_wh) VALUES ($1, 1, 1)", [999]),
            (.foreignKey, "DELETE FROM meter WHERE meter_id = 1", []),
            (.check, "UPDATE reading SET energy_wh = $1 WHERE day = 10", [-1]),
            (.notNull, "INSERT INTO meter (meter_id, serial) VALUES (51, $1)", [nil]),
            (.syntax, "SELEC 1", []),
            (.syntax, "SELECT 1 FROM no_such_table", []),
            (.syntax, "SELECT no_such_column FROM meter", []),
            (.syntax, "UPDATE meter SET note = \"typo\"", []),
            (.syntax, "INSERT INTO meter (meter_id, serial) VALUES (52, 'n'); DELETE FROM reading", []),
            (.syntax, "UPDATE meter SET phases = $1 WHERE meter_id = $2", [1]),
            (.syntax, "UPDATE meter SET phases = $1", ["secret-value"]),
            (.syntax, "SELECT meter_id FROM meter", []),
            (.other, "INSERT INTO meter (meter_id, serial) VALUES (53, $1)", ["secret-value\0x"]),
        ]
        try await Fixture.with(engine) { database in
            for (code, sql, parameters) in cases {
                let failed = await failure { try await database.write { _ = try $0.run(sql, parameters) } }
                #expect(failed?.code == code, "\(sql): \(failed?.description ?? "no error")")
                #expect(failed?.message.contains("secret-value") == false, "\(sql)")
            }
            let noRows = await failure {
                _ = try await database.write { try $0.values("i", "DELETE FROM reading") }
            }
            #expect(noRows?.code == .syntax)
            let count = try await database.read { try $0.values("i", "SELECT COUNT(*) FROM reading") }
            #expect(count == [[5]])
        }
    }

    @Test(arguments: TestEngine.available)
    func aWrongTypeIsRefused(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            try await database.read { transaction in
                func code(_ sql: String, _ decode: (any SQLRow) throws -> Void) -> SQLError.Code? {
                    do {
                        _ = try transaction.query(sql, [], decode)
                        return nil
                    } catch { return (error as? SQLError)?.code }
                }
                let one = "SELECT meter_id, serial, phases FROM meter WHERE meter_id = 3"
                #expect(code(one) { _ = try $0.text(0) } == .decode)
                #expect(code(one) { _ = try $0.int(1) } == .decode)
                #expect(code(one) { _ = try $0.bytes(1) } == .decode)
                #expect(code(one) { _ = try $0.int(2) } == .decode)
                #expect(code(one) { _ = try $0.optionalText(0) } == .decode)
                #expect(code(one) { _ = try $0.int(3) } == .decode)
                #expect(code(one) { _ = try $0.optionalInt(3) } == .decode)
                #expect(code(one) { _ = try $0.int(-1) } == .decode)
                #expect(code("SELECT data FROM reading WHERE day = 10") { _ = try $0.text(0) } == .decode)
                #expect(code("SELECT 9223372036854775807") { _ = try $0.day(0) } == .decode)
                #expect(code("SELECT 1.5") { _ = try $0.int(0) } == .decode)
                // A row that cannot be decoded does not spoil the transaction.
                #expect(code(one) { _ = try $0.optionalInt(2) } == nil)
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func whatThrowsIsRolledBack(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            await #expect(throws: Undo.self) {
                try await database.write { transaction in
                    try transaction.run("DELETE FROM reading")
                    throw Undo()
                }
            }
            // A swallowed error of a statement does not let half a transaction through.
            let swallowed = await failure {
                try await database.write { transaction in
                    try transaction.run("DELETE FROM reading")
                    _ = try? transaction.run("INSERT INTO meter (meter_id, serial) VALUES (1, 'A')")
                }
            }
            #expect(swallowed?.code == .unique)
            let afterFailure = await failure {
                try await database.write { transaction in
                    _ = try? transaction.run("INSERT INTO meter (meter_id, serial) VALUES (1, 'A')")
                    _ = try transaction.values("i", "SELECT 1")
                }
            }
            #expect(afterFailure?.code == .unique)
            let count = try await database.read { try $0.values("i", "SELECT COUNT(*) FROM reading") }
            #expect(count == [[5]])
        }
    }

    @Test(arguments: TestEngine.available)
    func theNthStatementFailingLeavesNothing(_ engine: TestEngine) async throws {
        @Sendable func work(_ transaction: any SQLTransaction) throws {
            try transaction.run("UPDATE meter SET phases = 9 WHERE meter_id = 1")
            try transaction.runMany(
                "INSERT INTO job (job_id, run_at) VALUES ($1, $2)", (1...5).map { [.int($0), .int($0)] })
            _ = try transaction.values("i", "DELETE FROM reading WHERE meter_id = 2 RETURNING day")
        }
        @Sendable func state(_ transaction: any SQLTransaction) throws -> [[SQLValue]] {
            try transaction.values(
                "iii",
                """
                SELECT (SELECT phases FROM meter WHERE meter_id = 1), (SELECT COUNT(*) FROM job),
                  (SELECT COUNT(*) FROM reading)
                """)
        }
        try await Fixture.with(engine) { database in
            let counting = FailingDatabase(database)
            await #expect(throws: Undo.self) {
                try await counting.write { transaction in
                    try work(transaction)
                    throw Undo()
                }
            }
            #expect(counting.statementCount == 7)
            for number in 1...7 {
                let failing = FailingDatabase(database, failAt: number)
                let failed = await failure { try await failing.write { try work($0) } }
                #expect(failed?.code == .full)
                #expect(try await database.read { try state($0) } == [[1, 0, 5]])
            }
            try await database.write { try work($0) }
            #expect(try await database.read { try state($0) } == [[9, 5, 3]])
        }
    }

    @Test(arguments: TestEngine.available)
    func manyRowsAtOnce(_ engine: TestEngine) async throws {
        let sql = "INSERT INTO job (job_id, run_at, holder) VALUES ($1, $2, $3)"
        try await Fixture.with(engine) { database in
            try await database.write { transaction in
                try transaction.runMany(sql, [])
                // NULL now and then: the type of a column is not that of its first row.
                try transaction.runMany(
                    sql, (1...5000).map { [.int($0), .int($0 * 2), $0 % 3 == 0 ? .null : .text("h\($0)")] })
            }
            let sums = try await database.read {
                try $0.values("iii", "SELECT COUNT(*), CAST(SUM(run_at) AS BIGINT), COUNT(holder) FROM job")
            }
            #expect(sums == [[5000, 25_005_000, 3334]])
            // One bad row late in the bulk takes all of it back, and the connection stays usable.
            for bad: [SQLValue] in [[7, 7, nil], [6000, .null, nil], [6000, "text", nil], [6000, 1]] {
                let failed = await failure {
                    try await database.write { transaction in
                        var rows: [[SQLValue]] = (5001...5700).map { [.int($0), 1, nil] }
                        rows[650] = bad
                        try transaction.runMany(sql, rows)
                    }
                }
                #expect(failed != nil && failed?.code != .connection, "\(bad)")
                #expect(try await database.read { try $0.values("i", "SELECT COUNT(*) FROM job") } == [[5000]])
            }
            let returning = await failure {
                try await database.write { try $0.runMany("DELETE FROM job RETURNING job_id", [[], []]) }
            }
            #expect(returning?.code == .syntax)
            #expect(try await database.read { try $0.values("i", "SELECT COUNT(*) FROM job") } == [[5000]])
        }
    }

    @Test(arguments: TestEngine.available)
    func manyRowsOfIntegersAtOnce(_ engine: TestEngine) async throws {
        let sql = "INSERT INTO job (job_id, run_at) VALUES ($2, $1)"
        try await Fixture.with(engine) { database in
            try await database.write { transaction in
                try transaction.runMany(sql, integers: [], columns: 2)
                try transaction.runMany(sql, integers: (1...5000).flatMap { [-$0, $0] }, columns: 2)
            }
            let wanted: [[SQLValue]] = [[5000, -12_502_500]]
            let sums = "SELECT COUNT(*), CAST(SUM(run_at) AS BIGINT) FROM job"
            #expect(try await database.read { try $0.values("ii", sums) } == wanted)
            // The last row is there already, and the caller swallows the error.
            let failed = await failure {
                try await database.write { transaction in
                    try? transaction.runMany(sql, integers: [1, 6000, 1, 6001, 1, 5000], columns: 2)
                }
            }
            #expect(failed?.code == .unique)
            #expect(try await database.read { try $0.values("ii", sums) } == wanted)
            let odd = await failure { try await database.write { try $0.runMany(sql, integers: [1], columns: 1) } }
            #expect(odd != nil && odd?.code != .connection)
        }
    }

    @Test(arguments: TestEngine.available)
    func aReaderCannotWrite(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            let failed = await failure { _ = try await database.read { try $0.run("DELETE FROM reading") } }
            #expect(failed?.code == .readOnly)
        }
    }

    @Test(arguments: TestEngine.available)
    func aQueryInsideADecodeClosure(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            let sql = "SELECT meter_id FROM meter WHERE meter_id <= $1 ORDER BY meter_id"
            let pairs = try await database.read { transaction in
                try transaction.query(sql, [3]) { row in
                    let id = try row.int(0)
                    return try transaction.query(sql, [.int(id)]) { try $0.int(0) }
                }
            }
            #expect(pairs == [[1], [1, 2], [1, 2, 3]])
        }
    }

    @Test(arguments: TestEngine.available)
    func moreStatementsThanAreKept(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            for start in [0, 400, 0] {
                let sum = try await database.read { transaction in
                    try (start..<start + 400).reduce(Int64(0)) { sum, number in
                        sum + (try transaction.first("SELECT \(number) + $1", [1]) { try $0.int(0) } ?? 0)
                    }
                }
                #expect(sum == Int64((start + 1...start + 400).reduce(0, +)))
            }
        }
    }
}
