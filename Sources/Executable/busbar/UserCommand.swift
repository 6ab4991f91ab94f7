// `busbar user`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Who may sign in.",
        subcommands: [Add.self, List.self, Disable.self, Enable.self, Password.self, ResetSecondStepCommand.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a login. The password is typed, or made up and printed once.",
            discussion: """
                Try it: busbar user add anil --role operator --language hi
                A consumer: busbar user add asha --role consumer --account BB-000101
                """)
        @Argument(help: "3 to 64 of a-z, 0-9 and . - _ + @") var username: String
        @Option(help: "The person's name; the username when left out.") var name: String?
        @Option(help: "consumer, operator or administrator.") var role: String
        @Option(help: "en or hi.") var language = "en"
        @Option(help: "Account number of a consumer.") var account: String?
        @Option(parsing: .unconditional, help: "Number of the place an operator is confined to.") var place: Int64?
        @OptionGroup var password: PasswordOptions
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { console in
                try await addUser(
                    shared.site, orgID: org.orgID,
                    NewUserOptions(
                        username: username, name: name, role: role, language: language, accountNumber: account,
                        placeID: place), password: try password.password(), console)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists logins.", discussion: "Try it: busbar user list --org 1 --json")
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listUsers(shared.site, orgID: org.orgID, json: json, $0) }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Closes a login and its sessions, until it is enabled again.",
            discussion: "Try it: busbar user disable anil")
        @Argument(help: "The username.") var username: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await disableUser(shared.site, orgID: org.orgID, username: username, $0) }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Opens a disabled login again, with the password and rights it had.",
            discussion: "Try it: busbar user enable anil")
        @Argument(help: "The username.") var username: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await enableUser(shared.site, orgID: org.orgID, username: username, $0) }
        }
    }

    struct ResetSecondStepCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset-second-step",
            abstract: "Takes the second step of signing in off a login and ends its sessions.",
            discussion: "For who lost the phone and the recovery codes. Try it: busbar user reset-second-step anil")
        @Argument(help: "The username.") var username: String
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await resetSecondStep(shared.site, orgID: org.orgID, username: username, $0) }
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives a login a new password and ends its sessions.",
            discussion: "Try it: busbar user password anil --password-file secret.txt")
        @Argument(help: "The username.") var username: String
        @OptionGroup var password: PasswordOptions
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { console in
                try await setPassword(
                    shared.site, orgID: org.orgID, username: username, password: try password.password(), console)
            }
        }
    }
}
