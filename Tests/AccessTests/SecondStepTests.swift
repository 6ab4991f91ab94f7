// The second step of signing in: the vectors of its RFCs, and each attack on it.
import Access
import CivilTime
import Clocks
import Cryptography
import Foundation
import SQL
import Testing

@Suite struct OneTimePasswordTests {
    static let secret = Array("12345678901234567890".utf8)

    /// RFC 2202 §3, cases 1, 2 and 6 (a key longer than a block).
    @Test func hmacOfTheRFC() {
        func hex(_ message: String, _ key: [UInt8]) -> String {
            Secret.hex(Hash.hmacSHA1(Array(message.utf8), key: key))
        }
        let byteKey = [UInt8](repeating: 0x0B, count: 20)
        let longKey = [UInt8](repeating: 0xAA, count: 80)
        #expect(hex("Hi There", byteKey) == "b617318655057264e28bc0b6fb378c8ef146be00")
        #expect(hex("what do ya want for nothing?", Array("Jefe".utf8)) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        #expect(
            hex("Test Using Larger Than Block-Size Key - Hash Key First", longKey)
                == "aa4ae5e15272d00e95705637ce8a3b55ed402112")
    }

    /// RFC 4226, appendix D.
    @Test func hotpOfTheRFC() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
        ]
        for (counter, code) in codes.enumerated() {
            #expect(OneTimePassword.code(secret: Self.secret, counter: Int64(counter)) == code)
        }
    }

    /// RFC 6238, appendix B, the rows of SHA-1, eight digits.
    @Test func totpOfTheRFC() {
        let rows: [(Int64, String)] = [
            (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
        ]
        for (atS, code) in rows {
            let step = OneTimePassword.step(atMs: atS * 1000)
            #expect(OneTimePassword.code(secret: Self.secret, counter: step, digits: 8) == code)
        }
    }

    @Test func oneStepEachWayAndNoneUsed() {
        let atMs: Int64 = 59_000
        func match(_ step: Int64, after used: Int64 = -5) -> Int64? {
            let code = OneTimePassword.code(secret: Self.secret, counter: step)
            return OneTimePassword.matchingStep(code, secret: Self.secret, atMs: atMs, after: used)
        }
        #expect([-1, 0, 1, 2, 3].map { match($0) } == [nil, 0, 1, 2, nil])
        #expect(match(1, after: 1) == nil && match(0, after: 1) == nil && match(2, after: 1) == 2)
    }

    /// RFC 4648 §10.
    @Test func base32OfTheRFC() {
        let rows = ["": "", "f": "MY", "fo": "MZXQ", "foo": "MZXW6", "foob": "MZXW6YQ", "fooba": "MZXW6YTB"]
        for (text, encoded) in rows { #expect(OneTimePassword.base32(Array(text.utf8)) == encoded) }
    }
}

extension Fixture {
    /// The code that an app would show for what was handed out.
    func code(_ secretText: String, stepsAhead: Int64 = 0) throws -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        let bits = try secretText.filter { $0 != " " }.flatMap { letter -> [UInt8] in
            let value = try #require(alphabet.firstIndex(of: letter))
            return (0..<5).map { UInt8(value >> (4 - $0) & 1) }
        }
        let bytes = stride(from: 0, to: bits.count - 7, by: 8).map {
            bits[$0..<$0 + 8].reduce(UInt8(0)) { $0 << 1 | $1 }
        }
        return OneTimePassword.code(
            secret: bytes, counter: OneTimePassword.step(atMs: clock.nowMs) + stepsAhead)
    }

    /// A login with a confirmed second step, half a minute after it was confirmed.
    func enrolled(_ username: String = "anil", _ role: Role = .operator) async throws -> (
        secret: String, recovery: [String], session: SessionGrant
    ) {
        try await add(username, role)
        let grant = try await signIn(username)
        let begin = try BeginSecondStep(grant.session, try sessions.needRing())
        _ = try await site.perform(begin, as: grant.session.actor, source: "test")
        let confirm = ConfirmSecondStep(grant.session, code: try code(begin.secretText), try sessions.needRing())
        _ = try await site.perform(confirm, as: grant.session.actor, source: "test")
        clock.nowMs += 30_000
        return (begin.secretText, confirm.recoveryCodes, grant)
    }

    /// The proof that the right password gives.
    func halfOpen(_ username: String = "anil") async throws -> String {
        do {
            _ = try await signIn(username)
        } catch let needed as SecondStepNeeded { return needed.proof }
        Issue.record("no second step was asked for")
        return ""
    }

    func finish(_ proof: String, _ code: String) async throws -> SessionGrant {
        try await sessions.finishSignIn(proof: proof, code: code, from: "203.0.113.7")
    }
}

