// Documents as others write them, and documents that are none: each gives a clear error with its line.
import Testing

@testable import IEC61968

@Suite struct DocumentTests {
    static let message = "http://iec.ch/TC57/2011/schema/message"
    static let readings = "http://iec.ch/TC57/2011/MeterReadings#"

    static func envelope(_ payload: String) -> String {
        """
        <?xml version="1.0" encoding="utf-8"?>
        <EventMessage xmlns="\(message)"><Header><Verb>created</Verb><Noun>MeterReadings</Noun></Header>
        <Payload>\(payload)</Payload></EventMessage>
        """
    }

    static let one = MeterReading(
        meter: NamedThing(name: "BB1"),
        intervals: [
            ReadingSeries(
                ReadingTypeCode(measuringPeriod: 2, accumulation: 4, flow: 1, kind: 12, multiplier: 3, unit: 72),
                [Reading(atMs: 900_000, value: ExactNumber(312, exponent: -3))])
        ])
    static func block(_ p: String) -> String {
        "<\(p)IntervalBlocks><\(p)IntervalReadings><\(p)timeStamp>1970-01-01T00:15:00Z</\(p)timeStamp>"
            + "<\(p)value>0.312</\(p)value></\(p)IntervalReadings>"
            + "<\(p)ReadingType ref='0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0'/></\(p)IntervalBlocks>"
    }
    static func root(_ p: String, _ declaration: String, _ inner: String) -> String {
        "<\(p)MeterReadings \(declaration)><\(p)MeterReading>\(inner)</\(p)MeterReading></\(p)MeterReadings>"
    }
    static func meter(_ p: String) -> String {
        "<\(p)Meter><\(p)Names><\(p)name>BB1</\(p)name></\(p)Names></\(p)Meter>"
    }

    /// Prefix, default namespace, no envelope, the namespace of 2009, the meter before its values or behind them.
    @Test(arguments: [
        envelope(
            root("m:", "xmlns:m='\(readings)'", block("m:") + meter("m:"))
        ),
        envelope(
            "<MeterReadings xmlns='\(readings)'><MeterReading>\(meter(""))\(block(""))</MeterReading></MeterReadings>"),
        "<MeterReadings xmlns='\(readings)'><MeterReading>\(meter(""))\(block(""))</MeterReading></MeterReadings>",
        root("x:", "xmlns:x='http://iec.ch/TC57/2009/MeterReadings#'", block("x:") + meter("x:")),
        "\u{FEFF}<!-- hello -->\n" + root("a:", "xmlns:a='\(readings)'", meter("a:") + block("a:")) + "\n<!-- bye -->",
    ]) func spellings(_ text: String) throws {
        let found = try read(text).compactMap { if case .reading(let reading) = $0 { reading } else { nil } }
        #expect(found == [Self.one])
    }

    @Test func strangersAreSkippedAndCounted() throws {
        let text = Self.envelope(
            """
            <m:MeterReadings xmlns:m='\(Self.readings)' xmlns:o='urn:other'><m:MeterReading>
            <o:Meter><o:Names/></o:Meter>
            <m:Unheard><m:value>7</m:value></m:Unheard><m:value>8</m:value>\(Self.meter("m:"))\(Self.block("m:"))
            </m:MeterReading></m:MeterReadings>
            """)
        var reader = MessageReader(.xml)
        let found = try reader.feed(Array(text.utf8)).compactMap { item -> MeterReading? in
            if case .reading(let reading) = item { reading } else { nil }
        }
        try reader.finish()
        #expect(found == [Self.one] && reader.skippedCount == 3)
    }

    @Test func referencesAndData() throws {
        let text =
            Self.root(
                "", "xmlns='\(Self.readings)'",
                "<Meter><Names><name>a&lt;&#x26;&amp;<![CDATA[<b>]]>&#233;</name></Names></Meter>")
        guard case .reading(let reading)? = try read(text).first else {
            Issue.record("no reading")
            return
        }
        #expect(reading.meter.name == "a<&&<b>é")
    }

