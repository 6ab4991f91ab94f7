// Every page × every role × own and other company: a page without a row here fails the test. And names that are
// markup, planted everywhere, stay text on every page.
import API
import Access
import CivilTime
import Clocks
import MeterData
import Packs
import SQL
import Tariffs
import TestRetailer
import TestSupport
import Testing

@testable import Web

private struct Row: Sendable {
    /// Nil: anybody.
    var roles: Set<Role>?
    /// For a page about one thing: the id of the own company's and of the other's.
    var ids: (@Sendable (WebSite) async throws -> (own: String, other: String))?
}

private let staff: Set<Role> = [.operator, .administrator]
private let everybody: Set<Role> = [.consumer, .operator, .administrator]
private let account: @Sendable (WebSite) async throws -> (own: String, other: String) = {
    ("\($0.one.account)", "\($0.two.account)")
}
private let meter: @Sendable (WebSite) async throws -> (own: String, other: String) = {
    ("\($0.one.meter)", "\($0.two.meter)")
}
private func loginID(_ username: String, _ web: WebSite) async throws -> Int64 {
    let found = try await web.site.money.read {
        try $0.first("SELECT login_id FROM login WHERE username = $1", [.text(username)]) { try $0.int(0) }
    }
    return try #require(found)
}
private let login: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    ("\(try await loginID("ops", web))", "\(try await loginID("other-admin", web))")
}
private let session: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    let other = try await web.site.money.read {
        try $0.first("SELECT session_id FROM session WHERE org_id = 2 LIMIT 1", []) { try $0.int(0) }
    }
    return ("1", "\(try #require(other))")
}

