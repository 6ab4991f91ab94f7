// What the tests of messages share: seeded chance, random messages, the shared code lists, and reading a text whole.
import CivilTime
import Foundation

@testable import IEC61968

struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Rows of a CSV under BUSBAR_DATA/domain/codes by column name; nil, said aloud, when it is not there.
func codeList(_ name: String) -> [[String: String]]? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let base =
        ProcessInfo.processInfo.environment["BUSBAR_DATA"].map { URL(fileURLWithPath: $0) }
        ?? package.deletingLastPathComponent().appendingPathComponent("shared")
    let file = base.appendingPathComponent("domain/codes/\(name).csv")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
        print("skipped: no domain/codes/\(name).csv under BUSBAR_DATA")
        return nil
    }
    var rows = text.split(whereSeparator: \.isNewline).map { fields(of: $0) }
    let header = rows.removeFirst()
    return rows.map { Dictionary(zip(header, $0), uniquingKeysWith: { first, _ in first }) }
}

private func fields(of line: Substring) -> [String] {
    var all = [""]
    var isQuoted = false
    for character in line {
        switch character {
        case "\"": isQuoted.toggle()
        case "," where !isQuoted: all.append("")
        default: all[all.count - 1].append(character)
        }
    }
    return all
}

/// Reads a document in pieces of a size.
func read(_ bytes: [UInt8], _ format: MessageFormat, piece: Int = 65_536, limits: DocumentLimits = .init()) throws
    -> [MessageItem]
{
    var reader = MessageReader(format, limits: limits)
    var items: [MessageItem] = []
    for start in stride(from: 0, to: bytes.count, by: piece) {
        items += try reader.feed(Array(bytes[start..<min(bytes.count, start + piece)]))
    }
    try reader.finish()
    return items
}

func read(_ text: String, _ format: MessageFormat = .xml) throws -> [MessageItem] {
    try read(Array(text.utf8), format)
}

/// Writes what can be written; the first item is the header.
func write(_ items: [MessageItem], _ format: MessageFormat, offsetS: Int64 = 0) -> [UInt8] {
    guard case .header(let header)? = items.first else { return [] }
    var writer = MessageWriter(format, header, offsetS: offsetS)
    for item in items {
        switch item {
        case .reading(let reading): writer.write(reading)
        case .event(let event): writer.write(event)
        case .control(let control): writer.write(control)
        case .request(let request): writer.write(request)
        case .reply(let reply): writer.reply(reply)
        case .header, .unreadable: break
        }
    }
    writer.finish()
    return writer.take()
}

/// Messages by chance, in the form that both XML and JSON keep: a type once for each meter, times in order.
struct RandomMessages {
    var generator: SeededGenerator
    let types: [ReadingTypeCode]

