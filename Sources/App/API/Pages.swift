// The hook for pages of HTML: they share routing, sessions, limits and security headers with the API.
// Holds no page.
import Access
import Watch

/// What a page's handler gets. A form has been read and its CSRF field proven by then.
public struct PageCall: Sendable {
    public var services: Services
    public var call: Call
    public var session: SignedIn?
    public var presentedToken: String?
    public var path: [String: String]
    public var query: [String: String]
    /// Fields of a POST, without `csrf`.
    public var form: [String: String]
    /// The file of a form that takes one.
    public var file: FormFile?

    public var actor: Actor {
        get throws {
            guard let session else { throw Refusal.notSignedIn }
            return session.actor
        }
    }

    public func perform<C: Command>(_ command: C, why: String = "") async throws -> C.Output {
        let actor = try actor
        return try await Watch.span("command \(C.name)") {
            try await services.site.perform(
                command, as: actor, source: actor.source(address: call.remoteAddress), why: why)
        }
    }

    /// For a command that may take a second person.
    public func ask<C: ConfirmedCommand>(_ command: C, why: String = "") async throws -> Asked<C.Output> {
        let actor = try actor
        return try await Watch.span("command \(C.name)") {
            try await services.site.ask(
                command, as: actor, source: actor.source(address: call.remoteAddress), why: why)
        }
    }
}

/// One page: GET shows it, POST takes its form (`application/x-www-form-urlencoded`,
/// with the field `csrf` = the session's token; where a file is taken, `multipart/form-data`).
public struct Page: Sendable {
    public var method: String
    public var path: String
    public var access: EndpointAccess
    public var rate: RateClass
    public var bodyLimitBytes: Int
    /// The form is sent as `multipart/form-data` with at most one file.
    public var takesFile: Bool
    public var run: @Sendable (PageCall) async throws -> Answer

    public init(
        _ method: String, _ path: String, access: EndpointAccess, rate: RateClass? = nil, bodyLimitBytes: Int = 65_536,
        takesFile: Bool = false,
        run: @escaping @Sendable (PageCall) async throws -> Answer
    ) {
        precondition(method == "GET" || method == "POST", "a page is shown or takes a form")
        self.method = method
        self.path = path
        self.access = access
        self.rate = rate ?? (method == "GET" ? .reading : .writing)
        self.bodyLimitBytes = bodyLimitBytes
        self.takesFile = takesFile
        self.run = run
    }
}

/// All pages, and how a problem looks to a browser.
public struct Pages: Sendable {
    public var pages: [Page]
    /// Called for browsers only (they accept `text/html`). A 401 is a good place for a redirect to the sign-in page.
    public var problem: @Sendable (Problem, Call, SignedIn?) -> Answer

    public init(_ pages: [Page], problem: @escaping @Sendable (Problem, Call, SignedIn?) -> Answer) {
        self.pages = pages
        self.problem = problem
    }

    public static let none = Pages([]) { problem, call, _ in problem.answer(requestID: call.requestID) }
}
