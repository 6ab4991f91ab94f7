// The wallet's pages: a month with its file, an old debt from putting it on to its instalments, paying at the test
// gateway. What a page does, the book shows.
import API
import Access
import CivilTime
import Clocks
import Journal
import Payments
import SQL
import Supply
import TestRetailer
import TestSupport
import Testing

@Suite struct WalletPageTests {
    private func balance(_ web: WebSite) async throws -> Int64 {
        try await web.site.money.read {
            try Journal.balance(ofAccount: web.one.account, web.one.scope, in: $0).balancePaise
        }
    }

    @Test func theMonthLeadsFromOpeningToClosing() async throws {
        try await WebSite.with { web in
            let path = "/accounts/\(web.one.account)/statements/\(web.one.lastDay.month)"
            for user in ["home", "ops"] {
                let browser = try await web.browser(user)
                let page = await browser.get(path)
                #expect(page.status == 200 && page.text.contains("/days/\(web.one.first)"), "\(page.text.prefix(200))")
                #expect(!page.text.contains("⟦"))
                let file = await browser.get(path + ".csv")
                #expect(file.headers["Content-Type"]?.hasPrefix("text/csv") == true)
                #expect(file.text.contains("opening-balance") && file.text.contains("closing-balance"))
                // The line in the month leads to its posting in the ledger.
                let ledger = try #require(page.text.firstMatch(of: #/href="([^"#]*before=[^"#]*)#(e-[^"]*)"/#))
                let answer = await browser.get(String(ledger.1))
                #expect(answer.text.contains("id=\"\(ledger.2)\""))
            }
            let browser = try await web.browser("home")
            #expect(await browser.get("/accounts/\(web.one.account)/statements/2031-01").status == 404)
            #expect(await browser.get("/accounts/\(web.one.account)/statements/x.csv").status == 404)
        }
    }

