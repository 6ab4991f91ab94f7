// Logins of the caller's company: list, add, new password, disable.
import Access

/// Which part of a list is asked for.
struct ListQuery: APIModel {
    var after: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the list begins."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct LoginView: APIModel {
    var loginID: ID
    var username: String
    var name: String
    var role: Role
    var language: Language
    var accountID: ID?
    var placeID: ID?
    var isDisabled: Bool
    /// Only in the answer that made it.
    var generatedPassword: String?

    static let notes: [String: Note] = [
        "loginID": Note("The login."), "username": Note("The name to sign in with."),
        "name": Note("The person's name."),
        "role": Note("What the login may do."), "language": Note("The language of the pages."),
        "accountID": Note("A consumer's own supply account."),
        "placeID": Note("The place an operator is confined to; absent: the whole company."),
        "isDisabled": Note("A disabled login cannot sign in."),
        "generatedPassword": Note("The password that was made up, shown this once."),
    ]

    init(_ login: LoginSummary, generatedPassword: String? = nil) {
        loginID = ID(login.loginID)
        username = login.username
        name = login.name
        role = login.role
        language = login.language
        accountID = login.accountID.map { ID($0) }
        placeID = login.placeID.map { ID($0) }
        isDisabled = login.disabledAtMs != nil
        self.generatedPassword = generatedPassword
    }

    private init() {
        (loginID, username, name, role) = (ID(21), "asha", "Asha Devi", .consumer)
        (language, accountID, isDisabled) = (.hindi, ID(77), false)
    }
    static let example = LoginView()
}

struct LoginList: APIModel {
    var items: [LoginView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of their ids."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct LoginAddition: APIModel {
    var username: String
    var name: String
    var role: Role
    var language: Language
    var accountID: ID?
    var placeID: ID?
    var password: String?

    static let notes: [String: Note] = [
        "username": Note("3 to 64 characters out of a-z, 0-9 and . - _ + @; unique.", length: 3...64),
        "name": Note("The person's name.", length: 1...120), "role": Note("consumer, operator or administrator."),
        "language": Note("The language of the pages."),
        "accountID": Note("The supply account: for a consumer, and only for one."),
        "placeID": Note("The place an operator is confined to."),
        "password": Note("12 to 128 characters; without it one is made up.", length: 12...128),
    ]
}

struct LoginPath: APIModel {
    var loginID: ID
    static let notes: [String: Note] = ["loginID": Note("The login.")]
}

struct PasswordChange: APIModel {
    var loginID: ID
    var password: String?
    static let notes: [String: Note] = [
        "loginID": Note("The login."),
        "password": Note("12 to 128 characters; without it one is made up.", length: 12...128),
    ]
}

extension Endpoints {
    static let logins: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<ListQuery, LoginList>(
                "logins.list", "GET", "/api/v1/logins", access: .permission([.manageLogins]),
                EndpointText("List logins", "Logins of your company, also disabled ones."),
                example: ListQuery(after: ID(20), limit: 50), outputExample: LoginList(items: [.example], next: nil),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await context.read { transaction, scope in
                        try Logins.list(after: input.after?.value ?? 0, limit: limit + 1, scope, in: transaction)
                    }
                    let page = found.prefix(limit)
                    return LoginList(
                        items: page.map { LoginView($0) },
                        next: found.count > limit ? page.last.map { ID($0.loginID) } : nil)
                })),
        AnyEndpoint(
            Endpoint<LoginAddition, LoginView>(
                "logins.add", "POST", "/api/v1/logins", access: .permission([.manageLogins]),
                EndpointText("Add a login", "A second login of the same username is refused."),
                example: LoginAddition(
                    username: "asha", name: "Asha Devi", role: .consumer, language: .hindi, accountID: ID(77)),
                outputExample: .example, status: 201, problems: [.notFound, .conflict],
                run: { input, context in
                    try await context.read { transaction, scope in
                        try proveConfinement(
                            accountID: input.accountID?.value, placeID: input.placeID?.value, scope, in: transaction)
                    }
                    let command = try await AddLogin(
                        NewLogin(
                            username: input.username, name: input.name, role: input.role, language: input.language,
                            accountID: input.accountID?.value, placeID: input.placeID?.value),
                        password: input.password, hasher: context.services.passwords)
                    return LoginView(try await context.perform(command), generatedPassword: command.generatedPassword)
                })),
        AnyEndpoint(
            Endpoint<PasswordChange, LoginView>(
                "logins.set-password", "POST", "/api/v1/logins/{loginID}/password",
                access: .permission([.manageLogins]),
                EndpointText("Set a new password", "Ends every session of the login."),
                example: PasswordChange(loginID: ID(21), password: nil), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    let command = try await SetPassword(
                        loginID: input.loginID.value, password: input.password, hasher: context.services.passwords)
                    return LoginView(try await context.perform(command), generatedPassword: command.generatedPassword)
                })),
        AnyEndpoint(
            Endpoint<LoginPath, LoginView>(
                "logins.disable", "POST", "/api/v1/logins/{loginID}/disable", access: .permission([.manageLogins]),
                EndpointText("Disable a login", "Ends its sessions. Your own login cannot be disabled by you."),
                example: LoginPath(loginID: ID(21)), outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    LoginView(try await context.perform(DisableLogin(loginID: input.loginID.value)))
                })),
        AnyEndpoint(
            Endpoint<LoginPath, LoginView>(
                "logins.enable", "POST", "/api/v1/logins/{loginID}/enable", access: .permission([.manageLogins]),
                EndpointText("Enable a disabled login", "It has the password, the second step and the rights it had."),
                example: LoginPath(loginID: ID(21)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    LoginView(try await context.perform(EnableLogin(loginID: input.loginID.value)))
                })),
    ]
}
