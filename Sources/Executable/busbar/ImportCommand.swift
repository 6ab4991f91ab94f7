// `busbar import`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Takes a file of readings into the meter data.",
        discussion: """
            Wide CSV (a stamp, then a column for each meter), long CSV (id, stamp, value; columns for channels, units \
            and qualities), NEM12 and Green Button XML, plain or gzip; any other CSV with --mapping. Stamps name the \
            start of an interval unless the column's name or --stamps says end. The checks are those of a read; \
            refused rows are kept in the database. The same file again changes nothing. More in docs/import.md.
            Try it: busbar import load.csv --create-meters --pack packs.json, then busbar rate.
            Exit codes: 0 all taken, 1 refused, 2 wrong call, 3 a part was refused or the database is in use.
            """)

    @Argument(help: "The file.") var file: String
    @Option(help: "serial: names in the file are serial numbers; else a CSV of name,serial[,multiplier].") var meters =
        "serial"
    @Option(help: "Zone of stamps without an offset, and of a new company.") var zone: String?
    @Option(help: "JSON that says which column is what.") var mapping: String?
    @Option(help: "What the values are in: kWh, Wh, kvarh, kW, V …") var unit: String?
    @Option(help: "Channel of all values: importWh, exportWh, varhQ1, voltagePhaseA …") var channel: String?
    @Option(help: "Multiplies every value, such as by the ratio of current transformers.") var multiplier: String?
    @Option(help: "Name of the only meter of a file that names none.") var meterName: String?
    @Flag(help: "Values are cumulative registers: differences become intervals.") var registers = false
    @Option(help: "Whole digits of the registers before they begin again at nought.") var registerDigits: Int?
    @Option(help: "Stamps name the start or the end of their interval.") var stamps: String?
    @Option(help: "Zone of stamps without an offset, where it is not that of the company.") var fileZone: String?
    @Option(help: "Minutes of an interval, where the stamps do not tell.") var period: Int?
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
            options.reading.mapping = mapping
            options.reading.unit = unit
            options.reading.channel = channel
            options.reading.multiplier = multiplier
            options.reading.meter = meterName
            options.reading.registers = registers
            options.reading.registerDigits = registerDigits
            options.reading.stamps = stamps
            options.reading.fileZone = fileZone
            options.reading.periodMinutes = period
            options.bytesMax = Int(settings.number(.importBytesMax))
            return try await importLoadFile(settings.site(), options, json: json, console)
        }
    }
}
