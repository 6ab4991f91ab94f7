// Log lines on standard error: one JSON object a line, or text for people. Only fields listed here are written: a
// library that puts a path, a name or an address into its metadata cannot bring personal data into the log that way.
import CivilTime
import Clocks
import Foundation
import Logging
import Synchronization

public enum LogFormat: String, Sendable, CaseIterable { case json, text }

/// Every field a line may have besides `time`, `level` and `message`, with its words; docs/watching.md holds the same
/// list.
public enum LogField {
    public static let all: [String: String] = [
        "request": "the id of the request, as a problem or a page shows it",
        "trace_id": "of the caller's `traceparent`",
        "method": "of the request",
        "route": "pattern of the path, never the path itself",
        "status": "of the answer",
        "bytes": "of the answer's body",
        "duration_ms": "how long it took",
        "org": "number of the company",
        "login": "number of the login",
        "role": "of the login",
        "problem": "code of the problem",
        "cause": "why it failed, for a fault of ours or of the database",
        "job": "kind of the job",
        "job_id": "number of the job",
        "key": "`every`, or the day the job is for",
        "done": "how far the job came",
        "result": "what the job did, in counts",
        "error": "why it failed",
        "holder": "host, process and a random part",
        "service": "a part of the process that starts or ends",
        "signal": "that the process got",
        "version": "of Busbar",
        "port": "listened on",
        "api_key": "number of the key of a program",
        "seconds": "that something took, or a clock jumped",
        "valid_until_s": "end of the certificate, seconds since 1970 (UTC)",
    ]
    /// What swift-service-lifecycle calls them.
    static let renamed = ["sl-service": "service", "sl-signal": "signal", "sl-error": "error"]
    static let textMax = 2000
}

/// Writes events as lines through a sink.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let nowMs: @Sendable () -> Int64
    private let write: @Sendable (String) -> Void

    public init(
        _ format: LogFormat, level: Logger.Level, nowMs: @escaping @Sendable () -> Int64,
        provider: Logger.MetadataProvider? = Watch.metadataProvider,
        write: @escaping @Sendable (String) -> Void = LogSink.standardError
    ) {
        self.format = format
        logLevel = level
        self.nowMs = nowMs
        metadataProvider = provider
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var known: [(String, Logger.MetadataValue)] = []
        var dropped: [String] = []
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, later in later } }
        if let given = event.metadata { all.merge(given) { _, later in later } }
        if let error = event.error { all["error"] = .string("\(type(of: error))") }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            let name = LogField.renamed[key] ?? key
            if LogField.all[name] != nil { known.append((name, value)) } else { dropped.append(key) }
        }
        if !dropped.isEmpty { known.append(("left_out", .string(dropped.joined(separator: " ")))) }
        write(line(event, known))
    }

    private func line(_ event: LogEvent, _ fields: [(String, Logger.MetadataValue)]) -> String {
        let time = Self.time(nowMs())
        var text: String
        switch format {
        case .json:
            text = "{\"time\":\"\(time)\",\"level\":\"\(event.level.rawValue)\",\"message\":"
            Self.quote("\(event.message)", to: &text)
            for (name, value) in fields {
                text += ",\"\(name)\":"
                switch value {
                case .stringConvertible(let number as Int): text += "\(number)"
                case .stringConvertible(let number as Int64): text += "\(number)"
                default: Self.quote("\(value)", to: &text)
                }
            }
            text += "}"
        case .text:
            text = "\(time) \(event.level.rawValue) "
            text += Self.plain("\(event.message)")
            for (name, value) in fields { text += " \(name)=" + Self.plain("\(value)") }
        }
        return text + "\n"
    }

    /// `2026-11-21T09:25:16.123Z`
    static func time(_ ms: Int64) -> String {
        let dayMs: Int64 = 86_400_000
        let days = ms >= 0 ? ms / dayMs : (ms - dayMs + 1) / dayMs
        let rest = ms - days * dayMs
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = "\(value)"
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let clock = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { padded($0, 2) }
        return "\(CivilDay(number: Int32(clamping: days)))T\(clock.joined(separator: ":")).\(padded(rest % 1000, 3))Z"
    }

    /// A JSON text (RFC 8259 §7), cut at a bound: no value can add a line or a field.
    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars.prefix(LogField.textMax) {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if !isPlain(scalar) {
                    let digits = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }

    /// No control character and no break of a line, of which Unicode knows several.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && !(0x2028...0x2029).contains(scalar.value)
    }

    private static func plain(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars.prefix(LogField.textMax) {
            text.unicodeScalars.append(isPlain(scalar) ? scalar : " ")
        }
        return text
    }
}

/// Where lines go.
public enum LogSink {
    private static let lock = Mutex(())

    /// A line whole and at once. A reader that is gone, or a full disk, costs the line and nothing else.
    public static let standardError: @Sendable (String) -> Void = { line in
        lock.withLock { _ in
            var rest = Array(line.utf8)[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { return }
                rest = rest.dropFirst(written)
            }
        }
    }

    /// JSON unless a person reads along.
    public static var usualFormat: LogFormat { isatty(STDERR_FILENO) == 1 ? .text : .json }
}
