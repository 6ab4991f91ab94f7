// Every way a request can fail, once: code, status, words. Answers are RFC 9457 problems; nothing inside leaks out.
import Access
import MeterPort
import SQL

/// The closed registry of problem types. The raw value is the end of the type URI `/problems/<code>` and never changes.
public enum ProblemCode: String, Sendable, CaseIterable {
    case invalid
    case unauthenticated
    case secondStep = "second-step"
    case forbidden
    case csrf
    case notFound = "not-found"
    case noSuchPath = "no-such-path"
    case methodNotAllowed = "method-not-allowed"
    case slowRequest = "slow-request"
    case conflict
    case tooLarge = "too-large"
    case unsupportedMediaType = "unsupported-media-type"
    case tooMany = "too-many"
    case unavailable
    case timeLimit = "time-limit"
    case meterSilent = "meter-silent"
    case meterRefused = "meter-refused"
    case meterAnswer = "meter-answer"
    case `internal`

    public var status: Int {
        switch self {
        case .invalid: 400
        case .unauthenticated, .secondStep: 401
        case .forbidden, .csrf: 403
        case .notFound, .noSuchPath: 404
        case .methodNotAllowed: 405
        case .slowRequest: 408
        case .conflict: 409
        case .tooLarge: 413
        case .unsupportedMediaType: 415
        case .tooMany: 429
        case .internal: 500
        case .meterRefused, .meterAnswer: 502
        case .unavailable, .timeLimit: 503
        case .meterSilent: 504
        }
    }

    /// The same for every occurrence (RFC 9457 §3.1.3).
    public var title: String {
        switch self {
        case .invalid: "The request is not valid"
        case .unauthenticated: "Not signed in"
        case .secondStep: "A code is needed"
        case .forbidden: "Not allowed"
        case .csrf: "The page is out of date"
        case .notFound: "Not found"
        case .noSuchPath: "No such path"
        case .methodNotAllowed: "Method not allowed"
        case .slowRequest: "The request came too slowly"
        case .conflict: "In conflict with what is there"
        case .tooLarge: "Too large"
        case .unsupportedMediaType: "Wrong content type"
        case .tooMany: "Too many requests"
        case .unavailable: "Not available now"
        case .timeLimit: "It took too long"
        case .meterSilent: "The meter does not answer"
        case .meterRefused: "The meter refuses"
        case .meterAnswer: "The meter's answer makes no sense"
        case .internal: "Our fault"
        }
    }

    /// What to do about it, in general; the hint of an occurrence is more exact.
    public var mend: String {
        switch self {
        case .invalid: "Mend the field named by `at` and send the request again."
        case .unauthenticated: "Sign in: POST /api/v1/session."
        case .secondStep: "Send `proof` and a code: POST /api/v1/session/second-step."
        case .forbidden: "Ask an administrator of your company for the permission."
        case .csrf: "Send the session's token in the header X-CSRF-Token, or load the page again."
        case .notFound: "Check the id. What belongs to others is not found either."
        case .noSuchPath: "GET /openapi.json lists the paths."
        case .methodNotAllowed: "Use a method of the header Allow."
        case .slowRequest: "Send the request again over a better line."
        case .conflict: "Read the present state and decide anew."
        case .tooLarge: "Send less at once."
        case .unsupportedMediaType: "Send JSON with the header Content-Type: application/json."
        case .tooMany: "Wait for the seconds of the header Retry-After."
        case .unavailable: "Try again in a moment."
        case .timeLimit:
            "It may or may not have happened. Send it again with the same Idempotency-Key: nothing happens twice."
        case .meterSilent: "Check power and line of the meter and try again."
        case .meterRefused: "Check authentication, keys and access rights of the meter."
        case .meterAnswer: "Look into the meter's profile; the log has the details."
        case .internal: "Tell the operator the instance of this problem: it is the request's id in the log."
        }
    }
}

/// One occurrence. Thrown anywhere below an endpoint, or made from another error.
public struct Problem: Error, Sendable {
    public var code: ProblemCode
    public var detail: String
    public var hint: String
    /// The field, header or parameter it is about.
    public var at: String?
    /// `Allow`, `Retry-After`, `WWW-Authenticate`.
    public var headers = Headers()
    /// What the second step of signing in asks for. Never in a log.
    public var proof: String?
    /// For the log only.
    public var cause: String?

