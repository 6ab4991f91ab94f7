// A whole site under watch: what requests and jobs leave in log, figures and spans, and what they must not.
import API
import Access
import Clocks
import Composition
import CoreMetrics
import Foundation
import InMemoryTracing
import Journal
import Logging
import SQL
import Synchronization
import TestRetailer
import TestSupport
import Testing
import Tracing

@testable import Watch

/// Two companies behind a dispatcher that logs JSON lines, with a measured database.
private struct WatchedSite: Sendable {
    static let password = "seven green tigers"
    let site: Site
    let services: Services
    let dispatcher: Dispatcher
    let written: Written

    static func with(
        _ engine: TestEngine = .sqlite, orgs: Int64 = 1, _ body: @Sendable (WatchedSite) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clocks = Clocks.manual(ManualClock(startMs: 1_770_696_000_000))
            let site = Site(
                money: MeasuredDatabase(stores.money, StoreMeter(store: "money")),
                readings: MeasuredReadings(stores.readings, StoreMeter(store: "readings")), clocks: clocks,
                ids: IDGenerator(processNumber: 1, clocks: clocks))
            _ = try await TestRetailer.make(site)
            let written = Written()
            let log = written.logger(level: .debug)
            let services = Services(
                site: site, settings: BusbarSettings.registry,
                log: { line in log.log(level: line.level, "request", metadata: line.metadata) })
            for (name, role) in [("admin", Role.administrator), ("ops", .operator)] {
                let login = NewLogin(username: name, name: "Asha \(name)", role: role)
                let command = try await AddLogin(login, password: password, hasher: services.passwords)
                _ = try await site.perform(command, as: .system(orgID: 1), source: "test")
            }
            try await body(
                WatchedSite(site: site, services: services, dispatcher: Dispatcher(services), written: written))
        }
    }

    func send(
        _ method: String, _ path: String, _ query: String = "", token: String? = nil, body: String = "",
        more: [(String, String)] = []
    ) async -> Answer {
        var headers = Headers()
        headers.add("Content-Type", "application/json")
        if let token { headers.add("Authorization", "Bearer \(token)") }
        for (name, value) in more { headers.add(name, value) }
        return await dispatcher.answer(
            Call(
                method: method, path: path, query: query, headers: headers, body: Array(body.utf8),
                remoteAddress: "203.0.113.7", requestID: "r-\(path.utf8.count)"))
    }

    func signIn(_ name: String) async throws -> String {
        let answer = await send(
            "POST", "/api/v1/session",
            body: "{\"username\":\"\(name)\",\"password\":\"\(Self.password)\",\"use\":\"bearer\"}")
        let json = try JSONValue(parsing: answer.body)
        return try #require(json["token"]?.text, "\(answer.status)")
    }
}

@Suite struct WatchedSiteTests {
    static let planted = ["seven green tigers", "9876543210", "Asha", "203.0.113.7", "wrong horse", "planted"]

    /// What comes round is put before the rest by an early due time until it has run once: a new company is not late.
    @Test(arguments: [nil, Int64(1_770_000_000_000)]) func whatNeverRanIsNotLate(endedAtMs: Int64?) async throws {
        try await WatchedSite.with { watched in
            try await watched.site.money.write { transaction in
                try transaction.run(
                    """
                    INSERT INTO job (org_id, job_id, kind, job_key, place, state, run_at_ms, not_before_ms,
                      lease_until_ms, attempt, done_count, ended_at_ms)
                    VALUES (1, 1, 'collect', 'every', 1, 'waiting', 1765000000000, 0, 0, 0, 0, $1)
                    """, [.optional(endedAtMs)])
            }
            let answer = await watched.send("GET", "/api/v1/status", token: try await watched.signIn("ops"))
            let rows = try #require(try JSONValue(parsing: answer.body)["rows"]?.items)
            let late = try #require(rows.first { $0["check"]?.text == "jobs-late" })
            #expect((late["state"]?.text == "good") == (endedAtMs == nil), "\(late)")
        }
    }

