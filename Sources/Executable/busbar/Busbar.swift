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
            ServeCommand.self, DemoCommand.self, Read.self, Simulate.self, SimulatorCommand.self,
            ImportCommand.self, RateCommand.self, PriceCommand.self, PacksCommand.self, CalendarsCommand.self,
            PricesCommand.self, JournalCommand.self, ArrearsCommand.self, ConversionCommand.self, ForecastCommand.self,
            ReliabilityCommand.self, OutageCommand.self, SupplyCommand.self, UserCommand.self, KeyCommand.self,
            OrgCommand.self,
            PlaceCommand.self, AuditCommand.self, MeterCommand.self,
            HESCommand.self, VEECommand.self, JobCommand.self, DatabaseCommand.self, DoctorCommand.self,
            SettingsCommand.self, NetworkCommand.self, ReportCommand.self, ApprovalsCommand.self, OpenAPICommand.self,
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
            let near = didYouMean(Array(CommandLine.arguments.dropFirst())).map { "\($0)\n" } ?? ""
            FileHandle.standardError.write(Data((near + fullMessage(for: error) + "\n").utf8))
            Foundation.exit(CommandStatus.usage.rawValue)
        }
    }
}

extension Busbar {
    /// The parser suggests options; this suggests commands.
    static func didYouMean(_ words: [String]) -> String? {
        var known: any ParsableCommand.Type = Busbar.self
        for word in words.filter({ $0 != "help" }) {
            let below = known.configuration.subcommands
            if let next = below.first(where: { $0._commandName == word }) {
                known = next
                continue
            }
            let near = nearestWord(to: word, among: below.map { $0._commandName })
            return near.map { "There is no command '\(word)'. Did you mean '\($0)'?" }
        }
        return nil
    }
}
