// What a command says and how it ends: results to standard output, notes to standard error, exit codes for scripts.
import Access
import ArgumentParser
import Composition
import Foundation
import Logging
import SQL

enum Terminal {
    /// A result.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    /// A note beside the results.
    static func note(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

    /// JSON lines to standard error.
    static func log(level: Logger.Level = .info) -> Logger {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var log = Logger(label: "busbar")
        log.logLevel = level
        return log
    }

    /// `--database`, or the variable, or nothing.
    static func database(_ option: String?) -> String? {
        option ?? ProcessInfo.processInfo.environment["BUSBAR_DATABASE"]
    }

    /// Runs a command and turns its errors into one line with a hint and an exit code: 1 refused, 2 usage, 3 out of reach.
    static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let refusal as Refusal {
            note("busbar: \(refusal)")
            throw ExitCode(refusal.code == .invalid ? 2 : refusal.code == .unavailable ? 3 : 1)
        } catch let error as SQLError {
            note("busbar: \(error)")
            throw ExitCode(error.code == .connection || error.code == .busy ? 3 : 1)
        }
    }
}
