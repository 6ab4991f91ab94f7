// Readings and events of another head-end into the raw store and the event log, as the collector stores them. Values
// are compared with what is there; only what is new is written, some meter-days a transaction.
import Access
import CivilTime
import Clocks
import HeadEnd
import IEC61968
import IntervalData
import MeterPort
import Meters
import SQL

struct DataTaker {
    /// Meter-days or events a transaction.
    private static let chunk = 200
    /// Older than this is a wrong clock, not history.
    private static let backDays = 3_660

    private struct DayItem {
        var meterID: Int64
        var day: CivilDay
        var serial: String
        var line: Int
        var rows: [BlockLoadRow]
        var registerStartWh: Int64?
        var registerEndWh: Int64?
    }
    private struct EventItem {
        var meterID: Int64
        var day: CivilDay
        var entry: MeterEventEntry
    }

    private let exchange: Exchange
    private let nowMs: Int64
    private let lastMs: Int64
    private let firstMs: Int64
    private var meters: [String: Meter?] = [:]
    private var days: [CivilMonth: [DayItem]] = [:]
    private var dayCount = 0
    private var events: [CivilMonth: [EventItem]] = [:]
    private var eventCount = 0
    private var channels = ChannelValues()

    init(exchange: Exchange) {
        self.exchange = exchange
        nowMs = exchange.site.clocks.businessNowMs()
        lastMs = nowMs + 86_400_000
        firstMs = nowMs - Int64(Self.backDays) * 86_400_000
    }

    private var zone: Zone { exchange.org.zone }

    // MARK: readings

    mutating func take(_ reading: MeterReading, _ report: inout TakeReport) async throws {
        let intervals = reading.intervals.reduce(0) { $0 + $1.readings.count }
        let registers = reading.registers.reduce(0) { $0 + $1.readings.count }
        let total = intervals + registers
        report.counts.meters += 1
        report.counts.readings += intervals
        report.counts.registers += registers
        guard let meter = try await meter(reading.meter, line: reading.line, count: total, &report) else { return }
        var midnights: [Int64: Int64] = [:]
        for series in reading.registers { takeRegisters(series, meter, &midnights, &report) }
        var rows: [CivilDay: [BlockLoadRow]] = [:]
        for series in reading.intervals { takeIntervals(series, meter, &rows, &report) }
        var used: Set<Int64> = []
        for (day, rows) in rows.sorted(by: { $0.key < $1.key }) {
            let (startS, endS) = (zone.startS(of: day), zone.startS(of: day.advanced(by: 1)))
            used.formUnion([startS, endS])
            days[day.month, default: []].append(
                DayItem(
                    meterID: meter.meterID, day: day, serial: meter.serial, line: reading.line,
                    rows: once(rows, reading.line, meter, &report), registerStartWh: midnights[startS],
                    registerEndWh: midnights[endS]))
            dayCount += 1
        }
        let lost = midnights.keys.filter { !used.contains($0) }.count
        if lost > 0 {
            report.refuse(
                ExchangeRefusal(
                    line: reading.line,
                    what: "\(lost) registers stand beside no interval of their day; they are not kept alone",
                    subject: meter.serial))
        }
        if dayCount + channels.count >= Self.chunk { try await flushDays(&report) }
    }

    private func refuse(_ line: Int, _ what: String, _ meter: Meter, _ report: inout TakeReport) {
        report.refuse(ExchangeRefusal(line: line, what: what, subject: meter.serial))
    }

    /// Each interval once. Two values of one interval contradict each other, and the first stays.
    private func once(
        _ rows: [BlockLoadRow], _ line: Int, _ meter: Meter, _ report: inout TakeReport
    ) -> [BlockLoadRow] {
        var known: [Int64: Int32] = [:]
        return rows.filter { row in
            guard let before = known[row.endS] else {
                known[row.endS] = row.importWh
                return true
            }
            if before != row.importWh {
                refuse(
                    line,
                    "the interval to \(Stamp.text(row.endS * 1_000)) stands twice: \(before) Wh was taken, "
                        + "\(row.importWh) Wh was not", meter, &report)
            }
            return false
        }
    }