private let order: @Sendable (WebSite) async throws -> (own: String, other: String) = { _ in ("5001", "5002") }
private let poll: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        try transaction.run(
            """
            INSERT INTO liveness_poll (org_id, poll_id, poll_key, title, why, login_id, asked_at_ms, meters)
            VALUES (2, 9102, 'k', 'asked-of-2', '', 0, 0, 1) ON CONFLICT DO NOTHING
            """)
        try transaction.run(
            """
            INSERT INTO liveness (org_id, poll_id, meter_id, state) VALUES (2, 9102, $1, 'waiting')
            ON CONFLICT DO NOTHING
            """, [.int(web.two.meter)])
    }
    return ("1", "9102")
}
/// An outage and a case of tampering in each company, of the same number.
private let outage: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for (org, meter) in [(Int64(1), web.one.meter), (2, web.two.meter)] {
            let placeID = try transaction.first(
                "SELECT MIN(place_id) FROM place WHERE org_id = $1", [.int(org)]
            ) { try $0.int(0) }
            try transaction.run(
                """
                INSERT INTO outage (org_id, outage_id, version, place_id, is_node, start_ms, members, silent,
                  of_meters, is_withdrawn, made_at_ms) VALUES ($1, $2, 1, $3, 0, 5, 1, 0, 1, 0, 5)
                ON CONFLICT DO NOTHING
                """, [.int(org), .int(9500 + org), .int(placeID ?? 0)])
            try transaction.run(
                """
                INSERT INTO tamper_case (org_id, case_id, meter_id, kind, state, first_at_ms, last_at_ms, is_over,
                  times, lasted_ms, is_valid, reasons, looked_at_ms)
                VALUES ($1, $2, $3, 'magnet', 'valid', 5, 5, 1, 1, 1, 1, '', 5) ON CONFLICT DO NOTHING
                """, [.int(org), .int(9500 + org), .int(meter)])
        }
    }
    return ("9501", "9502")
}
/// Orders to groups of meters, one in each company.
private let groupOrder: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            try transaction.run(
                """
                INSERT INTO meter_order (org_id, order_id, matter, desired, reason, meter_group, state, login_id,
                  created_at_ms, expires_at_ms, wave_size, pause_ms, next_wave_ms)
                VALUES ($1, $2, 'load-limit', '3000', 'a test', 'meters', 'awaiting', 999, 0, $3, 5, 0, 0)
                ON CONFLICT DO NOTHING
                """, [.int(org), .int(6000 + org), .int(4_102_444_800_000)])
        }
    }
    return ("6001", "6002")
}
private let plannedOutage: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            let placeID = try transaction.first(
                "SELECT MIN(place_id) FROM place WHERE org_id = $1", [.int(org)]
            ) { try $0.int(0) }
            try transaction.run(
                """
                INSERT INTO planned_outage (org_id, planned_id, place_id, from_ms, to_ms, why, login_id, made_at_ms)
                VALUES ($1, $2, $3, 5, 6, 'a test', 999, 0) ON CONFLICT DO NOTHING
                """, [.int(org), .int(9600 + org), .int(placeID ?? 0)])
        }
    }
    return ("9601", "9602")
}
private let readingImport: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            _ = try ImportRun.begin(
                file: "file-of-\(org)", fileSHA256: [UInt8(org)], rowCount: 1, valueCount: 1,
                refusals: [ImportRefusal(row: 1, what: "text-of-\(org)", hint: "")], newID: 9700 + org, nowMs: 0,
                orgID: org, in: transaction)
        }
    }
    return ("9701", "9702")
}
/// Orders at the test gateway, one in each company.
private let paymentOrder: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            try Setting.set("payments.portal", "test", from: CivilDay(number: 0), Scope(orgID: org), in: transaction)
            try transaction.run(
                """
                INSERT INTO payment_order (org_id, order_id, account_id, gateway, gateway_order_id, amount_paise,
                  currency, state, created_at_ms, changed_at_ms, look_at_ms)
                VALUES ($1, $2, $3, 'test', $4, 20000, 'INR', 'created', 0, 0, 0) ON CONFLICT DO NOTHING
                """, [.int(org), .int(9_800 + org), .int(70 + org), .text("order_test_\(9_800 + org)")])
        }
    }
    return ("9801", "9802")
}
/// Edits that wait for a second person, one in each company.
private let edit: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            try transaction.run(
                """
                INSERT INTO reading_edit (org_id, edit_id, request_key, request_hash, meter_id, channel, tool, detail,
                  reason_code, reason, state, needs_approval, changed, net, first_day, last_day, login_id, made_at_ms,
                  note)
                VALUES ($1, $2, $3, $4, $5, 1, 'zero', '', 'other', 'a test', 'proposed', 1, 0, 0, 20450, 20450, 999,
                  0, '') ON CONFLICT DO NOTHING
                """,
                [.int(org), .int(7000 + org), .text("k\(org)"), .bytes([0]), .int(1070 + org)])
        }
    }
    return ("7001", "7002")
}
/// Requests for a second person, one in each company.
private let request: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            try transaction.run(
                """
                INSERT INTO change_request (org_id, request_id, command, payload, content, content_hash, subject_id,
                  changes, login_id, source, why, made_at_ms, lapses_at_ms, state, note)
                VALUES ($1, $2, 'payments.adjust', '{}', $3, $4, 1, '[]', 999, 'test', 'a test', 0, $5, 'pending', '')
                ON CONFLICT DO NOTHING
                """,
                [.int(org), .int(8000 + org), .text("request-of-\(org)"), .bytes([0]), .int(4_102_444_800_000)])
        }
    }
    return ("8001", "8002")
}
private let apiKey: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    let other = try await web.site.money.read {
        try $0.first("SELECT key_id FROM api_key WHERE org_id = 2 LIMIT 1", []) { try $0.int(0) }
    }
    return ("1", "\(try #require(other))")
}

/// Drafts that wait for a second person, and what-ifs that are done, one in each company.
private let packDraft: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            try transaction.run(
                """
                INSERT INTO pack_draft (org_id, draft_id, pack_id, version, name, from_day, tariff, state, revision,
                  author_id, writers, note, made_at_ms, changed_at_ms)
                VALUES ($1, $2, 'P', 1, 'P', 20600, $3, 'submitted', 1, 999, '999', '', 0, 0) ON CONFLICT DO NOTHING
                """,
                [
                    .int(org), .int(7400 + org),
                    .text(
                        "format: 1\nid: P\nversion: 1\nname: text-of-\(org)\nvalidFrom: 2026-05-01\ncomponents:\n"
                            + "  - {id: energy, kind: energy, perKWh: 6}\n"),
                ])
        }
    }
    return ("7401", "7402")
}
private let whatIf: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            try transaction.run(
                """
                INSERT INTO what_if (org_id, what_if_id, asked, tariff, asked_by, asked_at_ms, reach_count,
                  account_count, ended_at_ms) VALUES ($1, $2, $3, 'text', 999, 0, 0, 0, 0) ON CONFLICT DO NOTHING
                """,
                [
                    .int(org), .int(7500 + org),
                    .text(
                        #"{"against":"present","from":"2026-01","sample":1,"subject":"of-\#(org)","to":"2026-01"}"#),
                ])
        }
    }
    return ("7501", "7502")
}
private let pack: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        var pack = TestRetailer.pack
        pack.id = "ONLY-TWO"
        try Packs.store(pack, from: web.two.first, web.two.scope, in: transaction)
    }
    return ("DOM-TOU", "ONLY-TWO")
}

