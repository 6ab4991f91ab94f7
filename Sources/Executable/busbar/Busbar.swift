// The one binary. Parses arguments, nothing else.
import ArgumentParser

@main
struct Busbar: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "busbar", abstract: "Runs an electricity retailer from the meter to the money.",
        subcommands: [ServeCommand.self, DemoCommand.self, Read.self, Simulate.self])
}