    private mutating func takeIntervals(
        _ series: ReadingSeries, _ meter: Meter, _ rows: inout [CivilDay: [BlockLoadRow]], _ report: inout TakeReport
    ) {
        let line = series.readings.first?.line ?? 0
        guard series.type.isIntervalImport else { return takeChannel(series, meter, line, &report) }
        let periodS = series.type.periodS ?? meter.capturePeriodS
        guard periodS == meter.capturePeriodS else {
            let what = "the meter captures every \(meter.capturePeriodS / 60) minutes, the values every \(periodS / 60)"
            return refuse(line, "\(what); \(series.readings.count) were not taken", meter, &report)
        }
        // The start of the day an interval lies in is asked once a day.
        var span: (day: CivilDay, startS: Int64, endS: Int64)?
        for one in series.readings {
            // What the sender made up is no answer of the meter: it has its own way into the day blocks.
            if [.estimated, .edited].contains(ReadingStanding(one.qualities)) {
                keep(one, series.type, .importWh, power: 0, meter, periodS: periodS, &report)
                continue
            }
            guard let wh = wattHours(one, series.type, meter, &report) else { continue }
            guard let value = Int32(exactly: wh) else {
                refuse(
                    one.line, "\(one.value) \(series.type.unitName) in one interval is more than any meter counts",
                    meter, &report)
                continue
            }
            let endS = one.atMs / 1_000
            if span.map({ endS <= $0.startS || endS > $0.endS }) ?? true {
                // An interval that ends at midnight belongs to the day before.
                let day = zone.day(atS: endS - 1)
                span = (day, zone.startS(of: day), zone.startS(of: day.advanced(by: 1)))
            }
            guard let (day, startS, _) = span else { continue }
            guard one.atMs % 1_000 == 0, (endS - startS) % meter.capturePeriodS == 0 else {
                refuse(one.line, "\(Stamp.text(one.atMs)) is no end of an interval of the meter", meter, &report)
                continue
            }
            rows[day, default: []].append(BlockLoadRow(endS: endS, importWh: value))
        }
    }

    /// Values of a channel beside import energy.
    private mutating func takeChannel(
        _ series: ReadingSeries, _ meter: Meter, _ line: Int, _ report: inout TakeReport
    ) {
        guard let (channel, power) = ChannelValues.channel(series.type) else {
            let what = "there is no channel for \(series.type.name) (\(series.type))"
            return refuse(line, "\(what); its \(series.readings.count) values were not taken", meter, &report)
        }
        let periodS = series.type.periodS ?? meter.capturePeriodS
        guard periodS >= 60, 3_600 % periodS == 0 else {
            let what = "values every \(periodS) s make no intervals of a day"
            return refuse(line, "\(what); \(series.readings.count) were not taken", meter, &report)
        }
        for one in series.readings {
            keep(one, series.type, channel, power: power, meter, periodS: periodS, &report)
        }
    }

    /// Keeps a value that goes straight into the day blocks, or notes what is wrong with it.
    private mutating func keep(
        _ one: Reading, _ type: ReadingTypeCode, _ channel: Channel, power: Int, _ meter: Meter, periodS: Int64,
        _ report: inout TakeReport
    ) {
        guard one.atMs >= firstMs, one.atMs <= lastMs else {
            return refuse(one.line, "\(Stamp.text(one.atMs)) lies in the future or too far back", meter, &report)
        }
        let standing = ReadingStanding(one.qualities)
        if standing == .missing { return }
        guard let quality = ChannelValues.quality(standing) else {
            let shown = one.qualities.map(\.description).joined(separator: " ")
            return refuse(one.line, "the sender itself doubts the value (quality \(shown))", meter, &report)
        }
        guard one.value.mantissa >= 0,
            let whole = one.value.whole(inUnitsOf: power - Int(type[.multiplier])), let value = Int32(exactly: whole)
        else {
            return refuse(
                one.line, "\(one.value) \(type.unitName) is less than nothing, finer than is stored, or too large",
                meter, &report)
        }
        let wrong = channels.add(
            one, channel, value: value, quality: quality, meter: meter, periodS: periodS, zone: zone)
        if let wrong { refuse(one.line, wrong, meter, &report) }
    }

