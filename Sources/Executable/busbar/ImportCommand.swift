// `busbar import`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Takes a load file into the meter data.",
        discussion: """
            Wide CSV (a stamp, then a column for each meter) or long CSV (id, stamp, kWh), plain or gzip. Stamps name \
            the start of a slot unless the column's name says end. The checks are those of a read; refused rows are \
            kept in the database. The same file again changes nothing.
            Try it: busbar import load.csv --create-meters --pack packs.json, then busbar rate.
            Exit codes: 0 all taken, 1 refused, 2 wrong call, 3 a part was refused or the database is in use.
            """)

    @Argument(help: "The load file.") var file: String
    @Option(help: "serial: names in the file are serial numbers; else a CSV of name,serial.") var meters = "serial"
    @Option(help: "Zone of stamps without an offset, and of a new company.") var zone: String?
    @Flag(help: "Say what would be taken and write nothing.") var dryRun = false
    @Flag(help: "Add a meter and an account for every name without one; takes --pack.") var createMeters = false
    @Option(help: "Rate file (JSON) with the packs of new accounts.") var pack: String?
    @Flag(help: "The result as JSON.") var json = false
    @OptionGroup var org: OrgOption
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving { console in
            let settings = try shared.settings()
            var options = ImportOptions(
                file: file, meters: meters, zone: zone, orgID: org.orgID, dryRun: dryRun, createMeters: createMeters,
                packFile: pack)
            options.bytesMax = Int(settings.number(.importBytesMax))
            return try await importLoadFile(settings.site(), options, json: json, console)
        }
    }
}
