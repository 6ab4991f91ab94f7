// A browser of a few lines for the people of the demo: it reads the same pages and sends the same forms as anybody.
import API
import Access
import Foundation

actor DemoBrowser {
    private let dispatcher: Dispatcher
    private var cookies: [String: String] = [:]

    init(dispatcher: Dispatcher) { self.dispatcher = dispatcher }

    func signIn(_ signIn: DemoSignIn) async throws {
        let page = try await get("/sign-in")
        try await post(
            "/sign-in", ["csrf": Self.field("csrf", in: page), "user": signIn.username, "password": signIn.password])
    }

    /// The form of the account's page, with its own key: sent twice it counts once.
    func recharge(accountID: Int64, rupees: Int64) async throws {
        let page = try await get("/accounts/\(accountID)")
        try await post(
            "/accounts/\(accountID)/recharges",
            ["csrf": Self.field("csrf", in: page), "key": Self.field("key", in: page), "amount": "\(rupees * 100)"])
    }

    private func get(_ path: String) async throws -> String {
        String(decoding: try await send("GET", path, body: []).body, as: UTF8.self)
    }

    private func post(_ path: String, _ fields: [String: String]) async throws {
        let body = fields.map { "\($0.key)=\(Self.encoded($0.value))" }.sorted().joined(separator: "&")
        _ = try await send("POST", path, body: Array(body.utf8))
    }

    private func send(_ method: String, _ path: String, body: [UInt8]) async throws -> Answer {
        var headers = Headers()
        headers.add("Accept", "text/html")
        headers.add("Host", "127.0.0.1")
        if !body.isEmpty { headers.add("Content-Type", "application/x-www-form-urlencoded") }
        if !cookies.isEmpty {
            headers.add("Cookie", cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; "))
        }
        let answer = await dispatcher.answer(
            Call(
                method: method, path: path, headers: headers, body: body, remoteAddress: "127.0.0.1",
                requestID: Secret.hex(Secret.bytes(8))))
        for cookie in answer.headers.all("Set-Cookie") {
            let pair = cookie.prefix { $0 != ";" }
            guard let equals = pair.firstIndex(of: "=") else { continue }
            cookies[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
        }
        guard answer.status < 400 else {
            throw Refusal(.unavailable, "\(method) \(path) was answered with \(answer.status).")
        }
        return answer
    }

    /// The value of a hidden field.
    private static func field(_ name: String, in page: String) throws -> String {
        guard let start = page.range(of: "name=\"\(name)\" value=\"") else {
            throw Refusal(.unavailable, "The page has no field \(name).")
        }
        return String(page[start.upperBound...].prefix { $0 != "\"" })
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}
