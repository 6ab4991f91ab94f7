// One line of the access log as fields. Holds no address, name, query or path of the request.
import Logging

public struct AccessLine: Sendable {
    public var level: Logger.Level
    public var texts: [String: String] = [:]
    public var numbers: [String: Int64] = [:]

    /// - Parameter isRoutine: asked every few seconds by machines; worth a line only when it fails.
    init(status: Int, isRoutine: Bool) {
        level = status >= 500 ? .error : isRoutine && status < 400 ? .debug : .info
    }

    /// A JSON object, names in order.
    public var text: String {
        JSONValue.object(
            texts.mapValues { .string($0) }.merging(numbers.mapValues { .int($0) }) { first, _ in first }
        ).compact
    }

    /// For the log of the process.
    public var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = texts.mapValues { .string($0) }
        for (name, number) in numbers { metadata[name] = .stringConvertible(number) }
        return metadata
    }

    /// A method of HTTP, or `other`: callers may send any word.
    static func method(_ text: String) -> String {
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(text) ? text : "other"
    }
}
