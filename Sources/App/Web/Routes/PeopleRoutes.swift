// One's own login for everybody; the people of the company for administrators.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import SQL

extension Desk {
    var peoplePages: [API.Page] {
        let own: EndpointAccess = .permission([.manageOwnLogin])
        let managing: EndpointAccess = .permission([.manageLogins])
        let one = "\(Paths.people)/{id}"
        return [
            API.Page("GET", Paths.me, access: own) { try await me($0) },
            API.Page("POST", "\(Paths.me)/password", access: own, rate: .signIn) { try await changeOwnPassword($0) },
            API.Page("POST", "\(Paths.me)/sessions/end", access: own) { call in
                _ = try await call.perform(
                    EndSessions(loginID: try call.actor.loginID, keeping: call.session?.sessionID))
                return .seeOther(Paths.me)
            },
            API.Page("POST", "\(Paths.me)/sessions/{id}/end", access: own) { call in
                _ = try await call.perform(EndSessions(loginID: try call.actor.loginID, sessionID: try id(call)))
                return .seeOther(Paths.me)
            },
            API.Page("GET", Paths.people, access: managing) { try await people($0) },
            API.Page("POST", Paths.people, access: managing) { try await addPerson($0) },
            API.Page("GET", one, access: managing) { try await person($0) },
            API.Page("POST", "\(one)/change", access: managing) { try await changePerson($0) },
            API.Page("POST", "\(one)/password", access: managing) { call in
                let command = try await SetPassword(
                    loginID: try id(call), password: nil, hasher: services.passwords)
                _ = try await call.perform(command)
                return try await person(call, madePassword: command.generatedPassword)
            },
            API.Page("POST", "\(one)/disable", access: managing) { call in
                _ = try await call.perform(DisableLogin(loginID: try id(call)))
                return .seeOther(Paths.person(try id(call)))
            },
            API.Page("POST", "\(one)/enable", access: managing) { call in
                _ = try await call.perform(EnableLogin(loginID: try id(call)))
                return .seeOther(Paths.person(try id(call)))
            },
            API.Page("POST", "\(one)/sessions/end", access: managing) { call in
                _ = try await call.perform(EndSessions(loginID: try id(call), keeping: call.session?.sessionID))
                return .seeOther(Paths.person(try id(call)))
            },
        ]
    }

    // MARK: one's own

    private func sessions(_ loginID: Int64, _ call: PageCall) async throws -> [SessionRow] {
        let nowMs = services.site.clocks.systemNowMs()
        let scope = try call.actor.scope
        let current = call.session?.sessionID
        return try await services.site.money.read {
            try Sessions.list(of: loginID, nowMs: nowMs, scope, in: $0)
        }.map { session in
            SessionRow(
                id: session.sessionID, openedMs: session.createdAtMs, seenMs: session.seenAtMs,
                browser: session.browser, network: session.network, isThisOne: session.sessionID == current)
        }
    }

    func me(
        _ call: PageCall, faults: [FormFault] = [], secondStep part: SecondStepPart? = nil
    ) async throws -> Answer {
        let actor = try call.actor
        var page = MeView(
            name: call.session?.name ?? "", username: call.session?.username ?? "", role: actor.role.rawValue,
            sessions: try await sessions(actor.loginID, call))
        page.faults = faults
        page.secondStep =
            if let part { part } else { try await secondStep(actor.loginID, call) }
        return show(page, call, .me, status: faults.isEmpty ? 200 : 422)
    }

    private func changeOwnPassword(_ call: PageCall) async throws -> Answer {
        guard let session = call.session else { throw Refusal.notSignedIn }
        do {
            let grant = try await services.sessions.changePassword(
                of: session, old: call.form["old"] ?? "", new: call.form["new"] ?? "",
                from: call.call.remoteAddress, userAgent: call.call.headers["User-Agent"] ?? "")
            var answer = Answer.seeOther("\(Paths.me)?done=password")
            answer.headers.add("Set-Cookie", Authentication.cookie(grant, isHTTPS: services.isHTTPS))
            return answer
        } catch let refusal as Refusal where refusal.code == .invalid {
            let field = refusal.at == "oldPassword" ? "old" : "new"
            return try await me(call, faults: [FormFault(field: field, refusal: refusal)])
        }
    }

    // MARK: the people of the company

    private func row(_ login: LoginSummary, _ names: (accounts: [Int64: String], places: [Int64: String])) -> PersonRow
    {
        let reach =
            login.accountID.map { names.accounts[$0] ?? String($0) }
            ?? login.placeID.map { names.places[$0] ?? String($0) }
        return PersonRow(
            id: login.loginID, username: login.username, name: login.name, role: login.role.rawValue, reach: reach,
            isActive: login.disabledAtMs == nil)
    }

