// Writes the OpenAPI 3.1 document from the list of endpoints. A pure function: the golden file openapi/busbar.json and
// GET /openapi.json are its output.
import Access

public enum OpenAPI {
    /// The document, names in order, two spaces a level.
    public static func document(_ endpoints: [AnyEndpoint] = Endpoints.all) -> String {
        json(endpoints).pretty
    }

    static func json(_ endpoints: [AnyEndpoint]) -> JSONValue {
        var components = Components()
        var paths: [String: JSONValue] = [:]
        for endpoint in endpoints {
            var item: [String: JSONValue] = if case .object(let fields) = paths[endpoint.path] { fields } else { [:] }
            item[endpoint.method.lowercased()] = operation(endpoint, &components)
            paths[endpoint.path] = .object(item)
        }
        components.schemas["Problem"] = problemSchema
        return .object([
            "openapi": .string("3.1.0"),
            "info": .object([
                "title": .string("Busbar"), "version": .string("1"),
                "description": .string(
                    "Runs an electricity retailer from the meter to the money. "
                        + "Money is in paise, energy in watt-hours, "
                        + "both whole numbers; ids are texts; unknown fields are refused."),
                "license": .object(["name": .string("Apache-2.0"), "identifier": .string("Apache-2.0")]),
            ]),
            "servers": .array([.object(["url": .string("/")])]),
            "paths": .object(paths),
            "components": .object([
                "schemas": .object(components.schemas),
                "securitySchemes": .object([
                    "bearer": .object([
                        "type": .string("http"), "scheme": .string("bearer"),
                        "description": .string("The token of a session, or of a key (`bbk_…`)."),
                    ]),
                    "cookie": .object([
                        "type": .string("apiKey"), "in": .string("cookie"),
                        "name": .string(Authentication.cookieName),
                        "description": .string("Writes also need the header \(Authentication.csrfHeader)."),
                    ]),
                ]),
            ]),
        ])
    }

    private struct Components {
        var schemas: [String: JSONValue] = [:]
    }

    private static func operation(_ endpoint: AnyEndpoint, _ components: inout Components) -> JSONValue {
        var description = endpoint.text.description
        var security: [JSONValue] = []
        switch endpoint.access {
        case .anyone: break
        case .signedIn: security = [.object(["bearer": .array([])]), .object(["cookie": .array([])])]
        case .permission(let permissions):
            security = [.object(["bearer": .array([])]), .object(["cookie": .array([])])]
            description += " Takes the permission \(permissions.map(\.rawValue).joined(separator: " or "))."
        }
        var fields: [String: JSONValue] = [
            "operationId": .string(endpoint.name), "summary": .string(endpoint.text.summary),
            "description": .string(description), "security": .array(security),
            "tags": .array([.string(String(endpoint.name.prefix { $0 != "." }))]),
            "responses": .object(responses(endpoint, &components)),
        ]
        let parameters = parameters(endpoint, &components)
        if !parameters.isEmpty { fields["parameters"] = .array(parameters) }
        if let documents = endpoint.documents, endpoint.takesBody {
            fields["requestBody"] = .object(["required": .bool(true), "content": content(documents.takes)])
        } else if endpoint.takesBody {
            let body = endpoint.input.fields.filter { endpoint.place(of: $0.name) == .body }
            var example: [String: JSONValue] = [:]
            for field in body { example[field.name] = endpoint.example?[field.name] }
            fields["requestBody"] = .object([
                "required": .bool(true),
                "content": .object([
                    "application/json": .object([
                        "schema": object(body, isClosed: true, &components), "example": .object(example),
                    ])
                ]),
            ])
        }
        return .object(fields)
    }

    private static func parameters(_ endpoint: AnyEndpoint, _ components: inout Components) -> [JSONValue] {
        var parameters: [JSONValue] = []
        for field in endpoint.input.fields where endpoint.place(of: field.name) != .body {
            let place = endpoint.place(of: field.name)
            var parameter: [String: JSONValue] = [
                "name": .string(field.name), "in": .string(place.rawValue), "description": .string(field.note.text),
                "required": .bool(place == .path || field.isRequired),
                "schema": schema(field.schema, false, &components),
            ]
            if let example = endpoint.example?[field.name] { parameter["example"] = example }
            parameters.append(.object(parameter))
        }
        if endpoint.idempotency == .keyed {
            parameters.append(
                .object([
                    "name": .string("Idempotency-Key"), "in": .string("header"), "required": .bool(true),
                    "description": .string("New for each payment, the same for a repetition."),
                    "schema": .object(["type": .string("string"), "pattern": .string("^[A-Za-z0-9_-]{8,64}$")]),
                ]))
        }
        return parameters
    }

    /// Every problem an endpoint can answer, by status.
    static func problems(of endpoint: AnyEndpoint) -> [ProblemCode] {
        var codes: [ProblemCode] = [.methodNotAllowed, .tooLarge, .unavailable, .internal, .invalid]
        if endpoint.rate != .uncounted { codes.append(.tooMany) }
        if endpoint.access != .anyone { codes += [.unauthenticated] }
        // Also for whoever is signed in: a key is not.
        if endpoint.access != .anyone { codes.append(.forbidden) }
        if endpoint.access != .anyone, endpoint.changesSomething { codes.append(.csrf) }
        if endpoint.takesBody { codes += [.unsupportedMediaType, .slowRequest] }
        if endpoint.input.fields.contains(where: { endpoint.place(of: $0.name) == .path }) { codes.append(.notFound) }
        if endpoint.idempotency == .keyed { codes.append(.conflict) }
        return codes + endpoint.problems.filter { !codes.contains($0) }
    }

