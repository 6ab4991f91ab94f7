// `busbar outage`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct OutageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outage", abstract: "Outages, and planned ones.", subcommands: [List.self, Plan.self, Import.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists outages, newest first.",
            discussion: """
                Try it: busbar outage list --open
                Exit codes: 0 listed, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "Only those that last.") var open = false
        @Option(parsing: .unconditional, help: "How many at most.") var limit = 50
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await listOutages(shared.site, orgID: org.orgID, open: open, limit: limit, json: json, $0)
            }
        }
    }

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enters a planned outage of everything under a place and prints its number.",
            discussion: """
                Outages that begin in it are counted as planned, also when it is entered later. The same again changes
                nothing.
                Try it: busbar outage plan --place 31 --from 2026-12-01T10:00 --to 2026-12-01T12:00 --reason "line work"
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Number of the place.") var place: Int64
        @Option(help: "It begins; a time of the company's zone, or with Z.") var from: String
        @Option(help: "It ends.") var to: String
        @Option(help: "Why.") var reason: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await planOutage(
                    shared.site, orgID: org.orgID, place: place, from: from, to: to, reason: reason, $0)
            }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enters the planned outages of a file: place,from,to,reason.",
            discussion: "Exit codes: 0 done, 1 the file is refused, 2 wrong call, 3 rows were refused or out of reach.")
        @Argument(help: "The file.") var file: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await importPlannedOutages(shared.site, orgID: org.orgID, file: file, $0)
            }
        }
    }
}
