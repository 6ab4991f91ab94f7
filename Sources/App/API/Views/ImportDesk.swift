// Imports of files of readings as endpoints and pages work them: read away from the cooperative pool, looked at,
// stored, listed. The rules are MeterData's.
import Access
import CivilTime
import Clocks
import Cryptography
import IntervalData
import LoadFiles
import MeterData
import SQL

/// What is said of a file beside it, as it was typed: empty or nil where nothing was said.
public struct UploadOptions: Sendable, Equatable {
    public enum StampSide: String, Codable, Sendable, CaseIterable { case start, end }
    public var unit: String?
    public var channel: String?
    public var multiplier: String?
    /// Name of the only meter of a file that names none.
    public var meter: String?
    public var stamps: StampSide?
    /// Zone of stamps without an offset.
    public var zone: String?
    public init() {}

    /// - Throws: ``Refusal`` `invalid` at the field.
    func parsed() throws -> ReadingOptions {
        var options = ReadingOptions()
        options.unit = try unit.map { text in
            guard let unit = ReadingUnit(text: text) else {
                throw Refusal(.invalid, "There is no unit \(text).", hint: "Give kWh, Wh, kvarh, kW, V …", at: "unit")
            }
            return unit
        }
        options.channel = try channel.map(Self.channel)
        if let multiplier, !options.setMultiplier(multiplier) {
            throw Refusal(
                .invalid, "The multiplier is no positive decimal number.", hint: "Write it as 200 or 0.5.",
                at: "multiplier")
        }
        options.meter = meter
        options.stamps = stamps.map { $0 == .start ? .start : .end }
        options.stampZone = try zone.map { name in
            guard let zone = Zone(name) else {
                throw Refusal(
                    .invalid, "There is no zone \(name).", hint: "Give a name such as Asia/Kolkata or UTC.", at: "zone")
            }
            return zone
        }
        return options
    }

    static func channel(_ name: String) throws -> Channel {
        guard let channel = Channel(name: name) else {
            throw Refusal(
                .invalid, "There is no channel \(name).", hint: "Channels are importWh, exportWh, varhQ1 …",
                at: "channel")
        }
        return channel
    }
}

/// A file that was read and looked at; nothing of it is stored.
public struct LookedImport: Sendable {
    let file: ReadFile
    let plan: ReadingImportPlan
    let sha256: [UInt8]
    /// The clock findings included.
    public let report: ReadingReport
    /// Rows of the file and meters that are not known.
    public let refusals: [ImportRefusal]
    /// Meters of the file that are known.
    public var meters: Int { plan.targets.count }
}

public struct ImportDesk: Sendable {
    /// Bytes of an uploaded file; `busbar import` takes any size.
    public static let bytesMax = 32 << 20
    /// Rows of one file of refusals.
    public static let refusedMax = 10_000

    let site: Site
    let org: Org
    let actor: Actor
    let source: String

    /// Reading a file of millions of rows takes seconds of a core: one at a time, on a thread of its own.
    private static let reader = DatabaseThreads<Void>(
        name: "files", count: 1, queueLimit: 4, open: {}, close: { _ in })

    public static func of(_ site: Site, _ actor: Actor, address: String) async throws -> ImportDesk {
        let org = try await site.money.read { try Org.find(actor.scope.orgID, in: $0) }
        return ImportDesk(site: site, org: org, actor: actor, source: actor.source(address: address))
    }

    /// The list of imports and their reports are of the whole company; who is confined to places may bring files of
    /// his meters.
    /// - Throws: ``Refusal`` `notFound`.
    public func proveWhole() throws {
        guard actor.scope.isWholeCompany else {
            throw Refusal(.notFound, "There is no such import.", hint: "Ask somebody who sees the whole company.")
        }
    }

    private var importer: ReadingImport { ReadingImport(site: site, org: org, actor: actor, source: source) }