    private func takeRegisters(
        _ series: ReadingSeries, _ meter: Meter, _ registers: inout [Int64: Int64], _ report: inout TakeReport
    ) {
        guard series.type.isImportRegister else {
            let what = "there is no place yet for \(series.type.name) (\(series.type))"
            return refuse(
                series.readings.first?.line ?? 0, "\(what); its \(series.readings.count) values were not taken", meter,
                &report)
        }
        for one in series.readings {
            guard let wh = wattHours(one, series.type, meter, &report) else { continue }
            let atS = one.atMs / 1_000
            guard one.atMs % 1_000 == 0, zone.startS(of: zone.day(atS: atS)) == atS else {
                refuse(one.line, "registers are kept at midnight, not at \(Stamp.text(one.atMs))", meter, &report)
                continue
            }
            registers[atS] = wh
        }
    }

    /// The value in Wh, or nil and a note.
    private func wattHours(
        _ one: Reading, _ type: ReadingTypeCode, _ meter: Meter, _ report: inout TakeReport
    ) -> Int64? {
        guard one.atMs >= firstMs, one.atMs <= lastMs else {
            refuse(one.line, "\(Stamp.text(one.atMs)) lies in the future or too far back", meter, &report)
            return nil
        }
        switch ReadingStanding(one.qualities) {
        case .actual: break
        case .missing: return nil
        case .estimated, .edited, .doubtful:
            let shown = one.qualities.map(\.description).joined(separator: " ")
            refuse(
                one.line, "the sender says of the value that the meter did not give it so (quality \(shown))", meter,
                &report)
            return nil
        }
        guard one.value.mantissa >= 0 else {
            refuse(one.line, "\(one.value) is less than nothing", meter, &report)
            return nil
        }
        guard let wh = one.value.whole(inUnitsOf: -Int(type[.multiplier])) else {
            refuse(one.line, "\(one.value) \(type.unitName) is finer than 1 Wh, or too large", meter, &report)
            return nil
        }
        return wh
    }

    // MARK: events

    mutating func take(_ event: EndDeviceEvent, _ report: inout TakeReport) async throws {
        report.counts.events += 1
        guard let meter = try await meter(event.device, line: event.line, count: 1, &report) else { return }
        guard let eventID = event.eventID, (1...65_535).contains(eventID) else {
            return refuse(
                event.line,
                "the event \(event.code) stands for no one id of IS 15959; send it as the detail "
                    + EndDeviceEventCodes.detailName, meter, &report)
        }
        guard event.createdMs >= firstMs, event.createdMs <= lastMs else {
            return refuse(
                event.line, "\(Stamp.text(event.createdMs)) lies in the future or too far back", meter, &report)
        }
        let atS = event.createdMs / 1_000
        let day = zone.day(atS: atS)
        events[day.month, default: []].append(
            EventItem(meterID: meter.meterID, day: day, entry: MeterEventEntry(atS: atS, code: eventID)))
        eventCount += 1
        if eventCount >= Self.chunk { try await flushEvents(&report) }
    }

    // MARK: meters

    /// The meter of a name, within reach of who sends; nil and a note when there is none.
    private mutating func meter(
        _ thing: NamedThing, line: Int, count: Int, _ report: inout TakeReport
    ) async throws -> Meter? {
        guard let label = thing.label, !label.isEmpty else {
            report.refuse(
                ExchangeRefusal(line: line, what: "the meter has neither name nor mRID; \(count) were not taken"))
            return nil
        }
        if meters.count >= 50_000 { meters = [:] }
        let known: Meter?
        if let found = meters[label] {
            known = found
        } else {
            known = try await exchange.meter(thing)
            meters[label] = .some(known)
        }
        guard let known else {
            report.refuse(
                ExchangeRefusal(
                    line: line, what: "there is no such meter; \(count) of its values were not taken", subject: label,
                    isUnknownMeter: true))
            return nil
        }
        return known
    }

    // MARK: storing

    mutating func finish(_ report: inout TakeReport) async throws {
        try await flushDays(&report)
        try await flushEvents(&report)
    }

