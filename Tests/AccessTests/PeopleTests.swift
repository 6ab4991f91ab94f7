// Sessions as people see and end them, passwords of one's own, rights that change, and which passwords are refused.
import Access
import Clocks
import SQL
import Testing

@Suite struct PeopleTests {
    @Test func anIdleSessionEndsAndUseIsKnownToTheQuarterHour() async throws {
        try await Fixture.with { fixture in
            let login = try await fixture.add("asha")
            let grant = try await fixture.signIn("asha")
            fixture.clock.nowMs += Sessions.idleMs
            #expect(try await fixture.sessions.resolve(token: grant.token) != nil)
            let nowMs = fixture.clock.nowMs + 7 * 60_000
            fixture.clock.nowMs = nowMs
            _ = try await fixture.sessions.resolve(token: grant.token)
            let seen = try await fixture.site.money.read {
                try Sessions.list(of: login.loginID, nowMs: nowMs, Scope(orgID: 1), in: $0)
            }
            #expect(seen.map(\.seenAtMs) == [nowMs - nowMs % Sessions.seenStepMs])
            fixture.clock.nowMs += Sessions.idleMs + Sessions.seenStepMs
            #expect(try await fixture.sessions.resolve(token: grant.token) == nil)
        }
    }

    @Test func sessionsAreListedWithoutAddressAndEndedOneByOne() async throws {
        try await Fixture.with { fixture in
            let login = try await fixture.add("asha")
            let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
            let first = try await fixture.sessions.signIn(
                username: "asha", password: Fixture.password, from: "203.0.113.7", userAgent: agent)
            fixture.clock.nowMs += 1000
            let second = try await fixture.sessions.signIn(
                username: "asha", password: Fixture.password, from: "2001:db8:1:2:3::4", userAgent: "<script>")
            let nowMs = fixture.clock.nowMs
            func list() async throws -> [SessionSummary] {
                try await fixture.site.money.read {
                    try Sessions.list(of: login.loginID, nowMs: nowMs, Scope(orgID: 1), in: $0)
                }
            }
            let both = try await list()
            #expect(both.map(\.network) == ["2001:db8:1:2::/64", "203.0.113.x"])
            #expect(both.map(\.browser) == ["", "Chrome"])
            #expect(both.map(\.sessionID) == [second.session.sessionID, first.session.sessionID])
            let actor = second.session.actor
            let ended = try await fixture.site.perform(
                EndSessions(loginID: login.loginID, keeping: second.session.sessionID), as: actor, source: "test")
            #expect(ended == 1)
            #expect(try await fixture.sessions.resolve(token: first.token) == nil)
            #expect(try await fixture.sessions.resolve(token: second.token) != nil)
            let again = try await refusal {
                _ = try await fixture.site.perform(
                    EndSessions(loginID: login.loginID, sessionID: first.session.sessionID), as: actor, source: "test")
            }
            #expect(again?.code == .notFound)
        }
    }

    @Test func nobodyEndsTheSessionsOfOthersWithoutTheRight() async throws {
        try await Fixture.with { fixture in
            let victim = try await fixture.add("asha", .administrator)
            let grant = try await fixture.signIn("asha")
            try await fixture.add("ravi")
            let actor = try await fixture.signIn("ravi").session.actor
            for session in [nil, grant.session.sessionID] {
                let no = try await refusal {
                    _ = try await fixture.site.perform(
                        EndSessions(loginID: victim.loginID, sessionID: session), as: actor, source: "test")
                }
                #expect(no?.code == .notFound)
            }
            #expect(try await fixture.sessions.resolve(token: grant.token) != nil)
        }
    }

