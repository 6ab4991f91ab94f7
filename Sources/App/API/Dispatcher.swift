// Takes a request to its endpoint or page and brings the answer back: limits, session, CSRF, permission, problems,
// security headers, access log. Server-neutral: Server/ puts it on a socket, tests call it directly.
import Access
import Clocks
import Watch

public struct Dispatcher: Sendable {
    private enum Handler: Sendable {
        case endpoint(AnyEndpoint)
        case page(Page)
    }
    private let services: Services
    private let pages: Pages
    private let routes: Routes<Handler>

    public init(_ services: Services, endpoints: [AnyEndpoint] = Endpoints.all, pages: Pages = .none) {
        self.services = services
        self.pages = pages
        let document = OpenAPI.document(endpoints)
        let openAPI = Page("GET", "/openapi.json", access: .anyone) { _ in Answer("application/json", document) }
        routes = Routes(
            endpoints.map { (PathPattern($0.path), $0.method, .endpoint($0)) }
                + ([openAPI] + pages.pages).map { (PathPattern($0.path), $0.method, .page($0)) })
    }

    /// What the log line says besides the request.
    private struct Trace {
        var route = "-"
        var session: SignedIn?
        var cause: String?
        var problem: ProblemCode?
        var left: Rates.Left?
    }

    /// Always answers.
    public func answer(_ call: Call) async -> Answer {
        let header: @Sendable (String) -> String? = { call.headers[$0] }
        return await Watch.requestSpan("http", requestID: call.requestID, header: header) { await answerWatched(call) }
    }

    private func answerWatched(_ original: Call) async -> Answer {
        let startNs = Stopwatch.nowNs()
        var call = original
        if services.trustsForwarded, let last = call.headers.all("X-Forwarded-For").last?.split(separator: ",").last {
            call.remoteAddress = String(last.filter { $0.isHexDigit || $0 == "." || $0 == ":" }.prefix(45))
        }
        var trace = Trace()
        var answer: Answer
        do {
            answer = try await route(call, &trace)
        } catch {
            let problem = Problem(error)
            trace.problem = problem.code
            trace.cause = problem.cause
            answer =
                isForBrowser(call)
                ? pages.problem(problem, call, trace.session) : problem.answer(requestID: call.requestID)
            for (name, value) in problem.headers.fields where answer.headers[name] == nil {
                answer.headers.add(name, value)
            }
        }
        if let left = trace.left, answer.headers["RateLimit"] == nil {
            answer.headers["RateLimit-Policy"] = left.policy
            answer.headers["RateLimit"] = left.standing
        }
        finish(&answer, call)
        note(call, answer, trace, durationNs: Stopwatch.nowNs() - startNs)
        return answer
    }

    private func isForBrowser(_ call: Call) -> Bool {
        !call.path.hasPrefix("/api/") && (call.headers["Accept"] ?? "").contains("text/html")
    }

    // MARK: the way in

    private func route(_ call: Call, _ trace: inout Trace) async throws -> Answer {
        guard call.path.utf8.count + call.query.utf8.count <= services.limits.pathBytesMax else {
            throw Problem(.tooLarge, "The address is too long.", at: "path")
        }
        guard let found = routes.find(call.path) else {
            try services.rates.count(.reading, caller: caller(call, nil), nowMs: services.site.clocks.systemNowMs())
            throw Problem.noSuchPath
        }
        trace.route = found.pattern.text
        guard let handler = found.handler(for: call.method) else {
            trace.left = try services.rates.count(
                .reading, caller: caller(call, nil), nowMs: services.site.clocks.systemNowMs())
            if call.method == "OPTIONS" {
                var answer = Answer(status: 204)
                answer.headers["Allow"] = found.allow
                return answer
            }
            var problem = Problem(
                .methodNotAllowed, "This path does not know the method.", hint: "Allowed: \(found.allow).")
            problem.headers["Allow"] = found.allow
            throw problem
        }
        let presented = Authentication.presented(call.headers)
        switch handler {
        case .endpoint(let endpoint):
            let session = try await enter(
                call, presented, endpoint.access, endpoint.rate, isPage: false, &trace)
            if let session, presented?.isCookie == true, endpoint.changesSomething {
                try Authentication.proveCSRF(call.headers[Authentication.csrfHeader], session)
            }
            let context = EndpointContext(
                services: services, call: call, session: session, presentedToken: presented?.token,
                idempotencyKey: try idempotencyKey(endpoint, call))
            let input = try await InputReader.read(endpoint, call, path: found.parameters)
            return try await limited { try await endpoint.run(input, context) }
        case .page(let page):
            let session = try await enter(call, presented, page.access, page.rate, isPage: true, &trace)
            let (form, file) = page.method == "POST" ? try await form(call, page, session) : ([:], nil)
            let pageCall = PageCall(
                services: services, call: call, session: session, presentedToken: presented?.token,
                path: found.parameters, query: try InputReader.query(call), form: form, file: file)
            return try await limited { try await page.run(pageCall) }
        }
    }

