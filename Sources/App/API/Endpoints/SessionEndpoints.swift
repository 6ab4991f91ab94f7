// Signing in, out, and who am I.
import Access

struct SignIn: APIModel {
    enum Use: String, Codable, CaseIterable { case cookie, bearer }
    var username: String
    var password: String
    var use: Use?

    static let notes: [String: Note] = [
        "username": Note("The login's username; upper and lower case are the same.", length: 1...200),
        "password": Note("The login's password.", length: 1...512),
        "use": Note("How the token comes back: in an HttpOnly cookie (the default) or, for programs, in the answer."),
    ]
}

struct SessionView: APIModel {
    var loginID: ID
    var name: String
    var role: Role
    var language: Language
    var companyID: ID
    var accountID: ID?
    var permissions: [String]
    var csrfToken: String
    var mustSetUpSecondStep: Bool
    var token: String?

    static let notes: [String: Note] = [
        "loginID": Note("The login."), "name": Note("The person's name."), "role": Note("What the login may do."),
        "language": Note("The language of the pages."), "companyID": Note("The company the login belongs to."),
        "accountID": Note("A consumer's own supply account."),
        "permissions": Note("Names of the permissions of the role."),
        "csrfToken": Note("To be sent as X-CSRF-Token with every write that is proven by the cookie."),
        "mustSetUpSecondStep": Note(
            "The company asks for a second step: until POST /api/v1/second-step and its confirmation nothing else goes."
        ),
        "token": Note("The bearer token, shown this once; only with use = bearer."),
    ]

    init(_ session: SignedIn, token: String? = nil) {
        self.init(session, csrfToken: Authentication.masked(session.csrfToken), token: token)
    }

    private init(_ session: SignedIn, csrfToken: String, token: String?) {
        loginID = ID(session.actor.loginID)
        name = session.name
        role = session.actor.role
        language = session.language
        companyID = ID(session.actor.scope.orgID)
        accountID = session.actor.scope.accountID.map { ID($0) }
        permissions = session.actor.permissions.map(\.rawValue).sorted()
        self.csrfToken = csrfToken
        mustSetUpSecondStep = session.mustSetUpSecondStep
        self.token = token
    }

    static let example = SessionView(
        SignedIn(
            actor: Actor(loginID: 21, role: .consumer, scope: Scope(orgID: 1, accountID: 77)), csrfToken: "",
            username: "asha", name: "Asha Devi", language: .hindi),
        // The same in every document, so under no mask.
        csrfToken: "021acef29d368f22", token: nil)
}

extension EndpointContext {
    func needSession() throws -> SignedIn {
        guard let session else { throw Refusal.notSignedIn }
        return session
    }

    /// The answer to a proven sign-in. A session that came with the request is ended: nobody plants one.
    func opened(_ grant: SessionGrant, use: SignIn.Use?) async throws -> Reply<SessionView> {
        if let old = presentedToken { try await services.sessions.revoke(token: old) }
        if use == .bearer { return Reply(SessionView(grant.session, token: grant.token)) }
        var headers = Headers()
        headers.add("Set-Cookie", Authentication.cookie(grant, isHTTPS: services.isHTTPS))
        return Reply(SessionView(grant.session), headers: headers)
    }
}

extension Endpoints {
    static let session: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<SignIn, SessionView>(
                "session.create", "POST", "/api/v1/session", access: .anyone,
                EndpointText(
                    "Sign in",
                    "Starts a session of 12 hours. A session that came with the request is ended, nobody plants one. "
                        + "Where the login has a second step, the answer is the problem second-step with a `proof`."
                ),
                example: SignIn(username: "asha", password: "correct horse battery", use: .cookie),
                outputExample: .example, rate: .signIn, problems: [.unauthenticated, .secondStep],
                replying: { input, context in
                    let grant = try await context.services.sessions.signIn(
                        username: input.username, password: input.password, from: context.call.remoteAddress,
                        userAgent: context.call.headers["User-Agent"] ?? "")
                    return try await context.opened(grant, use: input.use)
                })),
        AnyEndpoint(
            Endpoint<Nothing, SessionView>(
                "session.read", "GET", "/api/v1/session", access: .signedIn,
                EndpointText("Who am I", "The login of the session, its permissions and the CSRF token."),
                outputExample: .example,
                run: { _, context in SessionView(try context.needSession()) })),
        AnyEndpoint(
            Endpoint<Nothing, Nothing>(
                "session.delete", "DELETE", "/api/v1/session", access: .signedIn,
                EndpointText("Sign out", "Ends the session on the server and takes the cookie back."),
                outputExample: Nothing(),
                replying: { _, context in
                    if let token = context.presentedToken { try await context.services.sessions.revoke(token: token) }
                    var headers = Headers()
                    headers.add("Set-Cookie", Authentication.noCookie(isHTTPS: context.services.isHTTPS))
                    return Reply(Nothing(), headers: headers)
                })),
    ]
}
