// The second step of signing in: a code by time (RFC 6238) or a recovery code. Its tables, what proves it, its state,
// and the commands around it. Signing in itself is in SecondStepSignIn.
import CivilTime
import Clocks
import Cryptography
import SQL

extension AccessSchema {
    static let secondStep = Migration(
        25, .money, "second step of signing in",
        [
            """
            CREATE TABLE login_totp (org_id {id} NOT NULL, login_id {id} NOT NULL, sealed_secret {bytes} NOT NULL,
              confirmed_at_ms {int}, last_step {int} NOT NULL, PRIMARY KEY (org_id, login_id)) {table}
            """,
            """
            CREATE TABLE login_recovery (org_id {id} NOT NULL, login_id {id} NOT NULL, code_hash {bytes} NOT NULL,
              used_at_ms {int}, PRIMARY KEY (org_id, login_id, code_hash)) {table}
            """,
            """
            CREATE TABLE login_half_open (token_hash {bytes} NOT NULL PRIMARY KEY, org_id {id} NOT NULL,
              login_id {id} NOT NULL, created_at_ms {int} NOT NULL, expires_at_ms {int} NOT NULL) {table}
            """,
            "CREATE INDEX login_half_open_login ON login_half_open (org_id, login_id)",
        ])
}

/// How the second step of a login stands.
public struct SecondStepState: Sendable, Equatable {
    public enum Stage: String, Sendable, CaseIterable, Codable { case none, pending, confirmed }
    public var stage: Stage
    public var recoveryCodesLeft: Int
    /// The company's rule lets it be set up.
    public var isOffered: Bool
    /// The company's rule asks for it.
    public var isRequired: Bool

    public init(stage: Stage, recoveryCodesLeft: Int, isOffered: Bool, isRequired: Bool) {
        self.stage = stage
        self.recoveryCodesLeft = recoveryCodesLeft
        self.isOffered = isOffered
        self.isRequired = isRequired
    }
}

public enum SecondStep {
    public static let recoveryCodeCount = 8

    /// Who is asked for a second step. Who has one is asked for it whatever the rule says: a rule that is loosened
    /// weakens nobody's login.
    public static let setting = SettingKind.choice(
        "access.totp", ["off", "optional", "administrators", "staff"], initial: "optional",
        hint: "Who must sign in with a code of an authenticator app; off offers it to nobody anew.")

    static func isRequired(_ rule: String, of role: Role) -> Bool {
        switch rule {
        case "staff": role != .consumer
        case "administrators": role == .administrator
        default: false
        }
    }

    /// The rule on the company's business day.
    static func rule(_ scope: Scope, businessNowMs: Int64, in transaction: any SQLTransaction) throws -> String {
        let day = try Org.find(scope.orgID, in: transaction).zone.day(atS: businessNowMs / 1000)
        return try SettingRegistry([setting]).value(setting.name, on: day, scope, in: transaction)
    }

