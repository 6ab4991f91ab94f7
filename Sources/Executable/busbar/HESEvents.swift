// `busbar hes events|aside`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

extension HESCommand {
    struct Events: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists events that meters pushed or logged, newest first.",
            discussion: "Try it: busbar hes events --severity alarm --limit 20")
        @Option(help: "last-gasp, first-breath, tamper, load, supply, voltage, change or other.") var kind: String?
        @Option(help: "information, warning or alarm: this or higher.") var severity: String?
        @Option(parsing: .unconditional, help: "Only meters under this place.") var place: Int64?
        @Option(help: "Only the meter of this serial number.") var meter: String?
        @Option(parsing: .unconditional, help: "How many at most.") var limit = 50
        @Flag(help: "One JSON object a line.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            let options = EventListOptions(
                kind: kind, severity: severity, placeID: place, serial: meter, limit: limit, json: json)
            try await leaving { try await listEvents(shared.site, orgID: org.orgID, options, $0) }
        }
    }

    struct Aside: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists pushes that were not taken, with the reason.", discussion: "Try it: busbar hes aside")
        @Flag(help: "Those that belong to none of several companies.") var unassigned = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await listAside(shared.site, orgID: org.orgID, unassigned: unassigned, $0)
            }
        }
    }
}