    /// Wherever a caller can put a secret or a phone number, no line and no figure repeats it.
    @Test func whatCallersSendIsInNoLineAndNoFigure() async throws {
        let registry = MetricRegistry()
        try await withMetricsFactory(registry) {
            try await WatchedSite.with { watched in
                let token = try await watched.signIn("admin")
                for (method, path, query, body) in [
                    ("GET", "/api/v1/accounts", "q=9876543210", ""), ("GET", "/planted/9876543210", "", ""),
                    ("GET", "/api/v1/accounts/9876543210", "", ""), ("PLANTED-planted", "/api/v1/line", "", ""),
                    ("POST", "/api/v1/session", "", #"{"username":"Asha","password":"wrong horse","use":"bearer"}"#),
                    ("POST", "/api/v1/session", "", "{\"planted 9876543210"),
                    ("POST", "/api/v1/logins", "", #"{"username":"planted","name":"Asha 9876543210"}"#),
                    ("GET", "/api/v1/status", "planted=9876543210", ""),
                ] {
                    _ = await watched.send(
                        method, path, query, token: token, body: body,
                        more: [
                            ("X-Planted", "planted"), ("Cookie", "busbar_session=planted"),
                            ("traceparent", "00-planted-planted-01"), ("Referer", "/?q=9876543210"),
                        ])
                }
                _ = await watched.send("GET", "/api/v1/line", token: "planted")
                try await watched.services.board.sample(1)
                await watched.services.board.sampleSite()
                #expect(watched.written.all.count == 10)
                let text = watched.written.all.joined() + registry.prometheusText()
                for word in Self.planted + [token] { #expect(!text.contains(word), "\(word) is in\n\(text)") }
                for line in watched.written.all {
                    let json = try JSONValue(parsing: Array(line.utf8))
                    #expect(json["request"] != nil && json["route"] != nil && json["status"] != nil, "\(line)")
                }
            }
        }
        #expect(PrometheusText.faults(registry.prometheusText()) == [])
    }

    @Test(arguments: TestEngine.available)
    func requestsTransactionsAndSamplesBecomeFigures(engine: TestEngine) async throws {
        let registry = MetricRegistry()
        try await withMetricsFactory(registry) {
            try await WatchedSite.with(engine) { watched in
                let token = try await watched.signIn("ops")
                let line = await watched.send("GET", "/api/v1/line", token: token)
                #expect(line.status == 200)
                _ = await watched.send("GET", "/nothing/here")
                try await watched.services.board.sample(1)
                await watched.services.board.sampleSite()
                await #expect(throws: Refusal.self) {
                    try await watched.site.money.write { _ in throw Refusal(.invalid, "no") }
                }
                await #expect(throws: SQLError.self) {
                    try await watched.site.money.read { _ = try $0.run("SELECT FROM nothing") }
                }
            }
        }
        let text = registry.prometheusText()
        for line in [
            #"busbar_http_requests_total{route="/api/v1/line",method="GET",status="2xx"} 1"#,
            #"busbar_http_requests_total{route="-",method="GET",status="4xx"} 1"#,
            #"busbar_http_request_duration_seconds_count{route="/api/v1/line",method="GET"} 1"#,
            #"busbar_database_transactions_total{store="money",mode="write",outcome="refused"} 1"#,
            #"busbar_database_transactions_total{store="money",mode="read",outcome="failed"} 1"#,
            #"busbar_trial_balance_sum_paise{company="1"} 0"#, #"busbar_trial_balance_mismatches{company="1"} 0"#,
            #"busbar_sessions{company="1"} 1"#, #"busbar_database_info{engine="\#(engine.rawValue)"} 1"#,
            #"busbar_backup_age_seconds -1"#, #"busbar_outbox_given_up{company="1"} 0"#,
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line) is not in\n\(text)")
        }
        #expect(text.contains("busbar_line{company=\"1\",station=\"expected\"} "))
        #expect(PrometheusText.faults(text) == [])
        try Promtool.check(text)
    }

    /// Request → command → transaction, one tree; the caller's trace goes on where the tracer reads its header.
    @Test func spansMakeOneTree() async throws {
        let tracer = InMemoryTracer()
        try await withTracer(tracer) {
            try await WatchedSite.with { watched in
                let token = try await watched.signIn("admin")
                tracer.clearFinishedSpans()
                let answer = await watched.send(
                    "PUT", "/api/v1/settings/edits.approve-above-wh", token: token, body: #"{"value":"9000"}"#,
                    more: [("in-memory-trace-id", "from-outside"), ("in-memory-span-id", "parent")])
                #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
                let spans = tracer.finishedSpans
                let request = try #require(spans.first { $0.operationName == "http" })
                let command = try #require(spans.first { $0.operationName.hasPrefix("command ") })
                #expect(request.traceID == "from-outside" && request.parentSpanID == "parent")
                #expect(command.parentSpanID == request.spanID && command.traceID == "from-outside")
                #expect(
                    spans.contains { $0.operationName == "sql.write" && $0.parentSpanID == command.spanID })
                #expect(spans.contains { $0.operationName == "sql.read" && $0.parentSpanID == request.spanID })
                for span in spans { #expect(span.errors.isEmpty && span.traceID == "from-outside") }
            }
        }
    }

    @Test func readinessSaysWhyNot() async throws {
        try await WatchedSite.with { watched in
            let readiness = watched.services.readiness
            func reason() async throws -> String? {
                let answer = await watched.send("GET", "/ready")
                guard answer.status != 200 else { return nil }
                #expect(answer.status == 503 && answer.headers["Content-Type"] == "application/problem+json")
                return try JSONValue(parsing: answer.body)["at"]?.text
            }
            func expect(_ wanted: String?) async throws {
                let found = try await reason()
                #expect(found == wanted)
            }
            try await expect(nil)
            readiness.leased(untilMs: 1)
            try await expect("lease")
            readiness.leased(untilMs: .max)
            readiness.watchMigrations { 2 }
            try await expect("migrations")
            readiness.watchMigrations { throw SQLError(.other, "newer") }
            try await expect("migrations")
            readiness.watchMigrations { throw SQLError(.connection, "gone") }
            try await expect("database")
            readiness.watchMigrations {
                try await Task.sleep(for: .seconds(60))
                return 0
            }
            try await expect("database")
            readiness.watchMigrations { 0 }
            readiness.stop()
            try await expect("stopping")
            let health = await watched.send("GET", "/health")
            #expect(health.status == 200)
        }
    }

