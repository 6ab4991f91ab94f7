// `busbar hes export` and `busbar hes import`: messages of IEC 61968-9 in files. Files of any size: neither is ever
// held whole in memory. What the document says is Exchange's business.
import Access
import CivilTime
import Clocks
import Compression
import Exchange
import Foundation
import HeadEnd
import IEC61968
import Meters
import SQL

public struct ExchangeExportOptions: Sendable {
    /// `readings`, `events` or `controls`.
    public var kind: String
    public var from: String
    public var to: String
    /// Serial number.
    public var meter: String?
    /// Id of a place.
    public var place: Int64?
    /// `xml` or `json`.
    public var format: String
    public var out: String
    public init(
        kind: String, from: String, to: String, meter: String? = nil, place: Int64? = nil, format: String = "xml",
        out: String
    ) {
        (self.kind, self.from, self.to, self.meter) = (kind, from, to, meter)
        (self.place, self.format, self.out) = (place, format, out)
    }
}

private struct ExportReport: Encodable {
    var file: String
    var items: Int
    var bytes: Int
}

/// Writes one document. The file is there whole or not at all: it gets its name when it is finished.
public func exportMessages(
    _ site: SiteOptions, orgID: Int64?, _ options: ExchangeExportOptions, json: Bool = false, _ console: Console
) async throws -> CommandStatus {
    guard let kind = ExportKind(rawValue: options.kind) else {
        throw Complaint("--kind \(options.kind): unknown", hint: "Give readings, events or controls.", .usage)
    }
    let format = try knownFormat(options.format)
    guard let from = CivilDay(options.from), let to = CivilDay(options.to) else {
        throw Complaint("--from and --to take days", hint: "Write them as 2026-11-20.", .usage)
    }
    return try await withSite(site) { open in
        let progress = ProgressLine(console)
        let org = try await open.org(orgID)
        let exchange = Exchange(site: open.site, org: org, actor: .system(orgID: org.orgID), via: "cli")
        let meterID = try await options.meter.asyncMap { serial in
            let found = try await open.site.money.read {
                try Meter.find(serial: serial, Scope(orgID: org.orgID), in: $0)
            }
            guard let found else {
                throw Complaint("there is no meter \(serial)", hint: "`busbar meter list` shows them.", .problems)
            }
            return found.meterID
        }
        let range = try ExportRange(from: from, to: to, meterID: meterID, placeID: options.place, daysMax: 3_700)
        let part = options.out + ".part"
        guard FileManager.default.createFile(atPath: part, contents: nil),
            let file = FileHandle(forWritingAtPath: part)
        else { throw Complaint("\(part) cannot be written", hint: "Check the folder and who owns it.", .problems) }
        let written = Written()
        do {
            let items = try await exchange.whole(kind, range, format) { bytes in
                try file.write(contentsOf: Data(bytes))
                written.count += bytes.count
                progress.at("wrote \(written.count / 1_000_000) MB")
            }
            try file.close()
            guard rename(part, options.out) == 0 else {
                throw Complaint(
                    "\(options.out) cannot be written", hint: "Check the folder and who owns it.", .problems)
            }
            let took = progress.end()
            if json {
                try console.say(json: ExportReport(file: options.out, items: items, bytes: written.count))
            } else {
                console.say("\(options.out): \(items) \(kind.rawValue), \(written.count) bytes")
            }
            console.note("done, \(took)")
            return .done
        } catch {
            try? file.close()
            try? FileManager.default.removeItem(atPath: part)
            throw error
        }
    }
}

/// Counts within one task.
private final class Written {
    var count = 0
}

extension Optional {
    fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async rethrows -> Value? {
        guard let self else { return nil }
        return try await body(self)
    }
}

private func knownFormat(_ name: String) throws -> MessageFormat {
    guard let format = MessageFormat(rawValue: name) else {
        throw Complaint("--format \(name): unknown", hint: "Give xml or json.", .usage)
    }
    return format
}

private struct TakeSummary: Encodable {
    var file: String
    var known: Bool
    var meters: Int
    var readings: Int
    var newReadings: Int
    var knownReadings: Int
    var registers: Int
    var events: Int
    var newEvents: Int
    var orders: Int
    var skipped: Int
    var refused: Int
}

