// Files of readings over HTTP: uploads, the list of imports, their reports and what they refused; and one reading
// typed in by a person. The rules are MeterData's.
import Access
import CivilTime
import Clocks
import Cryptography
import Foundation
import IntervalData
import LoadFiles
import MeterData
import Meters
import SQL

struct ImportsQuery: APIModel {
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "before": Note("The `next` of the part before; without it the newest come."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct ImportView: APIModel {
    var importID: ID
    var file: String
    var kind: String?
    var source: String?
    var rows: Int64
    var values: Int64
    var refused: Int64
    var startedAtMs: Int64
    var finishedAtMs: Int64?
    static let notes: [String: Note] = [
        "importID": Note("The import."), "file": Note("The file's name as it was given."),
        "kind": Note("csv, mapped-csv, nem12, green-button or manual; absent for old imports."),
        "source": Note("The door it came through."), "rows": Note("Rows of the file, refused ones included."),
        "values": Note("Values and registers taken from it."), "refused": Note("Rows, meters and values set aside."),
        "startedAtMs": Note("When, business time."), "finishedAtMs": Note("Absent while it runs or was interrupted."),
    ]
    init(_ run: ImportRun) {
        (importID, file, kind, source) = (ID(run.importID), run.file, run.kind, run.source)
        (rows, values, refused) = (run.rowCount, run.valueCount, run.refusedCount)
        (startedAtMs, finishedAtMs) = (run.startedAtMs, run.finishedAtMs)
    }
}

struct ImportList: APIModel {
    var items: [ImportView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first."), "next": Note("Send it as `before` to go on; absent at the end."),
    ]
}

struct ImportPath: APIModel {
    var importID: ID
    static let notes: [String: Note] = ["importID": Note("The import.")]
}

struct RefusedQuery: APIModel {
    var importID: ID
    var after: Int?
    static let notes: [String: Note] = [
        "importID": Note("The import."),
        "after": Note("The last `number` seen: what follows it, 10,000 at most.", range: 0...1_000_000_000),
    ]
}

struct UploadQuery: APIModel {
    var name: String
    var unit: String?
    var channel: String?
    var multiplier: String?
    var meter: String?
    var stamps: UploadOptions.StampSide?
    var zone: String?
    static let notes: [String: Note] = [
        "name": Note("The file's name, for the list.", length: 1...200),
        "unit": Note("What the values are in where the file does not say: kWh, Wh, kvarh, kW, V …", length: 1...10),
        "channel": Note("Channel of all values, such as exportWh.", length: 1...30),
        "multiplier": Note("Multiplies every value: a positive decimal number.", length: 1...20),
        "meter": Note("Name of the only meter of a file that names none.", length: 1...100),
        "stamps": Note("Whether stamps name the start or the end of their interval."),
        "zone": Note("Zone of stamps without an offset, where it is not that of the company.", length: 1...60),
    ]
}

struct ManualReading: APIModel {
    enum Kind: String, Codable, CaseIterable { case register, interval }
    var meterID: ID
    var kind: Kind
    var channel: String?
    var atMs: Int64
    var minutes: Int?
    var value: Int64
    var reason: String
    static let notes: [String: Note] = [
        "meterID": Note("The meter."), "kind": Note("A cumulative register, or the amount of an interval."),
        "channel": Note("importWh when not given.", length: 1...30),
        "atMs": Note("When the register was read, or the interval began.", range: 0...4_102_444_800_000),
        "minutes": Note("Length of the interval; that of the meter when not given.", range: 1...60),
        "value": Note("In the unit of the channel: Wh, varh, mV …", range: 0...1_000_000_000_000),
        "reason": Note("Why it is typed in, for the trail.", length: 3...300),
    ]
    static let example = ManualReading(
        meterID: ID(1001), kind: .register, channel: nil, atMs: 1_795_113_000_000, minutes: nil, value: 4_218_306,
        reason: "read on site, the meter does not answer")
}

struct ManualReadingView: APIModel {
    var importID: ID
    var isNew: Bool
    var isHeld: Bool
    static let notes: [String: Note] = [
        "importID": Note("Under which it stands in the list of imports."),
        "isNew": Note("False when the same was there already."), "isHeld": Note("The checks hold it back."),
    ]
}

extension EndpointContext {
    private func importer(_ madeBy: String) async throws -> (ReadingImport, Org) {
        let actor = try actor
        let org = try await services.site.money.read { try Org.find(actor.scope.orgID, in: $0) }
        let source = actor.source(address: call.remoteAddress)
        return (
            ReadingImport(site: services.site, org: org, actor: actor, source: source, madeBy: madeBy), org
        )
    }

    fileprivate func imports() async throws -> ImportDesk {
        try await ImportDesk.of(services.site, try actor, address: call.remoteAddress)
    }

    fileprivate func upload(_ query: UploadQuery) async throws -> Answer {
        var options = UploadOptions()
        (options.unit, options.channel, options.multiplier) = (query.unit, query.channel, query.multiplier)
        (options.meter, options.stamps, options.zone) = (query.meter, query.stamps, query.zone)
        let desk = try await imports()
        let bytes = try await call.readBody(ImportDesk.bytesMax)
        let done = try await desk.store(try await desk.look(bytes, name: query.name, options), name: query.name)
        return try Endpoints.json(
            UploadAnswer(
                importID: String(done.importID ?? 0), refused: done.refusals.count, isWhole: done.isWhole,
                report: done.report))
    }

    private func readingSet(
        _ reading: ManualReading, _ meter: Meter, _ channel: Channel, periodS: Int?, _ zone: Zone
    ) throws -> ReadingSet {
        do {
            return try ReadingSet.manual(
                meter: meter.serial, channel: channel, atS: reading.atMs / 1_000, periodS: periodS,
                value: reading.value, zone: zone)
        } catch {
            throw Refusal(.invalid, error.what, hint: error.hint, at: "value")
        }
    }

    fileprivate func enter(_ reading: ManualReading) async throws -> ManualReadingView {
        let (importer, org) = try await importer("manual")
        let scope = try actor.scope
        let meter = try await services.site.money.read {
            try Meter.find(reading.meterID.value, scope, in: $0)
        }
        let channel = try reading.channel.map(UploadOptions.channel) ?? .importWh
        let periodS = reading.kind == .interval ? reading.minutes.map { $0 * 60 } ?? Int(meter.capturePeriodS) : nil
        guard reading.atMs % 1_000 == 0, reading.atMs <= services.site.clocks.businessNowMs() else {
            throw Refusal(.invalid, "The reading lies in the future or between two seconds.", at: "atMs")
        }
        let set = try readingSet(reading, meter, channel, periodS: periodS, org.zone)
        let text = "manual \(meter.meterID) \(channel) \(reading.kind) \(reading.atMs) \(periodS ?? 0) \(reading.value)"
        let plan = try await importer.plan(.set(set))
        let done = try await importer.run(
            .set(set), name: "manual: \(reading.reason)", sha256: Hash.sha256(Array(text.utf8)), plan: plan)
        if let refusal = done.refusals.first {
            throw Refusal(.conflict, refusal.what, hint: refusal.hint, at: "value")
        }
        let stored = done.report.stored ?? ReadingReport.Stored()
        return ManualReadingView(
            importID: ID(done.importID ?? 0), isNew: stored.newVersions + stored.newRegisters > 0,
            isHeld: stored.heldValues > 0)
    }
}

private struct UploadAnswer: Encodable {
    var importID: String
    var refused: Int
    var isWhole: Bool
    var report: ReadingReport
}

extension Endpoints {
    fileprivate static func json(_ value: some Encodable) throws -> Answer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var answer = Answer(status: 200, body: [UInt8](try encoder.encode(value)))
        answer.headers["Content-Type"] = "application/json"
        return answer
    }

    private static let uploadExample =
        "meter,time,kWh\nBB100001,2026-11-01 00:00,0.125\nBB100001,2026-11-01 00:30,0.150\n"
    private static let reportExample =
        "{\"file\":\"load.csv\",\"format\":1,\"kind\":\"csv\",\"meters\":2,\"rows\":96,\"values\":96}"

    static let imports: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<ImportsQuery, ImportList>(
                "imports.list", "GET", "/api/v1/imports", access: .permission([.importReadings]),
                EndpointText("Imports of readings", "Every file and every reading typed in, newest first."),
                example: ImportsQuery(before: nil, limit: 50), outputExample: ImportList(items: [], next: nil),
                run: { query, context in
                    let part = try await context.imports().list(before: query.before?.value, limit: query.limit ?? 50)
                    return ImportList(items: part.items.map(ImportView.init), next: part.next.map { ID($0) })
                })),
        AnyEndpoint(
            DocumentEndpoint<ImportPath>(
                "imports.report", "GET", "/api/v1/imports/{importID}/report", access: .permission([.importReadings]),
                EndpointText(
                    "Report of an import",
                    "Range, intervals, gaps, qualities, duplicates, refusals by reason, registers held against"
                        + " intervals, suspected clock faults, and what storing it brought; see docs/import.md."),
                example: ImportPath(importID: ID(7)), documents: Documents(gives: ["application/json": reportExample]),
                problems: [.notFound],
                run: { path, context in
                    let run = try await context.imports().find(path.importID.value)
                    guard let report = run.report else {
                        throw Refusal(
                            .notFound, "The import has no report yet.",
                            hint: "It runs, was interrupted, or is of an earlier release; import the file again.")
                    }
                    var answer = Answer(status: 200, body: Array(report.utf8))
                    answer.headers["Content-Type"] = "application/json"
                    return answer
                })),
        AnyEndpoint(
            DocumentEndpoint<RefusedQuery>(
                "imports.refused", "GET", "/api/v1/imports/{importID}/refused",
                access: .permission([.importReadings]),
                EndpointText(
                    "What an import refused",
                    "Rows, meters and values that were set aside, each with its reason and the row as it stood."),
                example: RefusedQuery(importID: ID(7), after: nil),
                documents: Documents(gives: ["text/csv": "number,row,what,hint,text\r\n"]), problems: [.notFound],
                run: { query, context in
                    let text = try await context.imports().refusedCSV(
                        of: query.importID.value, after: Int64(query.after ?? 0))
                    var answer = Answer(status: 200, body: Array(text.utf8))
                    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
                    return answer
                })),
        AnyEndpoint(
            DocumentEndpoint<UploadQuery>(
                "imports.take", "POST", "/api/v1/imports", access: .permission([.importReadings]),
                EndpointText(
                    "Upload a file of readings",
                    "CSV, NEM12 or Green Button XML, plain or gzip, at most 32 MiB. The same file again changes "
                        + "nothing; what cannot be taken is set aside and told of in the report."),
                example: UploadQuery(
                    name: "load.csv", unit: nil, channel: nil, multiplier: nil, meter: nil, stamps: nil, zone: nil),
                documents: Documents(
                    takes: ["text/csv": uploadExample],
                    gives: ["application/json": "{\"importID\":\"7\",\"isWhole\":true,\"refused\":0}"]),
                bodyLimitBytes: ImportDesk.bytesMax, problems: [.invalid],
                run: { query, context in try await context.upload(query) })),
        AnyEndpoint(
            Endpoint<ManualReading, ManualReadingView>(
                "readings.enter", "POST", "/api/v1/readings", access: .permission([.importReadings]),
                EndpointText(
                    "Type in a reading",
                    "A register or one interval of a meter, through the same checks as a file. The same again changes"
                        + " nothing; another value for what is stored is a conflict."),
                example: .example,
                outputExample: ManualReadingView(importID: ID(7), isNew: true, isHeld: false),
                problems: [.notFound, .conflict, .invalid],
                run: { reading, context in try await context.enter(reading) })),
    ]
}
