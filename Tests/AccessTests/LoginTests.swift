// Logins, process numbers and dated settings: what is kept, what is refused, and that companies do not touch each
// other.
import Access
import CivilTime
import SQL
import Testing

@Suite struct LoginTests {
    @Test(arguments: [
        (NewLogin(username: "ab", name: "N", role: .operator), "username"),
        (NewLogin(username: "has space", name: "N", role: .operator), "username"),
        (NewLogin(username: "आशा-देवी", name: "N", role: .operator), "username"),
        (NewLogin(username: String(repeating: "a", count: 65), name: "N", role: .operator), "username"),
        (NewLogin(username: "asha", name: "", role: .operator), "name"),
        (NewLogin(username: "asha", name: "two\nlines", role: .operator), "name"),
        (NewLogin(username: "asha", name: String(repeating: "n", count: 121), role: .operator), "name"),
        (NewLogin(username: "asha", name: "N", role: .system), "role"),
        (NewLogin(username: "asha", name: "N", role: .consumer), "accountID"),
        (NewLogin(username: "asha", name: "N", role: .operator, accountID: 1), "accountID"),
        (NewLogin(username: "asha", name: "N", role: .administrator, accountID: 1), "accountID"),
        (NewLogin(username: "asha", name: "N", role: .administrator, placeID: 1), "placeID"),
        (NewLogin(username: "asha", name: "N", role: .consumer, accountID: 1, placeID: 1), "placeID"),
    ])
    func refusesABadLogin(_ new: NewLogin, _ field: String) async throws {
        let no = try await refusal { _ = try await AddLogin(new, password: nil, hasher: PasswordHasher()) }
        #expect(no?.code == .invalid && no?.at == field)
    }

    @Test(arguments: ["elevenchars", "aaaaaaaaaaaaaaaa", "operator-asha", String(repeating: "abcdef", count: 22)])
    func refusesABadPassword(_ password: String) async throws {
        let new = NewLogin(username: "operator-asha", name: "N", role: .operator)
        let no = try await refusal { _ = try await AddLogin(new, password: password, hasher: PasswordHasher()) }
        #expect(no?.code == .invalid && no?.at == "password")
    }

    @Test func aUsernameExistsOnce() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha", org: 1)
            let taken = try await refusal { try await fixture.add("Asha", org: 2) }
            #expect(taken?.code == .conflict)
            #expect(try await fixture.count("SELECT COUNT(*) FROM login") == 1)
        }
    }

    @Test func companiesDoNotTouchEachOthersLogins() async throws {
        try await Fixture.with { fixture in
            let theirs = try await fixture.add("theirs", org: 2)
            let grant = try await fixture.signIn("theirs")
            let admin = Actor(loginID: 5, role: .administrator, scope: Scope(orgID: 1))
            let change = try await SetPassword(loginID: theirs.loginID, password: nil, hasher: fixture.passwords)
            let noChange = try await refusal { _ = try await fixture.site.perform(change, as: admin, source: "test") }
            let noDisable = try await refusal {
                _ = try await fixture.site.perform(DisableLogin(loginID: theirs.loginID), as: admin, source: "test")
            }
            #expect(noChange?.code == .notFound && noDisable?.code == .notFound)
            #expect(try await fixture.sessions.resolve(token: grant.token) != nil)
            _ = try await fixture.signIn("theirs")
            let seen = try await fixture.site.money.read {
                try Logins.list(after: 0, limit: 10, Scope(orgID: 1), in: $0)
            }
            #expect(seen.isEmpty)
        }
    }

    @Test(arguments: [Role.consumer, .operator])
    func onlyAdministratorsManageLogins(_ role: Role) async throws {
        try await Fixture.with { fixture in
            let login = try await fixture.add("somebody")
            let actor = Actor(loginID: 5, role: role, scope: Scope(orgID: 1))
            let no = try await refusal {
                _ = try await fixture.site.perform(DisableLogin(loginID: login.loginID), as: actor, source: "test")
            }
            #expect(no?.code == .forbidden)
        }
    }

    @Test func nobodyDisablesThemselves() async throws {
        try await Fixture.with { fixture in
            let login = try await fixture.add("boss", .administrator)
            let actor = Actor(loginID: login.loginID, role: .administrator, scope: Scope(orgID: 1))
            let no = try await refusal {
                _ = try await fixture.site.perform(DisableLogin(loginID: login.loginID), as: actor, source: "test")
            }
            #expect(no?.code == .conflict)
            _ = try await fixture.signIn("boss")
        }
    }

    @Test func auditHoldsNoPersonalDataAndNoSecret() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha.devi", .consumer, account: 77)
            let rows = try await fixture.site.money.read {
                try $0.query("SELECT content FROM audit", []) { try $0.text(0) }
            }
            #expect(rows == ["role=consumer language=en account=77"])
        }
    }
}

