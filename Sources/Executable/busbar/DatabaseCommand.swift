// `busbar db`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "The databases of this installation.",
        subcommands: [
            Migrate.self, Status.self, Check.self, Backup.self, Restore.self, Copy.self, Roles.self,
            Months.self, Compact.self, Archive.self, Unarchive.self, Hold.self, Remove.self,
        ])

    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings the schema up to date, after a backup into backups/ of the folder.",
            discussion: """
                Migrations only go forward.
                Try it: busbar db migrate --data ./data --dry-run
                Exit codes: 0 up to date, 1 the backup or a migration failed and nothing was changed, 3 in use or out \
                of reach.
                """)
        @Flag(help: "Show what would be applied, and try it where it does not count.") var dryRun = false
        @Flag(help: "Make no backup first.") var noBackup = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { console in
                var site = try shared.site
                site.backsUpBeforeUpgrade = !noBackup
                return try await migrateDatabase(site, dryRun: dryRun, console)
            }
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
            abstract: "Trial balance, balances against postings, soundness of the files; also of a backup.",
            discussion: """
                A backup is restored into a scratch for it; one of PostgreSQL on the server of --database.
                Try it: busbar db check --data ./data
                A backup: busbar db check /mnt/backups/busbar-20261121T020000Z
                Exit codes: 0 all well, 1 something is wrong, 3 in use or out of reach, or a backup that could not be \
                restored here.
                """)
        @Argument(help: "Folder of a backup; the installation itself when left out.") var backup: String?
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { console in
                guard let backup else { return try await checkDatabase(shared.site, json: json, console) }
                return try await checkBackup(backup, shared.site, json: json, console)
            }
        }
    }
}
