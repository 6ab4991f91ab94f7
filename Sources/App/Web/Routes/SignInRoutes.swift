// Signing in and out, the way to the first page, the language.
import API
import Access

extension Desk {
    var signInPages: [API.Page] {
        [
            API.Page("GET", "/", access: .anyone) { call in
                guard let session = call.session else { return .seeOther(Paths.signIn) }
                return .seeOther(session.actor.scope.accountID.map(Paths.account) ?? Paths.line)
            },
            API.Page("GET", Paths.signIn, access: .anyone) { call in
                let page = SignInView(back: Self.ownPath(call.query["back"]), isSignedOut: call.query["out"] != nil)
                return show(page, call, .none)
            },
            API.Page("POST", Paths.signIn, access: .anyone, rate: .signIn) { try await signIn($0) },
            API.Page("POST", Paths.signOut, access: .signedIn) { call in
                if let token = call.presentedToken { try await services.sessions.revoke(token: token) }
                var answer = Answer.seeOther("\(Paths.signIn)?out=1")
                answer.headers.add("Set-Cookie", Authentication.noCookie(isHTTPS: services.isHTTPS))
                return answer
            },
            API.Page("GET", "/language/{code}", access: .anyone) { try chooseLanguage($0) },
        ]
    }

    private func signIn(_ call: PageCall) async throws -> Answer {
        let (user, password) = (call.form["user"] ?? "", call.form["password"] ?? "")
        var page = SignInView(userName: String(user.prefix(200)), back: Self.ownPath(call.form["back"]))
        if user.isEmpty { page.problems.append(.nameMissing) }
        if password.isEmpty { page.problems.append(.passwordMissing) }
        guard page.problems.isEmpty else { return show(page, call, .none, status: 422) }
        do {
            let grant = try await services.sessions.signIn(
                username: user, password: password, from: call.call.remoteAddress,
                userAgent: call.call.headers["User-Agent"] ?? "")
            return try await opened(grant, call, back: page.back)
        } catch let needed as SecondStepNeeded {
            return show(SecondStepView(proof: needed.proof, back: page.back), call, .none)
        } catch let refusal as Refusal where refusal.code == .unauthenticated {
            page.problems = [.wrong]
            return show(page, call, .none, status: 401)
        } catch let refusal as Refusal where refusal.code == .tooMany {
            let seconds = refusal.retryAfterS ?? 60
            page.problems = [.tooMany(retryAfterMs: seconds * 1000)]
            var answer = show(page, call, .none, status: 429)
            answer.headers["Retry-After"] = String(seconds)
            return answer
        }
    }
}
