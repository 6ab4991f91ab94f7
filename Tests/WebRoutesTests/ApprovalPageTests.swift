// The page of what waits: shown to who may decide, rejected with a reason, confirmed by another, in both languages.
import API
import Access
import CivilTime
import Payments
import SQL
import TestRetailer
import Testing

@testable import Web

@Suite struct ApprovalPageTests {
    @Test func aRequestIsShownAndDecided() async throws {
        try await WebSite.with { web in
            let second = try await AddLogin(
                NewLogin(username: "second", name: "Second", role: .administrator), password: WebSite.password,
                hasher: PasswordHasher())
            let made = try await web.site.perform(second, as: .system(orgID: 1), source: "test")
            let asking = Actor(loginID: made.loginID, role: .administrator, scope: Scope(orgID: 1))
            func ask(_ paise: Int64, _ reference: String) async throws -> Int64 {
                let command = AdjustBalance(
                    accountID: web.one.account, amountPaise: paise, reason: "read <b>wrongly</b>", reference: reference)
                let asked = try await web.site.ask(command, as: asking, source: "test", why: command.reason)
                guard case .waits(let request) = asked else { throw Refusal(.conflict, "it did not wait") }
                return request.requestID
            }
            let admin = try await web.browser("admin")
            let empty = await admin.get("/approvals")
            #expect(empty.status == 200 && empty.text.contains("Nothing waits for you"))
            #expect(empty.text.contains("href=\"/approvals\" aria-current"), "it stands in the menu")
            let (first, other) = (try await ask(12_345, "adj-1"), try await ask(-500, "adj-2"))
            let page = await admin.get("/approvals")
            #expect(page.text.contains("2 requests wait") && page.text.contains("second"))
            #expect(page.text.contains("read &lt;b&gt;wrongly&lt;/b&gt;") && page.text.contains("A-71"))
            #expect(page.text.contains("₹") && page.text.contains("id=\"request-\(first)\""))
            let csrf = try page.field("csrf")
            let wordless = await admin.post("/approvals/\(other)/reject", ["csrf": csrf, "reason": " "])
            #expect(wordless.status == 422 && wordless.text.contains("href=\"#request-\(other)\""))
            let rejected = await admin.post("/approvals/\(other)/reject", ["csrf": csrf, "reason": "wrong house"])
            #expect(rejected.status == 303)
            let confirmed = await admin.post("/approvals/\(first)/confirm", ["csrf": csrf])
            #expect(confirmed.location == "/approvals?show=decided#request-\(first)")
            let over = await admin.get("/approvals?show=decided")
            #expect(over.text.contains("wrong house") && over.text.contains(">Confirmed<"))
            let late = await admin.post("/approvals/\(other)/confirm", ["csrf": csrf])
            #expect(late.status == 409 && late.text.contains("it waits for nobody"))
            let count = try await web.site.money.read {
                try $0.first("SELECT COUNT(*) FROM adjustment WHERE org_id = 1", []) { try $0.int(0) }
            }
            #expect(count == 1)
            let own = try await web.browser("second")
            let mine = await own.get("/approvals?show=mine")
            #expect(mine.text.contains("request-\(first)") && !mine.text.contains("/approvals/\(first)/withdraw"))
            let last = try await ask(7, "adj-3")
            let open = await own.get("/approvals?show=mine")
            #expect(!open.text.contains("/approvals/\(last)/confirm"), "nobody is one's own second person")
            let withdrawn = await own.post("/approvals/\(last)/withdraw", ["csrf": try open.field("csrf")])
            #expect(withdrawn.location == "/approvals?show=mine#request-\(last)")
            _ = await admin.get("/language/hi")
            #expect(await admin.get("/approvals?show=decided").text.contains("स्वीकृतियाँ"))
        }
    }
}