    /// Counts the request, finds the session and asks whether it may.
    private func enter(
        _ call: Call, _ presented: Authentication.Presented?, _ access: EndpointAccess, _ rate: RateClass,
        isPage: Bool, _ trace: inout Trace
    ) async throws -> SignedIn? {
        let nowMs = services.site.clocks.systemNowMs()
        var session: SignedIn?
        if let presented, access != .anyone || isPage {
            // Guessing tokens costs a query each: counted by address before it.
            try services.rates.count(rate, caller: "token|" + caller(call, nil), nowMs: nowMs)
            session = try await services.sessions.resolve(token: presented.token)
        }
        trace.session = session
        trace.left = try services.rates.count(rate, caller: caller(call, session), nowMs: nowMs)
        if session?.actor.keyID != nil, isPage || access == .signedIn {
            throw Refusal(
                .forbidden, "This is for people who sign in, not for keys.",
                hint: "A key calls what /openapi.json lists with a permission.")
        }
        switch access {
        case .anyone: break
        case .signedIn:
            guard session != nil else { throw Refusal.notSignedIn }
        case .permission(let permissions):
            guard let session else { throw Refusal.notSignedIn }
            guard permissions.contains(where: session.actor.has) else {
                if call.method != "GET", call.method != "HEAD" {
                    await services.site.noteRefusal(
                        "\(call.method) \(trace.route)", as: session.actor, source: "http \(call.remoteAddress)",
                        because: "permission")
                }
                if session.mustSetUpSecondStep {
                    throw Refusal(
                        .forbidden, "Your company asks for a second step of signing in, and you have none yet.",
                        hint: "Set it up on the page /me, or with POST /api/v1/second-step.")
                }
                throw Refusal(
                    .forbidden,
                    session.actor.keyID == nil ? "Your role does not allow this." : "The key does not allow this.",
                    hint: "It takes \(permissions.map(\.rawValue).joined(separator: " or ")).")
            }
        }
        return session
    }

    private func caller(_ call: Call, _ session: SignedIn?) -> String {
        session.map { $0.actor.keyID.map { "key \($0)" } ?? "login \($0.actor.loginID)" }
            ?? AttemptCounter.network(of: call.remoteAddress)
    }

    private func idempotencyKey(_ endpoint: AnyEndpoint, _ call: Call) throws -> String? {
        guard endpoint.idempotency == .keyed else { return nil }
        let key = call.headers["Idempotency-Key"] ?? ""
        let allowed = key.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard (8...64).contains(key.utf8.count), allowed else {
            throw Refusal(
                .invalid, "The header Idempotency-Key is missing or malformed.",
                hint: "Send 8 to 64 letters, digits, - or _, new for each payment, the same for a repetition.",
                at: "Idempotency-Key")
        }
        return key
    }

