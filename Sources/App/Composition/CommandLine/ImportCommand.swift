// `busbar import FILE`: a load file becomes meter data through the same checks as a read; what is refused is kept
// aside.
// The same file again changes nothing.
import Access
import CivilTime
import Clocks
import Foundation
import LoadFiles
import MeterData
import Meters
import SQL

public struct ImportOptions: Sendable {
    /// Wide or long CSV, plain or gzip.
    public var file: String
    /// `serial`: names in the file are serial numbers. Otherwise the path of a CSV of name and serial.
    public var meters: String
    /// Nil: that of the company, or Asia/Kolkata for a new one.
    public var zone: String?
    public var orgID: Int64?
    public var dryRun: Bool
    /// Adds a meter and an account for every name without one, and a company when there is none.
    public var createMeters: Bool
    /// With `createMeters`: the packs new accounts hold.
    public var packFile: String?
    /// Most bytes of the file, packed and unpacked.
    public var bytesMax = LoadFileLimits.standard.bytes
    public init(
        file: String, meters: String = "serial", zone: String? = nil, orgID: Int64? = nil, dryRun: Bool = false,
        createMeters: Bool = false, packFile: String? = nil
    ) {
        self.file = file
        self.meters = meters
        self.zone = zone
        self.orgID = orgID
        self.dryRun = dryRun
        self.createMeters = createMeters
        self.packFile = packFile
    }
}

/// What an import did, for `--json`.
private struct ImportReport: Encodable {
    var file: String
    var dryRun: Bool
    var rows: Int
    var values: Int
    var roundedValues: Int
    var meters: Int
    var newMeters: Int
    var meterDays: Int
    var newVersions: Int
    var heldValues: Int
    var conflicts: Int
    var refused: Int
}

/// Imports a file. `partly` when a row, a meter or a value was not taken.
public func importLoadFile(
    _ site: SiteOptions, _ options: ImportOptions, json: Bool = false, _ console: Console
) async throws -> CommandStatus {
    guard options.createMeters == (options.packFile != nil) else {
        throw Complaint(
            "--create-meters and --pack go together", hint: "New accounts need the packs they are charged by.", .usage)
    }
    let packs = try options.packFile.map(readPacks)
    let serials = try options.meters == "serial" ? nil : readMeterMap(options.meters)
    return try await withImportSite(site, dryRun: options.dryRun) { open in
        let progress = ProgressLine(console)
        let (org, isNew) = try await importOrg(open, options)
        var limits = LoadFileLimits.standard
        limits.bytes = options.bytesMax
        limits.refusedRows = 100_000
        let read = try readLoadFile(options.file, zone: org.zone, limits: limits, progress: progress)
        let file = read.load
        guard file.refusedCount <= limits.refusedRows else {
            noteRefused(file.refused, count: file.refusedCount, console)
            throw Complaint(
                "\(options.file): \(file.refusedCount) bad rows are more than can be kept aside; nothing was taken",
                hint: "Mend the first ones shown above; they are likely all alike.", .problems)
        }
        var plan = try await planImport(file, serials: serials, org, isNew: isNew, creates: options.createMeters, open)
        let refusals =
            file.refused.map { ImportRefusal(row: $0.row, what: $0.what, hint: $0.hint, text: $0.text) } + plan.refusals
        var counts = ImportCounts()
        if !options.dryRun {
            if let packs, isNew || !plan.missing.isEmpty {
                plan.targets += try await createMeters(plan.missing, file, packs, org, isNew: isNew, open.site)
            }
            let importID = try await note(file, read.sha256, refusals, org, open.site)
            let total = plan.targets.reduce(0) { $0 + file.days($1.column).count }
            counts = try await Importer(site: open.site, org: org).run(
                file, targets: plan.targets, importID: importID
            ) { progress.at("imported \($0) of \(total) meter-days") }
            let nowMs = open.site.clocks.businessNowMs()
            try await open.site.money.write {
                try ImportRun.finish(importID, nowMs: nowMs, orgID: org.orgID, in: $0)
            }
        }
        let took = progress.end()
        for refusal in refusals.prefix(20) {
            console.note("\(file.file):\(refusal.row): \(refusal.what), \(refusal.hint)")
        }
        if refusals.count > 20 {
            console.note("… and \(refusals.count - 20) more refused; all are kept in the database")
        }
        let report = ImportReport(
            file: file.file, dryRun: options.dryRun, rows: file.rowCount, values: file.valueCount,
            roundedValues: file.roundedCount, meters: plan.targets.count + (options.dryRun ? plan.missing.count : 0),
            newMeters: plan.missing.count, meterDays: counts.meterDays, newVersions: counts.newVersions,
            heldValues: counts.heldValues, conflicts: counts.conflicts, refused: refusals.count)
        if json { try console.say(json: report) } else { say(report, file, console) }
        console.note(options.dryRun ? "dry run: nothing was written, \(took)" : "done, \(took)")
        return refusals.isEmpty && counts.conflicts == 0 ? .done : .partly
    }
}

