// Writes of SQLite that share a commit: each is whole or not at all by itself, and a failed commit takes nobody along
// for good.
import Foundation
import SQL
import SQLiteAdapter
import Testing

@Suite struct WriteGroupTests {
    private struct Refused: Error {}

    /// All of them wait behind a write that holds the writer, so they come to it together.
    private static func together(
        _ bodies: [@Sendable (any SQLTransaction) throws -> Int],
        _ check: (SQLiteDatabase, [Result<Int, any Error>]) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-group-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try await SQLiteDatabase.open(
            path: folder.appendingPathComponent("a.db").path, durability: .full)
        try await database.write { try $0.run("CREATE TABLE t (x INTEGER NOT NULL PRIMARY KEY) STRICT") }
        let gate = DispatchSemaphore(value: 0)
        let results = await withTaskGroup(of: (Int, Result<Int, any Error>).self) { group in
            group.addTask {
                try? await database.write { _ in gate.wait() }
                return (-1, .success(0))
            }
            try? await Task.sleep(for: .milliseconds(50))
            for (index, body) in bodies.enumerated() {
                group.addTask {
                    do { return (index, .success(try await database.write(body))) } catch {
                        return (index, .failure(error))
                    }
                }
            }
            try? await Task.sleep(for: .milliseconds(100))
            gate.signal()
            return await group.reduce(into: [Int: Result<Int, any Error>]()) { $0[$1.0] = $1.1 }
        }
        try await check(database, bodies.indices.compactMap { results[$0] })
        await database.close()
    }

    private static func rows(_ database: SQLiteDatabase) async throws -> [Int64] {
        try await database.read { try $0.query("SELECT x FROM t ORDER BY x", []) { try $0.int(0) } }
    }

    @Test func oneThatThrowsUndoesItselfAlone() async throws {
        let bodies: [@Sendable (any SQLTransaction) throws -> Int] = (1...20).map { number in
            { transaction in
                try transaction.run("INSERT INTO t VALUES ($1)", [.int(number)])
                // Of four: one throws, one breaks a key, one breaks it and says nothing.
                switch number % 4 {
                case 1: throw Refused()
                case 2: try transaction.run("INSERT INTO t VALUES ($1)", [.int(number)])
                case 3: _ = try? transaction.run("INSERT INTO t VALUES ($1)", [.int(number)])
                default: break
                }
                return number
            }
        }
        try await Self.together(bodies) { database, results in
            let rows = try await Self.rows(database)
            #expect(rows == [4, 8, 12, 16, 20])
            for (index, result) in results.enumerated() {
                switch ((index + 1) % 4, result) {
                case (0, .success(let number)): #expect(number == index + 1)
                case (1, .failure(let error)): #expect(error is Refused)
                case (2, .failure(let error)), (3, .failure(let error)):
                    #expect((error as? SQLError)?.code == .unique)
                default: Issue.record("\(index + 1): \(result)")
                }
            }
        }
    }

    /// The key is looked at when the transaction commits: one bad row makes the common commit fail.
    @Test func aFailedCommitLeavesTheOthersTheirOwn() async throws {
        let bodies: [@Sendable (any SQLTransaction) throws -> Int] = (1...9).map { number in
            { transaction in
                if number == 5 {
                    try transaction.run(
                        "CREATE TABLE u (x INTEGER REFERENCES t (x) DEFERRABLE INITIALLY DEFERRED) STRICT")
                    try transaction.run("INSERT INTO u VALUES (77)")
                }
                try transaction.run("INSERT INTO t VALUES ($1)", [.int(number)])
                return number
            }
        }
        try await Self.together(bodies) { database, results in
            let rows = try await Self.rows(database)
            #expect(rows == [1, 2, 3, 4, 6, 7, 8, 9])
            let failed = results.enumerated().compactMap { index, result in
                if case .failure(let error) = result { (index + 1, (error as? SQLError)?.code) } else { nil }
            }
            #expect(failed.map(\.0) == [5] && failed.first?.1 == .foreignKey)
        }
    }
}
