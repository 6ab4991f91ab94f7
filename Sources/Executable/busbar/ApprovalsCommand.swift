// `busbar approvals`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct ApprovalsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvals", abstract: "What waits for a second person: see it, confirm it, reject it.",
        subcommands: [List.self, Confirm.self, Reject.self, Withdraw.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists what waits for a second person, the newest 200.",
            discussion: """
                Try it: busbar approvals list
                Exit codes: 0 listed, 1 no such company, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "waiting, or decided.") var show = "waiting"
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await listRequests(shared.site, orgID: company.orgID, show: show, json: json, $0)
            }
        }
    }

    struct Confirm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Confirms a request: it is done now, in the name of who asked.",
            discussion: """
                Who asked cannot confirm. Where it is refused by now, the request has failed and nothing changed.
                Try it: busbar approvals confirm 8001 --as bela --password-file secret.txt
                Exit codes: 0 done, 1 refused or failed, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The request.") var request: Int64
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await decideRequest(
                    shared.site, orgID: company.orgID, requestID: request, .confirm, try person.person(), $0)
            }
        }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rejects a request, with a reason; nothing changes.",
            discussion: """
                Try it: busbar approvals reject 8001 --reason "The meter is right"
                Exit codes: 0 rejected, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The request.") var request: Int64
        @Option(help: "Why not.") var reason: String
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await decideRequest(
                    shared.site, orgID: company.orgID, requestID: request, .reject(reason: reason),
                    try person.person(), $0)
            }
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a request back, as who asked.",
            discussion: """
                Try it: busbar approvals withdraw 8001 --as asha --password-file secret.txt
                Exit codes: 0 withdrawn, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The request.") var request: Int64
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await decideRequest(
                    shared.site, orgID: company.orgID, requestID: request, .withdraw, try person.person(), $0)
            }
        }
    }
}
