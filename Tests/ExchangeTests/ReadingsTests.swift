// Readings and events out of one company and into another: the same data, once, and nothing of what is no data.
import Access
import CivilTime
import Clocks
import Exchange
import HeadEnd
import IEC61968
import MeterPort
import Meters
import SQL
import TestSupport
import Testing

@Suite struct ReadingsTests {
    @Test(
        "our own export in an empty second company gives the same stored data, and twice changes nothing",
        arguments: TestEngine.available, MessageFormat.allCases)
    func thereAndBack(_ engine: TestEngine, _ format: MessageFormat) async throws {
        try await ExchangeSite.with(engine) { first in
            try await first.fill()
            let (readings, events) = (
                try await first.whole(.readings, format), try await first.whole(.events, format)
            )
            try await ExchangeSite.with(engine) { second in
                #expect(try await second.stored() == [])
                let report = try await second.take(readings, format)
                #expect(report.refusedCount == 0, "\(report.refusals)")
                #expect(report.counts.newReadings == report.counts.readings && report.counts.meters == 3)
                #expect(report.counts.skipped == 0)
                let told = try await second.take(events, format)
                #expect(told.counts.newEvents == 36 && told.counts.events == 36 && told.refusedCount == 0)
                let there = try await second.stored()
                #expect(try await first.stored() == there)
                // The same document is known; its content in another document is too.
                #expect(try await second.take(readings, format).isKnown)
                let again = try await first.whole(.readings, format)
                #expect(again != readings)
                let repeated = try await second.take(again, format)
                #expect(!repeated.isKnown && repeated.counts.newReadings == 0)
                #expect(repeated.counts.knownReadings == repeated.counts.readings)
                let events = try await first.whole(.events, format)
                #expect(try await second.take(events, format).counts.newEvents == 0)
                #expect(try await second.stored() == there)
                // And what the second exports is what the first exports, but for its own numbers.
                let out = try Self.values(try await second.whole(.readings, .xml))
                #expect(try out == Self.values(readings, format))
            }
        }
    }

    /// Meter, type, time and value of everything in a document.
    static func values(_ bytes: [UInt8], _ format: MessageFormat = .xml) throws -> [String] {
        var reader = MessageReader(format)
        let items = try reader.feed(bytes)
        try reader.finish()
        return items.flatMap { item -> [String] in
            guard case .reading(let reading) = item else { return [] }
            return (reading.intervals + reading.registers).flatMap { series in
                series.readings.map { "\(reading.meter.name ?? "") \(series.type) \($0.atMs) \($0.value)" }
            }
        }
    }

