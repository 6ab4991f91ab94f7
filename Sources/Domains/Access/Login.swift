// Logins: who may sign in, in which role and for what; adding, disabling, new passwords. Sessions are elsewhere.
import Clocks
import SQL

/// A language the pages speak. The raw value is the BCP 47 tag.
public enum Language: String, Sendable, CaseIterable, Codable {
    case english = "en"
    case hindi = "hi"
}

/// A login as lists show it: never the password hash.
public struct LoginSummary: Sendable, Equatable, Codable {
    public var loginID: Int64
    public var username: String
    public var name: String
    public var role: Role
    public var language: Language
    public var accountID: Int64?
    public var placeID: Int64?
    public var disabledAtMs: Int64?
}

/// What is asked for a new login.
public struct NewLogin: Sendable {
    public var username: String
    public var name: String
    public var role: Role
    public var language: Language
    /// The supply account of a consumer; nil for everybody else.
    public var accountID: Int64?
    /// The place an operator is confined to; nil: the whole company.
    public var placeID: Int64?

    public init(
        username: String, name: String, role: Role, language: Language = .english, accountID: Int64? = nil,
        placeID: Int64? = nil
    ) {
        self.username = username
        self.name = name
        self.role = role
        self.language = language
        self.accountID = accountID
        self.placeID = placeID
    }

    /// Throws a ``Refusal`` that names the field.
    func check() throws {
        try Credentials.check(username: username)
        guard (1...120).contains(name.count),
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw Refusal(.invalid, "The name must have 1 to 120 characters on one line.", at: "name")
        }
        switch role {
        case .consumer:
            guard accountID != nil else {
                throw Refusal(.invalid, "A consumer's login needs a supply account.", at: "accountID")
            }
            guard placeID == nil else { throw Refusal(.invalid, "Only an operator has a place.", at: "placeID") }
        case .operator:
            guard accountID == nil else { throw Refusal(.invalid, "Only a consumer has an account.", at: "accountID") }
        case .administrator:
            guard accountID == nil else { throw Refusal(.invalid, "Only a consumer has an account.", at: "accountID") }
            guard placeID == nil else { throw Refusal(.invalid, "Only an operator has a place.", at: "placeID") }
        case .system:
            throw Refusal(
                .invalid, "The machine does not sign in.", hint: "Use consumer, operator or administrator.", at: "role")
        }
    }
}

/// The rules for usernames and passwords.
public enum Credentials {
    public static let usernameLength = 3...64
    public static let passwordLength = 12...128

    /// Usernames are lower-case, so that `Asha` and `asha` are one person.
    public static func normalized(_ username: String) -> String { String(username.prefix(200)).lowercased() }

    static func check(username: String) throws {
        let allowed = username.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: ".-_+@".utf8.contains(byte)
            }
        }
        guard usernameLength.contains(username.utf8.count), allowed else {
            throw Refusal(
                .invalid, "The username must have 3 to 64 characters out of a-z, 0-9 and . - _ + @", at: "username")
        }
    }
}

/// Makes a login. Built off the database thread, because hashing the password takes time.
public struct AddLogin: Command {
    public static let name = "access.add-login"
    public static let permissions: [Permission] = [.manageLogins]
    public let new: NewLogin
    /// Set when no password was given: to be shown once.
    public let generatedPassword: String?
    private let passwordHash: String

    /// - Parameter password: nil makes one up.
    /// - Throws: ``Refusal`` when a field is not as it should be.
    public init(_ new: NewLogin, password: String?, hasher: PasswordHasher) async throws {
        var new = new
        new.username = Credentials.normalized(new.username)
        try new.check()
        if let password { try await hasher.refuseGuessable(password, username: new.username, name: new.name) }
        generatedPassword = password == nil ? Secret.password() : nil
        self.new = new
        passwordHash = try await hasher.hash(password ?? generatedPassword ?? "")
    }

    /// A username exists once, so a second run is refused.
    public var key: String? { nil }
    public var subjectID: Int64 { new.accountID ?? new.placeID ?? 0 }
    /// Without name and username: audit rows hold no personal data.
    public var content: String {
        [
            "role=\(new.role.rawValue)", "language=\(new.language.rawValue)", new.accountID.map { "account=\($0)" },
            new.placeID.map { "place=\($0)" },
        ].compactMap { $0 }.joined(separator: " ")
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> LoginSummary {
        let loginID = context.ids.next()
        let added = try transaction.run(
            """
            INSERT INTO login (org_id, login_id, username, name, role, password_hash, language, account_id, place_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (username) DO NOTHING
            """,
            [
                .int(context.orgID), .int(loginID), .text(new.username), .text(new.name), .text(new.role.rawValue),
                .text(passwordHash), .text(new.language.rawValue), .optional(new.accountID), .optional(new.placeID),
            ])
        guard added == 1 else {
            throw Refusal(.conflict, "This username is taken.", hint: "Choose another one.", at: "username")
        }
        let subject = AuditSubject.login(loginID)
        context.changed(subject, "username", from: nil, to: new.username, isPersonal: true)
        context.changed(subject, "name", from: nil, to: new.name, isPersonal: true)
        context.changed(subject, "role", from: nil, to: new.role.rawValue)
        context.changed(subject, "language", from: nil, to: new.language.rawValue)
        context.changed(subject, "account", from: nil, to: new.accountID.map { String($0) })
        context.changed(subject, "place", from: nil, to: new.placeID.map { String($0) })
        context.changed(subject, "state", from: nil, to: "active")
        return try Logins.find(loginID, context.actor.scope, in: transaction)
    }
}

/// Gives a login a new password and ends its sessions.
public struct SetPassword: Command {
    public static let name = "access.set-password"
    public static let permissions: [Permission] = [.manageLogins]
    public let loginID: Int64
    /// Set when no password was given: to be shown once.
    public let generatedPassword: String?
    private let passwordHash: String

