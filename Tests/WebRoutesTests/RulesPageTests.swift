// Rules of validation are tried on their page before they are set, and planned outages are entered and called off on
// theirs. Words a filter does not know are said.
import API
import Access
import CivilTime
import IntervalData
import MeterData
import Rating
import SQL
import TestRetailer
import Testing
import VEE

@testable import Web

@Suite struct RulesPageTests {
    private static let path = "/validation-rules"

    @Test func rulesAreTriedThenSet() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("admin")
            let page = await browser.get(Self.path)
            #expect(page.status == 200 && page.text.contains("The standard rules hold for every meter"))
            #expect(!page.text.contains("value=\"set\""))
            var rules = ValidationRules.standard
            rules.spike?.floorW = 77_777
            let form = [
                "csrf": try page.field("csrf"), "group": "all", "rules": RulesView.pretty(rules.json()),
                "fromDay": "", "days": "7", "reason": "the old floor was too low",
            ]
            let unseen = await browser.post(Self.path, form.merging(["do": "set"]) { $1 })
            #expect(unseen.status == 200 && unseen.text.contains("id=\"preview\""), "set without being tried")
            func sets() async throws -> [GroupRow<ValidationRules>] {
                try await web.site.money.read { try RuleBook.load(orgID: 1, in: $0).sets }
            }
            #expect(try await sets().isEmpty)
            var tried = form
            tried["tried"] = try unseen.field("tried")
            tried["do"] = "set"
            let bare = await browser.post(Self.path, tried.merging(["reason": " "]) { $1 })
            #expect(bare.status == 422 && bare.text.contains("A reason is missing"))
            // Other rules than those that were tried are tried first.
            rules.spike?.floorW = 88_888
            let others = await browser.post(Self.path, tried.merging(["rules": rules.json()]) { $1 })
            #expect(others.status == 200)
            #expect(try await sets().isEmpty)
            let set = await browser.post(Self.path, tried)
            #expect(set.status == 303 && set.location == "\(Self.path)?did=set")
            #expect(try await sets().map(\.value?.spike?.floorW) == [77_777])
            let after = await browser.get("\(Self.path)?group=all")
            #expect(
                after.text.contains("Not below this load, W: 77777 <span class=\"id q\">floorW</span>")
                    && after.text.contains("1 group has rules of its own"))
            let past = await browser.post(Self.path, tried.merging(["fromDay": "2026-01-01"]) { $1 })
            #expect(past.status == 409 && past.text.contains("are over and were worked out by other rules"))
        }
    }

    @Test func plansOfEstimationAreSeenAndSet() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("admin")
            let path = "/estimation-plans"
            let page = await browser.get(path)
            #expect(page.status == 200 && page.text.contains("The company’s plan of estimation holds"))
            #expect(
                page.text.contains("vee.estimation-plan") && page.text.contains("<span class=\"id q\">minimumDays"))
            var form = [
                "csrf": try page.field("csrf"), "group": "place:\(web.one.place)", "plan": " nonsense", "fromDay": "",
                "reason": "the old one knew no profile",
            ]
            let wrong = await browser.post(path, form)
            #expect(wrong.status == 422 && wrong.text.contains("value=\"place:\(web.one.place)\""))
            form["plan"] = "best"
            let bare = await browser.post(path, form.merging(["reason": ""]) { $1 })
            #expect(bare.status == 422 && bare.text.contains("A reason is missing"))
            let past = await browser.post(path, form.merging(["fromDay": "2026-01-01"]) { $1 })
            #expect(past.status == 409)
            #expect(await browser.post(path, form).location == "\(path)?did=set")
            let sets = try await web.site.money.read { try PlanBook.load(orgID: 1, in: $0).sets }
            #expect(sets.map(\.value) == [.best] && sets[0].group == .place(web.one.place))
            let after = await browser.get("\(path)?did=set")
            #expect(after.text.contains("1 group has a plan") && after.text.contains("The plan is set."))
            #expect(await browser.post(path, form.merging(["none": "1"]) { $1 }).status == 303)
            #expect((await browser.get(path)).text.contains("The company’s plan of estimation holds"))
        }
    }

    @Test func settingsHaveANameForPeople() throws {
        let w = Wording(messages: try Pages().messages(.hindi), zone: .india, nowMs: 0)
        for kind in BusbarSettings.registry.kinds {
            let label = settingLabel(kind.name, w)
            #expect(label?.isEmpty == false, "\(kind.name) has no name for people")
            #expect(label?.plain.contains(kind.name) == false)
        }
        #expect(settingLabel("supply.rules from", w) == settingLabel("supply.rules", w))
        #expect(settingLabel("balance_paise", w) == nil)
    }

    /// What only some may see stands in the menu of those alone.
    @Test func theMenuLeadsToRulesAndEdits() async throws {
        try await WebSite.with { web in
            let admin = await (try await web.browser("admin")).get("/me").text
            let ops = await (try await web.browser("ops")).get("/me").text
            let menus = try [admin, ops].map { page in
                String(try #require(page.firstMatch(of: #/<nav class="bus".*?<\/nav>/#.dotMatchesNewlines())).0)
            }
            for menu in menus {
                #expect(menu.contains("href=\"/edits\"") && menu.contains("href=\"/estimates\""))
            }
            #expect(menus[0].contains("href=\"/validation-rules\"") && !menus[1].contains("/validation-rules"))
        }
    }

    @Test func aFaultNamesItsLine() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("admin")
            let csrf = try await browser.get(Self.path).field("csrf")
            func send(_ rules: String, _ more: [String: String] = [:]) async -> Answer {
                await browser.post(
                    Self.path,
                    ["csrf": csrf, "do": "preview", "group": "all", "days": "3", "rules": rules].merging(more) { $1 })
            }
            let broken = await send("{\n\"format\": 2,\n nonsense\n}")
            #expect(broken.status == 422 && broken.text.contains("Line 3: this is no JSON"))
            let high = RulesView.pretty(ValidationRules.standard.json()).replacing(
                #/"floorW": \d+/#, with: "\"floorW\": 99999999999999")
            let line = high.split(separator: "\n").firstIndex { $0.contains("floorW") }.map { $0 + 1 } ?? 0
            let range = await send(high)
            #expect(range.status == 422 && range.text.contains("Line \(line): spike.floorW"), "\(line)")
            #expect(await send("{}", ["group": "nobody"]).status == 422)
            #expect(await send(ValidationRules.standard.json(), ["days": "90"]).status == 422)
            #expect(await browser.get("\(Self.path)?group=nobody").status == 400)
            _ = await browser.get("/language/hi?back=/")
            #expect(await send("{\n\"format\": 2,\n nonsense\n}").text.contains("पंक्ति 3: यह JSON नहीं है।"))
        }
    }

    @Test func anOutageIsPlannedAndCalledOff() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let csrf = try await browser.get("/outages").field("csrf")
            let form = [
                "csrf": csrf, "place": "\(web.one.place)", "from": "2026-02-11T10:00", "to": "2026-02-11T12:30",
                "reason": "line work <b>",
            ]
            for (change, field) in [
                (["from": "soon"], "from"), (["to": "2026-02-11T09:00"], "to"), (["reason": ""], "reason"),
                (["place": ""], "place"), (["to": "2026-02-11T25:00"], "to"),
            ] {
                let wrong = await browser.post("/planned-outages", form.merging(change) { $1 })
                #expect(wrong.status == 422 && wrong.text.contains("href=\"#plan-\(field)\""), "\(field)")
                #expect(wrong.text.contains("value=\"2026-02-11T1"), "what was typed is gone")
            }
            let done = await browser.post("/planned-outages", form)
            #expect(done.status == 303 && done.location == "/outages?did=planned#planned")
            let planned = try await web.site.money.read {
                try PlannedOutage.from(0, limit: 10, Scope(orgID: 1), in: $0)
            }
            // 10:00 in India.
            #expect(planned.map(\.fromMs) == [1_770_784_200_000] && planned[0].toMs - planned[0].fromMs == 9_000_000)
            let page = await browser.get("/outages?did=planned")
            #expect(page.text.contains("The outage is planned.") && page.text.contains("line work &lt;b&gt;"))
            let path = "/planned-outages/\(planned[0].plannedID)/call-off"
            let bare = await browser.post(path, ["csrf": csrf])
            #expect(bare.status == 422 && bare.text.contains("href=\"#why-\(planned[0].plannedID)\""))
            #expect(await browser.post(path, ["csrf": csrf, "reason": "bad weather"]).status == 303)
            #expect(await browser.get("/outages").text.contains("Called off"))
        }
    }

    @Test func unknownWordsAreSaidAndDatesTheWrongWayRoundToo() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            for path in [
                "/outages?show=x1x", "/tamper?state=x1x", "/edits?state=x1x", "/estimates?method=x1x",
                "/reliability?place=x1x", "/exceptions/readings?rule=x1x", "/exceptions/readings?state=x1x",
            ] {
                let answer = await browser.get(path)
                #expect(answer.status == 400 && answer.text.contains("<q>x1x</q>"), "\(path): \(answer.status)")
                #expect(answer.text.contains("<h1 class=\"lede\">"), "\(path)")
            }
            for path in [
                "/reliability", "/reliability.csv", "/reports/data-availability", "/reports/data-availability.csv",
            ] {
                let answer = await browser.get(path + "?from=2026-02-09&to=2026-02-01")
                #expect(answer.status == 422 && answer.text.contains("value=\"2026-02-09\""), "\(path)")
                #expect(answer.headers["Content-Type"]?.hasPrefix("text/html") == true, "\(path)")
            }
            #expect(await browser.get("/reliability.csv").headers["Content-Type"] == "text/csv; charset=utf-8")
        }
    }

    @Test func anExceptionShowsItsEstimateAndItsMoney() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let page = await browser.get("/exceptions/readings")
            #expect(page.text.contains("The proposed estimate") && page.text.contains("At stake"))
            #expect(page.text.contains("/meters/\(web.one.otherMeter)/edit?day=\(web.one.lastDay)"))
            // The price of a trial is that of the charge, for the same readings; for others it is another one.
            let one = web.one
            let charged = try await web.site.money.read {
                try Charge.current(
                    accountID: one.account, from: one.first, to: one.lastDay, Scope(orgID: 1), in: $0)
            }
            let charge = try #require(charged.last)
            let block = try await web.site.readings.shard(charge.day.month).read {
                try DayBlocks.current(
                    meterID: one.meter, from: charge.day, to: charge.day, orgID: 1, in: $0
                ).first?.block
            }
            let values = try #require(block).values
            let paise = try await web.site.money.read {
                try TrialPrice.paise(
                    meterID: one.meter, day: charge.day, readings: [values, values.map { $0 * 2 }], zone: .india,
                    nowMs: charge.ratedAtMs, Scope(orgID: 1), in: $0)
            }
            #expect(paise?.first == charge.totalPaise && paise?.last != charge.totalPaise)
            let nobody = try await web.site.money.read {
                try TrialPrice.paise(
                    meterID: 999, day: charge.day, readings: [values], zone: .india,
                    nowMs: charge.ratedAtMs, Scope(orgID: 1), in: $0)
            }
            #expect(nobody == nil)
            let settled = await browser.get("/exceptions/readings?state=resolved")
            #expect(!settled.text.contains("exceptions wait") && settled.text.contains("settled"))
        }
    }
}
