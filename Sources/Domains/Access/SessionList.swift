// Sessions as people see them: where a login is signed in, ending one or all of them, and a new password of one's own.
import Clocks
import SQL

/// Where a sign-in comes from, as much of it as is kept.
struct Origin: Sendable {
    var address: String
    var userAgent: String

    /// The family of the browser alone: enough to know it again, too little to follow anybody by.
    var browser: String {
        // In this order: most browsers also claim to be the ones below them.
        let families = [
            ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"),
            ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"), ("python", "Python"),
        ]
        return families.first { userAgent.contains($0.0) }?.1 ?? ""
    }

    /// `203.0.113.x`, `2001:db8:1:2::/64`.
    var network: String {
        let network = AttemptCounter.network(of: address)
        guard network.contains("."), let dot = network.lastIndex(of: ".") else { return String(network.prefix(64)) }
        return String(network[..<dot].prefix(60)) + ".x"
    }
}

/// An open session as lists show it.
public struct SessionSummary: Sendable, Equatable {
    public var sessionID: Int64
    public var createdAtMs: Int64
    /// To the quarter hour, but not before it was opened.
    public var seenAtMs: Int64
    public var expiresAtMs: Int64
    /// Empty when it did not say.
    public var browser: String
    public var network: String

    public init(
        sessionID: Int64, createdAtMs: Int64, seenAtMs: Int64, expiresAtMs: Int64, browser: String, network: String
    ) {
        self.sessionID = sessionID
        self.createdAtMs = createdAtMs
        self.seenAtMs = seenAtMs
        self.expiresAtMs = expiresAtMs
        self.browser = browser
        self.network = network
    }
}

extension Sessions {
    /// The open sessions of a login, newest first. The caller has looked whether they may be seen.
    public static func list(
        of loginID: Int64, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [SessionSummary] {
        try transaction.query(
            """
            SELECT session_id, created_at_ms, seen_at_ms, expires_at_ms, browser, network FROM session
            WHERE org_id = $1 AND login_id = $2 AND expires_at_ms > $3 AND seen_at_ms > $4 AND revoked_at_ms IS NULL
            ORDER BY created_at_ms DESC, session_id DESC
            """, [.int(scope.orgID), .int(loginID), .int(nowMs), .int(nowMs - idleMs - seenStepMs)]
        ) { row in
            SessionSummary(
                sessionID: try row.int(0), createdAtMs: try row.int(1), seenAtMs: max(try row.int(1), try row.int(2)),
                expiresAtMs: try row.int(3), browser: try row.text(4), network: try row.text(5))
        }
    }
}

/// Ends one session of a login or all of them: one's own, or anybody's of the company for who manages logins.
public struct EndSessions: Command {
    public static let name = "access.end-sessions"
    public static let permissions: [Permission] = [.manageOwnLogin, .manageLogins]
    public let loginID: Int64
    /// Nil: all of them.
    public let sessionID: Int64?
    /// The session to be kept when all others end.
    public let keeping: Int64?

    public init(loginID: Int64, sessionID: Int64? = nil, keeping: Int64? = nil) {
        self.loginID = loginID
        self.sessionID = sessionID
        self.keeping = keeping
    }

    /// An ended session is ended.
    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String {
        "login=\(loginID) session=\(sessionID.map { String($0) } ?? "all")\(keeping == nil ? "" : " but this one")"
    }

    /// How many ended.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        guard loginID == context.actor.loginID || context.actor.has(.manageLogins) else {
            throw Logins.notFound(loginID)
        }
        _ = try Logins.find(loginID, context.actor.scope, in: transaction)
        let ended = try transaction.query(
            """
            SELECT session_id FROM session WHERE org_id = $1 AND login_id = $2 AND revoked_at_ms IS NULL
            ORDER BY session_id
            """, [.int(context.orgID), .int(loginID)]
        ) { try $0.int(0) }.filter { $0 != keeping && (sessionID == nil || $0 == sessionID) }
        if let sessionID, ended.isEmpty {
            throw Refusal(.notFound, "There is no open session \(sessionID).", at: "sessionID")
        }
        for id in ended {
            try transaction.run(
                "UPDATE session SET revoked_at_ms = $4 WHERE org_id = $1 AND login_id = $2 AND session_id = $3",
                [.int(context.orgID), .int(loginID), .int(id), .int(context.systemNowMs)])
            context.changed(.login(loginID), "session \(id)", from: "open", to: "ended")
        }
        return ended.count
    }
}