    /// Reads a form and proves that it came from a page of this session, or at least of this site.
    private func form(
        _ call: Call, _ page: Page, _ session: SignedIn?
    ) async throws -> (fields: [String: String], file: FormFile?) {
        let type = InputReader.mediaType(call.headers["Content-Type"])
        guard type == (page.takesFile ? "multipart/form-data" : "application/x-www-form-urlencoded") else {
            throw Problem(.unsupportedMediaType, "A form is expected.", at: "Content-Type")
        }
        try Authentication.proveSameOrigin(call.headers)
        let bytes = try await call.readBody(page.bodyLimitBytes)
        let read: (fields: [String: String], file: FormFile?)? =
            if page.takesFile {
                Multipart.boundary(call.headers["Content-Type"]).flatMap { Multipart.read(bytes, boundary: $0) }
            } else {
                String(validating: bytes, as: UTF8.self).flatMap { FormEncoding.pairs($0) }.map { ($0, nil) }
            }
        guard var form = read else { throw Refusal(.invalid, "The form cannot be read.", at: "body") }
        let proof = form.fields.removeValue(forKey: Authentication.csrfField)
        if let session { try Authentication.proveCSRF(proof, session) }
        return form
    }

    /// The first of both: the work, or the end of its time. Work that is late goes on and its answer is dropped.
    private func limited(_ work: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        try await Deadline.run(limitMs: services.limits.handlerLimitMs, work) {
            Problem(.timeLimit, "The answer was not ready in time.")
        }
    }

    // MARK: the way out

    private static let security: [(String, String)] = {
        let policy = [
            "default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
            "object-src 'none'",
        ]
        return [
            ("Content-Security-Policy", policy.joined(separator: "; ")), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("X-Frame-Options", "DENY"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"), ("Cache-Control", "no-store"),
        ]
    }()

    private func finish(_ answer: inout Answer, _ call: Call) {
        answer.headers["X-Request-ID"] = call.requestID
        for (name, value) in Self.security where answer.headers[name] == nil { answer.headers.add(name, value) }
        if services.isHTTPS { answer.headers["Strict-Transport-Security"] = "max-age=31536000" }
        compress(&answer, call)
        answer.headers["Content-Length"] = String(answer.body.count)
        if call.method == "HEAD" { answer.body = [] }
    }

    private func compress(_ answer: inout Answer, _ call: Call) {
        guard let gzip = services.gzip, answer.headers["Content-Encoding"] == nil else { return }
        let type = answer.headers["Content-Type"] ?? ""
        guard
            ["text/", "application/json", "application/xml", "application/problem+json", "image/svg"].contains(
                where: type.hasPrefix)
        else {
            return
        }
        answer.headers["Vary"] = answer.headers["Vary"].map { $0 + ", Accept-Encoding" } ?? "Accept-Encoding"
        // An answer that sets a cookie holds fresh secrets beside what the caller chose: its length must not tell.
        guard answer.body.count > 1024, answer.headers["Set-Cookie"] == nil, Self.takesGzip(call.headers) else {
            return
        }
        answer.body = gzip(answer.body)
        answer.headers["Content-Encoding"] = "gzip"
    }

    static func takesGzip(_ headers: Headers) -> Bool {
        headers.all("Accept-Encoding").flatMap { $0.split(separator: ",") }.contains { part in
            let words = part.lowercased().filter { $0 != " " }.split(separator: ";")
            return words.first == "gzip"
                && !words.dropFirst().contains { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) }
        }
    }

    /// No address, name or path with ids: only the route's pattern, numbers of ours and the role.
    private func note(_ call: Call, _ answer: Answer, _ trace: Trace, durationNs: Int64) {
        let method = AccessLine.method(call.method)
        Metric.requests.increment([trace.route, method, "\(answer.status / 100)xx"])
        Metric.requestDuration.observe(ns: durationNs, [trace.route, method])
        var line = AccessLine(status: answer.status, isRoutine: trace.route == "/health" || trace.route == "/ready")
        line.texts = ["request": call.requestID, "method": method, "route": trace.route]
        line.numbers = [
            "status": Int64(answer.status), "bytes": Int64(answer.body.count), "duration_ms": durationNs / 1_000_000,
        ]
        if let actor = trace.session?.actor {
            line.texts["org"] = String(actor.scope.orgID)
            line.texts["login"] = String(actor.loginID)
            line.texts["role"] = actor.role.rawValue
            if let keyID = actor.keyID { line.texts["api_key"] = String(keyID) }
        }
        if let problem = trace.problem { line.texts["problem"] = problem.rawValue }
        if let cause = trace.cause { line.texts["cause"] = String(cause.prefix(500)) }
        services.log(line)
    }
}
