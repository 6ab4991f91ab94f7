// How commands that run for long log: format and level.
import ArgumentParser
import Composition
import Foundation
import Logging

struct LogOptions: ParsableArguments {
    @Option(help: "Log lines as json or text; when left out json, and text on a terminal.") var logFormat: String?
    @Option(help: "Least severe line of the log: trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    /// Notes stand on standard error, as the log does: among JSON lines they are lines of the log.
    func quiet(_ console: Console, _ log: Logger) -> Console {
        guard logFormat != "text", logFormat == "json" || isatty(STDERR_FILENO) == 0 else { return console }
        var console = console
        console.note = { log.notice("\($0)") }
        return console
    }

    /// Takes over the log of the process.
    /// - Parameter usual: the level when none is asked for.
    func start(_ usual: Logger.Level) throws -> Logger {
        guard let level = logLevel.map({ Logger.Level(rawValue: $0) }) ?? usual else {
            let all = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--log-level \(logLevel ?? ""): give \(all)")
        }
        do {
            return try serviceLog(level, format: logFormat)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