    @Test func aNewPasswordOfOnesOwnNeedsTheOldOneAndEndsEverySession() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let other = try await fixture.signIn("asha")
            let grant = try await fixture.signIn("asha")
            func change(_ old: String, _ new: String) async throws -> SessionGrant {
                try await fixture.sessions.changePassword(
                    of: grant.session, old: old, new: new, from: "203.0.113.7")
            }
            let wrong = try await refusal { _ = try await change("wrong wrong wrong", "nine blue tigers") }
            #expect(wrong?.code == .invalid && wrong?.at == "oldPassword")
            let weak = try await refusal { _ = try await change(Fixture.password, "password1234") }
            #expect(weak?.at == "password")
            let same = try await refusal { _ = try await change(Fixture.password, Fixture.password) }
            #expect(same?.at == "password")
            #expect(try await fixture.sessions.resolve(token: other.token) != nil)
            let next = try await change(Fixture.password, "nine blue tigers")
            #expect(next.token != grant.token && next.session.csrfToken != grant.session.csrfToken)
            #expect(try await fixture.sessions.resolve(token: other.token) == nil)
            #expect(try await fixture.sessions.resolve(token: grant.token) == nil)
            #expect(try await fixture.sessions.resolve(token: next.token) != nil)
            _ = try await fixture.signIn("asha", "nine blue tigers")
            #expect(try await fixture.count("SELECT COUNT(*) FROM audit WHERE command = 'access.refused'") == 1)
        }
    }

    @Test func guessingTheOldPasswordIsLockedOut() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let grant = try await fixture.signIn("asha")
            var codes: [Refusal.Code?] = []
            for number in 0..<6 {
                codes.append(
                    try await refusal {
                        _ = try await fixture.sessions.changePassword(
                            of: grant.session, old: "guess number \(number)", new: "nine blue tigers",
                            from: "203.0.113.7")
                    }?.code)
            }
            #expect(codes == Array(repeating: .invalid, count: 5) + [.tooMany])
        }
    }

    @Test func changedRightsEndTheSessions() async throws {
        try await Fixture.with { fixture in
            let login = try await fixture.add("asha", .administrator)
            let admin = try await fixture.add("root-of-all", .administrator)
            let grant = try await fixture.signIn("asha")
            let actor = Actor(loginID: admin.loginID, role: .administrator, scope: Scope(orgID: 1))
            func change(_ loginID: Int64, _ role: Role, _ language: Language, _ account: Int64? = nil) async throws {
                _ = try await fixture.site.perform(
                    ChangeLogin(loginID: loginID, role: role, language: language, accountID: account, placeID: nil),
                    as: actor, source: "test")
            }
            // Another language is no other right.
            try await change(login.loginID, .administrator, .hindi)
            #expect(try await fixture.sessions.resolve(token: grant.token) != nil)
            try await change(login.loginID, .operator, .hindi)
            #expect(try await fixture.sessions.resolve(token: grant.token) == nil)
            let own = try await refusal { try await change(admin.loginID, .operator, .english) }
            #expect(own?.code == .conflict)
            let without = try await refusal { try await change(login.loginID, .consumer, .english) }
            #expect(without?.at == "accountID")
            let machine = try await refusal { try await change(login.loginID, .system, .english) }
            #expect(machine?.at == "role")
            let elsewhere = try await refusal {
                _ = try await fixture.site.perform(
                    ChangeLogin(
                        loginID: login.loginID, role: .administrator, language: .english, accountID: nil,
                        placeID: nil), as: .system(orgID: 2), source: "test")
            }
            #expect(elsewhere?.code == .notFound)
        }
    }

    @Test func whoSignsInDoesNotCountAgainstTheOffice() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            for _ in 0..<70 {
                fixture.clock.nowMs += 1
                _ = try await fixture.signIn("asha")
            }
            // The bound on wrong tries still stands.
            for number in 0..<50 {
                _ = try await refusal { _ = try await fixture.signIn("user\(number)", "some password") }
            }
            let stopped = try await refusal { _ = try await fixture.signIn("asha") }
            #expect(stopped?.code == .tooMany)
        }
    }

    @Test(arguments: [
        "password1234", "P@ssw0rd2026!", "busbar-busbar-1", "Welcome12345", "qwertyuiop12", "abcdefghijklmn",
        "asdfghjkl;12", "1qaz2wsx3edc", "123456789012", "AdminAdmin12", "electricity1", "Sunita Devi 12",
        "Ujjwal2026!!", "letmein12345", "november2026!", "operator-asha1",
    ])
    func whatEverybodyTriesIsRefused(_ password: String) throws {
        #expect(throws: Refusal.self) {
            try PasswordRules.check(password, own: ["operator-asha", "Sunita Devi", "Ujjwal"])
        }
    }

    @Test(arguments: [
        "seven green tigers", "nine blue tigers", "correct horse battery", "k7m2p-x9w4q-hj3nr-t5vbc",
        "मेरा बहुत लंबा वाक्य", "zebra lamp onion kite",
    ])
    func whatIsGoodIsTaken(_ password: String) throws {
        try PasswordRules.check(password, own: ["operator-asha", "Sunita Devi", "Ujjwal"])
    }

    @Test func aBreachedPasswordIsRefused() async throws {
        let hasher = PasswordHasher(isBreached: { $0 == "seven green tigers" })
        let no = try await refusal {
            _ = try await SetPassword(loginID: 1, password: "seven green tigers", hasher: hasher)
        }
        #expect(no?.message.contains("breach") == true)
        _ = try await SetPassword(loginID: 1, password: "nine blue tigers", hasher: hasher)
    }
}
