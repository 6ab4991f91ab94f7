// Bulk data by cursor: numbers without gaps, cursors that never go back, and no change a reader can miss.
import CivilTime
import Foundation
import Outbox
import SQL
import Synchronization
import TestSupport
import Testing

@Suite struct ChangeStreamTests {
    struct Undo: Error {}
    static let month = CivilMonth(year: 2026, month: 1)
    static let stream = ChangeStream.dayBlock
    /// A table as a writer would have it.
    static let migrations =
        ChangeStream.migrations + [
            Migration(
                901, .readings, "rows of the test",
                [
                    """
                    CREATE TABLE item (org_id {id} NOT NULL, change {int} NOT NULL,
                      PRIMARY KEY (org_id, change)) {keyed_table}
                    """
                ])
        ]

    /// Takes numbers and writes a row for each.
    static func writeRows(_ count: Int, _ transaction: any SQLTransaction) throws -> Int64 {
        let first = try stream.take(count, orgID: 1, month: month, in: transaction)
        try transaction.runMany(
            "INSERT INTO item (org_id, change) VALUES (1, $1)", (0..<count).map { [.int(first + Int64($0))] })
        return first
    }

    /// What a reader does: rows behind its cursor, in order, and the cursor with them.
    static func readOn(_ database: any Database) async throws -> [Int64] {
        try await database.write { transaction in
            let cursor = try stream.cursor(of: "reader", orgID: 1, month: month, in: transaction)
            let rows = try transaction.query(
                "SELECT change FROM item WHERE org_id = 1 AND change > $1 ORDER BY change LIMIT 7", [.int(cursor)]
            ) { try $0.int(0) }
            if let last = rows.last { try stream.advance("reader", to: last, orgID: 1, month: month, in: transaction) }
            return rows
        }
    }

    @Test(arguments: TestEngine.available)
    func numbersFollowEachOtherPerStreamCompanyAndMonth(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Self.migrations) { database in
            try await database.write { transaction in
                func take(
                    _ count: Int, _ stream: ChangeStream = .dayBlock, org: Int64 = 1, month: Int = 1
                ) throws -> Int64 {
                    try stream.take(count, orgID: org, month: CivilMonth(year: 2026, month: month), in: transaction)
                }
                let one = try [take(3), take(1), take(1000), take(1)]
                let apart = try [take(2, .rawRead), take(2, org: 2), take(2, month: 2), take(1)]
                #expect(one == [1, 4, 5, 1005] && apart == [1, 1, 1, 1006])
            }
            await #expect(throws: Undo.self) {
                try await database.write { transaction in
                    _ = try Self.stream.take(500, orgID: 1, month: Self.month, in: transaction)
                    throw Undo()
                }
            }
            // Numbers of a transaction that did not happen are given again.
            #expect(try await database.write { try Self.stream.take(1, orgID: 1, month: Self.month, in: $0) } == 1007)
        }
    }

    @Test(arguments: TestEngine.available)
    func aCursorNeverGoesBack(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Self.migrations) { database in
            let seen = try await database.write { transaction in
                try [0, 10, 3, 10, 9, 11, -5].map { (change: Int64) in
                    if change != 0 {
                        try Self.stream.advance("reader", to: change, orgID: 1, month: Self.month, in: transaction)
                    }
                    return try Self.stream.cursor(of: "reader", orgID: 1, month: Self.month, in: transaction)
                }
            }
            #expect(seen == [0, 10, 10, 10, 10, 11, 11])
            // Another reader, company, month or stream has its own.
            let others = try await database.read { transaction in
                [
                    try Self.stream.cursor(of: "other", orgID: 1, month: Self.month, in: transaction),
                    try Self.stream.cursor(of: "reader", orgID: 2, month: Self.month, in: transaction),
                    try Self.stream.cursor(
                        of: "reader", orgID: 1, month: CivilMonth(year: 2026, month: 2), in: transaction),
                    try ChangeStream.rawRead.cursor(of: "reader", orgID: 1, month: Self.month, in: transaction),
                ]
            }
            #expect(others == [0, 0, 0, 0])
        }
    }

    /// The trap of sequences: a later number commits first, the reader passes, and the earlier one is never seen.
    @Test(.enabled(if: TestEngine.available.contains(.postgres), "PostgreSQL is not installed"))
    func aLaterNumberCannotCommitBeforeAnEarlierOne() async throws {
        try await withDatabase(.postgres, migrations: Self.migrations) { database in
            let taken = DispatchSemaphore(value: 0)
            let release = DispatchSemaphore(value: 0)
            let secondIsDone = Atomic<Bool>(false)
            async let slow = database.write { transaction in
                let first = try Self.writeRows(3, transaction)
                taken.signal()
                // Waits on a thread of the adapter, its numbers taken and not committed.
                _ = release.wait(timeout: .now() + 20)
                return first
            }
            async let fast = {
                let first = try await database.write { transaction in
                    _ = taken.wait(timeout: .now() + 20)
                    taken.signal()
                    return try Self.writeRows(2, transaction)
                }
                secondIsDone.store(true, ordering: .sequentiallyConsistent)
                return first
            }()
            try await Task.sleep(for: .milliseconds(500))
            let isOvertaken = secondIsDone.load(ordering: .sequentiallyConsistent)
            #expect(!isOvertaken, "the second writer overtook the first")
            #expect(try await Self.readOn(database) == [])
            release.signal()
            let firsts = try await (slow, fast)
            #expect(firsts.0 == 1 && firsts.1 == 4)
            #expect(try await Self.readOn(database) == [1, 2, 3, 4, 5])
        }
    }

    @Test(arguments: TestEngine.available)
    func aReaderBesideWritersMissesNothing(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Self.migrations) { database in
            let total = 2 * 30 * 3
            try await withThrowingTaskGroup(of: [Int64].self) { group in
                for writer in 1...2 {
                    group.addTask {
                        for step in 0..<30 {
                            try await database.write { transaction in
                                _ = try Self.writeRows(3, transaction)
                                // Now and then slow between its numbers and its commit.
                                if (step + writer) % 5 == 0 { Thread.sleep(forTimeInterval: 0.01) }
                            }
                        }
                        return []
                    }
                }
                group.addTask {
                    var seen: [Int64] = []
                    // Bounded, so that a change that was skipped ends the test instead of hanging it.
                    for _ in 0..<20_000 where seen.count < total { seen += try await Self.readOn(database) }
                    return seen
                }
                let seen = try await group.reduce(into: []) { $0 += $1 }
                #expect(seen == (1...Int64(total)).map { $0 })
            }
        }
    }
}
