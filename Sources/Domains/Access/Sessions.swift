// Sessions: signing in and out on the server's side. The browser holds a random token; only its SHA-256 is stored.
// Lives on the system clock: fast business time must not end sessions.
import Clocks
import Cryptography
import SQL

/// What signing in gives. The token is shown once and never stored.
public struct SessionGrant: Sendable {
    /// 256 random bits as 64 hexadecimal digits.
    public var token: String
    public var session: SignedIn
    public var expiresAtMs: Int64
}

/// Who a session token stands for.
public struct SignedIn: Sendable {
    public var actor: Actor
    /// Sent back with every write from a page: header `X-CSRF-Token` or the form field `csrf`.
    public var csrfToken: String
    public var username: String
    public var name: String
    public var language: Language
    /// The number to end it by; 0 where there is no stored session.
    public var sessionID: Int64 = 0
    /// The company asks for a second step and the login has none: until then it may do nothing but set one up.
    public var mustSetUpSecondStep = false

    public init(actor: Actor, csrfToken: String, username: String, name: String, language: Language) {
        self.actor = actor
        self.csrfToken = csrfToken
        self.username = username
        self.name = name
        self.language = language
    }
}

public struct Sessions: Sendable {
    /// A session ends 12 hours after sign-in, used or not: one working day.
    public static let lifetimeMs: Int64 = 12 * 3_600_000
    /// And two hours after it was last used.
    public static let idleMs: Int64 = 2 * 3_600_000
    /// When a session was last used is known to the quarter hour: nobody's steps are followed closer, and a request
    /// writes at most four times an hour.
    public static let seenStepMs: Int64 = 15 * 60_000
    /// What ends later than this from now was opened by a clock that was ahead by more than an hour.
    private static let longestMs = lifetimeMs + 3_600_000
    /// The oldest session of a login ends when there is one more.
    public static let perLoginMax = 20

    let site: Site
    let passwords: PasswordHasher
    /// Opens the secrets of second steps; nil where there are none.
    let ring: KeyRing?
    /// Five tries for a name from one address in 15 minutes, 50 for all names from one address.
    let byName = AttemptCounter(limit: 5, windowMs: 15 * 60_000)
    let byAddress = AttemptCounter(limit: 50, windowMs: 15 * 60_000)
    /// Five codes of a login in 15 minutes, from wherever.
    let byLogin = AttemptCounter(limit: 5, windowMs: 15 * 60_000)

    public init(site: Site, passwords: PasswordHasher, ring: KeyRing? = nil) {
        self.ring = ring
        self.site = site
        self.passwords = passwords
    }

    /// Always a new token, whatever the caller holds already.
    ///
    /// Unknown, disabled and wrong password give the same ``Refusal`` (`unauthenticated`) after the same work.
    /// Too many tries give `tooMany` with `retryAfterS`, before any work.
    /// With the password right and a second step set up, ``SecondStepNeeded`` is thrown and no session is opened.
    /// - Parameter userAgent: the header as it came; only the family of the browser is kept.
    public func signIn(
        username: String, password: String, from address: String, userAgent: String = ""
    ) async throws -> SessionGrant {
        let name = Credentials.normalized(username)
        let nameKey = "\(name)|\(AttemptCounter.network(of: address))"
        try allow(nameKey, address)
        // Too long for any login: still pays for a hash, of nothing.
        let fits = name.utf8.count <= Credentials.usernameLength.upperBound && password.utf8.count <= 512
        let found = fits ? try await site.money.read { try Self.candidate(name, in: $0) } : nil
        let proven = try await passwords.verify(
            fits ? password : "", encoded: found?.passwordHash ?? PasswordHash.decoy)
        guard proven, let found, !found.disabled else { throw Self.wrong }
        byName.clear(nameKey)
        // An office behind one address signs in all morning: who proves himself does not count against the others.
        byAddress.giveBack(AttemptCounter.network(of: address))
        try await askForSecondStep(found)
        return try await open(found, Origin(address: address, userAgent: userAgent))
    }

    /// A new password for one's own login: the old one must be known. Ends every session and opens a new one.
    ///
    /// Wrong tries count as those of signing in, by login; the sixth in 15 minutes waits.
    public func changePassword(
        of session: SignedIn, old: String, new: String, from address: String, userAgent: String = ""
    ) async throws -> SessionGrant {
        let actor = session.actor
        let nameKey = "own \(actor.scope.orgID) \(actor.loginID)"
        try allow(nameKey, address)
        let found = try await site.money.read { try Self.candidate(session.username, in: $0) }
        guard let found, found.loginID == actor.loginID,
            try await passwords.verify(old.utf8.count <= 512 ? old : "", encoded: found.passwordHash)
        else {
            await site.noteRefusal(
                ChangeOwnPassword.name, as: actor, source: "http \(address)", because: "old password wrong")
            throw Refusal(
                .invalid, "The present password is wrong.", hint: "An administrator can set a new one.",
                at: "oldPassword")
        }
        guard old != new else {
            throw Refusal(.invalid, "The new password is the old one.", hint: "Choose another one.", at: "password")
        }
        try await passwords.refuseGuessable(new, username: session.username, name: session.name)
        let command = ChangeOwnPassword(
            loginID: actor.loginID, oldHash: found.passwordHash, newHash: try await passwords.hash(new))
        _ = try await site.perform(command, as: actor, source: "http \(address)")
        byName.clear(nameKey)
        byAddress.giveBack(AttemptCounter.network(of: address))
        var proven = found
        proven.passwordHash = command.newHash
        return try await open(proven, Origin(address: address, userAgent: userAgent))
    }

