// The second step on pages: set up, sign in with it, be led to it where it is required, and have it reset.
import API
import Access
import CivilTime
import Clocks
import Cryptography
import Foundation
import SQL
import Testing

@Suite struct SecondStepPageTests {
    private func code(_ page: String, _ atMs: Int64) throws -> String {
        let start = try #require(page.range(of: "?secret="))
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        let bits = try page[start.upperBound...].prefix(32).flatMap { letter -> [UInt8] in
            let value = try #require(alphabet.firstIndex(of: letter))
            return (0..<5).map { UInt8(value >> (4 - $0) & 1) }
        }
        let secret = stride(from: 0, to: 160, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | $1 }
        }
        return OneTimePassword.code(secret: secret, counter: OneTimePassword.step(atMs: atMs))
    }

    @Test func aPersonSetsItUpSignsInWithItAndAnAdministratorResetsIt() async throws {
        try await WebSite.with { web in
            let home = try await web.browser("home")
            let csrf = try await home.get("/me").field("csrf")
            let begun = await home.post("/me/second-step/begin", ["csrf": csrf])
            #expect(begun.status == 200)
            let right = try code(begun.text, web.site.clocks.systemNowMs())
            let wrong = await home.post("/me/second-step/confirm", ["csrf": csrf, "code": "000"])
            #expect(wrong.status == 422 && wrong.text.contains("id=\"code-err\""))
            let done = await home.post("/me/second-step/confirm", ["csrf": csrf, "code": right])
            #expect(done.status == 200)
            let codes = done.text.matches(of: /[a-z2-9]{5}-[a-z2-9]{5}-[a-z2-9]{5}/).map { String($0.output) }
            #expect(codes.count == 8)
            // Shown once.
            let later = await home.get("/me")
            #expect(!later.text.contains(codes[0]) && !later.text.contains("otpauth"))

            let again = try await web.browser(nil)
            let asked = await again.post("/sign-in", ["user": "home", "password": WebSite.password])
            #expect(asked.status == 200 && asked.headers["Set-Cookie"] == nil)
            #expect(
                asked.text.contains("autocomplete=\"one-time-code\"") && asked.text.contains("inputmode=\"numeric\""))
            let proof = try asked.field("proof")
            await again.take(["busbar_session": proof])
            #expect(await again.get("/me").status == 303)
            await again.take([:])
            let refused = await again.post("/sign-in/second-step", ["proof": proof, "code": right])
            #expect(refused.status == 401 && refused.text.contains("id=\"code-err\""))
            let opened = await again.post("/sign-in/second-step", ["proof": proof, "code": codes[0]])
            #expect(opened.status == 303)
            #expect(await again.get("/me").status == 200)

            let admin = try await web.browser("admin")
            let token = try await admin.get("/me").field("csrf")
            let found = try await web.site.money.read {
                try $0.first("SELECT login_id FROM login WHERE username = 'home'", []) { try $0.int(0) }
            }
            let path = "/people/\(try #require(found))"
            #expect(await admin.get(path).text.contains("\(path)/second-step/reset"))
            #expect(await admin.post("\(path)/second-step/reset", ["csrf": token]).status == 303)
            #expect(await again.get("/me").status == 303)
            _ = try await web.browser("home")
        }
    }

    @Test func whoMustIsLedToIt() async throws {
        try await WebSite.with { web in
            try await web.site.money.write { transaction in
                try transaction.run(
                    "INSERT INTO setting (org_id, name, from_day, value) VALUES (1, 'access.totp', 0, 'staff')", [])
            }
            let ops = try await web.browser(nil)
            let answer = await ops.post("/sign-in", ["user": "ops", "password": WebSite.password, "back": "/meters"])
            #expect(answer.status == 303 && answer.location == "/me")
            #expect(await ops.get("/meters").location == "/me")
            #expect(await ops.get("/line").location == "/me")
            let me = await ops.get("/me")
            #expect(me.status == 200 && me.text.contains("/me/second-step/begin"))
            #expect(await ops.post("/meters/1071/read", ["csrf": try me.field("csrf")]).status == 403)
        }
    }
}