    public init(_ code: ProblemCode, _ detail: String, hint: String = "", at: String? = nil) {
        self.code = code
        self.detail = detail
        self.hint = hint
        self.at = at
    }

    /// The registry's answer to any error. Text of database and programming errors goes to the log, never out.
    public init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as Refusal: self.init(refusal)
        case let needed as SecondStepNeeded:
            self.init(.secondStep, "The password is right; a code of the authenticator app is needed too.")
            proof = needed.proof
        case let error as MeterError: self.init(error)
        case let error as SQLError:
            switch error.code {
            case .busy, .connection:
                self.init(.unavailable, "The database is not available now.")
                headers["Retry-After"] = "5"
            case .full:
                self.init(
                    .unavailable, "The disk of the database is full. Nothing was changed.",
                    hint: "Make room on the disk and send it again. What is stored can still be read.")
                headers["Retry-After"] = "60"
            case .readOnly:
                self.init(
                    .unavailable, "The database can only be read now. Nothing was changed.",
                    hint: "The operator of this installation checks who owns its folder.")
                headers["Retry-After"] = "60"
            case .corrupt:
                self.init(
                    .unavailable, "The database is damaged.",
                    hint: "The operator of this installation stops it and runs `busbar db check`.")
                headers["Retry-After"] = "600"
            case .unique, .foreignKey, .check, .notNull, .syntax, .decode, .other:
                self.init(.internal, "Something in Busbar went wrong.")
            }
            cause = error.description
        case is CancellationError: self.init(.unavailable, "The server is stopping.")
        default:
            self.init(.internal, "Something in Busbar went wrong.")
            cause = "\(type(of: error))"
        }
    }

    private init(_ refusal: Refusal) {
        let code: ProblemCode =
            switch refusal.code {
            case .invalid: .invalid
            case .unauthenticated: .unauthenticated
            case .forbidden: .forbidden
            case .notFound: .notFound
            case .conflict: .conflict
            case .tooLarge: .tooLarge
            case .tooMany: .tooMany
            case .unavailable: .unavailable
            }
        self.init(code, refusal.message, hint: refusal.hint, at: refusal.at)
        switch code {
        case .unauthenticated: headers["WWW-Authenticate"] = "Bearer"
        case .tooMany: headers["Retry-After"] = String(refusal.retryAfterS ?? 60)
        case .unavailable: headers["Retry-After"] = String(refusal.retryAfterS ?? 5)
        default: break
        }
    }

    private init(_ error: MeterError) {
        switch error.code {
        case .unreachable, .timeout, .closed: self.init(.meterSilent, "The meter did not answer.")
        case .associationRefused, .security, .accessDenied: self.init(.meterRefused, "The meter refused.")
        case .objectUndefined, .badAnswer, .other: self.init(.meterAnswer, "The meter's answer could not be used.")
        }
        cause = error.description
    }

    /// Nothing answers at the path, whatever it is asked.
    public static let noSuchPath = Problem(.noSuchPath, "Nothing stands at this path.")

    static func bodyTooLarge(_ limitBytes: Int) -> Problem {
        Problem(.tooLarge, "The body has more than \(limitBytes) bytes.", at: "body")
    }

    /// The body, RFC 9457 with `hint` and `at` as extensions.
    public func json(requestID: String) -> JSONValue {
        var fields: [String: JSONValue] = [
            "type": .string("/problems/\(code.rawValue)"), "title": .string(code.title), "status": .int(code.status),
            "detail": .string(detail), "hint": .string(hint.isEmpty ? code.mend : hint), "instance": .string(requestID),
        ]
        if let proof { fields["proof"] = .string(proof) }
        if let at { fields["at"] = .string(at) }
        return .object(fields)
    }

    public func answer(requestID: String) -> Answer {
        var headers = headers
        headers["Content-Type"] = "application/problem+json"
        return Answer(status: code.status, headers: headers, body: Array(json(requestID: requestID).compact.utf8))
    }
}
