// Between password and session: a proof that opens nothing but the second step, and the step itself.
import Clocks
import Cryptography
import SQL

/// Thrown by ``Sessions/signIn(username:password:from:userAgent:)`` when the password is right and a code is missing.
public struct SecondStepNeeded: Error, Sendable, CustomStringConvertible {
    /// 256 random bits as 64 hexadecimal digits; only its SHA-256 is stored. It opens the second step alone.
    public var proof: String
    /// System time.
    public var expiresAtMs: Int64
    public var description: String { "SecondStepNeeded(hidden)" }
}

extension Sessions {
    /// Five minutes from password to code.
    public static let halfOpenMs: Int64 = 5 * 60_000
    /// Half-open sign-ins of a login; the oldest end when there are more.
    static let halfOpenMax = 20

    /// Ends the sign-in at the password when the login has a second step.
    /// - Throws: ``SecondStepNeeded``.
    func askForSecondStep(_ found: Candidate) async throws {
        guard found.hasSecondStep else { return }
        let raw = Secret.bytes(32)
        let nowMs = site.clocks.systemNowMs()
        let untilMs = nowMs + Self.halfOpenMs
        try await site.money.write { transaction in
            let login: [SQLValue] = [.int(found.orgID), .int(found.loginID)]
            try transaction.run(
                """
                INSERT INTO login_half_open (token_hash, org_id, login_id, created_at_ms, expires_at_ms)
                SELECT $3, org_id, login_id, $4, $5 FROM login
                WHERE org_id = $1 AND login_id = $2 AND password_hash = $6 AND disabled_at_ms IS NULL
                """,
                login + [.bytes(Hash.sha256(raw)), .int(nowMs), .int(untilMs), .text(found.passwordHash)])
            try transaction.run(
                "DELETE FROM login_half_open WHERE org_id = $1 AND login_id = $2 AND expires_at_ms <= $3",
                login + [.int(nowMs)])
            try transaction.run(
                """
                DELETE FROM login_half_open WHERE org_id = $1 AND login_id = $2 AND token_hash NOT IN (
                  SELECT token_hash FROM login_half_open WHERE org_id = $1 AND login_id = $2
                  ORDER BY created_at_ms DESC, token_hash LIMIT $3)
                """, login + [.int(Int64(Self.halfOpenMax))])
        }
        throw SecondStepNeeded(proof: Secret.hex(raw), expiresAtMs: untilMs)
    }

    /// Ends a sign-in that stopped at the password, by a code of the app or a recovery code. Always a new token.
    ///
    /// Five wrong codes of a login in 15 minutes, from wherever; who has the password gets no more guesses than that.
    /// - Throws: ``Refusal`` `unauthenticated` when the proof is unknown, used or over; `invalid` at `code`; `tooMany`.
    public func finishSignIn(
        proof: String, code: String, from address: String, userAgent: String = ""
    ) async throws -> SessionGrant {
        let nowMs = site.clocks.systemNowMs()
        let over = Refusal(
            .unauthenticated, "This sign-in is over or was never begun.", hint: "Sign in with the password again.",
            at: "proof")
        guard let hash = Self.hash(of: proof),
            let found = try await site.money.read({ try Self.halfOpen(hash, nowMs, in: $0) })
        else { throw over }
        let key = "\(found.orgID) \(found.loginID)"
        try allowCode(key)
        let ring = try needRing()
        do {
            let grant = try await open(found, Origin(address: address, userAgent: userAgent)) { transaction in
                let taken = try transaction.run("DELETE FROM login_half_open WHERE token_hash = $1", [.bytes(hash)])
                guard taken == 1 else { throw over }
                let proof = try SecondStep.use(
                    code, of: found.loginID, found.orgID, nowMs: nowMs, ring, in: transaction)
                return "second-step=\(proof.rawValue)"
            }
            byLogin.clear(key)
            return grant
        } catch let refusal as Refusal where refusal.at == "code" {
            // Whoever comes this far knows the password.
            await site.noteRefusal(
                "access.sign-in", as: Actor(loginID: found.loginID, role: found.role, scope: Scope(orgID: found.orgID)),
                source: "http \(address)", because: "second step wrong")
            throw refusal
        }
    }

    private static func halfOpen(
        _ hash: [UInt8], _ nowMs: Int64, in transaction: any SQLTransaction
    ) throws -> Candidate? {
        let username = try transaction.first(
            """
            SELECT l.username FROM login_half_open h JOIN login l ON l.org_id = h.org_id AND l.login_id = h.login_id
            WHERE h.token_hash = $1 AND h.expires_at_ms > $2 AND h.expires_at_ms <= $3 AND l.disabled_at_ms IS NULL
            """, [.bytes(hash), .int(nowMs), .int(nowMs + halfOpenMs)]
        ) { try $0.text(0) }
        return try username.flatMap { try candidate($0, in: transaction) }
    }

    /// Removes the second step of one's own login. Password and code must be given; wrong ones count.
    public func removeSecondStep(
        of session: SignedIn, password: String, code: String, from address: String
    ) async throws {
        let actor = session.actor
        let nameKey = "own \(actor.scope.orgID) \(actor.loginID)"
        try allow(nameKey, address)
        let found = try await site.money.read { try Self.candidate(session.username, in: $0) }
        guard let found, found.loginID == actor.loginID,
            try await passwords.verify(password.utf8.count <= 512 ? password : "", encoded: found.passwordHash)
        else {
            await site.noteRefusal(
                RemoveSecondStep.name, as: actor, source: "http \(address)", because: "password wrong")
            throw Refusal(
                .invalid, "The present password is wrong.", hint: "An administrator can set a new one.", at: "password")
        }
        let key = "\(actor.scope.orgID) \(actor.loginID)"
        try allowCode(key)
        let command = RemoveSecondStep(loginID: actor.loginID, code: code, ring: try needRing())
        _ = try await site.perform(command, as: actor, source: "http \(address)")
        byName.clear(nameKey)
        byLogin.clear(key)
        byAddress.giveBack(AttemptCounter.network(of: address))
    }

    /// - Throws: ``Refusal`` `unavailable` where the installation has no master key.
    public func needRing() throws -> KeyRing {
        guard let ring else { throw Refusal(.unavailable, "This server has no master key for second steps.") }
        return ring
    }

    /// Counted before the code is looked at, so that guesses sent at once are all counted.
    private func allowCode(_ key: String) throws {
        guard let waitMs = byLogin.attempt(key, nowMs: site.clocks.systemNowMs()) else { return }
        let waitS = (waitMs + 999) / 1000
        throw Refusal(
            .tooMany, "Too many wrong codes.", hint: "Wait \((waitS + 59) / 60) minutes and try again.",
            retryAfterS: waitS)
    }
}
