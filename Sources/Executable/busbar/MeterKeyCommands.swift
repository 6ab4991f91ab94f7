// `busbar meter rotate-keys|recover-counter`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

extension MeterCommand {
    struct RotateKeys: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives meters new keys, wrapped with their master keys (KEK).",
            discussion: """
                New keys are stored before they are sent; after a break both are tried. Run again at any time.
                Try it: busbar meter rotate-keys BB100001; busbar meter rotate-keys --place 123
                Exit codes: 0 all changed, 3 some are open and are tried again by the server's job.
                """)
        @Argument(help: "Serial number of one meter.") var serial: String?
        @Option(parsing: .unconditional, help: "All meters under this place.") var place: Int64?
        @Flag(help: "All meters of the company.") var all = false
        @Flag(help: "Only order it: the serving process does it.") var orderOnly = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await rotateMeterKeys(
                    shared.site, orgID: org.orgID, serial: serial, placeID: place, all: all, now: !orderOnly, $0)
            }
        }
    }

    struct RecoverCounter: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Recovers the invocation counter of a meter from the meter's own.",
            discussion: """
                The counter is raised above the meter's. --lower also lowers it, which is safe only when no counter \
                above the meter's was ever used under its keys.
                Try it: busbar meter recover-counter BB100001 --why "restored an older copy"
                """)
        @Argument(help: "Serial number.") var serial: String
        @Option(help: "The reason, for the trail.") var why: String
        @Flag(help: "Also lower it.") var lower = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await recoverMeterCounter(
                    shared.site, orgID: org.orgID, serial: serial, lowers: lower, why: why, $0)
            }
        }
    }
}
