// Documents out: meter by meter in order of the serial number, in pieces of bytes, so that memory holds one meter.
import Access
import CivilTime
import Clocks
import HeadEnd
import IEC61968
import IntervalData
import MeterData
import MeterPort
import Meters
import SQL

/// One part of an export.
public struct ExportPart: Sendable {
    public var bytes: [UInt8]
    /// Meters in it, with or without data.
    public var meterCount: Int
    /// Values, events or orders in it.
    public var itemCount: Int
    /// Send it as `after` to go on; nil at the end.
    public var next: String?
}

extension Exchange {
    /// Meter-days of one part that is held in memory whole.
    public static let partMeterDays = 500

    /// One document about the meters after a serial number, at most so many.
    public func part(
        _ kind: ExportKind, _ range: ExportRange, _ format: MessageFormat, after: String, limit: Int
    ) async throws -> ExportPart {
        // One meter at least, however many days.
        let limit = max(1, min(limit, Self.partMeterDays / range.dayCount))
        let found = try await meters(range, after: after, limit: limit + 1)
        let meters = Array(found.prefix(limit))
        var bytes: [UInt8] = []
        let count = try await write(kind, range, format, pages: OneShot(meters)) { bytes += $0 }
        return ExportPart(
            bytes: bytes, meterCount: meters.count, itemCount: count,
            next: found.count > limit ? meters.last?.serial : nil)
    }

    /// One document about all meters of the range, handed over in pieces of some 64 kB.
    /// - Returns: how many values, events or orders it holds.
    public func whole(
        _ kind: ExportKind, _ range: ExportRange, _ format: MessageFormat, to take: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        try await write(kind, range, format, pages: AllMeters(exchange: self, range: range), to: take)
    }

    private func write(
        _ kind: ExportKind, _ range: ExportRange, _ format: MessageFormat, pages: some MeterPages,
        to take: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        var pages = pages
        var writer = MessageWriter(format, header(kind), offsetS: offsetS(of: range.from))
        writer.openPayload()
        var count = 0
        while let meters = try await pages.next() {
            for meter in meters {
                try Task.checkCancellation()
                switch kind {
                case .readings:
                    if let reading = try await reading(of: meter, range) {
                        count += (reading.intervals + reading.registers).reduce(0) { $0 + $1.readings.count }
                        writer.write(reading)
                    }
                case .events:
                    for event in try await events(of: meter, range) {
                        writer.write(event)
                        count += 1
                    }
                case .controls:
                    for control in try await controls(of: meter, range) {
                        writer.write(control)
                        count += 1
                    }
                }
                if writer.pendingBytes >= 65_536 { try await take(writer.take()) }
            }
        }
        writer.finish()
        try await take(writer.take())
        return count
    }

    private func header(_ kind: ExportKind) -> MessageHeader {
        let noun: Noun =
            switch kind {
            case .readings: .meterReadings
            case .events: .endDeviceEvents
            case .controls: .endDeviceControls
            }
        return MessageHeader(
            .event, .created, noun, timestampMs: site.clocks.businessNowMs(), source: Self.source,
            messageID: String(site.ids.next()))
    }

    // MARK: readings

    /// What is known of a meter: raw reads as the meter gave them; where there are none, what was edited, estimated or
    /// imported, marked as such; registers at midnight. Nil when nothing is known.
    func reading(of meter: Meter, _ range: ExportRange) async throws -> MeterReading? {
        guard let type = ReadingTypeCode.intervalImport(periodS: meter.capturePeriodS) else { return nil }
        var intervals: [Reading] = []
        var registers: [Int64: (wh: Int64, batch: Int64)] = [:]
        let months = Set(try await site.readings.months())
        for part in range.months where months.contains(part.month) {
            let shard = try await site.readings.shard(part.month)
            let (raws, blocks) = try await shard.read { [org] transaction in
                (
                    try RawRead.of(
                        meterID: meter.meterID, from: part.from, to: part.to, orgID: org.orgID, in: transaction),
                    try DayBlocks.current(
                        meterID: meter.meterID, from: part.from, to: part.to, orgID: org.orgID, in: transaction)
                )
            }
            let rawsByDay = Dictionary(grouping: raws, by: \.day)
            let blockByDay = Dictionary(blocks.map { ($0.day, $0) }, uniquingKeysWith: { _, last in last })
            for day in Set(rawsByDay.keys).union(blockByDay.keys).sorted() {
                intervals += readings(of: day, rawsByDay[day] ?? [], blockByDay[day], meter)
                let (startS, endS) = (org.zone.startS(of: day), org.zone.startS(of: day.advanced(by: 1)))
                for raw in rawsByDay[day] ?? [] {
                    if let wh = raw.registerStartWh, registers[startS] == nil { registers[startS] = (wh, raw.batchID) }
                    if let wh = raw.registerEndWh, registers[endS] == nil { registers[endS] = (wh, raw.batchID) }
                }
            }
        }
        guard !intervals.isEmpty || !registers.isEmpty else { return nil }
        let atMidnight = registers.sorted { $0.key < $1.key }.map { atS, register in
            Reading(
                atMs: atS * 1_000, value: ExactNumber(register.wh, exponent: -3), qualities: [.actual],
                source: "read \(register.batch)")
        }
        return MeterReading(
            meter: NamedThing(name: meter.serial),
            intervals: intervals.isEmpty ? [] : [ReadingSeries(type, intervals)],
            registers: atMidnight.isEmpty ? [] : [ReadingSeries(.dailyImportRegister, atMidnight)])
    }

