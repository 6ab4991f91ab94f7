// The second step of signing in, on pages: the code after the password, and setting it up on one's own page.
import API
import Access
import Clocks
import SQL

extension Desk {
    var secondStepPages: [API.Page] {
        let own: EndpointAccess = .permission([.manageOwnLogin])
        let base = "\(Paths.me)/second-step"
        return [
            API.Page("POST", Paths.secondStep, access: .anyone, rate: .signIn) { try await finishSignIn($0) },
            API.Page("POST", "\(base)/begin", access: own, rate: .signIn) { call in
                let command = try BeginSecondStep(needSession(call), services.sessions.needRing())
                _ = try await call.perform(command)
                var part = try await secondStep(try call.actor.loginID, call)
                part.secret = (command.secretText, command.address)
                return try await me(call, secondStep: part)
            },
            API.Page("POST", "\(base)/confirm", access: own, rate: .signIn) { try await confirmSecondStep($0) },
            API.Page("POST", "\(base)/remove", access: own, rate: .signIn) { try await removeSecondStep($0) },
            API.Page("POST", "\(Paths.people)/{id}/second-step/reset", access: .permission([.manageLogins])) { call in
                _ = try await call.perform(ResetSecondStep(loginID: try id(call)))
                return .seeOther(Paths.person(try id(call)))
            },
        ]
    }

    private func needSession(_ call: PageCall) throws -> SignedIn {
        guard let session = call.session else { throw Refusal.notSignedIn }
        return session
    }

    func secondStep(_ loginID: Int64, _ call: PageCall) async throws -> SecondStepPart {
        let scope = try call.actor.scope
        let nowMs = services.site.clocks.businessNowMs()
        let state = try await services.site.money.read {
            try SecondStep.state(of: loginID, businessNowMs: nowMs, scope, in: $0)
        }
        return SecondStepPart(
            stage: SecondStepPart.Stage(rawValue: state.stage.rawValue) ?? .none, codesLeft: state.recoveryCodesLeft,
            isOffered: state.isOffered, isRequired: state.isRequired)
    }

    /// The answer to a proven sign-in: the cookie, and where to go.
    func opened(_ grant: SessionGrant, _ call: PageCall, back: String?) async throws -> Answer {
        // A session that came along is ended: nobody can plant one.
        if let old = call.presentedToken { try await services.sessions.revoke(token: old) }
        var answer = Answer.seeOther(grant.session.mustSetUpSecondStep ? Paths.me : back ?? "/")
        answer.headers.add("Set-Cookie", Authentication.cookie(grant, isHTTPS: services.isHTTPS))
        return answer
    }

    private func finishSignIn(_ call: PageCall) async throws -> Answer {
        var page = SecondStepView(
            proof: String((call.form["proof"] ?? "").prefix(64)), back: Self.ownPath(call.form["back"]))
        do {
            let grant = try await services.sessions.finishSignIn(
                proof: page.proof, code: call.form["code"] ?? "", from: call.call.remoteAddress,
                userAgent: call.call.headers["User-Agent"] ?? "")
            return try await opened(grant, call, back: page.back)
        } catch let refusal as Refusal where refusal.code == .unauthenticated {
            return show(SignInView(problems: [.expired], back: page.back), call, .none, status: 401)
        } catch let refusal as Refusal where refusal.at == "code" {
            page.problem = .wrong
            return show(page, call, .none, status: 401)
        } catch let refusal as Refusal where refusal.code == .tooMany {
            let seconds = refusal.retryAfterS ?? 60
            page.problem = .tooMany(retryAfterMs: seconds * 1000)
            var answer = show(page, call, .none, status: 429)
            answer.headers["Retry-After"] = String(seconds)
            return answer
        }
    }

    private func confirmSecondStep(_ call: PageCall) async throws -> Answer {
        do {
            let command = ConfirmSecondStep(
                try needSession(call), code: call.form["code"] ?? "", try services.sessions.needRing())
            _ = try await call.perform(command)
            var part = try await secondStep(try call.actor.loginID, call)
            part.recoveryCodes = command.recoveryCodes
            return try await me(call, secondStep: part)
        } catch let refusal as Refusal where refusal.at == "code" {
            return try await me(call, faults: [FormFault(field: "code", refusal: refusal)])
        }
    }

    private func removeSecondStep(_ call: PageCall) async throws -> Answer {
        do {
            try await services.sessions.removeSecondStep(
                of: needSession(call), password: call.form["secondPassword"] ?? "", code: call.form["code"] ?? "",
                from: call.call.remoteAddress)
            return .seeOther(Paths.me)
        } catch let refusal as Refusal where refusal.code == .invalid {
            let field = refusal.at == "password" ? "secondPassword" : "code"
            return try await me(call, faults: [FormFault(field: field, refusal: refusal)])
        }
    }
}