    /// Who the token of a session, or the key of a program, stands for; nil when it is unknown, over, revoked, or its
    /// login disabled.
    public func resolve(token: String) async throws -> SignedIn? {
        if token.hasPrefix(APIKeys.prefix) { return try await APIKeys.resolve(token: token, site) }
        guard let hash = Self.hash(of: token) else { return nil }
        let nowMs = site.clocks.systemNowMs()
        let businessNowMs = site.clocks.businessNowMs()
        let found = try await site.money.read { transaction in
            guard var found = try Self.session(hash, nowMs, in: transaction) else { return Found?.none }
            guard !found.hasSecondStep, found.session.actor.role != .consumer else { return found }
            let actor = found.session.actor
            let rule = try SecondStep.rule(actor.scope, businessNowMs: businessNowMs, in: transaction)
            if SecondStep.isRequired(rule, of: actor.role) {
                found.session.mustSetUpSecondStep = true
                found.session.actor.restrictedTo = [.manageOwnLogin]
            }
            return found
        }
        guard let found else { return nil }
        let step = nowMs - nowMs % Self.seenStepMs
        if found.seenAtMs < step {
            let orgID = found.session.actor.scope.orgID
            try await site.money.write { transaction in
                _ = try transaction.run(
                    "UPDATE session SET seen_at_ms = $3 WHERE token_hash = $1 AND org_id = $2 AND seen_at_ms < $3",
                    [.bytes(hash), .int(orgID), .int(step)])
            }
        }
        return found.session
    }

    private struct Found: Sendable {
        var session: SignedIn
        var seenAtMs: Int64
        var hasSecondStep: Bool
    }

    private static func session(
        _ hash: [UInt8], _ nowMs: Int64, in transaction: any SQLTransaction
    ) throws -> Found? {
        try transaction.first(
            """
            SELECT l.org_id, l.login_id, l.role, l.account_id, l.place_id, s.csrf_token, l.username, l.name,
              l.language, s.session_id, s.seen_at_ms, t.confirmed_at_ms
            FROM session s JOIN login l ON l.org_id = s.org_id AND l.login_id = s.login_id
              LEFT JOIN login_totp t ON t.org_id = l.org_id AND t.login_id = l.login_id
            WHERE s.token_hash = $1 AND s.expires_at_ms > $2 AND s.seen_at_ms > $3 AND s.expires_at_ms <= $4
              AND s.revoked_at_ms IS NULL AND l.disabled_at_ms IS NULL LIMIT 1
            """,
            // One that ends later than any could was opened by a clock that was ahead, and would live too long.
            [
                .bytes(hash), .int(nowMs), .int(nowMs - idleMs - seenStepMs),
                .int(nowMs + longestMs),
            ]
        ) { row in
            let scope = Scope(
                orgID: try row.int(0), placeIDs: try row.optionalInt(4).map { [$0] },
                accountID: try row.optionalInt(3))
            var session = SignedIn(
                actor: Actor(loginID: try row.int(1), role: try Logins.known(try row.text(2)), scope: scope),
                csrfToken: try row.text(5), username: try row.text(6), name: try row.text(7),
                language: try Logins.known(try row.text(8)))
            session.sessionID = try row.int(9)
            return Found(
                session: session, seenAtMs: try row.int(10), hasSecondStep: try row.optionalInt(11) != nil)
        }
    }

    /// Ends one session. An unknown token is no error: it is ended already.
    public func revoke(token: String) async throws {
        guard let hash = Self.hash(of: token) else { return }
        let nowMs = site.clocks.systemNowMs()
        try await site.money.write { transaction in
            _ = try transaction.run(
                "UPDATE session SET revoked_at_ms = $2 WHERE token_hash = $1 AND revoked_at_ms IS NULL",
                [.bytes(hash), .int(nowMs)])
        }
    }