@Suite struct SecondStepTests {
    @Test func passwordAndCodeOpenASessionAndACodeCountsOnce() async throws {
        try await Fixture.with { fixture in
            let (secret, _, old) = try await fixture.enrolled()
            let code = try fixture.code(secret)
            let proof = try await fixture.halfOpen()
            // Half open is no session.
            #expect(try await fixture.sessions.resolve(token: proof) == nil)
            let grant = try await fixture.finish(proof, code)
            #expect(grant.token != proof && grant.token != old.token)
            #expect(try await fixture.sessions.resolve(token: grant.token) != nil)
            // The proof is used up, and so is the code.
            let again = try await refusal { _ = try await fixture.finish(proof, code) }
            #expect(again?.code == .unauthenticated)
            let second = try await fixture.halfOpen()
            let replayed = try await refusal { _ = try await fixture.finish(second, code) }
            #expect(replayed?.at == "code")
            fixture.clock.nowMs += 30_000
            let next = try fixture.code(secret)
            _ = try await fixture.finish(second, next)
            // Nothing that opens anything lies in the trail.
            let leaks = try await fixture.site.money.read { transaction in
                try transaction.query("SELECT content FROM audit", []) { try $0.text(0) }
                    + transaction.query("SELECT COALESCE(new_value, '') FROM audit_change", []) { try $0.text(0) }
            }.filter { $0.contains(next) || $0.contains(secret.prefix(4)) || $0.contains(proof) }
            #expect(leaks.isEmpty)
        }
    }

    @Test func theCodeThatConfirmedDoesNotSignIn() async throws {
        try await Fixture.with { fixture in
            let (secret, _, _) = try await fixture.enrolled()
            let proof = try await fixture.halfOpen()
            let spent = try fixture.code(secret, stepsAhead: -1)
            let no = try await refusal { _ = try await fixture.finish(proof, spent) }
            #expect(no?.at == "code")
        }
    }

    @Test func aRecoveryCodeSignsInOnce() async throws {
        try await Fixture.with { fixture in
            let (_, recovery, _) = try await fixture.enrolled()
            #expect(recovery.count == 8 && Set(recovery).count == 8)
            let typed = recovery[0].uppercased().replacing("-", with: " ")
            let first = try await fixture.halfOpen()
            _ = try await fixture.finish(first, typed)
            let second = try await fixture.halfOpen()
            let no = try await refusal { _ = try await fixture.finish(second, recovery[0]) }
            #expect(no?.at == "code")
            _ = try await fixture.finish(second, recovery[1])
            #expect(try await fixture.count("SELECT COUNT(*) FROM login_recovery WHERE used_at_ms IS NULL") == 6)
        }
    }

