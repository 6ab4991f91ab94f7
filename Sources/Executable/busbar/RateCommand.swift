// `busbar rate`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

struct RateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate", abstract: "Prices a load file, or what changed in an installation.",
        discussion: """
            With a load file and --packs: prints paise by component for each meter and day; no database is touched.
            Without a load file: runs the rating job on --data now and prints what was charged and the trial balance.
            With --dry-run: prints what would change, of what is new or of --from to --to, and changes nothing.
            With --again: prices --from to --to once more; what comes out the same is not posted again. With
            --carry-out RUN: carries out that dry run, if its inputs have not changed since.
            Exit codes: 0 done, 1 the book does not balance or the input is refused, 2 wrong call, 3 rows were refused.
            """)

    @Argument(help: "The load file; leave it out to rate an installation.") var file: String?
    @Option(help: "Rate file (JSON) to price the load file with.") var packs: String?
    @Option(help: "Zone of the load file's days.") var zone = "Asia/Kolkata"
    @Option(parsing: .unconditional, help: "Only the first so many meters of the load file.") var meters: Int?
    @Flag(help: "In an installation: first fill gaps, as the nightly job does.") var estimate = false
    @Flag(help: "Change nothing; tell what would change.") var dryRun = false
    @Flag(help: "Price days once more; needs --from and --reason.") var again = false
    @Option(help: "Carry out the dry run of this number; needs --reason.") var carryOut: Int64?
    @Option(help: "First day.") var from: String?
    @Option(help: "Last day; the first when not given.") var to: String?
    @Option(help: "Only the account of this number.") var account: String?
    @Option(help: "Only accounts that held this pack.") var pack: String?
    @Option(help: "Why days are priced once more.") var reason = ""
    @Flag(help: "JSON lines.") var json = false
    @OptionGroup var org: OrgOption
    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await leaving { console in
            if dryRun || again || carryOut != nil {
                guard file == nil, [dryRun, again, carryOut != nil].count(where: { $0 }) == 1 else {
                    throw Complaint(
                        "one of --dry-run, --again and --carry-out, without a load file", hint: "busbar rate --dry-run",
                        .usage)
                }
                return try await rateRun(
                    shared.site,
                    RateRunOptions(
                        orgID: org.orgID, isTrial: dryRun, from: from, to: to, accountNumber: account, packID: pack,
                        reason: reason, trialID: carryOut, json: json), console)
            }
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
