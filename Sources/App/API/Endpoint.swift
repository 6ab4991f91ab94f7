// An endpoint as a value: one list of them drives routing, decoding, permission, limits and the OpenAPI document.
// How to add one: docs/adding-an-endpoint.md.
import Access
import Foundation
import SQL
import Watch

/// Who may call.
public enum EndpointAccess: Sendable, Equatable {
    case anyone
    /// A person of any role, about the own session. Not a program's key: it has no session.
    case signedIn
    /// One of these is enough; the command or query still looks at place and account.
    case permission([Permission])
}

public enum Idempotency: Sendable {
    /// Repeating changes nothing more, by its nature.
    case natural
    /// The header `Idempotency-Key` is required; it goes into ``Command/key``. For everything that moves money.
    case keyed
}

/// What a handler knows besides its input.
public struct EndpointContext: Sendable {
    public var services: Services
    public var call: Call
    public var session: SignedIn?
    /// The session token that came with the request, proven or not.
    public var presentedToken: String?
    public var idempotencyKey: String?

    public var actor: Actor {
        get throws {
            guard let session else { throw Refusal.notSignedIn }
            return session.actor
        }
    }

    /// Runs a command as the caller.
    public func perform<C: Command>(_ command: C, why: String = "") async throws -> C.Output {
        let actor = try actor
        return try await Watch.span("command \(C.name)") {
            try await services.site.perform(
                command, as: actor, source: actor.source(address: call.remoteAddress), why: why)
        }
    }

    /// Reads the money store in the caller's scope.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction, Scope) throws -> Value
    ) async throws -> Value {
        let scope = try actor.scope
        return try await services.site.money.read { try body($0, scope) }
    }
}

/// An output with headers of its own, such as a cookie.
public struct Reply<Output: Sendable>: Sendable {
    public var output: Output
    public var headers: Headers
    public init(_ output: Output, headers: Headers = Headers()) {
        self.output = output
        self.headers = headers
    }
}

/// What the documents say about an endpoint.
public struct EndpointText: Sendable {
    public var summary: String
    public var description: String
    public init(_ summary: String, _ description: String) {
        self.summary = summary
        self.description = description
    }
}

/// One operation. `Input` is flat: a field named in the path pattern comes from there, the others from the query
/// (GET, DELETE) or from the JSON body (POST, PUT).
public struct Endpoint<Input: APIModel, Output: APIModel>: Sendable {
    /// `logins.add`: the operationId, stable.
    public var name: String
    public var method: String
    /// `/api/v1/logins/{loginID}/password`
    public var path: String
    public var access: EndpointAccess
    public var text: EndpointText
    public var example: Input?
    public var outputExample: Output
    public var status: Int
    public var rate: RateClass
    public var idempotency: Idempotency
    public var bodyLimitBytes: Int
    /// What can go wrong besides what every endpoint shares.
    public var problems: [ProblemCode]
    /// It may answer 202 with a request for a second person instead: ``forTwo``.
    public private(set) var takesTwo = false
    public var run: @Sendable (Input, EndpointContext) async throws -> Reply<Output>

    /// - Parameters:
    ///   - example: of the input; required when there is one, shown in the documents.
    ///   - rate: by default reading for GET and writing for the rest.
    public init(
        _ name: String, _ method: String, _ path: String, access: EndpointAccess, _ text: EndpointText,
        example: Input? = nil,
        outputExample: Output, status: Int = 200, rate: RateClass? = nil, idempotency: Idempotency = .natural,
        bodyLimitBytes: Int = 65_536, problems: [ProblemCode] = [],
        replying run: @escaping @Sendable (Input, EndpointContext) async throws -> Reply<Output>
    ) {
        self.name = name
        self.method = method
        self.path = path
        self.access = access
        self.text = text
        self.example = example
        self.outputExample = outputExample
        self.status = status
        self.rate = rate ?? (method == "GET" ? .reading : .writing)
        self.idempotency = idempotency
        self.bodyLimitBytes = bodyLimitBytes
        self.problems = problems
        self.run = run
    }

    /// The same for a command that may take a second person: ``EndpointContext/ask(_:why:)``.
    public var forTwo: Endpoint {
        var endpoint = self
        endpoint.takesTwo = true
        return endpoint
    }

    /// The usual case: the handler answers its output and nothing else.
    public init(
        _ name: String, _ method: String, _ path: String, access: EndpointAccess, _ text: EndpointText,
        example: Input? = nil,
        outputExample: Output, status: Int = 200, rate: RateClass? = nil, idempotency: Idempotency = .natural,
        bodyLimitBytes: Int = 65_536, problems: [ProblemCode] = [],
        run: @escaping @Sendable (Input, EndpointContext) async throws -> Output
    ) {
        self.init(
            name, method, path, access: access, text, example: example, outputExample: outputExample, status: status,
            rate: rate, idempotency: idempotency, bodyLimitBytes: bodyLimitBytes, problems: problems,
            replying: { input, context in Reply(try await run(input, context)) })
    }
}

