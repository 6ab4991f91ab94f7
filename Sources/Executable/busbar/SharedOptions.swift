// What several commands share: where the installation is, which company, and how words and exit codes leave the
// process.
import ArgumentParser
import Composition
import Foundation

struct SharedOptions: ParsableArguments {
    @Option(help: "Folder of databases and key file; ./data when nothing says otherwise.", completion: .directory)
    var data: String?
    @Option(
        help: """
            postgres://user@host/name instead of the folder's SQLite files. With a password, use the variable \
            BUSBAR_DATABASE or database_password_file: arguments can be seen by others.
            """)
    var database: String?
    @Option(
        help: "Configuration file; else BUSBAR_CONFIG, else /etc/busbar/busbar.conf when it is there.",
        completion: .file())
    var config: String?

    /// The settings of the process with these arguments above all.
    /// - Parameters:
    ///   - arguments: those of the command itself.
    ///   - usualFile: the file that is read when nobody names one.
    func settings(_ arguments: [SettingKey: String?] = [:], usualFile: String = ProcessSettings.usualFile) throws
        -> ProcessSettings
    {
        var given: [String: String] = [:]
        for (key, value) in arguments { given[key.name] = value }
        given[SettingKey.dataFolder.name] = data
        given[SettingKey.database.name] = database
        let settings = try ProcessSettings(arguments: given, configFile: config, usualFile: usualFile)
        for warning in settings.warnings { writeError("busbar: \(warning)\n") }
        return settings
    }

    var site: SiteOptions { get throws { try settings().site() } }
}

struct OrgOption: ParsableArguments {
    @Option(
        name: .customLong("org"), parsing: .unconditional,
        help: "Number of the company; may be left out where there is one only.")
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
