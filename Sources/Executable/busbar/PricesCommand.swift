// `busbar prices` and `busbar packs store`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct PricesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prices", abstract: "Prices of power exchanges, for tariffs that follow them.",
        subcommands: [Import.self])

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stores prices of exchanges from a CSV; all rows or none.",
            discussion: """
                Columns date,exchange,product,slot,price_per_mwh; slots 1 to 96 of quarters of an hour from midnight.
                What is known is left as it is; another price for a known quarter is refused without --revise.
                Try it: busbar prices import iex.csv
                Exit codes: 0 done, 1 the file is refused, 2 wrong call.
                """)
        @Argument(help: "The file.", completion: .file()) var file: String
        @Flag(help: "Other prices for known quarters replace them; the former ones are kept.") var revise = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await importPrices(shared.site, orgID: org.orgID, file: file, revises: revise, $0)
            }
        }
    }
}

extension PacksCommand {
    struct Store: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Publishes tariff files of packs that nobody holds yet, and prints ID@VERSION.",
            discussion: """
                For setting up: YAML or JSON (docs/tariffs.md). A stored version never changes; the same file again
                changes nothing. A pack that consumers hold is changed by a draft, a second person and with notice
                (busbar packs draft, submit, approve).
                Try it: busbar packs store examples/tariffs/slab.yaml
                Exit codes: 0 done, 1 a file is refused, 2 wrong call.
                """)
        @Argument(help: "Tariff files.", completion: .file()) var files: [String]
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await storeTariffs(shared.site, orgID: org.orgID, files: files, $0) }
        }
    }
}