    /// - Throws: ``Refusal`` `notFound` for a login of another company.
    public static func state(
        of loginID: Int64, businessNowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> SecondStepState {
        let login = try Logins.find(loginID, scope, in: transaction)
        let rule = try rule(scope, businessNowMs: businessNowMs, in: transaction)
        let left = try transaction.first(
            "SELECT COUNT(*) FROM login_recovery WHERE org_id = $1 AND login_id = $2 AND used_at_ms IS NULL",
            [.int(scope.orgID), .int(loginID)]
        ) { try $0.int(0) }
        return SecondStepState(
            stage: try find(loginID, scope.orgID, in: transaction)?.stage ?? .none, recoveryCodesLeft: Int(left ?? 0),
            isOffered: rule != "off", isRequired: isRequired(rule, of: login.role))
    }

    /// The secrets of all logins, for a change of the master key.
    public static let sealedColumn = SealedColumn(
        name: "second steps of logins", binding: { binding($0.id) },
        page: { after, limit, transaction in
            try transaction.query(
                """
                SELECT org_id, login_id, sealed_secret FROM login_totp
                WHERE org_id > $1 OR (org_id = $1 AND login_id > $2) ORDER BY org_id, login_id LIMIT $3
                """, [.int(after.orgID), .int(after.id), .int(limit)]
            ) { SealedValue(orgID: try $0.int(0), id: try $0.int(1), sealed: try $0.bytes(2)) }
        },
        replace: { old, sealed, transaction in
            try transaction.run(
                """
                UPDATE login_totp SET sealed_secret = $4
                WHERE org_id = $1 AND login_id = $2 AND sealed_secret = $3
                """, [.int(old.orgID), .int(old.id), .bytes(old.sealed), .bytes(sealed)])
        })

    // MARK: inside

    static func binding(_ loginID: Int64) -> String { "second step of login \(loginID)" }

    struct Stored: Sendable {
        var sealed: [UInt8]
        var stage: SecondStepState.Stage
        var lastStep: Int64
    }

    static func find(_ loginID: Int64, _ orgID: Int64, in transaction: any SQLTransaction) throws -> Stored? {
        try transaction.first(
            "SELECT sealed_secret, confirmed_at_ms, last_step FROM login_totp WHERE org_id = $1 AND login_id = $2",
            [.int(orgID), .int(loginID)]
        ) {
            Stored(
                sealed: try $0.bytes(0), stage: try $0.optionalInt(1) == nil ? .pending : .confirmed,
                lastStep: try $0.int(2))
        }
    }

    static func secret(_ stored: Stored, of loginID: Int64, _ ring: KeyRing) throws -> [UInt8] {
        guard let secret = ring.open(stored.sealed, binding: binding(loginID)) else {
            throw Refusal(
                .unavailable, "The second step of this login does not open under this master key.",
                hint: "Start with the key file that belongs to this database.")
        }
        return secret
    }

    static let wrongCode = Refusal(
        .invalid, "The code is wrong or was used before.",
        hint: "Wait for the next code of the app, check the phone's clock, or use a recovery code.", at: "code")

    enum Proof: String { case code, recovery }

    /// Uses up a code or a recovery code of a login whose second step is confirmed: the same one proves nothing again.
    /// - Throws: ``wrongCode``, and changes nothing.
    static func use(
        _ code: String, of loginID: Int64, _ orgID: Int64, nowMs: Int64, _ ring: KeyRing,
        in transaction: any SQLTransaction
    ) throws -> Proof {
        guard let stored = try find(loginID, orgID, in: transaction), stored.stage == .confirmed else {
            throw Refusal(.conflict, "This login has no second step.")
        }
        let text = plain(code)
        if text.utf8.count == OneTimePassword.digitCount {
            let secret = try secret(stored, of: loginID, ring)
            guard
                let step = OneTimePassword.matchingStep(text, secret: secret, atMs: nowMs, after: stored.lastStep),
                try transaction.run(
                    "UPDATE login_totp SET last_step = $3 WHERE org_id = $1 AND login_id = $2 AND last_step < $3",
                    [.int(orgID), .int(loginID), .int(step)]) == 1
            else { throw wrongCode }
            return .code
        }
        let used = try transaction.run(
            """
            UPDATE login_recovery SET used_at_ms = $4
            WHERE org_id = $1 AND login_id = $2 AND code_hash = $3 AND used_at_ms IS NULL
            """, [.int(orgID), .int(loginID), .bytes(Hash.sha256(Array(text.utf8))), .int(nowMs)])
        guard used == 1 else { throw wrongCode }
        return .recovery
    }

    /// As people type it: without spaces and dashes, in small letters.
    static func plain(_ code: String) -> String {
        String(code.prefix(64)).lowercased().filter { !$0.isWhitespace && $0 != "-" }
    }

    /// Three groups of five letters and digits (about 74 bits).
    static func recoveryCode() -> String { String(Secret.password().prefix(17)) }

    /// Also ends sign-ins that are half done.
    static func forget(_ loginID: Int64, _ orgID: Int64, in transaction: any SQLTransaction) throws {
        for table in ["login_totp", "login_recovery", "login_half_open"] {
            try transaction.run(
                "DELETE FROM \(table) WHERE org_id = $1 AND login_id = $2", [.int(orgID), .int(loginID)])
        }
    }
}

/// Begins to set up the second step of one's own login: a new secret that counts once it is confirmed.
public struct BeginSecondStep: Command {
    public static let name = "access.begin-second-step"
    public static let permissions: [Permission] = [.manageOwnLogin]
    public let loginID: Int64
    private let username: String
    private let secret: [UInt8]
    private let sealed: [UInt8]

    public init(_ session: SignedIn, _ ring: KeyRing) throws {
        loginID = session.actor.loginID
        username = session.username
        secret = Secret.bytes(OneTimePassword.secretByteCount)
        sealed = try ring.seal(secret, binding: SecondStep.binding(loginID))
    }

    /// Base 32 in groups of four, to be shown once.
    public var secretText: String {
        let letters = Array(OneTimePassword.base32(secret))
        return stride(from: 0, to: letters.count, by: 4).map { String(letters[$0..<min($0 + 4, letters.count)]) }
            .joined(separator: " ")
    }

    /// What an authenticator app reads, to be shown once. A username holds nothing but `@` and `+` to be encoded.
    public var address: String {
        let user = username.replacing("@", with: "%40").replacing("+", with: "%2B")
        return "otpauth://totp/Busbar:\(user)?secret=\(OneTimePassword.base32(secret))&issuer=Busbar"
    }

    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String { "login=\(loginID)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        try ownOnly(loginID, context)
        let rule = try SecondStep.rule(
            context.actor.scope, businessNowMs: context.businessNowMs, in: transaction)
        guard rule != "off" else {
            throw Refusal(.conflict, "Your company does not offer a second step.", hint: "Ask an administrator.")
        }
        let before = try SecondStep.find(loginID, context.orgID, in: transaction)
        guard before?.stage != .confirmed else {
            throw Refusal(.conflict, "A second step is set up already.", hint: "Remove it before setting up another.")
        }
        try transaction.run(
            """
            INSERT INTO login_totp (org_id, login_id, sealed_secret, last_step) VALUES ($1, $2, $3, 0)
            ON CONFLICT (org_id, login_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = 0
            WHERE login_totp.confirmed_at_ms IS NULL
            """, [.int(context.orgID), .int(loginID), .bytes(sealed)])
        context.changed(.login(loginID), "second step", from: before?.stage.rawValue ?? "none", to: "pending")
        return loginID
    }
}

/// A key acts for a program: whoever holds it must not touch how a person signs in.
private func ownOnly(_ loginID: Int64, _ context: CommandContext) throws {
    guard context.actor.loginID == loginID, context.actor.keyID == nil else {
        throw Refusal(.forbidden, "Only the person of the login does this.")
    }
}

/// Confirms the secret with a code of it. Ends all other sessions of the login: they were opened without it.
public struct ConfirmSecondStep: Command {
    public static let name = "access.confirm-second-step"
    public static let permissions: [Permission] = [.manageOwnLogin]
    public let loginID: Int64
    /// To be shown once.
    public let recoveryCodes: [String]
    private let keeping: Int64
    private let code: String
    private let ring: KeyRing

