// `busbar audit`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Proves the trail of commands.", subcommands: [Verify.self, Head.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds rows that were changed, taken out, put in or moved; ends with 1 when there are any.")
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
            abstract: "Prints where the trail ends now, to be kept on another machine.")
        @Option(name: .customLong("org"), help: "Number of the company; all of them when left out.") var orgID: Int64?
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await auditHeads(shared.site, orgID: orgID, $0) }
        }
    }
}
