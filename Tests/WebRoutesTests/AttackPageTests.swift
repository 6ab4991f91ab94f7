// Attacks through the pages: text that would be SQL, paths that would leave the folder, rights smuggled into forms.
import API
import Access
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct AttackPageTests {
    @Test(arguments: TestEngine.available) func whatWouldBeSQLIsOnlyText(_ engine: TestEngine) async throws {
        try await WebSite.with(engine) { web in
            func logins() async throws -> Int64 {
                try await web.site.money.read { try $0.first("SELECT COUNT(*) FROM login", []) { try $0.int(0) } ?? -1 }
            }
            let before = try await logins()
            let admin = try await web.browser("admin")
            for text in [
                "' OR '1'='1", "\"; DROP TABLE login; --", "%", "_", "\\", "1) OR (1=1", "$1", "{skip_locked}",
            ] {
                let stranger = try await web.browser(nil)
                let answer = await stranger.post("/sign-in", ["user": text, "password": text])
                #expect(answer.status == 401, "\(text)")
                let encoded = text.utf8.map { "%" + String(Int($0) + 256, radix: 16).suffix(2) }.joined()
                for path in ["/audit?who=", "/audit?command=", "/meters?q=", "/accounts?q=", "/meters?after="] {
                    let page = await admin.get(path + encoded)
                    #expect(page.status == 200, "\(path)\(text)")
                    if path != "/meters?after=" { #expect(!page.text.contains("M1071-of-1</a>"), "\(path)\(text)") }
                }
            }
            #expect(try await logins() == before)
        }
    }

    @Test func noAssetLeavesTheBinary() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser(nil)
            for path in [
                "..%2F..%2Fetc%2Fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//etc/passwd", "..\\..\\etc\\passwd",
                "%00", "busbar.css%00.svg", "/etc/passwd",
            ] {
                let answer = await browser.get("/assets/\(path)")
                #expect(answer.status == 404, "\(path)")
                #expect(!answer.text.contains("root:"), "\(path)")
            }
        }
    }

    /// Fields a form does not have: company, permissions, states. None of them is read.
    @Test func aFormGivesNoRightsItDoesNotName() async throws {
        try await WebSite.with { web in
            let home = try await web.browser("home")
            let csrf = try await home.get("/me").field("csrf")
            _ = await home.post(
                "/me/password",
                [
                    "csrf": csrf, "old": WebSite.password, "new": "zebra lamp onion kite", "role": "administrator",
                    "org_id": "2", "account_id": "81", "permissions": "logins.manage",
                ])
            #expect(await home.get("/people").status == 403)
            #expect(await home.get("/accounts/\(web.one.otherAccount)").status == 404)
            let role = try await web.site.money.read {
                try $0.first("SELECT role FROM login WHERE username = 'home'", []) { try $0.text(0) }
            }
            #expect(role == "consumer")
        }
    }

    /// A token that was stolen before the person ended the session is worth nothing after.
    @Test func aStolenTokenEndsWithItsSession() async throws {
        try await WebSite.with { web in
            let person = try await web.browser("ops")
            let thief = Browser(web.dispatcher)
            await thief.take(await person.cookies)
            #expect(await thief.get("/line").status == 200)
            let other = try await web.browser("ops")
            let csrf = try await other.get("/me").field("csrf")
            #expect(await other.post("/me/sessions/end", ["csrf": csrf]).status == 303)
            #expect(await thief.get("/line").status == 303)
            #expect(await other.get("/line").status == 200)
        }
    }
}