    public init(_ session: SignedIn, code: String, _ ring: KeyRing) {
        loginID = session.actor.loginID
        keeping = session.sessionID
        self.code = code
        self.ring = ring
        recoveryCodes = (0..<SecondStep.recoveryCodeCount).map { _ in SecondStep.recoveryCode() }
    }

    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String { "login=\(loginID)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        try ownOnly(loginID, context)
        let nowMs = context.systemNowMs
        guard let stored = try SecondStep.find(loginID, context.orgID, in: transaction), stored.stage == .pending else {
            throw Refusal(.conflict, "There is nothing to confirm.", hint: "Begin to set up a second step first.")
        }
        let secret = try SecondStep.secret(stored, of: loginID, ring)
        guard
            let step = OneTimePassword.matchingStep(
                SecondStep.plain(code), secret: secret, atMs: nowMs, after: stored.lastStep)
        else { throw SecondStep.wrongCode }
        let confirmed = try transaction.run(
            """
            UPDATE login_totp SET confirmed_at_ms = $3, last_step = $4
            WHERE org_id = $1 AND login_id = $2 AND confirmed_at_ms IS NULL AND sealed_secret = $5
            """, [.int(context.orgID), .int(loginID), .int(nowMs), .int(step), .bytes(stored.sealed)])
        guard confirmed == 1 else { throw SecondStep.wrongCode }
        try transaction.run(
            "DELETE FROM login_recovery WHERE org_id = $1 AND login_id = $2", [.int(context.orgID), .int(loginID)])
        for recovery in recoveryCodes {
            try transaction.run(
                "INSERT INTO login_recovery (org_id, login_id, code_hash) VALUES ($1, $2, $3)",
                [
                    .int(context.orgID), .int(loginID),
                    .bytes(Hash.sha256(Array(SecondStep.plain(recovery).utf8))),
                ])
        }
        try transaction.run(
            """
            UPDATE session SET revoked_at_ms = $4
            WHERE org_id = $1 AND login_id = $2 AND session_id <> $3 AND revoked_at_ms IS NULL
            """, [.int(context.orgID), .int(loginID), .int(keeping), .int(nowMs)])
        context.changed(.login(loginID), "second step", from: "pending", to: "confirmed")
        return loginID
    }
}

/// Removes the second step of one's own login, once password and code were given.
struct RemoveSecondStep: Command {
    static let name = "access.remove-second-step"
    static let permissions: [Permission] = [.manageOwnLogin]
    let loginID: Int64
    let code: String
    let ring: KeyRing

    var key: String? { nil }
    var subjectID: Int64 { loginID }
    var content: String { "login=\(loginID)" }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        try ownOnly(loginID, context)
        _ = try SecondStep.use(
            code, of: loginID, context.orgID, nowMs: context.systemNowMs, ring, in: transaction)
        try SecondStep.forget(loginID, context.orgID, in: transaction)
        context.changed(.login(loginID), "second step", from: "confirmed", to: "none")
        return loginID
    }
}

/// Takes the second step off the login of somebody who lost the phone. Ends the login's sessions.
public struct ResetSecondStep: Command {
    public static let name = "access.reset-second-step"
    public static let permissions: [Permission] = [.manageLogins]
    public let loginID: Int64
    public init(loginID: Int64) { self.loginID = loginID }

    /// What is gone is gone.
    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String { "login=\(loginID)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> LoginSummary {
        let login = try Logins.find(loginID, context.actor.scope, in: transaction)
        // Otherwise a session left open would be enough to take it off.
        guard loginID != context.actor.loginID else {
            throw Refusal(
                .conflict, "You cannot reset your own second step.",
                hint: "Remove it on the page of your own login, or ask another administrator.", at: "loginID")
        }
        let before = try SecondStep.find(loginID, context.orgID, in: transaction)?.stage ?? .none
        try SecondStep.forget(loginID, context.orgID, in: transaction)
        try Sessions.revokeAll(loginID, context.actor.scope, nowMs: context.systemNowMs, in: transaction)
        context.changed(.login(loginID), "second step", from: before.rawValue, to: "none")
        return login
    }
}