    @Test("what cannot be read of a document is named with its line, the rest is taken")
    func unreadable() throws {
        let bad = [
            "<m:value>0,312</m:value>", "<m:timeStamp>1970-01-01T00:15:00</m:timeStamp>",
            "<m:ReadingQualities><m:ReadingQualityType ref='good'/></m:ReadingQualities>",
        ]
        for (index, part) in bad.enumerated() {
            let block = """
                <m:IntervalBlocks>
                <m:IntervalReadings><m:timeStamp>1970-01-01T00:15:00Z</m:timeStamp><m:value>1</m:value>\(part)
                </m:IntervalReadings>
                <m:IntervalReadings><m:timeStamp>1970-01-01T00:30:00Z</m:timeStamp><m:value>2</m:value>
                </m:IntervalReadings>
                <m:ReadingType ref='0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0'/></m:IntervalBlocks>
                """
            let text =
                Self.root("m:", "xmlns:m='\(Self.readings)'", block + Self.meter("m:"))
            let items = try read(text)
            guard case .unreadable(let line, _)? = items.first, case .reading(let reading)? = items.last else {
                Issue.record("\(items)")
                continue
            }
            #expect(line == 2, "\(index)")
            #expect(reading.intervals.first?.readings.map(\.value) == [ExactNumber(2)])
        }
    }

    @Test(arguments: [
        ("", DocumentError.Code.truncated, 1), ("hello", .truncated, 1), ("hello<a/>", .malformed, 1),
        ("<MeterReadings xmlns='\(readings)'>\n</b>", .malformed, 2), ("<MeterReadings/>", .content, 1),
        ("<a xmlns='urn:x'/>", .content, 1),
        ("<MeterReadings xmlns='\(readings)'>\n<MeterReading>\n", .truncated, 3),
        ("<MeterReadings xmlns='\(readings)'>\n<MeterReading></MeterReadings>", .malformed, 2),
        ("<MeterReadings xmlns='\(readings)'/>\n<more/>", .malformed, 2),
        ("<MeterReadings xmlns='\(readings)'>\n<p:a/></MeterReadings>", .malformed, 2),
        ("<MeterReadings xmlns='\(readings)'>\n<a b='1' b='2'/></MeterReadings>", .malformed, 2),
        ("<MeterReadings xmlns='\(readings)'>\n<a b=1/></MeterReadings>", .malformed, 2),
        ("<MeterReadings xmlns='\(readings)'>\n<a>\u{1}</a></MeterReadings>", .malformed, 2),
        ("<MeterReadings xmlns='\(readings)'>\n<a>&lol;</a></MeterReadings>", .refused, 2),
        ("<?xml version='1.0' encoding='ISO-8859-1'?>\n<MeterReadings xmlns='\(readings)'/>", .encoding, 1),
        ("<!DOCTYPE a [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>\n<a>&lol2;</a>", .refused, 1),
        ("\n<!DOCTYPE a SYSTEM 'file:///etc/passwd'>\n<a/>", .refused, 2),
        (envelope("").replacing("created", with: "made"), .content, 2),
    ]) func bad(_ text: String, _ code: DocumentError.Code, _ line: Int) {
        let error = #expect(throws: DocumentError.self) { try read(text) }
        #expect(error?.code == code && error?.line == line, "\(String(describing: error))")
    }

    @Test func limits() {
        let deep = String(repeating: "<a>", count: 40)
        let long = String(repeating: "x", count: 70_000)
        let many = (0..<40).map { " a\($0)='1'" }.joined()
        let names = (0..<3_000).map { "<n\($0)/>" }.joined()
        for inner in [deep, "\n<Meter>\(long)</Meter>", "\n<a\(many)/>", "\n<a b='\(long)'/>", names] {
            let text = "<MeterReadings xmlns='\(Self.readings)'>\(inner)"
            let error = #expect(throws: DocumentError.self) { try read(text) }
            #expect(error?.code == .limit, "\(String(describing: error))")
        }
        var limits = DocumentLimits()
        limits.valuesPerMeter = 1
        let twice =
            Self.root("", "xmlns='\(Self.readings)'", Self.block("") + Self.block(""))
        let error = #expect(throws: DocumentError.self) { try read(Array(twice.utf8), .xml, limits: limits) }
        #expect(error?.code == .limit)
    }

