// `busbar reliability`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct ReliabilityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reliability", abstract: "Reliability indices (IEEE 1366) of a list of outages; no database.",
        discussion: """
            Reads id,start,end,customers,planned, or the list of a watched outage map (outage_id, last_seen_utc,
            gone_by_utc, first_StartDateTime, first_Customers, …), plain or gzip. Prints SAIDI, SAIFI, CAIDI, MAIFI,
            MAIFI_E and ASAI by month with bounds, with and without major event days, planned apart.
            Exit codes: 0 done, 1 the file is refused, 2 wrong call, 3 rows were refused.
            """)

    @Option(name: .customLong("in"), help: "The list of outages.") var file: String
    @Option(parsing: .unconditional, help: "Customers served, on average.") var customers: Int64?
    @Option(help: "First day, YYYY-MM-DD.") var from: String?
    @Option(help: "Last day, YYYY-MM-DD.") var to: String?
    @Option(parsing: .unconditional, help: "Interruptions up to so many minutes are momentary.")
    var thresholdMin: Int64 = 5
    @Option(help: "Zone of days, and of times without an offset.") var zone = "Asia/Kolkata"
    @Flag(help: "One JSON document, figures in millionths.") var json = false

    func run() async throws {
        try await leaving { console in
            try reliabilityOfFile(
                ReliabilityOptions(
                    file: file, customers: customers, from: from, to: to, momentaryMaxMinutes: thresholdMin,
                    zone: zone, json: json), console)
        }
    }
}
