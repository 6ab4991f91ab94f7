// `busbar org` and `busbar user`: companies and who may sign in, from the server's own command line.
import API
import Access
import CivilTime
import Clocks
import SQL

private struct OrgRow: Encodable {
    var orgID: String
    var name: String
    var zone: String
    var currency: String
}

/// Adds a company and says its number.
public func addOrg(
    _ site: SiteOptions, name: String, zone: String, currency: String, _ console: Console
) async throws -> CommandStatus {
    let zone = try knownZone(zone)
    return try await withSite(site) { open in
        let orgID = (try await open.orgs().map(\.orgID).max() ?? 0) + 1
        let command = try AddOrg(Org(orgID: orgID, name: name, zone: zone, currency: currency))
        let added = try await open.site.perform(command, as: .system(orgID: orgID), source: "cli")
        console.say("\(added)")
        console.note("Company \(added) added. Next: `busbar user add NAME --role administrator --org \(added)`.")
        return .done
    }
}

public func listOrgs(_ site: SiteOptions, json: Bool, _ console: Console) async throws -> CommandStatus {
    try await withSite(site) { open in
        let orgs = try await open.orgs()
        if json {
            for org in orgs {
                try console.say(
                    json: OrgRow(
                        orgID: String(org.orgID), name: org.name, zone: org.zone.identifier, currency: org.currency))
            }
            return .done
        }
        let rows = orgs.map { [String($0.orgID), $0.name, $0.zone.identifier, $0.currency] }
        for line in table([["number", "name", "zone", "currency"]] + rows) { console.say(line) }
        if orgs.isEmpty { console.note("No company yet: `busbar org add \"…\"`.") }
        return .done
    }
}

public struct NewUserOptions: Sendable {
    public var username: String
    public var name: String
    /// `consumer`, `operator` or `administrator`.
    public var role: String
    public var language: String
    /// The account number of a consumer.
    public var accountNumber: String?
    /// The place an operator is confined to.
    public var placeID: Int64?
    public init(
        username: String, name: String? = nil, role: String, language: String = "en",
        accountNumber: String? = nil, placeID: Int64? = nil
    ) {
        self.username = username
        self.name = name ?? username
        self.role = role
        self.language = language
        self.accountNumber = accountNumber
        self.placeID = placeID
    }
}

/// Adds a login.
/// - Parameter password: nil makes one up and says it, once.
public func addUser(
    _ site: SiteOptions, orgID: Int64?, _ options: NewUserOptions, password: String?, _ console: Console
) async throws -> CommandStatus {
    guard let role = Role(rawValue: options.role) else {
        throw Complaint(
            "--role \(options.role): no such role", hint: "Give consumer, operator or administrator.", .usage)
    }
    guard let language = Language(rawValue: options.language) else {
        let known = Language.allCases.map(\.rawValue).joined(separator: " or ")
        throw Complaint("--language \(options.language): not spoken here", hint: "Give \(known).", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        var accountID: Int64?
        if let number = options.accountNumber {
            accountID = try await open.accountID(number: number, scope)
        }
        let placeID = options.placeID
        let account = accountID
        try await open.site.money.read {
            try proveConfinement(accountID: account, placeID: placeID, scope, in: $0)
        }
        let command = try await AddLogin(
            NewLogin(
                username: options.username, name: options.name, role: role, language: language, accountID: accountID,
                placeID: options.placeID), password: password, hasher: open.passwordHasher(companyNames: [org.name]))
        let login = try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli")
        sayPassword(command.generatedPassword, console)
        console.note("\(login.role.rawValue) \(login.username) added to \(org.name).")
        return .done
    }
}

private func sayPassword(_ generated: String?, _ console: Console) {
    guard let generated else { return }
    console.say(generated)
    console.note("This password is shown once.")
}

private struct UserRow: Encodable {
    var loginID: String
    var username: String
    var name: String
    var role: String
    var language: String
    var disabledAtMs: Int64?
}

public func listUsers(_ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console) async throws -> CommandStatus
{
    try await withSite(site) { open in
        let logins = try await open.logins(open.org(orgID))
        if json {
            for login in logins {
                try console.say(
                    json: UserRow(
                        loginID: String(login.loginID), username: login.username, name: login.name,
                        role: login.role.rawValue, language: login.language.rawValue,
                        disabledAtMs: login.disabledAtMs))
            }
            return .done
        }
        let rows = logins.map {
            [
                $0.username, $0.role.rawValue, $0.language.rawValue, $0.disabledAtMs == nil ? "active" : "disabled",
                $0.name,
            ]
        }
        for line in table([["username", "role", "language", "state", "name"]] + rows) { console.say(line) }
        if logins.isEmpty { console.note("Nobody can sign in yet: `busbar user add NAME --role administrator`.") }
        return .done
    }
}

/// Closes a login and its sessions.
public func disableUser(_ site: SiteOptions, orgID: Int64?, username: String, _ console: Console) async throws
    -> CommandStatus
{
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let login = try await open.login(username, org)
        _ = try await open.site.perform(
            DisableLogin(loginID: login.loginID), as: .system(orgID: org.orgID), source: "cli")
        console.note("\(login.username) cannot sign in any more, until `busbar user enable \(login.username)`.")
        let isAdministered = try await open.logins(org).contains { $0.role == .administrator && $0.disabledAtMs == nil }
        if !isAdministered {
            console.note("Nobody administers \(org.name) now: `busbar user add NAME --role administrator`.")
        }
        return .done
    }
}

