// `busbar price`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct PriceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "price", abstract: "Prices a load file under a tariff file; no database is touched.",
        discussion: """
            Tariffs are YAML or JSON (docs/tariffs.md); several --tariff are versions of one, each with its days. Prints
            a bill for each meter and month, every line with quantity and rate; --json adds versions and days.
            Try it: busbar price --tariff examples/tariffs/slab.yaml --sheet
            Try it: busbar price --tariff examples/tariffs/slab.yaml --load load.csv --contracted-load 5kW
            Exit codes: 0 done, 1 tariff or load is refused (for one a gap), 2 wrong call, 3 rows were refused.
            """)

    @Option(name: .customLong("tariff"), help: "Tariff file; again for a later version.") var tariffs: [String]
    @Option(help: "Energy drawn: wide or long CSV, plain or gzip.") var load: String?
    @Option(help: "Energy fed in, laid out as the load.") var export: String?
    @Option(help: "Energy generated, laid out as the load.") var generation: String?
    @Option(help: "Apparent energy drawn, kVAh, laid out as the load: power factors are reckoned from it.")
    var apparent: String?
    @Option(name: .customLong("calendars"), help: "A calendar of the company that the tariff names; again for more.")
    var calendars: [String] = []
    @Option(help: "Prices of exchanges: CSV of date,exchange,product,slot,price_per_mwh.") var prices: String?
    @Option(help: "First day, 2026-04-01; else the first of the load.") var from: String?
    @Option(help: "Last day; else the last of the load.") var to: String?
    @Flag(help: "All days are one bill; else a bill ends with the month, or as the tariff says.") var oneBill = false
    @Option(help: "Contracted load: 5kW, 5000W.") var contractedLoad: String?
    @Option(help: "Power factor: 0.92, or 2026-04=0.92; may be given several times.") var powerFactor: [String] = []
    @Option(help: "Minutes without supply of a month: 2026-04=95.") var outageMinutes: [String] = []
    @Option(help: "Minutes of bad voltage of a month: 2026-04=30.") var voltageMinutes: [String] = []
    @Option(help: "Last day of the contract.") var contractTo: String?
    @Option(help: "Last day when it is left earlier.") var leavesOn: String?
    @Flag(help: "Draw the price sheet of the tariff; takes no load.") var sheet = false
    @Option(help: "Zone of the load file's days.") var zone = "Asia/Kolkata"
    @Flag(help: "A JSON document a meter, money in minor units.") var json = false

    func run() async throws {
        try await leaving { console in
            var options = PriceFileOptions(tariffs: tariffs, load: load)
            (options.export, options.generation, options.prices) = (export, generation, prices)
            (options.apparent, options.calendars) = (apparent, calendars)
            (options.from, options.to, options.oneBill) = (from, to, oneBill)
            (options.contractedLoad, options.powerFactor) = (contractedLoad, powerFactor)
            (options.outageMinutes, options.voltageMinutes) = (outageMinutes, voltageMinutes)
            (options.contractTo, options.leavesOn) = (contractTo, leavesOn)
            (options.sheet, options.zone, options.json) = (sheet, zone, json)
            return try await priceFile(options, console)
        }
    }
}