    @Test(
        arguments: [[0x3C, 0x61, 0x3E, 0xFF, 0x3C, 0x2F, 0x61, 0x3E], [0xFE, 0xFF, 0, 0x3C], [0x3C, 0, 0x61, 0]]
            as [[UInt8]])
    func noUTF8(_ bytes: [UInt8]) {
        let root = Array("<MeterReadings xmlns='\(Self.readings)'>".utf8)
        let error = #expect(throws: DocumentError.self) {
            try read(bytes[0] == 0x3C && bytes[1] != 0 ? root + bytes : bytes, .xml)
        }
        #expect(error?.code == .encoding, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("", DocumentError.Code.truncated), ("[]", .malformed), ("{\"header\":", .truncated),
        ("{\"records\":7}", .malformed),
        ("{\"records\":[{]}", .malformed), ("{} {}", .malformed), ("{\"header\":{\"verb\":\"x\"}}", .content),
        ("{\"a\":{\"b\":1,\"b\":2}}", .malformed), ("{\"a\":\"\\u0000\"}", .malformed),
        ("{\"a\":\"\\ud800\"}", .malformed),
        ("{\"a\":\(String(repeating: "[", count: 60))1\(String(repeating: "]", count: 60))}", .limit),
        ("{\"a\":tru}", .malformed), ("{\"a\":\"\(String(repeating: "x", count: 70_000))\"}", .limit),
    ]) func badJSON(_ text: String, _ code: DocumentError.Code) {
        let error = #expect(throws: DocumentError.self) { try read(text, .json) }
        #expect(error?.code == code, "\(text.prefix(40)): \(String(describing: error))")
    }

    /// As a head-end of the market writes it: the object and its scale, no reading type.
    @Test func recordsOfOthers() throws {
        let text = """
            {"records": [{"deviceId": "BB1", "nodeId": "n", "meterSampleId": 5, "more": {},
              "formattedProfileObisCode": "1.0.99.1.0.255", "timestamp": "1970-01-01T00:15:00Z", "registerValues": [
               {"formattedRegisterObisCode": "1.0.1.29.0.255", "attributeId": 2,
                "formattedValue": 312, "unit": "Wh", "scalar": 0},
               {"formattedRegisterObisCode": "0.0.96.3.10.255", "formattedValue": "1"}]}]}
            """
        var reader = MessageReader(.json)
        let items = try reader.feed(Array(text.utf8))
        try reader.finish()
        guard case .reading(let reading)? = items.last, case .unreadable(1, _)? = items.first else {
            Issue.record("\(items)")
            return
        }
        #expect(reading.intervals.first?.type.isIntervalImport == true && reader.skippedCount == 1)
        #expect(reading.intervals.first?.readings.first?.value == ExactNumber(312))
    }

    /// Nobody's kWh are read as Wh.
    @Test(
        arguments: [
            ("\"unit\": \"Wh\"", 0), ("\"unit\": \"kWh\"", 3), ("\"unit\": \"MWh\", \"scalar\": -3", 3),
            ("\"unit\": \"kVAh\"", nil), ("\"unit\": \"V\"", nil), ("\"unit\": \"kwh\"", nil), ("\"unit\": 7", nil),
            ("\"scalar\": 0", nil), ("\"unit\": \"Wh\", \"scalar\": \"x\"", nil),
            ("\"unit\": \"V\", \"readingType\": \"0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0\"", nil),
        ] as [(String, Int16?)])
    func theUnitIsHeld(_ said: String, _ power: Int16?) throws {
        let text = """
            {"records": [{"deviceId": "BB1", "formattedProfileObisCode": "1.0.99.1.0.255",
              "timestamp": "1970-01-01T00:15:00Z", "registerValues": [
               {"formattedRegisterObisCode": "1.0.1.29.0.255", "formattedValue": 7, \(said)}]}]}
            """
        var reader = MessageReader(.json)
        let items = try reader.feed(Array(text.utf8))
        try reader.finish()
        guard let power else {
            guard case .unreadable? = items.first else { return #expect(Bool(false), "\(said) was taken: \(items)") }
            return
        }
        guard case .reading(let reading)? = items.last else { return #expect(Bool(false), "\(items)") }
        #expect(reading.intervals.first?.type[.multiplier] == power)
    }

    /// Garbled documents end in items or in an error with a line; never in a crash, and soon.
    @Test(arguments: MessageFormat.allCases, 0..<4) func fuzz(_ format: MessageFormat, _ seed: UInt64) throws {
        var messages = RandomMessages(
            generator: SeededGenerator(seed: 1_000 + seed), types: try RoundTripTests.types())
        for _ in 0..<400 {
            var bytes = write(messages.message(), format)
            for _ in 0..<messages.number(1...6) {
                let at = Int(messages.number(0...Int64(bytes.count - 1)))
                switch messages.number(0...3) {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: messages.number(0...255))
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 30)], at: at)
                default: bytes.removeSubrange(at...)
                }
                if bytes.isEmpty { bytes = [32] }
            }
            do {
                _ = try read(bytes, format, piece: Int(messages.number(1...300)))
            } catch let error as DocumentError {
                #expect(error.line >= 1 && !error.what.isEmpty)
            }
        }
    }
}
