// Spans through the swift-distributed-tracing API, and what ties log lines to them: the ids of the work at hand.
// Costs next to nothing while nobody has bootstrapped a tracer. Attributes hold ids and names of ours only.
import Instrumentation
import Logging
import Tracing

/// Where a span stands in the conversation of programs.
public enum SpanSide: Sendable { case inside, server, client }

public enum Watch {
    /// Fields that every log line of the work at hand carries: `request`, `trace_id`, `job`.
    @TaskLocal public static var fields: [String: String] = [:]

    /// For `LogHandler`s: the fields of the work at hand.
    public static let metadataProvider = Logger.MetadataProvider {
        fields.mapValues { .string($0) }
    }

    /// Runs the body in a span. An error is noted by its kind alone: its text could hold anything.
    public static func span<Value: Sendable>(
        _ name: String, _ side: SpanSide = .inside, _ attributes: [(String, String)] = [],
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        guard isTraced else { return try await body() }
        return try await run(name, side, attributes, InstrumentationContext.current ?? .topLevel, body)
    }

    /// The span of a request: goes on from the caller's `traceparent`, and its log lines carry `request` and
    /// `trace_id`.
    /// - Parameter header: the value of a header by its name.
    public static func requestSpan<Value: Sendable>(
        _ name: String, requestID: String, header: @escaping @Sendable (String) -> String?,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        var known = ["request": requestID]
        if let parent = header("traceparent").flatMap(TraceParent.init) { known["trace_id"] = parent.traceID }
        return try await $fields.withValue(known) {
            guard isTraced else { return try await body() }
            var context = InstrumentationContext.current ?? .topLevel
            InstrumentationSystem.instrument.extract(
                HeaderLookup(value: header), into: &context, using: HeaderExtractor())
            return try await run(name, .server, [("request", requestID)], context, body)
        }
    }

    private static var isTraced: Bool { !(InstrumentationSystem.tracer is NoOpTracer) }

    private static func run<Value: Sendable>(
        _ name: String, _ side: SpanSide, _ attributes: [(String, String)], _ context: InstrumentationContext,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        let kind: SpanKind =
            switch side {
            case .inside: .internal
            case .server: .server
            case .client: .client
            }
        let span = InstrumentationSystem.tracer.startAnySpan(name, context: context, ofKind: kind)
        for (key, value) in attributes { span.attributes[key] = value }
        defer { span.end() }
        do {
            return try await InstrumentationContext.withValue(span.context) { try await body() }
        } catch {
            span.setStatus(SpanStatus(code: .error, message: "\(type(of: error))"))
            throw error
        }
    }
}

/// `version-traceid-parentid-flags` (W3C Trace Context §3.2), read strictly: it stands in log lines.
public struct TraceParent: Sendable, Equatable {
    public let traceID: String
    public let parentID: String

    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        func isHex(_ part: String, _ count: Int) -> Bool {
            part.utf8.count == count
                && part.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        }
        guard parts.count >= 4, isHex(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            isHex(parts[1], 32), isHex(parts[2], 16), isHex(parts[3], 2),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        (traceID, parentID) = (parts[1], parts[2])
    }
}

private struct HeaderLookup: Sendable { var value: @Sendable (String) -> String? }
private struct HeaderExtractor: Extractor {
    func extract(key: String, from carrier: HeaderLookup) -> String? { carrier.value(key) }
}
