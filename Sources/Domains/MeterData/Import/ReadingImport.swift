// The import of a file that was read: whose its meters are, the note of it before its first value, the values, the
// report.
// The command line, the API and manual entry come through here; none of them has rules of its own.
import Access
import Accounts
import CivilTime
import Clocks
import Cryptography
import Foundation
import IntervalData
import LoadFiles
import Meters
import SQL
import VEE

/// A name of a file without a meter.
public struct UnknownMeter: Sendable {
    /// Index of the name in the file.
    public var column: Int
    /// As the file has it.
    public var name: String
    public var serial: String
    public var firstDay: CivilDay
    public var periodS: Int
    public var dayCount: Int
    /// Line of the name: the header of a wide file, else 0.
    var row: Int

    func refusal(_ what: String, _ hint: String) -> ImportRefusal {
        ImportRefusal(row: row, what: "\(what); its \(dayCount) days were not taken", hint: hint)
    }
}

/// Whose the names of a file are.
public struct ReadingImportPlan: Sendable {
    public var targets: [ImportTarget] = []
    public var unknown: [UnknownMeter] = []
    public var refusals: [ImportRefusal] = []
}

public struct ReadingImportResult: Sendable {
    /// Nil for a dry run.
    public var importID: Int64?
    public var report: ReadingReport
    /// Of the file and of storing it.
    public var refusals: [ImportRefusal]
    public var meters: Int
    /// Everything of the file was taken.
    public var isWhole: Bool { refusals.isEmpty && (report.stored?.conflicts ?? 0) == 0 }
}

public struct ReadingImport: Sendable {
    let site: Site
    let org: Org
    let actor: Actor
    /// `cli`, `http 203.0.113.7`.
    let source: String
    let madeBy: String

    public init(site: Site, org: Org, actor: Actor, source: String, madeBy: String = "import") {
        (self.site, self.org, self.actor, self.source, self.madeBy) = (site, org, actor, source, madeBy)
    }

    /// Finds the meter of every name; names without one are unknown, to be made or refused.
    /// - Parameter serials: names to serial numbers; nil where names are serial numbers.
    public func plan(_ file: ReadFile, serials: [String: String]? = nil) async throws -> ReadingImportPlan {
        let names = Self.names(file)
        return try await site.money.read { [actor] transaction in
            var plan = ReadingImportPlan()
            for item in names {
                guard let serial = serials.map({ $0[item.name] }) ?? item.name else {
                    plan.refusals.append(
                        item.refusal(
                            "\(item.name) is not in the map of meters", "add a line with the name and the serial number"
                        ))
                    continue
                }
                guard let meter = try Self.meter(serial, actor.scope, in: transaction) else {
                    var unknown = item
                    unknown.serial = serial
                    plan.unknown.append(unknown)
                    continue
                }
                if case .load(let load) = file, meter.capturePeriodS != Int64(load.periodS) {
                    plan.refusals.append(
                        item.refusal(
                            "meter \(serial) captures every \(meter.capturePeriodS / 60) minutes, "
                                + "the file \(load.periodS / 60)",
                            "give a file of the meter's period, or say --period if the meter has changed"))
                    continue
                }
                let installation = try Installation.of(
                    meterID: meter.meterID, on: item.firstDay, Scope(orgID: actor.scope.orgID), in: transaction)
                let account = try installation.map {
                    try SupplyAccount.find($0.accountID, Scope(orgID: actor.scope.orgID), in: transaction)
                }
                plan.targets.append(
                    ImportTarget(column: item.column, meterID: meter.meterID, sanctionedW: account?.sanctionedW ?? 0))
            }
            return plan
        }
    }

    /// What is refused when nobody makes the unknown meters.
    public static func refusals(of unknown: [UnknownMeter]) -> [ImportRefusal] {
        unknown.map {
            $0.refusal("there is no meter \($0.serial)", "add the meter, or map the name to its serial number")
        }
    }