/// A run that somebody asked for, one in each company.
private let ratingRun: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for org in Int64(1)...2 {
            try transaction.run(
                """
                INSERT INTO rating_run (org_id, run_id, is_trial, reason, asked_by, asked_at_ms, state, done_count,
                  place_month, place_meter) VALUES ($1, $2, 1, '', 0, 5, 'done', 0, 0, 0) ON CONFLICT DO NOTHING
                """, [.int(org), .int(9800 + org)])
        }
    }
    return ("9801", "9802")
}

private let rows: [String: Row] = [
    "GET /": Row(), "GET /sign-in": Row(), "POST /sign-in": Row(), "GET /language/{code}": Row(),
    "GET /assets/{name}": Row(), "POST /sign-out": Row(roles: everybody),
    "GET /line": Row(roles: staff), "GET /exceptions": Row(roles: staff),
    "GET /exceptions/readings": Row(roles: staff), "POST /exceptions/readings": Row(roles: staff),
    "GET /meters": Row(roles: staff),
    "GET /meters/{id}": Row(roles: staff, ids: meter), "POST /meters/{id}/read": Row(roles: staff, ids: meter),
    "GET /meters/{id}/disconnect": Row(roles: staff, ids: meter),
    "POST /meters/{id}/disconnect": Row(roles: staff, ids: meter),
    "GET /meters/{id}/reconnect": Row(roles: staff, ids: meter),
    "POST /meters/{id}/reconnect": Row(roles: staff, ids: meter),
    "GET /events": Row(roles: staff), "GET /events/aside": Row(roles: staff),
    "GET /outages": Row(roles: staff), "GET /outages/{id}": Row(roles: staff, ids: outage),
    "GET /reliability": Row(roles: staff), "GET /reliability.csv": Row(roles: staff),
    "POST /planned-outages": Row(roles: staff),
    "POST /planned-outages/{id}/call-off": Row(roles: staff, ids: plannedOutage),
    "GET /imports": Row(roles: staff), "POST /imports": Row(roles: staff),
    "GET /imports/{id}": Row(roles: staff, ids: readingImport),
    "GET /imports/{id}/refused.csv": Row(roles: staff, ids: readingImport),
    "GET /validation-rules": Row(roles: [.administrator]), "POST /validation-rules": Row(roles: [.administrator]),
    "GET /estimation-plans": Row(roles: [.administrator]), "POST /estimation-plans": Row(roles: [.administrator]),
    "GET /supply": Row(roles: staff), "GET /supply.csv": Row(roles: staff), "POST /supply/hold": Row(roles: staff),
    "POST /supply/release": Row(roles: [.administrator]),
    "GET /tamper": Row(roles: staff), "POST /tamper/{id}/close": Row(roles: staff, ids: outage),
    "POST /meters/{id}/keys/rotate": Row(roles: [.administrator], ids: meter),
    "POST /meters/{id}/keys/recover": Row(roles: [.administrator], ids: meter),
    "GET /meters/{id}/history": Row(roles: staff, ids: meter),
    "GET /accounts": Row(roles: staff), "GET /accounts/{id}": Row(roles: everybody, ids: account),
    "POST /accounts/{id}/recharges": Row(roles: everybody, ids: account),
    "POST /accounts/{id}/emergency-credits": Row(roles: everybody, ids: account),
    "GET /accounts/{id}/statement": Row(roles: everybody, ids: account),
    "GET /accounts/{id}/days/{day}": Row(roles: everybody, ids: account),
    "GET /accounts/{id}/history": Row(roles: staff, ids: account),
    "GET /accounts/{id}/statements/{month}": Row(roles: everybody, ids: account),
    "GET /accounts/{id}/arrears": Row(roles: everybody, ids: account),
    "POST /accounts/{id}/arrears": Row(roles: [.administrator], ids: account),
    "GET /checkout/{id}": Row(roles: everybody, ids: paymentOrder),
    "POST /checkout/{id}": Row(roles: everybody, ids: paymentOrder),
    "GET /money": Row(roles: [.administrator]), "GET /money.csv": Row(roles: [.administrator]),
    "GET /accounts/{id}/subscriptions": Row(roles: everybody, ids: account),
    "POST /accounts/{id}/subscriptions": Row(roles: everybody, ids: account),
    "GET /subscriptions": Row(roles: staff),
    "GET /me": Row(roles: everybody), "POST /me/password": Row(roles: everybody),
    "POST /me/sessions/end": Row(roles: everybody), "POST /me/sessions/{id}/end": Row(roles: everybody, ids: session),
    "POST /sign-in/second-step": Row(), "POST /me/second-step/begin": Row(roles: everybody),
    "POST /me/second-step/confirm": Row(roles: everybody), "POST /me/second-step/remove": Row(roles: everybody),
    "POST /people/{id}/second-step/reset": Row(roles: [.administrator], ids: login),
    "GET /people": Row(roles: [.administrator]), "POST /people": Row(roles: [.administrator]),
    "GET /people/{id}": Row(roles: [.administrator], ids: login),
    "POST /people/{id}/change": Row(roles: [.administrator], ids: login),
    "POST /people/{id}/password": Row(roles: [.administrator], ids: login),
    "POST /people/{id}/disable": Row(roles: [.administrator], ids: login),
    "POST /people/{id}/enable": Row(roles: [.administrator], ids: login),
    "POST /people/{id}/sessions/end": Row(roles: [.administrator], ids: login),
    "GET /people/{id}/history": Row(roles: [.administrator], ids: login),
    "GET /audit": Row(roles: [.administrator]), "GET /audit.csv": Row(roles: [.administrator]),
    "GET /settings/{name}/history": Row(roles: [.administrator]),
    "GET /status": Row(roles: staff), "GET /jobs": Row(roles: staff), "GET /jobs/{kind}": Row(roles: staff),
    "POST /jobs-catch-up": Row(roles: [.administrator]), "POST /jobs/{kind}/{action}": Row(roles: [.administrator]),
    "GET /runs": Row(roles: staff), "POST /runs": Row(roles: [.administrator]),
    "POST /runs/retry": Row(roles: [.administrator]), "GET /runs/{id}": Row(roles: staff, ids: ratingRun),
    "GET /runs/{id}/changes.csv": Row(roles: staff, ids: ratingRun),
    "POST /runs/{id}/{action}": Row(roles: [.administrator], ids: ratingRun),
    "GET /accounts/{id}/corrections": Row(roles: everybody, ids: account),
    "GET /accounts/{id}/corrections/{correction}": Row(roles: everybody, ids: account),
    "GET /exceptions/{kind}/{id}": Row(roles: staff, ids: order),
    "POST /exceptions/{kind}/{id}/{action}": Row(roles: staff, ids: order),
    "GET /collection": Row(roles: staff), "POST /collection/run": Row(roles: staff),
    "POST /collection/alive": Row(roles: staff), "GET /collection/alive/{id}": Row(roles: staff, ids: poll),
    "GET /meters/{id}/reads/{batch}": Row(roles: staff, ids: meter),
    "GET /commands": Row(roles: staff), "POST /commands": Row(roles: staff),
    "GET /commands/{id}": Row(roles: staff, ids: groupOrder),
    "POST /commands/{id}/{action}": Row(roles: staff, ids: groupOrder),
    "GET /commands/meters/{id}": Row(roles: staff, ids: meter),
    "GET /meters/{id}/edit": Row(roles: staff, ids: meter), "POST /meters/{id}/edit": Row(roles: staff, ids: meter),
    "GET /edits": Row(roles: staff), "GET /edits/{id}": Row(roles: staff, ids: edit),
    "POST /edits/{id}/approve": Row(roles: [.administrator], ids: edit),
    "POST /edits/{id}/reject": Row(roles: staff, ids: edit), "POST /edits/{id}/undo": Row(roles: staff, ids: edit),
    "GET /approvals": Row(roles: staff), "POST /approvals/{id}/withdraw": Row(roles: staff, ids: request),
    "POST /approvals/{id}/confirm": Row(roles: [.administrator], ids: request),
    "POST /approvals/{id}/reject": Row(roles: [.administrator], ids: request),
    "GET /estimates": Row(roles: staff),
    "GET /reports": Row(roles: staff), "GET /reports/{name}": Row(roles: staff),
    "GET /aggregation": Row(roles: staff),
    "GET /packs": Row(roles: staff), "GET /packs/{id}": Row(roles: staff, ids: pack),
    "GET /calendars": Row(roles: staff), "GET /calendars/{id}": Row(roles: staff, ids: calendarOfEach),
    "GET /packs/drafts": Row(roles: staff), "POST /packs/drafts": Row(roles: staff),
    "GET /packs/drafts/{id}": Row(roles: staff, ids: packDraft),
    "POST /packs/drafts/{id}": Row(roles: staff, ids: packDraft),
    "POST /what-ifs": Row(roles: staff), "GET /what-ifs/{id}": Row(roles: staff, ids: whatIf),
    "GET /accounts/{id}/comparison": Row(roles: everybody, ids: account),
    "GET /keys": Row(roles: [.administrator]), "POST /keys": Row(roles: [.administrator]),
    "POST /keys/{id}/revoke": Row(roles: [.administrator], ids: apiKey),
]