    /// Five in 15 minutes, over as many sign-ins and addresses as anybody likes; then not even the right one.
    @Test func guessesAreCountedByLogin() async throws {
        try await Fixture.with { fixture in
            let (secret, _, _) = try await fixture.enrolled()
            let right = try fixture.code(secret)
            let wrong = right == "000000" ? "000001" : "000000"
            for number in 0..<5 {
                let proof = try await fixture.halfOpen()
                let no = try await refusal {
                    _ = try await fixture.sessions.finishSignIn(proof: proof, code: wrong, from: "198.51.100.\(number)")
                }
                #expect(no?.at == "code")
            }
            let proof = try await fixture.halfOpen()
            let locked = try await refusal { _ = try await fixture.finish(proof, right) }
            #expect(locked?.code == .tooMany)
            #expect(
                try await fixture.count("SELECT COUNT(*) FROM audit WHERE command = 'access.refused'") == 5)
            fixture.clock.nowMs += 15 * 60_000
            let later = try await fixture.halfOpen()
            _ = try await fixture.finish(later, try fixture.code(secret))
        }
    }

    @Test func noSecondStepWithoutTheFirst() async throws {
        try await Fixture.with { fixture in
            let (secret, _, session) = try await fixture.enrolled()
            let code = try fixture.code(secret)
            for proof in ["", "0", String(repeating: "0", count: 64), session.token] {
                let no = try await refusal { _ = try await fixture.finish(proof, code) }
                #expect(no?.code == .unauthenticated, "\(proof)")
            }
            let no = try await refusal { _ = try await fixture.signIn("anil", "not the password") }
            #expect(no?.code == .unauthenticated)
            #expect(try await fixture.count("SELECT COUNT(*) FROM login_half_open") == 0)
        }
    }

    @Test func aHalfOpenSignInEndsAfterFiveMinutesAndWithANewPassword() async throws {
        try await Fixture.with { fixture in
            let (secret, _, session) = try await fixture.enrolled()
            let late = try await fixture.halfOpen()
            fixture.clock.nowMs += Sessions.halfOpenMs
            let over = try await refusal { _ = try await fixture.finish(late, try fixture.code(secret)) }
            #expect(over?.code == .unauthenticated)
            let proof = try await fixture.halfOpen()
            let command = try await SetPassword(
                loginID: session.session.actor.loginID, password: "nine blue tigers", hasher: fixture.passwords)
            _ = try await fixture.site.perform(command, as: .system(orgID: 1), source: "test")
            let changed = try await refusal { _ = try await fixture.finish(proof, try fixture.code(secret)) }
            #expect(changed?.code == .unauthenticated)
        }
    }

    @Test func removingTakesPasswordAndCode() async throws {
        try await Fixture.with { fixture in
            let (secret, _, grant) = try await fixture.enrolled()
            func remove(_ password: String, _ code: String) async throws -> Refusal? {
                try await refusal {
                    try await fixture.sessions.removeSecondStep(
                        of: grant.session, password: password, code: code, from: "203.0.113.7")
                }
            }
            #expect(try await remove("not the password", try fixture.code(secret))?.at == "password")
            #expect(try await remove(Fixture.password, "abcdef")?.at == "code")
            #expect(try await remove(Fixture.password, try fixture.code(secret)) == nil)
            _ = try await fixture.signIn("anil")
        }
    }

    @Test func onlyAnAdministratorOfTheCompanyResetsAndNotTheOwn() async throws {
        try await Fixture.with { fixture in
            let (_, _, grant) = try await fixture.enrolled("boss", .administrator)
            let boss = grant.session.actor
            let command = ResetSecondStep(loginID: boss.loginID)
            let own = try await refusal { _ = try await fixture.site.perform(command, as: boss, source: "test") }
            #expect(own?.code == .conflict)
            let stranger = try await refusal {
                _ = try await fixture.site.perform(command, as: .system(orgID: 2), source: "test")
            }
            #expect(stranger?.code == .notFound)
            let clerk = Actor(loginID: 99, role: .operator, scope: Scope(orgID: 1))
            let no = try await refusal { _ = try await fixture.site.perform(command, as: clerk, source: "test") }
            #expect(no?.code == .forbidden)
            #expect(try await fixture.count("SELECT COUNT(*) FROM login_recovery") == 8)
            _ = try await fixture.site.perform(command, as: .system(orgID: 1), source: "test")
            #expect(try await fixture.sessions.resolve(token: grant.token) == nil)
            _ = try await fixture.signIn("boss")
        }
    }

    @Test func whereItIsRequiredNothingElseGoesBefore() async throws {
        try await Fixture.with { fixture in
            let registry = SettingRegistry([SecondStep.setting])
            let rule = try SetSetting("access.totp", to: "administrators", from: nil, in: registry)
            _ = try await fixture.site.perform(rule, as: .system(orgID: 1), source: "test")
            try await fixture.add("clerk")
            try await fixture.add("boss", .administrator)
            #expect(try await fixture.signIn("clerk").session.mustSetUpSecondStep == false)
            let grant = try await fixture.signIn("boss")
            #expect(grant.session.mustSetUpSecondStep)
            #expect(grant.session.actor.permissions == [.manageOwnLogin])
            let begin = try BeginSecondStep(grant.session, try fixture.sessions.needRing())
            _ = try await fixture.site.perform(begin, as: grant.session.actor, source: "test")
            // Begun is not confirmed.
            #expect(try await fixture.sessions.resolve(token: grant.token)?.mustSetUpSecondStep == true)
            let confirm = ConfirmSecondStep(
                grant.session, code: try fixture.code(begin.secretText), try fixture.sessions.needRing())
            _ = try await fixture.site.perform(confirm, as: grant.session.actor, source: "test")
            let free = try await fixture.sessions.resolve(token: grant.token)
            #expect(free?.mustSetUpSecondStep == false && free?.actor.has(.manageLogins) == true)
        }
    }
}