/// Takes a document, plain or gzip, XML or JSON. `partly` when something of it was set aside.
public func importMessages(
    _ site: SiteOptions, orgID: Int64?, path: String, reply: String? = nil, json: Bool = false, _ console: Console
) async throws -> CommandStatus {
    let source = try messageFile(path)
    guard let first = try source.open()(), let format = MessageFormat.of(first) else {
        throw Complaint(
            "\(path) is neither XML nor JSON", hint: "Give a document of IEC 61968-9, plain or gzip.", .problems)
    }
    return try await withSite(site) { open in
        let progress = ProgressLine(console)
        let org = try await open.org(orgID)
        let exchange = Exchange(site: open.site, org: org, actor: .system(orgID: org.orgID), via: "cli")
        let report: TakeReport
        do {
            report = try await exchange.take(source, format, kind: .everything)
        } catch let error as DocumentError {
            throw Complaint(
                "\(source.name):\(error.line): \(error.what)",
                hint: error.hint.isEmpty ? "Nothing of the document was taken." : "\(error.hint).", .problems)
        }
        let took = progress.end()
        for refusal in report.refusals.prefix(20) {
            let subject = refusal.subject.map { "meter \($0): " } ?? ""
            console.note("\(source.name):\(refusal.line): \(subject)\(refusal.what)")
        }
        if report.refusedCount > 20 {
            console.note("… and \(report.refusedCount - 20) more; the first \(Exchange.refusalsKept) are kept")
        }
        if let reply {
            let bytes = exchange.reply(to: report, format)
            guard FileManager.default.createFile(atPath: reply, contents: Data(bytes)) else {
                throw Complaint("\(reply) cannot be written", hint: "Check the folder and who owns it.", .problems)
            }
        }
        let counts = report.counts
        let summary = TakeSummary(
            file: source.name, known: report.isKnown, meters: counts.meters, readings: counts.readings,
            newReadings: counts.newReadings, knownReadings: counts.knownReadings,
            registers: counts.registers, events: counts.events,
            newEvents: counts.newEvents, orders: counts.orders, skipped: counts.skipped, refused: report.refusedCount)
        if json { try console.say(json: summary) } else { say(summary, console) }
        console.note("done, \(took)")
        return report.refusedCount == 0 ? .done : .partly
    }
}

private func say(_ summary: TakeSummary, _ console: Console) {
    console.say("\(summary.file)\(summary.known ? ": taken before, nothing changed" : "")")
    let rows = [
        ["meters", "\(summary.meters)"],
        ["interval values", "\(summary.readings), \(summary.newReadings) of them new"],
        ["registers", "\(summary.registers)"],
        ["events", "\(summary.events), \(summary.newEvents) of them new"], ["orders", "\(summary.orders)"],
        ["unknown parts skipped", "\(summary.skipped)"], ["set aside", "\(summary.refused)"],
    ]
    for line in table(rows) { console.say("  " + line) }
}

/// A file as a source of pieces, unpacked when it is gzip.
/// - Throws: ``Complaint`` when it cannot be read.
func messageFile(_ path: String) throws -> DocumentSource {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
        throw Complaint("\(path): there is no such file", hint: "Check the path.", .usage)
    }
    let name = shownName(path)
    return DocumentSource(name: name) {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Complaint("\(path) cannot be read", hint: "Check who may read it.", .problems)
        }
        func read() throws -> [UInt8]? {
            let data = try file.read(upToCount: 1 << 18)
            return data.flatMap { $0.isEmpty ? nil : [UInt8]($0) }
        }
        guard let first = try read() else { return { nil } }
        return Gzip.looksCompressed(first) ? try unpacking(first, read) : pieces(first, read)
    }
}

private func pieces(_ first: [UInt8], _ read: @escaping () throws -> [UInt8]?) -> () throws -> [UInt8]? {
    var next: [UInt8]? = first
    return {
        if let held = next {
            next = nil
            return held
        }
        return try read()
    }
}

private func unpacking(_ first: [UInt8], _ read: @escaping () throws -> [UInt8]?) throws -> () throws -> [UInt8]? {
    let gunzip = try Gunzip()
    let packed = pieces(first, read)
    var bytes: [UInt8] = []
    var at = 0
    var ready: [[UInt8]] = []
    return {
        // Small bites, so that a bomb meets the limits of the reader before it fills the memory.
        while ready.isEmpty {
            if at == bytes.count {
                guard let more = try packed() else {
                    try gunzip.finish()
                    return nil
                }
                (bytes, at) = (more, 0)
            }
            let end = min(bytes.count, at + 4_096)
            try gunzip.expand(Array(bytes[at..<end])) { ready.append($0) }
            at = end
            ready.reverse()
        }
        return ready.removeLast()
    }
}
