// `busbar audit`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Proves the trail of commands.", subcommands: [Verify.self, Head.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds rows that were changed, taken out, put in or moved.",
            discussion: """
                Only reads; works while the server is stopped, on PostgreSQL at any time. Rows taken off the end show \
                only against heads that were kept on another machine.
                Try it: busbar audit verify --against heads.txt
                Exit codes: 0 the trail is as it was written, 1 it is not, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Heads kept elsewhere, as `busbar audit head` printed them.") var against: String?
        @Option(name: .customLong("org"), help: "Number of the company; all of them when left out.") var orgID: Int64?
        @Flag(help: "Findings as JSON lines.") var json = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await verifyAudit(shared.site, orgID: orgID, against: against, json: json, $0)
            }
        }
    }

    struct Head: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints where the trail ends now, to be kept on another machine.",
            discussion: """
                Try it: busbar audit head > heads.txt
                Exit codes: 0 printed, 1 no such company or no trail yet, 3 in use or out of reach.
                """)
        @Option(name: .customLong("org"), help: "Number of the company; all of them when left out.") var orgID: Int64?
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await auditHeads(shared.site, orgID: orgID, $0) }
        }
    }
}