@Suite struct ProcessNumberTests {
    @Test func numbersAreDifferentWhileHeldAndUsedAgainAfterARest() async throws {
        try await Fixture.with { fixture in
            let money = fixture.site.money
            let first = try await ProcessNumber.lease(in: money, holder: "a", systemNowMs: 0)
            let second = try await ProcessNumber.lease(in: money, holder: "b", systemNowMs: 0)
            #expect(first.number == 0 && second.number == 1)
            let renewed = try await second.renewed(in: money, systemNowMs: 50_000)
            #expect(renewed.untilMs == 110_000)
            // The first ran out at 60,000 and rests until 120,000.
            #expect(try await ProcessNumber.lease(in: money, holder: "c", systemNowMs: 119_999).number == 2)
            #expect(try await ProcessNumber.lease(in: money, holder: "d", systemNowMs: 120_000).number == 0)
            let lost = try await refusal { _ = try await first.renewed(in: money, systemNowMs: 120_001) }
            #expect(lost?.code == .conflict)
            try await renewed.release(in: money, systemNowMs: 120_000)
            #expect(try await ProcessNumber.lease(in: money, holder: "e", systemNowMs: 120_000).number == 1)
        }
    }

    @Test func manyAtOnceGetDifferentNumbers() async throws {
        try await Fixture.with { fixture in
            let money = fixture.site.money
            let numbers = try await withThrowingTaskGroup(of: Int64.self) { group in
                for holder in 0..<50 {
                    group.addTask {
                        try await ProcessNumber.lease(in: money, holder: "\(holder)", systemNowMs: 0).number
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(numbers == Set(0..<50))
        }
    }
}

@Suite struct SettingTests {
    static let registry = SettingRegistry([
        .wholeNumber("supply.warn-below-paise", 0...1_000_000, initial: 5000, hint: "Warned below this."),
        .choice("supply.mode", ["warn", "cut"], initial: "warn", hint: "What happens."),
    ])

    @Test func holdsFromADayOnAndKeepsThePast() async throws {
        try await Fixture.with { fixture in
            let admin = Actor(loginID: 5, role: .administrator, scope: Scope(orgID: 1))
            let today = try #require(CivilDay("2026-01-01"))
            let change = try SetSetting(
                "supply.warn-below-paise", to: "7000", from: today.advanced(by: 3), in: Self.registry)
            let state = try await fixture.site.perform(change, as: admin, source: "test")
            #expect(state.value == "5000" && state.nextValue == "7000" && state.nextFromDay == today.number + 3)
            let (before, after, other) = try await fixture.site.money.read { transaction in
                let name = "supply.warn-below-paise"
                return (
                    try Self.registry.value(name, on: today.advanced(by: 2), Scope(orgID: 1), in: transaction),
                    try Self.registry.value(name, on: today.advanced(by: 3), Scope(orgID: 1), in: transaction),
                    try Self.registry.value(name, on: today.advanced(by: 3), Scope(orgID: 2), in: transaction)
                )
            }
            #expect(before == "5000" && after == "7000" && other == "5000")
            let past = try SetSetting("supply.mode", to: "cut", from: today.advanced(by: -1), in: Self.registry)
            let no = try await refusal { _ = try await fixture.site.perform(past, as: admin, source: "test") }
            #expect(no?.code == .invalid && no?.at == "fromDay")
        }
    }

    @Test(arguments: ["", "5000.0", "5e3", "-1", "1000001", "५०००", String(repeating: "9", count: 5000)])
    func refusesAValueItsKindDoesNotRead(_ value: String) async throws {
        let no = try await refusal {
            _ = try SetSetting("supply.warn-below-paise", to: value, from: nil, in: Self.registry)
        }
        #expect(no?.code == .invalid && no?.at == "value" && no?.hint.contains("0 to 1000000") == true)
    }

    @Test(arguments: [
        ("supply.warn-below-pasie", "Did you mean supply.warn-below-paise?"),
        ("supply.moda", "Did you mean supply.mode?"),
        ("nonsense", "GET /api/v1/settings lists the known ones."),
    ])
    func unknownNameIsRefusedWithTheNearest(_ name: String, _ hint: String) async throws {
        let no = try await refusal { _ = try Self.registry.kind(name) }
        #expect(no?.code == .notFound && no?.hint == hint)
    }
}
