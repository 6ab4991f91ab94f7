// The one binary. Parses arguments, nothing else.
import ArgumentParser
import Composition
import Foundation

@main
struct Busbar: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "busbar", abstract: "Runs an electricity retailer from the meter to the money.",
        version: Release.version,
        subcommands: [
            ServeCommand.self, DemoCommand.self, Read.self, Simulate.self, ImportCommand.self, RateCommand.self,
            UserCommand.self, OrgCommand.self, MeterCommand.self, DatabaseCommand.self, JobCommand.self,
            DoctorCommand.self, OpenAPICommand.self,
        ])

    /// A wrong call leaves with 2, as all commands of this program do; the parser itself would say 64.
    static func main() async {
        // Databases, logs beside them and state of simulated meters are for this user alone, whatever the folder.
        umask(0o077)
        do {
            var command = try parseAsRoot()
            if var work = command as? any AsyncParsableCommand {
                try await work.run()
            } else {
                try command.run()
            }
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            FileHandle.standardError.write(Data((fullMessage(for: error) + "\n").utf8))
            Foundation.exit(CommandStatus.usage.rawValue)
        }
    }
}
