// `busbar reliability --in FILE`: the indices of a list of outages, without a database. The independent calculation
// oracles/reliability_oracle.py prints the same document.
import CivilTime
import Compression
import Foundation
import Reliability

public struct ReliabilityOptions: Sendable {
    public var file: String
    /// Customers served; nil leaves every index by customer undefined.
    public var customers: Int64?
    /// `YYYY-MM-DD`; nil: from the first outage, to the end of the last.
    public var from: String?
    public var to: String?
    public var momentaryMaxMinutes: Int64
    public var zone: String
    public var json: Bool
    public init(
        file: String, customers: Int64?, from: String?, to: String?, momentaryMaxMinutes: Int64, zone: String,
        json: Bool
    ) {
        self.file = file
        self.customers = customers
        self.from = from
        self.to = to
        self.momentaryMaxMinutes = momentaryMaxMinutes
        self.zone = zone
        self.json = json
    }
}

/// A figure as it is written: millionths of the unit that the name says.
struct FigureDocument: Encodable, Equatable {
    var low: Int64?
    var likely: Int64?
    var high: Int64?
    init(_ figure: Figure) { (low, likely, high) = (figure.low, figure.likely, figure.high) }

    private enum CodingKeys: String, CodingKey { case low, likely, high }
    /// What is undefined is written as null, not left out.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(low, forKey: .low)
        try container.encode(likely, forKey: .likely)
        try container.encode(high, forKey: .high)
    }
}

/// The indices of one part of the outages.
struct IndicesDocument: Encodable {
    var sustainedEvents: Int
    var momentaryEvents: Int
    var saidiMicroMinutes: FigureDocument
    var saifiPPM: FigureDocument
    var caidiMicroMinutes: FigureDocument
    var maifiPPM: FigureDocument
    var maifiEPPM: FigureDocument
    var asaiPPM: FigureDocument
    /// Bounded by what is known of customers × seconds.
    var customerSecondsLow: Int64
    var customerSecondsLikely: Int64
    var customerSecondsHigh: Int64
    var interruptionsLow: Int64
    var interruptionsLikely: Int64
    var interruptionsHigh: Int64

    init(_ indices: ReliabilityIndices) {
        sustainedEvents = indices.sustainedEvents
        momentaryEvents = indices.momentaryEvents
        saidiMicroMinutes = FigureDocument(indices.saidi)
        saifiPPM = FigureDocument(indices.saifi)
        caidiMicroMinutes = FigureDocument(indices.caidi)
        maifiPPM = FigureDocument(indices.maifi)
        maifiEPPM = FigureDocument(indices.maifiE)
        asaiPPM = FigureDocument(indices.asai)
        customerSecondsLow = indices.customerSeconds.low
        customerSecondsLikely = indices.customerSeconds.likely
        customerSecondsHigh = indices.customerSeconds.high
        interruptionsLow = indices.interruptions.low
        interruptionsLikely = indices.interruptions.likely
        interruptionsHigh = indices.interruptions.high
    }
}

struct ReliabilityDocument: Encodable {
    struct Part: Encodable {
        var from: String
        var to: String
        var all: IndicesDocument
        var withoutMajor: IndicesDocument
        var planned: IndicesDocument
    }
    struct Threshold: Encodable {
        var days: Int
        var from: String
        var to: String
        var alphaPPM: Int64
        var betaPPM: Int64
        var microMinutes: Int64
    }
    var customers: Int64?
    var momentaryMaxS: Int64
    var zone: String
    var outages: Int
    var refused: Int
    var censoredEnds: Int
    var vagueCustomers: Int
    var ambiguousStarts: Int
    var open: Int
    var threshold: Threshold?
    var majorDays: [String]
    var months: [Part]
    var whole: Part
}

private func unpacked(_ bytes: [UInt8], _ path: String) throws -> [UInt8] {
    guard Gzip.looksCompressed(bytes) else { return bytes }
    do {
        return try Gzip.decompress(bytes, limit: 1_000_000_000)
    } catch {
        throw Complaint("\(path): \(error.description)", hint: "Bring the file again, whole.", .problems)
    }
}

/// Says the indices by month and of the whole, and notes what is not known exactly.
public func reliabilityOfFile(_ options: ReliabilityOptions, _ console: Console) throws -> CommandStatus {
    let zone = try knownZone(options.zone)
    guard (1...60).contains(options.momentaryMaxMinutes) else {
        throw Complaint(
            "--threshold-min \(options.momentaryMaxMinutes): 1 to 60", hint: "5 is usual, 3 in some Indian states.",
            .usage)
    }
    guard (1...1_000_000_000).contains(options.customers ?? 1) else {
        throw Complaint(
            "--customers \(options.customers ?? 0): 1 to 1000000000", hint: "Leave it out if unknown.", .usage)
    }
    func day(_ text: String?, _ name: String) throws -> CivilDay? {
        guard let text else { return nil }
        guard let day = CivilDay(text) else {
            throw Complaint("--\(name) \(text): no day", hint: "Write YYYY-MM-DD.", .usage)
        }
        return day
    }
    let (from, to) = (try day(options.from, "from"), try day(options.to, "to"))
    let bytes = try readFile(options.file, limit: 500_000_000)
    let text = try unpacked(bytes, options.file)
    let file: OutageFile
    do {
        file = try OutageFile(text, zone: zone, openUntilS: to.map { zone.startS(of: $0.advanced(by: 1)) })
    } catch {
        throw Complaint("\(options.file): \(error.what)", hint: error.hint, .problems)
    }
    let interruptions = file.outages.map(\.interruption)
    guard let firstS = interruptions.map(\.startS).min(), let lastS = interruptions.map(\.endS).max() else {
        noteRefused(file, console)
        throw Complaint("\(options.file) holds no outage that can be read", hint: "See the notes.", .problems)
    }
    let (first, last) = (from ?? zone.day(atS: firstS), to ?? zone.day(atS: lastS))
    guard first <= last, first.days(to: last) <= 40_000 else {
        let hint =
            first <= last
            ? "Give --from and --to, at most 40000 days apart, or mend times that lie far from the others."
            : "--from comes before --to."
        throw Complaint("\(first) to \(last) is no span of days", hint: hint, .usage)
    }
    let rules = ReliabilityRules(momentaryMaxS: options.momentaryMaxMinutes * 60)
    let report = ReliabilityReport(interruptions, from: first, to: last, zone: zone, rules: rules) { _ in
        options.customers ?? 0
    }
    if options.json {
        try console.say(json: ReliabilityDocument(report, file, options))
    } else {
        sayTable(report, console)
    }
    note(report, file, options, console)
    return file.refused.isEmpty ? .done : .partly
}

