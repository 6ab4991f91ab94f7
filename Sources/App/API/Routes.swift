// Finds what stands at a path: literal segments before parameters. Knows which methods a path has, for 405 and HEAD.

/// `/api/v1/logins/{loginID}`: literal segments and named ones.
public struct PathPattern: Sendable, Equatable {
    public enum Segment: Sendable, Equatable { case literal(String), parameter(String) }
    public let segments: [Segment]
    public let text: String

    public init(_ text: String) {
        precondition(text.hasPrefix("/"), "\(text): a path begins with a slash")
        self.text = text
        segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
            part.hasPrefix("{") && part.hasSuffix("}")
                ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
    }

    public var parameters: [String] {
        segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
    }
}

/// Paths and what they hold, by method.
struct Routes<Handler: Sendable>: Sendable {
    struct Found: Sendable {
        var pattern: PathPattern
        var handlers: [String: Handler]
        var parameters: [String: String]

        /// HEAD goes the way of GET.
        func handler(for method: String) -> Handler? { handlers[method == "HEAD" ? "GET" : method] }

        var allow: String {
            (Array(handlers.keys) + ["OPTIONS"] + (handlers["GET"] == nil ? [] : ["HEAD"])).sorted().joined(
                separator: ", ")
        }
    }

    private final class Node: Sendable {
        let literals: [String: Node]
        let parameter: Node?
        let end: (pattern: PathPattern, handlers: [String: Handler])?

        init(_ routes: [(pattern: PathPattern, method: String, handler: Handler)], depth: Int) {
            let ends = routes.filter { $0.pattern.segments.count == depth }
            for route in ends {
                precondition(
                    ends.filter { $0.method == route.method }.count == 1,
                    "two routes for \(route.method) \(route.pattern.text)")
            }
            end = ends.first.map { first in
                (
                    first.pattern,
                    Dictionary(ends.map { ($0.method, $0.handler) }, uniquingKeysWith: { first, _ in first })
                )
            }
            let deeper = routes.filter { $0.pattern.segments.count > depth }
            var byLiteral: [String: [(pattern: PathPattern, method: String, handler: Handler)]] = [:]
            var named: [(pattern: PathPattern, method: String, handler: Handler)] = []
            for route in deeper {
                switch route.pattern.segments[depth] {
                case .literal(let text): byLiteral[text, default: []].append(route)
                case .parameter: named.append(route)
                }
            }
            literals = byLiteral.mapValues { Node($0, depth: depth + 1) }
            parameter = named.isEmpty ? nil : Node(named, depth: depth + 1)
        }

        func find(_ segments: ArraySlice<String>) -> (pattern: PathPattern, handlers: [String: Handler])? {
            guard let first = segments.first else { return end }
            let rest = segments.dropFirst()
            return literals[first]?.find(rest) ?? (first.isEmpty ? nil : parameter?.find(rest))
        }
    }

    private let root: Node

    init(_ routes: [(pattern: PathPattern, method: String, handler: Handler)]) { root = Node(routes, depth: 0) }

    /// Nil when nothing stands there or the path is badly encoded.
    func find(_ path: String) -> Found? {
        guard path.hasPrefix("/") else { return nil }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = FormEncoding.decode(part, plusIsSpace: false) else { return nil }
            segments.append(segment)
        }
        guard let (pattern, handlers) = root.find(segments[...]) else { return nil }
        var parameters: [String: String] = [:]
        for (segment, text) in zip(pattern.segments, segments) {
            if case .parameter(let name) = segment { parameters[name] = text }
        }
        return Found(pattern: pattern, handlers: handlers, parameters: parameters)
    }
}
