// `busbar packs terms`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

extension PacksCommand {
    struct Terms: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "terms", abstract: "Under which terms packs are sold, and which places sellers serve.",
            subcommands: [Import.self, List.self])

        struct Import: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Takes a file of terms and sellers; all of it or nothing.",
                discussion: """
                    The file is YAML or JSON (docs/subscriptions.md). An error names its line. What holds already is
                    never changed; the same file again changes nothing.
                    Try it: busbar packs terms import --file examples/packs/terms.yaml
                    Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                    """)

            @Option(help: "The terms, YAML or JSON.") var file: String
            @OptionGroup var org: OrgOption
            @OptionGroup var shared: SharedOptions

            func run() async throws {
                try await leaving { try await importPackTerms(shared.site, orgID: org.orgID, file: file, $0) }
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Shows the terms that were entered, by pack and day.",
                discussion: """
                    A pack without terms is the company's own: it begins the day after and is served everywhere.
                    Try it: busbar packs terms list --json
                    Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                    """)

            @Flag(help: "One JSON document a line.") var json = false
            @OptionGroup var org: OrgOption
            @OptionGroup var shared: SharedOptions

            func run() async throws {
                try await leaving { try await listPackTerms(shared.site, orgID: org.orgID, json: json, $0) }
            }
        }
    }
}
