// Keys of programs: shown once, narrower than their maker, ended at once; what they do is told in the audit.
import API
import Access
import CivilTime
import Clocks
import Foundation
import HeadEnd
import Payments
import SQL
import Testing

@Suite struct KeyTests {
    static let accounts = "/api/v1/accounts"

    @Test func theSecretIsShownOnceAndStoredNowhere() async throws {
        try await Fixture.with { fixture in
            let admin = try fixture.bearer(.administrator)
            let body = #"{"name":"Call centre","permissions":["accounts.read"],"until":"2026-12-31"}"#
            let added = await fixture.send("POST", "/api/v1/keys", headers: admin, body: body)
            #expect(added.status == 201, "\(added.text)")
            let token = try #require(try added.json["token"]?.text)
            #expect(token.hasPrefix("bbk_") && token.split(separator: "_").last?.count == 64)
            let again = await fixture.send("POST", "/api/v1/keys", headers: admin, body: body)
            #expect(again.status == 409 && again.at == "name")
            let used = await fixture.send("GET", Self.accounts, headers: [("Authorization", "Bearer \(token)")])
            #expect(used.status == 200)
            let list = await fixture.send("GET", "/api/v1/keys", headers: admin)
            let secret = try #require(token.split(separator: "_").last.map(String.init))
            #expect(list.text.contains("Call centre") && !list.text.contains(secret))
            #expect(list.text.contains("\"lastUsedDay\":\"2026-01-01\""), "\(list.text)")
            let file = try Data(contentsOf: fixture.file)
            #expect(file.range(of: Data(secret.utf8)) == nil)
            #expect(fixture.lines.all.allSatisfy { !$0.contains(secret) })
        }
    }

