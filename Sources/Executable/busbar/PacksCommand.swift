// `busbar packs`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct PacksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packs", abstract: "Who holds which pack from when, and what follows.",
        subcommands: [
            Try.self, Store.self, List.self, Show.self, Drafts.self, Draft.self, Submit.self, Withdraw.self,
            Approve.self, Reject.self, WhatIf.self, Compare.self, Terms.self,
        ])

    struct Try: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "try", abstract: "Plays a case of packs and requests through; no database is touched.",
            discussion: """
                The file is YAML or JSON (docs/subscriptions.md): packs, places served, a history, requests. Prints what
                each request leads to, the subscriptions in the end, and the pack of every day and band to be shown.
                Try it: busbar packs try --file examples/packs/switch.yaml
                Exit codes: 0 done, 1 the file is refused, 2 wrong call, 3 requests were refused.
                """)

        @Option(help: "The case, YAML or JSON.") var file: String
        @Flag(help: "One JSON document, money in paise.") var json = false

        func run() async throws {
            try await leaving { console in try await tryPacks(file: file, json: json, console) }
        }
    }
}
