// `busbar hes late, clocks, ping, frames`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

extension HESCommand {
    struct Late: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Meters that are late, why, and when they are called next.",
            discussion: """
                Try it: busbar hes late --cause unreachable
                Exit codes: 0 listed, 1 no such company or place, 3 in use or out of reach.
                """)
        @Option(help: "Only: unreachable, refused, security, partial, bad-answer, other or waiting.") var cause: String?
        @Option(parsing: .unconditional, help: "Only under this place.") var place: Int64?
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await listLateMeters(
                    shared.site, orgID: company.orgID, cause: cause, placeID: place, json: json, $0)
            }
        }
    }

    struct Clocks: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The share done within its target, by profile and class of order.",
            discussion: """
                Try it: busbar hes clocks
                Exit codes: 0 shown, 1 no such company, 3 in use or out of reach.
                """)
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await showServiceClocks(shared.site, orgID: company.orgID, json: json, $0) }
        }
    }

    struct Ping: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Asks a meter, or all under a place, whether they are alive.",
            discussion: """
                By the public association alone; reads nothing. The answers are kept.
                Try it: busbar hes ping BB100001
                Exit codes: 0 all answered, 1 refused, 2 wrong call, 3 some are silent, or in use or out of reach.
                """)
        @Argument(help: "Serial number.") var meter: String?
        @Option(parsing: .unconditional, help: "All that are called and lie under this place.") var place: Int64?
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await pingMeters(
                    shared.site, orgID: company.orgID, serial: meter, placeID: place, json: json, $0)
            }
        }
    }

    struct Frames: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The frames in which a meter answered about a day, and what was in them.",
            discussion: """
                Try it: busbar hes frames BB100001 2026-11-20
                Exit codes: 0 shown, 1 there is none, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Serial number.") var meter: String
        @Argument(help: "The day, YYYY-MM-DD.") var day: String
        @Option(parsing: .unconditional, help: "One answer only.") var batch: Int64?
        @Flag(help: "JSON lines, a frame each.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await showFrames(
                    shared.site, orgID: company.orgID, serial: meter, day: day, batchID: batch, json: json, $0)
            }
        }
    }
}