    private static func meter(
        _ serial: String, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Meter? {
        guard let found = try Meter.find(serial: serial, scope, in: transaction) else { return nil }
        if scope.placeIDs == nil, scope.accountID == nil { return found }
        do {
            return try Meter.find(found.meterID, scope, in: transaction)
        } catch let refusal as Refusal where refusal.code == .notFound {
            return nil
        }
    }

    private static func names(_ file: ReadFile) -> [UnknownMeter] {
        file.meters.enumerated().compactMap { column, name in
            switch file {
            case .load(let load):
                let days = load.days(column)
                return days.first.map {
                    UnknownMeter(
                        column: column, name: name, serial: name, firstDay: $0.day, periodS: load.periodS,
                        dayCount: days.count, row: load.layout == .wide ? 1 : 0)
                }
            case .set(let set):
                let days = set.series.filter { $0.meter == column }.map(\.days.count).max() ?? 0
                return set.firstDay(ofMeter: column).map {
                    UnknownMeter(
                        column: column, name: name, serial: name, firstDay: $0,
                        periodS: set.periodS(ofMeter: column) ?? 1_800, dayCount: days, row: 0)
                }
            }
        }
    }

    /// Notes the file, takes its values and stores the report. The same file again is the same run and changes nothing.
    /// - Parameters:
    ///   - sha256: by which the file is known.
    ///   - report: of the file, where it was looked at already.
    ///   - progress: called with the meter-days done.
    public func run(
        _ file: ReadFile, name: String, sha256: [UInt8], plan: ReadingImportPlan, report looked: ReadingReport? = nil,
        isDry: Bool = false, progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> ReadingImportResult {
        var report = looked ?? Self.look(at: file)
        var refusals = file.refused.map { ImportRefusal($0) } + plan.refusals
        guard !isDry else {
            return ReadingImportResult(
                importID: nil, report: report, refusals: refusals, meters: plan.targets.count)
        }
        let importID = try await site.perform(
            BeginImport(
                file: name, sha256: sha256, kind: report.kind, rowCount: report.rows,
                valueCount: report.values + report.registers, refusals: refusals), as: actor, source: source)
        var later: [ImportRefusal] = []
        switch file {
        case .load(let load):
            let counts = try await Importer(site: site, org: org).run(
                load, targets: plan.targets, importID: importID, progress: progress)
            var stored = ReadingReport.Stored()
            (stored.meterDays, stored.newVersions) = (counts.meterDays, counts.newVersions)
            stored.hold(counts.heldValues, counts.heldBy)
            stored.conflicts = counts.conflicts
            report.stored = stored
        case .set(let set):
            let result = try await SeriesImporter(site: site, org: org, madeBy: madeBy).run(
                set, targets: plan.targets, importID: importID, progress: progress)
            (report.stored, later) = (result.stored, result.refusals)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(report), as: UTF8.self)
        let nowMs = site.clocks.businessNowMs()
        try await site.money.write { [org, later] transaction in
            try ImportRun.finish(
                importID, report: text, refusals: later, nowMs: nowMs, orgID: org.orgID, in: transaction)
        }
        refusals += later
        return ReadingImportResult(
            importID: importID, report: report, refusals: refusals, meters: plan.targets.count)
    }

    /// Meters whose days are looked at for a wrong clock.
    private static let sampleMeters = 400

    /// What a file holds, with its clock findings. Seconds of a core for a large file.
    public static func look(at file: ReadFile) -> ReadingReport {
        var report = file.report
        report.clockShifts = clockShifts(of: file)
        return report
    }

    /// Days on which the meters of a file stamped with a wrong clock, all together.
    static func clockShifts(of file: ReadFile) -> [ReadingReport.ClockShiftDay] {
        var meters: [[ShapeDay]] = []
        var periodS = 0
        switch file {
        case .load(let load):
            periodS = load.periodS
            meters = load.meters.indices.prefix(sampleMeters).map { meter in
                load.days(meter).map { ShapeDay(day: $0.day, values: $0.values) }
            }
        case .set(let set):
            let energy = set.series.filter { $0.channel == .importWh && !$0.days.isEmpty }
            periodS = energy.first?.days.first?.periodS ?? 0
            meters = energy.prefix(sampleMeters).map { one in
                one.days.filter { $0.periodS == periodS }.map { ShapeDay(day: $0.day, values: $0.values) }
            }
        }
        return VEE.clockShifts(meters, periodS: periodS).map {
            ReadingReport.ClockShiftDay(day: $0.day.description, minutes: $0.shiftMinutes, meters: $0.meters)
        }
    }
}

/// Notes the file before the first of its values is taken; the same file again is the same run.
struct BeginImport: Command {
    static let name = "readings.import"
    static let permissions: [Permission] = [.importReadings]

    var file: String
    var sha256: [UInt8]
    var kind: String
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
            file: file, fileSHA256: sha256, rowCount: rowCount, valueCount: valueCount, refusals: refusals, kind: kind,
            source: context.source, newID: context.ids.next(), nowMs: context.businessNowMs, orgID: context.orgID,
            in: transaction)
        context.changed(.company, "import \(importID)", from: nil, to: "\(rowCount) rows")
        return importID
    }
}
