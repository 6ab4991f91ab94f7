// `busbar supply`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct SupplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supply", abstract: "Who is cut next and why; hold all cuts.",
        subcommands: [List.self, Why.self, Hold.self, Release.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists who is low or cut, the earliest possible cut first.",
            discussion: """
                Try it: busbar supply list --standing next
                Exit codes: 0 listed, 1 no such company, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Only next, held or off.") var standing: String?
        @Option(parsing: .unconditional, help: "How many at most.") var limit = 50
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await listSupply(
                    shared.site, orgID: org.orgID, standing: standing, limit: limit, json: json, $0)
            }
        }
    }

    struct Why: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints why an account's supply is on or off, decision by decision, and judges each again.",
            discussion: """
                Try it: busbar supply why BB-000123
                Exit codes: 0 printed, 1 no such account, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Number of the account.") var account: String
        @Option(parsing: .unconditional, help: "How many at most.") var limit = 20
        @Flag(help: "JSON lines with all facts and rules.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await explainSupply(
                    shared.site, orgID: org.orgID, account: account, limit: limit, json: json, $0)
            }
        }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Holds all cuts of the company until a time, and prints the number of the hold.",
            discussion: """
                Try it: busbar supply hold --until 2026-03-05T18:00 --reason Holi
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "It ends then by itself; a time of the company's zone, or with Z.") var until: String
        @Option(help: "Why.") var reason: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await holdSupply(shared.site, orgID: org.orgID, until: until, reason: reason, $0)
            }
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets the rules cut again; answers also the machine's question when too many would be cut.",
            discussion: """
                Try it: busbar supply release --reason "the tariff is right"
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Why.") var reason: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await releaseSupply(shared.site, orgID: org.orgID, reason: reason, $0)
            }
        }
    }
}
