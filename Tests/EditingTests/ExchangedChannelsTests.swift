// Messages of another system with more than import energy: channels and estimates reach the day blocks with their
// quality.
import Access
import CivilTime
import Exchange
import HeadEnd
import IEC61968
import IntervalData
import MeterData
import SQL
import TestRetailer
import TestSupport
import Testing

@Suite struct ExchangedChannels {
    private static func document(_ bench: Bench, _ day: CivilDay, exportWh: Int64) -> [UInt8] {
        let startMs = bench.org.zone.startS(of: day) * 1_000
        func readings(_ type: ReadingTypeCode, _ make: (Int) -> (ExactNumber, QualityCode)) -> ReadingSeries {
            ReadingSeries(
                type,
                (0..<48).map { slot in
                    let (value, quality) = make(slot)
                    return Reading(atMs: startMs + Int64(slot + 1) * 1_800_000, value: value, qualities: [quality])
                })
        }
        let export = ReadingTypeCode(measuringPeriod: 5, accumulation: 4, flow: 19, kind: 12, unit: 72)
        let voltage = ReadingTypeCode(aggregate: 2, measuringPeriod: 5, kind: 54, phases: 128, unit: 29)
        let heat = ReadingTypeCode(measuringPeriod: 5, kind: 46, unit: 23)
        var writer = MessageWriter(.xml, MessageHeader(.event, .created, .meterReadings), offsetS: 19_800)
        writer.write(
            MeterReading(
                meter: NamedThing(name: "M1071-of-1"),
                intervals: [
                    readings(ReadingTypeCode.intervalImport(periodS: 1_800) ?? export) { slot in
                        (ExactNumber(Int64(slot + 100), exponent: -3), slot < 5 ? QualityCode(2, 8, 1) : .edited)
                    },
                    readings(export) { _ in (ExactNumber(exportWh), .actual) },
                    readings(voltage) { (ExactNumber(Int64(2_300 + $0), exponent: -1), .actual) },
                    readings(heat) { _ in (ExactNumber(21), .actual) },
                ]))
        writer.finish()
        return writer.take()
    }

    @Test(arguments: TestEngine.available)
    func reachTheDayBlocks(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first.advanced(by: -3)
            let exchange = Exchange(site: bench.site, org: bench.org, actor: Bench.chief, via: "test")
            func take(_ exportWh: Int64) async throws -> TakeReport {
                try await exchange.take(
                    DocumentSource(name: "x", bytes: Self.document(bench, day, exportWh: exportWh)), .xml,
                    kind: .readingsAndEvents)
            }
            let first = try await take(12)
            #expect(first.counts.newReadings == 3 * 48, "\(first.refusals)")
            #expect(first.refusals.map { $0.what.contains("no channel") } == [true])
            let energy = try await bench.versions(day).last?.block
            #expect(energy?.values == (0..<48).map { Int32($0 + 100) })
            #expect(energy?.count(of: .estimated) == 5 && energy?.count(of: .edited) == 43)
            let export = try await bench.versions(day, channel: .exportWh)
            #expect(export.last?.block.values == Array(repeating: 12, count: 48))
            #expect(export.last?.madeBy == "exchange" && export.last?.block.lowestQuality == .actual)
            let volts = try await bench.versions(day, channel: .voltagePhaseA).last?.block.values
            #expect(volts?.first == 230_000 && volts?.last == 234_700)
            let sources = try await bench.site.readings.shard(day.month).read { [meter = bench.meter] in
                try ReadingSource.of(meterID: meter, channel: .importWh, day: day, orgID: 1, in: $0)
            }
            #expect(sources.map(\.codes) == ["2.8.1*5 3.7.0*43"])
            // Another document with other values: the first stay, and it is told.
            let other = try await take(13)
            #expect(other.refusals.contains { $0.what.contains("48 values differ") }, "\(other.refusals)")
            #expect(try await bench.versions(day, channel: .exportWh) == export)
        }
    }
}
