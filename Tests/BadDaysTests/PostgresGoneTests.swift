// PostgreSQL that goes away and comes back under a serving process. A server of the test's own, as it is stopped.
import Foundation
import PostgresAdapter
import SQL
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A server that can be stopped and started again.
private struct StoppableServer {
    let folder: String
    let binaries: String
    var url: String { "postgres://postgres@/postgres?host=\(folder)" }

    /// Nil, and why on standard output, where there is no PostgreSQL.
    static func make() throws -> StoppableServer? {
        guard case .success = PrivatePostgres.shared else {
            print("PostgreSQL that goes away is SKIPPED: there is none")
            return nil
        }
        let root = "/usr/lib/postgresql"
        let versions = try FileManager.default.contentsOfDirectory(atPath: root).compactMap { Int($0) }
        let newest = try #require(versions.max())
        let server = StoppableServer(
            folder: "/tmp/busbar-gone-\(getpid())-\(UInt32.random(in: 0...UInt32.max))",
            binaries: "\(root)/\(newest)/bin")
        try server.shell("mkdir -m 755 '\(server.folder)'")
        try server.shell(
            "'\(server.binaries)/initdb' -D '\(server.folder)/data' -A trust -U postgres -E UTF8 --no-locale --no-sync")
        return server
    }

    /// Runs it to its end. The descriptors of this process are closed first: a server that inherited the one by which
    /// `Process` learns of the end would keep us waiting for as long as it lives.
    private func shell(_ line: String) throws {
        let process = Process()
        let closing = #"for f in /proc/$BASHPID/fd/*; do f=${f##*/}; [ $f -gt 2 ] && eval "exec $f>&-"; done"#
        let words = ["/bin/bash", "-c", "\(closing); umask 022; cd /; \(line) >>'\(folder).log' 2>&1 </dev/null"]
        let isRoot = geteuid() == 0
        process.executableURL = URL(fileURLWithPath: isRoot ? "/usr/sbin/runuser" : words[0])
        process.arguments = isRoot ? ["-u", "postgres", "--"] + words : Array(words.dropFirst())
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw NotInTime(description: "\(line) ended with \(process.terminationStatus); see \(folder).log")
        }
    }

    func start() throws {
        try shell(
            "'\(binaries)/pg_ctl' -D '\(folder)/data' -w -t 30 -l '\(folder).log' -o \"-k '\(folder)' "
                + "-c listen_addresses= -c fsync=off -c unix_socket_permissions=0777\" start")
    }

    /// Every connection breaks off at once, as when the machine loses power.
    func stop() throws { try shell("'\(binaries)/pg_ctl' -D '\(folder)/data' -w -t 30 -m immediate stop") }

    func remove() {
        try? stop()
        try? shell("rm -rf '\(folder)'; rm -f '\(folder).log'")
    }
}

/// How often a transaction was begun.
private final class Tries: Sendable {
    private let number = Mutex(0)
    var count: Int { number.withLock { $0 } }
    func add() -> Int {
        number.withLock { number in
            number += 1
            return number
        }
    }
}

@Suite(.serialized) struct PostgresGoneTests {
    /// How long it stays away.
    private static let goneS = ProcessInfo.processInfo.environment["BUSBAR_LONG"] == "1" ? 60 : 3