/// Opens a disabled login again.
public func enableUser(_ site: SiteOptions, orgID: Int64?, username: String, _ console: Console) async throws
    -> CommandStatus
{
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let login = try await open.login(username, org)
        _ = try await open.site.perform(
            EnableLogin(loginID: login.loginID), as: .system(orgID: org.orgID), source: "cli")
        console.note("\(login.username) signs in as before: password, second step and rights are those it had.")
        return .done
    }
}

/// Takes the second step off a login: for the only administrator who lost the phone there is nobody else.
public func resetSecondStep(
    _ site: SiteOptions, orgID: Int64?, username: String, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let login = try await open.login(username, org)
        _ = try await open.site.perform(
            ResetSecondStep(loginID: login.loginID), as: .system(orgID: org.orgID), source: "cli")
        console.note("\(login.username) signs in with the password alone; open sessions have ended.")
        return .done
    }
}

/// Gives a login a new password and ends its sessions.
/// - Parameter password: nil makes one up and says it, once.
public func setPassword(
    _ site: SiteOptions, orgID: Int64?, username: String, password: String?, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let login = try await open.login(username, org)
        let command = try await SetPassword(
            loginID: login.loginID, password: password, hasher: open.passwordHasher(companyNames: [org.name]))
        _ = try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli")
        sayPassword(command.generatedPassword, console)
        console.note("\(login.username) has a new password; open sessions have ended.")
        if login.disabledAtMs != nil {
            console.note(
                "The login is disabled all the same, and nobody signs in with it: `busbar user add` makes another.")
        }
        return .done
    }
}

/// The first line of a file, for `--password-file`.
public func password(fromFile path: String) throws -> String {
    let text = String(decoding: try readFile(path, limit: 4_096), as: UTF8.self)
    guard let line = text.split(whereSeparator: \.isNewline).first else {
        throw Complaint("\(path) is empty", hint: "Put the password on its first line.", .usage)
    }
    return String(line)
}

extension OpenSite {
    func logins(_ org: Org) async throws -> [LoginSummary] {
        try await site.money.read { transaction in
            var all: [LoginSummary] = []
            while true {
                let page = try Logins.list(
                    after: all.last?.loginID ?? 0, limit: 1_000, Scope(orgID: org.orgID), in: transaction)
                all += page
                if page.count < 1_000 { return all }
            }
        }
    }

    func login(_ username: String, _ org: Org) async throws -> LoginSummary {
        let wanted = Credentials.normalized(username)
        guard let login = try await logins(org).first(where: { $0.username == wanted }) else {
            throw Refusal(
                .notFound, "Nobody called \(wanted) signs in to \(org.name).", hint: "Try `busbar user list`.")
        }
        return login
    }
}
