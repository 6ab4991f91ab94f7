// `busbar db backup|restore|copy|roles`: arguments only; the work is in Composition.
import ArgumentParser
import Composition
import Foundation

extension DatabaseCommand {
    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a backup beside a running server, and tries it by restoring.",
            discussion: """
                Each backup is a folder with a manifest. A backup of PostgreSQL is made by pg_dump.
                Try it: busbar db backup --data ./data --to /mnt/backups --keep 14
                Exit codes: 0 done, 1 not sound or refused, 3 made but not verified, or out of reach.
                """)
        @Option(help: "Folder the backups are kept in, best on another disk.") var to: String
        @Option(help: "Remove the oldest beyond so many.") var keep: Int?
        @Flag(help: "Do not restore it into a scratch to try it.") var noVerify = false
        @Flag(help: "Write the master key into it: then it opens the meters' keys.") var withKey = false
        @Flag(help: "The result as JSON.") var json = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            let options = BackupOptions(to: to, keep: keep, verifies: !noVerify, withKey: withKey, json: json)
            try await leaving { try await backUpDatabase(shared.site, options, $0) }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Restores a backup into an empty folder or database.",
            discussion: """
                Checksums are compared first; what is not empty is not written over.
                Try it: busbar db restore /mnt/backups/busbar-20261121T020000Z --data ./restored
                Exit codes: 0 restored and sound, 1 damaged or refused, 2 wrong call, 3 out of reach.
                """)
        @Argument(help: "Folder of the backup.") var backup: String
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await restoreDatabase(backup, shared.site, $0) }
        }
    }

    struct Copy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves everything to another database, SQLite or PostgreSQL, and compares table by table.",
            discussion: """
                Stop what uses the source. The destination must be empty; it stays closed until all tables are equal. \
                Killed, the same command goes on.
                Try it: busbar db copy --data ./data --to-database postgres://busbar@/busbar
                Passwords: use the variables BUSBAR_DATABASE (source) and BUSBAR_TO_DATABASE (destination).
                Exit codes: 0 all equal, 1 tables differ or refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Folder of the destination; that of the source when left out.") var toData: String?
        @Option(help: "postgres://… of the destination; SQLite files in --to-data when left out.")
        var toDatabase: String?
        @Flag(help: "Also copy the master key to master.key in --to-data.") var withKey = false
        @Flag(help: "The result as JSON.") var json = false
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            let url = toDatabase ?? ProcessInfo.processInfo.environment["BUSBAR_TO_DATABASE"]
            try await leaving { console in
                let site = try shared.site
                let options = CopyOptions(
                    destination: SiteOptions(folder: toData ?? site.folder, databaseURL: url), withKey: withKey,
                    json: json)
                return try await copyDatabase(site, options, console)
            }
        }
    }

    struct Roles: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints SQL for PostgreSQL roles with as few rights as possible.",
            discussion: """
                The SQL is run with psql as an administrator of the database; nothing is changed by this command.
                Try it: busbar db roles | psql busbar
                Exit codes: 0 printed, 2 wrong call or a name that cannot be a role's.
                """)
        @Option(help: "Owns the schema and migrates.") var owner = "busbar_owner"
        @Option(help: "Serves: reads and writes rows.") var app = "busbar_app"
        @Option(help: "Only reads, and no secrets.") var reader = "busbar_reader"

        func run() async throws {
            try await leaving { console in
                console.say(try await databaseRoles(owner: owner, app: app, reader: reader))
                return .done
            }
        }
    }
}