    /// An entry whose legs do not make up for each other turns the status red, also where another hides it in the sum.
    @Test func entriesOffBalanceAreBad() async throws {
        try await WatchedSite.with { watched in
            try await watched.site.money.write { transaction in
                for (entryID, wrong) in [(Int64(1), Int64(501)), (2, 499)] {
                    _ = try Journal.post(
                        key: "k\(entryID)", kind: "test", legs: [Leg(4, 500, .clearing), Leg(99, -500, .recharge)],
                        businessAtMs: 1, entryID: entryID, Scope(orgID: 1), in: transaction)
                    try transaction.run(
                        "UPDATE posting SET amount_paise = $1 WHERE entry_id = $2 AND journal_account_id = 4",
                        [.int(wrong), .int(entryID)])
                }
            }
            let token = try await watched.signIn("admin")
            let status = try JSONValue(parsing: await watched.send("GET", "/api/v1/status", token: token).body)
            let rows = try #require(status["rows"]?.items)
            let states = rows.filter { $0["section"]?.text == "books" }.map { $0["state"]?.text }
            #expect(states == ["good", "bad", "good"])
            #expect(status["state"]?.text == "bad")
            let trial = try JSONValue(parsing: await watched.send("GET", "/api/v1/trial-balance", token: token).body)
            #expect(trial["sumPaise"]?.integer == 0 && trial["unbalancedEntries"]?.integer == 2)
        }
    }

    /// Operators do not see what belongs to the installation; a sample is shared, not taken anew.
    @Test func statusTellsByPermissionFromSamples() async throws {
        try await WatchedSite.with { watched in
            func checks(_ name: String) async throws -> Set<String> {
                let token = try await watched.signIn(name)
                let answer = await watched.send("GET", "/api/v1/status", token: token)
                try #require(answer.status == 200)
                let rows = try #require(try JSONValue(parsing: answer.body)["rows"]?.items)
                return Set(rows.compactMap { $0["check"]?.text })
            }
            let admin = try await checks("admin")
            let ops = try await checks("ops")
            #expect(admin.isSuperset(of: ["read", "people", "books-sum", "outbox-age", "backup", "certificate"]))
            #expect(ops.contains("outbox-age") && ops.isDisjoint(with: ["books-sum", "backup", "disk"]))
            // That wallets are credited without money is told to both, where it is so.
            #expect(!admin.contains("test-payments"))
            watched.services.board.facts.testPayments = { orgID in orgID == 1 }
            for name in ["admin", "ops"] {
                let token = try await watched.signIn(name)
                let status = try JSONValue(
                    parsing: await watched.send("GET", "/api/v1/status", token: token).body)
                let row = status["rows"]?.items?.first { $0["check"]?.text == "test-payments" }
                #expect(row?["state"]?.text == "bad" && status["state"]?.text == "bad", "\(name)")
            }
            // A wrong book is found when the book is added up again, and is bad.
            var figures = try await watched.services.board.company(1)
            #expect(figures.books.sumPaise == 0)
            let taken = figures.takenAtMs
            figures = try await watched.services.board.company(1)
            #expect(figures.takenAtMs == taken)
        }
    }
}

/// `promtool`, where the machine has it.
enum Promtool {
    static func check(_ text: String) throws {
        guard let status = try run(["check", "metrics"], input: text) else { return }
        #expect(status == 0, "promtool check metrics ends with \(status)")
    }

    /// Nil, with a line that says so, without promtool.
    static func run(_ arguments: [String], input: String = "") throws -> Int32? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["promtool"] + arguments
        let pipe = Pipe()
        process.standardInput = pipe
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        // Where it is not installed nobody reads, and the pipe breaks: the exit code says so.
        try? pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try pipe.fileHandleForWriting.close()
        process.waitUntilExit()
        guard process.terminationStatus != 127 else {
            FileHandle.standardError.write(
                Data("skipped: promtool is not installed (Debian package prometheus)\n".utf8))
            return nil
        }
        return process.terminationStatus
    }
}

@Suite struct RuleFileTests {
    @Test(arguments: [["check", "rules", "busbar.rules.yml"], ["test", "rules", "busbar.rules.test.yml"]])
    func alertRulesAreSound(arguments: [String]) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().resolvingSymlinksInPath().appendingPathComponent("ops/prometheus").path
        let status = try Promtool.run(arguments.map { $0.hasSuffix(".yml") ? "\(folder)/\($0)" : $0 })
        #expect(status == nil || status == 0)
    }
}
