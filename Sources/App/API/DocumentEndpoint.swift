// An endpoint whose bodies are documents of a standard instead of the house's own JSON. Path and query are typed and
// checked as ever; the document is read by its own reader, with its own limits.
import Access

/// What documents an endpoint takes and gives, with an example of each by media type.
public struct Documents: Sendable {
    /// Empty: no body is taken.
    public var takes: [String: String]
    public var gives: [String: String]
    public init(takes: [String: String] = [:], gives: [String: String]) {
        self.takes = takes
        self.gives = gives
    }
}

/// One operation on documents. All fields of `Input` stand in path or query.
public struct DocumentEndpoint<Input: APIModel>: Sendable {
    public var name: String
    public var method: String
    public var path: String
    public var access: EndpointAccess
    public var text: EndpointText
    public var example: Input?
    public var documents: Documents
    public var rate: RateClass
    public var bodyLimitBytes: Int
    public var problems: [ProblemCode]
    public var run: @Sendable (Input, EndpointContext) async throws -> Answer

    /// - Parameter run: reads the body itself: ``EndpointContext/document(limitBytes:)``.
    public init(
        _ name: String, _ method: String, _ path: String, access: EndpointAccess, _ text: EndpointText,
        example: Input? = nil, documents: Documents, rate: RateClass = .heavy, bodyLimitBytes: Int = 65_536,
        problems: [ProblemCode] = [], run: @escaping @Sendable (Input, EndpointContext) async throws -> Answer
    ) {
        (self.name, self.method, self.path, self.access, self.text) = (name, method, path, access, text)
        (self.example, self.documents, self.bodyLimitBytes) = (example, documents, bodyLimitBytes)
        (self.rate, self.problems, self.run) = (rate, problems, run)
    }
}

extension OpenAPI {
    /// `content` of documents by media type: a text, or an object of another's standard where it is JSON.
    static func content(_ documents: [String: String]) -> JSONValue {
        .object(
            documents.reduce(into: [:]) { content, one in
                let isJSON = one.key == "application/json"
                let example = isJSON ? (try? JSONValue(parsing: Array(one.value.utf8))) ?? .null : .string(one.value)
                content[one.key] = .object([
                    "schema": .object(["type": .string(isJSON ? "object" : "string")]), "example": example,
                ])
            })
    }
}
