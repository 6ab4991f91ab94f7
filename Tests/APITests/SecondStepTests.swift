// The second step through the API, and what the policy tests need of it.
import Access
import Clocks
import Cryptography
import SQL
import Testing

@testable import API

/// The proof of a half-open sign-in that ``Fixture/giveSecondSteps(confirmed:)`` stored.
func proof(_ number: Int) -> String { Secret.hex([UInt8](repeating: UInt8(number), count: 32)) }

extension Fixture {
    static let secret = Array("12345678901234567890".utf8)
    var code: String {
        OneTimePassword.code(secret: Self.secret, counter: OneTimePassword.step(atMs: clock.nowMs))
    }

    /// Every role of company 1 and the target of company 2 get the same secret; the operator also ten half-open
    /// sign-ins with a recovery code each.
    func giveSecondSteps(confirmed: Bool) async throws {
        let ring = try Self.ring()
        let logins =
            try Self.roles.map { (try grant($0).session.actor.loginID, Int64(1)) }
            + [(try #require(targets[2]).loginID, Int64(2))]
        let operatorID = try grant(.operator).session.actor.loginID
        let nowMs = clock.nowMs
        try await site.money.write { transaction in
            for (loginID, orgID) in logins {
                try transaction.run(
                    """
                    INSERT INTO login_totp (org_id, login_id, sealed_secret, confirmed_at_ms, last_step)
                    VALUES ($1, $2, $3, $4, 0)
                    """,
                    [
                        .int(orgID), .int(loginID),
                        .bytes(
                            try ring.seal(
                                Self.secret,
                                binding: SecondStep.sealedColumn.binding(
                                    SealedValue(orgID: orgID, id: loginID, sealed: [])))),
                        .optional(confirmed ? nowMs : nil),
                    ])
            }
            for number in 0..<10 {
                try transaction.run(
                    """
                    INSERT INTO login_half_open (token_hash, org_id, login_id, created_at_ms, expires_at_ms)
                    VALUES ($1, 1, $2, $3, $4)
                    """,
                    [
                        .bytes(Hash.sha256([UInt8](repeating: UInt8(number), count: 32))), .int(operatorID),
                        .int(nowMs), .int(nowMs + 60_000),
                    ])
                try transaction.run(
                    "INSERT INTO login_recovery (org_id, login_id, code_hash) VALUES (1, $1, $2)",
                    [.int(operatorID), .bytes(Hash.sha256(Array("recovery\(number)".utf8)))])
            }
        }
    }
}

@Suite struct SecondStepEndpointTests {
    private func body(_ fields: [String: String]) -> String {
        JSONValue.object(fields.mapValues { .string($0) }).compact
    }

    @Test func thePasswordAloneAnswersWithAProofAndNoSession() async throws {
        try await Fixture.with { fixture in
            try await fixture.giveSecondSteps(confirmed: true)
            let first = await fixture.send(
                "POST", "/api/v1/session", body: body(["username": "operator-of-1", "password": Fixture.password]))
            #expect(first.status == 401 && first.problem == "second-step", "\(first.text)")
            #expect(first.headers["Set-Cookie"] == nil)
            let proof = try #require(try first.json["proof"]?.text)
            // Half open opens nothing, as bearer or as cookie.
            for headers in [[("Authorization", "Bearer \(proof)")], [("Cookie", "busbar_session=\(proof)")]] {
                #expect(await fixture.send("GET", "/api/v1/session", headers: headers).status == 401)
                #expect(await fixture.send("GET", "/api/v1/meters", headers: headers).status == 401)
            }
            let wrong = await fixture.send(
                "POST", "/api/v1/session/second-step", body: body(["proof": proof, "code": "recovery-no"]))
            #expect(wrong.status == 400 && wrong.at == "code", "\(wrong.text)")
            let done = await fixture.send(
                "POST", "/api/v1/session/second-step",
                body: body(["proof": proof, "code": fixture.code, "use": "bearer"]))
            #expect(done.status == 200, "\(done.text)")
            let token = try #require(try done.json["token"]?.text)
            #expect(token != proof)
            let who = await fixture.send("GET", "/api/v1/session", headers: [("Authorization", "Bearer \(token)")])
            #expect(who.status == 200)
            // Neither proof nor code nor token stands in the log.
            #expect(!fixture.lines.all.contains { $0.contains(proof) || $0.contains(token) })
        }
    }

    @Test func anotherCompanysLoginIsNotReset() async throws {
        try await Fixture.with { fixture in
            try await fixture.giveSecondSteps(confirmed: true)
            let other = try #require(fixture.targets[2]).loginID
            let answer = await fixture.send(
                "DELETE", "/api/v1/logins/\(other)/second-step", headers: try fixture.bearer(.administrator))
            #expect(answer.status == 404)
            #expect(try await fixture.count("SELECT COUNT(*) FROM login_totp WHERE org_id = 2") == 1)
        }
    }

    @Test func whoMustSetItUpDoesNothingElse() async throws {
        try await Fixture.with { fixture in
            try await fixture.site.money.write { transaction in
                try transaction.run(
                    "INSERT INTO setting (org_id, name, from_day, value) VALUES (1, 'access.totp', 0, 'staff')", [])
            }
            let meters = await fixture.send("GET", "/api/v1/meters", headers: try fixture.bearer(.operator))
            #expect(meters.status == 403 && meters.detail?.contains("second step") == true, "\(meters.text)")
            let begun = await fixture.send("POST", "/api/v1/second-step", headers: try fixture.bearer(.operator))
            #expect(begun.status == 200, "\(begun.text)")
            let account = await fixture.send(
                "GET", "/api/v1/accounts/71", headers: try fixture.bearer(.consumer))
            #expect(account.status == 200)
            let elsewhere = await fixture.send("GET", "/api/v1/meters", headers: try fixture.bearer(.operator, 2))
            #expect(elsewhere.status == 200)
        }
    }
}