    @Test func goneForAWhileIsRefusedPolitelyAndComesBackByItself() async throws {
        guard let postgres = try StoppableServer.make() else { return }
        defer { postgres.remove() }
        try postgres.start()
        try await withFolder { folder in
            let environment = ["BUSBAR_DATABASE": postgres.url]
            let data = ["--data", folder + "/data"]
            try await Installation.make(data, folder: folder, environment: environment)
            let server = try await Program.serve(data, environment: environment)
            let token = try await server.token()
            var acknowledged = 0
            for number in 1...3 {
                acknowledged += await server.setLimit(20_000 + number, token: token).status == 200 ? 1 : 0
            }
            #expect(acknowledged == 3)
            let threads = server.threads()

            try postgres.stop()
            let start = ContinuousClock.now
            let refused = await withTaskGroup(of: Reply.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        number % 2 == 0
                            ? await server.setLimit(30_000 + number, token: token)
                            : await server.ask("GET", "/ready")
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(refused.allSatisfy { $0.status == 503 && $0.head.contains("Retry-After: ") }, "\(refused)")
            #expect(ContinuousClock.now - start < .seconds(10), "callers wait for a server that is not there")
            #expect(!refused.contains { $0.body.contains(postgres.folder) }, "it says where the database is")
            while ContinuousClock.now - start < .seconds(Self.goneS) {
                let (write, health) = (
                    await server.setLimit(31_000, token: token), await server.ask("GET", "/health")
                )
                #expect(write.status == 503 && write.head.contains("Retry-After: "), "\(write)")
                #expect(health.status == 200, "the process itself is well")
                try await Task.sleep(for: .milliseconds(300))
            }
            #expect(server.threads() <= threads + 4, "threads pile up: \(threads), now \(server.threads())")

            let runs = try await {
                try postgres.start()
                return try await finishedRuns(postgres.url)
            }()
            try await until("it is ready again", withinS: 20) { await server.ask("GET", "/ready").status == 200 }
            try await until("it writes again", withinS: 20) {
                await server.setLimit(55_555, token: token).status == 200
            }
            // The workers of the jobs are alive too: what is ordered now gets done.
            let ordered = await server.ask("POST", "/api/v1/jobs/validate/run", token: token)
            #expect((200...202).contains(ordered.status), "\(ordered)")
            try await until("jobs run again", withinS: 30) { try await finishedRuns(postgres.url) > runs }
            for number in 20_001...20_003 {
                #expect(try await changes(postgres.url, "\(number)") == 1, "an answered write is there once")
            }
            #expect(try await changes(postgres.url, "55555") == 1)
            for number in [30_000, 30_002, 30_038, 31_000] {
                #expect(try await changes(postgres.url, "\(number)") == 0, "a refused write is not there")
            }
            #expect(try await server.stop().code == 0)
        }
    }

    @Test func aBackendKilledInTheMiddleOfWritesLosesAndDoublesNothing() async throws {
        guard let postgres = try StoppableServer.make() else { return }
        defer { postgres.remove() }
        try postgres.start()
        try await withFolder { folder in
            let environment = ["BUSBAR_DATABASE": postgres.url]
            let data = ["--data", folder + "/data"]
            try await Installation.make(data, folder: folder, environment: environment)
            let server = try await Program.serve(data, environment: environment)
            let token = try await server.token()
            let outcomes = try await withThrowingTaskGroup(of: [(Int, Int)].self) { group in
                for worker in 0..<3 {
                    group.addTask {
                        var outcomes: [(Int, Int)] = []
                        for number in 0..<30 {
                            let value = 100_000 + worker * 1_000 + number
                            outcomes.append((value, await server.setLimit(value, token: token).status))
                        }
                        return outcomes
                    }
                }
                group.addTask {
                    // SIGKILL to one of its backends: the server ends all sessions and recovers.
                    for _ in 0..<2 {
                        try await until("a session is open", withinS: 20) {
                            (try? await Self.backend(postgres.url)) != nil
                        }
                        if let pid = try? await Self.backend(postgres.url) { kill(pid_t(pid), SIGKILL) }
                        try await until("it is back", withinS: 20) { await server.ask("GET", "/ready").status == 200 }
                    }
                    return []
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(outcomes.contains { $0.1 == 200 })
            #expect(outcomes.allSatisfy { [200, 503].contains($0.1) }, "\(Set(outcomes.map(\.1)))")
            for (value, status) in outcomes {
                let count = try await changes(postgres.url, "\(value)")
                #expect(status == 200 ? count == 1 : count <= 1, "\(value): answered \(status), stored \(count) times")
            }
            #expect(try await server.stop().code == 0)
        }
    }

    private func with<Value: Sendable>(
        _ url: String, _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value { try await Self.with(url, body) }

    private static func with<Value: Sendable>(
        _ url: String, _ body: @escaping @Sendable (any SQLTransaction) throws -> Value
    ) async throws -> Value {
        let database = try await PostgresDatabase.open(url: url, connections: 1)
        do {
            let value = try await database.read(body)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }

    /// A session of the program.
    private static func backend(_ url: String) async throws -> Int64? {
        try await with(url) { transaction in
            try transaction.first(
                """
                SELECT CAST(MAX(pid) AS BIGINT) FROM pg_stat_activity
                WHERE application_name = 'busbar' AND pid <> pg_backend_pid()
                """, []
            ) { try $0.optionalInt(0) } ?? nil
        }
    }

    /// How many audit rows hold the text.
    private func changes(_ url: String, _ text: String) async throws -> Int {
        try await with(url) { transaction in
            try transaction.query("SELECT content FROM audit", []) { try $0.text(0) }
                .count { $0.contains("\(text)") }
        }
    }

    private func finishedRuns(_ url: String) async throws -> Int64 {
        try await with(url) { transaction in
            try transaction.first("SELECT COUNT(*) FROM job_run WHERE kind = 'validate' AND state = 'done'", []) {
                try $0.int(0)
            } ?? 0
        }
    }

    /// SIGTERM to the process of a session is what `pg_terminate_backend` does; SIGKILL takes the whole server through
    /// its recovery.
    @Test(arguments: [SIGTERM, SIGKILL], [false, true])
    func aSessionKilledInMidTransactionIsRunAgainOnce(_ signal: Int32, _ isBeforeCommit: Bool) async throws {
        guard let postgres = try StoppableServer.make() else { return }
        defer { postgres.remove() }
        try postgres.start()
        let database = try await PostgresDatabase.open(url: postgres.url, connections: 2)
        try await database.write { _ = try $0.run("CREATE TABLE paid (amount BIGINT NOT NULL)", []) }
        let tries = Tries()
        func pay() async throws {
            try await database.write { transaction in
                try transaction.run("INSERT INTO paid (amount) VALUES (7)", [])
                let pid = try transaction.first("SELECT CAST(pg_backend_pid() AS BIGINT)", []) { try $0.int(0) } ?? 0
                let isFirst = tries.add() == 1
                if isFirst {
                    kill(pid_t(pid), signal)
                    // Until it is gone.
                    for _ in 0..<500 where kill(pid_t(pid), 0) == 0 { usleep(10_000) }
                }
                if !isBeforeCommit { _ = try transaction.run("INSERT INTO paid (amount) VALUES (8)", []) }
            }
        }
        // Done again by the pool where it can be, or refused as a lost connection: then the caller does it again.
        try await until("it is paid", withinS: 30) {
            do {
                try await pay()
                return true
            } catch let error as SQLError {
                #expect(error.code == .connection, "\(error)")
                return false
            }
        }
        #expect(tries.count > 1, "nothing was killed")
        let paid = try await database.read {
            try $0.query("SELECT amount FROM paid ORDER BY amount", []) { try $0.int(0) }
        }
        #expect(paid == (isBeforeCommit ? [7] : [7, 8]))
        await database.close()
    }
}
