// `busbar simulator`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct SimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulator", abstract: "Tells and directs a running `busbar simulate` or demonstration.",
        subcommands: [Status.self, Scenarios.self, Start.self, Stop.self])

    struct Control: ParsableArguments {
        @Option(
            help: "Its control socket; a demonstration has simulator.sock in its data folder.", completion: .file())
        var control = "./data/simulator.sock"
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what the simulated meters do now.",
            discussion: "Try it: busbar simulator status --control ./simulator.sock")
        @Flag(help: "One line of JSON.") var json = false
        @OptionGroup var place: Control
        func run() async throws {
            try await leaving { try await simulatorStatus(control: place.control, json: json, $0) }
        }
    }

    struct Scenarios: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the scenarios that come with the program.",
            discussion: "Try it: busbar simulator scenarios")
        func run() async throws { try await leaving { try simulatorScenarios($0) } }
    }

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Starts a scenario and prints the number of its run.",
            discussion: "Try it: busbar simulator start evening-outage --control ./simulator.sock")
        @Argument(help: "Name of a scenario of the program, or a file that ends in .json.") var scenario: String
        @OptionGroup var place: Control
        func run() async throws {
            try await leaving { try await startScenario(control: place.control, scenario, $0) }
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stops a run; supply comes back where it took it away.",
            discussion: "Try it: busbar simulator stop 1 --control ./simulator.sock")
        @Argument(help: "Number of the run.") var run: Int
        @OptionGroup var place: Control
        func run() async throws {
            try await leaving { try await stopScenario(control: place.control, run: run, $0) }
        }
    }
}