    private func readings(of day: CivilDay, _ raws: [RawRead], _ stored: StoredBlock?, _ meter: Meter) -> [Reading] {
        let startS = org.zone.startS(of: day)
        var byStamp: [Int64: Reading] = [:]
        // Of two answers about one interval the first is kept, as the validation does.
        for raw in raws {
            for row in raw.rows where byStamp[row.endS] == nil {
                byStamp[row.endS] = Reading(
                    atMs: row.endS * 1_000, value: ExactNumber(Int64(row.importWh), exponent: -3),
                    qualities: [.actual], source: "read \(raw.batchID)")
            }
        }
        if let block = stored?.block {
            for slot in 0..<block.slotCount {
                let endS = startS + Int64(slot + 1) * meter.capturePeriodS
                let quality: QualityCode
                switch block.qualities[slot] {
                case .missing: continue
                case .estimated: quality = .estimated
                case .edited: quality = .edited
                case .actual: quality = .actual
                }
                guard byStamp[endS] == nil else { continue }
                byStamp[endS] = Reading(
                    atMs: endS * 1_000, value: ExactNumber(Int64(block.values[slot]), exponent: -3),
                    qualities: [quality], source: stored?.madeBy)
            }
        }
        return byStamp.sorted { $0.key < $1.key }.map(\.value)
    }

    // MARK: events and orders

    func events(of meter: Meter, _ range: ExportRange) async throws -> [EndDeviceEvent] {
        var found: [EndDeviceEvent] = []
        let months = Set(try await site.readings.months())
        for part in range.months where months.contains(part.month) {
            let entries = try await site.readings.shard(part.month).read { [org] transaction in
                try MeterEvents.all(
                    meterID: meter.meterID, from: part.from, to: part.to, orgID: org.orgID, in: transaction)
            }
            found += entries.map { Self.event(of: meter, code: $0.code, atMs: $0.atS * 1_000) }
        }
        // What was pushed and is in no log yet.
        let fromMs = org.zone.startS(of: range.from) * 1_000
        let toMs = org.zone.startS(of: range.to.advanced(by: 1)) * 1_000
        let pushed = try await site.money.read { [scope] transaction in
            try EventStream.list(
                EventFilter(meterID: meter.meterID, fromMs: fromMs, toMs: toMs), limit: 10_000, scope, in: transaction)
        }
        found += pushed.filter { $0.readAtMs == nil }.map { Self.event(of: meter, code: $0.code, atMs: $0.atMs) }
        return found.sorted { $0.createdMs < $1.createdMs }
    }

    private static func event(of meter: Meter, code: Int, atMs: Int64) -> EndDeviceEvent {
        EndDeviceEvent(
            mRID: "\(meter.serial)-\(atMs / 1_000)-\(code)", code: EndDeviceEventCodes.code(of: code),
            createdMs: atMs, device: NamedThing(name: meter.serial),
            details: [.init(EndDeviceEventCodes.detailName, String(code))])
    }

    /// Orders to the relay that were given in the range. How each stands is in its reason: ``answers(to:_:)`` says it
    /// in codes.
    func controls(of meter: Meter, _ range: ExportRange) async throws -> [EndDeviceControl] {
        let fromMs = org.zone.startS(of: range.from) * 1_000
        let toMs = org.zone.startS(of: range.to.advanced(by: 1)) * 1_000
        let given = try await site.money.read { [scope] transaction in
            try MeterCommand.given(
                meterID: meter.meterID, fromMs: fromMs, toMs: toMs, limit: 10_000, scope, in: transaction)
        }
        return given.compactMap { order in
            guard let action = Self.actions[order.kind] else { return nil }
            return EndDeviceControl(
                mRID: String(order.commandID), code: action.code, issuerID: Self.source,
                issuerTrackingID: order.state.rawValue, reason: order.why.isEmpty ? nil : order.why,
                startMs: order.createdAtMs, endMs: order.endedAtMs, devices: [NamedThing(name: meter.serial)])
        }
    }

    /// The orders that are controls of an end device; a read is none.
    static let actions: [String: EndDeviceAction] = ["disconnect": .disconnect, "reconnect": .connect]
}

/// Where an export takes its meters from, part by part.
protocol MeterPages {
    mutating func next() async throws -> [Meter]?
}

private struct OneShot: MeterPages {
    private var meters: [Meter]?
    init(_ meters: [Meter]) { self.meters = meters }
    mutating func next() -> [Meter]? {
        defer { meters = nil }
        return meters
    }
}

private struct AllMeters: MeterPages {
    let exchange: Exchange
    let range: ExportRange
    private var after: String? = ""
    init(exchange: Exchange, range: ExportRange) {
        self.exchange = exchange
        self.range = range
    }
    mutating func next() async throws -> [Meter]? {
        guard let from = after else { return nil }
        let found = try await exchange.meters(range, after: from, limit: 200)
        after = found.count == 200 ? found.last?.serial : nil
        return found
    }
}
