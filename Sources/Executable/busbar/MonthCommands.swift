// `busbar db months|compact|archive|unarchive|hold|remove`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

extension DatabaseCommand {
    struct Months: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The months of readings and how each is kept.",
            discussion: """
                Try it: busbar db months --data ./data
                Exit codes: 0 listed, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listMonths(shared.site, orgID: company.orgID, json: json, $0) }
        }
    }

    struct Compact: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compacts a closed month of readings; without one, what the settings say.",
            discussion: """
                Every answer stays the same, late readings are still taken. Killed, the same command goes on. The job \
                tidy does it daily.
                Try it: busbar db compact 2026-03 --data ./data
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Month, YYYY-MM.") var month: String?
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await keepMonth(shared.site, orgID: company.orgID, .compact, month: month, $0)
            }
        }
    }

    struct Archive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts a closed month of readings into the archive, where it is read in place.",
            discussion: """
                On SQLite the file goes to archive/ of the folder, which may be a disk of its own.
                Try it: busbar db archive 2025-03 --data ./data
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Month, YYYY-MM; what the settings say when left out.") var month: String?
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await keepMonth(shared.site, orgID: company.orgID, .archive, month: month, $0)
            }
        }
    }

    struct Unarchive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a month of readings again what it was before it was compacted or archived.",
            discussion: """
                The job tidy compacts it again when its settings say so.
                Try it: busbar db unarchive 2025-03 --data ./data
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Month, YYYY-MM.") var month: String
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await keepMonth(shared.site, orgID: company.orgID, .unarchive, month: month, $0)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes the readings of a month that need not be kept any more.",
            discussion: """
                Only past readings.keep-months, and never while a hold covers the month or a meter.
                Try it: busbar db remove 2015-03 --data ./data
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Month, YYYY-MM.") var month: String
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await keepMonth(shared.site, orgID: company.orgID, .remove, month: month, $0)
            }
        }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keeps readings of a meter or a month from being removed; lists the holds in force.",
            discussion: """
                Try it: busbar db hold --serial 1001 --month 2026-03 --reason "case 12 of 2026"
                Released: busbar db hold --release 71234567890
                Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Serial number of the meter; every meter when left out.") var serial: String?
        @Option(help: "Month, YYYY-MM; every month when left out.") var month: String?
        @Option(help: "Why.") var reason: String?
        @Option(help: "Release the hold of this number.") var release: Int64?
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            let options = HoldOptions(serial: serial, month: month, reason: reason, release: release)
            try await leaving { try await holdReadings(shared.site, orgID: company.orgID, options, json: json, $0) }
        }
    }
}