@Suite struct PagePolicyTests {
    private static func pages(_ web: WebSite) -> [API.Page] {
        BusbarWeb.pages(
            services: Services(site: web.site, settings: SettingRegistry([]), log: { _ in }),
            companies: Companies(TestRetailer.orgs)
        ).pages
    }

    /// A form that is complete, so that only the right decides.
    private func form(_ path: String, _ csrf: String, _ web: WebSite) -> [String: String] {
        [
            "csrf": csrf, "key": String(repeating: "a", count: 32), "amount": "20000", "reason": "a test of pages",
            "serial": "M-none", "role": "operator", "language": "en", "username": "new-login", "name": "New",
            "old": "not the password", "new": "zebra lamp onion kite", "act": "settle", "outcome": "fail",
        ]
    }

    private func path(_ pattern: String, id: String, _ web: WebSite) -> String {
        pattern.replacing("{id}", with: id).replacing("{day}", with: "\(web.one.first)")
            .replacing("{code}", with: "en").replacing("{name}", with: "supply.rules")
            .replacing("{kind}", with: pattern.hasPrefix("/jobs") ? "rate" : "command-failed")
            .replacing("{batch}", with: "1").replacing("{month}", with: "\(web.one.lastDay.month)")
            .replacing(
                "{action}",
                with: pattern.hasPrefix("/jobs") ? "resume" : pattern.hasPrefix("/commands") ? "stop" : "retry")
    }

