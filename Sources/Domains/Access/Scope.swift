// Who may see what: the scope every query takes, the roles, and the permissions commands ask for.
import Foundation

/// The part of the world a query may touch. Every SQL statement of a domain filters by `orgID`.
public struct Scope: Sendable, Equatable {
    public var orgID: Int64
    /// Nil: the whole company. Otherwise only these places and what lies under them.
    public var placeIDs: [Int64]?
    /// Set for a consumer: only this supply account.
    public var accountID: Int64?

    public init(orgID: Int64, placeIDs: [Int64]? = nil, accountID: Int64? = nil) {
        self.orgID = orgID
        self.placeIDs = placeIDs
        self.accountID = accountID
    }

    /// Neither confined to places nor to an account.
    public var isWholeCompany: Bool { placeIDs == nil && accountID == nil }
}

public enum Role: String, Sendable, CaseIterable, Codable {
    case consumer
    case `operator`
    case administrator
    /// The machine itself: jobs and the command line on the server.
    case system
}

/// What a command or an endpoint asks for. Names are stable: they stand in audit rows and in the API description.
public enum Permission: String, Sendable, CaseIterable, Codable {
    case readOwnAccount = "account.read-own"
    case rechargeOwnAccount = "account.recharge-own"
    case readAccounts = "accounts.read"
    case rechargeAccounts = "accounts.recharge"
    case adjustAccounts = "accounts.adjust"
    /// To put an old debt on an account, agree how it is paid off, and turn an account from postpaid to prepaid.
    case manageArrears = "arrears.manage"
    /// To give an old debt up.
    case writeOffArrears = "arrears.write-off"
    case readMeters = "meters.read"
    case commandMeters = "meters.command"
    case importReadings = "readings.import"
    /// To change values of a meter's day, with a reason; above a limit a second person must agree.
    case editReadings = "readings.edit"
    /// To agree to what another changed, or to take back what was agreed to.
    case approveReadings = "readings.approve"
    /// To write drafts of packs, to price past loads with them, and to hand them in.
    case draftPacks = "packs.draft"
    /// To agree to a draft that another wrote: it is published.
    case approvePacks = "packs.approve"
    case manageSettings = "settings.manage"
    /// Logins and keys: who may come in.
    case manageLogins = "logins.manage"
    case runJobs = "jobs.run"
    /// The own password, the own sessions.
    case manageOwnLogin = "login.own"
    case readAudit = "audit.read"
    /// To confirm or reject what another person asked for, with the permission that the matter itself takes.
    case checkRequests = "requests.check"
    /// To apply for packs and to end them: for the own account, for accounts in reach.
    case subscribeOwnPacks = "subscriptions.own"
    case subscribePacks = "subscriptions.manage"
    /// To decide on applications that wait, and to enter what was agreed on an earlier day.
    case approveSubscriptions = "subscriptions.approve"

    /// The one table of role × permission.
    public static func granted(to role: Role) -> Set<Permission> {
        switch role {
        case .consumer: [.readOwnAccount, .rechargeOwnAccount, .manageOwnLogin, .subscribeOwnPacks]
        case .operator:
            [
                .readAccounts, .rechargeAccounts, .readMeters, .commandMeters, .importReadings, .editReadings,
                .draftPacks, .manageOwnLogin, .subscribePacks,
            ]
        case .administrator, .system: Set(allCases)
        }
    }
}

/// Who acts. `loginID` is 0 for the machine.
public struct Actor: Sendable, Equatable {
    public var loginID: Int64
    public var role: Role
    public var scope: Scope
    /// Set for a program that came with a key: of what the role grants, only this.
    public var restrictedTo: Set<Permission>?
    /// The key the actor came with; nil for a person and for the machine.
    public var keyID: Int64?
    public init(loginID: Int64, role: Role, scope: Scope) {
        self.loginID = loginID
        self.role = role
        self.scope = scope
    }
    public static func system(orgID: Int64) -> Actor {
        Actor(loginID: 0, role: .system, scope: Scope(orgID: orgID))
    }
    /// What the actor may do: what the role grants, and of that what the key names.
    public var permissions: Set<Permission> {
        let granted = Permission.granted(to: role)
        return restrictedTo.map(granted.intersection) ?? granted
    }
    public func has(_ permission: Permission) -> Bool {
        (restrictedTo?.contains(permission) ?? true) && Permission.granted(to: role).contains(permission)
    }
    /// Where a command of this actor came from, for the audit row: `http 203.0.113.7`, or `key 77 http 203.0.113.7`.
    public func source(address: String) -> String { (keyID.map { "key \($0) " } ?? "") + "http \(address)" }

    /// Throws a ``Refusal`` unless the actor holds the permission.
    public func require(_ permission: Permission) throws {
        guard has(permission) else {
            throw Refusal(
                .forbidden, keyID == nil ? "Your role does not allow this." : "The key does not allow this.",
                hint: "Ask an administrator of your company for the permission \(permission.rawValue).")
        }
    }
}

/// A clear no, for the person who asked: what, where and how to mend it. Changes nothing.
public struct Refusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// Closed set; the API turns each into one problem type and status.
    public enum Code: String, Sendable, CaseIterable {
        case invalid, unauthenticated, forbidden, notFound, conflict, tooLarge, tooMany, unavailable
    }
    public var code: Code
    public var message: String
    public var hint: String
    /// The field, file:row or name the refusal is about.
    public var at: String?
    /// With `tooMany`: when it is worth trying again.
    public var retryAfterS: Int64?
    /// Who asks is nobody yet.
    public static let notSignedIn = Refusal(.unauthenticated, "You are not signed in.")

    public init(_ code: Code, _ message: String, hint: String = "", at: String? = nil, retryAfterS: Int64? = nil) {
        self.retryAfterS = retryAfterS
        self.code = code
        self.message = message
        self.hint = hint
        self.at = at
    }
    public var description: String {
        [at.map { "\($0): \(message)" } ?? message, hint].filter { !$0.isEmpty }.joined(separator: " ")
    }
}
