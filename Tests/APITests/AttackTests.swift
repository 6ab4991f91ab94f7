// One test for each attack the API defends against.
import API
import Access
import Clocks
import Foundation
import SQL
import Testing

@Suite struct AttackTests {
    static let signIn = #"{"username":"operator-of-1","password":"seven green tigers"}"#

    // MARK: sessions

    @Test func writesByCookieNeedTheSessionsToken() async throws {
        try await Fixture.with { fixture in
            let path = "/api/v1/settings/supply.warn-below-paise"
            let body = #"{"value":"7000"}"#
            let cookie = try fixture.cookie(.administrator)
            let grant = try fixture.grant(.administrator)
            let bare = await fixture.send("PUT", path, headers: cookie, body: body)
            #expect(bare.status == 403 && bare.problem == "csrf")
            let foreign = try fixture.grant(.administrator, 2).session.csrfToken
            let wrong = await fixture.send("PUT", path, headers: cookie + [("X-CSRF-Token", foreign)], body: body)
            #expect(wrong.problem == "csrf")
            let changed = try await fixture.count(
                "SELECT COUNT(*) FROM setting WHERE name = 'supply.warn-below-paise'")
            #expect(changed == 0)
            let right = await fixture.send(
                "PUT", path, headers: cookie + [("X-CSRF-Token", grant.session.csrfToken)], body: body)
            #expect(right.status == 200)
            let signOut = await fixture.send("DELETE", "/api/v1/session", headers: cookie)
            #expect(signOut.problem == "csrf")
        }
    }

    @Test func aPlantedSessionIsNotTakenOver() async throws {
        try await Fixture.with { fixture in
            let planted = try fixture.grant(.consumer).token
            let answer = await fixture.send(
                "POST", "/api/v1/session", headers: [("Cookie", "busbar_session=\(planted)")], body: Self.signIn)
            let cookie = try #require(answer.headers["Set-Cookie"])
            #expect(answer.status == 200 && cookie.hasPrefix("busbar_session=") && !cookie.contains(planted))
            #expect(try await fixture.services.sessions.resolve(token: planted) == nil)
            let invented = await fixture.send(
                "POST", "/api/v1/session",
                headers: [("Cookie", "busbar_session=" + String(repeating: "a", count: 64))], body: Self.signIn)
            #expect(invented.headers["Set-Cookie"]?.contains(String(repeating: "a", count: 64)) == false)
        }
    }