    @Test func everyPageIsClassified() async throws {
        try await WebSite.with { web in
            #expect(Set(rows.keys) == Set(Self.pages(web).map { "\($0.method) \($0.path)" }))
        }
    }

    /// Rights and companies, for every page and role. The token of the form is each session's own.
    @Test func everyRoleReachesItsPagesAndNobodyAnotherCompany() async throws {
        try await WebSite.with { web in
            let passwords = PasswordHasher()
            let admin = try await AddLogin(
                NewLogin(username: "other-admin", name: "Other-of-2", role: .administrator),
                password: WebSite.password, hasher: passwords)
            _ = try await web.site.perform(admin, as: .system(orgID: 2), source: "test")
            _ = try await web.browser("other-admin")
            try await addKey(of: 2, web)
            let before = try await rowCounts(of: 2, web)
            for (user, role) in [("home", Role.consumer), ("ops", .operator), ("admin", .administrator)] {
                let browser = try await web.browser(user)
                let home = try await browser.get("/me").field("csrf")
                for (name, row) in rows.sorted(by: { $0.key < $1.key }) where name != "POST /sign-out" {
                    let (method, pattern) = (String(name.prefix { $0 != " " }), String(name.drop { $0 != "/" }))
                    let ids = try await row.ids?(web)
                    func send(_ id: String) async -> Answer {
                        let path = path(pattern, id: id, web)
                        return method == "GET"
                            ? await browser.get(path) : await browser.post(path, form(path, home, web))
                    }
                    let isAllowed = row.roles?.contains(role) ?? true
                    if let ids {
                        let other = await send(ids.other)
                        #expect(other.status == (isAllowed ? 404 : 403), "\(user) \(name): \(other.status)")
                        #expect(!other.text.contains("-of-2"), "\(user) \(name)")
                    }
                    // What a POST does in the own company is tested elsewhere; here only that it is not forbidden.
                    guard method == "GET" || !isAllowed else { continue }
                    let own = await send(ids?.own ?? "1")
                    #expect((own.status == 403) == !isAllowed, "\(user) \(name): \(own.status)")
                    #expect(own.status < 500, "\(user) \(name)")
                    #expect(!own.text.contains("-of-2"), "\(user) \(name)")
                }
            }
            #expect(try await rowCounts(of: 2, web) == before)
        }
    }

