// `busbar org`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct OrgCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "org", abstract: "Companies of this installation.", subcommands: [Add.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a company and prints its number.",
            discussion: "Try it: busbar org add \"Asha Power\" --zone Asia/Kolkata")
        @Argument(help: "Its name.") var name: String
        @Option(help: "Zone of its days, for good.") var zone = "Asia/Kolkata"
        @Option(help: "Its currency (ISO 4217).") var currency = "INR"
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await addOrg(shared.site, name: name, zone: zone, currency: currency, $0) }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists companies.", discussion: "Try it: busbar org list --json")
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listOrgs(shared.site, json: json, $0) }
        }
    }
}