/// An endpoint without its types: what lists, router and documents hold.
public struct AnyEndpoint: Sendable {
    public enum Place: String, Sendable { case path, query, body }

    public let name: String
    public let method: String
    public let path: String
    public let access: EndpointAccess
    public let text: EndpointText
    public let status: Int
    public let rate: RateClass
    public let idempotency: Idempotency
    public let bodyLimitBytes: Int
    public let problems: [ProblemCode]
    /// It may answer 202 with a ``RequestView`` instead.
    public let takesTwo: Bool
    public let input: Schema
    public let output: Schema
    public let example: JSONValue?
    public let outputExample: JSONValue
    public let takesBody: Bool
    /// Set when the bodies are documents of a standard.
    public let documents: Documents?
    private let pathFields: Set<String>
    private let otherPlace: Place
    /// Takes the checked input.
    let run: @Sendable (JSONValue, EndpointContext) async throws -> Answer

    public init<Input, Output>(_ endpoint: Endpoint<Input, Output>) {
        name = endpoint.name
        method = endpoint.method
        path = endpoint.path
        access = endpoint.access
        text = endpoint.text
        status = endpoint.status
        rate = endpoint.rate
        idempotency = endpoint.idempotency
        bodyLimitBytes = endpoint.bodyLimitBytes
        problems = endpoint.problems
        takesTwo = endpoint.takesTwo
        input = Schema.of(Input.self)
        output = Schema.of(Output.self)
        do {
            example = try endpoint.example.map { try JSONValue(parsing: Self.encode($0)) }
            outputExample = try JSONValue(parsing: Self.encode(endpoint.outputExample))
        } catch {
            preconditionFailure("\(endpoint.name): an example cannot be written: \(error)")
        }
        let inPath = Set(PathPattern(endpoint.path).parameters)
        pathFields = inPath
        otherPlace = endpoint.method == "GET" || endpoint.method == "DELETE" ? .query : .body
        let bodyFields = input.fields.filter { !inPath.contains($0.name) }
        takesBody = otherPlace == .body && !bodyFields.isEmpty
        documents = nil
        precondition(
            inPath.isSubset(of: input.fields.map(\.name)), "\(endpoint.name): a path parameter is no input field")
        precondition((example == nil) == input.fields.isEmpty, "\(endpoint.name): an input needs an example")
        let (status, takesTwo) = (status, takesTwo)
        let handle = endpoint.run
        run = { value, context in
            let input: Input
            do {
                input = try JSONDecoder().decode(Input.self, from: Data(value.compact.utf8))
            } catch is DecodingError {
                throw Refusal(.invalid, "The input cannot be read.")
            }
            var answer: Answer
            do {
                let reply = try await handle(input, context)
                answer = Answer(status: status, headers: reply.headers, body: try Self.encode(reply.output))
            } catch let waits as Waits where takesTwo {
                answer = Answer(status: 202, body: try Self.encode(RequestView(waits.request)))
            }
            answer.headers["Content-Type"] = "application/json"
            return answer
        }
    }

    public init<Input>(_ endpoint: DocumentEndpoint<Input>) {
        (name, method, path) = (endpoint.name, endpoint.method, endpoint.path)
        (access, text, status, rate) = (endpoint.access, endpoint.text, 200, endpoint.rate)
        (idempotency, bodyLimitBytes, problems) = (.natural, endpoint.bodyLimitBytes, endpoint.problems)
        takesTwo = false
        (input, output, outputExample) = (Schema.of(Input.self), Schema.of(Nothing.self), .object([:]))
        do {
            example = try endpoint.example.map { try JSONValue(parsing: Self.encode($0)) }
        } catch {
            preconditionFailure("\(endpoint.name): an example cannot be written: \(error)")
        }
        (documents, takesBody) = (endpoint.documents, !endpoint.documents.takes.isEmpty)
        (pathFields, otherPlace) = (Set(PathPattern(endpoint.path).parameters), .query)
        precondition((example == nil) == input.fields.isEmpty, "\(endpoint.name): an input needs an example")
        let handle = endpoint.run
        run = { value, context in
            let input: Input
            do {
                input = try JSONDecoder().decode(Input.self, from: Data(value.compact.utf8))
            } catch is DecodingError {
                throw Refusal(.invalid, "The input cannot be read.")
            }
            return try await handle(input, context)
        }
    }

    private static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// Where a field of the input comes from.
    public func place(of field: String) -> Place { pathFields.contains(field) ? .path : otherPlace }

    public var changesSomething: Bool { method != "GET" }
}