/// A new password of one's own, once the old one was proven. Ends every session of the login.
struct ChangeOwnPassword: Command {
    static let name = "access.change-own-password"
    static let permissions: [Permission] = [.manageOwnLogin]
    let loginID: Int64
    /// The proven one: a password that was set in between wins.
    let oldHash: String
    let newHash: String

    var key: String? { nil }
    var subjectID: Int64 { loginID }
    var content: String { "login=\(loginID)" }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let changed = try transaction.run(
            """
            UPDATE login SET password_hash = $3 WHERE org_id = $1 AND login_id = $2 AND password_hash = $4
              AND disabled_at_ms IS NULL
            """, [.int(context.orgID), .int(loginID), .text(newHash), .text(oldHash)])
        guard changed == 1 else {
            throw Refusal(.conflict, "The password was changed a moment ago.", hint: "Sign in again.")
        }
        context.changed(.login(loginID), "password", from: "set before", to: "set anew")
        try Sessions.revokeAll(loginID, context.actor.scope, nowMs: context.systemNowMs, in: transaction)
        return loginID
    }
}

/// What may be changed of a login that is there: what it may do, where, and its language.
public struct ChangeLogin: Command {
    public static let name = "access.change-login"
    public static let permissions: [Permission] = [.manageLogins]
    public let loginID: Int64
    public let role: Role
    public let language: Language
    public let accountID: Int64?
    public let placeID: Int64?

    public init(loginID: Int64, role: Role, language: Language, accountID: Int64?, placeID: Int64?) {
        self.loginID = loginID
        self.role = role
        self.language = language
        self.accountID = accountID
        self.placeID = placeID
    }

    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String {
        let parts = [accountID.map { "account=\($0)" }, placeID.map { "place=\($0)" }].compactMap { $0 }
        return (["login=\(loginID)", "role=\(role.rawValue)", "language=\(language.rawValue)"] + parts)
            .joined(separator: " ")
    }

    /// Whoever gains or loses rights signs in anew.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> LoginSummary {
        let before = try Logins.find(loginID, context.actor.scope, in: transaction)
        guard loginID != context.actor.loginID || before.role == role else {
            throw Refusal(
                .conflict, "You cannot change your own role.", hint: "Ask another administrator.", at: "role")
        }
        try NewLogin(
            username: before.username, name: before.name, role: role, language: language, accountID: accountID,
            placeID: placeID
        ).check()
        try transaction.run(
            """
            UPDATE login SET role = $3, language = $4, account_id = $5, place_id = $6
            WHERE org_id = $1 AND login_id = $2
            """,
            [
                .int(context.orgID), .int(loginID), .text(role.rawValue), .text(language.rawValue),
                .optional(accountID), .optional(placeID),
            ])
        let subject = AuditSubject.login(loginID)
        context.changed(subject, "role", from: before.role.rawValue, to: role.rawValue)
        context.changed(subject, "language", from: before.language.rawValue, to: language.rawValue)
        context.changed(
            subject, "account", from: before.accountID.map { String($0) }, to: accountID.map { String($0) })
        context.changed(subject, "place", from: before.placeID.map { String($0) }, to: placeID.map { String($0) })
        if before.role != role || before.accountID != accountID || before.placeID != placeID {
            try Sessions.revokeAll(loginID, context.actor.scope, nowMs: context.systemNowMs, in: transaction)
        }
        return try Logins.find(loginID, context.actor.scope, in: transaction)
    }
}
