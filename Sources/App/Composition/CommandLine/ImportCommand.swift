// `busbar import FILE`: a file of readings becomes meter data through the same checks as a read; what is refused is
// kept aside. The same file again changes nothing.
import Access
import CivilTime
import Clocks
import Foundation
import IntervalData
import LoadFiles
import MeterData
import Meters
import SQL

/// What is said on the command line of the values of a file; words, to be checked.
public struct ImportReadingOptions: Sendable {
    /// Path of a JSON that says which column is what.
    public var mapping: String?
    public var unit: String?
    public var channel: String?
    public var multiplier: String?
    /// Name of the only meter of files that name none.
    public var meter: String?
    /// Values are cumulative registers.
    public var registers = false
    public var registerDigits: Int?
    /// `start` or `end`.
    public var stamps: String?
    /// Zone of stamps that name no offset.
    public var fileZone: String?
    public var periodMinutes: Int?
    public init() {}

    func parsed(_ map: MeterMap?) throws -> ReadingOptions {
        var options = ReadingOptions()
        func wrong(_ option: String, _ value: String, _ hint: String) -> Complaint {
            Complaint("--\(option) \(value.prefix(40))", hint: hint, .usage)
        }
        if let unit {
            guard let known = ReadingUnit(text: unit) else {
                throw wrong("unit", unit, "Units are \(ReadingUnit.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            options.unit = known
        }
        if let channel {
            guard let known = Channel(name: channel) else {
                throw wrong("channel", channel, "Channels are \(Channel.allCases.map(\.name).joined(separator: ", ")).")
            }
            options.channel = known
        }
        if let multiplier, !options.setMultiplier(multiplier) {
            throw wrong("multiplier", multiplier, "Give a positive decimal number such as 200 or 0.5.")
        }
        for (name, ratio) in map?.multipliers ?? [:] { _ = options.setMultiplier(ratio, ofMeter: name) }
        switch stamps {
        case nil: break
        case "start": options.stamps = .start
        case "end": options.stamps = .end
        case let other?: throw wrong("stamps", other, "Write start or end.")
        }
        options.stampZone = try fileZone.map { try knownZone($0, "--file-zone") }
        if let periodMinutes {
            guard (1...60).contains(periodMinutes), 60 % periodMinutes == 0 else {
                throw wrong("period", "\(periodMinutes)", "Give minutes that divide an hour.")
            }
            options.periodS = periodMinutes * 60
        }
        if let digits = registerDigits, !(1...15).contains(digits) {
            throw wrong("register-digits", "\(digits)", "Give 1 to 15.")
        }
        (options.meter, options.isRegister, options.registerDigits) = (meter, registers, registerDigits)
        return options
    }
}

public struct ImportOptions: Sendable {
    /// CSV, NEM12 or Green Button, plain or gzip.
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
    /// Unit, channel, registers and more, as the file itself does not say it.
    public var reading = ImportReadingOptions()
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
private struct ImportAnswer: Encodable {
    var file: String
    var dryRun: Bool
    var importID: String?
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
    var report: ReadingReport
}

/// Imports a file. `partly` when a row, a meter or a value was not taken.
public func importLoadFile(
    _ site: SiteOptions, _ options: ImportOptions, json: Bool = false, _ console: Console
) async throws -> CommandStatus {
    guard options.createMeters == (options.packFile != nil) else {
        throw Complaint(
            "--create-meters and --pack go together", hint: "New accounts need the packs they are charged by.", .usage)
    }
    let isThere = site.databaseURL != nil || FileManager.default.fileExists(atPath: site.folder + "/money.db")
    guard isThere || options.createMeters || options.dryRun else {
        throw Complaint(
            "\(site.folder) holds no installation",
            hint: "Check --data. A new one begins with `busbar org add \"…\"`, or with --create-meters and --pack.",
            .usage)
    }
    let packs = try options.packFile.map(readPacks)
    let map = try options.meters == "serial" ? nil : readMeterMap(options.meters)
    let reading = try options.reading.parsed(map)
    let mapping = try options.reading.mapping.map(readMapping)
    return try await withImportSite(site, dryRun: options.dryRun) { open in
        let progress = ProgressLine(console)
        let (org, isNew) = try await importOrg(open, options)
        var limits = LoadFileLimits.standard
        limits.bytes = options.bytesMax
        limits.refusedRows = 100_000
        let (file, sha256) = try readReadings(
            options.file, zone: org.zone, mapping: mapping, options: reading, limits: limits, progress: progress)
        guard file.refusedCount <= limits.refusedRows else {
            noteRefused(file.refused, count: file.refusedCount, console)
            throw Complaint(
                "\(options.file): \(file.refusedCount) bad rows are more than can be kept aside; nothing was taken",
                hint: "Mend the first ones shown above; they are likely all alike.", .problems)
        }
        let importer = ReadingImport(
            site: open.site, org: org, actor: .system(orgID: org.orgID), source: "cli")
        // A new company has no meters yet; its row is not even there.
        var plan = try await importer.plan(file, serials: map?.serials)
        let missing = options.createMeters ? plan.unknown : []
        if !options.createMeters { plan.refusals += ReadingImport.refusals(of: plan.unknown) }
        if !options.dryRun, let packs, isNew || !missing.isEmpty {
            plan.targets += try await createMeters(
                missing, shownName(options.file), packs, org, isNew: isNew, open.site)
        }
        let done = try await importer.run(
            file, name: shownName(options.file), sha256: sha256, plan: plan, isDry: options.dryRun
        ) { progress.at("imported \($0) meter-days") }
        let took = progress.end()
        let answer = answer(done, isDry: options.dryRun, file: shownName(options.file), missing: missing.count)
        noteRefusals(done.refusals, answer.file, console)
        if json { try console.say(json: answer) } else { say(answer, console) }
        console.note(options.dryRun ? "dry run: nothing was written, \(took)" : "done, \(took)")
        return done.isWhole ? .done : .partly
    }
}

private func answer(_ done: ReadingImportResult, isDry: Bool, file: String, missing: Int) -> ImportAnswer {
    let stored = done.report.stored ?? ReadingReport.Stored()
    return ImportAnswer(
        file: file, dryRun: isDry, importID: done.importID.map(String.init), rows: done.report.rows,
        values: done.report.values, roundedValues: done.report.rounded, meters: done.meters + (isDry ? missing : 0),
        newMeters: missing, meterDays: stored.meterDays, newVersions: stored.newVersions,
        heldValues: stored.heldValues, conflicts: stored.conflicts, refused: done.refusals.count, report: done.report)
}

private func noteRefusals(_ refusals: [ImportRefusal], _ file: String, _ console: Console) {
    for refusal in refusals.prefix(20) {
        // What is about no row (a meter of the file) says none.
        let place = refusal.row > 0 ? "\(file):\(refusal.row)" : file
        console.note("\(place): \(refusal.what), \(refusal.hint)")
    }
    if refusals.count > 20 {
        console.note("… and \(refusals.count - 20) more refused; all are kept in the database")
    }
}

private func say(_ answer: ImportAnswer, _ console: Console) {
    let report = answer.report
    let periods = Set(report.series.flatMap(\.periodMinutes)).sorted().map(String.init).joined(separator: " and ")
    console.say("\(answer.file): \(report.kind), \(periods) minutes, days of \(report.zone)")
    var rows = [
        ["rows", "\(answer.rows)"], ["values", "\(answer.values)"], ["rounded", "\(answer.roundedValues)"],
        ["meters", "\(answer.meters), \(answer.newMeters) of them new"],
        ["days", "\(report.from ?? "none") to \(report.to ?? "none")"],
    ]
    if report.registers > 0 { rows.append(["registers", "\(report.registers)"]) }
    if report.duplicates > 0 { rows.append(["the same again", "\(report.duplicates)"]) }
    let gaps = report.series.reduce(0) { $0 + $1.gaps }
    let missing = report.series.reduce(0) { $0 + $1.missing }
    let longest = report.series.map(\.longestGapMinutes).max() ?? 0
    rows.append(["gaps", gaps == 0 ? "none" : "\(gaps), \(missing) intervals, the longest \(longest / 60) h"])
    rows.append([
        "quality", report.quality.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "),
    ])
    if !report.senderCodes.isEmpty { rows.append(["quality by the sender", counted(report.senderCodes)]) }
    let negatives = report.series.reduce(0) { $0 + $1.negatives }
    if negatives > 0 { rows.append(["less than nought", "\(negatives)"]) }
    let registerDays = report.series.reduce(0) { $0 + $1.registerDays }
    if registerDays > 0 {
        let contradictions = report.series.reduce(0) { $0 + $1.registerContradictions }
        rows.append(["days against the register", "\(registerDays), \(contradictions) contradict it"])
    }
    if let shift = report.clockShifts.first {
        let days = report.clockShifts.count
        rows.append(["clock", "\(days) days look shifted, the first \(shift.day) by \(shift.minutes) min"])
    }
    if !answer.dryRun {
        rows += [
            ["meter-days", "\(answer.meterDays), \(answer.newVersions) with something new"],
            [
                "values held by the checks",
                "\(answer.heldValues)" + (report.stored?.heldBy.map { $0.isEmpty ? "" : ": \(counted($0))" } ?? ""),
            ],
            [
                "values that differ from stored ones",
                "\(answer.conflicts)\(answer.conflicts > 0 ? " (not taken)" : "")",
            ],
        ]
    }
    for line in table(rows + [["refused rows and meters", "\(answer.refused)"]]) { console.say("  " + line) }
    for note in report.notes.prefix(20) { console.say("  note: \(note)") }
}

/// `12 spike, 3 negative`: the most frequent first, at most twelve.
private func counted(_ counts: [String: Int]) -> String {
    let all = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let rest = all.count > 12 ? ["\(all.count - 12) more kinds"] : []
    return (all.prefix(12).map { "\($0.value) \($0.key)" } + rest).joined(separator: ", ")
}

private func readMapping(_ path: String) throws -> ColumnMapping {
    let bytes = try readFile(path, limit: 1_000_000)
    do {
        return try JSONDecoder().decode(ColumnMapping.self, from: Data(bytes))
    } catch {
        throw Complaint(
            "\(path): not a mapping of columns", hint: "See docs/import.md: format, stamp and values must be there.",
            .problems)
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

/// The company the file is for; with `--create-meters` one that is not there yet.
private func importOrg(_ open: OpenSite, _ options: ImportOptions) async throws -> (org: Org, isNew: Bool) {
    let zone = try options.zone.map { try knownZone($0) }
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
