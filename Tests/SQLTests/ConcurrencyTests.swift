// Many at once: claims, readers beside a writer, lost updates, full queues, lost connections.
import Foundation
import PostgresAdapter
import SQL
import SQLiteAdapter
import TestSupport
import Testing

@Suite struct ConcurrencyTests {
    @Test(arguments: TestEngine.available)
    func twoWorkersNeverClaimTheSameJob(_ engine: TestEngine) async throws {
        let claim = """
            UPDATE job SET holder = $1 WHERE job_id = (
              SELECT job_id FROM job WHERE holder IS NULL ORDER BY run_at, job_id LIMIT 1 {skip_locked})
            RETURNING job_id
            """
        try await Fixture.with(engine) { database in
            try await database.write { transaction in
                try transaction.runMany(
                    "INSERT INTO job (job_id, run_at) VALUES ($1, $1)", (1...60).map { [.int($0)] })
            }
            let claimed = try await withThrowingTaskGroup(of: [SQLValue].self) { group in
                for worker in 1...4 {
                    group.addTask {
                        var mine: [SQLValue] = []
                        while let row = try await database.write({
                            try $0.values("i", claim, [.text("worker \(worker)")]).first
                        }) { mine += row }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(claimed.count == 60)
            #expect(Set(claimed.map { "\($0)" }).count == 60)
        }
    }

    @Test(.postgres) func aClaimSkipsALockedRowInsteadOfWaiting() async throws {
        try await Fixture.with(.postgres) { database in
            let claim = "SELECT job_id FROM job ORDER BY job_id LIMIT 1 {skip_locked}"
            try await database.write { try $0.run("INSERT INTO job (job_id, run_at) VALUES (1, 1), (2, 2)") }
            let (inside, outside) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            async let first = database.write { transaction in
                let rows = try transaction.values("i", claim)
                inside.signal()
                // Waits on a thread of the adapter, with the row locked.
                _ = outside.wait(timeout: .now() + 10)
                return rows
            }
            let second = try await database.write { transaction in
                _ = inside.wait(timeout: .now() + 10)
                let rows = try transaction.values("i", claim)
                outside.signal()
                return rows
            }
            #expect(try await first == [[1]])
            #expect(second == [[2]])
        }
    }

    @Test(arguments: TestEngine.available)
    func readersSeeWholeTransactionsBesideAWriter(_ engine: TestEngine) async throws {
        try await Fixture.with(engine) { database in
            try await database.write { transaction in
                try transaction.runMany(
                    "INSERT INTO job (job_id, run_at) VALUES ($1, 1000)", (1...10).map { [.int($0)] })
            }
            let done = Counter()
            let reads = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    defer { done.next() }
                    for step in 0..<200 {
                        // Two statements: a reader between them would see a total that is not there.
                        try await database.write { transaction in
                            let (from, to) = (step % 10 + 1, (step * 7 + 3) % 10 + 1)
                            try transaction.run("UPDATE job SET run_at = run_at - 5 WHERE job_id = $1", [.int(from)])
                            try transaction.run("UPDATE job SET run_at = run_at + 5 WHERE job_id = $1", [.int(to)])
                        }
                    }
                    return 0
                }
                for _ in 1...8 {
                    group.addTask {
                        var count = 0
                        repeat {
                            let totals = try await database.read { transaction in
                                try (1...2).flatMap { _ in
                                    try transaction.values("i", "SELECT CAST(SUM(run_at) AS BIGINT) FROM job")
                                }
                            }
                            #expect(totals == [[10_000], [10_000]])
                            count += 1
                        } while done.value == 0
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(reads >= 8)
        }
    }

    @Test(arguments: TestEngine.available)
    func noUpdateIsLost(_ engine: TestEngine) async throws {
        // Read, compute in Swift, write: what a wallet does. All on one row.
        try await Fixture.with(engine) { database in
            try await database.write { try $0.run("INSERT INTO job (job_id, run_at) VALUES (1, 0)") }
            let runs = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...8 {
                    group.addTask {
                        for _ in 1...25 {
                            try await database.write { transaction in
                                runs.next()
                                let now = try transaction.first("SELECT run_at FROM job", []) { try $0.int(0) } ?? -1
                                try transaction.run("UPDATE job SET run_at = $1", [.int(now + 1)])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.read { try $0.values("i", "SELECT run_at FROM job") } == [[200]])
            let count = runs.value
            #expect(engine == .sqlite ? count == 200 : count >= 200)
        }
    }

    @Test(.postgres) func aDeadlockIsRunAgain() async throws {
        try await Fixture.with(.postgres) { database in
            try await database.write { try $0.run("INSERT INTO job (job_id, run_at) VALUES (1, 0), (2, 0)") }
            let (here, there) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let runs = Counter()
            @Sendable func add(
                _ order: [Int64], _ mine: DispatchSemaphore, _ other: DispatchSemaphore
            ) async throws {
                try await database.write { transaction in
                    let isFirst = runs.next() <= 2
                    try transaction.run("UPDATE job SET run_at = run_at + 1 WHERE job_id = $1", [.int(order[0])])
                    if isFirst {
                        mine.signal()
                        _ = other.wait(timeout: .now() + 10)
                    }
                    try transaction.run("UPDATE job SET run_at = run_at + 1 WHERE job_id = $1", [.int(order[1])])
                }
            }
            async let one: Void = add([1, 2], here, there)
            async let two: Void = add([2, 1], there, here)
            _ = try await (one, two)
            #expect(try await database.read { try $0.values("i", "SELECT run_at FROM job") } == [[2], [2]])
            #expect(runs.value > 2)
        }
    }

    @Test(.postgres) func aLostConnectionIsMadeAnew() async throws {
        try await withPostgres(connections: 2) { database in
            try await database.write { try $0.run("CREATE TABLE t (x BIGINT)") }
            // Ended inside a transaction: the closure runs again on a new connection, and its work is there once.
            let runs = Counter()
            try await database.write { transaction in
                runs.next()
                try transaction.run("INSERT INTO t (x) VALUES (1)")
                if runs.value == 1 {
                    _ = try transaction.values("i", "SELECT pg_terminate_backend(pg_backend_pid())")
                }
                try transaction.run("INSERT INTO t (x) VALUES (2)")
            }
            #expect(runs.value == 2)
            #expect(try await database.read { try $0.values("i", "SELECT x FROM t ORDER BY x") } == [[1], [2]])
            // Ended while idle: nobody notices.
            for _ in 1...4 {
                _ = try? await database.read {
                    try $0.values(
                        "i",
                        """
                        SELECT CAST(COUNT(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid()
                        """)
                }
                #expect(try await database.read { try $0.values("i", "SELECT COUNT(*) FROM t") } == [[2]])
            }
        }
    }

    @Test func aFullQueueIsRefused() async throws {
        try await withFolder { folder in
            let database = try await SQLiteDatabase.open(
                path: folder + "/a.db", durability: .normal, readers: 1, queueLimit: 2)
            let gate = DispatchSemaphore(value: 0)
            let refused = await withTaskGroup(of: SQLError?.self) { group in
                for _ in 1...6 { group.addTask { await failure { try await database.write { _ in gate.wait() } } } }
                var refused: [SQLError] = []
                // One runs, two wait, so three come back at once; then the gate opens for the others.
                for await result in group {
                    if let result { refused.append(result) }
                    if refused.count == 3 { for _ in 1...3 { gate.signal() } }
                }
                return refused
            }
            // Four when the thread had not yet taken the first.
            #expect((3...4).contains(refused.count) && refused.allSatisfy { $0.code == .busy })
            await database.close()
            let closed = await failure { try await database.read { _ in } }
            #expect(closed?.code == .connection)
        }
    }

    @Test func closingFinishesWhatWaits() async throws {
        try await withFolder { folder in
            let database = try await SQLiteDatabase.open(path: folder + "/a.db", durability: .normal)
            try await database.write { try $0.run("CREATE TABLE t (x INTEGER NOT NULL) STRICT") }
            let answers = await withTaskGroup(of: SQLError?.self) { group in
                for number in 1...100 {
                    group.addTask {
                        await failure {
                            _ = try await database.write {
                                try $0.run("INSERT INTO t VALUES ($1)", [.int(Int64(number))])
                            }
                        }
                    }
                    if number == 60 {
                        group.addTask {
                            await database.close()
                            return nil
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            // Closing twice is harmless.
            await database.close()
            #expect(answers.compactMap { $0 }.allSatisfy { $0.code == .connection })
            let told = answers.count { $0 == nil } - 1
            let again = try await SQLiteDatabase.open(path: folder + "/a.db", durability: .normal)
            #expect(try await again.read { try $0.values("i", "SELECT COUNT(*) FROM t") } == [[.int(told)]])
            await again.close()
        }
    }
}
