// The log of a process that runs for long: one line an event on standard error, JSON unless a person reads along.
import Clocks
import CoreMetrics
import Logging
import Watch

/// - Parameters:
///   - format: `json` or `text`; nil: JSON unless standard error is a terminal.
/// - Throws: `UsageError` for any other format.
public func serviceLog(_ level: Logger.Level, format: String? = nil) throws -> Logger {
    guard let chosen = format.map({ LogFormat(rawValue: $0) }) ?? LogSink.usualFormat else {
        throw UsageError("--log-format \(format ?? ""): give json or text")
    }
    LoggingSystem.bootstrap { _ in LineLogHandler(chosen, level: level, nowMs: Clocks.live.systemNowMs) }
    return Logger(label: "busbar")
}

/// The figures of this process. The first call takes over the swift-metrics API; call it before anything is counted.
enum Figures {
    static let registry: MetricRegistry = {
        let registry = MetricRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }()
}
