// Keys for programs: list, add, revoke. The secret is in the answer that made the key and nowhere else.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import SQL

struct KeyView: APIModel {
    var keyID: ID
    var name: String
    var permissions: [Permission]
    var placeID: ID?
    var loginID: ID?
    var state: APIKeySummary.State
    var createdAtMs: Int64
    var expiresAtMs: Int64
    var lastUsedDay: Day?
    /// Only in the answer that made it.
    var token: String?

    static let notes: [String: Note] = [
        "keyID": Note("The key."), "name": Note("What it is for."), "permissions": Note("What it may do at most."),
        "placeID": Note("The place it is confined to; absent: the whole company."),
        "loginID": Note("The login that made it; absent: the command line of the server."),
        "state": Note("active, expired or revoked."), "createdAtMs": Note("When it was made, system time."),
        "expiresAtMs": Note("From when on it is refused, system time."),
        "lastUsedDay": Note("The last day on which it was used; absent: never."),
        "token": Note("To be sent as `Authorization: Bearer …`; shown this once."),
    ]

    init(_ key: APIKeySummary, nowMs: Int64, token: String? = nil) {
        (keyID, name, permissions) = (ID(key.keyID), key.name, key.permissions)
        (placeID, loginID) = (key.placeID.map { ID($0) }, key.loginID == 0 ? nil : ID(key.loginID))
        (createdAtMs, expiresAtMs, state) = (key.createdAtMs, key.expiresAtMs, key.state(nowMs: nowMs))
        lastUsedDay = key.lastUsedDay.map { Day(CivilDay(number: $0)) }
        self.token = token
    }

    static let example = KeyView(
        APIKeySummary(
            keyID: 501, name: "Call centre", permissions: [.readAccounts, .rechargeAccounts], placeID: nil, loginID: 7,
            createdAtMs: 1_795_248_000_000, expiresAtMs: 1_826_784_000_000, lastUsedDay: 20_777),
        nowMs: 1_795_300_000_000)
}

struct KeyList: APIModel {
    var items: [KeyView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of their ids, also those that are over."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct KeyAddition: APIModel {
    var name: String
    var permissions: [Permission]
    var until: Day
    var placeID: ID?
    static let notes: [String: Note] = [
        "name": Note("What it is for; active once.", length: 1...80),
        "permissions": Note("At least one, none that you do not have, not logins.manage.", itemsMax: 20),
        "until": Note("The last day on which it works, at most two years ahead."),
        "placeID": Note("The place it is confined to; without it the whole company."),
    ]
}

struct ProgramKeyPath: APIModel {
    var keyID: ID
    static let notes: [String: Note] = ["keyID": Note("The key.")]
}

/// Proves that the place and the account somebody is to be confined to are there: for logins and keys, which belong to
/// a domain that knows neither.
public func proveConfinement(
    accountID: Int64? = nil, placeID: Int64?, _ scope: Scope, in transaction: any SQLTransaction
) throws {
    if let placeID { _ = try Place.find(placeID, scope, in: transaction) }
    guard let accountID else { return }
    do {
        _ = try SupplyAccount.find(accountID, scope, in: transaction)
    } catch var refusal as Refusal {
        refusal.at = "accountID"
        throw refusal
    }
}

extension Endpoints {
    static let keys: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<ListQuery, KeyList>(
                "keys.list", "GET", "/api/v1/keys", access: .permission([.manageLogins]),
                EndpointText("List keys", "Keys of programs, without their secrets."),
                example: ListQuery(after: ID(500), limit: 50), outputExample: KeyList(items: [.example], next: nil),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let nowMs = context.services.site.clocks.systemNowMs()
                    let found = try await context.read { transaction, scope in
                        try APIKeys.list(after: input.after?.value ?? 0, limit: limit + 1, scope, in: transaction)
                    }
                    let items = found.prefix(limit)
                    return KeyList(
                        items: items.map { KeyView($0, nowMs: nowMs) },
                        next: found.count > limit ? items.last.map { ID($0.keyID) } : nil)
                })),
        AnyEndpoint(
            Endpoint<KeyAddition, KeyView>(
                "keys.add", "POST", "/api/v1/keys", access: .permission([.manageLogins]),
                EndpointText(
                    "Add a key", "For a program, narrower than you. `token` is shown in this answer and never again."),
                example: KeyAddition(
                    name: "Call centre", permissions: [.readAccounts], until: Day(CivilDay(number: 21_000))),
                outputExample: .example, status: 201, problems: [.notFound, .conflict],
                run: { input, context in
                    let command = try AddAPIKey(
                        name: input.name, permissions: input.permissions, placeID: input.placeID?.value,
                        until: input.until.value)
                    try await context.read { transaction, scope in
                        try proveConfinement(placeID: input.placeID?.value, scope, in: transaction)
                    }
                    let made = try await context.perform(command)
                    return KeyView(
                        made, nowMs: context.services.site.clocks.systemNowMs(), token: command.token(made))
                })),
        AnyEndpoint(
            Endpoint<ProgramKeyPath, KeyView>(
                "keys.revoke", "POST", "/api/v1/keys/{keyID}/revoke", access: .permission([.manageLogins]),
                EndpointText("Revoke a key", "It is refused from the next request on, for good."),
                example: ProgramKeyPath(keyID: ID(501)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    let revoked = try await context.perform(RevokeAPIKey(keyID: input.keyID.value))
                    return KeyView(revoked, nowMs: context.services.site.clocks.systemNowMs())
                })),
    ]
}