    mutating func text() -> String {
        let pieces = ["a", "Z", "9", " b", "<", ">", "&", "\"", "'", "é", "ह", "😀", "]]>", "--", "\\", "/", "x:y"]
        return "t" + (0..<Int.random(in: 0...8, using: &generator)).map { _ in pick(pieces) }.joined() + "."
    }
    mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &generator)]
    }
    mutating func maybe<Value>(_ value: Value) -> Value? { Bool.random(using: &generator) ? value : nil }
    mutating func number(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &generator) }
    mutating func stamp() -> Int64 { number(-2_000_000_000_000...4_000_000_000_000) }

    mutating func thing() -> NamedThing {
        let name = text()
        return Bool.random(using: &generator) ? NamedThing(name: name) : NamedThing(mRID: text(), name: maybe(name))
    }

    mutating func series(_ type: ReadingTypeCode) -> ReadingSeries {
        var atMs = stamp()
        let readings = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
            atMs += number(1...9_000_000)
            return Reading(
                atMs: atMs,
                value: ExactNumber(
                    number(-999_999_999_999_999_999...999_999_999_999_999_999),
                    exponent: -Int(number(0...9))),
                qualities: (0..<Int.random(in: 0...2, using: &generator)).map { _ in
                    QualityCode(Int16(number(0...5)), pick([0, 1, 7, 8, 10]), Int16(number(0...300)))
                }, source: maybe(text()))
        }
        return ReadingSeries(type, readings)
    }

    mutating func seriesOfTypes() -> [ReadingSeries] {
        var left = types.shuffled(using: &generator)
        return (0..<Int.random(in: 0...3, using: &generator)).map { _ in series(left.removeLast()) }
    }

    mutating func message() -> [MessageItem] {
        let correlation = maybe(text())
        let count = Int.random(in: 1...4, using: &generator)
        func header(_ envelope: Envelope, _ verb: Verb, _ noun: Noun, _ stampMs: Int64?, _ source: String?)
            -> MessageItem
        {
            .header(
                MessageHeader(
                    envelope, verb, noun, timestampMs: stampMs, source: source, messageID: "m",
                    correlationID: correlation))
        }
        switch Int.random(in: 0..<5, using: &generator) {
        case 0:
            return [header(.event, .created, .meterReadings, maybe(stamp()), maybe(text()))]
                + (0..<count).map { index in
                    var meter = thing()
                    meter.name = (meter.name ?? "") + "\(index)"
                    var (intervals, registers) = (seriesOfTypes(), seriesOfTypes())
                    // JSON goes by time, so the series that begins first comes first.
                    intervals.sort { ($0.readings.first?.atMs ?? 0) < ($1.readings.first?.atMs ?? 0) }
                    if intervals.isEmpty && registers.isEmpty { intervals = [series(types[0])] }
                    registers.removeAll { register in intervals.contains { $0.type == register.type } }
                    return .reading(
                        MeterReading(
                            meter: meter, usagePoint: maybe(thing()), intervals: intervals, registers: registers))
                }
        case 1:
            return [header(.event, .created, .endDeviceEvents, maybe(stamp()), nil)] + (0..<count).map { _ in event() }
        case 2:
            return [header(.request, .create, .endDeviceControls, nil, maybe(text()))]
                + (0..<count).map { _ in control() }
        case 3:
            return [
                header(.request, .get, .meterReadings, nil, nil),
                .request(
                    ReadingsRequest(devices: (0..<count).map { _ in thing() }, types: Array(types.prefix(count)))),
            ]
        default:
            let faults = (0..<count).map { _ in
                MessageReply.Fault(
                    code: pick(ReplyCode.allCases).rawValue, level: pick(MessageReply.Level.allCases),
                    reason: maybe(text()), details: maybe(text()), subject: maybe(text()))
            }
            return [
                header(.response, .reply, pick(Noun.allCases), maybe(stamp()), nil),
                .reply(MessageReply(pick(MessageReply.Result.allCases), faults)),
            ]
        }
    }

    private mutating func event() -> MessageItem {
        let id = pick([1, 7, 101, 102, 201, 301, 302, 999])
        let more = (0..<Int.random(in: 0...2, using: &generator)).map { _ in
            EndDeviceEvent.Detail(text(), text())
        }
        return .event(
            EndDeviceEvent(
                mRID: maybe(text()), code: EndDeviceEventCodes.code(of: id), createdMs: stamp(), reason: maybe(text()),
                severity: maybe(text()), device: thing(),
                details: (maybe([.init(EndDeviceEventCodes.detailName, "\(id)")]) ?? []) + more))
    }

    private mutating func control() -> MessageItem {
        .control(
            EndDeviceControl(
                mRID: maybe(text()), code: pick(EndDeviceAction.allCases).code, issuerID: maybe(text()),
                issuerTrackingID: maybe(text()), reason: maybe(text()), startMs: maybe(stamp()),
                endMs: maybe(stamp()), value: maybe(text()), duration: maybe(text()),
                devices: (0..<Int.random(in: 1...3, using: &generator)).map { _ in thing() }))
    }
}