    @Test func whatIsOverOrWrongIsRefusedAtOnce() async throws {
        try await Fixture.with { fixture in
            func status(_ token: String) async -> Int {
                await fixture.send("GET", Self.accounts, headers: [("Authorization", "Bearer \(token)")]).status
            }
            let (made, token) = try await fixture.newKey([.readAccounts], until: CivilDay(number: 20_456))
            #expect(await status(token) == 200)
            let flipped = String(token.dropLast()) + (token.hasSuffix("0") ? "1" : "0")
            for wrong in [
                flipped, "bbk_\(made.keyID)_", "bbk_\(made.keyID)", "bbk__", "bbk_0\(token.dropFirst(4))",
                token.uppercased(), token + "0", "bbk_" + String(repeating: "9", count: 90),
            ] { #expect(await status(wrong) == 401, "\(wrong)") }
            let cookie = await fixture.send("GET", Self.accounts, headers: [("Cookie", "busbar_session=\(token)")])
            #expect(cookie.status == 401, "a key is no cookie")
            // 2026-01-03 is its last day in India; it ends at 18:30 UTC.
            fixture.clock.nowMs += 2 * 86_400_000 + (18 * 60 + 29) * 60_000
            #expect(await status(token) == 200)
            fixture.clock.nowMs += 60_000
            #expect(await status(token) == 401)

            let (other, otherToken) = try await fixture.newKey([.readAccounts])
            #expect(await status(otherToken) == 200)
            let admin = try fixture.grant(.administrator).session.actor
            let revoked = try await fixture.site.perform(
                RevokeAPIKey(keyID: other.keyID), as: admin, source: "test")
            #expect(await status(otherToken) == 401 && revoked.revokedAtMs != nil)
            let twice = try await fixture.site.perform(
                RevokeAPIKey(keyID: other.keyID), as: admin, source: "test")
            #expect(twice.revokedAtMs == revoked.revokedAtMs)
        }
    }

    @Test func aKeyEndsWithItsMaker() async throws {
        try await Fixture.with { fixture in
            let headers = try await fixture.keyHeaders([.readAccounts])
            let maker = try fixture.grant(.administrator).session.actor.loginID
            _ = try await fixture.site.perform(
                DisableLogin(loginID: maker), as: .system(orgID: 1), source: "test")
            #expect(await fixture.send("GET", Self.accounts, headers: headers).status == 401)
        }
    }

    @Test func nobodyGivesWhatNobodyHas() async throws {
        try await Fixture.with { fixture in
            let admin = try fixture.bearer(.administrator)
            func add(_ permissions: String, _ more: String = "") async -> Answer {
                await fixture.send(
                    "POST", "/api/v1/keys", headers: admin,
                    body: #"{"name":"K","permissions":[\#(permissions)],"until":"2026-12-31"\#(more)}"#)
            }
            for bad in ["", "\"logins.manage\"", "\"account.read-own\"", "\"meters.read\",\"logins.manage\""] {
                let answer = await add(bad)
                #expect(answer.status == 400 && answer.at == "permissions", "\(bad): \(answer.text)")
            }
            let far = await fixture.send(
                "POST", "/api/v1/keys", headers: admin,
                body: #"{"name":"K","permissions":["meters.read"],"until":"2028-06-01"}"#)
            #expect(far.status == 400 && far.at == "until")
            let nowhere = await add("\"meters.read\"", #","placeID":"999""#)
            #expect(nowhere.status == 404 && nowhere.at == "placeID")
            // The command asks by itself, whoever calls it.
            var narrow = try fixture.grant(.administrator).session.actor
            narrow.restrictedTo = [.manageLogins, .readMeters]
            for (actor, granted) in [
                (narrow, Permission.readAccounts), (try fixture.grant(.operator).session.actor, .readAccounts),
            ] {
                let command = try AddAPIKey(
                    name: "K", permissions: [granted], placeID: nil, until: CivilDay(number: 20_600))
                await #expect(throws: Refusal.self) {
                    try await fixture.site.perform(command, as: actor, source: "test")
                }
            }
            #expect(try await fixture.count("SELECT COUNT(*) FROM api_key WHERE name = 'K'") == 0)
        }
    }

    @Test func aKeyOfAPlaceSeesThatPlace() async throws {
        try await Fixture.with { fixture in
            let headers = try await fixture.keyHeaders([.readAccounts, .readMeters], placeID: 12)
            let list = await fixture.send("GET", Self.accounts, headers: headers)
            #expect(list.text.contains("A-81") && !list.text.contains("A-71"))
            #expect(await fixture.send("GET", "\(Self.accounts)/71", headers: headers).status == 404)
            let places = await fixture.send("GET", "/api/v1/places", headers: headers)
            #expect(try places.json["items"]?.items?.count == 1)
        }
    }

    @Test func theAuditNamesTheKey() async throws {
        try await Fixture.with { fixture in
            let (made, token) = try await fixture.newKey([.rechargeAccounts])
            let answer = await fixture.send(
                "POST", "\(Self.accounts)/71/recharges",
                headers: [("Authorization", "Bearer \(token)"), ("Idempotency-Key", "by-a-key-1")],
                body: #"{"amountPaise":20000}"#)
            #expect(answer.status == 201, "\(answer.text)")
            let rows = try await fixture.count(
                """
                SELECT COUNT(*) FROM audit WHERE command = 'payments.recharge'
                  AND source = 'key \(made.keyID) http 203.0.113.7' AND role = 'administrator'
                """)
            #expect(rows == 1)
            #expect(fixture.lines.all.contains { $0.contains("\"api_key\":\"\(made.keyID)\"") })
        }
    }

    @Test func keysAreCountedEachForItselfAndStayOffPages() async throws {
        var limits = HTTPLimits()
        limits.perMinute[.reading] = 5
        let page = Page("GET", "/line", access: .permission([.readMeters])) { _ in Answer("text/html", "page") }
        let home = Page("GET", "/", access: .anyone) { _ in Answer("text/html", "home") }
        try await Fixture.with(limits: limits, pages: Pages([page, home], problem: Pages.none.problem)) { fixture in
            let headers = try await fixture.keyHeaders([.readMeters, .readAccounts])
            #expect(await fixture.send("GET", "/line", headers: headers).status == 403)
            #expect(await fixture.send("GET", "/", headers: headers).status == 403)
            var last = Answer(status: 0)
            for _ in 0..<4 { last = await fixture.send("GET", Self.accounts, headers: headers) }
            #expect(last.status == 429 && last.headers["Retry-After"] == "60", "\(last.headers)")
            #expect(last.headers["RateLimit-Policy"] == "\"reading\";q=5;w=60")
            #expect(last.headers["RateLimit"] == "\"reading\";r=0;t=60")
        }
    }

    // MARK: what was asked before

    @Test func anEarlierAnswerGoesOnlyToWhoMaySeeIt() async throws {
        try await Fixture.with { fixture in
            func actor(_ place: Int64?) -> Actor {
                Actor(loginID: 5, role: .operator, scope: Scope(orgID: 1, placeIDs: place.map { [$0] }))
            }
            let recharge = Recharge(accountID: 71, amountPaise: 20_000, method: .cash, reference: "paid-once")
            let read = OrderRead(meterID: 1071, reference: "read-once")
            let first = try await fixture.site.perform(recharge, as: actor(nil), source: "test")
            let order = try await fixture.site.perform(read, as: actor(11), source: "test")
            #expect(try await fixture.site.perform(recharge, as: actor(11), source: "test") == first)
            #expect(try await fixture.site.perform(read, as: actor(nil), source: "test") == order)
            await #expect(throws: Refusal.self) {
                try await fixture.site.perform(recharge, as: actor(12), source: "test")
            }
            await #expect(throws: Refusal.self) {
                try await fixture.site.perform(read, as: actor(12), source: "test")
            }
            let consumer = Actor(loginID: 6, role: .consumer, scope: Scope(orgID: 1, accountID: 81))
            let own = Recharge(accountID: 71, amountPaise: 20_000, method: .cash, reference: "paid-once")
            await #expect(throws: Refusal.self) {
                try await fixture.site.perform(own, as: consumer, source: "test")
            }
        }
    }
}