    @Test func anOldDebtIsPutOnAndPaidOffBesideTheBalance() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            let path = "/accounts/\(web.one.account)/arrears"
            let before = try await balance(web)
            func act(_ act: String, _ more: [String: String], do way: String = "apply") async throws -> Answer {
                let page = await admin.get(path)
                return await admin.post(
                    path,
                    more.merging([
                        "act": act, "csrf": try page.field("csrf"), "key": try page.field("key"), "do": way,
                    ]) { $1 })
            }
            let wrong = try await act("put", ["put-amount": "12x", "put-since": "2024-01-01", "put-reason": "old"])
            #expect(wrong.status == 422 && wrong.text.contains("value=\"12x\""))
            #expect(wrong.text.contains("id=\"put-amount-err\""), "the error stands beside its field")
            // A look books nothing and shows what would change; going back keeps what was typed.
            let typed = ["put-amount": "600", "put-since": "2024-01-01", "put-reason": "old bills"]
            let look = try await act("put", typed, do: "look")
            #expect(look.status == 200 && look.text.contains("id=\"look\"") && look.text.contains("600.00"))
            #expect(await !admin.get(path).text.contains("600.00"))
            let again = try await act("put", typed, do: "change")
            #expect(again.text.contains("value=\"old bills\"") && !again.text.contains("id=\"look\""))
            let put = try await act("put", ["put-amount": "600", "put-since": "2024-01-01", "put-reason": "old bills"])
            #expect(put.status == 303, "\(put.text.prefix(400))")
            #expect(try await act("agree", ["agree-amount": "20", "agree-reason": "as agreed"]).status == 303)
            #expect(try await act("settle", ["settle-amount": "100", "source": "counter"]).status == 303)
            #expect(try await act("settle", ["settle-amount": "900", "source": "wallet"]).status == 422)
            #expect(try await act("pause", ["pause-reason": "in dispute"]).status == 303)
            #expect(try await balance(web) == before)
            let given = try await act("write-off", ["off-amount": "50", "off-reason": "barred by time"])
            #expect(given.location == path + "?did=waits")
            let waits = await admin.get(path + "?did=waits")
            #expect(waits.text.contains("500.00") && waits.text.contains("/approvals?show=mine"))
            let home = try await web.browser("home")
            let page = await home.get(path)
            #expect(
                page.text.contains("500.00") && page.text.contains("old bills") && !page.text.contains("<form class"))
            #expect(await home.get("/accounts/\(web.one.account)").text.contains(path))
            #expect(await home.post(path, ["act": "settle"]).status == 403)
        }
    }

    @Test func anAccountTurnsToPrepaidByItsPage() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            let path = "/accounts/\(web.one.account)/arrears"
            let before = try await balance(web)
            func act(_ act: String, _ more: [String: String], do way: String = "apply") async throws -> Answer {
                let page = await admin.get(path)
                let own = ["act": act, "csrf": try page.field("csrf"), "key": try page.field("key"), "do": way]
                return await admin.post(path, more.merging(own) { $1 })
            }
            let sums = ["convert-deposit": "700", "convert-amount": "1300", "side": "owed", "set-off": "1"]
            #expect(try await act("convert", sums).status == 409)
            #expect(try await act("begin", ["begin-reason": "a smart meter"]).status == 303)
            let look = try await act("convert", sums, do: "look")
            #expect(look.status == 200 && look.text.contains("600.00") && look.text.contains("name=\"set-off\""))
            #expect(try await act("convert", sums).status == 303)
            #expect(try await balance(web) == before)
            let page = await admin.get(path)
            #expect(page.text.contains("600.00") && !page.text.contains("begin-reason"), "once in its life")
            let ops = try await web.browser("field")
            #expect(await ops.get("/accounts/\(web.one.otherAccount)/arrears").status == 404)
        }
    }

    @Test func theEmergencyCreditIsTakenByItsButtonOnce() async throws {
        try await WebSite.with { web in
            let home = try await web.browser("home")
            let path = "/accounts/\(web.one.account)"
            var rules = SupplyRules()
            (rules.emergencyPaise, rules.emergencyByConsumer) = (20_000, true)
            let machine = Actor.system(orgID: 1)
            _ = try await web.site.perform(
                try SetSupplyRules(group: "all", rules: rules.json(), from: nil), as: machine, source: "test")
            #expect(await !home.get(path).text.contains("/emergency-credits"), "nothing is low")
            let low = try await balance(web) + 100
            try await web.site.money.write { [one = web.one, site = web.site] transaction in
                _ = try Journal.post(
                    key: "spent", kind: "test",
                    legs: [
                        Leg(one.account, low, .adjustment), Leg(ChartAccount.adjustments.rawValue, -low, .adjustment),
                    ], businessAtMs: WebSite.nowMs, entryID: site.ids.next(), one.scope, in: transaction)
                try Supply.decide(
                    accountID: one.account, zone: one.org.zone, nowMs: WebSite.nowMs, ids: site.ids, one.scope,
                    in: transaction)
            }
            let page = await home.get(path)
            #expect(page.text.contains("action=\"\(path)/emergency-credits\"") && page.text.contains("200.00"))
            let form = ["csrf": try page.field("csrf"), "key": try page.field("key")]
            let taken = await home.post(path + "/emergency-credits", form)
            #expect(taken.location == path + "?did=emergency")
            #expect(await !home.get(path).text.contains("/emergency-credits"))
            #expect(await home.post("/accounts/\(web.one.otherAccount)/emergency-credits", form).status == 404)
        }
    }

    @Test func aConsumerPaysAtTheTestGatewayAndOnlyTheWebhookCredits() async throws {
        try await WebSite.with { web in
            try await web.site.money.write {
                try Setting.set(Recharge.portalSetting, "test", from: CivilDay(number: 0), web.one.scope, in: $0)
            }
            let home = try await web.browser("home")
            let account = "/accounts/\(web.one.account)"
            let before = try await balance(web)
            let page = await home.get(account)
            let form = ["csrf": try page.field("csrf"), "key": try page.field("key"), "amount": "20000"]
            let opened = await home.post(account + "/recharges", form)
            let checkout = try #require(opened.location)
            #expect(opened.status == 303 && checkout.hasPrefix("/checkout/"))
            // The same form again is the same order; nothing is credited by opening it.
            #expect(await home.post(account + "/recharges", form).location == checkout)
            #expect(try await balance(web) == before)
            func pay(_ outcome: String) async throws -> Answer {
                let page = await home.get(checkout)
                return await home.post(
                    checkout, ["csrf": try page.field("csrf"), "key": try page.field("key"), "outcome": outcome])
            }
            let failed = try await pay("fail")
            #expect(failed.location?.hasPrefix(account + "?order=") == true)
            #expect(try await balance(web) == before)
            let said = await home.get(try #require(failed.location))
            #expect(said.text.contains("class=\"note bad\""))
            #expect(try await pay("succeed").status == 303)
            #expect(try await balance(web) == before + 20_000)
            // Paid is paid: the page offers nothing more.
            let paid = await home.get(checkout)
            #expect(!paid.text.contains("name=\"outcome\""))
            #expect(try await web.browser("field").get(checkout).status == 200)
        }
    }
}