/// A dry run where nothing is yet makes nothing: it looks at an empty site of its own.
private func withImportSite<Value>(
    _ site: SiteOptions, dryRun: Bool, _ body: (OpenSite) async throws -> Value
) async throws -> Value {
    guard dryRun else { return try await withSite(site, body) }
    guard site.databaseURL == nil, !FileManager.default.fileExists(atPath: site.folder + "/money.db") else {
        return try await closing(OpenSite.look(site), body)
    }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-dry-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await withSite(SiteOptions(folder: folder), body)
}

private func say(_ report: ImportReport, _ file: LoadFile, _ console: Console) {
    console.say(
        "\(report.file): \(file.layout.rawValue), \(file.periodS / 60) minutes, days of \(file.zone.identifier)")
    var rows = [
        ["rows", "\(report.rows)"], ["values", "\(report.values)"], ["rounded to whole Wh", "\(report.roundedValues)"],
        ["meters", "\(report.meters), \(report.newMeters) of them new"],
    ]
    if !report.dryRun {
        rows += [
            ["meter-days", "\(report.meterDays), \(report.newVersions) with something new"],
            ["values held by the checks", "\(report.heldValues)"],
            [
                "values that differ from stored ones",
                "\(report.conflicts)\(report.conflicts > 0 ? " (not taken)" : "")",
            ],
        ]
    }
    for line in table(rows + [["refused rows and meters", "\(report.refused)"]]) { console.say("  " + line) }
}

/// The company the file is for; with `--create-meters` one that is not there yet.
private func importOrg(_ open: OpenSite, _ options: ImportOptions) async throws -> (org: Org, isNew: Bool) {
    let zone = try options.zone.map(knownZone)
    if options.createMeters, options.orgID == nil, try await open.orgs().isEmpty {
        return (Org(orgID: 1, name: "My company", zone: zone ?? .india), true)
    }
    let org = try await open.org(options.orgID)
    guard zone == nil || zone == org.zone else {
        throw Complaint(
            "--zone \(options.zone ?? ""): the days of \(org.name) are those of \(org.zone.identifier)",
            hint: "Leave --zone out; stamps of another zone must name their offset (…Z or …+01:00).", .usage)
    }
    return (org, false)
}

private func note(
    _ file: LoadFile, _ sha256: [UInt8], _ refusals: [ImportRefusal], _ org: Org, _ site: Site
) async throws -> Int64 {
    try await site.perform(
        BeginImport(
            file: file.file, sha256: sha256, rowCount: file.rowCount, valueCount: file.valueCount,
            refusals: refusals), as: .system(orgID: org.orgID), source: "cli")
}

/// Notes the file before the first of its values is taken; the same file again is the same run.
private struct BeginImport: Command {
    static let name = "readings.import"
    static let permissions: [Permission] = [.importReadings]

    var file: String
    var sha256: [UInt8]
    var rowCount: Int
    var valueCount: Int
    var refusals: [ImportRefusal]

    var key: String? { nil }
    var subjectID: Int64 { 0 }
    /// Without the file's name, which may be a person's.
    var content: String {
        "sha256=\(Secret.hex(sha256)) rows=\(rowCount) values=\(valueCount) refused=\(refusals.count)"
    }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let importID = try ImportRun.begin(
            file: file, fileSHA256: sha256, rowCount: rowCount, valueCount: valueCount, refusals: refusals,
            newID: context.ids.next(), nowMs: context.businessNowMs, orgID: context.orgID, in: transaction)
        context.changed(.company, "import \(importID)", from: nil, to: "\(rowCount) rows")
        return importID
    }
}