    /// Reads a file as it would be stored, without storing it.
    /// - Throws: ``Refusal``: `invalid` for options and files that cannot be read, at `body`; `unavailable` when too
    ///   many files are being read.
    public func look(_ bytes: [UInt8], name: String, _ options: UploadOptions) async throws -> LookedImport {
        let reading = try options.parsed()
        let (file, report): (ReadFile, ReadingReport)
        do {
            (file, report) = try await Self.reader.run { [org] _ in
                let file = try Self.parsed(bytes, name, reading, org.zone)
                return (file, ReadingImport.look(at: file))
            }
        } catch let error as SQLError where error.code == .busy {
            throw Refusal(.unavailable, "Too many files are being read now.", hint: "Try again in a minute.")
        }
        var plan = try await importer.plan(file)
        plan.refusals += ReadingImport.refusals(of: plan.unknown)
        let refusals = file.refused.map { ImportRefusal($0) } + plan.refusals
        return LookedImport(
            file: file, plan: plan, sha256: Hash.sha256(bytes), report: report, refusals: refusals)
    }

    private static func parsed(
        _ bytes: [UInt8], _ name: String, _ options: ReadingOptions, _ zone: Zone
    ) throws -> ReadFile {
        var limits = LoadFileLimits.standard
        limits.bytes = bytesMax * 10
        limits.rows = 5_000_000
        limits.slots = 20_000_000
        func read(_ mapping: ColumnMapping?) throws -> ReadFile {
            var parser = ReadingFileParser(file: name, zone: zone, mapping: mapping, options: options, limits: limits)
            try parser.feed(bytes)
            return try parser.finish()
        }
        do {
            let mapping: ColumnMapping
            // What was read first goes before the file is read again: both need much memory.
            do {
                let file = try read(nil)
                guard let dayByDay = file.dayByDay else { return file }
                mapping = dayByDay
            }
            return try read(mapping)
        } catch let error as LoadFileError {
            throw Refusal(.invalid, "\(error.place): \(error.what)", hint: error.hint, at: "body")
        }
    }

    /// Stores what was looked at. The same file again is the same import and changes nothing.
    public func store(_ looked: LookedImport, name: String) async throws -> ReadingImportResult {
        try await importer.run(
            looked.file, name: name, sha256: looked.sha256, plan: looked.plan, report: looked.report)
    }

    /// Newest first.
    /// - Returns: where the next part begins, nil at the end.
    public func list(before: Int64?, limit: Int) async throws -> (items: [ImportRun], next: Int64?) {
        try proveWhole()
        let runs = try await site.money.read { [org] transaction in
            try ImportRun.latest(before: before ?? .max, limit: limit + 1, orgID: org.orgID, in: transaction)
        }
        let shown = Array(runs.prefix(limit))
        return (shown, runs.count > limit ? shown.last?.importID : nil)
    }

    public func find(_ importID: Int64) async throws -> ImportRun {
        try proveWhole()
        return try await site.money.read { [org] in try ImportRun.find(importID, orgID: org.orgID, in: $0) }
    }

    /// What an import refused after a line of its list, at most so many.
    public func refusals(of importID: Int64, after: Int64, limit: Int) async throws -> [ImportRefusal] {
        try proveWhole()
        return try await site.money.read { [org] transaction in
            _ = try ImportRun.find(importID, orgID: org.orgID, in: transaction)
            return try ImportRun.refusals(
                of: importID, after: after, limit: limit, orgID: org.orgID, in: transaction)
        }
    }

    /// The same as a file, at most ``refusedMax`` rows.
    public func refusedCSV(of importID: Int64, after: Int64) async throws -> String {
        var text = "number,row,what,hint,text\r\n"
        for (index, one) in try await refusals(of: importID, after: after, limit: Self.refusedMax).enumerated() {
            let cells = [one.what, one.hint, one.text].map(Self.cell).joined(separator: ",")
            text += "\(after + Int64(index) + 1),\(one.row),\(cells)\r\n"
        }
        return text
    }

    /// A cell of CSV; what a spreadsheet would run as a formula is made text.
    private static func cell(_ text: String) -> String {
        let safe = text.first.map { "=+-@\t".contains($0) } == true ? "'" + text : text
        return "\"" + safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
