// Signing in and out, how long a session lasts, and attempts that are counted.
import Access
import Clocks
import Cryptography
import SQL
import Testing

@Suite struct SessionTests {
    @Test func tokenStandsForTheLogin() async throws {
        try await Fixture.with { fixture in
            let consumer = try await fixture.add("asha", .consumer, account: 77)
            let grant = try await fixture.signIn("ASHA")
            let session = try #require(try await fixture.sessions.resolve(token: grant.token))
            #expect(
                session.actor
                    == Actor(loginID: consumer.loginID, role: .consumer, scope: Scope(orgID: 1, accountID: 77)))
            #expect(session.csrfToken == grant.session.csrfToken && session.csrfToken.count == 32)
            #expect(grant.token.count == 64)
            #expect(try await fixture.count("SELECT COUNT(*) FROM audit WHERE command = 'access.sign-in'") == 1)
        }
    }

    @Test func onlyTheHashOfTheTokenIsStored() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let grant = try await fixture.signIn("asha")
            let raw = stride(from: 0, to: 64, by: 2).map { offset -> UInt8 in
                let start = grant.token.index(grant.token.startIndex, offsetBy: offset)
                return UInt8(grant.token[start...].prefix(2), radix: 16) ?? 0
            }
            let stored = try await fixture.site.money.read {
                try $0.query("SELECT token_hash FROM session", []) { try $0.bytes(0) }
            }
            #expect(stored == [Hash.sha256(raw)])
            #expect(stored != [raw])
        }
    }

    @Test func unknownDisabledAndWrongAnswerTheSame() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let gone = try await fixture.add("gone")
            _ = try await fixture.site.perform(
                DisableLogin(loginID: gone.loginID), as: .system(orgID: 1), source: "test")
            let wrong = try await refusal { _ = try await fixture.signIn("asha", "not her password") }
            let unknown = try await refusal { _ = try await fixture.signIn("nobody") }
            let disabled = try await refusal { _ = try await fixture.signIn("gone") }
            let long = try await refusal {
                _ = try await fixture.signIn("asha", String(repeating: "x", count: 100_000))
            }
            #expect(wrong?.code == .unauthenticated)
            #expect(wrong == unknown && unknown == disabled && disabled == long)
        }
    }

    /// With no room to hash, nobody gets an answer: so an unknown name pays for a hash like a known one. That the
    /// decoy costs as much as a real hash stands in PasswordTests.
    @Test(arguments: ["asha", "nobody", "gone", String(repeating: "x", count: 10_000)])
    func everyTryPaysForAHash(_ username: String) async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let gone = try await fixture.add("gone")
            _ = try await fixture.site.perform(
                DisableLogin(loginID: gone.loginID), as: .system(orgID: 1), source: "test")
            let busy = Sessions(site: fixture.site, passwords: PasswordHasher(concurrency: 0, waitingMax: 0))
            let no = try await refusal {
                _ = try await busy.signIn(username: username, password: "not the password", from: "203.0.113.7")
            }
            #expect(no?.code == .unavailable)
        }
    }

    @Test func fiveWrongTriesLockTheNameFromThatAddressFor15Minutes() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            for _ in 0..<5 {
                let wrong = try await refusal { _ = try await fixture.signIn("asha", "not her password") }
                #expect(wrong?.code == .unauthenticated)
            }
            let locked = try await refusal { _ = try await fixture.signIn("asha") }
            #expect(locked?.code == .tooMany && locked?.retryAfterS == 900)
            _ = try await fixture.signIn("asha", from: "198.51.100.9")
            fixture.clock.nowMs += 15 * 60_000
            _ = try await fixture.signIn("asha")
        }
    }

    @Test func triesSentAtOnceAreAllCounted() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let codes = await withTaskGroup(of: Refusal.Code?.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try? await refusal { _ = try await fixture.signIn("asha", "not her password") }?.code
                    }
                }
                return await group.reduce(into: [Refusal.Code: Int]()) { counts, code in
                    if let code { counts[code, default: 0] += 1 }
                }
            }
            #expect(codes == [.unauthenticated: 5, .tooMany: 15])
        }
    }

    @Test func spreadingOverNamesIsStoppedByAddress() async throws {
        try await Fixture.with { fixture in
            for number in 0..<50 {
                _ = try await refusal { _ = try await fixture.signIn("user\(number)", "some password") }
            }
            let stopped = try await refusal { _ = try await fixture.signIn("another", "some password") }
            #expect(stopped?.code == .tooMany)
        }
    }

    @Test func endsAfter12HoursHoweverUsed() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let grant = try await fixture.signIn("asha")
            for _ in 0..<12 {
                #expect(try await fixture.sessions.resolve(token: grant.token) != nil)
                fixture.clock.nowMs += Sessions.lifetimeMs / 12
            }
            #expect(try await fixture.sessions.resolve(token: grant.token) == nil)
        }
    }

    @Test func aSessionOpenedByAClockThatWasAheadDoesNotLiveTooLong() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            // A year ahead, then set right: the session is void at once.
            fixture.clock.nowMs += 365 * 86_400_000
            let ahead = try await fixture.signIn("asha")
            #expect(try await fixture.sessions.resolve(token: ahead.token) != nil)
            fixture.clock.nowMs = Fixture.startMs
            #expect(try await fixture.sessions.resolve(token: ahead.token) == nil)
            let right = try await fixture.signIn("asha")
            #expect(try await fixture.sessions.resolve(token: right.token) != nil)
            // And it does not come to life when its year has come.
            fixture.clock.nowMs += 365 * 86_400_000
            #expect(try await fixture.sessions.resolve(token: ahead.token) == nil)
            // Half an hour ahead, as clocks of two machines may be: it lives, and for so much longer at most.
            let now = fixture.clock.nowMs
            fixture.clock.nowMs = now + 1_800_000
            let near = try await fixture.signIn("asha")
            fixture.clock.nowMs = now
            for _ in 0..<12 {
                #expect(try await fixture.sessions.resolve(token: near.token) != nil)
                fixture.clock.nowMs += Sessions.lifetimeMs / 12
            }
            fixture.clock.nowMs += 1_800_000
            #expect(try await fixture.sessions.resolve(token: near.token) == nil)
        }
    }

    @Test func endsBySignOutNewPasswordAndDisabling() async throws {
        try await Fixture.with { fixture in
            let login = try await fixture.add("asha")
            let first = try await fixture.signIn("asha")
            let second = try await fixture.signIn("asha")
            try await fixture.sessions.revoke(token: first.token)
            #expect(try await fixture.sessions.resolve(token: first.token) == nil)
            #expect(try await fixture.sessions.resolve(token: second.token) != nil)
            let change = try await SetPassword(loginID: login.loginID, password: nil, hasher: fixture.passwords)
            _ = try await fixture.site.perform(change, as: .system(orgID: 1), source: "test")
            #expect(try await fixture.sessions.resolve(token: second.token) == nil)
            let third = try await fixture.signIn("asha", try #require(change.generatedPassword))
            _ = try await fixture.site.perform(
                DisableLogin(loginID: login.loginID), as: .system(orgID: 1), source: "test")
            #expect(try await fixture.sessions.resolve(token: third.token) == nil)
            // Enabled again the login is as before, but what had ended stays ended.
            for _ in 0..<2 {
                _ = try await fixture.site.perform(
                    EnableLogin(loginID: login.loginID), as: .system(orgID: 1), source: "test")
            }
            #expect(try await fixture.sessions.resolve(token: third.token) == nil)
            _ = try await fixture.signIn("asha", try #require(change.generatedPassword))
            #expect(try await fixture.count("SELECT COUNT(*) FROM audit_change WHERE old_value = 'disabled'") == 1)
        }
    }

    @Test func aLoginHoldsAtMostTwentySessions() async throws {
        try await Fixture.with { fixture in
            try await fixture.add("asha")
            let first = try await fixture.signIn("asha")
            for _ in 0..<20 {
                fixture.clock.nowMs += 1
                _ = try await fixture.signIn("asha")
            }
            #expect(try await fixture.count("SELECT COUNT(*) FROM session") == 20)
            #expect(try await fixture.sessions.resolve(token: first.token) == nil)
        }
    }

    @Test(arguments: [
        "", "x", String(repeating: "A", count: 64), String(repeating: "g", count: 64),
        String(repeating: "0", count: 64),
    ])
    func textThatIsNoTokenStandsForNobody(_ token: String) async throws {
        try await Fixture.with { fixture in
            #expect(try await fixture.sessions.resolve(token: token) == nil)
            try await fixture.sessions.revoke(token: token)
        }
    }
}
