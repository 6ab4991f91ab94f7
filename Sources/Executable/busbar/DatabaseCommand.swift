// `busbar db`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "The databases of this installation.",
        subcommands: [Migrate.self, Status.self, Check.self])

    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings the schema up to date.",
            discussion: "Make a backup first: migrations only go forward.\nTry it: busbar db migrate --data ./data")
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await migrateDatabase(shared.site, $0) }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Engine, migrations, months and sizes.",
            discussion: """
                Try it: busbar db status --json
                Exit codes: 0 up to date, 1 migrations are pending or nothing is there, 3 in use or out of reach.
                """)
        @Flag(help: "The result as JSON.") var json = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await databaseStatus(shared.site, json: json, $0) }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Trial balance, balances against postings, soundness of the files.",
            discussion: """
                Try it: busbar db check --data ./data
                Exit codes: 0 all well, 1 something is wrong, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await checkDatabase(shared.site, json: json, $0) }
        }
    }
}
