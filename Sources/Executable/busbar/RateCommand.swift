// `busbar rate`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct RateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate", abstract: "Prices a load file, or what changed in an installation.",
        discussion: """
            With a load file and --packs: prints paise by component for each meter and day; no database is touched.
            Without a load file: runs the rating job on --data now and prints what was charged and the trial balance.
            Exit codes: 0 done, 1 the book does not balance or the input is refused, 2 wrong call, 3 rows were refused.
            """)

    @Argument(help: "The load file; leave it out to rate an installation.") var file: String?
    @Option(help: "Rate file (JSON) to price the load file with.") var packs: String?
    @Option(help: "Zone of the load file's days.") var zone = "Asia/Kolkata"
    @Option(parsing: .unconditional, help: "Only the first so many meters of the load file.") var meters: Int?
    @Flag(help: "In an installation: first fill gaps, as the nightly job does.") var estimate = false
    @Flag(help: "JSON lines.") var json = false
    @OptionGroup var org: OrgOption
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving { console in
            guard let file else {
                guard packs == nil else {
                    throw Complaint(
                        "--packs prices a load file and none is given", hint: "busbar rate LOADFILE --packs FILE",
                        .usage)
                }
                return try await rateSite(
                    shared.site, RateSiteOptions(orgID: org.orgID, estimate: estimate, json: json), console)
            }
            guard let packs else {
                throw Complaint(
                    "a load file takes --packs", hint: "busbar rate \(file) --packs packs.json", .usage)
            }
            return try await rateFile(
                RateFileOptions(loadFile: file, packsFile: packs, zone: zone, meters: meters, json: json), console)
        }
    }
}