    private static func responses(_ endpoint: AnyEndpoint, _ components: inout Components) -> [String: JSONValue] {
        var responses: [String: JSONValue] = [
            String(endpoint.status): .object([
                "description": .string(endpoint.text.summary),
                "content": endpoint.documents.map { content($0.gives) }
                    ?? .object([
                        "application/json": .object([
                            "schema": schema(endpoint.output, false, &components), "example": endpoint.outputExample,
                        ])
                    ]),
            ])
        ]
        if endpoint.takesTwo {
            responses["202"] = .object([
                "description": .string("It waits for a second person; nothing changed yet."),
                "content": .object([
                    "application/json": .object(["schema": schema(Schema.of(RequestView.self), false, &components)])
                ]),
            ])
        }
        for (status, codes) in Dictionary(grouping: problems(of: endpoint), by: \.status) {
            var answer: [String: JSONValue] = [
                "description": .string(codes.map(\.title).joined(separator: "; ")),
                "content": .object([
                    "application/problem+json": .object([
                        "schema": .object(["$ref": .string("#/components/schemas/Problem")])
                    ])
                ]),
            ]
            if let headers = headers[status] { answer["headers"] = .object(headers) }
            responses[String(status)] = .object(answer)
        }
        return responses
    }

    /// Headers that tell what to do about a status.
    private static let headers: [Int: [String: JSONValue]] = {
        func header(_ text: String, _ type: String) -> JSONValue {
            .object(["description": .string(text), "schema": .object(["type": .string(type)])])
        }
        let retry = header("Seconds after which it is worth trying again.", "integer")
        return [
            401: ["WWW-Authenticate": header("Bearer.", "string")],
            405: ["Allow": header("The methods of the path.", "string")],
            429: [
                "Retry-After": retry, "RateLimit-Policy": header("Quota and window in seconds.", "string"),
                "RateLimit": header("What is left, and seconds until it is whole again.", "string"),
            ],
            503: ["Retry-After": retry],
        ]
    }()

    private static let problemSchema = JSONValue.object([
        "type": .string("object"), "description": .string("RFC 9457."),
        "required": .array(["type", "title", "status", "detail", "hint", "instance"].map { .string($0) }),
        "properties": .object([
            "type": .object(["type": .string("string"), "format": .string("uri-reference")]),
            "title": .object(["type": .string("string")]), "status": .object(["type": .string("integer")]),
            "detail": .object(["type": .string("string")]),
            "hint": .object(["type": .string("string"), "description": .string("How to mend it.")]),
            "proof": .object([
                "type": .string("string"),
                "description": .string("With second-step alone: what the second step of signing in asks for."),
            ]),
            "at": .object(["type": .string("string"), "description": .string("The field it is about.")]),
            "instance": .object(["type": .string("string"), "description": .string("The request's id.")]),
        ]),
    ])

    /// Named objects become components; `isClosed` refuses unknown fields, which holds for input only.
    private static func schema(_ schema: Schema, _ isClosed: Bool, _ components: inout Components) -> JSONValue {
        switch schema.kind {
        case .boolean: return .object(["type": .string("boolean")])
        case .integer(let range, let bits, let among):
            var fields: [String: JSONValue] = ["type": .string("integer"), "format": .string("int\(bits)")]
            if range.lowerBound != .min { fields["minimum"] = .int(range.lowerBound) }
            if range.upperBound != .max { fields["maximum"] = .int(range.upperBound) }
            if let among { fields["enum"] = .array(among.map { .int($0) }) }
            return .object(fields)
        case .string(let length, let words, let pattern, let format):
            var fields: [String: JSONValue] = ["type": .string("string")]
            if let length {
                fields["minLength"] = .int(length.lowerBound)
                fields["maxLength"] = .int(length.upperBound)
            }
            if let words { fields["enum"] = .array(words.map { .string($0) }) }
            if let pattern { fields["pattern"] = .string(pattern) }
            if let format { fields["format"] = .string(format) }
            return .object(fields)
        case .array(let of, let itemsMax):
            let items = self.schema(of, isClosed, &components)
            var fields: [String: JSONValue] = ["type": .string("array"), "items": items]
            if isClosed { fields["maxItems"] = .int(itemsMax) }
            return .object(fields)
        case .object(let type, let fields):
            let name = isClosed ? type + "Input" : type
            if components.schemas[name] == nil {
                components.schemas[name] = .null
                components.schemas[name] = object(fields, isClosed: isClosed, &components)
            }
            return .object(["$ref": .string("#/components/schemas/\(name)")])
        }
    }

    private static func object(_ fields: [Schema.Field], isClosed: Bool, _ components: inout Components) -> JSONValue {
        var properties: [String: JSONValue] = [:]
        for field in fields {
            let described = schema(field.schema, isClosed, &components)
            guard case .object(var property) = described else { continue }
            property["description"] = .string(field.note.text)
            if let example = field.note.example { property["examples"] = .array([example]) }
            properties[field.name] = .object(property)
        }
        var object: [String: JSONValue] = ["type": .string("object"), "properties": .object(properties)]
        let required = fields.filter(\.isRequired).map(\.name).sorted()
        if !required.isEmpty { object["required"] = .array(required.map { .string($0) }) }
        if isClosed { object["additionalProperties"] = .bool(false) }
        return .object(object)
    }
}
