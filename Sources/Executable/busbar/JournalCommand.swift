// `busbar journal`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "The double-entry book: export, balances and reports.",
        subcommands: [Export.self, Balances.self, Money.self])

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every posting, for hledger and ledger or as a table.",
            discussion: """
                Only looks, also while the server runs. What stands in it: docs/journal.md.
                Try it: busbar journal export >book.journal && hledger -f book.journal balance
                Exit codes: 0 printed, 1 no such company, 2 wrong call, 3 out of reach.
                """)
        @Option(help: "hledger (ledger reads it too) or csv.") var format = "hledger"
        @Option(help: "First day of posting, 2026-11-20; else from the beginning.") var from: String?
        @Option(help: "Last day of posting; else to the end.") var to: String?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await exportJournal(
                    shared.site, orgID: org.orgID, JournalExportOptions(format: format, from: from, to: to), $0)
            }
        }
    }

    struct Balances: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the balance of every account of the book.",
            discussion: """
                Debits are positive: what a wallet holds is owed to its consumer and stands as negative. Only looks,
                also while the server runs.
                Try it: busbar journal balances
                Exit codes: 0 printed, 1 they do not sum to zero or no such company, 2 wrong call, 3 out of reach.
                """)
        @Flag(help: "JSON lines, in paise.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await journalBalances(shared.site, orgID: org.orgID, json: json, $0) }
        }
    }

    struct Money: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the company's money by month as CSV.",
            discussion: """
                What came in, what was earned as energy was charged, what a unit brought in beside what it costs
                (setting reports.average-cost-paise-per-kwh), and peak to average. Six months unless told otherwise.
                Try it: busbar journal money --from 2026-09 --to 2026-11
                Exit codes: 0 printed, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "First month, 2026-09.") var from: String?
        @Option(help: "Last month; else the present one.") var to: String?
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await printMoney(shared.site, orgID: org.orgID, from: from, to: to, $0) }
        }
    }
}
