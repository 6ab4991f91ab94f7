// Every page for every role in both languages, on both engines; who may see what; forms that count once.
import API
import Access
import CivilTime
import Foundation
import Journal
import Rating
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct PagesTests {
    static func staffPaths(_ web: WebSite) -> [String] {
        let one = web.one
        return [
            "/line", "/status", "/exceptions", "/exceptions?kind=held", "/exceptions?kind=spike", "/meters",
            "/meters?q=M10&state=answering", "/collection", "/collection?cause=waiting",
            "/meters/\(one.meter)", "/meters/\(one.meter)?day=\(one.lastDay)&days=3", "/meters/\(one.meter)/disconnect",
            "/meters/\(one.meter)/reconnect", "/accounts", "/accounts?q=House&state=on",
        ] + ownPaths(web)
    }

    static func ownPaths(_ web: WebSite) -> [String] {
        let account = "/accounts/\(web.one.account)"
        return [
            account, "\(account)/statement", "\(account)/days/\(web.one.first)", "\(account)/days/\(web.one.lastDay)",
        ]
    }

    @Test(arguments: TestEngine.available)
    func everyPageAnswersInBothLanguages(_ engine: TestEngine) async throws {
        try await WebSite.with(engine) { web in
            for (user, paths) in [
                ("admin", Self.staffPaths(web)), ("ops", Self.staffPaths(web)), ("field", Self.staffPaths(web)),
                ("home", Self.ownPaths(web)), (nil, ["/sign-in"]),
            ] {
                let browser = try await web.browser(user)
                for language in ["en", "hi"] {
                    let chosen = await browser.get("/language/\(language)?back=%2Fline")
                    #expect(chosen.status == 303 && chosen.location == "/line")
                    for path in paths {
                        let answer = await browser.get(path)
                        #expect(answer.status == 200, "\(user ?? "nobody") \(path): \(answer.text.prefix(300))")
                        #expect(answer.text.contains("<html lang=\"\(language)\""), "\(path)")
                        #expect(!answer.text.contains("⟦"), "\(path) lacks a word")
                        #expect(!answer.text.contains("-of-2"), "\(path) shows the other company")
                        #expect(!answer.text.contains("Admin <b>"), "\(path) does not escape a name")
                    }
                }
            }
        }
    }

    @Test func theLineFootsAndNamesTheHeldReading() async throws {
        try await WebSite.with { web in
            let report = try await LineReport.of(web.site, web.one.scope)
            #expect(report.day == web.one.lastDay)
            #expect((report.expected, report.silent, report.held, report.estimated) == (2, 0, 1, 0))
            #expect((report.priced, report.charged) == (1, 1))
            #expect(report.drops.contains { $0.kind == .held && $0.count == 1 })
            #expect(report.drops.contains { $0.kind == .withoutTariff && $0.count == 1 })
            #expect(report.heat.map(\.name) == ["Feeder-1-of-1", "Feeder-2-of-1"])
            #expect(report.heat.allSatisfy { $0.sharesPpm == Array(repeating: 1_000_000, count: 24) })
            let page = await (try await web.browser("ops")).get("/line")
            #expect(page.text.contains("data-live"))
            let needs = await (try await web.browser("ops")).get("/exceptions?kind=spike")
            #expect(needs.text.contains("M1081-of-1"))
        }
    }

    @Test func aConsumerSeesOnlyTheOwnAccount() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("home")
            #expect(await browser.get("/").location == "/accounts/\(web.one.account)")
            for account in [web.one.otherAccount, web.two.account, 999] {
                for rest in ["", "/statement", "/days/\(web.one.first)"] {
                    #expect(await browser.get("/accounts/\(account)\(rest)").status == 404, "\(account)\(rest)")
                }
            }
            for path in ["/line", "/meters", "/meters/\(web.one.meter)", "/accounts", "/exceptions"] {
                #expect(await browser.get(path).status == 403, "\(path)")
            }
            let page = await browser.get("/accounts/\(web.one.account)")
            let form = ["csrf": try page.field("csrf"), "key": try page.field("key"), "amount": "20000"]
            #expect(await browser.post("/accounts/\(web.one.otherAccount)/recharges", form).status == 404)
        }
    }

    @Test func anOperatorOfAPlaceSeesWhatLiesInIt() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("field")
            let list = await browser.get("/accounts")
            #expect(list.text.contains("A-71") && !list.text.contains("A-81"))
            let meters = await browser.get("/meters")
            #expect(meters.text.contains("M1071") && !meters.text.contains("M1081"))
            for path in [
                "/accounts/\(web.one.otherAccount)", "/meters/\(web.one.otherMeter)",
                "/meters/\(web.one.otherMeter)/disconnect", "/meters/\(web.two.meter)",
            ] {
                #expect(await browser.get(path).status == 404, "\(path)")
            }
            let actor = Scope(orgID: 1, placeIDs: [web.one.place])
            let report = try await LineReport.of(web.site, actor)
            #expect((report.expected, report.held, report.charged) == (1, 0, 1))
            #expect(!(await browser.get("/exceptions")).text.contains("M1081"))
        }
    }

    /// Run now, pause with its reason, days that are refused, and what was given up.
    @Test func jobsAreSeenAndMoved() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("admin")
            let page = await browser.get("/jobs")
            #expect(page.status == 200 && page.text.contains("/jobs/collect/run"))
            let csrf = try page.field("csrf")
            #expect(await browser.post("/jobs/collect/run", ["csrf": csrf]).location == "/jobs/collect?did=asked")
            let refused = await browser.post("/jobs/collect/pause", ["csrf": csrf, "reason": "x"])
            #expect(refused.status == 422 && refused.text.contains("value=\"x\""))
            let reason = "the network <is> moved"
            #expect(await browser.post("/jobs/collect/pause", ["csrf": csrf, "reason": reason]).status == 303)
            let paused = await browser.get("/jobs/collect")
            #expect(paused.text.contains("the network &lt;is&gt; moved"))
            #expect(paused.text.contains("/jobs/collect/resume"))
            #expect(await browser.post("/jobs/collect/run", ["csrf": csrf]).status == 409)
            #expect(await browser.post("/jobs/collect/resume", ["csrf": csrf]).status == 303)
            for (from, to) in [("", ""), ("2025-12-31", "2025-12-30"), ("2099-01-01", "2099-01-02")] {
                let answer = await browser.post("/jobs/rate/days", ["csrf": csrf, "from": from, "to": to])
                #expect(answer.status == 422, "\(from) \(to)")
            }
            #expect(await browser.post("/jobs-catch-up", ["csrf": csrf]).status == 303)
            for path in ["/jobs/nonsense", "/exceptions/job-failed/1", "/exceptions/spike/1"] {
                #expect(await browser.get(path).status == 404, "\(path)")
            }
            try await web.site.money.write { transaction in
                try transaction.run(
                    """
                    INSERT INTO outbox (org_id, event_id, kind, subject_id, detail, business_at_ms, attempt, last_error)
                    VALUES (1, 77, 'notice', 71, '', 0, 20, 'nobody understands it')
                    """)
            }
            #expect((await browser.get("/exceptions")).text.contains("/exceptions/event-failed/77"))
            #expect((await browser.get("/exceptions/event-failed/77")).text.contains("nobody understands it"))
            let bare = await browser.post("/exceptions/event-failed/77/set-aside", ["csrf": csrf, "reason": ""])
            #expect(bare.status == 422 && bare.text.contains("aria-invalid"))
            let aside = await browser.post(
                "/exceptions/event-failed/77/set-aside", ["csrf": csrf, "reason": "told by telephone"])
            #expect(aside.location == "/exceptions?did=aside")
            #expect(await browser.get("/exceptions/event-failed/77").status == 404)
            // Who is confined to a place sees neither the company's jobs nor its events.
            let field = try await web.browser("field")
            #expect(await field.get("/jobs").status == 403)
            #expect(!(await field.get("/line")).text.contains("/jobs"))
        }
    }

    @Test func aRechargeCountsOnceForItsKey() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("home")
            let path = "/accounts/\(web.one.account)"
            let before = try await balance(web)
            let page = await browser.get(path)
            let form = ["csrf": try page.field("csrf"), "key": try page.field("key"), "other": "1,250.50"]
            let first = await browser.post("\(path)/recharges", form)
            let second = await browser.post("\(path)/recharges", form)
            #expect(first.status == 303 && first.location == second.location)
            #expect(try await balance(web) == before + 125_050)
            let done = await browser.get(try #require(first.location))
            #expect(done.status == 200 && done.text.contains("role=\"status\"") && done.text.contains("1,250.50"))
            var other = form
            other["other"] = "10"
            #expect(await browser.post("\(path)/recharges", other).status == 409, "the key stands for another amount")
            for (typed, status) in [("abc", 422), ("0.50", 422), ("200000", 422), ("", 422), ("1.234", 422)] {
                var wrong = form
                wrong["other"] = typed
                let answer = await browser.post("\(path)/recharges", wrong)
                #expect(answer.status == status && answer.text.contains("aria-invalid"), "\(typed)")
            }
            var expired = form
            expired["key"] = "short"
            #expect(await browser.post("\(path)/recharges", expired).status == 422)
            #expect(try await balance(web) == before + 125_050)
        }
    }

    @Test func aFormWithoutItsTokenIsRefused() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let (account, meter) = ("/accounts/\(web.one.account)", "/meters/\(web.one.meter)")
            let key = String(repeating: "a", count: 32)
            for path in [
                "\(account)/recharges", "\(meter)/read", "\(meter)/disconnect", "\(meter)/reconnect", "/sign-out",
            ] {
                let answer = await browser.post(path, ["key": key, "amount": "10000", "reason": "no proof"])
                #expect(answer.status == 403 && answer.text.contains("<html"), "\(path)")
                let nobody = await (try await web.browser(nil)).post(path, ["key": key, "amount": "10000"])
                #expect(nobody.status == 303 && nobody.location == "/sign-in", "\(path)")
            }
            #expect(try await count("SELECT COUNT(*) FROM meter_command", web) == 0)
        }
    }

    @Test func ordersToAMeterAskForReasonAndNumber() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let meter = "/meters/\(web.one.meter)"
            let page = await browser.get("\(meter)/disconnect")
            var form = ["csrf": try page.field("csrf"), "key": try page.field("key"), "reason": "", "serial": "M1"]
            #expect(await browser.post("\(meter)/disconnect", form).status == 422)
            #expect(try await count("SELECT COUNT(*) FROM supply_order", web) == 0)
            // Nothing is to be taken back yet.
            (form["reason"], form["serial"]) = ("tampering found", "M1071-of-1")
            #expect(await browser.post("\(meter)/reconnect", form).status == 409)
            let cut = await browser.post("\(meter)/disconnect", form)
            #expect(cut.location == "\(meter)?asked=disconnect")
            #expect(try await count("SELECT COUNT(*) FROM relay WHERE meter_id = 1071 AND wanted = 'open'", web) == 1)
            #expect(await browser.post("\(meter)/reconnect", form).location == "\(meter)?asked=reconnect")
            #expect(try await count("SELECT COUNT(*) FROM relay WHERE meter_id = 1071 AND wanted = 'closed'", web) == 1)
            let read = ["csrf": try page.field("csrf"), "key": try page.field("key")]
            for _ in 0..<2 { #expect(await browser.post("\(meter)/read", read).location == "\(meter)?asked=read") }
            #expect(try await count("SELECT COUNT(*) FROM meter_command WHERE kind = 'read'", web) == 1)
        }
    }

    @Test func signingInLeadsBackAndOutEndsTheSession() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser(nil)
            #expect(await browser.get("/").location == "/sign-in")
            #expect(await browser.get("/meters?q=a").location == "/sign-in?back=%2Fmeters%3Fq%3Da")
            let wrong = await browser.post("/sign-in", ["user": "ops", "password": "not this one"])
            #expect(wrong.status == 401 && wrong.text.contains("aria-invalid") && !wrong.text.contains("not this one"))
            #expect(await browser.post("/sign-in", ["user": "", "password": ""]).status == 422)
            for back in ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-out"] {
                let other = Browser(web.dispatcher)
                let form = ["user": "admin", "password": WebSite.password, "back": back]
                #expect(await other.post("/sign-in", form).location == "/", "\(back)")
                #expect(await other.get("/language/hi?back=\(back)").location == "/")
            }
            let form = ["user": "ops", "password": WebSite.password, "back": "/meters?q=a"]
            #expect(await browser.post("/sign-in", form).location == "/meters?q=a")
            #expect(await browser.get("/").location == "/line")
            let csrf = try (await browser.get("/line")).field("csrf")
            let stolen = await browser.cookies
            #expect(await browser.post("/sign-out", ["csrf": csrf]).location == "/sign-in?out=1")
            #expect(await browser.cookies["busbar_session"] == nil && stolen["busbar_session"] != nil)
            #expect(await browser.get("/line").status == 303)
        }
    }

    @Test func assetsMayBeKeptAndProblemsArePages() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser(nil)
            let page = await browser.get("/sign-in").text
            let paths = page.split(separator: "\"").filter { $0.hasPrefix("/assets/") }.map(String.init)
            #expect(paths.count >= 3)
            for path in paths {
                let answer = await browser.get(path)
                #expect(
                    answer.status == 200 && answer.headers["Cache-Control"]?.contains("immutable") == true, "\(path)")
            }
            let missing = await browser.get("/assets/none.css")
            #expect(missing.status == 404 && missing.text.contains("test-request"))
            #expect(await browser.get("/nowhere").text.contains("<html"))
        }
    }

    @Test func aDayExplainsItselfAndTheStatementFoots() async throws {
        try await WebSite.with { web in
            let day = try await DayReport.of(
                web.site, accountID: web.one.account, day: web.one.first.advanced(by: 1), web.one.scope)
            #expect(day.explanation.agrees)
            #expect(day.components.reduce(0) { $0 + $1.paise } == day.explanation.charge.totalPaise)
            #expect(day.components.count == 5 && day.hasPreviousDay && day.hasNextDay)
            var place: String?
            var items: [StatementItem] = []
            repeat {
                let part = try await StatementReport.of(
                    web.site, accountID: web.one.account, before: place, limit: 2, web.one.scope
                ).part
                items += part.items
                place = part.next
            } while place != nil
            #expect(items.count == TestRetailer.days + 1 && Set(items.map(\.entry)).count == items.count)
            #expect(try await items.first?.balancePaise == balance(web))
            for (newer, older) in zip(items, items.dropFirst()) {
                #expect(newer.balancePaise == older.balancePaise + newer.amountPaise)
            }
            let before = try #require(day.balanceBeforePaise)
            #expect(items.contains { $0.balancePaise == before - day.explanation.charge.totalPaise })
        }
    }

    private func balance(_ web: WebSite) async throws -> Int64 {
        try await web.site.money.read { transaction in
            try Journal.balance(ofAccount: web.one.account, web.one.scope, in: transaction).balancePaise
        }
    }

    private func count(_ sql: String, _ web: WebSite) async throws -> Int64 {
        try await web.site.money.read { try $0.first(sql, []) { try $0.int(0) } ?? -1 }
    }
}