    public init(loginID: Int64, password: String?, hasher: PasswordHasher) async throws {
        if let password { try await hasher.refuseGuessable(password, username: nil, name: nil) }
        generatedPassword = password == nil ? Secret.password() : nil
        self.loginID = loginID
        passwordHash = try await hasher.hash(password ?? generatedPassword ?? "")
    }

    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String { "login=\(loginID)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> LoginSummary {
        let changed = try transaction.run(
            "UPDATE login SET password_hash = $3 WHERE org_id = $1 AND login_id = $2",
            [.int(context.orgID), .int(loginID), .text(passwordHash)])
        guard changed == 1 else { throw Logins.notFound(loginID) }
        context.changed(.login(loginID), "password", from: "set before", to: "set anew")
        try Sessions.revokeAll(loginID, context.actor.scope, nowMs: context.systemNowMs, in: transaction)
        return try Logins.find(loginID, context.actor.scope, in: transaction)
    }
}

/// Closes a login and ends its sessions. Doing it again changes nothing.
public struct DisableLogin: Command {
    public static let name = "access.disable-login"
    public static let permissions: [Permission] = [.manageLogins]
    public let loginID: Int64

    public init(loginID: Int64) { self.loginID = loginID }

    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String { "login=\(loginID)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> LoginSummary {
        guard loginID != context.actor.loginID else {
            throw Refusal(
                .conflict, "You cannot disable your own login.", hint: "Ask another administrator.", at: "loginID")
        }
        let disabled = try transaction.run(
            "UPDATE login SET disabled_at_ms = $3 WHERE org_id = $1 AND login_id = $2 AND disabled_at_ms IS NULL",
            [.int(context.orgID), .int(loginID), .int(context.systemNowMs)])
        if disabled == 1 { context.changed(.login(loginID), "state", from: "active", to: "disabled") }
        try Sessions.revokeAll(loginID, context.actor.scope, nowMs: context.systemNowMs, in: transaction)
        return try Logins.find(loginID, context.actor.scope, in: transaction)
    }
}

/// Opens a disabled login again, with the password, the second step and the rights it had. Doing it again changes
/// nothing.
public struct EnableLogin: Command {
    public static let name = "access.enable-login"
    public static let permissions: [Permission] = [.manageLogins]
    public let loginID: Int64

    public init(loginID: Int64) { self.loginID = loginID }

    public var key: String? { nil }
    public var subjectID: Int64 { loginID }
    public var content: String { "login=\(loginID)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> LoginSummary {
        let enabled = try transaction.run(
            "UPDATE login SET disabled_at_ms = NULL WHERE org_id = $1 AND login_id = $2 AND disabled_at_ms IS NOT NULL",
            [.int(context.orgID), .int(loginID)])
        if enabled == 1 { context.changed(.login(loginID), "state", from: "disabled", to: "active") }
        return try Logins.find(loginID, context.actor.scope, in: transaction)
    }
}

/// Reads logins of one company.
public enum Logins {
    static func notFound(_ loginID: Int64) -> Refusal {
        Refusal(.notFound, "There is no login \(loginID).", at: "loginID")
    }

    public static func find(_ loginID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> LoginSummary
    {
        let found = try transaction.first(
            "SELECT \(columns) FROM login WHERE org_id = $1 AND login_id = $2", [.int(scope.orgID), .int(loginID)],
            decode)
        guard let found else { throw notFound(loginID) }
        return found
    }

    /// What a login may do and see now; nil when it is disabled or gone.
    static func actor(_ loginID: Int64, orgID: Int64, in transaction: any SQLTransaction) throws -> Actor? {
        try transaction.first(
            """
            SELECT role, account_id, place_id FROM login
            WHERE org_id = $1 AND login_id = $2 AND disabled_at_ms IS NULL
            """, [.int(orgID), .int(loginID)]
        ) { row in
            let scope = Scope(
                orgID: orgID, placeIDs: try row.optionalInt(2).map { [$0] }, accountID: try row.optionalInt(1))
            return Actor(loginID: loginID, role: try known(try row.text(0)), scope: scope)
        }
    }

    /// Logins in order of id, those after `after`, at most `limit`.
    public static func list(
        after: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [LoginSummary] {
        try transaction.query(
            "SELECT \(columns) FROM login WHERE org_id = $1 AND login_id > $2 ORDER BY login_id LIMIT $3",
            [.int(scope.orgID), .int(after), .int(limit)], decode)
    }

    private static let columns = "login_id, username, name, role, language, account_id, place_id, disabled_at_ms"

    private static func decode(_ row: any SQLRow) throws -> LoginSummary {
        LoginSummary(
            loginID: try row.int(0), username: try row.text(1), name: try row.text(2),
            role: try known(try row.text(3)), language: try known(try row.text(4)), accountID: try row.optionalInt(5),
            placeID: try row.optionalInt(6), disabledAtMs: try row.optionalInt(7))
    }

    static func known<Value: RawRepresentable>(_ text: String) throws -> Value where Value.RawValue == String {
        guard let value = Value(rawValue: text) else { throw SQLError(.decode, "unknown \(Value.self) in table login") }
        return value
    }
}
