// `busbar hes export, import`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

extension HESCommand {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes readings, events or orders for another system.",
            discussion: "Try it: busbar hes export --kind readings --from 2026-11-19 --to 2026-11-20 --out readings.xml"
        )
        @Option(help: "readings, events or controls.") var kind = "readings"
        @Option(help: "The first day.") var from: String
        @Option(help: "The last day.") var to: String
        @Option(help: "Only the meter of this serial number.") var meter: String?
        @Option(parsing: .unconditional, help: "Only meters of this place and what lies under it.") var place: Int64?
        @Option(help: "xml or json.") var format = "xml"
        @Option(help: "The file to write.", completion: .file()) var out: String
        @Flag(help: "The result as JSON.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            let options = ExchangeExportOptions(
                kind: kind, from: from, to: to, meter: meter, place: place, format: format, out: out)
            try await leaving { try await exportMessages(shared.site, orgID: org.orgID, options, json: json, $0) }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a document of another system, XML or JSON, plain or gzip.",
            discussion: """
                The same content again changes nothing. What cannot be taken is set aside and named with its line; \
                the exit code is 3 then. Try it: busbar hes import readings.xml.gz --reply reply.xml
                """)
        @Argument(help: "The document.", completion: .file()) var file: String
        @Option(help: "Writes the answer (ResponseMessage) to this file.", completion: .file()) var reply: String?
        @Flag(help: "The result as JSON.") var json = false
        @OptionGroup var org: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await importMessages(shared.site, orgID: org.orgID, path: file, reply: reply, json: json, $0)
            }
        }
    }
}