    private func addKey(of org: Int64, _ web: WebSite) async throws {
        let zone = TestRetailer.orgs[0].zone
        let today = zone.day(atS: web.site.clocks.systemNowMs() / 1000)
        let key = try AddAPIKey(
            name: "other program", permissions: [.readAccounts], placeID: nil, until: today.advanced(by: 30))
        _ = try await web.site.perform(key, as: .system(orgID: org), source: "test")
    }

    private func rowCounts(of org: Int64, _ web: WebSite) async throws -> [String] {
        try await web.site.money.read { transaction in
            try ["posting", "recharge", "meter_command", "supply_order", "login", "audit", "outbox"].map { table in
                let count = try transaction.first("SELECT COUNT(*) FROM \(table) WHERE org_id = $1", [.int(org)]) {
                    try $0.int(0)
                }
                return "\(table) \(count ?? -1)"
            }
        }
    }

    @Test func nobodyReachesAPageOfPeopleWithoutASession() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser(nil)
            for (name, row) in rows where row.roles != nil && name.hasPrefix("GET ") {
                let answer = await browser.get(path(String(name.dropFirst(4)), id: "1", web))
                #expect(answer.status == 303 && answer.location?.hasPrefix("/sign-in") == true, "\(name)")
            }
        }
    }

    /// Stored XSS: names that are markup, on every page that shows them.
    @Test func namesThatAreMarkupStayText() async throws {
        let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
        try await WebSite.with { web in
            try await web.site.money.write { transaction in
                for statement in [
                    "UPDATE supply_account SET name = $1, account_number = 'A-71' || $1 WHERE account_id = 71",
                    "UPDATE login SET name = $1", "UPDATE place SET name = $1",
                    "UPDATE meter SET serial = $1 || 'x' WHERE meter_id = 1071",
                    "UPDATE audit SET why = $1, source = $1, content = $1",
                    "UPDATE audit_change SET old_value = $1, new_value = $1, field = $1",
                    "UPDATE session SET browser = $1, network = $1",
                ] { try transaction.run(statement, [.text(hostile)]) }
            }
            let admin = try await web.browser("admin")
            let own = try await loginID("ops", web)
            let paths =
                PagesTests.staffPaths(web) + [
                    "/me", "/people", "/people/\(own)", "/people/\(own)/history", "/audit", "/audit?who=%3Cscript%3E",
                    "/accounts/\(web.one.account)/history", "/meters/\(web.one.meter)/history",
                    "/accounts/\(web.one.account)/history?first=2026-01-01&second=2026-02-10",
                    "/settings/supply.rules/history", "/meters?q=%3Cscript%3Ealert(1)%3C/script%3E",
                    "/sign-in?back=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
                ]
            var shown = 0
            for path in paths {
                let answer = await admin.get(path)
                #expect(!answer.text.contains("<script>alert") && !answer.text.contains("<img src=x"), "\(path)")
                if answer.text.contains("&lt;script&gt;") { shown += 1 }
            }
            // The walk met the names, or it proved nothing.
            #expect(shown > 10)
        }
    }

    @Test func everyPageCarriesTheHeadersAndIsNotKept() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            for (name, _) in rows where name.hasPrefix("GET ") {
                let answer = await admin.get(path(String(name.dropFirst(4)), id: "1071", web))
                let policy = answer.headers["Content-Security-Policy"] ?? ""
                #expect(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "\(name)")
                #expect(!policy.contains("unsafe"), "\(name)")
                for (header, value) in [
                    ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
                    ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
                    ("Cross-Origin-Resource-Policy", "same-origin"),
                ] { #expect(answer.headers[header] == value, "\(name): \(header)") }
                if answer.status != 200 || !name.contains("/assets/") {
                    #expect(answer.headers["Cache-Control"] == "no-store", "\(name)")
                }
            }
        }
    }

    /// The token of a form is another text on every page, and only that of the own session is taken.
    @Test func aFormsTokenIsMaskedAndBoundToItsSession() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            let first = try await admin.get("/me").field("csrf")
            let second = try await admin.get("/me").field("csrf")
            #expect(first != second && first.count == 64)
            for token in [first, second] {
                #expect(await admin.post("/me/sessions/end", ["csrf": token]).status == 303)
            }
            let others = try await web.browser("ops").get("/me").field("csrf")
            for token in [others, "", String(repeating: "0", count: 64), String(first.dropLast())] {
                #expect(await admin.post("/me/sessions/end", ["csrf": token]).status == 403)
            }
            #expect(await admin.post("/me/sessions/end", [:]).status == 403)
        }
    }

    @Test func aPersonChangesTheOwnPasswordAndGetsANewToken() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("home")
            let before = await browser.cookies["busbar_session"]
            let csrf = try await browser.get("/me").field("csrf")
            let wrong = await browser.post(
                "/me/password", ["csrf": csrf, "old": "not it at all", "new": "zebra lamp onion kite"])
            #expect(wrong.status == 422 && wrong.text.contains("id=\"old-err\""))
            let weak = await browser.post(
                "/me/password", ["csrf": csrf, "old": WebSite.password, "new": "password1234"])
            #expect(weak.status == 422 && weak.text.contains("id=\"new-err\""))
            let done = await browser.post(
                "/me/password", ["csrf": csrf, "old": WebSite.password, "new": "zebra lamp onion kite"])
            #expect(done.status == 303)
            let after = await browser.cookies["busbar_session"]
            #expect(after != nil && after != before)
            #expect(await browser.get("/me").status == 200)
        }
    }

    @Test func anAdministratorAddsChangesAndDisables() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            let csrf = try await admin.get("/people").field("csrf")
            // A field that the form does not have changes nothing: rights come from the rules alone.
            let system = await admin.post(
                "/people", ["csrf": csrf, "username": "evil", "name": "E", "role": "system", "language": "en"])
            #expect(system.status == 422)
            let added = await admin.post(
                "/people",
                [
                    "csrf": csrf, "username": "Nimmi", "name": "Nimmi K", "role": "operator", "language": "hi",
                    "place": "\(web.one.place)", "org_id": "2", "loginID": "1",
                ])
            #expect(added.status == 200 && added.text.contains("nimmi") && added.text.contains("<code"))
            let taken = await admin.post(
                "/people", ["csrf": csrf, "username": "nimmi", "name": "N", "role": "operator", "language": "en"])
            #expect(taken.status == 422 && taken.text.contains("id=\"username-err\""))
            let foreign = await admin.post(
                "/people",
                [
                    "csrf": csrf, "username": "other", "name": "O", "role": "operator", "language": "en",
                    "place": "\(web.two.place)",
                ])
            #expect(foreign.status == 422)
            let id = try await web.site.money.read {
                try $0.first("SELECT login_id FROM login WHERE username = 'nimmi'", []) { try $0.int(0) }
            }
            let path = "/people/\(try #require(id))"
            let changed = await admin.post(
                "\(path)/change", ["csrf": csrf, "role": "administrator", "language": "en"])
            #expect(changed.status == 303)
            let history = await admin.get("\(path)/history")
            #expect(history.text.contains("access.change-login") && history.text.contains("administrator"))
            let compared = await admin.get("\(path)/history?first=2026-02-09&second=2026-02-10")
            #expect(compared.status == 200 && compared.text.contains("Nimmi K"))
            #expect(await admin.post("\(path)/disable", ["csrf": csrf]).status == 303)
            #expect(await admin.get(path).text.contains("people/\(try #require(id))/history"))
        }
    }

    @Test func theTrailIsFilteredAndDownloaded() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            let all = await admin.get("/audit")
            #expect(all.text.contains("access.add-login") && all.text.contains("access.sign-in"))
            let some = await admin.get("/audit?command=access.sign-in&who=admin")
            #expect(some.text.contains("access.sign-in") && !some.text.contains("<span class=\"id\">access.add-login"))
            #expect(await admin.get("/audit?from=yesterday").status == 400)
            let file = await admin.get("/audit.csv?command=access.add-login")
            #expect(file.headers["Content-Type"] == "text/csv; charset=utf-8")
            let lines = file.text.split(separator: "\r\n")
            #expect(lines.count > 8 && lines[0].hasPrefix("audit_id,"))
            #expect(lines.dropFirst().allSatisfy { $0.contains("access.add-login") })
            #expect(
                Desk.cell("=1+1") == "'=1+1" && Desk.cell("-5") == "-5" && Desk.cell("a,\"b\"") == "\"a,\"\"b\"\"\"")
        }
    }
}
