// Takes the series of a file of any kind into the meter data: month by month, some meters a transaction, every part
// repeatable. Opens no file, makes no meter.
import Access
import CivilTime
import Clocks
import IntervalData
import LoadFiles
import SQL
import VEE

/// What storing a file brought, and what it did not take.
public struct SeriesImportResult: Sendable {
    public var stored = ReadingReport.Stored()
    /// Other values for stored ones, and days that do not fit; at most ``refusalsMax``.
    public var refusals: [ImportRefusal] = []
    public static let refusalsMax = 10_000
}

struct SeriesImporter: Sendable {
    let site: Site
    let org: Org
    /// `import`, `manual`, `exchange`: what stands beside the version.
    var madeBy = "import"

    private struct Item: Sendable {
        var target: ImportTarget
        var name: String
        var days: [(channel: Channel, day: SeriesDay)]
        var registers: [(channel: Channel, point: RegisterPoint, day: CivilDay)]
        /// Earlier days of import energy, in order.
        var earlier: [(day: CivilDay, block: DayBlock)]
        /// Import registers at midnights.
        var midnights: [Int64: Int64]
        var traits: MeterTraits?
        var outages: RecordedOutages?
    }

    func run(
        _ set: ReadingSet, targets: [ImportTarget], importID: Int64,
        progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> SeriesImportResult {
        var result = SeriesImportResult()
        let bySeries = Dictionary(grouping: set.series, by: \.meter)
        let book = try await site.money.read { [org] in try RuleBook.load(orgID: org.orgID, in: $0) }
        for month in Self.months(set) {
            var rest = targets[...]
            while !rest.isEmpty {
                try Task.checkCancellation()
                var items: [Item] = []
                let chunk = rest.prefix(Importer.chunkSize)
                let traits = try await book.traits(of: chunk.map(\.meterID), on: month.last, site, orgID: org.orgID)
                let outages = try await RecordedOutages.of(chunk.map(\.meterID), in: month, site: site, org: org)
                for target in chunk {
                    let days = book.historyDays
                    if var item = try await item(target, bySeries[target.column] ?? [], set, month, history: days) {
                        (item.traits, item.outages) = (traits[target.meterID], outages[target.meterID])
                        items.append(item)
                    }
                }
                rest = rest.dropFirst(Importer.chunkSize)
                guard !items.isEmpty else { continue }
                let part = try await take(items, month, set, book, importID: importID)
                try await Revalidation(site: site, org: org).afterStoring(outages, in: month)
                result.stored = result.stored + part.stored
                let room = SeriesImportResult.refusalsMax - result.refusals.count
                result.refusals += part.refusals.prefix(max(0, room))
                await progress(result.stored.meterDays)
            }
        }
        return result
    }

    private static func months(_ set: ReadingSet) -> [CivilMonth] {
        var days: Set<CivilMonth> = []
        for one in set.series {
            for day in one.days { days.insert(day.day.month) }
            for point in one.registers { days.insert(set.zone.day(atS: point.atS).month) }
        }
        return days.sorted()
    }

    private func item(
        _ target: ImportTarget, _ series: [FileSeries], _ set: ReadingSet, _ month: CivilMonth, history: Int
    ) async throws -> Item? {
        var item = Item(
            target: target, name: set.meters[target.column], days: [], registers: [], earlier: [], midnights: [:])
        for one in series {
            for day in one.days where day.day.month == month { item.days.append((one.channel, day)) }
            for point in one.registers {
                let day = set.zone.day(atS: point.atS)
                if one.channel == .importWh, set.zone.startS(of: day) == point.atS {
                    item.midnights[point.atS] = point.value
                }
                if day.month == month { item.registers.append((one.channel, point, day)) }
            }
        }
        guard !item.days.isEmpty || !item.registers.isEmpty else { return nil }
        if let first = item.days.first(where: { $0.channel == .importWh })?.day.day {
            item.earlier = try await History.blocks(
                meterID: target.meterID, from: first.advanced(by: -history), to: first.advanced(by: -1),
                site: site, orgID: org.orgID
            ).map { ($0.day, $0.block) }
        }
        return item
    }

    private func take(
        _ items: [Item], _ month: CivilMonth, _ set: ReadingSet, _ book: RuleBook, importID: Int64
    ) async throws -> SeriesImportResult {
        let nowMs = site.clocks.businessNowMs()
        return try await site.readings.shard(month).write { [self] transaction in
            var result = SeriesImportResult()
            for var item in items {
                for (channel, day) in item.days {
                    let rules = book.rules(for: item.traits, on: day.day)
                    try take(channel, day, &item, set, rules, importID: importID, nowMs: nowMs, &result, transaction)
                }
                for register in item.registers {
                    try take(register, item, set, importID: importID, nowMs: nowMs, &result, transaction)
                }
            }
            return result
        }
    }

    private func take(
        _ channel: Channel, _ day: SeriesDay, _ item: inout Item, _ set: ReadingSet, _ rules: ValidationRules,
        importID: Int64, nowMs: Int64, _ result: inout SeriesImportResult, _ transaction: any SQLTransaction
    ) throws {
        let meterID = item.target.meterID
        item.earlier.removeAll { $0.day < day.day.advanced(by: -rules.historyDays) }
        let outcome = try ChannelDays.take(
            ChannelDay(
                meterID: meterID, channel: channel, day: day.day, values: day.values,
                qualities: day.codes.map { set.codes[Int($0)].quality }, batchID: importID),
            registerStartWh: item.midnights[set.zone.startS(of: day.day)],
            registerEndWh: item.midnights[set.zone.startS(of: day.day.advanced(by: 1))],
            IngestContext(
                sanctionedW: item.target.sanctionedW, periodS: Int64(day.periodS),
                history: item.earlier.reversed().map(\.block), rules: rules, outages: item.outages, madeBy: madeBy,
                nowMs: nowMs),
            orgID: org.orgID, in: transaction)
        result.stored.meterDays += 1
        result.stored.newVersions += outcome.isNew ? 1 : 0
        result.stored.hold(outcome.heldValues, outcome.heldBy)
        result.stored.conflicts += outcome.conflicts.count
        if channel == .importWh {
            let block = try DayBlocks.current(
                meterID: meterID, from: day.day, to: day.day, orgID: org.orgID, in: transaction
            ).first
            if let block { item.earlier.append((day.day, block.block)) }
        }
        func refuse(_ what: String, _ hint: String, _ text: String) {
            result.refusals.append(ImportRefusal(row: day.rows.lowerBound, what: what, hint: hint, text: text))
        }
        if let refusal = outcome.refusal {
            return refuse(
                "\(item.name), \(channel.name), \(day.day): \(refusal)", "give the day in the stored interval",
                Self.text(day))
        }
        if let first = outcome.conflicts.first {
            refuse(
                "\(outcome.conflicts.count) values of \(channel.name) of \(item.name) on \(day.day) differ from stored "
                    + "ones, first interval \(first.slot + 1): \(first.held) is stored, \(first.came) came",
                "the stored ones stay; edit them if the file is right",
                outcome.conflicts.map { "\($0.slot + 1):\($0.came)" }.joined(separator: " "))
        }
        try ReadingSource(
            day: day.day, meterID: meterID, channel: channel, batchID: importID, rows: day.rows,
            codes: Self.codes(day, set), receivedAtMs: nowMs
        ).store(orgID: org.orgID, in: transaction)
    }

    private static func text(_ day: SeriesDay) -> String {
        day.values.map { $0.map(String.init) ?? "" }.joined(separator: " ")
    }

    /// The sender's codes as runs; empty when nothing was said.
    private static func codes(_ day: SeriesDay, _ set: ReadingSet) -> String {
        guard day.codes.contains(where: { $0 != 0 }) else { return "" }
        var runs: [(code: UInt8?, count: Int)] = []
        for (value, code) in zip(day.values, day.codes) {
            let code = value == nil ? nil : code
            if let last = runs.last, last.code == code {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((code, 1))
            }
        }
        return runs.map { "\($0.code.map { set.codes[Int($0)].text } ?? "-")*\($0.count)" }.joined(separator: " ")
    }

    private func take(
        _ register: (channel: Channel, point: RegisterPoint, day: CivilDay), _ item: Item, _ set: ReadingSet,
        importID: Int64, nowMs: Int64, _ result: inout SeriesImportResult, _ transaction: any SQLTransaction
    ) throws {
        let code = set.codes[Int(register.point.code)]
        let outcome = try StoredRegister(
            meterID: item.target.meterID, channel: register.channel, atS: register.point.atS,
            value: register.point.value, quality: code.quality, code: code.text, batchID: importID,
            receivedAtMs: nowMs
        ).store(day: register.day, orgID: org.orgID, in: transaction)
        switch outcome {
        case .new: result.stored.newRegisters += 1
        case .known: break
        case .conflict(let held):
            result.stored.conflicts += 1
            result.refusals.append(
                ImportRefusal(
                    row: register.point.row,
                    what: "the register of \(item.name) on \(register.day) is stored as \(held), "
                        + "\(register.point.value) came",
                    hint: "the stored one stays", text: "\(register.point.value)"))
        }
    }
}

extension ReadingReport.Stored {
    static func + (a: Self, b: Self) -> Self {
        var sum = a
        sum.meterDays += b.meterDays
        sum.newVersions += b.newVersions
        sum.hold(b.heldValues, b.heldBy ?? [:])
        sum.conflicts += b.conflicts
        sum.newRegisters += b.newRegisters
        return sum
    }
}
