// What in a description of the API would break a program written against an earlier one. Pure: two documents in, a line
// a break out. Additions are none. Rules: removed, type, required, narrowed, widened, status, access.
import API

struct BreakingChanges {
    private let old: JSONValue
    private let new: JSONValue
    private var found: [String] = []

    /// Every break, `rule: place: what`, in the order of the old document's places.
    static func between(_ old: JSONValue, and new: JSONValue) -> [String] {
        var changes = BreakingChanges(old: old, new: new)
        changes.run()
        return changes.found
    }

    private init(old: JSONValue, new: JSONValue) {
        self.old = old
        self.new = new
    }

    private mutating func add(_ rule: String, _ place: String, _ what: String) {
        found.append("\(rule): \(place): \(what)")
    }

    private mutating func run() {
        for (path, item) in fields(old["paths"]) {
            guard let other = new["paths"]?[path] else {
                add("removed", path, "the path is gone")
                continue
            }
            for (method, operation) in fields(item) {
                let place = "\(method.uppercased()) \(path)"
                guard let now = other[method] else {
                    add("removed", place, "the method is gone")
                    continue
                }
                access(operation, now, place)
                parameters(operation, now, place)
                body(operation, now, place)
                answers(operation, now, place)
            }
        }
    }

    private func fields(_ value: JSONValue?) -> [(key: String, value: JSONValue)] {
        guard case .object(let fields) = value else { return [] }
        return fields.sorted { $0.key < $1.key }
    }

    // MARK: access

    /// Nil: anyone. Empty: whoever is signed in. Otherwise any one of these.
    private func permissions(_ operation: JSONValue) -> [String]? {
        guard operation["security"]?.items?.isEmpty == false else { return nil }
        let parts = (operation["description"]?.text ?? "").split(
            separator: "Takes the permission ", omittingEmptySubsequences: false)
        guard parts.count > 1, let last = parts.last else { return [] }
        return last.dropLast().split(separator: " or ").map(String.init)
    }

    private mutating func access(_ before: JSONValue, _ now: JSONValue, _ place: String) {
        guard let after = permissions(now) else { return }
        guard let earlier = permissions(before) else { return add("access", place, "it was open to anyone") }
        if after.isEmpty { return }
        if earlier.isEmpty { return add("access", place, "it was open to everybody who is signed in") }
        for permission in earlier where !after.contains(permission) {
            add("access", place, "\(permission) is not enough any more")
        }
    }

    // MARK: inputs

    private mutating func parameters(_ before: JSONValue, _ now: JSONValue, _ place: String) {
        func named(_ operation: JSONValue) -> [String: JSONValue] {
            let pairs = (operation["parameters"]?.items ?? []).map { item in
                ("\(item["in"]?.text ?? "") \(item["name"]?.text ?? "")", item)
            }
            return Dictionary(pairs) { first, _ in first }
        }
        let (earlier, after) = (named(before), named(now))
        for (name, parameter) in earlier.sorted(by: { $0.key < $1.key }) {
            guard let other = after[name] else {
                add("removed", place, "\(name) is gone")
                continue
            }
            if parameter["required"] != .bool(true), other["required"] == .bool(true) {
                add("required", place, "\(name) is required now")
            }
            input(parameter["schema"], other["schema"], "\(place) \(name)")
        }
        for (name, parameter) in after.sorted(by: { $0.key < $1.key })
        where earlier[name] == nil && parameter["required"] == .bool(true) {
            add("required", place, "\(name) is new and required")
        }
    }

    private func json(_ value: JSONValue?) -> JSONValue? { value?["content"]?["application/json"]?["schema"] }

    private mutating func body(_ before: JSONValue, _ now: JSONValue, _ place: String) {
        let (earlier, after) = (json(before["requestBody"]), json(now["requestBody"]))
        if earlier != nil, after == nil { return add("removed", place, "the body is gone") }
        if earlier == nil, let after, let needed = after["required"]?.items, !needed.isEmpty {
            return add("required", place, "a body is required now")
        }
        input(earlier, after, "\(place) body")
    }