    @Test("parts with a cursor hold what the whole holds", arguments: TestEngine.available)
    func parts(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            try await site.fill()
            let range = try ExportRange(
                from: ExchangeSite.today.advanced(by: -30), to: ExchangeSite.today, daysMax: 31)
            var values: [String] = []
            var after: String? = ""
            var parts = 0
            while let from = after {
                let part = try await site.exchange.part(.readings, range, .xml, after: from, limit: 1)
                #expect(part.meterCount == 1)
                values += try Self.values(part.bytes)
                after = part.next
                parts += 1
            }
            #expect(parts == 3)
            let whole = try Self.values(try await site.whole(.readings, .xml))
            #expect(values == whole)
        }
    }

    static func readings(_ inner: String) -> [UInt8] {
        Array("<MeterReadings xmlns=\"http://iec.ch/TC57/2011/MeterReadings#\">\n\(inner)\n</MeterReadings>".utf8)
    }
    static func meter(_ name: String, _ values: String, _ type: String = "0.0.5.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0")
        -> String
    {
        """
        <MeterReading><Meter><Names><name>\(name)</name></Names></Meter><IntervalBlocks>
        \(values)
        <ReadingType ref="\(type)"/></IntervalBlocks></MeterReading>
        """
    }
    static func value(_ stamp: String, _ value: String, _ quality: String? = nil) -> String {
        let told = quality.map { "<ReadingQualities><ReadingQualityType ref=\"\($0)\"/></ReadingQualities>" } ?? ""
        return "<IntervalReadings><timeStamp>\(stamp)</timeStamp><value>\(value)</value>\(told)</IntervalReadings>"
    }

    @Test("of two values of an interval in one document the first is taken", arguments: TestEngine.available)
    func twice(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            let lines = [
                Self.value("2026-11-19T00:30:00+05:30", "0.1"), Self.value("2026-11-19T00:30:00+05:30", "0.2"),
                Self.value("2026-11-19T01:00:00+05:30", "0.3"),
            ]
            let first = try await site.take(Self.readings(Self.meter("BB1", lines.joined(separator: "\n"))))
            #expect(first.counts.newReadings == 2)
            #expect(first.refusals.map { $0.what.contains("stands twice: 100 Wh") } == [true], "\(first.refusals)")
            let values = try Self.values(try await site.whole(.readings, .xml))
            #expect(values.map { $0.suffix(3) } == ["100", "300"], "\(values)")
        }
    }

    @Test("what was pushed goes out before any log has it", arguments: TestEngine.available)
    func pushedEvents(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            let before = try await site.whole(.events, .json)
            let atMs = site.site.clocks.businessNowMs() - 3_600_000
            try await site.site.money.write { transaction in
                for (id, readAtMs) in [(1, SQLValue.null), (2, SQLValue.int(atMs))] as [(Int64, SQLValue)] {
                    try transaction.run(
                        """
                        INSERT INTO seen_event (org_id, meter_id, code, meter_at_ms, event_id, at_ms, kind, severity,
                          pushed_at_ms, read_at_ms, logged_at_ms)
                        VALUES (1, 1001, 101, $1, $2, $1, 'last-gasp', 2, $1, $3, NULL)
                        """, [.int(atMs + id * 1_000), .int(id), readAtMs])
                }
            }
            let after = try await site.whole(.events, .json)
            func count(_ bytes: [UInt8]) throws -> Int {
                var reader = MessageReader(.json)
                let items = try reader.feed(bytes)
                try reader.finish()
                return items.count { if case .event = $0 { true } else { false } }
            }
            #expect(try count(after) == count(before) + 1)
        }
    }

    @Test(
        "what cannot be taken is set aside with its line, kept and told; the rest is taken",
        arguments: TestEngine.available)
    func setAside(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            let lines = [
                Self.value("2026-11-19T00:30:00+05:30", "0.312"), Self.value("2026-11-19T01:00:00+05:30", "0.3125"),
                Self.value("2026-11-19T01:30:00+05:30", "-1"), Self.value("2026-11-19T02:15:00+05:30", "1"),
                Self.value("2099-11-19T02:30:00+05:30", "1"), Self.value("2026-11-19T03:00:00+05:30", "1", "3.8.0"),
                Self.value("2026-11-19T03:30:00+05:30", "x"), Self.value("2026-11-19T04:00:00+05:30", "0", "3.5.259"),
                Self.value("2026-11-19T04:30:00+05:30", "0.100", "2.0.0"),
                Self.value("2026-11-19T05:00:00+05:30", "99999999"), Self.value("2026-11-20T00:00:00+05:30", "0.2"),
            ]
            let document = Self.readings(
                Self.meter("BB1", lines.joined(separator: "\n")) + "\n" + Self.meter("STRANGER", lines[0]) + "\n"
                    + Self.meter("BB2", lines[0], "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0") + "\n"
                    + Self.meter("BB3", lines[0], "0.0.5.4.19.1.12.0.0.0.0.0.0.0.0.3.72.0"))
            let report = try await site.take(document)
            // Three of import energy, an estimate of the sender, and export energy of another meter.
            #expect(report.counts.newReadings == 5)
            let found = report.refusals.map { "\($0.line) \($0.subject ?? "-")" }
            // Readings begin on line 3.
            #expect(
                Set(found) == [
                    "9 -", "4 BB1", "5 BB1", "6 BB1", "7 BB1", "12 BB1", "15 STRANGER", "19 BB2",
                ], "\(report.refusals)")
            #expect(report.refusedCount == found.count)
            let kept = try await site.site.money.read { [scope = site.scope] in
                try ExchangedDocument.refusals(of: report.documentID, limit: 100, scope, in: $0)
            }
            #expect(kept.map(\.what) == report.refusals.map(\.what))
            let stored = try await site.stored()
            #expect(stored.count == 1 && stored[0].contains("=312 ") && stored[0].hasSuffix("=200"), "\(stored)")
            // The interval that ends at midnight belongs to the day before.
            #expect(stored[0].contains("2026-11-19 1001"))
            let reply = String(decoding: site.exchange.reply(to: report, .xml), as: UTF8.self)
            #expect(reply.contains("<Result>PARTIAL</Result>") && reply.contains("<code>2.4</code>"), "\(reply)")
            // Once the stranger is known, the same document brings its values.
            try await site.site.money.write { [scope = site.scope] in
                try Meter(
                    meterID: 2_000, serial: "STRANGER", host: "", port: 0, clientAddress: 16, authentication: "none",
                    sealedKeys: nil, capturePeriodS: 1_800
                ).create(scope, atMs: 0, in: $0)
            }
            let again = try await site.take(document)
            #expect(again.documentID == report.documentID && again.counts.newReadings == 1)
        }
    }

    @Test(
        "a second value for the same interval is kept beside the first, and neither comes twice",
        arguments: TestEngine.available)
    func conflicts(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            let (one, two) = ("0.312", "0.400")
            func document(_ value: String, _ note: String) -> [UInt8] {
                Self.readings(
                    "<!-- \(note) -->" + Self.meter("BB1", Self.value("2026-11-19T00:30:00+05:30", value)))
            }
            #expect(try await site.take(document(one, "a")).counts.newReadings == 1)
            let second = try await site.take(document(two, "b"))
            #expect(second.counts.newReadings == 1)
            #expect(second.refusals.map { $0.what.contains("has 312 Wh already; 400 Wh is kept beside it") } == [true])
            #expect(try await site.take(document(one, "c")).counts.newReadings == 0)
            #expect(try await site.take(document(two, "d")).counts.newReadings == 0)
            #expect(try await site.stored().count == 2)
            // The first is the one that is told, however many others came, smaller ones too.
            let third = try await site.take(document("0.100", "e"))
            #expect(third.refusals.map { $0.what.contains("has 312 Wh already; 100 Wh") } == [true])
            let fourth = try await site.take(document("0.200", "f"))
            #expect(fourth.refusals.map { $0.what.contains("has 312 Wh already; 200 Wh") } == [true])
            // The export says what the validation would take: the first.
            let values = try Self.values(try await site.whole(.readings, .xml))
            #expect(values.count == 1 && values[0].hasSuffix("0.312"))
        }
    }

    @Test("a document that is none changes nothing, wherever it breaks", arguments: TestEngine.available)
    func allOrNothing(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            let good = Self.readings(
                (1...300).map { number in
                    Self.meter(
                        "BB\(number % 3 + 1)",
                        Self.value("2026-11-\(number % 9 + 10)T0\(number % 9):30:00+05:30", "0.\(number % 9 + 1)"))
                }.joined(separator: "\n"))
            var bad = [Array(good.dropLast(10)), Array(good.prefix(good.count / 2)), good + Array("<x/>".utf8)]
            bad.append(Array("<!DOCTYPE x [<!ENTITY a \"b\">]>".utf8) + good)
            bad.append(good.prefix(good.count - 20) + [0xFF, 0xFE] + good.suffix(20))
            for document in bad {
                await #expect(throws: DocumentError.self) { try await site.take(document) }
            }
            let (stored, documents) = (try await site.stored(), try await site.count("exchange_document"))
            #expect(stored == [] && documents == 0)
            let taken = try await site.take(good)
            #expect(taken.refusedCount == 0)
        }
    }

    @Test("who may not bring or see it does not", arguments: TestEngine.available)
    func permission(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            try await site.fill()
            let document = Self.readings(Self.meter("BB2", Self.value("2026-11-19T03:30:00+05:30", "0.7")))
            let source = DocumentSource(name: "d", bytes: document)
            let consumer = site.exchange(Actor(loginID: 5, role: .consumer, scope: site.scope))
            await #expect(throws: Refusal.self) { try await consumer.take(source, .xml, kind: .readingsAndEvents) }
            // Confined to the first feeder: meter 2 is no meter of theirs.
            let confined = site.exchange(
                Actor(loginID: 6, role: .operator, scope: Scope(orgID: 1, placeIDs: [11])))
            let report = try await confined.take(source, .xml, kind: .readingsAndEvents)
            #expect(report.counts.newReadings == 0 && report.refusals.first?.isUnknownMeter == true)
            let range = try ExportRange(
                from: ExchangeSite.today.advanced(by: -30), to: ExchangeSite.today, daysMax: 31)
            let part = try await confined.part(.readings, range, .xml, after: "", limit: 50)
            let seen = try Self.values(part.bytes)
            #expect(Set(seen.map { $0.prefix(3) }) == ["BB1"])
            let elsewhere = try ExportRange(
                from: range.from, to: range.to, placeID: 12, daysMax: 31)
            await #expect(throws: Refusal.self) {
                try await confined.part(.readings, elsewhere, .xml, after: "", limit: 50)
            }
            let feeder = try await site.exchange.part(.readings, elsewhere, .xml, after: "", limit: 50)
            #expect(feeder.meterCount == 2)
        }
    }
}