    private func people(
        _ call: PageCall, faults: [FormFault] = [], made: (username: String, password: String)? = nil
    ) async throws -> Answer {
        let scope = try call.actor.scope
        let after = call.query["after"].flatMap { Int64($0) } ?? 0
        let (found, names, places) = try await services.site.money.read { transaction in
            let found = try Logins.list(after: after, limit: Self.listLimit + 1, scope, in: transaction)
            let places = try Place.all(scope, in: transaction)
            let accounts = try SupplyAccount.of(found.compactMap(\.accountID), scope, in: transaction)
            return (
                found,
                (
                    accounts: Dictionary(uniqueKeysWithValues: accounts.map { ($0.accountID, $0.accountNumber) }),
                    places: Dictionary(uniqueKeysWithValues: places.map { ($0.placeID, $0.name) })
                ), places
            )
        }
        let page = found.prefix(Self.listLimit)
        var form = RightsForm(places: places.map { ($0.placeID, $0.name) })
        if !faults.isEmpty { typed(call, into: &form) }
        var view = PeopleView(
            people: page.map { row($0, names) },
            nextAfter: found.count > Self.listLimit ? page.last.map { String($0.loginID) } : nil, form: form)
        view.made = made
        if !faults.isEmpty {
            view.faults = faults
            view.typedUsername = String((call.form["username"] ?? "").prefix(64))
            view.typedName = String((call.form["name"] ?? "").prefix(120))
        }
        return show(view, call, .people, status: faults.isEmpty ? 200 : 422)
    }

    private func typed(_ call: PageCall, into form: inout RightsForm) {
        form.role = String((call.form["role"] ?? "").prefix(20))
        form.accountCode = String((call.form["account"] ?? "").prefix(64))
        form.placeID = call.form["place"].flatMap { Int64($0) }
        form.language = Language(rawValue: call.form["language"] ?? "") ?? .english
    }

    private struct Rights: Sendable {
        var role: Role
        var language: Access.Language
        var accountID: Int64?
        var placeID: Int64?
    }

    /// What the form says, with the account found by its number and the place among the company's own.
    private func rights(_ call: PageCall) async throws -> Rights {
        guard let role = Role(rawValue: call.form["role"] ?? ""), role != .system else {
            throw Refusal(.invalid, "There is no such role.", at: "role")
        }
        let scope = try call.actor.scope
        let number = call.form["account"] ?? ""
        let placeText = call.form["place"] ?? ""
        let (account, places) = try await services.site.money.read { transaction in
            (
                number.isEmpty
                    ? nil : try SupplyAccount.find(number: String(number.prefix(64)), scope, in: transaction),
                try Place.all(scope, in: transaction)
            )
        }
        guard number.isEmpty || account != nil else {
            throw Refusal(.invalid, "There is no account of this number.", at: "accountID")
        }
        let placeID = Int64(placeText)
        guard placeText.isEmpty || places.contains(where: { $0.placeID == placeID }) else {
            throw Refusal(.invalid, "There is no such place.", at: "placeID")
        }
        return Rights(
            role: role, language: Access.Language(rawValue: call.form["language"] ?? "") ?? .english,
            accountID: account?.accountID, placeID: placeID)
    }

    private static func field(_ refusal: Refusal) -> String {
        switch refusal.at {
        case "accountID": "account"
        case "placeID": "place"
        case "name": "name"
        case "username": "username"
        default: "role"
        }
    }

    private func addPerson(_ call: PageCall) async throws -> Answer {
        do {
            let rights = try await rights(call)
            let command = try await AddLogin(
                NewLogin(
                    username: call.form["username"] ?? "", name: call.form["name"] ?? "", role: rights.role,
                    language: rights.language, accountID: rights.accountID, placeID: rights.placeID),
                password: nil, hasher: services.passwords)
            let login = try await call.perform(command)
            return try await people(call, made: (login.username, command.generatedPassword ?? ""))
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
            return try await people(call, faults: [FormFault(field: Self.field(refusal), refusal: refusal)])
        }
    }

    private func person(
        _ call: PageCall, faults: [FormFault] = [], madePassword: String? = nil
    ) async throws -> Answer {
        let loginID = try id(call)
        let actor = try call.actor
        let (login, account, places) = try await services.site.money.read { transaction in
            let login = try Logins.find(loginID, actor.scope, in: transaction)
            return (
                login, try SupplyAccount.of([login.accountID].compactMap { $0 }, actor.scope, in: transaction).first,
                try Place.all(actor.scope, in: transaction)
            )
        }
        var form = RightsForm(
            role: login.role.rawValue, accountCode: account?.accountNumber ?? "", placeID: login.placeID,
            language: Language(rawValue: login.language.rawValue) ?? .english,
            places: places.map { ($0.placeID, $0.name) })
        if !faults.isEmpty { typed(call, into: &form) }
        let names = (
            accounts: [account?.accountID ?? 0: account?.accountNumber ?? ""],
            places: Dictionary(uniqueKeysWithValues: places.map { ($0.placeID, $0.name) })
        )
        var view = PersonView(
            person: row(login, names), form: form, sessions: try await sessions(loginID, call),
            isSelf: loginID == actor.loginID)
        view.faults = faults
        view.madePassword = madePassword
        view.secondStep = try await secondStep(loginID, call)
        return show(view, call, .people, status: faults.isEmpty ? 200 : 422)
    }

    private func changePerson(_ call: PageCall) async throws -> Answer {
        let loginID = try id(call)
        do {
            let rights = try await rights(call)
            _ = try await call.perform(
                ChangeLogin(
                    loginID: loginID, role: rights.role, language: rights.language, accountID: rights.accountID,
                    placeID: rights.placeID))
            return .seeOther(Paths.person(loginID))
        } catch let refusal as Refusal where refusal.code == .invalid || refusal.code == .conflict {
            return try await person(call, faults: [FormFault(field: Self.field(refusal), refusal: refusal)])
        }
    }
}
