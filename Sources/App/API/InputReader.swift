// Joins path, query and body to one JSON object and checks it against the endpoint's schema before anything decodes it.
import Access

enum InputReader {
    /// Throws a ``Refusal`` or ``Problem`` that names what is wrong.
    static func read(_ endpoint: AnyEndpoint, _ call: Call, path: [String: String]) async throws -> JSONValue {
        var fields: [String: JSONValue] = [:]
        let query = try self.query(call)
        if let stranger = query.keys.filter({ name in
            !endpoint.input.fields.contains { $0.name == name && endpoint.place(of: name) == .query }
        }).min() {
            let known = endpoint.input.fields.map(\.name).filter { endpoint.place(of: $0) == .query }.sorted()
            throw Refusal(
                .invalid, "There is no query parameter of this name.",
                hint: known.isEmpty ? "None is taken here." : "Known: \(known.joined(separator: ", ")).",
                at: String(stranger.prefix(64)))
        }
        for field in endpoint.input.fields {
            switch endpoint.place(of: field.name) {
            case .path: fields[field.name] = try path[field.name].map { try value($0, field) }
            case .query: fields[field.name] = try query[field.name].map { try value($0, field) }
            case .body: break
            }
        }
        for (name, value) in try await body(endpoint, call) {
            guard endpoint.place(of: name) == .body else {
                throw Refusal(.invalid, "This stands in the path, not in the body.", at: name)
            }
            fields[name] = value
        }
        let input = JSONValue.object(fields)
        do {
            try endpoint.input.check(input)
        } catch let refusal as Refusal {
            // A path that does not even look like an id leads nowhere.
            if let at = refusal.at, path[at] != nil {
                throw Refusal(.notFound, "There is nothing at this path.", at: at)
            }
            throw refusal
        }
        return input
    }

    static func query(_ call: Call) throws -> [String: String] {
        guard let query = FormEncoding.pairs(call.query) else {
            throw Refusal(
                .invalid, "The query cannot be read.",
                hint: "Encode it with percent signs and name each parameter once.",
                at: "query")
        }
        return query
    }

    /// The JSON value a text of path or query stands for.
    private static func value(_ text: String, _ field: Schema.Field) throws -> JSONValue {
        switch field.schema.kind {
        case .string: return .string(text)
        case .boolean where text == "true" || text == "false": return .bool(text == "true")
        case .integer where JSONValue.number(text).integer != nil: return .number(text)
        case .boolean: throw Refusal(.invalid, "This must be true or false.", at: field.name)
        case .integer:
            throw Refusal(
                .invalid, "This must be a whole number.", hint: "Write it without point or exponent.", at: field.name)
        case .array, .object: preconditionFailure("\(field.name): only single values stand in path and query")
        }
    }

    private static func body(_ endpoint: AnyEndpoint, _ call: Call) async throws -> [String: JSONValue] {
        guard endpoint.takesBody else {
            guard try await call.readBody(endpoint.bodyLimitBytes).isEmpty else {
                throw Refusal(.invalid, "No body is taken here.", at: "body")
            }
            return [:]
        }
        // The endpoint reads a document itself.
        guard endpoint.documents == nil else { return [:] }
        let type = mediaType(call.headers["Content-Type"])
        guard type == "application/json" else {
            throw Problem(.unsupportedMediaType, "The body must be JSON.", at: "Content-Type")
        }
        let encoding = call.headers["Content-Encoding"]?.lowercased() ?? "identity"
        guard encoding == "identity" else {
            throw Problem(.unsupportedMediaType, "Compressed bodies are not taken.", at: "Content-Encoding")
        }
        let bytes = try await call.readBody(endpoint.bodyLimitBytes)
        do {
            guard case .object(let fields) = try JSONValue(parsing: bytes) else {
                throw Refusal(.invalid, "The body must be a JSON object.", at: "body")
            }
            return fields
        } catch let fault as JSONValue.Fault {
            throw Refusal(.invalid, "The body is no JSON: \(fault.message).", at: "body:byte \(fault.offset)")
        }
    }

    /// The type without parameters, in lower case; nil when there is none or its charset is not UTF-8.
    static func mediaType(_ header: String?) -> String? {
        guard let header else { return nil }
        let parts = header.lowercased().split(separator: ";").map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        for parameter in parts.dropFirst() where parameter.hasPrefix("charset=") {
            guard ["charset=utf-8", "charset=\"utf-8\""].contains(parameter) else { return nil }
        }
        return parts.first
    }
}
