// The hook for pages: forms, CSRF field, problems for browsers, compression.
import API
import Access
import Testing

@Suite struct PageTests {
    static let pages = Pages([
        Page("POST", "/sign-in", access: .anyone) { call in
            let grant = try await call.services.sessions.signIn(
                username: call.form["username"] ?? "", password: call.form["password"] ?? "",
                from: call.call.remoteAddress)
            var answer = Answer.seeOther("/")
            answer.headers.add("Set-Cookie", Authentication.cookie(grant, isHTTPS: call.services.isHTTPS))
            return answer
        },
        Page("POST", "/name", access: .signedIn) { call in
            Answer(
                "text/plain",
                "\(call.form.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }) \(try call.actor.role)")
        },
        Page("GET", "/long/{word}", access: .signedIn) { call in
            Answer("text/html; charset=utf-8", String(repeating: call.path["word"] ?? "", count: 2000))
        },
    ]) { problem, _, _ in
        Answer(status: problem.code.status, "text/html; charset=utf-8", "<h1>\(problem.code.title)</h1>")
    }

    static let form = ("Content-Type", "application/x-www-form-urlencoded")

    @Test func aFormIsTakenWithTheSessionsToken() async throws {
        try await Fixture.with(pages: Self.pages) { fixture in
            let csrf = try fixture.grant(.operator).session.csrfToken
            let cookie = try fixture.cookie(.operator)
            let good = await fixture.send(
                "POST", "/name", headers: cookie + [Self.form], body: "a=1+2&b=%E0%A4%86&csrf=\(csrf)")
            #expect(good.text == #"["a=1 2", "b=आ"] operator"#)
            let foreign = try fixture.grant(.operator, 2).session.csrfToken
            for body in ["a=1", "a=1&csrf=", "a=1&csrf=\(foreign)", "csrf=\(csrf)&csrf=\(csrf)"] {
                let bad = await fixture.send("POST", "/name", headers: cookie + [Self.form], body: body)
                #expect(bad.status == 403 || bad.status == 400, "\(body)")
            }
            let elsewhere = await fixture.send(
                "POST", "/name", headers: cookie + [Self.form, ("Sec-Fetch-Site", "cross-site")], body: "csrf=\(csrf)")
            #expect(elsewhere.problem == "csrf")
            let json = await fixture.send("POST", "/name", headers: cookie, body: "{}")
            #expect(json.status == 415)
        }
    }

    @Test func anotherSiteCannotSignABrowserIn() async throws {
        try await Fixture.with(pages: Self.pages) { fixture in
            let body = "username=operator-of-1&password=seven+green+tigers"
            for header in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null")] {
                let answer = await fixture.send(
                    "POST", "/sign-in", headers: [Self.form, ("Host", "busbar.example"), header], body: body)
                #expect(answer.status == 403 && answer.headers["Set-Cookie"] == nil)
            }
            let own = await fixture.send(
                "POST", "/sign-in",
                headers: [
                    Self.form, ("Host", "busbar.example"), ("Origin", "https://busbar.example"),
                    ("Sec-Fetch-Site", "same-origin"),
                ],
                body: body)
            #expect(own.status == 303 && own.headers["Location"] == "/" && own.headers["Set-Cookie"] != nil)
        }
    }

    @Test func browsersGetPagesAndProgramsGetProblems() async throws {
        try await Fixture.with(pages: Self.pages) { fixture in
            let browser = await fixture.send("GET", "/long/x", headers: [("Accept", "text/html,*/*;q=0.8")])
            #expect(browser.status == 401 && browser.text == "<h1>Not signed in</h1>")
            let program = await fixture.send("GET", "/long/x")
            #expect(program.headers["Content-Type"] == "application/problem+json")
            let api = await fixture.send("GET", "/api/v1/session", headers: [("Accept", "text/html")])
            #expect(api.headers["Content-Type"] == "application/problem+json")
        }
    }

    @Test func longAnswersAreCompressedWhenAsked() async throws {
        let tenth: (inout Services) -> Void = { $0.gzip = { [UInt8](repeating: 1, count: $0.count / 10) } }
        try await Fixture.with(tenth, pages: Self.pages) {
            fixture in
            let headers = try fixture.bearer(.operator)
            let plain = await fixture.send("GET", "/long/ab", headers: headers)
            #expect(plain.body.count == 4000 && plain.headers["Vary"] == "Accept-Encoding")
            let zipped = await fixture.send(
                "GET", "/long/ab", headers: headers + [("Accept-Encoding", "br, gzip;q=0.8")])
            #expect(zipped.body.count == 400 && zipped.headers["Content-Encoding"] == "gzip")
            #expect(zipped.headers["Content-Length"] == "400")
            let refused = await fixture.send("GET", "/long/ab", headers: headers + [("Accept-Encoding", "gzip;q=0")])
            #expect(refused.headers["Content-Encoding"] == nil)
            let short = await fixture.send("GET", "/health", headers: [("Accept-Encoding", "gzip")])
            #expect(short.headers["Content-Encoding"] == nil)
        }
    }
}
