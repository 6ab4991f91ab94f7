// One's own sessions and password, and the sessions and rights of others for who manages logins.
import Access
import Clocks

struct SessionItem: APIModel {
    var sessionID: ID
    var createdAtMs: Int64
    var seenAtMs: Int64
    var expiresAtMs: Int64
    var browser: String
    var network: String
    var isThisOne: Bool
    static let notes: [String: Note] = [
        "sessionID": Note("The session."), "createdAtMs": Note("When it was opened."),
        "seenAtMs": Note("When it was last used, to the quarter hour."),
        "expiresAtMs": Note("When it ends at the latest."),
        "browser": Note("The family of the browser; empty when it did not say."),
        "network": Note("Where it was opened from, shortened."), "isThisOne": Note("The session of this request."),
    ]

    init(_ session: SessionSummary, current: Int64?) {
        sessionID = ID(session.sessionID)
        createdAtMs = session.createdAtMs
        seenAtMs = session.seenAtMs
        expiresAtMs = session.expiresAtMs
        browser = session.browser
        network = session.network
        isThisOne = session.sessionID == current
    }
}

struct SessionItems: APIModel {
    var items: [SessionItem]
    static let notes: [String: Note] = ["items": Note("Newest first; at most 20.")]
    static let example = SessionItems(items: [
        SessionItem(
            SessionSummary(
                sessionID: 501, createdAtMs: 1_767_225_600_000, seenAtMs: 1_767_226_500_000,
                expiresAtMs: 1_767_268_800_000, browser: "Firefox", network: "203.0.113.x"), current: 501)
    ])
}

struct SessionPath: APIModel {
    var sessionID: ID
    static let notes: [String: Note] = ["sessionID": Note("The session.")]
}

struct EndedSessions: APIModel {
    var ended: Int
    static let notes: [String: Note] = ["ended": Note("How many sessions ended.")]
}

struct OwnPasswordChange: APIModel {
    var oldPassword: String
    var password: String
    var use: SignIn.Use?
    static let notes: [String: Note] = [
        "oldPassword": Note("The present password.", length: 1...512),
        "password": Note("The new one, 12 to 128 characters.", length: 12...128),
        "use": Note("How the new token comes back: cookie (the default) or bearer."),
    ]
}

struct LoginChange: APIModel {
    var loginID: ID
    var role: Role
    var language: Language
    var accountID: ID?
    var placeID: ID?
    static let notes: [String: Note] = [
        "loginID": Note("The login."), "role": Note("consumer, operator or administrator."),
        "language": Note("The language of the pages."), "accountID": Note("A consumer's own supply account."),
        "placeID": Note("The place an operator is confined to; absent: the whole company."),
    ]
}

struct LoginSessionsPath: APIModel {
    var loginID: ID
    static let notes: [String: Note] = ["loginID": Note("The login.")]
}

extension Endpoints {
    private static func sessions(of loginID: Int64, _ context: EndpointContext) async throws -> SessionItems {
        let nowMs = context.services.site.clocks.systemNowMs()
        let found = try await context.read { transaction, scope in
            _ = try Logins.find(loginID, scope, in: transaction)
            return try Sessions.list(of: loginID, nowMs: nowMs, scope, in: transaction)
        }
        return SessionItems(items: found.map { SessionItem($0, current: context.session?.sessionID) })
    }

    static let people: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, SessionItems>(
                "sessions.list", "GET", "/api/v1/sessions", access: .permission([.manageOwnLogin]),
                EndpointText("Your open sessions", "Where your login is signed in."), outputExample: .example,
                run: { _, context in try await sessions(of: try context.actor.loginID, context) })),
        AnyEndpoint(
            Endpoint<SessionPath, EndedSessions>(
                "sessions.end", "DELETE", "/api/v1/sessions/{sessionID}", access: .permission([.manageOwnLogin]),
                EndpointText("End one of your sessions", "Its token is worth nothing from then on."),
                example: SessionPath(sessionID: ID(501)), outputExample: EndedSessions(ended: 1), problems: [.notFound],
                run: { input, context in
                    EndedSessions(
                        ended: try await context.perform(
                            EndSessions(loginID: try context.actor.loginID, sessionID: input.sessionID.value)))
                })),
        AnyEndpoint(
            Endpoint<Nothing, EndedSessions>(
                "sessions.end-others", "DELETE", "/api/v1/sessions", access: .permission([.manageOwnLogin]),
                EndpointText("End your other sessions", "All but the one of this request."),
                outputExample: EndedSessions(ended: 2),
                run: { _, context in
                    EndedSessions(
                        ended: try await context.perform(
                            EndSessions(loginID: try context.actor.loginID, keeping: context.session?.sessionID)))
                })),
        AnyEndpoint(
            Endpoint<OwnPasswordChange, SessionView>(
                "session.password", "POST", "/api/v1/session/password", access: .permission([.manageOwnLogin]),
                EndpointText(
                    "Change your password", "Ends every session of the login and opens a new one with a new token."),
                example: OwnPasswordChange(
                    oldPassword: "nine blue tigers", password: "seven green tigers", use: .cookie),
                outputExample: .example, rate: .signIn, problems: [.conflict],
                replying: { input, context in
                    guard let session = context.session else {
                        throw Refusal.notSignedIn
                    }
                    let grant = try await context.services.sessions.changePassword(
                        of: session, old: input.oldPassword, new: input.password, from: context.call.remoteAddress,
                        userAgent: context.call.headers["User-Agent"] ?? "")
                    if input.use == .bearer { return Reply(SessionView(grant.session, token: grant.token)) }
                    var headers = Headers()
                    headers.add("Set-Cookie", Authentication.cookie(grant, isHTTPS: context.services.isHTTPS))
                    return Reply(SessionView(grant.session), headers: headers)
                })),
        AnyEndpoint(
            Endpoint<LoginSessionsPath, SessionItems>(
                "logins.sessions", "GET", "/api/v1/logins/{loginID}/sessions", access: .permission([.manageLogins]),
                EndpointText("Open sessions of a login", "Where somebody of your company is signed in."),
                example: LoginSessionsPath(loginID: ID(21)), outputExample: .example, problems: [.notFound],
                run: { input, context in try await sessions(of: input.loginID.value, context) })),
        AnyEndpoint(
            Endpoint<LoginSessionsPath, EndedSessions>(
                "logins.end-sessions", "DELETE", "/api/v1/logins/{loginID}/sessions",
                access: .permission([.manageLogins]),
                EndpointText("End all sessions of a login", "The person has to sign in again."),
                example: LoginSessionsPath(loginID: ID(21)), outputExample: EndedSessions(ended: 1),
                problems: [.notFound],
                run: { input, context in
                    EndedSessions(ended: try await context.perform(EndSessions(loginID: input.loginID.value)))
                })),
        AnyEndpoint(
            Endpoint<LoginChange, LoginView>(
                "logins.change", "PUT", "/api/v1/logins/{loginID}", access: .permission([.manageLogins]),
                EndpointText(
                    "Change what a login may do",
                    "Role, place, account and language together. A change of rights ends its sessions."),
                example: LoginChange(loginID: ID(21), role: .consumer, language: .hindi, accountID: ID(77)),
                outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    LoginView(
                        try await context.perform(
                            ChangeLogin(
                                loginID: input.loginID.value, role: input.role, language: input.language,
                                accountID: input.accountID?.value, placeID: input.placeID?.value)))
                })),
    ]
}
