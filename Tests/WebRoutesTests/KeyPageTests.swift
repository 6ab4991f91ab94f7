// The page of keys on both engines: made once, shown once, revoked; only for administrators.
import API
import Access
import Foundation
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct KeyPageTests {
    @Test(arguments: TestEngine.available)
    func aKeyIsMadeShownOnceUsedAndRevoked(_ engine: TestEngine) async throws {
        try await WebSite.with(engine) { web in
            let browser = try await web.browser("admin")
            let form = await browser.get("/keys")
            #expect(form.status == 200 && form.text.contains("href=\"/keys\" aria-current"), "\(form.text.prefix(400))")
            let csrf = try form.field("csrf")
            var fields = [
                "csrf": csrf, "name": "Call <b>centre</b>", "until": "2026-12-31", "may.accounts.read": "1",
                "place": "\(web.one.place)",
            ]
            let made = await browser.post("/keys", fields)
            #expect(made.status == 200, "\(made.text.prefix(600))")
            let start = try #require(made.text.range(of: "value=\"bbk_"))
            let token = "bbk_" + made.text[start.upperBound...].prefix { $0 != "\"" }
            #expect(made.text.contains("Call &lt;b&gt;centre&lt;/b&gt;"))
            #expect(await !browser.get("/keys").text.contains(token))
            let again = await browser.post("/keys", fields)
            #expect(again.status == 422 && again.text.contains("There is an active key of this name"))

            let list = await accounts(web, token, "query=house-7")
            #expect(list.status == 200 && list.text.contains("A-71"), "\(list.text)")
            let other = await accounts(web, token, "query=house-8")
            #expect(other.status == 200 && !other.text.contains("A-81"), "the key is confined to a feeder")
            #expect(await accounts(web, token, "balanceBelowPaise=1&placeID=\(web.one.place)").text.contains("A-91"))

            (fields["until"], fields["place"], fields["may.accounts.read"]) = ("soon", "x", nil)
            let wrong = await browser.post("/keys", fields)
            #expect(wrong.status == 422 && wrong.text.contains("value=\"Call &lt;b&gt;"))
            for id in ["until", "place", "permissions"] { #expect(wrong.text.contains("href=\"#\(id)\""), "\(id)") }

            let keyID = try #require(token.split(separator: "_").dropFirst().first)
            #expect(await browser.post("/keys/\(keyID)/revoke", [:]).status == 403, "without the session's token")
            let revoked = await browser.post("/keys/\(keyID)/revoke", ["csrf": csrf])
            #expect(revoked.status == 303)
            #expect(await browser.get(revoked.location ?? "").text.contains("The key is revoked"))
            #expect(await accounts(web, token, "").status == 401)
        }
    }

    @Test func onlyAdministratorsSeeKeys() async throws {
        try await WebSite.with { web in
            for user in ["ops", "field", "home"] {
                let browser = try await web.browser(user)
                #expect(await browser.get("/keys").status == 403, "\(user)")
                #expect(await !browser.get("/").text.contains("/keys"))
            }
            let hindi = try await web.browser("admin")
            _ = await hindi.get("/language/hi")
            #expect(await hindi.get("/keys").text.contains("कुंजी"))
        }
    }

    private func accounts(_ web: WebSite, _ token: String, _ query: String) async -> Answer {
        var headers = Headers()
        headers.add("Authorization", "Bearer \(token)")
        return await web.dispatcher.answer(
            Call(
                method: "GET", path: "/api/v1/accounts", query: query, headers: headers, body: [],
                remoteAddress: "203.0.113.9", requestID: "test-request"))
    }
}