    private mutating func flushDays(_ report: inout TakeReport) async throws {
        let (site, org, readAtMs) = (exchange.site, exchange.org, nowMs)
        for (month, items) in days.sorted(by: { $0.key < $1.key }) {
            try Task.checkCancellation()
            let stored = try await site.readings.shard(month).write { transaction in
                try items.map { try Self.store($0, readAtMs: readAtMs, site, org, in: transaction) }
            }
            for (item, stored) in zip(items, stored) {
                report.counts.newReadings += stored.new
                report.counts.knownReadings += stored.known
                for (endS, before, now) in stored.contradictions {
                    report.refuse(
                        ExchangeRefusal(
                            line: item.line,
                            what: "the interval to \(Stamp.text(endS * 1_000)) has \(before) Wh already; "
                                + "\(now) Wh is kept beside it and does not count", subject: item.serial))
                }
            }
        }
        days = [:]
        dayCount = 0
        try await channels.store(site, org, nowMs: readAtMs, &report)
    }

    private struct Stored: Sendable {
        var new = 0
        var known = 0
        /// What says otherwise than what is there: the interval's end, what it has and what it was to have.
        var contradictions: [(endS: Int64, before: Int32, now: Int32)] = []
    }

    /// Stores what is not there yet of a meter-day. What is there stays.
    private static func store(
        _ item: DayItem, readAtMs: Int64, _ site: Site, _ org: Org, in transaction: any SQLTransaction
    ) throws -> Stored {
        let before = try RawRead.of(
            meterID: item.meterID, from: item.day, to: item.day, orgID: org.orgID, in: transaction)
        // In the order in which they came: the first of an interval counts.
        var there: [Int64: [Int32]] = [:]
        for raw in before {
            for row in raw.rows { there[row.endS, default: []].append(row.importWh) }
        }
        // A value that says otherwise is kept beside it.
        var rows: [BlockLoadRow] = []
        var stored = Stored()
        for row in item.rows where there[row.endS]?.contains(row.importWh) != true {
            if let first = there[row.endS]?.first { stored.contradictions.append((row.endS, first, row.importWh)) }
            rows.append(row)
        }
        rows.sort { $0.endS < $1.endS }
        stored.new = rows.count
        stored.known = item.rows.count - rows.count
        func isNews(_ wh: Int64?, _ known: (RawRead) -> Int64?) -> Bool {
            wh.map { wh in !before.contains { known($0) == wh } } ?? false
        }
        guard
            !rows.isEmpty || isNews(item.registerStartWh, { $0.registerStartWh })
                || isNews(item.registerEndWh, { $0.registerEndWh })
        else { return stored }
        try RawRead(
            day: item.day, meterID: item.meterID, batchID: site.ids.next(), readAtMs: readAtMs, rows: rows,
            registerStartWh: item.registerStartWh, registerEndWh: item.registerEndWh, clockDriftS: nil
        ).store(orgID: org.orgID, in: transaction)
        return stored
    }

    private mutating func flushEvents(_ report: inout TakeReport) async throws {
        let (site, org) = (exchange.site, exchange.org)
        for (month, items) in events.sorted(by: { $0.key < $1.key }) {
            try Task.checkCancellation()
            let new = try await site.readings.shard(month).write { transaction in
                var new = 0
                for (meterID, items) in Dictionary(grouping: items, by: \.meterID).sorted(by: { $0.key < $1.key }) {
                    guard let first = items.map(\.day).min(), let last = items.map(\.day).max() else { continue }
                    var known = Set(
                        try MeterEvents.all(
                            meterID: meterID, from: first, to: last, orgID: org.orgID, in: transaction
                        ).map { "\($0.atS) \($0.code)" })
                    let fresh = items.map(\.entry).filter { known.insert("\($0.atS) \($0.code)").inserted }
                    try MeterEvents.store(
                        fresh, meterID: meterID, zone: org.zone, orgID: org.orgID, in: transaction)
                    new += fresh.count
                }
                return new
            }
            report.counts.newEvents += new
        }
        events = [:]
        eventCount = 0
    }
}

extension Exchange {
    /// The meter of this name, or of this mRID, within the scope; a meter out of reach is none.
    func meter(_ thing: NamedThing) async throws -> Meter? {
        try await site.money.read { [scope] transaction in
            for label in [thing.name, thing.mRID].compactMap({ $0 }) {
                guard let found = try Meter.find(serial: label, scope, in: transaction) else { continue }
                if scope.isWholeCompany { return found }
                do {
                    return try Meter.find(found.meterID, scope, in: transaction)
                } catch let refusal as Refusal where refusal.code == .notFound {
                    continue
                }
            }
            return nil
        }
    }
}
