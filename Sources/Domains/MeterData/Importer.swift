// Takes the days of a load file into the meter data, through the same checks as a read. Opens no file, makes no meter.
import Access
import CivilTime
import Clocks
import IntervalData
import LoadFiles
import SQL
import VEE

/// Which meter a column (or id) of a load file belongs to.
public struct ImportTarget: Sendable, Equatable {
    /// Index in `LoadFile.meters`.
    public var column: Int
    public var meterID: Int64
    public var sanctionedW: Int64
    public init(column: Int, meterID: Int64, sanctionedW: Int64) {
        self.column = column
        self.meterID = meterID
        self.sanctionedW = sanctionedW
    }
}

/// What an import did.
public struct ImportCounts: Sendable, Equatable {
    public var meterDays = 0
    /// Meter-days of which something was new.
    public var newVersions = 0
    /// Values held back by the checks, to be estimated or edited.
    public var heldValues = 0
    /// The same by the rule that held them.
    public var heldBy: [String: Int] = [:]
    /// Values that differ from actual ones stored before; the first are kept.
    public var conflicts = 0
    public init() {}

    static func + (a: ImportCounts, b: ImportCounts) -> ImportCounts {
        var sum = a
        sum.meterDays += b.meterDays
        sum.newVersions += b.newVersions
        sum.heldValues += b.heldValues
        sum.heldBy.merge(b.heldBy, uniquingKeysWith: +)
        sum.conflicts += b.conflicts
        return sum
    }
}

/// Takes a load file month by month, some meters a transaction. Any part of it may run twice: nothing changes then.
public struct Importer: Sendable {
    /// Meter-months a transaction.
    static let chunkSize = 16
    let site: Site
    let org: Org
    /// False takes every meter day by day: what `BulkImport` is measured by.
    var takesManyAtATime = true

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    /// - Parameters:
    ///   - file: days of the company's zone.
    ///   - importID: the source noted with every slot.
    ///   - progress: called with the meter-days done.
    public func run(
        _ file: LoadFile, targets: [ImportTarget], importID: Int64, progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> ImportCounts {
        var counts = ImportCounts()
        let book = try await site.money.read { [org] in try RuleBook.load(orgID: org.orgID, in: $0) }
        for month in file.months {
            try Task.checkCancellation()
            let bulk = BulkImport(site: site, org: org, file: file, month: month, importID: importID)
            var rest = targets[...]
            // Rules by group are asked for meter by meter.
            if takesManyAtATime, book.isEmpty {
                let done = counts.meterDays
                let (taken, left) = try await bulk.run(targets) { await progress(done + $0) }
                counts = counts + taken
                rest = left[...]
            }
            while !rest.isEmpty {
                let chunk = rest.prefix(Self.chunkSize)
                rest = rest.dropFirst(Self.chunkSize)
                let traits = try await book.traits(
                    of: chunk.map(\.meterID), on: month.last, site, orgID: org.orgID)
                let outages = try await RecordedOutages.of(chunk.map(\.meterID), in: month, site: site, org: org)
                var items: [Item] = []
                for target in chunk {
                    let days = file.days(target.column, in: month)
                    guard let first = days.first?.day else { continue }
                    let earlier = try await History.blocks(
                        meterID: target.meterID, from: first.advanced(by: -book.historyDays),
                        to: first.advanced(by: -1), site: site, orgID: org.orgID)
                    items.append(
                        Item(
                            target: target, days: days, earlier: earlier.map { ($0.day, $0.block) },
                            traits: traits[target.meterID], outages: outages[target.meterID]))
                }
                counts = counts + (try await take(items, month, book, importID: importID, periodS: file.periodS))
                try await Revalidation(site: site, org: org).afterStoring(outages, in: month)
                await progress(counts.meterDays)
            }
            try await bulk.finish()
        }
        return counts
    }

    /// The days of one meter in one month.
    private struct Item: Sendable {
        var target: ImportTarget
        var days: [(day: CivilDay, values: [Int32?])]
        /// In order of day.
        var earlier: [(day: CivilDay, block: DayBlock)]
        var traits: MeterTraits?
        var outages: RecordedOutages?
    }

    private func take(
        _ items: [Item], _ month: CivilMonth, _ book: RuleBook, importID: Int64, periodS: Int
    ) async throws -> ImportCounts {
        guard !items.isEmpty else { return ImportCounts() }
        let nowMs = site.clocks.businessNowMs()
        return try await site.readings.shard(month).write { [org] transaction in
            var counts = ImportCounts()
            for item in items {
                var earlier = item.earlier
                for (day, values) in item.days {
                    let rules = book.rules(for: item.traits, on: day)
                    earlier.removeAll { $0.day < day.advanced(by: -rules.historyDays) }
                    let made = try Ingest.apply(
                        IncomingDay(day: day, meterID: item.target.meterID, batchID: importID, values: values),
                        IngestContext(
                            sanctionedW: item.target.sanctionedW, periodS: Int64(periodS),
                            history: earlier.reversed().map(\.block), rules: rules, outages: item.outages,
                            madeBy: "import", nowMs: nowMs),
                        orgID: org.orgID, in: transaction)
                    let stored = try DayBlocks.current(
                        meterID: item.target.meterID, from: day, to: day, orgID: org.orgID, in: transaction
                    ).first
                    counts.meterDays += 1
                    counts.newVersions += made == nil ? 0 : 1
                    guard let block = stored?.block else { continue }
                    earlier.append((day, block))
                    var held: [Int] = []
                    for (slot, value) in values.enumerated() {
                        guard let value, block.values.indices.contains(slot) else { continue }
                        if block.qualities[slot] < .edited {
                            held.append(slot)
                        } else if block.values[slot] != value {
                            counts.conflicts += 1
                        }
                    }
                    counts.heldValues += held.count
                    counts.heldBy.merge(
                        try HeldReasons.counts(
                            held, meterID: item.target.meterID, day: day, orgID: org.orgID, in: transaction),
                        uniquingKeysWith: +)
                }
            }
            return counts
        }
    }
}