extension ReliabilityDocument {
    init(_ report: ReliabilityReport, _ file: OutageFile, _ options: ReliabilityOptions) {
        customers = options.customers
        momentaryMaxS = options.momentaryMaxMinutes * 60
        zone = options.zone
        outages = file.outages.count
        refused = file.refused.count
        censoredEnds = file.censoredEnds
        vagueCustomers = file.vagueCustomers
        ambiguousStarts = file.ambiguousStarts
        open = file.open
        threshold = report.threshold.map {
            Threshold(
                days: $0.days, from: report.baseFrom.description, to: report.baseTo.description,
                alphaPPM: $0.alphaMillionths, betaPPM: $0.betaMillionths, microMinutes: $0.minutesMillionths)
        }
        majorDays = report.majorDays.map(\.day.description)
        months = report.months.map(Part.init)
        whole = Part(report.whole)
    }
}

extension ReliabilityDocument.Part {
    init(_ part: ReliabilityReport.Part) {
        self.init(
            from: part.from.description, to: part.to.description, all: IndicesDocument(part.all),
            withoutMajor: IndicesDocument(part.withoutMajor), planned: IndicesDocument(part.planned))
    }
}

private func sayTable(_ report: ReliabilityReport, _ console: Console) {
    let figures = ["saidi", "saifi", "caidi", "maifi", "maifiE", "asai"]
    console.say(
        (["from", "to", "part", "sustained", "momentary"] + figures.flatMap { [$0, $0 + "Low", $0 + "High"] })
            .joined(separator: ","))
    for part in report.months + [report.whole] {
        for (name, indices) in [
            ("all", part.all), ("withoutMajor", part.withoutMajor), ("planned", part.planned),
        ] {
            let figures = [
                indices.saidi, indices.saifi, indices.caidi, indices.maifi, indices.maifiE, indices.asai,
            ]
            let cells =
                [
                    part.from.description, part.to.description, name, String(indices.sustainedEvents),
                    String(indices.momentaryEvents),
                ] + figures.flatMap { [$0.likely, $0.low, $0.high].map(decimal) }
            console.say(cells.joined(separator: ","))
        }
    }
}

/// Millionths as a decimal with six places; empty for what is undefined.
func decimal(_ millionths: Int64?) -> String {
    guard let millionths else { return "" }
    let part = String(millionths.magnitude % 1_000_000)
    let zeros = String(repeating: "0", count: 6 - part.count)
    return "\(millionths < 0 ? "-" : "")\(millionths.magnitude / 1_000_000).\(zeros)\(part)"
}

private func noteRefused(_ file: OutageFile, _ console: Console) {
    for row in file.refused.prefix(20) { console.note("line \(row.line): \(row.what). \(row.hint)") }
    if file.refused.count > 20 { console.note("… and \(file.refused.count - 20) more rows refused") }
}

private func note(
    _ report: ReliabilityReport, _ file: OutageFile, _ options: ReliabilityOptions, _ console: Console
) {
    noteRefused(file, console)
    console.note(
        "\(file.outages.count) outages, \(report.whole.from) to \(report.whole.to), times of \(options.zone)")
    if options.customers == nil {
        console.note("--customers is not given: SAIDI, SAIFI, MAIFI, ASAI and major event days are undefined")
    }
    if file.censoredEnds > 0 {
        console.note(
            "\(file.censoredEnds) ends lie between two sightings: low and high bound them, the likely end is midway; "
                + "outages shorter than the pause between sightings are missing")
    }
    if file.vagueCustomers > 0 {
        console.note("\(file.vagueCustomers) outages have a vague number of customers: bounds hold, likely is midway")
    }
    if file.ambiguousStarts > 0 {
        console.note("\(file.ambiguousStarts) local times happened twice when clocks changed: both are in the bounds")
    }
    if file.open > 0 { console.note("\(file.open) outages have no end and are counted to the end of --to") }
    if let threshold = report.threshold {
        console.note(
            "major event days: above \(decimal(threshold.minutesMillionths)) minutes, from \(threshold.days) days of "
                + "this file; the standard takes the \(ReliabilityReport.baseYears) years before")
    }
}
