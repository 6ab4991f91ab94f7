// What is written is read again, in both forms, cut anywhere; random messages with seeds, so that a failure comes
// again.
import Testing

@testable import IEC61968

@Suite struct RoundTripTests {
    static func types() throws -> [ReadingTypeCode] {
        let listed = codeList("cim_reading_types")?.compactMap { $0["mrid"].flatMap { ReadingTypeCode($0) } }
        if let listed { return listed }
        return [
            try #require(.intervalImport(periodS: 900)), try #require(.intervalImport(periodS: 1_800)),
            .dailyImportRegister, try #require(ReadingTypeCode("0.2.2.0.0.1.54.0.0.0.0.0.0.0.128.0.29.0")),
        ]
    }

    @Test("XML → types → XML, JSON → types → JSON, and XML equals JSON", arguments: 0..<8)
    func random(_ seed: UInt64) throws {
        var messages = RandomMessages(generator: SeededGenerator(seed: seed), types: try Self.types())
        for number in 0..<60 {
            let items = messages.message()
            let offsetS: Int64 = messages.pick([0, 19_800, -12_600])
            let xml = write(items, .xml, offsetS: offsetS)
            let piece = Int(messages.number(1...400))
            let fromXML = try read(xml, .xml, piece: piece)
            #expect(fromXML == items, "seed \(seed) message \(number)")
            #expect(write(fromXML, .xml, offsetS: offsetS) == xml)
            let json = write(items, .json, offsetS: offsetS)
            let fromJSON = try read(json, .json, piece: piece)
            // A reply comes before the records in both; a request behind the header.
            #expect(fromJSON == fromXML, "seed \(seed) message \(number): \(String(decoding: json, as: UTF8.self))")
            #expect(write(fromJSON, .json, offsetS: offsetS) == json)
        }
    }

    @Test("every reading type, event and control of the lists goes there and back")
    func lists() throws {
        var items: [MessageItem] = [.header(MessageHeader(.event, .created, .meterReadings))]
        for (index, type) in try Self.types().enumerated() {
            let one = Reading(atMs: Int64(index) * 900_000, value: ExactNumber(Int64(index), exponent: -3))
            items.append(
                .reading(MeterReading(meter: NamedThing(name: "I\(index)"), intervals: [ReadingSeries(type, [one])])))
            items.append(
                .reading(MeterReading(meter: NamedThing(name: "R\(index)"), registers: [ReadingSeries(type, [one])])))
        }
        for format in MessageFormat.allCases { #expect(try read(write(items, format), format) == items) }
        var events: [MessageItem] = [.header(MessageHeader(.event, .created, .endDeviceEvents))]
        for row in codeList("is15959_events") ?? [] {
            guard let id = row["event_id"].flatMap({ Int($0) }) else { continue }
            events.append(
                .event(
                    EndDeviceEvent(
                        code: EndDeviceEventCodes.code(of: id), createdMs: Int64(id) * 1_000,
                        device: NamedThing(name: "M"), details: [.init(EndDeviceEventCodes.detailName, "\(id)")])))
        }
        for format in MessageFormat.allCases { #expect(try read(write(events, format), format) == events) }
        let controls: [MessageItem] =
            [.header(MessageHeader(.request, .create, .endDeviceControls))]
            + EndDeviceAction.allCases.map {
                .control(EndDeviceControl(mRID: $0.rawValue, code: $0.code, devices: [NamedThing(name: "M")]))
            }
        for format in MessageFormat.allCases { #expect(try read(write(controls, format), format) == controls) }
    }

    /// However large a document is, its meters come out on the way and nothing piles up inside.
    @Test(arguments: MessageFormat.allCases) func comesOutOnTheWay(_ format: MessageFormat) throws {
        var writer = MessageWriter(format, MessageHeader(.event, .created, .meterReadings))
        var reader = MessageReader(format)
        let type = try #require(ReadingTypeCode.intervalImport(periodS: 900))
        var found = 0
        for number in 0..<3_000 {
            let readings = (0..<10).map { Reading(atMs: Int64($0) * 900_000, value: ExactNumber(1)) }
            writer.write(
                MeterReading(meter: NamedThing(name: "M\(number)"), intervals: [ReadingSeries(type, readings)]))
            for case .reading in try reader.feed(writer.take()) { found += 1 }
            #expect(found >= number - 1)
        }
        writer.finish()
        for case .reading in try reader.feed(writer.take()) { found += 1 }
        try reader.finish()
        #expect(found == 3_000)
    }
}