    /// Ends every session of a login, in the transaction of its cause.
    public static func revokeAll(
        _ loginID: Int64, _ scope: Scope, nowMs: Int64, in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            "UPDATE session SET revoked_at_ms = $3 WHERE org_id = $1 AND login_id = $2 AND revoked_at_ms IS NULL",
            [.int(scope.orgID), .int(loginID), .int(nowMs)])
        // And sign-ins that stopped at the password.
        try transaction.run(
            "DELETE FROM login_half_open WHERE org_id = $1 AND login_id = $2", [.int(scope.orgID), .int(loginID)])
    }

    // MARK: inside

    private static let wrong = Refusal(
        .unauthenticated, "Username or password is wrong.", hint: "Check both; an administrator can set a new password."
    )

    /// Counted before the password is looked at, so that tries sent at once are all counted.
    func allow(_ nameKey: String, _ address: String) throws {
        let nowMs = site.clocks.systemNowMs()
        let waitMs =
            byAddress.attempt(AttemptCounter.network(of: address), nowMs: nowMs)
            ?? byName.attempt(nameKey, nowMs: nowMs)
        guard let waitMs else { return }
        let waitS = (waitMs + 999) / 1000
        throw Refusal(
            .tooMany, "Too many attempts to sign in.", hint: "Wait \((waitS + 59) / 60) minutes and try again.",
            retryAfterS: waitS)
    }

    struct Candidate: Sendable {
        var orgID: Int64
        var loginID: Int64
        var passwordHash: String
        var disabled: Bool
        var role: Role
        var hasSecondStep: Bool
    }

    static func candidate(_ username: String, in transaction: any SQLTransaction) throws -> Candidate? {
        try transaction.first(
            """
            SELECT l.org_id, l.login_id, l.password_hash, l.disabled_at_ms, l.role, t.confirmed_at_ms
            FROM login l LEFT JOIN login_totp t ON t.org_id = l.org_id AND t.login_id = l.login_id
            WHERE l.username = $1 LIMIT 1
            """, [.text(username)]
        ) { row in
            Candidate(
                orgID: try row.int(0), loginID: try row.int(1), passwordHash: try row.text(2),
                disabled: try row.optionalInt(3) != nil, role: try Logins.known(try row.text(4)),
                hasSecondStep: try row.optionalInt(5) != nil)
        }
    }

    /// Stores the session, unless the password was changed or the login disabled since it was proven.
    /// - Parameter proving: what must hold besides, in the same transaction; gives the words of the audit row.
    func open(
        _ found: Candidate, _ origin: Origin,
        proving: @escaping @Sendable (any SQLTransaction) throws -> String = { _ in "" }
    ) async throws -> SessionGrant {
        let raw = Secret.bytes(32)
        let token = Secret.hex(raw)
        let csrfToken = Secret.hex(Secret.bytes(16))
        let nowMs = site.clocks.systemNowMs()
        let (site, ids) = (site, site.ids)
        try await site.money.write { transaction in
            let content = try proving(transaction)
            let stored = try transaction.run(
                """
                INSERT INTO session (token_hash, org_id, session_id, login_id, csrf_token, created_at_ms, seen_at_ms,
                  expires_at_ms, browser, network) SELECT $1, org_id, $8, login_id, $4, $5, $9, $6, $10, $11 FROM login
                WHERE org_id = $2 AND login_id = $3 AND password_hash = $7 AND disabled_at_ms IS NULL
                """,
                [
                    .bytes(Hash.sha256(raw)), .int(found.orgID), .int(found.loginID), .text(csrfToken), .int(nowMs),
                    .int(nowMs + Self.lifetimeMs), .text(found.passwordHash), .int(ids.next()),
                    .int(nowMs - nowMs % Self.seenStepMs), .text(origin.browser), .text(origin.network),
                ])
            guard stored == 1 else { throw Self.wrong }
            try Self.tidy(found, nowMs, in: transaction)
            let login = try Logins.find(found.loginID, Scope(orgID: found.orgID), in: transaction)
            let context = site.context(
                Actor(loginID: found.loginID, role: login.role, scope: Scope(orgID: found.orgID)),
                source: "http \(origin.address)", why: "")
            try Audit.record(
                command: "access.sign-in", content: content, subjectID: found.loginID, context, in: transaction)
        }
        guard let session = try await resolve(token: token) else { throw Self.wrong }
        return SessionGrant(token: token, session: session, expiresAtMs: nowMs + Self.lifetimeMs)
    }

    /// Drops sessions that are over, or that a clock that was ahead has opened (they would come to life when their time
    /// comes), and keeps the newest of the rest, so that the table has a bound.
    private static func tidy(_ found: Candidate, _ nowMs: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            DELETE FROM session WHERE org_id = $1 AND login_id = $2
              AND (expires_at_ms <= $3 OR expires_at_ms > $4 OR revoked_at_ms IS NOT NULL)
            """, [.int(found.orgID), .int(found.loginID), .int(nowMs), .int(nowMs + Self.longestMs)])
        try transaction.run(
            """
            DELETE FROM session WHERE org_id = $1 AND login_id = $2 AND token_hash NOT IN (
              SELECT token_hash FROM session WHERE org_id = $1 AND login_id = $2
              ORDER BY created_at_ms DESC, token_hash LIMIT $3)
            """, [.int(found.orgID), .int(found.loginID), .int(perLoginMax)])
    }

    /// The stored form of a token; nil when the text is no token.
    static func hash(of token: String) -> [UInt8]? {
        guard token.utf8.count == 64, !token.utf8.contains(where: { (65...90).contains($0) }) else { return nil }
        return Hash.bytes(hex: token).map { Hash.sha256($0) }
    }
}
