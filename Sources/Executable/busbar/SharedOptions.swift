// What several commands share: where the installation is, which company, and how words and exit codes leave the
// process.
import ArgumentParser
import Composition
import Foundation

struct SharedOptions: ParsableArguments {
    @Option(help: "Folder of databases and key file.") var data = "./data"
    @Option(help: "postgres://… instead of the folder's SQLite files; or the variable BUSBAR_DATABASE.")
    var database: String?

    var site: SiteOptions {
        SiteOptions(
            folder: data, databaseURL: database ?? ProcessInfo.processInfo.environment["BUSBAR_DATABASE"])
    }
}

struct OrgOption: ParsableArguments {
    @Option(name: .customLong("org"), help: "Number of the company; may be left out where there is one only.")
    var orgID: Int64?
}

extension Console {
    /// Results on standard output, notes on standard error, a passing line only on a terminal.
    static var terminal: Console {
        let isWatched = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["CI"] == nil
        var console = Console(
            say: { line in
                print(line)
                fflush(nil)
            }, note: { line in writeError(line + "\n") })
        if isWatched { console.show = { line in writeError("\r\u{1B}[K" + line) } }
        return console
    }
}

private func writeError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

/// Runs a command, turns its error into a line with a hint, and leaves with its exit code.
func leaving(_ body: (Console) async throws -> CommandStatus) async throws {
    let console = Console.terminal
    let status: CommandStatus
    do {
        status = try await body(console)
    } catch {
        let complaint = Complaint(error)
        fflush(nil)
        console.note("busbar: \(complaint)")
        throw ExitCode(complaint.status.rawValue)
    }
    guard status == .done else { throw ExitCode(status.rawValue) }
}