    @Test func theCookieIsOutOfReachOfScriptsAndOtherSites() async throws {
        try await Fixture.with { fixture in
            let cookie = try #require(
                await fixture.send("POST", "/api/v1/session", body: Self.signIn).headers["Set-Cookie"])
            #expect(cookie.hasSuffix("; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200"))
        }
        let https: (inout Services) -> Void = { $0.isHTTPS = true }
        try await Fixture.with(https) { fixture in
            let answer = await fixture.send("POST", "/api/v1/session", body: Self.signIn)
            #expect(answer.headers["Set-Cookie"]?.hasSuffix("; Secure") == true)
            #expect(answer.headers["Strict-Transport-Security"] != nil)
            let json = try answer.json
            #expect(json["name"] != nil && json["token"] == nil)
        }
    }

    @Test func twoCookiesOfOneNameCountForNothing() async throws {
        try await Fixture.with { fixture in
            let token = try fixture.grant(.administrator).token
            let answer = await fixture.send(
                "GET", "/api/v1/session", headers: [("Cookie", "busbar_session=\(token); busbar_session=x")])
            #expect(answer.status == 401)
        }
    }

    @Test func guessingPasswordsIsLockedOut() async throws {
        try await Fixture.with { fixture in
            let wrong = #"{"username":"operator-of-1","password":"wrong wrong wrong"}"#
            var answers: [Answer] = []
            for _ in 0..<6 { answers.append(await fixture.send("POST", "/api/v1/session", body: wrong)) }
            #expect(answers.map(\.status) == [401, 401, 401, 401, 401, 429])
            #expect(answers[5].headers["Retry-After"] == "900" && answers[5].problem == "too-many")
            let unknown = await fixture.send(
                "POST", "/api/v1/session", body: #"{"username":"nobody","password":"wrong wrong wrong"}"#)
            #expect(unknown.body == answers[0].body)
        }
    }

    @Test func requestsAreCountedByCaller() async throws {
        var limits = HTTPLimits()
        limits.perMinute = [.reading: 3]
        try await Fixture.with(limits: limits) { fixture in
            let headers = try fixture.bearer(.operator)
            for _ in 0..<3 { #expect(await fixture.send("GET", "/api/v1/session", headers: headers).status == 200) }
            let stopped = await fixture.send("GET", "/api/v1/session", headers: headers)
            #expect(stopped.status == 429 && stopped.headers["Retry-After"] == "60")
            #expect(await fixture.send("GET", "/health").status == 200)
            fixture.clock.nowMs += 60_000
            #expect(await fixture.send("GET", "/api/v1/session", headers: headers).status == 200)
        }
    }

    @Test func aForwardedAddressCountsOnlyBehindATrustedProxy() async throws {
        let wrong = #"{"username":"operator-of-1","password":"wrong wrong wrong"}"#
        func lastStatus(_ fixture: Fixture, _ forwarded: (Int) -> String) async -> Int {
            var status = 0
            for number in 0..<6 {
                status = await fixture.send(
                    "POST", "/api/v1/session", headers: [("X-Forwarded-For", forwarded(number))], body: wrong
                ).status
            }
            return status
        }
        try await Fixture.with { #expect(await lastStatus($0) { "198.51.100.\($0)" } == 429) }
        let trusting: (inout Services) -> Void = { $0.trustsForwarded = true }
        try await Fixture.with(trusting) { fixture in
            #expect(await lastStatus(fixture) { "198.51.100.\($0)" } == 401)
            // What the caller wrote himself stands before what the proxy adds.
            #expect(await lastStatus(fixture) { "10.0.0.\($0), 192.0.2.77" } == 429)
        }
    }

    // MARK: bodies

    @Test(arguments: [65_536 + 1, 1_000_000])
    func anOversizedBodyIsRefused(_ size: Int) async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send("POST", "/api/v1/session", body: String(repeating: " ", count: size))
            #expect(answer.status == 413 && answer.problem == "too-large")
        }
    }

    @Test(arguments: ["[", #"{"a":"#])
    func deeplyNestedJSONIsRefused(_ opening: String) async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send("POST", "/api/v1/session", body: String(repeating: opening, count: 10_000))
            #expect(answer.status == 400 && answer.detail?.contains("nested deeper than 16") == true)
        }
    }

    @Test(arguments: [
        "", "{", "null", "[]", "{}x", #"{"username":}"#, #"{"username":"a","username":"b","password":"c"}"#,
        #"{"username":"a","password":"b","admin":true}"#, #"{"username":1,"password":"b"}"#,
        #"{"username":null,"password":"b"}"#,
        #"{"username":"a"}"#, #"{"username":"a","password":"b","use":"magic"}"#,
        #"{"username":"\ud800","password":"b"}"#,
        #"{"username":"\u0000","password":"b"}"#, "{\"username\":\"a\u{1}\",\"password\":\"b\"}", "{'username':'a'}",
        #"{"username":"","password":"b"}"#,
    ])
    func malformedInputIsRefusedWithTheField(_ body: String) async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send("POST", "/api/v1/session", body: body)
            #expect(answer.status == 400 && answer.problem == "invalid", "\(answer.text)")
            #expect(answer.at != nil)
        }
    }

    @Test func invalidUTF8IsRefused() async throws {
        try await Fixture.with { fixture in
            var headers = Headers()
            headers.add("Content-Type", "application/json")
            let body = Array(#"{"username":""#.utf8) + [0xC3, 0x28] + Array(#"","password":"b"}"#.utf8)
            let answer = await fixture.dispatcher.answer(
                Call(
                    method: "POST", path: "/api/v1/session", headers: headers, body: body, remoteAddress: "192.0.2.1",
                    requestID: "r"))
            #expect(answer.status == 400)
        }
    }

    @Test(arguments: [
        nil, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ])
    func onlyJSONIsTaken(_ type: String?) async throws {
        try await Fixture.with { fixture in
            var headers = Headers()
            if let type { headers.add("Content-Type", type) }
            let answer = await fixture.dispatcher.answer(
                Call(
                    method: "POST", path: "/api/v1/session", headers: headers, body: Array(Self.signIn.utf8),
                    remoteAddress: "192.0.2.1", requestID: "r"))
            #expect(answer.status == 415 && answer.problem == "unsupported-media-type")
        }
    }

    @Test(arguments: ["10.0", "1e1", "1E1", "010", "+1", "-0", "1_0", " 1", "١", "9223372036854775808", "", "0x1"])
    func wholeNumbersAreWrittenOneWay(_ text: String) async throws {
        try await Fixture.with { fixture in
            let encoded = try #require(text.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            let answer = await fixture.send(
                "GET", "/api/v1/logins", "limit=\(encoded)", headers: try fixture.bearer(.administrator))
            #expect(answer.status == 400 && answer.at == "limit", "\(text): \(answer.text)")
        }
    }

    @Test(arguments: ["100001.0", "1e3", "\"77\"x", "77", "\"077\"", "\"-77\"", "\"\"", "\"7 7\""])
    func idsAreTextsOfDigits(_ id: String) async throws {
        try await Fixture.with { fixture in
            let body = #"{"username":"newone","name":"N","role":"consumer","language":"en","accountID":\#(id)}"#
            let answer = await fixture.send(
                "POST", "/api/v1/logins", headers: try fixture.bearer(.administrator), body: body)
            #expect(answer.status == 400, "\(id): \(answer.text)")
        }
    }

    @Test(arguments: ["0", "abc", "-1", "1.0", "9999999999999999999", "%00", "%zz", "1%2F2", ".."])
    func aPathThatIsNoIdLeadsNowhere(_ segment: String) async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send(
                "POST", "/api/v1/logins/\(segment)/disable", headers: try fixture.bearer(.administrator))
            #expect(answer.status == 404, "\(answer.text)")
        }
    }

    @Test(arguments: ["limit=5&limit=6", "limt=5", "limit=%zz", "after=%FF", "loginID=5", "limit=0", "limit=201"])
    func queriesAreStrict(_ query: String) async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send("GET", "/api/v1/logins", query, headers: try fixture.bearer(.administrator))
            #expect(answer.status == 400 && answer.problem == "invalid", "\(answer.text)")
        }
    }

    // MARK: the rest of HTTP

    @Test func wrongMethodsGet405WithAllow() async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send("PATCH", "/api/v1/session")
            #expect(answer.status == 405 && answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST")
            #expect(await fixture.send("GET", "/api/v1/nothing").problem == "no-such-path")
            #expect(await fixture.send("GET", "/api/v1/session/").problem == "no-such-path")
            #expect(await fixture.send("GET", "//health").problem == "no-such-path")
            let long = await fixture.send("GET", "/" + String(repeating: "a", count: 5000))
            #expect(long.status == 413)
        }
    }

    @Test func headIsGetWithoutTheBody() async throws {
        try await Fixture.with { fixture in
            let get = await fixture.send("GET", "/problems")
            let head = await fixture.send("HEAD", "/problems")
            #expect(head.status == 200 && head.body.isEmpty && !get.body.isEmpty)
            // What is left of the rate is another at every request.
            func same(_ answer: Answer) -> Headers {
                var headers = answer.headers
                headers["RateLimit"] = nil
                return headers
            }
            #expect(same(head) == same(get))
        }
    }

    @Test func noValueBreaksOutOfItsHeader() {
        var headers = Headers()
        headers.add("X-Name", "a\r\nSet-Cookie: busbar_session=evil\u{0}\u{7F}")
        #expect(headers["X-Name"] == "aSet-Cookie: busbar_session=evil")
        headers["Location"] = "/x\n\n<script>"
        #expect(headers["Location"] == "/x<script>")
    }

    @Test func everyAnswerCarriesTheSecurityHeaders() async throws {
        try await Fixture.with { fixture in
            for answer in [
                await fixture.send("GET", "/health"), await fixture.send("GET", "/nothing"),
                await fixture.send("POST", "/api/v1/session", body: "{"), await fixture.send("GET", "/openapi.json"),
            ] {
                #expect(answer.headers["Content-Security-Policy"]?.hasPrefix("default-src 'self'") == true)
                #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
                #expect(answer.headers["Cache-Control"] == "no-store")
                #expect(answer.headers["X-Request-ID"] == "test-request")
            }
        }
    }

    @Test func logLinesHoldNoPersonalData() async throws {
        try await Fixture.with { fixture in
            let target = try #require(fixture.targets[1]?.loginID)
            _ = await fixture.send(
                "POST", "/api/v1/logins/\(target)/disable", headers: try fixture.bearer(.administrator))
            _ = await fixture.send("POST", "/api/v1/session", body: Self.signIn)
            _ = await fixture.send("GET", "/nothing/asha\n{\"forged\":1}")
            #expect(fixture.lines.all.count == 3)
            for line in fixture.lines.all {
                let json = try JSONValue(parsing: Array(line.utf8))
                #expect(json["request"]?.text == "test-request" && !line.contains("\n"))
                for secret in ["\(target)", "operator-of-1", "203.0.113.7", "tigers", "asha", "forged"] {
                    #expect(!line.contains(secret), "\(line)")
                }
            }
            #expect(fixture.lines.all[0].contains(#""route":"/api/v1/logins/{loginID}/disable""#))
        }
    }

    // MARK: failures inside

    @Test func databaseErrorsDoNotLeak() async throws {
        try await Fixture.with { fixture in
            let headers = try fixture.bearer(.administrator)
            try await fixture.site.money.write { _ = try $0.run("DROP TABLE setting") }
            let answer = await fixture.send("GET", "/api/v1/settings", headers: headers)
            #expect(answer.status == 500 && answer.problem == "internal")
            #expect(!answer.text.contains("setting") && !answer.text.lowercased().contains("sql"))
            #expect(fixture.lines.all.last?.contains("database") == true)
        }
    }

    @Test func aClosedDatabaseIsUnavailable() async throws {
        try await Fixture.with { fixture in
            await fixture.site.money.close()
            let answer = await fixture.send("GET", "/ready")
            #expect(answer.status == 503 && answer.problem == "unavailable" && answer.headers["Retry-After"] != nil)
            #expect(await fixture.send("GET", "/health").status == 200)
        }
    }

    @Test func slowWorkIsAnsweredInTime() async throws {
        var limits = HTTPLimits()
        limits.handlerLimitMs = 50
        let slow = Page("GET", "/slow", access: .anyone) { _ in
            try? await Task.sleep(for: .seconds(60))
            return Answer("text/plain", "late")
        }
        try await Fixture.with(limits: limits, pages: Pages([slow], problem: Pages.none.problem)) { fixture in
            let answer = await fixture.send("GET", "/slow")
            #expect(answer.status == 503 && answer.problem == "time-limit")
        }
    }
}
