// A correction of a balance over HTTP: 202 with the request, another person's yes, then the same call answers 201.
import Access
import SQL
import Testing

@testable import API

let requestProbes: [String: Probe] = [
    "requests.list": Probe(
        roles: staff, own: { _, _ in ["limit": .number("2")] },
        other: { _ in ["before": .string("9000000000000000000")] }, prepare: { try await $0.giveRequests() }),
    // Of others: for who may decide.
    "requests.read": Probe(
        roles: [.operator, .administrator], own: { _, number in ["requestID": .string("\(8200 + number)")] },
        other: { _ in ["requestID": .string("8102")] }, prepare: { try await $0.giveRequests() }),
    "requests.confirm": Probe(
        roles: [.administrator], own: { _, number in ["requestID": .string("\(8300 + number)")] },
        other: { _ in ["requestID": .string("8102")] }, prepare: { try await $0.giveRequests() }),
    "requests.reject": Probe(
        roles: [.administrator],
        own: { _, number in ["requestID": .string("\(8300 + number)"), "reason": .string("a test of requests")] },
        other: { _ in ["requestID": .string("8102"), "reason": .string("a test of requests")] },
        prepare: { try await $0.giveRequests() }),
    "requests.withdraw": Probe(
        roles: [.operator, .administrator], own: { _, number in ["requestID": .string("\(8200 + number)")] },
        other: { _ in ["requestID": .string("8102")] }, prepare: { try await $0.giveRequests() }),
]

@Suite struct RequestTests {
    @Test func aCorrectionWaitsAndIsConfirmed() async throws {
        try await Fixture.with { fixture in
            let passwords = PasswordHasher()
            let second = try await AddLogin(
                NewLogin(username: "second-of-1", name: "Second", role: .administrator), password: Fixture.password,
                hasher: passwords)
            _ = try await fixture.site.perform(second, as: .system(orgID: 1), source: "test")
            let grant = try await fixture.services.sessions.signIn(
                username: "second-of-1", password: Fixture.password, from: "192.0.2.9")
            let checker = [("Authorization", "Bearer \(grant.token)")]
            func adjust() async throws -> Answer {
                await fixture.send(
                    "POST", "/api/v1/accounts/71/adjustments",
                    headers: try fixture.bearer(.administrator) + [("Idempotency-Key", "correction-1")],
                    body: #"{"amountPaise":-500,"reason":"read wrongly"}"#)
            }
            let asked = try await adjust()
            #expect(asked.status == 202 && asked.headers["Content-Type"] == "application/json", "\(asked.text)")
            #expect(try asked.json["state"]?.text == "pending")
            #expect(try asked.json["reason"]?.text == "read wrongly")
            let id = try #require(try asked.json["requestID"]?.text)
            #expect(try await fixture.count("SELECT COUNT(*) FROM adjustment") == 0)
            let path = "/api/v1/requests/\(id)"
            let own = await fixture.send("POST", "\(path)/confirm", headers: try fixture.bearer(.administrator))
            #expect(own.status == 403 && own.problem == "forbidden", "\(own.text)")
            let list = await fixture.send("GET", "/api/v1/requests", headers: checker)
            #expect(list.text.contains("\"requestID\":\"\(id)\"") && list.text.contains("administrator-of-1"))
            let unseen = await fixture.send("GET", path, headers: try fixture.bearer(.operator))
            #expect(unseen.status == 404, "\(unseen.text)")
            let done = await fixture.send("POST", "\(path)/confirm", headers: checker)
            #expect(try done.json["state"]?.text == "confirmed", "\(done.text)")
            #expect(try await fixture.count("SELECT COUNT(*) FROM adjustment") == 1)
            let again = try await adjust()
            #expect(again.status == 201, "\(again.text)")
            #expect(try again.json["entry"]?.text?.hasPrefix("J-") == true, "\(again.text)")
            let late = await fixture.send("POST", "\(path)/withdraw", headers: try fixture.bearer(.administrator))
            #expect(late.status == 409, "\(late.text)")
        }
    }
}
