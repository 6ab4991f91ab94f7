// Being told to stop, being killed, being started twice: what the process does and with which code it leaves.
import Foundation
import SQL
import SQLiteAdapter
import Synchronization
import TestSupport
import Testing

/// What several callers were answered.
private final class Statuses: Sendable {
    private let list = Mutex<[Int]>([])
    var all: [Int] { list.withLock { $0 } }
    func add(_ status: Int) { list.withLock { $0.append(status) } }
}

@Suite(.serialized) struct StopTests {
    @Test func aStopUnderLoadFinishesWhatRunsAndLeavesWithZero() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            let server = try await Program.serve(["--data", data])
            let token = try await server.token()
            let answered = Statuses()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<6 {
                    group.addTask {
                        // Until nobody listens any more.
                        for number in 0..<10_000 {
                            let reply =
                                worker == 0
                                ? await server.setLimit(20_000 + number, token: token)
                                : await server.ask("GET", "/api/v1/settings", token: token)
                            answered.add(reply.status)
                            if reply.status == 0 || reply.status == 429 { return }
                        }
                    }
                }
                try await until("the load is on", withinS: 30) { answered.all.count > 60 }
                let start = ContinuousClock.now
                let ended = try await server.stop()
                #expect(ended.code == 0, "\(ended.text.suffix(600))")
                #expect(ContinuousClock.now - start < .seconds(10))
                try await group.waitForAll()
            }
            let statuses = Set(answered.all)
            #expect(statuses.subtracting([200, 503, 429, 0]).isEmpty, "\(statuses)")
            // The log is emptied into the file and gone.
            #expect(!FileManager.default.fileExists(atPath: data + "/money.db-wal"))
            let check = try await Program.run(["db", "check", "--data", data])
            #expect(check.code == 0, "\(check.text)")
        }
    }

    @Test func aRequestThatNeverComesIsEndedHardByTheWatchdog() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            let server = try await Program.serve(["--data", data, "--stop-seconds", "1"])
            let connection = try #require(Connection(port: server.port))
            // A body that is announced and does not come.
            connection.send(
                Array("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".utf8)
                    + Array("Content-Length: 500\r\n\r\n{".utf8))
            _ = await server.ask("GET", "/health")
            let ended = try await server.stop(withinS: 15)
            #expect(ended.code == 3, "\(ended.text.suffix(600))")
            #expect(ended.text.contains("did not end in time"))
            let again = try await Program.serve(["--data", data])
            _ = try await again.token()
            #expect(try await again.stop().code == 0)
        }
    }

    @Test func aSecondProcessIsRefusedUntilTheFirstIsGone() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            let server = try await Program.serve(["--data", data])
            for words in [["serve", "--port", "0"], ["org", "list"], ["db", "status"], ["db", "check"], ["rate"]] {
                let second = try await Program.run(words + ["--data", data])
                #expect(second.code == 3, "\(words): \(second.text)")
                #expect(second.text.contains("another process (number \(server.program.pid)) uses \(data)"))
                #expect(second.text.contains("While the server runs, use its pages or its API"))
            }
            #expect(await server.ask("GET", "/ready").status == 200)
            server.program.signal(SIGKILL)
            #expect(try await server.program.end(withinS: 10).code == -SIGKILL)
            let next = try await Program.serve(["--data", data])
            _ = try await next.token()
            #expect(try await next.stop().code == 0)
        }
    }

    @Test func limitsThatAreTooLowAreNamed() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            let few = try await Program.run(["serve", "--port", "0", "--data", data], limits: "ulimit -n 100")
            #expect(few.code == 3 && few.text.contains("LimitNOFILE"), "\(few.text)")
            let small = try await Program.run(["serve", "--port", "0", "--data", data], limits: "ulimit -v 300000")
            #expect(small.code == 3 && small.text.contains("ulimit -v unlimited"), "\(small.text)")
            // Enough in the hard limit: taken.
            let server = try await Program.serve(["--data", data], limits: "ulimit -S -n 64")
            #expect(await server.ask("GET", "/ready").status == 200)
            #expect(try await server.stop().code == 0)
        }
    }

    /// A clock set wrong by a year at the start closes no days: also not when the service is started again and again.
    @Test func aLongStandstillIsConfirmedByAPerson() async throws {
        try await withFolder { folder in
            let data = folder + "/data"
            try await Installation.make(["--data", data], folder: folder)
            func age(days: Int64) async throws {
                let database = try await SQLiteDatabase.open(path: data + "/money.db", durability: .full)
                try await database.write { transaction in
                    _ = try transaction.run(
                        "UPDATE process_lease SET lease_until_ms = lease_until_ms - $1", [.int(days * 86_400_000)])
                }
                await database.close()
            }
            try await age(days: 34)
            #expect(try await Program.serve(["--data", data]).stop().code == 0)
            try await age(days: 37)
            for _ in 0..<2 {
                let refused = try await Program.run(["serve", "--port", "0", "--data", data])
                #expect(refused.code == 3 && refused.text.contains("has not been open for 37 days"), "\(refused.text)")
                #expect(refused.text.contains("BUSBAR_CLOCK_IS_RIGHT=1"))
            }
            let right = try await Program.serve(["--data", data], environment: ["BUSBAR_CLOCK_IS_RIGHT": "1"])
            #expect(try await right.stop().code == 0)
            #expect(try await Program.serve(["--data", data]).stop().code == 0)
        }
    }
}
