// Statements for many rows and looks for many keys give on both engines what they give one by one.
import SQL
import TestSupport
import Testing

@Suite struct ManyRowsTests {
    @Test(arguments: TestEngine.available)
    func manyRowsAreEachInserted(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            try await database.write { transaction in
                try transaction.run(
                    "CREATE TABLE many (id {id} NOT NULL PRIMARY KEY, n {int}, t {text}, f {int}) {table}")
                for count in [0, 1, 7, 8, 31, 32, 75, 600] {
                    try transaction.run("DELETE FROM many")
                    // Each is there twice: the second changes nothing. No value, of either kind, anywhere.
                    let rows = (0..<count).map { index -> [SQLValue] in
                        let n: SQLValue = index % 3 == 0 ? .null : .int(index)
                        let t: SQLValue = index < 40 || index % 5 == 0 ? .null : .text("t'\(index), ($1)")
                        return [.int(index / 2), n, t]
                    }
                    try transaction.runMany(
                        "INSERT INTO many (id, n, t, f) VALUES ($1, $2, $3, 7) ON CONFLICT (id) DO NOTHING", rows)
                    let found = try transaction.values("iiti", "SELECT id, n, t, f FROM many ORDER BY id")
                    #expect(found == stride(from: 0, to: count, by: 2).map { rows[$0] + [.int(7)] }, "\(count)")
                }
                // A row may change one of the same call.
                try transaction.run("DELETE FROM many")
                try transaction.runMany(
                    "INSERT INTO many (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = many.n + excluded.n",
                    (1...40).map { [.int(1), .int($0)] })
                #expect(try transaction.values("i", "SELECT n FROM many") == [[820]])
            }
        }
    }

    @Test(arguments: TestEngine.available)
    func aRowThatDoesNotFitFailsAll(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            try await database.write { try $0.run("CREATE TABLE one (id {id} NOT NULL PRIMARY KEY, n {int}) {table}") }
            let failed = await failure {
                try await database.write { transaction in
                    try transaction.runMany(
                        "INSERT INTO one (id, n) VALUES ($1, $2)", (0..<40).map { [.int($0 % 33), .int($0)] })
                }
            }
            #expect(failed?.code == .unique)
            #expect(try await database.read { try $0.values("i", "SELECT COUNT(*) FROM one") } == [[0]])
        }
    }

    @Test(arguments: TestEngine.available)
    func manyKeysAreEachLookedUp(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            try await database.write { transaction in
                try transaction.run(
                    "CREATE TABLE looked (a {id} NOT NULL, k {text} NOT NULL, PRIMARY KEY (a, k)) {table}")
                try transaction.runMany(
                    "INSERT INTO looked (a, k) VALUES ($1, $2)", (0..<300).map { [.int($0 % 2), .text("k\($0)")] })
                for count in [0, 1, 2, 3, 63, 64, 65, 200] {
                    let found = try transaction.queryEach(
                        "SELECT k FROM looked WHERE a = $1 AND k = $each", [.int(1)],
                        (0..<count).map { .text("k\($0)") }
                    ) { try $0.text(0) }
                    #expect(Set(found) == Set((0..<count).filter { $0 % 2 == 1 }.map { "k\($0)" }), "\(count)")
                }
            }
        }
    }
}
