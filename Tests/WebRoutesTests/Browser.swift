// The pages of two companies in process, and a browser of a few lines that keeps its cookies.
import API
import Access
import CivilTime
import Clocks
import Composition
import Foundation
import MeterPort
import Payments
import SQL
import TestGateway
import TestRetailer
import TestSupport
import Testing
import Web

struct WebSite: Sendable {
    static let password = "seven green tigers"
    /// 2026-02-10 09:30 in India.
    static let nowMs: Int64 = 1_770_696_000_000
    let site: Site
    let dispatcher: Dispatcher
    let retailers: [TestRetailer]
    var one: TestRetailer { retailers[0] }
    var two: TestRetailer { retailers[1] }

    /// Two companies; in the first `admin`, `ops` (whole company), `field` (first feeder) and `home` (account 71).
    static func with(
        _ engine: TestEngine = .sqlite, simulator: (any SimulatorControl)? = nil,
        _ body: (WebSite) async throws -> Void
    ) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let clock = ManualClock(startMs: nowMs)
            let clocks = Clocks.manual(clock)
            let site = Site(
                money: stores.money, readings: stores.readings, clocks: clocks,
                ids: IDGenerator(processNumber: 1, clocks: clocks))
            let retailers = try await TestRetailer.make(site)
            var services = Services(
                site: site, ring: try KeyRing(current: [UInt8](repeating: 7, count: 32)),
                settings: BusbarSettings.registry, log: { _ in })
            services.simulator = simulator
            services.payments = PaymentDesk(
                site: site, ring: try KeyRing(current: [UInt8](repeating: 7, count: 32)), gateways: [TestGateway()])
            let one = retailers[0]
            let logins = [
                NewLogin(username: "admin", name: "Admin <b>", role: .administrator),
                NewLogin(username: "ops", name: "Ops", role: .operator),
                NewLogin(username: "field", name: "Field", role: .operator, placeID: one.place),
                NewLogin(username: "home", name: "Home", role: .consumer, language: .hindi, accountID: one.account),
            ]
            for login in logins {
                let command = try await AddLogin(login, password: password, hasher: services.passwords)
                _ = try await site.perform(command, as: .system(orgID: 1), source: "test")
            }
            try await body(
                WebSite(
                    site: site, dispatcher: BusbarWeb.dispatcher(services: services, orgs: TestRetailer.orgs),
                    retailers: retailers))
        }
    }

    func browser(_ username: String?) async throws -> Browser {
        let browser = Browser(dispatcher)
        if let username {
            let answer = await browser.post("/sign-in", ["user": username, "password": Self.password])
            try #require(answer.status == 303, "\(answer.text)")
        }
        return browser
    }
}

actor Browser {
    private let dispatcher: Dispatcher
    var cookies: [String: String] = [:]
    init(_ dispatcher: Dispatcher) { self.dispatcher = dispatcher }
    func take(_ stolen: [String: String]) { cookies = stolen }

    func get(_ path: String) async -> Answer { await send("GET", path, nil) }

    /// Sends the form as it stands, without adding anything.
    func post(_ path: String, _ form: [String: String]) async -> Answer {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let body = form.map { "\($0.key)=\($0.value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }
        return await send("POST", path, body.joined(separator: "&"))
    }

    /// Sends a form with a file, as a browser does; without a name there is no file.
    func upload(_ path: String, _ form: [String: String], name: String = "", _ file: String = "") async -> Answer {
        let boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
        var body = ""
        for (key, value) in form {
            body += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(key)\"\r\n\r\n\(value)\r\n"
        }
        let quoted = name.replacing("\"", with: "%22")
        body += "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(quoted)\"\r\n"
        body += "Content-Type: application/octet-stream\r\n\r\n\(file)\r\n--\(boundary)--\r\n"
        return await send("POST", path, body, type: "multipart/form-data; boundary=\(boundary)")
    }

    private func send(
        _ method: String, _ path: String, _ body: String?, type: String = "application/x-www-form-urlencoded"
    ) async -> Answer {
        var headers = Headers()
        headers.add("Accept", "text/html")
        headers.add("Host", "busbar.test")
        if body != nil { headers.add("Content-Type", type) }
        if !cookies.isEmpty {
            headers.add("Cookie", cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; "))
        }
        let sides = path.split(separator: "?", maxSplits: 1).map(String.init)
        let answer = await dispatcher.answer(
            Call(
                method: method, path: sides[0], query: sides.count == 2 ? sides[1] : "", headers: headers,
                body: Array((body ?? "").utf8), remoteAddress: "203.0.113.9", requestID: "test-request"))
        for cookie in answer.headers.all("Set-Cookie") {
            let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1])
        }
        return answer
    }
}

extension Answer {
    var text: String { String(decoding: body, as: UTF8.self) }
    var location: String? { headers["Location"] }
    /// The value of a hidden field.
    func field(_ name: String) throws -> String {
        let start = try #require(text.range(of: "name=\"\(name)\" value=\""), "no field \(name)")
        return String(text[start.upperBound...].prefix { $0 != "\"" })
    }
}