    private mutating func input(_ before: JSONValue?, _ now: JSONValue?, _ place: String) {
        guard let before = resolved(before, old), let now = resolved(now, new) else { return }
        guard sameType(before, now, place) else { return }
        for word in before["enum"]?.items ?? [] where !(now["enum"]?.items ?? [word]).contains(word) {
            add("narrowed", place, "\(word.text ?? "") is not taken any more")
        }
        if before["enum"] == nil, now["enum"] != nil { add("narrowed", place, "only some words are taken now") }
        for (limit, isLower) in [
            ("minimum", true), ("minLength", true), ("maximum", false), ("maxLength", false), ("maxItems", false),
        ] {
            guard let after = now[limit]?.integer else { continue }
            let isNarrower = before[limit]?.integer.map { isLower ? after > $0 : after < $0 } ?? true
            if isNarrower { add("narrowed", place, "\(limit) is \(after)") }
        }
        if let pattern = now["pattern"], pattern != before["pattern"] { add("narrowed", place, "the pattern changed") }
        input(before["items"], now["items"], "\(place)[]")
        for (name, field) in fields(before["properties"]) {
            guard let other = now["properties"]?[name] else {
                add("removed", place, "\(name) is gone")
                continue
            }
            input(field, other, "\(place).\(name)")
        }
        for name in now["required"]?.items ?? [] where !(before["required"]?.items ?? []).contains(name) {
            add("required", place, "\(name.text ?? "") is required now")
        }
    }

    // MARK: outputs

    private mutating func answers(_ before: JSONValue, _ now: JSONValue, _ place: String) {
        for (status, answer) in fields(before["responses"]) where status.hasPrefix("2") {
            guard let other = now["responses"]?[status] else {
                add("status", place, "it does not answer \(status) any more")
                continue
            }
            output(json(answer), json(other), "\(place) \(status)", [])
        }
    }

    private mutating func output(_ before: JSONValue?, _ now: JSONValue?, _ place: String, _ seen: Set<String>) {
        // A model that holds itself would never end.
        let name = before?["$ref"]?.text ?? ""
        guard name.isEmpty || !seen.contains(name) else { return }
        guard let before = resolved(before, old), let now = resolved(now, new) else { return }
        guard sameType(before, now, place) else { return }
        let known = before["enum"]?.items ?? []
        for word in now["enum"]?.items ?? [] where !known.isEmpty && !known.contains(word) {
            add("widened", place, "\(word.text ?? "") is new")
        }
        if !known.isEmpty, now["enum"] == nil { add("widened", place, "any text may come now") }
        output(before["items"], now["items"], "\(place)[]", seen.union([name]))
        for (field, schema) in fields(before["properties"]) {
            guard let other = now["properties"]?[field] else {
                add("removed", place, "\(field) is gone")
                continue
            }
            output(schema, other, "\(place).\(field)", seen.union([name]))
        }
        for field in before["required"]?.items ?? [] where !(now["required"]?.items ?? []).contains(field) {
            guard now["properties"]?[field.text ?? ""] != nil else { continue }
            add("required", place, "\(field.text ?? "") may be absent now")
        }
    }

    // MARK: both

    private mutating func sameType(_ before: JSONValue, _ now: JSONValue, _ place: String) -> Bool {
        func name(_ schema: JSONValue) -> String {
            [schema["type"]?.text, schema["format"]?.text].compactMap { $0 }.joined(separator: " ")
        }
        guard name(before) != name(now) else { return true }
        add("type", place, "\(name(before)) became \(name(now))")
        return false
    }

    private func resolved(_ schema: JSONValue?, _ document: JSONValue) -> JSONValue? {
        guard let reference = schema?["$ref"]?.text else { return schema }
        return document["components"]?["schemas"]?[String(reference.dropFirst("#/components/schemas/".count))]
    }
}
